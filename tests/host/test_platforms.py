"""Systems without Linux's parts: what is missing there must not be needed to import kls."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import kls

PACKAGE = Path(kls.__file__).parent
ABSENT = frozenset(("fcntl", "grp", "posix", "pty", "pwd", "resource", "spwd", "syslog", "termios", "tty"))
"""Modules of the standard library that Windows does not have."""
LINUX = {
    "worker/sandbox/launch.py": "the sandbox",
    "worker/sandbox/lockdown.py": "the sandbox",
    "worker/sandbox/namespaces.py": "the sandbox",
    "worker/sandbox/trial.py": "the sandbox",
    "worker/dryrun/real.py": "imported for a real step alone, which happens in the sandbox",
}
"""What is only imported where there is a sandbox, and why."""
MISSING = """
import asyncio, concurrent.futures, importlib, logging, multiprocessing, os, pkgutil, random, shutil, socket
import subprocess, sys, tempfile, threading, uuid
import jedi, lsprotocol.types, parso, platformdirs, pygls.lsp.server

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name in absent:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

absent, out = set(sys.argv[1].split()), set(sys.argv[2].split())
for name in absent:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Absent())
for name in "fork forkpty getuid geteuid killpg setsid setpgid sysconf waitid WNOHANG WEXITED O_DIRECTORY O_NOFOLLOW \
O_CLOEXEC sched_getaffinity pipe2 nice uname".split():
    if hasattr(os, name):
        delattr(os, name)
sys.platform = "win32"  # what asks for it takes the way of that system
import kls
for module in pkgutil.walk_packages(kls.__path__, "kls."):
    if module.name not in out and not module.name.startswith("kls.worker.dryrun") and module.name != "kls.__main__":
        importlib.import_module(module.name)
        print(module.name)
"""


def test_every_module_can_be_imported_without_what_windows_lacks() -> None:
    linux = " ".join(f"kls.{name[:-3].replace('/', '.')}" for name in LINUX)
    command = [sys.executable, "-c", MISSING, " ".join(ABSENT), linux]
    done = subprocess.run(command, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    imported = set(done.stdout.split())
    assert imported >= {"kls.server", "kls.cli.doctor", "kls.host.process", "kls.worker.serve", "kls.worker.bootstrap"}


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("worker/**/*.py")), ids=lambda path: path.stem)
def test_the_worker_imports_what_windows_lacks_only_where_it_is(path: Path) -> None:
    name = path.relative_to(PACKAGE).as_posix()
    found = set(imported_at_once(ast.parse(path.read_text(encoding="utf-8")).body)) & ABSENT
    assert not found or name in LINUX


def imported_at_once(body: list[ast.stmt]) -> Iterator[str]:
    """The modules that are imported with a module, wherever it runs: not those of its functions and its conditions."""
    for statement in body:
        if isinstance(statement, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom) and not statement.level:
            yield (statement.module or "").partition(".")[0]
