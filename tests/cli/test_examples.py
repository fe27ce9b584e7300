"""The programs of `docs/examples/`, as the README's first command checks them, on the real Keras."""

from __future__ import annotations

import json
import os
import sys
import venv
from pathlib import Path
from typing import Any

import pytest

from .conftest import Kls, run_kls

pytestmark = [pytest.mark.tf, pytest.mark.slow]
ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "docs" / "examples"

FINDING = {
    "code": str, "severity": str, "evidence": str, "message": str,
    "line": int, "column": int, "end_line": int, "end_column": int, "related": list, "fixes": list,
}  # fmt: skip
RELATED = {"path": str, "line": int, "message": str}
FIX = {"title": str, "verified": (bool, type(None)), "edits": list}
EDIT = {"path": str, "line": int, "column": int, "end_line": int, "end_column": int, "text": str}


def fits(value: dict[str, Any], fields: dict[str, Any]) -> bool:
    return value.keys() == fields.keys() and all(isinstance(value[name], kind) for name, kind in fields.items())


@pytest.fixture(scope="module")
def checked() -> dict[str, dict[str, Any]]:
    """The entry of each example, from one run of the README's command with JSON for output."""
    done = run_kls("check", "docs/examples/", "--output-format", "json", cwd=ROOT)
    assert done.code == 1, done.err
    assert done.json["version"] == 1
    return {entry["path"]: entry for entry in done.json["files"]}


def told(entry: dict[str, Any]) -> list[dict[str, Any]]:
    """What is said of a program, but for the hint that its pictures are not scaled, which most programs here get."""
    return [item for item in entry["findings"] if (item["code"], item["severity"]) != ("scaling", "hint")]


def only(checked: dict[str, dict[str, Any]], name: str) -> dict[str, Any]:
    """The one finding of an example, besides the hint that its pictures are not scaled."""
    entry = checked[f"docs/examples/{name}"]
    assert (entry["status"], entry["reason"]) == ("checked", None)
    found = told(entry)
    assert len(found) == 1, json.dumps(entry["findings"], indent=1)
    return found[0]


def marked(name: str, finding: dict[str, Any]) -> str:
    """The text that a finding is about."""
    assert finding["line"] == finding["end_line"]
    line = (EXAMPLES / name).read_text(encoding="utf-8").splitlines()[finding["line"] - 1]
    return line[finding["column"] - 1 : finding["end_column"] - 1]


def test_the_json_is_what_its_manual_says(checked: dict[str, dict[str, Any]]) -> None:
    assert len(checked) == 6
    for entry in checked.values():
        assert entry.keys() == {"path", "status", "reason", "seconds", "findings"}
        for finding in entry["findings"]:
            assert fits(finding, FINDING), finding
            assert all(fits(related, RELATED) for related in finding["related"])
            for fix in finding["fixes"]:
                assert fits(fix, FIX) and fix["edits"]
                assert all(fits(edit, EDIT) for edit in fix["edits"])


@pytest.mark.parametrize(
    ("name", "severity", "evidence"),
    [
        ("dense_fed_images_fit.py", "error", "raised"),
        ("typing/dense_fed_images.py", "warning", "not-yet"),
        ("integer_features_fit.py", "hint", "advice"),
        ("typing/integer_features.py", "hint", "advice"),
        ("missing_channel_axis_fit.py", "information", "advice"),
        ("typing/missing_channel_axis.py", "information", "advice"),
    ],
)
def test_each_program_has_its_one_finding(
    checked: dict[str, dict[str, Any]], name: str, severity: str, evidence: str
) -> None:
    finding = only(checked, name)
    assert (finding["severity"], finding["evidence"]) == (severity, evidence)
    assert marked(name, finding).startswith(("x_train", "(x_train"))
    assert finding["fixes"] and all(fix["verified"] is True for fix in finding["fixes"])


def test_the_repairs_are_those_that_the_reader_needs(checked: dict[str, dict[str, Any]]) -> None:
    for name in ("dense_fed_images_fit.py", "typing/dense_fed_images.py"):
        texts = [edit["text"] for fix in only(checked, name)["fixes"] for edit in fix["edits"]]
        assert any("reshape(60000, 784)" in text for text in texts), texts
        assert any("Flatten" in text for text in texts), texts
    for name in ("integer_features_fit.py", "typing/integer_features.py"):
        texts = [edit["text"] for fix in only(checked, name)["fixes"] for edit in fix["edits"]]
        assert any("float32" in text for text in texts), texts
    for name in ("missing_channel_axis_fit.py", "typing/missing_channel_axis.py"):
        texts = [edit["text"] for fix in only(checked, name)["fixes"] for edit in fix["edits"]]
        assert any("reshape(60000, 28, 28, 1)" in text or "np.newaxis" in text or "None]" in text for text in texts)


def apply(text: str, edits: list[dict[str, Any]]) -> str:
    """`text` with edits in the words of the JSON carried out, by lines and columns from 1 in characters."""
    lines = text.splitlines(keepends=True)
    starts = [sum(map(len, lines[:index])) for index in range(len(lines) + 1)]
    for edit in sorted(edits, key=lambda edit: (edit["line"], edit["column"]), reverse=True):
        start = starts[edit["line"] - 1] + edit["column"] - 1
        end = starts[edit["end_line"] - 1] + edit["end_column"] - 1
        text = text[:start] + edit["text"] + text[end:]
    return text


PROGRAM = """\
import numpy as np
from tensorflow import keras
name = '🧠'; x_train = np.zeros((64, 28, 28)); y_train = np.zeros((64,))
model = keras.Sequential([keras.Input((784,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(x_train, y_train)
"""


@pytest.fixture(scope="module")
def folder(checked: dict[str, dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program with an emoji before its fault, the same as a notebook, and every example with each of its fixes."""
    root = tmp_path_factory.mktemp("programs")
    (root / "emoji.py").write_text(PROGRAM, encoding="utf-8")
    lines = PROGRAM.splitlines(keepends=True)
    cells = [["# Title"], ["%matplotlib inline\n", *lines[:2]], lines[2:4], lines[4:]]
    kinds = ["markdown", "code", "code", "code"]
    notebook = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {},
        "cells": [{"cell_type": kind, "source": source} for kind, source in zip(kinds, cells, strict=True)],
    }
    (root / "book.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    for path, entry in checked.items():
        text = (ROOT / path).read_text(encoding="utf-8")
        for number, fix in enumerate(fix for finding in told(entry) for fix in finding["fixes"]):
            place = root / "fixed" / f"{number}_{path.replace('/', '_')}"
            place.parent.mkdir(exist_ok=True)
            place.write_text(apply(text, fix["edits"]), encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def judged(folder: Path) -> dict[str, dict[str, Any]]:
    """The entries of one run over `folder`."""
    done = run_kls("check", ".", "--output-format", "json", cwd=folder)
    assert done.code == 1, done.err
    return {entry["path"]: entry for entry in done.json["files"]}


def test_after_each_fix_the_finding_is_gone(judged: dict[str, dict[str, Any]]) -> None:
    fixed = {path: entry for path, entry in judged.items() if path.startswith("fixed")}
    assert len(fixed) >= 6
    assert {path: entry for path, entry in fixed.items() if told(entry) or entry["status"] != "checked"} == {}


def test_columns_count_characters(judged: dict[str, dict[str, Any]]) -> None:
    (finding,) = judged["emoji.py"]["findings"]
    line = PROGRAM.splitlines()[2]
    assert (finding["line"], finding["end_line"]) == (3, 3)
    assert line[finding["column"] - 1 : finding["end_column"] - 1].startswith("x_train")
    assert line[: finding["column"] - 1].isprintable() and "🧠" in line[: finding["column"] - 1]
    assert [related["line"] for related in finding["related"] if related["path"] == "emoji.py"]


def test_notebooks_are_checked_by_cell(judged: dict[str, dict[str, Any]], folder: Path, kls: Kls) -> None:
    (finding,) = judged["book.ipynb"]["findings"]
    assert (finding["cell"], finding["line"]) == (3, 1)
    assert all({"path", "cell", "line"} <= edit.keys() for fix in finding["fixes"] for edit in fix["edits"])
    concise = kls("check", "book.ipynb", "--output-format", "concise", cwd=folder)
    assert concise.out.startswith(f"book.ipynb:cell 3:1:{finding['column']}: error[input-shape]: ")


def test_what_does_not_parse_costs_a_notebook_no_more_than_its_cell(folder: Path, kls: Kls, tmp_path: Path) -> None:
    notebook = json.loads((folder / "book.ipynb").read_text(encoding="utf-8"))
    notebook["cells"].append({"cell_type": "code", "source": "print 'trained'"})
    (tmp_path / "older.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    done = kls("check", "older.ipynb")
    assert done.code == 2 and "older.ipynb:cell 3:1" in done.out and "error[input-shape]" in done.out
    assert "older.ipynb: not wholly checked: syntax error in cell 5, line 1: " in done.out


def test_paths_beside_a_program_or_a_notebook_are_found_wherever_kls_is_started(kls: Kls, tmp_path: Path) -> None:
    program = """import keras, pandas as pd
table = pd.read_csv("../input/train.csv")
model = keras.Sequential([keras.layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(table.drop(columns="c").values, table["c"].values)
"""
    for name in ("input", "code"):
        (tmp_path / name).mkdir()
    (tmp_path / "input" / "train.csv").write_text("a,b,c\n" + "1,2,3\n" * 40, encoding="utf-8")
    (tmp_path / "code" / "train.py").write_text(program, encoding="utf-8")
    notebook = {"nbformat": 4, "cells": [{"cell_type": "code", "source": program}]}
    (tmp_path / "code" / "train.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    done = kls("shapes", ".", "--output-format", "json")
    assert [entry["path"] for entry in done.json["files"]] == ["code/train.ipynb", "code/train.py"]
    for entry in done.json["files"]:
        (model,) = entry["models"]
        assert [(layer["input_shape"], layer["parameters"]) for layer in model["layers"]] == [([None, 2], 3)]


def test_annotations_on_github(folder: Path, kls: Kls) -> None:
    done = kls("check", "emoji.py", cwd=folder, GITHUB_ACTIONS="true")
    assert done.code == 1
    assert done.out.startswith("::error file=emoji.py,line=3,")


def test_only_reading_runs_nothing(kls: Kls, tmp_path: Path) -> None:
    (tmp_path / "emoji.py").write_text(PROGRAM, encoding="utf-8")
    done = kls("check", "--static", "emoji.py", "--output-format", "json", python=None)
    (entry,) = done.json["files"]
    assert (done.code, entry["status"], entry["findings"]) == (0, "static", [])


def test_what_the_text_alone_tells_is_found_by_reading(kls: Kls, tmp_path: Path) -> None:
    text = 'import keras\nraise SystemExit\nlayer = keras.layers.Dense(1, activation="rellu")\n'
    (tmp_path / "a.py").write_text(text, encoding="utf-8")
    done = kls("check", "--static", "a.py", "--output-format", "json", python=None)
    (entry,) = done.json["files"]
    (finding,) = entry["findings"]
    assert (done.code, entry["status"]) == (1, "static")
    assert (finding["code"], finding["evidence"], finding["line"]) == ("unknown-identifier", "static", 3)
    (fix, *_) = finding["fixes"]
    assert fix["verified"] is None and fix["edits"][0]["text"] == '"relu"'


def test_shapes(kls: Kls) -> None:
    done = kls("shapes", "docs/examples/missing_channel_axis_fit.py", "--output-format", "json", cwd=ROOT)
    assert done.code == 0 and done.json["version"] == 1
    (entry,) = done.json["files"]
    assert entry.keys() == {"path", "models", "calls", "variables", "graphs"}
    (model,) = entry["models"]
    assert (model["name"], model["line"], model["parameters"]) == ("model", 12, 54410)
    memory = model["memory_estimate"]
    assert memory["batch_size"] == 32
    assert memory["weights"] == memory["gradients"] == {"float32": 54410 * 4}
    assert memory["optimizer"] == {"float32": 2 * 54410 * 4}
    # Kept: the images as float32, the output of the convolution and of the pooling, the softmax.
    least = 32 * 4 * (28 * 28 + 26 * 26 * 32 + 13 * 13 * 32 + 10)
    assert least <= memory["activations"]["float32"] < 1.01 * least
    assert memory["tensorflow"] > 25 << 20
    parts = sum(sum(memory[name].values()) for name in ("weights", "gradients", "optimizer", "activations"))
    largest, weights = 32 * 4 * (26 * 26 * 32), 4 * (5408 * 10 + 3 * 3 * 32)
    assert memory["total"] - parts - memory["tensorflow"] == 2 * largest + 1.5 * weights
    fields = {"line", "column", "class", "name", "input_shape", "output_shape", "dtype", "parameters"}
    assert all(layer.keys() == fields for layer in model["layers"])
    assert [(layer["class"], layer["output_shape"], layer["parameters"]) for layer in model["layers"]] == [
        ("Conv2D", [None, 26, 26, 32], 320),
        ("MaxPooling2D", [None, 13, 13, 32], 0),
        ("Flatten", [None, 5408], 0),
        ("Dense", [None, 10], 54090),
    ]
    assert [(layer["line"], layer["column"]) for layer in model["layers"]] == [(14, 9), (15, 9), (16, 9), (17, 9)]
    assert [(call["method"], call["status"]) for call in entry["calls"]] == [("fit", "traced")]
    variables = {variable["name"]: (variable["shape"], variable["dtype"]) for variable in entry["variables"]}
    assert variables["x_train"] == ([60000, 28, 28], "uint8")
    assert variables["y_test"] == ([10000], "uint8")


def test_doctor(kls: Kls) -> None:
    done = kls("doctor", "--output-format", "json")
    assert done.code == 0, done.out
    assert done.json["problem"] is None
    assert done.json["worker"]["keras"].startswith("3.") and done.json["worker"]["sandbox"]
    assert done.json["seconds"].keys() == {"start", "empty dry run", "small network"}
    assert done.json["tally"]["dry runs"] == 4
    process = done.json["process"]
    assert process["number"] > 0 and process["kind"] and process["age_seconds"] >= 0


@pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs Linux")
def test_doctor_tells_people_what_is_around_their_programs(kls: Kls, tmp_path: Path) -> None:
    own = {"XDG_CONFIG_HOME": str(tmp_path / "config")}
    kls("trust", ".", **own)
    lines = kls("doctor", **own).out.splitlines()
    assert f"said of {os.path.realpath(tmp_path)} by kls trust, 2" in "\n".join(lines)
    rows = {line[:10].strip(): line[10:] for line in lines if line[:10].strip()}
    assert rows["sandbox"].startswith("Programs have no network, start no process")
    told = [line.strip() for line in lines]
    for act in ("read a file outside", "start a process", "open a network socket", "signal the server"):
        assert any(line.startswith(f"{act}: refused (E") for line in told), act
    assert "fork server" in rows["process"] and rows["network"] == "none" and "4 dry runs" in rows["so far"]


def test_without_tensorflow_it_is_only_read(kls: Kls, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    venv.create(bare, with_pip=False)
    (tmp_path / "emoji.py").write_text(PROGRAM, encoding="utf-8")
    done = kls("check", "emoji.py", "--output-format", "json", python=str(bare))
    (entry,) = done.json["files"]
    assert (done.code, entry["status"], entry["findings"]) == (2, "static", [])
    assert "pip install tensorflow" in entry["reason"]


def test_shapes_as_a_table(kls: Kls) -> None:
    done = kls("shapes", "docs/examples/missing_channel_axis_fit.py", cwd=ROOT)
    assert done.code == 0
    table = [line.split() for line in done.out.splitlines()]
    assert ["Flatten", "flatten", "(None,", "5408)", "float32", "0", "16"] in table


def test_a_model_that_is_not_known_is_told_from_where(kls: Kls, tmp_path: Path) -> None:
    text = "import keras\nimport nowhere\n\nmodel = keras.Sequential([keras.Input(nowhere.shape)])\n"
    (tmp_path / "unknown.py").write_text(text)
    assert (
        "unknown.py: no model is known: unknown.py:2:1: the module 'nowhere' is not installed"
        in kls("shapes", "unknown.py").out
    )
    done = kls("check", "unknown.py")
    assert done.out.startswith("unknown.py:2:1: note: the module 'nowhere' is not installed: what depends on it is not")
    assert done.code == 0


def test_shapes_as_a_graph_for_other_tools(kls: Kls) -> None:
    done = kls("shapes", "docs/examples/dense_fed_images_fit.py", "--format", "mermaid", cwd=ROOT)
    assert (done.code, done.out.splitlines()[0]) == (0, "flowchart TD"), done.err
    (fault,) = [line for line in done.out.splitlines() if "==>" in line]
    assert "(60000, 28, 28)" in fault and "784" in fault
    done = kls("shapes", "docs/examples/dense_fed_images_fit.py", "--format", "dot", cwd=ROOT)
    assert done.code == 0 and done.out.startswith('digraph "model" {')
    entry = kls("shapes", "docs/examples/dense_fed_images_fit.py", "--format", "json", cwd=ROOT).json["files"][0]
    (picture,) = entry["graphs"]
    assert [box["kind"] for box in picture["boxes"]] == ["data", "input", "layer", "layer", "data", "loss"]
    assert [arrow["fault"] is not None for arrow in picture["arrows"]].count(True) == 1
