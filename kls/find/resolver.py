"""Asks the jedi child what a name in a text refers to, under a time budget; never raises, never blocks the editor.

One question is in flight at a time. A question over its budget costs the child its life: it is killed, a new one
starts, and the expression is not asked again. Whatever fails, the answer is None.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from kls.documents import Snapshot
from kls.find import installed as environment
from kls.find.modules import Memory, search_path
from kls.find.names import BARE, Names, read
from kls.find.overlay import overlay

_WARM = (
    "import tensorflow as tf\nfrom tensorflow.keras import layers\nimport keras\n"
    "tf.keras.layers.Dense\nlayers.Dense\nkeras.layers.Dense\nkeras.Model\ntf.keras.datasets.mnist.load_data\n"
)
"""One name for each way to write Keras; asking for them fills jedi's caches."""
_WARM_PLACES = ((4, 17), (5, 8), (6, 14), (7, 7), (8, 28))
_BACK_OFF = 30.0
_DOTTED_BEFORE = re.compile(r"[\w.]*\Z")
_DOTTED_AFTER = re.compile(r"\w*")
_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "USERPROFILE")


class _Lost(Exception):
    """The child gave no answer: over its budget, dead, or talking nonsense."""


@dataclass
class _Child:
    process: asyncio.subprocess.Process
    asked: int = 0
    opened: tuple[str, str, Sequence[str]] | None = None
    """Path and text that the child has open, and what it searches."""
    answered: bool = False


class Resolver:
    """Owns the jedi child of one environment.

    `sys_path` is the author's (`Hello.path`) and may be changed later, `roots` the workspace folders, `cache_dir` a
    folder of kls's own.
    `legacy` says that `tensorflow.keras` is tf_keras (default: TF_USE_LEGACY_KERAS is set). Times are in seconds:
    `budget` for a name, `first_budget` for the first name a child is asked, which fills its caches.
    """

    def __init__(
        self,
        sys_path: Sequence[str],
        cache_dir: str,
        roots: Sequence[str] = (),
        *,
        legacy: bool | None = None,
        budget: float = 0.5,
        first_budget: float = 3.0,
    ) -> None:
        self.sys_path = tuple(entry for entry in sys_path if os.path.isabs(entry))
        self.cache_dir = os.path.abspath(cache_dir)
        self.roots = tuple(os.path.abspath(root) for root in roots)
        self.legacy = os.environ.get("TF_USE_LEGACY_KERAS", "") in ("1", "true", "True") if legacy is None else legacy
        self.budget = budget
        self.first_budget = first_budget
        self.patience = 1.0
        """Seconds that one call of `sites` may spend on questions; what is not answered by then is asked later."""
        self.restarts = 0
        """How many children were killed or found dead."""
        self.offending: set[tuple[str, str]] = set()
        """(path, expression) that took too long and are not asked again."""
        self.settled: dict[str, str | None] = {}
        """Answers about names of installed packages, which no edit changes: `sites` keeps them here."""
        self.memory = Memory()
        """What is kept of project modules between calls of `sites` and `imported`."""
        self._child: _Child | None = None
        self._lock = asyncio.Lock()
        self._names = BARE
        self._environment: tuple[tuple[str, ...], bool] | None = None
        self._overlay: str | None = None
        self._failed_starts = 0
        self._not_before = 0.0
        self._stopped = False
        self._tasks: set[asyncio.Task[list[str | None]]] = set()

    async def names(self) -> Names:
        """The public names of the installed Keras; read again when `sys_path` was changed."""
        environment = (tuple(self.sys_path), self.legacy)
        if self._environment != environment:
            self._names, self._overlay = await asyncio.to_thread(self._prepare)
            self._environment = environment
            self.settled.clear()
            self.offending.clear()
        return self._names

    async def resolve(self, snapshot: Snapshot, positions: Sequence[tuple[int, int]]) -> list[str | None]:
        """The public name of what stands at each (line from 1, column in characters); None where it is not known.

        A position should lie in the last name of a dotted expression: on `Dense` of `layers.Dense`.
        """
        wanted = [True]
        task = asyncio.create_task(self._batch(snapshot, positions, wanted))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            wanted.clear()  # the question in flight is finished, so that its time is not blamed on the next
            raise

    async def _batch(
        self, snapshot: Snapshot, positions: Sequence[tuple[int, int]], wanted: Sequence[bool]
    ) -> list[str | None]:
        answers: list[str | None] = [None] * len(positions)
        try:
            names = await self.names()
            async with self._lock:
                for index, (line, column) in enumerate(positions):
                    if wanted:
                        answers[index] = await self._ask(snapshot, line, column, names)
        except Exception:  # a resolver that fails is one that does not know
            await self._kill()
        return answers

    async def prewarm(self) -> None:
        """Start the child and fill jedi's caches; safe to run in the background."""
        for place in _WARM_PLACES:
            if self._child is not None:
                self._child.answered = False  # each style of import has its own first time
            await self.resolve(Snapshot("", "", 0, _WARM), [place])

    async def stop(self) -> None:
        """End the child; questions from now on are answered None."""
        self._stopped = True
        async with self._lock:
            await self._kill()

    def _prepare(self) -> tuple[Names, str | None]:
        found = environment.find(self.sys_path, self.legacy)
        try:
            names = read(found)
        except Exception:  # damaged files of an installed package
            names = BARE
        try:
            return names, overlay(found, self.cache_dir)
        except OSError:
            return names, None

    async def _ask(self, snapshot: Snapshot, line: int, column: int, names: Names) -> str | None:
        expression = _expression(snapshot.line_text(line), column)
        if (snapshot.path, expression) in self.offending:
            return None
        child = await self._ready()
        if child is None:
            return None
        budget = self.budget if child.answered else self.first_budget
        try:
            if child.opened != (snapshot.path, snapshot.text, self.sys_path):
                search = [self._overlay] if self._overlay else []
                search += [*search_path(snapshot.path, self.roots, self.sys_path), *self.sys_path]
                question = {"text": snapshot.text, "path": snapshot.path, "search": search}
                await self._exchange(child, question, self.first_budget)
                child.opened = (snapshot.path, snapshot.text, self.sys_path)
            answer = await self._exchange(child, {"line": line, "column": column}, budget)
        except _Lost:
            if len(self.offending) > 10_000:
                self.offending.clear()
            self.offending.add((snapshot.path, expression))
            self.restarts += 1
            await self._kill()
            return None
        child.answered = True
        self._failed_starts = 0
        public = [names.public(name) for name in cast("list[Any]", answer.get("names", [])) if isinstance(name, str)]
        return next((name for name in public if name.startswith("keras.")), public[0] if public else None)

    async def _exchange(self, child: _Child, question: dict[str, Any], budget: float) -> dict[str, Any]:
        """Send one question and wait for its answer. Raises _Lost when there is none in time."""
        child.asked += 1
        question["id"] = child.asked
        try:
            return await asyncio.wait_for(_talk(child, question), budget)
        except (OSError, ValueError, TypeError, KeyError, asyncio.TimeoutError) as error:
            raise _Lost from error

    async def _ready(self) -> _Child | None:
        now = asyncio.get_running_loop().time()
        if self._stopped or (self._child is None and now < self._not_before):
            return None
        if self._child is not None and self._child.process.returncode is None:
            return self._child
        await self._kill()
        self._failed_starts += 1
        if self._failed_starts > 3:
            self._failed_starts = 0
            self._not_before = now + _BACK_OFF
            return None
        try:
            self._child = await self._start()
        except OSError:
            return None
        return self._child

    async def _start(self) -> _Child:
        os.makedirs(self.cache_dir, exist_ok=True)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-S",
            os.path.join(os.path.dirname(os.path.abspath(__file__)), "child.py"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=self.cache_dir,
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        start = {
            "jedi": _own_folders(),
            "cache": os.path.join(self.cache_dir, "jedi"),
            "root": self.roots[0] if self.roots else self.cache_dir,
        }
        assert process.stdin is not None
        process.stdin.write(json.dumps(start).encode() + b"\n")
        return _Child(process)

    async def _kill(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        with contextlib.suppress(ProcessLookupError):
            child.process.kill()
        with contextlib.suppress(OSError, ValueError, asyncio.TimeoutError):
            await asyncio.wait_for(child.process.communicate(), 2.0)  # to the end of its pipes, so that they close


def _own_folders() -> list[str]:
    """The folders that hold the server's own jedi and parso."""
    specs = [importlib.util.find_spec(name) for name in ("jedi", "parso")]
    return [os.path.dirname(os.path.dirname(os.path.abspath(spec.origin))) for spec in specs if spec and spec.origin]


def _expression(text: str, column: int) -> str:
    """The dotted name around `column`."""
    before, after = _DOTTED_BEFORE.search(text, 0, column), _DOTTED_AFTER.match(text, column)
    return (before[0] if before else "") + (after[0] if after else "")


async def _talk(child: _Child, question: dict[str, Any]) -> dict[str, Any]:
    stdin, stdout = child.process.stdin, child.process.stdout
    assert stdin is not None and stdout is not None
    stdin.write(json.dumps(question).encode() + b"\n")
    await stdin.drain()
    answer: Any = json.loads(await stdout.readline())
    if answer["id"] != question["id"]:
        raise ValueError("an answer to another question")
    return answer
