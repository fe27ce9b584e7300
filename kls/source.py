"""The author's text as a syntax tree, with spans: find the expression at a place, and what encloses it.

Columns of `ast` count UTF-8 bytes; everything here speaks of characters, as `Span` does.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from kls.facts import Span
from kls.worker import comments
from kls.worker.comments import UNPARSED, Comment

Node = TypeVar("Node", bound=ast.AST)


@dataclass(frozen=True)
class SourceText:
    """One file of the author's program, parsed on demand. `tree` is None when it does not parse."""

    path: str
    text: str

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The lines without their ends."""
        return tuple(self.text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))

    @cached_property
    def tree(self) -> ast.Module | None:
        """The module, None when it does not parse."""
        try:
            return ast.parse(self.text)
        except UNPARSED:
            return None

    @cached_property
    def comments(self) -> tuple[Comment, ...]:
        """The `# kls:` comments, in the order of the text."""
        return comments.read(self.text)

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Every node of the module, outer ones first; none when it does not parse."""
        return tuple(ast.walk(self.tree)) if self.tree is not None else ()

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """The enclosing node of each node."""
        return {child: node for node in self.nodes for child in ast.iter_child_nodes(node)}

    @cached_property
    def _by_span(self) -> dict[Span, list[ast.AST]]:
        found: dict[Span, list[ast.AST]] = {}
        for node in self.nodes:
            if isinstance(node, (ast.expr, ast.stmt, ast.keyword)):
                found.setdefault(self.span(node), []).append(node)
        return found

    def span(self, node: ast.expr | ast.stmt | ast.keyword) -> Span:
        """Where `node` stands."""
        end_line = node.end_lineno or node.lineno
        return Span(
            self.path,
            node.lineno,
            self._characters(node.lineno, node.col_offset),
            end_line,
            self._characters(end_line, node.end_col_offset or 0),
        )

    def at(self, span: Span | None, kind: type[Node]) -> Node | None:
        """The node of `kind` that covers exactly `span`."""
        for node in self._by_span.get(span, ()) if span is not None else ():
            if isinstance(node, kind):
                return node
        return None

    def segment(self, node: ast.expr | ast.stmt | ast.keyword) -> str:
        """The author's words for `node`."""
        return self.cut(self.span(node))

    def cut(self, span: Span) -> str:
        """The author's text of `span`."""
        lines = self.lines[span.line - 1 : span.end_line]
        if not lines:
            return ""
        if len(lines) == 1:
            return lines[0][span.column : span.end_column]
        return "\n".join([lines[0][span.column :], *lines[1:-1], lines[-1][: span.end_column]])

    def statement(self, node: ast.AST) -> ast.stmt | None:
        """The innermost statement that holds `node`."""
        walk: ast.AST | None = node
        while walk is not None and not isinstance(walk, ast.stmt):
            walk = self.parents.get(walk)
        return walk

    def bound(self, statement: ast.stmt, name: str) -> Span:
        """Where `statement` gives `name` its value: that name alone where the statement binds others too or is more
        than an assignment, else the whole of it."""
        if isinstance(statement, ast.Assign) and [type(target) for target in statement.targets] == [ast.Name]:
            return self.span(statement)
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store):
                return self.span(node)
        return self.span(statement)

    def binding(self, span: Span) -> Span:
        """The whole assignment where `span` is a name that it binds, else `span` itself."""
        node = self.at(span, ast.Name)
        statement = self.statement(node) if node is not None and isinstance(node.ctx, ast.Store) else None
        return self.span(statement) if isinstance(statement, (ast.Assign, ast.AnnAssign)) else span

    def function(self, node: ast.AST) -> ast.AST | None:
        """The innermost function that holds `node`, None where it stands in the module itself."""
        walk = self.parents.get(node)
        while walk is not None and not isinstance(walk, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            walk = self.parents.get(walk)
        return walk

    def statement_at(self, line: int) -> ast.stmt | None:
        """The innermost statement that covers `line`."""
        best: ast.stmt | None = None
        for node in self.nodes:
            if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or node.lineno):
                if best is None or node.lineno > best.lineno or node.col_offset > best.col_offset:
                    best = node
        return best

    @cached_property
    def _calls(self) -> tuple[ast.Call, ...]:
        return tuple(node for node in self.nodes if isinstance(node, ast.Call))

    def calls(self) -> Iterator[ast.Call]:
        """Every call of the file."""
        yield from self._calls

    def assignments(self) -> Iterator[tuple[ast.Assign, ast.expr, ast.expr]]:
        """Each assignment with a target and its value; `a, b = f(), g()` counts twice."""
        for node in self.nodes:
            if isinstance(node, ast.Assign):
                target, value = node.targets[0], node.value
                if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                    for name, made in zip(target.elts, value.elts, strict=False):
                        yield node, name, made
                else:
                    yield node, target, value

    def indentation(self, line: int) -> str:
        """The white space that `line` (from 1) begins with."""
        text = self.lines[line - 1]
        return text[: len(text) - len(text.lstrip())]

    @cached_property
    def newline(self) -> str:
        """The line end that the file uses."""
        return "\r\n" if "\r\n" in self.text else "\n"

    def _characters(self, line: int, column: int) -> int:
        text = self.lines[line - 1] if 1 <= line <= len(self.lines) else ""
        if text.isascii():
            return column
        return len(text.encode("utf-8", "surrogatepass")[:column].decode("utf-8", "ignore"))


def apply(text: str, edits: list[tuple[Span, str]]) -> str:
    """`text` with every span replaced; spans must not overlap."""
    source = SourceText("", text)
    ends = _line_offsets(text)

    def offset(line: int, column: int) -> int:
        return ends[line - 1] + min(column, len(source.lines[line - 1])) if line <= len(ends) else len(text)

    placed = sorted(
        ((offset(s.line, s.column), offset(s.end_line, s.end_column), new) for s, new in edits), reverse=True
    )
    for start, end, new in placed:
        text = text[:start] + new + text[end:]
    return text


def _line_offsets(text: str) -> list[int]:
    offsets, index = [0], 0
    while index < len(text):
        if text[index] == "\r" and text[index + 1 : index + 2] == "\n":
            index += 1
        if text[index] in "\r\n":
            offsets.append(index + 1)
        index += 1
    return offsets
