"""The last layer's activation and the loss do not belong together: it trains, and badly.

## What it says
A softmax before a loss with `from_logits=True`, no activation before a loss without it, sigmoid where classes exclude
each other, softmax over one unit, `categorical_crossentropy` of one unit, relu before a cross-entropy, a sigmoid for
targets above 1, a Dropout behind the output.

## Why it matters
Nothing is raised. The loss is computed of the wrong thing: a model of one softmax unit answers 1.0 for ever, logits in
a cross-entropy stay at chance, a double softmax learns slowly, a Dropout at the end makes predictions 0. Keras trains
10 sigmoids like a softmax, but what they predict are no probabilities of 10 classes.

## Example
```python
import numpy as np, keras
x = np.zeros((64, 4)); y = np.arange(64) % 2
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, activation="softmax")])
model.compile("adam", "binary_crossentropy")
model.fit(x, y)
```

## Repair
softmax with a categorical cross-entropy, sigmoid with the binary one, no activation with `from_logits=True` or a
regression.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from kls import edits
from kls.facts import Evidence, Finding, Fix, Related, Severity, Span
from kls.rules import operators, search, written
from kls.rules.context import Context, Rule, argument_of, finding, fix, single
from kls.rules.loss_target import BINARY, SPARSE
from kls.source import SourceText
from kls.worker.protocol import Argument, Call, Layer, Model, Warned

RULE = Rule("output-activation", Severity.WARNING, "The last layer's activation and the loss do not belong together.")

CATEGORICAL = ("categorical_crossentropy", "CategoricalCrossentropy")
REGRESSION = ("mse", "mae", "mean_squared_error", "mean_absolute_error", "MeanSquaredError", "MeanAbsoluteError")
PASSING = ("Reshape", "Flatten", "Dropout", "Identity", "Cropping1D", "Permute", "InputLayer", "Lambda")
"""Layers that do not turn logits into probabilities, or back."""


@dataclass(frozen=True)
class _Case:
    """A loss, and the model of one output whose predictions it is given."""

    model: Model
    place: Span
    loss: str
    logits: bool
    text: tuple[SourceText, ast.expr] | None
    """The expression that says what the loss is."""
    units: int
    dtype: str
    labels: Argument | None


def survey(context: Context) -> Iterator[Finding]:
    """One finding for each model of one output that was trained, by `fit` or by a loss that the author calls."""
    told: set[int] = set()
    for call in context.report.calls:
        model = context.model_of(call)
        if (
            model is None
            or model.key in told
            or call.status != "traced"
            or not call.method.startswith(("fit", "train"))
        ):
            continue
        if model.kind == "subclass" or len(model.output_layers or (0,)) > 1 or len(call.outputs) > 1:
            continue
        case = _compiled(context, call, model)
        found = (_look(context, case) if case is not None else None) or _dropped(context, call, model)
        if found is not None:
            told.add(model.key)
            yield found
    for warned in context.report.warnings:
        own = _own(context, warned) if warned.layer not in told else None
        found = _look(context, own) if own is not None else _of_one(context, warned)
        if found is not None and own is not None:
            told.add(own.model.key)
        if found is not None:
            yield found
    met = {call.model for call in context.report.calls} | told
    for model in context.report.models if not context.report.failures else ():
        case = _before_data(context, model) if model.key not in met else None
        found = _look(context, case) if case is not None else None
        if found is not None:
            yield found


def _before_data(context: Context, model: Model) -> _Case | None:
    """The loss of `compile`, of a model that has not met any data, by the text alone."""
    output, text = single(model.outputs), written.compile_call(context, model)
    value = edits.argument(text[1], "loss", 1) if text is not None else None
    logits = _from_logits(value)
    if model.compiled is None or model.kind == "subclass" or output is None or not output.shape:
        return None
    if text is None or value is None or logits is None or output.shape[-1] is None or len(model.output_layers) > 1:
        return None
    loss = value.value if isinstance(value, ast.Constant) else None
    if not isinstance(loss, str):
        loss = search.last_part(value.func if isinstance(value, ast.Call) else value)
    place, dtype = (text[0], value), output.dtype or ""
    return _Case(model, model.compiled, loss, logits, place, output.shape[-1], dtype, None)


def _compiled(context: Context, call: Call, model: Model) -> _Case | None:
    """The loss of `compile`; None where the text does not say what it is."""
    output, text = single(call.outputs), written.compile_call(context, model)
    value = edits.argument(text[1], "loss", 1) if text is not None else None
    logits = _from_logits(value)
    if output is None or not output.shape or output.shape[-1] is None or logits is None or text is None:
        return None
    where = (text[0], value) if value is not None else None
    labels = argument_of(call, "y")
    return _Case(model, call.span, call.loss or "", logits, where, output.shape[-1], output.dtype or "", labels)


def _own(context: Context, warned: Warned) -> _Case | None:
    """A loss that the author calls on what a model gave."""
    model = context.models.get(warned.layer) if warned.layer is not None else None
    if warned.category != "OwnLoss" or model is None or model.kind == "subclass" or len(model.output_layers) > 1:
        return None
    loss, logits, units = warned.message.split()
    last = single(model.outputs)
    if not units.isdigit() or last is None:
        return None
    text = context.call_node(warned.span)
    return _Case(model, warned.span, loss, logits == "1", text, int(units), last.dtype or "", None)


def _of_one(context: Context, warned: Warned) -> Finding | None:
    """A categorical cross-entropy that the author calls on one value for each sample, whatever gave it."""
    if warned.category != "OwnLoss" or not warned.message.startswith(CATEGORICAL[1]) or warned.message[-2:] != " 1":
        return None
    text = context.call_node(warned.span)
    fixes = operators.set_loss_at(*text, "binary_crossentropy") if text is not None else []
    lines = [
        f"`{CATEGORICAL[1]}` over one value is always 0: there is nothing to learn",
        "Keras raises nothing: every gradient is 0.",
    ]
    return finding(RULE, context, warned.span, "\n".join(lines), evidence=Evidence.SILENT, fixes=tuple(fixes))


def _last(context: Context, model: Model) -> tuple[Layer, str, bool] | None:
    """The layer that decides what the output means, its activation, and whether other layers stand behind it."""
    chain = context.first_layers(model)
    if model.kind == "functional":
        last = operators.output_layer(context, model)
        if last is None:
            return None
        chain = [layer for layer in chain if layer.key != last.key]
        chain.append(last)
    behind = False
    for layer in reversed(chain):
        if layer.cls == "Softmax":
            return layer, "softmax", behind
        activation = layer.config.get("activation")
        if layer.cls == "Activation" and activation == "linear":
            behind = True
            continue
        if isinstance(activation, str) and layer.cls in ("Dense", "Conv1D", "Conv2D", "Conv3D", "Activation"):
            return layer, activation, behind
        if layer.cls not in PASSING or (model.kind == "functional"):
            return None
        behind = True
    return None


def _look(context: Context, case: _Case) -> Finding | None:
    model, units, loss, logits = case.model, case.units, case.loss, case.logits
    known = _last(context, model)
    if known is None:
        return None
    layer, activation, behind = known
    source, value = case.text or (None, None)
    through_lambda = any(item.cls == "Lambda" for item in context.first_layers(model))
    crossed = loss in CATEGORICAL or loss in SPARSE
    fixes: list[Fix] = []
    first = ""
    harm = "Keras raises nothing: it trains on the wrong thing."
    twice = behind or "float16" in case.dtype
    if units == 1 and activation == "softmax":
        first = "softmax over one unit is always 1.0"
        fixes += _of_classes(context, case, layer) or _activate(context, layer, "sigmoid")
    elif units == 1 and loss in CATEGORICAL:
        first = f"`{loss}` over one unit is always 0: there is nothing to learn"
        fixes += _of_two_classes(context, case, layer, activation)
    elif logits and activation in ("softmax", "sigmoid") and (crossed or loss in BINARY):
        first = f"the loss has from_logits=True and {layer.cls} applies {activation} already"
        if not twice:  # Keras remembers what stood in front of the activation
            harm = f"Keras warns, and trains as if the {activation} were not there: one of the two is too much."
        fixes += _activate(context, layer, None)
        fixes += _without_logits(source, value)
    elif not logits and activation == "linear" and (crossed or loss in BINARY) and not through_lambda:
        wanted = "softmax" if crossed else "sigmoid"
        first = f"`{loss}` wants probabilities, and {layer.cls} gives logits: it has no activation"
        fixes += _with_logits(source, value)
        fixes += _activate(context, layer, wanted)
    elif activation == "sigmoid" and crossed and units > 1:
        first = f"`{loss}` is for classes that exclude each other; sigmoid gives {units} independent probabilities"
        if not twice:
            harm = f"Keras trains it like a softmax, but the {units} numbers of a prediction do not add up to 1."
        fixes += _activate(context, layer, "softmax")
    elif activation == "softmax" and loss in BINARY and units > 2 and _one_hot(case):
        first = f"`{loss}` over softmax of {units} classes trains {units} separate yes-or-no questions"
        fixes += _set_loss(case, "categorical_crossentropy")
    elif activation == "relu" and (loss in BINARY or crossed) and not logits:
        wanted = "softmax" if crossed else "sigmoid"
        first = f"`{loss}` wants probabilities; relu gives numbers from 0 up"
        fixes += _activate(context, layer, wanted)
    elif (
        activation in ("sigmoid", "tanh")
        and loss in REGRESSION
        and _beyond_one(case, -1 if activation == "tanh" else 0)
    ):
        first = f"{activation} cannot reach the targets, which go beyond 1"
        fixes += _activate(context, layer, None)
    if not first:
        return None
    span = fixes[0].cause if fixes and fixes[0].cause is not None else layer.created or case.place
    related = (Related(source.span(value), "the loss"),) if source is not None and value is not None else ()
    lines = [first, harm]
    return finding(RULE, context, span, "\n".join(lines), evidence=Evidence.SILENT, related=related, fixes=tuple(fixes))


DROPPING = ("Dropout", "AlphaDropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D")


def _dropped(context: Context, call: Call, model: Model) -> Finding | None:
    """A Dropout as the last layer, before a loss of class probabilities."""
    chain = context.first_layers(model)
    last = operators.output_layer(context, model) if model.kind == "functional" else chain[-1] if chain else None
    rate = last.config.get("rate") if last is not None and last.cls in DROPPING else None
    if last is None or not isinstance(rate, float) or not rate or call.loss not in (*CATEGORICAL, *SPARSE, *BINARY):
        return None
    lines = [
        f"{last.cls} is the last layer: in training it makes {rate:.0%} of the predictions 0",
        "Keras raises nothing: the loss is computed of those zeros.",
    ]
    span, fixes = last.created or call.span, operators.remove_layer(context, last)
    return finding(RULE, context, span, "\n".join(lines), evidence=Evidence.SILENT, fixes=tuple(fixes))


def _of_classes(context: Context, case: _Case, layer: Layer) -> list[Fix]:
    """One unit for each class of the labels, which are numbers, and the loss for these; none where there are two."""
    values = (case.labels.values if case.labels is not None else None) or {}
    most = values.get("max")
    if layer.cls != "Dense" or not values.get("integral") or not isinstance(most, (int, float)) or most < 2:
        return []
    units = operators.set_units(context, layer, int(most) + 1)
    loss = _set_loss(case, "sparse_categorical_crossentropy") if case.loss not in SPARSE else []
    if not units or (not loss and case.loss not in SPARSE):
        return []
    if not loss:
        return units[:1]
    title = f"{units[0].title}, and the loss to `sparse_categorical_crossentropy`"
    return fix(title, *units[0].edits, *loss[0].edits, cause=units[0].cause)


def _set_loss(case: _Case, loss: str) -> list[Fix]:
    return [] if case.text is None else operators.set_loss_at(*case.text, loss)


def _of_two_classes(context: Context, case: _Case, layer: Layer, activation: str) -> list[Fix]:
    """The loss for one probability, and the activation that gives one where the loss does not take logits."""
    fixes = _set_loss(case, "binary_crossentropy")
    if case.logits:
        return fixes
    sigmoid = _activate(context, layer, "sigmoid") if activation == "linear" else []
    if not fixes or not sigmoid:
        return fixes
    title = f"{fixes[0].title}, and sigmoid before it"
    return fix(title, *fixes[0].edits, *sigmoid[0].edits, cause=fixes[0].cause)


def _from_logits(value: ast.expr | None) -> bool | None:
    """Whether the loss is told to take logits; None when the text does not say what the loss is."""
    if isinstance(value, ast.Constant):
        return False
    if isinstance(value, ast.Call):
        if value.args or any(item.arg is None for item in value.keywords):
            return None
        given = edits.keyword(value, "from_logits")
        if given is None:
            return False
        return given.value if isinstance(given, ast.Constant) and isinstance(given.value, bool) else None
    return False if isinstance(value, ast.Attribute) else None


def _activate(context: Context, layer: Layer, activation: str | None) -> list[Fix]:
    found = context.call_node(layer.created)
    if found is None:
        return []
    source, call = found
    if layer.cls == "Softmax":
        return operators.remove_layer(context, layer) if activation is None else []
    if layer.cls == "Activation":
        if activation is None:
            return operators.remove_layer(context, layer)
        return fix(
            f'Use "{activation}"',
            edits.set_argument(source, call, "activation", 0, f'"{activation}"'),
            cause=layer.created,
        )
    value = edits.keyword(call, "activation")
    if activation is None:
        return fix("Leave out the activation", edits.remove_argument(source, call, "activation"), cause=layer.created)
    if value is not None and not isinstance(value, ast.Constant):
        return fix(f'Use "{activation}"', edits.replace(source, value, f'"{activation}"'), cause=layer.created)
    position = 1 if layer.cls == "Dense" else None
    changed = edits.set_argument(source, call, "activation", position, f'"{activation}"')
    return fix(f'Give {layer.cls} activation="{activation}"', changed, cause=layer.created)


def _without_logits(source: SourceText | None, value: ast.expr | None) -> list[Fix]:
    if source is None or not isinstance(value, ast.Call):
        return []
    changed = edits.remove_argument(source, value, "from_logits")
    return fix("Leave out `from_logits=True`", changed, cause=source.span(value))


def _with_logits(source: SourceText | None, value: ast.expr | None) -> list[Fix]:
    """`from_logits=True` for a loss that is made of its class, where it can be said."""
    if source is None or not isinstance(value, ast.Call) or edits.keyword(value, "from_logits") is not None:
        return []
    changed = edits.add_argument(source, value, "from_logits=True")
    return fix("Tell the loss that it gets logits: `from_logits=True`", changed, cause=source.span(value))


def _one_hot(case: _Case) -> bool:
    return case.labels is not None and bool((case.labels.values or {}).get("one_hot"))


def _beyond_one(case: _Case, least: int) -> bool:
    values = case.labels.values if case.labels is not None else None
    if not values or not isinstance(values.get("max"), (int, float)):
        return False
    return float(values["max"]) > 1 or float(values.get("min") or 0) < least
