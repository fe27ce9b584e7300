"""Values that go through functions of the author, and the place in these where they are made. Not a rule: rules ask."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from kls.rules import search
from kls.rules.context import Context
from kls.source import SourceText


def returned(source: SourceText, node: ast.expr) -> ast.expr:
    """What the function of the author that `node` is the only call of returns, where it has one `return`; any other
    expression itself."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        return node
    name = node.func.id
    made = [item for item in source.nodes if isinstance(item, ast.FunctionDef) and item.name == name]
    called = [item for item in source.calls() if isinstance(item.func, ast.Name) and item.func.id == name]
    if len(made) != 1 or len(called) != 1:
        return node
    given = [item.value for item in ast.walk(made[0]) if isinstance(item, ast.Return)]
    value = given[0] if len(given) == 1 else None
    return node if value is None or isinstance(value, (ast.Tuple, ast.List)) else value


def mapped(context: Context) -> Iterator[tuple[SourceText, ast.expr]]:
    """What the author's functions that datasets are mapped with return first, the last function first."""
    for source in context.sources.values():
        calls = [call for call in source.calls() if search.last_part(call.func) == "map" and call.args]
        for call in sorted(calls, key=lambda item: -item.lineno):
            function = call.args[0]
            if isinstance(function, ast.Lambda):
                values = [function.body]
            else:
                named = [item for item in source.nodes if isinstance(item, ast.FunctionDef)]
                made = [item for item in named if item.name == search.last_part(function)]
                values = [node.value for item in made for node in ast.walk(item) if isinstance(node, ast.Return)]
                values = [value for value in values if value is not None]
            if len(values) == 1:
                value = values[0]
                yield source, value.elts[0] if isinstance(value, ast.Tuple) and value.elts else value
