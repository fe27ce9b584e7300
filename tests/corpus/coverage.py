"""Holds the shapes that kls shows against those of a real run (`real`), program by program."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kls.worker.protocol import Gap, Report
from kls.worker.sandbox import policy

HERE = Path(__file__).resolve().parent
STAGED = HERE.parent / "faults" / "staged.py"
LAUNCHER = Path(policy.__file__).with_name("launch.py")
SECONDS = 40
"""CPU time of one real run."""

Shape = tuple[Any, ...] | None
Outputs = tuple[tuple[Shape, str | None], ...]
"""Shape and dtype of each tensor that one call of a layer gave."""


@dataclass(frozen=True)
class Truth:
    """What a real run told: layers as (line, class, what its calls gave), calls as (line, method, whether it ended
    well), the lines that failed with their exceptions, and how the run ended."""

    layers: tuple[tuple[int, str, tuple[Outputs, ...]], ...]
    calls: tuple[tuple[int, str, bool], ...]
    failures: tuple[tuple[int, str], ...]
    end: str
    seconds: float


@dataclass(frozen=True)
class Compared:
    """One program: how many layers a real run built and how many of them kls shows alike, the same for the calls that
    it reached; `missing` says of each other one (line, what, why)."""

    program: str
    layers: int
    alike: int
    calls: int
    traced: int
    missing: tuple[tuple[str, str, str], ...] = ()
    end: str = "done"


class Runner:
    """Runs programs for real, one after another, each in a process of its own.

    `sandbox`: behind the walls that kls has around its worker. Programs that others wrote are only run so. Raises
    OSError where there is no sandbox.
    """

    def __init__(self, python: str, sandbox: bool = True) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="kls-corpus-")
        temporary = os.path.join(os.path.realpath(self._folder.name), "tmp")
        os.mkdir(temporary)
        self._temporary = temporary
        command = [python, "-I", "-B", str(HERE / "real.py"), str(STAGED)]
        if sandbox:
            given = policy.Policy(
                executable=python,
                roots=(*policy.interpreter_roots(python), str(HERE), str(STAGED.parent)),
                temporary=temporary,
                report=os.path.join(self._folder.name, "grant.json"),
                data_bytes=12 << 30,
                address_bytes=64 << 30,
                temporary_bytes=1 << 30,
            )
            command = [sys.executable, "-I", "-S", str(LAUNCHER), policy.to_json(given), "--", *command]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self._asked = 0

    def __enter__(self) -> Runner:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the processes."""
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()

    def run(
        self,
        files: Mapping[str, str],
        data: Mapping[str, bytes] | None = None,
        seconds: int = SECONDS,
        package: str = "",
    ) -> Truth:
        """The real run of a program; `files` are its texts by name, the one that is run first, `data` what it reads,
        `package` what its relative imports start from."""
        self._asked += 1
        folder = os.path.join(self._temporary, f"run{self._asked}")
        content = {name: base64.b64encode(whole).decode() for name, whole in (data or {}).items()}
        question = {"files": dict(files), "data": content, "folder": folder, "seconds": seconds, "package": package}
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            raise OSError(f"programs cannot be run for real here: exit status {self._process.wait()}")
        told = json.loads(answer)
        return Truth(
            tuple(
                (item["line"], item["cls"], tuple(_outputs(one) for one in item["outputs"]))
                for item in told.get("layers", ())
            ),
            tuple((item["line"], item["method"], item["ended"] == "done") for item in told.get("calls", ())
                  if item["line"] is not None),
            tuple((item["line"], f"{item['exception']}: {item['message']}"[:300]) for item in told["failures"]),
            told["end"],
            told["seconds"],
        )  # fmt: skip


def _outputs(told: Sequence[Any]) -> Outputs:
    return tuple((None if shape is None else tuple(shape), dtype) for shape, dtype in told)


def compare(program: str, truth: Truth, report: Report, path: str) -> Compared:
    """How much of `truth` the dry run's `report` on the program at `path` shows.

    A layer is alike when kls has, for the same expression, a call that gave the same shapes and dtypes. The first axis
    is the batch and may be unknown on either side, as may be an axis in one where the other met a number by a trace.
    Layers that one expression makes alike count once. A call that really fails behind a failure that kls tells of does
    not count: its author gets there after the repair.
    """
    known: dict[tuple[int, str], list[Outputs]] = {}
    for layer in report.layers:
        if layer.created is not None and layer.created.path == path and layer.outputs:
            outputs = tuple((item.shape, item.dtype) for item in layer.outputs)
            known.setdefault((layer.created.line, layer.cls), []).append(outputs)
    made: dict[tuple[int, str], list[tuple[Outputs, ...]]] = {}
    for line, cls, outputs in truth.layers:
        if outputs:
            made.setdefault((line, cls), []).append(outputs)
    missing: list[tuple[str, str, str]] = []
    layers = alike = 0
    for (line, cls), objects in made.items():
        shown = known.get((line, cls), [])
        for outputs in dict.fromkeys(objects):
            layers += 1
            if any(same(one, other) for one in outputs for other in shown):
                alike += 1
            else:
                why = f"shown as {_words(shown[0])}" if shown else because(report, path, line)
                missing.append((str(line), f"{cls} {_words(outputs[0])}", why))
    calls = {(call.span.line, call.method): call for call in report.calls if call.span.path == path}
    reached = traced = 0
    for line, method, ended in dict.fromkeys(truth.calls):
        call = calls.get((line, method))
        if not ended and call is None and any(place.line < line for one in report.failures for place in one.frames[:1]):
            continue
        reached += 1
        if call is not None and (call.status == "traced" or (call.status == "failed" and not ended)):
            traced += 1
        else:
            why = because(report, path, line) if call is None else f"{call.status}: {call.reason}"
            missing.append((str(line), method, why))
    return Compared(program, layers, alike, reached, traced, tuple(missing), truth.end)


def same(one: Outputs, other: Outputs) -> bool:
    """Whether two calls gave the same, the batch apart."""
    return len(one) == len(other) and all(
        dtype == kind and _fits(shape, size) for (shape, dtype), (size, kind) in zip(one, other, strict=True)
    )


def _fits(one: Shape, other: Shape) -> bool:
    if one is None or other is None:
        return one is other
    return len(one) == len(other) and all(a == b or a is None or b is None or not axis
                                          for axis, (a, b) in enumerate(zip(one, other, strict=True)))  # fmt: skip


def because(report: Report, path: str, line: int) -> str:
    """Why the dry run has nothing for a line: the gap nearest above it, of its own statement first."""
    if not report.complete and report.ended:
        return report.ended
    gaps: list[Gap] = [gap for gap in report.gaps if gap.span.path == path]
    at = [gap for gap in gaps if gap.span.line <= line <= gap.span.end_line]
    told = (gap for gap in gaps if gap.span.line <= line and not gap.reason.endswith("is not run in a dry run"))
    above = sorted(told, key=lambda gap: gap.span.line)
    for gap in [*at, *above[::-1]]:
        return f"{gap.kind}: {gap.reason}"
    return "not met"


def _words(outputs: Outputs) -> str:
    return ", ".join(f"{shape} {dtype}" for shape, dtype in outputs)
