"""The packaged extension in a real VS Code: through its API, and as a person sees it."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
SEED = ROOT / "docs" / "examples" / "dense_fed_images_fit.py"
PICTURES = ROOT / "artefacts"
VSIX = ROOT / "editors" / "vscode" / "kls.vsix"

NESTED = """\
import keras
from keras import layers

encoder = keras.Sequential(
    [
        keras.Input((32, 32, 3)),
        layers.Conv2D(8, 3, name="inner_convolution"),
        layers.GlobalAveragePooling2D(),
    ],
    name="encoder",
)
images = keras.Input((32, 32, 3))
model = keras.Model(images, layers.Dense(10)(encoder(images)))
"""

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
    for name in ("dense.ipynb", "cells.ipynb"):
        (workbench.folder / name).write_text(notebook(program), encoding="utf-8")
    said = workbench.run_host_tests(HERE / "host" / "index.js", seconds=700)
    assert said.count("TEST passed: ") == 9


@pytest.mark.parametrize("extension", ["environments", "python"])
def test_the_environment_that_the_user_chose(choosing_workbench: Any, extension: str) -> None:
    shutil.copy(SEED, choosing_workbench.folder / "dense.py")
    helper = HERE / extension
    said = choosing_workbench.run_host_tests(HERE / "host" / "environment.js", seconds=700, helper=helper)
    assert said.count("TEST passed: ") == 1


def test_what_a_person_sees(workbench: Any) -> None:
    shutil.copy(SEED, workbench.folder / "train.py")
    PICTURES.mkdir(exist_ok=True)
    workbench.look(HERE / "look_dense.mjs", seconds=700, file="train.py", fix="eshape", pictures=str(PICTURES))
    assert "reshape" in (workbench.folder / "train.py").read_text(encoding="utf-8")


def test_the_model_graph(workbench: Any) -> None:
    shutil.copy(SEED, workbench.folder / "train.py")
    (workbench.folder / "nested.py").write_text(NESTED, encoding="utf-8")
    large = "import keras\n\nmodel = keras.applications.MobileNetV2(weights=None)\n"
    (workbench.folder / "large.py").write_text(large, encoding="utf-8")
    PICTURES.mkdir(exist_ok=True)
    repair = {"line": "load_data()", "text": "x_train = x_train.reshape(-1, 784)"}
    files = {"file": "train.py", "nested": "nested.py", "large": "large.py"}
    workbench.look(HERE / "look_graph.mjs", seconds=700, **files, repair=repair, pictures=str(PICTURES))
    drawn = ElementTree.parse(workbench.folder / "model.svg").getroot()
    assert drawn.tag == "{http://www.w3.org/2000/svg}svg"
    words = [text for node in drawn.iter("{http://www.w3.org/2000/svg}tspan") if (text := node.text)]
    assert {"x_train", "dense_1", "(None, 64)"} <= set(words)
    # In colours of its own: outside the editor there is no theme.
    assert "var(" not in (workbench.folder / "model.svg").read_text(encoding="utf-8")
    assert (workbench.folder / "model.mmd").read_text(encoding="utf-8").startswith("flowchart TD\n")
    assert (workbench.folder / "model.dot").read_text(encoding="utf-8").startswith("digraph ")


def test_a_notebook_as_a_person_sees_it(workbench: Any) -> None:
    shutil.copy(SEED, workbench.folder / "train.py")
    program = SEED.read_text(encoding="utf-8").split('"""', 2)[2].lstrip()
    (workbench.folder / "train.ipynb").write_text(notebook(program), encoding="utf-8")
    PICTURES.mkdir(exist_ok=True)
    given = {"program": "train.py", "notebook": "train.ipynb", "fix": "eshape"}
    workbench.look(HERE / "look_notebook.mjs", seconds=700, **given, pictures=str(PICTURES))


def test_a_newcomer_gets_to_a_repaired_program_without_a_setting(fresh_workbench: Any) -> None:
    PICTURES.mkdir(exist_ok=True)
    fresh_workbench.look(HERE / "look_newcomer.mjs", seconds=700, fix="eshape", pictures=str(PICTURES))


def test_a_missing_tensorflow_is_told_with_a_way_out(bare_workbench: Any) -> None:
    shutil.copy(SEED, bare_workbench.folder / "train.py")
    PICTURES.mkdir(exist_ok=True)
    bare_workbench.look(HERE / "look_bare.mjs", seconds=700, file="train.py", pictures=str(PICTURES))


def test_the_package_has_what_it_needs_and_nothing_of_this_machine(parts: Path) -> None:
    assert VSIX.stat().st_size < 5_000_000
    with zipfile.ZipFile(VSIX) as package:
        names = package.namelist()
        for wanted in ("dist/extension.js", "dist/graph.js", "bundled/libs/kls/__main__.py", "bundled/example.py"):
            assert f"extension/{wanted}" in names
        strange = [name for name in names if re.search(r"\.(so|pyd|dylib|pyc|map|ts)$|direct_url|node_modules", name)]
        assert strange == []
        folders = (str(ROOT).encode(), tempfile.gettempdir().encode() + b"/kls")
        assert [name for name in names if any(folder in package.read(name) for folder in folders)] == []


def test_an_untrusted_workspace_is_only_read(wary_workbench: Any) -> None:
    shutil.copy(SEED, wary_workbench.folder / "train.py")
    PICTURES.mkdir(exist_ok=True)
    wary_workbench.look(HERE / "look_trust.mjs", seconds=700, file="train.py", pictures=str(PICTURES))
