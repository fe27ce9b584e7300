"""Still being typed: the numbers have not met the model yet. `fit` will cast them to float32."""

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
