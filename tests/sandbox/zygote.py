"""A worker without TensorFlow: forks one process for each attack that it is told of, locked like a probe or not.

    python -I zygote.py FOLDER_OF_THE_SANDBOX MODULES_TO_IMPORT_FIRST…

Reads {"attack": name, "world": {...}, "lock": bool, "guard": JSON of a policy or "", "seconds": s} a line, answers
{"hit", "stopped", "died"} a line.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import types
from collections.abc import Callable

PACKAGE = "_tried_sandbox"


def resting(lock: Callable[[], object]) -> int:
    """A probe that rests as long as this process lives, once it has done `lock`: its process number."""
    locked, told = os.pipe()
    ends, held = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            os.close(held)
            lock()
            os.write(told, b".")
            os.read(ends, 1)
        finally:
            os._exit(0)
    os.read(locked, 1)
    for descriptor in (locked, told, ends):
        os.close(descriptor)
    return process


def main() -> None:
    package = types.ModuleType(PACKAGE)
    package.__path__ = [sys.argv[1]]
    sys.modules[PACKAGE] = package
    lockdown = importlib.import_module(PACKAGE + ".lockdown")
    guard = importlib.import_module(PACKAGE + ".guard")
    policies = importlib.import_module(PACKAGE + ".policy")
    grant = policies.received()
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    attacks = importlib.import_module("attacks")
    for name in sys.argv[2:]:
        importlib.import_module(name)
    policy = lockdown.lock_zygote(grant.policy) if grant else None
    sibling = resting(lambda: lockdown.lock_probe(policy._replace(seconds=3600.0)) if policy else None)
    wire_in, wire_out = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    for line in wire_in:
        asked = json.loads(line)
        reading, writing = os.pipe()
        process = os.fork()
        if process == 0:
            signal.alarm(int(asked["seconds"]) + 5)
            answer = {"hit": None, "stopped": "the lock"}
            try:
                if asked["lock"]:
                    wanted = {k: tuple(v) if isinstance(v, list) else v for k, v in asked["policy"].items()}
                    mine = policy._replace(seconds=asked["seconds"], **wanted)
                    lockdown.lock_probe(mine, keep=(2, writing))
                    if asked["guard"]:
                        guard.stand(mine)
                else:
                    os.set_inheritable(writing, False)
                    if asked["guard"]:
                        guard.stand(policies.policy_from_json(asked["guard"]))
                world = {**asked["world"], "locked": asked["lock"], "sibling": sibling}
                answer = attacks.outcome(asked["attack"], world)
            finally:
                os.write(writing, json.dumps(answer).encode())
                os._exit(0)
        os.close(writing)
        with open(reading) as pipe:
            text = pipe.read()
        status = os.waitpid(process, 0)[1]
        died = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else None
        answer = {"hit": None, "stopped": None, **(json.loads(text) if text else {}), "died": died}
        wire_out.write(json.dumps(answer) + "\n")
        wire_out.flush()


if __name__ == "__main__":
    main()
