"""The graph of a model is not whole.

## What it says
An output depends on an `Input` that the model is not given, a name was overwritten on the way, or two layers have the
same name.

## Why it matters
Keras raises `ValueError: Output with path … is not connected to inputs` (Keras 2: `Graph disconnected: cannot obtain
value for tensor …`), or `The name "fc" is used 2 times in the model`.

## Example
```python
import keras
from keras import layers
a, b = keras.Input((4,)), keras.Input((4,))
x = layers.Dense(1)(layers.Concatenate()([a, b]))
model = keras.Model(inputs=a, outputs=x)
```

## Repair
Give the model all its inputs, use the tensor that was meant, or rename one layer.
"""

from __future__ import annotations

import ast
import re

from kls import edits
from kls.facts import Edit, Finding, Fix, Related, Severity
from kls.rules import search, written
from kls.rules.context import Context, Rule, finding, fix
from kls.source import SourceText
from kls.worker.protocol import Failure

RULE = Rule("model-graph", Severity.ERROR, "The graph of a model is not whole.")


def diagnose(context: Context, failure: Failure) -> Finding | None:
    """The finding for a model whose outputs are not reached from its inputs, or whose names repeat."""
    connected = re.search(r"not connected|disconnected|is not (?:reachable|computed)", failure.message)
    repeated = re.search(r"\bunique\b|used \d+ times|same name", failure.message)
    if not connected and not repeated:
        return None
    for source, call in search.calls(context, failure):
        if connected and not any(_is_model(context, node) for node in [call]):
            continue
        fixes = _repeated(source, call) if repeated else _inputs(context, source, call)
        span = fixes[0].cause if fixes and fixes[0].cause else source.span(call)
        first = (
            "two layers of the model have the same name"
            if repeated
            else "the outputs need an input that the model is not given"
        )
        lines = [first, f"Keras raises: {failure.exception}: {failure.message}"]
        related = tuple(Related(frame, "the model is made here") for frame in failure.frames[:1] if frame != span)
        return finding(RULE, context, span, "\n".join(lines), related=related, fixes=tuple(fixes))
    return None


def _is_model(context: Context, call: ast.Call) -> bool:
    return bool(call.args or call.keywords)


def _made_inputs(source: SourceText) -> list[tuple[str, int]]:
    """Names assigned from `Input(…)`, alone or in a tuple, with their lines."""
    found: list[tuple[str, int]] = []
    for node, name, made in source.assignments():
        if isinstance(name, ast.Name) and isinstance(made, ast.Call) and search.last_part(made.func) == "Input":
            found.append((name.id, node.lineno))
    return found


def _inputs(context: Context, source: SourceText, call: ast.Call) -> list[Fix]:
    given = edits.argument(call, "inputs", 0)
    if given is None:
        return []
    items = list(given.elts) if isinstance(given, (ast.List, ast.Tuple)) else [given]
    names = {source.segment(item) for item in items}
    missing = [name for name, line in _made_inputs(source) if name not in names and line <= call.lineno]
    missing = list(dict.fromkeys(missing))
    needed = [name for name in missing if name in _needed(source, call)]
    missing = needed or missing
    fixes: list[Fix] = []
    for name in missing:
        for use in source.calls():
            if len(use.args) == 1 and isinstance(use.args[0], ast.Name) and use.args[0].id == name:
                for other in search.tensors_before(context, source.path, use.lineno, name)[:2]:
                    fixes += fix(
                        f"Give `{other}` instead of `{name}`",
                        edits.replace(source, use.args[0], other),
                        cause=source.span(use),
                    )
    wider: list[Fix] = []
    for group in [missing, *[[name] for name in missing]] if len(missing) > 1 else [missing]:
        text = ", ".join([*[source.segment(item) for item in items], *group])
        shown = ", ".join(f"`{name}`" for name in group)
        if group:
            edit: Edit = edits.replace(source, given, f"[{text}]")
            wider += fix(f"Add {shown} to the inputs", edit, cause=source.span(call))
            if all(isinstance(item, ast.Name) for item in items):
                alone = group[0] if len(group) == 1 else f"[{', '.join(group)}]"
                edit = edits.replace(source, given, alone)
                wider += fix(f"Give {shown} as the input", edit, cause=source.span(call))
    if _data_count(source, call) in (None, len(items)):
        return [*fixes[:3], *wider]
    return [*wider[:2], *fixes[:3], *wider[2:]]


def _needed(source: SourceText, call: ast.Call) -> set[str]:
    """The names of inputs that the model's outputs come from, by the last assignment of each name on the way."""
    outputs = edits.argument(call, "outputs", 1)
    inputs = {name for name, _ in _made_inputs(source)}
    found: set[str] = set()
    work = [(item.id, call.lineno) for item in ast.walk(outputs) if isinstance(item, ast.Name)] if outputs else []
    seen = set(work)
    while work:
        name, line = work.pop()
        if name in inputs:
            found.add(name)
            continue
        made = [item for item, _ in written.assignments(source, name, line - 1)]
        here = [item for item in made if source.function(item) is source.function(call)]
        for item in ast.walk(here[-1].value) if here else ():
            place = (item.id, here[-1].lineno) if isinstance(item, ast.Name) else None
            if place is not None and place not in seen:
                seen.add(place)
                work.append(place)
    return found


def _data_count(source: SourceText, call: ast.Call) -> int | None:
    """How many arrays the next `fit` gives as x, as far as the text says."""
    for node in source.calls():
        if isinstance(node.func, ast.Attribute) and node.func.attr == "fit" and node.lineno > call.lineno:
            given = edits.argument(node, "x", 0)
            if isinstance(given, (ast.List, ast.Tuple, ast.Dict)):
                return len(given.keys if isinstance(given, ast.Dict) else given.elts)
            return 1 if given is not None else None
    return 0


def _repeated(source: SourceText, call: ast.Call) -> list[Fix]:
    """Rename the later of two layers with one literal name; the layer that is added, when it is added twice."""
    fixes: list[Fix] = []
    seen: dict[str, int] = {}
    for node in sorted(source.calls(), key=lambda item: (item.lineno, item.col_offset)):
        value = edits.keyword(node, "name")
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            count = seen[value.value] = seen.get(value.value, 0) + 1
            if count > 1:
                quote = source.segment(value)[0]
                new = f"{quote}{value.value}{count}{quote}"
                fixes += fix(
                    f"Rename the layer: name={new}", edits.replace(source, value, new), cause=source.span(node)
                )
    for node in [node for node in ast.walk(call) if isinstance(node, ast.Call)] if not fixes else []:
        value = edits.keyword(node, "name")
        if value is not None and not isinstance(value, ast.Constant):
            fixes += fix(
                "Leave the name to Keras", edits.remove_argument(source, node, "name"), cause=source.span(node)
            )
    return fixes
