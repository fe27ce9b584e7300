"""Made houses: ten features, one price."""

import numpy as np


def load(features):
    rng = np.random.default_rng(3)
    x = rng.normal(size=(240, 10)).astype("float32")
    y = x[:, :1] * 3 + rng.normal(size=(240, 1))
    return x[:200], y[:200], x[200:], y[200:]
