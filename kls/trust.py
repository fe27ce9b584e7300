"""What the user has agreed to; kept in the user's own configuration, never in a project.

A trusted folder is one whose programs kls may dry-run in its sandbox, with the folder's own environment. The nearest
remembered folder above a file decides. Apart from folders the user may agree, once for a kind of system, to dry runs
of trusted folders in a sandbox of the tier "Weak".
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import platformdirs

QUESTION = (
    "Do you trust the programs in {folder}? kls finds shapes by running them, without computing anything,"
    " in a sandbox without network and without write access, with your own TensorFlow."
    " In an untrusted folder it only reads them."
)
WEAK_QUESTION = (
    "kls cannot wall off the programs that it dry-runs on this system: {missing}. Dry-run the programs of the folders"
    " that you trust all the same? Otherwise kls only reads them."
)
_WEAK = {
    "win32": "new processes and writing are refused, but a program could read every file that you can read, and send"
    " what is in it over the network"
}
WEAK = _WEAK.get(
    sys.platform,
    "network, new processes and writing are refused, but a program could read every file that you can read, and say"
    " what is in it in a message",
)
"""What a sandbox of the tier "Weak" does and does not do on this kind of system at worst, in plain words."""


@dataclass(frozen=True)
class Answer:
    """What the user said about `folder`: `by` what (`kls trust`, or the question of an editor), and `when`, as text in
    universal time. Both are "" where that was not noted."""

    folder: str
    trusted: bool
    by: str
    when: str


def store() -> Path:
    """The file that remembers: JSON {"folders": {<absolute path>: true or false}, "weak": {<sys.platform>: true},
    "said": {<absolute path>: {"by": text, "when": text}}}."""
    return platformdirs.user_config_path("kls") / "trust.json"


def stamp() -> tuple[int, int, int]:
    """Something that differs whenever the file is another; zeros where there is none."""
    try:
        facts = store().stat()
    except OSError:
        return 0, 0, 0
    return facts.st_mtime_ns, facts.st_ino, facts.st_size


def recall(folder: str) -> bool | None:
    """What the user said about `folder` or the nearest folder above it; None where they were never asked."""
    found = answer(folder)
    return None if found is None else found.trusted


def answer(folder: str) -> Answer | None:
    """As `recall`, with who said it and when."""
    known = folders()
    here = Path(os.path.realpath(folder))
    place = next((str(place) for place in (here, *here.parents) if str(place) in known), None)
    if place is None:
        return None
    said = _said().get(place, {})
    return Answer(place, known[place], said.get("by", ""), said.get("when", ""))


def remember(folder: str, trusted: bool, by: str = "") -> None:
    """Keep the answer for `folder` and what lies below it. Raises OSError where it cannot be written."""
    place = os.path.realpath(folder)
    when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    _keep(folders() | {place: trusted}, _table("weak"), _said() | {place: {"by": by, "when": when}})


def weak_agreed() -> bool | None:
    """Whether the user agreed to dry runs in a weak sandbox on this kind of system; None where never asked."""
    return _table("weak").get(sys.platform)


def agree_weak(agreed: bool) -> None:
    """Keep the answer for this kind of system. Raises OSError where it cannot be written."""
    _keep(folders(), _table("weak") | {sys.platform: agreed}, _said())


def folders() -> dict[str, bool]:
    """Every folder with an answer of its own, by real path."""
    return _table("folders")


def _keep(known: dict[str, bool], weak: dict[str, bool], said: dict[str, dict[str, str]]) -> None:
    file = store()
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix="trust", suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump({"folders": known, "weak": weak, "said": said}, stream, indent=1, sort_keys=True)
        os.replace(name, file)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def _table(name: str) -> dict[str, bool]:
    return {key: item for key, item in _read(name).items() if isinstance(item, bool)}


def _said() -> dict[str, dict[str, str]]:
    return {
        place: {str(key): str(text) for key, text in cast("dict[Any, Any]", item).items()}
        for place, item in _read("said").items()
        if isinstance(item, dict)
    }


def _read(name: str) -> dict[str, Any]:
    try:
        value: Any = json.loads(store().read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    table: Any = cast("dict[str, Any]", value).get(name) if isinstance(value, dict) else None
    return cast("dict[str, Any]", table) if isinstance(table, dict) else {}
