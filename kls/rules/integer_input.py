"""Integers are cast to floats at the model's input.

## What it says
The data are integers and the model computes in floats: Keras casts them. Nothing is wrong; the loss is the same as with
`astype("float32")`.

## Why it matters
Who expects an error finds none, and who wants the type to be explicit can have it.

## Example
```python
import numpy as np, keras
x = np.random.randint(0, 10, (100, 10))
y = np.random.randint(0, 2, (100, 1))
model = keras.Sequential([keras.Input((10,)), keras.layers.Dense(1, activation="sigmoid")])
model.compile("adam", "binary_crossentropy")
model.fit(x, y)
```

## When to ignore
Always, unless you want the dtype written down.
"""

from __future__ import annotations

from collections.abc import Iterator

from kls import edits
from kls.facts import Evidence, Finding, Severity
from kls.rules import operators
from kls.rules.context import Context, Rule, argument_of, finding, fix, single
from kls.worker.protocol import Argument, Call, Model

RULE = Rule("integer-input", Severity.HINT, "Integers are cast to floats at the model's input.")


LARGEST = 2**24
"""Up to here float32 holds every whole number."""
LOOKING_UP = ("Embedding", "IntegerLookup", "Hashing", "CategoryEncoding", "Lambda")


def survey(context: Context) -> Iterator[Finding]:
    """A hint where an array of wide integers meets a model with a float input."""
    seen: set[object] = set()
    for call in context.report.calls:
        model = context.model_of(call)
        argument = argument_of(call, "x")
        data = single(argument.tensors) if argument is not None else None
        wanted = single(model.inputs) if model is not None else None
        if argument is None or data is None or wanted is None or argument.kind != "array" or call.status != "traced":
            continue
        if data.dtype not in ("int32", "int64") or not (wanted.dtype or "").startswith(("float", "bfloat")):
            continue
        origin = context.origin(argument)
        place = operators.place_of_data(context, argument)
        if place is None or place in seen or (origin is not None and origin.span.path != context.main):
            continue
        seen.add(place)
        name = argument.name or "the data"
        broken = _broken(context, call, model, argument)
        if broken is not None:
            yield broken
            continue
        if model is not None and any(layer.cls in LOOKING_UP for layer in context.first_layers(model)):
            continue  # ids are integers by nature, and float32 holds these
        message = (
            f"`{name}` is {data.dtype}: integers are cast to {wanted.dtype} at the model's input; the loss is the same"
        )
        fixes = operators.transform_data(
            context, argument, '{}.astype("' + str(wanted.dtype) + '")', f'Write `.astype("{wanted.dtype}")`'
        )
        yield finding(
            RULE,
            context,
            place,
            message,
            call=call,
            evidence=Evidence.ADVICE,
            severity=Severity.HINT,
            fixes=tuple(fixes),
        )


def _broken(context: Context, call: Call, model: Model | None, argument: Argument) -> Finding | None:
    """Ids that float32 cannot hold, on their way to a layer that looks them up."""
    high = (argument.values or {}).get("max")
    layers = context.first_layers(model) if model is not None else []
    if model is None or not isinstance(high, (int, float)) or high <= LARGEST or model.inputs[0].dtype != "float32":
        return None
    if not any(
        layer.cls in LOOKING_UP and layer.inputs[:1] and layer.inputs[0].shape == model.inputs[0].shape
        for layer in layers
    ):
        return None
    place = operators.input_place(context, model)
    fixes = []
    if place is not None:
        source, _, node = place
        changed = edits.set_argument(source, node, "dtype", None, '"int64"')
        fixes = fix('Give the input dtype="int64"', changed, cause=source.span(node))
    span = fixes[0].cause if fixes and fixes[0].cause is not None else call.span
    lines = f"ids up to {int(high)} go through a float32 input, which holds whole numbers up to {LARGEST} exactly"
    return finding(
        RULE,
        context,
        span,
        f"{lines}\nKeras raises nothing: larger ids become their neighbours.",
        evidence=Evidence.SILENT,
        severity=Severity.WARNING,
        fixes=tuple(fixes),
    )
