/** A workspace that is not trusted is only read; trusting it starts the dry run without a reload. */
import { join } from 'node:path';
import { command, hover } from './patience.mjs';

export default async function look(page, { file, pictures }) {
  await page.locator('.monaco-workbench').waitFor();
  await page.evaluate(() => (window.sameWindow = true));
  await page.locator('.explorer-folders-view .monaco-list-row', { hasText: file }).first().dblclick();
  const status = page.locator('.monaco-hover:visible', { hasText: 'not trusted' });
  await hover(page, page.locator('[id="status.languageStatus"]'), status);
  await page.screenshot({ path: join(pictures, 'vscode-untrusted.png') });
  if ((await page.locator('.squiggly-error').count()) > 0) {
    throw new Error('a program of an untrusted workspace was run');
  }

  await command(page, 'Workspaces: Manage Workspace Trust');
  await page.locator('.workspace-trust-editor .monaco-button', { hasText: /^Trust$/ }).first().click();
  await page.keyboard.press('Escape');
  await page.locator('.monaco-editor .squiggly-error').first().waitFor();
  if (!(await page.evaluate(() => window.sameWindow))) {
    throw new Error('the window was loaded anew');
  }
}
