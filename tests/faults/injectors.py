"""The faults: each injector finds the places of a program where one kind of mistake can be made, and makes it there.

An injector edits the text through its syntax tree and keeps the layout: no line is added or taken away, so that a line
number means the same before and after.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from kls.facts import Span
from kls.source import SourceText, apply
from tests.faults import omissions
from tests.faults.places import Change, called, calls, is_layer, keyword, numbers, without


@dataclass(frozen=True)
class Fault:
    """One faulty program: the `text` that the file `name` now has. `lines` are the lines (from 1) that were changed;
    where something was taken away, also the lines of code beside the gap, at which it would be put back."""

    kind: str
    name: str
    text: str
    lines: frozenset[int]
    what: str


RECURRENT = ("LSTM", "GRU", "SimpleRNN")
LOSSES = {
    "sparse_categorical_crossentropy": "categorical_crossentropy",
    "categorical_crossentropy": "sparse_categorical_crossentropy",
    "binary_crossentropy": "sparse_categorical_crossentropy",
    "mse": "sparse_categorical_crossentropy",
    "mean_squared_error": "categorical_crossentropy",
    "SparseCategoricalCrossentropy": "CategoricalCrossentropy",
    "CategoricalCrossentropy": "SparseCategoricalCrossentropy",
    "BinaryCrossentropy": "SparseCategoricalCrossentropy",
    "MeanSquaredError": "CategoricalCrossentropy",
}
METRICS = {
    "accuracy": "sparse_top_k_categorical_accuracy",
    "sparse_categorical_accuracy": "categorical_accuracy",
    "SparseCategoricalAccuracy": "CategoricalAccuracy",
    "CategoricalAccuracy": "SparseCategoricalAccuracy",
    "mae": "sparse_categorical_accuracy",
    "BinaryAccuracy": "Precision",
    "Accuracy": "SparseCategoricalAccuracy",
}


def faults(name: str, files: Mapping[str, str], most: int, kinds: str = "") -> list[Fault]:
    """At most `most` faults of the program, as many kinds as there are; the same ones whenever it is asked. `kinds` is
    a regular expression that the kind matches."""
    by_kind: dict[str, list[Fault]] = {}
    for source in [SourceText(path, text) for path, text in files.items()]:
        for kind, injector in ((kind, injector) for kind, injector in INJECTORS.items() if re.search(kinds, kind)):
            made = (_made(source, kind, change) for change in injector(source))
            by_kind.setdefault(kind, []).extend(fault for fault in made if fault is not None)
    queues = [sorted(made, key=lambda fault: _lot(name, fault.text)) for made in by_kind.values() if made]
    queues.sort(key=lambda queue: _lot(name, queue[0].kind))
    chosen: dict[str, Fault] = {}
    while len(chosen) < most and any(queues):
        for queue in queues:
            if queue and len(chosen) < most:
                fault = queue.pop(0)
                chosen.setdefault(fault.text, fault)
    return list(chosen.values())


def _lot(name: str, text: str) -> bytes:
    return hashlib.sha256(f"{name}\0{text}".encode("utf-8", "surrogatepass")).digest()


def _made(source: SourceText, kind: str, change: Change) -> Fault | None:
    span, new, missing = change
    old = source.cut(span)
    new += "\n" * (old.count("\n") - new.count("\n"))
    text = apply(source.text, [(span, new)])
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        return None
    if text == source.text or text.count("\n") != source.text.count("\n"):
        return None
    lines = set(range(span.line, span.end_line + 1)) if missing or span.end_line - span.line < 3 else {span.line}
    if missing:
        rows = text.split("\n")
        for steps in (range(span.line - 1, 0, -1), range(span.end_line + 1, len(rows) + 1)):
            beside = next((line for line in steps if rows[line - 1].strip(" \t),]")), None)
            lines |= {beside} if beside is not None else set()
    shown = " ".join(old.split())
    return Fault(
        kind, source.path, text, frozenset(lines), f"{shown[:60]} -> {' '.join(new.split())[:60] or '(nothing)'}"
    )


# The faults


def input_shape(source: SourceText) -> Iterator[Change]:
    """A size of the declared input is wrong, or the batch axis is declared too."""
    for call in calls(source):
        shapes = list(keyword(call, "input_shape", "batch_shape", "batch_input_shape"))
        if called(call.func) in ("Input", "InputLayer"):
            shapes += [*call.args[:1], *keyword(call, "shape")]
        for shape in shapes:
            for node, value in numbers(shape):
                yield source.span(node), str(value + 1 if value < 4 else value - 1), False
            if isinstance(shape, (ast.Tuple, ast.List)) and shape.elts:
                items = [source.segment(item) for item in shape.elts]
                yield source.span(shape), f"(32, {', '.join(items)})", False
                if len(items) > 2 and items[0] != items[-1]:
                    yield source.span(shape), f"({', '.join([items[-1], *items[:-1]])})", False
        for node in keyword(call, "input_dim"):
            if called(call.func) != "Embedding" and isinstance(node, ast.Constant) and isinstance(node.value, int):
                yield source.span(node), str(node.value + 1), False


def channel_axis(source: SourceText) -> Iterator[Change]:
    """The channel axis of the declared input, or of the data, is lost."""
    for call in calls(source):
        shapes = [*keyword(call, "input_shape"), *(call.args[:1] if called(call.func) == "Input" else ())]
        for shape in [*shapes, *(keyword(call, "shape") if called(call.func) == "Input" else ())]:
            if isinstance(shape, (ast.Tuple, ast.List)) and len(shape.elts) > 2:
                yield source.span(shape), f"({', '.join(source.segment(item) for item in shape.elts[:-1])})", False
    for node in ast.walk(source.tree) if source.tree is not None else ():
        if isinstance(node, ast.Subscript) and re.search(r"newaxis|None", source.segment(node.slice)):
            yield source.span(node), source.segment(node.value), False


def dropped_expand_dims(source: SourceText) -> Iterator[Change]:
    """A call that adds an axis is forgotten."""
    for call in calls(source, "expand_dims"):
        if call.args:
            yield source.span(call), source.segment(call.args[0]), False


def dropped_flatten(source: SourceText) -> Iterator[Change]:
    """`Flatten`, or a pooling over all positions, is forgotten."""
    names = ("Flatten", "GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalMaxPooling1D", "GlobalMaxPooling2D")
    yield from without(source, lambda node: is_layer(node, *names))


def dropped_reshape(source: SourceText) -> Iterator[Change]:
    """A `reshape` of the data, or a `Reshape` in the model, is forgotten."""
    yield from without(source, lambda node: is_layer(node, "Reshape", "RepeatVector", "Permute"))
    for call in calls(source, "reshape"):
        if isinstance(call.func, ast.Attribute):
            functions = isinstance(call.func.value, ast.Name) and call.func.value.id in ("np", "tf", "numpy", "keras")
            inner = call.args[0] if functions and len(call.args) > 1 else None if functions else call.func.value
            if inner is not None:
                yield source.span(call), source.segment(inner), False


def wrong_reshape(source: SourceText) -> Iterator[Change]:
    """A size in a reshape is wrong."""
    for call in calls(source, "reshape", "Reshape"):
        for argument in [*call.args, *(item.value for item in call.keywords)]:
            for node, value in numbers(argument):
                if value > 1:
                    yield source.span(node), str(value - 1), False


def wrong_units(source: SourceText) -> Iterator[Change]:
    """The last layer has another number of units than there are classes or targets."""
    for call in calls(source, "Dense"):
        units = next(iter([*call.args[:1], *keyword(call, "units")]), None)
        parent = source.parents.get(call)
        last = isinstance(parent, ast.List) and parent.elts[-1] is call
        last |= any(
            isinstance(item, ast.Constant) and item.value in ("softmax", "sigmoid")
            for item in keyword(call, "activation")
        )
        if isinstance(units, ast.Constant) and isinstance(units.value, int) and (last or units.value < 12):
            yield source.span(units), str(units.value - 1 if units.value > 2 else units.value + 2), False
            if units.value > 2:
                yield source.span(units), "1", False


def swapped_loss(source: SourceText) -> Iterator[Change]:
    """The loss takes the labels in another form."""
    yield from _renamed(source, LOSSES, ("loss",), in_metrics=False)


def wrong_metric(source: SourceText) -> Iterator[Change]:
    """The metric takes the labels in another form."""
    yield from _renamed(source, METRICS, ("metrics",), in_metrics=True)


def _renamed(
    source: SourceText, names: dict[str, str], keywords: tuple[str, ...], in_metrics: bool
) -> Iterator[Change]:
    for call in calls(source, "compile"):
        for value in keyword(call, *keywords):
            for node in ast.walk(value):
                if isinstance(node, ast.Constant) and node.value in names:
                    yield source.span(node), f'"{names[node.value]}"', False
                elif isinstance(node, ast.Call) and called(node.func) in names and not in_metrics:
                    yield from _other_class(source, node, names)
    for node in calls(source, *names):
        if source.segment(node.func).split(".")[-2:-1] == (["metrics"] if in_metrics else ["losses"]):
            yield from _other_class(source, node, names)


def _other_class(source: SourceText, node: ast.Call, names: dict[str, str]) -> Iterator[Change]:
    func, name = source.span(node.func), called(node.func)
    if isinstance(node.func, ast.Attribute) and func.line == func.end_line:
        yield Span(func.path, func.line, func.end_column - len(name), func.line, func.end_column), names[name], False


def return_sequences(source: SourceText) -> Iterator[Change]:
    """A recurrent layer gives its last output where the sequence is wanted, or the other way round."""
    for call in calls(source, *RECURRENT):
        given = next((item for item in call.keywords if item.arg == "return_sequences"), None)
        if given is not None and isinstance(given.value, ast.Constant):
            yield source.span(given.value), str(not given.value.value), False
        elif given is None and call.args:
            yield source.span(call.args[-1]), f"{source.segment(call.args[-1])}, return_sequences=True", False


def wrong_axis(source: SourceText) -> Iterator[Change]:
    """A computation or a concatenation goes along another axis."""
    for call in calls(source):
        if called(call.func) in ("softmax", "argmax", "sum", "mean", "reduce_sum", "reduce_mean"):
            continue
        for node in keyword(call, "axis"):
            if isinstance(node, (ast.Constant, ast.UnaryOp)):
                yield source.span(node), "1" if source.segment(node) in ("-1", "0") else "0", False


def large_kernel(source: SourceText) -> Iterator[Change]:
    """A kernel or a pool is larger than what it slides over."""
    for call in calls(source):
        name = called(call.func)
        if re.fullmatch(r"(Separable|Depthwise)?Conv[12]D", name) and len(call.args) > 1:
            sizes = call.args[1:2]
        elif re.fullmatch(r"(Max|Average)Pool(ing)?[12]D", name):
            sizes = [*call.args[:1], *keyword(call, "pool_size")]
        else:
            sizes = list(keyword(call, "kernel_size")) if "Conv" in name and "Transpose" not in name else []
        for size in sizes:
            large = "64" if isinstance(size, ast.Constant) else "(64, 64)"
            if isinstance(size, (ast.Constant, ast.Tuple)):
                yield source.span(size), large, False


def unbatched_dataset(source: SourceText) -> Iterator[Change]:
    """A dataset is not batched, or batched twice."""
    for call in calls(source, "batch", "padded_batch"):
        if isinstance(call.func, ast.Attribute):
            yield source.span(call), source.segment(call.func.value), False
            if called(call.func) == "batch":
                yield source.span(call), f"{source.segment(call)}.batch(4)", False


def string_dtype(source: SourceText) -> Iterator[Change]:
    """Numbers become text."""
    for call in calls(source, "astype"):
        if len(call.args) == 1:
            yield source.span(call.args[0]), '"str"', False
    for call in calls(source, "cast"):
        if len(call.args) == 2 and source.segment(call.func).startswith("tf."):
            yield source.span(call.args[1]), "tf.string", False


def lengths_of_x_and_y(source: SourceText) -> Iterator[Change]:
    """Samples and targets are not equally many."""
    for call in calls(source, "fit", "evaluate"):
        for node in call.args[:2] if len(call.args) > 1 else list(keyword(call, "x", "y")):
            if isinstance(node, ast.Name):
                yield source.span(node), f"{node.id}[:-7]", False
    for call in calls(source, "from_tensor_slices"):
        pair = call.args[0] if call.args else None
        if isinstance(pair, ast.Tuple) and isinstance(pair.elts[-1], ast.Name):
            yield source.span(pair.elts[-1]), f"{pair.elts[-1].id}[:-7]", False


def swapped_x_and_y(source: SourceText) -> Iterator[Change]:
    """Samples and targets change places."""
    for call in calls(source, "fit", "evaluate", "train_test_split"):
        if len(call.args) > 1 and all(isinstance(item, ast.Name) for item in call.args[:2]):
            one, other = call.args[:2]
            start, end = source.span(one), source.span(other)
            span = Span(start.path, start.line, start.column, end.end_line, end.end_column)
            yield span, f"{source.segment(other)}, {source.segment(one)}", False


def concat_partner(source: SourceText) -> Iterator[Change]:
    """A merge takes another tensor of the same function."""
    merges = ("Concatenate", "concatenate", "Add", "add", "Multiply", "multiply", "Average", "Dot", "concat")
    for call in calls(source):
        inner = call.func if isinstance(call.func, ast.Call) else call
        if called(inner.func) not in merges or not call.args or not isinstance(call.args[0], (ast.List, ast.Tuple)):
            continue
        given = [item.id for item in call.args[0].elts if isinstance(item, ast.Name)]
        for item in call.args[0].elts:
            for name in _tensors_before(source, call):
                if isinstance(item, ast.Name) and name not in given:
                    yield source.span(item), name, False


def _tensors_before(source: SourceText, call: ast.Call) -> list[str]:
    """Names that an earlier statement of the same block bound to the output of a layer."""
    statement: ast.AST | None = call
    while statement is not None and not isinstance(statement, ast.stmt):
        statement = source.parents.get(statement)
    block = getattr(source.parents.get(statement), "body", []) if statement is not None else []
    names = [
        node.targets[0].id
        for node in block
        if isinstance(node, ast.Assign)
        and node.lineno < call.lineno
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Call)
        and (isinstance(node.value.func, ast.Call) or called(node.value.func) == "Input")
    ]
    return list(dict.fromkeys(names))[:3]


def layer_not_called(source: SourceText) -> Iterator[Change]:
    """A layer is made and not applied."""
    for call in calls(source):
        if isinstance(call.func, ast.Call) and called(call.func.func)[:1].isupper() and len(call.args) == 1:
            if isinstance(source.parents.get(call), ast.Assign):
                yield source.span(call), source.segment(call.func), False


def missing_input(source: SourceText) -> Iterator[Change]:
    """A model is made of fewer inputs than its outputs need."""
    for call in calls(source, "Model"):
        for value in [*call.args[:1], *keyword(call, "inputs")]:
            if isinstance(value, (ast.List, ast.Tuple)) and len(value.elts) > 1:
                yield source.span(value), source.segment(value.elts[0]), False


def embedding_size(source: SourceText) -> Iterator[Change]:
    """An embedding has too few rows, or the sequence lost its axis."""
    for call in calls(source, "Embedding"):
        size = next(iter([*call.args[:1], *keyword(call, "input_dim")]), None)
        if size is not None:
            yield source.span(size), "2", False


def one_hot(source: SourceText) -> Iterator[Change]:
    """The labels are not one-hot coded, or with another width."""
    for call in calls(source, "to_categorical", "one_hot"):
        if call.args:
            yield source.span(call), source.segment(call.args[0]), False
        width = next(iter([*call.args[1:2], *keyword(call, "num_classes", "depth")]), None)
        if isinstance(width, ast.Constant) and isinstance(width.value, int):
            yield source.span(width), str(width.value + 1), False
            yield source.span(width), str(width.value - 1), False


def misspelt(source: SourceText) -> Iterator[Change]:
    """A name that Keras looks up, or the name of an argument, is misspelt."""
    for call in calls(source):
        for item in call.keywords:
            value = item.value
            known = item.arg in ("activation", "optimizer", "padding", "loss") and isinstance(value, ast.Constant)
            if known and isinstance(value.value, str) and len(value.value) > 3:
                yield source.span(value), f'"{value.value[:-2]}{value.value[-1]}"', False
            if item.arg in ("activation", "padding", "validation_data", "epochs", "kernel_size", "return_sequences"):
                span = source.span(item)
                name = Span(span.path, span.line, span.column, span.line, span.column + len(item.arg))
                yield name, f"{item.arg[:-2]}{item.arg[-1]}", False


def one_sample(source: SourceText) -> Iterator[Change]:
    """One sample, without its batch axis, is given to `predict`."""
    for call in calls(source, "predict"):
        if call.args and isinstance(call.args[0], ast.Name):
            yield source.span(call.args[0]), f"{call.args[0].id}[0]", False
        elif call.args and isinstance(call.args[0], ast.Subscript) and isinstance(call.args[0].slice, ast.Slice):
            yield source.span(call.args[0].slice), "0", False


def data_size(source: SourceText) -> Iterator[Change]:
    """Made data have another width, or another height, than the model takes."""
    makers = ("rand", "randn", "random", "normal", "uniform", "zeros", "ones", "randint", "standard_normal")
    for call in calls(source, *makers):
        shapes = [item for item in [*call.args, *keyword(call, "size", "shape")] if isinstance(item, ast.Tuple)]
        for node in [item for shape in shapes for item in shape.elts[1:]] or call.args[1:] * (
            called(call.func) == "rand"
        ):
            if isinstance(node, ast.Constant) and type(node.value) is int and node.value > 1:
                yield source.span(node), str(node.value + 1), False


def image_size(source: SourceText) -> Iterator[Change]:
    """Images are resized to another size than the model takes."""
    for call in calls(source):
        sizes = [
            *keyword(call, "image_size", "target_size"),
            *(call.args[1:2] if called(call.func) == "resize" else ()),
        ]
        for size in sizes:
            if isinstance(size, (ast.Tuple, ast.List)):
                for node, value in numbers(size):
                    yield source.span(node), str(value + 8), False


INJECTORS: dict[str, Callable[[SourceText], Iterator[Change]]] = {
    function.__name__.replace("_", "-"): function
    for function in (
        input_shape,
        channel_axis,
        dropped_expand_dims,
        dropped_flatten,
        dropped_reshape,
        wrong_reshape,
        wrong_units,
        swapped_loss,
        wrong_metric,
        return_sequences,
        wrong_axis,
        large_kernel,
        unbatched_dataset,
        string_dtype,
        lengths_of_x_and_y,
        swapped_x_and_y,
        concat_partner,
        layer_not_called,
        missing_input,
        embedding_size,
        one_hot,
        misspelt,
        one_sample,
        data_size,
        image_size,
        *omissions.INJECTORS,
    )
}
