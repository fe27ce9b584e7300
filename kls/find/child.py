"""The resolver's child process: jedi, one thread, one question after another. A script of its own, never imported.

It is started as `python -I -S child.py` with its first line of input saying where jedi lies and what to search:
{"jedi": [folders], "cache": folder, "root": folder}. Then it answers one line for each line, with the same "id":
{"id", "text", "path", "search": [folders]} opens a text; {"id", "line", "column"} asks about the name there (line
from 1, column from 0 in characters) and is answered by {"id", "names": [full names]}.

Nothing outside the standard library, jedi and parso is ever executed: this process has no site-packages, and every
import statement sees its own path only, also while jedi has swapped `sys.path` to search the author's folders.
"""

from __future__ import annotations

import builtins
import contextlib
import faulthandler
import importlib
import importlib.machinery
import json
import os
import sys
from typing import Any

_OWN = ("jedi", "parso")
_LONGEST = 15.0
"""Seconds after which a question ends this process; the parent, if it lives, has killed it long before."""
_MEMORY = 2 << 30


class _OwnPackages:
    """Finds jedi and parso in the server's folders, and nothing else."""

    def __init__(self, folders: list[str]) -> None:
        self.folders = folders

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name in _OWN and path is None:
            return importlib.machinery.PathFinder.find_spec(name, self.folders)
        return None


def _keep_imports_home() -> None:
    """Make every `import` look on this process's own path, whatever `sys.path` is at that moment."""
    own = list(sys.path)
    plain = builtins.__import__

    def home(*arguments: Any, **keywords: Any) -> Any:
        if sys.path == own:
            return plain(*arguments, **keywords)
        swapped, sys.path = sys.path, own
        try:
            return plain(*arguments, **keywords)
        finally:
            sys.path = swapped

    builtins.__import__ = home


def main() -> None:
    """Answer questions until the input ends."""
    wire_in = os.fdopen(os.dup(0), "rb")
    wire_out = os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    _die_with_parent()
    start = json.loads(wire_in.readline())
    _limit_memory()
    finder: Any = _OwnPackages(start["jedi"])
    sys.meta_path.insert(0, finder)
    jedi: Any = importlib.import_module("jedi")
    environment: Any = importlib.import_module("jedi.api.environment").InterpreterEnvironment()
    sys.meta_path.remove(finder)  # else the author's own `import jedi` would lead here
    _keep_imports_home()
    jedi.settings.auto_import_modules = []
    jedi.settings.cache_directory = start["cache"]
    script: Any = None
    for line in wire_in:
        faulthandler.dump_traceback_later(_LONGEST, exit=True)
        question = json.loads(line)
        answer: dict[str, Any] = {"id": question["id"]}
        if "text" in question:
            project = jedi.Project(start["root"], sys_path=question["search"], smart_sys_path=False)
            script = jedi.Script(
                question["text"], path=question["path"] or None, environment=environment, project=project
            )
        else:
            answer["names"] = _names(script, question["line"], question["column"])
        wire_out.write(json.dumps(answer).encode() + b"\n")
        wire_out.flush()
        faulthandler.cancel_dump_traceback_later()


def _die_with_parent() -> None:
    """Have the kernel end this process with the server, also in the middle of a question (Linux)."""
    if sys.platform == "linux":
        import ctypes
        import signal

        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL, 0, 0, 0)


def _limit_memory() -> None:
    with contextlib.suppress(Exception):  # Windows has no such limit
        resource: Any = importlib.import_module("resource")
        resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))


def _names(script: Any, line: int, column: int) -> list[str]:
    """Full names of what the name at the place refers to, imports followed; none when jedi cannot say or fails."""
    found: list[str] = []
    with contextlib.suppress(Exception):  # jedi raises many kinds on half-written text; each means "not known"
        for name in script.goto(line, column, follow_imports=True):
            if name.full_name and name.full_name not in found:
                found.append(name.full_name)
    return found[:8]


if __name__ == "__main__":
    main()
