"""A small picture network whose settings are a dataclass."""

from dataclasses import dataclass

import keras
import numpy as np
from keras import layers


@dataclass
class Settings:
    size: int = 32
    channels: int = 3
    filters: int = 16
    classes: int = 5
    rate: float = 1e-3


def network(settings: Settings) -> keras.Model:
    inputs = keras.Input(shape=(settings.size, settings.size, settings.channels))
    x = layers.Rescaling(1.0 / 255)(inputs)
    for step in range(3):
        x = layers.Conv2D(settings.filters * 2**step, kernel_size=3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D(pool_size=2)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(64, activation="relu")(x)
    outputs = layers.Dense(settings.classes, activation="softmax")(x)
    return keras.Model(inputs, outputs, name="pictures")


def main():
    settings = Settings(classes=4)
    images = np.random.randint(0, 256, size=(80, 32, 32, 3))
    labels = np.random.randint(0, 4, size=(80,))
    model = network(settings)
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate=settings.rate),
        loss=keras.losses.SparseCategoricalCrossentropy(),
        metrics=["accuracy"],
    )
    model.fit(images, labels, batch_size=16, epochs=1, validation_split=0.2)


if __name__ == "__main__":
    main()
