"""House prices through `tf.data`, with a normalisation that is adapted."""

import tensorflow as tf
from tensorflow.keras import layers

(x_train, y_train), (x_test, y_test) = tf.keras.datasets.california_housing.load_data(version="small")
dataset = tf.data.Dataset.from_tensor_slices((x_train, y_train))
train = dataset.shuffle(512).batch(32).prefetch(tf.data.AUTOTUNE)
test = tf.data.Dataset.from_tensor_slices((x_test, y_test)).batch(32)

normalize = layers.Normalization(axis=-1)
normalize.adapt(x_train)
model = tf.keras.Sequential(
    [
        layers.Input(shape=(8,)),
        normalize,
        layers.Dense(64, activation="relu"),
        layers.Dense(1),
    ]
)
model.compile(optimizer=tf.keras.optimizers.Adam(0.01), loss="mean_squared_error", metrics=["mae"])
model.fit(train, validation_data=test, epochs=3)
model.evaluate(test)
