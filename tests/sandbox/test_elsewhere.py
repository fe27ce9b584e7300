"""The launcher of macOS and Windows, with a box whose walls really stand, really leak, or are not there at all.

The box is a stand-in for `sandbox-exec` that puts the rules of the very profile in force by Linux's own locks; what a
Mac makes of that profile is known on a Mac alone, where the same trial decides.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kls.worker.sandbox import attempts
from kls.worker.sandbox import policy as policies
from kls.worker.sandbox.policy import Grant, Policy

from .worlds import SANDBOX, User, tier_here

HERE = Path(__file__).parent
ME = User("me", os.getuid(), sys.executable, SANDBOX.parent)

pytestmark = pytest.mark.skipif(
    tier_here(ME, ("namespaces",)) != "NoUserns", reason="the stand-in needs Landlock and filters of system calls"
)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """The stand-in for `sandbox-exec`, to be executed."""
    made = tmp_path / "sandbox-exec"
    text = (HERE / "sandbox_exec.py").read_text().replace("@SANDBOX@", str(SANDBOX))
    made.write_text(f"#!{sys.executable} -IS\n{text}")
    made.chmod(0o755)
    (tmp_path / "sandbox.txt").write_text(str(SANDBOX))
    return made


def start(program: Path, more: str, code: str, **fields: object) -> tuple[subprocess.CompletedProcess[str], Grant]:
    folder = program.parent / "kls-worker"
    policy = Policy(
        executable=sys.executable,
        roots=policies.interpreter_roots(sys.executable),
        temporary=str(folder / "tmp"),
        folder=str(folder),
        report=str(folder / "report"),
        server=os.getpid(),
    )
    policy = policy._replace(**fields)  # pyright: ignore[reportArgumentType]
    pretend = [sys.executable, "-I", "-S", str(HERE / "pretend_macos.py"), str(program), more]
    command = [*pretend, policies.to_json(policy), "--", sys.executable, "-I", "-c", code]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=60)
    report = folder / "report"
    assert report.exists(), done.stderr
    return done, policies.grant_from_json(report.read_text())


def test_walls_that_hold(program: Path) -> None:
    """Everything is refused, the interpreter starts, its private folder works, and the environment is its own."""
    code = "import os, tempfile; tempfile.TemporaryFile().close(); print(sorted(os.environ)); "
    code += "print(os.listdir(os.environ['HOME']))"
    done, grant = start(program, "", code)
    assert (done.returncode, done.stdout.splitlines()[1:]) == (0, ["[]"]), done.stderr
    assert "KLS_SANDBOX" in done.stdout and "PYTHONPATH" not in done.stdout
    assert grant.tier == "Seatbelt" and grant.missing == () and "seatbelt" in grant.layers
    assert grant.tested["tried"] == "all"
    assert set(grant.tested) == {*attempts.acts("darwin"), "tried"}
    assert policies.PASSED not in grant.tested.values()
    assert sorted(os.listdir(program.parent / "kls-worker")) == ["report", "tmp"]


@pytest.mark.parametrize(
    "leak, tier, passed",
    [
        ('(allow file-read* (subpath "/"))', "Weak", {"read a file outside", "list a folder outside"}),
        ("(allow network*)", "None", {*attempts.NETWORK, "open a local socket"}),
        ("(allow process-fork)", "None", {"start a process"}),
        ("(allow signal)", "None", {"signal the server"}),
        ("(allow process-exec)", "None", {"execute a program"}),
        ('(allow file-write* (subpath "/"))', "None", {"write a file outside", "write beside the packages"}),
    ],
)
def test_a_profile_that_leaks_is_found_out(leak: str, tier: str, passed: set[str], program: Path) -> None:
    done, grant = start(program, leak, "print('started')")
    assert (grant.tier, done.returncode, done.stdout) == (tier, 77, ""), (grant, done.stderr)
    found = {name for name, answer in grant.tested.items() if answer == policies.PASSED}
    assert passed - _cannot(passed) <= found, grant.tested
    assert grant.missing[0].startswith("the walls here (sandbox-exec) do not hold: a program could ")
    assert "the sandbox is too weak here" in done.stderr


def _cannot(passed: set[str]) -> set[str]:
    """Acts that this machine refuses without walls too: packages of another user, no way to another machine."""
    cannot = {"reach for another machine"} if "reach for another machine" in passed else set()
    roots = policies.interpreter_roots(sys.executable)
    beside = next((path for path in roots if os.path.isdir(path)), "")
    return cannot | (set() if os.access(beside, os.W_OK) else {"write beside the packages"})


def test_a_weak_one_runs_where_that_was_agreed(program: Path) -> None:
    done, grant = start(program, '(allow file-read* (subpath "/"))', "print('started')", weakest="Weak")
    assert (grant.tier, done.returncode, done.stdout) == ("Weak", 0, "started\n")


def test_a_box_in_which_nothing_starts_is_no_sandbox(program: Path) -> None:
    program.write_text("#!/bin/false\n")
    done, grant = start(program, "", "print('started')")
    assert (grant.tier, grant.layers, done.returncode, done.stdout) == ("None", (), 77, "")
    assert grant.missing == ("sandbox-exec: Python does not start in it",)
    program.unlink()


def test_walls_that_are_not_there(program: Path) -> None:
    """A `sandbox-exec` that only executes: everything passes, nothing is run."""
    program.write_text('#!/bin/sh\nshift 2\nexec "$@"\n')
    done, grant = start(program, "", "print('started')")
    assert (grant.tier, done.returncode, done.stdout) == ("None", 77, "")
    passed = {name for name, answer in grant.tested.items() if answer == policies.PASSED}
    assert passed >= set(attempts.acts("darwin")) - {"reach for another machine", "write beside the packages"}


@pytest.mark.parametrize("code, status", [("raise SystemExit(3)", 3), ("import os; os.kill(os.getpid(), 9)", -9)])
def test_it_ends_as_the_interpreter_ended(code: str, status: int, program: Path) -> None:
    assert start(program, "", code)[0].returncode == status


def test_an_interpreter_that_is_not_there(program: Path) -> None:
    done, grant = start(program, "", "", executable="/nowhere/python")
    assert grant.tier == "Seatbelt" and done.returncode == 0, "the command itself is another here"


def test_a_path_that_no_profile_can_name(program: Path) -> None:
    with pytest.raises(AssertionError, match="could not be set up: a path with a control character"):
        start(program, "", "print('started')", roots=("/a\nb",))


ALL = dict.fromkeys((*attempts.acts("linux"), *attempts.acts("win32")), "EPERM") | {"tried": "all"}


@pytest.mark.parametrize(
    "system, best, changed, expected",
    [
        ("darwin", "Seatbelt", {}, "Seatbelt"),
        ("darwin", "Seatbelt", {"read a file outside": "passed"}, "Weak"),
        ("darwin", "Seatbelt", {"connect to a port": "passed"}, "None"),
        ("darwin", "Seatbelt", {"start a process": "passed"}, "None"),
        ("darwin", "Seatbelt", {"tried": ""}, "None"),
        ("win32", "AppContainer", {}, "AppContainer"),
        ("win32", "AppContainer", {"read a file outside": "passed", "connect to a port": "passed"}, "Weak"),
        ("win32", "AppContainer", {"write the registry": "passed"}, "None"),
        ("win32", "Weak", {}, "Weak"),
    ],
)
def test_tier(system: str, best: str, changed: dict[str, str], expected: str) -> None:
    assert attempts.tier(best, ALL | changed, system) == expected


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_what_was_not_told_was_not_refused(system: str) -> None:
    best = "Seatbelt" if system == "darwin" else "AppContainer"
    for name in (*attempts.acts(system), "tried"):
        tested = {act: answer for act, answer in ALL.items() if act != name}
        assert attempts.tier(best, tested, system) in ("None", "Weak"), name
    assert attempts.told("noise\ntried=all\nx=passed\nread a file outside=\n=\n", system) == {"tried": "all"}
    assert attempts.PASSED == policies.PASSED
