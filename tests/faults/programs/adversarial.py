"""Two networks against each other, one step of each."""

import numpy as np
from tensorflow.keras.layers import Conv2D, Dense, Flatten, Input, LeakyReLU, Reshape, UpSampling2D
from tensorflow.keras.models import Sequential

noise = 100
generator = Sequential(
    [
        Input(shape=(noise,)),
        Dense(7 * 7 * 16),
        Reshape((7, 7, 16)),
        UpSampling2D(),
        Conv2D(8, 3, padding="same"),
        LeakyReLU(),
        UpSampling2D(),
        Conv2D(1, 3, padding="same", activation="tanh"),
    ]
)
discriminator = Sequential(
    [
        Input(shape=(28, 28, 1)),
        Conv2D(16, 3, strides=2, padding="same"),
        LeakyReLU(),
        Flatten(),
        Dense(1, activation="sigmoid"),
    ]
)
discriminator.compile(loss="binary_crossentropy", optimizer="adam")
real = np.random.rand(32, 28, 28, 1)
made = generator.predict(np.random.normal(0, 1, (32, noise)))
discriminator.train_on_batch(real, np.ones((32, 1)))
discriminator.train_on_batch(made, np.zeros((32, 1)))
combined = Sequential([generator, discriminator])
combined.compile(loss="binary_crossentropy", optimizer="adam")
combined.train_on_batch(np.random.normal(0, 1, (32, noise)), np.ones((32, 1)))
