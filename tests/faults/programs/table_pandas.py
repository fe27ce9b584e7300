"""Who leaves: a table of customers, some columns of words."""

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split
from tensorflow import keras

rows = 200
table = pd.DataFrame(
    {
        "age": np.random.randint(18, 80, rows),
        "balance": np.random.normal(1000, 300, rows),
        "country": np.random.choice(["France", "Spain", "Germany"], rows),
        "active": np.random.randint(0, 2, rows),
        "left": np.random.randint(0, 2, rows),
    }
)
features = table.drop(columns=["left"])
features = pd.get_dummies(features, columns=["country"]).astype("float32")
x_train, x_test, y_train, y_test = train_test_split(features.values, table["left"].values, test_size=0.25)

model = keras.Sequential(
    [
        keras.layers.Input(shape=(6,)),
        keras.layers.BatchNormalization(),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
model.fit(x_train, y_train, batch_size=16, epochs=3, validation_data=(x_test, y_test))
