import keras
import numpy as np
import tensorflow as tf
from keras import layers

NOISE = 64


class GAN(keras.Model):
    def __init__(self, generator, discriminator):
        super().__init__()
        self.generator, self.discriminator = generator, discriminator

    def compile(self, g_optimizer, d_optimizer, loss_fn, **more):
        super().compile(**more)
        self.g_optimizer, self.d_optimizer, self.loss_fn = g_optimizer, d_optimizer, loss_fn

    def train_step(self, real):
        batch = tf.shape(real)[0]
        fake = self.generator(tf.random.normal((batch, NOISE)))
        both = tf.concat([fake, real], 0)
        labels = tf.concat([tf.ones((batch, 1)), tf.zeros((batch, 1))], 0)
        with tf.GradientTape() as tape:
            d_loss = self.loss_fn(labels, self.discriminator(both))
        grads = tape.gradient(d_loss, self.discriminator.trainable_weights)
        self.d_optimizer.apply_gradients(zip(grads, self.discriminator.trainable_weights, strict=True))
        with tf.GradientTape() as tape:
            images = self.generator(tf.random.normal((batch, NOISE)))
            g_loss = self.loss_fn(tf.zeros((batch, 1)), self.discriminator(images))
        grads = tape.gradient(g_loss, self.generator.trainable_weights)
        self.g_optimizer.apply_gradients(zip(grads, self.generator.trainable_weights, strict=True))
        return {"d_loss": d_loss, "g_loss": g_loss}


generator = keras.Sequential(
    [
        keras.Input((NOISE,)),
        layers.Dense(7 * 7 * 128),
        layers.Reshape((7, 7, 128)),
        layers.Conv2DTranspose(128, 4, strides=2, padding="same", activation="relu"),
        layers.Conv2DTranspose(64, 4, strides=2, padding="same", activation="relu"),
        layers.Conv2D(1, 5, padding="same", activation="sigmoid"),
    ]
)
discriminator = keras.Sequential(
    [
        keras.Input((28, 28, 1)),
        layers.Conv2D(64, 3, strides=2, padding="same", activation="leaky_relu"),
        layers.Conv2D(128, 3, strides=2, padding="same", activation="leaky_relu"),
        layers.GlobalMaxPooling2D(),
        layers.Dense(1),
    ]
)
x = np.zeros((4096, 28, 28, 1), "float32")
gan = GAN(generator, discriminator)
gan.compile(
    keras.optimizers.Adam(3e-4),
    keras.optimizers.Adam(3e-4),
    keras.losses.BinaryCrossentropy(from_logits=True),
    jit_compile=False,
)
gan.fit(x, batch_size=64)
