"""The names of a table's columns where nobody has read them: how many there are is a size like any other.

`df[df.columns.drop("price")]` is a frame of some columns; the same names chosen from another table give as many.
"""

from __future__ import annotations

from typing import Any

from .open_sizes import Open, Size, cut
from .unknown import UnknownValue
from .unread import OfTable, Unread, asked_of, form_of, made

__all__ = ["Mask", "Name", "Names", "names_of"]

_FEWER = frozenset("difference intersection union append insert delete dropna".split())
"""Methods of an Index that give other names."""
_SAME = frozenset("tolist to_list to_numpy to_series copy sort_values astype unique".split())
"""Methods that give the same names in another container."""


class Names(OfTable):
    """Some columns' names, as many as one of the sizes of a `Form`."""

    __slots__ = ("_size",)

    _size: Any

    def __init__(self, table: Unread, size: Any) -> None:
        super().__init__(table)
        object.__setattr__(self, "_size", size)

    def count(self) -> Any:
        """How many there are, a witness where nobody knows."""
        return asked_of(self.chosen(self._table), 1)

    def chosen(self, table: Unread) -> Unread:
        """These columns of a table."""
        return made(table, kind="frame", sizes=(self._size,), dtype=None)

    def other(self) -> Names:
        """Names of which there may be more or fewer."""
        return Names(self._table, Open())

    def __getattr__(self, name: str) -> Any:
        if name == "values":
            return self
        if name in _SAME:
            return lambda *_, **__: self
        if name == "drop":
            return self._without
        if name == "isin":
            return self._among
        if name in _FEWER:
            return lambda *_, **__: self.other()
        return getattr(self.unshaped(), name)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, int) and not isinstance(key, bool):
            return Name(self._table)
        if isinstance(key, slice):
            return self if key == slice(None) else Names(self._table, cut(self._size, key))
        if isinstance(key, Mask):
            return Names(self._table, key.size)
        return self.other()

    def __contains__(self, name: Any) -> bool:
        if isinstance(name, str) and name in form_of(self._table).has | form_of(self._table).lacks:
            return name in form_of(self._table).has
        raise UnknownValue(self.reason, self.line)

    def __eq__(self, other: Any) -> Any:
        return self._among([other]) if isinstance(other, str) else self.unshaped()

    def __ne__(self, other: Any) -> Any:
        return ~self._among([other]) if isinstance(other, str) else self.unshaped()

    def __hash__(self) -> int:
        return hash(self.unshaped())

    def _without(self, labels: Any, *_: Any, **keywords: Any) -> Names:
        gone = {labels} if isinstance(labels, str) else labels
        certain = isinstance(gone, (list, tuple, set)) and not keywords and isinstance(self._size, Open)
        return Names(self._table, self._size.moved(-len(set(gone)))) if certain else self.other()

    def _among(self, names: Any, *_: Any, **__: Any) -> Mask:
        """Which of them are among some names."""
        told = isinstance(names, (list, tuple, set)) and form_of(self._table).has.issuperset(names)
        return Mask(self._table, len(set(names)) if told else Open(), self._size)

    def __add__(self, more: Any) -> Any:
        return self.other() if isinstance(more, (list, Names)) else self.unshaped()

    def __radd__(self, more: Any) -> Any:
        return self.other() if isinstance(more, list) else self.unshaped()

    def one(self) -> Name:
        """Any of them, as a loop takes them."""
        return Name(self._table)


class Mask(OfTable):
    """Which of a table's columns are chosen: how many these are, of how many."""

    __slots__ = ("_of", "size")

    size: Size

    def __init__(self, table: Unread, size: Size, of: Size) -> None:
        super().__init__(table)
        object.__setattr__(self, "size", size)
        object.__setattr__(self, "_of", of)

    def __invert__(self) -> Mask:
        left = Open()
        if isinstance(self.size, int):
            left = self._of.moved(-self.size) if isinstance(self._of, Open) else max(self._of - self.size, 0)
        return Mask(self._table, left, self._of)

    def chosen(self, table: Unread) -> Unread:
        """These columns of a table."""
        return made(table, kind="frame", sizes=(self.size,), dtype=None)


class Name(OfTable):
    """One column's name."""

    __slots__ = ()


def names_of(table: Unread) -> Any:
    """`columns` of a frame."""
    form = form_of(table)
    if form.columns is None:
        return Names(table, form.sizes[0])
    import pandas

    return pandas.Index(list(form.columns))
