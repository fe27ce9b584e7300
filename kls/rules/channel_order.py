"""The channels of the images stand first, and the model takes them last.

## What it says
Images of shape (3, 32, 32) go into a convolution with `data_format="channels_last"`: it takes the 3 channels for rows
and the 32 columns for channels.

## Why it matters
Nothing is raised while the maps stay large enough. The kernel slides over the wrong axes, and the network learns badly.

## Example
```python
import numpy as np, keras
from keras import layers
model = keras.Sequential([
    keras.Input((3, 32, 32)), layers.Conv2D(4, 3, padding="same"), layers.GlobalAveragePooling2D(), layers.Dense(1)
])
model.compile("adam", "mse")
model.fit(np.zeros((8, 3, 32, 32)), np.zeros((8, 1)))
```

## Repair
`x.transpose(0, 2, 3, 1)` and `Input((32, 32, 3))`; on GPUs also `data_format="channels_first"` in each layer.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from kls.facts import Evidence, Finding, Fix, Severity
from kls.rules import operators
from kls.rules.context import Context, Rule, argument_of, finding, show, single
from kls.worker.protocol import Call, Model

RULE = Rule("channel-order", Severity.WARNING, "The channels of the images stand first, and the model takes them last.")

CONVOLUTIONS = ("Conv2D", "SeparableConv2D", "DepthwiseConv2D", "Conv2DTranspose")


def survey(context: Context) -> Iterator[Finding]:
    """One finding for each model in use whose first convolution takes the columns of its images for channels."""
    told: set[int] = set()
    for call in context.report.calls:
        model = context.model_of(call)
        inputs = single(model.inputs) if model is not None else None
        if model is None or inputs is None or model.key in told or call.status != "traced":
            continue
        if not _channels_first(inputs.shape) or not _is_convolved(context, model):
            continue
        told.add(model.key)
        assert inputs.shape is not None
        _, channels, rows, columns = inputs.shape
        first = f"images {show(inputs.shape)} have their channels first; the convolution takes {columns} channels"
        fixes = _fixes(context, call, model, (rows, columns, channels))
        span = fixes[0].cause if fixes and fixes[0].cause is not None else call.span
        lines = f"{first}\nKeras raises nothing: it takes the first axis for rows."
        yield finding(RULE, context, span, lines, evidence=Evidence.SILENT, fixes=tuple(fixes))


def _channels_first(shape: tuple[int | None, ...] | None) -> bool:
    """Whether `shape` is that of images with 1 or 3 channels in front of square, or of larger, sides."""
    if shape is None or len(shape) != 4 or None in shape[1:]:
        return False
    channels, rows, columns = shape[1] or 0, shape[2] or 0, shape[3] or 0
    square = rows == columns > 4
    return square if channels == 1 else channels == 3 and (square or min(rows, columns) >= 16)


def _is_convolved(context: Context, model: Model) -> bool:
    return any(
        layer.cls in CONVOLUTIONS
        and layer.config.get("data_format") == "channels_last"
        and single(layer.inputs) is not None
        and layer.inputs[0].shape == model.inputs[0].shape
        for layer in context.first_layers(model)
    )


def _fixes(context: Context, call: Call, model: Model, shape: tuple[int | None, ...]) -> list[Fix]:
    """The model's shape alone (the data may follow it), and model and data together."""
    fixes = operators.set_input_shape(context, model, shape)
    turned = operators.transform_data(context, argument_of(call, "x"), "{}.transpose(0, 2, 3, 1)", "")
    if fixes and turned:
        both = dataclasses.replace(
            fixes[0], title="Turn the images, and the input shape with them", edits=fixes[0].edits + turned[0].edits
        )
        fixes.append(both)
    return fixes
