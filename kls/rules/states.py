"""The states of recurrent layers, given where nobody takes them or taken where none are given. Not a rule: `exchanges`
asks."""

from __future__ import annotations

import ast
import re

from kls import edits
from kls.facts import Fix
from kls.rules import search, taken_apart
from kls.rules.context import Context, fix
from kls.rules.ranks import RECURRENT
from kls.source import SourceText
from kls.worker.protocol import Failure, Layer

MOST = 4
"""Candidates of one kind."""


def strong(context: Context, failure: Failure) -> list[Fix]:
    """A recurrent layer that gives its states, where only its output is taken; or keeps them, where they are."""
    fixes: list[Fix] = []
    if re.search(r"input\(s\), but it received|Cannot convert '\(+\(None|list|tuple", failure.message):
        for layer in reversed(context.report.layers):
            if layer.cls in RECURRENT and len(layer.outputs) > 1:
                found = _recurrent(context.call_node(layer.created))
                edit = edits.remove_argument(*found, "return_state") if found is not None else None
                fixes += _states_apart(context, layer)
                fixes += fix("Leave out `return_state=True`", edit, cause=layer.created)
    if re.search(r"Iterating over a symbolic|values to unpack", failure.message):
        for source, call in _taken(context, failure):
            found = _recurrent((source, taken_apart.layer_made(source, call)))
            edit = edits.set_argument(*found, "return_state", None, "True") if found is not None else None
            fixes += fix("Add `return_state=True`", edit, cause=source.span(found[1]) if found is not None else None)
    return fixes[:MOST]


def _taken(context: Context, failure: Failure) -> list[tuple[SourceText, ast.Call]]:
    """The calls whose value is taken apart."""
    place = failure.frames[-1] if failure.frames else None
    source = context.source(place.path) if place is not None else None
    statement = source.statement_at(place.line) if source is not None and place is not None else None
    if source is not None and isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Call):
        return [(source, statement.value)]
    return search.calls(context, failure)


def _recurrent(found: tuple[SourceText, ast.Call] | None) -> tuple[SourceText, ast.Call] | None:
    """The recurrent layer that a call makes, itself or inside of `Bidirectional`; None where it makes another one."""
    call: ast.expr | None = found[1] if found is not None else None
    if isinstance(call, ast.Call) and search.last_part(call.func) == "Bidirectional" and call.args:
        call = call.args[0]
    if found is None or not isinstance(call, ast.Call) or search.last_part(call.func) not in RECURRENT:
        return None
    return found[0], call


def _states_apart(context: Context, layer: Layer) -> list[Fix]:
    """`outputs = lstm(x)` of a layer that is made in a statement of its own, where its states may be wanted elsewhere:
    the output alone is bound to the name."""
    source = context.source(layer.called.path) if layer.called is not None else None
    if source is None or layer.called is None or layer.created is None:
        return []
    statement, made = source.statement_at(layer.called.line), source.statement_at(layer.created.line)
    target = statement.targets[0] if isinstance(statement, ast.Assign) and statement is not made else None
    if not isinstance(target, ast.Name) or not isinstance(statement, ast.Assign):
        return []
    if source.span(statement.value) != layer.called:
        return []
    text = ", ".join([target.id, *["_"] * (len(layer.outputs) - 1)])
    changed = edits.replace(source, target, text)
    return fix(f"Take the output from the states: `{text}`", changed, cause=source.span(statement))
