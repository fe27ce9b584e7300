/** The tests in the extension host of a real VS Code: plain `vscode` API, each waits for a state. */
const assert = require('node:assert/strict');
const path = require('node:path');
const vscode = require('vscode');

const PATIENCE_MS = 240_000;
const LOOK_MS = 50;

/** The first truthy answer of `ask`. */
async function until(what, ask) {
  const end = Date.now() + PATIENCE_MS;
  let seen;
  while (Date.now() < end) {
    seen = await ask();
    if (seen) {
      return seen;
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  throw new Error(`never came: ${what}; the worker: ${JSON.stringify(status())}`);
}

const extension = () => vscode.extensions.getExtension('kls.kls');
const status = () => extension()?.exports?.status();
const file = (name) => vscode.Uri.file(path.join(vscode.workspace.workspaceFolders[0].uri.fsPath, name));
const ours = (uri) => vscode.languages.getDiagnostics(uri).filter(({ source }) => source === 'kls');
const found = (uri) => until(`a finding in ${uri.path}`, () => ours(uri).find(({ severity }) => severity === vscode.DiagnosticSeverity.Error));
const gone = (uri) => until(`no error in ${uri.path}`, () => !ours(uri).some(({ severity }) => severity === vscode.DiagnosticSeverity.Error));

async function open(name) {
  const document = await vscode.workspace.openTextDocument(file(name));
  await vscode.window.showTextDocument(document);
  return document;
}

async function hover(uri, position) {
  const hovers = await vscode.commands.executeCommand('vscode.executeHoverProvider', uri, position);
  return hovers.flatMap(({ contents }) => contents.map((part) => part.value ?? part)).join('\n');
}

/** Applies the preferred quick fix with such a title; it is preferred only once its trial has ended well. */
async function quickFix(uri, range, title) {
  const fix = await until(`a preferred quick fix like ${title}`, async () => {
    const offered = await vscode.commands.executeCommand('vscode.executeCodeActionProvider', uri, range, 'quickfix', 10);
    return offered.find((action) => action.isPreferred && title.test(action.title) && action.edit);
  });
  assert.ok(await vscode.workspace.applyEdit(fix.edit));
  return fix;
}

async function hints(document) {
  const all = new vscode.Range(0, 0, document.lineCount, 0);
  const found = await vscode.commands.executeCommand('vscode.executeInlayHintProvider', document.uri, all);
  return found.map(({ label }) => (typeof label === 'string' ? label : label.map(({ value }) => value).join('')));
}

/** The place of `text` in a document. */
const placeOf = (document, text) => document.positionAt(document.getText().indexOf(text));

const tests = {
  async 'a program: finding at its cause, hover, hints, quick fix'() {
    const document = await open('dense.py');
    const finding = await found(document.uri);
    assert.match(finding.message, /\(60000, 28, 28\).*\(None, 784\)/);
    assert.equal(document.getText(finding.range), 'x_train');
    assert.ok(finding.relatedInformation?.length, 'the crash line is linked');
    assert.match(String(finding.code.target), /rules\/input_shape\.py/);
    await until('shapes in the hover', async () => /64/.test(await hover(document.uri, placeOf(document, 'Dense(64'))));
    assert.match(await hover(document.uri, placeOf(document, 'x_train')), /keras\.datasets\.mnist\.load_data/);
    for (const shape of ['(None, 64)', '(60000, 28, 28) uint8']) {
      await until(`a hint with ${shape}`, async () => (await hints(document)).some((label) => label.includes(shape)));
    }
    await until('the line above the model', async () => {
      const lenses = await vscode.commands.executeCommand('vscode.executeCodeLensProvider', document.uri, 9);
      return lenses?.some(({ command }) => /50,890 parameters · \(None, 784\) → \(None, 10\)/.test(command?.title));
    });
    const fix = await quickFix(document.uri, finding.range, /reshape/i);
    assert.match(fix.title, /verified/);
    await gone(document.uri);
    assert.match(document.getText(), /reshape/);
  },

  async 'the status says what the worker does, and a restarted worker comes back'() {
    await until('a ready worker', () => status()?.state === 'ready');
    await vscode.commands.executeCommand('kls.restartWorker');
    await until('a ready worker again', () => status()?.state === 'ready');
    await until('the report of a ready worker', async () => {
      await vscode.commands.executeCommand('kls.debugInformation');
      return /Worker +\| ready/.test(vscode.window.activeTextEditor?.document.getText() ?? '');
    });
  },

  async 'a restarted server shows the same again'() {
    const document = await open('again.py');
    await found(document.uri);
    await vscode.commands.executeCommand('kls.restart');
    await found(document.uri);
  },

  async 'a setting that only a new server obeys brings one'() {
    const { uri } = await open('again.py');
    const settings = vscode.workspace.getConfiguration('kls');
    await settings.update('enable', false, vscode.ConfigurationTarget.Workspace);
    await until('no server', () => status()?.state === 'stopped' && ours(uri).length === 0);
    await settings.update('enable', undefined, vscode.ConfigurationTarget.Workspace);
    await found(uri);
  },

  async 'all safe fixes at once'() {
    const document = await open('again.py');
    await found(document.uri);
    // Before its trial has ended a fix is not among them.
    await until('a program without findings', async () => {
      await vscode.commands.executeCommand('kls.fixAll');
      return !ours(document.uri).some(({ severity }) => severity === vscode.DiagnosticSeverity.Error);
    });
    assert.match(document.getText(), /reshape/);
  },

  async 'both logs can be shown'() {
    for (const [command, name] of [['kls.showLogs', '(extension)'], ['kls.showServerLogs', 'Server']]) {
      await vscode.commands.executeCommand(command);
      const shown = () => vscode.workspace.textDocuments.find(({ uri }) => uri.scheme === 'output' && uri.path.includes(name));
      await until(`the log ${name}`, shown);
    }
  },

  async 'a notebook: the finding is in its cell, follows the edit, and goes with the cell'() {
    const notebook = await vscode.workspace.openNotebookDocument(file('dense.ipynb'));
    await vscode.window.showNotebookDocument(notebook);
    const cellWith = async () =>
      until('a finding in a cell', () => notebook.getCells().find(({ document }) => ours(document.uri).some(({ severity }) => severity === 0)));
    const cell = await cellWith();
    const [finding] = ours(cell.document.uri);
    assert.match(finding.message, /784/);
    const before = cell.document.getText();
    await quickFix(cell.document.uri, finding.range, /reshape/i);
    await gone(cell.document.uri);
    const back = new vscode.WorkspaceEdit();
    back.replace(cell.document.uri, new vscode.Range(0, 0, cell.document.lineCount, 0), before);
    await vscode.workspace.applyEdit(back);
    assert.equal((await cellWith()).index, cell.index);
    const removal = new vscode.WorkspaceEdit();
    removal.set(notebook.uri, [vscode.NotebookEdit.deleteCells(new vscode.NotebookRange(cell.index, cell.index + 1))]);
    const { uri } = cell.document;
    await vscode.workspace.applyEdit(removal);
    await gone(uri);
  },

  async 'a notebook: cells put in, moved, taken out, and of another language'() {
    const notebook = await vscode.workspace.openNotebookDocument(file('cells.ipynb'));
    const editor = await vscode.window.showNotebookDocument(notebook);
    const errors = () => notebook.getCells().filter(({ document }) => ours(document.uri).some(({ severity }) => severity === 0));
    const faulty = (what) => until(`a finding ${what}`, () => errors()[0]);
    const clean = (what) => until(`no error ${what}`, () => errors().length === 0);
    const data = await faulty('at first');
    assert.match(data.document.getText(), /load_data/);

    const repair = new vscode.NotebookCellData(vscode.NotebookCellKind.Code, 'x_train = x_train.reshape(-1, 784)', 'python');
    const put = new vscode.WorkspaceEdit();
    put.set(notebook.uri, [vscode.NotebookEdit.insertCells(data.index + 1, [repair])]);
    await vscode.workspace.applyEdit(put);
    await clean('with a cell that repairs');
    const cell = () => notebook.getCells().find(({ document }) => document.getText() === repair.value);

    // Behind `fit` it comes too late.
    const last = notebook.cellCount - 1;
    while (cell().index < last) {
      const { index } = cell();
      await onCell(editor, index, 'notebook.cell.moveDown');
      await until('the cell moved down', () => cell().index === index + 1);
    }
    await faulty('with the cell moved behind fit');
    while (cell().index > data.index + 1) {
      const { index } = cell();
      await onCell(editor, index, 'notebook.cell.moveUp');
      await until('the cell moved up', () => cell().index === index - 1);
    }
    await clean('with the cell moved back');

    const out = new vscode.WorkspaceEdit();
    out.set(notebook.uri, [vscode.NotebookEdit.deleteCells(new vscode.NotebookRange(cell().index, cell().index + 1))]);
    await vscode.workspace.applyEdit(out);
    const again = await faulty('with the cell taken out');
    assert.equal(again.index, data.index);

    await vscode.languages.setTextDocumentLanguage(again.document, 'plaintext');
    await until('nothing in a cell that is no Python', () => ours(again.document.uri).length === 0);
    await clean('without the data');
    await vscode.languages.setTextDocumentLanguage(again.document, 'python');
    await faulty('with the cell in Python again');

    const { uri } = again.document;
    const text = new vscode.NotebookCellData(vscode.NotebookCellKind.Markup, again.document.getText(), 'markdown');
    const turned = new vscode.WorkspaceEdit();
    turned.set(notebook.uri, [vscode.NotebookEdit.replaceCells(new vscode.NotebookRange(again.index, again.index + 1), [text])]);
    await vscode.workspace.applyEdit(turned);
    await until('nothing where the cell was', () => ours(uri).length === 0);
    await clean('with the data in a cell of text');
  },

  async 'the Interactive window: findings, hints and fixes in what was run'() {
    const controller = vscode.notebooks.createNotebookController('kls-tests', 'interactive', 'Runs nothing');
    controller.supportedLanguages = ['python'];
    const { notebookUri } = await vscode.commands.executeCommand('interactive.open', undefined, undefined, 'kls.kls-host-tests/kls-tests');
    const notebook = await until('the window', () => vscode.workspace.notebookDocuments.find(({ uri }) => String(uri) === String(notebookUri)));
    const parts = new TextDecoder().decode(await vscode.workspace.fs.readFile(file('cells.ipynb')));
    const cells = JSON.parse(parts).cells.map(({ source }) => new vscode.NotebookCellData(vscode.NotebookCellKind.Code, [source].flat().join(''), 'python'));
    const run = new vscode.WorkspaceEdit();
    run.set(notebook.uri, [vscode.NotebookEdit.insertCells(0, cells)]);
    await vscode.workspace.applyEdit(run);
    const faulty = await until('a finding in the window', () => notebook.getCells().find(({ document }) => ours(document.uri).some(({ severity }) => severity === 0)));
    const model = notebook.getCells().find(({ document }) => document.getText().includes('Dense(64'));
    await until('hints in the window', async () => (await hints(model.document)).some((label) => label.includes('(None, 64)')));
    await quickFix(faulty.document.uri, ours(faulty.document.uri)[0].range, /reshape/i);
    await gone(faulty.document.uri);
    controller.dispose();
  },
};

/** Runs a command of the notebook on one cell, as a click in its toolbar does. */
async function onCell(editor, index, command) {
  editor.selections = [new vscode.NotebookRange(index, index + 1)];
  await until(`cell ${index} chosen`, () => editor.selections[0]?.start === index);
  await vscode.commands.executeCommand(command);
}

exports.run = () => runAll(tests);
Object.assign(exports, { found, open, runAll, status, until });

async function runAll(tests) {
  await until('the extension', () => extension());
  await extension().activate();
  const failures = [];
  for (const [name, test] of Object.entries(tests)) {
    const start = Date.now();
    console.log(`TEST begins: ${name}`);
    try {
      await test();
      console.log(`TEST passed: ${name} (${Date.now() - start} ms)`);
    } catch (error) {
      console.log(`TEST FAILED: ${name}: ${error.stack}`);
      failures.push(name);
    }
  }
  if (failures.length > 0) {
    throw new Error(`failed: ${failures.join('; ')}`);
  }
}
