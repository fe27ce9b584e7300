"""Workers where there is no fork: one dry run each and a warm spare; and in the launcher of macOS and Windows."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kls import documents, plan, workplace
from kls.host import State, Unavailable, command
from kls.host import process as processes
from tests.literate import normal as literal
from tests.sandbox import worlds

from .conftest import sandboxed
from .processes import children, parent, seconds_until_gone
from .test_worker import probe

if TYPE_CHECKING:
    from .conftest import Watched

    Make = Callable[..., Watched]

SANDBOX_TESTS = Path(worlds.__file__).parent
ME = worlds.User("me", os.getuid() if hasattr(os, "getuid") else 0, sys.executable, worlds.SANDBOX.parent)
linux = pytest.mark.skipif(sys.platform != "linux", reason="what is missing elsewhere is taken away on Linux")
NO_FORK = """
import os
for name in ("fork", "forkpty", "waitid", "killpg"):
    os.__dict__.pop(name, None)
"""


@pytest.fixture
def forkless(package: Path) -> Path:
    """A bootstrap of an interpreter that cannot fork."""
    text = package.read_text(encoding="utf-8")
    start = "from __future__ import annotations\n"
    package.write_text(text.replace(start, start + NO_FORK, 1), encoding="utf-8")
    return package


@linux
@pytest.mark.parametrize("sandbox", [False, True])
async def test_without_fork_each_dry_run_has_a_process_of_its_own(worker: Make, forkless: Path, sandbox: bool) -> None:
    one = worker(sandbox=sandbox, bootstrap=forkless, one_use=True)
    if sandbox:
        await sandboxed(one)
    text = 'import os\nended = f\'{os.environ["HOME"]} {hasattr(os, "fork")}\'\n'
    said = [(await one.host.ask(probe(text))).ended or "" for _ in range(4)]
    assert len(set(said)) == 4 and all(answer.endswith(" False") for answer in said)
    assert State.STOPPED not in one.states() and one.host.tally["dry runs"] == 4


@linux
async def test_the_spare_is_warm(worker: Make, forkless: Path) -> None:
    """The next question does not wait for a start: the spare has said Hello while the first was at work."""
    one = worker(bootstrap=forkless, one_use=True)
    await one.host.start()
    while (spare := one.host._spare) is None or spare.hello is None:
        await asyncio.sleep(0.01)
    assert (await one.host.ask(probe())).complete
    while one.host.hello is not spare.hello:
        await asyncio.sleep(0.01)
    assert one.host._current is spare
    one.seen.clear()
    assert (await one.host.ask(probe())).complete
    assert one.seen[0].state is State.PROBING, "it was ready already"
    while (third := one.host._spare) is None or third is spare or third.hello is None:
        await asyncio.sleep(0.01)
    running = one.host.running()
    assert running is not None and running.kind == "one process a dry run, and a spare"


@linux
async def test_a_spare_that_dies_is_no_loss(worker: Make, forkless: Path) -> None:
    one = worker(bootstrap=forkless, one_use=True)
    await one.host.start()
    while (spare := one.host._spare) is None or spare.hello is None:
        await asyncio.sleep(0.01)
    spare.kill("tried")
    for _ in range(2):
        assert (await one.host.ask(probe())).complete
    assert State.STOPPED not in one.states()


def pretended(monkeypatch: pytest.MonkeyPatch, folder: Path, more: str = "") -> None:
    """Have workers started by the launcher of macOS, with a stand-in for `sandbox-exec`."""
    if worlds.tier_here(ME, ("namespaces",)) != "NoUserns":
        pytest.skip("the stand-in needs Landlock and filters of system calls")
    program = folder / "sandbox-exec"
    text = (SANDBOX_TESTS / "sandbox_exec.py").read_text().replace("@SANDBOX@", str(worlds.SANDBOX))
    program.write_text(f"#!{sys.executable} -IS\n{text}")
    program.chmod(0o755)
    (folder / "sandbox.txt").write_text(str(worlds.SANDBOX))
    real = command.prepare

    def prepare(start: command.Start) -> command.Prepared:
        made = real(start)
        if not start.sandbox:
            return made
        at = made.command.index("-S") + 1
        pretend = (str(SANDBOX_TESTS / "pretend_macos.py"), str(program), more)
        return command.Prepared(
            (*made.command[:at], *pretend, *made.command[at + 1 :]),
            made.environment,
            made.folder,
            made.report,
            made.start_in,
        )

    monkeypatch.setattr("kls.host.process.prepare", prepare)


@linux
async def test_a_worker_behind_walls_that_stand_around_it(
    worker: Make, forkless: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretended(monkeypatch, tmp_path)
    one = worker(sandbox=True, bootstrap=forkless, one_use=True)
    hello = await one.host.start()
    assert "seatbelt" in hello.sandbox and hello.missing == ()
    assert one.host.grant is not None and one.host.grant.tier == "Seatbelt"
    refused = await one.host.ask(probe("import socket\nsocket.socket()\n"))
    assert refused.ended is not None and "PermissionError" in refused.ended
    text = (
        "import os, tempfile\ntempfile.TemporaryFile().close()\nopen(os.path.expanduser('~/x'), 'w').close()\nx = 1\n"
    )
    assert (await one.host.ask(probe(text))).complete
    ended = (await one.host.ask(probe(f"import os\nended = os.listdir({str(tmp_path)!r})\n"))).ended
    assert ended is not None and "PermissionError" in ended
    folders = [process._prepared.folder for process in one.host._processes if process._prepared is not None]
    await one.host.stop()
    assert folders and not any(os.path.exists(folder) for folder in folders)


@linux
async def test_data_files_are_granted_at_the_start(
    worker: Make, forkless: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What walls that stand already cannot be told later: a program that names other files gets a fresh worker."""
    pretended(monkeypatch, tmp_path)
    project = tmp_path / "project"
    project.mkdir()
    for name in ("one.csv", "two.csv", ".env"):
        (project / name).write_text(name)
    one = worker(sandbox=True, bootstrap=forkless, one_use=True, workspace=(str(project),))

    async def got(read: str, *named: str) -> str:
        text = f"import os\nended = open({str(project / read)!r}).read() + str(len(os.listdir({str(project)!r})))\n"
        asked = replace(probe(text), root=str(project), readable=tuple(str(project / name) for name in named))
        return (await one.host.ask(asked)).ended or ""

    assert await got("one.csv", "one.csv") == "one.csv3"
    assert "PermissionError" in await got("two.csv", "one.csv")
    assert await got("two.csv", "two.csv") == "two.csv3"
    assert "PermissionError" in await got("one.csv", "two.csv")
    assert "PermissionError" in await got(".env", "two.csv", ".env")
    assert State.STOPPED not in one.states()
    started = sum(status.state is State.STARTING for status in one.seen)
    assert await got("two.csv", "two.csv") == "two.csv3"
    assert sum(status.state is State.STARTING for status in one.seen) <= started + 1


@linux
@pytest.mark.tf
@pytest.mark.slow
async def test_reports_are_the_same_behind_them(watched: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TensorFlow itself in a profile's rules, without fork: one worker for each program."""
    free = watched(sandbox=False)
    pretended(monkeypatch, tmp_path)
    walled = watched(one_use=True)
    for name in ("a04_flatten_missing_mse", "a12_stacked_lstm_return_sequences", "a20_dot_axes"):
        text = (Path(__file__).parents[1] / "cases" / f"{name}.py").read_text(encoding="utf-8")
        asked = plan.plan(documents.file_snapshot(f"file:///x/{name}.py", 1, text, f"/x/{name}.py"))
        inside, outside = await walled.host.ask(asked), await free.host.ask(asked)
        assert inside.complete, inside.ended
        assert literal(inside) == literal(outside), name
    assert walled.host.grant is not None and walled.host.grant.tier == "Seatbelt"


@linux
async def test_on_a_command_alone_nothing_is_run_there(
    worker: Make, forkless: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretended(monkeypatch, tmp_path)
    alone = command.weakest_tier(trusted=False, weak_agreed=True)
    one = worker(sandbox=True, bootstrap=forkless, one_use=True, weakest=alone)
    with pytest.raises(Unavailable, match=r"the sandbox is too weak here \(Seatbelt\)"):
        await one.host.start()
    assert command.weakest_tier(trusted=True, weak_agreed=False) == "AppContainer"
    assert command.weakest_tier(trusted=True, weak_agreed=True) == "Weak"


def test_a_command_alone_is_answered_with_what_to_say() -> None:
    for tier in ("Seatbelt", "AppContainer"):
        assert tier in workplace.unsaid(tier) and workplace.unsaid(tier).endswith("kls trust FOLDER")
    assert [workplace.unsaid(tier) for tier in ("Full", "Weak", "None", "")] == [""] * 4


@linux
async def test_a_leak_is_told_and_nothing_is_run(
    worker: Make, forkless: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretended(monkeypatch, tmp_path, "(allow network*)")
    one = worker(sandbox=True, bootstrap=forkless, one_use=True)
    with pytest.raises(Unavailable, match=r"too weak here \(None\).*a program could .*connect to a port"):
        await one.host.start()


SERVER = """
import os, subprocess, sys, time
subprocess.Popen(sys.argv[1:])
print("started", flush=True)
time.sleep(1000)
"""


@contextlib.contextmanager
def served(bare_python: str, bootstrap: Path) -> Iterator[tuple[subprocess.Popen[bytes], list[int], str]]:
    """A stand-in for a server whose worker has said Hello: with the processes that it started and their folder."""
    site = str(Path(__file__).parent / "site")
    prepared = processes.prepare(command.Start(bare_python, user_site=(site,), one_use=True, bootstrap=bootstrap))
    arguments = [text.replace(f'"server":{os.getpid()}', '"server":0') for text in prepared.command]
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env=dict(prepared.environment),
    )  # fmt: skip
    try:
        assert server.stdout is not None
        lines = [server.stdout.readline(), server.stdout.readline()]
        assert any(b'"type":"Hello"' in line or b'"Hello"' in line for line in lines), lines
        family = children(server.pid)
        assert len(family) >= 2
        yield server, family, prepared.folder
    finally:
        server.kill()
        server.wait()


@linux
async def test_the_worker_ends_with_the_server(
    tmp_path: Path, forkless: Path, bare_python: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretended(monkeypatch, tmp_path)
    with served(bare_python, forkless) as (_, family, folder):
        pass
    assert await seconds_until_gone(family) < 2
    until = time.monotonic() + 10
    while os.path.exists(folder) and time.monotonic() < until:
        await asyncio.sleep(0.01)
    assert not os.path.exists(folder)


@linux
async def test_the_worker_ends_with_its_launcher(
    tmp_path: Path, forkless: Path, bare_python: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the kernel does not end it, as on macOS, it sees to that itself; the server knows of nothing here."""
    pretended(monkeypatch, tmp_path)
    text = forkless.read_text(encoding="utf-8")
    forkless.write_text(text.replace('if sys.platform == "linux":', 'if sys.platform == "macOS":'), encoding="utf-8")
    with served(bare_python, forkless) as (server, family, _):
        launcher = next(pid for pid in family if parent(pid) == server.pid)
        os.kill(launcher, signal.SIGKILL)
        assert await seconds_until_gone([pid for pid in family if pid != launcher]) < 2
