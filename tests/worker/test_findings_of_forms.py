"""Things in another form than they are taken: layers as tensors, several tensors in one line, samples as steps."""

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

EACH_STEP = """
from keras import Input, Model, layers
steps = Input((20, 8))
read = layers.LSTM(16, return_sequences=True)(steps)
told = layers.TimeDistributed({})
model = Model(steps, told)
"""
BOTH_WAYS = """
from keras import Input, Model, layers
words = Input((50,))
known = layers.Embedding(300, 12)(words)
read = layers.Bidirectional({})
model = Model(words, layers.Dense(1)(read))
"""
FILM = """
from keras import Input, Model, Sequential, layers
eye = Sequential([Input((24, 24, 1)), layers.Conv2D(4, 3), layers.Flatten()])
film = Input((6, 24, 24, 1))
seen = layers.TimeDistributed({})
model = Model(film, layers.Dense(2)(layers.LSTM(5)(seen)))
"""
BLOCK = """
import keras
from keras import layers
film, picture = keras.Input((6, 24, 24, 1)), keras.Input((24, 24, 1))
def block(x):
    x = layers.Conv2D(4, 3)(x)
    return layers.GlobalMaxPooling2D()(x)
seen = layers.TimeDistributed({})
model = keras.Model(film, layers.Dense(2)(layers.LSTM(5)(seen)))
"""
ATTENTIVE = """
import keras
from keras import layers
net = keras.Sequential([
    keras.Input((20,)),
    layers.Embedding(200, 16),
    layers.MultiHeadAttention(2, 8),
    layers.GlobalAveragePooling1D(),
    layers.Dense(1),
])
"""
ATTENTIVE_GRAPH = """
import keras
from keras import layers
inputs = keras.Input((20,))
x = layers.Embedding(200, 16)(inputs)
x = layers.MultiHeadAttention(2, 8)(x, x)
x = layers.GlobalAveragePooling1D()(x)
x = layers.Dense(1)(x)
net = keras.Model(inputs, x)
"""
ADDED = """
from keras.models import Sequential
from keras.layers import LSTM, Attention, Dense, Flatten
net = Sequential()
net.add(LSTM(8, return_sequences=True, input_shape=(30, 4)))
net.add(Attention())
net.add(Flatten())
net.add(Dense(1))
"""
JOINED = """
from keras import Input, Sequential, layers
net = Sequential([Input((16,)), layers.Dense(8), layers.{}, layers.Dense(1)])
"""
GATED = """
import keras
class Gate(keras.layers.Layer):
    def call(self, x, memory):
        return x * keras.ops.sigmoid(memory)
net = keras.Sequential([
    keras.Input((8,)),
    Gate(),
    keras.layers.Dense(1),
])
"""
ROWS = """
import numpy as np
from keras import Input, Sequential, layers
table, price = np.random.rand(90, 7), np.random.rand(90)
rows = {}
net = Sequential([Input({}), layers.LSTM(5), layers.Dense(1)])
net.compile("adam", "mse")
net.fit(rows, price)
"""
EACH = "Give `layers.TimeDistributed` the layer, and the tensor to what it makes"
STEPS = "Make the rows samples of one step each"
IN_BOTH = f"{STEPS}, in the data and the model's input"

FAULTS = [
    Fault(EACH_STEP.format("layers.Dense(5)(read)"), "told =", EACH),
    Fault(BOTH_WAYS.format("layers.GRU(9)(known)"), "read =", EACH.replace("TimeDistributed", "Bidirectional")),
    Fault(FILM.format("eye(film)"), "seen =", EACH),
    Fault(BLOCK.format("block(picture))(film"), "seen =", "Make a model of what `block` builds"),
    Fault(BLOCK.format("block(film)"), "seen =", "Make a model of what `block` builds"),
    Fault(ATTENTIVE, "MultiHead", "Build a graph, where `MultiHeadAttention` gets the tensor twice"),
    Fault(ADDED, "Attention()", "Build a graph, where `Attention` gets the tensor twice"),
    Fault(JOINED.format("Concatenate()"), "Sequential([", "Leave `Concatenate` out"),
    Fault(
        JOINED.format("Concatenate()"),
        "Sequential([",
        "Build a graph, where `Concatenate` gets the tensor and the model's input",
    ),
    Fault(GATED, "Gate()", "Build a graph, where `Gate` gets the tensor twice"),
    Fault(ROWS.format("table.reshape(1, 90, 7)", "(90, 7)"), "rows =", IN_BOTH),
    Fault(ROWS.format("np.expand_dims(table, 0)", "(90, 7)"), "rows =", IN_BOTH),
    Fault(ROWS.format("table[np.newaxis]", "(90, 7)"), "rows =", IN_BOTH),
    Fault(ROWS.format("np.reshape(table, (1, *table.shape))", "(90, 7)"), "rows =", IN_BOTH),
    Fault(ROWS.format("np.reshape(table, (1, len(table), 7))", "(rows.shape[1], 7)"), "rows =", STEPS),
]
FITTING = [
    EACH_STEP.format("layers.Dense(5))(read"),
    BOTH_WAYS.format("layers.GRU(9))(known"),
    FILM.format("eye)(film"),
    BLOCK.format("keras.Model(picture, block(picture)))(film"),
    ATTENTIVE_GRAPH,
    JOINED.format("Dropout(0.1)"),
    ROWS.format("table.reshape(90, 1, 7)", "(1, 7)"),
    ROWS.format("table[:, np.newaxis]", "(1, 7)"),
]


@pytest.mark.parametrize("fault", FAULTS)
async def test_the_form_is_repaired(real: Host, fault: Fault) -> None:
    await assert_told(real, fault)


@pytest.mark.parametrize("text", FITTING)
async def test_what_fits_is_not_told(real: Host, text: str) -> None:
    await assert_silent(real, text)
