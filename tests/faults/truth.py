"""What a program really does: its real run in a child process (`staged`), remembered by the hash of its text."""

from __future__ import annotations

import ast
import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

SECONDS = 40
"""CPU time for one run."""
QUICK = 15.0
"""CPU time that a working program may take to be of use, since it is run once for each fault."""
ROUNDS = 4


@dataclass(frozen=True)
class Outcome:
    """How a run ended: "failed" with the exception, "done" or "exit" without one, else it was cut short.

    `line` is the author's line that raised (from 1), `raiser` the file, from its package on, that did.
    """

    end: str
    exception: str = ""
    message: str = ""
    line: int = 0
    raiser: str = ""

    @property
    def failed(self) -> bool:
        return self.end == "failed"

    @property
    def runs(self) -> bool:
        return self.end in ("done", "exit")


class Truth:
    """Runs programs one after another, each for at most `seconds` of CPU time. `cache` is a folder in which answers are
    kept; use as a context manager."""

    def __init__(self, cache: Path, seconds: int = SECONDS) -> None:
        self._cache, self._seconds = cache, seconds
        self._stage = hashlib.sha256((Path(__file__).parent / "staged.py").read_bytes()).hexdigest()
        self._server: subprocess.Popen[str] | None = None
        cache.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Truth:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._server is not None:
            self._server.kill()
            self._server.wait()

    def outcome(self, files: Mapping[str, str], staged: bool = True) -> Outcome:
        """How the program ends: `files` are its texts by name, the one that is run first.

        Without `staged` it runs as it is, its whole training included.
        """
        told = self._ask(files, contain=False, staged=staged)
        if not told["failures"]:
            return Outcome(told["end"])
        first = told["failures"][0]
        return Outcome(told["end"], first["exception"], first["message"], first["line"], first["raiser"])

    def working(self, files: Mapping[str, str]) -> dict[str, str] | None:
        """The program without the statements of its top level that cannot run here (a file, a package, the network);
        their lines become blank. None where it never comes to run."""
        main, text = next(iter(files.items()))
        for _ in range(ROUNDS):
            told = self._ask({**files, main: text}, contain=True)
            if told["end"] not in ("done", "exit"):
                return None
            if not told["failures"]:
                return {**files, main: text} if told["seconds"] < QUICK else None
            rows = text.split("\n")
            for failure in told["failures"]:
                rows[failure["first"] - 1 : failure["last"]] = [""] * (failure["last"] - failure["first"] + 1)
            text = "\n".join(rows)
            try:
                ast.parse(text)
            except SyntaxError:
                return None
        return None

    def _ask(self, files: Mapping[str, str], contain: bool, staged: bool = True) -> dict[str, Any]:
        key = hashlib.sha256(f"{self._stage}\0{contain}\0{staged}\0{json.dumps(files)}".encode()).hexdigest()
        kept = self._cache / f"{key}.json"
        if kept.exists():
            return json.loads(kept.read_text())
        with tempfile.TemporaryDirectory() as folder:
            question = {"files": dict(files), "folder": folder, "seconds": self._seconds}
            told = self._reply(json.dumps({**question, "contain": contain, "staged": staged}))
        kept.write_text(json.dumps(told))
        return told

    def _reply(self, question: str) -> dict[str, Any]:
        if self._server is None:
            command = [sys.executable, str(Path(__file__).parent / "staged.py")]
            self._server = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
        assert self._server.stdin is not None and self._server.stdout is not None
        self._server.stdin.write(question + "\n")
        self._server.stdin.flush()
        line = self._server.stdout.readline()
        if not line:
            raise RuntimeError("the process of the real runs is gone")
        return json.loads(line)
