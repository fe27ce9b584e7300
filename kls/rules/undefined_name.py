"""A name that nothing gives a value.

## What it says
The program asks for a name that it binds nowhere, or only further below: it is misspelt, was renamed, was not imported,
or the cells of a notebook stand in another order than they were run in. Or a function asks for a variable of its own
that it deletes above, or binds only further below. Or the program asks an object of its own class for an attribute
that nothing gives it, or a dictionary for a key that it has in another spelling.

## Why it matters
Python raises `NameError: name … is not defined` there, or `AttributeError: … object has no attribute …`.

## Example
```python
import keras
import numpy as np
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile("adam", "mse")
history = model.fit(np.zeros((8, 4)), np.zeros((8, 1)))
print(hist.history["loss"])
```

## Repair
The name as it is bound; the import that is missing; the number that a call has for the same word; the binding before
the place that asks for it; an `__init__` that keeps what it is given.
"""

from __future__ import annotations

import ast
import difflib
import re
from typing import Any

from kls import edits
from kls.facts import Edit, Finding, Fix, Related, Severity, Span
from kls.rules import missing_imports, removed_name
from kls.rules.context import Context, Rule, finding, fix
from kls.source import SourceText
from kls.worker.protocol import Failure

RULE = Rule("undefined-name", Severity.ERROR, "A name that nothing gives a value.")

MOST = 4
"""Names that are tried."""
_PYTHON_2 = {"xrange": "range", "raw_input": "input", "unicode": "str", "unichr": "chr", "long": "int"}
"""What Python 2 called otherwise."""


def diagnose(context: Context, failure: Failure) -> Finding | None:
    """The finding for a `NameError` that no value decides."""
    facts: dict[str, Any] = failure.facts.get("undefined") or {}
    keyed: dict[str, Any] = failure.facts.get("keyed") or {}
    place = failure.frames[-1] if failure.frames else None
    source = context.source(place.path) if place is not None else None
    if keyed and place is not None and source is not None:
        return _key(context, source, place, keyed)
    if not facts or place is None or source is None:
        return None
    name, later = str(facts["name"]), int(facts["later"])
    if facts.get("of"):
        return _attribute(context, source, place, name, str(facts["of"]))
    if facts.get("inside"):
        return _local(context, source, place, failure, facts)
    uses = [node for node in source.nodes if isinstance(node, ast.Name) and node.id == name]
    here = [node for node in uses if place.line <= node.lineno <= place.end_line]
    span = source.span(here[0]) if here else place
    first = f"`{name}` is not defined" + (" yet: it is bound below" if later else "")
    asked = [node for node in uses if isinstance(node.ctx, ast.Load)]
    fixes = [*_moved(source, context, here, later)] if later else [*missing_imports.of(source, name, asked, span)]
    fixes += _renamed(source, name, here if later else asked, span)
    fixes += [] if later else _constants(source, name, asked, span)
    related = tuple(
        Related(source.span(node), f"`{name}` is bound here")
        for node in uses
        if later and node.lineno == later and isinstance(node.ctx, ast.Store)
    )
    lines = [first, f"It raises: NameError: name '{name}' is not defined"]
    return finding(RULE, context, span, "\n".join(lines), related=related[:1], fixes=tuple(fixes))


def _local(context: Context, source: SourceText, place: Span, failure: Failure, facts: dict[str, Any]) -> Finding:
    """The finding for a local variable without a value: `count += 1` of a name of the module, a `del` above."""
    name, inside, deleted = str(facts["name"]), str(facts["inside"]), int(facts["deleted"])
    uses = [node for node in source.nodes if isinstance(node, ast.Name) and node.id == name]
    here = [node for node in uses if place.line <= node.lineno <= place.end_line and isinstance(node.ctx, ast.Load)]
    here = here or [node for node in uses if place.line <= node.lineno <= place.end_line]
    span = source.span(here[0]) if here else place
    function = source.function(here[0]) if here else None
    outside = [node for node in uses if isinstance(node.ctx, ast.Store) and source.function(node) is not function]
    fixes: list[Fix] = []
    first = f"`{name}` has no value here: `{inside}` binds it, and only behind this, which makes it a name of its own"
    if deleted:
        first = f"`{name}` is asked for after it was deleted"
        statement = source.statement_at(deleted)
        if isinstance(statement, ast.Delete) and len(statement.targets) == 1:
            fixes += fix("Keep it: no `del`", edits.remove_statement(source, statement), cause=source.span(statement))
        elif isinstance(statement, ast.Delete):
            kept = [source.segment(item) for item in statement.targets if source.segment(item) != name]
            changed = edits.replace(source, statement, f"del {', '.join(kept)}")
            fixes += fix(f"Keep it: no `del` of `{name}`", changed, cause=source.span(statement))
    elif outside and isinstance(function, ast.FunctionDef):
        word = "global" if any(source.function(node) is None for node in outside) else "nonlocal"
        text = f"{word} {name}"
        fixes += fix(f"Say whose it is: `{text}`", edits.insert_before(source, function.body[0], text), cause=span)
    lines = [first, f"It raises: {failure.exception}: {failure.message}"]
    return finding(RULE, context, span, "\n".join(lines), fixes=tuple(fixes))


def _key(context: Context, source: SourceText, place: Span, keyed: dict[str, Any]) -> Finding:
    """The finding for a key that a dictionary does not have, and has nearly so."""
    key, name = str(keyed["key"]), str(keyed["name"])
    asked = [
        node.slice
        for node in source.nodes
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and node.slice.value == key
    ]
    here = [node for node in asked if place.line <= node.lineno <= place.end_line]
    span = source.span(here[0]) if here else place
    fixes: list[Fix] = []
    for other in keyed["close"]:
        changes = [edits.replace(source, node, _quoted(source, node, other)) for node in asked]
        fixes += fix(f'Ask for "{other}"', *changes, cause=span) if changes else []
        for text in context.sources.values():
            given = [
                item
                for node in text.nodes
                if isinstance(node, ast.Dict)
                for item in node.keys
                if isinstance(item, ast.Constant) and item.value == other
            ]
            if len(given) == 1:
                edit = edits.replace(text, given[0], _quoted(text, given[0], key))
                fixes += fix(f'Name it "{key}"', edit, cause=text.span(given[0]))
    close = " and ".join(f'"{other}"' for other in keyed["close"])
    lines = [f'`{name}` has no "{key}"; it has {close}', f"It raises: KeyError: {key!r}"]
    return finding(RULE, context, span, "\n".join(lines), fixes=tuple(fixes))


def _quoted(source: SourceText, node: ast.expr, text: str) -> str:
    quote = source.segment(node)[-1:]
    return f"{quote}{text}{quote}"


def _attribute(context: Context, source: SourceText, place: Span, name: str, kind: str) -> Finding:
    """The finding for an attribute that nothing gives the objects of a class."""
    asked = [node for node in source.nodes if isinstance(node, ast.Attribute) and node.attr == name]
    here = [node for node in asked if place.line <= (node.end_lineno or 0) <= place.end_line]
    owner = source.segment(here[0].value) if here else "self"
    span = source.span(here[0]) if here else place
    owned = [node for node in asked if source.segment(node.value) == owner]
    fixes: list[Fix] = []
    for text, defined in ((item, node) for item in context.sources.values() for node in item.nodes):
        if not isinstance(defined, ast.ClassDef) or defined.name != kind:
            continue
        fixes += _stored(text, defined, name, span)
        known = dict.fromkeys(node.name for node in defined.body if isinstance(node, ast.FunctionDef))
        known |= dict.fromkeys(
            node.attr
            for node in ast.walk(defined)
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
        )
        for other in _alike(name, list(known)):
            changes = [_end_of(source, node, other) for node in owned]
            fixes += fix(f"Write `{owner}.{other}`", *changes, cause=span) if changes else []
    fixes += removed_name.unused(source, span, name)
    lines = [
        f"nothing gives `{kind}` its `{name}`",
        f"It raises: AttributeError: {kind!r} object has no attribute {name!r}",
    ]
    return finding(RULE, context, span, "\n".join(lines), fixes=tuple(fixes))


def _end_of(source: SourceText, node: ast.Attribute, name: str) -> Edit:
    """Another name behind the dot."""
    span = source.span(node)
    return Edit(Span(span.path, span.end_line, span.end_column - len(node.attr), span.end_line, span.end_column), name)


def _stored(source: SourceText, kind: ast.ClassDef, name: str, cause: Span) -> list[Fix]:
    """`self.units = units` in an `__init__` that takes `units`."""
    for made in kind.body:
        if not isinstance(made, ast.FunctionDef) or made.name != "__init__":
            continue
        if name not in (item.arg for item in [*made.args.args, *made.args.kwonlyargs]):
            continue
        base = next((item for item in made.body if "super(" in source.segment(item)), None)
        line = f"self.{name} = {name}"
        edit = (
            edits.insert_after(source, base, line)
            if base is not None
            else edits.insert_before(source, made.body[0], line)
        )
        where = source.span(base or made.body[0])
        return fix(f"Keep it: `{line}`", edit, cause=where)
    return []


def _renamed(source: SourceText, name: str, uses: list[ast.Name], cause: Span) -> list[Fix]:
    """A name that the program binds and that is much like it."""
    if name in _PYTHON_2:
        changes = [edits.replace(source, node, _PYTHON_2[name]) for node in uses]
        return fix(f"Write `{_PYTHON_2[name]}`", *changes, cause=cause) if changes else []
    fixes: list[Fix] = []
    for other in _alike(name, _known(source, uses)):
        changes = [edits.replace(source, node, other) for node in uses]
        fixes += fix(f"Write `{other}`", *changes, cause=cause) if changes else []
    return fixes


def _known(source: SourceText, uses: list[ast.Name]) -> list[str]:
    """The names that can be said where `uses` stand: of the module above the first of them, and of their function."""
    first = min((node.lineno for node in uses), default=0)
    scopes = [source.function(node) for node in uses]
    inside = scopes[0] if scopes and all(scope is scopes[0] for scope in scopes) else None
    found: dict[str, None] = {}
    for node in source.nodes:
        scope = source.function(node)
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.arg) and scope is inside is not None:
            found[node.arg] = None
        elif scope is None and inside is None and line >= first:
            continue
        elif scope is not None and scope is not inside:
            continue
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found[node.id] = None
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)) and isinstance(source.parents.get(node), ast.Module):
            found[node.name] = None
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found.update(dict.fromkeys((alias.asname or alias.name).split(".")[0] for alias in node.names))
    return list(found)


def _alike(name: str, known: list[str]) -> list[str]:
    """Those of `known` that `name` may stand for, likeliest first: but for capitals and underscores the same, of the
    same words, or spelt much like it."""

    def words(text: str) -> list[str]:
        return [part.lower() for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", text)]

    def score(other: str) -> float:
        one, two = words(name), words(other)
        ratio = difflib.SequenceMatcher(None, name.lower(), other.lower()).ratio()
        if "".join(one) == "".join(two):
            return 3.0 + ratio
        if sorted(one) == sorted(two):
            return 2.5 + ratio
        pairs = [max((difflib.SequenceMatcher(None, a, b).ratio() for b in two), default=0.0) for a in one]
        begun = all(any(a.startswith(b) or b.startswith(a) for b in two) for a in one) and len(one) == len(two)
        shared = len(set(one) & set(two)) / max(len(set(one) | set(two)), 1)
        return max(ratio, 1.0 * begun, sum(pairs) / max(len(one), 1) * 0.6 + 0.4 * shared)

    scored = sorted(((score(other), other) for other in known if other != name), key=lambda item: -item[0])
    return [other for value, other in scored if value >= 0.6][:MOST]


def _constants(source: SourceText, name: str, uses: list[ast.Name], cause: Span) -> list[Fix]:
    """`range(epochs)` where `fit(…, epochs=10)` says how many there are."""
    values: dict[str, None] = {}
    for call in source.calls():
        for item in call.keywords:
            plain = isinstance(item.value, ast.Constant) and type(item.value.value) in (int, float, str)
            if item.arg is not None and item.arg.lower() == name.lower() and plain:
                values[source.segment(item.value)] = None
    fixes: list[Fix] = []
    for text in list(values)[:2]:
        changes = [edits.replace(source, node, text) for node in uses]
        fixes += fix(f"Write `{text}`, as the call with `{name.lower()}=` has it", *changes, cause=cause)
    return fixes


def _moved(source: SourceText, context: Context, here: list[ast.Name], later: int) -> list[Fix]:
    """The binding before the statement that asks for it, or that statement behind the binding."""
    asking = _top(source, here[0]) if here else None
    bound = source.statement_at(later)
    binding = _top(source, bound) if bound is not None else None
    if asking is None or binding is None or asking is binding:
        return []
    cause = source.span(here[0])
    fixes: list[Fix] = []
    for first, title in ((True, "Bind it before it is asked for"), (False, "Ask for it behind its binding")):
        moved, goal = (binding, asking) if first else (asking, binding)
        lines = source.lines[moved.lineno - 1 : moved.end_lineno]
        text = source.newline.join(lines)
        if first:
            put = Edit(Span(source.path, goal.lineno, 0, goal.lineno, 0), text + source.newline)
        else:
            put = edits.insert_after(source, goal, text)
        fixes += fix(title, put, edits.remove_statement(source, moved), cause=cause)
    return fixes


def _top(source: SourceText, node: ast.AST) -> ast.stmt | None:
    """The statement of the module that holds `node`."""
    walk: ast.AST | None = node
    while walk is not None and not isinstance(source.parents.get(walk), ast.Module):
        walk = source.parents.get(walk)
    return walk if isinstance(walk, ast.stmt) else None
