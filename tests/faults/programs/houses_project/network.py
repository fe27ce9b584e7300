"""The network of the project."""

from tensorflow.keras import layers, models


def make_model(features):
    model = models.Sequential()
    model.add(layers.Input(shape=(10,)))
    model.add(layers.Dense(32, activation="relu"))
    model.add(layers.Dropout(0.2))
    model.add(layers.Dense(16, activation="relu"))
    model.add(layers.Dense(1))
    model.compile(optimizer="adam", loss="mean_squared_error", metrics=["mae"])
    return model
