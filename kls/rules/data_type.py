"""Data of a type that cannot become numbers.

## What it says
An array of Python objects or of strings is given where a model or a loss computes. A model that begins with texts takes
TensorFlow's strings, not NumPy's.

## Why it matters
Keras raises `ValueError: Invalid dtype: object` in its data adapter, or TensorFlow `Cast string to float is not
supported` at the first step.

## Example
```python
import numpy as np, keras
x = np.array([[1.0, 2.0], [3.0, 4.0]], dtype=object); y = np.zeros(2)
model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(x, y)
```

## Repair
`astype("float32")` for numbers kept as objects; class numbers for labels that are words.
"""

from __future__ import annotations

import ast
import re
from dataclasses import replace

from kls import edits
from kls.facts import Finding, Fix, Related, Severity
from kls.rules import operators, search, written
from kls.rules.context import Context, Rule, finding, fix
from kls.worker.protocol import Argument, Failure, Tensor

RULE = Rule("data-type", Severity.ERROR, "Data of a type that cannot become numbers.")


def diagnose(context: Context, failure: Failure) -> Finding | None:
    """The finding for object or string data that a sink was given."""
    call = context.sink(failure)
    if call is None or "compile" in failure.stage:
        return None
    if not re.search(r"string|object|dtype|[Cc]ast|str\d", failure.message):
        return None
    for argument in call.arguments:
        kind = _bad(argument)
        if kind is None:
            continue
        place = operators.place_of_data(context, argument) or call.span
        name = argument.name or argument.role
        dtype = f"has dtype {argument.tensors[0].dtype}" if argument.tensors else f"is a {argument.kind}"
        dtype = "is a DataFrame" if kind == "columns of text" else dtype
        dtype = "holds text" if argument.tensors and str(argument.tensors[0].dtype).startswith("str") else dtype
        parts = [item for item in argument.tensors if _kind(item) == kind and item.path]
        if parts:
            dtype = f"holds {parts[0].dtype} in `{parts[0].path}`"
        texts = any(layer.cls in OF_TEXTS for layer in context.report.layers)
        why = (
            "cannot be computed with"
            if not texts or kind != "strings" or argument.kind != "array"
            else ("of NumPy are not taken, only TensorFlow's")
        )
        lines = [
            f"`{name}` {dtype}: {kind} {why}",
            f"Keras raises: {failure.exception}: {failure.message}",
        ]
        fixes = _fixes(context, argument, kind)
        span = fixes[0].cause if fixes and fixes[0].cause is not None else place
        related = (Related(call.span, f"`{call.method}` raises here"),)
        return finding(RULE, context, span, "\n".join(lines), call=call, related=related, fixes=tuple(fixes))
    return None


def _bad(argument: Argument) -> str | None:
    if argument.kind == "frame" and any(
        item.dtype == "object" and len(item.shape or ()) == 2 for item in argument.tensors
    ):
        return "columns of text"
    for tensor in argument.tensors:
        kind = _kind(tensor)
        if kind is not None:
            return kind
    return "strings" if not argument.tensors and "String" in argument.kind else None


def _kind(tensor: Tensor) -> str | None:
    dtype = tensor.dtype or ""
    if dtype == "object":
        return "Python objects"
    if dtype.startswith(("str", "<U", "bytes", "|S", "string")):
        return "strings"
    return "dates" if dtype.startswith(("datetime64", "timedelta64")) else None


OF_TEXTS = ("TextVectorization", "StringLookup", "Hashing", "HashedCrossing")
"""Layers that take texts."""


def _inputs_of_text(context: Context, argument: Argument) -> list[Fix]:
    """`Input(…, name="colour")` without `dtype="string"`, where the data have strings by that name."""
    names = {item.path.rpartition(".")[2] for item in argument.tensors if (item.dtype or "").startswith(("str", "<U"))}
    inputs = [layer for layer in context.report.layers if layer.cls == "InputLayer"]
    if len({layer.key for layer in inputs}) == 1 and any(layer.cls in OF_TEXTS for layer in context.report.layers):
        names.add(inputs[0].name)
    fixes: list[Fix] = []
    for layer in inputs:
        found = context.call_node(layer.created) if layer.name in names else None
        numbers = bool(layer.outputs) and layer.outputs[0].dtype != "string"
        if found is not None and numbers and edits.keyword(found[1], "dtype") is None:
            changed = edits.add_argument(*found, 'dtype="string"')
            fixes += fix(f'Give the input `{layer.name}` strings: `dtype="string"`', changed, cause=layer.created)
    return list({item.edits: item for item in fixes}.values())


def _columns_of_words(context: Context, argument: Argument) -> list[Fix]:
    """The rows of a table that has columns of words, where it is made an array: `df.values`."""
    shape = argument.tensors[0].shape if len(argument.tensors) == 1 else None
    place = operators.assignment(context, argument)
    pandas = written.module_name(place[0], "pandas") if place is not None else None
    if place is None or pandas is None or shape is None or len(shape) != 2 or not argument.role.endswith("x"):
        return []
    source, statement, name = place
    origin = written.whole(source, name, statement.end_lineno or statement.lineno)
    made, name = (statement, name) if origin is None else origin[:2]
    value = next((value for node, value in written.assignments(source, name, made.lineno) if node is made), None)
    call = value if isinstance(value, ast.Call) else None
    inner = value if call is None else call.func if isinstance(call.func, ast.Attribute) else None
    if call is not None and len(call.args) == 1 and search.last_part(call.func) in ("array", "asarray"):
        table = call.args[0]
    elif isinstance(inner, ast.Attribute) and inner.attr in ("values", "to_numpy"):
        table = inner.value
    else:
        return []
    changed = edits.wrap(source, table, f"{pandas}.get_dummies({{}}, dtype=float)")
    return fix(f"Make a column of 0 and 1 of each word in `{name}`", changed, cause=source.span(made))


def _strings_of_tensorflow(context: Context, argument: Argument, besides: list[Fix]) -> list[Fix]:
    """`tf.constant(words)` for a model that begins with texts, alone and with each of `besides`."""
    source = written.value_of(context, argument)
    tf = written.module_name(source[0], "tensorflow") if source is not None else None
    if tf is None or argument.kind != "array" or not any(layer.cls in OF_TEXTS for layer in context.report.layers):
        return []
    title = f"Give strings of TensorFlow: `{tf}.constant`"
    alone = operators.transform_argument(context, argument, f"{tf}.constant({{}})", title)
    both = [replace(item, title=f"{item.title}, and strings of TensorFlow", edits=(*item.edits, *one.edits))
            for one in alone for item in besides]  # fmt: skip
    return [*alone, *both]


def _fixes(context: Context, argument: Argument, kind: str) -> list[Fix]:
    fixes: list[Fix] = _inputs_of_text(context, argument) if kind == "strings" else []
    fixes += _strings_of_tensorflow(context, argument, fixes) if kind == "strings" else []
    if fixes:
        return fixes
    name = argument.name or argument.role
    elements = (argument.values or {}).get("elements")
    made = written.value_of(context, argument)
    np = written.module_name(made[0], "numpy") if made is not None else None
    if kind == "dates":
        return operators.transform_data(context, argument, '{}.astype("int64")', f"Convert `{name}` to numbers")
    pandas = written.module_name(made[0], "pandas") if made is not None else None
    if kind == "columns of text" and pandas is not None and argument.role.endswith("x"):
        form = f"{pandas}.get_dummies({{}}, dtype=float)"
        title = f"Make a column of 0 and 1 of each word in `{name}`"
        return [*fixes, *operators.transform_data(context, argument, form, title)]
    fixes += _columns_of_words(context, argument)
    strings = kind == "strings" or elements == "str"
    if kind == "Python objects" and elements in ("list", "ndarray", "tuple") and np is not None:
        fixes += operators.transform_data(
            context, argument, f"{np}.stack({{}})", f"Make one array of the rows of `{name}`"
        )
    if kind == "Python objects" and elements != "str":
        fixes += operators.transform_data(context, argument, '{}.astype("float32")', f'Convert `{name}` to "float32"')
    if argument.kind == "dataset" or np is None:
        return fixes
    shape = argument.tensors[0].shape if argument.tensors else None
    again = (
        ".reshape(" + ", ".join(["-1", *(str(size) for size in shape[1:])]) + ")" if shape and len(shape) > 1 else ""
    )
    if strings and pandas is not None and argument.role.endswith("y") and len(shape or (0,)) == 1:
        form = f"{pandas}.factorize({{}})[0]"
        fixes += operators.transform_data(context, argument, form, f"Number the classes in `{name}`")
    if argument.role.endswith("y") or strings:
        if strings:
            fixes += operators.transform_data(
                context, argument, '{}.astype("float32")', f"Read the numbers in `{name}`"
            )
        inner = "{}.astype(str)" if kind == "Python objects" else "{}"
        form = f"{np}.unique({inner}, return_inverse=True)[1]{again}"
        fixes += operators.transform_data(context, argument, form, f"Number the classes in `{name}`")
    return fixes
