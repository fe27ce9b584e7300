/** A notebook as a person sees it: the squiggle in its cell, shapes behind the layers, the hover, the quick fix. */
import { join } from 'node:path';

const PATIENCE = { timeout: 180_000 };
/** From the end of a word to a place within its last letters. */
const INSIDE_PX = 12;

export default async function look(page, { program, notebook, fix, pictures }) {
  const picture = (name) => page.screenshot({ path: join(pictures, `${name}.png`) });
  const row = (name) => page.locator('.explorer-folders-view .monaco-list-row', { hasText: name }).first();
  await page.locator('.monaco-workbench').waitFor(PATIENCE);
  // A notebook that is opened before the extensions run is shown as its JSON text.
  await row(program).dblclick(PATIENCE);
  await page.locator('.monaco-editor .squiggly-error').first().waitFor(PATIENCE);
  await row(notebook).dblclick(PATIENCE);
  const squiggle = page.locator('.notebook-editor .squiggly-error');
  await squiggle.first().waitFor(PATIENCE);
  await page.locator('.notebook-editor .view-line', { hasText: '(None, 64)' }).first().waitFor(PATIENCE);
  await page.locator('.notebook-editor .codelens-decoration', { hasText: 'Show model graph' }).first().waitFor(PATIENCE);
  await picture('vscode-notebook');

  const layer = await page.locator('.notebook-editor .view-line span span', { hasText: /Dense$/ }).first().boundingBox();
  await page.mouse.move(layer.x + layer.width - INSIDE_PX, layer.y + layer.height / 2);
  await page.locator('.monaco-hover:visible table', { hasText: '64' }).first().waitFor(PATIENCE);
  await picture('vscode-notebook-layer');

  await page.mouse.move(700, 720);
  await page.locator('.monaco-hover:visible').first().waitFor({ state: 'hidden', ...PATIENCE });
  const { x, y, height } = await squiggle.first().boundingBox();
  await page.mouse.click(x + INSIDE_PX, y + height / 2);
  // The bulb with a star, above the line or in the margin: a fix was tried and is preferred.
  await page.locator('.lightBulbWidget[class*="auto"], [class*="lightbulb"][class*="auto"]').first().waitFor(PATIENCE);
  await page.keyboard.press('Control+Period');
  await page.locator('.action-widget .monaco-list-row', { hasText: fix }).first().click(PATIENCE);
  await squiggle.first().waitFor({ state: 'detached', ...PATIENCE });
  await page.locator('.notebook-editor .view-line', { hasText: 'reshape' }).first().waitFor(PATIENCE);
}
