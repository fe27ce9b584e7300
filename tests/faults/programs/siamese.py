"""Two pictures, one shared network, how far apart they are."""

import numpy as np
import tensorflow as tf
from tensorflow.keras import layers, models


def base_network(input_shape):
    inp = layers.Input(shape=input_shape)
    x = layers.Flatten()(inp)
    x = layers.Dense(64, activation="relu")(x)
    x = layers.Dropout(0.1)(x)
    x = layers.Dense(32, activation="relu")(x)
    return models.Model(inp, x)


shared = base_network((28, 28))
left = layers.Input(shape=(28, 28))
right = layers.Input(shape=(28, 28))
difference = layers.Subtract()([shared(left), shared(right)])
distance = layers.Lambda(lambda t: tf.sqrt(tf.reduce_sum(tf.square(t), axis=1, keepdims=True) + 1e-7))(difference)
same = layers.Dense(1, activation="sigmoid")(distance)
model = models.Model(inputs=[left, right], outputs=same)
model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])

a = np.random.rand(100, 28, 28)
b = np.random.rand(100, 28, 28)
target = np.random.randint(0, 2, size=(100,)).astype("float32")
model.fit([a, b], target, batch_size=25, epochs=1)
scores = model.predict([a[:5], b[:5]])
