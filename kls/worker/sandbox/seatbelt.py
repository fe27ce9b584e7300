"""macOS: the profile for `sandbox-exec` that says what a worker may do, made from the policy; and its limits.

Everything that is not named here is denied by the kernel: the network, other programs, forking, signals to others,
services of the system (no `mach-lookup` at all), devices, files. A program that is executed instead of the interpreter
(itself again, say) stays inside. Nobody has run this on macOS yet: whether it holds there, and whether TensorFlow works
in it, is found out by trying at each start (`elsewhere.py`), and what does not hold does not count.

The profile is text and made anywhere, so that it is tested anywhere. Standard library alone, Python 3.9 on.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable, Sequence

from .policy import Policy
from .reach import reach

PROGRAM = "/usr/bin/sandbox-exec"
LAYERS = ("seatbelt", "limits", "session")
_OPEN_BY_DEFAULT = ("file-map-executable", "process-info*", "nvram*", "iokit-get-properties")
"""Operations that `(deny default)` leaves open."""
_SYSCTL_PREFIXES = ("hw.", "machdep.cpu.")
_SYSCTLS = (
    "kern.argmax", "kern.hostname", "kern.maxfilesperproc", "kern.osproductversion", "kern.osrelease", "kern.ostype",
    "kern.osversion", "kern.usrstack64", "kern.version", "sysctl.proc_translated", "vm.loadavg",
)  # fmt: skip
"""Facts about machine and system; none about other processes (`kern.proc…`)."""
_START_SECONDS = 60
"""Processor time beside that of a dry run: importing TensorFlow."""
_RESIDENT = 2 << 30
"""Memory beside that of a dry run: what TensorFlow itself takes, with a margin."""


def profile(policy: Policy, programs: Iterable[str]) -> str:
    """The profile, one rule a line. `programs` may be executed, by this process in its own place.

    Raises ValueError for a path that has a control character.
    """
    given = reach(policy, "darwin")
    folders, files = _both(given.folders), _both(given.files)
    writable, listed = _both((given.writable,)), _both(given.listed)
    executed = _both(programs)
    above = sorted({parent for path in (*folders, *files, *writable, *listed, *executed) for parent in _above(path)})
    lines = ["(version 1)", "(deny default)"]
    lines += [f"(deny {operation})" for operation in _OPEN_BY_DEFAULT]
    lines += [
        _allow("process-exec", _each("literal", executed)),
        "(allow process-info* (target self))",
        "(allow signal (target self))",
        _allow("sysctl-read", [*_each("sysctl-name-prefix", _SYSCTL_PREFIXES), *_each("sysctl-name", _SYSCTLS)]),
        _allow("file-read-metadata", _each("literal", above)),
        '(allow file-read* (literal "/"))',
        _allow("file-read* file-map-executable", [*_each("subpath", folders), *_each("literal", executed)]),
        _allow("file-read*", [*_each("literal", files), *_each("subpath", writable)]),
        '(allow file-write-data (literal "/dev/null"))',
        _allow("file-write*", _each("subpath", writable)),
    ]
    if listed:
        lines.append(_allow("file-read-metadata", _each("subpath", listed)))
        lines += [
            f"(allow file-read-data (require-all (vnode-type DIRECTORY) {rule}))" for rule in _each("subpath", listed)
        ]
    return "\n".join(lines) + "\n"


def programs(executable: str) -> tuple[str, ...]:
    """The files that a start of the Python at `executable` executes: a Python of a framework executes an app."""
    real = os.path.realpath(executable)
    app = os.path.join(os.path.dirname(os.path.dirname(real)), "Resources/Python.app/Contents/MacOS/Python")
    return tuple(dict.fromkeys((executable, real, *((app,) if os.path.exists(app) else ()))))


def arguments(text: str, command: Sequence[str]) -> list[str]:
    """The command that executes `command` inside the profile `text`."""
    return [PROGRAM, "-p", text, *command]


def limits(policy: Policy) -> list[tuple[str, int]]:
    """(name of a `resource.RLIMIT_…`, value) for the whole life of a worker, which does one dry run.

    macOS does not obey limits on addresses or data: memory is watched (`resident`).
    """
    return [
        ("CORE", 0),
        ("CPU", policy.cpu_seconds + _START_SECONDS),
        ("FSIZE", policy.file_bytes),
        ("NOFILE", 4 * policy.open_files),
    ]


def most_resident(policy: Policy) -> int:
    """Bytes of memory at which a worker is ended."""
    return policy.data_bytes + _RESIDENT


class TaskInfo(ctypes.Structure):
    """`struct proc_taskinfo` of sys/proc_info.h."""

    _fields_ = (
        *((name, ctypes.c_uint64) for name in ("virtual_size", "resident_size", "total_user", "total_system")),
        *((name, ctypes.c_uint64) for name in ("threads_user", "threads_system")),
        *((f"counted_{number}", ctypes.c_int32) for number in range(12)),
    )


def resident(process: int) -> int:
    """Bytes of memory that a process holds; 0 where the system does not tell."""
    try:
        library, task_info = ctypes.CDLL("/usr/lib/libproc.dylib"), 4
    except OSError:
        return 0
    info = TaskInfo()
    size = library.proc_pidinfo(process, task_info, ctypes.c_uint64(0), ctypes.byref(info), ctypes.sizeof(info))
    return int(info.resident_size) if size == ctypes.sizeof(info) else 0


def _allow(operations: str, rules: list[str]) -> str:
    return f"(allow {operations}\n  " + "\n  ".join(rules) + ")"


def _each(kind: str, texts: Iterable[str]) -> list[str]:
    return [f"({kind} {_quoted(text)})" for text in texts]


def _quoted(text: str) -> str:
    if any(ord(char) < 32 or ord(char) == 127 for char in text):
        raise ValueError(f"a path with a control character: {text!r}")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _both(paths: Iterable[str]) -> tuple[str, ...]:
    """The paths as given and, because the kernel asks for those, with links followed."""
    return tuple(dict.fromkeys(place for path in paths for place in (path, os.path.realpath(path))))


def _above(path: str) -> list[str]:
    """All folders above `path`: whoever follows a path looks at each of them."""
    found: list[str] = []
    while os.path.dirname(path) != path:
        path = os.path.dirname(path)
        found.append(path)
    return found
