/** The model graph as a person sees it: from the lens to the red arrow, from a box to its line, and after an edit. */
import { join } from 'node:path';
import { command, until } from './patience.mjs';

export default async function look(page, { file, nested, large, repair, pictures }) {
  const picture = (name) => page.screenshot({ path: join(pictures, `${name}.png`) });
  const view = page.frameLocator('iframe.webview.ready').frameLocator('#active-frame');
  const box = (text) => view.locator('g.box', { hasText: text });
  const lit = (text) => view.locator('g.box.lit', { hasText: text }).waitFor();
  const line = (number) => page.locator('[id="status.editor.selection"]', { hasText: `Ln ${number},` }).waitFor();
  const row = (name) => page.locator('.explorer-folders-view .monaco-list-row', { hasText: name }).first();
  /** Opens a program in the group on the left, and the graph of its model with that input and output. */
  const graphOf = async (name, flow) => {
    const left = page.locator('.editor-group-container.active');
    await page.locator('.tab', { hasText: file }).first().click();
    await left.locator('.tab.active', { hasText: file }).waitFor();
    await row(name).dblclick();
    await left.locator('.tab.active', { hasText: name }).waitFor();
    const line = left.locator('.codelens-decoration', { hasText: flow });
    await line.locator('a', { hasText: 'Show model graph' }).first().click();
  };
  const pressed = async (target, key) => {
    if ((await target.count()) > 0) {
      await target.first().focus();
      await page.keyboard.press(key);
    }
  };
  const coloured = async (scheme) => {
    await page.emulateMedia({ colorScheme: scheme });
    await view.locator(`body.vscode-${scheme}`).waitFor();
  };
  await row(file).dblclick();
  const lens = page.locator('.codelens-decoration a', { hasText: 'Show model graph' }).first();
  await lens.waitFor();
  await page.locator('.codelens-decoration', { hasText: '(None, 784) → (None, 10)' }).first().waitFor();
  await lens.click();

  const bad = view.locator('g.arrow.bad', { hasText: '784' });
  await bad.first().waitFor();
  await box('x_train').first().waitFor();
  await coloured('light');
  await picture('vscode-graph');
  await coloured('dark');
  await picture('vscode-graph-dark');
  await coloured('light');

  // Each way of saving it asks for a place, proposes one in the folder, and writes the file there.
  for (const [format, suffix] of [['svg', 'svg'], ['mermaid', 'mmd'], ['dot', 'dot']]) {
    await view.locator('select[title="Save the picture"]').selectOption(format);
    await page.waitForFunction(
      (end) => [...document.querySelectorAll('.quick-input-widget input')].some(({ value }) => value.endsWith(end)),
      `/model.${suffix}`,
    );
    await page.keyboard.press('Enter');
    await row(`model.${suffix}`).waitFor();
  }

  await box('dense_1').click();
  await line(15);
  await lit('dense_1');

  // The cursor lights the layer that it is in, and the keyboard walks from box to box.
  await page.keyboard.press('ArrowUp');
  await line(14);
  await lit('50,240');
  await until(view.locator('g.box:focus', { hasText: 'dense_1' }), () => pressed(box('50,240'), 'ArrowDown'));
  await page.keyboard.press('Enter');
  await line(15);
  await lit('dense_1');

  // The text is edited and not saved: the graph follows.
  await page.locator('.monaco-editor .view-line', { hasText: repair.line }).first().click();
  await page.keyboard.press('End');
  await page.keyboard.type(`\n${repair.text}`);
  await bad.first().waitFor({ state: 'detached' });
  await view.locator('g.arrow', { hasText: '(None, 64)' }).first().waitFor();
  await page.locator('.tab.active.dirty').waitFor();

  await command(page, 'Keras: Show Model Summary');
  await page.locator('.tab', { hasText: 'Models of' }).first().waitFor();
  await page.locator('.monaco-editor .view-line', { hasText: '(None, 10)' }).first().waitFor();
  await picture('vscode-summary');

  // A model in a model: one box, which the keyboard opens and leaves again.
  await graphOf(nested, '(None, 32, 32, 3) → (None, 10)');
  const inner = view.locator('g.box.model', { hasText: 'encoder' });
  await inner.waitFor();
  await picture('vscode-graph-nested');
  await until(box('inner_convolution'), () => pressed(inner, 'Space'));
  await until(inner, () => pressed(view.locator('g.box'), 'Backspace'));

  // A large model: folded by its blocks, unfolded by the keyboard.
  await graphOf(large, '(None, 224, 224, 3) → (None, 1000)');
  const folded = view.locator('g.box.folded');
  await folded.first().waitFor();
  const last = folded.nth((await folded.count()) - 1);
  await pressed(folded, 'Space');
  await last.waitFor({ state: 'detached' });
  await picture('vscode-graph-large');
  await page.setViewportSize({ width: 720, height: 800 });
  await view.locator('button', { hasText: 'Fit' }).click();
  await picture('vscode-graph-narrow');
}
