"""A loop over a dataset that takes its elements apart into more or fewer names than they have parts; what a function
of the author's returns, taken apart so; and what is asked of several values as if they were one."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from types import CodeType, FrameType, TracebackType
from typing import Any, Optional

import tensorflow as tf

from .exceptions import value_of
from .state import Run

_SAME_ELEMENTS = ("take", "skip", "shuffle", "prefetch", "cache", "repeat", "batch", "with_options")
"""Transformations that leave the structure of an element as it is."""
_PASSED_ON = ("enumerate", "tqdm", "iter", "list")
"""Functions that give the elements of their argument."""


def of_elements(run: Run, error: BaseException, innermost: Optional[TracebackType]) -> Optional[dict[str, Any]]:
    """The dataset and the two numbers where `error` is of such a loop: {"name", "count" (parts of an element), "wanted"
    (names)}; None for any other error, and where the dataset is not known."""
    if innermost is None or not isinstance(error, ValueError) or "values to unpack" not in str(error):
        return None
    span = run.files.span_of_code(innermost.tb_frame.f_code, innermost.tb_lasti)
    if span is None:
        return None
    for loop in run.files.nodes_from(span.path, span.line):
        if not isinstance(loop, ast.For):
            continue
        for target in ast.walk(loop.target):
            if isinstance(target, ast.Tuple) and run.files.span_of_node(span.path, target) == span:
                data = _dataset(loop.iter, innermost.tb_frame)
                parts = _parts(data[1]) if data is not None else None
                if data is not None and parts is not None and parts != len(target.elts):
                    return {"name": data[0], "count": parts, "wanted": len(target.elts)}
    return None


def of_function(run: Run, error: BaseException, innermost: Optional[TracebackType]) -> Optional[dict[str, Any]]:
    """The function of the author's whose values are taken apart into another number of names, or asked for what one of
    them has: {"function", "path", "line" (of its `def`), "count" (values), "wanted" (names, 0 where all have one name),
    "asked"}; None for any other error, and where it does not return as many each time."""
    asked = isinstance(error, AttributeError) and type(error.obj) is tuple
    apart = isinstance(error, ValueError) and "values to unpack" in str(error)
    if innermost is None or not (asked or apart):
        return None
    frame = innermost.tb_frame
    path, line = frame.f_code.co_filename, innermost.tb_lineno
    for call, wanted in _calls_at(run, path, line) if apart else _calls_of(run, error, path, line):
        function = value_of(call.func, frame)
        function = getattr(function, "__func__", function)
        code: Optional[CodeType] = getattr(function, "__code__", None)
        if code is None or not run.files.owns(code.co_filename):
            continue
        node = _definition(run, code)
        counts = _counts(node) if node is not None else set[int]()
        if node is not None and len(counts) == 1 and wanted not in counts:
            name = getattr(error, "name", "") if asked else ""
            first = {"function": node.name, "path": code.co_filename, "line": node.lineno}
            return {**first, "count": counts.pop(), "wanted": wanted, "asked": name, "at": call.lineno}
    return None


def _calls_at(run: Run, path: str, line: int) -> Iterator[tuple[ast.Call, int]]:
    """The call whose values the statement at `line` takes apart, and into how many names."""
    for node in run.files.nodes_from(path, line):
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        starred = isinstance(target, (ast.Tuple, ast.List)) and any(isinstance(x, ast.Starred) for x in target.elts)
        if isinstance(target, (ast.Tuple, ast.List)) and isinstance(node, ast.Assign) and not starred:
            if isinstance(node.value, ast.Call):
                yield node.value, len(target.elts)


def _calls_of(run: Run, error: BaseException, path: str, line: int) -> Iterator[tuple[ast.Call, int]]:
    """The calls whose values have the name that is asked at `line`, the last first."""
    names = {
        node.value.id
        for node in run.files.nodes_from(path, line)
        if isinstance(node, ast.Attribute) and node.attr == getattr(error, "name", "")
        if isinstance(node.value, ast.Name)
    }
    tree = run.files.tree(path)
    bound = [node for node in ast.walk(tree) if isinstance(node, ast.Assign)] if tree is not None else []
    for node in sorted(bound, key=lambda item: -item.lineno):
        target = node.targets[0]
        if node.lineno < line and isinstance(target, ast.Name) and target.id in names:
            if isinstance(node.value, ast.Call):
                yield node.value, 0
            return


def _definition(run: Run, code: CodeType) -> Optional[ast.FunctionDef]:
    tree = run.files.tree(code.co_filename)
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.FunctionDef) and node.name == code.co_name:
            if code.co_firstlineno in (node.lineno, *(item.lineno for item in node.decorator_list)):
                return node
    return None


def _counts(function: ast.FunctionDef) -> set[int]:
    """How many values each `return` of a function gives; 0 for one that is no plain tuple."""
    found: set[int] = set()
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            continue
        if isinstance(node, ast.Return):
            plain = isinstance(node.value, ast.Tuple) and not any(isinstance(x, ast.Starred) for x in node.value.elts)
            found.add(len(node.value.elts) if isinstance(node.value, ast.Tuple) and plain else 0)
        waiting += ast.iter_child_nodes(node)
    return found if 0 not in found else set()


def _dataset(node: ast.expr, frame: FrameType) -> Optional[tuple[str, Any]]:
    """The name in the expression that a loop goes over, and its value; None where another structure may come of it."""
    while isinstance(node, ast.Call):
        function = node.func
        if isinstance(function, ast.Attribute) and function.attr in _SAME_ELEMENTS:
            node = function.value
        elif isinstance(function, ast.Name) and function.id in _PASSED_ON and node.args:
            node = node.args[0]
        else:
            return None
    if not isinstance(node, ast.Name):
        return None
    return node.id, frame.f_locals.get(node.id, frame.f_globals.get(node.id))


def _parts(value: Any) -> Optional[int]:
    """How many parts an element of a dataset has, None for anything else than a dataset."""
    if not isinstance(value, tf.data.Dataset):
        return None
    spec = value.element_spec
    return len(spec) if isinstance(spec, tuple) else 1
