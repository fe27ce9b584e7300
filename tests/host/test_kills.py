"""A few of the kills of `python -m tests.host.kills`, without TensorFlow."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Watched, sandboxed


@pytest.mark.slow
async def test_a_few_kills(worker: Callable[..., Watched]) -> None:
    one = worker(sandbox=True)
    await sandboxed(one)
    await one.host.stop()
    command = [sys.executable, "-m", "tests.host.kills", "8", "--seed", "7", "--real", "0", "--patience", "60"]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, encoding="utf-8", timeout=280)
    assert done.returncode == 0, done.stdout
    assert "until nothing was left" in done.stdout
