"""A small image classifier, as a tutorial writes it."""

import numpy as np
from tensorflow import keras
from tensorflow.keras import layers

x_train = np.random.rand(256, 28, 28, 1).astype("float32")
y_train = np.random.randint(0, 10, size=(256,))

model = keras.Sequential(
    [
        keras.Input(shape=(28, 28, 1)),
        layers.Conv2D(32, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(64, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dropout(0.5),
        layers.Dense(10, activation="softmax"),
    ]
)
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x_train, y_train, batch_size=32, epochs=1)
