"""What a probe may reach of the file tree, by kind of system: the one list that the rules of every system are made of.

Nothing but names of files is looked at. Standard library alone, Python 3.9 on.
"""

from __future__ import annotations

import os
import sys
from typing import NamedTuple

from .policy import Policy

SYSTEM: dict[str, tuple[str, ...]] = {
    "linux": (
        "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share/zoneinfo",
        "/etc/ld.so.cache", "/etc/localtime", "/etc/timezone", "/sys/devices/system/cpu",
        "/nix/store", "/gnu/store",
    ),
    "darwin": (
        "/usr/lib", "/System/Library", "/System/Cryptexes/OS", "/System/Volumes/Preboot/Cryptexes/OS",
        "/private/var/db/dyld", "/usr/share/zoneinfo", "/usr/share/zoneinfo.default", "/private/var/db/timezone",
        "/private/etc/localtime", "/usr/share/locale", "/nix/store",
    ),
    "win32": (os.environ.get("SYSTEMROOT", "C:\\Windows"),),
}  # fmt: skip
"""What every program of a system may read, beside the interpreter. Windows itself lets every container read it."""
DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")


class Reach(NamedTuple):
    """`folders` (or single files) are read with all that is in them, `files` are read, the folders in and below
    `listed` may be listed, and `writable` alone may be written in."""

    folders: tuple[str, ...]
    files: tuple[str, ...]
    listed: tuple[str, ...]
    writable: str


def reach(policy: Policy, system: str = sys.platform) -> Reach:
    """What `policy` grants on a kind of system, by its `sys.platform`."""
    folders = (*SYSTEM.get(system, ()), *policy.roots)
    devices = () if system == "win32" else DEVICES
    return Reach(folders, (*devices, *visible(policy)), policy.workspace, policy.temporary)


def visible(policy: Policy) -> tuple[str, ...]:
    """The files of `policy.readable`, links followed, without those that are or lie in something hidden.

    Hidden means a name that begins with a dot, below the workspace or, for a file elsewhere, anywhere in the path.
    """
    found: list[str] = []
    for path in policy.readable:
        real = os.path.realpath(path)
        folders = (os.path.realpath(folder) for folder in policy.workspace)
        inside = next((folder for folder in folders if real.startswith(folder + os.sep)), "")
        if not any(part.startswith(".") for part in real[len(inside) :].split(os.sep)):
            found.append(real)
    return tuple(found)
