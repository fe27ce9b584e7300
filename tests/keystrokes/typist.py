"""Programs typed into a session as people type them, and what must hold at every keystroke.

- Nothing crashes: an analysis ends, and one that failed says that the text does not parse.
- No finding is shown that the finished program does not have, but for those that speak of the line that is typed.
- Hints on lines that have not changed stay while the text does not parse.

`prefixes` types a program from its beginning, `retyped` takes a piece out of the finished one and types it again.
"""

from __future__ import annotations

import random
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from kls.carrying import speaks_of
from kls.documents import Snapshot, file_snapshot, moved
from kls.facts import Finding
from kls.session import Session
from kls.settings import Settings
from kls.workplace import Status, Workplaces

PATIENCE = 120.0
"""Seconds for one analysis on a busy machine."""


@dataclass(frozen=True)
class State:
    """One text on the way to the finished program; `typed` is the line (from 1) that is being typed."""

    text: str
    typed: int


def prefixes(text: str, count: int | None, seed: str) -> Iterator[State]:
    """The beginnings of a program: all of them, or `count` that `seed` chooses."""
    places = list(range(1, len(text)))
    if count is not None:
        places = sorted(random.Random(seed).sample(places, min(count, len(places))))
    for place in places:
        yield State(text[:place], text.count("\n", 0, place) + 1)


def retyped(text: str, count: int, seed: str, each: int | None = None) -> Iterator[State]:
    """The finished program with a piece of a line taken out and typed again, `count` pieces; of each `each` states."""
    chance = random.Random(seed)
    lines = text.split("\n")
    long = [index for index, line in enumerate(lines) if len(line.strip()) > 3 and not line.strip().startswith("#")]
    for index in sorted(chance.sample(long, min(count, len(long)))):
        line = lines[index]
        first = len(line) - len(line.lstrip())
        start = chance.randrange(first, len(line) - 1)
        end = chance.randrange(start + 1, len(line)) + 1
        places = list(range(start, end))
        for place in places if each is None else sorted(chance.sample(places, min(each, len(places)))):
            half = [*lines[:index], line[:place] + line[end:], *lines[index + 1 :]]
            yield State("\n".join(half), index + 1)


class Screen:
    """The editor of a session: what it shows of each document, and everything that it showed since `clear`."""

    def __init__(self) -> None:
        self.shown: dict[str, tuple[Finding, ...]] = {}
        self.past: list[tuple[Finding, ...]] = []

    def publish(self, snapshot: Snapshot, uri: str, findings: tuple[Finding, ...]) -> None:
        self.shown[uri] = findings
        self.past.append(findings)

    def hints_changed(self) -> None:
        pass

    def shapes_changed(self, uri: str) -> None:
        pass

    def status_changed(self, status: Status) -> None:
        pass

    async def ask_trust(self, folder: str) -> bool | None:
        return None

    async def ask_weak(self) -> bool | None:
        return None


@asynccontextmanager
async def session(folder: Path) -> AsyncGenerator[tuple[Session, Screen]]:
    """A session in an empty folder that is trusted, with the TensorFlow beside the tests."""
    screen = Screen()
    made = Session(screen, Workplaces())
    made.consent.client = True
    made.workplaces.folders = (str(folder),)
    made.configure(Settings(worker_interpreter=sys.executable))
    try:
        yield made, screen
    finally:
        await made.stop()


async def typed(
    made: Session, screen: Screen, path: Path, finished: str, states: Sequence[State]
) -> AsyncIterator[tuple[State, str]]:
    """Type `states` into a document and then `finished`, without a pause; each thing that should not be, with its
    state. The session must be one for which no pause is long enough (`never_pausing`)."""
    uri = path.as_uri()
    made.opened(file_snapshot(uri, 0, finished))
    await made.settled(uri, PATIENCE)
    goal = made.findings(uri)
    for version, state in enumerate((*states, State(finished, 0)), 1):
        snapshot = file_snapshot(uri, version, state.text)
        shown, hints, old = screen.shown.get(uri, ()), made.hints(uri), made.snapshot(uri)
        assert old is not None
        moves = moved(old, snapshot)
        screen.past.clear()
        made.edited(snapshot)
        await made.settled(uri, PATIENCE)
        analysis = made.analysis(uri)
        if analysis is None or not analysis.final:
            yield state, "no analysis ends"
            continue
        # What parses may still not compile: a star where none may stand.
        fine = snapshot.broken is None and "does not parse" not in (analysis.reason or "")
        if analysis.status == "failed" and fine:
            yield state, f"the analysis failed: {analysis.reason}"
        for finding in {item for findings in screen.past for item in findings}:
            line = range(state.typed, state.typed + 1)
            mine = any(
                speaks_of(item, str(path), line) for past in screen.past for item in past if _alike(item, finding)
            )
            before = any(_alike(item, finding) for item in shown)
            if not mine and not before and not any(_alike(item, finding) for item in goal):
                yield state, f"line {finding.span.line}: {finding.code}: {finding.message}"
        if snapshot.broken is not None:
            wanted = {(moves.forward(hint.line), hint.label) for hint in hints if moves.forward(hint.line) is not None}
            lost = wanted - {(hint.line, hint.label) for hint in made.hints(uri)}
            if lost:
                yield state, f"hints are lost: {sorted(lost, key=str)[:3]}"
            if screen.shown.get(uri):
                yield state, f"a text that does not parse shows {[item.code for item in screen.shown[uri]]}"
    if {(item.code, item.span) for item in made.findings(uri)} != {(item.code, item.span) for item in goal}:
        yield State(finished, 0), "the finished program has other findings than before"
    made.closed(uri)


def _alike(one: Finding, other: Finding) -> bool:
    return one.code == other.code and (one.span.line == other.span.line or one.message == other.message)


def programs(*folders: Path) -> list[Path]:
    """The Python programs of some folders."""
    return [path for folder in folders for path in sorted(folder.glob("*.py"))]
