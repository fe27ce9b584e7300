"""Sizes and shapes that disagree, of which the rest of the program knows one only. Not a rule: `suspects` asks."""

from __future__ import annotations

import ast
import re
from collections import Counter

from kls import edits
from kls.facts import Fix
from kls.rules import search, sizes
from kls.rules.context import Context, argument_of, fix
from kls.worker.protocol import Failure

MOST = 4
"""Candidates of one kind."""

_OF_ROWS = re.compile(r"inconsistent numbers of samples|cardinality|same (?:length|number of)|number of samples")
"""How it is told that two arrays have not as many rows."""


def strong(context: Context, failure: Failure) -> list[Fix]:
    """Candidates, the surest first."""
    return [
        *_lengths(context, failure),
        *_shapes(context, failure),
        *_given_to_own(context, failure),
        *_joined_alike(context, failure),
        *_outvoted(context, failure),
    ]


def _outvoted(context: Context, failure: Failure) -> list[Fix]:
    """Of two sizes that disagree, the one that the rest of the program does not know is changed to the other."""
    if not failure.frames or failure.stage.endswith("adapter"):
        return []
    sources = list(context.sources.values())
    votes = Counter(
        node.value
        for source in sources
        for node in source.nodes
        if isinstance(node, ast.Constant) and type(node.value) is int
    )
    batches = search.batch_sizes(context, failure) if failure.call is None else set[int]()
    ranked: list[tuple[int, int, Fix]] = []
    for rank, (old, new) in enumerate([*_met(context, failure), *search.conflicts(failure)[:8]]):
        if batches & {old, new}:
            continue
        places = [(source, group) for source in sources for group in search.literals(source, old)]
        for source, group in places:
            if votes[old] > 2 * len(group) or not votes[new] or new <= _COMMON:
                continue
            score = votes[new] - (votes[old] - len(group))
            lead = score if score > 1 else _roundness(new) - _roundness(old)
            if score < 1 or lead < 1:
                continue
            holder = search.holder(source, group[0])
            words = " ".join(source.segment(holder).split()) if isinstance(holder, ast.expr) else ""
            title = f"Change {old} to {new}" + (f" in `{words}`" if 0 < len(words) < 40 else "")
            changes = [edits.replace(source, node, str(new)) for node in group]
            ranked += [(-score, rank, item) for item in fix(title, *changes, cause=source.span(group[0]), safe=False)]
    ranked.sort(key=lambda item: item[:2])
    return [item for _, _, item in ranked][:MOST]


def _lengths(context: Context, failure: Failure) -> list[Fix]:
    """`pad_sequences(tags, maxlen=5)` beside `pad_sequences(words, maxlen=6)`, where 5 meets 6: one length for both."""
    fixes: list[Fix] = []
    for source in context.sources.values():
        calls = [call for call in source.calls() if search.last_part(call.func) == "pad_sequences"]
        lengths = [value for call in calls if (value := edits.argument(call, "maxlen", 1)) is not None]
        known = {source.segment(value): value for value in lengths}
        if len(known) != 2 or failure.call is None:
            continue
        for value in reversed(lengths):
            other = next(text for text in known if text != source.segment(value))
            call = next(call for call in calls if value in (*call.args, *(item.value for item in call.keywords)))
            title = f"Make them as long as the others: `maxlen={other}`"
            fixes += fix(title, edits.replace(source, value, other), cause=source.span(call))
    return fixes[:MOST]


def _joined_alike(context: Context, failure: Failure) -> list[Fix]:
    """`np.concatenate(kinds, axis=1)` beside `np.concatenate(rows, axis=0)`, where rows and kinds are not as many."""
    fixes: list[Fix] = []
    for source in context.sources.values() if _OF_ROWS.search(failure.message) else ():
        calls = [call for call in source.calls() if search.last_part(call.func) in ("concatenate", "concat", "stack")]
        axes = [edits.argument(call, "axis", 1) for call in calls]
        texts = ["0" if axis is None else source.segment(axis) for axis in axes]
        votes = Counter(texts)
        for call, text in sorted(zip(calls, texts, strict=True), key=lambda pair: (votes[pair[1]], pair[1] == "0")):
            for other in (other for other in votes if other != text):
                edit = edits.set_argument(source, call, "axis", 1, other)
                fixes += fix(f"Join along axis {other}, as the others are", edit, cause=source.span(call))
    return fixes[:MOST]


def _given_to_own(context: Context, failure: Failure) -> list[Fix]:
    """A size that the failing layer of the author's own is made with, of two that disagree: `Attention(32)`; where it
    is one off, a size in words too: `Positions(count)`, which must have room for one more."""
    classes = {node.name for source in context.sources.values() for node in source.nodes
               if isinstance(node, ast.ClassDef)}  # fmt: skip
    fixes: list[Fix] = []
    for source, call in search.calls(context, failure):
        made = call.func if isinstance(call.func, ast.Call) else call
        if search.last_part(made.func) not in classes:
            continue
        for old, new in search.conflicts(failure)[:4]:
            given = [*made.args, *(item.value for item in made.keywords)]
            places = [item for item in given if isinstance(item, ast.Constant) and item.value == old]
            named = [item for item in given if isinstance(item, (ast.Name, ast.BinOp)) and abs(new - old) == 1]
            named = [item for item in named if sizes.value(source, item) == old]
            if len(named) == 1 and not places:
                text = f"{source.segment(named[0])} {'+' if new > old else '-'} 1"
                title = f"Give `{text}`, which is {new}"
                fixes += fix(title, edits.replace(source, named[0], text), cause=source.span(made), safe=False)
            if len(places) == 1:
                title = f"Change {old} to {new} in `{' '.join(source.segment(made).split())}`"
                fixes += fix(title, edits.replace(source, places[0], str(new)), cause=source.span(made), safe=False)
    return fixes[:MOST]


def _shapes(context: Context, failure: Failure) -> list[Fix]:
    """A whole shape that the author wrote, of one of two tensors that differ in several axes: the other one's."""
    told = [inner for inner in re.findall(r"[(\[]([\d?None, ]+)[)\]]", failure.message) if "," in inner]
    shapes = [tuple(int(item) if item.strip().isdigit() else None for item in inner.split(",")) for inner in told]
    pairs = {
        (one[1:], other[1:])
        for one in shapes
        for other in shapes
        if len(one) == len(other) > 2 and sum(a != b for a, b in zip(one[1:], other[1:], strict=True)) > 1
    }
    fixes: list[Fix] = []
    for source in context.sources.values() if pairs else ():
        for node in source.nodes:
            if not isinstance(node, (ast.Tuple, ast.List)) or not all(
                isinstance(item, ast.Constant) for item in node.elts
            ):
                continue
            written = tuple(item.value for item in node.elts if isinstance(item, ast.Constant))
            for one, other in sorted(pairs, key=str):
                if one == written and None not in other:
                    title = f"Give {edits.tuple_text(other)} for {edits.tuple_text(one)}"
                    changed = edits.replace(source, node, edits.tuple_text(other))
                    fixes += fix(title, changed, cause=source.span(search.holder(source, node)), safe=False)
    return fixes[:MOST]


_COMMON = 5
"""Numbers up to this stand everywhere, as kernels, strides and axes: that they are often written speaks for nothing."""


def _met(context: Context, failure: Failure) -> list[tuple[int, int]]:
    """Sizes in which the data of the sink differ from the model's input, and the labels from its output."""
    call = context.sink(failure)
    model = context.model_of(call) if call is not None else None
    if call is None or model is None:
        return []
    prefix = "validation_" if failure.stage.startswith("validation") else ""
    found: list[tuple[int, int]] = []
    for role, wanted in (("x", model.inputs), ("y", call.outputs or model.outputs)):
        argument = argument_of(call, prefix + role)
        given = argument.tensors if argument is not None else ()
        for tensor, other in zip(given, wanted, strict=False):
            if tensor.shape and other.shape and len(tensor.shape) == len(other.shape):
                pairs = zip(tensor.shape[1:], other.shape[1:], strict=True)
                found += [pair for a, b in pairs if a and b and a != b for pair in ((a, b), (b, a))]
    return found


def _roundness(number: int) -> int:
    """How likely people write a number: powers of two and whole hundreds, then tens, then the rest."""
    if number > 0 and (number & (number - 1) == 0 or number % 100 == 0):
        return 2
    return 1 if number % 10 == 0 else 0
