"""The data do not fit the model's input.

## What it says
The array or dataset given to `fit`, `evaluate` or `predict` has another rank or another size than the model's input.
`compile()` never looks at the data, so Keras says it only when the first batch arrives.

## Why it matters
Keras 3 raises `ValueError: Invalid input shape for input Tensor …` or `Input 0 of layer … is incompatible with the
layer: expected shape=…, found shape=…`, at the `fit` line, after all data was loaded; Keras 2 said
`Error when checking input: expected dense_input to have 2 dimensions, but got array with shape …`.

## Example
```python
import numpy as np, keras
x_train = np.zeros((640, 28, 28))
y_train = np.zeros(640)
model = keras.Sequential([keras.Input((784,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(x_train, y_train)
```

## Repair
Reshape the data, flatten inside the model, or give the model the input shape of the data.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator

from kls import edits
from kls.facts import Evidence, Finding, Fix, Related, Severity, Span
from kls.rules import operators, search, siblings, slips, widths, written
from kls.rules.context import Context, Rule, argument_of, compatible, finding, fix, show, single, size_of
from kls.rules.reading import Reading, given, inside, stated
from kls.rules.sizes import value
from kls.source import SourceText
from kls.worker.protocol import Argument, Call, Failure, Model, Tensor

RULE = Rule("input-shape", Severity.ERROR, "The data do not fit the model's input.")


_FED = ("keras.Model.fit", "keras.Model.evaluate", "keras.Model.predict")
_DRAWN = ("numpy.random.rand", "numpy.random.randn")


def read(reading: Reading) -> Iterator[Finding]:
    """Data whose shape is written out, against the shape that is written out in the first layer of a Sequential."""
    for statement, bound in reading.steps():
        for call in inside(statement):
            owner = call.func.value if isinstance(call.func, ast.Attribute) else None
            if reading.name(call) not in _FED or not call.args or not isinstance(owner, ast.Name):
                continue
            wanted, layer = _written_input(reading, owner.id, bound.get(owner.id))
            data = call.args[0]
            made = bound.get(data.id) if isinstance(data, ast.Name) else None
            shape = _written_shape(reading, made) if made is not None else None
            if wanted is None or shape is None or made is None or not _refused(shape, wanted, layer):
                continue
            source = reading.source
            sizes = ", ".join("?" if size < 0 else str(size) for size in shape)
            message = f"`{source.segment(data)}` is ({sizes}); `{owner.id}` takes {show((None, *wanted))}"
            related = (Related(source.span(call), "they meet here"),)
            yield stated(RULE, source.span(made), message, related=related)


def _refused(shape: tuple[int, ...], wanted: tuple[int, ...], layer: str) -> bool:
    """Whether every Keras refuses data of `shape` (with samples) for `wanted` (without)."""
    given = shape[1:]
    longer, shorter = (given, wanted) if len(given) > len(wanted) else (wanted, given)
    if not given or any(size < 1 for size in (*given, *wanted)):
        return False
    if len(longer) == len(shorter) + 1 and longer[-1] == 1:
        return False  # Keras 3 adds or drops a last axis of 1
    if layer == "keras.layers.Dense":
        return given[-1] != wanted[-1]
    return layer == "keras.layers.Conv2D" and (len(given) != len(wanted) or given[-1] != wanted[-1])


def _written_input(reading: Reading, name: str, made: ast.expr | None) -> tuple[tuple[int, ...] | None, str]:
    """The input shape in the text of a Sequential's first layers, and the name of the first that is no `Input`."""
    if not isinstance(made, ast.Call) or reading.name(made) != "keras.Sequential":
        return None, ""
    layers = list(made.args[0].elts) if made.args and isinstance(made.args[0], ast.List) else []
    layers += [
        call.args[0]
        for call, public in reading.calls()
        if public == "keras.Sequential.add" and call.args and reading.source.segment(call.func) == f"{name}.add"
    ]
    if reading.bindings(name) != 1 or not layers:
        return None, ""
    first = layers[0]
    if not isinstance(first, ast.Call):
        return None, ""
    if reading.name(first) == "keras.Input" and len(layers) > 1:
        return _sizes(edits.argument(first, "shape", 0)), reading.name(layers[1])
    found = given(first, reading.name(first))
    if "input_dim" in found and reading.name(first) == "keras.layers.Dense":
        return _sizes(ast.Tuple([found["input_dim"]], ast.Load())), "keras.layers.Dense"
    return (None, "") if "data_format" in found else (_sizes(found.get("input_shape")), reading.name(first))


def _written_shape(reading: Reading, node: ast.expr) -> tuple[int, ...] | None:
    """The shape of an array that is reshaped or drawn, as far as the text writes it out; -1 for a size left open."""
    if isinstance(node, ast.BinOp) and isinstance(node.right, ast.Constant):
        return _written_shape(reading, node.left)
    if not isinstance(node, ast.Call):
        return None
    name = reading.name(node)
    if name in _DRAWN:
        return _sizes(ast.Tuple(node.args, ast.Load()))
    if name == "numpy.reshape" and len(node.args) == 2:
        return _sizes(node.args[1])
    if isinstance(node.func, ast.Attribute) and node.func.attr == "astype":
        return _written_shape(reading, node.func.value)
    if isinstance(node.func, ast.Attribute) and node.func.attr == "reshape" and not name and not node.keywords:
        alone = len(node.args) == 1 and isinstance(node.args[0], (ast.Tuple, ast.List))
        return _sizes(node.args[0] if alone else ast.Tuple(node.args, ast.Load()))
    return None


def _sizes(node: ast.expr | None) -> tuple[int, ...] | None:
    """The whole numbers of a tuple written out; -1 in its first place for what is no number there."""
    if not isinstance(node, (ast.Tuple, ast.List)) or not node.elts:
        return None
    sizes = [item.value if isinstance(item, ast.Constant) else None for item in node.elts]
    if not all(type(size) is int for size in sizes[1:]):
        return None
    return tuple(size if isinstance(size, int) else -1 for size in sizes)


def diagnose(context: Context, failure: Failure) -> Finding | None:
    """The finding for a failure whose cause is data against a model's input."""
    call = context.sink(failure)
    model = context.model_of(call) if call is not None else None
    if call is None or model is None or "loss" in failure.stage or "metrics" in failure.stage:
        return None
    role = "validation_x" if failure.stage.startswith("validation") else "x"
    argument = argument_of(call, role)
    data = single(argument.tensors[:1]) if argument is not None and argument.kind == "dataset" else None
    data = data or (_of_batch(argument) if argument is not None else None)
    wanted = _wanted(context, model, failure)
    if argument is None or data is None or data.shape is None or wanted is None:
        return None
    batched = argument.kind != "dataset" or _is_batched(data, wanted)
    given = data.shape[1:] if batched else data.shape
    apart: int | None = failure.facts.get("apart")
    if batched and compatible(given, wanted) and apart is None:
        return None
    place = _yielded(context, argument) or operators.place_of_data(context, argument) or call.span
    subject = f"`{argument.name}`" if argument.name else "the data"
    name = f"`{model.variable}`" if model.variable else f"the model ({model.name})"
    lines = [f"{subject} is {show(data.shape)}; {name} takes {show((None, *wanted))}"]
    if not batched:
        lines.append("The dataset gives single samples: it is not batched.")
    lines.append(f"Keras raises: {failure.exception}: {failure.message}")
    proved = operators.model_is_proved(context, call, failure.stage)
    if apart is not None:
        count = f"{abs(apart)} {'column' if abs(apart) == 1 else 'columns'} {'more' if apart > 0 else 'fewer'}"
        lines[0] = f"{subject} has {count} than {name} takes"
        fixes = widths.fixes(context, call, model, argument, apart, proved)
    else:
        fixes = _fixes(context, call, model, argument, data, given, wanted, batched, proved)
    related = [Related(call.span, f"`{call.method}` raises here")]
    source = operators.input_place(context, model)
    if source is not None:
        related.append(Related(source[0].span(source[2]), f"the model's input is {show((None, *wanted))}"))
    span = fixes[0].cause if fixes and fixes[0].cause is not None else place
    return finding(RULE, context, span, "\n".join(lines), call=call, related=tuple(related), fixes=tuple(fixes))


def survey(context: Context) -> Iterator[Finding]:
    """One finding for each Sequential that takes data of another size than its author gave it: it does not look."""
    told: set[int] = set()
    for call in context.report.calls:
        model, argument = context.model_of(call), argument_of(call, "x")
        if (
            model is None
            or argument is None
            or model.kind != "sequential"
            or model.key in told
            or not model.input_layers
        ):
            continue
        data, wanted = _of_batch(argument), single(model.inputs)
        if call.status != "traced" or data is None or wanted is None or not data.shape or not wanted.shape:
            continue
        given = data.shape[1:]
        if len(data.shape) != len(wanted.shape) or compatible(given, wanted.shape[1:]):
            continue
        told.add(model.key)
        fixes = operators.set_input_shape(context, model, given)
        span = fixes[0].cause if fixes and fixes[0].cause is not None else call.span
        subject = f"`{argument.name}`" if argument.name else "the data"
        lines = (
            f"{subject} is {show(data.shape)}; the model's input is {show(wanted.shape)}\n"
            "Keras raises nothing: a Sequential does not look at the sizes, and no layer here minds."
        )
        yield finding(
            RULE,
            context,
            span,
            lines,
            evidence=Evidence.SILENT,
            severity=Severity.WARNING,
            fixes=tuple(fixes),
        )


def _yielded(context: Context, argument: Argument) -> Span | None:
    """Where a generator of the author gives its batches."""
    given = [] if argument.kind in _WHOLE else written.yielded(context, argument)
    return given[-1][0].span(given[-1][1]) if given else None


_WHOLE = ("array", "tensor", "frame", "list", "dataset", "unknown")
"""Kinds of data that no code of the author brings batch by batch."""


def _of_batch(argument: Argument) -> Tensor | None:
    """The tensor of x in one batch, None where x has several."""
    if argument.kind in _WHOLE and argument.kind != "dataset":
        return single(argument.tensors)
    inputs = [item for item in argument.tensors if item.path.split(".")[0] in ("", "0")]
    return single(tuple(inputs))


def _wanted(context: Context, model: Model, failure: Failure) -> tuple[int | None, ...] | None:
    """The input shape that the model takes, without the batch axis; None when it has no fixed input."""
    if model.kind != "subclass" and len(model.inputs) == 1 and model.inputs[0].shape:
        if model.input_layers or operators.input_place(context, model) is not None:
            return model.inputs[0].shape[1:]
    return None


def _transposed(
    context: Context, argument: Argument, given: tuple[int | None, ...], wanted: tuple[int | None, ...]
) -> list[Fix]:
    """Pictures with their channels first, of which nothing in the program says so: turned where they are bound."""
    if argument.kind != "array" or len(given) < 3 or (*given[1:], given[0]) != wanted:
        return []
    order = ", ".join(str(axis) for axis in (0, *range(2, len(given) + 1), 1))
    title = f"Put the channels last: `.transpose({order})`"
    return operators.transform_data(context, argument, f"{{}}.transpose({order})", title)


def _is_batched(data: Tensor, wanted: tuple[int | None, ...]) -> bool:
    """Whether a dataset's elements have a batch axis, judged by rank and by an unknown first axis."""
    shape = data.shape or ()
    return len(shape) == len(wanted) + 1 or (bool(shape) and shape[0] is None)


def _fixes(
    context: Context,
    call: Call,
    model: Model,
    argument: Argument,
    data: Tensor,
    given: tuple[int | None, ...],
    wanted: tuple[int | None, ...],
    batched: bool,
    proved: bool,
) -> list[Fix]:
    if argument.kind == "dataset" and not batched and argument.role.startswith("validation"):
        title = "Batch the dataset"
        bound = operators.transform_data(context, argument, "{}.batch(32)", title) if argument.name is not None else []
        return [*bound, *operators.transform_argument(context, argument, "{}.batch(32)", title)]
    if argument.kind == "dataset" and not batched:
        return operators.transform_data(context, argument, "{}.batch(32)", "Batch the dataset")
    fixes: list[Fix] = []
    samples = data.shape[0] if data.shape else None
    counted = bool(data.shape) and data.shape[0] is not None  # what nobody knows the first axis of has rows
    single_sample = argument.kind in ("array", "tensor") and counted and compatible(data.shape or (), wanted)
    labelled = single_sample and _has_as_many_labels(call, data)
    if single_sample and not (labelled and proved):
        if labelled:
            return [
                *operators.set_input_shape(context, model, given),
                *operators.set_input_shape(context, model, (*given, 1)),
            ]
        return [*_batched_where_made(context, argument, wanted), *operators.add_batch_axis(context, argument)]
    if argument.kind == "dataset" and len(given) == len(wanted) + 1 and given[0] is None:
        fixes += _unbatch(context, argument)
    if argument.kind == "dataset":
        fixes += _sliced(context, argument)
        fixes += _declared(context, data, wanted)
    swapped = len(given) > 1 and given != wanted and sorted(map(str, given)) == sorted(map(str, wanted))
    if swapped:
        fixes += _expanded_elsewhere(context, argument, wanted)
        fixes += operators.set_input_shape(context, model, given)
        fixes += slips.turned_reshapes(context, given, wanted)
        fixes += _transposed(context, argument, given, wanted)
        made = written.value_of(context, argument)
        if made is not None and isinstance(made[1], ast.Call) and search.last_part(made[1].func) == "reshape":
            fixes += operators.reshape_data(context, argument, samples, tuple(size or -1 for size in wanted))
    same_size = size_of(given) is not None and size_of(given) == size_of(wanted)
    if same_size and argument.kind == "array" and not swapped:
        fixes += operators.reshape_data(context, argument, samples, tuple(size or -1 for size in wanted))
    laid_out = _laid_out(given, wanted)
    if laid_out is not None and argument.kind == "array":
        fixes += operators.reshape_data(context, argument, samples, laid_out)
    if same_size and len(wanted) == 1:
        fixes += _flatten(context, model, given)
    resized = operators.resize_literal(context, argument, (samples, *wanted), calls=proved)
    whole = size_of(data.shape) if data.shape is not None else None
    if argument.kind == "array" and whole is not None and whole == size_of(wanted):
        # One sample, whose axes and batch axis are still to be written.
        fixes += operators.reshape_data(context, argument, 1, tuple(size or -1 for size in wanted))
    if len(given) == 3 and wanted == (*given[:2], 3) and given[2] == 4 and argument.kind == "array":
        fixes += operators.transform_data(context, argument, "{}[..., :3]", "Leave out the fourth channel (alpha)")
    grey = _colours(context, model, argument, given, wanted)
    fresh = not proved and _is_fresh(context, model)
    fixes += [] if fresh else grey
    if proved:
        fixes = [*siblings.encoded_alike(context, argument.name, call.span.line), *fixes]
    if proved and argument.name is not None:
        alike = siblings.done_alike(context, argument.name, call.span.line)
        others = widths.other_names(context, argument, wanted)
        fixes = [*slips.put_through(context, argument.name, call.span.line), *alike, *others, *fixes]
        fixes = [*_prepared_alike(context, call, argument), *_other_array(context, argument, data, wanted), *fixes]
        fixes = [*siblings.made_alike(context, call, argument), *fixes]
    if proved:
        # Other data went through this model: its input is not at fault.
        return fixes + resized
    if len(given) == len(wanted) - 1:
        fixes += operators.set_input_shape(context, model, (*given, 1))
    fixes += operators.set_input_shape(context, model, given)
    fixes += grey if fresh else []
    fixes += resized
    if argument.kind == "array" and len(given) == len(wanted) + 1 and given[-1:] == (1,):
        fixes += operators.transform_data(context, argument, "{}[..., 0]", f"Drop the last axis of `{argument.name}`")
    return fixes


def _laid_out(given: tuple[int | None, ...], wanted: tuple[int | None, ...]) -> tuple[int, ...] | None:
    """A sample of the shape `given` laid out as `wanted`, which leaves one size open: (4, 1) as (None, 2, 1) is
    (2, 2, 1). None where more sizes are open, no whole number fits, or the ranks are the same."""
    whole, known = size_of(given), [size for size in wanted if size is not None]
    part = math.prod(known)
    if whole is None or len(known) != len(wanted) - 1 or len(given) == len(wanted) or not part or whole % part:
        return None
    return tuple(whole // part if size is None else size for size in wanted)


def _expanded_elsewhere(context: Context, argument: Argument, wanted: tuple[int | None, ...]) -> list[Fix]:
    """`np.expand_dims(x, 1)` where the model has the axis of 1 elsewhere."""
    made = written.value_of(context, argument)
    if made is None or wanted.count(1) != 1:
        return []
    source, call = made
    if not isinstance(call, ast.Call):
        return []
    axis = edits.argument(call, "axis", 1)
    if search.last_part(call.func) != "expand_dims" or axis is None:
        return []
    place = wanted.index(1) + 1
    text = "-1" if place == len(wanted) else str(place)
    cause = source.span(call)
    return fix(f"Add the axis as axis {text}", edits.replace(source, axis, text), cause=cause)


def _prepared_alike(context: Context, call: Call, argument: Argument) -> list[Fix]:
    """Test data whose preparation learns its columns anew, where the training data's are meant: `transform` in the
    place of a second `fit_transform`, the columns of the table that `fit` was given."""
    fixes: list[Fix] = []
    made = written.value_of(context, argument)
    for node in ast.walk(made[1]) if made is not None else ():
        if made is None or not isinstance(node, ast.Call):
            continue
        function = node.func
        if not isinstance(function, ast.Attribute) or function.attr != "fit_transform":
            continue
        source, owner = made[0], made[0].segment(function.value)
        earlier = [item for item in source.calls() if item.lineno < function.lineno]
        learnt = {f"{owner}.fit_transform", f"{owner}.fit", f"{owner}.fit_on_texts"}
        if any(source.segment(item.func) in learnt for item in earlier):
            changed = edits.replace(source, function, f"{owner}.transform")
            fixes += fix(f"`{owner}` has learnt from the training data: `transform`", changed, cause=source.span(node))
    for other in context.report.calls:
        x = argument_of(other, "x")
        if other.model != call.model or other.status != "traced" or x is None or x.name is None:
            continue
        if argument.kind == x.kind == "frame" and x.name != argument.name:
            form = f"{{}}.reindex(columns={x.name}.columns, fill_value=0)"
            title = f"Give `{argument.name or 'x'}` the columns of `{x.name}`"
            fixes += operators.transform_data(context, argument, form, title)
            break
    return fixes


def _other_array(context: Context, argument: Argument, data: Tensor, wanted: tuple[int | None, ...]) -> list[Fix]:
    """Another array of as many samples whose numbers are as many as the model takes: what a base made of the data."""
    rows, size = (data.shape or (None,))[0], size_of(wanted)
    fixes: list[Fix] = []
    for item in reversed(context.report.variables):
        shape = item.tensors[0].shape if item.kind == "array" and len(item.tensors) == 1 else None
        if not shape or shape[0] != rows or size is None or size_of(shape[1:]) != size or item.name == argument.name:
            continue
        before = argument.span is not None and item.statement.line < argument.span.line
        if before and item.statement.path == (argument.span.path if argument.span is not None else ""):
            same = shape[1:] == wanted
            text = item.name if same else f"{item.name}.reshape({', '.join(map(str, (rows, *wanted)))})"
            fixes += operators.transform_argument(context, argument, text, f"Give `{text}`")
    return fixes[:2]


def _batched_where_made(context: Context, argument: Argument, wanted: tuple[int | None, ...]) -> list[Fix]:
    """One sample that reaches the model as the parameter of a function: where its name is bound first, made a batch
    in the way in which the program makes a batch of another one."""
    source = context.source(argument.span.path) if argument.span is not None else None
    node = source.at(argument.span, ast.expr) if source is not None else None
    if source is None or node is None:
        return []
    way = next((form for call in source.calls() if (form := _makes_batch(source, call, wanted))), None)
    given = written.given_from(source, node)
    given = given if given is not None else (node, None)
    name = given[0]
    if way is None or not isinstance(name, ast.Name):
        return []
    known = [
        (made, value)
        for made, value in written.assignments(source, name.id, len(source.lines))
        if source.function(made) is source.function(name)
        and not isinstance(value, ast.Name)
        and (value is None or way.partition("{}")[0] not in source.segment(value))
    ]
    fixes: list[Fix] = []
    for made, _ in known[:1]:
        fixes += operators.transform_where_bound(
            source, made, name.id, way, f"Give a batch of one: `{way.format(name.id)}`"
        )
    return fixes


def _makes_batch(source: SourceText, call: ast.Call, wanted: tuple[int | None, ...]) -> str:
    """How `call` makes a batch of one of a name, as a form: `np.reshape({}, [1, 4])`."""
    kind, own = search.last_part(call.func), isinstance(call.func, ast.Attribute)
    if kind == "reshape" and own:
        module = search.root(call.func) in ("np", "numpy", "tf", "keras")
        sizes = call.args[1:] if module else call.args
        shape = sizes[0].elts if len(sizes) == 1 and isinstance(sizes[0], (ast.List, ast.Tuple)) else sizes
        first = value(source, shape[0]) if shape else None
        if first != 1 or len(shape) != len(wanted) + 1:
            return ""
        inner = ", ".join(map(source.segment, sizes))
        return f"{source.segment(call.func)}({{}}, {inner})" if module else f"{{}}.reshape({inner})"
    axis = edits.argument(call, "axis", 1) if kind == "expand_dims" else None
    if axis is not None and isinstance(axis, ast.Constant) and axis.value == 0:
        return f"{source.segment(call.func)}({{}}, {'axis=' if call.keywords else ''}0)"
    return ""


def _is_fresh(context: Context, model: Model) -> bool:
    """Whether the model is a base of `keras.applications` without trained weights: its input may be any."""
    place = operators.input_place(context, model)
    weights = edits.keyword(place[2], "weights") if place is not None else None
    return isinstance(weights, ast.Constant) and weights.value is None


def _colours(
    context: Context, model: Model, argument: Argument, given: tuple[int | None, ...], wanted: tuple[int | None, ...]
) -> list[Fix]:
    """Grey pictures for a base that was made for colours: one channel three times."""
    place = operators.input_place(context, model)
    np = written.module_name(place[0], "numpy") if place is not None else None
    if place is None or np is None or argument.kind != "array" or edits.keyword(place[2], "include_top") is None:
        return []
    title = "Give the one channel three times"
    if len(given) == 3 and wanted == (*given[:2], 3) and given[2] == 1:
        return operators.transform_data(context, argument, f"{np}.repeat({{}}, 3, axis=-1)", title)
    if len(given) == 2 and wanted == (*given, 3):
        return operators.transform_data(context, argument, f"{np}.stack([{{}}] * 3, axis=-1)", title)
    return []


def _declared(context: Context, data: Tensor, wanted: tuple[int | None, ...]) -> list[Fix]:
    """The shape that a `TensorSpec` of `from_generator` declares, where it is not that of one sample."""
    given = data.shape or ()
    fixes: list[Fix] = []
    for source in context.sources.values():
        for call in source.calls():
            shape = edits.argument(call, "shape", 0) if search.last_part(call.func) == "TensorSpec" else None
            if not isinstance(shape, (ast.Tuple, ast.List)) or len(shape.elts) not in (len(given), len(given) - 1):
                continue
            texts = [source.segment(item) for item in shape.elts]
            kept = texts[len(texts) - len(wanted) :] if len(texts) > len(wanted) else texts
            sizes = [str(size) for size in wanted]
            known = [old if value(source, node) == size else new for old, new, node, size in zip(
                kept, sizes, shape.elts[len(shape.elts) - len(kept) :], wanted, strict=False)]  # fmt: skip
            text = edits.tuple_text(tuple(known if len(known) == len(wanted) else sizes))
            title = f"Declare elements of shape {text}"
            fixes += fix(title, edits.replace(source, shape, text), cause=source.span(call))
    return fixes[:2]


def _sliced(context: Context, argument: Argument) -> list[Fix]:
    """`from_tensors` makes one element of the whole arrays; `from_tensor_slices` one of each row."""
    variable = context.origin(argument)
    source = context.source(variable.statement.path) if variable is not None else None
    statement = source.at(variable.statement, ast.stmt) if source is not None and variable is not None else None
    for node in ast.walk(statement) if statement is not None and source is not None else ():
        if isinstance(node, ast.Attribute) and node.attr == "from_tensors" and source is not None:
            changed = edits.replace(source, node, f"{source.segment(node.value)}.from_tensor_slices")
            return fix("Cut the arrays into rows: `from_tensor_slices`", changed, cause=source.span(node))
    return []


def _has_as_many_labels(call: Call, data: Tensor) -> bool:
    """Whether the labels count as many samples as the first axis of the data: then it is the batch axis."""
    labels = argument_of(call, "y")
    found = single(labels.tensors) if labels is not None else None
    return found is not None and bool(found.shape) and bool(data.shape) and found.shape[0] == data.shape[0]


def _unbatch(context: Context, argument: Argument) -> list[Fix]:
    """Take the last `.batch(…)` out of the dataset's assignment."""
    variable = context.origin(argument)
    source = context.source(variable.statement.path) if variable is not None else None
    statement = source.at(variable.statement, ast.Assign) if source is not None and variable is not None else None
    if source is None or statement is None or variable is None:
        return []
    for node in ast.walk(statement.value):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "batch":
            inner = node.func.value
            if node is statement.value and isinstance(inner, ast.Name) and inner.id == variable.name:
                return fix("Batch once only", edits.remove_statement(source, statement), cause=variable.statement)
            return fix("Batch once only", edits.replace(source, node, source.segment(inner)), cause=variable.statement)
    return []


def _flatten(context: Context, model: Model, given: tuple[int | None, ...]) -> list[Fix]:
    """Flatten inside the model: `Input` gets the data's shape, and a `Flatten` comes first."""
    layers = [layer for layer in context.first_layers(model) if layer.cls != "InputLayer"]
    if not layers:
        return []
    first = layers[0]
    title = f"Add `Flatten` with input {show(given)}"
    place = operators.input_place(context, model)
    found = context.call_node(first.created)
    if found is None or place is None:
        return []
    source, node = found
    if place[2] is node:
        item = next(item for item in node.keywords if item.value is place[1])
        name, imports = edits.callee_like(source, node, "Flatten")
        flatten = f"{name}({item.arg}={edits.tuple_text(given)})" if item.arg == "input_shape" else None
        if flatten is None:
            flatten = f"{name}(input_shape={edits.tuple_text(given)})"
        inserted = edits.insert_layer(source, node, flatten)
        removed = edits.remove_argument(source, node, item.arg or "")
        return fix(title, inserted, removed, *imports, cause=first.created)
    name, imports = edits.callee_like(source, node, "Flatten")
    inserted = edits.insert_layer(source, node, f"{name}()")
    shape = edits.replace(place[0], place[1], edits.tuple_text(given))
    return fix(title, inserted, shape, *imports, cause=source.span(place[2]))
