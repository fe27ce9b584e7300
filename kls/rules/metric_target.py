"""A metric that does not fit the labels and the output.

## What it says
The loss can be computed, but a metric cannot: `Precision()` and `AUC()` want one probability for each label, a sparse
metric wants class numbers, `F1Score()` wants labels with a class axis.

## Why it matters
Keras computes the metrics in the same step as the loss, so `fit` raises `Dimensions must be equal, but are 32 and 320`,
`segment_ids and data should have same leading dimension` or `FBetaScore expects 2D inputs`, which name no metric.

## Example
```python
import numpy as np, keras
x = np.zeros((64, 4)); y = np.arange(64) % 10
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(10, activation="softmax")])
model.compile("adam", "sparse_categorical_crossentropy", metrics=[keras.metrics.Precision()])
model.fit(x, y)
```

## Repair
`"accuracy"`, which Keras fits to the loss, or labels of the shape that the metric wants.
"""

from __future__ import annotations

import ast

from kls import edits
from kls.facts import Finding, Fix, Related, Severity
from kls.rules import operators, written
from kls.rules.context import Context, Rule, argument_of, finding, fix, show, single
from kls.source import SourceText
from kls.worker.protocol import Failure, Model

RULE = Rule("metric-target", Severity.ERROR, "A metric that does not fit the labels and the output.")


def diagnose(context: Context, failure: Failure) -> Finding | None:
    """The finding for a failure while Keras computes the metrics."""
    call = context.sink(failure)
    model = context.model_of(call) if call is not None else None
    if call is None or model is None or not failure.stage.endswith("metrics"):
        return None
    if len(model.outputs) > 1:
        return None
    place = _metrics(context, model)
    labels = argument_of(call, "validation_y" if failure.stage.startswith("validation") else "y")
    output = single(model.outputs) or single(call.outputs)
    target = single(labels.tensors) if labels is not None else None
    names = ", ".join(f"`{name}`" for name in call.metrics) or "the metrics"
    shapes = ""
    if target is not None and target.shape and output is not None:
        shapes = f" labels {show((None, *target.shape[1:]))} with the output {show(output.shape)}"
    lines = [f"{names} cannot compare{shapes or ' the labels with the output'}"]
    lines.append(f"Keras raises: {failure.exception}: {failure.message}")
    fixes: list[Fix] = []
    flat = target is not None and target.shape is not None and len(target.shape) == 1
    if flat and output is not None and output.shape and output.shape[-1] == 1:
        fixes += operators.transform_data(context, labels, "{}.reshape(-1, 1)", "Give the labels a class axis")
    if place is not None:
        fixes += _replace(place, call.loss)
    span = fixes[0].cause if fixes and fixes[0].cause is not None else call.span
    if not fixes and place is not None:
        span = place[0].span(place[1])
    related = (Related(call.span, f"`{call.method}` raises here"),)
    return finding(RULE, context, span, "\n".join(lines), call=call, related=related, fixes=tuple(fixes))


def _metrics(context: Context, model: Model) -> tuple[SourceText, ast.expr] | None:
    found = written.compile_call(context, model)
    value = edits.argument(found[1], "metrics", 3) if found is not None else None
    if found is None or value is None:
        return None
    if isinstance(value, ast.Name):
        known = written.assignments(found[0], value.id, found[1].lineno)
        if known and known[-1][1] is not None:
            return found[0], known[-1][1]
    return found[0], value


def _replace(place: tuple[SourceText, ast.expr], loss: str | None) -> list[Fix]:
    """One metric after another becomes "accuracy" (`"mae"` for a regression); then all of them do."""
    source, value = place
    words = (
        "mse",
        "mae",
        "mean_squared_error",
        "mean_absolute_error",
        "huber",
        "MeanSquaredError",
        "MeanAbsoluteError",
    )
    plain = '"mae"' if loss in words else '"accuracy"'
    fixes: list[Fix] = []
    items = value.elts if isinstance(value, (ast.List, ast.Tuple)) else []
    for item in items:
        if source.segment(item).strip("'\"") in ("accuracy", "acc"):
            continue
        quiet = any(source.segment(other).strip("'\"") in ("accuracy", "acc") for other in items if other is not item)
        title = f"Use the metric {plain} instead of `{source.segment(item)}`"
        if quiet:
            index = items.index(item)
            rest = ", ".join(source.segment(other) for other in items if other is not items[index])
            fixes += fix(
                f"Leave out the metric `{source.segment(item)}`",
                edits.replace(source, value, f"[{rest}]"),
                cause=source.span(value),
            )
        else:
            fixes += fix(title, edits.replace(source, item, plain), cause=source.span(item))
    if len(items) != 1:
        fixes += fix(
            f"Use only the metric {plain}", edits.replace(source, value, f"[{plain}]"), cause=source.span(value)
        )
    return fixes
