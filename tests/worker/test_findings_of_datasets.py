"""Faults that show when the elements of a pipeline are drawn or made, and labels that are one step off."""

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

SHORT_WINDOWS = """
import numpy as np
import tensorflow as tf
heights = tf.data.Dataset.from_tensor_slices(np.random.rand(120).astype("float32"))
heights = heights.window(9, shift=1)
heights = heights.flat_map(lambda window: window.batch(9)).map(lambda window: (window[:-1], window[-1]))
net = tf.keras.Sequential([tf.keras.layers.Reshape((8, 1)), tf.keras.layers.GRU(4), tf.keras.layers.Dense(1)])
net.compile("adam", "mse")
net.fit(heights.SHUFFLEDbatch(8))
"""
ANIMATION = """
import tensorflow as tf
def read(path, kind):
    picture = tf.io.decode_image(tf.io.read_file(path), channels=3)
    return tf.image.resize(picture, (40, 40)), kind
pictures = tf.data.Dataset.from_tensor_slices((["one.png", "two.png"], [0, 1])).map(read).batch(2)
net = tf.keras.Sequential([tf.keras.layers.Flatten(), tf.keras.layers.Dense(2, activation="softmax")])
net.compile("adam", "sparse_categorical_crossentropy")
net.fit(pictures)
"""
ALL_STEPS = """
import keras
import numpy as np
from keras import layers
said, answered = np.ones((16, 9), "int32"), np.ones((16, 12), "int32")
heard, begun = keras.Input((None,)), keras.Input((None,))
_, *state = layers.LSTM(8, return_state=True)(layers.Embedding(30, 4)(heard))
steps = layers.LSTM(8, return_sequences=True)(layers.Embedding(30, 4)(begun), initial_state=state)
net = keras.Model([heard, begun], layers.Dense(30, activation="softmax")(steps))
net.compile("adam", "sparse_categorical_crossentropy")
net.fit([said, answered[:, :-1]], answered)
"""
VARIABLES_FIRST = """
import tensorflow as tf
net = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1)])
adam = tf.keras.optimizers.Adam()
with tf.GradientTape() as tape:
    loss = tf.reduce_mean(net(tf.ones((8, 4))) ** 2)
slopes = tape.gradient(loss, net.trainable_variables)
adam.apply_gradients(zip(net.trainable_variables, slopes))
"""
ONE_HOT_FOLDERS = """
from keras import Input, Sequential, layers
from keras.utils import image_dataset_from_directory
pictures = image_dataset_from_directory("leaves", image_size=(40, 40), label_mode="categorical")
net = Sequential([Input((40, 40, 3)), layers.Flatten(), layers.Dense(1, activation="sigmoid")])
net.compile("adam", "binary_crossentropy")
net.fit(pictures)
"""
FOLDERS_AS_THEY_FLOW = """
import tensorflow as tf
flow = tf.keras.preprocessing.image.ImageDataGenerator(rescale=1 / 255).flow_from_directory("leaves", (40, 40))
net = tf.keras.Sequential([tf.keras.layers.Flatten(), tf.keras.layers.Dense(1, activation="sigmoid")])
net.compile("adam", "binary_crossentropy")
net.fit(flow)
"""
FAULTS = [
    Fault(ONE_HOT_FOLDERS, "image_dataset_from_directory(", 'Read labels of label_mode="binary"'),
    Fault(FOLDERS_AS_THEY_FLOW, "flow_from_directory(", 'Read labels of class_mode="binary"'),
    Fault(SHORT_WINDOWS.replace("SHUFFLED", ""), "heights.window(", "Drop the windows that are not whole"),
    Fault(SHORT_WINDOWS.replace("SHUFFLED", "shuffle(99)."), "heights.window(", "Drop the windows that are not whole"),
    Fault(ANIMATION, "decode_image", "Decode single images of known rank"),
    Fault(ALL_STEPS, "net.fit", "Give the labels from the second step on"),
    Fault(VARIABLES_FIRST, "apply_gradients", "Give each gradient first, then its variable"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.title)
async def test_the_finding_stands_where_the_author_edits(real: Host, fault: Fault) -> None:
    await assert_told(real, fault)


REPAIRED = [
    ONE_HOT_FOLDERS.replace("categorical", "binary"),
    ONE_HOT_FOLDERS.replace("Dense(1", "Dense(2"),
    FOLDERS_AS_THEY_FLOW.replace("Dense(1", "Dense(3"),
    SHORT_WINDOWS.replace("SHUFFLED", "").replace("shift=1", "shift=1, drop_remainder=True"),
    SHORT_WINDOWS.replace("SHUFFLED", "repeat().shuffle(50).")
    .replace("shift=1", "shift=1, drop_remainder=True")
    .replace("batch(8))", "batch(8), steps_per_epoch=4)"),
    SHORT_WINDOWS.replace("SHUFFLEDbatch(8)", "padded_batch(8, ([8], []))"),
    ANIMATION.replace("decode_image", "decode_png"),
    ALL_STEPS.replace(":-1]], answered)", ":-1]], answered[:, 1:])"),
]


@pytest.mark.parametrize("text", REPAIRED)
async def test_what_fits_is_not_told(real: Host, text: str) -> None:
    await assert_silent(real, text)
