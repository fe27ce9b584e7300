"""An input whose name is taken by what is made of it: the model begins behind it. Not a rule: `suspects` asks."""

from __future__ import annotations

import ast

from kls import edits
from kls.facts import Edit, Fix
from kls.rules import search, written
from kls.rules.context import Context, fix
from kls.source import SourceText
from kls.worker.protocol import Failure


def strong(context: Context, failure: Failure) -> list[Fix]:
    """`x = Input(…)`, `x = Dense(8)(x)`, `Model(x, …)`: the input under a name of its own, in all three places."""
    if failure.call is None:
        return []
    fixes: list[Fix] = []
    for source in context.sources.values():
        for call in source.calls():
            given = edits.argument(call, "inputs", 0) if search.last_part(call.func) == "Model" else None
            items = given.elts if isinstance(given, (ast.List, ast.Tuple)) else [given]
            for item in items:
                fixes += _named(source, item) if isinstance(item, ast.Name) else []
    return fixes


def _named(source: SourceText, item: ast.Name) -> list[Fix]:
    here = source.function(item)
    known = [
        (made, value)
        for made, value in written.assignments(source, item.id, item.lineno)
        if source.function(made) is here
    ]
    if len(known) < 2 or not isinstance(known[0][0].targets[0], ast.Name):
        return []
    (first, value), (second, _) = known[:2]
    uses = [node for node in ast.walk(second.value) if isinstance(node, ast.Name) and node.id == item.id]
    if not isinstance(value, ast.Call) or search.last_part(value.func) != "Input" or not uses:
        return []
    between = [
        node
        for node in source.nodes
        if isinstance(node, ast.Name) and node.id == item.id and first.lineno < node.lineno < second.lineno
    ]
    name = f"{item.id}_input" if "input" not in item.id.lower() else f"{item.id}_0"
    places = [first.targets[0], *between, *uses, item]
    changes: list[Edit] = [edits.replace(source, place, name) for place in places]
    title = f"Keep the input under a name of its own: `{name}`"
    return fix(title, *changes, cause=source.span(second))
