"""Findings for people: source excerpt, underline, linked places, tried fixes; short forms for editors and CI.

Source text is a stranger's: control characters are shown as replacement characters, so that no file can command the
terminal, and what the runners of a CI service would obey is broken up.
"""

from __future__ import annotations

import difflib
import os
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TextIO

from kls import hardware, source
from kls.analysis import Analysis
from kls.cli.places import Place, Places
from kls.describe import width
from kls.facts import Finding, Fix, Severity, Span
from kls.hardware import Measured

_COLOURS = {
    Severity.ERROR: "1;31",
    Severity.WARNING: "1;33",
    Severity.INFORMATION: "1;34",
    Severity.HINT: "1;36",
}
_GITHUB = {Severity.ERROR: "error", Severity.WARNING: "warning"}
_EXCERPT = 160
"""Widest excerpt, in columns of the terminal."""
_CHANGED = 6
"""Most lines of a fix that are shown."""
_TAB = "    "


@dataclass(frozen=True)
class Style:
    """Whether to write colours, and after how many columns the prose goes to the next line (0: never)."""

    colour: bool
    columns: int = 0

    def paint(self, text: str, code: str) -> str:
        """`text` in an ANSI colour."""
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour and text else text


def style_for(stream: TextIO, environment: Mapping[str, str] | None = None) -> Style:
    """Colours on a terminal whose user has not said NO_COLOR, lines as wide as it; neither for a file or a pipe."""
    environment = os.environ if environment is None else environment
    if not stream.isatty():
        return Style(False)
    colour = not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"
    return Style(colour, max(60, shutil.get_terminal_size().columns))


def full(finding: Finding, places: Places, style: Style) -> str:
    """A finding with its source line, the rest of its message, its related places and its fixes."""
    place = places.place(finding.span)
    first, *rest = finding.message.splitlines() or [""]
    severity = style.paint(finding.severity.value, _COLOURS[finding.severity])
    head = f"{style.paint(clean(str(place)), '1')}: {severity}[{finding.code}]: {style.paint(clean(first), '1')}"
    gutter = " " * (len(str(place.line)) + 1)
    bar = style.paint("|", "2")
    lines = [head, *_excerpt(finding, place, places, style)]
    said = [*rest, *(f"{places.place(related.span)}: {related.message}" for related in finding.related)]
    for line in said:
        first, *more = _wrapped(clean(line), style.columns - len(gutter) - 2)
        lines += [f"{gutter}{style.paint('=', '2')} {first}", *(f"{gutter}  {line}" for line in more)]
    for fix in finding.fixes:
        lines.append(f"{gutter}{style.paint('=', '2')} {style.paint('fix', '1;32')}: {clean(fix.title)}{_tried(fix)}")
        lines += [
            f"{gutter}{bar} {style.paint(clean(line), '32' if line.startswith('+') else '31')}"
            for line in _changed(fix, places)
        ]
    return "\n".join(lines)


def notes(analysis: Analysis, places: Places) -> Iterator[str]:
    """A line for each reason why a training call could not be followed, so that silence is not taken for praise."""
    unchecked: dict[str, dict[Span, str]] = {}
    for call in analysis.report.calls if analysis.report is not None else ():
        if call.status == "unknown" and not call.paired:
            reason = (call.reason or "its arguments are not known").splitlines()[0]
            unchecked.setdefault(reason, {}).setdefault(call.span, call.method)
    for reason, calls in unchecked.items():
        (span, method), *others = calls.items()
        more = f" and {len(others)} more call{'s' * (len(others) > 1)} were" if others else " was"
        yield clean(f"{places.place(span)}: note: this `{method}`{more} not checked: {reason}")


def missing(analysis: Analysis, places: Places, told: set[str]) -> Iterator[str]:
    """A line for each module that is not installed, but for those in `told`, which it adds to."""
    for gap in analysis.report.gaps if analysis.report is not None else ():
        if gap.kind == "module" and gap.reason not in told:
            told.add(gap.reason)
            yield clean(f"{places.place(gap.span)}: note: {gap.reason}: what depends on it is not known")


def step_notes(name: str, measured: Measured | None) -> Iterator[str]:
    """What one real step told, a line each."""
    if measured is None:
        return
    if measured.step is None:
        yield clean(f"{name}: no real step: {measured.reason}")
        return
    step = measured.step
    yield clean(f"{name}:{step.span.line}: {hardware.sentence(step)}")
    for trouble in step.troubles:
        said = _TROUBLES.get(trouble.kind)
        if said is not None:
            yield clean(f"{name}:{step.span.line}: note: {said}: {trouble.message}")


_TROUBLES = {
    "values": "not finite after a few steps on zeros",
    "noise": "finite on zeros, but not on unit noise",
    "error": "on zeros the step raises",
}
"""What is told of a step that need not be the program's fault: real data may do better."""


def concise(finding: Finding, places: Places) -> str:
    """One line: `path:line:column: severity[code]: first line of the message`."""
    first = (finding.message.splitlines() or [""])[0]
    return clean(f"{places.place(finding.span)}: {finding.severity.value}[{finding.code}]: {first}")


def github(finding: Finding, places: Places) -> str:
    """A workflow command that GitHub Actions turns into an annotation of the changed lines."""
    place = places.place(finding.span)
    level = _GITHUB.get(finding.severity, "notice")
    where = f"file={_property(place.path)},line={place.line},col={place.column},endLine={place.end_line}"
    if place.end_line == place.line:
        where += f",endColumn={place.end_column}"
    return f"::{level} {where},title={_property(f'kls {finding.code}')}::{_escape(finding.message)}"


def clean(text: str) -> str:
    """`text` without what a terminal or a CI runner would obey; a tab becomes four spaces.

    GitHub's runners take a line that begins with `::` for a command and one with `##[` anywhere, Azure's one with
    `##vso[`.
    """
    text = text.replace("\t", _TAB).replace("##[", "# #[").replace("##vso[", "# #vso[")
    if text.lstrip().startswith("::"):
        text = "\N{REPLACEMENT CHARACTER}" + text
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or unicodedata.category(char) in ("Zs", "Mn", "Me", "Mc") or char == "\u200d"
        else "\N{REPLACEMENT CHARACTER}"
        for char in text
    )  # fmt: skip


def complain(sentences: Iterable[str]) -> None:
    """Say what is amiss, each in a line of its own, beside the results."""
    for sentence in sentences:
        print(clean(f"kls: {sentence}"), file=sys.stderr)


def _wrapped(text: str, columns: int) -> list[str]:
    if columns <= 0:
        return [text]
    return textwrap.wrap(text, columns, break_long_words=False, break_on_hyphens=False) or [""]


def _excerpt(finding: Finding, place: Place, places: Places, style: Style) -> list[str]:
    lines = places.lines(finding.span)
    if not lines:
        return []
    text, start = lines[0], finding.span.column
    one = finding.span.line == finding.span.end_line
    end = finding.span.end_column if one else len(text.rstrip())
    before, marked = clean(text[:start]), clean(text[start:end])
    shown = clean(text.rstrip())
    number, gutter = str(place.line), " " * (len(str(place.line)) + 1)
    bar = style.paint("|", "2")
    carets = "^" * max(1, min(width(marked), _EXCERPT - min(width(before), _EXCERPT - 1)))
    if width(before) + len(carets) > _EXCERPT:
        return [f"{gutter}{bar}", f"{number} {bar} {_cut(shown)}"]
    underline = " " * width(before) + style.paint(carets + ("" if one else " …"), _COLOURS[finding.severity])
    return [f"{gutter}{bar}", f"{number} {bar} {_cut(shown)}", f"{gutter}{bar} {underline}"]


def _cut(text: str) -> str:
    return text if len(text) <= _EXCERPT else text[: _EXCERPT - 1] + "…"


def _tried(fix: Fix) -> str:
    return {True: " (tried: the finding goes away)", False: " (tried: another fault remains)", None: ""}[fix.verified]


def _changed(fix: Fix, places: Places) -> list[str]:
    """The lines that a fix takes out and puts in, each behind its sign."""
    by_path: dict[str, list[tuple[Span, str]]] = {}
    for edit in fix.edits:
        by_path.setdefault(edit.span.path, []).append((edit.span, edit.text))
    changed: list[str] = []
    for path, edits in by_path.items():
        snapshot = places.snapshot(path)
        if snapshot is not None:
            before, after = snapshot.text.splitlines(), source.apply(snapshot.text, edits).splitlines()
            changes = list(difflib.unified_diff(before, after, n=0, lineterm=""))[2:]
            changed += [f"{line[0]} {line[1:].rstrip()}" for line in changes if line[0] in "+-"]
    return [_cut(line) for line in changed[:_CHANGED]] + (["…"] if len(changed) > _CHANGED else [])


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")


def write(text: str) -> None:
    """One piece of the result, at once."""
    print(text, file=sys.stdout, flush=True)
