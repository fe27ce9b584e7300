"""A small sample of the injected faults, really run and judged by kls; the long lane is `python -m tests.faults`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.faults import judge
from tests.faults.injectors import faults
from tests.faults.judge import Verdict
from tests.faults.truth import Truth

PROGRAMS = Path(__file__).parent / "programs"
SAMPLE = {"programs/sine_regression.py": 3, "programs/config_dict.py": 4}
"""Programs that are quick to run, and how many faults of each are looked at."""


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> list[Verdict]:
    return asyncio.run(_verdicts(tmp_path_factory.mktemp("truth")))


async def _verdicts(cache: Path) -> list[Verdict]:
    found: list[Verdict] = []
    with Truth(cache) as truth:
        async with judge.asker() as host:
            for name, most in SAMPLE.items():
                files = judge.programs([PROGRAMS])[name]
                found += [verdict async for verdict in judge.judged(host, truth, name, files, most)]
    return found


@pytest.mark.tf
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_working_programs_are_not_called_errors(verdicts: list[Verdict]) -> None:
    quiet = [item for item in verdicts if item.truth.runs]
    assert len([item for item in quiet if item.fault.kind == "none"]) == len(SAMPLE)
    assert [(item.program, item.fault.what) for item in quiet if item.errors] == []


@pytest.mark.tf
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_failing_programs_are_reported(verdicts: list[Verdict]) -> None:
    failing = [item for item in verdicts if item.truth.failed]
    assert len(failing) >= 4
    assert [(item.program, item.fault.what, item.trouble) for item in failing if not item.errors] == []
    assert sum(item.on_line or item.repaired_elsewhere for item in failing) >= len(failing) - 1


@pytest.mark.tf
@pytest.mark.parametrize("name", ["attention.py", "text_vectorized.py"])
def test_a_program_that_works_is_kept_whole(tmp_path: Path, name: str) -> None:
    files = judge.programs([PROGRAMS / name])[name]
    with Truth(tmp_path) as truth:
        assert truth.working(files) == files


def test_a_fault_changes_no_line_number() -> None:
    files = judge.programs([PROGRAMS / "fashion_conv.py"])["fashion_conv.py"]
    text = files["fashion_conv.py"]
    made = faults("fashion_conv.py", files, 40)
    assert len({item.kind for item in made}) >= 10
    for fault in made:
        old, new = text.split("\n"), fault.text.split("\n")
        assert len(old) == len(new)
        changed = {line for line, (one, other) in enumerate(zip(old, new, strict=True), 1) if one != other}
        assert changed and changed & fault.lines, fault.what


def test_several_files_are_one_program() -> None:
    found = judge.programs([PROGRAMS])
    assert list(found["programs/churn_project/main.py"]) == [
        "main.py",
        "churn/__init__.py",
        "churn/data.py",
        "churn/model.py",
    ]
    assert "programs/churn_project/churn/model.py" not in found
