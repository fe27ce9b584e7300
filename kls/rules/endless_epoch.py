"""An epoch that never ends.

## What it says
`fit` is given a dataset that repeats for ever, and no `steps_per_epoch`.

## Why it matters
Nothing is raised. The first epoch never ends: nothing is validated, no callback at the end of an epoch runs, nothing is
saved.

## Example
```python
import numpy as np, keras, tensorflow as tf
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile("adam", "mse")
data = tf.data.Dataset.from_tensor_slices((np.zeros((64, 4)), np.zeros(64))).batch(8).repeat()
model.fit(data, epochs=3)
```

## Repair
Leave `repeat()` out, since `epochs` repeats the data, or say `steps_per_epoch`.

## When to ignore it
A callback of your own stops the training within the first epoch.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from kls import edits
from kls.facts import Evidence, Finding, Fix, Severity, Span
from kls.rules.context import Context, Rule, argument_of, finding, fix

RULE = Rule("endless-epoch", Severity.WARNING, "An epoch that never ends.")


def survey(context: Context) -> Iterator[Finding]:
    """One finding for each `fit` whose dataset has no end."""
    endless = {warned.span for warned in context.report.warnings if warned.category == "EndlessData"}
    told: set[Span] = set()
    for call in context.report.calls:
        data = argument_of(call, "x")
        if call.span not in endless or call.span in told:
            continue
        told.add(call.span)
        name = f"`{data.name}`" if data is not None and data.name else "the dataset"
        first = f"{name} has no end and `fit` no `steps_per_epoch`: the first epoch never ends"
        lines = f"{first}\nKeras raises nothing."
        fixes = tuple(_unrepeated(context))
        yield finding(RULE, context, call.span, lines, call=call, evidence=Evidence.SILENT, fixes=fixes)


def _unrepeated(context: Context) -> list[Fix]:
    """Leave out the `.repeat()` without a count, where there is just one."""
    found = [
        (source, node, node.func.value)
        for source in context.sources.values()
        for node in source.calls()
        if isinstance(node.func, ast.Attribute) and node.func.attr == "repeat" and not node.args and not node.keywords
    ]
    if len(found) != 1:
        return []
    source, node, repeated = found[0]
    return fix("Leave `repeat()` out", edits.replace(source, node, source.segment(repeated)), cause=source.span(node))
