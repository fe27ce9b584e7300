"""The next letter, by one-hot windows over a text."""

import numpy as np
from tensorflow.keras import layers
from tensorflow.keras.models import Sequential

text = "the quick brown fox jumps over the lazy dog and runs away from the angry bear " * 6
chars = sorted(set(text))
char_to_index = {c: i for i, c in enumerate(chars)}
maxlen, step = 20, 3
sentences = [text[i : i + maxlen] for i in range(0, len(text) - maxlen, step)]
following = [text[i + maxlen] for i in range(0, len(text) - maxlen, step)]

x = np.zeros((len(sentences), maxlen, len(chars)), dtype="bool")
y = np.zeros((len(sentences), len(chars)), dtype="bool")
for i, sentence in enumerate(sentences):
    for t, char in enumerate(sentence):
        x[i, t, char_to_index[char]] = 1
    y[i, char_to_index[following[i]]] = 1

model = Sequential()
model.add(layers.Input(shape=(maxlen, len(chars))))
model.add(layers.LSTM(32))
model.add(layers.Dense(len(chars), activation="softmax"))
model.compile(loss="categorical_crossentropy", optimizer="rmsprop")
model.fit(x, y, batch_size=16, epochs=1)
