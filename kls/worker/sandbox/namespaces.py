"""A private world for the worker: own users, processes, network and file tree, with the needed folders read-only.

Used by the launcher alone, in a process that gives up and says which step failed when the kernel refuses one.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat

from .lockdown import landlock_in_use
from .policy import Policy
from .reach import DEVICES, SYSTEM

_libc = ctypes.CDLL(None, use_errno=True)
_NEW = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000
"""CLONE_NEW: NS, CGROUP, UTS, IPC, USER, PID, NET (linux/sched.h)."""
_RDONLY, _NOSUID, _NODEV, _NOEXEC, _REMOUNT, _BIND, _REC, _PRIVATE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18
_KEPT = {
    "noexec": _NOEXEC,
    "nosuid": _NOSUID,
    "nodev": _NODEV,
    "noatime": 1024,
    "nodiratime": 2048,
    "relatime": 1 << 21,
}
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_MOST_PROCESSES = 512
LAYERS = ("users", "processes", "network", "ipc", "hostname", "cgroups", "root")
"""What `separate` and `furnish` put in force, by name."""


def separate() -> None:
    """Leave the system's namespaces; the next child is process 1 of a new world. Raises OSError with the step."""
    user, group = os.getuid(), os.getgid()
    if _libc.unshare(_NEW) < 0:
        _fail("unshare")
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def furnish(policy: Policy) -> None:
    """In process 1: replace the file tree by one that holds what `policy` names, read-only.

    Raises OSError with the step that failed; the process is of no more use then.
    """
    with contextlib.suppress(OSError), open("/proc/sys/kernel/pid_max", "w") as file:
        file.write(str(_MOST_PROCESSES))  # of this world alone, since Linux 6.14
    root = policy.temporary
    _mount("none", "/", "", _REC | _PRIVATE)
    _mount("tmpfs", root, "tmpfs", _NOSUID | _NODEV, "mode=755,size=4m,nr_inodes=8192")
    shared = policy.workspace if landlock_in_use(policy) else ()
    _bind_all(root, (*SYSTEM["linux"], *DEVICES, *policy.roots, *policy.readable, *shared))
    _make_readonly(root)
    private = root + policy.temporary
    os.makedirs(private, exist_ok=True)
    limits = f"mode=700,size={policy.temporary_bytes},nr_inodes={policy.temporary_files}"
    _mount("tmpfs", private, "tmpfs", _NOSUID | _NODEV | _NOEXEC, limits)
    os.makedirs(root + "/proc", exist_ok=True)
    for options in ("hidepid=2,subset=pid", "hidepid=2"):
        try:
            _mount("proc", root + "/proc", "proc", _RDONLY | _NOSUID | _NODEV | _NOEXEC, options)
            break
        except OSError:
            if options == "hidepid=2":
                raise
    os.chdir(root)
    if _libc.syscall(ctypes.c_long(_PIVOT_ROOT[os.uname().machine]), b".", b".") < 0:
        _fail("pivot_root")
    if _libc.umount2(b".", 2) < 0:
        _fail("umount2")
    os.chdir("/")
    _mount("none", "/", "", _REMOUNT | _BIND | _RDONLY | _NOSUID | _NODEV)
    _libc.sethostname(b"kls", ctypes.c_size_t(3))


def _fail(step: str) -> None:
    number = ctypes.get_errno()
    raise OSError(number, f"{step}: {os.strerror(number)}")


def _mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    words = (
        source.encode(),
        os.fsencode(target),
        kind.encode() or None,
        ctypes.c_ulong(flags),
        options.encode() or None,
    )
    if _libc.mount(*words) < 0:
        _fail(f"mount {kind or 'bind'} {target}")


def _bind_all(root: str, paths: tuple[str, ...]) -> None:
    bound: list[str] = []
    places = (_plant(root, path) for path in paths if os.path.exists(path))
    for place in sorted(set(places), key=len):
        if any(place == other or place.startswith(other + "/") for other in bound):
            continue
        target = root + place
        if stat.S_ISDIR(os.stat(place).st_mode):
            os.makedirs(target, exist_ok=True)
        else:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.close(os.open(target, os.O_CREAT | os.O_RDONLY, 0o600))
        if _libc.mount(os.fsencode(place), os.fsencode(target), None, ctypes.c_ulong(_BIND | _REC), None) < 0:
            _fail(f"bind {place}")
        bound.append(place)


def _plant(root: str, path: str) -> str:
    """Where `path` leads, after its symbolic links were made anew under `root`."""
    done, rest, links = "", [part for part in path.split("/") if part], 0
    while rest:
        part, rest = rest[0], rest[1:]
        if part == "..":
            done = os.path.dirname(done)
            continue
        if part == ".":
            continue
        here = f"{done}/{part}"
        if not os.path.islink(here):
            done = here
            continue
        links += 1
        if links > 40:
            raise OSError(40, f"too many links: {path}")
        target = os.readlink(here)
        os.makedirs(root + done, exist_ok=True)
        if not os.path.lexists(root + here):
            os.symlink(target, root + here)
        rest = [piece for piece in target.split("/") if piece] + rest
        if target.startswith("/"):
            done = ""
    return done or "/"


def _make_readonly(root: str) -> None:
    """Every mount under `root` loses writing, set-user-id and (outside /dev) devices; flags it has are kept."""
    with open("/proc/self/mountinfo") as file:
        lines = file.read().splitlines()
    for line in lines:
        fields = line.split(" ")
        place = fields[4].encode().decode("unicode_escape").encode("latin-1").decode("utf-8", "surrogateescape")
        if not place.startswith(root + "/"):
            continue
        kept = sum(_KEPT.get(word, 0) for word in fields[5].split(","))
        device = 0 if place[len(root) :] in DEVICES else _NODEV
        _mount("none", place, "", _REMOUNT | _BIND | _RDONLY | _NOSUID | device | kept)
