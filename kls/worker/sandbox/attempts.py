"""Tries what is forbidden, on any system: the throw-away child by which macOS and Windows find their tier out.

    python -I -S attempts.py AIM

AIM is the JSON of an `Aim`. Each act that was tried is told in a line `act=passed`, or `act=` and how it was refused;
the last line is `tried=all`. It runs in the server's own interpreter, inside the very walls that it tries, so that
nobody but kls itself says what they hold. Standard library alone, Python 3.9 on.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import NamedTuple

PASSED = "passed"
"""As `policy.PASSED`; this file is started alone."""
READS = ("read a file outside", "list a folder outside", "read the server's memory")
NETWORK = ("connect to a port", "send a datagram", "reach for another machine")
OF_POSIX = ("open a local socket", "start a process", "execute a program")
OF_WINDOWS = ("write the registry", "execute a program")
TRIED = "tried"


class Aim(NamedTuple):
    """What the acts are aimed at: a file of the user's and its folder, a folder of packages, the server's process, and
    what the launcher listens to."""

    canary: str
    beside: str
    server: int
    tcp: int
    udp: int
    local: str
    program: str
    """A program that is not Python."""


def acts(system: str = sys.platform) -> tuple[str, ...]:
    """The acts that are tried on a kind of system."""
    common = (*READS, "change a file outside", "write a file outside", "write beside the packages", *NETWORK)
    return (*common, "signal the server", *(OF_WINDOWS if system == "win32" else OF_POSIX))


def tier(best: str, tested: Mapping[str, str], system: str = sys.platform) -> str:
    """The tier of walls that would be `best` if all of them held.

    Whatever was not told of was not refused. On Windows a weak sandbox has the network open (`kls.trust.weakness`
    says so there), elsewhere it has not.
    """
    passed = {act for act in acts(system) if tested.get(act, PASSED) == PASSED}
    bearable = {*READS, *(NETWORK if system == "win32" else ())}
    if tested.get(TRIED) != "all" or passed - bearable:
        return "None"
    return "Weak" if passed else best


def told(lines: str, system: str = sys.platform) -> dict[str, str]:
    """What the child's output says of each act; all else in it is passed over."""
    pairs = (line.partition("=") for line in lines.splitlines())
    return {name: answer for name, _, answer in pairs if name in (*acts(system), TRIED) and answer}


def main(aim: Aim) -> None:
    """Try everything."""
    for name in acts():
        if name == "execute a program" and os.name == "posix":
            _say(TRIED, "all")  # if it passes, nobody is left to say so
            continue
        try:
            _ACTS[name](aim)
            _say(name, PASSED)
        except Exception as error:
            _say(name, _refusal(error))
    if os.name == "nt":
        _say(TRIED, "all")
        return
    try:
        os.execv(aim.program, [aim.program])
    except OSError as error:
        _say("execute a program", _refusal(error))


def _say(name: str, answer: str) -> None:
    os.write(1, f"{name}={answer}\n".encode())


def _refusal(error: Exception) -> str:
    number = getattr(error, "winerror", None) or getattr(error, "errno", None)
    if os.name == "nt" and number:
        return str(number)
    return errno.errorcode.get(number or 0, type(error).__name__)


def _read(aim: Aim) -> None:
    os.close(os.open(aim.canary, os.O_RDONLY))


def _list(aim: Aim) -> None:
    os.listdir(os.path.dirname(aim.canary))


def _read_server(aim: Aim) -> None:
    import ctypes

    if os.name == "nt":
        _open_process(aim.server, 0x0010)  # PROCESS_VM_READ
    elif sys.platform == "darwin":
        names, size = (ctypes.c_int * 3)(1, 49, aim.server), ctypes.c_size_t(1 << 20)  # CTL_KERN, KERN_PROCARGS2
        buffer = ctypes.create_string_buffer(size.value)
        if ctypes.CDLL(None, use_errno=True).sysctl(names, 3, buffer, ctypes.byref(size), None, ctypes.c_size_t(0)) < 0:
            raise OSError(ctypes.get_errno(), "sysctl")
    else:
        os.close(os.open(f"/proc/{aim.server}/environ", os.O_RDONLY))


def _open_process(process: int, access: int) -> None:
    import ctypes

    windll = getattr(ctypes, "WinDLL")  # noqa: B009 - it exists on Windows alone
    kernel = windll("kernel32", use_last_error=True)
    kernel.OpenProcess.restype = ctypes.c_void_p
    if not kernel.OpenProcess(access, 0, process):
        raise OSError(getattr(ctypes, "get_last_error")(), "OpenProcess")  # noqa: B009


def _change(aim: Aim) -> None:
    os.chmod(aim.canary, 0o444)
    os.chmod(aim.canary, 0o600)


def _write(aim: Aim) -> None:
    name = aim.canary + ".new"
    os.close(os.open(name, os.O_CREAT | os.O_WRONLY, 0o600))
    with contextlib.suppress(OSError):
        os.unlink(name)


def _write_beside(aim: Aim) -> None:
    _write(aim._replace(canary=os.path.join(aim.beside, "kls-canary")))


def _connect(aim: Aim) -> None:
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as one:
        one.settimeout(2.0)
        one.connect(("127.0.0.1", aim.tcp))


def _send(aim: Aim) -> None:
    """The launcher looks whether it came; a system that drops it silently has refused it."""
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.sendto(b"kls", ("127.0.0.1", aim.udp))
    raise OSError(errno.EAGAIN, "sent, perhaps to nobody")


def _reach(aim: Aim) -> None:
    """Choosing the other end of a datagram socket sends nothing; the address is one that nobody has (RFC 5737)."""
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.connect(("192.0.2.1", 9))


def _local(aim: Aim) -> None:
    import socket

    with socket.socket(socket.AF_UNIX) as one:
        one.connect(aim.local)


def _signal(aim: Aim) -> None:
    if os.name == "nt":
        _open_process(aim.server, 0x0001)  # PROCESS_TERMINATE
    else:
        os.kill(aim.server, 0)


def _start(aim: Aim) -> None:
    if os.fork() == 0:
        os._exit(0)


def _registry(aim: Aim) -> None:
    import winreg

    registry: object = winreg
    create, delete = getattr(registry, "CreateKey"), getattr(registry, "DeleteKey")  # noqa: B009
    user = getattr(registry, "HKEY_CURRENT_USER")  # noqa: B009
    create(user, "Software\\kls-canary")
    delete(user, "Software\\kls-canary")


def _execute(aim: Aim) -> None:
    import subprocess

    subprocess.run([aim.program, "/c", "exit"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)


_ACTS: dict[str, Callable[[Aim], None]] = {
    "read a file outside": _read,
    "list a folder outside": _list,
    "read the server's memory": _read_server,
    "change a file outside": _change,
    "write a file outside": _write,
    "write beside the packages": _write_beside,
    "connect to a port": _connect,
    "send a datagram": _send,
    "reach for another machine": _reach,
    "open a local socket": _local,
    "signal the server": _signal,
    "start a process": _start,
    "write the registry": _registry,
    "execute a program": _execute,
}


if __name__ == "__main__":
    main(Aim(*json.loads(sys.argv[1])))
