"""A convolution or pooling window is larger than what it slides over.

## What it says
After the layers before it, the image (or sequence) is smaller than this layer's kernel or pool: nothing would be left.

## Why it matters
Keras raises `ValueError: Computed output size would be zero or negative` (TensorFlow: `Negative dimension size caused
by subtracting 3 from 1`) where the layer is applied.

## Example
```python
import keras
from keras import layers
model = keras.Sequential([
    keras.Input((8, 8, 1)),
    layers.MaxPooling2D(4),
    layers.Conv2D(4, 3),
])
```

## Repair
`padding="same"`, a smaller window, fewer poolings, or a larger input.
"""

from __future__ import annotations

import ast
import re
from typing import Any

from kls import edits
from kls.facts import Edit, Finding, Fix, Related, Severity, Span
from kls.rules import operators, search
from kls.rules.context import Context, Rule, failed_layer, finding, fix, show, single
from kls.worker.protocol import Failure

RULE = Rule("output-size", Severity.ERROR, "A convolution or pooling window is larger than what it slides over.")


def diagnose(context: Context, failure: Failure) -> Finding | None:
    """The finding for a window that does not fit, known from the layer's own configuration and input."""
    config: dict[str, Any] = failure.facts.get("config") or {}
    given = single(failure.inputs)
    window = config.get("kernel_size") or config.get("pool_size")
    if given is None or given.shape is None or not window or config.get("padding") != "valid":
        return None
    sizes = _spatial(given.shape, config)
    dilation = config.get("dilation_rate") or (1,) * len(sizes)
    if len(sizes) != len(window) or not any(
        size is not None and size < (width - 1) * step + 1
        for size, width, step in zip(sizes, window, dilation, strict=False)
    ):
        return None
    span = failure.layer_created or failure.layer_called
    if span is None:
        return None
    kind = "kernel" if "kernel_size" in config else "pool"
    lines = [
        f"`{failure.layer_cls}` slides a {show(tuple(window))} {kind} over {show(sizes)}: nothing is left",
        f"its input is {show(given.shape)}",
        f"Keras raises: {failure.exception}: {failure.message}",
    ]
    fixes = _fixes(context, failure, given.shape, window, kind, sizes)
    related = tuple(Related(frame, "it raises here") for frame in failure.frames[:1])
    cause = fixes[0].cause if fixes and fixes[0].cause is not None else span
    return finding(
        RULE, context, cause, "\n".join(lines), call=context.sink(failure), related=related, fixes=tuple(fixes)
    )


def _spatial(shape: tuple[int | None, ...], config: dict[str, Any]) -> tuple[int | None, ...]:
    return shape[2:] if config.get("data_format") == "channels_first" else shape[1:-1]


def _fixes(
    context: Context,
    failure: Failure,
    shape: tuple[int | None, ...],
    window: tuple[int, ...],
    kind: str,
    sizes: tuple[int | None, ...],
) -> list[Fix]:
    layer = failed_layer(failure)
    fixes = [*_turned(context), *_columns_as_steps(context, shape)]
    if len(set(window)) > 1 and all(
        size is None or size >= part for size, part in zip(sizes, window[::-1], strict=False)
    ):
        name, place = ("kernel_size", 1) if kind == "kernel" else ("pool_size", 0)
        text = show(tuple(window[::-1]))
        fixes += operators.set_layer_argument(context, layer, name, place, text, f"Turn the {kind}: {text}")
    for other in context.report.layers:
        if other.cls == "InputLayer" and other.outputs and other.outputs[0].shape:
            size = other.outputs[0].shape[1:]
            if len(size) == 3 and size[0] in (1, 3) and size[2] is not None and size[2] > 4 and size[2] == shape[-1]:
                text = show((*size[1:], size[0]))
                fixes += operators.set_layer_argument(
                    context, other, "shape", 0, text, f"Put the channels last: {text}"
                )
    fixes += operators.set_layer_argument(
        context, layer, "padding", None, '"same"', f'Set `padding="same"` in {failure.layer_cls}'
    )
    fit = min([size for size in sizes if size is not None] or [1])
    if kind == "kernel" and fit >= 1:
        fixes += operators.set_layer_argument(context, layer, "kernel_size", 1, str(fit), f"Use a kernel of {fit}")
    if kind == "pool":
        fixes += _padded_before(context)
        fixes += operators.remove_layer(context, layer)
    return fixes


def _padded_before(context: Context) -> list[Fix]:
    """Convolutions that a loop makes, each of which cuts its borders off: the size kept, and the pooling with it."""
    made = [layer for layer in context.report.layers if re.match(r"Conv\dD$", layer.cls) and layer.created is not None]
    again = [layer for layer in made if sum(other.created == layer.created for other in made) > 1]
    if not again or again[-1].config.get("padding") != "valid":
        return []
    title = f'Set `padding="same"` in {again[-1].cls}'
    return operators.set_layer_argument(context, again[-1], "padding", None, '"same"', title)


def _turned(context: Context) -> list[Fix]:
    """Images and their input shape with the channels first, in a model that takes them last: both turned."""
    fixes: list[Fix] = []
    for source, value, _, shape in search.declared_inputs(context):
        channels_first = (
            len(shape) == 3 and shape[0] in (1, 3) and None not in shape and min(size or 0 for size in shape[1:]) > 4
        )
        if not channels_first:
            continue
        text = show((*shape[1:], shape[0]))
        edit = edits.replace(source, value, text)
        for name, place, made in operators.arrays_of(context, shape):
            turned = edits.wrap(place, made.value, "{}.transpose(0, 2, 3, 1)")
            title = f"Turn `{name}` and the input shape: channels last, {text}"
            fixes += fix(title, edit, turned, cause=source.span(value))
            break
    return fixes


def _columns_as_steps(context: Context, shape: tuple[int | None, ...]) -> list[Fix]:
    """Rows that are reshaped to one step of all columns, `(rows, 1, columns)`: as many steps of one number instead."""
    if len(shape) != 3 or shape[1] != 1:
        return []
    changes: list[Edit | None] = []
    place: Span | None = None
    for source in context.sources.values():
        for call in source.calls():
            last = call.args[-1] if call.args else None
            sizes = last.elts if isinstance(last, (ast.Tuple, ast.List)) else call.args
            if search.last_part(call.func) == "reshape" and len(sizes) == 3 and source.segment(sizes[1]) == "1":
                words = source.segment(sizes[2])
                changes += [edits.replace(source, sizes[1], words), edits.replace(source, sizes[2], "1")]
                place = place or source.span(call)
        for call in source.calls():
            value = edits.keyword(call, "input_shape") or edits.keyword(call, "shape")
            if value is None and search.last_part(call.func) == "Input" and call.args:
                value = call.args[0]
            sizes = value.elts if isinstance(value, (ast.Tuple, ast.List)) else []
            if value is not None and len(sizes) == 2 and source.segment(sizes[0]) == "1":
                # The columns are then where the one step was.
                words = re.sub(r"\.shape\[(2|-1)\]", ".shape[1]", source.segment(sizes[1]))
                changes.append(edits.replace(source, value, f"({words}, 1)"))
    title = "Make steps of the columns: `(rows, columns, 1)`"
    return fix(title, *changes, cause=place) if place is not None else []
