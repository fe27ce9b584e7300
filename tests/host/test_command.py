"""The folders of workers that nobody holds any more."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kls.host import command

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="marks are advisory locks")


@pytest.fixture
def make(tmp_path: Path) -> Callable[[str, float], Path]:
    def made(name: str, age: float) -> Path:
        folder = tmp_path / name
        (folder / "tmp").mkdir(parents=True)
        then = folder.stat().st_mtime - age
        os.utime(folder, (then, then))
        return folder

    return made


def test_abandoned_folders_are_removed_and_no_others(make: Callable[[str, float], Path], tmp_path: Path) -> None:
    import fcntl

    abandoned, young, held = make("kls-" + "a" * 16, 1000), make("kls-" + "b" * 16, 0), make("kls-" + "c" * 16, 1000)
    others = [make("kls-abc", 1000), make("other", 1000), make("kls-" + "d" * 16 + "-", 1000)]
    link = tmp_path / ("kls-" + "e" * 16)
    link.symlink_to(others[0])
    holder = os.open(held, os.O_RDONLY)
    fcntl.flock(holder, fcntl.LOCK_EX)
    try:
        command.clear_abandoned(str(tmp_path))
    finally:
        os.close(holder)
    assert not abandoned.exists()
    assert all((folder / "tmp").is_dir() for folder in (young, held, *others)) and link.is_symlink()
    command.clear_abandoned(str(tmp_path))
    assert not held.exists()


def test_on_windows_an_open_file_marks_a_folder(
    make: Callable[[str, float], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows removes no file that is open; a folder stands here for one, since Linux does."""
    abandoned, young, held = make("kls-" + "a" * 16, 1000), make("kls-" + "b" * 16, 0), make("kls-" + "c" * 16, 1000)
    for folder in (abandoned, young):
        (folder / "held").touch()
    (held / "held").mkdir()
    for folder, age in ((abandoned, 1000), (young, 0), (held, 1000)):
        then = folder.stat().st_mtime - age
        os.utime(folder, (then, then))
    monkeypatch.setattr("sys.platform", "win32")
    command.clear_abandoned(str(tmp_path))
    monkeypatch.undo()
    assert not abandoned.exists()
    assert (young / "tmp").is_dir() and (held / "tmp").is_dir()
