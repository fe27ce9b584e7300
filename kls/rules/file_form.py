"""A model or its weights are saved to, or read from, a file of a form that Keras 3 does not know.

## What it says
`load_model` is given a folder of a SavedModel, or `load_weights` the name of a TensorFlow checkpoint; `save` and
`save_weights` are given such a name to write, or a `save_format`. Keras 3 writes and reads `.keras` and `.h5` files of
models, and `.weights.h5` files of weights; it judges by the ending of the name.

## Why it matters
Keras raises `ValueError: File format not supported: filepath=my_model` or `ValueError: Invalid filepath extension for
saving`: the latter when the training is done, and before its result is kept.

## Example
```python
import keras
model = keras.models.load_model("saved/my_model")
```

## Repair
Save with `model.save("my_model.keras")` and read that. A SavedModel that is already there can be read as a layer which
only predicts: `keras.layers.TFSMLayer("my_model", call_endpoint="serving_default")`.
"""

from __future__ import annotations

import ast
import re

from kls import edits
from kls.facts import Edit, Finding, Fix, Severity
from kls.rules import search, written
from kls.rules.context import Context, Rule, finding, fix
from kls.source import SourceText
from kls.worker.protocol import Failure

RULE = Rule("file-form", Severity.ERROR, "A model or its weights are in a form of file that Keras 3 does not know.")

_ENDINGS = {
    "load_model": ".keras",
    "load_weights": ".weights.h5",
    "save": ".keras",
    "save_model": ".keras",
    "save_weights": ".weights.h5",
}
# keras/src/saving/saving_api.py
_REFUSED = re.compile(
    r"File format not supported|Invalid filepath extension for saving|The `save_format` argument is deprecated|"
    r"The filename must end in `\.weights\.h5`"
)
_OLD = re.compile(r"(?:\.(?:ckpt|tf|pb|index|h5|hdf5|keras)|/)$")


def diagnose(context: Context, failure: Failure) -> Finding | None:
    """The finding for a file that Keras refuses for its name, with the name that it takes."""
    if not _REFUSED.match(failure.message):
        return None
    frame = failure.frames[-1]
    source = context.source(frame.path)
    calls = [node for node in source.calls() if source.span(node).line <= frame.line] if source is not None else []
    call = next(
        (node for node in reversed(calls) if search.last_part(node.func) in _ENDINGS and _holds(node, frame.line)), None
    )
    if source is None or call is None:
        return None
    what = search.last_part(call.func)
    path = edits.argument(call, "filepath", 1 if what == "save_model" else 0)
    name = re.search(r"filepath=(\S*?)\.?(?:\s|$)", failure.message)
    shown = f'"{name[1]}"' if name is not None else f"`{source.segment(path)}`" if path is not None else "this"
    kind = "weights: `.weights.h5`" if what.endswith("weights") else "models: `.keras` and `.h5`"
    does = "reads" if what.startswith("load") else "writes"
    message = (
        f"{shown} is no file that `{what}` {does}: Keras 3 knows files of {kind}\n"
        f"Keras raises: ValueError: {failure.message}"
    )
    fixes = _named(source, call, path, _ENDINGS[what])
    fixes += _as_layer(source, call, path) if what == "load_model" else []
    return finding(RULE, context, source.span(call), message, fixes=tuple(fixes))


def _holds(node: ast.Call, line: int) -> bool:
    return node.lineno <= line <= (node.end_lineno or line)


def _literal(source: SourceText, path: ast.expr | None) -> ast.Constant | ast.JoinedStr | None:
    """The text that ends the name of the file: the argument, what its name was bound to last, the last part of it."""
    if isinstance(path, ast.Name):
        bound = written.assignments(source, path.id, path.lineno)
        path = bound[-1][1] if bound else None
    while True:
        if isinstance(path, ast.BinOp) and isinstance(path.op, (ast.Add, ast.Div)):
            path = path.right
        elif isinstance(path, ast.Call) and path.args and search.last_part(path.func) in ("join", "Path", "str"):
            path = path.args[-1]
        else:
            break
    if isinstance(path, ast.Constant) and isinstance(path.value, str):
        return path
    return path if isinstance(path, ast.JoinedStr) else None


def _named(source: SourceText, call: ast.Call, path: ast.expr | None, ending: str) -> list[Fix]:
    """The ending that is known, wherever the file is named; what wrote it in TensorFlow's form writes it in Keras's."""
    literal = _literal(source, path)
    if literal is None and isinstance(path, (ast.Name, ast.Call)):
        form = f'{{}} + "{ending}"'
        title = f"Name it with its ending: `{form.format(source.segment(path))}`"
        return fix(title, edits.wrap(source, path, form), cause=source.span(path))
    if literal is None:
        return []
    words = source.segment(literal)
    quote = words[-1:]
    changed: list[Edit] = []
    for node in source.nodes:
        if isinstance(node, (ast.Constant, ast.JoinedStr)) and ast.dump(node) == ast.dump(literal):
            own = source.segment(node)
            text = own.rstrip(own[-1:])
            changed.append(edits.replace(source, node, _OLD.sub("", text) + ending + own[len(text) :]))
    new = _OLD.sub("", words.rstrip(quote).partition(quote)[2]) + ending
    for node in source.calls():
        given = node.args[-1] if node.args else None
        kept = source.segment(node.func)
        if node is call or (search.last_part(node.func) in _ENDINGS and _is_same(source, given, literal)):
            left_out = edits.remove_argument(source, node, "save_format")
            changed += [left_out] if left_out is not None else []
        elif given is None or not _is_same(source, given, literal):
            continue
        elif kept.endswith("saved_model.save") and len(node.args) == 2:
            changed = [item for item in changed if item.span != source.span(given)]
            own = source.segment(given) if isinstance(given, ast.Name) else f"{quote}{new}{quote}"
            changed.append(edits.replace(source, node, f"{source.segment(node.args[0])}.save({own})"))
        elif search.last_part(node.func) == "export" and isinstance(node.func, ast.Attribute):
            changed.append(edits.replace(source, node.func, f"{source.segment(node.func.value)}.save"))
    return fix(f'Name it "{new}"', *changed, cause=source.span(literal))


def _is_same(source: SourceText, path: ast.expr | None, literal: ast.expr) -> bool:
    """Whether a name of a file ends with the text `literal`, or one like it."""
    found = _literal(source, path)
    return found is not None and (found is literal or ast.dump(found) == ast.dump(literal))


def _as_layer(source: SourceText, call: ast.Call, path: ast.expr | None) -> list[Fix]:
    keras, _ = search.keras_name(source)
    if path is None:
        return []
    made = f'{keras}.layers.TFSMLayer({source.segment(path)}, call_endpoint="serving_default")'
    return fix("Read the SavedModel as a layer", edits.replace(source, call, made), cause=source.span(call))
