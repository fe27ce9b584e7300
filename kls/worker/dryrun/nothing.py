"""Finds the function of the author that gave the None which a failing expression stumbles over."""

from __future__ import annotations

import ast
import re
import types
from collections.abc import Iterator
from types import FrameType
from typing import Any, Optional

import keras
import tensorflow as tf

from .. import returning
from ..protocol import Span
from .state import Run
from .unknown import Unknown

_MOST = 8
"""Calls that are looked through."""
_OF_WHAT_ENDED = r"'NoneType' object is not iterable|attr 'output_\w+' of 0"
"""What is said of the value of the failing call itself; by the second, TensorFlow of a function that a dataset maps."""


def giver(run: Run, error: BaseException) -> Optional[dict[str, Any]]:
    """The function without a `return` whose None stands in the author's failing expression, or in the one that handed
    it on: {"function", "path", "line"} (of its `def`), None where there is no such function."""
    traceback = error.__traceback__
    # A failing statement of a function is contained there: who called the function stands in no traceback.
    outer = run.files.nearest(traceback.tb_frame.f_back) if traceback is not None else None
    callers: list[tuple[FrameType, Span]] = []
    while outer is not None and len(callers) < _MOST:
        span = run.files.span_of_frame(outer)
        callers += [(outer, span)] if span is not None else []
        outer = run.files.nearest(outer.f_back)
    steps = callers[::-1]
    while traceback is not None:
        span = run.files.span_of_code(traceback.tb_frame.f_code, traceback.tb_lasti)
        if span is not None:
            steps.append((traceback.tb_frame, span))
        traceback = traceback.tb_next
    ended = re.search(_OF_WHAT_ENDED, str(error)) is not None
    for depth, (frame, span) in enumerate(reversed(steps[-_MOST:])):
        for node in _nodes(run, span, depth > 0 or not ended):
            found = _of_node(run, node, frame, span.line)
            if found is not None:
                return found
    return None


def _nodes(run: Run, span: Span, calling: bool) -> Iterator[ast.AST]:
    """The expressions within `span`, of an unpacking those of what is unpacked; `calling` says that the whole is a call
    which has not ended, so that it gave nothing yet."""
    for node in run.files.nodes_from(span.path, span.line):
        if isinstance(node, ast.Assign):
            if any(run.files.span_of_node(span.path, target) == span for target in node.targets):
                yield from ast.walk(node.value)
                return
        if isinstance(node, ast.expr) and run.files.span_of_node(span.path, node) == span:
            yield from (item for item in ast.walk(node) if item is not node or not calling)
            return


def _of_node(run: Run, node: ast.AST, frame: FrameType, line: int) -> Optional[dict[str, Any]]:
    path = frame.f_code.co_filename
    if isinstance(node, ast.Call):
        return _silent(run, node, frame)
    if not isinstance(node, (ast.Name, ast.Attribute)) or not isinstance(node.ctx, ast.Load):
        return None
    if _value(node, frame, Unknown("")) is not None:
        return None
    text = ast.unparse(node)
    tree = run.files.tree(path)
    bound = [
        item
        for item in (ast.walk(tree) if tree is not None else ())
        if isinstance(item, ast.Assign)
        and isinstance(item.value, ast.Call)
        and any(ast.unparse(target) == text for target in item.targets)
    ]
    before = [item for item in bound if item.lineno <= line]
    for item in sorted(before, key=lambda item: -item.lineno) or bound:
        found = _silent(run, item.value, frame)
        if found is not None:
            return found
    return None


def _silent(run: Run, call: Any, frame: FrameType) -> Optional[dict[str, Any]]:
    """What `call` calls, where that is a function of the author which returns nothing."""
    function = _value(call.func, frame, None)
    if isinstance(call.func, ast.Call):
        made = _value(call.func.func, frame, None)
        function = getattr(made, "call", None) if isinstance(made, type) else None
    elif isinstance(function, (keras.layers.Layer, keras.Model)):
        function = function.call
    elif isinstance(call.func, ast.Attribute) and call.func.attr == "map":
        mapped = [*call.args[:1], *(item.value for item in call.keywords if item.arg == "map_func")]
        function = _value(mapped[0], frame, None) if mapped else None
    elif isinstance(function, tf.Module):
        function = type(function).__call__
    function = getattr(function, "python_function", function)
    function = getattr(function, "__func__", function)
    if not isinstance(function, types.FunctionType) or not run.files.owns(function.__code__.co_filename):
        return None
    path, first = function.__code__.co_filename, function.__code__.co_firstlineno
    tree = run.files.tree(path)
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.FunctionDef) and node.name == function.__name__:
            if first in (node.lineno, *(item.lineno for item in node.decorator_list)) and not returning.gives(node):
                return {"function": node.name, "path": path, "line": node.lineno}
    return None


def _value(node: ast.expr, frame: FrameType, otherwise: Any) -> Any:
    """The value of a name or dotted name in `frame`, `otherwise` when it is neither or not there."""
    if isinstance(node, ast.Name):
        return frame.f_locals.get(node.id, frame.f_globals.get(node.id, otherwise))
    if isinstance(node, ast.Attribute):
        owner = _value(node.value, frame, otherwise)
        if owner is otherwise or owner is None:
            return otherwise
        try:
            return getattr(owner, node.attr, otherwise)
        except Exception:
            return otherwise
    return otherwise
