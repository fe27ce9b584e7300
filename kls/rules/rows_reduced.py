"""Rows where one number of each is meant: predictions against labels, means of rows. Not a rule: others ask."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from kls import edits
from kls.facts import Fix
from kls.rules import operands, search, written
from kls.rules.context import Context, fix
from kls.source import SourceText
from kls.worker.protocol import Failure

PREDICTING = ("predict", "predict_on_batch")
OF_COLUMNS = ("mean", "std", "var", "min", "max", "median", "ptp", "nanmean", "nanstd")
"""What scales a table: its columns have such numbers, not its rows."""


def strong(context: Context, failure: Failure) -> list[Fix]:
    """The class of each row, the largest of each row, or the mean of each column, where what meets does not fit."""
    told = operands.shapes_told(failure.message)
    named = {name: tuple(shape) for name, shape, _ in failure.facts.get("operands") or () if shape is not None}
    met = {name: shape for name, shape in named.items() if not told or shape in told}
    rows = {name for name, shape in met.items() if len(shape) == 2 and shape[1] not in (None, 1)}
    single = {name for name, shape in met.items() if len(shape) == 1}
    if len(single) > 1:
        return _class_of_each_row(context, failure, {name: met[name] for name in single})
    shapes = told or list(met.values())
    if not any(len(one) == 2 and one[:1] == other for one in shapes for other in shapes):
        return []
    fixes: list[Fix] = []
    for source, place in search.places(context, failure)[:2]:
        for node in ast.walk(place):
            if isinstance(node, ast.Name) and node.id in rows and _value(source, node, PREDICTING) is not None:
                fixes += _one_of_each(source, node, place)
            elif isinstance(node, ast.Call) and search.last_part(node.func) in PREDICTING:
                fixes += _one_of_each(source, node, place)
            elif isinstance(node, ast.Name) and node.id in single:
                fixes += _of_each_column(source, node, rows)
        if fixes:
            break
    return fixes


def _value(source: SourceText, name: ast.Name, functions: tuple[str, ...]) -> ast.Call | None:
    """The call of one of `functions` that a name holds where it is read."""
    here = source.function(name)
    known = [item for item in written.assignments(source, name.id, name.lineno) if source.function(item[0]) is here]
    before = [value for statement, value in known if (statement.end_lineno or statement.lineno) < name.lineno]
    value = before[-1] if before else None
    return value if isinstance(value, ast.Call) and search.last_part(value.func) in functions else None


def _class_of_each_row(context: Context, failure: Failure, met: dict[str, tuple[int | None, ...]]) -> list[Fix]:
    """`np.argmax(model.predict(x), axis=0)` that meets labels: the class of each row is along the last axis."""
    for source, place in search.places(context, failure)[:2]:
        for node in ast.walk(place):
            call = _value(source, node, ("argmax",)) if isinstance(node, ast.Name) and node.id in met else None
            axis = edits.argument(call, "axis", 1) if call is not None else None
            if call is None or not isinstance(axis, ast.Constant) or axis.value != 0:
                continue
            of = call.args[0] if call.args else call.func
            predicted = isinstance(of, ast.Name) and _value(source, of, PREDICTING) is not None
            calls = [item for item in ast.walk(call) if isinstance(item, ast.Call)]
            if predicted or any(search.last_part(item.func) in PREDICTING for item in calls):
                change = edits.replace(source, axis, "1")
                return fix("Take the class of each row: `axis=1`", change, cause=source.span(call))
    return []


def _one_of_each(source: SourceText, given: ast.Name | ast.Call, place: ast.expr) -> list[Fix]:
    """Of predictions that are compared the class, of those that are multiplied, as discounted values, the largest."""
    around = source.parents.get(given)
    if any(_compares(node) and any(part is given for part in ast.walk(node)) for node in ast.walk(place)):
        method, meaning = "argmax", "class"
    elif isinstance(around, ast.BinOp) and isinstance(around.op, ast.Mult):
        method, meaning = "max", "largest"
    else:
        return []
    text = f"{source.segment(given)}.{method}(axis=1)"
    return fix(
        f"Take the {meaning} of each row: `{text}`", edits.replace(source, given, text), cause=source.span(given)
    )


def _compares(node: ast.AST) -> bool:
    """Whether an expression is a comparison, as an operator or as NumPy's function."""
    called = search.last_part(node.func) if isinstance(node, ast.Call) else ""
    return isinstance(node, ast.Compare) or called in ("equal", "not_equal")


def _of_each_column(source: SourceText, name: ast.Name, rows: set[str]) -> list[Fix]:
    """`mean = X.mean(axis=1)` that meets `X` itself: `axis=0`, alone and in all such calls."""
    call = _value(source, name, OF_COLUMNS)
    found = _reduced(call) if call is not None else None
    if call is None or found is None or found[0] not in rows:
        return []
    others = [item[1] for item in map(_reduced, _beside(source, call)) if item is not None and item[0] == found[0]]
    change = edits.replace(source, found[1], "0")
    all_changed = [edits.replace(source, axis, "0") for axis in others]
    title = f"Take the {search.last_part(call.func)} of each column: `axis=0`"
    fixes = fix(title, change, cause=source.span(call))
    return fixes + (fix(f"{title}, everywhere", change, *all_changed, cause=source.span(call)) if all_changed else [])


def _reduced(call: ast.Call) -> tuple[str, ast.expr] | None:
    """The name and the axis of `X.mean(axis=1)` and `np.mean(X, axis=1)`, where the axis is 1 or -1."""
    axis = edits.keyword(call, "axis")
    holder = call.func.value if isinstance(call.func, ast.Attribute) else None
    of = call.args[0] if call.args else holder
    last = isinstance(axis, (ast.Constant, ast.UnaryOp)) and ast.unparse(axis) in ("1", "-1")
    return (of.id, axis) if isinstance(of, ast.Name) and axis is not None and last else None


def _beside(source: SourceText, call: ast.Call) -> Iterator[ast.Call]:
    """The other calls in the same function that take such a number of an axis."""
    here = source.function(call)
    for node in source.calls():
        if node is not call and search.last_part(node.func) in OF_COLUMNS and source.function(node) is here:
            yield node
