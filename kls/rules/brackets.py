"""Several values given one after the other to what takes them as one list or tuple. Not a rule: `suspects` asks.

`np.concatenate(a, b)`, `np.zeros(64, 28, 28)`, `Sequential(Dense(8), Dense(1))`, `Permute(2, 1)`,
`Model(a, b, outputs)`.
"""

from __future__ import annotations

import ast

from kls import edits
from kls.facts import Edit, Fix, Span
from kls.rules import search
from kls.rules.context import Context, fix
from kls.source import SourceText
from kls.worker.protocol import Failure

_LISTS = frozenset(
    "array asarray block column_stack concat concatenate constant convert_to_tensor dstack hstack row_stack stack "
    "vstack Sequential".split()
)
"""What takes one list, by its last name."""
_SHAPES = frozenset("zeros ones empty full random random_sample ranf sample Permute Reshape".split())
"""What takes a tuple of sizes first."""
_SIZED = frozenset("normal uniform standard_normal poisson exponential gamma beta lognormal".split())
"""Random draws, whose shape is `size=` in NumPy and `shape`, first, in TensorFlow and Keras."""


def strong(context: Context, failure: Failure) -> list[Fix]:
    """One pair of brackets around the values of the failing call."""
    for source, place in search.calls(context, failure):
        for call in (place, *(item for item in ast.walk(place) if isinstance(item, ast.Call))):
            made = _bracketed(source, call)
            if made:
                return made
    return []


def _bracketed(source: SourceText, call: ast.Call) -> list[Fix]:
    name, given = search.last_part(call.func), call.args
    if len(given) < 2 or any(isinstance(item, (ast.Starred, ast.List, ast.Tuple)) for item in given):
        return []
    if name == "Model":
        inputs = given[:-1]
        return _enclose(source, call, inputs, "[{}]", "the inputs") if len(inputs) > 1 else []
    if name in _LISTS:
        last = given[-1]
        axis = len(given) > 2 and _is_number(last) and not any(map(_is_number, given[:-1]))
        form = "[{}], axis=0" if name == "concat" and edits.keyword(call, "axis") is None and not axis else "[{}]"
        return _enclose(source, call, given[:-1] if axis else given, form, "them")
    drawn = name in _SIZED and all(map(_is_size, given)) and len(given) > 2
    if not (drawn or name in _SHAPES) or not all(map(_is_size, given)):
        return []
    numpy = search.root(call.func) in ("np", "numpy")
    return _enclose(source, call, given, "size=({})" if drawn and numpy else "({})", "the shape")


def _enclose(source: SourceText, call: ast.Call, given: list[ast.expr], form: str, what: str) -> list[Fix]:
    first, last = source.span(given[0]), source.span(given[-1])
    span = Span(source.path, first.line, first.column, last.end_line, last.end_column)
    text = form.format(source.cut(span))
    shown = " ".join(text.split())
    kind = "one list" if form.startswith("[") else "one tuple"
    title = f"Give {what} as {kind}" + (f": `{shown}`" if len(shown) < 50 else "")
    return fix(title, Edit(span, text), cause=source.span(call))


def _is_number(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp):
        return _is_number(node.operand)
    return isinstance(node, ast.Constant) and type(node.value) in (int, float)


def _is_size(node: ast.expr) -> bool:
    """Whether an expression may be a size: no text, no float, no call of a layer."""
    if isinstance(node, ast.Constant):
        return type(node.value) is int
    return isinstance(node, (ast.Name, ast.Attribute, ast.BinOp, ast.Subscript)) or (
        isinstance(node, ast.Call) and search.last_part(node.func) in ("len", "int", "max", "min")
    )
