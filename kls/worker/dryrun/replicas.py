"""Programs that train on several devices, in a real step: on logical devices of the processor in place of real ones.

TensorFlow can divide a processor into logical devices, but only before it starts. So a program whose text speaks of
`MirroredStrategy` has `MOST` of them, and its strategy takes as many as it names. `keras.distribution` needs none:
Keras's TensorFlow backend trains on one device whatever it is told (keras/src/backend/tensorflow/distribution_lib.py).
"""

from __future__ import annotations

import re
from typing import Any

import tensorflow as tf

from .state import Run

MOST = 8
"""Logical devices there are: a program that names more is told so."""
_SPEAKS = re.compile(r"\bMirroredStrategy\b")


def prepare(run: Run) -> None:
    """Divide the processor if the program speaks of several devices. Must come before TensorFlow starts."""
    if run.probe.step_bytes and any(_SPEAKS.search(source.text) for source in run.probe.sources):
        processor = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * MOST)


def install(run: Run) -> None:
    """`MirroredStrategy` takes the processor's logical devices for those that it is given; without any, the one
    processor."""
    mirrored = tf.distribute.MirroredStrategy

    def strategy(devices: Any = None, cross_device_ops: Any = None) -> Any:
        names = [str(device) for device in devices or ()]
        if len(names) > MOST:
            raise ValueError(f"{len(names)} devices: logical ones can stand in for {MOST}")
        run.stood_in = names
        return mirrored([f"CPU:{number}" for number in range(len(names) or 1)], cross_device_ops)

    tf.distribute.MirroredStrategy = strategy


__all__ = ["MOST", "install", "prepare"]
