"""Things in another form than they are taken: layers as tensors, several tensors in one line, samples as steps."""

from __future__ import annotations

import sys

import pytest

from kls.facts import Severity
from kls.host import Host
from tests import catalogue
from tests.worker.faults import Fault, assert_silent, assert_told

pytestmark = [
    pytest.mark.tf,
    pytest.mark.asyncio(loop_scope="module"),  # one worker serves them all, and belongs to its loop
    pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs Linux"),
]

EACH_STEP = """
from keras import Input, Model, layers
steps = Input((20, 8))
read = layers.LSTM(16, return_sequences=True)(steps)
told = layers.TimeDistributed({})
model = Model(steps, told)
"""
BOTH_WAYS = """
from keras import Input, Model, layers
words = Input((50,))
known = layers.Embedding(300, 12)(words)
read = layers.Bidirectional({})
model = Model(words, layers.Dense(1)(read))
"""
FILM = """
from keras import Input, Model, Sequential, layers
eye = Sequential([Input((24, 24, 1)), layers.Conv2D(4, 3), layers.Flatten()])
film = Input((6, 24, 24, 1))
seen = layers.TimeDistributed({})
model = Model(film, layers.Dense(2)(layers.LSTM(5)(seen)))
"""
BLOCK = """
import keras
from keras import layers
film, picture = keras.Input((6, 24, 24, 1)), keras.Input((24, 24, 1))
def block(x):
    x = layers.Conv2D(4, 3)(x)
    return layers.GlobalMaxPooling2D()(x)
seen = layers.TimeDistributed({})
model = keras.Model(film, layers.Dense(2)(layers.LSTM(5)(seen)))
"""
ATTENTIVE = """
import keras
from keras import layers
net = keras.Sequential([
    keras.Input((20,)),
    layers.Embedding(200, 16),
    layers.MultiHeadAttention(2, 8),
    layers.GlobalAveragePooling1D(),
    layers.Dense(1),
])
"""
ATTENTIVE_GRAPH = """
import keras
from keras import layers
inputs = keras.Input((20,))
x = layers.Embedding(200, 16)(inputs)
x = layers.MultiHeadAttention(2, 8)(x, x)
x = layers.GlobalAveragePooling1D()(x)
x = layers.Dense(1)(x)
net = keras.Model(inputs, x)
"""
ADDED = """
from keras.models import Sequential
from keras.layers import LSTM, Attention, Dense, Flatten
net = Sequential()
net.add(LSTM(8, return_sequences=True, input_shape=(30, 4)))
net.add(Attention())
net.add(Flatten())
net.add(Dense(1))
"""
JOINED = """
from keras import Input, Sequential, layers
net = Sequential([Input((16,)), layers.Dense(8), layers.{}, layers.Dense(1)])
"""
GATED = """
import keras
class Gate(keras.layers.Layer):
    def call(self, x, memory):
        return x * keras.ops.sigmoid(memory)
net = keras.Sequential([
    keras.Input((8,)),
    Gate(),
    keras.layers.Dense(1),
])
"""
ROWS = """
import numpy as np
from keras import Input, Sequential, layers
table, price = np.random.rand(90, 7), np.random.rand(90)
rows = {}
net = Sequential([Input({}), layers.LSTM(5), layers.Dense(1)])
net.compile("adam", "mse")
net.fit(rows, price)
"""
WEIGHTS = """
import keras
class Scale(keras.layers.Layer):
    def build(self, input_shape):
        self.scale = self.add_weight(shape=({},), initializer="ones")
    def call(self, x):
        return x * self.scale
picture = keras.Input((28, 28, 3))
maps = keras.layers.Conv2D(16, 3, padding="same")(picture)
model = keras.Model(picture, keras.layers.Flatten()(Scale()(maps)))
"""
PLACES = """
import keras
class Places(keras.layers.Layer):
    def __init__(self, steps, width):
        super().__init__()
        self.table = self.add_weight(shape={}, initializer="uniform")
    def call(self, x):
        return x + self.table
words = keras.Input((40,))
known = Places(40, 24)(keras.layers.Embedding(900, 24)(words))
model = keras.Model(words, keras.layers.Flatten()(known))
"""
TWO_ENDS = """
import numpy as np
import keras
from keras import layers
rows = np.random.rand(60, 9)
heat_train, rain_train = np.random.rand(60), np.random.rand(60, 1)
entry = keras.Input((9,))
wide = layers.Dense(8)(entry)
ends = [layers.Dense(1, name="rain")(wide), layers.Dense(1, name="heat")(wide)]
model = keras.Model(entry, ends)
model.compile("adam", ["mse", "mae"])
model.fit(rows, {})
"""
TURNED = """
import numpy as np
pictures = np.random.rand(20, 3, 32, 32)
pictures = {} / 255.0
"""
TURNED_STEPS = """
import numpy as np
waves = np.random.rand(80, 6, 100).astype("float32")
steps = np.{}
"""
TURNED_LAYER = """
from keras import Input, Model, layers
picture = Input((3, 32, 32))
turned = layers.{}(picture)
model = Model(picture, layers.Conv2D(4, 3)(turned))
"""
LATER = """
import numpy as np
import keras
def batches():
    for width in {}:
        yield np.zeros((8, width)), np.zeros(8)
net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
net.compile("adam", "mse")
net.fit(batches(){})
"""
TEXTS = """
import tensorflow as tf
import keras
texts = [[1, 2, 3, 4], [5, 6, 7, 8], {}, [3, 4, 5, 6]]
def rows():
    for text in texts:
        yield text, 1
told = tf.TensorSpec(({},), "int32"), tf.TensorSpec((), "int32")
data = tf.data.Dataset.from_generator(rows, output_signature=told).batch(2)
net = keras.Sequential([keras.layers.Embedding(10, 4), keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(1)])
net.compile("adam", "mse")
net.fit(data)
"""
SCOPES = """
import numpy as np
import keras, tensorflow as tf
strategy = tf.distribute.{}
def build():
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
{}
net.fit(np.zeros((8, 4)), np.zeros((8, 1)))
"""
MIRRORED, ONE = "MirroredStrategy()", 'OneDeviceStrategy("/cpu:0")'
COMPILED_OUTSIDE = """
with strategy.scope():
    net = build()
net.compile("adam", "mse")
"""
MADE_OUTSIDE = """
net = build()
with strategy.scope():
    net.compile("adam", "mse")
"""
OPTIMIZER_OUTSIDE = """
steps = keras.optimizers.SGD()
with strategy.scope():
    net = build()
    net.compile(steps, "mse")
"""
ENLARGED = """
import keras
from keras import layers
picture = keras.Input((64, 64, 3))
wide = layers.Conv2D(8, 3, padding="same")(picture)
deep = layers.Conv2D(16, 3, padding="same")(layers.MaxPooling2D()(wide))
back = layers.Conv2DTranspose(8, 2{})(deep)
model = keras.Model(picture, layers.Conv2D(1, 1)(layers.concatenate([back, wide])))
"""
PARTS = """
import numpy as np
import keras, tensorflow as tf
class Sampler(keras.Model):
    def __init__(self, size):
        super().__init__()
        self.code = keras.Sequential([keras.layers.Dense(64), keras.layers.Dense({})])
        self.back = keras.layers.Dense(30)
    def call(self, x):
        mean, spread = tf.split(self.code(x), 2, axis=1)
        return self.back(mean + tf.exp(spread) * tf.random.normal(tf.shape(mean)))
rows = np.random.rand(64, 30).astype("float32")
model = Sampler(5)
model.compile("adam", "mse")
model.fit(rows, rows)
"""
EACH = "Give `layers.TimeDistributed` the layer, and the tensor to what it makes"
STEPS = "Make the rows samples of one step each"
IN_BOTH = f"{STEPS}, in the data and the model's input"

FAULTS = [
    Fault(EACH_STEP.format("layers.Dense(5)(read)"), "told =", EACH),
    Fault(BOTH_WAYS.format("layers.GRU(9)(known)"), "read =", EACH.replace("TimeDistributed", "Bidirectional")),
    Fault(FILM.format("eye(film)"), "seen =", EACH),
    Fault(BLOCK.format("block(picture))(film"), "seen =", "Make a model of what `block` builds"),
    Fault(BLOCK.format("block(film)"), "seen =", "Make a model of what `block` builds"),
    Fault(ATTENTIVE, "MultiHead", "Build a graph, where `MultiHeadAttention` gets the tensor twice"),
    Fault(ADDED, "Attention()", "Build a graph, where `Attention` gets the tensor twice"),
    Fault(JOINED.format("Concatenate()"), "Sequential([", "Leave `Concatenate` out"),
    Fault(
        JOINED.format("Concatenate()"),
        "Sequential([",
        "Build a graph, where `Concatenate` gets the tensor and the model's input",
    ),
    Fault(GATED, "Gate()", "Build a graph, where `Gate` gets the tensor twice"),
    Fault(ROWS.format("table.reshape(1, 90, 7)", "(90, 7)"), "rows =", IN_BOTH),
    Fault(ROWS.format("np.expand_dims(table, 0)", "(90, 7)"), "rows =", IN_BOTH),
    Fault(ROWS.format("table[np.newaxis]", "(90, 7)"), "rows =", IN_BOTH),
    Fault(ROWS.format("np.reshape(table, (1, *table.shape))", "(90, 7)"), "rows =", IN_BOTH),
    Fault(ROWS.format("np.reshape(table, (1, len(table), 7))", "(rows.shape[1], 7)"), "rows =", STEPS),
]
LATE = [
    (LATER.format("(4, 4, 5)", ""), "fit"),
    (LATER.format("(4, 4, 4, 5)", ", steps_per_epoch=2, epochs=2"), "fit"),
    (TEXTS.format("[9, 1, 2]", "4"), "TensorSpec"),
    (TEXTS.format("[9, 1, 2]", "None"), "batch"),
]
FIRST = [
    Fault(WEIGHTS.format("28"), "add_weight", "Make the weight as long as what it meets: `input_shape[-1]`"),
    Fault(PLACES.format("(width, steps)"), "add_weight", "Make the weight of shape (steps, width)"),
    Fault(PLACES.format("(steps, 16)"), "add_weight", "Make the weight as long as what it meets: `24`"),
    Fault(TWO_ENDS.format("heat_train"), "fit", "Give each output its labels: `[rain_train, heat_train]`"),
]
FIRST += [
    Fault(ENLARGED.format(', padding="same"'), "back =", "Set `strides=2` of `Conv2DTranspose`"),
    Fault(PARTS.format("size"), "Dense(size)", "Set the units of `Dense` to `2 * size`"),
]
OUTSIDE = "into the scope of the strategy"
FIRST += [
    Fault(SCOPES.format(MIRRORED, COMPILED_OUTSIDE), "compile", f'Move `net.compile("adam", "mse")` {OUTSIDE}'),
    Fault(SCOPES.format(ONE, COMPILED_OUTSIDE), "compile", f'Move `net.compile("adam", "mse")` {OUTSIDE}'),
    Fault(SCOPES.format(MIRRORED, MADE_OUTSIDE), "net =", f"Move `net = build()` {OUTSIDE}"),
    Fault(SCOPES.format(MIRRORED, OPTIMIZER_OUTSIDE), "steps =", f"Move `steps = keras.optimizers.SGD()` {OUTSIDE}"),
]
MIXED_UP = [
    Fault(TURNED.format("pictures.reshape(20, 32, 32, 3)"), "/ 255", "Transpose: `pictures.transpose(0, 2, 3, 1)`"),
    Fault(
        TURNED_STEPS.format("reshape(waves, (waves.shape[0], 100, 6))"),
        "steps =",
        "Transpose: `np.transpose(waves, (0, 2, 1))`",
    ),
    Fault(TURNED_LAYER.format("Reshape((32, 32, 3))"), "turned =", "Transpose: `layers.Permute((2, 3, 1))`"),
]
INSIDE = COMPILED_OUTSIDE.replace("\nnet.", "\n    net.")
FITTING = [
    ENLARGED.format(", strides=2"),
    PARTS.format("2 * size"),
    SCOPES.format(MIRRORED, INSIDE),
    SCOPES.format(ONE, INSIDE.replace("    net.", "with strategy.scope():\n    net.")),
    SCOPES.format("get_strategy()", COMPILED_OUTSIDE),
    SCOPES.format(MIRRORED, "net = build()\nnet.compile('adam', 'mse')"),
    LATER.format("(4, 4, 4)", ""),
    LATER.format("(4, 4, 4, 5)", ", steps_per_epoch=3"),
    TEXTS.format("[9, 1, 2, 4]", "4"),
    TEXTS.format("[9, 1, 2, 4]", "None"),
    WEIGHTS.format("input_shape[-1]"),
    PLACES.format("(steps, width)"),
    TWO_ENDS.format("[rain_train, heat_train]"),
    TURNED.format("pictures.transpose(0, 2, 3, 1)"),
    TURNED.format("pictures.reshape(20, 3, 1024)"),
    TURNED.replace("rand(20, 3, 32, 32)", "rand(20, 3072)").format("pictures.reshape(20, 32, 32, 3)"),
    TURNED.replace("rand(20, 3, 32, 32)", "rand(20, 1, 32, 32)").format("pictures.reshape(20, 32, 32, 1)"),
    TURNED.replace("random.rand", "zeros")
    .replace("(20, 3, 32, 32)", "((20, 3, 32, 32))")
    .format("pictures.reshape(20, 32, 32, 3)"),
    TURNED_STEPS.format("transpose(waves, (0, 2, 1))"),
    TURNED_LAYER.format("Permute((2, 3, 1))"),
    EACH_STEP.format("layers.Dense(5))(read"),
    BOTH_WAYS.format("layers.GRU(9))(known"),
    FILM.format("eye)(film"),
    BLOCK.format("keras.Model(picture, block(picture)))(film"),
    ATTENTIVE_GRAPH,
    JOINED.format("Dropout(0.1)"),
    ROWS.format("table.reshape(90, 1, 7)", "(1, 7)"),
    ROWS.format("table[:, np.newaxis]", "(1, 7)"),
]


@pytest.mark.parametrize("fault", FAULTS)
async def test_the_form_is_repaired(real: Host, fault: Fault) -> None:
    await assert_told(real, fault)


@pytest.mark.parametrize(("text", "line"), LATE)
async def test_a_later_batch_of_another_shape_is_told(real: Host, text: str, line: str) -> None:
    found = await catalogue.findings(real, "late", text, tried=True)
    (told,) = [item for item in found if item.severity is Severity.ERROR]
    assert told.code in ("dataset-element", "unequal-rows")
    assert line in text.split("\n")[told.span.line - 1]


@pytest.mark.parametrize("fault", FIRST)
async def test_what_alone_does_not_fit_is_repaired_first(real: Host, fault: Fault) -> None:
    await assert_told(real, fault, best=True)


@pytest.mark.parametrize("fault", MIXED_UP)
async def test_numbers_that_are_mixed_up_are_told(real: Host, fault: Fault) -> None:
    await assert_told(real, fault, Severity.WARNING, best=True)


@pytest.mark.parametrize("text", FITTING)
async def test_what_fits_is_not_told(real: Host, text: str) -> None:
    await assert_silent(real, text)


TWO_IN_A_SCOPE = """
import keras
import tensorflow as tf
strategy = tf.distribute.MirroredStrategy()
with strategy.scope():
    rows = keras.Sequential([keras.Input((8,)), keras.layers.Conv2D(4, 3)])
    words = keras.layers.Dens(4)
"""


async def test_what_fails_in_a_scope_does_not_hide_what_comes_after_it(real: Host) -> None:
    found = await catalogue.findings(real, "program", TWO_IN_A_SCOPE, tried=False)
    assert [item.code for item in found if item.severity is Severity.ERROR] == ["layer-input", "removed-name"]
