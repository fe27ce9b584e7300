"""`tf.gather` of rows by each sample's own indices. Not a rule: `kls.rules.suspects` asks.

Without `batch_dims` the indices of every sample pick from every sample: the result has the batch axis twice.
"""

from __future__ import annotations

import ast
import re

from kls import edits
from kls.facts import Fix
from kls.rules import search
from kls.rules.context import Context, fix
from kls.worker.protocol import Failure

_SHAPES = re.compile(r"shape|rank|ndim|[Dd]imension|must be equal|total size|number of elements")


def strong(context: Context, failure: Failure) -> list[Fix]:
    """`tf.gather(steps, places, axis=1)` in a function, above what fails: `batch_dims=1`."""
    if not _SHAPES.search(failure.message):
        return []
    fixes: list[Fix] = []
    for source in context.sources.values():
        for call in source.calls():
            axis = edits.keyword(call, "axis")
            by_axis = isinstance(axis, ast.Constant) and isinstance(axis.value, int) and axis.value > 0
            if not by_axis or search.last_part(call.func) != "gather" or search.root(call.func) != "tf":
                continue
            if edits.keyword(call, "batch_dims") is None and source.function(call) is not None:
                changed = edits.add_argument(source, call, "batch_dims=1")
                fixes += fix("Pick from each sample its own: `batch_dims=1`", changed, cause=source.span(call))
    return fixes[:2]
