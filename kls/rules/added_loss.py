"""`add_loss` is given a value for each sample.

## What it says
A layer or model of your own calls `add_loss` with a tensor that has a batch axis.

## Why it matters
Nothing is raised. Keras sums what `add_loss` was given (`Trainer._aggregate_additional_loss` in
keras/src/trainers/trainer.py), so that this part of the loss grows with the batch size, while the compiled loss is a
mean.

## Example
```python
import numpy as np, keras
class Penalty(keras.layers.Layer):
    def call(self, x):
        self.add_loss(keras.ops.sum(keras.ops.square(x), axis=-1))
        return x
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2), Penalty(), keras.layers.Dense(1)])
model.compile("adam", "mse")
model.fit(np.ones((8, 4)), np.zeros(8))
```

## Repair
`self.add_loss(keras.ops.mean(…))`.

## When to ignore it
The sum over the batch is meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from kls import edits
from kls.facts import Evidence, Finding, Severity, Span
from kls.rules import written
from kls.rules.context import Context, Rule, finding, fix

RULE = Rule("added-loss", Severity.WARNING, "`add_loss` is given a value for each sample.")

OWN = re.compile(r"\.losses\b|def (train_step|compute_loss)\b")
"""How a program adds up the losses itself."""


def survey(context: Context) -> Iterator[Finding]:
    """One finding for each `add_loss` of a trained model whose value has a batch axis."""
    if not any(call.method == "fit" and call.status == "traced" for call in context.report.calls):
        return
    if any(OWN.search(source.text) for source in context.sources.values()):
        return
    told: set[Span] = set()
    for warned in context.report.warnings:
        found = context.call_node(warned.span) if warned.category == "SummedLoss" else None
        if found is None or warned.span in told:
            continue
        told.add(warned.span)
        source, call = found
        value = edits.argument(call, "loss", 0)
        keras = written.module_name(source, "keras")
        fixes = []
        if value is not None and keras is not None:
            changed = edits.replace(source, value, f"{keras}.ops.mean({source.segment(value)})")
            fixes = fix(f"Add their mean with `{keras}.ops.mean`", changed, cause=warned.span)
        lines = f"`add_loss` is given {warned.message}, a value for each sample: Keras adds up all of a batch"
        text = f"{lines}\nKeras raises nothing."
        yield finding(RULE, context, warned.span, text, evidence=Evidence.SILENT, fixes=tuple(fixes))
