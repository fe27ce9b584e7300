"""The names of a table's columns where nobody has read them: how many there are is a size like any other.

`df[df.columns.drop("price")]` is a frame of some columns; the same names chosen from another table give as many.
"""

from __future__ import annotations

from typing import Any

from .unread import OfTable, Open, Unread, form_of, made, size_of

__all__ = ["Name", "Names", "names_of"]

_FEWER = frozenset("drop difference intersection union append insert delete dropna".split())
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
        return size_of(self.chosen(self._table), 1)

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
        if name in _FEWER:
            return lambda *_, **__: self.other()
        return getattr(self.unshaped(), name)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, int) and not isinstance(key, bool):
            return Name(self._table)
        if isinstance(key, slice):
            return self if key == slice(None) else self.other()
        return self.other()

    def __add__(self, more: Any) -> Any:
        return self.other() if isinstance(more, (list, Names)) else self.unshaped()

    def __radd__(self, more: Any) -> Any:
        return self.other() if isinstance(more, list) else self.unshaped()

    def one(self) -> Name:
        """Any of them, as a loop takes them."""
        return Name(self._table)


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
