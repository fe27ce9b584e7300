"""How a worker is started: the command line, the sandbox policy, the environment, and the folder it may write in."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kls.worker.sandbox import policy, removal

_WORKER = Path(__file__).resolve().parents[1] / "worker"
BOOTSTRAP = _WORKER / "bootstrap.py"
LAUNCHERS = {"linux": "launch.py", "darwin": "elsewhere.py", "win32": "elsewhere.py"}
"""The launcher of each kind of system that there is a sandbox for."""
NO_SANDBOX = "kls has no sandbox for this kind of system, so programs are only read"
YOUNG_SECONDS = 60.0
"""How long a folder that nobody holds is left alone."""
_FOLDER = re.compile("kls-[0-9a-f]{16}")
_PASSED_ON = ("LANG", "LC_ALL", "LC_CTYPE", "TZ", "SYSTEMROOT", "SYSTEMDRIVE", "NUMBER_OF_PROCESSORS")


def weakest_tier(trusted: bool, weak_agreed: bool) -> str:
    """The weakest tier in which programs are run: in a folder that the user has said they trust, or else on a command
    alone; `weak_agreed`: they have agreed to a weak sandbox for folders that they trust."""
    if not trusted:
        return policy.ATTACKED
    return "Weak" if weak_agreed else policy.WALLED


class NoSandbox(Exception):
    """There is no sandbox for this kind of system; the text is NO_SANDBOX."""


@dataclass(frozen=True)
class Start:
    """How workers of one host are started.

    `interpreter` is the author's Python. `workspace` lists folders that a dry run may list (it may read only the files
    that its probe names). `user_site` and `backend` are as in `kls.interpreter`. `environment` is added to the
    worker's own. `weakest` is the weakest tier of the sandbox that will do (`weakest_tier`). `sandbox` false starts the
    interpreter without a launcher and without any protection.
    """

    interpreter: str
    workspace: tuple[str, ...] = ()
    user_site: tuple[str, ...] = ()
    backend: str | None = None
    environment: tuple[tuple[str, str], ...] = ()
    sandbox: bool = True
    weakest: str = policy.WALLED
    one_use: bool = False
    real: bool = False
    """The worker runs real steps (`Probe.step_bytes`)."""
    readable: tuple[str, ...] = ()
    """Files of the workspace that a dry run may read, where the walls stand from the start (macOS)."""
    bootstrap: Path = BOOTSTRAP


@dataclass(frozen=True)
class Prepared:
    """One worker about to be started, with a private folder of its own; `discard` it when the worker is gone."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    folder: str
    report: str
    start_in: str
    """Where the command is to be started."""

    def grant(self) -> policy.Grant | None:
        """What the sandbox achieved; None when there is none, or its launcher has not got that far."""
        try:
            with open(self.report, encoding="utf-8") as file:
                return policy.grant_from_json(file.read(1 << 20))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def discard(self) -> None:
        """Remove the private folder."""
        removal.remove(self.folder)


def prepare(start: Start) -> Prepared:
    """The command for one worker, and the name of its private folder.

    In a sandbox the launcher makes that folder and marks it as in use; what a launcher and its server, killed at the
    same moment, could not remove is removed here. Raises OSError where no folder can be made, NoSandbox where there is
    none for this kind of system.
    """
    if start.sandbox and sys.platform not in LAUNCHERS:
        raise NoSandbox(NO_SANDBOX)
    base = os.path.realpath(tempfile.gettempdir())
    folder = os.path.join(base, f"kls-{secrets.token_hex(8)}")
    temporary, report = os.path.join(folder, "tmp"), os.path.join(folder, "grant.json")
    options = {
        "one_use": start.one_use,
        "real": start.real,
        "sandbox": start.sandbox,
        "site": start.user_site,
        "backend": start.backend,
    }
    command = (start.interpreter, "-I", str(start.bootstrap), json.dumps(options))
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    if not start.sandbox:
        folder = os.path.realpath(tempfile.mkdtemp(prefix="kls-"))
        temporary = os.path.join(folder, "tmp")
        os.mkdir(temporary)
        private = dict.fromkeys(("HOME", "TMPDIR", "TMP", "TEMP"), temporary)
        environment = {**kept, **private, "PATH": os.defpath, **dict(start.environment)}
        return Prepared(command, environment, folder, report, folder)
    clear_abandoned(base)
    given = policy.Policy(
        executable=start.interpreter,
        roots=(*policy.interpreter_roots(start.interpreter), *start.user_site),
        temporary=temporary,
        workspace=start.workspace,
        readable=start.readable,
        environment=start.environment,
        report=report,
        folder=folder,
        server=os.getpid(),
        weakest=start.weakest,
    )
    if start.bootstrap != BOOTSTRAP:
        given = given._replace(roots=(*given.roots, str(start.bootstrap.parent)))
    program = _WORKER / "sandbox" / LAUNCHERS[sys.platform]
    launcher = (sys.executable, "-I", "-S", str(program), policy.to_json(given), "--")
    return Prepared((*launcher, *command), {**kept, "PATH": os.defpath}, folder, report, base)


def clear_abandoned(base: str) -> None:
    """Remove the folders of workers in `base` that are this user's and that no launcher holds any more.

    A young one may belong to a launcher that has not come to holding it.
    """
    for name in os.listdir(base):
        if not _FOLDER.fullmatch(name):
            continue
        folder = os.path.join(base, name)
        with contextlib.suppress(OSError):
            if sys.platform == "win32":
                if time.time() - os.stat(folder).st_mtime >= YOUNG_SECONDS:
                    os.unlink(os.path.join(folder, policy.HELD))  # refused while its launcher has it open
                    removal.remove(folder)
                continue
            import fcntl

            held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                facts = os.fstat(held)
                if facts.st_uid != os.getuid() or time.time() - facts.st_mtime < YOUNG_SECONDS:
                    continue
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                removal.remove(folder)
            finally:
                os.close(held)
