/** The language status item: one sentence on what the worker is doing, from the server's `kls/status`. */
import * as vscode from 'vscode';
import { DOCUMENTS } from './client';

/** The server's notification `kls/status`; "stopped" is the extension's own word for no server. */
export interface Status {
  readonly state: 'stopped' | 'idle' | 'starting' | 'ready' | 'busy' | 'static' | 'failed';
  readonly sentence: string;
}

export interface StatusItem extends vscode.Disposable {
  /** The last that was shown. */
  readonly shown: Status;
  show(status: Status): void;
  /** Adds a few words on the worker to what is shown, as long as it is shown. */
  add(words: string): void;
}

const BUSY = ['starting', 'busy'];

export function createStatusItem(): StatusItem {
  const item = vscode.languages.createLanguageStatusItem('kls.status', DOCUMENTS);
  item.name = 'Keras Language Server';
  let shown: Status = { state: 'stopped', sentence: 'Not started.' };
  const show = (status: Status): void => {
    shown = status;
    item.text = 'Keras';
    item.detail = status.sentence;
    item.busy = BUSY.includes(status.state);
    item.severity = status.state === 'failed'
      ? vscode.LanguageStatusSeverity.Error
      : status.state === 'static'
        ? vscode.LanguageStatusSeverity.Warning
        : vscode.LanguageStatusSeverity.Information;
    item.command =
      !vscode.workspace.isTrusted && status.state !== 'stopped'
        ? { title: 'Manage trust', command: 'workbench.trust.manage' }
        : { title: 'Show logs', command: 'kls.showLogs' };
  };
  show(shown);
  return {
    get shown() {
      return shown;
    },
    show,
    add: (words) => (item.detail = words === '' ? shown.sentence : `${shown.sentence} · ${words}`),
    dispose: () => item.dispose(),
  };
}
