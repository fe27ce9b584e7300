"""Faults whose line only a trial finds: the repair that holds stands elsewhere than what raised."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from kls import check, plan, repairs
from kls.documents import Snapshot
from kls.facts import Edit, Fix, Span
from kls.host import Host
from kls.worker.protocol import Probe, Report
from tests.worker.faults import Fault, assert_told

pytestmark = [
    pytest.mark.tf,
    pytest.mark.asyncio(loop_scope="module"),  # one worker serves them all, and belongs to its loop
    pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs Linux"),
]


ODD_PADDING = """
import keras
from keras import layers
def block(x, filters):
    inner = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    inner = layers.Conv2D(filters, 3)(inner)
    shortcut = layers.Conv2D(filters, 1, padding="same")(x)
    return layers.Add()([shortcut, inner])
block(keras.Input((16, 16, 3)), 8)
"""
LABELS_FIRST = """
import keras
import numpy as np
import tensorflow as tf
rows = np.random.rand(40, 6).astype("float32")
labels = np.arange(40) % 7
model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(8), keras.layers.Dense(7, activation="softmax")])
model.compile("adam", "sparse_categorical_crossentropy")
pairs = tf.data.Dataset.from_tensor_slices((rows, labels))
pairs = pairs.map(lambda row, label: (label, row)).batch(8)
model.fit(pairs)
"""
TWICE_BEHIND = """
import numpy as np
steps, raw_train, raw_test = 50, np.zeros((121, 350)), np.zeros((40, 350))
channels = 6
x_train = raw_train.reshape((-1, steps, channels))
x_test = raw_test.reshape((-1, steps, channels))
"""
GROWN_TOO_LARGE = """
import keras
import numpy as np
from keras import layers
generator = keras.Sequential([keras.Input((20,))])
generator.add(layers.Dense(8 * 8 * 64))
generator.add(layers.Reshape((8, 8, 64)))
generator.add(layers.Conv2DTranspose(32, 4, strides=2, padding="same"))
generator.add(layers.Conv2DTranspose(1, 4, strides=2, padding="same"))
judge = keras.Sequential([keras.Input((28, 28, 1)), layers.Flatten(), layers.Dense(1, activation="sigmoid")])
judge.compile("adam", "binary_crossentropy")
both = keras.Sequential([generator, judge])
both.compile("adam", "binary_crossentropy")
noise, real = np.random.normal(size=(16, 20)), np.zeros((16, 28, 28, 1))
judge.train_on_batch(np.concatenate([real, generator.predict(noise)]), np.concatenate([np.ones(16), np.zeros(16)]))
both.train_on_batch(noise, np.ones(16))
"""
VERSION_ONE = """
import tensorflow as tf
tf.set_random_seed(1)
given = tf.placeholder(tf.float32, [None, 2])
weights = tf.Variable(tf.random_normal([2, 1]))
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    print(session.run(tf.matmul(given, weights), {given: [[1.0, 2.0]]}))
"""
STATE_AMONG_STEPS = """
import keras
import tensorflow as tf
class Attention(keras.layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.one, self.other, self.score = keras.layers.Dense(units), keras.layers.Dense(units), keras.layers.Dense(1)
    def call(self, state, steps):
        score = self.score(tf.nn.tanh(self.one(state) + self.other(steps)))
        return tf.reduce_sum(tf.nn.softmax(score, axis=1) * steps, axis=1)
class Decoder(keras.Model):
    def __init__(self):
        super().__init__()
        self.embedding, self.attention = keras.layers.Embedding(50, 8), Attention(16)
        self.gru = keras.layers.GRU(16)
    def call(self, words, state, steps):
        seen = self.attention(state, steps)
        words = self.embedding(words)
        return self.gru(tf.concat([seen, words], axis=-1))
Decoder()(tf.zeros((4, 1), tf.int32), tf.zeros((4, 16)), tf.zeros((4, 6, 16)))
"""
PICTURES_BEHIND_ROWS = """
import keras
import numpy as np
class Coder(keras.Model):
    def __init__(self):
        super().__init__()
        self.coder = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(16), keras.layers.Dense(64)])
    def call(self, pictures):
        return self.coder(pictures) * 1.0
pictures = np.random.rand(32, 8, 8)
model = Coder()
model.compile("adam", "mse")
model.fit(pictures, pictures)
"""
OLD_GENERATOR = """
import keras
import numpy as np
model = keras.Sequential([keras.Input((64, 64, 3)), keras.layers.Flatten(), keras.layers.Dense(1)])
model.compile("adam", "mse")
def draw():
    while True:
        yield np.zeros((4, 32, 32, 3)), np.zeros(4)
model.fit_generator(draw(), steps_per_epoch=2)
"""
STATES_TOO = """
import keras
from keras import layers
words = keras.Input((20,), dtype="int32")
states = layers.LSTM(16, return_state=True)(layers.Embedding(50, 8)(words))
scores = layers.Dense(2)(states)
"""
PREDICTIONS_FIRST = """
import keras
import numpy as np
import tensorflow as tf
model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(8), keras.layers.Dense(7)])
loss_function = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
@tf.function
def step(rows, labels):
    logits = model(rows, training=True)
    return loss_function(logits, labels)
data = tf.data.Dataset.from_tensor_slices((np.random.rand(40, 6).astype("float32"), np.arange(40) % 7)).batch(8)
for rows, labels in data:
    loss = step(rows, labels)
"""
EMBEDDING_SECOND = """
import keras
import numpy as np
from keras import layers
model = keras.Sequential([
    keras.Input((25,), dtype="int32"),
    layers.Conv1D(32, 5, activation="relu"),
    layers.Embedding(500, 16),
    layers.GlobalMaxPooling1D(),
    layers.Dense(1, activation="sigmoid"),
])
model.compile("adam", "binary_crossentropy")
model.fit(np.zeros((8, 25), "int32"), np.zeros((8, 1)))
"""
PICTURES_AMONG_STEPS = """
import keras
from keras import layers
model = keras.Sequential()
model.add(layers.Conv1D(32, 5, activation="relu", input_shape=(100, 4)))
model.add(layers.MaxPooling2D(2))
model.add(layers.Conv1D(64, 3, activation="relu"))
"""
TWO_DATA_SETS = """
import keras
import numpy as np
from keras import layers
train, labels = np.zeros((60, 16, 16, 3), "float32"), np.arange(60) % 4
test, truth = np.zeros((20, 16, 16, 3), "float32"), np.arange(20) % 4
train = train.reshape(-1, 16 * 16 * 3)
test = test.reshape(-1, 16 * 16 * 3)
model = keras.Sequential([keras.Input((16, 16, 3)), layers.Conv2D(8, 3), layers.Flatten(), layers.Dense(4)])
model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
model.fit(train, labels, validation_data=(test, truth))
"""
CLASSES_OF_ONE_HEAD = """
import keras
import numpy as np
from keras import layers
rows = keras.Input((6,))
price = layers.Dense(1, name="price")(rows)
kind = layers.Dense(4, activation="softmax", name="kind")(rows)
model = keras.Model(rows, [price, kind])
model.compile("adam", {"price": "mse", "kind": "categorical_crossentropy"})
model.fit(np.zeros((40, 6)), {"price": np.zeros((40, 1)), "kind": np.arange(40).reshape(-1, 1) % 4})
"""
SHORTCUT = """
import keras
from keras import layers
class Block(layers.Layer):
    def __init__(self, filters, strides=1):
        super().__init__()
        self.first = layers.Conv2D(filters, 3, strides=strides, padding="same")
        self.second = layers.Conv2D(filters, 3, padding="same")
    def call(self, x):
        y = self.second(keras.activations.relu(self.first(x)))
        return keras.activations.relu(x + y)
model = keras.Sequential([keras.Input((32, 32, 3)), layers.Conv2D(16, 3), Block(16), Block(32, strides=2)])
"""
WIDE_BLOCK = """
import keras
import numpy as np
from keras import layers
def block(x, width):
    inner = layers.Dense(64, activation="relu")(x)
    inner = layers.Dense(width)(inner)
    return x + inner
steps = keras.Input((60, 24))
model = keras.Model(steps, layers.Dense(1)(layers.GlobalAveragePooling1D()(block(steps, 8 * 4))))
model.compile("adam", "mse")
model.fit(np.zeros((8, 60, 24)), np.zeros((8, 1)))
"""
JOINED_AXIS = """
import keras
from keras import layers
def dense_block(x, growth):
    for _ in range(3):
        y = layers.Conv2D(growth, 3, padding="same", activation="relu")(x)
        x = layers.Concatenate(axis=1)([x, y])
    return x
dense_block(layers.Conv2D(16, 3, padding="same")(keras.Input((32, 32, 3))), 12)
"""
REPEATED = """
import keras
import numpy as np
from keras import layers
inputs = keras.Input((20, 6))
steps = layers.LSTM(32, return_sequences=True)(inputs)
weights = layers.Softmax()(layers.Flatten()(layers.Dense(1, activation="tanh")(steps)))
weights = layers.RepeatVector(64)(weights)
weights = layers.Permute((2, 1))(weights)
model = keras.Model(inputs, layers.Dense(1)(layers.Flatten()(layers.Multiply()([steps, weights]))))
"""
BATCHED_ALREADY = """
import keras
import numpy as np
windows = keras.utils.timeseries_dataset_from_array(np.zeros((200, 3)), np.zeros((200, 2)), sequence_length=16)
model = keras.Sequential([keras.Input((16, 3)), keras.layers.GRU(16), keras.layers.Dense(2)])
model.compile("adam", "mae")
model.fit(windows.batch(4))
"""
WEIGHTS_OF_CLASSES = """
import keras
import numpy as np
import tensorflow as tf
class Weighted(keras.losses.Loss):
    def __init__(self, weights):
        super().__init__()
        self.weights = tf.constant(weights)
    def call(self, y_true, y_pred):
        each = keras.losses.categorical_crossentropy(y_true, y_pred)
        return each * tf.reduce_sum(y_true * self.weights, axis=-1)
model = keras.Sequential([keras.Input((10,)), keras.layers.Dense(4, activation="softmax")])
model.compile("adam", Weighted([1.0, 2.0, 3.0]))
model.fit(np.zeros((20, 10)), keras.utils.to_categorical(np.arange(20) % 4, 4))
"""
OTHER_ATTRIBUTE = """
import keras
import numpy as np
class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.first = keras.layers.Dense(32)
        self.second = keras.layers.Dense(3)
    def call(self, x):
        return self.last(self.first(x))
net = Net()
net.compile("adam", "mse")
net.fit(np.zeros((10, 8)), np.zeros((10, 3)))
"""
MAPPED_TO_NOTHING = """
import keras
import numpy as np
import tensorflow as tf
def halved(features, label):
    features = features / 2.0
pairs = tf.data.Dataset.from_tensor_slices((np.zeros((8, 12)), np.zeros(8)))
pairs = pairs.map(halved).batch(4)
"""
LABELS_IN_A_LOOP = """
import keras
import numpy as np
import tensorflow as tf
labels = np.arange(64) % 10
data = tf.data.Dataset.from_tensor_slices((np.zeros((64, 8), "float32"), tf.one_hot(labels, 10))).batch(32)
model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(10)])
loss_function = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
accuracy = keras.metrics.SparseCategoricalAccuracy()
@tf.function
def step(x, y):
    output = model(x, training=True)
    accuracy.update_state(y, output)
    return loss_function(y, output)
for x, y in data:
    print(step(x, y))
"""
TURNED_PATCHES = """
import keras
from keras import layers
inputs = keras.Input((32, 32, 3))
patches = layers.Conv2D(48, 4, strides=4)(inputs)
patches = layers.Reshape((48, 64))(patches)
encoded = patches + layers.Embedding(64, 48)(keras.ops.arange(64))
model = keras.Model(inputs, layers.Dense(10)(layers.GlobalAveragePooling1D()(encoded)))
"""
PICTURES_IN_A_LOOP = """
import keras
import numpy as np
import tensorflow as tf
pictures = np.zeros((64, 28, 28), "float32")
convolution = keras.layers.Conv2D(4, 3)
for batch in tf.data.Dataset.from_tensor_slices(pictures).batch(32):
    print(convolution(batch).shape)
"""
TENSORS_EXCHANGED = """
import keras
import numpy as np
from keras import layers, ops
class Attention(layers.Layer):
    def __init__(self):
        super().__init__()
        self.first, self.second, self.score = layers.Dense(8), layers.Dense(8), layers.Dense(1)
    def call(self, query, values):
        seen = self.first(ops.expand_dims(query, 1)) + self.second(values)
        return ops.sum(ops.softmax(self.score(ops.tanh(seen)), axis=1) * values, axis=1)
inputs = keras.Input((12, 16))
steps, state = layers.GRU(16, return_sequences=True, return_state=True)(inputs)
context = Attention()(steps, state)
model = keras.Model(inputs, layers.Dense(3)(context))
model.compile("sgd", "mse")
model.fit(np.zeros((64, 12, 16)), np.zeros((64, 3)))
"""
PICTURES_OF_A_GENERATOR = """
import numpy as np
from tensorflow.keras.layers import Conv2D, Dense, Flatten
from tensorflow.keras.models import Sequential
from tensorflow.keras.preprocessing.image import ImageDataGenerator
pictures = np.random.rand(50, 28, 28)
model = Sequential([Conv2D(8, 3, input_shape=(28, 28, 1)), Flatten(), Dense(1, activation="sigmoid")])
model.compile("sgd", "binary_crossentropy")
model.fit(ImageDataGenerator(rotation_range=10).flow(pictures, np.zeros(50), batch_size=10))
"""
WINDOWS = """
import keras
import numpy as np
import tensorflow as tf
data = tf.data.Dataset.from_tensor_slices(np.zeros(1000, "float32"))
data = data.window(21, shift=1, drop_remainder=True)
data = data.map(lambda window: (window[:-1], window[-1:])).batch(32)
model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(data)
"""
SPARSE_LABELS = """
import keras
import numpy as np
from sklearn.preprocessing import OneHotEncoder
kinds = np.array(["cat", "dog", "fish"] * 40).reshape(-1, 1)
labels = OneHotEncoder().fit_transform(kinds)
model = keras.Sequential([keras.Input((10,)), keras.layers.Dense(3, activation="softmax")])
model.compile("sgd", "categorical_crossentropy")
model.fit(np.zeros((120, 10)), labels)
"""
NARROW_GATE = """
import keras
from keras import layers
def gated(x):
    channels = x.shape[-1]
    gate = layers.GlobalAveragePooling2D()(x)
    gate = layers.Dense(channels // 2, activation="sigmoid")(gate)
    return layers.Multiply()([x, gate])
inputs = keras.Input((32, 32, 64))
model = keras.Model(inputs, gated(inputs))
"""
CHANNELS_FIRST = """
import numpy as np
from keras import Sequential, layers
pictures = np.zeros((100, 3, 32, 32))
model = Sequential([layers.Conv2D(8, 3, input_shape=(3, 32, 32)), layers.MaxPooling2D()])
model.add(layers.Flatten())
model.add(layers.Dense(10))
model.compile("sgd", "mse")
model.fit(pictures, np.zeros((100, 10)))
"""
POOLED_TWICE = """
import keras
base = keras.applications.MobileNetV2(include_top=False, weights=None, input_shape=(96, 96, 3), pooling="avg")
pooled = keras.layers.GlobalAveragePooling2D()(base.output)
model = keras.Model(base.input, keras.layers.Dense(5)(pooled))
"""
CLASSES_OF_FOLDERS = """
from tensorflow.keras.layers import Conv2D, Dense, Flatten
from tensorflow.keras.models import Sequential
from tensorflow.keras.preprocessing.image import ImageDataGenerator
pictures = ImageDataGenerator(rescale=1 / 255).flow_from_directory("pictures", classes=["a", "b"], target_size=(64, 64))
model = Sequential([Conv2D(8, 3, input_shape=(64, 64, 3)), Flatten(), Dense(1, activation="sigmoid")])
model.compile("sgd", "binary_crossentropy")
model.fit(pictures)
"""
LABELS_OF_BATCHES = """
import keras
import numpy as np
class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 4
    def __getitem__(self, number):
        return np.zeros((8, 5)), np.zeros(8, "int32")
model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(4, activation="softmax")])
model.compile("sgd", "categorical_crossentropy")
model.fit(Batches())
"""
SMALL_DECODER = """
import keras
import numpy as np
from keras import layers
inputs = keras.Input((100, 100, 3))
code = layers.Dense(64)(layers.Flatten()(inputs))
grown = layers.Dense(7 * 7 * 8)(code)
grown = layers.Reshape((7, 7, 8))(grown)
grown = layers.Conv2DTranspose(8, 3, strides=2, padding="same")(grown)
model = keras.Model(inputs, layers.Conv2DTranspose(3, 3, strides=2, padding="same")(grown))
model.compile("sgd", "mse")
pictures = np.zeros((32, 100, 100, 3))
model.fit(pictures, pictures)
"""
LABELS_AMONG_FEATURES = """
import keras
import numpy as np
import tensorflow as tf
table = {"height": np.zeros((64, 1)), "width": np.zeros((64, 1)), "kind": np.zeros(64)}
data = tf.data.Dataset.from_tensor_slices(table).batch(16)
inputs = {name: keras.Input((1,), name=name) for name in ("height", "width")}
model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Concatenate()(list(inputs.values()))))
model.compile("sgd", "mse")
model.fit(data)
"""
TWO_WEIGHTS = """
import keras
class Scaled(keras.layers.Layer):
    def build(self, shape):
        self.factor = self.add_weight("factor", shape=(shape[-1],), initializer="ones")
        self.offset = self.add_weight("offset", shape=(shape[-1],), initializer="zeros")
    def call(self, x):
        return x * self.factor + self.offset
model = keras.Sequential([keras.Input((4,)), Scaled(), keras.layers.Dense(1)])
"""
STEPS_LOST = """
import keras
from keras import layers
inputs = keras.Input((128, 9))
steps = layers.Bidirectional(layers.LSTM(32))(inputs)
scores = layers.Dense(1, activation="tanh")(steps)
context = layers.Dot(axes=1)([layers.Softmax(axis=1)(scores), steps])
model = keras.Model(inputs, layers.Dense(6)(layers.Flatten()(context)))
"""
NOISE_OF_PICTURES = """
import keras
import numpy as np
import tensorflow as tf
critic = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(1)])
class Mixer(keras.Model):
    def __init__(self):
        super().__init__()
        self.critic = critic
    def train_step(self, real):
        count = tf.shape(real)[0]
        share = tf.random.uniform([count, 1])
        return {"score": tf.reduce_mean(self.critic(real * share))}
mixer = Mixer()
mixer.compile()
mixer.fit(np.random.rand(32, 8, 8, 1).astype("float32"), batch_size=16)
"""
LENGTH_OF_A_WEIGHT = """
import keras
import numpy as np
from keras import layers
STEPS = 24
class Bias(layers.Layer):
    def build(self, shape):
        self.bias = self.add_weight(name="bias", shape=(shape[1], 1))
    def call(self, x):
        return x + self.bias
words = keras.Input((None,))
steps = Bias()(layers.Embedding(50, 8)(words))
model = keras.Model(words, layers.Dense(1)(layers.GlobalAveragePooling1D()(steps)))
model.compile("adam", "mse")
texts = np.random.randint(0, 50, (40, STEPS))
model.fit(texts, np.random.rand(40, 1))
"""
PICTURES_OF_A_CLASS = """
import keras
import numpy as np
class Pictures(keras.utils.Sequence):
    def __init__(self, count, size=(16, 16), channels=3):
        super().__init__()
        self.count, self.size, self.channels = count, size, channels
    def __len__(self):
        return self.count // 8
    def __getitem__(self, index):
        rows = range(index * 8, (index + 1) * 8)
        X = np.zeros((len(rows), *self.size))
        y = np.array([row % 2 for row in rows])
        return X, y
model = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Flatten(), keras.layers.Dense(1)])
model.compile("adam", "mse")
model.fit(Pictures(32))
"""
STATES_AS_INPUTS = """
import keras
from keras import layers
source, words = keras.Input((None,)), keras.Input((None,))
embedding, decoder, scores = layers.Embedding(50, 8), layers.LSTM(16, return_state=True), layers.Dense(50)
_, first, second = layers.LSTM(16, return_state=True)(layers.Embedding(40, 8)(source))
output, _, _ = decoder(embedding(words), initial_state=[first, second])
model = keras.Model([source, words], scores(output))
hidden, cell = keras.Input((16,)), keras.Input((16,))
output, next_hidden, next_cell = decoder(embedding(words), initial_state=[hidden, cell])
step = keras.Model([words], [scores(output), next_hidden, next_cell])
"""
METRIC_OF_WEIGHTED_SAMPLES = """
import keras
import numpy as np
class Hits(keras.metrics.Metric):
    def __init__(self, name="hits"):
        super().__init__(name=name)
        self.hits = self.add_weight(name="hits", initializer="zeros")
    def update_state(self, y_true, y_pred):
        self.hits.assign_add(keras.ops.sum(keras.ops.cast(y_pred > 0.5, "float32")))
    def result(self):
        return self.hits
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, activation="sigmoid")])
model.compile("adam", "binary_crossentropy", weighted_metrics=[Hits()])
rows, answers = np.random.rand(40, 4), np.random.randint(0, 2, (40, 1))
model.fit(rows, answers, sample_weight=np.ones(40))
"""
CLASSES_FROM_ONE_IN_A_DATASET = """
import keras
import numpy as np
import tensorflow as tf
stars = [5, 1, 3, 2, 4] * 8
labels = keras.utils.to_categorical(stars)
pairs = tf.data.Dataset.from_tensor_slices((np.random.rand(40, 6), labels)).batch(8)
model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(5, activation="softmax")])
model.compile("adam", "categorical_crossentropy")
model.fit(pairs)
"""
WEIGHTS_OF_ALL_ROWS = """
import keras
import numpy as np
from sklearn.model_selection import train_test_split
rows, answers = np.random.rand(80, 4), np.random.randint(0, 2, 80)
weights = np.where(answers == 1, 3.0, 1.0)
x_train, x_test, y_train, y_test = train_test_split(rows, answers, test_size=0.25)
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, activation="sigmoid")])
model.compile("adam", "binary_crossentropy")
model.fit(x_train, y_train, sample_weight=weights, validation_data=(x_test, y_test))
"""
WORDS_IN_A_TABLE = """
import keras
import numpy as np
import pandas as pd
table = pd.DataFrame({"age": np.arange(40), "port": ["S", "C"] * 20, "survived": [0, 1] * 20})
rows = table.drop(columns="survived")
model = keras.Sequential([keras.layers.Dense(8), keras.layers.Dense(1, activation="sigmoid")])
model.compile("adam", "binary_crossentropy")
model.fit(rows, table["survived"])
"""
STATE_OF_AN_ENVIRONMENT = """
import keras
import numpy as np
class Agent:
    def __init__(self):
        self.model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
        self.model.compile("adam", "mse")
    def act(self, state):
        return int(np.argmax(self.model.predict(state, verbose=0)[0]))
def reset():
    return np.zeros(4)
agent = Agent()
state = reset()
for turn in range(3):
    action = agent.act(state)
    state = np.reshape(reset() + action, [1, 4])
"""
PRICES_OF_A_FILE = """
import numpy as np
import pandas as pd
from keras import Sequential, layers
prices = pd.read_csv("prices.csv")[["Close"]].values
windows, targets = [], []
for end in range(20, 200):
    windows.append(prices[end - 20:end, 0])
    targets.append(prices[end, 0])
windows = np.reshape(np.array(windows), (180, 20, 1))
model = Sequential()
model.add(layers.LSTM(50, input_shape=(20, 1)))
model.add(layers.LSTM(50))
model.add(layers.Dense(1))
model.compile("adam", "mse")
model.fit(windows, np.array(targets), epochs=1)
"""
LEARNT_TWICE = """
import keras
import numpy as np
from sklearn.feature_extraction.text import CountVectorizer
words = CountVectorizer()
train = words.fit_transform(["free money now", "lunch at noon", "win a prize", "see you at lunch"] * 5).toarray()
test = words.fit_transform(["a free lunch", "money"]).toarray()
model = keras.Sequential([keras.Input((train.shape[1],)), keras.layers.Dense(1, activation="sigmoid")])
model.compile("adam", "binary_crossentropy")
model.fit(train, np.array([1, 0, 1, 0] * 5))
model.evaluate(test, np.array([0, 1]))
"""
COLUMNS_OF_A_TABLE = """
import keras
import numpy as np
import pandas as pd
train = pd.get_dummies(pd.DataFrame({"town": ["A", "B", "C", "A"] * 5, "rooms": np.arange(20)}), dtype=float)
test = pd.get_dummies(pd.DataFrame({"town": ["A", "B"], "rooms": [1, 2]}), dtype=float)
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile("adam", "mse")
model.fit(train, np.random.rand(20))
model.predict(test)
"""
FEATURES_OF_A_BASE = """
import keras
import numpy as np
base = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(8, 3, strides=2, padding="same")])
known, pictures = np.random.rand(20, 8, 8, 3), np.random.rand(6, 8, 8, 3)
features = base.predict(pictures)
model = keras.Sequential([keras.Input((128,)), keras.layers.Dense(1)])
model.compile("adam", "mse")
model.fit(base.predict(known).reshape(20, 128), np.random.rand(20))
model.predict(pictures)
"""
SIZE_OF_NUMPY = """
import keras
import numpy as np
shape = (8, 8, 1)
model = keras.Sequential([keras.Input((16,))])
model.add(keras.layers.Dense(np.prod(shape)))
model.add(keras.layers.Reshape(shape))
"""
NAME_OF_A_FILE = """
import keras
best = keras.callbacks.ModelCheckpoint("best", monitor="val_loss")
"""
FLATTENED_STEPS = """
from keras import Sequential
from keras.layers import LSTM, Conv2D, Flatten, Input, TimeDistributed
model = Sequential()
model.add(Input((6, 16, 16, 3)))
model.add(TimeDistributed(Conv2D(8, 3)))
model.add(Flatten())
model.add(LSTM(16))
"""
SCALED_BACK = """
import keras
import numpy as np
from sklearn.preprocessing import MinMaxScaler
scaler = MinMaxScaler()
values = scaler.fit_transform(np.random.rand(60, 3))
windows = np.array([values[start:start + 10] for start in range(50)])
targets = values[10:, 2]
model = keras.Sequential([keras.Input((10, 3)), keras.layers.LSTM(8), keras.layers.Dense(1)])
model.compile("adam", "mse")
model.fit(windows, targets)
prices = scaler.inverse_transform(model.predict(windows))
"""
FOLDS_OF_CLASSES = """
import keras
import numpy as np
from sklearn.model_selection import StratifiedKFold
rows, answers = np.random.rand(60, 4), keras.utils.to_categorical(np.arange(60) % 3)
folds = StratifiedKFold(n_splits=3)
for train, test in folds.split(rows, answers):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    model.compile("adam", "categorical_crossentropy")
    model.fit(rows[train], answers[train], validation_data=(rows[test], answers[test]))
"""
ROWS_OF_PICTURES = """
import keras
import numpy as np
maker = keras.Sequential([keras.Input((4,)), keras.layers.Dense(64), keras.layers.Reshape((8, 8, 1))])
judge = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(1)])
judge.compile("adam", "mse")
def train(count):
    pictures = np.random.rand(64, 8, 8)
    real = pictures[np.random.randint(0, 64, count)]
    made = maker.predict(np.random.rand(count, 4))
    judge.train_on_batch(np.concatenate([real, made]), np.ones((2 * count, 1)))
train(16)
"""
LABELS_OF_THE_TEST = """
import keras
import numpy as np
x_train, x_test = np.random.rand(30, 4), np.random.rand(9, 4)
y_train, y_test = np.arange(30) % 3, np.arange(9) % 3
y_train = keras.utils.to_categorical(y_train, 3)
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
model.compile("adam", "categorical_crossentropy")
model.fit(x_train, y_train, validation_data=(x_test, y_test))
"""
CLASSES_OF_THE_DATA = """
import keras
import numpy as np
rows, answers = np.random.rand(40, 9), np.eye(4)[np.arange(40) % 4]
classes = rows.shape[1]
model = keras.Sequential([keras.Input((9,)), keras.layers.Dense(8), keras.layers.Dense(classes, activation="softmax")])
model.compile("adam", "categorical_crossentropy")
model.fit(rows, answers)
"""
TURNED_WEIGHTS = """
import keras
from keras import layers
steps = keras.Input((20, 8))
shares = layers.Softmax()(layers.Flatten()(layers.Dense(1)(steps)))
shares = layers.RepeatVector(8)(shares)
weighed = layers.Multiply()([steps, shares])
"""
VALIDATION_IN_SINGLES = """
import keras
import numpy as np
import tensorflow as tf
data = tf.data.Dataset.from_tensor_slices((np.random.rand(40, 8, 8, 1), np.random.rand(40, 1)))
train = data.take(32).batch(8)
test = data.skip(32)
model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3)])
model.add(keras.layers.Flatten())
model.add(keras.layers.Dense(1))
model.compile("adam", "mse")
model.fit(train, validation_data=test)
"""
PICTURES_AS_LABELS = """
import keras
import numpy as np
pictures = np.random.rand(32, 8, 8)
rows = pictures.reshape(32, 64)
model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(8), keras.layers.Dense(64, activation="sigmoid")])
model.compile("adam", "binary_crossentropy")
model.fit(rows, pictures)
"""
DEPTH_OF_ROWS = """
import keras
import numpy as np
import tensorflow as tf
sights, choices = 8, 4
actor = keras.Sequential([keras.Input((sights,)), keras.layers.Dense(16), keras.layers.Dense(choices)])
def chosen(scores, taken):
    return tf.reduce_sum(tf.one_hot(taken, sights) * scores, axis=1)
chances = chosen(actor(tf.random.uniform((32, sights))), np.arange(32) % choices)
"""
ONE_OF_EACH = """
import keras
import numpy as np
from keras import layers
picture, facts = keras.Input((8, 8, 1)), keras.Input((5,))
output = layers.Dense(1)(layers.Concatenate()([layers.Flatten()(picture), facts]))
model = keras.Model([picture, facts], output)
pictures, table = np.random.rand(20, 8, 8, 1), np.random.rand(20, 5)
model.compile("adam", "mse")
model.fit([pictures, table], np.random.rand(20))
model.predict([pictures[0], table[0]])
"""
PICTURE_TO_CHANGE = """
import keras
import tensorflow as tf
base = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Conv2D(4, 3)])
base.predict(tf.zeros((2, 16, 16, 3)))
content = tf.random.uniform((16, 16, 3))
picture = tf.Variable(content)
features = keras.Model(base.inputs, base.outputs)(picture)
"""
LAST_BATCH_OF_A_STATE = """
import keras
import numpy as np
rows, answers = np.random.rand(100, 10, 3), np.random.rand(100, 1)
model = keras.Sequential([keras.Input(batch_shape=(16, 10, 3)), keras.layers.LSTM(8, stateful=True)])
model.add(keras.layers.Dense(1))
model.compile("adam", "mse")
model.fit(rows, answers, batch_size=16)
"""
SKIPS_TO_THE_LAST = """
import keras
from keras import layers
steps = keras.Input((32, 32, 3))
skips, x = [], steps
for width in (4, 8, 16):
    x = layers.Conv2D(width, 3, strides=2, padding="same")(x)
    skips.append(x)
skips = reversed(skips)
for width, skip in zip((8, 4), skips):
    x = layers.Conv2DTranspose(width, 3, strides=2, padding="same")(x)
    x = layers.Concatenate()([x, skip])
"""
SIZES_MULTIPLIED = """
from keras import Sequential, layers
model = Sequential([layers.Input((20, 20, 1)), layers.Conv2D(64, 9, strides=2)])
model.add(layers.Reshape((6 * 6 * 16, 8)))
"""
WEIGHTS_OF_AN_ARRAY = """
import keras
import numpy as np
from sklearn.utils.class_weight import compute_class_weight
rows, answers = np.random.rand(60, 4), np.arange(60) % 3
weights = compute_class_weight("balanced", classes=np.unique(answers), y=answers)
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
model.compile("adam", "sparse_categorical_crossentropy")
model.fit(rows, answers, class_weight=weights)
"""
TURNED_KERNEL = """
import keras
import tensorflow as tf
class Mix(keras.layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.units = units
    def build(self, shape):
        self.kernel = self.add_weight(name="kernel", shape=(self.units, shape[-1]))
    def call(self, x):
        return tf.matmul(x, self.kernel)
mixed = Mix(8)(keras.Input((30,)))
scores = keras.layers.Dense(2)(mixed)
"""
BASE_AS_INPUT = """
import keras
from keras import layers
pictures = keras.Input((16, 16, 3))
base = keras.Model(pictures, layers.Flatten()(layers.Conv2D(4, 3)(pictures)))
scores = layers.Dense(5, activation="softmax")(base.output)
model = keras.Model(inputs=base, outputs=scores)
"""
ROWS_FOR_COLUMNS = """
import keras
import numpy as np
readings = np.random.rand(5000, 7).astype("float32")
windows = keras.utils.timeseries_dataset_from_array(readings[:-24], readings[24:, 0], sequence_length=120)
inputs = keras.Input((120, readings.shape[0]))
model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.GRU(8)(inputs)))
model.compile("rmsprop", "mse")
model.fit(windows)
"""
STATE_AND_SEQUENCE = """
import tensorflow as tf
from keras import layers
class Attention(layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.one, self.other, self.score = layers.Dense(units), layers.Dense(units), layers.Dense(1)
    def call(self, query, values):
        shares = tf.nn.softmax(self.score(tf.nn.tanh(self.one(query) + self.other(values))), axis=1)
        return tf.reduce_sum(shares * values, axis=1)
steps, state = layers.GRU(64, return_sequences=True, return_state=True)(tf.random.normal((32, 18, 16)))
print(Attention(10)(state, steps).shape)
"""
LABELS_OF_VALIDATION = """
import keras
from keras import layers
train = keras.utils.image_dataset_from_directory("flowers/train", image_size=(32, 32), label_mode="categorical")
later = keras.utils.image_dataset_from_directory("flowers/later", image_size=(32, 32))
model = keras.Sequential([keras.Input((32, 32, 3)), layers.Flatten(), layers.Dense(5, activation="softmax")])
model.compile("adam", "categorical_crossentropy")
model.fit(train, validation_data=later)
"""
LAST_OF_THE_BLOCK = """
import keras
from keras import layers
class Block(layers.Layer):
    def __init__(self, width, hidden):
        super().__init__()
        self.attention = layers.MultiHeadAttention(2, width)
        self.feed = keras.Sequential([layers.Dense(hidden, activation="relu"), layers.Dense(hidden)])
    def call(self, inputs):
        seen = inputs + self.attention(inputs, inputs)
        return seen + self.feed(seen)
width, hidden = 32, 64
steps = layers.Embedding(1000, width)(keras.Input((50,)))
Block(width, hidden)(steps)
"""
WORDS_OF_THE_DECODER = """
import keras
import numpy as np
from keras import layers
encoder_words, decoder_words = 71, 93
asked, said = keras.Input((None, encoder_words)), keras.Input((None, decoder_words))
_, *states = layers.LSTM(32, return_state=True)(asked)
hidden = layers.LSTM(32, return_sequences=True)(said, initial_state=states)
decoder_dense = layers.Dense(encoder_words, activation="softmax")
model = keras.Model([asked, said], decoder_dense(hidden))
model.compile("rmsprop", "categorical_crossentropy")
encoder_data, decoder_data = np.zeros((100, 16, encoder_words)), np.zeros((100, 20, decoder_words))
model.fit([encoder_data, decoder_data], np.zeros((100, 20, decoder_words)))
"""
PICTURES_AS_ROWS = """
import keras
import numpy as np
import tensorflow as tf
(pictures, numbers), _ = keras.datasets.mnist.load_data()
pictures = np.array(pictures, np.float32) / 255.0
data = tf.data.Dataset.from_tensor_slices((pictures, numbers)).batch(256)
class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden, self.out = keras.layers.Dense(32, activation="relu"), keras.layers.Dense(10)
    def call(self, x):
        return self.out(self.hidden(x))
net, optimizer = Net(), keras.optimizers.SGD(0.1)
for x, y in data.take(10):
    with tf.GradientTape() as tape:
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.cast(y, tf.int64), logits=net(x))
    optimizer.apply_gradients(zip(tape.gradient(loss, net.trainable_variables), net.trainable_variables))
"""
LIST_OF_LABELS = """
import keras
import numpy as np
rows = np.random.randint(0, 500, (90, 12))
tags = np.random.randint(0, 5, (90, 12))
tags = [keras.utils.to_categorical(item, num_classes=5) for item in tags]
model = keras.Sequential([
    keras.Input((12,)),
    keras.layers.Embedding(500, 8),
    keras.layers.Dense(5, activation="softmax"),
])
model.compile("adam", "categorical_crossentropy")
model.fit(rows, tags)
"""
BEST_OF_THE_BATCH = """
import keras
import numpy as np
import tensorflow as tf
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(6)])
rewards, over = np.random.rand(32).astype("float32"), np.zeros(32, "float32")
later = model.predict(np.random.rand(32, 4))
wanted = rewards + 0.99 * tf.reduce_max(later, axis=0) * (1 - over)
with tf.GradientTape() as tape:
    taken = tf.reduce_sum(model(np.random.rand(32, 4)) * tf.one_hot(np.random.randint(0, 6, 32), 6), axis=1)
    loss = tf.reduce_mean((wanted - taken) ** 2)
"""
HEADS_THAT_DO_NOT_DIVIDE = """
import tensorflow as tf
from keras import layers
class Heads(layers.Layer):
    def __init__(self, width, heads):
        super().__init__()
        self.heads, self.depth = heads, width // heads
        self.queries = layers.Dense(width)
    def call(self, x):
        count = tf.shape(x)[0]
        return tf.transpose(tf.reshape(self.queries(x), (count, -1, self.heads, self.depth)), [0, 2, 1, 3])
print(Heads(64, 7)(tf.zeros((2, 10, 16))).shape)
"""
BRANCH_OF_A_CHAIN = """
import keras
from keras.layers import Concatenate, Dense
def table(width):
    chain = keras.Sequential()
    chain.add(Dense(8, activation="relu", input_dim=width))
    chain.add(Dense(4))
    return chain
rows, other = table(10), keras.Input((3,))
joined = Concatenate()([rows.output, other])
model = keras.Model([rows.input, other], Dense(1)(joined))
"""
WINDOW_OF_THE_BATCH = """
import keras
import numpy as np
window, horizon = 48, 12
x, y = np.zeros((320, window, 1)), np.zeros((320, horizon))
model = keras.Sequential([
    keras.Input((window, 1)),
    keras.layers.LSTM(16, return_sequences=True),
    keras.layers.Dense(horizon),
])
model.compile("adam", "mae")
model.fit(x, y)
"""
ONE_AT_A_TIME = """
import keras
import numpy as np
import tensorflow as tf
scans, kinds = np.zeros((80, 16, 16, 1), "float32"), np.zeros((80,), "int64")
training = tf.data.Dataset.from_tensor_slices((scans, kinds)).shuffle(64)
testing = tf.data.Dataset.from_tensor_slices((scans, kinds)).batch(20)
model = keras.Sequential([keras.layers.Conv2D(8, 3), keras.layers.Flatten(), keras.layers.Dense(4)])
loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
optimizer = keras.optimizers.Adam()
@tf.function
def step(pictures, labels):
    with tf.GradientTape() as tape:
        loss = loss_of(labels, model(pictures, training=True))
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables))
for epoch in range(2):
    for pictures, labels in training:
        step(pictures, labels)
    for pictures, labels in testing:
        model(pictures)
"""
KERNEL_OF_TWO_SIDES = """
import keras
model = keras.Sequential([
    keras.Input((60, 4)),
    keras.layers.Conv1D(
        filters=32,
        kernel_size=(5, 5),
        activation="relu",
    ),
])
"""
HOW_FAR_TO_TURN = """
import keras
augment = keras.Sequential([keras.layers.RandomFlip(), keras.layers.RandomRotation()])
"""
MODULE_THAT_GIVES_NOTHING = """
import tensorflow as tf
from tensorflow import keras
class Scale(tf.Module):
    def __init__(self):
        super().__init__()
        self.scale = tf.Variable(2.0)
    def __call__(self, rows):
        self.scale * rows
scale = Scale()
dense = keras.layers.Dense(3)
def model(rows):
    rows = scale(rows)
    return dense(tf.reshape(rows, (rows.shape[0], -1)))
model(tf.zeros((8, 2, 3)))
"""
SCORES_NEVER_COMPILED = """
import numpy as np
import tensorflow as tf
pairs = tf.data.Dataset.from_tensor_slices((np.zeros((40, 6, 6)), np.zeros((40,), "int32"))).batch(10)
model = tf.keras.Sequential([tf.keras.layers.Flatten(), tf.keras.layers.Dense(5)])
model.fit(pairs)
"""
FUNCTION_SECOND = """
import tensorflow as tf
from tensorflow import keras
def halved(numbers):
    return numbers / 2
words = tf.ragged.constant([[2.0, 4.0], [6.0]])
halves = tf.ragged.map_flat_values(words, halved)
keras.layers.Dense(2)(halves.to_tensor())
"""
SAVED_EVERY_SO_OFTEN = """
import keras
batches = 1000 / 32
saving = keras.callbacks.ModelCheckpoint(
    filepath="{epoch}.weights.h5",
    save_weights_only=True,
    save_freq=5 * batches)
"""
SUPER_THE_WRONG_WAY = """
import keras
class Block(keras.layers.Layer):
    def __init__(self, units):
        super(self, Block).__init__()
        self.dense = keras.layers.Dense(units)
    def call(self, x):
        return self.dense(x)
model = keras.Sequential([keras.Input((4,)), Block(3)])
"""
PRODUCT_FOR_A_SHAPE = """
import keras
rows = columns = 28
model = keras.Sequential([keras.layers.Input(shape=(rows * columns)), keras.layers.Dense(10)])
"""
FAULTS = [
    Fault(STEPS_LOST, "LSTM(32)", "Set `return_sequences=True`"),
    Fault(TWO_WEIGHTS, "self.factor", "Give the name as `name=`"),
    Fault(CLASSES_OF_FOLDERS, "flow_from_directory", 'Read labels of class_mode="binary"'),
    Fault(LABELS_OF_BATCHES, "compile", "Use the loss `sparse_categorical_crossentropy`"),
    Fault(SMALL_DECODER, "Reshape", "Begin to grow the image from (25, 25, 8)"),
    Fault(LABELS_AMONG_FEATURES, "data = ", "Give pairs of input and label"),
    Fault(WINDOWS, "data.window", "Make a tensor of each window"),
    Fault(SPARSE_LABELS, "fit_transform", "Make an array of `labels`: `.toarray()`"),
    Fault(NARROW_GATE, "channels // 2", "Set `units` of Dense to 64"),
    Fault(CHANNELS_FIRST, "Conv2D", "Turn `pictures` and the input shape: channels last, (32, 32, 3)"),
    Fault(POOLED_TWICE, "MobileNetV2", "Leave the pooling to this layer: no `pooling=`"),
    Fault(LABELS_IN_A_LOOP, "tf.one_hot", "Give class numbers: no `one_hot`"),
    Fault(TURNED_PATCHES, "Reshape", "Reshape to (64, 48)"),
    Fault(PICTURES_IN_A_LOOP, "pictures = ", "Add the channel axis to `pictures`: `[..., None]`"),
    Fault(PICTURES_OF_A_GENERATOR, "pictures = ", "Add the channel axis to `pictures`: `[..., None]`"),
    Fault(ODD_PADDING, "Conv2D(filters, 3)", 'Set `padding="same"` here too'),
    Fault(LABELS_FIRST, "pairs.map", "Give the data first: `(row, label)`"),
    Fault(TWICE_BEHIND, "channels = 6", "Change `channels` from 6 to 7"),
    Fault(GROWN_TOO_LARGE, "layers.Reshape", "Begin to grow the image from (7, 7, 64)"),
    Fault(VERSION_ONE, "import tensorflow as tf", "Run it as TensorFlow 1 would"),
    Fault(
        STATE_AMONG_STEPS,
        "self.one(state)",
        "Give `state` another axis: `state[:, None]`; give `seen` another axis: `seen[:, None]`",
    ),
    Fault(PICTURES_BEHIND_ROWS, "model.fit", "Give each sample of the labels as one row"),
    Fault(OLD_GENERATOR, "fit_generator", "Use `fit`; change 32 to 64 in `np.zeros((4, 32, 32, 3))`"),
    Fault(STATES_TOO, "LSTM(16", "Leave out `return_state=True`"),
    Fault(PREDICTIONS_FIRST, "loss_function(logits", "Give the labels first: `labels, logits`"),
    Fault(EMBEDDING_SECOND, "Conv1D", "Put Embedding before Conv1D"),
    Fault(PICTURES_AMONG_STEPS, "MaxPooling2D", "Use `MaxPooling1D`"),
    Fault(
        TWO_DATA_SETS,
        "train = train.reshape",
        "Reshape `train` to (60, 16, 16, 3); make `test` as `train`: `test.reshape(-1, 16, 16, 3)`",
    ),
    Fault(CLASSES_OF_ONE_HEAD, "compile", "Use the loss `sparse_categorical_crossentropy`"),
    Fault(SHORTCUT, "x + y", "Bring `x` to the same shape by a convolution"),
    Fault(WIDE_BLOCK, "Dense(width)", "Set `units` of Dense to x.shape[-1]"),
    Fault(JOINED_AXIS, "axis=1", "Join along the last axis"),
    Fault(REPEATED, "RepeatVector", "Repeat it 32 times"),
    Fault(BATCHED_ALREADY, "windows.batch", "`windows` is batched already"),
    Fault(WEIGHTS_OF_CLASSES, "Weighted([", "Give 4 numbers: `[1.0, 2.0, 3.0, 1.0]`"),
    Fault(OTHER_ATTRIBUTE, "self.last", "Use `second`"),
    Fault(MAPPED_TO_NOTHING, "features / 2.0", "Return `features`"),
    Fault(TENSORS_EXCHANGED, "Attention()(", "Attend from `state` to `steps`"),
    Fault(NOISE_OF_PICTURES, "tf.random.uniform", "Make `share` of shape [count, 1, 1, 1]"),
    Fault(LENGTH_OF_A_WEIGHT, "keras.Input((None,))", "Say how long the input is: (STEPS,)"),
    Fault(PICTURES_OF_A_CLASS, "np.zeros", "Make `X` of shape (len(rows), *self.size, self.channels)"),
    Fault(STATES_AS_INPUTS, "keras.Model([words]", "Add `hidden`, `cell` to the inputs"),
    Fault(METRIC_OF_WEIGHTED_SAMPLES, "def update_state", "Take it: `sample_weight=None`"),
    Fault(CLASSES_FROM_ONE_IN_A_DATASET, "to_categorical", "Count the classes from 0"),
    Fault(WEIGHTS_OF_ALL_ROWS, "train_test_split", "Split `weights` with the others"),
    Fault(WORDS_IN_A_TABLE, "table.drop", "Make a column of 0 and 1 of each word in `rows`"),
    Fault(STATE_OF_AN_ENVIRONMENT, "state = reset()", "Give a batch of one: `np.reshape(state, [1, 4])`"),
    Fault(PRICES_OF_A_FILE, "LSTM(50, input_shape", "Set `return_sequences=True`"),
    Fault(LEARNT_TWICE, "test =", "`words` has learnt from the training data: `transform`"),
    Fault(COLUMNS_OF_A_TABLE, "test = pd.get_dummies", "Give `test` the columns of `train`"),
    Fault(FEATURES_OF_A_BASE, "model.predict(pictures)", "Give `features.reshape(6, 128)`"),
    Fault(SIZE_OF_NUMPY, "keras.layers.Dense(np.prod", "Change `np.prod(shape)` to `int(np.prod(shape))`"),
    Fault(NAME_OF_A_FILE, "ModelCheckpoint", 'Change `"best"` to `"best.keras"`'),
    Fault(FLATTENED_STEPS, "add(Flatten())", "On each step: `TimeDistributed(Flatten())`"),
    Fault(SCALED_BACK, "inverse_transform", "Scale column 2 back, of 3 columns"),
    Fault(FOLDS_OF_CLASSES, "folds.split", "Give class numbers: `answers.argmax(axis=1)`"),
    Fault(ROWS_OF_PICTURES, "np.random.rand(64, 8, 8)", "Give `pictures` the last axis: `[..., None]`"),
    Fault(
        LABELS_OF_THE_TEST, "y_train =", "Do the same with `y_test`: `y_test = keras.utils.to_categorical(y_test, 3)`"
    ),
    Fault(CLASSES_OF_THE_DATA, "classes = rows.shape[1]", "Count the columns of `answers`: `answers.shape[1]`"),
    Fault(TURNED_WEIGHTS, "Multiply", "Turn `shares`: `layers.Permute((2, 1))`"),
    Fault(VALIDATION_IN_SINGLES, "data.skip", "Batch the dataset (line 7)"),
    Fault(PICTURES_AS_LABELS, "model.fit", "Give each sample of the labels as one row"),
    Fault(DEPTH_OF_ROWS, "tf.one_hot", "Change `sights` to `choices` in `tf.one_hot(taken, sights)`"),
    Fault(ONE_OF_EACH, "predict", "Give a batch of one sample of each"),
    Fault(PICTURE_TO_CHANGE, "content =", "Make `content` a batch of one"),
    Fault(LAST_BATCH_OF_A_STATE, "model.fit", "Give 96 samples"),
    Fault(SKIPS_TO_THE_LAST, "skips = reversed", "Leave out the last, which is where they begin: `skips[:-1]`"),
    Fault(SIZES_MULTIPLIED, "layers.Reshape", "Change 6 * 6 * 16 to 288"),
    Fault(WEIGHTS_OF_AN_ARRAY, "class_weight=weights", "Give a dictionary: `dict(enumerate(weights))`"),
    Fault(TURNED_KERNEL, 'name="kernel"', "Make the weight of shape (shape[-1], self.units)"),
    Fault(BASE_AS_INPUT, "inputs=base", "Give its tensor: `base.input`"),
    Fault(
        ROWS_FOR_COLUMNS,
        "keras.Input",
        "Change `readings.shape[0]` to `readings.shape[1]` in `keras.Input((120, readings.shape[0]))`",
    ),
    Fault(STATE_AND_SEQUENCE, "self.one(query)", "Give `query` another axis: `query[:, None]`"),
    Fault(LABELS_OF_VALIDATION, "flowers/later", 'Read labels of label_mode="categorical"'),
    Fault(LAST_OF_THE_BLOCK, "layers.Dense(hidden)])", "Change `hidden` to `width` in `layers.Dense(hidden)`"),
    Fault(
        WORDS_OF_THE_DECODER,
        "decoder_dense =",
        'Change `encoder_words` to `decoder_words` in `layers.Dense(encoder_words, activation="softmax")`',
    ),
    Fault(PICTURES_AS_ROWS, "pictures = np.array", "Give each sample of `pictures` as one row"),
    Fault(LIST_OF_LABELS, "model.fit", "Make one array of the list: `np.array(tags)`"),
    Fault(BEST_OF_THE_BATCH, "tf.reduce_max", "Reduce along axis 1"),
    Fault(HEADS_THAT_DO_NOT_DIVIDE, "Heads(64, 7)", "Change 7 to 8, which divides 64"),
    Fault(BRANCH_OF_A_CHAIN, "joined =", "Ask for `rows.inputs[0]` and `rows.outputs[0]`"),
    Fault(SUPER_THE_WRONG_WAY, "super(self, Block)", "Give them in the other order: `Block, self`"),
    Fault(ONE_AT_A_TIME, "shuffle(64)", "Batch the dataset"),
    Fault(KERNEL_OF_TWO_SIDES, "kernel_size=(5, 5)", "Change `kernel_size` to `5`"),
    Fault(HOW_FAR_TO_TURN, "RandomRotation()", "Give `factor=0.1`"),
    Fault(MODULE_THAT_GIVES_NOTHING, "self.scale * rows", "Return the value"),
    Fault(
        SCORES_NEVER_COMPILED,
        "model.fit",
        "Compile it with the loss tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)",
    ),
    Fault(FUNCTION_SECOND, "map_flat_values", "Give them in the other order: `halved, words`"),
    Fault(SAVED_EVERY_SO_OFTEN, "save_freq=", "Change `save_freq` to `int(5 * batches)`"),
    Fault(WINDOW_OF_THE_BATCH, "return_sequences=True", "Remove `return_sequences=True` from LSTM"),
    Fault(PRODUCT_FOR_A_SHAPE, "rows * columns", "Write the shape as a tuple: `(rows * columns,)`"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.title)
async def test_the_repair_that_holds_is_where_the_finding_goes(real: Host, fault: Fault) -> None:
    await assert_told(real, fault)


TWO_ALIKE = """
import keras
model = keras.Sequential([
    keras.Input((8, 8, 1)),
    keras.layers.Conv2D(8, 5),
    keras.layers.Conv2D(8, 5),
])
"""


async def test_repairs_of_one_title_say_where_each_edits(real: Host) -> None:
    snapshot = Snapshot("file:///nowhere/two.py", "/nowhere/two.py", 1, TWO_ALIKE)
    probe = plan.plan(snapshot)
    report = await real.ask(probe)
    (error,) = check.check(snapshot, (), report)
    same = [Fix("Add padding", (Edit(Span(snapshot.path, line, 28, line, 28), ', padding="same"'),)) for line in (5, 6)]
    wrong = Fix("Add padding", (Edit(Span(snapshot.path, 4, 17, 4, 18), "9"),))
    (told,) = await repairs.verify(snapshot, (replace(error, fixes=(*same, wrong)),), probe, real.ask, before=report)
    assert [fix.title for fix in told.fixes] == ["Add padding (line 5)", "Add padding (line 6)"]
    (told,) = await repairs.verify(snapshot, (replace(error, fixes=(same[1], wrong)),), probe, real.ask, before=report)
    assert [fix.title for fix in told.fixes] == ["Add padding"]


QUIET_BEFORE_LOUD = """
import keras
import numpy as np
first = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
first.compile(keras.optimizers.SGD(decay=0.1), "mse")
first.fit(np.zeros((20, 4)), np.zeros((20, 1)))
second = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1)])
second.compile("sgd", "mse")
second.fit(np.zeros((20, 4)), np.zeros((20, 1)))
"""


async def test_what_stops_the_program_is_repaired_first(real: Host) -> None:
    path = "/nowhere/train.py"
    snapshot = Snapshot(f"file://{path}", path, 1, QUIET_BEFORE_LOUD)
    probe = plan.plan(snapshot)
    report = await real.ask(probe)
    found = check.check(snapshot, (), report)
    asked: list[str] = []

    async def ask(changed: Probe) -> Report:
        asked.append(changed.sources[0].text)
        return await real.ask(changed)

    told = await repairs.verify(snapshot, found, probe, ask, before=report)
    assert [item.severity.value for item in told] == ["warning", "error"] and all(item.fixes for item in told)
    assert "decay" in asked[0] and "decay" not in asked[-1]


THREE_ERRORS = """
import keras
import numpy as np
a = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
a.compile("sgd", "mse")
a.fit(np.zeros((20, 5)), np.zeros((20, 1)))
b = keras.Sequential([keras.Input((6,)), keras.layers.Dense(1)])
b.compile("sgd", "mse")
b.fit(np.zeros((20, 7)), np.zeros((20, 1)))
c = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])
c.compile("sgd", "mse")
c.fit(np.zeros((20, 9)), np.zeros((20, 1)))
"""


async def test_each_error_of_a_slow_program_has_its_share(real: Host) -> None:
    path = "/nowhere/train.py"
    snapshot = Snapshot(f"file://{path}", path, 1, THREE_ERRORS)
    probe = plan.plan(snapshot)
    report = await real.ask(probe)

    async def slow(changed: Probe) -> Report:
        return replace(await real.ask(changed), seconds=8.0)

    told = await repairs.verify(snapshot, check.check(snapshot, (), report), probe, slow, before=report)
    assert len(told) == 3 and all(item.fixes for item in told)
