"""Images fed to a Dense layer that waits for flat vectors.

`x_train` arrives as (60000, 28, 28): 28 rows of 28 numbers for each picture. The first layer waits for rows of 784.
Keras raises as soon as `fit` shows it the data.
"""

from tensorflow import keras
from tensorflow.keras import layers

(x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()

model = keras.Sequential(
    [
        layers.Dense(64, activation="relu", input_shape=(784,)),
        layers.Dense(10, activation="softmax"),
    ]
)
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])

model.fit(x_train, y_train)
