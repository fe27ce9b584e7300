"""Nothing is learned: what is minimised does not depend on the weights, or its tape is used up.

## What it says
No gradient reaches a weight. The model is called before the tape begins, the loss goes through `argmax`, `round`, a
comparison or `.numpy()`, or the gradient of another model is asked for. Or a `GradientTape` that is not persistent is
asked for a second gradient.

## Why it matters
The first step raises `ValueError: No gradients provided for any variable.`, or `RuntimeError: A non-persistent
GradientTape can only be used to compute one set of gradients`, at the line of the optimizer, which is right.

## Example
```python
import keras, tensorflow as tf
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
optimizer = keras.optimizers.Adam()
x, y = tf.ones((8, 4)), tf.ones((8, 1))
predicted = model(x)
with tf.GradientTape() as tape:
    loss = tf.reduce_mean((predicted - y) ** 2)
gradients = tape.gradient(loss, model.trainable_variables)
optimizer.apply_gradients(zip(gradients, model.trainable_variables))
```

## Repair
Call the model inside the `with` block of the tape; use a loss that changes smoothly, and keep error rates for metrics;
`tf.GradientTape(persistent=True)` for more than one gradient.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from kls import edits
from kls.facts import Finding, Fix, Related, Severity, Span
from kls.rules import operators, search
from kls.rules.context import Context, Rule, finding, fix
from kls.source import SourceText
from kls.worker.protocol import Failure

RULE = Rule("no-gradient", Severity.ERROR, "Nothing is learned: what is minimised does not depend on the weights.")

_WORDS = {"ArgMax": "argmax", "ArgMin": "argmin", "Cast": "the cast to integers", "StopGradient": "stop_gradient"}
"""TensorFlow's operations in the words of authors, where they are not the same."""
_STEPS = frozenset({"argmax", "argmin", "round", "floor", "ceil", "rint", "sign", "stop_gradient", "numpy"})
"""Functions and methods that give something without a gradient, by their last name."""
_SMOOTH = {
    "softmax": ("categorical_crossentropy", "sparse_categorical_crossentropy"),
    "sigmoid": ("binary_crossentropy",),
}
"""Losses with a gradient, by the activation of the output."""
_WEIGHTS = ("trainable_variables", "trainable_weights", "variables", "weights")


@dataclass(frozen=True)
class _Tape:
    """One `with tf.GradientTape() as name:` of the author, and the call that takes its gradient."""

    source: SourceText
    block: ast.With
    made: ast.Call
    gradient: ast.Call


def diagnose(context: Context, failure: Failure) -> Finding | None:
    """The finding for a step whose loss reaches no weight, and for a tape that is asked once too often."""
    tape = _tape(context, failure)
    if "non-persistent GradientTape" in failure.message and tape is not None:
        return _used_up(context, failure, tape)
    if not failure.message.startswith("No gradients provided for any variable"):
        return None
    cut = _cut(context, failure)
    fixes = [*_inside(context, tape), *_weights_of_called(context, tape)] if tape is not None else []
    for source, node, value in _steps(tape, cut):
        changed = edits.replace(source, node, source.segment(value))
        fixes += fix(f"Leave out `{_last(node)}`", changed, cause=source.span(node))
    call = context.sink(failure)
    model = context.model_of(call) if call is not None else None
    if tape is None and model is not None:
        layer = operators.output_layer(context, model)
        activation = str(layer.config.get("activation")) if layer is not None else ""
        for loss in _SMOOTH.get(activation, ("mse",)):
            fixes += operators.set_loss(context, model, loss)
    first, place = _first(tape, cut, fixes)
    span = place or (fixes[0].cause if fixes else None) or failure.frames[-1]
    message = f"{first}\nKeras raises: {failure.exception}: {failure.message}"
    related = (Related(failure.frames[-1], "it raises here"),) if failure.frames[-1].line != span.line else ()
    return finding(RULE, context, span, message, call=call, related=related, fixes=tuple(fixes))


def _used_up(context: Context, failure: Failure, tape: _Tape) -> Finding:
    changed = edits.set_argument(tape.source, tape.made, "persistent", 0, "True")
    span = tape.source.span(tape.made)
    message = (
        "the tape gives one gradient only, and is asked for a second one\n"
        f"TensorFlow raises: {failure.exception}: {failure.message}"
    )
    related = (Related(failure.frames[-1], "the second one is asked for here"),)
    fixes = tuple(fix("Keep the tape: `persistent=True`", changed, cause=span))
    return finding(RULE, context, span, message, related=related, fixes=fixes)


def _tape(context: Context, failure: Failure) -> _Tape | None:
    """The tape whose gradient was taken last before the line that raised."""
    frame = failure.frames[-1]
    source = context.source(frame.path)
    statement = source.statement_at(frame.line) if source is not None else None
    if source is None or statement is None:
        return None
    scope = search.scope(source, statement)
    calls = [
        node
        for node in source.calls()
        if isinstance(node.func, ast.Attribute)
        and node.func.attr == "gradient"
        and node.lineno <= frame.end_line
        and search.scope(source, node) is scope
    ]
    for call in reversed(calls):
        name = ast.unparse(call.func.value) if isinstance(call.func, ast.Attribute) else ""
        for block in source.nodes:
            if not isinstance(block, ast.With) or search.scope(source, block) is not scope:
                continue
            for item in block.items:
                made, target = item.context_expr, item.optional_vars
                if isinstance(made, ast.Call) and target is not None and ast.unparse(target) == name:
                    return _Tape(source, block, made, call)
    return None


def _cut(context: Context, failure: Failure) -> list[tuple[str, SourceText, int]]:
    """Where the ways from the loss end: operation, file and line."""
    found: list[tuple[str, SourceText, int]] = []
    for operation, path, line in failure.facts.get("cut", ()):
        source = context.source(str(path))
        if source is not None:
            found.append((str(operation), source, int(line)))
    return found


def _first(tape: _Tape | None, cut: list[tuple[str, SourceText, int]], fixes: list[Fix]) -> tuple[str, Span | None]:
    """What is wrong in a line, and the place of it."""
    for operation, source, line in cut:
        statement = source.statement_at(line)
        if statement is None:
            continue
        if tape is not None and source is tape.source and line < tape.block.lineno:
            return "nothing is learned: the tape begins after the model was called", source.span(statement)
        if tape is None or tape.block.lineno <= line:
            name = _WORDS.get(operation, operation.lower())
            return f"nothing is learned: `{name}` has no gradient, and the loss goes through it", source.span(statement)
    if any(item.title.startswith("Call") for item in fixes):
        return "nothing is learned: the tape begins after the model was called", None
    return "nothing is learned: the loss does not depend on these weights", None


def _inside(context: Context, tape: _Tape) -> Iterator[Fix]:
    """The calls of models before the tape, whose results the tape's block uses, moved into it."""
    source, block = tape.source, tape.block
    body = _body_with(source, block)
    used = {node.id for item in block.body for node in ast.walk(item) if isinstance(node, ast.Name)}
    models = {item.variable for item in context.report.models if item.variable}
    moved: list[ast.stmt] = []
    for statement in reversed(body[: body.index(block)] if block in body else []):
        if not isinstance(statement, ast.Assign) or statement.lineno != statement.end_lineno:
            continue
        bound = {node.id for target in statement.targets for node in ast.walk(target) if isinstance(node, ast.Name)}
        if bound & used and any(_calls_model(node, models) for node in ast.walk(statement.value)):
            moved.insert(0, statement)
            used |= {node.id for node in ast.walk(statement.value) if isinstance(node, ast.Name)}
    if moved:
        indent = source.newline + source.indentation(block.body[0].lineno)
        text = indent.join(source.segment(item) for item in moved)
        put = edits.insert_before(source, block.body[0], text)
        taken = [edits.remove_statement(source, item) for item in moved]
        yield from fix("Call the model inside the tape", *taken, put, cause=source.span(moved[0]))


def _body_with(source: SourceText, block: ast.With) -> list[ast.stmt]:
    parent = source.parents.get(block)
    bodies: list[list[ast.stmt]] = [getattr(parent, name, []) for name in ("body", "orelse", "finalbody")]
    for body in bodies:
        if block in body:
            return body
    return []


def _calls_model(node: ast.AST, models: set[str]) -> bool:
    if not isinstance(node, ast.Call):
        return False
    function = node.func
    if isinstance(function, ast.Name):
        return function.id in models or function.id == "self"
    return isinstance(function, ast.Attribute) and ast.unparse(function.value) == "self"


def _weights_of_called(context: Context, tape: _Tape) -> Iterator[Fix]:
    """The weights of what the tape's block calls, in place of others."""
    source = tape.source
    wanted = tape.gradient.args[1] if len(tape.gradient.args) > 1 else edits.keyword(tape.gradient, "sources")
    if not isinstance(wanted, ast.Attribute) or wanted.attr not in _WEIGHTS:
        return
    scope, owner = search.scope(source, tape.block), ast.unparse(wanted.value)
    places = [
        node.value
        for node in ast.walk(scope)
        if isinstance(node, ast.Attribute)
        and node.attr in _WEIGHTS
        and ast.unparse(node.value) == owner
        and (node.lineno >= tape.gradient.lineno)
    ]
    called = [node.func for item in tape.block.body for node in ast.walk(item) if isinstance(node, ast.Call)]
    names = [ast.unparse(node) for node in called if isinstance(node, (ast.Name, ast.Attribute))]
    models = {item.variable for item in context.report.models}
    for name in dict.fromkeys(names):
        if name == owner or not (name in models or name.startswith("self.")):
            continue
        changed = [edits.replace(source, node, name) for node in places]
        yield from fix(f"Train the weights of `{name}`", *changed, cause=source.span(tape.gradient))


def _steps(
    tape: _Tape | None, cut: list[tuple[str, SourceText, int]]
) -> Iterator[tuple[SourceText, ast.Call, ast.expr]]:
    """The calls of functions without a gradient where the ways end, or in the tape's block, each with what it is of."""
    lines = [(source, line, line) for _, source, line in cut]
    if tape is not None:
        lines.append((tape.source, tape.block.lineno, tape.block.end_lineno or tape.block.lineno))
    seen: set[ast.Call] = set()
    for source, start, end in lines:
        for node in source.calls():
            owner = node.func.value if isinstance(node.func, ast.Attribute) else None
            value = node.args[0] if node.args else owner
            if start <= node.lineno <= end and node not in seen and _last(node) in _STEPS and value is not None:
                seen.add(node)
                yield source, node, value


def _last(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
