"""Steps of a `tf.data` pipeline in the wrong order, or given what they do not take. Not a rule: `suspects` asks."""

from __future__ import annotations

import ast
import re

from kls import edits
from kls.facts import Edit, Fix, Span
from kls.rules import search, written
from kls.rules.context import Context, fix
from kls.source import SourceText
from kls.worker.protocol import Failure

MOST = 3
"""Candidates of one kind."""


def strong(context: Context, failure: Failure) -> list[Fix]:
    """Candidates for a failing step of a pipeline."""
    return [
        *_listed(context, failure),
        *_signature(context, failure),
        *_batched_late(context, failure),
        *_grey(context, failure),
    ]


def _listed(context: Context, failure: Failure) -> list[Fix]:
    """`from_tensor_slices(([users, items], ratings))`: a list is stacked to one array, a tuple is not."""
    fixes: list[Fix] = []
    for source, call in search.calls(context, failure)[:1]:
        if search.last_part(call.func) != "from_tensor_slices" or not call.args:
            continue
        for node in ast.walk(call.args[0]):
            if isinstance(node, ast.List) and 1 < len(node.elts) < 6 and all(_is_data(item) for item in node.elts):
                text = edits.tuple_text(tuple(source.segment(item) for item in node.elts))
                fixes += fix(
                    f"Give them as a tuple: `{text}`", edits.replace(source, node, text), cause=source.span(node)
                )
    return fixes[:MOST]


def _signature(context: Context, failure: Failure) -> list[Fix]:
    """`output_signature` of a generator with a list in it: `tf.data` nests in tuples only, so the generator gives
    tuples in that place too."""
    if "output_signature` must contain objects" not in failure.message:
        return []
    fixes: list[Fix] = []
    for source, call in search.calls(context, failure)[:1]:
        given = edits.keyword(call, "output_signature")
        if isinstance(given, ast.Name):
            given = next((value for _, value in reversed(written.assignments(source, given.id, call.lineno))), None)
        lists = [node for node in ast.walk(given) if isinstance(node, ast.List)] if given is not None else []
        if given is None or not lists or not call.args:
            continue
        changes = _as_tuples(source, given)
        maker = search.last_part(call.args[0])
        for item in source.nodes:
            if isinstance(item, ast.FunctionDef) and item.name == maker:
                yields = (node.value for node in ast.walk(item) if isinstance(node, ast.Yield))
                changes += [edit for value in yields if value is not None for edit in _as_tuples(source, value)]
        fixes += fix("Nest the parts in tuples, not in lists", *changes, cause=source.span(lists[0]))
    return fixes


def _as_tuples(source: SourceText, node: ast.expr) -> list[Edit | None]:
    """Tuples for the lists at the top of `node` and in the tuples there."""
    if isinstance(node, ast.Tuple):
        return [edit for item in node.elts for edit in _as_tuples(source, item)]
    if not isinstance(node, ast.List):
        return []
    span, comma = source.span(node), "," if len(node.elts) == 1 else ""
    return [
        Edit(Span(span.path, span.line, span.column, span.line, span.column + 1), "("),
        *(edit for item in node.elts for edit in _as_tuples(source, item)),
        Edit(Span(span.path, span.end_line, span.end_column - 1, span.end_line, span.end_column), f"{comma})"),
    ]


def _is_data(node: ast.expr) -> bool:
    return isinstance(node, (ast.Name, ast.Attribute, ast.Subscript))


def _batched_late(context: Context, failure: Failure) -> list[Fix]:
    """`.batch(16).map(augment)` of a function that takes one sample: `.map(augment).batch(16)`."""
    fixes: list[Fix] = []
    for source in context.sources.values():
        for call in source.calls():
            inner = call.func.value if isinstance(call.func, ast.Attribute) and call.func.attr == "map" else None
            if not isinstance(inner, ast.Call) or search.last_part(inner.func) not in ("batch", "padded_batch"):
                continue
            holder = inner.func.value if isinstance(inner.func, ast.Attribute) else None
            if holder is None or not any(_reaches(source.span(call).line, frame.line) for frame in failure.frames):
                continue
            whole, words = source.segment(call), source.segment(holder)
            step = source.segment(inner)[len(words) :]
            mapped = whole[len(source.segment(inner)) :]
            changed = edits.replace(source, call, f"{words}{mapped}{step}")
            fixes += fix("Map before the samples are put into batches", changed, cause=source.span(inner))
    return fixes[:MOST]


def _reaches(line: int, other: int) -> bool:
    return abs(line - other) < 6


def _grey(context: Context, failure: Failure) -> list[Fix]:
    """A picture without a channel axis, given to a function of `tf.image`."""
    if not re.search(r"grayscale image should be size 1|must have either 3 or 4 dimensions|at least three-dimensional",
                     failure.message):  # fmt: skip
        return []
    fixes: list[Fix] = []
    for source, call in search.calls(context, failure):
        if "image" in source.segment(call.func) and call.args and isinstance(call.args[0], ast.Name):
            words = f"{call.args[0].id}[..., None]"
            changed = edits.replace(source, call.args[0], words)
            fixes += fix(f"Give it the channel axis: `{words}`", changed, cause=source.span(call))
    return fixes[:MOST]
