"""One world and one worker for each user and each way to start it, shared by all attacks of the session."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from . import worlds
from .attacks import ATTACKS

if sys.platform != "linux":
    collect_ignore_glob = ["test_*.py"]

WAYS: dict[str, dict[str, Any]] = {
    "Full": {},
    "Full, Landlock 1": {"landlock_abi": 1},
    "NoUserns": {"without": ("namespaces",)},
    "NoUserns, Landlock 4": {"without": ("namespaces",), "landlock_abi": 4},
    "NoUserns, Landlock 1": {"without": ("namespaces",), "landlock_abi": 1},
    "NoLandlock": {"without": ("landlock",)},
}
"""The fields of the policy for each tier that the machine's own kernel can show."""


@pytest.fixture(scope="session")
def people() -> Iterator[dict[str, worlds.User]]:
    with tempfile.TemporaryDirectory(prefix="kls-code-") as folder:
        yield {user.name: user for user in worlds.users(Path(folder))}


@pytest.fixture(scope="session")
def around(people: dict[str, worlds.User]) -> Iterator[Callable[[str], worlds.World]]:
    """The world of a user, by name; skips the test when there is no such user here."""
    with ExitStack() as stack:
        made: dict[str, worlds.World] = {}

        def get(name: str) -> worlds.World:
            if name not in people:
                pytest.skip(f"no {name} to run as, or no interpreter in that user's reach")
            if name not in made:
                made[name] = stack.enter_context(worlds.world(people[name]))
            return made[name]

        yield get


@pytest.fixture(scope="session")
def started(around: Callable[[str], worlds.World]) -> Iterator[Callable[[str, str], worlds.Worker]]:
    """The running worker of a user in one of the WAYS, or "open" with no layer at all."""
    with ExitStack() as stack:
        made: dict[tuple[str, str], worlds.Worker] = {}

        def get(user: str, way: str) -> worlds.Worker:
            if (user, way) not in made:
                world = around(user)
                fields = {} if way == "open" else WAYS[way]
                if way != "open" and (here := worlds.tier_here(world.user, **fields)) != way.partition(",")[0]:
                    pytest.skip(f"{user} gets the tier {here} on this machine, not {way}")
                made[user, way] = stack.enter_context(worlds.worker(world, launched=way != "open", **fields))
            return made[user, way]

        yield get


@pytest.fixture(scope="session")
def open_outcomes(
    around: Callable[[str], worlds.World], started: Callable[[str, str], worlds.Worker]
) -> Callable[[str], dict[str, str]]:
    """What each attack achieves when nothing stops it; an attack that is not in there proves nothing here."""
    known: dict[str, dict[str, str]] = {}

    def get(user: str) -> dict[str, str]:
        if user not in known:
            world, worker = around(user), started(user, "open")
            known[user] = {}
            for name in ATTACKS:
                before = world.state()
                answer = worker.ask(name, world, lock=False)
                damaged = world.state() != before
                if answer["hit"] is not None or damaged:
                    known[user][name] = answer["hit"] or "damage"
                world.plant()
        return known[user]

    return get
