"""The batch axis is missing, or there twice, and Keras takes another axis for it.

## What it says
One sample is given where a batch is wanted, a dataset is not batched, or batched twice; the model happens to accept the
shape, and takes the first axis for the samples.

## Why it matters
Nothing is raised: a picture of 28 rows becomes 28 samples, and the predictions are of rows.

## Example
```python
import numpy as np, keras, tensorflow as tf
model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
model.compile("adam", "mse")
ds = tf.data.Dataset.from_tensor_slices((np.zeros((64, 5)), np.zeros((64, 5))))
model.fit(ds)
```

## Repair
`x[0:1]` or `x[None]` for one sample; one `.batch(…)` for a dataset.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from kls import edits
from kls.facts import Evidence, Finding, Fix, Severity, Span
from kls.rules import operators, ranks, written
from kls.rules.context import Context, Rule, argument_of, finding, fix, show
from kls.worker.protocol import Argument, Call, Model

RULE = Rule("batch-axis", Severity.WARNING, "The batch axis is missing, or there twice.")

Parts = tuple[str, Span, list[Fix]]


def survey(context: Context) -> Iterator[Finding]:
    """One finding for each traced call whose data have no batch axis, or two, and for attention over the batch."""
    yield from _attended(context)
    for call in context.report.calls:
        model, x = context.model_of(call), argument_of(call, "x")
        if model is None or x is None or call.status != "traced" or not x.tensors or not x.tensors[0].shape:
            continue
        parts = _missing(context, call, model, x) or _twice(context, call, model, x)
        if parts is not None:
            first, span, fixes = parts
            lines = f"{first}\nKeras raises nothing: it takes the first axis for the samples."
            yield finding(RULE, context, span, lines, evidence=Evidence.SILENT, fixes=tuple(fixes))


def _attended(context: Context) -> Iterator[Finding]:
    """Attention that is given a vector for each sample, where it takes steps: it looks from sample to sample."""
    told: set[Span] = set()
    for layer in context.report.layers:
        low = [item.shape for item in layer.inputs if item.shape is not None and len(item.shape) == 2]
        if layer.cls not in ("Attention", "AdditiveAttention") or not low or layer.called in told or not layer.outputs:
            continue
        if layer.called is None or not all(shape[0] is None for shape in low) or len(layer.inputs) == len(low):
            continue
        told.add(layer.called)
        fixes: list[Fix] = []
        for made in context.report.layers:
            gives = made.outputs[0].shape if made.outputs else None
            if made.cls in ranks.RECURRENT and gives in low and made.config.get("return_sequences") is False:
                fixes += ranks.return_sequences(context, made, True)
        span = fixes[0].cause if fixes and fixes[0].cause is not None else layer.called
        lines = (
            f"`{layer.cls}` is given {show(low[0])}, which has no steps: it attends to the other samples of the batch\n"
            "Keras raises nothing: it takes the first axis for the steps."
        )
        yield finding(RULE, context, span, lines, evidence=Evidence.SILENT, fixes=tuple(fixes))


def _missing(context: Context, call: Call, model: Model, x: Argument) -> Parts | None:
    shape = x.tensors[0].shape
    wanted = model.inputs[0].shape if len(model.inputs) == 1 and model.input_layers else None
    if shape is None or not wanted or len(wanted) < 2:
        return None
    if x.kind == "dataset":
        if len(shape) != len(wanted) - 1 or None in shape:
            return None
        fixes = operators.transform_data(context, x, "{}.batch(32)", "Batch the dataset")
        span = fixes[0].cause if fixes and fixes[0].cause is not None else call.span
        return f"`{x.name or 'the dataset'}` is not batched: its elements are {show(shape)}", span, fixes
    if len(wanted) < 3 or shape != wanted[1:] or None in shape or x.kind != "array" or len(x.tensors) != 1:
        return None
    fixes = operators.add_batch_axis(context, x)
    first = f"one sample {show(shape)} is given where the model takes a batch {show(wanted)}"
    return first, x.span or call.span, fixes


def _twice(context: Context, call: Call, model: Model, x: Argument) -> Parts | None:
    shape = x.tensors[0].shape
    if x.kind != "dataset" or x.name is None or shape is None or len(shape) < 3 or shape[:2] != (None, None):
        return None
    if operators.input_place(context, model) is not None:  # an axis of steps, which the author's own input shape has
        return None
    source = context.source(call.span.path)
    if source is None:
        return None
    batches: list[tuple[ast.Assign, ast.Call]] = []
    for statement, value in written.assignments(source, x.name, call.span.line):
        chained = value is not None and x.name in source.segment(value)
        if not chained:
            batches = []
        batches += [(statement, node) for node in _batched(statement.value)]
    if len(batches) != 2:
        return None
    statement, node = batches[-1]
    assert isinstance(node.func, ast.Attribute)
    inner = source.segment(node.func.value)
    whole = node is statement.value and inner == x.name
    changed = edits.remove_statement(source, statement) if whole else edits.replace(source, node, inner)
    fixes = fix("Batch once only", changed, cause=source.span(statement))
    return f"`{x.name}` is batched twice: its elements are {show(shape)}", source.span(statement), fixes


def _batched(value: ast.expr) -> Iterator[ast.Call]:
    """The calls of `batch` in a chain of calls; one in a function, as in `flat_map(lambda window: window.batch(5))`, is
    of other data."""
    while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        if value.func.attr == "batch":
            yield value
        value = value.func.value
