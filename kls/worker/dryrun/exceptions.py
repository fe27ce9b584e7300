"""What an exception of the author's program says, and where in the author's text it came through."""

from __future__ import annotations

import ast
import os
import re
from types import FrameType, TracebackType
from typing import Any, Optional

from .places import from_home
from .state import Run

_TRACED = "in user code:"
"""How a message begins that AutoGraph puts a traceback into."""
_LONGEST = 4000
"""Characters of a message that are kept."""


def message_of(error: BaseException) -> str:
    """The exception's own words, without Keras's wrapping."""
    text = str(error)
    text = re.sub(r"^Exception encountered when calling .*?\n\n", "", text, flags=re.DOTALL)
    text = re.sub(r"\n\nArguments received by .*$", "", text, flags=re.DOTALL)
    text = re.sub(r"\s*Please see https://www\.tensorflow\.org/guide/function.*$", "", text, flags=re.DOTALL)
    text = from_home(re.sub(r"\x1b\[[0-9;]*m", "", text).strip())
    if text.startswith(_TRACED) and len(text) > _LONGEST:
        return _TRACED + "\n" + text[-_LONGEST:]  # the words stand behind the traceback
    return text[:_LONGEST]


def first_line(error: BaseException) -> str:
    """A one-line form for reasons."""
    text = message_of(error)
    if text.startswith(_TRACED):
        told = re.findall(r"^ *[\w.]*(?:Error|Exception): (.*)$", text, re.MULTILINE)
        text = told[-1] if told else text
    text = re.sub(r"^\{\{function_node .*?\}\} ", "", text).split("\n", 1)[0]
    return f"{type(error).__name__}: {text}"[:300]


def first_raised(error: BaseException) -> BaseException:
    """The exception that Keras raised anew, with more words: it says where, and the first one of what."""
    walk, before = error, error.__context__
    while before is not None and type(before) is type(error) and str(before) in str(error):
        walk, before = before, before.__context__
    return walk


def innermost_frame(run: Run, error: BaseException) -> Optional[TracebackType]:
    """The last of the author's frames that `error` came through."""
    traceback, innermost = error.__traceback__, None
    while traceback is not None:
        if run.files.owns(traceback.tb_frame.f_code.co_filename):
            innermost = traceback
        traceback = traceback.tb_next
    return innermost


def package_of(path: str) -> Optional[str]:
    """The installed package that a file belongs to, None for one of none."""
    for marker in (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}"):
        if marker in path:
            return path.rsplit(marker, 1)[1].split(os.sep, 1)[0]
    return None


def value_of(node: ast.expr, frame: FrameType) -> Any:
    """The value of a name or dotted name in `frame`, None when it is neither or not there."""
    if isinstance(node, ast.Name):
        return frame.f_locals.get(node.id, frame.f_globals.get(node.id))
    if isinstance(node, ast.Attribute):
        owner = value_of(node.value, frame)
        try:
            return None if owner is None else getattr(owner, node.attr, None)
        except Exception:
            return None
    return None


def values_in(frame: FrameType, names: set[str]) -> list[Any]:
    """What those of `names` stand for that are known in `frame`."""
    values: list[Any] = []
    for name in names:
        if name in frame.f_locals:
            values.append(frame.f_locals[name])
        elif name in frame.f_globals:
            values.append(frame.f_globals[name])
    return values


def expression_names(run: Run, traceback: TracebackType) -> set[str]:
    """The names in the very expression that failed; in the whole statement where positions are not known."""
    path = traceback.tb_frame.f_code.co_filename
    tree = run.files.tree(path)
    span = run.files.span_of_code(traceback.tb_frame.f_code, traceback.tb_lasti)
    smallest: Optional[ast.AST] = None
    for node in ast.walk(tree) if tree is not None else ():
        if not isinstance(node, (ast.stmt, ast.expr)) or not node.lineno <= traceback.tb_lineno <= (
            node.end_lineno or 0
        ):
            continue
        if isinstance(node, ast.stmt):
            if smallest is None or node.lineno >= getattr(smallest, "lineno", 0):
                smallest = node
        elif span is not None and run.files.span_of_node(path, node) == span:
            smallest = node
            break
    return {node.id for node in ast.walk(smallest) if isinstance(node, ast.Name)} if smallest is not None else set()


def is_raise(run: Run, error: BaseException) -> bool:
    """Whether AutoGraph's rewritten code raised `error` by a statement of the author's."""
    metadata = getattr(error, "ag_error_metadata", None)
    return metadata is not None and "raise " in str(getattr(metadata, "cause_message", ""))


def is_raise_at(run: Run, traceback: TracebackType) -> bool:
    """Whether the author's own `raise` or `assert` stands where `traceback` does."""
    tree = run.files.tree(traceback.tb_frame.f_code.co_filename)
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, (ast.Raise, ast.Assert)) and node.lineno <= traceback.tb_lineno <= (node.end_lineno or 0):
            return True
    return False
