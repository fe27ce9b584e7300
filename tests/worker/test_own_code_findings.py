"""Faults in what the author's own functions, loops and datasets give: told there, repaired there."""

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

IDS_BY_NAME = """
import numpy as np
import tensorflow as tf
visits = {"guest": np.arange(600) % 51, "room": np.arange(600) % 9}
nights = tf.data.Dataset.from_tensor_slices((visits, np.random.rand(600))).shuffle(600).batch(20)
guest = tf.keras.Input((), name="guest", dtype="int32")
room = tf.keras.Input((), name="room", dtype="int32")
one = tf.keras.layers.Embedding(50, 4)(guest)
other = tf.keras.layers.Embedding(9, 4)(room)
model = tf.keras.Model([guest, room], tf.keras.layers.Dot(axes=1)([one, other]))
model.compile("adam", "mse")
model.fit(nights)
"""
LABELS_OF_A_LOOP = """
import numpy as np
import tensorflow as tf
rows, kinds = np.random.rand(64, 6).astype("float32"), np.arange(64) % 5
net = tf.keras.Sequential([tf.keras.layers.Dense(8, activation="relu"), tf.keras.layers.Dense(4)])
loss_of = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
optimizer = tf.keras.optimizers.Adam()
@tf.function
def step(batch, answers):
    with tf.GradientTape() as tape:
        loss = loss_of(answers, net(batch, training=True))
    optimizer.apply_gradients(zip(tape.gradient(loss, net.trainable_variables), net.trainable_variables))
    return loss
for batch, answers in tf.data.Dataset.from_tensor_slices((rows, kinds)).batch(16):
    step(batch, answers)
"""
IDS_OF_A_LOOP = """
import numpy as np
import tensorflow as tf
class Reader(tf.keras.Model):
    def __init__(self, words):
        super().__init__()
        self.table = tf.keras.layers.Embedding(words, 8)
        self.last = tf.keras.layers.Dense(1)
    def call(self, ids):
        return self.last(tf.reduce_mean(self.table(ids), axis=1))
reader = Reader(30)
@tf.function
def step(ids):
    return tf.reduce_mean(reader(ids))
for ids in tf.data.Dataset.from_tensor_slices(np.arange(320).reshape(32, 10) % 31).batch(8):
    step(ids)
"""
ELEMENTS_TOLD = """
import numpy as np
import tensorflow as tf
STEPS = 12
def windows():
    for start in range(40):
        yield np.random.rand(STEPS, 1), float(start)
data = tf.data.Dataset.from_generator(
    windows,
    output_signature=(
        tf.TensorSpec((STEPS,), tf.float32),
        tf.TensorSpec((), tf.float32),
    ),
).batch(8)
model = tf.keras.Sequential([tf.keras.Input((STEPS, 1)), tf.keras.layers.LSTM(4), tf.keras.layers.Dense(1)])
model.compile("adam", "mse")
model.fit(data)
"""
SPECTRA = """
import numpy as np
import tensorflow as tf
waves, kinds = np.random.randn(24, 2048).astype("float32"), np.arange(24) % 3
def spectrum(wave, kind):
    return tf.abs(tf.signal.stft(wave, 128, 64)), kind
data = tf.data.Dataset.from_tensor_slices((waves, kinds)).map(spectrum).batch(8)
for example, _ in data.take(1):
    shape = example.shape[1:]
model = tf.keras.Sequential([
    tf.keras.Input(shape),
    tf.keras.layers.Conv2D(4, 3),
    tf.keras.layers.Flatten(),
    tf.keras.layers.Dense(3),
])
model.compile("adam", tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))
model.fit(data)
"""
GREY_FOR_A_BASE = """
import numpy as np
import keras
from keras import layers
base = keras.applications.MobileNetV2(input_shape=(96, 96, 3), include_top=False, weights="imagenet")
pictures = keras.Input((96, 96, 1))
x = layers.Rescaling(1 / 127.5, offset=-1)(pictures)
x = base(x, training=False)
model = keras.Model(pictures, layers.Dense(2, activation="softmax")(layers.GlobalAveragePooling2D()(x)))
model.compile("adam", "sparse_categorical_crossentropy")
model.fit(np.zeros((8, 96, 96, 1)), np.arange(8) % 2)
"""
MAPS_OF_A_BRANCH = """
import keras
from keras import layers
def seen(pictures):
    x = layers.Conv2D(8, 3)(pictures)
    return x
def told(row):
    return layers.Dense(8)(row)
picture, row = keras.Input((16, 16, 3)), keras.Input((4,))
both = layers.concatenate([seen(picture), told(row)])
"""
ROWS_GIVEN_TO_A_FUNCTION = """
import numpy as np
import keras
def network(width):
    row = keras.Input((width,))
    return keras.Model(row, keras.layers.Dense(1)(keras.layers.Dense(8)(row)))
def train():
    houses, prices = np.random.rand(200, 7), np.random.rand(200)
    model = network(houses.shape[0])
    model.compile("adam", "mse")
    model.fit(houses, prices)
train()
"""
ONE_ARRAY_OF_TWO = """
import numpy as np
import keras
sizes, colours, prices = np.random.rand(40, 3), np.random.rand(40, 5), np.random.rand(40)
one, other = keras.Input((3,)), keras.Input((5,))
model = keras.Model([one, other], keras.layers.Dense(1)(keras.layers.concatenate([one, other])))
model.compile("adam", "mse")
model.fit(sizes, prices)
"""
SAMPLE_BY_NAME = """
import numpy as np
import keras
size, words = keras.Input((1,), name="size"), keras.Input((5,), name="words")
model = keras.Model({"size": size, "words": words}, keras.layers.Dense(1)(keras.layers.concatenate([size, words])))
model.compile("adam", "mse")
sample = {"size": np.array(3.0), "words": np.random.rand(5)}
model.predict(sample)
"""
OUTPUT_AND_STATES = """
import keras
from keras import layers
words = keras.Input((20, 4))
decoder = layers.LSTM(16, return_sequences=True, return_state=True)
outputs = decoder(words)
scores = layers.Dense(2)(outputs)
"""
SKIP_OF_A_BLOCK = """
import keras
from keras import layers
def block(x, filters, stride):
    skip = x
    y = layers.Conv2D(filters, 3, strides=stride, padding="same")(x)
    y = layers.BatchNormalization()(y)
    if stride > 1:
        skip = layers.Conv2D(filters, 1, strides=stride)(skip)
    return layers.add([y, skip])
x = layers.Conv2D(8, 3, padding="same")(keras.Input((16, 16, 3)))
for filters, stride in ((8, 1), (16, 1), (32, 2)):
    x = block(x, filters, stride)
"""
SKIPS_OF_ODD_MAPS = """
import keras
from keras import layers
pictures = keras.Input((50, 50, 3))
x, skips = pictures, []
for filters in (8, 16):
    x = layers.Conv2D(filters, 3, padding="same")(x)
    skips.append(x)
    x = layers.MaxPooling2D()(x)
for filters, skip in zip((16, 8), reversed(skips)):
    x = layers.UpSampling2D()(x)
    x = layers.concatenate([x, skip])
    x = layers.Conv2D(filters, 3, padding="same")(x)
"""
INPUT_REBOUND = """
import numpy as np
import keras
from keras import layers
left, right = np.zeros((10, 8)), np.zeros((10, 4))
a = keras.Input((8,))
b = keras.Input((4,))
b = layers.Dense(16, activation="relu")(b)
joined = layers.concatenate([layers.Dense(16)(a), b])
model = keras.Model([a, b], layers.Dense(1)(joined))
model.compile("adam", "mse")
model.fit([left, right], np.zeros(10))
"""
GRID_OF_A_LOSS = """
import numpy as np
import tensorflow as tf
GRID, KINDS = 4, 6
def loss_of(truth, output):
    cells = tf.reshape(output, (-1, GRID, GRID, 5 + KINDS))
    return tf.reduce_mean(tf.square(truth - cells))
pictures = tf.keras.Input((16, 16, 3))
x = tf.keras.layers.GlobalAveragePooling2D()(pictures)
model = tf.keras.Model(pictures, tf.keras.layers.Dense(GRID * GRID * KINDS)(x))
model.compile("adam", loss_of)
model.fit(np.zeros((8, 16, 16, 3)), np.zeros((8, GRID, GRID, 5 + KINDS)))
"""
WEIGHT_FOR_EACH_STEP = """
import keras
from keras import layers, ops
class Weighing(layers.Layer):
    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], 1), name="kernel")
        self.bias = self.add_weight(shape=(shape[-1], 1), name="bias")
    def call(self, steps):
        share = ops.softmax(ops.matmul(steps, self.kernel) + self.bias, axis=1)
        return ops.sum(steps * share, axis=1)
made = Weighing()(layers.GRU(6, return_sequences=True)(keras.Input((9, 3))))
"""
MAP_IN_PARTS = """
import keras
from keras import layers
height, width = 32, 32
code = keras.Input((10,))
x = layers.Dense(height // 4 * width // 4 * 16)(code)
x = layers.Reshape((height // 2, width // 2, 16))(x)
"""
SIZES_OF_A_LIST = """
import tensorflow as tf
def network(sizes):
    layers = [tf.keras.layers.Dense(size, activation="tanh") for size in sizes[1:]]
    return tf.keras.Sequential([tf.keras.Input((sizes[0],)), *layers])
net = network([3, 16, 16, 2])
rows, truth = tf.random.normal((64, 3)), tf.random.normal((64, 4))
with tf.GradientTape() as tape:
    loss = tf.reduce_mean((net(rows) - truth) ** 2)
"""
CHANNEL_OF_SIGNALS = """
import numpy as np
import keras
count = 200
signals, kinds = np.random.randn(count, 90), np.arange(count) % 5
model = keras.Sequential()
model.add(keras.layers.Conv1D(8, 5, input_shape=(count, 90)))
model.add(keras.layers.GlobalMaxPooling1D())
model.add(keras.layers.Dense(5, activation="softmax"))
model.compile("adam", "sparse_categorical_crossentropy")
model.fit(signals, kinds)
"""
SKIP_OF_ANOTHER_DEPTH = """
import keras
from keras import layers
def down(x, filters):
    kept = layers.Conv2D(filters, 3, padding="same")(x)
    return kept, layers.MaxPooling2D()(kept)
def up(x, skip, filters):
    x = layers.Conv2DTranspose(filters, 2, strides=2)(x)
    return layers.Concatenate()([x, skip])
pictures = keras.Input((32, 32, 3))
c1, p1 = down(pictures, 8)
c2, p2 = down(p1, 16)
u2 = up(p2, c1, 16)
u1 = up(u2, c1, 8)
"""
LAST_ROUND = """
import numpy as np
import keras
def network(units):
    model = keras.Sequential([keras.Input((10, 3))])
    for place, size in enumerate(units):
        last = place == len(units)
        model.add(keras.layers.LSTM(size, return_sequences=not last))
    model.add(keras.layers.Dense(5))
    return model
model = network((16, 8))
model.compile("adam", "mae")
model.fit(np.zeros((48, 10, 3)), np.zeros((48, 5)))
"""
SIZE_GIVEN_TO_ATTENTION = """
import keras
from keras import layers, ops
class Looking(layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.keys = layers.Dense(units)
    def call(self, asked, steps):
        return ops.matmul(ops.softmax(ops.matmul(asked, ops.transpose(self.keys(steps), (0, 2, 1)))), steps)
steps = layers.LSTM(24, return_sequences=True)(keras.Input((15, 4)))
asked = layers.LSTM(24, return_sequences=True)(keras.Input((9, 4)))
seen = Looking(12)(asked, steps)
"""
ONE_SET_IN_SINGLES = """
import numpy as np
import tensorflow as tf
pictures, kinds = np.zeros((40, 8, 8, 3), "float32"), np.arange(40) % 4
train = tf.data.Dataset.from_tensor_slices((pictures[:30], kinds[:30])).shuffle(30)
check = tf.data.Dataset.from_tensor_slices((pictures[30:], kinds[30:])).batch(10)
class Small(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.maps, self.pool = tf.keras.layers.Conv2D(4, 3), tf.keras.layers.GlobalAveragePooling2D()
        self.last = tf.keras.layers.Dense(4)
    def call(self, x):
        return self.last(self.pool(self.maps(x)))
model = Small()
model.compile("adam", tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))
model.fit(train, validation_data=check)
"""
WINDOWS_OF_A_LOOP = """
import keras
model = keras.Sequential([keras.Input((16, 16, 1))])
for filters in (8, 16, 16):
    model.add(keras.layers.Conv2D(filters, 3, activation="relu"))
    model.add(keras.layers.MaxPooling2D())
"""
PLANE_OF_ONE = """
import keras
from keras import layers
picture = keras.Input((14, 14, 1))
kind = layers.Flatten()(layers.Embedding(10, 8)(keras.Input((1,))))
plane = layers.Dense(14 * 14)(kind)
plane = layers.Reshape((14, 14))(plane)
both = layers.Concatenate()([picture, plane])
"""
TRUTH_TIMES_NUMBERS = """
import tensorflow as tf
def loss_of(truth, output):
    known = tf.not_equal(truth, 0)
    losses = tf.keras.losses.sparse_categorical_crossentropy(truth, output, from_logits=True)
    return tf.reduce_mean(losses * known)
import numpy as np
model = tf.keras.Sequential([tf.keras.Input((5,)), tf.keras.layers.Embedding(20, 8), tf.keras.layers.Dense(20)])
model.compile("adam", loss_of)
model.fit(np.ones((16, 5)), np.ones((16, 5)))
"""
ACTIONS_BY_NUMBER = """
import numpy as np
import tensorflow as tf
sights, actions, gains = np.random.rand(20, 8).astype("float32"), np.arange(20) % 4, np.ones(20, "float32")
net = tf.keras.Sequential([tf.keras.Input((8,)), tf.keras.layers.Dense(4, activation="softmax")])
def learn(sights, actions, gains):
    with tf.GradientTape() as tape:
        chances = net(sights)
        taken = tf.reduce_sum(chances * actions, axis=1)
        loss = -tf.reduce_mean(tf.math.log(taken) * gains)
    return tape.gradient(loss, net.trainable_variables)
learn(sights, actions, gains)
"""
NAMED_ALIKE = """
import numpy as np
import keras
rows = {"age": np.zeros((20, 1)), "fare": np.zeros((20, 1))}
inputs = {name: keras.Input((1,), name=name) for name in ("age", "fares")}
model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.concatenate(list(inputs.values()))))
model.compile("adam", "mse")
model.fit(dict(rows), np.zeros(20))
"""
CLASSES_ON_TOP = """
import keras
base = keras.applications.VGG16(weights=None, include_top=True, input_shape=(64, 64, 3))
x = keras.layers.GlobalAveragePooling2D()(base.output)
"""
WEIGHTS_OF_STEPS = """
import numpy as np
import keras
steps, tags, shares = np.zeros((40, 6, 3)), np.zeros((40, 6), int), np.ones((40, 3))
model = keras.Sequential([keras.Input((6, 3)), keras.layers.Dense(4, activation="softmax")])
model.compile("adam", "sparse_categorical_crossentropy")
model.fit(steps, tags, sample_weight=shares)
"""
STEPS_AND_FEATURES = """
import numpy as np
import keras
features, horizon = 5, 12
steps = keras.Input((20, features))
x = keras.layers.Dense(horizon * features)(keras.layers.LSTM(8)(steps))
x = keras.layers.Reshape((features, horizon))(x)
model = keras.Model(steps, x)
model.compile("adam", keras.losses.Huber())
model.fit(np.zeros((8, 20, features)), np.zeros((8, horizon, features)))
"""
LETTERS = """
import keras
from keras import layers, ops
class Pair(layers.Layer):
    def build(self, shapes):
        self.kernel = self.add_weight(shape=(4, shapes[0][-1], shapes[1][-1]), name="kernel")
    def call(self, pair):
        return ops.einsum("bi,kji,bj->bk", pair[0], self.kernel, pair[1])
made = Pair()([keras.Input((6,)), keras.Input((9,))])
"""
MEAN_BESIDE = """
import keras
from keras import layers, ops
class Centred(layers.Layer):
    def call(self, x):
        return x - ops.mean(x, axis=1)
made = Centred()(keras.Input((6,), batch_size=4))
"""
DEPTH_TO_SPACE = """
import keras
import tensorflow as tf
from keras import layers
def larger(scale):
    x = layers.Conv2D(1 * scale, 3, padding="same")(keras.Input((8, 8, 1)))
    return layers.Lambda(lambda maps: tf.nn.depth_to_space(maps, scale))(x)
larger(3)
"""
SHAPE_OF_ANOTHER_INPUT = """
import numpy as np
import keras
from keras import layers, ops
class Graph(layers.Layer):
    def build(self, shapes):
        self.kernel = self.add_weight(shape=(shapes[1][-1], 8), name="kernel")
    def call(self, pair):
        return ops.matmul(pair[1], ops.matmul(pair[0], self.kernel))
nodes, edges = keras.Input((12, 5)), keras.Input((12, 12))
model = keras.Model([nodes, edges], Graph()([nodes, edges]))
model.compile("adam", "mse")
model.fit([np.zeros((4, 12, 5)), np.zeros((4, 12, 12))], np.zeros((4, 12, 8)))
"""
ONE_STEP_TAKEN = """
import keras
from keras import layers
steps = keras.Input((10, 7))
one = layers.Dense(4)(layers.Lambda(lambda x: x[:, :, :3])(steps))
other = layers.Dense(4)(layers.Lambda(lambda x: x[:, -1, 3:])(steps))
both = layers.Concatenate()([one, other])
"""
BASE_OF_ANOTHER = """
import keras
class Other(keras.layers.Layer):
    pass
class Block(keras.layers.Layer):
    def __init__(self, units):
        super(Other, self).__init__()
        self.dense = keras.layers.Dense(units)
    def call(self, x):
        return self.dense(x)
model = keras.Sequential([keras.Input((4,)), Block(3)])
"""
BASE_OF_NOBODY = BASE_OF_ANOTHER.replace("super(Other", "super(Blok")
OPTIONS_OF_NOBODY = BASE_OF_ANOTHER.replace("super(Other, self).__init__()", "super().__init__(**kwargs)")
NAME_OF_NOBODY = BASE_OF_ANOTHER.replace("super(Other, self).__init__()", "super().__init__(name=name)")
FAULTS = [
    Fault(BASE_OF_ANOTHER, "super(", "Name the class itself: `super(Block, self)`"),
    Fault(BASE_OF_NOBODY, "super(", "Name the class itself: `super(Block, self)`"),
    Fault(OPTIONS_OF_NOBODY, "super(", "Take `**kwargs` in `__init__`"),
    Fault(NAME_OF_NOBODY, "super(", "Take `name=None` in `__init__`"),
    Fault(IDS_BY_NAME, "Embedding(50, 4)", "Set `input_dim` to 51"),
    Fault(LABELS_OF_A_LOOP, "net = ", "Set `units` of Dense to 5"),
    Fault(IDS_OF_A_LOOP, "reader = Reader(30)", "Give 31 rows"),
    Fault(ELEMENTS_TOLD, "tf.TensorSpec((STEPS,)", "Tell the shape (STEPS, 1)"),
    Fault(
        SPECTRA, "return tf.abs", "Give `tf.abs(tf.signal.stft(wave, 128, 64))` the channel axis: `[..., tf.newaxis]`"
    ),
    Fault(GREY_FOR_A_BASE, "x = base(x", "Give it the channel three times: `layers.Concatenate()([x] * 3)`"),
    Fault(MAPS_OF_A_BRANCH, "return x", "Make one vector of `seen(picture)`: `GlobalAveragePooling2D`"),
    Fault(
        ROWS_GIVEN_TO_A_FUNCTION,
        "model = network",
        "Change `houses.shape[0]` to `houses.shape[1]` in `network(houses.shape[0])`",
    ),
    Fault(ONE_ARRAY_OF_TWO, "model.fit", "Give each input its array: `[sizes, colours]`"),
    Fault(SAMPLE_BY_NAME, "sample = ", "Give a batch of one sample of each"),
    Fault(OUTPUT_AND_STATES, "outputs = decoder", "Take the output from the states: `outputs, _, _`"),
    Fault(
        SKIP_OF_A_BLOCK,
        "layers.add",
        "Project `skip` with `Conv2D(y.shape[-1], 1, strides=skip.shape[1] // y.shape[1])`",
    ),
    Fault(SKIPS_OF_ODD_MAPS, "layers.concatenate", "Resize `x` with `Resizing(skip.shape[1], skip.shape[2])`"),
    Fault(INPUT_REBOUND, "b = layers.Dense", "Keep the input under a name of its own: `b_input`"),
    Fault(GRID_OF_A_LOSS, "Dense(GRID", "Set `units` of Dense to `GRID * GRID * (5 + KINDS)`"),
    Fault(WEIGHT_FOR_EACH_STEP, "self.bias = ", "Change `shape[-1]` to `shape[1]`"),
    Fault(MAP_IN_PARTS, "Reshape", "Begin with a map of (height // 4, width // 4)"),
    Fault(SIZES_OF_A_LIST, "net = network", "Change 2 to 4 in `network([3, 16, 16, 2])`"),
    Fault(SKIP_OF_ANOTHER_DEPTH, "u2 = up", "Give `c2` instead of `c1`"),
    Fault(LAST_ROUND, "last = ", "The last round is `len(units) - 1`"),
    Fault(SIZE_GIVEN_TO_ATTENTION, "Looking(12)", "Change 12 to 24 in `Looking(12)`"),
    Fault(ONE_SET_IN_SINGLES, "train = ", "Batch the dataset"),
    Fault(WINDOWS_OF_A_LOOP, "Conv2D", 'Set `padding="same"` in Conv2D'),
    Fault(PLANE_OF_ONE, "Reshape", "Reshape to (14, 14, 1)"),
    Fault(TRUTH_TIMES_NUMBERS, "losses * known", "Cast `known` to float32"),
    Fault(ACTIONS_BY_NUMBER, "taken = ", "One-hot encode `actions`: `tf.one_hot(actions, chances.shape[-1])`"),
    Fault(NAMED_ALIKE, "inputs = ", 'Rename "fares" to "fare" everywhere'),
    Fault(CLASSES_ON_TOP, "VGG16", "Leave its own classes out: `include_top=False`"),
    Fault(WEIGHTS_OF_STEPS, "shares = ", "Make `shares` of shape (40, 6)"),
    Fault(STEPS_AND_FEATURES, "Reshape", "Reshape to (horizon, features)"),
    Fault(LETTERS, "ops.einsum", "Exchange two letters: `bi,kij,bj->bk`"),
    Fault(MEAN_BESIDE, "ops.mean", "Keep the axis: `keepdims=True`"),
    Fault(DEPTH_TO_SPACE, "Conv2D", "Set `filters` of Conv2D to `1 * scale**2`"),
    Fault(SHAPE_OF_ANOTHER_INPUT, "self.kernel = ", "Change `shapes[1][-1]` to `shapes[0][-1]`"),
    Fault(ONE_STEP_TAKEN, "x[:, -1, 3:]", "Keep the axis that `x[:, -1, 3:]` takes one of"),
    Fault(CHANNEL_OF_SIGNALS, "Conv1D", "Set the input shape to (90, 1)"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.title)
async def test_the_finding_stands_where_the_author_edits(real: Host, fault: Fault) -> None:
    await assert_told(real, fault)


REPAIRED = [
    LABELS_OF_A_LOOP.replace("% 5", "% 4"),
    IDS_OF_A_LOOP.replace("Reader(30)", "Reader(31)"),
    IDS_BY_NAME.replace("Embedding(50, 4)", "Embedding(51, 4)"),
    ELEMENTS_TOLD.replace("(STEPS,)", "(STEPS, 1)"),
    ELEMENTS_TOLD.replace("yield np", "count = int(open('count').read())\n        yield np").replace(
        "(STEPS,)", "(STEPS, 1)"
    ),
]


@pytest.mark.parametrize("text", REPAIRED)
async def test_what_fits_is_not_told(real: Host, text: str) -> None:
    await assert_silent(real, text)


async def test_xla_refuses_no_label(real: Host) -> None:
    text = """
import numpy as np
import keras
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
model.compile("adam", "sparse_categorical_crossentropy", jit_compile=True)
model.fit(np.zeros((8, 4)), np.arange(8) % 4)
"""
    (told,) = await catalogue.findings(real, "compiled", text, tried=True)
    assert (told.code, told.severity) == ("label-range", Severity.WARNING)
    (told,) = await catalogue.findings(real, "plain", text.replace(", jit_compile=True", ""), tried=True)
    assert (told.code, told.severity) == ("label-range", Severity.ERROR)
