"""Takes the place of the dry run in tests of the process around it: simply runs the program, statement by statement.

What the program calls `ended` tells how the dry run ended, what it calls `failed` is the message of a failure, and what
it calls `so_far` is the number of statements that it tells of at each statement after it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from .. import progress
from ..protocol import Failure, Probe, Report, Span


def run(probe: Probe, tell: Callable[[Report], None]) -> Report:
    names: dict[str, object] = {"__name__": "__main__"}
    body = ast.parse(probe.sources[0].text).body
    for node in body:
        progress.set(node.lineno)
        if "so_far" in names:
            tell(Report(probe.id, False, None, 0.0, statements=int(str(names["so_far"])), goes_on=True))
        exec(compile(ast.Module([node], []), probe.sources[0].path, "exec"), names)
    told = names.get("ended")
    failures: tuple[Failure, ...] = ()
    if "failed" in names:
        line = Span(probe.sources[0].path, len(body), 0, len(body), 6)
        failures = (Failure("ValueError", str(names["failed"]), "statement", (line,)),)
    ended = None if told is None else str(told)
    return Report(probe.id, told is None, ended, 0.0, failures=failures, statements=len(body))
