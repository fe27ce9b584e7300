"""The words the server and the worker exchange: frozen records, one JSON object a line.

Both sides import this module and `comments`, and no other. It runs in the author's interpreter, so it uses the
standard library alone and the syntax of Python 3.9. Every record is JSON of the shape
{"type": <class name>, <field>: …}.
What comes from the worker is hostile: `decode` checks lengths, depth, types and text before a record exists.

Positions are (line, column) with lines counted from 1 as Python does and columns from 0 in characters (code points).
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from dataclasses import dataclass
from typing import Any, Optional, Union

PROTOCOL = 1
MAX_FRAME = 8 << 20
"""Longest line accepted from a worker, in bytes."""
MAX_DEPTH = 24
MAX_TEXT = 20_000
"""Longest string field accepted from a worker, in characters; longer ones are cut."""
MAX_ITEMS = 50_000
_LARGEST = float("inf")
"""Numbers are below it; a comparison with "not a number" is false. `encode` sends what is not finite as text."""

Shape = Optional[tuple[Optional[int], ...]]
"""Axis sizes, None for an unknown axis; None instead of the tuple for an unknown rank."""
Scalar = Union[None, bool, int, float, str]


class ProtocolError(ValueError):
    """A frame that is not one of the records below; its text says what was wrong."""


@dataclass(frozen=True)
class Span:
    """A piece of source text. `path` is absolute, or "" for a place that has no file."""

    path: str
    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True)
class Source:
    """One module of the author's program, as the editor has it now.

    `name` is the dotted module name ("__main__" for the entry), `package` true for an `__init__.py`.
    """

    name: str
    path: str
    text: str
    package: bool = False


@dataclass(frozen=True)
class Probe:
    """A dry run to do. `sources[0]` is the entry; the others are imported on demand by name.

    `root` is the folder that it may list, and is started in unless `folder` names one; `readable` lists data files it
    may open;
    `seconds` is the wall time after which the worker gives up and reports what it has; `witness` the series of
    numbers that stand in for sizes nobody knows; `package` the one that the entry's relative imports start from, as
    for `python -m package.module`.
    """

    id: int
    sources: tuple[Source, ...]
    root: str
    readable: tuple[str, ...] = ()
    seconds: float = 8.0
    witness: int = 0
    package: str = ""
    step_bytes: int = 0
    """More than 0: run one real step after the dry run, in at most as much memory. The worker must be one that was
    started for that."""
    step_at: Optional[Span] = None
    """The call whose step is run; None: the first training call, else the first of another kind."""
    step_batch: int = 0
    """The batch size to run it at; 0: the program's own."""
    folder: str = ""
    """Where its relative paths start; "" for `root`."""


@dataclass(frozen=True)
class Hello:
    """First message of a worker, sent when it can take probes.

    `sandbox` names the layers in force; `missing` says in words which could not be had.
    """

    protocol: int
    python: str
    executable: str
    tensorflow: Optional[str]
    keras: Optional[str]
    backend: Optional[str]
    numpy: Optional[str]
    devices: tuple[str, ...]
    sandbox: tuple[str, ...]
    missing: tuple[str, ...]
    pid: int
    seconds: float
    path: tuple[str, ...] = ()
    """`sys.path` of the author's interpreter, for name resolution."""
    problem: Optional[str] = None
    """Why no probe can run here (no TensorFlow, Keras 2, another backend), in one sentence; else None."""


@dataclass(frozen=True)
class Tensor:
    """Shape and dtype of one tensor, array or dataset component.

    `path` says where it stands in a structure: "" alone, "0" or "1" in a tuple, "image" in a dict, "0.image" nested.
    """

    shape: Shape
    dtype: Optional[str]
    path: str = ""
    names: tuple[str, ...] = ()
    """For a shape with sizes that only a real run knows: what each axis is called, "" for one that has no name."""


@dataclass(frozen=True)
class Layer:
    """One call of a layer (or a layer that was made and never called: `called` and the tensors are empty).

    `created` is the expression that made the layer, `called` the one that used it; in a Sequential list both are
    the same. `key` is the same for all calls of one layer. `config` holds the plain values of `get_config()`.
    `parent` is the key of the user-written layer or model inside whose `call` this call happened.
    """

    key: int
    created: Optional[Span]
    called: Optional[Span]
    cls: str
    name: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    dtype: Optional[str]
    parameters: Optional[int]
    config: dict[str, Any]
    parent: Optional[int] = None


@dataclass(frozen=True)
class Node:
    """One call of a layer or operation in a model's graph.

    `sources` are pairs (place of a node before this one in the same graph, number of its output), in the order of the
    inputs. `key` and `created` are those of the layer's records; an operation (`x + y`) has no `created`.
    """

    key: int
    cls: str
    name: str
    outputs: tuple[Tensor, ...]
    sources: tuple[tuple[int, ...], ...]
    parameters: Optional[int]
    created: Optional[Span]


@dataclass(frozen=True)
class Amount:
    """Memory in one dtype, in bytes."""

    dtype: str
    bytes: int


@dataclass(frozen=True)
class Model:
    """A model, with the keys of its direct layers in order. `variable` is the name it was first bound to.

    `kind` is "sequential", "functional" or "subclass".
    """

    key: int
    created: Optional[Span]
    variable: Optional[str]
    cls: str
    name: str
    kind: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    parameters: Optional[int]
    layers: tuple[int, ...]
    loss: Optional[str] = None
    compiled: Optional[Span] = None
    input_layers: tuple[int, ...] = ()
    """Keys of the `InputLayer`s, in the order of the inputs; their `created` is the `Input(…)` expression."""
    output_layers: tuple[int, ...] = ()
    """Keys of the layers that give the outputs, in the order of the outputs."""
    graph: tuple[Node, ...] = ()
    """Its calls, each after those that feed it; empty for a subclassed model that was never called."""
    trained: tuple[Amount, ...] = ()
    """Size of the weights that are trained, one entry a dtype; empty while they are not built."""
    fixed: tuple[Amount, ...] = ()
    """Size of the other weights."""
    optimizer: Optional[str] = None
    """Class of the optimizer that it was compiled with."""
    state: tuple[Amount, ...] = ()
    """Size of what the optimizer keeps for the weights."""
    settings: dict[str, Any] = dataclasses.field(default_factory=dict)
    """What `compile` was given that changes how a step runs: plain values of the optimizer's `get_config()`, whether
    XLA compiles, how many batches one execution takes."""


@dataclass(frozen=True)
class Variable:
    """A name bound to data at one assignment. `span` is the name itself, `statement` the whole assignment.

    `kind` is "array", "tensor", "dataset", "keras-tensor", "frame" or "unknown"; a dataset or a tuple has several
    tensors. `origin` says where it comes from in words ("keras.datasets.mnist.load_data()"); `reason` says, for what
    is not known, why. `values` has facts about the values when they are real: min, max, integral, classes.
    `object` is equal for two variables that hold the very same object.
    """

    name: str
    span: Span
    statement: Span
    kind: str
    tensors: tuple[Tensor, ...]
    origin: Optional[str]
    reason: Optional[str] = None
    values: Optional[dict[str, Any]] = None
    object: int = 0


@dataclass(frozen=True)
class Argument:
    """What was given to a sink for one role: "x", "y", "sample_weight", "validation_x", …

    `span` is the argument expression when it stands in the author's text, `name` its name when it is a plain name.
    """

    role: str
    span: Optional[Span]
    name: Optional[str]
    kind: str
    tensors: tuple[Tensor, ...]
    values: Optional[dict[str, Any]] = None
    object: int = 0
    parts: dict[str, Any] = dataclasses.field(default_factory=dict)
    """Facts like `values` about each array in a structure, or each component of a dataset over arrays, by its path."""


@dataclass(frozen=True)
class Call:
    """A `fit`, `evaluate`, `predict`, `train_on_batch`, … that the dry run met.

    `status` is "traced", "failed" or "unknown"; `stage` where it failed: "adapter", "forward", "loss", "metrics",
    "step". `outputs` are what the model gave. `model` is the model's key.
    """

    span: Span
    method: str
    status: str
    reason: Optional[str]
    model: Optional[int]
    arguments: tuple[Argument, ...]
    outputs: tuple[Tensor, ...]
    loss: Optional[str]
    metrics: tuple[str, ...]
    batch_size: Optional[int] = None
    paired: bool = False
    """True when the author never wrote this call: kls paired a compiled model with the file's training data."""
    kept: tuple[Amount, ...] = ()
    """What one training step keeps for its backward pass at a batch of `kept_batch`, counted from the traced step."""
    kept_batch: Optional[int] = None
    largest: int = 0
    """Bytes of the largest of the kept tensors, and of the sequences that its loops go through."""
    operations: int = 0
    """How many operations the traced step has, the bodies of its loops included: what TensorFlow itself takes for a
    training step grows with it."""
    windows: int = 0
    """Bytes of the windows of its largest convolution in half precision, at a batch of `kept_batch`."""
    updated: int = 0
    """Bytes of the two largest weights that are trained and of those that loops read: they are updated with copies."""
    real_batch: Optional[int] = None
    """The batch size that the run would use; None where it is not known."""


@dataclass(frozen=True)
class Failure:
    """An exception that the installed Keras or TensorFlow raised on the author's program.

    `frames` are the author's lines, outermost first; `layer` is the key of the innermost layer that failed, with its
    class and name; `inputs` what that layer was given; `facts` what the worker could find out about the parties
    (expected rank, sizes, argument names), in plain values. `call` is the index of the sink in `Report.calls`.
    """

    exception: str
    message: str
    stage: str
    frames: tuple[Span, ...]
    layer: Optional[int] = None
    layer_cls: Optional[str] = None
    layer_name: Optional[str] = None
    layer_created: Optional[Span] = None
    layer_called: Optional[Span] = None
    inputs: tuple[Tensor, ...] = ()
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)
    call: Optional[int] = None
    graph: tuple[Node, ...] = ()
    """Where symbolic tensors met the failing layer: the calls that lead to it, and it as the last."""


@dataclass(frozen=True)
class Gap:
    """A statement that the dry run could not carry out; nothing is concluded from what depends on it.

    `kind`: "module" (not installed), "file", "network", "refused" (by the sandbox), "value" (not known without
    running), "time", "memory", "device" (not there), "exit", "error" (the statement raised; not a fault of shapes),
    "syntax".
    """

    span: Span
    kind: str
    reason: str


@dataclass(frozen=True)
class Warned:
    """A Python warning that Keras or TensorFlow gave at an author's line.

    With the category "EndlessData", "SummedLoss", "AllPairs", "PairsOfPredictions", "Watched", "OwnLoss",
    "ExchangedLoss", "SoftmaxOfOne", "NanLoss" or "OtherScope" it is one that they do not give: a dataset without an
    end, whose transformation is named in `message`, trains a model that is not told the steps of an epoch;
    `add_loss` is given a value for each sample, whose shape is `message`; a row is taken from a column of as many
    numbers, or the other way round, and `message` has both shapes: of predictions, which may be compared too, in
    the order of the two sides; a callback watches what the logs of a `fit` do not have, and `message` has its
    class, what it watches and what the logs have, a line each; the author calls a loss of Keras himself, and
    `message` has its class, 1 where it takes logits, and the size of the last axis of the predictions, `layer` the
    model that gave them, or, exchanged, the labels, and the place is that at which the loss is made; a softmax is
    taken of one value for each row, in a tensor of the shape `message`; the loss `message` of the author's own,
    whose statement is the place, is NaN where predictions are the labels, 0 and 1; a model, `layer`, is trained
    whose optimizer was made in the scope of another strategy, and `message` says which of the two, "model" or
    "optimizer", was made outside of the other's.
    """

    span: Span
    category: str
    message: str
    layer: Optional[int] = None


@dataclass(frozen=True)
class Witness:
    """A size that is not known, by the author's expression for it ("?" for a long one), and the number that stood in
    for it. `reason` says why it is not known, from `line` on."""

    name: str
    value: int
    reason: str
    line: Optional[int] = None


@dataclass(frozen=True)
class Trouble:
    """What went wrong in a real step.

    `kind`: "weights" (they alone are above the limit, nothing was run), "memory" (it ran out), "xla" (cannot be
    compiled), "replicas" (they cannot share the batch), "device" (it lacks an operation or a dtype), "gradient"
    (`message` names layers that get none), "error" (anything else that was raised). After the first step `message`
    names what is not finite: "loss", or weights that the "update" spoiled, whatever the data were; with "-of-noise"
    behind it not on zeros, with "-of-zeros" on zeros alone; "noise" on noise of both signs alone, "values" of another
    kind. `places` are the author's lines that take part, innermost first.
    """

    kind: str
    message: str
    span: Span
    places: tuple[Span, ...]


@dataclass(frozen=True)
class Step:
    """One step that was really run, on zeros. Times are wall time in seconds, memory is of the process, in bytes.

    `first_seconds` is tracing, compiling and the first step together; `step_seconds` the median of `steps` warm ones,
    0 when none was run. `batch_known` false: the program does not tell its batch size. `compiled`: by XLA.
    `before_bytes` is what the process took before the weights were made, `peak_bytes` its highest since it began.
    """

    span: Span
    method: str
    model: Optional[int]
    batch_size: int
    batch_known: bool
    device: str
    precision: str
    compiled: bool
    first_seconds: float
    step_seconds: float
    steps: int
    peak_bytes: int
    before_bytes: int
    limit_bytes: int
    troubles: tuple[Trouble, ...] = ()
    forward_flops: int = 0
    """Floating-point operations of the forward pass of one batch, counted by TensorFlow's own formulas over the traced
    graph; 0 where that has none. Of an operation without a formula nothing is counted."""
    largest_batch: int = 0
    """The largest batch size of those tried that fits the memory; 0 where none was looked for or none fits."""
    largest_certain: bool = False
    """Whether the next size tried did not fit; false where the time for the search was over first."""
    replicas: int = 1
    """Replicas of the model's distribution strategy, among which a batch is divided."""
    stood_in: tuple[str, ...] = ()
    """The devices that the program names for them, which logical devices of the processor stood in for."""


@dataclass(frozen=True)
class Report:
    """What a dry run found: facts only, in the order they happened.

    `complete` is false when the time or memory ran out or the process died; `ended` then says how in one sentence.
    """

    id: int
    complete: bool
    ended: Optional[str]
    seconds: float
    layers: tuple[Layer, ...] = ()
    models: tuple[Model, ...] = ()
    variables: tuple[Variable, ...] = ()
    calls: tuple[Call, ...] = ()
    failures: tuple[Failure, ...] = ()
    gaps: tuple[Gap, ...] = ()
    warnings: tuple[Warned, ...] = ()
    statements: int = 0
    unknown: int = 0
    witnesses: tuple[Witness, ...] = ()
    steps: tuple[Step, ...] = ()
    """The real step, where one was asked for and met."""
    ignored: tuple[int, ...] = ()
    """Lines of the entry with a `# kls: ignore` whose statement was carried out."""
    unentered: tuple[Span, ...] = ()
    """Functions of the author's files of whose bodies no statement was carried out."""
    goes_on: bool = False
    """Whether the dry run went on after this: how it ended is told in a report of its own, with nothing else in it."""


@dataclass(frozen=True)
class Stop:
    """Ask the worker to end."""


Message = Union[Hello, Probe, Report, Stop]
_RECORDS: dict[str, Any] = {
    cls.__name__: cls
    for cls in (
        Span, Source, Probe, Hello, Tensor, Layer, Node, Amount, Model, Variable, Argument, Call, Failure, Gap, Warned,
        Witness, Trouble, Step, Report, Stop,
    )
}  # fmt: skip
_MESSAGES = ("Hello", "Probe", "Report", "Stop")


def encode(message: Message) -> bytes:
    """One line of UTF-8 JSON, newline included; lone surrogates become escapes that `decode` replaces."""
    return json.dumps(_to_json(message), ensure_ascii=True, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def decode(line: bytes) -> Message:
    """The record in one line.

    Raises ProtocolError for anything that is not exactly one of the messages: too long, too deep, not JSON,
    unknown or missing fields, a wrong type.
    """
    if len(line) > MAX_FRAME:
        raise ProtocolError(f"frame of {len(line)} bytes is longer than {MAX_FRAME}")
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"not JSON: {type(error).__name__}") from None
    if not isinstance(value, dict) or value.get("type") not in _MESSAGES:
        raise ProtocolError("not a message of this protocol")
    return _from_json(value, _RECORDS[value["type"]], 0)


def _to_json(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: _to_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {"type": type(value).__name__, **fields}
    if isinstance(value, (tuple, list)):
        return [_to_json(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _to_json(item) for key, item in value.items()}
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return str(value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"{type(value).__name__} does not travel")


def _clean(text: str) -> str:
    """`text` without control characters (newline and tab stay), lone surrogates, Unicode's own line ends or marks and
    overrides of the direction."""
    if len(text) > MAX_TEXT:
        text = text[:MAX_TEXT] + "…"
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char
        if char in "\n\t"
        or not (
            ord(char) < 32
            or 0x7F <= ord(char) < 0xA0
            or 0xD800 <= ord(char) < 0xE000
            or char in "\u061c\u200e\u200f\u2028\u2029"
            or 0x202A <= ord(char) <= 0x202E
            or 0x2066 <= ord(char) <= 0x2069
        )
        else "\N{REPLACEMENT CHARACTER}"
        for char in text
    )


_HINTS: dict[Any, dict[str, Any]] = {}


def _hints(cls: Any) -> dict[str, Any]:
    if cls not in _HINTS:
        _HINTS[cls] = typing.get_type_hints(cls)
    return _HINTS[cls]


def _from_json(value: Any, hint: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise ProtocolError("nested too deep")
    if dataclasses.is_dataclass(hint):
        return _record(value, hint, depth)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return _plain(value, depth)
    if origin is Union or (origin is not None and origin is getattr(types, "UnionType", None)):  # 3.9 has no UnionType
        return _union(value, arguments, depth)
    if origin is tuple:
        if not isinstance(value, list) or len(value) > MAX_ITEMS:
            raise ProtocolError("expected a list")
        return tuple(_from_json(item, arguments[0], depth + 1) for item in value)
    if origin is dict:
        if not isinstance(value, dict) or len(value) > MAX_ITEMS:
            raise ProtocolError("expected an object")
        return {_clean(key): _plain(item, depth + 1) for key, item in value.items()}
    if hint is str and isinstance(value, str):
        return _clean(value)
    if hint is bool and isinstance(value, bool):
        return value
    if hint is int and isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 63:
        return value
    if hint is float and isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _LARGEST:
        return float(value)
    if hint is type(None) and value is None:
        return None
    raise ProtocolError(f"expected {getattr(hint, '__name__', hint)}, got {type(value).__name__}")


def _union(value: Any, hints: tuple[Any, ...], depth: int) -> Any:
    for hint in hints:
        try:
            return _from_json(value, hint, depth)
        except ProtocolError:
            continue
    raise ProtocolError(f"no alternative fits a {type(value).__name__}")


def _record(value: Any, cls: Any, depth: int) -> Any:
    if not isinstance(value, dict) or value.get("type") != cls.__name__:
        raise ProtocolError(f"expected a {cls.__name__}")
    hints = _hints(cls)
    given = {key: item for key, item in value.items() if key != "type"}
    if not given.keys() <= hints.keys():
        raise ProtocolError(f"unknown field in {cls.__name__}")
    try:
        made = cls(**{key: _from_json(item, hints[key], depth + 1) for key, item in given.items()})
    except TypeError as error:
        raise ProtocolError(f"{cls.__name__}: {error}") from None
    # An author's program goes to the worker as it stands: a form feed is Python, and length is no fault.
    return dataclasses.replace(made, text=given["text"]) if cls is Source else made


def _plain(value: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise ProtocolError("nested too deep")
    if isinstance(value, str):
        return _clean(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 1 << 63:
        raise ProtocolError("number too large")
    if isinstance(value, float) and not abs(value) < _LARGEST:
        raise ProtocolError("not a finite number")
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, list):
        return tuple(_plain(item, depth + 1) for item in value)
    if isinstance(value, dict):
        return {_clean(key): _plain(item, depth + 1) for key, item in value.items()}
    raise ProtocolError("not plain JSON")
