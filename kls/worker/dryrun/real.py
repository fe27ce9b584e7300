"""One real step: after the dry run has traced a training call, its weights are made and the step is really run.

What the dry run changed in TensorFlow and Keras is put back first; then Keras's own train function runs on zeros at the
script's batch size. Nothing is allocated when the weights alone do not fit the limit. What is not finite after a step
on zeros is tried again on noise, since zeros alone may not be the program's fault; this comes last, when time and
memory have been taken.
"""

from __future__ import annotations

import math
import re
import resource
import statistics
import sys
import time
from dataclasses import dataclass
from typing import Any, Optional

import keras
import numpy as np
import tensorflow as tf
from keras import tree
from keras.src.backend import Variable as KerasVariable
from keras.src.backend.tensorflow.trainer import TensorFlowTrainer
from keras.src.layers.layer import Layer as KerasLayer
from keras.src.optimizers.base_optimizer import BaseOptimizer
from tensorflow.python.data.ops import dataset_ops
from tensorflow.python.eager import backprop

from ..protocol import Call, Span, Step, Trouble
from .arrays import VirtualArray
from .eager import SMALL_WEIGHTS
from .exceptions import first_line
from .memory import bodies
from .state import Run

MOST_STEPS = 5
"""Warm steps that are timed."""
WARM_SECONDS = 15.0
"""Wall time after which no further warm step begins."""
NOISE_SECONDS = 10.0
"""Seconds of a warm step above which no step on noise follows."""
BATCH = 32
"""The batch size where the program does not tell its own."""
_PLACES: tuple[Any, ...] = (
    KerasVariable, KerasLayer, TensorFlowTrainer, BaseOptimizer, backprop.GradientTape, dataset_ops.DatasetV2, tf,
    tf.config, tf.distribute,
)  # fmt: skip
"""What a dry run changes and a real step needs as it was."""
TRAINING = ("fit", "train_on_batch")
_NO_KERNEL = re.compile(r"No registered '(\w+)' OpKernel")
"""How XLA says which operation it cannot compile."""
_NO_DEVICE = re.compile(
    r"(?:No OpKernel was registered to support Op '|Could not find device for node: \{\{[^}]*\}\} = )(\w+)"
)
"""How TensorFlow says that no device here has an operation, or not for its dtype."""
_FILE = re.compile(r'File "([^"]+)", line (\d+)')


class Trial:
    """The real step of one probe, at its first training call, else at its first call of another kind."""

    def __init__(self, run: Run) -> None:
        VirtualArray.filling = 1.0
        self.run = run
        self.steps: list[Step] = []
        self.counted = 0, 1
        """Floating-point operations of the forward pass that was traced last, and its batch size."""
        self._before = [dict(vars(place)) for place in _PLACES]
        self._held: Optional[tuple[Call, Any, tuple[Any, bool], Optional[int]]] = None

    def met(self, call: Call, model: Any, batch: tuple[Any, bool], size: Optional[int]) -> bool:
        """A call was traced on `batch`: specs or arrays, and whether these are whole arrays.

        True when its step was run: the program needs no further run then.
        """
        if call.status != "traced" or call.paired or self.steps:
            return False
        at = self.run.probe.step_at
        if at is not None:
            if (call.span.path, call.span.line) != (at.path, at.line):
                return False
            self._run(call, model, batch, size)
            return True
        if call.method in TRAINING:
            self._run(call, model, batch, size)
            return True
        if self._held is None:
            self._held = call, model, batch, size
        return False

    def end(self) -> None:
        """The program is over: without training, another call is run."""
        if self._held is not None and not self.steps:
            self._run(*self._held)

    def _run(self, call: Call, model: Any, batch: tuple[Any, bool], known: Optional[int]) -> None:
        self.run.stop_clock()
        limit = self.run.probe.step_bytes
        size = self.run.probe.step_batch or known or BATCH
        counted, traced = self.counted
        troubles: list[Trouble] = []
        before = _resident()
        measured: tuple[float, float, int] = (0.0, 0.0, 0)
        data: Any = None
        state: Optional[_State] = None
        unfit = _Unfit()
        try:
            held = _weights(self.run)
            needed = sum(math.prod(item.shape) * tf.as_dtype(item.dtype).size for item in held)
            if needed > limit:
                troubles.append(Trouble("weights", f"the weights alone take {needed} bytes", call.span, ()))
            else:
                self._put_back()
                state = _State(model, held)
                structure, arrays = batch
                data = tree.map_structure(
                    lambda item: None if item is None else zeros(item, size, arrays, known),
                    tree.lists_to_tuples(structure),  # tf.data would make one tensor of a list
                    none_is_leaf=False,
                )
                measured, unfit = self._time(call, model, data, troubles)
        except Exception as error:
            troubles.append(self._trouble(error, call, model, data, size))
        peak = _highest()
        if state is not None and measured[2] and call.method in TRAINING:
            quick = measured[1] < NOISE_SECONDS and not self.run.probe.step_batch
            troubles.extend(self._not_finite(call, model, data, state, unfit, quick))
        self.steps.append(
            Step(
                span=call.span,
                method=call.method,
                model=call.model,
                batch_size=size,
                batch_known=known is not None,
                device="GPU" if tf.config.list_physical_devices("GPU") else "CPU",
                precision=str(getattr(getattr(model, "dtype_policy", None), "name", keras.config.dtype_policy().name)),
                compiled=_compiled(model),
                first_seconds=measured[0],
                step_seconds=measured[1],
                steps=measured[2],
                peak_bytes=peak,
                before_bytes=before,
                limit_bytes=limit,
                troubles=tuple(troubles),
                forward_flops=counted * size // max(1, traced),
                replicas=model.distribute_strategy.num_replicas_in_sync,
                stood_in=tuple(self.run.stood_in),
            )
        )

    def _put_back(self) -> None:
        for place, names in zip(_PLACES, self._before):
            for name, value in names.items():
                if vars(place).get(name) is not value:
                    setattr(place, name, value)
            for name in set(vars(place)) - set(names) if isinstance(place, type) else ():
                delattr(place, name)
        tf.config.run_functions_eagerly(False)

    def _time(
        self, call: Call, model: Any, data: Any, troubles: list[Trouble]
    ) -> tuple[tuple[float, float, int], _Unfit]:
        """Seconds of the first step, of a warm one (the median), and how many were timed; what is not finite after the
        first."""
        reached: dict[int, tuple[Any, bool]] = {}
        _note_gradients(reached)
        iterator = iter(tf.data.Dataset.from_tensors(data).repeat())
        strategy = model.distribute_strategy
        started = time.perf_counter()
        if strategy.num_replicas_in_sync > 1 and call.method in TRAINING:
            # The whole of `fit`: it looks at the batch of each replica before the first step.
            batches = tf.data.Dataset.from_tensors(data).repeat()
            model.fit(batches, steps_per_epoch=1, epochs=1, verbose=0)
            iterator = iter(strategy.experimental_distribute_dataset(batches))
        function = _function(call.method, model, data)
        answer = _finished(function(iterator))
        first = time.perf_counter() - started
        unfit = _unfit(model, answer)
        seconds: list[float] = []
        until = time.perf_counter() + WARM_SECONDS
        while len(seconds) < MOST_STEPS and (not seconds or time.perf_counter() < until):
            started = time.perf_counter()
            _finished(function(iterator))
            seconds.append(time.perf_counter() - started)
        rounds = max(1, int(getattr(model, "steps_per_execution", 1) or 1))
        without = [item for item, given in reached.values() if not given]
        if without:
            troubles.append(self._missing(without, call, model))
        return (first, statistics.median(seconds) / rounds, len(seconds)), unfit

    def _not_finite(
        self, call: Call, model: Any, data: Any, state: _State, on_zeros: _Unfit, quick: bool
    ) -> list[Trouble]:
        """What is said of a step that gives no finite loss, or leaves weights that are not finite.

        It is the program's fault for certain only where noise of both signs and noise above zero both end so, whatever
        zeros do: a logarithm may be right for the data that the author has.
        """
        if not quick or not state.finite:
            return [Trouble("values", on_zeros.words, call.span, ())] if on_zeros else []
        answers: list[_Unfit] = []
        for signed in (True, False):
            if answers and not answers[0] and not on_zeros:
                break
            try:
                if on_zeros or answers:
                    state.restore()
                model.reset_metrics()
                batch = iter(tf.data.Dataset.from_tensors(noise(data, signed)).repeat())
                answers.append(_unfit(model, _finished(_function(call.method, model, data)(batch))))
            except Exception:  # noise may be what the program cannot take
                answers.append(_Unfit())
        everywhere = answers and all(answer.loss or answer.weights for answer in answers)
        told = on_zeros or answers[0]
        kind = "loss" if told.loss else "update" if told.weights else "values"
        if not told or kind == "values" or not (everywhere or on_zeros):
            return [Trouble("noise" if not on_zeros else "values", told.words, call.span, ())] if told else []
        kind += "" if everywhere and on_zeros else "-of-noise" if everywhere else "-of-zeros"
        batch = data if on_zeros else noise(data, False)
        places = self._first_unfit(model, batch, state) if told.loss else self._created(told.weights, model)
        return [Trouble(kind, told.words, call.span, places)]

    def _first_unfit(self, model: Any, data: Any, state: _State) -> tuple[Span, ...]:
        """Where the layer was made that is the first to give what is not finite from what is; empty where it is the
        loss."""
        found: list[Any] = []
        calling = KerasLayer.__call__

        def watched(layer: Any, *arguments: Any, **keywords: Any) -> Any:
            answer = calling(layer, *arguments, **keywords)
            if not found and layer is not model and _finite((arguments, keywords)) and not _finite(answer):
                found.append(layer)
            return answer

        KerasLayer.__call__ = watched
        try:
            state.restore()
            x, _, _ = keras.utils.unpack_x_y_sample_weight(data)
            model(x, training=True)
        except Exception:  # a model of the author's own may only be called in its own way
            found.clear()
        finally:
            KerasLayer.__call__ = calling
        return self._places_of(found[:1])

    def _created(self, weights: tuple[Any, ...], model: Any) -> tuple[Span, ...]:
        """Where the layer of the last of `weights` was made: the gradient is not finite from there backwards."""
        last = {id(item) for item in weights[-1:]}
        layers = [
            layer
            for layer in model._flatten_layers(include_self=False)
            if last & {id(item) for item in layer._trainable_variables}
        ]
        return self._places_of(layers)

    def _places_of(self, layers: list[Any]) -> tuple[Span, ...]:
        watch: Any = self.run.watch  # type: ignore[attr-defined]
        seen = [watch.of(layer) for layer in layers]
        return tuple(item.created for item in seen if item is not None and item.created is not None)

    def _missing(self, without: list[Any], call: Call, model: Any) -> Trouble:
        """The layers whose weights the loss does not reach."""
        missing = {id(item) for item in without}
        layers = [
            layer
            for layer in model._flatten_layers(include_self=False)
            if missing & {id(item) for item in layer._trainable_variables}
        ]
        names = [str(layer.name) for layer in layers] or [str(item.path) for item in without]
        return Trouble("gradient", ", ".join(names), call.span, self._places_of(layers))

    def _trouble(self, error: Exception, call: Call, model: Any, data: Any, size: int) -> Trouble:
        text = str(error)
        places: tuple[Span, ...] = ()
        if isinstance(error, (tf.errors.ResourceExhaustedError, MemoryError)):
            kind = "memory"
        elif isinstance(error, SystemError) and "without exception set" in text:
            # What is left of an allocation that failed while TensorFlow made a tensor of a constant.
            kind = "memory"
        elif isinstance(error, (tf.errors.OpError, ValueError)) and ("XLA" in text or "_JIT" in text):
            kind = "xla"
        else:
            kind = "error"
        uneven = size % model.distribute_strategy.num_replicas_in_sync
        if kind == "error" and isinstance(error, tf.errors.OpError) and uneven:
            kind = "replicas"
        if isinstance(error, tf.errors.OpError) and _NO_DEVICE.search(text):
            kind = "device"
        if kind in ("xla", "device"):
            places = self._operations(model, data, frozenset(_NO_KERNEL.findall(text) + _NO_DEVICE.findall(text)))
        return Trouble(
            kind, f"{type(error).__name__}: {_telling(text, error)}", call.span, places or self._places(text)
        )

    def _operations(self, model: Any, data: Any, kinds: frozenset[str]) -> tuple[Span, ...]:
        """The author's lines that the first operation of one of `kinds` in the training step comes from, innermost
        first."""
        try:
            waiting = [tf.function(model.train_step).get_concrete_function(data).graph]
            while waiting:
                for operation in waiting.pop().get_operations():
                    if operation.type in kinds:
                        lines = ((frame.filename, int(frame.lineno or 1)) for frame in reversed(operation.traceback))
                        own = (Span(path, line, 0, line, 10_000) for path, line in lines if self.run.files.owns(path))
                        return tuple(dict.fromkeys(own))
                    waiting += [body for body, _ in bodies(operation)]
        except Exception:  # the place is an extra: the step itself has told what is wrong
            return ()
        return ()

    def _places(self, text: str) -> tuple[Span, ...]:
        """The author's lines that a message names, innermost first."""
        found: list[Span] = []
        for path, line in _FILE.findall(text):
            if self.run.files.owns(path):
                found.insert(0, Span(path, int(line), 0, int(line), 10_000))
        return tuple(dict.fromkeys(found))


def zeros(item: Any, size: int, arrays: bool, known: Optional[int] = None) -> Any:
    """One component of a batch of `size` as zeros; `known` is the program's own size, which the data may insist on.

    Raises ValueError for what has no size.
    """
    if isinstance(item, (tf.RaggedTensorSpec, tf.SparseTensorSpec)) or item.shape is None:
        raise ValueError("a batch without fixed sizes cannot be made of zeros")
    shape = list(item.shape)
    if shape and (arrays or shape[0] is None or shape[0] == known):
        shape[0] = size
    if any(axis is None for axis in shape):
        raise ValueError(f"a batch of shape {tuple(item.shape)} has sizes that only the data tell")
    dtype = item.dtype
    if isinstance(item, np.ndarray):
        dtype = tf.string if dtype.kind in "OUS" else tf.as_dtype(dtype)
    return tf.fill(shape, "") if tf.as_dtype(dtype) == tf.string else tf.zeros(shape, dtype)


def _weights(run: Run) -> list[Any]:
    """Every weight of the program that has no memory yet."""
    return [item for item in run.hollow if item.__dict__.get("_kls_initializer") is not None]


def _make(item: Any, initializer: Any) -> None:
    item.__dict__["_kls_initializer"] = None
    item._value.assign(initializer(item._shape, dtype=item._dtype))


def _function(method: str, model: Any, data: Any) -> Any:
    """Keras's own function for one step, on an iterator."""
    if method in TRAINING:
        model.make_train_function(force=True)
        return model.train_function
    if method in ("evaluate", "test_on_batch"):
        model.make_test_function(force=True)
        return model.test_function
    model.make_predict_function(force=True)
    return model.predict_function


def _finished(answer: Any) -> dict[str, Any]:
    """The values of a step, which are there when it has been computed."""
    return {
        str(name): value.numpy() if hasattr(value, "numpy") else value
        for name, value in (answer.items() if isinstance(answer, dict) else enumerate(tree.flatten(answer)))
        if not isinstance(value, dict)
    }


def noise(data: Any, signed: bool) -> Any:
    """A batch like `data`, of unit noise of both signs, or between 0 and 1; always the same numbers.

    Targets and sample weights lie between 0 and 1, and whole numbers stay zeros there: within every range. Whole
    numbers that go into the model are 0 or 1, or all 1.
    """
    draw = np.random.RandomState(0)

    def like(item: Any, target: bool) -> Any:
        if item is None or not (item.dtype.is_floating or item.dtype.is_integer) or (target and item.dtype.is_integer):
            return item
        if item.dtype.is_integer:
            values: Any = draw.randint(0, 2, item.shape) if signed else np.ones(item.shape)
        else:
            values = draw.standard_normal(item.shape) if signed and not target else draw.uniform(0.001, 1, item.shape)
        return tf.cast(tf.constant(values, tf.float32), item.dtype)

    if isinstance(data, tuple) and len(data) in (2, 3):
        parts = tuple(tree.map_structure(lambda item: like(item, True), part, none_is_leaf=False) for part in data[1:])
        return (tree.map_structure(lambda item: like(item, False), data[0], none_is_leaf=False), *parts)
    return tree.map_structure(lambda item: like(item, False), data, none_is_leaf=False)


@dataclass(frozen=True)
class _Unfit:
    """What a step gave that is not finite: losses and metrics by name, and trained weights."""

    loss: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    weights: tuple[Any, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.loss or self.others or self.weights)

    @property
    def words(self) -> str:
        """All of it, for people."""
        return ", ".join((*self.loss, *self.others)) or ", ".join(str(item.path) for item in self.weights[:3])


def _unfit(model: Any, answer: dict[str, Any]) -> _Unfit:
    """Which values of a step's answer are not finite, and which trained weights are not after it."""
    bad = {
        name: float(value)
        for name, value in answer.items()
        if np.ndim(value) == 0 and np.issubdtype(np.asarray(value).dtype, np.floating) and not np.isfinite(value)
    }
    told = {name: f"{name} is {value}" for name, value in bad.items()}
    return _Unfit(
        tuple(words for name, words in told.items() if "loss" in name),
        tuple(words for name, words in told.items() if "loss" not in name),
        tuple(item for item in model.trainable_variables if not _finite(item.value)),
    )


def _finite(structure: Any) -> bool:
    """Whether every floating-point tensor of a structure holds nothing but finite numbers."""
    return all(
        bool(tf.reduce_all(tf.math.is_finite(item)))
        for item in tree.flatten(structure)
        if tf.is_tensor(item) and item.dtype.is_floating
    )


class _State:
    """A program's weights and optimizer state as they were before the first step; making it gives `held` their values
    and builds the optimizer.

    Those without memory are `held`: they are drawn anew. Small ones are kept, large optimizer state becomes 0.
    """

    def __init__(self, model: Any, held: list[Any]) -> None:
        self._drawn = [(item, item.__dict__["_kls_initializer"]) for item in held]
        for item, initializer in self._drawn:
            _make(item, initializer)
        self._optimizers = [item for item in vars(model).values() if isinstance(item, BaseOptimizer)]
        if model.optimizer is not None and not model.optimizer.built:
            with model.distribute_strategy.scope():
                model.optimizer.build(model.trainable_variables)
        drawn = {id(item) for item in held}
        state = [item for optimizer in self._optimizers for item in optimizer.variables if _is_small(item)]
        kept = [item for item in (*model.variables, *state) if id(item) not in drawn and _has_value(item)]
        self._kept = [(item, tf.identity(item.value)) for item in kept]
        self.finite = _finite([item.value for item in model.trainable_variables])
        """Whether there is nothing but finite numbers in the weights from the start."""

    def restore(self) -> None:
        """Put it back."""
        for item, initializer in self._drawn:
            _make(item, initializer)
        for item, value in self._kept:
            item.assign(value)
        known = {id(item) for item, _ in (*self._drawn, *self._kept)}
        for optimizer in self._optimizers:
            for item in optimizer.variables:
                if id(item) not in known:
                    item.assign(tf.zeros(item.shape, item.dtype))


def _is_small(item: Any) -> bool:
    return math.prod(item.shape) <= SMALL_WEIGHTS


def _has_value(item: Any) -> bool:
    return getattr(item, "_value", None) is not None and item.dtype != "string"


def _note_gradients(reached: dict[int, tuple[Any, bool]]) -> None:
    """Remember of each weight that an optimizer is given whether it ever has a gradient."""
    filtering = BaseOptimizer._filter_empty_gradients

    def noting(self: Any, grads: Any, variables: Any) -> Any:
        for grad, item in zip(grads, variables):
            _, before = reached.get(id(item), (item, False))
            reached[id(item)] = item, before or grad is not None
        return filtering(self, grads, variables)

    BaseOptimizer._filter_empty_gradients = noting


def _compiled(model: Any) -> bool:
    """Whether XLA compiles the step."""
    return getattr(model, "jit_compile", False) is True


def _telling(text: str, error: Exception) -> str:
    """The line of a message that says what is wrong: TensorFlow puts a traceback before it."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if "OOM when" in line or "unsupported operations" in line or "XLA" in line]
    telling = [line for line in lines if _NO_DEVICE.search(line)] or telling
    return (telling or [first_line(error)])[0][:600]


def _highest() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _resident() -> int:
    """Memory of this process now, in bytes; the highest so far where the system does not tell."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        return _highest()


__all__ = ["Trial", "noise", "zeros"]
