"""`kls check`: the findings of files and folders."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from kls.cli import records, text
from kls.cli.places import Places
from kls.cli.run import Outcome, Steps, outcomes
from kls.cli.workers import Run
from kls.facts import Finding, Severity

_LOUD = (Severity.ERROR, Severity.WARNING)
_ORDER = (Severity.ERROR, Severity.WARNING, Severity.INFORMATION, Severity.HINT)
_PLURAL = {Severity.INFORMATION: "information"}


async def run(about: Run, options: argparse.Namespace) -> int:
    """Check, print, and answer the exit status. Without a format it is annotations on GitHub's runners, text elsewhere.

    With the option `hardware`, one real step of each program is run as well.
    """
    memory = None if options.memory is None else options.memory << 20
    steps = Steps(memory) if options.hardware and not options.static else None
    try:
        return await _run(about, options.python, options.static, options.output_format, steps)
    finally:
        if steps is not None:
            await steps.stop()


async def _run(about: Run, python: str | None, static: bool, output: str | None, steps: Steps | None) -> int:
    output = output or ("github" if os.environ.get("GITHUB_ACTIONS") == "true" else "text")
    started = time.perf_counter()
    done: list[Outcome] = []
    told: dict[Finding, None] = {}
    missing: set[str] = set()
    places = Places({})
    # Closed here also when nobody reads the output any more: the workers end while the event loop still runs.
    async with contextlib.aclosing(outcomes(about, python, static, steps, findings_only=steps is None)) as found:
        async for outcome in found:
            done.append(outcome)
            places = places.with_file(outcome.name, outcome.analysis.snapshot if outcome.analysis else None)
            for finding in outcome.findings:
                if finding not in told:
                    told[finding] = None
                    _say(finding, places, output)
            if outcome.analysis is not None and output == "text":
                for note in (*text.missing(outcome.analysis, places, missing), *text.notes(outcome.analysis, places)):
                    text.write(note + "\n")
                for note in text.step_notes(outcome.name, outcome.measured):
                    text.write(note + "\n")
            if outcome.unchecked and output in ("concise", "github"):
                print(text.clean(f"kls: {outcome.name}: not checked: {outcome.reason}"), file=sys.stderr)
    if output == "json":
        print(records.dump({"files": _files(done, list(told), places)}))
    elif output == "text":
        text.write(_summary(done, list(told), time.perf_counter() - started))
    return status_of(done, list(told))


def status_of(done: Sequence[Outcome], findings: Sequence[Finding]) -> int:
    """0 nothing found, 1 errors or warnings, 2 where something was not checked as it was asked for."""
    if any(outcome.unchecked for outcome in done):
        return 2
    return 1 if any(finding.severity in _LOUD for finding in findings) else 0


def _say(finding: Finding, places: Places, output: str) -> None:
    if output == "text":
        text.write(text.full(finding, places, text.style_for(sys.stdout)) + "\n")
    elif output == "concise":
        text.write(text.concise(finding, places))
    elif output == "github":
        text.write(text.github(finding, places))


def _files(done: Sequence[Outcome], findings: Sequence[Finding], places: Places) -> list[dict[str, Any]]:
    """One entry for each file of the run, and for each other file that a finding is in."""
    entries: dict[str, dict[str, Any]] = {
        outcome.name: {
            "path": outcome.name,
            "status": outcome.status,
            "reason": outcome.reason,
            "seconds": round(outcome.seconds, 3),
            "findings": [],
            **({} if outcome.measured is None else {"step": records.step(outcome.measured, places)}),
        }
        for outcome in done
    }
    for finding in findings:
        name = places.name(finding.span.path)
        if name not in entries:
            entries[name] = {"path": name, "status": "checked", "reason": None, "seconds": 0.0, "findings": []}
        entries[name]["findings"].append(records.finding(finding, places))
    return list(entries.values())


def _summary(done: Sequence[Outcome], findings: Sequence[Finding], seconds: float) -> str:
    style = text.style_for(sys.stdout)
    lines: list[str] = []
    for outcome in done:
        if outcome.unchecked:
            partly = outcome.analysis is not None and outcome.analysis.report is not None
            word = "only read" if outcome.status != "failed" else "not wholly checked" if partly else "not checked"
            lines.append(f"{style.paint(text.clean(outcome.name), '1')}: {word}: {text.clean(outcome.reason or '')}")
    counts = Counter(finding.severity for finding in findings)
    found = ", ".join(_count(severity, counts[severity]) for severity in _ORDER if counts[severity])
    states = Counter(outcome.status for outcome in done)
    files = [f"{_number(states['checked'], 'file')} checked"] if states["checked"] else []
    files += [f"{_number(states['static'], 'file')} only read"] if states["static"] else []
    files += [f"{_number(states['failed'], 'file')} not checked"] if states["failed"] else []
    lines.append(f"{', '.join(files) or 'nothing to check'} in {seconds:.1f} s: {found or 'nothing found'}")
    return "\n".join(lines)


def _count(severity: Severity, number: int) -> str:
    return f"{number} {_PLURAL.get(severity, severity.value + ('' if number == 1 else 's'))}"


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
