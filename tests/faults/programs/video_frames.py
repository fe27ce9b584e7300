"""Short films: a convolution for every frame, recurrence over frames."""

import numpy as np
from tensorflow import keras
from tensorflow.keras import layers

FRAMES, SIZE, KINDS = 6, 24, 3
films = np.random.rand(12, 6, 24, 24, 3)
kinds = keras.utils.to_categorical(np.random.randint(0, 3, 12), 3)

frame_network = keras.Sequential()
frame_network.add(layers.Input(shape=(SIZE, SIZE, 3)))
frame_network.add(layers.Conv2D(8, 3, activation="relu"))
frame_network.add(layers.MaxPool2D())
frame_network.add(layers.Flatten())

model = keras.Sequential(name="films")
model.add(layers.Input(shape=(FRAMES, SIZE, SIZE, 3)))
model.add(layers.TimeDistributed(frame_network))
model.add(layers.GRU(16, return_sequences=True))
model.add(layers.GRU(16))
model.add(layers.Dense(KINDS, activation="softmax"))
model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["categorical_accuracy"])
model.fit(films, kinds, batch_size=4, epochs=1)
