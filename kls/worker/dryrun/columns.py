"""Tables of pandas that are asked for a column which they do not have.

pandas is no judge of shapes, and what it misses may be missing for want of a file, or of a statement that could not be
carried out. A name that differs from that of a column in capitals, spaces or punctuation alone is missing for neither
reason; any other is where everything that was done to tables is known.
"""

from __future__ import annotations

import re
import sys
from types import FrameType, TracebackType
from typing import Any, Optional

from ..protocol import Span
from .state import Run

__all__ = ["missed"]

MOST_TOLD = 60
"""Columns of a table that are told of."""
_LISTED = re.compile(r"\[((?:'[^']*'(?:, )?)+)\].* (?:not (?:found in axis|in index)|are in the \[?columns)")
"""How pandas speaks of several names at once (pandas/core/indexes/base.py, `drop` and `_raise_if_missing`)."""
_PLACES = re.compile(r"None of \[Index\(\[\s*\d[\s\S]*dtype='u?int\d+'\)\] are in the \[columns\]")
"""What pandas says where numbers stand for the names of columns."""
_RENAMES = re.compile(r"\.columns\s*=|\.rename\(|\.set_axis\(")
_TABLES = re.compile(r"\b(?:df|data|train|test|table|frame)\w*\b|\.columns\b|\.drop\(|\[\s*['\"]")
"""What a statement of a function speaks of that may change a table which goes by another name there."""
_WRITES = re.compile(r"\.to_(?:csv|excel|parquet|feather|pickle|json|hdf|sql)\(")
_DRAWS = re.compile(
    r"random\.(?!seed\b|set_seed\b)\w+|default_rng|RandomState|\bmake_(?:classification|regression|blobs|moons|circles)\b|\bdatasets\b"
)
"""Data that a dry run makes up: columns that are named by their values are others in a real run."""


def missed(run: Run, error: BaseException) -> Optional[dict[str, Any]]:
    """What a table was asked for and does not have: {"names" (each with that of the column that was meant, "" where
    there is none like it), "labels" (those of the table), "rows" (whether columns were looked for among the rows),
    "places" (whether it was asked for the places of rows)}; None where that is not all there is to it."""
    if getattr(error, "_kls_places", False):
        return {"names": {}, "labels": [], "rows": False, "places": True}
    gone = getattr(error, "_kls_gone", None)
    if gone is not None:
        names, labels = gone
        guessed = "\n".join(run.files.text(place) for place in run.unsure)
        if any(re.search(rf"""['"]{re.escape(name)}['"]|\.{re.escape(name)}\b""", guessed) for name in names):
            return None  # whether it is taken out, or asked for, is not known
        return {"names": {name: _alike(name, labels) for name in names}, "labels": labels[:MOST_TOLD], "rows": False}
    if not isinstance(error, KeyError) or not error.args or not isinstance(error.args[0], str):
        return None
    frame, index = _asked(error.__traceback__)
    if frame is None:
        return None
    labels = _texts(frame)
    if labels is None or any(_RENAMES.search(run.files.text(gap.span)) for gap in run.gaps):
        return None
    told = error.args[0]
    if _PLACES.match(told) and frame.columns.equals(index):
        return {"names": {}, "labels": labels[:MOST_TOLD], "rows": False, "places": True}
    listed = _LISTED.search(told)
    named = [told] if listed is None else re.findall("'([^']*)'", listed[1])
    if index is not None and not frame.columns.equals(index):
        numbered = type(index).__name__ == "RangeIndex" and index is frame.index
        among = numbered and listed is not None and set(named) <= set(labels)
        return {"names": {name: name for name in named}, "labels": labels[:MOST_TOLD], "rows": True} if among else None
    asked = named if listed is None else [name for name in named if name not in labels]
    names: dict[str, str] = {}
    for name in asked:
        names[name] = _alike(name, labels)
    if not names or ("" in names.values() and not _is_all_known(run, error)):
        return None
    return {"names": names, "labels": labels[:MOST_TOLD], "rows": False}


def _alike(name: str, labels: list[str]) -> str:
    """The column that is spelt otherwise in capitals, spaces or punctuation alone, "" where there is none."""
    alike = [label for label in labels if _plain(label) == _plain(name)]
    return alike[0] if len(alike) == 1 and alike[0] != name and _plain(name) else ""


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()


def _asked(traceback: Optional[TracebackType]) -> tuple[Any, Any]:
    """The table that pandas looked in last, and the labels among which it looked, where these are told apart."""
    pandas: Any = sys.modules.get("pandas")
    frame: Any = None
    index: Any = None
    while traceback is not None and pandas is not None:
        owner = traceback.tb_frame.f_locals.get("self")
        if isinstance(owner, pandas.DataFrame):
            frame, index = owner, None
        elif isinstance(owner, pandas.Index):
            index = owner
        traceback = traceback.tb_next
    return frame, index


def _texts(frame: Any) -> Optional[list[str]]:
    """The names of a table's columns, None where these are no texts."""
    labels = list(frame.columns)
    return labels if 0 < len(labels) < 10_000 and all(type(item) is str for item in labels) else None


def _is_all_known(run: Run, error: BaseException) -> bool:
    """Whether a real run comes to the same columns: nothing that may have changed a table was left out, or carried out
    on a guess, no file was written that may be read, and no values are made up that columns may be named by."""
    frame, span = _place(run, error)
    if frame is None or span is None:
        return False
    before = "\n".join(source.text if source.path != span.path else _above(source.text, span.line)
                       for source in run.probe.sources)  # fmt: skip
    if _WRITES.search(before) or _DRAWS.search(before):
        return False
    names = _tables(frame)
    unsure = [run.files.text(place) for place in run.unsure]
    unsure += [run.files.text(gap.span) for gap in run.gaps]
    inside = [run.files.text(gap.span) for gap in run.gaps if gap.span.column]
    speaks = re.compile(rf"\b(?:{'|'.join(map(re.escape, names))})\b") if names else None
    return speaks is not None and not any(map(speaks.search, unsure)) and not any(map(_TABLES.search, inside))


def _above(text: str, line: int) -> str:
    return "\n".join(text.split("\n")[: line - 1])


def _place(run: Run, error: BaseException) -> tuple[Optional[FrameType], Optional[Span]]:
    """The author's innermost frame and line."""
    found: tuple[Optional[FrameType], Optional[Span]] = (None, None)
    traceback = error.__traceback__
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if run.files.owns(code.co_filename):
            found = traceback.tb_frame, run.files.span_of_code(code, traceback.tb_lasti)
        traceback = traceback.tb_next
    return found


def _tables(frame: FrameType) -> list[str]:
    """The names that stand for tables."""
    pandas: Any = sys.modules.get("pandas")
    known = {**frame.f_globals, **frame.f_locals}
    return [name for name, value in known.items() if isinstance(value, (pandas.DataFrame, pandas.Series))]
