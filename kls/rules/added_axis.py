"""Keras 3 adds a missing last axis of 1.

## What it says
The data lack the channel (or feature) axis that the model's input has. Keras 3 adds it silently for models that are
built, Functional or Sequential with an input shape, and the result is the same.

## Why it matters
Keras 2 raised `expected min_ndim=4, found ndim=3`. So does an unbuilt Sequential, and a model for three channels.

## Example
```python
import numpy as np, keras
x_train = np.zeros((64, 28, 28)); y_train = np.zeros(64)
model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(x_train, y_train)
```

## Repair
Write the axis: `x[..., None]` or `reshape`.
"""

from __future__ import annotations

from collections.abc import Iterator

from kls.facts import Evidence, Finding, Severity
from kls.rules import operators
from kls.rules.context import Context, Rule, argument_of, finding, show, single

RULE = Rule("added-axis", Severity.INFORMATION, "Keras 3 adds a missing last axis of 1.")


def survey(context: Context) -> Iterator[Finding]:
    """Information where data without a last axis of 1 meet a model that has one."""
    seen: set[object] = set()
    for call in context.report.calls:
        model = context.model_of(call)
        argument = argument_of(call, "x")
        data = single(argument.tensors) if argument is not None else None
        wanted = single(model.inputs) if model is not None and model.kind != "subclass" else None
        if argument is None or data is None or wanted is None or not data.shape or not wanted.shape:
            continue
        if argument.kind != "array" or call.status != "traced":
            continue
        if wanted.shape[-1] != 1 or len(wanted.shape) != len(data.shape) + 1:
            continue
        place = operators.place_of_data(context, argument)
        if place is None or place in seen:
            continue
        seen.add(place)
        name = argument.name or "the data"
        message = (
            f"`{name}` is {show(data.shape)}; Keras 3 adds the last axis for {show(wanted.shape)}\n"
            "It would raise in Keras 2, in a Sequential without an input shape, and for three channels: "
            "expected min_ndim=4, found ndim=3."
        )
        tail = tuple(size for size in (*data.shape[1:], 1) if size is not None)
        fixes = operators.reshape_data(context, argument, data.shape[0], tail)
        fixes += operators.transform_data(context, argument, "{}[..., None]", f"Add the axis: `{name}[..., None]`")
        yield finding(
            RULE,
            context,
            place,
            message,
            call=call,
            evidence=Evidence.ADVICE,
            severity=Severity.INFORMATION,
            fixes=tuple(fixes),
        )
