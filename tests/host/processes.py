"""What the kernel says about processes (Linux), for tests that ask whether anything was left behind."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path


def children(parent: int) -> list[int]:
    """All descendants of `parent`."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found, rest = [], [parent]
    while rest:
        more = parents.get(rest.pop(), [])
        found += more
        rest += more
    return found


def parent(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def running(process: int, text: str) -> bool:
    try:
        return text.encode() in Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return False


def busy(process: int) -> bool:
    """Whether it has used processor time for a tenth of a second or more."""
    try:
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11]) >= 10
    except OSError:
        return False


async def seconds_until_gone(processes: list[int], limit: float = 10.0) -> float:
    began = time.monotonic()
    while any(alive(process) for process in processes):
        assert time.monotonic() - began < limit, [process for process in processes if alive(process)]
        await asyncio.sleep(0.005)
    return time.monotonic() - began


def zygote() -> int:
    """The process that this one's host has the bootstrap running in, the oldest of its kind."""
    mine = [process for process in children(os.getpid()) if running(process, "bootstrap.py")]
    return min(process for process in mine if not running(process, "launch.py"))
