"""Watches Keras build: which expression made a layer, which used it, what went in and came out.

`install(run)` wraps `Operation.__new__` and `Layer.__call__` (`docs/architecture.md`, "Lines").
"""

from __future__ import annotations

import functools
import os
import sys
import warnings
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, Optional

import keras
import numpy as np
import tensorflow as tf
from keras import tree
from keras.src.layers.core.input_layer import InputLayer
from keras.src.layers.layer import Layer as KerasLayer
from keras.src.models.functional import Functional
from keras.src.models.model import Model as KerasModel
from keras.src.models.sequential import Sequential
from keras.src.ops.operation import Operation
from keras.src.trainers.trainer import Trainer
from tensorflow.python.ops import gen_math_ops, gen_nn_ops

from ..protocol import Layer, Model, Node, Span, Tensor, Warned
from . import graphs, memory, specs
from .arrays import PREDICTED, VirtualArray
from .graphs import key_of, parameters_of
from .places import is_own
from .state import Run
from .unknown import Unknown, UnknownValue
from .witnesses import Witnesses

_MOST_LAYERS = 6000
_PREDICTED = 16
"""Of how many calls of models the outputs are known by their model."""


@dataclass
class Seen:
    """What is known of one layer or model object."""

    layer: Any
    created: Optional[Span]
    direct: bool
    """Whether the author's own line made it, not a library function that the author called."""
    calls: list[Layer] = field(default_factory=list)
    variable: Optional[str] = None
    compiled: Optional[Span] = None
    any_optimizer: bool = False
    """It was compiled with an optimizer that is not known; another one stands in."""
    inputs: tuple[Tensor, ...] = ()
    called: Optional[Span] = None
    order: int = 0
    trail: Optional[graphs.Trail] = None
    """Of a subclassed model: the calls inside its last call."""


class Watch:
    """Layers and models of one dry run, and the stack of calls in progress."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.seen: dict[int, Seen] = {}
        self.stack = run.calling
        self.quiet = 0
        self.batch: Optional[int] = None
        """The concrete batch size of the probe in progress; records show it as an unknown batch."""
        self.records = 0
        self.witnesses = Witnesses(run)
        self.failed: Optional[tuple[Any, Any]] = None
        """The layer whose call failed last, and what it was given."""
        self.predicted: dict[int, tuple[Any, Any]] = {}
        """By id the tensors that models gave last, each with its model."""

    def of(self, layer: Any) -> Optional[Seen]:
        """What is known of `layer`."""
        seen = self.seen.get(id(layer))
        return seen if seen is not None and seen.layer is layer else None

    def made(self, layer: Any, frame: Optional[FrameType]) -> None:
        """An operation object comes to life in `frame`."""
        if not isinstance(layer, KerasLayer):
            return
        direct = frame is not None and self.run.files.owns(frame.f_code.co_filename)
        direct = direct or (isinstance(layer, InputLayer) and _made_by_input(frame))
        direct = direct or (isinstance(layer, KerasModel) and _made_by_application(frame))
        direct = direct or self._made_by_merging(frame)
        self.run.built += not direct
        author = self.run.files.nearest(frame)
        created = None if author is None else self.run.files.span_of_frame(author)
        self.seen[id(layer)] = Seen(layer, created, direct, order=len(self.seen))

    def _made_by_merging(self, frame: Optional[FrameType]) -> bool:
        """Whether the author called one of the functions of keras/src/layers/merging, such as `concatenate([a, b])`."""
        if frame is None or f"{os.sep}layers{os.sep}merging{os.sep}" not in frame.f_code.co_filename:
            return False
        return frame.f_back is not None and self.run.files.owns(frame.f_back.f_code.co_filename)

    def call(self, layer: Any, arguments: tuple[Any, ...], keywords: dict[str, Any], invoke: Any) -> Any:
        """Call `layer` and remember the place, what went in and what came out."""
        seen = self.of(layer)
        caller = sys._getframe(2)
        if self.run.files.owns(caller.f_code.co_filename):
            span = self.run.files.span_of_frame(caller)
        else:
            # A container called it (a Sequential, a wrapper): the layer's own expression is its place.
            span = None if seen is None else seen.created
        if not self.stack:
            self.run.failed_layers.clear()
        if seen is not None:
            given = arguments[0] if len(arguments) == 1 else arguments
            seen.inputs = self.tensors(given) or self.tensors(keywords)
            seen.called = span
        parent = self.stack[-1] if self.stack else None
        if seen is not None and isinstance(layer, KerasModel) and not isinstance(layer, (Functional, Sequential)):
            seen.trail = graphs.Trail(self, (arguments, keywords))
        self.stack.append(layer)
        try:
            outputs = invoke()
        except Exception as error:
            self.run.failed_layers.append(layer)
            self.failed = (layer, (arguments, keywords))
            if not getattr(layer, "built", True):
                unknown = isinstance(error, UnknownValue)
                reason = str(error) if unknown else "the call that would have built it failed"
                self.run.unbuilt[id(layer)] = (layer, reason)
            raise
        finally:
            self.stack.pop()
        if isinstance(layer, KerasModel):
            self.predicted[id(outputs)] = (outputs, layer)
            while len(self.predicted) > _PREDICTED:
                del self.predicted[next(iter(self.predicted))]
        probing = is_own(caller.f_code.co_filename) and isinstance(layer, KerasModel)
        if seen is not None and seen.direct and not self.quiet and not probing and self._worth(parent, layer, seen):
            self._record(seen, span, parent, outputs)
        owner = self.of(parent) if parent is not None else None
        if owner is not None and owner.trail is not None:
            node = graphs.node_of(self, layer, self.tensors(outputs))
            owner.trail.called(node, (arguments, keywords), outputs)
        return outputs

    def predicted_by(self, value: Any) -> Any:
        """The model that gave the tensor `value` as its one output, None where that is not known."""
        known, model = self.predicted.get(id(value), (None, None))
        return model if known is value else None

    def tensors(self, value: Any) -> tuple[Tensor, ...]:
        """The tensors of `value`, with the batch axis of a probe's placeholders as None."""
        found = specs.flatten(value)
        if self.batch is None:
            return found
        return tuple(
            Tensor((None, *tensor.shape[1:]), tensor.dtype, tensor.path)
            if tensor.shape and tensor.shape[0] == self.batch
            else tensor
            for tensor in found
        )

    def _worth(self, parent: Any, layer: Any, seen: Seen) -> bool:
        if self.records >= _MOST_LAYERS:
            return False
        if isinstance(parent, Functional) and not isinstance(parent, Sequential):
            return not seen.calls
        if isinstance(parent, Sequential):
            return not seen.calls
        return True

    def _record(self, seen: Seen, span: Optional[Span], parent: Any, outputs: Any) -> None:
        layer = seen.layer
        owner = self.of(parent) if parent is not None else None
        record = Layer(
            key=key_of(layer),
            created=seen.created,
            called=span,
            cls=type(layer).__name__,
            name=str(getattr(layer, "name", "")),
            inputs=seen.inputs,
            outputs=self.tensors(outputs),
            dtype=_first_dtype(outputs),
            parameters=parameters_of(layer),
            config=specs.config_of(layer),
            parent=key_of(parent) if owner is not None else None,
        )
        if any(same_call(record, other) for other in seen.calls):
            return
        seen.calls.append(record)
        self.records += 1

    def layers(self, over: bool = True) -> tuple[Layer, ...]:
        """All records, and one without tensors for each of the author's layers that was never called.

        While the program is not `over` no layer is asked for its configuration: one of the author's may be half made.
        """
        records: list[Layer] = []
        for seen in self.seen.values():
            if not seen.direct or not isinstance(getattr(seen.layer, "name", None), str):
                continue
            if seen.calls:
                records.extend(_with_parameters(record, seen.layer) for record in seen.calls)
            elif isinstance(seen.layer, InputLayer):
                records.append(_input_record(seen))
            elif not isinstance(seen.layer, KerasModel):
                records.append(
                    Layer(
                        key_of(seen.layer),
                        seen.created,
                        None,
                        type(seen.layer).__name__,
                        str(seen.layer.name),
                        (),
                        (),
                        None,
                        parameters_of(seen.layer),
                        specs.config_of(seen.layer) if over else {},
                    )
                )
        return tuple(records)

    def models(self) -> tuple[Model, ...]:
        """The models that the author's lines made or were given, in order."""
        made: list[Model] = []
        for seen in self.seen.values():
            if isinstance(seen.layer, KerasModel) and (seen.direct or seen.variable):
                model = _model_record(self, seen)
                if model is not None:
                    made.append(model)
        return tuple(made)

    def bound(self, name: str, value: Any, span: Span, statement: Span) -> None:
        """A name of the author now stands for `value`."""
        if isinstance(value, KerasModel):
            seen = self.of(value)
            if seen is not None and seen.variable is None:
                seen.variable = name

    def warned(self, message: str, category: str, frame: Optional[FrameType]) -> None:
        """Keras or TensorFlow warned while the author's line in `frame` ran."""
        author = self.run.files.nearest(frame)
        span = None if author is None else self.run.files.span_of_frame(author)
        layer = next((item for item in reversed(self.stack) if self.of(item) is not None), None)
        if span is not None:
            self.told(span, category, message, layer)

    def told(self, span: Span, category: str, message: str, layer: Any) -> None:
        """Keep what is told of `span`, which concerns `layer` where there is one."""
        warned = Warned(span, category, message[:2000], None if layer is None else key_of(layer))
        if len(self.run.warnings) < 200 and warned not in self.run.warnings:
            self.run.warnings.append(warned)


def places_of(run: Run, layer: Any) -> tuple[Optional[Span], Optional[Span], tuple[Tensor, ...]]:
    """Where `layer` was made, where it was last called, and with what."""
    watch: Optional[Watch] = getattr(run, "watch", None)
    seen = watch.of(layer) if watch is not None else None
    return (None, None, ()) if seen is None else (seen.created, seen.called, seen.inputs)


def graph_to(run: Run) -> tuple[Node, ...]:
    """The calls that led to the one that failed last, where symbolic tensors met it."""
    watch: Optional[Watch] = getattr(run, "watch", None)
    failed = watch.failed if watch is not None else None
    return graphs.until_failure(watch, *failed) if failed is not None else ()


def same_call(one: Layer, other: Layer) -> bool:
    """Whether two records speak of one call of one layer with the same shapes."""
    return one.called == other.called and one.inputs == other.inputs and one.outputs == other.outputs


def _with_parameters(record: Layer, layer: Any) -> Layer:
    if record.parameters is not None:
        return record
    import dataclasses

    return dataclasses.replace(record, parameters=parameters_of(layer))


def _made_by_input(frame: Optional[FrameType]) -> bool:
    """Whether an `InputLayer` comes from the author's own `Input(…)`, not from a model that makes one for itself."""
    return frame is not None and frame.f_code.co_name == "Input"


def _made_by_application(frame: Optional[FrameType]) -> bool:
    """Whether a model is one of `keras.applications`, which stands for itself where the author uses it."""
    return frame is not None and f"{os.sep}applications{os.sep}" in frame.f_code.co_filename


def _input_record(seen: Seen) -> Layer:
    layer = seen.layer
    outputs = specs.flatten(getattr(layer, "output", None))
    return Layer(
        key_of(layer),
        seen.created,
        seen.created,
        "InputLayer",
        str(layer.name),
        (),
        outputs,
        outputs[0].dtype if outputs else None,
        0,
        specs.config_of(layer),
    )


def _first_dtype(outputs: Any) -> Optional[str]:
    tensors = specs.flatten(outputs)
    return tensors[0].dtype if tensors else None


def _model_record(watch: Watch, seen: Seen) -> Optional[Model]:
    model = seen.layer
    try:
        inputs = specs.flatten(getattr(model, "_inputs", None) or getattr(model, "inputs", None) or ())
        outputs = specs.flatten(getattr(model, "_outputs", None) or getattr(model, "outputs", None) or ())
    except Exception:
        inputs, outputs = (), ()
    if not outputs and seen.calls:
        inputs, outputs = seen.calls[-1].inputs, seen.calls[-1].outputs
    if isinstance(model, Sequential):
        kind = "sequential"
    elif isinstance(model, Functional):
        kind = "functional"
    else:
        kind = "subclass"
    try:
        layers = tuple(key_of(layer) for layer in model.layers)
    except Exception:
        layers = ()
    optimizer = None if seen.any_optimizer else getattr(model, "optimizer", None)
    return Model(
        key_of(model),
        seen.created,
        seen.variable,
        type(model).__name__,
        str(getattr(model, "name", "")),
        kind,
        inputs,
        outputs,
        parameters_of(model),
        layers,
        loss_name(getattr(model, "loss", None)),
        seen.compiled,
        _ends(model, "inputs"),
        _ends(model, "outputs"),
        graphs.of_model(watch, model),
        *memory.weights_of(model),
        None if optimizer is None else type(optimizer).__name__,
        () if seen.any_optimizer else memory.state_of(model),
        _settings(model),
    )


def _settings(model: Any) -> dict[str, Any]:
    """What `compile` was given beside loss and metrics, in plain values; empty for a model that was not compiled."""
    if not getattr(model, "compiled", False):
        return {}
    names = ("jit_compile", "run_eagerly", "steps_per_execution")
    optimizer = getattr(model, "optimizer", None)
    given = {name: getattr(model, name, None) for name in names}
    plain = {name: value for name, value in given.items() if value is None or isinstance(value, (bool, int))}
    return {**plain, "optimizer": {} if optimizer is None else specs.config_of(optimizer)}


def _ends(model: Any, side: str) -> tuple[int, ...]:
    """Keys of the layers at one end of a model's graph; of a Sequential that is not built, of its list."""
    if isinstance(model, Sequential):
        layers = [item for item in model._layers if isinstance(item, InputLayer) == (side == "inputs")]
        return tuple(key_of(item) for item in (layers[:1] if side == "inputs" else layers[-1:]))
    if not isinstance(model, Functional):
        return ()
    found: list[int] = []
    for tensor in tree.flatten(getattr(model, f"_{side}", None) or ()):
        operation = getattr(getattr(tensor, "_keras_history", None), "operation", None)
        if operation is not None:
            found.append(key_of(operation))
    return tuple(found)


def loss_name(loss: Any) -> Optional[str]:
    """A loss as the author gave it, in a word: its identifier, class or function name."""
    if loss is None or isinstance(loss, str):
        return loss
    name = getattr(loss, "__name__", None)
    if isinstance(name, str):
        return name
    if isinstance(loss, (list, tuple, dict)):
        return type(loss).__name__
    return type(loss).__name__


def install(run: Run) -> Watch:
    """Start watching; everything lives in this (forked) process only."""
    watch = Watch(run)
    run.watch = watch  # type: ignore[attr-defined]
    run.on_bound.append(watch.bound)
    _watch_operations(watch)
    _watch_compile(watch)
    _watch_added_losses(watch)
    _watch_differences(watch)
    _watch_softmax(watch)
    warnings.simplefilter("always")

    def show(
        message: Any, category: type, filename: str, lineno: int, file: Any = None, line: Optional[str] = None
    ) -> None:
        watch.warned(str(message), category.__name__, sys._getframe(1))

    warnings.showwarning = show
    keras.config.disable_traceback_filtering()
    tf.debugging.disable_traceback_filtering()
    return watch


def _watch_operations(watch: Watch) -> None:
    new, call = Operation.__new__, KerasLayer.__call__

    def watched_new(cls: type, *arguments: Any, **keywords: Any) -> Any:
        made = new(cls, *arguments, **keywords)
        frame: Optional[FrameType] = sys._getframe(1)
        while frame is not None and (is_own(frame.f_code.co_filename) or frame.f_code.co_name == "__new__"):
            frame = frame.f_back
        watch.made(made, frame)
        watch.witnesses.stand_in(cls, arguments, keywords, frame)
        return made

    def watched_call(self: Any, *arguments: Any, **keywords: Any) -> Any:
        return watch.call(self, arguments, keywords, lambda: call(self, *arguments, **keywords))

    Operation.__new__ = staticmethod(watched_new)  # type: ignore[method-assign]
    KerasLayer.__call__ = watched_call  # type: ignore[method-assign]


def _watch_differences(watch: Watch) -> None:
    """Tell of differences of a column and a row of as many numbers: each of the one with each of the other."""

    def watched(original: Any) -> Any:
        @functools.wraps(original)
        def difference(x: Any, y: Any, name: Any = None) -> Any:
            made = original(x, y, name)
            told = _column_and_row(specs.shape_of(x) or (), specs.shape_of(y) or ())
            if told is not None:
                watch.warned(told, "AllPairs", sys._getframe(1))
            return made

        return difference

    for name in ("sub", "squared_difference"):
        setattr(gen_math_ops, name, watched(getattr(gen_math_ops, name)))

    of_arrays = VirtualArray.__array_ufunc__

    def met(self: VirtualArray, ufunc: Any, method: str, *inputs: Any, **keywords: Any) -> Any:
        made = of_arrays(self, ufunc, method, *inputs, **keywords)
        if ufunc in (np.subtract, np.equal, np.not_equal) and method == "__call__" and len(inputs) == 2:
            one, other = (np.shape(item) if isinstance(item, np.ndarray) else () for item in inputs)
            column = inputs[0] if len(one) == 2 else inputs[1]
            if _column_and_row(one, other) is not None and getattr(column, "origin", None) == PREDICTED:
                watch.warned(f"{one} {other}", "PairsOfPredictions", sys._getframe(1))
        return made

    VirtualArray.__array_ufunc__ = met  # type: ignore[method-assign]


def _watch_softmax(watch: Watch) -> None:
    """Tell of a softmax of one value for each row."""
    original = gen_nn_ops.softmax

    @functools.wraps(original)
    def softmax(logits: Any, name: Any = None) -> Any:
        shape = specs.shape_of(logits) or ()
        if len(shape) > 1 and shape[-1] == 1:
            watch.warned(" ".join(map(str, shape)), "SoftmaxOfOne", sys._getframe(1))
        return original(logits, name)

    gen_nn_ops.softmax = softmax


def _column_and_row(one: tuple[Optional[int], ...], other: tuple[Optional[int], ...]) -> Optional[str]:
    """The shapes in words where one is (n, 1) and the other (n,), of more than one sample."""
    low, high = sorted((one, other), key=len)
    if len(low) != 1 or len(high) != 2 or high[1] != 1 or low[0] in (0, 1) or low[0] != high[0]:
        return None
    return f"{low} {high}"


def _watch_added_losses(watch: Watch) -> None:
    add_loss = KerasLayer.add_loss

    def watched_add_loss(self: Any, loss: Any) -> Any:
        frame = sys._getframe(1)
        for one in tree.flatten(loss) if watch.run.files.owns(frame.f_code.co_filename) else ():
            shape = getattr(one, "shape", None)
            rank = getattr(shape, "rank", None) if isinstance(shape, tf.TensorShape) else len(shape or ())
            if rank and shape is not None and shape[0] in (None, watch.batch):
                watch.warned(str((None, *shape[1:])), "SummedLoss", frame)
        return add_loss(self, loss)

    KerasLayer.add_loss = watched_add_loss  # type: ignore[method-assign]


def _watch_compile(watch: Watch) -> None:
    compile_model = Trainer.compile

    def watched_compile(self: Any, *arguments: Any, **keywords: Any) -> Any:
        author = watch.run.files.nearest(sys._getframe(1))
        # No shape depends on the optimizer.
        unknown = isinstance(arguments[0] if arguments else keywords.get("optimizer"), Unknown)
        if unknown and arguments:
            arguments = ("rmsprop", *arguments[1:])
        elif unknown:
            keywords["optimizer"] = "rmsprop"
        result = compile_model(self, *arguments, **keywords)
        watch.run.uncompiled.pop(id(self), None)
        seen = watch.of(self)
        if seen is not None and author is not None:
            seen.compiled, seen.any_optimizer = watch.run.files.span_of_frame(author), unknown
        return result

    # Keras compares with this very attribute to tell whether an author overrides `compile`.
    Trainer.compile = watched_compile
