/** What a person sees: squiggle, hover, hint, quick fix by keyboard, the saved file. Pictures go to `pictures`. */
import { join } from 'node:path';
import { hover, openFixes } from './patience.mjs';

export default async function look(page, { file, fix, pictures }) {
  const picture = (name) => page.screenshot({ path: join(pictures, `${name}.png`) });
  const hovered = (text) => page.locator('.monaco-hover:visible', { hasText: text });
  await page.locator('.explorer-folders-view .monaco-list-row', { hasText: file }).first().dblclick();
  const squiggle = page.locator('.monaco-editor .squiggly-error');
  await squiggle.first().waitFor();
  await page.locator('.monaco-editor .view-line', { hasText: '(None, 64)' }).first().waitFor();
  await page.locator('.codelens-decoration', { hasText: 'Show model graph' }).first().waitFor();
  await picture('vscode-squiggle');

  await hover(page, squiggle, hovered('expected'));
  await picture('vscode-hover');

  await page.keyboard.press('Escape');
  // What the worker is, and what is around it, behind the `{}` of the status bar.
  await hover(page, page.locator('[id="status.languageStatus"]'), hovered('Keras'));
  for (const words of [/TensorFlow 2\.\d+/, /Python 3\.\d+\.\d+ · .*CPU/, /sandbox: \d+ layers/]) {
    await hovered('Keras').first().getByText(words).first().waitFor();
  }
  await picture('vscode-status');

  await page.keyboard.press('Escape');
  const layer = page.locator('.monaco-editor .view-line span span', { hasText: /Dense$/ });
  await hover(page, layer, page.locator('.monaco-hover:visible table', { hasText: '64' }));
  await picture('vscode-layer');

  await page.keyboard.press('Escape');
  await openFixes(page, squiggle, fix);
  await picture('vscode-fixes');

  // The edit is shown before it is applied, to whom asks for that, and what is shown is what is applied.
  await page.keyboard.press('Control+Enter');
  await page.locator('.part.panel .monaco-list-row', { hasText: 'x_train = x_train.reshape' }).first().waitFor();
  await picture('vscode-preview');
  await page.locator('.part.panel .monaco-button', { hasText: 'Apply' }).first().click();
  await squiggle.first().waitFor({ state: 'detached' });
  await page.locator('.tab.active.dirty').waitFor();
  await page.keyboard.press('Control+S');
  await page.locator('.tab.active:not(.dirty)').waitFor();
  await picture('vscode-fixed');
}
