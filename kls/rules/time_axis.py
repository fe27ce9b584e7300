"""Samples along the axis of time: (1, samples, features) beside as many labels. Not a rule: `suspects` asks."""

from __future__ import annotations

import ast

from kls import edits
from kls.facts import Edit, Fix
from kls.rules import operators, search, written
from kls.rules.context import Context, argument_of, fix
from kls.source import SourceText
from kls.worker.protocol import Argument, Failure


def strong(context: Context, failure: Failure) -> list[Fix]:
    """The axis of one behind the samples, in the data and, where it is written there, in the model's input."""
    call = context.sink(failure)
    model = context.model_of(call) if call is not None else None
    if call is None or not failure.stage.endswith("adapter"):
        return []
    prefix = "validation_" if failure.stage.startswith("validation") else ""
    x, y = argument_of(call, prefix + "x"), argument_of(call, prefix + "y")
    if x is None or y is None or len(x.tensors) != 1 or len(y.tensors) != 1:
        return []
    shape, labels = x.tensors[0].shape, y.tensors[0].shape
    if not shape or not labels or len(shape) != 3 or shape[0] != 1 or labels[0] == 1 or labels[0] != shape[1]:
        return []
    rows, features = shape[1], shape[2]
    if rows is None or features is None:
        return []
    laid_out = _in_their_words(context, x) or operators.reshape_data(context, x, rows, (1, features))
    declared = operators.set_input_shape(context, model, (1, features)) if model is not None else []
    fixes: list[Fix] = []
    for item in laid_out[:1]:
        title = "Make the rows samples of one step each"
        fixes += fix(title, *item.edits, cause=item.cause)
        for other in declared[:1]:
            fixes += fix(f"{title}, in the data and the model's input", *item.edits, *other.edits, cause=item.cause)
    return fixes


def _in_their_words(context: Context, x: Argument) -> list[Fix]:
    """The call that put the axis first, with the axis second."""
    found = written.value_of(context, x)
    if found is None:
        return []
    source, node = found
    cause = source.span(node)
    if isinstance(node, ast.Call):
        name = search.last_part(node.func)
        axis = edits.argument(node, "axis", 1)
        if name == "expand_dims" and axis is not None:
            return fix("", edits.replace(source, axis, "1"), cause=cause)
        sizes = _sizes(node) if name == "reshape" else []
        if len(sizes) == 3:
            return fix("", *_exchanged(source, sizes[0], sizes[1]), cause=cause)
    if isinstance(node, ast.Subscript) and source.segment(node.slice) in ("None", "np.newaxis", "tf.newaxis"):
        return fix("", edits.replace(source, node.slice, f":, {source.segment(node.slice)}"), cause=cause)
    return []


def _sizes(call: ast.Call) -> list[ast.expr]:
    """The sizes that a `reshape` is given, in whatever form."""
    own = isinstance(call.func, ast.Attribute) and search.root(call.func) not in ("np", "numpy", "tf")
    given = call.args if own else [*call.args[1:], *(item.value for item in call.keywords)]
    if len(given) == 1 and isinstance(given[0], (ast.Tuple, ast.List)):
        return list(given[0].elts)
    return list(given)


def _exchanged(source: SourceText, one: ast.expr, other: ast.expr) -> tuple[Edit, Edit]:
    return edits.replace(source, one, source.segment(other)), edits.replace(source, other, source.segment(one))
