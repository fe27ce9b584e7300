"""One real step of a program: in a worker of its own, with weights and real computation, within limits of memory and
time.

The step tells what a dry run cannot: how long it takes, how much memory, whether XLA compiles it. Whatever goes wrong
ends in a sentence; the host kills what overruns.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import hashlib
import json
import os
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, is_dataclass, replace
from pathlib import Path
from typing import Any

from kls import check, estimate, interpreter, plan, repairs
from kls.analysis import Analysis
from kls.facts import Finding
from kls.host import Host, weakest_tier
from kls.rules import STEP_CODES
from kls.worker.comments import UNPARSED
from kls.worker.protocol import Call, Probe, Report, Source, Span, Step

SECONDS = 120.0
"""Wall time of one program, dry run and step together; what takes longer is killed."""
_SHARE = 0.8
"""Of the free memory, what a step may take."""
_FALLBACK = 4 << 30
SEARCH = 15.0
"""Seconds after which the search for the largest batch size tries no further one."""
MOST_BATCH = 1 << 16
"""Batch size above which none is tried."""
_KEPT = 64
DEVICE = "CPU"
"""What a step runs on: there is no device of a GPU's driver in the sandbox."""
TRAINING = ("fit", "train_on_batch")
"""Methods whose step trains."""


@dataclass(frozen=True)
class Measured:
    """What a real step told. `step` is None where there was none; `reason` then says why in one sentence."""

    step: Step | None
    findings: tuple[Finding, ...]
    reason: str | None
    sandbox: tuple[str, ...] = ()
    """The layers of the sandbox in force around it."""


class Hardware:
    """The worker of one interpreter for real steps, and what it measured, by program, memory and device.

    The worker starts with the first question; `stop` ends it. An answer of a program that has not changed is not
    measured again.
    """

    def __init__(self, choice: interpreter.Choice, workspace: tuple[str, ...], weakest: str | None = None) -> None:
        self._host = Host(
            choice.path,
            workspace=workspace,
            user_site=choice.user_site,
            backend=interpreter.backend(),
            site=choice.site,
            weakest=weakest or weakest_tier(trusted=True, weak_agreed=False),
            real=True,
        )
        self._known: dict[tuple[str, int], Report] = {}

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers of the sandbox in force around the latest worker."""
        return self._host.hello.sandbox if self._host.hello else ()

    async def measure(
        self,
        found: Analysis,
        modules: tuple[Source, ...],
        root: str,
        memory: int | None = None,
        at: Span | None = None,
        seconds: float = SECONDS,
    ) -> Measured:
        """Run one real step of an analysed program in at most `memory` bytes (None: most of what is free).

        `at` is the call whose step is wanted, None the first; `seconds` the wall time that one run may take. Raises
        what the host raises where there is no worker, in a sentence.
        """
        limit = memory or free_memory()
        probe = plan.plan(found.snapshot, modules, root=root or None, readable=found.data, seconds=seconds)
        probe = replace(probe, package=found.package, folder=found.folder, step_bytes=limit, step_at=at)
        report = await self._ask(probe)
        report = await self._largest(probe, report)
        if not report.steps:
            return Measured(None, (), why_none(report))
        told = check.check(found.snapshot, found.sites, report, modules)
        told = tuple(item if item.code in STEP_CODES else replace(item, fixes=()) for item in told)
        tried = await repairs.verify(found.snapshot, told, probe, self._ask)
        codes = {item.code for item in tried}
        own = tuple(
            item
            for item in tried
            if item.code in STEP_CODES
            and not (item.code == "step-gradient" and "cut-gradient" in codes)
            and not (item.code == "step-device" and has_gpu())
        )
        return Measured(report.steps[0], own, None, self.layers)

    async def _largest(self, probe: Probe, report: Report) -> Report:
        """The report with the largest batch size that fits: doubled while it fits, halved until it does.

        Halving begins at the size that should fit by the estimate. Each size is really run. After `SEARCH` seconds no
        further one is tried.
        """
        step = report.steps[0] if report.steps else None
        if step is None or _other_trouble(step):
            return report
        clock = asyncio.get_running_loop().time
        until = clock() + SEARCH
        best, failed = (step.batch_size, None) if step.steps else (0, step.batch_size)
        size = estimate.fitting_batch(report, step) if failed else 2 * best
        while clock() < until and best < size < (failed or MOST_BATCH):
            other = await self._ask(replace(probe, step_batch=size, seconds=min(probe.seconds, SEARCH)))
            tried = other.steps[0] if other.steps else None
            if tried is not None and _other_trouble(tried):
                break
            if tried is None and other.ended is not None and other.ended.startswith("stopped"):
                break
            if tried is not None and tried.steps > 0:
                best, size = size, estimate.next_size(step.batch_size, size)
            else:
                failed, size = size, size // 2
        certain = failed is not None and failed == estimate.next_size(step.batch_size, best)
        return replace(report, steps=(replace(step, largest_batch=best, largest_certain=certain),))

    async def _ask(self, probe: Probe) -> Report:
        key = f"{plan.digest(probe)} {probe.step_at} {probe.step_batch}", probe.step_bytes
        if key not in self._known:
            report = await self._host.ask(probe)
            if not report.complete:
                return report
            if len(self._known) >= _KEPT:
                self._known.clear()
            self._known[key] = report
        return self._known[key]

    async def stop(self) -> None:
        """End the worker, whatever it does."""
        await self._host.stop()


def _other_trouble(step: Step) -> bool:
    """Whether a step failed for another reason than its batch size."""
    return any(trouble.kind in ("weights", "xla", "device", "replicas", "error") for trouble in step.troubles)


def steps_of(report: Report, path: str) -> tuple[Call, ...]:
    """The calls in file `path` whose step can be run, in order: each place once, training before anything else."""
    once: dict[Span, Call] = {}
    for call in report.calls:
        if call.status == "traced" and not call.paired and call.span.path == path:
            once.setdefault(call.span, call)
    trained = tuple(call for call in once.values() if call.method in TRAINING)
    return trained or tuple(once.values())


def key(report: Report, call: Call, texts: Iterable[str]) -> str:
    """A name for what the step of `call` depends on: the models with what they were compiled with, the data's shapes,
    the batch size and the author's own functions and classes. Other edits leave it as it is.

    `texts` are the program's modules.
    """
    layers = [
        (item.cls, {name: value for name, value in item.config.items() if name != "name"}, item.inputs, item.outputs)
        for item in report.layers
    ]
    models = [
        (
            item.cls,
            item.loss,
            item.settings,
            item.trained,
            item.fixed,
            item.state,
            [node.sources for node in item.graph],
        )
        for item in report.models
    ]
    given = [(item.role, item.tensors) for item in call.arguments]
    facts = (call.method, call.real_batch, call.batch_size, call.loss, call.metrics, given, call.kept, models, layers)
    return hashlib.sha256(
        json.dumps([facts, sorted(map(_own_code, texts))], default=_plainly, sort_keys=True).encode()
    ).hexdigest()


def _plainly(value: object) -> object:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else repr(value)


def _own_code(text: str) -> str:
    """The functions and classes of a module without their comments; all of a text that does not parse."""
    try:
        tree = ast.parse(text)
    except UNPARSED:
        return text
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
    found: list[str] = []
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, kinds):
            found.append(ast.dump(node))
        else:
            waiting.extend(ast.iter_child_nodes(node))
    return "\n".join(found)


def on_battery(supplies: Path = Path("/sys/class/power_supply")) -> bool:
    """Whether this machine runs on its battery; False where the system does not tell."""
    try:
        states = [
            (supply / "status").read_text().strip() for supply in supplies.iterdir() if (supply / "status").exists()
        ]
    except OSError:
        return False
    return "Discharging" in states


_GPUS = re.compile(r"nvidia\d+|kfd")
"""Device files of the drivers through which TensorFlow computes on a GPU: NVIDIA's and AMD's."""
_COMPUTING = re.compile(r"nvidia-uvm|kfd")
"""Those that a process holds which computes on one; what draws a screen does not."""


def has_gpu(devices: Path = Path("/dev")) -> bool:
    """Whether the system has a GPU that TensorFlow could compute on; False where it does not tell."""
    try:
        return any(_GPUS.fullmatch(name) for name in os.listdir(devices))
    except OSError:
        return False


def gpu_in_use(processes: Path = Path("/proc"), devices: Path = Path("/dev")) -> bool:
    """Whether another process computes on a GPU: it holds the driver's file for that.

    Only processes whose open files this user may see are asked, so another user's is not noticed. False where the
    system does not tell.
    """
    if not has_gpu(devices):
        return False
    try:
        others = [item for item in processes.iterdir() if item.name.isdigit() and item.name != str(os.getpid())]
    except OSError:
        return False
    for process in others:
        with contextlib.suppress(OSError):
            for opened in (process / "fd").iterdir():
                with contextlib.suppress(OSError):
                    target = Path(os.readlink(opened))
                    if target.parent == devices and _COMPUTING.fullmatch(target.name):
                        return True
    return False


def unasked_is_unwelcome() -> bool:
    """Whether a step that nobody asked for would be in somebody's way here: on battery, or while a GPU computes."""
    return on_battery() or gpu_in_use()


def free_memory() -> int:
    """Bytes that a step may take here: a share of what the system says is free."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            fields = dict(line.split(":", 1) for line in file)
        return int(int(fields["MemAvailable"].split()[0]) * 1024 * _SHARE)
    except (OSError, KeyError, ValueError):
        pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0
        return pages // 2 or _FALLBACK


def sentence(step: Step) -> str:
    """What a step told, in one line; a step that did not get that far says only where it was."""
    batch = f"batch {step.batch_size:,}" + ("" if step.batch_known else " (the program does not tell its own)")
    where = f"{step.device}, {step.precision}" + (", XLA" if step.compiled else "")
    if step.replicas > 1:
        where += f", {step.replicas} replicas on logical devices in place of {', '.join(step.stood_in)}"
    if not step.steps:
        return f"no step of `{step.method}` could be run at {batch} ({where})"
    return (
        f"one step of `{step.method}` at {batch}: {_time(step.step_seconds)} "
        f"(the first one, with tracing and compiling, {step.first_seconds:.1f} s), "
        f"{estimate.bytes_text(taken(step))} of memory ({where}){_more(step)}"
    )


def _more(step: Step) -> str:
    """`; batch 1,024 fits, 2,048 does not; forward pass 1.2 GFLOPs`, as far as it is known."""
    words = ""
    if step.largest_batch > 0:
        words = f"; batch {step.largest_batch:,} fits"
        larger = estimate.next_size(step.batch_size, step.largest_batch)
        words += f", {larger:,} does not" if step.largest_certain else ", larger ones were not tried"
    if step.forward_flops:
        words += f"; its forward pass is {step.forward_flops / 1e9:.3g} GFLOPs"
    return words


def short(measured: Measured) -> str:
    """The same in a few words: `212 ms a step · 1.2 GiB · CPU float32`, or why there was no step."""
    step = measured.step
    if step is None:
        return f"no step: {measured.reason}"
    where = f"{step.device} {step.precision}" + (" XLA" if step.compiled else "")
    if not step.steps:
        return f"no step could be run \N{MIDDLE DOT} {where}"
    return " \N{MIDDLE DOT} ".join((f"{_time(step.step_seconds)} a step", estimate.bytes_text(taken(step)), where))


def _time(seconds: float) -> str:
    """`212 ms`, `3.4 s`, `0.8 ms`."""
    return f"{seconds:.1f} s" if seconds >= 1 else f"{1000 * seconds:.{0 if seconds >= 0.01 else 1}f} ms"


def as_json(measured: Measured) -> dict[str, Any]:
    """What a real step told, as `docs/json.md` describes it; every field but `reason` is null where there was none."""
    done = measured.step
    if done is None:
        return dict.fromkeys(_FIELDS) | {"reason": measured.reason}
    return {
        "method": done.method,
        "batch_size": done.batch_size,
        "batch_known": done.batch_known,
        "device": done.device,
        "precision": done.precision,
        "xla": done.compiled,
        "first_seconds": round(done.first_seconds, 4),
        "step_seconds": round(done.step_seconds, 6),
        "steps": done.steps,
        "memory_bytes": taken(done),
        "limit_bytes": done.limit_bytes,
        "compile_seconds": round(max(0.0, done.first_seconds - done.step_seconds), 4),
        "forward_flops": done.forward_flops or None,
        "largest_batch": done.largest_batch or None,
        "largest_batch_certain": done.largest_certain,
        "replicas": done.replicas,
        "stood_in": list(done.stood_in),
        "sandbox": list(measured.sandbox),
        "troubles": [{"kind": item.kind, "message": item.message} for item in done.troubles],
        "reason": None,
    }


_FIELDS = (
    "method", "batch_size", "batch_known", "device", "precision", "xla", "first_seconds", "step_seconds", "steps",
    "memory_bytes", "limit_bytes", "compile_seconds", "forward_flops", "largest_batch",
    "largest_batch_certain", "replicas", "stood_in", "sandbox", "troubles", "reason",
)  # fmt: skip


def taken(step: Step) -> int:
    """Bytes that making the weights and running the steps took at most."""
    return max(0, step.peak_bytes - step.before_bytes)


def why_none(report: Report) -> str:
    """Why a report has no step to run, in one sentence."""
    if report.ended is not None:
        return report.ended
    failed = next((call for call in report.calls if call.status != "traced" and not call.paired), None)
    if failed is not None:
        return f"the `{failed.method}` at line {failed.span.line} could not be traced: {failed.reason}"
    return "no `fit`, `evaluate` or `predict` was met"
