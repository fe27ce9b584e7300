"""Tables of pandas that are asked for a column which they have under another spelling.

pandas is no judge of shapes, and what it misses may be missing for want of a file. A name that differs from that of a
column in capitals, spaces or punctuation alone is missing for neither reason.
"""

from __future__ import annotations

import re
import sys
from types import TracebackType
from typing import Any, Optional

from .state import Run

__all__ = ["misspelt"]

_LISTED = re.compile(r"\[((?:'[^']*'(?:, )?)+)\].* (?:not (?:found in axis|in index)|are in the \[?columns)")
"""How pandas speaks of several names at once (pandas/core/indexes/base.py, `drop` and `_raise_if_missing`)."""
_RENAMES = re.compile(r"\.columns\s*=|\.rename\(|\.set_axis\(")


def misspelt(run: Run, error: BaseException) -> Optional[dict[str, str]]:
    """What was asked for and how the columns that were meant are called; None where that is not all there is to it.

    Nothing is said where the program renames columns in a statement that could not be followed.
    """
    if not isinstance(error, KeyError) or not error.args or not isinstance(error.args[0], str):
        return None
    labels = _labels(error.__traceback__)
    if labels is None or any(_RENAMES.search(run.files.text(gap.span)) for gap in run.gaps):
        return None
    told = error.args[0]
    listed = _LISTED.search(told)
    asked = [told] if listed is None else [name for name in re.findall("'([^']*)'", listed[1]) if name not in labels]
    found: dict[str, str] = {}
    for name in asked:
        alike = [label for label in labels if _plain(label) == _plain(name)]
        if len(alike) != 1 or alike[0] == name or not _plain(name):
            return None
        found[name] = alike[0]
    return found or None


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()


def _labels(traceback: Optional[TracebackType]) -> Optional[list[str]]:
    """The names of the columns of the table that pandas looked in last, None where these are no texts, or where it
    looked among other labels."""
    pandas = sys.modules.get("pandas")
    frame: Any = None
    index: Any = None
    while traceback is not None and pandas is not None:
        owner = traceback.tb_frame.f_locals.get("self")
        if isinstance(owner, pandas.DataFrame):
            frame, index = owner, None
        elif isinstance(owner, pandas.Index):
            index = owner
        traceback = traceback.tb_next
    if frame is None or (index is not None and not frame.columns.equals(index)):
        return None
    labels = list(frame.columns)
    return labels if 0 < len(labels) < 10_000 and all(type(item) is str for item in labels) else None
