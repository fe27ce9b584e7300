"""The data have another structure than the model's inputs: another number, other names, another order.

## What it says
One array for several inputs or several for one, a dictionary whose keys are not the names of the inputs, two inputs in
the wrong order, inputs given one by one (`fit(x1, x2, y)`), x and y exchanged.

## Why it matters
Keras raises `expects 2 named input(s) … but it received 1 input tensors`, `Missing data for input "b"`,
`The structure of inputs doesn't match the expected structure` or a message about a shape that only follows from it.

## Example
```python
import numpy as np, keras
a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
model = keras.Model([a, b], keras.layers.Dense(1)(keras.layers.Concatenate()([a, b])))
model.compile("adam", "mse")
x1, x2, y = np.zeros((64, 4)), np.zeros((64, 4)), np.zeros(64)
model.fit(x1, x2, y)
```

## Repair
A list with one array for each input in the model's order, or a dictionary by the inputs' names.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator

from kls import edits
from kls.facts import Edit, Finding, Fix, Related, Severity, Span
from kls.rules import operators, search, sizes, written
from kls.rules.context import Context, Rule, argument_of, compatible, finding, fix, show, size_of
from kls.source import SourceText
from kls.worker.protocol import Argument, Call, Failure, Model, Tensor

RULE = Rule("input-structure", Severity.ERROR, "The data have another structure than the model's inputs.")

LABELS = ("label", "labels", "target", "targets", "y", "class", "output", "category", "answer")
PLAIN = ("array", "tensor", "frame", "list", "tuple", "dict", "keras-tensor")
"""Kinds of data that are x themselves; what else there is gives pairs of x and y."""
Parts = tuple[str, list[Fix]]


def diagnose(context: Context, failure: Failure) -> Finding | None:
    """The finding for data whose structure is not that of the model's inputs."""
    call = context.sink(failure)
    model = context.model_of(call) if call is not None else None
    if call is None or model is None or not failure.stage.endswith(("forward", "adapter")):
        return None
    role = "validation_x" if failure.stage.startswith("validation") else "x"
    argument = argument_of(call, role)
    if argument is None or not argument.tensors or not model.inputs or model.kind == "subclass":
        return None
    parts: Parts | None
    if failure.stage.endswith("adapter"):
        parts = _four(context, argument, model) if argument.kind == "dataset" else None
    else:
        parts = (
            _exchanged(context, call, argument, model, role)
            or _keys(context, argument, model)
            or _grouped(context, argument, model)
            or _count(context, call, argument, model)
            or _order(context, argument, model)
            or _unfit(context, argument, model)
        )
    if parts is None:
        return None
    first, fixes = parts
    span = operators.place_of_data(context, argument) or call.span
    if fixes and fixes[0].cause is not None:
        span = fixes[0].cause
    lines = [first, f"Keras raises: {failure.exception}: {failure.message}"]
    related = [Related(call.span, f"`{call.method}` raises here")]
    if model.created is not None:
        shown = ", ".join(show(item.shape) for item in model.inputs)
        related.append(Related(model.created, f"the model takes {shown}"))
    return finding(RULE, context, span, "\n".join(lines), call=call, related=tuple(related), fixes=tuple(fixes))


def _x_parts(argument: Argument) -> list[Tensor]:
    """The tensors of x, with paths inside x: of what a dataset or a `PyDataset` gives only the first component's."""
    if argument.kind in PLAIN:
        return list(argument.tensors)
    paths = {item.path.split(".")[0] for item in argument.tensors}
    if "0" not in paths or not paths <= {"0", "1", "2"}:
        return list(argument.tensors)
    first = [item for item in argument.tensors if item.path.split(".")[0] == "0"]
    return [Tensor(item.shape, item.dtype, item.path.partition(".")[2]) for item in first]


def _name(argument: Argument) -> str:
    return f"`{argument.name}`" if argument.name else "the data"


def _exchanged(context: Context, call: Call, argument: Argument, model: Model, role: str) -> Parts | None:
    other = argument_of(call, role[:-1] + "y")
    if other is None or other.span is None or argument.span is None or len(model.inputs) != 1:
        return None
    wanted = model.inputs[0].shape
    mine, its = argument.tensors[0].shape, other.tensors[0].shape if len(other.tensors) == 1 else None
    if len(argument.tensors) != 1 or not wanted or not mine or not its:
        return None
    if compatible(mine[1:], wanted[1:]) or not compatible(its[1:], wanted[1:]) or len(mine) >= len(its):
        return None
    source = context.source(call.span.path)
    first = source.at(argument.span, ast.expr) if source is not None else None
    second = source.at(other.span, ast.expr) if source is not None else None
    if source is None or first is None or second is None:
        return None
    a, b = source.segment(first), source.segment(second)
    fixes = fix(
        "Exchange x and y", edits.replace(source, first, b), edits.replace(source, second, a), cause=argument.span
    )
    return f"x and y are exchanged: `{b}` has the shape of the model's input {show(wanted)}", fixes


def _keys(context: Context, argument: Argument, model: Model) -> Parts | None:
    parts = _x_parts(argument)
    keys = [item.path for item in parts]
    if any(not key or key.split(".")[0].isdigit() for key in keys):
        return None
    names = written.names_of(context, model.input_layers)
    shown = ", ".join(f'"{key}"' for key in keys)
    if argument.kind == "dataset" and not any("." in item.path or item.path == "0" for item in argument.tensors):
        return dict_elements(context, argument, keys, len(model.inputs))
    if len(model.inputs) == 1 and (model.kind == "sequential" or len(keys) == 1):
        title = f'Give `{argument.name or "x"}["{keys[0]}"]`'
        if argument.kind == "dataset":
            return None
        fixes: list[Fix] = []
        for key in keys[:3]:
            fixes += operators.transform_data(context, argument, f'{{}}["{key}"]', title)
        return f"{_name(argument)} is a dictionary with the keys {shown}; the model has one input", fixes
    missing = [name for name in names if name not in keys]
    if not missing:
        return None
    nodes = written.literal(context, argument, ast.Dict)
    fixes = list(written.rename_keys(nodes, keys, names))
    fixes += _add_keys(context, argument, missing)
    extra = [key for key in keys if key not in names]
    fixes += [*_named_alike(context, missing, extra), *_put_together(context, missing, extra)]
    wanted = ", ".join(f'"{name}"' for name in names)
    return f"{_name(argument)} has the keys {shown}; the model's inputs are {wanted}", fixes


def _named_alike(context: Context, missing: list[str], extra: list[str]) -> list[Fix]:
    """An input named almost as the data: the words of the data for it, wherever the program writes the name; else the
    words of the model for the data."""
    close = {name: difflib.get_close_matches(name, extra, 1, 0.0)[:1] for name in missing}
    if len(missing) != len(extra) or not all(close.values()):
        return []
    fixes: list[Fix] = []
    for pairs in ({name: found[0] for name, found in close.items()}, {found[0]: name for name, found in close.items()}):
        changes: list[Edit] = []
        cause: Span | None = None
        for source in context.sources.values():
            for node in source.nodes:
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in pairs:
                    quote = source.segment(node)[:1]
                    changes.append(edits.replace(source, node, f"{quote}{pairs[node.value]}{quote}"))
                    cause = cause or source.span(node)
        told = ", ".join(f'"{one}" to "{other}"' for one, other in pairs.items())
        fixes += fix(f"Rename {told} everywhere", *changes, cause=cause) if changes else []
    return fixes


def _put_together(context: Context, missing: list[str], extra: list[str]) -> list[Fix]:
    """Keys that the program puts together of two texts, one of which all of them share: `column + "_id"` where the
    inputs are `column + "_in"`."""
    fixes: list[Fix] = []
    for own, other in ((extra, missing), (missing, extra)):
        for source in context.sources.values():
            for node, text in _texts(source):
                new = _exchanged_part(text, own, other)
                if new is None:
                    continue
                words = source.segment(node)
                if words.count(text) == 1:
                    changed = edits.replace(source, node, words.replace(text, new))
                    fixes += fix(f'Change "{text}" to "{new}"', changed, cause=source.span(node))
    return fixes[:4]


def _texts(source: SourceText) -> Iterator[tuple[ast.expr, str]]:
    """The texts of which the program puts others together, each with the literal that it stands in."""
    for node in source.nodes:
        if isinstance(node, ast.JoinedStr):
            yield from ((node, str(item.value)) for item in node.values if isinstance(item, ast.Constant))
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            for side in (node.left, node.right):
                if isinstance(side, ast.Constant) and isinstance(side.value, str):
                    yield side, side.value


def _exchanged_part(text: str, own: list[str], other: list[str]) -> str | None:
    """What stands in `other` for `text`, the end or the beginning of every name in `own`; None where these are not the
    same but for that."""
    for ends in (True, False):
        kept = [_without(name, text, ends) for name in own]
        found = {_rest(other, part, ends) for part in kept if part is not None}
        if text and len(own) == len(other) and None not in kept and len(found) == 1:
            return found.pop()
    return None


def _without(name: str, text: str, ends: bool) -> str | None:
    """A name without the text that it ends or begins with, None where it does not or where nothing is left."""
    kept = name.removesuffix(text) if ends else name.removeprefix(text)
    return kept if kept and kept != name else None


def _rest(names: list[str], kept: str, ends: bool) -> str | None:
    """What the one name has besides `kept`; None where there is not one such name."""
    match = [name for name in names if (name.startswith(kept) if ends else name.endswith(kept))]
    return (match[0].removeprefix(kept) if ends else match[0].removesuffix(kept)) or None if len(match) == 1 else None


def _add_keys(context: Context, argument: Argument, missing: list[str]) -> list[Fix]:
    """Entries for the inputs that are missing, from variables of the same name."""
    for source, node in written.literal(context, argument, ast.Dict):
        if not isinstance(node, ast.Dict) or not node.values:
            continue
        known = {item.name for item in context.report.variables}
        if not set(missing) <= known:
            return []
        last = source.span(node.values[-1])
        text = "".join(f', "{name}": {name}' for name in missing)
        place = Span(last.path, last.end_line, last.end_column, last.end_line, last.end_column)
        return fix(f"Give {', '.join(missing)} too", Edit(place, text), cause=source.span(node))
    return []


def dict_elements(context: Context, argument: Argument, keys: list[str], inputs: int) -> Parts | None:
    """A dataset of dictionaries that hold the labels too: in words, and as pairs."""
    labels = [key for key in keys if key.lower() in LABELS] or keys[-1:]
    rest = [key for key in keys if key != labels[0]]
    if not rest:
        return None
    x = f'd["{rest[0]}"]' if inputs == 1 else "{" + ", ".join(f'"{key}": d["{key}"]' for key in rest) + "}"
    form = f'{{}}.map(lambda d: ({x}, d["{labels[0]}"]))'.replace("{}", "\0").replace("{", "{{").replace("}", "}}")
    fixes = operators.transform_data(context, argument, form.replace("\0", "{}"), "Give pairs of input and label")
    shown = ", ".join(f'"{key}"' for key in keys)
    return f"{_name(argument)} gives dictionaries with the keys {shown}; `fit` wants pairs `(x, y)`", fixes


def _four(context: Context, argument: Argument, model: Model) -> Parts | None:
    """Elements of more than three parts: all but the last are inputs."""
    roots = list(dict.fromkeys(item.path.split(".")[0] for item in argument.tensors))
    if len(roots) < 4 or not all(root.isdigit() for root in roots):
        return None
    names = [chr(ord("a") + index) for index in range(len(roots))]
    inputs = names[:-1]
    fixes: list[Fix] = []
    if len(model.inputs) == len(inputs):
        form = f"{{}}.map(lambda {', '.join(names)}: (({', '.join(inputs)}), {names[-1]}))"
        fixes += operators.transform_data(context, argument, form, "Group the inputs")
        last = argument.tensors[-1].shape
        output = model.outputs[0].shape if len(model.outputs) == 1 else None
        if last and output and len(last) == len(output) and last[-1] != output[-1]:
            form = f"{{}}.map(lambda {', '.join(names)}: (({', '.join(inputs)}), {names[-1]}[..., :{output[-1]}]))"
            fixes += operators.transform_data(context, argument, form, "Group the inputs, cut the labels")
    elif len(model.inputs) == 1:
        form = f"{{}}.map(lambda {', '.join(names)}: ({names[0]}, {names[-1]}))"
        fixes += operators.transform_data(context, argument, form, "Give the first part and the last")
    first = f"{_name(argument)} gives {len(roots)} parts an element; `fit` takes (x, y) or (x, y, sample_weight)"
    return first, fixes


def _grouped(context: Context, argument: Argument, model: Model) -> Parts | None:
    """Elements of as many parts as there are inputs, and the labels: Keras takes the second part for the labels."""
    roots = list(dict.fromkeys(item.path.split(".")[0] for item in argument.tensors))
    inputs = len(model.inputs)
    if argument.kind in PLAIN or roots != ["0", "1", "2"] or inputs != 2 or len(_x_parts(argument)) != 1:
        return None
    fixes: list[Fix] = []
    if argument.kind == "dataset":
        fixes += operators.transform_data(
            context, argument, "{}.map(lambda a, b, y: ((a, b), y))", "Group the two inputs"
        )
    for source, node in written.yielded(context, argument):
        if isinstance(node, ast.Tuple) and len(node.elts) == 3:
            first, second, last = map(source.segment, node.elts)
            edit = edits.replace(source, node, f"({first}, {second}), {last}")
            fixes += fix("Group the two inputs", edit, cause=source.span(node))
    told = f"{_name(argument)} gives 3 parts an element: Keras takes them for x, y and sample_weight"
    return f"{told}; the model has 2 inputs", fixes


def _count(context: Context, call: Call, argument: Argument, model: Model) -> Parts | None:
    parts = _x_parts(argument)
    given, wanted = len(parts), len(model.inputs)
    if given == wanted or any(item.path and not item.path.split(".")[0].isdigit() for item in parts):
        return None
    first = (
        f"{_name(argument)} {'is one array' if given == 1 else f'are {given} arrays'}; the model has {wanted} inputs"
    )
    if wanted == 1:
        first = f"{_name(argument)} is a list of {given} arrays; the model has one input"
    fixes: list[Fix] = []
    if given == 1:
        fixes += _joined(context, argument, wanted)
        fixes += _positional(context, call, wanted)
        fixes += _others(context, call, argument, model)
        fixes += _divided(context, argument, parts[0], model)
        named = {item.name for item in context.report.variables}
        names = written.names_of(context, model.input_layers)
        if set(names) <= named:
            text = "[" + ", ".join(names) + "]"
            fixes += operators.transform_argument(context, argument, text, f"Give `{text}`")
    elif wanted == 1 and argument.kind != "dataset":
        fixes += operators.transform_data(context, argument, "{}[0]", "Give the first of them")
        fixes += operators.transform_argument(context, argument, "{}[0]", "Give the first of them")
    elif wanted < given and argument.kind != "dataset":
        fixes += operators.transform_data(context, argument, f"{{}}[:{wanted}]", f"Give the first {wanted}")
    return first, fixes


def _joined(context: Context, argument: Argument, wanted: int) -> list[Fix]:
    """`np.concatenate([a, b])` of as many arrays as there are inputs: a list of them."""
    found = written.value_of(context, argument)
    node = found[1] if found is not None else None
    parts = node.args[0] if isinstance(node, ast.Call) and node.args else None
    joins = isinstance(node, ast.Call) and search.last_part(node.func) in _JOINS
    if found is None or node is None or not joins or not isinstance(parts, (ast.List, ast.Tuple)):
        return []
    if len(parts.elts) != wanted:
        return []
    text = f"[{', '.join(map(found[0].segment, parts.elts))}]"
    return fix(f"Give the arrays one by one: `{text}`", edits.replace(found[0], node, text), cause=found[0].span(node))


_JOINS = ("concatenate", "concat", "hstack", "vstack", "stack", "column_stack")


def _others(context: Context, call: Call, argument: Argument, model: Model) -> list[Fix]:
    """`fit(x1, y)` in a program that has an array of as many rows for each of the other inputs, and one only."""
    rows = argument.tensors[0].shape[0] if argument.tensors[0].shape else None
    labels = argument_of(call, "y")
    if argument.name is None or argument.kind not in ("array", "tensor", "frame"):
        return []
    besides = {argument.name, labels.name if labels is not None else None}
    known = {
        item.name: item.tensors[0].shape
        for item in context.report.variables
        if item.kind == argument.kind and len(item.tensors) == 1 and item.name not in besides
    }
    names: list[str] = []
    for wanted in model.inputs:
        takes = wanted.shape[1:] if wanted.shape else None
        given = argument.tensors[0].shape
        if takes is None or given is None:
            return []
        if argument.name not in names and compatible(given[1:], takes):
            names.append(argument.name)
            continue
        fitting = [name for name, shape in known.items() if shape and shape[0] == rows and compatible(shape[1:], takes)]
        fitting = [name for name in fitting if name not in names]
        if len(fitting) != 1:
            return []
        names += fitting
    text = f"[{', '.join(names)}]"
    return operators.transform_argument(context, argument, text, f"Give each input its array: `{text}`")


def _positional(context: Context, call: Call, wanted: int) -> list[Fix]:
    """`fit(x1, x2, y)` becomes `fit([x1, x2], y)`."""
    found = context.call_node(call.span)
    if found is None or len(found[1].args) < wanted:
        return []
    source, node = found
    if len(node.args) == wanted and edits.keyword(node, "y") is None and call.method != "predict":
        return []
    items = node.args[:wanted]
    first, last = source.span(items[0]), source.span(items[-1])
    place = Span(first.path, first.line, first.column, last.end_line, last.end_column)
    text = ", ".join(source.segment(item) for item in items)
    return fix(f"Give the inputs as one list: `[{text}]`", Edit(place, f"[{text}]"), cause=place)


def _divided(context: Context, argument: Argument, tensor: Tensor, model: Model) -> list[Fix]:
    """One array that holds all inputs: stacked along an axis, or side by side in the last."""
    shape, wanted = tensor.shape, [item.shape for item in model.inputs]
    if not shape or argument.kind == "dataset" or any(item is None for item in wanted):
        return []
    name = "{}" if argument.name is None else argument.name
    count = len(wanted)
    fixes: list[Fix] = []
    for axis in range(1, len(shape)):
        rest = (*shape[1:axis], *shape[axis + 1 :])
        if shape[axis] == count and all(item is not None and compatible(rest, item[1:]) for item in wanted):
            before = ":, " * axis
            text = "[" + ", ".join(f"{name}[{before}{index}]" for index in range(count)) + "]"
            fixes += _list_of(context, argument, text, "Give each input its part")
    widths = [item[-1] for item in wanted if item]
    if all(width is not None for width in widths) and sum(int(width or 0) for width in widths) == shape[-1]:
        whole, start = _columns(context, argument) or (name, 0)
        items: list[str] = []
        for width in widths:
            items.append(f"{whole}[{'...' if whole == name else ':'}, {start}:{start + int(width or 0)}]")
            start += int(width or 0)
        fixes += _list_of(context, argument, "[" + ", ".join(items) + "]", "Give each input its columns")
    if all(item is not None and compatible(shape[1:], item[1:]) for item in wanted):
        fixes += _list_of(context, argument, "[" + ", ".join([name] * count) + "]", "Give the same array to each input")
    return fixes


def _columns(context: Context, argument: Argument) -> tuple[str, int] | None:
    """Of `table[:, 2:5]`, given as it stands: `table` and 2; None for anything else."""
    source = context.source(argument.span.path) if argument.span is not None else None
    node = source.at(argument.span, ast.expr) if source is not None and argument.span is not None else None
    if source is None or not isinstance(node, ast.Subscript) or not isinstance(node.slice, ast.Tuple):
        return None
    rows, *columns = node.slice.elts
    first = columns[0].lower if len(columns) == 1 and isinstance(columns[0], ast.Slice) else None
    whole = isinstance(rows, ast.Slice) and rows.lower is rows.upper is rows.step is None
    if not whole or not isinstance(columns[0], ast.Slice) or len(columns) > 1 or columns[0].step is not None:
        return None
    start = 0 if first is None else sizes.value(source, first)
    return (source.segment(node.value), start) if start is not None and start >= 0 else None


def _list_of(context: Context, argument: Argument, text: str, title: str) -> list[Fix]:
    if argument.name is None and "{}" in text:
        return []
    return operators.transform_argument(context, argument, text, title)


def _order(context: Context, argument: Argument, model: Model) -> Parts | None:
    parts = _x_parts(argument)
    if len(parts) != len(model.inputs) or len(parts) < 2 or any(not item.shape for item in parts):
        return None
    order: list[int] = []
    for wanted in model.inputs:
        fitting = [
            index
            for index, item in enumerate(parts)
            if index not in order and item.shape and wanted.shape and compatible(item.shape[1:], wanted.shape[1:])
        ]
        if not fitting:
            return None
        order.append(fitting[0])
    if order == sorted(order):
        return None
    fixes: list[Fix] = []
    for source, node in written.literal(context, argument, ast.List):
        if isinstance(node, ast.List) and len(node.elts) == len(order):
            text = "[" + ", ".join(source.segment(node.elts[index]) for index in order) + "]"
            fixes += fix(
                "Give the inputs in the model's order", edits.replace(source, node, text), cause=source.span(node)
            )
            break
    if argument.kind != "dataset" and len(order) == 2:
        fixes += operators.transform_data(context, argument, "{}[::-1]", "Give the inputs in the model's order")
    shapes = ", ".join(show(item.shape) for item in parts)
    wanted_shapes = ", ".join(show(item.shape) for item in model.inputs)
    return f"the inputs are in another order: {shapes} for a model that takes {wanted_shapes}", fixes


def _unfit(context: Context, argument: Argument, model: Model) -> Parts | None:
    """One of several parts has not the shape of its input."""
    parts = _x_parts(argument)
    if len(parts) != len(model.inputs) or len(parts) < 2 or argument.kind not in PLAIN:
        return None
    for index, (part, wanted) in enumerate(zip(parts, model.inputs, strict=True)):
        if not part.shape or not wanted.shape or compatible(part.shape[1:], wanted.shape[1:]):
            continue
        given, takes = part.shape, wanted.shape
        fixes: list[Fix] = []
        name = f"part {index + 1} of {_name(argument)}"
        for source, node in written.literal(context, argument, ast.List)[:1]:
            item = _element(node, index, len(parts)) if isinstance(node, ast.List) else None
            if item is None:
                continue
            name = f"`{source.segment(item)}`"
            forms: list[tuple[str, str]] = []
            if len(given) == len(takes) + 1 and given[1] == len(parts):
                forms.append((f"{{}}[:, {index}]", f"Give input {index + 1} its part of {name}"))
            if size_of(given[1:]) is not None and size_of(given[1:]) == size_of(takes[1:]):
                sizes = ", ".join(str(size or -1) for size in takes[1:])
                forms.append((f"{{}}.reshape(-1, {sizes})", f"Reshape {name} to (-1, {sizes})"))
            if len(given) == len(takes) - 1 and not _changes(source, item):
                for form, whole in (
                    ("{}[None]", (None, *given)),
                    ("{}[:, None]", (given[0], 1, *given[1:])),
                    ("{}[..., None]", (*given, 1)),
                ):
                    if compatible(whole[1:], takes[1:]):
                        forms.append((form, f"Give {name} another axis: `{form.format(source.segment(item))}`"))
            for form, title in forms:
                fixes += fix(title, edits.wrap(source, item, form), cause=source.span(item))
        layer = context.layers.get(model.input_layers[index], [None])[0] if index < len(model.input_layers) else None
        if layer is not None:
            text, title = edits.tuple_text(given[1:]), f"Set the input shape to {show(given[1:])}"
            fixes += operators.set_layer_argument(context, layer, "shape", 0, text, title)
        fixes = [*_each_shape(context, model, parts), *fixes]
        return f"{name} is {show(given)}; input {index + 1} of the model takes {show(takes)}", fixes
    return None


def _each_shape(context: Context, model: Model, parts: list[Tensor]) -> list[Fix]:
    """All inputs of a model declared as what they are given, where more than one is not: the two states of an LSTM."""
    changes: list[Edit] = []
    told: list[str] = []
    cause: Span | None = None
    for key, part, wanted in zip(model.input_layers, parts, model.inputs, strict=False):
        if not part.shape or not wanted.shape or compatible(part.shape[1:], wanted.shape[1:]):
            continue
        layer = context.layers.get(key, [None])[0]
        found = context.call_node(layer.created) if layer is not None else None
        value = edits.argument(found[1], "shape", 0) if found is not None else None
        if found is None or not isinstance(value, ast.Tuple) or len(part.shape) != len(wanted.shape):
            return []
        source = found[0]
        sizes_of = zip(value.elts, wanted.shape[1:], part.shape[1:], strict=False)
        words = tuple(_size(source, node, have, want) for node, have, want in sizes_of)
        text = edits.tuple_text(words)
        changes.append(edits.replace(source, value, text))
        told.append(text)
        cause = cause or source.span(found[1])
    return fix(f"Set the input shapes to {', '.join(told)}", *changes, cause=cause) if len(changes) > 1 else []


def _size(source: SourceText, node: ast.expr, have: int | None, want: int | None) -> str:
    """The size `want` for the one that `node` gives, in its words where it is a multiple of that."""
    if have == want:
        return source.segment(node)
    if isinstance(node, ast.Name) and have and want and have > 1 and want % have == 0:
        return f"{node.id} * {want // have}"
    return str(want)


def _element(node: ast.List, index: int, parts: int) -> ast.expr | None:
    """The element of a list that is part `index` of `parts`, where a `*rest` may stand for several of them."""
    stars = [place for place, item in enumerate(node.elts) if isinstance(item, ast.Starred)]
    if not stars:
        return node.elts[index] if len(node.elts) == parts else None
    after = parts - index  # counted from the end
    if index < stars[0]:
        return node.elts[index]
    return node.elts[-after] if after < len(node.elts) - stars[-1] else None


def _changes(source: SourceText, item: ast.expr) -> bool:
    """Whether a name is assigned more than once, as in a loop that goes on with what it made: each may have another
    shape."""
    stored = [node for node in source.nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    return isinstance(item, ast.Name) and sum(node.id == item.id for node in stored) > 1
