"""What a program selects from a table that was not read: columns, rows, and windows of rows that a loop cuts."""

from __future__ import annotations

from typing import Any, Optional, Union

import numpy as np

from .open_sizes import Open, Sizes, cut
from .unknown import Whole
from .unread import OfTable, Unread, column, form_of, made, noted, same
from .unread_columns import refuse
from .unread_names import Mask, Name, Names

__all__ = ["Places", "Row", "Window", "item"]


class Window(OfTable):
    """A row of a table, or some rows, as one of many samples: a list of them is an array of this form."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        if name == "values":
            return self
        kept = name in ("to_numpy", "copy", "astype", "round")
        return (lambda *_, **__: self) if kept else getattr(self.unshaped(), name)

    def __getitem__(self, key: Any) -> Any:
        form = form_of(self._table)
        if form.rank == 3 and isinstance(key, str):
            return Window(made(self._table, sizes=form.sizes[:1]))
        if form.rank == 3 and isinstance(key, list) and all(isinstance(name, str) for name in key):
            return Window(made(self._table, sizes=(form.sizes[0], len(key))))
        return self.unshaped()

    def stacked(self) -> Unread:
        """Many of them in one array."""
        return self._table


class Row(OfTable):
    """One row of a frame, which pandas gives as a series."""

    __slots__ = ()

    def __getitem__(self, key: Any) -> Any:
        return self.unshaped()


class Places(OfTable):
    """`iloc` and `loc` of a table."""

    __slots__ = ()

    def __getitem__(self, key: Any) -> Any:
        table = self._table
        if _is_number(key) and form_of(table).kind == "frame":
            return Row(table)
        if not isinstance(key, tuple):
            return _rows(table, key)
        if len(key) != 2 or form_of(table).rank != 2:
            return table.unshaped()
        chosen = _columns(table, key[1])
        return table.unshaped() if chosen is None else _rows(chosen, key[0])

    def __setitem__(self, key: Any, value: Any) -> None:
        if isinstance(key, tuple) and len(key) == 2:
            self._table[key[1]] = value


def item(table: Unread, key: Any) -> Any:
    """`table[key]` of a frame, a series or an array."""
    kind = form_of(table).kind
    if kind == "array":
        return _indexed(table, key)
    if kind == "frame":
        chosen = _named(table, key)
        if chosen is None and _is_number(key):  # the name of a column in a file without a line of names
            chosen = column(table, key)
        if chosen is None and isinstance(key, list) and key and all(map(_is_number, key)):
            chosen = made(table, sizes=(len(key),))
        if chosen is not None:
            return chosen
        if isinstance(key, Unread) and form_of(key).rank == 1 and form_of(key).dtype == np.int64:
            _refuse_places(key)
    return _rows(table, key)


def _refuse_places(places: Unread) -> None:
    """Raise what pandas raises where the places of rows are taken for names of columns."""
    error = KeyError("None of [Index([…], dtype='int64')] are in the [columns]")
    error.__dict__["_kls_places"] = error.__dict__["_kls_certain"] = True
    raise error


def _is_number(key: Any) -> bool:
    return isinstance(key, (int, np.integer)) and not isinstance(key, bool)


def _named(table: Unread, key: Any) -> Optional[Unread]:
    """Columns of a frame by their names; None where the key is no name."""
    if isinstance(key, str):
        refuse(table, key)
        noted(table, [key])
    if isinstance(key, (str, Name)):
        return column(table, key if isinstance(key, str) else None)
    if isinstance(key, (Names, Mask)):
        return key.chosen(table)
    names = list(key) if isinstance(key, (list, tuple)) or type(key).__name__ == "Index" else []
    if not names or not all(isinstance(name, (str, Name)) for name in names):
        return None
    told = not any(isinstance(name, Name) for name in names)
    if told:
        refuse(table, names)
        noted(table, names)
    return made(table, sizes=(len(names),), columns=tuple(names) if told else None)


def _rows(table: Unread, key: Any) -> Any:
    """Some of a table's rows; nothing is known where a key may take a single one."""
    if isinstance(key, slice):
        if _is_window(key):
            return Window(_windows(table, key))
        every = key.start is None and key.stop is None and key.step is None
        return same(table, rows=form_of(table).rows if every else None)
    return same(table) if isinstance(key, Unread) and form_of(key).rank == 1 else table.unshaped()


def _columns(table: Unread, key: Any) -> Optional[Unread]:
    """Columns of a frame by their places or names; None where it is not known what a key takes."""
    if isinstance(key, slice):
        form = form_of(table)
        whole = form.columns is not None and all(isinstance(end, (int, type(None))) for end in (key.start, key.stop))
        names = form.columns[key] if form.columns is not None and whole and key.step is None else None
        return same(table) if key == slice(None) else made(table, sizes=(cut(form.sizes[0], key),), columns=names)
    named = _named(table, key)
    if named is not None:
        return named
    if isinstance(key, (int, np.integer)):
        names = form_of(table).columns
        return column(table, names[key] if names is not None and -len(names) <= key < len(names) else None)
    if isinstance(key, (list, tuple)) and all(isinstance(part, (int, str)) for part in key):
        names = tuple(key) if all(isinstance(part, str) for part in key) else None
        return made(table, sizes=(len(key),), columns=names)
    return None


def _is_window(key: slice) -> bool:
    """Whether a slice goes by the count of a loop: it takes a sample of its own, whose rows are no samples any more."""
    return isinstance(key.start, Whole) or isinstance(key.stop, Whole)


def _windows(table: Unread, rows: slice) -> Unread:
    """Many windows of rows in one array: as long as the ends of the slice are apart."""
    count = None
    if isinstance(rows.start, Whole) and isinstance(rows.stop, Whole) and rows.step is None:
        count = rows.start.before(rows.stop)
    length = Open() if count is None or count < 1 else count
    return made(table, kind="array", sizes=(length, *form_of(table).sizes))


def _indexed(table: Unread, key: Any) -> Any:
    """An array indexed as NumPy's."""
    form = form_of(table)
    items = list(key) if isinstance(key, tuple) else [key]
    if sum(part is Ellipsis for part in items) == 1:
        where, axes = items.index(Ellipsis), sum(part is not None for part in items) - 1
        items[where : where + 1] = [slice(None)] * (form.rank - axes)
    if items and items[0] is None and form.rows is not None:  # a batch of one
        rest = _rest((form.rows, *form.sizes), items[1:])
        return table.unshaped() if rest is None else made(table, kind="array", sizes=rest, rows=1)
    rest = _rest(form.sizes, items[1:]) if items else None
    if rest is None:
        return table.unshaped()
    left = made(table, kind="array", sizes=rest)
    if _is_number(items[0]) and rest and isinstance(rest[0], int):  # one sample
        return made(table, kind="array", sizes=rest[1:], rows=rest[0])
    return Window(left) if isinstance(items[0], Whole) else _rows(left, items[0])


def _rest(sizes: Sizes, items: list[Any]) -> Optional[Sizes]:
    """The sizes that are left of the axes after the first; None where that is not known."""
    left: list[Union[int, Open]] = []
    remaining = list(sizes)
    for part in items:
        if part is None:
            left.append(1)
            continue
        if not remaining or part is Ellipsis:
            return None
        size = remaining.pop(0)
        if isinstance(part, slice):
            left.append(cut(size, part))
        elif isinstance(part, list) and all(isinstance(place, (int, np.integer)) for place in part):
            left.append(len(part))
        elif isinstance(part, bool) or not isinstance(part, (int, np.integer)):
            return None
    return (*left, *remaining)
