"""Models and optimizers that belong to different `tf.distribute` strategies. Not a rule: `compile_call` asks."""

from __future__ import annotations

import ast

from kls import edits
from kls.facts import Fix, Span
from kls.rules import search, written
from kls.rules.context import Context, fix
from kls.source import SourceText
from kls.worker.protocol import Warned


def told(context: Context, warned: Warned) -> tuple[str, Span, list[Fix]] | None:
    """What to say of a model that is trained while its optimizer was made in another scope, where, and the repairs."""
    model = context.models.get(warned.layer) if warned.layer is not None else None
    compiled = written.compile_call(context, model)
    if warned.category != "OtherScope":
        return None
    words = {
        "optimizer": "the optimizer was not made in the scope of the strategy that trains the model",
        "model": "the model was not made in the scope of the strategy that its optimizer was made in",
    }[warned.message]
    fixes = _into_scope(*compiled) if compiled is not None else []
    return words, fixes[0].cause or warned.span if fixes else warned.span, fixes


def _into_scope(source: SourceText, node: ast.Call) -> list[Fix]:
    """What was made outside of the scope, moved into it."""
    statements = [source.statement(node)]
    for name in (edits.argument(node, "optimizer", 0), getattr(node.func, "value", None)):
        known = written.assignments(source, name.id, node.lineno) if isinstance(name, ast.Name) else []
        statements += [made for made, _ in known[-1:]]
    outside = [item for item in statements if item is not None and _scope(source, item) is None]
    scopes = [item for item in source.nodes if isinstance(item, ast.With) and _is_scope(item)]
    fixes: list[Fix] = []
    for statement in outside:
        before = [item for item in scopes if item.lineno < statement.lineno]
        after = [item for item in scopes if item.lineno > statement.lineno]
        if statement is statements[0]:
            fixes += _moved(source, statement, before[-1].body[-1], True) if before else []
        elif after:
            fixes += _moved(source, statement, after[0].body[0], False)
    every = [edit for item in fixes for edit in item.edits]
    if len(fixes) > 1 and len(set(map(str, every))) == len(every):
        fixes += fix("Move them all into the scope of the strategy", *every, cause=fixes[0].cause)
    return fixes


def _is_scope(node: ast.With) -> bool:
    return any(
        isinstance(item.context_expr, ast.Call) and search.last_part(item.context_expr.func) == "scope"
        for item in node.items
    )


def _scope(source: SourceText, node: ast.AST) -> ast.With | None:
    """The scope of a strategy that holds a statement, None where none does."""
    walk = source.parents.get(node)
    while walk is not None and not (isinstance(walk, ast.With) and _is_scope(walk)):
        walk = source.parents.get(walk)
    return walk


def _moved(source: SourceText, statement: ast.stmt, place: ast.stmt, behind: bool) -> list[Fix]:
    span = source.span(statement)
    own, wanted = source.indentation(span.line), source.indentation(source.span(place).line)
    lines = source.segment(statement).split("\n")
    text = source.newline.join(
        [lines[0], *(wanted + line[len(own) :] if line.startswith(own) else line for line in lines[1:])]
    )
    put = edits.insert_after(source, place, text) if behind else edits.insert_before(source, place, text)
    shown = " ".join(lines[0].split())
    title = f"Move `{shown if len(shown) < 45 else shown[:42] + '…'}` into the scope of the strategy"
    return fix(title, edits.remove_statement(source, statement), put, cause=span)
