import keras
import numpy as np
from keras import layers

x = np.zeros((4096, 32, 32, 3), "float32")
y = np.zeros((4096,), "int32")
model = keras.Sequential(
    [
        keras.Input((32, 32, 3)),
        layers.Conv2D(64, 3, activation="relu", padding="same"),
        layers.Conv2D(64, 3, activation="relu", padding="same"),
        layers.MaxPooling2D(),
        layers.Conv2D(128, 3, activation="relu", padding="same"),
        layers.Conv2D(128, 3, activation="relu", padding="same"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(10, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=False)
model.fit(x, y, batch_size=128)
