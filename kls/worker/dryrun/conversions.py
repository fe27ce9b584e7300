"""What NumPy refuses to make of an array by its shape and dtype alone, whatever its values are."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Optional

import numpy as np

_MADE_BY: dict[str, Callable[..., Any]] = {
    "bool": bool,
    "int": int,
    "float": float,
    "index": operator.index,
    "item": lambda value: value.item(),
    "format": format,
}
NAMES = tuple(_MADE_BY)


def refusal(name: str, shape: tuple[int, ...], dtype: Any, *arguments: Any) -> Optional[Exception]:
    """The exception that NumPy raises for `bool(array)`, `int(array)`, `array.item()` and the like; None where it
    takes some arrays of this shape and dtype."""
    array = np.zeros(tuple(min(size, 2) for size in shape), dtype)
    try:
        _MADE_BY[name](array if shape else array[()], *arguments)
    except (TypeError, ValueError) as error:
        return error
    return None
