"""Weights that are loaded belong to another architecture.

## What it says
`load_weights` or `set_weights` brings an array for a layer that has another shape here: as many units there as here?
as many layers?

## Why it matters
Keras raises `ValueError: A total of 1 objects could not be loaded`, or `Layer … weight shape … is not compatible with
provided weight shape …`.

## Example
```python
import keras
old = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1000, name="head")])
old.save_weights("old.weights.h5")
new = keras.Sequential([keras.Input((4,)), keras.layers.Dense(10, name="head")])
new.load_weights("old.weights.h5")
```

## Repair
The size that the saved layer has; or `skip_mismatch=True`, which leaves a new head as it was made.
"""

from __future__ import annotations

import ast
import re

from kls import edits
from kls.facts import Finding, Fix, Related, Severity, Span
from kls.rules import search, written
from kls.rules.context import Context, Rule, finding, fix
from kls.worker.protocol import Failure, Layer

RULE = Rule("weights-shape", Severity.ERROR, "Weights that are loaded belong to another architecture.")

# keras/src/saving/saving_lib.py and keras/src/variables.py; keras/src/models/model.py (set_weights of a layer).
_FILE = re.compile(r"objects could not be loaded.*?object <(\w+) name=([^,>]+)", re.DOTALL)
_VARIABLE = re.compile(r"variable\.shape=(\([^)]*\)), Received: value\.shape=(\([^)]*\))")
LISTED = re.compile(r"weight shape (\([^)]*\)) is not compatible with provided weight shape (\([^)]*\))")
_VALUES = re.compile(r", value=\[.*?\]>", re.DOTALL)


def diagnose(context: Context, failure: Failure) -> Finding | None:
    """The finding for weights that have other shapes than the variables that they are to fill."""
    named, shapes = _FILE.search(failure.message), _VARIABLE.search(failure.message)
    shapes = shapes or LISTED.search(failure.message)
    if failure.exception != "ValueError" or shapes is None or not failure.frames:
        return None
    where = failure.frames[-1]
    if named is None and _assigned(context, where):
        return None
    layer = _layer(context, named[2] if named is not None else None, shapes[1])
    subject = f"`{layer.cls}` (`{layer.name}`)" if layer is not None else "a layer"
    told = failure.message.splitlines()[0] if named is not None else failure.message
    lines = [
        f"the weights are of another architecture: {shapes[1]} in {subject}, {shapes[2]} in what is loaded",
        f"Keras raises: {failure.exception}: {_VALUES.sub('>', told)}",
    ]
    span = layer.created if layer is not None and layer.created is not None else where
    related = (Related(where, "they are loaded here"),) if where != span else ()
    return finding(RULE, context, span, "\n".join(lines), related=related)


def _assigned(context: Context, place: Span) -> bool:
    """Whether the author's own line gives one variable a value: then nothing is loaded."""
    source = context.source(place.path)
    statement = source.statement_at(place.line) if source is not None else None
    calls = [node for node in ast.walk(statement) if isinstance(node, ast.Call)] if statement is not None else []
    return any(search.last_part(node.func) in ("assign", "assign_add", "assign_sub") for node in calls)


def _layer(context: Context, name: str | None, shape: str) -> Layer | None:
    """The layer with this name; of a list of weights, the last one that was made with so many units."""
    if name is not None:
        return next((layer for layer in reversed(context.report.layers) if layer.name == name), None)
    sizes = re.findall(r"\d+", shape)
    made = [layer for layer in context.report.layers if sizes and str(layer.config.get("units")) == sizes[-1]]
    return made[-1] if made else None


def without_head(context: Context, failure: Failure) -> list[Fix]:
    """Layers whose weights are copied one by one, the last one's too, or loaded from a file: all but the heads."""
    if not failure.frames:
        return []
    where, named, shapes = failure.frames[-1], _FILE.search(failure.message), _VARIABLE.search(failure.message)
    if named is not None and shapes is not None:
        return _skipped(context, failure, where, _layer(context, named[2], shapes[1]))
    if LISTED.search(failure.message) is None:
        return []
    source = context.source(where.path)
    walk: ast.AST | None = source.statement_at(where.line) if source is not None else None
    while source is not None and walk is not None and not isinstance(walk, ast.For):
        walk = source.parents.get(walk)
    if source is None or not isinstance(walk, ast.For):
        return []
    lists = [
        node
        for node in ast.walk(walk.iter)
        if isinstance(node, ast.Attribute)
        and node.attr == "layers"
        and not isinstance(source.parents.get(node), ast.Subscript)
    ]
    changes = [edits.replace(source, node, f"{source.segment(node)}[:-1]") for node in lists]
    return fix("Leave out the last layer", *changes, cause=source.span(walk.iter)) if changes else []


_OF_TABLES = re.compile(
    r"weight shape \(([\d?]+), ([\d?]+)\) is not compatible with provided weight shape \(([\d?]+), ([\d?]+)\)"
)


def as_wide(context: Context, failure: Failure) -> list[Fix]:
    """`Embedding(words, 100, weights=[np.zeros((words, size))])`: of the table's own size."""
    told = _OF_TABLES.search(failure.message)
    fixes: list[Fix] = []
    for source, call in search.calls(context, failure)[:2] if told is not None else ():
        given = edits.keyword(call, "weights")
        for name in [item for item in ast.walk(given) if isinstance(item, ast.Name)] if given is not None else []:
            known = [value for _, value in written.assignments(source, name.id, call.lineno) if value is not None]
            for axis, argument in enumerate(("input_dim", "output_dim")):
                size = _size(known[-1], axis) if known else None
                node = edits.argument(call, argument, axis)
                if told is None or size is None or node is None or told[1 + axis] == told[3 + axis]:
                    continue
                words = source.segment(size)
                changed = edits.replace(source, node, words)
                fixes += fix(f"Make the layer as the table: `{words}`", changed, cause=source.span(node))
    return fixes


def _size(value: ast.expr, axis: int) -> ast.expr | None:
    """A size in `np.zeros((rows, columns))` or `np.random.rand(rows, columns)`."""
    shapes = [item for item in getattr(value, "args", []) if isinstance(item, (ast.Tuple, ast.List))]
    sizes = shapes[0].elts if shapes else getattr(value, "args", [])
    return sizes[axis] if len(sizes) == 2 else None


def _skipped(context: Context, failure: Failure, where: Span, layer: Layer | None) -> list[Fix]:
    """A head that is made anew, with a name of its own or by the function that made the one which was saved: the rest
    of the file is loaded."""
    found = context.call_node(where)
    made = context.call_node(layer.created) if layer is not None else None
    if found is None or made is None or layer is None:
        return []
    alone = "A total of 1 objects" in failure.message and made[0].function(made[1]) is not None
    last = any(model.layers[-1:] == (layer.key,) for model in context.report.models)
    if edits.keyword(made[1], "name") is None and not (alone and last):
        return []
    source, call = found
    if not isinstance(call.func, ast.Attribute) or search.last_part(call.func) != "load_weights":
        return []
    edit = edits.set_argument(source, call, "skip_mismatch", None, "True")
    return fix("Load what fits, and keep the new head as it is made", edit, cause=where)
