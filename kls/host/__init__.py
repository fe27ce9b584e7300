"""Owns one worker: starts it, asks it, limits it, tells what it does, and starts it again when it dies.

Invariants. At most one question is open; a newer one takes its place, and the older one raises Superseded. Whatever
the worker does (dies, hangs, lies, floods) is told in a Report or a Status; none of it reaches the caller as anything
but Superseded or Unavailable. Nothing here blocks the event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from kls.host import watch
from kls.host.command import BOOTSTRAP, Start, weakest_tier
from kls.host.process import Process
from kls.worker.protocol import PROTOCOL, Hello, Message, Probe, Report
from kls.worker.sandbox import policy

__all__ = ["Host", "Running", "State", "Status", "Superseded", "Unavailable", "weakest_tier"]

log = logging.getLogger(__name__)
START_SECONDS = 120.0
"""How long a worker may take from its start to its Hello."""
GRACE_SECONDS = 2.5
"""How much longer than its own limit a probe may take before the whole worker is killed."""
BACK_OFF = (0.0, 1.0)
"""Seconds to wait before the restarts after the first deaths in a row; one death more, and there is no restart."""


_LIMITS = frozenset(("refused", "network", "file", "time", "memory"))
"""Kinds of gaps that the sandbox and its limits make."""


_MOST_SHOWN = 200
"""Files that are remembered for a status page."""


class State(Enum):
    """What a host's worker does."""

    OFF = "off"
    STARTING = "starting"
    READY = "ready"
    PROBING = "probing"
    STOPPED = "stopped"
    """It died too often; `restart` tries again."""
    FAILED = "failed"
    """It cannot work here; `restart` tries again."""


@dataclass(frozen=True)
class Status:
    """What the worker does, with a sentence for the user."""

    state: State
    sentence: str


@dataclass(frozen=True)
class Running:
    """A worker's processes: the `number` of the outermost, what `kind` of worker it is, when it was `started` in
    seconds since 1970, and what all of them use."""

    number: int
    kind: str
    started: float
    use: watch.Use


class Superseded(Exception):
    """A newer question took the place of this one."""


class Unavailable(Exception):
    """There is no worker to ask; the text says why and what to do."""


@dataclass
class _Ask:
    probe: Probe
    answer: asyncio.Future[Report]
    asked: float
    number: int = 0
    """Its number on the wire; numbers grow."""
    worker: Process | None = None
    so_far: Report | None = None
    """What its dry run had found when it died."""

    def cut_short(self, ended: str, seconds: float) -> Report:
        """The answer where a dry run did not come to its own end."""
        found = self.so_far or Report(id=0, complete=False, ended=None, seconds=0.0)
        return replace(found, id=self.probe.id, complete=False, ended=ended, seconds=seconds, goes_on=False)


class Host:
    """One worker of the author's interpreter at `interpreter` (an absolute path).

    `workspace`, `user_site`, `backend`, `sandbox` and `weakest` are as in `kls.host.command.Start`. With `one_use` a
    worker does one dry run and a warm spare takes its place; None chooses it where forking is not safe. With `real` it
    runs real steps after dry runs that ask for one. `on_change` is called with each new Status. When one of the folders
    `site` changes (packages come and go), the next question is asked of a fresh worker. The remaining arguments exist
    for tests.
    """

    def __init__(
        self,
        interpreter: str,
        *,
        workspace: tuple[str, ...] = (),
        user_site: tuple[str, ...] = (),
        backend: str | None = None,
        site: tuple[str, ...] = (),
        environment: tuple[tuple[str, str], ...] = (),
        sandbox: bool = True,
        weakest: str = policy.WALLED,
        one_use: bool | None = None,
        real: bool = False,
        on_change: Callable[[Status], None] | None = None,
        bootstrap: Path = BOOTSTRAP,
        start_seconds: float = START_SECONDS,
        grace_seconds: float = GRACE_SECONDS,
        back_off: tuple[float, ...] = BACK_OFF,
    ) -> None:
        if one_use is None:
            one_use = sys.platform == "darwin" or not hasattr(os, "fork")
        self.status = Status(State.OFF, "the TensorFlow process is not started")
        self.hello: Hello | None = None
        """The latest worker's own words about itself."""
        self.grant: policy.Grant | None = None
        """What the sandbox around the latest worker achieved, also when that was too little; None without one."""
        self.tally: Counter[str] = Counter()
        """What happened since the start: dry runs, those cut short, deaths of workers, and what dry runs met of their
        limits by the kind of `Gap`."""
        self.shown: dict[str, None] = {}
        """The files of the workspace that dry runs got or might open, the latest last."""
        self.on_change = on_change
        self._start = Start(
            interpreter,
            workspace,
            user_site,
            backend,
            environment,
            sandbox,
            weakest,
            one_use=one_use,
            real=real,
            bootstrap=bootstrap,
        )
        self._site = site
        self._site_then: tuple[float, ...] = ()
        self._start_seconds = start_seconds
        self._grace_seconds = grace_seconds
        self._back_off = back_off
        self._current: Process | None = None
        self._spare: Process | None = None
        self._processes: set[Process] = set()
        self._ask: _Ask | None = None
        self._deaths = 0
        self._number = 0
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: list[asyncio.Future[Hello]] = []

    def running(self) -> Running | None:
        """The worker's processes now; None while there are none."""
        process = self._current
        if process is None or process.number is None:
            return None
        kind = "one process a dry run, and a spare" if self._start.one_use else "a fork server"
        return Running(process.number, kind, process.started, watch.use(process.number))

    async def start(self) -> Hello:
        """Start the worker if it is off; its Hello, once it takes probes or says in `problem` why it cannot.

        Raises Unavailable when it does not get that far.
        """
        if self.status.state is State.OFF:
            self._deaths = 0
            self._begin()
        if self.hello is not None and self.status.state in (State.READY, State.PROBING, State.FAILED):
            return self.hello
        if self.status.state in (State.STOPPED, State.FAILED):
            raise Unavailable(self.status.sentence)
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        return await waiting

    async def ask(self, probe: Probe) -> Report:
        """Have `probe` done. An unanswered older question raises Superseded; a probe that dies is a Report too.

        Raises Unavailable where no worker can be had. Starts the worker if it is off.
        """
        loop = asyncio.get_running_loop()
        if self.status.state is not State.OFF and self._site_then != self._site_now():
            await self.restart()
        if self.status.state in (State.STOPPED, State.FAILED):
            raise Unavailable(self.status.sentence)
        older, self._ask = self._ask, _Ask(probe, loop.create_future(), loop.time())
        ask = self._ask
        if older is not None and not older.answer.done():
            older.answer.set_exception(Superseded("a newer question took its place"))
        if self.status.state is State.OFF:
            self._deaths = 0
            self._begin()
        self._dispatch()
        try:
            return await ask.answer
        finally:
            if self._ask is ask and ask.worker is None:
                self._ask = None

    async def restart(self) -> None:
        """End the worker and start a fresh one; an open question is asked again there."""
        self._deaths = 0
        self._drop("it was restarted")
        if self._ask is not None:
            self._ask.worker = self._ask.so_far = None
        self._begin()

    async def stop(self) -> None:
        """End the worker; open questions raise Unavailable. Returns when nothing of it is left."""
        self._drop("it was stopped")
        self._say(State.OFF, "the TensorFlow process is not started")
        self._refuse()
        gone = [process.gone() for process in self._processes]
        await asyncio.gather(*gone)
        self._processes.clear()

    # Starting

    def _begin(self) -> None:
        self._timer = None
        self.hello = None
        self._site_then = self._site_now()
        if self._spare is not None:
            self._current, self._spare = self._spare, None
        else:
            self._current = self._spawn()
        if self._current.hello is not None:
            self._ready(self._current, self._current.hello)
        else:
            self._say(State.STARTING, f"starting TensorFlow in {self._start.interpreter}")
            self._set_timer(self._start_seconds, self._too_slow, self._current)

    def _spawn(self) -> Process:
        process = Process(self._start, self._received, self._died, self._drained)
        self._processes = {other for other in self._processes if not other.buried} | {process}
        return process

    def _too_slow(self, process: Process) -> None:
        process.kill(f"it was not ready after {self._start_seconds:g} s")

    def _ready(self, process: Process, hello: Hello) -> None:
        self._cancel_timer()
        self.hello, self.grant = hello, process.grant()
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(hello)
        if hello.problem is not None:
            self._fail(f"static findings only: {hello.problem}")
            return
        self._say(State.READY, self._words(hello))
        self._dispatch()
        if self._start.one_use and self._spare is None:
            self._spare = self._spawn()

    def _words(self, hello: Hello) -> str:
        return f"TensorFlow {hello.tensorflow} with Keras {hello.keras} is ready"

    # What the worker does

    def _received(self, process: Process, message: Message) -> None:
        ask = self._ask
        if isinstance(message, Hello) and process.hello is None:
            process.hello = message
            if message.protocol != PROTOCOL:
                self._fail(
                    f"static findings only: the worker in {self._start.interpreter} speaks protocol "
                    f"{message.protocol}, this kls speaks {PROTOCOL}; install one version of kls"
                )
            elif process is self._current:
                self._ready(process, message)
        elif isinstance(message, Report) and message.goes_on and process.halfway < message.id <= process.sent:
            process.halfway = message.id
            if ask is not None and ask.worker is process and ask.number == message.id:
                ask.so_far = message
        elif isinstance(message, Report) and not message.goes_on and process.answered < message.id <= process.sent:
            process.answered = message.id
            if ask is not None and ask.worker is process and ask.number == message.id:
                self._deaths = 0
                self.tally.update({gap.kind for gap in message.gaps} & _LIMITS)
                if ask.so_far is not None and not message.complete:
                    message = ask.cut_short(message.ended or "it ended early", message.seconds)
                self._resolve(replace(message, id=ask.probe.id))
        else:
            process.kill(f"it sent a {type(message).__name__} out of turn")

    def _died(self, process: Process, why: str) -> None:
        log.info("a worker is gone: %s", why)
        self.tally["workers ended"] += 1
        if process is self._spare:
            self._spare = None
        if process is not self._current:
            return
        self._current = None
        self.grant = process.grant() or self.grant
        self._cancel_timer()
        used_up = bool(process.answered) and process.code == 0
        if self._ask is not None and self._ask.worker is process:
            if used_up:
                self._ask.worker = None
            else:
                seconds = asyncio.get_running_loop().time() - self._ask.asked
                who = "the process of the dry run" if self._start.one_use else "the TensorFlow process"
                ended = f"{who} is gone: {why}"
                self._resolve(self._ask.cut_short(ended, seconds))
        if process.unfit:
            self._fail(f"static findings only: {why.removeprefix('kls: ')}")
        elif used_up or (self._start.one_use and process.busy):
            self._begin()
        else:
            self._try_again(why)

    def _try_again(self, why: str) -> None:
        self._deaths += 1
        if self._deaths > len(self._back_off):
            self._give_up(why)
            return
        sentence = f"the TensorFlow process in {self._start.interpreter} died ({why}); it is started again"
        self._say(State.STARTING, sentence)
        self._set_timer(self._back_off[self._deaths - 1], self._begin)

    def _give_up(self, why: str) -> None:
        times = len(self._back_off) + 1
        self._drop(why)
        self._say(
            State.STOPPED,
            f"static findings only: the TensorFlow process in {self._start.interpreter} died {times} times in a row "
            f"({why}); restart the worker to try again",
        )
        self._refuse()

    def _fail(self, sentence: str) -> None:
        self._drop(sentence)
        self._say(State.FAILED, sentence)
        self._refuse()

    # Questions

    def _dispatch(self) -> None:
        """Send the open question if the worker can take it."""
        ask, process = self._ask, self._current
        if ask is None or ask.worker is not None or process is None or process.hello is None or process.writing:
            return
        if self._walled_from_the_start and not set(ask.probe.readable) <= set(process.readable):
            self._start = replace(self._start, readable=ask.probe.readable)
            self._drop("the next dry run reads other data files")
            self._begin()
            return
        if self._start.one_use and process.sent:
            self._current = None
            process.kill("a newer question took its place")
            self._begin()
            return
        self._number += 1
        ask.worker, ask.number = process, self._number
        process.sent = ask.number
        process.send(replace(ask.probe, id=ask.number))
        self._show(ask.probe)
        name = os.path.basename(ask.probe.sources[0].path) if ask.probe.sources else ""
        self._say(State.PROBING, f"dry-running {name or 'the program'}")
        self._set_timer(ask.probe.seconds + self._grace_seconds, self._too_late, process)

    @property
    def _walled_from_the_start(self) -> bool:
        """Whether what a worker may read is settled when it starts; Windows lets it read no file of the workspace."""
        return self.grant is not None and "seatbelt" in self.grant.layers

    def _show(self, probe: Probe) -> None:
        """Note which files of the workspace a dry run gets or may open."""
        for path in (*(source.path for source in probe.sources), *probe.readable):
            if os.path.isabs(path):
                self.shown.pop(path, None)
                self.shown[path] = None
        for path in list(self.shown)[:-_MOST_SHOWN]:
            del self.shown[path]

    def _too_late(self, process: Process) -> None:
        self._timer = None
        ask = self._ask
        if ask is not None and ask.worker is process:
            seconds = asyncio.get_running_loop().time() - ask.asked
            ended = f"stopped after {ask.probe.seconds:g} s"
            self._resolve(ask.cut_short(ended, seconds))
        process.kill("it did not answer in time")

    def _resolve(self, report: Report) -> None:
        """Answer the open question."""
        self.tally["dry runs"] += 1
        self.tally["cut short"] += not report.complete
        ask, self._ask = self._ask, None
        if self._current is None or not self._current.busy:
            self._cancel_timer()
        if ask is not None and not ask.answer.done():
            ask.answer.set_result(report)
        if self._current is not None and self.hello is not None:
            self._say(State.READY, self._words(self.hello))

    def _drained(self, process: Process) -> None:
        if process is self._current:
            self._dispatch()

    # Small parts

    def _drop(self, why: str) -> None:
        """End all processes without a restart."""
        self._cancel_timer()
        processes = [process for process in (self._current, self._spare) if process is not None]
        self._current = self._spare = None
        for process in processes:
            process.kill(why)

    def _refuse(self) -> None:
        """Tell everyone who waits that there is no worker."""
        ask, self._ask = self._ask, None
        waiting, self._waiting = self._waiting, []
        for future in (*([ask.answer] if ask is not None else []), *waiting):
            if not future.done():
                future.set_exception(Unavailable(self.status.sentence))

    def _site_now(self) -> tuple[float, ...]:
        """When the folders of packages last changed."""
        return tuple(os.stat(folder).st_mtime if os.path.isdir(folder) else 0.0 for folder in self._site)

    def _set_timer(self, seconds: float, call: Callable[..., None], *arguments: object) -> None:
        self._cancel_timer()
        self._timer = asyncio.get_running_loop().call_later(seconds, call, *arguments)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _say(self, state: State, sentence: str) -> None:
        status = Status(state, sentence)
        if status != self.status:
            self.status = status
            if self.on_change is not None:
                with contextlib.suppress(Exception):
                    self.on_change(replace(status))
