"""One real step of a program: in a worker of its own, with weights and real computation, within limits of memory and
time.

The step tells what a dry run cannot: how long it takes, how much memory, whether XLA compiles it. Whatever goes wrong
ends in a sentence; the host kills what overruns.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from kls import check, estimate, interpreter, plan, repairs
from kls.analysis import Analysis
from kls.facts import Finding
from kls.host import Host
from kls.rules import STEP_CODES
from kls.worker.protocol import Probe, Report, Source, Step

SECONDS = 120.0
"""Wall time of one program, dry run and step together; what takes longer is killed."""
_SHARE = 0.8
"""Of the free memory, what a step may take."""
_FALLBACK = 4 << 30
_KEPT = 64


@dataclass(frozen=True)
class Measured:
    """What a real step told. `step` is None where there was none; `reason` then says why in one sentence."""

    step: Step | None
    findings: tuple[Finding, ...]
    reason: str | None
    sandbox: tuple[str, ...] = ()
    """The layers of the sandbox in force around it."""


class Hardware:
    """The worker of one interpreter for real steps, and what it measured, by program, memory and device.

    The worker starts with the first question; `stop` ends it. An answer of a program that has not changed is not
    measured again.
    """

    def __init__(self, choice: interpreter.Choice, workspace: tuple[str, ...]) -> None:
        self._host = Host(
            choice.path,
            workspace=workspace,
            user_site=choice.user_site,
            backend=interpreter.backend(),
            site=choice.site,
            real=True,
        )
        self._known: dict[tuple[str, int], Report] = {}

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers of the sandbox in force around the latest worker."""
        return self._host.hello.sandbox if self._host.hello else ()

    async def measure(
        self, found: Analysis, modules: tuple[Source, ...], root: str, memory: int | None = None
    ) -> Measured:
        """Run one real step of an analysed program in at most `memory` bytes (None: most of what is free).

        Raises what the host raises where there is no worker, in a sentence.
        """
        limit = memory or free_memory()
        probe = plan.plan(found.snapshot, modules, root=root or None, seconds=SECONDS)
        probe = replace(probe, step_bytes=limit)
        report = await self._ask(probe)
        if not report.steps:
            return Measured(None, (), _why(report))
        told = check.check(found.snapshot, found.sites, report, modules)
        told = tuple(item if item.code in STEP_CODES else replace(item, fixes=()) for item in told)
        tried = await repairs.verify(found.snapshot, told, probe, self._ask)
        own = tuple(item for item in tried if item.code in STEP_CODES)
        return Measured(report.steps[0], own, None, self.layers)

    async def _ask(self, probe: Probe) -> Report:
        key = plan.digest(probe), probe.step_bytes
        if key not in self._known:
            report = await self._host.ask(probe)
            if not report.complete:
                return report
            if len(self._known) >= _KEPT:
                self._known.clear()
            self._known[key] = report
        return self._known[key]

    async def stop(self) -> None:
        """End the worker, whatever it does."""
        await self._host.stop()


def free_memory() -> int:
    """Bytes that a step may take here: a share of what the system says is free."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            fields = dict(line.split(":", 1) for line in file)
        return int(int(fields["MemAvailable"].split()[0]) * 1024 * _SHARE)
    except (OSError, KeyError, ValueError):
        pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0
        return pages // 2 or _FALLBACK


def sentence(step: Step) -> str:
    """What a step told, in one line; a step that did not get that far says only where it was."""
    batch = f"batch {step.batch_size:,}" + ("" if step.batch_known else " (the program does not tell its own)")
    where = f"{step.device}, {step.precision}" + (", XLA" if step.compiled else "")
    if not step.steps:
        return f"no step of `{step.method}` could be run at {batch} ({where})"
    return (
        f"one step of `{step.method}` at {batch}: {1000 * step.step_seconds:,.0f} ms "
        f"(the first one, with tracing and compiling, {step.first_seconds:.1f} s), "
        f"{estimate.bytes_text(taken(step))} of memory ({where})"
    )


def taken(step: Step) -> int:
    """Bytes that making the weights and running the steps took at most."""
    return max(0, step.peak_bytes - step.before_bytes)


def _why(report: Report) -> str:
    if report.ended is not None:
        return report.ended
    failed = next((call for call in report.calls if call.status != "traced" and not call.paired), None)
    if failed is not None:
        return f"the `{failed.method}` at line {failed.span.line} could not be traced: {failed.reason}"
    return "no `fit`, `evaluate` or `predict` was met"
