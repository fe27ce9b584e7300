"""Digits through a bottleneck and back."""

import tensorflow as tf
from tensorflow.keras import Model, layers
from tensorflow.keras.datasets import mnist


class Autoencoder(Model):
    def __init__(self, size):
        super().__init__()
        self.encoder = tf.keras.Sequential(
            [
                layers.Flatten(),
                layers.Dense(size, activation="relu"),
            ]
        )
        self.decoder = tf.keras.Sequential(
            [
                layers.Dense(784, activation="sigmoid"),
                layers.Reshape((28, 28)),
            ]
        )

    def call(self, x):
        return self.decoder(self.encoder(x))


(x_train, _), (x_test, _) = mnist.load_data()
x_train = x_train.astype("float32") / 255.0
x_test = x_test.astype("float32") / 255.0
autoencoder = Autoencoder(64)
autoencoder.compile(optimizer="adam", loss=tf.keras.losses.MeanSquaredError())
autoencoder.fit(x_train, x_train, epochs=2, shuffle=True, validation_data=(x_test, x_test))
encoded = autoencoder.encoder(x_test[:8]).numpy()
decoded = autoencoder.decoder(encoded).numpy()
