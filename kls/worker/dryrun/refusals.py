"""What Keras and TensorFlow refuse in a step, and a trace of it alone would not: what they look at when it is over,
when it runs, or when it is traced once more."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from typing import Any

import keras
import tensorflow as tf
from keras import tree

from .unknown import Unknown, UnknownValue


def unknown_values(value: Any) -> None:
    """Raise UnknownValue for what is not known."""
    for item in tree.flatten(value) if isinstance(value, (tuple, list, dict)) else [value]:
        if isinstance(item, Unknown):
            raise UnknownValue(item.reason)


def unmet_metrics(model: Any) -> None:
    """Metrics of `compile` that a step never updated have no result, for which Keras asks after each epoch
    (keras/src/trainers/trainer.py, `get_metrics_result`)."""
    compiled = getattr(model, "_compile_metrics", None)
    if compiled is not None and not compiled.built and any(item is compiled for item in model.metrics):
        compiled.result()


def plain_logs(logs: Any) -> None:
    """What a step returns is turned into a dict; TensorFlow says what cannot be. A step that returns nothing is refused
    where `fit` wraps its value (keras/src/backend/tensorflow/trainer.py, `multi_step_on_iterator`)."""
    if logs is None:
        tf.experimental.Optional.from_value(logs)
    if isinstance(logs, dict):
        return
    if isinstance(logs, (tf.Tensor, tf.Variable)) and logs.shape.rank == 0:
        raise TypeError("Cannot iterate over a scalar tensor.")


@contextlib.contextmanager
def variables_made(refuse: bool) -> Generator[list[Any], None, None]:
    """Collects the weights that are made meanwhile; with `refuse`, making one is what TensorFlow says of a function
    that is traced again (tensorflow/python/eager/polymorphic_function/polymorphic_function.py)."""
    made: list[Any] = []
    initialize = keras.Variable.__init__

    def counting(self: Any, *args: Any, **keywords: Any) -> None:
        initialize(self, *args, **keywords)
        if getattr(self, "trainable", False):
            made.append(self)
            if refuse:
                raise ValueError(
                    "tf.function only supports singleton tf.Variables created on the first call. Make sure the "
                    "tf.Variable is only created once or created outside tf.function."
                )

    keras.Variable.__init__ = counting
    try:
        yield made
    finally:
        keras.Variable.__init__ = initialize


def string_casts(graph: Any) -> None:
    """TensorFlow checks casts of strings to numbers only when they run; they never succeed. Raises as such a cast does
    (UnimplementedError)."""
    for operation in graph.get_operations():
        if operation.type == "Cast" and operation.inputs[0].dtype == tf.string:
            with tf.init_scope():
                tf.raw_ops.Cast(x=tf.constant(""), DstT=operation.outputs[0].dtype)
