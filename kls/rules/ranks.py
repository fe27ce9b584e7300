"""Repairs of shapes between layers that are searched for: ranks, operands, reshapes. Not a rule: rules ask them."""

from __future__ import annotations

import ast
import dataclasses
import math
import re
from collections.abc import Iterator
from typing import Any

from kls import edits
from kls.facts import Edit, Fix
from kls.rules import keras_names, operators, search, wording, written
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
                fixes += return_sequences(context, layer, True)
            if layer.cls == "Flatten" or layer.cls.startswith("Global"):
                fixes += operators.remove_layer(context, layer)
        fixes += _earlier_sequences(context, before)
        fixes += _batch_in_reshape(context, given)
        fixes += _inputs(context, before, "longer", leading_first=timed)
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
    made = [layer for layer in context.report.layers if layer.key != failure.layer]
    giving = [layer for layer in made if len(layer.outputs) == 1 and layer.outputs[0].shape == given]
    giving = [layer for layer in giving if not keeps_shape(layer)]
    inputs = [layer for layer in made if layer.cls == "InputLayer"]
    found = [*reversed(giving), *reversed(inputs)]
    return list({layer.key: layer for layer in found}.values())


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


def _earlier_sequences(context: Context, before: list[Layer]) -> list[Fix]:
    """Recurrent layers further back that give their last step only."""
    fixes: list[Fix] = []
    for layer in reversed(context.report.layers):
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


def turned_operand(context: Context, failure: Failure) -> list[Fix]:
    """A product of two tensors of one shape, as of queries and keys: the second is to be transposed."""
    found = wording.operands(failure.message)
    if found is None or "MatMul" not in found[0] or found[1] != found[2] or found[1][-1] == found[1][-2]:
        return []
    return [item for item in operand_fixes(context, failure) if item.title.startswith("Transpose")][:1]


def lower_operand(context: Context, failure: Failure) -> list[Fix]:
    """A sum or the like of tensors of different ranks, as of a state and a sequence: the lower one lacks an axis."""
    found = wording.operands(failure.message)
    if found is None or len(found[1]) == len(found[2]) or min(len(found[1]), len(found[2])) < 2:
        return _numbers_of_classes(context, failure) if found is not None and "Mul" in found[0] else []
    return [item for item in operand_fixes(context, failure) if item.title.startswith("Give")][:2]


def laid_out_flat(context: Context, failure: Failure) -> list[Fix]:
    """A `Reshape` to a map without channels that is joined with a map of one: the axis of 1 in its target shape."""
    shapes = [tensor.shape for tensor in failure.inputs if tensor.shape]
    longest = max(map(len, shapes), default=0)
    low = [shape for shape in shapes if len(shape) == longest - 1 and longest > 3]
    fixes: list[Fix] = []
    for layer in reversed(context.report.layers) if failure.layer_cls in _JOINS else ():
        found = context.call_node(layer.created) if layer.cls == "Reshape" else None
        value = edits.argument(found[1], "target_shape", 0) if found is not None else None
        if found is None or not layer.outputs or layer.outputs[0].shape not in low:
            continue
        if isinstance(value, (ast.Tuple, ast.List)):
            text = edits.tuple_text((*map(found[0].segment, value.elts), 1))
            changed = edits.replace(found[0], value, text)
            fixes += fix(f"Reshape to {text}", changed, cause=layer.created)
    return fixes[:1]


def alike_arguments(context: Context, failure: Failure) -> list[Fix]:
    """`up(x, c1)`, of a function of the author that joins them: `c2`, where another tensor of such a name fits."""
    place = failure.frames[-1] if failure.frames else None
    source = context.source(place.path) if place is not None else None
    statement = source.statement_at(place.line) if source is not None and place is not None else None
    function = source.function(statement) if source is not None and statement is not None else None
    if failure.layer_cls not in _JOINS or source is None or not isinstance(function, ast.FunctionDef):
        return []
    shapes = [tensor.shape for tensor in failure.inputs if tensor.shape]
    fixes: list[Fix] = []
    for call in source.calls():
        for node in call.args if search.last_part(call.func) == function.name else ():
            if not isinstance(node, ast.Name):
                continue
            mine = _shape_of(context, node, call.lineno)
            others = [shape for shape in shapes if shape != mine]
            if mine not in shapes or len(others) != len(shapes) - 1:
                continue
            for variable in reversed(context.report.variables):
                shape = variable.tensors[0].shape if variable.kind == "keras-tensor" and variable.tensors else None
                if shape is None or variable.name == node.id or not _alike(variable.name, node.id):
                    continue
                if variable.statement.line < call.lineno and shape[1:-1] == (others[0] or ())[1:-1]:
                    title = f"Give `{variable.name}` instead of `{node.id}`"
                    fixes += fix(title, edits.replace(source, node, variable.name), cause=source.span(call))
    return fixes[:2]


def kept_steps(context: Context, failure: Failure) -> list[Fix]:
    """`t[:, -1, 4:]` in a function of the author, joined with a tensor that has the axis: `t[:, :, 4:]`."""
    shapes = [tensor.shape for tensor in failure.inputs if tensor.shape]
    if failure.layer_cls not in _JOINS or len({len(shape) for shape in shapes}) != 2:
        return []
    fixes: list[Fix] = []
    for source in context.sources.values():
        for node in source.nodes:
            if not isinstance(node, ast.Subscript) or not isinstance(node.slice, ast.Tuple):
                continue
            items = node.slice.elts
            whole = [item for item in items if isinstance(item, ast.Slice)]
            single = [item for item in items if isinstance(item, (ast.Constant, ast.UnaryOp))]
            if len(items) != 3 or len(whole) != 2 or len(single) != 1 or items[0] is single[0]:
                continue
            if source.function(node) is None and not any(
                isinstance(item, ast.Lambda) for item in _around(source, node)
            ):
                continue
            words = source.segment(node)
            changed = edits.replace(source, single[0], ":")
            fixes += fix(f"Keep the axis that `{words}` takes one of", changed, cause=source.span(node))
    return fixes[:2]


def _numbers_of_classes(context: Context, failure: Failure) -> list[Fix]:
    """`probabilities * actions`, where the actions are numbers of classes: one-hot rows of them."""
    met = {name: (shape, str(dtype)) for name, shape, dtype in failure.facts.get("operands") or () if shape is not None}
    for source, place in search.places(context, failure)[:2]:
        for node in ast.walk(place):
            if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mult):
                continue
            for one, other in ((node.left, node.right), (node.right, node.left)):
                if not isinstance(one, ast.Name) or not isinstance(other, ast.Name):
                    continue
                (given, kind), (wide, _) = met.get(one.id, ((), "")), met.get(other.id, ((), ""))
                if len(given) != 1 or len(wide) != 2 or not kind.startswith(("int", "uint")):
                    continue
                tf = written.module_name(source, "tensorflow")
                keras, imports = search.keras_name(source)
                encode = f"{tf}.one_hot" if tf is not None else f"{keras}.ops.one_hot"
                text = f"{encode}({one.id}, {other.id}.shape[-1])"
                more = imports if tf is None else []
                title = f"One-hot encode `{one.id}`: `{text}`"
                return fix(title, edits.replace(source, one, text), *more, cause=source.span(place))
    return []


def operand_fixes(context: Context, failure: Failure) -> list[Fix]:
    """Make the tensors of the failing expression fit: another tensor, another axis, a projection."""
    fixes: list[Fix] = []
    met = {name: tuple(shape) for name, shape, _ in failure.facts.get("operands") or () if shape is not None}
    for source, place in search.places(context, failure)[:3]:
        if isinstance(place, ast.Call) and search.last_part(place.func) in ("Sequential", "Model", "fit"):
            continue
        names = [node for node in ast.walk(place) if isinstance(node, ast.Name)]
        known = [(node, met.get(node.id) or _shape_of(context, node, place.lineno)) for node in names]
        tensors = [(node, shape) for node, shape in known if shape is not None]
        if len({node.id for node, _ in tensors}) < 2:
            continue
        fixes += _operands(context, source, place, tensors)
        if fixes:
            break
    return fixes


def _shape_of(context: Context, node: ast.Name, line: int) -> tuple[int | None, ...] | None:
    found: tuple[int | None, ...] | None = None
    for item in context.report.variables:
        if item.name == node.id and item.kind == "keras-tensor" and item.statement.line <= line and item.tensors:
            if item.statement.line < line or found is None:
                found = item.tensors[0].shape
    return found


def _operands(
    context: Context,
    source: SourceText,
    place: ast.expr,
    tensors: list[tuple[ast.Name, tuple[int | None, ...]]],
) -> list[Fix]:
    cause = source.span(place)
    (one, first), (other, second) = tensors[0], tensors[1]
    fixes: list[Fix] = []
    name = search.last_part(place.func) if isinstance(place, ast.Call) else ""
    keras, imports = search.keras_name(source)
    if isinstance(place, ast.Call) and name == "stack":
        prefix = source.segment(place.func)[: -len("stack")]
        edit = edits.replace(source, place.func, f"{prefix}concatenate")
        fixes += fix("Join them with `concatenate`", edit, cause=cause)
    product = name in ("matmul", "dot") or (isinstance(place, ast.BinOp) and isinstance(place.op, ast.MatMult))
    if product and len(second) >= 2 and len(first) == len(second):
        axes = (*range(len(second) - 2), len(second) - 1, len(second) - 2)
        if isinstance(place, ast.Call) and place.args[:2] == [one, other] and _of_tensorflow(source, place):
            for node, argument in ((other, "transpose_b"), (one, "transpose_a")):
                fixes += fix(
                    f"Transpose `{node.id}`", edits.add_argument(source, place, f"{argument}=True"), cause=cause
                )
            axes = ()
        for node in (other, one) if axes else ():
            text = f"{keras}.ops.transpose({node.id}, {axes})"
            edit = edits.replace(source, node, text)
            fixes += fix(f"Transpose `{node.id}`", edit, *imports, cause=cause)
    if len(first) != len(second):
        low, high = ((one, first), (other, second)) if len(first) < len(second) else ((other, second), (one, first))
        missing = len(high[1]) - len(low[1])
        fixes += _rows_taken(source, low[0]) if missing == 1 and high[1][-1:] == (1,) else []
        for text in (
            f"{low[0].id}[{', '.join([':'] * len(low[1]) + ['None'] * missing)}]",
            f"{low[0].id}[{', '.join([':'] + ['None'] * missing)}]",
        ):
            edit = edits.replace(source, low[0], text)
            fixes += fix(f"Give `{low[0].id}` another axis: `{text}`", edit, cause=cause)
        return fixes
    sides = (((one, first), other, second), ((other, second), one, first))
    unlike: list[Fix] = []
    for (node, shape), _, wanted in sides:
        if shape == wanted:
            continue
        for variable in reversed(context.report.variables):
            fits = variable.kind == "keras-tensor" and variable.tensors and variable.tensors[0].shape == wanted
            if fits and variable.name not in (one.id, other.id) and variable.statement.line < place.lineno:
                edit = edits.replace(source, node, variable.name)
                given = fix(f"Give `{variable.name}` instead of `{node.id}`", edit, cause=cause)
                # Of `c1` and `c2` one may be meant for the other; what only fits by its shape means something else.
                (fixes if _alike(variable.name, node.id) else unlike).extend(given)
    for (_, shape), partner, wanted in reversed(sides):
        if not shape or not wanted or len(shape) > 3 or shape[:-1] != wanted[:-1]:
            continue
        have, need = list(shape)[-1], list(wanted)[-1]
        if have and need and have != need:
            fixes += _made_as_wide(context, source, have, need, partner)
    built = not any(isinstance(item, (ast.With, ast.For)) for item in _around(source, place))
    for (node, shape), wanted in (((one, first), second), ((other, second), first)):
        if not shape or not wanted or not built:  # a step would make a new layer each time
            continue
        if shape[:-1] == wanted[:-1] or name in ("", "matmul") or "Attention" in source.segment(place):
            size = wanted[-1]
            if size is None or shape[-1] == size:
                continue
            image = len(shape) == 4
            made = "Conv2D" if image else "Dense"
            layer, more = _layer_name(source, place, made, keras)
            text = f"{layer}({size}, 1)({node.id})" if image else f"{layer}({size})({node.id})"
            edit = edits.replace(source, node, text)
            title = f"Project `{node.id}` to {size} with `{made}`"
            fixes += fix(title, edit, *(more if more is not None else imports), cause=cause)
    return [*fixes, *unlike]


def _around(source: SourceText, node: ast.AST) -> Iterator[ast.AST]:
    """What holds `node`, from the inside to the module."""
    walk = source.parents.get(node)
    while walk is not None:
        yield walk
        walk = source.parents.get(walk)


def _of_tensorflow(source: SourceText, call: ast.Call) -> bool:
    """Whether a call is TensorFlow's own, through the module's name."""
    tensorflow = written.module_name(source, "tensorflow")
    return tensorflow is not None and search.root(call.func) == tensorflow


def _rows_taken(source: SourceText, name: ast.Name) -> list[Fix]:
    """The last axis of 1 for the array of which `name` holds some rows: `rows = data[chosen]`."""
    here = source.function(name)
    known = [item for item in written.assignments(source, name.id, name.lineno) if source.function(item[0]) is here]
    value = known[-1][1] if known else None
    if not isinstance(value, ast.Subscript) or not isinstance(value.value, ast.Name) or value.value.id == name.id:
        return []
    whole = value.value.id
    made = [item for item, _ in written.assignments(source, whole, value.lineno - 1) if source.function(item) is here]
    title = f"Give `{whole}` the last axis: `[..., None]`"
    return operators.transform_where_bound(source, made[-1], whole, "{}[..., None]", title) if made else []


def _alike(one: str, other: str) -> bool:
    """Whether two names differ in a number only."""
    return re.sub(r"\d+", "", one) == re.sub(r"\d+", "", other)


def _made_as_wide(context: Context, source: SourceText, have: int, need: int, partner: ast.Name) -> list[Fix]:
    """The last layer that makes `have` numbers is to make `need`, or as many as the tensor `partner` has where the
    author gives a name, not a number."""
    for layer in reversed(context.report.layers):
        out = layer.outputs[0].shape if layer.outputs else None
        for name, position in (("units", 0), ("output_dim", 1)):
            found = context.call_node(layer.created) if layer.config.get(name) == have else None
            if found is None or not out or out[-1] != have or found[0] is not source:
                continue
            written = edits.argument(found[1], name, position)
            text = str(need) if isinstance(written, ast.Constant) else f"{partner.id}.shape[-1]"
            title = f"Set `{name}` of {layer.cls} to {text}"
            return operators.set_layer_argument(context, layer, name, position, text, title)
    return []


def _layer_name(source: SourceText, place: ast.expr, made: str, keras: str) -> tuple[str, list[Edit] | None]:
    """How this file says a layer class: as it says the others."""
    if isinstance(place, ast.Call) and isinstance(place.func, ast.Call):
        return edits.callee_like(source, place.func, made)
    for node in source.calls():
        if isinstance(node.func, ast.Attribute) and search.makes_layer(node):
            words = source.segment(node.func.value)
            if words.endswith("layers") or words in ("L", "kl", "tfkl"):
                return f"{words}.{made}", []
    return f"{keras}.layers.{made}", None


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
        shape = _shape_of(context, place.value, place.lineno)
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
    if failure.layer_cls not in _JOINS or len(shapes) < 2 or any(len(shape) != 4 for shape in shapes):
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


_JOINS = ("Concatenate", "Add", "Average", "Maximum", "Multiply", "Subtract")


def general(context: Context, failure: Failure) -> list[Fix]:
    """What may be tried for any failure inside a model, after what its rule knows."""
    if failure.stage == "adapter" or "metrics" in failure.stage:
        return []
    return [
        *statement_fixes(context, failure),
        *_shifted_labels(context, failure),
        *rank_fixes(context, failure),
        *halved_sizes(context, failure),
        *operand_fixes(context, failure),
        *size_fixes(context, failure),
        *search.agree(context, failure, 6),
    ]
