"""Whole programs in the manner of other people's, dry-run by the real worker: what is known, and no false word."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest

from kls import analysis, check, describe, documents, find, plan, witnesses
from kls.analysis import Tools
from kls.documents import Snapshot
from kls.facts import Severity
from kls.host import Host
from kls.settings import Settings
from kls.worker.protocol import Probe, Report
from tests.marks import ONE_WORKER

pytestmark = ONE_WORKER


async def said(real: Host, text: str) -> tuple[Report, list[tuple[str, int]]]:
    """The report on a program, and its errors and warnings as (rule, line)."""
    snapshot = Snapshot("file:///nowhere/train.py", "/nowhere/train.py", 1, text)
    probe = plan.plan(snapshot, root="/nowhere", seconds=60)
    report = await witnesses.ask(probe, real.ask)
    assert report.complete, report.ended
    found = check.check(snapshot, (), report)
    return report, [
        (item.code, item.span.line) for item in found if item.severity in (Severity.ERROR, Severity.WARNING)
    ]


async def test_an_optional_place_on_the_command_line_is_not_none(real: Host) -> None:
    text = """
import argparse
import numpy as np
import keras
parser = argparse.ArgumentParser()
parser.add_argument("run", nargs="?")
parser.add_argument("--folder", default=None)
options = parser.parse_args()
for epoch in np.arange(1, 9):
    name = options.run + str(epoch) + ".keras"
    other = options.folder + str(epoch)
    model = keras.models.load_model(name)
"""
    report, loud = await said(real, text)
    assert loud == []
    told = {gap.span.line: gap.reason for gap in report.gaps}
    assert "run is given on the command line" in told[12]
    assert "NoneType" in told[11]


async def test_an_argument_of_older_versions_that_nobody_knows_is_as_if_not_given(real: Host) -> None:
    text = """
import keras
from not_installed import options
model = keras.Sequential([keras.Input((4,))])
model.add(keras.layers.LeakyReLU(alpha=options.alpha))
model.add(keras.layers.Dense(3, trainable=options.trained, name=options.name))
wrong = keras.layers.LeakyReLU(alpha=None)
"""
    report, loud = await said(real, text)
    assert [line for _, line in loud] == [7]
    assert [layer.cls for layer in report.layers][1:3] == ["LeakyReLU", "Dense"]


async def test_a_model_that_could_not_be_written_is_not_missed_when_it_is_read(real: Host) -> None:
    text = """
import numpy as np
import keras
class Slower(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.model.optimizer.learning_rate = 0.01 / (epoch + 1)
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
model.compile("adam", "mse")
model.fit(np.zeros((8, 4)), np.zeros((8, 3)), callbacks=[Slower()])
model.save("kept.keras")
again = keras.models.load_model("kept.keras")
again.predict(np.zeros((8, 4)))
"""
    report, loud = await said(real, text)
    assert loud == []
    assert any(gap.span.line == 10 for gap in report.gaps)


async def test_a_size_that_is_none_is_a_fault_still(real: Host) -> None:
    _, loud = await said(real, "import keras\nx = keras.Input((4,))\ny = keras.ops.reshape(x, (x.shape[0] * 2, 2))\n")
    assert [line for _, line in loud] == [3]


async def test_what_a_loop_tells_again_is_one_failure(real: Host) -> None:
    text = "import keras\nfor units in (4, 8, 16):\n    keras.layers.Dense(8, unit=3)\n"
    report, loud = await said(real, text)
    assert len(report.failures) == 1 and len(loud) == 1


async def test_a_picture_that_was_not_drawn_cannot_be_decoded(real: Host) -> None:
    text = """
import io
import keras
import tensorflow as tf
import matplotlib.pyplot as plt
file = io.BytesIO()
plt.savefig(file, format="png")
image = tf.image.decode_png(file.getvalue(), channels=4)
batch = tf.expand_dims(image, 0)
"""
    _, loud = await said(real, text)
    assert loud == []


async def test_a_name_that_a_package_does_not_have_leaves_the_package(real: Host) -> None:
    text = """
import keras
import tensorflow as tf
tf.enable_eager_execution()
model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(3)])
"""
    report, loud = await said(real, text)
    assert loud == [("removed-name", 4)]
    assert [layer.outputs[0].shape for layer in report.layers if layer.cls == "Dense"] == [(None, 3)]


async def test_weights_that_are_not_there_leave_the_shapes(real: Host) -> None:
    text = """
import keras
base = keras.applications.MobileNetV2(include_top=False, weights=None, input_shape=(96, 96, 3))
base.load_weights("/data/none.weights.h5")
head = keras.layers.GlobalAveragePooling2D()(base.output)
"""
    report, loud = await said(real, text)
    assert loud == []
    assert [layer.outputs[0].shape for layer in report.layers if layer.cls == "GlobalAveragePooling2D"] == [
        (None, 1280)
    ]


BRANCHES = """
import keras
from keras import layers
kind = open("/nowhere/kind.txt").read()
model = keras.Sequential([keras.Input((28, 28, 1))])
sizes = []
if kind == "small":
    model.add(layers.Flatten())
    model.add(layers.Dense(10))
    sizes.append(10)
elif kind == "large":
    model.add(layers.Conv2D(8, 3))
    model.add(layers.Flatten())
    model.add(layers.Dense(10))
    sizes.append(10)
else:
    model.add(layers.LSTM(4))
    sizes.append(10)
"""


async def test_branches_of_an_unknown_test_do_not_build_on_each_other(real: Host) -> None:
    text = BRANCHES.replace("layers.LSTM(4)", "layers.Conv2D(4, 3)")
    report, loud = await said(real, text + "model.add(layers.Dense(3))\nunits = layers.Dense(sizes[0])\n")
    assert loud == []
    shapes = {(layer.cls, layer.created.line): layer.outputs for layer in report.layers if layer.created}
    assert [tensor.shape for tensor in shapes["Conv2D", 12]] == [(None, 26, 26, 8)]
    assert [tensor.shape for tensor in shapes["Conv2D", 17]] == [(None, 26, 26, 4)]
    assert shapes["Dense", 19] == ()
    units = [layer.config["units"] for layer in report.layers if layer.created and layer.created.line == 20]
    assert units == [10]


async def test_a_branch_alone_is_judged(real: Host) -> None:
    _, loud = await said(real, BRANCHES)
    assert len(loud) == 1


async def test_many_real_products_of_matrices_end_well(real: Host) -> None:
    text = """
import keras
from keras import layers
inputs = keras.Input((32, 32, 3))
x = inputs
for width in (32, 64, 96, 128, 96, 64, 32):
    residual = layers.Conv2D(width, 1)(x)
    x = layers.BatchNormalization(center=False, scale=False)(x)
    x = layers.Conv2D(width, 3, padding="same", activation="swish")(x)
    x = layers.Conv2D(width, 3, padding="same")(x)
    x = layers.Add()([x, residual])
model = keras.Model(inputs, layers.Conv2D(3, 1)(x))
noise = keras.random.normal((10, 32, 32, 3))
for step in range(6):
    noise = noise - 0.1 * model(noise, training=False)
"""
    _, loud = await said(real, text)
    assert loud == []


async def test_a_graph_of_tensorflow_1_is_not_judged(real: Host) -> None:
    text = """
import numpy as np
import keras
import tensorflow.compat.v1 as tf

@tf.function
def halve(n):
    while n > 1:
        n = n // 2
    return n

with tf.Graph().as_default():
    last = halve(tf.constant(5))
    losses = tf.add_n(tf.get_collection("losses"))
    model = keras.Sequential([keras.layers.Lambda(halve, input_shape=(1,), output_shape=())])
    model.predict(np.array([6]))
    weight = tf.no_such_name()
eager = halve(tf.constant(5))
"""
    report, loud = await said(real, text)
    assert loud == [("removed-name", 17)]
    assert {gap.span.line for gap in report.gaps} >= {14, 17}
    assert [(call.status, call.reason) for call in report.calls] == [
        ("unknown", "what a graph of TensorFlow 1 holds is not known without running its session")
    ]


async def test_a_statement_in_a_scope_of_tensorflow_is_contained(real: Host) -> None:
    text = """
import keras
import tensorflow as tf
with tf.Graph().as_default(), tf.device("/CPU:0"):
    names = open("/nowhere/names.txt").read()
    units = 3
layer = keras.layers.Dense(units)
"""
    report, loud = await said(real, text)
    assert loud == [] and {gap.span.line for gap in report.gaps} == {5}
    assert [layer.config["units"] for layer in report.layers] == [3]


async def test_sizes_are_numbers_in_the_manner_of_tensorflow_1_too(real: Host) -> None:
    text = """
import numpy as np
import keras
import tensorflow as tf
tf.compat.v1.disable_v2_tensorshape()
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
model.compile("sgd", "mse")
model.fit(np.zeros((8, 4)), np.zeros((8, 3)))
"""
    report, loud = await said(real, text)
    assert loud == [] and report.models[0].trained[0].bytes == 60


async def test_data_that_are_loaded_again_are_not_scaled_twice(real: Host) -> None:
    part = """
(x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
x_train = x_train / 255.0
x_test = x_test / 255.0
model = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(10)])
model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
model.fit(x_train, y_train)
model.evaluate(x_test, y_test)
"""
    _, loud = await said(real, "import keras\n" + part + part)
    assert loud == []
    _, loud = await said(real, "import keras\n" + part + part.replace("(x_train, y_train), (x_test", "(x, y), (z"))
    assert [rule for rule, _ in loud] == ["scaling", "scaling"]


async def test_an_array_takes_the_dtype_of_a_signature(real: Host) -> None:
    text = """
import numpy as np
import keras
import tensorflow as tf

class Head(keras.layers.Layer):
    @tf.function(input_signature=(tf.TensorSpec((None, None)), tf.TensorSpec((None, None))))
    def support(self, tensors, labels):
        return tf.matmul(tensors, labels, transpose_a=True)

made = Head().support(np.zeros((8, 3), "float32"), np.eye(8))
wrong = Head().support(np.zeros((8, 3), "float32"), np.zeros(8))
"""
    _, loud = await said(real, text)
    assert [line for _, line in loud] == [12]


async def test_a_module_of_a_package_imports_its_neighbours(real: Host, tmp_path: Path) -> None:
    package = tmp_path / "project" / "nets"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("WIDTH = 8\n")
    (package / "blocks.py").write_text("import keras\ndef head(units):\n    return keras.layers.Dense(units)\n")
    path = package / "train.py"
    path.write_text(
        "import keras\nfrom . import WIDTH\nfrom .blocks import head\n"
        "model = keras.Sequential([keras.Input((4,)), head(WIDTH), keras.layers.Dense(1)])\n"
    )
    snapshot, roots = documents.read(str(path)), (str(tmp_path / "project"),)
    package_of_it = find.started_in(snapshot, roots)
    assert package_of_it == "nets"
    probe = plan.plan(snapshot, find.imported(snapshot, roots), root=roots[0], seconds=60, package=package_of_it)
    report = await real.ask(probe)
    assert not report.gaps
    assert [layer.outputs[0].shape for layer in report.layers if layer.cls == "Dense"] == [(None, 8), (None, 1)]
    assert find.started_in(replace(snapshot, text="import keras\n"), roots) == ""


async def test_a_compile_that_fails_leaves_the_model_and_its_outputs(real: Host) -> None:
    text = """
import keras
import numpy as np
model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4)])
model.compile(keras.optimizers.Adam(lr=0.1), "mse")
model.fit(np.zeros((64, 8)), np.zeros((64, 4)))
model.fit(np.zeros((64, 9)), np.zeros((64, 4)))
model.predict(np.zeros((3, 8)))
def build():
    made = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4)])
    made.compile(loss="mse", optimizer=keras.optimizers.SGD(lr=0.1))
    return made
build().fit(np.zeros((64, 8)), np.zeros((64, 5)))
optimizer = keras.optimizers.SGD(lr=0.1)
other = build()
other.compile(optimizer, "mse")
other.fit(np.zeros((64, 8)), np.zeros((64, 5)))
"""
    report, loud = await said(real, text)
    assert [(call.span.line, call.status) for call in report.calls] == [
        (6, "traced"), (7, "failed"), (8, "traced"), (13, "traced"), (17, "failed"),
    ]  # fmt: skip
    assert sorted(line for code, line in loud if code == "argument-name") == [5, 11, 14]
    assert report.models[-1].optimizer is None, "the program's own optimizer is not known"


async def test_one_round_of_a_loop_over_what_nobody_knows_stands_for_all(real: Host) -> None:
    text = """
import os
import keras
import numpy as np
import tensorflow as tf
images, labels, names, pairs = [], [], [], []
for name in os.listdir("pictures"):
    picture = np.zeros((32, 32, 3), "float32")
    images.append(picture)
    names.append(name)
    pairs.append((picture, name))
for folder in ("cats", "dogs"):
    for name in os.listdir(folder):
        labels.append(1)
x = np.array(images) / 255.0
first, _ = zip(*pairs)
again = np.stack(first)
y = np.array(labels)
rows = []
for batch, _ in tf.data.Dataset.from_tensor_slices((np.zeros((99, 7), "float32"), np.zeros(99))).batch(8):
    rows.append(batch.numpy())
table = np.concatenate(rows)
unknown = np.array(names)
model = keras.Sequential([keras.Input((32, 32, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])
model.compile("adam", "mse")
model.fit(x, np.zeros((len(x), 3)))
model.fit(x[..., :1], unknown)
model.fit(x[..., :1], y)
"""
    report, loud = await said(real, text)
    shapes = {item.name: item.tensors[0].shape for item in report.variables if item.tensors}
    assert shapes["x"] == shapes["again"] == (None, 32, 32, 3)
    assert shapes["y"] == (None,) and shapes["table"] == (None, 7) and "unknown" not in shapes
    assert [(call.span.line, call.status) for call in report.calls] == [
        (26, "failed"), (27, "unknown"), (28, "unknown"),
    ]  # fmt: skip
    assert [code for code, _ in loud] == ["input-shape"], "how many there are is nothing to complain of"


async def test_what_files_hold_that_are_not_there(real: Host) -> None:
    text = """
import glob
import keras
import tensorflow as tf
lines = tf.data.TextLineDataset(glob.glob("reviews/*.txt")).map(lambda line: (line, 0.0)).batch(32)
words = keras.layers.TextVectorization(max_tokens=1000, output_sequence_length=20)
words.adapt(lines.map(lambda text, label: text))
model = keras.Sequential([words, keras.layers.Embedding(1000, 8), keras.layers.Flatten(), keras.layers.Dense(1)])
model.compile("adam", "mse")
model.fit(lines)
def load(path):
    return tf.image.resize(tf.io.decode_png(tf.io.read_file(path), channels=3), (32, 32))
pictures = tf.data.Dataset.list_files("pictures/*.png").map(load).batch(4)
sentences = open("sentences.txt").read().split()
padded = keras.utils.pad_sequences(sentences, maxlen=16)
small = keras.Sequential([keras.Input((15,)), keras.layers.Dense(1)])
small.compile("adam", "mse")
small.fit(padded, sentences)
"""
    report, loud = await said(real, text)
    shapes = {item.name: item.tensors[0].shape for item in report.variables if item.tensors}
    assert shapes["pictures"] == (None, 32, 32, 3) and shapes["padded"] == (None, 16)
    assert [(call.span.line, call.status) for call in report.calls] == [(10, "traced"), (18, "failed")]
    assert [code for code, _ in loud] == ["input-shape"]


async def test_a_layer_that_failed_before_is_not_to_blame(real: Host) -> None:
    text = """
import keras
x = open("nothing.txt").read()
y = keras.layers.Dense(4)(x)
try:
    keras.layers.Dense(4)(keras.Input(()))
except ValueError:
    pass
saved = keras.callbacks.ModelCheckpoint("/tmp/checkpoint", save_weights_only=True)
"""
    _, loud = await said(real, text)
    assert [line for _, line in loud] == [9]


async def test_a_picture_that_is_not_there_still_lacks_its_batch_axis(real: Host) -> None:
    text = """
import keras
model = keras.Sequential([keras.Input((64, 64, 3)), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2)])
picture = keras.utils.load_img("cat.jpg", target_size=(64, 64))
pixels = keras.utils.img_to_array(picture) / 255.0
model.predict(pixels[None])
model.predict(pixels)
"""
    assert (await said(real, text))[1] == [("input-shape", 7)]


async def test_attributes_that_ask_for_themselves_end(real: Host) -> None:
    text = """
import keras
class Saved:
    def __init__(self, folder):
        self.inner = keras.Model(open(folder))
        self.other = open(folder)
    def __getattr__(self, name):
        if hasattr(self.missing, name):
            return getattr(self.missing, name)
        elif hasattr(self.absent, name):
            return getattr(self.absent, name)
        else:
            raise AttributeError(name)
saved = Saved("nothing")
saved.save()
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
"""
    report, loud = await said(real, text)
    assert loud == [] and report.statements < 5000
    assert any(layer.cls == "Dense" for layer in report.layers)


async def test_keys_of_outputs_that_are_a_dictionary(real: Host) -> None:
    text = """
import keras
import numpy as np
first = keras.Input((4,))
model = keras.Model(first, {"p": keras.layers.Dense(1)(first), "q": keras.layers.Dense(3)(first)})
model.compile("adam", {"p": "mse", "q": "mse"})
model.fit(np.zeros((8, 4)), {"p": np.zeros((8, 1)), "q": np.zeros((8, 3))})
model.fit(np.zeros((8, 4)), {"p": np.zeros((8, 1)), "q": np.zeros((8, 2))})
"""
    report, loud = await said(real, text)
    assert [call.status for call in report.calls] == ["traced", "failed"]
    assert len(loud) == 1 and loud[0][0] != "compile-call"


async def test_a_layer_before_a_table_may_make_other_ids(real: Host) -> None:
    text = """
import keras
import numpy as np
from keras import layers
x = np.random.randint(0, 1000, (64, 20))
tail = [layers.Embedding(100, 4), layers.Flatten(), layers.Dense(1)]
hashed = keras.Sequential([layers.Hashing(num_bins=100), *tail])
inputs = keras.Input((20,), dtype="int32")
outputs = layers.Lambda(lambda ids: ids % 100)(inputs)
for layer in tail:
    outputs = layer(outputs)
for model in (hashed, keras.Model(inputs, outputs)):
    model.compile("sgd", "mse")
    model.fit(x, np.zeros(64))
"""
    assert (await said(real, text))[1] == []


async def test_a_class_that_the_loss_ignores_is_no_fault(real: Host) -> None:
    text = """
import keras
import numpy as np
masks = np.full((16, 32, 32), 255)
masks[:, 4:, 4:] = np.random.randint(0, 21, (16, 28, 28))
model = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Conv2D(21, 1)])
model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=255))
model.fit(np.zeros((16, 32, 32, 3)), masks)
"""
    assert (await said(real, text))[1] == []
    assert (await said(real, text.replace(", ignore_class=255", "")))[1] == [("label-range", 6)]


async def test_what_a_loop_left_half_filled_has_its_shape_and_no_values(real: Host) -> None:
    text = """
import numpy as np
import pandas as pd
import keras
labels = np.zeros(60, dtype="int64")
table = pd.DataFrame({"grade": [0.0] * 60})
for row in open("/nowhere/rows.txt"):
    labels[int(row)] = 3
    table["grade"] = [float(row)] * 60
classes = len(np.unique(labels))
grades = table["grade"].to_numpy()
model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(4, "softmax")])
model.compile("adam", "categorical_crossentropy")
model.fit(np.zeros((60, 2)), keras.utils.to_categorical(labels))
"""
    report, loud = await said(real, text)
    assert loud == []
    told = {gap.span.line: gap.reason for gap in report.gaps}
    assert "an array that was not filled: the file /nowhere/rows.txt is not there" in told[10]
    assert next(item for item in report.variables if item.name == "grades").kind == "unknown"


async def test_stand_ins_have_the_names_of_what_they_stand_for(real: Host) -> None:
    text = "import keras\nimport tensorflow as tf\ntf.data.Dataset.from_tensor_slices()\nkeras.utils.to_categorical()\n"
    report, _ = await said(real, text)
    told = [failure.message for failure in report.failures]
    assert [message.split(" missing")[0] for message in told] == ["DatasetV2.from_tensor_slices()", "to_categorical()"]


async def test_a_traced_function_that_failed_half_way_is_not_traced_again(real: Host) -> None:
    text = """
import tensorflow as tf
layer, other = tf.keras.layers.Dense(3), tf.keras.layers.Dense(4)
@tf.function
def step(x):
    first = layer(x)
    return tf.matmul(first, other(x))
for _ in range(2):
    step(tf.zeros((8, 5)))
step(tf.zeros((2, 5)))
"""
    report, loud = await said(real, text)
    assert [line for _, line in loud] == [7]
    assert {gap.reason for gap in report.gaps if gap.span.line == 10} == {
        "what a function does whose first trace failed half way"
    }


async def test_a_test_that_cannot_be_told_has_its_own_line(real: Host) -> None:
    text = """
import tensorflow as tf
class Net(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = tf.keras.layers.Dense(3)
    def call(self, x):
        if tf.reduce_sum(x) > 0:
            x = x + tf.zeros([2, 5])
            x = x * 2
        return self.dense(x)
net = Net()
@tf.function
def step(x):
    if tf.reduce_sum(x) > 0:
        x = x + tf.one_hot([1, 2], 5)
    return x, tf.zeros([2, 3])
y, z = step(tf.zeros((2, 5)))
net(tf.keras.Input((5,)))
"""
    report, loud = await said(real, text)
    assert loud == [("symbolic-tensor", 8)]
    assert {item.name: item.tensors[0].shape for item in report.variables if item.name in "yz"} == {
        "y": (2, 5),
        "z": (2, 3),
    }


async def test_a_list_of_arrays_is_one_component_of_a_dataset(real: Host) -> None:
    text = """
import tensorflow as tf
(x, y), _ = tf.keras.datasets.cifar10.load_data()
one = tf.data.Dataset.from_tensor_slices((x[:2], [y, y]))
two = tf.data.Dataset.from_tensor_slices((x, [y, y]))
"""
    report, loud = await said(real, text)
    assert loud == [("dataset-element", 5)]
    assert [item.shape for item in next(v for v in report.variables if v.name == "one").tensors] == [
        (32, 32, 3),
        (50_000, 1),
    ]


async def test_what_a_graph_from_a_file_holds_is_not_known(real: Host) -> None:
    text = """
import pathlib
import tensorflow as tf
definition = tf.compat.v1.GraphDef()
definition.ParseFromString(pathlib.Path("/nowhere/frozen.pb").read_bytes())
with tf.Graph().as_default() as graph:
    tf.graph_util.import_graph_def(definition, name="")
images = graph.get_tensor_by_name("input:0")
scores = graph.get_operation_by_name("scores")
"""
    _, loud = await said(real, text)
    assert loud == []


async def test_sizes_that_nobody_knows_need_a_second_run_only_where_something_is_found(real: Host) -> None:
    start = "import keras\nfrom not_installed import count\n"
    fine = start + "keras.Sequential([keras.Input((4,)), keras.layers.Dense(count)])\n"
    wrong = fine + "keras.layers.Dense(2, unit=3)\n"
    by_chance = start + "x = keras.layers.Dense(count)(keras.Input((4,)))\nkeras.ops.reshape(x, (-1, 352 * 2))\n"
    by_chance += (
        "keras.layers.Dot(axes=-1)([x, keras.Input((352,))])\nkeras.layers.Dot(axes=-1)([x, keras.Input((9,))])\n"
    )
    for text, asked, lines in ((fine, [0], []), (wrong, [0, 1], [4]), (by_chance, [0, 1], [])):
        runs: list[int] = []

        async def once(probe: Probe, runs: list[int] = runs) -> Report:
            runs.append(probe.witness)
            return await real.ask(probe)

        async def whole(probe: Probe) -> Report:
            return await witnesses.ask(probe, real.ask)

        snapshot = Snapshot("file:///nowhere/train.py", "/nowhere/train.py", 1, text)
        found = await analysis.last(snapshot, Tools(None, whole, Settings(worker_timeout=60.0), once=once))
        assert (found.status, runs) == ("checked", asked)
        assert [item.span.line for item in found.findings] == lines


async def test_every_layer_of_a_clone_is_shown(real: Host) -> None:
    text = """
import keras
i = keras.Input((8, 8, 3))
x = keras.layers.Conv2D(4, 3)(i)
model = keras.Model(i, keras.layers.Dense(2)(keras.layers.Flatten()(x)))
clone = keras.models.clone_model(model)
rows = keras.models.clone_model(keras.Sequential([keras.Input((4,)), keras.layers.Dense(5), keras.layers.Dense(6)]))
"""
    report, loud = await said(real, text)
    tables = {
        table.model.variable: [(row.cls, row.outputs[0].shape, row.dtype, row.parameters) for row in table.rows]
        for table in describe.tables(Snapshot("file:///nowhere/train.py", "/nowhere/train.py", 1, text), report)
    }
    assert loud == [] and tables["clone"] == tables["model"] and len(tables["clone"]) == 4
    assert tables["rows"] == [("Dense", (None, 5), "float32", 25), ("Dense", (None, 6), "float32", 36)]


async def test_devices_that_a_dry_run_does_not_have_are_no_faults(real: Host) -> None:
    text = """
import tensorflow as tf
from tensorflow.experimental import dtensor
devices = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(devices[0], [tf.config.LogicalDeviceConfiguration()] * 6)
mesh = dtensor.create_mesh([("x", 6)], devices=[f"CPU:{number}" for number in range(6)])
layout = dtensor.Layout([dtensor.UNSHARDED, dtensor.UNSHARDED], mesh)
packed = dtensor.pack([[0, 1]] * 6, layout=layout)
joined = tf.zeros((2, 3)) + tf.ones((3, 3))
"""
    report, loud = await said(real, text)
    assert [line for _, line in loud] == [9]
    assert "unknown device" in {gap.span.line: gap.reason for gap in report.gaps}[8]


async def test_a_model_given_to_a_function_does_not_stand_for_a_tensor(real: Host) -> None:
    text = """
import tensorflow as tf
import keras
image = keras.Input((28, 28, 1))
encoder = keras.Model(image, keras.layers.Flatten()(image))
class Wrapped(keras.Model):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner
    def call(self, x):
        return self.inner(x)
model = Wrapped(encoder)
@tf.function
def step(network, images):
    return network(images, training=True)
batch = tf.zeros((16, 28, 28, 1))
step(model, batch)
step(model, batch[:, :20])
"""
    _, loud = await said(real, text)
    assert [code for code, _ in loud] == ["layer-input"]


async def test_files_that_a_generators_elements_are_read_from_may_be_absent(real: Host) -> None:
    text = """
import keras
import numpy as np
class Volumes(keras.utils.PyDataset):
    def __init__(self, names, classes):
        super().__init__()
        self.names, self.classes = names, classes
    def __len__(self):
        return len(self.names) // 8
    def __getitem__(self, index):
        x, y = np.empty((8, 16, 16, 1)), np.empty(8, dtype=int)
        for row, name in enumerate(self.names[index * 8 : index * 8 + 8]):
            x[row,] = np.load("data/" + name + ".npy")
            y[row] = row % 4
        return x, keras.utils.to_categorical(y, num_classes=self.classes)
names = [f"id-{number}" for number in range(80)]
flat = keras.layers.Flatten(input_shape=(16, 16, 1))
model = keras.Sequential([flat, keras.layers.Dense(4, activation="softmax")])
model.compile("adam", "categorical_crossentropy")
model.fit(Volumes(names, 4))
model.fit(Volumes(names, 6))
"""
    report, loud = await said(real, text)
    assert [call.status for call in report.calls] == ["traced", "failed"]
    assert ".npy is not there" in {gap.span.line: gap.reason for gap in report.gaps}[13]
    assert len(loud) == 1 and loud[0][0] == "loss-target"


@pytest.mark.parametrize("asks", ["os.path.exists(path)", "os.path.isfile(path)", "pathlib.Path(path).is_file()"])
async def test_what_is_empty_for_want_of_a_file_is_no_fault(real: Host, asks: str) -> None:
    program = """
import os, pathlib
from keras import layers
def load(path):
    words = []
    if not {asks}:
        return words
    with open(path) as file:
        words.extend(file)
    return words
layer = layers.Dense(len(load({name!r})))
"""
    report, loud = await said(real, program.format(asks=asks, name="nowhere/words.txt"))
    assert not loud
    assert [gap.reason for gap in report.gaps] == ["nowhere/words.txt is not there"]
    _, loud = await said(real, program.format(asks="path", name=""))
    assert [code for code, _ in loud] == ["argument-value"]


async def test_a_cell_may_begin_with_a_future_statement(real: Host) -> None:
    cells = ("import keras", "from __future__ import annotations\nmodel = keras.Sequential([keras.layers.Dense(2)])")
    snapshot = Snapshot("file:///nowhere/a.ipynb", "/nowhere/a.ipynb", 1, "\n".join(cells))
    report = await real.ask(plan.plan(snapshot, root="/nowhere", seconds=60))
    assert report.complete, report.ended
    assert [item.variable for item in report.models] == ["model"]


async def test_what_a_file_that_is_not_there_would_fill_is_unknown_for_everybody_who_holds_it(real: Host) -> None:
    text = """
import os
import keras
counts = {}
class Words:
    def __init__(self):
        self.places, self.lines, self.number = {}, [], 0
    def read(self, path):
        for line in open(path):
            self.places[line] = len(self.places)
            self.lines.append(line.split())
            self.number += 1
def fill(path, vocabulary, labels):
    with open(path) as file:
        for line in file:
            vocabulary[line] = len(vocabulary)
    labels.update(open(path).read().split())
def count(folder):
    for name in os.listdir(folder):
        counts[name] = counts.get(name, 0) + 1
places = {}
def place_of(word):
    return places.setdefault(word, len(places))
class Vocabulary:
    def __init__(self):
        self.places, self.number = {}, 1
    def add(self, word):
        if word not in self.places:
            self.places[word] = self.number
            self.number += 1
def main():
    vocabulary, labels, words = {}, set(), Words()
    fill("words.txt", vocabulary, labels)
    words.read("words.txt")
    count("images")
    keras.layers.Embedding(len(vocabulary), 3)
    keras.layers.Dense(len(labels))
    keras.layers.Dense(len(words.places))
    keras.layers.Dense(words.number)
    keras.layers.Dense(len(counts))
    known = Vocabulary()
    for line in open("words.txt"):
        known.add(line)
        place_of(line)
    sizes = {"units": 4, "classes": 0}
    sizes["classes"] = int(open("classes.txt").read())
    keras.layers.Dense(len(known.places))
    keras.layers.Dense(known.number)
    keras.layers.Dense(len(places))
    keras.layers.Dense(sizes["classes"])
    keras.layers.Dense(sizes["units"])
    return keras.layers.Dense(len(words.lines))
main()
"""
    report, loud = await said(real, text)
    assert loud == []
    assert {item.name for item in report.witnesses} >= {
        "len(vocabulary)", "len(labels)", "len(words.places)", "words.number", "len(counts)",
        "known.number", "len(known.places)", "len(places)", "sizes['classes']",
    }  # fmt: skip


async def test_what_waits_at_the_top_level_is_waited_for(real: Host) -> None:
    text = """
import asyncio
import keras
import numpy as np
async def load(rows):
    await asyncio.sleep(0.001)
    return np.zeros((rows, 5))
x, y = await asyncio.gather(load(10), load(10))
model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(3)])
model.compile("adam", "mse")
model.fit(x, y)
"""
    _, loud = await said(real, text)
    assert [line for _, line in loud] == [9]
    text = text.replace("x, y = await asyncio.gather", "x, y = asyncio.run(both())").replace("(load(10), load(10))", "")
    text = text.replace(
        "async def load", "async def both():\n    return await load(10), await load(10)\nasync def load"
    )
    _, loud = await said(real, text)
    assert [line for _, line in loud] == [11]


async def test_a_pretrained_model_needs_no_file_of_weights(real: Host) -> None:
    text = """
import keras
base = keras.applications.MobileNetV2(include_top=False, weights="../input/notop.h5", input_shape=(64, 64, 3))
head = keras.layers.Dense(3)(keras.layers.Flatten()(base.output))
wrong = keras.applications.MobileNetV2(include_top=False, weights="imagnet")
"""
    report, loud = await said(real, text)
    assert [line for _, line in loud] == [5]
    assert [item.outputs[0].shape for item in report.layers if item.cls == "Dense"] == [(None, 3)]


async def test_whole_numbers_in_a_list_become_int32(real: Host) -> None:
    text = """
import keras
import tensorflow as tf
(x, _), _ = keras.datasets.cifar10.load_data()
one = tf.convert_to_tensor([x[0]])
two = tf.constant([x[0] / 255.0, x[1] / 255.0])
patches = keras.ops.image.extract_patches(keras.ops.image.resize(one, (72, 72)), size=6)
"""
    report, loud = await said(real, text)
    assert loud == []
    known = {item.name: item.tensors[0].dtype for item in report.variables if item.kind == "tensor"}
    assert known == {"one": "int32", "two": "float64", "patches": "int32"}


async def test_arguments_that_a_signature_refuses_are_no_symbolic_tensors(real: Host) -> None:
    text = """
import keras
import tensorflow as tf
@tf.function(input_signature=[tf.TensorSpec([None], tf.int32)])
def cube(z):
    return tf.pow(z, 3)
cube(tf.constant([1.0, 2.0]))
"""
    _, loud = await said(real, text)
    assert loud == [("keras-error", 7)]


async def test_a_file_at_home_is_named_from_there(real: Host) -> None:
    text = """
import keras
path = keras.utils.get_file("plays.txt", "https://nowhere.invalid/plays.txt")
size = len(open(path).read())
keras.layers.Dense(size)
"""
    report, _ = await said(real, text)
    assert [gap.reason for gap in report.gaps] == ["the file ~/.keras/datasets/plays.txt is not there"]


async def test_no_word_names_the_folder_of_a_dry_run(real: Host) -> None:
    text = """
import tempfile
import keras
import tensorflow as tf
path = keras.utils.get_file("dog.jpg", "https://nowhere.invalid/dog.jpg")
picture = tf.io.decode_jpeg(tf.io.read_file(path))
model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten()])
model.predict(picture)
keras.callbacks.ModelCheckpoint(tempfile.mkdtemp())
"""
    report, loud = await said(real, text)
    absent = "the file ~/.keras/datasets/dog.jpg is not there"
    assert [gap.reason for gap in report.gaps if gap.kind == "file"] == [absent]
    assert [call.reason for call in report.calls] == [absent]
    assert [line for _, line in loud] == [9] and "filepath=~/tmp" in report.failures[0].message


async def test_lists_of_a_loop_that_predicts_are_as_long_as_its_rounds(real: Host) -> None:
    text = """
import keras
import numpy as np
series = np.arange(120.0)
model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(1)])
model.compile("adam", "mse")
forecast, models = [], []
for start in range(len(series) - 20):
    forecast.append(model.predict(series[start:start + 20][np.newaxis]))
    models.append(model)
results = np.array(forecast).squeeze()
difference = series[20:] - results
print(results[0:5])
models[0].predict(np.zeros((5, 20)))
"""
    report, loud = await said(real, text)
    assert loud == [] and not report.gaps
    shapes = {item.name: item.tensors[0].shape for item in report.variables if item.tensors}
    assert shapes["results"] == shapes["difference"] == (100,)
    assert [call.status for call in report.calls] == ["traced", "traced"]


async def test_windows_that_are_batched_are_not_batched_twice(real: Host) -> None:
    text = """
import keras
import numpy as np
import tensorflow as tf
rows = tf.data.Dataset.from_tensor_slices(np.zeros((200, 1), "float32"))
windows = rows.window(21, shift=1, drop_remainder=True)
windows = windows.flat_map(lambda window: window.batch(21))
windows = windows.map(lambda window: (window[:-1], window[-1]))
windows = windows.batch(32)
for shape in (keras.Input((20, 1)), None):
    model = keras.Sequential([keras.layers.LSTM(4), keras.layers.Dense(1)])
    if shape is not None:
        model = keras.Sequential([shape, keras.layers.LSTM(4), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    model.fit(windows)
steps = rows.batch(20).map(lambda step: (step, step)).batch(8)
known = keras.Sequential([keras.Input((None, 1)), keras.layers.Dense(1)])
known.compile("adam", "mse")
known.fit(steps)
"""
    report, loud = await said(real, text)
    assert loud == []
    assert {call.status for call in report.calls} == {"traced"}


async def test_a_notebook_that_kills_its_process_ends(real: Host) -> None:
    text = """
import os, signal
import keras
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, unit=3)])
os.kill(os.getpid(), signal.SIGKILL)
"""
    _, loud = await said(real, text)
    assert [line for _, line in loud] == [4]


async def test_what_was_found_before_the_time_was_over_is_told(real: Host) -> None:
    text = (
        """
import keras
keras.layers.Dense(8, unit=3)
def network(depth):
    keras.Sequential([keras.Input((8,)), keras.layers.Dense(2)])
    if depth:
        network(depth - 1)
        network(depth - 1)
network(20)
"""
        + "network(20)\n" * 30
    )
    snapshot = Snapshot("file:///nowhere/train.py", "/nowhere/train.py", 1, text)
    report = await real.ask(plan.plan(snapshot, root="/nowhere", seconds=8))
    assert not report.complete and report.ended is not None and "stopped after 8 s" in report.ended
    assert len(report.failures) == 1


async def test_what_was_found_before_a_statement_that_never_ends_is_told(real: Host) -> None:
    text = """import collections
import itertools
import numpy as np
import keras
model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4)])
model.compile(loss="mse")
model.fit(np.zeros((10, 8)), np.zeros((10, 4)))
model(np.zeros((10, 7)))
for units in range(1, 40):
    keras.Sequential([keras.Input((8,)), keras.layers.Dense(units)])
collections.deque(itertools.repeat(0), maxlen=0)
"""
    report = await real.ask(plan.plan(Snapshot("file:///nowhere/train.py", "/nowhere/train.py", 1, text), seconds=4))
    assert not report.complete and report.ended is not None
    assert report.ended.startswith("stopped after 4 s at line 11"), report.ended
    assert {layer.cls for layer in report.layers if layer.called} >= {"Dense"}
    assert [call.status for call in report.calls] == ["traced"]
    assert [failure.frames[0].line for failure in report.failures] == [8]


async def test_the_program_itself_does_not_go_on_after_its_time(real: Host) -> None:
    text = """import keras
layer = keras.layers.Dense(4)
while True:
    try:
        layer(keras.Input((8,)))
        for number in range(10_000):
            print(number)
    except:
        pass
"""
    report = await real.ask(plan.plan(Snapshot("file:///nowhere/train.py", "/nowhere/train.py", 1, text), seconds=3))
    assert report.ended is None or report.ended == "the dry run stopped after 3 s", report.ended
    assert report.layers


@pytest.mark.skipif(importlib.util.find_spec("cv2") is not None, reason="OpenCV is installed")
async def test_pictures_of_a_library_that_is_not_installed_meet_the_model(real: Host) -> None:
    text = """import os
import cv2
import numpy as np
import keras
x, y = [], []
for number, folder in enumerate(["no", "yes"]):
    for name in os.listdir(folder):
        picture = cv2.imread(os.path.join(folder, name))
        x.append(cv2.resize(picture, (64, 48)) / 255.0)
        y.append(number)
x, y = np.array(x), np.array(y)
model = keras.Sequential([keras.Input((48, 64, 3)), keras.layers.Flatten(), keras.layers.Dense(1)])
model.compile(loss="mse")
model.fit(x, y)
try:
    import cv2 as other
except ImportError:
    other = None
known = other is None
"""
    report = await real.ask(plan.plan(Snapshot("file:///nowhere/train.py", "/nowhere/train.py", 1, text), seconds=60))
    assert [gap.reason for gap in report.gaps if gap.kind == "module"] == ["the module 'cv2' is not installed"]
    assert [call.status for call in report.calls] == ["traced"], report.calls
    assert report.calls[0].arguments[0].tensors[0].shape[1:] == (48, 64, 3)
    assert not report.failures


async def test_a_module_of_keras_goes_by_its_public_name(real: Host) -> None:
    text = "import tensorflow as tf\nerror = tf.keras.losses.mean_absolute_error([1.0], [2.0])\n"
    report, loud = await said(real, text)
    assert loud == [("removed-name", 2)] and report.failures[0].facts["object"] == "keras.losses"


async def test_a_list_of_metrics_that_has_a_name_is_one_list_too(real: Host) -> None:
    text = """
import keras
import numpy as np
row = keras.Input((4,))
model = keras.Model(row, [keras.layers.Dense(3, name="kind")(row), keras.layers.Dense(1, name="size")(row)])
metrics = ["accuracy"]
model.compile("adam", {"kind": "sparse_categorical_crossentropy", "size": "mse"}, metrics=metrics)
model.fit(np.zeros((8, 4)), {"kind": np.zeros(8), "size": np.zeros(8)})
"""
    _, loud = await said(real, text)
    assert loud == [("compile-call", 7)]


async def test_lists_keep_the_scope_that_they_are_made_in(real: Host) -> None:
    text = """
import keras
class Base:
    sizes = [size * 2 for size in (4, 8)]
    names = [f"{size}" for size in sizes]
    def widths(self):
        return [3, 5]
class Net(Base):
    def widths(self):
        __own = [width for width in super().widths()]
        return [width + 1 for width in __own] + [len(name) for name in [key for key in locals() if key == "self"]]
def asked():
    heard = [item for item in (yield)]
    yield heard
questions = asked()
next(questions)
heard = questions.send([7, 9])
rows = [[column * row for column in range(row)] for row in range(4)]
(first := 2, found := [first * item for item in range(3)])
for width in [*Net().widths(), *heard, *found[1:], len(rows[3]), *[int(name) for name in Base.names]]:
    keras.layers.Dense(width)
    layer = keras.layers.Dense(units=width)
print([x for x in [1, 2] if x > 5 or unknown_name])
"""
    report, loud = await said(real, text)
    widths = [layer.config.get("units") for layer in report.layers if layer.cls == "Dense"][::2]
    assert loud == [] and widths == [4, 6, 4, 7, 9, 2, 4, 3, 8, 16]


async def test_what_is_timed_runs_once(real: Host) -> None:
    text = """
import timeit
import keras
sums = []
print("in a row:", timeit.timeit(lambda: sums.append(sum(range(9))), number=10**9) / 10**9, "seconds")
print("the best:", min(timeit.repeat("sum(range(9))", number=10**9)))
rounds, seconds = timeit.Timer(lambda: sums.append(0)).autorange()
keras.layers.Dense(1, unit=3)
"""
    report, loud = await said(real, text)
    assert [line for _, line in loud] == [8]
    assert [gap.span.line for gap in report.gaps] == [8]


@pytest.mark.parametrize(("batch", "first"), [("unknown_package.batch()", None), ("np.zeros((2, 3, 5))", 11)])
async def test_a_model_whose_call_was_not_carried_out_has_no_weights_for_that(
    real: Host, batch: str, first: int | None
) -> None:
    text = f"""
import keras
import numpy as np
import unknown_package
class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.merged = keras.layers.Dot(1)
        self.first = keras.layers.Dense(3)
    def call(self, rows):
        return self.first(self.merged([rows, keras.ops.zeros((2, 4))]))
net, other = Net(), Net()
net({batch})
print(net.first.kernel.shape)
net.save_weights("net.weights.h5")
print(other.first.kernel.shape)
"""
    _, loud = await said(real, text)
    assert [line for _, line in loud] == [*([first] if first else []), 16]


async def test_the_examples_of_a_data_set_have_sizes_that_nobody_knows(real: Host) -> None:
    pytest.importorskip("tensorflow_datasets")
    text = """
import keras
import tensorflow as tf
import tensorflow_datasets as tfds
photos = tfds.load("tf_flowers", split="train", as_supervised=True)
photo, kind = next(iter(photos))
part = tf.image.random_crop(photo, [210, 300, 3])
turned = keras.Sequential([keras.layers.RandomFlip()])
turned(tf.expand_dims(photo, 0))
turned(keras.Input((180, 3), batch_size=180))
"""
    _, loud = await said(real, text)
    assert loud == [("layer-input", 10)]


async def test_axes_that_lack_are_a_fault_whatever_the_sizes(real: Host) -> None:
    text = """
import keras
from not_installed import size
turned = keras.Sequential([keras.Input((size, size, 3)), keras.layers.RandomFlip()])
turned(keras.Input((180, 180, 3)))
turned(keras.Input((180, 3), batch_size=180))
"""
    report, loud = await said(real, text)
    assert loud == [("layer-input", 6)]
    assert "expected shape=(None, size, size, 3), found shape=(180, 180, 3)" in report.failures[0].message


async def test_pictures_are_not_drawn_where_matplotlib_is_installed_either(real: Host) -> None:
    text = """
import matplotlib.pyplot as plt
import numpy as np
import keras
figure, axes = plt.subplots(2, 2)
plt.imshow(np.zeros((8, 8)))
plt.savefig("digits.png")
plot = keras.layers.Dense(3, unit=plt.gca().margins())
keras.layers.Dense(3, unit=3)
"""
    report, loud = await said(real, text)
    assert [line for _, line in loud] == [8, 9]
    assert {gap.span.line for gap in report.gaps} <= {5, 8, 9}


async def test_a_program_that_asks_for_keras_2_is_not_judged_by_keras_3(real: Host) -> None:
    text = """
import os
os.environ["TF_USE_LEGACY_KERAS"] = "1"
import numpy as np
import tensorflow as tf
model = tf.keras.Sequential([tf.keras.layers.Dense(1, input_shape=(4,))])
tf.keras.layers.Embedding(9, 4, batch_input_shape=[1, None])
model.compile(tf.keras.optimizers.Adam(lr=0.1), "mse")
model.fit([1.0, 2.0], [3.0, 4.0])
model.fit(np.zeros((8, 3)), np.zeros((8, 1)))
"""
    report, loud = await said(real, text)
    assert loud == []
    assert {gap.reason for gap in report.gaps} == {"the program asks for Keras 2, which a dry run does not have"}


async def test_what_only_tensorflow_says_is_no_fault_of_a_program_for_another_backend(real: Host) -> None:
    text = """
import os
os.environ["KERAS_BACKEND"] = "torch"
import numpy as np
import torch
import keras
class Own(keras.Model):
    def train_step(self, state, data):
        return {}, state
x = keras.Input((4,))
own = Own(x, keras.layers.Dense(1)(x))
own.compile("adam", "mse")
own.fit(np.zeros((8, 4)), np.zeros((8, 1)))
own.to("cpu")
for weight in own.parameters():
    weight.requires_grad = False
"""
    report, loud = await said(real, text)
    assert loud == []
    assert any("backend 'torch'" in gap.reason for gap in report.gaps)
    faults = """
keras.Sequential([x, keras.layers.Conv2D(1, 3)])
keras.layers.Dens(3)
keras.Sequential([x, keras.layers.Dense(3)]).predict(np.zeros((8, 5)))
"""
    _, loud = await said(real, text + faults)
    assert len(loud) == 3


async def test_a_store_that_cannot_be_reached_is_no_fault(real: Host) -> None:
    text = """
import tensorflow as tf
picture = tf.image.decode_jpeg(tf.io.read_file("gs://a-store-of-somebody/a.jpg"), channels=3)
net = tf.keras.Sequential([tf.keras.Input((32, 32, 3)), tf.keras.layers.Flatten()])
net.predict(tf.image.resize(picture, (32, 32))[None])
net.save("gs://a-store-of-somebody/net.keras")
"""
    report, loud = await said(real, text)
    assert loud == []
    assert "a dry run has no network" in {gap.reason for gap in report.gaps}


async def test_what_a_failed_statement_would_have_filled_is_not_guessed(real: Host) -> None:
    text = """
import numpy as np
import keras
rows, kinds = np.zeros((20, 7)), []
for row in np.ones((20, 7)):
    kinds.append(keras.utils.to_categorical(row, 5, dtype="int32"))
kinds = keras.utils.pad_sequences(kinds, maxlen=7)
net = keras.Sequential([keras.Input((7,)), keras.layers.Embedding(9, 8), keras.layers.Dense(5, "softmax")])
net.compile("adam", "categorical_crossentropy")
net.fit(rows, kinds)
"""
    _, loud = await said(real, text)
    assert [line for _, line in loud] == [6]


async def test_what_is_gathered_of_absent_files_has_the_shape_that_it_is_given(real: Host) -> None:
    text = """
import os
import numpy as np
import keras
import pictures_that_are_not_installed as pictures
data, found, kinds = [], [], []
for kind in ("cats", "dogs"):
    for name in os.listdir(kind):
        data.append([pictures.resize(pictures.read(name), (50, 50)), kind == "dogs"])
for picture, kind in data:
    found.append(picture)
    kinds.append(kind)
found = np.array(found).reshape(-1, 50, 50, 1) / 255.0
model = keras.Sequential([keras.Input((64, 64, 1)), keras.layers.Flatten(), keras.layers.Dense(1)])
model.compile("adam", "mse")
model.fit(found, np.array(kinds))
"""
    _, loud = await said(real, text)
    assert [code for code, _ in loud] == ["input-shape"]
    _, loud = await said(real, text.replace("(64, 64, 1)", "(50, 50, 1)"))
    assert loud == []


async def test_a_table_of_a_large_array_is_not_made(real: Host) -> None:
    text = """
import keras
import numpy as np
import pandas as pd
pixels = keras.Sequential([keras.Input((512, 512, 3)), keras.layers.Conv2D(32, 3, padding="same")])
seen = pixels.predict(np.zeros((400, 512, 512, 3), "uint8"))
table = pd.DataFrame(seen.reshape(-1, seen.shape[3]))
table["kind"] = np.zeros((400, 512, 512), "uint8").reshape(-1)
print(table["kind"].value_counts())
small = pd.DataFrame(seen[0].reshape(-1, 32))
print(small.shape)
"""
    report, loud = await said(real, text)
    assert loud == [] and report.complete
    assert next(gap.span.line for gap in report.gaps if "large array" in gap.reason) == 7
    assert not [gap for gap in report.gaps if gap.span.line > 9]


async def test_what_is_learnt_from_data_that_are_not_known_is_learnt_outside_of_a_trace(real: Host) -> None:
    text = """
import keras
import pandas as pd
class Learning(keras.Model):
    def __init__(self):
        super().__init__()
        self.scale = keras.layers.Normalization(axis=-1)
        self.chain = keras.Sequential([self.scale, keras.layers.Dense(1)])
        self.join = keras.layers.Concatenate(axis=1)
    def joined(self, parts):
        columns = []
        for _, rows in sorted(parts.items()):
            columns.append(rows)
        return self.join(columns)
    def adapt(self, parts):
        parts = self.joined(parts)
        self.scale.adapt(parts)
    def call(self, parts):
        return self.chain(self.joined(parts))
table = pd.read_csv("trees.csv")
parts = {name: table[[name]].values for name in ("age", "height")}
model = Learning()
model.adapt(parts)
model.compile("adam", "mse", run_eagerly=True)
model.fit(parts, table.pop("found"))
"""
    report, loud = await said(real, text)
    assert loud == []
    (call,) = report.calls
    assert call.status == "traced"


async def test_what_a_stopped_statement_was_to_learn_is_not_known(real: Host) -> None:
    text = """
import itertools
import numpy as np
import keras
class Learning(keras.Model):
    def __init__(self):
        super().__init__()
        self.scale = keras.layers.Normalization(axis=-1)
        self.chain = keras.Sequential([self.scale, keras.layers.Dense(1)])
    def adapt(self, rows):
        self.scale.adapt(max(rows.sum() for _ in itertools.count()))
    def call(self, rows):
        return self.chain(rows)
rows, found = np.random.rand(40, 5), np.random.rand(40, 1)
model = Learning()
model.adapt(rows)
model.compile("adam", "mse", run_eagerly=True)
model.fit(rows, found)
"""
    report, loud = await said(real, text)
    assert loud == [] and "time" in {gap.kind for gap in report.gaps}
    (call,) = report.calls
    assert call.status == "unknown" and "takes longer than" in (call.reason or "")


@pytest.mark.parametrize(
    "use", ["digest.update(x_train)", "print(memoryview(x_train).cast('B'))", "digest.update((x_train / 255.0).data)"]
)
async def test_the_bytes_of_data_that_are_not_there_are_not_known(real: Host, use: str) -> None:
    text = f"""
import hashlib
import keras
digest = hashlib.sha256()
(x_train, y_train), test = keras.datasets.mnist.load_data()
{use}
print(digest.hexdigest())
"""
    report, loud = await said(real, text)
    assert loud == [] and {gap.kind for gap in report.gaps} <= {"value"}


@pytest.mark.parametrize(("rows", "wanted", "told"), [("[:-7]", "", []), ("", "[:-7]", [("sample-count", 7)])])
async def test_a_split_for_validation_ends_with_the_first_array(
    real: Host, rows: str, wanted: str, told: list[tuple[str, int]]
) -> None:
    text = f"""
import keras
import numpy as np
x, y = np.random.rand(80, 5), np.random.rand(80, 1)
net = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1)])
net.compile("adam", "mse")
net.fit(x{rows}, y{wanted}, validation_split=0.2)
"""
    _, loud = await said(real, text)
    assert loud == told
