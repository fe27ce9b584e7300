"""One worker process: started, listened to, killed with all its children, and never believed.

What it says is decoded here; a line that is not a message of the protocol ends the process, and only that.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable

from kls.host import watch
from kls.host.command import NoSandbox, Prepared, Start, prepare
from kls.worker.protocol import MAX_FRAME, Hello, Message, ProtocolError, decode, encode
from kls.worker.sandbox import policy

NOISE_BYTES = 4096
"""How much of the end of a worker's stderr is kept."""
PATIENCE_SECONDS = 0.3
"""How long a process that closed its output may take to end by itself."""
BURIAL_SECONDS = 5.0
"""How long the kernel may take to end a process that was killed."""

LAUNCHER_REFUSALS = (77, 78, 126)
"""Exit codes of `kls.worker.sandbox.launch` when it did not start the interpreter."""


class Process:
    """A worker process. `on_message` and `on_end` are called in the event loop, `on_end` exactly once.

    Make it in a thread that lives as long as the server: Linux kills the worker when the thread that made it ends.
    """

    def __init__(
        self,
        start: Start,
        on_message: Callable[[Process, Message], None],
        on_end: Callable[[Process, str], None],
        on_drained: Callable[[Process], None],
    ) -> None:
        self.hello: Hello | None = None
        self.started = time.time()
        """When it was started, in seconds since 1970."""
        self.sent = 0
        """Number of the last probe it was given."""
        self.answered = 0
        """Number of the last probe it answered."""
        self.halfway = 0
        """Number of the last probe of which it told what was found so far."""
        self.unfit = False
        """Whether another start would end the same way."""
        self.ended = False
        self.code: int | None = None
        """The exit code when it ended by itself, negative for a signal."""
        self._start = start
        self._on_message = on_message
        self._on_end = on_end
        self._on_drained = on_drained
        self._noise = b""
        self._process: asyncio.subprocess.Process | None = None
        self._prepared: Prepared | None = None
        self._draining: asyncio.Task[None] | None = None
        self._doomed = asyncio.Event()
        self._asked = asyncio.Event()
        self._life = asyncio.get_running_loop().create_task(self._live())

    @property
    def number(self) -> int | None:
        """Its process number, that of the launcher where there is one; None before it runs."""
        return self._process.pid if self._process is not None else None

    @property
    def readable(self) -> tuple[str, ...]:
        """The files of the workspace that it was let read at its start."""
        return self._start.readable

    @property
    def writing(self) -> bool:
        """Whether the last message has not left this process yet."""
        return self._draining is not None and not self._draining.done()

    @property
    def busy(self) -> bool:
        """Whether it was given a probe that it has not answered."""
        return self.answered < self.sent

    @property
    def buried(self) -> bool:
        """Whether nothing of it is left."""
        return self._life.done()

    def grant(self) -> policy.Grant | None:
        """What the sandbox around this process achieved."""
        return self._prepared.grant() if self._prepared is not None else None

    def send(self, message: Message) -> None:
        """Give it a message; `on_drained` tells when the next may follow."""
        process = self._process
        if process is None or process.stdin is None or self.ended:
            return
        process.stdin.write(encode(message))
        self._asked.set()
        self._draining = asyncio.get_running_loop().create_task(self._drain(process.stdin))

    def kill(self, why: str) -> None:
        """End it and its children now; `on_end` is called with `why` before this returns."""
        self._signal()
        self._finish(why)
        self._doomed.set()

    async def gone(self) -> None:
        """Wait until nothing of it is left."""
        await asyncio.wait([self._life])

    def last_words(self) -> str:
        """The last line of its stderr that says something."""
        lines = [line.strip() for line in self._noise.decode(errors="replace").splitlines()]
        said = [line for line in lines if line]
        return "".join(char if char.isprintable() else " " for char in said[-1])[:500] if said else ""

    async def _drain(self, stream: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            await stream.drain()
        self._draining = None
        if not self.ended:
            self._on_drained(self)

    async def _live(self) -> None:
        why = "kls itself failed while it listened"
        try:
            self._prepared = prepare(self._start)
            process = self._process = await self._spawn(self._prepared)
            if self.ended:
                self._signal()
            why = await self._attend(process)
        except asyncio.CancelledError:
            self.ended = True  # the event loop is being closed, and nobody is there to hear of it or to start another
            raise
        except NoSandbox as error:
            self.unfit = True
            why = str(error)
        except OSError as error:
            self.unfit = True
            why = f"{self._start.interpreter} cannot be started: {error.strerror or error}"
        finally:
            self._signal()
            self._finish(why)
            if self._process is not None:
                # A pipe that somebody else holds open would be closed after the event loop, with a traceback.
                self._process._transport.close()  # pyright: ignore
            if self._prepared is not None:
                self._prepared.discard()

    async def _spawn(self, prepared: Prepared) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *prepared.command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=MAX_FRAME,
            env=dict(prepared.environment),
            cwd=prepared.start_in,
            # The launcher makes a session of its own.
            start_new_session=not self._start.sandbox and os.name == "posix",
        )

    async def _attend(self, process: asyncio.subprocess.Process) -> str:
        """Listen until the process ends or was killed, and bury it: why it ended."""
        assert process.stdout is not None and process.stderr is not None
        loop = asyncio.get_running_loop()
        listening = loop.create_task(self._listen(process.stderr))
        reading = loop.create_task(self._read(process.stdout))
        watching = loop.create_task(self._watch(process.pid))
        doomed = loop.create_task(self._doomed.wait())
        await asyncio.wait([reading, doomed], return_when=asyncio.FIRST_COMPLETED)
        why = reading.result() if reading.done() else ""
        if not why and not self.ended:
            self.code = await _exit_code(process, PATIENCE_SECONDS)
        self._signal()
        await _exit_code(process, BURIAL_SECONDS)
        await asyncio.wait([listening], timeout=PATIENCE_SECONDS)
        for task in (reading, doomed, listening, watching):
            task.cancel()
        self.unfit = self._start.sandbox and self.hello is None and self.code in LAUNCHER_REFUSALS
        return why or (self.last_words() if self.unfit else self._manner())

    async def _watch(self, process: int) -> None:
        """Kill it when its processes use more than the kernel is asked to allow one of them."""
        grant = None
        while not self.ended:
            self._asked.clear()
            if self.hello is not None and not self.busy:
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._asked.wait(), watch.IDLE_SECONDS)
            else:
                await asyncio.sleep(watch.BUSY_SECONDS)
            grant = grant or self.grant()
            too_much = await asyncio.to_thread(watch.excess, process, grant) if grant is not None else None
            if too_much is not None and not self.ended:
                self.kill(f"it {too_much}")

    async def _read(self, stream: asyncio.StreamReader) -> str:
        """Hand on its messages until its output ends; a word when that is because of what it said."""
        while True:
            try:
                line = await stream.readuntil(b"\n")
            except asyncio.IncompleteReadError:
                return ""
            except asyncio.LimitOverrunError:
                return f"it sent a line of more than {MAX_FRAME >> 20} MB"
            if self.ended:
                return "it was no longer needed"
            try:
                message = decode(line)
            except ProtocolError as error:
                return f"it sent what is not the protocol: {error}"
            self._on_message(self, message)

    async def _listen(self, stream: asyncio.StreamReader) -> None:
        while piece := await stream.read(1 << 16):
            self._noise = (self._noise + piece)[-NOISE_BYTES:]

    def _manner(self) -> str:
        words = self.last_words()
        said = f": {words}" if words else ""
        if self.code is None:
            return f"it closed its output{said}"
        if self.code < 0:
            name = signal.Signals(-self.code).name if -self.code in set(signal.Signals) else str(-self.code)
            return f"it was killed by {name}{said}"
        return f"it ended with exit code {self.code}{said}"

    def _signal(self) -> None:
        process = self._process
        if process is None:
            return
        if os.name != "posix":
            if process.returncode is None:
                with contextlib.suppress(OSError):
                    process.kill()
            return
        # The number of a group stays taken as long as a process of it lives, so this finds ours or nobody. `Popen.kill`
        # would look for the exit code as well, and take it from the one that asyncio has waiting for it.
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        if process.returncode is None:
            with contextlib.suppress(OSError):
                os.kill(process.pid, signal.SIGKILL)

    def _finish(self, why: str) -> None:
        if not self.ended:
            self.ended = True
            self._on_end(self, why)


async def _exit_code(process: asyncio.subprocess.Process, limit: float) -> int | None:
    """The exit code once there is one; None after `limit` seconds.

    `Process.wait` of some Python versions waits for the pipes to close as well, which a stranger may hold open.
    """
    clock = asyncio.get_running_loop().time
    until = clock() + limit
    while process.returncode is None and clock() < until:
        await asyncio.sleep(0.005)
    return process.returncode
