"""kls on the whole catalogue of mistakes, through the real worker in its sandbox."""

from __future__ import annotations

import asyncio
import sys

import pytest

from tests import catalogue

AT_LEAST = {"reported": 270, "on the line": 250, "with a tried fix": 235, "silent told": 70}
"""What kls reaches of the programs that raise, and of those that go wrong silently; raise these with what it learns."""


@pytest.mark.tf
@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_the_catalogue(capsys: pytest.CaptureFixture[str]) -> None:
    """Faults are told on the line to edit with a fix that holds; nothing loud is said of what is repaired."""
    outcomes = asyncio.run(catalogue.run(catalogue.read()))
    figures = catalogue.table(outcomes)
    with capsys.disabled():
        sys.stdout.write(f"\n{figures}\n")
    loud = [item.case.name for item in outcomes if item.on_repaired]
    assert not loud, f"false alarms on repaired programs: {loud}"
    for name, least in AT_LEAST.items():
        assert figures[name] >= least, f"{name}: {figures[name]}, was {least}; all: {figures}"
