/** The language client: what the server is told at the start, and what is added to its questions about settings. */
import * as vscode from 'vscode';
import { LanguageClient, RevealOutputChannelOn, type ServerOptions } from 'vscode-languageclient/node';
import type { Launch } from './launch';
import type { Environments } from './python';

/** Documents that the server hears of: files, unsaved ones, and the cells of notebooks and of the Interactive window. */
export const DOCUMENTS = [
  { scheme: 'file', language: 'python' },
  { scheme: 'untitled', language: 'python' },
  { scheme: 'vscode-notebook-cell', language: 'python' },
  { scheme: 'vscode-interactive-input', language: 'python' },
];

export function createClient(
  launch: Launch,
  environments: Environments,
  serverLog: vscode.LogOutputChannel,
): LanguageClient {
  // The workspace's folder is not where the server starts: nothing of the workspace may be imported by it.
  const server: ServerOptions = {
    command: launch.command,
    args: [...launch.args],
    options: { cwd: vscode.env.appRoot || undefined, env: { ...process.env, PYTHONUTF8: '1' } },
  };
  return new LanguageClient('kls', 'Keras Language Server', server, {
    documentSelector: DOCUMENTS,
    outputChannel: serverLog,
    traceOutputChannel: serverLog,
    revealOutputChannelOn: RevealOutputChannelOn.Never,
    progressOnInitialization: true,
    markdown: { supportThemeIcons: true },
    initializationOptions: () => ({
      trusted: vscode.workspace.isTrusted,
      settings: vscode.workspace.getConfiguration('kls'),
      commands: ['kls.showModelGraph', 'kls.showModelSummary', 'kls.probeStep'],
    }),
    middleware: {
      workspace: {
        async configuration(params, token, next) {
          const answers = await next(params, token);
          if (!Array.isArray(answers)) {
            return answers;
          }
          return Promise.all(
            params.items.map(({ section, scopeUri }, index) => {
              const scope = scopeUri ? vscode.Uri.parse(scopeUri) : vscode.workspace.workspaceFolders?.[0]?.uri;
              return section === 'kls' ? withEnvironment(answers[index], scope, environments) : answers[index];
            }),
          );
        },
      },
    },
  });
}

/** Settings in which the chosen environment stands where the user named no interpreter. */
async function withEnvironment(settings: unknown, scope: vscode.Uri | undefined, environments: Environments): Promise<unknown> {
  const own = (settings ?? {}) as { readonly worker?: { readonly interpreter?: string | null } };
  const chosen = own.worker?.interpreter ? undefined : await environments.get(scope);
  return chosen ? { ...own, worker: { ...own.worker, interpreter: chosen.executable } } : own;
}
