"""Witness numbers: what a layer's size is taken to be where the program's own number is not known.

`Dense(num_classes)` needs an int. Where the int is Unknown, the layer gets a witness instead, and the report says so.
The server asks for the same dry run with another series of witnesses (`Probe.witness`): what is the same in both runs
does not depend on the number; what differs is not known (`kls.witnesses`).
"""

from __future__ import annotations

import ast
import inspect
from types import FrameType
from typing import Any, Optional

from ..protocol import Span, Witness
from .execute import Run
from .unknown import Unknown

SERIES = (
    (352, 416, 544, 608, 736, 928, 992, 1184, 1312, 1376),
    (1504, 1696, 1888, 1952, 2144, 2272, 2336, 2528, 2656, 2848),
)
"""The witnesses of the first and of the second run: 32 times a prime, so that images can be halved a few times."""

SAMPLES = (10_007, 20_011)
"""The same for the first axis of an array, which counts samples: no batch size divides them."""

ROUNDS = (1009, 2003)
"""The same for how often a loop goes round whose items nobody knows; few, as the program may go through them again."""

SIZES = frozenset(
    "units filters input_dim output_dim n num_heads key_dim value_dim max_tokens num_tokens output_sequence_length "
    "sequence_length query_dim".split()
)
"""Parameters of layers that take one size."""

SHAPES = frozenset("shape input_shape batch_shape batch_input_shape target_shape".split())
"""Parameters of layers that take a tuple of sizes."""


class Witnesses:
    """The numbers that one dry run stands in with; the same expression of the same Unknown gets the same number."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._series = SERIES[run.probe.witness % len(SERIES)]
        self._kept: dict[tuple[int, str], tuple[Unknown, Witness]] = {}
        self._open: dict[tuple[str, int], Witness] = {}

    def used(self) -> tuple[Witness, ...]:
        """Every witness of this run."""
        return (*(witness for _, witness in self._kept.values()), *self._open.values())

    def left_open(self, variable: str, axis: int, line: int) -> int:
        """A number for an axis that the author's comment at `line` leaves open. First axes count samples: they are
        all the same. Raises ValueError when the numbers are used up."""
        key = ("", 0) if axis == 0 else (variable, axis)
        if key not in self._open:
            used = len(self._kept) + len(self._open)
            if axis and used >= len(self._series):
                raise ValueError("too many sizes are left open")
            number = self._series[-1 - len(self._open)] if axis else SAMPLES[self._run.probe.witness % len(SAMPLES)]
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
        if not any(_has_unknown(value) for value in (*arguments, *keywords.values())):
            return
        original = cls.__init__
        names = [name for name in inspect.signature(original).parameters if name != "self"]
        given = {**dict(zip(names, arguments)), **keywords}
        sized = {name: value for name, value in given.items() if name in SIZES | SHAPES and _has_unknown(value)}
        if not sized:
            return
        author = self._run.files.nearest(frame)
        span = None if author is None else self._run.files.span_of_frame(author)
        places = self._expressions(span, names)
        replaced = {name: self._sizes(value, span, places.get(name)) for name, value in sized.items()}
        taken = (*(replaced.get(name, given[name]) for name in names[: len(arguments)]), *arguments[len(names) :])
        rest = {name: replaced.get(name, value) for name, value in keywords.items()}
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
            return self._number(value, span, place)
        parts = place.elts if isinstance(place, (ast.Tuple, ast.List)) and len(place.elts) == len(value) else None
        return tuple(
            self._number(item, span, parts[index] if parts else None) if isinstance(item, Unknown) else item
            for index, item in enumerate(value)
        )

    def _number(self, unknown: Unknown, span: Optional[Span], place: Optional[ast.expr]) -> Any:
        text = "" if place is None else ast.unparse(place)
        key = (id(unknown), text)
        if key not in self._kept:
            if len(self._kept) + len(self._open) >= len(self._series):
                return unknown
            number = self._series[len(self._kept)]
            line = unknown.line or (span.line if span is not None else None)
            name = text if 0 < len(text) <= 24 else "?"
            self._kept[key] = (unknown, Witness(name, number, unknown.reason, line))
        return self._kept[key][1].value


def _has_unknown(value: Any) -> bool:
    if isinstance(value, (tuple, list)) and len(value) <= 8:
        return any(isinstance(item, Unknown) for item in value)
    return isinstance(value, Unknown)


__all__ = ["SERIES", "Witnesses"]
