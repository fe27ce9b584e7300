"""Arrays that are changed right in the call that takes them, where they would fit as they are: `fit(x.T, y)`,
`fit(x, y[0])`, `fit(x, [y, y])`. Not a rule: `suspects` asks."""

from __future__ import annotations

import ast
import re

from kls import edits
from kls.facts import Fix
from kls.rules import search
from kls.rules.context import Context, fix
from kls.source import SourceText
from kls.worker.protocol import Failure

_METHODS = frozenset("reshape transpose flatten ravel squeeze swapaxes".split())
"""Methods of an array that give it another form."""
_FUNCTIONS = _METHODS | frozenset("expand_dims array asarray stack moveaxis tile repeat".split())
"""Functions that do, of their first argument."""
_CALLS = ("fit", "evaluate", "predict", "train_on_batch", "test_on_batch", "predict_on_batch")
_NO_AXES = re.compile(r"^(?:tuple index out of range$|too many indices for array: array is 0-dimensional)")


def strong(context: Context, failure: Failure) -> list[Fix]:
    """The arguments of the failing call of a model without what is put around them, one after the other."""
    fixes: list[Fix] = []
    for source, node in _data(context, failure):
        inner = _inside(node)
        if inner is not None:
            words = source.segment(inner)
            fixes += fix(f"Give `{words}` as it is", edits.replace(source, node, words), cause=source.span(node))
    return fixes


def told(context: Context, failure: Failure) -> str | None:
    """What is wrong with an array of which one item is given: Keras only says that it has no axes."""
    if failure.exception != "IndexError" or not _NO_AXES.search(failure.message):
        return None
    for source, node in _data(context, failure):
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and type(node.slice.value) is int:
            return (
                f"`{source.segment(node)}` is one item of `{source.segment(node.value)}`; one for each sample is wanted"
            )
    return None


def _data(context: Context, failure: Failure) -> list[tuple[SourceText, ast.expr]]:
    """What the failing call of a model is given as inputs, labels and weights."""
    call = context.sink(failure)
    found = context.call_node(failure.frames[0] if call is None and failure.frames else None)
    if found is not None and search.last_part(found[1].func) in _CALLS:
        named = [item.value for item in found[1].keywords if item.arg in ("x", "y", "sample_weight")]
        return [(found[0], node) for node in (*found[1].args[:2], *named)]
    nodes: list[tuple[SourceText, ast.expr]] = []
    for argument in call.arguments if call is not None else ():
        source = context.source(argument.span.path) if argument.span is not None else None
        node = source.at(argument.span, ast.expr) if source is not None and argument.span is not None else None
        nodes += [(source, node)] if source is not None and node is not None else []
    return nodes


def _inside(node: ast.expr | None) -> ast.expr | None:
    """The named value that an expression takes another form of; None where it is no such expression."""
    inner: ast.expr | None = None
    if isinstance(node, ast.Subscript) or (isinstance(node, ast.Attribute) and node.attr == "T"):
        inner = node.value
    elif isinstance(node, (ast.List, ast.Tuple)) and node.elts:
        alike = {ast.dump(item) for item in node.elts}
        inner = node.elts[0] if len(alike) == 1 else None
    elif isinstance(node, ast.Call):
        name = search.last_part(node.func)
        receiver = node.func.value if isinstance(node.func, ast.Attribute) else None
        of_module = isinstance(receiver, ast.Name) and receiver.id in ("np", "numpy", "tf", "keras", "K", "ops")
        if receiver is not None and not of_module and name in _METHODS and search.root(receiver) not in ("tf", "keras"):
            inner = receiver
        elif name in _FUNCTIONS and node.args:
            inner = node.args[0]
            inner = inner.elts[0] if isinstance(inner, ast.List) and len(inner.elts) == 1 else inner
    return inner if isinstance(inner, (ast.Name, ast.Attribute)) else None
