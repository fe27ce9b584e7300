"""A layer of one's own with weights: attention over time."""

import tensorflow as tf
from tensorflow.keras import layers, models


class AttentionPool(layers.Layer):
    def __init__(self, units=16, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1], self.units), initializer="glorot_uniform", name="w")
        self.v = self.add_weight(shape=(self.units, 1), initializer="glorot_uniform", name="v")

    def call(self, x):
        scores = tf.matmul(tf.tanh(tf.matmul(x, self.w)), self.v)
        weights = tf.nn.softmax(scores, axis=1)
        return tf.reduce_sum(weights * x, axis=1)


def build_model(steps, features):
    sequence = layers.Input(shape=(steps, features))
    hidden = layers.Bidirectional(layers.GRU(12, return_sequences=True))(sequence)
    pooled = AttentionPool(8)(hidden)
    return models.Model(sequence, layers.Dense(2, activation="softmax")(pooled))


x = tf.random.normal((90, 25, 5))
y = tf.random.uniform((90,), maxval=2, dtype=tf.int32)
model = build_model(25, 5)
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, batch_size=30, epochs=1)
