/** The models of a document as tables in a read-only document, which follows the typing while it is open. */
import * as vscode from 'vscode';
import type { LanguageClient } from 'vscode-languageclient/node';

const SCHEME = 'kls-summary';

interface Summary {
  readonly uri: string;
  readonly text: string;
  readonly reason: string | null;
}

export interface SummaryView extends vscode.Disposable {
  show(uri: vscode.Uri): Promise<void>;
  /** The server has news of a document; without one, of all. */
  refresh(uri?: string): void;
}

export function createSummaryView(running: () => LanguageClient | undefined): SummaryView {
  const changed = new vscode.EventEmitter<vscode.Uri>();
  /** What the server calls the document of each summary: of a cell, its notebook. */
  const documents = new Map<string, string>();
  const provider = vscode.workspace.registerTextDocumentContentProvider(SCHEME, {
    onDidChange: changed.event,
    async provideTextDocumentContent(summary) {
      const client = running();
      if (!client) {
        return 'The server is not running.\n';
      }
      const answer = await client.sendRequest<Summary>('kls/summary', { uri: summary.query });
      documents.set(summary.toString(), answer.uri);
      return answer.reason === null ? answer.text : `${answer.reason}\n`;
    },
  });
  const refresh = (uri?: string): void => {
    for (const { uri: summary } of vscode.workspace.textDocuments) {
      if (summary.scheme === SCHEME && (uri === undefined || uri === documents.get(summary.toString()))) {
        changed.fire(summary);
      }
    }
  };
  return {
    async show(uri) {
      // Without a suffix that would make it a program.
      const name = uri.path.split('/').at(-1)?.replace(/\.[^.]*$/, '') ?? '';
      const summary = vscode.Uri.from({ scheme: SCHEME, path: `Models of ${name}`, query: uri.toString() });
      changed.fire(summary);
      const document = await vscode.languages.setTextDocumentLanguage(
        await vscode.workspace.openTextDocument(summary),
        'plaintext',
      );
      await vscode.window.showTextDocument(document, { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true });
    },
    refresh,
    dispose: () => vscode.Disposable.from(provider, changed).dispose(),
  };
}
