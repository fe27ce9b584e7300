"""A server that is asked to end ends, whatever its tasks are at."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

STUBBORN = """
import asyncio, sys
from kls import server, session

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
