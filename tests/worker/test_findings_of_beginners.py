"""Faults of first programs: outputs that cannot be what the loss compares, names that nothing defines, files of another
form, data that are empty, and programs of an older Keras."""

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
IMPORT_MISSING = """
import numpy as np
from tensorflow.keras.models import Sequential
from tensorflow.keras.layers import Dense, Flatten
model = Sequential([Conv2D(4, 3, input_shape=(8, 8, 1)), Flatten(), Dense(1)])
model.compile("adam", "mse")
model.fit(np.zeros((10, 8, 8, 1)), np.zeros(10))
"""
NOT_IN_THE_CALL = """
import keras
class Twice(keras.layers.Layer):
    def call(self, inputs):
        output = inputs * 2
        return outputs
model = keras.Sequential([keras.Input((4,)), Twice()])
"""
UNCOUNTED = """
import tensorflow as tf
class Line(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.slope = tf.Variable(tf.random.normal([2, 1]))
        self.start = tf.Variable(tf.zeros([1]))
    def call(self, x):
        return tf.matmul(x, self.slope) + self.start
line, optimizer = Line(), tf.keras.optimizers.SGD(0.01)
x, y = tf.ones((3, 2)), tf.ones((3, 1))
for step in range(10):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(y - line(x)))
    gradients = tape.gradient(loss, line.trainable_variables)
    optimizer.apply_gradients(zip(gradients, line.trainable_variables))
"""
SAVED_MODEL = """
import tensorflow as tf
model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1)])
tf.saved_model.save(model, "best")
again = tf.keras.models.load_model("best")
"""
CHECKPOINT = """
import keras
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.load_weights("training_1/cp.ckpt")
"""
METHOD_OF_ARRAYS = """
import keras
class Product(keras.layers.Layer):
    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], 4))
    def call(self, x):
        return x.dot(self.kernel)
model = keras.Sequential([keras.Input((5,)), Product()])
"""
NEVER_FITTED = """
import keras
import numpy as np
from sklearn.preprocessing import MinMaxScaler
model = keras.Sequential([keras.Input((10,)), keras.layers.Dense(1)])
scaler = MinMaxScaler()
rows = scaler.transform(np.arange(10).reshape(1, -1))
print(model.predict(rows))
"""
KERNELS_REPLACED = """
import keras
import numpy as np
import tensorflow as tf
model = keras.Sequential([keras.Input((10,)), keras.layers.Dense(4), keras.layers.Dense(1)])
for layer in model.layers:
    layer.kernel = tf.Variable(np.random.uniform(0, 1, layer.kernel.shape))
"""
NAME_OF_KERAS = """
import keras
import numpy as np
class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.output = keras.layers.Dense(1)
    def call(self, x):
        return self.output(x)
net = Net()
net.compile("adam", "mse")
net.fit(np.zeros((8, 3)), np.zeros((8, 1)))
"""
UNEVEN_BATCH = """
import keras
import numpy as np
class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 3
    def __getitem__(self, index):
        return np.random.rand(32, 4), np.random.randint(0, 3, 30)
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
model.compile("adam", "sparse_categorical_crossentropy")
model.fit(Batches())
"""
UNEVEN_YIELD = """
import keras
import numpy as np
def batches():
    while True:
        yield np.random.rand(32, 4), np.random.rand(30, 1)
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile("adam", "mse")
model.fit(batches(), steps_per_epoch=3)
"""
SETTINGS = """
import keras
SETTINGS = {"features": 16, "hiddens": [64, 32]}
model = keras.Sequential([keras.Input((SETTINGS["features"],))])
for units in SETTINGS["hidden"]:
    model.add(keras.layers.Dense(units))
"""
SAVED_AS_A_FOLDER = """
import tensorflow as tf
model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1)])
model.save("first", save_format="tf")
again = tf.keras.models.load_model("first")
"""
SAVED_IN_A_FOLDER = """
import os
import keras
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.save(os.path.join("out", "best"))
"""
EACH_EPOCH = """
import keras
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
for epoch in range(2):
    model.save_weights(f"out/{epoch}.ckpt")
"""
LAYERS = """
import keras
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), keras.layers.Dense(1)])
features = keras.Model(model.inputs, model.layers[4].output)
"""
NO_BIAS = """
import keras
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, use_bias=False, name="first")])
print(model.get_layer("first").get_weights()[1])
"""
CONFIGURED = """
import keras
class Twice(keras.layers.Layer):
    def call(self, x):
        return 2 * x
model = keras.Sequential([keras.Input((4,)), Twice()])
again = keras.Sequential.from_config(model.get_config())
"""
CLONED = """
import keras
def waves(x):
    return keras.ops.sin(x)
given = keras.Input((4,))
model = keras.Model(given, keras.layers.Lambda(waves)(given))
again = keras.models.clone_model(model)
"""
OWN_LAYERS = """
import keras
class Stack(keras.Model):
    def __init__(self):
        super().__init__()
        self.layers = [keras.layers.Dense(3)]
    def call(self, x):
        for layer in self.layers:
            x = layer(x)
        return x
stack = Stack()
"""
NAMES = [
    Fault(SAVED_AS_A_FOLDER, '"first", save', 'Name it "first.keras"'),
    Fault(SAVED_IN_A_FOLDER, "os.path.join", 'Name it "best.keras"'),
    Fault(EACH_EPOCH, "ckpt", 'Name it "out/{epoch}.weights.h5"'),
    Fault(LAYERS, "layers[4]", "Take the last: `model.layers[-1]`"),
    Fault(NO_BIAS, "get_weights", "Take the last: `model.get_layer('first').get_weights()[-1]`"),
    Fault(CONFIGURED, "from_config", "Tell Keras of `Twice`: `custom_objects`"),
    Fault(CLONED, "def waves", "Register `waves`: `@keras.saving.register_keras_serializable()`"),
    Fault(OWN_LAYERS, "self.layers =", "Call it `self.own_layers`"),
    Fault(SETTINGS, 'in SETTINGS["hidden"]', 'Ask for "hiddens"'),
    Fault(UNEVEN_BATCH, "randint(0, 3, 30)", "Keep 30 samples of each part"),
    Fault(UNEVEN_YIELD, "rand(30, 1)", "Change 30 to 32 in `np.random.rand(30, 1)`"),
    Fault(NAME_OF_KERAS, "self.output =", "Call it `self.output_layer`"),
    Fault(KERNELS_REPLACED, "layer.kernel =", "Give it the values: `layer.kernel.assign(…)`"),
    Fault(NOT_IN_THE_CALL, "return outputs", "Write `output`"),
    Fault(UNCOUNTED, "self.slope", "Use `tf.keras.Variable`"),
    Fault(SAVED_MODEL, "load_model", 'Name it "best.keras"'),
    Fault(CHECKPOINT, "load_weights", 'Name it "training_1/cp.weights.h5"'),
    Fault(METHOD_OF_ARRAYS, "x.dot", "Use `keras.ops.matmul`"),
    Fault(NEVER_FITTED, "scaler.transform", "Fit it on these data: `fit_transform`"),
]
NO_WINDOWS = """
import keras
import numpy as np
data, windows, values = np.zeros((30, 3)), [], []
for end in range(60, len(data)):
    windows.append(data[end - 60 : end])
    values.append(data[end, 0])
windows, values = np.array(windows), np.array(values)
model = keras.Sequential([keras.Input((60, 3)), keras.layers.LSTM(8), keras.layers.Dense(1)])
model.compile("adam", "mse")
model.fit(windows, values)
"""
CAUGHT = """
import keras
import numpy as np
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile("adam", "mse")
try:
    model.fit(np.zeros((8, 5)), np.zeros(8))
except ValueError as error:
    print(error)
"""
STEPS_KEPT = """
import keras
import numpy as np
import tensorflow as tf
model = keras.Sequential([keras.Input((32, 32, 1)), keras.layers.Conv2D(16, 5), keras.layers.Flatten()])
model.add(keras.layers.Dense(1))
def drawn(x, steps):
    kept = []
    for _ in range(steps):
        with tf.GradientTape() as tape:
            tape.watch(x)
            worth = model(x)
        x += 0.1 * tape.gradient(worth, x)
        kept.append(x)
    return tf.stack(kept)
steps = drawn(tf.zeros((10, 32, 32, 1)), 1000)
print(steps[300].numpy())
model.compile("adam", "mse")
losses = []
while len(losses) < 50:
    losses.append(model.train_on_batch(np.zeros((4, 32, 32, 1)), np.zeros((4, 1))))
print(losses[20])
"""
COUNTED_IN_A_LOOP = """
import keras
import numpy as np
model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(3)])
x, total, step = np.zeros((100, 8)), 0, 0
for start in range(0, 100, 10):
    found = model.predict(x[start : start + 10])
    total += len(found)
    step = step + 1
print(np.zeros((total, 3)) + np.ones((100, 3)), list("abcdefghij")[step - 1])
wide = keras.Sequential([keras.Input((total,)), keras.layers.Dense(3)])
wide.predict(np.zeros((4, 100)))
"""
IN_BATCHES = """
import keras
import numpy as np
x, y = np.random.rand(200, 10), np.random.randint(0, 2, 200)
model = keras.Sequential([keras.Input((10,)), keras.layers.Dense(1, activation="sigmoid")])
model.compile("adam", "binary_crossentropy")
model.fit(x, y)
found = []
for start in range(0, len(x), 64):
    found.extend((model.predict(x[start : start + 64]) > 0.5).astype(int).flatten())
print(np.mean(np.array(found) == y))
"""
LEARNT_ELSEWHERE = """
import keras
import numpy as np
from nowhere import rows
from sklearn.decomposition import PCA
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
parts = PCA(3)
parts.fit(rows)
print(model.predict(parts.transform(np.zeros((3, 4)))))
"""
GIVEN_BY_A_STAR = IMPORT_MISSING.replace("import numpy as np", "import numpy as np\nfrom nowhere import *")
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


@pytest.mark.parametrize("fault", NAMES, ids=lambda fault: fault.title)
async def test_what_is_not_there_is_told(real: Host, fault: Fault) -> None:
    await assert_told(real, fault)


async def test_what_a_statement_binds_is_not_there_before_it(real: Host) -> None:
    text = "import keras\nrows = rows / 255\nmodel = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])\n"
    (error,) = await catalogue.findings(real, "itself", text, tried=False)
    assert (error.code, error.span.line) == ("undefined-name", 2)


async def test_a_module_that_cannot_say_what_it_has_ends_nothing(real: Host) -> None:
    text = (
        "import tensorflow as tf\nclass Own(tf.compat.v1.layers.Layer):\n    pass\n"
        "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1)])\nmodel.fit(tf.zeros((8, 4)))\n"
    )
    told = await catalogue.findings(real, "lazy", text, tried=False)
    assert [item.span.line for item in told if item.severity is Severity.ERROR] == [2, 5]


async def test_data_without_a_sample_are_told_where_they_are_made(real: Host) -> None:
    (error,) = await catalogue.findings(real, "empty", NO_WINDOWS, tried=False)
    assert (error.code, error.span.line) == ("sample-count", 8)
    assert error.message.startswith("`windows` is empty")


@pytest.mark.parametrize("again", [False, True])
async def test_what_the_program_catches_is_no_more_than_information(real: Host, again: bool) -> None:
    text = CAUGHT.replace("print(error)", "raise") if again else CAUGHT
    (told,) = await catalogue.findings(real, "caught", text, tried=False)
    assert told.severity is (Severity.ERROR if again else Severity.INFORMATION)


@pytest.mark.parametrize(
    "text",
    [
        IN_BATCHES,
        STEPS_KEPT,
        COUNTED_IN_A_LOOP,
        SAVED_AS_A_FOLDER.replace('"first"', '"first.keras"'),
        LAYERS.replace("[4]", "[-2]"),
        LAYERS.replace("features", "for n in open('sizes'):\n    model.add(keras.layers.Dense(n))\nfeatures"),
        NO_BIAS.replace("use_bias=False", "use_bias=True"),
        "import keras\nfirst = keras.layers.Dense(3)\nfirst(open('rows').read())\nprint(first.get_weights()[0])\n",
        CONFIGURED.replace("get_config())", "get_config(), {'Twice': Twice})"),
        SETTINGS.replace("hiddens", "hidden"),
        SETTINGS.replace('for units in SETTINGS["hidden"]', 'for units in SETTINGS.get("hidden", [8])'),
        UNEVEN_BATCH.replace("30)", "32)"),
        UNEVEN_YIELD.replace("30, 1", "32, 1"),
        NAME_OF_KERAS.replace("self.output", "self.out"),
        LEARNT_ELSEWHERE,
        GIVEN_BY_A_STAR,
        UNCOUNTED.replace("tf.Variable", "tf.keras.Variable"),
        IMPORT_MISSING.replace("import Dense", "import Conv2D, Dense"),
        SAVED_MODEL.replace("tf.saved_model.save(model, ", "model.save(").replace('"best"', '"best.keras"'),
        SAVED_MODEL.replace("again = ", "try:\n    again = ") + "except ValueError:\n    again = model\n",
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
