"""A layer is given a tensor of a rank or size that it does not take.

## What it says
Inside the model, one layer's output does not fit the next layer: an LSTM without `return_sequences=True` before
another LSTM, a `Conv2D` on vectors, a `Dense` whose last axis changed.

## Why it matters
Keras raises `ValueError: Input 0 of layer "…" is incompatible with the layer: expected ndim=3, found ndim=2`, at the
line that builds the model or, for a model built by its data, only at `fit`.

## Example
```python
import keras
from keras import layers
model = keras.Sequential([
    keras.Input((10, 3)),
    layers.LSTM(8),
    layers.LSTM(8),
])
```

## Repair
Make the layer before give what this one takes (`return_sequences=True`), put a reshaping layer between, or mend the
input shape.
"""

from __future__ import annotations

import ast
import re
from typing import Any

from kls import edits
from kls.facts import Finding, Fix, Related, Severity
from kls.rules import operators, ranks, search, written
from kls.rules.context import (
    Context,
    Rule,
    argument_of,
    compatible,
    failed_layer,
    finding,
    fix,
    show,
    single,
    size_of,
)
from kls.source import SourceText
from kls.worker.protocol import Failure, Layer, Model, Shape, Tensor

RULE = Rule("layer-input", Severity.ERROR, "A layer is given a tensor of a rank or size that it does not take.")

RECURRENT = ("LSTM", "GRU", "SimpleRNN", "Bidirectional", "RNN", "ConvLSTM1D", "ConvLSTM2D")
IMAGE_LAYERS = ("Conv2D", "MaxPooling2D", "AveragePooling2D", "DepthwiseConv2D", "SeparableConv2D", "Conv2DTranspose")


def diagnose(context: Context, failure: Failure) -> Finding | None:
    """The finding for a layer whose `input_spec` the given tensor breaks."""
    state = _state(context, failure)
    if state is not None:
        return state
    spec = next(iter(failure.facts.get("input_spec") or ()), None)
    given = single(failure.inputs)
    model = context.models.get(failure.layer or 0)
    if model is not None and failure.call is None and given is not None:
        return _whole_model(context, failure, model, given)
    if spec is None or given is None or given.shape is None or failure.layer_cls is None:
        return None
    expected = _expected(spec, given.shape)
    if expected is None:
        return None
    call = context.sink(failure)
    first = f"`{failure.layer_cls}` takes {expected}, found {show(given.shape)}"
    lines = [first, f"Keras raises: {failure.exception}: {failure.message}"]
    span = failure.layer_created or failure.layer_called or (failure.frames[-1] if failure.frames else None)
    if span is None:
        return None
    fixes = [*ranks.rank_fixes(context, failure), *_fixes(context, failure, spec, given.shape)]
    related: list[Related] = []
    crash = failure.frames[0] if failure.frames else None
    if crash is not None:
        related.append(Related(crash, "it raises here"))
    cause = fixes[0].cause if fixes and fixes[0].cause is not None else span
    if cause != span:
        related.append(Related(span, f"this {failure.layer_cls} is given {show(given.shape)}"))
    return finding(RULE, context, cause, "\n".join(lines), call=call, related=tuple(related), fixes=tuple(fixes))


def _state(context: Context, failure: Failure) -> Finding | None:
    """The finding for a recurrent layer that is given a state of another size than it has units."""
    sizes = re.search(
        r"are (\d+) and (\d+) for .*lstm_cell|are (\d+) and (\d+) for .*(?:gru|rnn)_cell", failure.message
    )
    span = failure.layer_created
    found = context.call_node(span)
    if sizes is None or span is None or found is None:
        return None
    given, units = (int(size) for size in sizes.groups() if size is not None)
    layers = [layer for layer in context.report.layers if layer.created == span]
    layer = layers[0] if layers else failed_layer(failure)
    called = context.call_node(layer.called or failure.layer_called)
    if called is None or edits.keyword(called[1], "initial_state") is None:
        return None
    value = edits.argument(found[1], "units", 0)
    name = found[0].segment(called[1].func) if isinstance(called[1].func, ast.Name) else search.last_part(found[1].func)
    lines = [
        f"the state that `{name}` begins with has {given} numbers; it has {units} units",
        f"Keras raises: {failure.exception}: {failure.message}",
    ]
    fixes: list[Fix] = []
    if isinstance(value, ast.Name) and units and given % units == 0:
        text = f"{value.id} * {given // units}"
        fixes += fix(f"Give it {given} units: `{text}`", edits.replace(found[0], value, text), cause=span)
    elif value is not None:
        fixes += fix(f"Give it {given} units", edits.replace(found[0], value, str(given)), cause=span)
    call = context.sink(failure)
    related = (Related(failure.frames[0], "it raises here"),) if failure.frames else ()
    return finding(RULE, context, span, "\n".join(lines), call=call, related=related, fixes=tuple(fixes))


def _whole_model(context: Context, failure: Failure, model: Model, given: Tensor) -> Finding | None:
    """The finding for a model that the author calls on a tensor of another shape than its input's."""
    wanted = single(model.inputs)
    if wanted is None or not wanted.shape or given.shape is None or compatible(given.shape, wanted.shape):
        return None
    called = context.call_node(failure.frames[-1]) if failure.frames else None
    named = called is not None and isinstance(called[1].func, ast.Name) and failure.layer_called == failure.frames[-1]
    name = called[0].segment(called[1].func) if called is not None and named else model.variable or model.name
    lines = [
        f"`{name}` takes {show(wanted.shape)}, found {show(given.shape)}",
        f"Keras raises: {failure.exception}: {failure.message}",
    ]
    fixes: list[Fix] = []
    if called is not None and compatible(given.shape, wanted.shape[1:]):
        fixes += _batch_of_one(*called)
    if len(given.shape) == len(wanted.shape) - 1 and given.shape[1:] == wanted.shape[1:-1]:
        fixes += operators.set_input_shape(context, model, (*given.shape[1:], 1))
    fixes += _one_of_two_inputs(context, failure, model, given.shape, wanted.shape)
    span = failure.layer_called or (failure.frames[-1] if failure.frames else None)
    if span is None:
        return None
    span = fixes[0].cause if fixes and fixes[0].cause is not None else span
    related = [Related(frame, "it raises here") for frame in failure.frames[:1] if frame.line != span.line]
    place = operators.input_place(context, model)
    if place is not None and place[0].span(place[2]) != span:
        related.append(Related(place[0].span(place[2]), f"the model's input is {show(wanted.shape)}"))
    return finding(RULE, context, span, "\n".join(lines), related=tuple(related), fixes=tuple(fixes))


def _one_of_two_inputs(context: Context, failure: Failure, model: Model, given: Shape, wanted: Shape) -> list[Fix]:
    """The model's input declared as what it is given, or the input that it is given as the model's: that one first
    where the model was given another input that fits it."""
    if given is None or wanted is None:
        return []
    producer = _producer(context, failure)
    own = operators.set_input_shape(context, model, given[1:])
    if producer is None or producer.cls != "InputLayer":
        return own
    declared = _input(context, producer, wanted[1:])
    others = [item for item in context.report.layers if item.cls == "InputLayer" and item.key not in model.input_layers]
    proved = any(tensor.shape == wanted for item in others for tensor in item.outputs)
    return [*declared, *own] if proved else [*own, *declared]


def _batch_of_one(source: SourceText, call: ast.Call) -> list[Fix]:
    """One sample that a model is called on: a batch of one, where its name is bound or what it is a variable of."""
    given = call.args[0] if call.args else None
    fixes: list[Fix] = []
    name = given.id if isinstance(given, ast.Name) else None
    for _ in range(3):
        known = written.assignments(source, name, call.lineno) if name is not None else []
        if not known or name is None:
            break
        made, value = known[-1]
        inner = value.args[0] if isinstance(value, ast.Call) and len(value.args) == 1 else None
        if isinstance(inner, ast.Name) and isinstance(value, ast.Call) and search.last_part(value.func) in _KEEPING:
            name = inner.id
            continue
        fixes += operators.transform_where_bound(source, made, name, "{}[None]", f"Make `{name}` a batch of one")
        break
    if given is not None and not isinstance(given, ast.Starred):
        title = "Give a batch of one sample"
        fixes += fix(title, edits.wrap(source, given, "{}[None]"), cause=source.span(given))
    return fixes


_KEEPING = ("Variable", "constant", "convert_to_tensor", "identity")
"""Functions that give a tensor of the shape they are given."""


def _expected(spec: dict[str, Any], shape: tuple[int | None, ...]) -> str | None:
    """In words, what part of `spec` the shape breaks; None when it breaks none."""
    rank = len(shape)
    ndim, low, high = spec.get("ndim"), spec.get("min_ndim"), spec.get("max_ndim")
    if isinstance(ndim, int) and rank != ndim:
        return f"{ndim} axes (batch included)"
    if isinstance(low, int) and rank < low:
        return f"at least {low} axes (batch included)"
    if isinstance(high, int) and rank > high:
        return f"at most {high} axes (batch included)"
    axes: dict[str, Any] = spec.get("axes") or {}
    for axis, size in axes.items():
        index = int(axis)
        if isinstance(size, int) and -rank <= index < rank and shape[index] not in (None, size):
            return f"{size} on axis {index}"
    wanted: tuple[int | None, ...] | None = spec.get("shape")
    if wanted is not None and (
        len(wanted) != rank
        or any(a is not None and b is not None and a != b for a, b in zip(wanted, shape, strict=False))
    ):
        return show(tuple(wanted))
    return None


def _producer(context: Context, failure: Failure) -> Layer | None:
    """The last layer that gave what the failing layer was given its shape."""
    given = failure.inputs
    made: Layer | None = None
    for layer in context.report.layers:
        if layer.outputs == given and layer.key != failure.layer and not ranks.keeps_shape(layer):
            made = layer
    return made


def _fixes(context: Context, failure: Failure, spec: dict[str, Any], shape: tuple[int | None, ...]) -> list[Fix]:
    producer = _producer(context, failure)
    fixes: list[Fix] = _pooled(context, failure, shape)
    wanted = spec.get("ndim") or spec.get("min_ndim")
    rank = len(shape)
    failing = context.layers.get(failure.layer or 0, [])
    here = failing[0] if failing else failed_layer(failure) if failure.layer_created is not None else None
    short = isinstance(wanted, int) and rank == wanted - 1
    long = isinstance(wanted, int) and rank > wanted
    call = context.sink(failure)
    if short and producer is not None and producer.cls in RECURRENT:
        fixes += _return_sequences(context, producer)
    if short and producer is not None and producer.cls in ("Flatten", "GlobalAveragePooling2D", "GlobalMaxPooling2D"):
        fixes += operators.remove_layer(context, producer)
    if short and producer is not None and producer.cls == "InputLayer":
        fixes += _input(context, producer, (*shape[1:], 1))
    if long and producer is not None and producer.cls == "Embedding" and _takes_rows(producer):
        fixes += operators.remove_layer(context, producer)
    if long and producer is not None and producer.cls == "InputLayer" and isinstance(wanted, int):
        fixes += _input(context, producer, shape[rank - wanted + 1 :])
    if short and producer is None and call is not None:
        argument = argument_of(call, "x")
        data = single(argument.tensors) if argument is not None else None
        if argument is not None and data is not None and data.shape is not None and data.shape[1:] == shape[1:]:
            if argument.kind == "array" and None in shape[1:]:
                title = f"Give `{argument.name or 'the data'}` a last axis of 1"
                fixes += operators.transform_data(context, argument, "{}[..., None]", title)
            elif argument.kind == "array":
                tail = tuple(size if size is not None else -1 for size in (*shape[1:], 1))
                fixes += operators.reshape_data(context, argument, data.shape[0], tail)
            else:
                fixes += operators.transform_data(
                    context, argument, "{}.map(lambda x, y: (x[..., None], y))", "Add a channel axis to the data"
                )
    if wanted in (3, 4) and rank == 2:
        fixes += _topped(context)
    if here is not None and long and wanted == 3 and here.cls in RECURRENT:
        rest = size_of(shape[2:])
        steps = shape[1] if shape[1] is not None else -1
        if rest is not None:
            fixes += operators.insert_layer(context, here, "Reshape", f"({steps}, {rest})")
    if here is not None and long:
        fixes += operators.insert_layer(context, here, "Flatten")
    if here is not None and short and here.cls in RECURRENT:
        for steps in _label_steps(context):
            fixes += operators.insert_layer(context, here, "RepeatVector", str(steps))
    if here is not None and short and here.cls in RECURRENT + ("Conv1D", "MaxPooling1D") and shape[-1] is not None:
        fixes += operators.insert_layer(context, here, "Reshape", f"({shape[-1]}, 1)")
    return fixes


def _takes_rows(layer: Layer) -> bool:
    """Whether an `Embedding` is given one-hot rows, not numbers of words."""
    shape = layer.inputs[0].shape if layer.inputs else None
    return shape is not None and len(shape) > 2 and (shape[-1] or 0) > 1


def _pooled(context: Context, failure: Failure, shape: tuple[int | None, ...]) -> list[Fix]:
    """A pretrained base that pools already (`pooling="avg"`), before a layer that pools once more."""
    if len(shape) != 2 or not re.match(r"Global(Average|Max)Pooling", failure.layer_cls or ""):
        return []
    fixes: list[Fix] = []
    for source in context.sources.values():
        for call in source.calls():
            if edits.keyword(call, "include_top") is not None and edits.keyword(call, "pooling") is not None:
                removed = edits.remove_argument(source, call, "pooling")
                fixes += fix("Leave the pooling to this layer: no `pooling=`", removed, cause=source.span(call))
    return fixes


def _topped(context: Context) -> list[Fix]:
    """A base of `keras.applications` with its own classes on top, before layers that take its maps."""
    fixes: list[Fix] = []
    for source in context.sources.values():
        for call in source.calls():
            top = edits.keyword(call, "include_top")
            if top is not None and source.segment(top) == "True":
                changed = edits.replace(source, top, "False")
                fixes += fix("Leave its own classes out: `include_top=False`", changed, cause=source.span(call))
            elif top is None and edits.keyword(call, "weights") is not None and "input_shape" in source.segment(call):
                changed = edits.add_argument(source, call, "include_top=False")
                fixes += fix("Leave its own classes out: `include_top=False`", changed, cause=source.span(call))
    return fixes


def _label_steps(context: Context) -> list[int]:
    """The numbers of steps of the sequences in the program that are called labels."""
    found = [
        item.tensors[0].shape[1]
        for item in context.report.variables
        if item.kind == "array"
        and re.match("y|target|label", item.name.lower())
        and item.tensors
        and item.tensors[0].shape is not None
        and len(item.tensors[0].shape) == 3
    ]
    return list(dict.fromkeys(size for size in found if size is not None))[:2]


def _return_sequences(context: Context, layer: Layer) -> list[Fix]:
    target = layer
    found = context.call_node(layer.created)
    if found is None:
        return []
    source, call = found
    if layer.cls == "Bidirectional" and call.args:
        inner = call.args[0]
        if isinstance(inner, ast.Call):
            edit = edits.set_argument(source, inner, "return_sequences", None, "True")
            return fix("Set `return_sequences=True`", edit, cause=layer.created)
        return []
    return operators.set_layer_argument(
        context, target, "return_sequences", None, "True", f"Set `return_sequences=True` in {layer.cls}"
    )


def _input(context: Context, layer: Layer, shape: tuple[int | None, ...]) -> list[Fix]:

    return operators.set_layer_argument(
        context, layer, "shape", 0, edits.tuple_text(shape), f"Set the input shape to {show(shape)}"
    )
