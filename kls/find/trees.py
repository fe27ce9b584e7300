"""parso's trees of a document: one for each top-level statement, so that an edit costs only what it touched."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, cast

import parso

from kls.documents import Snapshot

_UNFINISHED = re.compile(r"[a-zA-Z]{0,2}(?:\"\"\"|''')")

Trees = dict[tuple[str, int], Any]
"""Trees by text and by how many times that text stood before in the document."""


def parse(text: str) -> Any:
    """parso's tree of a text, which may have syntax errors.

    None where an unfinished triple quote makes program and text indistinguishable, or where parso itself fails.
    """
    try:
        tree: Any = cast("Any", parso).parse(text)
    except Exception:  # parso has no error of its own for a text that it cannot recover from
        return None
    if '"""' not in text and "'''" not in text:
        return tree
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        unfinished = node.type == "error_leaf" or (node.type == "fstring_start" and node.parent.type != "fstring")
        if unfinished and _UNFINISHED.match(node.value):
            return None
        waiting.extend(getattr(node, "children", ()))
    return tree


def pieces(snapshot: Snapshot, known: Mapping[tuple[str, int], Any]) -> tuple[Trees, dict[int, int]]:
    """The trees of a document in order, those of `known` used again, and how many lines stand before each tree (by
    its `id`). A text with syntax errors is one piece; none where `parse` gives none."""
    trees: Trees = {}
    before: dict[int, int] = {}
    seen: Counter[str] = Counter()
    for start, text in _statements(snapshot) if snapshot.tree is not None else [(0, snapshot.text)]:
        key = (text, seen[text])
        seen[text] += 1
        tree = known.get(key) or parse(text)
        if tree is not None:
            trees[key] = tree
            before[id(tree)] = start
    return trees, before


def _statements(snapshot: Snapshot) -> Iterator[tuple[int, str]]:
    """(lines before it, text) of each top-level statement; statements that share a line are one."""
    body: list[ast.stmt] = snapshot.tree.body if snapshot.tree is not None else []
    ranges: list[tuple[int, int]] = []
    for statement in body:
        decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
        first = min([statement.lineno, *(decorator.lineno for decorator in decorators)])
        last = statement.end_lineno or statement.lineno
        if ranges and first <= ranges[-1][1]:
            ranges[-1] = (ranges[-1][0], max(last, ranges[-1][1]))
        else:
            ranges.append((first, last))
    for first, last in ranges:
        yield first - 1, "\n".join(snapshot.lines[first - 1 : last]) + "\n"
