"""A name that the installed Keras or TensorFlow does not have.

## What it says
The program imports or asks for a function, class, module or attribute that this version does not have: a leftover of
Keras 1 or 2, or a misspelling.

## Why it matters
Python raises `ImportError: cannot import name …` or `AttributeError: module … has no attribute …` there.

## Example
```python
import keras
x = keras.Input((4,))
model = keras.Model(x, keras.layers.Dense(3)(x))
model.predict_classes([[1.0, 2.0, 3.0, 4.0]])
```

## Repair
The name that took its place.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator

from kls import edits
from kls.facts import Edit, Finding, Fix, Severity, Span
from kls.rules import keras_names, old_tensorflow, search, written
from kls.rules.context import Context, Rule, finding, fix
from kls.rules.reading import Reading, stated
from kls.rules.symbolic_tensor import OPS
from kls.source import SourceText
from kls.worker.protocol import Failure

RULE = Rule("removed-name", Severity.ERROR, "A name that the installed Keras or TensorFlow does not have.")

METHODS = {
    "fit_generator": "fit",
    "evaluate_generator": "evaluate",
    "predict_generator": "predict",
    "reset_states": "reset_state",
    "predict_proba": "predict",
    "lr": "learning_rate",
    "CuDNNLSTM": "LSTM",
    "CuDNNGRU": "GRU",
    "mse": "mean_squared_error",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error",
    "kld": "kl_divergence",
    "kullback_leibler_divergence": "kl_divergence",
    "logcosh": "log_cosh",
}
"""Names with a new spelling and the same arguments."""

MODULES = {
    "keras.layers.core": "keras.layers",
    "keras.layers.convolutional": "keras.layers",
    "keras.layers.pooling": "keras.layers",
    "keras.layers.recurrent": "keras.layers",
    "keras.layers.embeddings": "keras.layers",
    "keras.layers.normalization": "keras.layers",
    "keras.layers.merge": "keras.layers",
    "keras.layers.advanced_activations": "keras.layers",
    "keras.layers.wrappers": "keras.layers",
    "keras.layers.noise": "keras.layers",
    "keras.utils.np_utils": "keras.utils",
    "keras.utils.vis_utils": "keras.utils",
    "keras.utils.data_utils": "keras.utils",
    "keras.engine": "keras",
    "keras.engine.topology": "keras.layers",
    "keras.preprocessing.text": "keras.preprocessing",
    "keras.optimizers.legacy": "keras.optimizers",
    "keras.wrappers.scikit_learn": "keras.wrappers",
}
"""Modules whose contents moved."""

ARGMAX = "predict_classes"
OF_A_CALL = {"output_shape": "output.shape", "input_shape": "input.shape"}
"""Attributes of layers that Keras 3 has for models only, and what gives them (keras/src/ops/operation.py)."""


def diagnose(context: Context, failure: Failure) -> Finding | None:
    """The finding for a missing import or attribute of Keras or TensorFlow."""
    span = failure.frames[-1] if failure.frames else None
    if span is None:
        return None
    if failure.exception in ("ImportError", "ModuleNotFoundError"):
        lines = [failure.message.split("\n", 1)[0].split(" (")[0], f"It raises: {failure.exception}: {failure.message}"]
        return finding(RULE, context, span, "\n".join(lines), fixes=tuple(_import_fixes(context, span)))
    name = failure.facts.get("attribute")
    known = "has no attribute" in failure.message
    if failure.exception != "AttributeError" or not isinstance(name, str) or not known or failure.facts.get("parts"):
        return None
    source = context.source(span.path)
    statement = source.statement_at(span.line) if source is not None else None
    if source is None or statement is None or name not in source.segment(statement):
        return None  # Keras itself asked for it
    owner = failure.facts.get("object") or "it"
    lines = [f"`{owner}` has no `{name}`", f"It raises: {failure.exception}: {failure.message}"]
    fixes = old_tensorflow.strong(context, failure)
    fixes += _values_of_a_table(source, span, name) if owner in ("DataFrame", "Series") else []
    fixes += _older(source, span, name, owner)
    fixes += _of_a_list(source, span, name) if owner == "list" else []
    fixes += _of_an_array(source, span, name) if owner in ("numpy.ndarray", "ndarray") else []
    fixes += _backend(source, statement, name) if owner == "keras.backend" else []
    if isinstance(statement, ast.Expr) and name in SESSIONS:
        fixes += fix(f"Leave `{name}` out", edits.remove_statement(source, statement), cause=span)
    fixes += _attribute_fixes(context, span, name, tuple(failure.facts.get("close") or ()))
    of_tensors = _of_tensors(source, span, name) if "Tensor" in owner or owner.endswith("Variable") else []
    fixes += of_tensors
    fixes += unused(source, span, name)
    fixes += [] if of_tensors or owner in ("DataFrame", "Series") else _without(source, span, name)
    return finding(RULE, context, span, "\n".join(lines), fixes=tuple(fixes))


SESSIONS = ("set_session", "set_learning_phase", "set_image_dim_ordering", "manual_variable_initialization")
"""Settings of older versions that nothing needs any more."""
GONE_METHODS = ("fit_generator", "evaluate_generator", "predict_generator", "predict_classes", "predict_proba")
"""Methods of `keras.Model` that Keras 3 has no longer."""


def read(reading: Reading) -> Iterator[Finding]:
    """Methods of a Keras model that Keras 3 has no longer, and layers of which there is no such class."""
    for call, name in reading.calls():
        owner, _, last = name.rpartition(".")
        if not isinstance(call.func, ast.Attribute) or call.func.attr != last:
            continue
        if owner == "keras.Model" and last in GONE_METHODS:
            yield _gone(reading, call.func, f"`{reading.source.segment(call.func.value)}` has no `{last}`", ())
        if owner == "keras.layers" and last[:1].isupper() and name not in keras_names.PARAMETERS and reading.tabled:
            names = [item.rpartition(".")[2] for item in keras_names.PARAMETERS if item.startswith("keras.layers.")]
            close = tuple(difflib.get_close_matches(last, names, 2, 0.75))
            if close or last in METHODS:
                yield _gone(reading, call.func, f"Keras has no layer `{last}`", close)


def _gone(reading: Reading, node: ast.Attribute, words: str, close: tuple[str, ...]) -> Finding:
    severity = RULE.severity if reading.installed else Severity.INFORMATION
    span = reading.source.span(node)
    fixes = _attribute_edits(reading.source, node, node.attr, close, span)
    age = "" if reading.installed else " in Keras 3"
    return stated(RULE, span, f"{words}{age}", severity=severity, fixes=tuple(fixes))


_KEPT = (
    "epsilon", "floatx", "image_data_format", "set_epsilon", "set_floatx", "set_image_data_format", "backend",
    "clear_session", "get_uid", "is_keras_tensor", "is_float_dtype", "is_int_dtype", "standardize_dtype", "result_type",
)  # fmt: skip
"""What `keras.backend` of Keras 3 has still (keras/api/backend/__init__.py)."""


def _backend(source: SourceText, statement: ast.stmt, name: str) -> list[Fix]:
    """`K.sqrt(x)` becomes `keras.ops.sqrt(x)`, and every other function that the file takes from there with it."""
    first = next((node for node in ast.walk(statement) if isinstance(node, ast.Attribute) and node.attr == name), None)
    if first is None:
        return []
    alias = source.segment(first.value)
    keras, imports = search.keras_name(source)
    changes: list[Edit] = list(imports)
    for node in source.nodes:
        if isinstance(node, ast.Attribute) and node.attr not in _KEPT and source.segment(node.value) == alias:
            call = source.parents.get(node)
            if node.attr == "flatten" and isinstance(call, ast.Call) and call.args:
                changes.append(edits.replace(source, node, f"{keras}.ops.ravel"))
            else:
                changes.append(edits.replace(source, node, f"{keras}.ops.{OPS.get(node.attr, node.attr)}"))
    return fix(f"Use `{keras}.ops` instead of `{alias}`", *changes, cause=source.span(first))


def _attribute(source: SourceText, span: Span, name: str) -> ast.Attribute | None:
    for node in source.nodes:
        if isinstance(node, ast.Attribute) and node.attr == name and node.lineno <= span.end_line:
            if (node.end_lineno or 0) >= span.line:
                return node
    return None


def unused(source: SourceText, span: Span, name: str) -> list[Fix]:
    """`self.l3` for an attribute that the class sets and never reads."""
    node = _attribute(source, span, name)
    owner: ast.AST | None = node
    while owner is not None and not isinstance(owner, ast.ClassDef):
        owner = source.parents.get(owner)
    if node is None or owner is None or source.segment(node.value) != "self":
        return []
    own = [item for item in ast.walk(owner) if isinstance(item, ast.Attribute) and source.segment(item.value) == "self"]
    read = {item.attr for item in own if isinstance(item.ctx, ast.Load)}
    kept = dict.fromkeys(item.attr for item in own if isinstance(item.ctx, ast.Store) and item.attr not in read)
    place = source.span(node)
    return [one for other in list(kept)[:2]
            for one in fix(f"Use `{other}`", edits.replace(source, node, f"self.{other}"), cause=place)]  # fmt: skip


def _without(source: SourceText, span: Span, name: str) -> list[Fix]:
    """What the attribute was asked of, itself: `dataset` for `dataset.tolist()`, which only an array has."""
    node = _attribute(source, span, name)
    if node is None or name in METHODS or name in GONE_METHODS:
        return []
    outer = source.parents.get(node)
    whole = outer if isinstance(outer, ast.Call) and outer.func is node else node
    text = source.segment(node.value)
    imported = [item for made in source.nodes if isinstance(made, (ast.Import, ast.ImportFrom)) for item in made.names]
    if text in [item.asname or item.name for item in imported]:
        return []
    place = source.span(whole)
    return fix(f"Leave out `.{name}`", edits.replace(source, whole, text), cause=place) if text.isidentifier() else []


_OF_ARRAYS = {"dot": "matmul", "astype": "cast", **{
    name: name for name in (
        "all any argmax argmin argsort clip cumsum max mean min prod ravel repeat reshape round sort squeeze std sum "
        "swapaxes transpose var"
    ).split()
}}  # fmt: skip
"""Methods that arrays have and tensors do not, and the functions of `keras.ops` that do the same."""


def _of_tensors(source: SourceText, span: Span, name: str) -> list[Fix]:
    """`x.mean(axis=1)` of a tensor: the function of `keras.ops`."""
    node = _attribute(source, span, name)
    call = source.parents.get(node) if node is not None else None
    if node is None or name not in _OF_ARRAYS or not isinstance(call, ast.Call) or call.func is not node:
        return []
    keras, imports = search.keras_name(source)
    given = [source.segment(item) for item in call.args]
    if name in ("reshape", "transpose") and len(given) > 1:
        given = [f"({', '.join(given)})"]
    given += [source.segment(item) for item in call.keywords]
    new = f"{keras}.ops.{_OF_ARRAYS[name]}"
    text = f"{new}({', '.join([source.segment(node.value), *given])})"
    return fix(f"Use `{new}`", edits.replace(source, call, text), *imports, cause=source.span(call))


def _values_of_a_table(source: SourceText, span: Span, name: str) -> list[Fix]:
    """`table.reshape(…)`: what an array does, of the table's values."""
    node = _attribute(source, span, name)
    if node is None or name not in ("reshape", "flatten"):
        return []
    text = f"{edits.parenthesised(source, node.value)}.values"
    return fix(f"Take its values: `{text}`", edits.replace(source, node.value, text), cause=source.span(node))


_OF_NUMPY = {
    "float": "float", "int": "int", "bool": "bool", "object": "object", "str": "str", "complex": "complex",
    "long": "int", "unicode": "str", "float_": "np.float64", "Inf": "np.inf", "NaN": "np.nan", "product": "np.prod",
    "cumproduct": "np.cumprod", "row_stack": "np.vstack", "in1d": "np.isin", "trapz": "np.trapezoid",
}  # fmt: skip
"""Names that NumPy had, and what is meant by them."""
_OF_PANDAS = {"iteritems": "items", "ix": "loc", "as_matrix": "to_numpy", "get_value": "at", "append": "append"}


def _older(source: SourceText, span: Span, name: str, owner: str) -> list[Fix]:
    """Names that older versions of NumPy and pandas had: in all places where the program has them."""
    changes: list[Edit | None] = []
    alike = [node for node in source.nodes if isinstance(node, ast.Attribute) and node.attr == name]
    if owner == "numpy" and name in _OF_NUMPY:
        for node in alike:
            new = _OF_NUMPY[name].replace("np.", f"{source.segment(node.value)}.")
            if source.segment(node.value) in ("np", "numpy"):
                changes.append(edits.replace(source, node, new))
        return fix(f"Use `{_OF_NUMPY[name]}`", *changes, cause=span) if changes else []
    pandas = written.module_name(source, "pandas")
    if owner not in ("DataFrame", "Series") or name not in _OF_PANDAS:
        return []
    for node in alike:
        call = source.parents.get(node)
        if name != "append":
            whole = source.span(node)
            end = Span(whole.path, whole.end_line, whole.end_column - len(name), whole.end_line, whole.end_column)
            changes.append(Edit(end, _OF_PANDAS[name]))
        elif isinstance(call, ast.Call) and call.args and pandas is not None and span.line == call.lineno:
            more = source.segment(call.args[0])
            more = more[1:-1] if isinstance(call.args[0], ast.List) else more
            if isinstance(call.args[0], ast.Dict):
                more = f"{pandas}.DataFrame([{more}])"
            rest = "".join(f", {source.segment(item)}" for item in call.keywords)
            changes.append(
                edits.replace(source, call, f"{pandas}.concat([{source.segment(node.value)}, {more}]{rest})")
            )
    title = f"Use `{pandas}.concat`" if name == "append" else f"Use `{_OF_PANDAS[name]}`"
    return fix(title, *changes, cause=span) if changes else []


def _of_a_list(source: SourceText, span: Span, name: str) -> list[Fix]:
    """`pictures.shape` of a list: of an array of it, in the whole statement."""
    numpy, statement = written.module_name(source, "numpy"), source.statement_at(span.line)
    if (
        numpy is None
        or statement is None
        or name not in ("shape", "reshape", "astype", "ndim", "mean", "std", "max", "min")
    ):
        return []
    changes = [
        edits.replace(source, node.value, f"{numpy}.array({node.value.id})")
        for node in ast.walk(statement)
        if isinstance(node, ast.Attribute) and node.attr == name and isinstance(node.value, ast.Name)
    ]
    return fix(f"Make an array of it: `{numpy}.array(…)`", *changes, cause=span) if changes else []


def _of_an_array(source: SourceText, span: Span, name: str) -> list[Fix]:
    """What only a table has, of an array: rows and columns by their places, and the array itself."""
    node = _attribute(source, span, name)
    outer = source.parents.get(node) if node is not None else None
    if node is None:
        return []
    text, place = source.segment(node.value), source.span(node)
    if name in ("iloc", "values"):
        return fix(f"Leave out `.{name}`", edits.replace(source, node, text), cause=place)
    if isinstance(outer, ast.Call) and outer.func is node:
        count = source.segment(outer.args[0]) if outer.args else "5"
        forms = {"head": f"{text}[:{count}]", "tail": f"{text}[-{count}:]", "to_numpy": text}
        if name in forms:
            return fix(f"Write `{forms[name]}`", edits.replace(source, outer, forms[name]), cause=place)
    return []


def _attribute_fixes(context: Context, span: Span, name: str, close: tuple[str, ...]) -> list[Fix]:
    source = context.source(span.path)
    node = _attribute(source, span, name) if source is not None else None
    return [] if source is None or node is None else _attribute_edits(source, node, name, close, span)


def _attribute_edits(
    source: SourceText, node: ast.Attribute, name: str, close: tuple[str, ...], cause: Span
) -> list[Fix]:
    if name == ARGMAX:
        call = source.parents.get(node)
        if isinstance(call, ast.Call):
            given = ", ".join(source.segment(item) for item in call.args)
            new = f"{source.segment(node.value)}.predict({given}).argmax(axis=-1)"
            return fix("Use `predict(…).argmax(axis=-1)`", edits.replace(source, call, new), cause=cause)
    fixes: list[Fix] = []
    whole = source.span(node)
    known = [table[name] for table in (METHODS, OF_A_CALL) if name in table]
    for new in dict.fromkeys([*known, *close]):
        place = Span(whole.path, whole.end_line, whole.end_column - len(name), whole.end_line, whole.end_column)
        fixes += fix(f"Use `{new}`", Edit(place, new), cause=cause)
    if name == "preprocessing" and source.segment(node).endswith("layers.experimental.preprocessing"):
        return fixes
    if name == "experimental":
        outer = source.parents.get(node)
        if isinstance(outer, ast.Attribute) and outer.attr == "preprocessing":
            return fix("Use the layer itself", edits.replace(source, outer, source.segment(node.value)), cause=cause)
        return fix("Leave out `experimental`", edits.replace(source, node, source.segment(node.value)), cause=cause)
    return fixes


def _import_fixes(context: Context, span: Span) -> list[Fix]:
    source = context.source(span.path)
    node = source.statement_at(span.line) if source is not None else None
    if source is None or not isinstance(node, ast.ImportFrom) or not node.module:
        return []
    prefix, module = _split(node.module)
    names = [alias.name for alias in node.names]
    if not prefix and module.startswith("keras.preprocessing"):  # what TensorFlow keeps of Keras 2
        new = f"tensorflow.{module}"
        return fix(f"Import from `{new}`", edits.replace(source, node, _import(node, new, names)), cause=span)
    if module in MODULES:
        new = prefix + MODULES[module]
        return fix(f"Import from `{new}`", edits.replace(source, node, _import(node, new, names)), cause=span)
    if module == "keras.utils" and names == ["np_utils"]:
        asked = node.names[0].asname or "np_utils"
        line = f"from {node.module.rpartition('.')[0] or 'keras'} import utils as {asked}"
        return fix("Use `keras.utils` itself", edits.replace(source, node, line), cause=span)
    return []


def _split(module: str) -> tuple[str, str]:
    """("tensorflow.", "keras.layers.core") for a module written through TensorFlow."""
    return ("tensorflow.", module[len("tensorflow.") :]) if module.startswith("tensorflow.") else ("", module)


def _import(node: ast.ImportFrom, module: str, names: list[str]) -> str:
    items = ", ".join(
        f"{alias.name} as {alias.asname}" if alias.asname else name
        for alias, name in zip(node.names, names, strict=True)
    )
    return f"from {module} import {items}"
