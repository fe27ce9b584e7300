"""A Python generator that draws batches for ever."""

import numpy as np
import tensorflow as tf
from tensorflow.keras import layers

HEIGHT, WIDTH = 20, 30


def batches(size):
    while True:
        x = np.random.uniform(size=(size, HEIGHT, WIDTH, 1)).astype("float32")
        y = x.mean(axis=(1, 2))
        yield x, y


model = tf.keras.models.Sequential(
    [
        layers.Input((HEIGHT, WIDTH, 1)),
        layers.Conv2D(4, 5, activation="relu"),
        layers.AveragePooling2D(),
        layers.Conv2D(8, 3, activation="relu"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(1),
    ]
)
model.compile("sgd", "mse")
model.fit(batches(16), steps_per_epoch=4, epochs=1)
x, y = next(batches(4))
print(model.predict(x).shape, y.shape)
