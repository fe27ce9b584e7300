"""One real step: after the dry run has traced a training call, its weights are made and the step is really run.

What the dry run changed in TensorFlow and Keras is put back first; then Keras's own train function runs on zeros at the
script's batch size. Nothing is allocated when the weights alone do not fit the limit.
"""

from __future__ import annotations

import math
import re
import resource
import statistics
import sys
import time
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
from .execute import Run
from .failures import first_line

MOST_STEPS = 5
"""Warm steps that are timed."""
WARM_SECONDS = 15.0
"""Wall time after which no further warm step begins."""
BATCH = 32
"""The batch size where the program does not tell its own."""
_PLACES: tuple[Any, ...] = (
    KerasVariable, KerasLayer, TensorFlowTrainer, BaseOptimizer, backprop.GradientTape, dataset_ops.DatasetV2, tf,
    tf.distribute,
)  # fmt: skip
"""What a dry run changes and a real step needs as it was."""
_FILE = re.compile(r'File "([^"]+)", line (\d+)')


class Trial:
    """The real step of one probe, at its first training call, else at its first call of another kind."""

    def __init__(self, run: Run) -> None:
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
        if call.method in ("fit", "train_on_batch"):
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
        try:
            held = _weights(self.run)
            needed = sum(math.prod(item.shape) * tf.as_dtype(item.dtype).size for item in held)
            if needed > limit:
                troubles.append(Trouble("weights", f"the weights alone take {needed} bytes", call.span, ()))
            else:
                self._put_back()
                for item in held:
                    _make(item)
                structure, arrays = batch
                data = tree.map_structure(
                    lambda item: None if item is None else zeros(item, size, arrays, known),
                    structure,
                    none_is_leaf=False,
                )
                measured = self._time(call, model, data, troubles)
        except Exception as error:
            troubles.append(self._trouble(error, call))
        peak = _highest()
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

    def _time(self, call: Call, model: Any, data: Any, troubles: list[Trouble]) -> tuple[float, float, int]:
        """Seconds of the first step, of a warm one (the median), and how many were timed."""
        without: list[Any] = []
        _note_missing_gradients(without)
        iterator = iter(tf.data.Dataset.from_tensors(data).repeat())
        function = _function(call.method, model, data)
        started = time.perf_counter()
        answer = _finished(function(iterator))
        first = time.perf_counter() - started
        seconds: list[float] = []
        until = time.perf_counter() + WARM_SECONDS
        while len(seconds) < MOST_STEPS and (not seconds or time.perf_counter() < until):
            started = time.perf_counter()
            answer = _finished(function(iterator))
            seconds.append(time.perf_counter() - started)
        rounds = max(1, int(getattr(model, "steps_per_execution", 1) or 1))
        if without:
            troubles.append(self._missing(without, call, model))
        if call.method in ("fit", "train_on_batch"):
            troubles.extend(_values(call, answer))
        return first, statistics.median(seconds) / rounds, len(seconds)

    def _missing(self, without: list[Any], call: Call, model: Any) -> Trouble:
        """The layers whose weights the loss does not reach."""
        watch: Any = self.run.watch  # type: ignore[attr-defined]
        names, places = [], []
        for layer in model._flatten_layers(include_self=False):
            own = {id(item) for item in layer._trainable_variables}
            if own & {id(item) for item in without}:
                names.append(str(layer.name))
                seen = watch.of(layer)
                if seen is not None and seen.created is not None:
                    places.append(seen.created)
        return Trouble(
            "gradient", ", ".join(names) or ", ".join(item.path for item in without), call.span, tuple(places)
        )

    def _trouble(self, error: Exception, call: Call) -> Trouble:
        text = str(error)
        if isinstance(error, (tf.errors.ResourceExhaustedError, MemoryError)):
            kind = "memory"
        elif isinstance(error, SystemError) and "without exception set" in text:
            # What is left of an allocation that failed while TensorFlow made a tensor of a constant.
            kind = "memory"
        elif isinstance(error, (tf.errors.OpError, ValueError)) and ("XLA" in text or "_JIT" in text):
            kind = "xla"
        else:
            kind = "error"
        return Trouble(kind, f"{type(error).__name__}: {_telling(text, error)}", call.span, self._places(text))

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


def _make(item: Any) -> None:
    initializer = item.__dict__["_kls_initializer"]
    item.__dict__["_kls_initializer"] = None
    item._value.assign(initializer(item._shape, dtype=item._dtype))


def _function(method: str, model: Any, data: Any) -> Any:
    """Keras's own function for one step, on an iterator."""
    if method in ("fit", "train_on_batch"):
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


def _values(call: Call, answer: dict[str, Any]) -> list[Trouble]:
    """Which of the values that the last step gave are not finite."""
    bad = [
        name
        for name, value in answer.items()
        if np.ndim(value) == 0 and np.issubdtype(np.asarray(value).dtype, np.floating) and not np.isfinite(value)
    ]
    return [Trouble("values", ", ".join(bad), call.span, ())] if bad else []


def _note_missing_gradients(without: list[Any]) -> None:
    filtering = BaseOptimizer._filter_empty_gradients

    def noting(self: Any, grads: Any, variables: Any) -> Any:
        known = {id(item) for item in without}
        pairs = zip(grads, variables)
        without.extend(item for grad, item in pairs if grad is None and id(item) not in known)
        return filtering(self, grads, variables)

    BaseOptimizer._filter_empty_gradients = noting


def _compiled(model: Any) -> bool:
    """Whether XLA compiles the step."""
    return getattr(model, "jit_compile", False) is True


def _telling(text: str, error: Exception) -> str:
    """The line of a message that says what is wrong: TensorFlow puts a traceback before it."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if "OOM when" in line or "unsupported operations" in line or "XLA" in line]
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


__all__ = ["Trial", "zeros"]
