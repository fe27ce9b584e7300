"""What stands at its place in a call is taken for something else than was meant.

## What it says
Arguments by position mean what Keras's order says: the third of `Conv2D(32, 3, 3)` is the stride, not the other side
of the kernel; the second of `Input((28, 28), 1)` is the batch size, not the channels; the second of `Dense(10, 5)` is
the activation. A cross-entropy that is called in a training loop takes the labels first, then the predictions.

## Why it matters
Strides and batch sizes are taken silently, and the model is another one than was meant: `Conv2D(32, 3, 3)` gives a
ninth of the output. With its arguments exchanged a cross-entropy takes the labels for probabilities. A number for an
activation raises `Could not interpret activation function identifier`.

## Example
```python
import keras
inputs = keras.Input((28, 28, 1))
outputs = keras.layers.Conv2D(32, 3, 3)(inputs)
```

## Repair
`Conv2D(32, (3, 3))`, `Input((28, 28, 1))`; the argument by its name.

## When to ignore
When the stride or the batch size is meant: give it by its name (`strides=3`, `batch_size=1`), which says so to readers
too.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from kls import edits
from kls.facts import Edit, Evidence, Finding, Severity, Span
from kls.rules.context import Context, Rule, finding, fix
from kls.rules.reading import Reading, given, stated
from kls.source import SourceText
from kls.worker.protocol import Warned

RULE = Rule("argument-place", Severity.WARNING, "What stands at a place is taken for something else.")

_CONV = re.compile(r"keras\.layers\.(?:Separable)?(?:Conv|Convolution)2D")
_LOOKED_UP = ("activation", "initializer", "regularizer", "constraint")


def survey(context: Context) -> Iterator[Finding]:
    """What Keras takes silently, told of a program that was run as well."""
    for span, message, changed in _silent(Reading(context.sources[context.main], context.sites)):
        fixes = tuple(fix(changed[0], changed[1], cause=changed[1].span, safe=False))
        yield finding(RULE, context, span, message, evidence=Evidence.SILENT, fixes=fixes)
    for warned in context.report.warnings:
        if warned.category == "ExchangedLoss":
            yield from _exchanged(context, warned)


def _exchanged(context: Context, warned: Warned) -> Iterator[Finding]:
    """A loss that gets what a model gave as the labels, and what the program was given as the predictions."""
    made = context.call_node(warned.span)
    for source, call in _calls_of(*made) if made is not None else ():
        if len(call.args) < 2 or any(item.arg in ("y_true", "y_pred") for item in call.keywords):
            continue
        first, second = call.args[:2]
        if not isinstance(second, ast.Name) or not _is_given(source, second):
            continue
        one, other = source.segment(first), source.segment(second)
        changed = edits.replace(source, first, other), edits.replace(source, second, one)
        span = source.span(call)
        words = f"`{one}`, which a model gave, is taken for the labels, and `{other}` for the predictions"
        lines = f"{words}: a loss takes the labels first\nKeras raises nothing."
        fixes = fix(f"Exchange the two: `{other}, {one}`", *changed, cause=span)
        yield finding(RULE, context, span, lines, evidence=Evidence.SILENT, fixes=tuple(fixes))


def _calls_of(source: SourceText, made: ast.Call) -> Iterator[tuple[SourceText, ast.Call]]:
    """The calls of the loss that is made here: at once, or by the one name it is bound to."""
    holder = source.parents.get(made)
    if isinstance(holder, ast.Call) and holder.func is made:
        yield source, holder
    if isinstance(holder, ast.Assign) and len(holder.targets) == 1:
        name = source.segment(holder.targets[0])
        yield from ((source, call) for call in source.calls() if source.segment(call.func) == name)


def _is_given(source: SourceText, name: ast.Name) -> bool:
    """Whether a name is a parameter or the target of a loop, or taken apart from one, and nothing else binds it."""
    function = source.function(name)
    nodes = ast.walk(function) if function is not None else source.nodes
    bound = [item for item in nodes if isinstance(item, ast.Name) and item.id == name.id]
    stored = [item for item in bound if isinstance(item.ctx, ast.Store)]
    parameters = function.args.args if isinstance(function, ast.FunctionDef) else []
    if any(item.arg == name.id for item in parameters):
        return not stored
    holders: list[ast.AST | None] = [source.parents.get(item) for item in stored]
    holders = [source.parents.get(item) if isinstance(item, ast.Tuple) else item for item in holders if item]
    looped = [item for item in holders if isinstance(item, ast.For)]
    apart = [
        item
        for item in holders
        if isinstance(item, ast.Assign) and isinstance(item.value, ast.Name) and _is_given(source, item.value)
    ]
    return bool(holders) and len(looped) + len(apart) == len(holders)


def read(reading: Reading) -> Iterator[Finding]:
    """What Keras takes silently, and numbers where it looks a name up."""
    for span, message, changed in _silent(reading):
        fixes = tuple(fix(changed[0], changed[1], cause=changed[1].span, safe=False))
        yield stated(RULE, span, message, fixes=fixes)
    for call, name in reading.calls():
        if name.startswith("keras.layers."):
            yield from _numbers(reading, call, name)


def _silent(reading: Reading) -> Iterator[tuple[Span, str, tuple[str, Edit]]]:
    """Each argument at fault, what becomes of it, and title and edit of the repair."""
    source = reading.source
    for call, name in reading.calls():
        if _CONV.fullmatch(name):
            found = _stride(source, call)
        elif name in ("keras.Input", "keras.layers.InputLayer"):
            found = _batch(source, call)
        else:
            continue
        if found is not None:
            yield found


def _stride(source: SourceText, call: ast.Call) -> tuple[Span, str, tuple[str, Edit]] | None:
    """`Conv2D(32, 3, 3)`: an odd kernel and a stride as large, as Keras 1 wrote the two sides of a kernel."""
    if len(call.args) != 3 or any(item.arg in ("kernel_size", "strides") for item in call.keywords):
        return None
    size, stride = call.args[1:]
    if not all(isinstance(item, ast.Constant) and item.value in (3, 5, 7) for item in (size, stride)):
        return None
    one, two = source.segment(size), source.segment(stride)
    if one != two:
        return None
    message = f"the second {two} is taken for the strides: the kernel is ({one}, {one}) and moves by {two}"
    return source.span(stride), message, (f"Make it the kernel: `({one}, {two})`", _tuple(source, size, stride))


def _batch(source: SourceText, call: ast.Call) -> tuple[Span, str, tuple[str, Edit]] | None:
    """`Input((28, 28), 1)`: an image without channels, and 1 or 3 by position where the batch size stands."""
    if len(call.args) != 2 or edits.keyword(call, "batch_size") is not None:
        return None
    shape, size = call.args
    if not isinstance(shape, (ast.Tuple, ast.List)) or len(shape.elts) != 2 or not all(map(is_number, shape.elts)):
        return None
    if not isinstance(size, ast.Constant) or type(size.value) is not int or size.value not in (1, 3):
        return None
    inner = ", ".join(source.segment(item) for item in shape.elts)
    message = f"{size.value} is taken for the batch size: the input is ({size.value}, {inner})"
    start, end = source.span(shape), source.span(size)
    place = Span(source.path, start.line, start.column, end.end_line, end.end_column)
    whole = f"({inner}, {size.value})"
    return source.span(size), message, (f"Make it the channels: `{whole}`", Edit(place, whole))


def _tuple(source: SourceText, first: ast.expr, last: ast.expr) -> Edit:
    start, end = source.span(first), source.span(last)
    place = Span(source.path, start.line, start.column, end.end_line, end.end_column)
    return Edit(place, f"({source.cut(place)})")


def _numbers(reading: Reading, call: ast.Call, name: str) -> Iterator[Finding]:
    """Numbers by position for what Keras looks up by name."""
    for parameter, value in given(call, name).items():
        if value in call.args and is_number(value) and parameter.rpartition("_")[2] in _LOOKED_UP:
            words = reading.source.segment(value)
            message = f"{words} is taken for the argument `{parameter}`"
            severity = Severity.ERROR if reading.installed else RULE.severity
            yield stated(RULE, reading.source.span(value), message, severity=severity)


def is_number(node: ast.expr) -> bool:
    """Whether an expression is a number written out."""
    return isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) and not isinstance(node.value, bool)
