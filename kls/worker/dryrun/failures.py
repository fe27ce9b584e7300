"""Records an exception of the author's program: as a gap (see `gaps`), or as a fault that Keras names, with the facts
that rules explain it by."""

from __future__ import annotations

import difflib
import inspect
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from types import FrameType, TracebackType
from typing import Any, Optional

import keras
import tensorflow as tf

from ..protocol import Failure, Node, Span, Tensor
from . import columns, specs
from .exceptions import expression_names, first_line, first_raised, innermost_frame, message_of, value_of, values_in
from .gaps import gap_of, of_python
from .gradients import NO_GRADIENTS
from .instrument import Statement
from .judges import OF_MODULE
from .state import Finished, Run, StatementTimeout
from .unknown import Unknown, UnknownValue
from .unread import Unread

_ROUND = 20
"""Failures of one round of a loop, at most."""


_UNKNOWN = re.compile(r"<unknown: [^>]*>")
"""How a message shows a value that is not known."""


def is_ours(error: BaseException) -> bool:
    """Whether the dry run itself raised `error`, so that no handler of the author should see it."""
    return isinstance(error, (UnknownValue, Finished, StatementTimeout))


def record(run: Run, error: BaseException, statement: Statement, span: Span, frame: FrameType) -> Optional[Failure]:
    """Add `error` to the run as a Failure or a Gap."""
    if not _can_be_read(error):
        run.gap(span, "error", "an exception that cannot say what it is")
        return None
    kind, reason = gap_of(run, error, statement)
    if kind is not None:
        run.gap(span, kind, reason)
        return None
    failure = failure_of(run, error, "build")
    run.gap(span, "fault", first_line(error))
    owner = frame.f_locals.get("self")
    if isinstance(owner, keras.layers.Layer):
        run.tainted[id(owner)] = (owner, f"line {span.line} left it half made")
    if not any(_same(failure, other) for other in run.failures[-_ROUND:]):
        run.failures.append(failure)
    return failure


def _can_be_read(error: BaseException) -> bool:
    """Whether an exception tells its class and its text; one of the author's own may raise when it is asked."""
    try:
        return isinstance(error, BaseException) and isinstance(str(error), str)
    except Exception as unreadable:
        if is_ours(unreadable):
            raise
        return False


def _same(one: Failure, other: Failure) -> bool:
    """Whether a loop came to the same failure once more."""
    return (one.exception, one.message, one.frames) == (other.exception, other.message, other.frames)


def failure_of(run: Run, error: BaseException, stage: str, call: Optional[int] = None) -> Failure:
    """The facts of an exception that is a fault of the program."""
    layer = run.failed_layers[0] if run.failed_layers else None
    frames = tuple(run.files.spans_of_error(error))
    facts: dict[str, Any] = {}
    inputs: tuple[Tensor, ...] = ()
    created: Optional[Span] = None
    called: Optional[Span] = None
    leading: tuple[Node, ...] = ()
    if layer is not None:
        from .keras_hooks import graph_to, places_of

        leading = graph_to(run)
        created, called, inputs = places_of(run, layer)
        error, inputs = _with_open_sizes(run, error, inputs)
        facts["config"] = specs.config_of(layer)
        facts["input_spec"] = _input_spec(layer)
        facts["built"] = bool(getattr(layer, "built", False))
    if not frames or frames[-1] == run.files.innermost(error.__traceback__):
        # What AutoGraph rewrote has no frame to look into.
        facts.update(_callee(run, error))
        operands = _operands(run, innermost_frame(run, error))
        if operands:
            facts["operands"] = operands
    first = first_raised(error)
    if isinstance(first, AttributeError):
        error = first
        facts.update(_attribute(first))
    facts.update(of_python(run, error))
    uneven = getattr(error, "_kls_uneven", None)
    if uneven is not None:
        facts["uneven"] = uneven
    named = columns.missed(run, error)
    if named is not None:
        facts["columns"] = named
    if message_of(error) == NO_GRADIENTS:
        facts["cut"] = [list(item) for item in dict.fromkeys(run.cut_at)]
    run.failed_layers.clear()
    return Failure(
        exception=type(error).__name__,
        message=_UNKNOWN.sub("?", message_of(error)) + _hidden_by(error),
        stage=stage,
        frames=frames,
        layer=None if layer is None else id(layer) & 0xFFFFFFFFFFFF,
        layer_cls=None if layer is None else type(layer).__name__,
        layer_name=None if layer is None else str(getattr(layer, "name", "")),
        layer_created=created,
        layer_called=called,
        inputs=inputs,
        facts=facts,
        call=call,
        graph=leading,
    )


def _hidden_by(error: BaseException) -> str:
    """What the function of a `Lambda` raised, where Keras says only that it does not know the shape of its output
    (keras/src/layers/core/lambda_layer.py)."""
    inner = error.__context__
    if inner is None or not isinstance(error, NotImplementedError) or "shape of the Lambda's output" not in str(error):
        return ""
    told = isinstance(inner, (ValueError, TypeError, tf.errors.InvalidArgumentError))
    return f"\n{type(inner).__name__}: {message_of(inner)}" if told else ""


def _with_open_sizes(
    run: Run, error: BaseException, inputs: tuple[Tensor, ...]
) -> tuple[BaseException, tuple[Tensor, ...]]:
    """The failure of a merging layer as it is where sizes that nobody knows are left open, and its inputs.

    The layer is tried again on symbolic tensors that have None in the place of each witness. If it fails all the same,
    and does not where nothing but ranks is known, no number would help. Else the failure is as it was.
    """
    layer, given = run.watch.failed if getattr(run, "watch", None) is not None and run.watch.failed else (None, None)
    numbers = {witness.value for witness in run.witnesses.used()} if run.witnesses is not None else set()
    merges = "keras.src.layers.merging." in type(layer).__module__ + "." and type(layer).__name__ != "Dot"
    if not merges or given is None or not any(numbers & set(tensor.shape or ()) for tensor in inputs):
        return error, inputs
    failed = _failure_on(layer, given, lambda size: None if size in numbers else size)
    if type(failed) is not type(error) or _failure_on(layer, given, lambda size: None) is not None:
        return error, inputs
    opened = tuple(
        replace(tensor, shape=tuple(None if size in numbers else size for size in tensor.shape))
        if tensor.shape is not None
        else tensor
        for tensor in inputs
    )
    return failed, opened


def _failure_on(layer: Any, given: Any, size_of: Callable[[Any], Any]) -> Any:
    """What a layer like `layer` raises of the same call on symbolic tensors with other sizes; None for nothing."""

    def symbolic(value: Any) -> Any:
        if not specs.is_tensor(value):
            return value
        shape = specs.shape_of(value)
        if shape is None:
            return value
        return keras.KerasTensor(tuple(size_of(size) for size in shape), specs.dtype_of(value) or "float32")

    call: Any = keras.tree.map_structure(symbolic, given)
    arguments, keywords = call
    try:
        fresh = type(layer).from_config(layer.get_config())
        fresh.build([tuple(item.shape) for item in arguments[0]])
        fresh.symbolic_call(*arguments, **keywords)
    except Exception as error:
        return error
    return None


def _attribute(error: AttributeError) -> dict[str, Any]:
    """What was asked of which object, and the names it has that come close."""
    name, owner = getattr(error, "name", None), getattr(error, "obj", None)
    told = OF_MODULE.match(str(error))
    if told is not None:
        return {"attribute": told[2], "object": told[1], "close": []}
    if not isinstance(name, str):
        return {}
    what = str(getattr(owner, "__name__", "")) if isinstance(owner, type(sys)) else type(owner).__name__
    what = what.replace("tensorflow._api.v2.", "tensorflow.").replace("keras._tf_keras.keras", "keras")
    if isinstance(owner, Unread):
        return {"attribute": name, "object": str(error).split("'")[1], "close": []}
    try:
        known = [item for item in dir(owner) if not item.startswith("_")]
    except Exception:  # a module that TensorFlow loads when it is asked may not be there
        known = []
    close = difflib.get_close_matches(name, known, 3, 0.7)
    return {"attribute": name, "object": what, "close": close}


def _callee(run: Run, error: BaseException) -> dict[str, Any]:
    """The parameters of what the author's innermost failing expression calls."""
    innermost = innermost_frame(run, error)
    span = None if innermost is None else run.files.span_of_code(innermost.tb_frame.f_code, innermost.tb_lasti)
    node = run.files.call_at(span) if span is not None else None
    if node is None or innermost is None:
        return {}
    function = value_of(node.func, innermost.tb_frame)
    if function is None or isinstance(function, Unknown):
        return {}
    target = function.__init__ if isinstance(function, type) else function
    try:
        parameters = list(inspect.signature(target).parameters)
    except (TypeError, ValueError):
        parameters = []
    names = [name for name in parameters if name not in ("self", "args", "kwargs")]
    return {"callee": getattr(function, "__name__", type(function).__name__), "parameters": names[:64]}


def _operands(run: Run, innermost: Optional[TracebackType]) -> list[Any]:
    """The shapes of the names in the author's innermost failing expression: [[name, shape, dtype], …]."""
    if innermost is None:
        return []
    found: list[Any] = []
    for name in sorted(expression_names(run, innermost)):
        for value in values_in(innermost.tb_frame, {name}):
            if specs.is_tensor(value):
                shape = specs.shape_of(value)
                found.append([name, None if shape is None else list(shape), specs.dtype_of(value)])
    return found[:16]


def _input_spec(layer: Any) -> Any:
    """What a layer demands of its inputs (`layer.input_spec`), in plain values."""
    spec = getattr(layer, "input_spec", None)
    specs_given = spec if isinstance(spec, (tuple, list)) else [spec]
    plain: list[Any] = []
    for item in specs_given[:8]:
        if item is None:
            continue
        plain.append(
            {
                "ndim": item.ndim,
                "min_ndim": item.min_ndim,
                "max_ndim": item.max_ndim,
                "shape": None if item.shape is None else list(item.shape),
                "axes": {str(axis): size for axis, size in (item.axes or {}).items()},
            }
        )
    return plain
