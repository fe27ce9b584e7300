"""Numbers that sizes are computed from: `(size // patch) ** 2` is 144 where 100 fit. Not a rule: `suspects` asks."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from kls import edits
from kls.facts import Fix
from kls.rules import search, sizes
from kls.rules.context import Context, fix
from kls.source import SourceText
from kls.worker.protocol import Failure

MOST = 4
"""Candidates at most."""
_FAR = 256
"""How far from the number that stands there those are tried that the program does not have."""
_MOST_NUMBERS = 200
"""Numbers in a file above which it is not searched."""


def strong(context: Context, failure: Failure) -> list[Fix]:
    """Of a computed size that does not fit, another number for one of those that it is computed from: one that the
    program has elsewhere, else the nearest."""
    batches = search.batch_sizes(context, failure)
    pairs = [pair for pair in search.conflicts(failure) if not batches & set(pair)][:4]
    known = Counter(
        size for item in context.report.variables for tensor in item.tensors for size in tensor.shape or () if size
    )
    ranked: list[tuple[int, int, Fix]] = []
    for source in context.sources.values() if pairs else ():
        written = _written(source)
        there = known + Counter(number for _, number in written)
        for made, have in _computed(source):
            for want in (want for one, want in pairs if one == have):
                for node, number in written:
                    new = _solution(source, made, (node, number), want, there)
                    if new is not None:
                        ranked.append((there[new] == 0, -there[new], _change(source, node, new)))
    ranked.sort(key=lambda item: item[:2])
    return list(dict.fromkeys(item for *_, item in ranked))[:MOST]


def _written(source: SourceText) -> list[tuple[ast.Constant, int]]:
    """The numbers of a file, none where there are too many."""
    constants = (node for node in source.nodes if isinstance(node, ast.Constant))
    found = [(node, node.value) for node in constants if type(node.value) is int and node.value > 1]
    return found if len(found) <= _MOST_NUMBERS else []


def _computed(source: SourceText) -> Iterator[tuple[ast.expr, int]]:
    """What is computed of other numbers and bound to a name or given to a call, and what it comes to."""
    for node in source.nodes:
        if isinstance(node, ast.BinOp) and isinstance(
            source.parents.get(node), (ast.Assign, ast.Call, ast.keyword, ast.Tuple, ast.List)
        ):
            come_to = sizes.value(source, node)
            if come_to is not None and any(isinstance(item, (ast.Name, ast.Attribute)) for item in ast.walk(node)):
                yield node, come_to


def _solution(
    source: SourceText, made: ast.expr, written: tuple[ast.Constant, int], want: int, there: Counter[int]
) -> int | None:
    """The number in place of the `written` one that has `made` come to `want`; None where none does."""
    node, old = written

    def comes_to(number: int) -> int | None:
        return sizes.value(source, made, instead={node: number})

    if comes_to(2 * old + 1) == comes_to(old):
        return None
    tried = [number for number, _ in there.most_common() if number != old]
    near = range(max(2, old - _FAR), old + _FAR)
    tried += sorted(near, key=lambda number: abs(number - old))
    return next((number for number in tried if comes_to(number) == want), None)


def _change(source: SourceText, node: ast.Constant, new: int) -> Fix:
    holder = search.holder(source, node)
    whole = " ".join(source.segment(holder).split())
    where = f" in `{whole}`" if len(whole) < 50 else ""
    changed = edits.replace(source, node, str(new))
    return fix(f"Change {node.value} to {new}{where}", changed, cause=source.span(holder), safe=False)[0]
