"""One author's interpreter at work: its worker, its resolver, and who may use them when.

A dry run for what the user types goes before a trial of a fix: the host keeps only the newest question, so those who
try fixes ask again after a keystroke took their turn, and two documents take turns. A worker that nobody has used for
a while ends, and starts again with the next question.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import os
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import platformdirs

from kls import host, interpreter, trust, witnesses
from kls.find import Resolver
from kls.host.account import account, processes
from kls.settings import Settings
from kls.worker.protocol import Hello, Probe, Report

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Status:
    """What the worker does, for people: `sentence` says it. `state` is one of "idle" (not started), "starting",
    "ready", "busy" (a dry run is on), "failed" (it cannot work, or died too often) and "static" (programs are only
    read)."""

    state: str
    sentence: str


_TRIED_ALONE = ("Seatbelt", "AppContainer")
"""Tiers of macOS and Windows."""
_STATES = {host.State.OFF: "idle", host.State.PROBING: "busy", host.State.STOPPED: "failed"}


def _status(status: host.Status) -> Status:
    return Status(_STATES.get(status.state, status.state.value), status.sentence)


class Workplace:
    """One interpreter's worker and resolver, for programs of the same folders.

    `reason` says why there is no worker here, None where there is one or one may yet start; `keras` is the version of
    the Keras that programs get here, None where that is not certain.
    """

    def __init__(
        self,
        choice: interpreter.Choice | None,
        worker: host.Host | None,
        reason: str | None,
        workspace: tuple[str, ...],
    ) -> None:
        self.choice = choice
        self.reason = reason
        self.keras = interpreter.keras(choice)
        self.resolver = _resolver(choice, workspace)
        self.idle = 0.0
        self._host = worker
        self._start: asyncio.Task[None] | None = None
        self._rest: asyncio.TimerHandle | None = None
        self._background: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()
        self._trial = asyncio.Lock()
        self._calm = asyncio.Event()
        self._calm.set()
        self._asking = 0
        """How many wait for a dry run that goes before trials."""
        self._open = 0
        """How many dry runs are asked for, trials too."""

    @property
    def hello(self) -> Hello | None:
        """The worker's own words about itself, None while there is none."""
        return self._host.hello if self._host else None

    @property
    def too_weak(self) -> bool:
        """Whether the worker did not start because the sandbox is weak here and the user has not agreed to that."""
        return self._refused_in == "Weak"

    @property
    def _refused_in(self) -> str:
        """The tier of the sandbox in which the worker did not start because that is too little; "" where it did."""
        worker = self._host
        if worker is None or worker.grant is None or worker.status.state is not host.State.FAILED:
            return ""
        return worker.grant.tier if worker.hello is None else ""

    @property
    def status(self) -> Status | None:
        """What the worker does; None without a worker."""
        if self._host is None:
            return None
        return _status(self._host.status)

    def describe(self) -> dict[str, Any]:
        """Everything about this worker that a status page shows, as JSON."""
        hello = dataclasses.asdict(self.hello) if self.hello else {}
        chosen: dict[str, Any] = {}
        if self.choice:
            choice = self.choice
            chosen = {"interpreter": choice.path, "origin": choice.origin, "in_workspace": choice.inside}
        status = dataclasses.asdict(self.status) if self.status else {"state": "static", "sentence": self.reason}
        return {**chosen, **status, **{key: value for key, value in hello.items() if key != "path"}, **self.walls()}

    def walls(self) -> dict[str, Any]:
        """The account of the sandbox around the latest worker, its processes, what dry runs got to read and what they
        met so far; empty without a worker."""
        worker = self._host
        if worker is None:
            return {}
        grant, running = worker.grant, worker.running()
        walls = {"walls": account(grant)} if grant is not None else {}
        process = {"process": processes(running, time.time())} if running is not None else {}
        return {**walls, **process, "read": list(worker.shown), "tally": dict(sorted(worker.tally.items()))}

    def begin(self) -> None:
        """Start the worker if it is not running; does not wait."""
        if self._host is not None and self.hello is None and self._start is None:
            self._start = asyncio.get_running_loop().create_task(self._begin(self._host))

    async def ready(self) -> None:
        """Wait until the worker has started, or has failed to; one start serves all who wait."""
        self.begin()
        if self._start is not None:
            await asyncio.shield(self._start)

    async def _begin(self, worker: host.Host) -> None:
        self._beside(self.resolver.prewarm())
        try:
            hello = await worker.start()
            self.reason = hello.problem
            entries = (entry for entry in hello.path if os.path.isabs(entry))
            self.resolver.sys_path = tuple(dict.fromkeys((*entries, *self.resolver.sys_path)))
        except host.Unavailable as error:
            self.reason = weakness() if self.too_weak else unsaid(self._refused_in) or str(error)
        finally:
            self._start = None

    async def ask(self, probe: Probe) -> Report:
        """Have one dry run done, before all trials. Raises what the host raises, in a sentence."""
        return await self._first(self._ask, probe)

    async def _first(self, ask: Callable[[Probe], Coroutine[Any, Any, Report]], probe: Probe) -> Report:
        self._asking += 1
        self._calm.clear()
        try:
            async with self._turn:
                return await ask(probe)
        finally:
            self._asking -= 1
            if not self._asking:
                self._calm.set()

    async def ask_once(self, probe: Probe) -> Report:
        """The same with one series of witnesses, which does not tell what depends on them (`kls/witnesses.py`)."""
        return await self._first(self._once, probe)

    async def ask_quietly(self, probe: Probe) -> Report:
        """Have one dry run done when nobody waits for another."""
        async with self._trial:
            while True:
                await self._calm.wait()
                with contextlib.suppress(host.Superseded):
                    return await self._ask(probe)

    async def _ask(self, probe: Probe) -> Report:
        return await self._at_work(probe, witnesses.ask)

    async def _once(self, probe: Probe) -> Report:
        return await self._at_work(probe, lambda one, ask: ask(one))

    async def _at_work(
        self, probe: Probe, how: Callable[[Probe, Callable[[Probe], Awaitable[Report]]], Awaitable[Report]]
    ) -> Report:
        assert self._host is not None
        if self._rest is not None:
            self._rest.cancel()
        self._open += 1
        try:
            await self.ready()
            return await how(probe, self._host.ask)
        finally:
            self._open -= 1
            if self.idle > 0 and not self._open:
                self._rest = asyncio.get_running_loop().call_later(self.idle, self._sleep)

    def _sleep(self) -> None:
        if not self._open:
            self._beside(self.stop())

    def _beside(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def retire(self) -> None:
        """End for good, without a word: what took its place speaks now."""
        if self._host is not None:
            self._host.on_change = None
        await self.stop()

    async def stop(self) -> None:
        """End the worker and the resolver's child; the next question starts them again."""
        if self._rest is not None:
            self._rest.cancel()
        if self._start is not None:
            self._start.cancel()
        before, self.resolver = self.resolver, _resolver(self.choice, self.resolver.roots)
        self.resolver.sys_path = before.sys_path
        if self._host is not None:
            await self._host.stop()
        await before.stop()


class Workplaces:
    """The workplaces of one session, one for each interpreter and workspace; `on_change` hears of every new status."""

    def __init__(self) -> None:
        self.on_change: Callable[[Status], None] = lambda status: None
        self.folders: tuple[str, ...] = ()
        """The workspace folders; their programs share a worker, which may read them."""
        self.trusted = True
        """Whether the user has said that they trust the folders; on the command line a command alone may be all."""
        self._ending: set[asyncio.Task[None]] = set()
        self._places: dict[tuple[str, tuple[str, ...], bool], Workplace] = {}

    async def get(self, settings: Settings, folder: str, trusted: bool, wait: bool = True) -> Workplace:
        """The workplace for programs of `folder`, its worker started, or starting unless `wait`.

        Where the folder is not trusted, or no interpreter has TensorFlow, it has no worker and says why.
        """
        choice, reason = await asyncio.to_thread(
            interpreter.find,
            folder,
            setting=settings.worker_interpreter if trusted else None,
            project=settings.project_python,
            trusted=trusted,
        )
        if choice is not None:
            reason = interpreter.advice(choice)
        usable = choice is not None and reason is None and trusted and settings.worker_mode != "off"
        workspace = self.folders if folder in self.folders else (folder,) if folder else ()
        key = (choice.path if choice else "", workspace, usable)
        if key not in self._places:
            worker = self._worker(choice, workspace) if choice and usable else None
            self._places[key] = Workplace(choice, worker, reason, workspace)
            for other in [known for known in self._places if known[1] == workspace and known != key]:
                # The editor chose another interpreter for these folders; two workers would take twice the memory.
                self._beside(self._places.pop(other).retire())
        place = self._places[key]
        place.idle = settings.worker_idle_shutdown
        place.begin()
        if wait:
            await place.ready()
        return place

    def _beside(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    def _worker(self, choice: interpreter.Choice, workspace: tuple[str, ...]) -> host.Host:
        return host.Host(
            choice.path,
            workspace=workspace,
            user_site=choice.user_site,
            backend=interpreter.backend(),
            site=choice.site,
            weakest=self.weakest,
            on_change=self._tell,
        )

    @property
    def weakest(self) -> str:
        """The weakest tier of the sandbox in which programs are run."""
        return host.weakest_tier(self.trusted, trust.weak_agreed() is True)

    def _tell(self, status: host.Status) -> None:
        self.on_change(_status(status))

    @property
    def too_weak(self) -> bool:
        """Whether a worker did not start because the user has not agreed to a weak sandbox."""
        return any(place.too_weak for place in self._places.values())

    def describe(self) -> list[dict[str, Any]]:
        """Each worker for a status page: interpreter, versions, devices, sandbox."""
        return [place.describe() for place in self._places.values() if place.status is not None]

    async def stop(self) -> None:
        """End all workers and resolvers."""
        places, self._places = list(self._places.values()), {}
        await asyncio.gather(*(place.stop() for place in places), *self._ending)


def weakness() -> str:
    """Why programs are only read where the sandbox is weak, and what to do, in a sentence."""
    what = f"static findings only: the sandbox is weak here, {trust.WEAK}"
    if trust.weak_agreed():
        return f"{what}; you agreed to that for the folders that you trust: kls trust FOLDER"
    return f"{what}; to agree to that for the folders that you trust: kls trust --weak-sandbox"


def _resolver(choice: interpreter.Choice | None, roots: tuple[str, ...]) -> Resolver:
    path = choice.site if choice else ()
    return Resolver(path, str(platformdirs.user_cache_path("kls") / "names"), roots)


def unsaid(tier: str) -> str:
    """Why a command alone runs no programs in a sandbox whose walls held when tried, and what to do; "" for others."""
    if tier not in _TRIED_ALONE:
        return ""
    return (
        f"static findings only: the sandbox of this kind of system ({tier}) has been tried by kls itself but attacked"
        " by nobody, so programs are dry-run only in folders that you have said you trust: kls trust FOLDER"
    )
