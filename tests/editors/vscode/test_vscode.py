"""The packaged extension in a real VS Code: through its API, and as a person sees it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
SEED = ROOT / "docs" / "examples" / "dense_fed_images_fit.py"
PICTURES = ROOT / "artefacts"

pytestmark = [pytest.mark.editors, pytest.mark.tf, pytest.mark.timeout(900)]


def notebook(source: str) -> str:
    """The program as a notebook: a cell for each paragraph that stands at the margin."""
    paragraphs = [part for part in source.split("\n\n") if part]
    cells = [
        {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": p} for p in paragraphs
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    metadata = kernel | {"language_info": {"name": "python"}}
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


def test_extension_host(workbench: Any) -> None:
    program = SEED.read_text(encoding="utf-8").split('"""', 2)[2].lstrip()
    for name in ("dense.py", "again.py"):
        (workbench.folder / name).write_text(program, encoding="utf-8")
    (workbench.folder / "dense.ipynb").write_text(notebook(program), encoding="utf-8")
    said = workbench.run_host_tests(HERE / "host" / "index.js", seconds=700)
    assert said.count("TEST passed: ") == 4


def test_what_a_person_sees(workbench: Any) -> None:
    shutil.copy(SEED, workbench.folder / "train.py")
    PICTURES.mkdir(exist_ok=True)
    workbench.look(HERE / "look_dense.mjs", seconds=700, file="train.py", fix="eshape", pictures=str(PICTURES))
    assert "reshape" in (workbench.folder / "train.py").read_text(encoding="utf-8")


def test_the_model_graph(workbench: Any) -> None:
    shutil.copy(SEED, workbench.folder / "train.py")
    large = "import keras\n\nmodel = keras.applications.MobileNetV2(weights=None)\n"
    (workbench.folder / "large.py").write_text(large, encoding="utf-8")
    PICTURES.mkdir(exist_ok=True)
    repair = {"line": "load_data()", "text": "x_train = x_train.reshape(-1, 784)"}
    workbench.look(
        HERE / "look_graph.mjs", seconds=700, file="train.py", large="large.py", repair=repair, pictures=str(PICTURES)
    )


def test_an_untrusted_workspace_is_only_read(wary_workbench: Any) -> None:
    shutil.copy(SEED, wary_workbench.folder / "train.py")
    PICTURES.mkdir(exist_ok=True)
    wary_workbench.look(HERE / "look_trust.mjs", seconds=700, file="train.py", pictures=str(PICTURES))
