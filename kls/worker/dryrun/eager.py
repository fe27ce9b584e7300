"""TensorFlow as the author's program sees it in a dry run: eager, but nothing large is computed.

Small eager computations really happen, so `.numpy()`, `int(…)`, look-up tables and `adapt` have true values. What would
cost time or memory answers by shape alone: weights above a size have no buffer, a layer called on much data is traced
and gives zeros, a `tf.function` is traced and gives zeros, gradients are zeros and optimizers change nothing.
"""

from __future__ import annotations

import functools
import math
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras.src.backend import Variable as KerasVariable
from keras.src.backend.common import variables as common_variables
from keras.src.layers.layer import Layer as KerasLayer
from tensorflow.python.autograph.core import config as autograph
from tensorflow.python.data.ops import dataset_ops
from tensorflow.python.framework.func_graph import FuncGraph
from tensorflow.python.ops.resource_variable_ops import UninitializedVariable

from . import gradients, ranges, refusals, replicas
from .after_import import after_import
from .arrays import VirtualArray
from .state import Run
from .unknown import Unknown, UnknownValue

SMALL_WEIGHTS = 1 << 14
"""Elements up to which a weight gets its real initial values."""
WEIGHT_BYTES = 256 << 20
"""Memory that large weights may take in all when the program reads their values."""
SMALL_CALL = 200_000
"""Elements up to which a layer that the program calls eagerly really computes."""
SMALL_MODEL = 2_000_000
"""Parameters up to which a layer that the program calls eagerly really computes."""
LARGEST_TENSOR = 512 << 20
"""Bytes of the largest stand-in of zeros; what is larger is Unknown."""
MOST_ELEMENTS = 2000
"""Dataset elements that the program may draw one by one before the rest is Unknown."""


def install(run: Run) -> None:
    """Change TensorFlow and Keras in this process. Must come before the first eager operation."""
    if not run.probe.step_bytes:
        tf.config.threading.set_inter_op_parallelism_threads(1)
        tf.config.threading.set_intra_op_parallelism_threads(1)
    replicas.prepare(run)
    _run_eagerly(True)
    # AutoGraph rewrites what a traced function calls, but for libraries that it knows.
    autograph.CONVERSION_RULES = (autograph.DoNotConvert(__name__.split(".")[0]), *autograph.CONVERSION_RULES)
    _weights_without_memory(run)
    _functions_are_traced(run)
    gradients.install(run)
    ranges.install(run)
    _layers_on_much_data(run)
    _datasets_are_bounded(run)


def zeros_like(spec: Any) -> Any:
    """A tensor of `spec`'s shape and dtype, unknown axes as 1; a small one for a real step is of noise.

    Raises UnknownValue for what is too large.
    """
    if isinstance(spec, (tf.RaggedTensor, tf.SparseTensor)):
        return spec
    shape = [1 if size is None else int(size) for size in spec.shape] if spec.shape.rank is not None else [1]
    if spec.dtype in (tf.resource, tf.variant):
        return None
    if math.prod(shape) * spec.dtype.size > LARGEST_TENSOR:
        raise UnknownValue(f"a tensor of shape {tuple(shape)}")
    if spec.dtype == tf.string:
        return tf.fill(shape, "")
    if VirtualArray.filling and spec.dtype.is_floating and math.prod(shape) <= SMALL_CALL:
        # A real step: the deviation of these must not be 0.
        return tf.cast(tf.random.stateless_uniform(shape, (0, 0), 0.5, 1.5), spec.dtype)
    return tf.zeros(shape, spec.dtype)


def _zeros(run: Run, structure: Any) -> Any:
    run.shaped += 1
    return tf.nest.map_structure(
        lambda item: zeros_like(item) if isinstance(item, (tf.Tensor, tf.TensorSpec)) else item, structure
    )


def _weights_without_memory(run: Run) -> None:
    initialize = KerasVariable._initialize_with_initializer
    value: Any = common_variables.Variable.value.fget
    budget = [WEIGHT_BYTES]

    def without_buffer(self: Any, initializer: Any) -> None:
        if math.prod(self._shape) <= SMALL_WEIGHTS or (run.probe.step_bytes and tf.distribute.has_strategy()):
            initialize(self, initializer)
            return
        with tf.init_scope():
            self._value = UninitializedVariable(
                trainable=self.trainable,
                shape=self._shape,
                dtype=self._dtype,
                name=self.name,
                aggregation=self._map_aggregation(self.aggregation),
                synchronization=self._map_synchronization(self.synchronization),
            )
        self.__dict__["_kls_initializer"] = initializer
        if run.probe.step_bytes:
            run.hollow.append(self)

    def read(self: Any) -> Any:
        initializer = self.__dict__.get("_kls_initializer")
        if initializer is not None and tf.executing_eagerly():
            # An eager read of a variable without a buffer would silently give an empty tensor.
            size = math.prod(self._shape) * tf.as_dtype(self._dtype).size
            if size > budget[0]:
                raise UnknownValue(f"the values of a weight of shape {tuple(self._shape)}")
            budget[0] -= size
            self._value.assign(initializer(self._shape, dtype=self._dtype))
            # Only now: a statement that the clock stopped half way must not leave a weight that seems to have values.
            self.__dict__["_kls_initializer"] = None
        return value(self)

    KerasVariable._initialize_with_initializer = without_buffer
    KerasVariable.value = property(read)


class _Traced:
    """What `tf.function` gives in a dry run: called eagerly it is traced once for each signature and answers zeros."""

    def __init__(self, run: Run, function: Any, options: dict[str, Any]) -> None:
        functools.update_wrapper(self, function, updated=())
        self._kls_run = run
        self._kls_python = function
        self._kls_function = _tf_function(function, **options)
        self._kls_signature = options.get("input_signature")

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        bound = _Traced.__new__(_Traced)
        bound._kls_run = self._kls_run
        bound._kls_python = types.MethodType(self._kls_python, instance)
        bound._kls_function = self._kls_function.__get__(instance, owner)
        bound._kls_signature = self._kls_signature
        return bound

    def __getattr__(self, name: str) -> Any:
        return getattr(self._kls_function, name)

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        for item in tf.nest.flatten((arguments, keywords)):
            if isinstance(item, Unknown):
                raise UnknownValue(item.reason)
        if not tf.executing_eagerly():
            # Run eagerly, a function inside a trace would lose AutoGraph.
            _run_eagerly(False)
            try:
                return self._kls_function(*arguments, **keywords)
            finally:
                _run_eagerly(True)
        if self._kls_run.functions_are_eager:
            return self._kls_python(*arguments, **keywords)
        function = self._kls_function
        if getattr(function, "_created_variables", None) and function._no_variable_creation_config is None:
            # TensorFlow does not come through a second trace then; no real run gets to it.
            raise UnknownValue("what a function does whose first trace failed half way")
        arguments = _in_signature(self._kls_signature, arguments)
        concrete = self._kls_function.get_concrete_function(*arguments, **keywords)
        refusals.string_casts(concrete.graph)
        ranges.run_on_values(concrete, arguments, keywords)
        return _zeros(self._kls_run, concrete.structured_outputs)


def _in_signature(signature: Any, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments with NumPy's arrays in the dtypes of the signature, as a call has them, other than a trace."""
    if not isinstance(signature, (tuple, list)):
        return arguments
    return tuple(
        tf.convert_to_tensor(item, signature[place].dtype)
        if place < len(signature) and isinstance(signature[place], tf.TensorSpec) and isinstance(item, np.ndarray)
        else item
        for place, item in enumerate(arguments)
    )


_tf_function = tf.function
_run_eagerly = tf.config.run_functions_eagerly


def _functions_are_traced(run: Run) -> None:
    def function(func: Any = None, *arguments: Any, **options: Any) -> Any:
        if arguments:
            options["input_signature"] = arguments[0]
        if func is None:
            return lambda decorated: _Traced(run, decorated, options)
        return _Traced(run, func, options)

    def run_functions_eagerly(run_eagerly: bool) -> None:
        run.functions_are_eager = bool(run_eagerly)

    tf.function = function
    tf.config.run_functions_eagerly = run_functions_eagerly
    tf.config.experimental_run_functions_eagerly = run_functions_eagerly
    # These are made anew when the program imports them by their own names.
    for name in ("tensorflow.compat.v1", "tensorflow.compat.v2"):
        after_import(name, lambda module: setattr(module, "function", function))


def _layers_on_much_data(run: Run) -> None:
    call = KerasLayer.__call__
    known: dict[Any, tuple[Any, Any]] = {}
    """What a call gave, by its signature, with the layer itself: a loop makes the same one over and over."""

    def bounded(self: Any, *arguments: Any, **keywords: Any) -> Any:
        outermost = len(run.calling) <= 1
        if outermost and tf.executing_eagerly() and _is_large(self, arguments, keywords):
            signature = _signature(run, self, arguments, keywords)
            if signature is not None and signature in known:
                return _zeros(run, known[signature][1])
            answer = _symbolically(run, lambda a, k: call(self, *a, **k), arguments, keywords)
            if signature is not None and all(isinstance(item, tf.Tensor) for item in tf.nest.flatten(answer)):
                known[signature] = (
                    self,
                    tf.nest.map_structure(lambda item: tf.TensorSpec(item.shape, item.dtype), answer),
                )
            return answer
        return call(self, *arguments, **keywords)

    KerasLayer.__call__ = bounded


def _signature(run: Run, layer: Any, arguments: Any, keywords: Any) -> Any:
    """What the shapes depend on that a layer gives at one place of the program; None for a layer that is not built, and
    for arguments that are no plain tensors or values."""
    if not getattr(layer, "built", False):
        return None
    parts: list[Any] = []
    for item in tf.nest.flatten((arguments, keywords)):
        if isinstance(item, (tf.Tensor, tf.Variable, np.ndarray)):
            parts.append((tuple(item.shape), str(item.dtype)))
        elif item is None or isinstance(item, (bool, int, float, str)):
            parts.append(item)
        else:
            return None
    frame = run.files.nearest(sys._getframe(2))
    place = None if frame is None else (frame.f_code.co_filename, frame.f_lineno)
    return id(layer), place, len(layer._flatten_layers()), len(arguments), tuple(keywords), tuple(parts)


def _is_large(layer: Any, arguments: Any, keywords: Any) -> bool:
    if type(layer).__module__.startswith("keras.src.layers.preprocessing"):
        return False
    elements = 0
    for item in tf.nest.flatten((arguments, keywords)):
        if isinstance(item, keras.KerasTensor):
            return False
        if isinstance(item, (tf.Tensor, tf.Variable, np.ndarray)):
            elements += math.prod(int(size or 0) for size in item.shape)
    if elements > SMALL_CALL:
        return True
    try:
        return bool(getattr(layer, "built", False)) and layer.count_params() > SMALL_MODEL
    except Exception:
        return False


def _symbolically(run: Run, call: Callable[[Any, Any], Any], arguments: Any, keywords: Any) -> Any:
    """The answer of a layer by shape alone: traced on placeholders, given as zeros."""

    def held(item: Any) -> Any:
        if isinstance(item, (tf.Tensor, tf.Variable)):
            return tf.compat.v1.placeholder(item.dtype, item.shape)
        if isinstance(item, np.ndarray):
            return tf.compat.v1.placeholder(tf.as_dtype(item.dtype), item.shape)
        return item

    graph = FuncGraph("kls_call")
    run.eager_traces += 1
    try:
        with graph.as_default():
            given, named = tf.nest.map_structure(held, (arguments, keywords))
            answer = call(given, named)
    except Exception as error:
        mark_traced(error)
        raise
    finally:
        run.eager_traces -= 1
    return _zeros(run, answer)


def mark_traced(error: BaseException) -> None:
    """Mark an exception that may have come of nothing but the trace, in the place of which a real run is eager. A shape
    fault is the same eagerly and traced, and so is one of dtypes; what tracing alone forbids has other types."""
    alike = isinstance(error, NameError) or _is_missing_in_module(error) or "that does not match type" in str(error)
    if not alike and (not isinstance(error, ValueError) or "symbolic" in str(error)):
        error.__dict__["_kls_eager_trace"] = True


def _is_missing_in_module(error: BaseException) -> bool:
    """Whether a module does not have a name, which it has in no run; Keras raises it anew, with more words."""
    walk: Any = error
    while isinstance(walk, AttributeError):
        if isinstance(walk.obj, types.ModuleType):
            return True
        walk = walk.__context__
    return False


def _datasets_are_bounded(run: Run) -> None:
    iterate = dataset_ops.DatasetV2.__iter__

    def bounded(self: Any) -> Any:
        if not tf.executing_eagerly():
            return iterate(self)
        return _Elements(iterate(self), self.element_spec)

    dataset_ops.DatasetV2.__iter__ = bounded


class _Elements:
    """A dataset's iterator that ends in Unknown when the program draws very many elements."""

    def __init__(self, elements: Any, element_spec: Any) -> None:
        self._elements = elements
        self.element_spec = element_spec
        self._drawn = 0

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        self._drawn += 1
        if self._drawn > MOST_ELEMENTS:
            raise UnknownValue("all elements of a long dataset")
        return next(self._elements)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._elements, name)


__all__ = ["install", "zeros_like"]
