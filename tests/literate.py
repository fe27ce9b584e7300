"""Literate fixtures: valid programs whose comments say what kls must say of them.

    model.fit(x, y)  # error[input-shape] `x`: `x` is (640, 28, 28)
    # fix: Reshape `x` to (640, 784)

A comment behind code speaks of that line: severity, code, the text the finding begins at, and how its message begins. A
`# fix:` line below names the offered fixes, best first. `# hover `name`: text` is what a hover there must hold. Every
loud or quiet finding must be matched, one to one. Beside the program, `<name>.report.json` holds the report that the
real worker gave, so that rules are tested without TensorFlow.
"""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kls.documents import Snapshot
from kls.facts import Finding
from kls.worker.protocol import Report, decode, encode

FOLDER = Path(__file__).parent / "fixtures"
ROOT = "/fixture"
"""The folder that fixtures believe to live in, so that recorded reports hold no path of a machine."""

_SAID = re.compile(r"#\s*(error|warning|information|hint)\[([\w-]+)\]\s*`([^`]*)`:\s*(.*)$")
_FIX = re.compile(r"^\s*#\s*fix:\s*(.*)$")
_OTHER_FRAMES = re.compile(
    rf'^ *File "(?!{ROOT}/)[^"]*", line .*\n(?:        .*\n)?|^ *File "(?!{ROOT}/)[^\n]*\Z', re.MULTILINE
)
"""What TensorFlow's tracebacks inside a message say of places in libraries."""
_HOVER = re.compile(r"#\s*hover\s*`([^`]*)`:\s*(.*)$")


@dataclass(frozen=True)
class Said:
    """One finding as a fixture states it; `line` counts from 1."""

    line: int
    severity: str
    code: str
    anchor: str
    message: str
    fixes: tuple[str, ...]


@dataclass(frozen=True)
class Fixture:
    """One literate program."""

    name: str
    path: Path
    text: str
    said: tuple[Said, ...]
    hovers: tuple[tuple[int, str, str], ...]

    @property
    def snapshot(self) -> Snapshot:
        """The program as an editor would hold it."""
        path = f"{ROOT}/{self.name}.py"
        return Snapshot(f"file://{path}", path, 1, self.text)

    @property
    def recorded(self) -> Path:
        """Where the worker's report is kept."""
        return self.path.with_suffix(".report.json")


def read_all() -> list[Fixture]:
    """Every fixture, by name."""
    return [read(path) for path in sorted(FOLDER.glob("*.py"))]


def read(path: Path) -> Fixture:
    """The fixture in `path`."""
    said: list[Said] = []
    hovers: list[tuple[int, str, str]] = []
    text = path.read_text()
    code_line = 0
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip() and not line.strip().startswith("#"):
            code_line = number
        if match := _SAID.search(line):
            severity, code, anchor, message = match.groups()
            said.append(Said(code_line, severity, code, anchor, message.strip(), ()))
        elif (match := _FIX.match(line)) and said:
            said[-1] = dataclasses.replace(said[-1], fixes=(*said[-1].fixes, match.group(1).strip()))
        elif match := _HOVER.search(line):
            hovers.append((code_line, match.group(1), match.group(2).strip()))
    return Fixture(path.stem, path, text, tuple(said), tuple(hovers))


def differences(fixture: Fixture, findings: tuple[Finding, ...], with_fixes: bool) -> list[str]:
    """What was said and should not have been, and the other way round; empty when all is as stated."""
    lines = fixture.text.split("\n")
    left = list(findings)
    problems: list[str] = []
    for said in fixture.said:
        match = next((item for item in left if _matches(said, item, lines, with_fixes)), None)
        if match is None:
            problems.append(
                f"line {said.line}: nobody says {said.severity}[{said.code}] `{said.anchor}`: {said.message}"
            )
            continue
        left.remove(match)
        titles = tuple(fix.title for fix in match.fixes)
        if with_fixes and said.fixes and titles[: len(said.fixes)] != said.fixes:
            problems.append(f"line {said.line}: fixes {list(titles)}, stated {list(said.fixes)}")
    for item in left:
        anchor = lines[item.span.line - 1][item.span.column :]
        problems.append(
            f"line {item.span.line}: unstated {item.severity.value}[{item.code}] `{anchor}`: {item.message}"
        )
    return problems


def _matches(said: Said, finding: Finding, lines: list[str], tried: bool) -> bool:
    """Whether a finding is what is said. One whose fixes were not tried yet may also stand where the stated best fix
    would bring it."""
    places = [finding.span]
    if not tried and said.fixes:
        places += [fix.cause for fix in finding.fixes if fix.title == said.fixes[0] and fix.cause is not None]
    return (
        any(
            place.line == said.line and lines[place.line - 1][place.column :].startswith(said.anchor)
            for place in places
        )
        and finding.severity.value == said.severity
        and finding.code == said.code
        and finding.message.startswith(said.message)
    )


def save(fixture: Fixture, report: Report) -> None:
    """Keep a worker's report beside the fixture."""
    fixture.recorded.write_text(json.dumps(normal(report), indent=1, sort_keys=True) + "\n")


def load(fixture: Fixture) -> Report:
    """The kept report."""
    message = decode(json.dumps(json.loads(fixture.recorded.read_text())).encode())
    assert isinstance(message, Report)
    return message


def normal(report: Report) -> Any:
    """A report as JSON without what differs between runs and machines: object numbers, seconds, library frames."""
    numbers: dict[int, int] = {}

    def visit(key: str, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: visit(name, item) for name, item in value.items()}
        if isinstance(value, list):
            return [visit(key, item) for item in value]
        if key in ("key", "parent", "layer", "model", "object", "layers", "input_layers", "output_layers"):
            return numbers.setdefault(value, len(numbers) + 1) if isinstance(value, int) and value else value
        return _OTHER_FRAMES.sub("", value) if key == "message" else value

    made = visit("", json.loads(encode(dataclasses.replace(report, seconds=0.0, id=0))))
    assert isinstance(made, dict)
    return made
