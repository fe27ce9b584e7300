"""What people ask about in public: the fault stands where they edit, with the repair that mends it."""

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

TWO_READERS = """
from keras import Input, Model, layers, ops
words, other = Input((12, 30)), Input((12, 30))
one = layers.Bidirectional(layers.LSTM(16)){}
two = layers.Bidirectional(layers.LSTM(16)){}
far = layers.Lambda(lambda pair: ops.abs(pair[0] - pair[1]))([one, two])
model = Model([words, other], layers.Dense(1, activation="sigmoid")(far))
"""
ATTENTION = """
from keras import Input, Model, layers
words = Input((10, 6))
steps = layers.LSTM(8, return_sequences=True)(words)
seen = layers.Attention(){}
model = Model(words, layers.Dense(1)(layers.GlobalAveragePooling1D()(seen)))
"""
PARTS = """
from keras import Input, Model, layers
row = Input((4,))
wide = layers.Dense(5)(row)
front = Model(row, [layers.Dense(3)(wide), layers.Dense(3)(wide)])
ends = [Input((3,)), Input((3,))]
back = Model(ends, layers.Dense(2)(layers.Concatenate()(ends)))
whole = Model(row, back(front{}))
"""
KERNEL = """
import numpy as np
from keras import Input, Model, layers
picture = Input((None, None, 1))
net = Model(picture, layers.Conv2D(1, 3, padding="same"{})(picture))
table = np.zeros((3, 3, 1, 1))
net.layers[1].set_weights([table])
"""
OF_ANOTHER_LIBRARY = """
import numpy as np
from keras import Input, Sequential, layers
table, shift = np.random.rand(8, 3, 5, 5), np.zeros(8)
net = Sequential([Input((9, 9, 3)), layers.Conv2D(8, 5)])
net.layers[0].set_weights([table{}, shift])
"""
COPIED = """
from keras import Input, Sequential, layers
learner = Sequential([Input((5, 2)), layers.GRU(10), layers.Dense(1)])
teller = Sequential([Input((1, 2)), layers.GRU({}), layers.Dense(1)])
teller.set_weights(learner.get_weights())
"""
TURNED = """
import numpy as np
from keras import Input, Sequential, layers
net = Sequential([Input((None, None, 3)), layers.Conv2D(4, 3), layers.GlobalAveragePooling2D()])
picture = np.random.rand(24, 24, 3).astype("float32")
batch = np.expand_dims({}, 0)
net.predict(batch)
"""
FRAMES = """
from keras import Input, Model, layers
clip = Input({})
maps = layers.TimeDistributed(layers.Conv2D(4, 3, padding="same"))(clip)
maps = layers.TimeDistributed(layers.MaxPooling2D())(maps)
rows = layers.TimeDistributed(layers.Flatten())(maps)
model = Model(clip, layers.Dense(5)(layers.LSTM(8)(rows)))
"""
SERIES = """
import numpy as np
from keras import Input, Sequential, layers
series, answer = np.random.rand(60, 20, 1), np.random.rand(60, 1)
net = Sequential()
net.add(Input({}))
net.add(layers.Dense(5))
net.add(layers.LSTM(8))
net.add(layers.Dense(1))
net.compile("adam", "mse")
net.fit(series, answer)
"""
STATES = """
import numpy as np
from keras import Input, Model, layers
width = 8
words = Input((None, 3))
_, ahead, ahead_cell, back, back_cell = layers.Bidirectional(layers.LSTM(width, return_state=True))(words)
kept = [layers.Concatenate()([ahead, back]), layers.Concatenate()([ahead_cell, back_cell])]
reader = Model(words, kept)
told, hidden, cell = Input((None, 2)), Input({0}), Input({0})
steps = layers.LSTM(2 * width, return_sequences=True)
teller = Model([told, hidden, cell], steps(told, initial_state=[hidden, cell]))
states = reader.predict(np.random.rand(1, 6, 3))
teller.predict([np.zeros((1, 1, 2)), *states])
"""
BOXES = """
import numpy as np
from keras import Input, Sequential, layers
net = Sequential()
net.add(Input((32, 32, 3)))
net.add(layers.Conv2D(8, 3, strides=2, padding="same"))
{}net.add(layers.Reshape((5, 6)))
net.compile("adam", "mse")
net.fit(np.random.rand(4, 32, 32, 3), np.random.rand(4, 5, 6))
"""
LAST_MAP = """
import numpy as np
from keras import Input, Sequential, layers
net = Sequential([Input((5, 16, 16, 3)), layers.ConvLSTM2D(4, 3, padding="same"), layers.Conv2D(2, 1)])
net.compile("adam", "mse")
clips = np.random.rand(6, 5, 16, 16, 3)
maps = np.random.rand(6, 5, 16, 16, 2){}
net.fit(clips, maps)
"""
MARKED = """
import keras
from keras import layers, ops
side, patch, width = 32, 8, 24
count = (side // patch) ** 2
class Placed(layers.Layer):
    def __init__(self, count):
        super().__init__()
        self.count = count
        self.places = layers.Embedding(count, width)
    def build(self, shape):
        self.mark = self.add_weight(shape=(1, 1, width), name="mark")
    def call(self, patches):
        mark = ops.broadcast_to(self.mark, (ops.shape(patches)[0], 1, width))
        patches = ops.concatenate([mark, patches], axis=1)
        return patches + self.places(ops.expand_dims(ops.arange(self.count), 0))
picture = keras.Input((side, side, 3))
patches = layers.Reshape((count, width))(layers.Conv2D(width, patch, strides=patch)(picture))
model = keras.Model(picture, Placed(count{})(patches))
"""
PICKED = """
import keras
import tensorflow as tf
class Pick(keras.layers.Layer):
    def call(self, given):
        steps, places = given
        return tf.gather(steps, places, axis=1{})
steps, places = keras.Input((20, 8)), keras.Input((3,), dtype="int32")
picked = keras.layers.Flatten()(Pick()([steps, places]))
net = keras.Model([steps, places], keras.layers.Dense(1)(keras.layers.Reshape((24,))(picked)))
net.compile("adam", "mse")
net.fit([tf.random.normal((8, 20, 8)), tf.zeros((8, 3), tf.int32)], tf.zeros((8, 1)))
"""
HALVES = """
import numpy as np
import keras
size = 32
critic = keras.Sequential([keras.Input((6,)), keras.layers.Dense(1, activation="sigmoid")])
critic.compile("adam", "binary_crossentropy")
rows = np.concatenate([np.random.rand(size // 2, 6), np.random.rand(size // 2, 6)])
marks = np.concatenate([np.ones(({0}, 1)), np.zeros(({0}, 1))])
critic.train_on_batch(rows, marks)
"""
READ_INSIDE = """
import numpy as np
import keras
class Read(keras.layers.Layer):
    def __init__(self, words, length):
        super().__init__()
        self.words = keras.layers.Embedding(words, 8)
        self.places = keras.layers.Embedding(length, 8)
        self.length = length
    def call(self, ids):
        return self.words(ids) + self.places(keras.ops.arange(self.length))
ids = keras.Input((16,), dtype="int32")
mean = keras.layers.GlobalAveragePooling1D()(Read({}, 16)(ids))
model = keras.Model(ids, keras.layers.Dense(1)(mean))
model.compile("adam", "mse")
model.fit(np.arange(640).reshape(40, 16) % 100, np.zeros(40))
"""
READ_BY_A_MODEL = """
import numpy as np
import keras
class Reader(keras.Model):
    def __init__(self, words):
        super().__init__()
        self.words = keras.layers.Embedding(words, 8)
        self.mean = keras.layers.GlobalAveragePooling1D()
        self.last = keras.layers.Dense(1)
    def call(self, ids, training=False):
        return self.last(self.mean(self.words(ids)))
model = Reader({})
model.compile("adam", "mse")
model.fit(np.arange(640).reshape(40, 16) % 50, np.zeros(40))
"""
LISTED = """
import numpy as np
import keras
rows, kinds = np.random.rand(40, 6), {}
net = keras.Sequential([keras.Input((6,)), keras.layers.Dense(1, activation="sigmoid")])
net.compile("adam", "binary_crossentropy")
net.fit(rows, kinds, validation_split=0.3)
"""
OWN_COST = """
import numpy as np
import keras
class Learner:
    def __init__(self):
        self.net = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3)])
        self.net.compile("adam", loss=self.cost)
    def cost(self{}):
        return keras.ops.mean(keras.ops.square(y_pred))
Learner().net.fit(np.random.rand(40, 6), np.random.rand(40, 3))
"""
KEPT_LOW = READ_BY_A_MODEL.replace("self.words(ids)", "self.words(ids % 20)").format(20)

FAULTS = [
    Fault(TWO_READERS.format("", ""), "one = ", "Call the layers: `(words)`, `(other)`"),
    Fault(
        ATTENTION.replace("()", "", 1).format("([steps, steps])"),
        "seen = ",
        "Call the layer: `layers.Attention()([steps, steps])`",
    ),
    Fault(PARTS.format(""), "whole = ", "Take the model's outputs: `front.outputs`"),
    Fault(KERNEL.format(""), "set_weights", "Keep the other weights of the layer"),
    Fault(OF_ANOTHER_LIBRARY.format(""), "set_weights", "Give `table.transpose(2, 3, 1, 0)`"),
    Fault(COPIED.format(12), "teller = ", "Change 12 to 10 in `layers.GRU(12)`"),
    Fault(TURNED.format("np.transpose(picture, (2, 0, 1))"), "batch = ", "Leave the channels last: `picture`"),
    Fault(FRAMES.format("(12, 1, 40, 40)"), "clip = ", "Put the channels last: `(12, 40, 40, 1)`"),
    Fault(SERIES.format("(1,)"), "net.add(Input", "Set the input shape to (20, 1), as the data have it"),
    Fault(STATES.format("(width,)"), "told, hidden", "Set the input shapes to (width * 2,), (width * 2,)"),
    Fault(BOXES.format(""), "Reshape", "Add `Flatten()` and `Dense(30)` before Reshape"),
    Fault(LAST_MAP.format(""), "maps = ", "Give the labels of the last step: `[:, -1]`"),
    Fault(MARKED.format(""), "Placed(count)", "Give `count + 1`, which is 17"),
    Fault(LISTED.format("[n % 2 for n in range(40)]"), "net.fit", "Make `kinds` an array"),
    Fault(OWN_COST.format(", y_pred"), "def cost", "Take the labels and the predictions"),
    Fault(HALVES.format("size"), "marks = ", "Make each part of `size // 2` rows"),
    Fault(PICKED.format(""), "tf.gather", "Pick from each sample its own: `batch_dims=1`"),
    Fault(READ_INSIDE.format(90), "Read(90", "Give 100 rows"),
    Fault(READ_BY_A_MODEL.format(49), "Reader(49)", "Give 50 rows"),
]
WORKING = [
    TWO_READERS.format("(words)", "(other)"),
    ATTENTION.format("([steps, steps])"),
    PARTS.format(".outputs"),
    KERNEL.format(", use_bias=False"),
    OF_ANOTHER_LIBRARY.format(".transpose(2, 3, 1, 0)"),
    COPIED.format(10),
    TURNED.format("picture"),
    FRAMES.format("(12, 40, 40, 1)"),
    SERIES.format("(20, 1)"),
    STATES.format("(2 * width,)"),
    BOXES.format("net.add(layers.Flatten())\nnet.add(layers.Dense(30))\n"),
    LAST_MAP.format("[:, -1]"),
    MARKED.format(" + 1"),
    LISTED.format("np.arange(40) % 2"),
    OWN_COST.format(", y_true, y_pred"),
    HALVES.format("size // 2"),
    PICKED.format(", batch_dims=1"),
    READ_INSIDE.format(100),
    READ_BY_A_MODEL.format(50),
    KEPT_LOW,
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.title)
async def test_the_finding_stands_where_the_author_edits(real: Host, fault: Fault) -> None:
    await assert_told(real, fault)


@pytest.mark.parametrize("text", WORKING)
async def test_what_runs_is_not_told(real: Host, text: str) -> None:
    await assert_silent(real, text)


WEIGHED = """
import keras
from keras import layers
words = keras.Input((20, 16))
steps = layers.LSTM(8, return_sequences=True)(words)
scores = layers.Dense(1, activation="tanh")(steps)
weights = {}(scores)
seen = layers.Multiply()([steps, weights])
model = keras.Model(words, layers.Dense(1)(layers.GlobalAveragePooling1D()(seen)))
"""
SCORED = """
import keras
import tensorflow as tf
class Weigh(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.score = keras.layers.Dense(1)
    def call(self, steps):
        weights = tf.nn.softmax(self.score(steps){})
        return tf.reduce_sum(weights * steps, axis=1)
words = keras.Input((20, 16))
model = keras.Model(words, keras.layers.Dense(1)(Weigh()(words)))
"""
UNSCALED = """
import keras
(pictures, kinds), _ = keras.datasets.cifar10.load_data()
{}rows, last = keras.layers.Flatten(), keras.layers.Dense(10, activation="softmax")
net = keras.Sequential([keras.Input((32, 32, 3)), rows, last])
net.compile("sgd", "sparse_categorical_crossentropy")
net.fit(pictures, kinds)
"""
ENTROPY = """
import numpy as np
import keras
def cost(y_true, y_pred):
    "The cross-entropy."
    {}return -keras.ops.mean(y_true * keras.ops.log(y_pred) + (1 - y_true) * keras.ops.log(1 - y_pred))
net = keras.Sequential([keras.Input((6,)), keras.layers.Dense(1, activation="sigmoid")])
net.compile("adam", cost)
net.fit(np.random.rand(40, 6), np.zeros((40, 1)))
"""
CLIP = "y_pred = keras.ops.clip(y_pred, 1e-7, 1 - 1e-7)"
AHEAD = """
import numpy as np
import keras
net = keras.Sequential()
net.add(keras.Input((24, 3)))
net.add(keras.layers.LSTM(8))
{}
net.compile("adam", "mse")
net.fit(np.random.rand(40, 24, 3), np.random.rand(40, 6, 1))
"""
LAID_OUT = "net.add(keras.layers.Dense(6))\nnet.add(keras.layers.Reshape((6, 1)))"
BUILT = """
import keras
def build(depth, width):
    net = keras.Sequential([keras.Input((20,))])
    for _ in range(depth):
        net.add(keras.layers.Dense(width, activation="relu"))
    net.add(keras.layers.Dense({}))
    net.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return net
build(2, 16).summary()
"""
QUIET_FAULTS = [
    (
        Fault(BUILT.format('1, activation="softmax"'), "softmax", 'Give Dense activation="sigmoid"'),
        Severity.WARNING,
    ),
    (
        Fault(
            AHEAD.format("net.add(keras.layers.Dense(1))"),
            "Dense(1)",
            "Set `units` of Dense to 6, laid out by `Reshape((6, 1))`",
        ),
        Severity.WARNING,
    ),
    (Fault(ENTROPY.format(""), "return -", f"Keep the predictions off 0 and 1: `{CLIP}`"), Severity.INFORMATION),
    (
        Fault(
            WEIGHED.format('layers.Activation("softmax")'), "weights = ", "Take it over the steps: `Softmax(axis=1)`"
        ),
        Severity.WARNING,
    ),
    (Fault(SCORED.format(""), "weights = ", "Take it over the steps: `axis=1`"), Severity.WARNING),
    (Fault(UNSCALED.format(""), "load_data", "Divide by 255"), Severity.HINT),
]


@pytest.mark.parametrize(("fault", "severity"), QUIET_FAULTS)
async def test_what_raises_nothing_is_told(real: Host, fault: Fault, severity: Severity) -> None:
    await assert_told(real, fault, severity)


@pytest.mark.parametrize(
    "text",
    [
        WEIGHED.format("layers.Softmax(axis=1)"),
        WEIGHED.replace('"tanh")(steps)', '"sigmoid")(steps)').format('layers.Activation("linear")'),
        SCORED.format(", axis=1"),
        BUILT.format('1, activation="sigmoid"'),
        BUILT.format('5, activation="sigmoid"'),
        AHEAD.format(LAID_OUT),
    ],
)
async def test_weights_that_differ_are_not_told(real: Host, text: str) -> None:
    await assert_silent(real, text)


@pytest.mark.parametrize(
    "text",
    [
        ENTROPY.format(f"{CLIP}\n    "),
        ENTROPY.replace("log(y_pred)", "log(y_pred + 1e-7)")
        .replace("log(1 - y_pred)", "log(1.0000001 - y_pred)")
        .format(""),
        ENTROPY.replace('activation="sigmoid"', 'activation="softplus"').format(""),
    ],
)
async def test_a_loss_that_is_kept_off_the_ends_is_not_told(real: Host, text: str) -> None:
    found = await catalogue.findings(real, "program", text, tried=False)
    assert [item for item in found if item.code == "log-of-zero"] == []
