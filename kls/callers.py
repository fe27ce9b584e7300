"""A document whose functions nobody calls in its own file is judged through the programs of the project that do.

`ways` dry-runs those programs, nearest first; `report` adds what they tell of the document to its own report, `told`
their findings that concern it, each with the caller named. A program counts where its dry run came through the
document. What two callers do not agree on is said for each.
"""

from __future__ import annotations

import ast
import asyncio
import dataclasses
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from kls import check, find, plan, repairs
from kls.documents import Snapshot
from kls.facts import Finding, Related, Severity, Site, SiteKind, Span
from kls.source import SourceText
from kls.worker.protocol import Probe, Report, Source

MOST_CALLERS = 3
"""Programs that a document is judged through."""
MOST_RUNS = 5
"""Programs that are dry-run to find those."""
MOST_SECONDS = 10.0
"""Wall time after which no further program is dry-run."""
CALLED = "called from "
"""Begins the line of a message that names the caller."""
FITS = " calls it, this fits"
"""Ends the line of a message that names a caller who does not agree."""
_KEY_BITS = 48

Ask = Callable[[Probe], Awaitable[Report]]


@dataclass(frozen=True, eq=False)
class Way:
    """One program that calls the document: what was asked, what its dry run told, and what is to say of that."""

    snapshot: Snapshot
    modules: tuple[Source, ...]
    probe: Probe
    report: Report
    findings: tuple[Finding, ...]

    @property
    def paths(self) -> tuple[str, ...]:
        """The files of the program."""
        return (self.snapshot.path, *(module.path for module in self.modules))


@dataclass(frozen=True, eq=False)
class Told:
    """A finding and the program that it comes from, None for the document itself. `others` are callers that give it
    too, or that come to the same place without it; `unused`: it is in a function that a program does its work
    without."""

    finding: Finding
    way: Way | None
    others: tuple[Way, ...] = ()
    unused: bool = False

    def shown(self, finding: Finding) -> Finding:
        """The finding, tried or not, as it is told."""
        return check.unused(finding) if self.unused else finding


@dataclass(frozen=True)
class Search:
    """Where callers are looked for; as in `kls.analysis.Tools`."""

    resolver: find.Resolver | None
    texts: Mapping[str, str]
    roots: tuple[str, ...]
    root: str
    seconds: float
    keras: str | None
    leave_out: frozenset[str]


def uncalled(snapshot: Snapshot, sites: Iterable[Site], report: Report) -> tuple[str, ...]:
    """The functions and classes of the module with something of Keras in them that the dry run told nothing of."""
    tree = snapshot.tree
    if tree is None or not snapshot.path.endswith(".py"):
        return ()
    reached = _lines(report, snapshot.name)
    marked = {site.span.line for site in sites if site.kind not in (SiteKind.IMPORT, SiteKind.CALL)}
    return tuple(
        node.name
        for node in tree.body
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        and marked & (inside := set(range(node.lineno, (node.end_lineno or node.lineno) + 1)))
        and not reached & (inside - {node.lineno})
    )


async def ways(snapshot: Snapshot, where: Search, ask: Ask) -> tuple[Way, ...]:
    """The programs that come through the document, dry-run. Raises what `ask` raises."""
    end = time.monotonic() + MOST_SECONDS
    path = where.resolver.sys_path if where.resolver is not None else ()
    memory = where.resolver.memory if where.resolver is not None else None

    def search() -> list[find.Caller]:
        found = find.callers(snapshot, where.roots, where.texts, path, memory, where.leave_out)
        return [caller for _, caller in zip(range(MOST_RUNS), found, strict=False)]

    made: list[Way] = []
    for caller in await asyncio.to_thread(search):
        if len(made) >= MOST_CALLERS or time.monotonic() > end:
            break
        texts = [caller.snapshot.text, *(module.text for module in caller.modules)]
        here = os.path.dirname(caller.snapshot.path)
        data = await asyncio.to_thread(find.data_files, texts, where.roots, here)
        probe = plan.plan(
            caller.snapshot,
            caller.modules,
            root=where.root or None,
            readable=data,
            seconds=where.seconds,
            package=find.started_in(caller.snapshot, where.roots),
            folder=find.working_folder(caller.snapshot.path, texts, where.roots, where.root or here),
        )
        report = await ask(probe)
        if not _lines(report, snapshot.name):
            continue
        sites = await find.sites(caller.snapshot, where.resolver, where.texts)
        findings = await asyncio.to_thread(check.check, caller.snapshot, sites, report, caller.modules, where.keras)
        made.append(Way(caller.snapshot, caller.modules, probe, report, findings))
    return tuple(made)


def report(own: Report, snapshot: Snapshot, through: Sequence[Way]) -> Report:
    """The document's own report, and what its callers tell of places in it."""
    for number, way in enumerate(through, 1):
        told = _renumbered(way.report, number << _KEY_BITS)
        here = snapshot.name
        models = tuple(item for item in told.models if _path(item.created) == here)
        layers = tuple(item for item in told.layers if here in (_path(item.created), _path(item.called)))
        known = {item.key for item in layers}
        wanted = {key for item in models for key in item.layers} - known
        own = replace(
            own,
            models=own.models + models,
            layers=own.layers + layers + tuple(item for item in told.layers if item.key in wanted),
            variables=own.variables + tuple(item for item in told.variables if item.span.path == here),
            calls=own.calls + tuple(item for item in told.calls if item.span.path == here),
        )
    return own


def told(own: tuple[Finding, ...], snapshot: Snapshot, through: Sequence[Way]) -> tuple[Told, ...]:
    """The document's own findings, and those of its callers that have a place in it, each with the caller named."""
    found: list[Told] = [Told(finding, None) for finding in own]
    said = {(finding.code, finding.span) for finding in own}
    by_words: dict[tuple[str, Span, str], list[tuple[Way, Finding]]] = {}
    for way in through:
        for finding in way.findings:
            loud = finding.severity in (Severity.ERROR, Severity.WARNING)
            places = [finding.span, *(item.span for item in finding.related if loud)]
            if any(span.path == snapshot.name for span in places) and (finding.code, finding.span) not in said:
                by_words.setdefault((finding.code, finding.span, finding.message), []).append((way, finding))
    for group in by_words.values():
        first, finding = group[0]
        having = [way for way, _ in group]
        place = (finding.code, finding.span)
        without = [
            way
            for way in through
            if not any((item.code, item.span) == place for item in way.findings)
            and _comes_to(way, first, finding, snapshot)
        ]
        calls = [_call(way, item, snapshot) for way, item in group]
        lines = [CALLED + ", ".join(where for where, _ in calls)]
        if finding.severity in (Severity.ERROR, Severity.WARNING):
            lines += [f"as {_call(way, finding, snapshot)[0]}{FITS}" for way in without]
        if finding.span.path == first.snapshot.name:
            lines = lines[1:]
        known = {item.span.line for item in finding.related if item.span.path == first.snapshot.name}
        related = tuple(
            Related(span, "called from here") for _, span in calls if span is not None and span.line not in known
        )
        head, _, rest = finding.message.partition("\n")
        message = "\n".join([head, *lines, *([rest] if rest else [])])
        named = replace(finding, message=message, related=finding.related + related)
        found.append(Told(named, first, (*having[1:], *without)))
    return tuple(found)


def plain(message: str) -> str:
    """A message without the lines that name callers, to know it again where no caller is named."""
    return "\n".join(line for line in message.split("\n") if not line.startswith(CALLED) and not line.endswith(FITS))


async def verify(
    items: Sequence[Told], snapshot: Snapshot, probe: Probe, ask: repairs.Ask, before: Report | None = None
) -> tuple[Finding, ...]:
    """The findings in the same order with their fixes tried, each in its own program, those of one cause as one.
    `probe` is the document's, `before` what came of it.

    A fix must hold in the program that shows the fault, and do no harm in those that call the same function.
    """
    own = tuple(item.finding for item in items if item.way is None)
    tried = await repairs.verify(snapshot, own, probe, ask, before=before)
    done: dict[Finding, Finding] = dict(zip(own, tried, strict=True))
    for way in dict.fromkeys(item.way for item in items if item.way is not None):
        mine = [item for item in items if item.way is way]
        rest = tuple(finding for finding in way.findings if not any(_same(finding, item.finding) for item in mine))
        wanted = tuple(item.finding for item in mine)
        tried = await repairs.verify(way.snapshot, wanted, way.probe, ask, rest)
        for item, finding in zip(mine, tried, strict=True):
            fixes = [fix for fix in finding.fixes if await _harmless(fix, item, ask)]
            done[item.finding] = repairs.with_fixes(item.finding, fixes)
    return repairs.of_one_cause(item.shown(done[item.finding]) for item in items)


async def _harmless(fix: repairs.Fix, item: Told, ask: repairs.Ask) -> bool:
    for way in item.others:
        changed = repairs.edited(way.probe, fix)
        if changed is None:
            continue
        answer = await ask(changed)
        after = await asyncio.to_thread(
            check.check, replace(way.snapshot, text=changed.sources[0].text), (), answer, changed.sources[1:]
        )
        if not answer.complete or repairs.louder(way.findings, after):
            return False
    return True


def _same(finding: Finding, named: Finding) -> bool:
    return (finding.code, finding.span, finding.message) == (named.code, named.span, plain(named.message))


def _lines(report: Report, path: str) -> set[int]:
    """The lines of the file that a report tells something of."""
    spans: list[Span | None] = [item.created for item in report.layers] + [item.called for item in report.layers]
    spans += [item.created for item in report.models]
    spans += [item.statement for item in report.variables]
    spans += [item.span for item in (*report.calls, *report.gaps)]
    spans += [frame for failure in report.failures for frame in failure.frames]
    return {
        line for span in spans if span is not None and span.path == path for line in range(span.line, span.end_line + 1)
    }


def _comes_to(way: Way, shown: Way, finding: Finding, snapshot: Snapshot) -> bool:
    """Whether a program comes through the function of the document that a finding of the program `shown` is in, and
    as far as to the training call that fails there."""
    if finding.span.path != snapshot.name:
        return False
    outer = _outer(snapshot, finding.span.line)
    if outer is None:
        return False
    places = {finding.span, *(item.span for item in finding.related)}
    sinks = {call.span for call in shown.report.calls if call.status == "failed"} & places
    if sinks and not any(call.span in sinks and call.status == "traced" for call in way.report.calls):
        return False  # another fault comes first
    return bool(
        _lines(way.report, snapshot.name) & set(range(outer.lineno + 1, (outer.end_lineno or outer.lineno) + 1))
    )


def _outer(snapshot: Snapshot, line: int) -> ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | None:
    """The function or class of the module that a line is in."""
    for node in snapshot.tree.body if snapshot.tree is not None else ():
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            if node.lineno <= line <= (node.end_lineno or node.lineno):
                return node
    return None


def _call(way: Way, finding: Finding, snapshot: Snapshot) -> tuple[str, Span | None]:
    """Where a program calls the document, in words and as a place: by the failure behind the finding, else by the
    first call of the function's name."""
    span = _by_failure(way, finding, snapshot) or _by_name(way, finding, snapshot)
    name = os.path.relpath(way.snapshot.path, os.path.dirname(snapshot.path))
    if span is None:
        return name, None
    return f"{name} {way.snapshot.words(span.line)}", span


def _by_failure(way: Way, finding: Finding, snapshot: Snapshot) -> Span | None:
    here, there = snapshot.name, way.snapshot.name
    places = {finding.span, *(item.span for item in finding.related)}
    for failure in way.report.failures:
        if places & {*failure.frames, failure.layer_created, failure.layer_called}:
            inside = next((index for index, frame in enumerate(failure.frames) if frame.path == here), 0)
            before = [frame for frame in failure.frames[:inside] if frame.path == there]
            if before:
                return before[-1]
    return None


def _by_name(way: Way, finding: Finding, snapshot: Snapshot) -> Span | None:
    places = [finding.span, *(item.span for item in finding.related)]
    inside = (_outer(snapshot, span.line) for span in places if span.path == snapshot.name)
    outer = next((node for node in inside if node is not None), None)
    text = SourceText(way.snapshot.name, way.snapshot.text)
    if outer is None or text.tree is None:
        return None
    names = {outer.name}
    names |= {
        alias.asname
        for node in text.nodes
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname is not None and alias.name == outer.name
    }
    calls = [call for call in text.calls() if _last_name(call.func) in names]
    return min((text.span(call) for call in calls), key=lambda span: (span.line, span.column), default=None)


def _path(span: Span | None) -> str | None:
    return span.path if span is not None else None


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


_KEYS = frozenset(("key", "parent", "model", "layers", "input_layers", "output_layers", "layer"))
"""Fields that hold the number of an object of one process."""


def _renumbered(report: Report, offset: int) -> Report:
    """A report whose objects cannot be taken for those of another one."""

    def visit(value: Any, keyed: bool) -> Any:
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            changes = {
                field.name: visit(getattr(value, field.name), field.name in _KEYS)
                for field in dataclasses.fields(value)
                if field.name != "config"
            }
            return replace(cast("Any", value), **changes)
        if isinstance(value, tuple):
            return tuple(visit(item, keyed) for item in cast("tuple[Any, ...]", value))
        return value + offset if keyed and isinstance(value, int) else value

    parts = {name: visit(getattr(report, name), False) for name in ("layers", "models", "variables", "calls")}
    return replace(report, **parts)
