"""The checks that hold the shape of the source: format, lint, strict types, direction of imports."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(*command: str) -> tuple[int, str]:
    done = subprocess.run(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        env={**os.environ, "NO_COLOR": "1", "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"},
    )
    return done.returncode, done.stdout


def script(name: str) -> str:
    """The command `name` of the environment that runs the tests."""
    found = Path(sys.executable).parent / (f"{name}.exe" if os.name == "nt" else name)
    assert found.exists(), f"{name} is not installed beside {sys.executable}; install kls[test]"
    return str(found)


def test_lint() -> None:
    code, output = run(script("ruff"), "check", ".")
    assert code == 0, output


def test_format() -> None:
    code, output = run(script("ruff"), "format", "--check", ".")
    assert code == 0, output


@pytest.mark.slow
def test_types() -> None:
    code, output = run(sys.executable, "-m", "pyright", "--pythonpath", sys.executable)
    assert code == 0, output


def test_direction_of_imports() -> None:
    code, output = run(script("lint-imports"), "--no-cache")
    assert code == 0, output
