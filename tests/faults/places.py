"""What the injectors look at in a program, and the changes they make there."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from kls.facts import Span
from kls.source import SourceText

Change = tuple[Span, str, bool]
"""What is replaced, by what, and whether something is missing afterwards (its neighbours then count as the place)."""


def calls(source: SourceText, *names: str) -> Iterator[ast.Call]:
    for node in ast.walk(source.tree) if source.tree is not None else ():
        if isinstance(node, ast.Call) and (not names or called(node.func) in names):
            yield node


def called(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def keyword(call: ast.Call, *names: str) -> Iterator[ast.expr]:
    return (item.value for item in call.keywords if item.arg in names)


def numbers(node: ast.AST) -> Iterator[tuple[ast.Constant, int]]:
    for item in ast.walk(node):
        if isinstance(item, ast.Constant) and type(item.value) is int:
            yield item, item.value


def is_layer(node: ast.AST, *names: str) -> bool:
    return isinstance(node, ast.Call) and called(node.func) in names


def without_item(source: SourceText, items: list[ast.expr], index: int) -> Change:
    """An item of a list, with its comma."""
    span = source.span(items[index])
    if index + 1 < len(items):
        after = source.span(items[index + 1])
        return Span(span.path, span.line, span.column, after.line, after.column), "", True
    before = source.span(items[index - 1])
    return Span(span.path, before.end_line, before.end_column, span.end_line, span.end_column), "", True


def without(source: SourceText, wanted: Callable[[ast.AST], bool]) -> Iterator[Change]:
    """A layer taken out of a list, of `model.add(…)`, or of a chain of calls."""
    for node in calls(source):
        parent = source.parents.get(node)
        if not wanted(node):
            continue
        if isinstance(parent, (ast.List, ast.Tuple)) and len(parent.elts) > 1:
            yield without_item(source, parent.elts, parent.elts.index(node))
        elif isinstance(parent, ast.Call) and called(parent.func) == "add" and parent.args == [node]:
            statement = source.parents.get(parent)
            if isinstance(statement, ast.Expr):
                yield source.span(statement), "pass", True
        elif isinstance(parent, ast.Call) and parent.func is node and len(parent.args) == 1:
            yield source.span(parent), source.segment(parent.args[0]), False
