"""Where data meets a model: `fit`, `evaluate`, `predict`, `train_on_batch`, … are probed instead of run.

A probe asks Keras's own data adapter about the data, then traces model, loss and metrics in a bare `FuncGraph` on
placeholders. A stock `train_step` is not traced (its optimizer alone would take three quarters of the time); one that
the author wrote is, with the optimizer's update left out. Nothing is computed and no data is read.
"""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import inspect
import re
import sys
from collections.abc import Generator
from typing import Any, Optional

import keras
import tensorflow as tf
from keras import tree
from keras.src.backend.tensorflow.trainer import TensorFlowTrainer
from keras.src.models.model import Model as KerasModel
from keras.src.trainers.data_adapters import array_slicing, data_adapter_utils
from tensorflow.python.framework.func_graph import FuncGraph

from ..protocol import Argument, Call, Span, Tensor, Warned
from . import (
    callbacks,
    eager,
    generators,
    gradients,
    memory,
    numbered,
    own_losses,
    parts,
    refusals,
    results,
    scopes,
    scores,
    specs,
)
from .arrays import PREDICTED, VirtualArray
from .batches import (
    PRIME,
    Data,
    batch_of,
    batch_sizes,
    endless,
    is_custom,
    placeholder,
    real_batch,
    static_batch,
    traced_batch,
)
from .exceptions import first_line
from .failures import failure_of
from .gaps import OWN_GRAPH, gap_kind, in_own_graph
from .keras_hooks import Watch, key_of, loss_name
from .places import from_home
from .state import Finished, Run
from .unknown import Unknown, UnknownValue

_IDLE = ("class_weight", "validation_split", "validation_batch_size")
"""Arguments that change no shape of a batch: a probe goes without those that are Unknown."""
METHODS = ("fit", "evaluate", "predict", "train_on_batch", "test_on_batch", "predict_on_batch")


_PARAMETERS = {
    method: [name for name in inspect.signature(getattr(TensorFlowTrainer, method)).parameters if name != "self"]
    for method in METHODS
}


class _Failed(Exception):
    """A stage of a probe failed; the cause is chained."""

    def __init__(self, stage: str) -> None:
        super().__init__(stage)
        self.stage = stage


class Sinks:
    """The calls of one dry run in which data met a model."""

    def __init__(self, run: Run, watch: Watch, trial: Any = None) -> None:
        self.run = run
        self.trial = trial
        """Runs a real step where one was asked for (`real.Trial`)."""
        self.watch = watch
        self.calls: list[Call] = []
        self.looked: dict[str, tuple[Tensor, ...]] = {}
        """What an iterator gave at the adapter, by the side ("" or "validation-") of the current call."""
        self.learned: dict[int, tuple[Any, list[Any]]] = {}
        """Each optimizer and the variables of the first model that it trained."""
        self.met: set[int] = set()
        """Models (by key) that some call of the author was made on."""
        self.batch: tuple[Any, bool] = (None, False)
        """One batch of the call in progress as specs or arrays, and whether they are whole arrays."""
        self.real_batch: Optional[int] = None
        self.logs: dict[str, Optional[tuple[str, ...]]] = {}
        """The names in the logs of the steps of the call in progress, by the side ("" or "validation-")."""
        self.made: Any = None
        """What the model of the call in progress gave for its training data."""
        self.measured: Optional[tuple[memory.Needs, int, Optional[int]]] = None
        """Of the training step that was traced last: what it keeps, at which batch size, and the run's own one."""

    def meet(self, method: str, model: Any, given: dict[str, Any]) -> Any:
        """Probe one call; the answer is what the author's program gets back."""
        frame = self.run.files.nearest(sys._getframe(1))
        span = None if frame is None else self.run.files.span_of_frame(frame)
        span = span or Span(self.run.main, 1, 0, 1, 0)
        self.met.add(key_of(model))
        given = numbered.numbered(given, model)
        arguments = self._arguments(method, given, span)
        if method in ("fit", "train_on_batch") and not _overrides(model, "train_step"):
            scopes.look_at(self.watch, model, span)
        return self.probe(method, model, given, arguments, span, paired=False)

    def probe(
        self,
        method: str,
        model: Any,
        given: dict[str, Any],
        arguments: tuple[Argument, ...],
        span: Span,
        paired: bool,
    ) -> Any:
        """Probe a call with known argument records."""
        run = self.run
        run.trained += 1
        given = {key: value for key, value in given.items() if key not in _IDLE or not isinstance(value, Unknown)}
        index = len(self.calls)
        call = Call(
            span=span,
            method=method,
            status="unknown",
            reason=None,
            model=key_of(model),
            arguments=arguments,
            outputs=(),
            loss=loss_name(getattr(model, "loss", None)),
            metrics=_metric_names(model),
            batch_size=given.get("batch_size") if isinstance(given.get("batch_size"), int) else None,
            paired=paired,
        )
        self.calls.append(call)
        outputs: Any = None
        self.looked = {}
        self.logs = {}
        self.measured = self.made = None
        try:
            if in_own_graph():
                raise _Failed("graph") from UnknownValue(OWN_GRAPH)
            outputs = self._probe(method, model, given)
            call = dataclasses.replace(call, status="traced", outputs=_without_batch(specs.flatten(outputs)))
            call = self._sized(call, model)
            if method == "fit" and not paired and given.get("steps_per_epoch") is None and endless(given.get("x")):
                run.warnings.append(Warned(span, "EndlessData", "repeat", None))
        except _Failed as failed:
            error = failed.__cause__
            assert error is not None
            gap = gap_kind(run, error)
            if gap is not None:
                call = dataclasses.replace(call, status="unknown", reason=from_home(gap[1]))
            else:
                reason = _in_the_authors_terms(first_line(error))
                named = self.made if isinstance(self.made, dict) and failed.stage in ("loss", "metrics") else None
                given_back = _without_batch(specs.flatten(named)) if named is not None else ()
                call = dataclasses.replace(call, status="failed", reason=reason, outputs=given_back)
                self._record(error, failed.stage, index, span, model)
        except BaseException as error:
            # The clock: the statement is a gap, and what it met is told all the same.
            self.calls[index] = dataclasses.replace(call, reason=str(error))
            raise
        if call.status != "traced":
            self.logs = {}
        if call.status != "traced" and not getattr(model, "built", True):
            run.tainted[id(model)] = (model, f"{method} at line {span.line} would have built the model")
        known = id(model) not in run.uncompiled
        call = dataclasses.replace(
            call,
            loss=loss_name(getattr(model, "loss", None)) if known else None,
            metrics=_metric_names(model) if known else (),
            arguments=tuple(self._seen(argument) for argument in call.arguments),
        )
        self.calls[index] = call
        if (
            self.trial is not None
            and known
            and self.trial.met(call, model, self.batch, static_batch(model) or self.real_batch)
        ):
            run.left = True
            raise Finished("one real step was run")
        names, validated = self.logs.get(""), self._validated(model, given) if method == "fit" else None
        answer = self._answer(method, model, given, outputs, span)
        if method == "fit" and call.status == "traced" and known and not paired and self.trial is None:
            callbacks.play(run, model, given.get("callbacks"), names, validated, span)
        return answer

    def _answer(self, method: str, model: Any, given: dict[str, Any], outputs: Any, span: Span) -> Any:
        """What the author's program gets back from a sink."""
        if method == "fit":
            history = keras.callbacks.History()
            history.set_model(model)
            history.history = results.history(
                self.logs.get(""), self._validated(model, given), given.get("callbacks"), span.line
            )
            history.epoch = Unknown("the epochs of a training history", span.line)
            model.history = history
            return history
        if method == "evaluate":
            given_back = results.evaluation(model, self.logs.get(""), bool(given.get("return_dict")), span.line)
            self.run.evaluated[span] = given_back
            return given_back
        if method.startswith("predict") and outputs is not None:
            samples = getattr(given.get("x"), "shape", (None,))[0] if hasattr(given.get("x"), "shape") else None
            if hasattr(given.get("x"), "class_mode") and given.get("steps") is None:  # pictures of a folder
                counted = getattr(given["x"], "samples", None)
                samples = counted if isinstance(counted, int) else samples

            def array(tensor: Any) -> Any:
                shape = specs.shape_of(tensor)
                if shape is None or samples is None or any(size is None for size in shape[1:]):
                    return Unknown("the size of what predict gives", span.line)
                made = VirtualArray.of((int(samples), *shape[1:]), specs.dtype_of(tensor) or "float32", PREDICTED)
                scores.note(model, made)
                return made

            arrays = tree.map_structure(array, outputs)
            return results.Predictions(arrays) if isinstance(arrays, dict) else arrays
        return Unknown(f"what {method} gives", span.line)

    def _validated(self, model: Any, given: dict[str, Any]) -> Optional[tuple[str, ...]]:
        """The names in the logs of validation, () where there is none."""
        if given.get("validation_data") is not None:
            return self.logs.get("validation-")
        if not given.get("validation_split"):
            return ()
        own = _overrides(model, "train_step") or _overrides(model, "test_step")
        return None if own else self.logs.get("")

    def _sized(self, call: Call, model: Any) -> Call:
        """The call with what its traced step would keep in memory."""
        if self.measured is None:
            return call
        needs, size, real = self.measured
        real = static_batch(model) or real
        return dataclasses.replace(
            call,
            kept=needs.kept,
            largest=needs.largest,
            operations=needs.operations,
            windows=needs.windows,
            updated=memory.largest_weights(model) + needs.looped,
            kept_batch=size,
            real_batch=real,
        )

    def _seen(self, argument: Argument) -> Argument:
        """An iterator with the tensors of its first batch, which the adapter looked at."""
        known = {"x": "", "validation_x": "validation-"}.get(argument.role)
        if known not in self.looked or argument.tensors or argument.kind in ("unknown", "list", "tuple"):
            return argument
        return dataclasses.replace(argument, tensors=self.looked[known])

    def _record(self, error: BaseException, stage: str, index: int, span: Span, model: Any) -> None:
        run = self.run
        outer: list[Span] = []
        frame = run.files.nearest(sys._getframe(1))
        caught = frame is not None and any(runtime.awaits(error, frame) for runtime in run.runtimes)
        while frame is not None:
            place = run.files.span_of_frame(frame)
            if place is not None:
                outer.insert(0, place)
            frame = run.files.nearest(frame.f_back)
        failure = failure_of(run, error, stage, index)
        failure = dataclasses.replace(failure, message=_in_the_authors_terms(failure.message))
        frames = (*(outer or [span]), *failure.frames)
        facts = {**failure.facts, "caught": True} if caught else failure.facts
        run.failures.append(dataclasses.replace(failure, frames=frames, facts=facts))

    def _probe(self, method: str, model: Any, given: dict[str, Any]) -> Any:
        if method in ("fit", "evaluate", "train_on_batch", "test_on_batch") and id(model) not in self.run.uncompiled:
            with _stage("compile"):
                model._assert_compile_called(method)
        training = method in ("fit", "train_on_batch")
        data = Data(
            given.get("x"),
            given.get("y"),
            given.get("sample_weight"),
            given.get("class_weight"),
            given.get("batch_size"),
        )
        with _stage("adapter"):
            if method == "fit" and given.get("validation_split") and given.get("validation_data") is None:
                whole = (data.x, data.y, data.sample_weight)
                parts: Any = array_slicing.train_validation_split(whole, validation_split=given["validation_split"])
                if not _of_one_length(whole) and all(_of_one_length(part) for part in parts):
                    # Keras cuts all arrays where the first one ends, and looks at their lengths only then.
                    x, y, weight = parts[0]
                    data = Data(x, y, weight, data.class_weight, data.batch_size)
        outputs = self._trace(model, data, method, training)
        if method == "fit":
            own_losses.look_at_perfect(self.watch, model)
        if isinstance(data.x, tf.data.Dataset):
            with _stage("adapter"):
                generators.draw_first(data.x)
                generators.draw_batch(data.x)
                generators.draw_windows(data.x)
        steps, epochs = given.get("steps_per_epoch", given.get("steps")), given.get("epochs", 1)
        with _stage("adapter"):
            generators.draw_later(data.x, self.batch[0], steps * epochs if isinstance(steps, int) else steps)
        validation = given.get("validation_data")
        if method == "fit" and validation is not None:
            with _stage("validation-adapter"):
                x, y, weight = data_adapter_utils.unpack_x_y_sample_weight(validation)
            side = Data(x, y, weight, None, given.get("validation_batch_size") or data.batch_size)
            self._trace(model, side, "evaluate", False, "validation-")
        return outputs

    def _trace(self, model: Any, data: Data, method: str, training: bool, prefix: str = "") -> Any:
        with _stage(prefix + "adapter"):
            refusals.unknown_values(data.x)
        targets = [item for item in tree.flatten((data.y, data.sample_weight)) if isinstance(item, Unknown)]
        if targets:
            if not _overrides(model, "train_step" if training else "test_step"):
                # What the model does with its input is known all the same.
                with self._forward_only(model):
                    self._trace(model, Data(data.x, None, None, None, data.batch_size), method, training, prefix)
            with _stage(prefix + "adapter"):
                refusals.unknown_values(targets)
        on_batch = method.endswith("_on_batch")
        uneven: Any = None
        with _stage(prefix + "adapter"):
            if on_batch:
                batch = data_adapter_utils.pack_x_y_sample_weight(data.x, data.y, data.sample_weight)
                samples = None
            else:
                batch, samples, uneven = batch_of(data)
                if samples is None:
                    self.looked[prefix] = specs.flatten(batch)
        sizes = batch_sizes(model, data, batch, samples, on_batch)
        outputs: Any = None
        if not prefix:
            self.batch = batch, samples is not None
            self.real_batch = real_batch(data, batch, samples, on_batch)
        for number, size in enumerate(sizes):
            self.watch.quiet += number > 0
            try:
                outputs = self._trace_once(model, batch, size, samples is not None, method, training, prefix)
            finally:
                self.watch.quiet -= number > 0
        if uneven is not None:
            try:
                self._trace_once(model, uneven, None, False, method, training, prefix)
            except _Failed as failed:
                if failed.__cause__ is not None:
                    counts = [int(item.shape[0]) for item in tree.flatten(uneven)]
                    failed.__cause__.__dict__["_kls_uneven"] = counts
                raise
        return outputs

    @contextlib.contextmanager
    def _forward_only(self, model: Any) -> Generator[None, None, None]:
        """Leaves losses and metrics of a model out."""
        before = self.run.uncompiled.get(id(model))
        self.run.uncompiled[id(model)] = before or (model, Unknown("the targets"))
        try:
            yield
        finally:
            if before is None:
                del self.run.uncompiled[id(model)]

    def _trace_once(
        self, model: Any, batch: Any, size: Optional[int], arrays: bool, method: str, training: bool, prefix: str
    ) -> Any:
        graph = FuncGraph("kls_probe")
        outputs: Any = None
        self.watch.batch = size
        self.run.step_graph, self.run.backward = graph, []
        try:
            with graph.as_default():
                with _stage(prefix + "adapter"):
                    held = tree.map_structure(lambda item: placeholder(item, size, arrays), batch, none_is_leaf=False)
                outputs = self._step(model, held, method, training, prefix)
            with _stage(prefix + "step"):
                refusals.string_casts(graph)
            if training:
                self.measured = (
                    memory.needs(graph, self.run.backward),
                    traced_batch(batch, size, arrays),
                    self.real_batch,
                )
            if self.trial is not None and not prefix:
                self.trial.counted = memory.flops(graph), traced_batch(batch, size, arrays)
        except _Failed as failed:
            if failed.__cause__ is not None and self._is_eager(model):
                eager.mark_traced(failed.__cause__)
            raise
        finally:
            self.watch.batch = self.run.step_graph = None
        return outputs

    def _step(self, model: Any, data: Any, method: str, training: bool, prefix: str) -> Any:
        if method.startswith("predict"):
            with _stage(prefix + "forward"):
                if _overrides(model, "predict_step"):
                    return model.predict_step(data if isinstance(data, tuple) else (data,))
                x, _, _ = data_adapter_utils.unpack_x_y_sample_weight(data)
                return self._call(model, x, False)
        step = "train_step" if training else "test_step"
        if _overrides(model, step):
            if id(model) in self.run.uncompiled:
                with _stage("compile"):
                    refusals.unknown_values(self.run.uncompiled[id(model)][1])
            with _stage(prefix + "step"):
                list(model.metrics)  # `reset_metrics` goes through them
                logs = getattr(model, step)(data)
                if method in ("fit", "evaluate"):
                    refusals.plain_logs(logs)
                    refusals.unmet_metrics(model)
                self.logs[prefix] = results.names_of(logs)
            return None
        with _stage(prefix + "adapter"):
            x, y, weight = data_adapter_utils.unpack_x_y_sample_weight(data)
        with _stage(prefix + "forward"):
            y_pred = self._call(model, x, training)
            if not prefix:
                self.made = y_pred
        if id(model) in self.run.uncompiled:
            return y_pred
        with _stage(prefix + "loss"):
            loss = model._compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=weight, training=training)
            if isinstance(loss, keras.KerasTensor):
                tf.stop_gradient(loss)  # raises, as the gradient of a tensor of the model's own graph does
        with _stage(prefix + "metrics"):
            logs = model.compute_metrics(x, y, y_pred, sample_weight=weight)
            self.logs[prefix] = results.names_of(logs)
        if training:
            with _stage(prefix + "step"):
                gradients.refuse_cut(self.run, model, loss)
                self._learn(model)
        return y_pred

    def _call(self, model: Any, x: Any, training: bool) -> Any:
        """What the model makes of its input. A step is traced again after the weights are made: what then makes new
        ones is refused."""
        with refusals.variables_made(False) as made:
            outputs = _forward(model, x, training)
        if made and not self._is_eager(model) and is_custom(model):
            self.watch.quiet += 1
            try:
                with refusals.variables_made(True):
                    _forward(model, x, training)
            finally:
                self.watch.quiet -= 1
        return outputs

    def _is_eager(self, model: Any) -> bool:
        """Whether the program has its steps run eagerly."""
        return bool(model.run_eagerly) or self.run.functions_are_eager

    def _learn(self, model: Any) -> None:
        """An optimizer knows the variables that it trained first; Keras itself says whether it takes others."""
        optimizer, variables = getattr(model, "optimizer", None), list(model.trainable_variables)
        if optimizer is None:
            return
        _, first = self.learned.setdefault(id(optimizer), (optimizer, variables))
        known = {id(item) for item in first}
        if all(id(item) in known for item in variables) or type(optimizer).__name__ == "LossScaleOptimizer":
            return
        if not optimizer.built:
            with tf.init_scope():
                optimizer.build(first)
        optimizer._check_variables_are_known(variables)

    def _arguments(self, method: str, given: dict[str, Any], span: Span) -> tuple[Argument, ...]:
        node = self.run.files.call_at(span)
        places = _argument_nodes(method, node) if node is not None else {}
        found: list[Argument] = []

        def add(role: str, value: Any, place: Optional[ast.expr]) -> None:
            if value is None:
                return
            where = None if place is None else self.run.files.span_of_node(span.path, place)
            name = place.id if isinstance(place, ast.Name) else None
            kind = "unknown" if isinstance(value, Unknown) else specs.kind_of(value) or type(value).__name__
            tensors = specs.tensors_of(value) if specs.kind_of(value) else specs.flatten(value)
            self.run.kept.append(value)
            values, known = specs.values_of(value), parts.values_by_path(value)
            found.append(Argument(role, where, name, kind, tensors, values, id(value) & 0xFFFFFFFFFFFF, known))

        for role in ("x", "y", "sample_weight"):
            add(role, given.get(role), places.get(role))
        validation = given.get("validation_data")
        place = places.get("validation_data")
        if isinstance(validation, (tuple, list)) and 2 <= len(validation) <= 3:
            places_of = place.elts if isinstance(place, (ast.Tuple, ast.List)) else [place] * 3
            for role, value, part in zip(("validation_x", "validation_y", "validation_weight"), validation, places_of):
                add(role, value, part)
        elif validation is not None:
            add("validation_x", validation, place)
        return tuple(found)


class _stage:
    """Names the part of a probe in which an exception arose."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: Optional[BaseException], _traceback: Any) -> None:
        if isinstance(error, Exception) and not isinstance(error, _Failed):
            raise _Failed(self._name) from error


def install(run: Run, watch: Watch, trial: Any = None) -> Sinks:
    """Replace the sinks of every model in this process by probes."""
    sinks = Sinks(run, watch, trial)
    for method in METHODS:
        original = getattr(TensorFlowTrainer, method)
        signature = inspect.signature(original)

        def sink(self: Any, *args: Any, _method: str = method, _signature: Any = signature, **keywords: Any) -> Any:
            try:
                given = dict(_signature.bind(self, *args, **keywords).arguments)
            except TypeError as error:
                raise TypeError(f"TensorFlowTrainer.{_method}() {error}") from None
            given.pop("self", None)
            return sinks.meet(_method, self, given)

        sink.__name__ = method
        setattr(TensorFlowTrainer, method, sink)
    return sinks


def _of_one_length(arrays: Any) -> bool:
    sizes = {item.shape[0] for item in tree.flatten(arrays) if getattr(item, "shape", None)}
    return len(sizes) < 2


def _overrides(model: Any, step: str) -> bool:
    return getattr(type(model), step, None) is not getattr(TensorFlowTrainer, step) and (
        getattr(type(model), step, None) is not getattr(KerasModel, step, None)
    )


def _forward(model: Any, x: Any, training: bool) -> Any:
    return model(x, training=training) if model._call_has_training_arg else model(x)


def _argument_nodes(method: str, node: ast.Call) -> dict[str, ast.expr]:
    places: dict[str, ast.expr] = {}
    for name, value in zip(_PARAMETERS[method], node.args):
        if isinstance(value, ast.Starred):
            break
        places[name] = value
    for keyword in node.keywords:
        if keyword.arg is not None:
            places[keyword.arg] = keyword.value
    return places


def _in_the_authors_terms(message: str) -> str:
    """A message without the probe's own batch size and tensor names, which the author's run would not show."""
    message = re.sub(rf"(?<=[(\[]){PRIME}(?=[,)\]])", "None", message)
    return re.sub(r'Tensor\("[^"]*", ', "Tensor(", message)


def _metric_names(model: Any) -> tuple[str, ...]:
    metrics = getattr(getattr(model, "_compile_metrics", None), "_user_metrics", None)
    names: list[str] = []
    for item in tree.flatten(metrics) if metrics is not None else ():
        name = loss_name(item)
        if name is not None:
            names.append(name)
    return tuple(names)


def _without_batch(tensors: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(
        dataclasses.replace(tensor, shape=(None, *tensor.shape[1:])) if tensor.shape else tensor for tensor in tensors
    )


__all__ = ["METHODS", "Sinks", "install"]
