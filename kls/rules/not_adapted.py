"""A Normalization layer that has seen no data.

## What it says
A model is trained with a `Normalization` layer, and nothing calls `adapt` or gives it a mean and a variance.

## Why it matters
Nothing is raised. The layer has mean 0 and variance 1: it gives back what it is given.

## Example
```python
import numpy as np, keras
from keras import layers
model = keras.Sequential([keras.Input((4,)), layers.Normalization(), layers.Dense(1)])
model.compile("adam", "mse")
model.fit(np.zeros((64, 4)), np.zeros(64))
```

## Repair
`norm.adapt(x_train)` before the model is used.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from kls import edits
from kls.facts import Evidence, Finding, Fix, Severity
from kls.rules.context import Context, Rule, argument_of, finding, fix
from kls.worker.protocol import Call, Layer

RULE = Rule("not-adapted", Severity.WARNING, "A Normalization layer that has seen no data.")

LEARNING = ("adapt", "load_weights", "set_weights", "load_model", "load_own_variables", "assign")
"""Methods and functions after which a layer may know its mean."""


def survey(context: Context) -> Iterator[Finding]:
    """One finding for each Normalization of a trained model in a program that adapts nothing."""
    if any(_name(node.func) in LEARNING for source in context.sources.values() for node in source.calls()):
        return
    told: set[int] = set()
    for call in context.report.calls:
        model = context.model_of(call)
        if model is None or call.status != "traced" or not call.method.startswith(("fit", "train")):
            continue
        for layer in context.first_layers(model):
            given = layer.config.get("mean"), layer.config.get("variance")
            if layer.cls != "Normalization" or layer.key in told or layer.created is None or given != (None, None):
                continue
            told.add(layer.key)
            lines = "Normalization was not adapted: it changes nothing\nKeras raises nothing."
            fixes = _fixes(context, call, layer)
            yield finding(RULE, context, layer.created, lines, evidence=Evidence.SILENT, fixes=tuple(fixes))


def _name(function: ast.expr) -> str:
    return (
        function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
    )


def _fixes(context: Context, call: Call, layer: Layer) -> list[Fix]:
    """Adapt the layer to the training data, where both have names."""
    data, found = argument_of(call, "x"), context.call_node(layer.created)
    fitted = context.source(call.span.path)
    if data is None or data.name is None or data.kind != "array" or found is None or fitted is None:
        return []
    source, node = found
    name = next((source.segment(target) for _, target, value in source.assignments() if value is node), None)
    statement = fitted.statement_at(call.span.line)
    if name is None or statement is None or fitted is not source:
        return []
    adapted = edits.insert_before(source, statement, f"{name}.adapt({data.name})")
    return fix(f"Adapt it to `{data.name}`", adapted, cause=layer.created)
