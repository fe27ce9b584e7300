"""Something that the program gives has no effect.

## What it says
More arrays or keys than the model has inputs, another number of losses than outputs, class weights for classes that do
not exist, `trainable` changed after `compile`, an input that leads to no output, `quantize` before `fit`. As
information: a layer whose output nothing reads.

## Why it matters
Keras ignores it, at most with a warning: a head stays untrained, an input unread, a frozen layer goes on learning.

## Example
```python
import numpy as np, keras
inputs = keras.Input((4,))
model = keras.Model(inputs, [keras.layers.Dense(1)(inputs), keras.layers.Dense(1)(inputs)])
model.compile("adam", ["mse"])
model.fit(np.zeros((8, 4)), [np.zeros((8, 1)), np.zeros((8, 1))])
```

## Repair
As many losses as outputs, only the inputs that the model has, whole numbers as the keys of class weights, `compile`
again after `trainable` was changed.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from kls import edits
from kls.facts import Edit, Evidence, Finding, Fix, Severity, Span
from kls.rules import operators, search, written
from kls.rules.context import Context, Rule, argument_of, finding, fix
from kls.source import SourceText
from kls.worker.protocol import Call, Model

RULE = Rule("no-effect", Severity.WARNING, "Something that the program gives has no effect.")

Parts = tuple[str, Span, list[Fix]]


def survey(context: Context) -> Iterator[Finding]:
    """One finding for each thing that a traced call of `fit` or `predict` does not use."""
    told: set[Span] = set()
    for call in context.report.calls:
        model = context.model_of(call)
        if model is None or call.status != "traced" or call.paired:
            continue
        for look in (_losses, _inputs, _class_weight, _trainable, _unconnected, _quantized):
            parts = look(context, call, model)
            if parts is None:
                continue
            first, span, fixes = parts
            if fixes and fixes[0].cause is not None:
                span = fixes[0].cause
            if span in told:
                continue
            told.add(span)
            lines = f"{first}\nKeras raises nothing."
            yield finding(RULE, context, span, lines, evidence=Evidence.SILENT, fixes=tuple(fixes))
    yield from _unused(context)


def _unused(context: Context) -> Iterator[Finding]:
    """A layer applied in the text beside a model's own layers, whose output no line reads: the model is without it.

    Only where one name is bound to the output, once, in the function that makes the model and outside of loops.
    """
    inside = {key for model in context.report.models for key in model.layers}
    functional = [model.created for model in context.report.models if model.kind == "functional" and model.graph]
    counted = Counter(layer.key for layer in context.report.layers if layer.called is not None)
    for layer in context.report.layers:
        source = context.source(layer.called.path) if layer.called is not None else None
        call = source.at(layer.called, ast.Call) if source is not None else None
        statement = source.statement(call) if source is not None and call is not None else None
        if source is None or call is None or layer.key in inside or layer.parent is not None or counted[layer.key] > 1:
            continue
        if not isinstance(statement, ast.Assign) or statement.value is not call or len(statement.targets) != 1:
            continue
        if layer.cls == "InputLayer" and search.last_part(call.func) != "Input":
            continue  # of a model that is copied
        name, scope = statement.targets[0], search.scope(source, statement)
        made = [source.at(span, ast.expr) for span in functional if span is not None and span.path == source.path]
        beside = any(node is not None and search.scope(source, node) is scope for node in made)
        if not isinstance(name, ast.Name) or not beside or source.parents.get(statement) is not scope:
            continue
        uses = [item for item in source.nodes if isinstance(item, ast.Name) and item.id == name.id]
        if len(uses) != 1 or name.id.startswith("_"):
            continue
        given = call.args[0] if len(call.args) == 1 else None
        fixes: list[Fix] = []
        for other in source.calls():
            same = len(other.args) == 1 and isinstance(other.func, ast.Call) and other.lineno > statement.lineno
            if same and given is not None and source.segment(other.args[0]) == source.segment(given):
                changed = edits.replace(source, other.args[0], name.id)
                fixes += fix(f"Give `{name.id}` to the next layer", changed, cause=source.span(other.args[0]))
                break
        words = f"nothing reads `{name.id}`: the model is without this `{layer.cls}`"
        lines = f"{words}\nKeras raises nothing."
        yield finding(RULE, context, source.span(statement), lines, evidence=Evidence.SILENT,
                      severity=Severity.INFORMATION, fixes=tuple(fixes))  # fmt: skip


def _losses(context: Context, call: Call, model: Model) -> Parts | None:
    found = context.call_node(model.compiled)
    value = edits.argument(found[1], "loss", 1) if found is not None else None
    outputs = len(model.outputs)
    if (
        found is None
        or not isinstance(value, (ast.List, ast.Tuple))
        or not outputs
        or not call.method.startswith("fit")
    ):
        return None
    given = len(value.elts)
    if given == outputs or any(isinstance(item, ast.Starred) for item in value.elts) or not given:
        return None
    source = found[0]
    texts = [source.segment(item) for item in value.elts]
    new = texts[0] if outputs == 1 else "[" + ", ".join([*texts[:outputs], *[texts[-1]] * (outputs - given)]) + "]"
    span = source.span(value)
    fixes = fix(f"Give {outputs} loss{'es' if outputs > 1 else ''}", edits.replace(source, value, new), cause=span)
    what = "output" if outputs == 1 else "outputs"
    lost = "the other losses are not used" if given > outputs else "an output without a loss is not trained"
    return f"`compile` was given {given} losses for {outputs} {what}: {lost}", span, fixes


def _inputs(context: Context, call: Call, model: Model) -> Parts | None:
    x = argument_of(call, "x")
    if x is None or x.kind not in ("array", "tensor") or model.kind == "subclass" or not model.inputs:
        return None
    given, wanted = len(x.tensors), len(model.inputs)
    if given <= wanted or not x.tensors[0].path:
        return None
    names = written.names_of(context, model.input_layers)
    extra = [item.path for item in x.tensors if item.path not in names]
    span = operators.place_of_data(context, x) or call.span
    fixes: list[Fix] = []
    if x.tensors[0].path.isdigit():
        form = "{}[0]" if wanted == 1 else f"{{}}[:{wanted}]"
        fixes += operators.transform_data(context, x, form, f"Give {wanted} of them")
        what = "input" if wanted == 1 else "inputs"
        return f"{given} arrays are given and the model has {wanted} {what}: the others are not read", span, fixes
    shown = ", ".join(f'"{name}"' for name in extra)
    return f"the model has no input {shown}: it is not read", span, fixes


def _class_weight(context: Context, call: Call, _model: Model) -> Parts | None:
    found = context.call_node(call.span)
    value = edits.keyword(found[1], "class_weight") if found is not None else None
    if found is None or value is None:
        return None
    source = found[0]
    if isinstance(value, ast.Name):
        known = written.assignments(source, value.id, found[1].lineno)
        value = known[-1][1] if known else None
    if not isinstance(value, ast.Dict) or not all(isinstance(key, ast.Constant) for key in value.keys):
        return None
    keys = [key.value for key in value.keys if isinstance(key, ast.Constant)]
    span = source.span(value)
    if keys and all(isinstance(key, str) for key in keys):
        fixes: list[Fix] = []
        if all(str(key).isdigit() for key in keys):
            changes = [
                edits.replace(source, key, str(key.value)) for key in value.keys if isinstance(key, ast.Constant)
            ]
            fixes += fix("Use whole numbers as keys", *changes, cause=span)
        return "the keys of `class_weight` are strings; Keras looks for class numbers and uses 1.0", span, fixes
    labels = argument_of(call, "y")
    values = (labels.values if labels is not None else None) or {}
    high = values.get("max")
    flat = labels is not None and len(labels.tensors) == 1 and len(labels.tensors[0].shape or ()) == 1
    if flat and values.get("integral") and isinstance(high, (int, float)) and 0 < high < 100:
        missing = [number for number in range(int(high) + 1) if number not in keys]
        if missing and len(missing) < int(high) + 1 and all(isinstance(key, int) for key in keys):
            last = source.span(value.values[-1])
            place = Span(last.path, last.end_line, last.end_column, last.end_line, last.end_column)
            text = "".join(f", {number}: 1.0" for number in missing)
            shown = ", ".join(str(number) for number in missing)
            fixes = fix(f"Weigh class {shown} too", Edit(place, text), cause=span)
            return f"`class_weight` has no class {shown}: Keras weighs it with 1.0", span, fixes
    return None


def _trainable(context: Context, call: Call, model: Model) -> Parts | None:
    """`model….trainable = …` between the last `compile` and `fit`, all at the top of one module."""
    source = context.source(call.span.path)
    if source is None or source.tree is None or model.compiled is None or call.method != "fit":
        return None
    if model.compiled.path != call.span.path or model.variable is None:
        return None
    first, last = model.compiled.line, call.span.line
    top = source.tree.body
    compiles = (
        first < node.lineno < last and isinstance(node.func, ast.Attribute) and node.func.attr == "compile"
        for node in source.calls()
    )
    if any(compiles) or not any(item.lineno <= first <= (item.end_lineno or 0) for item in top):
        return None
    return _late_trainable(source, model, first, last)


def trained_before(context: Context, call: Call, model: Model) -> Finding | None:
    """The finding for a second `fit` after other layers were set free or frozen, without another `compile`.

    Nothing is raised: `Trainer.make_train_function` keeps the step that the first `fit` has traced
    (keras/src/backend/tensorflow/trainer.py), which trains what was trainable then. None where no `fit` went before.
    """
    before = [
        item
        for item in context.report.calls
        if item.model == call.model and item.status == "traced" and item.method.startswith(("fit", "train_on"))
    ]
    source = context.source(call.span.path)
    compiled = model.compiled
    if source is None or source.tree is None or compiled is None or compiled.path != call.span.path:
        return None
    earlier = [item.span.line for item in before if compiled.line < item.span.line < call.span.line]
    if not earlier:
        return None
    parts = _late_trainable(source, model, max(earlier), call.span.line, every=True)
    words, span, fixes = parts or (
        "the trainable layers changed after `compile`: training may not see it",
        call.span,
        [],
    )
    return finding(RULE, context, span, f"{words}\nKeras raises nothing.", evidence=Evidence.SILENT, fixes=tuple(fixes))


def _late_trainable(source: SourceText, model: Model, first: int, last: int, every: bool = False) -> Parts | None:
    """`….trainable = …` of the model, or with `every` of anything, between two lines of the module."""
    for statement in source.tree.body if source.tree is not None else ():
        if not first < statement.lineno < last or model.compiled is None:
            continue
        for node in ast.walk(statement):
            if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Attribute):
                continue
            target = node.targets[0]
            own = source.segment(target).startswith((f"{model.variable}.",))
            if target.attr != "trainable" or not (own or every):
                continue
            compiled = source.at(model.compiled, ast.Call)
            changed = edits.insert_after(source, statement, source.segment(compiled)) if compiled is not None else None
            fixes = fix("Compile again", changed, cause=source.span(statement))
            words = "`trainable` was changed after `compile`: training may not see it"
            return words, source.span(statement), fixes
    return None


def _unconnected(context: Context, call: Call, model: Model) -> Parts | None:
    """An input from which no path leads to an output."""
    if len(model.input_layers) < 2 or not model.graph or not call.method.startswith("fit"):
        return None
    ends = [index for index, node in enumerate(model.graph) if node.key in model.output_layers]
    reached: set[int] = set()
    while ends:
        index = ends.pop()
        if index not in reached:
            reached.add(index)
            ends += [source[0] for source in model.graph[index].sources if source]
    keys = {model.graph[index].key for index in reached}
    for key in model.input_layers:
        layer = context.layers[key][0] if key in context.layers else None
        if key not in keys and layer is not None and layer.created is not None:
            return f'the input "{layer.name}" does not lead to the output: its data are not used', layer.created, []
    return None


def _quantized(context: Context, call: Call, model: Model) -> Parts | None:
    """`model.quantize(…)` above `fit`: the kernels of a quantised model are not trained."""
    source = context.source(call.span.path)
    if source is None or model.variable is None or not call.method.startswith("fit"):
        return None
    if any("enable_lora" in item.text for item in context.sources.values()):
        return None
    for node in source.calls():
        if not isinstance(node.func, ast.Attribute) or node.func.attr != "quantize" or node.lineno > call.span.line:
            continue
        statement = source.statement(node)
        if source.segment(node.func.value) != model.variable or not isinstance(statement, ast.Expr):
            continue
        if source.tree is None or statement not in source.tree.body:
            continue
        span = source.span(statement)
        fixes = fix("Train before quantising", edits.remove_statement(source, statement), cause=span)
        return "the kernels of a quantised model are not trained", span, fixes
    return None
