import keras
import numpy as np
from keras import layers


def block(x, width):
    for _ in range(2):
        x = layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        x = layers.Activation("relu")(x)
    return x


x = np.zeros((64, 128, 128, 3), "float32")
y = np.zeros((64, 128, 128, 1), "float32")
inputs = keras.Input((128, 128, 3))
kept, h = [], inputs
for width in (16, 32, 64):
    h = block(h, width)
    kept.append(h)
    h = layers.MaxPooling2D()(h)
h = block(h, 128)
for width in (64, 32, 16):
    h = layers.Conv2DTranspose(width, 2, strides=2)(h)
    h = block(layers.Concatenate()([h, kept.pop()]), width)
outputs = layers.Conv2D(1, 1, activation="sigmoid")(h)
model = keras.Model(inputs, outputs)
model.compile("adam", "binary_crossentropy", jit_compile=False)
model.fit(x, y, batch_size=8)
