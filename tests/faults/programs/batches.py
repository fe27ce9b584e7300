"""Batches from a class of one's own, one-hot labels made for each."""

import math

import keras
import numpy as np


class Batches(keras.utils.PyDataset):
    def __init__(self, x, y, size, **more):
        super().__init__(**more)
        self.x, self.y, self.size = x, y, size

    def __len__(self):
        return math.ceil(len(self.x) / self.size)

    def __getitem__(self, index):
        start = index * self.size
        x = self.x[start : start + self.size]
        y = keras.utils.to_categorical(self.y[start : start + self.size], num_classes=4)
        return x, y


x = np.random.rand(200, 16, 16, 3)
y = np.random.randint(0, 4, size=200)
train = Batches(x, y, 20)
model = keras.Sequential(
    [
        keras.Input(shape=(16, 16, 3)),
        keras.layers.Conv2D(8, kernel_size=3, activation="relu"),
        keras.layers.MaxPooling2D(pool_size=2),
        keras.layers.GlobalMaxPooling2D(),
        keras.layers.Dense(4, activation="softmax"),
    ]
)
model.compile(loss="categorical_crossentropy", optimizer="sgd", metrics=["accuracy"])
model.fit(train, epochs=2)
