"""Whole numbers as features, with no word about their type.

NumPy makes `x_train` of int64. This runs: Keras casts the numbers to float32 where they enter the model, and the loss
is the same as for floats. kls only tells you that it happens.
"""

import numpy as np
from tensorflow import keras
from tensorflow.keras import layers

x_train = np.random.randint(0, 100, size=(100, 10))
y_train = np.random.randint(0, 2, size=(100, 1))

model = keras.Sequential(
    [
        layers.Dense(64, activation="relu", input_shape=(10,)),
        layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])

model.fit(x_train, y_train)
