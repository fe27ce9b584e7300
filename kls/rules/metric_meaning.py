"""A metric that is computed, and means nothing here.

## What it says
`Accuracy()` compares probabilities with labels for equality, `categorical_accuracy` takes the largest of one class
number, `binary_accuracy` counts the zeros of one-hot rows, and "accuracy" of a regression counts exact hits.

## Why it matters
Nothing is raised; the number stays at 0.0, or at 0.9 from the start, whatever the model learns.

## Example
```python
import numpy as np, keras
x = np.zeros((64, 4)); y = np.arange(64) % 10
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(10, activation="softmax")])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["categorical_accuracy"])
model.fit(x, y)
```

## Repair
`"accuracy"`, which Keras fits to the loss; `"mae"` for a regression.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from kls import edits
from kls.facts import Evidence, Finding, Severity
from kls.rules import operators, written
from kls.rules.context import Context, Rule, argument_of, finding, fix, single
from kls.rules.loss_target import SPARSE
from kls.rules.output_activation import REGRESSION
from kls.source import SourceText
from kls.worker.protocol import Call, Model

RULE = Rule("metric-meaning", Severity.WARNING, "A metric that is computed, and means nothing here.")


def survey(context: Context) -> Iterator[Finding]:
    """One finding for each metric of a trained model that cannot mean what its name says."""
    told: set[int] = set()
    for call in context.report.calls:
        model = context.model_of(call)
        if model is None or model.key in told or call.status != "traced" or len(call.outputs) != 1:
            continue
        told.add(model.key)
        for metric in dict.fromkeys(call.metrics):
            found = _look(context, call, model, metric)
            if found is not None:
                yield found


def _look(context: Context, call: Call, model: Model, metric: str) -> Finding | None:
    output, labels = single(call.outputs), argument_of(call, "y")
    target = single(labels.tensors) if labels is not None else None
    if output is None or not output.shape:
        return None
    last = operators.output_layer(context, model)
    activation = last.config.get("activation") if last is not None else None
    units, plain = output.shape[-1], '"accuracy"'
    values = (labels.values if labels is not None else None) or {}
    why = ""
    if metric == "Accuracy" and activation in ("sigmoid", "softmax"):
        why = f"`Accuracy()` asks whether a {activation} is exactly equal to the label: it stays 0.0"
    elif metric in ("categorical_accuracy", "CategoricalAccuracy") and call.loss in SPARSE:
        if target is not None and target.shape and len(target.shape) < len(output.shape):
            why = f"`{metric}` wants one-hot rows and the labels are class numbers: it stays 0.0"
    elif (
        metric in ("binary_accuracy", "BinaryAccuracy") and activation == "softmax" and units is not None and units > 2
    ):
        why = f"`{metric}` counts each of the {units} outputs by itself: it starts near {1 - 1 / units:.2f}"
    elif metric in ("accuracy", "acc") and call.loss in REGRESSION and activation == "linear":
        if values.get("integral") is False:
            why, plain = "accuracy of a regression counts exact hits only: it stays 0.0", '"mae"'
    if not why:
        return None
    place = _written(context, model, metric)
    if place is None:
        return None
    source, node = place
    fixes = fix(f"Use the metric {plain}", edits.replace(source, node, plain), cause=source.span(node))
    lines = [why, "Keras raises nothing."]
    span = source.span(node)
    return finding(RULE, context, span, "\n".join(lines), evidence=Evidence.SILENT, fixes=tuple(fixes))


def _written(context: Context, model: Model, metric: str) -> tuple[SourceText, ast.expr] | None:
    found = written.compile_call(context, model)
    value = edits.argument(found[1], "metrics", 3) if found is not None else None
    if found is None or not isinstance(value, (ast.List, ast.Tuple)):
        return None
    source = found[0]
    for item in value.elts:
        text = source.segment(item)
        name = text.strip("'\"") if isinstance(item, ast.Constant) else text.split("(")[0].rpartition(".")[2]
        if name == metric:
            return source, item
    return None
