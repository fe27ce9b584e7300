/** The environment that the user chose in an extension for that: its server, its TensorFlow, and a change. */
const assert = require('node:assert/strict');
const vscode = require('vscode');
const { found, open, runAll, status, until } = require('./index.js');
const { given } = require('../interpreters.js');

const log = () => vscode.workspace.textDocuments.find(({ uri }) => uri.scheme === 'output' && uri.path.includes('(extension)'));
const starts = () => log()?.getText().match(/Starting kls .* in the chosen environment/g)?.length;

const tests = {
  async 'the chosen environment runs the server and the program; another one needs no new server'() {
    const [full, bare] = given();
    const { uri } = await open('dense.py');
    await found(uri);
    await vscode.commands.executeCommand('kls.showLogs');
    await until('the start in the log', starts);

    const [choice] = ['ms-python.vscode-python-envs', 'ms-python.python'].flatMap((id) => vscode.extensions.getExtension(id)?.exports ?? []);
    choice.choose(bare);
    await until('what the other environment lacks', () => status()?.sentence.includes(`no TensorFlow in ${bare}`));
    choice.choose(full);
    await until('the first environment again', () => status()?.state === 'ready');
    await found(uri);
    assert.equal(starts(), 1);
  },
};

exports.run = () => runAll(tests);
