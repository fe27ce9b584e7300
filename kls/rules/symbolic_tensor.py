"""A symbolic tensor is used where a value is needed.

## What it says
A Keras tensor (`Input`, or what a layer gives while a model is built) is put through a TensorFlow or NumPy function,
tested by `if`, iterated over, asked for its value, or given to a model's `add_loss`. It has a shape and a dtype, and no
values. Or a model is called with arrays and tensors side by side.

## Why it matters
Keras 2 made a layer of every TensorFlow function. Keras 3 raises `A KerasTensor cannot be used as input to a TensorFlow
function`, `A symbolic KerasTensor cannot be used as a boolean` or `Cannot convert a symbolic tf.Tensor to a numpy
array`.

## Example
```python
import keras, tensorflow as tf
inputs = keras.Input((4, 5))
x = tf.reduce_mean(inputs, axis=1)
```

## Repair
The function of the same meaning in `keras.ops`; `keras.ops.where` for `if`; a `Lambda` layer for what has none.
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

RULE = Rule("symbolic-tensor", Severity.ERROR, "A symbolic tensor is used where a value is needed.")

OPS = {
    "reduce_mean": "mean", "reduce_sum": "sum", "reduce_max": "max", "reduce_min": "min", "reduce_prod": "prod",
    "reduce_all": "all", "reduce_any": "any", "reduce_logsumexp": "logsumexp", "reduce_std": "std",
    "reduce_variance": "var", "concat": "concatenate", "pow": "power", "range": "arange", "mod": "mod",
    "gather": "take", "clip_by_value": "clip", "truediv": "divide", "sub": "subtract", "mul": "multiply",
    "l2_normalize": "normalize", "batch_dot": "matmul", "invert_permutation": "argsort", "power": "power",
    "conv2d": "conv", "log_sigmoid": "log_sigmoid", "swish": "silu", "permute_dimensions": "transpose",
    "pad": "pad", "ceil": "ceil", "negative": "negative", "unstack": "unstack", "divide_no_nan": "divide_no_nan",
}  # fmt: skip
"""Functions of TensorFlow, NumPy and the old backend whose name in `keras.ops` is another."""

SAME = set(
    "mean sum max min prod all any std var concatenate expand_dims squeeze reshape transpose cast sqrt square exp log "
    "abs absolute sign maximum minimum matmul dot einsum tensordot stack split tile repeat flip roll where zeros_like "
    "ones_like argmax argmin relu sigmoid softmax tanh elu selu gelu softplus softsign leaky_relu log_softmax "
    "relu6 silu add subtract multiply divide sin cos tan floor round clip logical_and logical_or logical_not equal "
    "not_equal greater greater_equal less less_equal one_hot top_k cumsum norm outer mod power moveaxis swapaxes "
    "log1p expm1 rsqrt erf isnan isinf shape shape mean stop_gradient broadcast_to unstack pad take linspace "
    "triu tril ravel average median sort argsort meshgrid diagonal trace cross hstack vstack append floor_divide "
    "reciprocal sinh cosh arctan arctan2 arcsin arccos convert_to_tensor slice scatter_update".split()
)
MODULES = ("tf", "tensorflow", "np", "numpy", "K", "backend", "jnp")


def diagnose(context: Context, failure: Failure) -> Finding | None:
    """The finding for a symbolic tensor in the hands of another library, or of Python."""
    added = _added_loss(context, failure) if failure.exception == "NotImplementedError" else None
    if added is not None:
        return added
    if "cannot mix tensors and non-tensors" in failure.message:
        return _mixed(context, failure)
    if not re.search(
        r"KerasTensor|symbolic|SymbolicTensor|as a Python `?bool|NumPy (?:array|call)|numpy|Iterating over",
        failure.message,
    ) or re.search(
        r"must be KerasTensors\. Received: outputs=<.* built=|Only input tensors may|^Binding inputs|"
        r"Tensor conversion requested dtype",
        failure.message,
    ):
        return None
    for source, place in search.places(context, failure):
        fixes = [*_python(source, place), *_functions(source, place), *_lambda(source, place), *_apart(source, place)]
        if fixes:
            span = fixes[0].cause or source.span(place)
            words = " ".join(source.segment(place).split())
            lines = [
                f"`{words if len(words) < 60 else words[:57] + '…'}` needs values; a symbolic tensor has none",
                f"Keras raises: {failure.exception}: {failure.message}",
            ]
            related = tuple(
                Related(frame, "called from here") for frame in failure.frames[:1] if frame.line != span.line
            )
            call = context.sink(failure)
            return finding(RULE, context, span, "\n".join(lines), call=call, related=related, fixes=tuple(fixes))
    return None


def _apart(source: SourceText, place: ast.AST) -> list[Fix]:
    """`mean, spread = scores`: the parts of the last axis."""
    statement = source.statement(place)
    target = statement.targets[0] if isinstance(statement, ast.Assign) else None
    if not isinstance(statement, ast.Assign) or not isinstance(target, (ast.Tuple, ast.List)):
        return []
    if not isinstance(statement.value, (ast.Name, ast.Attribute)):
        return []
    tensorflow = written.module_name(source, "tensorflow")
    keras, imports = search.keras_name(source) if tensorflow is None else ("", [])
    module = tensorflow if tensorflow is not None else f"{keras}.ops"
    text = f"{module}.split({source.segment(statement.value)}, {len(target.elts)}, axis=-1)"
    changed = edits.replace(source, statement.value, text)
    return fix(f"Take the parts of the last axis: `{text}`", changed, *imports, cause=source.span(statement))


def _mixed(context: Context, failure: Failure) -> Finding | None:
    """`critic([states, actor(states)])` where `states` is an array: a call takes arrays or tensors, not both."""
    arrays = {item.name for item in context.report.variables if item.kind == "array"}
    for source, place in search.places(context, failure):
        for call in (node for node in ast.walk(place) if isinstance(node, ast.Call)):
            given = call.args[0] if call.args else None
            parts = given.elts if isinstance(given, (ast.List, ast.Tuple)) else ()
            plain = [item for item in parts if isinstance(item, ast.Name) and item.id in arrays]
            if not plain or len(plain) == len(parts):
                continue
            tensorflow = written.module_name(source, "tensorflow")
            keras, imports = search.keras_name(source)
            module, more = (tensorflow, []) if tensorflow is not None else (f"{keras}.ops", imports)
            changes = [edits.replace(source, item, f"{module}.convert_to_tensor({item.id})") for item in plain]
            names = " and ".join(f"`{item.id}`" for item in plain)
            called = source.segment(call.func)
            lines = [
                f"`{called}` is given an array, {names}, beside a tensor: a call takes one or the other",
                f"Keras raises: {failure.exception}: {failure.message}",
            ]
            span = source.span(call)
            fixes = fix(f"Make a tensor of {names}", *changes, *more, cause=span)
            return finding(RULE, context, span, "\n".join(lines), fixes=tuple(fixes))
    return None


def _added_loss(context: Context, failure: Failure) -> Finding | None:
    """`model.add_loss(…)` of a tensor of the graph: only a layer may add a loss, where it is called."""
    found = context.call_node(failure.frames[-1]) if failure.frames else None
    if found is None:
        return None
    source, call = found
    statement, function = source.statement(call), call.func
    if not isinstance(function, ast.Attribute) or function.attr != "add_loss" or not call.args:
        return None
    model = source.segment(function.value)
    lines = [
        f"`{model}` is a graph of layers: its `add_loss` takes no tensor of the graph, only a layer's own does",
        f"Keras raises: {failure.exception}",
    ]
    fixes: list[Fix] = []
    if isinstance(statement, ast.Expr) and statement.value is call and isinstance(function.value, ast.Name):
        keras, imports = search.keras_name(source)
        known = [item for item in context.report.models if item.variable == model]
        several = bool(known) and len(known[-1].outputs) > 1
        outputs, kept = (f"*{model}.outputs", "inputs[:-1]") if several else (f"{model}.output", "inputs[0]")
        indent, end = source.indentation(source.span(statement).line), source.newline
        for form in ("{}", f"{keras}.ops.mean({{}})"):
            made = [
                f"class AddedLoss({keras}.layers.Layer):",
                "    def call(self, inputs):",
                f"        self.add_loss({form.format('inputs[-1]')})",
                f"        return {kept}",
                "",
                f"{model} = {keras}.Model({model}.inputs, AddedLoss()([{outputs}, {source.segment(call.args[0])}]))",
            ]
            text = end.join([made[0], *(f"{indent}{line}" if line else "" for line in made[1:])])
            title = "Add the loss in a layer of your own"
            fixes += fix(title, edits.replace(source, statement, text), *imports, cause=source.span(statement))
    return finding(RULE, context, source.span(call), "\n".join(lines), fixes=tuple(fixes))


def _new_name(call: ast.Call) -> str | None:
    name = search.last_part(call.func)
    if not isinstance(call.func, ast.Attribute) or search.root(call.func) not in MODULES:
        return None
    return OPS.get(name) or (name if name in SAME else None)


def _functions(source: SourceText, place: ast.expr) -> list[Fix]:
    """The function of `keras.ops`, here, and everywhere in this scope."""
    keras, imports = search.keras_name(source)
    statement = source.statement(place)
    if statement is None:
        return []
    area = search.scope(source, place)
    own = isinstance(area, ast.Module)
    here = [node for node in ast.walk(place) if isinstance(node, ast.Call) and _new_name(node)]
    every = [
        node
        for node in ast.walk(area)
        if isinstance(node, ast.Call) and _new_name(node) and (not own or search.root(node.func) not in ("np", "numpy"))
    ]
    fixes: list[Fix] = []
    cause = source.span(statement)
    for group in (here, every):
        changes: list[Edit | None] = []
        for node in group:
            changes.append(edits.replace(source, node.func, f"{keras}.ops.{_new_name(node)}"))
            changes += [_dropped(source, node)] if _dropped(source, node) is not None else []
        name = _new_name(group[0]) if group else ""
        if changes:
            fixes += fix(f"Use `{keras}.ops.{name}`", *changes, *imports, cause=cause)
    values = [
        node
        for node in ast.walk(place if here or not own else statement)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "numpy"
    ]
    if values or any(isinstance(node, ast.Attribute) and node.attr == "numpy" for node in ast.walk(place)):
        fixes = [*_without_numpy(source, statement, keras, imports), *fixes]
    return list({item.edits: item for item in fixes}.values())


def _dropped(source: SourceText, call: ast.Call) -> Edit | None:
    """TensorFlow's and NumPy's extra arguments that `keras.ops` does not take: `name=`, `out=`."""
    for name in ("name", "out"):
        edit = edits.remove_argument(source, call, name)
        if edit is not None:
            return edit
    return None


def _without_numpy(source: SourceText, statement: ast.stmt, keras: str, imports: list[Edit]) -> list[Fix]:
    """`float(np.mean(p.numpy()))` becomes `keras.ops.mean(p)`."""
    if not isinstance(statement, (ast.Return, ast.Assign, ast.Expr)) or statement.value is None:
        return []
    value: ast.expr = statement.value
    while isinstance(value, ast.Call) and search.last_part(value.func) in ("float", "int") and len(value.args) == 1:
        value = value.args[0]
    text = re.sub(r"\.numpy\(\)", "", source.segment(value))
    text = re.sub(r"\b(?:np|numpy)\.(\w+)(?=\()", lambda match: f"{keras}.ops.{OPS.get(match[1], match[1])}", text)
    cause = source.span(statement)
    return fix("Stay with tensors: no `.numpy()`", edits.replace(source, statement.value, text), *imports, cause=cause)


def _lambda(source: SourceText, place: ast.expr) -> list[Fix]:
    """A TensorFlow function that `keras.ops` lacks, wrapped in a layer."""
    if not isinstance(place, ast.Call) or search.root(place.func) not in ("tf", "tensorflow") or not place.args:
        return []
    if not isinstance(place.args[0], (ast.Name, ast.Call)) or not isinstance(search.scope(source, place), ast.Module):
        return []
    keras, imports = search.keras_name(source)
    first = source.segment(place.args[0])
    rest = [source.segment(item) for item in [*place.args[1:], *place.keywords]]
    body = f"{source.segment(place.func)}({', '.join(['t', *rest])})"
    text = f"{keras}.layers.Lambda(lambda t: {body})({first})"
    return fix("Wrap it in a `Lambda` layer", edits.replace(source, place, text), *imports, cause=source.span(place))


def _python(source: SourceText, place: ast.expr) -> list[Fix]:
    """`if`, a conditional expression, or a loop over a tensor."""
    keras, imports = search.keras_name(source)
    statement = source.statement(place)
    fixes: list[Fix] = []
    walk: ast.AST | None = place
    while walk is not None and not isinstance(walk, (ast.stmt, ast.IfExp)):
        walk = source.parents.get(walk)
    inner = [node for node in ast.walk(statement) if isinstance(node, ast.IfExp)] if statement is not None else []
    test = walk if isinstance(walk, ast.IfExp) else inner[0] if inner else None
    if test is not None:
        text = ", ".join(source.segment(item) for item in (test.test, test.body, test.orelse))
        fixes += fix(
            f"Use `{keras}.ops.where`",
            edits.replace(source, test, f"{keras}.ops.where({text})"),
            *imports,
            cause=source.span(test),
        )
    if isinstance(statement, ast.If):
        fixes += _if(source, statement, keras, imports)
    for node in ast.walk(statement) if statement is not None else ():
        iterated = node.iter if isinstance(node, (ast.comprehension, ast.For)) else None
        if (
            iterated is not None
            and isinstance(iterated, (ast.Name, ast.Call))
            and "range" not in source.segment(iterated)
        ):
            for axis in (1, 0):
                text = f"{keras}.ops.unstack({source.segment(iterated)}, axis={axis})"
                fixes += fix(
                    f"Take it apart along axis {axis}",
                    edits.replace(source, iterated, text),
                    *imports,
                    cause=source.span(iterated),
                )
    return fixes


def _if(source: SourceText, statement: ast.If, keras: str, imports: list[Edit]) -> list[Fix]:
    """`if t: return a` and `return b`, or `if t: x = a` with or without `else: x = b`."""
    body = statement.body[0] if len(statement.body) == 1 else None
    test = source.segment(statement.test)
    cause = source.span(statement.test)
    title = f"Use `{keras}.ops.where`"
    other: ast.stmt | None = statement.orelse[0] if len(statement.orelse) == 1 else None
    if isinstance(body, ast.Return) and body.value is not None:
        parent = source.parents.get(statement)
        siblings = getattr(parent, "body", [])
        following = siblings[siblings.index(statement) + 1] if statement in siblings[:-1] else None
        last = other or following
        if isinstance(last, ast.Return) and last.value is not None:
            text = f"return {keras}.ops.where({test}, {source.segment(body.value)}, {source.segment(last.value)})"
            start, end = source.span(statement), source.span(last)
            span = type(start)(source.path, start.line, start.column, end.end_line, end.end_column)
            return fix(title, Edit(span, text), *imports, cause=cause)
    if isinstance(body, ast.Assign) and len(body.targets) == 1 and isinstance(body.targets[0], ast.Name):
        name = body.targets[0].id
        otherwise = source.segment(other.value) if isinstance(other, ast.Assign) else name
        text = f"{name} = {keras}.ops.where({test}, {source.segment(body.value)}, {otherwise})"
        return fix(title, edits.replace(source, statement, text), *imports, cause=cause)
    return []
