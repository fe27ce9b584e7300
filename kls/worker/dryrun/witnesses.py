"""Witness numbers: what a layer's size is taken to be where the program's own number is not known.

`Dense(num_classes)` needs an int. Where the int is Unknown, the layer gets a witness instead, and the report says so.
The server asks for the same dry run with another series of witnesses (`Probe.witness`): what is the same in both runs
does not depend on the number; what differs is not known (`kls.witnesses`). What changes no shape (a rate, a name,
a regularizer) is left at its default where it is Unknown, without a witness.
"""

from __future__ import annotations

import ast
import inspect
from dataclasses import replace
from types import FrameType
from typing import Any, Optional

import keras

from ..protocol import Span, Witness
from .open_sizes import Open
from .state import Run
from .unknown import TEXT, Unknown

SERIES = (
    (352, 416, 544, 608, 736, 928, 992, 1184, 1312, 1376),
    (1504, 1696, 1888, 1952, 2144, 2272, 2336, 2528, 2656, 2848),
)
"""The witnesses of the first and of the second run: 32 times a prime, so that images can be halved a few times."""

SAMPLES = (10_007, 20_011)
"""The same for the first axis of an array, which counts samples: no batch size divides them."""

ROUNDS = (1009, 2003)
"""The same for how often a loop goes round whose items nobody knows; few, as the program may go through them again."""

BATCHES = (29, 43)
"""The same for the size of a batch, of which there may be a whole one in memory."""

DTYPES = ("float64", "int64")
"""The same for the dtype of numbers in a table."""

SIZES = frozenset(
    "units filters input_dim output_dim n num_heads key_dim value_dim max_tokens num_tokens output_sequence_length "
    "sequence_length query_dim height width num_bins".split()
)
"""Parameters of layers that take one size."""

SHAPES = frozenset("shape input_shape batch_shape batch_input_shape target_shape".split())
"""Parameters of layers that take a tuple of sizes."""


NEUTRAL = {
    **dict.fromkeys(
        "name seed trainable dropout recurrent_dropout momentum epsilon alpha negative_slope theta".split()
    ),
    "rate": 0.5,
    "stddev": 1.0,
    "scale": 1.0,
    "offset": 0.0,
    "factor": 0.1,
    "height_factor": 0.1,
    "width_factor": 0.1,
}
"""Parameters of layers on which no shape depends, with a value for those that have no default."""


def unknown_activation(x: Any) -> Any:
    """Stands for an activation that nobody knows: shape and dtype stay, nothing else is known."""
    return keras.ops.multiply(x, 1)


def _is_neutral(name: str, value: Any) -> bool:
    if not isinstance(value, Unknown):
        return False
    return name in NEUTRAL or name.endswith(("activation", "_regularizer", "_initializer", "_constraint"))


def _plain(cls: Any, name: str) -> Any:
    """What a parameter of `cls` is where the program's own value is not known and no shape depends on it."""
    if name.endswith("activation"):
        return unknown_activation
    parameter = inspect.signature(cls.__init__).parameters.get(name)
    if parameter is None or parameter.default is inspect.Parameter.empty:
        return NEUTRAL.get(name)
    return parameter.default


class Witnesses:
    """The numbers that one dry run stands in with; the same expression of the same Unknown gets the same number."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._series = SERIES[run.probe.witness % len(SERIES)]
        self._kept: dict[tuple[int, str], tuple[object, Witness]] = {}
        self._open: dict[tuple[str, int], Witness] = {}
        self._asked: set[int] = set()

    def used(self) -> tuple[Witness, ...]:
        """Every witness of this run; a number that stands for several expressions goes by no name."""
        every = (*(witness for _, witness in self._kept.values()), *self._open.values())
        names: dict[int, set[str]] = {}
        for witness in every:
            names.setdefault(witness.value, set()).add(witness.name)
        return tuple(replace(item, name="?") if len(names[item.value]) > 1 else item for item in every)

    def left_open(self, variable: str, axis: int, line: int) -> int:
        """A number for an axis that the author's comment at `line` leaves open. First axes count samples: they are
        all the same. Raises ValueError when the numbers are used up."""
        key = ("", 0) if axis == 0 else (variable, axis)
        if key not in self._open:
            free = self._free()
            if axis and not free:
                raise ValueError("too many sizes are left open")
            number = free[-1] if axis else SAMPLES[self._run.probe.witness % len(SAMPLES)]
            self._open[key] = Witness("?", number, f"the comment at line {line} leaves it open", line)
        return self._open[key].value

    def rounds(self, line: int) -> int:
        """How often loops over what nobody knows go round, the same for all of them; `line` is where the first is."""
        key = ("", -1)
        if key not in self._open:
            number = ROUNDS[self._run.probe.witness % len(ROUNDS)]
            self._open[key] = Witness("?", number, f"how often the loop at line {line} goes round", line)
        return self._open[key].value

    def stand_in(
        self, cls: Any, arguments: tuple[Any, ...], keywords: dict[str, Any], frame: Optional[FrameType]
    ) -> None:
        """Have the `__init__` that follows on `cls.__new__` take witnesses for Unknown sizes; nothing without any."""
        if not cls.__module__.startswith("keras."):
            return
        named = TEXT in str(keywords.get("name"))
        if not named and not any(_has_unknown(value) for value in (*arguments, *keywords.values())):
            return
        original = cls.__init__
        names = [name for name in inspect.signature(original).parameters if name != "self"]
        given = {**dict(zip(names, arguments)), **keywords}
        sized = {name: value for name, value in given.items() if name in SIZES | SHAPES and _has_unknown(value)}
        plain = {name: _plain(cls, name) for name, value in given.items() if _is_neutral(name, value)}
        self._run.stood.update(id(given[name]) for name in plain)
        # One that only `**kwargs` takes, and that has no value to speak of, is as if it had not been given.
        left_out = {name for name, value in plain.items() if value is None and name not in names}
        if named:  # two names of which nobody knows a part are not one
            plain["name"] = None
        if not sized and not plain:
            return
        author = self._run.files.nearest(frame)
        span = None if author is None else self._run.files.span_of_frame(author)
        places = self._expressions(span, names)
        replaced = {**plain, **{name: self._sizes(value, span, places.get(name)) for name, value in sized.items()}}
        taken = (*(replaced.get(name, given[name]) for name in names[: len(arguments)]), *arguments[len(names) :])
        rest = {name: replaced.get(name, value) for name, value in keywords.items() if name not in left_out}
        own = cls.__dict__.get("__init__")

        def once(layer: Any, *_: Any, **__: Any) -> None:
            if own is None:
                del cls.__init__
            else:
                cls.__init__ = own
            original(layer, *taken, **rest)

        cls.__init__ = once

    def _expressions(self, span: Optional[Span], names: list[str]) -> dict[str, ast.expr]:
        """The author's expression for each parameter, where the call stands in the author's text."""
        call = None if span is None else self._run.files.call_at(span)
        if call is None:
            return {}
        named = {item.arg: item.value for item in call.keywords if item.arg is not None}
        return {**dict(zip(names, call.args)), **named}

    def _sizes(self, value: Any, span: Optional[Span], place: Optional[ast.expr]) -> Any:
        if isinstance(value, Unknown):
            return self.number(value, span, place)
        parts = place.elts if isinstance(place, (ast.Tuple, ast.List)) and len(place.elts) == len(value) else None
        return tuple(
            self.number(item, span, parts[index] if parts else None) if isinstance(item, Unknown) else item
            for index, item in enumerate(value)
        )

    def number(self, unknown: Unknown, span: Optional[Span], place: Optional[ast.expr], kind: str = "size") -> Any:
        """The witness for `unknown` where the author's expression `place` stands, in the call at `span`: a "size", the
        "count" of samples, which is the same as how often a loop over them goes round, or the size of a "batch".
        The Unknown itself when the numbers are used up."""
        text = "" if place is None else ast.unparse(place)
        key = (id(unknown), text)
        if key not in self._kept:
            number = self._next(kind)
            if number is None:
                return unknown
            line = unknown.line or (span.line if span is not None else None)
            name = text if 0 < len(text) <= 24 else "?"
            self._kept[key] = (unknown, Witness(name, number, unknown.reason, line))
        self._run.stood.add(id(unknown))
        return self._kept[key][1].value

    def count(self, unknown: Unknown) -> int:
        """The witness for a number of samples that stands nowhere in the author's text."""
        return int(self.number(unknown, None, None, "count"))

    def size(self, unknown: Unknown) -> Any:
        """The witness for a size that stands nowhere in the author's text; Unknown when they are used up."""
        return self.number(unknown, None, None)

    def opened(self, size: Open, table: Unknown) -> Any:
        """The witness for an open size of a table that was not read; Unknown when they are used up."""
        numbers = [self._part(part, table) for part in size.parts]
        unknown = next((item for item in numbers if isinstance(item, Unknown)), None)
        return sum(numbers) + size.more if unknown is None else unknown

    def label(self, size: Open, table: Unknown) -> Any:
        """The same for the columns of labels: where nothing says that there are several, there is one in one of the
        runs, since Keras takes a column for a row of numbers."""
        alone = self._run.probe.witness % 2 and not size.several and not self.is_asked(size)
        return 1 if alone else self.opened(size, table)

    def _part(self, size: Open, table: Unknown) -> Any:
        key = (id(size), "")
        if key not in self._kept:
            number = self._next("size")
            if number is None:
                return table.unshaped()
            self._kept[key] = (size, Witness("?", number, table.reason, table.line))
        return self._kept[key][1].value

    def ask(self, size: Open) -> None:
        """The program asks for an open size: what it does may depend on it, and on all that come of the same."""
        self._asked.update(map(id, size.parts))
        self._run.kept.append(size)

    def is_asked(self, size: Open) -> bool:
        """Whether what the program does may depend on an open size."""
        return any(id(part) in self._asked for part in size.parts)

    @property
    def dtype(self) -> str:
        """What stands in for the dtype of numbers that nobody has read."""
        return DTYPES[self._run.probe.witness % len(DTYPES)]

    def _next(self, kind: str) -> Optional[int]:
        if kind in _SHARED:
            return _SHARED[kind][self._run.probe.witness % len(ROUNDS)]
        return next(iter(self._free()), None)

    def _free(self) -> list[int]:
        taken = {witness.value for _, witness in self._kept.values()} | {item.value for item in self._open.values()}
        return [number for number in self._series if number not in taken]


_SHARED = {"count": ROUNDS, "batch": BATCHES}
"""Kinds of numbers of which there is one for all: nothing is told of two that are different."""


def _has_unknown(value: Any) -> bool:
    if isinstance(value, (tuple, list)) and len(value) <= 8:
        return any(isinstance(item, Unknown) for item in value)
    return isinstance(value, Unknown)


__all__ = ["SERIES", "Witnesses"]
