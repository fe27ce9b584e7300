"""`kls shapes`: every model of a file as a table with the shape of each layer, or as a graph for other tools."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Callable
from typing import Any

from kls import describe, graph
from kls.analysis import Analysis
from kls.cli import records, text
from kls.cli.places import Places
from kls.cli.run import Outcome, outcomes
from kls.cli.workers import Run
from kls.facts import SiteKind
from kls.graph import Graph

_LANGUAGES: dict[str, tuple[Callable[[Graph], str], str]] = {
    "mermaid": (graph.mermaid, "%%"),
    "dot": (graph.dot, "//"),
}
"""How to write a graph, and what begins a comment."""


async def run(about: Run, options: argparse.Namespace) -> int:
    """Print the shapes and answer the exit status: 2 where a file could not be dry-run."""
    output: str = options.output_format
    done: list[Outcome] = []
    places = Places({})
    entries: list[dict[str, Any]] = []
    async with contextlib.aclosing(outcomes(about, options.python, static=False)) as found:
        async for outcome in found:
            done.append(outcome)
            analysis = outcome.analysis
            places = places.with_file(outcome.name, analysis.snapshot if analysis else None)
            if output == "json":
                shapes = records.shapes(analysis, places) if analysis else records.NO_SHAPES
                entries.append({"path": outcome.name, **shapes})
            elif analysis is not None and analysis.report is not None:
                write, comment = _LANGUAGES.get(output, (None, ""))
                text.write(_pictures(analysis, places, write, comment) if write else _tables(analysis, places))
            if outcome.status != "checked":
                print(text.clean(f"kls: {outcome.name}: not checked: {outcome.reason}"), file=sys.stderr)
    if output == "json":
        print(records.dump({"files": entries}))
    return 2 if any(outcome.status != "checked" for outcome in done) else 0


def _tables(found: Analysis, places: Places) -> str:
    style = text.style_for(sys.stdout)
    name = text.clean(places.name(found.snapshot.path))
    tables = describe.tables(found.snapshot, found.report) if found.report is not None else ()
    if not tables:
        return f"{style.paint(name, '1')}: {_no_model(found, places)}\n"
    return "\n".join(_table(table, found, places, style) for table in tables)


def _table(table: describe.Table, found: Analysis, places: Places, style: text.Style) -> str:
    created = table.model.created
    where = places.place(created) if created is not None else places.name(found.snapshot.path)
    rows = [describe.HEAD, *(_row(row, found, places) for row in table.rows)]
    head, *body = describe.aligned(rows)
    title = text.clean(f"{where}: {describe.head(table)}")
    memory = [style.paint(f"  {table.memory}", "2")] if table.memory else []
    return "\n".join([style.paint(title, "1"), style.paint(head, "2"), *body, *memory, ""])


def _row(row: describe.Row, found: Analysis, places: Places) -> tuple[str, ...]:
    line = "" if row.line is None else places.line(found.snapshot.path, row.line)
    return tuple(text.clean(cell) for cell in describe.cells(row, line))


def _pictures(found: Analysis, places: Places, write: Callable[[Graph], str], comment: str) -> str:
    """The file's models as text in a language of graphs; several follow each other, each under a comment."""
    graphs = graph.graphs(found.snapshot, found.report, found.findings) if found.report is not None else ()
    if not graphs:
        print(f"kls: {text.clean(os.path.basename(found.snapshot.path))}: {_no_model(found, places)}", file=sys.stderr)
    head = "" if len(graphs) < 2 else comment + " {}\n"
    return "\n".join(head.format(text.clean(picture.title)) + write(picture) for picture in graphs)


def _no_model(found: Analysis, places: Places) -> str:
    gaps = found.report.gaps if found.report is not None else ()
    if gaps and any(site.kind is SiteKind.MODEL for site in found.sites):
        first = min(gaps, key=lambda gap: (gap.span.path != found.snapshot.path, gap.span.line))
        return text.clean(f"no model is known: {places.place(first.span)}: {first.reason}")
    return "no model is made in this file" if found.status == "checked" else "no model was seen"
