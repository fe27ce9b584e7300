"""`kls server`: the language server, on the standard streams."""

from __future__ import annotations

import os
import select
import sys
import threading

_LOOK_MILLISECONDS = 200


def run() -> int:
    """Serve one editor until it leaves and answer the exit status."""
    loaded = threading.Event()
    if sys.platform == "linux" and hasattr(os, "pidfd_open"):
        threading.Thread(target=_end_with_the_parent, args=(loaded,), daemon=True).start()
    from kls import server

    loaded.set()
    return server.main()


def _end_with_the_parent(loaded: threading.Event) -> None:
    """End this process when the one that started it dies and closes the input, while the server's imports are not done.

    They take half a second, on a busy machine many, and only then somebody reads. An input that has ended alone may
    hold a whole session to be read; a parent that has ended alone may have handed its pipe on.
    """
    parent = os.getppid()
    try:
        descriptor = os.pidfd_open(parent)
    except OSError:
        return
    try:
        ends, inputs = select.poll(), select.poll()
        ends.register(descriptor, select.POLLIN)
        inputs.register(0, 0)
        while not loaded.is_set():
            if ends.poll(_LOOK_MILLISECONDS):
                if inputs.poll(0) and not loaded.is_set():
                    os._exit(1)
                return
    finally:
        os.close(descriptor)
