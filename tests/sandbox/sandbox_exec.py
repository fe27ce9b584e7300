"""Stands in for macOS's `sandbox-exec` on Linux: a profile's rules are really in force, by Landlock and a filter.

    sandbox_exec.py -p PROFILE COMMAND…

Reads the rules that `kls.worker.sandbox.seatbelt` writes, and a few that it must not write. What Linux's own programs
need of Linux's own files is granted beside.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
import types

SANDBOX = "@SANDBOX@"
CALLS = {
    "network*": "socket:41:198 socketpair:53:199",
    "process-fork": "fork:57 vfork:58",
    "file-write-mode": "chmod:90 fchmod:91:52 fchmodat:268:53 fchmodat2:452:452",
}
"""Calls that each operation consists of: refused where the profile does not allow it."""


def main(text: str, command: list[str]) -> None:
    assert text.startswith("(version 1)\n(deny default)\n")
    package = types.ModuleType("_stand_in")
    package.__path__ = [SANDBOX]
    sys.modules["_stand_in"] = package
    lockdown = importlib.import_module("_stand_in.lockdown")
    loader = importlib.import_module("_stand_in.trial").loader
    system = importlib.import_module("_stand_in.reach").SYSTEM["linux"]
    read, execute = lockdown._READ | lockdown._LIST, lockdown._EXECUTE
    meanings = {
        "file-read*": read,
        "file-write*": lockdown._FOLDER,
        "file-write-data": lockdown._WRITE,
        "process-exec": execute | lockdown._READ,
    }
    grants = [(path, read) for path in (*system, "/proc")]
    allowed: set[str] = set()
    for rule in rules(text):
        verb, *operations = rule.partition("(")[0].split()
        named = re.findall(r'\((?:literal|subpath) "((?:\\.|[^"\\])*)"', rule)
        if verb == "deny":
            continue
        if "(" not in rule:
            allowed.update(operations)
            named = ["/"]
        elif named == ["/"] and "literal" in rule:
            continue  # the root alone: Landlock would grant what is below it
        for path in (re.sub(r"\\(.)", r"\1", name) for name in named):
            rights = lockdown._LIST if "vnode-type DIRECTORY" in rule else 0
            for operation in operations:
                rights |= meanings.get(operation, 0)
            grants.append((path, rights))
            if "process-exec" in operations:
                grants.append((loader(os.path.realpath(path)) or path, execute | lockdown._READ))
    machine, own = lockdown.machine(), os.getpid()
    deny = lockdown._ret(lockdown.DENY)
    calls = {operation: lockdown.numbers(names, machine).values() for operation, names in CALLS.items()}
    refused = {number: deny for operation in set(CALLS) - allowed for number in calls[operation]}
    checked = lockdown.numbers(lockdown._CHECKED, machine)
    if "process-fork" not in allowed:
        refused[checked["clone"]] = lockdown._threads_only()
        refused[checked["clone3"]] = lockdown._ret(lockdown.ABSENT)
    if "signal" not in allowed:
        refused[checked["kill"]] = refused[checked["tgkill"]] = lockdown._one_of(0, (own,))
    lockdown.forgo_privileges()
    files_only = 3
    lockdown.landlock(min(lockdown.landlock_version(), files_only), grants)
    lockdown.install(lockdown.packed(lockdown._program(machine, refused, lockdown._ret(lockdown.ALLOW))))
    os.execv(command[0], command)


def rules(text: str) -> list[str]:
    """The inside of each pair of outermost brackets."""
    found, depth, begin, quoted, escaped = [], 0, 0, False, False
    for place, char in enumerate(text):
        if escaped or (quoted and char == "\\"):
            escaped = not escaped
        elif char == '"':
            quoted = not quoted
        elif not quoted and char == "(":
            begin, depth = (place + 1 if depth == 0 else begin), depth + 1
        elif not quoted and char == ")":
            depth -= 1
            if depth == 0:
                found.append(text[begin:place])
    return found


assert sys.argv[1] == "-p"
main(sys.argv[2], sys.argv[3:])
