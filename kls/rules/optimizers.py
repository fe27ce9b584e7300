"""An optimizer that learnt the variables of one model first, and is given those of another; pairs of gradients and
variables the wrong way round, or where there are to be two lists. Not a rule: `suspects` asks.
"""

from __future__ import annotations

import ast
import re

from kls import edits
from kls.facts import Fix
from kls.rules import search
from kls.rules.context import Context, fix
from kls.worker.protocol import Failure

_APPLYING = ("apply_gradients", "apply", "minimize")


def strong(context: Context, failure: Failure) -> list[Fix]:
    """An optimizer of its own for the second model, made as the first one is."""
    fixes: list[Fix] = [*_exchanged(context, failure), *_in_pairs(context, failure)]
    if "Unknown variable" not in failure.message:
        return fixes
    for source, call in search.calls(context, failure)[:2]:
        function = call.func
        if not isinstance(function, ast.Attribute) or function.attr not in _APPLYING:
            continue
        words = source.segment(function.value)
        made = [(statement, value) for statement, target, value in source.assignments()
                if source.segment(target) == words and isinstance(value, ast.Call)]  # fmt: skip
        if len(made) != 1 or isinstance(function.value, ast.Call):
            continue
        statement, value = made[0]
        changes = (
            edits.insert_after(source, statement, f"{words}_2 = {source.segment(value)}"),
            edits.replace(source, function.value, f"{words}_2"),
        )
        fixes += fix(f"Give the second model its own: `{words}_2`", *changes, cause=source.span(call))
    return fixes


def _exchanged(context: Context, failure: Failure) -> list[Fix]:
    """`apply_gradients(zip(variables, gradients))`: the gradient comes first."""
    if not re.search(r"_unique_id|no attribute '(name|path|regularizer|overwrite_with_gradient)'", failure.message):
        return []
    fixes: list[Fix] = []
    for source, call in search.calls(context, failure)[:2]:
        pairs = call.args[0] if call.args else None
        if search.last_part(call.func) != "apply_gradients" or not isinstance(pairs, ast.Call) or len(pairs.args) != 2:
            continue
        one, other = pairs.args
        swapped = [edits.replace(source, one, source.segment(other)), edits.replace(source, other, source.segment(one))]
        fixes += fix("Give each gradient first, then its variable", *swapped, cause=source.span(pairs))
    return fixes


def _in_pairs(context: Context, failure: Failure) -> list[Fix]:
    """`apply(zip(gradients, variables))`: pairs are what `apply_gradients` takes."""
    fixes: list[Fix] = []
    for source, call in search.calls(context, failure)[:2] if "'zip' has no len()" in failure.message else ():
        if isinstance(call.func, ast.Attribute) and call.func.attr == "apply":
            text = f"{source.segment(call.func.value)}.apply_gradients"
            changed = edits.replace(source, call.func, text)
            fixes += fix("Use `apply_gradients`, which takes pairs", changed, cause=source.span(call))
    return fixes
