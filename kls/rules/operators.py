"""Candidate repairs in terms of a program: reshape this data, set that layer's units, change the loss.

Each function answers a list of `Fix`es (empty where it does not apply), not yet tried, whose `cause` is the place the
repair edits. Which ones to propose, and in which order, is the rules' business.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from kls import edits
from kls.facts import Edit, Fix, Span
from kls.rules import spelled, written
from kls.rules.context import Context, fix
from kls.source import SourceText
from kls.worker.protocol import Argument, Call, Layer, Model

LOSS_CLASSES = {
    "sparse_categorical_crossentropy": "SparseCategoricalCrossentropy",
    "categorical_crossentropy": "CategoricalCrossentropy",
    "binary_crossentropy": "BinaryCrossentropy",
    "mse": "MeanSquaredError",
    "mae": "MeanAbsoluteError",
}
"""Loss identifiers and the classes of the same loss (keras/src/losses/__init__.py)."""


def place_of_data(context: Context, argument: Argument | None) -> Span | None:
    """Where the data of `argument` got its shape: its last assignment, else the argument itself."""
    place = assignment(context, argument)
    if place is not None:
        return place[0].bound(place[1], place[2])
    return argument.span if argument is not None else None


def transform_data(context: Context, argument: Argument | None, form: str, title: str) -> list[Fix]:
    """Put the data of `argument` through `form` (`{}` is the data) where it was assigned last."""
    if argument is None:
        return []
    place = assignment(context, argument)
    if place is None:
        return _transform_in_call(context, argument, form, title)
    source, statement, name = place
    origin = written.whole(source, name, statement.end_lineno or statement.lineno)
    if origin is not None and origin[2] > 1 and source.at(source.span(origin[0]), ast.stmt) is origin[0]:
        every = transform_where_bound(source, origin[0], origin[1], form, title.replace(f"`{name}`", f"`{origin[1]}`"))
        return [*every, *transform_where_bound(source, statement, name, form, f"{title}, for `{name}` alone")]
    return transform_where_bound(source, statement, name, form, title)


def transform_where_bound(source: SourceText, statement: ast.stmt, name: str, form: str, title: str) -> list[Fix]:
    """Put what `statement` binds to `name` through `form`, where it is bound or in a line after it."""
    cause = source.bound(statement, name)
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1 and isinstance(statement.targets[0], ast.Name):
        return fix(title, edits.wrap(source, statement.value, form), cause=cause)
    pair = _paired_value(statement, name)
    if pair is not None:
        return fix(title, edits.wrap(source, pair, form), cause=source.span(pair))
    line = f"{name} = {form.format(name)}"
    return fix(title, edits.insert_after(source, statement, line), cause=cause)


def assignment(context: Context, argument: Argument | None) -> tuple[SourceText, ast.stmt, str] | None:
    """The statement that bound the data of `argument` last, and the name it bound: by what the dry run recorded, else
    by the text of the function that the argument stands in."""
    variable = context.origin(argument)
    if variable is not None:
        source = context.source(variable.statement.path)
        statement = source.at(variable.statement, ast.stmt) if source is not None else None
        return (source, statement, variable.name) if source is not None and statement is not None else None
    source = context.source(argument.span.path) if argument is not None and argument.span is not None else None
    node = source.at(argument.span, ast.Name) if source is not None and argument is not None else None
    if source is None or node is None:
        return None
    known = [
        made
        for made, _ in written.assignments(source, node.id, node.lineno - 1)
        if source.function(made) is source.function(node)
    ]
    return (source, known[-1], node.id) if known else None


def _paired_value(statement: ast.stmt, name: str) -> ast.expr | None:
    """The value for `name` in `a, b = f(), g()`."""
    if not (isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Tuple)):
        return None
    target = statement.targets[0]
    if not (isinstance(target, ast.Tuple) and len(target.elts) == len(statement.value.elts)):
        return None
    for item, value in zip(target.elts, statement.value.elts, strict=True):
        if isinstance(item, ast.Name) and item.id == name:
            return value
    return None


def _transform_in_call(context: Context, argument: Argument, form: str, title: str) -> list[Fix]:
    source = context.source(argument.span.path) if argument.span is not None else None
    node = source.at(argument.span, ast.expr) if source is not None else None
    if source is None or node is None:
        return []
    return fix(title, edits.wrap(source, node, form), cause=argument.span)


def transform_argument(context: Context, argument: Argument | None, form: str, title: str) -> list[Fix]:
    """Put the argument expression of the sink itself through `form`."""
    return _transform_in_call(context, argument, form, title) if argument is not None else []


def add_batch_axis(context: Context, argument: Argument | None) -> list[Fix]:
    """Give one sample as a batch of one: `x[0]` becomes `x[0:1]`, anything else `x[None]`."""
    source = context.source(argument.span.path) if argument is not None and argument.span is not None else None
    node = source.at(argument.span, ast.expr) if source is not None and argument is not None else None
    if source is None or node is None or argument is None:
        return []
    title = "Give a batch of one sample"
    if isinstance(node, ast.Subscript) and isinstance(node.slice, (ast.Constant, ast.Name)):
        index = source.segment(node.slice)
        end = str(int(index) + 1) if index.isdigit() else f"{index} + 1"
        return fix(title, edits.replace(source, node.slice, f"{index}:{end}"), cause=argument.span)
    return transform_argument(context, argument, "{}[None]", title)


def arrays_of(context: Context, sample: tuple[int | None, ...]) -> Iterator[tuple[str, SourceText, ast.Assign]]:
    """Where a plain assignment binds an array whose samples have the shape `sample`: the name, its file and the
    assignment, the last first."""
    for item in reversed(context.report.variables):
        shape = item.tensors[0].shape if len(item.tensors) == 1 else None
        source = context.source(item.statement.path)
        made = source.at(item.statement, ast.stmt) if source is not None else None
        if source is None or item.kind != "array" or not shape or shape[1:] != sample:
            continue
        if isinstance(made, ast.Assign) and isinstance(made.targets[0], ast.Name):
            yield item.name, source, made


def resize_literal(
    context: Context, argument: Argument | None, shape: tuple[int | None, ...], calls: bool = False
) -> list[Fix]:
    """Change the literal shape that the data are made with (`np.zeros((64, 5))`, with `calls` also `rand(64, 5)`) to
    `shape`."""
    variable = context.origin(argument)
    place = variable.statement if variable is not None else argument.span if argument is not None else None
    source = context.source(place.path) if place is not None else None
    tensor = argument.tensors[0] if argument is not None and argument.tensors else None
    if source is None or place is None or tensor is None or tensor.shape is None or None in shape:
        return []
    node: ast.AST | None = source.at(place, ast.stmt) or source.at(place, ast.expr)
    for item in ast.walk(node) if node is not None else ():
        if isinstance(item, (ast.Tuple, ast.List)) and _literal_shape(item) == tensor.shape:
            name = argument.name if argument is not None and argument.name else "the data"
            text = edits.tuple_text(shape)
            return fix(f"Make `{name}` of shape {text}", edits.replace(source, item, text), cause=place)
        if calls and isinstance(item, ast.Call) and len(item.args) > 1 and _literal_shape(item) == tensor.shape:
            name = argument.name if argument is not None and argument.name else "the data"
            pairs = zip(item.args, shape, strict=True) if len(item.args) == len(shape) else ()
            changes = [
                edits.replace(source, value, str(size)) for value, size in pairs if source.segment(value) != str(size)
            ]
            return fix(f"Make `{name}` of shape {edits.tuple_text(shape)}", *changes, cause=place)
    return []


def _literal_shape(node: ast.Tuple | ast.List | ast.Call) -> tuple[int, ...] | None:
    """The sizes that a tuple holds, or that a call like `rand(64, 5)` is given one by one."""
    items = node.args if isinstance(node, ast.Call) else node.elts
    values = [item.value if isinstance(item, ast.Constant) else None for item in items]
    return tuple(value for value in values if isinstance(value, int)) if None not in values else None


def model_is_proved(context: Context, call: Call, stage: str) -> bool:
    """Whether other data already went through this model, so that the data at hand are what differs."""
    if stage.startswith("validation"):
        return True
    for other in context.report.calls:
        if other is call:
            return False
        if other.model == call.model and other.status == "traced":
            return True
    return False


def reshape_data(context: Context, argument: Argument | None, samples: int | None, tail: tuple[int, ...]) -> list[Fix]:
    """Give the data of `argument` the shape (samples, *tail); in an existing `.reshape(…)` by changing its numbers."""
    if argument is None:
        return []
    name = argument.name or "the data"
    shown = edits.tuple_text((samples if samples is not None else -1, *tail))
    title = f"Reshape `{name}` to {shown}" if argument.name else f"Reshape {name} to {shown}"
    variable = context.origin(argument)
    source = context.source(variable.statement.path) if variable is not None else None
    statement = source.at(variable.statement, ast.stmt) if source is not None and variable is not None else None
    first = str(samples) if samples is not None else "-1"
    if isinstance(statement, ast.Assign) and source is not None and variable is not None:
        call = statement.value
        if (
            isinstance(call, ast.Call)
            and isinstance(call.func, ast.Attribute)
            and call.func.attr == "reshape"
            and call.args
        ):
            if _is_module(call.func.value):
                shape = edits.argument(call, "newshape", 1) or edits.argument(call, "shape", 1)
                if shape is not None:
                    return fix(title, edits.replace(source, shape, shown), cause=variable.statement)
            else:
                return fix(title, _new_reshape(source, call, first, tail), cause=variable.statement)
    numbers = ", ".join([first, *(str(size) for size in tail)])
    return transform_data(context, argument, "{}.reshape(" + numbers + ")", title)


def reshape_in_place(
    source: SourceText, call: ast.Call, middle: tuple[int | None, ...], last: int, cause: Span
) -> list[Fix]:
    """Give an existing `.reshape(…)` another last axis."""
    given = call.args[0] if len(call.args) == 1 and isinstance(call.args[0], (ast.Tuple, ast.List)) else None
    items = list(given.elts) if given is not None else list(call.args)
    if len(items) != len(middle) + 2:
        return []
    return fix(f"Set the last axis to {last}", edits.replace(source, items[-1], str(last)), cause=cause)


def _is_module(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("np", "numpy", "tf")


def _new_reshape(source: SourceText, call: ast.Call, first: str, tail: tuple[int, ...]) -> Edit:
    given: ast.expr = call.args[0]
    inside = isinstance(given, (ast.Tuple, ast.List)) and len(call.args) == 1
    items = list(given.elts) if isinstance(given, (ast.Tuple, ast.List)) and inside else list(call.args)
    if items and not isinstance(items[0], ast.Starred):
        first = source.segment(items[0])
    numbers = ", ".join([first, *(str(size) for size in tail)])
    if inside:
        return edits.replace(source, given, f"({numbers},)" if not tail else f"({numbers})")
    start, end = source.span(call.args[0]), source.span(call.args[-1])
    return Edit(Span(source.path, start.line, start.column, end.end_line, end.end_column), numbers)


def input_place(context: Context, model: Model, index: int = 0) -> tuple[SourceText, ast.expr, ast.Call] | None:
    """Where the model's input shape is written: the expression and the call that holds it."""
    if index < len(model.input_layers):
        for layer in context.layers.get(model.input_layers[index], []):
            found = context.call_node(layer.created)
            if found is not None:
                value = edits.argument(found[1], "shape", 0) or edits.argument(found[1], "batch_shape", None)
                if value is not None:
                    return found[0], value, found[1]
    for layer in context.first_layers(model):
        found = context.call_node(layer.created)
        if found is not None:
            for name in ("input_shape", "input_dim", "batch_input_shape"):
                value = edits.keyword(found[1], name)
                if value is not None:
                    return found[0], value, found[1]
    return None


def set_input_shape(context: Context, model: Model, shape: tuple[int | None, ...], index: int = 0) -> list[Fix]:
    """Write `shape` (without the batch axis) as the model's input shape."""
    place = input_place(context, model, index)
    if place is None:
        return []
    source, value, call = place
    text = edits.tuple_text(shape)
    outer = written.given_from(source, value)
    if outer is not None and isinstance(outer[0], (ast.Tuple, ast.List)):
        title = f"Give {text} as the input shape"
        return fix(title, edits.replace(source, outer[0], text), cause=source.span(outer[1]))
    if edits.keyword(call, "input_dim") is value:
        if len(shape) == 1:
            return fix(
                f"Set `input_dim` to {shape[0]}", edits.replace(source, value, str(shape[0])), cause=source.span(value)
            )
        item = next(item for item in call.keywords if item.value is value)
        return fix(
            f"Set the input shape to {text}", Edit(source.span(item), f"input_shape={text}"), cause=source.span(value)
        )
    title = f"Set the input shape to {text}"
    return sizes_where_written(source, value, shape, title) or fix(
        title, edits.replace(source, value, text), cause=source.span(call)
    )


def sizes_where_written(source: SourceText, value: ast.expr, shape: tuple[int | None, ...], title: str) -> list[Fix]:
    """Change the sizes of a shape where its names get them: at the one call of the function, or at the constant."""
    items = value.elts if isinstance(value, (ast.Tuple, ast.List)) else []
    if len(items) != len(shape) or not any(isinstance(item, ast.Name) for item in items):
        return []
    changes: list[Edit] = []
    places: list[Span] = []
    for item, size in zip(items, shape, strict=True):
        holder, node = _written_size(source, item)
        if node is None or size is None:
            return []
        if node.value != size:
            changes.append(edits.replace(source, node, str(size)))
            places.append(source.span(holder))
    return fix(title, *dict.fromkeys(changes), cause=places[0]) if len(dict.fromkeys(changes)) == 1 else []


def _written_size(source: SourceText, item: ast.expr) -> tuple[ast.expr | ast.stmt, ast.Constant | None]:
    """Where a size is written out, and what holds it: the call that gives it, or the statement that binds it."""
    outer = written.given_from(source, item)
    if outer is not None:
        return outer[1], outer[0] if isinstance(outer[0], ast.Constant) else None
    if isinstance(item, ast.Name):
        known = [(made, value) for made, target, value in source.assignments() if source.segment(target) == item.id]
        value = known[0][1] if len(known) == 1 else None
        return (known[0][0], value) if isinstance(value, ast.Constant) else (item, None)
    return item, item if isinstance(item, ast.Constant) else None


def set_layer_argument(
    context: Context, layer: Layer, name: str, position: int | None, text: str, title: str
) -> list[Fix]:
    """Give a layer's constructor argument another value."""
    found = context.call_node(layer.created)
    if found is None:
        return []
    source, call = found
    return fix(title, edits.set_argument(source, call, name, position, text), cause=layer.created)


def set_units(context: Context, layer: Layer, units: int) -> list[Fix]:
    """Give the last layer as many units (or filters) as the labels ask for."""
    name = "units" if "units" in layer.config else "filters" if "filters" in layer.config else None
    if name is None and layer.cls == "TimeDistributed":
        found = context.call_node(layer.created)
        inner = edits.argument(found[1], "layer", 0) if found is not None else None
        if found is None or not isinstance(inner, ast.Call) or edits.argument(inner, "units", 0) is None:
            return []
        edit = edits.set_argument(found[0], inner, "units", 0, str(units))
        return fix(f"Set the units to {units}", edit, cause=found[0].span(inner))
    if name is None:
        return []
    return [
        *_counted(context, layer, name, units, f"Set `{name}` of {layer.cls} to {units}"),
        *_set_count(context, layer, name, units),
    ]


_OF_CLASSES = re.compile("class|label|categor|vocab|token|word|char|action|tag")


def _set_count(context: Context, layer: Layer, name: str, count: int) -> list[Fix]:
    """A count of a layer, in the author's words for that number where there are some."""
    found = context.call_node(layer.created)
    words = spelled.words_for(context, *found, count) if found is not None and count > 2 else []
    text = next((item for item in words if _OF_CLASSES.search(item.lower())), str(count))
    title = f"Set `{name}` of {layer.cls} to {text if text.isdigit() else f'`{text}`'}"
    return set_layer_argument(context, layer, name, 0, text, title)


def _counted(context: Context, layer: Layer, name: str, size: int, title: str) -> list[Fix]:
    found = context.call_node(layer.created)
    value = edits.argument(found[1], name, 0) if found is not None else None
    have = layer.config.get(name)
    if found is None or not isinstance(value, ast.Name) or not isinstance(have, int):
        return []
    return change_count(found[0], value, have, size, title)


def change_count(source: SourceText, node: ast.expr, have: int, need: int, title: str) -> list[Fix]:
    """Have a number that the author counts in one place (`classes = len(names)`) come out as `need`, not `have`.

    `node` is the expression that gives the number: a name that is bound once, or the count itself.
    """
    value = node
    if isinstance(node, ast.Name):
        known = [
            (target, made) for _, target, made in source.assignments() if source.cut(source.span(target)) == node.id
        ]
        if len(known) != 1:
            return []
        value = known[0][1]
    elif not isinstance(node, ast.Call):
        return []
    statement = source.statement(value)
    if statement is None or isinstance(value, ast.Name):
        return []
    cause = source.span(statement)
    if isinstance(value, ast.Constant):
        return fix(title, edits.replace(source, value, str(need)), cause=cause) if value.value == have else []
    more = need - have
    if isinstance(value, ast.Call) and source.segment(value.func) in ("len", "max") and more == 1:
        return fix(title, edits.replace(source, value, f"{source.segment(value)} + 1"), cause=cause)
    counted = isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add) and source.segment(value.right) == "1"
    if isinstance(value, ast.BinOp) and counted and more == -1:
        return fix(title, edits.replace(source, value, source.segment(value.left)), cause=cause)
    return []


def count_as(source: SourceText, node: ast.expr, have: int, need: int, title: str) -> list[Fix]:
    """Have the size that `node` gives come out as `need`, not `have`: where it is counted, else at `node` itself."""
    counted = change_count(source, node, have, need, title)
    cause = source.span(node)
    text = source.segment(node)
    if isinstance(node, ast.Constant):
        return fix(title, edits.replace(source, node, str(need)), cause=cause) if node.value == have else []
    plus = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) and source.segment(node.right) == "1"
    if isinstance(node, ast.BinOp) and plus and need == have - 1:
        return fix(title, edits.replace(source, node, source.segment(node.left)), cause=cause)
    if isinstance(node, (ast.Name, ast.Call, ast.Attribute)) and need == have + 1:
        here = fix(title, edits.replace(source, node, f"{text} + 1"), cause=cause)
        return [*here, *(item for item in counted if item.edits != here[0].edits)]
    return counted


def set_units_for_classes(context: Context, layer: Layer, units: int) -> list[Fix]:
    """Give the last layer one unit for each class that excludes the others, and softmax where it has a sigmoid."""
    found = context.call_node(layer.created)
    given = edits.argument(found[1], "activation", 1) if found is not None and layer.cls == "Dense" else None
    if found is None or layer.config.get("activation") != "sigmoid" or not isinstance(given, ast.Constant):
        return set_units(context, layer, units)
    source, call = found
    quote = source.segment(given)[:1]
    changes = (
        edits.set_argument(source, call, "units", 0, str(units)),
        edits.replace(source, given, f"{quote}softmax{quote}"),
    )
    return fix(f"Set `units` of Dense to {units}, with softmax", *changes, cause=layer.created)


def insert_layer(context: Context, layer: Layer, made: str, arguments: str = "", title: str | None = None) -> list[Fix]:
    """Put a new layer of class `made` before `layer`."""
    found = context.call_node(layer.created)
    if found is None:
        return []
    source, call = found
    name, imports = edits.callee_like(source, call, made)
    title = title or f"Add `{made}({arguments})` before {layer.cls}"
    shape = edits.keyword(call, "input_shape")
    if shape is not None:  # it goes to the layer that is now the first
        given = ", ".join([*([arguments] if arguments else []), f"input_shape={source.segment(shape)}"])
        removed = edits.remove_argument(source, call, "input_shape")
        edit = edits.insert_layer(source, call, f"{name}({given})")
        return fix(title, edit, removed, *imports, cause=layer.created)
    edit = edits.insert_layer(source, call, f"{name}({arguments})")
    if edit is None:
        return fix(title, *_kept_before(source, call, made, f"{name}({arguments})"), *imports, cause=layer.created)
    return fix(title, edit, *imports, cause=layer.created)


def _kept_before(source: SourceText, call: ast.Call, made: str, text: str) -> list[Edit]:
    """The edits that put a layer before `self.dense = Dense(…)`: kept beside it, and called where `self.dense` is
    called; none where that is in several places."""
    statement = source.parents.get(call)
    target = statement.targets[0] if isinstance(statement, ast.Assign) else None
    if not isinstance(statement, ast.Assign) or not isinstance(target, ast.Attribute):
        return []
    owner, kept = source.parents.get(source.function(call) or call), source.segment(target)
    if not isinstance(owner, ast.ClassDef) or not kept.startswith("self."):
        return []
    used = [
        node
        for node in ast.walk(owner)
        if isinstance(node, ast.Call) and len(node.args) == 1 and source.segment(node.func) == kept
    ]
    names = {node.attr for node in ast.walk(owner) if isinstance(node, ast.Attribute)}
    name = next(name for name in (made.lower(), f"{made.lower()}_first", f"{made.lower()}_before") if name not in names)
    if len(used) != 1:
        return []
    given = used[0].args[0]
    return [
        edits.insert_before(source, statement, f"self.{name} = {text}"),
        edits.replace(source, given, f"self.{name}({source.segment(given)})"),
    ]


def remove_layer(context: Context, layer: Layer) -> list[Fix]:
    """Take `layer` out."""
    found = context.call_node(layer.created)
    if found is None:
        return []
    return fix(f"Remove {layer.cls}", edits.remove_layer(*found), cause=layer.created, safe=False)


def loss_place(context: Context, model: Model) -> tuple[SourceText, ast.expr] | None:
    """Where the model's loss is written."""
    found = context.call_node(model.compiled)
    value = edits.argument(found[1], "loss", 1) if found is not None else None
    return None if found is None or value is None else (found[0], value)


def set_loss(context: Context, model: Model, loss: str) -> list[Fix]:
    """Change the loss to `loss` (a Keras identifier) in the way the author wrote it: a word, a class or a function."""
    place = loss_place(context, model)
    return [] if place is None else set_loss_at(*place, loss)


def set_loss_at(source: SourceText, value: ast.expr, loss: str) -> list[Fix]:
    """Change the loss that is written as `value`."""
    title = f"Use the loss `{loss}`"
    span = source.span(value)
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        quote = source.segment(value)[0]
        return fix(title, edits.replace(source, value, f"{quote}{loss}{quote}"), cause=span)
    if isinstance(value, ast.Call):
        return fix(title, *_rename(source, value.func, LOSS_CLASSES.get(loss)), cause=span)
    if isinstance(value, ast.Attribute):
        return fix(title, *_rename(source, value, loss), cause=span)
    return fix(title, edits.replace(source, value, f'"{loss}"'), cause=span)


def _rename(source: SourceText, function: ast.expr, name: str | None) -> list[Edit | None]:
    if name is None:
        return [None]
    if isinstance(function, ast.Attribute):
        return [edits.replace(source, function, f"{source.segment(function.value)}.{name}")]
    if isinstance(function, ast.Name):
        written, imports = edits.imported_beside(source, function.id, name)
        return [edits.replace(source, function, written), *imports]
    return [None]


def output_layer(context: Context, model: Model, index: int = 0) -> Layer | None:
    """The layer that gives output `index`; of a subclassed model the last one called whose shape is the output's."""
    if index < len(model.output_layers) and model.output_layers[index] in context.layers:
        return context.layers[model.output_layers[index]][-1]
    inside = [layer for layer in context.report.layers if layer.parent == model.key and layer.outputs]
    return inside[-1] if inside else None


def argument_of_call(
    context: Context, call: Call, name: str, position: int | None
) -> tuple[SourceText, ast.expr] | None:
    """The expression given for a parameter of a sink."""
    found = context.call_node(call.span)
    value = edits.argument(found[1], name, position) if found is not None else None
    return None if found is None or value is None else (found[0], value)
