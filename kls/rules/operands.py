"""Operands of sums, products and calls whose ranks or lengths do not go together. Not a rule: others ask."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator

from kls import edits
from kls.facts import Edit, Fix
from kls.rules import operators, search, wording, written
from kls.rules.context import Context, fix
from kls.source import SourceText
from kls.worker.protocol import Failure

JOINS = ("Concatenate", "Add", "Average", "Maximum", "Multiply", "Subtract")
"""Layers that join tensors of one shape, or of one shape but for an axis."""


def turned_operand(context: Context, failure: Failure) -> list[Fix]:
    """A product of two tensors of one shape, as of queries and keys: the second is to be transposed."""
    found = wording.operands(failure.message)
    if found is None or "MatMul" not in found[0]:
        return []
    one, other = found[1], found[2]
    if one != other and min(len(one), len(other)) >= 2 and one[-1] != other[-2] and other[-1] == one[-2]:
        return _exchanged(context, failure)
    if one != other or one[-1] == one[-2]:
        return []
    return [item for item in operand_fixes(context, failure) if item.title.startswith("Transpose")][:1]


def numbers_for_a_loss(context: Context, failure: Failure) -> list[Fix]:
    """`huber(value, wanted)` of two numbers, where a loss takes the mean over the last axis: each as a row of one."""
    if not re.search(r"Invalid reduction dimension \(-1 for input with 0 dim", failure.message):
        return []
    for source, call in search.calls(context, failure)[:1]:
        tf = written.module_name(source, "tensorflow")
        form = f"{tf}.expand_dims({{}}, 0)" if tf is not None else "[{}]"
        changes = [edits.replace(source, item, form.replace("{}", source.segment(item))) for item in call.args]
        if len(changes) == 2:
            words = form.replace("{}", source.segment(call.args[0]))
            return fix(f"Give rows of one: `{words}`", *changes, cause=source.span(call))
    return []


def _exchanged(context: Context, failure: Failure) -> list[Fix]:
    """`matmul(features, neighbours)`, which fit the other way round only."""
    for source, place in search.places(context, failure)[:2]:
        for node in ast.walk(place):
            sides = _factors(node)
            if sides is not None and isinstance(node, ast.expr):
                first, second = (source.segment(side) for side in sides)
                changes = edits.replace(source, sides[0], second), edits.replace(source, sides[1], first)
                return fix(f"Multiply the other way round: `{second}`, `{first}`", *changes, cause=source.span(node))
    return []


def _factors(node: ast.AST) -> tuple[ast.expr, ast.expr] | None:
    """The two matrices that `node` multiplies, if it does."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        return node.left, node.right
    named = isinstance(node, ast.Call) and search.last_part(node.func) in ("matmul", "dot") and len(node.args) >= 2
    return (node.args[0], node.args[1]) if isinstance(node, ast.Call) and named else None


def flat_operand(context: Context, failure: Failure) -> list[Fix]:
    """`pictures @ weights`, where the matrix has as many rows as one picture has numbers: a row of each, where the name
    got its value in the same loop or function, else in the product."""
    found = wording.operands(failure.message)
    if found is None or "MatMul" not in found[0] or len(found[1]) < 3 or len(found[2]) != 2:
        return []
    numbers, rows = found[1][1:], found[2][0]
    if not all(size.isdigit() for size in (*numbers, rows)) or math.prod(map(int, numbers)) != int(rows):
        return []
    fixes: list[Fix] = []
    for source, place in search.places(context, failure)[:2]:
        tensorflow = written.module_name(source, "tensorflow")
        for node in ast.walk(place) if tensorflow is not None else ():
            sides = _factors(node)
            if sides is None or not isinstance(sides[0], ast.Name) or fixes:
                continue
            here = _repeated(source, sides[0])
            made = [value for bound, value in written.assignments(source, sides[0].id, sides[0].lineno - 1)
                    if value is not None and _repeated(source, bound) is here]  # fmt: skip
            value = made[-1] if made else sides[0]
            title = f"Make one row of each sample: `{tensorflow}.reshape({sides[0].id}, (-1, {rows}))`"
            changed = edits.wrap(source, value, f"{tensorflow}.reshape({{}}, (-1, {rows}))")
            fixes += fix(title, changed, cause=source.span(value))
    return fixes


def _repeated(source: SourceText, node: ast.AST) -> ast.AST | None:
    """The loop or function that `node` stands in."""
    kinds = (ast.For, ast.While, ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    return next((item for item in _around(source, node) if isinstance(item, kinds)), None)


def longer_table(context: Context, failure: Failure) -> list[Fix]:
    """`x + self.positions[None, :, :]`, a table for the longest sequence: as much of it as `x` has steps."""
    found = wording.operands(failure.message)
    if found is None or len(found[1]) != len(found[2]) or len(found[1]) < 2:
        return []
    differ = [axis for axis, pair in enumerate(zip(found[1], found[2], strict=True)) if pair[0] != pair[1]]
    beside = [place for place in differ if place]
    if "1" not in (found[1][0], found[2][0]) or len(beside) != 1:
        return []
    axis = beside[0]
    fixes: list[Fix] = []
    for source, place in search.places(context, failure)[:2]:
        for node in ast.walk(place):
            pairs = ((node.left, node.right), (node.right, node.left)) if isinstance(node, ast.BinOp) else ()
            for table, other in pairs:
                items = (
                    table.slice.elts if isinstance(table, ast.Subscript) and isinstance(table.slice, ast.Tuple) else []
                )
                whole = [item for item in items if isinstance(item, ast.Slice) and source.segment(item) == ":"]
                if len(items) != len(found[1]) or items[axis] not in whole or not isinstance(other, ast.Name):
                    continue
                text = f":{other.id}.shape[{axis}]"
                title = f"Take as much of it as `{other.id}` has: `{text}`"
                fixes += fix(title, edits.replace(source, items[axis], text), cause=source.span(table))
    return fixes


def lower_operand(context: Context, failure: Failure) -> list[Fix]:
    """A sum, a concatenation or the like of tensors of different ranks, as of a state and a sequence: the lower one
    lacks an axis."""
    if "Ranks of all input tensors should match" in failure.message:
        return [item for item in operand_fixes(context, failure) if item.title.startswith("Give")][:2]
    found = wording.operands(failure.message)
    if found is not None and _is_of_rows(found[1], found[2]):
        missing = max(len(found[1]), len(found[2])) - 1
        return _numbers_of_classes(context, failure) or _beside_rows(context, failure, len(found[1]) == 1, missing)
    if found is None or len(found[1]) == len(found[2]) or min(len(found[1]), len(found[2])) < 2:
        return _numbers_of_classes(context, failure) if found is not None and "Mul" in found[0] else []
    return [item for item in operand_fixes(context, failure) if item.title.startswith("Give")][:2]


def lower_in_list(context: Context, failure: Failure) -> list[Fix]:
    """`np.concatenate([window[1:], step], axis=0)` of arrays of different ranks: the lower one as one more of them."""
    told = re.search(r"at index (\d+) has (\d+) dimension\(s\) and the array at index (\d+) has (\d+)", failure.message)
    fixes: list[Fix] = []
    for source, call in search.calls(context, failure)[:1] if told is not None else ():
        name, joined = search.last_part(call.func), call.args[0] if call.args else None
        items = joined.elts if isinstance(joined, (ast.List, ast.Tuple)) else call.args[:2] if name == "append" else []
        one, rank, other, another = map(int, told.groups()) if told is not None else (0, 0, 0, 0)
        place = one if rank < another else other
        axis = edits.argument(call, "axis", 2 if name == "append" else 1)
        last = axis is not None and source.segment(axis) in ("-1", str(max(rank, another) - 1))
        if name not in ("concatenate", "append") or abs(rank - another) != 1 or max(one, other) >= len(items):
            continue
        words = edits.parenthesised(source, items[place])
        text = f"{words}[..., None]" if last else f"{words}[None]"
        changed = edits.replace(source, items[place], text)
        fixes += fix(f"Give `{words}` another axis: `{text}`", changed, cause=source.span(items[place]))
    return fixes


def _is_of_rows(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether one of two shapes is a number for each row of the other."""
    low, high = sorted((one, other), key=len)
    return len(low) == 1 < len(high) and low[0] == high[0] != high[-1]


def _beside_rows(context: Context, failure: Failure, first: bool, missing: int) -> list[Fix]:
    """`labels * weight` of rows and a number for each of them, which lacks the `missing` axes of a row; `first` says
    whether it stands first. What names hold in a traced function is not known: there it goes by that place alone."""
    met = {name: tuple(shape) for name, shape, _ in failure.facts.get("operands") or () if shape is not None}
    fixes: list[Fix] = []
    for source, place in search.places(context, failure)[:2]:
        pairs = [(node.left, node.right) for node in ast.walk(place) if isinstance(node, ast.BinOp)]
        sides = [pair[0 if first else 1] for pair in pairs]
        known = {node.id for node in ast.walk(place) if isinstance(node, ast.Name) and len(met.get(node.id, ())) == 1}
        for name in known or dict.fromkeys(side.id for side in sides if isinstance(side, ast.Name)):
            text = f"{name}[{', '.join([':', *['None'] * missing])}]"
            area = source.statement(place) or place  # other products of the same line have the same sides
            nodes = [node for node in ast.walk(area) if isinstance(node, ast.Name) and node.id == name]
            changes = [edits.replace(source, node, text) for node in nodes if isinstance(node.ctx, ast.Load)]
            fixes += fix(f"Give `{name}` another axis: `{text}`", *changes, cause=source.span(place))
    return fixes[:3]


def laid_out_flat(context: Context, failure: Failure) -> list[Fix]:
    """A `Reshape` to a map without channels that is joined with a map of one: the axis of 1 in its target shape."""
    shapes = [tensor.shape for tensor in failure.inputs if tensor.shape]
    longest = max(map(len, shapes), default=0)
    low = [shape for shape in shapes if len(shape) == longest - 1 and longest > 3]
    fixes: list[Fix] = []
    for layer in reversed(context.report.layers) if failure.layer_cls in JOINS else ():
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
    if failure.layer_cls not in JOINS or source is None or not isinstance(function, ast.FunctionDef):
        return []
    shapes = [tensor.shape for tensor in failure.inputs if tensor.shape]
    fixes: list[Fix] = []
    for call in source.calls():
        for node in call.args if search.last_part(call.func) == function.name else ():
            if not isinstance(node, ast.Name):
                continue
            mine = shape_of(context, node, call.lineno)
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
    if failure.layer_cls not in JOINS or len({len(shape) for shape in shapes}) != 2:
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
        known = [(node, met.get(node.id) or shape_of(context, node, place.lineno)) for node in names]
        tensors = [(node, shape) for node, shape in known if shape is not None]
        if len({node.id for node, _ in tensors}) < 2:
            continue
        fixes += _operands(context, source, place, tensors)
        if fixes:
            break
    if failure.call is not None and not failure.stage.endswith("forward"):
        fixes = [item for item in fixes if not item.title.startswith("Project")]  # a loss or a step makes no layers
    return fixes


def shape_of(context: Context, node: ast.Name, line: int) -> tuple[int | None, ...] | None:
    """The shape that a name has at `line`, None where it is not known."""
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
        joining = "concat" if _of_tensorflow(source, place) else "concatenate"
        edit = edits.replace(source, place.func, source.segment(place.func)[: -len("stack")] + joining)
        fixes += fix(f"Join them with `{joining}`", edit, cause=cause)
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
        # What is not of the same samples would only be spread over them.
        beside = low[1][:1] in ((None,), high[1][:1])
        forms = [":"] * len(low[1]) + ["None"] * missing, [":"] + ["None"] * missing
        for form in forms if beside else ():
            text = f"{low[0].id}[{', '.join(form)}]"
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


def shapes_told(message: str) -> list[tuple[int | None, ...]]:
    """The shapes that NumPy says it was given; none where the message is of another kind."""
    said = re.search(r"broadcast together with shapes ((?:\(\d*(?:,\d*)*\) ?)+)", message)
    found = re.findall(r"\(([\d,]*)\)", said[1]) if said is not None else []
    return [tuple(int(size) for size in shape.split(",") if size) for shape in found]
