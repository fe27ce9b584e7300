"""Sizes that only a real run knows: shapes keep their names, and nothing is concluded from the numbers."""

from __future__ import annotations

import sys

import pytest

from kls import check, describe, plan, witnesses
from kls.documents import Snapshot
from kls.facts import Finding
from kls.worker.protocol import Report

from .conftest import Watched

pytestmark = [
    pytest.mark.tf,
    pytest.mark.asyncio(loop_scope="module"),  # one worker serves them all, and belongs to its loop
    pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs Linux"),
]
HEAD = """import keras
from keras import layers
class_names = open("/nowhere/classes.txt").read().split()
num_classes = len(class_names)
"""
SMALL = "model = keras.Sequential([keras.Input((8,)), layers.Dense(num_classes, activation='softmax')])\n"


async def judge(real: Watched, text: str) -> tuple[Report, tuple[Finding, ...]]:
    snapshot = Snapshot("file:///nowhere/train.py", "/nowhere/train.py", 1, text)
    report = await witnesses.ask(plan.plan(snapshot), real.host.ask)
    assert report.complete, report.ended
    return report, check.check(snapshot, (), report)


def outputs(report: Report) -> dict[str, str]:
    return {layer.cls: describe.tensors_text(layer.outputs) for layer in report.layers}


async def test_an_axis_has_the_name_of_the_number(real: Watched) -> None:
    report, _ = await judge(real, HEAD + SMALL)
    assert outputs(report)["Dense"] == "(None, num_classes) float32"
    dense = next(layer for layer in report.layers if layer.cls == "Dense")
    assert dense.outputs[0].shape == (None, None) and dense.parameters is None and "units" not in dense.config
    assert [(item.name, item.line) for item in report.witnesses] == [("num_classes", 3)]


async def test_what_follows_from_the_number_has_no_number(real: Watched) -> None:
    text = "side = num_classes\nx = keras.Input((side, side, 3))\nlayers.Flatten()(layers.Conv2D(4, 3)(x))\n"
    report, _ = await judge(real, HEAD + text)
    assert outputs(report)["Conv2D"] == "(None, ?, ?, 4) float32"
    assert outputs(report)["InputLayer"] == "(None, side, side, 3) float32"
    conv = next(layer for layer in report.layers if layer.cls == "Conv2D")
    assert conv.parameters == 112


@pytest.mark.parametrize(
    "text",
    [
        "import numpy as np\n" + SMALL + "model.compile('adam', 'categorical_crossentropy')\n"
        "model.fit(np.zeros((20, 8)), np.zeros((20, 10)))\n",
        "x = keras.Input((8,))\nlayers.Add()([layers.Dense(num_classes)(x), layers.Dense(num_classes * 2)(x)])\n",
        "x = layers.Dense(num_classes)(keras.Input((8,)))\nlayers.Reshape((4, num_classes // 4))(x)\n",
        "x = layers.Dense(num_classes)(keras.Input((8,)))\nlayers.Reshape((4, 5))(x)\n",
        "layers.Conv2D(2, 999)(keras.Input((num_classes, num_classes, 3)))\n",
    ],
)
async def test_what_depends_on_the_number_is_no_finding(real: Watched, text: str) -> None:
    report, found = await judge(real, HEAD + text)
    assert report.witnesses and not found
    assert all(call.status == "unknown" and "num_classes" in str(call.reason) for call in report.calls)


async def test_a_fault_beside_it_is_found_all_the_same(real: Watched) -> None:
    _, found = await judge(real, HEAD + SMALL + "layers.LSTM(4)(layers.Dense(3)(keras.Input((8,))))\n")
    assert [item.code for item in found] == ["layer-input"]


async def test_what_the_command_line_gives_is_not_known_and_its_defaults_are(real: Watched) -> None:
    text = """import argparse, keras
parser = argparse.ArgumentParser()
parser.add_argument("folder")
parser.add_argument("--classes", type=int, required=True)
parser.add_argument("--units", type=int, default=16)
arguments = parser.parse_args()
folder = arguments.folder
model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(arguments.units), keras.layers.EinsumDense(
    "ab,bc->ac", (4,)), keras.layers.Dense(arguments.classes)])
"""
    report, _ = await judge(real, text)
    assert [describe.tensors_text(layer.outputs) for layer in report.layers if layer.cls == "Dense"] == [
        "(None, 16) float32",
        "(None, arguments.classes) float32",
    ]
    told = {item.name: item.reason for item in report.variables}
    assert told["folder"] == "folder is given on the command line"


async def test_builtins_pass_on_what_is_not_known_and_fail_as_always(real: Watched) -> None:
    text = HEAD + "for layer in range(len(class_names)):\n    made = layers.Dense(4)(keras.Input((2,)))\n"
    report, found = await judge(real, text)
    assert outputs(report)["Dense"] == "(None, 4) float32" and not found
    _, found = await judge(real, "import keras\nx = keras.Input((3,))\nint(x)\n")
    assert len(found) == 1
    report, _ = await judge(real, "def len(x):\n    return 3\nimport keras\nx = keras.Input((len(1),))\n")
    assert outputs(report)["InputLayer"] == "(None, 3) float32"


FOLDER = """import keras
pictures = keras.utils.image_dataset_from_directory("/nowhere/pictures", image_size=(32, 32), label_mode="categorical")
num_classes = len(pictures.class_names)
model = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Flatten(), keras.layers.Dense(num_classes)])
"""


async def test_a_fault_of_ranks_is_certain_whatever_the_number_is(real: Watched) -> None:
    loss = "model.compile('sgd', keras.losses.SparseCategoricalCrossentropy(from_logits=True))\n"
    report, found = await judge(real, FOLDER + loss + "model.fit(pictures)\n")
    (failure,) = report.failures
    assert "num_classes" in failure.message and not any(str(item.value) in failure.message for item in report.witnesses)
    assert [(item.code, item.span.line) for item in found] == [("loss-target", 2)]
    right = loss.replace("Sparse", "")
    report, found = await judge(real, FOLDER + right + "model.fit(pictures)\n")
    assert report.failures == () and found == ()


@pytest.mark.parametrize(
    "layer", ["Conv1D(8, 5)", "MaxPooling1D(2)", "Conv1D(8, 2)", "AveragePooling1D(3, data_format='channels_last')"]
)
async def test_a_window_longer_than_known_places_is_certain(real: Watched, layer: str) -> None:
    _, found = await judge(real, HEAD + f"layers.{layer}(keras.Input((1, num_classes)))\n")
    assert [item.severity.value for item in found] == ["error"]


@pytest.mark.parametrize(
    "text",
    [
        "layers.Conv1D(8, 1999)(keras.Input((num_classes, 1)))\n",
        "layers.Conv1D(8, 1999)(keras.Input((num_classes, 3)))\n",
        "layers.MaxPooling1D(1999, data_format='channels_first')(keras.Input((3, num_classes)))\n",
        "layers.MaxPooling1D(2999)(keras.Input((num_classes, 3)))\n",
    ],
)
async def test_a_window_longer_than_unknown_places_may_be_the_numbers_own(real: Watched, text: str) -> None:
    _, found = await judge(real, HEAD + text)
    assert not found


async def test_a_fault_of_sizes_may_be_the_numbers_own(real: Watched) -> None:
    text = (
        FOLDER.replace("(num_classes)", "(10, activation='softmax')")
        + "model.compile('sgd', 'categorical_crossentropy')\n"
    )
    report, found = await judge(real, text + "model.fit(pictures)\n")
    assert report.failures == () and found == ()


def shapes(report: Report) -> dict[str, str]:
    return {item.name: describe.tensors_text(item.tensors) for item in report.variables if item.kind != "unknown"}


async def test_arrays_and_datasets_of_an_unknown_size_have_a_shape(real: Watched) -> None:
    text = """import numpy as np, tensorflow as tf
x = np.zeros((num_classes, 8), dtype="float32")
square = np.eye(num_classes)
image = np.zeros((num_classes, num_classes * 2, 3))
noise = tf.random.normal([num_classes, 100])
codes = keras.utils.to_categorical([0, 1, 2], num_classes)
hot = tf.one_hot([1, 2], num_classes)
drawn = np.random.rand(num_classes, 4)
data = tf.data.Dataset.from_tensor_slices((np.zeros((90, 8)), np.zeros(90)))
data = data.shuffle(num_classes).batch(num_classes)
shape = class_names
unknown = np.zeros(shape)
"""
    report, found = await judge(real, HEAD + text)
    assert not found
    known = shapes(report)
    assert known["x"] == "(num_classes, 8) float32"
    assert known["image"].startswith("(num_classes, num_classes * 2, 3)")
    assert known["square"].startswith("(num_classes, num_classes)")
    assert known["noise"] == "(num_classes, 100) float32" and known["drawn"] == "(num_classes, 4) float64"
    assert known["codes"].startswith("(3, num_classes)") and known["hot"].startswith("(2, num_classes)")
    assert known["data"] == "[(None, 8) float64, (None,) float64]"
    assert "unknown" not in known


async def test_numbers_of_samples_are_one_and_have_no_name(real: Watched) -> None:
    text = """import numpy as np, tensorflow as tf
x, y = np.zeros((num_classes, 8)), np.ones(len(class_names), dtype="int64")
z = []
for name in class_names:
    z.append([0.0, 1.0])
z = np.array(z)
data = tf.data.Dataset.from_tensor_slices((np.zeros((90, 8)), np.zeros(90)))
first, rest = data.take(num_classes // 2), data.skip(num_classes // 2)
for item, number in rest.batch(4):
    seen = item
model = keras.Sequential([keras.Input((8,)), layers.Dense(2)])
model.compile("adam", "mse")
model.fit(x, z)
"""
    report, found = await judge(real, HEAD + text)
    assert not found
    known = shapes(report)
    assert (known["x"], known["y"]) == ("(?, 8) float64", "(?,) int64")
    assert known["first"] == known["rest"] == "[(8,) float64, () float64]" and known["seen"] == "(4, 8) float64"
    assert [call.status for call in report.calls] == ["traced"]


async def test_what_changes_no_shape_need_not_be_known(real: Watched) -> None:
    text = """options = open("/nowhere/options.txt")
x = keras.Input((12, 8))
y = layers.LSTM(4, dropout=options.rate, return_sequences=True)(x)
y = layers.GaussianNoise(options.noise)(layers.BatchNormalization(momentum=options.momentum)(y))
for number in range(2):
    y = layers.Dense(6, kernel_regularizer=options.decay, name=f"dense_{options.tag}")(y)
y = layers.Dropout(options.rate, name=options.name)(y)
y = layers.Dense(1, activation=options.activation)(layers.Flatten()(y))
model = keras.Model(x, y)
model.compile(options.optimizer, "binary_crossentropy")
model.fit(keras.ops.zeros((40, 12, 8)), keras.ops.zeros((40, 1)), batch_size=options.batch, class_weight=options.weight)
model.get_layer(f"dense_{options.other}")
"""
    report, found = await judge(real, HEAD + text)
    assert not found and not report.witnesses
    assert not any(layer.outputs == () for layer in report.layers) and len(report.layers) == 9
    assert outputs(report)["Flatten"] == "(None, 72) float32" and outputs(report)["Dense"] == "(None, 1) float32"
    assert [call.status for call in report.calls] == ["traced"]


A, B = "x = keras.Input((4, 8))\n", "z = keras.Input((5, 8))\n"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("layers.Dense(num_classes, activation='rellu')\n", "unknown-identifier"),
        ("layers.Dense(num_classes, unit=3)\n", "argument-name"),
        ("layers.Conv2D(num_classes, 3)(keras.Input((8,)))\n", "layer-input"),
        (A + B + "layers.Concatenate()([layers.Dense(num_classes)(x), z])\n", "merge-shape"),
        (A + B + "layers.Add()([layers.Dense(num_classes)(x), layers.Dense(num_classes)(z)])\n", "merge-shape"),
        (
            "import numpy as np\nmodel = keras.Sequential([keras.Input((8,)), layers.Dense(2)])\n"
            "model.compile('adam', 'mse')\nmodel.fit(np.zeros((num_classes, 9)), np.zeros((num_classes, 2)))\n",
            "input-shape",
        ),
        (
            "import numpy as np\nmodel = keras.Sequential([keras.Input((8,)), layers.Dense(4, 'softmax')])\n"
            "model.compile('adam', 'categorical_crossentropy')\n"
            "model.fit(np.zeros((num_classes, 8)), np.zeros((num_classes, 3)))\n",
            "loss-target",
        ),
        ("layers.LSTM(2)(layers.Reshape((-1,))(layers.Dense(num_classes)(keras.Input((4, 8)))))\n", "layer-input"),
    ],
)
async def test_a_fault_in_a_statement_with_an_unknown_size(real: Watched, text: str, code: str) -> None:
    _, found = await judge(real, HEAD + text)
    assert [item.code for item in found] == [code]
    assert not any(str(number) in item.message for item in found for number in (352, 1009, 1504, 2003))


@pytest.mark.parametrize(
    "text",
    [
        A + B + "layers.Concatenate(axis=1)([layers.Dense(num_classes)(x), z])\n",
        A + "layers.Multiply()([layers.Dense(num_classes)(x), x])\n",
        A + B + "layers.Dot((2, 2))([layers.Dense(num_classes)(x), z])\n",
        "import numpy as np\nnp.zeros((num_classes, 4)) + np.zeros((12, 4))\n",
        "import numpy as np\nnp.zeros((num_classes, 4))[1500]\n",
        "layers.Conv2D(8, num_classes)(keras.Input((28, 28, 3)))\n",
        "layers.Conv2D(num_classes, 3, groups=3)\n",
        "layers.Dense(8, activation=num_classes.name, kernel_initializer=open('/nowhere/x')(3))\n",
        "layers.Dense(num_classes, use_bias=num_classes.bias, dtype=num_classes.dtype)(keras.Input((4,)))\n",
        "layers.LSTM(num_classes, return_sequences=num_classes > 3)(keras.Input((4, 8)))\n",
        "names = {f'a{num_classes}': 1, f'a{num_classes + 1}': 2}\nlayers.Dense(8, name=list(names)[0] + ' /')\n",
    ],
)
async def test_a_fault_that_a_number_could_mend_is_none(real: Watched, text: str) -> None:
    _, found = await judge(real, HEAD + text)
    assert not found
