/** Starts and restarts the server, and gives its state and its commands a place in the editor. */
import * as vscode from 'vscode';
import { type LanguageClient, State } from 'vscode-languageclient/node';
import { createClient } from './client';
import { createGraphView } from './graph';
import { findLaunch } from './launch';
import { watchEnvironments } from './python';
import { registerReport } from './report';
import { createStatusItem, type Status } from './status';
import { probeStep } from './step';
import { createSummaryView } from './summary';
import { askWorkers, inShort } from './worker';

/** Settings that only a new server obeys. */
const START_ONLY = ['kls.enable', 'kls.path', 'kls.interpreter', 'kls.importStrategy', 'kls.logLevel'];

/** What tests and other extensions may ask of this one. */
export interface Api {
  /** The last state that the server reported. */
  status(): Status;
}

let stop: (() => Promise<void>) | undefined;

export function activate(context: vscode.ExtensionContext): Api {
  const log = vscode.window.createOutputChannel('Keras Language Server (extension)', { log: true });
  const serverLog = vscode.window.createOutputChannel('Keras Language Server', { log: true });
  const environments = watchEnvironments(log);
  const status = createStatusItem();
  const advise = adviser();
  let client: LanguageClient | undefined;
  const running = (): LanguageClient | undefined => (client?.state === State.Running ? client : undefined);
  const graphs = createGraphView(context, running, log);
  const summaries = createSummaryView(running);
  const analysed = (uri?: string): void => {
    graphs.refresh(uri);
    summaries.refresh(uri);
  };
  context.subscriptions.push(log, serverLog, environments, status, graphs, summaries);

  const halt = async (): Promise<void> => {
    const old = client;
    client = undefined;
    try {
      await old?.dispose();
    } catch (error) {
      log.warn(`The old server did not end well: ${String(error)}`);
    }
  };
  const begin = async (): Promise<void> => {
    if (!vscode.workspace.getConfiguration('kls').get<boolean>('enable', true)) {
      status.show({ state: 'stopped', sentence: 'Switched off by the setting kls.enable.' });
      return;
    }
    const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
    const launch = await findLaunch(context.extensionUri, await environments.get(folder), log);
    if (!launch) {
      const sentence = 'No Python 3.10 or newer was found to run the Keras Language Server.';
      status.show({ state: 'failed', sentence: `${sentence} Install one or set "kls.interpreter".` }, 'kls.showLogs');
      void complain(sentence, log);
      return;
    }
    log.info(`Starting ${launch.reason}: ${[launch.command, ...launch.args].join(' ')}`);
    status.show({ state: 'starting', sentence: 'Starting the server.' });
    const fresh = createClient(launch, environments, serverLog);
    client = fresh;
    fresh.onNotification('kls/status', async (next: Status) => {
      status.show(next);
      if (next.state === 'ready') {
        const [worker] = await askWorkers(fresh);
        const words = worker && inShort(worker);
        if (words && status.shown === next) {
          status.add(words);
        }
      } else if (next.state === 'static') {
        void advise(next.sentence);
      }
    });
    fresh.onNotification('kls/analysed', ({ uri }: { readonly uri: string }) => analysed(uri));
    fresh.onDidChangeState(({ newState }) => {
      if (newState === State.Stopped && client === fresh) {
        status.show({ state: 'failed', sentence: 'The server ended. Its log says why.' });
      }
    });
    try {
      await fresh.start();
      analysed();
    } catch (error) {
      status.show({ state: 'failed', sentence: 'The server did not start. Its log says why.' });
      log.error(`The server did not start: ${String(error)}`);
      void complain('The Keras Language Server did not start.', log);
    }
  };
  const restart = queued(async () => {
    await halt();
    await begin();
  });
  // Other settings the client announces by itself; an environment is not one of the editor's settings.
  // Where no Python was there to run a server, the new one may do.
  const environmentChanged = async (): Promise<void> => {
    await (client ? client.sendNotification('workspace/didChangeConfiguration', { settings: null }) : restart());
  };
  const command = (name: string, run: (...given: unknown[]) => unknown): void => {
    context.subscriptions.push(vscode.commands.registerCommand(name, run));
  };

  // A lens names the document and the line; from the palette it is the cursor's.
  const here = (uri: unknown, line: unknown): readonly [vscode.Uri, number | undefined] | undefined => {
    const editor = vscode.window.activeTextEditor;
    if (typeof uri === 'string') {
      return [vscode.Uri.parse(uri), typeof line === 'number' ? line : undefined];
    }
    return editor && [editor.document.uri, editor.selection.active.line];
  };
  command('kls.showModelGraph', (uri?: unknown, line?: unknown) => {
    const place = here(uri, line);
    return place && graphs.show(...place);
  });
  command('kls.showModelSummary', (uri?: unknown, line?: unknown) => {
    const place = here(uri, line);
    return place && summaries.show(place[0]);
  });
  command('kls.probeStep', (uri?: unknown, line?: unknown, again?: unknown) => {
    const place = here(uri, line);
    return place && probeStep(running(), ...place, again === true);
  });
  command('kls.openExample', async () => {
    const source = await vscode.workspace.fs.readFile(vscode.Uri.joinPath(context.extensionUri, 'bundled', 'example.py'));
    const content = new TextDecoder().decode(source);
    await vscode.window.showTextDocument(await vscode.workspace.openTextDocument({ language: 'python', content }));
  });
  command('kls.restart', restart);
  command('kls.restartWorker', () => client?.sendRequest('kls/restartWorker', {}));
  command('kls.showLogs', () => log.show());
  command('kls.showServerLogs', () => serverLog.show());
  command('kls.debugInformation', registerReport(context, () => ({ status: status.shown, client })));
  command('kls.fixAll', () =>
    vscode.commands.executeCommand('editor.action.codeAction', { kind: 'source.fixAll.kls', apply: 'first' }),
  );
  context.subscriptions.push(
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (START_ONLY.some((key) => event.affectsConfiguration(key))) {
        void restart();
      }
    }),
    vscode.workspace.onDidGrantWorkspaceTrust(async () => {
      await client?.sendNotification('kls/trust', { trusted: true });
      await environmentChanged();
    }),
    environments.onDidChange(environmentChanged),
  );
  stop = halt;
  void restart();
  return { status: () => status.shown };
}

export async function deactivate(): Promise<void> {
  await stop?.();
}

/** `task`, never twice at once: however often it is asked for while it runs, it runs once more afterwards. */
function queued(task: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  const run = (): Promise<void> => {
    running = task().finally(() => (running = undefined));
    return running;
  };
  return () => {
    if (!running) {
      return run();
    }
    next ??= running
      .catch(() => undefined)
      .then(() => {
        next = undefined;
        return run();
      });
    return next;
  };
}

async function complain(sentence: string, log: vscode.LogOutputChannel): Promise<void> {
  const [logs, settings] = ['Show Logs', 'Open Settings'];
  const answer = await vscode.window.showErrorMessage(sentence, logs, settings);
  if (answer === logs) {
    log.show();
  } else if (answer === settings) {
    await vscode.commands.executeCommand('workbench.action.openSettings', 'kls.interpreter');
  }
}

/**
 * Tells once for each reason why a program is not run where the user can change that: a status behind `{}` is easily
 * overlooked, and without TensorFlow there is hardly anything else to see.
 */
function adviser(): (sentence: string) => Promise<void> {
  const told = new Set<string>();
  return async (sentence) => {
    // What a setting says is what somebody wanted; about a weak sandbox the server asks by itself.
    const wanted = !vscode.workspace.isTrusted || /switched off|sandbox is weak/.test(sentence);
    if (wanted || told.has(sentence) || !vscode.workspace.textDocuments.some(usesKeras)) {
      return;
    }
    told.add(sentence);
    const [choose, report] = ['Choose Python', 'Show Report'];
    const answer = await vscode.window.showWarningMessage(`Keras programs are only read, not run: ${sentence}`, choose, report);
    if (answer === choose) {
      await choosePython();
    } else if (answer === report) {
      await vscode.commands.executeCommand('kls.debugInformation');
    }
  };
}

const usesKeras = (document: vscode.TextDocument): boolean =>
  document.languageId === 'python' && /^\s*(?:import|from)\s+(?:keras|tensorflow)\b/m.test(document.getText());

/** By the Python extension where there is one, else by the server's own setting. */
async function choosePython(): Promise<void> {
  const theirs = vscode.extensions.getExtension('ms-python.python') !== undefined;
  await (theirs
    ? vscode.commands.executeCommand('python.setInterpreter')
    : vscode.commands.executeCommand('workbench.action.openSettings', 'kls.worker.interpreter'));
}
