"""The author's own callbacks: their methods are called once, behind the `fit` that they were given to.

Keras's own have nothing to say of shapes and are left out, but for the functions of a `LambdaCallback`. Which epoch it
is and what the logs hold is Unknown; the names in the logs are known where the step was traced.
"""

from __future__ import annotations

from typing import Any, Optional

import keras

from .gaps import gap_kind
from .state import Run
from .unknown import Unknown

__all__ = ["play"]

_OF_EPOCHS = ("on_epoch_begin", "on_train_batch_begin", "on_train_batch_end", "on_epoch_end")


def play(run: Run, model: Any, callbacks: Any, names: Optional[tuple[str, ...]], line: int) -> None:
    """Have the callbacks among `callbacks` that are the author's go through one epoch of the `fit` at `line`, with
    `names` in the logs. Raises what a function of theirs raises that is not contained statement by statement."""
    own = [item for item in _listed(callbacks) if _is_own(item)]
    if not own:
        return
    logs = Unknown("the logs of a training", line)
    if names is not None:
        logs = {name: Unknown(f"`{name}` of an epoch", line) for name in names}
    number = Unknown("the number of an epoch or a batch", line)
    for item in own:
        item.set_params({"verbose": 1, "epochs": number, "steps": number})
        item.set_model(model)
    for name, given in (("on_train_begin", ()), *((name, (number,)) for name in _OF_EPOCHS), ("on_train_end", ())):
        for item in own:
            try:
                getattr(item, name)(*given, logs)
            except Exception as error:
                if gap_kind(run, error) is None:
                    raise


def _listed(callbacks: Any) -> list[Any]:
    if isinstance(callbacks, keras.callbacks.CallbackList):
        callbacks = callbacks.callbacks
    return list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]


def _is_own(item: Any) -> bool:
    if not isinstance(item, keras.callbacks.Callback):
        return False
    return not type(item).__module__.startswith("keras.") or isinstance(item, keras.callbacks.LambdaCallback)
