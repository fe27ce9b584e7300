"""Pictures that are not there: the size and channels that Keras was told to give them are their shape all the same.

`keras.utils.load_img(path, color_mode, target_size)` gives a PIL image; here it gives a `Picture`, which is Unknown in
all but its size, and as an array has that shape. So does `PIL.Image.open(path).convert(mode).resize(size)`.
Where OpenCV or PIL is not installed, what its documentation says of shapes and dtypes is known all the same.
"""

from __future__ import annotations

import ast
import os
import sys
import types
from typing import Any, Optional

import numpy as np
from keras.src.utils import image_utils

from .after_import import after_import
from .arrays import VirtualArray, find_unknown
from .unknown import Unknown, UnknownValue

__all__ = ["LOAD", "OpenCV", "Opener", "Picture", "Pixels", "install", "load_img", "missing"]

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


class Pixels(Unknown):
    """An array with a picture in it, of OpenCV: its dtype is known, its size (width, height) and channels, 1 for an
    array of two axes, are None where they are not."""

    __slots__ = ("_channels", "_dtype", "_size")

    def __init__(
        self, reason: str, dtype: Any, size: Optional[tuple[int, int]] = None, channels: Optional[int] = None
    ) -> None:
        super().__init__(reason)
        object.__setattr__(self, "_dtype", np.dtype(dtype))
        object.__setattr__(self, "_size", size)
        object.__setattr__(self, "_channels", channels)

    def given(self, size: Optional[tuple[int, int]], channels: Optional[int], dtype: Any = None) -> Any:
        """The same with another size, channels or dtype; an array where nothing is missing."""
        dtype = self._dtype if dtype is None else dtype
        if size is None or channels is None:
            return Pixels(self.reason, dtype, size, channels)
        shape = (size[1], size[0]) if channels == 1 else (size[1], size[0], channels)
        return VirtualArray.of(shape, dtype, self.reason)

    def unshaped(self) -> Unknown:
        """An Unknown of which nothing is known."""
        return Unknown(self.reason, self.line)

    def astype(self, dtype: Any, *_: Any, **__: Any) -> Any:
        """As NumPy's."""
        return self.unshaped() if find_unknown(dtype) is not None else self.given(self._size, self._channels, dtype)

    def __truediv__(self, other: Any) -> Any:
        if not isinstance(other, (int, float)):
            return self.unshaped()
        return self.given(self._size, self._channels, self._dtype if self._dtype.kind == "f" else np.float64)

    def __getitem__(self, key: Any) -> Any:
        cut = key if isinstance(key, tuple) else (key,)
        sliced = len(cut) <= 2 and all(isinstance(item, slice) for item in cut)
        return self.given(None, self._channels) if sliced else self.unshaped()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.unshaped(), name)


def _derived(self: Pixels, *_: Any, **__: Any) -> Unknown:
    return self.unshaped()


_OPERATORS = "add sub mul floordiv mod pow matmul and or xor lshift rshift".split()
for _name in (
    *_OPERATORS,
    *(f"r{name}" for name in (*_OPERATORS, "truediv")),
    *"lt le gt ge eq ne neg pos abs invert round divmod rdivmod call array_ufunc array_function".split(),
):
    setattr(Pixels, f"__{_name}__", _derived)
Pixels.__hash__ = Unknown.__hash__  # type: ignore[method-assign]


class OpenCV(Unknown):
    """The module `cv2` where it is not installed: what its documentation says of the pictures that it gives.

    `imread` gives bytes of three channels, or two axes; `resize` and `cvtColor` keep the dtype; a filter keeps all.
    """

    __slots__ = ()

    IMREAD_GRAYSCALE, IMREAD_COLOR = 0, 1
    COLOR_BGR2RGB = COLOR_RGB2BGR = 4
    COLOR_BGR2GRAY, COLOR_RGB2GRAY = 6, 7
    COLOR_GRAY2BGR = COLOR_GRAY2RGB = 8
    COLOR_BGR2HSV, COLOR_RGB2HSV = 40, 41

    def imread(self, filename: Any = None, flags: Any = IMREAD_COLOR) -> Any:
        """A picture of unknown size."""
        channels = {0: 1, 1: 3}.get(flags) if isinstance(flags, int) else None
        return Pixels(self.reason, np.uint8, None, channels)

    def resize(self, src: Any = None, dsize: Any = None, *_: Any, **__: Any) -> Any:
        """(height, width) are what `dsize` turned round says; a last axis of one goes."""
        picture = self._picture(src)
        size = _pair(dsize)
        size = None if size is None or min(size) < 1 else size
        return picture.given(size, picture._channels) if isinstance(picture, Pixels) else picture

    def cvtColor(self, src: Any = None, code: Any = None, *_: Any, **__: Any) -> Any:
        """The channels are those of the other colours."""
        picture = self._picture(src)
        if not isinstance(picture, Pixels) or not isinstance(code, int):
            return Unknown(self.reason)
        channels = {4: 3, 6: 1, 7: 1, 8: 3, 40: 3, 41: 3}.get(code)
        return picture.given(picture._size, channels)

    def GaussianBlur(self, src: Any = None, *_: Any, **__: Any) -> Any:
        """As large as before."""
        picture = self._picture(src)
        return picture.given(picture._size, picture._channels) if isinstance(picture, Pixels) else picture

    medianBlur = blur = flip = GaussianBlur

    def __getattr__(self, name: str) -> Any:
        return getattr(Unknown(self.reason, self.line), name)

    def _picture(self, src: Any) -> Any:
        if isinstance(src, Pixels):
            return src
        if isinstance(src, np.ndarray) and src.ndim in (2, 3) and src.dtype.kind in "uif":
            channels = 1 if src.ndim == 2 else src.shape[2]
            return Pixels(self.reason, src.dtype, (src.shape[1], src.shape[0]), channels)
        return Unknown(self.reason)


class Opener(Unknown):
    """The module `PIL.Image` where it is not installed."""

    __slots__ = ()

    def open(self, fp: Any = None, *_: Any, **__: Any) -> Any:
        """A picture of unknown size and mode."""
        return Picture(self.reason, None, None)

    def fromarray(self, obj: Any = None, mode: Any = None) -> Any:
        """A picture of the array's size."""
        if isinstance(obj, np.ndarray) and obj.dtype == np.uint8 and mode is None:
            modes = {obj.ndim == 2: "L", obj.shape[2:] == (3,): "RGB", obj.shape[2:] == (4,): "RGBA"}
            if True in modes:
                return Picture(self.reason, (obj.shape[1], obj.shape[0]), modes[True])
        if isinstance(obj, Pixels) and obj._channels in (1, 3) and obj._dtype == np.uint8 and mode is None:
            return Picture(self.reason, obj._size, "L" if obj._channels == 1 else "RGB")
        return Unknown(self.reason)

    def __getattr__(self, name: str) -> Any:
        return getattr(Unknown(self.reason, self.line), name)


def missing(node: ast.stmt, name: Optional[str], reason: str, line: int) -> Optional[Unknown]:
    """What stands for `name` after an import that failed, where something is known of the module."""
    for alias in node.names if isinstance(node, (ast.Import, ast.ImportFrom)) else ():
        if name != (alias.asname or alias.name):
            continue
        module = alias.name if isinstance(node, ast.Import) else f"{node.module}.{alias.name}"
        if module in _MISSING and module.partition(".")[0] not in sys.modules:
            return _MISSING[module](reason, line)
    return None


_MISSING = {"cv2": OpenCV, "PIL.Image": Opener}
