"""The labels, the model's output and the loss do not go together.

## What it says
The loss compares labels of one shape with an output of another: integer labels with `categorical_crossentropy`,
one-hot labels with `sparse_categorical_crossentropy`, ten label columns against nine units, an output that still has
image or time axes, one-hot labels of a folder of pictures against one unit.

## Why it matters
Keras 3 raises `Arguments target and output must have the same rank (ndim)`, `Argument output must have rank (ndim)
target.ndim - 1` or `Dimensions must be equal` while `fit` traces; Keras 2 said `Shapes (None, 1) and (None, 10) are
incompatible`.

## Example
```python
import numpy as np, keras
x = np.zeros((64, 4)); y = np.arange(64) % 10
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(10, activation="softmax")])
model.compile("adam", "categorical_crossentropy")
model.fit(x, y)
```

## Repair
The loss for these labels, labels for this loss, or as many units as there are classes.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kls import edits
from kls.facts import Evidence, Finding, Fix, Related, Severity, Span
from kls.rules import image_sizes, operators, ranks, wording, written
from kls.rules import labels as label_repairs
from kls.rules.context import Context, Rule, argument_of, compatible, finding, fix, show, single, size_of
from kls.rules.image_sizes import Images
from kls.rules.input_structure import PLAIN
from kls.worker.protocol import Argument, Call, Failure, Layer, Model, Tensor

RULE = Rule("loss-target", Severity.ERROR, "The labels, the model's output and the loss do not go together.")

SPARSE = ("sparse_categorical_crossentropy", "SparseCategoricalCrossentropy")
CATEGORICAL = ("categorical_crossentropy", "CategoricalCrossentropy", "kl_divergence", "CategoricalFocalCrossentropy")
BINARY = ("binary_crossentropy", "BinaryCrossentropy", "BinaryFocalCrossentropy")
SEQUENCE = ("LSTM", "GRU", "SimpleRNN", "Bidirectional", "RNN")

Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class _Case:
    context: Context
    call: Call
    model: Model
    labels: Argument
    target: Shape
    """Shape of one batch of labels, batch axis first."""
    output: Shape
    values: dict[str, Any]
    last: Layer | None
    sparse: bool
    """Whether the loss, or one inside a function of the author's, takes class numbers."""

    @property
    def classes(self) -> int | None:
        """How many classes integer labels count from 0; None when the values are not known."""
        high = self.values.get("max")
        return int(high) + 1 if self.values.get("integral") and high is not None else None

    @property
    def images(self) -> Images:
        """The two as images."""
        layers = self.context.first_layers(self.model)
        return Images(self.context, layers, self.last, self.target, self.output)


def diagnose(context: Context, failure: Failure) -> Finding | None:
    """The finding for a failure in loss or metrics of a model with one output and one array of labels."""
    call = context.sink(failure)
    model = context.model_of(call) if call is not None else None
    in_own_step = failure.stage.endswith("step") and "compile_loss" in failure.message
    if call is None or model is None or not (in_own_step or "loss" in failure.stage or "metrics" in failure.stage):
        return None
    if len(failure.frames) > 1 and not _OF_SHAPES.search(failure.message):
        return None  # a function of the author's own fails for another cause
    weighed = _weights(context, call, failure)
    if weighed is not None:
        return weighed
    role = "validation_y" if failure.stage.startswith("validation") else "y"
    labels = argument_of(call, role) or _in_dataset(call, role)
    known, told = single(model.outputs) or single(call.outputs), _compared(failure)
    if known is not None and told is not None and known.shape and not compatible(told.shape or (), known.shape):
        known = None  # of another call of a model of the author's own
    output = known or told
    target = _labels_shape(labels)
    if labels is None or target is None or output is None or output.shape is None:
        return None
    values = labels.values or {}
    shape = (None, *output.shape[1:])
    if target == shape and not _OF_SHAPES.search(failure.message):
        return None  # what the loss gives is of no use: it is not the two that do not fit
    sparse = call.loss in SPARSE or "`target.ndim - 1`" in failure.message
    case = _Case(context, call, model, labels, target, shape, values, operators.output_layer(context, model), sparse)
    if known is None and not (_steps_kept(case) or _one_row(case)):
        return None  # of a model of the author's own little more is known than the message says
    subject = f"`{labels.name}`" if labels.name else "the labels"
    loss = call.loss or "the loss"
    lines = [
        f"{subject} {'are' if not labels.name else 'is'} {show(target)}, the output {show(shape)}: "
        f"`{loss}` cannot compare them",
        _explain(case),
        f"Keras raises: {failure.exception}: {failure.message}",
    ]
    fixes = [*_label_fixes(case, failure.stage.startswith("validation")), *_fixes(case)]
    place = operators.loss_place(context, model)
    span: Span = place[0].span(place[1]) if place is not None else call.span
    inside = wording.operands(failure.message) if len(failure.frames) > 1 else None
    ranks_met = {len(item) for item in inside[1:]} if inside is not None else set[int]()
    if failure.frames and ranks_met >= {len(target), len(shape)}:
        lines[:1] = [wording.first_line(failure), f"{lines[0].partition(':')[0]}."]
        span = failure.frames[-1]
    if fixes and fixes[0].cause is not None:
        span = fixes[0].cause
    related = [Related(call.span, f"`{call.method}` raises here")]
    origin = operators.place_of_data(context, labels)
    if origin is not None and origin != span:
        related.append(Related(origin, f"the labels come from here: {show(target)}"))
    if case.last is not None and case.last.created is not None and case.last.created != span:
        related.append(Related(case.last.created, f"the output comes from here: {show(shape)}"))
    message = "\n".join(line for line in lines if line)
    return finding(RULE, context, span, message, call=call, related=tuple(related), fixes=tuple(fixes))


def survey(context: Context) -> Iterator[Finding]:
    """One-hot labels of a folder that is not there, so that nobody knows how many classes it has, against one unit."""
    for call in context.report.calls:
        model, labels = context.model_of(call), _in_dataset(call, "y")
        output = single(call.outputs)
        if model is None or labels is None or output is None or call.status != "traced" or call.loss not in BINARY:
            continue
        if _labels_shape(labels) != (None, None) or (output.shape or ())[1:] != (1,):
            continue
        fixes = label_repairs.by_folder(context, labels, call.loss)
        if not fixes or fixes[0].cause is None:
            continue
        last = operators.output_layer(context, model)
        related = [Related(call.span, f"`{call.method}` raises here")]
        if last is not None and last.created is not None:
            related.append(Related(last.created, "the output comes from here: (None, 1)"))
        lines = (
            f"the labels are one-hot rows of as many classes as there are folders, the output {show((None, 1))}: "
            f"`{call.loss}` cannot compare them\n"
            "Keras raises: ValueError: Arguments `target` and `output` must have the same shape"
        )
        yield finding(
            RULE, context, fixes[0].cause, lines, call=call, evidence=Evidence.WOULD_RAISE, related=tuple(related),
            fixes=tuple(fixes),
        )  # fmt: skip


_OF_SHAPES = re.compile(r"shape|rank|ndim|[Dd]imension|must be equal|broadcast|divisible|axis|axes|dims?\b")


def _weights(context: Context, call: Call, failure: Failure) -> Finding | None:
    """The finding for sample weights whose shape is not that of the values which the loss has for each sample."""
    weights = argument_of(call, "sample_weight")
    given = single(weights.tensors) if weights is not None else None
    sides = wording.operands(failure.message)
    if weights is None or given is None or not given.shape or sides is None or "mul" not in failure.message.lower():
        return None
    mine, told = sides[2][1:], sides[1][1:]
    if tuple(map(str, given.shape[1:])) != mine or mine == told or not all(item.isdigit() for item in told):
        return None
    values = tuple(map(int, told))
    span = operators.place_of_data(context, weights) or weights.span or call.span
    wanted = (given.shape[0], *values)
    fixes = operators.resize_literal(context, weights, wanted)
    name = f"`{weights.name}`" if weights.name else "the array of weights"
    lines = [
        f"{name} is {show(given.shape)}; the loss has values of {show((None, *values))} to be weighed",
        f"Keras raises: {failure.exception}: {failure.message}",
    ]
    related = (Related(call.span, f"`{call.method}` raises here"),)
    return finding(RULE, context, span, "\n".join(lines), call=call, related=related, fixes=tuple(fixes))


def _compared(failure: Failure) -> Tensor | None:
    """The output that the loss was given, by Keras's words (keras/src/losses/loss.py, keras/src/backend): what a model
    of the author's own gives is not known where the first call that would tell it fails."""
    told = re.search(r"output\.shape=\(([\d, None]*)\)", failure.message)
    sides = wording.operands(failure.message) if "compile_loss" in failure.message else None
    if told is not None:
        sizes = [item.strip() for item in told[1].split(",") if item.strip()]
    elif sides is not None and sides[0] in ("Sub", "SquaredDifference"):  # the labels first, in all of Keras's losses
        sizes = ["None" if item == "?" else item for item in sides[2]]
    else:
        return None
    return Tensor(tuple(None if item == "None" else int(item) for item in sizes), None)


def _in_dataset(call: Call, role: str) -> Argument | None:
    argument = argument_of(call, role[:-1] + "x")
    return argument if argument is not None and _brings_labels(argument) else None


def _brings_labels(argument: Argument) -> bool:
    """Whether the labels come with x: from a dataset, a generator or a `PyDataset`."""
    return argument.kind not in PLAIN and any(item.path == "1" for item in argument.tensors)


def _labels_shape(labels: Argument | None) -> Shape | None:
    if labels is None:
        return None
    if _brings_labels(labels):
        tensor = next((item for item in labels.tensors if item.path == "1"), None)
        return tensor.shape if tensor is not None else None
    tensor = single(labels.tensors)
    return None if tensor is None or not tensor.shape else (None, *tensor.shape[1:])


def _explain(case: _Case) -> str:
    loss = case.call.loss
    if loss in SPARSE:
        return f"`{loss}` wants one class number for each row of the output: labels of shape {show(case.output[:-1])}."
    if loss in CATEGORICAL or loss in BINARY:
        return f"`{loss}` wants labels of the output's own shape {show(case.output)}."
    return ""


def _fixes(case: _Case) -> list[Fix]:
    target, output, loss = case.target, case.output, case.call.loss
    fixes: list[Fix] = []
    extra = (
        len(output) - max(len(target), 2) if loss not in SPARSE else len(output) - 1 - max(1, len(_squeezed(target)))
    )
    if extra > 0:
        fixes += _collapse(case)
    fixes += image_sizes.cropped(case.images)
    fixes += image_sizes.grown(case.images)
    units = output[-1]
    integers = len(_squeezed(target)) == len(output) - 1
    one_hot = len(target) == len(output) and target[-1] is not None and target[-1] > 1
    if loss in SPARSE and one_hot and target[-1] == units:
        if case.last is not None and case.last.config.get("activation") == "sigmoid":
            fixes += operators.set_loss(case.context, case.model, "binary_crossentropy")
        fixes += operators.set_loss(case.context, case.model, "categorical_crossentropy")
        fixes += _data(case, "{}.argmax(axis=-1)", "Give class numbers instead of one-hot rows")
    elif loss not in SPARSE and integers and units is not None and units > 1:
        several = case.classes is not None and case.classes > 2
        if _is_probability(case) or loss in CATEGORICAL or several:
            fixes += operators.set_loss(case.context, case.model, "sparse_categorical_crossentropy")
        if case.last is not None and loss in BINARY and not several:
            fixes += operators.set_units(case.context, case.last, 1)
        if loss in CATEGORICAL:
            fixes += _to_categorical(case, units)
        if case.last is not None and not _is_probability(case) and not several:
            fixes += operators.set_units(case.context, case.last, 1)
    elif one_hot and units is not None and target[-1] != units and case.last is not None:
        fixes += _counted_from_labels(case)
        set_units = operators.set_units_for_classes if loss in CATEGORICAL else operators.set_units
        fixes += set_units(case.context, case.last, int(target[-1] or 0))
    elif len(target) == len(output) == 2 and target[-1] is None and loss not in SPARSE:
        fixes += _as_wide_as_labels(case)
    sizes = [size for size in target[1:] if size is not None]
    flat = len(sizes) == len(target) - 1 > 1 and output[1:] == (math.prod(sizes),)
    if flat and case.labels.kind == "array":
        form, title = "{}.reshape(-1, " + f"{output[-1]})", "Give each sample of the labels as one row"
        fixes += operators.transform_argument(case.context, case.labels, form, title)
    if not fixes and case.last is not None and target and target[-1] is not None and len(target) == len(output):
        fixes += operators.set_units(case.context, case.last, target[-1])
    if case.labels.kind == "array" and None not in output[1:]:
        samples = case.labels.tensors[0].shape[0] if case.labels.tensors[0].shape else None
        fixes += operators.resize_literal(case.context, case.labels, (samples, *output[1:]))
    return fixes


def _as_wide_as_labels(case: _Case) -> list[Fix]:
    """`y.shape[1]` units, where nobody knows how many columns the labels have that are bound above the layer."""
    found = case.context.call_node(case.last.created) if case.last is not None else None
    name = case.labels.name or ""
    if found is None or case.last is None or not name.isidentifier() or found[0].function(found[1]) is not None:
        return []
    if not written.assignments(found[0], name, found[1].lineno - 1):
        return []
    text = f"{name}.shape[1]"
    return operators.set_layer_argument(
        case.context, case.last, "units", 0, text, f"Set `units` of {case.last.cls} to `{text}`"
    )


def _label_fixes(case: _Case, validation: bool) -> list[Fix]:
    """Repairs of the labels that the program itself speaks for: they come before changes of the model."""
    context, labels, target, output = case.context, case.labels, case.target, case.output
    sparse = case.call.loss in SPARSE
    wanted = output[:-1] if sparse else output
    units = output[-1]
    fixes: list[Fix] = []
    if _brings_labels(labels):
        wider = len(target) == len(output) and units is not None and target[-1] == units + 1
        fixes += label_repairs.counted_from_one(context, labels, case.values) if wider and not sparse else []
        return [*fixes, *_steps_kept(case), *label_repairs.by_folder(context, labels, case.call.loss)]
    fixes += label_repairs.encoded_once(context, labels)
    if case.call.loss in BINARY and units == 1 and len(target) == len(output) and target[-1] == 2:
        fixes += label_repairs.not_encoded(context, labels)
    fixes += _steps_kept(case)
    fixes += label_repairs.one_step_on(context, case.call, labels)
    if len(target) == len(output) - 1 and len(output) > 2 and output[-1] == 1 and not sparse:
        if all(a is None or b is None or a == b for a, b in zip(target, output, strict=False)):
            fixes += _data(case, "{}[..., None]", "Give the labels the output's last axis of 1")
    if len(target) == len(output) and target[-1] is not None and units is not None and not sparse:
        if target[-1] == units + 1:
            fixes += label_repairs.counted_from_one(context, labels, case.values)
        if target[-1] < units and validation:
            fixes += label_repairs.of_width(context, labels, units)
    if len(target) == len(output) + 1 or (sparse and len(target) == len(output) and target[-1] != units):
        fixes += label_repairs.without_axis(context, labels, target, wanted)
    if validation:
        if not sparse and len(_squeezed(target)) == len(output) - 1 and units is not None and units > 1:
            fixes += [*_encoded_alike(case), *_to_categorical(case, units)]
        elif sparse and len(target) == len(output) and target[-1] == units:
            fixes += _data(case, "{}.argmax(axis=-1)", "Give class numbers instead of one-hot rows")
    return [*fixes, *image_sizes.strides_alike(case.images), *image_sizes.enlarged(case.images)]


def _encoded_alike(case: _Case) -> list[Fix]:
    """The line that encodes the labels of training, once more for those of the validation, behind it."""
    known = argument_of(case.call, "y")
    mine, its = case.labels.name, known.name if known is not None else None
    if mine is None or its is None or mine == its:
        return []
    for source in case.context.sources.values():
        for statement, target, value in source.assignments():
            name = re.search(r"\.?(\w+)$", source.segment(value.func)) if isinstance(value, ast.Call) else None
            encodes = name is not None and name[1] in label_repairs.ENCODERS and isinstance(value, ast.Call)
            if not encodes or source.segment(target) != its or its not in source.segment(value):
                continue
            before = [made for made, _ in written.assignments(source, mine, statement.lineno)]
            if before and source.function(before[-1]) is source.function(statement):
                line = re.sub(rf"\b{its}\b", mine, source.segment(statement))
                changed = edits.insert_after(source, statement, line)
                return fix(f"Encode `{mine}` too: `{line}`", changed, cause=source.span(statement))
    return []


def _counted_from_labels(case: _Case) -> list[Fix]:
    """A number of classes that was read off another array's shape than the labels'."""
    found = case.context.call_node(case.last.created) if case.last is not None else None
    units = edits.argument(found[1], "units", 0) if found is not None else None
    name = case.labels.name
    known = written.assignments(found[0], units.id, units.lineno) if found and isinstance(units, ast.Name) else []
    value = known[-1][1] if known else None
    if found is None or name is None or len(case.target) != 2 or not isinstance(value, ast.Subscript):
        return []
    source, base = found[0], value.value
    if not isinstance(base, ast.Attribute) or base.attr != "shape" or source.segment(base.value) == name:
        return []
    changed = edits.replace(source, value, f"{name}.shape[1]")
    return fix(f"Count the columns of `{name}`: `{name}.shape[1]`", changed, cause=source.span(value))


def _one_row(case: _Case) -> bool:
    """Whether the output has for each sample one row of as many numbers as the labels have."""
    sizes = case.target[1:]
    return len(sizes) > 1 and len(case.output) == 2 and None not in sizes and size_of(sizes) == case.output[1]


def _steps_kept(case: _Case) -> list[Fix]:
    """Labels for each step of a sequence of which a recurrent or pooling layer leaves one row."""
    steps = case.target[1] if len(case.target) > 1 else None
    missing = len(case.target) - len(case.output) + (1 if case.sparse else 0)
    if steps is None or missing != 1:
        return []
    fixes: list[Fix] = []
    for layer in reversed(case.context.first_layers(case.model)):
        given, left = single(layer.inputs[:1]), single(layer.outputs[:1])  # a state may come and go with the tensor
        if given is None or left is None or not given.shape or not left.shape or len(given.shape) < 3:
            continue
        if len(left.shape) != 2 or given.shape[1] not in (None, steps):
            continue
        if layer.cls in SEQUENCE:
            fixes += ranks.return_sequences(case.context, layer, True)
        elif layer.cls == "Flatten" or layer.cls.startswith("Global"):
            fixes += operators.remove_layer(case.context, layer)
    layers = case.context.first_layers(case.model)
    ends = any(item.cls in ranks.RECURRENT and not item.config.get("return_sequences") for item in layers)
    rest = case.target[2:] if not case.sparse else (*_squeezed(case.target)[2:], None)
    if ends and compatible((None, *rest), case.output):
        fixes += _data(case, "{}[:, -1]", "Give the labels of the last step: `[:, -1]`")
    return fixes


def _squeezed(target: Shape) -> Shape:
    return target[:-1] if len(target) > 1 and target[-1] == 1 else target


def _is_probability(case: _Case) -> bool:
    return case.last is not None and case.last.config.get("activation") == "softmax"


def _data(case: _Case, form: str, title: str) -> list[Fix]:
    if case.labels.kind != "array":
        return []
    return operators.transform_data(case.context, case.labels, form, title)


def _to_categorical(case: _Case, units: int) -> list[Fix]:
    root = _keras_name(case.context)
    if root is None:
        return []
    form = root + ".utils.to_categorical({}, " + str(units) + ")"
    return _data(case, form, f"One-hot encode the labels ({units} classes)")


def _keras_name(context: Context) -> str | None:
    """How the main file names keras: `keras` or `tf.keras`."""
    return written.module_name(context.sources[context.main], "keras")


def _collapse(case: _Case) -> list[Fix]:
    """Take the axes away that the output has too many of: an RNN's time axis, an image's width and height."""
    fixes: list[Fix] = []
    layers = [layer for layer in case.context.first_layers(case.model) if layer.outputs]
    recurrent = [layer for layer in layers if layer.cls in SEQUENCE and layer.config.get("return_sequences")]
    if recurrent:
        last = recurrent[-1]
        found = case.context.call_node(last.created)
        if found is not None:
            removed = edits.remove_argument(*found, "return_sequences")
            fixes += fix(f"Remove `return_sequences=True` from {last.cls}", removed, cause=last.created)
    first_dense = next((layer for layer in layers if layer.cls == "Dense" and _rank(layer) > 2), None)
    if first_dense is None:
        return fixes
    embedded = any(layer.cls == "Embedding" for layer in layers)
    made = "GlobalAveragePooling1D" if embedded and _rank(first_dense) == 3 else "Flatten"
    if _rank(first_dense) == 4 and first_dense is case.last and any(item.cls == "Functional" for item in layers):
        made = "GlobalAveragePooling2D"  # as the networks that are taken over whole end themselves
    fixes += operators.insert_layer(case.context, first_dense, made)
    if made != "Flatten":
        fixes += operators.insert_layer(case.context, first_dense, "Flatten")
    if case.last is not None and case.last is not first_dense and 3 <= _rank(case.last) <= 5:
        fixes += operators.insert_layer(case.context, case.last, f"GlobalAveragePooling{_rank(case.last) - 2}D")
    return fixes


def _rank(layer: Layer) -> int:
    tensor = single(layer.inputs)
    return len(tensor.shape) if tensor is not None and tensor.shape is not None else 0
