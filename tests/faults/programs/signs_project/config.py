"""Settings."""

IMAGE = 40
CLASSES = 7
BATCH = 15
EPOCHS = 1
