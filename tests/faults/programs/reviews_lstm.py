"""Film reviews, stacked recurrent layers over word numbers."""

from tensorflow import keras
from tensorflow.keras.layers import LSTM, Dense, Dropout, Embedding
from tensorflow.keras.models import Sequential
from tensorflow.keras.preprocessing.sequence import pad_sequences

words, length = 5000, 80
(x_train, y_train), (x_test, y_test) = keras.datasets.imdb.load_data(num_words=words)
x_train = pad_sequences(x_train[:1000], maxlen=length)
x_test = pad_sequences(x_test[:200], maxlen=length)
y_train = y_train[:1000]
y_test = y_test[:200]

model = Sequential()
model.add(Embedding(words, 32))
model.add(LSTM(32, return_sequences=True))
model.add(Dropout(0.3))
model.add(LSTM(16))
model.add(Dense(1, activation="sigmoid"))
model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
model.fit(x_train, y_train, batch_size=32, epochs=2, validation_data=(x_test, y_test))
