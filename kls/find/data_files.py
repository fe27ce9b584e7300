"""The data files of the workspace that a program speaks of, and the folder that it speaks of them from: a dry run may
read these and no others."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence

SUFFIXES = (
    ".csv .tsv .txt .tab .dat .data .json .jsonl .yaml .yml .toml .ini .cfg .conf .npy .npz .h5 .hdf5 .keras .parquet "
    ".xlsx .xls .names .vocab .tsf .arff"
).split()
"""How the names of files end that hold tables, arrays, settings or the configuration of a model."""
MOST_FILES = 64
MOST_ENTRIES = 5_000
"""Files and folders that are looked at in a workspace, at most."""
_NEVER = frozenset(("node_modules", "site-packages", "dist-packages", "__pycache__"))
_NAME = re.compile(r"""([^\s"'/\\{}<>|*?:]+)(?=["'])""")
"""The end of a text in quotes, after its last slash."""
_PATH = re.compile(r"""["']([^\s"'\\{}<>|*?:]+)["']""")


def data_files(texts: Iterable[str], roots: Sequence[str], first: str = "") -> tuple[str, ...]:
    """Absolute paths of data files in the folders `roots` whose names stand in quotes in one of `texts`.

    Only the last part of a path counts, so that `os.path.join(folder, "train.csv")` finds its file; where several have
    that name, those below `first` come first. Hidden files and those that a link leads out of the folders are left out.
    At most MOST_FILES.
    """
    wanted = {name for text in texts for name in _NAME.findall(text) if name.lower().endswith(tuple(SUFFIXES))}
    if not wanted:
        return ()
    found: dict[str, None] = {}
    left = [MOST_ENTRIES]
    for root in (first, *roots):
        inside = [os.path.realpath(folder) + os.sep for folder in roots]
        if not root or not any((os.path.realpath(root) + os.sep).startswith(folder) for folder in inside):
            continue
        for path in _walk(root, left):
            real = os.path.realpath(path)
            if os.path.basename(path) in wanted and any(real.startswith(folder) for folder in inside):
                found[real] = None
    return tuple(found)[:MOST_FILES]


def working_folder(path: str, texts: Iterable[str], roots: Sequence[str], root: str) -> str:
    """The folder that the relative paths of the program at `path` start from: `root`, where programs are started, or
    its own. A notebook is started in its own; of another program, more of the paths in quotes lead to something there.
    """
    here = os.path.dirname(path)
    if not here or os.path.realpath(here) == os.path.realpath(root):
        return root
    if path.endswith(".ipynb"):
        return here
    named = {name for text in texts for name in _PATH.findall(text) if _is_relative(name)}
    inside = tuple(os.path.realpath(folder) + os.sep for folder in roots)

    def lead_somewhere(folder: str) -> int:
        places = (os.path.realpath(os.path.join(folder, name)) for name in named)
        return sum((place + os.sep).startswith(inside) and os.path.exists(place) for place in places)

    return here if lead_somewhere(here) > lead_somewhere(root) else root


def _is_relative(name: str) -> bool:
    return not os.path.isabs(name) and ("/" in name or name.lower().endswith(tuple(SUFFIXES)))


def _walk(root: str, left: list[int]) -> Iterator[str]:
    """The files below a folder, nearest first, while there are entries `left` to look at."""
    waiting = [root]
    while waiting and left[0] > 0:
        deeper: list[str] = []
        for folder in waiting:
            try:
                entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
            except OSError:
                continue
            for entry in entries[: max(left[0], 0)]:
                left[0] -= 1
                if entry.name.startswith(".") or entry.name in _NEVER:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    if not os.path.exists(os.path.join(entry.path, "pyvenv.cfg")):
                        deeper.append(entry.path)
                elif entry.is_file():
                    yield entry.path
        waiting = deeper
