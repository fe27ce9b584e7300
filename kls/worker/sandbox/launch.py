"""Starts the author's interpreter inside the sandbox. Run by the server's own interpreter, never by the author's:

    python -I -S launch.py POLICY -- /path/to/authors/python -I .../bootstrap.py

POLICY is the JSON of a `Policy`. Descriptors 0 and 1 are the wire to the server and pass through untouched. This
process stays as the parent: it ends as the interpreter ended (by the same signal), and when it dies, all die. When the
server dies first, it ends the others and removes the worker's folder; a guard, which outlives it for that, does so when
both died. Without its guard it ends everything.
Nothing of the author's is opened or executed before the locks of layer A are in force. Exit status 77: the tier is
below the policy's `weakest`; 78: the sandbox could not be set up; 126: the interpreter could not be executed.

    this process ─ helper (gone at once) ─ process 1 of the private world ─ the interpreter (zygote) ─ probes
                 └ guard
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import struct
import sys
import time
import types
from typing import TYPE_CHECKING, NamedTuple, NoReturn, Optional

if TYPE_CHECKING:
    from . import launching, lockdown, namespaces, policy, removal, trial
else:
    # Isolated mode leaves this folder off the path, and nothing but it may be on it.
    _package = types.ModuleType("_kls_sandbox")
    _package.__path__ = [os.path.dirname(os.path.abspath(__file__))]
    sys.modules["_kls_sandbox"] = _package
    from _kls_sandbox import launching, lockdown, namespaces, policy, removal, trial

_STARTED = time.monotonic()
_ENDINGS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
_LONGEST_CLEARING = 10.0
"""Seconds that the end of an orphaned worker may take."""
CODE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
"""The folder of the worker's own code, which the author's interpreter runs."""


class _Guard(NamedTuple):
    """The process that clears up after this one, and the pipe whose end tells it that this one is gone.

    `changes` can be read when a child of this process has ended, the guard perhaps.
    """

    process: int
    channel: int
    changes: int

    def told(self, group: int) -> None:
        """Have it kill this process group then; 0: none."""
        with contextlib.suppress(OSError):
            os.write(self.channel, struct.pack("=i", group))

    def ended(self) -> bool:
        """Whether it is gone."""
        return _ended(self.process)


class _Start(NamedTuple):
    """One start: the policy, the command, the guard, and the pipe that carries the grant to the outermost process."""

    policy: policy.Policy
    command: list[str]
    guard: _Guard
    grant: int


class _Ended(BaseException):
    """This process is asked to end, by the signal in `number`: the server died, or somebody wants it."""

    def __init__(self, number: int) -> None:
        self.number = number


def main(arguments: list[str]) -> NoReturn:
    """Set everything up, start the interpreter, wait for its end and end alike."""
    given = policy.policy_from_json(arguments[0])
    given = given._replace(
        roots=(CODE, *given.roots),
        server=given.server or os.getppid(),
        canary=given.temporary + ".canary",
    )
    asked, guard = False, None
    try:
        _hygiene(given.server)
        guard = _set_guard(given)
        status = _work(given, arguments[arguments.index("--") + 1 :], guard)
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDINGS)
    except _Ended as ended:
        status, asked = ended.number, True
    if given.folder and (asked or os.getppid() != given.server or lockdown.exiting(given.server)):
        _clear(given.folder, guard.process if guard else 0)
    _end_as(status)


def _work(given: policy.Policy, command: list[str], guard: _Guard) -> int:
    """Start the interpreter and wait for its end: its wait status."""
    read_grant, write_grant = os.pipe()
    start = _Start(given, command, guard, write_grant)
    try:
        if given.folder:
            _make(given)
        launching.plant(given.canary)
        missing: list[str] = []
        status = None if "namespaces" in given.without else _contained(start, read_grant, missing)
        return _plain(start, read_grant, missing) if status is None else status
    except OSError as error:
        launching.say(f"kls: the sandbox could not be set up: {error}")
        return 78 << 8
    finally:
        with contextlib.suppress(OSError):
            os.unlink(given.canary)


def _make(given: policy.Policy) -> None:
    """The worker's folder, marked as in use for as long as this process lives (see `kls.host.command`)."""
    os.mkdir(given.folder)
    fcntl.flock(os.open(given.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC), fcntl.LOCK_EX)
    os.mkdir(given.temporary)


def _clear(folder: str, guard: int) -> None:
    """End every process below this one but the guard and remove the folder; what does not end in time is not waited
    for."""
    until = time.monotonic() + _LONGEST_CLEARING
    while (others := [child for child in lockdown.children() if child != guard]) and time.monotonic() < until:
        for child in others:
            for end in (os.killpg, os.kill):
                with contextlib.suppress(OSError):
                    end(child, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while not any(os.waitpid(child, os.WNOHANG)[0] for child in others) and time.monotonic() < until:
                time.sleep(0.002)
    removal.remove(folder)


def _obey_signals() -> None:
    """Have the signals that ask for an end raise `_Ended` here; a fork that still has them is just gone."""
    own = os.getpid()

    def ended(number: int, frame: object) -> None:
        if os.getpid() != own:
            os._exit(78)
        for each in _ENDINGS:
            signal.signal(each, signal.SIG_IGN)
        raise _Ended(number)

    for number in _ENDINGS:
        signal.signal(number, ended)


def _plain_signals() -> None:
    signal.set_wakeup_fd(-1)
    for number in (*_ENDINGS, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)


def _hygiene(server: int) -> None:
    lockdown.close_others((0, 1, 2))
    os.setsid()
    os.umask(0o077)
    os.chdir("/")
    _obey_signals()
    lockdown.die_with_parent(server, signal.SIGTERM)
    lockdown.adopt_orphans()
    lockdown.no_core_dumps()
    for act in (lambda: os.setgroups([]), lambda: os.nice(5), _few_processors):
        with contextlib.suppress(OSError):
            act()


def _few_processors() -> None:
    usable = sorted(os.sched_getaffinity(0))
    place = os.getpid() % len(usable)
    os.sched_setaffinity(0, {usable[place], usable[place - 1]})


def _contained(start: _Start, read_grant: int, missing: list[str]) -> Optional[int]:
    """Run the interpreter in private namespaces: its wait status, or None (and a word in `missing`) without them."""
    read_status, write_status = os.pipe()
    read_go, write_go = os.pipe()
    parent = os.getpid()
    helper = os.fork()
    if helper == 0:
        with _never_returning(write_status):
            _plain_signals()
            lockdown.die_with_parent(parent)
            namespaces.separate()
            if os.fork() == 0:
                os.close(write_go)
                _process_one(start, read_go, write_status)
            os._exit(0)
    os.close(write_status)
    os.close(read_go)
    os.waitpid(helper, 0)
    with contextlib.suppress(OSError):
        os.write(write_go, b".")  # the helper is gone and process 1 is this process's child now
    with open(read_status, "rb", buffering=0) as answers:
        answer = answers.readline().decode(errors="replace").strip()
        if answer != "ready":
            missing.append(f"private namespaces: {answer or 'the helper process died'}")
            return None
        launching.leave_wire()
        os.close(start.grant)
        _store(start.policy, read_grant)
        end = b""
        while not start.guard.ended():
            ready, _, _ = select.select([start.guard.changes, answers], [], [])
            if start.guard.changes in ready:
                os.read(start.guard.changes, 512)
            elif piece := os.read(read_status, 64):
                end += piece
            else:
                break
        else:
            return signal.SIGKILL
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(0, 0)  # those of this process's own group, which the guard is not in
    return int(end) if end.strip().isdigit() else signal.SIGKILL


@contextlib.contextmanager
def _never_returning(write_status: int):
    try:
        yield
    except Exception as error:
        os.write(write_status, f"{error}\n".encode())
    finally:
        os._exit(78)


def _process_one(start: _Start, read_go: int, write_status: int) -> NoReturn:
    if not os.read(read_go, 1):
        os._exit(78)
    lockdown.die_with_parent(0)
    os.set_blocking(read_go, False)
    with contextlib.suppress(BlockingIOError):
        os.read(read_go, 1)
        os._exit(78)  # the launcher died before it could be named as the one to die with
    namespaces.furnish(start.policy)
    os.write(write_status, b"ready\n")
    zygote = os.fork()
    if zygote == 0:
        _become(start, namespaces.LAYERS, (), 1)
    os.close(start.grant)
    launching.leave_wire()
    lockdown.forgo_privileges()
    while True:
        process, status = os.wait()
        if process == zygote:
            os.write(write_status, f"{status}\n".encode())
            os._exit(0)


def _plain(start: _Start, read_grant: int, missing: list[str]) -> int:
    """Run the interpreter without namespaces, as the leader of a process group that it cannot leave.

    It asks through a pipe to have its children killed. The guard kills the group when this process is killed.
    """
    others = _threads() + start.policy.other_threads
    start = start._replace(policy=start.policy._replace(base_threads=others))
    read_end, write_end = os.pipe()
    os.set_inheritable(write_end, True)
    os.environ[lockdown.END_CHANNEL] = str(write_end)
    parent = os.getpid()
    zygote = os.fork()
    if zygote == 0:
        _plain_signals()
        os.setpgid(0, 0)
        _become(start, (), tuple(missing), parent)
    os.close(write_end)
    os.close(start.grant)
    launching.leave_wire()
    start.guard.told(zygote)
    _store(start.policy, read_grant)
    while not _ended(zygote) and not start.guard.ended():
        ready, _, _ = select.select([start.guard.changes, read_end], [], [])
        if start.guard.changes in ready:
            os.read(start.guard.changes, 512)
        elif len(asked := os.read(read_end, 4)) == 4:
            _end_child_of(zygote, struct.unpack("=i", asked)[0])
        else:
            break
    if start.guard.ended():
        _end_group(zygote)
    os.waitid(os.P_PID, zygote, os.WEXITED | os.WNOWAIT)
    _end_group(zygote)
    start.guard.told(0)
    return os.waitpid(zygote, 0)[1]


def _ended(child: int) -> bool:
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _noted(number: int, frame: object) -> None:
    pass


def _set_guard(given: policy.Policy) -> _Guard:
    """Start the guard. Whoever else this process forks holds the pipe too, until it ends or becomes the interpreter."""
    read_end, write_end = os.pipe()
    read_changes, write_changes = os.pipe()
    os.set_blocking(write_changes, False)
    signal.signal(signal.SIGCHLD, _noted)  # that it came is told by the wake-up pipe
    signal.set_wakeup_fd(write_changes)
    guard = os.fork()
    if guard == 0:
        try:
            _plain_signals()
            lockdown.close_others((read_end,))
            _stand_guard(read_end, given.folder, given.server)
        finally:
            os._exit(0)
    with contextlib.suppress(OSError):
        os.setpgid(guard, guard)  # a kill of the launcher's group leaves the guard to do its work
    os.close(read_end)
    return _Guard(guard, write_end, read_changes)


def _stand_guard(channel: int, folder: str, server: int) -> None:
    """Wait until the launcher is gone; kill the group that it told of, and remove what the server does not remove."""
    group = 0
    while len(told := os.read(channel, 4)) == 4:
        (group,) = struct.unpack("=i", told)
    until = time.monotonic() + _LONGEST_CLEARING
    if group:
        _end_group(group)
    while folder and os.path.lexists(folder) and not lockdown.exiting(server) and time.monotonic() < until:
        time.sleep(0.01)
    while folder and group and _group_lives(group) and time.monotonic() < until:
        time.sleep(0.005)
    if folder:
        removal.remove(folder)


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except OSError:
        return False
    return True


def _end_group(zygote: int) -> None:
    with contextlib.suppress(OSError):
        os.killpg(zygote, signal.SIGKILL)


def _end_child_of(zygote: int, process: int) -> None:
    """Kill `process` if the zygote is its parent; a child that is not yet waited for cannot have changed its number."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        with open(f"/proc/{int(process)}/stat", "rb") as file:
            parent = int(file.read().rpartition(b")")[2].split()[1])
        if parent == zygote and process > 1:
            os.kill(process, signal.SIGKILL)


def _become(start: _Start, layers: tuple[str, ...], missing: tuple[str, ...], parent: int) -> NoReturn:
    """Lock this process, try the locks, and become the author's interpreter."""
    try:
        lockdown.die_with_parent(parent)
        given = start.policy._replace(layers=layers)
        program = os.path.realpath(start.command[0])
        execute = tuple(path for path in (program, trial.loader(program)) if path)
        layers += lockdown.lock_start(given, execute)
        given = given._replace(layers=layers)
        tested, kernel = trial.self_test(given, program)
        tier = trial.tier(layers, tested)
        if (
            given.workspace
            and lockdown.landlock_in_use(given)
            and not any(name.startswith("landlock") for name in layers)
        ):
            tier = min(tier, "Weak", key=policy.TIERS.index)  # the workspace is in the private tree, and open
        missing = (*missing, *trial.lacking(layers))
        grant = policy.Grant(given, tier, layers, missing, tested, time.monotonic() - _STARTED, kernel)
        os.write(start.grant, policy.to_json(grant).encode())
        if policy.TIERS.index(tier) < policy.TIERS.index(given.weakest):
            launching.say(f"kls: the sandbox is too weak here ({tier}); nothing was run. {'; '.join(missing)}")
            os._exit(77)
        os.execve(
            start.command[0], start.command, policy.environment(given, policy.to_json(grant), (lockdown.END_CHANNEL,))
        )
    except Exception as error:
        launching.say(f"kls: {start.command[0]} could not be started in the sandbox: {error}")
    finally:
        os._exit(126)


def _threads() -> int:
    """Threads that this user runs, which the process limit counts outside a private user namespace; root has none."""
    user = os.getuid()
    count = 0
    for name in os.listdir("/proc") if user else ():
        with contextlib.suppress(OSError):
            if name.isdecimal() and os.stat(f"/proc/{name}").st_uid == user:
                count += len(os.listdir(f"/proc/{name}/task"))
    return count


def _store(given: policy.Policy, read_grant: int) -> None:
    """Hand on what the locked process reports; the pipe closes when the interpreter starts."""
    with open(read_grant, "rb") as pipe:
        launching.store(given, pipe.read())


def _end_as(status: int) -> NoReturn:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, (number,))
        os.kill(os.getpid(), number)
    os._exit(os.WEXITSTATUS(status))


if __name__ == "__main__":
    main(sys.argv[1:])
