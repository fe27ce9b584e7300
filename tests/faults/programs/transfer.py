"""A frozen base from a function, a new head on it."""

import numpy as np
import tensorflow as tf
from tensorflow.keras import layers

IMG_SIZE = (64, 64)
CLASSES = 6


def make_base():
    base = tf.keras.Sequential(name="base")
    base.add(layers.InputLayer(shape=(64, 64, 3)))
    base.add(layers.SeparableConv2D(16, 3, strides=2, activation="relu"))
    base.add(layers.BatchNormalization())
    base.add(layers.SeparableConv2D(32, 3, strides=2, activation="relu"))
    return base


augment = tf.keras.Sequential([layers.RandomFlip("horizontal"), layers.RandomRotation(0.1)])
base_model = make_base()
base_model.trainable = False
inputs = tf.keras.Input(shape=IMG_SIZE + (3,))
x = augment(inputs)
x = base_model(x, training=False)
x = layers.GlobalAveragePooling2D()(x)
x = layers.Dropout(0.2)(x)
outputs = layers.Dense(CLASSES, activation="softmax")(x)
model = tf.keras.Model(inputs, outputs)

photos = np.random.rand(48, 64, 64, 3).astype(np.float32)
kinds = tf.one_hot(np.random.randint(0, CLASSES, 48), CLASSES)
model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
model.fit(photos, kinds, epochs=1, batch_size=12)
