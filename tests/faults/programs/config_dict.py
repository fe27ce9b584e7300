"""Settings in a dictionary, the network made by a function."""

import numpy as np
import tensorflow as tf

CONFIG = {"features": 16, "hidden": [64, 32], "classes": 3, "dropout": 0.3, "batch_size": 32}


def build(config):
    model = tf.keras.Sequential()
    model.add(tf.keras.Input(shape=(config["features"],)))
    for units in config["hidden"]:
        model.add(tf.keras.layers.Dense(units, activation="relu"))
        model.add(tf.keras.layers.Dropout(config["dropout"]))
    model.add(tf.keras.layers.Dense(config["classes"], activation="softmax"))
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    return model


def make_data(count):
    x = np.random.normal(size=(count, 16)).astype("float32")
    y = tf.keras.utils.to_categorical(np.random.randint(0, 3, size=count), num_classes=3)
    return x, y


x_train, y_train = make_data(320)
x_test, y_test = make_data(64)
model = build(CONFIG)
model.fit(x_train, y_train, batch_size=CONFIG["batch_size"], epochs=2, validation_data=(x_test, y_test))
print(model.evaluate(x_test, y_test, return_dict=True))
