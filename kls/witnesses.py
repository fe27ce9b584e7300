"""Two dry runs of one program with different witness numbers become one report of what does not depend on them.

Where the worker had to stand in for sizes that only a real run knows (`kls/worker/dryrun/witnesses.py`), the program
is dry-run again with other numbers. A size that changes is not known and carries the author's name for it; a failure
or a warning that only one run has, or has in other words, depends on the number, and nothing is said of it. A failure
of ranks that both have in the same words but for the numbers is certain all the same: no number changes a rank. So is
that of a window which is longer than what it slides over, where only the channels are not known, that of two shapes
which disagree in a size that is known, or in two of which one is certainly larger, and that of a name or of data of a
kind which is not taken.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Awaitable, Callable, Hashable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar, cast

from kls.worker.protocol import (
    Argument,
    Call,
    Failure,
    Gap,
    Layer,
    Model,
    Node,
    Probe,
    Report,
    Tensor,
    Variable,
    Witness,
)

_T = TypeVar("_T")


async def ask(probe: Probe, once: Callable[[Probe], Awaitable[Report]]) -> Report:
    """The report of `probe`, asked for by `once`; twice where sizes are not known. Raises what `once` raises."""
    report = await once(probe)
    if not report.witnesses:
        return report
    return merged(report, await once(replace(probe, witness=1)))


def merged(one: Report, other: Report) -> Report:
    """What both runs agree on, with the keys and places of `one`."""
    names = _Names(one.witnesses)
    aligned = len(one.calls) == len(other.calls) and all(
        (first.span, first.method) == (second.span, second.method)
        for first, second in zip(one.calls, other.calls, strict=True)
    )
    alike = {_said(failure): failure for failure in other.failures}
    of_ranks = {_place(failure): failure for failure in other.failures}
    failures: list[Failure] = []
    lost: list[Failure] = []
    for failure in one.failures:
        same, similar = alike.get(_said(failure)), of_ranks.get(_place(failure))
        if not aligned and failure.call is not None:
            lost.append(failure)
        elif same is not None and not names.within(failure):
            failures.append(names.failure(failure, same))
        elif similar is not None and (
            _is_of_ranks(failure.message)
            or _OF_NAMES.search(failure.message)
            or _OF_TYPES.search(failure.message)
            or _is_of_known_places(failure, similar)
            or _is_of_known_sizes(failure.message, similar.message)
        ):
            failures.append(names.failure(failure, similar))
        else:
            lost.append(failure)
    told = {(item.span, item.category, item.message) for item in other.warnings}
    return replace(
        one,
        complete=one.complete and other.complete,
        ended=one.ended or other.ended,
        seconds=one.seconds + other.seconds,
        layers=tuple(
            names.layer(first, second)
            for first, second in _paired(one.layers, other.layers, lambda item: (item.created, item.called, item.cls))
        ),
        models=tuple(
            names.model(first, second)
            for first, second in _paired(one.models, other.models, lambda item: (item.created, item.cls))
        ),
        variables=tuple(
            names.variable(first, second)
            for first, second in _paired(one.variables, other.variables, lambda item: (item.name, item.span))
        ),
        calls=tuple(
            names.call(first, second if aligned else first, aligned and index not in {item.call for item in lost})
            for index, (first, second) in enumerate(zip(one.calls, other.calls if aligned else one.calls, strict=True))
        ),
        failures=tuple(failures),
        gaps=(*one.gaps, *(_gap(item, one.witnesses) for item in lost if item.frames)),
        warnings=tuple(item for item in one.warnings if (item.span, item.category, item.message) in told),
    )


def _gap(failure: Failure, witnesses: Sequence[Witness]) -> Gap:
    return Gap(failure.frames[-1], "value", _depends(witnesses))


def _depends(witnesses: Sequence[Witness]) -> str:
    """In words, what something depends on that is not the same with other witnesses."""
    named = [item for item in witnesses if item.name != "?"]
    if not named:
        return f"it depends on a size that is not known: {witnesses[0].reason}"
    if len(named) == 1:
        return f"it depends on {named[0].name}, which is not known: {named[0].reason}"
    return "it depends on " + ", ".join(dict.fromkeys(item.name for item in named))


def _paired(one: Sequence[_T], other: Sequence[_T], place: Callable[[_T], Hashable]) -> list[tuple[_T, _T]]:
    """Each item of `one` with the item of `other` that has the same place and comes there as the same one in order."""
    waiting: dict[Hashable, list[_T]] = {}
    for item in other:
        waiting.setdefault(place(item), []).append(item)
    pairs: list[tuple[_T, _T]] = []
    for item in one:
        partners = waiting.get(place(item))
        if partners:
            pairs.append((item, partners.pop(0)))
    return pairs


_KEYS = frozenset(("layer", "id", "key", "parent", "object", "model", "graph"))
"""Fields that number the objects of one process, and the picture, which says nothing that the rest does not."""


def _without_keys(value: Any) -> Any:
    """`value` as something that compares equal in both runs when it says the same."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [field.name for field in dataclasses.fields(value) if field.name not in _KEYS]
        return tuple(_without_keys(getattr(value, name)) for name in fields)
    if isinstance(value, dict):
        return tuple((key, _without_keys(item)) for key, item in cast("dict[Any, Any]", value).items())
    if isinstance(value, (tuple, list)):
        return tuple(_without_keys(item) for item in cast("Sequence[Any]", value))
    return value


def _said(failure: Failure) -> Hashable:
    """What a failure is the same by: where and of what it speaks, in which words; not what else stands around it."""
    inputs = tuple(replace(tensor, dtype=None) for tensor in failure.inputs)
    words = _DTYPES.sub("#", _NODE.sub("#", failure.message))
    return _without_keys(replace(failure, message=words, inputs=inputs, facts={}, graph=()))


_NODE = re.compile(r"\{\{node [^}]*\}\}[^']*")
"""An operation in TensorFlow's words: a cast in front of it is there for one dtype and not for another."""
_DTYPES = re.compile(r"\b(?:float64|int64|double|DT_DOUBLE|DT_INT64)\b")
"""What stands in for dtypes that nobody knows (`DTYPES` of the worker's `witnesses.py`)."""


def _place(failure: Failure) -> Hashable:
    """What a failure of ranks is the same by, whatever the sizes were."""
    words = re.sub(r"\d+", "#", failure.message)
    return failure.exception, failure.stage, failure.frames, failure.layer_cls, words


_OF_RANKS = re.compile(r"\brank\b|\bndim\b")
_OF_NAMES = re.compile(r"Argument\(s\) not recognized|Unrecognized keyword arguments passed to \w+: \{")
"""What Keras says of a name that it does not know, with the value beside it."""
_OF_TYPES = re.compile(r"^Unrecognized data type: ")
"""What Keras says of data that are no arrays, with all that it was given
(keras/src/trainers/data_adapters/__init__.py)."""
_TWO_SHAPES = re.compile(
    r"expected shape=\(([^()]*)\), found shape=\(([^()]*)\)"
    r"|Expected shape \(([^()]*)\), but input has incompatible shape \(([^()]*)\)"
    r"|target\.shape=\(([^()]*)\), output\.shape=\(([^()]*)\)"
    r"|output operand with shape \(([^()]*)\) doesn't match the broadcast shape \(([^()]*)\)"
    r"|weight shape \(([^()]*)\) is not compatible with provided weight shape \(([^()]*)\)"
)
"""What a layer says of an input (keras/src/layers/input_spec.py), a model of it (keras/src/models/functional.py), a
loss of its targets (keras/src/ops/nn.py), NumPy of what is added in place (numpy/_core/src/umath), and a layer of the
weights that it is given (keras/src/layers/layer.py)."""
_INTO = re.compile(r"could not broadcast input array from shape \(([^()]*)\) into shape \(([^()]*)\)")
"""What NumPy says of what is put into rows of an array (numpy/_core/src/multiarray)."""
_OF_LABELS = re.compile(r"target\.shape=\(\w+, (\d+)\), output\.shape=\(\w+, 1\)")
_ONE_AXIS = re.compile(
    r"axis (-\d+) of input shape to have value (\d+), but received input with shape [(\[]([^()\[\]]*)[)\]]"
)
"""What a layer says of one axis of an input."""
_NEAR = 32
"""Sizes that are as far apart in both runs, and by less than this, come from one that nobody knows: no two witnesses
are so near to each other (`SERIES` of the worker's `witnesses.py`)."""


def _two_shapes(message: str) -> tuple[list[str], list[str]] | None:
    """The sizes that a message compares, side by side."""
    found = _TWO_SHAPES.search(message)
    if found is not None:
        wanted, given = ([*filter(None, side.split(","))] for side in found.groups() if side is not None)
        return [size.strip() for size in wanted], [size.strip() for size in given]
    axis = _ONE_AXIS.search(message)
    sizes = axis[3].split(",") if axis is not None else []
    return ([axis[2]], [sizes[int(axis[1])].strip()]) if axis is not None and -int(axis[1]) <= len(sizes) else None


def _is_of_ranks(message: str) -> bool:
    """Whether a failure is one of how many axes there are, whatever their sizes."""
    shapes = _two_shapes(message) if "weight shape" not in message else None
    other = shapes is not None and len(shapes[0]) != len(shapes[1])
    into = _INTO.search(message)
    other = other or (into is not None and into[1].count(", ") > into[2].count(", "))
    return other or _OF_RANKS.search(message) is not None


def _disagreeing(one: str, other: str) -> Iterator[tuple[int, int, int, int]]:
    """The sizes in which two shapes disagree, wanted and given in either run, whatever the numbers are that nobody
    knows: they are the same in both runs, or as far from each other."""
    first, second = _two_shapes(one), _two_shapes(other)
    if first is None or second is None or len({len(side) for pair in (first, second) for side in pair}) != 1:
        return
    for axis in zip(*first, *second, strict=True):
        if all(size.isdigit() for size in axis):
            wanted, given, wanted_then, given_then = map(int, axis)
            fixed = wanted == wanted_then and given == given_then
            far = given - wanted
            if far and far == given_then - wanted_then and (fixed or abs(far) < _NEAR):
                yield wanted, given, wanted_then, given_then


def _is_of_known_sizes(one: str, other: str) -> bool:
    """Whether two shapes certainly disagree in a size: labels of several columns too, where one number comes out."""
    told = [_OF_LABELS.search(text) for text in (one, other)]
    several = {found[1] for found in told if found is not None}
    if len(several) == 2 and "1" not in several:
        return True  # labels that may be of one column are, in one of the runs
    return any(True for _ in _disagreeing(one, other))


def _apart(one: str, other: str) -> int | None:
    """By how much more was given than is wanted, where nobody knows either."""
    return next((axis[1] - axis[0] for axis in _disagreeing(one, other) if axis[0] != axis[2]), None)


_NO_PLACES = re.compile(
    r"output size would be zero or negative\. .*?`inputs[ .]shape=[(\[]([^()\[\]]*)[)\]]`"
    r"(?:, `kernel shape=\(([^()]*)\)`)?(.*)",
    re.DOTALL,
)
"""What a convolution or a pooling says that has nothing to slide over (keras/src/ops/operation_utils.py)."""


def _is_of_known_places(one: Failure, other: Failure) -> bool:
    """Whether a window finds too few places in both runs, which differ in the number of channels alone."""
    told = [_NO_PLACES.search(failure.message) for failure in (one, other)]
    config: dict[str, Any] = one.facts.get("config") or {}
    if config.get("data_format") != "channels_last":
        return False

    def without_channels(found: re.Match[str] | None) -> Hashable:
        kernel = (found[2] or "").split()[:-2] if found is not None else []
        return None if found is None else (tuple(found[1].split()[:-1]), tuple(kernel), found[3])

    first = without_channels(told[0])
    return first is not None and first == without_channels(told[1])


class _Names:
    """Compares records of two runs; sizes that differ become None and get the author's name where there is one."""

    def __init__(self, witnesses: Sequence[Witness]) -> None:
        self._witnesses = witnesses
        self._names = {witness.value: witness.name for witness in witnesses}

    def within(self, failure: Failure) -> bool:
        """Whether a witness takes part in `failure` by name: a size of what the failing layer was given."""
        sizes = {size for tensor in failure.inputs for size in tensor.shape or ()}
        return bool(sizes & self._names.keys())

    def said(self, text: str) -> str:
        """Words with the author's names in the place of the witnesses."""
        for value, name in self._names.items():
            text = re.sub(rf"\b{value}\b", lambda _, name=name: name, text)
        return text

    def failure(self, one: Failure, other: Failure) -> Failure:
        """A failure that no number changes: sizes that differ are not known."""
        facts = _common(one.facts, other.facts)
        if isinstance(one.facts.get("config"), dict) and isinstance(other.facts.get("config"), dict):
            facts["config"] = _common(one.facts["config"], other.facts["config"])
        apart = _apart(one.message, other.message)
        if apart is not None:
            facts["apart"] = apart
        return replace(
            one,
            message=self._both(one.message, other.message),
            inputs=self.tensors(one.inputs, other.inputs),
            facts=facts,
            graph=self.graph(one.graph, other.graph),
        )

    def _both(self, one: str, other: str) -> str:
        """The words of both, with the author's names, or a question mark, in the place of numbers that differ."""
        parts, others = (re.split(r"(\d+)", text) for text in (one, other))
        if len(parts) != len(others):
            return self.said(one)
        return "".join(
            first if first == second else self._named(int(first)) if first.isdigit() else first
            for first, second in zip(parts, others, strict=True)
        )

    def _named(self, number: int) -> str:
        """The author's name for a number, or "?"; with what it is larger or smaller by than the one it comes from."""
        if number in self._names:
            return self._names[number]
        near = next((known for known in self._names if abs(number - known) < _NEAR), None)
        if near is None:
            return "?"
        return f"{self._names[near]} {'+' if number > near else '-'} {abs(number - near)}"

    def tensors(self, one: tuple[Tensor, ...], other: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The tensors of both; none where their number differs."""
        if len(one) != len(other):
            return ()
        return tuple(self._tensor(first, second) for first, second in zip(one, other, strict=True))

    def _tensor(self, one: Tensor, other: Tensor) -> Tensor:
        if one == other:
            return one
        dtype = one.dtype if one.dtype == other.dtype else None
        if one.shape is None or other.shape is None or len(one.shape) != len(other.shape):
            return Tensor(None, dtype, one.path)
        sizes = tuple(first if first == second else None for first, second in zip(one.shape, other.shape, strict=True))
        names = tuple(
            self._names.get(first or 0, "?") if first != second else ""
            for first, second in zip(one.shape, other.shape, strict=True)
        )
        return Tensor(sizes, dtype, one.path, names)

    def layer(self, one: Layer, other: Layer) -> Layer:
        """One call of a layer."""
        return replace(
            one,
            inputs=self.tensors(one.inputs, other.inputs),
            outputs=self.tensors(one.outputs, other.outputs),
            dtype=one.dtype if one.dtype == other.dtype else None,
            parameters=one.parameters if one.parameters == other.parameters else None,
            config=_common(one.config, other.config),
        )

    def model(self, one: Model, other: Model) -> Model:
        """One model."""
        return replace(
            one,
            inputs=self.tensors(one.inputs, other.inputs),
            outputs=self.tensors(one.outputs, other.outputs),
            parameters=one.parameters if one.parameters == other.parameters else None,
            graph=self.graph(one.graph, other.graph),
            trained=one.trained if one.trained == other.trained else (),
            fixed=one.fixed if one.trained == other.trained and one.fixed == other.fixed else (),
            state=one.state if one.state == other.state else (),
        )

    def graph(self, one: tuple[Node, ...], other: tuple[Node, ...]) -> tuple[Node, ...]:
        """The graph of both; none where the runs built different ones."""
        if [(node.cls, node.sources) for node in one] != [(node.cls, node.sources) for node in other]:
            return ()
        return tuple(
            replace(
                first,
                outputs=self.tensors(first.outputs, second.outputs),
                parameters=first.parameters if first.parameters == second.parameters else None,
            )
            for first, second in zip(one, other, strict=True)
        )

    def variable(self, one: Variable, other: Variable) -> Variable:
        """One binding."""
        return replace(
            one,
            kind=one.kind if one.kind == other.kind else "unknown",
            tensors=self.tensors(one.tensors, other.tensors),
            values=_common(one.values, other.values) if one.values and other.values else None,
        )

    def call(self, one: Call, other: Call, sure: bool) -> Call:
        """One sink; unknown where the runs do not agree on it, or not for a reason that both know."""
        if sure and one.status == other.status:
            return replace(
                one,
                reason=None if one.reason is None else self.said(one.reason),
                outputs=self.tensors(one.outputs, other.outputs),
                arguments=tuple(
                    self._argument(first, second) for first, second in zip(one.arguments, other.arguments, strict=False)
                ),
                kept=one.kept if one.kept == other.kept else (),
                kept_batch=one.kept_batch if one.kept == other.kept else None,
                batch_size=one.batch_size if one.batch_size == other.batch_size else None,
                real_batch=one.real_batch if one.real_batch == other.real_batch else None,
            )
        return replace(one, status="unknown", reason=_depends(self._witnesses), outputs=(), kept=(), kept_batch=None)

    def _argument(self, one: Argument, other: Argument) -> Argument:
        values = _common(one.values, other.values) if one.values and other.values else None
        return replace(one, tensors=self.tensors(one.tensors, other.tensors), values=values)


def _common(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in one.items() if key in other and other[key] == value}
