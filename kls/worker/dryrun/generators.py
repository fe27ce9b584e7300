"""Generators of the author: whether the first elements are what `from_generator` or Keras was told of them, and whether
they make batches.

A model is traced on what the dataset says of its elements; what the generator really yields shows at the first step.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from keras.src import tree
from keras.src.trainers.data_adapters.generator_data_adapter import GeneratorDataAdapter
from tensorflow.python.data.ops import dataset_ops

from . import specs
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
    """Draw the first elements of each generator behind `dataset`: one, and where a later one has another shape, up to
    that.

    Raises InvalidArgumentError as TensorFlow does where an element is not of the shape, the type or the structure that
    was told. What else goes wrong in a generator, and elements whose values nobody knows, are left alone.
    """
    for made in _sources(dataset):
        # In Python first, where the clock can stop it and what it yields can be looked at.
        elements = _drawn(made, _MOST_DRAWN)
        if not elements:
            continue
        try:
            for _ in zip(range(_odd(elements) + 1), made):
                pass
        except tf.errors.InvalidArgumentError as error:
            if "`generator` yielded an element" in str(error):
                raise
        except Exception:
            continue


def draw_later(generator: Any, told: Any, steps: Any) -> None:
    """Draw more batches of a generator that Keras itself was given and has drawn two of, by which it goes: `told` are
    the specs that it made of them, `steps` the batches that training takes, None for all.

    Raises InvalidArgumentError as Keras does where a later one has another shape.
    """
    known = steps is None or isinstance(steps, int)
    if not inspect.isgenerator(generator) or not known:
        return
    most = _MOST_BATCHES if steps is None else min(_MOST_BATCHES, steps - _LOOKED_AT)
    parts = tree.flatten(told)
    for batch in _known(generator, max(0, most)):
        shapes = [specs.shape_of(item) for item in tree.flatten(batch)]
        if len(shapes) != len(parts) or any(shape is None for shape in shapes):
            return
        if not all(spec.shape.is_compatible_with(shape) for spec, shape in zip(parts, shapes)):
            adapter = GeneratorDataAdapter(iter([batch] * _LOOKED_AT))
            adapter._output_signature = told
            for _ in adapter.get_tf_dataset():
                pass
            return


_READING = frozenset("TFRecordDatasetV2 TextLineDatasetV2 FixedLengthRecordDatasetV2 CsvDatasetV2".split())
"""Sources whose elements stand in files."""
_MOST_DRAWN = 64
_MOST_WINDOWS = 2000
_MOST_BATCHES = 8
_LOOKED_AT = 2
"""Batches by which Keras goes (keras/src/trainers/data_adapters/data_adapter_utils.py)."""
_DRAWING = 0.3
"""Processor time in seconds for which elements or windows are drawn."""


def draw_batch(dataset: Any) -> None:
    """Batch the first elements of each generator behind `dataset` as the pipeline does, where it was told to leave a
    size open: the first batch, or the first of which the elements have different shapes.

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
        elements = _drawn(made, _MOST_DRAWN)
        if mixed and elements:
            other = _odd(elements)
            elements = [elements[0], elements[other]] if other else elements[:1]
        elif size > 1:
            cut = [elements[start : start + size] for start in range(0, len(elements), size)]
            elements = next((part for part in cut if _odd(part)), cut[0] if cut else [])
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
    """The first elements of a generator, as many as can be had in a while; none where it fails at once."""
    generator, arguments = getattr(made, _GENERATOR)
    try:
        return _known(generator(*arguments), most)
    except Exception:
        return []


def _known(generator: Any, most: int) -> list[Any]:
    """The first elements that are drawn in a while; none where one of them is not known."""
    elements: list[Any] = []
    until = time.process_time() + _DRAWING
    try:
        for element in itertools.islice(generator, most):
            elements.append(element)
            if time.process_time() > until:
                break
    except Exception:
        pass
    if find_unknown(elements) is not None or any(_is_made_up(item) for item in tf.nest.flatten(elements)):
        return []
    return elements


def _odd(elements: list[Any]) -> int:
    """The place of the first element whose shapes are not those of the first one, 0 where there is none."""
    try:
        first = _shapes(elements[0]) if elements else []
        return next((place for place, item in enumerate(elements) if _shapes(item) != first), 0)
    except ValueError:  # lists of unequal lengths have no shape
        return 0


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
