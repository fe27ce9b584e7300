"""Labels outside the classes that the output has.

## What it says
`sparse_categorical_crossentropy` reads the labels as class numbers 0 … units-1, and the labels hold others.

## Why it matters
On a CPU the first step raises `InvalidArgumentError: Received a label value of 9 which is outside the valid range of
[0, 9)`; with XLA, the default on GPUs, the loss silently becomes `nan`.

## Example
```python
import numpy as np, keras
x = np.zeros((64, 4)); y = np.arange(64) % 10
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(9, activation="softmax")])
model.compile("adam", "sparse_categorical_crossentropy")
model.fit(x, y)
```

## Repair
As many units as there are classes, or labels that count from 0.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kls import edits
from kls.facts import Edit, Evidence, Finding, Fix, Related, Severity, Span
from kls.rules import labels as label_facts
from kls.rules import operators, written
from kls.rules.context import Context, Rule, argument_of, finding, fix, single
from kls.rules.loss_target import BINARY, SPARSE
from kls.source import SourceText
from kls.worker.protocol import Argument, Call, Failure, Model

RULE = Rule("label-range", Severity.ERROR, "Labels outside the classes that the output has.")


def diagnose(context: Context, failure: Failure) -> Finding | None:
    """The finding for `to_categorical` with fewer classes than the labels have, and for a loop of the author's own."""
    return _refused(context, failure) or _too_few(context, failure)


def _refused(context: Context, failure: Failure) -> Finding | None:
    """Labels of one batch that the loss refused, outside of `fit`: all labels of the program, where they are known."""
    told = re.search(r"label value of (-?\d+) which is outside the valid range of \[0, (\d+)\)", failure.message)
    if told is None or failure.call is not None or not failure.frames:
        return None
    value, units = int(told[1]), int(told[2])
    listed = re.search(r"Label values: ([-\d ]+)", failure.message)
    values = [value, *(int(item) for item in (listed[1].split() if listed is not None else ()))]
    low, high = min(values), max(values)
    fixes: list[Fix] = []
    for variable in context.report.variables:
        known = variable.values or {}
        whole = variable.kind == "array" and known.get("integral") and len(variable.tensors[0].shape or ()) <= 2
        source = context.source(variable.statement.path)
        made = source.at(variable.statement, ast.stmt) if source is not None else None
        if not whole or source is None or made is None or not known["min"] <= value <= known["max"]:
            continue
        if not label_facts.NAMED.match(variable.name):
            continue
        low, high = min(low, int(known["min"])), max(high, int(known["max"]))
        if known["min"] > 0 and known["max"] - known["min"] < units:
            form, title = f"{{}} - {known['min']:g}", f"Count the labels from 0 (minus {known['min']:g})"
            fixes += operators.transform_where_bound(source, made, variable.name, form, title)
    last = [item for item in context.report.layers if item.config.get("units") == units and item.outputs]
    if last and low >= 0:
        fixes += operators.set_units_for_classes(context, last[-1], high + 1)
    span = fixes[0].cause if fixes and fixes[0].cause is not None else failure.frames[-1]
    lines = [
        f"the labels hold class numbers {low} to {high}; {units} logits know only 0 to {units - 1}",
        f"It raises: {failure.exception}: {failure.message}",
    ]
    related = tuple(Related(frame, "it raises here") for frame in failure.frames[-1:] if frame != span)
    return finding(RULE, context, span, "\n".join(lines), related=related, fixes=tuple(fixes))


def _too_few(context: Context, failure: Failure) -> Finding | None:
    match = re.search(r"index (\d+) is out of bounds for axis \d+ with size (\d+)", failure.message)
    if failure.facts.get("callee") not in ("to_categorical", "eye") or match is None or not failure.frames:
        return None
    found = context.call_node(failure.frames[-1])
    if found is None:
        return None
    source, node = found
    high, size = int(match.group(1)), int(match.group(2))
    span = source.span(node)
    title = f"Encode {high + 1} classes"
    given = edits.argument(node, "num_classes", 1)
    fixes = operators.change_count(source, given, size, high + 1, title) if given is not None else []
    fixes += fix(title, edits.set_argument(source, node, "num_classes", 1, str(high + 1)), cause=span)
    lines = [
        f"the labels hold the class number {high}; num_classes={size} knows only 0 to {size - 1}",
        f"It raises: {failure.exception}: {failure.message}",
    ]
    return finding(RULE, context, fixes[0].cause or span, "\n".join(lines), fixes=tuple(fixes))


def survey(context: Context) -> Iterator[Finding]:
    """One finding for each sink whose integer labels do not fit the number of units, and for negative labels that are
    one-hot encoded."""
    yield from _encoded(context)
    if any("ignore_class" in source.text for source in context.sources.values()):
        return  # a loss that leaves one class number out may meet it
    for call in context.report.calls:
        model = context.model_of(call)
        labels = argument_of(call, "y")
        output = single(call.outputs) or (single(model.outputs) if model is not None else None)
        if model is None or labels is None or output is None or not output.shape or call.status != "traced":
            continue
        yield from _wasteful(context, call, model, labels, output.shape)
        odd = _odd_values(call, labels, output.shape[-1])
        if odd is not None:
            yield _quiet(context, call, labels, *odd)
        if call.loss in SPARSE and _outside(labels.values, output.shape[-1]):
            yield _finding(context, call, model, _Labels(labels.name, labels, labels.values or {}, output.shape[-1]))
    for call in context.report.calls:
        model = context.model_of(call)
        if model is None or call.status != "traced":
            continue
        for labels in (*_of_dataset(context, call, model), *_of_outputs(context, call, model)):
            if _outside(labels.values, labels.units):
                yield _finding(context, call, model, labels)


@dataclass(frozen=True)
class _Labels:
    """Labels of one output whose values are known. `argument` is what they were given as, None where they are a part
    of something; `output` is the number of the output."""

    name: str | None
    argument: Argument | None
    values: dict[str, Any]
    units: int | None
    output: int = 0
    loss: Span | None = None
    """Where the loss of this output is written."""
    place: tuple[SourceText, ast.Name] | None = None
    """The name that they have in a dataset."""


def _outside(values: dict[str, Any] | None, units: int | None) -> bool:
    """Whether a sparse loss, which cuts fractions off, meets a number that is no class."""
    if not values or units is None or "min" not in values:
        return False
    return int(values["min"]) < 0 or int(values["max"]) >= units


def _of_dataset(context: Context, call: Call, model: Model) -> list[_Labels]:
    """The labels in a dataset over arrays, where nothing but the order and the batches came after it."""
    argument = argument_of(call, "x")
    output = single(call.outputs) or single(model.outputs)
    values = argument.parts.get("1") if argument is not None and argument.kind == "dataset" else None
    if argument is None or not values or call.loss not in SPARSE or output is None or not output.shape:
        return []
    place = _labels_given(context, argument)
    return [_Labels(place[1].id if place is not None else None, None, values, output.shape[-1], place=place)]


def _labels_given(context: Context, argument: Argument) -> tuple[SourceText, ast.Name] | None:
    """The name of the labels in the `from_tensor_slices((x, y))` that a dataset begins with."""
    found = written.value_of(context, argument)
    if found is None:
        return None
    source, node = found
    for _ in range(6):
        if isinstance(node, ast.Name):
            known = [value for _, value in written.assignments(source, node.id, node.lineno) if value is not None]
            if len(known) != 1:
                return None
            node = known[0]
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            return None
        if node.func.attr == "from_tensor_slices":
            pair = node.args[0] if len(node.args) == 1 else None
            labels = pair.elts[1] if isinstance(pair, ast.Tuple) and len(pair.elts) == 2 else None
            return (source, labels) if isinstance(labels, ast.Name) else None
        node = node.func.value
    return None


def _counted_from(context: Context, labels: _Labels, form: str, title: str) -> list[Fix]:
    """The labels put through `form` where they are bound: what `fit` is given, or the name in a dataset."""
    if labels.argument is not None or labels.place is None:
        return operators.transform_data(context, labels.argument, form, title)
    source, name = labels.place
    known = [
        made
        for made, _ in written.assignments(source, name.id, name.lineno)
        if source.function(made) is source.function(name)
    ]
    return operators.transform_where_bound(source, known[-1], name.id, form, title) if known else []


def _of_outputs(context: Context, call: Call, model: Model) -> list[_Labels]:
    """The labels of a model with several outputs, where losses and labels are given by the outputs' names."""
    compiled = written.compile_call(context, model)
    labels = argument_of(call, "y")
    losses = edits.argument(compiled[1], "loss", 1) if compiled is not None else None
    if compiled is None or len(model.outputs) < 2 or not isinstance(losses, ast.Dict):
        return []
    names = written.names_of(context, model.output_layers)
    sparse = {
        key.value: compiled[0].span(value)
        for key, value in zip(losses.keys, losses.values, strict=True)
        if isinstance(key, ast.Constant) and isinstance(value, ast.Constant) and value.value in SPARSE
    }
    found: list[_Labels] = []
    for source, node in written.literal(context, labels, ast.Dict)[:1]:
        for key, value in zip(node.keys, node.values, strict=True) if isinstance(node, ast.Dict) else ():
            name = key.value if isinstance(key, ast.Constant) else None
            if name not in sparse or name not in names or not isinstance(value, ast.Name):
                continue
            shape = model.outputs[names.index(str(name))].shape
            values = label_facts.values_of_name(context, source, value)
            if shape and values is not None:
                index = names.index(str(name))
                found.append(_Labels(value.id, None, values, shape[-1], index, sparse[name]))
    return found


def _finding(context: Context, call: Call, model: Model, given: _Labels) -> Finding:
    units = given.units or 0
    low, high = int(given.values["min"]), int(given.values["max"])
    last = operators.output_layer(context, model, given.output)
    name = f"`{given.name}`" if given.name else "the labels"
    lines = [
        f"{name} hold class numbers {low} to {high}; {units} units know only 0 to {units - 1}",
        f"The first step raises: Received a label value of {high} which is outside the valid range of [0, {units}). "
        "With XLA the loss is nan instead.",
    ]
    fixes: list[Fix] = []
    if not given.values.get("integral"):
        if len(model.outputs) == 1:
            fixes += operators.set_loss(context, model, "mse")
        elif given.loss is not None:
            fixes += fix("Use the loss `mse`", Edit(given.loss, '"mse"'), cause=given.loss)
    elif units == 1 and high <= 1 and low >= 0 and len(model.outputs) == 1:
        fixes += operators.set_loss(context, model, "binary_crossentropy")
    integral = bool(given.values.get("integral"))
    if integral and low > 0 and high - low < units:
        fixes += _counted_from(context, given, "{} - " + str(low), f"Count the labels from 0 (minus {low})")
    elif integral and low < 0 and high - low < units:
        fixes += _counted_from(context, given, f"{{}} + {-low}", f"Count the labels from 0 (plus {-low})")
    elif integral and last is not None and low >= 0:
        fixes += operators.set_units_for_classes(context, last, high + 1)
    span = fixes[0].cause if fixes and fixes[0].cause is not None else given.loss or call.span
    compiled = model.settings.get("jit_compile") is True  # by XLA, whose kernels refuse no value
    related = () if compiled else (Related(call.span, f"`{call.method}` raises here"),)
    return finding(
        RULE,
        context,
        span,
        "\n".join(lines),
        call=call,
        evidence=Evidence.SILENT if compiled else Evidence.WOULD_RAISE,
        severity=Severity.WARNING if compiled else None,
        related=related,
        fixes=tuple(fixes),
    )


def _encoded(context: Context) -> Iterator[Finding]:
    """`to_categorical` of labels below 0: NumPy's indexing takes -1 for the last class."""
    for source in context.sources.values():
        for node in source.calls():
            name = source.segment(node.func).rpartition(".")[2]
            if name != "to_categorical" or not node.args or not isinstance(node.args[0], ast.Name):
                continue
            labels = [item for item in context.report.variables if item.name == node.args[0].id]
            labels = [item for item in labels if item.span.path == source.path and item.span.line <= node.lineno]
            low = (labels[-1].values or {}).get("min") if labels else None
            if not isinstance(low, (int, float)) or low >= 0:
                continue
            given, size = source.segment(node.args[0]), edits.argument(node, "num_classes", 1)
            changes = [edits.replace(source, node.args[0], f"{given} + {-int(low)}")]
            if isinstance(size, ast.Constant) and type(size.value) is int:
                changes.append(edits.replace(source, size, str(size.value - int(low))))
            span = source.span(node)
            fixes = fix(f"Count the labels from 0 (plus {-int(low)})", *changes, cause=span)
            lines = f"`{given}` holds {low:g}: to_categorical makes it the last class\nKeras raises nothing."
            yield finding(
                RULE,
                context,
                span,
                lines,
                evidence=Evidence.SILENT,
                severity=Severity.WARNING,
                fixes=tuple(fixes),
            )


def _wasteful(
    context: Context, call: Call, model: Model, labels: Argument, output: tuple[int | None, ...]
) -> Iterator[Finding]:
    """A hint where class numbers 0 to n all occur and the output has more units than that."""
    values, target, last = labels.values or {}, single(labels.tensors), operators.output_layer(context, model)
    classes, units = values.get("classes"), output[-1]
    if call.loss not in SPARSE or len(output) != 2 or units is None or last is None or last.created is None:
        return
    if target is None or not target.shape or len(target.shape) > 2 or not isinstance(classes, int) or classes < 3:
        return
    if values.get("min") != 0 or values.get("max") != classes - 1 or units <= classes:
        return
    words = f"{units} units for {classes} classes: the others are never right"
    fixes = tuple(operators.set_units(context, last, classes))
    yield finding(RULE, context, last.created, words, evidence=Evidence.ADVICE, severity=Severity.HINT, fixes=fixes)


def _odd_values(call: Call, labels: Argument, units: int | None) -> tuple[str, str, str] | None:
    """What is wrong with label values that Keras takes without a word, and what would mend them."""
    values = labels.values or {}
    high, low = values.get("max"), values.get("min")
    if not isinstance(high, (int, float)) or not isinstance(low, (int, float)) or len(labels.tensors) != 1:
        return None
    if call.loss in SPARSE and values.get("integral") is False and units is not None and high < units:
        return (
            f"class numbers with fractions (up to {high:g}): Keras cuts them off",
            '{}.round().astype("int32")',
            "Round the labels to class numbers",
        )
    if call.loss in BINARY and (low, high) == (-1, 1) and values.get("classes") == 2:
        return f"labels -1 and 1; `{call.loss}` wants 0 and 1", '({} > 0).astype("float32")', "Make the labels 0 and 1"
    if call.loss in BINARY and low >= 0 and high in (255, 255.0):
        return f"labels from {low:g} to {high:g}; `{call.loss}` wants 0 to 1", "{} / 255.0", "Divide the labels by 255"
    return None


def _quiet(context: Context, call: Call, labels: Argument, first: str, form: str, title: str) -> Finding:
    fixes = operators.transform_data(context, labels, form, title)
    span = fixes[0].cause if fixes and fixes[0].cause is not None else labels.span or call.span
    name = f"`{labels.name}`: " if labels.name else ""
    lines = f"{name}{first}\nKeras raises nothing."
    return finding(
        RULE,
        context,
        span,
        lines,
        evidence=Evidence.SILENT,
        severity=Severity.WARNING,
        fixes=tuple(fixes),
    )
