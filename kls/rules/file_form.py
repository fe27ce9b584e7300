"""A model or its weights are read from a file of a form that Keras 3 does not read.

## What it says
`load_model` is given a folder of a SavedModel, or `load_weights` the name of a TensorFlow checkpoint. Keras 3
reads `.keras` and `.h5` files of models, and `.weights.h5` files of weights; it judges by the ending of the name.

## Why it matters
Keras raises `ValueError: File format not supported: filepath=my_model`, often long after the training that wrote the
folder.

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

RULE = Rule(
    "file-form", Severity.ERROR, "A model or its weights are read from a form of file that Keras 3 does not read."
)

_ENDINGS = {"load_model": ".keras", "load_weights": ".weights.h5"}
_OLD = re.compile(r"(?:\.(?:ckpt|tf|pb|index)|/)$")


def diagnose(context: Context, failure: Failure) -> Finding | None:
    """The finding for a file that Keras refuses for its name, with the name that it reads."""
    if not failure.message.startswith("File format not supported"):
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
    path = edits.argument(call, "filepath", 0)
    name = re.match(r"File format not supported: filepath=(.*?)\. ", failure.message)
    shown = f'"{name[1]}"' if name is not None else "this"
    kind = "models from `.keras` and `.h5` files" if what == "load_model" else "weights from `.weights.h5` files"
    message = (
        f"{shown} is no file that `{what}` reads: Keras 3 reads {kind}\nKeras raises: ValueError: {failure.message}"
    )
    fixes = [*_named(source, path, _ENDINGS[what]), *(_as_layer(source, call, path) if what == "load_model" else [])]
    return finding(RULE, context, source.span(call), message, fixes=tuple(fixes))


def _holds(node: ast.Call, line: int) -> bool:
    return node.lineno <= line <= (node.end_lineno or line)


def _literal(source: SourceText, path: ast.expr | None) -> ast.Constant | None:
    """The text that names the file: the argument, or what its name was bound to last."""
    if isinstance(path, ast.Name):
        bound = written.assignments(source, path.id, path.lineno)
        path = bound[-1][1] if bound else None
    return path if isinstance(path, ast.Constant) and isinstance(path.value, str) else None


def _named(source: SourceText, path: ast.expr | None, ending: str) -> list[Fix]:
    """The ending that is read, wherever the file is named; what wrote it in TensorFlow's form writes it in Keras's."""
    literal = _literal(source, path)
    if literal is None:
        return []
    text = str(literal.value)
    new = _OLD.sub("", text) + ending
    changed: list[Edit] = []
    for node in source.nodes:
        if isinstance(node, ast.Constant) and node.value == text:
            quote = source.segment(node)[-1:]
            changed.append(edits.replace(source, node, f"{quote}{new}{quote}"))
    for node in source.calls():
        written_path = node.args[-1] if node.args else None
        if (
            written_path is None
            or _literal(source, written_path) is not literal
            and _value(source, written_path) != text
        ):
            continue
        kept = source.segment(node.func)
        if kept.endswith("saved_model.save") and len(node.args) == 2:
            changed = [item for item in changed if item.span != source.span(written_path)]
            own = source.segment(written_path) if isinstance(written_path, ast.Name) else f'"{new}"'
            changed.append(edits.replace(source, node, f"{source.segment(node.args[0])}.save({own})"))
        elif search.last_part(node.func) == "export" and isinstance(node.func, ast.Attribute):
            changed.append(edits.replace(source, node.func, f"{source.segment(node.func.value)}.save"))
    return fix(f'Name it "{new}"', *changed, cause=source.span(literal))


def _value(source: SourceText, node: ast.expr) -> object:
    literal = _literal(source, node)
    return literal.value if literal is not None else None


def _as_layer(source: SourceText, call: ast.Call, path: ast.expr | None) -> list[Fix]:
    keras, _ = search.keras_name(source)
    if path is None:
        return []
    made = f'{keras}.layers.TFSMLayer({source.segment(path)}, call_endpoint="serving_default")'
    return fix("Read the SavedModel as a layer", edits.replace(source, call, made), cause=source.span(call))
