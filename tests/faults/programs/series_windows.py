"""The next value of a series, from windows cut by hand."""

import numpy as np
from tensorflow import keras

series = np.sin(np.arange(1000) / 10).astype("float32")
window = 24
x = np.array([series[i : i + window] for i in range(len(series) - window)])
y = series[window:]
x = x.reshape(-1, window, 1)
split = 800
x_train, x_valid = x[:split], x[split:]
y_train, y_valid = y[:split], y[split:]

model = keras.models.Sequential(
    [
        keras.layers.SimpleRNN(20, return_sequences=True, input_shape=(window, 1)),
        keras.layers.GRU(20),
        keras.layers.Dense(1),
    ]
)
model.compile(loss="mse", optimizer="adam", metrics=["mae"])
history = model.fit(x_train, y_train, epochs=3, validation_data=(x_valid, y_valid))
print(model.predict(x_valid[:3]))
