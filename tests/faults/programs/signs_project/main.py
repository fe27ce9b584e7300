"""Trains on made signs; settings in one module, the model built by a class in another."""

import config
from builder import SignNet
from datasets import make_signs, pipeline

if __name__ == "__main__":
    images, labels = make_signs(60)
    train = pipeline(images, labels, config.BATCH)
    net = SignNet(config.CLASSES).build()
    net.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    net.fit(train, epochs=config.EPOCHS)
    net.predict(images[:2])
