"""Callbacks: the author's own methods are called once, behind the `fit` that they were given to.

Of Keras's own it is looked at what can be told before a training, and a checkpoint is written where the program may
read it.
Which epoch it is and what the logs hold is Unknown; the names in the logs are known where the step was traced. A
learning rate is asked for as in the first epoch; what a callback watches must be there, and Keras must know whether
more of it is better.
"""

from __future__ import annotations

from typing import Any

import keras
from keras.callbacks import Callback, EarlyStopping, LearningRateScheduler, ModelCheckpoint, ReduceLROnPlateau

from ..protocol import Span, Warned
from . import results
from .gaps import gap_kind
from .state import Run
from .unknown import Unknown, UnknownValue

__all__ = ["play"]

_WATCHING = (EarlyStopping, ReduceLROnPlateau, ModelCheckpoint)


def play(run: Run, model: Any, given: Any, training: results.Names, validation: results.Names, span: Span) -> None:
    """Have the callbacks that the `fit` at `span` is given go through one epoch, with the names `training` in the logs
    and those of a `validation`. Raises what a function of the author or Keras raises that is not contained."""
    listed = list(results.flat(results.given(given)))
    _own(run, model, [item for item in listed if _is_own(item)], training, validation, span.line)
    for item in listed:
        if isinstance(item, LearningRateScheduler):
            _schedule(run, model, item)
        elif type(item) in _WATCHING and getattr(model, "optimizer", None) is not None:
            item.set_model(model)
            both = None if training is None or validation is None else results.names_of_both(training, validation)
            if both is not None:
                _watch(run, item, both, results.only_of_keras(given), span)
            if type(item) is ModelCheckpoint:
                _write(run, model, item)


def _own(run: Run, model: Any, own: list[Any], training: results.Names, validation: results.Names, line: int) -> None:
    number = Unknown("the number of an epoch or a batch", line)
    both = None if training is None or validation is None else results.names_of_both(training, validation)
    none, batch, epoch = (results.logs(names, line) for names in ((), training, both))
    for item in own:
        item.set_params({"verbose": 1, "epochs": number, "steps": number})
        item.set_model(model)
    steps: tuple[tuple[str, tuple[Any, ...]], ...] = (
        ("on_train_begin", (none,)),
        ("on_epoch_begin", (number, none)),
        ("on_train_batch_begin", (number, none)),
        ("on_train_batch_end", (number, batch)),
        ("on_epoch_end", (number, epoch)),
        ("on_train_end", (epoch,)),
    )
    for name, arguments in steps:
        for item in own:
            try:
                getattr(item, name)(*arguments)
            except Exception as error:
                if gap_kind(run, error) is None:
                    raise


def _schedule(run: Run, model: Any, item: Any) -> None:
    """Ask for the learning rate of the first epoch; the optimizer keeps its own."""
    optimizer, ask = getattr(model, "optimizer", None), item.schedule
    if optimizer is None or isinstance(getattr(optimizer, "_learning_rate", None), Unknown):
        return

    def asked(*arguments: Any) -> Any:
        rate = ask(*arguments)
        if isinstance(rate, Unknown):
            raise UnknownValue(rate.reason)
        return rate

    before = getattr(optimizer, "learning_rate", None)
    item.set_model(model)
    item.schedule = asked
    try:
        item.on_epoch_begin(0)
        optimizer.learning_rate = before
    except Exception as error:
        if gap_kind(run, error) is None:
            results.tell(error, "LearningRateScheduler", (), None)
            raise
    finally:
        item.schedule = ask


def _watch(run: Run, item: Any, names: tuple[str, ...], nobody_adds: bool, span: Span) -> None:
    """Have Keras look whether it knows what `item` watches, and the file name of a checkpoint."""
    if isinstance(item, ModelCheckpoint) and item.save_freq != "epoch":
        return
    kind = type(item).__name__
    watched = str(item.monitor)
    if item.monitor_op is None:
        try:
            item._set_monitor_op()
        except ValueError as error:
            results.tell(error, kind, names, watched)
            raise
    if not nobody_adds:
        return
    if isinstance(item, ModelCheckpoint):
        try:
            item._get_file_path(0, None, dict.fromkeys(names, 0.5))
        except KeyError as error:
            results.tell(error, kind, names, None)
            raise
        if not item.save_best_only:
            return
    if watched not in names and not watched.startswith("learning_rate"):
        warned = Warned(span, "Watched", "\n".join((kind, watched, *names)))
        if warned not in run.warnings:
            run.warnings.append(warned)


def _write(run: Run, model: Any, item: Any) -> None:
    """Have a checkpoint write `model` where the program reads files of models. Raises what Keras says of a model that
    cannot be written."""
    reads = any("load_" in source.text for source in run.probe.sources)
    if not reads or item.save_freq != "epoch" or "{" in item.filepath:
        return
    try:
        (model.save_weights if item.save_weights_only else model.save)(item.filepath)
    except Exception as error:
        if gap_kind(run, error) is None:
            raise


def _is_own(item: Any) -> bool:
    if not isinstance(item, Callback):
        return False
    return not type(item).__module__.startswith("keras.") or isinstance(item, keras.callbacks.LambdaCallback)
