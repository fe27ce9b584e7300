"""A softmax over an axis of one value: every weight is 1.

## What it says
A layer of your own, or one inside the model, takes the softmax of scores that have one value on the last axis, as
`Dense(1)` gives one for each step. (Of a model's last layer `output-activation` tells.)

## Why it matters
Nothing is raised. What a softmax gives for one value is 1, whatever the score: attention that is weighted with it pays
every step the same, and the weights of the scores learn nothing.

## Example
```python
import keras
words = keras.Input((20, 16))
scores = keras.layers.Dense(1)(words)
weights = keras.layers.Activation("softmax")(scores)
seen = keras.layers.Multiply()([words, weights])
model = keras.Model(words, keras.layers.GlobalAveragePooling1D()(seen))
```

## Repair
The softmax over the steps: `axis=1`, as in `keras.layers.Softmax(axis=1)`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from kls import edits
from kls.facts import Evidence, Finding, Fix, Severity, Span
from kls.rules import search
from kls.rules.context import Context, Rule, finding, fix, show, single
from kls.worker.protocol import Layer

RULE = Rule("softmax-of-one", Severity.WARNING, "A softmax over an axis of one value: every weight is 1.")


def survey(context: Context) -> Iterator[Finding]:
    """One finding for each layer inside a model, and for each call in the author's own code."""
    ends = _ends(context)
    told: set[Span] = set()
    for layer in context.report.layers:
        output = single(layer.outputs)
        shape = output.shape if output is not None else None
        over_last = layer.config.get("activation") == "softmax" or (
            layer.cls == "Softmax" and layer.config.get("axis") == -1
        )
        if not over_last or not shape or len(shape) < 3 or shape[-1] != 1 or layer.key in ends:
            continue
        if layer.created is not None and layer.created not in told:
            told.add(layer.created)
            yield _finding(context, layer.created, shape, _of_layer(context, layer))
    for warned in context.report.warnings:
        found = context.call_node(warned.span) if warned.category == "SoftmaxOfOne" else None
        if found is None or warned.span in told or search.last_part(found[1].func) != "softmax":
            continue
        source, call = found
        axis = edits.argument(call, "axis", 1)
        if axis is not None and source.segment(axis) != "-1":
            continue
        told.add(warned.span)
        shape = tuple(int(item) if item.isdigit() else None for item in warned.message.split())
        changed = edits.set_argument(source, call, "axis", 1 if axis in call.args else None, "1")
        fixes = fix("Take it over the steps: `axis=1`", changed, cause=warned.span) if len(shape) > 2 else []
        yield _finding(context, warned.span, shape, fixes)


def _finding(context: Context, span: Span, shape: tuple[int | None, ...], fixes: list[Fix]) -> Finding:
    lines = [
        f"the softmax of {show((None, *shape[1:]))} is taken over one value: it is 1.0 whatever the score",
        "Keras raises nothing: what is weighted with it is weighted alike.",
    ]
    return finding(RULE, context, span, "\n".join(lines), evidence=Evidence.SILENT, fixes=tuple(fixes))


def _ends(context: Context) -> set[int]:
    """The layers that give the outputs of models."""
    keys = {key for model in context.report.models for key in model.output_layers}
    return keys | {model.layers[-1] for model in context.report.models if model.layers}


def _of_layer(context: Context, layer: Layer) -> list[Fix]:
    found = context.call_node(layer.created)
    if found is None:
        return []
    source, call = found
    if layer.cls == "Softmax":
        changed = edits.set_argument(source, call, "axis", 0, "1")
        return fix("Take it over the steps: `axis=1`", changed, cause=layer.created)
    if layer.cls == "Activation":
        name, imports = edits.callee_like(source, call, "Softmax")
        changed = edits.replace(source, call, f"{name}(axis=1)")
        return fix("Take it over the steps: `Softmax(axis=1)`", changed, *imports, cause=layer.created)
    called = source.parents.get(call)
    if not isinstance(called, ast.Call) or called.func is not call or edits.keyword(call, "activation") is None:
        return []
    name, imports = edits.callee_like(source, call, "Softmax")
    kept = [*call.args, *(item for item in call.keywords if item.arg != "activation")]
    bare = f"{source.segment(call.func)}({', '.join(map(source.segment, kept))})"
    given = ", ".join(map(source.segment, (*called.args, *called.keywords)))
    changed = edits.replace(source, called, f"{name}(axis=1)({bare}({given}))")
    return fix("Take it over the steps: `Softmax(axis=1)`", changed, *imports, cause=layer.created)
