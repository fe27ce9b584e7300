import keras
import numpy as np
from keras import layers

x = np.zeros((65536, 256), "float32")
y = np.zeros((65536, 1), "float32")
model = keras.Sequential(
    [
        keras.Input((256,)),
        layers.Dense(2048, activation="relu"),
        layers.BatchNormalization(),
        layers.Dense(2048, activation="relu"),
        layers.Dropout(0.3),
        layers.Dense(1024, activation="relu"),
        layers.Dense(1),
    ]
)
model.compile("adam", "mse", jit_compile=False)
model.fit(x, y, batch_size=4096)
