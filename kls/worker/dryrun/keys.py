"""Keys that a dictionary of the author's own does not have, where it has one that is spelt nearly so."""

from __future__ import annotations

import ast
import difflib
from types import TracebackType
from typing import Any, Optional

from .exceptions import value_of
from .state import Run


def missed(run: Run, error: BaseException, innermost: Optional[TracebackType]) -> Optional[dict[str, Any]]:
    """The key that is asked for: {"key", "name" (of the dictionary, as it is written), "close" (its keys that are spelt
    nearly so)}; None for any other error."""
    key = error.args[0] if type(error) is KeyError and len(error.args) == 1 else None
    if not isinstance(key, str) or innermost is None or innermost.tb_next is not None:
        return None
    for node in run.files.nodes_from(innermost.tb_frame.f_code.co_filename, innermost.tb_lineno):
        for item in ast.walk(node):
            if not isinstance(item, ast.Subscript) or not isinstance(item.slice, ast.Constant):
                continue
            value = value_of(item.value, innermost.tb_frame) if item.slice.value == key else None
            if type(value) is not dict or key in value or not all(isinstance(known, str) for known in value):
                continue
            close = difflib.get_close_matches(key, list(value), 3, 0.7)
            if close:
                return {"key": key, "name": ast.unparse(item.value), "close": close}
    return None
