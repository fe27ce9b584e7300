"""A program has the same report in the sandbox and without one."""

from __future__ import annotations

import sys

import pytest

from kls import plan
from kls.host import Host
from tests import literate

from .conftest import Watched, sandboxed

EVERY = 12
"""How many fixtures go to one that is tried."""


@pytest.mark.tf
@pytest.mark.slow
async def test_the_sandbox_changes_no_report() -> None:
    inside, outside = Watched(), Host(sys.executable, sandbox=False)
    try:
        await sandboxed(inside)
        for fixture in literate.read_all()[::EVERY]:
            probe = plan.plan(fixture.snapshot)
            walled, free = await inside.host.ask(probe), await outside.ask(probe)
            assert literate.normal(walled) == literate.normal(free), fixture.name
    finally:
        await inside.host.stop()
        await outside.stop()
