"""The labels or weights have another structure than the model's outputs, or are missing.

## What it says
One array, a list of another length or a dictionary with other keys for a model of several outputs; no labels at all;
`validation_data` that is not a pair; sample weights or class weights that the loss cannot apply.

## Why it matters
Keras raises `y_true and y_pred have different structures`, `None values not supported`, `The path: (0,) in the loss
argument can't be found` or `only 0-dimensional arrays can be converted to Python scalars`.

## Example
```python
import numpy as np, keras
inputs = keras.Input((4,))
model = keras.Model(inputs, [keras.layers.Dense(1)(inputs), keras.layers.Dense(1)(inputs)])
model.compile("adam", "mse")
y = np.zeros((8, 1))
model.fit(np.zeros((8, 4)), y)
```

## Repair
Labels with one array for each output, in the outputs' order or by their names.
"""

from __future__ import annotations

import ast
import dataclasses

from kls import edits
from kls.facts import Edit, Finding, Fix, Related, Severity, Span
from kls.rules import input_structure, operators, written
from kls.rules.context import Context, Rule, argument_of, finding, fix, show, single, size_of
from kls.rules.siblings import stem
from kls.worker.protocol import Argument, Call, Failure, Model

RULE = Rule(
    "target-structure", Severity.ERROR, "The labels or weights have another structure than the outputs, or are missing."
)

Parts = tuple[str, Span, list[Fix]]


def diagnose(context: Context, failure: Failure) -> Finding | None:
    """The finding for labels and weights that do not go with the outputs."""
    call = context.sink(failure)
    model = context.model_of(call) if call is not None else None
    if call is None or model is None:
        return None
    parts = (
        _class_weight(context, call, failure)
        or _sample_weight(context, call, model, failure)
        or _missing(context, call, model, failure)
        or _several(context, call, model, failure)
    )
    if parts is None:
        return None
    first, span, fixes = parts
    if fixes and fixes[0].cause is not None:
        span = fixes[0].cause
    lines = [first, f"Keras raises: {failure.exception}: {failure.message[:600]}"]
    related = (Related(call.span, f"`{call.method}` raises here"),) if call.span != span else ()
    return finding(RULE, context, span, "\n".join(lines), call=call, related=related, fixes=tuple(fixes))


def _class_weight(context: Context, call: Call, failure: Failure) -> Parts | None:
    found = context.call_node(call.span)
    value = edits.keyword(found[1], "class_weight") if found is not None else None
    if found is None or value is None or failure.stage != "adapter":
        return None
    y = argument_of(call, "y")
    target = single(y.tensors) if y is not None else None
    words = "class_weight" in failure.message or "scalar" in failure.message
    if not words and not (target is not None and target.shape and len(target.shape) > 2):
        return None
    if "cardinality" in failure.message or "Unrecognized" in failure.message:
        return None
    source = found[0]
    span = source.span(next(item for item in found[1].keywords if item.value is value))
    fixes = written.remove_sink_argument(context, call, "class_weight", None, "Leave out `class_weight`")
    shown = show(target.shape) if target is not None else "of this form"
    return f"`class_weight` cannot weight labels {shown}: it takes one class for each sample", span, fixes


def _sample_weight(context: Context, call: Call, model: Model, failure: Failure) -> Parts | None:
    weight = argument_of(call, "sample_weight")
    if weight is None or not weight.tensors:
        return None
    span = operators.place_of_data(context, weight) or call.span
    name = f"`{weight.name}`" if weight.name else "`sample_weight`"
    fixes: list[Fix] = []
    outputs = len(model.outputs)
    tensor = single(weight.tensors)
    if failure.stage == "adapter" and "sample_weight" in failure.message:
        if outputs > 1 and len(weight.tensors) == 1:
            listed = weight.tensors[0].path == "0"
            form = f"{{}} * {outputs}" if listed else f"[{{}}] * {outputs}"
            fixes += operators.transform_data(context, weight, form, "Give each output these weights")
        elif outputs == 1 and weight.tensors[0].path:
            fixes += operators.transform_data(context, weight, "{}[0]", "Give one array of weights")
        first = f"{name} has {len(weight.tensors)} arrays; the model has {outputs} output{'s' if outputs > 1 else ''}"
        if len(weight.tensors) == outputs > 1:
            first = f"{name} is not put together as the labels are: both as lists, or both by the outputs' names"
        return first, span, fixes
    if not failure.stage.endswith(("loss", "metrics")) or tensor is None or not tensor.shape or outputs != 1:
        return None
    output = model.outputs[0].shape or (call.outputs[0].shape if call.outputs else None)
    given, places = tensor.shape[1:], (output or ())[1:-1]
    if given and given != places and size_of(given) is not None and size_of(given) == size_of(places):
        sizes = tuple(size or -1 for size in places)
        fixes += operators.reshape_data(context, weight, tensor.shape[0], sizes)
        first = f"{name} is {show(tensor.shape)}; the loss has one value for each {show((None, *places))}"
        return first, span, fixes
    if len(tensor.shape) < 2 or output is None or len(tensor.shape) < len(output):
        return None
    labels = argument_of(call, "y")
    target = single(labels.tensors) if labels is not None else None
    if target is None or not target.shape or target.shape[0] != tensor.shape[0]:
        return None
    if call.loss in ("mse", "mae") and len(target.shape) != len(output):
        return None
    fixes += operators.transform_data(context, weight, "{}[..., 0]", "Give one weight for each value of the loss")
    fixes += operators.transform_data(context, weight, "{}.mean(axis=-1)", "Give the mean weight")
    first = f"{name} is {show(tensor.shape)}; the loss has one value for each {show(output[:-1])}"
    return first, span, fixes


def _missing(context: Context, call: Call, model: Model, failure: Failure) -> Parts | None:
    if not failure.stage.endswith(("loss", "metrics")) or "None values not supported" not in failure.message:
        return None
    validation = failure.stage.startswith("validation")
    x = argument_of(call, "validation_x" if validation else "x")
    if x is None or argument_of(call, "validation_y" if validation else "y") is not None:
        return None
    if x.kind == "dataset":
        if any(item.path.split(".")[0] == "1" for item in x.tensors):
            return None
        keys = [item.path for item in x.tensors]
        named = set(written.names_of(context, model.input_layers))
        if len(keys) == len(model.inputs) + 1 and named < set(keys):
            told = input_structure.dict_elements(context, x, keys, len(model.inputs))
            return (told[0], operators.place_of_data(context, x) or call.span, told[1]) if told is not None else None
        return _dataset(context, x, call)
    names = list(dict.fromkeys((*_as_validated(context, call, x), *_label_names(context, x))))
    span = x.span or call.span
    fixes: list[Fix] = []
    found = context.call_node(call.span)
    if validation:
        for name in names:
            fixes += operators.transform_argument(context, x, f"({{}}, {name})", f"Give the labels `{name}` too")
        if found is not None:
            value = edits.keyword(found[1], "validation_data")
            item = next((item for item in found[1].keywords if item.value is value), None)
            train = argument_of(call, "x")
            if item is not None and train is not None and train.kind in ("array", "tensor"):
                place = found[0].span(item)
                fixes += fix(
                    "Validate on a part of the training data", Edit(place, "validation_split=0.2"), cause=place
                )
        return f"`validation_data` is `{context.text_of(x.span)}` alone; Keras wants `(x, y)`", span, fixes
    source = found[0] if found is not None else None
    node = source.at(x.span, ast.expr) if source is not None else None
    if source is not None and node is not None:
        for name in names:
            text = f"{source.segment(node)}, {name}"
            fixes += fix(f"Give the labels `{name}`", edits.replace(source, node, text), cause=x.span)
        if _gives_back(call, model, x) and x.name not in names:
            text = source.segment(node)
            fixes += fix(f"Train on `{text}` itself", edits.replace(source, node, f"{text}, {text}"), cause=x.span)
    return f"`{call.method}` was given no labels: the loss has nothing to compare with", call.span, fixes


def _as_validated(context: Context, call: Call, x: Argument) -> list[str]:
    """The labels that go with x as those of `validation_data` go with its inputs: `(noisy_test, x_test)`."""
    given, labels = argument_of(call, "validation_x"), argument_of(call, "validation_y")
    if x.name is None or given is None or labels is None or given.name is None or labels.name is None:
        return []
    if given.name == labels.name:
        return [x.name]
    known = {item.name for item in context.report.variables}
    parts = [part for part in _PARTS if part in given.name and part in labels.name]
    guesses = [labels.name.replace(part, other) for part in parts for other in ("train", "training")]
    return [guess for guess in guesses if guess in known]


_PARTS = ("test", "validation", "valid", "val", "dev")
"""How names of data say that they are not trained on."""


def _gives_back(call: Call, model: Model, x: Argument) -> bool:
    """Whether the model's output has the shape of what it is given: an autoencoder."""
    if model.inputs and model.outputs:
        return model.outputs[0].shape == model.inputs[0].shape
    given, output = single(x.tensors), single(call.outputs)
    return bool(given and output and given.shape and output.shape and given.shape[1:] == output.shape[1:])


def _dataset(context: Context, x: Argument, call: Call) -> Parts | None:
    span = operators.place_of_data(context, x) or call.span
    fixes: list[Fix] = []
    found = written.value_of(context, x)
    if found is not None:
        source, value = found
        for node in ast.walk(value):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                if node.func.attr in ("from_tensor_slices", "from_tensors") and node.args:
                    given = node.args[0]
                    if isinstance(given, ast.List):
                        text = source.segment(given)[1:-1].rstrip().rstrip(",")
                        fixes += fix(
                            "Give a tuple: a list is stacked into one array",
                            edits.replace(source, given, f"({text})"),
                            cause=source.span(node),
                        )
                    name = given.id if isinstance(given, ast.Name) else None
                    for label in _partners(context, name):
                        text = f"({source.segment(given)}, {label})"
                        fixes += fix(
                            f"Pair it with `{label}`", edits.replace(source, given, text), cause=source.span(node)
                        )
    return f"`{x.name or 'the dataset'}` gives inputs without labels; `{call.method}` needs pairs `(x, y)`", span, fixes


def _label_names(context: Context, x: Argument) -> list[str]:
    """Names in the file under which the labels for `x` may stand, with as many rows."""
    rows = x.tensors[0].shape[0] if x.tensors and x.tensors[0].shape else None
    found = _partners(context, x.name)
    fitting = [
        item.name
        for item in context.report.variables
        if len(item.tensors) == 1
        and item.tensors[0].shape
        and item.tensors[0].shape[0] == rows
        and item.kind in ("array", "tensor", "frame")
        and item.name != x.name
    ]
    others = [
        name for name in dict.fromkeys(reversed(fitting)) if name not in found and not name.lower().startswith("x")
    ]
    return [*(name for name in found if name in fitting), *others[:3]]


def _partners(context: Context, name: str | None) -> list[str]:
    """Names of variables that read like the labels of `name`."""
    known = {item.name for item in context.report.variables if item.kind in ("array", "tensor", "frame")}
    guesses: list[str] = []
    for old, new in (
        ("x", "y"), ("X", "y"), ("X", "Y"), ("images", "labels"), ("data", "labels"), ("features", "labels"),
        ("inputs", "targets"), ("features", "targets"), ("data", "targets"), ("image", "label"),
        ("sequences", "labels"),
    ):  # fmt: skip
        if name is not None and old in name:
            guesses.append(name.replace(old, new))
    if name is not None and "train" not in name and "val" not in name and "test" not in name:
        guesses += ["y", "labels", "targets", "Y"]
    return [guess for guess in dict.fromkeys(guesses) if guess in known and guess != name]


def _brought(x: Argument | None) -> Argument | None:
    """The labels that come with x by their names, from a dataset, a generator or a `PyDataset`."""
    if x is None or x.kind in ("array", "tensor", "frame"):
        return None
    named = [item for item in x.tensors if item.path.startswith("1.")]
    parts = [dataclasses.replace(item, path=item.path[2:]) for item in named]
    return dataclasses.replace(x, tensors=tuple(parts)) if parts and not parts[0].path.isdigit() else None


def _columns(context: Context, x: Argument, model: Model) -> Parts | None:
    """A dataset whose labels are one tensor with a column for each of the model's outputs."""
    tensors = [item for item in x.tensors if item.path == "1"]
    shape, count = (tensors[0].shape if tensors else None), len(model.outputs)
    if not shape or len(shape) < 2 or shape[-1] != count:
        return None
    columns = ", ".join(f"y[..., {index}]" for index in range(count))
    form = f"{{}}.map(lambda x, y: (x, ({columns})))"
    fixes = operators.transform_data(context, x, form, "Give each output its column of the labels")
    span = operators.place_of_data(context, x) or x.span
    words = f"the labels of `{x.name or 'the dataset'}` are one tensor {show(shape)}; the model has {count} outputs"
    return (words, span, fixes) if span is not None else None


def _unread_labels(context: Context, labels: Argument, outputs: list[str]) -> list[Fix]:
    """The arrays of as many rows that the program makes and never reads: labels of the other outputs, by the names of
    these, else in the order in which they are made."""
    source = context.source(labels.span.path) if labels.span is not None else None
    shape = labels.tensors[0].shape
    if source is None or labels.name is None or not shape:
        return []
    read = {node.id for node in source.nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    unread = [
        item.name
        for item in context.report.variables
        if item.kind in ("array", "tensor") and item.span.path == source.path and item.name not in read
        if len(item.tensors) == 1 and (item.tensors[0].shape or (None,))[0] == shape[0]
    ]
    made = [item.name for item in context.report.variables if item.name in (*unread, labels.name)]
    given = list(dict.fromkeys(made))
    if len(given) != len(outputs) or labels.name not in given:
        return []
    by_name = [next((name for name in given if _of_one_word(name, output)), "") for output in outputs]
    order = by_name if set(by_name) == set(given) else given
    text = f"[{', '.join(order)}]"
    return operators.transform_argument(context, labels, text, f"Give each output its labels: `{text}`")


def _of_one_word(name: str, output: str) -> bool:
    """Whether the name of an array, but for what it says of the part of the data, and that of an output speak of one
    thing: `heat_train` and `heat`, `y_kind` and `kind_output`."""
    parts = {part for part in stem(name).lower().split("_") if len(part) > 1}
    return bool(parts & set(output.lower().split("_")))


def _several(context: Context, call: Call, model: Model, failure: Failure) -> Parts | None:
    outputs = len(model.outputs)
    before = "validation_" if failure.stage.startswith("validation") else ""
    own, x = argument_of(call, f"{before}y"), argument_of(call, f"{before}x")
    if own is None and x is not None and x.kind == "dataset" and outputs > 1:
        columns = _columns(context, x, model)
        if columns is not None:
            return columns
    labels = own or _brought(x)
    if labels is None or not labels.tensors or not failure.stage.endswith(("loss", "metrics")):
        return None
    given = len(labels.tensors)
    keys = [item.path for item in labels.tensors]
    named = all(key and not key.split(".")[0].isdigit() for key in keys)
    names = written.names_of(context, model.output_layers)
    if not outputs and named and call.outputs and all(item.path.isidentifier() for item in call.outputs):
        names = [item.path for item in call.outputs]  # a model of the author's own gives them by name
    elif not outputs:
        outputs = len(call.outputs) if not any(item.path and not item.path.isdigit() for item in call.outputs) else 0
        if not outputs:
            return None
    if outputs < 2 and not (named or given > 1):
        return None
    span = operators.place_of_data(context, labels) or call.span
    shown = f"`{labels.name}`" if labels.name else "the labels"
    fixes: list[Fix] = []
    if named:
        if set(names) <= set(keys):
            return None
        nodes = written.literal(context, labels, ast.Dict)
        for source, value in written.yielded(context, labels):
            second = value.elts[1] if isinstance(value, ast.Tuple) and len(value.elts) > 1 else None
            nodes += [(source, second)] if isinstance(second, ast.Dict) else []
        fixes += written.rename_keys(nodes, keys, names)
        if outputs == 1 and own is not None:
            fixes += operators.transform_data(context, labels, f'{{}}["{keys[0]}"]', f"Give `{keys[0]}`")
        told = ", ".join(f'"{key}"' for key in keys)
        wanted = ", ".join(f'"{name}"' for name in names)
        has = "has" if labels.name else "have"
        return f"{shown} {has} the keys {told}; the model's outputs are {wanted}", span, fixes
    if given == outputs:
        return None
    if given == 1 and not keys[0]:
        output = (model.outputs or call.outputs)[0].shape
        tensor = labels.tensors[0].shape
        if tensor and output and len(tensor) == 2 and tensor[1] == outputs and labels.name:
            parts = ", ".join(f"{labels.name}[:, {index}]" for index in range(outputs))
            fixes += operators.transform_argument(context, labels, f"[{parts}]", "Give each output its column")
        fixes += _unread_labels(context, labels, names)
        fixes += operators.transform_data(context, labels, f"[{{}}] * {outputs}", "Give each output these labels")
        return f"{shown} is one array; the model has {outputs} outputs", span, fixes
    if given > outputs:
        form = f"{{}}[:{outputs}]" if outputs > 1 else "{}[0]"
        fixes += operators.transform_data(context, labels, form, f"Give the first {outputs}")
    elif given == 1:
        fixes += operators.transform_data(context, labels, f"{{}} * {outputs}", "Give each output these labels")
    what = "output" if outputs == 1 else "outputs"
    return f"{shown} has {given} arrays; the model has {outputs} {what}", span, fixes
