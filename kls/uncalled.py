"""Functions that no program of the project calls are tried as their own defaults have it.

`way` dry-runs the document with a call behind it, `build()`, for each such function that needs no arguments. What comes
of it joins what is known of the document like what a caller tells (`kls.callers`); errors and warnings only where no
default is None, since the author may mean it to be given. What a function that is handed on, as to a search of
parameters, does with its parameters is information: who calls it may give others.
"""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from kls import check, find
from kls.callers import CALLED, Told, Way
from kls.documents import Snapshot
from kls.facts import Finding, Severity
from kls.worker.protocol import Probe, Report, Source, Span

MOST_FUNCTIONS = 8
"""Functions of a document that are tried."""

Ask = Callable[[Probe], Awaitable[Report]]


@dataclass(frozen=True)
class _Function:
    name: str
    lines: range
    certain: bool
    """Whether each default says what is meant."""
    given: frozenset[int]
    """Lines that read its parameters, where the program hands it to somebody else to call."""


def left(snapshot: Snapshot, names: Iterable[str], reports: Iterable[Report]) -> tuple[str, ...]:
    """Those of the functions `names` that no program entered: neither the document nor those that call it."""
    outside = [{span.line for span in item.unentered if span.path == snapshot.name} for item in reports]
    functions = {node.name: node.lineno for node in _body(snapshot) if isinstance(node, ast.FunctionDef)}
    return tuple(name for name in names if name in functions and all(functions[name] in lines for lines in outside))


async def way(
    snapshot: Snapshot, names: Iterable[str], probe: Probe, modules: tuple[Source, ...], keras: str | None, ask: Ask
) -> Way | None:
    """The document with calls of those of its functions `names` that need no arguments; None where there is none, or
    where its dry run broke off. `probe` is the document's own. Raises what `ask` raises."""
    functions = list(_without_arguments(snapshot, frozenset(names)))[:MOST_FUNCTIONS]
    if not functions:
        return None
    asked = "".join(f"# kls: probe {item.name}()\n" for item in functions)
    text = f"{snapshot.text}\n{asked}"
    main = replace(probe.sources[0], text=text)
    probe = replace(probe, sources=(main, *probe.sources[1:]))
    report = await ask(probe)
    if not report.complete:
        return None
    called = replace(snapshot, text=text)
    sites = await find.sites(called, None, {})
    findings = await asyncio.to_thread(check.check, called, sites, report, modules, keras)
    return Way(called, modules, probe, _inside(report, snapshot.name, functions), findings)


def told(
    found: Way, snapshot: Snapshot, report: Report, before: Iterable[Told], names: Iterable[str]
) -> Iterator[Told]:
    """What the calls show that nothing else has shown, each finding with the call named. `report` is the document's
    own."""
    said = {(item.finding.code, item.finding.span) for item in before}
    end = len(snapshot.text.splitlines())
    for function in _without_arguments(snapshot, frozenset(names)):
        for finding in found.findings:
            if finding.span.path != snapshot.name or finding.span.line not in function.lines:
                continue
            loud = finding.severity in (Severity.ERROR, Severity.WARNING)
            if (finding.code, finding.span) in said or (loud and not function.certain):
                continue
            said.add((finding.code, finding.span))
            free = not function.given.isdisjoint(range(finding.span.line, finding.span.end_line + 1))
            shown = _named(finding, function, end) if loud else finding
            yield Told(shown, found, unused=free or check.works(report))


def _named(finding: Finding, function: _Function, end: int) -> Finding:
    head, _, rest = finding.message.partition("\n")
    line = f"{CALLED}nowhere: this is what `{function.name}()` does with its own defaults"
    related = tuple(item for item in finding.related if item.span.line <= end)
    return replace(finding, message="\n".join([head, line, *([rest] if rest else [])]), related=related)


def _without_arguments(snapshot: Snapshot, names: frozenset[str]) -> Iterator[_Function]:
    """The functions of the module that can be called as `name()` and do their work at once."""
    for node in _body(snapshot):
        if not isinstance(node, ast.FunctionDef) or node.name not in names or _yields(node):
            continue
        given = node.args
        positional = [*given.posonlyargs, *given.args]
        if len(given.defaults) == len(positional) and None not in given.kw_defaults:
            defaults = (*given.defaults, *given.kw_defaults)
            certain = not any(isinstance(item, ast.Constant) and item.value is None for item in defaults)
            lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
            yield _Function(
                node.name, lines, certain, _read(node) if _is_handed_on(snapshot, node.name) else frozenset()
            )


def _is_handed_on(snapshot: Snapshot, name: str) -> bool:
    """Whether a function is named other than to call it."""
    tree = snapshot.tree
    nodes = list(ast.walk(tree)) if tree is not None else []
    called = {id(item.func) for item in nodes if isinstance(item, ast.Call)}
    return any(
        isinstance(item, ast.Name) and item.id == name and isinstance(item.ctx, ast.Load) and id(item) not in called
        for item in nodes
    )


def _read(node: ast.FunctionDef) -> frozenset[int]:
    """The lines on which a function reads its parameters."""
    names = {item.arg for item in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)}
    read = (item for part in node.body for item in ast.walk(part) if isinstance(item, ast.Name) and item.id in names)
    return frozenset(item.lineno for item in read)


def _yields(node: ast.FunctionDef) -> bool:
    return any(isinstance(item, (ast.Yield, ast.YieldFrom)) for item in ast.walk(node))


def _inside(report: Report, path: str, functions: list[_Function]) -> Report:
    """What a report tells of the functions alone: the rest is in the document's own."""

    def inside(*spans: Span | None) -> bool:
        lines = (item.lines for item in functions)
        return any(span is not None and span.path == path and any(span.line in of for of in lines) for span in spans)

    models = tuple(item for item in report.models if inside(item.created))
    wanted = {key for item in models for key in item.layers}
    return replace(
        report,
        models=models,
        layers=tuple(item for item in report.layers if item.key in wanted or inside(item.created, item.called)),
        variables=tuple(item for item in report.variables if inside(item.span)),
        calls=tuple(item for item in report.calls if inside(item.span)),
    )


def _body(snapshot: Snapshot) -> list[ast.stmt]:
    return snapshot.tree.body if snapshot.tree is not None else []
