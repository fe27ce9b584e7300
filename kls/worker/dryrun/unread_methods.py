"""What pandas and NumPy make of a table that was not read: their methods and functions that keep, or choose, its axes.

Each answers None where nothing is known of what it gives.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Optional, Union

import numpy as np

from .open_sizes import Open, together
from .unknown import Unknown
from .unread import (
    Flat,
    OfTable,
    Statistic,
    Unread,
    as_array,
    as_type,
    column,
    form_of,
    made,
    put,
    same,
)
from .unread_columns import CHANGES, insert, popped
from .unread_names import names_of
from .unread_parts import Places

__all__ = ["FUNCTIONS", "TENSORFLOW", "attribute"]

_SAME = frozenset(
    "copy fillna sample head tail sort_values sort_index replace interpolate ffill bfill round clip abs "
    "drop_duplicates infer_objects convert_dtypes query nlargest nsmallest shift diff rank where mask".split()
)
"""Methods of pandas that keep the columns, whatever they do to the rows."""
_OTHER_COLUMNS = frozenset("select_dtypes filter reindex".split())
"""Methods of a DataFrame that give one with columns nobody knows."""
_STATISTICS = frozenset("min max mean std var median sum count nunique quantile describe".split())
_COMPARED = frozenset("isin isna isnull notna notnull between eq ne lt le gt ge".split())


_OF_ARRAYS = ("reshape", "flatten")
"""What NumPy's arrays have, and pandas's tables do not."""
_GONE = ("append", "iteritems", "ix", "as_matrix", "get_value", "set_value", "lookup", "mad")
"""What tables had in older versions of pandas."""
_OF_TABLES = frozenset(
    "iloc loc columns head tail values to_numpy iterrows itertuples value_counts isnull notnull isna fillna dropna "
    "drop sample describe info dtypes apply merge groupby reset_index set_index to_csv to_list sort_values "
    "select_dtypes corr rename iat".split()
)
"""What pandas's tables have, and neither NumPy's arrays nor TensorFlow's tensors."""
_KINDS = {"frame": "DataFrame", "series": "Series"}


def attribute(table: Unread, name: str) -> Any:
    """An attribute of a frame, a series or an array."""
    if name in _STATISTICS:
        return lambda *_, **__: Statistic(table.reason, table.line)
    if form_of(table).kind == "array":
        if name in _OF_TABLES:
            raise AttributeError(f"'numpy.ndarray' object has no attribute '{name}'")
        return _of_array(table, name)
    if name in ("values", "array"):
        return as_array(table)
    if name in ("iloc", "loc"):
        return Places(table)
    if name in _OF_ARRAYS or (name in _GONE and _is_gone(name)):
        raise AttributeError(f"'{_KINDS[form_of(table).kind]}' object has no attribute '{name}'")
    return _of_pandas(table, name)


def _is_gone(name: str) -> bool:
    import pandas

    return not hasattr(pandas.DataFrame, name)


def _of_pandas(table: Unread, name: str) -> Any:
    series = form_of(table).kind == "series"
    if name in _COMPARED:
        return lambda *_, **__: same(table, dtype=bool)
    if name in _SAME:
        return lambda *_, **keywords: _answer(table, same(table, dtype=None), keywords)
    if name == "to_numpy":
        return lambda dtype=None, *_, **__: as_array(table, dtype)
    if name == "astype":
        return lambda dtype=None, *_, **__: same(table, **as_type(dtype))
    if name == "dropna":
        return lambda *_, **keywords: _answer(table, _without_gaps(table, **keywords), keywords)
    if name in ("reset_index", "rename") or (name in CHANGES and not series):
        return lambda *args, **keywords: _answer(table, CHANGES[name](table, *args, **keywords), keywords)
    if series and name == "cat":
        return _Categories(table)
    if series and name in ("map", "apply"):
        return lambda arg=None, *_, **__: _mapped(table, arg)
    if series:
        return (lambda *_, **__: made(table, kind="frame", sizes=(1,))) if name == "to_frame" else None
    if name == "columns":
        return names_of(table)
    if name == "keys":
        return lambda: names_of(table)
    if name in ("pop", "insert"):
        return functools.partial(popped if name == "pop" else insert, table)
    if name in _OTHER_COLUMNS:
        return lambda *_, **keywords: _answer(table, made(table, sizes=(Open(),)), keywords)
    import pandas

    # A library may ask for what only others have: that says nothing of the columns.
    return None if hasattr(pandas.DataFrame, name) else column(table, name)


class _Categories(OfTable):
    """What pandas knows of a column of categories."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        if name == "codes":
            return same(self._table, dtype=np.dtype("int8"), numeric=True, rows=form_of(self._table).rows)
        return super().__getattr__(name)


def _mapped(table: Unread, mapping: Any) -> Unknown:
    """A column with other values, which are numbers where a dictionary says so; a function may make several columns
    of one."""
    numbers = (
        isinstance(mapping, dict) and mapping and all(type(item) in (int, float, bool) for item in mapping.values())
    )
    code = getattr(mapping, "__code__", None)
    if not numbers and (code is None or "Series" in code.co_names):
        return table.unshaped()
    return same(table, dtype=None, numeric=True if numbers else None, rows=form_of(table).rows)


def _answer(table: Unread, given: Unread, keywords: dict[str, Any]) -> Any:
    """What a method of pandas gives, which may change the table itself."""
    if not keywords.get("inplace"):
        return given
    left = form_of(given)
    put(table, left.sizes, left.columns, left.lacks, left.has)
    return None


def _without_gaps(table: Unread, axis: Any = 0, **_: Any) -> Unread:
    return same(table) if axis in (0, "index", "rows") else made(table, sizes=(Open(),))


def _of_array(table: Unread, name: str) -> Any:
    if name == "reshape":
        return lambda *shape, **__: _or_unknown(table, _reshaped(table, shape[0] if len(shape) == 1 else shape))
    if name == "astype":
        return lambda dtype=None, *_, **__: made(table, rows=form_of(table).rows, **as_type(dtype))
    if name in ("copy", "round", "clip"):
        return lambda *_, **__: same(table, rows=form_of(table).rows)
    if name in ("toarray", "todense"):  # of a sparse matrix
        return lambda *_, **__: same(table)
    if name in ("ravel", "flatten"):
        return lambda *_, **__: _or_unknown(table, _reshaped(table, (-1,)))
    if name in ("argmax", "argmin"):
        return lambda axis=None, *_, **__: _or_unknown(table, _positions(table, axis))
    if name == "squeeze":
        return lambda *_, **__: _or_unknown(table, _squeezed(table))
    return None


def _or_unknown(table: Unread, given: Any) -> Any:
    return table.unshaped() if given is None else given


def _reshaped(a: Any, newshape: Any = None, *_: Any, shape: Any = None, **__: Any) -> Any:
    """The same numbers in another form, whose first axis counts samples still, or is as long as the program says."""
    wanted = newshape if shape is None else shape
    sizes = tuple(wanted) if isinstance(wanted, (tuple, list)) else (wanted,)
    if not isinstance(a, Unread) or not sizes or any(isinstance(size, bool) for size in sizes):
        return None
    first, rest = sizes[0], sizes[1:]
    if isinstance(a, Flat) and (isinstance(wanted, Unknown) or any(_number(size) is None for size in rest)):
        return None
    rows = _number(first)
    if not (isinstance(first, Unknown) or first == -1 or rows is not None):
        return None
    if not rest:  # one axis of all: the samples of a column
        alone = all(size == 1 or (isinstance(size, Open) and not size.several) for size in form_of(a).sizes)
        return made(a, kind="array", sizes=()) if alone else None
    if rows == 1 and not isinstance(a, Flat):  # one sample, whose size nobody knows
        return None
    left: list[Union[int, Open]] = []
    for size in rest:
        number = _number(size)
        if number is not None:
            left.append(number)
        elif isinstance(size, Unknown) or size == -1:
            left.append(Open())
        else:
            return None
    return made(a, kind="array", sizes=tuple(left), rows=rows)


def _number(size: Any) -> Optional[int]:
    """A size that is known."""
    return int(size) if isinstance(size, (int, np.integer)) and size > 0 else None


def _squeezed(a: Any, *_: Any, **__: Any) -> Any:
    if not isinstance(a, Unread) or any(isinstance(size, Open) for size in form_of(a).sizes):
        return None
    return made(a, kind="array", sizes=tuple(size for size in form_of(a).sizes if size != 1))


def _flat(a: Any, *_: Any, **__: Any) -> Any:
    return _reshaped(a, (-1,))


def _expanded(a: Any, axis: Any) -> Any:
    if not isinstance(a, Unread) or isinstance(axis, bool) or not isinstance(axis, (int, np.integer)):
        return None
    sizes = form_of(a).sizes
    where = int(axis) % (form_of(a).rank + 1)
    rows = form_of(a).rows
    if where == 0 and rows is not None:
        return made(a, kind="array", sizes=(rows, *sizes), rows=1)
    return made(a, kind="array", sizes=(*sizes[: where - 1], 1, *sizes[where - 1 :]), rows=rows) if where else None


def _elementwise(a: Any, *_: Any, **__: Any) -> Any:
    return as_array(a) if isinstance(a, Unread) else None


def _chosen(condition: Any, *choices: Any) -> Any:
    """`np.where(column == "yes", 1, 0)`: one of two numbers for each row."""
    numbers = len(choices) == 2 and all(type(item) in (int, float, bool) for item in choices)
    if not numbers or not isinstance(condition, Unread):
        return None
    return made(condition, kind="array", dtype=np.result_type(*choices), numeric=True, rows=form_of(condition).rows)


def _positions(a: Any, axis: Any = None, *_: Any, **__: Any) -> Any:
    """`argmax` over the classes of each sample."""
    if isinstance(a, Unread) and form_of(a).rank == 2 and axis in (1, -1):
        return made(a, kind="array", sizes=(), dtype=np.int64, numeric=True)
    if isinstance(a, Unread) and isinstance(axis, int) and axis >= form_of(a).rank:
        error = np.exceptions.AxisError(axis, form_of(a).rank)
        error.__dict__["_kls_certain"] = True
        raise error
    return None


def _statistic(a: Any, *_: Any, **__: Any) -> Any:
    return Statistic(a.reason, a.line) if isinstance(a, Unread) else None


def _joined(arrays: Any, axis: Any = 0, *_: Any, **__: Any) -> Any:
    """`concatenate`: rows under rows, or columns beside columns."""
    tables = _all_unread(arrays)
    if tables is None:
        return None
    forms = [form_of(table) for table in tables]
    if axis == 0:
        pairs = zip(*(form.sizes for form in forms))
        sizes = tuple(pair[0] if all(size == pair[0] for size in pair) else Open() for pair in pairs)
        return made(tables[0], kind="array", sizes=sizes, dtype=None)
    if forms[0].rank != 2 or axis not in (1, -1):
        return None
    return made(tables[0], kind="array", sizes=(together([form.sizes[0] for form in forms]),), dtype=None)


def _beside(tup: Any, *_: Any, **__: Any) -> Any:
    tables = _all_unread(tup)
    return _joined(tables, 1) if tables is not None and form_of(tables[0]).rank == 2 else None


def _stacked(tup: Any, *_: Any, **__: Any) -> Any:
    tables = _all_unread(tup)
    return _joined(tables) if tables is not None and form_of(tables[0]).rank == 2 else None


def _all_unread(arrays: Any) -> Optional[list[Unread]]:
    """Tables of one rank; None where something else is among them."""
    given = list(arrays) if isinstance(arrays, (list, tuple)) else []
    tables = [item for item in given if isinstance(item, Unread)]
    alike = len(tables) == len(given) and len({form_of(table).rank for table in tables}) == 1
    return tables if alike else None


def _unique(ar: Any, *_: Any, **keywords: Any) -> Any:
    """The values that there are, which are not as many as there are samples."""
    if not isinstance(ar, Unread) or keywords:
        return None
    rows = form_of(ar).witnesses.size(ar.unshaped())
    return made(ar, kind="array", sizes=(), rows=rows) if isinstance(rows, int) else None


FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.reshape: _reshaped,
    np.expand_dims: _expanded,
    np.squeeze: _squeezed,
    np.ravel: _flat,
    np.argmax: _positions,
    np.unique: _unique,
    np.where: _chosen,
    np.concatenate: _joined,
    np.vstack: _stacked,
    np.hstack: _beside,
    np.nan_to_num: _elementwise,
    **dict.fromkeys((np.round, np.clip), lambda a, *_, **__: same(a) if isinstance(a, Unread) else None),
    **dict.fromkeys((np.mean, np.std, np.var, np.min, np.max, np.median), _statistic),
}
"""NumPy's functions of which more is known than that their answer is Unknown."""


def _cast(a: Unread, dtype: Any = None, *_: Any, **__: Any) -> Any:
    return as_array(a, getattr(dtype, "as_numpy_dtype", dtype))


TENSORFLOW: dict[str, Callable[..., Any]] = {
    "reshape": _reshaped,
    "expand_dims": _expanded,
    "squeeze": _squeezed,
    **dict.fromkeys(("cast", "constant", "convert_to_tensor"), _cast),
}
"""The same for functions of TensorFlow. A tensor that is not read either stays a table: what only tensors have is
Unknown."""
