"""The loss stretches labels and output over each other.

## What it says
`mse` and its kin compute with labels of another shape than the output: two columns against one unit, one value against
each time step. The smaller side is repeated.

## Why it matters
Nothing is raised. Every unit, or every time step, is trained on the same target, and the loss looks plausible.

## Example
```python
import numpy as np, keras
x = np.zeros((64, 4)); y = np.zeros((64, 1))
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
model.compile("adam", "mse")
model.fit(x, y)
```

## Repair
As many units as the labels have columns; a last recurrent layer without `return_sequences`.
"""

from __future__ import annotations

from collections.abc import Iterator

from kls import edits
from kls.facts import Evidence, Finding, Fix, Severity
from kls.rules import operators
from kls.rules.context import Context, Rule, argument_of, finding, fix, show, single
from kls.rules.loss_target import SEQUENCE
from kls.worker.protocol import Layer, Model

RULE = Rule("target-broadcast", Severity.WARNING, "The loss stretches labels and output over each other.")

ELEMENTWISE = (
    "mse", "mae", "mean_squared_error", "mean_absolute_error", "MeanSquaredError", "MeanAbsoluteError", "huber",
    "Huber", "log_cosh", "LogCosh", "mape", "msle", "mean_absolute_percentage_error",
    "mean_squared_logarithmic_error",
    "poisson", "Poisson", "MeanAbsolutePercentageError", "MeanSquaredLogarithmicError",
)  # fmt: skip


def survey(context: Context) -> Iterator[Finding]:
    """One finding for each trained model of one output whose loss broadcasts."""
    told: set[int] = set()
    for call in context.report.calls:
        model, labels, output = context.model_of(call), argument_of(call, "y"), single(call.outputs)
        if model is None or model.key in told or call.status != "traced" or call.loss not in ELEMENTWISE:
            continue
        data = argument_of(call, "x")
        target = single(labels.tensors) if labels is not None else None
        if labels is None and data is not None and data.kind == "dataset":
            target = next((item for item in data.tensors if item.path == "1"), None)
        if (
            target is None
            or not target.shape
            or output is None
            or not output.shape
            or argument_of(call, "sample_weight")
        ):
            continue
        given, made = target.shape[1:], output.shape[1:]
        if _same(given, made) or None in given or None in made:
            continue
        told.add(model.key)
        name = f"`{labels.name}`" if labels is not None and labels.name else "the labels"
        first = f"{name} {show((None, *given))} against the output {show((None, *made))}: `{call.loss}` repeats one"
        fixes = _fixes(context, model, given, made)
        last = operators.output_layer(context, model)
        span = call.span if last is None or last.created is None else last.created
        if fixes and fixes[0].cause is not None:
            span = fixes[0].cause
        lines = [f"{first} of them", "Keras raises nothing: it trains on a difference of all pairs."]
        yield finding(RULE, context, span, "\n".join(lines), evidence=Evidence.SILENT, fixes=tuple(fixes))


def _same(given: tuple[int | None, ...], made: tuple[int | None, ...]) -> bool:
    """Whether Keras brings both to one shape: an axis of 1 at the end may be missing on either side."""
    return given == made or given == (*made, 1) or (*given, 1) == made


def _fixes(context: Context, model: Model, given: tuple[int | None, ...], made: tuple[int | None, ...]) -> list[Fix]:
    fixes: list[Fix] = []
    layers = [layer for layer in context.first_layers(model) if layer.outputs]
    recurrent: list[Layer] = [
        layer for layer in layers if layer.cls in SEQUENCE and layer.config.get("return_sequences")
    ]
    if len(made) > max(len(given), 1) and recurrent:
        found = context.call_node(recurrent[-1].created)
        if found is not None:
            removed = edits.remove_argument(*found, "return_sequences")
            title = f"Remove `return_sequences=True` from {recurrent[-1].cls}"
            fixes += fix(title, removed, cause=recurrent[-1].created)
    last = operators.output_layer(context, model)
    if last is not None and (len(given) == len(made) or not given):
        fixes += operators.set_units(context, last, int((given or (1,))[-1] or 1))
    return fixes
