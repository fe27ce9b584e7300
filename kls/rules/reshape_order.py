"""A reshape where a transposition was meant: the axes have the right sizes, and the numbers are mixed up.

## What it says
`reshape`, or a `Reshape` layer, is asked for the same axes in another order: channels last instead of first, steps
before features. It reads the numbers on in the order in which they are, and cuts them anew.

## Why it matters
Nothing is raised, since there are as many numbers as before. A pixel gets its colours from places that stand side by
side, a step its features from other steps; a model that looks at neighbours learns from noise.

## Example
```python
import numpy as np
pictures = np.random.rand(50, 3, 32, 32)
pictures = pictures.reshape(50, 32, 32, 3)
```

## Repair
`pictures.transpose(0, 2, 3, 1)`, `tf.transpose`; the layer `Permute`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from kls import edits
from kls.facts import Evidence, Finding, Fix, Severity, Span
from kls.rules import search
from kls.rules.context import Context, Rule, finding, fix, show
from kls.source import SourceText

RULE = Rule("reshape-order", Severity.WARNING, "A reshape where a transposition was meant.")

Sizes = tuple[int | None, ...]
_MODULES = ("np", "numpy", "tf", "ops", "K", "keras", "tensorflow", "jnp")
_ALIKE = ("zeros", "ones", "full", "empty", "zeros_like", "ones_like")
"""Functions whose numbers are all the same: their order is none."""


def survey(context: Context) -> Iterator[Finding]:
    """One finding for each reshape that asks for the axes of its array in another order."""
    yield from _arrays(context)
    yield from _layers(context)


def _arrays(context: Context) -> Iterator[Finding]:
    shapes: dict[tuple[str, ast.AST | None, str], tuple[Sizes | None, bool]] = {}
    told: set[Span] = set()
    for item in context.report.variables:
        source = context.source(item.span.path)
        statement = source.at(item.statement, ast.Assign) if source is not None else None
        if source is None or statement is None:
            continue
        scope = source.function(statement)
        made, shape = _reshaped(statement.value), item.tensors[0].shape if len(item.tensors) == 1 else None
        alike = any(
            isinstance(node, ast.Call) and search.last_part(node.func) in _ALIKE for node in ast.walk(statement)
        )
        if made is not None and isinstance(made[1], ast.Name) and shape is not None:
            call, given = made
            before, empty = shapes.get((item.span.path, scope, made[1].id), (None, True))
            order = _order(before, shape) if before is not None and not empty else None
            span = source.span(call)
            if order is not None and before is not None and span not in told:
                told.add(span)
                fixes = _transposed(source, call, given, order)
                yield _finding(context, span, f"`{made[1].id}`", before, shape, fixes)
        shapes[item.span.path, scope, item.name] = (shape, alike)


def _layers(context: Context) -> Iterator[Finding]:
    told: set[Span] = set()
    for layer in context.report.layers:
        if layer.cls != "Reshape" or layer.created is None or layer.created in told:
            continue
        before = layer.inputs[0].shape if len(layer.inputs) == 1 else None
        after = layer.outputs[0].shape if len(layer.outputs) == 1 else None
        found = context.call_node(layer.created)
        order = _order(before, after) if before is not None and after is not None else None
        if order is None or before is None or after is None or found is None:
            continue
        told.add(layer.created)
        name, imports = edits.callee_like(*found, "Permute")
        text = f"{name}({edits.tuple_text(order[1:])})"
        changed = edits.replace(*found, text)
        fixes = fix(f"Transpose: `{text}`", changed, *imports, cause=layer.created, safe=False)
        yield _finding(context, layer.created, "the input of `Reshape`", before, after, fixes)


def _finding(context: Context, span: Span, name: str, before: Sizes, after: Sizes, fixes: list[Fix]) -> Finding:
    lines = (
        f"{name} of shape {show(before)} is reshaped to {show(after)}, the same axes in another order: its numbers are "
        "mixed up\nNothing is raised: a reshape reads them on in the order they have; a transposition turns axes."
    )
    return finding(RULE, context, span, lines, evidence=Evidence.SILENT, fixes=tuple(fixes))


def _reshaped(value: ast.expr) -> tuple[ast.Call, ast.expr] | None:
    """The reshape that gives an assignment its shape, and what is reshaped; a division by 255 and a cast keep it."""
    while True:
        if isinstance(value, ast.BinOp) and isinstance(value.right, ast.Constant):
            value = value.left
            continue
        function = value.func if isinstance(value, ast.Call) else None
        if not isinstance(value, ast.Call) or not isinstance(function, ast.Attribute):
            return None
        if function.attr == "astype":
            value = function.value
            continue
        if function.attr != "reshape" or edits.keyword(value, "order") is not None:
            return None
        of_module = search.root(function) in _MODULES
        if of_module and not value.args:
            return None
        return value, value.args[0] if of_module else function.value


def _order(before: Sizes, after: Sizes) -> tuple[int, ...] | None:
    """The transposition that leads from one shape to the other, where a reshape mixes up the numbers: the samples stay
    in front, or one picture gets its channels first or last. Axes of one may stand anywhere."""
    if len(before) != len(after) or len(before) < 3 or before == after:
        return None
    if before[0] != after[0] and not (len(before) == 3 and _turns_channels(before, after)):
        return None
    rest = 1 if before[0] == after[0] else 0
    if None in before[rest:] or None in after[rest:] or 0 in before:
        return None
    if [size for size in before if size != 1] == [size for size in after if size != 1]:
        return None
    left, order = list(range(rest, len(before))), list(range(rest))
    for size in after[rest:]:
        place = next((axis for axis in left if before[axis] == size), None)
        if place is None:
            return None
        left.remove(place)
        order.append(place)
    return tuple(order)


def _turns_channels(before: Sizes, after: Sizes) -> bool:
    first = before[0] in (3, 4) and after == (before[1], before[2], before[0])
    last = before[2] in (3, 4) and after == (before[2], before[0], before[1])
    return first or last


def _transposed(source: SourceText, call: ast.Call, given: ast.expr, order: tuple[int, ...]) -> list[Fix]:
    sizes, function = ", ".join(map(str, order)), call.func
    assert isinstance(function, ast.Attribute)
    words = source.segment(given)
    if given is function.value:
        text = f"{words}.transpose({sizes})"
    else:
        text = f"{source.segment(function.value)}.transpose({words}, ({sizes}))"
    return fix(f"Transpose: `{text}`", edits.replace(source, call, text), cause=source.span(call), safe=False)
