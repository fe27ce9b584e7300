"""Programs with a fault, and how it must be told: what the tables of findings hold, and what they are held against."""

from __future__ import annotations

from dataclasses import dataclass

from kls.facts import Severity
from kls.host import Host
from tests import catalogue


@dataclass(frozen=True)
class Fault:
    """A program that is wrong, a text on the line to edit, and the title of a repair that must be among those tried."""

    text: str
    line: str
    title: str


async def assert_told(host: Host, fault: Fault, severity: Severity = Severity.ERROR, best: bool = False) -> None:
    """The fault is the one finding of its severity, on the line to edit, with the repair; `best`: that one first."""
    found = await catalogue.findings(host, "fault", fault.text, tried=True)
    (told,) = [item for item in found if item.severity is severity]
    titles = [fix.title for fix in told.fixes]
    assert fault.title in (titles[:1] if best else titles), titles
    assert fault.line in fault.text.split("\n")[told.span.line - 1]


async def assert_silent(host: Host, text: str) -> None:
    """Nothing loud is said of a program."""
    found = await catalogue.findings(host, "program", text, tried=False)
    assert [item for item in found if item.severity in catalogue.LOUD] == []
