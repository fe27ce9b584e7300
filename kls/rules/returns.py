"""Functions that return nothing: how to see it, and how to mend it. Not a rule: `missing_return`, `custom_code` ask."""

from __future__ import annotations

import ast

from kls import edits
from kls.facts import Fix
from kls.rules.context import fix
from kls.source import SourceText

Function = ast.FunctionDef

_EFFECTS = ("add_loss", "add_metric", "assert_equal", "assign")


def forgets(call: Function) -> bool:
    """Whether a method that Keras asks for a value computes something last and gives nothing back, raises nothing and
    adds no loss."""
    for item in ast.walk(call):
        if isinstance(item, (ast.Return, ast.Raise, ast.Yield, ast.YieldFrom)):
            return False
        if isinstance(item, ast.Attribute) and item.attr in _EFFECTS:
            return False
    last = call.body[-1]
    if isinstance(last, ast.Assign):
        return isinstance(last.targets[0], ast.Name)
    if isinstance(last, ast.Expr):
        return isinstance(last.value, (ast.Name, ast.BinOp, ast.Dict, ast.Tuple, ast.List))
    return isinstance(last, (ast.AugAssign, ast.AnnAssign)) and isinstance(last.target, ast.Name)


def at_the_end(source: SourceText, function: Function) -> list[Fix]:
    """Return what the function computes last, likelier candidates first."""
    last = function.body[-1]
    if isinstance(last, (ast.Assign, ast.AugAssign, ast.AnnAssign)):
        target = last.targets[0] if isinstance(last, ast.Assign) else last.target
        return _after(source, last, source.segment(target)) if isinstance(target, (ast.Name, ast.Tuple)) else []
    if isinstance(last, ast.Expr):
        return _of_its_owner(source, function, last) or _itself(source, last)
    if isinstance(last, ast.Return):
        assigned = [item for item in function.body if isinstance(item, ast.Assign)]
        target = assigned[-1].targets[0] if assigned else None
        if isinstance(target, ast.Name):
            edit = edits.replace(source, last, f"return {target.id}")
            return fix(f"Return `{target.id}`", edit, cause=source.span(last))
    if isinstance(last, (ast.With, ast.If, ast.For)):
        names = [item.targets[0].id for item in ast.walk(last)
                 if isinstance(item, ast.Assign) and isinstance(item.targets[0], ast.Name)]  # fmt: skip
        names += [item.func.value.id for item in ast.walk(last) if isinstance(item, ast.Call)
                  and isinstance(item.func, ast.Attribute) and isinstance(item.func.value, ast.Name)]  # fmt: skip
        return [one for name in list(dict.fromkeys(reversed(names)))[:3] for one in _after(source, last, name)]
    return []


def _after(source: SourceText, last: ast.stmt, name: str) -> list[Fix]:
    edit = edits.insert_after(source, last, f"return {name}")
    return fix(f"Return `{name}`", edit, cause=source.span(last))


def _of_its_owner(source: SourceText, function: Function, last: ast.Expr) -> list[Fix]:
    """`model.compile(…)` at the end: what is wanted is `model`, which the function made."""
    call = last.value
    made = {item.id for item in ast.walk(function) if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store)}
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name):
        if call.func.value.id in made:
            return _after(source, last, call.func.value.id)
    return []


def _itself(source: SourceText, last: ast.Expr) -> list[Fix]:
    words = source.segment(last)
    return fix("Return the value", edits.replace(source, last, f"return {words}"), cause=source.span(last))
