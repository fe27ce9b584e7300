"""Steps that are traced and steps that run eagerly: what only a trace forbids, layers made anew, dtypes that meet."""

from __future__ import annotations

import sys

import pytest

from kls.host import Host
from tests import catalogue
from tests.worker.faults import Fault, assert_silent, assert_told

pytestmark = [
    pytest.mark.tf,
    pytest.mark.asyncio(loop_scope="module"),  # one worker serves them all, and belongs to its loop
    pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs Linux"),
]

MADE_ANEW = """
import numpy as np
import keras
class Head(keras.layers.Layer):
    def call(self, x):
        return keras.layers.Dense(3)(x)
net = keras.Sequential([Head(), keras.layers.Activation("relu")])
net.predict(np.zeros((8, 4)))
"""
ENDS = """
import tensorflow as tf
net = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(2)])
@tf.function
def learn(net, now, reward, then, done):
    with tf.GradientTape() as tape:
        worth = tf.reduce_max(net(then), axis=1)
        goal = reward + 0.9 * worth * (1 - done)
        loss = tf.reduce_mean((goal - tf.reduce_max(net(now), axis=1)) ** 2)
    return tape.gradient(loss, net.trainable_variables)
done = tf.random.uniform((8,), maxval=2, dtype=tf.int32)
learn(net, tf.ones((8, 4)), tf.ones((8,)), tf.ones((8, 4)), done)
"""
SPARSE = """
import tensorflow as tf
places = tf.constant([[0, 0], [1, 2]])
form = tf.constant([3, 4])
print(tf.sparse.to_dense(tf.sparse.SparseTensor(places, tf.constant([1.0, 2.0]), form)))
net = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(2)])
"""
MEANS = """
import keras
import numpy as np
class Mean(keras.layers.Layer):
    def build(self, shape):
        self.mean = self.add_weight(shape=(1,), trainable=False, name="mean")
    def call(self, x):
        self.mean.assign(keras.ops.mean(x, axis=0))
        return x - self.mean
net = keras.Sequential([keras.Input((6,)), Mean(), keras.layers.Dense(2)])
"""
FAULTS = [
    Fault(MADE_ANEW, "keras.layers.Dense(3)", "Make the layers once, in `__init__`"),
    Fault(ENDS, "0.9 * worth * (1 - done)", "Cast `1 - done` to float32"),
    Fault(SPARSE, "SparseTensor", "Cast `places` and `form` to int64"),
]
EAGER = """
import tensorflow as tf
import keras
class Own(keras.Model):
    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = self.compute_loss(x, y, self(x, training=True))
        if loss > 3:
            print(loss.numpy())
        self.optimizer.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
        return {"loss": loss}
x = keras.Input((12,))
own = Own(x, keras.layers.Dense(3)(x))
own.compile("adam", "mse", run_eagerly=True)
own.fit(tf.zeros((32, 12)), tf.zeros((32, 3)))
"""
FUNCTIONS_RUN_EAGERLY = """
import tensorflow as tf
from tensorflow.keras import Input, Model, layers
tf.config.run_functions_eagerly(True)
@tf.function
def told(x):
    tf.print(x)
    return layers.Dense(3)(x)
@tf.function
def number(x):
    return float(x.numpy())
print(number(tf.constant(3.0)))
x = Input((4,))
net = Model(x, told(x))
net.predict(tf.zeros((2, 4)))
"""


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.title)
async def test_what_a_step_cannot_do_is_told(real: Host, fault: Fault) -> None:
    await assert_told(real, fault, best=True)


async def test_a_weight_that_is_assigned_another_shape_is_called_by_its_name(real: Host) -> None:
    (error,) = await catalogue.findings(real, "means", MEANS, tried=True)
    assert error.message.startswith("the variable `mean` is (1,); it is assigned (6,)")
    assert error.fixes


@pytest.mark.parametrize("eager", [True, False])
async def test_labels_that_do_not_fit_are_told_of_an_own_step(real: Host, eager: bool) -> None:
    text = EAGER.replace("        if loss > 3:\n            print(loss.numpy())\n", "").replace("(32, 3)", "(32, 4)")
    text = text if eager else text.replace(", run_eagerly=True", "")
    await assert_told(real, Fault(text, "own = ", "Set `units` of Dense to 4"))


@pytest.mark.parametrize(
    "text",
    [
        EAGER,
        FUNCTIONS_RUN_EAGERLY,
        MADE_ANEW.replace(
            "import keras", "import tensorflow as tf\nimport keras\ntf.config.run_functions_eagerly(True)"
        ),
        MADE_ANEW.replace("net.predict(np", "print(np").replace("(8, 4)))", "(8, 4)))\nprint(net(np.zeros((8, 4))))"),
        ENDS.replace("(1 - done)", "(1 - tf.cast(done, tf.float32))"),
        MEANS.replace("(1,)", "(6,)"),
    ],
)
async def test_what_runs_is_not_told(real: Host, text: str) -> None:
    await assert_silent(real, text)
