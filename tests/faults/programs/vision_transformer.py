"""Patches of a picture through transformer blocks."""

import keras
import numpy as np
from keras import layers, ops

image_size, patch_size, projection_dim, num_heads, depth = 32, 8, 32, 4, 2
num_patches = (image_size // patch_size) ** 2


class Patches(layers.Layer):
    def __init__(self, size):
        super().__init__()
        self.size = size

    def call(self, images):
        patches = ops.image.extract_patches(images, size=self.size)
        batch = ops.shape(images)[0]
        return ops.reshape(patches, (batch, num_patches, self.size * self.size * 3))


class PatchEncoder(layers.Layer):
    def __init__(self, count, dim):
        super().__init__()
        self.count = count
        self.projection = layers.Dense(dim)
        self.position = layers.Embedding(count, dim)

    def call(self, patch):
        positions = ops.expand_dims(ops.arange(0, self.count), axis=0)
        return self.projection(patch) + self.position(positions)


def mlp(x, units, rate):
    for size in units:
        x = layers.Dense(size, activation="gelu")(x)
        x = layers.Dropout(rate)(x)
    return x


def create_vit():
    inputs = keras.Input(shape=(image_size, image_size, 3))
    encoded = PatchEncoder(num_patches, projection_dim)(Patches(patch_size)(inputs))
    for _ in range(depth):
        x1 = layers.LayerNormalization(epsilon=1e-6)(encoded)
        attention = layers.MultiHeadAttention(num_heads=num_heads, key_dim=projection_dim)(x1, x1)
        x2 = layers.Add()([attention, encoded])
        x3 = mlp(layers.LayerNormalization(epsilon=1e-6)(x2), [64, 32], 0.1)
        encoded = layers.Add()([x3, x2])
    features = layers.Flatten()(encoded)
    logits = layers.Dense(10)(mlp(features, [64], 0.5))
    return keras.Model(inputs, logits)


pictures = np.random.rand(40, 32, 32, 3)
classes = np.random.randint(0, 10, size=(40, 1))
vit = create_vit()
vit.compile(
    optimizer="adamw",
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
)
vit.fit(pictures, classes, batch_size=10, epochs=1)
