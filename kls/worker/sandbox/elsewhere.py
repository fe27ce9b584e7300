"""Starts the author's interpreter inside the sandbox of macOS or Windows. Run by the server's own interpreter:

    python -I -S elsewhere.py POLICY -- /path/to/authors/python -I .../bootstrap.py

The counterpart of `launch.py`, which is Linux's: the same policy, wire, grant and exit status. A `Box` is one way to
start a program inside walls; a system may have several. In each, the forbidden acts are really tried first, by a
throw-away child (`attempts.py`) that runs kls's own code in the server's interpreter, and the strongest that holds is
taken. Nothing of the author's is executed before that, and nothing but that decides the tier.

This process stays as the parent. When the server dies, it ends the worker; when it dies itself, the worker is in its
process group, which the server kills (macOS), or in its job, which Windows ends (Windows).
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
import types
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Optional

if TYPE_CHECKING:
    from . import attempts, launching, policy, removal, seatbelt, windows
else:
    # Isolated mode leaves this folder off the path, and nothing but it may be on it.
    _package = types.ModuleType("_kls_sandbox")
    _package.__path__ = [os.path.dirname(os.path.abspath(__file__))]
    sys.modules["_kls_sandbox"] = _package
    from _kls_sandbox import attempts, launching, policy, removal, seatbelt, windows

_STARTED = time.monotonic()
TRIAL_SECONDS = 30.0
LOOK_SECONDS = 0.25
"""Time between two looks whether the server lives and how much memory the worker takes, where no event tells."""
CODE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
"""The folder of the worker's own code, which the author's interpreter runs."""
Handles = tuple[int, int, int]
"""The descriptors that become 0, 1 and 2 of a process."""


class Inside(NamedTuple):
    """A process inside a box: `wait` for its end gives the exit status (negative for a signal), `end` ends it."""

    wait: Callable[[], int]
    end: Callable[[], None]


class Box(NamedTuple):
    """A way to start a command with an environment inside walls; `tier` is what it would be if all of them held."""

    name: str
    tier: str
    layers: tuple[str, ...]
    start: Callable[[Sequence[str], Mapping[str, str], Handles], Inside]


class Tried(NamedTuple):
    """A box, and what became of each forbidden act in it."""

    box: Box
    tier: str
    tested: dict[str, str]


def main(arguments: list[str]) -> NoReturn:
    """Set everything up, start the interpreter, wait for its end and end alike."""
    given = policy.policy_from_json(arguments[0])
    given = given._replace(
        roots=(CODE, *given.roots), server=given.server or os.getppid(), canary=given.temporary + ".canary"
    )
    if os.name == "posix":
        os.setsid()
        os.umask(0o077)
    try:
        status = run(given, arguments[arguments.index("--") + 1 :], boxes(given))
    except (OSError, ValueError) as error:
        launching.say(f"kls: the sandbox could not be set up: {error}")
        status = 78
    if given.folder and not _alive(given.server):
        removal.remove(given.folder)
    _end_as(status)


def boxes(given: policy.Policy) -> list[Box]:
    """The boxes of this system, the strongest first."""
    if sys.platform == "darwin":
        return [_seatbelt(given)]
    if sys.platform == "win32":
        return [_windows(given, container=True), _windows(given, container=False)]
    return []


def run(given: policy.Policy, command: list[str], among: Sequence[Box]) -> int:
    """Find out which box holds, start the interpreter in it, wait for its end: its status, or one of kls's own."""
    held = _make(given)
    try:
        launching.plant(given.canary)
        missing: list[str] = []
        tried = [one for one in (_try(box, given, missing) for box in among) if one is not None]
        best = max(tried, key=lambda one: policy.TIERS.index(one.tier), default=None)
        grant = _grant(given, best, missing)
        launching.store(given, policy.to_json(grant).encode())
    finally:
        with contextlib.suppress(OSError):
            os.unlink(given.canary)
    if best is None or policy.TIERS.index(grant.tier) < policy.TIERS.index(given.weakest):
        launching.say(f"kls: the sandbox is too weak here ({grant.tier}); nothing was run. {'; '.join(grant.missing)}")
        return 77
    try:
        inside = best.box.start(command, _environment(given, policy.to_json(grant)), (0, 1, 2))
    except OSError as error:
        launching.say(f"kls: {command[0]} could not be started in the sandbox: {error}")
        return 126
    launching.leave_wire()
    try:
        return inside.wait()
    finally:
        inside.end()
        os.close(held)


def _make(given: policy.Policy) -> int:
    """The worker's folder, marked as in use (see `kls.host.command.clear_abandoned`): a descriptor to hold."""
    if not given.folder:
        return os.open(os.devnull, os.O_RDONLY)
    os.mkdir(given.folder)
    os.mkdir(given.temporary)
    if os.name != "posix":  # Windows lets nobody remove a file that is open
        return os.open(os.path.join(given.folder, policy.HELD), os.O_CREAT | os.O_RDWR, 0o600)
    import fcntl

    held = os.open(given.folder, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    return held


def _grant(given: policy.Policy, best: Optional[Tried], missing: list[str]) -> policy.Grant:
    tier = "None" if best is None else best.tier
    tested = {} if best is None else best.tested
    layers = () if best is None or tier == "None" else best.box.layers
    passed = [name for name, answer in tested.items() if answer == policy.PASSED]
    if passed and best is not None:
        missing = [*missing, f"the walls here ({best.box.name}) do not hold: a program could {', '.join(passed)}"]
    if best is None and not missing:
        missing = ["kls knows no sandbox of this kind of system"]
    return policy.Grant(
        given._replace(layers=layers), tier, layers, tuple(missing), tested, time.monotonic() - _STARTED, {}
    )


def _try(box: Box, given: policy.Policy, missing: list[str]) -> Optional[Tried]:
    """Try all forbidden acts in a box; None, and a sentence in `missing`, where nothing can be started in it."""
    with contextlib.ExitStack() as stack:
        tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        udp.bind(("127.0.0.1", 0))
        udp.setblocking(False)
        local = given.canary + ".s"
        if os.name == "posix":
            listener = stack.enter_context(socket.socket(socket.AF_UNIX))
            listener.bind(local)
            stack.callback(os.unlink, local)
            listener.listen()
        beside = next((path for path in given.roots[1:] if os.path.isdir(path)), given.roots[0])
        ports = tcp.getsockname()[1], udp.getsockname()[1]
        aim = attempts.Aim(given.canary, beside, given.server, *ports, local, _program())
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "attempts.py")
        command = [_own_python(), "-I", "-S", script, json.dumps(aim)]
        try:
            tested = attempts.told(_output(box, command, _environment(given, "")))
        except OSError as error:
            missing.append(f"{box.name}: {error}")
            return None
        with contextlib.suppress(OSError):
            udp.recv(16)
            tested["send a datagram"] = policy.PASSED
    if not tested:
        missing.append(f"{box.name}: Python does not start in it")
        return None
    tested = {**dict.fromkeys(attempts.acts(), policy.PASSED), **tested}  # what was not told of was not refused
    return Tried(box, attempts.tier(box.tier, tested), tested)


def _output(box: Box, command: list[str], environment: Mapping[str, str]) -> str:
    """What a program that runs in a box for a moment writes."""
    nothing, (receive, send) = os.open(os.devnull, os.O_RDWR), os.pipe()
    try:
        for descriptor in (nothing, send):
            os.set_inheritable(descriptor, True)
        inside = box.start(command, environment, (nothing, send, nothing))
    except BaseException:
        os.close(receive)
        raise
    finally:
        os.close(nothing)
        os.close(send)
    clock = threading.Timer(TRIAL_SECONDS, inside.end)
    clock.start()
    try:
        with open(receive, encoding="utf-8", errors="replace") as answers:
            text = answers.read(1 << 16)
        inside.wait()
    finally:
        clock.cancel()
        inside.end()
    return text


def _program() -> str:
    """A program of the system's that is not Python and does nothing."""
    if os.name == "nt":
        return os.path.join(os.environ.get("SYSTEMROOT", "C:\\Windows"), "System32", "cmd.exe")
    return "/usr/bin/true"


def _own_python() -> str:
    """The program of the interpreter that runs this: without the environment around it, which is not needed here."""
    return getattr(sys, "_base_executable", "") or sys.executable


def _environment(given: policy.Policy, grant: str) -> dict[str, str]:
    made = policy.environment(given, grant, ("SYSTEMROOT", "SYSTEMDRIVE", "NUMBER_OF_PROCESSORS"))
    if os.name == "nt":
        made.update(dict.fromkeys(("TEMP", "TMP", "USERPROFILE", "APPDATA", "LOCALAPPDATA"), given.temporary))
        made["PATH"] = os.path.dirname(_program())
    return made


def _seatbelt(given: policy.Policy) -> Box:
    """macOS: `sandbox-exec`. The policy's own interpreter and this one may be executed and read."""
    own = _own_python()
    wide = given._replace(roots=(*given.roots, *policy.interpreter_roots(own)))
    text = seatbelt.profile(wide, (*seatbelt.programs(given.executable), *seatbelt.programs(own)))

    def start(command: Sequence[str], environment: Mapping[str, str], handles: Handles) -> Inside:
        import resource

        def limit() -> None:
            for name, value in seatbelt.limits(given):
                kind = getattr(resource, f"RLIMIT_{name}")
                hard = resource.getrlimit(kind)[1]
                least = value if hard == resource.RLIM_INFINITY else min(value, hard)
                resource.setrlimit(kind, (least, least))

        process = subprocess.Popen(
            seatbelt.arguments(text, command),
            stdin=handles[0],
            stdout=handles[1],
            stderr=handles[2],
            env=dict(environment),
            cwd=given.temporary,
            preexec_fn=limit,
        )
        threading.Thread(target=_watch, args=(process, given), daemon=True).start()
        return Inside(process.wait, process.kill)

    return Box("sandbox-exec", "Seatbelt", seatbelt.LAYERS, start)


def _watch(process: subprocess.Popen[Any], given: policy.Policy) -> None:
    """End a process that takes too much memory, or whose server is gone."""
    while process.poll() is None:
        if not _alive(given.server):
            process.kill()
        elif seatbelt.resident(process.pid) > seatbelt.most_resident(given):
            launching.say("kls: the dry run took too much memory")
            process.kill()
        time.sleep(LOOK_SECONDS)


def _windows(given: policy.Policy, container: bool) -> Box:
    own = _own_python()
    readable = (*given.roots, *policy.interpreter_roots(own))

    def start(command: Sequence[str], environment: Mapping[str, str], handles: Handles) -> Inside:
        program, more = windows.direct(command[0])
        started = windows.start(
            given,
            [program, *command[1:]],
            {**environment, **more},
            windows.inheritable(handles),
            container,
            readable,
        )
        return Inside(lambda: windows.wait(started, given.server), lambda: windows.end(started))

    if container:
        return Box("AppContainer", "AppContainer", ("job", "appcontainer", "limits"), start)
    return Box("a token of low integrity", "Weak", ("job", "low integrity", "limits"), start)


def _alive(server: int) -> bool:
    """Whether the server is there; on Windows `windows.wait` tells."""
    return os.name == "nt" or os.getppid() == server


def _end_as(status: int) -> NoReturn:
    if status < 0:
        import signal

        if -status not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status & 0xFF)


if __name__ == "__main__":
    main(sys.argv[1:])
