"""Layers that shrink or enlarge by another step than the others of the program do. Not a rule: `merge_shape` asks."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from typing import Any

from kls import edits
from kls.facts import Fix, Span
from kls.rules import search
from kls.rules.context import Context, fix
from kls.source import SourceText

_NAMES = ("strides", "pool_size", "size")
"""Arguments that are such steps, or are a window and, where nothing else is said, the step too."""
_MOST = 3


def as_the_others(context: Context, place: Span) -> list[Fix]:
    """A step that others have, in place of one that differs: the rarest first, of these the nearest above `place`."""
    source = context.source(place.path)
    written = list(_written(source)) if source is not None else []
    often = Counter(step for _, step, _ in written) | Counter(_made(context))
    fixes: list[Fix] = []
    for call, step, node in sorted(written, key=lambda item: (often[item[1]], -item[2].lineno)):
        if source is not None and node.lineno <= place.end_line:
            for other in [other for other, count in often.most_common() if other != step and count >= often[step]][:1]:
                title = f"Change {step} to {other} in `{search.last_part(call.func)}`, as in the others"
                fixes += fix(title, edits.replace(source, node, str(other)), cause=source.span(node))
    return fixes[:_MOST]


def _made(context: Context) -> Iterator[int]:
    """The steps that layers were made with, however they are written."""
    for layer in context.report.layers:
        steps: Any = layer.config.get("strides")
        yield from {step for step in ([steps] if isinstance(steps, int) else steps or ()) if step > 1}


def _written(source: SourceText) -> Iterator[tuple[ast.Call, int, ast.Constant]]:
    for call in source.calls():
        first = call.args[0] if call.args and search.last_part(call.func).startswith(_WINDOWED) else None
        for node in (first, *(item.value for item in call.keywords if item.arg in _NAMES)):
            if isinstance(node, ast.Constant) and type(node.value) is int and node.value > 1:
                yield call, node.value, node


_WINDOWED = ("MaxPool", "AveragePool", "AvgPool", "UpSampling")
