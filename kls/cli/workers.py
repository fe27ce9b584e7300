"""The workers of one command. It is imported before the rest of kls, so that a worker starts while that is imported.

Who types the command agrees to a dry run of these files, and of the programs of their project that call them where
they do not call themselves; a folder that the user has refused to trust is only read.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from kls import settings, trust
from kls.cli import files
from kls.settings import Settings
from kls.workplace import Status, Workplace, Workplaces

SECONDS = 30.0
"""Wall time for one dry run: longer than an editor's, since nobody is typing."""
_SPEAKS_OF_KERAS = (b"keras", b"tensorflow")


@dataclass(frozen=True)
class Run:
    """What one command is about: `files` are pairs (path as given, why it cannot be checked or None), `folder` is where
    their programs are started in."""

    files: tuple[tuple[str, str | None], ...]
    folder: str
    places: Workplaces


@asynccontextmanager
async def begun(paths: Sequence[str], python: str | None, static: bool) -> AsyncGenerator[Run]:
    """The run of a command for `paths`; the worker for its first program about Keras is starting."""
    chosen = tuple(files.expand(paths))
    names = [name for name, problem in chosen if problem is None]
    async with workplaces() as places:
        run = Run(chosen, _home(names), places)
        first = None if static else next(filter(speaks_of_keras, names), None)
        if first is not None:
            wishes, _ = settings_for(os.path.dirname(os.path.abspath(first)), python)
            await _place(places, wishes, run.folder, wait=False)
        yield run


def speaks_of_keras(path: str) -> bool:
    """Whether a file's text names Keras or TensorFlow; False for one that cannot be read."""
    try:
        with open(path, "rb") as file:
            text = file.read()
    except OSError:
        return False
    return any(name in text for name in _SPEAKS_OF_KERAS)


@asynccontextmanager
async def workplaces() -> AsyncGenerator[Workplaces]:
    """The workers of one run, ended with it. On a terminal a line tells what is waited for."""
    places = Workplaces()
    shown = ""

    def tell(status: Status) -> None:
        nonlocal shown
        text = f"kls: {status.sentence}" if status.state == "starting" else ""
        if text != shown and sys.stderr.isatty():
            print("\r\x1b[K" + text, end="", file=sys.stderr, flush=True)
            shown = text

    places.on_change = tell
    try:
        yield places
    finally:
        await places.stop()


async def at_work(places: Workplaces, chosen: Settings, folder: str) -> tuple[Workplace, str | None]:
    """The interpreter for `folder`, its worker started, and why it may not run programs, if it may not."""
    workplace = await _place(places, chosen, folder, wait=True)
    if trust.recall(folder) is False:
        return workplace, f"{folder} is not trusted, so its programs are read but not run"
    return workplace, workplace.reason


async def _place(places: Workplaces, chosen: Settings, folder: str, wait: bool) -> Workplace:
    answer = trust.recall(folder)
    places.trusted = answer is True
    return await places.get(chosen, folder, trusted=answer is not False, wait=wait)


def settings_for(folder: str, python: str | None, static: bool = False) -> tuple[Settings, tuple[str, ...]]:
    """The command line's settings with the project's `[tool.kls]` laid over them, and what of it could not be used."""
    base = Settings(worker_timeout=SECONDS, worker_idle_shutdown=0.0)
    table, file, problems = settings.read_file(folder)
    chosen, more = settings.parse_file(table, base)
    if python is not None:
        chosen = replace(chosen, worker_interpreter=os.path.abspath(os.path.expanduser(python)))
    told = tuple(f"{file}: {problem}" for problem in (*problems, *more))
    return (replace(chosen, worker_mode="off") if static else chosen), told


def _home(names: Sequence[str]) -> str:
    """The folder that the programs are started in: this one, or what is common to files that lie elsewhere."""
    here = os.getcwd()
    folders = [os.path.dirname(os.path.abspath(name)) for name in names]
    if all(folder == here or folder.startswith(here.rstrip(os.sep) + os.sep) for folder in folders):
        return here
    try:
        return os.path.commonpath(folders)
    except ValueError:  # on several drives
        return folders[0]
