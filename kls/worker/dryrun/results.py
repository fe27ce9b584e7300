"""What `fit` and `evaluate` give back: which names a history has, how many numbers an evaluation; no values.

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

_ADDED = ("learning_rate",)
"""What callbacks of Keras put into the logs (keras/src/callbacks/learning_rate_scheduler.py)."""


class History(dict[str, Any]):
    """The values of a training history by the names they have; the values themselves are Unknown."""


class Results(list[Any]):
    """What `evaluate` gives for a model with several metrics, in their order."""


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


def history(
    training: Optional[tuple[str, ...]], validation: Optional[tuple[str, ...]], callbacks: Any, line: int
) -> Any:
    """What `History.history` is: `validation` is () where nothing is validated."""
    if training is None or validation is None or not _only_of_keras(callbacks):
        return Unknown("the values of a training history", line)
    given = _given(callbacks)
    names = [*training, *(f"val_{name}" for name in validation), *(_ADDED if given else ())]
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
    something else: {"method", "names" (of a history), "key" (asked for), "count" (of the numbers given)}."""
    if innermost is None or not isinstance(error, (KeyError, TypeError, ValueError, IndexError)):
        return None
    frame = innermost.tb_frame
    span = run.files.span_of_code(frame.f_code, innermost.tb_lasti)
    if span is None:
        return None
    for value in _values(run, span, frame):
        value = value.history if isinstance(value, keras.callbacks.History) else value
        if isinstance(error, KeyError) and isinstance(value, History):
            return {"method": "fit", "names": list(value), "key": str(error.args[0]) if error.args else ""}
        if isinstance(value, Results) and isinstance(error, (ValueError, IndexError)):
            return {"method": "evaluate", "count": len(value)}
        if isinstance(value, Result) and isinstance(error, TypeError):
            return {"method": "evaluate", "count": 1}
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


def _given(callbacks: Any) -> list[Any]:
    if callbacks is None:
        return []
    return list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]


def _only_of_keras(callbacks: Any) -> bool:
    """Whether all callbacks are Keras's own, which add nothing to the logs but a learning rate."""
    if isinstance(callbacks, (Unknown, keras.callbacks.CallbackList)):
        return False
    return all(type(item).__module__.startswith("keras.") for item in _flat(_given(callbacks)))


def _flat(items: Iterable[Any]) -> Iterable[Any]:
    for item in items:
        if isinstance(item, (list, tuple)):
            yield from _flat(item)
        else:
            yield item
