/** What a person sees: squiggle, hover, hint, quick fix by keyboard, the saved file. Pictures go to `pictures`. */
import { join } from 'node:path';

const PATIENCE = { timeout: 180_000 };
/** From the end of a word to a place within its last letters. */
const INSIDE_PX = 12;

export default async function look(page, { file, fix, pictures }) {
  const picture = (name) => page.screenshot({ path: join(pictures, `${name}.png`) });
  await page.locator('.monaco-workbench').waitFor(PATIENCE);
  await page.locator('.explorer-folders-view .monaco-list-row', { hasText: file }).first().dblclick(PATIENCE);
  const squiggle = page.locator('.monaco-editor .squiggly-error');
  await squiggle.first().waitFor(PATIENCE);
  await page.locator('.monaco-editor .view-line', { hasText: '(None, 64)' }).first().waitFor(PATIENCE);
  await page.locator('.codelens-decoration', { hasText: 'Show model graph' }).first().waitFor(PATIENCE);
  await picture('vscode-squiggle');

  const { x, y, width, height } = await squiggle.first().boundingBox();
  const [middle, line] = [x + width / 2, y + height / 2];
  await page.mouse.move(middle, line);
  await page.locator('.monaco-hover:visible', { hasText: 'expected' }).first().waitFor(PATIENCE);
  await picture('vscode-hover');

  await page.keyboard.press('Escape');
  // What the worker is, and what is around it, behind the `{}` of the status bar.
  await page.locator('[id="status.languageStatus"]').hover();
  const status = page.locator('.monaco-hover:visible', { hasText: 'Keras' }).first();
  await status.getByText(/TensorFlow 2\.\d+/).first().waitFor(PATIENCE);
  await status.getByText(/Python 3\.\d+\.\d+ · .*CPU/).first().waitFor(PATIENCE);
  await status.getByText(/sandbox: \d+ layers/).first().waitFor(PATIENCE);
  await picture('vscode-status');

  await page.keyboard.press('Escape');
  const layer = await page.locator('.monaco-editor .view-line span span', { hasText: /Dense$/ }).first().boundingBox();
  await page.mouse.move(layer.x + layer.width - INSIDE_PX, layer.y + layer.height / 2);
  await page.locator('.monaco-hover:visible table', { hasText: '64' }).first().waitFor(PATIENCE);
  await picture('vscode-layer');

  await page.keyboard.press('Escape');
  await page.mouse.click(middle, line);
  // The bulb with a star: a fix was tried and is preferred.
  await page.locator('.lightBulbWidget[class*="auto"]').first().waitFor(PATIENCE);
  await page.keyboard.press('Control+Period');
  const action = page.locator('.action-widget .monaco-list-row', { hasText: fix }).first();
  await action.waitFor(PATIENCE);
  await picture('vscode-fixes');

  // The edit is shown before it is applied, to whom asks for that, and what is shown is what is applied.
  await page.keyboard.press('Control+Enter');
  await page.locator('.part.panel .monaco-list-row', { hasText: 'x_train = x_train.reshape' }).first().waitFor(PATIENCE);
  await picture('vscode-preview');
  await page.locator('.part.panel .monaco-button', { hasText: 'Apply' }).first().click(PATIENCE);
  await squiggle.first().waitFor({ state: 'detached', ...PATIENCE });
  await page.locator('.tab.active.dirty').waitFor(PATIENCE);
  await page.keyboard.press('Control+S');
  await page.locator('.tab.active:not(.dirty)').waitFor(PATIENCE);
  await picture('vscode-fixed');
}
