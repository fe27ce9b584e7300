"""Tensors given to a layer that takes a layer: `TimeDistributed(Dense(5)(x))`. Not a rule: `suspects` asks."""

from __future__ import annotations

import ast
import re

from kls import edits
from kls.facts import Edit, Fix, Span
from kls.rules import search
from kls.rules.context import Context, fix
from kls.source import SourceText
from kls.worker.protocol import Failure

_TOLD = re.compile(r"Please initialize `(\w+)` layer with a `keras.layers.Layer` instance. Received: <KerasTensor")
"""keras/src/layers/core/wrapper.py"""
_WRAPPERS = ("TimeDistributed", "Bidirectional")


def told(failure: Failure) -> str | None:
    """A first line for such a failure, None for any other."""
    found = _TOLD.match(failure.message)
    return f"`{found[1]}` takes a layer; here it is given the tensor that a layer gave" if found is not None else None


def strong(context: Context, failure: Failure) -> list[Fix]:
    """The layer instead of what it gives, and the tensor for the whole."""
    fixes: list[Fix] = []
    for source, call in _wrappings(context, failure):
        fixes += _unwrapped(context, source, call)
    return fixes


def _wrappings(context: Context, failure: Failure) -> list[tuple[SourceText, ast.Call]]:
    """The wrapping layers that are made where it fails, or of what the failing function of the author gives."""
    found: list[tuple[SourceText, ast.Call]] = []
    for frame in reversed(failure.frames):
        source = context.source(frame.path)
        statement = source.statement_at(frame.line) if source is not None else None
        if source is None or statement is None:
            continue
        function = source.function(statement)
        for call in source.calls():
            if search.last_part(call.func) not in _WRAPPERS or not call.args:
                continue
            inner = call.args[0]
            here = source.statement(call) is statement
            its = isinstance(inner, ast.Call) and search.last_part(inner.func) == getattr(function, "name", None)
            if (here or its) and (source, call) not in found:
                found.append((source, call))
    return found


def _unwrapped(context: Context, source: SourceText, call: ast.Call) -> list[Fix]:
    inner = call.args[0]
    if not isinstance(inner, ast.Call) or len(inner.args) != 1 or inner.keywords:
        return []
    given, outer = inner.args[0], source.parents.get(call)
    applied = isinstance(outer, ast.Call) and outer.func is call
    own = {node.name for node in source.nodes if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}
    if isinstance(inner.func, ast.Name) and inner.func.id in own:
        return _of_function(context, source, call, inner, given, applied)
    known = {item.name for item in context.report.variables if item.kind == "keras-tensor"}
    tensor = isinstance(given, ast.Call) or (isinstance(given, ast.Name) and given.id in known)
    if not tensor or (search.makes_layer(inner) and not isinstance(inner.func, ast.Call)):
        return []
    layer, words, cause = source.segment(inner.func), source.segment(given), source.span(call)
    changes = [edits.replace(source, inner, layer), *([] if applied else [_behind(cause, f"({words})")])]
    whole = source.segment(call.func)
    return fix(f"Give `{whole}` the layer, and the tensor to what it makes", *changes, cause=cause)


def _of_function(
    context: Context, source: SourceText, call: ast.Call, inner: ast.Call, given: ast.expr, applied: bool
) -> list[Fix]:
    """`TimeDistributed(block(frame))` where `block` is a function of the author: a model of what it builds."""
    statement = source.statement(call)
    if not isinstance(given, ast.Name) or not isinstance(statement, (ast.Assign, ast.Expr, ast.Return)):
        return []
    keras, imports = search.keras_name(source)
    block, tensor, cause = source.segment(inner.func), given.id, source.span(call)
    title = f"Make a model of what `{block}` builds"
    if applied:
        changed = edits.replace(source, inner, f"{keras}.Model({tensor}, {block}({tensor}))")
        return fix(title, changed, *imports, cause=cause)
    one = next(name for name in ("step", "one_step", "one_of_the_steps") if name not in _names(source))
    made = edits.insert_before(source, statement, f"{one} = {keras}.Input({tensor}.shape[2:])")
    changed = edits.replace(source, inner, f"{keras}.Model({one}, {block}({one}))")
    return fix(title, made, changed, _behind(cause, f"({tensor})"), *imports, cause=cause)


def _names(source: SourceText) -> set[str]:
    return {node.id for node in source.nodes if isinstance(node, ast.Name)}


def _behind(span: Span, text: str) -> Edit:
    return Edit(Span(span.path, span.end_line, span.end_column, span.end_line, span.end_column), text)
