"""A real Emacs in batch mode, with eglot and the real server: finding, hover, quick fix, end."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SEED = ROOT / "docs" / "examples" / "dense_fed_images_fit.py"
SESSION = Path(__file__).with_name("emacs") / "session.el"

pytestmark = [pytest.mark.editors, pytest.mark.tf, pytest.mark.timeout(900)]


def _emacs() -> str:
    if os.environ.get("KLS_EDITORS") != "all":
        # Not every Emacs has eglot.
        pytest.skip("tests/editors/run installs Emacs with eglot and runs this")
    found = shutil.which("emacs")
    return found or pytest.fail("Emacs is missing: install emacs-nox and elpa-eglot, or Emacs 29 or newer")


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one session saw, from opening the program to the end of the server."""
    folder = tmp_path_factory.mktemp("emacs")
    program = folder / "project" / "train.py"
    (program.parent / ".git").mkdir(parents=True)
    shutil.copy(SEED, program)
    out = folder / "seen.json"
    environment = os.environ | {
        "HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "VIRTUAL_ENV": sys.prefix,
        "KLS_COMMAND": json.dumps([sys.executable, "-I", "-m", "kls", "server"]),
        "KLS_FILE": str(program),
        "KLS_OUT": str(out),
    }
    done = subprocess.run(
        [_emacs(), "-Q", "--batch", "-l", str(SESSION)],
        env=environment,
        cwd=program.parent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=800,
    )
    assert out.exists(), done.stderr
    result: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    assert "failure" not in result, f"{result['failure']}\n{done.stderr[-3000:]}"
    assert done.returncode == 0
    return result


def test_a_finding_at_its_cause(seen: dict[str, Any]) -> None:
    assert "784" in seen["message"] and "28, 28" in seen["message"]
    line = SEED.read_text(encoding="utf-8").splitlines()[seen["line"] - 1]
    assert line.startswith("(x_train, y_train)")


def test_shapes_in_the_hover(seen: dict[str, Any]) -> None:
    assert "(None, 64)" in seen["hover"]


def test_the_quick_fix_repairs_the_program(seen: dict[str, Any]) -> None:
    assert "verified" in seen["title"]
    assert "reshape" in seen["fixed"]
    compile(seen["fixed"], "train.py", "exec")


def test_the_server_ends_with_the_session(seen: dict[str, Any]) -> None:
    assert seen["ended"] is True
