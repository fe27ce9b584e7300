"""Class numbers and ids of a real batch that a traced function would refuse when it runs.

A `tf.function` is traced and not run; what it does with the values of its arguments is not seen. Two operations refuse
values by themselves: the sparse cross-entropy a class number without a logit, `gather` an id without a row. Where one
of them is given an argument as it is, it is run on the values, and raises as the function would. So is an Embedding in
a step where it is given positions: numbers that follow from the length of the data.
"""

from __future__ import annotations

import functools
from typing import Any, Optional

import numpy as np
import tensorflow as tf
from keras.src.layers.core.embedding import Embedding

from .state import Run

_SAME = ("Cast", "Identity", "Reshape", "Squeeze", "ExpandDims")
"""Operations that keep the values of their first input, or refuse them for another cause."""
_SPREAD = (*_SAME, "Tile", "BroadcastTo")
_MOST = 1 << 20
"""Elements of an argument at most."""


def install(run: Run) -> None:
    """Have every Embedding look at the positions that it is given in a step."""
    look_up = Embedding.call

    @functools.wraps(look_up)
    def call(self: Any, inputs: Any) -> Any:
        if run.step_graph is not None and not tf.executing_eagerly():
            largest = _largest(inputs)
            if largest is not None and largest >= self.input_dim:
                with tf.init_scope():
                    tf.gather(tf.zeros((self.input_dim, 1)), [largest])
        return look_up(self, inputs)

    Embedding.call = call


def _largest(tensor: Any) -> Optional[int]:
    """The largest of the numbers in `tensor`, where they do not depend on the values of any data."""
    if not isinstance(tensor, tf.Tensor):
        return None
    known = tf.get_static_value(tensor)
    if known is not None:
        return int(np.max(known)) if np.size(known) and known.dtype.kind in "iu" else None
    if tensor.op.type in _SPREAD:
        return _largest(tensor.op.inputs[0])
    length = tensor.shape[0] if tensor.op.type == "Range" else None
    if not length:
        return None
    start, step = (tf.get_static_value(tensor.op.inputs[place]) for place in (0, 2))
    return None if start is None or step is None else int(max(start, start + (length - 1) * step))


def run_on_values(concrete: Any, arguments: Any, keywords: Any) -> None:
    """Run what of `concrete` refuses values on those of the arguments.

    Raises InvalidArgumentError as TensorFlow does.
    """
    values = _values(concrete, arguments, keywords)
    if not values:
        return
    for operation in concrete.graph.get_operations():
        if operation.type == "SparseSoftmaxCrossEntropyWithLogits":
            labels, classes = _given(operation.inputs[1], values), operation.inputs[0].shape[-1]
            if labels is not None and classes is not None:
                flat = np.reshape(labels, (-1,)).astype("int64")
                tf.raw_ops.SparseSoftmaxCrossEntropyWithLogits(features=tf.zeros((len(flat), classes)), labels=flat)
        elif operation.type == "GatherV2":
            table, indices = operation.inputs[0], _ids(operation.inputs[1])
            ids = _given(indices, values)
            if ids is not None and table.op.type == "ReadVariableOp" and table.shape[:1].is_fully_defined():
                rows = int(table.shape[0])
                tf.gather(tf.zeros((rows, 1)), np.where(ids < 0, ids + rows, ids))


def _values(concrete: Any, arguments: Any, keywords: Any) -> dict[str, Any]:
    """The arguments' values by the names of their placeholders."""
    names = tf.nest.flatten(concrete.structured_input_signature)
    given = tf.nest.flatten((arguments, keywords))
    if len(names) != len(given):
        return {}
    held = [spec for spec in names if isinstance(spec, tf.TensorSpec)]
    places = dict(zip(map(id, held), concrete.graph.inputs))
    return {
        places[id(spec)].op.name: value
        for spec, value in zip(names, given)
        if id(spec) in places and isinstance(value, (tf.Tensor, np.ndarray))
    }


def _given(tensor: Any, values: dict[str, Any]) -> Any:
    """The numbers of the argument that `tensor` is, None where it is none or large."""
    while tensor.op.type in _SAME:
        tensor = tensor.op.inputs[0]
    value = values.get(tensor.op.name) if tensor.op.type == "Placeholder" else None
    if value is None or getattr(value, "virtual", False) or np.prod(value.shape) > _MOST:
        return None
    known = np.asarray(value)
    return known if known.dtype.kind in "iuf" else None


def _ids(tensor: Any) -> Any:
    """The ids before Keras counts those below 0 from the end (keras/src/backend/tensorflow/numpy.py)."""
    return tensor.op.inputs[2] if tensor.op.type == "SelectV2" else tensor
