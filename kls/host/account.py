"""An account of the sandbox around a worker, for `kls doctor` and `kls/status`: plain words first, then every fact."""

from __future__ import annotations

from typing import Any

from kls.host import Running
from kls.worker.sandbox.policy import PASSED, Grant

_TIERS = {
    "Full": "its own users, processes, network and file tree, rules on files, and a filter of system calls",
    "NoUserns": "rules on files and a filter of system calls; no private file tree",
    "NoLandlock": "its own users, processes, network and file tree, and a filter of system calls; no rules on files",
    "Seatbelt": "macOS's own walls around a process, by a profile that denies what it does not name; tried by kls, "
    "attacked by nobody",
    "AppContainer": "a container of Windows's without capabilities, in a job of one process; tried by kls, attacked by "
    "nobody",
    "Weak": "not walled off",
    "None": "no sandbox, so nothing is run",
}
_LANDLOCK = (
    (1, "reading, writing, listing and executing files"),
    (2, "moving files between folders"),
    (3, "emptying files"),
    (4, "TCP connections"),
    (5, "commands to devices"),
    (6, "signals and abstract sockets"),
    (9, "sockets in the file tree"),
    (10, "UDP"),
)
_WALLS = ("root", "seatbelt", "appcontainer")
"""Layers that wall files off, beside Landlock."""
_NAMESPACES = ("users", "processes", "network", "ipc", "hostname", "cgroups", "root")


def account(grant: Grant) -> dict[str, Any]:
    """Everything the sandbox is and has shown, as JSON; `summary` says it in a sentence."""
    given = grant.policy
    abi = next((int(layer[9:]) for layer in grant.layers if layer.startswith("landlock-")), 0)
    return {
        "tier": grant.tier,
        "summary": summary(grant),
        "means": _TIERS.get(grant.tier, grant.tier),
        "layers": list(grant.layers),
        "missing": list(grant.missing),
        "tested": grant.tested,
        "passed": _passed(grant),
        "kernel": grant.kernel,
        "landlock": {"version": abi, "covers": [text for since, text in _LANDLOCK if abi >= since]},
        "namespaces": {name: name in grant.layers for name in _NAMESPACES},
        "readable": list(given.roots),
        "workspace": {"folders": list(given.workspace), "readable": "the modules and data files that a program names"},
        "writable": {
            "folder": given.temporary if _walled(grant) else None,
            "bytes": given.temporary_bytes,
            "files": given.temporary_files,
        },
        "network": "none",
        "limits": {
            "processor_seconds": given.cpu_seconds,
            "heap_bytes": given.data_bytes,
            "address_bytes": given.address_bytes,
            "file_bytes": given.file_bytes,
            "open_files": given.open_files,
            "threads": given.threads,
        },
        "set_up_seconds": round(grant.seconds, 3),
    }


def processes(running: Running, now: float) -> dict[str, Any]:
    """The worker's processes at `now`, in seconds since 1970, as JSON; counts are 0 where the system does not tell."""
    return {
        "number": running.number,
        "kind": running.kind,
        "age_seconds": round(max(0.0, now - running.started), 1),
        "processes": running.use.processes,
        "threads": running.use.threads,
        "memory_bytes": running.use.memory,
    }


def summary(grant: Grant) -> str:
    """What a program can and cannot do under `grant`, in a sentence."""
    passed = _passed(grant)
    if grant.tier == "None":
        why = f": the self-test could {', '.join(passed)}" if passed else ""
        return f"There is no sandbox here{why}, so programs are only read."
    if grant.tier == "Weak":
        if "job" in grant.layers:
            return "Programs start no process and write nothing, but could read every file that you can, and send it."
        return "Programs have no network, start no process and write nothing, but could read every file that you can."
    project = "" if grant.tier == "AppContainer" else " and the files of their project that they name"
    return (
        f"Programs have no network, start no process, read only Python's packages{project}, and write only into a"
        f" private folder of {grant.policy.temporary_bytes >> 20} MB."
    )


def _passed(grant: Grant) -> list[str]:
    """Forbidden acts that were not refused."""
    return sorted(name for name, answer in grant.tested.items() if answer == PASSED)


def _walled(grant: Grant) -> bool:
    return any(layer in _WALLS or layer.startswith("landlock-") for layer in grant.layers)
