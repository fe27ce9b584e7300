"""Layers that belong on each step of a sequence, as on each picture of a film. Not a rule: `suspects` asks."""

from __future__ import annotations

import ast
import re
from typing import Any

from kls import edits
from kls.facts import Fix
from kls.rules import search
from kls.rules.context import Context, fix
from kls.source import SourceText
from kls.worker.protocol import Failure


def strong(context: Context, failure: Failure) -> list[Fix]:
    """Candidates for what is given the steps too."""
    return [*_layers(context, failure), *_models(context, failure)]


def _models(context: Context, failure: Failure) -> list[Fix]:
    """`model.add(frame_network)`, where the network takes one picture and is given a film."""
    told = _OF_SHAPES.search(failure.message)
    place = failure.frames[-1] if failure.frames else None
    source = context.source(place.path) if place is not None else None
    statement = source.statement_at(place.line) if source is not None and place is not None else None
    if told is None or source is None or statement is None:
        return []
    wanted, given = (shape.replace(" ", "").split(",") for shape in told.groups())
    if len(given) != len(wanted) + 1 or given[2:] != wanted[1:]:
        return []
    models = {model.variable for model in context.report.models}
    fixes: list[Fix] = []
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in models:
            parent = source.parents.get(node)
            if isinstance(parent, ast.Call) and parent.func is node or not isinstance(parent, ast.Attribute):
                name, imports = edits.callee_like(source, _some_layer(source), "TimeDistributed")
                text = f"{name}({node.id})"
                change = edits.replace(source, node, text)
                fixes += fix(f"On each step: `{text}`", change, *imports, cause=source.span(node))
    return fixes


def _some_layer(source: SourceText) -> ast.Call:
    """A call that makes a layer, for how this file names them."""
    return next(call for call in source.calls() if search.makes_layer(call))


_OF_SHAPES = re.compile(r"expected shape=\(None, ([\d, ]+)\), found shape=\((?:None|\d+), ([\d, ]+)\)")


def _layers(context: Context, failure: Failure) -> list[Fix]:
    """`MaxPooling2D()` among layers that work on each step, where it is given the steps too."""
    given = failure.inputs[0].shape if len(failure.inputs) == 1 else None
    spec: dict[str, Any] = next(iter(failure.facts.get("input_spec") or ()), None) or {}
    found = context.call_node(failure.layer_created)
    if given is None or found is None or spec.get("ndim") != len(given) - 1 or len(given) < 4:
        return []
    source, call = found
    wrappers = [node for node in source.calls() if search.last_part(node.func) == "TimeDistributed"]
    if not wrappers or edits.keyword(call, "input_shape") is not None:
        return []
    text = f"{source.segment(wrappers[0].func)}({source.segment(call)})"
    title = f"On each step: `{source.segment(wrappers[0].func)}({search.last_part(call.func)}(…))`"
    return fix(title, edits.replace(source, call, text), cause=source.span(call))
