/** Stands in for the Python Environments extension (ms-python.vscode-python-envs): the part of its API that kls asks. */
const { choice } = require('../interpreters.js');

exports.activate = () => {
  const { now, event, choose } = choice();
  return {
    getEnvironment: async () => ({ execInfo: { run: { executable: now() } } }),
    onDidChangeEnvironment: event,
    choose,
  };
};
