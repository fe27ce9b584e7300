"""A table and a sequence together, two outputs."""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(0)
table = rng.normal(size=(256, 12)).astype("float32")
words = rng.integers(0, 1000, size=(256, 20))
price = rng.normal(size=(256, 1))
kind = rng.integers(0, 4, size=(256,))

table_input = keras.Input(shape=(12,), name="table")
words_input = keras.Input(shape=(20,), name="words")
a = layers.Dense(16, activation="relu")(table_input)
b = layers.Embedding(1000, 16)(words_input)
c = layers.LSTM(16)(b)
d = layers.Concatenate(axis=-1)([a, c])
d = layers.Dense(32, activation="relu")(d)
price_output = layers.Dense(1, name="price")(d)
kind_output = layers.Dense(4, activation="softmax", name="kind")(d)
model = keras.Model(inputs=[table_input, words_input], outputs=[price_output, kind_output])
model.compile(
    optimizer="adam",
    loss={"price": "mse", "kind": "sparse_categorical_crossentropy"},
    metrics={"kind": ["accuracy"]},
)
model.fit({"table": table, "words": words}, {"price": price, "kind": kind}, epochs=2, batch_size=32)
