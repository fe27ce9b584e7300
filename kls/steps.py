"""Real steps that were run or are being run for open documents: the session's memory of them.

At most one is run at a time. What one told is known by all that it depends on, so it comes back with an undone edit.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from kls import carrying, describe, hardware, host
from kls.analysis import Analysis, allowed
from kls.documents import Snapshot
from kls.facts import Finding, Span
from kls.hardware import Hardware, Measured
from kls.interpreter import Choice
from kls.rules import STEP_CODES
from kls.settings import Settings
from kls.worker.protocol import Call, Report
from kls.workplace import Status

log = logging.getLogger(__name__)

ENDED = Measured(None, (), "an edit, or somebody, ended the step before it was done")
_MOST = 64
"""Measured steps that are remembered."""


@dataclass(frozen=True)
class Place:
    """Where a step is run: by which Python, in which folder, with which roots of modules, in what sandbox at least."""

    choice: Choice
    roots: tuple[str, ...]
    folder: str
    weakest: str | None


Where = Callable[[], Awaitable["Place | str"]]


@dataclass(frozen=True)
class _Running:
    uri: str
    span: Span
    task: asyncio.Task[Measured]


class Steps:
    """The step that is being run and what earlier ones told. `say` passes a status on, `changed` tells that the line
    above a training call reads otherwise now."""

    def __init__(self, say: Callable[[Status], None], changed: Callable[[], None]) -> None:
        self._say = say
        self._changed = changed
        self._known: dict[str, tuple[Snapshot, Measured]] = {}
        """What steps told, and the text that it was said of."""
        self._keys: dict[str, tuple[Report, dict[Span, str]]] = {}
        """By document, what each step of its latest report goes by."""
        self._running: _Running | None = None

    def known(self, uri: str, found: Analysis, call: Call) -> Measured | None:
        """What the step of `call` in the document `uri`, analysed as `found`, told; None where it was not run."""
        told = self._told(uri, found, call)
        return told[1] if told else None

    def is_running(self, uri: str, call: Call) -> bool:
        """Whether the step of `call` in the document `uri` is being run."""
        return self._running is not None and (self._running.uri, self._running.span) == (uri, call.span)

    async def run(self, uri: str, found: Analysis, call: Call, chosen: Settings, place: Where) -> Measured:
        """Run the step of `call`, in place of one that is being run, and remember what it tells. `place` says where,
        or in a sentence why nowhere. The end of the task that asks ends the step."""
        self.end()
        task = asyncio.get_running_loop().create_task(self._measure(uri, found, call, chosen, place))
        self._running = _Running(uri, call.span, task)
        self._changed()
        try:
            await asyncio.wait({task})
        finally:
            task.cancel()
            self._over(task)
            self._changed()
        return ENDED if task.cancelled() else task.result()

    def _over(self, task: asyncio.Task[Measured]) -> None:
        if self._running is not None and self._running.task is task:
            self._running = None

    def end(self) -> asyncio.Task[Measured] | None:
        """End the step that is being run, its process first of all; the task that does so, None where there is none."""
        running, self._running = self._running, None
        if running is None:
            return None
        running.task.cancel()
        return running.task

    def close(self, uri: str) -> None:
        """The document `uri` is no longer open."""
        self._keys.pop(uri, None)
        if self._running is not None and self._running.uri == uri:
            self.end()

    def forget(self) -> None:
        """What steps told no longer counts: settings or workers are new."""
        self._known.clear()

    async def idle(self) -> None:
        """Wait until no step is being run."""
        while self._running is not None:
            await asyncio.wait({self._running.task})
            await asyncio.sleep(0)

    def with_findings(self, uri: str, found: Analysis, chosen: Settings) -> Analysis:
        """The analysis with what real steps of this very model told before."""
        if found.report is None or not self._known:
            return found
        told: list[Finding] = []
        for call in hardware.steps_of(found.report, found.snapshot.name):
            known = self._told(uri, found, call)
            if known is not None:
                old, measured = known
                same = old.text == found.snapshot.text
                told += measured.findings if same else carrying.carry((old, measured.findings), found.snapshot)
        own = tuple(item for item in found.findings if item.code not in STEP_CODES)
        return replace(found, findings=(*own, *allowed(tuple(told), chosen)))

    def lenses(self, uri: str, found: Analysis, report: Report) -> list[describe.Lens]:
        """A line above each training call that could be run for real: an offer, or what came of it."""
        lenses: list[describe.Lens] = []
        for call in hardware.steps_of(report, found.snapshot.name):
            if call.method not in hardware.TRAINING:
                continue
            known = self.known(uri, found, call)
            if self.is_running(uri, call):
                title, step = "one real step is being run \N{HORIZONTAL ELLIPSIS}", "running"
            elif known is None:
                title, step = f"Probe one step on {hardware.DEVICE}", "probe"
            else:
                title, step = f"{hardware.short(known)} \N{MIDDLE DOT} Probe again", "again"
            lenses.append(describe.Lens(call.span.line, call.span.column, title, step))
        return lenses

    async def _measure(self, uri: str, found: Analysis, call: Call, chosen: Settings, place: Where) -> Measured:
        """Run the step in a worker of its own, which ends with it."""
        name = f"{os.path.basename(found.snapshot.name)} line {found.snapshot.locate(call.span.line)[1]}"
        self._say(Status("busy", f"{name}: one real step is being run"))
        worker: Hardware | None = None
        measured = ENDED
        try:
            at = await place()
            if isinstance(at, str):
                measured = Measured(None, (), at)
                return measured
            worker = Hardware(at.choice, at.roots, at.weakest)
            memory = int(chosen.hardware_memory) << 20 or None
            measured = await worker.measure(found, found.sources, at.folder, memory, call.span, chosen.hardware_timeout)
        except (host.Unavailable, host.Superseded) as error:
            measured = Measured(None, (), str(error))
        except Exception as error:
            log.exception("the step of %s failed", found.snapshot.uri)
            measured = Measured(None, (), f"kls itself failed: {error!r}")
        finally:
            told = measured.reason or (hardware.sentence(measured.step) if measured.step else "")
            self._say(Status("ready", f"{name}: {told}"))
            if worker is not None:
                await worker.stop()
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[self._key(uri, found, call)] = (found.snapshot, measured)
        return measured

    def _told(self, uri: str, found: Analysis, call: Call) -> tuple[Snapshot, Measured] | None:
        return self._known.get(self._key(uri, found, call)) if self._known else None

    def _key(self, uri: str, found: Analysis, call: Call) -> str:
        """What the step of `call` goes by in the memory of steps."""
        report = found.report
        assert report is not None
        held = self._keys.get(uri)
        if held is None or held[0] is not report:
            held = self._keys[uri] = report, {}
        if call.span not in held[1]:
            texts = (found.snapshot.text, *(source.text for source in found.sources))
            held[1][call.span] = f"{found.snapshot.name}\0{hardware.key(report, call, texts)}"
        return held[1][call.span]
