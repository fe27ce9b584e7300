"""What a program asks of tensors that they do not have: an axis, or another number of them from a layer."""

from __future__ import annotations

import ast
import re
from types import TracebackType
from typing import Any, Optional

import keras

from . import specs
from .exceptions import value_of
from .state import Run
from .unknown import Unknown
from .unread import Unread, form_of


def axis_of(run: Run, error: BaseException, innermost: Optional[TracebackType]) -> Optional[dict[str, Any]]:
    """The array of which an axis is asked that it does not have, as `x.shape[2]`: {"name", "shape", "axis"}; None for
    any other error, and where the array is not known."""
    if innermost is None or not isinstance(error, IndexError) or "tuple index out of range" not in str(error):
        return None
    span = run.files.span_of_code(innermost.tb_frame.f_code, innermost.tb_lasti)
    for node in run.files.nodes_from(span.path, span.line) if span is not None else ():
        if span is None or not isinstance(node, ast.Subscript) or run.files.span_of_node(span.path, node) != span:
            continue
        owner = node.value.value if isinstance(node.value, ast.Attribute) and node.value.attr == "shape" else None
        value = value_of(owner, innermost.tb_frame) if owner is not None else None
        shape = _shape_of(value)
        axis = node.slice.value if isinstance(node.slice, ast.Constant) else None
        if owner is not None and shape is not None and isinstance(axis, int):
            return {"name": ast.unparse(owner), "shape": list(shape), "axis": axis}
    return None


def _shape_of(value: Any) -> Optional[tuple[Optional[int], ...]]:
    """The shape of an array, also of one that was not read, whose axes are known; None for anything else."""
    if isinstance(value, Unread):
        return (None, *(size if isinstance(size, int) else None for size in form_of(value).sizes))
    return specs.shape_of(value) if not isinstance(value, Unknown) and specs.is_tensor(value) else None


_LISTS = frozenset(
    "layers weights trainable_weights non_trainable_weights variables trainable_variables non_trainable_variables "
    "inputs outputs metrics metrics_names".split()
)
"""What Keras lists of a layer or model (keras/src/layers/layer.py, keras/src/models/model.py)."""


_ADDED = re.compile(r"\.add\(|\.append\(|\)\s*\(")
"""What the text of a loop or branch that was gone through in part has where layers are made or added there."""


def item_of(run: Run, error: BaseException, innermost: Optional[TracebackType]) -> Optional[dict[str, Any]]:
    """The list of Keras that has no item of a number, as `model.layers[7]` or `layer.get_weights()[1]`: {"name",
    "count", "index", "built": whether the layer has its weights}; None for any other error."""
    if innermost is None or not isinstance(error, IndexError) or "list index out of range" not in str(error):
        return None
    if any(_ADDED.search(run.files.text(place)) for place in run.unsure):
        return None  # how many layers there are is not known
    span = run.files.span_of_code(innermost.tb_frame.f_code, innermost.tb_lasti)
    for node in run.files.nodes_from(span.path, span.line) if span is not None else ():
        if span is None or not isinstance(node, ast.Subscript) or run.files.span_of_node(span.path, node) != span:
            continue
        called = node.value.func if isinstance(node.value, ast.Call) and not node.value.args else node.value
        index = _number(node.slice, innermost)
        if not isinstance(called, ast.Attribute) or index is None:
            continue
        owner = _layer_of(called.value, innermost)
        known = isinstance(owner, keras.layers.Layer) and id(owner) not in run.tainted and id(owner) not in run.unbuilt
        if not known or called.attr not in (_LISTS if called is node.value else ("get_weights",)):
            continue
        if not getattr(owner, "built", True) and any(gap.kind != "fault" for gap in run.gaps):
            continue  # what could not be carried out may be what builds it
        items = getattr(owner, "weights" if called.attr == "get_weights" else called.attr, None)
        if isinstance(items, list) and not -len(items) <= index < len(items):
            name = ast.unparse(node.value)
            return {"name": name, "count": len(items), "index": index, "built": bool(getattr(owner, "built", True))}
    return None


def _layer_of(node: ast.expr, innermost: TracebackType) -> Any:
    """What a name stands for, or one layer of a model: `model.layers[2]`, `model.get_layer("head")`; else None."""
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Attribute) and node.value.attr == "layers":
        model, index = value_of(node.value.value, innermost.tb_frame), _number(node.slice, innermost)
        layers = model.layers if isinstance(model, keras.Model) else []
        return layers[index] if index is not None and -len(layers) <= index < len(layers) else None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get_layer":
        model = value_of(node.func.value, innermost.tb_frame)
        names = [item.value for item in node.args if isinstance(item, ast.Constant)]
        layers = model.layers if isinstance(model, keras.Model) else []
        return next((layer for layer in layers if [layer.name] == names), None)
    return value_of(node, innermost.tb_frame)


def _number(node: ast.expr, innermost: TracebackType) -> Optional[int]:
    """A literal whole number, or what a name stands for."""
    value: Any = None
    if isinstance(node, ast.Name):
        value = value_of(node, innermost.tb_frame)
    else:
        try:
            value = ast.literal_eval(node)
        except ValueError:
            return None
    return value if type(value) is int else None


def outputs_of(run: Run, error: BaseException, innermost: Optional[TracebackType]) -> Optional[dict[str, Any]]:
    """The layer of Keras whose tensors are taken apart into another number of names: {"name", "count" (None: not
    known), "wanted"}; None for any other error."""
    told = re.search(r"values to unpack \(expected (\d+)(?:, got (\d+))?", str(error))
    if innermost is None or not isinstance(error, ValueError) or told is None:
        return None
    span = run.files.span_of_code(innermost.tb_frame.f_code, innermost.tb_lasti)
    for node in run.files.nodes_from(span.path, span.line) if span is not None else ():
        target = node.targets[0] if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) else None
        if span is None or not isinstance(node, ast.Assign) or not isinstance(target, ast.Tuple):
            continue
        if run.files.span_of_node(span.path, target) != span or not isinstance(node.value, ast.Call):
            continue
        made = node.value.func
        layer = value_of(made.func if isinstance(made, ast.Call) else made, innermost.tb_frame)
        kind = layer if isinstance(layer, type) else type(layer)
        if issubclass(kind, keras.layers.Layer) and kind.__module__.startswith("keras."):
            count = int(told[2]) if told[2] else _states(layer)
            return {"name": ast.unparse(made)[:60], "count": count, "wanted": int(told[1])}
    return None


def _states(layer: Any) -> Optional[int]:
    """How many tensors a recurrent layer gives, None where that is not known."""
    inner = getattr(layer, "forward_layer", layer)
    cell = getattr(inner, "cell", None)
    size = getattr(cell, "state_size", None)
    if not getattr(inner, "return_state", False) or size is None:
        return None
    states = len(size) if isinstance(size, (list, tuple)) else 1
    return 1 + states * (1 if inner is layer else 2)
