"""The scopes of `tf.distribute` strategies: which models and optimizers are made in which.

A dry run has the default strategy for every other one (`stand_ins`); what a program makes in whose scope is kept here,
as Keras keeps it (keras/src/backend/tensorflow/trainer.py and optimizer.py), since a step updates weights only where
model and optimizer belong together.
"""

from __future__ import annotations

import functools
from typing import Any

import tensorflow as tf
from keras.src.backend.tensorflow.optimizer import TFOptimizer
from keras.src.backend.tensorflow.trainer import TensorFlowTrainer

from .keras_hooks import Watch

_SCOPE = "_kls_scope"
_entered: list[Any] = []


class OneDevice:
    """The default strategy in the place of another one, with a scope of its own."""

    def __getattr__(self, name: str) -> Any:
        return getattr(tf.distribute.get_strategy(), name)

    def scope(self) -> _Scope:
        """What is made inside belongs to this strategy."""
        return _Scope(self)


class _Scope:
    """As TensorFlow's own a class, which swallows no exception: what fails inside is contained statement by statement
    (`execute`), other than in a context manager that a generator makes."""

    def __init__(self, strategy: OneDevice) -> None:
        self._strategy = strategy

    def __enter__(self) -> OneDevice:
        _entered.append(self._strategy)
        return self._strategy

    def __exit__(self, *_: Any) -> None:
        _entered.pop()


def install() -> None:
    """Note the scopes in which models and optimizers are made, in this process."""
    for owner in (TFOptimizer, TensorFlowTrainer):
        owner.__init__ = _noting(owner.__init__)


def look_at(watch: Watch, model: Any, place: Any) -> None:
    """Tell of a model that is trained at `place`, and whose optimizer was not made in its scope."""
    optimizer = getattr(model, "optimizer", None)
    made = vars(model).get(_SCOPE) or (_entered[-1] if _entered else None)
    own = vars(optimizer).get(_SCOPE) if optimizer is not None else None
    if optimizer is not None and own is not made:
        watch.told(place, "OtherScope", "optimizer" if made is not None else "model", model)


def _noting(made: Any) -> Any:
    @functools.wraps(made)
    def noting(self: Any, *arguments: Any, **keywords: Any) -> None:
        made(self, *arguments, **keywords)
        self.__dict__[_SCOPE] = _entered[-1] if _entered else None

    return noting


__all__ = ["OneDevice", "install", "look_at"]
