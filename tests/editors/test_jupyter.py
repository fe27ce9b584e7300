"""A real JupyterLab with jupyterlab-lsp in a headless Chromium: found by its entry point, kls speaks in a cell."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import IO

import pytest

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
PARTS = ROOT / ".cache" / "editors"
PICTURES = ROOT / "artefacts"
SEED = ROOT / "docs" / "examples" / "dense_fed_images_fit.py"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a notebook in a running JupyterLab, whose folder the user has said to trust."""
    if os.environ.get("KLS_EDITORS") != "all":
        pytest.skip("tests/editors/run installs JupyterLab and runs this")
    jupyter = PARTS / "jupyter" / "bin" / "jupyter-lab"
    lacking = [str(path) for path in (jupyter, PARTS / "node", PARTS / "driver") if not path.exists()]
    if lacking:
        pytest.fail(f"these parts of the JupyterLab test are missing: {', '.join(lacking)}")
    folder = tmp_path_factory.mktemp("jupyter")
    work = folder / "work"
    work.mkdir()
    program = SEED.read_text(encoding="utf-8").split('"""', 2)[2].strip()
    cells = [
        {"id": f"c{n}", "cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": part}
        for n, part in enumerate(program.split("\n\n"))
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    metadata = kernel | {"language_info": {"name": "python"}}
    text = json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})
    (work / "train.ipynb").write_text(text, encoding="utf-8")
    trusted = folder / "config" / "kls" / "trust.json"
    trusted.parent.mkdir(parents=True)
    trusted.write_text(json.dumps({"folders": {str(work.resolve()): True}}), encoding="utf-8")
    own = {f"JUPYTER_{name}_DIR": str(folder / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    environment = os.environ | own | {"XDG_CONFIG_HOME": str(folder / "config"), "VIRTUAL_ENV": sys.prefix}
    settings = ["ip=127.0.0.1", "port=0", "token=", "allow_root=True", "open_browser=False"]
    command = [str(jupyter), *(f"--ServerApp.{each}" for each in settings), f"--ServerApp.root_dir={work}"]
    process = subprocess.Popen(
        command,
        env=environment,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        port = _port(process.stdout)
        # Read on, or a full pipe would stop it.
        threading.Thread(target=process.stdout.read, daemon=True).start()
        yield f"http://127.0.0.1:{port}/lab/tree/train.ipynb?reset"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(120)


def _port(output: IO[str]) -> int:
    """The port that JupyterLab chose, from the line in which it says so."""
    said = ""
    for line in output:
        said += line
        if found := re.search(r"http://127\.0\.0\.1:(\d+)/lab", line):
            return int(found[1])
    raise AssertionError(f"JupyterLab ended before it listened:\n{said}")


def test_jupyterlab_finds_kls_without_a_setting() -> None:
    (found,) = entry_points(group="jupyter_lsp_spec_v1", name="kls")
    spec = found.load()(None)["kls"]
    # Isolated: the server starts in the notebooks' folder.
    assert spec["argv"][:2] == [sys.executable, "-I"]
    done = subprocess.run([*spec["argv"][:-1], "--version"], capture_output=True, text=True, timeout=240, check=True)
    assert done.stdout.startswith("kls ")


@pytest.mark.editors
@pytest.mark.tf
@pytest.mark.timeout(900)
def test_a_notebook_in_jupyterlab(lab: str) -> None:
    PICTURES.mkdir(exist_ok=True)
    node = PARTS / "node" / "node_modules" / "node" / "bin" / "node"
    look = [str(HERE / "jupyter" / "look_notebook.mjs"), json.dumps({"pictures": str(PICTURES), "name": "jupyterlab"})]
    environment = os.environ | {
        "PLAYWRIGHT": str(PARTS / "driver" / "node_modules" / "playwright-core"),
        "CHROMIUM": shutil.which("chromium") or "chromium",
    }
    done = subprocess.run(
        [str(node), str(HERE / "vscode" / "browser.mjs"), "look", lab, *look],
        env=environment,
        capture_output=True,
        text=True,
        timeout=700,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
