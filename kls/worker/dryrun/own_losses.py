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
