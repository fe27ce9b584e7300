"""How often the loops of the author's modules go round, and what stands for what they would have filled and counted.

A loop over what nobody knows goes round once, and so does one that trains: its rounds are alike. What each round puts
into a list is put in as often as the loop goes round, where that is known, or else the list is Unknown; so is what the
rounds count.
"""

from __future__ import annotations

import ast
import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Any, Optional

import keras
import numpy as np
import tensorflow as tf

from ..protocol import Span
from . import half_filled, pictures
from .arrays import VirtualArray
from .gathering import MOST_ADDED, Lists, unknown_like
from .instrument import Statement
from .open_sizes import Open
from .state import Run
from .unknown import OfFault, Unknown, UnknownValue
from .unread import Unread, form_of, put

LOOP_SECONDS = 3.0
"""Processor time one loop may take before it is cut short."""
_MOST_ROUNDS = 20_000
"""Rounds of a loop that a list is filled with."""


class Loops:
    """The loops of one module, whose statements are given by number."""

    def __init__(self, run: Run, path: str, statements: Sequence[Statement], lists: Lists) -> None:
        self.lists = lists
        self._run = run
        self._path = path
        self._statements = statements
        self._spans: dict[int, Span] = {}
        self._loops: dict[int, tuple[tuple[float, float], int, int]] = {}
        self._cut: set[int] = set()
        self._once: set[int] = set()
        """Loops of which one round stands for all."""
        self._extended: dict[int, set[str]] = {}
        """Of loops whose rounds were left out because they train: what they fill and count, nobody knows how far."""
        self._lengths: dict[int, dict[str, int]] = {}
        """How long the lists were that a loop fills, when it began."""

    def span(self, number: int) -> Span:
        """Where statement `number` stands."""
        if number not in self._spans:
            self._spans[number] = self._run.statement_span(self._path, self._statements[number])
        return self._spans[number]

    def unknown(self, number: int, name: Optional[str] = None) -> Unknown:
        """What a failed statement's names become."""
        span = self.span(number)
        reason = self._run.gaps[-1].reason if self._run.gaps else "the statement failed"
        known = pictures.missing(self._statements[number].node, name, reason, span.line)
        kind = OfFault if self._run.gaps and self._run.gaps[-1].kind == "fault" else Unknown
        return kind(reason, span.line) if known is None else known

    def _lost(self, value: Any, unknown: Unknown) -> Unknown:
        """`unknown`, also for everybody else who holds `value`, a container that was filled in part."""
        half_filled.forget(value, unknown, self._run.files.owns)
        return unknown

    def _unsure(self, number: int) -> None:
        place = self._run.files.span_of_node(self._path, self._statements[number].node)
        if place not in self._run.unsure:
            self._run.unsure.append(place)

    def each(self, number: int, values: Any, structure: Any) -> Iterator[Any]:
        """The items of a loop: once for Unknown, and no longer than its share of time."""
        started, trained, count = self._run.now(), self._run.trained, 0
        frame = sys._getframe(1)
        self._cut.discard(number)
        self._once.discard(number)
        self._extended.pop(number, None)
        self._lengths[number] = self._lengths_now(number, frame)
        if isinstance(values, Unknown):
            yield unknown_like(values, structure)
            self._cut_short(number, trained, once=True)
            return
        try:
            items = iter(values)
        except UnknownValue as error:
            yield unknown_like(Unknown(str(error), self.span(number).line), structure)
            self._cut_short(number, trained, once=True)
            return
        once = isinstance(values, tf.data.Dataset)
        while True:
            try:
                item = next(items)
            except StopIteration:
                return
            except UnknownValue as error:
                if count == 0:
                    yield unknown_like(Unknown(str(error), self.span(number).line), structure)
                self._cut_short(number, trained, once=count == 0)
                return
            if count and (once or self._enough(started, trained)):
                self._cut_short(number, trained, once=once)
                if self._run.trained > trained:
                    self._repeat(number, _length(values), frame, alike=count == 1)
                return
            yield item
            count += 1

    def _enough(self, started: tuple[float, float], trained: int) -> bool:
        return self._run.trained > trained or self._run.overran(started, LOOP_SECONDS)

    def loop(self, number: int) -> None:
        """A `while` loop begins."""
        self._cut.discard(number)
        self._extended.pop(number, None)
        self._lengths[number] = self._lengths_now(number, sys._getframe(1))
        self._loops[number] = (self._run.now(), self._run.trained, 0)

    def again(self, number: int, value: Any) -> bool:
        """Whether a `while` loop goes round once more."""
        started, trained, count = self._loops[number]
        self._run.statement_started = self._run.now()
        try:
            truth = bool(value)
        except UnknownValue:
            truth = count == 0
            self._cut_short(number, trained)
        if truth and count and self._enough(started, trained):
            self._cut_short(number, trained)
            if self._run.trained == trained:
                reason = f"the loop was stopped after {LOOP_SECONDS:g} s"
                self._run.gap(self.span(number), "time", reason)
            else:
                self._repeat(number, None, sys._getframe(1), alike=False)
            truth = False
        self._loops[number] = (started, trained, count + 1)
        return truth

    def was_cut(self, number: int) -> bool:
        """Whether the loop was left before its own end."""
        return number in self._cut

    def _cut_short(self, number: int, trained: int, once: bool = False) -> None:
        """A loop is left early; one that has trained since `trained` was counted has shown what it does. With `once`
        its one round stands for all."""
        self._unsure(number)
        if self._run.trained == trained:
            self._cut.add(number)
            if once:
                self._once.add(number)

    def _lengths_now(self, number: int, frame: FrameType) -> dict[str, int]:
        names = self._statements[number].mutates
        values = {name: _value_of(name, frame.f_locals, frame.f_globals) for name in names}
        return {name: len(value) for name, value in values.items() if isinstance(value, list)}

    def after_cut(self, number: int, name: str, names_now: dict[str, Any]) -> Any:
        """What a name that the cut loop sets, or a branch that may not be taken, stands for afterwards."""
        if name in names_now and name not in self._extended.get(number, (name,)):
            return names_now[name]
        line = self.span(number).line
        if isinstance(self._statements[number].node, ast.If):
            return Unknown(f"depends on the test at line {line}", line)
        return Unknown("set in a loop that was not run to its end", line)

    def after_change(
        self, number: int, name: str, names_now: dict[str, Any], key: Optional[Callable[[], Any]] = None
    ) -> Any:
        """What a container that the cut loop fills stands for afterwards: its length is not known. Of one that a
        failed statement should have given an item, that item is not known."""
        value = names_now.get(name)
        if name not in self._extended.get(number, (name,)):
            return value
        if key is not None and isinstance(value, (list, dict, Unread)):
            with contextlib.suppress(Exception):
                value[key()] = self.unknown(number)
                return value
        if isinstance(value, list) and number in self._once and self._filled(number, name, value):
            return value
        reason = origin = "filled in a loop that was not run to its end"
        if isinstance(self._statements[number].node, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr, ast.Return)):
            reason = self.unknown(number).reason
            origin = f"that was not filled: {reason}"
        if isinstance(value, np.ndarray) and value.dtype.kind != "O":
            there = isinstance(value, VirtualArray)
            return value if there else VirtualArray.of(value.shape, value.dtype, f"an array {origin}")
        if isinstance(value, Unread):
            if form_of(value).kind == "frame":  # columns may have been added
                put(value, (Open(),), None)
            return value
        if isinstance(value, (list, dict, set, np.ndarray)) or type(value).__module__.split(".")[0] == "pandas":
            return self._lost(value, Unknown(reason, self.span(number).line))
        return value

    def after_changes(self, number: int, names: tuple[str, ...], names_now: dict[str, Any]) -> None:
        """The same for what is not a variable of the scope that the loop stands in: one of the module, or what
        belongs to an object ("self.words"), where a count is one of the rounds that were gone."""
        module = sys._getframe(1).f_globals
        for name in names:
            value = _value_of(name, names_now, module)
            owner, _, attribute = name.rpartition(".")
            known = self.after_change(number, name, {name: value})
            if owner and isinstance(value, (int, float)):
                known = self.after_cut(number, name, {})
            if known is value:
                continue
            if not owner:
                module[name] = known
                continue
            try:
                setattr(_value_of(owner, names_now, module), attribute, known)
            except Exception:
                continue

    def _filled(self, number: int, name: str, items: list[Any], times: Optional[int] = None) -> bool:
        """Fill a list with what the rounds of a loop put in that were left out: the same once more, as often as the
        loop goes round, or as a witness says. False where what the one round put in is not known."""
        before = self._lengths.get(number, {}).get(name)
        if before is None or len(items) <= before:
            return False
        rounds: int = self._run.witnesses.rounds(self.span(number).line) if times is None else times
        added = self.lists.light(items[before:], rounds)
        if added is None:
            return False
        if len(added) <= MOST_ADDED:  # more were added by a loop inside that one, which counts them already
            items[before:] = added * rounds
        return True

    def _repeat(self, number: int, times: Optional[int], frame: FrameType, alike: bool) -> None:
        """The lists that one round of a loop that trains or predicts has filled, as long as all its rounds make them;
        where the rounds that were gone are more, and so not `alike`, how long they get is not known, and what is
        counted in the rounds never is. Those of objects and of models stay as they are: a program goes on with the one
        model that it has."""
        for name in _counted_in(self._statements[number].node):
            value = _value_of(name, frame.f_locals, frame.f_globals)
            if type(value) in (int, float):
                self._cut.add(number)
                self._extended.setdefault(number, set()).add(name)
        extended = _extended_in(self._statements[number].node)
        for name in self._lengths[number]:
            items = _value_of(name, frame.f_locals, frame.f_globals)
            if not isinstance(items, list):
                continue
            grown = len(items) > self._lengths[number][name]
            if any(isinstance(item, keras.layers.Layer) for item in items[self._lengths[number][name] :]):
                continue
            known = alike and name not in extended  # the last round may bring fewer
            if grown and not (known and self._filled(number, name, items, times)):
                self._cut.add(number)
                self._extended.setdefault(number, set()).add(name)


def _extended_in(node: ast.stmt) -> set[str]:
    """The lists that a statement makes longer by all of another one: "a" for `a.extend(b)` and `a += b`."""
    places = [
        item.func.value
        for item in ast.walk(node)
        if isinstance(item, ast.Call) and isinstance(item.func, ast.Attribute) and item.func.attr == "extend"
    ]
    places += [item.target for item in ast.walk(node) if isinstance(item, ast.AugAssign)]
    return {ast.unparse(place) for place in places}


def _counted_in(node: ast.stmt) -> list[str]:
    """The names that each round of a loop makes anew of what they were: "n" for `n += len(batch)` and `n = n + 1`."""
    names: dict[str, None] = {}
    for item in ast.walk(node):
        if isinstance(item, ast.AugAssign) and isinstance(item.target, ast.Name):
            names[item.target.id] = None
        elif isinstance(item, ast.Assign) and len(item.targets) == 1 and isinstance(item.targets[0], ast.Name):
            name = item.targets[0].id
            if any(isinstance(inner, ast.Name) and inner.id == name for inner in ast.walk(item.value)):
                names[name] = None
    return list(names)


def _length(values: Any) -> Optional[int]:
    """How many items a loop has, None where that is not known or more than a list is filled with."""
    try:
        count = len(values)
    except Exception:
        return None
    return count if 0 < count <= _MOST_ROUNDS else None


def _value_of(name: str, names: dict[str, Any], module: dict[str, Any]) -> Any:
    """What a name, or an attribute of what a name stands for, is at the moment; None where there is none."""
    first, _, attribute = name.partition(".")
    value = names.get(first, module.get(first))
    return getattr(value, "__dict__", {}).get(attribute) if attribute else value
