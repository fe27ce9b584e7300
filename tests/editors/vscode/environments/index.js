/** Stands in for the Python Environments extension, which no registry here has: the part of its API that kls asks. */
const fs = require('node:fs');
const path = require('node:path');
const vscode = require('vscode');

exports.activate = () => {
  const changed = new vscode.EventEmitter();
  let [executable] = exports.given();
  return {
    getEnvironment: async () => ({ execInfo: { run: { executable } } }),
    onDidChangeEnvironment: changed.event,
    choose(other) {
      executable = other;
      changed.fire();
    },
  };
};

/** The interpreters that the test wrote into its folder, the first of which is chosen at first. */
exports.given = () =>
  JSON.parse(fs.readFileSync(path.join(vscode.workspace.workspaceFolders[0].uri.fsPath, 'interpreters.json'), 'utf8'));
