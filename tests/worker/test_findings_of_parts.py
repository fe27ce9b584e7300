"""Faults in what goes round a model: callbacks, pictures that are not there, steps of one's own, saved files, folds."""

from __future__ import annotations

import sys

import pytest

from kls.facts import Severity
from kls.host import Host
from tests.worker.faults import Fault, assert_silent, assert_told

pytestmark = [
    pytest.mark.tf,
    pytest.mark.asyncio(loop_scope="module"),  # one worker serves them all, and belongs to its loop
    pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs Linux"),
]

OTHER_AXIS = """
import keras
import numpy as np
windows, goals = np.random.rand(200, 10), np.random.rand(200)
train, test = windows[:150], windows[150:]
x_train = train[:, :, np.newaxis]
x_test = test[:, np.newaxis, :]
net = keras.Sequential([keras.Input((10, 1)), keras.layers.LSTM(8), keras.layers.Dense(1)])
net.compile("adam", "mse")
net.fit(x_train, goals[:150])
print(net.evaluate(x_test, goals[150:]))
"""
NOT_ENCODED = """
from keras import Input, Sequential, layers
from keras.datasets import mnist
from keras.utils import to_categorical
(train_x, train_labels), (test_x, test_labels) = mnist.load_data()
train_y = to_categorical(train_labels, 10)
test_y = test_labels
net = Sequential([Input((28, 28)), layers.Flatten(), layers.Dense(10, activation="softmax")])
net.compile("adam", "categorical_crossentropy")
net.fit(train_x, train_y, validation_data=(test_x, test_y))
"""
CALLBACK = """
import keras
import numpy as np
class Look(keras.callbacks.Callback):
    def __init__(self, picture):
        super().__init__()
        self.picture = picture
        self.best = 0
    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % 5 == 0 and logs["accuracy"] > self.best:
            self.best = logs["accuracy"]
            print(self.model.predict(self.picture).argmax())
pictures = np.random.rand(40, 8, 8, 3)
net = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(5, activation="softmax")])
net.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
net.fit(pictures, np.arange(40) % 5, callbacks=[Look(pictures[0])])
"""
PICTURE_OF_A_FILE = """
import cv2
import keras
net = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Conv2D(4, 3)])
def digit(path):
    picture = cv2.resize(cv2.imread(path, 0), (28, 28))
    return (picture / 255.0).reshape(28, 28, 1)
print(net.predict(digit("seven.png")))
"""
PICTURE_OF_PIL = """
import keras
import numpy as np
from PIL import Image
net = keras.Sequential([keras.Input((28, 28, 3)), keras.layers.Conv2D(4, 3)])
picture = np.array(Image.open("seven.png").convert("RGB").resize((28, 28))) / 255.0
print(net.predict(picture))
"""
HALF_PRECISION = """
import keras
import numpy as np
import tensorflow as tf
keras.mixed_precision.set_global_policy("mixed_float16")
class Shift(keras.layers.Layer):
    def build(self, shape):
        self.scale = self.add_weight(shape=(shape[-1],), initializer="ones")
        self.shifts = tf.constant(np.arange(shape[-1]), dtype=tf.float32)
    def call(self, x):
        return x * self.scale + self.shifts
Shift()(keras.layers.Dense(6)(keras.Input((4,))))
"""
SHARES_OF_ROWS = """
import numpy as np
import tensorflow as tf
rows = tf.data.Dataset.from_tensor_slices((np.random.rand(64, 6), np.eye(9)[np.arange(64) % 9]))
rows = rows.batch(16, drop_remainder=True)
def mixed(one, other):
    share = tf.reduce_mean(one[0], axis=1)
    return one[0], one[1] * share + other[1] * (1 - share)
print(tf.data.Dataset.zip((rows, rows)).map(mixed))
"""
STEPS_OF_A_SHORTCUT = """
import keras
from keras import layers
def block(x, filters, halve):
    y = layers.Conv2D(filters, 3, strides=2 if halve else 1, padding="same")(x)
    y = layers.Conv2D(filters, 3, padding="same")(y)
    if halve:
        x = layers.Conv2D(filters, 1, strides=1)(x)
    return layers.Add()([x, y])
x = keras.Input((16, 16, 8))
for filters in (8, 12):
    x = block(x, filters, filters > 8)
"""
PICTURE_OF_A_STEP = """
import keras
import numpy as np
import tensorflow as tf
code = keras.Input((2,))
x = keras.layers.Reshape((7, 7, 4))(keras.layers.Dense(196)(code))
x = keras.layers.Conv2DTranspose(4, 3, strides=2, padding="same")(x)
x = keras.layers.Conv2DTranspose(4, 3, padding="same")(x)
decoder = keras.Model(code, keras.layers.Conv2DTranspose(1, 3, padding="same")(x))
class Painter(keras.Model):
    def train_step(self, pictures):
        with tf.GradientTape() as tape:
            made = decoder(tf.random.normal((tf.shape(pictures)[0], 2)))
            loss = tf.reduce_mean(keras.losses.mean_squared_error(pictures, made))
        return {"loss": loss}
painter = Painter()
painter.compile("adam")
painter.fit(np.random.rand(32, 28, 28, 1))
"""
KEYS_OF_A_CLASS = """
import keras
import numpy as np
class Heads(keras.Model):
    def __init__(self):
        super().__init__()
        self.years, self.kind = keras.layers.Dense(1), keras.layers.Dense(1, activation="sigmoid")
    def call(self, x):
        return {"years": self.years(x), "kind": self.kind(x)}
heads = Heads()
heads.compile("adam", {"years": "mae", "kind": "binary_crossentropy"})
heads.fit(np.random.rand(20, 4), {"years": np.arange(20), "sort": np.arange(20) % 2})
"""
ENCODED_AGAIN = """
import keras
import numpy as np
from sklearn.model_selection import train_test_split
answers = keras.utils.to_categorical(np.arange(60) % 3, 3)
x, held, y, kept = train_test_split(np.random.rand(60, 4), answers)
net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
net.compile("adam", "categorical_crossentropy")
net.fit(x, y, validation_data=(held, keras.utils.to_categorical(kept, 3)))
"""
WHOLE_NUMBERS = """
import keras
import numpy as np
import tensorflow as tf
class Hits(keras.metrics.Metric):
    def __init__(self):
        super().__init__()
        self.hits = self.add_weight(initializer="zeros")
    def update_state(self, y_true, y_pred, sample_weight=None):
        best = tf.reshape(tf.argmax(y_pred, axis=1), (-1, 1))
        self.hits.assign_add(tf.reduce_sum(tf.cast(tf.cast(y_true, "int32") == best, "float32")))
    def result(self):
        return self.hits
net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
net.compile("adam", "sparse_categorical_crossentropy", metrics=[Hits()])
net.fit(np.random.rand(60, 4), np.arange(60).reshape(-1, 1) % 3)
"""
SIZE_TO_COUNT = """
import keras
from keras import layers
width, height = 128, 32
x = layers.MaxPooling2D(4)(layers.Conv2D(32, 3, padding="same")(keras.Input((width, height, 1))))
layers.Reshape(target_shape=(width // 4, (height // 4) * 16))(x)
"""
LOSS_OF_A_FILE = """
import keras
def off(y_true, y_pred):
    return keras.ops.mean(keras.ops.abs(y_true - y_pred))
net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
net.compile("adam", off)
net.save("net.keras")
keras.models.load_model("net.keras")
"""
HEAD_OF_A_FILE = """
import keras
def build(classes):
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(8), keras.layers.Dense(classes)])
build(100).save_weights("net.weights.h5")
net = build(10)
net.load_weights("net.weights.h5")
"""
ROWS_BY_ANOTHER_CHOICE = """
import keras
import numpy as np
x, y = np.random.rand(60, 4), np.random.rand(60)
order = np.random.permutation(60)
kept, held = order[:48], order[48:]
x_kept, x_held = x[kept], x[held]
y_kept, y_held = y[kept], y[kept]
net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
net.compile("adam", "mse")
net.fit(x_kept, y_kept, validation_data=(x_held, y_held))
"""
BRANCHES_IN_A_LIST = """
import keras
from keras import layers
words, facts = keras.Input((60,)), keras.Input((5,))
x = layers.Embedding(90, 8)(words)
found = []
for size in (3, 4):
    found.append(layers.Conv1D(6, size)(x))
layers.concatenate(found + [facts])
"""
SESSION = """
import tensorflow as tf
from keras import backend as K
session = tf.compat.v1.Session()
K.set_session(session)
"""

OTHER_WAY_ROUND = """
import keras
import tensorflow as tf
class Spread(keras.layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.inner = keras.layers.Dense(units)
    def call(self, inputs):
        features, neighbours = inputs
        return tf.nn.relu(tf.matmul(self.inner(features), neighbours))
Spread(16)([keras.Input((30, 12)), keras.Input((30, 30))])
"""
LONGER_TABLE = """
import keras
import numpy as np
import tensorflow as tf
class Places(keras.layers.Layer):
    def __init__(self, longest=128):
        super().__init__()
        self.table = tf.constant(np.random.rand(longest, 8), dtype=tf.float32)
    def call(self, x):
        return x + self.table[None, :, :]
Places()(keras.layers.Embedding(50, 8)(keras.Input((40,))))
"""
TURNED_WINDOW = """
import keras
keras.layers.AveragePooling2D((4, 1))(keras.Input((1, 64, 8)))
"""
CLASS_OF_COLUMNS = """
import keras
import numpy as np
x, y = np.random.rand(60, 4), np.arange(60) % 3
net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
net.compile("adam", "sparse_categorical_crossentropy")
net.fit(x, y)
given = net.predict(x)
best = np.argmax(given, axis=0)
print(np.mean(best == y))
"""
TWO_LENGTHS = """
import keras
words, tags = [[3, 5, 7], [2, 9]] * 10, [[0, 1, 1], [1, 0]] * 10
x = keras.utils.pad_sequences(words, maxlen=6)
y = keras.utils.pad_sequences(tags, maxlen=5)
net = keras.Sequential([keras.Input((6,)), keras.layers.Embedding(10, 8), keras.layers.Dense(2, activation="softmax")])
net.compile("adam", "sparse_categorical_crossentropy")
net.fit(x, y)
"""
INPUT_OF_TEXTS = """
import keras
import numpy as np
import tensorflow as tf
texts = np.array(["free money", "see you at noon"] * 8)
read = keras.layers.TextVectorization(max_tokens=20, output_sequence_length=6)
read.adapt(texts)
net = keras.Sequential([keras.Input((1,)), read, keras.layers.Embedding(20, 4), keras.layers.Flatten()])
net.add(keras.layers.Dense(1))
net.compile("adam", "mse")
net.fit(tf.constant(texts), np.arange(16) % 2)
"""
DISTANCES = """
import keras
import numpy as np
import tensorflow as tf
def apart(y_true, y_pred):
    y_true = tf.cast(y_true, y_pred.dtype)
    return tf.reduce_mean(y_true * y_pred + (1 - y_true) * tf.maximum(1 - y_pred, 0))
net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(6)])
net.compile("adam", apart)
net.fit(np.random.rand(40, 4), np.arange(40) % 2, batch_size=20)
"""
STATES_OF_FOUR = """
import keras
import numpy as np
x = np.random.rand(40, 10, 3)
net = keras.Sequential([keras.Input(batch_shape=(4, 10, 3)), keras.layers.LSTM(1, stateful=True)])
net.compile("adam", "mse")
net.fit(x, np.random.rand(40), batch_size=4, shuffle=False)
net.predict(x[:1])
"""

FAULTS = [
    Fault(CALLBACK, "self.model.predict", "Give a batch of one sample"),
    Fault(PICTURE_OF_A_FILE, "net.predict", "Give a batch of one sample"),
    Fault(PICTURE_OF_PIL, "net.predict", "Give a batch of one sample"),
    Fault(HALF_PRECISION, "return x", "Cast `self.shifts` to the other side's dtype"),
    Fault(SHARES_OF_ROWS, "return one[0]", "Give `share` another axis: `share[:, None]`"),
    Fault(STEPS_OF_A_SHORTCUT, "strides=1", "Set `strides` of Conv2D to 2, as the other way has them"),
    Fault(
        PICTURE_OF_A_STEP,
        'Conv2DTranspose(4, 3, padding="same")',
        "Set `strides` of Conv2DTranspose to 2, as the others have it",
    ),
    Fault(KEYS_OF_A_CLASS, "heads.fit", 'Rename the key "sort" to "kind"'),
    Fault(ENCODED_AGAIN, "net.fit", "One-hot encode once only"),
    Fault(WHOLE_NUMBERS, "== best", "Cast `best` to int32"),
    Fault(SIZE_TO_COUNT, "Reshape", "Let Keras count `(height // 4) * 16`: `-1`"),
    Fault(LOSS_OF_A_FILE, "load_model", "Tell Keras of `off`: `custom_objects`"),
    Fault(HEAD_OF_A_FILE, "net.load_weights", "Load what fits, and keep the new head as it is made"),
    Fault(ROWS_BY_ANOTHER_CHOICE, "y_kept, y_held =", "Take the rows of `held`: `y[held]`"),
    Fault(BRANCHES_IN_A_LIST, "found.append", "Make one vector of each: `GlobalMaxPooling1D`"),
    Fault(OTHER_WAY_ROUND, "tf.matmul", "Multiply the other way round: `neighbours`, `self.inner(features)`"),
    Fault(LONGER_TABLE, "self.table[None", "Take as much of it as `x` has: `:x.shape[1]`"),
    Fault(TURNED_WINDOW, "AveragePooling2D", "Turn the pool: (1, 4)"),
    Fault(CLASS_OF_COLUMNS, "best =", "Take the class of each row: `axis=1`"),
    Fault(TWO_LENGTHS, "pad_sequences(tags", "Make them as long as the others: `maxlen=6`"),
    Fault(INPUT_OF_TEXTS, "keras.Input", 'Give the input `input_layer` strings: `dtype="string"`'),
    Fault(DISTANCES, "y_true * y_pred", "Give `y_true` another axis: `y_true[:, None]`"),
    Fault(STATES_OF_FOUR, "net.predict", "Give the sample 4 times, as often as a batch has samples"),
    Fault(OTHER_AXIS, "x_test =", "Make `x_test` as `x_train`: `test[:, :, np.newaxis]`"),
    Fault(NOT_ENCODED, "test_y =", "Make `test_y` as `train_y`: `to_categorical(test_labels, 10)`"),
    Fault(SESSION, "K.set_session", "Leave `set_session` out"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.title)
async def test_the_first_repair_is_the_one_that_is_meant(real: Host, fault: Fault) -> None:
    if "PIL" in fault.text:
        pytest.importorskip("PIL")
    await assert_told(real, fault, best=True)


ATTENTION = """
import keras
words = keras.Input((12,))
read = keras.layers.LSTM(8)(keras.layers.Embedding(50, 8)(words))
asked = keras.layers.LSTM(8, return_sequences=True)(keras.layers.Embedding(50, 8)(words))
net = keras.Model(words, keras.layers.Dense(50)(keras.layers.Attention()([asked, read])))
"""
PREDICTIONS = """
import keras
import numpy as np
x, y = np.random.rand(60, 4), np.random.rand(60)
net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
net.compile("adam", "mse")
net.fit(x, y)
print(np.sqrt(np.mean((y - net.predict(x)) ** 2)))
"""
CLASSES = PREDICTIONS.replace(
    "np.sqrt(np.mean((y - net.predict(x)) ** 2))", "np.mean((net.predict(x) > 0.5) == (y > 0.5))"
)

SILENT = [
    Fault(ATTENTION, "read =", "Set `return_sequences=True`"),
    Fault(PREDICTIONS, "np.sqrt", "Take the column as a row: `net.predict(x)[:, 0]`"),
    Fault(CLASSES, "np.mean", "Take the column as a row: `(net.predict(x) > 0.5)[:, 0]`"),
]


@pytest.mark.parametrize("fault", SILENT, ids=lambda fault: fault.title)
async def test_what_runs_and_is_wrong(real: Host, fault: Fault) -> None:
    await assert_told(real, fault, Severity.WARNING, best=True)


REPAIRED = [
    OTHER_AXIS.replace("test[:, np.newaxis, :]", "test[:, :, np.newaxis]"),
    NOT_ENCODED.replace("test_y = test_labels", "test_y = to_categorical(test_labels)"),
    CALLBACK.replace("pictures[0]", "pictures[:1]"),
    PICTURE_OF_A_FILE.replace("(28, 28, 1)\nprint", "(1, 28, 28, 1)\nprint"),
    PICTURE_OF_A_FILE.replace('digit("seven.png")', 'digit("seven.png")[None]'),
    PICTURE_OF_PIL.replace("predict(picture)", "predict(picture[None])"),
    PICTURE_OF_PIL.replace('.convert("RGB")', ""),
    ATTENTION.replace("LSTM(8)", "LSTM(8, return_sequences=True)"),
    PREDICTIONS.replace("predict(x)", "predict(x)[:, 0]"),
    PREDICTIONS.replace("np.random.rand(60)", "np.random.rand(60, 1)"),
    STATES_OF_FOUR.replace("x[:1]", "x[:4]"),
    STATES_OF_FOUR.replace("x[:1]", "x, batch_size=4"),
    KEYS_OF_A_CLASS.replace('"sort"', '"kind"'),
]


@pytest.mark.parametrize("text", REPAIRED)
async def test_what_fits_is_not_told(real: Host, text: str) -> None:
    await assert_silent(real, text)
