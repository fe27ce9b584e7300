"""The installed command, run as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Kls = Callable[..., Done]


def run_kls(*arguments: str | Path, cwd: Path, python: str | None = sys.executable, **extra: str) -> Done:
    """Runs `kls …` in a folder, with the interpreter of the tests as the author's."""
    command = [str(Path(sys.executable).parent / "kls"), *map(str, arguments)]
    if python is not None and arguments and arguments[0] in ("check", "shapes", "doctor"):
        command += ["--python", python]
    environment = {name: value for name, value in os.environ.items() if name != "GITHUB_ACTIONS"}
    environment |= {"PYTHONIOENCODING": "utf-8", **extra}
    done = subprocess.run(
        command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8"
    )
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def kls(tmp_path: Path) -> Kls:
    """`run_kls` in an empty folder, if no other is named."""
    return lambda *arguments, cwd=tmp_path, **options: run_kls(*arguments, cwd=cwd, **options)
