"""Steps in which nothing can be learned are told at their cause; what depends on the weights in any way is not."""

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

EAGER = """
import numpy as np
import tensorflow as tf
net = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(3)])
adam = tf.keras.optimizers.Adam()
rows, kinds = np.random.rand(32, 4).astype("float32"), np.arange(32) % 3
for row, kind in tf.data.Dataset.from_tensor_slices((rows, kinds)).batch(8):
    scores = net(row)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.keras.losses.sparse_categorical_crossentropy(kind, scores, from_logits=True))
    slopes = tape.gradient(loss, net.trainable_variables)
    adam.apply_gradients(zip(slopes, net.trainable_variables))
"""
MUCH = (
    EAGER.replace("(32, 4)", "(320_000, 4)").replace("range(32)", "range(320_000)").replace("batch(8)", "batch(80_000)")
)
TRAIN_STEP = """
import numpy as np
import tensorflow as tf
class Line(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.wide = tf.keras.layers.Dense(8, activation="relu")
        self.last = tf.keras.layers.Dense(1)
    def call(self, rows):
        return self.last(self.wide(rows))
    def train_step(self, batch):
        rows, heights = batch
        hidden = self.wide(rows)
        told = self.last(hidden)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((told - heights) ** 2)
        slopes = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(slopes, self.trainable_variables))
        return {"loss": loss}
line = Line()
line.compile("adam")
line.fit(np.random.rand(32, 4), np.random.rand(32, 1))
"""
OTHERS_WEIGHTS = """
import tensorflow as tf
one = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1)])
other = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1)])
adam = tf.keras.optimizers.Adam()
@tf.function
def step(rows):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(one(rows) ** 2)
    slopes = tape.gradient(loss, other.trainable_variables)
    adam.apply_gradients(zip(slopes, other.trainable_variables))
step(tf.random.normal((16, 4)))
"""
ERROR_RATE = """
import numpy as np
import tensorflow as tf
def missed(truth, told):
    hits = tf.equal(tf.argmax(told, -1), tf.argmax(truth, -1))
    return 1.0 - tf.reduce_mean(tf.cast(hits, tf.float32))
net = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(3, activation="softmax")])
net.compile("adam", loss=missed)
net.fit(np.random.rand(32, 4), np.eye(3)[np.arange(32) % 3])
"""
ROUNDED = """
import numpy as np
import tensorflow as tf
def distance(truth, told):
    return tf.reduce_mean(tf.abs(truth - tf.round(told)))
net = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1)])
net.compile("adam", loss=distance)
net.fit(np.random.rand(32, 4), np.random.rand(32, 1))
"""
TWICE = """
import tensorflow as tf
net = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1)])
with tf.GradientTape() as tape:
    loss = tf.reduce_mean(net(tf.ones((8, 4))) ** 2)
of_kernel = tape.gradient(loss, net.layers[-1].kernel)
of_bias = tape.gradient(loss, net.layers[-1].bias)
"""
POSITIONS = """
import numpy as np
import tensorflow as tf
class Placed(tf.keras.layers.Layer):
    def __init__(self, length, words):
        super().__init__()
        self.words = tf.keras.layers.Embedding(words, 8)
        self.places = tf.keras.layers.Embedding(length, 8)
    def call(self, ids):
        return self.words(ids) + self.places(tf.range(0, tf.shape(ids)[-1]))
LENGTH = 20
ids = tf.keras.Input((None,), dtype="int32")
mean = tf.keras.layers.GlobalAveragePooling1D()(Placed(LENGTH, 100)(ids))
reader = tf.keras.Model(ids, tf.keras.layers.Dense(1)(mean))
reader.compile("adam", "mse")
reader.fit(np.arange(32 * 30).reshape(32, 30) % 100, np.random.rand(32))
"""

FAULTS = [
    Fault(EAGER, "scores = net(row)", "Call the model inside the tape"),
    Fault(MUCH, "scores = net(row)", "Call the model inside the tape"),
    Fault(TRAIN_STEP, "hidden = self.wide(rows)", "Call the model inside the tape"),
    Fault(OTHERS_WEIGHTS, "slopes = tape.gradient(loss, other", "Train the weights of `one`"),
    Fault(ERROR_RATE, "loss=missed", "Use the loss `categorical_crossentropy`"),
    Fault(ROUNDED, "tf.round(told)", "Leave out `round`"),
    Fault(TWICE, "with tf.GradientTape() as tape:", "Keep the tape: `persistent=True`"),
    Fault(POSITIONS, "LENGTH = 20", "Give 30 rows"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.title)
async def test_the_finding_stands_where_the_author_edits(real: Host, fault: Fault) -> None:
    await assert_told(real, fault)


SECOND_ORDER = """
import tensorflow as tf
net = tf.keras.Sequential([tf.keras.Input((1,)), tf.keras.layers.Dense(8, "tanh"), tf.keras.layers.Dense(1)])
adam = tf.keras.optimizers.Adam()
{decorated}
def step(times):
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            inner.watch(times)
            height = net(times)
        speed = inner.{taken}(height, times)
        loss = tf.reduce_mean((speed - 1.0) ** 2)
    slopes = outer.gradient(loss, net.trainable_variables)
    adam.apply_gradients(zip(slopes, net.trainable_variables))
step(tf.random.normal(({rows}, 1)))
"""
STRAIGHT_THROUGH = """
import numpy as np
import tensorflow as tf
@tf.custom_gradient
def steps(values):
    return tf.round(values), lambda slope: slope
class Coded(tf.keras.layers.Layer):
    def call(self, values):
        return values + tf.stop_gradient(tf.round(values) - values)
class Stepped(tf.keras.layers.Layer):
    def call(self, values):
        return steps(values)
for kind in (Coded, Stepped):
    net = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(3), kind()])
    net.compile("adam", "mse")
    net.fit(np.random.rand(32, 4), np.random.rand(32, 3))
"""
NESTED = """
import numpy as np
import tensorflow as tf
ROWS, HEIGHTS = np.random.rand(32, 6, 4).astype("float32"), np.random.rand(32, 1).astype("float32")
net = tf.keras.Sequential([tf.keras.Input((6, 4)), tf.keras.layers.LSTM(8), tf.keras.layers.Dense(1)])
adam = tf.keras.optimizers.Adam()
@tf.function
def loss_of(rows, heights):
    return tf.reduce_mean((net(rows, training=True) - heights) ** 2)
@tf.function
def step(rows, heights):
    with tf.GradientTape() as tape:
        loss = loss_of(rows, heights)
        for _ in tf.range(2):
            loss = loss + tf.reduce_mean(net(rows) ** 2)
    adam.apply_gradients(zip(tape.gradient(loss, net.trainable_variables), net.trainable_variables))
def outside(rows, heights):
    with tf.GradientTape(persistent=True) as tape:
        loss = loss_of(rows, heights)
    adam.apply_gradients(zip(tape.gradient(loss, net.trainable_variables), net.trainable_variables))
    tape.gradient(loss, net.layers[-1].kernel)
for rows, heights in tf.data.Dataset.from_tensor_slices((ROWS, HEIGHTS)).batch(8):
    step(rows, heights)
    outside(rows, heights)
"""
WORKING = [
    EAGER.replace("    scores = net(row)\n", "").replace("as tape:\n", "as tape:\n        scores = net(row)\n"),
    *(
        SECOND_ORDER.format(decorated=decorated, taken=taken, rows=rows)
        for decorated in ("", "@tf.function")
        for taken in ("gradient", "batch_jacobian")
        for rows in (16, 300_000)
    ),
    STRAIGHT_THROUGH,
    NESTED,
    OTHERS_WEIGHTS.replace("slopes = tape.gradient(loss, other", "slopes = tape.gradient(loss, one").replace(
        "zip(slopes, other", "zip(slopes, one"
    ),
    ROUNDED.replace("tf.round(told)", "told"),
    TWICE.replace("GradientTape()", "GradientTape(persistent=True)"),
    POSITIONS.replace("LENGTH = 20", "LENGTH = 30"),
]


@pytest.mark.parametrize("text", WORKING)
async def test_what_learns_is_not_told(real: Host, text: str) -> None:
    await assert_silent(real, text)
