"""Removes a folder that hostile code has filled: however deep it is, whatever its permissions, through no link.

`shutil.rmtree` recurses and holds a descriptor a level, so that a few hundred folders in each other stop it. Standard
library alone, Python 3.9 on.
"""

from __future__ import annotations

import contextlib
import os
from typing import NamedTuple, Optional

_OPEN = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_BY_DESCRIPTOR = {os.open, os.unlink, os.rmdir, os.chmod} <= os.supports_dir_fd and os.scandir in os.supports_fd


class _Level(NamedTuple):
    """A folder on the way down: which one it is, its name in the one above, and which folders in it are to be done."""

    identity: tuple[int, int]
    name: str
    rest: list[str]


def remove(folder: str) -> bool:
    """Remove `folder` with all that is in it; False when something is left.

    Nothing may run any more that could change it meanwhile; where a folder was moved all the same, the rest is left.
    """
    if _BY_DESCRIPTOR:
        with contextlib.suppress(OSError):
            _empty(_opened(folder, None))
            os.rmdir(folder)
    else:
        import shutil  # the launcher never comes here, and it takes ten milliseconds

        with contextlib.suppress(RecursionError):
            shutil.rmtree(folder, ignore_errors=True)
    return not os.path.lexists(folder)


def _empty(here: int) -> None:
    """Remove what can be removed of the contents of the folder that `here` is open on, and close it."""
    levels = [_Level(_identity(here), "", _files_gone(here))]
    try:
        while True:
            if levels[-1].rest:
                name = levels[-1].rest.pop()
                with contextlib.suppress(OSError):
                    below = _opened(name, here)
                    os.close(here)
                    here = below
                    levels.append(_Level(_identity(here), name, _files_gone(here)))
                continue
            done = levels.pop()
            if not levels:
                return
            above = os.open("..", _OPEN, dir_fd=here)
            os.close(here)
            here = above
            if _identity(here) != levels[-1].identity:
                return
            with contextlib.suppress(OSError):
                os.rmdir(done.name, dir_fd=here)
    finally:
        os.close(here)


def _opened(name: str, within: Optional[int]) -> int:
    """The folder `name`, which its owner may have closed to himself, opened for reading and writing."""
    try:
        opened = os.open(name, _OPEN, dir_fd=within)
    except PermissionError:
        os.chmod(name, 0o700, dir_fd=within)
        opened = os.open(name, _OPEN, dir_fd=within)
    if os.fstat(opened).st_mode & 0o700 != 0o700:
        with contextlib.suppress(OSError):
            os.fchmod(opened, 0o700)
    return opened


def _files_gone(here: int) -> list[str]:
    """The folders in `here`, in which all else that can be removed is removed."""
    with os.scandir(here) as entries:
        found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_folder in found:
        if not is_folder:
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=here)
    return [name for name, is_folder in found if is_folder]


def _identity(here: int) -> tuple[int, int]:
    facts = os.fstat(here)
    return facts.st_dev, facts.st_ino
