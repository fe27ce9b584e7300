"""A small sample of the long lane `python -m tests.corpus`, on programs of our own."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kls.worker.protocol import Call, Failure, Gap, Layer, Report, Span, Tensor
from tests.corpus import survey, tables
from tests.corpus.__main__ import record
from tests.corpus.coverage import Runner, Truth, compare, same
from tests.corpus.survey import Said, Seen

PROGRAMS = {
    "plain.py": """\
import keras
from helpers.parts import block
(x, y), _ = keras.datasets.mnist.load_data()
model = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), block(16), keras.layers.Dense(10)])
model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
model.fit(x / 255.0, y, epochs=3)
model.predict(x[:4])
""",
    "helpers/parts.py": "import keras\n\n\ndef block(units):\n    return keras.layers.Dense(units, 'relu')\n",
    "wrong.py": """\
import keras
import numpy as np
model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])
model.compile("adam", "mse")
model.fit(np.zeros((64, 9)), np.zeros(64))
""",
    "table.py": """\
import keras
import numpy as np
table = np.loadtxt("data/table.csv", delimiter=",")
model = keras.Sequential([keras.Input((table.shape[1] - 1,)), keras.layers.Dense(1)])
model.compile("adam", "mse")
model.fit(table[:, 1:], table[:, 0])
""",
    "data/table.csv": "1,2,3,4\n5,6,7,8\n" * 20,
    "other.py": "import json\n",
}


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Path]:
    folder, here = tmp_path / "somebody+something", os.getcwd()
    for name, text in PROGRAMS.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    yield folder
    os.chdir(here)


def test_programs_that_use_keras(checkout: Path) -> None:
    found = survey.programs(checkout)
    assert [path.name for path in found] == ["plain.py", "table.py", "wrong.py", "parts.py"]
    assert [path.name for path in survey.programs(checkout, 2)] == ["plain.py", "wrong.py"]


@pytest.mark.tf
@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs Linux")
def test_what_kls_says_is_held_against_a_real_run(checkout: Path, tmp_path: Path) -> None:
    async def look() -> list[Seen]:
        paths = [checkout / name for name in ("plain.py", "table.py", "wrong.py")]
        with Runner(sys.executable) as runner:
            return [seen async for seen in survey.survey(checkout, paths, runner)]

    plain, table, wrong = asyncio.run(look())
    assert (plain.program, plain.status, plain.loud) == ("somebody+something/plain.py", "checked", ())
    assert plain.calls == {"traced": 2} and plain.compared is not None
    compared = (plain.compared.layers, plain.compared.alike, plain.compared.calls, plain.compared.traced)
    assert (compared, plain.compared.missing, plain.compared.end) == ((2, 2, 2, 2), (), "done")
    assert [(said.line, said.severity, said.borne) for said in wrong.loud] == [("5", "error", True)]
    assert wrong.compared is not None and (wrong.compared.calls, wrong.compared.traced) == (1, 1)
    assert table.compared is not None and table.gaps == () and table.compared.missing == ()
    assert (table.compared.layers, table.compared.traced, table.compared.end) == (1, 1, "done")
    kept = tmp_path / "seen.jsonl"
    survey.write(kept, [plain, wrong])
    again = survey.read(kept)
    assert [item.program for item in again] == [plain.program, wrong.program]
    assert tables.by_folder(again, {}) == tables.by_folder([plain, wrong], {})
    assert tables.covered(again)["traced"] == "3 (100.0 %)"


PATH = "/p/train.py"


def place(line: int) -> Span:
    return Span(PATH, line, 0, line, 10)


def dense(line: int, *shape: int | None) -> Layer:
    given = (Tensor(shape, "float32"),)
    return Layer(line, place(line), place(line), "Dense", f"dense_{line}", (), given, "float32", 0, {})


def test_what_is_missing_has_its_reason() -> None:
    report = Report(
        1, True, None, 0.1,
        layers=(dense(1, None, 4), dense(2, None, 5)),
        calls=(Call(place(6), "fit", "unknown", "the data are not known", None, (), (), None, ()),),
        gaps=(Gap(place(3), "file", "the file x.csv is not there"),),
    )  # fmt: skip
    one, other = (((32, 4), "float32"),), (((32, 6), "float32"),)
    truth = Truth(
        ((1, "Dense", (one,)), (2, "Dense", (other,)), (4, "Dense", (one,)), (5, "Dense", ())),
        ((6, "fit", True), (7, "predict", False)),
        (),
        "done",
        1.0,
    )
    found = compare("train.py", truth, report, PATH)
    assert (found.layers, found.alike, found.calls, found.traced) == (3, 1, 2, 0)
    failure = Failure("ValueError", "m", "build", (place(5),))
    again = compare("train.py", truth, dataclasses.replace(report, failures=(failure,)), PATH)
    assert (again.calls, again.traced) == (1, 0)
    twice = dataclasses.replace(truth, layers=truth.layers[:1] * 3)
    assert compare("train.py", twice, report, PATH).layers == 1
    assert [why for _, _, why in found.missing] == [
        "shown as (None, 5) float32",
        "file: the file x.csv is not there",
        "unknown: the data are not known",
        "file: the file x.csv is not there",
    ]


def test_only_the_batch_may_differ() -> None:
    assert same((((None, 4), "float32"),), (((7, 4), "float32"),))
    assert not same((((None, 4), "float32"),), (((None, 5), "float32"),))
    assert not same((((None, 4), "float32"),), (((None, 4), "float16"),))
    assert not same((((None, 4), "float32"),), (((None, 4, 1), "float32"),))
    assert not same((((None, 4), "float32"),), ())


def test_verdicts_and_figures(tmp_path: Path) -> None:
    seen = Seen(
        "a/train.py", "checked", None, 1.0,
        (Said("3", "error", "input-shape", "m", True), Said("4", "warning", "data-form", "m", False),
         Said("5", "error", "labels", "m"), Said("6", "hint", "labels", "m")),
        (("file", "the file '/data/x1.csv' is not there"), ("file", "the file '/data/x2.csv' is not there")),
    )  # fmt: skip
    slow = Seen("a/slow.py", "failed", "stopped after 30 s at line 3: x = f()", 31.0)
    gone = replace(slow, program="b/gone.py", reason="killed at line 4 (out of memory, or by somebody else)")
    (tmp_path / "verdicts.json").write_text('[["a/train.py", "4", "data-form", "false"]]')
    verdicts = tables.judged(tmp_path / "verdicts.json")
    figures = tables.figures([seen, slow, gone], verdicts)
    assert {name: figures[name] for name in ("programs", "checked", "errors", "warnings", "hangs", "crashes")} == {
        "programs": "3", "checked": "1", "errors": "2", "warnings": "1", "hangs": "1", "crashes": "1",
    }  # fmt: skip
    assert [figures[name] for name in ("true", "false", "not judged")] == ["1", "1", "1"]
    assert "| file | the file '…' is not there | 2 | 1 |" in tables.by_gap([seen])
    assert tables.judged(tmp_path / "none.json") == {}


def test_a_section_is_put_in_the_place_of_the_old_one(tmp_path: Path) -> None:
    document = tmp_path / "coverage.md"
    document.write_text("# Figures\n\n## One\n\nold\n\n## Two\n\nkept\n")
    record(document, "## One", "## One\n\nnew\n")
    assert document.read_text() == "# Figures\n\n## One\n\nnew\n\n## Two\n\nkept\n"
    record(document, "## Three", "## Three\n\nlast\n")
    assert document.read_text().endswith("kept\n\n## Three\n\nlast\n")
