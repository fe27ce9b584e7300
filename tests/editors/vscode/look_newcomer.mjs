/** From the installed extension, without a setting, by its walkthrough to the first repaired program. */
import { join } from 'node:path';

const PATIENCE = { timeout: 180_000 };

export default async function look(page, { fix, pictures }) {
  const picture = (name) => page.screenshot({ path: join(pictures, `${name}.png`) });
  await page.locator('.monaco-workbench').waitFor(PATIENCE);
  await page.keyboard.press('F1');
  await page.locator('.quick-input-widget:visible input').first().waitFor(PATIENCE);
  await page.keyboard.type('Welcome: Open Walkthrough');
  await page.locator('.quick-input-list .monaco-list-row', { hasText: 'Open Walkthrough' }).first().click(PATIENCE);
  await page.locator('.quick-input-list .monaco-list-row', { hasText: 'Keras Language Server' }).first().click(PATIENCE);
  const step = page.getByText('Open a program with a fault').first();
  await step.waitFor(PATIENCE);
  await step.click();
  const example = page.getByText('Open an example', { exact: true }).first();
  await example.waitFor(PATIENCE);
  await picture('vscode-walkthrough');
  await example.click();

  const squiggle = page.locator('.monaco-editor .squiggly-error');
  await squiggle.first().waitFor(PATIENCE);
  const { x, y, height } = await squiggle.first().boundingBox();
  await page.mouse.click(x + 12, y + height / 2);
  // The bulb with a star, above the line or in the margin: a fix was tried and is preferred.
  await page.locator('.lightBulbWidget[class*="auto"], [class*="lightbulb"][class*="auto"]').first().waitFor(PATIENCE);
  await page.keyboard.press('Control+Period');
  await page.locator('.action-widget .monaco-list-row', { hasText: fix }).first().click(PATIENCE);
  await squiggle.first().waitFor({ state: 'detached', ...PATIENCE });
  await page.locator('.monaco-editor .view-line', { hasText: 'reshape' }).first().waitFor(PATIENCE);
  await picture('vscode-newcomer');
}
