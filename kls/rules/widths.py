"""Data with a column more or fewer than the model takes, where nobody knows how many there are; and other data of the
program that may be meant.
"""

from __future__ import annotations

import ast
import re

from kls import edits
from kls.facts import Fix, Span
from kls.rules import operators, search, written
from kls.rules.context import Context, compatible, fix
from kls.source import SourceText
from kls.worker.protocol import Argument, Call, Failure, Model

MOST = 4
"""Names that are tried in the place of one."""


def fixes(context: Context, call: Call, model: Model, argument: Argument, apart: int, proved: bool) -> list[Fix]:
    """Repairs of data with `apart` columns more than the model takes, or fewer where that is less than nothing: the
    width of the data for a model that has seen no others, else other data, or these without what others lack."""
    others = other_names(context, argument, ())
    if apart > 0:
        others += _taken_out_elsewhere(context, argument)
    return others if proved else [*_width_of_data(context, model, argument, apart), *others]


def _width_of_data(context: Context, model: Model, argument: Argument, apart: int) -> list[Fix]:
    """`X.shape[1]` in the place of the size that the model was given, where `X` is bound above it; else that size with
    so many more."""
    place = operators.input_place(context, model)
    if place is None:
        return []
    source, value, call = place
    sized = isinstance(value, (ast.Tuple, ast.List))
    node = value.elts[-1] if isinstance(value, (ast.Tuple, ast.List)) and value.elts else None if sized else value
    if node is None:
        return []
    outer = written.given_from(source, node)
    if outer is not None:  # the function that makes the model is given it
        node, call = outer
    made: list[Fix] = []
    name = argument.name
    if name is not None and name.isidentifier() and written.assignments(source, name, call.lineno - 1):
        text = f"{name}.shape[1]"
        made += fix(f"Take the width of `{name}`: `{text}`", edits.replace(source, node, text), cause=source.span(call))
    text = f"{source.segment(node)} {'+' if apart > 0 else '-'} {abs(apart)}"
    return made + fix(f"Write `{text}`", edits.replace(source, node, text), cause=source.span(call))


def _taken_out_elsewhere(context: Context, argument: Argument) -> list[Fix]:
    return [
        found
        for words in _dropped(context)[:MOST]
        for found in operators.transform_argument(context, argument, f"{{}}.{words}", _TAKE_OUT.format(words))
    ]


_TAKE_OUT = "Take out what others lack: `.{}`"


def _dropped(context: Context) -> list[str]:
    """How the program takes columns out of its tables: `drop("price", axis=1)`; `pop` takes out one."""
    made: dict[str, None] = {}
    for source in context.sources.values():
        for call in source.calls():
            words = [source.segment(item) for item in call.args]
            words += [source.segment(item) for item in call.keywords if item.arg != "inplace"]
            kind = search.last_part(call.func)
            if kind == "drop" and words:
                made[f"drop({', '.join(words)})"] = None
            elif kind == "pop" and len(words) == 1 and words[0][:1] in "'\"":
                made[f"drop(columns={words[0]})"] = None
    return list(made)


def of_estimator(context: Context, failure: Failure) -> list[Fix]:
    """What scikit-learn is given with other columns than it has learnt: other data of the program in its place, or
    without what others lack."""
    told = _FEATURES.search(failure.message)
    source = context.source(failure.frames[-1].path) if told is not None and failure.frames else None
    call = source.at(failure.frames[-1], ast.Call) if source is not None else None
    given = call.args[0] if call is not None and call.args else None
    if source is None or call is None:
        return []
    if isinstance(given, ast.Subscript):
        return _as_learnt(source, call, given)
    if not isinstance(given, ast.Name):
        return []
    texts = {f"Give `{name}`": name for name in _other_names(context, given.id, source.span(given), ())}
    texts |= {_TAKE_OUT.format(words): f"{given.id}.{words}" for words in _dropped(context)[:MOST]}
    return [
        found
        for title, text in texts.items()
        for found in fix(title, edits.replace(source, given, text), cause=source.span(given))
    ]


def _owner(source: SourceText, call: ast.Call) -> str:
    return source.segment(call.func.value) if isinstance(call.func, ast.Attribute) else ""


def _as_learnt(source: SourceText, call: ast.Call, given: ast.Subscript) -> list[Fix]:
    """The columns of the table that the estimator has learnt from."""
    owner = _owner(source, call)
    for other in source.calls():
        fitted = search.last_part(other.func) in ("fit", "fit_transform") and _owner(source, other) == owner
        learnt = other.args[0] if fitted and other.args else None
        if isinstance(learnt, ast.Subscript) and other.lineno < call.lineno:
            text = source.segment(learnt.slice)
            changed = edits.replace(source, given.slice, text)
            return fix(f"Choose the columns that it has learnt: `{text}`", changed, cause=source.span(given))
    return []


_FEATURES = re.compile(r"X has \S+(?: [+-] \d+)? features, but \w+ is expecting|The feature names should match those")
"""How scikit-learn refuses other columns than it has learnt (sklearn/utils/validation.py)."""


def other_names(context: Context, argument: Argument, wanted: tuple[int | None, ...]) -> list[Fix]:
    """Other data of the program in the place of these: of a name that is theirs and more, or less, or that speaks of
    the same part, bound above and as far as is known of the shape that is wanted; the last ones first. Without
    `wanted` any shape is."""
    if argument.name is None or argument.span is None:
        return []
    return [
        found
        for name in _other_names(context, argument.name, argument.span, wanted)
        for found in operators.transform_argument(context, argument, name, f"Give `{name}`")
    ]


def _other_names(context: Context, name: str, place: Span, wanted: tuple[int | None, ...]) -> list[str]:
    alike: dict[str, None] = {}
    of_one_part: dict[str, None] = {}
    for item in reversed(context.report.variables):
        shape = item.tensors[0].shape if len(item.tensors) == 1 else None
        above = item.statement.path == place.path and item.statement.line < place.line
        fits = shape is not None and len(shape) > 1 and (not wanted or compatible(shape[1:], wanted))
        if not above or not fits or item.name == name:
            continue
        if _alike(item.name, name):
            alike[item.name] = None
        elif shape is not None and wanted == shape[1:] and _PART.intersection(_words(item.name)) & _words(name):
            of_one_part[item.name] = None
    return list(dict.fromkeys([*alike, *of_one_part]))[:MOST]


_PART = frozenset("train test val valid validation dev".split())
"""What a name says of the part of the data that it holds."""


def _words(name: str) -> set[str]:
    return set(name.lower().strip("_").split("_"))


def _alike(one: str, other: str) -> bool:
    """Whether two names speak of the same data: one is the other and more words."""
    first, second = _words(one), _words(other)
    return first <= second or second <= first or one.startswith(other) or other.startswith(one)
