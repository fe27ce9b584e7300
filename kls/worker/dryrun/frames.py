"""pandas on data that are not there.

A table file that is there is really read; of a large one, and of one that is not there, the axes are known
(`unread.py`).
"""

from __future__ import annotations

import errno
import functools
import inspect
import os
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from .after_import import after_import
from .arrays import VirtualArray, find_unknown
from .open_sizes import Open, together
from .unknown import Unknown, UnknownValue
from .unread import Unread, form_of, made, same
from .unread_columns import encoded

__all__ = ["install"]

LARGEST_TABLE = 8 << 20
"""Bytes of a table file that is read whole."""
LARGEST_FRAME = 8 << 20
"""Elements of arrays whose values are not known that a table is made of."""
TABLE_ROWS = 2_000
"""Rows read of a larger one."""


def _pandas(pandas: Any, absent: Callable[[str, Any], Any]) -> None:
    for name in ("read_csv", "read_table", "read_excel", "read_parquet", "read_feather"):
        setattr(pandas, name, _reader(getattr(pandas, name), absent))
    pandas.concat = _concat(pandas.concat)
    pandas.merge = _merge(pandas.merge)
    pandas.DataFrame.__new__ = staticmethod(_made_of_table(pandas.DataFrame))
    pandas.get_dummies = _dummies(pandas.get_dummies)
    pandas.factorize = _factorized(pandas.factorize)
    pandas.to_numeric = _kept(pandas.to_numeric, numeric=True)
    pandas.to_datetime = _kept(pandas.to_datetime, numeric=False)
    for kind in (pandas.DataFrame, pandas.Series):
        kind.__init__ = _bounded(kind.__init__)
        for name in ("to_csv", "to_pickle", "to_parquet", "to_excel", "to_json", "to_hdf", "plot", "hist"):
            if hasattr(kind, name):
                setattr(kind, name, _nothing)


def _bounded(original: Any) -> Any:
    """The constructor of tables, which has no room for arrays that are large and not there."""

    @functools.wraps(original)
    def made_of(self: Any, data: Any = None, *args: Any, **keywords: Any) -> None:
        parts = data.values() if isinstance(data, dict) else data if isinstance(data, (list, tuple)) else [data]
        if sum(part.size for part in parts if isinstance(part, VirtualArray)) > LARGEST_FRAME:
            raise UnknownValue("a table of a large array whose values are not known")
        if isinstance(data, dict) and find_unknown(list(data.values())) is not None:
            for name, part in data.items():
                if isinstance(part, np.ndarray) and part.ndim > 1:  # refused, whatever stands beside it
                    certain(lambda name=name, part=part: original(self, {name: np.zeros((2, *part.shape[1:]))}))
        original(self, data, *args, **keywords)

    return made_of


def certain(raising: Callable[[], Any]) -> None:
    """Call what pandas or scikit-learn refuse; what they raise counts, although something unknown takes part."""
    try:
        raising()
    except Exception as error:
        error.__dict__["_kls_certain"] = True
        raise


def _nothing(*_: Any, **__: Any) -> None:
    return None


def _frame_of(reader: Any) -> Any:
    return getattr(sys.modules[reader.__module__.split(".")[0]], "DataFrame", ())


_OTHER_KINDS = ("chunksize", "iterator", "sheet_name", "squeeze")
"""Arguments with which a table is read as something else than a frame."""


def _reader(original: Any, absent: Callable[[str, Any], Any]) -> Any:
    """A reader of tables. `absent(path, head)` gives what stands for one that cannot be read, or raises; `head` is what
    was read of a large one, else None."""

    first = next(iter(inspect.signature(original).parameters))

    def read(*given: Any, **keywords: Any) -> Any:
        source, args = (given[0], given[1:]) if given else (keywords.pop(first, None), ())
        plain = not args and not any(name in keywords for name in _OTHER_KINDS)
        if isinstance(source, Unknown):
            return source.unshaped()
        if isinstance(source, (str, os.PathLike)):
            path = str(os.fspath(source))
            if plain and ("://" in path or not os.path.exists(path)):
                return _chosen(absent(path, None), keywords)
            if "://" in path:
                raise UnknownValue(f"the table at {path}")
            if original.__name__ in ("read_csv", "read_table"):
                rows = keywords.get("nrows")
                wanted = TABLE_ROWS + 1 if rows is None else int(rows)
                if os.path.getsize(path) > LARGEST_TABLE and wanted > TABLE_ROWS and not keywords.get("chunksize"):
                    head = original(source, *args, **{**keywords, "nrows": TABLE_ROWS})
                    return absent(path, head) if isinstance(head, _frame_of(original)) else head
        return original(source, *args, **keywords)

    read.__name__ = original.__name__
    return read


def _chosen(table: Unread, keywords: dict[str, Any]) -> Unread:
    """A table of which the reader was told what columns it has."""
    names = keywords.get("usecols") if "usecols" in keywords else keywords.get("names")
    if keywords.get("index_col") in (None, False) and isinstance(names, (list, tuple)):
        columns = tuple(names) if all(isinstance(name, str) for name in names) else None
        return made(table, sizes=(len(names),), columns=columns)
    return table


def _concat(original: Any) -> Any:
    def concat(objs: Any, *args: Any, **keywords: Any) -> Any:
        unknown = find_unknown(objs if isinstance(objs, (list, tuple)) else [objs])
        if unknown is None:
            return original(objs, *args, **keywords)
        tables = [item for item in objs if isinstance(item, Unread)] if isinstance(objs, (list, tuple)) else []
        axis = keywords.get("axis", args[0] if args else 0)
        ranks = {form_of(table).rank for table in tables}
        if len(tables) != len(objs) or not ranks <= {1, 2} or (len(ranks) != 1 and axis not in (1, "columns")):
            return unknown
        if ranks == {1} and axis in (0, "index"):
            return same(tables[0], dtype=None)
        names = form_of(tables[0]).columns
        if axis in (0, "index") and names is not None and all(form_of(table).columns == names for table in tables):
            return same(tables[0], dtype=None)
        widths = [form_of(table).sizes[0] if form_of(table).rank == 2 else 1 for table in tables]
        size = together(widths) if axis in (1, "columns") else Open()
        return made(tables[0], kind="frame", sizes=(size,), dtype=None)

    return concat


def _merge(original: Any) -> Any:
    def merge(left: Any, right: Any, *args: Any, **keywords: Any) -> Any:
        if isinstance(left, Unread):
            return left.merge(right, *args, **keywords)
        if isinstance(right, Unread):
            return right.merge(left, *args, **keywords)
        return original(left, right, *args, **keywords)

    return merge


def _made_of_table(frame: Any) -> Any:
    """What makes an object of `DataFrame`: of a table that was not read it is that table, by other names perhaps."""

    def new(kind: Any, data: Any = None, index: Any = None, columns: Any = None, *_: Any, **__: Any) -> Any:
        table = isinstance(data, Unread) and form_of(data).rank <= 2 and kind is frame
        if not table:
            return object.__new__(kind)
        form = form_of(data)
        names = tuple(columns) if isinstance(columns, (list, tuple)) else None
        sizes = form.sizes if form.rank == 2 else (1,)
        if form.kind == "frame" and columns is not None:  # some of its columns
            return data[columns]
        if names is None and columns is None:
            return same(data, kind="frame", sizes=sizes)
        return made(data, kind="frame", sizes=sizes if names is None else (len(names),), columns=names)

    return new


def _dummies(original: Any) -> Any:
    def get_dummies(data: Any, *args: Any, **keywords: Any) -> Any:
        if isinstance(data, Unread):
            return encoded(data, *args, **keywords)
        return original(data, *args, **keywords)

    return get_dummies


def _factorized(original: Any) -> Any:
    """Numbers for the values of a column, and these values."""

    def factorize(values: Any, *args: Any, **keywords: Any) -> Any:
        if isinstance(values, Unread):
            codes = made(values, kind="array", sizes=(), dtype=np.dtype("int64"), numeric=True)
            return codes, values.unshaped()
        return original(values, *args, **keywords)

    return factorize


def _kept(original: Any, numeric: bool) -> Any:
    """A function that gives a table or a column of the same form."""

    def kept(arg: Any, *args: Any, **keywords: Any) -> Any:
        if isinstance(arg, Unread):
            return same(arg, dtype=None, numeric=numeric)
        return original(arg, *args, **keywords)

    return kept


def _refused(path: str, head: Any) -> Any:
    if head is not None:
        return head
    if "://" in path:
        raise UnknownValue(f"the table at {path}")
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)


def install(author_file: Callable[[str], bool], absent: Callable[[str, Any], Any] = _refused) -> None:
    """Patch pandas when it is imported. `absent(path, head)` gives what stands for a table that cannot be read."""
    after_import("pandas", lambda module: _pandas(module, absent))
