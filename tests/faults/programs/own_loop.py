"""Training written by hand: a dataset, a tape, an optimizer."""

import numpy as np
import tensorflow as tf
from tensorflow import keras

x = np.random.rand(640, 20).astype("float32")
y = np.random.randint(0, 5, size=(640,))
dataset = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(640).batch(64)

model = keras.Sequential(
    [
        keras.layers.Input(shape=(20,)),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dense(5),
    ]
)
loss_function = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
optimizer = keras.optimizers.Adam(1e-3)
accuracy = keras.metrics.SparseCategoricalAccuracy()


@tf.function
def train_step(images, labels):
    with tf.GradientTape() as tape:
        logits = model(images, training=True)
        loss = loss_function(labels, logits)
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
    accuracy.update_state(labels, logits)
    return loss


for epoch in range(2):
    for images, labels in dataset:
        loss = train_step(images, labels)
    print(epoch, float(loss), float(accuracy.result()))
