"""Places in an author's text."""

from __future__ import annotations

import ast

import pytest

from kls.source import SourceText


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("x = load()", "x", "x = load()"),
        ("(x, y), (z, w) = load()", "z", "z"),
        ("x = y = load()", "y", "y"),
        ("for x, y in data:\n    pass", "y", "y"),
        ("with make() as x:\n    pass", "x", "x"),
        ("x += 1", "x", "x"),
        ("a.x, y = load()", "x", "a.x, y = load()"),
    ],
)
def test_where_a_statement_gives_a_name_its_value(text: str, name: str, expected: str) -> None:
    source = SourceText("/p/a.py", f"'é'\n{text}\n")
    assert source.tree is not None
    statement = source.tree.body[1]
    span = source.bound(statement, name)
    assert source.cut(span) == expected
    assigned = isinstance(statement, ast.Assign)
    assert source.binding(span) == (source.span(statement) if assigned else span)
