"""NumPy's functions on virtual arrays: shape and dtype of what they give, without computing it.

`MODELS` answers for NumPy's compiled primitives and for functions that would copy. `OWN_CODE` are functions whose own
Python code only calls such primitives, so it runs as it is. Any other function is run on real arrays in which every
large axis is replaced by small witness sizes; how the result's axes follow them tells the true shape (`by_witness`).
Functions whose result's size depends on values raise `UnknownValue`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from .arrays import VirtualArray, bare, into, origin_of, reduced, shape_and_dtype, tiny
from .unknown import UnknownValue

# Kept before NumPy's own is replaced: what is drawn here must be real.
_default_rng = np.random.default_rng

MODELS: dict[Any, Callable[..., Any]] = {}
OWN_CODE: set[Any] = set()

_REAL_ELEMENTS = 20_000
_WITNESS_ELEMENTS = 2_000_000
_WITNESSES = ((7, 11), (13, 17), (19, 23), (29, 31), (37, 41), (43, 47))


def _model(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        for name in names:
            found = _numpy(name)
            if found is not None:
                MODELS[found] = function
        return function

    return register


def _numpy(name: str) -> Any:
    found: Any = np
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


for _name in (
    "reshape transpose permute_dims matrix_transpose swapaxes moveaxis rollaxis squeeze expand_dims atleast_1d "
    "atleast_2d atleast_3d "
    "split array_split hsplit vsplit dsplit hstack vstack row_stack dstack column_stack flip fliplr flipud rot90 "
    "ravel mean std var sum prod max min amax amin any all argmax argmin argsort sort "
    "cumsum cumprod clip round around take repeat diagonal trace size ndim shape zeros_like ones_like "
    "full_like real imag iscomplexobj isrealobj result_type can_cast common_type roll diff "
    "argpartition partition unstack"
).split():
    _found = _numpy(_name)
    if _found is not None:
        OWN_CODE.add(_found)


@_model(
    "unique",
    "unique_all",
    "unique_counts",
    "unique_inverse",
    "unique_values",
    "nonzero",
    "flatnonzero",
    "argwhere",
    "extract",
    "compress",
    "trim_zeros",
    "union1d",
    "intersect1d",
    "setdiff1d",
    "setxor1d",
    "bincount",
    "roots",
    "allclose",
    "array_equal",
    "array_equiv",
    "place",
    "histogram_bin_edges",
    "packbits",
    "unpackbits",
    "lexsort",
    "linalg.matrix_rank",
    "linalg.lstsq",
    "choose",
    "select",
    "piecewise",
    "apply_along_axis",
    "apply_over_axes",
)
def _value_needed(*args: Any, **_: Any) -> NoReturn:
    virtual = next((item for item in _leaves(args) if isinstance(item, VirtualArray)), None)
    origin = virtual.origin if virtual is not None else None
    raise UnknownValue(f"the values of {origin}" if origin else "the values of an array")


@_model("may_share_memory", "shares_memory")
def _no_sharing(*_: Any, **__: Any) -> bool:
    return False


@_model("array_repr", "array_str", "array2string")
def _text(a: Any, *_: Any, **__: Any) -> str:
    return str(a)


@_model("save", "savez", "savez_compressed", "savetxt")
def _no_file(*_: Any, **__: Any) -> None:
    return None


_FILLING = ("copyto", "put", "putmask", "put_along_axis", "fill_diagonal", "random.shuffle")


@_model(*_FILLING)
def _filled(dst: Any, *_: Any, **__: Any) -> None:
    if not isinstance(dst, VirtualArray):
        raise UnknownValue("what was written into an array")


WRITING = frozenset(function for function, model in MODELS.items() if model is _filled)
"""Functions that write into their first argument."""


@_model("copy", "nan_to_num", "ascontiguousarray", "asfortranarray", "real_if_close", "sinc", "i0", "unwrap", "fix")
def _same(a: Any, *_: Any, **__: Any) -> Any:
    shape, dtype = shape_and_dtype(a)
    return VirtualArray.of(shape, dtype, origin_of((a,)))


@_model("empty_like")
def _empty_like(
    prototype: Any, dtype: Any = None, order: Any = "K", subok: Any = True, shape: Any = None, **_: Any
) -> Any:
    given, own = shape_and_dtype(prototype)
    return VirtualArray.of(given if shape is None else shape, own if dtype is None else dtype, origin_of((prototype,)))


def _coerced(values: Any) -> list[Any]:
    """Array-likes as arrays, virtual where something in them is."""
    made: list[Any] = []
    for value in values:
        if isinstance(value, np.ndarray):
            made.append(value)
        elif any(isinstance(item, VirtualArray) for item in _leaves((value,))):
            shape, dtype = shape_and_dtype(value)
            made.append(VirtualArray.of(shape, dtype, origin_of(_leaves((value,)))))
        else:
            made.append(np.asarray(value))
    return made


@_model("concatenate", "concat")
def concatenate(arrays: Any, axis: Any = 0, out: Any = None, **keywords: Any) -> Any:
    """Joined arrays. NumPy judges them cut to length zero along `axis`, so nothing is copied."""
    if isinstance(arrays, VirtualArray) and arrays.ndim:
        arrays = list(arrays[:1]) * len(arrays)
    parts = _coerced(arrays)
    origin = origin_of(parts)
    if axis is None:
        parts, axis = [part.reshape(-1) for part in parts], 0
    first = parts[0] if parts else None
    if first is None or not first.ndim or not -first.ndim <= axis < first.ndim:
        return np.concatenate([tiny(part) for part in parts], axis=axis, **keywords)
    where = axis % first.ndim
    cut = [bare(part)[(slice(None),) * where + (slice(0, 0),)] if part.ndim > where else bare(part) for part in parts]
    joined = np.concatenate(cut, axis=axis, **keywords)
    length = sum(part.shape[where] for part in parts)
    return into(out, (*joined.shape[:where], length, *joined.shape[where + 1 :]), joined.dtype, origin)


@_model("stack")
def _stack(arrays: Any, axis: int = 0, out: Any = None, **keywords: Any) -> Any:
    if isinstance(arrays, VirtualArray) and arrays.ndim:
        arrays = list(arrays[:1]) * len(arrays)
    parts = _coerced(arrays)
    if len({part.shape for part in parts}) != 1:
        np.stack([bare(part) for part in parts], axis=axis)
    small = np.stack([tiny(part) for part in parts], axis=axis, **keywords)
    shape = list(parts[0].shape)
    shape.insert(axis % small.ndim, len(parts))
    return into(out, shape, small.dtype, origin_of(parts))


@_model("where")
def _where(condition: Any, *choices: Any, **keywords: Any) -> Any:
    given = [*choices, *keywords.values()]
    if not given:
        return _value_needed(condition)
    parts = [item if np.isscalar(item) else _coerced([item])[0] for item in (condition, *given)]
    try:
        shape = np.broadcast_shapes(*(np.shape(bare(part)) for part in parts))
    except ValueError:
        return np.where(*(bare(part) for part in parts))
    return VirtualArray.of(shape, np.where(*(tiny(part) for part in parts)).dtype, origin_of(parts))


def matmul(a: Any, b: Any, **_: Any) -> Any:
    """The matrix product. NumPy judges it with one free axis cut to length zero."""
    a, b = _coerced([a, b])
    plain = [bare(a), bare(b)]
    if a.ndim >= 2:
        cut, axis, length = [plain[0][..., :0, :], plain[1]], (-1 if b.ndim == 1 else -2), a.shape[-2]
    elif b.ndim >= 2:
        cut, axis, length = [plain[0], plain[1][..., :0]], -1, b.shape[-1]
    else:
        return VirtualArray.of((), np.matmul(*plain).dtype, origin_of((a, b)))
    try:
        small = np.matmul(*cut)
    except ValueError:
        return np.matmul(*plain)
    shape = list(small.shape)
    shape[axis] = length
    return VirtualArray.of(shape, small.dtype, origin_of((a, b)))


@_model("dot")
def _dot(a: Any, b: Any, out: Any = None) -> Any:
    a, b = _coerced([a, b])
    if not a.ndim or not b.ndim:
        return np.multiply(a, b)
    inner = b.shape[-2] if b.ndim > 1 else b.shape[0]
    if a.shape[-1] != inner:
        return np.dot(bare(a), bare(b))
    shape = (*a.shape[:-1], *b.shape[:-2], *(b.shape[-1:] if b.ndim > 1 else ()))
    return into(out, shape, np.result_type(a.dtype, b.dtype), origin_of((a, b)))


@_model("inner")
def _inner(a: Any, b: Any) -> Any:
    a, b = _coerced([a, b])
    if a.ndim and b.ndim and a.shape[-1] != b.shape[-1]:
        return np.inner(bare(a), bare(b))
    shape = (*a.shape[:-1], *b.shape[:-1]) if a.ndim and b.ndim else a.shape or b.shape
    return VirtualArray.of(shape, np.result_type(a.dtype, b.dtype), origin_of((a, b)))


@_model("outer", "linalg.outer")
def _outer(a: Any, b: Any, out: Any = None) -> Any:
    a, b = _coerced([a, b])
    return into(out, (a.size, b.size), np.result_type(a.dtype, b.dtype), origin_of((a, b)))


@_model("tensordot")
def _tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    a, b = _coerced([a, b])
    if isinstance(axes, (int, np.integer)):
        left, right = list(range(a.ndim - int(axes), a.ndim)), list(range(int(axes)))
    else:
        left, right = ([item] if isinstance(item, (int, np.integer)) else list(item) for item in axes)
    left, right = [axis % a.ndim for axis in left], [axis % b.ndim for axis in right]
    if [a.shape[axis] for axis in left] != [b.shape[axis] for axis in right]:
        raise ValueError("shape-mismatch for sum")
    shape = [size for axis, size in enumerate(a.shape) if axis not in left]
    shape += [size for axis, size in enumerate(b.shape) if axis not in right]
    return VirtualArray.of(shape, np.result_type(a.dtype, b.dtype), origin_of((a, b)))


@_model("einsum")
def _einsum(*operands: Any, **_: Any) -> Any:
    try:
        from numpy._core.einsumfunc import _parse_einsum_input
    except ImportError:
        from numpy.core.einsumfunc import _parse_einsum_input  # type: ignore[no-redef]
    plain = [bare(item) for item in operands]
    inputs, output, arrays = _parse_einsum_input(plain)
    sizes: dict[str, int] = {}
    for letters, array in zip(inputs.split(","), arrays):
        if len(letters) != array.ndim:
            return np.einsum(*plain)
        for letter, size in zip(letters, array.shape):
            if sizes.get(letter, 1) not in (1, size) and size != 1:
                return np.einsum(*plain)
            sizes[letter] = max(size, sizes.get(letter, 1))
    dtype = np.result_type(*(array.dtype for array in arrays))
    return VirtualArray.of(tuple(sizes[letter] for letter in output), dtype, origin_of(operands))


@_model("pad")
def _pad(array: Any, pad_width: Any, mode: Any = "constant", **keywords: Any) -> Any:
    small = np.zeros(tuple(min(size, 2) for size in array.shape), array.dtype)
    grown = np.pad(small, pad_width, mode, **keywords)
    shape = [new - old + size for new, old, size in zip(grown.shape, small.shape, array.shape)]
    return VirtualArray.of(shape, grown.dtype, array.origin)


@_model("tile")
def _tile(A: Any, reps: Any) -> Any:
    counts = tuple(reps) if isinstance(reps, (tuple, list, np.ndarray)) else (reps,)
    array = _coerced([A])[0]
    rank = max(array.ndim, len(counts))
    shape = (1,) * (rank - array.ndim) + array.shape
    counts = (1,) * (rank - len(counts)) + counts
    return VirtualArray.of([size * int(count) for size, count in zip(shape, counts)], array.dtype, origin_of((A,)))


@_model("meshgrid")
def _meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> Any:
    parts = [item.reshape(-1) if isinstance(item, np.ndarray) else np.asarray(item).reshape(-1) for item in xi]
    grids = np.meshgrid(*(bare(part) for part in parts), copy=False, sparse=sparse, indexing=indexing)  # type: ignore[call-overload]
    return type(grids)(VirtualArray.of(grid.shape, grid.dtype, origin_of(parts)) for grid in grids)


@_model("percentile", "quantile", "nanpercentile", "nanquantile")
def _percentile(a: Any, q: Any, axis: Any = None, out: Any = None, *args: Any, keepdims: Any = False, **_: Any) -> Any:
    array, points = _coerced([a, q])
    point: Any = q if np.isscalar(q) else tiny(points)
    small = np.percentile(tiny(array), point, axis=axis)
    keep = keepdims is True
    return into(out, (*points.shape, *reduced(array.shape, axis, keep)), small.dtype, origin_of((a,)))


@_model("median", "nanmedian", "nanmean", "nanstd", "nanvar")
def _averaged(a: Any, axis: Any = None, *args: Any, keepdims: Any = False, **_: Any) -> Any:
    small = np.median(tiny(a), axis=axis)
    return VirtualArray.of(reduced(a.shape, axis, keepdims is True), small.dtype, origin_of((a,)))


@_model("nanmax", "nanmin", "nansum", "nanprod", "nanargmax", "nanargmin", "ptp")
def _nan_reduced(a: Any, axis: Any = None, *args: Any, keepdims: Any = False, **_: Any) -> Any:
    small = np.max(tiny(a), axis=axis)
    return VirtualArray.of(reduced(a.shape, axis, keepdims is True), np.asarray(small).dtype, origin_of((a,)))


@_model("average")
def _average(a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: Any = False) -> Any:
    array = _coerced([a])[0]
    small = np.mean(tiny(array), axis=axis)
    made = VirtualArray.of(reduced(array.shape, axis, keepdims is True), small.dtype, origin_of((array,)))
    return (made, made.copy()) if returned else made


@_model("histogram")
def _histogram(a: Any, bins: Any = 10, *args: Any, density: Any = None, **_: Any) -> Any:
    if isinstance(bins, str):
        _value_needed(a)
    count = int(bins) if isinstance(bins, (int, np.integer)) else len(bins) - 1
    origin = origin_of((a,))
    edges: Any = np.asarray(bins)
    if not edges.ndim:
        edges = VirtualArray.of((count + 1,), np.histogram_bin_edges(tiny(_coerced([a])[0]), 1).dtype, origin)
    return VirtualArray.of((count,), np.float64 if density else np.intp, origin), edges


@_model("isin", "in1d")
def _isin(element: Any, *_: Any, **__: Any) -> Any:
    return VirtualArray.of(shape_and_dtype(element)[0], bool, origin_of((element,)))


@_model("broadcast_to")
def _broadcast_to(array: Any, shape: Any, subok: bool = False) -> Any:
    return VirtualArray.of(np.broadcast_to(bare(array), shape).shape, array.dtype, array.origin)


@_model("broadcast_arrays")
def _broadcast_arrays(*args: Any, subok: bool = False) -> Any:
    parts = _coerced(args)
    shape = np.broadcast_arrays(*(bare(part) for part in parts))[0].shape
    return tuple(VirtualArray.of(shape, part.dtype, origin_of((part,))) for part in parts)


@_model("searchsorted")
def _searchsorted(a: Any, v: Any, *_: Any, **__: Any) -> Any:
    return VirtualArray.of(shape_and_dtype(v)[0], np.intp, origin_of((a, v)))


@_model("digitize")
def _digitize(x: Any, *_: Any, **__: Any) -> Any:
    return VirtualArray.of(shape_and_dtype(x)[0], np.intp, origin_of((x,)))


@_model("delete")
def _delete(arr: Any, obj: Any, axis: Any = None) -> Any:
    return _along_line(np.delete, arr, axis, obj)


@_model("insert")
def _insert(arr: Any, obj: Any, values: Any, axis: Any = None) -> Any:
    if not isinstance(arr, VirtualArray):
        return _value_needed(values)
    return _along_line(lambda line, where: np.insert(line, where, False), arr, axis, obj)


def _along_line(function: Callable[..., Any], arr: Any, axis: Any, obj: Any) -> Any:
    """What `function` does to the length of one axis; NumPy judges on a line of that length."""
    array = arr.reshape(-1) if axis is None else arr
    where = 0 if axis is None else axis
    if not -array.ndim <= where < array.ndim:
        return np.delete(tiny(array), 0, axis)
    where %= array.ndim
    length = function(np.broadcast_to(np.zeros((), bool), (array.shape[where],)), bare(obj)).shape[0]
    return VirtualArray.of((*array.shape[:where], length, *array.shape[where + 1 :]), array.dtype, origin_of((arr,)))


@_model("append")
def _append(arr: Any, values: Any, axis: Any = None) -> Any:
    parts = _coerced([arr, values])
    return concatenate([part.reshape(-1) for part in parts] if axis is None else parts, 0 if axis is None else axis)


@_model("resize")
def _resize(a: Any, new_shape: Any) -> Any:
    return VirtualArray.of(new_shape, a.dtype, a.origin)


@_model("triu", "tril")
def _triangle(m: Any, k: int = 0) -> Any:
    return VirtualArray.of(m.shape, m.dtype, m.origin)


def _leaves(values: Any, depth: int = 0) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if isinstance(value, (tuple, list)) and depth < 4:
            found.extend(_leaves(value[:256], depth + 1))
        elif isinstance(value, dict) and depth < 4:
            found.extend(_leaves(list(value.values()), depth + 1))
        else:
            found.append(value)
    return found


def _replace(value: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, (tuple, list)):
        items = [_replace(item, change) for item in value]
        return type(value)(items) if type(value) in (tuple, list) else items
    if isinstance(value, dict):
        return {key: _replace(item, change) for key, item in value.items()}
    return change(value)


def by_witness(function: Any, args: Any, keywords: Any) -> Any:
    """What `function` gives, from runs on small real arrays.

    Every axis size above 48 of a virtual argument is a variable; runs with two different small sizes for each tell how
    the result's axes depend on it, and a last run with all of them changed must agree. Raises UnknownValue when it does
    not, or when a run fails: what raised on made-up values says nothing about the program.
    """
    arrays = [item for item in _leaves((args, keywords)) if isinstance(item, VirtualArray)]
    name = getattr(function, "__name__", "a function")
    if any(item.dtype.kind not in "biufc" for item in arrays):
        raise UnknownValue(f"what {name} gives")
    total = sum(item.size for item in arrays)
    sizes = [] if total <= _REAL_ELEMENTS else sorted({size for item in arrays for size in item.shape if size > 48})
    if len(sizes) > len(_WITNESSES):
        raise UnknownValue(f"what {name} gives")
    origin = origin_of(arrays)

    def run(mapping: dict[int, int]) -> Any:
        def stand_in(item: Any) -> Any:
            if not isinstance(item, np.ndarray):
                return item
            sizes_now: Any = [mapping.get(size, size) for size in item.shape]
            shape = tuple(sizes_now)
            if not isinstance(item, VirtualArray) and shape == item.shape:
                return item
            if math.prod(shape) > _WITNESS_ELEMENTS:
                raise UnknownValue(f"what {name} gives")
            values = _default_rng(7).integers(1, 9, shape)
            return values.astype(item.dtype) if item.dtype.kind in "biu" else (values / 3).astype(item.dtype)

        given = _replace(args, stand_in), _replace(keywords, stand_in)
        try:
            with np.errstate(all="ignore"):
                return function(*given[0], **given[1])
        except Exception as error:
            raise UnknownValue(f"what {name} gives") from error

    first = {size: pair[0] for size, pair in zip(sizes, _WITNESSES)}
    runs = [run(first)]
    for size, pair in zip(sizes, _WITNESSES):
        runs.append(run({**first, size: pair[1]}))
    if len(sizes) > 1:
        runs.append(run({size: pair[1] for size, pair in zip(sizes, _WITNESSES)}))
    return _extrapolated(runs, sizes, origin, name)


def _extrapolated(runs: list[Any], sizes: list[int], origin: Any, name: str) -> Any:
    base = runs[0]
    if isinstance(base, (tuple, list)):
        parts = [_extrapolated([run[index] for run in runs], sizes, origin, name) for index in range(len(base))]
        return type(base)(parts) if type(base) in (tuple, list) else tuple(parts)
    if not isinstance(base, (np.ndarray, np.generic)):
        if isinstance(base, (bool, int, float, complex)):
            return VirtualArray.of((), np.asarray(base).dtype, origin)
        raise UnknownValue(f"what {name} gives")
    shapes = [np.shape(run) for run in runs]
    if len({len(shape) for shape in shapes}) != 1:
        raise UnknownValue(f"what {name} gives")
    true: list[int] = []
    for axis in range(len(shapes[0])):
        value, check = shapes[0][axis], shapes[0][axis]
        for number, (size, pair) in enumerate(zip(sizes, _WITNESSES), 1):
            step = shapes[number][axis] - shapes[0][axis]
            slope, rest = divmod(step, pair[1] - pair[0])
            if rest:
                raise UnknownValue(f"the shape of what {name} gives")
            value += slope * (size - pair[0])
            check += step
        if check != shapes[-1][axis]:
            raise UnknownValue(f"the shape of what {name} gives")
        true.append(value)
    return VirtualArray.of(true, base.dtype, origin)


__all__ = ["MODELS", "OWN_CODE", "by_witness", "concatenate", "matmul"]
