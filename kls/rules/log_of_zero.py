"""A loss of your own takes the logarithm of predictions that may be 0.

## What it says
A function that is given to `compile` is NaN where a prediction is exactly 0 or 1, and the model ends in a sigmoid or a
softmax, which gives these numbers in float32 once its input is large (a sigmoid is 1.0 from 17 on).

## Why it matters
Nothing is raised. The loss turns NaN after some steps, and with it all weights: 0 times the logarithm of 0 is NaN.

## Example
```python
import numpy as np, keras
def cost(y_true, y_pred):
    ops = keras.ops
    return -ops.mean(y_true * ops.log(y_pred) + (1 - y_true) * ops.log(1 - y_pred))
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, activation="sigmoid")])
model.compile("adam", cost)
model.fit(np.zeros((8, 4)), np.zeros((8, 1)))
```

## Repair
`y_pred = keras.ops.clip(y_pred, 1e-7, 1 - 1e-7)` first, or the loss of Keras, which does so.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from kls import edits
from kls.facts import Evidence, Finding, Fix, Severity, Span
from kls.rules import operators, search, written
from kls.rules.context import Context, Rule, finding, fix
from kls.source import SourceText

RULE = Rule("log-of-zero", Severity.INFORMATION, "A loss takes the logarithm of predictions that may be 0.")


def survey(context: Context) -> Iterator[Finding]:
    """One finding for each loss of the author's own that is NaN where the predictions are perfect."""
    told: set[Span] = set()
    for warned in context.report.warnings:
        model = context.models.get(warned.layer) if warned.layer is not None else None
        if warned.category != "NanLoss" or model is None or warned.span in told:
            continue
        last = operators.output_layer(context, model) or next(iter(context.first_layers(model)[::-1]), None)
        activation = last.config.get("activation") if last is not None else None
        source = context.source(warned.span.path)
        made = next((item for item in source.nodes if _begins(source, item, warned.span)), None) if source else None
        if activation not in ("sigmoid", "softmax") or source is None or not isinstance(made, ast.FunctionDef):
            continue
        told.add(warned.span)
        taken = [item for item in ast.walk(made) if isinstance(item, ast.Call) and search.last_part(item.func) == "log"]
        place = source.span(taken[0] if taken else made)
        lines = [
            f"`{made.name}` is NaN where a prediction is exactly 0 or 1, as {activation} gives it for large inputs",
            "Keras raises nothing: the loss turns NaN, and with it the weights.",
        ]
        yield finding(
            RULE,
            context,
            place,
            "\n".join(lines),
            evidence=Evidence.ADVICE,
            severity=Severity.INFORMATION,
            fixes=tuple(_clipped(source, made, place)),
        )


def _begins(source: SourceText, node: ast.AST, span: Span) -> bool:
    return isinstance(node, ast.FunctionDef) and source.span(node) == span


def _clipped(source: SourceText, made: ast.FunctionDef, cause: Span) -> list[Fix]:
    """The predictions kept off 0 and 1, before the first statement that is no docstring."""
    keras, names = written.module_name(source, "keras"), [item.arg for item in made.args.args]
    first = made.body[1] if len(made.body) > 1 and ast.get_docstring(made) is not None else made.body[0]
    if keras is None or len(names) < 2:
        return []
    text = f"{names[-1]} = {keras}.ops.clip({names[-1]}, 1e-7, 1 - 1e-7)"
    return fix(f"Keep the predictions off 0 and 1: `{text}`", edits.insert_before(source, first, text), cause=cause)
