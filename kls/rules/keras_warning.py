"""Keras warned and goes on: an argument has no effect, a mask is lost.

## What it says
`decay=` of an optimizer and `input_length=` of an `Embedding` are left from Keras 2 and not used; `input_shape=` of a
layer that is not the first is not read; a layer that knows no masks ends the mask of an `Embedding(mask_zero=True)`.

## Why it matters
The warning scrolls by among others. The learning rate does not decay, padding is computed with as if it were data.

## Example
```python
import numpy as np, keras
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile(keras.optimizers.SGD(learning_rate=0.01, decay=1e-6), "mse")
model.fit(np.zeros((8, 4)), np.zeros(8))
```

## Repair
Leave the argument out; `keras.optimizers.schedules` for a learning rate that decays.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from kls import edits
from kls.facts import Evidence, Finding, Fix, Severity, Span
from kls.rules.context import Context, Rule, finding, fix, show, single
from kls.worker.protocol import Warned

RULE = Rule("keras-warning", Severity.WARNING, "Keras warned and goes on without what it was given.")

UNUSED = re.compile(r"Argument `(\w+)` is (no longer supported and will be ignored|deprecated\. Just remove it)")
"""What Keras says of leftovers (keras/src/optimizers/base_optimizer.py, keras/src/layers/core/embedding.py)."""
SHAPE_ARGUMENTS = ("input_shape", "input_dim", "batch_input_shape")

Parts = tuple[str, Severity, Span, list[Fix]]


def survey(context: Context) -> Iterator[Finding]:
    """One finding for each warning that concerns an argument or a mask, at the place that caused it."""
    told: set[Span] = set()
    for warned in context.report.warnings:
        parts = _unused(context, warned) or _mask(context, warned) or _inner_shape(context, warned)
        if parts is None or parts[2] in told:
            continue
        first, severity, span, fixes = parts
        told.add(span)
        evidence = Evidence.SILENT if severity is Severity.WARNING else Evidence.ADVICE
        lines = f"{first}\nKeras warns: {warned.message}"
        yield finding(RULE, context, span, lines, evidence=evidence, severity=severity, fixes=tuple(fixes))


def _unused(context: Context, warned: Warned) -> Parts | None:
    match = UNUSED.search(warned.message)
    found = context.call_node(warned.span)
    if match is None or found is None or edits.keyword(found[1], match.group(1)) is None:
        return None
    name = match.group(1)
    fixes = fix(f"Leave out `{name}`", edits.remove_argument(*found, name), cause=warned.span)
    severity = Severity.WARNING if "no longer" in match.group(2) else Severity.HINT
    return f"`{name}` has no effect any more", severity, warned.span, fixes


def _mask(context: Context, warned: Warned) -> Parts | None:
    if "was passed an input with a mask attached to it" not in warned.message or warned.layer not in context.layers:
        return None
    layer = context.layers[warned.layer][0]
    if layer.created is None:
        return None
    first = f"{layer.cls} knows no masks: from here on padding counts as data"
    return first, Severity.HINT, layer.created, []


def _inner_shape(context: Context, warned: Warned) -> Parts | None:
    if not warned.message.startswith("Do not pass an `input_shape`"):
        return None
    layer = next((item for item in context.report.layers if item.created == warned.span and item.inputs), None)
    found = context.call_node(warned.span)
    if layer is None or found is None:
        return None
    if any(model.kind == "sequential" and model.layers[:1] == (layer.key,) for model in context.report.models):
        return None
    name = next((name for name in SHAPE_ARGUMENTS if edits.keyword(found[1], name) is not None), None)
    given = single(layer.inputs)
    if name is None or given is None:
        return None
    fixes = fix(f"Leave out `{name}`", edits.remove_argument(*found, name), cause=warned.span)
    first = f"`{name}` of {layer.cls} is not read: the layer is given {show(given.shape)}"
    return first, Severity.HINT, warned.span, fixes
