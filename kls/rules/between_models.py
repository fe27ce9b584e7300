"""One model that is called on what another gives, as many numbers in another form. Not a rule: `suspects` asks."""

from __future__ import annotations

import ast
import math
import re

from kls import edits
from kls.facts import Fix
from kls.rules import operators, search, written
from kls.rules.context import Context, fix, show
from kls.source import SourceText
from kls.worker.protocol import Failure


def weak(context: Context, failure: Failure) -> list[Fix]:
    """A model of one input, which is declared as what it is given."""
    model = context.models.get(failure.layer or 0)
    given = failure.inputs[0].shape if len(failure.inputs) == 1 else None
    if model is None or len(model.input_layers) != 1 or not given or "expected shape=" not in failure.message:
        return []
    layer = context.layers.get(model.input_layers[0], [None])[0]
    if layer is None or None in given[1:]:
        return []
    text, title = edits.tuple_text(given[1:]), f"Set the input shape to {show(given[1:])}"
    return operators.set_layer_argument(context, layer, "shape", 0, text, title)


def strong(context: Context, failure: Failure) -> list[Fix]:
    """`critic(generator(noise))` of pictures and a critic that takes rows: flattened, or given their form, between."""
    told = re.search(r"expected shape=\(None, ([\d, ]+)\), found", failure.message)
    given = failure.inputs[0].shape if len(failure.inputs) == 1 else None
    sizes = [size for size in (given or ())[1:] if size is not None]
    wanted = [int(size) for size in re.findall(r"\d+", told[1])] if told is not None else []
    if given is None or len(sizes) != len(given) - 1 or sizes == wanted or math.prod(sizes) != math.prod(wanted):
        return []
    name, arguments = ("Flatten", "") if len(wanted) == 1 else ("Reshape", edits.tuple_text(tuple(wanted)))
    for span in (failure.layer_called, *reversed(failure.frames)):
        found = context.call_node(span)
        made = _a_layer(found[0]) if found is not None else None
        if found is None or made is None or len(found[1].args) != 1 or not isinstance(found[1].func, ast.Name):
            continue
        source, call = found
        if not _is_made(source, call.args[0]):
            continue
        layer, imports = edits.callee_like(source, made, name)
        text = f"{layer}({arguments})({source.segment(call.args[0])})"
        title = f"Put `{name}({arguments})` between: `{source.segment(call.func)}({text})`"
        return fix(title, edits.replace(source, call.args[0], text), *imports, cause=source.span(call))
    return []


def _is_made(source: SourceText, node: ast.expr) -> bool:
    """Whether an expression is what a call gives, and no `Input(…)`: that is declared in the form that is wanted."""
    known = written.assignments(source, node.id, node.lineno) if isinstance(node, ast.Name) else []
    value = known[-1][1] if known else node
    return isinstance(value, ast.Call) and search.last_part(value.func) != "Input"


def _a_layer(source: SourceText) -> ast.Call | None:
    """A call that makes a layer, to write another like it."""
    known = ("Dense", "Conv2D", "Flatten", "Reshape", "LSTM", "GRU", "Conv1D", "Conv2DTranspose", "Dropout")
    return next((call for call in source.calls() if search.last_part(call.func) in known), None)
