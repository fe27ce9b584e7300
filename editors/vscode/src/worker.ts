/** What the server tells of each TensorFlow process, on the request `kls/status`. */
import type { LanguageClient } from 'vscode-languageclient/node';
import type { Words } from './status';

export interface Worker {
  readonly interpreter?: string;
  readonly origin?: string;
  readonly sentence?: string;
  readonly python?: string;
  readonly tensorflow?: string | null;
  readonly keras?: string | null;
  readonly devices?: readonly string[];
  readonly sandbox?: readonly string[];
  readonly missing?: readonly string[];
}

export async function askWorkers(client: LanguageClient): Promise<readonly Worker[]> {
  const { worker } = await client.sendRequest<{ readonly worker?: readonly Worker[] }>('kls/status', {});
  return worker ?? [];
}

/** The worker for a status line; undefined while it has not told what it is. */
export function inShort({ python, devices = [], sandbox = [], missing = [] }: Worker): Words | undefined {
  const layers = `sandbox: ${sandbox.length} layers${missing.length > 0 ? `, ${missing.length} missing` : ''}`;
  return python ? { text: ['Python ' + python, ...devices].join(' · '), detail: layers } : undefined;
}
