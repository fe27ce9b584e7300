"""Faults as they slip into a program that ran: one word or one layer is taken out, put in, or exchanged."""

from __future__ import annotations

import sys

import pytest

from kls.host import Host
from tests.worker.faults import Fault, assert_silent, assert_told

pytestmark = [
    pytest.mark.tf,
    pytest.mark.asyncio(loop_scope="module"),  # one worker serves them all, and belongs to its loop
    pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs Linux"),
]

COPIES = """
import keras
import numpy as np
from keras import layers

class Copy(keras.Model):
    def __init__(self):
        super().__init__()
        self.flat, self.dense, self.back = layers.Flatten(), layers.Dense(64), layers.Reshape((8, 8))

    def call(self, x):
        return self.back(self.dense(self.flat(x)))

noisy_train, clean_train = np.random.rand(60, 8, 8), np.random.rand(60, 8, 8)
noisy_test, clean_test = np.random.rand(20, 8, 8), np.random.rand(20, 8, 8)
copy = Copy()
copy.compile("adam", "mse")
copy.fit(noisy_train, clean_train, validation_data=(noisy_test, clean_test))
"""
NO_LABELS = COPIES.replace("noisy_train, clean_train, v", "noisy_train, v")
LABELS_TWICE = COPIES.replace("noisy_train, clean_train, v", "noisy_train, [clean_train, clean_train], v")
TURNED = COPIES.replace("noisy_train, clean_train, v", "noisy_train.T, clean_train, v")

KINDS = """
import keras
import tensorflow as tf

x, y = tf.random.normal((60, 5)), tf.random.uniform((60,), maxval=3, dtype=tf.int32)
model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(3, activation="softmax")])
model.compile("adam", "sparse_categorical_crossentropy")
model.fit(x, y[0])
"""

PAINTER = """
import keras
import tensorflow as tf

class Painter(keras.Model):
    def __init__(self):
        super().__init__()
        self.judge = keras.Sequential([keras.layers.Dense(8, activation="relu"), keras.layers.Dense(1)])
        self.paint = keras.Sequential([keras.layers.Dense(8, activation="relu"), keras.layers.Dense(6)])

    def compile(self, optimizer, loss):
        super().compile()
        self.own_optimizer, self.own_loss = optimizer, loss

    def train_step(self, real):
        size = tf.shape(real)[0]
        both = tf.concat([self.paint(tf.random.normal((size, 4))), real], axis=0)
        labels = tf.concat([tf.zeros((size, 1)), tf.ones((size, 1))], axis=0)
        with tf.GradientTape() as tape:
            loss = self.own_loss(labels, self.judge(both))
        weights = self.judge.trainable_weights
        self.own_optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        return {"loss": loss}

rows = tf.data.Dataset.from_tensor_slices(tf.random.normal((64, 6))).shuffle(64).batch(16)
painter = Painter()
painter.compile(keras.optimizers.Adam(), keras.losses.BinaryCrossentropy(from_logits=True))
painter.fit(rows)
"""
JOINED_ALONG_FEATURES = PAINTER.replace("real], axis=0)", "real], axis=1)")
NOT_HANDED_ON = PAINTER.replace("        super().compile()\n", "")

STEPS = """
import keras
import numpy as np
import tensorflow as tf

x, y = np.random.rand(64, 6).astype("float32"), np.random.randint(0, 3, 64)
dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(16)
model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3)])
loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

@tf.function
def step(rows, kinds):
    return loss_of(kinds, model(rows))

for rows, kinds in dataset:
    print(float(step(rows, kinds)))
"""
WORDS_FOR_NUMBERS = STEPS.replace('"float32"', '"str"')

BLOCKS = """
import keras
from keras import layers

def block(x, width):
    beside = layers.Conv2D(width, 1, strides=2)(x)
    x = layers.Conv2D(width, 3, padding="same")(x)
    x = layers.BatchNormalization()(x)
    x = layers.MaxPooling2D(2)(x)
    return layers.Add()([x, beside])

inputs = keras.Input((32, 32, 3))
x = block(block(inputs, 8), 16)
model = keras.Model(inputs, layers.Dense(4)(layers.GlobalAveragePooling2D()(x)))
"""
ONE_NOT_PADDED = BLOCKS.replace(', padding="same"', "")
LARGER_STEP = BLOCKS.replace("MaxPooling2D(2)", "MaxPooling2D(3)")
NOT_CALLED_IN_A_FUNCTION = BLOCKS.replace('padding="same")(x)', 'padding="same")')

PICTURES = """
import numpy as np
import tensorflow as tf

pictures, kinds = np.zeros((40, 8, 8, 3)), np.zeros((40, 1), "int32")

def prepared(picture, kind):
    picture = tf.cast(picture, tf.float32) / 255.0
    return picture, tf.squeeze(tf.one_hot(kind, 5), axis=0)

data = tf.data.Dataset.from_tensor_slices((pictures, kinds)).map(prepared).batch(8)
"""
SQUEEZED_ELSEWHERE = PICTURES.replace("axis=0", "axis=1")

FILMS = """
import keras
import numpy as np
from keras import layers

picture = keras.Sequential([layers.Input((12, 12, 3)), layers.Conv2D(4, 3), layers.Flatten()])
model = keras.Sequential()
model.add(layers.Input((5, 12, 12, 3)))
model.add(layers.TimeDistributed(picture))
model.add(layers.GRU(8))
model.add(layers.Dense(2))
"""
PICTURE_OF_A_FILM = FILMS.replace("layers.TimeDistributed(picture)", "picture")

LEARNER = """
import keras
import numpy as np
import tensorflow as tf

class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.conv, self.flat, self.out = keras.layers.Conv2D(4, 3), keras.layers.Flatten(), keras.layers.Dense(3)

    def call(self, x):
        return self.out(self.flat(self.conv(x)))

x_train, y_train = np.random.rand(60, 8, 8, 1), np.random.randint(0, 3, 60)
x_test, y_test = np.random.rand(20, 8, 8, 1), np.random.randint(0, 3, 20)
train = tf.data.Dataset.from_tensor_slices((x_train, y_train)).batch(10)
test = tf.data.Dataset.from_tensor_slices((x_test, y_test)).batch(10)
net = Net()
net.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
net.fit(train, validation_data=test)
"""
LABELS_FIRST = LEARNER.replace("(x_test, y_test))", "(y_test, x_test))")
BATCHED_TWICE = LEARNER.replace("test)).batch(10)", "test)).batch(10).batch(4)")

TAGS = """
import keras
from keras import layers

model = keras.Sequential(
    [
        keras.Input((30,)),
        layers.Embedding(300, 16),
        layers.Bidirectional(layers.LSTM(8, return_sequences=True)),
        layers.TimeDistributed(layers.Dense(9)),
    ]
)
"""
STATES_FOR_A_LAYER = TAGS.replace("return_sequences=True", "return_sequences=True, return_state=True")

TRANSLATION = """
import keras
from keras import layers

given = layers.Input((None, 20))
encoder = layers.LSTM(16, return_state=True)
_, hidden, carried = encoder(given)
model = keras.Model(given, layers.Dense(2)(hidden))
"""
STATES_OF_NONE = TRANSLATION.replace("return_state=True", "return_state=False")

ATTENDED = """
import keras
from keras import layers

x = inputs = keras.Input((40, 16))
attended = layers.MultiHeadAttention(2, 8)(x, x)
x = layers.LayerNormalization()(layers.Add()([x, attended]))
model = keras.Model(inputs, x)
"""
NOT_ADDED = ATTENDED.replace("layers.Add()([x, attended])", "[x, attended]")

COLUMNS = """
import numpy as np
import pandas as pd

table = pd.DataFrame(np.random.rand(20, 3), columns=["a", "b", "c"])
"""
ONE_COLUMN_MORE = COLUMNS.replace("(20, 3)", "(20, 4)")

FAULTS = [
    Fault(NO_LABELS, "copy.fit", "Give the labels `clean_train`"),
    Fault(LABELS_TWICE, "copy.fit", "Give `clean_train` as it is"),
    Fault(TURNED, "copy.fit", "Give `noisy_train` as it is"),
    Fault(KINDS, "model.fit", "Give `y` as it is"),
    Fault(JOINED_ALONG_FEATURES, "both =", "Join along axis 0"),
    Fault(NOT_HANDED_ON, "def compile", "Call `super().compile()`"),
    Fault(WORDS_FOR_NUMBERS, "x, y =", 'Convert to "float32"'),
    Fault(ONE_NOT_PADDED, "Conv2D(width, 3)", 'Use padding="same" in this Conv2D'),
    Fault(LARGER_STEP, "MaxPooling2D(3)", "Change 3 to 2 in `MaxPooling2D`, as in the others"),
    Fault(NOT_CALLED_IN_A_FUNCTION, 'padding="same"', 'Call the layer: `layers.Conv2D(width, 3, padding="same")(x)`'),
    Fault(SQUEEZED_ELSEWHERE, "return picture", "Squeeze axis 0"),
    Fault(PICTURE_OF_A_FILM, "add(picture)", "On each step: `layers.TimeDistributed(picture)`"),
    Fault(LABELS_FIRST, "test =", "Give the data first: `(x_test, y_test)`"),
    Fault(BATCHED_TWICE, "test =", "Batch once only"),
    Fault(STATES_FOR_A_LAYER, "Bidirectional", "Leave out `return_state=True`"),
    Fault(STATES_OF_NONE, "encoder =", "Add `return_state=True`"),
    Fault(NOT_ADDED, "LayerNormalization", "Join them with `Add`"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.title} {fault.line}")
async def test_what_slipped_in_is_told_and_taken_out(real: Host, fault: Fault) -> None:
    await assert_told(real, fault)


async def test_columns_that_their_names_do_not_count_are_told(real: Host) -> None:
    await assert_told(real, Fault(ONE_COLUMN_MORE, "pd.DataFrame", "Change 4 to 3 in `np.random.rand(20, 4)`"))


WHOLE = [COPIES, KINDS.replace("y[0]", "y"), PAINTER, STEPS, BLOCKS, PICTURES, FILMS, LEARNER, TAGS, TRANSLATION]


@pytest.mark.parametrize("text", [*WHOLE, ATTENDED, COLUMNS])
async def test_what_is_whole_is_not_told(real: Host, text: str) -> None:
    await assert_silent(real, text)
