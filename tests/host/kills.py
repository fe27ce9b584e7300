"""Kills the server, its worker's processes or the editor at random moments, and looks at what is left.

    python -m tests.host.kills [KILLS] [--seed N] [--real N] [--patience SECONDS]

An editor (`typing_editor.py`) types into `kls server`; one after another the worker's processes are killed under it,
and the next edit must be answered; then the editor, the server, or the server with its launchers is killed, and nothing
may be left: no process, no temporary folder, no mount, no shared memory. Signals are chosen at random, moments too,
also while things start. Most sessions have a worker without TensorFlow, whose dry run is `stand_in`, so that starts are
short; every `--real`-th has the real one (0: none). Prints how long it took until nothing was left, what the slowest
waited for, and every fault; the exit status is 1 when there was one.

Linux alone. This process adopts all orphans, so whatever it has for descendants after a session was left behind.
"""

from __future__ import annotations

import argparse
import compileall
import contextlib
import ctypes
import importlib.util
import os
import random
import resource
import select
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import kls

from .processes import alive, children, running

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FATAL = (
    signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGSEGV,
    signal.SIGABRT, signal.SIGBUS, signal.SIGPIPE, signal.SIGALRM, signal.SIGUSR1,
)  # fmt: skip
PATIENCE = 20.0
"""Seconds after which what is not gone counts as left; a machine at rest needs less than one."""
SLOWEST = 5
"""Of how many sessions is told what they waited for."""
ANSWER_SECONDS = 90.0
"""Seconds that the next edit's answer may take; a stopped worker is noticed after eleven."""


@dataclass
class Outcome:
    """What happened to whom, seconds until nothing was left after each end of a session with what was done and what
    went last, and faults in words."""

    killed: Counter[str] = field(default_factory=Counter)
    ends: list[tuple[float, str]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Place:
    """Where sessions take place: `code` holds the package that the server is started from, `python` is an environment,
    `base` gets a temporary folder for each session."""

    base: Path
    code: Path
    python: Path
    real: bool


def without_tensorflow(base: Path) -> Place:
    """A copy of kls whose dry run is the stand-in, and an environment with the stand-ins of the libraries."""
    code, python = base / "code", base / "python"
    package = Path(kls.__file__).resolve().parent
    shutil.copytree(package, code / "kls", ignore=shutil.ignore_patterns("dryrun", "__pycache__"))
    shutil.copytree(HERE / "stand_in", code / "kls/worker/dryrun", ignore=shutil.ignore_patterns("__pycache__"))
    venv.create(python, symlinks=True)
    packages = next(python.glob("lib/python3*/site-packages"))
    shutil.copytree(HERE / "site", packages, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("tensorflow-2.99.0", "keras-3.99.0"):
        (packages / f"{name}.dist-info").mkdir()
        (packages / f"{name}.dist-info/METADATA").write_text(f"Version: {name.partition('-')[2]}\n")
    compileall.compile_dir(base, quiet=2)
    return Place(base, code, python, real=False)


class Session:
    """An editor at work, and everything below it."""

    def __init__(self, place: Place, number: int) -> None:
        self.temporary = place.base / f"tmp-{number}"
        self.temporary.mkdir()
        home = place.base / "home"
        home.mkdir(exist_ok=True)
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        environment = {
            **kept,
            "HOME": str(home),
            "TMPDIR": str(self.temporary),
            "VIRTUAL_ENV": str(place.python),
            "PYTHONPATH": str(ROOT),
        }
        kind = "real" if place.real else "stand-in"
        command = [sys.executable, str(HERE / "typing_editor.py"), str(place.base), kind]
        self.editor = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=place.code, env=environment
        )
        self._lines = b""

    def heard(self, seconds: float) -> list[str]:
        """What the editor has said since the last look, waiting up to so long for something."""
        assert self.editor.stdout is not None
        lines: list[str] = []
        descriptor = self.editor.stdout.fileno()
        while select.select([descriptor], [], [], 0.0 if lines else seconds)[0]:
            piece = os.read(descriptor, 65536)
            if not piece:
                break
            *whole, self._lines = (self._lines + piece).split(b"\n")
            lines += [line.decode() for line in whole]
        return lines

    def answered(self, seconds: float) -> bool:
        """Whether an edit that is typed from now on is answered within so long."""
        self.heard(0.0)
        typed: set[str] = set()
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and alive(self.editor.pid):
            for line in self.heard(min(left, 0.5)):
                word, _, edit = line.partition(" ")
                if word == "typed":
                    typed.add(edit)
                elif word == "answered" and edit in typed:
                    return True
        return False

    def roles(self) -> dict[str, list[int]]:
        """The processes below this one by what they do."""
        found: dict[str, list[int]] = {"editor": [self.editor.pid]}
        for process in children(self.editor.pid):
            for role, text in (
                ("launcher", "launch.py"), ("worker", "bootstrap.py"), ("resolver", "child.py"), ("server", "server"),
            ):  # fmt: skip
                if running(process, text):
                    found.setdefault(role, []).append(process)
                    break
        return found

    def folders(self) -> list[str]:
        """What lies in the temporary folder."""
        return sorted(os.listdir(self.temporary))

    def end(self) -> None:
        """Remove what this session had of its own."""
        if self.editor.stdout is not None:
            self.editor.stdout.close()
        shutil.rmtree(self.temporary, ignore_errors=True)


def kill(session: Session, role: str, number: int, chance: random.Random, outcome: Outcome) -> str:
    """Send the signal to one process of that role, if there is one: what was done, in words."""
    roles = session.roles()
    found = roles.get(role, [])
    if role == "server and launchers":
        chosen = [*roles.get("server", []), *(p for p in roles.get("launcher", []) if children(p))]
    else:
        chosen = [chance.choice(found)] if found else []
    if not chosen:
        return ""
    for process in chosen:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, number)
    outcome.killed[f"{role} {signal.Signals(number).name}"] += 1
    return f"{role} {signal.Signals(number).name}"


def inside(session: Session, chance: random.Random, patience: float, outcome: Outcome) -> None:
    """Kill something of the worker or the resolver; the next edit must be answered, by one worker."""
    role = chance.choice(("launcher", "worker", "worker", "worker", "resolver"))
    number = chance.choice((*FATAL, signal.SIGSTOP) if role == "worker" else FATAL)
    time.sleep(chance.uniform(0.0, 0.4))  # the moment itself is what is tried
    done = kill(session, role, number, chance, outcome)
    if not done:
        return
    if not session.answered(ANSWER_SECONDS):
        outcome.faults.append(f"after {done} no edit was answered")
    until = time.monotonic() + patience

    def left() -> list[str]:
        roots = [p for p in session.roles().get("launcher", []) if children(p)]
        names = session.folders()
        return [] if len(names) <= 1 and len(roots) <= 3 else [*names, *map(str, roots)]

    while left() and time.monotonic() < until:
        time.sleep(0.01)
    if left():
        outcome.faults.append(f"after {done} two workers are there: {left()}")


def ending(session: Session, chance: random.Random, patience: float, outcome: Outcome) -> None:
    """Kill the editor or the server; nothing may be left."""
    role = chance.choice(("editor", "editor", "server", "server", "server and launchers"))
    number = signal.SIGKILL if role == "server and launchers" else chance.choice(FATAL)
    done = kill(session, role, number, chance, outcome) or kill(session, "editor", number, chance, outcome)
    victim = session.roles()["editor"][0]
    began = time.monotonic()
    again = began + 0.5 if role == "editor" or number == signal.SIGKILL else began
    last: list[str] = []
    while (left := everything_left(session)) and time.monotonic() - began < patience:
        last = left
        if role != "editor" or time.monotonic() > again:
            # An editor whose server died goes when it notices; one that ignored the signal is killed for good.
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
        time.sleep(0.005)
    seconds = time.monotonic() - began
    if left:
        outcome.faults.append(f"after {done}: {', '.join(left)}")
        for process in children(os.getpid()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
    else:
        outcome.ends.append((seconds, f"{done}, at last {', '.join(last)}"))


def everything_left(session: Session) -> list[str]:
    """Processes, folders, mounts and shared memory of a session, in words."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    own = f"Z, child of {os.getpid()}"  # it has ended since, and is waited for at the next look
    found = [
        f"process {process} ({told})" for process in children(os.getpid()) if own not in (told := _command(process))
    ]
    found += [f"folder {name}" for name in session.folders()]
    found += [f"mount {line}" for line in _mounts() if str(session.temporary) in line]
    return found + [f"shared memory {name}" for name in _shared_memory()]


def _command(process: int) -> str:
    """What it was started as; its name and state once the kernel has begun to end it."""
    with contextlib.suppress(OSError):
        words = Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:200]
        head, _, rest = Path(f"/proc/{process}/stat").read_text().rpartition(")")
        return words or f"{head.partition('(')[2]}, {rest.split()[0]}, child of {rest.split()[1]}"
    return "?"


def _mounts() -> list[str]:
    return Path("/proc/self/mountinfo").read_text().splitlines()


def _shared_memory() -> list[str]:
    """What there is in this process's own IPC namespace; nothing where it has none of its own."""
    if not PRIVATE:
        return []
    kinds = ("shm", "msg", "sem")
    held = [kind for kind in kinds if len(Path(f"/proc/sysvipc/{kind}").read_text().splitlines()) > 1]
    return held + os.listdir("/dev/shm")


PRIVATE: list[str] = []
"""Not empty once this process has a shared memory of its own to look at."""


def prepare() -> None:
    """Adopt orphans, leave no core dumps, and get a shared memory of this process's own where the kernel lets it."""
    libc = ctypes.CDLL(None, use_errno=True)
    set_child_subreaper = 36
    if libc.prctl(set_child_subreaper, 1, 0, 0, 0) < 0:
        raise OSError(ctypes.get_errno(), "prctl")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    new_mounts, new_ipc, recursive_private = 0x00020000, 0x08000000, 0x4000 | 1 << 18
    if libc.unshare(new_mounts | new_ipc) == 0:
        if libc.mount(b"none", b"/", None, recursive_private, None) == 0:
            if libc.mount(b"none", b"/dev/shm", b"tmpfs", 0, None) == 0:
                PRIVATE.append("/dev/shm")


def lane(kills: int, seed: int, real: int, patience: float, base: Path) -> Outcome:
    """So many kills at least, in sessions of up to five."""
    chance, outcome = random.Random(seed), Outcome()
    light = without_tensorflow(base)
    heavy = Place(base, ROOT, Path(sys.prefix), real=True)
    number = 0
    while sum(outcome.killed.values()) < kills:
        number += 1
        session = Session(heavy if real and number % real == 0 else light, number)
        if chance.random() < 0.3:
            time.sleep(chance.uniform(0.0, 1.5))  # anywhere in the start
        elif not session.answered(ANSWER_SECONDS):
            outcome.faults.append("an editor at rest had no answer")
        else:
            for _ in range(chance.randint(0, 4)):
                inside(session, chance, patience, outcome)
            time.sleep(chance.uniform(0.0, 0.4))
        ending(session, chance, patience, outcome)
        session.end()
    return outcome


def main() -> int:
    """Do as the command line says and print what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.host.kills")
    parser.add_argument("kills", nargs="?", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--real", type=int, default=10)
    parser.add_argument("--patience", type=float, default=PATIENCE)
    given = parser.parse_args()
    prepare()
    real = given.real if importlib.util.find_spec("tensorflow") else 0
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        outcome = lane(given.kills, given.seed, real, given.patience, Path(folder).resolve())
    ends = sorted(outcome.ends, reverse=True) or [(0.0, "")]
    times = [seconds for seconds, _ in ends]
    print(f"{sum(outcome.killed.values())} kills: " + ", ".join(f"{n} {what}" for what, n in outcome.killed.items()))
    print(
        f"until nothing was left: median {statistics.median(times):.2f} s, worst {times[0]:.2f} s, "
        f"{sum(item > 1 for item in times)} of {len(outcome.ends)} longer than 1 s"
    )
    for seconds, told in ends[:SLOWEST]:
        print(f"{seconds:.2f} s: {told}")
    if not PRIVATE:
        print("shared memory was not looked at: the kernel gives this process none of its own")
    for fault in outcome.faults:
        print(f"FAULT {fault}")
    return 1 if outcome.faults else 0


if __name__ == "__main__":
    sys.exit(main())
