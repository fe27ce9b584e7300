"""What happens inside the process of one dry run: lock it down, run, hand in one frame; and how its death is told."""

from __future__ import annotations

import importlib
import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from typing import NoReturn, Optional

if sys.platform != "win32":
    import fcntl

from . import progress
from .libraries import Lock, thread_count
from .protocol import MAX_FRAME, Probe, Report, decode, encode

Job = Callable[[int], None]
"""What a child does with the descriptor it may write to."""
REPORT = 3
"""The descriptor of the report in a child."""
SO_FAR = b" "
"""What stands in front of a frame after which a dry run goes on; to JSON it is nothing."""
_write, _exit, _monotonic = os.write, os._exit, time.monotonic


def in_child(orders: int, send: int, folder: str, lock: Lock) -> NoReturn:
    """Wait in a forked child for the probe on `orders` and do it; its one frame goes to `send`.

    `folder` is the child's own temporary folder.
    """
    try:
        orders = fcntl.fcntl(orders, fcntl.F_DUPFD, REPORT + 1)
        _plug(send)
        os.environ.update(TMPDIR=folder, HOME=folder)
        tempfile.tempdir = folder
        with os.fdopen(orders, "rb") as stream:
            probe = decode(stream.readline())
        if isinstance(probe, Probe):
            _send(answer(probe, lock, keep=(0, 1, 2, REPORT), between=_send))
    finally:
        _exit(0)


def answer(probe: Probe, lock: Lock, keep: tuple[int, ...], between: Optional[Callable[[bytes], None]] = None) -> bytes:
    """The frame that answers `probe`, made in this very process, which is good for nothing else afterwards.

    `between` is given frames of what was found so far, each behind `SO_FAR`, in case this process dies.
    """
    started = _monotonic()
    so_far = Report(id=probe.id, complete=False, ended=None, seconds=0.0)

    def broken(ended: str) -> bytes:
        return encode(replace(so_far, ended=ended, seconds=_monotonic() - started, goes_on=False))

    def tell(found: Report) -> None:
        nonlocal so_far
        frame = encode(found)
        if len(frame) <= MAX_FRAME:
            so_far = found
            if between is not None:
                between(SO_FAR + frame)

    try:
        lock.probe(
            keep,
            (*(source.path for source in probe.sources), *probe.readable),
            probe.root,
            probe.seconds,
            probe.step_bytes,
        )
    except OSError as error:
        return broken(f"the sandbox could not be put in force, so nothing was run: {error}")
    try:
        from .dryrun import run

        frame = encode(run(probe, tell))
    except MemoryError:
        return broken(f"memory ran out {where(probe)}")
    except SystemExit:
        return broken(f"the program ended itself {where(probe)}")
    except BaseException as error:
        return broken(f"kls itself failed {where(probe)}: {_tell(error)}")
    if len(frame) > MAX_FRAME:
        return broken("the dry run found more than can be told")
    return frame


def try_import(name: str, send: int, lock: Lock) -> None:
    """Import a library in a forked child and say "1" when the process has one thread afterwards."""
    _plug(send)
    lock.probe((0, 1, 2, REPORT), (), "", 10.0)
    importlib.import_module(name)
    _write(REPORT, b"1" if thread_count() == 1 else b"0")
    _exit(0)


def how_it_ended(probe: Probe, status: Optional[int]) -> str:
    """A sentence for a child that handed in no report: its wait status, or None when its time was over."""
    place = where(probe)
    if status is None:
        return f"stopped after {probe.seconds:g} s {place}"
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number == signal.SIGKILL:
            return f"killed {place} (out of memory or of processor time, or by somebody else)"
        if number == signal.SIGSYS:
            return f"killed by the sandbox {place} for asking the system for what a dry run may not have"
        if number == getattr(signal, "SIGXCPU", None):
            return f"used up its processor time {place}"
        return f"crashed {place} ({signal.Signals(number).name}: a fault in a native library, or the memory limit)"
    return f"the program ended the process {place} (exit code {os.WEXITSTATUS(status)})"


def where(probe: Probe) -> str:
    """Where in the entry the dry run was, in words: `at line 3: while True: pass`."""
    line = progress.get()
    lines = re.split(r"\r\n|\r|\n", probe.sources[0].text) if probe.sources else []
    if not 1 <= line <= len(lines):
        return "before its first line"
    text = " ".join(lines[line - 1].split())
    return f"at line {line}: {text if len(text) <= 80 else text[:79] + '…'}"


def _plug(send: int) -> None:
    """Descriptors 0, 1 and 2 lead nowhere, `REPORT` is `send`."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    if send != REPORT:
        os.dup2(send, REPORT)


def _send(frame: bytes) -> None:
    view = memoryview(frame)
    while view:
        view = view[_write(REPORT, view) :]


def _tell(error: BaseException) -> str:
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    place = ""
    if traceback is not None:
        place = f" ({os.path.basename(traceback.tb_frame.f_code.co_filename)}:{traceback.tb_lineno})"
    text = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {text[0][:300]}{place}"
