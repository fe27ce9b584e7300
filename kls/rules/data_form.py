"""`fit` was given data in a form that it does not take.

## What it says
Python lists instead of arrays, a generator function that was not called, a generator that yields lists, single samples
or plain numbers, labels beside a dataset that holds its own, `validation_split` with a dataset.

## Why it matters
Keras raises `Unrecognized data type`, `the generator must return a tuple`, `y should not be passed`, `Data cardinality
is ambiguous` or `validation_split is only supported for tensors or NumPy arrays`; the message often prints the data.

## Example
```python
import numpy as np, keras
x = np.zeros((64, 4)); y = [1.0] * 64
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile("adam", "mse")
model.fit(x, y)
```

## Repair
`np.array(…)`, `np.stack(…)` for a list of arrays, `gen()`, a tuple of batches from a generator, the dataset alone.
"""

from __future__ import annotations

import ast
import re

from kls import edits
from kls.facts import Edit, Finding, Fix, Related, Severity, Span
from kls.rules import operators, search, written
from kls.rules.context import Context, Rule, argument_of, compatible, finding, fix
from kls.source import SourceText
from kls.worker.protocol import Argument, Call, Failure, Model

RULE = Rule("data-form", Severity.ERROR, "`fit` was given data in a form that it does not take.")

ITERATORS = ("generator", "PyDataset", "Sequence")
Parts = tuple[str, Span, list[Fix]]


def diagnose(context: Context, failure: Failure) -> Finding | None:
    """The finding for data that the adapter refuses for their form."""
    call = context.sink(failure)
    model = context.model_of(call) if call is not None else None
    if call is None or model is None:
        return None
    for look in (_weights_by_class, _sparse, _function, _beside, _split, _one_sample, _lists, _stacked, _yields):
        parts = look(context, call, model, failure)
        if parts is not None:
            break
    else:
        return None
    first, span, fixes = parts
    if fixes and fixes[0].cause is not None:
        span = fixes[0].cause
    message = failure.message if len(failure.message) < 400 else failure.message[:400] + "…"
    lines = [first, f"Keras raises: {failure.exception}: {message}"]
    related = (Related(call.span, f"`{call.method}` raises here"),) if call.span != span else ()
    return finding(RULE, context, span, "\n".join(lines), call=call, related=related, fixes=tuple(fixes))


def _weights_by_class(context: Context, call: Call, _model: Model, failure: Failure) -> Parts | None:
    """`class_weight` as the array or list that scikit-learn's `compute_class_weight` gives."""
    found = context.call_node(call.span)
    value = edits.keyword(found[1], "class_weight") if found is not None else None
    if found is None or value is None or not re.search(r"has no attribute '(get|items|keys)'", failure.message):
        return None
    source, text = found[0], found[0].segment(value)
    changed = edits.replace(source, value, f"dict(enumerate({text}))")
    span = source.span(value)
    fixes = fix(f"Give a dictionary: `dict(enumerate({text}))`", changed, cause=span)
    return f"`class_weight` takes a dictionary of class numbers and weights; `{text}` is none", span, fixes


def _sparse(context: Context, call: Call, _model: Model, failure: Failure) -> Parts | None:
    """A sparse matrix, as scikit-learn's encoders give it, where the loss compares arrays."""
    labels = argument_of(call, "y")
    if "SparseWrapper" not in failure.message or labels is None or labels.span is None:
        return None
    name = f"`{labels.name}`" if labels.name else "the labels"
    fixes = operators.transform_data(context, labels, "{}.toarray()", f"Make an array of {name}: `.toarray()`")
    return f"{name} is a sparse matrix; the loss compares arrays", labels.span, fixes


def _function(context: Context, call: Call, _model: Model, failure: Failure) -> Parts | None:
    for argument in call.arguments:
        if argument.kind in ("function", "type", "ABCMeta") and argument.span is not None and _adapter(failure):
            text = context.text_of(argument.span)
            fixes = operators.transform_argument(context, argument, "{}()", f"Call it: `{text}()`")
            what = "the function itself" if argument.kind == "function" else "the class itself"
            return f"`{text}` is {what}; `{call.method}` takes what it makes", argument.span, fixes
    return None


def _adapter(failure: Failure) -> bool:
    return failure.stage.endswith("adapter")


def _beside(context: Context, call: Call, _model: Model, failure: Failure) -> Parts | None:
    x, y = argument_of(call, "x"), argument_of(call, "y")
    if x is None or y is None or x.kind in ("array", "tensor", "frame", "list") or failure.stage != "adapter":
        return None
    if x.kind == "unknown" or "should not be passed" not in failure.message:
        return None
    fixes = written.remove_sink_argument(context, call, "y", 1, "Leave out `y`: the labels come with the data")
    name = context.text_of(x.span)
    first = f"`{name}` is a {x.kind} and brings its own labels; `{call.method}` takes no `y` beside it"
    return first, y.span or call.span, fixes


_OF_LISTS = "Found incompatible type in the input"
"""What Keras says of a list that it should split (keras/src/trainers/data_adapters/array_slicing.py)."""


def _split(context: Context, call: Call, _model: Model, failure: Failure) -> Parts | None:
    x = argument_of(call, "x")
    found = context.call_node(call.span)
    value = edits.keyword(found[1], "validation_split") if found is not None else None
    if (
        found is None
        or value is None
        or x is None
        or not _adapter(failure)
        or "validation_split" not in failure.message
    ):
        return None
    source, node = found
    part = source.segment(value)
    span = source.span(next(item for item in node.keywords if item.value is value))
    if _OF_LISTS in failure.message and x.kind == "array":
        return None
    if x.kind in ("array", "tensor", "frame"):
        fixes = [
            *_more_rows(context, x),
            *written.remove_sink_argument(context, call, "validation_split", None, "Leave out `validation_split`"),
        ]
        rows = x.tensors[0].shape[0] if x.tensors and x.tensors[0].shape else 0
        return f"{rows} samples cannot be split by validation_split={part}", span, fixes
    fixes: list[Fix] = []
    if x.kind == "dataset" and x.span is not None:
        data = context.text_of(x.span)
        count = f"int({part} * len({data}))"
        given = source.at(x.span, ast.expr)
        if given is not None and isinstance(given, ast.Name):
            fixes += fix(
                f"Validate on a part of `{data}`",
                edits.replace(source, given, f"{data}.skip({count})"),
                Edit(span, f"validation_data={data}.take({count})"),
                cause=span,
            )
    fixes += written.remove_sink_argument(context, call, "validation_split", None, "Leave out `validation_split`")
    return f"`validation_split` cannot split a {x.kind}; it takes arrays only", span, fixes


def _one_sample(context: Context, call: Call, model: Model, failure: Failure) -> Parts | None:
    """One sample for a model of several inputs, whose parts are plain numbers or have no axis of samples."""
    argument = argument_of(call, "x")
    found = written.value_of(context, argument)
    if argument is None or argument.span is None or found is None or not _adapter(failure) or len(model.inputs) < 2:
        return None
    source, node = found
    np_name = written.module_name(source, "numpy")
    text = context.text_of(argument.span)
    what = f"`{argument.name}`" if argument.name else "the data"
    first = f"{what} has parts without an axis of samples; `{call.method}` takes a batch of each"
    values = node.values if isinstance(node, ast.Dict) else node.elts if isinstance(node, (ast.List, ast.Tuple)) else []
    plain = [item for item in values if isinstance(item, (ast.Constant, ast.Name, ast.Attribute, ast.UnaryOp))]
    if "Unrecognized data type" in failure.message and len(values) == len(plain) == len(model.inputs):
        if argument.tensors or np_name is None:
            return None
        changes = [edits.wrap(source, item, f"{np_name}.array([{{}}])") for item in values]
        fixes = fix("Give an array with one sample of each", *changes, cause=source.span(node))
        return first, argument.span, fixes
    if failure.exception != "IndexError" or not any(item.shape == () for item in argument.tensors) or np_name is None:
        return None
    form = f"{np_name}.asarray({{}})[None]"
    if values and len(values) == len(argument.tensors):
        changes = [edits.wrap(source, item, form) for item in values]
        return first, argument.span, fix("Give a batch of one sample of each", *changes, cause=source.span(node))
    if not all(item.path and not item.path.split(".")[0].isdigit() for item in argument.tensors):
        return None
    each = f"{{key: {form.format('value')} for key, value in {text}.items()}}"
    place = source.at(argument.span, ast.expr)
    if isinstance(place, ast.DictComp):
        changed = edits.wrap(source, place.value, form)
    else:
        changed = edits.replace(source, place, each) if place is not None else None
    return first, argument.span, fix("Give a batch of one sample of each", changed, cause=argument.span)


def _more_rows(context: Context, x: Argument) -> list[Fix]:
    """More rows where one number in the file says how many there are."""
    found = written.value_of(context, x)
    rows = x.tensors[0].shape[0] if x.tensors and x.tensors[0].shape else None
    if found is None or rows is None:
        return []
    source, node = found
    for item in ast.walk(node):
        if isinstance(item, ast.Name):
            known = written.assignments(source, item.id, node.lineno)
            value = known[-1][1] if known else None
            if isinstance(value, ast.Constant) and value.value == rows and not isinstance(value.value, bool):
                return fix(
                    f"Set `{item.id}` to 10", edits.replace(source, value, "10"), cause=source.span(known[-1][0])
                )
    return []


def _returned(context: Context, lists: list[Argument], form: str, title: str, *new: Edit) -> list[Fix]:
    """Lists that a function of the file returns, made arrays where it returns them."""
    changes: list[Edit] = list(new)
    cause: Span | None = None
    for item in lists:
        place = operators.assignment(context, item)
        called = place[1].value if place is not None and isinstance(place[1], ast.Assign) else None
        if place is None or not isinstance(called, ast.Call) or not isinstance(called.func, ast.Name):
            return []
        source, statement, name = place
        assert isinstance(statement, ast.Assign)
        given = written.returns(source, called.func.id, statement, name)
        if given is None:
            return []
        changes.append(edits.wrap(source, given, form))
        holder = source.statement(given)
        cause = cause or (source.span(holder) if holder is not None else None)
    return fix(title, *changes, cause=cause)


def _lists(context: Context, call: Call, model: Model, failure: Failure) -> Parts | None:
    many = "Unrecognized data type" in failure.message or _OF_LISTS in failure.message
    lists = [
        item
        for item in call.arguments
        if (item.kind in ("list", "tuple") and not item.tensors)
        or (many and len(item.tensors) > max(len(model.inputs), 1) and item.tensors[0].path == "0")
    ]
    if not lists or not _adapter(failure):
        return None
    named = ", ".join(f"`{item.name or item.role}`" for item in lists)
    fixes: list[Fix] = []
    source = context.source(call.span.path)
    own = not any(item.role.startswith("validation") and item.name is None for item in lists)
    if source is not None and own and all(item.span is not None for item in lists):
        padded = _as_others_are_padded(context, source, lists)
        fixes += padded
        # Texts of different lengths are no array.
        ragged = bool(padded) and all(item.role.endswith("x") for item in lists)
        array, tensor = ("an array", "a tensor") if len(lists) == 1 else ("arrays", "tensors")
        np_name, tf_name = written.module_name(source, "numpy"), written.module_name(source, "tensorflow")
        new = [] if np_name or tf_name else edits.add_import(source, "import numpy as np")
        if (np_name or new) and not ragged:
            form = f"{np_name or 'np'}.array({{}})"
            fixes += _returned(context, lists, form, f"Return {array}", *new)
            forms = [(item, f"{np_name or 'np'}.array({{}})") for item in lists]
            fixes += written.wrap_arguments(context, forms, f"Make {named} {array}", *new)
        if tf_name and not ragged:
            forms = [(item, f"{tf_name}.constant({{}})") for item in lists]
            fixes += written.wrap_arguments(context, forms, f"Make {named} {tensor}")
    what = "a Python list" if len(lists) == 1 else "Python lists"
    first = f"{named} {'is' if len(lists) == 1 else 'are'} {what}; `{call.method}` takes arrays"
    return first, lists[0].span or call.span, fixes


def _as_others_are_padded(context: Context, source: SourceText, lists: list[Argument]) -> list[Fix]:
    """Lists of word numbers, as a `Tokenizer` gives them, padded as the program pads others."""
    of_words = [(item.values or {}).get("inner") == "int" or (item.values or {}).get("longest") == 0 for item in lists]
    if not all(of_words) or not all(item.role.endswith("x") for item in lists):
        return []
    functions = [call for call in source.calls() if search.last_part(call.func) == "pad_sequences"]
    for call in reversed(functions):
        rest = [*call.args[1:], *(item.value for item in call.keywords)]
        names = {node.id for item in rest for node in ast.walk(item) if isinstance(node, ast.Name)}
        everywhere = {
            target.id
            for statement, target, _ in source.assignments()
            if isinstance(target, ast.Name) and source.function(statement) is None
        }
        if not call.args or not rest or not names <= everywhere:
            continue
        before, given = source.span(call), source.span(call.args[0])
        more = source.cut(Span(source.path, given.end_line, given.end_column, before.end_line, before.end_column))
        form = f"{source.segment(call.func)}({{}}{more}"
        named = " and ".join(f"`{item.name or item.role}`" for item in lists)
        return written.wrap_arguments(context, [(item, form) for item in lists], f"Pad {named} as others are padded")
    return []


def _stacked(context: Context, call: Call, model: Model, failure: Failure) -> Parts | None:
    """A list of arrays where the model has one input: one array a sample."""
    for argument in call.arguments:
        if len(argument.tensors) < 2 or argument.kind not in ("array", "tensor") or argument.tensors[0].path != "0":
            continue
        ends = model.inputs if argument.role.endswith("x") else model.outputs
        shapes = {item.shape for item in argument.tensors}
        if len(ends) > 1 or len(shapes) != 1 or not _adapter(failure) or "weight" in argument.role:
            continue
        source = context.source(argument.span.path) if argument.span is not None else None
        np_name = written.module_name(source, "numpy") if source is not None else None
        form = f"{np_name}.stack({{}})" if np_name is not None else None
        name = argument.name or argument.role
        title = f"Stack `{name}` into one array"
        fixes: list[Fix] = []
        if form is not None:
            fixes += operators.transform_argument(context, argument, form, title)
            fixes += operators.transform_data(context, argument, form, title)
        count = len(argument.tensors)
        first = f"`{name}` is a list of {count} arrays: Keras takes each for an input of its own, not for a sample"
        return first, argument.span or call.span, fixes
    return None


def _is_list(source: SourceText, node: ast.expr) -> bool:
    """Whether a name, where it is used, was bound to a list."""
    known = written.assignments(source, node.id, node.lineno) if isinstance(node, ast.Name) else []
    here = [value for made, value in known if source.function(made) is source.function(node)]
    return bool(here) and isinstance(here[-1], (ast.List, ast.ListComp))


def _yields(context: Context, call: Call, model: Model, failure: Failure) -> Parts | None:
    """What a generator or a PyDataset gives: blamed where it gives it."""
    argument = argument_of(call, "validation_x" if failure.stage.startswith("validation") else "x")
    if argument is None or argument.span is None or argument.kind in ("array", "tensor", "dataset", "frame", "unknown"):
        return None
    given = written.yielded(context, argument)
    if not given:
        return None
    source, node = given[-1]
    fixes: list[Fix] = []
    span = source.span(node)
    inner = [item for item in node.elts if isinstance(item, ast.List)] if isinstance(node, ast.Tuple) else []
    if inner and _adapter(failure) and "TypeSpec" in failure.message:
        changed = [edits.replace(source, item, f"({source.segment(item)[1:-1]})") for item in inner]
        fixes += fix("Group the inputs in a tuple", *changed, cause=span)
        return "the generator gives its inputs in a list; Keras wants a tuple of them", span, fixes
    held = [item for item in node.elts if _is_list(source, item)] if isinstance(node, ast.Tuple) else []
    if held and _adapter(failure) and "TypeSpec" in failure.message:
        changed = [edits.replace(source, item, f"tuple({source.segment(item)})") for item in held]
        fixes += fix("Give its inputs in a tuple", *changed, cause=span)
        return "the generator gives its inputs in a list; Keras wants a tuple of them", span, fixes
    if isinstance(node, ast.List) and _adapter(failure):
        inner = source.segment(node)[1:-1]
        fixes += fix("Give a tuple instead of a list", edits.replace(source, node, f"({inner})"), cause=span)
        return "the generator gives a list; Keras wants a tuple `(x, y)`", span, fixes
    if not isinstance(node, ast.Tuple):
        return None
    single = "forward" in failure.stage or "loss" in failure.stage
    np_name = written.module_name(source, "numpy")
    if not single and np_name is not None and "rank" in failure.message:
        for last in reversed(node.elts):
            if isinstance(last, ast.Name):
                changed = f"{np_name}.array({last.id})"
                fixes += fix(f"Give `{last.id}` as an array", edits.replace(source, last, changed), cause=span)
            changed = f"{np_name}.array([{source.segment(last)}])"
            fixes += fix("Give an array with one label", edits.replace(source, last, changed), cause=span)
        return "the generator gives plain numbers; Keras wants arrays with a batch axis", span, fixes
    wanted = model.inputs[0].shape if len(model.inputs) == 1 else None
    shape = argument.tensors[0].shape if argument.tensors else None
    if "forward" in failure.stage and wanted and shape and compatible(shape, wanted[1:]) and np_name is not None:
        changes: list[Edit | None] = [
            edits.replace(source, item, f"{np_name}.expand_dims({source.segment(item)}, 0)") for item in node.elts
        ]
        fixes += fix("Give a batch of one sample", *changes, cause=span)
        return "the generator gives single samples; Keras wants batches of them", span, fixes
    return None
