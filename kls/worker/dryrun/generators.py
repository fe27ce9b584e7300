"""Datasets over generators of the author: whether the first element is what `from_generator` was told.

A model is traced on what the dataset says of its elements; what the generator really yields shows at the first step.
"""

from __future__ import annotations

import functools
from typing import Any

import tensorflow as tf
from tensorflow.python.data.ops import dataset_ops

from .arrays import find_unknown

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


def _is_made_up(item: Any) -> bool:
    parts = item if isinstance(item, (list, tuple)) else [item]
    return any(getattr(part, "virtual", False) for part in parts)


def _sources(dataset: Any) -> list[Any]:
    waiting, found = [dataset], list[Any]()
    for _ in range(_LONGEST_PIPELINE):
        if not waiting:
            break
        one = waiting.pop()
        if hasattr(one, _GENERATOR):
            found.append(one)
            continue
        try:
            waiting += one._inputs()
        except (AttributeError, NotImplementedError):
            continue
    return found
