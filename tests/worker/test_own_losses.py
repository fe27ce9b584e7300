"""A loss that the author makes and calls in a loop of his own is held against the model whose output it is given."""

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

LOOP = """
import keras
import tensorflow as tf
x = tf.random.normal((64, 8))
kinds = tf.random.uniform((64,), 0, 4, tf.int32)
net = keras.Sequential([keras.Input((8,)), keras.layers.Dense(6, activation="relu"), keras.layers.Dense(4)])
cost = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
adam = keras.optimizers.Adam()
for rows, labels in tf.data.Dataset.from_tensor_slices((x, kinds)).batch(16):
    with tf.GradientTape() as tape:
        loss = cost(labels, net(rows, training=True))
    slopes = tape.gradient(loss, net.trainable_variables)
    adam.apply_gradients(zip(slopes, net.trainable_variables))
"""
UNTOLD_LOGITS = LOOP.replace("from_logits=True", "")
TWICE = LOOP.replace("Dense(4)", 'Dense(4, activation="softmax")')
TRACED = """
import keras
import tensorflow as tf
class Learner:
    def __init__(self):
        self.net = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])
        self.cost = keras.losses.BinaryCrossentropy(from_logits=True)
        self.adam = keras.optimizers.Adam()
    @tf.function
    def step(self, rows, labels):
        with tf.GradientTape() as tape:
            loss = self.cost(labels, self.net(rows, training=True))
        slopes = tape.gradient(loss, self.net.trainable_variables)
        self.adam.apply_gradients(zip(slopes, self.net.trainable_variables))
        return loss
learner = Learner()
learner.step(tf.random.normal((16, 8)), tf.ones((16, 1)))
"""
TRACED_PROBABILITIES = TRACED.replace("from_logits=True", "")
ONE_VALUE = """
import tensorflow as tf
points, marks = tf.random.uniform((40, 2)), tf.ones((40, 1))
weight, bias = tf.Variable(tf.random.normal((2, 1))), tf.Variable(tf.zeros((1,)))
cost = tf.keras.losses.CategoricalCrossentropy()
with tf.GradientTape() as tape:
    loss = cost(marks, tf.sigmoid(points @ weight + bias))
slopes = tape.gradient(loss, [weight, bias])
"""
OF_TWO = (
    LOOP.replace("Dense(4)", "Dense(1)")
    .replace("SparseCategorical", "Binary")
    .replace("(64,), 0, 4, tf.int32", "(64, 1)")
)
EXCHANGED = OF_TWO.replace("cost(labels, net(rows, training=True))", "cost(net(rows, training=True), labels)")

FAULTS = [
    Fault(UNTOLD_LOGITS, "cost = ", "Tell the loss that it gets logits: `from_logits=True`"),
    Fault(TWICE, 'softmax"', "Leave out `from_logits=True`"),
    Fault(TRACED_PROBABILITIES, "self.cost = ", 'Give Dense activation="sigmoid"'),
    Fault(ONE_VALUE, "cost = ", "Use the loss `binary_crossentropy`"),
    Fault(EXCHANGED, "loss = cost(net", "Exchange the two: `labels, net(rows, training=True)`"),
]

FOR_THE_GENERATOR = """
import keras
import tensorflow as tf
critic = keras.Sequential([keras.Input((6,)), keras.layers.Dense(1)])
maker = keras.Sequential([keras.Input((3,)), keras.layers.Dense(6)])
cost = keras.losses.BinaryCrossentropy(from_logits=True)
with tf.GradientTape() as tape:
    judged = critic(maker(tf.random.normal((8, 3))))
    loss = cost(tf.ones_like(judged), judged)
slopes = tape.gradient(loss, maker.trainable_variables)
"""
BY_A_TEACHER = """
import keras
import tensorflow as tf
teacher = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3, activation="softmax")])
pupil = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3)])
cost = keras.losses.CategoricalCrossentropy()
rows = tf.random.normal((8, 6))
with tf.GradientTape() as tape:
    told = tf.nn.softmax(pupil(rows))
    loss = cost(teacher(rows), told)
slopes = tape.gradient(loss, pupil.trainable_variables)
"""
ACTIVATED_LATER = (
    LOOP.replace("from_logits=True", "")
    .replace("cost(labels, net", "cost(labels, tf.nn.softmax(net")
    .replace("training=True))", "training=True)))")
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.title)
async def test_the_finding_stands_where_the_author_edits(real: Host, fault: Fault) -> None:
    await assert_told(real, fault, Severity.WARNING)


@pytest.mark.parametrize("text", [LOOP, TRACED, FOR_THE_GENERATOR, BY_A_TEACHER, ACTIVATED_LATER])
async def test_a_loss_that_fits_what_it_is_given_is_not_told(real: Host, text: str) -> None:
    await assert_silent(real, text)
