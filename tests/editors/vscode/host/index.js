/** The tests in the extension host of a real VS Code: plain `vscode` API, each waits for a state. */
const assert = require('node:assert/strict');
const path = require('node:path');
const vscode = require('vscode');

const PATIENCE_MS = 120_000;
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

/** The place of `text` in a document. */
const placeOf = (document, text) => document.positionAt(document.getText().indexOf(text));

const tests = {
  async 'a program: finding at its cause, hover, hints, quick fix'() {
    const document = await open('dense.py');
    const finding = await found(document.uri);
    assert.match(finding.message, /\(60000, 28, 28\).*\(None, 784\)/);
    assert.match(document.lineAt(finding.range.start.line).text, /x_train/);
    assert.ok(finding.relatedInformation?.length, 'the crash line is linked');
    await until('shapes in the hover', async () => /64/.test(await hover(document.uri, placeOf(document, 'Dense(64'))));
    await until('hints with shapes', async () => {
      const all = new vscode.Range(0, 0, document.lineCount, 0);
      const hints = await vscode.commands.executeCommand('vscode.executeInlayHintProvider', document.uri, all);
      const label = ({ label }) => (typeof label === 'string' ? label : label.map(({ value }) => value).join(''));
      return hints.some((hint) => label(hint).includes('(None, 64)'));
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
    await vscode.commands.executeCommand('kls.debugInformation');
    assert.match(vscode.window.activeTextEditor.document.getText(), /Worker \| ready/);
  },

  async 'a restarted server shows the same again'() {
    const document = await open('again.py');
    await found(document.uri);
    await vscode.commands.executeCommand('kls.restart');
    await found(document.uri);
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
};

exports.run = async function run() {
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
};
