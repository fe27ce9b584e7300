"""Layers kept in a dictionary, inputs by name, one dataset of dictionaries."""

import numpy as np
import tensorflow as tf
from tensorflow.keras import layers as L

WIDTHS = {"numbers": 9, "choice": 4}
inputs = {name: L.Input(shape=(width,), name=name) for name, width in WIDTHS.items()}
parts = [L.Dense(8, activation="relu")(inputs["numbers"]), L.Dense(8, activation="relu")(inputs["choice"])]
merged = L.Concatenate(axis=-1)(parts)
hidden = L.Dense(12, activation="relu")(merged)
skip = L.Add()([hidden, L.Dense(12)(inputs["numbers"])])
answer = L.Dense(1, activation="sigmoid")(skip)
model = tf.keras.Model(inputs=inputs, outputs=answer)
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["AUC"])

data = {
    "numbers": np.random.rand(120, 9).astype("float32"),
    "choice": np.random.rand(120, 4).astype("float32"),
}
truth = np.random.randint(0, 2, 120)
dataset = tf.data.Dataset.from_tensor_slices((data, truth)).batch(24)
model.fit(dataset, epochs=1)
