"""Policies, grants and tiers as data."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kls.worker.sandbox import lockdown, policy, reach, trial
from kls.worker.sandbox.policy import Grant, Policy

MINE = Policy("/x/bin/python", ("/x/lib",), "/tmp/x", ("/w",), ("/w/a.csv",), (("KERAS_BACKEND", "tensorflow"),))


def test_json_round_trip() -> None:
    grant = Grant(MINE, "Full", ("seccomp limits privileges",), ("x",), {"act": "EPERM"}, 0.5, {"Seccomp": "2"})
    assert policy.policy_from_json(policy.to_json(MINE)) == MINE
    assert policy.grant_from_json(policy.to_json(grant)) == grant


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"executable": "x"}', '{"executable": "x", "colour": 1}'])
def test_other_json_is_refused(text: str) -> None:
    with pytest.raises((TypeError, ValueError, AttributeError)):
        policy.policy_from_json(text)


REFUSED = {"locks": "in force", "read a file outside": "EACCES", "start a process": "EPERM"}


@pytest.mark.parametrize(
    "layers, tested, expected",
    [
        ("landlock-7 root seccomp limits privileges", {}, "Full"),
        ("landlock-1 seccomp limits privileges", {}, "NoUserns"),
        ("root seccomp limits privileges", {}, "NoLandlock"),
        ("seccomp limits privileges", {"read a file outside": "passed"}, "Weak"),
        ("seccomp limits privileges", {}, "Weak"),
        ("landlock-7 root seccomp limits privileges", {"read the server's environment": "passed"}, "Weak"),
        ("landlock-7 root seccomp limits privileges", {"start a process": "passed"}, "None"),
        ("landlock-7 root seccomp limits privileges", {"an act that is not known": "passed"}, "None"),
        ("landlock-7 root seccomp limits privileges", {"locks": "EINVAL"}, "None"),
        ("landlock-7 root limits privileges", {}, "None"),
        ("landlock-7 root seccomp privileges", {}, "None"),
        ("landlock-7 root seccomp limits", {}, "None"),
        ("", {}, "None"),
    ],
)
def test_tier(layers: str, tested: dict[str, str], expected: str) -> None:
    assert trial.tier(tuple(layers.split()), {**REFUSED, **tested}) == expected


def make(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_roots_of_a_virtual_environment_in_a_project(tmp_path: Path) -> None:
    make(
        tmp_path,
        "base/bin/python3.12",
        "base/lib/os.py",
        "base/secret",
        "project/.env",
        "project/lib64/x",
        "project/lib/y",
    )
    (tmp_path / "project/bin").mkdir()
    (tmp_path / "project/bin/python").symlink_to(tmp_path / "base/bin/python3.12")
    (tmp_path / "project/pyvenv.cfg").write_text(f"version = 3.12\nHome = {tmp_path}/base/bin/\n")
    found = policy.interpreter_roots(str(tmp_path / "project/bin/python"))
    names = [
        "project/lib",
        "project/lib64",
        "project/pyvenv.cfg",
        "base/lib",
        "project/bin/python",
        "base/bin/python3.12",
    ]
    assert sorted(found) == sorted(str(tmp_path / name) for name in names)


def test_roots_of_a_prefix(tmp_path: Path) -> None:
    make(tmp_path, "conda/bin/python3.11", "conda/lib/libz.so", "conda/.condarc", "conda/share/doc")
    found = policy.interpreter_roots(str(tmp_path / "conda/bin/python3.11"))
    assert [path for path in found if "site-packages" not in path] == [
        str(tmp_path / "conda/lib"),
        str(tmp_path / "conda/bin/python3.11"),
    ]


def test_roots_never_hold_a_whole_prefix_or_home() -> None:
    import sys

    found = policy.interpreter_roots(sys.executable)
    for forbidden in (sys.prefix, sys.base_prefix, os.path.expanduser("~"), "/", "/usr"):
        assert forbidden not in found


@pytest.mark.parametrize(
    "named, granted",
    [
        ("project/data.csv", True),
        ("project/deep/data.csv", True),
        ("project/.env", False),
        ("project/.git/config", False),
        ("project/deep/.hidden/data.csv", False),
        ("project/to_env", False),
        ("project/to_key", False),
        ("project/../project/data.csv", True),
    ],
)
def test_hidden_files_are_not_granted(named: str, granted: bool, tmp_path: Path) -> None:
    folder = tmp_path / ".cache"  # a project may itself lie in something hidden
    make(folder, "project/data.csv", "project/deep/data.csv", "project/.env", "project/.git/config", "home/.ssh/id_rsa")
    make(folder, "project/deep/.hidden/data.csv")
    (folder / "project/to_env").symlink_to(".env")
    (folder / "project/to_key").symlink_to(folder / "home/.ssh/id_rsa")
    mine = Policy("x", (), "x", workspace=(str(folder / "project"),), readable=(str(folder / named),))
    assert bool(reach.visible(mine)) == granted


def test_loader_of_a_program() -> None:
    import sys

    found = trial.loader(os.path.realpath(sys.executable))
    assert found is not None
    assert os.path.basename(found).startswith("ld-")
    assert trial.loader(__file__) is None
    assert trial.loader("/nowhere") is None


def test_descriptors_are_closed() -> None:
    code = os.fork()
    if code == 0:
        status = 1
        try:
            reading, writing = os.pipe()
            lockdown.close_others((0, 2, writing))
            open_ones = []
            for descriptor in range(64):
                try:
                    os.fstat(descriptor)
                    open_ones.append(descriptor)
                except OSError:
                    pass
            status = 0 if open_ones == sorted({0, 2, writing}) and reading not in open_ones else 2
        finally:
            os._exit(status)
    assert os.waitpid(code, 0)[1] == 0
