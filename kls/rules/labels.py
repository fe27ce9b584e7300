"""Repairs of labels where they are made: one-hot encoding, axes, the classes counted from, a folder's `label_mode`."""

from __future__ import annotations

import ast
import re
from typing import Any

from kls import edits
from kls.facts import Fix
from kls.rules import operators, written
from kls.rules.context import Context, fix
from kls.source import SourceText
from kls.worker.protocol import Argument, Call

Shape = tuple[int | None, ...]
MODES = {
    "categorical_crossentropy": "categorical",
    "CategoricalCrossentropy": "categorical",
    "sparse_categorical_crossentropy": "int",
    "SparseCategoricalCrossentropy": "int",
    "binary_crossentropy": "binary",
    "BinaryCrossentropy": "binary",
}
"""The `label_mode` of `image_dataset_from_directory` that goes with a loss."""
NAMED = re.compile(r"y|label|target|class|tag", re.IGNORECASE)
"""How the names of labels begin."""
ENCODERS = ("to_categorical", "one_hot")


def values_of_name(context: Context, source: SourceText, name: ast.Name) -> dict[str, Any] | None:
    """What is known of the values of a name that the file binds once."""
    bound = [
        item
        for item in context.report.variables
        if item.name == name.id and item.span.path == source.path and item.statement.line < name.lineno
    ]
    return bound[0].values if len({item.span for item in bound}) == 1 and bound[0].kind == "array" else None


def encoded(context: Context, labels: Argument) -> tuple[SourceText, ast.Call] | None:
    """The `to_categorical(…)` that made the labels last."""
    found = written.value_of(context, labels)
    if found is None:
        return None
    source, node = found
    node = node if isinstance(node, ast.Call) else _rows_of(source, node)
    if not isinstance(node, ast.Call):
        return None
    name = source.segment(node.func).rpartition(".")[2]
    return (source, node) if name in ENCODERS and node.args else None


def _rows_of(source: SourceText, node: ast.expr) -> ast.expr:
    """What bound the array of which `node` takes some rows; `node` itself where it takes none."""
    origin = written.whole(source, node.id, node.lineno) if isinstance(node, ast.Name) else None
    if origin is not None:
        return origin[0].value
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice) and isinstance(node.value, ast.Name):
        known = written.assignments(source, node.value.id, node.lineno)
        return known[-1][1] or node if known else node
    return node


def counted_from_one(context: Context, labels: Argument, values: dict[str, Any]) -> list[Fix]:
    """One-hot rows in which class 0 never occurs: the numbers were counted from 1. Of labels in a dataset, the rows
    that the file encodes."""
    found = encoded(context, labels)
    if found is None and labels.kind not in ("array", "tensor"):
        return [item for place in _rows_without_first(context) for item in _from_zero(*place)]
    return _from_zero(*found) if found is not None and values.get("first_class") is False else []


def _rows_without_first(context: Context) -> list[tuple[SourceText, ast.Call]]:
    """The encoders whose rows a name is bound to, and in which class 0 never occurs."""
    found: list[tuple[SourceText, ast.Call]] = []
    for item in context.report.variables:
        source = context.source(item.statement.path)
        made = source.at(item.statement, ast.Assign) if source is not None else None
        value = made.value if made is not None else None
        if source is None or not isinstance(value, ast.Call) or not value.args or not _encodes(source, value):
            continue
        if (item.values or {}).get("first_class") is False:
            found.append((source, value))
    return found


def _from_zero(source: SourceText, node: ast.Call) -> list[Fix]:
    given = node.args[0]
    text = source.segment(given)
    simple = isinstance(given, (ast.Name, ast.Attribute, ast.Call, ast.Subscript, ast.BinOp))
    if isinstance(given, ast.BinOp) and isinstance(given.op, ast.Add) and source.segment(given.right) == "1":
        changed = edits.replace(source, given, source.segment(given.left))
    elif _is_list(source, given) and (np := written.module_name(source, "numpy")) is not None:
        changed = edits.replace(source, given, f"{np}.array({text}) - 1")
    else:
        changed = edits.replace(source, given, f"{text} - 1" if simple else f"({text}) - 1")
    return fix("Count the classes from 0", changed, cause=source.span(node))


def _is_list(source: SourceText, node: ast.expr) -> bool:
    """Whether an expression is a list by its text, or the name of one: nothing can be taken from all of it at once."""
    if isinstance(node, ast.Name):
        known = written.assignments(source, node.id, node.lineno)
        return bool(known) and known[-1][1] is not None and _is_list(source, known[-1][1])
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, (ast.Mult, ast.Add)) and _is_list(source, node.left)
    return isinstance(node, (ast.List, ast.ListComp))


def not_encoded(context: Context, labels: Argument) -> list[Fix]:
    """Two classes, one-hot encoded for a model with one output: give the numbers themselves."""
    found = encoded(context, labels)
    if found is None:
        return []
    source, node = found
    given = edits.replace(source, node, source.segment(node.args[0]))
    return fix("Do not one-hot encode two classes", given, cause=source.span(node))


def encoded_once(context: Context, labels: Argument) -> list[Fix]:
    """Labels that were one-hot encoded twice: take the second time out."""
    found = encoded(context, labels)
    if found is None:
        return []
    source, node = found
    inner, statement = node.args[0], source.statement(node)
    span = source.span(statement) if statement is not None else source.span(node)
    title = "One-hot encode once only"
    if isinstance(inner, ast.Name) and isinstance(statement, ast.Assign) and statement.value is node:
        target = statement.targets[0]
        before = written.assignments(source, inner.id, statement.lineno - 1)
        twice = any(item is not None and _encodes(source, item) for _, item in before)
        if isinstance(target, ast.Name) and target.id == inner.id and twice:
            return fix(title, edits.remove_statement(source, statement), cause=span)
        return fix(title, edits.replace(source, node, inner.id), cause=span) if twice else []
    if isinstance(inner, ast.Call) and _encodes(source, inner):
        return fix(title, edits.replace(source, node, source.segment(inner)), cause=span)
    if isinstance(inner, ast.Name) and any(
        item.name == inner.id and item.tensors and len(item.tensors[0].shape or ()) == 2
        for item in context.report.variables
    ):  # it goes by another name since it was encoded
        return fix(title, edits.replace(source, node, inner.id), cause=span)
    return []


def _encodes(source: SourceText, node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and source.segment(node.func).rpartition(".")[2] in ENCODERS


def of_width(context: Context, labels: Argument, width: int) -> list[Fix]:
    """One-hot rows of `width` columns, by the encoder's own argument."""
    found = encoded(context, labels)
    if found is None:
        return []
    source, node = found
    name = "depth" if source.segment(node.func).endswith("one_hot") else "num_classes"
    changed = edits.set_argument(source, node, name, 1, str(width))
    return fix(f"Encode {width} classes", changed, cause=source.span(node))


def without_axis(context: Context, labels: Argument, target: Shape, wanted: Shape) -> list[Fix]:
    """Labels with one axis too many: an axis of 1 goes; of channels the first stays."""
    if labels.kind != "array" or len(target) != len(wanted) + 1:
        return []
    name = labels.name or "the labels"
    for axis in range(1, len(target)):
        rest = (*target[:axis], *target[axis + 1 :])
        fits = all(a is None or b is None or a == b for a, b in zip(rest, wanted, strict=True))
        if target[axis] == 1 and fits:
            return operators.transform_data(context, labels, f"{{}}.squeeze({axis})", f"Drop axis {axis} of `{name}`")
    image = len(target) == 4 and target[-1] is not None and target[-1] <= 4
    if image and all(a is None or b is None or a == b for a, b in zip(target[:-1], wanted, strict=True)):
        return operators.transform_data(context, labels, "{}[..., 0]", f"Take the first channel of `{name}`")
    return []


def by_folder(context: Context, dataset: Argument, loss: str | None) -> list[Fix]:
    """The `label_mode`, or `class_mode`, that the loss asks for, where the data are read from a folder or a table."""
    mode = MODES.get(loss or "")
    found = written.value_of(context, dataset)
    if mode is None or found is None:
        return []
    source, value = found
    seen: set[ast.AST] = set()
    work: list[ast.expr] = [value]
    while work:
        node = work.pop()
        for item in ast.walk(node):
            if item in seen:
                continue
            seen.add(item)
            if isinstance(item, ast.Call) and source.segment(item.func).endswith("_dataset_from_directory"):
                changed = edits.set_argument(source, item, "label_mode", None, f'"{mode}"')
                return fix(f'Read labels of label_mode="{mode}"', changed, cause=source.span(item))
            if isinstance(item, ast.Call) and source.segment(item.func).rpartition(".")[2].startswith("flow_from_"):
                kind = "sparse" if mode == "int" else mode
                changed = edits.set_argument(source, item, "class_mode", None, f'"{kind}"')
                return fix(f'Read labels of class_mode="{kind}"', changed, cause=source.span(item))
            if isinstance(item, ast.Name):
                work += [made for _, made in written.assignments(source, item.id, item.lineno) if made is not None]
    return []


def one_step_on(context: Context, call: Call, labels: Argument) -> list[Fix]:
    """The labels from the second step on, where the model is given all but the last step of the same array."""
    found = context.call_node(call.span)
    given = edits.argument(found[1], "x", 0) if found is not None else None
    if found is None or given is None or labels.name is None:
        return []
    source, names = found[0], {item.id for item in ast.walk(given) if isinstance(item, ast.Name)}
    made = [value for _, target, value in source.assignments() if source.segment(target) in names]
    ends = re.compile(rf"\b{labels.name}\[:, *: *-1\]")
    if not any(ends.search(source.segment(item)) for item in (given, *made)):
        return []
    return operators.transform_argument(context, labels, "{}[:, 1:]", "Give the labels from the second step on")
