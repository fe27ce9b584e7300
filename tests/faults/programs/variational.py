"""A variational autoencoder with a training step of its own."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops


class Sampling(layers.Layer):
    def call(self, inputs):
        mean, log_variance = inputs
        noise = keras.random.normal(shape=ops.shape(mean))
        return mean + ops.exp(0.5 * log_variance) * noise


latent = 2
entry = keras.Input(shape=(28, 28, 1))
x = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(entry)
x = layers.Conv2D(16, 3, strides=2, padding="same", activation="relu")(x)
x = layers.Flatten()(x)
x = layers.Dense(16, activation="relu")(x)
z_mean = layers.Dense(latent)(x)
z_log_var = layers.Dense(latent)(x)
z = Sampling()([z_mean, z_log_var])
encoder = keras.Model(entry, [z_mean, z_log_var, z])

code = keras.Input(shape=(latent,))
x = layers.Dense(7 * 7 * 16, activation="relu")(code)
x = layers.Reshape((7, 7, 16))(x)
x = layers.Conv2DTranspose(16, 3, strides=2, padding="same", activation="relu")(x)
x = layers.Conv2DTranspose(8, 3, strides=2, padding="same", activation="relu")(x)
picture = layers.Conv2D(1, 3, padding="same", activation="sigmoid")(x)
decoder = keras.Model(code, picture)


class VAE(keras.Model):
    def __init__(self, encoder, decoder):
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.total = keras.metrics.Mean(name="total")

    @property
    def metrics(self):
        return [self.total]

    def train_step(self, data):
        with tf.GradientTape() as tape:
            z_mean, z_log_var, z = self.encoder(data)
            made = self.decoder(z)
            pixels = ops.mean(ops.sum(keras.losses.binary_crossentropy(data, made), axis=(1, 2)))
            divergence = -0.5 * (1 + z_log_var - ops.square(z_mean) - ops.exp(z_log_var))
            loss = pixels + ops.mean(ops.sum(divergence, axis=1))
        gradients = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
        self.total.update_state(loss)
        return {"loss": self.total.result()}


digits = np.random.rand(64, 28, 28, 1).astype("float32")
vae = VAE(encoder, decoder)
vae.compile(optimizer=keras.optimizers.Adam())
vae.fit(digits, epochs=1, batch_size=16)
