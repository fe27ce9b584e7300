"""An axis that is added at another place than the one where it is needed. Not a rule: `suspects` asks."""

from __future__ import annotations

import ast
import re

from kls import edits
from kls.facts import Fix
from kls.rules import search
from kls.rules.context import Context, fix
from kls.source import SourceText
from kls.worker.protocol import Failure

MOST = 4
"""Candidates of one kind."""
_OF_SHAPES = re.compile(r"shape|ndim|rank|axis|dimension|incompatible|must be equal", re.IGNORECASE)


def strong(context: Context, failure: Failure) -> list[Fix]:
    """`expand_dims(x, 0)` for `expand_dims(x, 1)`, `x[None]` for `x[..., None]`."""
    last = max((frame.line for frame in failure.frames), default=0)
    fixes: list[Fix] = []
    for source in context.sources.values() if _OF_SHAPES.search(failure.message) else ():
        for node in source.nodes:
            if isinstance(node, ast.expr) and (node.lineno <= last or source.function(node) is not None):
                fixes += _elsewhere(source, node)
    return fixes[:MOST]


def _elsewhere(source: SourceText, node: ast.expr) -> list[Fix]:
    if isinstance(node, ast.Call) and search.last_part(node.func) == "expand_dims":
        axis = edits.argument(node, "axis", 1)
        now = source.segment(axis) if axis is not None else ""
        others = {"0": ("1", "-1"), "1": ("0",), "-1": ("0",)}.get(now, ())
        changes = [(f"axis {other}", edits.replace(source, axis, other)) for other in others if axis is not None]
    elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        new = [place for place, item in enumerate(parts) if _is_new(source, item)]
        if len(new) != 1 or not all(_is_whole(source, item) for item in parts if not _is_new(source, item)):
            return []
        words, none = source.segment(node.value), source.segment(parts[new[0]])
        text = f"{words}[..., {none}]" if new[0] == 0 else f"{words}[{none}]"
        changes = [(f"`{text}`", edits.replace(source, node, text))]
    else:
        return []
    return [item for words, change in changes
            for item in fix(f"Add the axis elsewhere: {words}", change, cause=source.span(node))]  # fmt: skip


def _is_new(source: SourceText, node: ast.expr) -> bool:
    return source.segment(node) in ("None", "np.newaxis", "tf.newaxis", "numpy.newaxis", "newaxis")


def _is_whole(source: SourceText, node: ast.expr) -> bool:
    return source.segment(node) in (":", "...")
