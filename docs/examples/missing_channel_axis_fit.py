"""Grey pictures fed to a convolution, without the axis for their one channel.

`x_train` arrives as (60000, 28, 28), the model waits for (28, 28, 1). Keras 3 adds the axis by itself and this runs.
Keras 2 raised, and so does Keras 3 where the missing axis is not of size 1 or the model is not built yet.
"""

from tensorflow import keras
from tensorflow.keras import layers

(x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()

model = keras.Sequential(
    [
        layers.Conv2D(32, (3, 3), activation="relu", input_shape=(28, 28, 1)),
        layers.MaxPooling2D((2, 2)),
        layers.Flatten(),
        layers.Dense(10, activation="softmax"),
    ]
)
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])

model.fit(x_train, y_train)
