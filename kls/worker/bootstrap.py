"""Start of a worker: `<the author's python> -I bootstrap.py <options as JSON>`; see `serve.Options` for the options.

Takes the wire away from file descriptors 0 and 1 before anything else is imported, so that no print, not even one of a
C library, can reach it; then loads the folder of this file as a package under a private name. `sys.path` stays as the
author's interpreter made it: a program that imports `protocol` or `kls` finds its own or none.
"""

from __future__ import annotations

import os
import sys

PACKAGE = "_kls_worker"
WATCH_SECONDS = 0.2
"""How often a worker looks for its parent where the kernel does not tell."""


def guard() -> tuple[int, int]:
    """The descriptors of the wire (in, out), moved to where nobody writes by habit; 0 is empty, 1 is stderr."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.setmode(0, os.O_BINARY)
        msvcrt.setmode(1, os.O_BINARY)
    wire = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return wire


def die_with_parent(parent: int = 0) -> None:
    """Have the kernel kill this process when the thread that started it ends (Linux); where the kernel has no such
    promise, a thread looks every fifth of a second whether the parent is there (macOS; on Windows the job ends).

    With the number of the parent it leaves at once when that is gone already.
    """
    if sys.platform == "linux":
        import ctypes
        import signal

        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL, 0, 0, 0)
        if parent and os.getppid() != parent:
            os._exit(1)
    elif os.name == "posix":
        leave_with(parent or os.getppid())


def leave_with(parent: int) -> None:
    """Have a thread end this process soon after another one has become its parent."""
    import threading
    import time

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(WATCH_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="kls watches its parent", daemon=True).start()


def load() -> None:
    """Make the folder of this file importable as `PACKAGE`."""
    import importlib.util

    folder = os.path.dirname(os.path.abspath(__file__))
    spec = importlib.util.spec_from_file_location(
        PACKAGE, os.path.join(folder, "__init__.py"), submodule_search_locations=[folder]
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = module
    spec.loader.exec_module(module)


def main() -> None:
    """Serve the wire until it ends; never returns."""
    wire_in, wire_out = guard()
    die_with_parent()
    load()
    import importlib
    import json

    serve = importlib.import_module(PACKAGE + ".serve")
    serve.serve(wire_in, wire_out, serve.Options(**json.loads(sys.argv[1])))


if __name__ == "__main__":
    main()
