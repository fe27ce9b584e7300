"""Gradients in a dry run: whether what is minimised depends on the weights is found out, the values are zeros.

In a trace the operations between a target and its sources are walked as a tape would have recorded them. Eagerly
TensorFlow's own tape answers where little was computed under it. A way that cannot be followed counts as one.
"""

from __future__ import annotations

import time
from typing import Any, Optional

import keras
import tensorflow as tf
from keras.src.optimizers.base_optimizer import BaseOptimizer
from tensorflow.python.eager import backprop, backprop_util, record
from tensorflow.python.framework import ops

from .state import Run
from .unknown import Unknown

QUICK = 0.2
"""Processor time in seconds under a tape up to which the gradient is really computed."""
NO_GRADIENT = frozenset({"Floor", "Ceil", "Round", "Rint", "FloorDiv", "TruncateDiv"})
"""Operations whose gradient is None (tensorflow/python/ops/math_grad.py), beside those that are registered as
`NotDifferentiable`."""
NO_GRADIENTS = "No gradients provided for any variable."
"""What Keras raises (keras/src/optimizers/base_optimizer.py)."""


class _Recorded:
    """What a tape saw: of each graph the ranges of operations made while it was on, eagerly the work until then."""

    def __init__(self, run: Run) -> None:
        self.ranges: list[tuple[Any, int, Optional[int]]] = []
        self.eager = tf.executing_eagerly()
        self.shaped, self.began = run.shaped, time.process_time()


def install(run: Run) -> None:
    """Change the tapes and optimizers of this process."""
    _tapes_are_watched(run)
    _gradients_are_zero(run)
    _optimizers_change_nothing(run)


def _tapes_are_watched(run: Run) -> None:
    push, pop = backprop.GradientTape._push_tape, backprop.GradientTape._pop_tape

    def pushed(self: Any) -> None:
        push(self)
        recorded = self.__dict__.setdefault("_kls_recorded", _Recorded(run))
        recorded.eager = recorded.eager and tf.executing_eagerly()
        if not tf.executing_eagerly():
            graph = tf.compat.v1.get_default_graph()
            recorded.ranges.append((graph, len(graph.get_operations()), None))

    def popped(self: Any) -> None:
        pop(self)
        recorded = self.__dict__.get("_kls_recorded")
        if recorded is not None and recorded.ranges and recorded.ranges[-1][2] is None:
            graph, start, _ = recorded.ranges[-1]
            recorded.ranges[-1] = (graph, start, len(graph.get_operations()))

    def by_loop(original: Any) -> Any:
        def jacobian(self: Any, *arguments: Any, **keywords: Any) -> Any:
            # Its gradients are taken in a loop of its own, behind which nothing can be followed.
            run.unfollowed = True
            return original(self, *arguments, **keywords)

        return jacobian

    backprop.GradientTape._push_tape, backprop.GradientTape._pop_tape = pushed, popped
    for name in ("jacobian", "batch_jacobian"):
        setattr(backprop.GradientTape, name, by_loop(getattr(backprop.GradientTape, name)))


def _gradients_are_zero(run: Run) -> None:
    computed = backprop.GradientTape.gradient

    def gradient(
        self: Any,
        target: Any,
        sources: Any,
        output_gradients: Any = None,
        unconnected_gradients: Any = tf.UnconnectedGradients.NONE,
    ) -> Any:
        run.trained += 1
        run.cut_at = []
        recorded: Optional[_Recorded] = self.__dict__.get("_kls_recorded")
        targets, wanted = tf.nest.flatten(target), tf.nest.flatten(sources)
        known = not any(isinstance(item, Unknown) for item in (*targets, *wanted))
        eager = recorded is not None and recorded.eager and recorded.shaped == run.shaped
        quick = eager and recorded is not None and time.process_time() - recorded.began < QUICK
        if self._tape is None or target is None or (quick and known and not run.unfollowed):
            return computed(self, target, sources, output_gradients, unconnected_gradients)
        if self._recording and not self._persistent:
            self._pop_tape()
        graph = run.step_graph
        if graph is not None and graph is tf.compat.v1.get_default_graph() and not record.could_possibly_record():
            run.backward.append(len(graph.get_operations()))  # no other tape still keeps anything
        if not self._persistent:
            self._watched_variables = self._tape.watched_variables()
            self._tape = None
        if (
            unconnected_gradients == tf.UnconnectedGradients.NONE
            and recorded is not None
            and _all_cut(run, targets, wanted, recorded.ranges)
        ):
            return tf.nest.map_structure(lambda item: None, sources)
        run.shaped += 1
        zeros = tf.nest.map_structure(
            lambda item: tf.zeros(item.shape, item.dtype) if _static(item) else tf.zeros_like(item), sources
        )
        for item in tf.nest.flatten(zeros):
            run.zeros_of[id(item)] = (item, (*targets, *wanted))
        return zeros

    backprop.GradientTape.gradient = gradient


def _optimizers_change_nothing(run: Run) -> None:
    learn = BaseOptimizer.apply

    def apply(self: Any, grads: Any, trainable_variables: Any = None) -> Any:
        if not hasattr(grads, "__len__"):
            return learn(self, grads, trainable_variables)  # Keras asks for the length first, and refuses a `zip`
        run.trained += 1
        if trainable_variables is None:
            return None
        variables = list(trainable_variables)
        if not self.built:
            with keras.name_scope(self.name):
                self.build(variables)
            self.built = True
        self._check_variables_are_known(variables)
        if isinstance(grads, (list, tuple)) and len(grads) == len(variables):
            self._filter_empty_gradients(grads, variables)
        return None

    pairs = BaseOptimizer.apply_gradients

    def apply_gradients(self: Any, grads_and_vars: Any, *arguments: Any, **keywords: Any) -> Any:
        given = list(grads_and_vars)
        if not given and run.gaps:
            # A model that was never built, because its data are not known, has nothing to learn.
            run.trained += 1
            return None
        return pairs(self, given, *arguments, **keywords)

    BaseOptimizer.apply = apply
    BaseOptimizer.apply_gradients = apply_gradients


def refuse_cut(run: Run, model: Any, loss: Any) -> None:
    """Has Keras raise ValueError where no way leads from `loss`, of the step that is being traced, to any of the
    weights that are trained."""
    graph, weights = tf.compat.v1.get_default_graph(), list(model.trainable_weights)
    if model.optimizer is not None and isinstance(loss, tf.Tensor):
        if _all_cut(run, [loss], weights, [(graph, 0, None)]):
            BaseOptimizer._filter_empty_gradients(model.optimizer, [None] * len(weights), weights)


def _static(item: Any) -> bool:
    return all(size is not None for size in item.shape)


def _all_cut(run: Run, targets: list[Any], sources: list[Any], ranges: list[tuple[Any, int, Optional[int]]]) -> bool:
    """Whether it is certain that none of the targets depends on any of the sources by the operations in `ranges`."""
    graph = tf.compat.v1.get_default_graph()
    same = bool(ranges) and all(item[0] is graph for item in ranges)
    if tf.executing_eagerly() or not same or not sources or run.unfollowed or tf.distribute.has_strategy():
        return False
    ends: list[Any] = []
    for item in targets:
        if not isinstance(item, tf.Tensor) or getattr(item, "graph", None) is not graph:
            return False
        ends.append(item)
    wanted = _tensors_in(graph, sources)
    if wanted is None:
        return False
    places = {operation.name: index for index, operation in enumerate(graph.get_operations())}
    spans = [range(start, len(places) if stop is None else stop) for _, start, stop in ranges]
    cut: list[Any] = []
    seen: set[int] = set()
    while ends:
        tensor = ends.pop()
        if id(tensor) in wanted:
            return False
        if id(tensor) in seen:
            continue
        seen.add(id(tensor))
        if id(tensor) in run.zeros_of:
            beyond = run.zeros_of[id(tensor)][1]
            if not all(isinstance(item, tf.Tensor) and getattr(item, "graph", None) is graph for item in beyond):
                return False
            ends += beyond
            continue
        if not isinstance(tensor, tf.Tensor) or tensor.graph is not graph:
            return False
        operation = tensor.op
        if not backprop_util.IsTrainable(tensor) or not _has_gradient(operation):
            cut.append(operation)
        elif any(places[operation.name] in span for span in spans):
            ends += operation.inputs
        elif operation.inputs:
            cut.append(operation)
    dependent = _dependent(graph, wanted)
    run.cut_at = [place for item in cut if item.name in dependent and (place := _author_line(run, item)) is not None]
    return True


def _dependent(graph: Any, wanted: set[int]) -> set[str]:
    """The names of the operations that come of the tensors `wanted`, by whatever ways."""
    found: set[str] = set()
    for operation in graph.get_operations():
        if any(id(item) in wanted or item.op.name in found for item in operation.inputs):
            found.add(operation.name)
    return found


def _tensors_in(graph: Any, sources: list[Any]) -> Optional[set[int]]:
    """By id the tensors that stand for the sources in `graph`; None where one of them cannot be told."""
    found: set[int] = set()
    captured = {id(outer): inner for outer, inner in graph.captures}
    for item in sources:
        handle = getattr(item, "handle", None)
        if handle is None:
            value = getattr(item, "value", None)
            handle = getattr(value, "handle", None) if not callable(value) else None
        one = item if handle is None else handle
        if not isinstance(one, tf.Tensor):
            return None
        found.add(id(one))
        if id(one) in captured:
            found.add(id(captured[id(one)]))
    return found


def _has_gradient(operation: Any) -> bool:
    if operation.type in NO_GRADIENT:
        return False
    try:
        return ops.get_gradient_function(operation) is not None or not operation.inputs
    except LookupError:
        return True


def _author_line(run: Run, operation: Any) -> Optional[tuple[str, str, int]]:
    for frame in reversed(operation.traceback or ()):
        if run.files.owns(frame.filename):
            return operation.type, frame.filename, frame.lineno
    return None
