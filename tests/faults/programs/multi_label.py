"""Several labels at once, with weights for samples."""

import numpy as np
from keras import Sequential, layers

rng = np.random.default_rng(7)
x = rng.random((300, 50))
y = rng.integers(0, 2, size=(300, 8)).astype("float32")
weights = rng.random(300)

model = Sequential(
    [
        layers.Input(shape=(50,)),
        layers.Dense(40, activation="relu"),
        layers.BatchNormalization(),
        layers.Dense(8, activation="sigmoid"),
    ]
)
model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["binary_accuracy"])
model.fit(x, y, sample_weight=weights, batch_size=30, epochs=2, validation_split=0.1)
