"""The state of one dry run: what was found so far, what is at work, and the clock that interrupts it."""

from __future__ import annotations

import ast
import math
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, Optional

from ..protocol import Failure, Gap, Probe, Span, Variable, Warned
from .instrument import Statement
from .places import Files, from_home
from .unknown import Unknown

STATEMENT_SECONDS = 2.5
"""Processor time one statement of the author may take before it is Unknown."""
STATEMENT_SHARE = 1 / 12
"""The part of a long dry run's time that it may take, where that is more."""
WAITING = 2.5
"""How many times as long it may take by the clock on the wall, where other programs take the processor."""
TELLING = 0.1
"""The part of a dry run's time that is kept for telling what it found: of a program that takes longer, that is told."""
TICK_SECONDS = 0.1
TELL_SECONDS = 0.05
"""How long to wait before telling again what was found so far, in case that the dry run is killed."""
_TELL_SHARE = 30
"""The least time between two tellings, in times what one takes."""
_set_handler = signal.signal
_MOST_GAPS = 500


class Finished(BaseException):
    """The program ended itself, or the time of the whole dry run is over."""


class StatementTimeout(BaseException):
    """One statement took longer than its share. Not an Exception, so that no library swallows it."""


class Run:
    """The state of one dry run."""

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        self.files = Files(probe.sources)
        self.started = time.monotonic()
        self.deadline = self.started + (1 - TELLING) * probe.seconds
        share = max(STATEMENT_SECONDS, probe.seconds * STATEMENT_SHARE)
        self.statement_seconds = probe.seconds if probe.step_bytes else share
        self.main = probe.sources[0].path
        self.failures: list[Failure] = []
        self.gaps: list[Gap] = []
        self.unsure: list[Span] = []
        """Branches whose test nobody knows, and loops that were not run to their end: what stands in them was carried
        out on a guess."""
        self.warnings: list[Warned] = []
        self.variables: list[Variable] = []
        self.last_bound: dict[Span, Any] = {}
        self.ignored: set[int] = set()
        """Lines of the `# kls: ignore` of the entry whose statements were carried out."""
        self.runtimes: list[Any] = []
        """One for each module of the author that was begun."""
        self.witnesses: Any = None
        """The numbers that stand in for sizes nobody knows."""
        self.stood: set[int] = set()
        """Unknowns, by id, that something stood in for in the statement at work."""
        self.kept: list[Any] = []
        self.hollow: list[Any] = []
        """Weights without memory, where a real step may need them."""
        self.stood_in: list[str] = []
        """Devices that the program names and that logical ones stand in for."""
        self.statements = 0
        self.thread = threading.get_ident()
        self.unknown = 0
        self.evaluated: dict[Span, Any] = {}
        """What each `evaluate` gave, by its place."""
        self.tainted: dict[int, tuple[Any, str]] = {}
        """Objects, by id, of whose state something is not known, and why."""
        self.unbuilt: dict[int, tuple[Any, str]] = {}
        """Layers, by id, that a call would have built that could not be carried out, and why it could not."""
        self.uncompiled: dict[int, tuple[Any, Unknown]] = {}
        """Models, by id, whose latest `compile` failed, and why: losses and metrics are not known."""
        self.built = self._built_before = 0
        """How many layers libraries have made for the author."""
        self.calling: list[Any] = []
        """The layers whose calls are in progress, outermost first."""
        self.functions_are_eager = False
        """Whether the program has told TensorFlow to run its functions as plain ones."""
        self.eager_traces = 0
        """Depth of traces that stand for eager calls: what only tracing forbids is not the program's fault there."""
        self.shaped = 0
        """How often an eager call answered zeros: what comes out hangs together with nothing."""
        self.zeros_of: dict[int, tuple[Any, tuple[Any, ...]]] = {}
        """Gradients that are zeros, by id, with the tensors that they depend on."""
        self.unfollowed = False
        """Whether the program has gradients behind which no dependence can be followed."""
        self.cut_at: list[tuple[str, str, int]] = []
        """Where the ways from a loss ended that reaches no weight: operation, file, and line from 1."""
        self.trained = 0
        """How often data met a model: a loop that trains need not go round again."""
        self.step_graph: Optional[Any] = None
        """The graph that a step of training is being traced into."""
        self.backward: list[int] = []
        """How many operations it had when each backward pass of the step began."""
        self.missed: Optional[str] = None
        """The first file that the program asked for and that is not there."""
        self.ended: Optional[str] = None
        self.over: Optional[str] = None
        """Why the dry run is over, once it is: the author's own handlers do not go on after it."""
        self.tell_at = math.inf
        """When, by `now`'s clock on the wall, what was found so far is told next."""
        self._tell: Callable[[], None] = lambda: None
        self._telling = False
        self.left = False
        """Whether the program ended itself where every run of it does: an end like any other."""
        self.statement: Optional[tuple[Statement, str]] = None
        self.statement_started = self.now()
        self.failed_layers: list[Any] = []
        self.sink: Optional[int] = None
        self.on_bound: list[Callable[[str, Any, Span, Span], None]] = []

    def miss(self, path: str) -> None:
        """Note that the program asked for a file that is not there."""
        self.missed = self.missed or path

    def now(self) -> tuple[float, float]:
        """Processor time and wall time, in seconds from where they began. The threads of a real step take many times
        the time that passes: there the wall time stands for both."""
        wall = time.monotonic()
        return (wall if self.probe.step_bytes else time.process_time()), wall

    def overran(self, started: tuple[float, float], seconds: float) -> bool:
        """Whether what began then has had its share."""
        spent, passed = (now - then for now, then in zip(self.now(), started))
        return spent > seconds or passed > WAITING * seconds

    def statement_span(self, path: str, statement: Statement) -> Span:
        """Where a statement stands; of a compound statement only its head."""
        span = self.files.span_of_node(path, statement.node)
        body = getattr(statement.node, "body", None)
        if body and isinstance(statement.node, ast.stmt):
            first = body[0]
            line = min(first.lineno - 1, span.end_line)
            if line >= span.line and first.lineno > span.line:
                return Span(path, span.line, span.column, line, 10_000)
        return span

    def gap(self, span: Span, kind: str, reason: str) -> None:
        """Remember that a statement could not be carried out."""
        self.unknown += 1
        if len(self.gaps) < _MOST_GAPS:
            gap = Gap(span, kind, from_home(reason)[:500])
            if gap not in self.gaps[-20:]:
                self.gaps.append(gap)

    def tell_by(self, tell: Callable[[], None]) -> None:
        """Have `tell` called now and then, between statements."""
        self._tell = tell
        self.tell_at = time.monotonic() + TELL_SECONDS

    def tell_so_far(self) -> None:
        """Tell what was found so far; not while Keras is at work, in whose middle models are half made."""
        if self.calling or self.sink is not None or self.step_graph is not None or self.eager_traces:
            return
        started, self.tell_at = time.monotonic(), math.inf
        self._telling = True
        try:
            self._tell()
        except Exception:
            return  # something cannot be told yet: the end of the run is told all the same
        finally:
            self._telling = False
        now = time.monotonic()
        self.tell_at = now + max(TELL_SECONDS, _TELL_SHARE * (now - started))
        self.statement_started = self.now()

    def start_clock(self) -> None:
        """Interrupt statements that overrun. Works where there is SIGALRM; elsewhere the supervisor's kill remains."""
        if hasattr(signal, "setitimer"):
            _set_handler(signal.SIGALRM, self._tick)
            signal.setitimer(signal.ITIMER_REAL, TICK_SECONDS, TICK_SECONDS)

    def stop_clock(self) -> None:
        """End what `start_clock` began."""
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _tick(self, _number: int, frame: Optional[FrameType]) -> None:
        if self._telling:
            return
        if time.monotonic() > self.deadline:
            self.stop_clock()
            self.over = f"the dry run stopped after {self.probe.seconds:g} s"
            raise Finished(self.over)
        if self.built != self._built_before:
            # A library puts a large model together: that ends by itself.
            self._built_before, self.statement_started = self.built, self.now()
        if self.overran(self.statement_started, self.statement_seconds) and self.files.nearest(frame) is not None:
            self.statement_started = self.now()
            raise StatementTimeout(f"takes longer than {self.statement_seconds:g} s")
