"""A loss, metric, optimizer, activation or initializer by a name that Keras does not know.

## What it says
A string names something that Keras looks up, and there is nothing of that name. `compile()` checks neither losses nor
metrics: Keras says it only when `fit` traces.

## Why it matters
Keras raises `ValueError: Could not interpret loss identifier: …`, `Unknown optimizer: …` or the like.

## Example
```python
import keras
layer = keras.layers.Dense(4, activation="Relu")
```

## Repair
The name as Keras writes it.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Collection, Iterator

from kls import edits
from kls.facts import Finding, Fix, Related, Severity
from kls.rules import keras_names
from kls.rules.context import Context, Rule, finding, fix
from kls.rules.reading import Reading, given, stated
from kls.source import SourceText
from kls.worker.protocol import Failure

RULE = Rule(
    "unknown-identifier",
    Severity.ERROR,
    "A loss, metric, optimizer, activation or initializer by a name that Keras does not know.",
)

KINDS = {
    "loss": keras_names.LOSSES | {"crossentropy", "ce"},
    "metric": keras_names.METRICS | {"accuracy", "acc"},
    "optimizer": keras_names.OPTIMIZERS,
    "activation": keras_names.ACTIVATIONS,
    "initializer": keras_names.INITIALIZERS,
    "regularizer": keras_names.REGULARIZERS,
    "constraint": keras_names.CONSTRAINTS,
}
"""The strings that Keras looks up, by what they are; `compile` itself adds the few that depend on the model."""

ANY_CASE = ("optimizer",)
"""Kinds that Keras looks up whatever the case."""

OLDER = frozenset(
    "kullback_leibler_divergence logcosh cosine_proximity kld KLD cosine COSINE mean_io_u "
    "sparse_top_k_categorical_crossentropy glorot_uniform_initializer l1_l2 hard_silu Swish".split()
)
"""Strings that an older Keras takes and this table lacks."""

NAMES = tuple(sorted(name for kind in KINDS.values() for name in kind if name.islower() or "_" in name))
"""Identifiers that people give as strings."""


def diagnose(context: Context, failure: Failure) -> Finding | None:
    """The finding for a string that Keras could not look up."""
    match = re.search(
        r"(?:interpret|Unknown|convert|Could not (?:locate|deserialize))[^\n]*?[:' ]['\"`]?([A-Za-z_][\w ]*)['\"`]?"
        r"(?:$|[\s.,'\"])",
        failure.message,
    )
    if match is None and "identifier" not in failure.message:
        return None
    place = _string(context, failure)
    if place is None:
        return None
    source, node = place
    word = str(node.value)
    span = source.span(node)
    lines = [f'Keras knows no "{word}"', f"Keras raises: {failure.exception}: {failure.message}"]
    related = tuple(Related(frame, "it raises here") for frame in failure.frames[:1] if frame.line != span.line)
    fixes: list[Fix] = []
    quote = source.segment(node)[0]
    for name in _close(word):
        fixes += fix(f'Use "{name}"', edits.replace(source, node, f"{quote}{name}{quote}"), cause=span)
    return finding(
        RULE, context, span, "\n".join(lines), call=context.sink(failure), related=related, fixes=tuple(fixes)
    )


def _string(context: Context, failure: Failure) -> tuple[SourceText, ast.Constant] | None:
    """The string of the author that the message quotes, in the failing line or in the model's `compile`."""
    call = context.sink(failure)
    model = context.model_of(call) if call is not None else None
    spans = [*reversed(failure.frames), *([model.compiled] if model is not None and model.compiled else [])]
    for span in spans:
        source = context.source(span.path)
        node = source.at(span, ast.Call) if source is not None else None
        if source is None or node is None:
            continue
        for item in ast.walk(node):
            if isinstance(item, ast.Constant) and isinstance(item.value, str) and len(item.value) > 2:
                if item.value not in NAMES and re.search(rf"\b{re.escape(item.value)}\b", failure.message):
                    return source, item
    return None


def _close(word: str, names: Collection[str] = NAMES, least: float = 0.6) -> list[str]:
    flat = re.sub(r"[^a-z0-9]", "", word.lower())
    same = [name for name in names if name.replace("_", "") == flat]
    return list(dict.fromkeys([*same, *difflib.get_close_matches(word.lower(), sorted(names), 2, least)]))[:3]


def read(reading: Reading) -> Iterator[Finding]:
    """The strings that no Keras knows, where a call of Keras takes such a string."""
    if reading.registers:
        return
    for call, name in reading.calls():
        for kind, node in _given(call, name):
            found = _unknown(reading, kind, node)
            if found is not None:
                yield found


def _given(call: ast.Call, name: str) -> Iterator[tuple[str, ast.expr]]:
    """The expressions in `call` that Keras looks up by name, each with its kind."""
    if name == "keras.Model.compile":
        for kind, keyword, position in (("optimizer", "optimizer", 0), ("loss", "loss", 1), ("metric", "metrics", 3)):
            value = edits.argument(call, keyword, position if kind != "metric" else None)
            yield from ((kind, item) for item in _items(value))
        yield from (("metric", item) for item in _items(edits.keyword(call, "weighted_metrics")))
        return
    if not name.startswith("keras.layers."):
        return
    for parameter, value in given(call, name).items():
        kind = parameter.rpartition("_")[2]
        if kind in KINDS and kind not in ("loss", "metric", "optimizer"):
            yield kind, value


def _items(node: ast.expr | None) -> Iterator[ast.expr]:
    """The expression itself, or what stands in its lists and dictionaries."""
    if isinstance(node, (ast.List, ast.Tuple)):
        for item in node.elts:
            yield from _items(item)
    elif isinstance(node, ast.Dict):
        for item in node.values:
            yield from _items(item)
    elif node is not None:
        yield node


def _unknown(reading: Reading, kind: str, node: ast.expr) -> Finding | None:
    """The finding for a string that is no name of its kind and that nothing else can have made one."""
    word = node.value if isinstance(node, ast.Constant) else None
    names = KINDS[kind]
    if not isinstance(word, str) or not word or ">" in word or word in names:
        return None
    if (word.lower() in names and kind in ANY_CASE) or word in OLDER:
        return None
    close = _close(word, {name for name in names if name == name.lower()}, 0.75)
    if not close and (reading.foreign or not reading.tabled):
        return None
    span = reading.source.span(node)
    quote = re.match(r"[A-Za-z]*(\"\"\"|'''|\"|')", reading.source.segment(node))
    mark = quote[1] if quote is not None else '"'
    fixes: list[Fix] = []
    for name in close:
        fixes += fix(f'Use "{name}"', edits.replace(reading.source, node, f"{mark}{name}{mark}"), cause=span)
    lines = [f'Keras knows no {kind} "{word}"']
    lines += [f"Keras raises: ValueError: {_said(kind)}: {word}"] if reading.installed else []
    return stated(RULE, span, "\n".join(lines), fixes=tuple(fixes))


def _said(kind: str) -> str:
    return f"Could not interpret {'activation function' if kind == 'activation' else kind} identifier"
