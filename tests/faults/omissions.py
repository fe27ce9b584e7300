"""More injectors, as those of `injectors`: what an author leaves out, exchanges, or takes from the wrong place."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

from kls.facts import Span
from kls.source import SourceText
from tests.faults.places import Change, called, calls, keyword, without, without_item

MERGES = ("Concatenate", "concatenate", "Add", "add", "Multiply", "multiply", "Average", "Dot")
STACKS = {"concatenate": "stack", "concat": "stack", "vstack": "hstack", "stack": "concatenate", "hstack": "vstack"}
OWN_SHAPES = ("Flatten", "Reshape", "RepeatVector", "Permute", "Input", "InputLayer")


def _nodes(source: SourceText) -> Iterator[ast.AST]:
    yield from ast.walk(source.tree) if source.tree is not None else ()


def _functions(source: SourceText) -> Iterator[ast.FunctionDef]:
    yield from (node for node in _nodes(source) if isinstance(node, ast.FunctionDef))


def _between(source: SourceText, one: ast.AST, other: ast.AST) -> Span:
    start, end = source.span(one), source.span(other)
    return Span(start.path, start.line, start.column, end.end_line, end.end_column)


def _made_layer(node: ast.AST) -> str:
    """The class in `Dense(10, …)`, `layers.Conv2D(…)`; empty where it is not a layer that is made."""
    name = called(node.func) if isinstance(node, ast.Call) else ""
    return name if name[:1].isupper() and name not in ("Model", "Sequential", "Input", "InputLayer") else ""


def dropped_layer(source: SourceText) -> Iterator[Change]:
    """A layer that changes the shape in its own way is forgotten."""
    yield from without(source, lambda node: _made_layer(node) not in ("", *OWN_SHAPES))


def dropped_argument(source: SourceText) -> Iterator[Change]:
    """An argument of a layer is forgotten."""
    for call in calls(source):
        if _made_layer(call):
            items: list[ast.expr | ast.keyword] = [*call.args, *call.keywords]
            for index, item in enumerate(items):
                named = isinstance(item, ast.keyword) and item.arg not in (None, "name", "activation", "input_shape")
                if named and index > 0:
                    yield _between_after(source, items[index - 1], item), "", False
                elif not named and len(items) == 1 and isinstance(item, ast.expr):
                    yield source.span(item), "", False


def _between_after(source: SourceText, one: ast.AST, other: ast.AST) -> Span:
    """From behind the one to the end of the other."""
    start, end = source.span(one), source.span(other)
    return Span(start.path, start.end_line, start.end_column, end.end_line, end.end_column)


def dropped_return(source: SourceText) -> Iterator[Change]:
    """A function that makes a model, or a layer's `call`, returns nothing."""
    for function in _functions(source):
        last = function.body[-1]
        if isinstance(last, ast.Return) and last.value is not None:
            yield source.span(last), source.segment(last.value), False


def dropped_super(source: SourceText) -> Iterator[Change]:
    """`super().__init__()` is forgotten."""
    for call in calls(source, "__init__"):
        statement = source.parents.get(call)
        if isinstance(statement, ast.Expr):
            yield source.span(statement), "pass", True


def dropped_step(source: SourceText) -> Iterator[Change]:
    """One step of a chain of layers, `x = self.pool(x)`, is forgotten."""
    for node in _nodes(source):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and len(node.value.args) == 1:
            given = node.value.args[0]
            target = node.targets[0]
            if isinstance(target, ast.Name) and isinstance(given, ast.Name) and target.id == given.id:
                yield source.span(node), "pass", True


def dropped_compile(source: SourceText) -> Iterator[Change]:
    """The model is not compiled."""
    for call in calls(source, "compile"):
        statement = source.parents.get(call)
        if isinstance(statement, ast.Expr):
            yield source.span(statement), "pass", True


def dropped_labels(source: SourceText) -> Iterator[Change]:
    """`fit` is given samples alone."""
    for call in calls(source, "fit", "evaluate"):
        if len(call.args) > 1 and isinstance(call.args[1], (ast.Name, ast.Attribute, ast.Subscript)):
            yield _between_after(source, call.args[0], call.args[1]), "", False


def dropped_wrapper(source: SourceText) -> Iterator[Change]:
    """`TimeDistributed` or `Bidirectional` is forgotten."""
    for call in calls(source, "TimeDistributed", "Bidirectional"):
        if call.args:
            yield source.span(call), source.segment(call.args[0]), False


def dropped_partner(source: SourceText) -> Iterator[Change]:
    """A merge, or a call of the model, lacks one of its tensors."""
    for call in calls(source):
        for item in call.args[:1]:
            merges = called(call.func.func) in MERGES if isinstance(call.func, ast.Call) else True
            if merges and isinstance(item, ast.List) and len(item.elts) > 1 and called(call.func) != "Sequential":
                if all(isinstance(part, ast.Name) for part in item.elts):
                    yield without_item(source, item.elts, len(item.elts) - 1)


def exchanged_layers(source: SourceText) -> Iterator[Change]:
    """Two layers that follow each other are in the wrong order."""
    for node in _nodes(source):
        if isinstance(node, ast.List) and len(node.elts) > 2 and all(map(_made_layer, node.elts)):
            for one, other in zip(node.elts, node.elts[1:], strict=False):
                if _made_layer(one) != _made_layer(other):
                    yield _between(source, one, other), f"{source.segment(other)}, {source.segment(one)}", False


def exchanged_tensors(source: SourceText) -> Iterator[Change]:
    """Two inputs, or two outputs, are in the wrong order."""
    for call in calls(source):
        for item in [*call.args, *(keyword_.value for keyword_ in call.keywords)]:
            if isinstance(item, (ast.List, ast.Tuple)) and len(item.elts) == 2:
                one, other = item.elts
                if isinstance(one, ast.Name) and isinstance(other, ast.Name):
                    yield _between(source, one, other), f"{other.id}, {one.id}", False


def exchanged_arguments(source: SourceText) -> Iterator[Change]:
    """A call of two tensors has them in the wrong order."""
    for call in calls(source):
        if len(call.args) == 2 and not call.keywords and all(isinstance(item, ast.Name) for item in call.args):
            one, other = call.args
            if called(call.func) not in ("fit", "evaluate", "isinstance", "zip", "map", "range"):
                yield _between(source, one, other), f"{source.segment(other)}, {source.segment(one)}", False


def other_padding(source: SourceText) -> Iterator[Change]:
    """A convolution has the other padding."""
    for call in calls(source):
        for node in keyword(call, "padding"):
            if isinstance(node, ast.Constant) and node.value in ("same", "valid"):
                yield source.span(node), '"valid"' if node.value == "same" else '"same"', False


def other_strides(source: SourceText) -> Iterator[Change]:
    """A stride, or a factor of up-sampling or pooling, is another."""
    for call in calls(source):
        first = call.args[:1] if re.search("UpSampling|Pool", called(call.func)) else []
        for node in [*keyword(call, "strides", "size"), *first]:
            if isinstance(node, ast.Constant) and isinstance(node.value, int) and node.value < 5:
                yield source.span(node), str(node.value + 1), False
            elif isinstance(node, ast.Tuple) and all(isinstance(item, ast.Constant) for item in node.elts):
                if "np." not in source.segment(call.func):
                    yield source.span(node), "(3, 3)", False


def other_width(source: SourceText) -> Iterator[Change]:
    """One layer has another number of units or filters than those it must fit."""
    for call in calls(source):
        if re.search(r"Dense|Conv|LSTM|GRU|SimpleRNN|Embedding", called(call.func)):
            position = 1 if called(call.func) == "Embedding" else 0
            for node in [*call.args[position : position + 1], *keyword(call, "units", "filters", "output_dim")]:
                if isinstance(node, ast.Constant) and type(node.value) is int and node.value > 3:
                    yield source.span(node), str(node.value // 2), False
                elif isinstance(node, ast.Name):
                    yield source.span(node), f"{node.id} + 1", False


def other_key(source: SourceText) -> Iterator[Change]:
    """A name of an output, an input or a column is misspelt in one place."""
    for node in _nodes(source):
        keys: list[ast.expr | None] = list(node.keys) if isinstance(node, ast.Dict) else []
        keys += [node.slice] if isinstance(node, ast.Subscript) else []
        keys += list(keyword(node, "name")) if isinstance(node, ast.Call) else []
        for key in keys:
            if isinstance(key, ast.Constant) and isinstance(key.value, str) and len(key.value) > 2:
                yield source.span(key), f'"{key.value}s"', False


def other_labels(source: SourceText) -> Iterator[Change]:
    """The targets start at one, have an axis more, or an axis less."""
    for call in calls(source, "fit", "evaluate"):
        for node in [*call.args[1:2], *keyword(call, "y")]:
            if isinstance(node, ast.Name):
                yield source.span(node), f"{node.id} + 1", False
                yield source.span(node), f"{node.id}[:, None]", False
                yield source.span(node), f"[{node.id}, {node.id}]", False
                yield source.span(node), f"{node.id}[0]", False


def other_samples(source: SourceText) -> Iterator[Change]:
    """The samples are flattened, turned, made a list, or have an axis more."""
    for call in calls(source, "fit", "evaluate", "predict"):
        for node in [*call.args[:1], *keyword(call, "x")]:
            if isinstance(node, ast.Name):
                yield source.span(node), f"{node.id}.reshape(len({node.id}), -1)", False
                yield source.span(node), f"{node.id}[..., None]", False
                yield source.span(node), f"{node.id}.T", False
                yield source.span(node), f"{node.id}.tolist()", False


def other_output(source: SourceText) -> Iterator[Change]:
    """The model ends at a tensor before the last."""
    for call in calls(source, "Model"):
        for node in [*call.args[1:2], *keyword(call, "outputs")]:
            if isinstance(node, ast.Name) and call.args and isinstance(call.args[0], ast.Name):
                yield source.span(node), call.args[0].id, False


def other_slice(source: SourceText) -> Iterator[Change]:
    """A slice of a tensor or an array goes one too far, or is forgotten."""
    for node in _nodes(source):
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple):
            yield source.span(node), source.segment(node.value), False
        elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and node.slice.value == 0:
            if isinstance(node.value, ast.Name):
                yield source.span(node), node.value.id, False


def other_stack(source: SourceText) -> Iterator[Change]:
    """`stack` for `concatenate`, `hstack` for `vstack`."""
    for call in calls(source, *STACKS):
        if isinstance(call.func, ast.Attribute) and not isinstance(call.func.value, ast.Call):
            yield source.span(call.func), f"{source.segment(call.func.value)}.{STACKS[call.func.attr]}", False


def other_state(source: SourceText) -> Iterator[Change]:
    """A recurrent layer gives its states where they are not taken, or not where they are."""
    for call in calls(source, "LSTM", "GRU", "SimpleRNN"):
        given = list(keyword(call, "return_state"))
        for node in given:
            yield source.span(node), "False", False
        if not given and call.args:
            yield source.span(call.args[-1]), f"{source.segment(call.args[-1])}, return_state=True", False


def other_validation(source: SourceText) -> Iterator[Change]:
    """The validation data are a list, the wrong way round, or samples alone."""
    for call in calls(source, "fit"):
        for node in keyword(call, "validation_data"):
            if isinstance(node, ast.Tuple) and len(node.elts) == 2:
                one, other = (source.segment(item) for item in node.elts)
                yield source.span(node), f"({other}, {one})", False
                yield source.span(node), one, False


def other_mapping(source: SourceText) -> Iterator[Change]:
    """What `map` gives lacks the targets, or has them first."""
    for node in _nodes(source):
        pair = node.body if isinstance(node, ast.Lambda) else node.value if isinstance(node, ast.Return) else None
        if isinstance(pair, ast.Tuple) and len(pair.elts) == 2:
            one, other = (source.segment(item) for item in pair.elts)
            yield source.span(pair), f"({other}, {one})", False
            yield source.span(pair), f"({one})", False


def old_argument(source: SourceText) -> Iterator[Change]:
    """Arguments of Keras 1 and 2."""
    old = {"learning_rate": "lr", "epochs": "nb_epoch", "kernel_size": "nb_row", "padding": "border_mode"}
    for call in calls(source):
        for item in call.keywords:
            if item.arg in old:
                span = source.span(item)
                yield (Span(span.path, span.line, span.column, span.line, span.column + len(item.arg)),
                       old[item.arg], False)  # fmt: skip
        if called(call.func) == "Adam" and call.args:
            yield source.span(call.args[0]), f"lr={source.segment(call.args[0])}", False


INJECTORS: tuple[Callable[[SourceText], Iterator[Change]], ...] = (
    dropped_layer,
    dropped_argument,
    dropped_return,
    dropped_super,
    dropped_step,
    dropped_compile,
    dropped_labels,
    dropped_wrapper,
    dropped_partner,
    exchanged_layers,
    exchanged_tensors,
    exchanged_arguments,
    other_padding,
    other_strides,
    other_width,
    other_key,
    other_labels,
    other_samples,
    other_output,
    other_slice,
    other_stack,
    other_state,
    other_validation,
    other_mapping,
    old_argument,
)
