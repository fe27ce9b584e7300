/** Without TensorFlow: a message comes, and the status keeps what is missing, with a way to the whole sentence. */
import { join } from 'node:path';

const PATIENCE = { timeout: 180_000 };

export default async function look(page, { file, pictures }) {
  await page.locator('.monaco-workbench').waitFor(PATIENCE);
  await page.locator('.explorer-folders-view .monaco-list-row', { hasText: file }).first().dblclick(PATIENCE);
  // A workbench under test shows no toasts: its messages wait behind the bell.
  await page.locator('[id="status.notifications"] .codicon-bell-dot').waitFor(PATIENCE);
  await page.locator('[id="status.languageStatus"]').hover();
  const status = page.locator('.monaco-hover:visible', { hasText: 'no TensorFlow in' }).first();
  await status.waitFor(PATIENCE);
  await page.screenshot({ path: join(pictures, 'vscode-bare.png') });
  await status.getByText('Show report').first().click(PATIENCE);
  await page.locator('.tab.active', { hasText: 'Keras Language Server' }).first().waitFor(PATIENCE);
  await page.screenshot({ path: join(pictures, 'vscode-report.png') });
}
