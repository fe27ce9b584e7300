"""The stub overlay that lets jedi see `tensorflow.keras`, which TensorFlow itself only makes at run time.

A folder `tensorflow-stubs` (PEP 561) says that `tensorflow.keras.<p>` is the public package `<p>` of the installed
Keras; where `import keras` finds its packages only at run time too, a `keras-stubs` does the same. Generated once for
each pair of versions from the file tree of the installed package, which is never imported.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator

from kls.find.installed import Installed

_FORMAT = "2"
"""Raised when the content of an overlay changes, so that an old one is not used."""


def overlay(installed: Installed, cache: str) -> str | None:
    """The folder to put first on jedi's path, generated if it is not there; None where no Keras is installed.

    Raises OSError where the cache cannot be written.
    """
    if not installed.folder:
        return None
    pair = f"{installed.tensorflow_version}|{installed.keras_version}|{installed.public}|{installed.folder}|{_FORMAT}"
    versions = f"tf{installed.tensorflow_version}-keras{installed.keras_version}"
    safe = "".join(char if char.isalnum() or char in ".-" else "_" for char in versions)
    final = os.path.join(cache, "overlay", f"{safe}-{hashlib.sha256(pair.encode()).hexdigest()[:12]}")
    if os.path.isdir(final):
        return final
    os.makedirs(os.path.dirname(final), exist_ok=True)
    draft = tempfile.mkdtemp(prefix=".new-", dir=os.path.dirname(final))
    try:
        stubs = os.path.join(draft, "tensorflow-stubs")
        _write(stubs, "from tensorflow import keras as keras\n")
        _mirror(installed, installed.public, os.path.join(stubs, "keras"))
        if installed.plain is not None:
            _mirror(installed, installed.plain, os.path.join(draft, "keras-stubs"))
        try:
            os.rename(draft, final)
        except OSError:
            if not os.path.isdir(final):  # else another server was faster, and wrote the same
                raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return final


def _mirror(installed: Installed, dotted: str, target: str) -> None:
    for package in _packages(installed.tree(dotted), top=True):
        folder = os.path.join(target, *package)
        _write(folder, f"from {'.'.join((dotted, *package))} import *\n")


def _packages(folder: str, top: bool = False) -> Iterator[tuple[str, ...]]:
    """Paths below `folder` of the public packages, itself first."""
    yield ()
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        hidden = entry.name.startswith((".", "__pycache__")) or (top and entry.name in ("src", "api", "_tf_keras"))
        if not hidden and entry.is_dir() and os.path.isfile(os.path.join(entry.path, "__init__.py")):
            for below in _packages(entry.path):
                yield (entry.name, *below)


def _write(folder: str, text: str) -> None:
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "__init__.pyi"), "w", encoding="utf-8") as file:
        file.write(text)
