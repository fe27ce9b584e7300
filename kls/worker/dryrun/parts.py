"""What the values of the parts of a structure say, or of the elements of a dataset over arrays of the author."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import tensorflow as tf

from . import specs

_SLICES = "_kls_slices"
_KEEPING = re.compile(r"_?(Parallel|Padded)?(Batch|Shuffle|Prefetch|Cache|Repeat|Options)(V\d)?Dataset$")
"""Transformations after which a dataset has all values of what it is made of, and no others."""
_DEEPEST = 40
_MOST_NUMBERS = 200_000


def remember(dataset: Any, tensors: Any) -> Any:
    """`dataset`, which gives the slices of `tensors`."""
    setattr(dataset, _SLICES, tensors)
    return dataset


def values_by_path(value: Any) -> dict[str, Any]:
    """`specs.values_of` of each array in a dictionary, tuple or list, or of each component of a dataset that only
    batches, shuffles and repeats arrays; paths are those of `specs.flatten`."""
    found: dict[str, Any] = {}
    _collect(value, "", found, 0)
    return found


def _collect(value: Any, path: str, found: dict[str, Any], deep: int) -> None:
    if deep > _DEEPEST or len(found) >= specs.MOST_COMPONENTS:
        return
    if isinstance(value, tf.data.Dataset):
        _collect(_made_of(value), path, found, deep + 1)
    elif isinstance(value, dict):
        for key, item in value.items():
            _collect(item, specs.join(path, key), found, deep + 1)
    elif isinstance(value, (tuple, list)) and not _are_numbers(value):
        for index, item in enumerate(value[: specs.MOST_COMPONENTS]):
            _collect(item, specs.join(path, index), found, deep + 1)
    elif path or deep:
        known = specs.values_of(np.array(value) if isinstance(value, list) else value)
        if known is not None:
            found[path] = known


def _are_numbers(value: Any) -> bool:
    """Whether a list is one column of numbers, which a dataset takes for an array."""
    if not isinstance(value, list) or not 0 < len(value) <= _MOST_NUMBERS:
        return False
    return all(type(item) in (int, float) for item in value)


def _made_of(dataset: Any) -> Any:
    """The structure of arrays or datasets that a dataset gives the elements of; None where it changes them."""
    if hasattr(dataset, _SLICES):
        return getattr(dataset, _SLICES)
    if type(dataset).__name__.lstrip("_") == "ZipDataset":
        return dataset._datasets
    try:
        inputs = dataset._inputs()
    except (AttributeError, NotImplementedError):
        return None
    return inputs[0] if len(inputs) == 1 and _KEEPING.match(type(dataset).__name__) else None
