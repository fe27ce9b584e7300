/** From the installed extension, without a setting, by its walkthrough to the first repaired program. */
import { join } from 'node:path';
import { command, openFixes } from './patience.mjs';

export default async function look(page, { fix, pictures }) {
  const picture = (name) => page.screenshot({ path: join(pictures, `${name}.png`) });
  await command(page, 'Welcome: Open Walkthrough');
  await page.locator('.quick-input-list .monaco-list-row', { hasText: 'Keras Language Server' }).first().click();
  await page.getByText('Open a program with a fault').first().click();
  const example = page.getByText('Open an example', { exact: true }).first();
  await example.waitFor();
  await picture('vscode-walkthrough');
  await example.click();

  const squiggle = page.locator('.monaco-editor .squiggly-error');
  await squiggle.first().waitFor();
  await (await openFixes(page, squiggle, fix)).click();
  await squiggle.first().waitFor({ state: 'detached' });
  await page.locator('.monaco-editor .view-line', { hasText: 'reshape' }).first().waitFor();
  await picture('vscode-newcomer');
}
