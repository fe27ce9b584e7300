/** What the two stand-ins for extensions that know of Python environments share. */
const fs = require('node:fs');
const path = require('node:path');
const vscode = require('vscode');

/** The interpreters that the test wrote into its folder, the first of which is chosen at first. */
exports.given = () =>
  JSON.parse(fs.readFileSync(path.join(vscode.workspace.workspaceFolders[0].uri.fsPath, 'interpreters.json'), 'utf8'));

/** What is chosen: `now()`, the event of another choice, and `choose(other)`, which is how a user would. */
exports.choice = () => {
  const changed = new vscode.EventEmitter();
  let [executable] = exports.given();
  return {
    now: () => executable,
    event: changed.event,
    choose(other) {
      executable = other;
      changed.fire();
    },
  };
};
