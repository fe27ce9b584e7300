"""A step of a `tf.data` pipeline does not fit what the dataset gives.

## What it says
A function in `map`, or a loop, takes another number of parts than an element has; a function in `map` computes with
integers and fractions together, or calls NumPy on a tensor; a step loses the shape; arrays of different lengths are cut
into one dataset; the last windows are shorter than the others.

## Why it matters
TensorFlow raises `takes 1 positional argument but 2 were given`, `must have the same dtype`, `Cannot take the length of
shape with unknown rank` or `Dimensions 64 and 60 are not compatible`, deep inside its own code.

## Example
```python
import numpy as np, tensorflow as tf
ds = tf.data.Dataset.from_tensor_slices((np.zeros((64, 4)), np.zeros(64)))
ds = ds.map(lambda x: x / 255.0)
```

## Repair
A function of as many arguments as the element has parts; `tf.cast` before the arithmetic; `tf.ensure_shape` after a
step that loses the shape.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from kls import edits
from kls.facts import Edit, Evidence, Finding, Fix, Related, Severity, Span
from kls.rules import operators, search, signatures, wording, written
from kls.rules.context import Context, Rule, argument_of, finding, fix, show
from kls.rules.input_structure import LABELS
from kls.source import SourceText
from kls.worker.protocol import Call, Failure, Model

RULE = Rule("dataset-element", Severity.ERROR, "A step of a tf.data pipeline does not fit what the dataset gives.")

Parts = tuple[str, Span, list[Fix]]


def diagnose(context: Context, failure: Failure) -> Finding | None:
    """The finding for a failing step of a dataset, or for a dataset whose elements have no known shape."""
    call = context.sink(failure)
    model = context.model_of(call) if call is not None else None
    parts = _late(context, call, model, failure) if call is not None and model is not None else _step(context, failure)
    if parts is None:
        return None
    first, span, fixes = parts
    if fixes and fixes[0].cause is not None:
        span = fixes[0].cause
    lines = [first, f"It raises: {failure.exception}: {failure.message}"]
    related = (Related(call.span, f"`{call.method}` raises here"),) if call is not None else ()
    return finding(RULE, context, span, "\n".join(lines), call=call, related=related, fixes=tuple(fixes))


def survey(context: Context) -> Iterator[Finding]:
    """One finding for each trained dataset of three parts of which the last, the labels, is taken for weights."""
    told: set[Span] = set()
    for call in context.report.calls:
        data, model = argument_of(call, "x"), context.model_of(call)
        if data is None or model is None or data.kind != "dataset" or call.status != "traced":
            continue
        if {item.path for item in data.tensors} != {"0", "1", "2"}:
            continue
        for source, node in written.literal(context, data, ast.Tuple):
            assert isinstance(node, ast.Tuple)
            names = [item.id if isinstance(item, ast.Name) else "" for item in node.elts]
            span = source.span(node)
            if len(names) != 3 or not _is_label(names[2]) or _is_label(names[1]) or not names[1] or span in told:
                continue
            told.add(span)
            changes = [
                fix(title, edits.replace(source, node, text), cause=span, safe=False)
                for title, text in (
                    ("Group the inputs", f"(({names[0]}, {names[1]}), {names[2]})"),
                    (f"Give `{names[0]}` and the labels", f"({names[0]}, {names[2]})"),
                )
            ]
            lines = (
                f"`{names[1]}` is taken for the labels and `{names[2]}` for the weights of the samples\n"
                "Keras raises nothing: elements of three parts are (x, y, sample_weight)."
            )
            yield finding(
                RULE,
                context,
                span,
                lines,
                evidence=Evidence.SILENT,
                severity=Severity.WARNING,
                fixes=(*changes[0], *changes[1]),
            )


def _taken_apart(context: Context, failure: Failure) -> Parts | None:
    """A loop that takes each element apart into more or fewer names than it has parts."""
    told: dict[str, Any] = failure.facts["elements"]
    span = failure.frames[-1]
    source = context.source(span.path)
    target = source.at(span, ast.Tuple) if source is not None else None
    if source is None or target is None:
        return None
    names = [source.segment(item) for item in target.elts]
    count, wanted = int(told["count"]), len(names)
    has = "is one tensor" if count == 1 else f"has {count} parts"
    first = f"an element of `{told['name']}` {has}; the loop takes {wanted}"
    fixes: list[Fix] = []
    for node in source.nodes:
        # The function of a `map` may have let the other parts drop.
        if count == 1 and isinstance(node, ast.Lambda) and len(node.args.args) == wanted:
            used = {item.id for item in ast.walk(node.body) if isinstance(item, ast.Name)}
            kept = [item.arg for item in node.args.args[1:]]
            if not isinstance(node.body, ast.Tuple) and used.isdisjoint(kept):
                title = f"Give `{', '.join(kept)}` on"
                fixes += fix(title, edits.tuple_of(source, node.body, kept), cause=source.span(node))
    if count > wanted:
        text = ", ".join([*names, *["_"] * (count - wanted)])
        fixes += fix(f"Take all {count}: `{text}`", edits.replace(source, target, text), cause=span)
    return first, span, fixes


def _is_label(name: str) -> bool:
    return name.lower().split("_")[0] in (*LABELS, "ys") or name.lower().split("_")[-1] in ("labels", "label", "target")


def _step(context: Context, failure: Failure) -> Parts | None:
    if "elements" in failure.facts:
        return _taken_apart(context, failure)
    for frame in reversed(failure.frames):
        found = context.call_node(frame)
        if found is None or not isinstance(found[1].func, ast.Attribute):
            continue
        source, node = found
        assert isinstance(node.func, ast.Attribute)
        if node.func.attr in ("map", "filter", "flat_map") and node.args and failure.facts.get("traced"):
            return _mapped(context, failure, source, node)
        if node.func.attr == "from_tensor_slices" and node.args:
            return _unequal(failure, source, node)
    return None


def _function(source: SourceText, node: ast.expr) -> ast.Lambda | ast.FunctionDef | None:
    if isinstance(node, ast.Lambda):
        return node
    if isinstance(node, ast.Name) and source.tree is not None:
        for item in ast.walk(source.tree):
            if isinstance(item, ast.FunctionDef) and item.name == node.id:
                return item
    return None


def _mapped(context: Context, failure: Failure, source: SourceText, node: ast.Call) -> Parts:
    function = _function(source, node.args[0])
    assert isinstance(node.func, ast.Attribute)
    span = source.span(function) if isinstance(function, ast.Lambda) else source.span(node.args[0])
    words = failure.message
    match = re.search(r"takes (\d+) positional arguments? but (\d+) (?:was|were) given", failure.message)
    missing = re.search(r"missing (\d+) required positional argument", failure.message)
    if (match or missing) and function is not None:
        own = len(function.args.args)
        count = int(match.group(2)) if match else max(own - int(missing.group(1)), 1) if missing else own
        first = f"the function takes {own} argument{'s' if own != 1 else ''}; an element has {count} part"
        return first + ("s" if count != 1 else ""), span, _arity(source, function, count)
    if failure.exception in ("TypeError", "ValueError", "InvalidArgumentError") and function is not None:
        fixes = _cast(source, function)
        if fixes and re.search(r"dtype|type |convert", words):
            return "the function computes with integers and fractions together", span, fixes
    if failure.exception == "NotImplementedError" or "numpy" in words.lower():
        return "the function calls NumPy on a tensor that has no value yet", span, _without_numpy(source, function)
    if "contains no shape" in words or "no known rank" in words:
        decoded = _decoded(source)
        if decoded:
            return "a picture may be an animation here: it has no known shape", span, decoded
    if "_VariantDataset" in words:
        what = "each window is a dataset of its own: `flat_map` makes tensors of them"
        return what, span, _windows(source, node)
    inner = failure.frames[-1]
    if inner != source.span(node) and context.call_node(inner) is not None:
        span = inner
    return f"the function in `{node.func.attr}` fails: {wording.first_line(failure)}", span, _squeezed(context, failure)


def _squeezed(context: Context, failure: Failure) -> list[Fix]:
    """`tf.squeeze` along an axis that has one item, in place of one that has several."""
    told = re.search(r"Can not squeeze dim\[\d+\].*with input shapes?: \[([\d,?]+)\]", failure.message)
    found = context.call_node(failure.frames[-1])
    if told is None or found is None:
        return []
    ones = [place for place, size in enumerate(told[1].split(",")) if size == "1"]
    return [
        item
        for axis in ones[:2]
        for item in fix(
            f"Squeeze axis {axis}",
            edits.set_argument(*found, "axis", 1, str(axis)),
            cause=found[0].span(found[1]),
        )
    ]


def _windows(source: SourceText, node: ast.Call) -> list[Fix]:
    """`ds.window(n, …)` followed by `.flat_map(lambda window: window.batch(n))`, which may stand there as `map`."""
    fixes: list[Fix] = []
    for call in source.calls():
        function = call.args[0] if call.args and search.last_part(call.func) == "map" else None
        batched = function.body if isinstance(function, ast.Lambda) and function.args.args else None
        if isinstance(function, ast.Lambda) and isinstance(batched, ast.Call) and call.lineno <= node.lineno:
            if source.segment(batched.func) == f"{function.args.args[0].arg}.batch":
                edit = edits.replace(source, call.func, source.segment(call.func)[: -len("map")] + "flat_map")
                return fix("Make a tensor of each window: `flat_map`", edit, cause=source.span(call))
    for call in source.calls():
        is_window = isinstance(call.func, ast.Attribute) and call.func.attr == "window" and call.args
        if is_window and call.lineno <= node.lineno:
            size = source.segment(call.args[0])
            edit = edits.wrap(source, call, f"{{}}.flat_map(lambda window: window.batch({size}))")
            fixes += fix("Make a tensor of each window", edit, cause=source.span(call))
    return fixes[::-1]


def _arity(source: SourceText, function: ast.Lambda | ast.FunctionDef, count: int) -> list[Fix]:
    names = [item.arg for item in function.args.args]
    fixes: list[Fix] = []
    if not isinstance(function, ast.Lambda) or not names:
        if isinstance(function, ast.FunctionDef) and len(names) == 1 and count == 2:
            returned = [item for item in ast.walk(function) if isinstance(item, ast.Return) and item.value is not None]
            argument = function.args.args[0]
            end = argument.end_col_offset or 0
            line = argument.end_lineno or argument.lineno
            place = Span(source.path, line, end, line, end)
            changes: list[Edit | None] = [Edit(place, ", label")]
            for item in returned:
                if item.value is not None:
                    changes.append(edits.replace(source, item.value, f"{source.segment(item.value)}, label"))
            fixes += fix("Take the label too and hand it on", *changes, cause=place)
        return fixes
    if len(names) < count:
        more = [name for name in ("y", "w", "v", "u") if name not in names][: count - len(names)]
        body = source.segment(function.body)
        if isinstance(function.body, ast.Tuple):
            body = body.strip("()")
        text = f"lambda {', '.join([*names, *more])}: ({body}, {', '.join(more)})"
        span = source.span(function)
        fixes += fix(f"Take {count} arguments and hand the label on", edits.replace(source, function, text), cause=span)
    elif count == 1:
        text = f"lambda {names[0]}: {source.segment(function.body)}"
        fixes += fix("Take one argument", edits.replace(source, function, text), cause=source.span(function))
    return fixes


def _cast(source: SourceText, function: ast.Lambda | ast.FunctionDef) -> list[Fix]:
    """Parameters that take part in arithmetic go through `tf.cast`."""
    tf = written.module_name(source, "tensorflow")
    if tf is None:
        return []
    names = {item.arg for item in function.args.args}
    fixes: list[Fix] = []
    for node in ast.walk(function):
        if not isinstance(node, ast.BinOp):
            continue
        for side in (node.left, node.right):
            if isinstance(side, ast.Name) and (side.id in names or isinstance(function, ast.FunctionDef)):
                changed = f"{tf}.cast({side.id}, {tf}.float32)"
                fixes += fix(
                    f"Cast `{side.id}` to float32", edits.replace(source, side, changed), cause=source.span(node)
                )
    return fixes


TENSORFLOW = {
    "sqrt": "sqrt", "exp": "exp", "abs": "abs", "square": "square", "sin": "sin", "cos": "cos", "clip": "clip_by_value",
    "expand_dims": "expand_dims", "squeeze": "squeeze", "reshape": "reshape", "zeros_like": "zeros_like",
    "ones_like": "ones_like", "stack": "stack", "concatenate": "concat", "transpose": "transpose", "round": "round",
    "maximum": "maximum", "minimum": "minimum", "mean": "reduce_mean", "sum": "reduce_sum", "max": "reduce_max",
    "min": "reduce_min", "argmax": "argmax", "log": "math.log", "log1p": "math.log1p", "array": "convert_to_tensor",
    "asarray": "convert_to_tensor", "where": "where", "tile": "tile", "pad": "pad",
}  # fmt: skip
"""NumPy functions and the TensorFlow functions of the same arguments."""


def _without_numpy(source: SourceText, function: ast.Lambda | ast.FunctionDef | None) -> list[Fix]:
    tf, np = written.module_name(source, "tensorflow"), written.module_name(source, "numpy")
    if tf is None or np is None or function is None:
        return []
    changes: list[Edit | None] = []
    cause: Span | None = None
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            if isinstance(owner, ast.Name) and owner.id == np:
                cause = cause or source.span(node)
                if node.func.attr == "flip" and len(node.args) == 2:
                    changes.append(edits.replace(source, node.func, f"{tf}.reverse"))
                    changes.append(edits.replace(source, node.args[1], f"[{source.segment(node.args[1])}]"))
                    continue
                new = TENSORFLOW.get(node.func.attr)
                changes.append(edits.replace(source, node.func, f"{tf}.{new}") if new is not None else None)
    return fix("Use TensorFlow's functions", *changes, cause=cause)


def _unequal(failure: Failure, source: SourceText, node: ast.Call) -> Parts | None:
    counts = [int(item) for item in re.findall(r"\d+", failure.message)]
    given = node.args[0]
    parts = given.elts if isinstance(given, ast.Tuple) else given.values if isinstance(given, ast.Dict) else []
    if len(parts) < 2 or len(counts) < 2 or "compatible" not in failure.message:
        return None
    least = min(counts)
    changes: list[Edit | None] = [
        edits.wrap(source, item, f"{{}}[:{least}]") for item in parts if not isinstance(item, (ast.Tuple, ast.Dict))
    ]
    span = source.span(node)
    fixes = fix(f"Keep {least} rows of each", *changes, cause=span)
    return f"the arrays have different numbers of rows: {counts[0]} and {counts[1]}", span, fixes


def _late(context: Context, call: Call, model: Model, failure: Failure) -> Parts | None:
    argument = argument_of(call, "validation_x" if failure.stage.startswith("validation") else "x")
    yielded = signatures.diagnose(context, failure) if argument is not None else None
    if yielded is not None:
        return yielded[0], operators.place_of_data(context, argument) or call.span, yielded[1]
    if argument is None or argument.kind != "dataset":
        return None
    found = written.value_of(context, argument)
    span = operators.place_of_data(context, argument) or call.span
    unknown = [item for item in argument.tensors if item.shape is None]
    if not unknown or not failure.stage.endswith(("forward", "loss")):
        return None
    lost = [item for item in context.chain(argument, call.span) if any(part.shape is None for part in item.tensors)]
    span = lost[0].statement if lost else span
    fixes: list[Fix] = []
    source = found[0] if found is not None else None
    tf = written.module_name(source, "tensorflow") if source is not None else None
    if source is not None:
        fixes += _decoded(source)
    pairs = [item.path for item in argument.tensors] == ["0", "1"]
    wanted = model.inputs[0].shape if len(model.inputs) == 1 and model.input_layers else None
    if tf is not None and pairs and wanted and unknown[0].path == "0":
        text = edits.tuple_text(wanted)
        for form in (
            f"{{}}.map(lambda x, y: ({tf}.ensure_shape(x, {text}), y))",
            f"{{}}.map(lambda x, y: ({tf}.ensure_shape(x, {text}), {tf}.ensure_shape(y, (None,))))",
        ):
            fixes += operators.transform_data(context, argument, form, f"Tell the shape: {show(wanted)}")
    first = f"`{argument.name or 'the dataset'}` gives tensors of which not even the rank is known"
    return first, span, fixes


def _decoded(source: SourceText) -> list[Fix]:
    fixes: list[Fix] = []
    for node in source.calls():
        if isinstance(node.func, ast.Attribute) and node.func.attr == "decode_image":
            if edits.keyword(node, "expand_animations") is None:
                more = "expand_animations=False"
                if edits.argument(node, "channels", 1) is None:
                    more = f"channels=3, {more}"
                title = "Decode single images of known rank"
                fixes += fix(title, edits.add_argument(source, node, more), cause=source.span(node))
    return fixes
