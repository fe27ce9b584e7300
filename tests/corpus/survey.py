"""Has `kls check` look at programs that were not written here, and keeps what it said of each."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from kls import find
from kls.cli import files, workers
from kls.cli.places import Places
from kls.cli.run import Outcome, outcomes
from kls.cli.workers import SECONDS
from kls.facts import Finding, Span
from kls.worker.protocol import Report, Source
from tests.corpus.coverage import Compared, Runner, Truth, compare

LIMIT = 4 * SECONDS
"""Wall time after which kls is called hung on a file, in seconds: its dry runs, and the trials of its fixes."""
MOST_DATA = 4 << 20
"""Bytes of a data file that a real run gets."""
LOUD = ("error", "warning")


@dataclass(frozen=True)
class Said:
    """One finding. `line` counts as people do, in a notebook with its cell in front ("12:3"), in another file of the
    program with its path."""

    line: str
    severity: str
    rule: str
    message: str
    borne: bool | None = None
    """Whether a real run raised at one of its places; None where there was none."""


@dataclass(frozen=True)
class Seen:
    """One program. `status` is that of `kls check`, or "crash" or "hang" of kls itself; `gaps` are pairs of kind and
    reason, one for each statement that the dry run could not carry out."""

    program: str
    status: str
    reason: str | None
    seconds: float
    findings: tuple[Said, ...] = ()
    gaps: tuple[tuple[str, str], ...] = ()
    statements: int = 0
    layers: int = 0
    calls: dict[str, int] = field(default_factory=dict[str, int])
    compared: Compared | None = None
    """What a real run built and reached, where there was one."""

    @property
    def loud(self) -> tuple[Said, ...]:
        """What a person has to judge."""
        return tuple(item for item in self.findings if item.severity in LOUD)


def programs(folder: Path, most: int | None = None) -> list[Path]:
    """The scripts, modules and notebooks of a checkout that speak of Keras, at most `most`, evenly spread."""
    found = [Path(name) for name, problem in files.expand([str(folder)]) if problem is None and _speaks(Path(name))]
    if most is None or len(found) <= most:
        return found
    return [found[place * len(found) // most] for place in range(most)]


def _speaks(path: Path) -> bool:
    with contextlib.suppress(OSError):
        return b"keras" in path.read_bytes()
    return False


async def survey(folder: Path, paths: Sequence[Path], runner: Runner | None = None) -> AsyncIterator[Seen]:
    """What kls says of each of `paths`, files of one checkout; one worker looks at them all.

    The process goes into the folder, as a person who checks it would. With a `runner` each program is really run too.
    """
    folder = folder.resolve()
    os.chdir(folder)
    left = [str(path.resolve().relative_to(folder)) for path in paths]
    while left:
        async with (
            workers.begun(left, None, static=False) as about,
            contextlib.aclosing(outcomes(about, None, static=False)) as run,
        ):
            places = Places({})
            told: set[Finding] = set()
            while left:
                name = f"{folder.name}/{left[0]}"
                try:
                    outcome = await asyncio.wait_for(anext(run), LIMIT)
                except asyncio.TimeoutError:
                    yield Seen(name, "hang", f"no answer after {LIMIT:g} s", LIMIT)
                except Exception as error:
                    yield Seen(name, "crash", repr(error), 0.0)
                else:
                    places = places.with_file(outcome.name, outcome.analysis.snapshot if outcome.analysis else None)
                    truth = await asyncio.to_thread(_truth, outcome, folder, runner) if runner is not None else None
                    yield _seen(name, outcome, places, told, truth)
                    told.update(outcome.findings)
                    del left[0]
                    continue
                del left[0]
                break


def _truth(outcome: Outcome, folder: Path, runner: Runner) -> Truth | None:
    """The real run of a program with the modules of its checkout that it imports."""
    analysis = outcome.analysis
    if analysis is None or analysis.report is None:
        return None
    files: dict[str, str] = {}
    main = Source("__main__", analysis.snapshot.path, analysis.snapshot.text)
    for source in (main, *find.imported(analysis.snapshot, (str(folder),), {}, ())):
        path = Path(source.path)
        if path.is_relative_to(folder):
            files[str(path.relative_to(folder).with_suffix(".py"))] = source.text
    data: dict[str, bytes] = {}
    for name in analysis.data:
        path = Path(name)
        if path.is_relative_to(folder) and path.stat().st_size <= MOST_DATA:
            data[str(path.relative_to(folder))] = path.read_bytes()
    return runner.run(files, data, package=analysis.package)


def _seen(name: str, outcome: Outcome, places: Places, told: set[Finding], truth: Truth | None) -> Seen:
    report = outcome.analysis.report if outcome.analysis is not None else None
    path = outcome.analysis.snapshot.path if outcome.analysis is not None else ""
    said = tuple(
        Said(
            _line(places, outcome, item.span),
            item.severity.value,
            item.code,
            item.message.partition("\n")[0],
            None if truth is None else _borne(item, path, truth),
        )
        for item in outcome.findings
        if item not in told
    )
    reason = outcome.reason
    status = "crash" if reason is not None and reason.startswith("kls itself failed") else outcome.status
    if report is None:
        return Seen(name, status, reason, outcome.seconds, said)
    compared = None if truth is None else compare(name, truth, report, path)
    return Seen(name, status, reason, outcome.seconds, said, *_counted(report), compared)


def _borne(finding: Finding, path: str, truth: Truth) -> bool:
    spans = (finding.span, *(related.span for related in finding.related))
    own = [span for span in spans if span.path == path]
    return any(span.line <= failure[0] <= span.end_line for span in own for failure in truth.failures)


def _line(places: Places, outcome: Outcome, span: Span) -> str:
    place = places.place(span)
    here = str(place.line) if place.cell is None else f"{place.cell}:{place.line}"
    return here if place.path == outcome.name else f"{place.path} {here}"


def _counted(report: Report) -> tuple[tuple[tuple[str, str], ...], int, int, dict[str, int]]:
    calls: dict[str, int] = {}
    for call in report.calls:
        if not call.paired:
            calls[call.status] = calls.get(call.status, 0) + 1
    gaps = tuple((gap.kind, gap.reason) for gap in report.gaps)
    return gaps, report.statements, sum(bool(layer.outputs) for layer in report.layers), calls


def write(path: Path, seen: Iterable[Seen]) -> None:
    """Keep records, one JSON object a line."""
    path.write_text("".join(json.dumps(asdict(item)) + "\n" for item in seen), encoding="utf-8")


def read(path: Path) -> list[Seen]:
    """The records of `write`; none where there is no such file."""
    if not path.exists():
        return []
    kept = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [
        Seen(
            **{
                **item,
                "findings": tuple(Said(**one) for one in item["findings"]),
                "gaps": tuple((kind, reason) for kind, reason in item["gaps"]),
                "compared": None if item["compared"] is None else Compared(**item["compared"]),
            }
        )
        for item in kept
    ]
