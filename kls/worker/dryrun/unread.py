"""Tables whose file is not there: their axes are known all the same, and the sizes that the program itself gives.

`pandas.read_csv` of a file that is on the author's machine only gives an `Unread`: Unknown in all but its axes. The
first counts samples and fits whatever it meets; each of the others has a size that is known (columns chosen by name,
`reshape(-1, 28, 28, 1)`) or `Open`, which is a witness number where data meet a model. Dtype and values are not known.
What pandas or NumPy would do that is not modelled here gives an Unknown of which nothing is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Optional, Union

import numpy as np

from .arrays import VirtualArray
from .unknown import TEXT, Unknown, UnknownValue, Whole

__all__ = ["Open", "Unread", "known", "numbers", "rows_of"]


class Open:
    """A size that nobody knows; two are the same only if they are the same object."""


_Sizes = tuple[Union[int, Open], ...]

_SAME = frozenset(
    "copy fillna sample head tail sort_values sort_index replace interpolate ffill bfill round clip abs "
    "drop_duplicates infer_objects convert_dtypes query nlargest nsmallest shift diff rank rename where mask".split()
)
"""Methods of pandas that keep the columns, whatever they do to the rows."""
_OTHER_COLUMNS = frozenset("select_dtypes join merge filter assign reindex set_index".split())
"""Methods of a DataFrame that give one with columns nobody knows."""
_STATISTICS = frozenset("min max mean std var median sum".split())
_COMPARED = frozenset("isin isna isnull notna notnull between eq ne lt le gt ge".split())


class Statistic(Unknown):
    """A number, or a row of numbers, that was computed from a table: what it is taken from keeps its shape."""

    __slots__ = ()


class Unread(Unknown):
    """A table, a column or an array of which only the axes after the first are known (`sizes`)."""

    __slots__ = ("_columns", "_dtype", "_kind", "_numeric", "_sizes", "_witnesses")

    _kind: str
    _sizes: _Sizes
    _columns: Optional[tuple[Any, ...]]
    _dtype: Optional[Any]
    _numeric: bool
    _witnesses: Any

    def __init__(
        self,
        reason: str,
        line: Optional[int],
        witnesses: Any,
        kind: str = "frame",
        sizes: Optional[_Sizes] = None,
        columns: Optional[tuple[Any, ...]] = None,
        dtype: Optional[Any] = None,
        numeric: bool = False,
    ) -> None:
        """`kind` is "frame" or "series" of pandas, or "array"; `columns` are the names of a frame's columns, None where
        nobody knows all of them; `numeric` says whether the program can only be right where it holds numbers."""
        super().__init__(reason, line)
        for name, value in (
            ("_witnesses", witnesses),
            ("_kind", kind),
            ("_sizes", (Open(),) if sizes is None else sizes),
            ("_columns", columns),
            ("_dtype", dtype),
            ("_numeric", numeric),
        ):
            object.__setattr__(self, name, value)

    def unshaped(self) -> Unknown:
        """What is left where not even the axes are known."""
        return Unknown(self.reason, self.line)

    def like(self, kind: Optional[str] = None, sizes: Optional[_Sizes] = None, **changed: Any) -> Unread:
        """Another one from the same file, with what is given changed; its columns have no names unless given."""
        return Unread(
            self.reason,
            self.line,
            self._witnesses,
            kind or self._kind,
            self._sizes if sizes is None else sizes,
            changed.get("columns"),
            changed.get("dtype", self._dtype),
            changed.get("numeric", self._numeric),
        )

    def same(self, **changed: Any) -> Unread:
        """The same table with other rows."""
        return self.like(**{"columns": self._columns, **changed})

    def alike(self, other: Unread) -> bool:
        """Whether another one has the same axes."""
        return self._sizes == other._sizes

    def array(self, dtype: Any = None) -> Unread:
        """As NumPy's array, of another dtype if that is given."""
        known = {} if dtype is None else {"dtype": dtype, "numeric": _is_number(dtype)}
        return self.like("array", **known)

    @property
    def rank(self) -> int:
        """How many axes there are."""
        return 1 + len(self._sizes)

    @property
    def numeric(self) -> bool:
        """Whether the program can only be right where this holds numbers."""
        return self._numeric

    def size(self, axis: int) -> Any:
        """The size of an axis, a witness where it is open; the first is Unknown, as any is when witnesses ran out."""
        if axis % self.rank == 0:
            return self.unshaped()
        size = self._sizes[axis % self.rank - 1]
        return self._witnesses.opened(size, self) if isinstance(size, Open) else size

    def numbers(self, rows: Optional[int] = None) -> Any:
        """A virtual array of numbers with these axes, of `rows` samples or as many as a witness says; float64 or int64
        from dry run to dry run unless the dtype is known. Itself where witnesses ran out."""
        sizes = [self.size(axis) for axis in range(1, self.rank)]
        if any(isinstance(size, Unknown) for size in sizes):
            return self
        first = self._witnesses.count(self) if rows is None else rows
        return VirtualArray.of((first, *sizes), self._dtype or self._witnesses.dtype, self.reason)

    def _put(self, sizes: _Sizes, columns: Optional[tuple[Any, ...]]) -> None:
        object.__setattr__(self, "_sizes", sizes)
        object.__setattr__(self, "_columns", columns)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name == "shape":
            return _Shape(self)
        if name == "ndim":
            return self.rank
        made = _array_attribute(self, name) if self._kind == "array" else _pandas_attribute(self, name)
        return self.unshaped() if made is None else made

    def __setattr__(self, name: str, value: Any) -> None:
        if self._kind != "frame":
            return
        if name == "columns":
            names = tuple(value) if isinstance(value, (list, tuple)) else None
            self._put((Open(),) if names is None else (len(names),), names)
        else:
            self[name] = value

    def __call__(self, *_: Any, **__: Any) -> Any:
        """Nothing is known of what a table would give that is called."""
        return self.unshaped()

    def __getitem__(self, key: Any) -> Any:
        if self._kind == "array":
            return _indexed(self, key)
        return _of_frame(self, key) if self._kind == "frame" else _of_series(self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        if self._kind != "frame":
            return
        names = key if isinstance(key, list) else [key]
        if self._columns is None or not all(isinstance(item, str) and TEXT not in item for item in names):
            self._put((Open(),), None)
            return
        columns = (*self._columns, *(name for name in names if name not in self._columns))
        self._put((len(columns),), columns)

    def __delitem__(self, key: Any) -> None:
        if self._kind == "frame":
            left = _without(self, [key])
            self._put(left._sizes, left._columns)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **keywords: Any) -> Any:
        if method != "__call__" or ufunc.nout != 1 or keywords.get("out") is not None:
            return self.unshaped()
        if len(inputs) == 1:
            return self.same(numeric=True, dtype=None)
        other = inputs[1] if inputs[0] is self else inputs[0]
        return _combined(self, other, compared=np.dtype(bool) == np.dtype(ufunc.types[0][-1]))

    def __array_function__(self, func: Any, kinds: Any, args: Any, keywords: Any) -> Any:
        made = _FUNCTIONS[func](*args, **keywords) if func in _FUNCTIONS else None
        return self.unshaped() if made is None else made


class _Shape(Unknown):
    """The shape of a table: sizes are drawn only when they are looked at."""

    __slots__ = ("_table",)

    _table: Unread

    def __init__(self, table: Unread) -> None:
        super().__init__(table.reason, table.line)
        object.__setattr__(self, "_table", table)

    def unshaped(self) -> Unknown:
        return Unknown(self.reason, self.line)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self.unshaped()

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, (int, np.integer)) and not isinstance(key, bool):
            if not -self._table.rank <= key < self._table.rank:
                raise IndexError("tuple index out of range")
            return self._table.size(int(key))
        if isinstance(key, slice) and all(item is None or isinstance(item, int) for item in (key.start, key.stop)):
            return tuple(self)[key]
        return self.unshaped()

    def __iter__(self) -> Iterator[Any]:
        return iter([self._table.size(axis) for axis in range(self._table.rank)])

    def __len__(self) -> int:
        return self._table.rank


class _Places(Unknown):
    """`iloc` and `loc` of a table."""

    __slots__ = ("_table",)

    _table: Unread

    def __init__(self, table: Unread) -> None:
        super().__init__(table.reason, table.line)
        object.__setattr__(self, "_table", table)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table.unshaped(), name)

    def __call__(self, *_: Any, **__: Any) -> Any:
        return self._table.unshaped()

    def __getitem__(self, key: Any) -> Any:
        table = self._table
        rows, columns = key if isinstance(key, tuple) and len(key) == 2 else (key, slice(None))
        if isinstance(key, tuple) and (len(key) != 2 or table.rank != 2):
            return table.unshaped()
        if _is_window(rows):
            return _window(self[:, columns] if isinstance(key, tuple) else table, rows)
        if not _keeps_rows(rows):
            return table.unshaped()
        if table.rank == 1 or columns == slice(None):
            return table.same()
        if isinstance(columns, (int, np.integer, str)):
            return table.like("series", (), dtype=None)
        if isinstance(columns, (list, tuple)) and all(isinstance(item, (int, str)) for item in columns):
            names = tuple(columns) if all(isinstance(item, str) for item in columns) else None
            return table.like(sizes=(len(columns),), columns=names)
        if isinstance(columns, slice):
            return table.like(sizes=(_cut(table._sizes[0], columns),))
        return table.unshaped()

    def __setitem__(self, key: Any, value: Any) -> None:
        if isinstance(key, tuple) and len(key) == 2:
            self._table[key[1]] = value


def _binary(self: Unread, other: Any) -> Any:
    return _combined(self, other, compared=False)


def _compared(self: Unread, other: Any) -> Any:
    return _combined(self, other, compared=True)


def _unary(self: Unread) -> Any:
    return self.same()


for _name in "add sub mul truediv floordiv mod pow".split():
    setattr(Unread, f"__{_name}__", _binary)
    setattr(Unread, f"__r{_name}__", _binary)
for _name in "lt le gt ge eq ne and or xor rand ror rxor".split():
    setattr(Unread, f"__{_name}__", _compared)
for _name in "neg pos abs invert".split():
    setattr(Unread, f"__{_name}__", _unary)
for _name in "matmul rmatmul lshift rshift rlshift rrshift trunc floor ceil".split():
    setattr(Unread, f"__{_name}__", lambda self, *_: self.unshaped())


def _combined(table: Unread, other: Any, compared: bool) -> Any:
    """What an operator gives, element by element; None of what is known stays where the other side may be larger."""
    if isinstance(other, (bool, int, float, complex, np.number, np.bool_)) or (
        isinstance(other, np.ndarray) and not other.ndim
    ):
        return table.same(dtype=bool) if compared else table.same(dtype=None, numeric=True)
    if isinstance(other, Statistic) or (compared and isinstance(other, str)):
        return table.same(dtype=bool) if compared else table.same(dtype=None, numeric=True)
    if isinstance(other, Unread) and other.rank == table.rank:
        sizes = tuple(
            one if one is second or one == second else Open() for one, second in zip(table._sizes, other._sizes)
        )
        return table.like(sizes=sizes, dtype=bool if compared else None, numeric=table.numeric or other.numeric)
    return table.unshaped()


def _is_number(dtype: Any) -> bool:
    try:
        return np.dtype(dtype).kind in "biuf"
    except TypeError:
        return False


def _keeps_rows(key: Any) -> bool:
    """Whether a key for the first axis selects some of the rows, and not one of them."""
    if isinstance(key, slice):
        return not _is_window(key)
    return isinstance(key, Unread) and key.rank == 1


def _is_window(key: Any) -> bool:
    """Whether a slice goes by the count of a loop: it takes a sample of its own, whose rows are no samples any more."""
    return isinstance(key, slice) and any(isinstance(item, Whole) for item in (key.start, key.stop))


def _window(table: Any, rows: slice) -> Any:
    """Some rows of `table` as one sample."""
    if not isinstance(table, Unread):
        return table
    count = None
    if isinstance(rows.start, Whole) and isinstance(rows.stop, Whole) and rows.step is None:
        count = rows.start.before(rows.stop)
    return Window(table, (Open() if count is None or count < 1 else count, *table._sizes))


def _cut(size: Union[int, Open], part: slice) -> Union[int, Open]:
    """How many of `size` columns a slice takes."""
    start, stop, step = part.start, part.stop, part.step
    if not all(item is None or isinstance(item, (int, np.integer)) for item in (start, stop, step)):
        return Open()
    if isinstance(size, int):
        return len(range(*part.indices(size)))
    if step not in (None, 1):
        return Open()
    if stop is not None and stop >= 0 and (start is None or start >= 0):
        return max(int(stop) - int(start or 0), 0)
    if start is not None and start < 0 and (stop is None or stop < 0):
        return max((0 if stop is None else int(stop)) - int(start), 0)
    return size if part == slice(None) else Open()


def _indexed(table: Unread, key: Any) -> Any:
    """An array indexed as NumPy's."""
    items = list(key) if isinstance(key, tuple) else [key]
    if sum(item is Ellipsis for item in items) == 1:
        where, axes = items.index(Ellipsis), sum(item is not None for item in items) - 1
        items[where : where + 1] = [slice(None)] * (table.rank - axes)
    if not items:
        return table.unshaped()
    rest = _rest(table._sizes, items[1:])
    if rest is None:
        return table.unshaped()
    if isinstance(items[0], Whole):
        return Window(table, rest)
    if _is_window(items[0]):
        return _window(table.like("array", rest), items[0])
    return table.like("array", rest) if _keeps_rows(items[0]) else table.unshaped()


def _rest(sizes: _Sizes, items: list[Any]) -> Optional[_Sizes]:
    """The sizes that are left of the axes after the first; None where that is not known."""
    left: list[Union[int, Open]] = []
    remaining = list(sizes)
    for item in items:
        if item is None:
            left.append(1)
            continue
        if not remaining or item is Ellipsis:
            return None
        size = remaining.pop(0)
        if isinstance(item, slice):
            left.append(_cut(size, item))
        elif isinstance(item, list) and all(isinstance(part, (int, np.integer)) for part in item):
            left.append(len(item))
        elif isinstance(item, bool) or not isinstance(item, (int, np.integer)):
            return None
    return (*left, *remaining)


class Window(Unknown):
    """A row of a table, or some rows, as one of many samples: a list of them is an array with these `sizes`."""

    __slots__ = ("_sizes", "_table")

    _table: Unread
    _sizes: _Sizes

    def __init__(self, table: Unread, sizes: _Sizes) -> None:
        super().__init__(table.reason, table.line)
        object.__setattr__(self, "_table", table)
        object.__setattr__(self, "_sizes", sizes)

    def unshaped(self) -> Unknown:
        return Unknown(self.reason, self.line)

    def __getattr__(self, name: str) -> Any:
        if name == "values":
            return self
        return (lambda *_, **__: self) if name in ("to_numpy", "copy") else getattr(self.unshaped(), name)

    def __getitem__(self, key: Any) -> Any:
        return self.unshaped()

    def stacked(self) -> Unread:
        """Many of them in one array."""
        return self._table.like("array", self._sizes)


def _of_frame(table: Unread, key: Any) -> Any:
    """`frame[key]`."""
    if isinstance(key, str):
        return table.like("series", (), dtype=None)
    if isinstance(key, list) and all(isinstance(item, str) for item in key):
        return table.like(sizes=(len(key),), columns=tuple(key))
    return _of_series(table, key)


def _of_series(table: Unread, key: Any) -> Any:
    if _is_window(key):
        return _window(table, key)
    return table.same() if _keeps_rows(key) else table.unshaped()


def _without(table: Unread, names: Any) -> Unread:
    """A frame without the columns `names`, one name or several."""
    gone = [names] if isinstance(names, str) else names
    if table._columns is None or not isinstance(gone, (list, tuple)):
        return table.like(sizes=(Open(),))
    left = tuple(name for name in table._columns if name not in gone)
    return table.like(sizes=(len(left),), columns=left)


def _answer(table: Unread, made: Unread, keywords: dict[str, Any]) -> Any:
    """What a method of pandas gives, which may change the table itself."""
    if not keywords.get("inplace"):
        return made
    table._put(made._sizes, made._columns)
    return None


def _pandas_attribute(table: Unread, name: str) -> Any:
    """An attribute of a frame or a series; None for one of which nothing is known."""
    if name in ("values", "array"):
        return table.array()
    if name in ("iloc", "loc"):
        return _Places(table)
    if name in _STATISTICS:
        return lambda *_, **__: Statistic(table.reason, table.line)
    if name in _COMPARED:
        return lambda *_, **__: table.same(dtype=bool)
    if name in _SAME:
        renamed = {"columns": None} if name == "rename" else {}
        return lambda *_, **keywords: _answer(table, table.same(dtype=None, **renamed), keywords)
    if name == "to_numpy":
        return lambda dtype=None, *_, **__: table.array(dtype)
    if name == "astype":
        return lambda dtype=None, *_, **__: table.same(**_as_type(dtype))
    if name == "dropna":
        return lambda *_, **keywords: _answer(table, _dropped_rows(table, keywords), keywords)
    if name == "reset_index":
        return lambda *args, **keywords: _answer(
            table, table.same() if keywords.get("drop") else table.like("frame", (Open(),)), keywords
        )
    if table._kind == "series":
        return (lambda *_, **__: table.like("frame", (1,))) if name == "to_frame" else None
    if name == "drop":
        return lambda *args, **keywords: _answer(table, _dropped(table, *args, **keywords), keywords)
    if name == "pop":
        return lambda item: _popped(table, item)
    if name in _OTHER_COLUMNS:
        return lambda *_, **keywords: _answer(table, table.like(sizes=(Open(),)), keywords)
    import pandas

    return None if hasattr(pandas.DataFrame, name) else table[name]


def _as_type(dtype: Any) -> dict[str, Any]:
    """What is known after `astype(dtype)`."""
    return {"dtype": np.dtype(dtype), "numeric": True} if _is_number(dtype) else {"dtype": None, "numeric": False}


def _dropped_rows(table: Unread, keywords: dict[str, Any]) -> Unread:
    return table.same() if keywords.get("axis", 0) in (0, "index", "rows") else table.like(sizes=(Open(),))


def _dropped(
    table: Unread, labels: Any = None, axis: Any = 0, index: Any = None, columns: Any = None, *_: Any, **__: Any
) -> Unread:
    if columns is not None:
        return _without(table, columns)
    if axis in (1, "columns"):
        return _without(table, labels)
    return table.same() if isinstance(axis, (int, str)) else table.like(sizes=(Open(),))


def _popped(table: Unread, name: Any) -> Any:
    column = table.like("series", (), dtype=None)
    del table[name]
    return column


def _array_attribute(table: Unread, name: str) -> Any:
    """An attribute of an array; None for one of which nothing is known."""
    if name == "reshape":
        return lambda *shape, **__: _or_unknown(table, _reshaped(table, shape[0] if len(shape) == 1 else shape))
    if name == "astype":
        return lambda dtype=None, *_, **__: table.like(**_as_type(dtype))
    if name in ("copy", "round", "clip"):
        return lambda *_, **__: table.same()
    if name in ("ravel", "flatten"):
        return lambda *_, **__: _or_unknown(table, _reshaped(table, (-1,)))
    if name == "squeeze":
        return lambda *_, **__: _or_unknown(table, _squeezed(table))
    if name in _STATISTICS:
        return lambda *_, **__: Statistic(table.reason, table.line)
    return None


def _or_unknown(table: Unread, made: Any) -> Any:
    return table.unshaped() if made is None else made


def _reshaped(table: Unread, newshape: Any = None, *_: Any, shape: Any = None, **__: Any) -> Any:
    """The same numbers in another form, whose first axis counts samples still; None where nobody knows that."""
    wanted = newshape if shape is None else shape
    sizes = tuple(wanted) if isinstance(wanted, (tuple, list)) else (wanted,)
    if not sizes or any(isinstance(size, bool) for size in sizes):
        return None
    first, rest = sizes[0], sizes[1:]
    if not (isinstance(first, Unknown) or (isinstance(first, (int, np.integer)) and (first == -1 or first > 1))):
        return None
    if not rest:  # one axis of all: the samples of a column
        return table.like("array", ()) if all(size == 1 for size in table._sizes) else None
    made: list[Union[int, Open]] = []
    for size in rest:
        known = isinstance(size, (int, np.integer)) and size > 0
        if not known and not isinstance(size, Unknown) and size != -1:
            return None
        made.append(int(size) if known else Open())
    return table.like("array", tuple(made))


def _squeezed(table: Unread) -> Any:
    if any(isinstance(size, Open) for size in table._sizes):
        return None
    return table.like("array", tuple(size for size in table._sizes if size != 1))


def _expanded(a: Any, axis: Any) -> Any:
    if not isinstance(a, Unread) or isinstance(axis, bool) or not isinstance(axis, (int, np.integer)):
        return None
    where = int(axis) % (a.rank + 1)
    return a.like("array", (*a._sizes[: where - 1], 1, *a._sizes[where - 1 :])) if where else None


def _elementwise(a: Any, *_: Any, **__: Any) -> Any:
    return a.array() if isinstance(a, Unread) else None


def _positions(a: Any, axis: Any = None, *_: Any, **__: Any) -> Any:
    """`argmax` over the classes of each sample."""
    if isinstance(a, Unread) and a.rank == 2 and axis in (1, -1):
        return a.like("array", (), dtype=np.int64, numeric=True)
    return None


def _joined(arrays: Any, axis: Any = 0, *_: Any, **__: Any) -> Any:
    """`concatenate`: rows under rows, or columns beside columns."""
    parts = list(arrays) if isinstance(arrays, (list, tuple)) else []
    tables = [item for item in parts if isinstance(item, Unread)]
    if not tables or len(tables) != len(parts) or len({item.rank for item in tables}) != 1:
        return None
    first = tables[0]
    if axis == 0:
        sizes = tuple(
            size if all(item._sizes[place] == size for item in tables) else Open()
            for place, size in enumerate(first._sizes)
        )
        return first.like("array", sizes, dtype=None)
    return first.like("array", (Open(),), dtype=None) if first.rank == 2 and axis in (1, -1) else None


_FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.reshape: lambda a, *args, **keywords: _reshaped(a.array(), *args, **keywords) if isinstance(a, Unread) else None,
    np.expand_dims: _expanded,
    np.squeeze: lambda a, *_, **__: _squeezed(a) if isinstance(a, Unread) else None,
    np.ravel: lambda a, *_, **__: _reshaped(a, (-1,)) if isinstance(a, Unread) else None,
    np.argmax: _positions,
    np.concatenate: _joined,
    np.vstack: lambda tup, *_, **__: _joined(tup) if all(getattr(item, "rank", 0) == 2 for item in tup) else None,
    **dict.fromkeys((np.nan_to_num, np.round, np.clip), _elementwise),
    **dict.fromkeys((np.mean, np.std, np.var, np.min, np.max, np.median), lambda a, *_, **__: _statistic(a)),
}
"""NumPy's functions of which more is known than that their answer is Unknown; each gives None where it is not."""


def _statistic(a: Any) -> Any:
    return Statistic(a.reason, a.line) if isinstance(a, Unread) else None


def rows_of(value: Any) -> Optional[int]:
    """How many samples the first array of a structure has; None where there is none."""
    if isinstance(value, (tuple, list, dict)):
        items = list(value.values()) if isinstance(value, dict) else value
        return next((rows for rows in map(rows_of, items[:32]) if rows is not None), None)
    return len(value) if isinstance(value, np.ndarray) and value.ndim else None


def numbers(value: Any, rows: Optional[int], columns: bool = False) -> Any:
    """A structure with virtual arrays in the place of what was not read, where it can only be numbers: an array of
    several columns, a result of arithmetic, and with `columns` a single column too, as labels are."""
    if isinstance(value, Unread):
        return value.numbers(rows) if columns or value.numeric or value.rank > 1 else value
    if type(value) in (tuple, list):
        return type(value)(numbers(item, rows, columns) for item in value)
    if type(value) is dict:
        return {key: numbers(item, rows, columns) for key, item in value.items()}
    return value


def known(value: Any, dtype: Any = None) -> Any:
    """What NumPy makes of an Unread or a list of windows; `value` itself where it is neither."""
    if isinstance(value, Unread):
        return value.array(dtype)
    if isinstance(value, (list, tuple)) and value and isinstance(value[0], Window):
        stacked = value[0].stacked()
        return stacked if dtype is None else stacked.array(dtype)
    return value


def stand_in(value: Any) -> Any:
    """A virtual array for what was not read. Raises UnknownValue where it may hold anything but numbers."""
    made = numbers(value, None)
    if isinstance(made, Unread):
        raise UnknownValue(made.reason, made.line)
    return made
