"""Fixtures say what kls must say: by recorded reports in milliseconds, by the real worker, and by running for real."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from kls import check, describe, plan, repairs
from kls.facts import Finding
from kls.host import Host
from kls.rules import MODULES, STEP_CODES
from kls.source import apply
from tests import catalogue, literate
from tests.faults.truth import Truth
from tests.literate import Fixture

FIXTURES = literate.read_all()
PATIENCE = 120
"""Seconds for one dry run, or of CPU time for a real one: some programs have large networks, and the machine may be
busy."""


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda item: item.name)
def test_rules_on_recorded_reports(fixture: Fixture) -> None:
    findings = check.check(fixture.snapshot, (), literate.load(fixture))
    assert not literate.differences(fixture, findings, with_fixes=False)


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda item: item.name)
def test_recorded_reports_are_of_no_machine(fixture: Fixture) -> None:
    assert "site-packages" not in fixture.recorded.read_text()


@pytest.mark.parametrize("fixture", [item for item in FIXTURES if item.hovers], ids=lambda item: item.name)
def test_hovers(fixture: Fixture) -> None:
    report = literate.load(fixture)
    lines = fixture.text.split("\n")
    for line, anchor, stated in fixture.hovers:
        hover = describe.hover(fixture.snapshot, report, line, lines[line - 1].index(anchor))
        assert hover is not None and stated in hover.markdown, f"line {line}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def host() -> AsyncIterator[Host]:
    """One real worker for all fixtures."""
    async with catalogue.worker() as host:
        yield host


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Truth]:
    """One process for all real runs."""
    with Truth(tmp_path_factory.mktemp("truth"), PATIENCE) as truth:
        yield truth


@pytest.mark.tf
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.timeout(900)
@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda item: item.name)
async def test_fixtures_on_the_real_worker(
    fixture: Fixture, host: Host, truth: Truth, request: pytest.FixtureRequest
) -> None:
    """The real worker gives the recorded report, and the tried fixes are the stated ones, best first."""
    probe = plan.plan(fixture.snapshot, seconds=PATIENCE)
    report = await host.ask(probe)
    if request.config.getoption("--update"):
        literate.save(fixture, report)
    else:
        assert literate.normal(report) == literate.normal(literate.load(fixture)), "--update records it"
    found = check.check(fixture.snapshot, (), report)
    found = await repairs.verify(fixture.snapshot, found, probe, host.ask, before=report)
    found = repairs.of_one_cause(found)
    assert not literate.differences(fixture, found, with_fixes=True)
    if any(said.severity == "error" for said in fixture.said):
        _really(fixture, found, truth)


def _really(fixture: Fixture, findings: tuple[Finding, ...], truth: Truth) -> None:
    """An error must really raise, and the best fixes must really make the program run: the first alone, or all of them
    where the program has several faults."""
    real = truth.outcome({"program.py": fixture.text}, staged=False)
    assert real.failed, f"an error is stated, and the real run does not fail: {real.end}"
    best = [item.fixes[0].edits for item in findings if item.severity.value == "error" and item.fixes]
    if not best:
        return
    every = dict.fromkeys((edit.span, edit.text) for edits in best for edit in edits)
    if len(best) > 1 and _runs(truth, apply(fixture.text, list(every))):
        return
    text = apply(fixture.text, [(edit.span, edit.text) for edit in best[0]])
    assert _runs(truth, text), f"the repaired program does not really run:\n{text}"


def _runs(truth: Truth, text: str) -> bool:
    return truth.outcome({"program.py": text}, staged=False).runs


def _examples() -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for module in MODULES:
        if module.RULE.code in STEP_CODES:  # tests/cli/test_hardware.py has theirs: they need a real step
            continue
        _, _, rest = (module.__doc__ or "").partition("```python\n")
        found.append((module.RULE.code, rest.partition("```")[0]))
    return found


@pytest.mark.tf
@pytest.mark.timeout(1200)
def test_the_example_of_each_manual_has_its_finding() -> None:
    async def told() -> dict[str, set[str]]:
        async with catalogue.worker() as host:
            return {
                code: {item.code for item in await catalogue.findings(host, code, text, tried=False)}
                for code, text in _examples()
            }

    for code, codes in asyncio.run(told()).items():
        assert codes == {code}, f"the example of {code} gives {sorted(codes)}"


def test_every_rule_has_a_fixture_or_an_example() -> None:
    assert all(text.strip() for _, text in _examples())


def test_manuals_have_their_sections() -> None:
    for module in MODULES:
        manual = module.__doc__ or ""
        for section in ("## What it says", "## Why it matters", "## Example"):
            assert section in manual, f"{module.__name__} lacks {section!r}"
        assert "## Repair" in manual or "## When to ignore" in manual, module.__name__


def test_rules_page_is_current() -> None:
    from kls.rules.page import page

    kept = Path(__file__).parents[1] / "docs" / "rules.md"
    assert kept.read_text() == page(), "run `python -m kls.rules.page > docs/rules.md`"


def test_a_fixture_matches_one_to_one() -> None:
    """The matcher itself: a finding that nobody states is a difference, and so is one that is stated and missing."""
    fixture = FIXTURES[0]
    findings = check.check(fixture.snapshot, (), literate.load(fixture))
    assert literate.differences(fixture, (), with_fixes=False)
    moved = tuple(dataclasses.replace(item, code="other") for item in findings)
    assert literate.differences(fixture, moved, with_fixes=False)
