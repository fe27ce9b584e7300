"""Callbacks that ask a training for what it does not give are told where they are made; those that fit are not."""

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

PROGRAM = """
import numpy as np
import keras
from keras import callbacks
def lately(truth, told):
    return keras.ops.mean(told)
net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, activation="sigmoid")])
net.compile("adam", "binary_crossentropy", metrics=["accuracy", lately])
{made}
net.fit(np.random.rand(32, 4), np.zeros((32, 1)), callbacks=[one], epochs=3, validation_split={split})
"""


def program(made: str, split: float = 0.25) -> str:
    return PROGRAM.format(made=made, split=split or None)


IN_VAIN = program('one = callbacks.EarlyStopping(monitor="val_accuracy", mode="max", patience=2)', 0)
BY_DEFAULT = program("one = callbacks.ReduceLROnPlateau(factor=0.5)", 0)
OLD_NAME = program('one = callbacks.EarlyStopping(monitor="val_acc", patience=2)')
OLD_NAME_WITH_MODE = program('one = callbacks.EarlyStopping(monitor="val_acc", mode="max")')
UNDECIDED = program('one = callbacks.ModelCheckpoint("best.keras", monitor="val_lately", save_best_only=True)')
FILE_NAME = program('one = callbacks.ModelCheckpoint("at-{epoch:02d}-{val_acc:.2f}.keras")')
CALLED = program("def rate(epoch): return 0.01\none = callbacks.LearningRateScheduler(rate(0))")
SOMETIMES = program(
    "def rate(epoch, now):\n    if epoch > 1:\n        return now / 2\none = callbacks.LearningRateScheduler(rate)"
)
WHOLE = program("def rate(epoch):\n    return 1 if epoch < 2 else 0.5\none = callbacks.LearningRateScheduler(rate)")
ONE_ARGUMENT = program("one = callbacks.LambdaCallback(on_epoch_end=lambda epoch: print(epoch))")
OWN = """class Halt(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if logs["loss"] < 0.001:
            self.model.stop_training = True
    def on_epoch_end(self, epoch, logs=None):
        if {asked} > 0.95:
            self.model.stop_training = True
one = Halt()"""
BY_KEY = program(OWN.format(asked='logs["acc"]'))
BY_GET = program(OWN.format(asked='logs.get("val_acc")'))

ERRORS = [
    Fault(OLD_NAME, "callbacks.EarlyStopping(", 'Watch "val_accuracy"'),
    Fault(UNDECIDED, "callbacks.ModelCheckpoint(", 'Say which is better: `mode="max"`'),
    Fault(FILE_NAME, "callbacks.ModelCheckpoint(", 'Use "val_accuracy"'),
    Fault(CALLED, "LearningRateScheduler(rate(0))", "Give the function: `rate`"),
    Fault(SOMETIMES, "def rate", "Return `now` otherwise"),
    Fault(WHOLE, "return 1 if", "Give a float"),
    Fault(ONE_ARGUMENT, "lambda epoch:", "Take `epoch, logs`"),
    Fault(BY_KEY, 'logs["acc"]', 'Use "accuracy"'),
    Fault(BY_GET, 'logs.get("val_acc")', 'Use "val_accuracy"'),
]
WARNINGS = [
    Fault(IN_VAIN, "net.fit(", "Validate on a part of the training data"),
    Fault(BY_DEFAULT, "net.fit(", "Validate on a part of the training data"),
    Fault(OLD_NAME_WITH_MODE, "callbacks.EarlyStopping(", 'Watch "val_accuracy"'),
]


@pytest.mark.parametrize("fault", [*ERRORS, *WARNINGS], ids=lambda fault: fault.title)
async def test_the_finding_stands_where_the_author_edits(real: Host, fault: Fault) -> None:
    await assert_told(real, fault, Severity.ERROR if fault in ERRORS else Severity.WARNING)


ADDED = """class Score(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        logs["f1"] = 0.5
one = [Score(), callbacks.EarlyStopping(monitor="f1", mode="max")]"""
WORKING = [
    IN_VAIN.replace("=None)", "=0.5)"),
    BY_DEFAULT.replace("=None)", "=0.5)"),
    program("one = callbacks.EarlyStopping(patience=2)"),
    program('one = callbacks.EarlyStopping("loss")', 0),
    program('one = callbacks.ReduceLROnPlateau(monitor="learning_rate", mode="min")', 0),
    program('one = callbacks.ModelCheckpoint("last.keras")', 0),
    program('one = callbacks.ModelCheckpoint("at-{epoch:02d}-{val_accuracy:.2f}.keras")'),
    program('one = callbacks.ModelCheckpoint("best.keras", monitor="val_lately", mode="min", save_best_only=True)'),
    program("one = callbacks.LearningRateScheduler(lambda epoch, now: now * 0.9)"),
    program("one = callbacks.LearningRateScheduler(lambda epoch: 0.1 ** (epoch + 1), verbose=1)"),
    program("rate = float(open('rate').read())\none = callbacks.LearningRateScheduler(lambda epoch: rate)"),
    program("one = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs['val_loss']))"),
    program(OWN.format(asked='logs.get("val_accuracy")')),
    program(OWN.format(asked='(logs.get("val_acc") or 0)')),
    program(ADDED, 0).replace("[one]", "one"),
]


@pytest.mark.parametrize("text", WORKING)
async def test_what_fits_is_not_told(real: Host, text: str) -> None:
    await assert_silent(real, text)
