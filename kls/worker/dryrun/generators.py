"""Datasets over generators of the author: whether the first element is what `from_generator` was told, and whether the
first elements make a batch.

A model is traced on what the dataset says of its elements; what the generator really yields shows at the first step.
"""

from __future__ import annotations

import functools
import itertools
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.data.ops import dataset_ops

from .arrays import find_unknown
from .batches import KEEPING

_GENERATOR = "_kls_generator"
_LONGEST_PIPELINE = 200


def install() -> None:
    """Have datasets remember the generators that they draw from, in this process."""
    original = dataset_ops.DatasetV2.from_generator

    @functools.wraps(original)
    def from_generator(generator: Any, *arguments: Any, **keywords: Any) -> Any:
        made = original(generator, *arguments, **keywords)
        setattr(made, _GENERATOR, (generator, keywords.get("args") or ()))
        return made

    for owner in {dataset_ops.DatasetV2, tf.data.Dataset}:
        owner.from_generator = staticmethod(from_generator)


def draw_first(dataset: Any) -> None:
    """Draw one element of each generator behind `dataset`.

    Raises InvalidArgumentError as TensorFlow does where an element is not of the shape, the type or the structure that
    was told. What else goes wrong in a generator, and elements whose values nobody knows, are left alone.
    """
    for made in _sources(dataset):
        generator, arguments = getattr(made, _GENERATOR)
        try:
            # In Python first, where the clock can stop it and what it yields can be looked at.
            element = next(iter(generator(*arguments)))
        except Exception:
            continue
        if find_unknown(element) is not None or any(_is_made_up(item) for item in tf.nest.flatten(element)):
            continue
        try:
            next(iter(made))
        except tf.errors.InvalidArgumentError as error:
            if "`generator` yielded an element" in str(error):
                raise
        except Exception:
            continue


_READING = frozenset("TFRecordDatasetV2 TextLineDatasetV2 FixedLengthRecordDatasetV2 CsvDatasetV2".split())
"""Sources whose elements stand in files."""
_MOST_DRAWN = 64
_MOST_WINDOWS = 2000
_DRAWING = 0.3
"""Processor time in seconds for which windows are drawn."""


def draw_batch(dataset: Any) -> None:
    """Batch the first elements of each generator behind `dataset` as the pipeline does, where it was told to leave a
    size open.

    Raises InvalidArgumentError as TensorFlow does where they have different shapes. Behind a `shuffle`, elements of
    different shapes meet in some batch.
    """
    for batched in _steps(dataset):
        if _kind(batched) not in ("BatchDataset", "ParallelBatchDataset"):
            continue
        mixed, made = False, batched._inputs()[0]
        while _kind(made) in KEEPING and not hasattr(made, _GENERATOR):
            mixed |= _kind(made) == "ShuffleDataset"
            made = made._inputs()[0]
        specs = tf.nest.flatten(made.element_spec)
        if not hasattr(made, _GENERATOR) or not all(type(item) is tf.TensorSpec for item in specs):
            continue
        if all(item.shape.is_fully_defined() for item in specs):
            continue
        size = int(tf.get_static_value(batched._batch_size) or 0)
        elements = _drawn(made, _MOST_DRAWN if mixed else min(size, _MOST_DRAWN))
        if mixed:
            other = next((item for item in elements if _shapes(item) != _shapes(elements[0])), None)
            elements = elements[:1] if other is None else [elements[0], other]
        if size > 1 and len(elements) > 1:
            again = tf.data.Dataset.from_generator(elements.__iter__, output_signature=made.element_spec)
            next(iter(again.batch(len(elements))))


def draw_windows(dataset: Any) -> None:
    """Draw the elements of a pipeline that cuts windows and batches them, for a while.

    Raises InvalidArgumentError as TensorFlow does where windows of different lengths meet: the last ones, where nothing
    drops what remains.
    """
    steps = list(_steps(dataset))
    kinds = {_kind(step) for step in steps}
    if "WindowDataset" not in kinds or any(hasattr(step, _GENERATOR) for step in steps) or kinds & _READING:
        return
    until = time.process_time() + _DRAWING
    try:
        for _ in zip(range(_MOST_WINDOWS), dataset):
            if time.process_time() > until:
                return
    except tf.errors.InvalidArgumentError as error:
        if "Cannot batch tensors with different shapes" in str(error) or "Cannot add tensor to the batch" in str(error):
            raise
    except Exception:
        return


def _drawn(made: Any, most: int) -> list[Any]:
    """The first elements of a generator; none where it fails or yields what nobody knows."""
    generator, arguments = getattr(made, _GENERATOR)
    try:
        elements = list(itertools.islice(generator(*arguments), most))
    except Exception:
        return []
    if find_unknown(elements) is not None or any(_is_made_up(item) for item in tf.nest.flatten(elements)):
        return []
    return elements


def _shapes(element: Any) -> list[tuple[int, ...]]:
    """The shapes of an element's parts; a list is one array, as `from_generator` takes it."""
    parts = element if isinstance(element, tuple) else (element,)
    return [shape for part in parts for shape in (_shapes(part) if isinstance(part, tuple) else [np.shape(part)])]


def _kind(dataset: Any) -> str:
    return type(dataset).__name__.lstrip("_")


def _is_made_up(item: Any) -> bool:
    parts = item if isinstance(item, (list, tuple)) else [item]
    return any(getattr(part, "virtual", False) for part in parts)


def _sources(dataset: Any) -> list[Any]:
    """The datasets made of generators that `dataset` draws from."""
    return [step for step in _steps(dataset) if hasattr(step, _GENERATOR)]


def _steps(dataset: Any) -> Iterator[Any]:
    """`dataset` and what it draws from, back to the generators of the author."""
    waiting = [dataset]
    for _ in range(_LONGEST_PIPELINE):
        if not waiting:
            break
        one = waiting.pop()
        yield one
        if hasattr(one, _GENERATOR):
            continue
        try:
            waiting += one._inputs()
        except (AttributeError, NotImplementedError):
            continue
