"""A label for every word: a bidirectional network with an output at each step."""

import numpy as np
from tensorflow import keras
from tensorflow.keras import layers

sentences = np.random.randint(1, 3000, size=(200, 30))
tags = np.random.randint(0, 9, size=(200, 30))

model = keras.Sequential(
    [
        keras.Input(shape=(30,)),
        layers.Embedding(input_dim=3000, output_dim=50),
        layers.Bidirectional(layers.LSTM(40, return_sequences=True)),
        layers.TimeDistributed(layers.Dense(9, activation="softmax")),
    ]
)
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(sentences, tags, batch_size=20, epochs=1)
prediction = np.argmax(model.predict(sentences[:2]), axis=-1)
