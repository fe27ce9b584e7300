"""How long Keras itself takes for a program's model in a process that is already warm: `warm_keras.py FILE TIMES`.

Runs everything of the program but its `fit`, over and over, and prints the seconds of each run as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import keras


def main(path: str, times: int) -> None:
    """Print the wall time of each of `times` runs."""
    keras.Model.fit = _nothing
    code = compile(Path(path).read_text(), path, "exec")
    seconds: list[float] = []
    for _ in range(times + 1):
        started = time.perf_counter()
        exec(code, {"__name__": "__main__"})
        seconds.append(time.perf_counter() - started)
    print(json.dumps(seconds[1:]))


def _nothing(*_: Any, **__: Any) -> None:
    return None


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
