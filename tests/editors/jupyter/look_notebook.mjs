/** A notebook in JupyterLab with jupyterlab-lsp: the underlined place, what it says, and shapes in the hover. */
import { join } from 'node:path';

const PATIENCE = { timeout: 180_000 };

export default async function look(page, { pictures }) {
  await page.locator('.jp-Notebook .jp-Cell').first().waitFor(PATIENCE);
  const underlined = page.locator('.jp-Notebook .cm-lintRange');
  await underlined.first().waitFor(PATIENCE);
  await page.screenshot({ path: join(pictures, 'jupyterlab-squiggle.png') });
  await underlined.first().hover();
  await page.locator('.cm-tooltip-lint', { hasText: '784' }).first().waitFor(PATIENCE);
  await page.screenshot({ path: join(pictures, 'jupyterlab-message.png') });

  // What the message covers cannot be hovered.
  await page.mouse.move(700, 650);
  await page.locator('.cm-tooltip-lint').first().waitFor({ state: 'hidden', ...PATIENCE });
  const layer = await page.locator('.cm-line span', { hasText: /^Dense$/ }).first().boundingBox();
  await page.keyboard.down('Control');
  for (const end = Date.now() + PATIENCE.timeout; (await page.locator('.lsp-tooltip').count()) === 0; ) {
    if (Date.now() > end) {
      throw new Error('no hover came');
    }
    // JupyterLab asks for a hover when the pointer moves.
    await page.mouse.move(layer.x + 4, layer.y + layer.height / 2);
    await page.mouse.move(layer.x + 8, layer.y + layer.height / 2, { steps: 4 });
    await page.locator('.lsp-tooltip').first().waitFor({ timeout: 1000 }).catch(() => undefined);
  }
  await page.locator('.lsp-tooltip', { hasText: '64' }).first().waitFor(PATIENCE);
  await page.keyboard.up('Control');
  await page.screenshot({ path: join(pictures, 'jupyterlab-hover.png') });
}
