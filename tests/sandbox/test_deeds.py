"""What an honest program can do in a probe, and how one that does not end is ended."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from .conftest import WAYS
from .worlds import Worker, World

Start = Callable[[str, str], Worker]
Around = Callable[[str], World]


@pytest.fixture(params=["root", "user"])
def user(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    return request.param


def test_honest_program(user: str, way: str, around: Around, started: Start) -> None:
    world = around(user)
    worker = started(user, way)
    named = [world.values["project"] + "/data.csv"]

    def got(deed: str) -> str | None:
        answer = worker.ask(deed, world, lock=True, readable=named)
        assert answer["hit"] is not None, answer
        return answer["hit"]

    assert got("use_temporary") == "'text'"
    assert got("use_threads") == repr(list(range(16)))
    assert got("use_standard_library") == "1"
    if way != "NoLandlock":  # there, nothing of the workspace is in the private file tree
        assert got("read_granted") == repr("a,b\n1,2\n")
        assert "data.csv" in (got("list_workspace") or "")


@pytest.mark.parametrize("deed", ["spin", "sleep_with_signals_blocked", "stop_itself", "hold_interpreter_lock"])
def test_deadline(deed: str, user: str, way: str, around: Around, started: Start) -> None:
    begun = time.monotonic()
    answer = started(user, way).ask(deed, around(user), lock=True, seconds=0.2)
    may_not_signal = "NoUserns, " in way and deed == "stop_itself"
    assert answer["stopped" if may_not_signal else "died"] == ("EPERM" if may_not_signal else "SIGKILL")
    assert time.monotonic() - begun < 15


def test_processor_time(user: str, around: Around, started: Start) -> None:
    worker = started(user, "Full")
    begun = time.monotonic()
    answer = worker.ask("spin", around(user), lock=True, seconds=60, cpu_seconds=1)
    assert answer["died"] == "SIGKILL"
    assert time.monotonic() - begun < 30


@pytest.mark.parametrize("deed", ["huge_list", "growing_list"])
def test_memory(deed: str, user: str, way: str, around: Around, started: Start) -> None:
    answer = started(user, way).ask(deed, around(user), lock=True, data_bytes=256 << 20)
    assert answer["stopped"] == "MemoryError"


@pytest.mark.parametrize("deed, signals", [("crash", {"SIGSEGV"}), ("abort", {"SIGABRT", "SIGSEGV"})])
def test_death_is_told(deed: str, signals: set[str], user: str, around: Around, started: Start) -> None:
    assert started(user, "Full").ask(deed, around(user), lock=True)["died"] in signals


def test_leaving_early(user: str, way: str, around: Around, started: Start) -> None:
    answer = started(user, way).ask("leave", around(user), lock=True)
    assert answer == {"hit": None, "stopped": None, "died": None}
