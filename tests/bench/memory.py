"""How near the estimate of memory and a real step come to the scripts themselves.

`python -m tests.bench.memory [NAME…]` prints for each program of `steps` what the dry run alone estimates, what one
real step in the sandbox took, and what the script took for a few steps of its `fit`, run without kls: of this its data
are told apart, which a step on zeros does not have. Judge on a quiet machine.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from kls import estimate, hardware, plan
from kls.documents import Snapshot
from kls.host import Host
from kls.worker.protocol import Report

HERE = Path(__file__).parent
SMALLEST = """\
import keras
import numpy as np

model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4), keras.layers.Dense(1)])
model.compile("adam", "mse", jit_compile=False)
model.fit(np.zeros((64, 8), "float32"), np.zeros((64, 1), "float32"), batch_size=8)
"""


async def step(host: Host, path: Path) -> Report:
    """The report on a program with one real step of it."""
    snapshot = Snapshot(path.as_uri(), str(path), 1, path.read_text())
    probe = plan.plan(snapshot, root=str(path.parent), seconds=300)
    return await host.ask(replace(probe, step_bytes=hardware.free_memory()))


def script(path: Path) -> dict[str, Any]:
    """What the script itself takes for a few steps."""
    command = [sys.executable, str(HERE / "real_steps.py"), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


async def main(names: list[str]) -> None:
    """Print a line for each program."""
    host = Host(sys.executable, real=True)
    await host.start()
    with tempfile.TemporaryDirectory() as folder:
        smallest = Path(folder) / "smallest.py"
        smallest.write_text(SMALLEST)
        paths = [path for path in sorted((HERE / "steps").glob("*.py")) if not names or path.stem in names]
        for path in (smallest, *paths):
            report = await step(host, path)
            if not report.steps:
                print(f"{path.stem}: {hardware.why_none(report)}", flush=True)
                continue
            done, real = report.steps[0], script(path)
            found = [estimate.of_model(report, model) for model in report.models]
            total = max((item.total for item in found if item is not None), default=0)
            memory = (total, hardware.taken(done), real["memory_bytes"])
            print(
                f"{path.stem}: estimate {memory[0] >> 20}, real step {memory[1] >> 20}, script {memory[2] >> 20} MiB "
                f"(its data {real['data_bytes'] >> 20}); "
                f"a step {done.step_seconds:.3f} s, script {real['step_seconds']:.3f} s",
                flush=True,
            )
    await host.stop()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
