"""Tensors that are taken apart, or asked for an axis, as what they are not. Not a rule: `suspects` asks."""

from __future__ import annotations

import ast
import re
from typing import Any

from kls import edits
from kls.facts import Edit, Fix, Span
from kls.rules import search, written
from kls.rules.context import Context, fix, show
from kls.rules.siblings import stem
from kls.source import SourceText
from kls.worker.protocol import Failure

MOST = 4
"""Candidates of one kind."""


def told(failure: Failure) -> str | None:
    """A first line for such a failure, None for any other."""
    asked: dict[str, Any] | None = failure.facts.get("asked")
    given: dict[str, Any] | None = failure.facts.get("given")
    parts: dict[str, Any] | None = failure.facts.get("parts")
    if parts is not None:
        first = f"`{parts['function']}` returns {parts['count']} values"
        if parts["asked"]:
            return f"{first} in a tuple, which has no `{parts['asked']}`"
        return f"{first}, which are taken apart into {parts['wanted']}"
    if asked is not None:
        shape = tuple(asked["shape"])
        axes = "1 axis" if len(shape) == 1 else f"{len(shape)} axes"
        return f"`{asked['name']}` is {show(shape)}, with {axes}: there is no `shape[{asked['axis']}]`"
    listed: dict[str, Any] | None = failure.facts.get("listed")
    if listed is not None and not listed["count"]:
        until = "" if listed["built"] else " until the layer has been called"
        return f"`{listed['name']}` is empty{until}: there is no `[{listed['index']}]`"
    if listed is not None:
        items = "1 item" if listed["count"] == 1 else f"{listed['count']} items"
        return f"`{listed['name']}` has {items}, counted from 0: there is no `[{listed['index']}]`"
    if _OF_LISTS.search(failure.message):
        return "a layer that takes one tensor is given several"
    if given is not None and given["count"] is not None:
        return f"`{given['name']}` gives {given['count']} tensors, which are taken apart into {given['wanted']}"
    return None


def strong(context: Context, failure: Failure) -> list[Fix]:
    """Candidates for such a failure."""
    return [
        *_axis(context, failure),
        *_item(context, failure),
        *_states(context, failure),
        *_one_of_them(context, failure),
        *_returned(context, failure),
    ]


def _returned(context: Context, failure: Failure) -> list[Fix]:
    """`train, test = split(data)` of a function that returns three values, or one of them."""
    parts: dict[str, Any] | None = failure.facts.get("parts")
    place = failure.frames[-1] if failure.frames else None
    here = context.source(place.path) if place is not None else None
    there = context.source(str(parts["path"])) if parts is not None else None
    if parts is None or here is None or there is None:
        return []
    made = [
        node for node in here.nodes if isinstance(node, ast.Assign) and node.value.lineno <= parts["at"]
        if isinstance(node.value, ast.Call) and (node.value.end_lineno or 0) >= parts["at"]
    ]  # fmt: skip
    functions = [node for node in there.nodes if isinstance(node, ast.FunctionDef) and node.lineno == parts["line"]]
    if not made or not functions:
        return []
    target, function, cause = made[-1].targets[0], functions[0], here.span(made[-1])
    given = [
        node.value.elts for node in ast.walk(function) if isinstance(node, ast.Return)
        if isinstance(node.value, ast.Tuple) and there.function(node) is function
    ]  # fmt: skip
    if not given:
        return []
    returned = [there.segment(item) for item in given[0]]
    if not isinstance(target, (ast.Tuple, ast.List)):
        return _one_returned(here, made[-1], returned, cause)
    names = [here.segment(item) for item in target.elts]
    local = {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    local |= {item.arg for item in function.args.args}
    fixes: list[Fix] = []
    if len(returned) < len(names):
        missing = [name for name in names if name not in returned]
        if len(missing) == len(names) - len(returned) and all(name in local for name in missing):
            for node in ast.walk(function):
                if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
                    told = ", ".join(f"`{name}`" for name in missing)
                    changed = edits.replace(there, node.value, ", ".join(names))
                    fixes += fix(f"Return {told} too", changed, cause=there.span(node))
        kept = [name for name in names if name in returned]
        for left in (kept, names[: len(returned)]):
            if len(left) == len(returned):
                edit = edits.replace(here, target, ", ".join(left) + ("," if len(left) == 1 else ""))
                fixes += fix(f"Take {len(left)} values: `{', '.join(left)}`", edit, cause=cause)
        return list({item.edits: item for item in fixes}.values())
    if all(name in returned for name in names):
        edit = edits.replace(here, target, ", ".join(returned))
        fixes += fix(f"Take them all: `{', '.join(returned)}`", edit, cause=cause)
    edit = edits.replace(here, target, ", ".join([*names, *["_"] * (len(returned) - len(names))]))
    fixes += fix("Leave the others: `_`", edit, cause=cause)
    for node in ast.walk(function):
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
            kept = [item for item in returned if item in names]
            kept = kept if len(kept) == len(names) else returned[: len(names)]
            edit = edits.replace(there, node.value, ", ".join(kept) + ("," if len(kept) == 1 else ""))
            fixes += fix(f"Return {len(kept)} values: `{', '.join(kept)}`", edit, cause=there.span(node))
    return fixes


def _one_returned(source: SourceText, made: ast.Assign, returned: list[str], cause: Span) -> list[Fix]:
    """`net = build()` of a function that returns a model and its history: the one of that name, or each."""
    name = source.segment(made.targets[0])
    fixes: list[Fix] = []
    order = sorted(range(len(returned)), key=lambda place: returned[place] != name)
    for place in order[:MOST]:
        names = [name if place == number else "_" for number in range(len(returned))]
        text = ", ".join(names)
        fixes += fix(f"Take them apart: `{text}`", edits.replace(source, made.targets[0], text), cause=cause)
    return fixes


def _axis(context: Context, failure: Failure) -> list[Fix]:
    """`X_train.shape[2]` of rows and columns: a third axis for `X_train`, and for the other parts of those data."""
    asked: dict[str, Any] | None = failure.facts.get("asked")
    place = failure.frames[-1] if failure.frames else None
    source = context.source(place.path) if place is not None else None
    if asked is None or place is None or source is None or asked["axis"] != len(asked["shape"]):
        return []
    forms = ["{0}[..., None]"]
    if len(asked["shape"]) == 2:
        forms = ["{0}.reshape({0}.shape[0], {0}.shape[1], 1)", "{0}.reshape({0}.shape[0], 1, {0}.shape[1])"]
    rank = len(asked["shape"])
    arrays = {
        item.name
        for item in context.report.variables
        if item.kind in ("array", "unknown") and len(item.tensors) == 1 and len(item.tensors[0].shape or ()) == rank
    }
    names = [name for name in sorted(arrays) if name == asked["name"] or stem(name) == stem(asked["name"])]
    if asked["name"] not in names:
        return []
    fixes: list[Fix] = []
    for form in forms:
        changes: list[Edit] = []
        for name in names:
            known = [made for made, _ in written.assignments(source, name, place.line - 1)]
            if known:
                changes.append(edits.insert_after(source, known[-1], f"{name} = {form.format(name)}"))
        bound = [made for made, _ in written.assignments(source, asked["name"], place.line - 1)]
        if changes and bound:
            title = f"Give {' and '.join(f'`{name}`' for name in names)} another axis: `{form.format(asked['name'])}`"
            fixes += fix(title, *changes, cause=source.span(bound[-1]))
    return fixes


def _item(context: Context, failure: Failure) -> list[Fix]:
    """`model.layers[7]` of four layers: the last one, or the first where it is counted from the end."""
    listed: dict[str, Any] | None = failure.facts.get("listed")
    place = failure.frames[-1] if failure.frames else None
    source = context.source(place.path) if place is not None else None
    fixes: list[Fix] = []
    for node in source.nodes if source is not None and place is not None and listed is not None else ():
        if source is None or place is None or listed is None or not isinstance(node, ast.Subscript):
            continue
        if place.line <= node.lineno <= place.end_line and ast.unparse(node.value) == listed["name"]:
            last = listed["index"] >= 0
            title = f"Take the {'last' if last else 'first'}: `{listed['name']}[{-1 if last else 0}]`"
            changed = edits.replace(source, node.slice, "-1" if last else "0")
            fixes += fix(title, changed, cause=source.span(node)) if listed["count"] else []
    return fixes


def _states(context: Context, failure: Failure) -> list[Fix]:
    """`out, h, c = encoder(x)` of a layer that gives five tensors, or two."""
    given: dict[str, Any] | None = failure.facts.get("given")
    place = failure.frames[-1] if failure.frames else None
    source = context.source(place.path) if place is not None else None
    statement = source.statement_at(place.line) if source is not None and place is not None else None
    target = statement.targets[0] if isinstance(statement, ast.Assign) else None
    if given is None or source is None or not isinstance(target, ast.Tuple) or not isinstance(statement, ast.Assign):
        return []
    names = [source.segment(item) for item in target.elts]
    count, cause = given["count"], source.span(statement)
    if count is not None and count < len(names):
        changed = edits.replace(source, target, ", ".join(names[:count]) + ("," if count == 1 else ""))
        return fix(f"Take {count} tensors", changed, cause=cause)
    fixes: list[Fix] = []
    if count == 5 and len(names) == 3 and isinstance(statement.value, ast.Call):
        made = layer_made(source, statement.value)
        join, imports = edits.callee_like(source, made, "Concatenate")
        parts = [f"{way}_{name}" for way in ("forward", "backward") for name in names[1:]]
        lines = [f"{name} = {join}()([forward_{name}, backward_{name}])" for name in names[1:]]
        changes = [
            edits.replace(source, target, ", ".join([names[0], *parts])),
            *(edits.insert_after(source, statement, line) for line in reversed(lines)),
        ]
        fixes += fix("Take the states of both directions, and join them", *changes, *imports, cause=cause)
    return fixes + fix("Leave the others", edits.replace(source, target, ", ".join([*names, "*_"])), cause=cause)


_OF_LISTS = re.compile(r"Cannot convert '\(\(\S.*\)' to a shape\. Found invalid dimension '\(")
"""How Keras refuses to make weights by the shapes of several tensors (keras/src/backend/common/variables.py)."""


def layer_made(source: SourceText, call: ast.Call) -> ast.Call:
    """Where the layer that `call` calls is made."""
    if isinstance(call.func, ast.Call):
        return call.func
    known = [value for _, target, value in source.assignments() if source.segment(target) == source.segment(call.func)]
    return next((value for value in known if isinstance(value, ast.Call)), call)


def _one_of_them(context: Context, failure: Failure) -> list[Fix]:
    """`h = self.attention(x)`, which gives two tensors, before a layer that takes one."""
    if not re.search(r"is not a tensor|list|tuple|tensors|'shape'", failure.message):
        return []
    fixes: list[Fix] = []
    for source, call in search.calls(context, failure)[:2]:
        for item in call.args if len(call.args) == 1 else ():
            known = written.assignments(source, item.id, call.lineno - 1) if isinstance(item, ast.Name) else []
            value = known[-1][1] if known else None
            here = bool(known) and source.function(known[-1][0]) is source.function(call)
            if here and isinstance(value, ast.Call) and len(failure.inputs) == 2:
                changed = edits.wrap(source, value, "{}[0]")
                fixes += fix("Take the first of its outputs: `[0]`", changed, cause=source.span(known[-1][0]))
    return fixes[:MOST]
