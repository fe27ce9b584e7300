"""What a worker may use: one record that the server writes and the sandbox obeys.

Records here and in the launcher are named tuples, because every start of a worker would wait for `dataclasses`.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable
from typing import Any, NamedTuple, Optional, Union

TIERS = ("None", "Weak", "AppContainer", "Seatbelt", "NoLandlock", "NoUserns", "Full")
"""From the weakest to the strongest; `Grant.tier` and `Policy.weakest` are among them.

AppContainer is Windows's and Seatbelt macOS's, the others are Linux's; None and Weak are everybody's.
"""
WALLED = "AppContainer"
"""The weakest tier in which the programs of a trusted folder are run without a word."""
ATTACKED = "NoLandlock"
"""The weakest tier in which a command alone is taken as consent: the attack suite has been run against these."""
STANDING = ("seatbelt", "job")
"""Layers that stand around a worker from its start, so that a probe adds none from inside."""
PASSED = "passed"
"""The outcome in `Grant.tested` of a forbidden act that was not refused."""
HELD = "held"
"""A file in a worker's folder that the launcher of Windows holds open for as long as it lives."""
VARIABLE = "KLS_SANDBOX"
"""The environment variable in which the launcher hands a `Grant` to the author's interpreter."""
_PASSED_ON = ("LANG", "LC_ALL", "LC_CTYPE", "TZ")


class Policy(NamedTuple):
    """What the worker and its probes may read, write and use up.

    All paths are absolute. `executable` is the author's interpreter as it will be started (a virtual environment's
    link is fine); `roots` are the folders and files that hold it and its packages (see `interpreter_roots`).
    `workspace` lists folders of the author that a probe may be granted files of: a probe may list them and read
    the files named in `readable`, nothing else in them. `temporary` is an existing, empty, private folder, the only
    place that can be written. `report` is a file outside everything above into which the launcher writes the `Grant`
    before any of the author's files is executed; "" for none.

    With `folder` the launcher makes `temporary` in that folder, which nobody has made yet, and removes the folder when
    the server is gone first; a server that lives removes it itself.

    `weakest` is the lowest tier in which the author's interpreter is started at all.
    `without` switches layers off ("namespaces", "landlock", "seccomp", "limits") and `landlock_abi` caps the Landlock
    version: both exist to prove in tests what each layer stops.

    The fields after `landlock_abi` are filled in by the launcher and by `lock_zygote`, `server` by who starts it.
    """

    executable: str
    roots: tuple[str, ...]
    temporary: str
    workspace: tuple[str, ...] = ()
    readable: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    report: str = ""
    folder: str = ""
    weakest: str = WALLED
    seconds: float = 9.0
    """Wall time after which the kernel kills a probe, whatever it does."""
    cpu_seconds: int = 60
    """Processor time of all threads of a probe together; more for one whose own wall time is long."""
    data_bytes: int = 2 << 30
    """Heap that a probe may add to what the zygote has."""
    address_bytes: int = 4 << 30
    """Address space that a probe may add to what the zygote has."""
    file_bytes: int = 16 << 20
    open_files: int = 64
    threads: int = 128
    """Threads of a probe."""
    other_threads: int = 1024
    """Threads that the user's other programs may start meanwhile, where the kernel counts them together."""
    temporary_bytes: int = 64 << 20
    temporary_files: int = 4096
    without: tuple[str, ...] = ()
    landlock_abi: int = 99

    layers: tuple[str, ...] = ()
    """Layers that the launcher put in force around the zygote."""
    server: int = 0
    """Process number of the server that asked for the worker; 0 for the launcher's parent, whoever that is."""
    canary: str = ""
    """A file outside everything granted, which the self-test tries to read and to change."""
    zygote: int = 0
    base_data: int = 0
    base_address: int = 0
    base_threads: int = 0


class Grant(NamedTuple):
    """What the launcher achieved: the tier, the layers in force, what could not be had, and the self-test's outcome.

    `missing` holds sentences for a person. `tested` maps each forbidden act to PASSED or to how it was refused.
    `kernel` is what the kernel itself says of a process locked like a probe (fields of /proc/self/status), and the
    hash of its filter.
    """

    policy: Policy
    tier: str
    layers: tuple[str, ...]
    missing: tuple[str, ...]
    tested: dict[str, str]
    seconds: float
    kernel: dict[str, str]


def to_json(record: Union[Policy, Grant]) -> str:
    """A Policy or a Grant as one line of JSON."""
    fields = record._asdict()
    if isinstance(record, Grant):
        fields["policy"] = record.policy._asdict()
    return json.dumps(fields, separators=(",", ":"))


def policy_from_json(text: str) -> Policy:
    """The Policy that `to_json` wrote. Raises TypeError or ValueError for anything else."""
    return _policy(json.loads(text))


def grant_from_json(text: str) -> Grant:
    """The Grant that `to_json` wrote. Raises TypeError, KeyError or ValueError for anything else."""
    value = json.loads(text)
    return Grant(
        policy=_policy(value["policy"]),
        tier=str(value["tier"]),
        layers=tuple(value["layers"]),
        missing=tuple(value["missing"]),
        tested=dict(value["tested"]),
        seconds=float(value["seconds"]),
        kernel={str(name): str(text) for name, text in value["kernel"].items()},
    )


def received() -> Optional[Grant]:
    """The Grant under which this process was started, or None when no launcher started it."""
    text = os.environ.get(VARIABLE)
    return None if text is None else grant_from_json(text)


def _policy(value: dict[str, Any]) -> Policy:
    fields: dict[str, Any] = {}
    for name, item in value.items():
        fields[name] = tuple(str(text) for text in item) if isinstance(item, list) else item
    fields["environment"] = tuple((str(name), str(text)) for name, text in value.get("environment", ()))
    return Policy(**fields)


def interpreter_roots(executable: str) -> tuple[str, ...]:
    """The folders and files that the Python at `executable` needs, found by reading alone (nothing is run).

    Of the prefix and of the base prefix of a virtual environment that is: libraries and the interpreter itself, never
    the whole folder, because a prefix may be a home folder or a project. Packages outside them (editable installs,
    paths in .pth files) are left out.
    """
    if os.name == "nt":
        return windows_roots(executable)
    found: list[str] = []
    prefixes = [os.path.dirname(os.path.dirname(os.path.abspath(executable)))]
    home = venv_home(os.path.join(prefixes[0], "pyvenv.cfg"))
    if home:
        prefixes.append(os.path.dirname(home))
    real = os.path.realpath(executable)
    prefixes.append(os.path.dirname(os.path.dirname(real)))
    for prefix in prefixes:
        for name in ("lib", "lib64", "pyvenv.cfg"):
            found.append(os.path.join(prefix, name))
        if prefix == "/usr":
            found.append("/usr/local/lib")
        if ".framework/" in prefix:
            found += [os.path.join(prefix, name) for name in ("Python", "Python3", "Resources")]
    if "/Cellar/" in real:  # Homebrew keeps each library in a folder of its own
        found += [real.partition("/Cellar/")[0] + name for name in ("/Cellar", "/opt", "/lib")]
    found += [executable, real]
    name = os.path.basename(real)
    if name.startswith("python3.") and not home:
        found.append(os.path.expanduser(f"~/.local/lib/{name}/site-packages"))
    return tuple(dict.fromkeys(path for path in found if os.path.lexists(path)))


def windows_roots(executable: str) -> tuple[str, ...]:
    """The same for a python.exe, which lies in the prefix itself, or in the folder Scripts of a virtual environment."""
    folder = os.path.dirname(os.path.abspath(executable))
    own = os.path.dirname(folder) if os.path.basename(folder).lower() == "scripts" else folder
    found: list[str] = [executable]
    for prefix in dict.fromkeys((own, venv_home(os.path.join(own, "pyvenv.cfg")))):
        found += [os.path.join(prefix, name) for name in ("Lib", "DLLs", "Library", "pyvenv.cfg") if prefix]
        with contextlib.suppress(OSError):
            beside = sorted(os.listdir(prefix)) if prefix else []
            found += [os.path.join(prefix, name) for name in beside if name.lower().endswith((".dll", ".exe", ".zip"))]
    return tuple(dict.fromkeys(path for path in found if os.path.lexists(path)))


def environment(given: Policy, grant: str, kept: Iterable[str] = ()) -> dict[str, str]:
    """The whole environment of the author's interpreter; of the server's, only the language and `kept` pass."""
    return {
        **{name: os.environ[name] for name in (*_PASSED_ON, *kept) if name in os.environ},
        **dict.fromkeys(("HOME", "TMPDIR", "KERAS_HOME"), given.temporary),
        "PATH": "/usr/bin:/bin",
        "CUDA_VISIBLE_DEVICES": "-1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
        **dict(given.environment),
        VARIABLE: grant,
    }


def venv_home(configuration: str) -> str:
    """The folder of the base Python that a pyvenv.cfg names; "" where there is none."""
    try:
        with open(configuration, encoding="utf-8", errors="replace") as file:
            for line in file.read(65536).splitlines():
                name, _, value = line.partition("=")
                if name.strip().lower() == "home":
                    return value.strip().rstrip("/" + os.sep)
    except OSError:
        pass
    return ""
