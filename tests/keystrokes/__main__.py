"""The long lane: `python -m tests.keystrokes [--each N] [FILE…]` types programs key by key and prints what is wrong.

Without files: the example programs, the fixtures and the working programs of `tests/faults`. With all keystrokes of
all of them it takes hours; `--each 10` takes one keystroke of ten.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

from kls import session as sessions
from tests.keystrokes import typist

ROOT = Path(__file__).parents[2]
FOLDERS = ("docs/examples", "docs/examples/typing", "tests/fixtures", "tests/faults/programs")


def main() -> int:
    """Type the programs; 1 where something was not as it should be."""
    parser = argparse.ArgumentParser(prog="python -m tests.keystrokes", description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE")
    parser.add_argument("--each", type=int, default=1, help="take one keystroke of so many")
    chosen = parser.parse_args()
    files: list[Path] = chosen.files or typist.programs(*(ROOT / folder for folder in FOLDERS))
    sessions.PAUSE = 1e9
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = f"{folder}/cache"
        wrong = asyncio.run(_run(files, chosen.each, Path(folder)))
    print(f"{len(files)} programs, {wrong} times something was wrong")
    return 1 if wrong else 0


async def _run(files: list[Path], each: int, folder: Path) -> int:
    wrong = 0
    async with typist.session(folder) as (made, screen):
        for file in files:
            started, text = time.perf_counter(), file.read_text(encoding="utf-8")
            keys = len(text) // each
            pieces = max(1, text.count("\n") // each)
            states = [*typist.prefixes(text, keys, file.name), *typist.retyped(text, pieces, file.name)]
            async for state, problem in typist.typed(made, screen, folder / file.name, text, states):
                wrong += 1
                line = state.text.split("\n")[state.typed - 1] if state.typed else ""
                print(f"{file}: typing line {state.typed} {line!r}: {problem}", flush=True)
            print(f"{file}: {len(states)} keystrokes in {time.perf_counter() - started:.0f} s", flush=True)
    return wrong


if __name__ == "__main__":
    sys.exit(main())
