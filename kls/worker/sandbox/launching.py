"""What the launchers of all systems do alike. Standard library alone, Python 3.9 on."""

from __future__ import annotations

import contextlib
import os

from .policy import Policy


def plant(canary: str) -> None:
    """Make the file that the self-test tries to read and change; its permissions are not what stops its owner."""
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(canary, flags, 0o600)
    os.write(descriptor, b"kls canary\n")
    os.close(descriptor)


def store(given: Policy, grant: bytes) -> None:
    """Remove the canary, and write what was achieved to the server's file, all of it at once."""
    with contextlib.suppress(OSError):
        os.unlink(given.canary)
    if given.report:
        with open(given.report + ".new", "wb") as file:
            file.write(grant)
        os.replace(given.report + ".new", given.report)


def leave_wire() -> None:
    """Hold the wire no longer, so that the server sees it close when the interpreter ends."""
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.close(nothing)


def say(sentence: str) -> None:
    """Tell the server's log, if it is there to hear."""
    with contextlib.suppress(OSError):
        os.write(2, (sentence + "\n").encode())
