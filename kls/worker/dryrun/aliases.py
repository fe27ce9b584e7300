"""Every name under which TensorFlow and Keras offer a function, so that a stand-in is seen through all of them.

`watch(*functions)` is called while modules of the dry run are imported, in the zygote; the one search through the
loaded modules is made by `find()` there when all are imported, or else by the first `replace`.
"""

from __future__ import annotations

import functools
import sys
from typing import Any

_watched: dict[int, Any] = {}
_places: dict[int, list[tuple[dict[str, Any], str]]] = {}


def watch(*functions: Any) -> None:
    """Functions that a dry run will replace."""
    for function in functions:
        _watched[id(function)] = function


def find() -> None:
    """Search the loaded modules of TensorFlow and Keras for the watched functions."""
    for key in _watched:
        _places[key] = []
    for name, module in list(sys.modules.items()):
        if name.startswith(("keras", "tensorflow", "tf_keras")) and module is not None:
            names: dict[str, Any] = getattr(module, "__dict__", {})
            for key, value in list(names.items()):
                places = _places.get(id(value))
                if places is not None and value is _watched[id(value)]:
                    places.append((names, key))


def replace(original: Any, stand_in: Any) -> None:
    """Put `stand_in` wherever a module of TensorFlow or Keras holds the watched function `original`, under its name
    and with its signature."""
    functools.update_wrapper(stand_in, original, ("__name__", "__qualname__"), ())
    if id(original) not in _watched:
        watch(original)
    if id(original) not in _places:
        find()
    for names, key in _places[id(original)]:
        names[key] = stand_in
