"""Raw strings through a vectorizer, then a convolution over words."""

import tensorflow as tf
from tensorflow.keras import layers

texts = tf.constant(["good film", "bad film", "what a lovely story", "dull and far too long"] * 20)
labels = tf.constant([1, 0, 1, 0] * 20)
max_features, sequence_length = 200, 25

vectorize = layers.TextVectorization(max_tokens=max_features, output_sequence_length=sequence_length)
vectorize.adapt(texts)
raw = tf.data.Dataset.from_tensor_slices((texts, labels))
train = raw.batch(16).map(lambda words, label: (vectorize(words), label))

model = tf.keras.Sequential(
    [
        layers.Embedding(max_features, 16),
        layers.Conv1D(32, 5, activation="relu"),
        layers.GlobalMaxPooling1D(),
        layers.Dropout(0.2),
        layers.Dense(1),
    ]
)
model.compile(
    loss=tf.keras.losses.BinaryCrossentropy(from_logits=True),
    optimizer="adam",
    metrics=[tf.keras.metrics.BinaryAccuracy(threshold=0.0)],
)
model.fit(train, epochs=2)
