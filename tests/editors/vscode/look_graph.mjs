/** The model graph as a person sees it: from the lens to the red arrow, from a box to its line, and after an edit. */
import { join } from 'node:path';

const PATIENCE = { timeout: 180_000 };

export default async function look(page, { file, large, repair, pictures }) {
  const picture = (name) => page.screenshot({ path: join(pictures, `${name}.png`) });
  const view = page.frameLocator('iframe.webview.ready').frameLocator('#active-frame');
  const box = (text) => view.locator('g.box', { hasText: text });
  const command = async (title) => {
    await page.keyboard.press('F1');
    await page.locator('.quick-input-widget:visible input').first().waitFor(PATIENCE);
    await page.keyboard.type(title);
    await page.locator('.quick-input-list .monaco-list-row', { hasText: title }).first().click(PATIENCE);
  };
  await page.locator('.monaco-workbench').waitFor(PATIENCE);
  await page.locator('.explorer-folders-view .monaco-list-row', { hasText: file }).first().dblclick(PATIENCE);
  const lens = page.locator('.codelens-decoration a', { hasText: 'Show model graph' }).first();
  await lens.waitFor(PATIENCE);
  await page.locator('.codelens-decoration', { hasText: '(None, 784) → (None, 10)' }).first().waitFor(PATIENCE);
  await lens.click();

  const bad = view.locator('g.arrow.bad', { hasText: '784' });
  await bad.first().waitFor(PATIENCE);
  await box('x_train').first().waitFor(PATIENCE);
  await picture('vscode-graph');

  await page.emulateMedia({ colorScheme: 'dark' });
  await page.locator('.monaco-workbench.vs-dark').waitFor(PATIENCE);
  await view.locator('body.vscode-dark').waitFor(PATIENCE);
  await picture('vscode-graph-dark');
  await page.emulateMedia({ colorScheme: 'light' });
  await page.locator('.monaco-workbench:not(.vs-dark)').waitFor(PATIENCE);

  await box('dense_1').click();
  await page.locator('[id="status.editor.selection"]', { hasText: 'Ln 15' }).waitFor(PATIENCE);
  await view.locator('g.box.lit', { hasText: 'dense_1' }).waitFor(PATIENCE);

  // The text is edited and not saved: the graph follows.
  await page.locator('.monaco-editor .view-line', { hasText: repair.line }).first().click();
  await page.keyboard.press('End');
  await page.keyboard.type(`\n${repair.text}`);
  await bad.first().waitFor({ state: 'detached', ...PATIENCE });
  await view.locator('g.arrow', { hasText: '(None, 64)' }).first().waitFor(PATIENCE);

  await command('Keras: Show Model Summary');
  await page.locator('.tab', { hasText: 'Models of' }).first().waitFor(PATIENCE);
  await page.locator('.monaco-editor .view-line', { hasText: '(None, 10)' }).first().waitFor(PATIENCE);
  await picture('vscode-summary');

  // A large model: folded by its blocks, unfolded by the keyboard.
  await page.locator('.explorer-folders-view .monaco-list-row', { hasText: large }).first().dblclick(PATIENCE);
  await page.locator('.codelens-decoration a', { hasText: 'Show model graph' }).first().click(PATIENCE);
  const folded = view.locator('g.box.folded');
  await folded.first().waitFor(PATIENCE);
  const before = await folded.count();
  await folded.first().focus();
  await page.keyboard.press('Space');
  for (const end = Date.now() + PATIENCE.timeout; (await folded.count()) !== before - 1; ) {
    if (Date.now() > end) {
      throw new Error('the folded part did not open');
    }
  }
  await picture('vscode-graph-large');
}
