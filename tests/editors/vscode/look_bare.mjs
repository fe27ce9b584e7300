/** Without TensorFlow: a message comes, and the status keeps what is missing, with a way to the whole sentence. */
import { join } from 'node:path';
import { hover } from './patience.mjs';

export default async function look(page, { file, pictures }) {
  await page.locator('.explorer-folders-view .monaco-list-row', { hasText: file }).first().dblclick();
  // A workbench under test shows no toasts: its messages wait behind the bell.
  await page.locator('[id="status.notifications"] .codicon-bell-dot').waitFor();
  const status = page.locator('.monaco-hover:visible', { hasText: 'no TensorFlow in' }).first();
  await hover(page, page.locator('[id="status.languageStatus"]'), status);
  await page.screenshot({ path: join(pictures, 'vscode-bare.png') });
  await status.getByText('Show report').first().click();
  await page.locator('.tab.active', { hasText: 'Keras Language Server' }).first().waitFor();
  await page.screenshot({ path: join(pictures, 'vscode-report.png') });
}
