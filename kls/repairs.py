"""Tries fixes before they are offered: the edited program is dry-run, and must lose the finding and gain none.

`verify` takes findings with candidate fixes and gives them back with the fixes that hold, best first; the finding
moves to the place of the best one.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable

from kls.check import check
from kls.documents import Snapshot
from kls.facts import Evidence, Finding, Fix, Severity
from kls.source import apply
from kls.worker.protocol import Probe, Report, Source

MOST_TRIED = 12
"""Candidates tried for one finding."""
MOST_OFFERED = 3
"""Repairs that hold, after which no more are tried."""
MOST_SECONDS = 40.0
"""Seconds of dry runs that the fixes of one document may take together."""

Ask = Callable[[Probe], Awaitable[Report]]


async def verify(
    snapshot: Snapshot,
    findings: tuple[Finding, ...],
    probe: Probe,
    ask: Ask,
    besides: tuple[Finding, ...] = (),
    before: Report | None = None,
) -> tuple[Finding, ...]:
    """The findings with their fixes tried. `probe` is what they come from and `before` what came of it; `ask` runs a
    changed one; `besides` is what else was found and is not to be repaired here.

    Raises whatever `ask` raises (a newer probe replaced it, the worker went away).
    """
    verified: list[Finding] = []
    spent = 0.0
    for finding in findings:
        tried: list[Fix] = []
        programs: set[tuple[Source, ...]] = set()
        for fix in finding.fixes[:MOST_TRIED]:
            if sum(item.verified is True for item in tried) >= MOST_OFFERED or spent > MOST_SECONDS:
                break
            changed = edited(probe, fix)
            if changed is None or changed.sources in programs:
                continue
            programs.add(changed.sources)
            report = await ask(changed)
            spent += report.seconds
            holding = _as_much_is_known(before, report) and not _raises(fix, report)
            every = (*findings, *besides)
            holding = holding and await asyncio.to_thread(_holds, snapshot, every, finding, changed, report)
            tried.append(dataclasses.replace(fix, verified=holding))
        verified.append(with_fixes(finding, tried))
    return tuple(verified)


def edited(probe: Probe, fix: Fix) -> Probe | None:
    """The probe of the program after `fix`; None when it edits a file that the probe does not hold."""
    paths = {source.path for source in probe.sources}
    if not {edit.span.path for edit in fix.edits} <= paths:
        return None
    sources: list[Source] = []
    for source in probe.sources:
        changes = [(edit.span, edit.text) for edit in fix.edits if edit.span.path == source.path]
        text = apply(source.text, changes) if changes else source.text
        sources.append(dataclasses.replace(source, text=text))
    return dataclasses.replace(probe, sources=tuple(sources))


def _as_much_is_known(before: Report | None, after: Report) -> bool:
    """Whether a change left no `fit` or its like unknown that was not: what is unknown is silent, not mended."""
    return before is None or _unknown(after) <= _unknown(before)


def _raises(fix: Fix, after: Report) -> bool:
    """Whether a line that the fix edits raises now, though not as a fault of shapes: too many values to unpack."""
    places = {(edit.span.path, edit.span.line) for edit in fix.edits}
    return any(gap.kind == "error" and (gap.span.path, gap.span.line) in places for gap in after.gaps)


def _unknown(report: Report) -> int:
    return sum(call.status == "unknown" for call in report.calls)


def _holds(snapshot: Snapshot, findings: tuple[Finding, ...], finding: Finding, changed: Probe, report: Report) -> bool:
    """Whether `changed`, of which `report` tells, is the program without `finding`."""
    if not report.complete:
        return False
    after = check(dataclasses.replace(snapshot, text=changed.sources[0].text), (), report, changed.sources[1:])
    return holds(findings, finding, after)


def holds(before: tuple[Finding, ...], finding: Finding, after: Iterable[Finding]) -> bool:
    """Whether `finding` is gone and nothing as loud as a warning is new: no code is told more often than before.

    A program that raised and now runs may turn out to be silently wrong; that was so before, and is no new fault.
    """
    left = list(after)
    raised = finding.severity is Severity.ERROR
    if louder(before, (item for item in left if not (raised and item.evidence is Evidence.SILENT))):
        return False
    same = sum(item.code == finding.code for item in left)
    return same < sum(item.code == finding.code for item in before)


def louder(before: tuple[Finding, ...], after: Iterable[Finding]) -> bool:
    """Whether a code is told more often after than before, as loud as a warning."""
    loud = (Severity.ERROR, Severity.WARNING)
    had = Counter(item.code for item in before if item.severity in loud)
    has = Counter(item.code for item in after if item.severity in loud)
    return any(count > had[code] for code, count in has.items())


def with_fixes(finding: Finding, tried: list[Fix]) -> Finding:
    """The finding with those of the tried fixes that hold, at the place that the best of them blames."""
    good = [fix for fix in tried if fix.verified]
    if not good:
        return dataclasses.replace(finding, fixes=())
    place = good[0].cause or finding.span
    return dataclasses.replace(finding, fixes=tuple(good), span=place)
