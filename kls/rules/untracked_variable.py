"""A weight that Keras does not know of.

## What it says
A layer or model of your own makes a `tf.Variable`. Keras 3 keeps only what `add_weight` or `keras.Variable` made among
the weights of a layer.

## Why it matters
Nothing is raised. The variable is missing in `trainable_weights`, is never trained and never saved. Where a model has
no other weights, `apply_gradients` gets an empty list: `ValueError: not enough values to unpack (expected 2, got 0)`.

## Example
```python
import numpy as np, keras, tensorflow as tf
class Scale(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.scale = tf.Variable(1.0)
    def call(self, x):
        return x * self.scale
model = keras.Sequential([keras.Input((4,)), Scale(), keras.layers.Dense(1)])
model.compile("adam", "mse")
model.fit(np.ones((8, 4)), np.zeros(8))
```

## Repair
`self.scale = self.add_weight(shape=(), initializer="ones")`, or `keras.Variable(1.0)`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from kls import edits
from kls.facts import Evidence, Finding, Related, Severity
from kls.rules import written
from kls.rules.context import Context, Rule, finding, fix
from kls.source import SourceText
from kls.worker.protocol import Failure

RULE = Rule("untracked-variable", Severity.WARNING, "A weight that Keras does not know of.")


_NOTHING_GIVEN = "not enough values to unpack (expected 2, got 0)"
"""How an optimizer refuses an empty list of gradients (keras/src/optimizers/base_optimizer.py, `apply_gradients`)."""


def diagnose(context: Context, failure: Failure) -> Finding | None:
    """The finding for an optimizer that is given nothing, at the variables that it should have got."""
    if failure.message != _NOTHING_GIVEN or "apply_gradients" not in context.text_of(failure.frames[-1]):
        return None
    for source in context.sources.values():
        for owner in source.nodes:
            made = [
                (statement, call)
                for statement, call in (_kept(source, owner) if isinstance(owner, ast.ClassDef) else ())
                if edits.keyword(call, "trainable") is None
            ]
            keras = written.module_name(source, "keras")
            if not made or keras is None:
                continue
            span = source.span(made[0][0])
            changed = [edits.replace(source, call.func, f"{keras}.Variable") for _, call in made]
            names = ", ".join(f"`{source.segment(statement.targets[0])}`" for statement, _ in made)
            kind = "is a tf.Variable" if len(made) == 1 else "are tf.Variables"
            lines = [
                f"the optimizer is given nothing: {names} {kind}, which Keras 3 does not count among the weights",
                f"Keras raises: {failure.exception}: {failure.message}",
            ]
            related = (Related(failure.frames[-1], "it raises here"),)
            fixes = tuple(fix(f"Use `{keras}.Variable`", *changed, cause=span))
            return finding(RULE, context, span, "\n".join(lines), severity=Severity.ERROR, related=related, fixes=fixes)
    return None


def survey(context: Context) -> Iterator[Finding]:
    """One finding for each `tf.Variable` that a trained layer of the author's keeps as if it were a weight."""
    if not any(call.method.startswith(("fit", "train")) and call.status == "traced" for call in context.report.calls):
        return
    used = {layer.cls for layer in context.report.layers} | {model.cls for model in context.report.models}
    for source in context.sources.values():
        for node in source.nodes:
            if isinstance(node, ast.ClassDef) and node.name in used:
                yield from _of_class(context, source, node)


def _kept(source: SourceText, owner: ast.ClassDef) -> Iterator[tuple[ast.Assign, ast.Call]]:
    """The statements by which an object keeps a `tf.Variable`."""
    for statement in ast.walk(owner):
        if not isinstance(statement, ast.Assign) or not isinstance(statement.value, ast.Call):
            continue
        target, call = statement.targets[0], statement.value
        if not isinstance(target, ast.Attribute) or source.segment(target.value) != "self":
            continue
        if source.segment(call.func) == f"{written.module_name(source, 'tensorflow')}.Variable":
            yield statement, call


def _of_class(context: Context, source: SourceText, owner: ast.ClassDef) -> Iterator[Finding]:
    for statement, call in _kept(source, owner):
        target = statement.targets[0]
        if not isinstance(target, ast.Attribute):
            continue
        if not _is_weight(source, call) or not _only_read(context, target.attr):
            continue
        keras = written.module_name(source, "keras")
        fixes = []
        if keras is not None:
            changed = edits.replace(source, call.func, f"{keras}.Variable")
            fixes = fix(f"Use `{keras}.Variable`", changed, cause=source.span(statement))
        lines = f"`self.{target.attr}` is a tf.Variable: Keras 3 does not train or save it\nKeras raises nothing."
        span = source.span(statement)
        yield finding(RULE, context, span, lines, evidence=Evidence.SILENT, fixes=tuple(fixes))


def _is_weight(source: SourceText, call: ast.Call) -> bool:
    """Whether the variable holds fractions and may be trained, as far as the text says."""
    if not call.args or edits.keyword(call, "trainable") is not None or edits.keyword(call, "dtype") is not None:
        return False
    value = call.args[0]
    if isinstance(value, ast.Constant):
        return isinstance(value.value, float)
    words = source.segment(value)
    return not re.search(r"int\d|bool|string", words) and bool(re.search(r"zeros|ones|random|normal|uniform", words))


def _only_read(context: Context, name: str) -> bool:
    """Whether no line of the program assigns to the variable, hands it to a tape or lists the weights itself."""
    written_to = re.compile(rf"\.{name}\s*\.\s*assign|gradient\([^)]*\.{name}\b|def trainable_(weights|variables)")
    return not any(written_to.search(source.text) for source in context.sources.values())
