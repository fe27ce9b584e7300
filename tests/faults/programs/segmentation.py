"""Masks for pictures: a small U-shaped network with skip connections."""

import numpy as np
from tensorflow import keras
from tensorflow.keras import layers

pictures = np.random.rand(64, 64, 64, 3).astype("float32")
masks = np.random.randint(0, 2, size=(64, 64, 64, 1)).astype("float32")


def unet(shape=(64, 64, 3)):
    inputs = keras.Input(shape)
    c1 = layers.Conv2D(8, 3, padding="same", activation="relu")(inputs)
    p1 = layers.MaxPooling2D(2)(c1)
    c2 = layers.Conv2D(16, 3, padding="same", activation="relu")(p1)
    p2 = layers.MaxPooling2D(2)(c2)
    c3 = layers.Conv2D(32, 3, padding="same", activation="relu")(p2)
    u2 = layers.Conv2DTranspose(16, 2, strides=2)(c3)
    m2 = layers.concatenate([u2, c2], axis=-1)
    u1 = layers.Conv2DTranspose(8, 2, strides=2)(m2)
    m1 = layers.concatenate([u1, c1], axis=-1)
    outputs = layers.Conv2D(1, 1, activation="sigmoid")(m1)
    return keras.Model(inputs, outputs)


model = unet()
model.compile("adam", loss="binary_crossentropy", metrics=["accuracy"])
model.fit(pictures, masks, batch_size=8, epochs=2)
