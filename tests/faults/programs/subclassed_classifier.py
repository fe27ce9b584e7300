"""A model as a class, layers made in `__init__`, used in `call`."""

import tensorflow as tf
from tensorflow import keras


class Classifier(keras.Model):
    def __init__(self, classes, **more):
        super().__init__(**more)
        self.conv1 = keras.layers.Conv2D(8, 3, activation="relu")
        self.pool = keras.layers.MaxPooling2D(2)
        self.conv2 = keras.layers.Conv2D(16, 3, activation="relu")
        self.flatten = keras.layers.Flatten()
        self.dropout = keras.layers.Dropout(0.5)
        self.out = keras.layers.Dense(classes, activation="softmax")

    def call(self, inputs, training=False):
        x = self.pool(self.conv1(inputs))
        x = self.pool(self.conv2(x))
        x = self.flatten(x)
        x = self.dropout(x, training=training)
        return self.out(x)


(x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
x_train = x_train[:1000, ..., tf.newaxis] / 255.0
x_test = x_test[:200, ..., tf.newaxis] / 255.0
y_train, y_test = y_train[:1000], y_test[:200]

train = tf.data.Dataset.from_tensor_slices((x_train, y_train)).shuffle(1000).batch(50)
test = tf.data.Dataset.from_tensor_slices((x_test, y_test)).batch(50)
model = Classifier(10)
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(train, epochs=2, validation_data=test)
model.evaluate(test)
