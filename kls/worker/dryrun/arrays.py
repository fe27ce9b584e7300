"""Arrays without contents: `VirtualArray` is a true `numpy.ndarray` over one element of memory.

All its strides are zero, so views, reshaping and slicing are NumPy's own and free. What would compute gives shape and
dtype only; NumPy itself judges, on stand-ins of one element, so that a wrong axis, dtype or shape raises the very
error that the author would see. Values are not known: asking for one raises `UnknownValue`.
"""

# pyright: reportIncompatibleMethodOverride=false
# NumPy's stubs overload what one method answers here.
from __future__ import annotations

import math
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, NoReturn, Optional

import numpy as np

from . import conversions
from .unknown import UnhashableUnknown, Unknown, UnknownValue

__all__ = ["LIMIT_BYTES", "PREDICTED", "VirtualArray", "bare", "find_unknown", "install", "shape_and_dtype", "tiny"]

LIMIT_BYTES = 8 << 20
"""Arrays larger than this are virtual, smaller ones are real unless their values cannot be known."""

PREDICTED = "model.predict"
"""The origin of what a model predicted."""

_Shape = tuple[int, ...]

on_write: list[Callable[[VirtualArray], None]] = []
"""Who wants to know that a program writes into an array."""


def told(written: Any) -> None:
    """Tell of an array, or a tuple of them, that something is written into."""
    for item in written if isinstance(written, tuple) else (written,):
        if isinstance(item, VirtualArray):
            for hear in on_write:
                hear(item)


class VirtualArray(np.ndarray):
    """An array of which shape and dtype are known and values are not.

    `origin` says in words where it came from; what is derived from it keeps the text.
    """

    virtual = True
    origin: Optional[str] = None
    filling = 0.0
    """What stands in memory for every element of floating-point numbers. A real step has 1 there: a deviation or a
    largest value of data that are not there must not become a divisor of 0 in a model."""

    @classmethod
    def of(cls, shape: Any, dtype: Any = "float64", origin: Optional[str] = None) -> VirtualArray:
        """A virtual array. `shape` is an int or a tuple of ints.

        Raises ValueError as NumPy does for negative sizes and for more elements than an index can count.
        """
        sizes: Any = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
        element = np.zeros((), dtype)
        if element.dtype.kind == "f":
            element.fill(cls.filling)
        made = np.broadcast_to(element, sizes).view(cls)
        made.origin = origin
        return made

    def __array_finalize__(self, parent: Any) -> None:
        self.origin = getattr(parent, "origin", None)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **keywords: Any) -> Any:
        told(keywords.get("out"))
        if find_unknown(inputs) is not None:
            return NotImplemented
        with np.errstate(all="ignore"):
            return _UFUNC_METHODS[method](ufunc, inputs, keywords)

    def __array_function__(self, func: Any, kinds: Any, args: Any, keywords: Any) -> Any:
        from .functions_of_arrays import MODELS, OWN_CODE, WRITING, by_witness

        told(args[:1] if func in WRITING else keywords.get("out"))
        unknown = find_unknown((args, tuple(keywords.values())))
        if unknown is not None:
            return unknown
        if func in MODELS:
            return MODELS[func](*args, **keywords)
        if func in OWN_CODE:
            return super().__array_function__(func, kinds, args, keywords)
        return by_witness(func, args, keywords)

    def __getitem__(self, key: Any) -> Any:
        unknown = find_unknown(key)
        if unknown is not None:
            return unknown
        if _is_basic(key):
            found = super().__getitem__(key)
            return found if isinstance(found, VirtualArray) else self._like((), np.asarray(found).dtype)
        return self._like(_indexed_shape(self, key), self.dtype)

    def __setitem__(self, key: Any, value: Any) -> None:
        told(self)
        try:
            target = self[key]
        except UnknownValue:
            return
        if isinstance(target, VirtualArray):
            check_assignable(value, target.shape)
        elif self._is_of_rows(key) and getattr(value, "ndim", 0) >= 1:
            try:
                check_assignable(value, (value.shape[0], *self.shape[1:]))
            except ValueError as error:
                error.__dict__["_kls_certain"] = True  # whichever of its rows are meant
                raise
        elif isinstance(key, Unknown) and getattr(value, "ndim", 0) == self.ndim - 1 and value.shape[:1] != (1,):
            try:
                check_assignable(value, self.shape[1:])
            except ValueError as error:
                error.__dict__["_kls_certain"] = True  # whichever of its items are meant
                raise

    def _is_of_rows(self, key: Any) -> bool:
        """Whether a key that nobody knows takes some of the rows."""
        from .unread import Unread, form_of

        return isinstance(key, Unread) and form_of(key).rank == 1 and form_of(key).dtype in (np.int64, np.bool_)

    def __hash__(self) -> int:  # type: ignore[override]
        # One number of an array is a number for NumPy, which may be the key of a dictionary.
        if not self.ndim:
            raise UnhashableUnknown(self._reason())
        raise TypeError("unhashable type: 'numpy.ndarray'")

    def __iter__(self) -> Iterator[Any]:
        if not self.ndim:
            raise TypeError("iteration over a 0-d array")
        return (self[index] for index in range(len(self)))

    def _like(self, shape: Any, dtype: Any) -> VirtualArray:
        return VirtualArray.of(shape, dtype, self.origin)

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise UnknownValue(self._reason())

    def _refuse_by_shape(self, name: str, *arguments: Any) -> None:
        """Raises what NumPy raises for predictions of this shape and dtype, whatever they are."""
        error = conversions.refusal(name, self.shape, self.dtype, *arguments) if self.origin == PREDICTED else None
        if error is not None:
            error.__dict__["_kls_predicted"] = list(self.shape)
            raise error

    def _reason(self) -> str:
        return f"the values of {self.origin}" if self.origin else "the values of this array"

    def _text(self, spec: str = "") -> str:
        # A single number reads as one: programs write numbers into files and parse them again.
        if not self.ndim and self.dtype.kind in "biuf":
            return format(np.zeros((), self.dtype).item(), spec)
        if spec:
            self._refuse_by_shape("format", spec)
        return f"<array {self.shape} {self.dtype}, values not known>"

    def _copied(self, *_: Any, **__: Any) -> VirtualArray:
        return self._like(self.shape, self.dtype)

    def _nothing(self, *_: Any, **__: Any) -> None:
        return None

    def _reduce(self, name: str, axis: Any = None, dtype: Any = None, out: Any = None, **keywords: Any) -> Any:
        given = {key: value for key, value in keywords.items() if key in ("keepdims", "initial", "ddof")}
        if dtype is not None:
            given["dtype"] = dtype
        if isinstance(given.get("keepdims"), type(np._NoValue)):
            del given["keepdims"]
        with np.errstate(all="ignore"):
            small = np.asarray(getattr(tiny(self), name)(axis=axis, **given))
        shape = reduced(self.shape, axis, bool(given.get("keepdims", False)))
        return into(out, shape, small.dtype, self.origin)

    def _along(self, name: str, axis: Any = None, *args: Any, **keywords: Any) -> Any:
        """Methods that keep the shape, or flatten it when no axis is given."""
        keywords.pop("out", None)
        small = np.asarray(getattr(tiny(self), name)(axis, *args, **keywords))
        return self._like((self.size,) if axis is None else self.shape, small.dtype)

    def astype(self, dtype: Any, *args: Any, **keywords: Any) -> Any:
        """The same shape with another dtype; raises as NumPy does for a dtype that is none."""
        if self.dtype.kind in "USO":
            return self._like(self.shape, np.dtype(dtype))
        same = np.dtype(dtype) == self.dtype and keywords.get("copy") is False
        return self if same else self._like(self.shape, tiny(self).astype(dtype, *args, **keywords).dtype)

    def ravel(self, order: Any = "C") -> Any:
        """One axis with all elements."""
        return self.reshape(-1)

    def view(self, *args: Any, **keywords: Any) -> Any:
        """Another dtype over the same bytes, or the same as another array class."""
        kind = keywords.get("type") or (args[0] if args and isinstance(args[0], type) else None)
        if kind is not None and issubclass(kind, np.ndarray):
            return super().view(kind)
        dtype = np.dtype(keywords.get("dtype") or (args[0] if args else self.dtype))
        if dtype.itemsize == self.dtype.itemsize:
            return self._like(self.shape, dtype)
        last = np.empty(self.shape[-1:], self.dtype).view(dtype).shape
        return self._like((*self.shape[:-1], *last), dtype)

    def argmax(self, axis: Any = None, out: Any = None, *, keepdims: bool = False) -> Any:
        """Positions of the largest elements."""
        return self._position("argmax", axis, out, keepdims)

    def argmin(self, axis: Any = None, out: Any = None, *, keepdims: bool = False) -> Any:
        """Positions of the smallest elements."""
        return self._position("argmin", axis, out, keepdims)

    def _position(self, name: str, axis: Any, out: Any, keepdims: Any) -> Any:
        keep = bool(keepdims) and keepdims is not np._NoValue
        small = np.asarray(getattr(tiny(self), name)(axis))
        return into(out, reduced(self.shape, axis, keep), small.dtype, self.origin)

    def argsort(self, axis: Any = -1, *_: Any, **__: Any) -> Any:
        """Positions in sorted order."""
        return self._along("argsort", axis)

    def argpartition(self, kth: Any, axis: Any = -1, *_: Any, **__: Any) -> Any:
        """Positions in partly sorted order."""
        return self._along("argsort", axis)

    def clip(self, *args: Any, **keywords: Any) -> Any:
        """The array held between two bounds."""
        out = keywords.pop("out", None)
        bounds = [item for item in (*args, keywords.get("min"), keywords.get("max")) if item is not None]
        result = np.add(self, bounds[0]) if bounds else self
        for bound in bounds[1:]:
            result = np.add(result, bound)
        return into(out, result.shape, result.dtype, self.origin)

    def round(self, decimals: int = 0, out: Any = None) -> Any:
        """The same shape, rounded."""
        return into(out, self.shape, tiny(self).round(decimals).dtype, self.origin)

    def repeat(self, repeats: Any, axis: Any = None) -> Any:
        """Elements repeated along an axis; NumPy judges the counts."""
        source = self.ravel() if axis is None else self
        where = 0 if axis is None else axis
        if not -source.ndim <= where < source.ndim:
            tiny(source).repeat(1, axis)
        line = np.broadcast_to(np.zeros((), bool), (source.shape[where],))
        if np.ndim(repeats) == 0 or np.size(repeats) == 1:
            length = line.shape[0] * int(np.asarray(repeats).reshape(-1)[0])
        else:
            length = line.repeat(repeats).shape[0]
        where %= source.ndim
        return self._like((*source.shape[:where], length, *source.shape[where + 1 :]), self.dtype)

    def take(self, indices: Any, axis: Any = None, out: Any = None, mode: Any = "raise") -> Any:
        """Elements at `indices` along an axis; NumPy judges the axis and the bounds."""
        source = self.ravel() if axis is None else self
        axis = 0 if axis is None else axis
        if not -source.ndim <= axis < source.ndim:
            tiny(source).take(0, axis)
        where = axis % source.ndim
        chosen = bare(indices) if isinstance(indices, np.ndarray) else np.asarray(indices)
        if not isinstance(indices, VirtualArray):
            np.broadcast_to(np.zeros((), bool), (source.shape[where],)).take(chosen, 0, None, mode)
        return into(out, (*source.shape[:where], *chosen.shape, *source.shape[where + 1 :]), self.dtype, self.origin)

    def searchsorted(self, v: Any, *_: Any, **__: Any) -> Any:
        """Positions at which `v` would be inserted."""
        return self._like(shape_and_dtype(v)[0], np.intp)

    def dot(self, b: Any, out: Any = None) -> Any:
        """The dot product, as `numpy.dot`."""
        return np.dot(self, b)

    def __deepcopy__(self, memo: Any) -> Any:
        return self._copied()

    def __round__(self, digits: Any = None) -> Any:
        if self.ndim:
            raise TypeError("type numpy.ndarray doesn't define __round__ method")
        return self._like((), self.dtype if digits is not None else np.int64)


def _converted(name: str) -> Callable[..., NoReturn]:
    def convert(self: VirtualArray, *arguments: Any) -> NoReturn:
        if not arguments:
            self._refuse_by_shape(name)
        self._refuse()

    return convert


# Exceptions of Python's own name an object's class: the author's object is an array of NumPy.
VirtualArray.__name__ = "numpy.ndarray"
for _name in "tolist tobytes tofile dump dumps nonzero compress choose __reduce_ex__ __reduce__".split():
    setattr(VirtualArray, _name, VirtualArray._refuse)
for _name in "complex contains".split():
    setattr(VirtualArray, f"__{_name}__", VirtualArray._refuse)
for _name in "bool int float index".split():
    setattr(VirtualArray, f"__{_name}__", _converted(_name))
VirtualArray.item = _converted("item")
for _name in "repr str format".split():
    setattr(VirtualArray, f"__{_name}__", VirtualArray._text)
for _name in "copy flatten byteswap conj conjugate __copy__".split():
    setattr(VirtualArray, _name, VirtualArray._copied)
for _name in "sort fill put partition itemset setflags".split():
    setattr(VirtualArray, _name, VirtualArray._nothing)


def _flat(self: VirtualArray, order: Any = "C") -> Any:
    return self._like((self.size,), self.dtype)


def _named(helper: str, name: str) -> Callable[..., Any]:
    def method(self: VirtualArray, *args: Any, **keywords: Any) -> Any:
        return getattr(self, helper)(name, *args, **keywords)

    method.__name__ = name
    return method


VirtualArray.flatten = _flat  # type: ignore[method-assign]
for _name in "sum prod mean std var".split():
    setattr(VirtualArray, _name, _named("_reduce", _name))
for _name in "cumsum cumprod".split():
    setattr(VirtualArray, _name, _named("_along", _name))


def _without_dtype(name: str) -> Callable[..., Any]:
    """Reductions whose second argument is `out`, as in `a.max(axis, out)`."""

    def method(self: VirtualArray, axis: Any = None, out: Any = None, **keywords: Any) -> Any:
        return self._reduce(name, axis, None, out, **keywords)

    method.__name__ = name
    return method


for _name in "max min any all".split():
    setattr(VirtualArray, _name, _without_dtype(_name))


def _trace(self: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: Any = None) -> Any:
    return self.diagonal(offset, axis1, axis2).sum(axis=-1, dtype=dtype, out=out)


def _ptp(self: VirtualArray, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    return self._reduce("max", axis, None, out, keepdims=keepdims)


VirtualArray.trace = _trace  # type: ignore[method-assign]
VirtualArray.ptp = _ptp  # type: ignore[method-assign,attr-defined]


def find_unknown(value: Any, depth: int = 0) -> Optional[Unknown]:
    """An Unknown in a nested structure of tuples, lists and slices, or None."""
    if isinstance(value, Unknown):
        return value.unshaped()
    if isinstance(value, slice):
        value = (value.start, value.stop, value.step)
    if isinstance(value, (tuple, list)) and depth < 3:
        for item in value[:64]:
            if type(item) not in _PLAIN:
                found = find_unknown(item, depth + 1)
                if found is not None:
                    return found
    return None


_PLAIN = frozenset((int, float, str, bool, type(None)))
"""Types whose values need no look; lists of thousands of words are looked through in loops."""


def bare(value: Any) -> Any:
    """A virtual array as a plain, zero-strided ndarray; for calls that raise before they compute."""
    return np.ndarray.view(value, np.ndarray) if isinstance(value, VirtualArray) else value


def tiny(value: Any) -> Any:
    """A plain array of at most one element with `value`'s rank and dtype; anything but an array as it is."""
    if isinstance(value, VirtualArray) or (isinstance(value, np.ndarray) and value.ndim):
        shape = tuple(min(size, 1) for size in value.shape)
        return np.ones(shape, value.dtype) if value.dtype.kind in "biufc" else np.zeros(shape, value.dtype)
    return value


def shape_and_dtype(value: Any) -> tuple[_Shape, Any]:
    """Shape and dtype of an array-like, which may be a nested list that holds virtual arrays.

    Raises ValueError as NumPy does for a ragged list, UnknownValue when an Unknown is inside.
    """
    if isinstance(value, (np.ndarray, np.generic)):
        return value.shape, value.dtype
    if not isinstance(value, (list, tuple)):
        plain = np.asarray(value)
        return plain.shape, plain.dtype
    unknown = find_unknown(value)
    if unknown is not None:
        raise UnknownValue(unknown.reason, unknown.line)
    if not any(isinstance(item, (VirtualArray, list, tuple)) for item in value):
        plain = np.asarray(value)
        return plain.shape, plain.dtype
    parts = [shape_and_dtype(item) for item in value]
    shapes = {shape for shape, _ in parts}
    if len(shapes) != 1:
        raise ValueError(
            "setting an array element with a sequence. The requested array has an inhomogeneous shape after "
            f"1 dimensions. The detected shape was ({len(value)},) + inhomogeneous part."
        )
    return (len(parts), *parts[0][0]), np.result_type(*(dtype for _, dtype in parts))


def reduced(shape: _Shape, axis: Any, keepdims: bool) -> _Shape:
    """The shape after a reduction over `axis` (an int, a tuple, or None for all)."""
    axes = range(len(shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    gone = {int(item) % max(len(shape), 1) for item in axes}
    return tuple(1 if index in gone else size for index, size in enumerate(shape) if keepdims or index not in gone)


def into(out: Any, shape: Any, dtype: Any, origin: Optional[str]) -> Any:
    """The result of a function with an `out` argument: `out` itself when it is virtual."""
    if isinstance(out, tuple):
        out = out[0] if out else None
    if out is None:
        return VirtualArray.of(shape, dtype, origin)
    return out if isinstance(out, VirtualArray) else VirtualArray.of(out.shape, out.dtype, origin)


def origin_of(values: Any) -> Optional[str]:
    """The origin of the first virtual array among `values`."""
    for value in values:
        if isinstance(value, VirtualArray) and value.origin:
            return value.origin
    return None


def check_assignable(value: Any, target: _Shape) -> None:
    """Raise ValueError, worded as NumPy's, when `value` does not fit into an item of shape `target`."""
    if isinstance(value, (Unknown, str, bytes)):
        return
    try:
        shape = shape_and_dtype(value)[0]
    except UnknownValue:
        return
    stripped = shape
    while len(stripped) > len(target) and stripped[0] == 1:
        stripped = stripped[1:]
    fits = len(stripped) <= len(target) and all(
        size in (1, wanted) for size, wanted in zip(reversed(stripped), reversed(target))
    )
    if not fits:
        raise ValueError(f"could not broadcast input array from shape {shape} into shape {target}")


def _is_basic(key: Any) -> bool:
    """Whether a key makes a view: integers, slices, new axes, an ellipsis, or names of fields."""
    if isinstance(key, list):
        return bool(key) and all(isinstance(item, str) for item in key)
    for item in key if isinstance(key, tuple) else (key,):
        if isinstance(item, bool) or not (
            item is None or item is Ellipsis or isinstance(item, (str, slice, int, np.integer))
        ):
            return False
    return True


def _indexed_shape(array: VirtualArray, key: Any) -> _Shape:
    """The shape of `array[key]` for a key with index arrays or masks.

    NumPy answers on an array with one more axis, of size zero, so that nothing is copied and bounds are checked.
    Raises UnknownValue when a mask's values are not known, IndexError as NumPy does.
    """
    items: list[Any] = []
    consumed = 0
    for item in key if isinstance(key, tuple) else (key,):
        if isinstance(item, list):
            item = np.asarray(item) if item else np.zeros(0, np.intp)
        if isinstance(item, VirtualArray):
            if item.dtype.kind == "b":
                raise UnknownValue("how many elements a condition selects")
            item = bare(item)
        consumed += item.ndim if isinstance(item, np.ndarray) and item.dtype.kind == "b" else item is not None
        items.append(item)
    ellipsis = any(item is Ellipsis for item in items)
    plain = bare(array)
    if consumed - ellipsis > array.ndim:
        return plain[tuple(items)].shape
    padded = np.broadcast_to(np.zeros((), bool), (*array.shape, 0))
    try:
        with warnings.catch_warnings():
            # NumPy 1 only warns of an index out of bounds where nothing is selected.
            warnings.simplefilter("error", DeprecationWarning)
            return padded[(*items, slice(None)) if ellipsis else tuple(items)].shape[:-1]
    except (IndexError, DeprecationWarning):
        return plain[tuple(items)].shape


def _call(ufunc: np.ufunc, inputs: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    outs = keywords.pop("out", None)
    where = keywords.pop("where", True)
    inputs = tuple(np.asarray(item) if isinstance(item, (list, tuple)) else item for item in inputs)
    if ufunc.signature is not None:
        from .functions_of_arrays import by_witness, matmul

        return matmul(*inputs) if ufunc is np.matmul else by_witness(ufunc, inputs, keywords)
    small = [tiny(item) for item in inputs]
    if outs is not None:
        keywords["out"] = tuple(None if item is None else tiny(item).copy() for item in outs)
    try:
        shape = np.broadcast_shapes(*(np.shape(bare(item)) for item in (*inputs, where)))
    except ValueError:
        ufunc(*(bare(item) for item in inputs))
        raise
    for out in outs or ():
        if out is not None and out.shape != shape:
            _check_output(out.shape, shape, [np.shape(bare(item)) for item in inputs])
    answers = ufunc(*_spread(small, keywords), **keywords)
    results = answers if isinstance(answers, tuple) else (answers,)
    origin = origin_of(inputs) or origin_of(outs or ())
    made: list[Any] = []
    for index, result in enumerate(results):
        out = None if outs is None else outs[index]
        made.append(into(out, shape, np.asarray(result).dtype, origin))
    return tuple(made) if isinstance(answers, tuple) else made[0]


def _spread(small: list[Any], keywords: dict[str, Any]) -> list[Any]:
    """Stand-ins that fit the stand-ins of the outputs: an axis of size 0 only where every operand has it."""
    ranks = [np.ndim(item) for item in (*small, *(keywords.get("out") or ())) if item is not None]
    if any(np.size(item) == 0 for item in small) and max(ranks, default=0):
        return [np.ones((1,) * item.ndim, item.dtype) if isinstance(item, np.ndarray) else item for item in small]
    return small


def _check_output(out: _Shape, shape: _Shape, inputs: list[_Shape]) -> None:
    """Raise ValueError, worded as NumPy's, when a result of `shape` does not fit into an output of shape `out`."""

    def word(sizes: _Shape) -> str:
        return "(" + ",".join(map(str, sizes)) + ("," if len(sizes) == 1 else "") + ")"

    try:
        broadcast = np.broadcast_shapes(out, shape)
    except ValueError:
        words = " ".join(word(item) for item in (*inputs, out))
        raise ValueError(f"operands could not be broadcast together with shapes {words} ") from None
    if broadcast != out:
        raise ValueError(
            f"non-broadcastable output operand with shape {word(out)} "
            f"doesn't match the broadcast shape {word(broadcast)}"
        )


def _reduced(ufunc: np.ufunc, inputs: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    out = keywords.pop("out", None)
    keywords.pop("where", None)
    array = inputs[0]
    axis = keywords.get("axis", inputs[1] if len(inputs) > 1 else 0)
    keywords["axis"] = axis
    small = np.asarray(ufunc.reduce(tiny(array), **keywords))
    shape = reduced(np.shape(bare(array)), axis, bool(keywords.get("keepdims")))
    return into(out, shape, small.dtype, origin_of(inputs))


def _accumulated(ufunc: np.ufunc, inputs: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    out = keywords.pop("out", None)
    small = ufunc.accumulate(*(tiny(item) for item in inputs), **keywords)
    return into(out, np.shape(bare(inputs[0])), small.dtype, origin_of(inputs))


def _outer(ufunc: np.ufunc, inputs: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    small = ufunc.outer(*(tiny(item) for item in inputs), **keywords)
    shape = sum((np.shape(bare(item)) for item in inputs), ())
    return VirtualArray.of(shape, np.asarray(small).dtype, origin_of(inputs))


def _reduced_at(ufunc: np.ufunc, inputs: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    shape = list(np.shape(bare(inputs[0])))
    shape[keywords.get("axis", 0)] = len(inputs[1])
    return VirtualArray.of(shape, ufunc.reduce(tiny(inputs[0]).reshape(-1)).dtype, origin_of(inputs))


def _in_place(ufunc: np.ufunc, inputs: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    if not isinstance(inputs[0], VirtualArray):
        raise UnknownValue("what was added to the elements of an array")
    return None


_UFUNC_METHODS: dict[str, Callable[[np.ufunc, tuple[Any, ...], dict[str, Any]], Any]] = {
    "__call__": _call,
    "reduce": _reduced,
    "accumulate": _accumulated,
    "outer": _outer,
    "reduceat": _reduced_at,
    "at": _in_place,
}


def is_large(shape: Any, dtype: Any) -> bool:
    """Whether an array of this shape and dtype is better virtual."""
    sizes = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
    return math.prod(int(size) for size in sizes) * np.dtype(dtype).itemsize > LIMIT_BYTES


def sizes_of(shape: Any) -> Optional[_Shape]:
    """A shape argument as a tuple of ints; None for what is no shape."""
    try:
        return (int(shape),) if isinstance(shape, (int, np.integer)) else tuple(int(size) for size in shape)
    except (TypeError, ValueError):
        return None


def virtual_if_large(shape: Any, dtype: Any, origin: str) -> Optional[VirtualArray]:
    """A virtual array where one of this shape and dtype would be large, else None.

    Libraries with compiled code of their own (SciPy, scikit-learn, pandas, …) get the real array that they ask for.
    """
    sizes = sizes_of(shape)
    try:
        if sizes is None or any(size < 0 for size in sizes) or not is_large(sizes, dtype):
            return None
    except TypeError:
        return None
    return None if _asked_by_library() else VirtualArray.of(sizes, dtype, origin)


_OWN = os.path.dirname(os.path.abspath(__file__)) + os.sep
_LIBRARY = re.compile(r"[\\/](?:site|dist)-packages[\\/](?!keras|tensorflow|numpy|tf_keras)")


def _asked_by_library() -> bool:
    frame: Optional[FrameType] = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename.startswith(_OWN):
        frame = frame.f_back
    return frame is not None and _LIBRARY.search(frame.f_code.co_filename) is not None


def install(author_file: Callable[[str], bool]) -> None:
    """Nothing: virtual arrays need no patch of their own."""
