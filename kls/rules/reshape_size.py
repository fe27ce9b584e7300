"""A reshape to a shape with another number of elements.

## What it says
`reshape` (of NumPy, TensorFlow or Keras) asks for more or fewer numbers than there are.

## Why it matters
NumPy raises `ValueError: cannot reshape array of size 50176 into shape (64,28,28,3)`, Keras
`The total size of the tensor must be unchanged`.

## Example
```python
import numpy as np
x = np.zeros((64, 784))
x = x.reshape(64, 28, 28, 3)
```

## Repair
Change the size that does not fit, or let NumPy work one out with -1.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping
from typing import Any

from kls import edits
from kls.facts import Edit, Finding, Fix, Related, Severity, Span
from kls.rules import operators, written
from kls.rules.context import Context, Rule, failed_layer, finding, fix, show, single
from kls.rules.sizes import value
from kls.source import SourceText
from kls.worker.protocol import Failure

RULE = Rule("reshape-size", Severity.ERROR, "A reshape to a shape with another number of elements.")

_MODULES = ("np", "numpy", "tf", "keras", "ops", "K")
"""What people call the modules whose `reshape` takes the array first."""


def diagnose(context: Context, failure: Failure) -> Finding | None:
    """The finding for a NumPy reshape or a `Reshape` layer whose sizes do not multiply to what there is."""
    if failure.layer_cls == "Reshape":
        return _layer(context, failure)
    operands = failure.facts.get("operands") or ()
    span = failure.frames[-1] if failure.frames else None
    found = context.call_node(span)
    if found is None or span is None or failure.exception not in ("ValueError", "InvalidArgumentError"):
        return None
    source, call = found
    function = call.func
    if not (isinstance(function, ast.Attribute) and function.attr == "reshape"):
        return None
    first = isinstance(function.value, ast.Name) and function.value.id in _MODULES and call.args
    given = call.args[0] if first else function.value
    subject = source.segment(given)
    told = re.search(r"of size (\d+)|tensor with (\d+) values", failure.message)
    shape = next((shape for name, shape, _ in operands if shape is not None and name == subject), None)
    if shape is not None:
        total = math.prod(size for size in shape if size is not None)
        has = f"is {show(tuple(shape))}, {total:,} numbers"
    elif told is not None:
        total = int(told[1] or told[2])
        has = f"has {total:,} numbers"
    else:
        return None
    lines = [
        f"`{subject}` {has}: it cannot become {_target(source, call)}",
        f"It raises: {failure.exception}: {failure.message}",
    ]
    rows = (shape or (None,))[0]
    own: dict[str, int | None] = {f"{subject}.shape[{axis}]": size for axis, size in enumerate(shape or ())}
    sizes = _sizes(call)
    if sizes and _number(sizes[0]) == -1 and len(shape or ()) > 1:  # what NumPy works out are the samples
        own["-1"] = rows
    fixes = _sizes_meant(source, sizes, subject, span)
    fixes += _resize(source, sizes, total, span, {**own, f"len({subject})": rows})
    return finding(RULE, context, span, "\n".join(lines), fixes=tuple(fixes))


def _sizes_meant(source: SourceText, sizes: list[ast.expr], subject: str, cause: Span) -> list[Fix]:
    """`x.reshape(x[0], 1)`: the size is `x.shape[0]`."""
    own = [item for item in sizes if isinstance(item, ast.Subscript) and source.segment(item.value) == subject]
    texts = [f"{subject}.shape[{source.segment(item.slice)}]" for item in own if isinstance(item.slice, ast.Constant)]
    if not own or len(texts) != len(own):
        return []
    changes = [edits.replace(source, item, text) for item, text in zip(own, texts, strict=True)]
    return fix(f"Give the size: `{', '.join(texts)}`", *changes, cause=cause)


def _layer(context: Context, failure: Failure) -> Finding | None:
    given = single(failure.inputs)
    span = failure.layer_created or failure.layer_called
    found = context.call_node(span)
    if given is None or given.shape is None or span is None:
        return None
    config: dict[str, Any] = failure.facts.get("config") or {}
    target: tuple[int | None, ...] = config.get("target_shape") or ()
    lines = [
        f"`Reshape({show(tuple(target))})` is given {show(given.shape)}: the number of elements differs",
        f"Keras raises: {failure.exception}: {failure.message}",
    ]
    total = math.prod(size for size in given.shape[1:] if size is not None)
    fixes: list[Fix] = []
    value = edits.argument(found[1], "target_shape", 0) if found is not None else None
    if found is not None and isinstance(value, (ast.Tuple, ast.List)):
        sizes = list(value.elts)
        fixes = _scaled(found[0], sizes, target, total, span)
        fixes += _left_to_keras(found[0], sizes, target, total, span) if None not in given.shape[1:] else []
        fixes += _resize(found[0], sizes, total, span)
    fixes += _brought_to_size(context, failure, given.shape, target) if len(given.shape) > 2 else []
    related = tuple(Related(frame, "it raises here") for frame in failure.frames[:1])
    return finding(RULE, context, span, "\n".join(lines), related=related, fixes=tuple(fixes))


def _brought_to_size(
    context: Context, failure: Failure, given: tuple[int | None, ...], target: tuple[int | None, ...]
) -> list[Fix]:
    """`Flatten` and `Dense` before a `Reshape` to sizes that have nothing to do with what it is given."""
    if any(size is None or size <= 0 for size in target) or None in given[1:]:
        return []
    layer, wanted = failed_layer(failure), str(math.prod(size or 1 for size in target))
    dense = operators.insert_layer(context, layer, "Dense", wanted)
    flat = operators.insert_layer(context, layer, "Flatten")
    if not flat or not dense or flat[0].edits[0].span != dense[0].edits[0].span:
        return []
    (first, *imports), (second, *others) = flat[0].edits, dense[0].edits
    both = Edit(first.span, first.text + second.text)
    return fix(f"Add `Flatten()` and `Dense({wanted})` before Reshape", both, *imports, *others, cause=dense[0].cause)


def _left_to_keras(
    source: SourceText, sizes: list[ast.expr], target: tuple[int | None, ...], total: int, cause: Span
) -> list[Fix]:
    """`-1` in the place of a size that the author computes, the last axis first."""
    fixes: list[Fix] = []
    for index in reversed(range(len(sizes))):
        rest = [size for place, size in enumerate(target) if place != index]
        if len(target) != len(sizes) or any(size is None or size <= 0 for size in rest):
            continue
        if total % math.prod(size or 1 for size in rest) == 0 and isinstance(sizes[index], (ast.BinOp, ast.Call)):
            words = source.segment(sizes[index])
            fixes += fix(f"Let Keras count `{words}`: `-1`", edits.replace(source, sizes[index], "-1"), cause=cause)
    return fixes[:1]


def _sizes(call: ast.Call) -> list[ast.expr]:
    given = call.args
    if len(given) == 2 and isinstance(given[1], (ast.Tuple, ast.List)):
        return list(given[1].elts)
    if len(given) == 1 and isinstance(given[0], (ast.Tuple, ast.List)):
        return list(given[0].elts)
    return list(given)


def _target(source: SourceText, call: ast.Call) -> str:
    return "(" + ", ".join(source.segment(item) for item in _sizes(call)) + ")"


def _resize(
    source: SourceText, sizes: list[ast.expr], total: int, cause: Span, own: Mapping[str, int | None] | None = None
) -> list[Fix]:
    """One fix for each size that alone could be changed so that the product is right, the last axis first: where the
    number is written that the name of a size is bound to, and in its place. `own` has what `x.shape[0]` comes to."""
    own = own or {}
    written_at = [_bound(source, size) for size in sizes]
    values: list[int | None] = [
        own.get(source.segment(size)) or (_number(at) if _number(at) is not None else value(source, size))
        for at, size in zip(written_at, sizes, strict=True)
    ]
    fixes: list[Fix] = []
    for index in reversed(range(len(sizes))):
        others = [known for position, known in enumerate(values) if position != index]
        if any(known is None or known <= 0 for known in others) or values[index] is None:
            continue
        rest = math.prod(known for known in others if known is not None)
        if rest and total % rest == 0 and total // rest != values[index] and source.segment(sizes[index]) not in own:
            new, at, text = total // rest, written_at[index], source.segment(sizes[index])
            if at is not sizes[index]:
                statement = source.statement(at)
                place = source.span(statement if statement is not None else at)
                changed = edits.replace(source, at, str(new))
                fixes += fix(f"Change `{text}` from {values[index]} to {new}", changed, cause=place)
            fixes += fix(f"Change {text} to {new}", edits.replace(source, sizes[index], str(new)), cause=cause)
    return fixes


def _bound(source: SourceText, size: ast.expr) -> ast.expr:
    """The number that the name `size` is bound to last; `size` itself where it is no name of a number."""
    known = written.assignments(source, size.id, size.lineno) if isinstance(size, ast.Name) else []
    made = known[-1][1] if known else None
    return made if isinstance(made, ast.Constant) and source.function(made) is source.function(size) else size


def _scaled(
    source: SourceText, sizes: list[ast.expr], target: tuple[int | None, ...], total: int, cause: Span
) -> list[Fix]:
    """`(h // 2, w // 2, 32)` made `(h // 4, w // 4, 32)`: the two sides of a map, where a side is divided in words."""
    if not len(sizes) == len(target) == 3 or any(size is None or size <= 0 for size in target):
        return []
    product = math.prod(size for size in target if size is not None)
    for factor in (2, 4, 8):
        smaller = product == total * factor**2
        if not smaller and product * factor**2 != total:
            continue
        changes: list[Edit | None] = []
        texts: list[str] = []
        for size in sizes[:2]:
            divisor = size.right if isinstance(size, ast.BinOp) and isinstance(size.op, ast.FloorDiv) else None
            known = _number(divisor) if divisor is not None else None
            if divisor is None or not known or (not smaller and known % factor):
                return []
            new = known * factor if smaller else known // factor
            changes.append(edits.replace(source, divisor, str(new)))
            texts.append(source.segment(size)[: -len(source.segment(divisor))] + str(new))
        title = f"Begin with a map of ({', '.join(texts)})"
        return fix(title, *changes, cause=cause)
    return []


def _number(node: ast.expr) -> int | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _number(node.operand)
        return None if inner is None else -inner
    return None
