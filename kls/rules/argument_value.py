"""An argument has a value that the layer or function does not take.

## What it says
The callee knows the argument and refuses its value: a float where an integer is needed (`Dense(n / 2)`), a string of
digits, a rate of 20, an axis that is not there, groups that do not divide the channels, a word that is not offered.

## Why it matters
Keras raises `ValueError: Received an invalid value for units, expected a positive integer` or its like, where the
layer is made or when it first sees its input.

## Example
```python
import keras
layer = keras.layers.Dropout(20)
```

## Repair
The value that was meant: `n // 2`, `0.2`, `axis=-1`, a divisor of the channels.
"""

from __future__ import annotations

import ast
import re

from kls import edits
from kls.facts import Finding, Fix, Related, Severity
from kls.rules import operators, search, wording, written
from kls.rules.context import Context, Rule, finding
from kls.worker.protocol import Failure

RULE = Rule("argument-value", Severity.ERROR, "An argument has a value that the layer or function does not take.")


def diagnose(context: Context, failure: Failure) -> Finding | None:
    """The finding for a failure that another value of an argument, written at the failing call, might end."""
    places = search.calls(context, failure)
    if not places or "required" in failure.message or (failure.call is not None and len(failure.frames) < 2):
        return None
    fixes = [*_rows_of_weights(context, failure), *search.other_values(context, failure)]
    if not fixes:
        return None
    span = fixes[0].cause or places[0][0].span(places[0][1])
    source = context.source(span.path)
    words = " ".join(source.cut(span).split()) if source is not None else ""
    first = wording.first_line(failure)
    lines = [f"`{words if len(words) < 50 else words[:47] + '…'}`: {first}", f"It raises: {failure.exception}"]
    lines += failure.message.split("\n", 1)[1:]
    related = tuple(Related(frame, "it raises here") for frame in failure.frames[:1] if frame.line != span.line)
    return finding(
        RULE, context, span, "\n".join(lines), call=context.sink(failure), related=related, fixes=tuple(fixes)
    )


def _rows_of_weights(context: Context, failure: Failure) -> list[Fix]:
    """As many rows of a matrix given as a layer's weights as the layer has, or the other way round."""
    found = re.search(
        r"weight shape \((\d+)\b[^)]*\) is not compatible with provided weight shape \((\d+)\b", failure.message
    )
    if found is None or found[1] == found[2]:
        return []
    wanted, have = int(found[1]), int(found[2])
    fixes: list[Fix] = []
    for source, call in search.calls(context, failure)[:2]:
        given = edits.keyword(call, "weights")
        names = [item for item in ast.walk(given) if isinstance(item, ast.Name)] if given is not None else []
        for name in names:
            known = [value for _, value in written.assignments(source, name.id, call.lineno) if value is not None]
            size = _rows_made(known[-1]) if known else None
            if size is not None:
                fixes += operators.count_as(source, size, have, wanted, f"Make `{name.id}` of {wanted} rows")
        rows = edits.argument(call, "input_dim", 0)
        if given is not None and rows is not None:
            title = f"Make the layer for {have} rows"
            fixes += operators.count_as(source, rows, wanted, have, title)
    return fixes


def _rows_made(value: ast.expr) -> ast.expr | None:
    """The first size in `np.zeros((rows, columns))` or `np.random.rand(rows, columns)`."""
    if not isinstance(value, ast.Call):
        return None
    shape = edits.keyword(value, "size") or edits.keyword(value, "shape")
    shapes = [item for item in (shape, *value.args) if isinstance(item, (ast.Tuple, ast.List)) and item.elts]
    if shapes:
        return shapes[0].elts[0]
    return value.args[0] if len(value.args) == 2 and search.last_part(value.func) in ("rand", "randn") else None
