"""What `fit`, `evaluate` or `predict` gives is taken for something else.

## What it says
The program asks a training history, or the logs that a callback of its own is given, for a name that they do not have
(`"acc"` where the metric is called `"accuracy"`, `"val_loss"` where nothing was validated or of one batch), or takes
more or fewer numbers from `evaluate` than the loss and the compiled metrics give, or asks the predictions of a model
whose outputs have names for one by its number.

## Why it matters
It raises only when the training is over: `KeyError: 'val_acc'`, `cannot unpack non-iterable float object`,
`not enough values to unpack`.

## Example
```python
import numpy as np, keras
x, y = np.zeros((32, 4)), np.zeros((32, 1))
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, activation="sigmoid")])
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
history = model.fit(x, y)
best = max(history.history["acc"])
```

## Repair
The name that the logs have; validation data; as many names as there are numbers; the name of the output.
"""

from __future__ import annotations

import ast
import difflib
import re
from typing import Any

from kls import edits
from kls.facts import Edit, Finding, Fix, Related, Severity, Span
from kls.rules import written
from kls.rules.context import Context, Rule, finding, fix
from kls.source import SourceText
from kls.worker.protocol import Call, Failure

RULE = Rule(
    "training-results", Severity.ERROR, "What `fit`, `evaluate` or `predict` gives is taken for something else."
)

_TAKEN = (None, "history", "logs")
"""What else is asked in vain is a callback's affair."""
SHORT = {
    "acc": "accuracy",
    "accuracy": "acc",
    "lr": "learning_rate",
    "mean_absolute_error": "mae",
    "mae": "mean_absolute_error",
}
"""Names that Keras 1 and 2 gave metrics, or that authors give them, and what they are called too."""


def diagnose(context: Context, failure: Failure) -> Finding | None:
    """The finding for a name or a number of values that the results do not have."""
    taken: dict[str, Any] = failure.facts.get("taken") or {}
    span = failure.frames[-1] if failure.frames else None
    source = context.source(span.path) if span is not None else None
    if not taken or taken.get("of") not in _TAKEN or span is None or source is None:
        return None
    calls = [call for call in context.report.calls if call.method == taken["method"] and not call.paired]
    trained = [call for call in calls if call.span.path != span.path or call.span.line <= span.line][-1:] or calls[-1:]
    if taken["method"] == "fit":
        words, place, fixes = _name(source, span, taken, trained)
    elif taken["method"] == "predict":
        words, place, fixes = _output(source, span, taken)
    else:
        words, place, fixes = _count(source, span, int(taken["count"]))
        fixes = [*_measured(context, source, span, trained), *fixes] if taken["count"] == 1 else fixes
    related = tuple(Related(call.span, f"`{call.method}` is called here") for call in trained)
    lines = [words, f"It raises: {failure.exception}: {failure.message}"]
    return finding(RULE, context, place, "\n".join(lines), related=related, fixes=tuple(fixes))


def _name(source: SourceText, span: Span, taken: dict[str, Any], trained: list[Call]) -> tuple[str, Span, list[Fix]]:
    key, names = str(taken["key"]), [str(name) for name in taken["names"]]
    listed = ", ".join(f'"{name}"' for name in names) or "nothing yet"
    whose = "the logs here have" if taken.get("of") == "logs" else "the history has"
    words = f'{whose} no "{key}", but {listed}'
    literals = [node for node in source.nodes if isinstance(node, ast.Constant) and node.value == key]
    node = next((item for item in literals if span.line <= item.lineno <= span.end_line), None)
    if node is None:
        return words, span, []
    prefix, own = ("val_", key[4:]) if key.startswith("val_") else ("", key)
    fixes: list[Fix] = []
    for name in other_names(key, names):
        quote = source.segment(node)[:1]
        changes = [edits.replace(source, item, f"{quote}{name}{quote}") for item in literals]
        fixes += fix(f'Use "{name}"', *changes, cause=source.span(node))
    if prefix and names and not any(name.startswith("val_") for name in names):
        words = f'{whose} no "{key}": `fit` validates nothing'
        fixes = [item for call in trained for item in validated(source, call, key, names)]
        rename = [name for name in (own, SHORT.get(own)) if name in names]
        if not fixes and rename:
            edit = edits.replace(source, node, f'"{rename[0]}"')
            fixes = fix(f'Use "{rename[0]}"', edit, cause=source.span(node))
    return words, source.span(node), fixes


def _output(source: SourceText, span: Span, taken: dict[str, Any]) -> tuple[str, Span, list[Fix]]:
    """The name of an output where its number, or another name, stands: in all that is taken of these predictions."""
    names = [str(name) for name in taken["names"]]
    words = f"the predictions have no {taken['key']!r}, but {', '.join(map(repr, names))}"
    asked = source.at(span, ast.Subscript)
    if asked is None:
        return words, span, []
    changes: list[Edit] = []
    whose = source.segment(asked.value)
    for node in source.nodes:
        key = node.slice if isinstance(node, ast.Subscript) and source.segment(node.value) == whose else None
        if not isinstance(key, ast.Constant) or source.function(node) is not source.function(asked):
            continue
        meant = names[key.value : key.value + 1] if type(key.value) is int and key.value >= 0 else []
        if isinstance(key.value, str) and key.value not in names:
            meant = difflib.get_close_matches(key.value, names, 1, 0.6)
        changes += [edits.replace(source, key, f'"{name}"') for name in meant]
    fixes = fix("Take the outputs by their names", *changes, cause=source.span(asked)) if changes else []
    return words, span, fixes


def other_names(key: str, names: list[str]) -> list[str]:
    """What may be meant by a name that the logs do not have, likeliest first."""
    prefix, own = ("val_", key[4:]) if key.startswith("val_") else ("", key)
    close = difflib.get_close_matches(key, names, 1, 0.6)
    meant = [prefix + SHORT[own], *close] if own in SHORT else close
    return [name for name in dict.fromkeys(meant) if name in names and name.startswith("val_") == bool(prefix)]


def validated(source: SourceText, call: Call, key: str, names: list[str]) -> list[Fix]:
    """Validate on a part of the training data, where `key` is of a validation and the logs have none."""
    found = source.at(call.span, ast.Call)
    if not key.startswith("val_") or any(name.startswith("val_") for name in names):
        return []
    if found is None or not any(item.kind in ("array", "tensor") for item in call.arguments if item.role == "x"):
        return []
    edit = edits.set_argument(source, found, "validation_split", None, "0.2")
    return fix("Validate on a part of the training data", edit, cause=call.span)


def _measured(context: Context, source: SourceText, span: Span, trained: list[Call]) -> list[Fix]:
    """Compile the model with the accuracy that the program means to read."""
    statement = source.statement_at(span.line)
    model = context.model_of(trained[0]) if trained else None
    found = written.compile_call(context, model)
    if statement is None or found is None or not re.search(r"acc|\[1\]|score", source.segment(statement), re.I):
        return []
    edit = edits.set_argument(*found, "metrics", 2, '["accuracy"]')
    return fix('Compile with `metrics=["accuracy"]`', edit, cause=found[0].span(found[1]))


def _count(source: SourceText, span: Span, count: int) -> tuple[str, Span, list[Fix]]:
    given = "one number, the loss" if count == 1 else f"{count} numbers, the loss and {count - 1} of metrics"
    if count == 2:
        given = "2 numbers, the loss and one of a metric"
    words = f"`evaluate` gives {given}"
    target = source.at(span, ast.Tuple) or source.at(span, ast.List)
    if target is None:
        return words, span, []
    words += f", not {len(target.elts)}"
    names = [source.segment(item) for item in target.elts]
    if count > len(names):
        text = ", ".join([*names, "*_"])
    else:
        text = ", ".join(names[:count])
    free = [
        node.id
        for node in source.nodes
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.lineno > span.end_line
    ]
    if any(name in free for name in names[count:]):
        return words, span, []
    return words, span, fix(f"Take `{text}`", edits.replace(source, target, text), cause=span)
