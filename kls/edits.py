"""Repair operators: small edits of the author's text that keep its style. Each answers None where it does not fit.

They know Python's syntax and Keras's habits (a layer in a list, in `.add(…)`, applied to a tensor), but nothing of
faults: which operator to try is a rule's business (`kls.rules`), whether it helps is found by running (`kls.repairs`).
"""

from __future__ import annotations

import ast
import re

from kls.facts import Edit, Span
from kls.source import SourceText


def replace(source: SourceText, node: ast.expr | ast.stmt, text: str) -> Edit:
    """Put `text` in place of `node`."""
    return Edit(source.span(node), text)


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    """The value given for keyword `name`."""
    return next((item.value for item in call.keywords if item.arg == name), None)


def argument(call: ast.Call, name: str, position: int | None) -> ast.expr | None:
    """The value given for a parameter, by keyword or by position."""
    value = keyword(call, name)
    if value is None and position is not None and position < len(call.args):
        candidate = call.args[position]
        return None if isinstance(candidate, ast.Starred) else candidate
    return value


def set_argument(source: SourceText, call: ast.Call, name: str, position: int | None, text: str) -> Edit:
    """Give parameter `name` of `call` the value `text`, in the place where it is given now or as a new keyword."""
    value = argument(call, name, position)
    if value is not None:
        return replace(source, value, text)
    return add_argument(source, call, f"{name}={text}")


def add_argument(source: SourceText, call: ast.Call, text: str) -> Edit:
    """Append an argument to `call`."""
    given = [*call.args, *[item.value for item in call.keywords]]
    span = source.span(call)
    if not given:
        place = Span(span.path, span.end_line, span.end_column - 1, span.end_line, span.end_column - 1)
        return Edit(place, text)
    last = max((source.span(item) for item in given), key=lambda item: (item.end_line, item.end_column))
    place = Span(span.path, last.end_line, last.end_column, last.end_line, last.end_column)
    return Edit(place, f", {text}")


def insert_after_item(source: SourceText, node: ast.expr, text: str) -> Edit:
    """Put `, text` behind an item of a list of arguments or names."""
    span = source.span(node)
    return Edit(Span(span.path, span.end_line, span.end_column, span.end_line, span.end_column), f", {text}")


def remove_argument(source: SourceText, call: ast.Call, name: str) -> Edit | None:
    """Take keyword `name` out of `call`, with its lines and what is written behind it there if it has them for itself;
    the comments of other arguments stay."""
    item = next((item for item in call.keywords if item.arg == name), None)
    if item is None:
        return None
    span = source.span(item)
    before, after = source.lines[span.line - 1][: span.column], source.lines[span.end_line - 1][span.end_column :]
    if not before.strip() and re.fullmatch(r"\s*,\s*(?:#.*)?", after) and span.end_line < len(source.lines):
        return Edit(Span(span.path, span.line, 0, span.end_line + 1, 0), "")
    others = [source.span(node) for node in [*call.args, *[k for k in call.keywords if k is not item]]]
    earlier = [other for other in others if (other.end_line, other.end_column) <= (span.line, span.column)]
    if earlier:
        last = max(earlier, key=lambda other: (other.end_line, other.end_column))
        commented = any("#" in line for line in source.lines[last.end_line - 1 : span.line - 1])
        start = (span.line, span.column) if commented else (last.end_line, last.end_column)
        return Edit(Span(span.path, *start, span.end_line, span.end_column), "")
    later = [other for other in others if (other.line, other.column) >= (span.end_line, span.end_column)]
    if later:
        first = min(later, key=lambda other: (other.line, other.column))
        return Edit(Span(span.path, span.line, span.column, first.line, first.column), "")
    return Edit(span, "")


def insert_before(source: SourceText, statement: ast.stmt, text: str) -> Edit:
    """A line `text` before `statement`, as deep as it."""
    span = source.span(statement)
    indent = source.indentation(span.line)
    return Edit(Span(span.path, span.line, 0, span.line, 0), f"{indent}{text}{source.newline}")


def insert_after(source: SourceText, statement: ast.stmt, text: str) -> Edit:
    """A line `text` after `statement`, as deep as it."""
    span = source.span(statement)
    indent = source.indentation(span.line)
    rest = source.lines[span.end_line - 1][span.end_column :]
    end = span.end_column if rest.strip().startswith(";") else len(source.lines[span.end_line - 1])
    return Edit(Span(span.path, span.end_line, end, span.end_line, end), f"{source.newline}{indent}{text}")


def add_import(source: SourceText, line: str) -> list[Edit]:
    """Put an import before the first one of the file; empty where it has none."""
    for node in source.tree.body if source.tree is not None else ():
        if isinstance(node, (ast.Import, ast.ImportFrom)) and getattr(node, "module", "") != "__future__":
            return [insert_before(source, node, line)]
    return []


def remove_statement(source: SourceText, statement: ast.stmt) -> Edit:
    """Take a whole statement out, with its line."""
    span = source.span(statement)
    if span.end_line < len(source.lines):
        return Edit(Span(span.path, span.line, 0, span.end_line + 1, 0), "")
    return Edit(Span(span.path, span.line, 0, span.end_line, span.end_column), "")


def parenthesised(source: SourceText, node: ast.expr) -> str:
    """The text of `node`, fit to have `.method()` or `[…]` put behind it."""
    text = source.segment(node)
    if isinstance(node, (ast.Name, ast.Attribute, ast.Call, ast.Subscript, ast.Tuple, ast.List, ast.Dict)):
        return text if not isinstance(node, ast.Tuple) or text.startswith("(") else f"({text})"
    return f"({text})"


def wrap(source: SourceText, node: ast.expr, form: str) -> Edit:
    """Put `node` into `form`, where `{}` stands for it."""
    return replace(
        source, node, form.format(parenthesised(source, node) if form.startswith("{}") else source.segment(node))
    )


def tuple_of(source: SourceText, node: ast.expr, others: list[str]) -> Edit:
    """Make `node` the first item of a tuple, in the parentheses that it has or in new ones."""
    span = source.span(node)
    text = ", ".join([source.segment(node), *others])
    before, after = source.lines[span.line - 1][: span.column], source.lines[span.end_line - 1][span.end_column :]
    alone = before.rstrip().endswith(": (") and after.startswith(")")
    return replace(source, node, text if alone else f"({text})")


def callee_like(source: SourceText, call: ast.Call, name: str) -> tuple[str, list[Edit]]:
    """How the author would write layer class `name`, given how `call` names its class, and the import it needs.

    `layers.Dense(…)` gives `layers.Flatten`; a bare `Dense` gives `Flatten`, imported where `Dense` was.
    """
    function = call.func
    if isinstance(function, ast.Attribute):
        return f"{source.segment(function.value)}.{name}", []
    if isinstance(function, ast.Name):
        return imported_beside(source, function.id, name)
    return name, []


def imported_beside(source: SourceText, known: str, name: str) -> tuple[str, list[Edit]]:
    """The bare name `name`, with the edit that imports it in the statement that imports `known`, if it is needed."""
    tree = source.tree
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.ImportFrom) and any((alias.asname or alias.name) == name for alias in node.names):
            return name, []
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name) == known:
                    line = alias.end_lineno or alias.lineno
                    column = source.span(ast.copy_location(ast.Name(known), alias)).end_column
                    return name, [Edit(Span(source.path, line, column, line, column), f", {name}")]
                if alias.name == "*":
                    return name, []
    return name, []


def layer_host(source: SourceText, call: ast.Call) -> tuple[str, ast.AST] | None:
    """How a layer expression is used: ("list", the list), ("add", the `.add` call) or ("applied", the outer call)."""
    parent = source.parents.get(call)
    if isinstance(parent, (ast.List, ast.Tuple)):
        return "list", parent
    if isinstance(parent, ast.Call) and parent.func is call:
        return "applied", parent
    if isinstance(parent, ast.Call) and isinstance(parent.func, ast.Attribute) and parent.func.attr == "add":
        return "add", parent
    return None


def insert_layer(source: SourceText, call: ast.Call, layer: str, after: bool = False) -> Edit | None:
    """Put the layer expression `layer` before (or after) the layer that `call` makes, in the author's own form."""
    host = layer_host(source, call)
    if host is None:
        return None
    form, node = host
    span = source.span(call)
    if form == "list":
        return _insert_in_list(source, span, layer, after)
    if form == "add":
        assert isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        statement = source.statement(node)
        if statement is None:
            return None
        text = f"{source.segment(node.func.value)}.add({layer})"
        return insert_after(source, statement, text) if after else insert_before(source, statement, text)
    assert isinstance(node, ast.Call)
    if after:
        outer = source.span(node)
        return Edit(outer, f"{layer}({source.segment(node)})")
    if len(node.args) != 1 or isinstance(node.args[0], (ast.List, ast.Tuple, ast.Starred)):
        return None
    given = node.args[0]
    statement = source.statement(node)
    own_line = isinstance(statement, ast.Assign) and statement.value is node and isinstance(given, ast.Name)
    if own_line and isinstance(given, ast.Name) and statement is not None:
        return insert_before(source, statement, f"{given.id} = {layer}({given.id})")
    return replace(source, given, f"{layer}({source.segment(given)})")


def _insert_in_list(source: SourceText, span: Span, layer: str, after: bool) -> Edit:
    line = source.lines[span.line - 1]
    starts_line = not line[: span.column].strip()
    indent = source.indentation(span.line)
    if not after:
        place = Span(span.path, span.line, span.column, span.line, span.column)
        return Edit(place, f"{layer},{source.newline}{indent}" if starts_line else f"{layer}, ")
    place = Span(span.path, span.end_line, span.end_column, span.end_line, span.end_column)
    return Edit(place, f",{source.newline}{indent}{layer}" if starts_line else f", {layer}")


def remove_layer(source: SourceText, call: ast.Call) -> Edit | None:
    """Take the layer that `call` makes out of its list, its `.add` line or its chain."""
    host = layer_host(source, call)
    if host is None:
        return None
    form, node = host
    if form == "add":
        statement = source.statement(node)
        return None if statement is None else remove_statement(source, statement)
    if form == "applied":
        assert isinstance(node, ast.Call)
        if len(node.args) != 1:
            return None
        return replace(source, node, source.segment(node.args[0]))
    assert isinstance(node, (ast.List, ast.Tuple))
    index = node.elts.index(call)
    span = source.span(call)
    if index + 1 < len(node.elts):
        following = source.span(node.elts[index + 1])
        return Edit(Span(span.path, span.line, span.column, following.line, following.column), "")
    if index > 0:
        before = source.span(node.elts[index - 1])
        return Edit(Span(span.path, before.end_line, before.end_column, span.end_line, span.end_column), "")
    return Edit(span, "")


def tuple_text(values: tuple[object, ...]) -> str:
    """A shape as Python writes it: `(784,)`, `(28, 28, 1)`."""
    inner = ", ".join(str(value) for value in values)
    return f"({inner},)" if len(values) == 1 else f"({inner})"
