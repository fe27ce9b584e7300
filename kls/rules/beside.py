"""Branches of a model beside each other, of which one lacks the strides or the padding of the others. Not a rule:
`slips` asks.
"""

from __future__ import annotations

import ast
import re

from kls import edits
from kls.facts import Fix
from kls.rules import search
from kls.rules.context import Context, fix
from kls.source import SourceText
from kls.worker.protocol import Failure

MOST = 3
"""Candidates of one kind."""
MERGES = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate")
_NEAR = 20
"""Lines within which layers stand beside each other."""


def without(context: Context, failure: Failure) -> list[Fix]:
    """A branch without the strides or the padding that a layer beside it has, before the branches are joined; a
    pooling that strides where the branches beside it keep their places."""
    place = failure.layer_called or (failure.frames[-1] if failure.frames else None)
    source = context.source(place.path) if place is not None else None
    statement = source.statement_at(place.line) if source is not None and place is not None else None
    if failure.layer_cls not in MERGES or source is None or statement is None:
        return []
    function = source.function(statement)
    beside = [
        call
        for call in source.calls()
        if source.function(call) is function
        and abs(call.lineno - statement.lineno) < _NEAR
        and re.search(r"(Conv|Pooling)\dD$", search.last_part(call.func))
        and not unpacks(call)
    ]
    fixes: list[Fix] = []
    for name in ("strides", "padding"):
        texts = [source.segment(given) for call in beside if (given := edits.keyword(call, name)) is not None]
        for call in reversed(beside):
            if texts and edits.keyword(call, name) is None and len(call.args) < 3:
                changed = edits.add_argument(source, call, f"{name}={texts[0]}")
                fixes += fix(f"Set `{name}={texts[0]}` here too", changed, cause=source.span(call))
    fixes += _padded_alike(source, beside)
    for call in beside:
        pools = search.last_part(call.func).endswith("Pooling2D") and edits.keyword(call, "padding") is not None
        if pools and edits.keyword(call, "strides") is None:
            changed = edits.add_argument(source, call, "strides=1")
            fixes = [*fix("Keep the places: `strides=1`", changed, cause=source.span(call)), *fixes]
    return fixes[: 2 * MOST]


def _padded_alike(source: SourceText, beside: list[ast.Call]) -> list[Fix]:
    """Several convolutions that cut their edges off, in a file with others that keep them: all of them at once."""
    cutting = [
        call
        for call in beside
        if "Conv" in search.last_part(call.func)
        and isinstance(given := edits.keyword(call, "padding"), ast.Constant)
        and given.value == "valid"
    ]
    known = [edits.keyword(call, "padding") for call in source.calls() if "Conv" in search.last_part(call.func)]
    texts = dict.fromkeys(source.segment(given) for given in known if given is not None)
    fixes: list[Fix] = []
    for text in texts if len(cutting) > 1 else ():
        if text.strip("\"'") != "valid":
            changes = [edits.set_argument(source, call, "padding", None, text) for call in cutting]
            fixes += fix(f"Set `padding={text}` in each of them", *changes, cause=source.span(cutting[0]))
    return fixes


def unpacks(call: ast.Call) -> bool:
    """Whether a call is given arguments that its text does not show."""
    return any(item.arg is None for item in call.keywords) or any(isinstance(item, ast.Starred) for item in call.args)
