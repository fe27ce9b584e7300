"""Places that the program itself speaks against, whatever rule explains the failure. Not a rule: `kls.check` asks.

A number that stands once where another stands everywhere else, an input of another shape than the data in the file, a
window that leaves nothing to the layers behind it, a slice in one argument of a call: each makes a candidate edit.
`strong` come before what the rule proposes, `weak` behind it; all are tried by running, and the first that holds is
where the finding goes.
"""

from __future__ import annotations

import ast
import math
import re
from typing import Any, cast

from kls import edits
from kls.facts import Edit, Fix, Span
from kls.rules import (
    as_given,
    between_models,
    brackets,
    channels,
    computed,
    disagreeing,
    dtypes,
    each_step,
    exchanges,
    expanded,
    gathered,
    image_sizes,
    in_one_line,
    inner_layers,
    labels,
    laid_out,
    names_told,
    old_tensorflow,
    operands,
    operators,
    optimizers,
    own_methods,
    picture_tables,
    pipelines,
    predictions,
    ranks,
    rebound,
    rows_reduced,
    saved_objects,
    search,
    siblings,
    sizes,
    slips,
    spelled,
    super_calls,
    taken_apart,
    time_axis,
    unbatched,
    weight_lists,
    weights_shape,
    widths,
)
from kls.rules.context import Context, argument_of, compatible, fix
from kls.rules.ranks import RECURRENT
from kls.worker.protocol import Failure, Layer

Shape = tuple[int | None, ...]

MERGES = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate", "Dot")
OTHER_LOSS = {
    "sparse_categorical_crossentropy": "categorical_crossentropy",
    "categorical_crossentropy": "sparse_categorical_crossentropy",
    "SparseCategoricalCrossentropy": "CategoricalCrossentropy",
    "CategoricalCrossentropy": "SparseCategoricalCrossentropy",
}
MOST = 4
"""Candidates of one kind."""


def strong(context: Context, failure: Failure) -> list[Fix]:
    """Candidates that the rest of the program speaks for."""
    return [
        *old_tensorflow.strong(context, failure),
        *super_calls.left_half_made(context),
        *brackets.strong(context, failure),
        *_cut_arguments(context, failure),
        *slips.told_labels(context, failure),
        *_exchanged(context, failure),
        *as_given.strong(context, failure),
        *_texts(context, failure),
        *inner_layers.strong(context, failure),
        *in_one_line.strong(context, failure),
        *unbatched.strong(context, failure),
        *time_axis.strong(context, failure),
        *between_models.strong(context, failure),
        *_declared_inputs(context, failure),
        *saved_objects.told(context, failure),
        *rebound.strong(context, failure),
        *rows_reduced.strong(context, failure),
        *_places_left(context, failure),
        *laid_out.strong(context, failure),
        *channels.strong(context, failure),
        *operands.turned_operand(context, failure),
        *operands.flat_operand(context, failure),
        *operands.numbers_for_a_loss(context, failure),
        *operands.alike_arguments(context, failure),
        *operands.laid_out_flat(context, failure),
        *operands.kept_steps(context, failure),
        *operands.lower_operand(context, failure),
        *operands.lower_in_list(context, failure),
        *operands.longer_table(context, failure),
        *image_sizes.in_own_step(context, failure),
        *dtypes.cast_operand(context, failure),
        *dtypes.signature(context, failure),
        *predictions.strong(context, failure),
        *own_methods.strong(context, failure),
        *each_step.strong(context, failure),
        *names_told.strong(context, failure),
        *siblings.strong(context, failure),
        *widths.of_estimator(context, failure),
        *taken_apart.strong(context, failure),
        *pipelines.strong(context, failure),
        *optimizers.strong(context, failure),
        *slips.certain(context, failure),
        *weights_shape.without_head(context, failure),
        *weights_shape.as_wide(context, failure),
        *weight_lists.strong(context, failure),
        *picture_tables.strong(context, failure),
        *_turned(context, failure),
        *gathered.strong(context, failure),
        *sizes.other_axes(context, failure),
        *sizes.dividing(context, failure),
        *sizes.of_parts(context, failure),
        *sizes.fitting_words(context, failure),
        *spelled.strong(context, failure),
        *image_sizes.of_two_sides(context, failure),
        *computed.strong(context, failure),
        *_class_numbers(context, failure),
        *_one_axis(context, failure),
        *exchanges.permuted(context, failure),
        *_channels_of_depth(context, failure),
        *disagreeing.strong(context, failure),
        *_windows(context, failure),
        *_joins(context, failure),
        *slips.likely(context, failure),
        *_branches(context, failure),
        *exchanges.strong(context, failure),
        *expanded.strong(context, failure),
    ]


def weak(context: Context, failure: Failure) -> list[Fix]:
    """Candidates that only a trial can speak for."""
    return [*_widths(context, failure), *slips.possible(context, failure), *_batch_axes(context, failure),
            *_flattened(context, failure), *_losses(context, failure), *_encoders(context, failure),
            *_order(context, failure), *_channels(context, failure),
            *exchanges.weak(context, failure), *between_models.weak(context, failure)]  # fmt: skip


# The data as they are given


def _cut_arguments(context: Context, failure: Failure) -> list[Fix]:
    """`fit(x[:-7], y)`: a slice that only one of the arguments has."""
    call = context.sink(failure)
    found = context.call_node(call.span) if call is not None else None
    if "inconsistent numbers of samples" in failure.message:
        found = next(iter(search.calls(context, failure)), None)
    elif not failure.stage.endswith("adapter"):
        return []
    if found is None:
        return []
    source, node = found
    fixes: list[Fix] = []
    for item in [*node.args, *(keyword.value for keyword in node.keywords)]:
        for part in item.elts if isinstance(item, (ast.Tuple, ast.List)) else [item]:
            if isinstance(part, ast.Subscript) and isinstance(part.slice, ast.Slice):
                text = source.segment(part.value)
                fixes += fix(f"Give the whole of `{text}`", edits.replace(source, part, text), cause=source.span(part))
    return fixes if len(fixes) == 1 else []


def _exchanged(context: Context, failure: Failure) -> list[Fix]:
    """`fit(y, x)`: what stands second has the shape of the model's input, what stands first has not."""
    call = context.sink(failure)
    model = context.model_of(call) if call is not None else None
    if call is None or model is None or len(model.inputs) != 1:
        return []
    prefix = "validation_" if failure.stage.startswith("validation") else ""
    x, y = argument_of(call, prefix + "x"), argument_of(call, prefix + "y")
    if x is None or y is None or x.span is None or y.span is None or len(x.tensors) != 1 or len(y.tensors) != 1:
        return []
    wanted, mine, its = model.inputs[0].shape, x.tensors[0].shape, y.tensors[0].shape
    if not wanted or not mine or not its or compatible(mine[1:], wanted[1:]) or not compatible(its[1:], wanted[1:]):
        return []
    source = context.source(x.span.path)
    first = source.at(x.span, ast.expr) if source is not None else None
    second = source.at(y.span, ast.expr) if source is not None else None
    if source is None or first is None or second is None:
        return []
    one, other = (
        edits.replace(source, first, source.segment(second)),
        edits.replace(source, second, source.segment(first)),
    )
    return fix("Exchange x and y", one, other, cause=x.span)


def _texts(context: Context, failure: Failure) -> list[Fix]:
    """Numbers that the program itself turns into text."""
    places = "must be of integer" in failure.message
    if not places and not re.search(r"str|dtype|[Cc]ast|ufunc", failure.message):
        return []
    kind = "int" if places else '"float32"'
    fixes: list[Fix] = []
    for source in context.sources.values():
        for node in source.calls():
            name = search.last_part(node.func)
            wanted = node.args[-1] if node.args else edits.keyword(node, "dtype")
            if name == "astype" and wanted is not None and source.segment(wanted) in ("str", '"str"', "'str'"):
                edit = edits.replace(source, wanted, kind)
                fixes += fix(f"Convert to {kind}", edit, cause=source.span(node))
            elif name == "cast" and isinstance(wanted, ast.Attribute) and wanted.attr == "string":
                edit = edits.replace(source, wanted, f"{source.segment(wanted.value)}.float32")
                fixes += fix("Cast to float32", edit, cause=source.span(node))
    return fixes[:MOST]


# The input that the program declares


def _declared_inputs(context: Context, failure: Failure) -> list[Fix]:
    """An input declared almost as the data in the file are, in a model that does not even come to meet them."""
    if failure.call is not None:
        return []
    samples = _samples(context)
    fixes: list[Fix] = []
    for source, value, call, declared in search.declared_inputs(context):
        if declared in samples:
            continue
        for sample in samples:
            if _near(declared, sample):
                text = edits.tuple_text(sample)
                title = f"Set the input shape to {text}, as the data have it"
                place = call if source.span(call).end_line - source.span(call).line < 3 else value
                fixes += fix(title, edits.replace(source, value, text), cause=source.span(place))
    return fixes[:MOST]


def _answers(context: Context) -> set[str]:
    """The names of what models are to answer: what `fit` and its like are given second."""
    found: set[str] = set()
    for source in context.sources.values():
        for call in source.calls():
            if isinstance(call.func, ast.Attribute) and call.func.attr in ("fit", "evaluate", "train_on_batch"):
                value = edits.argument(call, "y", 1)
                found |= {value.id} if isinstance(value, ast.Name) else set()
    return found


def _samples(context: Context) -> list[Shape]:
    """The shapes of one sample of the arrays and datasets in the program that models are not to answer."""
    found: list[Shape] = []
    answers = _answers(context)
    for item in context.report.variables:
        if item.name in answers:
            continue
        for tensor in item.tensors[:1]:
            if item.kind in ("array", "tensor", "dataset", "frame") and tensor.shape and len(tensor.shape) > 1:
                found.append(tensor.shape[1:])
    return list(dict.fromkeys(shape for shape in reversed(found) if None not in shape))


def _near(declared: Shape, sample: Shape) -> bool:
    """Whether one slip leads from one shape to the other: a size, the order, an axis too many or too few."""
    if len(declared) == len(sample):
        different = sum(a != b for a, b in zip(declared, sample, strict=True))
        return sorted(map(str, declared)) == sorted(map(str, sample)) or (different == 1 and len(sample) > 1)
    short, long = sorted((declared, sample), key=len)
    return len(long) - len(short) == 1 and len(short) > 0 and short in (long[1:], long[:-1])


def _batch_axes(context: Context, failure: Failure) -> list[Fix]:
    """An input that declares an axis more than the others do: the batch axis."""
    if failure.call is not None:
        return []
    fixes: list[Fix] = []
    for source, value, _, _ in search.declared_inputs(context):
        if isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) > 1 and source.segment(value.elts[0]).isdigit():
            text = edits.tuple_text(tuple(source.segment(item) for item in value.elts[1:]))
            title = "Leave the batch axis out of the input shape"
            fixes += fix(title, edits.replace(source, value, text), cause=source.span(value))
    return fixes[:2]


# Numbers


def _channels_of_depth(context: Context, failure: Failure) -> list[Fix]:
    """Filters before `depth_to_space` of block size n: a multiple of n squared, in the author's words where these have
    one factor squared."""
    told = re.search(r"evenly divisible by (\d+) but is (\d+)", failure.message)
    block = math.isqrt(int(told[1])) if told is not None else 0
    if (
        told is None
        or block**2 != int(told[1])
        or not any(
            search.last_part(call.func) in ("depth_to_space", "DepthToSpace")
            for source in context.sources.values()
            for call in source.calls()
        )
    ):
        return []
    have = int(told[2])
    for layer in reversed(context.report.layers):
        found = context.call_node(layer.created) if layer.config.get("filters") == have else None
        given = edits.argument(found[1], "filters", 0) if found is not None else None
        if found is None or given is None:
            continue
        squared = isinstance(given, ast.BinOp) and isinstance(given.op, ast.Mult) and have % block == 0
        text = f"{found[0].segment(given)}**2" if squared else str(-(-have // block**2) * block**2)
        title = f"Set `filters` of {layer.cls} to `{text}`"
        return fix(title, edits.replace(found[0], given, text), cause=layer.created)
    return []


# Layers before the failing one


def _windows(context: Context, failure: Failure) -> list[Fix]:
    """A large window that leaves little: what is behind it has nothing to slide over."""
    if not re.search(r"[Oo]utput size|[Nn]egative dimension|zero or negative", failure.message):
        return []
    fixes: list[Fix] = []
    for layer in reversed(context.report.layers):
        for name, position, usual in (("pool_size", 0, "2"), ("kernel_size", 1, "3")):
            window: Any = layer.config.get(name)
            given = layer.inputs[0].shape if layer.inputs else None
            left = layer.outputs[0].shape if layer.outputs else None
            if not isinstance(window, (list, tuple)) or not window or given is None or left is None or len(left) < 3:
                continue
            before, after = given[1], left[1]
            if before is None or after is None or 3 * after >= before or max(cast("list[int]", window)) < 5:
                continue
            title = f"Use a window of {usual} in {layer.cls}"
            fixes += operators.set_layer_argument(context, layer, name, position, usual, title)
    return fixes[:2]


def _joins(context: Context, failure: Failure) -> list[Fix]:
    """A concatenation along an axis of places, not of channels, before something that does not fit."""
    if not re.search(r"shape|axis|dimension", failure.message):
        return []
    fixes: list[Fix] = []
    for source in context.sources.values():
        found: list[ast.expr] = []
        for node in source.calls():
            value = edits.keyword(node, "axis")
            named = search.last_part(node.func) in ("concatenate", "Concatenate")
            if named and search.root(node.func) not in ("np", "numpy") and isinstance(value, ast.Constant):
                found.append(value)
        if len(found) > 1:
            every = [edits.replace(source, value, "-1") for value in found]
            fixes += fix("Join along the last axis, everywhere", *every, cause=source.span(found[0]))
        single = [fix("Join along the last axis", edits.replace(source, value, "-1"), cause=source.span(value))
                  for value in found]  # fmt: skip
        fixes = [*(item for made in single[:2] for item in made), *fixes]
    return fixes[:3]


def _one_axis(context: Context, failure: Failure) -> list[Fix]:
    """A `Concatenate` of tensors that differ in their last axis alone, along another one."""
    shapes = [tensor.shape for tensor in failure.inputs if tensor.shape]
    if failure.layer_cls != "Concatenate" or len(shapes) < 2 or len({len(shape) for shape in shapes}) != 1:
        return []
    different = [axis for axis, sizes in enumerate(zip(*shapes, strict=True)) if len(set(sizes)) > 1]
    if different != [len(shapes[0]) - 1]:
        return []
    found = context.call_node(failure.layer_created)
    value = edits.argument(found[1], "axis", 0 if not _is_function(found[1]) else None) if found is not None else None
    if found is None or value is None:
        return []
    return fix("Join along the last axis", edits.replace(found[0], value, "-1"), cause=found[0].span(value))


def _is_function(call: ast.Call) -> bool:
    return search.last_part(call.func)[:1].islower()


def _branches(context: Context, failure: Failure) -> list[Fix]:
    """Operands of different ranks: a recurrent layer gives its sequence in one branch, or lacks it in the other. Where
    none has steps, both may come from one layer that lacks it."""
    shapes = [tensor.shape for tensor in failure.inputs if tensor.shape is not None]
    ranks_met = {len(shape) for shape in shapes}
    if failure.layer_cls not in MERGES or (len(ranks_met) < 2 and ranks_met != {2}):
        return []
    fixes: list[Fix] = []
    for layer in reversed(context.report.layers):
        given = layer.outputs[0].shape if layer.outputs else None
        if layer.cls in RECURRENT and given in shapes:
            fixes += ranks.return_sequences(context, layer, len(given or ()) == 2)
    return fixes[:2]


def _widths(context: Context, failure: Failure) -> list[Fix]:
    """A `Dense` that does not give as many numbers as the `Reshape` behind it lays out."""
    given = failure.inputs[0].shape if failure.inputs else None
    config: dict[str, Any] = failure.facts.get("config") or {}
    target: tuple[int | None, ...] | None = config.get("target_shape")
    if failure.layer_cls != "Reshape" or given is None or not target:
        return _as_reshaped(context, failure)
    total = math.prod(size for size in target if isinstance(size, int))
    fixes: list[Fix] = []
    for layer in reversed(context.report.layers):
        out = layer.outputs[0].shape if layer.outputs else None
        if out is None or out[1:] != given[1:] or "units" not in layer.config or total <= 0:
            continue
        inside = layer.inputs[0].shape if layer.inputs else None
        if len(out) == 2:
            fixes += _in_words(context, failure, layer)
            fixes += operators.set_units(context, layer, total)
        elif inside is not None and len(inside) > 2:
            fixes += _flatten_before(context, layer)
        break
    return fixes


def _as_reshaped(context: Context, failure: Failure) -> list[Fix]:
    """As many units as a function of the author lays out with `reshape`: `Dense(S * S * (B * 5 + C))`."""
    told = re.search(r"evenly divisible by (\d+) but is (\d+)", failure.message)
    fixes: list[Fix] = []
    for source, call in search.calls(context, failure) if told is not None else ():
        shape = call.args[-1] if call.args and search.last_part(call.func) == "reshape" else None
        if told is None or not isinstance(shape, (ast.Tuple, ast.List)):
            continue
        parts = [item for item in shape.elts if source.segment(item) not in ("-1", "1")]
        known = [sizes.value(source, item) for item in parts]
        for layer in reversed(context.report.layers):
            have, found = layer.config.get("units"), context.call_node(layer.created)
            units = edits.argument(found[1], "units", 0) if found is not None else None
            if not isinstance(have, int) or int(told[2]) % have or found is None or units is None:
                continue
            total = math.prod(size or 0 for size in known)
            if total != int(told[1]):
                break
            texts = [
                f"({source.segment(item)})" if isinstance(item, ast.BinOp) else source.segment(item) for item in parts
            ]
            worded = found[0] is source and not isinstance(units, ast.Constant)
            text = " * ".join(texts) if worded else str(total)
            title = f"Set `units` of {layer.cls} to `{text}`"
            fixes += fix(title, edits.replace(found[0], units, text), cause=layer.created)
            break
    return fixes[:MOST]


def _in_words(context: Context, failure: Failure, layer: Layer) -> list[Fix]:
    """As many units as the names in the `Reshape` behind come to: `Dense(channels)` and `Reshape((1, 1, channels))`."""
    found, made = context.call_node(failure.layer_created), context.call_node(layer.created)
    sizes = edits.argument(found[1], "target_shape", 0) if found is not None else None
    units = edits.argument(made[1], "units", 0) if made is not None else None
    if found is None or made is None or units is None or not isinstance(sizes, (ast.Tuple, ast.List)):
        return []
    texts = [text for text in map(found[0].segment, sizes.elts) if text != "1"]
    text = " * ".join(texts)
    if not any(isinstance(item, ast.Name) for item in sizes.elts) or text == made[0].segment(units):
        return []
    changed = edits.replace(made[0], units, text)
    return fix(f"Set `units` of Dense to `{text}`", changed, cause=layer.created)


def _places_left(context: Context, failure: Failure) -> list[Fix]:
    """A `Reshape` that is given more axes than one: a `Dense` before it worked on each place."""
    given = failure.inputs[0].shape if failure.inputs else None
    return _flat_before_dense(context) if failure.layer_cls == "Reshape" and len(given or ()) > 2 else []


def _flattened(context: Context, failure: Failure) -> list[Fix]:
    """A `Dense` that works on each place of an image or a sequence, where the labels have none."""
    if not re.search(r"target|labels|logits|rank|Incompatible shapes|broadcast", failure.message):
        return []
    return [*_flat_before_dense(context), *(_flat_data(context) if failure.call is None else [])]


def _flat_data(context: Context) -> list[Fix]:
    """The pictures that a loop of one's own gives a first `Dense`, as rows where their array is bound."""
    given = next((item.inputs[0].shape for item in context.report.layers if item.cls == "Dense" and item.inputs), None)
    if given is None or len(given) < 3 or None in given[1:]:
        return []
    for variable in reversed(context.report.variables):
        shape = variable.tensors[0].shape if variable.kind == "array" and len(variable.tensors) == 1 else None
        source = context.source(variable.statement.path)
        statement = source.at(variable.statement, ast.stmt) if source is not None else None
        if source is None or statement is None or not shape or shape[1:] != given[1:]:
            continue
        name, row = variable.name, math.prod(size or 1 for size in shape[1:])
        title = f"Give each sample of `{name}` as one row"
        return operators.transform_where_bound(source, statement, name, f"{{}}.reshape(-1, {row})", title)
    return []


def _flat_before_dense(context: Context) -> list[Fix]:
    for layer in context.report.layers:
        inside = layer.inputs[0].shape if layer.inputs else None
        if layer.cls == "Dense" and inside is not None and len(inside) > 2:
            return _flatten_before(context, layer)
    return []


def _flatten_before(context: Context, layer: Layer) -> list[Fix]:
    """`Flatten` before `layer`, first in the model where it is made of a chain that begins with `layer`."""
    rank = len(layer.inputs[0].shape or ()) if layer.inputs else 0
    fixes = operators.insert_layer(context, layer, "Flatten")
    if 3 <= rank <= 5:
        fixes += operators.insert_layer(context, layer, f"GlobalAveragePooling{rank - 2}D")
    return fixes


def _losses(context: Context, failure: Failure) -> list[Fix]:
    """The loss for labels of the other form, wherever it is written."""
    if not re.search(r"target|labels|logits", failure.message):
        return []
    fixes: list[Fix] = []
    for source in context.sources.values():
        for node in source.nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in OTHER_LOSS:
                holder = source.statement(node)
                if holder is None or not re.search(r"loss|compile\(", source.segment(holder)):
                    continue
                quote, other = source.segment(node)[:1], OTHER_LOSS[node.value]
                edit = edits.replace(source, node, f"{quote}{other}{quote}")
                fixes += fix(f"Use the loss `{other}`", edit, cause=source.span(node))
            elif isinstance(node, ast.Attribute) and node.attr in OTHER_LOSS:
                other = OTHER_LOSS[node.attr]
                end = source.span(node)
                place = Span(end.path, end.end_line, end.end_column - len(node.attr), end.end_line, end.end_column)
                fixes += fix(f"Use the loss `{other}`", Edit(place, other), cause=end)
    return fixes[:MOST]


def _class_numbers(context: Context, failure: Failure) -> list[Fix]:
    """Class numbers for one of several outputs, whose loss takes them one-hot encoded."""
    met = re.search(r"target\.shape=\(\w+(?:, 1)?,?\), output\.shape=\(\w+, (\d+)\)", failure.message)
    call = context.sink(failure)
    model = context.model_of(call) if call is not None else None
    if met is None or int(met[1]) < 3 or model is None or len(model.outputs) < 2:
        return []
    return [item for item in _losses(context, failure) if "parse" in item.title]


def _encoders(context: Context, failure: Failure) -> list[Fix]:
    """Labels that are one-hot encoded for a loss that takes class numbers."""
    if not re.search(r"target\.ndim - 1|labels.*rank|= Equal\[", failure.message):
        return []
    fixes: list[Fix] = []
    for source in context.sources.values():
        for node in source.calls():
            name = search.last_part(node.func)
            if name in labels.ENCODERS and node.args:
                edit = edits.replace(source, node, source.segment(node.args[0]))
                fixes += fix(f"Give class numbers: no `{name}`", edit, cause=source.span(node))
    return fixes[:MOST]


def _turned(context: Context, failure: Failure) -> list[Fix]:
    """A `Reshape` to two sizes that stand the other way round in what its result meets."""
    ends = {(int(one), int(other)) for one, other in re.findall(r"(\d+), ?(\d+)[])]", failure.message)}
    ends |= {
        tuple(shape[-2:]) for _, shape, _ in failure.facts.get("operands") or () if shape and None not in shape[-2:]
    }
    fixes: list[Fix] = []
    for layer in reversed(context.report.layers):
        target = tuple(layer.config.get("target_shape") or ())
        found = context.call_node(layer.created) if layer.cls == "Reshape" else None
        value = edits.argument(found[1], "target_shape", 0) if found is not None else None
        if found is None or not isinstance(value, (ast.Tuple, ast.List)) or len(value.elts) != 2:
            continue
        if len(set(target)) == 2 and {target, target[::-1]} <= ends:
            first, second = map(found[0].segment, value.elts)
            edit = edits.replace(found[0], value, f"({second}, {first})")
            fixes += fix(f"Reshape to ({second}, {first})", edit, cause=layer.created)
    return fixes[:MOST]


def _order(context: Context, failure: Failure) -> list[Fix]:
    """The two tensors of a call of the author's own layer, the other way round."""
    found = context.call_node(failure.layer_called)
    if found is None or len({tensor.shape for tensor in failure.inputs}) != 2:
        return []
    source, call = found
    outer = source.parents.get(call)
    call = outer if isinstance(outer, ast.Call) and outer.func is call else call
    if len(call.args) != 2:
        return []
    first, second = call.args
    if isinstance(first, ast.Starred) or isinstance(second, ast.Starred):
        return []
    one, other = source.segment(first), source.segment(second)
    swapped = edits.replace(source, first, other), edits.replace(source, second, one)
    return fix(f"Give them in the other order: `{other}, {one}`", *swapped, cause=source.span(call))


def _channels(context: Context, failure: Failure) -> list[Fix]:
    """Pictures without a channel axis, met one batch at a time in a loop of the author's own, or given to
    `ImageDataGenerator.flow`."""
    given = failure.inputs[0].shape if len(failure.inputs) == 1 and "min_ndim=4" in failure.message else None
    flow = re.search(r"should have rank 4.*\(\d+, (\d+), (\d+)\)", failure.message)
    sizes = given[1:] if given is not None and len(given) == 3 else (int(flow[1]), int(flow[2])) if flow else None
    if sizes is None or failure.call is not None:
        return []
    fixes: list[Fix] = []
    for name, source, made in operators.arrays_of(context, sizes):
        edit = edits.wrap(source, made.value, "{}[..., None]")
        title = f"Add the channel axis to `{name}`: `[..., None]`"
        fixes += fix(title, edit, cause=source.span(made))
    return fixes[:MOST]
