"""`tf.data` around a generator, with its signature."""

import numpy as np
import tensorflow as tf

STEPS, SENSORS = 50, 6


def recordings():
    random = np.random.default_rng(1)
    for _ in range(64):
        yield random.normal(size=(STEPS, SENSORS)).astype("float32"), random.integers(0, 3)


signature = (
    tf.TensorSpec(shape=(STEPS, SENSORS), dtype=tf.float32),
    tf.TensorSpec(shape=(), dtype=tf.int32),
)
dataset = tf.data.Dataset.from_generator(recordings, output_signature=signature)
dataset = dataset.batch(8).prefetch(1)

model = tf.keras.Sequential()
model.add(tf.keras.layers.Input(shape=(STEPS, SENSORS)))
model.add(tf.keras.layers.Conv1D(16, 5, activation="relu"))
model.add(tf.keras.layers.MaxPooling1D(2))
model.add(tf.keras.layers.LSTM(20))
model.add(tf.keras.layers.Dense(3))
model.compile(
    optimizer="adam",
    loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["sparse_categorical_accuracy"],
)
model.fit(dataset, epochs=1)
