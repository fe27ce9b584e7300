"""Faults of loops that feed on predictions, of steps of one's own and of what is saved: told there, repaired there."""

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

NEXT_LETTER = """
import keras
import numpy as np
letters = "abcdefgh"
writer = keras.Sequential([keras.Input((6,)), keras.layers.Embedding(8, 4), keras.layers.GRU(8),
                           keras.layers.Dense(len(letters), activation="softmax")])
def pick(chances, heat):
    sharp = np.exp(np.log(chances + 1e-9) / heat)
    return np.random.choice(len(sharp), p=sharp / sharp.sum())
line = [0, 1, 2, 3, 4, 5]
for _ in range(4):
    chances = writer.predict(np.array([line[-6:]]))
    line.append(pick(chances, 0.7))
print("".join(letters[place] for place in line))
"""
ACTION = """
import numpy as np
import tensorflow as tf
actor = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(3, activation="softmax")])
for _ in range(3):
    chances = actor(tf.random.normal((1, 4)))
    action = np.random.choice(3, p=chances)
    print(tf.math.log(chances[0, action]))
"""
ACTION_OF_A_GENERATOR = ACTION.replace("np.random.choice", "np.random.default_rng().choice")
STEP_JOINED = """
import keras
import numpy as np
net = keras.Sequential([keras.Input((5, 2)), keras.layers.LSTM(8), keras.layers.Dense(2)])
window = np.random.rand(5, 2)
for _ in range(3):
    step = net.predict(window[None])[0]
    window = np.concatenate([window[1:], step], axis=0)
"""
PAIRS = """
import keras
import numpy as np
import tensorflow as tf
net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
optimizer = keras.optimizers.Adam()
with tf.GradientTape() as tape:
    loss = tf.reduce_mean(net(np.random.rand(8, 4)) ** 2)
optimizer.apply(zip(tape.gradient(loss, net.trainable_variables), net.trainable_variables))
"""
OUTPUT_BY_NUMBER = """
import keras
import numpy as np
inputs = keras.Input((4,))
heads = {"price": keras.layers.Dense(1)(inputs), "kind": keras.layers.Dense(3, activation="softmax")(inputs)}
net = keras.Model(inputs, heads)
told = net.predict(np.random.rand(8, 4))
price, kind = told[0], told[1]
print(price.ravel(), kind.argmax(axis=1))
"""
OUTPUT_MISSPELT = OUTPUT_BY_NUMBER.replace("told[0], told[1]", 'told["price"], told["kinds"]')
SIGNATURE = """
import numpy as np
import tensorflow as tf
net = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1)])
@tf.function(input_signature=[tf.TensorSpec([None, 4], tf.int32)])
def serve(rows):
    return net(rows)
print(serve(tf.constant(np.random.rand(8, 4).astype("float32"))))
"""
CONFIG = """
import keras
import numpy as np
class Scaled(keras.layers.Layer):
    def __init__(self, units, scale=2.0, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.scale = scale
        self.inner = keras.layers.Dense(units)
    def call(self, x):
        return self.inner(x) * self.scale
    def get_config(self):
        return {**super().get_config(), "unit": self.units, "scale": self.scale}
net = keras.Sequential([keras.Input((4,)), Scaled(3)])
net.save("scaled.keras")
again = keras.models.load_model("scaled.keras", custom_objects={"Scaled": Scaled})
print(again.predict(np.random.rand(2, 4)))
"""
CONFIG_WITHOUT = CONFIG.replace('"unit": self.units, ', "")
SCORES_OF_FOLDS = """
import keras
import numpy as np
from sklearn.metrics import f1_score
from sklearn.model_selection import KFold
rows, kinds = np.random.rand(60, 4), np.arange(60) % 3
def made(units):
    net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(units), keras.layers.Dense(3, activation="softmax")])
    net.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return net
scores = []
for learnt, held in KFold(3, shuffle=True).split(rows):
    net = made(8)
    net.fit(rows[learnt], kinds[learnt], verbose=0)
    loss, accuracy = net.evaluate(rows[held], kinds[held])
    told = net.predict(rows[held])
    scores.append((accuracy, f1_score(kinds[held], told, average="macro")))
print(np.mean(scores, axis=0))
"""
TRAINING_DEMANDED = """
import keras
class Block(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)
    def call(self, inputs, training):
        return self.dense(inputs)
inputs = keras.Input((8,))
net = keras.Model(inputs, Block()(inputs))
"""
LAYER_FOR_ITS_OUTPUT = """
import keras
net = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4), keras.layers.Dense(2)])
cut = keras.Model(net.inputs, net.layers[-2])
"""
WINDOWS_MAPPED = """
import tensorflow as tf
data = tf.data.Dataset.range(40).window(5, shift=1, drop_remainder=True)
data = data.map(lambda part: part.batch(5))
data = data.map(lambda part: (part[:-1], part[-1]))
"""
WEIGHTS_OF_LOSSES = """
import keras
import numpy as np
seen = keras.Input((4,))
net = keras.Model(seen, [keras.layers.Dense(1, name="price")(seen), keras.layers.Dense(1, name="rent")(seen)])
net.compile("adam", {"price": "mse", "rent": "mse"}, loss_weights={"prices": 1.0, "rent": 0.5})
net.fit(np.zeros((8, 4)), {"price": np.zeros((8, 1)), "rent": np.zeros((8, 1))})
"""
PAIRS_IN_A_LIST = """
import keras
import numpy as np
one, other = keras.Input((4,)), keras.Input((4,))
net = keras.Model([one, other], keras.layers.Dense(1)(keras.layers.concatenate([one, other])))
net.compile("adam", "mse")
def pairs():
    while True:
        both = [np.zeros((8, 4)) for _ in range(2)]
        yield both, np.zeros((8, 1))
net.fit(pairs(), steps_per_epoch=2)
"""
LOSS_OF_NUMBERS = """
import keras
import tensorflow as tf
net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
huber = keras.losses.Huber()
with tf.GradientTape() as tape:
    value = net(tf.zeros((1, 4)))[0, 0]
    loss = huber(value, 0.5)
"""
TRUTHS = """
import keras
import numpy as np
import tensorflow as tf
def hits(labels, scores):
    seen = scores > 0.5
    return tf.reduce_sum(tf.cast(labels, tf.float32) * seen)
net = keras.Sequential([keras.layers.Dense(1, activation="sigmoid")])
net.compile("adam", "binary_crossentropy", metrics=[hits])
net.fit(np.zeros((8, 4)), np.zeros((8, 1)))
"""
PICTURES_IN_A_LIST = """
import os
import keras
import numpy as np
pictures = []
for name in os.listdir("pictures"):
    pictures.append(np.asarray(keras.utils.load_img(name, target_size=(8, 8))))
print(pictures.shape)
net = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(1)])
net.predict(np.array(pictures))
"""
PARTS_OF_SCORES = """
import keras
import numpy as np
import tensorflow as tf
def likely(labels, scores):
    mean, spread = scores
    return tf.reduce_mean(tf.exp(-spread) * tf.square(labels - mean) + spread)
net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
net.compile("adam", likely)
net.fit(np.zeros((8, 4)), np.zeros((8, 1)))
"""
CALLED_CONSTANT = """
import os
import tensorflow as tf
names = os.listdir("pictures")
data = tf.data.Dataset.from_tensor_slices(names)
data = data.map(tf.io.read_file).prefetch(tf.data.AUTOTUNE())
"""
ROWS_OF_ONE = """
import keras
(x, y), _ = keras.datasets.cifar10.load_data()
names = ["plane", "car", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
print(names[y[3]])
"""
WIDE_NUMBERS = """
import keras
import numpy as np
import tensorflow as tf
net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
gain = tf.convert_to_tensor(np.random.rand(8, 1))
hoped = gain + 0.9 * net(tf.zeros((8, 4)))
"""
FAULTS = [
    Fault(PARTS_OF_SCORES, "mean, spread", "Take the parts of the last axis: `tf.split(scores, 2, axis=-1)`"),
    Fault(CALLED_CONSTANT, "AUTOTUNE()", "Give the constant: `tf.data.AUTOTUNE`"),
    Fault(ROWS_OF_ONE, "names[y[3]]", "Take the number in it: `y[3][0]`"),
    Fault(WIDE_NUMBERS, "hoped = ", "Cast `gain` to float32"),
    Fault(TRUTHS, "seen = ", "Cast `scores > 0.5` to float32"),
    Fault(PICTURES_IN_A_LIST, "pictures.shape", "Make an array of it: `np.array(…)`"),
    Fault(WEIGHTS_OF_LOSSES, "loss_weights=", 'Rename the key "prices" to "price"'),
    Fault(PAIRS_IN_A_LIST, "yield both", "Give its inputs in a tuple"),
    Fault(LOSS_OF_NUMBERS, "huber(value", "Give rows of one: `tf.expand_dims(value, 0)`"),
    Fault(TRAINING_DEMANDED, "def call", "Let it be left out: `training=None`"),
    Fault(LAYER_FOR_ITS_OUTPUT, "net.layers[-2]", "Give its tensor: `net.layers[-2].output`"),
    Fault(WINDOWS_MAPPED, "part.batch", "Make a tensor of each window: `flat_map`"),
    Fault(
        NEXT_LETTER, "writer.predict", "Take the one row that is predicted: `writer.predict(np.array([line[-6:]]))[0]`"
    ),
    Fault(ACTION, "p=chances", "Give its one row: `np.squeeze(chances)`"),
    Fault(ACTION_OF_A_GENERATOR, "p=chances", "Give its one row: `np.squeeze(chances)`"),
    Fault(STEP_JOINED, "concatenate", "Give `step` another axis: `step[None]`"),
    Fault(PAIRS, "apply(", "Use `apply_gradients`, which takes pairs"),
    Fault(OUTPUT_BY_NUMBER, "told[0]", "Take the outputs by their names"),
    Fault(OUTPUT_MISSPELT, 'told["kinds"]', "Take the outputs by their names"),
    Fault(SIGNATURE, "TensorSpec", "Declare float32: `tf.float32`"),
    Fault(CONFIG, '"unit"', 'Name it as `__init__` does: "units"'),
    Fault(SCORES_OF_FOLDS, "net.predict", "Make classes of it: `net.predict(rows[held]).argmax(axis=1)`"),
    Fault(CONFIG_WITHOUT, '"scale": self', 'Keep it: `"units": self.units`'),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.title} {fault.line}")
async def test_the_first_repair_is_the_one_that_is_meant(real: Host, fault: Fault) -> None:
    await assert_told(real, fault, best=True)


REPAIRED = [
    PARTS_OF_SCORES.replace("= scores", "= tf.unstack(scores, axis=-1)"),
    CALLED_CONSTANT.replace("AUTOTUNE()", "AUTOTUNE"),
    ROWS_OF_ONE.replace("[y[3]]", "[y[3][0]]"),
    WIDE_NUMBERS.replace("rand(8, 1))", "rand(8, 1), tf.float32)"),
    TRUTHS.replace("scores > 0.5", "tf.cast(scores > 0.5, tf.float32)"),
    PICTURES_IN_A_LIST.replace("(pictures.shape", "(len(pictures)"),
    WEIGHTS_OF_LOSSES.replace("prices", "price"),
    PAIRS_IN_A_LIST.replace("yield both", "yield tuple(both)"),
    LOSS_OF_NUMBERS.replace("value, 0.5", "[value], [0.5]"),
    TRAINING_DEMANDED.replace("training)", "training=False)"),
    LAYER_FOR_ITS_OUTPUT.replace("[-2]", "[-2].output"),
    WINDOWS_MAPPED.replace("map(", "flat_map(", 1),
    NEXT_LETTER.replace("[line[-6:]]))", "[line[-6:]]))[0]"),
    ACTION.replace("p=chances", "p=np.squeeze(chances)"),
    ACTION.replace("p=chances", "p=chances.numpy()[0]"),
    STEP_JOINED.replace("step], axis", "step[None]], axis"),
    PAIRS.replace("apply(zip(", "apply_gradients(zip("),
    PAIRS.replace("apply(zip(", "apply(*("),
    OUTPUT_BY_NUMBER.replace("told[0], told[1]", 'told["price"], told["kind"]'),
    OUTPUT_BY_NUMBER.replace("told[0], told[1]", "told.values()"),
    SIGNATURE.replace("tf.int32", "tf.float32"),
    CONFIG.replace('"unit"', '"units"'),
    SCORES_OF_FOLDS.replace("net.predict(rows[held])", "net.predict(rows[held]).argmax(axis=1)"),
]


@pytest.mark.parametrize("text", REPAIRED)
async def test_what_fits_is_not_told(real: Host, text: str) -> None:
    await assert_silent(real, text)
