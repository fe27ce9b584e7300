"""Forecast of several steps from windows of a series, by `timeseries_dataset_from_array`."""

import numpy as np
from tensorflow import keras
from tensorflow.keras import layers

values = np.random.normal(size=(600, 7)).astype("float32")
past, ahead = 36, 12
x = values[:-ahead]
y = values[past + ahead :, 0]
windows = keras.utils.timeseries_dataset_from_array(x, y, sequence_length=past, batch_size=32)

inputs = layers.Input(shape=(past, 7))
h = layers.LSTM(16, return_sequences=True)(inputs)
h = layers.LSTM(8)(h)
outputs = layers.Dense(1)(h)
model = keras.Model(inputs=inputs, outputs=outputs)
model.compile(optimizer=keras.optimizers.RMSprop(learning_rate=0.001), loss="mse", metrics=["mae"])
model.fit(windows, epochs=1)
for batch, target in windows.take(1):
    print(batch.shape, target.shape, model.predict(batch).shape)
