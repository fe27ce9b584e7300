import keras
import numpy as np
from keras import layers

x = np.zeros((2048, 100), "int32")
y = np.zeros((2048, 1), "float32")
model = keras.Sequential(
    [
        keras.Input((100,)),
        layers.Embedding(20000, 128),
        layers.LSTM(256, return_sequences=True),
        layers.LSTM(256),
        layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile("adam", "binary_crossentropy", metrics=["accuracy"], jit_compile=False)
model.fit(x, y, batch_size=64)
