"""A shape is not written as a tuple of sizes.

## What it says
`Input`, `input_shape=` or `Reshape` is given a number, or several numbers one after the other, where it takes one
tuple: `(784)` is the number 784, `(784,)` is a shape.

## Why it matters
Keras raises `ValueError: Cannot convert '784' to a shape.` at that line. In `Input(28, 28, 1)` the second number is
taken for the batch size.

## Example
```python
import keras
inputs = keras.Input(shape=(784))
```

## Repair
A tuple: `shape=(784,)`, `Input((28, 28, 1))`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from kls import edits
from kls.facts import Edit, Finding, Fix, Related, Severity, Span
from kls.rules import search
from kls.rules.argument_place import is_number
from kls.rules.context import Context, Rule, finding, fix
from kls.rules.reading import Reading, stated
from kls.source import SourceText
from kls.worker.protocol import Failure

RULE = Rule("shape-argument", Severity.ERROR, "A shape is not written as a tuple of sizes.")

TAKES_SHAPE = ("Input", "InputLayer", "Reshape", "InputSpec", "KerasTensor")
KEYWORDS = ("shape", "input_shape", "batch_shape", "batch_input_shape", "target_shape")


def diagnose(context: Context, failure: Failure) -> Finding | None:
    """The finding for a number where a shape belongs, in the expression that failed."""
    if failure.exception not in ("ValueError", "TypeError"):
        return None
    for source, place in search.places(context, failure):
        for call in ast.walk(place):
            if not isinstance(call, ast.Call):
                continue
            found = _wrong(call, "Cannot convert '" in failure.message)
            if found is None:
                continue
            span, words = source.span(call), source.segment(call)
            lines = [
                f"`{search.last_part(call.func)}` takes a tuple of sizes, "
                f"found `{', '.join(map(source.segment, found))}`",
                f"Keras raises: {failure.exception}: {failure.message}",
            ]
            related = tuple(Related(frame, f"`{words}` raises") for frame in failure.frames[:1] if frame != span)
            fixes = _fix(source, call, found, span)
            return finding(RULE, context, span, "\n".join(lines), related=related, fixes=tuple(fixes))
    return None


def read(reading: Reading) -> Iterator[Finding]:
    """Literal numbers where a shape belongs, and the channels given for the batch size."""
    severity = RULE.severity if reading.installed else Severity.INFORMATION
    for call, name in reading.calls():
        source, span = reading.source, reading.source.span(call)
        callee = source.segment(call.func)
        if name in ("keras.Input", "keras.layers.InputLayer", "keras.layers.Reshape"):
            sizes = [item for item in call.args if is_number(item)]
            if sizes and sizes == call.args:
                message = f"`{callee}` takes a tuple of sizes, found `{', '.join(map(source.segment, sizes))}`"
                yield stated(RULE, span, message, severity=severity, fixes=tuple(_fix(source, call, sizes, span)))
                continue
        if name == "keras.Input" or name.startswith("keras.layers."):
            for keyword in call.keywords:
                if keyword.arg in KEYWORDS and is_number(keyword.value):
                    words = source.segment(keyword.value)
                    message = f"`{keyword.arg}` takes a tuple of sizes, found the number `{words}`"
                    fixes = _fix(source, call, [keyword.value], span)
                    place = source.span(keyword.value)
                    yield stated(RULE, place, message, severity=severity, fixes=tuple(fixes))


def _wrong(call: ast.Call, named: bool) -> list[ast.expr] | None:
    """The arguments of `call` that should be one tuple; with `named`, any expression may give the number."""
    takes = search.last_part(call.func) in TAKES_SHAPE
    shape = edits.argument(call, "shape", 0) if named and takes else None
    if isinstance(shape, (ast.Name, ast.Attribute)):
        return [shape]
    if takes and call.args:
        sizes = [item for item in call.args if _is_size(item)]
        if sizes == call.args:
            return sizes
    for item in call.keywords:
        if item.arg in KEYWORDS and _is_size(item.value) and not _is_none(item.value):
            return [item.value]
    return None if shape is None or isinstance(shape, (ast.Tuple, ast.List)) else [shape]


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _is_size(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp):
        return _is_size(node.operand)
    if isinstance(node, ast.BinOp):
        return _is_size(node.left) or _is_size(node.right)
    if isinstance(node, ast.Subscript):
        return not isinstance(node.slice, ast.Slice)
    return isinstance(node, ast.Constant) and (node.value is None or isinstance(node.value, (int, float)))


def _fix(source: SourceText, call: ast.Call, sizes: list[ast.expr], cause: Span) -> list[Fix]:
    start, end = source.span(sizes[0]), source.span(sizes[-1])
    words = source.cut(Span(source.path, start.line, start.column, end.end_line, end.end_column))
    line = source.lines[start.line - 1]
    before, after = line[: start.column].rstrip(), source.lines[end.end_line - 1][end.end_column :].lstrip()
    keyword = any(item.value is sizes[0] for item in call.keywords)
    enclosed = before.endswith("(") and after.startswith(")") and (keyword or before[:-1].rstrip().endswith("("))
    text = edits.tuple_text((words,)) if len(sizes) == 1 else f"({words})"
    place = Span(source.path, start.line, start.column, end.end_line, end.end_column)
    shown = text
    return fix(f"Write the shape as a tuple: `{shown}`", Edit(place, text[1:-1] if enclosed else text), cause=cause)
