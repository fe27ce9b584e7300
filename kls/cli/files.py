"""Which files a command means, and the names it shows them by."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

SUFFIXES = (".py", ".ipynb")
_NEVER = ("__pycache__", "node_modules", "site-packages")
_ENVIRONMENT = ("pyvenv.cfg", "conda-meta")
"""What only the root of a virtual or conda environment has."""


def expand(paths: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """Each file that `paths` mean, once, as (path as the user would write it, why it cannot be checked or None).

    A file that is named is taken as it is; a folder gives its Python files and notebooks, without hidden ones and
    without installed environments.
    """
    seen: set[str] = set()
    for given in paths:
        if os.path.isdir(given):
            found = list(_walk(given))
            if not found:
                yield given, "there are no Python files or notebooks in this folder"
        else:
            found = [given]
        for path in found:
            real = os.path.realpath(path)
            if real not in seen:
                seen.add(real)
                yield path, None if os.path.exists(path) else "no such file"


def _walk(folder: str) -> Iterator[str]:
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".")
            and name not in _NEVER
            and not any(os.path.exists(os.path.join(here, name, mark)) for mark in _ENVIRONMENT)
        )
        for name in sorted(names):
            if name.endswith(SUFFIXES) and not name.startswith("."):
                yield os.path.normpath(os.path.join(here, name))


def shown(path: str, given: Mapping[str, str]) -> str:
    """How to write the absolute `path` to the user: as given (absolute path -> as given), else from here."""
    if path in given:
        return given[path]
    inside = Path(path).is_relative_to(Path.cwd())
    return os.path.relpath(path) if inside else path
