"""The catalogue of mistakes (`tests/cases/*.py`): programs that fail or go wrong, each with its repair in the text.

A line that ends in `#-` is broken, a comment that begins with `#+` is its repair; `truth.json` says what the installed
Keras really did. `python -m tests.catalogue [PATTERN]` runs kls on those whose name matches and prints what it missed.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from kls import check, find, plan, repairs, witnesses
from kls.documents import Snapshot
from kls.facts import Finding, Severity
from kls.host import Host
from kls.worker.protocol import Probe, Report

FOLDER = Path(__file__).parent / "cases"
LOUD = (Severity.ERROR, Severity.WARNING)


@dataclass(frozen=True)
class Case:
    """One mistake: the broken text, the repaired one, the lines (from 1, in the broken text) that the repair changes,
    and the exception that Keras raised, None where it ran silently."""

    name: str
    broken: str
    fixed: str
    lines: frozenset[int]
    exception: str | None
    repaired: bool


@dataclass(frozen=True)
class Outcome:
    """What kls said of one case. `silent` are loud findings on the repaired text, which should be none."""

    case: Case
    findings: tuple[Finding, ...]
    on_repaired: tuple[Finding, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(item for item in self.findings if item.severity is Severity.ERROR)

    @property
    def loud(self) -> tuple[Finding, ...]:
        return tuple(item for item in self.findings if item.severity in LOUD)

    @property
    def on_line(self) -> bool:
        """Whether a loud finding stands on a line of the repair; a finding over a few lines counts with each."""
        return any(
            item.span.line in self.case.lines
            or (item.span.end_line - item.span.line < 3 and self.case.lines & {item.span.line, item.span.end_line})
            for item in self.loud
        )

    @property
    def has_fix(self) -> bool:
        return any(fix.verified for item in self.loud for fix in item.fixes)


def read(pattern: str = "") -> list[Case]:
    """The cases whose names match the regular expression `pattern`."""
    truth = json.loads((FOLDER / "truth.json").read_text())
    paths = sorted(path for path in FOLDER.glob("*.py") if re.search(pattern, path.stem))
    return [_read(path, truth[path.stem]["exception"]) for path in paths]


def _read(path: Path, exception: str | None) -> Case:
    broken: list[str] = []
    fixed: list[str] = []
    removed: set[int] = set()
    beside: set[int] = set()
    for line in path.read_text().split("\n"):
        added = re.match(r"^(\s*)#\+ ?(.*)$", line)
        if re.search(r"#-\s*$", line):
            broken.append(re.sub(r"\s*#-\s*$", "", line))
            removed.add(len(broken))
        elif added:
            fixed.append(added.group(1) + added.group(2))
            beside |= {len(broken), len(broken) + 1}
        else:
            broken.append(line)
            fixed.append(line)
    lines = frozenset(removed or beside)
    return Case(path.stem, "\n".join(broken), "\n".join(fixed), lines, exception, bool(removed or beside))


@asynccontextmanager
async def worker() -> AsyncIterator[Host]:
    """The real worker, in its sandbox."""
    host = Host(sys.executable)
    await host.start()
    try:
        yield host
    finally:
        await host.stop()


async def findings(host: Host, name: str, text: str, tried: bool) -> tuple[Finding, ...]:
    """What kls says of one text; with `tried`, only fixes that hold."""
    path = str(Path("/nowhere") / f"{name}.py")
    snapshot = Snapshot(f"file://{path}", path, 1, text)
    probe = plan.plan(snapshot)
    report = await witnesses.ask(probe, host.ask)
    found = check.check(snapshot, await find.sites(snapshot, None), report)

    async def ask(changed: Probe) -> Report:
        return await witnesses.ask(changed, host.ask)

    if not tried:
        return found
    return repairs.of_one_cause(await repairs.verify(snapshot, found, probe, ask, before=report))


WORKERS = 2
"""Workers that share the catalogue; each keeps one processor busy."""


async def run(cases: Iterable[Case]) -> list[Outcome]:
    """Each case, broken and repaired, by the real workers, as they come."""
    left = iter(cases)
    parts = await asyncio.gather(*(_by_one(left) for _ in range(WORKERS)))
    return sorted((item for part in parts for item in part), key=lambda item: item.case.name)


async def _by_one(cases: Iterable[Case]) -> list[Outcome]:
    outcomes: list[Outcome] = []
    async with worker() as host:
        for case in cases:
            broken = await findings(host, case.name, case.broken, tried=True)
            fixed = await findings(host, case.name, case.fixed, tried=False) if case.repaired else ()
            loud = tuple(item for item in fixed if item.severity in LOUD)
            outcomes.append(Outcome(case, broken, loud))
    return outcomes


def table(outcomes: list[Outcome]) -> dict[str, int]:
    """The figures: how many raise, are told as errors, on the right line, with a tried fix; false alarms."""
    raising = [item for item in outcomes if item.case.exception]
    silent = [item for item in outcomes if not item.case.exception]
    return {
        "raising": len(raising),
        "reported": sum(bool(item.errors) for item in raising),
        "on the line": sum(item.on_line for item in raising),
        "with a tried fix": sum(item.has_fix for item in raising),
        "silent": len(silent),
        "silent called errors": sum(bool(item.errors) for item in silent),
        "silent told": sum(bool(item.findings) for item in silent),
        "false alarms on repaired": sum(bool(item.on_repaired) for item in outcomes),
    }


def main(pattern: str) -> None:
    """Print what kls missed, and the figures."""
    outcomes = asyncio.run(run(read(pattern)))
    for item in outcomes:
        told = [
            (found.code, found.severity.value, found.span.line, [fix.title for fix in found.fixes])
            for found in item.findings
        ]
        case = item.case
        if item.on_repaired:
            print("FALSE ", case.name, [(found.code, found.span.line, found.message) for found in item.on_repaired])
        if case.exception and not item.errors:
            print("MISSED", case.name, case.exception, told)
        elif case.exception and not item.on_line:
            print("LINE  ", case.name, "wanted", sorted(case.lines), "told", told)
        elif case.exception and not item.has_fix:
            print("NO FIX", case.name, told)
        elif not case.exception and case.repaired and not item.findings:
            print("SILENT", case.name)
    print(table(outcomes))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
