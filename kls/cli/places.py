"""Places as people count them: lines and columns from 1, notebooks by cell."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from kls import documents
from kls.cli import files
from kls.documents import Snapshot
from kls.facts import Span


@dataclass(frozen=True)
class Place:
    """A span to show. `cell` is the number of a notebook's cell, all kinds counted from 1, and None in a file."""

    path: str
    cell: int | None
    line: int
    column: int
    end_line: int
    end_column: int

    def __str__(self) -> str:
        cell = "" if self.cell is None else f":cell {self.cell}"
        return f"{self.path}{cell}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Places:
    """The documents of one run. `given` maps absolute paths to what the user called them; `known` are those that
    were read already."""

    given: Mapping[str, str]
    known: dict[str, Snapshot | None] = field(default_factory=dict[str, Snapshot | None])

    def with_file(self, name: str, snapshot: Snapshot | None) -> Places:
        """The same with one more file of the run."""
        path = os.path.abspath(name)
        return Places({**self.given, path: name}, {**self.known, path: snapshot})

    def snapshot(self, path: str) -> Snapshot | None:
        """The document at an absolute path, None where it cannot be read."""
        if path not in self.known:
            try:
                self.known[path] = documents.read(path)
            except (OSError, ValueError):
                self.known[path] = None
        return self.known[path]

    def name(self, path: str) -> str:
        """What to call the file at an absolute path."""
        return files.shown(path, self.given) if path else "<unknown>"

    def place(self, span: Span) -> Place:
        """`span` as people count."""
        cell, first = self._cell(span.path, span.line)
        return Place(
            self.name(span.path),
            cell,
            span.line - first,
            span.column + 1,
            span.end_line - first,
            span.end_column + 1,
        )

    def line(self, path: str, line: int) -> str:
        """The line as people count it, with its cell in a notebook."""
        cell, first = self._cell(path, line)
        return str(line - first) if cell is None else f"{cell}:{line - first}"

    def lines(self, span: Span) -> tuple[str, ...]:
        """The source lines that `span` touches; empty where the file cannot be read."""
        snapshot = self.snapshot(span.path) if os.path.isabs(span.path) else None
        return () if snapshot is None else snapshot.lines[span.line - 1 : span.end_line]

    def _cell(self, path: str, line: int) -> tuple[int | None, int]:
        """The number of the cell that holds `line`, and how many lines stand before it."""
        snapshot = self.snapshot(path) if path.endswith(".ipynb") else None
        if snapshot is None or not snapshot.cells:
            return None, 0
        uri, within = snapshot.locate(line)
        return int(uri.rpartition("#")[2]) + 1, line - within
