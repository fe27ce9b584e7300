"""Faults of first programs: outputs that cannot be what the loss compares, and programs of an older Keras."""

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

ONE_UNIT_FOR_DIGITS = """
from keras.datasets import mnist
from keras.layers import Dense, Flatten, Input
from keras.models import Sequential
(x, y), _ = mnist.load_data()
model = Sequential([Input((28, 28)), Flatten()])
model.add(Dense(1, activation="softmax"))
model.compile("adam", "mean_squared_error")
model.fit(x, y)
"""
DROPPED_AT_THE_END = """
import keras
import numpy as np
from keras.layers import Dense, Dropout
model = keras.Sequential([keras.Input((6,)), Dense(3, activation="softmax")])
model.add(Dropout(0.5))
model.compile("adam", "sparse_categorical_crossentropy")
model.fit(np.random.rand(50, 6), np.arange(50) % 3)
"""
ALL_DROPPED = """
import keras
import numpy as np
from keras.layers import Dense, Dropout
model = keras.Sequential([keras.Input((6,)), Dense(9, activation="relu")])
model.add(Dropout(1.0))
model.add(Dense(3, activation="softmax"))
model.compile("adam", "sparse_categorical_crossentropy")
model.fit(np.random.rand(50, 6), np.arange(50) % 3)
"""
FAULTS = [
    Fault(
        ONE_UNIT_FOR_DIGITS,
        "Dense(1",
        "Set `units` of Dense to 10, and the loss to `sparse_categorical_crossentropy`",
    ),
    Fault(DROPPED_AT_THE_END, "Dropout(0.5)", "Remove Dropout"),
    Fault(ALL_DROPPED, "Dropout(1.0)", "Drop half of it: 0.5"),
]
OLD = """
from keras.models import Sequential
from keras.layers import Conv2D, Dense, Flatten
from keras.preprocessing.image import ImageDataGenerator
model = Sequential()
model.add(Conv2D(8, (3, 3), activation="relu", input_shape=(64, 64, 3)))
model.add(Flatten())
model.add(Dense(1, activation="sigmoid"))
model.compile("adam", "binary_crossentropy")
pictures = ImageDataGenerator(rescale=1 / 255).flow_from_directory("train", (64, 64), class_mode="categorical")
model.fit_generator(pictures, steps_per_epoch=10)
"""


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.title)
async def test_what_trains_on_the_wrong_thing_is_told(real: Host, fault: Fault) -> None:
    await assert_told(real, fault, Severity.WARNING)


@pytest.mark.parametrize(
    "text",
    [
        DROPPED_AT_THE_END.replace("0.5", "0.0"),
        DROPPED_AT_THE_END.replace("model.compile", "model.add(Dense(3, activation='softmax'))\nmodel.compile"),
        ALL_DROPPED.replace("1.0", "0.9"),
        ONE_UNIT_FOR_DIGITS.replace("Dense(1,", "Dense(10,")
        .replace("mean_squared", "sparse_categorical")
        .replace("_error", "_crossentropy"),
    ],
)
async def test_what_trains_on_the_right_thing_is_not(real: Host, text: str) -> None:
    await assert_silent(real, text)


async def test_each_name_of_an_old_program_has_its_repair_though_more_is_wrong_behind_it(real: Host) -> None:
    (error,) = await catalogue.findings(real, "old", OLD, tried=True)
    assert (error.code, error.span.line) == ("removed-name", 4)
    (first, *_) = error.fixes
    assert first.title == "Import from `tensorflow.keras.preprocessing.image`"
