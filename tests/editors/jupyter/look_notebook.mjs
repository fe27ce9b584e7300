/** A notebook in JupyterLab with jupyterlab-lsp: the underlined place, what it says, and shapes in the hover. */
import { join } from 'node:path';
import { hover } from '../vscode/patience.mjs';

export default async function look(page, { pictures }) {
  await page.locator('.jp-Notebook .jp-Cell').first().waitFor();
  const underlined = page.locator('.jp-Notebook .cm-lintRange');
  await underlined.first().waitFor();
  await page.screenshot({ path: join(pictures, 'jupyterlab-squiggle.png') });
  await hover(page, underlined, page.locator('.cm-tooltip-lint', { hasText: '784' }));
  await page.screenshot({ path: join(pictures, 'jupyterlab-message.png') });

  // What the message covers cannot be hovered.
  await page.mouse.move(700, 650);
  await page.locator('.cm-tooltip-lint').first().waitFor({ state: 'hidden' });
  await page.keyboard.down('Control');
  // JupyterLab asks for a hover when the pointer moves.
  const layer = page.locator('.cm-line span', { hasText: /^Dense$/ });
  await hover(page, layer, page.locator('.lsp-tooltip', { hasText: '64' }));
  await page.keyboard.up('Control');
  await page.screenshot({ path: join(pictures, 'jupyterlab-hover.png') });
}
