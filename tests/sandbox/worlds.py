"""What the attacks are aimed at, and the ways to start a worker against it."""

from __future__ import annotations

import functools
import json
import os
import pwd
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kls.worker.sandbox import policy as policies
from kls.worker.sandbox.policy import Grant, Policy

HERE = Path(__file__).resolve().parent
SANDBOX = Path(policies.__file__).resolve().parent
TOKEN = "KLS_TEST_TOKEN"
FILES = {
    "home/.ssh/id_rsa": "-----BEGIN PRIVATE KEY-----\n",
    "home/.bashrc": "export EDITOR=vi\n",
    "project/.env": "TOKEN=secret\n",
    "project/train.py": "import keras\n",
    "project/data.csv": "a,b\n1,2\n",
    "project/private/notes.py": "password = 1\n",
    "project/.git/hooks/sample": "",
    "packages/module.py": "",
}
VICTIM = """
import ctypes, sys
buffer = ctypes.create_string_buffer(b"secret")
print(ctypes.addressof(buffer), flush=True)
sys.stdin.read()
"""


@dataclass(frozen=True)
class User:
    """Who runs the worker: `number` is the user, `python` an interpreter that this user can start."""

    name: str
    number: int
    python: str
    code: Path
    """A copy of kls/worker that this user can read."""

    def start(self, command: list[str], **more: Any) -> subprocess.Popen[str]:
        """A process of this user with pipes on 0 and 1."""
        if self.number != os.getuid():
            more.update(user=self.number, group=self.number, extra_groups=[])
        return subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8", cwd="/", **more
        )


@dataclass(frozen=True)
class World:
    """A home folder, a project, packages, listeners and a running process, all of one user's."""

    user: User
    base: Path
    values: dict[str, Any]

    def plant(self) -> None:
        """Make everything as it was at first; folders stay themselves, since running workers hold rules for them."""
        for name in ("home", "project", "packages", "open"):
            _empty(self.base / name)
        for name in ("beacon", "sibling"):
            (self.base / name).unlink(missing_ok=True)
        for name, text in FILES.items():
            path = self.base / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (self.base / "project/link.csv").symlink_to(self.base / "home/.ssh/id_rsa")
        for path in (self.base, *self.base.rglob("*")):
            os.chown(path, self.user.number, self.user.number, follow_symlinks=False)

    def state(self) -> dict[str, object]:
        """What can be damaged: every file with its text and its marks."""
        found: dict[str, object] = {}
        for folder in ("home", "project", "packages"):
            for path in sorted((self.base / folder).rglob("*")):
                facts = path.lstat()
                marks = (facts.st_mode, facts.st_uid, facts.st_gid, facts.st_nlink)
                if stat.S_ISREG(facts.st_mode):
                    found[str(path)] = (*marks, facts.st_mtime_ns, path.read_bytes(), tuple(os.listxattr(path)))
                else:
                    found[str(path)] = marks
        for name in ("beacon", "sibling"):
            found[name] = (self.base / name).exists()
        return found


@contextmanager
def world(user: User) -> Iterator[World]:
    """A world under /tmp, and listeners and a victim that end with it."""
    with ExitStack() as stack:
        base = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kls-world-", ignore_cleanup_errors=True)))
        base.chmod(0o755)
        environment = {"PATH": "/usr/bin:/bin", TOKEN: "secret"}
        victim = stack.enter_context(user.start([user.python, "-I", "-S", "-c", VICTIM], env=environment))
        assert victim.stdout is not None
        stack.callback(victim.kill)
        abstract = base.name
        path = str(base / "agent")
        tcp, udp = socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", 0))
        for listener in (tcp, udp, _unix(path), _unix("\0" + abstract)):
            stack.callback(listener.close)
        os.chmod(path, 0o777)
        inherited = os.open(HERE / "worlds.py", os.O_RDONLY)
        stack.callback(os.close, inherited)
        values = {
            "base": str(base),
            "home": str(base / "home"),
            "project": str(base / "project"),
            "packages": str(base / "packages"),
            "beacon": str(base / "beacon"),
            "token": TOKEN,
            "victim": victim.pid,
            "address": int(victim.stdout.readline()),
            "tcp": tcp.getsockname()[1],
            "udp": udp.getsockname()[1],
            "unix": path,
            "abstract": abstract,
            "descriptor": inherited,
            "inode": os.fstat(inherited).st_ino,
            "library": _library(),
        }
        made = World(user, base, values)
        made.plant()
        yield made


def _empty(folder: Path) -> None:
    """A folder with nothing in it, made where there is none."""
    if folder.is_symlink() or not folder.is_dir():
        folder.unlink(missing_ok=True)
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()


def _unix(address: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(64)
    return listener


def _library() -> str:
    found = sorted(Path("/usr/lib").glob("*-linux-gnu/libm.so.6")) or sorted(Path("/usr/lib64").glob("libm.so.6"))
    return str(found[0]) if found else ""


class Worker:
    """A running `zygote.py`; `grant` is None when it was started without a launcher."""

    def __init__(self, process: subprocess.Popen[str], report: Path | None) -> None:
        self.process = process
        self._report = report

    @functools.cached_property
    def grant(self) -> Grant | None:
        """What the launcher wrote before the interpreter started."""
        return policies.grant_from_json(self._report.read_text()) if self._report else None

    def ask(
        self, attack: str, world: World, lock: bool, seconds: float = 8.0, guard: str = "", **policy: object
    ) -> dict[str, Any]:
        """The outcome of one attack in a forked process; `policy` replaces fields of the probe's policy.

        With `guard` the audit hook is put up, for the policy in that JSON where there is no lock.
        """
        asked = {"attack": attack, "world": world.values, "lock": lock, "seconds": seconds, "policy": policy}
        asked["guard"] = guard
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, f"the worker died on {attack} with status {self.process.wait()}"
        return json.loads(answer)


@contextmanager
def worker(
    world: World, python: str = "", launched: bool = True, modules: tuple[str, ...] = (), **fields: Any
) -> Iterator[Worker]:
    """A worker of the world's user: in the sandbox (`fields` change its Policy), or with nothing around it.

    `modules` are imported before the zygote is locked.
    """
    user = world.user
    python = python or user.python
    code = [python, "-I", "-B", str(user.code.parent / "tests" / "zygote.py"), str(user.code / "sandbox"), *modules]
    inherited = (world.values["descriptor"],)
    environment = {**os.environ, TOKEN: "secret", "TMPDIR": str(world.base / "open")}
    with ExitStack() as stack:
        report = None
        if launched:
            base = Path(tempfile.mkdtemp(prefix="private-", dir=world.base))
            stack.callback(shutil.rmtree, base, True)
            (base / "tmp").mkdir()
            for path in (base, base / "tmp"):
                os.chown(path, user.number, user.number)
            report = base / "report"
            policy = Policy(
                executable=python,
                roots=(*policies.interpreter_roots(python), str(user.code.parent), world.values["packages"]),
                temporary=str(base / "tmp"),
                workspace=(world.values["project"],),
                report=str(report),
                temporary_files=512,
                other_threads=0,
            )
            policy = policy._replace(**fields)
            launch = [user.python, "-I", "-S", str(user.code / "sandbox" / "launch.py"), policies.to_json(policy), "--"]
            code = launch + code
        process = stack.enter_context(user.start(code, env=environment, pass_fds=inherited))
        stack.callback(_end, process)
        yield Worker(process, report)


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()


@functools.cache
def tier_here(user: User, without: tuple[str, ...] = (), landlock_abi: int = 99) -> str:
    """The tier that `user` gets on this very machine with these layers left out, found by trying."""
    with tempfile.TemporaryDirectory(prefix="kls-tier-") as folder:
        (Path(folder) / "tmp").mkdir()
        for path in (folder, folder + "/tmp"):
            os.chown(path, user.number, user.number)
        policy = Policy(
            executable=user.python,
            roots=(*policies.interpreter_roots(user.python), str(user.code.parent)),
            temporary=folder + "/tmp",
            report=folder + "/report",
            weakest="None",
            without=without,
            landlock_abi=landlock_abi,
        )
        launch = [user.python, "-I", "-S", str(user.code / "sandbox" / "launch.py"), policies.to_json(policy), "--"]
        with user.start([*launch, user.python, "-I", "-c", ""]) as process:
            process.communicate(timeout=60)
        return policies.grant_from_json((Path(folder) / "report").read_text()).tier


def users(folder: Path) -> list[User]:
    """The user who runs the tests, and an ordinary one when that is root and an interpreter is in reach of nobody."""
    folder.chmod(0o755)
    code = folder / "worker"
    shutil.copytree(SANDBOX, code / "sandbox", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(HERE, folder / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    found = [User("root" if os.getuid() == 0 else "user", os.getuid(), sys.executable, code)]
    if os.getuid() == 0:
        number = pwd.getpwnam("nobody").pw_uid
        for python in (sys.executable, os.path.realpath(sys.executable), "/usr/bin/python3", "/usr/local/bin/python3"):
            user = User("user", number, python, code)
            if _starts(user):
                found.append(user)
                break
    return found


def _starts(user: User) -> bool:
    try:
        process = user.start([user.python, "-I", "-c", "import ctypes"], stderr=subprocess.DEVNULL)
    except OSError:
        return False
    process.communicate()
    return process.returncode == 0
