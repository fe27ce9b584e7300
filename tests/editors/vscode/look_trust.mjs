/** A workspace that is not trusted is only read; trusting it starts the dry run without a reload. */
import { join } from 'node:path';

const PATIENCE = { timeout: 180_000 };

export default async function look(page, { file, pictures }) {
  await page.locator('.monaco-workbench').waitFor(PATIENCE);
  await page.evaluate(() => (window.sameWindow = true));
  await page.locator('.explorer-folders-view .monaco-list-row', { hasText: file }).first().dblclick(PATIENCE);
  const language = page.locator('[id="status.languageStatus"]');
  await language.waitFor(PATIENCE);
  await language.hover();
  await page.locator('.monaco-hover:visible', { hasText: 'not trusted' }).first().waitFor(PATIENCE);
  await page.screenshot({ path: join(pictures, 'vscode-untrusted.png') });
  if ((await page.locator('.squiggly-error').count()) > 0) {
    throw new Error('a program of an untrusted workspace was run');
  }

  await page.keyboard.press('F1');
  await page.keyboard.type('Workspaces: Manage Workspace Trust');
  await page.keyboard.press('Enter');
  await page.locator('.workspace-trust-editor .monaco-button', { hasText: /^Trust$/ }).first().click(PATIENCE);
  await page.keyboard.press('Escape');
  await page.locator('.monaco-editor .squiggly-error').first().waitFor(PATIENCE);
  if (!(await page.evaluate(() => window.sameWindow))) {
    throw new Error('the window was loaded anew');
  }
}
