"""The loss stretches labels and output over each other.

## What it says
`mse` and its kin compute with labels of another shape than the output: two columns against one unit, one value against
each time step. The smaller side is repeated. So does `y - model(x)` in a training loop of one's own, with a row of
labels and a column of outputs, and `y - model.predict(x)` or `y == …` of NumPy's.

## Why it matters
Nothing is raised. Every unit, or every time step, is trained on the same target, and the loss looks plausible.

## Example
```python
import numpy as np, keras
x = np.zeros((64, 4)); y = np.zeros((64, 1))
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
model.compile("adam", "mse")
model.fit(x, y)
```

## Repair
As many units as the labels have columns; a last recurrent layer without `return_sequences`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from kls import edits
from kls.facts import Evidence, Finding, Fix, Severity, Span
from kls.rules import operators, search, written
from kls.rules.context import Context, Rule, argument_of, finding, fix, show, single, size_of
from kls.rules.loss_target import SEQUENCE
from kls.source import SourceText
from kls.worker.protocol import Layer, Model, Warned

RULE = Rule("target-broadcast", Severity.WARNING, "The loss stretches labels and output over each other.")

ELEMENTWISE = (
    "mse", "mae", "mean_squared_error", "mean_absolute_error", "MeanSquaredError", "MeanAbsoluteError", "huber",
    "Huber", "log_cosh", "LogCosh", "mape", "msle", "mean_absolute_percentage_error",
    "mean_squared_logarithmic_error",
    "poisson", "Poisson", "MeanAbsolutePercentageError", "MeanSquaredLogarithmicError",
)  # fmt: skip


def survey(context: Context) -> Iterator[Finding]:
    """One finding for each trained model of one output whose loss broadcasts."""
    yield from _all_pairs(context)
    yield from _pairs_of_predictions(context)
    told: set[int] = set()
    for call in context.report.calls:
        model, labels, output = context.model_of(call), argument_of(call, "y"), single(call.outputs)
        if model is None or model.key in told or call.status != "traced" or call.loss not in ELEMENTWISE:
            continue
        data = argument_of(call, "x")
        target = single(labels.tensors) if labels is not None else None
        if labels is None and data is not None and data.kind == "dataset":
            target = next((item for item in data.tensors if item.path == "1"), None)
        if (
            target is None
            or not target.shape
            or output is None
            or not output.shape
            or argument_of(call, "sample_weight")
        ):
            continue
        given, made = target.shape[1:], output.shape[1:]
        # One number for each sample meets two axes or more: how long these are does not matter.
        longer = not given and len(made) > 1
        if _same(given, made) or None in given or (None in made and not longer):
            continue
        told.add(model.key)
        name = f"`{labels.name}`" if labels is not None and labels.name else "the labels"
        first = f"{name} {show((None, *given))} against the output {show((None, *made))}: `{call.loss}` repeats one"
        fixes = _fixes(context, model, given, made)
        last = operators.output_layer(context, model)
        span = call.span if last is None or last.created is None else last.created
        if fixes and fixes[0].cause is not None:
            span = fixes[0].cause
        lines = [f"{first} of them", "Keras raises nothing: it trains on a difference of all pairs."]
        yield finding(RULE, context, span, "\n".join(lines), evidence=Evidence.SILENT, fixes=tuple(fixes))


def _all_pairs(context: Context) -> Iterator[Finding]:
    """One finding for each difference of a column and a row in a training loop of the author's own, where the column is
    what a model gave and the text does not lay out the pairs itself (`y[:, None] - y`)."""
    told: set[Span] = set()
    for warned in context.report.warnings:
        for source, node in _differences(context, warned) if warned.category == "AllPairs" else ():
            span = source.span(node)
            row, _, column = warned.message.partition(") (")
            if span in told or not column:
                continue
            told.add(span)
            sides = _sides(node)
            labels = next((item for item in sides if not _is_given_by_call(context, source, item)), None)
            fixes: list[Fix] = []
            if isinstance(labels, ast.Name):
                form = f"{source.segment(labels)}[:, None]"
                changed = edits.replace(source, labels, form)
                fixes += [
                    *_as_a_column(context, source, labels),
                    *fix(f"Give the labels a column: `{form}`", changed, cause=span),
                ]
            words = f"`{source.segment(node)}` takes {row}) from ({column}: each number from each other one"
            where = fixes[0].cause if fixes and fixes[0].cause is not None else span
            lines = f"{words}\nTensorFlow raises nothing: it trains on a difference of all pairs."
            yield finding(RULE, context, where, lines, evidence=Evidence.SILENT, fixes=tuple(fixes))


def _pairs_of_predictions(context: Context) -> Iterator[Finding]:
    """One finding for each statement in which NumPy takes a column that a model predicted from a row, or compares the
    two: `np.mean(y - model.predict(x))`."""
    told: set[Span] = set()
    for warned in context.report.warnings:
        source = context.source(warned.span.path) if warned.category == "PairsOfPredictions" else None
        node = source.at(warned.span, ast.expr) if source is not None else None
        if source is None or node is None:
            continue
        pairs = [(item, _two_sides(item)) for item in ast.walk(node) if isinstance(item, ast.expr)]
        pairs = [(item, sides) for item, sides in pairs if sides]
        one, _, other = warned.message.partition(") (")
        if len(pairs) != 1 or not other or warned.span in told:
            continue
        told.add(warned.span)
        met, sides = pairs[0]
        column = sides[0 if "," in one.rstrip(",") else 1]
        span = source.span(met)
        changed = edits.wrap(source, column, "{}[:, 0]")
        fixes = fix(f"Take the column as a row: `{changed.text}`", changed, cause=span)
        words = (
            f"`{source.segment(met)}` makes all pairs of {one}) and ({other}: a table of each number with each other"
        )
        lines = f"{words}\nNumPy raises nothing: what is computed of it looks plausible."
        yield finding(RULE, context, span, lines, evidence=Evidence.SILENT, fixes=tuple(fixes))


def _two_sides(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], (ast.Eq, ast.NotEq)):
        return [node.left, node.comparators[0]]
    named = isinstance(node, ast.Call) and search.last_part(node.func) in ("equal", "not_equal")
    return list(node.args[:2]) if isinstance(node, ast.Call) and named else _sides(node)


def _differences(context: Context, warned: Warned) -> Iterator[tuple[SourceText, ast.expr]]:
    """The differences of two names that may be meant: at the place itself, else in the function that is called there,
    whose lines AutoGraph does not tell."""
    source = context.source(warned.span.path)
    statement = source.statement_at(warned.span.line) if source is not None else None
    if source is None or statement is None or "GradientTape" not in source.text:
        return
    areas: list[ast.AST] = [statement]
    called = {search.last_part(item.func) for item in ast.walk(statement) if isinstance(item, ast.Call)}
    areas += [item for item in source.nodes if isinstance(item, ast.FunctionDef) and item.name in called]
    for area in areas:
        found = [item for item in ast.walk(area) if isinstance(item, ast.expr) and _are_names(_sides(item))]
        mixed = [
            item
            for item in found
            if {_is_given_by_call(context, source, side) for side in _sides(item)} == {True, False}
        ]
        if mixed:
            yield from ((source, item) for item in mixed[:1] if len(mixed) == 1)
            return


def _sides(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
        return [node.left, node.right]
    named = isinstance(node, ast.Call) and search.last_part(node.func) in ("squared_difference", "subtract")
    return list(node.args[:2]) if isinstance(node, ast.Call) and named else []


def _are_names(sides: list[ast.expr]) -> bool:
    return len(sides) == 2 and all(isinstance(item, (ast.Name, ast.Call)) for item in sides)


def _is_given_by_call(context: Context, source: SourceText, name: ast.expr) -> bool:
    """Whether a name stands for what a model, or something else that is called by a name, gives for a batch."""
    models = {model.variable for model in context.report.models}
    if isinstance(name, ast.Call):
        return source.segment(name.func) in models
    here = source.function(name)
    for made, value in written.assignments(source, source.segment(name), name.lineno):
        if source.function(made) is here and isinstance(value, ast.Call):
            words = source.segment(value.func)
            return words in models or words.startswith("self") or words.endswith(".predict") or "model" in words.lower()
    return False


def _as_a_column(context: Context, source: SourceText, labels: ast.expr) -> list[Fix]:
    """The labels made a column where they are made, by the name that a dataset is cut from."""
    fixes: list[Fix] = []
    for call in source.calls():
        given = call.args[0] if search.last_part(call.func) == "from_tensor_slices" and call.args else None
        last = given.elts[-1] if isinstance(given, ast.Tuple) and len(given.elts) == 2 else None
        known = written.assignments(source, last.id, call.lineno) if isinstance(last, ast.Name) else []
        shapes = [
            item.tensors[0].shape
            for item in context.report.variables
            if isinstance(last, ast.Name) and item.name == last.id and item.kind == "array" and item.tensors
        ]
        if isinstance(last, ast.Name) and known and shapes and len(shapes[-1] or ()) == 1:
            title = f"Make `{last.id}` a column: `[:, None]`"
            fixes += operators.transform_where_bound(source, known[-1][0], last.id, "{}[:, None]", title)
    return fixes[:1]


def _same(given: tuple[int | None, ...], made: tuple[int | None, ...]) -> bool:
    """Whether Keras brings both to one shape: an axis of 1 at the end may be missing on either side."""
    return given == made or given == (*made, 1) or (*given, 1) == made


def _fixes(context: Context, model: Model, given: tuple[int | None, ...], made: tuple[int | None, ...]) -> list[Fix]:
    fixes: list[Fix] = []
    layers = [layer for layer in context.first_layers(model) if layer.outputs]
    recurrent: list[Layer] = [
        layer for layer in layers if layer.cls in SEQUENCE and layer.config.get("return_sequences")
    ]
    if len(made) > max(len(given), 1) and recurrent:
        found = context.call_node(recurrent[-1].created)
        if found is not None:
            removed = edits.remove_argument(*found, "return_sequences")
            title = f"Remove `return_sequences=True` from {recurrent[-1].cls}"
            fixes += fix(title, removed, cause=recurrent[-1].created)
    last = operators.output_layer(context, model)
    if last is not None and (len(given) == len(made) or not given):
        fixes += operators.set_units(context, last, int((given or (1,))[-1] or 1))
    elif last is not None and len(given) > len(made):
        fixes += _laid_out(context, last, given)
    return fixes


def _laid_out(context: Context, last: Layer, given: tuple[int | None, ...]) -> list[Fix]:
    """As many units as a sample of the labels has numbers, laid out as they are: `Dense(6)` and `Reshape((6, 1))`."""
    found, size = context.call_node(last.created), size_of(given)
    units = operators.set_units(context, last, size)[:1] if size and last.cls == "Dense" else []
    if found is None or last.created is None or not units or len(units[0].edits) != 1:
        return []
    name, imports = edits.callee_like(*found, "Reshape")
    behind = edits.insert_layer(*found, f"{name}({edits.tuple_text(given)})", after=True)
    if behind is None or (behind.span.line, behind.span.column) <= (last.created.line, last.created.column):
        return []  # it is written around the layer
    title = f"{units[0].title}, laid out by `Reshape({edits.tuple_text(given)})`"
    return fix(title, *units[0].edits, behind, *imports, cause=last.created)
