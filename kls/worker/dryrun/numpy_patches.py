"""NumPy's functions that make arrays: large ones come out virtual, random draws are the same in every run."""

from __future__ import annotations

import os
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.lib import format as npy_format

from . import random_draws, unread
from .arrays import (
    VirtualArray,
    check_assignable,
    find_unknown,
    is_large,
    origin_of,
    shape_and_dtype,
    sizes_of,
    virtual_if_large,
)
from .functions_of_arrays import MODELS
from .pictures import Picture
from .unknown import Unknown, UnknownValue
from .unread_parts import Window

__all__ = ["install", "load"]

_MADE_WITH_FLOAT = ("zeros", "ones", "empty")


def _creation() -> None:
    for name in _MADE_WITH_FLOAT:
        _patch(name, _filled(name, getattr(np, name)))
    full = np.full

    def patched_full(shape: Any, fill_value: Any, dtype: Any = None, *args: Any, **keywords: Any) -> Any:
        kind = shape_and_dtype(fill_value)[1] if dtype is None else dtype
        made = virtual_if_large(shape, kind, "np.full")
        if made is None and isinstance(fill_value, VirtualArray):
            made = VirtualArray.of(shape, kind, fill_value.origin)
        if made is None:
            return full(shape, fill_value, dtype, *args, **keywords)
        check_assignable(fill_value, made.shape)
        return made

    _patch("full", patched_full)
    eye, identity, arange, linspace = np.eye, np.identity, np.arange, np.linspace

    def patched_eye(N: Any, M: Any = None, k: int = 0, dtype: Any = float, *args: Any, **keywords: Any) -> Any:
        made = virtual_if_large((N, N if M is None else M), dtype, "np.eye")
        return eye(N, M, k, dtype, *args, **keywords) if made is None else made

    def patched_identity(n: Any, dtype: Any = None, **keywords: Any) -> Any:
        made = virtual_if_large((n, n), dtype or float, "np.identity")
        return identity(n, dtype, **keywords) if made is None else made

    def patched_arange(*args: Any, **keywords: Any) -> Any:
        if all(isinstance(item, (int, np.integer)) for item in args) and 1 <= len(args) <= 3:
            try:
                count = len(range(*(int(item) for item in args)))
            except ValueError:
                count = 0
            made = virtual_if_large(count, keywords.get("dtype") or np.int64, "np.arange")
            if made is not None:
                return made
        return arange(*args, **keywords)

    def patched_linspace(start: Any, stop: Any, num: Any = 50, *args: Any, **keywords: Any) -> Any:
        made = virtual_if_large(num, np.float64, "np.linspace") if np.ndim(start) == np.ndim(stop) == 0 else None
        return linspace(start, stop, num, *args, **keywords) if made is None or keywords.get("retstep") else made

    for name, function in (
        ("eye", patched_eye),
        ("identity", patched_identity),
        ("arange", patched_arange),
        ("linspace", patched_linspace),
    ):
        _patch(name, function)
    for name in ("zeros_like", "ones_like", "empty_like", "full_like"):
        _patch(name, _like(getattr(np, name)))


def _filled(name: str, original: Any) -> Any:
    def patched(shape: Any, dtype: Any = float, *args: Any, **keywords: Any) -> Any:
        made = virtual_if_large(shape, float if dtype is None else dtype, f"np.{name}")
        return original(shape, float if dtype is None else dtype, *args, **keywords) if made is None else made

    patched.__name__ = name
    return patched


def _like(original: Any) -> Any:
    def patched(a: Any, *args: Any, **keywords: Any) -> Any:
        if not isinstance(a, VirtualArray) and hasattr(a, "shape") and not isinstance(a, np.ndarray):
            sizes = sizes_of(a.shape)
            if sizes is not None and type(a).__module__.startswith("tensorflow"):
                dtype = keywords.get("dtype") or a.dtype.as_numpy_dtype
                return VirtualArray.of(sizes, dtype, getattr(a, "_kls_origin", None))
        return original(a, *args, **keywords)

    patched.__name__ = original.__name__
    return patched


def _conversion(author_file: Callable[[str], bool]) -> None:
    """`np.array` and `np.asarray` keep virtual arrays virtual, also inside lists, and take symbolic tensors."""
    for name in ("array", "asarray", "asanyarray", "ascontiguousarray", "asfortranarray", "copy"):
        _patch(name, _converting(name, getattr(np, name), author_file))
    from_iter = np.fromiter

    def patched_from_iter(values: Any, dtype: Any, count: int = -1, **keywords: Any) -> Any:
        items = list(values)
        if any(isinstance(item, (VirtualArray, Unknown)) for item in items):
            return VirtualArray.of((len(items),), dtype, origin_of(items))
        return from_iter(items, dtype, count, **keywords)

    _patch("fromiter", patched_from_iter)


def _converting(name: str, original: Any, author_file: Callable[[str], bool]) -> Any:
    def patched(a: Any = (), dtype: Any = None, *args: Any, **keywords: Any) -> Any:
        a = keywords.pop("object", a)
        if isinstance(a, Picture):
            a = a.pixels()
        a = unread.known(a, dtype)
        if isinstance(a, Unknown):
            return a if isinstance(a, (unread.Unread, Window)) else a.unshaped()
        symbolic = getattr(a, "numpy", None) if type(a).__module__.startswith(("tensorflow.", "keras.")) else None
        if callable(symbolic):
            a = symbolic()
            if isinstance(a, Unknown):
                raise UnknownValue(a.reason, a.line)
        if isinstance(a, (list, tuple)) and not isinstance(a, np.ndarray):
            unknown = find_unknown(a)
            if unknown is not None and author_file(sys._getframe(1).f_code.co_filename):
                return unknown  # it may yet be given a shape
            a = _listed(a)
        if not isinstance(a, VirtualArray):
            given = () if dtype is None else (dtype,)
            return original(a, *given, *args, **keywords)
        made = a if dtype is None else a.astype(dtype)
        rank = int(keywords.get("ndmin") or 0)
        if rank > made.ndim:
            made = made.reshape((1,) * (rank - made.ndim) + made.shape)
        return made

    patched.__name__ = name
    return patched


def _listed(values: Any) -> Any:
    """A nested list that holds virtual arrays, tensors or Unknowns as one virtual array; any other as it is."""
    if not _mixed(values, 0):
        return values
    unknown = find_unknown(values)
    if unknown is not None:
        raise UnknownValue(unknown.reason, unknown.line)
    plain = [_plain(item) for item in values]
    if not any(isinstance(item, VirtualArray) for item in _flat(plain)):
        return plain
    shape, dtype = shape_and_dtype(plain)
    return VirtualArray.of(shape, dtype, origin_of(_flat(plain)))


def _mixed(values: Any, depth: int) -> bool:
    for item in values[:256] if depth == 0 else values[:16]:
        if isinstance(item, (VirtualArray, Unknown)) or type(item).__module__.startswith("tensorflow.python"):
            return True
        if isinstance(item, (list, tuple)) and depth < 3 and _mixed(item, depth + 1):
            return True
    return False


def _plain(item: Any) -> Any:
    if isinstance(item, (list, tuple)):
        return [_plain(part) for part in item]
    if type(item).__module__.startswith("tensorflow.python"):
        value = item.numpy()
        if isinstance(value, Unknown):
            raise UnknownValue(value.reason, value.line)
        return value
    return item


def _flat(values: Any) -> Iterator[Any]:
    for item in values:
        if isinstance(item, list):
            yield from _flat(item)
        else:
            yield item


def load(file: Any, *args: Any, **keywords: Any) -> Any:
    """`np.load` from the header alone: a virtual array, or a mapping of them for an archive.

    Raises FileNotFoundError, and ValueError for a file that is no NumPy file, as NumPy does.
    """
    if isinstance(file, Unknown):
        return file
    path = os.fspath(file) if not hasattr(file, "read") else None
    if path is None:
        return _headed(file, str(getattr(file, "name", "a file")))
    with open(path, "rb") as opened:
        start = opened.read(6)
        opened.seek(0)
        if start[:4] == b"PK\x03\x04":
            with zipfile.ZipFile(opened) as archive:
                return Archive({name: _member(archive, name) for name in archive.namelist() if name.endswith(".npy")})
        return _headed(opened, os.path.basename(path))


def _member(archive: zipfile.ZipFile, name: str) -> Any:
    with archive.open(name) as opened:
        return _headed(opened, name)


def _headed(opened: Any, origin: str) -> Any:
    version = npy_format.read_magic(opened)
    read = npy_format.read_array_header_1_0 if version == (1, 0) else npy_format.read_array_header_2_0
    shape, _, dtype = read(opened)
    if dtype.hasobject:
        raise UnknownValue(f"the objects pickled in {origin}")
    if not is_large(shape, dtype):
        count = int(np.prod(shape)) if shape else 1
        data = np.frombuffer(opened.read(count * dtype.itemsize), dtype)
        if data.size == count:
            return data.reshape(shape).copy()
    return VirtualArray.of(shape, dtype, origin)


class Archive(Mapping[str, Any]):
    """What `np.load` gives for an `.npz` file."""

    def __init__(self, members: dict[str, Any]) -> None:
        self._members = {name[:-4]: value for name, value in members.items()}
        self.files = list(self._members)

    def __getitem__(self, key: str) -> Any:
        return self._members[key[:-4] if key.endswith(".npy") else key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: Any) -> None:
        return None

    def close(self) -> None:
        """Nothing is open."""


def _files() -> None:
    _patch("load", load)
    for name in ("save", "savez", "savez_compressed", "savetxt"):
        _patch(name, lambda *args, **keywords: None)
    for name in ("loadtxt", "genfromtxt"):
        _patch(name, _text_reader(getattr(np, name)))


def _text_reader(original: Any) -> Any:
    """Small text files are really read; of a large one nothing is known but its dtype."""

    def patched(fname: Any, *args: Any, **keywords: Any) -> Any:
        if isinstance(fname, (str, os.PathLike)) and os.path.getsize(fname) > 4 << 20:
            raise UnknownValue(f"the rows of the large file {os.path.basename(os.fspath(fname))}")
        return original(fname, *args, **keywords)

    return patched


def _patch(name: str, function: Any, module: Any = np) -> None:
    setattr(module, name, function)


def install(author_file: Callable[[str], bool]) -> None:
    """Replace NumPy's public creation functions in this process; NumPy's own code keeps the originals."""
    assert MODELS, "models are registered under the original functions, before these are replaced"
    _creation()
    _conversion(author_file)
    random_draws.install(author_file)
    _files()
