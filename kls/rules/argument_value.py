"""An argument has a value that the layer or function does not take.

## What it says
The callee knows the argument and refuses its value: a float where an integer is needed (`Dense(n / 2)`), a string of
digits, a rate of 20, an axis that is not there, groups that do not divide the channels, a word that is not offered. As
a warning: a Dropout of everything.

## Why it matters
Keras raises `ValueError: Received an invalid value for units, expected a positive integer` or its like, where the
layer is made or when it first sees its input.

## Example
```python
import keras
layer = keras.layers.Dropout(20)
```

## Repair
The value that was meant: `n // 2`, `0.2`, `axis=-1`, a divisor of the channels.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from kls import edits
from kls.facts import Evidence, Finding, Fix, Related, Severity
from kls.rules import operators, search, wording, written
from kls.rules.context import Context, Rule, finding, fix
from kls.source import SourceText
from kls.worker.protocol import Failure

RULE = Rule("argument-value", Severity.ERROR, "An argument has a value that the layer or function does not take.")


def survey(context: Context) -> Iterator[Finding]:
    """A class among the callbacks of a `fit`, where an instance belongs; a loss that is called where it is named; a
    Dropout of everything."""
    yield from _called_losses(context)
    yield from _callbacks(context)
    yield from _all_dropped(context)


def _all_dropped(context: Context) -> Iterator[Finding]:
    for span in dict.fromkeys(
        layer.created for layer in context.report.layers if "Dropout" in layer.cls and layer.config.get("rate") == 1
    ):
        found = context.call_node(span)
        rate = edits.argument(found[1], "rate", 0) if found is not None else None
        if span is None or found is None or not isinstance(rate, ast.Constant):
            continue
        words = (
            f"`{found[0].segment(found[1])}` drops everything: in training it gives only zeros\nKeras raises nothing."
        )
        fixes = fix("Drop half of it: 0.5", edits.replace(found[0], rate, "0.5"), cause=span)
        yield finding(
            RULE, context, span, words, evidence=Evidence.SILENT, severity=Severity.WARNING, fixes=tuple(fixes)
        )


def _called_losses(context: Context) -> Iterator[Finding]:
    """`compile(loss=own())` of a function that takes labels and output: it is called before there are any."""
    for source in context.sources.values():
        own = {item.name: item for item in source.nodes if isinstance(item, ast.FunctionDef)}
        for node in source.calls():
            loss = edits.argument(node, "loss", 1) if search.last_part(node.func) == "compile" else None
            made = own.get(loss.func.id) if isinstance(loss, ast.Call) and isinstance(loss.func, ast.Name) else None
            if made is None or not isinstance(loss, ast.Call) or made.decorator_list:
                continue
            missed = any(
                gap.kind == "error" and (gap.span.path, gap.span.line) == (source.path, node.lineno)
                for gap in context.report.gaps
            )
            wanted = _left_open(made, loss)
            if len(wanted) < 2 or not missed:
                continue
            name, text = source.segment(loss.func), source.segment(loss)
            function, words = name, f"`{name}()` calls the loss here; `compile` takes the function"
            if loss.args or loss.keywords:
                labels, output = wanted[:2]
                function = f"lambda {labels}, {output}: {text[:-1]}, {labels}={labels}, {output}={output})"
                words = f"`{text}` calls the loss here, without labels and output; `compile` takes a function of these"
            changed = edits.replace(source, loss, function)
            fixes = fix(f"Give the function: `{function}`", changed, cause=source.span(loss))
            told = (
                f"{name}() missing {len(wanted)} required positional arguments: {' and '.join(map(repr, wanted[:2]))}"
            )
            words += f"\nPython raises: TypeError: {told}"
            yield finding(RULE, context, source.span(loss), words, evidence=Evidence.WOULD_RAISE, fixes=tuple(fixes))


def _left_open(made: ast.FunctionDef, call: ast.Call) -> list[str]:
    """The parameters without a default that a call gives nothing for; none where that is not told by its text."""
    if any(isinstance(item, ast.Starred) for item in call.args) or any(item.arg is None for item in call.keywords):
        return []
    needed = [item.arg for item in made.args.args[: len(made.args.args) - len(made.args.defaults)]]
    named = {item.arg for item in call.keywords}
    left = [name for name in needed[len(call.args) :] if name not in named]
    return left if len(left) == 2 or not (call.args or call.keywords) else []


def _callbacks(context: Context) -> Iterator[Finding]:
    """A class among the callbacks of a `fit`: `fit` calls its methods without a `self`."""
    for call in context.report.calls:
        found = context.call_node(call.span)
        given = edits.keyword(found[1], "callbacks") if found is not None else None
        if found is None or given is None or call.paired or call.status == "unknown":
            continue
        source = found[0]
        listed = given
        if isinstance(given, ast.Name):
            known = written.assignments(source, given.id, found[1].lineno)
            listed = known[-1][1] or given if known else given
        for item in listed.elts if isinstance(listed, (ast.List, ast.Tuple)) else [listed]:
            if not _is_callback_class(source, item):
                continue
            text = source.segment(item)
            fixes = fix(f"Make one: `{text}()`", edits.replace(source, item, f"{text}()"), cause=source.span(item))
            words = f"`{text}` is a class; `callbacks` takes what it makes"
            raises = "Keras raises: TypeError: Callback.set_model() missing 1 required positional argument: 'model'"
            related = (Related(call.span, f"`{call.method}` raises here"),) if call.span.line != item.lineno else ()
            yield finding(
                RULE,
                context,
                source.span(item),
                f"{words}\n{raises}",
                call=call,
                evidence=Evidence.WOULD_RAISE,
                related=related,
                fixes=tuple(fixes),
            )


def _is_callback_class(source: SourceText, node: ast.expr) -> bool:
    """Whether an expression names a class of Keras's callbacks, or one of the file that extends one."""
    if isinstance(node, ast.Attribute):
        return node.attr[:1].isupper() and search.last_part(node.value) == "callbacks"
    if not isinstance(node, ast.Name):
        return False
    for item in source.nodes:
        if isinstance(item, ast.ImportFrom) and (item.module or "").endswith("keras.callbacks"):
            if any((alias.asname or alias.name) == node.id and node.id[:1].isupper() for alias in item.names):
                return not any(isinstance(made, ast.Name) and made.id == node.id and isinstance(made.ctx, ast.Store)
                               for made in source.nodes)  # fmt: skip
        if isinstance(item, ast.ClassDef) and item.name == node.id:
            return any(search.last_part(base).endswith(("Callback", "EarlyStopping")) for base in item.bases)
    return False


def diagnose(context: Context, failure: Failure) -> Finding | None:
    """The finding for a failure that another value of an argument, written at the failing call, might end."""
    places = search.calls(context, failure)
    if not places or "required" in failure.message or (failure.call is not None and len(failure.frames) < 2):
        return None
    fixes = [*_rows_of_weights(context, failure), *search.other_values(context, failure)]
    if not fixes:
        return None
    span = fixes[0].cause or places[0][0].span(places[0][1])
    source = context.source(span.path)
    words = " ".join(source.cut(span).split()) if source is not None else ""
    first = wording.first_line(failure)
    number = re.search(r"expected a positive integer\. Received: (\w+)=([1-9]\d*)$", first)
    if number is not None:
        first = f"`{number[1]}` is {number[2]}, but a number of NumPy; Keras takes Python's own `int` only"
    # Two tensors that do not fit may have nothing to do with what the failing call was given.
    subject = "" if wording.operands(failure.message) else f"`{words if len(words) < 50 else words[:47] + '…'}`: "
    lines = [subject + first, _raised(failure, first)]
    lines += failure.message.split("\n", 1)[1:]
    related = tuple(Related(frame, "it raises here") for frame in failure.frames[:1] if frame.line != span.line)
    return finding(
        RULE, context, span, "\n".join(lines), call=context.sink(failure), related=related, fixes=tuple(fixes)
    )


def _raised(failure: Failure, told: str) -> str:
    """The exception, with its own words where the first line has others."""
    own = failure.message.split("\n", 1)[0]
    return f"It raises: {failure.exception}" + (f": {own}" if own not in told else "")


def _rows_of_weights(context: Context, failure: Failure) -> list[Fix]:
    """As many rows of a matrix given as a layer's weights as the layer has, or the other way round."""
    found = re.search(
        r"weight shape \((\d+)\b[^)]*\) is not compatible with provided weight shape \((\d+)\b", failure.message
    )
    if found is None or found[1] == found[2]:
        return []
    wanted, have = int(found[1]), int(found[2])
    fixes: list[Fix] = []
    for source, call in search.calls(context, failure)[:2]:
        given = edits.keyword(call, "weights")
        names = [item for item in ast.walk(given) if isinstance(item, ast.Name)] if given is not None else []
        for name in names:
            known = [value for _, value in written.assignments(source, name.id, call.lineno) if value is not None]
            size = _rows_made(known[-1]) if known else None
            if size is not None:
                fixes += operators.count_as(source, size, have, wanted, f"Make `{name.id}` of {wanted} rows")
        rows = edits.argument(call, "input_dim", 0)
        if given is not None and rows is not None:
            title = f"Make the layer for {have} rows"
            fixes += operators.count_as(source, rows, wanted, have, title)
    return fixes


def _rows_made(value: ast.expr) -> ast.expr | None:
    """The first size in `np.zeros((rows, columns))` or `np.random.rand(rows, columns)`."""
    if not isinstance(value, ast.Call):
        return None
    shape = edits.keyword(value, "size") or edits.keyword(value, "shape")
    shapes = [item for item in (shape, *value.args) if isinstance(item, (ast.Tuple, ast.List)) and item.elts]
    if shapes:
        return shapes[0].elts[0]
    return value.args[0] if len(value.args) == 2 and search.last_part(value.func) in ("rand", "randn") else None
