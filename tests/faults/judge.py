"""Holds what kls says of each faulty program against what its real run did."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from kls import witnesses
from kls.analysis import Tools, last
from kls.documents import Snapshot, read
from kls.facts import Finding, Severity
from kls.host import Host
from kls.settings import Settings
from kls.source import apply
from kls.worker.protocol import Probe, Report
from tests.faults.injectors import Fault, faults
from tests.faults.truth import Outcome, Truth

SECONDS = 20.0
"""Wall time for one dry run."""


@dataclass(frozen=True)
class Verdict:
    """One faulty program: what really happened, and what kls says. `program` names the working one;
    `trouble` is why kls did not see the whole of it."""

    program: str
    fault: Fault
    truth: Outcome
    findings: tuple[Finding, ...]
    trouble: str | None
    repaired_elsewhere: bool = False
    """Whether the first fix of an error away from the fault makes the program run, really run."""

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(item for item in self.findings if item.severity is Severity.ERROR)

    @property
    def on_line(self) -> bool:
        """Whether an error stands at the place of the fault; one over a few lines counts with its first and last."""
        return any(
            item.span.line in self.fault.lines
            or (item.span.end_line - item.span.line < 3 and item.span.end_line in self.fault.lines)
            for item in self.errors
            if item.span.path.endswith(f"/{self.fault.name}")
        )

    @property
    def has_fix(self) -> bool:
        return any(fix.verified for item in self.errors for fix in item.fixes)


def programs(folders: Iterable[Path]) -> dict[str, dict[str, str]]:
    """All scripts and notebooks that speak of Keras, by a short name: the texts of their files, the one that is run
    first. A folder with a `main.py` is one program of several files."""
    found: dict[str, dict[str, str]] = {}
    for folder in folders:
        paths = [folder] if folder.is_file() else sorted(folder.rglob("*"))
        projects = {path.parent for path in paths if path.name == "main.py"}
        for path in paths:
            if path.suffix not in (".py", ".ipynb") or ".git" in path.parts:
                continue
            if path.name != "main.py" and not projects.isdisjoint(path.parents):
                continue
            files = _files(path)
            if any("keras" in text for text in files.values()):
                found[str(path.relative_to(folder.parent))] = files
    return found


def _files(path: Path) -> dict[str, str]:
    """The texts of one program by the names of its files; empty where one is not Python."""
    others = sorted(path.parent.rglob("*.py")) if path.name == "main.py" else []
    files: dict[str, str] = {}
    for one in [path, *[other for other in others if other != path]]:
        try:
            text = read(one).text
            tree = Snapshot("", "", 0, text).tree
        except (OSError, ValueError):
            return {}
        if tree is None:
            return {}
        files[str(one.relative_to(path.parent).with_suffix(".py"))] = text
    return files


@asynccontextmanager
async def asker() -> AsyncIterator[Host]:
    """The real worker, in its sandbox."""
    host = Host(sys.executable)
    await host.start()
    try:
        yield host
    finally:
        await host.stop()


@dataclass(frozen=True)
class Told:
    """What kls says of a program, fixes tried; why it did not see the whole of it, if so; and the program after the
    first fix of the first error that has one."""

    findings: tuple[Finding, ...]
    trouble: str | None
    fixed: dict[str, str] | None


async def told(host: Host, files: Mapping[str, str]) -> Told:
    """Has kls look at a program."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            Path(folder, name).parent.mkdir(parents=True, exist_ok=True)
            Path(folder, name).write_text(text, encoding="utf-8", errors="surrogatepass")
        path = str(Path(folder, next(iter(files))))
        snapshot = Snapshot(f"file://{path}", path, 1, next(iter(files.values())))

        async def ask(probe: Probe) -> Report:
            return await witnesses.ask(probe, host.ask)

        tools = Tools(None, ask, Settings(worker_timeout=SECONDS), roots=(folder,))
        analysis = await last(snapshot, tools)
        errors = (item for item in analysis.findings if item.severity is Severity.ERROR)
        fix = next((fix for item in errors for fix in item.fixes if fix.verified), None)
        fixed = None
        if fix is not None:
            fixed = {
                name: apply(
                    text, [(edit.span, edit.text) for edit in fix.edits if edit.span.path == f"{folder}/{name}"]
                )
                for name, text in files.items()
            }
    return Told(analysis.findings, None if analysis.status == "checked" else analysis.reason or analysis.status, fixed)


async def judged(
    host: Host, truth: Truth, name: str, files: Mapping[str, str], most: int, kinds: str = ""
) -> AsyncIterator[Verdict]:
    """Each faulty form of one program, its working form first (its `fault` then changes nothing); `kinds` is a regular
    expression that the kind of the fault matches."""
    working = await asyncio.to_thread(truth.working, files)
    if working is None or not faults(name, working, 1, kinds):
        return
    said = await told(host, working)
    yield Verdict(name, Fault("none", "", "", frozenset(), ""), Outcome("done"), said.findings, said.trouble)
    for fault in faults(name, working, most, kinds):
        faulty = {**working, fault.name: fault.text}
        outcome = await asyncio.to_thread(truth.outcome, faulty)
        if outcome.failed or outcome.runs:
            said = await told(host, faulty)
            verdict = Verdict(name, fault, outcome, said.findings, said.trouble)
            if outcome.failed and not verdict.on_line and said.fixed is not None:
                again = await asyncio.to_thread(truth.outcome, said.fixed)
                verdict = replace(verdict, repaired_elsewhere=again.runs)
            yield verdict


def figures(verdicts: Iterable[Verdict]) -> dict[str, int]:
    """The table."""
    every = list(verdicts)
    alarms = {item.program for item in every if item.fault.kind == "none" and item.errors}
    injected = [item for item in every if item.fault.kind != "none" and item.program not in alarms]
    failing = [item for item in injected if item.truth.failed]
    running = [item for item in injected if item.truth.runs]
    return {
        "programs": sum(item.fault.kind == "none" for item in every),
        "called errors though they work": len(alarms),
        "faults that fail": len(failing),
        "reported": sum(bool(item.errors) for item in failing),
        "at the changed line": sum(item.on_line for item in failing),
        "there, or where it is really repaired too": sum(item.on_line or item.repaired_elsewhere for item in failing),
        "with a fix that holds": sum(item.has_fix for item in failing),
        "faults that still run": len(running),
        "of these called errors": sum(bool(item.errors) for item in running),
    }
