"""A callback asks a training for what it does not give.

## What it says
`EarlyStopping`, `ReduceLROnPlateau` or `ModelCheckpoint` watches a number that the logs of the training do not have:
`"val_loss"` where nothing is validated, `"acc"` where the metric is called `"accuracy"`. Or Keras cannot know whether
more or less of it is better; a file name has a field that is not logged; a schedule gives no number; a function that
stands in for a method takes other arguments than Keras gives it.

## Why it matters
What is watched in vain is only warned of, among the lines of the progress bar: nothing stops early, no rate is lowered.
The others raise when the first epoch is over: `KeyError: 'val_acc'`, `isn't able to automatically determine whether
that metric should be maximized or minimized`.

## Example
```python
import numpy as np, keras
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile("adam", "mse")
stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=3)
model.fit(np.zeros((32, 4)), np.zeros((32, 1)), epochs=20, callbacks=[stop])
```

## Repair
The name that the logs have; validation data; `mode="max"` or `mode="min"`; the function itself, not what it gives.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from kls import edits
from kls.facts import Evidence, Finding, Fix, Related, Severity, Span
from kls.rules import search
from kls.rules.context import Context, Rule, finding, fix
from kls.rules.training_results import other_names, validated
from kls.source import SourceText
from kls.worker.protocol import Call, Failure

RULE = Rule("callback", Severity.ERROR, "A callback asks a training for what it does not give.")

_IN_VAIN = {
    "EarlyStopping": "it never stops",
    "ReduceLROnPlateau": "it never lowers the rate",
    "ModelCheckpoint": "it takes every epoch for the best",
}
_SMALLER = re.compile(r"loss|err|mse|mae|rmse|mape|msle|perplexity|distance|divergence")
"""Names of numbers of which less is better."""
_GIVEN = {"on_epoch_begin": "epoch, logs", "on_epoch_end": "epoch, logs", "on_train_batch_begin": "batch, logs",
          "on_train_batch_end": "batch, logs", "on_train_begin": "logs", "on_train_end": "logs"}  # fmt: skip
"""What Keras gives the methods (keras/src/callbacks/callback.py)."""


def diagnose(context: Context, failure: Failure) -> Finding | None:
    """The finding for a callback that stops the training, at the place where it is made."""
    call = context.sink(failure) or _fit_at(context, failure)
    if call is None:
        return None
    asked: dict[str, Any] = failure.facts.get("taken") or {}
    if asked.get("of") in _IN_VAIN:
        told = _undecided(context, call, asked)
    elif asked.get("of") == "LearningRateScheduler":
        told = _schedule(context, call, failure)
    else:
        told = _function(context, call, failure)
    if told is None:
        return None
    words, span, fixes = told
    lines = [words, f"It raises: {failure.exception}: {failure.message}"]
    related = (Related(call.span, f"`{call.method}` raises here"),) if call.span.line != span.line else ()
    return finding(RULE, context, span, "\n".join(lines), related=related, fixes=tuple(fixes))


def survey(context: Context) -> Iterator[Finding]:
    """One finding for each callback that watches in vain."""
    told: set[Span] = set()
    for warned in context.report.warnings:
        call = next((item for item in context.report.calls if item.span == warned.span), None)
        if warned.category != "Watched" or call is None or call.paired:
            continue
        kind, key, *names = warned.message.split("\n")
        for source, made in _made(context, kind, key):
            span = source.span(made)
            if span in told:
                continue
            told.add(span)
            fixes = _renamed(source, made, key, names) + validated(source, call, key, names)
            if not fixes and "loss" in names:
                edit = edits.set_argument(source, made, "monitor", _place(kind), '"loss"')
                fixes = fix('Watch "loss"', edit, cause=span)
            words = f'`{kind}` watches "{key}", which the logs do not have: {_IN_VAIN[kind]}'
            lines = f"{words}\nThe logs have {_listed(names)}. Keras warns at the end of every epoch."
            related = (Related(call.span, "the training is here"),)
            yield finding(
                RULE, context, span, lines, evidence=Evidence.SILENT, severity=Severity.WARNING, related=related,
                fixes=tuple(fixes),
            )  # fmt: skip
            break


Told = tuple[str, Span, list[Fix]]


def _fit_at(context: Context, failure: Failure) -> Call | None:
    """The `fit` that the outermost of the failing lines calls."""
    spans = set(failure.frames[:1])
    return next((item for item in context.report.calls if item.span in spans and item.method == "fit"), None)


def _undecided(context: Context, call: Call, asked: dict[str, Any]) -> Told | None:
    """What is watched is not there, or Keras does not know its direction; a file name asks for what is not there."""
    kind, names = str(asked["of"]), [str(item) for item in asked["names"]]
    key = asked.get("key")
    made = _made(context, kind, key if key is None else str(key))
    if not made:
        return None
    source, node = made[0]
    span = source.span(node)
    if key is None:
        path = edits.argument(node, "filepath", 0)
        if not isinstance(path, ast.Constant) or not isinstance(path.value, str):
            return f"the file name of `{kind}` has a field that the logs do not have: {_listed(names)}", span, []
        fixes: list[Fix] = []
        for field in re.findall(r"\{(\w+)", path.value):
            for name in other_names(field, names) if field not in (*names, "epoch", "batch") else ():
                text = re.sub(rf"\{{{field}\b", f"{{{name}", source.segment(path))
                fixes += fix(f'Use "{name}"', edits.replace(source, path, text), cause=source.span(path))
        words = f"the file name of `{kind}` has a field that the logs do not have; they have {_listed(names)}"
        return words, source.span(path), fixes
    if key in names:
        modes = ("min", "max") if _SMALLER.search(str(key)) else ("max", "min")
        fixes = [
            item
            for mode in modes
            for item in fix(
                f'Say which is better: `mode="{mode}"`', edits.set_argument(source, node, "mode", None, f'"{mode}"'),
                cause=span,
            )
        ]  # fmt: skip
        return f'Keras does not know whether more of "{key}" is better or less', span, fixes
    fixes = _renamed(source, node, str(key), names) + validated(source, call, str(key), names)
    return f'`{kind}` watches "{key}", which the logs do not have; they have {_listed(names)}', span, fixes


def _renamed(source: SourceText, made: ast.Call, key: str, names: list[str]) -> list[Fix]:
    value = next((item for item in ast.walk(made) if isinstance(item, ast.Constant) and item.value == key), None)
    if value is None:
        return []
    quote = source.segment(value)[:1]
    return [
        item
        for name in other_names(key, names)
        for item in fix(
            f'Watch "{name}"', edits.replace(source, value, f"{quote}{name}{quote}"), cause=source.span(made)
        )
    ]


def _made(context: Context, kind: str, key: str | None) -> list[tuple[SourceText, ast.Call]]:
    """The calls of the class `kind`; those that watch `key`, by its name or because nothing else is said."""
    found = [
        (source, node)
        for source in context.sources.values()
        for node in source.calls()
        if search.last_part(node.func) == kind
    ]
    if key is None:
        return found
    named = [item for item in found if any(_is(node, key) for node in ast.walk(item[1]))]
    return named or [item for item in found if edits.argument(item[1], "monitor", _place(kind)) is None]


def _is(node: ast.AST, text: str) -> bool:
    return isinstance(node, ast.Constant) and node.value == text


def _place(kind: str) -> int:
    """The position of the argument `monitor`."""
    return 1 if kind == "ModelCheckpoint" else 0


def _schedule(context: Context, call: Call, failure: Failure) -> Told | None:
    """A schedule that was called where it belongs itself, or that gives nothing on some way."""
    for source, made in _made(context, "LearningRateScheduler", None):
        given = edits.argument(made, "schedule", 0)
        if "not callable" in failure.message and isinstance(given, ast.Call):
            name = source.segment(given.func)
            fixes = fix(f"Give the function: `{name}`", edits.replace(source, given, name), cause=source.span(given))
            return f"`{name}(…)` is called here; the scheduler takes the function", source.span(given), fixes
        function = next(
            (
                node
                for node in source.nodes
                if isinstance(node, ast.FunctionDef) and isinstance(given, ast.Name) and node.name == given.id
            ),
            None,
        )
        if function is None or "not callable" in failure.message:
            continue
        header = Span(
            source.path, function.lineno, function.col_offset, function.lineno, len(source.lines[function.lineno - 1])
        )
        if failure.message.endswith("Got: None"):
            last, rate = function.body[-1], [item.arg for item in function.args.args]
            edit = edits.insert_after(source, last, f"return {rate[1]}") if len(rate) == 2 else None
            otherwise = fix(f"Return `{rate[1]}` otherwise", edit, cause=header) if len(rate) == 2 else []
            return f"`{function.name}` does not give a learning rate in every case", header, otherwise
        floats: list[Fix] = []
        for node in ast.walk(function):
            if isinstance(node, ast.Return) and node.value is not None:
                changed = edits.wrap(source, node.value, "float({})")
                floats += fix("Give a float", changed, cause=source.span(node))
        return f"`{function.name}` gives no float for the learning rate", header, floats
    return None


def _function(context: Context, call: Call, failure: Failure) -> Told | None:
    """A `lambda` that stands in for a method and takes too few arguments."""
    if not re.match(r"<lambda>\(\) (takes|missing)", failure.message):
        return None
    for source, made in _made(context, "LambdaCallback", None):
        for item in made.keywords:
            wanted = _GIVEN.get(item.arg or "")
            if wanted is None or not isinstance(item.value, ast.Lambda):
                continue
            have = [one.arg for one in item.value.args.args]
            need = wanted.split(", ")
            if len(have) == len(need) or item.value.args.vararg is not None:
                continue
            taken = ", ".join([*have, *need[len(have) :]][: len(need)])
            text = f"lambda {taken}: {source.segment(item.value.body)}"
            edit = edits.replace(source, item.value, text)
            fixes = fix(f"Take `{taken}`", edit, cause=source.span(item.value))
            words = f"Keras gives `{item.arg}` {len(need)} argument{'s' * (len(need) > 1)}: `{wanted}`"
            return words, source.span(item.value), fixes
    return None


def _listed(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
