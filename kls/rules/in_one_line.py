"""Layers of several tensors in a Sequential, which gives each layer one. Not a rule: `suspects` asks.

The repair writes the same layers as a graph, where the layer gets its tensor twice, or beside it the model's input.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from kls import edits
from kls.facts import Edit, Fix
from kls.rules import search
from kls.rules.context import Context, fix
from kls.source import SourceText
from kls.worker.protocol import Failure

_TOLD = re.compile(
    r"can only have a single required positional argument|"
    r"layer (?:should|must) be called on a list of (?:at least|inputs)"
)
"""keras/src/models/sequential.py; keras/src/layers/merging/base_merge.py, concatenate.py; attention/attention.py"""
_MERGING = ("Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply", "Subtract")
_LISTS = (*_MERGING, "Attention", "AdditiveAttention")
"""Layers that take their tensors as one list."""


@dataclass(frozen=True)
class _Line:
    """A Sequential as the text makes it: the name it is bound to, the call, its layers in their order, and the
    statements that add them, none where they stand in a list."""

    name: str
    made: ast.Assign
    call: ast.Call
    layers: tuple[ast.expr, ...]
    added: tuple[ast.stmt, ...]


def strong(context: Context, failure: Failure) -> list[Fix]:
    """The layers as a graph, or the layer left out."""
    if not _TOLD.search(failure.message):
        return []
    for source, node in search.calls(context, failure):
        for line in _lines(source):
            refused = next((layer for layer in line.layers if _holds(source, node, layer)), None)
            if isinstance(refused, ast.Call):
                name, cause = search.last_part(refused.func), source.span(refused)
                forms = ("({0}, {0})", "({0}, {1})")
                if name in _LISTS:
                    forms = ("([{0}, {1}])",) if name in _MERGING else ("([{0}, {0}])",)
                fixes = [item for form in forms for item in _as_graph(source, line, refused, form)]
                if name in _MERGING:
                    fixes += fix(f"Leave `{name}` out", edits.remove_layer(source, refused), cause=cause)
                return fixes
    return []


def _holds(source: SourceText, node: ast.expr, layer: ast.expr) -> bool:
    """Whether `node` is the layer, or the call that adds it."""
    return node is layer or source.parents.get(layer) is node and search.last_part(getattr(node, "func", node)) == "add"


def _lines(source: SourceText) -> list[_Line]:
    found: list[_Line] = []
    for made, target, call in source.assignments():
        if not (isinstance(target, ast.Name) and isinstance(call, ast.Call) and made.value is call):
            continue
        if search.last_part(call.func) != "Sequential" or call.keywords or len(call.args) > 1 or len(made.targets) > 1:
            continue
        given = call.args[0] if call.args else None
        if isinstance(given, (ast.List, ast.Tuple)):
            if not any(isinstance(item, ast.Starred) for item in given.elts):
                found.append(_Line(target.id, made, call, tuple(given.elts), ()))
        elif given is None:
            added = _added(source, made, target.id)
            layers = tuple(item.value.args[0] for item in added if isinstance(item.value, ast.Call))
            found.append(_Line(target.id, made, call, layers, tuple(added)))
    return found


def _added(source: SourceText, made: ast.Assign, name: str) -> list[ast.Expr]:
    """The statements `model.add(layer)` behind `made` in the same body; none where something else adds layers."""
    body = getattr(source.parents.get(made), "body", [])
    later = body[body.index(made) + 1 :] if made in body else []
    found: list[ast.Expr] = []
    for item in later:
        if isinstance(item, ast.Assign) and any(getattr(target, "id", "") == name for target in item.targets):
            break
        adds = [
            node
            for node in ast.walk(item)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "add"
            if isinstance(node.func.value, ast.Name) and node.func.value.id == name
        ]
        if not adds:
            continue
        if not isinstance(item, ast.Expr) or adds[0] is not item.value or len(adds[0].args) != 1 or adds[0].keywords:
            return []
        found.append(item)
    return found


def _as_graph(source: SourceText, line: _Line, refused: ast.Call, form: str) -> list[Fix]:
    """The model as a graph in which `refused` is given `form`: {0} is the tensor before it, {1} the model's input."""
    first = line.layers[0]
    if first is refused or not isinstance(first, ast.Call):
        return []
    names = {node.id for node in source.nodes if isinstance(node, ast.Name)}
    entry = next((name for name in ("inputs", "entry", "model_inputs") if name not in names), "")
    hidden = next((name for name in ("x", "hidden", "tensor", "hidden_tensor") if name not in names), "")
    model, imports = edits.callee_like(source, line.call, "Model")
    start, more = _entry(source, first)
    if not (entry and hidden and start):
        return []
    given = search.last_part(first.func) in ("Input", "InputLayer")
    texts: list[list[str]] = []
    before = entry
    for layer in line.layers:
        own: list[str] = [f"{entry} = {start}"] if layer is first else []
        if layer is not first or not given:
            tensors = form.format(before, entry) if layer is refused else f"({before})"
            words = _without_shape(source, first) if layer is first else source.segment(layer)
            own.append(f"{hidden} = {words}{tensors}")
            before = hidden
        texts.append(own)
    last = f"{line.name} = {model}({entry}, {before})"
    shown = "the tensor and the model's input" if "{1}" in form else "the tensor twice"
    title = f"Build a graph, where `{search.last_part(refused.func)}` gets {shown}"
    cause = source.span(refused)
    if not line.added:
        changes = [_lines_for(source, line.made, [*(text for own in texts for text in own), last])]
    else:
        changes = [edits.remove_statement(source, line.made)]
        for number, statement in enumerate(line.added):
            own = texts[number] + ([last] if number == len(line.added) - 1 else [])
            changes.append(_lines_for(source, statement, own))
    return fix(title, *changes, *imports, *more, cause=cause, safe=False)


def _lines_for(source: SourceText, statement: ast.stmt, lines: list[str]) -> Edit:
    indent = source.indentation(source.span(statement).line)
    return edits.replace(source, statement, f"{source.newline}{indent}".join(lines))


def _entry(source: SourceText, first: ast.Call) -> tuple[str, list[Edit]]:
    """How the model's input is made, by what the first layer tells of it; "" where it tells nothing."""
    if search.last_part(first.func) == "Input":
        return source.segment(first), []
    shape = edits.argument(first, "shape", 0) if search.last_part(first.func) == "InputLayer" else None
    shape = shape if shape is not None else edits.keyword(first, "input_shape")
    if shape is None:
        return "", []
    name, imports = edits.callee_like(source, first, "Input")
    return f"{name}({source.segment(shape)})", imports


def _without_shape(source: SourceText, first: ast.Call) -> str:
    rest = [*first.args, *(item for item in first.keywords if item.arg != "input_shape")]
    return f"{source.segment(first.func)}({', '.join(map(source.segment, rest))})"
