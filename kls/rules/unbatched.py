"""A dataset batched twice, or not at all, in `fit` or in a loop of the author's own. Not a rule: `suspects` asks."""

from __future__ import annotations

import ast
import re

from kls import edits
from kls.facts import Fix, Span
from kls.rules import operators, search
from kls.rules.context import Context, argument_of, fix
from kls.source import SourceText
from kls.worker.protocol import Failure

MOST = 4
"""Candidates of one kind."""


def strong(context: Context, failure: Failure) -> list[Fix]:
    """A dataset that is batched twice in a row, or in a program that never batches."""
    if not re.search(r"shape|rank|ndim|dimension|data_format", failure.message):
        return []
    twice: list[Fix] = []
    never: list[Fix] = []
    batched = False
    for source in context.sources.values():
        for node in source.calls():
            function = node.func
            batched |= (
                search.last_part(function) in ("batch", "padded_batch") or edits.keyword(node, "batch_size") is not None
            )
            if not isinstance(function, ast.Attribute):
                continue
            inner = function.value
            if function.attr == "batch" and isinstance(inner, ast.Call) and search.last_part(inner.func) == "batch":
                twice += fix(
                    "Batch once only", edits.replace(source, node, source.segment(inner)), cause=source.span(node)
                )
            if function.attr == "batch" and isinstance(inner, ast.Name) and _made_in_batches(source, inner.id):
                edit = edits.replace(source, node, inner.id)
                twice += fix(f"`{inner.id}` is batched already", edit, cause=source.span(node))
            parent = source.parents.get(node)
            whole = isinstance(parent, ast.Assign) and parent.value is node
            if whole and any(
                isinstance(item, ast.Attribute) and item.attr == "from_tensor_slices" for item in ast.walk(node)
            ):
                never += fix("Batch the dataset", edits.wrap(source, node, "{}.batch(32)"), cause=source.span(node))
    alone = [*_alone_unbatched(context, failure), *_unbatched_in_a_loop(context, failure)]
    return twice or (alone if batched else [*alone, *never[:MOST]])


def _alone_unbatched(context: Context, failure: Failure) -> list[Fix]:
    """The dataset of a failing call that is not batched, in a program that batches others: as these are."""
    call = context.sink(failure)
    x = argument_of(call, "validation_x" if failure.stage.startswith("validation") else "x") if call else None
    given = x.tensors[0].shape if x is not None and x.kind == "dataset" and x.tensors else None
    if x is None or not given or None in given or not failure.stage.endswith(("forward", "loss")):
        return []
    return operators.transform_data(context, x, _as_others(context), "Batch the dataset")


def _unbatched_in_a_loop(context: Context, failure: Failure) -> list[Fix]:
    """The dataset of a loop of the author's own that gives one element at a time to what fails."""
    for span in failure.frames:
        source = context.source(span.path)
        for loop in source.nodes if source is not None else ():
            if source is None or not isinstance(loop, ast.For) or not _holds(loop, span):
                continue
            names = {node.id for node in ast.walk(loop.iter) if isinstance(node, ast.Name)}
            given = [item for item in context.report.variables if item.name in names and item.kind == "dataset"]
            above = [item for item in given if item.statement.path == span.path and item.statement.line < loop.lineno]
            shape = above[-1].tensors[0].shape if above and above[-1].tensors else None
            statement = source.at(above[-1].statement, ast.stmt) if shape and shape[0] is not None else None
            if statement is not None:
                form = _as_others(context)
                return operators.transform_where_bound(source, statement, above[-1].name, form, "Batch the dataset")
    return []


def _holds(loop: ast.For, span: Span) -> bool:
    """Whether a line of the loop's body is where `span` begins."""
    return loop.body[0].lineno <= span.line <= (loop.body[-1].end_lineno or 0)


def _as_others(context: Context) -> str:
    """How the program batches a dataset; by 32 where it batches none."""
    sizes = [
        source.segment(node.args[0])
        for source in context.sources.values()
        for node in source.calls()
        if search.last_part(node.func) == "batch" and node.args
    ]
    return f"{{}}.batch({next(iter(sizes), '32')})"


def _made_in_batches(source: SourceText, name: str) -> bool:
    """Whether a name is bound, once, to a dataset that Keras's own functions make, which batch it themselves."""
    made = [value for _, target, value in source.assignments() if source.segment(target) == name]
    return (
        len(made) == 1
        and isinstance(made[0], ast.Call)
        and (re.fullmatch(r"\w+_dataset_from_(array|directory)", search.last_part(made[0].func)) is not None)
    )
