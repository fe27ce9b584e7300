"""Many files, one worker: what `check` and `shapes` share."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace

from kls import analysis, documents, find, host
from kls.analysis import Analysis, Tools
from kls.cli.text import complain
from kls.cli.workers import Run, at_work, settings_for
from kls.facts import Finding, Severity
from kls.hardware import Hardware, Measured
from kls.workplace import Workplace


@dataclass(frozen=True)
class Outcome:
    """One file of a run: `name` is what to call it, `analysis` is None where it could not even be read; `problem`
    then says why. `read_only` when the user or the project asked that programs are not run."""

    name: str
    analysis: Analysis | None
    problem: str | None
    seconds: float
    read_only: bool = False
    measured: Measured | None = None
    """What one real step told, where one was asked for."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All that was found."""
        step = self.measured.findings if self.measured is not None else ()
        return (*(self.analysis.findings if self.analysis else ()), *step)

    @property
    def status(self) -> str:
        """ "checked", "static" or "failed"."""
        return "failed" if self.analysis is None else self.analysis.status

    @property
    def unchecked(self) -> bool:
        """Whether less was done than was asked for."""
        return self.status == "failed" or (self.status == "static" and not self.read_only)

    @property
    def reason(self) -> str | None:
        """Why it is not "checked", in one sentence."""
        return self.problem if self.analysis is None else self.analysis.reason


@dataclass(frozen=True)
class Steps:
    """The wish for real steps: in at most `memory` bytes (None: most of what is free), by workers kept here."""

    memory: int | None
    workers: dict[str, Hardware] = field(default_factory=dict[str, Hardware])

    async def measure(self, found: Analysis, workplace: Workplace, root: str) -> Measured:
        """One real step of an analysed program, or why there was none."""
        choice = workplace.choice
        if found.report is None or choice is None:
            return Measured(None, (), found.reason or "there was no dry run")
        if any(finding.severity is Severity.ERROR for finding in found.findings):
            return Measured(None, (), "the errors above come first")
        worker = self.workers.setdefault(choice.path, Hardware(choice, (root,)))
        paths = workplace.resolver.sys_path
        modules = await asyncio.to_thread(find.imported, found.snapshot, (root,), {}, paths)
        try:
            return await worker.measure(found, modules, root, self.memory)
        except (host.Unavailable, host.Superseded) as error:
            return Measured(None, (), str(error))

    async def stop(self) -> None:
        """End the workers."""
        for worker in self.workers.values():
            await worker.stop()


async def outcomes(
    run: Run, python: str | None, static: bool, steps: Steps | None = None, *, findings_only: bool = False
) -> AsyncGenerator[Outcome]:
    """Each file of `run`, analysed in order by one worker; with `steps`, one real step of each is run.

    With `findings_only` the report of a program without findings may have sizes in it that nobody knows.
    """
    beside = frozenset(os.path.abspath(name) for name, problem in run.files if problem is None)
    for name, problem in run.files:
        started = time.perf_counter()
        if problem is None:
            outcome = await _analyse(name, run, python, static, steps, beside, findings_only)
        else:
            outcome = Outcome(name, None, problem, 0.0)
        yield replace(outcome, seconds=time.perf_counter() - started)


async def _analyse(
    name: str,
    run: Run,
    python: str | None,
    static: bool,
    steps: Steps | None,
    beside: frozenset[str],
    findings_only: bool,
) -> Outcome:
    try:
        snapshot = documents.read(name)
    except OSError as error:
        return Outcome(name, None, f"cannot be read: {error.strerror or error}", 0.0)
    except ValueError as error:
        return Outcome(name, None, str(error), 0.0)
    chosen, unused = settings_for(os.path.dirname(snapshot.path), python, static)
    complain(unused)
    inside = snapshot.path.startswith(run.folder.rstrip(os.sep) + os.sep)
    here = run.folder if inside else os.path.dirname(snapshot.path)
    tools = Tools(None, None, chosen, roots=(here,), root=here, leave_out=beside)
    measured: Measured | None = None
    found: Analysis | None = None
    if snapshot.broken is not None or ("keras" not in snapshot.text and "tensorflow" not in snapshot.text):
        found = await analysis.last(snapshot, tools)
    if found is None or (found.status != "failed" and found.sites):
        # A file without Keras needs neither TensorFlow nor the time that it takes to start.
        workplace, reason = await at_work(run.places, chosen, run.folder)
        ask = workplace.ask if reason is None else None
        once = workplace.ask_once if ask is not None and findings_only else None
        known = {"resolver": workplace.resolver, "keras": workplace.keras, "once": once}
        found = await analysis.last(snapshot, replace(tools, ask=ask, no_worker=reason, **known))
        if steps is not None and ask is not None:
            measured = await steps.measure(found, workplace, here)
    return Outcome(name, found, None, 0.0, read_only=chosen.worker_mode == "off", measured=measured)
