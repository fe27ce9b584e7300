"""What pandas does to the columns of a table that was not read: which it has afterwards, and how many.

Of the names of columns that nobody has read, those are known that the program has asked for, which are there, and those
that it has taken out, which are not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Optional

from .open_sizes import Open, Size, together
from .unknown import TEXT
from .unread import Unread, column, form_of, made, put, same
from .unread_names import Name

__all__ = ["CHANGES", "encoded", "insert", "popped", "refuse", "refuse_dropped", "without"]


def refuse(table: Unread, key: Any) -> None:
    """Raise what pandas raises of a frame that certainly has no column of a name, or of one of several names."""
    gone = _gone(table, [key] if isinstance(key, str) else list(key))
    if gone:
        _raise(table, gone, key, lambda frame: frame[key])


def refuse_dropped(table: Unread, names: list[Any]) -> None:
    """The same of a frame from which a column is to be taken that it does not have."""
    gone = _gone(table, names)
    if gone:
        _raise(table, gone, names, lambda frame: frame.drop(columns=names))


def _gone(table: Unread, names: list[Any]) -> list[str]:
    """Which of some names a frame certainly does not have."""
    form = form_of(table)
    texts = [name for name in names if isinstance(name, str) and TEXT not in name]
    if form.kind != "frame" or form.rank != 2 or len(texts) != len(names):
        return []
    if form.columns is None:
        return [name for name in texts if name in form.lacks]
    told = all(isinstance(name, str) and TEXT not in name for name in form.columns)
    return [name for name in texts if name not in form.columns] if told else []


def _raise(table: Unread, gone: list[str], key: Any, asked: Callable[[Any], Any]) -> None:
    import pandas

    columns = form_of(table).columns
    there = [name for name in ([] if isinstance(key, str) else key) if name not in gone]
    try:
        asked(pandas.DataFrame(columns=list(columns if columns is not None else there)))
    except Exception as error:
        error.__dict__["_kls_certain"] = True
        error.__dict__["_kls_gone"] = (gone, list(columns or ()))
        raise


def _names(labels: Any) -> Optional[list[str]]:
    """The names of columns, one or several; None where they are not known."""
    names = [labels] if isinstance(labels, str) else labels
    if not isinstance(names, (list, tuple, set)) and type(names).__name__ not in ("Index", "ndarray"):
        return None
    known = list(names)
    return known if all(type(name) is str and TEXT not in name for name in known) else None


def without(table: Unread, labels: Any) -> Unread:
    """A frame without some columns."""
    form = form_of(table)
    names = _names(labels)
    if form.columns is not None:
        try:
            gone = [labels] if isinstance(labels, (str, int)) else list(labels)
        except Exception:
            return made(table, sizes=(Open(),))
        left = tuple(name for name in form.columns if name not in gone)
        return made(table, sizes=(len(left),), columns=left)
    if names is None:
        one = isinstance(labels, (int, Name)) and not isinstance(labels, bool)
        return made(table, sizes=(_fewer(form.sizes[0], 1) if one else Open(),))
    return same(
        table,
        sizes=(_fewer(form.sizes[0], len(set(names))),),
        rows=form.rows,
        has=form.has.difference(names),
        lacks=form.lacks.union(names),
    )


def _fewer(size: Size, by: int) -> Size:
    return size.moved(-by) if isinstance(size, Open) else max(size - by, 0)


def _dropped(
    table: Unread, labels: Any = None, axis: Any = 0, index: Any = None, columns: Any = None, *_: Any, **others: Any
) -> Unread:
    gone = columns if columns is not None else labels if axis in (1, "columns") else None
    if gone is None:
        return same(table) if isinstance(axis, (int, str)) else made(table, sizes=(Open(),))
    names = _names(gone)
    if others.get("errors") == "ignore":
        names_left = form_of(table).columns
        return without(table, gone) if names_left is not None and names is not None else _forgotten(table, names)
    if names is not None:
        refuse_dropped(table, names)
    return without(table, gone)


def _forgotten(table: Unread, names: Optional[list[str]]) -> Unread:
    """A frame from which columns were taken that it may not have had."""
    form = form_of(table)
    if names is None or form.rank != 2:
        return made(table, sizes=(Open(),))
    return same(table, sizes=(Open(),), has=form.has.difference(names), lacks=form.lacks.union(names))


def _renamed(table: Unread, *_: Any, columns: Any = None, axis: Any = None, **others: Any) -> Unread:
    form = form_of(table)
    if form.rank != 2 or (columns is None and "index" in others):
        return same(table, rows=form.rows)
    if not isinstance(columns, dict) or _names(list(columns)) is None or _names(list(columns.values())) is None:
        return same(table, columns=None, has=frozenset(), lacks=frozenset(), rows=form.rows)
    new = {str(name): str(other) for name, other in columns.items()}
    names = None if form.columns is None else tuple(new.get(name, name) for name in form.columns)
    # A name that is not there is passed over: nothing says that the new one is.
    has = form.has.difference(new).union(other for name, other in new.items() if name in form.has)
    lacks = form.lacks.union(new).difference(new.values())
    return same(table, columns=names, has=has.difference(lacks), lacks=lacks, rows=form.rows)


def _indexed(table: Unread, keys: Any = None, *_: Any, drop: Any = True, **others: Any) -> Unread:
    """`set_index`: the column is one no more."""
    return without(table, keys) if drop is True and _names(keys) is not None else made(table, sizes=(Open(),))


def _numbered(table: Unread, *_: Any, drop: Any = False, **others: Any) -> Unread:
    return same(table) if drop is True else made(table, kind="frame", sizes=(Open(),))


def _assigned(table: Unread, **columns: Any) -> Unread:
    given = same(table, rows=form_of(table).rows)
    for name in columns:
        given[name] = 0
    return given


def _joined(table: Unread, *others: Any, on: Any = None, **keywords: Any) -> Unread:
    """`merge` and `join`: the columns of both."""
    return made(table, sizes=(Open(),), has=frozenset([on]) if isinstance(on, str) else frozenset())


def encoded(
    table: Unread,
    prefix: Any = None,
    prefix_sep: Any = "_",
    dummy_na: bool = False,
    columns: Any = None,
    sparse: bool = False,
    drop_first: bool = False,
    dtype: Any = None,
) -> Unread:
    """`pd.get_dummies`: columns for the values of some columns, which are no columns themselves any more."""
    form = form_of(table)
    names = _names(columns) if columns is not None and form.kind == "frame" else None
    if names is not None:
        refuse(table, names)
    gone = frozenset(names or ())
    has = form.has - gone if names is not None else frozenset[str]()
    lacks = form.lacks | gone
    return made(table, kind="frame", sizes=(Open(several=not drop_first),), dtype=None, has=has, lacks=lacks)


def insert(table: Unread, loc: Any = None, column: Any = None, value: Any = None, *_: Any, **others: Any) -> None:
    """`df.insert(0, "name", values)`."""
    form = form_of(table)
    if _names(column) is None:
        put(table, (Open(),), None)
        return
    more = together([*form.sizes, 1])
    names = form.columns
    if names is not None and isinstance(loc, int) and 0 <= loc <= len(names):
        names = (*names[:loc], column, *names[loc:])
    put(table, (more,), names, form.lacks.difference([column]), form.has.union([column]))


def popped(table: Unread, name: Any) -> Any:
    """`df.pop("name")`: the column, which the frame then has no more."""
    if isinstance(name, str):
        refuse(table, name)
    taken = column(table, name)
    del table[name]
    return taken


CHANGES: dict[str, Callable[..., Unread]] = {
    "drop": _dropped,
    "rename": _renamed,
    "set_index": _indexed,
    "reset_index": _numbered,
    "assign": _assigned,
    "merge": _joined,
    "join": _joined,
}
"""Methods of a frame that give one with other columns, or change it where they are told to."""
