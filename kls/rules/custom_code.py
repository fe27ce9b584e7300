"""The author's own layer, model, loss or metric does what Keras cannot take.

## What it says
Something in a class or function of the program is at odds with Keras: `super().__init__()` is missing, `call` returns
nothing, `build` takes the wrong axis, `x.shape[0]` is used where the batch size is not known yet, two dtypes meet, the
name of a weight is given by position.

## Why it matters
The exception arises deep inside Keras, often at another line (`'L' object has no attribute …`, `Inputs to a layer
should be tensors. Got 'None'`, `Input 'y' of 'AddV2' Op has type int32 that does not match type float32`).

## Example
```python
import keras
class Double(keras.layers.Layer):
    def call(self, x):
        x = x * 2
model = keras.Sequential([keras.Input((4,)), Double(), keras.layers.Dense(1)])
```

## Repair
The one line that is missing or wrong, in the class.
"""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Iterator

from kls import edits
from kls.facts import Edit, Finding, Fix, Related, Severity, Span
from kls.rules import ranks, returns, search, super_calls, taken_apart, wording
from kls.rules.context import Context, Rule, finding, fix
from kls.rules.reading import Reading, stated
from kls.source import SourceText
from kls.worker import returning
from kls.worker.protocol import Failure

RULE = Rule("custom-code", Severity.ERROR, "The author's own layer, model, loss or metric does what Keras cannot take.")

Function = ast.FunctionDef


def survey(context: Context) -> Iterator[Finding]:
    """What stopped the making of an object in a way that is no matter of shapes."""
    yield from super_calls.survey(context, RULE)


def diagnose(context: Context, failure: Failure) -> Finding | None:
    """The finding for a failure that a usual slip in the program's own classes and functions explains."""
    fixes: list[Fix] = super_calls.at(context, failure)
    for source in context.sources.values():
        for node in _classes(source):
            fixes += _in_class(source, node, failure)
    place = next(iter(search.places(context, failure)), None)
    if place is not None:
        source, node = place
        inside = not isinstance(search.scope(source, node), ast.Module)
        call = context.sink(failure)
        if inside and (call is None or failure.stage != "adapter" or failure.frames[-1] != call.span):
            fixes += _shapes(context, source, node) if re.search(r"None|unknown|\?|[Cc]onvert", failure.message) else []
            fixes += _dtypes(source, node, failure)
    fixes += _late(context, failure)
    fixes += ranks.in_functions(context, failure)
    if not fixes:
        return None
    span = fixes[0].cause or failure.frames[-1]
    lines = [_first(fixes[0], failure), f"Keras raises: {failure.exception}: {failure.message}"]
    related = tuple(Related(frame, "it raises here") for frame in failure.frames[:1] if frame.line != span.line)
    return finding(
        RULE, context, span, "\n".join(lines), call=context.sink(failure), related=related, fixes=tuple(fixes)
    )


_SLIPS = {
    super_calls.TITLE: "`super` is given another class than the one that it stands in",
    "Call `super": "the class does not call `super().__init__()`",
    "Give `compute_loss`": "`compute_loss` takes (x, y, y_pred): the labels stand in the place of x",
    "Return": "the method returns nothing: what comes after it is given None",
    "Give the name": "the name of a weight is given by position, where its shape belongs",
    "Build for": "the weight is built for another axis than the one it is multiplied with",
    "Ask for the batch": "the batch size is not known while the model is built",
}
"""What is wrong, by the beginning of the title of its repair."""


def known_slip(best: Fix) -> str | None:
    """What is wrong where `best` repairs a slip that the text of the class itself shows; None for a guess."""
    return next((words for start, words in _SLIPS.items() if best.title.startswith(start)), None)


def _first(best: Fix, failure: Failure) -> str:
    open_size = re.search(r"fully-defined.*Received: shape=(\([^)]*\))", failure.message)
    if open_size is not None:
        return f"a weight of shape {open_size[1]} cannot be made: the size of that axis is not known here"
    last = failure.message.strip().split("\n")[-1]
    return (
        known_slip(best) or taken_apart.told(failure) or wording.first_line(dataclasses.replace(failure, message=last))
    )


def _classes(source: SourceText) -> Iterator[ast.ClassDef]:
    for node in source.nodes:
        if isinstance(node, ast.ClassDef) and any(
            re.search(
                r"Layer|Model|Loss|Metric|Callback|Cell|Attention|Dense|Conv|Constraint|Regularizer|PyDataset|Sequence",
                search.last_part(base),
            )
            for base in node.bases
        ):
            yield node


def _speaks_of(node: ast.ClassDef, failure: Failure) -> bool:
    """Whether the failure is about objects of the class `node`."""
    return (
        node.name == failure.layer_cls
        or re.search(rf"\b{re.escape(node.name)}\b|super\(\)", failure.message) is not None
    )


def _method(node: ast.ClassDef, name: str) -> Function | None:
    return next((item for item in node.body if isinstance(item, Function) and item.name == name), None)


def _header(source: SourceText, function: Function) -> Span:
    span = source.span(function)
    return Span(span.path, span.line, span.column, span.line, len(source.lines[span.line - 1]))


def read(reading: Reading) -> Iterator[Finding]:
    """A layer or model whose `__init__` never calls its base class's, or whose `call` ends without a `return`."""
    source = reading.source
    for node, _ in reading.classes():
        made = _method(node, "__init__")
        if made is not None and len(node.bases) == 1 and not node.keywords and _skips_base(made):
            words = f"`{node.name}` does not call `super().__init__()`"
            yield stated(RULE, _header(source, made), words, fixes=tuple(_super(source, made)))
        for name in ("call", "train_step", "test_step", "metrics"):
            method = _method(node, name)
            decorators = [] if method is None else [source.segment(item) for item in method.decorator_list]
            if method is not None and decorators in ([], ["property"]) and returns.forgets(method):
                fixes = returns.at_the_end(source, method)
                span = fixes[0].cause if fixes and fixes[0].cause is not None else source.span(method.body[-1])
                words = f"`{name}` of `{node.name}` returns nothing: what comes after it is given None"
                yield stated(RULE, span, words, fixes=tuple(fixes))


def _skips_base(made: Function) -> bool:
    """Whether an `__init__` keeps something on `self` and calls no other `__init__`."""
    keeps = any(
        isinstance(item, ast.Attribute) and isinstance(item.ctx, ast.Store) and isinstance(item.value, ast.Name)
        for item in ast.walk(made)
    )
    calls = any(
        (isinstance(item, ast.Attribute) and item.attr == "__init__")
        or (isinstance(item, ast.Name) and item.id == "super")
        for item in ast.walk(made)
    )
    return keeps and not calls and not made.decorator_list


def _super(source: SourceText, made: Function) -> list[Fix]:
    """`super().__init__()` as the first statement, with what the function takes besides its own."""
    first = made.body[0]
    words = f"super().__init__({f'**{made.args.kwarg.arg}' if made.args.kwarg is not None else ''})"
    start = source.span(first)
    here = Span(source.path, start.line, start.column, start.line, start.column)
    same = first.lineno == made.lineno
    edit = Edit(here, f"{words}; ") if same else edits.insert_before(source, first, words)
    return fix("Call `super().__init__()` first", edit, cause=_header(source, made))


def _in_class(source: SourceText, node: ast.ClassDef, failure: Failure) -> list[Fix]:
    fixes: list[Fix] = []
    message = failure.message
    made = _method(node, "__init__")
    if (
        made is not None
        and _speaks_of(node, failure)
        and not any(isinstance(item, ast.Attribute) and item.attr == "__init__" for item in ast.walk(made))
    ):
        fixes += _super(source, made)
    none = "None" in message or "OptionalFromValue" in message
    for name in (
        "call",
        "train_step",
        "test_step",
        "metrics",
        "compute_loss",
        "compute_output_shape",
        "result",
        "__getitem__",
    ):
        method = _method(node, name)
        if none and method is not None and not returning.gives(method):
            fixes += returns.at_the_end(source, method)
    step = _method(node, "train_step") or _method(node, "test_step")
    if step is not None and "iterate over a scalar" in message:
        fixes += _logs(source, step)
    if step is not None and none:
        fixes += _loss_by_name(source, step)
    forward = _method(node, "call")
    if forward is not None and "singleton tf.Variable" in message:
        fixes += _layers_out(source, node, forward)
    build = _method(node, "build")
    fixes += _weights_named(source, node)
    if build is not None and _speaks_of(node, failure):
        known = "fully-defined" not in message  # else any axis may be meant: a guess, and no slip
        fixes += _build(source, build, "Build for the last axis" if known else "Make it as long as the last axis")
    written = _method(node, "compute_output_shape")
    if written is not None and "expected axis" in message:
        edit = edits.remove_statement(source, written)
        fixes += fix("Remove `compute_output_shape`: Keras works it out", edit, cause=_header(source, written))
    call = _method(node, "call")
    if call is not None and "missing a required argument" in message and len(call.args.args) > 2:
        fixes += _one_input(source, call)
    return fixes


def _weights_named(source: SourceText, node: ast.ClassDef) -> list[Fix]:
    """`add_weight("kernel", …)`, `add_variable("kernel", …)`: the first argument is the shape, and only `add_weight`
    makes a weight of nothing else (keras/src/layers/layer.py); all of the class at once, blamed where the first
    stands."""
    changes: list[Edit] = []
    cause: Span | None = None
    for call in [item for item in ast.walk(node) if isinstance(item, ast.Call)]:
        first = call.args[0] if call.args and search.last_part(call.func) in ("add_weight", "add_variable") else None
        if not isinstance(first, ast.Constant) or not isinstance(first.value, str):
            continue
        text = f"name={source.segment(first)}"
        text += f", shape={source.segment(call.args[1])}" if len(call.args) > 1 else ""
        start, end = source.span(first), source.span(call.args[min(1, len(call.args) - 1)])
        changes.append(Edit(Span(source.path, start.line, start.column, end.end_line, end.end_column), text))
        if isinstance(call.func, ast.Attribute) and call.func.attr == "add_variable":
            changes.append(edits.replace(source, call.func, f"{source.segment(call.func.value)}.add_weight"))
        cause = cause or source.span(call)
    return fix("Give the name as `name=`", *changes, cause=cause) if changes else []


def _logs(source: SourceText, step: Function) -> list[Fix]:
    """`return loss` becomes `return {"loss": loss}`."""
    fixes: list[Fix] = []
    for item in ast.walk(step):
        if isinstance(item, ast.Return) and item.value is not None and not isinstance(item.value, ast.Dict):
            text = '{"loss": ' + source.segment(item.value) + "}"
            fixes += fix('Return a dict: {"loss": …}', edits.replace(source, item.value, text), cause=source.span(item))
    return fixes


def _loss_by_name(source: SourceText, step: Function) -> list[Fix]:
    """`self.compute_loss(y, y_pred)`: its first argument is `x` (keras/src/trainers/trainer.py)."""
    for item in ast.walk(step):
        if not isinstance(item, ast.Call) or search.last_part(item.func) != "compute_loss" or len(item.args) != 2:
            continue
        if search.root(item.func) == "self" and not item.keywords:
            named = [
                edits.replace(source, value, f"{name}={source.segment(value)}")
                for name, value in zip(("y", "y_pred"), item.args, strict=True)
            ]
            return fix("Give `compute_loss` its arguments by name", *named, cause=source.span(item))
    return []


def _layers_out(source: SourceText, node: ast.ClassDef, forward: Function) -> list[Fix]:
    """Make the layers of `call` in `__init__`."""
    made = [item.func for item in ast.walk(forward) if isinstance(item, ast.Call) and search.makes_layer(item.func)]
    if not made:
        return []
    names = [f"{search.last_part(item.func).lower()}_{number}" for number, item in enumerate(made, 1)
             if isinstance(item, ast.Call)]  # fmt: skip
    lines = [f"self.{name} = {source.segment(item)}" for name, item in zip(names, made, strict=True)]
    changes: list[Edit] = [edits.replace(source, item, f"self.{name}") for name, item in zip(names, made, strict=True)]
    statement = source.statement(made[0])
    cause = source.span(statement) if statement is not None else source.span(made[0])
    start = _method(node, "__init__")
    if start is not None:
        last = start.body[-1]
        if last.lineno == start.lineno:
            return []
        indent = source.indentation(last.lineno)
        changes.append(edits.insert_after(source, last, f"{source.newline}{indent}".join(lines)))
    else:
        outer = source.indentation(forward.lineno)
        unit = "    "
        text = f"{source.newline}{outer}{unit}".join(["def __init__(self):", "super().__init__()", *lines])
        place = Span(source.path, forward.lineno, 0, forward.lineno, 0)
        changes.append(Edit(place, f"{outer}{text}{source.newline}{source.newline}"))
    return fix("Make the layers once, in `__init__`", *changes, cause=cause)


def _build(source: SourceText, build: Function, title: str) -> list[Fix]:
    """`input_shape[1]` where the last axis is multiplied."""
    names = {item.arg for item in build.args.args[1:]}
    fixes: list[Fix] = []
    for item in ast.walk(build):
        if isinstance(item, ast.Subscript) and isinstance(item.value, ast.Name) and item.value.id in names:
            if isinstance(item.slice, ast.Constant) and isinstance(item.slice.value, int):
                edit = edits.replace(source, item.slice, "-1")
                statement = source.statement(item)
                cause = source.span(statement) if statement is not None else source.span(item)
                fixes += fix(title, edit, cause=cause)
    return fixes


def _one_input(source: SourceText, call: Function) -> list[Fix]:
    """`call(self, a, b)`, which `fit` calls with one structure, becomes `call(self, inputs)`."""
    names = [item.arg for item in call.args.args[1:] if item.arg not in ("training", "mask")]
    if call.args.defaults or len(names) < 2 or len(names) != len(call.args.args) - 1:
        return []
    first, last = call.args.args[1], call.args.args[-1]
    start = source.span(ast.copy_location(ast.Name(first.arg), first))
    end = source.span(ast.copy_location(ast.Name(last.arg), last))
    header = Edit(Span(source.path, start.line, start.column, end.end_line, end.end_column), "inputs")
    body = call.body[0]
    unpack = f"{', '.join(names)} = inputs"
    if body.lineno == call.lineno:
        place = source.span(body)
        here = Span(source.path, place.line, place.column, place.line, place.column)
        return fix("Take one structure of inputs", header, Edit(here, f"{unpack}; "), cause=_header(source, call))
    return fix(
        "Take one structure of inputs", header, edits.insert_before(source, body, unpack), cause=_header(source, call)
    )


def _shapes(context: Context, source: SourceText, place: ast.expr) -> list[Fix]:
    """`x.shape[0]` of a tensor becomes `keras.ops.shape(x)[0]`."""
    known = {item.name for item in context.report.variables if item.kind in ("array", "frame")}
    keras, imports = search.keras_name(source)
    area = search.scope(source, place)
    changes: list[Edit] = []
    at: Span | None = None
    for node in ast.walk(area):
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Attribute) and node.value.attr == "shape":
            if isinstance(node.slice, ast.Constant) and node.slice.value == 0:
                if isinstance(node.value.value, ast.Name) and node.value.value.id in known:
                    continue
                changes.append(
                    edits.replace(source, node.value, f"{keras}.ops.shape({source.segment(node.value.value)})")
                )
                statement = source.statement(node)
                at = at or (source.span(statement) if statement is not None else source.span(node))
    return fix(f"Ask for the batch size by `{keras}.ops.shape`", *changes, *imports, cause=at) if changes else []


def _dtypes(source: SourceText, place: ast.expr, failure: Failure) -> list[Fix]:
    """Cast one side of an operator to the other's dtype, or a function's argument to integers or floats."""
    told = re.sub(r"dtype=\w+", "", failure.message)  # every tensor that a message shows has one
    if not re.search(r"has type|dtype|DataType|data type|same type|type promotion", told):
        return []
    keras, imports = search.keras_name(source)
    cause = source.span(place)
    fixes: list[Fix] = []
    if isinstance(place, ast.BinOp):
        for old, other in ((place.right, place.left), (place.left, place.right)):
            text = f"{keras}.ops.cast({source.segment(old)}, {edits.parenthesised(source, other)}.dtype)"
            fixes += fix(
                f"Cast `{source.segment(old)}` to the other side's dtype",
                edits.replace(source, old, text),
                *imports,
                cause=cause,
            )
    fixes += _cast_labels(source, place)
    if isinstance(place, ast.Call) and re.search(r"DataType|dtype|has type|data type", told):
        for kind in ("int32", "float32"):
            for item in place.args:
                if isinstance(item, ast.Name):
                    text = f'{keras}.ops.cast({item.id}, "{kind}")'
                    fixes += fix(
                        f"Cast `{item.id}` to {kind}", edits.replace(source, item, text), *imports, cause=cause
                    )
    return fixes


def _cast_labels(source: SourceText, place: ast.expr) -> list[Fix]:
    """`y_true` of a loss or metric of the author's own, in the dtype of `y_pred`."""
    area = search.scope(source, place)
    names = [item.arg for item in area.args.args if item.arg != "self"] if isinstance(area, Function) else []
    if not isinstance(area, Function) or len(names) < 2 or area.body[0].lineno == area.lineno:
        return []
    labels, output = names[:2]
    if not re.search("true|label|target", labels) or not re.search("pred|out|logit", output):
        return []
    keras, imports = search.keras_name(source)
    first = area.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    line = f"{labels} = {keras}.ops.cast({labels}, {output}.dtype)"
    if documented and len(area.body) == 1:
        return []
    edit = edits.insert_before(source, area.body[1] if documented else first, line)
    return fix(f"Cast `{labels}` to the dtype of `{output}`", edit, *imports, cause=source.span(place))


def _late(context: Context, failure: Failure) -> list[Fix]:
    """`x, y = data` in a `train_step` that is given sample weights too, or more names than there are parts."""
    fixes: list[Fix] = []
    few = re.search(r"not enough values to unpack \(expected (\d+), got (\d+)\)", failure.message)
    for span in failure.frames:
        source = context.source(span.path)
        statement = source.statement_at(span.line) if source is not None else None
        if source is None or statement is None:
            continue
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Tuple):
            target, value = statement.targets[0], statement.value
            if few is not None and len(target.elts) == int(few[1]) and int(few[2]) > 1:
                names = ", ".join(source.segment(item) for item in target.elts[: int(few[2])])
                text = f"{names} = {source.segment(value)}"
                title = f"Unpack {few[2]} parts"
                fixes += fix(title, edits.replace(source, statement, text), cause=source.span(statement))
            elif isinstance(value, ast.Name) and "unpack" in failure.message and len(target.elts) == 2:
                keras, imports = search.keras_name(source)
                words = source.segment(value)
                text = f"{keras}.utils.unpack_x_y_sample_weight({words})"
                names = f"{source.segment(target).strip('()')}, sample_weight"
                fixes += fix(
                    "Unpack the sample weights too",
                    edits.replace(source, statement, f"{names} = {text}"),
                    *imports,
                    cause=source.span(statement),
                )
    return fixes
