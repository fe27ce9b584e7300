"""A transformer block over word numbers, classes at the end."""

import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

LENGTH, WORDS, WIDTH, CLASSES = 40, 2000, 32, 3


class Positions(layers.Layer):
    def __init__(self, length, words, width):
        super().__init__()
        self.tokens = layers.Embedding(words, width)
        self.places = layers.Embedding(length, width)

    def call(self, x):
        places = tf.range(start=0, limit=tf.shape(x)[-1], delta=1)
        return self.tokens(x) + self.places(places)


inputs = layers.Input(shape=(LENGTH,))
x = Positions(LENGTH, WORDS, WIDTH)(inputs)
attended = layers.MultiHeadAttention(num_heads=2, key_dim=WIDTH)(x, x)
x = layers.LayerNormalization()(layers.Add()([x, attended]))
inner = layers.Dense(64, activation="relu")(x)
inner = layers.Dense(WIDTH)(inner)
x = layers.Add()([x, inner])
x = layers.GlobalAveragePooling1D()(x)
outputs = layers.Dense(CLASSES, activation="softmax")(x)
model = keras.Model(inputs=inputs, outputs=outputs)
model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])

x_train = np.random.randint(0, WORDS, size=(500, LENGTH))
y_train = np.random.randint(0, CLASSES, size=(500,))
model.fit(x_train, y_train, batch_size=50, epochs=1, validation_split=0.2)
