/**
 * Which Python environment the user chose, asked of the extensions that know: Python Environments first, then Python.
 * Both are optional; where neither answers, the server searches by itself. In an untrusted workspace the answer is
 * always "none": an environment that lies in a workspace is a program of the workspace.
 */
import type { PythonExtension } from '@vscode/python-extension';
import * as vscode from 'vscode';

/** An interpreter as the server wants to hear of it. */
export interface Environment {
  readonly executable: string;
  readonly sysPrefix?: string;
  readonly version?: string;
}

/** The environments of all open folders, and an event that fires only when one really became another. */
export interface Environments extends vscode.Disposable {
  readonly onDidChange: vscode.Event<void>;
  get(scope: vscode.Uri | undefined): Promise<Environment | undefined>;
}

type Look = (scope: vscode.Uri | undefined) => Promise<Environment | undefined>;

/** What is used of the API of `ms-python.vscode-python-envs`. */
interface PythonEnvironmentsApi {
  getEnvironment(scope: vscode.Uri | undefined): Promise<
    | {
        readonly execInfo?: { readonly run?: { readonly executable?: string } };
        readonly sysPrefix?: string;
        readonly version?: string;
        readonly error?: string;
      }
    | undefined
  >;
  readonly onDidChangeEnvironment: vscode.Event<unknown>;
}

export function watchEnvironments(log: vscode.LogOutputChannel): Environments {
  const changed = new vscode.EventEmitter<void>();
  const known = new Map<string, { scope: vscode.Uri | undefined; found: Promise<Environment | undefined> }>();
  const listeners: vscode.Disposable[] = [changed];

  // The extensions announce far more changes than there are: only another answer counts.
  const refresh = async (look: Look): Promise<void> => {
    const before = await Promise.all([...known].map(async ([key, entry]) => ({ key, ...entry, was: await entry.found })));
    const moved = await Promise.all(
      before.map(async ({ key, scope, was }) => {
        const found = look(scope);
        known.set(key, { scope, found });
        return JSON.stringify(await found) !== JSON.stringify(was);
      }),
    );
    if (moved.includes(true)) {
      changed.fire();
    }
  };
  const listen = (event: vscode.Event<unknown>, look: Look): void => {
    listeners.push(event(() => void refresh(look)));
  };
  let source: Promise<Look> | undefined;

  return {
    onDidChange: changed.event,
    async get(scope) {
      if (!vscode.workspace.isTrusted) {
        return undefined;
      }
      source ??= findSource(log, listen);
      const folder = scope && (vscode.workspace.getWorkspaceFolder(scope)?.uri ?? scope);
      const key = folder?.toString() ?? '';
      let entry = known.get(key);
      if (!entry) {
        const look = source.then((ask) => ask(folder));
        entry = { scope: folder, found: look };
        known.set(key, entry);
      }
      return entry.found;
    },
    dispose: () => listeners.forEach((listener) => listener.dispose()),
  };
}

async function findSource(
  log: vscode.LogOutputChannel,
  listen: (event: vscode.Event<unknown>, look: Look) => void,
): Promise<Look> {
  const guard =
    (look: Look): Look =>
    async (scope) => {
      try {
        return await look(scope);
      } catch (error) {
        log.warn(`The Python extension did not answer: ${String(error)}`);
        return undefined;
      }
    };
  const environments = await exportsOf<PythonEnvironmentsApi>('ms-python.vscode-python-envs', log);
  // Its exports are undefined where "python.useEnvironmentsExtension" is off.
  if (environments?.getEnvironment) {
    const look = guard(async (scope) => {
      const found = await environments.getEnvironment(scope);
      const executable = found?.execInfo?.run?.executable;
      return executable && !found.error ? { executable, sysPrefix: found.sysPrefix, version: found.version } : undefined;
    });
    listen(environments.onDidChangeEnvironment, look);
    log.info('The Python Environments extension chooses the environment.');
    return look;
  }
  const python = await exportsOf<PythonExtension>('ms-python.python', log);
  if (python?.environments) {
    const look = guard(async (scope) => {
      const api = python.environments;
      const found = await api.resolveEnvironment(api.getActiveEnvironmentPath(scope));
      const executable = found?.executable.uri?.fsPath;
      const version = found?.version && `${found.version.major}.${found.version.minor}.${found.version.micro}`;
      return executable ? { executable, sysPrefix: found.executable.sysPrefix, version } : undefined;
    });
    listen(python.environments.onDidChangeActiveEnvironmentPath, look);
    log.info('The Python extension chooses the environment.');
    return look;
  }
  log.info('No Python extension is installed: the server looks for an environment by itself.');
  return () => Promise.resolve(undefined);
}

async function exportsOf<Api>(id: string, log: vscode.LogOutputChannel): Promise<Api | undefined> {
  const extension = vscode.extensions.getExtension<Api>(id);
  try {
    return await extension?.activate();
  } catch (error) {
    log.warn(`${id} did not start: ${String(error)}`);
    return undefined;
  }
}
