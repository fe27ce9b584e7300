import keras
import numpy as np
from keras import layers

LENGTH, WIDTH, WORDS = 128, 256, 10000
x = np.zeros((2048, LENGTH), "int32")
y = np.zeros((2048, LENGTH), "int32")
inputs = keras.Input((LENGTH,), dtype="int32")
h = layers.Embedding(WORDS, WIDTH)(inputs)
for _ in range(4):
    a = layers.MultiHeadAttention(8, WIDTH // 8)(h, h, use_causal_mask=True)
    h = layers.LayerNormalization()(h + a)
    f = layers.Dense(4 * WIDTH, activation="gelu")(h)
    f = layers.Dense(WIDTH)(f)
    h = layers.LayerNormalization()(h + f)
outputs = layers.Dense(WORDS)(h)
model = keras.Model(inputs, outputs)
model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=False)
model.fit(x, y, batch_size=16)
