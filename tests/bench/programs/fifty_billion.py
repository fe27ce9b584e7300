"""Five dense layers of 100,000 units: fifty billion parameters, 200 GB of weights."""

import numpy as np
from tensorflow import keras
from tensorflow.keras import layers

x_train = np.zeros((64, 100_000), dtype="float32")
y_train = np.zeros((64,), dtype="int64")

model = keras.Sequential([keras.Input(shape=(100_000,))])
for _ in range(5):
    model.add(layers.Dense(100_000, activation="relu"))
model.add(layers.Dense(10, activation="softmax"))
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
model.fit(x_train, y_train)
