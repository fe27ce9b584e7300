"""A loop over a dataset that takes its elements apart into more or fewer names than they have parts."""

from __future__ import annotations

import ast
from types import FrameType, TracebackType
from typing import Any, Optional

import tensorflow as tf

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
