"""The real worker process, bootstrap to frame, around a stand-in for the dry run: no TensorFlow is needed.

Those that take `any_worker` run as a zygote without a sandbox, in the real sandbox, and as a one-use worker.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from kls.host import State, Superseded, Unavailable
from kls.worker.protocol import Probe, Source
from kls.worker.sandbox import policy

from .conftest import sandboxed
from .processes import busy, children, running, seconds_until_gone, zygote

if TYPE_CHECKING:
    from .conftest import Watched

    Make = Callable[..., Watched]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="zygotes fork")
linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


def probe(text: str = "x = 1\n", seconds: float = 8.0, number: int = 1) -> Probe:
    return Probe(number, (Source("__main__", "/project/train.py", text),), "", (), seconds)


@pytest.fixture(params=["zygote", "sandbox", "one use"])
async def any_worker(request: pytest.FixtureRequest, worker: Make) -> Watched:
    if request.param == "sandbox":
        one = worker(sandbox=True)
        await sandboxed(one)
        return one
    return worker(one_use=request.param == "one use", grace_seconds=0.5)


async def test_it_answers(any_worker: Watched) -> None:
    hello = await any_worker.host.start()
    assert (hello.problem, hello.tensorflow, hello.keras) == (None, "2.99.0", "3.99.0")
    for number in (5, 6):
        report = await any_worker.host.ask(probe("x = 1\ny = 2\n", number=number))
        assert (report.id, report.complete, report.statements) == (number, True, 2), report.ended


async def test_nothing_of_one_probe_reaches_the_next(any_worker: Watched) -> None:
    await any_worker.host.ask(probe("import sys, os\nsys.leaked = True\nos.environ['LEAKED'] = '1'\n"))
    text = "import sys, os\nended = (hasattr(sys, 'leaked'), 'LEAKED' in os.environ)\n"
    assert (await any_worker.host.ask(probe(text))).ended == "(False, False)"


@linux
@pytest.mark.parametrize("mode", [0o700, 0o300])
async def test_what_a_probe_leaves_is_removed(worker: Make, mode: int) -> None:
    """Folders in each other, deeper than a recursion gets; folders that their owner closed cost the whole worker."""
    one = worker(sandbox=True)
    await sandboxed(one)
    first = one.host.hello
    text = "import os, tempfile\nos.chdir(tempfile.gettempdir())\n"
    text += f"for _ in range(1500):\n    os.mkdir('d', {mode})\n    os.chdir('d')\n"
    report = await one.host.ask(probe(text, seconds=60.0))
    assert report.complete or mode == 0o300, report.ended  # without a private file tree, the watchdog ends that one
    look = "import os\nended = len(os.listdir(os.path.dirname(os.environ['TMPDIR'])))\n"
    while (await one.host.ask(probe(look))).ended != "1":  # its own; a newer question goes before the clearing
        await asyncio.sleep(0.01)
    assert mode == 0o300 or one.host.hello is first


async def test_noise_never_reaches_the_wire(any_worker: Watched) -> None:
    text = (
        "import os, sys\nprint('hello ' * 100_000)\nsys.__stdout__.write('x')\nos.write(1, b'{}')\n"
        "try:\n    input()\nexcept EOFError:\n    ended = 'no input'\n"
    )
    assert (await any_worker.host.ask(probe(text))).ended == "no input"
    assert (await any_worker.host.ask(probe())).complete


async def test_the_program_finds_its_own_modules_and_not_ours(any_worker: Watched) -> None:
    text = (
        "import sys\nmissing = []\nfor name in ('kls', 'protocol', 'serve'):\n    try:\n        __import__(name)\n"
        "    except ImportError:\n        missing.append(name)\nended = ' '.join(missing)\n"
    )
    # The tests' own environment has kls installed, or has it not; isolated mode never adds the working folder.
    ended = (await any_worker.host.ask(probe(text))).ended
    assert ended is not None and ended.endswith("protocol serve")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = 1\nwhile True: pass\n", "stopped after 0.3 s at line 2: while True: pass"),
        ("import os\nos._exit(0)\n", "the program ended the process at line 2: os._exit(0) (exit code 0)"),
        ("import sys\nsys.exit()\n", "the program ended itself at line 2: sys.exit()"),
        ("import os\nos.kill(os.getpid(), 9)\n", "killed at line 2"),
        ("import ctypes\n\nctypes.string_at(0)\n", "crashed at line 3: ctypes.string_at(0) (SIGSEGV"),
        ("raise MemoryError\n", "memory ran out at line 1"),
        ("import re\nre.match('(a+)+$', 'a' * 50 + 'b')\n", "stopped after 0.3 s at line 2"),
        ("1 / 0\n", "kls itself failed at line 1: 1 / 0: ZeroDivisionError: division by zero"),
    ],
)
async def test_how_a_probe_can_end(worker: Make, text: str, told: str) -> None:
    one = worker()
    report = await one.host.ask(probe(text, seconds=0.3 if "stopped" in told else 8.0))
    assert not report.complete
    assert report.ended is not None and report.ended.startswith(told), report.ended
    hello = one.host.hello
    assert (await one.host.ask(probe())).complete
    assert one.host.hello is hello, "the zygote outlives its probes"


@linux
@pytest.mark.parametrize(
    ("text", "told", "found"),
    [
        ("so_far = 1\nso_far = 2\nwhile True: pass\n", "stopped after 0.3 s at line 3", 2),
        ("import os\nso_far = 2\nos._exit(0)\n", "the program ended the process at line 3", 2),
        ("import ctypes\nso_far = 2\nctypes.string_at(0)\n", "crashed at line 3", 2),
        ("so_far = 2\nraise MemoryError\n", "memory ran out at line 2", 2),
        ("so_far = 2\n1 / 0\n", "kls itself failed at line 2", 2),
        ("import os\nso_far = 2\nos.write(3, b' {' + b'x' * 10_000_000)\n", "the dry run found more", 2),
        ("so_far = 1\nended = 'itself'\n", "itself", 2),
    ],
)
async def test_what_was_found_before_a_probe_died_is_told(worker: Make, text: str, told: str, found: int) -> None:
    one = worker()
    report = await one.host.ask(probe(text, seconds=0.3 if "stopped" in told else 8.0))
    assert not report.complete and not report.goes_on
    assert report.ended is not None and report.ended.startswith(told), report.ended
    assert report.statements == found
    hello = one.host.hello
    assert (await one.host.ask(probe())).complete
    assert one.host.hello is hello, "the zygote outlives its probes"


@linux
async def test_garbage_from_a_probe_costs_the_worker_only(worker: Make) -> None:
    one = worker()
    report = await one.host.ask(probe("import os\nos.write(3, b'{\"type\": 1}\\n')\nos._exit(0)\n"))
    assert report.ended is not None and "not the protocol" in report.ended
    assert (await one.host.ask(probe())).complete


@linux
async def test_a_flood_from_a_probe_is_cut(worker: Make) -> None:
    one = worker()
    report = await one.host.ask(probe("import os\nwhile True: os.write(3, b'x' * 1000000)\n"))
    assert report.ended == "the dry run found more than can be told"
    assert (await one.host.ask(probe())).complete


@linux
async def test_a_grandchild_that_holds_the_pipe_does_not_hold_the_answer(worker: Make) -> None:
    text = "import os, time\nif os.fork() == 0:\n    time.sleep(40)\n    os._exit(0)\nos._exit(0)\n"
    one = worker()
    await one.host.start()
    began = time.monotonic()
    report = await one.host.ask(probe(text))
    assert report.ended is not None and "ended the process" in report.ended
    assert time.monotonic() - began < 20


async def test_a_newer_probe_kills_the_running_one(any_worker: Watched) -> None:
    await any_worker.host.start()
    older = asyncio.ensure_future(any_worker.host.ask(probe("while True: pass\n", number=1)))
    await any_worker.until(State.PROBING)
    report = await any_worker.host.ask(probe(number=2))
    assert report.complete and report.id == 2
    with pytest.raises(Superseded):
        await older


@linux
async def test_ten_questions_a_second(worker: Make) -> None:
    one = worker()
    await one.host.start()
    asked = []
    for number in range(20):
        asked.append(asyncio.ensure_future(one.host.ask(probe("while True: pass\n" if number < 19 else "x = 1\n"))))
        await asyncio.wait([asked[-1]], timeout=0.1)
    assert (await asked[-1]).complete
    assert all(isinstance(task.exception(), Superseded) for task in asked[:-1])
    while len(_family()) > 2:  # the zygote and the child that waits for the next
        await asyncio.sleep(0.005)
    assert zygote() in _family()


@linux
async def test_nothing_piles_up(worker: Make, tmp_path: Path) -> None:
    one = worker()
    await one.host.ask(probe())
    process = zygote()
    temporary = Path(os.readlink(f"/proc/{process}/cwd")) / "tmp"

    def kept() -> tuple[int, int]:
        return len(os.listdir(f"/proc/{process}/fd")), len(list(temporary.iterdir()))

    async def at_rest() -> tuple[int, int]:
        """What is kept once the child that waits for the next probe is there and nothing has changed for a while."""
        seen, since = kept(), time.monotonic()
        while time.monotonic() - since < 0.3 or len(children(process)) != 1:
            await asyncio.sleep(0.01)
            if (now := kept()) != seen:
                seen, since = now, time.monotonic()
        return seen

    before = await at_rest()
    older = []
    for number in range(60):
        text = ["x = 1\n", "1 / 0\n", "while True: pass\n"][number % 3]
        older.append(asyncio.ensure_future(one.host.ask(probe(text))))
        await asyncio.wait(older[-1:], timeout=0.05)
    await one.host.ask(probe())
    await asyncio.gather(*older, return_exceptions=True)
    assert await at_rest() == before
    assert zygote() == process


@linux
async def test_a_killed_zygote_is_replaced(worker: Make) -> None:
    one = worker()
    await one.host.start()
    first = zygote()
    asked = asyncio.ensure_future(one.host.ask(probe("while True: pass\n")))
    await one.until(State.PROBING)
    while not any(busy(process) for process in _family() if process != first):
        await asyncio.sleep(0.005)
    family = _family()
    os.kill(first, signal.SIGKILL)
    report = await asked
    assert report.ended == "the TensorFlow process is gone: it was killed by SIGKILL"
    assert await seconds_until_gone(family) < 1
    assert (await one.host.ask(probe())).complete
    assert zygote() != first


@linux
async def test_a_killed_probe_is_told(worker: Make) -> None:
    one = worker()
    await one.host.start()
    asked = asyncio.ensure_future(one.host.ask(probe("while True: pass\n")))
    first = zygote()
    while not (spinning := [process for process in _family() if process != first and busy(process)]):
        await asyncio.sleep(0.005)
    os.kill(spinning[0], signal.SIGKILL)
    report = await asked
    assert report.ended is not None and report.ended.startswith("killed")


@linux
async def test_a_child_that_was_killed_while_it_waited_is_replaced(worker: Make) -> None:
    one = worker()
    await one.host.ask(probe())
    first = zygote()
    while not (waiting := [process for process in _family() if process != first]):
        await asyncio.sleep(0.005)
    os.kill(waiting[0], signal.SIGKILL)
    await seconds_until_gone(waiting[:1])
    report = await one.host.ask(probe())
    assert report.complete, report.ended
    assert zygote() == first


def _family() -> list[int]:
    return _workers(os.getpid())


def _workers(server: int) -> list[int]:
    """The author's interpreters below `server`."""
    mine = [process for process in children(server) if running(process, "bootstrap.py")]
    return [process for process in mine if not running(process, "launch.py")]


SERVER = """
import asyncio, sys
from pathlib import Path
from kls.host import Host, State
from kls.worker.protocol import Probe, Source

async def main():
    settings = dict(bootstrap=Path(sys.argv[1]), user_site=(sys.argv[2],), sandbox=sys.argv[3] == "sandbox",
                    one_use=sys.argv[3] == "one use")
    host = Host(sys.argv[4], **settings)
    await host.start()
    text = "import signal\\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\\nwhile True: pass\\n"
    asked = asyncio.ensure_future(host.ask(Probe(1, (Source("__main__", "/x.py", text),), "", (), 60.0)))
    while host.status.state is not State.PROBING:
        await asyncio.sleep(0.01)
    print("probing", flush=True)
    await asked

asyncio.run(main())
"""


@linux
@pytest.mark.parametrize("kind", ["zygote", "sandbox", "one use"])
async def test_nothing_survives_the_server(package: Path, worker: Make, bare_python: str, kind: str) -> None:
    if kind == "sandbox":
        await sandboxed(worker(sandbox=True))
    site = str(Path(__file__).parent / "site")
    command = [sys.executable, "-c", SERVER, str(package), site, kind, bare_python]
    server = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert server.stdout is not None and server.stdout.readline() == b"probing\n"
        while len(_workers(server.pid)) < 2:  # the zygote and the probe, or the one in use and the spare
            await asyncio.sleep(0.005)
        family = children(server.pid)
    finally:
        server.kill()
        server.wait()
        server.stdout.close()
    assert await seconds_until_gone(family) < 1


async def test_the_sandbox_is_named(worker: Make) -> None:
    one = worker(sandbox=True)
    await sandboxed(one)
    hello = await one.host.start()
    assert "seccomp" in hello.sandbox
    assert one.host.grant is not None and one.host.grant.tier != "None"
    refused = await one.host.ask(probe("import socket\nsocket.socket()\n"))
    assert refused.ended is not None and "PermissionError" in refused.ended


async def test_without_a_launcher_nothing_is_run_unless_that_was_asked_for(package: Path, bare_python: str) -> None:
    options = '{"sandbox": true, "site": ["%s"]}' % (Path(__file__).parent / "site")
    done = subprocess.run(
        [bare_python, "-I", str(package), options], input=b"", stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert b'"problem":"there is no sandbox, so nothing is run"' in done.stdout, done.stderr


@linux
async def test_libraries_that_are_used_are_warm_the_next_time(worker: Make, tmp_path: Path) -> None:
    (tmp_path / "scipy").mkdir()
    (tmp_path / "scipy" / "__init__.py").write_text("import os\nBORN = os.getpid()\n")
    (tmp_path / "joblib.py").write_text(
        "import os, threading, time\nBORN = os.getpid()\n"
        "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    )
    site = str(Path(__file__).parent / "site")
    one = worker(user_site=(str(tmp_path), site))
    text = (
        "import os\nimport scipy\nimport joblib\n"
        "ended = f'{scipy.BORN == os.getppid()} {joblib.BORN == os.getppid()}'\n"
    )
    began = time.monotonic()
    while (ended := (await one.host.ask(probe(text))).ended) != "True False" and time.monotonic() - began < 20:
        await asyncio.sleep(0.2)  # the zygote brings them in when nobody asks
    assert ended == "True False", "scipy comes with the zygote; joblib, which starts a thread, does not"


async def test_a_sandbox_that_is_too_weak_is_told_once(worker: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    one = worker(sandbox=True)
    await sandboxed(one)
    await one.host.stop()

    def weak(**fields: Any) -> policy.Policy:
        return policy.Policy(**fields, without=("namespaces", "landlock"))

    monkeypatch.setattr("kls.host.command.policy", SimpleNamespace(**{**vars(policy), "Policy": weak}))
    one.seen.clear()
    with pytest.raises(Unavailable, match=r"static findings only: the sandbox is too weak here \(Weak\)"):
        await one.host.start()
    assert one.states() == [State.STARTING, State.FAILED]
    assert one.host.grant is not None and one.host.grant.tier == "Weak"
