"""An argument that the function or layer does not have, or one that it must be given.

## What it says
A keyword is given that this version does not know: a leftover of Keras 1 or 2 (`lr=`, `nb_epoch=`, `output_dim=`), or
a misspelling. Or an argument without a default is left out: the units of a `Dense`, the size of a kernel. Or a function
of your own that Keras calls does not take what it is given: labels and predictions for a loss or a metric, `logs` for a
callback.

## Why it matters
Python or Keras raises `TypeError: … got an unexpected keyword argument`,
`Unrecognized keyword arguments passed to Dense` or `TypeError: … missing 1 required positional argument`.

## Example
```python
import keras
optimizer = keras.optimizers.Adam(lr=0.001)
```

## Repair
The argument's present name, or no argument where it has none; for one that is left out, what the labels, a variable
of that name or the other calls say, else a usual value.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterator

from kls import edits
from kls.facts import Edit, Finding, Fix, Severity, Span
from kls.rules import keras_names, left_out, search
from kls.rules.context import Context, Rule, finding, fix
from kls.rules.reading import Reading, stated
from kls.source import SourceText
from kls.worker.protocol import Failure

RULE = Rule(
    "argument-name",
    Severity.ERROR,
    "An argument that the function or layer does not have, or one that it must be given.",
)

RENAMED = {
    "lr": "learning_rate",
    "nb_epoch": "epochs",
    "output_dim": "units",
    "nb_filter": "filters",
    "border_mode": "padding",
    "subsample": "strides",
    "init": "kernel_initializer",
    "W_regularizer": "kernel_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint",
    "inner_activation": "recurrent_activation",
    "dropout_W": "dropout",
    "dropout_U": "recurrent_dropout",
    "p": "rate",
    "input": "inputs",
    "output": "outputs",
    "samples_per_epoch": "steps_per_epoch",
    "nb_val_samples": "validation_steps",
    "nb_worker": "workers",
    "pool_length": "pool_size",
    "filter_length": "kernel_size",
    "dim_ordering": "data_format",
    "bias": "use_bias",
}
"""Arguments of Keras 1 and 2 and their names in Keras 3."""

GONE = (
    "workers use_multiprocessing max_queue_size decay input_length time_major implementation batch_input_shape "
    "input_dtype renorm renorm_clipping renorm_momentum virtual_batch_size adjustment fused validation_workers"
).split()
"""Arguments that have no successor at this place."""

_TAKEN = {
    name.rpartition(".")[2]: tuple(item for item in taken if not item.startswith("*"))
    for name, taken in keras_names.PARAMETERS.items()
    if "**" not in taken
}
"""What classes and methods of Keras take, by the last part of their names."""


def diagnose(context: Context, failure: Failure) -> Finding | None:
    """The finding for a keyword that the callee does not take."""
    if failure.exception not in ("TypeError", "ValueError") or not re.search(
        r"unexpected keyword argument|[Uu]nrecognized|not recognized|Invalid keyword|missing .*required"
        r"|Keyword argument not understood"
        r"|takes \d+ positional arguments? but \d+ w|too many positional arguments",
        failure.message,
    ):
        return None
    parameters = tuple(str(item) for item in failure.facts.get("parameters") or ())
    own = _own_method(context, failure) or _of_compile(context, failure)
    if own is not None:
        words, span, fixes = own
        lines = [words, f"It raises: {failure.exception}: {failure.message}"]
        return finding(RULE, context, span, "\n".join(lines), call=context.sink(failure), fixes=tuple(fixes))
    for span in reversed(failure.frames):
        found = context.call_node(span)
        if found is None:
            continue
        source, call = found
        if "too many positional arguments" in failure.message:
            words = (
                f"`{source.segment(call.func)}` takes fewer arguments without a name than the {len(call.args)} given"
            )
            lines = [words, f"It raises: {failure.exception}: {failure.message}"]
            return finding(RULE, context, span, "\n".join(lines), fixes=tuple(_by_name(source, call, parameters)))
        wrong = [
            item
            for item in call.keywords
            if item.arg
            and re.search(rf"['\"`{{ ,]{re.escape(item.arg)}['\"`}}:, ]", failure.message + " ")
            and not re.search(rf"[Uu]nrecognized {item.arg}: ", failure.message)  # what it has for a value
        ] or _former(call, failure)
        if not wrong:
            continue
        callee = source.segment(call.func)
        names = ", ".join(f"`{item.arg}`" for item in wrong)
        lines = [f"`{callee}` takes no argument {names}", f"It raises: {failure.exception}: {failure.message}"]
        fixes = _fixes(source, call, wrong, parameters)
        return finding(
            RULE, context, source.span(wrong[0]), "\n".join(lines), call=context.sink(failure), fixes=tuple(fixes)
        )
    missing = left_out.diagnose(context, failure)
    if missing is not None:
        words, span, given = missing
        lines = [words, f"It raises: {failure.exception}: {failure.message}"]
        return finding(RULE, context, span, "\n".join(lines), call=context.sink(failure), fixes=tuple(given))
    return None


def _by_name(source: SourceText, call: ast.Call, parameters: tuple[str, ...]) -> list[Fix]:
    """`compute_class_weight("balanced", classes, y)`, all of which but the first are taken by name only."""
    taken = {item.arg for item in call.keywords}
    if len(parameters) < len(call.args) or taken & {*parameters[: len(call.args)]}:
        return []
    changes = [edits.wrap(source, item, f"{name}={{}}") for name, item in zip(parameters, call.args, strict=False)]
    names = ", ".join(f"`{name}`" for name in parameters[: len(call.args)])
    return fix(f"Give them by their names: {names}", *changes, cause=source.span(call))


def _own_method(context: Context, failure: Failure) -> tuple[str, Span, list[Fix]] | None:
    """A method or function of the author that Keras calls with what it does not take: `update_state` without
    `sample_weight`, `call` without `training`, `on_epoch_end` without `logs`. None where a call in the author's text
    gives the keyword itself."""
    told = re.search(r"(?:(\w+)\.)?(\w+)\(\) got an unexpected keyword argument '(\w+)'", failure.message)
    told = told or re.search(
        r"(\w+)\.(on_\w+)\(\) takes \d positional arguments? but \d w(ere|as) given", failure.message
    )
    name = "logs" if told is not None and told[3] in ("ere", "as") else told[3] if told is not None else ""
    if told is None or name not in (*_OF_KERAS, "logs"):
        return None
    for span in failure.frames:
        found = context.call_node(span)
        if found is not None and search.last_part(found[1].func) in (told[1], told[2]):
            return None
    for source in context.sources.values():
        for node in source.nodes:
            if not isinstance(node, ast.FunctionDef) or node.name != told[2] or node.args.kwarg is not None:
                continue
            owner = source.parents.get(node)
            if (owner.name if isinstance(owner, ast.ClassDef) else None) != told[1] or not node.args.args:
                continue
            last = node.args.defaults[-1] if node.args.defaults else None
            arg = node.args.args[-1]
            end = source.span(last) if last is not None else source.span(arg.annotation) if arg.annotation else None
            line, column = (end.end_line, end.end_column) if end is not None else _end_of(source, arg)
            edit = Edit(Span(source.path, line, column, line, column), f", {name}=None")
            header = Span(source.path, node.lineno, node.col_offset, node.lineno, len(source.lines[node.lineno - 1]))
            words = f"`{node.name}` takes no `{name}`, which Keras gives it"
            return words, header, fix(f"Take it: `{name}=None`", edit, cause=header)
    return None


def _of_compile(context: Context, failure: Failure) -> tuple[str, Span, list[Fix]] | None:
    """A function of the author as a loss or metric that does not take (y_true, y_pred)."""
    told = re.match(r"(?:\w+\.)*(\w+)\(\) (takes \d positional|missing \d required positional)", failure.message)
    kind = next((word for word in ("loss", "metric") if word in failure.stage), None)
    if told is None or kind is None:
        return None
    for source in context.sources.values():
        for node in source.nodes:
            if not isinstance(node, ast.FunctionDef) or node.name != told[1]:
                continue
            method = isinstance(source.parents.get(node), ast.ClassDef) and not any(
                search.last_part(item) == "staticmethod" for item in node.decorator_list
            )
            given = node.args.args[1:] if method else node.args.args
            if method and not node.args.args:
                continue
            names = [arg.arg for arg in given]
            fixes: list[Fix] = []
            header = Span(source.path, node.lineno, node.col_offset, node.lineno, len(source.lines[node.lineno - 1]))
            if len(names) == 1:
                before = re.search(r"pred|out|prob|logit", names[0]) is not None
                place = source.span(ast.copy_location(ast.Name(names[0]), given[0]))
                line, column = (place.line, place.column) if before else _end_of(source, given[0])
                text = "y_true, " if before else ", y_pred"
                edit = Edit(Span(source.path, line, column, line, column), text)
                fixes = fix("Take the labels and the predictions", edit, cause=header)
            elif not names and method:
                line, column = _end_of(source, node.args.args[0])
                edit = Edit(Span(source.path, line, column, line, column), ", y_true, y_pred")
                fixes = fix("Take the labels and the predictions", edit, cause=header)
            count = "no arguments" if not names else "1 argument" if len(names) == 1 else f"{len(names)} arguments"
            words = f"Keras gives a {kind} the labels and the predictions; `{node.name}` takes {count}"
            return words, header, fixes
    return None


_OF_KERAS = ("sample_weight", "training", "mask", "from_logits", "batch_size", "steps_per_execution")
"""Keywords with which Keras itself calls what an author writes."""


def _end_of(source: SourceText, arg: ast.arg) -> tuple[int, int]:
    span = source.span(ast.copy_location(ast.Name(arg.arg), arg))
    return span.end_line, span.end_column


def _former(call: ast.Call, failure: Failure) -> list[ast.keyword]:
    """Keywords that once were the names of the arguments that are missing now."""
    missing = re.findall(r"'(\w+)'", failure.message) if "missing" in failure.message else []
    return [item for item in call.keywords if RENAMED.get(item.arg or "") in missing]


def read(reading: Reading) -> Iterator[Finding]:
    """Keywords that Keras 3 does not know, and misspellings that no Keras knows, in calls of Keras itself."""
    for call, name in reading.calls():
        taken = keras_names.PARAMETERS.get(name)
        if taken is None or "**" in taken or any(item.arg is None for item in call.keywords):
            continue
        wrong = [item for item in call.keywords if item.arg is not None and item.arg not in taken]
        severity = _severity(reading, wrong, taken)
        if severity is None:
            continue
        callee = reading.source.segment(call.func)
        names = ", ".join(f"`{item.arg}`" for item in wrong)
        age = "" if severity is RULE.severity else " in Keras 3"
        span = reading.source.span(wrong[0])
        fixes = _fixes(reading.source, call, wrong, tuple(item for item in taken if not item.startswith("*")))
        yield stated(RULE, span, f"`{callee}` takes no argument {names}{age}", severity=severity, fixes=tuple(fixes))


def _severity(reading: Reading, wrong: list[ast.keyword], taken: tuple[str, ...]) -> Severity | None:
    """How surely the program's Keras refuses these keywords; None where it may well know them."""
    words = [item.arg or "" for item in wrong]
    old = [word for word in words if word in RENAMED or word in GONE]
    misspelt = [word for word in words if difflib.get_close_matches(word, taken, 1, 0.85)]
    if words and (reading.tabled or (reading.installed is not None and len({*old, *misspelt}) == len(set(words)))):
        return RULE.severity
    if words and not old and len(misspelt) == len(words):
        return RULE.severity
    return Severity.INFORMATION if old else None


def _fixes(source: SourceText, call: ast.Call, wrong: list[ast.keyword], parameters: tuple[str, ...]) -> list[Fix]:
    """The present names in this call, and in every call of the file that an older Keras was written for."""
    cause = source.span(wrong[0])
    every = [item for item in call.keywords if item.arg in RENAMED and item.arg not in parameters]
    here = _renames(source, call, list(dict.fromkeys([*wrong, *every])), parameters)
    title = "; ".join(title for title, _ in here if title)
    fixes = fix(title[0].upper() + title[1:], *(edit for _, edit in here), cause=cause)
    beside: list[Edit | None] = []
    calls = 1
    for other in source.calls():
        taken = _TAKEN.get(search.last_part(other.func))
        old = [item for item in other.keywords if taken is not None and _is_old(item, taken)]
        if other is not call and taken is not None and old:
            beside += [edit for _, edit in _renames(source, other, old, taken)]
            calls += 1
    if beside:
        title = f"Use the names of Keras 3 in all {calls} calls"
        fixes += fix(title, *dict.fromkeys([*(edit for _, edit in here), *beside]), cause=cause)
    return fixes


def _is_old(item: ast.keyword, taken: tuple[str, ...]) -> bool:
    """Whether a keyword is the former name of an argument that the callee takes, or one that is gone."""
    return item.arg not in taken and (RENAMED.get(item.arg or "") in taken or item.arg in GONE)


def _renames(
    source: SourceText, call: ast.Call, wrong: list[ast.keyword], parameters: tuple[str, ...]
) -> list[tuple[str, Edit | None]]:
    """For each of these keywords of a call what becomes of it, in words and as an edit."""
    made: list[tuple[str, Edit | None]] = []
    steps, width = edits.keyword(call, "input_length"), edits.keyword(call, "input_dim")
    for item in wrong:
        if item.arg == "input_length" and steps is not None and width is not None:  # a row of Keras 1
            shape = f"input_shape=({source.segment(steps)}, {source.segment(width)})"
            place = source.span(item)
            words = f"write `{shape}`"
            made += [(words, Edit(place, shape)), ("", edits.remove_argument(source, call, "input_dim"))]
            continue
        new = _new_name(item.arg or "", parameters)
        if item.arg == "batch_input_shape":
            name, imports = edits.callee_like(source, call, "Input")
            layer = edits.insert_layer(source, call, f"{name}(batch_shape={source.segment(item.value)})")
            if layer is not None:
                made.append(("give `batch_input_shape` to an `Input` as its `batch_shape`", layer))
                made += [("", edit) for edit in (*imports, edits.remove_argument(source, call, item.arg))]
                continue
        if new is None:
            made.append((f"leave out `{item.arg}`", edits.remove_argument(source, call, item.arg or "")))
        else:
            place = source.span(item)
            name = Span(place.path, place.line, place.column, place.line, place.column + len(item.arg or ""))
            made.append((f"`{item.arg}` is now `{new}`", Edit(name, new)))
    return made


def _new_name(name: str, parameters: tuple[str, ...]) -> str | None:
    if name in RENAMED and (
        not parameters or RENAMED[name] in parameters or "kwargs" in parameters or len(parameters) < 3
    ):
        return RENAMED[name]
    if name in GONE:
        return None
    if name in RENAMED:
        return RENAMED[name]
    close = difflib.get_close_matches(name, parameters, 1, 0.6)
    return close[0] if close else None
