"""What the editor shows of the findings, by the document or cell that holds them: the session's memory of it.

A finding is told once, however many open programs found it, and is published anew only where what is shown differs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import replace

from kls import carrying
from kls.documents import Snapshot
from kls.facts import Finding, Related, Span

Publish = Callable[[Snapshot, str, tuple[Finding, ...]], None]


class Published:
    """What was published for each document and cell. `publish` shows exactly the given findings at one of them,
    `by_uri` and `by_path` give what the editor has open, by the address of a document or cell and by a file's path."""

    def __init__(
        self,
        publish: Publish,
        by_uri: Callable[[str], Snapshot | None],
        by_path: Callable[[str], Snapshot | None],
    ) -> None:
        self._publish = publish
        self._by_uri = by_uri
        self._by_path = by_path
        self._reported: dict[str, dict[str, tuple[Finding, ...]]] = {}
        self._shown: dict[str, tuple[Finding, ...]] = {}

    def report(self, snapshot: Snapshot, findings: Iterable[Finding], first: bool = False) -> None:
        """Show the findings of one document, wherever their places are; `first` makes an empty list count too."""
        by_uri: dict[str, list[Finding]] = {}
        if first:
            by_uri = {uri: [] for uri in ([cell.uri for cell in snapshot.cells] or [snapshot.uri])}
        for finding in findings:
            uri, placed = self._home(snapshot, finding)
            by_uri.setdefault(uri, []).append(placed)
        before = self._reported.get(snapshot.uri, {})
        self._reported[snapshot.uri] = {uri: tuple(items) for uri, items in by_uri.items()}
        for uri in dict.fromkeys((*before, *by_uri)):
            told = (item for owner in self._reported.values() for item in owner.get(uri, ()))
            self._show(uri, carrying.once(told), snapshot)

    def take_back(self, snapshot: Snapshot) -> None:
        """The document of `snapshot` is closed: nothing of it is shown any more."""
        self.report(snapshot, ())
        self._reported.pop(snapshot.uri, None)
        for uri in (snapshot.uri, *(cell.uri for cell in snapshot.cells)):
            self._shown.pop(uri, None)

    def clear(self, uri: str, snapshot: Snapshot) -> None:
        """A cell that `snapshot` no longer has shows nothing."""
        self._show(uri, (), snapshot)
        self._shown.pop(uri, None)

    def _show(self, uri: str, findings: tuple[Finding, ...], snapshot: Snapshot) -> None:
        visible = tuple(replace(finding, fixes=()) for finding in findings)
        if self._shown.get(uri) != visible:
            self._shown[uri] = visible
            self._publish(self._by_uri(uri) or snapshot, uri, findings)

    def _home(self, snapshot: Snapshot, finding: Finding) -> tuple[str, Finding]:
        """Where to show a finding. One whose file is not open is shown at the nearest place in this document."""
        if finding.span.path == snapshot.name:
            return snapshot.locate(finding.span.line)[0], finding
        other = self._by_path(finding.span.path)
        if other is not None:
            return other.locate(finding.span.line)[0], finding
        here = next((item.span for item in finding.related if item.span.path == snapshot.name), None)
        here = here or Span(snapshot.name, 1, 0, 1, len(snapshot.line_text(1)))
        there = Related(finding.span, "the cause is here")
        name = os.path.basename(finding.span.path)
        message = f"{name} line {finding.span.line}: {finding.message}"
        moved_here = replace(finding, span=here, message=message, related=(there, *finding.related))
        return snapshot.locate(here.line)[0], moved_here
