/** The language status items: what the worker is doing, from the server's `kls/status`, and the worker in a few words. */
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
  /** `log` is the command that shows the log of a failure. */
  show(status: Status, log?: string): void;
  /** Shows the worker in a line of its own, until it works no more. */
  add(worker: Words): void;
}

/** What a worker is, and what is around it. */
export interface Words {
  readonly text: string;
  readonly detail: string;
}

const BUSY = ['starting', 'busy'];
/** About what there is room for beside the link: a longer line hides it. The report has the whole sentence. */
const ROOM = 48;
const REPORT = { title: 'Show report', command: 'kls.debugInformation' };

export function createStatusItem(): StatusItem {
  const item = vscode.languages.createLanguageStatusItem('kls.status', DOCUMENTS);
  item.name = 'Keras Language Server';
  let worker: vscode.LanguageStatusItem | undefined;
  let shown: Status = { state: 'stopped', sentence: 'Not started.' };
  const show = (status: Status, log = 'kls.showServerLogs'): void => {
    shown = status;
    const wary = !vscode.workspace.isTrusted && status.state === 'static';
    item.text = 'Keras';
    item.detail = clipped(wary ? 'not trusted, so programs are only read' : status.sentence);
    item.busy = BUSY.includes(status.state);
    item.severity = status.state === 'failed'
      ? vscode.LanguageStatusSeverity.Error
      : status.state === 'static'
        ? vscode.LanguageStatusSeverity.Warning
        : vscode.LanguageStatusSeverity.Information;
    item.command = wary
      ? { title: 'Manage trust', command: 'workbench.trust.manage' }
      : status.state === 'failed'
        ? { title: 'Show log', command: log }
        : REPORT;
    if (!['ready', 'busy'].includes(status.state)) {
      worker?.dispose();
      worker = undefined;
    }
  };
  show(shown);
  return {
    get shown() {
      return shown;
    },
    show,
    add({ text, detail }) {
      worker ??= vscode.languages.createLanguageStatusItem('kls.worker', DOCUMENTS);
      worker.name = 'Keras Language Server: TensorFlow process';
      worker.text = text;
      worker.detail = detail;
      worker.command = REPORT;
    },
    dispose: () => [item, worker].forEach((each) => each?.dispose()),
  };
}

const clipped = (text: string): string => (text.length > ROOM ? `${text.slice(0, ROOM - 1).trimEnd()}…` : text);
