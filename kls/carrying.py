"""What was said of an older text, said of a newer one; pure functions of findings and snapshots."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from kls import callers
from kls.documents import Moved, Snapshot, moved
from kls.facts import Evidence, Finding, Related, Span


def once(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Each finding once: two programs may tell the same, and only one of them names who calls."""
    kept: dict[tuple[str, Span, str], Finding] = {}
    for finding in findings:
        key = finding.code, finding.span, callers.plain(finding.message)
        if key not in kept or (kept[key].message == key[2] and finding.message != key[2]):
            kept[key] = finding
    return tuple(kept.values())


def speaks_of(finding: Finding, path: str, lines: range) -> bool:
    """Whether some of the lines of a file take part in a finding: they are its place, named by it, or what its fixes
    would edit or blame."""
    spans = [finding.span, *(item.span for item in finding.related)]
    for fix in finding.fixes:
        spans += [edit.span for edit in fix.edits] + ([fix.cause] if fix.cause is not None else [])
    return any(span.path == path and span.line < lines.stop and span.end_line >= lines.start for span in spans)


def known(told: tuple[Snapshot, tuple[Finding, ...]] | None, snapshot: Snapshot) -> set[tuple[str, str | Span]]:
    """What was told of an older text, each by its words and by its place in the new one."""
    if told is None:
        return set()
    moves = moved(told[0], snapshot)
    words: set[tuple[str, str | Span]] = {(item.code, item.message) for item in told[1]}
    places = ((item.code, move_span(item.span, moves)) for item in told[1] if item.span.path == snapshot.name)
    return words | {(code, span) for code, span in places if span is not None}


def carry(shown: tuple[Snapshot, tuple[Finding, ...]], snapshot: Snapshot) -> tuple[Finding, ...]:
    """What the last dry run said, moved to the new text without its fixes; what lines say that changed is left out."""
    old, findings = shown
    moves = moved(old, snapshot)
    kept: list[Finding] = []
    for finding in findings:
        span = finding.span
        if span.path == snapshot.name:
            unchanged = moves.forward(span.line) is not None and moves.forward(span.end_line) is not None
            span = move_span(span, moves) if unchanged else None
        if finding.evidence is not Evidence.STATIC and span is not None:
            related = (_move_related(item, moves, snapshot.name) for item in finding.related)
            kept.append(replace(finding, span=span, related=tuple(item for item in related if item), fixes=()))
    return tuple(kept)


def at_known_causes(
    findings: tuple[Finding, ...],
    snapshot: Snapshot,
    causes: tuple[Snapshot, tuple[tuple[Finding, Finding], ...]] | None,
) -> tuple[Finding, ...]:
    """Findings that the last trial of fixes moved to their cause are shown there again while the next trial runs."""
    if causes is None:
        return findings
    moves = moved(causes[0], snapshot)
    places = {
        (before.code, before.message, move_span(before.span, moves)): move_span(after.span, moves)
        for before, after in causes[1]
    }
    return tuple(
        replace(finding, span=places.get((finding.code, finding.message, finding.span)) or finding.span)
        for finding in findings
    )


def move_span(span: Span, moves: Moved) -> Span | None:
    """`span` in the new text. A line that was edited but neither split nor joined keeps its number."""
    same = moves.old == moves.new
    line = moves.forward(span.line) or (span.line if same else None)
    end = moves.forward(span.end_line) or (span.end_line if same else None)
    return replace(span, line=line, end_line=end) if line is not None and end is not None and line <= end else None


def _move_related(item: Related, moves: Moved, path: str) -> Related | None:
    span = move_span(item.span, moves) if item.span.path == path else item.span
    return replace(item, span=span) if span else None
