"""`compile` is missing, or was given something that does not fit the model.

## What it says
`fit` before `compile`, no loss, `metrics` as a string, a class where an instance is wanted, a dictionary whose keys are
not the names of the outputs, one flat list for several outputs, a model and an optimizer that were not made in the
scope of one `tf.distribute` strategy.

## Why it matters
`compile()` looks at little of what it is given: Keras says `You must call compile() before using the model`,
`No loss to compute`, `Expected keys … in loss dict` or `Could not interpret optimizer
identifier` only later, mostly at `fit`.

## Example
```python
import numpy as np, keras
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile("adam")
model.fit(np.zeros((8, 4)), np.zeros((8, 1)))
```

## Repair
The argument in the form that `compile` takes; the model and its `compile` in one `with strategy.scope():`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from kls import edits
from kls.facts import Edit, Evidence, Finding, Fix, Related, Severity, Span
from kls.rules import no_effect, operators, strategies, written
from kls.rules.context import Context, Rule, argument_of, finding, fix, single
from kls.source import SourceText
from kls.worker.protocol import Call, Failure, Model, Tensor

RULE = Rule("compile-call", Severity.ERROR, "`compile` is missing, or was given what does not fit the model.")

Parts = tuple[str, Span, list[Fix]]


def diagnose(context: Context, failure: Failure) -> Finding | None:
    """The finding for what `compile` was or was not given."""
    call = context.sink(failure)
    model = context.model_of(call) if call is not None else None
    parts: Parts | None
    if call is None:
        parts = _of_tensorflow_1(context, failure) or _inside_compile(context, failure)
    elif model is None:
        parts = None
    elif failure.stage == "compile":
        parts = _not_compiled(context, call, model)
    elif _is_of_optimizer(failure) and (late := no_effect.trained_before(context, call, model)) is not None:
        return late
    else:
        parts = _late(context, call, model, failure)
    if parts is None:
        return None
    first, span, fixes = parts
    if fixes and fixes[0].cause is not None:
        span = fixes[0].cause
    lines = [first, f"Keras raises: {failure.exception}: {failure.message}"]
    related = (Related(call.span, f"`{call.method}` raises here"),) if call is not None and call.span != span else ()
    return finding(RULE, context, span, "\n".join(lines), call=call, related=related, fixes=tuple(fixes))


def survey(context: Context) -> Iterator[Finding]:
    """One finding for each model that is trained while its optimizer was made in the scope of another strategy."""
    for warned in context.report.warnings:
        parts = strategies.told(context, warned)
        if parts is not None:
            first, span, fixes = parts
            lines = f"{first}\nThe first step raises: RuntimeError, since the two belong to different strategies."
            related = (Related(warned.span, "it raises here"),) if warned.span != span else ()
            evidence = Evidence.WOULD_RAISE
            yield finding(RULE, context, span, lines, evidence=evidence, related=related, fixes=tuple(fixes))


OLD_OPTIMIZERS = {
    "GradientDescentOptimizer": "SGD", "MomentumOptimizer": "SGD", "AdamOptimizer": "Adam", "FtrlOptimizer": "Ftrl",
    "RMSPropOptimizer": "RMSprop", "AdagradOptimizer": "Adagrad", "AdadeltaOptimizer": "Adadelta",
}  # fmt: skip
"""Optimizers of TensorFlow 1 and those of Keras; both take the learning rate first."""


def _of_tensorflow_1(context: Context, failure: Failure) -> Parts | None:
    """An optimizer of `tf.compat.v1.train`, which knows no variables of Keras."""
    if not re.search(r"_unique_id|optimizer identifier: <tensorflow", failure.message):
        return None
    for source in context.sources.values():
        for node in source.calls():
            words = source.segment(node.func)
            old = words.rpartition(".")[2]
            keras = written.module_name(source, "keras")
            if old in OLD_OPTIMIZERS and ".train." in words and keras is not None:
                new = f"{keras}.optimizers.{OLD_OPTIMIZERS[old]}"
                fixes = fix(f"Use `{new}`", edits.replace(source, node.func, new), cause=source.span(node))
                return f"`{words}` is an optimizer of TensorFlow 1: Keras takes its own only", source.span(node), fixes
    return None


def _inside_compile(context: Context, failure: Failure) -> Parts | None:
    for frame in reversed(failure.frames):
        found = context.call_node(frame)
        if found is None or not (isinstance(found[1].func, ast.Attribute) and found[1].func.attr == "compile"):
            continue
        source, node = found
        value = edits.argument(node, "metrics", 3)
        if isinstance(value, (ast.Constant, ast.Call, ast.Attribute)) and "metrics" in failure.message:
            text = source.segment(value)
            fixes = fix("Give a list of metrics", edits.replace(source, value, f"[{text}]"), cause=source.span(value))
            return f"`metrics` is {text}; `compile` takes a list", source.span(value), fixes
        value = edits.argument(node, "optimizer", 0)
        if isinstance(value, (ast.Attribute, ast.Name)) and re.search("optimizer.*<class", failure.message):
            text = source.segment(value)
            fixes = fix(f"Make an optimizer: `{text}()`", edits.replace(source, value, f"{text}()"), cause=frame)
            return f"`{text}` is a class, not an optimizer", source.span(value), fixes
    return None


def _not_compiled(context: Context, call: Call, model: Model) -> Parts | None:
    found = context.call_node(call.span)
    if found is None or not isinstance(found[1].func, ast.Attribute):
        return None
    source, node = found
    assert isinstance(node.func, ast.Attribute)
    statement = source.statement(node)
    owner = source.segment(node.func.value)
    if statement is None:
        return None
    own = _own_compile(context, model)
    if own is not None:
        return own
    fixes: list[Fix] = []
    for loss in _losses(context, call, model):
        metrics = "" if loss == "mse" else ', metrics=["accuracy"]'
        text = _text(source, loss)
        line = f'{owner}.compile(optimizer="adam", loss={text}{metrics})'
        fixes += fix(f"Compile it with the loss {text}", edits.insert_before(source, statement, line), cause=call.span)
    return f"`{owner}` was never compiled: `{call.method}` has no loss to compute", call.span, fixes


def _own_compile(context: Context, model: Model) -> Parts | None:
    """A `compile` of the model's own class that does not hand on to Keras's, which notes that it was called."""
    for source in context.sources.values():
        for item in source.nodes:
            owner = source.parents.get(item)
            if not isinstance(item, ast.FunctionDef) or item.name != "compile" or not isinstance(owner, ast.ClassDef):
                continue
            if owner.name != model.cls or any(
                isinstance(node, ast.Attribute) and node.attr == "compile" for node in ast.walk(item)
            ):
                continue
            header = Span(source.path, item.lineno, item.col_offset, item.lineno, len(source.lines[item.lineno - 1]))
            first = next((node for node in item.body if not _is_docstring(node)), item.body[-1])
            edit = edits.insert_before(source, first, "super().compile()")
            words = f"`{owner.name}.compile` does not call `super().compile()`: to Keras the model is never compiled"
            return words, header, fix("Call `super().compile()`", edit, cause=header)
    return None


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _losses(context: Context, call: Call, model: Model) -> list[str]:
    """Losses that the last layer and the labels speak for, best first: names, and what makes one of logits."""
    last = operators.output_layer(context, model)
    target = _labels(call)
    output = single(model.outputs)
    activation = last.config.get("activation") if last is not None else None
    if activation in ("linear", None) and target is not None and "int" in str(target.dtype) and target.shape:
        units = (last.config.get("units") or 0) if last is not None else 0
        if units > 1 and (len(target.shape) == 1 or target.shape[-1] == 1):
            return [_OF_LOGITS]
    if activation == "softmax":
        same = target is not None and target.shape and output is not None and output.shape
        one_hot = bool(same and len(target.shape or ()) == len(output.shape or ())) if target and output else False
        wide = target is not None and bool(target.shape) and target.shape[-1] != 1
        both = ["categorical_crossentropy", "sparse_categorical_crossentropy"]
        return both if one_hot and wide else both[::-1]
    return ["binary_crossentropy", "mse"] if activation == "sigmoid" else ["mse"]


_OF_LOGITS = "SparseCategoricalCrossentropy(from_logits=True)"


def _labels(call: Call) -> Tensor | None:
    """The labels of a call where they are one tensor, given by themselves or in the pairs of a dataset."""
    x, y = argument_of(call, "x"), argument_of(call, "y")
    if y is None and x is not None and x.kind == "dataset" and len(x.tensors) == 2:
        return x.tensors[1]
    return single(y.tensors) if y is not None else None


def _text(source: SourceText, loss: str) -> str:
    """A loss as the program would write it."""
    if loss != _OF_LOGITS:
        return f'"{loss}"'
    return f"{written.module_name(source, 'keras') or 'keras'}.losses.{loss}"


def _is_of_optimizer(failure: Failure) -> bool:
    """Whether an optimizer was given variables that it does not know."""
    return failure.stage == "step" and "variable" in failure.message and "optimizer" in failure.message.lower()


def _late(context: Context, call: Call, model: Model, failure: Failure) -> Parts | None:
    found = written.compile_call(context, model)
    if found is None:
        return None
    source, node = found
    if _is_of_optimizer(failure):
        return _optimizer(source, node)
    loss = edits.argument(node, "loss", 1)
    if failure.stage.endswith("loss") and len(node.args) == 3 and _are_metrics(node.args[2]):
        value = node.args[2]
        fixes = fix("Name them: `metrics=`", edits.wrap(source, value, "metrics={}"), cause=source.span(value))
        words = f"`compile` takes {source.segment(value)} for weights of losses: these come third, metrics fourth"
        return words, source.span(value), fixes
    if failure.stage.endswith("loss"):
        if loss is None and "loss" in failure.message.lower() and not call.loss:
            place: list[Fix] = []
            for name in _losses(context, call, model):
                text = _text(source, name)
                edit = edits.add_argument(source, node, f"loss={text}")
                place += fix(f"Give it the loss {text}", edit, cause=source.span(node))
            return "`compile` was given no loss", source.span(node), place
        outputs = written.names_of(context, model.output_layers)
        weights = edits.argument(node, "loss_weights", 2)
        if failure.exception == "KeyError" and weights is not None:
            parts = _keys(source, node, "loss_weights", weights, outputs, failure)
            if parts is not None:
                return parts
        return _keys(source, node, "loss", loss, outputs, failure)
    if failure.stage.endswith("metrics") and len(model.outputs) > 1:
        metrics = edits.argument(node, "metrics", 3)
        outputs = written.names_of(context, model.output_layers)
        parts = _keys(source, node, "metrics", metrics, outputs, failure)
        if parts is not None or not isinstance(metrics, (ast.List, ast.Tuple, ast.Name)):
            return parts
        text = source.segment(metrics)
        items = ", ".join([text] * len(model.outputs))
        count = len(model.outputs)
        fixes = fix(
            "Give each output its list of metrics",
            edits.replace(source, metrics, f"[{items}]"),
            cause=source.span(metrics),
        )
        return f"`metrics` is one list; the model has {count} outputs", source.span(metrics), fixes
    return None


def _are_metrics(node: ast.expr) -> bool:
    """Whether a list written out holds names of metrics, and so no weights."""
    items = node.elts if isinstance(node, (ast.List, ast.Tuple)) else []
    return any(isinstance(item, ast.Constant) and isinstance(item.value, str) for item in items)


def _optimizer(source: SourceText, node: ast.Call) -> Parts | None:
    """An optimizer that has already trained other variables."""
    value = edits.argument(node, "optimizer", 0)
    if value is None:
        return None
    name = source.segment(value)
    fixes: list[Fix] = []
    known = written.assignments(source, name, node.lineno) if isinstance(value, ast.Name) else []
    made = known[-1][1] if known else None
    if made is not None:
        text = source.segment(made)
        fixes += fix(f"Make a new optimizer: `{text}`", edits.replace(source, value, text), cause=source.span(node))
    first = f"`{name}` has already trained other variables; an optimizer serves one set of them"
    return first, source.span(node), fixes


def _keys(
    source: SourceText, node: ast.Call, what: str, value: ast.expr | None, outputs: list[str], failure: Failure
) -> Parts | None:
    """A dictionary whose keys are not the outputs' names, where Keras complains of one of them."""
    if isinstance(value, ast.Name):
        known = written.assignments(source, value.id, node.lineno)
        value = known[-1][1] if known else value
    if not isinstance(value, ast.Dict):
        return None
    keys = [str(item.value) for item in value.keys if isinstance(item, ast.Constant)]
    wrong = [key for key in keys if key not in outputs]
    named_by_keras = any(re.search(rf"['\"]{re.escape(key)}['\"]", failure.message) for key in wrong)
    missed = failure.exception == "KeyError" and failure.message.strip("'\"") in set(outputs) - set(keys)
    if not outputs or not (named_by_keras or (missed and wrong)):
        return None
    fixes = list(written.rename_keys([(source, value)], keys, outputs))
    if not fixes and len(wrong) < len(keys):
        kept = [
            f"{source.segment(key)}: {source.segment(item)}"
            for key, item in zip(value.keys, value.values, strict=True)
            if isinstance(key, ast.Constant) and key.value in outputs
        ]
        made: Edit = edits.replace(source, value, "{" + ", ".join(kept) + "}")
        fixes = fix(f"Leave out {', '.join(wrong)}", made, cause=source.span(value))
    shown = ", ".join(f'"{name}"' for name in outputs)
    named = ", ".join(f'"{key}"' for key in wrong)
    return f"`{what}` names the output {named}; the model's outputs are {shown}", source.span(value), fixes
