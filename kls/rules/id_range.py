"""Ids outside the table of an Embedding.

## What it says
An `Embedding` has rows for the ids 0 … input_dim-1, and the data hold others; or a table of positions has fewer rows
than the data have steps.

## Why it matters
On a CPU the first step raises `InvalidArgumentError: indices[0,0] = 10 is not in [0, 10)`; with XLA, the default on
GPUs, the id is silently clamped to the last row. A negative id never raises: -1 is the last row.

## Example
```python
import numpy as np, keras
x = np.arange(64).reshape(16, 4) % 11; y = np.zeros(16)
model = keras.Sequential([
    keras.Input((4,), dtype="int32"),
    keras.layers.Embedding(10, 2),
    keras.layers.Flatten(),
    keras.layers.Dense(1),
])
model.compile("sgd", "mse")
model.fit(x, y)
```

## Repair
One row for each id: `input_dim` is the largest id plus one.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kls import edits
from kls.facts import Evidence, Finding, Fix, Related, Severity
from kls.rules import labels, operators, written
from kls.rules.context import Context, Rule, argument_of, finding, fix
from kls.source import SourceText
from kls.worker.protocol import Argument, Call, Failure, Layer, Model

RULE = Rule("id-range", Severity.ERROR, "Ids outside the table of an Embedding.")


@dataclass(frozen=True)
class _Ids:
    """Ids whose values are known, and the table that they go to. `argument` is what they were given as, None where
    they are a part of something."""

    name: str | None
    argument: Argument | None
    values: dict[str, Any]
    table: Layer


def diagnose(context: Context, failure: Failure) -> Finding | None:
    """The finding for ids that an Embedding refused outside of `fit`, and for positions that it refuses anywhere."""
    told = re.search(r"indices\[[\d, ]*\] = (-?\d+) is not in \[0, (\d+)\)", failure.message)
    if told is None or not failure.frames:
        return None
    high, rows = int(told[1]), int(told[2])
    tables = [
        item for item in context.report.layers if item.cls == "Embedding" and item.config.get("input_dim") == rows
    ]
    if high < 0 or not tables or tables[-1].created is None:
        return None
    of_length = failure.call is not None
    for variable in context.report.variables:
        known = variable.values or {}
        if not of_length and variable.kind == "array" and known.get("integral") and rows <= known["max"] < 2 * rows + 2:
            high = max(high, int(known["max"]))
    told_of = f"{high + 1} positions are looked up" if of_length else f"the data hold ids up to {high}"
    lines = [
        f"{told_of}; this Embedding has rows for 0 to {rows - 1}",
        f"It raises: {failure.exception}: {failure.message}",
    ]
    related = (Related(failure.frames[-1], "it raises here"),)
    span, fixes = tables[-1].created, tuple(_fixes(context, tables[-1], high))
    return finding(RULE, context, span, "\n".join(lines), related=related, fixes=fixes)


def survey(context: Context) -> Iterator[Finding]:
    """One finding for each table that ids at an input of the model overrun."""
    seen: set[object] = set()
    for call in context.report.calls:
        model = context.model_of(call)
        if model is None or call.status != "traced":
            continue
        for ids in (*_alone(context, call, model), *_by_input(context, call, model)):
            rows, place = ids.table.config.get("input_dim"), ids.table.created
            if not ids.values.get("integral") or not isinstance(rows, int) or place in seen:
                continue
            if place is not None and ids.argument is not None and _is_one_hot(ids.argument, rows):
                seen.add(place)
                lines = "the rows of the data are one-hot; Embedding wants the class numbers\nKeras raises nothing."
                span = operators.place_of_data(context, ids.argument) or call.span
                yield finding(RULE, context, span, lines, evidence=Evidence.SILENT, severity=Severity.WARNING)
                continue
            low, high = int(ids.values["min"]), int(ids.values["max"])
            if low < 0 or high >= rows:
                seen.add(place)
                made = _finding(context, call, ids, low, high, rows)
                if made is not None:
                    yield made


def _is_one_hot(ids: Argument, rows: int) -> bool:
    """Whether the data are one-hot rows as wide as the table is high."""
    shape = ids.tensors[0].shape if len(ids.tensors) == 1 else None
    return bool((ids.values or {}).get("one_hot")) and shape is not None and shape[-1] == rows and len(shape) == 2


def _alone(context: Context, call: Call, model: Model) -> list[_Ids]:
    """The one array of ids and the Embeddings that are given the model's own, single input."""
    ids = argument_of(call, "x")
    found: list[_Ids] = []
    values: dict[str, Any] = (ids.values or ids.parts.get("0") or ids.parts.get("") or {}) if ids is not None else {}
    tables = [layer for layer in context.report.layers if layer.cls == "Embedding"] if values else []
    for layer in tables:
        own = layer.key in model.layers and _is_given_the_input(context, model, layer)
        if own or _is_handed_the_input(context, model, layer):
            found.append(_Ids(ids.name if ids else None, ids, values, layer))
    return found


def _is_handed_the_input(context: Context, model: Model, layer: Layer) -> bool:
    """Whether `layer` is given the model's one input as it is, by the `call` of the author's own layer or model."""
    found = context.call_node(layer.called)
    if layer.parent is None or found is None or not found[1].args:
        return False
    source, call = found
    function, given = source.function(call), call.args[0]
    if not isinstance(function, ast.FunctionDef) or function.name != "call" or not isinstance(given, ast.Name):
        return False
    names = [item.arg for item in function.args.args]
    stored = [item for item in ast.walk(function) if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store)]
    if names[1:2] != [given.id] or any(item.id == given.id for item in stored):
        return False
    if layer.parent == model.key:
        return model.kind == "subclass"
    owner = context.layers.get(layer.parent, [])
    return layer.parent in model.layers and bool(owner) and _is_given_the_input(context, model, owner[0])


def _is_given_the_input(context: Context, model: Model, layer: Layer) -> bool:
    """Whether nothing comes between the model's one input and `layer`; a layer there may make other ids of the ids."""
    if model.graph:
        sources = [source for node in model.graph if node.key == layer.key for source in node.sources]
        before = {model.graph[source[0]].cls for source in sources if source[0] < len(model.graph)}
        return len(model.inputs) == 1 and before == {"InputLayer"}
    first = [item for item in context.first_layers(model) if item.cls != "InputLayer"]
    return model.kind == "sequential" and bool(first) and first[0].key == layer.key


def _by_input(context: Context, call: Call, model: Model) -> list[_Ids]:
    """The ids that are given to the inputs one by one, in a list or by their names, and the Embedding behind each."""
    if len(model.inputs) < 2 or len(model.inputs) != len(model.input_layers):
        return []
    names = written.names_of(context, model.input_layers)
    given = _given(context, call, names)
    argument = argument_of(call, "x")
    found: list[_Ids] = []
    for node in model.graph:
        before = [model.graph[source[0]].key for source in node.sources if source[0] < len(model.graph)]
        if node.cls != "Embedding" or len(before) != 1 or before[0] not in model.input_layers:
            continue
        index = model.input_layers.index(before[0])
        place = given.get(index)
        values = labels.values_of_name(context, *place) if place is not None else None
        if argument is not None and values is None:
            values = _part(argument, names[index], index)
        if values is not None and node.key in context.layers:
            name = place[1].id if place is not None else names[index]
            found.append(_Ids(name, None, values, context.layers[node.key][0]))
    return found


def _part(argument: Argument, name: str, index: int) -> dict[str, Any] | None:
    """What is known of the values that one of several inputs is given, by its name or its number."""
    paths = (name, str(index)) if argument.kind != "dataset" else (f"0.{name}", f"0.{index}")
    return next((argument.parts[path] for path in paths if path in argument.parts), None)


def _given(context: Context, call: Call, names: list[str]) -> dict[int, tuple[SourceText, ast.Name]]:
    """The names that stand for the inputs, by the number of the input."""
    argument = argument_of(call, "x")
    found: dict[int, tuple[SourceText, ast.Name]] = {}
    for source, node in written.literal(context, argument, ast.Dict)[:1]:
        for key, value in zip(node.keys, node.values, strict=True) if isinstance(node, ast.Dict) else ():
            if isinstance(key, ast.Constant) and key.value in names and isinstance(value, ast.Name):
                found[names.index(str(key.value))] = (source, value)
    value = written.value_of(context, argument)
    if value is not None and isinstance(value[1], (ast.List, ast.Tuple)) and len(value[1].elts) == len(names):
        for index, item in enumerate(value[1].elts):
            if isinstance(item, ast.Name):
                found[index] = (value[0], item)
    return found


def _finding(context: Context, call: Call, ids: _Ids, low: int, high: int, rows: int) -> Finding | None:
    table = ids.table
    if table.created is None:
        return None
    name = f"`{ids.name}`" if ids.name else "the data"
    related = [Related(call.span, f"`{call.method}` is given the ids here")]
    place = operators.place_of_data(context, ids.argument)
    if place is not None:
        related.append(Related(place, f"ids {low} to {high} come from here"))
    first = f"{name} holds ids {low} to {high}; this Embedding has rows for 0 to {rows - 1}"
    if high < rows:
        message = f"{first}\nA negative id is never refused: -1 is the last row."
        return finding(
            RULE,
            context,
            table.created,
            message,
            call=call,
            evidence=Evidence.SILENT,
            severity=Severity.WARNING,
            related=tuple(related),
        )
    model = context.model_of(call)
    compiled = model is not None and model.settings.get("jit_compile") is True  # by XLA, which refuses no id
    message = (
        f"{first}\nThe first step raises: indices = {high} is not in [0, {rows}). With XLA the id is clamped instead."
    )
    return finding(
        RULE,
        context,
        table.created,
        message,
        call=call,
        evidence=Evidence.SILENT if compiled else Evidence.WOULD_RAISE,
        severity=Severity.WARNING if compiled else None,
        related=tuple(related),
        fixes=tuple(_fixes(context, table, high)),
    )


def _fixes(context: Context, table: Layer, high: int) -> list[Fix]:
    fixes: list[Fix] = []
    found = context.call_node(table.created)
    width, have = table.config.get("output_dim"), table.config.get("input_dim")
    rows = edits.argument(found[1], "input_dim", 0) if found is not None else None
    if found is not None and isinstance(rows, ast.Name) and isinstance(have, int) and have == high:
        title = f"Count one row more: `{rows.id}` is {high + 1}"
        fixes += operators.change_count(found[0], rows, have, high + 1, title)
    outer = written.given_from(found[0], rows) if found is not None and rows is not None else None
    if found is not None and outer is not None and isinstance(outer[0], ast.Constant) and outer[0].value == have:
        changed = edits.replace(found[0], outer[0], str(high + 1))
        fixes += fix(f"Give {high + 1} rows", changed, cause=found[0].span(outer[1]))
    elif found is not None and outer is not None and isinstance(have, int):
        fixes += operators.change_count(found[0], outer[0], have, high + 1, f"Give {high + 1} rows")
    if found is not None and isinstance(width, int) and width > high and len(found[1].args) >= 2:
        source, call = found
        one, other = call.args[0], call.args[1]
        swapped = [edits.replace(source, one, source.segment(other)), edits.replace(source, other, source.segment(one))]
        fixes += fix("Exchange the two sizes: rows first, then width", *swapped, cause=table.created)
    fixes += operators.set_layer_argument(
        context, table, "input_dim", 0, str(high + 1), f"Set `input_dim` to {high + 1}"
    )
    return fixes
