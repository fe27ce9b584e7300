"""An editor that types for ever: `python typing_editor.py FOLDER stand-in|real`, a script of its own.

Starts `kls server` in its working folder, types one edit after another into FOLDER/train.py, some of which never end,
and says on its output what it does: "typed N", and "answered N" when diagnostics that speak of edit N have come.
"""

from __future__ import annotations

import json
import os
import random
import select
import subprocess
import sys
import time
from typing import Any

_MODEL = "import keras\nif False:\n    model = keras.Sequential()\n"  # what makes it a program worth a dry run
SPIN = _MODEL + "while True:\n    pass\n"
TEXTS = {
    "stand-in": _MODEL + "failed = '{token}'\n",
    "real": "import keras\nx = keras.layers.Reshape(({token},))(keras.Input((4,)))\n",
}
PATIENCE = 3.0
"""Seconds after which the next edit is typed all the same."""


class Server:
    """The language server and the pipes to it."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "kls", "server"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._buffer = b""

    def send(self, method: str, params: Any, number: int | None = None) -> None:
        message = {"jsonrpc": "2.0", "method": method, "params": params}
        self.put(message if number is None else {**message, "id": number})

    def put(self, message: dict[str, Any]) -> None:
        body = json.dumps(message).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._process.stdin.flush()

    def receive(self, seconds: float) -> dict[str, Any] | None:
        """The next message, None after so long. The end of the server ends this process."""
        until = time.monotonic() + seconds
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        while (message := self._next()) is None:
            if not select.select([descriptor], [], [], max(0.0, until - time.monotonic()))[0]:
                return None
            piece = os.read(descriptor, 65536)
            if not piece:
                sys.exit(0)
            self._buffer += piece
        if "method" in message and "id" in message:
            self.put({"jsonrpc": "2.0", "id": message["id"], "result": None})
        return message

    def _next(self) -> dict[str, Any] | None:
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return None
        size = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length"))
        if len(rest) < size:
            return None
        self._buffer = rest[size:]
        return json.loads(rest[:size])


def say(line: str) -> None:
    os.write(1, line.encode() + b"\n")


def wait_for(server: Server, number: int, seconds: float) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        message = server.receive(left)
        if message is None or message.get("method") != "textDocument/publishDiagnostics":
            continue
        told = message["params"]
        if told.get("version") == number and str(1000 + number) in json.dumps(told["diagnostics"]):
            say(f"answered {number}")
            return


def main(folder: str, kind: str) -> None:
    uri = f"file://{folder}/train.py"
    server = Server()
    options = {"processId": os.getpid(), "rootUri": f"file://{folder}", "capabilities": {}}
    server.send("initialize", {**options, "initializationOptions": {"trusted": True}}, 1)
    while (message := server.receive(60.0)) is None or message.get("id") != 1:
        pass
    server.send("initialized", {})
    number = 1
    opened = {"uri": uri, "languageId": "python", "version": number, "text": "import keras\n"}
    server.send("textDocument/didOpen", {"textDocument": opened})
    while True:
        number += 1
        spins = random.random() < 0.3
        text = SPIN if spins else TEXTS[kind].format(token=1000 + number)
        say(f"typed {number}")
        document = {"textDocument": {"uri": uri, "version": number}, "contentChanges": [{"text": text}]}
        server.send("textDocument/didChange", document)
        wait_for(server, number, random.uniform(0.0, 0.6) if spins else PATIENCE)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
