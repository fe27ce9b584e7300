/** A notebook as a person sees it: the squiggle in its cell, shapes behind the layers, the hover, the quick fix. */
import { join } from 'node:path';
import { hover, openFixes } from './patience.mjs';

export default async function look(page, { program, notebook, fix, pictures }) {
  const picture = (name) => page.screenshot({ path: join(pictures, `${name}.png`) });
  const row = (name) => page.locator('.explorer-folders-view .monaco-list-row', { hasText: name }).first();
  // A notebook that is opened before the extensions run is shown as its JSON text.
  await row(program).dblclick();
  await page.locator('.monaco-editor .squiggly-error').first().waitFor();
  await row(notebook).dblclick();
  const squiggle = page.locator('.notebook-editor .squiggly-error');
  await squiggle.first().waitFor();
  await page.locator('.notebook-editor .view-line', { hasText: '(None, 64)' }).first().waitFor();
  await page.locator('.notebook-editor .codelens-decoration', { hasText: 'Show model graph' }).first().waitFor();
  await picture('vscode-notebook');

  const layer = page.locator('.notebook-editor .view-line span span', { hasText: /Dense$/ });
  const shown = page.locator('.monaco-hover:visible');
  await hover(page, layer, page.locator('.monaco-hover:visible table', { hasText: '64' }));
  await picture('vscode-notebook-layer');

  await page.mouse.move(700, 720);
  await shown.first().waitFor({ state: 'hidden' });
  await (await openFixes(page, squiggle, fix)).click();
  await squiggle.first().waitFor({ state: 'detached' });
  await page.locator('.notebook-editor .view-line', { hasText: 'reshape' }).first().waitFor();
}
