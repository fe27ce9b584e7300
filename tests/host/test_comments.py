"""`# kls:` comments in a real dry run: specs where nothing is known, calls that are probed, what is not told."""

from __future__ import annotations

import sys

import pytest

from kls import check, describe, find, plan, witnesses
from kls.documents import Snapshot
from kls.facts import Finding, Severity
from kls.worker.protocol import Report, Source

from .conftest import Watched

pytestmark = [
    pytest.mark.tf,
    pytest.mark.asyncio(loop_scope="module"),  # one worker serves them all, and belongs to its loop
    pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs Linux"),
]
HEAD = "import numpy as np\nimport keras\nfrom keras import layers\nfrom nowhere import load\n"
MODEL = (
    "model = keras.Sequential([layers.Input((784,)), layers.Dense(10)])\n"
    "model.compile('adam', keras.losses.SparseCategoricalCrossentropy(from_logits=True))\n"
)
FACTORY = (
    "def build(shape, classes):\n"
    "    x = inputs = keras.Input(shape)\n"
    "    x = layers.Conv2D(8, 3)(x)\n"
    "    x = layers.Dense(classes)(layers.Flatten()(x))\n"
    "    return keras.Model(inputs, x)\n"
)


async def judge(real: Watched, text: str, *modules: Source) -> tuple[Report, tuple[Finding, ...]]:
    snapshot = Snapshot("file:///nowhere/train.py", "/nowhere/train.py", 1, text)
    report = await witnesses.ask(plan.plan(snapshot, modules), real.host.ask)
    assert report.complete, report.ended
    return report, check.check(snapshot, await find.sites(snapshot, None), report, modules)


def codes(found: tuple[Finding, ...]) -> list[str]:
    return [item.code for item in found]


def data(report: Report) -> dict[str, str]:
    return {item.name: describe.tensors_text(item.tensors) for item in report.variables if item.tensors}


@pytest.mark.parametrize(
    "lines",
    [
        "x, y = load()\n# kls: x float32[60000, 28, 28]\n# kls: y int64[60000]\n",
        "# kls: x float32[60000, 28, 28]\n# kls: y int64[60000]\nx, y = load()\n",
        "x = load()  # kls: x float32[60000, 28, 28]\ny = np.load('nothere.npy')  # kls: y int64[60000]\n",
    ],
)
async def test_a_spec_counts_where_nothing_is_known(real: Watched, lines: str) -> None:
    _, found = await judge(real, HEAD + lines + MODEL + "model.fit(x, y)\n")
    assert codes(found) == ["input-shape"] and "(60000, 28, 28)" in found[0].message
    report, found = await judge(real, HEAD + lines + MODEL + "x = x.reshape(-1, 784)\nmodel.fit(x, y)\n")
    assert not found and [call.status for call in report.calls] == ["traced"]
    assert data(report)["y"] == "(60000,) int64"


async def test_an_open_axis_stays_open(real: Watched) -> None:
    lines = "x, y = load()\n# kls: x float32[None, ?, 8]\n# kls: y float32[None, 1]\n"
    model = "model = keras.Sequential([layers.LSTM(4), layers.Dense(1)])\nmodel.compile('adam', 'mse')\n"
    report, found = await judge(real, HEAD + lines + model + "model.fit(x, y)\n")
    assert not found and data(report) == {"x": "(?, ?, 8) float32", "y": "(?, 1) float32"}
    assert [call.status for call in report.calls] == ["traced"]
    _, found = await judge(real, HEAD + lines.replace("[None, 1]", "[None, 3]") + model + "model.fit(x, y)\n")
    assert codes(found) == ["target-broadcast"] or found[0].severity is Severity.ERROR


async def test_the_programs_own_value_counts_before_the_comment(real: Watched) -> None:
    text = HEAD + "x = np.zeros((9, 784), 'float32')  # kls: x float32[9, 28]\n" + MODEL + "model.predict(x)\n"
    report, found = await judge(real, text)
    assert data(report)["x"] == "(9, 784) float32"
    assert [(item.code, item.severity) for item in found] == [("kls-comment", Severity.INFORMATION)]
    assert "(9, 784)" in found[0].message and found[0].span.line == 5
    _, found = await judge(real, text.replace("[9, 28]", "[?, 784]"))
    assert not found


async def test_a_spec_in_a_function_and_in_a_module(real: Watched) -> None:
    module = Source("store", "/nowhere/store.py", "from elsewhere import a\n# kls: a float32[5, 4]\n")
    text = (
        HEAD + "from store import a\n"
        "def train(x):\n"
        "    # kls: x float32[7, 5]\n"
        "    return keras.Sequential([layers.Input((4,)), layers.Dense(2)]).predict(x)\n"
        "train(a)\ntrain(load())\n"
    )
    _, found = await judge(real, text, module)
    assert [item.code for item in found] == ["input-shape"] and "(7, 5)" in found[0].message


async def test_a_probe_is_judged_like_a_line_of_the_program(real: Watched) -> None:
    report, found = await judge(real, HEAD + FACTORY + "# kls: probe build((28, 28, 1), 10)\n")
    assert not found
    assert {layer.cls: describe.tensors_text(layer.outputs) for layer in report.layers}["Dense"] == "(None, 10) float32"
    text = HEAD + FACTORY + "# kls: probe build((28, 28), 10)\n"
    _, found = await judge(real, text)
    (fault,) = found
    assert fault.severity is Severity.ERROR and fault.span.line in (6, 7), "in the function, not in the comment"


async def test_a_probe_comes_last_and_makes_arrays(real: Watched) -> None:
    text = HEAD + (
        "# kls: probe train(float32[60, 5], int64[60])\n"
        "def train(x, y):\n"
        "    model = keras.Sequential([layers.Input((4,)), layers.Dense(2)])\n"
        "    model.compile('adam', 'mse')\n"
        "    model.fit(x, y)\n"
        "import sys\nsys.exit(0)\n"
    )
    report, found = await judge(real, text)
    assert "input-shape" in codes(found) and any("(60, 5)" in item.message for item in found)
    assert report.calls[0].span.line == 9


async def test_a_probe_that_comes_to_nothing_is_told(real: Watched) -> None:
    _, found = await judge(real, HEAD + FACTORY + "# kls: probe biuld((28, 28, 1), 10)\n# kls: probe build()\n")
    assert codes(found) == ["kls-comment"] * 2
    assert "biuld" in found[0].message and "missing" in found[1].message


async def test_a_probe_of_an_imported_module_is_not_made(real: Watched) -> None:
    module = Source("parts", "/nowhere/parts.py", HEAD + FACTORY + "# kls: probe build((28, 28), 10)\n")
    report, found = await judge(real, HEAD + "from parts import build\n", module)
    assert not found and not report.layers


async def test_a_probe_is_in_the_sandbox(real: Watched) -> None:
    text = "import keras, os, subprocess\n# kls: probe open('/nowhere/out', 'w')\n# kls: probe subprocess.run(['id'])\n"
    report, found = await judge(real, text)
    assert codes(found) == ["kls-comment"] * 2
    assert {gap.span.line for gap in report.gaps} == {2, 3}


FIT = "x, y = np.zeros((64, 28, 28)), np.zeros((64,), 'int64')\n" + MODEL + "model.fit(x, y)\n"


async def test_an_ignored_finding_is_not_told_and_an_idle_ignore_is(real: Watched) -> None:
    head = HEAD.replace("from nowhere import load\n", "")
    _, found = await judge(real, head + FIT)
    line = found[0].span.line
    lines = (head + FIT).split("\n")
    lines[line - 1] += "  # kls: ignore[input-shape]"
    _, silent = await judge(real, "\n".join(lines))
    assert silent == ()
    lines[line - 1] = lines[line - 1].replace("[input-shape]", "[input-shape, data-type]")
    _, idle = await judge(real, "\n".join(lines))
    assert codes(idle) == ["unused-ignore"] and "`data-type`" in idle[0].message
    _, idle = await judge(real, (head + FIT).replace("28, 28)", "784)") + "print(1)  # kls: ignore\n")
    assert codes(idle) == ["unused-ignore"] and idle[0].severity is Severity.HINT
    never = "\ndef later():\n    print(1)  # kls: ignore\n"
    _, unknown = await judge(real, head + FIT.replace("28, 28)", "784)") + never)
    assert unknown == (), "the line was not reached"
