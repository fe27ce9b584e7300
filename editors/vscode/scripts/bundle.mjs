/**
 * Puts kls and what its server needs into bundled/libs, for every platform at once: wheels of pure Python only; and the
 * example program of the walkthrough beside it.
 * Needs a Python with pip (the variable PYTHON, else python3) and the package index.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(dirname(fileURLToPath(import.meta.url)));
const root = dirname(dirname(here));
const libs = join(here, 'bundled', 'libs');
const python = process.env.PYTHON ?? (process.platform === 'win32' ? 'python' : 'python3');
const pip = (...args) =>
  execFileSync(python, ['-m', 'pip', '--disable-pip-version-check', '--quiet', ...args], { stdio: 'inherit' });

const wheels = mkdtempSync(join(tmpdir(), 'kls-wheels-'));
try {
  rmSync(libs, { recursive: true, force: true });
  pip('wheel', '--no-deps', '--wheel-dir', wheels, root);
  const own = readdirSync(wheels).map((name) => join(wheels, name));
  // pip reads "python_version < 3.11" for the Python that it runs in, so what only 3.10 needs is named here.
  const forPython310 = ['tomli', 'exceptiongroup', 'typing_extensions'];
  pip(
    'install', '--target', libs, '--no-compile', '--only-binary=:all:',
    '--implementation', 'py', '--abi', 'none', '--platform', 'any', '--python-version', '3.10',
    ...own, ...forPython310,
  );
} finally {
  rmSync(wheels, { recursive: true, force: true });
}
rmSync(join(libs, 'bin'), { recursive: true, force: true });
// pip's notes for itself; one of them names a folder of this machine.
const notes = ['RECORD', 'REQUESTED', 'INSTALLER', 'direct_url.json'];
for (const folder of readdirSync(libs).filter((name) => name.endsWith('.dist-info'))) {
  notes.forEach((name) => rmSync(join(libs, folder, name), { force: true }));
}
copyFileSync(join(root, 'docs', 'examples', 'dense_fed_images_fit.py'), join(here, 'bundled', 'example.py'));
// Nine tenths of jedi's files describe packages whose names kls never asks about.
const foreign = join(libs, 'jedi', 'third_party');
rmSync(join(foreign, 'django-stubs'), { recursive: true });
const stubs = join(foreign, 'typeshed', 'stubs');
for (const name of readdirSync(stubs).filter((name) => name !== 'tensorflow')) {
  rmSync(join(stubs, name), { recursive: true });
}

const compiled = readdirSync(libs, { recursive: true }).filter((name) => /\.(so|pyd|dylib)$/.test(name));
if (compiled.length > 0) {
  console.error(`Not pure Python, so not for every platform: ${compiled.join(', ')}`);
  process.exit(1);
}
