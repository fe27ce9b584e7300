"""Values of the author's program as `Tensor` records: what has a shape and a dtype, and in which structure."""

from __future__ import annotations

import dataclasses
from typing import Any, Optional

import numpy as np
import tensorflow as tf
from keras import KerasTensor

from ..protocol import Shape, Tensor
from .unread import Unread, form_of

MOST_COMPONENTS = 64
"""Parts of a structure that are told, at most."""
_MOST_ROWS = 200_000


def shape_of(value: Any) -> Shape:
    """The static shape of a tensor, array or spec; None when its rank is not known."""
    shape = getattr(value, "shape", None)
    if shape is None:
        return None
    try:
        return tuple(None if size is None else int(size) for size in shape)
    except (TypeError, ValueError):
        return None


def dtype_of(value: Any) -> Optional[str]:
    """The dtype's name, as Keras writes it."""
    dtype = getattr(value, "dtype", None)
    if dtype is None:
        return None
    if isinstance(dtype, str):
        return dtype
    name = getattr(dtype, "name", None)
    return name if isinstance(name, str) else str(dtype)


def is_tensor(value: Any) -> bool:
    """Whether `value` is one thing with a shape: array, tensor, variable, KerasTensor or spec."""
    return isinstance(
        value,
        (
            np.ndarray,
            KerasTensor,
            tf.Tensor,
            tf.Variable,
            tf.TensorSpec,
            tf.SparseTensor,
            tf.SparseTensorSpec,
            tf.RaggedTensor,
            tf.RaggedTensorSpec,
        ),
    ) or (type(value).__name__ == "Variable" and type(value).__module__.startswith("keras."))


def flatten(value: Any, path: str = "") -> tuple[Tensor, ...]:
    """The tensors of a nested structure, each with its path; what has no shape is left out."""
    found: list[Tensor] = []
    _collect(value, path, found)
    return tuple(found)


def _collect(value: Any, path: str, found: list[Tensor]) -> None:
    if len(found) >= MOST_COMPONENTS:
        return
    if is_tensor(value):
        found.append(Tensor(shape_of(value), dtype_of(value), path))
    elif isinstance(value, dict):
        for key, item in value.items():
            _collect(item, join(path, key), found)
    elif isinstance(value, (tuple, list)):
        for index, item in enumerate(value):
            _collect(item, join(path, index), found)


def join(path: str, key: object) -> str:
    """The path of a part of what stands at `path`."""
    return f"{path}.{key}" if path else str(key)


def kind_of(value: Any) -> Optional[str]:
    """The protocol's word for data the reader cares about, None for anything else."""
    if isinstance(value, np.ndarray):
        return "array"
    if isinstance(value, KerasTensor):
        return "keras-tensor"
    if isinstance(value, tf.data.Dataset):
        return "dataset"
    if is_tensor(value):
        return "tensor"
    if type(value).__name__ in ("DataFrame", "Series") and type(value).__module__.split(".")[0] == "pandas":
        return "frame"
    if isinstance(value, (tuple, list)) and value and len(value) <= MOST_COMPONENTS:
        kinds = {kind_of(item) for item in value}
        if len(kinds) == 1 and kinds <= {"array", "tensor", "keras-tensor"}:
            return kinds.pop()
    if isinstance(value, dict) and value and len(value) <= MOST_COMPONENTS:
        kinds = {kind_of(item) for item in value.values()}
        if len(kinds) == 1 and kinds <= {"array", "tensor", "keras-tensor"}:
            return kinds.pop()
    return None


def tensors_of(value: Any) -> tuple[Tensor, ...]:
    """The tensors of a value that has a `kind_of`."""
    if isinstance(value, tf.data.Dataset):
        return flatten(value.element_spec)
    if kind_of(value) == "frame":
        return (Tensor(shape_of(value), _dtype_of_columns(value)),)
    return flatten(value)


def tensors_of_unread(value: Any) -> tuple[Tensor, ...]:
    """The axes of a table that was not read; nothing for anything else."""
    if not isinstance(value, Unread):
        return ()
    form = form_of(value)
    sizes = [size if isinstance(size, int) else None for size in form.sizes]
    return (Tensor((None, *sizes), None if form.dtype is None else np.dtype(form.dtype).name, ""),)


def _dtype_of_columns(frame: Any) -> str:
    """The dtype of an array of all columns: "object" where one of them holds no numbers."""
    dtypes = list(frame.dtypes) if frame.ndim == 2 else [frame.dtype]
    if dtypes and all(isinstance(dtype, np.dtype) and dtype.kind in "biuf" for dtype in dtypes):
        return str(np.result_type(*dtypes))
    return str(dtypes[0]) if len(dtypes) == 1 else "object"


def values_of(value: Any) -> Optional[dict[str, Any]]:
    """What the values of a real, small array say: min, max, integral, and how many classes; of one-hot rows whether
    class 0 occurs; of Python objects the type of the first, and of rows how long the shortest and the longest are.

    None for virtual arrays, symbolic tensors and anything large.
    """
    if isinstance(value, (list, tuple)):
        return _rows(value)
    if kind_of(value) == "frame" and _dtype_of_columns(value).startswith(("int", "uint", "float", "bool")):
        value = value.to_numpy()
    if not isinstance(value, np.ndarray) or getattr(value, "virtual", False) or not 0 < value.size <= 2_000_000:
        return None
    if value.dtype.kind == "O":
        return {"elements": type(value.flat[0]).__name__, **((_rows(value) if value.ndim == 1 else None) or {})}
    if value.dtype.kind not in "biuf":
        return None
    low, high = value.min(), value.max()
    integral = value.dtype.kind in "biu" or bool(np.all(value == np.trunc(value)))
    facts: dict[str, Any] = {"min": low.item(), "max": high.item(), "integral": integral}
    if integral and float(high) - float(low) < 100_000:
        facts["classes"] = len(np.unique(value))
    if value.ndim == 2 and value.shape[1] > 1 and low >= 0 and high <= 1:
        facts["one_hot"] = bool(integral and np.all(value.sum(axis=1) == 1))
        facts["first_class"] = bool(value[:, 0].any())
    return facts


def _rows(value: Any) -> Optional[dict[str, Any]]:
    """How long the rows of a list or of an array of Python objects are, and the type of the first number in them."""
    if not 0 < len(value) <= _MOST_ROWS or not all(isinstance(item, (list, tuple, np.ndarray)) for item in value):
        return None
    if any(isinstance(item, np.ndarray) and (item.ndim == 0 or getattr(item, "virtual", False)) for item in value):
        return None
    lengths = [len(item) for item in value]
    first = next((item for item in value if len(item)), None)
    while first is not None and isinstance(first, (list, tuple, np.ndarray)) and len(first):
        first = first[0]
    kinds = {(float, np.floating): "float", bool: "bool", int: "int"}
    inner = next((name for kind, name in kinds.items() if isinstance(first, kind)), type(first).__name__)
    return {"shortest": min(lengths), "longest": max(lengths), "inner": inner}


def config_of(layer: Any) -> dict[str, Any]:
    """The plain values of a layer's `get_config()`: numbers, words and short tuples of them."""
    try:
        config = layer.get_config()
    except Exception:
        return {}
    plain: dict[str, Any] = {}
    for key, value in config.items():
        kept = _plain(value)
        if kept is not _DROPPED:
            plain[str(key)] = kept
    return plain


@dataclasses.dataclass(frozen=True)
class _Dropped:
    """Marks a configuration value that does not travel."""


_DROPPED = _Dropped()


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value)
    if isinstance(value, (tuple, list)) and len(value) <= 16:
        items = [_plain(item) for item in value]
        return _DROPPED if _DROPPED in items else items
    if isinstance(value, dict) and isinstance(value.get("class_name"), str):
        return value["class_name"]
    return _DROPPED
