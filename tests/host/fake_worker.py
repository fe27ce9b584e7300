"""A worker that misbehaves as the environment variable FAKE says; started by the host in place of the bootstrap."""

from __future__ import annotations

import json
import os
import sys
import time

HELLO = {
    "type": "Hello", "protocol": 1, "python": "3.11.0", "executable": sys.executable, "tensorflow": "2.99.0",
    "keras": "3.99.0", "backend": "tensorflow", "numpy": "2.0.0", "devices": ["CPU"], "sandbox": [], "missing": [],
    "pid": os.getpid(), "seconds": 0.0, "path": [], "problem": None,
}  # fmt: skip


def say(record: dict) -> None:
    os.write(1, json.dumps(record).encode() + b"\n")


def question() -> int:
    line = sys.stdin.readline()
    if not line:
        sys.exit(0)
    return json.loads(line)["id"]


def report(number: int, **more: object) -> None:
    say({"type": "Report", "id": number, "complete": True, "ended": None, "seconds": 0.0, **more})


def main(mode: str) -> None:
    if mode == "crash at start":
        os.write(2, b"Traceback\nImportError: libcublas is missing\n")
        sys.exit(3)
    if mode == "exit 0":
        sys.exit(0)
    if mode == "never ready":
        time.sleep(600)
    if mode == "slow hello":
        while not os.path.exists(os.environ["GATE"]):
            time.sleep(0.01)
    if mode == "leaves its pipes to another" and os.fork() == 0:
        os.setsid()
        while not os.path.exists(os.environ["GATE"]):
            time.sleep(0.01)
        os._exit(0)
    if mode == "noise":
        os.write(1, b"I0000 00:00:1700000000 oneDNN is on\n")
    if mode == "garbage":
        os.write(1, bytes(range(256)) + b"\n")
    if mode == "nested":
        os.write(1, b"[" * 100_000 + b"\n")
    if mode == "endless line":
        while True:
            os.write(1, b"x" * (1 << 20))
    if mode == "old protocol":
        HELLO["protocol"] = 0
    if mode == "no TensorFlow":
        HELLO["problem"] = "no TensorFlow in /x/python; install it with: /x/python -m pip install tensorflow"
    say(HELLO)
    if mode == "two hellos":
        say(HELLO)
    if mode == "flood":
        while True:
            report(999)
    served = 0
    while True:
        number = question()
        if mode == "crash in probe":
            os.abort()
        if mode == "hang":
            time.sleep(600)
        if mode in ("tells and hangs", "tells and dies", "tells and says nothing", "tells twice"):
            report(number, complete=False, statements=7, goes_on=True)
        if mode == "tells and hangs":
            time.sleep(600)
        if mode == "tells and dies":
            os.abort()
        if mode == "tells twice":
            report(number, complete=False, statements=8, goes_on=True)
        if mode == "tells and says nothing":
            report(number, complete=False, ended="stopped after 8 s")
            continue
        if mode == "garbage for an answer":
            os.write(1, b'{"type":"Report"}\n')
        if mode == "answers the future":
            report(number + 1)
        if mode == "crash once" and not os.path.exists(os.environ["GATE"]):
            open(os.environ["GATE"], "w").close()
            os.abort()
        served += 1
        report(number, statements=served)
        if mode == "one use":
            sys.exit(0)


main(os.environ["FAKE"])
