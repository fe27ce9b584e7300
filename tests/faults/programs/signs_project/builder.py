"""The network, made by a class."""

import config
from tensorflow.keras import layers, models


class SignNet:
    def __init__(self, classes):
        self.classes = classes

    def block(self, x, filters):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        return layers.MaxPooling2D(2)(x)

    def build(self):
        inputs = layers.Input(shape=(config.IMAGE, config.IMAGE, 3))
        x = inputs
        for filters in (8, 16):
            x = self.block(x, filters)
        x = layers.Flatten()(x)
        x = layers.Dense(32, activation="relu")(x)
        outputs = layers.Dense(self.classes, activation="softmax")(x)
        return models.Model(inputs, outputs)
