"""The launcher: what it hands on, how it ends, what it refuses to start."""

from __future__ import annotations

import contextlib
import json
import os
import random
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kls.worker.sandbox import lockdown
from kls.worker.sandbox import policy as policies
from kls.worker.sandbox.policy import Policy

from .worlds import SANDBOX, TOKEN, User, Worker, World, tier_here, worker

LAUNCH = str(SANDBOX / "launch.py")
WITHOUT: dict[str, tuple[str, ...]] = {"Full": (), "NoUserns": ("namespaces",)}
ME = User("me", os.getuid(), sys.executable, SANDBOX.parent)
PATIENCE = 2.0
"""Seconds until everything must be gone: one, and one for a busy machine."""
HOLD = """
import os, time
os.fork()
os.write(1, b"x")
time.sleep(1000)
"""
"""A zygote and a probe that hold the wire."""
SERVER = """
import subprocess, sys, time
subprocess.Popen(sys.argv[1:])
time.sleep(1000)
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "private").mkdir()
    return tmp_path


@pytest.fixture(params=WITHOUT)
def policy(request: pytest.FixtureRequest, place: Path) -> Policy:
    if tier_here(ME, WITHOUT[request.param]) != request.param:
        pytest.skip(f"the tier {request.param} is not to be had on this machine")
    return Policy(
        executable=sys.executable,
        roots=policies.interpreter_roots(sys.executable),
        temporary=str(place / "private"),
        report=str(place / "report"),
        without=WITHOUT[request.param],
    )


def command(policy: Policy, *arguments: str) -> list[str]:
    return [sys.executable, "-I", "-S", LAUNCH, policies.to_json(policy), "--", policy.executable, "-I", *arguments]


def run(policy: Policy, code: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(policy, "-c", code),
        input=given,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        env={**os.environ, TOKEN: "secret", "LANG": "C.UTF-8", "LD_PRELOAD": "", "PYTHONPATH": "/nowhere"},
    )


def test_the_wire_passes_through(policy: Policy) -> None:
    text = "x" * 300_000
    done = run(policy, "import sys; print(len(sys.stdin.read()), 'y' * 300_000)", text)
    assert done.stdout == f"{len(text)} {'y' * 300_000}\n"
    assert done.returncode == 0, done.stderr


def test_environment(policy: Policy) -> None:
    policy = policy._replace(environment=(("KERAS_BACKEND", "tensorflow"),))
    done = run(policy, "import json, os; print(json.dumps(dict(os.environ)))")
    found = json.loads(done.stdout)
    found.pop("LC_CTYPE", None)  # Python's own
    expected = (
        "PATH HOME TMPDIR KERAS_HOME LANG CUDA_VISIBLE_DEVICES TF_CPP_MIN_LOG_LEVEL OPENBLAS_NUM_THREADS"
        " OMP_NUM_THREADS MALLOC_ARENA_MAX KERAS_BACKEND KLS_SANDBOX"
    ).split()
    expected += [name for name in ("LC_ALL", "TZ") if name in os.environ]
    assert set(found) - {"KLS_END"} == set(expected)
    assert ("KLS_END" in found) == ("namespaces" in policy.without)
    assert found["HOME"] == found["TMPDIR"] == policy.temporary
    assert found["CUDA_VISIBLE_DEVICES"] == "-1"


def test_grant_is_reported_before_the_interpreter_runs(policy: Policy, place: Path) -> None:
    done = run(policy, "import os; print(os.environ['KLS_SANDBOX'])")
    grant = policies.grant_from_json((place / "report").read_text())
    assert grant == policies.grant_from_json(done.stdout)
    assert grant.tier == ("NoUserns" if policy.without else "Full")
    assert set(grant.tested) >= {"read a file outside", "start a process", "execute a program", "open a network socket"}
    assert grant.tested["locks"] == "in force"
    assert bool(grant.missing) == bool(policy.without)
    assert sorted(os.listdir(place)) == ["private", "report"], "the canary stays behind"


def test_only_the_wire_is_open(policy: Policy) -> None:
    reading, writing = os.pipe()
    try:
        done = subprocess.run(
            command(policy, "-c", "import os; print(len(os.listdir('/proc/self/fd')))"),
            pass_fds=(reading, writing),
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            check=True,
        )
    finally:
        os.close(reading)
        os.close(writing)
    # 0, 1, 2, the folder that is being listed, and the channel to the launcher where there is one
    assert int(done.stdout) == (5 if policy.without else 4)


@pytest.mark.parametrize("code, status", [("raise SystemExit(3)", 3), ("import os; os._exit(0)", 0)])
def test_exit_status(policy: Policy, code: str, status: int) -> None:
    assert run(policy, code).returncode == status


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT, signal.SIGTERM])
def test_death_by_signal_is_told(policy: Policy, number: signal.Signals) -> None:
    code = f"import os, signal; signal.signal({int(signal.SIGTERM)}, 0); os.kill(os.getpid(), {int(number)})"
    assert run(policy, code).returncode == -number


def closes(descriptor: int, seconds: float) -> bool:
    """Whether everything that could write to a pipe is gone after so long."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if select.select([descriptor], [], [], until - time.monotonic())[0] and not os.read(descriptor, 100):
            return True
    return False


def wait_for(descriptor: int, count: int) -> None:
    while count:
        count -= len(os.read(descriptor, count))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_all_end_with_the_launcher(policy: Policy, number: signal.Signals) -> None:
    with subprocess.Popen(command(policy, "-c", HOLD), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        wait_for(process.stdout.fileno(), 2)
        process.send_signal(number)
        assert closes(process.stdout.fileno(), PATIENCE)


def test_all_end_with_the_guard(policy: Policy) -> None:
    """Nobody would clear up after a launcher that is killed without one."""
    with subprocess.Popen(command(policy, "-c", HOLD), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        wait_for(process.stdout.fileno(), 2)
        below = [number for number in ours(LAUNCH) if parent(number) == process.pid]
        os.kill(next(number for number in below if os.getpgid(number) == number), signal.SIGKILL)
        assert closes(process.stdout.fileno(), PATIENCE)


def test_all_end_with_the_launchers_group(policy: Policy) -> None:
    with subprocess.Popen(command(policy, "-c", HOLD), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        wait_for(process.stdout.fileno(), 2)
        os.killpg(process.pid, signal.SIGKILL)
        assert closes(process.stdout.fileno(), PATIENCE)


def test_all_end_with_the_server(policy: Policy) -> None:
    server = [sys.executable, "-I", "-c", SERVER, *command(policy, "-c", HOLD)]
    with subprocess.Popen(server, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        wait_for(process.stdout.fileno(), 2)
        process.kill()
        assert closes(process.stdout.fileno(), PATIENCE)


def vanishes(folder: Path) -> bool:
    until = time.monotonic() + 30
    while folder.exists() and time.monotonic() < until:
        time.sleep(0.005)
    return not folder.exists()


def within(policy: Policy, folder: Path) -> Policy:
    inside = {"temporary": str(folder / "tmp"), "report": str(folder / "report")}
    return policy._replace(folder=str(folder), **inside)


@pytest.mark.parametrize("victim", ["server", "launcher", "both"])
def test_the_folder_goes_with_the_server(policy: Policy, place: Path, victim: str) -> None:
    """The server is killed and can remove nothing; the launcher is asked to end, and does the same; both are killed."""
    folder = place / "worker"
    policy = policy._replace(folder=str(folder), temporary=str(folder / "tmp"), report=str(folder / "report"))
    code = HOLD.replace("os.fork()", "os.fork(); open(os.environ['TMPDIR'] + f'/{os.getpid()}', 'w')")
    server = [sys.executable, "-I", "-c", SERVER, *command(policy, "-c", code)]
    with subprocess.Popen(server, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        wait_for(process.stdout.fileno(), 2)
        assert folder.is_dir()
        launcher = next(number for number in ours(LAUNCH) if parent(number) == process.pid)
        if victim == "launcher":
            os.kill(launcher, signal.SIGTERM)
        else:
            os.kill(process.pid, signal.SIGSTOP)  # so that the two die as one
            if victim == "both":
                os.killpg(launcher, signal.SIGKILL)
            process.kill()
        assert vanishes(folder)
        process.kill()


def parent(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


def test_a_server_that_lives_removes_the_folder_itself(policy: Policy, place: Path) -> None:
    folder = place / "worker"
    policy = policy._replace(folder=str(folder), temporary=str(folder / "tmp"), report=str(folder / "report"))
    assert run(policy, "print('started')").stdout == "started\n"
    assert policies.grant_from_json((folder / "report").read_text()).tier != "None"


def test_a_process_on_its_way_out_is_seen() -> None:
    """The worker may end because the server's pipes closed, before the launcher has another parent."""
    with subprocess.Popen([sys.executable, "-I", "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert not lockdown.exiting(process.pid)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert lockdown.exiting(process.pid), "dead, and not waited for"
    assert lockdown.exiting(process.pid), "gone"


def test_a_launcher_whose_server_is_gone_makes_nothing(policy: Policy, place: Path) -> None:
    folder = place / "worker"
    policy = within(policy, folder)._replace(server=os.getppid())
    assert run(policy, "print('started')").stdout == ""
    assert not folder.exists()


def test_the_wire_closes_with_the_zygote(policy: Policy) -> None:
    code = HOLD.replace("time.sleep(1000)", "os.read(0, 1); os.kill(os.getpid(), 9)")
    with subprocess.Popen(command(policy, "-c", code), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        wait_for(process.stdout.fileno(), 2)
        process.stdin.write(b"xx")
        process.stdin.flush()
        assert closes(process.stdout.fileno(), PATIENCE)
        assert process.wait(10) == -signal.SIGKILL


def ours(token: str) -> list[int]:
    """The processes that have `token` in their command line, in whatever namespace."""
    found: list[int] = []
    for name in os.listdir("/proc"):
        if name.isdecimal() and int(name) != os.getpid():
            with contextlib.suppress(OSError):
                if token.encode() in Path(f"/proc/{name}/cmdline").read_bytes():
                    found.append(int(name))
    return found


def gone(token: str, process: subprocess.Popen[bytes], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while ours(token) and time.monotonic() < until:
        process.poll()
        time.sleep(0.005)
    return not ours(token)


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["launcher", "anyone"])
def test_nothing_is_left_whenever_one_is_killed(policy: Policy, victim: str) -> None:
    """Kills at some moment of the start, which takes about a tenth of a second; nothing may be left a second later."""
    chance = random.Random(victim)
    token = policy.temporary
    for _ in range(25):
        process = subprocess.Popen(
            command(policy, "-c", HOLD, token),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(chance.uniform(0.0, 0.3))  # the moment itself is what is tried
        chosen = process.pid if victim == "launcher" else chance.choice(ours(token) or [process.pid])
        with contextlib.suppress(ProcessLookupError):
            os.kill(chosen, signal.SIGKILL)
        if not gone(token, process, PATIENCE):
            # What may go alone, leaving the rest at work: a probe, or a step of the start that its parent replaces.
            assert chosen != process.pid
            process.kill()
            assert gone(token, process, PATIENCE), "killed one, then the launcher"
        process.wait()
        assert process.stdin is not None
        process.stdin.close()


def test_too_weak_a_tier_is_not_started(policy: Policy, place: Path) -> None:
    policy = policy._replace(weakest="Full", without=("namespaces",))
    done = run(policy, "print('started')")
    assert (done.returncode, done.stdout) == (77, "")
    assert "too weak here (NoUserns)" in done.stderr
    assert policies.grant_from_json((place / "report").read_text()).tier == "NoUserns"


@pytest.mark.parametrize(
    "without, tier",
    [(("namespaces", "landlock"), "Weak"), (("seccomp",), "None"), (("namespaces", "landlock", "seccomp"), "None")],
)
def test_missing_layers_lower_the_tier(place: Path, without: tuple[str, ...], tier: str) -> None:
    policy = Policy(sys.executable, policies.interpreter_roots(sys.executable), str(place / "private"), without=without)
    policy = policy._replace(report=str(place / "report"))
    assert run(policy, "print('started')").returncode == 77
    grant = policies.grant_from_json((place / "report").read_text())
    assert (grant.tier, bool(grant.missing)) == (tier, True)
    assert run(policy._replace(weakest="None"), "print('started')").stdout == "started\n"


POORER = str(Path(__file__).parent / "poorer.py")
"""Starts a program under a kernel that refuses some calls."""


@pytest.mark.parametrize(
    "refused, calls, tier, word",
    [
        (1, "unshare", "NoUserns", "private namespaces: [Errno 1] unshare"),
        (28, "unshare", "NoUserns", "private namespaces: [Errno 28] unshare"),
        (13, "mount", "NoUserns", "private namespaces: [Errno 13] mount"),
        (1, "pivot_root", "NoUserns", "private namespaces: [Errno 1] pivot_root"),
        (38, "landlock_create_ruleset", "NoLandlock", "no Landlock"),
        (95, "landlock_create_ruleset", "NoLandlock", "no Landlock"),
        (1, "landlock_restrict_self", "NoLandlock", "no Landlock"),
        (38, "unshare,landlock_create_ruleset", "Weak", "files are not walled off"),
        (22, "filters", "None", "cannot filter system calls"),
    ],
)
def test_a_poorer_kernel_lowers_the_tier(refused: int, calls: str, tier: str, word: str, place: Path) -> None:
    policy = Policy(sys.executable, policies.interpreter_roots(sys.executable), str(place / "private"))
    policy = policy._replace(report=str(place / "report"))
    if tier_here(ME) != "Full":
        pytest.skip("this machine's own kernel is poorer already")
    starter = [sys.executable, "-I", POORER, str(refused), calls, *command(policy, "-c", "print('started')")]
    done = subprocess.run(starter, capture_output=True, encoding="utf-8", timeout=60)
    grant = policies.grant_from_json((place / "report").read_text())
    assert grant.tier == tier, (grant, done)
    assert word in "; ".join(grant.missing)
    low = tier in ("Weak", "None")
    assert (done.stdout, done.returncode) == (("", 77) if low else ("started\n", 0)), done.stderr


def test_a_script_that_poses_as_python(policy: Policy, place: Path) -> None:
    beacon, fake = place / "beacon", place / "python"
    fake.write_text(f"#!/bin/sh\necho owned > {beacon}\n")
    fake.chmod(0o755)
    subprocess.run([fake], check=True)
    assert beacon.exists(), "the attack itself does not work"
    beacon.unlink()
    policy = policy._replace(executable=str(fake), roots=(*policy.roots, str(fake)))
    done = run(policy, "pass")
    assert done.returncode == 126
    assert "could not be started in the sandbox" in done.stderr
    assert not beacon.exists()


def test_a_program_that_poses_as_python(policy: Policy, place: Path) -> None:
    """A real executable is started, inside: it can do no more than Python could."""
    touch, beacon, fake = shutil.which("touch"), place / "beacon", place / "python"
    if touch is None:
        pytest.skip("no program to pose with")
    shutil.copyfile(os.path.realpath(touch), fake)
    fake.chmod(0o755)
    subprocess.run([fake, beacon], check=True)
    beacon.unlink()
    policy = policy._replace(executable=str(fake), roots=(*policy.roots, str(fake)))
    done = subprocess.run([*command(policy)[:6], fake, beacon], capture_output=True, encoding="utf-8", timeout=60)
    assert done.returncode not in (0, 77, 78, 126), done.stderr
    assert str(beacon) in done.stderr, "it was not even started"
    assert not beacon.exists()


def venv(place: Path, evil: str) -> Path:
    """A virtual environment made by hand, with a file that runs code at every start of its Python."""
    home = Path(os.path.realpath(sys.executable))
    packages = place / "venv" / "lib" / f"python3.{sys.version_info[1]}" / "site-packages"
    packages.mkdir(parents=True)
    (place / "venv/bin").mkdir()
    (place / "venv/bin/python").symlink_to(home)
    (place / "venv/pyvenv.cfg").write_text(f"home = {home.parent}\n")
    (packages / evil).write_text(f"import os; open({str(place / 'beacon')!r}, 'w').close()\n")
    return place / "venv/bin/python"


@pytest.mark.parametrize("evil", ["evil.pth", "sitecustomize.py"])
def test_what_runs_at_the_start_of_python_runs_inside(evil: str, policy: Policy, place: Path) -> None:
    python, beacon = venv(place, evil), place / "beacon"
    subprocess.run([python, "-I", "-c", ""], check=True)
    if not beacon.exists() and evil == "sitecustomize.py":
        pytest.skip("this Python has a sitecustomize of its own")
    assert beacon.exists(), "the attack itself does not work"
    beacon.unlink()
    policy = policy._replace(executable=str(python), roots=policies.interpreter_roots(str(python)))
    done = run(policy, "import sys; print(sys.prefix)")
    assert done.stdout == f"{python.parents[1]}\n"
    assert str(beacon) in done.stderr, "the file was not even looked at"
    assert not beacon.exists()


END = f"""
import importlib, os, sys, time, types
package = types.ModuleType("sandbox"); package.__path__ = [{str(SANDBOX)!r}]; sys.modules["sandbox"] = package
lockdown = importlib.import_module("sandbox.lockdown")
child = os.fork()
if child == 0:
    time.sleep(1000)
lockdown.end_child(child)
print(os.waitpid(child, 0)[1])
try:
    lockdown.end_child(int(sys.argv[1]))
except OSError:
    pass
"""


@pytest.mark.parametrize("abi", [99, 4])
def test_a_zygote_ends_its_children_and_nobody_else(policy: Policy, abi: int) -> None:
    policy = policy._replace(landlock_abi=abi, roots=(*policy.roots, str(SANDBOX)))
    with subprocess.Popen([sys.executable, "-I", "-c", "input()"], stdin=subprocess.PIPE) as bystander:
        done = subprocess.run(command(policy, "-c", END, str(bystander.pid)), stdout=subprocess.PIPE, timeout=60)
        assert done.stdout == b"9\n"
        assert bystander.poll() is None
        bystander.kill()


def test_a_zygote_with_threads_is_refused(policy: Policy) -> None:
    code = f"""
import importlib, sys, threading, types
package = types.ModuleType("sandbox"); package.__path__ = [{str(SANDBOX)!r}]; sys.modules["sandbox"] = package
lockdown = importlib.import_module("sandbox.lockdown")
grant = importlib.import_module("sandbox.policy").received()
stop = threading.Event()
threading.Thread(target=stop.wait).start()
try:
    lockdown.lock_zygote(grant.policy)
except OSError as error:
    print(error.strerror)
stop.set()
"""
    policy = policy._replace(roots=(*policy.roots, str(SANDBOX)))
    assert run(policy, code).stdout == "the zygote has 2 threads where one was expected\n"


def pythons() -> Iterator[str]:
    """The interpreters beside the one that runs the tests: on the path, or kept by pyenv."""
    folders = [Path(name) for name in os.environ.get("PATH", "").split(":")]
    folders += sorted((Path.home() / ".pyenv/versions").glob("*/bin"))
    for minor in range(9, 15):
        found = (folder / f"python3.{minor}" for folder in folders)
        yield from (str(path) for path in found if path.is_file() and "shims" not in path.parts)


@pytest.mark.parametrize("python", sorted(set(pythons())))
def test_other_pythons(python: str, around: Callable[[str], World]) -> None:
    world = around("root" if os.getuid() == 0 else "user")
    with worker(world, python=python) as started:
        for attack in ("read_private_key", "write_shell_start", "tcp_connect", "fork", "execute_shell", "change_mode"):
            answer = started.ask(attack, world, lock=True)
            assert answer["stopped"], (attack, answer)
        for deed in ("read_granted", "use_temporary", "use_threads"):
            answer = started.ask(deed, world, lock=True, readable=[world.values["project"] + "/data.csv"])
            assert answer["hit"], (deed, answer)
        check_grant(started)


def check_grant(started: Worker) -> None:
    assert started.grant is not None
    assert started.grant.tier == tier_here(ME)
