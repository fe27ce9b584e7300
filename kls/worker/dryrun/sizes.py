"""Functions of NumPy, TensorFlow and Keras that take sizes go on where a size is not known: a witness stands in.

`np.zeros((len(texts), 20))` of texts that nobody has read is an array all the same, of an open number of rows. Only
what is certainly one number is replaced; a shape that is Unknown as a whole has an unknown number of axes.
"""

from __future__ import annotations

import ast
import functools
import sys
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any, Optional

import numpy as np
import tensorflow as tf
from keras.src.utils import numerical_utils
from tensorflow.python.data.ops import dataset_ops

from .aliases import replace, watch
from .arrays import VirtualArray
from .open_sizes import Open
from .places import is_own
from .state import Run
from .unknown import Unknown
from .unread import Unread, form_of, made
from .unread_methods import TENSORFLOW
from .witnesses import Witnesses

__all__ = ["install"]

_SHAPE, _SIZE, _COUNT, _BATCH = "shape", "size", "count", "batch"
"""What a parameter takes: a shape, one size, a number of samples, or a batch size."""

_CHANNELS = (1, 3, 4)

_NUMPY = {
    "zeros": {"shape": (0, _SHAPE)},
    "ones": {"shape": (0, _SHAPE)},
    "empty": {"shape": (0, _SHAPE)},
    "full": {"shape": (0, _SHAPE)},
    "eye": {"N": (0, _SIZE), "M": (1, _SIZE)},
    "identity": {"n": (0, _SIZE)},
    "linspace": {"num": (2, _COUNT)},
}
_EMPTY = ("zeros", "ones", "empty", "full")
_RANDOM = {
    "random": {"size": (0, _SHAPE)},
    "random_sample": {"size": (0, _SHAPE)},
    "standard_normal": {"size": (0, _SHAPE)},
    "uniform": {"size": (2, _SHAPE)},
    "normal": {"size": (2, _SHAPE)},
    "binomial": {"size": (2, _SHAPE)},
    "poisson": {"size": (1, _SHAPE)},
    "randint": {"size": (2, _SHAPE)},
    "choice": {"size": (1, _SHAPE)},
}
_TENSORFLOW = {
    "zeros": {"shape": (0, _SHAPE)},
    "ones": {"shape": (0, _SHAPE)},
    "fill": {"dims": (0, _SHAPE)},
    "eye": {"num_rows": (0, _SIZE), "num_columns": (1, _SIZE)},
    "one_hot": {"depth": (1, _SIZE)},
}
_DRAWS = {name: {"shape": (0, _SHAPE)} for name in ("normal", "uniform", "truncated_normal")}
_DATASET = {
    "batch": {"batch_size": (1, _BATCH)},
    "padded_batch": {"batch_size": (1, _BATCH)},
    "window": {"size": (1, _BATCH)},
    "take": {"count": (1, _COUNT)},
    "repeat": {"count": (1, _COUNT)},
}

watch(numerical_utils.to_categorical)


class _Sizes:
    """Puts witnesses in the place of Unknown sizes."""

    def __init__(self, run: Run, witnesses: Witnesses) -> None:
        self._run = run
        self._witnesses = witnesses

    def taking(self, original: Any, parameters: dict[str, tuple[int, str]], method: bool = False) -> Any:
        """`original`, whose `parameters` (name to position and kind) may be Unknown; a method's first is `self`."""

        @functools.wraps(original)
        def sized(*arguments: Any, **keywords: Any) -> Any:
            if not _unknown_among((*arguments, *keywords.values())):
                return original(*arguments, **keywords)
            given, named = list(arguments), dict(keywords)
            place = self._place(sys._getframe(1))
            for name, (position, kind) in parameters.items():
                if name in named:
                    named[name] = self._known(named[name], kind, place, _keyword(place, name))
                elif position < len(given):
                    node = _positional(place, position - method)
                    given[position] = self._known(given[position], kind, place, node)
            made = original(*given, **named)
            # What is put into rows that nobody knows is looked at by an array that holds nothing.
            empty = type(made) is np.ndarray and made.dtype.kind in "biuf" and original.__name__ in _EMPTY
            return VirtualArray.of(made.shape, made.dtype, None) if empty else made

        return sized

    def by_dimensions(self, original: Any) -> Any:
        """`original`, whose arguments are the sizes of its result."""

        @functools.wraps(original)
        def sized(*sizes: Any) -> Any:
            if not _unknown_among(sizes):
                return original(*sizes)
            place = self._place(sys._getframe(1))
            nodes = [_positional(place, position) for position in range(len(sizes))]
            return original(*self._shape(sizes, place, nodes))

        return sized

    def _place(self, frame: Optional[FrameType]) -> Any:
        """The author's call that is at work in `frame`; None where a library calls."""
        while frame is not None and is_own(frame.f_code.co_filename):
            frame = frame.f_back
        if frame is None or not self._run.files.owns(frame.f_code.co_filename):
            return None
        span = self._run.files.span_of_frame(frame)
        return None if span is None else (span, self._run.files.call_at(span))

    def _known(self, value: Any, kind: str, place: Any, node: Optional[ast.expr]) -> Any:
        if kind == _SHAPE and isinstance(value, (tuple, list)):
            parts = node.elts if isinstance(node, (ast.Tuple, ast.List)) and len(node.elts) == len(value) else None
            return type(value)(self._shape(value, place, parts or [None] * len(value)))
        if not isinstance(value, Unknown) or (kind == _SHAPE and not _is_number(node)):
            return value
        return self._number(value, _COUNT if kind == _SHAPE else kind, place, node)

    def _shape(self, sizes: Iterable[Any], place: Any, nodes: Iterable[Optional[ast.expr]]) -> list[Any]:
        """The sizes of an array. Its first axis counts samples, but for a picture."""
        sizes = list(sizes)
        picture = len(sizes) == 3 and sizes[-1] in _CHANNELS if not isinstance(sizes[-1], Unknown) else False
        return [
            self._number(size, _SIZE if axis or picture else _COUNT, place, node) if isinstance(size, Unknown) else size
            for axis, (size, node) in enumerate(zip(sizes, nodes))
        ]

    def _number(self, unknown: Unknown, kind: str, place: Any, node: Optional[ast.expr]) -> Any:
        return self._witnesses.number(unknown, None if place is None else place[0], node, kind)


def _unknown_among(values: Iterable[Any]) -> bool:
    return any(
        isinstance(value, Unknown)
        or (isinstance(value, (tuple, list)) and len(value) <= 8 and any(isinstance(item, Unknown) for item in value))
        for value in values
    )


def _positional(place: Any, position: int) -> Optional[ast.expr]:
    call = place[1] if place is not None else None
    nodes = call.args if isinstance(call, ast.Call) else []
    if any(isinstance(item, ast.Starred) for item in nodes):
        return None
    return nodes[position] if 0 <= position < len(nodes) else None


def _keyword(place: Any, name: str) -> Optional[ast.expr]:
    call = place[1] if place is not None else None
    nodes = call.keywords if isinstance(call, ast.Call) else []
    return next((item.value for item in nodes if item.arg == name), None)


def _is_number(node: Optional[ast.expr]) -> bool:
    """Whether an expression is one number by its form, whatever its names stand for."""
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id in ("len", "int", "max", "min", "round", "sum", "abs")
    if isinstance(node, ast.Subscript):
        shape = isinstance(node.value, ast.Attribute) and node.value.attr == "shape"
        return shape and not isinstance(node.slice, (ast.Slice, ast.Tuple))
    if isinstance(node, ast.BinOp):
        arithmetic = isinstance(node.op, (ast.Sub, ast.FloorDiv))
        return arithmetic or any(_is_number(item) for item in (node.left, node.right))
    return isinstance(node, ast.Constant) and isinstance(node.value, int)


def install(run: Run, witnesses: Witnesses) -> None:
    """Let the functions of this module's tables take Unknown sizes, in this process."""
    sizes = _Sizes(run, witnesses)
    _patch(np, _NUMPY, sizes.taking)
    _patch(np.random, _RANDOM, sizes.taking)
    for name in ("rand", "randn"):
        setattr(np.random, name, sizes.by_dimensions(getattr(np.random, name)))

    _patch(tf, _TENSORFLOW, sizes.taking)
    for name, answer in TENSORFLOW.items():
        setattr(tf, name, _of_tables(getattr(tf, name), answer))
    _patch(tf.random, _DRAWS, sizes.taking)
    replace(
        numerical_utils.to_categorical,
        _one_hot(sizes.taking(numerical_utils.to_categorical, {"num_classes": (1, _SIZE)})),
    )
    for owner in {dataset_ops.DatasetV2, tf.data.Dataset}:
        _patch(owner, _DATASET, lambda original, parameters: sizes.taking(original, parameters, method=True))


def _of_tables(original: Any, answer: Callable[..., Any]) -> Any:
    """A function of TensorFlow that keeps a table that was not read one."""

    @functools.wraps(original)
    def of_tables(*arguments: Any, **keywords: Any) -> Any:
        if arguments and isinstance(arguments[0], Unread):
            given = answer(*arguments, **keywords)
            return arguments[0].unshaped() if given is None else given
        return original(*arguments, **keywords)

    return of_tables


def _one_hot(original: Any) -> Any:
    @functools.wraps(original)
    def to_categorical(x: Any, num_classes: Any = None) -> Any:
        if not isinstance(x, Unread):
            return original(x, num_classes)
        if form_of(x).rank != 1:
            return x.unshaped()
        size = int(num_classes) if isinstance(num_classes, (int, np.integer)) else Open(several=True)
        return made(x, kind="array", sizes=(size,), dtype=np.float64, numeric=True)

    return to_categorical


def _patch(owner: Any, table: dict[str, dict[str, tuple[int, str]]], wrap: Callable[[Any, Any], Any]) -> None:
    for name, parameters in table.items():
        setattr(owner, name, wrap(getattr(owner, name), parameters))
