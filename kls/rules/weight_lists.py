"""Repairs of the list that `set_weights` is given. Not a rule: `kls.rules.suspects` asks.

A table that lies the other way round, as other libraries keep it; a list that lacks the bias; weights of a layer with
other units.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator

from kls import edits
from kls.facts import Fix
from kls.rules import search, weights_shape
from kls.rules.context import Context, fix
from kls.source import SourceText
from kls.worker.protocol import Failure

# keras/src/layers/layer.py (set_weights)
_COUNTS = re.compile(
    r"on layer '([^']+)' with a weight list of length (\d+), but the layer was expecting (\d+) weights"
)
_GATES = (1, 4, 3)
"""How many times its units a recurrent layer's weights are wide: SimpleRNN, LSTM, GRU."""


def strong(context: Context, failure: Failure) -> list[Fix]:
    """Candidates, the surest first."""
    shapes, counts = weights_shape.LISTED.search(failure.message), _COUNTS.search(failure.message)
    if shapes is not None:
        wanted, given = ([int(item) for item in re.findall(r"\d+", part)] for part in shapes.groups())
        return [*_turned(context, failure, wanted, given), *_as_many_units(context, wanted, given)]
    return _counted(context, failure, counts[1], int(counts[2]), int(counts[3])) if counts is not None else []


def _lists(context: Context, failure: Failure) -> Iterator[tuple[SourceText, ast.Call, ast.List]]:
    for source, call in search.calls(context, failure):
        named = isinstance(call.func, ast.Attribute) and call.func.attr == "set_weights"
        given = call.args[0] if named and len(call.args) == 1 else None
        if isinstance(given, ast.List):
            yield source, call, given


def _turned(context: Context, failure: Failure, wanted: list[int], given: list[int]) -> list[Fix]:
    """`set_weights([table, bias])`: the table transposed."""
    if len(given) < 2 or wanted == given or sorted(wanted) != sorted(given):
        return []
    orders = [order for order in itertools.permutations(range(len(given))) if [given[at] for at in order] == wanted]
    # The kernels of a convolution: others put the channels that go in and out first, Keras puts them last.
    best = next((order for order in orders if order == (2, 3, 1, 0)), orders[0])
    turn = ".T" if len(given) == 2 else f".transpose({', '.join(map(str, best))})"
    fixes: list[Fix] = []
    for source, _, items in _lists(context, failure):
        for item in items.elts:
            shapes = [
                list(known.tensors[0].shape or ())
                for known in context.report.variables
                if isinstance(item, ast.Name) and known.name == item.id and len(known.tensors) == 1
            ]
            if shapes and shapes[-1] == given:
                text = f"{source.segment(item)}{turn}"
                fixes += fix(f"Give `{text}`", edits.replace(source, item, text), cause=source.span(item))
    return fixes


def _counted(context: Context, failure: Failure, name: str, given: int, wanted: int) -> list[Fix]:
    """`set_weights([kernel])` of a layer with a bias: the rest of the layer's weights, or a layer without one."""
    fixes: list[Fix] = []
    for source, call, items in _lists(context, failure):
        if given >= wanted or len(items.elts) != given or not isinstance(call.func, ast.Attribute):
            continue
        owner = source.segment(call.func.value)
        text = f"{source.segment(items)[:-1].rstrip().rstrip(',')}, *{owner}.get_weights()[{given}:]]"
        title = "Keep the other weights of the layer"
        fixes += fix(title, edits.replace(source, items, text), cause=source.span(call))
    for layer in context.report.layers:
        made = context.call_node(layer.created)
        if layer.name == name and layer.config.get("use_bias") is True and wanted == given + 1 and made is not None:
            edit = edits.set_argument(made[0], made[1], "use_bias", None, "False")
            fixes += fix("Make the layer without a bias: `use_bias=False`", edit, cause=layer.created)
            break
    return fixes


def _as_many_units(context: Context, wanted: list[int], given: list[int]) -> list[Fix]:
    """A layer of other units than the one whose weights it is given."""
    differ = [pair for pair in zip(wanted, given, strict=False) if pair[0] != pair[1]]
    if len(wanted) != len(given) or len(differ) != 1:
        return []
    fixes: list[Fix] = []
    for gates in _GATES:
        old, rest = divmod(differ[0][0], gates)
        new, left = divmod(differ[0][1], gates)
        for layer in context.report.layers if not rest and not left else ():
            made = context.call_node(layer.created)
            units = edits.argument(made[1], "units", 0) if made is not None else None
            if made is None or not isinstance(units, ast.Constant) or units.value != old:
                continue
            title = f"Change {old} to {new} in `{' '.join(made[0].segment(made[1]).split())}`"
            fixes += fix(title, edits.replace(made[0], units, str(new)), cause=layer.created)
    return fixes
