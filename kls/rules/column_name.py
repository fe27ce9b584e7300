"""A table is asked for a column that it does not have.

## What it says
A pandas table has no column of this name: it has one whose name differs in capitals, spaces or punctuation alone, the
program has taken the column out of the table before, or there never was one. Or columns are looked for among the rows,
for want of `axis=1`, or the places of rows among the columns, for want of `.iloc`.

## Why it matters
pandas raises `KeyError`, often long after the table was read.

## Example
```python
import pandas as pd
table = pd.DataFrame({"age": [31, 45], "has_bought": [0, 1]})
labels = table["Has Bought"]
```

## Repair
The name as the table has it; the other columns alone; what is made of the column before it is taken out; `.iloc`.
"""

from __future__ import annotations

import ast
import difflib
import re
from typing import Any

from kls import edits
from kls.facts import Edit, Finding, Fix, Related, Severity, Span
from kls.rules import search, written
from kls.rules.context import Context, Rule, finding, fix
from kls.source import SourceText
from kls.worker.protocol import Failure

RULE = Rule("column-name", Severity.ERROR, "A table is asked for a column that it does not have.")

MOST_SHOWN = 12
"""Columns of a table that a message names."""


def diagnose(context: Context, failure: Failure) -> Finding | None:
    """The finding for a `KeyError` of pandas, at the first of the names that the table does not have."""
    facts: dict[str, Any] = failure.facts.get("columns") or {}
    names: dict[str, str] = facts.get("names") or {}
    source = context.source(failure.frames[-1].path) if failure.frames else None
    if source is not None and facts.get("places"):
        return _of_places(context, source, failure)
    if not names or source is None:
        return None
    crash = failure.frames[-1]
    said = [
        node
        for node in source.nodes
        if isinstance(node, ast.Constant) and node.value in names and type(node.value) is str
    ]
    here = [node for node in said if crash.line <= node.lineno <= crash.end_line]
    span = source.span(here[0]) if here else crash
    labels: list[str] = facts.get("labels") or []
    name, has = next(iter(names.items()))
    if facts.get("rows"):
        first = f"the table has no row {name!r}; that is a column: `axis=1` is missing"
        fixes = _axis(source, crash, here)
    elif has:
        first = f"the table has no column {name!r}; it has {has!r}"
        fixes = _renamed(source, here or said, names, span if here else crash)
    else:
        shown = ", ".join(map(repr, labels[:MOST_SHOWN])) + (", …" if len(labels) > MOST_SHOWN else "")
        has_none = f"the table has no column {name!r}"
        first = f"{has_none}; it has {shown}" if labels else f"{has_none} any more"
        new = _new_name(source, _taken_out(source, crash, name), name)
        fixes = _renamed(source, here or said, new, span if here else crash) if new and len(names) == 1 else []
        close = {item: difflib.get_close_matches(item, labels, 1, 0.75) for item in names}
        spelt = {item: found[0] for item, found in close.items() if found}
        fixes += _renamed(source, here or said, spelt, span if here else crash) if len(spelt) == len(names) else []
        fixes += [*_without(source, crash, here or said), *_before(source, crash, name)]
    lines = [first, f"pandas raises: {failure.exception}: {failure.message}"]
    out = _taken_out(source, crash, name)
    related = (Related(source.span(out), f"{name!r} is taken out here"),) if out is not None and not has else ()
    return finding(RULE, context, span, "\n".join(lines), related=related, fixes=tuple(fixes))


def _of_places(context: Context, source: SourceText, failure: Failure) -> Finding:
    """`x[rows]` of a table, where `rows` are the places of rows."""
    crash = failure.frames[-1]
    node = source.at(crash, ast.Subscript)
    words = source.segment(node.value) if node is not None else ""
    loop = source.parents.get(node) if node is not None else None
    while loop is not None and not isinstance(loop, (ast.For, ast.FunctionDef, ast.Module)):
        loop = source.parents.get(loop)
    alike = [
        item
        for item in (ast.walk(loop) if loop is not None else ())
        if isinstance(item, ast.Subscript) and source.segment(item.value) == words and isinstance(item.slice, ast.Name)
    ]
    changes = [edits.replace(source, item.value, f"{words}.iloc") for item in alike]
    fixes = fix(f"Choose rows by place: `{words}.iloc[…]`", *changes, cause=crash) if changes else []
    for made, _ in written.assignments(source, words, crash.line)[-1:]:
        asked = re.search(rf"\b{re.escape(words)}\.(?:columns|iloc|loc|head|drop|values|to_numpy)\b", source.text)
        edit = None if asked else edits.wrap(source, made.value, "{}.values")
        fixes += fix("Make an array of the table", edit, cause=source.span(made)) if len(made.targets) == 1 else []
    whole = "the table takes these numbers for names of columns; rows are chosen by `.iloc[…]`"
    lines = [whole, f"pandas raises: {failure.exception}: {failure.message}"]
    return finding(RULE, context, crash, "\n".join(lines), fixes=tuple(fixes))


def _renamed(source: SourceText, nodes: list[ast.Constant], names: dict[str, str], cause: Span) -> list[Fix]:
    changes: list[Edit | None] = []
    for node in nodes:
        quote = source.segment(node)[:1]
        if quote in "'\"" and str(node.value) in names:
            changes.append(edits.replace(source, node, f"{quote}{names[str(node.value)]}{quote}"))
    titles = ", ".join(f"`{name!r}`" for name in names.values())
    return fix(f"Write {titles}", *changes, cause=cause) if changes else []


def _drop(source: SourceText, crash: Span) -> ast.Call | None:
    """The call of `drop` in the failing statement."""
    inside = [call for call in source.calls() if crash.line <= call.lineno <= crash.end_line]
    return next((call for call in inside if search.last_part(call.func) == "drop"), None)


def _axis(source: SourceText, crash: Span, here: list[ast.Constant]) -> list[Fix]:
    """`drop("id")` of a column: `axis=1`."""
    call = _drop(source, crash)
    if call is None or not here:
        return []
    if len(call.args) > 1:
        changed: Edit | None = edits.replace(source, call.args[1], "1")
    else:
        changed = edits.set_argument(source, call, "axis", None, "1")
    return fix("Set `axis=1`", changed, cause=source.span(here[0]))


def _without(source: SourceText, crash: Span, nodes: list[ast.Constant]) -> list[Fix]:
    """The other columns alone: the name out of a list, or nothing dropped where it is the only one."""
    fixes: list[Fix] = []
    for node in nodes[:4]:
        outer = source.parents.get(node)
        if isinstance(outer, (ast.List, ast.Tuple)) and len(outer.elts) > 1:
            kept = ", ".join(source.segment(item) for item in outer.elts if item is not node)
            ends = "[]" if isinstance(outer, ast.List) else "()"
            text = f"{ends[0]}{kept}{',' if ends == '()' and len(outer.elts) == 2 else ''}{ends[1]}"
            title = f"Leave out `{source.segment(node)}`"
            fixes += fix(title, edits.replace(source, outer, text), cause=source.span(node))
    call = _drop(source, crash)
    if call is None or not isinstance(call.func, ast.Attribute) or fixes:
        return fixes
    statement = source.statement(call)
    place = source.span(call)
    if isinstance(statement, ast.Expr) and statement.value is call:
        return fix("Leave this line out", edits.remove_statement(source, statement), cause=place)
    table = source.segment(call.func.value)
    if isinstance(statement, ast.Assign) and statement.value is call:
        if [source.segment(target) for target in statement.targets] == [table]:
            return fix("Leave this line out", edits.remove_statement(source, statement), cause=place)
    return fix("Drop nothing", edits.replace(source, call, table), cause=place)


def _taken_out(source: SourceText, crash: Span, name: str) -> ast.stmt | None:
    """The last statement above the failing one that drops the column `name`."""
    found: ast.stmt | None = None
    for call in source.calls():
        words = [item.value for item in ast.walk(call) if isinstance(item, ast.Constant)]
        if search.last_part(call.func) in _TAKING and name in words and call.lineno < crash.line:
            found = source.statement(call) or found
    return found


_TAKING = ("drop", "pop", "set_index", "rename", "get_dummies")
"""What takes columns out of a table, or gives them other names."""


def _new_name(source: SourceText, out: ast.stmt | None, name: str) -> dict[str, str]:
    """The name that the statement `out` gives the column: `rename(columns={"price": "cost"})`."""
    for node in ast.walk(out) if out is not None else ():
        pairs = zip(node.keys, node.values, strict=True) if isinstance(node, ast.Dict) else ()
        for key, value in pairs:
            if isinstance(key, ast.Constant) and key.value == name and isinstance(value, ast.Constant):
                return {name: value.value} if isinstance(value.value, str) else {}
    return {}


def _before(source: SourceText, crash: Span, name: str) -> list[Fix]:
    """`y = df["price"]` behind the statement that drops the column: before it."""
    statement, out = source.statement_at(crash.line), _taken_out(source, crash, name)
    alone = isinstance(statement, ast.Assign) and statement.lineno == statement.end_lineno
    if statement is None or out is None or not alone or source.function(statement) is not source.function(out):
        return []
    moved = edits.insert_before(source, out, source.segment(statement))
    title = f"Do it before `{name!r}` is taken out"
    return fix(title, moved, edits.remove_statement(source, statement), cause=source.span(statement))
