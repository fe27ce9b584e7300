"""Noise taken out of pictures, encoder and decoder as two Sequentials."""

import numpy as np
from tensorflow.keras import layers, losses
from tensorflow.keras.datasets import fashion_mnist
from tensorflow.keras.models import Model, Sequential

(x_train, _), (x_test, _) = fashion_mnist.load_data()
x_train = x_train[:600].astype("float32") / 255.0
x_test = x_test[:100].astype("float32") / 255.0
x_train = np.expand_dims(x_train, axis=-1)
x_test = np.expand_dims(x_test, axis=-1)
noisy_train = x_train + 0.2 * np.random.normal(size=x_train.shape)
noisy_test = x_test + 0.2 * np.random.normal(size=x_test.shape)


class Denoise(Model):
    def __init__(self):
        super().__init__()
        self.encoder = Sequential(
            [
                layers.Input(shape=(28, 28, 1)),
                layers.Conv2D(16, (3, 3), activation="relu", padding="same", strides=2),
                layers.Conv2D(8, (3, 3), activation="relu", padding="same", strides=2),
            ]
        )
        self.decoder = Sequential(
            [
                layers.Conv2DTranspose(8, kernel_size=3, strides=2, activation="relu", padding="same"),
                layers.Conv2DTranspose(16, kernel_size=3, strides=2, activation="relu", padding="same"),
                layers.Conv2D(1, kernel_size=(3, 3), activation="sigmoid", padding="same"),
            ]
        )

    def call(self, x):
        encoded = self.encoder(x)
        return self.decoder(encoded)


autoencoder = Denoise()
autoencoder.compile(optimizer="adam", loss=losses.MeanSquaredError())
autoencoder.fit(noisy_train, x_train, epochs=1, validation_data=(noisy_test, x_test))
restored = autoencoder.predict(noisy_test[:4])
