"""Where the sandbox refuses every write (the tier "Weak"), AutoGraph's translations live in memory.

AutoGraph writes each translated function into a temporary file and imports it from there; without one it gives up with
a warning and a loop over a tensor then raises, which would be a false alarm. The files serve only to be imported and
to be read by `inspect`, which looks into `linecache` first.
"""

from __future__ import annotations

import itertools
import linecache
import os
import sys
import tempfile
import types
from typing import Any

from tensorflow.python.autograph.pyct import loader


def can_write() -> bool:
    """Whether this process has a temporary folder."""
    try:
        with tempfile.TemporaryFile():
            return True
    except OSError:
        return False


def install(author_file: Any) -> None:
    """Keep translations in memory if this process cannot write."""
    if can_write():
        return
    numbers = itertools.count()

    def load_source(source: str, delete_on_exit: bool) -> tuple[types.ModuleType, str]:
        name = f"__autograph_generated_file{next(numbers)}"
        path = os.path.join(tempfile.gettempdir(), name + ".py")
        linecache.cache[path] = (len(source), None, source.splitlines(keepends=True), path)
        module = types.ModuleType(name)
        module.__file__ = path
        sys.modules[name] = module
        exec(compile(source, path, "exec"), module.__dict__)
        return module, path

    loader.load_source = load_source
