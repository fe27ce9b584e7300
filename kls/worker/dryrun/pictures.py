"""Pictures that are not there: the size and channels that Keras was told to give them are their shape all the same.

`keras.utils.load_img(path, color_mode, target_size)` gives a PIL image; here it gives a `Picture`, which is Unknown in
all but its size, and as an array has that shape. So does `PIL.Image.open(path).convert(mode).resize(size)`.
"""

from __future__ import annotations

import os
import types
from typing import Any, Optional

import numpy as np
from keras.src.utils import image_utils

from .after_import import after_import
from .arrays import VirtualArray, find_unknown
from .unknown import Unknown, UnknownValue

__all__ = ["LOAD", "Picture", "install", "load_img"]

LOAD = image_utils.load_img
"""Keras's own."""
_CHANNELS = {"L": 1, "RGB": 3, "RGBA": 4}
_MODES = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}


class Picture(Unknown):
    """A picture of which only the size (width, height) and the mode are known, each None where it is not."""

    __slots__ = ("_mode", "_size")

    _size: Optional[tuple[int, int]]
    _mode: Optional[str]

    def __init__(self, reason: str, size: Optional[tuple[int, int]], mode: Optional[str]) -> None:
        super().__init__(reason)
        object.__setattr__(self, "_size", size)
        object.__setattr__(self, "_mode", mode)

    @property
    def size(self) -> Any:
        """(width, height), as PIL gives it."""
        return Unknown(self.reason) if self._size is None else self._size

    def resize(self, size: Any, *_: Any, **__: Any) -> Any:
        """The picture at another size; with `reducing_gap` or a `box` too."""
        return Picture(self.reason, _pair(size), self._mode)

    def convert(self, mode: Any = None, *_: Any, **__: Any) -> Any:
        """The picture in another mode."""
        return Picture(self.reason, self._size, mode if mode in _CHANNELS else None)

    def thumbnail(self, *_: Any, **__: Any) -> None:
        """The picture itself becomes smaller, nobody knows by how much."""
        object.__setattr__(self, "_size", None)

    def copy(self) -> Any:
        """Itself: nothing in it changes."""
        return self

    def __getattr__(self, name: str) -> Any:
        """Anything else may have another size: nothing is known of it."""
        return getattr(Unknown(self.reason, self.line), name)

    def pixels(self) -> Any:
        """The array that NumPy makes of it: (height, width) or (height, width, channels), uint8.

        Raises UnknownValue where its size or mode is not known.
        """
        if self._size is None or self._mode is None:
            raise UnknownValue(self.reason, self.line)
        width, height = self._size
        channels = _CHANNELS[self._mode]
        shape = (height, width) if channels == 1 else (height, width, channels)
        return VirtualArray.of(shape, np.uint8, self.reason)


def _pair(size: Any) -> Optional[tuple[int, int]]:
    if not isinstance(size, (tuple, list)) or len(size) != 2 or find_unknown(size) is not None:
        return None
    first, second = size
    return (int(first), int(second)) if isinstance(first, (int, np.integer)) else None


def load_img(
    path: Any,
    color_mode: Any = "rgb",
    target_size: Any = None,
    interpolation: Any = "nearest",
    keep_aspect_ratio: Any = False,
) -> Any:
    """Keras's own for a file that is there; else a picture of `target_size` (height, width)."""
    sized = _pair(target_size)
    if sized is None or color_mode not in _MODES:
        return LOAD(path, color_mode, target_size, interpolation, keep_aspect_ratio)
    if _is_there(path):
        return LOAD(path, color_mode, target_size, interpolation, keep_aspect_ratio)
    return Picture(_absent(path), (sized[1], sized[0]), _MODES[color_mode])


def install() -> None:
    """Let PIL open pictures that are not there, in this process."""
    after_import("PIL.Image", _opening)


def _opening(module: types.ModuleType) -> None:
    original = module.open  # type: ignore[attr-defined]

    def opened(fp: Any, *args: Any, **keywords: Any) -> Any:
        if not isinstance(fp, (str, os.PathLike, Unknown)) or _is_there(fp):
            return original(fp, *args, **keywords)
        return Picture(_absent(fp), None, None)

    module.open = opened  # type: ignore[attr-defined]


def _is_there(path: Any) -> bool:
    if isinstance(path, Unknown):
        return False
    return isinstance(path, (str, os.PathLike)) and os.path.exists(path)


def _absent(path: Any) -> str:
    name = "a picture" if isinstance(path, Unknown) else f"the picture {os.fspath(path)}"
    return f"{name} that is not there"
