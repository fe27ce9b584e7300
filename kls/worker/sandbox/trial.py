"""The proof that the locks hold: a throw-away child really tries what is forbidden, and the tier follows from it."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import signal
import struct
import zlib
from collections.abc import Callable, Mapping
from typing import Optional

from . import lockdown
from .policy import PASSED, Policy

_libc = ctypes.CDLL(None, use_errno=True)
_KERNEL = "kernel "
_STATUS = ("NoNewPrivs", "Seccomp", "Seccomp_filters", "CapEff", "CapBnd")
READS = ("read a file outside", "read the server's environment")
"""Acts whose success leaves the tier Weak; any other success makes it None."""


def loader(program: str) -> Optional[str]:
    """The dynamic loader that an ELF program asks for (its PT_INTERP), links followed; None for anything else."""
    try:
        with open(program, "rb") as file:
            head = file.read(4096)
    except OSError:
        return None
    if head[:5] != b"\x7fELF\x02":
        return None
    table, size, count = struct.unpack_from("<Q14xHH", head, 32)
    for place in range(table, min(table + size * count, len(head) - 56), size):
        kind, offset, length = struct.unpack_from("<I4xQ16xQ", head, place)
        if kind == 3 and offset + length <= len(head):
            return os.path.realpath(os.fsdecode(head[offset : offset + length].rstrip(b"\0")))
    return None


def self_test(policy: Policy, program: str) -> tuple[dict[str, str], dict[str, str]]:
    """What became of each forbidden act in a child locked like a probe, and what the kernel says of that child.

    An act has PASSED, or the answer says how it was refused; the second is `Grant.kernel`. `program` is one that the
    zygote may execute. Call it where layer A is in force.
    """
    address, data = lockdown._memory()  # pyright: ignore[reportPrivateUsage]
    policy = policy._replace(zygote=os.getpid(), base_address=address, base_data=data)
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            _try_all(policy, program, write_end)
        finally:
            os._exit(1)
    os.close(write_end)
    with open(read_end, encoding="utf-8") as answers:
        told = dict(line.rstrip("\n").split("=", 1) for line in answers)
    kernel = {name[len(_KERNEL) :]: told.pop(name) for name in list(told) if name.startswith(_KERNEL)}
    _, status = os.waitpid(child, 0)
    how = f"killed by {signal.Signals(status & 127).name}" if os.WIFSIGNALED(status) else PASSED
    return {name: told.get(name, how) for name in (*_acts(policy, program), "locks")}, kernel


def _try_all(policy: Policy, program: str, channel: int) -> None:
    try:
        lockdown.lock_probe(policy)
        os.write(channel, b"locks=in force\n")
    except OSError as error:
        os.write(channel, f"locks={error}\n".encode())
        return
    os.write(channel, _kernel_facts(policy).encode())
    for name, act in _acts(policy, program).items():
        try:
            act()
            answer = PASSED
        except OSError as error:
            answer = errno.errorcode.get(error.errno or 0, str(error.errno))
        os.write(channel, f"{name}={answer}\n".encode())


def _kernel_facts(policy: Policy) -> str:
    """Lines for what /proc says of this process, and for the filter that a probe gets."""
    lines: list[str] = []
    with contextlib.suppress(OSError), open("/proc/self/status") as file:
        for line in file:
            name, _, text = line.partition(":")
            if name in _STATUS:
                lines.append(f"{_KERNEL}{name}={text.strip()}\n")
    if "seccomp" in policy.layers:
        code = lockdown.packed_probe_filter(lockdown.machine(), 0, lockdown.walled(policy))
        lines.append(f"{_KERNEL}filter={len(code) // 8} instructions, crc {zlib.crc32(code):08x}\n")
    return "".join(lines)


def _acts(policy: Policy, program: str) -> dict[str, Callable[[], object]]:
    folder = next((path for path in policy.roots[1:] if os.path.isdir(path)), policy.roots[0])
    return {
        "read a file outside": lambda: os.close(os.open(policy.canary, os.O_RDONLY)),
        "read the server's environment": lambda: os.close(os.open(f"/proc/{policy.server}/environ", os.O_RDONLY)),
        "change a file's permissions": lambda: (_chmod(policy.canary), _chmod(policy.temporary)),
        "write beside the packages": lambda: _write(os.path.join(folder, "kls-canary")),
        "open a network socket": lambda: _checked(_libc.socket(2, 1, 0)),
        "open a local socket": lambda: _checked(_libc.socket(1, 1, 0)),
        "signal the server": lambda: os.kill(policy.server, 0),
        "start a process": _fork,
        "execute a program": lambda: os.execve(program, [program, "-I", "-S", "-c", ""], {}),
    }


def _chmod(path: str) -> None:
    os.chmod(path, 0o777)


def _write(path: str) -> None:
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    with contextlib.suppress(OSError):
        os.unlink(path)


def _checked(value: int) -> None:
    if value < 0:
        raise OSError(ctypes.get_errno(), "refused")


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def tier(layers: tuple[str, ...], tested: Mapping[str, str]) -> str:
    """The tier that these layers and this self-test amount to, one of `policy.TIERS`."""
    names = {layer.partition("-")[0] for layer in layers}
    passed = {name for name, answer in tested.items() if answer == PASSED}
    if not {"seccomp", "privileges", "limits"} <= names or tested.get("locks") != "in force" or passed - set(READS):
        return "None"
    if passed or not names & {"landlock", "root"}:
        return "Weak"
    if {"landlock", "root"} <= names:
        return "Full"
    return "NoUserns" if "landlock" in names else "NoLandlock"


def lacking(layers: tuple[str, ...]) -> tuple[str, ...]:
    """Sentences for what is not in force, in words a user understands."""
    names = {layer.partition("-")[0] for layer in layers}
    if not names & {"landlock", "root"}:
        files = (
            "files are not walled off: the program can read every file that you can read, installed packages can "
            "also write, and dry runs have no temporary folder",
        )
    else:
        files = tuple(
            text
            for name, text in (
                ("landlock", "the kernel has no Landlock: files are walled off by the private file tree alone"),
                (
                    "root",
                    "no private file tree: the names, sizes and dates of files can be seen, and the temporary "
                    "folder is not bounded by the kernel",
                ),
            )
            if name not in names
        )
    sentences = {
        "seccomp": "the kernel cannot filter system calls",
        "limits": "no limits on memory and time",
        "privileges": "the kernel does not let a process forgo new privileges",
    }
    return files + tuple(text for name, text in sentences.items() if name not in names)
