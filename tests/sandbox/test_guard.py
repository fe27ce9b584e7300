"""The audit hook alone, with no wall around it, and behind the walls: what it stops and what gets past it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from kls.worker.sandbox import guard
from kls.worker.sandbox import policy as policies
from kls.worker.sandbox.policy import Policy

from .attacks import ATTACKS
from .conftest import WAYS
from .worlds import SANDBOX, Worker, World, tier_here, worker

GETS_PAST = {
    **dict.fromkeys(
        "read_from_granted_folder_upwards inherited_descriptor".split(),
        "what is named relative to an open folder, and what is open already",
    ),
    **dict.fromkeys(
        "stat_home own_environment lease_file watch_folder_by_descriptor signal_by_ownership named_pipe new_session"
        " new_group limit_victim priority_of_victim affinity_of_victim pseudo_terminal type_into_terminal"
        " paste_into_console own_a_terminal raise_limits allow_core_dumps symbolic_link_in_temporary"
        " named_semaphore".split(),
        "acts that Python tells no hook of, or that this one does not watch",
    ),
    **dict.fromkeys(
        "old_system_calls become_dumpable survive_parent".split(), "machine code, and functions of C by other names"
    ),
    **dict.fromkeys(
        "much_memory much_shared_memory many_threads many_descriptors huge_sparse_file fill_temporary"
        " many_files".split(),
        "what is used up",
    ),
}
"""Attacks that the guard alone does not stop, and why: it is a net, not a wall."""
LEAST = 100
"""Attacks that it must stop alone on a developer's Linux machine."""
ASKED_OF_PYTHON = (
    "read_private_key read_workspace_secrets read_through_workspace_link list_home read_accounts read_by_own_root"
    " write_shell_start write_in_workspace write_granted_file write_packages write_bytecode write_beside_temporary"
    " unlink_file rename_file remove_tree truncate_by_path change_mode change_owner change_times"
    " hard_link_then_write controlling_terminal tcp_connect tcp_listen udp_send name_lookup"
    " unix_socket netlink socket_pair fork shell subprocess_run spawn execute_shell execute_interpreter signal_victim"
    " signal_group_of_victim many_descriptors raise_limits own_environment".split()
)
"""What an honest program asks of Python too, and is told in words that it may look at."""


def alone(world: World) -> str:
    """The policy of a guard that stands alone, as JSON."""
    project = world.values["project"]
    policy = Policy(
        executable=world.user.python,
        roots=(*policies.interpreter_roots(world.user.python), str(world.user.code.parent)),
        temporary=str(world.base / "open"),
        workspace=(project,),
        readable=(project + "/data.csv",),
    )
    return policies.to_json(policy)


@pytest.fixture(scope="module")
def walled(around: Callable[[str], World]) -> Iterator[Callable[[str], Worker]]:
    """A worker in one of the WAYS that is younger than the world: a private file tree keeps folders made anew out."""
    with ExitStack() as stack:
        made: dict[str, Worker] = {}

        def get(way: str) -> Worker:
            world = around("root" if "root" in _names(around) else "user")
            if way not in made:
                if (here := tier_here(world.user, **WAYS[way])) != way:
                    pytest.skip(f"this machine has the tier {here}, not {way}")
                world.plant()
                made[way] = stack.enter_context(worker(world, **WAYS[way]))
            return made[way]

        yield get


@pytest.mark.parametrize("user", ["root", "user"])
def test_what_it_stops_alone(
    user: str,
    around: Callable[[str], World],
    started: Callable[[str, str], Worker],
    open_outcomes: Callable[[str], dict[str, str]],
) -> None:
    world, free = around(user), started(user, "open")
    stopped: set[str] = set()
    for attack in open_outcomes(user):
        before = world.state()
        answer = free.ask(attack, world, lock=False, guard=alone(world))
        if answer["hit"] is None and world.state() == before:
            stopped.add(attack)
        world.plant()
    assert sorted(set(open_outcomes(user)) - stopped - set(GETS_PAST)) == []
    assert sorted(stopped & set(GETS_PAST)) == [], "now stopped: take it out of GETS_PAST"
    assert len(stopped) >= LEAST


@pytest.mark.parametrize("attack", ASKED_OF_PYTHON)
@pytest.mark.parametrize("way", ["Full", "NoUserns", "NoLandlock"])
def test_behind_a_wall_it_says_what_the_wall_says(
    attack: str, way: str, around: Callable[[str], World], walled: Callable[[str], Worker]
) -> None:
    assert attack in ATTACKS
    world, inside = around("root" if "root" in _names(around) else "user"), walled(way)
    named = [world.values["project"] + "/data.csv"]
    wall = inside.ask(attack, world, lock=True, readable=named)
    both = inside.ask(attack, world, lock=True, readable=named, guard="put up")
    assert both == wall


def _names(around: Callable[[str], World]) -> set[str]:
    try:
        return {around("root").user.name}
    except pytest.skip.Exception:
        return set()


@pytest.mark.parametrize("deed", ["read_granted", "list_workspace", "use_temporary", "use_threads"])
def test_honest_programs_do_not_meet_it(
    deed: str, around: Callable[[str], World], started: Callable[[str, str], Worker]
) -> None:
    name = "root" if "root" in _names(around) else "user"
    world, free = around(name), started(name, "open")
    expected = free.ask(deed, world, lock=False)
    assert expected["hit"] is not None
    assert free.ask(deed, world, lock=False, guard=alone(world)) == expected


def test_it_is_no_layer_and_raises_no_tier() -> None:
    """The locks' self-test is made without it, and nothing that decides a tier knows of it."""
    for name in ("launch", "trial", "lockdown", "namespaces", "elsewhere", "attempts"):
        path = SANDBOX / f"{name}.py"
        assert not path.exists() or "guard.stand" not in path.read_text(encoding="utf-8"), name


def test_events_that_it_watches_exist() -> None:
    """Each is in Python's own table of events, or is one of other systems that this Python does not list."""
    watched = guard.checks(Policy(sys.executable, (), "/x"))
    assert {"open", "os.fork", "socket.__new__", "ctypes.dlsym", "subprocess.Popen", "os.system"} <= set(watched)
    assert "os.system" not in guard.checks(Policy(sys.executable, (), "/x", layers=("seccomp",)))


ODD = """
import importlib, os, sys, types
package = types.ModuleType("sandbox"); package.__path__ = [sys.argv[1]]; sys.modules["sandbox"] = package
guard = importlib.import_module("sandbox.guard"); policies = importlib.import_module("sandbox.policy")
temporary = os.path.realpath(sys.argv[2])
guard.stand(policies.Policy(sys.executable, policies.interpreter_roots(sys.executable), temporary))

class Two:
    def __fspath__(self):
        return temporary + "/odd"

answers = []
for act in (
    lambda: open(Two(), "w").close(),
    lambda: os.remove(Two()),
    lambda: open(os.fsencode(temporary) + b"/bytes", "w").close(),
    lambda: os.listdir(),
    lambda: os.listdir(os.open(temporary, os.O_RDONLY)),
    lambda: os.makedirs(temporary + "/a/b", exist_ok=True),
    lambda: os.makedirs(temporary, exist_ok=True),
    lambda: open(os.devnull, "w").close(),
    lambda: open("/nowhere/file", "w"),
    lambda: open("/nowhere/file"),
    lambda: os.remove("/nowhere"),
    lambda: __import__("tempfile").TemporaryFile(dir=temporary).close(),
    lambda: __import__("shutil").rmtree(temporary + "/a"),
    lambda: open("a\\0b"),
    lambda: __import__("sqlite3").connect(":memory:").close(),
    lambda: __import__("sqlite3").connect("/etc/x.db").close(),
    lambda: __import__("ctypes").CDLL(None).system,
    lambda: __import__("ctypes").CDLL(None).strlen,
    lambda: os.kill(os.getpid(), 0),
    lambda: os.kill(os.getppid(), 0),
):
    try:
        act()
        answers.append("-")
    except Exception as error:
        answers.append(type(error).__name__)
print(*answers)
"""


def test_odd_names(tmp_path_factory: pytest.TempPathFactory) -> None:
    here, there = tmp_path_factory.mktemp("here"), tmp_path_factory.mktemp("there")
    command = [sys.executable, "-I", "-c", ODD, str(SANDBOX), str(here)]
    done = subprocess.run(command, cwd=there, capture_output=True, encoding="utf-8", timeout=60)
    expected = (
        "- - - PermissionError - - - - FileNotFoundError FileNotFoundError FileNotFoundError - - ValueError -"
        " OperationalError PermissionError - - PermissionError"
    )
    assert done.stdout.split() == expected.split(), done.stderr
