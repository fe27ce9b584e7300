"""What the processes of a worker use up, where the kernel does not bound it for everyone (Linux).

The kernel limits a probe's memory, files and time. It does not limit root's threads, the sum over the processes that a
hostile package may fork in the zygote, or a temporary folder without a private file tree: those are watched here, and
whether somebody has stopped the zygote, which no deadline tells while newer questions keep coming.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

from kls.worker.sandbox.policy import Grant

BUSY_SECONDS = 0.1
"""Time between two looks at a worker that starts or has a question."""
IDLE_SECONDS = 2.0
"""Time between two looks at a worker that has nothing to do."""
MOST_PROCESSES = 64
"""Processes of one worker; a zygote, a probe, one that waits, and those being buried are a handful."""
SPARE_THREADS = 128
"""Threads allowed beside those of one probe."""
UNCOUNTED = -1
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


@dataclass(frozen=True)
class Use:
    """What a tree of processes uses; `memory` is in bytes that no file backs.

    `stopped`: one that has children is held by a signal. A dry run that stops itself has none, and runs out of time.
    """

    processes: int = 0
    threads: int = 0
    memory: int = 0
    stopped: bool = False


def use(root: int) -> Use:
    """What process `root` and everything below it uses now; zeros where the system does not tell."""
    processes = threads = memory = 0
    stopped = False
    rest = [root] if sys.platform == "linux" else []
    while rest and processes <= 4 * MOST_PROCESSES:
        process = rest.pop()
        try:
            with open(f"/proc/{process}/stat", "rb") as file:
                facts = file.read().rpartition(b")")[2].split()
            threads += int(facts[17])
            with open(f"/proc/{process}/statm", "rb") as file:
                fields = file.read().split()
            memory += max(0, int(fields[1]) - int(fields[2])) * _PAGE
            with open(f"/proc/{process}/task/{process}/children", "rb") as file:
                below = [int(number) for number in file.read().split()]
            rest += below
            stopped = stopped or (facts[0] == b"T" and bool(below))
        except (OSError, ValueError, IndexError):
            continue
        processes += 1
    return Use(processes, threads, memory, stopped)


def folder_use(folder: str, most: int) -> tuple[int, int]:
    """(bytes on the disk, files and folders) in `folder`; counting ends after `most` of them.

    UNCOUNTED for the second when one cannot be looked into, because it is closed or too deep for a path.
    """
    size = files = 0
    rest = [folder]
    while rest and files <= most:
        try:
            with os.scandir(rest.pop()) as entries:
                for entry in entries:
                    files += 1
                    facts = entry.stat(follow_symlinks=False)
                    size += getattr(facts, "st_blocks", 0) * 512
                    if entry.is_dir(follow_symlinks=False):
                        rest.append(entry.path)
                    if files > most:
                        break
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            return size, UNCOUNTED
    return size, files


def excess(root: int, grant: Grant) -> str | None:
    """What the worker under process `root` uses too much of, or why else it is of no use, in words that follow "it";
    None where all is well."""
    given, now = grant.policy, use(root)
    most_threads = given.threads + SPARE_THREADS
    most_memory = 2 * given.data_bytes + given.address_bytes
    if now.stopped:
        return "was stopped by a signal"
    if now.processes > MOST_PROCESSES:
        return f"started more than {MOST_PROCESSES} processes"
    if now.threads > most_threads:
        return f"started more than {most_threads} threads"
    if now.memory > most_memory:
        return f"used more than {most_memory >> 30} GB of memory"
    if "root" in grant.layers:
        return None
    size, files = folder_use(given.temporary, given.temporary_files)
    if size > given.temporary_bytes:
        return f"wrote more than {given.temporary_bytes >> 20} MB into its temporary folder"
    if files == UNCOUNTED:
        return "made a temporary folder that cannot be looked into"
    if files > given.temporary_files:
        return f"made more than {given.temporary_files} files in its temporary folder"
    return None
