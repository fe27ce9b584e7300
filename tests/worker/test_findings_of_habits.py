"""Faults of programs that people ask about: what is done to one part of the data only, predictions for classes, tensors
taken apart, methods that Keras calls.
"""

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

PROBABILITIES = """
import keras
import numpy as np
from sklearn.metrics import classification_report, confusion_matrix
rows, sick = np.random.rand(60, 4), np.arange(60) % 2
net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, activation="sigmoid")])
net.compile("adam", "binary_crossentropy")
net.fit(rows, sick)
found = net.predict(rows)
print(confusion_matrix(sick, found))
print(classification_report(sick, found))
"""
SCORES_OF_CLASSES = """
import keras
import numpy as np
import tensorflow as tf
from sklearn.metrics import accuracy_score
rows, kinds = np.random.rand(60, 4), np.arange(60) % 3
net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation=tf.nn.softmax)])
net.compile("adam", "sparse_categorical_crossentropy")
net.fit(rows, kinds)
print(accuracy_score(kinds, net.predict(rows)))
"""
ROWS_OF_THE_TRAINING = """
import keras
import numpy as np
from sklearn.metrics import mean_absolute_error
train, held, prices, true = np.random.rand(60, 4), np.random.rand(20, 4), np.random.rand(60), np.random.rand(20)
net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
net.compile("adam", "mse")
net.fit(train, prices)
print(mean_absolute_error(true, net.predict(train)))
"""
RESHAPED_ONCE = """
import keras
import numpy as np
x_train, x_test, y_train = np.random.rand(60, 5), np.random.rand(20, 5), np.random.rand(60)
x_train = x_train.reshape((x_train.shape[0], 1, x_train.shape[1]))
net = keras.Sequential([keras.Input((1, 5)), keras.layers.LSTM(4), keras.layers.Dense(1)])
net.compile("adam", "mse")
net.fit(x_train, y_train)
print(net.predict(x_test))
"""
PADDED_ONCE = """
import keras
import numpy as np
from tensorflow.keras.preprocessing.sequence import pad_sequences
class Words:
    known = {"good": 1, "bad": 2, "film": 3}
    def numbers(self, texts):
        return [[self.known.get(word, 0) for word in text.split()] for text in texts]
words = Words()
rows = pad_sequences(words.numbers(["good film", "bad", "bad film", "good good film"] * 5), maxlen=6)
net = keras.Sequential([keras.Input((6,)), keras.layers.Embedding(4, 3), keras.layers.Flatten(), keras.layers.Dense(1)])
net.compile("adam", "mse")
net.fit(rows, np.arange(20) % 2)
more = words.numbers(["good bad film"])
print(net.predict(np.array(more)))
"""
AXIS_TOO_MANY = """
import keras
import numpy as np
x_train, x_test, y_train = np.random.rand(60, 5), np.random.rand(20, 5), np.random.rand(60)
net = keras.Sequential()
net.add(keras.layers.LSTM(8, input_shape=(x_train.shape[1], x_train.shape[2])))
net.add(keras.layers.Dense(1))
net.compile("adam", "mse")
net.fit(x_train, y_train)
net.predict(x_test)
"""
STATES_OF_TWO_WAYS = """
import keras
from keras import layers
words, spoken = keras.Input((None, 5)), keras.Input((None, 6))
reader = layers.Bidirectional(layers.LSTM(8, return_state=True))
read, hidden, cell = reader(words)
writer = layers.LSTM(16)
model = keras.Model([words, spoken], layers.Dense(3)(writer(spoken, initial_state=[hidden, cell])))
"""
OUTPUTS_OF_A_LAYER = """
import keras
import tensorflow as tf
from keras import layers
class Weigh(layers.Layer):
    def __init__(self):
        super().__init__()
        self.score = layers.Dense(1)
    def call(self, steps):
        shares = tf.nn.softmax(self.score(steps), axis=1)
        return shares * steps, shares
class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.weigh, self.pool = Weigh(), layers.GlobalAveragePooling1D()
    def call(self, steps):
        seen = self.weigh(steps)
        return self.pool(seen)
Net()(tf.zeros((4, 6, 3)))
"""
CALLED_WITHOUT_LOGS = """
import keras
import numpy as np
class Tell(keras.callbacks.Callback):
    def on_epoch_end(self, epoch):
        print(epoch)
net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
net.compile("adam", "mse")
net.fit(np.zeros((20, 4)), np.zeros(20), callbacks=[Tell()])
"""
LENGTH_OF_A_SEQUENCE = """
import keras
import numpy as np
class Rows(keras.utils.PyDataset):
    def __len__(self):
        return np.ceil(20 / 8)
    def __getitem__(self, index):
        return np.zeros((8, 4)), np.zeros((8, 1))
net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
net.compile("adam", "mse")
net.fit(Rows())
"""
LABELS_IN_A_STEP = """
import keras
import numpy as np
import tensorflow as tf
class Coder(keras.Model):
    def __init__(self):
        super().__init__()
        self.coder = keras.layers.Dense(4)
    def train_step(self, rows):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(rows - self.coder(rows)))
        grads = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(grads, self.trainable_variables))
        return {"loss": loss}
net = Coder()
net.compile("adam")
net.fit(tf.data.Dataset.from_tensor_slices((np.random.rand(32, 4).astype("float32"), np.arange(32))).batch(8))
"""
NAME_OF_A_LAYER = """
import keras
from keras import layers
x = keras.Input((16, 16, 3))
y = layers.Conv2D(4, 3, name="edges")(x)
y = layers.Conv2D(8, 3, name="conv_parts")(y)
model = keras.Model(x, layers.Dense(2)(layers.Flatten()(y)))
seen = keras.Model(model.inputs, model.get_layer("conv2d_1").output)
"""
MAKER_OF_A_LOSS = """
import keras
import numpy as np
import tensorflow as tf
def weighted(share=0.3):
    def loss(y_true, y_pred):
        return tf.reduce_mean(share * tf.square(y_true - y_pred))
    return loss
net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
net.compile("adam", loss=weighted)
net.fit(np.zeros((20, 4)), np.zeros((20, 1)))
"""
VALUES_OF_A_HISTORY = """
import keras
import numpy as np
net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
net.compile("adam", "mse")
told = net.fit(np.zeros((20, 4)), np.zeros((20, 1)))
print(told["loss"])
"""
POOL_OF_A_FILM = """
import keras
from keras import layers
model = keras.Sequential([
    keras.Input((10, 16, 16, 3)),
    layers.TimeDistributed(layers.Conv2D(4, 3)),
    layers.MaxPooling2D(2),
    layers.TimeDistributed(layers.Flatten()),
    layers.LSTM(8),
])
"""
LISTS_IN_AN_ARRAY = """
import keras
import numpy as np
import pandas as pd
table = pd.DataFrame({"parts": [[0.1, 0.2, 0.3] for _ in range(20)]})
rows = table["parts"].values
net = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
net.compile("adam", "mse")
net.fit(rows, np.zeros((20, 1)))
"""
SHAPE_OF_A_LAYER = """
import keras
from keras import layers
model = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(4, 3)])
rows, columns = model.layers[-1].output_shape[1:3]
"""
FOLDER_OF_A_MODEL = """
import keras
import os
folder, name = "models", "digits"
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.save(os.path.join(folder, name))
"""
INPUTS_IN_A_LIST = """
import keras
import numpy as np
import tensorflow as tf
users, films, stars = np.arange(40) % 7, np.arange(40) % 9, np.random.rand(40)
data = tf.data.Dataset.from_tensor_slices(([users, films], stars)).batch(8)
user, film = keras.Input((1,)), keras.Input((1,))
model = keras.Model([user, film], keras.layers.Dense(1)(keras.layers.Concatenate()([user, film])))
model.compile("adam", "mse")
model.fit(data)
"""
PARTS_IN_LISTS = """
import keras
import numpy as np
import tensorflow as tf
def parts():
    while True:
        yield np.random.rand(8, 4), [np.random.rand(8, 1), np.random.rand(8, 1)]
signature = (
    tf.TensorSpec((None, 4), tf.float32),
    [tf.TensorSpec((None, 1), tf.float32), tf.TensorSpec((None, 1), tf.float32)],
)
data = tf.data.Dataset.from_generator(parts, output_signature=signature)
rows = keras.Input((4,))
net = keras.Model(rows, [keras.layers.Dense(1, name="age")(rows), keras.layers.Dense(1, name="size")(rows)])
net.compile("adam", loss={"age": "mse", "size": "mae"})
net.fit(data, steps_per_epoch=2)
"""
CUT_IN_BATCHES = """
import numpy as np
import tensorflow as tf
def cut(picture, kind):
    return tf.image.random_crop(picture, (8, 8, 3)), kind
pictures, kinds = np.random.rand(32, 10, 10, 3), np.arange(32) % 3
data = tf.data.Dataset.from_tensor_slices((pictures, kinds)).batch(8).map(cut)
"""
WITHOUT_CHANNELS = """
import numpy as np
import tensorflow as tf
def coloured(picture):
    return tf.image.grayscale_to_rgb(picture)
data = tf.data.Dataset.from_tensor_slices(np.random.rand(32, 10, 10)).map(coloured).batch(8)
"""
ONE_OPTIMIZER = """
import keras
import tensorflow as tf
one = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
other = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4)])
optimizer = keras.optimizers.Adam(0.01)
rows = tf.random.normal((8, 4))
with tf.GradientTape(persistent=True) as tape:
    loss = tf.reduce_mean(tf.square(rows - other(one(rows))))
optimizer.apply_gradients(zip(tape.gradient(loss, one.trainable_variables), one.trainable_variables))
optimizer.apply_gradients(zip(tape.gradient(loss, other.trainable_variables), other.trainable_variables))
"""
ROWS_OF_ONES = """
import keras
import numpy as np
from keras import layers
words = keras.utils.to_categorical(np.random.randint(0, 9, (20, 6)), 9)
model = keras.Sequential([keras.Input((6, 9)), layers.Embedding(9, 4), layers.LSTM(5), layers.Dense(1)])
model.compile("adam", "mse")
model.fit(words, np.zeros((20, 1)))
"""
CHANNELS_FIRST = """
import keras
import numpy as np
def pictures(count):
    return np.random.rand(count, 3, 32, 32), np.arange(count) % 4
x, y = pictures(24)
layers = [keras.Input((32, 32, 3)), keras.layers.Conv2D(4, 3), keras.layers.Flatten(), keras.layers.Dense(4)]
net = keras.Sequential(layers)
net.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
net.fit(x, y)
"""
METRICS_OF_A_STEP = """
import keras
import numpy as np
import tensorflow as tf
class Own(keras.Model):
    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            found = self(x, training=True)
            loss = tf.reduce_mean(tf.square(y - found))
        grads = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(grads, self.trainable_variables))
        return {"loss": loss}
rows = keras.Input((4,))
model = Own(rows, keras.layers.Dense(1)(rows))
model.compile("adam", metrics=["mae"])
model.fit(np.zeros((8, 4), "float32"), np.zeros((8, 1), "float32"))
"""
ENCODED_ONCE = """
import keras
import numpy as np
from keras.utils import to_categorical
x_train, y_train, x_test, y_test = np.zeros((40, 4)), np.arange(40) % 3, np.zeros((20, 4)), np.arange(20) % 3
y_train = to_categorical(y_train)
net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
net.compile("adam", "categorical_crossentropy")
net.fit(x_train, y_train)
net.evaluate(x_test, y_test)
"""
STEP_OF_A_DECODER = """
import keras
import numpy as np
import tensorflow as tf
words = np.arange(80).reshape(8, 10)
table, reader, scores = keras.layers.Embedding(80, 6), keras.layers.GRU(5), keras.layers.Dense(80)
compared = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
step = tf.expand_dims(words[:, 0], 0)
loss = compared(words[:, 1], scores(reader(table(step))))
"""
LABELS_OF_A_BATCH = """
import keras
import numpy as np
judge = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, activation="sigmoid")])
judge.compile("adam", "binary_crossentropy")
rows = np.random.rand(16, 8)
truth = np.concatenate([np.ones((8, 1)), np.zeros((16, 1))])
judge.train_on_batch(rows, truth)
"""

ONE_OF_THE_ROWS = """
import keras
import numpy as np
from sklearn.preprocessing import StandardScaler
rows = np.random.rand(60, 4)
scaler = StandardScaler().fit(rows)
net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
found = net.predict(scaler.transform(rows[7]))
"""
ROWS_CUT_FOR_A_FOREST = """
import keras
import numpy as np
from sklearn.linear_model import LogisticRegression
rows, sick = np.random.rand(60, 4), np.arange(60) % 2
encoder = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
judge = LogisticRegression()
judge.fit(rows[:-7], sick)
"""
PICTURES_FOR_A_CRITIC_OF_ROWS = """
import keras
import numpy as np
from keras import layers
painter = keras.Sequential([keras.Input((16,)), layers.Dense(8 * 8 * 3), layers.Reshape((8, 8, 3))])
critic = keras.Sequential([keras.Input((192,)), layers.Dense(1, activation="sigmoid")])
critic.compile("adam", "binary_crossentropy")
noise = keras.Input((16,))
both = keras.Model(noise, critic(painter(noise)))
both.compile("adam", "binary_crossentropy")
critic.train_on_batch(np.zeros((8, 192)), np.ones((8, 1)))
"""
ROWS_FOR_A_DECODER_OF_PICTURES = """
import keras
from keras import layers
encoder = keras.Sequential([keras.Input((8, 8, 2)), layers.Conv2D(4, 3, strides=4), layers.Flatten()])
decoder = keras.Sequential([keras.Input((2, 2, 4)), layers.Conv2DTranspose(2, 3, strides=4, padding="same")])
picture = keras.Input((8, 8, 2))
whole = keras.Model(picture, decoder(encoder(picture)))
"""
KEYS_WITHOUT_THEIR_ENDINGS = """
import keras
import numpy as np
from keras import layers
inputs = keras.Input((5,))
price = layers.Dense(1, name="price_head")(inputs)
kind = layers.Dense(1, activation="sigmoid", name="kind_head")(inputs)
model = keras.Model(inputs, [price, kind])
model.compile("adam", loss={"price": "mse", "kind": "binary_crossentropy"}, metrics={"price": "mae"})
model.fit(np.zeros((20, 5)), {"price": np.zeros(20), "kind": np.zeros(20)})
"""
PLACES_OF_FEWER_WORDS = """
import keras
import tensorflow as tf
from keras import layers
class Placed(layers.Layer):
    def __init__(self, longest):
        super().__init__()
        self.longest = longest
        self.words = layers.Embedding(500, 16)
        self.places = layers.Embedding(longest, 16)
    def call(self, x):
        numbers = tf.range(0, self.longest, 1)
        return self.words(x) + self.places(numbers)
text = layers.Input((60,), dtype="int32")
model = keras.Model(text, layers.GlobalAveragePooling1D()(Placed(40)(text)))
"""
ONE_COLUMN_TOO_MANY = """
import keras
import numpy as np
from keras import layers
wide, deep = ["a", "b"], ["b", "c", "d"]
one, two = keras.Input((len(wide),)), keras.Input((len(deep) + 1,))
model = keras.Model([one, two], layers.Dense(1)(layers.concatenate([one, layers.Dense(8)(two)])))
model.compile("adam", "mse")
table = np.random.rand(40, 4)
model.fit([table[:, :2], table[:, 1:]], np.zeros(40))
"""
ROWS_OF_SIX = """
import keras
from keras import layers
picture = layers.Input((32, 32, 3))
features = layers.Conv2D(16, 3, strides=8, padding="same")(picture)
boxes = layers.Reshape((-1, 4))(layers.Conv2D(12, 3, padding="same")(features))
kinds = layers.Reshape((-1, 6))(layers.Conv2D(15, 3, padding="same")(features))
found = layers.Concatenate(axis=-1)([boxes, kinds])
"""
NARROWER_CODE = """
import keras
import numpy as np
from keras import layers
class Both(keras.Model):
    def __init__(self, encoder, decoder):
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
    def call(self, rows):
        return self.decoder(self.encoder(rows))
rows, code = keras.Input((12,)), keras.Input((4,))
both = Both(keras.Model(rows, layers.Dense(3)(rows)), keras.Model(code, layers.Dense(12)(code)))
both.compile("adam", "mse")
both.fit(np.zeros((16, 12)), np.zeros((16, 12)))
"""
LABELS_OF_TWO_HEADS = """
import keras
import numpy as np
from keras import layers
rows = keras.Input((9,))
kind = layers.Dense(4, activation="softmax", name="kind")(rows)
price = layers.Dense(1, name="price")(rows)
model = keras.Model(rows, [kind, price])
model.compile("adam", {"kind": "categorical_crossentropy", "price": "mse"})
model.fit(np.zeros((20, 9)), [np.random.rand(20, 1), np.eye(4)[np.arange(20) % 4]])
"""
EDGES_CUT_IN_TWO = """
import keras
from keras import layers
sound = keras.Input((64, 4))
x = layers.Conv1D(8, 2, padding="causal")(sound)
gate = layers.Conv1D(8, 2, padding="valid", activation="sigmoid")(x)
wave = layers.Conv1D(8, 2, padding="valid", activation="tanh")(x)
found = layers.Add()([x, layers.Multiply()([gate, wave])])
"""
ROWS_OF_THE_OTHER_PART = """
import keras
import numpy as np
rows, prices = np.random.rand(50, 4), np.random.rand(50)
net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
net.compile("adam", "mse")
net.fit(rows[:40], prices[:40], validation_data=(rows[40:], prices[:40]))
"""
ROWS_OF_ONE_FOLD = """
import keras
import numpy as np
rows, prices, fold = np.random.rand(50, 4), np.random.rand(50), np.arange(30)
net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
net.compile("adam", "mse")
net.fit(rows[fold], prices, sample_weight=np.where(prices[fold] > 0.5, 2.0, 1.0))
"""
ONE_ROW_OF_LABELS = """
import keras
import numpy as np
rows, wanted = np.random.rand(50, 4), np.random.rand(50, 3)
net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
net.compile("adam", "mse")
net.fit(rows, wanted[0])
"""
ONE_PART_WITHOUT_STEPS = """
import keras
import numpy as np
steps, state = keras.Input((None, 6)), keras.Input((4,))
net = keras.Model([steps, state], keras.layers.LSTM(4)(steps, initial_state=[state, state]))
begin, *others = np.zeros((1, 6)), np.zeros((1, 4))
net.predict([begin, *others])
"""
BESIDE_A_MODEL_OF_THE_SAME_LAYERS = """
import keras
import numpy as np
from keras import layers
first = keras.Sequential([keras.Input((8, 6)), layers.LSTM(4), layers.Dense(2)])
first.compile("adam", "mse")
first.fit(np.zeros((16, 8, 6)), np.zeros((16, 2)))
second = keras.Sequential([layers.LSTM(4), layers.Dense(2)])
second.compile("adam", "mse")
second.fit(np.zeros((16, 8)), np.zeros((16, 2)))
"""
RATE_IN_QUOTES = """
import keras
import numpy as np
net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
net.compile(keras.optimizers.SGD("0.01"), "mse")
net.fit(np.zeros((20, 4)), np.zeros(20))
"""
STRINGS_OF_NUMPY = """
import numpy as np
import tensorflow as tf
from tensorflow.keras import layers
said = np.array(["so so", "well done", "never"] * 8)
split = layers.TextVectorization(output_sequence_length=6)
split.adapt(said)
words = tf.keras.Input((1,)DTYPE)
seen = layers.GlobalAveragePooling1D()(layers.Embedding(30, 4)(split(words)))
net = tf.keras.Model(words, layers.Dense(1)(seen))
net.compile("adam", "mse")
net.fit(said, np.zeros(24))
"""
STEPS_OF_A_MASKED_LOSS = """
import keras
import numpy as np
from keras import layers
def measure(y, p):
    each = keras.losses.sparse_categorical_crossentropy(y, p, from_logits=True)
    kept = keras.ops.cast(y != 0, each.dtype)
    return keras.ops.sum(each * kept) / keras.ops.sum(kept)
net = keras.Sequential([keras.Input((20,)), layers.Embedding(30, 8), layers.GRU(16), layers.Dense(30)])
net.compile("adam", measure)
net.fit(np.ones((16, 20)), np.ones((16, 20)))
"""
METRIC_OF_ONE = """
import keras
import numpy as np
def spread(y_pred):
    return keras.ops.std(y_pred)
net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
net.compile("adam", "mse", metrics=[spread])
net.fit(np.zeros((20, 4)), np.zeros((20, 1)))
"""
FLAT_FILM = """
from keras import Input, layers
film = Input((5, 32, 32, 3))
seen = layers.TimeDistributed(layers.Conv2D(4, 3))(film)
seen = layers.LSTM(8)(layers.Flatten()(seen))
"""
FILM_WITHOUT_CHANNELS = """
from keras import Input, layers
film = Input((10, 32, 32))
seen = layers.ConvLSTM2D(4, 3)(film)
"""
ATTENTION_TO_ONE = """
from keras import Input, layers
steps = Input((10, 16))
seen = layers.Attention()(steps)
"""
ENDS_OF_WHAT_HAS_NONE_YET = """
import keras
import numpy as np
from keras import layers
leaves, kinds = np.zeros((40, 16, 16, 3)), np.zeros(40)
net = keras.Sequential([layers.Conv2D(4, 3, name="seen"), layers.Flatten(), layers.Dense(1)])
net.compile("adam", "mse")
look = keras.Model(net.inputs, net.get_layer("seen").output)
net.fit(leaves, kinds)
"""
OLD_NAME_OF_AN_UNKNOWN_RATE = """
import keras
from settings_of_mine import settings
descent = keras.optimizers.SGD(lr=settings.rate, momentum=settings.momentum)
"""
OLD_NAME_OF_AN_UNKNOWN_SIZE = """
import keras
from settings_of_mine import settings
layer = keras.layers.LSTM(4, batch_input_shape=(8, settings.steps, 3))
"""
JOINED_BEFORE_IT_IS_A_VECTOR = """
import keras
from keras import layers
picture, rows = keras.Input((8, 8, 3)), keras.Input((5,))
seen = layers.Conv2D(4, 3)(picture)
seen = layers.GlobalMaxPooling2D()(seen)
both = layers.concatenate([picture, rows])
net = keras.Model([picture, rows], layers.Dense(1)(both))
"""
JOINED_WITH_AN_INPUT = """
import keras
from keras import layers
picture = keras.Input((8, 8, 3))
rows = keras.Input((5,))
both = layers.concatenate([picture, rows])
net = keras.Model([picture, rows], layers.Dense(1)(both))
"""
PICTURES_TIMES_ROWS = """
import tensorflow as tf
weights = tf.Variable(tf.zeros([48, 3]))
for picture, kind in tf.data.Dataset.from_tensor_slices((tf.zeros((8, 4, 12)), tf.zeros(8))).batch(4):
    picture = picture / 255
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(picture @ weights)
    grads = tape.gradient(loss, [weights])
"""
LABELS_FIRST_IN_A_LOOP = """
import tensorflow as tf
x, y = tf.zeros((8, 4, 12)), tf.zeros(8)
for picture, kind in tf.data.Dataset.from_tensor_slices((y, x)).batch(4):
    print(tf.reshape(picture, (-1, 48)) @ tf.zeros((48, 3)))
"""
JOINED_ALONG_TWO_AXES = """
import numpy as np
from sklearn.model_selection import train_test_split
left, right = np.random.randn(40, 2), np.random.randn(40, 2) + 3
rows = np.concatenate((left, right), axis=0)
kinds = np.concatenate((np.zeros((40, 1)), np.ones((40, 1))), axis=1)
x_train, x_test, y_train, y_test = train_test_split(rows, kinds)
"""
HALF_MADE_AND_CALLED = """
import keras
import numpy as np
import tensorflow as tf
class Net(keras.Model):
    def __init__(self, width, **options):
        self.dense = keras.layers.Dense(width)
    def call(self, rows):
        return self.dense(rows)
net = Net(3, name="net")
for rows in tf.data.Dataset.from_tensor_slices(np.zeros((8, 4))).batch(4):
    print(net(rows))
"""
HALF_MADE_AND_SHOWN = HALF_MADE_AND_CALLED[: HALF_MADE_AND_CALLED.index("for rows")] + "net.summary()\n"
WORDS_FOR_PLACES = """
import numpy as np
import keras
(x_train, y_train), test = keras.datasets.mnist.load_data()
y_train = np.eye(10)[y_train.astype("str")]
"""
ONE_OF_TWO_WIDTHS = """
import keras
import numpy as np
class Net(keras.Model):
    def __init__(self, width_1, width_2, **options):
        super().__init__(**options)
        self.first, self.second = keras.layers.Dense(width_1), keras.layers.Dense(width_2)
    def call(self, rows):
        return self.second(self.first(rows))
net = Net(width_1=8, name="net")
"""
NAMED_VARIABLES = """
import keras
class Scaled(keras.layers.Layer):
    def __init__(self, width):
        super().__init__()
        self.scale = self.add_variable("scale", [width])
        self.shift = self.add_variable("shift", shape=(width,))
    def call(self, rows):
        return rows * self.scale + self.shift
net = keras.Sequential([keras.Input((4,)), Scaled(4)])
"""
MAPPED_TO_NOTHING = """
import numpy as np
import tensorflow as tf
def halved(rows, wanted):
    rows / 2, wanted
samples = tf.data.Dataset.from_tensor_slices((np.zeros((8, 3), "float32"), np.zeros(8)))
samples = samples.map(map_func=halved)
"""
SAMPLES_WITHOUT_CHANNELS = """
import keras
from keras.src.legacy.preprocessing.image import ImageDataGenerator
(x_train, y_train), held = keras.datasets.mnist.load_data()
x_train = x_train / 255.0
shaken = ImageDataGenerator(rotation_range=9, featurewise_center=True)
shaken.fit(x_train)
"""
FAULTS = [
    Fault(ENDS_OF_WHAT_HAS_NONE_YET, "net = ", "Begin with an input of shape (16, 16, 3)"),
    Fault(FLAT_FILM, "layers.Flatten()", "Flatten each step: `layers.TimeDistributed`"),
    Fault(FILM_WITHOUT_CHANNELS, "film = Input", "Set the input shape to (10, 32, 32, 1)"),
    Fault(ATTENTION_TO_ONE, "layers.Attention", "Attend to itself: give a list with the tensor twice"),
    Fault(RATE_IN_QUOTES, 'SGD("0.01")', 'Change `"0.01"` to `0.01`'),
    Fault(
        STRINGS_OF_NUMPY.replace("DTYPE", ', dtype="string"'), "net.fit", "Give strings of TensorFlow: `tf.constant`"
    ),
    Fault(
        STRINGS_OF_NUMPY.replace("DTYPE", ""),
        "words = ",
        'Give the input `input_layer` strings: `dtype="string"`, and strings of TensorFlow',
    ),
    Fault(STEPS_OF_A_MASKED_LOSS, "layers.GRU(16)", "Set `return_sequences=True`"),
    Fault(METRIC_OF_ONE, "def spread", "Take the labels and the predictions"),
    Fault(ROWS_OF_THE_OTHER_PART, "net.fit", "Take the rows of `40:`: `prices[40:]`"),
    Fault(ROWS_OF_ONE_FOLD, "net.fit", "Give the same rows: `prices[fold]`"),
    Fault(ONE_ROW_OF_LABELS, "net.fit", "Give `wanted` as it is"),
    Fault(ONE_PART_WITHOUT_STEPS, "net.predict", "Give `begin` another axis: `begin[None]`"),
    Fault(BESIDE_A_MODEL_OF_THE_SAME_LAYERS, "second.fit", "Reshape the data to (16, 8, 1)"),
    Fault(NARROWER_CODE, "layers.Dense(3)(rows)", "Change 3 to 4 in `layers.Dense(3)`"),
    Fault(
        LABELS_OF_TWO_HEADS,
        "model.fit",
        "Give the labels in the order of the outputs: `np.eye(4)[np.arange(20) % 4], np.random.rand(20, 1)`",
    ),
    Fault(EDGES_CUT_IN_TWO, 'padding="valid"', 'Set `padding="causal"` in each of them'),
    Fault(PLACES_OF_FEWER_WORDS, "Placed(40)", "Change 40 to 60 in `Placed(40)`"),
    Fault(ROWS_OF_SIX, "Reshape((-1, 6))", "Make rows of 5, as many as it is joined with"),
    Fault(ONE_COLUMN_TOO_MANY, "len(deep) + 1", "Set the input shape to (3,)"),
    Fault(
        PICTURES_FOR_A_CRITIC_OF_ROWS, "both =", "Put `Flatten()` between: `critic(layers.Flatten()(painter(noise)))`"
    ),
    Fault(
        ROWS_FOR_A_DECODER_OF_PICTURES,
        "whole =",
        "Put `Reshape((2, 2, 4))` between: `decoder(layers.Reshape((2, 2, 4))(encoder(picture)))`",
    ),
    Fault(
        KEYS_WITHOUT_THEIR_ENDINGS,
        "compile",
        'Rename the key "price" to "price_head", "kind" to "kind_head", everywhere',
    ),
    Fault(ONE_OF_THE_ROWS, "rows[7]", "Give it as one row: `rows[7:8]`"),
    Fault(ROWS_CUT_FOR_A_FOREST, "rows[:-7]", "Give the whole of `rows`"),
    Fault(PROBABILITIES, "found =", "Make classes of it: `(net.predict(rows) > 0.5).astype(int)`"),
    Fault(SCORES_OF_CLASSES, "accuracy_score(", "Give class numbers: `net.predict(rows).argmax(axis=1)`"),
    Fault(ROWS_OF_THE_TRAINING, "mean_absolute_error(", "Predict `held`"),
    Fault(
        RESHAPED_ONCE,
        "x_train.reshape",
        "Do the same with `x_test`: `x_test = x_test.reshape((x_test.shape[0], 1, x_test.shape[1]))`",
    ),
    Fault(PADDED_ONCE, "more =", "Prepare it as the others: `pad_sequences(…, maxlen=6)`"),
    Fault(
        AXIS_TOO_MANY,
        "x_train, x_test",
        "Give `x_test` and `x_train` another axis: `x_train.reshape(x_train.shape[0], x_train.shape[1], 1)`",
    ),
    Fault(STATES_OF_TWO_WAYS, "read, hidden, cell", "Take the states of both directions, and join them"),
    Fault(OUTPUTS_OF_A_LAYER, "seen =", "Take the first of its outputs: `[0]`"),
    Fault(CALLED_WITHOUT_LOGS, "def on_epoch_end", "Take it: `logs=None`"),
    Fault(LENGTH_OF_A_SEQUENCE, "np.ceil", "Give a whole number: `int(np.ceil(20 / 8))`"),
    Fault(LABELS_IN_A_STEP, "def train_step", "Take the data without the labels: `rows = rows[0]`"),
    Fault(NAME_OF_A_LAYER, "get_layer", "Ask for `conv_parts`"),
    Fault(MAKER_OF_A_LOSS, "net.compile", "Give what it makes: `weighted()`"),
    Fault(VALUES_OF_A_HISTORY, 'told["loss"]', "Ask for its values: `told.history`"),
    Fault(POOL_OF_A_FILM, "MaxPooling2D", "On each step: `layers.TimeDistributed(MaxPooling2D(…))`"),
    Fault(LISTS_IN_AN_ARRAY, "rows =", "Make one array of the rows of `rows`"),
    Fault(SHAPE_OF_A_LAYER, "output_shape", "Use `output.shape`"),
    Fault(
        FOLDER_OF_A_MODEL,
        "model.save",
        'Name it with its ending: `os.path.join(folder, name) + ".keras"`',
    ),
    Fault(INPUTS_IN_A_LIST, "from_tensor_slices", "Give them as a tuple: `(users, films)`"),
    Fault(PARTS_IN_LISTS, "[tf.TensorSpec", "Nest the parts in tuples, not in lists"),
    Fault(CUT_IN_BATCHES, ".map(cut)", "Map before the samples are put into batches"),
    Fault(WITHOUT_CHANNELS, "grayscale_to_rgb", "Give it the channel axis: `picture[..., None]`"),
    Fault(ONE_OPTIMIZER, "loss, other", "Give the second model its own: `optimizer_2`"),
    Fault(ROWS_OF_ONES, "layers.Embedding", "Remove Embedding"),
    Fault(METRICS_OF_A_STEP, "return {", "Update the metrics: `self.compute_metrics(x, y, found)`"),
    Fault(ENCODED_ONCE, "y_train = to_categorical", "Do the same with `y_test`: `y_test = to_categorical(y_test)`"),
    Fault(STEP_OF_A_DECODER, "step =", "Add the axis elsewhere: axis 1"),
    Fault(LABELS_OF_A_BATCH, "truth =", "Keep 16 rows of `truth`"),
    Fault(CHANNELS_FIRST, "x, y =", "Put the channels last: `.transpose(0, 2, 3, 1)`"),
    Fault(JOINED_BEFORE_IT_IS_A_VECTOR, "both =", "Give it `seen`, which nothing reads, for `picture`"),
    Fault(JOINED_WITH_AN_INPUT, "both =", "Make one vector of `picture`: `GlobalAveragePooling2D`"),
    Fault(PICTURES_TIMES_ROWS, "picture = ", "Make one row of each sample: `tf.reshape(picture, (-1, 48))`"),
    Fault(LABELS_FIRST_IN_A_LOOP, "from_tensor_slices", "Give the data first: `(x, y)`"),
    Fault(JOINED_ALONG_TWO_AXES, "kinds = ", "Join along axis 0, as the others are"),
    Fault(HALF_MADE_AND_CALLED, "def __init__", "Call `super().__init__()` first"),
    Fault(HALF_MADE_AND_SHOWN, "def __init__", "Call `super().__init__()` first"),
    Fault(WORDS_FOR_PLACES, "np.eye(10)", "Convert to int"),
    Fault(ONE_OF_TWO_WIDTHS, "net = ", "Give `width_2=64`"),
    Fault(NAMED_VARIABLES, 'self.add_variable("scale"', "Give the name as `name=`"),
    Fault(MAPPED_TO_NOTHING, "    rows / 2", "Return the value"),
    Fault(SAMPLES_WITHOUT_CHANNELS, "x_train = ", "Add the channel axis to `x_train`: `[..., None]`"),
    Fault(OLD_NAME_OF_AN_UNKNOWN_RATE, "lr=", "`lr` is now `learning_rate`"),
    Fault(OLD_NAME_OF_AN_UNKNOWN_SIZE, "batch_input_shape", "Leave out `batch_input_shape`"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.title)
async def test_the_first_repair_is_the_one_that_is_meant(real: Host, fault: Fault) -> None:
    await assert_told(real, fault, best=True)


REPAIRED = [
    PROBABILITIES.replace("net.predict(rows)", "net.predict(rows) > 0.5"),
    PROBABILITIES.replace("net.predict(rows)", "np.round(net.predict(rows))"),
    PROBABILITIES.replace("net.predict(rows)", "net.predict(rows)").replace(", found)", ", found.round())"),
    SCORES_OF_CLASSES.replace("net.predict(rows)", "np.argmax(net.predict(rows), axis=1)"),
    ROWS_OF_THE_TRAINING.replace("predict(train)", "predict(held)"),
    AXIS_TOO_MANY.replace("(60, 5)", "(60, 5, 1)").replace("(20, 5)", "(20, 5, 1)"),
    CALLED_WITHOUT_LOGS.replace("epoch)", "epoch, logs=None)", 1),
    LENGTH_OF_A_SEQUENCE.replace("np.ceil(20 / 8)", "3"),
    METRICS_OF_A_STEP.replace("        return {", "        self.compute_metrics(x, y, found)\n        return {"),
    METRICS_OF_A_STEP.replace(', metrics=["mae"]', ""),
    LABELS_IN_A_STEP.replace("(self, rows):\n", "(self, data):\n        rows, _ = data\n"),
    JOINED_BEFORE_IT_IS_A_VECTOR.replace("[picture, rows])\n", "[seen, rows])\n"),
    PICTURES_TIMES_ROWS.replace("48, 3", "12, 3"),
    LABELS_FIRST_IN_A_LOOP.replace("(y, x)", "(x, y)"),
    HALF_MADE_AND_SHOWN.replace("        self.dense =", "        super().__init__(**options)\n        self.dense ="),
    WORDS_FOR_PLACES.replace('"str"', "int"),
    ONE_OF_TWO_WIDTHS.replace("width_1=8", "width_1=8, width_2=4"),
    JOINED_ALONG_TWO_AXES.replace("axis=1", "axis=0"),
    HALF_MADE_AND_CALLED.replace("        self.dense =", "        super().__init__(**options)\n        self.dense ="),
    NAMED_VARIABLES.replace('"scale", [width]', '(width,), "ones"').replace(
        '"shift", shape=(width,)', '(width,), "zeros"'
    ),
    MAPPED_TO_NOTHING.replace("    rows / 2", "    return rows / 2"),
    SAMPLES_WITHOUT_CHANNELS.replace("255.0", "255.0\nx_train = x_train[..., None]"),
    OLD_NAME_OF_AN_UNKNOWN_RATE.replace("lr=", "learning_rate="),
    OLD_NAME_OF_AN_UNKNOWN_RATE.replace("lr=settings.rate, momentum=settings.momentum", "**settings"),
    OLD_NAME_OF_AN_UNKNOWN_SIZE.replace("batch_input_shape", "name").replace("(8, settings.steps, 3)", "settings.name"),
]


IN_PLACE = [
    "found[found > 0.5] = 1\nfound[found <= 0.5] = 0",
    "for place in range(len(found)):\n    found[place] = 1 if found[place] > 0.5 else 0",
    "np.round(found, out=found)",
    "np.rint(found, found)",
    "found -= found % 1",
    "np.copyto(found, np.round(found))",
    "np.putmask(found, found <= 1, 1)",
    "found[:, 0] = np.round(found[:, 0])",
]


@pytest.mark.parametrize("rounding", IN_PLACE)
async def test_predictions_that_are_made_classes_in_place_are_classes(real: Host, rounding: str) -> None:
    text = PROBABILITIES.replace("net.predict(rows)", f"net.predict(rows)\n{rounding}")
    found = await catalogue.findings(real, "rounded", text, tried=False)
    assert [item for item in found if item.severity in catalogue.LOUD] == []


async def test_places_of_one_model_are_not_tried_for_another(real: Host) -> None:
    found = await catalogue.findings(real, "fault", BESIDE_A_MODEL_OF_THE_SAME_LAYERS, tried=False)
    edited = {edit.span.line for item in found for fix in item.fixes for edit in fix.edits}
    assert edited and 5 not in edited


async def test_the_shape_that_a_loss_was_given_is_told_and_no_other(real: Host) -> None:
    text = """
import keras
import numpy as np
class Words(keras.Model):
    def __init__(self):
        super().__init__()
        self.words, self.out = keras.layers.Embedding(9, 4), keras.layers.Dense(9)
    def call(self, numbers):
        return self.out(self.words(numbers))
def measure(y, p):
    return keras.losses.sparse_categorical_crossentropy(y, p, from_logits=True)
net = Words()
net.compile("adam", measure)
net.fit(np.zeros((8, 12), "int32"), np.zeros((8, 11), "int32"))
net(np.zeros((1, 5), "int32"))
"""
    (error,) = await catalogue.findings(real, "fault", text, tried=False)
    assert "11)" in error.message and "12, 9)" in error.message and "5" not in error.message


async def test_a_loss_that_takes_more_than_it_is_given(real: Host) -> None:
    text = METRIC_OF_ONE.replace("spread(y_pred)", "spread(y_true, y_pred, share)").replace(
        '"mse", metrics=[spread]', "loss=spread"
    )
    (error,) = await catalogue.findings(real, "fault", text, tried=True)
    assert (error.code, error.span.line) == ("argument-name", 4)
    assert "a loss the labels and the predictions; `spread` takes 3 arguments" in error.message


@pytest.mark.parametrize("text", REPAIRED)
async def test_what_fits_is_not_told(real: Host, text: str) -> None:
    await assert_silent(real, text)
