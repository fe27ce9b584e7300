"""Keras's preprocessing layers with `adapt`: on the author's own values it really happens, on stand-ins it need not.

`Normalization` is built from the shape of its data. A vocabulary learnt from stand-ins would be of one empty word: it
is taken to be as large as `max_tokens`, or of Unknown size where that is not given.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from keras.src.layers.preprocessing.discretization import Discretization
from keras.src.layers.preprocessing.index_lookup import IndexLookup
from keras.src.layers.preprocessing.integer_lookup import IntegerLookup
from keras.src.layers.preprocessing.normalization import Normalization
from keras.src.layers.preprocessing.string_lookup import StringLookup
from keras.src.layers.preprocessing.text_vectorization import TextVectorization

from .arrays import VirtualArray
from .datasets import has_data
from .unknown import Unknown, UnknownValue
from .unread import numbers

__all__ = ["install"]

MOST_BATCHES = 500
"""Batches of a dataset from which a layer learns."""
LARGEST_VOCABULARY = 200_000
_SIZE = "the size of a vocabulary that is learnt from data"


def is_stand_in(data: Any) -> bool:
    """Whether `adapt` would learn nothing true from `data`."""
    if isinstance(data, (VirtualArray, Unknown)):
        return True
    return isinstance(data, tf.data.Dataset) and not has_data(data)


def _bounded(data: Any) -> Any:
    return data.take(MOST_BATCHES) if isinstance(data, tf.data.Dataset) else data


def _normalization() -> None:
    adapt, call, finalize = Normalization.adapt, Normalization.call, Normalization.finalize_state

    def adapted(self: Any, data: Any, *args: Any, **keywords: Any) -> None:
        data = numbers(data, None)
        if isinstance(data, Unknown):
            self._kls_adapted = True
        elif isinstance(data, tf.data.Dataset):
            spec = data.element_spec
            shape = tuple((spec[0] if isinstance(spec, tuple) else spec).shape)
            _build(self, (None, *shape) if len(shape) == 1 else shape)
        elif isinstance(data, VirtualArray):
            _build(self, data.shape)
        else:
            adapt(self, data, *args, **keywords)

    def called(self: Any, inputs: Any) -> Any:
        if self.mean is None and getattr(self, "_kls_adapted", False):
            self.build(tuple(inputs.shape))
        return call(self, inputs)

    def finalized(self: Any) -> None:
        # What data that are not known have adapted is built by its first call, which may be inside a trace.
        with tf.init_scope() if getattr(self, "_kls_adapted", False) else contextlib.nullcontext():
            finalize(self)

    Normalization.adapt, Normalization.call, Normalization.finalize_state = adapted, called, finalized


def _build(layer: Any, shape: Any) -> None:
    if not layer.built:
        layer.build(shape)
        return
    for axis in layer._keep_axis:
        if shape[axis] != layer._build_input_shape[axis]:
            raise ValueError(
                "The layer was built with "
                f"input_shape={layer._build_input_shape}, "
                "but adapt() is being called with data with "
                f"an incompatible shape, data.shape={shape}"
            )


def _discretization() -> None:
    adapt = Discretization.adapt

    def adapted(self: Any, data: Any, steps: Any = None) -> None:
        if self.num_bins is not None and is_stand_in(data):
            self.bin_boundaries = [float(edge) for edge in range(self.num_bins - 1)]
        else:
            adapt(self, _bounded(data), steps)

    Discretization.adapt = adapted


def _vocabularies() -> None:
    for kind in (TextVectorization, StringLookup, IntegerLookup, IndexLookup):
        kind.adapt = _learning(kind.adapt)


def _learning(adapt: Any) -> Any:
    def adapted(self: Any, data: Any, *args: Any, **keywords: Any) -> None:
        lookup = getattr(self, "_lookup_layer", self)
        if is_stand_in(data) and not lookup._has_input_vocabulary:
            _suppose(self, lookup)
        else:
            adapt(self, _bounded(data), *args, **keywords)

    return adapted


def _suppose(layer: Any, lookup: Any) -> None:
    """Give a layer the vocabulary that its data would fill: `max_tokens` is set because there are more."""
    most = lookup.max_tokens
    known = isinstance(most, int) and most <= LARGEST_VOCABULARY
    size = max(most - lookup._token_start_index(), 1) if known else 1
    words = [f"token{index}" for index in range(size)] if lookup.vocabulary_dtype == "string" else range(1, size + 1)
    weights = np.ones(size, "float32") if lookup.output_mode == "tf_idf" else None
    lookup.set_vocabulary(list(words), weights)
    if known:
        return

    def unknown(*_: Any, **__: Any) -> Any:
        return Unknown(_SIZE)

    def refuse(*_: Any, **__: Any) -> Any:
        raise UnknownValue(_SIZE)

    for item in {layer, lookup}:
        item.__dict__.update(get_vocabulary=unknown, vocabulary_size=unknown)
    if lookup.output_mode != "int" and not lookup.pad_to_max_tokens:
        lookup.__dict__.update(_ensure_known_vocab_size=refuse, compute_output_shape=refuse)


def install(author_file: Callable[[str], bool]) -> None:
    """Replace `adapt` of the preprocessing layers in this process."""
    _normalization()
    _discretization()
    _vocabularies()
