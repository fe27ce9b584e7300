"""`kls doctor`: which Python, TensorFlow, devices and sandbox kls uses here, and how long it takes."""

from __future__ import annotations

import os
import platform
import sys
import time
from dataclasses import asdict
from importlib import metadata
from typing import Any

from kls import __version__, documents, interpreter, plan, settings, trust
from kls.cli import records
from kls.cli.text import complain
from kls.cli.workers import at_work, settings_for, workplaces
from kls.settings import Settings
from kls.worker.protocol import Hello
from kls.workplace import Workplace

_LIBRARIES = ("pygls", "lsprotocol", "jedi", "parso", "platformdirs")
_NOTHING = "import keras\n"
_NETWORK = """\
import numpy as np
import keras
x, y = np.zeros((640, 28, 28, 1), "float32"), np.zeros(640, "int64")
model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Conv2D(32, 3), keras.layers.MaxPooling2D(),
                          keras.layers.Flatten(), keras.layers.Dense(10, "softmax")])
model.compile("adam", "sparse_categorical_crossentropy")
model.fit(x, y)
"""


async def run(folder: str, python: str | None, output: str) -> int:
    """Look, print, and answer the exit status: 2 where programs cannot be dry-run here."""
    folder = os.path.abspath(folder)
    chosen, unused = settings_for(folder, python)
    complain(unused)
    facts = _server(folder) | _author(folder, chosen) | {"trust": _trust(folder)}
    async with workplaces() as places:
        started = time.perf_counter()
        workplace, reason = await at_work(places, chosen, folder)
        if reason is None:
            await workplace.ready()
            reason = workplace.reason
        facts["worker"] = asdict(workplace.hello) if workplace.hello is not None else None
        facts["seconds"] = {"start": round(time.perf_counter() - started, 3)} if workplace.hello is not None else {}
        if reason is None:
            try:
                for name, program in (("empty dry run", _NOTHING), ("small network", _NETWORK)):
                    facts["seconds"][name] = await _timed(workplace, program)
            except Exception as error:
                reason = f"a dry run failed: {error}"
        facts |= {"walls": None, "process": None, "read": [], "tally": {}, **workplace.walls()}
        facts["problem"] = reason
        print(records.dump(facts) if output == "json" else _text(facts, workplace.hello))
    return 0 if reason is None else 2


async def _timed(workplace: Workplace, program: str) -> float:
    """Seconds for the second of two dry runs of `program`."""
    seconds = 0.0
    for number in range(2):
        snapshot = documents.file_snapshot("untitled:kls-doctor", number, program + f"# {number}\n", "")
        started = time.perf_counter()
        report = await workplace.ask(plan.plan(snapshot))
        seconds = time.perf_counter() - started
        if report.failures or not report.complete:
            reason = report.ended or report.failures[0].message
            raise RuntimeError(reason)
    return round(seconds, 4)


def _server(folder: str) -> dict[str, Any]:
    file = settings.read_file(folder)[1]
    return {
        "kls": __version__,
        "python": platform.python_version(),
        "executable": sys.executable,
        "platform": platform.platform(),
        "libraries": {name: metadata.version(name) for name in _LIBRARIES},
        "folder": folder,
        "settings": file or None,
    }


def _author(folder: str, chosen: Settings) -> dict[str, Any]:
    choice, _ = interpreter.find(folder, setting=chosen.worker_interpreter, project=chosen.project_python, trusted=True)
    if choice is None:
        return {"interpreter": None}
    return {"interpreter": {"path": choice.path, "origin": choice.origin, "in_workspace": choice.inside}}


def _trust(folder: str) -> dict[str, Any]:
    said = trust.answer(folder)
    return {
        "folder": None if said is None else said.trusted,
        "answer": None if said is None else asdict(said),
        "weak": trust.weak_agreed(),
        "file": str(trust.store()),
    }


def _walls(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """The sandbox, plain words first."""
    said = {True: "trusted", False: "not trusted: its programs are only read", None: "never asked about in an editor"}
    rows = [("trust", said[facts["trust"]["folder"]])]
    if answer := facts["trust"]["answer"]:
        rows.append(("", f"said of {answer['folder']} {_by(answer)}"))
    rows.append(("", f"answers are kept in {facts['trust']['file']}"))
    if facts["trust"]["weak"]:
        rows.append(("", "you agreed to dry runs of trusted folders in a weak sandbox"))
    walls = facts["walls"]
    if walls is None:
        return [*rows, ("sandbox", "none was set up")]
    rows += [("sandbox", walls["summary"]), ("", f"tier {walls['tier']}: {walls['means']}")]
    rows += [("missing", item) for item in walls["missing"]]
    refused = len(walls["tested"]) - len(walls["passed"])
    took = f"{walls['set_up_seconds'] * 1000:.0f} ms"
    rows.append(("self-test", f"{refused} of {len(walls['tested'])} held, in {took} with the setting up"))
    for name, answer in walls["tested"].items():
        how = answer if name == "locks" else "NOT REFUSED" if name in walls["passed"] else f"refused ({answer})"
        rows.append(("", f"{name}: {how}"))
    rows.append(("layers", ", ".join(walls["layers"])))
    landlock, limits = walls["landlock"], walls["limits"]
    if landlock["version"]:
        rows.append(("", f"Landlock {landlock['version']}: {', '.join(landlock['covers'])}"))
    rows.append(("kernel", ", ".join(f"{name} {text}" for name, text in walls["kernel"].items())))
    sizes = (("heap_bytes", "of heap"), ("address_bytes", "of addresses"), ("file_bytes", "a file"))
    allowed = [f"{limits[name] >> 20} MB {what}" for name, what in sizes]
    allowed += [f"{limits['processor_seconds']} s of processor time", f"{limits['threads']} threads"]
    rows.append(("limits", ", ".join([*allowed, f"{limits['open_files']} open files"])))
    rows += _running(facts)
    rows.append(("network", walls["network"]))
    rows += [("may read", path) for path in walls["readable"]]
    rows += [("", f"{path}: {walls['workspace']['readable']}") for path in walls["workspace"]["folders"]]
    rows += [("was read", path) for path in facts["read"]]
    if walls["writable"]["folder"]:
        rows.append(("may write", f"{walls['writable']['folder']}, {walls['writable']['bytes'] >> 20} MB"))
    return rows


def _by(answer: dict[str, Any]) -> str:
    return f"by {answer['by'] or 'nobody knows what'}, {answer['when'] or 'nobody knows when'}"


def _running(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """The worker's processes, and what its dry runs met."""
    rows: list[tuple[str, str]] = []
    if process := facts["process"]:
        rows.append(("process", f"{process['number']}, {process['kind']}, {process['age_seconds']:.0f} s old"))
    if process and process["processes"]:
        memory = f"{process['memory_bytes'] >> 20} MB of their own"
        rows.append(("", f"{process['processes']} processes, {process['threads']} threads, {memory}"))
    rows.append(("so far", ", ".join(f"{count} {what}" for what, count in facts["tally"].items()) or "nothing"))
    return rows


def _text(facts: dict[str, Any], hello: Hello | None) -> str:
    libraries = ", ".join(f"{name} {version}" for name, version in facts["libraries"].items())
    rows = [
        ("kls", f"{facts['kls']} in Python {facts['python']} ({facts['executable']})"),
        ("", libraries),
        ("system", facts["platform"]),
        ("settings", facts["settings"] or "no pyproject.toml at or above this folder"),
    ]
    author = facts["interpreter"]
    inside = ", inside the folder" if author and author["in_workspace"] else ""
    rows.append(("author's", f"{author['path']} ({author['origin']}{inside})" if author else "no Python found"))
    if hello is not None:
        versions = (("TensorFlow", hello.tensorflow), ("Keras", hello.keras), ("NumPy", hello.numpy))
        found = [f"Python {hello.python}", *(f"{name} {version}" for name, version in versions if version)]
        rows.append(("", ", ".join(found) + (f", backend {hello.backend}" if hello.backend else "")))
        rows.append(("devices", ", ".join(hello.devices) or "none seen"))
    rows += _walls(facts)
    timings = [f"{name} {seconds:.3f} s" for name, seconds in facts["seconds"].items()]
    if timings:
        rows.append(("timings", ", ".join(timings)))
    rows.append(("result", facts["problem"] or "programs can be dry-run here"))
    return "\n".join(f"{name:10}{text}" for name, text in rows)
