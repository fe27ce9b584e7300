"""The host against workers that misbehave: every misdeed ends as a Status or a Report, and the host goes on."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kls.host import Host, State, Superseded, Unavailable
from kls.worker.protocol import Probe, Source

if TYPE_CHECKING:
    from .conftest import Watched

    Fake = Callable[..., Watched]


def probe(seconds: float = 8.0, number: int = 1, size: int = 1) -> Probe:
    return Probe(number, (Source("__main__", "/project/train.py", "x" * size),), "", (), seconds)


async def test_it_starts_answers_and_stops(fake: Fake) -> None:
    one = fake("good")
    hello = await one.host.start()
    assert hello.tensorflow == "2.99.0"
    report = await one.host.ask(probe(number=41))
    assert report.complete and report.id == 41
    await one.host.stop()
    assert one.states() == [State.STARTING, State.READY, State.PROBING, State.READY, State.OFF]
    assert one.seen[1].sentence == "TensorFlow 2.99.0 with Keras 3.99.0 is ready"
    assert one.seen[2].sentence == "dry-running train.py"


async def test_asking_starts_it(fake: Fake) -> None:
    one = fake("good")
    assert (await one.host.ask(probe())).complete
    await one.host.stop()
    assert (await one.host.ask(probe())).complete


@pytest.mark.parametrize(
    ("mode", "told"),
    [
        ("crash at start", "it ended with exit code 3: ImportError: libcublas is missing"),
        ("exit 0", "it ended with exit code 0"),
        ("noise", "not the protocol: not JSON"),
        ("garbage", "not the protocol: not JSON"),
        ("nested", "not the protocol"),
        ("endless line", "a line of more than 8 MB"),
        ("never ready", "it was not ready after 0.2 s"),
        ("two hellos", "a Hello out of turn"),
        ("flood", "a Report out of turn"),
    ],
)
async def test_it_gives_up_after_three_deaths(fake: Fake, mode: str, told: str) -> None:
    one = fake(mode, start_seconds=0.2 if mode == "never ready" else 30.0)
    asked = asyncio.ensure_future(one.host.ask(probe()))
    status = await one.until(State.STOPPED)
    assert told in status.sentence
    assert "died 3 times in a row" in status.sentence
    await asyncio.wait([asked])
    if mode in ("two hellos", "flood"):  # ready for a moment, so that the question went out and died with it
        assert isinstance(asked.exception(), Unavailable) or not asked.result().complete
    else:
        assert isinstance(asked.exception(), Unavailable)
    with pytest.raises(Unavailable, match="restart the worker"):
        await one.host.ask(probe())


async def test_restart_tries_again_after_giving_up(fake: Fake, tmp_path: Path) -> None:
    one = fake("slow hello", environment=(("GATE", str(tmp_path / "gate")),), start_seconds=0.1)
    with pytest.raises(Unavailable):
        await one.host.start()
    (tmp_path / "gate").touch()
    one.host._start_seconds = 30.0
    await one.host.restart()
    assert (await one.host.ask(probe())).complete


async def test_a_question_waits_for_a_slow_start(fake: Fake, tmp_path: Path) -> None:
    one = fake("slow hello", environment=(("GATE", str(tmp_path / "gate")),))
    asked = asyncio.ensure_future(one.host.ask(probe()))
    await one.until(State.STARTING)
    (tmp_path / "gate").touch()
    assert (await asked).complete


@pytest.mark.parametrize(
    ("mode", "told"),
    [
        ("old protocol", "speaks protocol 0, this kls speaks 1"),
        ("no TensorFlow", "static findings only: no TensorFlow in /x/python; install it with: /x/python -m pip"),
    ],
)
async def test_what_cannot_work_is_not_tried_again(fake: Fake, mode: str, told: str) -> None:
    one = fake(mode)
    with pytest.raises(Unavailable, match="static findings only"):
        await one.host.ask(probe())
    assert told in one.host.status.sentence
    assert one.states() == [State.STARTING, State.FAILED]


async def test_an_interpreter_that_does_not_exist(fake: Fake, watched: Fake) -> None:
    one = fake("good")
    one.host._start = type(one.host._start)("/nowhere/python", sandbox=False)
    with pytest.raises(Unavailable, match=r"static findings only: /nowhere/python cannot be started: No such file"):
        await one.host.start()


async def test_without_a_sandbox_for_the_system_nothing_is_started(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kls.host.command.LAUNCHERS", {})
    one = fake("good", sandbox=True)
    with pytest.raises(
        Unavailable,
        match=r"^static findings only: kls has no sandbox for this kind of system, so programs are only read",
    ):
        await one.host.ask(probe())
    assert one.states() == [State.STARTING, State.FAILED]


async def test_new_packages_ask_for_a_new_worker(fake: Fake, tmp_path: Path) -> None:
    one = fake("good", site=(str(tmp_path), str(tmp_path / "none")))
    first = await one.host.start()
    await one.host.ask(probe())
    assert await one.host.start() is first
    os.utime(tmp_path, (1, 1))
    assert (await one.host.ask(probe())).complete
    assert (await one.host.start()).pid != first.pid


async def test_a_problem_is_in_the_hello(fake: Fake) -> None:
    one = fake("no TensorFlow")
    hello = await one.host.start()
    assert hello.problem is not None
    assert await one.host.start() == hello


@pytest.mark.parametrize(
    ("mode", "told"),
    [
        ("crash in probe", "the TensorFlow process is gone: it was killed by SIGABRT"),
        ("garbage for an answer", "the TensorFlow process is gone: it sent what is not the protocol"),
        ("answers the future", "the TensorFlow process is gone: it sent a Report out of turn"),
        ("hang", "stopped after 0.1 s"),
    ],
)
async def test_a_death_in_a_probe_is_a_report(fake: Fake, mode: str, told: str) -> None:
    one = fake(mode, grace_seconds=0.1)
    for _ in range(2):
        report = await one.host.ask(probe(seconds=0.1, number=7))
        assert not report.complete and report.id == 7
        assert report.ended is not None and told in report.ended


async def test_the_next_question_after_a_death_is_answered(fake: Fake, tmp_path: Path) -> None:
    one = fake("crash once", environment=(("GATE", str(tmp_path / "gate")),))
    assert not (await one.host.ask(probe())).complete
    assert (await one.host.ask(probe())).complete


async def test_only_the_newest_of_many_is_answered(fake: Fake) -> None:
    one = fake("good")
    await one.host.start()
    asked = [asyncio.ensure_future(one.host.ask(probe(number=number, size=300_000))) for number in range(100)]
    await asyncio.wait(asked)
    assert all(isinstance(task.exception(), Superseded) for task in asked[:-1])
    assert asked[-1].result().id == 99


async def test_a_cancelled_question_does_no_harm(fake: Fake) -> None:
    one = fake("good")
    await one.host.start()
    asked = asyncio.ensure_future(one.host.ask(probe(number=1)))
    await one.until(State.PROBING)
    asked.cancel()
    assert (await one.host.ask(probe(number=2))).id == 2


async def test_a_worker_that_never_answers_is_replaced_while_questions_keep_coming(fake: Fake) -> None:
    one = fake("hang", grace_seconds=0.1)
    await one.host.start()
    first = one.host.hello
    while one.host.hello is first:
        asked = asyncio.ensure_future(one.host.ask(probe(seconds=0.1)))
        await asyncio.wait([asked], timeout=0.5)
    assert first is not None


@pytest.mark.parametrize(
    ("mode", "told"),
    [
        ("tells and hangs", "stopped after 0.1 s"),
        ("tells and dies", "it was killed by SIGABRT"),
        ("tells and says nothing", "stopped after 8 s"),
        ("tells twice", "it sent a Report out of turn"),
    ],
)
async def test_what_was_found_before_a_death_is_kept(fake: Fake, mode: str, told: str) -> None:
    one = fake(mode, grace_seconds=0.1)
    report = await one.host.ask(probe(seconds=0.1, number=7))
    assert report.id == 7 and report.statements == 7
    assert not report.complete and not report.goes_on
    assert report.ended is not None and told in report.ended


async def test_one_use_workers_follow_each_other(fake: Fake) -> None:
    one = fake("one use", one_use=True)
    pids = set()
    for number in range(4):
        hello = await one.host.start()
        pids.add(hello.pid)
        assert (await one.host.ask(probe(number=number))).complete
    assert len(pids) >= 3
    assert State.STOPPED not in one.states()


async def test_one_use_time_outs_are_no_deaths(fake: Fake) -> None:
    one = fake("hang", one_use=True, grace_seconds=0.05)
    for _ in range(5):
        assert (await one.host.ask(probe(seconds=0.05))).ended == "stopped after 0.05 s"
    assert State.STOPPED not in one.states()


async def test_stop_refuses_the_open_question(fake: Fake) -> None:
    one = fake("hang")
    asked = asyncio.ensure_future(one.host.ask(probe()))
    await one.until(State.PROBING)
    await one.host.stop()
    with pytest.raises(Unavailable):
        await asked


async def test_private_folders_are_removed(fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    one = fake("good")
    await one.host.ask(probe())
    assert list(tmp_path.iterdir())
    await one.host.stop()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("stopped", [False, True])
def test_a_loop_that_is_closed_starts_no_worker_again_and_is_not_asked_to_close_pipes(
    stopped: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As a server whose editor is gone: nobody stops the host, its tasks are cancelled; another has the pipes."""
    gate = tmp_path / "gate"
    seen: list[str] = []
    noise: list[object] = []
    monkeypatch.setattr("sys.unraisablehook", lambda told: noise.append(told.exc_value))

    async def main() -> None:
        host = Host(
            sys.executable,
            sandbox=False,
            bootstrap=Path(__file__).parent / "fake_worker.py",
            environment=(("FAKE", "leaves its pipes to another"), ("GATE", str(gate))),
            on_change=lambda status: seen.append(status.sentence),
        )
        await host.start()
        if stopped:
            await host.stop()

    try:
        asyncio.run(main())
        gc.collect()
    finally:
        gate.touch()
    assert seen and "started again" not in " ".join(seen) and not noise
