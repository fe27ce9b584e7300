"""Classes of short signals, convolutions along time."""

import numpy as np
from tensorflow.keras.layers import Conv1D, Dense, Dropout, Flatten, Input, MaxPooling1D
from tensorflow.keras.models import Model
from tensorflow.keras.utils import to_categorical

signals = np.random.normal(size=(300, 128, 9))
labels = to_categorical(np.random.randint(0, 6, size=300), num_classes=6)

entry = Input(shape=(128, 9))
x = Conv1D(filters=32, kernel_size=3, activation="relu")(entry)
x = Conv1D(filters=32, kernel_size=3, activation="relu")(x)
x = Dropout(0.5)(x)
x = MaxPooling1D(pool_size=2)(x)
x = Flatten()(x)
x = Dense(50, activation="relu")(x)
out = Dense(6, activation="softmax")(x)
model = Model(inputs=entry, outputs=out)
model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
model.fit(signals, labels, epochs=2, batch_size=32, verbose=0)
loss, accuracy = model.evaluate(signals, labels, batch_size=32)
