"""Every attack against every tier, by root and by an ordinary user: none may reach anything.

An attack counts only where it succeeds with the layers off; elsewhere (this kernel refuses it anyway) it is skipped.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .attacks import ATTACKS
from .conftest import WAYS
from .worlds import Worker, World, worker

BOUNDED_ELSEWHERE = {
    "stat_home": "without a private file tree, names, sizes and dates can be seen",
    "fill_temporary": "without a private file tree, the server's watchdog bounds the temporary folder",
    "many_files": "without a private file tree, the server's watchdog bounds the temporary folder",
    "load_dropped_library": "code of the probe's own making runs with the probe's own rights",
}
"""What the tier NoUserns does not promise."""
LEAST = 110
"""Attacks that must have been shown to work on a developer's Linux machine for the suite to mean anything."""
IN_ZYGOTE = {
    "fork": "the zygote's work",
    "raw_clone": "the zygote's work",
    "signal_zygote": "itself and its probes; who else is in reach is tested by signal_victim",
    "signal_everyone": "itself and its probes",
    "signal_own_group": "itself and its probes",
    "signal_sibling": "one of its probes",
    "raise_limits": "its hard limits stay",
    "much_memory": "a zygote holds TensorFlow",
    "much_shared_memory": "a zygote holds TensorFlow",
    "many_descriptors": "a zygote holds the wire and its probes' pipes",
    "read_workspace_secrets": "its probes may be granted any file of the workspace",
    "read_workspace_source_not_granted": "its probes may be granted any file of the workspace",
    "victim_command_line": "its probes need their own /proc, which has no name before the fork (NoUserns)",
    "victim_descriptors": "as the command line; the descriptors themselves stay closed (NoUserns)",
    **BOUNDED_ELSEWHERE,
}
"""What the author's packages may do while they are imported, before any of the author's code runs, and why."""
ONLY_WITHOUT_NAMESPACES = {"victim_command_line", "victim_descriptors", *BOUNDED_ELSEWHERE}


@pytest.mark.parametrize("user", ["root", "user"])
def test_attacks_work_without_layers(user: str, open_outcomes: Callable[[str], dict[str, str]]) -> None:
    missing = sorted(set(ATTACKS) - set(open_outcomes(user)))
    assert len(open_outcomes(user)) >= LEAST, f"stopped without any layer: {missing}"


@pytest.mark.parametrize("user", ["root", "user"])
@pytest.mark.parametrize("way", WAYS)
def test_tier(user: str, way: str, started: Callable[[str, str], Worker], around: Callable[[str], World]) -> None:
    running = started(user, way)
    running.ask("own_environment", around(user), lock=True)
    grant = running.grant
    assert grant is not None
    assert grant.tier == way.partition(",")[0]
    assert set(grant.tested.values()) & {"passed"} == set()
    assert ("landlock-1" in grant.layers) == ("Landlock 1" in way)


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("user", ["root", "user"])
@pytest.mark.parametrize("way", WAYS)
def test_attack(
    attack: str,
    user: str,
    way: str,
    around: Callable[[str], World],
    started: Callable[[str, str], Worker],
    open_outcomes: Callable[[str], dict[str, str]],
) -> None:
    world = around(user)
    if attack not in open_outcomes(user):
        pytest.skip("stopped here without any layer")
    before = world.state()
    named = [world.values["project"] + "/" + name for name in ("data.csv", "link.csv", ".env")]
    answer = started(user, way).ask(attack, world, lock=True, readable=named)
    after = world.state()
    if after != before:
        world.plant()
    assert after == before, {name for name in after if after[name] != before.get(name)}
    if way.startswith("NoUserns") and attack in BOUNDED_ELSEWHERE:
        assert answer["hit"] is not None, "now stopped: take it out of BOUNDED_ELSEWHERE"
        return
    if way.startswith("NoUserns") and attack == "many_threads" and user == "root":
        pytest.skip("the kernel does not limit root's threads; the server's watchdog does")
    assert answer["hit"] is None, f"{attack} got {answer['hit']}"
    assert answer["stopped"] or answer["died"]


WEAK_READS = set(
    "read_private_key read_workspace_secrets read_workspace_source_not_granted read_through_workspace_link list_home"
    " stat_home read_accounts victim_environment victim_command_line victim_descriptors"
    " read_from_granted_folder_upwards read_by_own_root read_by_root_of_victim reopen_by_descriptor"
    " patch_the_guard".split()
)


@pytest.mark.parametrize("user", ["root", "user"])
def test_weak_tier_reads_and_nothing_else(
    user: str, around: Callable[[str], World], open_outcomes: Callable[[str], dict[str, str]]
) -> None:
    world = around(user)
    allowed = WEAK_READS | ({"many_threads"} if user == "root" else set())
    with worker(world, without=("namespaces", "landlock"), weakest="Weak") as started:
        before = world.state()
        for attack in open_outcomes(user):
            answer = started.ask(attack, world, lock=True)
            assert world.state() == before, attack
            assert answer["hit"] is None or attack in allowed, f"{attack} got {answer['hit']}"
        assert started.grant is not None
        assert started.grant.tier == "Weak"


@pytest.mark.parametrize("user", ["root", "user"])
@pytest.mark.parametrize("way", WAYS)
def test_attacks_from_the_zygote(
    user: str,
    way: str,
    around: Callable[[str], World],
    started: Callable[[str, str], Worker],
    open_outcomes: Callable[[str], dict[str, str]],
) -> None:
    """What a hostile package in the author's environment can do, which runs when the zygote starts."""
    world, zygote = around(user), started(user, way)
    allowed = set(IN_ZYGOTE)
    if not way.startswith("NoUserns"):
        allowed -= ONLY_WITHOUT_NAMESPACES
    elif user == "root":
        allowed |= {"many_threads", "fork_bomb"}  # as for a probe: the server's watchdog
    before = world.state()
    for attack in open_outcomes(user):
        answer = zygote.ask(attack, world, lock=False)
        after = world.state()
        if after != before:
            world.plant()
        assert after == before, attack
        assert answer["hit"] is None or attack in allowed, f"{attack} got {answer['hit']}"
