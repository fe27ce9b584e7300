"""Arrays and tensors whose shape the program itself writes down, where they are made. Not a rule: `suspects` asks.

Each function answers candidates at the place where a shape is written: noise that lacks axes of 1 to be stretched
over pictures, the batch of a generator that lacks its last axis, an input whose length a weight needs.
"""

from __future__ import annotations

import ast
import re

from kls import edits
from kls.facts import Edit, Fix
from kls.rules import search, sizes, wording, written
from kls.rules.context import Context, argument_of, compatible, fix
from kls.source import SourceText
from kls.worker.protocol import Failure

_ALLOCATIONS = ("empty", "zeros", "ones", "full")
_DRAWS = (*_ALLOCATIONS, "uniform", "normal", "random", "truncated_normal", "rand_uniform", "random_uniform",
          "random_normal", "fill", "stateless_uniform", "stateless_normal")  # fmt: skip
MOST = 3
"""Candidates of one kind."""


def strong(context: Context, failure: Failure) -> list[Fix]:
    """Candidates that the failure's own shapes speak for."""
    return [
        *_axes_of_one(context, failure),
        *_last_axis(context, failure),
        *_declared_length(context, failure),
        *one_of_each(context, failure),
        *_turned_weights(context, failure),
        *_fixed_weights(context, failure),
        *_joined_labels(context, failure),
        *_joined_rows(context, failure),
    ]


def _written_shape(call: ast.expr | None, names: tuple[str, ...]) -> ast.Tuple | ast.List | None:
    """The shape that a call of one of the functions `names` is given as a literal."""
    if not isinstance(call, ast.Call) or search.last_part(call.func) not in names:
        return None
    for name, position in (("shape", 0), ("size", None), ("dims", 0)):
        value = edits.argument(call, name, position)
        if isinstance(value, (ast.Tuple, ast.List)) and value.elts:
            return value
    return next((item for item in call.args if isinstance(item, (ast.Tuple, ast.List))), None)


def _longer(source: SourceText, shape: ast.Tuple | ast.List, texts: list[str]) -> str:
    inner = ", ".join([*map(source.segment, shape.elts), *texts])
    return f"[{inner}]" if isinstance(shape, ast.List) else f"({inner})"


def _axes_of_one(context: Context, failure: Failure) -> list[Fix]:
    """Noise of shape `[batch, 1]` that is to be multiplied with pictures: axes of 1, where it is drawn."""
    found = wording.operands(failure.message)
    place = failure.frames[-1] if failure.frames else None
    source = context.source(place.path) if place is not None else None
    statement = source.statement_at(place.line) if source is not None and place is not None else None
    if found is None or source is None or statement is None or len(found[1]) == len(found[2]):
        return []
    low, high = sorted(found[1:], key=len)
    fixes: list[Fix] = []
    for item in ast.walk(statement):
        if not isinstance(item, ast.Name) or not isinstance(item.ctx, ast.Load):
            continue
        known = [
            value
            for made, value in written.assignments(source, item.id, statement.lineno)
            if source.function(made) is source.function(statement) and made is not statement
        ]
        shape = _written_shape(known[-1], _DRAWS) if known else None
        if shape is not None and len(shape.elts) == len(low):
            text = _longer(source, shape, ["1"] * (len(high) - len(low)))
            changed = edits.replace(source, shape, text)
            fixes += fix(f"Make `{item.id}` of shape {text}", changed, cause=source.span(shape))
    return fixes[:MOST]


def _last_axis(context: Context, failure: Failure) -> list[Fix]:
    """The batch that a generator makes without the last axis that the model takes."""
    call = context.sink(failure)
    model = context.model_of(call) if call is not None else None
    role = "validation_x" if failure.stage.startswith("validation") else "x"
    argument = argument_of(call, role) if call is not None else None
    if model is None or argument is None or len(model.inputs) != 1 or not argument.tensors:
        return []
    wanted, given = model.inputs[0].shape, argument.tensors[0].shape
    size = wanted[-1] if wanted else None
    if not wanted or not given or size is None or not compatible(given[1:], wanted[1:-1]):
        return []
    fixes: list[Fix] = []
    for source, node in written.yielded(context, argument):
        first = node.elts[0] if isinstance(node, ast.Tuple) and node.elts else node
        known = written.assignments(source, first.id, node.lineno) if isinstance(first, ast.Name) else []
        here = [value for made, value in known if source.function(made) is source.function(node)]
        for value in here:
            shape = _written_shape(value, _ALLOCATIONS)
            if shape is not None:
                text = next(iter(sizes.words(source, shape, size)), str(size))
                whole = _longer(source, shape, [text])
                title = f"Make `{source.segment(first)}` of shape {whole}"
                fixes += fix(title, edits.replace(source, shape, whole), cause=source.span(shape))
    return fixes[:MOST]


def _turned_weights(context: Context, failure: Failure) -> list[Fix]:
    """A weight of the author's own whose two sizes stand the other way round for the product or the sum it is in."""
    found = wording.operands(failure.message)
    if found is None or len(found[2]) != 2:
        return []
    turned = found[0] in _PRODUCTS and found[1][-1] == found[2][1]
    if not turned and not (found[0] in _ELEMENTWISE and found[1][-2:] == found[2][::-1]):
        return []
    fixes: list[Fix] = []
    for source in context.sources.values():
        for call in source.calls():
            shape = _written_shape(call, ("add_weight", "Variable"))
            if shape is None and search.last_part(call.func) == "Variable" and call.args:
                shape = _written_shape(call.args[0], _DRAWS)
            if shape is None or len(shape.elts) != 2:
                continue
            one, other = map(source.segment, shape.elts)
            if one != other:
                text = f"[{other}, {one}]" if isinstance(shape, ast.List) else f"({other}, {one})"
                changed = edits.replace(source, shape, text)
                fixes += fix(f"Make the weight of shape {text}", changed, cause=source.span(shape))
    return fixes[:MOST]


_PRODUCTS = ("MatMul", "BatchMatMulV2", "BatchMatMulV3")
_ELEMENTWISE = ("Add", "AddV2", "Mul", "Sub", "RealDiv", "Maximum", "Minimum")
"""TensorFlow's operations of two tensors that are broadcast."""


def _fixed_weights(context: Context, failure: Failure) -> list[Fix]:
    """`add_weight(shape=(28,))` in a layer of the author's own, which meets an input of 16 channels: as many as that
    has, in `build` by its shape."""
    found = wording.operands(failure.message)
    if found is None or failure.layer_cls is None or not found[1] or not found[2]:
        return []
    wanted: dict[int, str] = {}
    if found[0] in _PRODUCTS and len(found[2]) > 1:
        wanted = {-2: found[1][-1]}
    elif found[0] in _ELEMENTWISE:
        pairs = zip(range(-1, -len(found[2]) - 1, -1), reversed(found[1]), reversed(found[2]), strict=False)
        wanted = {axis: one for axis, one, other in pairs if one != other and "1" not in (one, other) and one != "?"}
    fixes: list[Fix] = []
    for source in context.sources.values():
        for call in source.calls():
            shape = _written_shape(call, ("add_weight",))
            function, owner = source.function(call), source.parents.get(source.function(call) or call)
            if shape is None or not isinstance(owner, ast.ClassDef) or owner.name != failure.layer_cls:
                continue
            known = [item.value if isinstance(item, ast.Constant) else None for item in shape.elts]
            at = [axis for axis, size in wanted.items() if str(known[axis] if -axis <= len(known) else None) != size]
            if len(known) != len(found[2]) or len(at) != 1 or str(known[at[0]]) != found[2][at[0]]:
                continue
            text, given = wanted[at[0]], failure.inputs[0].shape if len(failure.inputs) == 1 else None
            names = [item.arg for item in function.args.args] if isinstance(function, ast.FunctionDef) else []
            if isinstance(function, ast.FunctionDef) and function.name == "build" and len(names) > 1 and given:
                text = f"{names[1]}[-1]" if str(given[-1]) == text else text
            title = f"Make the weight as long as what it meets: `{text}`"
            changed = edits.replace(source, shape.elts[at[0]], text)
            fixes += fix(title, changed, cause=source.span(shape.elts[at[0]]))
    return fixes[:MOST]


def _joined_labels(context: Context, failure: Failure) -> list[Fix]:
    """`np.concatenate([np.ones((batch, 1)), np.zeros((batch, 1))])`, twice as many as the data: each half as long."""
    call = context.sink(failure)
    x, y = (argument_of(call, role) if call is not None else None for role in ("x", "y"))
    rows = [item.tensors[0].shape[0] for item in (x, y) if item is not None and item.tensors and item.tensors[0].shape]
    if len(rows) != 2 or rows[0] is None or rows[1] is None or rows[1] <= rows[0] or rows[1] % rows[0]:
        return []
    found, times = written.value_of(context, y), rows[1] // rows[0]
    value = found[1] if found is not None else None
    joined = isinstance(value, ast.Call) and search.last_part(value.func) in ("concatenate", "vstack", "concat")
    parts = value.args[0] if isinstance(value, ast.Call) and joined and value.args else None
    if found is None or not isinstance(parts, (ast.List, ast.Tuple)) or len(parts.elts) != times:
        return []
    source = found[0]
    shapes = [_written_shape(item, _ALLOCATIONS) for item in parts.elts if isinstance(item, ast.Call)]
    sizes_of = [shape.elts[0] for shape in shapes if shape is not None]
    if len(sizes_of) != times or len(set(map(source.segment, sizes_of))) != 1:
        return []
    words = source.segment(sizes_of[0])
    atom = isinstance(sizes_of[0], (ast.Name, ast.Constant, ast.Attribute, ast.Subscript, ast.Call))
    text = f"{words if atom else f'({words})'} // {times}"
    changes = [edits.replace(source, item, text) for item in sizes_of]
    return fix(f"Make each part of `{text}` rows", *changes, cause=source.span(parts))


def one_of_each(context: Context, failure: Failure) -> list[Fix]:
    """`predict([pictures[0], table[0]])`: one sample of each input without a batch axis."""
    call = context.sink(failure)
    argument = argument_of(call, "x") if call is not None else None
    source = context.source(argument.span.path) if argument is not None and argument.span is not None else None
    node = source.at(argument.span, ast.expr) if source is not None and argument is not None else None
    if source is None or not isinstance(node, (ast.List, ast.Tuple)) or not node.elts:
        return []
    changes: list[Edit] = []
    for item in node.elts:
        index = item.slice if isinstance(item, ast.Subscript) else None
        if isinstance(index, ast.Constant) and isinstance(index.value, int) and index.value >= 0:
            changes.append(edits.replace(source, index, f"{index.value}:{index.value + 1}"))
        elif isinstance(index, ast.Name):
            changes.append(edits.replace(source, index, f"{index.id}:{index.id} + 1"))
        else:
            return []
    return fix("Give a batch of one sample of each", *changes, cause=source.span(node))


def _declared_length(context: Context, failure: Failure) -> list[Fix]:
    """An input of open length before a weight that is as long: the length of the data."""
    if not re.search(r"must be fully[- ]defined|no `None` dimensions", failure.message):
        return []
    fixes: list[Fix] = []
    for source, shape, _, _ in search.declared_inputs(context):
        if not isinstance(shape, (ast.Tuple, ast.List)):
            continue
        open_places = [
            index for index, item in enumerate(shape.elts) if isinstance(item, ast.Constant) and item.value is None
        ]
        for variable in context.report.variables if open_places else ():
            data = variable.tensors[0].shape if variable.kind == "array" and len(variable.tensors) == 1 else None
            if not data or len(data) != len(shape.elts) + 1 or any((data[index + 1] or 0) < 2 for index in open_places):
                continue
            told = [sizes.value(source, item) for item in shape.elts]
            if not compatible(tuple(data[1:]), tuple(told)):
                continue
            texts = [source.segment(item) for item in shape.elts]
            for index in open_places:
                size = data[index + 1] or 0
                texts[index] = next(iter(sizes.words(source, shape.elts[index], size)), str(size))
            text = edits.tuple_text(tuple(texts))
            title = f"Say how long the input is: {text}"
            fixes += fix(title, edits.replace(source, shape, text), cause=source.span(shape))
    return list({item.edits: item for item in fixes}.values())[:MOST]


def _joined_rows(context: Context, failure: Failure) -> list[Fix]:
    """`Reshape((-1, 6))` of what is joined along its last axis: rows of so many numbers that there are as many rows as
    in what it is joined with."""
    shapes = [tensor.shape for tensor in failure.inputs if tensor.shape]
    if failure.layer_cls != "Concatenate" or len(shapes) != 2 or len(shapes) != len(failure.inputs):
        return []
    if any(len(shape) != 3 or None in shape[1:] for shape in shapes) or shapes[0][1] == shapes[1][1]:
        return []
    fixes: list[Fix] = []
    made = [layer for layers in context.layers.values() for layer in layers if layer.cls == "Reshape"]
    for mine, other in (shapes, shapes[::-1]):
        layer = next((item for item in made if [tensor.shape for tensor in item.outputs] == [mine]), None)
        found = context.call_node(layer.created) if layer is not None else None
        target = _written_shape(found[1], ("Reshape",)) if found is not None else None
        numbers = (mine[1] or 0) * (mine[2] or 0)
        if found is None or target is None or not other[1] or numbers % other[1] or len(target.elts) != 2:
            continue
        title = f"Make rows of {numbers // other[1]}, as many as it is joined with"
        changed = edits.replace(found[0], target.elts[1], str(numbers // other[1]))
        fixes += fix(title, changed, cause=found[0].span(found[1]))
    return fixes
