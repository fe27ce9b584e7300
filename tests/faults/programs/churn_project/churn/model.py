"""A tagger as a subclassed model."""

import keras
from keras import layers

CLASSES = 5


class Tagger(keras.Model):
    def __init__(self, classes):
        super().__init__()
        self.embed = layers.Embedding(300, 24)
        self.lstm = layers.Bidirectional(layers.LSTM(16, return_sequences=True))
        self.norm = layers.LayerNormalization()
        self.head = layers.Dense(classes, activation="softmax")

    def call(self, words):
        x = self.embed(words)
        x = self.lstm(x)
        return self.head(self.norm(x))
