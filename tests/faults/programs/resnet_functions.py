"""A residual network from small functions, labels one-hot."""

import tensorflow as tf
from tensorflow.keras.layers import Activation, AveragePooling2D, BatchNormalization, Conv2D, Dense, Flatten, Input, add
from tensorflow.keras.models import Model
from tensorflow.keras.utils import to_categorical

num_classes = 10


def resnet_layer(inputs, filters=16, kernel=3, strides=1, activation="relu"):
    x = Conv2D(filters, kernel_size=kernel, strides=strides, padding="same")(inputs)
    x = BatchNormalization()(x)
    return Activation(activation)(x) if activation else x


def resnet(shape, blocks):
    inputs = Input(shape=shape)
    x = resnet_layer(inputs)
    filters = 16
    for stack in range(2):
        for block in range(blocks):
            strides = 2 if stack > 0 and block == 0 else 1
            y = resnet_layer(x, filters, strides=strides)
            y = resnet_layer(y, filters, activation=None)
            if strides == 2:
                x = resnet_layer(x, filters, kernel=1, strides=2, activation=None)
            x = Activation("relu")(add([x, y]))
        filters *= 2
    x = AveragePooling2D(pool_size=8)(x)
    x = Flatten()(x)
    outputs = Dense(num_classes, activation="softmax")(x)
    return Model(inputs=inputs, outputs=outputs)


(x_train, y_train), (x_test, y_test) = tf.keras.datasets.cifar10.load_data()
x_train, x_test = x_train[:500] / 255.0, x_test[:100] / 255.0
y_train = to_categorical(y_train[:500], num_classes)
y_test = to_categorical(y_test[:100], num_classes)
model = resnet(x_train.shape[1:], 1)
model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
model.fit(x_train, y_train, batch_size=50, epochs=1, validation_data=(x_test, y_test), shuffle=True)
