/**
 * How to start the server: the user's own command, else kls from the chosen environment when it is there in a good
 * version, else the copy inside this extension, run by any Python that is new enough.
 * The Python that runs the server need not have TensorFlow; the one that does is the server's to start.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { Environment } from './python';

/** A command line, and a sentence on why it was chosen. */
export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  readonly reason: string;
}

/** The oldest Python that runs the server. */
const PYTHON_FLOOR = [3, 10] as const;
/** The oldest kls in an environment that this extension can talk to. */
const KLS_FLOOR = [0, 1, 0] as const;
const PROBE_MS = 10_000;
// One line of JSON: the interpreter's version and that of the kls that it would import, null where there is none.
const PROBE = `
import json, sys
try:
    from importlib.metadata import version
    kls = version("kls")
except Exception:
    kls = None
print(json.dumps({"python": list(sys.version_info[:3]), "kls": kls}))
`;

interface Probed {
  readonly python: readonly number[];
  readonly kls: string | null;
}

export async function findLaunch(
  extension: vscode.Uri,
  chosen: Environment | undefined,
  log: vscode.LogOutputChannel,
): Promise<Launch | undefined> {
  const settings = vscode.workspace.getConfiguration('kls');
  const [command, ...args] = settings.get<string[]>('path', []);
  if (command) {
    return { command, args: [...args, 'server'], reason: 'the setting kls.path' };
  }
  const fromEnvironment = settings.get<string>('importStrategy') !== 'useBundled';
  for (const [[executable, ...options], reason] of candidates(settings, chosen)) {
    if (!executable) {
      continue;
    }
    const found = await probe(executable, options, log);
    if (!found || below(found.python, PYTHON_FLOOR)) {
      log.info(found ? `${executable} is Python ${found.python.join('.')}, too old to run the server.` : `${executable} does not run.`);
      continue;
    }
    const isolated = [...options, '-I'];
    if (fromEnvironment && found.kls && !below(found.kls.split('.').map(Number.parseFloat), KLS_FLOOR)) {
      return { command: executable, args: [...isolated, '-m', 'kls', 'server'], reason: `kls ${found.kls} in ${reason}` };
    }
    if (fromEnvironment && found.kls) {
      log.info(`kls ${found.kls} in ${reason} is older than ${KLS_FLOOR.join('.')}: the extension's own copy is used.`);
    }
    const script = vscode.Uri.joinPath(extension, 'python', 'server.py').fsPath;
    return { command: executable, args: [...isolated, script, 'server'], reason: `the extension's own kls, run by ${reason}` };
  }
  return undefined;
}

function* candidates(
  settings: vscode.WorkspaceConfiguration,
  chosen: Environment | undefined,
): Generator<readonly [readonly string[], string]> {
  yield [settings.get<string[]>('interpreter', []), 'the setting kls.interpreter'];
  if (chosen) {
    yield [[chosen.executable], `the chosen environment (${chosen.executable})`];
  }
  const windows = process.platform === 'win32';
  for (const name of windows ? ['python.exe', 'python3.exe', 'py.exe'] : ['python3', 'python']) {
    for (const folder of (process.env['PATH'] ?? '').split(path.delimiter)) {
      const executable = path.join(folder, name);
      if (path.isAbsolute(folder) && !ofWorkspace(executable) && existsSync(executable)) {
        yield [[executable], `the PATH (${executable})`];
      }
    }
  }
}

/** Whether a file is the workspace's own, and so a program of strangers. */
function ofWorkspace(file: string): boolean {
  return !vscode.workspace.isTrusted && vscode.workspace.getWorkspaceFolder(vscode.Uri.file(file)) !== undefined;
}

function below(version: readonly number[], floor: readonly number[]): boolean {
  for (let index = 0; index < floor.length; index += 1) {
    const [have, want] = [version[index] ?? 0, floor[index] ?? 0];
    if (have !== want) {
      return have < want;
    }
  }
  return false;
}

function probe(executable: string, options: readonly string[], log: vscode.LogOutputChannel): Promise<Probed | undefined> {
  return new Promise((resolve) => {
    execFile(executable, [...options, '-I', '-c', PROBE], { timeout: PROBE_MS, windowsHide: true }, (error, stdout) => {
      try {
        resolve(error ? undefined : (JSON.parse(stdout) as Probed));
      } catch {
        resolve(undefined);
      }
      if (error) {
        log.debug(`${executable}: ${error.message}`);
      }
    });
  });
}
