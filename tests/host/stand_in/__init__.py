"""Takes the place of the dry run in tests of the process around it: simply runs the program, statement by statement."""

from __future__ import annotations

import ast

from .. import progress
from ..protocol import Probe, Report


def run(probe: Probe) -> Report:
    names: dict[str, object] = {"__name__": "__main__"}
    body = ast.parse(probe.sources[0].text).body
    for node in body:
        progress.set(node.lineno)
        exec(compile(ast.Module([node], []), probe.sources[0].path, "exec"), names)
    told = names.get("ended")
    return Report(probe.id, told is None, None if told is None else str(told), 0.0, statements=len(body))
