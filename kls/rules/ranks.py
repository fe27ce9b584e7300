"""Repairs of shapes between layers that are searched for: ranks, operands, reshapes. Not a rule: rules ask them."""

from __future__ import annotations

import ast
import dataclasses
import math
import re
from typing import Any

from kls import edits
from kls.facts import Edit, Fix
from kls.rules import keras_names, operands, operators, search, wording
from kls.rules.context import Context, argument_of, failed_layer, fix, size_of
from kls.source import SourceText
from kls.worker.protocol import Failure, Layer, Shape

RECURRENT = ("LSTM", "GRU", "SimpleRNN", "Bidirectional", "RNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")


def wanted_rank(failure: Failure) -> int | None:
    """How many axes the failing layer takes, batch included: its `input_spec`, else what its class name says."""
    spec: dict[str, Any] = next(iter(failure.facts.get("input_spec") or ()), None) or {}
    told = spec.get("ndim") or spec.get("min_ndim")
    if isinstance(told, int):
        return told
    cls = failure.layer_cls or ""
    match = re.search(r"([123])D(?:Transpose)?$", cls)
    if match is not None:
        return int(match[1]) + 2 + ("LSTM" in cls)
    if cls in RECURRENT:
        return 3
    return None


def keeps_shape(layer: Layer) -> bool:
    """Whether a layer gives what it is given, its values changed: `Dropout`, `BatchNormalization`, an activation."""
    same = [tensor.shape for tensor in layer.inputs] == [tensor.shape for tensor in layer.outputs]
    return same and re.search("Dropout|Normalization|Noise|Activation|ReLU|ELU|Softmax|Identity", layer.cls) is not None


def rank_fixes(context: Context, failure: Failure) -> list[Fix]:
    """Give the failing layer a tensor of the rank that it takes, by the layer before, or the input."""
    given: Shape = failure.inputs[0].shape if failure.inputs else None
    if given is None:
        return []
    wanted, rank = wanted_rank(failure), len(given)
    timed = failure.layer_cls == "TimeDistributed" or "ConvLSTM" in (failure.layer_cls or "")
    told = re.search(r"rank|ndim|dimensions?\b[, ]|length|axis \S+ is out|index out of range|permut", failure.message)
    if wanted is None and not timed and told is None:
        return []
    before = _before(context, failure, given)
    fixes = _of_other_dimensions(context, failure, rank) if wanted is not None and rank != wanted else []
    if failure.layer_created is not None and not any(layer.cls == "InputLayer" for layer in before):
        before.append(dataclasses.replace(failed_layer(failure), cls="InputLayer"))  # `LSTM(8, input_shape=(10,))`
    if wanted is None or rank < wanted:
        for layer in before[:1]:
            if layer.cls in RECURRENT:
                fixes += [*return_sequences(context, layer, True), *_repeated(context, failure)]
            if layer.cls == "Flatten" or layer.cls.startswith("Global"):
                fixes += _each_step(context, layer)
                fixes += operators.remove_layer(context, layer)
        fixes += _earlier_sequences(context, failure, before)
        fixes += _batch_in_reshape(context, given)
        square = len(given) > 3 and given[-1] == given[-2] and (given[-1] or 0) > 4  # of pictures without channels
        fixes += _inputs(context, before, "longer", leading_first=timed and not square)
    if wanted is None or rank > wanted:
        for layer in before[:1]:
            if layer.cls in RECURRENT and layer.config.get("return_sequences"):
                fixes += return_sequences(context, layer, False)
            if layer.cls == "Reshape":
                fixes += _shorter(context, layer, "target_shape", "Take the batch axis out of the target shape")
        fixes += _inputs(context, before, "shorter", leading_first=True)
        if failure.layer_cls == "Permute":
            fixes += _permute(context, failure, rank)
    return fixes


def _each_step(context: Context, layer: Layer) -> list[Fix]:
    """`TimeDistributed(Flatten())`, where a layer that flattens or pools is given a sequence of pictures or rows."""
    given = layer.inputs[0].shape if layer.inputs else None
    found = context.call_node(layer.created)
    frames = layer.cls == "Flatten" and len(given or ()) == 5
    if found is None or not frames:
        return []
    words, imports = edits.callee_like(*found, "TimeDistributed")
    edit = edits.replace(found[0], found[1], f"{words}({found[0].segment(found[1])})")
    return fix(f"Flatten each step: `{words}`", edit, *imports, cause=layer.created)


def _of_other_dimensions(context: Context, failure: Failure, rank: int) -> list[Fix]:
    """`MaxPooling2D` among layers for sequences: the layer of the same name for as many dimensions as the tensor has,
    where another layer of the program works in these."""
    name = re.fullmatch(r"(\w+)[123]D(Transpose)?", failure.layer_cls or "")
    found = context.call_node(failure.layer_created)
    others = {layer.cls for layer in context.report.layers}
    if name is None or found is None or not any(re.search(rf"{rank - 2}D(Transpose)?$", cls) for cls in others):
        return []
    made = f"{name[1]}{rank - 2}D{name[2] or ''}"
    if f"keras.layers.{made}" not in keras_names.PARAMETERS:
        return []
    words, imports = edits.callee_like(*found, made)
    edit = edits.replace(found[0], found[1].func, words)
    return fix(f"Use `{made}`", edit, *imports, cause=failure.layer_created)


def _before(context: Context, failure: Failure, given: tuple[int | None, ...]) -> list[Layer]:
    """The layers before the failing one, the last first: those that gave its shape to what it was given, then the
    inputs."""
    foreign = _of_other_models(context, failure)
    made = [layer for layer in context.report.layers if layer.key != failure.layer and layer.key not in foreign]
    giving = [layer for layer in made if len(layer.outputs) == 1 and layer.outputs[0].shape == given]
    giving = [layer for layer in giving if not keeps_shape(layer)]
    inputs = [layer for layer in made if layer.cls == "InputLayer"]
    found = [*reversed(giving), *reversed(inputs)]
    return list({layer.key: layer for layer in found}.values())


def _of_other_models(context: Context, failure: Failure) -> set[int]:
    """Layers of models that the one whose `fit` or like fails has nothing to do with."""
    call = context.sink(failure)
    model = context.model_of(call) if call is not None else None
    if model is None or not model.layers:
        return set()
    own, left = {*model.layers, *model.input_layers}, [model]
    while left:
        inner = [context.models[key] for key in left.pop().layers if key in context.models]
        left += [item for item in inner if not own.issuperset(item.layers)]
        own.update(key for item in inner for key in (*item.layers, *item.input_layers))
    return {key for other in context.models.values() for key in (*other.layers, *other.input_layers)} - own


def return_sequences(context: Context, layer: Layer, value: bool) -> list[Fix]:
    """Have a recurrent layer give its whole sequence, or its last output alone."""
    found = context.call_node(layer.created)
    if found is None:
        return []
    source, call = found
    inner = call.args[0] if layer.cls == "Bidirectional" and call.args else call
    if not isinstance(inner, ast.Call):
        return []
    if value:
        edit: Edit | None = edits.set_argument(source, inner, "return_sequences", None, "True")
        return fix("Set `return_sequences=True`", edit, cause=layer.created)
    return fix(
        "Give the last output only: no `return_sequences`",
        edits.remove_argument(source, inner, "return_sequences"),
        cause=layer.created,
    )


def _shape_value(context: Context, layer: Layer) -> tuple[SourceText, ast.Call, ast.expr] | None:
    found = context.call_node(layer.created)
    if found is None:
        return None
    for name, position in (("shape", 0), ("input_shape", None), ("target_shape", 0), ("batch_shape", None)):
        if name == "target_shape" and layer.cls != "Reshape":
            continue
        own = search.last_part(found[1].func) in ("Input", "InputLayer", "Reshape")
        value = edits.argument(found[1], name, position if own else None)
        if value is not None:
            return found[0], found[1], value
    return None


def _inputs(context: Context, before: list[Layer], way: str, leading_first: bool) -> list[Fix]:
    fixes: list[Fix] = []
    for layer in [item for item in before if item.cls == "InputLayer"][:2]:
        found = _shape_value(context, layer)
        if found is None:
            continue
        source, call, value = found
        cause = source.span(call)
        if way == "shorter" and isinstance(value, ast.Attribute) and value.attr == "shape":
            edit = edits.replace(source, value, f"{source.segment(value)}[1:]")
            fixes += fix("Leave the batch axis out of the input shape", edit, cause=cause)
        whole = source.segment(value)
        if (
            way == "longer"
            and not isinstance(value, (ast.Tuple, ast.List))
            and re.search(r"\.shape(\[\d*:\])?$", whole)
        ):
            title = "Give the input shape a last axis of 1"
            fixes += fix(title, edits.replace(source, value, f"(*{whole}, 1)"), cause=cause)
        if not isinstance(value, (ast.Tuple, ast.List)):
            continue
        items = [source.segment(item) for item in value.elts]
        if way == "longer":
            forms = [["1", *items], [*items, "1"]] if leading_first else [[*items, "1"], ["1", *items], [*items, "3"]]
        else:
            forms = [items[1:]] if items and items[0] == "None" else [items[1:], items[:-1]]
            if items and items[-1] == "1":
                forms.reverse()
        for form in forms:
            if form:
                text = edits.tuple_text(tuple(form))
                fixes += fix(f"Set the input shape to {text}", edits.replace(source, value, text), cause=cause)
    return fixes


def _shorter(context: Context, layer: Layer, name: str, title: str) -> list[Fix]:
    found = context.call_node(layer.created)
    value = edits.argument(found[1], name, 0) if found is not None else None
    if found is None or not isinstance(value, (ast.Tuple, ast.List)) or len(value.elts) < 2:
        return []
    text = edits.tuple_text(tuple(found[0].segment(item) for item in value.elts[1:]))
    return fix(title, edits.replace(found[0], value, text), cause=layer.created)


def _permute(context: Context, failure: Failure, rank: int) -> list[Fix]:
    found = context.call_node(failure.layer_created)
    value = edits.argument(found[1], "dims", 0) if found is not None else None
    if found is None or not isinstance(value, (ast.Tuple, ast.List)):
        return []
    rest = range(len(value.elts) + 1, rank)
    text = edits.tuple_text((*[found[0].segment(item) for item in value.elts], *rest))
    return fix(f"Permute all axes: {text}", edits.replace(found[0], value, text), cause=failure.layer_created)


def _repeated(context: Context, failure: Failure) -> list[Fix]:
    """`RepeatVector(steps)` between an encoder that gives its last output and a decoder that gives a sequence: as many
    steps as labels have, by the author's name for that number."""
    layer = failed_layer(failure)
    config: dict[str, Any] = failure.facts.get("config") or {}
    if failure.layer_cls not in RECURRENT or not config.get("return_sequences"):
        return []
    labels = [item for item in context.report.variables if re.match(r"y|label|target", item.name, re.IGNORECASE)]
    shapes = [item.tensors[0].shape for item in labels if len(item.tensors) == 1]
    steps = [shape[1] for shape in shapes if shape is not None and len(shape) in (2, 3) and (shape[1] or 0) > 1]
    fixes: list[Fix] = []
    for count in list(dict.fromkeys(steps))[:2]:
        source = context.source(layer.created.path) if layer.created is not None else None
        named = [
            target.id
            for _, target, value in (source.assignments() if source is not None else ())
            if isinstance(target, ast.Name) and isinstance(value, ast.Constant) and value.value == count
        ]
        fixes += operators.insert_layer(context, layer, "RepeatVector", named[0] if named else str(count))
    return fixes


def _earlier_sequences(context: Context, failure: Failure, before: list[Layer]) -> list[Fix]:
    """Recurrent layers further back that give their last step only."""
    fixes: list[Fix] = []
    foreign = _of_other_models(context, failure)
    for layer in (item for item in reversed(context.report.layers) if item.key not in foreign):
        out = layer.outputs[0].shape if layer.outputs else None
        if layer.cls in RECURRENT and out is not None and len(out) == 2 and layer not in before[:1]:
            fixes += return_sequences(context, layer, True)
    return fixes[:2]


def _batch_in_reshape(context: Context, given: tuple[int | None, ...]) -> list[Fix]:
    """`reshape(x, (28, 28, 1))` of a batch: the first axis is the batch's."""
    fixes: list[Fix] = []
    for source in context.sources.values():
        for call in source.calls():
            if search.last_part(call.func) != "reshape" or search.makes_layer(call):
                continue
            shape = call.args[-1] if call.args else None
            if not isinstance(shape, (ast.Tuple, ast.List)) or len(shape.elts) != len(given):
                continue
            if [source.segment(item) for item in shape.elts] == [str(size) for size in given]:
                text = edits.tuple_text(("-1", *[source.segment(item) for item in shape.elts]))
                edit = edits.replace(source, shape, text)
                fixes += fix("Keep the batch axis: -1 first", edit, cause=source.span(call))
    return fixes


# Operands


# Sizes


def size_fixes(context: Context, failure: Failure) -> list[Fix]:
    """Numbers of reshapes, lists of another length, indices beyond the end, names that hold a number."""
    return [*_indices(context, failure), *_whole_shapes(context, failure), *_lengths(context, failure),
            *_named_numbers(context, failure), *_flat(context, failure), *_reshapes(context)]  # fmt: skip


def _indices(context: Context, failure: Failure) -> list[Fix]:
    fixes: list[Fix] = []
    for source, place in search.places(context, failure)[:1]:
        if not isinstance(place, ast.Subscript) or not isinstance(place.value, ast.Name):
            continue
        shape = operands.shape_of(context, place.value, place.lineno)
        items = place.slice.elts if isinstance(place.slice, ast.Tuple) else [place.slice]
        for axis, item in enumerate(items):
            size = shape[axis] if shape is not None and axis < len(shape) else None
            if isinstance(item, ast.Constant) and type(item.value) is int and size is not None and item.value >= size:
                edit = edits.replace(source, item, str(size - 1))
                fixes += fix(f"Index {size - 1} is the last", edit, cause=source.span(place))
    return fixes


def _whole_shapes(context: Context, failure: Failure) -> list[Fix]:
    """A literal shape that the message names, by another of the same rank that it names."""
    if failure.call is not None:
        return []
    shapes = [
        tuple(map(int, re.findall(r"\d+", text))) for text in re.findall(r"\((\d+(?:, ?\d+)+)\)", failure.message)
    ]
    fixes: list[Fix] = []
    for source, place in search.places(context, failure)[:1]:
        for node in ast.walk(place):
            if isinstance(node, (ast.Tuple, ast.List)):
                values = tuple(item.value if isinstance(item, ast.Constant) else None for item in node.elts)
                for shape in dict.fromkeys(shapes) if values in shapes else ():
                    if shape != values and len(shape) == len(values):
                        text = edits.tuple_text(shape)
                        edit = edits.replace(source, node, text)
                        fixes += fix(f"Change the shape to {text}", edit, cause=source.span(place))
    return fixes


def _lengths(context: Context, failure: Failure) -> list[Fix]:
    """A list of constants that is too long."""
    fixes: list[Fix] = []
    for old, new in search.conflicts(failure)[:4]:
        for source in context.sources.values():
            for node in source.nodes:
                if isinstance(node, ast.List) and len(node.elts) == old > new and old < 65:
                    if all(isinstance(item, ast.Constant) and not isinstance(item.value, str) for item in node.elts):
                        kept = ", ".join(source.segment(item) for item in node.elts[:new])
                        statement = source.statement(node)
                        cause = source.span(statement) if statement is not None else source.span(node)
                        fixes += fix(f"Keep {new} numbers", edits.replace(source, node, f"[{kept}]"), cause=cause)
    return fixes


def _named_numbers(context: Context, failure: Failure) -> list[Fix]:
    """`heads = 6` where something must divide something: the nearest divisors."""
    fixes: list[Fix] = []
    sizes = [int(item) for item in re.findall(r"\d+", failure.message) if 3 < int(item) < 10_000]
    for source, place in search.places(context, failure)[:2]:
        names = {node.id for node in ast.walk(place) if isinstance(node, ast.Name)}
        if "//" not in source.segment(place) and "divi" not in failure.message:
            continue
        for node, name, made in source.assignments():
            number = made.value if isinstance(made, ast.Constant) else None
            if not (isinstance(name, ast.Name) and name.id in names and isinstance(number, int) and number > 1):
                continue
            near = [size for size in range(2, 2 * number + 1) if any(whole % size == 0 for whole in sizes)]
            near = sorted(
                (size for size in near if size != number), key=lambda size, near_to=number: abs(size - near_to)
            )
            for size in near[:4]:
                edit = edits.replace(source, made, str(size))
                fixes += fix(f"Set `{name.id}` to {size}", edit, cause=source.span(node))
    return sorted(fixes, key=lambda item: len(item.title))[:4]


def _flat(context: Context, failure: Failure) -> list[Fix]:
    """`Flatten` of axes that are not known gives a width that is not known: pool instead."""
    fixes: list[Fix] = []
    for layer in context.report.layers:
        given = layer.inputs[0].shape if layer.inputs else None
        found = context.call_node(layer.created)
        if layer.cls == "Flatten" and given is not None and found is not None and None in given[1:]:
            if 3 <= len(given) <= 5:
                made = f"GlobalAveragePooling{len(given) - 2}D"
                name, imports = edits.callee_like(found[0], found[1], made)
                edit = edits.replace(found[0], found[1].func, name)
                fixes += fix(f"Use `{made}` instead of `Flatten`", edit, *imports, cause=layer.created)
    return fixes


def _reshapes(context: Context) -> list[Fix]:
    """A reshape that leaves the batch axis to -1: the other sizes must multiply to what one sample has."""
    shapes = [layer.outputs[0].shape for layer in context.report.layers if layer.cls == "InputLayer" and layer.outputs]
    shapes += [model.inputs[0].shape for model in context.report.models if model.inputs]
    sizes = {size_of(shape[1:]) for shape in shapes if shape}
    totals = {size for size in sizes if size is not None}
    fixes: list[Fix] = []
    for source in context.sources.values():
        for call in source.calls():
            shape = call.args[-1] if call.args else None
            if search.last_part(call.func) != "reshape" or not isinstance(shape, (ast.Tuple, ast.List)):
                continue
            texts = [source.segment(item) for item in shape.elts]
            if len(texts) < 2 or texts[0] != "-1" or not all(text.isdigit() for text in texts[1:]):
                continue
            values = [int(text) for text in texts[1:]]
            if math.prod(values) in totals:
                continue
            for index in reversed(range(len(values))):
                rest = math.prod(values[:index] + values[index + 1 :])
                for total in sorted(totals):
                    if rest and total % rest == 0 and total // rest not in (values[index], 0):
                        edit = edits.replace(source, shape.elts[index + 1], str(total // rest))
                        title = f"Change {values[index]} to {total // rest}: {total} numbers for each sample"
                        fixes += fix(title, edit, cause=source.span(call))
    return fixes[:4]


# Statements


def statement_fixes(context: Context, failure: Failure) -> list[Fix]:
    """Repairs of the failing statement as a whole."""
    fixes: list[Fix] = []
    span = failure.frames[-1] if failure.frames else None
    source = context.source(span.path) if span is not None else None
    statement = source.at(span, ast.stmt) if source is not None and span is not None else None
    statement = statement or (source.statement_at(span.line) if source is not None and span is not None else None)
    if source is None or statement is None or span is None:
        return []
    cause = source.span(statement)
    if isinstance(statement, ast.AugAssign):
        operator = source.cut(type(cause)(
            cause.path, source.span(statement.target).end_line, source.span(statement.target).end_column,
            source.span(statement.value).line, source.span(statement.value).column,
        )).strip().rstrip("=")  # fmt: skip
        target = source.segment(statement.target)
        text = f"{target} = {target} {operator} {source.segment(statement.value)}"
        fixes += fix("Make a new array", edits.replace(source, statement, text), cause=cause)
    call = statement.value if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call) else None
    if call is not None and isinstance(call.func, ast.Attribute):
        inner = call.args[0] if call.args else None
        again = isinstance(inner, ast.Call) and search.last_part(inner.func) in ("Input", "InputLayer")
        if (call.func.attr == "add" and again) or (call.func.attr == "quantize" and "already" in failure.message):
            fixes += fix("Remove this line", edits.remove_statement(source, statement), cause=cause, safe=False)
    for place, node in search.calls(context, failure)[:2]:
        state = edits.keyword(node, "initial_state")
        if isinstance(state, ast.Name):
            edit = edits.replace(place, state, f"{state.id}[:2]")
            fixes += fix("Give the two states of one direction", edit, cause=place.span(node))
        if "to string" in failure.message and node.args:
            edit = edits.wrap(place, node.args[0], "{}.astype(str)")
            fixes += fix("Give strings: `.astype(str)`", edit, cause=place.span(node))
    if "string" in failure.message:
        for call in source.calls():
            if search.last_part(call.func) == "Input" and edits.keyword(call, "dtype") is not None:
                edit2 = edits.remove_argument(source, call, "dtype")
                fixes += fix("Let the input be of numbers: no `dtype`", edit2, cause=source.span(call))
    return fixes


def _shifted_labels(context: Context, failure: Failure) -> list[Fix]:
    """Labels of classes, one step longer than the output: the first is the start token's."""
    call = context.sink(failure)
    if call is None or "loss" not in failure.stage or "crossentropy" not in (call.loss or "").lower():
        return []
    labels = argument_of(call, "y")
    given = labels.tensors[0].shape if labels is not None and labels.tensors else None
    output = call.outputs[0].shape if call.outputs else None
    model = context.model_of(call)
    if output is None and model is not None and model.outputs:
        output = model.outputs[0].shape
    if given is None or output is None or len(given) < 3 or len(output) < 3:
        return []
    if given[1] is None or output[1] is None or given[1] != output[1] + 1:
        return []
    return operators.transform_data(context, labels, "{}[:, 1:]", "Leave the first step out of the labels")


_SIGNS: dict[str, type[ast.operator]] = {
    "Mul": ast.Mult, "Add": ast.Add, "AddV2": ast.Add, "Sub": ast.Sub, "RealDiv": ast.Div,
}  # fmt: skip


def in_functions(context: Context, failure: Failure) -> list[Fix]:
    """Two operands of an operator inside a function of the author: more axes for the one of lower rank."""
    sides = wording.operands(failure.message)
    found = next(iter(search.places(context, failure)), None)
    if found is not None and "ndims must be >= 2" in failure.message:
        return _column(context, failure, *found)
    if sides is None or found is None or isinstance(search.scope(*found), ast.Module):
        return []
    source, place = found
    sign = _SIGNS.get(sides[0])
    fixes: list[Fix] = []
    for node in ast.walk(place):
        if sign is None or not isinstance(node, ast.BinOp) or not isinstance(node.op, sign):
            continue
        one, other = len(sides[1]), len(sides[2])
        for operand, missing in ((node.left, other - one), (node.right, one - other)):
            if missing <= 0 or not isinstance(operand, (ast.Name, ast.Attribute, ast.Call, ast.Subscript)):
                continue
            words, more = source.segment(operand), ", ".join(["None"] * missing)
            text = f"{words}[..., {more}]"
            edit = edits.replace(source, operand, text)
            fixes += fix(f"Give `{words}` another axis: `{text}`", edit, cause=source.span(place))
    return fixes


def _column(context: Context, failure: Failure, source: SourceText, place: ast.expr) -> list[Fix]:
    """A product of a matrix and a vector: the vector as a column."""
    vectors = {name for name, shape, _ in failure.facts.get("operands") or () if shape is not None and len(shape) == 1}
    fixes: list[Fix] = []
    for node in ast.walk(place):
        if isinstance(node, ast.Name) and node.id in vectors:
            text = f"{node.id}[..., None]"
            changed = edits.replace(source, node, text)
            fixes += fix(f"Give `{node.id}` another axis: `{text}`", changed, cause=source.span(place))
    return fixes


def halved_sizes(context: Context, failure: Failure) -> list[Fix]:
    """An image size that does not halve as often as the model halves it: the nearest that does."""
    shapes = [tensor.shape for tensor in failure.inputs if tensor.shape is not None]
    if failure.layer_cls not in operands.JOINS or len(shapes) < 2 or any(len(shape) != 4 for shape in shapes):
        return []
    if not any(a and b and 0 < abs(a - b) < 4 for a, b in zip(shapes[0][1:3], shapes[1][1:3], strict=True)):
        return []
    fixes: list[Fix] = []
    for source, value, _, shape in search.declared_inputs(context):
        sizes = [size for size in shape[:2] if size is not None]
        left = [layer.outputs[0].shape for layer in context.report.layers if layer.outputs]
        least = min((out[1] for out in left if out is not None and len(out) == 4 and out[1]), default=0)
        if len(shape) != 3 or len(sizes) != 2 or not least or not isinstance(value, (ast.Tuple, ast.List)):
            continue
        factor = 2 ** round(math.log2(max(sizes[0] / least, 1)))
        up = [-(-size // factor) * factor for size in sizes]
        down = [size // factor * factor for size in sizes]
        for new in sorted((up, down), key=lambda both: abs(both[0] - sizes[0])):
            text = edits.tuple_text((*new, source.segment(value.elts[-1])))
            title = f"Set the input shape to {text}: it halves without a rest"
            if 0 not in new and new != sizes and len(value.elts) == 3:
                named = operators.sizes_where_written(source, value, (*new, shape[-1]), title)
                fixes += named or fix(title, edits.replace(source, value, text), cause=source.span(value))
    return fixes[:4]


def general(context: Context, failure: Failure) -> list[Fix]:
    """What may be tried for any failure inside a model, after what its rule knows."""
    if failure.stage == "adapter" or "metrics" in failure.stage:
        return []
    return [
        *statement_fixes(context, failure),
        *_shifted_labels(context, failure),
        *rank_fixes(context, failure),
        *halved_sizes(context, failure),
        *operands.operand_fixes(context, failure),
        *size_fixes(context, failure),
        *search.agree(context, failure, 6),
    ]
