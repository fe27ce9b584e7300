"""Trains the tagger of the package beside it."""

from churn import CLASSES, Tagger, sentences


def train():
    words, tags = sentences(90)
    tagger = Tagger(CLASSES)
    tagger.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    tagger.fit(words, tags, batch_size=30, epochs=1, validation_split=0.1)
    return tagger


if __name__ == "__main__":
    train().summary()
