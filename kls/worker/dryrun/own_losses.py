"""What the author's own calls of a loss are given: `loss_fn(labels, model(x))` in a training loop.

`fit` looks at what `compile` was given; here the loss is made and called by the author, and nobody compares it with the
model. What is told is where the loss is made, what it is, and the model whose output it is given.
"""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any, Optional

import tensorflow as tf
from keras.src.losses.loss import Loss

from ..protocol import Span
from .keras_hooks import Watch
from .places import is_own
from .state import Run

LOSSES = ("CategoricalCrossentropy", "SparseCategoricalCrossentropy", "BinaryCrossentropy", "BinaryFocalCrossentropy")
"""Losses for which it matters whether the predictions are probabilities, and which argument they are."""


def install(run: Run, watch: Watch) -> None:
    """Watch the losses of this process."""
    made, called = Loss.__init__, Loss.__call__

    def watched_init(self: Any, *arguments: Any, **keywords: Any) -> None:
        made(self, *arguments, **keywords)
        if type(self).__name__ in LOSSES and type(self).__module__.startswith("keras."):
            self.__dict__["_kls_made"] = _author_of(run, sys._getframe(1))

    def watched_call(self: Any, y_true: Any, y_pred: Any, *arguments: Any, **keywords: Any) -> Any:
        place = self.__dict__.get("_kls_made")
        if place is not None and not _by_keras(sys._getframe(1)):
            _tell(watch, self, place, y_true, y_pred)
        return called(self, y_true, y_pred, *arguments, **keywords)

    Loss.__init__, Loss.__call__ = watched_init, watched_call  # type: ignore[method-assign]


def _author_of(run: Run, frame: Optional[FrameType]) -> Optional[Span]:
    """The author's expression that made a loss; None where Keras made it by its name."""
    while frame is not None and (is_own(frame.f_code.co_filename) or frame.f_code.co_name == "__init__"):
        if run.files.owns(frame.f_code.co_filename):
            break
        frame = frame.f_back
    owned = frame is not None and run.files.owns(frame.f_code.co_filename)
    return run.files.span_of_frame(frame) if owned and frame is not None else None


def _by_keras(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__", "")).startswith("keras.")


def _tell(watch: Watch, loss: Any, place: Span, y_true: Any, y_pred: Any) -> None:
    model, other = watch.predicted_by(y_pred), watch.predicted_by(y_true)
    shape = getattr(y_pred, "shape", None)
    if not isinstance(y_pred, tf.Tensor) or shape is None or not shape.rank:
        return
    logits = int(bool(getattr(loss, "from_logits", False)))
    exchanged = model is None and other is not None
    message = f"{type(loss).__name__} {logits} {shape[-1]}"
    watch.told(place, "ExchangedLoss" if exchanged else "OwnLoss", message, other if exchanged else model)


def look_at_perfect(watch: Watch, model: Any) -> None:
    """Tell of a loss of the author's own that takes logarithms and is NaN where each prediction is the label, 0 or 1.

    A sigmoid or softmax of float32 gives exactly these numbers once its input is large.
    """
    loss = getattr(model, "loss", None)
    code = getattr(loss, "__code__", None)
    shape = getattr(model, "output_shape", None)
    if loss is None or code is None or not watch.run.files.owns(code.co_filename) or "log" not in code.co_names:
        return
    if not isinstance(shape, tuple) or len(shape) != 2 or not isinstance(shape[1], int) or shape[1] > _WIDEST:
        return
    run = watch.run
    told = [(items, len(items)) for items in (run.failures, run.gaps, run.warnings)]
    try:
        with tf.init_scope():
            rows = tf.one_hot(tf.range(shape[1]), shape[1]) if shape[1] > 1 else tf.constant([[0.0], [1.0]])
            value = loss(rows, rows)
            spoilt = bool(tf.reduce_any(tf.math.is_nan(tf.cast(value, tf.float32))))
    except Exception:
        return
    finally:
        for items, count in told:
            del items[count:]  # what such labels do to it is not what the program does
    place = run.files.span_of_line(code.co_filename, code.co_firstlineno)
    if spoilt and place is not None:
        watch.told(place, "NanLoss", code.co_name, model)


_WIDEST = 512
