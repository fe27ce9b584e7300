"""The worker's main loop: say Hello, then one dry run after another, each in a process of its own.

Where forking is safe this process is a zygote: it has imported TensorFlow, never runs a line of the author's program,
and forks a child for each probe, ahead of time when nobody asks. It relays what the child writes without looking into
it, and outlives whatever the child does. Where forking is not safe (more than one thread, macOS, Windows) it does one
dry run itself and ends.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from typing import NoReturn, Optional

from . import libraries, probing, progress
from .bootstrap import die_with_parent
from .protocol import MAX_FRAME, Probe, Report, decode, encode
from .sandbox.removal import remove

GRACE_SECONDS = 0.5
"""How much longer than its own limit a dry run may take to hand in what it has."""
TICK_SECONDS = 0.25
"""How often to look whether a child is gone that left its pipe open in somebody's hands."""
_exit, _write_some = os._exit, os.write  # a dry run in this process changes those of `os`


@dataclass(frozen=True)
class Options:
    """What the server asks of a worker, beside the sandbox policy that the launcher hands on.

    `one_use` asks for one dry run in this very process. `sandbox` false allows dry runs without any sandbox. `site`
    lists folders of packages that isolated mode leaves out (the user's own). `backend` is the Keras backend that the
    user has configured, when it is not TensorFlow.
    """

    one_use: bool = False
    sandbox: bool = True
    site: tuple[str, ...] = ()
    backend: Optional[str] = None
    real: bool = False
    """For real steps: TensorFlow computes as it does for the author."""


def serve(wire_in: int, wire_out: int, options: Options) -> NoReturn:
    """Answer probes from `wire_in` on `wire_out` until Stop or the end of input; then end the process."""
    hello, lock = libraries.start(options.site, options.backend, options.sandbox, options.real)
    wire = Wire(wire_in, wire_out)
    wire.send(encode(hello))
    if hello.problem is not None:
        wire.receive()
        _exit(0)
    if options.one_use or not hasattr(os, "fork") or sys.platform == "darwin":
        _once(wire, lock)
    warmer = libraries.Warmer(options.site)
    graves: list[Grave] = []
    ready = _child(wire, lock) if libraries.thread_count() == 1 else None
    while True:
        line = wire.receive()
        message = decode(line)
        if not isinstance(message, Probe):
            _exit(0)
        if warmer.bring_postponed(message) and ready is not None:
            _discard(ready, lock)
            ready = None
        if ready is None and libraries.thread_count() > 1:
            _answer_here(wire, lock, message)
        child, ready = ready or _child(wire, lock), None
        progress.set(0)
        _supervise(wire, lock, message, child if child.give(line) else _another(wire, lock, child, line), graves)
        if _bury(wire, graves) and _warm(wire, lock, warmer, message) and libraries.thread_count() == 1:
            ready = _child(wire, lock)


class Wire:
    """The two descriptors towards the server; a line is a message. The end of either ends the process."""

    def __init__(self, wire_in: int, wire_out: int) -> None:
        self.descriptor = wire_in
        self._out = wire_out
        self._buffer = bytearray()

    def waiting(self) -> bool:
        """Whether a whole message has been read."""
        return b"\n" in self._buffer

    def fill(self) -> None:
        """Read what is there (blocks when nothing is)."""
        piece = os.read(self.descriptor, 1 << 20)
        if not piece or len(self._buffer) > 2 * MAX_FRAME:
            _exit(0)
        self._buffer += piece

    def receive(self) -> bytes:
        """The next message; older probes that wait behind it are passed over."""
        while not self.waiting():
            self.fill()
        lines = bytes(self._buffer).split(b"\n")
        self._buffer = bytearray(lines.pop())
        return lines[-1]

    def send(self, frame: bytes) -> None:
        """Write all of `frame`."""
        _write(self._out, frame)

    @property
    def descriptors(self) -> tuple[int, int]:
        """Both ends, to be kept open."""
        return self.descriptor, self._out


def _write(descriptor: int, frame: bytes) -> None:
    view = memoryview(frame)
    try:
        while view:
            view = view[_write_some(descriptor, view) :]
    except OSError:
        _exit(0)


@dataclass(frozen=True)
class Grave:
    """A child that was killed and not waited for yet, 0 for one that was, and its temporary folder."""

    pid: int
    folder: str


@dataclass(frozen=True)
class Child:
    """A forked process that waits for a probe on `orders` and will write its frame to `pipe`."""

    pid: int
    pipe: int
    orders: int
    folder: str

    def give(self, line: bytes) -> bool:
        """Have it do the probe in `line`; False when it is dead."""
        view = memoryview(line + b"\n")
        try:
            while view:
                view = view[_write_some(self.orders, view) :]
        except OSError:
            return False
        finally:
            os.close(self.orders)
        return True


def _child(wire: Wire, lock: libraries.Lock) -> Child:
    folder = tempfile.mkdtemp(prefix="probe-")
    read_orders, write_orders = os.pipe()

    def job(send: int) -> None:
        os.close(write_orders)
        probing.in_child(read_orders, send, folder, lock)

    pid, pipe = _fork(wire, job)
    os.close(read_orders)
    return Child(pid, pipe, write_orders, folder)


def _discard(child: Child, lock: libraries.Lock) -> None:
    """End a child that was forked too early."""
    os.close(child.orders)
    os.close(child.pipe)
    _reap(child.pid, lock, patient=False)
    remove(child.folder)


def _another(wire: Wire, lock: libraries.Lock, dead: Child, line: bytes) -> Child:
    """A child in the place of one that died while it waited, given the same probe."""
    os.close(dead.pipe)
    _reap(dead.pid, lock, patient=False)
    remove(dead.folder)
    child = _child(wire, lock)
    child.give(line)
    return child


def _supervise(wire: Wire, lock: libraries.Lock, probe: Probe, child: Child, graves: list[Grave]) -> None:
    """Send the frame of a child that does `probe`, or what it found so far and a Report of how it died; nothing when a
    newer message comes.

    Ending a process of this size takes longer than a small dry run, so that is left to `_bury`.
    """
    started = time.monotonic()
    deadline = started + probe.seconds + GRACE_SECONDS
    pid, pipe, folder = child.pid, child.pipe, child.folder
    frame, so_far = bytearray(), b""
    late = superseded = gone = False
    while not gone and b"\n" not in frame[-1:] and len(frame) <= MAX_FRAME:
        left = deadline - time.monotonic()
        late = left <= 0
        superseded = wire.waiting()
        if late or superseded:
            break
        ready, _, _ = select.select([pipe, wire.descriptor], [], [], min(left, TICK_SECONDS))
        if wire.descriptor in ready:
            wire.fill()
        if pipe in ready:
            piece = os.read(pipe, 1 << 20)
            gone = not piece
            frame += piece
            so_far = _set_aside(frame) or so_far
        elif not ready:
            gone = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
            if gone:
                frame += what_is_left(pipe)
                so_far = _set_aside(frame) or so_far
    os.close(pipe)
    end = frame.find(b"\n") + 1
    whole = 0 < end <= MAX_FRAME
    if whole and not superseded:
        wire.send(bytes(frame[:end]))
    if gone and not end:
        status = _reap(pid, lock, patient=True)
        graves.append(Grave(0, folder))
    else:
        status = None
        with contextlib.suppress(OSError):
            lock.end(pid)
        graves.append(Grave(pid, folder))
    if not whole and not superseded:
        ended = probing.how_it_ended(probe, status)
        if len(frame) > MAX_FRAME:
            ended = "the dry run found more than can be told"
        wire.send(so_far)
        wire.send(encode(Report(id=probe.id, complete=False, ended=ended, seconds=time.monotonic() - started)))


def what_is_left(pipe: int) -> bytes:
    """What a child that has ended wrote since it was last listened to, which may be its whole answer.

    Waits for nothing: somebody else may hold the pipe open.
    """
    found = bytearray()
    while len(found) <= MAX_FRAME and select.select([pipe], [], [], 0)[0]:
        piece = os.read(pipe, 1 << 20)
        if not piece:
            break
        found += piece
    return bytes(found)


def _set_aside(frame: bytearray) -> bytes:
    """Take what was only found so far out of what a child wrote: the last whole frame of that kind, or nothing."""
    found = b""
    while frame.startswith(probing.SO_FAR) and (end := frame.find(b"\n") + 1):
        found = bytes(frame[len(probing.SO_FAR) : end])
        del frame[:end]
    return found if len(found) <= MAX_FRAME else b""


def _bury(wire: Wire, graves: list[Grave]) -> bool:
    """Wait for killed children and remove their folders; False when a message came before that was done.

    What a child left so that it cannot be removed from inside goes with this process, and a fresh one takes its place.
    """
    while graves:
        for grave in graves[:]:
            if not grave.pid or os.waitpid(grave.pid, os.WNOHANG)[0]:
                graves.remove(grave)
                if not remove(grave.folder):
                    _exit(0)
        if wire.waiting() or (graves and select.select([wire.descriptor], [], [], 0.01)[0]):
            return False
    return True


def _fork(wire: Wire, job: probing.Job) -> tuple[int, int]:
    """A child that does `job` with the writing end of a pipe and without the wire, and the reading end of the pipe."""
    receive, send = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            die_with_parent(parent)
            for descriptor in (receive, *wire.descriptors):
                os.close(descriptor)
            job(send)
        finally:
            _exit(1)
    os.close(send)
    return pid, receive


def _reap(pid: int, lock: libraries.Lock, patient: bool) -> int:
    """The wait status of a child, which is killed: at once, or when it has not ended in half a second by itself."""
    until = time.monotonic() + (0.5 if patient else 0.0)
    while time.monotonic() < until:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return status
        time.sleep(0.002)
    with contextlib.suppress(OSError):
        lock.end(pid)
    return os.waitpid(pid, 0)[1]


def _warm(wire: Wire, lock: libraries.Lock, warmer: libraries.Warmer, probe: Probe) -> bool:
    """Import installed libraries that the program uses, so that later probes find them there.

    A child tries each first: one that starts a thread stays out of the zygote. False when a message came before that
    was done.
    """
    for name in warmer.wanted(probe):
        if wire.waiting() or select.select([wire.descriptor], [], [], 0)[0]:
            return False
        pid, pipe = _fork(wire, lambda send, name=name: probing.try_import(name, send, lock))
        try:
            ready, _, _ = select.select([pipe, wire.descriptor], [], [], libraries.WARM_SECONDS)
            if wire.descriptor in ready:
                return False
            fit = pipe in ready and os.read(pipe, 1) == b"1"
        finally:
            os.close(pipe)
            _reap(pid, lock, patient=False)
        warmer.bring(name, fit)
    return True


def _once(wire: Wire, lock: libraries.Lock) -> NoReturn:
    """One dry run in this process, then the end of it."""
    if not lock.by_thread:
        _watch(wire)
    message = decode(wire.receive())
    if not isinstance(message, Probe):
        _exit(0)
    _answer_here(wire, lock, message)


def _watch(wire: Wire) -> None:
    """End this process when the server is gone, from the start of the dry run on.

    The system calls of a Linux sandbox are filtered by thread, so there is no such thread inside one; the kernel
    kills an orphan there.
    """
    readable, first = os.pipe()
    source = wire.descriptor

    def copy() -> None:
        while True:
            piece = os.read(source, 1 << 16)
            if not piece:
                _exit(0)
            _write(first, piece)

    wire.descriptor = readable
    threading.Thread(target=copy, daemon=True).start()


def _answer_here(wire: Wire, lock: libraries.Lock, probe: Probe) -> NoReturn:
    frame = probing.answer(probe, lock, keep=(0, 1, 2, *wire.descriptors))
    wire.send(frame)
    _exit(0)
