/** Stands in for the Python extension (ms-python.python): the part of its API that kls asks, as @vscode/python-extension has it. */
const path = require('node:path');
const vscode = require('vscode');
const { choice } = require('../interpreters.js');

exports.activate = () => {
  const { now, event, choose } = choice();
  return {
    environments: {
      getActiveEnvironmentPath: () => ({ id: now(), path: now() }),
      resolveEnvironment: async ({ id, path: executable }) => ({
        id,
        path: executable,
        executable: { uri: vscode.Uri.file(executable), bitness: '64-bit', sysPrefix: path.dirname(path.dirname(executable)) },
        environment: undefined,
        version: undefined,
        tools: [],
      }),
      onDidChangeActiveEnvironmentPath: event,
    },
    choose,
  };
};
