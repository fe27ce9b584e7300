"""What a dry run counts of the memory that training takes, by whole programs."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from kls import plan
from kls.documents import Snapshot
from kls.host import Host
from kls.worker.protocol import Call
from tests import catalogue
from tests.marks import ONE_WORKER

pytestmark = [*ONE_WORKER, pytest.mark.slow]
HEAD = """\
import numpy as np, keras, tensorflow as tf
from keras import layers
"""
STEPS = (
    HEAD
    + """
class Twice(keras.Model):
    def __init__(self):
        super().__init__()
        self.small = keras.Sequential([layers.Dense(100, activation="relu"), layers.Dense(1)])
        self.large = keras.Sequential([layers.Dense(300, activation="relu"), layers.Dense(1)])

    def call(self, x):
        return self.small(x) + self.large(x)

    def train_step(self, x):
        {step}
        return {{"loss": tf.reduce_mean(first)}}

model = Twice()
model.compile("adam", jit_compile=False)
model.fit(np.zeros((64, 8), "float32"), batch_size=32)
"""
)
APART = """
        with tf.GradientTape() as tape:
            first = tf.reduce_sum(self.small(x))
        self.optimizer.apply(tape.gradient(first, self.small.trainable_weights), self.small.trainable_weights)
        with tf.GradientTape() as tape:
            second = tf.reduce_sum(self.large(x))
        grads = tape.gradient(second, self.large.trainable_weights)
"""
LARGE_ALONE = """
        first = 0.0
        with tf.GradientTape() as tape:
            second = tf.reduce_sum(self.large(x))
        grads = tape.gradient(second, self.large.trainable_weights)
"""
INSIDE = """
        with tf.GradientTape() as outer:
            with tf.GradientTape() as tape:
                first = tf.reduce_sum(self.small(x))
            inner = tape.gradient(first, self.small.trainable_weights)
            second = tf.reduce_sum(self.large(x)) + tf.add_n([tf.reduce_sum(item) for item in inner])
        grads = outer.gradient(second, self.large.trainable_weights)
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def worker() -> AsyncIterator[Host]:
    async with catalogue.worker() as host:
        yield host


async def _training(worker: Host, text: str) -> Call:
    report = await worker.ask(plan.plan(Snapshot("file:///nowhere/p.py", "/nowhere/p.py", 1, text)))
    (call,) = report.calls
    assert call.status == "traced" and call.kept_batch, report.failures
    return call


def _kept(call: Call) -> int:
    assert call.kept_batch is not None
    return sum(item.bytes for item in call.kept) // call.kept_batch


async def test_what_one_backward_pass_keeps_is_free_before_the_next(worker: Host) -> None:
    alone = _kept(await _training(worker, STEPS.format(step=LARGE_ALONE)))
    assert alone >= 300 * 4
    assert _kept(await _training(worker, STEPS.format(step=APART))) == alone


async def test_a_pass_inside_another_tape_frees_nothing(worker: Host) -> None:
    assert _kept(await _training(worker, STEPS.format(step=INSIDE))) >= (300 + 100) * 4


async def test_sequences_and_the_weights_of_a_loop_are_counted(worker: Host) -> None:
    program = (
        HEAD
        + """
model = keras.Sequential([keras.Input((50, 4)), layers.{layer}, layers.Flatten(), layers.Dense(1)])
model.compile("adam", "mse", jit_compile=False)
model.fit(np.zeros((64, 50, 4), "float32"), np.zeros((64, 1), "float32"), batch_size=32)
"""
    )
    call = await _training(worker, program.format(layer="LSTM(16, return_sequences=True)"))
    assert call.kept_batch is not None
    assert call.largest >= call.kept_batch * 50 * 16 * 4
    kernels = (4 + 16) * 4 * 16 * 4
    beside = await _training(worker, program.format(layer="Dense(16)"))
    assert beside.updated == (50 * 16 + 4 * 16) * 4  # the two largest weights
    assert call.updated == (16 * 64 + 50 * 16) * 4 + kernels


async def test_a_convolution_in_half_precision_has_windows(worker: Host) -> None:
    program = (
        HEAD
        + """
keras.mixed_precision.set_global_policy("{policy}")
model = keras.Sequential([keras.Input((10, 10, 3)), layers.Conv2D(5, 3), layers.Flatten(), layers.Dense(1)])
model.compile("adam", "mse", jit_compile=False)
model.fit(np.zeros((64, 10, 10, 3), "float32"), np.zeros((64, 1), "float32"), batch_size=32)
"""
    )
    half = await _training(worker, program.format(policy="mixed_float16"))
    assert half.kept_batch is not None
    assert half.windows == half.kept_batch * (8 * 8) * (3 * 3 * 3) * 2
    assert (await _training(worker, program.format(policy="float32"))).windows == 0
