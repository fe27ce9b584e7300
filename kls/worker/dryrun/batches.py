"""The batches that a model would be given: their specs, their sizes, and symbolic stand-ins for them."""

from __future__ import annotations

import dataclasses
from typing import Any, Optional

import numpy as np
import tensorflow as tf
from keras import tree
from keras.src.models.functional import Functional
from keras.src.models.sequential import Sequential
from keras.src.trainers.data_adapters import array_slicing, data_adapter_utils, get_data_adapter
from keras.src.trainers.data_adapters.array_data_adapter import ArrayDataAdapter
from keras.src.trainers.data_adapters.py_dataset_adapter import PyDataset, PyDatasetAdapter

from . import specs
from .unknown import Unknown, UnknownValue

PRIME = 37
"""A batch size that equals no usual layer width, for probing with a concrete batch."""
KEEPING = frozenset("ShuffleDataset RepeatDataset CacheDataset PrefetchDataset OptionsDataset".split())
"""Steps after which the elements are all those of before, in whatever order, by their class without what leads it."""
_LONGEST_PIPELINE = 200
"""Transformations of a dataset that are looked through for its batch size."""


@dataclasses.dataclass(frozen=True)
class Data:
    """What one side (training or validation) of a sink was given."""

    x: Any
    y: Any
    sample_weight: Any
    class_weight: Any
    batch_size: Any
    """An int, None for Keras's own, or Unknown."""


def endless(data: Any) -> bool:
    """Whether a dataset says of itself that it has no end (tf.data.INFINITE_CARDINALITY)."""
    return isinstance(data, tf.data.Dataset) and int(data.cardinality()) == tf.data.INFINITE_CARDINALITY


def batch_of(data: Data) -> tuple[Any, Optional[int], Any]:
    """One batch as specs, and the number of samples where the data are arrays; of a generator whose first batch has
    another number of labels than of samples, the specs of that too, else None."""
    if isinstance(data.x, PyDataset):
        _uncounted(type(data.x))
    adapter = get_data_adapter(
        x=data.x,
        y=data.y,
        sample_weight=data.sample_weight,
        batch_size=data.batch_size if isinstance(data.batch_size, int) else None,
        class_weight=data.class_weight,
    )
    if isinstance(adapter, ArrayDataAdapter):
        inputs = array_slicing.convert_to_sliceable(adapter._inputs, target_backend="tensorflow")
        return inputs, int(adapter._num_samples), None
    if isinstance(adapter, PyDatasetAdapter):
        adapter.py_dataset.workers = 1
    drawn: list[Any] = []
    of_batches = data_adapter_utils.get_tensor_spec

    def noted(batches: Any) -> Any:
        drawn[:] = batches
        return of_batches(batches)

    data_adapter_utils.get_tensor_spec = noted
    try:
        batch = adapter.get_tf_dataset().element_spec
    finally:
        data_adapter_utils.get_tensor_spec = of_batches
    return batch, None, _uneven(batch, drawn[0]) if drawn else None


def _uneven(batch: Any, first: Any) -> Any:
    """The specs `batch` with the numbers of samples that the parts of the first batch have, where these are not all the
    same; None where they are, or where one of them stands for all."""
    shapes = [specs.shape_of(item) for item in tree.flatten(first)]
    counts = [shape[0] if shape else None for shape in shapes]
    if len(set(counts)) < 2 or not all(isinstance(count, int) and count > 1 for count in counts):
        return None
    parts = tree.flatten(batch)
    if len(parts) != len(counts) or not all(type(item) is tf.TensorSpec and item.shape.rank for item in parts):
        return None
    sized = [tf.TensorSpec((count, *item.shape[1:]), item.dtype) for count, item in zip(counts, parts)]
    return tree.pack_sequence_as(batch, sized)


def _uncounted(kind: Any) -> None:
    """Have a dataset of the author's class go on where nobody knows how many batches it has: as one without an end."""
    counted = kind.num_batches.fget if isinstance(kind.num_batches, property) else None
    if counted is None or getattr(counted, "_kls_uncounted", False):
        return

    def num_batches(self: Any) -> Any:
        try:
            return counted(self)
        except UnknownValue:
            return None

    num_batches.__dict__["_kls_uncounted"] = True
    kind.num_batches = property(num_batches)


def placeholder(item: Any, size: Optional[int], arrays: bool) -> Any:
    """A symbolic stand-in for one component of a batch; `size` is the batch, None for any."""
    if item is None:
        return None
    if isinstance(item, (tf.RaggedTensorSpec, tf.SparseTensorSpec)):
        return tf.nest.map_structure(
            lambda part: tf.compat.v1.placeholder(part.dtype, part.shape), item, expand_composites=True
        )
    shape = list(item.shape) if getattr(item.shape, "rank", 0) is not None else None
    if shape:
        if arrays or shape[0] is None:
            shape[0] = size
    dtype = item.dtype
    if isinstance(item, np.ndarray):
        dtype = tf.string if dtype.kind in "OUS" else tf.as_dtype(dtype)
    return tf.compat.v1.placeholder(dtype, shape)


def batch_sizes(model: Any, data: Data, batch: Any, samples: Optional[int], on_batch: bool) -> list[Optional[int]]:
    """The batch sizes to trace with: what the real run would see; a prime where that is not known and only Keras's own
    code looks on. A run whose batches are not all of one size is traced with an unknown one first."""
    given = data.batch_size
    static = static_batch(model)
    if static is not None:
        return [static]
    if on_batch:
        return [None]
    custom = is_custom(model)
    if isinstance(given, Unknown):
        return [None] if custom else [PRIME]
    size = given if isinstance(given, int) and given > 0 else 32
    if samples is not None:
        size = max(min(size, samples), 1)
        return [size] if samples % size == 0 or not custom else [None, size]
    if not custom:
        return [PRIME]
    first = _first_batch(data.x)
    return [None] if first is None else [None, first]


def _first_batch(dataset: Any) -> Optional[int]:
    """The size of the first batch of a pipeline that ends in making batches, and has enough elements for one; None
    where that is not certain."""
    for _ in range(_LONGEST_PIPELINE):
        if not isinstance(dataset, tf.data.Dataset):
            return None
        kind = type(dataset).__name__.lstrip("_")
        if kind in ("BatchDataset", "ParallelBatchDataset"):
            size = tf.get_static_value(getattr(dataset, "_batch_size", None))
            count = int(dataset._inputs()[0].cardinality())
            return int(size) if size and (count >= size or count == tf.data.INFINITE_CARDINALITY) else None
        if kind not in KEEPING:
            return None
        dataset = dataset._inputs()[0]
    return None


def traced_batch(batch: Any, size: Optional[int], arrays: bool) -> int:
    """The batch size that a trace saw; an unknown one counts as 1."""
    for item in tree.flatten(batch):
        shape = specs.shape_of(item)
        if shape:
            return size or 1 if arrays or shape[0] is None else shape[0]
    return size or 1


def real_batch(data: Data, batch: Any, samples: Optional[int], on_batch: bool) -> Optional[int]:
    """The batch size that the run would use, None where only the run can tell."""
    if samples is not None and isinstance(data.batch_size, Unknown):
        return None
    if samples is not None:
        return min(data.batch_size if isinstance(data.batch_size, int) and data.batch_size > 0 else 32, samples)
    for item in tree.flatten(batch):
        shape = specs.shape_of(item)
        if shape and shape[0] is not None:
            return shape[0]
    return None if on_batch else _batched(data.x)


def _batched(dataset: Any) -> Optional[int]:
    """The number that a `tf.data` pipeline was batched with last, found in its own transformations."""
    for _ in range(_LONGEST_PIPELINE):
        number = getattr(dataset, "_batch_size", None)
        if number is not None:
            value = tf.get_static_value(number)
            return int(value) if value is not None and int(value) > 0 else None
        if not isinstance(dataset, tf.data.Dataset):
            return None
        dataset = getattr(dataset, "_input_dataset", None) or getattr(dataset, "_dataset", None)
    return None


def static_batch(model: Any) -> Optional[int]:
    """The batch size that a model's inputs are declared with, None for any."""
    graph = getattr(model, "_functional", None) if isinstance(model, Sequential) else model
    for tensor in specs.flatten(getattr(graph, "_inputs", None) or ()) if isinstance(graph, Functional) else ():
        if tensor.shape and tensor.shape[0] is not None:
            return tensor.shape[0]
    return None


def is_custom(model: Any) -> bool:
    """Whether code of the author runs inside a step: own layers, steps, losses, metrics or lambdas."""
    parts = [model, *model._flatten_layers(include_self=False)]
    compiled = [getattr(model, "loss", None), *(getattr(model, "_user_metrics", None) or [])]
    for part in parts:
        stock = type(part).__module__.split(".")[0] in ("keras", "keras_hub", "keras_nlp", "keras_cv")
        if not stock or type(part).__name__ == "Lambda":
            return True
    return any(
        item is not None
        and not isinstance(item, str)
        and str(getattr(item, "__module__", None) or type(item).__module__).split(".")[0] != "keras"
        for item in tree.flatten(compiled)
    )
