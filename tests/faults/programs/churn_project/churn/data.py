"""Made sentences with a tag for each word."""

import numpy as np

LENGTH = 18


def sentences(count):
    words = np.random.randint(0, 300, size=(count, LENGTH))
    tags = np.random.randint(0, 5, size=(count, LENGTH))
    return words, tags
