"""An object is given what Keras computes for it.

## What it says
A model or layer of your own keeps a layer as `self.output`, `self.input` or `self.losses`: these are properties of
every Keras model. Or the kernel of a layer is replaced by another variable.

## Why it matters
Keras 2 took some of these. Keras 3 raises `AttributeError: property 'output' of 'Net' object has no setter` as soon as
the object is made.

## Example
```python
import keras
class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.output = keras.layers.Dense(1)
    def call(self, x):
        return self.output(x)
net = Net()
```

## Repair
Another name, `self.output_layer`; `layer.kernel.assign(values)` for the values of a weight.
"""

from __future__ import annotations

import ast
import re

from kls import edits
from kls.facts import Finding, Fix, Severity
from kls.rules import search
from kls.rules.context import Context, Rule, finding, fix
from kls.source import SourceText
from kls.worker.protocol import Failure

RULE = Rule("fixed-attribute", Severity.ERROR, "An object is given what Keras computes for it.")

_REFUSED = re.compile(r"property '(?P<name>\w+)' of '(?P<kind>\w+)' object has no setter")
_RESERVED = re.compile(r"`(?P<kind>\w+)\.(?P<name>\w+)` attribute is reserved")  # keras/src/models/model.py
_WEIGHTS = ("kernel", "bias", "embeddings", "gamma", "beta")


def diagnose(context: Context, failure: Failure) -> Finding | None:
    """The finding for an assignment to a property of Keras, at that line."""
    told = _REFUSED.match(failure.message) or _RESERVED.match(failure.message)
    span = failure.frames[-1] if failure.frames else None
    source = context.source(span.path) if span is not None else None
    statement = source.statement_at(span.line) if source is not None and span is not None else None
    if told is None or span is None or source is None or not isinstance(statement, ast.Assign):
        return None
    name, kind = told["name"], told["kind"]
    if name in _WEIGHTS:
        first = f"the `{name}` of a {kind} cannot be replaced, only its values"
        fixes = _assigned(source, statement)
    else:
        first = f"`{name}` is what Keras computes for a {kind}: nothing else can have that name"
        fixes = _renamed(source, statement, name)
    message = f"{first}\nIt raises: {failure.exception}: {failure.message}"
    return finding(RULE, context, source.span(statement), message, fixes=tuple(fixes))


def _assigned(source: SourceText, statement: ast.Assign) -> list[Fix]:
    target, value = statement.targets[0], statement.value
    if isinstance(value, ast.Call) and search.last_part(value.func) == "Variable" and value.args:
        value = value.args[0]
    text = f"{source.segment(target)}.assign({source.segment(value)})"
    title = f"Give it the values: `{source.segment(target)}.assign(…)`"
    return fix(title, edits.replace(source, statement, text), cause=source.span(statement))


def _renamed(source: SourceText, statement: ast.Assign, name: str) -> list[Fix]:
    """Another name in the whole class."""
    target = statement.targets[0]
    owner: ast.AST | None = source.parents.get(statement)
    while owner is not None and not isinstance(owner, ast.ClassDef):
        owner = source.parents.get(owner)
    if not isinstance(target, ast.Attribute) or owner is None:
        return []
    kept = source.segment(target.value)
    new = f"{kept}.{name}_layer" if name in ("input", "output") else f"{kept}.own_{name}"
    changes = [
        edits.replace(source, node, new)
        for node in ast.walk(owner)
        if isinstance(node, ast.Attribute) and node.attr == name and source.segment(node.value) == kept
    ]
    return fix(f"Call it `{new}`", *changes, cause=source.span(statement))
