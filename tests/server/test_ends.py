"""A server that is asked to end ends, whatever its tasks are at."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

STUBBORN = """
import asyncio, signal, sys
from kls import server, session

# A shell that starts the tests in the background has what it starts ignore an interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

async def never():
    print("waiting", file=sys.stderr, flush=True)
    while True:
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            print("cancelled", file=sys.stderr, flush=True)

session.Session.watch_trust = lambda self: self._in_background(never())
sys.exit(server.main())
"""
"""A server with a task that is not to be cancelled."""


def framed(method: str, params: object, number: int | None = None) -> bytes:
    message = {"jsonrpc": "2.0", "method": method, "params": params, **({} if number is None else {"id": number})}
    body = json.dumps(message).encode()
    return b"Content-Length: %d\r\n\r\n" % len(body) + body


@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal")
@pytest.mark.parametrize("how", ["interrupt", "end of input"])
def test_a_task_that_cannot_be_cancelled_holds_nobody(how: str) -> None:
    command = [sys.executable, "-c", STUBBORN]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as process:
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        begin = {"processId": None, "rootUri": None, "capabilities": {}}
        process.stdin.write(framed("initialize", begin, 1) + framed("initialized", {}))
        process.stdin.flush()
        said = b""
        while said != b"waiting\n":
            said = process.stderr.readline()
            assert said, "the server ended"
        if how == "interrupt":
            process.send_signal(signal.SIGINT)
        else:
            process.stdin.close()
        assert b"cancelled" in process.stderr.read()
        assert process.wait(60) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="editors are not watched there")
def test_a_server_ends_with_its_editor_even_where_its_input_stays_open() -> None:
    editor = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    command = [sys.executable, "-m", "kls", "server"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(framed("initialize", {"processId": editor.pid, "rootUri": None, "capabilities": {}}, 1))
        process.stdin.flush()
        assert process.stdout.readline(), "the answer"
        editor.kill()
        editor.communicate()
        assert process.wait(60) == -signal.SIGTERM


STARTING = """
import sys, time
from kls.cli import serving

class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == "kls.server":
            print("loading", file=sys.stderr, flush=True)
            time.sleep(1000)

sys.meta_path.insert(0, Slow())
serving.run()
"""
"""A server that never comes to the end of its imports."""


@pytest.mark.skipif(sys.platform != "linux", reason="an end is told by the kernel on Linux alone")
def test_a_server_that_starts_ends_with_its_editor() -> None:
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):
        pytest.skip("the kernel does not tell of ends here")
    editor = "import subprocess, sys; subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE).wait()"
    command = [sys.executable, "-c", editor, sys.executable, "-c", STARTING]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == b"loading\n"
        process.kill()
        assert process.stderr.read() == b"", "the server holds it until it ends"
