"""Tables whose file is not there, or is large: their axes are known, and the sizes that the program itself gives.

`pandas.read_csv` of a file that is on the author's machine only gives an `Unread`: Unknown in all but its axes. Of a
large file the names and dtypes of its columns are known too, by its first rows. The
first counts samples and fits whatever it meets; each of the others has a size that is known (columns chosen by name,
`reshape(-1, 28, 28, 1)`) or `Open`, which is a witness number where data meet a model. Dtype and values are not known.
What is selected from a table is in `unread_parts.py`, what pandas and NumPy make of it in `unread_methods.py`; what is
modelled in neither gives an Unknown of which nothing is known.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Optional

import numpy as np

from .arrays import VirtualArray
from .open_sizes import Open, Sizes, together
from .unknown import TEXT, Unknown, UnknownValue

__all__ = [
    "Flat",
    "Form",
    "OfTable",
    "Statistic",
    "Unread",
    "asked_of",
    "class_of",
    "either",
    "fitted",
    "form_of",
    "known",
    "made",
    "noted",
    "numbered",
    "numbers",
    "one_hot",
    "put",
    "rows_of",
    "same",
    "several",
    "size_of",
]


@dataclasses.dataclass(frozen=True)
class Form:
    """What is known of a table.

    `kind` is "frame" or "series" of pandas, or "array"; `sizes` are those of the axes after the first; `columns` are
    the names of a frame's columns, None where nobody knows all of them; `dtypes` are those of columns whose first rows
    were read. `numeric` says whether the program can only be right where it holds numbers, and is False where it holds
    something else. `rows` is how many there are on the first axis, None where nobody knows. `has` are names of
    columns that a frame certainly has, since it was asked for them, and `lacks` of those that it has not, since they
    were taken out. `witnesses` gives numbers for open sizes.
    """

    witnesses: Any
    kind: str = "frame"
    sizes: Sizes = ()
    columns: Optional[tuple[Any, ...]] = None
    dtype: Optional[Any] = None
    numeric: Optional[bool] = None
    dtypes: Mapping[Any, Any] = dataclasses.field(default_factory=dict)
    rows: Optional[int] = None
    has: frozenset[str] = frozenset()
    lacks: frozenset[str] = frozenset()

    @property
    def rank(self) -> int:
        """How many axes there are."""
        return 1 + len(self.sizes)


class Statistic(Unknown):
    """A number, or a row of numbers, that was computed from a table: what it is taken from keeps its shape."""

    __slots__ = ()


class Unread(Unknown):
    """A table, a column or an array of which only the `Form` is known. It has no attributes of its own, since a column
    may have any name."""

    __slots__ = ("_form",)

    _form: Form

    def __init__(self, reason: str, line: Optional[int], form: Form) -> None:
        super().__init__(reason, line)
        object.__setattr__(self, "_form", form)

    def unshaped(self) -> Unknown:
        """What is left where not even the axes are known."""
        return Unknown(self.reason, self.line)

    def __getattr__(self, name: str) -> Any:
        from .unread_methods import attribute

        if name.startswith("__"):
            raise AttributeError(name)
        if name == "shape":
            return _Shape(self)
        if name == "ndim":
            return self._form.rank
        found = attribute(self, name)
        return self.unshaped() if found is None else found

    def __setattr__(self, name: str, value: Any) -> None:
        if self._form.kind == "frame" and name == "columns":  # no other attribute makes a column
            names = tuple(value) if isinstance(value, (list, tuple)) else None
            put(self, self._form.sizes if names is None else (len(names),), names)

    def __call__(self, *_: Any, **__: Any) -> Any:
        """Nothing is known of what a table would give that is called."""
        return self.unshaped()

    def __getitem__(self, key: Any) -> Any:
        from .unread_parts import item

        return item(self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        from .unread_names import Name, Names

        if self._form.kind != "frame" or isinstance(key, (Name, Names)):
            return
        names = key if isinstance(key, list) else [key]
        if len(names) == 1 and isinstance(value, np.ndarray) and value.ndim > 1 and value.size != len(value):
            _refuse_column(names[0], value)
        columns = self._form.columns
        told = all(isinstance(name, str) and TEXT not in name for name in names)
        if columns is None or not told:
            self._add(set(names) if told else None)
            return
        columns = (*columns, *(name for name in names if name not in columns))
        put(self, (len(columns),), columns)

    def _add(self, names: Optional[set[str]]) -> None:
        """Have columns of these names among others that nobody has read; None stands for any names."""
        form = self._form
        if names is None:
            put(self, (Open(),), None)
        else:
            new = names - form.has
            known = new <= form.lacks
            sizes = (together([*form.sizes, len(new)]),) if known else (Open(),)
            put(self, sizes if new else form.sizes, None, form.lacks - names, form.has | names)

    def __delitem__(self, key: Any) -> None:
        from .unread_columns import refuse, without

        if self._form.kind == "frame":
            if isinstance(key, str):
                refuse(self, key)
            left = form_of(without(self, key))
            put(self, left.sizes, left.columns, left.lacks, left.has)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **keywords: Any) -> Any:
        if method != "__call__" or ufunc.nout != 1 or keywords.get("out") is not None:
            return self.unshaped()
        if len(inputs) == 1:
            return same(self, numeric=True, dtype=None, rows=form_of(self).rows)
        other = inputs[1] if inputs[0] is self else inputs[0]
        return combined(self, other, compared=ufunc.types[0].endswith("?"))

    def __array_function__(self, func: Any, kinds: Any, args: Any, keywords: Any) -> Any:
        from .unread_methods import FUNCTIONS

        given = FUNCTIONS[func](*args, **keywords) if func in FUNCTIONS else None
        return self.unshaped() if given is None else given


def _refuse_column(name: Any, value: np.ndarray) -> None:
    """Raise what pandas raises of an array of several columns that is to be one column."""
    import pandas

    table = pandas.DataFrame({"": np.zeros(2)})
    try:
        table[name] = np.zeros((2, *value.shape[1:]), np.int8)
    except Exception as error:
        error.args = (str(error).replace("(2, ", "(None, "),)
        error.__dict__["_kls_certain"] = True
        raise


class Flat(Unread):
    """Numbers of which nothing is known that are about to be given a shape."""

    __slots__ = ()


class OfTable(Unknown):
    """What belongs to a table and is Unknown but for what it says of that table."""

    __slots__ = ("_table",)

    _table: Unread

    def __init__(self, table: Unread) -> None:
        super().__init__(table.reason, table.line)
        object.__setattr__(self, "_table", table)

    def unshaped(self) -> Unknown:
        """What is left where it does not matter what it belongs to."""
        return Unknown(self.reason, self.line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.unshaped(), name)

    def __call__(self, *_: Any, **__: Any) -> Any:
        """Nothing is known of what it gives."""
        return self.unshaped()


class _Shape(OfTable):
    """The shape of a table: sizes are drawn only when they are looked at."""

    __slots__ = ()

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, (int, np.integer)) and not isinstance(key, bool):
            if not -len(self) <= key < len(self):
                raise IndexError("tuple index out of range")
            return asked_of(self._table, int(key))
        if isinstance(key, slice) and all(item is None or isinstance(item, int) for item in (key.start, key.stop)):
            return tuple(self)[key]
        return self.unshaped()

    def __iter__(self) -> Iterator[Any]:
        return iter([asked_of(self._table, axis) for axis in range(len(self))])

    def __len__(self) -> int:
        return form_of(self._table).rank


def form_of(table: Unread) -> Form:
    """What is known of a table."""
    return table._form  # pyright: ignore[reportPrivateUsage]


def class_of(table: Unread) -> type:
    """The class that the table would have, had it been read."""
    if form_of(table).kind == "array":
        return np.ndarray
    import pandas

    return pandas.DataFrame if form_of(table).kind == "frame" else pandas.Series


def made(table: Unread, **changes: Any) -> Unread:
    """Another one from the same file, with a changed `Form`; nothing is known of its columns' names unless it is
    given."""
    forgotten = {"columns": None, "rows": None, "has": frozenset[str](), "lacks": frozenset[str]()}
    return Unread(table.reason, table.line, dataclasses.replace(form_of(table), **{**forgotten, **changes}))


def same(table: Unread, **changes: Any) -> Unread:
    """The same columns with other rows."""
    return Unread(table.reason, table.line, dataclasses.replace(form_of(table), **{"rows": None, **changes}))


def one_hot(table: Unread) -> bool:
    """Whether labels are rows of several columns: known to be, or as `to_categorical` makes them."""
    form = form_of(table)
    size = form.sizes[0] if form.rank == 2 else 1
    return size > 1 if isinstance(size, int) else form.kind == "array" and form.dtype == np.float64


def put(
    table: Unread,
    sizes: Sizes,
    columns: Optional[tuple[Any, ...]],
    lacks: frozenset[str] = frozenset(),
    has: frozenset[str] = frozenset(),
) -> None:
    """Change a table in place."""
    form = dataclasses.replace(form_of(table), sizes=sizes, columns=columns, lacks=lacks, has=has)
    object.__setattr__(table, "_form", form)


def either(one: Unread, other: Unread) -> Unread:
    """What is known of two tables of one kind, one of which it is."""
    form, second = form_of(one), form_of(other)
    if form == second:
        return one
    return same(
        one,
        sizes=tuple(size if size == then else Open() for size, then in zip(form.sizes, second.sizes)),
        columns=form.columns if form.columns == second.columns else None,
        dtype=form.dtype if form.dtype == second.dtype else None,
        numeric=form.numeric if form.numeric == second.numeric else None,
        rows=form.rows if form.rows == second.rows else None,
        has=form.has & second.has,
        lacks=form.lacks & second.lacks,
    )


def noted(table: Unread, names: Iterable[Any]) -> None:
    """Remember that a frame has columns of these names: it was asked for them."""
    form = form_of(table)
    if form.kind == "frame" and form.columns is None:
        told = {name for name in names if type(name) is str and TEXT not in name}
        form = dataclasses.replace(form, has=form.has | told, lacks=form.lacks - told)
        object.__setattr__(table, "_form", form)


def as_array(table: Unread, dtype: Any = None) -> Unread:
    """As NumPy's array, of another dtype if that is given."""
    form = form_of(table)
    if dtype is not None:
        return made(table, kind="array", **as_type(dtype))
    known = [form.dtypes.get(name) for name in form.columns or ()]
    if form.kind != "frame" or not known or None in known:
        return made(table, kind="array")
    whole = as_type(np.result_type(*known) if all(_is_number(item) for item in known) else object)
    return made(table, kind="array", **{**whole, "numeric": whole["numeric"] or False})


def column(table: Unread, name: Any) -> Unread:
    """One column of a frame."""
    dtype = form_of(table).dtypes.get(name)
    if dtype is None:
        return made(table, kind="series", sizes=(), dtype=None)
    number = _is_number(dtype)
    return made(table, kind="series", sizes=(), dtype=dtype if number else None, numeric=number)


def as_type(dtype: Any) -> dict[str, Any]:
    """What is known of the dtype after `astype(dtype)`."""
    number = _is_number(dtype)
    return {"dtype": np.dtype(dtype), "numeric": True} if number else {"dtype": None, "numeric": None}


def _is_number(dtype: Any) -> bool:
    try:
        return np.dtype(dtype).kind in "biuf"
    except TypeError:
        return False


def size_of(table: Unread, axis: int) -> Any:
    """The size of an axis, a witness where it is open; of the first, and where witnesses ran out, an Unknown."""
    form = form_of(table)
    if axis % form.rank == 0:
        return table.unshaped() if form.rows is None else form.rows
    size = form.sizes[axis % form.rank - 1]
    return form.witnesses.opened(size, table) if isinstance(size, Open) else size


def asked_of(table: Unread, axis: int) -> Any:
    """The same for a program that asks: what it does depends on it from then on."""
    form = form_of(table)
    size = form.sizes[axis % form.rank - 1] if axis % form.rank else None
    if isinstance(size, Open):
        form.witnesses.ask(size)
    return size_of(table, axis)


def combined(table: Unread, other: Any, compared: bool) -> Any:
    """What an operator gives, element by element; nothing is known where the other side may have more axes."""
    kept = {"dtype": bool} if compared else {"dtype": None, "numeric": True}
    number = isinstance(other, (bool, int, float, complex, np.number, np.bool_, Statistic))
    if number or (compared and isinstance(other, str)) or (isinstance(other, np.ndarray) and not other.ndim):
        return same(table, rows=form_of(table).rows, **kept)
    if isinstance(other, Unread) and form_of(other).rank == form_of(table).rank:
        pairs = zip(form_of(table).sizes, form_of(other).sizes)
        sizes = tuple(one if one is second or one == second else Open() for one, second in pairs)
        numeric = form_of(table).numeric or form_of(other).numeric or None
        return made(table, sizes=sizes, dtype=bool if compared else None, numeric=numeric)
    return table.unshaped()


def _binary(self: Unread, other: Any) -> Any:
    return combined(self, other, compared=False)


def _compared(self: Unread, other: Any) -> Any:
    return combined(self, other, compared=True)


for _name in "add sub mul truediv floordiv mod pow".split():
    setattr(Unread, f"__{_name}__", _binary)
    setattr(Unread, f"__r{_name}__", _binary)
for _name in "lt le gt ge eq ne and or xor rand ror rxor".split():
    setattr(Unread, f"__{_name}__", _compared)
for _name in "neg pos abs invert".split():
    setattr(Unread, f"__{_name}__", lambda self: same(self))
for _name in "matmul rmatmul lshift rshift rlshift rrshift trunc floor ceil".split():
    setattr(Unread, f"__{_name}__", lambda self, *_: self.unshaped())


def rows_of(value: Any) -> Optional[int]:
    """How many samples the first array of a structure has; None where there is none."""
    if isinstance(value, (tuple, list, dict)):
        items = list(value.values()) if isinstance(value, dict) else value
        return next((rows for rows in map(rows_of, items[:32]) if rows is not None), None)
    if isinstance(value, Unread):
        return form_of(value).rows
    shape = None if isinstance(value, Unknown) else getattr(value, "shape", None)
    return int(shape[0]) if shape and isinstance(shape[0], (int, np.integer)) else None


def numbers(value: Any, rows: Optional[int], columns: bool = False, labels: bool = False) -> Any:
    """A structure with virtual arrays in the place of what was not read, where it can only be numbers: an array of
    several columns, a result of arithmetic, and with `columns` a single column too, as labels are. They have `rows`
    samples or as many as a witness says, `labels` one column perhaps where nobody knows how many, and are float64 or
    int64 from dry run to dry run unless the dtype is known."""
    if isinstance(value, Unread):
        form = form_of(value)
        if form.numeric is False or not (columns or form.numeric or form.rank > 1):
            return value
        alone = labels and form.rank == 2 and isinstance(form.sizes[0], Open)
        sizes = [size_of(value, axis) for axis in range(1, form.rank)] if not alone else []
        sizes += [form.witnesses.label(form.sizes[0], value)] if alone else []
        if any(isinstance(size, Unknown) for size in sizes):
            return value
        rows = form.rows if form.rows is not None else rows
        shape = (form.witnesses.count(value) if rows is None else rows, *sizes)
        return VirtualArray.of(shape, form.dtype or form.witnesses.dtype, value.reason)
    if type(value) in (tuple, list):
        return type(value)(numbers(item, rows, columns, labels) for item in value)
    if type(value) is dict:
        return {key: numbers(item, rows, columns, labels) for key, item in value.items()}
    return value


def numbered(features: Any, *others: Any, columns: bool = False) -> tuple[Any, ...]:
    """Features with labels and weights beside them, as `numbers` makes them: all with as many samples as one of them
    is known to have. With `columns` a single column is a feature that holds numbers too."""
    first = numbers(features, rows_of(others), columns)
    rows = rows_of(first)
    return (first, *(numbers(item, rows, columns=True, labels=True) for item in others))


def fitted(value: Any, shape: tuple[Optional[int], ...]) -> Any:
    """A table whose open sizes are those of `shape`, where nothing that the program did depends on them."""
    form = form_of(value) if isinstance(value, Unread) else None
    if form is None or form.rank != len(shape):
        return value
    sizes = tuple(
        asked
        if isinstance(size, Open) and asked and _may_be(size, asked) and not form.witnesses.is_asked(size)
        else size
        for size, asked in zip(form.sizes, shape[1:])
    )
    return same(value, sizes=sizes)


def _may_be(size: Open, asked: int) -> bool:
    return asked > 1 or not size.several


def several(value: Any) -> bool:
    """Whether a table certainly has several columns."""
    size = form_of(value).sizes[0] if isinstance(value, Unread) and form_of(value).rank == 2 else 1
    return size.several if isinstance(size, Open) else size > 1


def known(value: Any, dtype: Any = None) -> Any:
    """What NumPy makes of an Unread, a list of windows or of texts as numbers; `value` itself where it is neither."""
    from .tokenizers import Sequences
    from .unread_parts import Window

    if isinstance(value, Sequences):
        value = value.stacked()
    if isinstance(value, (list, tuple)) and value and isinstance(value[0], Window):
        value = value[0].stacked()
    return as_array(value, dtype) if isinstance(value, Unread) else value


def stand_in(value: Unread) -> Any:
    """A virtual array for what was not read. Raises UnknownValue where it may hold anything but numbers."""
    given = numbers(value, None)
    if isinstance(given, Unread):
        raise UnknownValue(value.reason, value.line)
    return given
