"""Lists that a loop or a comprehension makes of what nobody knows: one item stands for all.

`[picture(path) for path in paths]` of paths that nobody has read is a list of one picture, repeated as often as a
witness says. `Lists` is what the rewritten code calls for comprehensions, and for a choice of two numbers.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any, Optional

import numpy as np
import tensorflow as tf

from .arrays import VirtualArray, is_large
from .unknown import TEXT, Counted, Number, Unknown, UnknownValue, Whole
from .unread import Form, Unread
from .unread_names import Name, Names
from .unread_parts import Window

__all__ = ["MOST_ADDED", "Lists", "unknown_like"]

MOST_ADDED = 16
"""Items that one round of a loop may add to a list to be multiplied."""


class Lists:
    """The lists that one module's comprehensions are making; they are given by number."""

    def __init__(self, run: Any, awaits: Callable[[BaseException, FrameType], bool]) -> None:
        self._run = run
        self._awaits = awaits
        self._drawn: dict[tuple[int, int], Unknown] = {}
        """What nobody knows of which a list is being made, by its frame and number."""

    def drawn(self, number: int, given: Callable[[], Any], structure: Any) -> Any:
        """What the items of a list are made of: one item, which stands for all, for Unknown and for a folder or a file
        that is not there."""
        frame = sys._getframe(1)
        key = (id(frame), number)
        self._drawn.pop(key, None)
        try:
            values = given()
        except FileNotFoundError as error:
            if self._run.statement is None or self._awaits(error, frame):
                raise
            values = self._missing(error)
        if not isinstance(values, Unknown):
            return values
        self._drawn[key] = values
        return [unknown_like(values, structure)]

    def _missing(self, error: FileNotFoundError) -> Unknown:
        from .gaps import os_gap

        statement, file = self._run.statement
        span = self._run.statement_span(file, statement)
        kind, reason = os_gap(error)
        self._run.gap(span, kind, reason)
        return Unknown(reason, span.line)

    def kept(self, number: int, value: Any) -> bool:
        """Whether an item belongs to the list: one that stands for all does where that is not known.

        Raises UnknownValue where it is one of many.
        """
        try:
            return bool(value)
        except UnknownValue:
            frame = sys._getframe(1)
            if any((id(place), number) in self._drawn for place in (frame, frame.f_back)):
                return True
            raise

    def gathered(self, number: int, items: list[Any]) -> Any:
        """A list made of the items of something; of what nobody knows as long as a witness says."""
        source = self._drawn.pop((id(sys._getframe(1)), number), None)
        if source is None:
            return items
        if isinstance(source, Names):
            return source.other() if items and isinstance(items[0], Name) else source.unshaped()
        times = self._run.witnesses.rounds(source.line or 1)
        made = self.light(items, times)
        return made * times if made and len(made) <= MOST_ADDED else source.unshaped()

    def chosen(self, test: Any, one: Any, other: Any) -> Any:
        """One of two numbers."""
        try:
            return one if test else other
        except UnknownValue as error:
            floating = isinstance(one, float) or isinstance(other, float)
            return Number(error.reason, error.line, "float64" if floating else "int64")

    def light(self, items: Sequence[Any], times: int) -> Optional[list[Any]]:
        """Items in a form of which there may be many; None where nothing is known of one, or one is an object."""
        made = [self._number(item) if isinstance(item, Number) else _light(item, times) for item in items]
        lost = any(isinstance(item, Unknown) and not isinstance(item, Window) for item in made)
        return None if lost else made

    def _number(self, number: Number) -> Window:
        form = Form(self._run.witnesses, kind="array", dtype=np.dtype(number.kind), numeric=True)
        return Window(Unread(number.reason, number.line, form))


def _light(item: Any, times: int) -> Any:
    """`item` in a form of which there may be many; Unknown for what nothing is known of, and for other objects."""
    if isinstance(item, np.ndarray):
        virtual = (
            isinstance(item, VirtualArray) or item.dtype.kind == "O" or not is_large((times, *item.shape), item.dtype)
        )
        return item if virtual else VirtualArray.of(item.shape, item.dtype, None)
    if isinstance(item, (tuple, list)) and len(item) <= MOST_ADDED:
        parts = [_light(part, times) for part in item]
        return type(item)(parts) if type(item) in (tuple, list) else Unknown("an object")
    if isinstance(item, str) and TEXT in item:
        return Unknown("a text")
    small = isinstance(item, (bool, int, float, str, bytes, np.generic, Window))
    small = small or (isinstance(item, tf.Tensor) and not is_large((times, *item.shape), item.dtype.as_numpy_dtype))
    return item if small else Unknown("an object")


def unknown_like(unknown: Unknown, structure: Any) -> Any:
    """An item of what is Unknown, as a loop with a target of this `structure` takes it."""
    if isinstance(structure, tuple):
        return tuple(unknown_like(unknown, item) for item in structure)
    if isinstance(unknown, Names):
        return unknown.one()
    return Whole(unknown.reason, unknown.line) if isinstance(unknown, Counted) else unknown.unshaped()
