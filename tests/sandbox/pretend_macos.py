"""Starts `elsewhere.py` as on macOS, where a program stands in for `sandbox-exec`:

    python -I -S pretend_macos.py SANDBOX_EXEC MORE_RULES POLICY -- COMMAND…

MORE_RULES are appended to every profile: a leak, if they allow something.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

SANDBOX = Path(sys.argv[1]).with_name("sandbox.txt").read_text().strip()


def main(program: str, more: str, arguments: list[str]) -> None:
    spec = importlib.util.spec_from_file_location("elsewhere", SANDBOX + "/elsewhere.py")
    assert spec is not None and spec.loader is not None
    elsewhere = importlib.util.module_from_spec(spec)
    sys.modules["elsewhere"] = elsewhere
    spec.loader.exec_module(elsewhere)
    real = elsewhere.seatbelt.profile
    elsewhere.seatbelt.profile = lambda *given: real(*given) + more
    elsewhere.seatbelt.PROGRAM = program
    sys.platform = "darwin"
    elsewhere.main(arguments)


main(sys.argv[1], sys.argv[2], sys.argv[3:])
