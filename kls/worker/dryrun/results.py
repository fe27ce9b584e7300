"""What `fit` and `evaluate` give: which names a history and the logs have, how many numbers an evaluation; no values.
Of what `predict` gives, the names that its outputs have.

The names are those of the traced step's own logs, so they are known only where the step was traced, and no callback of
the author may have added to them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from types import FrameType, TracebackType
from typing import Any, Optional

import keras

from ..protocol import Span
from .state import Run
from .unknown import Unknown

Names = Optional[tuple[str, ...]]
"""The names that logs have, None where they are not known."""
_ADDED = ("learning_rate",)
"""What callbacks of Keras put into the logs (keras/src/callbacks/learning_rate_scheduler.py)."""


class History(dict[str, Any]):
    """The values of a training history by the names they have; the values themselves are Unknown."""


class Logs(History):
    """What a callback is given of a batch or an epoch."""


class Results(list[Any]):
    """What `evaluate` gives for a model with several metrics, in their order."""


class Predictions(dict[str, Any]):
    """What `predict` gives for a model whose outputs have names."""


class Result(Unknown):
    """The one number that `evaluate` gives for a model without metrics."""

    __slots__ = ()

    def __iter__(self) -> Any:
        raise TypeError("cannot unpack non-iterable float object")

    def __getitem__(self, key: Any) -> Any:
        raise TypeError("'float' object is not subscriptable")


def names_of(logs: Any) -> Optional[tuple[str, ...]]:
    """The names that a step's logs have when Keras has flattened them (`pythonify_logs`,
    keras/src/utils/python_utils.py), None where they are not known."""
    if not isinstance(logs, dict):
        return None
    found: list[str] = []
    for key, value in logs.items():
        inner = names_of(value) if isinstance(value, dict) else None
        if not isinstance(key, str) or (isinstance(value, dict) and inner is None):
            return None
        found += inner if inner is not None else [key]
    return tuple(dict.fromkeys(found))


def names_of_both(training: tuple[str, ...], validation: tuple[str, ...]) -> tuple[str, ...]:
    """The names of an epoch's logs: `validation` is () where nothing is validated."""
    return (*training, *(f"val_{name}" for name in validation))


def logs(names: Names, line: int) -> Any:
    """What a callback is given where the logs have `names`."""
    if names is None:
        return Unknown("the logs of a training", line)
    return Logs((name, Unknown(f"`{name}` of an epoch", line)) for name in names)


def tell(error: BaseException, kind: str, names: tuple[str, ...], key: Optional[str]) -> None:
    """Keep with `error` that a callback of Keras raised it: its class, what the logs have, and what it asks for."""
    error.__dict__["_kls_watched"] = {"method": "fit", "of": kind, "names": list(names), "key": key}


def history(
    training: Optional[tuple[str, ...]], validation: Optional[tuple[str, ...]], callbacks: Any, line: int
) -> Any:
    """What `History.history` is: `validation` is () where nothing is validated."""
    if training is None or validation is None or not only_of_keras(callbacks):
        return Unknown("the values of a training history", line)
    names = [*names_of_both(training, validation), *(_ADDED if given(callbacks) else ())]
    value = Unknown("the values of a training history", line)
    return History((name, value) for name in names)


def evaluation(model: Any, names: Optional[tuple[str, ...]], as_dict: bool, line: int) -> Any:
    """What `evaluate` gives."""
    value = Unknown("what evaluate gives", line)
    if names is None:
        return value
    if as_dict:
        return History((name, value) for name in names)
    ordered = model._flatten_metrics_in_order(dict.fromkeys(names, value))
    return Results(ordered) if isinstance(ordered, list) else Result("what evaluate gives", line)


def taken_apart(run: Run, error: BaseException, innermost: Optional[TracebackType]) -> Optional[dict[str, Any]]:
    """What the program takes from the results of `fit` or `evaluate` that they do not have, None where `error` is of
    something else: {"method", "of" ("history", "logs", a class of callbacks), "names" (that it has), "key" (asked for),
    "count" (of the numbers given)}."""
    watched: Optional[dict[str, Any]] = getattr(error, "_kls_watched", None)
    if watched is not None or innermost is None:
        return watched
    if not isinstance(error, (KeyError, TypeError, ValueError, IndexError)):
        return None
    frame = innermost.tb_frame
    span = run.files.span_of_code(frame.f_code, innermost.tb_lasti)
    if span is None:
        return None
    for value in _values(run, span, frame):
        value = value.history if isinstance(value, keras.callbacks.History) else value
        if isinstance(value, History):
            key = error.args[0] if isinstance(error, KeyError) and error.args else _not_got(run, span, error, value)
            of = "logs" if isinstance(value, Logs) else "history"
            if key is not None:
                return {"method": "fit", "of": of, "names": list(value), "key": str(key)}
        if isinstance(value, Predictions) and isinstance(error, KeyError):
            asked = error.args[0] if error.args else None
            if isinstance(asked, (int, str)) and asked not in value:
                return {"method": "predict", "names": list(value), "key": asked}
        if isinstance(value, Results) and isinstance(error, (ValueError, IndexError)):
            return {"method": "evaluate", "count": len(value)}
        if isinstance(value, Result) and isinstance(error, TypeError):
            return {"method": "evaluate", "count": 1}
    return None


def _not_got(run: Run, span: Span, error: BaseException, value: History) -> Optional[str]:
    """The name that `.get` was given in the failing expression, where it gave None."""
    if not isinstance(error, TypeError) or "NoneType" not in str(error):
        return None
    for node in run.files.nodes_from(span.path, span.line):
        for call in ast.walk(node) if run.files.span_of_node(span.path, node) == span else ():
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "get":
                key = call.args[0] if len(call.args) == 1 else None
                if isinstance(key, ast.Constant) and isinstance(key.value, str) and key.value not in value:
                    return key.value
    return None


def _values(run: Run, span: Span, frame: FrameType) -> Iterator[Any]:
    """The values of the names in the failing expression, or what the call gave that is unpacked there."""
    for node in run.files.nodes_from(span.path, span.line):
        own = run.files.span_of_node(span.path, node)
        unpacked = isinstance(node, ast.Assign) and any(
            run.files.span_of_node(span.path, target) == span for target in node.targets
        )
        if not unpacked and (own != span or not isinstance(node, ast.expr)):
            continue
        for item in ast.walk(node):
            if isinstance(item, ast.Call):
                yield run.evaluated.get(run.files.span_of_node(span.path, item))
            if isinstance(item, ast.Name):
                yield frame.f_locals.get(item.id, frame.f_globals.get(item.id))


def given(callbacks: Any) -> list[Any]:
    """The callbacks of a `fit`, as a list."""
    if callbacks is None:
        return []
    if isinstance(callbacks, keras.callbacks.CallbackList):
        return list(callbacks.callbacks)
    return list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]


def only_of_keras(callbacks: Any) -> bool:
    """Whether all callbacks are Keras's own, which add nothing to the logs but a learning rate."""
    if isinstance(callbacks, (Unknown, keras.callbacks.CallbackList)):
        return False
    return all(type(item).__module__.startswith("keras.") for item in flat(given(callbacks)))


def flat(items: Iterable[Any]) -> Iterator[Any]:
    """The items of lists in lists, one by one."""
    for item in items:
        if isinstance(item, (list, tuple)):
            yield from flat(item)
        else:
            yield item
