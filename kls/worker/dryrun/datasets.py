"""Virtual arrays where TensorFlow wants data: zeros when they are small enough, and datasets that make their elements.

A dataset over a virtual array repeats one element of zeros, so it costs the memory of that element; it can be iterated,
counted and mapped as any other. `shuffle` keeps a small buffer: order means nothing among stand-ins.
"""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Callable
from typing import Any, Optional

import numpy as np
import tensorflow as tf
from tensorflow.python.autograph.impl import api
from tensorflow.python.data.ops import dataset_ops, readers
from tensorflow.python.framework import constant_op, ops

from . import parts
from . import unread as unread_tables
from .arrays import VirtualArray, find_unknown, shape_and_dtype
from .unknown import Unknown, UnknownValue

__all__ = ["LARGEST_TENSOR", "STAND_IN_TEXT", "has_data", "install", "repeated", "unread"]

LARGEST_TENSOR = 512 << 20
"""Bytes above which a virtual array does not become a tensor."""
LARGEST_SLICED = 1 << 20
"""Bytes up to which `from_tensor_slices` copies a virtual array like any other."""
SHUFFLE_BUFFER = 64
FILES = 1000
"""Files that a pattern stands for which matches none here."""
STAND_IN_TEXT = "some words of text"
"""What a string is that nobody knows: some layers cannot take an empty one."""

_WITHOUT_DATA = "_kls_without_data"


def zeros(shape: Any, dtype: Any) -> Any:
    """A tensor of zeros, or of what else virtual arrays are filled with, or of stand-in texts.

    Raises UnknownValue when it would be too large.
    """
    kind = tf.as_dtype(tf.string if isinstance(dtype, np.dtype) and dtype.kind in "OUS" else dtype)
    sizes = [int(size) for size in shape]
    if math.prod(sizes) * kind.size > LARGEST_TENSOR:
        raise UnknownValue(f"the values of a tensor of shape {tuple(sizes)}")
    if kind.is_floating and VirtualArray.filling:
        return tf.fill(sizes, tf.cast(VirtualArray.filling, kind))
    return tf.fill(sizes, STAND_IN_TEXT) if kind == tf.string else tf.zeros(sizes, kind)


def repeated(element: Any, number: int) -> Any:
    """A dataset of `number` equal elements; `element` is a tensor or a nested structure of tensors."""
    made = tf.data.Dataset.from_tensors(element).repeat(number)
    setattr(made, _WITHOUT_DATA, True)
    return made


def unread(element: Any, reason: str) -> Any:
    """The number tensor `element`, for a dataset whose elements cannot be drawn because `reason` is not known.

    To be used inside a function given to `map`: a loop that draws an element gets a NotFoundError that names `reason`.
    """
    return element + tf.cast(tf.strings.length(tf.io.read_file(reason)), element.dtype)


def has_data(dataset: Any) -> bool:
    """Whether the elements of a pipeline rest on the author's own values, not on stand-ins alone."""
    if getattr(dataset, _WITHOUT_DATA, False):
        return False
    try:
        inputs = dataset._inputs()
    except (AttributeError, NotImplementedError):
        return True
    return all(has_data(item) for item in inputs)


def _holds_virtual(value: Any) -> bool:
    if isinstance(value, VirtualArray):
        return True
    return isinstance(value, (list, tuple)) and any(isinstance(item, VirtualArray) for item in value[:64])


def _constants() -> None:
    """Virtual arrays become zeros, in eager mode and in the graph of a traced function alike."""
    eager, in_graph = constant_op.convert_to_eager_tensor, ops._create_graph_constant

    def convert(value: Any, ctx: Any, dtype: Any = None) -> Any:
        if isinstance(value, unread_tables.Unread):
            value = unread_tables.stand_in(value)
        unknown = find_unknown(value)
        if unknown is not None:
            raise UnknownValue(unknown.reason, unknown.line)
        if not _holds_virtual(value):
            return eager(value, ctx, dtype)
        shape, kind = shape_and_dtype(value)
        if isinstance(value, (list, tuple)) and np.dtype(kind).kind in "iu":
            kind = "int32"  # of whole numbers in a list, whatever they were (python/eager/pywrap_tensor.cc)
        return zeros(shape, kind if dtype is None else dtype)

    def create(value: Any, dtype: Any, shape: Any, *args: Any, **keywords: Any) -> Any:
        if not _holds_virtual(value):
            return in_graph(value, dtype, shape, *args, **keywords)
        own, kind = shape_and_dtype(value)
        return tf.reshape(zeros(own, kind if dtype is None else dtype), own if shape is None else shape)

    constant_op.convert_to_eager_tensor = convert
    ops._create_graph_constant = create


def _traced_errors() -> None:
    """An UnknownValue raised inside a function that TensorFlow traces arrives as itself."""
    create = api._ErrorMetadata.create_exception

    def same(self: Any, source_error: Any) -> Any:
        return source_error if isinstance(source_error, UnknownValue) else create(self, source_error)

    api._ErrorMetadata.create_exception = same


def _slices(original: Any) -> Any:
    @functools.wraps(original)
    def from_tensor_slices(tensors: Any, name: Optional[str] = None) -> Any:
        tensors = _without_lists(_numbered(tensors))
        if isinstance(tensors, (VirtualArray, tuple, dict)):
            flat = tf.nest.flatten(tensors)
            if any(_is_large(item) for item in flat):
                return parts.remember(_zipped(original, tensors, flat, name), tensors)
        return parts.remember(original(tensors, name=name), tensors)

    return from_tensor_slices


def _numbered(tensors: Any) -> Any:
    """Features and labels with numbers in the place of tables that were not read; features must be numbers."""
    if type(tensors) is not tuple or not tensors:
        return unread_tables.numbers(tensors, None)
    given = unread_tables.numbered(*tensors)
    return tensors if find_unknown(given[0]) is not None else given


def _without_lists(tensors: Any) -> Any:
    """The components of a dataset, where a list is one array, as for `tf.data`."""
    if isinstance(tensors, tuple) and type(tensors) is tuple:
        return tuple(_without_lists(item) for item in tensors)
    if isinstance(tensors, dict) and type(tensors) is dict:
        return {key: _without_lists(item) for key, item in tensors.items()}
    if isinstance(tensors, list) and any(isinstance(item, np.ndarray) for item in tensors[:64]):
        return np.array(tensors)
    return tensors


def _is_large(item: Any) -> bool:
    return isinstance(item, VirtualArray) and item.ndim > 0 and item.nbytes > LARGEST_SLICED


def _zipped(original: Any, tensors: Any, flat: list[Any], name: Optional[str]) -> Any:
    # TensorFlow judges the lengths, on arrays without elements.
    original(tuple(np.empty((len(item), 0)) for item in flat if hasattr(item, "__len__")))
    components = [
        repeated(zeros(item.shape[1:], item.dtype), len(item)) if _is_large(item) else original(item, name=name)
        for item in flat
    ]
    if len(flat) == 1 and tensors is flat[0]:
        return components[0]
    return tf.data.Dataset.zip(tf.nest.pack_sequence_as(tensors, components))


def _readers() -> None:
    """Datasets over files that nobody knows have elements of a known kind still; none can be drawn."""

    def taking_unknown(original: Any) -> Any:
        def init(self: Any, filenames: Any, *args: Any, **keywords: Any) -> None:
            unknown = find_unknown(filenames)
            names = [filenames] if isinstance(filenames, (str, os.PathLike)) else filenames
            if unknown is not None:
                filenames = [unknown.reason]
            original(self, filenames, *args, **keywords)
            paths = [name for name in names if isinstance(name, (str, os.PathLike))] if isinstance(names, list) else []
            if unknown is not None or (paths and not any(os.path.exists(path) for path in paths)):
                setattr(self, _WITHOUT_DATA, True)

        return init

    for reader in (readers.TextLineDatasetV2, readers.TFRecordDatasetV2, readers.FixedLengthRecordDatasetV2):
        reader.__init__ = taking_unknown(reader.__init__)


def _listed(original: Any) -> Any:
    @functools.wraps(original)
    def list_files(file_pattern: Any, *args: Any, **keywords: Any) -> Any:
        unknown = find_unknown(file_pattern)
        try:
            if unknown is None:
                return original(file_pattern, *args, **keywords)
        except tf.errors.InvalidArgumentError as error:
            if "No files matched" not in str(error):
                raise
        return repeated(tf.constant(str(file_pattern) if unknown is None else unknown.reason), FILES)

    return list_files


def install(author_file: Callable[[str], bool]) -> None:
    """Change how virtual arrays become tensors and datasets, in this process."""
    _constants()
    _traced_errors()
    _readers()
    kind = dataset_ops.DatasetV2
    listed = staticmethod(_listed(kind.list_files))
    slices = staticmethod(_slices(kind.from_tensor_slices))
    shuffle, skip = kind.shuffle, kind.skip

    @functools.wraps(shuffle)
    def shuffled(self: Any, buffer_size: Any, *args: Any, **keywords: Any) -> Any:
        large = isinstance(buffer_size, (int, np.integer)) and buffer_size > SHUFFLE_BUFFER
        if large or isinstance(buffer_size, Unknown):
            buffer_size = SHUFFLE_BUFFER
        return shuffle(self, buffer_size, *args, **keywords)

    @functools.wraps(skip)
    def skipped(self: Any, count: Any, *args: Any, **keywords: Any) -> Any:
        # What is left of a dataset may not be taken for empty where nobody knows how much was skipped.
        return skip(self, 0 if isinstance(count, Unknown) else count, *args, **keywords)

    for owner in {kind, tf.data.Dataset}:
        owner.from_tensor_slices = slices
        owner.list_files = listed
        owner.shuffle = shuffled
        owner.skip = skipped
