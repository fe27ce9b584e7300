"""What a worker may use up beyond the kernel's own limits: it is killed, and that is told."""

from __future__ import annotations

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

from kls.host import watch
from kls.host.account import account
from kls.worker.protocol import Probe, Source
from kls.worker.sandbox import policy
from kls.worker.sandbox.policy import Grant, Policy
from kls.worker.sandbox.removal import remove

from .conftest import sandboxed
from .processes import children, seconds_until_gone
from .test_worker import _family

if TYPE_CHECKING:
    from .conftest import Watched

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
GIVEN = Policy("/x/python", (), "/nowhere", temporary_bytes=1 << 20, temporary_files=20, threads=2)
GRANT = Grant(GIVEN, "NoUserns", ("landlock-7", "seccomp"), (), {"locks": "in force"}, 0.0, {})
CROWD = """
import os, sys, threading
stop = threading.Event()
kind, count = sys.argv[1], int(sys.argv[2])
for _ in range(count):
    if kind == "threads":
        threading.Thread(target=stop.wait, daemon=True).start()
    elif kind == "processes" and os.fork() == 0:
        stop.wait()
    elif kind == "zombies" and os.fork() == 0:
        os._exit(0)
if kind == "memory":
    kept = b"x" * (count << 20)
print("ready", flush=True)
sys.stdin.read()
os.killpg(0, 9)
"""


@pytest.mark.parametrize(
    ("kind", "count", "told"),
    [
        ("threads", 1, None),
        ("threads", 150, "started more than 130 threads"),
        ("processes", 70, "started more than 64 processes"),
        ("zombies", 70, "started more than 64 processes"),
        ("memory", 80, "used more than 0 GB of memory"),
    ],
)
def test_a_tree_of_processes_is_measured(kind: str, count: int, told: str | None) -> None:
    given = GIVEN._replace(data_bytes=20 << 20, address_bytes=20 << 20) if kind == "memory" else GIVEN
    crowd = subprocess.Popen(
        [sys.executable, "-I", "-c", CROWD, kind, str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        assert crowd.stdout is not None and crowd.stdout.readline() == b"ready\n"
        assert watch.excess(crowd.pid, GRANT._replace(policy=given)) == told
    finally:
        os.killpg(crowd.pid, 9)
        crowd.communicate()


HELD = """
import os, signal, sys, time
if os.fork() == 0:
    time.sleep(1000)
print("ready", flush=True)
time.sleep(1000)
"""


def test_a_zygote_that_was_stopped_is_told() -> None:
    held = subprocess.Popen([sys.executable, "-I", "-c", HELD], stdout=subprocess.PIPE, start_new_session=True)
    try:
        assert held.stdout is not None and held.stdout.readline() == b"ready\n"
        child = children(held.pid)[0]
        os.kill(child, signal.SIGSTOP)
        while not stopped(child):
            time.sleep(0.005)
        assert watch.excess(held.pid, GRANT) is None, "a dry run that stops itself runs out of time"
        os.kill(held.pid, signal.SIGSTOP)
        while not stopped(held.pid):
            time.sleep(0.005)
        assert watch.excess(held.pid, GRANT) == "was stopped by a signal"
    finally:
        os.killpg(held.pid, 9)
        held.communicate()


def stopped(process: int) -> bool:
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def test_a_temporary_folder_is_measured(tmp_path: Path) -> None:
    grant = GRANT._replace(policy=GIVEN._replace(temporary=str(tmp_path)))
    assert watch.excess(os.getpid(), grant) is None
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    assert watch.excess(os.getpid(), grant) is None, "what takes no place on the disk does not count"
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "loop").symlink_to(tmp_path)
    (tmp_path / "deep" / "big").write_bytes(os.urandom(2 << 20))
    assert watch.excess(os.getpid(), grant) == "wrote more than 1 MB into its temporary folder"
    walled = grant._replace(layers=("root",))
    assert watch.excess(os.getpid(), walled) is None, "the kernel bounds it there"
    (tmp_path / "deep" / "big").unlink()
    for number in range(30):
        (tmp_path / str(number)).touch()
    assert watch.excess(os.getpid(), grant) == "made more than 20 files in its temporary folder"


DEEPER = """
import os, sys
os.chdir(sys.argv[1])
for _ in range(60):
    os.mkdir("d" * 100)
    os.chdir("d" * 100)
"""


@pytest.mark.parametrize("way", ["deep", "closed"])
def test_a_folder_that_cannot_be_looked_into_is_too_much(way: str, tmp_path: Path) -> None:
    """It may hold anything: a path has an end at 4,096 bytes, and a folder's owner may close it to himself."""
    given = GIVEN._replace(temporary=str(tmp_path), temporary_files=4096)
    if way == "deep":
        subprocess.run([sys.executable, "-I", "-c", DEEPER, str(tmp_path)], check=True)
    else:
        (tmp_path / "closed").mkdir(0o300)
        if os.access(tmp_path / "closed", os.R_OK):
            pytest.skip("nothing is closed to this user")
    told = watch.excess(os.getpid(), GRANT._replace(policy=given))
    assert told == "made a temporary folder that cannot be looked into"
    assert remove(str(tmp_path))


async def test_a_worker_that_fills_its_folder_is_killed(
    worker: Callable[..., Watched], monkeypatch: pytest.MonkeyPatch
) -> None:
    def small(**fields: Any) -> Policy:
        return Policy(**fields, without=("namespaces",), temporary_bytes=2 << 20)

    one = worker(sandbox=True)
    await sandboxed(one)
    await one.host.stop()
    monkeypatch.setattr("kls.host.command.policy", SimpleNamespace(**{**vars(policy), "Policy": small}))
    if (await one.host.start()).problem or one.host.grant is None or one.host.grant.tier != "NoUserns":
        pytest.skip("the tier NoUserns is not to be had here")
    family = _family()
    text = (
        "import os, tempfile\nfor number in range(4):\n    with open(tempfile.mkdtemp() + '/x', 'wb') as file:\n"
        "        file.write(os.urandom(1 << 20))\nwhile True: pass\n"
    )
    report = await one.host.ask(Probe(1, (Source("__main__", "/project/train.py", text),), "", (), 30.0))
    assert report.ended == "the TensorFlow process is gone: it wrote more than 2 MB into its temporary folder"
    assert await seconds_until_gone(family) < 1
    assert (await one.host.ask(Probe(2, (Source("__main__", "/x.py", "x = 1\n"),), "", (), 8.0))).complete
    assert one.host.tally["cut short"] == 1 and one.host.tally["dry runs"] == 2


def test_an_account_says_it_in_plain_words_first() -> None:
    told = account(GRANT)
    assert list(told)[:2] == ["tier", "summary"]
    assert "no network" in told["summary"] and "1 MB" in told["summary"]
    assert told["landlock"]["version"] == 7 and len(told["landlock"]["covers"]) == 6
    assert not any(told["namespaces"].values())
    weak = account(GRANT._replace(tier="Weak", layers=("seccomp",)))
    assert "could read every file" in weak["summary"] and weak["writable"]["folder"] is None
    sent = account(GRANT._replace(tier="Weak", layers=("job", "low integrity")))
    assert "could read every file that you can, and send it" in sent["summary"] and sent["writable"]["folder"] is None
    held = account(GRANT._replace(tier="Seatbelt", layers=("seatbelt", "limits")))
    assert "no network" in held["summary"] and held["writable"]["folder"]
    assert "attacked by nobody" in held["means"]
    contained = account(GRANT._replace(tier="AppContainer", layers=("job", "appcontainer")))
    assert "read only Python's packages, and write" in contained["summary"]
    none = account(GRANT._replace(tier="None", tested={"start a process": policy.PASSED}))
    assert (
        none["summary"] == "There is no sandbox here: the self-test could start a process, so programs are only read."
    )
