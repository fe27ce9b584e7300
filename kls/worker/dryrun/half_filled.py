"""A list, dictionary or set that a dry run filled in part only: wherever the author's program holds it, it is Unknown.

The statement that did not get through knows the container by one name. A caller, the module or an object of the
author's may hold the same one by another, and would go on with what happens to be in it.
"""

from __future__ import annotations

import ctypes
import sys
from collections import deque
from collections.abc import Callable
from types import FrameType, ModuleType
from typing import Any

from .unknown import Unknown

__all__ = ["forget"]

CONTAINERS = (list, dict, set, deque)


def forget(container: Any, unknown: Unknown, owns: Callable[[str], bool]) -> None:
    """Put `unknown` in the place of `container`: in the variables of the author's functions that are being run and of
    their modules, and in the attributes of the objects that those hold. `owns` tells the author's files."""
    if not isinstance(container, CONTAINERS):
        return
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if owns(frame.f_code.co_filename):
            local = frame.f_locals
            if _replaced(local, container, unknown) and local is not frame.f_globals:
                _write_back(frame)
            if local is not frame.f_globals:
                _replaced(frame.f_globals, container, unknown)
        frame = frame.f_back


def _replaced(names: Any, container: Any, unknown: Unknown) -> bool:
    held = [name for name, value in names.items() if value is container]
    for name in held:
        names[name] = unknown
    for owner in list(names.values()):
        if isinstance(owner, (ModuleType, type, Unknown, *CONTAINERS)):
            continue
        attributes = getattr(owner, "__dict__", None)
        for name in [name for name, value in attributes.items() if value is container] if attributes else ():
            try:
                setattr(owner, name, unknown)
            except Exception:
                continue
    return bool(held)


def _write_back(frame: FrameType) -> None:
    """Make what was put into `frame.f_locals` the function's own variables: before Python 3.13 they are a copy (PEP
    667)."""
    if sys.version_info < (3, 13):
        ctypes.pythonapi.PyFrame_LocalsToFast(ctypes.py_object(frame), ctypes.c_int(0))
