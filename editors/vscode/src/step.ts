/** "Probe one step": asks the server for one real step of a training call, shows that it runs, then what it took. */
import * as vscode from 'vscode';
import type { LanguageClient } from 'vscode-languageclient/node';

/** The answer of the server's `kls/probeStep`. */
interface Answer {
  readonly sentence: string;
  readonly step: { readonly reason: string | null };
}

/** `line` counts from 0; without one it is the document's first training call. */
export async function probeStep(
  client: LanguageClient | undefined,
  uri: vscode.Uri,
  line: number | undefined,
  again: boolean,
): Promise<void> {
  if (!client) {
    void vscode.window.showWarningMessage('The server is not running.');
    return;
  }
  const answer = await vscode.window.withProgress(
    {
      location: vscode.ProgressLocation.Notification,
      title: 'Running one real step on zeros. Any edit ends it.',
      cancellable: true,
    },
    async (_progress, cancelled): Promise<Answer | undefined> => {
      try {
        const params = { uri: uri.toString(), line: line ?? null, again };
        return await client.sendRequest<Answer>('kls/probeStep', params, cancelled);
      } catch (error) {
        if (!cancelled.isCancellationRequested) {
          void vscode.window.showErrorMessage(`No step was run: ${String(error)}`);
        }
        return undefined;
      }
    },
  );
  if (answer?.step.reason === null) {
    void vscode.window.showInformationMessage(answer.sentence);
  } else if (answer) {
    void vscode.window.showWarningMessage(`No step was run: ${answer.sentence}`);
  }
}
