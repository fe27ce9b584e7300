"""One document from source to findings: find its sites, plan a dry run, ask for it, check what came back.

Used by the server and by the command line alike. The result comes in steps, each a whole Analysis: what the source
alone says, what the dry run says, and the same with every fix tried. Nothing here raises for broken code or a broken
worker; what could not be had is told in `reason`.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from kls import callers, check, find, plan, uncalled, witnesses
from kls.documents import Snapshot
from kls.facts import Finding, Severity, Site
from kls.settings import Settings
from kls.worker.protocol import Probe, Report, Source

log = logging.getLogger(__name__)

Ask = Callable[[Probe], Awaitable[Report]]
"""Has one dry run done. Raises an exception whose text is a sentence for the user where it cannot be had."""


@dataclass(frozen=True)
class Analysis:
    """What is known about one version of a document.

    `status` is "checked" when a dry run answered (or nothing in the document needs one), "static" when only the
    source was read, "failed" when not even that was possible or the dry run broke off; `reason` then says why in one
    sentence. `seconds` is the wall time so far. `final` is false while a later step is still to come.
    """

    snapshot: Snapshot
    sites: tuple[Site, ...]
    report: Report | None
    findings: tuple[Finding, ...]
    status: Literal["checked", "static", "failed"]
    reason: str | None
    seconds: float
    final: bool = True
    modules: tuple[str, ...] = ()
    """Paths of the project modules that the program imports, and of the programs that it was judged through."""
    uncalled: bool = False
    """Whether it has functions that it does not call itself; a program that does may be anywhere in the project."""
    sources: tuple[Source, ...] = ()
    """Those modules."""
    data: tuple[str, ...] = ()
    """Paths of the data files that its dry run may read."""
    package: str = ""
    """What its relative imports start from."""
    folder: str = ""
    """Where its relative paths start."""


@dataclass(frozen=True)
class Tools:
    """What an analysis may use. `texts` are the open documents by path, which stand before the files on disk;
    `roots` are the workspace folders, `root` the one that the program would be started in ("" for its own)."""

    resolver: find.Resolver | None
    ask: Ask | None
    settings: Settings = field(default_factory=Settings)
    texts: Mapping[str, str] = field(default_factory=dict[str, str])
    roots: tuple[str, ...] = ()
    root: str = ""
    no_worker: str | None = None
    """Why `ask` is None, in one sentence."""
    keras: str | None = None
    """The version of the Keras that the program is certain to get."""
    leave_out: frozenset[str] = frozenset()
    """Paths of programs that are analysed beside the document, so that it need not be judged through them."""
    once: Ask | None = None
    """Asks for one dry run with the first witnesses alone. Given by who wants the findings only: where there are none,
    sizes that nobody knows need no second run."""
    half_written: bool = False
    """Whether the cells that do not parse are being written, so that what was known before them is worth more than
    what is left without them."""
    try_fix: Ask | None = None
    """Asks for trial runs of fixes; None: `ask` does. A server gives one that lets the keystrokes go first."""


async def analyse(snapshot: Snapshot, tools: Tools) -> AsyncGenerator[Analysis, None]:
    """The steps of analysing `snapshot`; the last one has `final` set."""
    started = time.perf_counter()

    def result(status: Literal["checked", "static", "failed"], reason: str | None, **more: object) -> Analysis:
        made = Analysis(snapshot, (), None, (), status, reason, time.perf_counter() - started)
        return replace(made, **more)  # type: ignore[arg-type]

    unread = snapshot.broken or (snapshot.left_out if tools.half_written else None)
    if unread is not None:
        yield result("failed", unread)
        return
    try:
        sites = await find.sites(snapshot, tools.resolver, tools.texts, tools.roots)
        sys_path = tools.resolver.sys_path if tools.resolver else ()
        modules = await asyncio.to_thread(find.imported, snapshot, tools.roots, tools.texts, sys_path) if sites else ()
        stated = await asyncio.to_thread(check.check, snapshot, sites, None, modules, tools.keras)
        static = allowed(stated, tools.settings)
    except Exception as error:
        log.exception("finding the sites of %s failed", snapshot.uri)
        yield result("failed", f"kls itself failed while reading this file: {error!r}")
        return
    if not find.worth_running(sites):
        yield result("failed" if snapshot.left_out else "checked", snapshot.left_out, sites=sites, findings=static)
        return
    off = tools.settings.worker_mode == "off"
    ask = None if off else tools.ask
    reason = "dry runs are switched off (kls.worker.mode)" if off else tools.no_worker
    known: dict[str, Any] = {"sites": sites, "modules": tuple(module.path for module in modules), "sources": modules}
    yield result("static", reason, **known, findings=static, final=ask is None)
    if ask is None:
        return
    try:
        texts = [snapshot.text, *(module.text for module in modules)]
        here = os.path.dirname(snapshot.path)
        data = await asyncio.to_thread(find.data_files, texts, tools.roots, here)
        known["data"] = data
        seconds = tools.settings.worker_timeout
        known["package"] = package = find.started_in(snapshot, tools.roots)
        folder = find.working_folder(snapshot.path, texts, tools.roots, tools.root or here)
        known["folder"] = folder
        probe = plan.plan(
            snapshot,
            modules,
            root=tools.root or None,
            readable=data,
            seconds=seconds,
            package=package,
            folder=folder,
        )
        report = await ask(probe) if tools.once is None else await tools.once(probe)
        findings = await asyncio.to_thread(check.check, snapshot, sites, report, modules, tools.keras)
        if tools.once is not None and report.witnesses and findings:
            report = witnesses.merged(report, await tools.once(replace(probe, witness=1)))
            findings = await asyncio.to_thread(check.check, snapshot, sites, report, modules, tools.keras)
        through: tuple[callers.Way, ...] = ()
        alone: callers.Way | None = None
        names = callers.uncalled(snapshot, sites, report)
        if names:
            through = await callers.ways(snapshot, _search(tools), ask)
            paths = (*known["modules"], *(path for way in through for path in way.paths))
            known |= {"uncalled": True, "modules": tuple(dict.fromkeys(paths))}
            names = uncalled.left(snapshot, names, (report, *(way.report for way in through)))
            alone = await uncalled.way(snapshot, names, probe, modules, tools.keras, ask)
        shown = await asyncio.to_thread(callers.report, report, snapshot, (*through, *([alone] if alone else ())))
        told = await asyncio.to_thread(callers.told, findings, snapshot, through)
        if alone is not None:
            told += tuple(uncalled.told(alone, snapshot, report, told, names))
    except Exception as error:
        log.info("no dry run of %s: %s", snapshot.uri, error, exc_info=log.isEnabledFor(logging.DEBUG))
        yield result("failed", str(error) or repr(error), **known, findings=static)
        return
    reason = report.ended or snapshot.left_out
    status: Literal["checked", "failed"] = "checked" if reason is None else "failed"
    findings = tuple(item.shown(item.finding) for item in told)
    probed = result(status, reason, **known, report=shown, findings=allowed(findings, tools.settings))
    untried = any(fix.verified is None for finding in probed.findings for fix in finding.fixes)
    yield replace(probed, final=not untried)
    if untried:
        try:
            findings = await callers.verify(told, snapshot, probe, tools.try_fix or ask, report)
        except Exception as error:
            log.info("the fixes of %s were not tried: %s", snapshot.uri, error)
        seconds = time.perf_counter() - started
        yield replace(probed, findings=allowed(findings, tools.settings), seconds=seconds)


def _search(tools: Tools) -> callers.Search:
    return callers.Search(
        tools.resolver,
        tools.texts,
        tools.roots,
        tools.root,
        tools.settings.worker_timeout,
        tools.keras,
        tools.leave_out,
    )


async def last(snapshot: Snapshot, tools: Tools) -> Analysis:
    """The last step alone, for those who cannot show the earlier ones."""
    steps = [step async for step in analyse(snapshot, tools)]
    return steps[-1]


def allowed(findings: tuple[Finding, ...], settings: Settings) -> tuple[Finding, ...]:
    """The findings that the settings let speak, with the severities they ask for."""
    severities = dict(settings.severity)
    return tuple(
        replace(finding, severity=Severity(severities[finding.code])) if finding.code in severities else finding
        for finding in findings
        if finding.code not in settings.ignore and (not settings.select or finding.code in settings.select)
    )
