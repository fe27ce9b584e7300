"""What training would keep in memory, counted from a traced step: no weight and no activation exists here.

A gradient function needs some inputs or outputs of the operation that it differentiates; TensorFlow frees everything
else as soon as it is used. `needs` adds up what is needed, each tensor once, views with what they look at.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Optional

import keras
import tensorflow as tf
from tensorflow.python.framework.ops import get_stats_for_node_def

from ..protocol import Amount

_MOST_VARIABLES = 2000
"""Weights above which the state of an optimizer is not counted."""
_DEEPEST = 8
"""How deep functions that call functions are followed."""
_INPUTS = frozenset(
    "Conv1D Conv2D Conv3D DepthwiseConv2dNative Conv2DBackpropInput Conv3DBackpropInputV2 MatMul BatchMatMul"
    " BatchMatMulV2 BatchMatMulV3 Einsum Mul FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 MaxPool MaxPoolV2"
    " MaxPool3D Square SquaredDifference RealDiv Div Xdivy DivNoNan Pow Log Log1p Erf Gelu Elu Selu LeakyRelu Abs"
    " Maximum Minimum Select SelectV2 Softplus Sin Cos ResourceGather GatherV2 Prod CudnnRNN CudnnRNNV3".split()
)
"""Operations whose gradient reads their inputs (tensorflow/python/ops/*_grad.py)."""
_OUTPUTS = frozenset(
    "Relu Relu6 Elu Selu Sigmoid Tanh Softmax LogSoftmax Exp Sqrt Rsqrt Reciprocal RealDiv Pow MaxPool MaxPool3D Max"
    " Min SoftmaxCrossEntropyWithLogits SparseSoftmaxCrossEntropyWithLogits".split()
)
"""Operations whose gradient reads their outputs."""
_VIEWS = frozenset(
    "Identity Reshape Squeeze ExpandDims StopGradient PreventGradient CheckNumerics IdentityN EnsureShape".split()
)
"""Operations whose output is their input in memory."""
_SOURCES = frozenset("ReadVariableOp Const Placeholder Shape".split())
"""Operations whose output is counted elsewhere (weights, data), or is nothing."""


@dataclass(frozen=True)
class Needs:
    """What training takes by the graph of its forward pass; sizes that are not known count as 1."""

    kept: tuple[Amount, ...]
    """Bytes by dtype that the backward pass finds kept."""
    largest: int
    """Bytes of the largest tensor of these, and of the sequences that loops go through."""
    operations: int
    """Operations of the graph and of the bodies of its loops."""
    windows: int
    """Bytes of the windows of the largest convolution in half precision: a processor computes with copies of them."""
    looped: int
    """Bytes of the weights that loops read, whose gradients are summed up round by round."""


def needs(graph: Any, backward: Sequence[int] = ()) -> Needs:
    """What the backward passes of `graph`, a traced step, need.

    `backward` has for each pass how many operations the graph had when it began: what one keeps is free before the
    next, so that the one that keeps most counts. Without it there is one pass, over the whole graph.
    """
    operations = graph.get_operations()
    ends = [*backward[:-1], len(operations)]
    passes = [_add(operations[first:last], 1, frozenset(), 0) for first, last in zip([0, *ends], ends)]
    most = max(passes, key=lambda item: sum(item.kept.values()))
    return Needs(
        _amounts(most.kept),
        most.largest,
        sum(item.operations for item in passes),
        max(item.windows for item in passes),
        most.looped,
    )


def flops(graph: Any) -> int:
    """Floating-point operations of a traced graph by TensorFlow's own formulas; what has none counts nothing."""
    return _flops(graph, 0)


def _flops(graph: Any, depth: int) -> int:
    total = 0
    for operation in graph.get_operations():
        try:
            total += int(get_stats_for_node_def(graph, operation.node_def, "flops").value or 0)
        except Exception:  # a size that is not known
            continue
        finally:
            if depth < _DEEPEST:
                total += sum(_flops(body, depth + 1) * rounds for body, rounds in bodies(operation))
    return total


def weights_of(model: Any) -> tuple[tuple[Amount, ...], tuple[Amount, ...]]:
    """Bytes by dtype of a built model's weights: those that are trained, and the others."""
    try:
        trained, all_of_them = list(model.trainable_variables), list(model.variables)
    except Exception:
        return (), ()
    known = {id(item) for item in trained}
    return _sizes(trained), _sizes(item for item in all_of_them if id(item) not in known)


def largest_weights(model: Any) -> int:
    """Bytes of the two largest weights of a built model that are trained."""
    try:
        sizes = [math.prod(map(int, item.shape)) * tf.as_dtype(item.dtype).size for item in model.trainable_variables]
    except Exception:  # weights that are not made yet
        return 0
    return sum(sorted(sizes)[-2:])


def state_of(model: Any) -> tuple[Amount, ...]:
    """Bytes by dtype of the state that the model's optimizer keeps for its weights, as the optimizer itself builds it.

    Weights of one shape are built once. A model with a `train_step` of its own may have optimizers of its own: those
    that the traced step used. Empty where there is none to count.
    """
    optimizer = getattr(model, "optimizer", None)
    try:
        used = [item for item in vars(model).values() if isinstance(item, keras.optimizers.Optimizer) and item.built]
        if used:
            return _sizes(
                variable for item in {id(item): item for item in used}.values() for variable in item.variables
            )
        trained = list(model.trainable_variables)
        if optimizer is None or not trained or len(trained) > _MOST_VARIABLES:
            return ()
        shapes = Counter((tuple(item.shape), str(item.dtype)) for item in trained)
        total: Counter[str] = Counter()
        for (shape, dtype), number in shapes.items():
            weight = next(item for item in trained if tuple(item.shape) == shape and str(item.dtype) == dtype)
            copy = type(optimizer).from_config(optimizer.get_config())
            with tf.init_scope():
                copy.build([weight])
            for amount in _sizes(item for item in copy.variables if item.shape == weight.shape or len(item.shape)):
                total[amount.dtype] += amount.bytes * number
        return _amounts(total)
    except Exception:
        return ()


def _sizes(variables: Iterable[Any]) -> tuple[Amount, ...]:
    total: Counter[str] = Counter()
    for item in variables:
        dtype = str(keras.backend.standardize_dtype(item.dtype))
        total[dtype] += math.prod(map(int, item.shape)) * tf.as_dtype(dtype).size
    return _amounts(total)


def _amounts(total: Counter[str]) -> tuple[Amount, ...]:
    return tuple(Amount(dtype, size) for dtype, size in sorted(total.items()) if size)


@dataclass
class _Sum:
    """What operations need, added up."""

    kept: Counter[str]
    largest: int
    operations: int
    windows: int = 0
    looped: int = 0


def _add(operations: Sequence[Any], times: int, carried: frozenset[Any], depth: int) -> _Sum:
    """What `operations`, run `times` times, need; `carried` are the inputs of a loop's body that are other tensors in
    each round."""
    needed: dict[Any, Any] = {}
    found = _Sum(Counter(), 0, len(operations))
    for operation in operations:
        kind = operation.type
        if kind in _INPUTS:
            needed.update((tensor.ref(), tensor) for tensor in map(_root, operation.inputs))
        if kind in _OUTPUTS:
            needed.update((tensor.ref(), tensor) for tensor in map(_root, operation.outputs))
        found.windows = max(found.windows, _windows(operation))
        sequences = {"TensorListFromTensor": operation.inputs, "TensorListStack": operation.outputs}.get(kind, ())
        found.largest = max((found.largest, *(_size(item) for item in sequences if item.dtype.is_floating)))
        if depth < _DEEPEST:
            for body, rounds in bodies(operation):
                inner = _add(
                    body.get_operations(), times * rounds, _carried(body) if rounds > 1 else frozenset(), depth + 1
                )
                found.kept += inner.kept
                found.largest = max(found.largest, inner.largest)
                found.operations += inner.operations
                found.windows = max(found.windows, inner.windows)
                found.looped += inner.looped
    for tensor in needed.values():
        counted = tensor.op.type not in _SOURCES or tensor.ref() in carried
        if not tensor.dtype.is_floating and not tensor.dtype.is_complex:
            continue
        size = _size(tensor)
        if not counted:
            found.looped += size if times > 1 else 0
        else:
            found.largest = max(found.largest, size)
            found.kept[tensor.dtype.name] += size * times
    return found


def _size(tensor: Any) -> int:
    """Bytes of a tensor; a size that is not known counts as 1, a shape of which nothing is known as nothing."""
    if tensor.shape.rank is None:
        return 0
    return math.prod(1 if size is None else int(size) for size in tensor.shape.as_list()) * tensor.dtype.size


def _windows(operation: Any) -> int:
    """Bytes of all windows that a convolution in half precision looks at, 0 for anything else."""
    if operation.type not in ("Conv2D", "Conv3D") or operation.outputs[0].dtype not in (tf.float16, tf.bfloat16):
        return 0
    kernel, given = operation.inputs[1].shape, operation.outputs[0]
    if kernel.rank is None or None in kernel.as_list() or not kernel[-1]:
        return 0
    return _size(given) // int(kernel[-1]) * math.prod(int(size) for size in kernel[:-1])


def _carried(body: Any) -> frozenset[Any]:
    """Inputs of a loop's body that it does not hand on as they are."""
    pairs = zip(getattr(body, "inputs", ()), getattr(body, "outputs", ()))
    return frozenset(given.ref() for given, handed in pairs if _root(handed) is not given)


def _root(tensor: Any) -> Any:
    while tensor.op.type in _VIEWS and tensor.op.inputs:
        tensor = tensor.op.inputs[min(tensor.value_index, len(tensor.op.inputs) - 1)]
    return tensor


def bodies(operation: Any) -> Iterable[tuple[Any, int]]:
    """Functions that `operation` runs, and how often."""
    if operation.type in ("While", "StatelessWhile"):
        body = getattr(operation, "_body_graph", None) or _function(operation, "body")
        if body is not None:
            yield body, max((1, *map(_length, operation.inputs)))
    elif operation.type in ("PartitionedCall", "StatefulPartitionedCall"):
        body = _function(operation, "f")
        if body is not None:
            yield body, 1


def _length(tensor: Any) -> int:
    """Elements of a list of tensors that a loop goes through or fills; 1 for anything else."""
    number: Any = None
    if tensor.op.type == "TensorListFromTensor" and tensor.op.inputs[0].shape.rank:
        number = tensor.op.inputs[0].shape[0]
    elif tensor.op.type == "TensorListReserve":
        number = tf.get_static_value(tensor.op.inputs[1])
    return 1 if number is None else int(number)


def _function(operation: Any, attribute: str) -> Optional[Any]:
    try:
        return operation.graph._get_function(operation.get_attr(attribute).name).graph
    except Exception:
        return None


__all__ = ["Needs", "bodies", "flops", "largest_weights", "needs", "state_of", "weights_of"]
