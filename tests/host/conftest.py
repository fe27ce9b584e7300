"""Hosts for tests: with fake workers, and with the real worker process around a stand-in for the dry run."""

from __future__ import annotations

import asyncio
import shutil
import sys
import venv
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

import kls
from kls.host import Host, State, Status

HERE = Path(__file__).parent
WORKER = Path(kls.__file__).parent / "worker"


class Watched:
    """A host and every status it had."""

    def __init__(self, **arguments: Any) -> None:
        self.seen: list[Status] = []
        self._news = asyncio.Event()
        self.host = Host(arguments.pop("interpreter", sys.executable), on_change=self._note, **arguments)

    def _note(self, status: Status) -> None:
        self.seen.append(status)
        self._news.set()

    async def until(self, state: State) -> Status:
        """The status when the host gets to `state`."""

        async def wait() -> None:
            while self.host.status.state is not state:
                self._news.clear()
                await self._news.wait()

        await asyncio.wait_for(wait(), 30)
        return self.host.status

    def states(self) -> list[State]:
        return [status.state for status in self.seen]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def real() -> AsyncIterator[Watched]:
    """One real worker for all tests of a module."""
    one = Watched()
    await one.host.start()
    yield one
    await one.host.stop()


async def sandboxed(one: Watched) -> None:
    """Start a host that wants a sandbox; skips the test where there is none."""
    if sys.platform != "linux":
        pytest.skip("the sandbox needs Linux")
    try:
        await one.host.start()
    except Exception as error:
        if "sandbox" not in str(error):
            raise
        pytest.skip(str(error))


@pytest.fixture
async def watched() -> AsyncIterator[Callable[..., Watched]]:
    """Makes hosts; they are stopped at the end of the test."""
    made: list[Watched] = []

    def make(**arguments: Any) -> Watched:
        made.append(Watched(**arguments))
        return made[-1]

    yield make
    for one in made:
        await one.host.stop()


@pytest.fixture
def fake(watched: Callable[..., Watched]) -> Callable[..., Watched]:
    """A host of a fake worker that behaves as its argument says."""

    def make(mode: str, environment: tuple[tuple[str, str], ...] = (), **arguments: Any) -> Watched:
        settings = {"sandbox": False, "bootstrap": HERE / "fake_worker.py", "back_off": (0.0, 0.01), **arguments}
        return watched(environment=(("FAKE", mode), *environment), **settings)

    return make


@pytest.fixture(scope="session")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An interpreter without TensorFlow, whatever the tests run in."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, symlinks=sys.platform != "win32")
    return str(folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python"))


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The bootstrap of a copy of the worker whose dry run is the stand-in."""
    folder = tmp_path / "worker"
    shutil.copytree(WORKER, folder, ignore=shutil.ignore_patterns("dryrun", "__pycache__"))
    shutil.copytree(HERE / "stand_in", folder / "dryrun")
    return folder / "bootstrap.py"


@pytest.fixture
def worker(watched: Callable[..., Watched], package: Path, bare_python: str) -> Callable[..., Watched]:
    """A host of the real worker process around the stand-in, without TensorFlow."""

    def make(**arguments: Any) -> Watched:
        settings = {"sandbox": False, "bootstrap": package, "user_site": (str(HERE / "site"),), **arguments}
        return watched(interpreter=bare_python, **settings)

    return make
