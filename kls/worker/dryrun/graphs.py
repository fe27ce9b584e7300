"""The graph of a model: each call of a layer or operation as a node, with the nodes that its inputs come from.

Keras keeps this itself for functional models, in the nodes behind its symbolic tensors. A Sequential that has not met
data is the chain of its layers. Of a subclassed model the calls inside its own `call` are watched: where a tensor comes
from is told by the tensor, or by the operations of the traced function between two layers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Optional

import tensorflow as tf
from keras import KerasTensor, tree
from keras.src.layers.core.input_layer import InputLayer
from keras.src.layers.layer import Layer
from keras.src.models.functional import Functional
from keras.src.models.sequential import Sequential

from ..protocol import Node, Tensor
from . import specs

MOST_NODES = 4000
_MOST_OPERATIONS = 400
"""How many operations of a traced function are looked through between two layers."""


class Trail:
    """The calls inside one call of a subclassed model, in order, and the tensors that they gave."""

    def __init__(self, watch: Any, arguments: Any) -> None:
        self.nodes: list[Node] = []
        self._known: dict[int, tuple[Any, tuple[int, int]]] = {}
        for tensor in _tensors(arguments):
            self._add(Node(0, "InputLayer", "inputs", watch.tensors(tensor), (), 0, None), [tensor])

    def called(self, node: Node, arguments: Any, outputs: Any) -> None:
        """A layer was called; `node` lacks its sources."""
        if len(self.nodes) < MOST_NODES:
            sources = dict.fromkeys(source for tensor in _tensors(arguments) for source in self._origins(tensor))
            self._add(replace(node, sources=tuple(sources)), _tensors(outputs))

    def _add(self, node: Node, tensors: Iterable[Any]) -> None:
        for slot, tensor in enumerate(tensors):
            self._known[id(tensor)] = (tensor, (len(self.nodes), slot))
        self.nodes.append(node)

    def _origins(self, tensor: Any) -> Iterator[tuple[int, int]]:
        """The outputs of earlier calls that `tensor` was computed from, the nearest ones."""
        waiting, met = [tensor], 0
        looked: set[int] = set()
        while waiting and met < _MOST_OPERATIONS:
            one = waiting.pop(0)
            if id(one) in looked:
                continue
            looked.add(id(one))
            met += 1
            if id(one) in self._known:
                yield self._known[id(one)][1]
            elif isinstance(one, KerasTensor):
                waiting += _before(one)
            elif isinstance(one, tf.Tensor) and not hasattr(one, "numpy"):
                waiting += list(one.op.inputs)


def key_of(layer: Any) -> int:
    """The number by which records speak of a layer object."""
    return id(layer) & 0xFFFFFFFFFFFF


def parameters_of(layer: Any) -> Optional[int]:
    """How many numbers a layer holds; None before it is built, 0 for an operation without weights."""
    if not isinstance(layer, Layer):
        return 0
    try:
        return int(layer.count_params()) if layer.built else None
    except Exception:
        return None


def of_model(watch: Any, model: Any) -> tuple[Node, ...]:
    """The graph of `model`, sources before what they feed; empty where nothing is known of it."""
    functional = model if isinstance(model, Functional) else getattr(model, "_functional", None)
    try:
        if isinstance(functional, Functional):
            depths = functional._nodes_by_depth
            made = _of_nodes(watch, [node for depth in sorted(depths, reverse=True) for node in depths[depth]])
            return _for_any_batch(watch, model, made)
        if isinstance(model, Sequential):
            return _chain(watch, model)
    except Exception:  # a model that is half made
        return ()
    seen = watch.of(model)
    return tuple(seen.trail.nodes) if seen is not None and seen.trail is not None else ()


def until_failure(watch: Any, layer: Any, arguments: Any) -> tuple[Node, ...]:
    """The graph that leads to a call that failed, which is the last node; empty where its inputs are not symbolic."""
    tensors = [tensor for tensor in _tensors(arguments) if isinstance(tensor, KerasTensor)]
    try:
        keras_nodes = _ancestors(tensors)
        made = _of_nodes(watch, keras_nodes)
        places = {id(node): index for index, node in enumerate(keras_nodes)}
        sources = _sources(tensors, places)
    except Exception:
        return ()
    if not sources or len(made) >= MOST_NODES:
        return ()
    return (*made, node_of(watch, layer, (), sources))


def node_of(watch: Any, layer: Any, outputs: tuple[Tensor, ...], sources: tuple[tuple[int, int], ...] = ()) -> Node:
    """The node of one call of a layer or operation."""
    seen = watch.of(layer)
    return Node(
        key_of(layer),
        type(layer).__name__,
        str(getattr(layer, "name", "")),
        outputs,
        sources,
        parameters_of(layer),
        None if seen is None else seen.created,
    )


def _of_nodes(watch: Any, keras_nodes: list[Any]) -> tuple[Node, ...]:
    keras_nodes = keras_nodes[:MOST_NODES]
    places = {id(node): index for index, node in enumerate(keras_nodes)}
    return tuple(
        node_of(watch, node.operation, specs.flatten(_one(node.outputs)), _sources(node.input_tensors, places))
        for node in keras_nodes
    )


def _one(outputs: Any) -> Any:
    return outputs[0] if isinstance(outputs, (list, tuple)) and len(outputs) == 1 else outputs


def _sources(tensors: Iterable[Any], places: dict[int, int]) -> tuple[tuple[int, int], ...]:
    found: list[tuple[int, int]] = []
    for tensor in tensors:
        node = _node_of_tensor(tensor)
        if node is not None and id(node) in places:
            found.append((places[id(node)], int(tensor._keras_history.tensor_index)))
    return tuple(found)


def _chain(watch: Any, model: Any) -> tuple[Node, ...]:
    made: list[Node] = []
    for layer in model._layers:
        seen = watch.of(layer)
        if seen is None or (isinstance(layer, InputLayer) and not seen.direct):
            continue  # Keras put it there for the batch that it just saw
        outputs = specs.flatten(layer.output) if isinstance(layer, InputLayer) else ()
        if seen.calls:
            outputs = seen.calls[-1].outputs
        made.append(node_of(watch, layer, outputs, ((len(made) - 1, 0),) if made else ()))
    return tuple(made)


def _for_any_batch(watch: Any, model: Any, made: tuple[Node, ...]) -> tuple[Node, ...]:
    """A Sequential that Keras built from the first batch it saw has that batch in every shape; the author does not."""
    if not isinstance(model, Sequential) or not made or not made[0].outputs or not made[0].outputs[0].shape:
        return made
    seen = watch.of(model._layers[0])
    if seen is None or seen.direct:
        return made
    batch = made[0].outputs[0].shape[0]

    def free(tensor: Tensor) -> Tensor:
        shape = tensor.shape
        return replace(tensor, shape=(None, *shape[1:])) if shape and shape[0] == batch else tensor

    return tuple(replace(node, outputs=tuple(map(free, node.outputs))) for node in made)


def _tensors(value: Any) -> list[Any]:
    return [item for item in tree.flatten(value) if specs.is_tensor(item)]


def _node_of_tensor(tensor: Any) -> Optional[Any]:
    history: Any = getattr(tensor, "_keras_history", None)
    if history is None or history.operation is None:
        return None
    return history.operation._inbound_nodes[history.node_index]


def _before(tensor: Any) -> list[Any]:
    node = _node_of_tensor(tensor)
    return [] if node is None else list(node.input_tensors)


def _ancestors(tensors: list[Any]) -> list[Any]:
    """The Keras nodes behind `tensors`, each after those that it needs."""
    ordered: list[Any] = []
    entered: set[int] = set()
    waiting = [(node, False) for node in map(_node_of_tensor, reversed(tensors)) if node is not None]
    while waiting:
        node, done = waiting.pop()
        if done:
            ordered.append(node)
        elif id(node) not in entered:
            entered.add(id(node))
            waiting.append((node, True))
            waiting += [(parent, False) for parent in reversed(node.parent_nodes)]
    return ordered
