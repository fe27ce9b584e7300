/** The status report: a read-only document to read, or to paste into a bug report. */
import * as vscode from 'vscode';
import type { LanguageClient } from 'vscode-languageclient/node';
import type { Status } from './status';
import { askWorkers, type Worker } from './worker';

const SCHEME = 'kls-report';
const REPORT = vscode.Uri.parse(`${SCHEME}:Keras Language Server.md`);

interface Running {
  readonly status: Status;
  readonly client: LanguageClient | undefined;
}

/** Makes the report known to the editor; the function that is returned shows it as things are then. */
export function registerReport(context: vscode.ExtensionContext, running: () => Running): () => Promise<void> {
  const changed = new vscode.EventEmitter<vscode.Uri>();
  context.subscriptions.push(
    changed,
    vscode.workspace.registerTextDocumentContentProvider(SCHEME, {
      onDidChange: changed.event,
      provideTextDocumentContent: () => report(context.extension, running()),
    }),
  );
  return async () => {
    changed.fire(REPORT);
    await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(REPORT), { preview: true });
  };
}

async function report(extension: vscode.Extension<unknown>, { status, client }: Running): Promise<string> {
  const server = client?.initializeResult?.serverInfo;
  const rows: readonly (readonly [string, string])[] = [
    ['Worker', `${status.state}: ${status.sentence}`],
    ['Server', server ? `${server.name} ${server.version ?? ''}` : 'not running'],
    ['Extension', (extension.packageJSON as { version: string }).version],
    ['VS Code', vscode.version],
    ['System', `${process.platform} ${process.arch}`],
    ['Workspace', vscode.workspace.isTrusted ? 'trusted' : 'not trusted: programs are read, never run'],
  ];
  const workers = client?.isRunning() ? await askWorkers(client) : [];
  const parts = workers.flatMap((worker) => ['', '## TensorFlow process', '', ...table(about(worker))]);
  return ['# Keras Language Server', '', ...table(rows), ...parts, ''].join('\n');
}

function about(worker: Worker): readonly (readonly [string, string])[] {
  const rows: readonly (readonly [string, string | undefined | null])[] = [
    ['Interpreter', worker.interpreter && `${worker.interpreter} (${worker.origin ?? ''})`],
    ['State', worker.sentence],
    ['Python', worker.python],
    ['TensorFlow', worker.tensorflow],
    ['Keras', worker.keras],
    ['Devices', worker.devices?.join(', ')],
    ['Sandbox', worker.sandbox?.join(', ')],
    ['Missing of it', worker.missing?.join('; ')],
  ];
  return rows.flatMap(([name, value]) => (value ? [[name, value] as const] : []));
}

/** A table of Markdown that is read as it stands, too: its first column is as wide as its longest name. */
function table(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(0, ...rows.map(([name]) => name.length));
  const lines = rows.map(([name, value]) => `| ${name.padEnd(width)} | ${value.replaceAll('|', '\\|')} |`);
  return [`| ${' '.repeat(width)} | |`, `|${'-'.repeat(width + 2)}|---|`, ...lines];
}
