"""The programs of a project that import a document: who may call what nobody calls in its own file."""

from __future__ import annotations

import ast
import os
import re
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kls.documents import Snapshot, read, uri_of
from kls.find.modules import MOST_MODULES, Memory, Project, collect, keep, known_imports, reached
from kls.worker.comments import UNPARSED
from kls.worker.protocol import Source

MOST_NAMES = 3000
"""Files of a project that are looked at by name."""
MOST_READ = 300
"""Files whose text is read."""
MOST_BYTES = 1 << 20
"""Size of a file that is read, in bytes."""
MOST_SECONDS = 1.5
"""Wall time of one search."""
MOST_STEPS = 3
"""Modules between the document and a program that runs it."""
_NEVER = frozenset(("__pycache__", "node_modules", "site-packages", "dist-packages"))
_ENVIRONMENT = ("pyvenv.cfg", "conda-meta")
"""What only the root of an installed environment has."""


@dataclass(frozen=True)
class Caller:
    """A program that imports the document, directly or through other modules, and the modules that it imports."""

    snapshot: Snapshot
    modules: tuple[Source, ...]


def callers(
    target: Snapshot,
    roots: Sequence[str],
    buffers: Mapping[str, str],
    sys_path: Sequence[str] = (),
    memory: Memory | None = None,
    leave_out: frozenset[str] = frozenset(),
) -> Iterator[Caller]:
    """The programs that import the file of `target`, those that do so directly first, then the nearest by folder.

    Looked for in the innermost of the workspace folders `roots` that holds the file; without one, beside the file. A
    program is a file whose own top level does something; `leave_out` are paths of files that are none. `buffers` maps
    paths to unsaved texts, which count before the files.
    """
    if not target.path:
        return
    end = time.monotonic() + MOST_SECONDS
    memory = memory or Memory()
    texts = dict(_texts(target.path, roots, buffers, memory, end))
    project_buffers = {**buffers, target.path: target.text}
    wanted, seen = {target.path}, {target.path}
    for _ in range(MOST_STEPS):
        names = re.compile(rf"\b(?:{'|'.join(sorted({re.escape(_module_of(path)) for path in wanted}))})\b")
        importers: set[str] = set()
        for path, text in texts.items():
            if time.monotonic() > end:
                return
            if path in seen or "import" not in text or not names.search(text):
                continue
            # A package's own file may be found by its imports: they are read as those of a file beside it.
            beside = os.path.join(os.path.dirname(path), "?.py")
            reader = Project(Snapshot("", beside, 0, text), roots, project_buffers, sys_path, memory)
            if any(found.path in wanted for found in reached(reader, None, known_imports(path, text, memory))):
                importers.add(path)
                if path not in leave_out and _known_acts(path, text, memory):
                    program = Snapshot(uri_of(path), path, 0, text)
                    modules = collect(Project(program, roots, project_buffers, sys_path, memory))
                    if any(module.path == target.path for module in modules):
                        yield Caller(_snapshot(path, text), modules)
        if not importers:
            return
        seen |= importers
        wanted = importers


def _texts(
    target: str, roots: Sequence[str], buffers: Mapping[str, str], memory: Memory, end: float
) -> Iterator[tuple[str, str]]:
    """The Python files and notebooks of the project with their texts, the nearest to `target` first."""
    holding = [root for root in roots if target.startswith(root.rstrip(os.sep) + os.sep)]
    folder = max(holding, key=len, default="")
    found = list(_files(folder or os.path.dirname(target), deep=bool(folder), end=end))
    found += [path for path in buffers if os.path.isabs(path) and (not folder or path.startswith(folder + os.sep))]
    home = os.path.dirname(target)

    def distance(path: str) -> tuple[int, str]:
        parts = os.path.relpath(os.path.dirname(path), home).split(os.sep)
        return len([part for part in parts if part != "."]), path

    for path in sorted(dict.fromkeys(found), key=distance)[:MOST_READ]:
        if time.monotonic() > end:
            return
        text = buffers.get(path)
        if text is None:
            text = _read(path, memory)
        if text is not None:
            yield path, text


def _files(folder: str, deep: bool, end: float) -> Iterator[str]:
    count = 0
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if deep and _may_enter(here, name))
        for name in sorted(names):
            count += 1
            if count > MOST_NAMES or time.monotonic() > end:
                return
            if name.endswith((".py", ".ipynb")) and not name.startswith("."):
                path = os.path.join(here, name)
                if not os.path.islink(path):
                    yield path


def _may_enter(here: str, name: str) -> bool:
    path = os.path.join(here, name)
    return (
        not name.startswith(".")
        and name not in _NEVER
        and not any(os.path.exists(os.path.join(path, mark)) for mark in _ENVIRONMENT)
    )


def _read(path: str, memory: Memory) -> str | None:
    try:
        status = os.stat(path)
        if status.st_size > MOST_BYTES:
            return None
        stamp = status.st_mtime_ns, status.st_size
        known = memory.callers.get(path)
        if known is None or known[0] != stamp:
            while len(memory.callers) >= 2 * MOST_READ:
                memory.callers.pop(next(iter(memory.callers)), None)
            known = memory.callers[path] = stamp, read(path).text
        return known[1]
    except (OSError, ValueError, RecursionError):
        return None


def _snapshot(path: str, text: str) -> Snapshot:
    """A program as a document; of a notebook with its cells, where they still are those of the text."""
    if path.endswith(".ipynb"):
        try:
            kept = read(path)
        except (OSError, ValueError):
            kept = None
        if kept is not None and kept.text == text:
            return kept
    return Snapshot(uri_of(path), path, 0, text)


def _module_of(path: str) -> str:
    name = os.path.splitext(os.path.basename(path))[0]
    return os.path.basename(os.path.dirname(path)) if name == "__init__" else name


def _known_acts(path: str, text: str, memory: Memory) -> bool:
    known = memory.acts.get(path)
    if known is None or known[0] != text:
        known = keep(memory.acts, path, (text, _acts(text)), 2 * MOST_MODULES)
    return known[1]


def _acts(text: str) -> bool:
    """Whether the top level of a file calls anything, rather than only define."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            body = ast.parse(text).body
    except UNPARSED:
        return False
    defining = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
    return any(isinstance(item, ast.Call) for node in body if not isinstance(node, defining) for item in ast.walk(node))
