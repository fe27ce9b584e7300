"""The numbers of images are scaled twice, lost in whole numbers, or not scaled at all.

## What it says
Data divided by 255 meet a `Rescaling(1/255)` layer, `(x / 255).astype("uint8")` and `x // 255` leave only zeros,
`x - 128` of bytes wraps around (5 becomes 133). As a hint: bytes from 0 to 255 go into a network as they are.

## Why it matters
Nothing is raised. The network is trained on zeros, on numbers below 1/255, or on a negative of the dark pixels.

## Example
```python
import numpy as np, keras
x = np.arange(32, dtype="uint8").reshape(8, 4) * 8
x = (x - 128) / 128.0
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile("adam", "mse")
model.fit(x, np.zeros(8))
```

## Repair
`x.astype("float32") / 255`, once: in the data or in the model.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from kls import edits
from kls.facts import Evidence, Finding, Fix, Severity, Span
from kls.rules import operators, search, written
from kls.rules.context import Context, Rule, argument_of, finding, fix, single
from kls.source import SourceText
from kls.worker.protocol import Argument, Call, Layer, Model, Variable

RULE = Rule("scaling", Severity.WARNING, "Image numbers are scaled twice, lost in whole numbers, or not scaled.")

SCALES = (255, 256, 127.5, 128)
SCALING = ("Rescaling", "Normalization", "BatchNormalization", "LayerNormalization", "Lambda", "Embedding")
"""Layers behind which numbers are small, or which want whole numbers."""
NUMERIC = ("Dense", "Conv2D", "Flatten", "Reshape", "InputLayer", "MaxPooling2D", "Dropout", "Conv1D", "LSTM", "GRU")
IMAGES = ("mnist", "cifar10", "cifar100", "fashion_mnist")

Parts = tuple[str, Span, list[Fix]]


@dataclass(frozen=True)
class _Step:
    """One assignment of the data's name: the statement, its value, and the data before it where they are known."""

    source: SourceText
    statement: ast.Assign
    value: ast.expr
    before: Variable | None
    after: Variable | None


def survey(context: Context) -> Iterator[Finding]:
    """One finding for each name of training data whose numbers are spoilt on their way to the model."""
    told: set[Span] = set()
    for call in context.report.calls:
        model, data = context.model_of(call), argument_of(call, "x")
        if model is None or data is None or call.status != "traced" or data.kind not in ("array", "dataset", "tensor"):
            continue
        steps = _steps(context, call, data)
        parts = _wrapped(steps) or _emptied(steps) or _twice(context, model, steps)
        severity = Severity.WARNING
        if parts is None:
            severity, parts = Severity.HINT, _unscaled(context, call, model, data)
        if parts is None or parts[1] in told:
            continue
        first, span, fixes = parts
        told.add(span)
        loud = severity is Severity.WARNING
        lines = f"{first}\nKeras raises nothing." if loud else first
        evidence = Evidence.SILENT if loud else Evidence.ADVICE
        yield finding(RULE, context, span, lines, evidence=evidence, severity=severity, fixes=tuple(fixes))


def _steps(context: Context, call: Call, data: Argument) -> list[_Step]:
    """The assignments of the data's name since the last one that does not build on it."""
    source = context.source(call.span.path)
    if source is None or data.name is None:
        return []
    steps: list[_Step] = []
    for statement, value in written.assignments(source, data.name, call.span.line):
        if value is None:
            steps = []
            continue
        names = {node.id for node in ast.walk(value) if isinstance(node, ast.Name)}
        if data.name not in names:
            steps = []
        known = [item for item in context.report.variables if item.span.path == source.path]
        before = [item for item in known if item.name in names and item.span.line < statement.lineno]
        after = [item for item in known if item.name == data.name and item.span.line == statement.lineno]
        steps.append(_Step(source, statement, value, before[-1] if before else None, after[-1] if after else None))
    return steps


def _wrapped(steps: list[_Step]) -> Parts | None:
    """Bytes minus a whole number: what falls below 0 wraps around."""
    for step in steps:
        for node in ast.walk(step.value):
            if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Sub):
                continue
            number = _constant(node.right)
            if not isinstance(node.left, ast.Name) or not isinstance(number, int) or number <= 0:
                continue
            before = step.before
            if before is None or before.name != node.left.id or not _is_bytes(before):
                continue
            low = (before.values or {}).get("min", 0 if _is_images(before) else None)
            if low is None or low >= number:
                continue
            name, span = node.left.id, step.source.span(step.statement)
            changed = edits.replace(step.source, node.left, f'{name}.astype("float32")')
            wrapped = f"{int(low)} becomes {int(low) - number + 256}"
            first = f"`{name}` holds bytes: {name} - {number} wraps around below 0 ({wrapped})"
            return first, span, fix("Compute in float32", changed, cause=span)
    return None


def _emptied(steps: list[_Step]) -> Parts | None:
    """Whole numbers of what was divided by its range: 0 everywhere, or nearly."""
    for step in steps:
        value, span = step.value, step.source.span(step.statement)
        if step.before is None or not _many(step.before) or not _few(step.after):
            continue
        if isinstance(value, ast.BinOp) and isinstance(value.op, ast.FloorDiv) and _constant(value.right) in SCALES:
            left, right = edits.parenthesised(step.source, value.left), step.source.segment(value.right)
            fixes = fix("Divide with `/`", edits.replace(step.source, value, f"{left} / {right}"), cause=span)
            return "`//` leaves whole numbers: nearly all are 0", span, fixes
        cast = value.args[0] if isinstance(value, ast.Call) and len(value.args) == 1 else None
        if not isinstance(value, ast.Call) or cast is None or not isinstance(value.func, ast.Attribute):
            continue
        inner = value.func.value
        if value.func.attr == "astype" and isinstance(inner, ast.BinOp) and _is_division(inner):
            if step.after is not None and not (step.after.tensors[0].dtype or "").startswith(("int", "uint", "bool")):
                continue
            fixes = fix('Use `.astype("float32")`', edits.replace(step.source, cast, '"float32"'), cause=span)
            kind = step.after.tensors[0].dtype if step.after is not None else "whole numbers"
            return f"cast to {kind} after the division: nearly all are 0", span, fixes
    return None


def _twice(context: Context, model: Model, steps: list[_Step]) -> Parts | None:
    """Divided by 255 in the data, and once more in the data or by a layer of the model."""
    divided = [step for step in steps if _divides(step)]
    if not divided:
        return None
    for one, other in zip(divided, divided[1:], strict=False):
        parents = one.source.parents
        if parents.get(one.statement) is parents.get(other.statement):
            span = other.source.span(other.statement)
            fixes = fix("Divide once", edits.remove_statement(other.source, other.statement), cause=span)
            return "the data are divided by their range twice", span, fixes
    if _scales_itself(context, model):
        return _scaled_within(divided[-1])
    layer = _rescaling(context, model)
    if layer is None or layer.created is None:
        return None
    first = f"the data are divided already, and Rescaling({layer.config.get('scale'):.4g}) does it again"
    return first, layer.created, operators.remove_layer(context, layer)


_SCALING_NETWORKS = re.compile(r"(efficientnet|convnext|mobilenet_?v3)", re.IGNORECASE)
"""Names of networks that take numbers from 0 to 255 (keras/src/applications, `include_preprocessing`)."""


def _scales_itself(context: Context, model: Model) -> bool:
    """Whether the model holds a network of `keras.applications` that scales its input."""
    held = set(model.layers)
    for other in context.report.models:
        inside = other.key in held or (other.key != model.key and set(other.layers[:3]) <= held)
        if not inside or not other.layers or not _SCALING_NETWORKS.match(other.name or ""):
            continue
        made = [call for source in context.sources.values() for call in source.calls()
                if _SCALING_NETWORKS.match(search.last_part(call.func))]  # fmt: skip
        told = [edits.keyword(call, "include_preprocessing") for call in made]
        if made and not any(isinstance(value, ast.Constant) and value.value is False for value in told):
            return True
    return False


def _scaled_within(step: _Step) -> Parts:
    """The division of the data that such a network does itself."""
    span = step.source.span(step.statement)
    fixes: list[Fix] = []
    for node in ast.walk(step.value):
        if isinstance(node, ast.BinOp) and _is_division(node):
            text = step.source.segment(node.left)
            fixes += fix("Leave the numbers as they are", edits.replace(step.source, node, text), cause=span)
    words = "the data are divided already, and the network scales them itself: it takes numbers from 0 to 255"
    return words, span, fixes


def _unscaled(context: Context, call: Call, model: Model, data: Argument) -> Parts | None:
    """Bytes up to 255, known by their values, that go into plain layers."""
    tensor, wanted = single(data.tensors), single(model.inputs)
    if tensor is None or tensor.dtype != "uint8" or wanted is None or not call.method.startswith("fit"):
        return None
    high = (data.values or {}).get("max", 0)
    if data.values is None and any(_is_images(item) for item in context.chain(data, call.span)[-1:]):
        high = 255
    classes = {layer.cls for layer in context.first_layers(model)}
    if high < 100 or not (wanted.dtype or "").startswith("float") or not classes or not classes <= set(NUMERIC):
        return None
    span = operators.place_of_data(context, data)
    if span is None:
        return None
    name = f"`{data.name}`" if data.name else "the data"
    fixes = operators.transform_data(context, data, "{} / 255.0", "Divide by 255")
    return f"{name} goes from 0 to {high} into the model: networks learn better from numbers around 0 to 1", span, fixes


def _rescaling(context: Context, model: Model) -> Layer | None:
    """The model's own Rescaling by about 1/255, at most one model deep."""
    layers = context.first_layers(model)
    for nested in [context.models[key] for key in model.layers if key in context.models]:
        layers += context.first_layers(nested)
    for layer in layers:
        scale = layer.config.get("scale")
        if layer.cls == "Rescaling" and isinstance(scale, float) and 0 < scale < 0.01:
            return layer
    return None


def _divides(step: _Step) -> bool:
    """Whether a step divides the data by their range: `x / 255`, or a mapped function that does so with its first
    parameter."""
    value: ast.expr = step.value
    while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        if value.func.attr == "map" and value.args:
            function = _function(step.source, value.args[0])
            if function is not None and _divides_first(function):
                return True
        value = value.func.value
    return isinstance(value, ast.BinOp) and _is_division(value)


def _function(source: SourceText, node: ast.expr) -> ast.Lambda | ast.FunctionDef | None:
    if isinstance(node, ast.Lambda):
        return node
    named = (item for item in source.nodes if isinstance(item, ast.FunctionDef))
    return next((item for item in named if isinstance(node, ast.Name) and item.name == node.id), None)


def _divides_first(function: ast.Lambda | ast.FunctionDef) -> bool:
    if not function.args.args:
        return False
    name = function.args.args[0].arg
    for node in ast.walk(function):
        if not isinstance(node, ast.BinOp) or not _is_division(node):
            continue
        left: ast.expr = node.left
        while isinstance(left, ast.Call) and left.args:
            left = left.args[0]
        if isinstance(left, ast.Name) and left.id == name:
            return True
    return False


def _is_division(node: ast.BinOp) -> bool:
    return isinstance(node.op, ast.Div) and _constant(node.right) in (255, 256)


def _constant(node: ast.expr) -> int | float | None:
    value = node.value if isinstance(node, ast.Constant) else None
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _is_bytes(variable: Variable) -> bool:
    return len(variable.tensors) == 1 and variable.tensors[0].dtype == "uint8"


def _is_images(variable: Variable) -> bool:
    """Whether the data are those of an image loader of Keras, of which the values go from 0 to 255."""
    shape = variable.tensors[0].shape if len(variable.tensors) == 1 else None
    loaded = any(f"{name}.load_data" in (variable.origin or "") for name in IMAGES)
    return loaded and _is_bytes(variable) and shape is not None and len(shape) >= 3


def _many(variable: Variable) -> bool:
    """Whether the data take more values than a mask does, and go beyond 1."""
    values = variable.values or {}
    classes, high = values.get("classes"), values.get("max")
    if isinstance(high, (int, float)):
        return high > 2 and (classes is None or classes > 2)
    return _is_images(variable)


def _few(variable: Variable | None) -> bool:
    """Whether only 0 and 1 are left, as far as is known."""
    high = (variable.values or {}).get("max") if variable is not None else None
    return variable is not None and (high is None or (isinstance(high, (int, float)) and high <= 2))
