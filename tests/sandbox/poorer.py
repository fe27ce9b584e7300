"""Starts a program under a kernel that refuses some calls:

    python -I poorer.py ERRNO CALL,CALL… PROGRAM ARGUMENTS…

The call "filters" stands for the installing of further system-call filters.
"""

from __future__ import annotations

import importlib
import os
import sys
import types
from pathlib import Path

SANDBOX = Path(__file__).resolve().parents[2] / "kls" / "worker" / "sandbox"


def main(refused: int, calls: list[str], command: list[str]) -> None:
    package = types.ModuleType("_poorer_sandbox")
    package.__path__ = [str(SANDBOX)]
    sys.modules["_poorer_sandbox"] = package
    lockdown = importlib.import_module("_poorer_sandbox.lockdown")
    machine, answer = lockdown.machine(), 0x50000 | refused
    known = lockdown.numbers(lockdown._FATAL + lockdown._ZYGOTE + lockdown._CHECKED, machine)
    answers = {known[name]: lockdown._ret(answer) for name in calls if name != "filters"}
    allow = lockdown._ret(lockdown.ALLOW)
    if "filters" in calls:
        installs = (lockdown._argument(0), (lockdown._EQUAL, 0, 1, 22), *lockdown._ret(answer), *allow)
        answers[known["prctl"]] = installs
    if os.getuid():
        lockdown.forgo_privileges()
    else:
        lockdown._prctl(38, 1)
    lockdown.install(lockdown.packed(lockdown._program(machine, answers, allow)))
    os.execv(command[0], command)


main(int(sys.argv[1]), sys.argv[2].split(","), sys.argv[3:])
