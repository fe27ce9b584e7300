"""`kls trust`, and what `kls check` does where the sandbox is weak."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kls import trust

from .conftest import Done, Kls
from .test_examples import PROGRAM

POORER = str(Path(__file__).parents[1] / "sandbox" / "poorer.py")


@pytest.fixture
def own(tmp_path: Path) -> dict[str, str]:
    """A configuration of one's own, in the environment."""
    return {"XDG_CONFIG_HOME": str(tmp_path / "config")}


def test_answers_are_kept_listed_and_taken_back(kls: Kls, own: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "link").symlink_to("work")
    real = os.path.realpath(tmp_path / "work")
    assert kls("trust", "link", **own).out == f"{real}: trusted, programs are dry-run\n"
    assert kls("trust", **own).out.splitlines()[0] == f"{real}: trusted, programs are dry-run"
    assert kls("trust", "--revoke", "work", **own).out == f"{real}: not trusted, programs are only read\n"
    listed = kls("trust", **own).out.splitlines()
    assert listed[0] == f"{real}: not trusted, programs are only read"
    assert listed[1].startswith("weak sandbox: not agreed; it means that ")


def test_who_said_it_and_when_is_kept(own: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", own["XDG_CONFIG_HOME"])
    (tmp_path / "work/deep").mkdir(parents=True)
    assert trust.answer(str(tmp_path)) is None
    trust.remember(str(tmp_path / "work"), True, "the question of an editor")
    said = trust.answer(str(tmp_path / "work/deep"))
    assert said is not None and (said.trusted, said.by) == (True, "the question of an editor")
    assert said.folder == os.path.realpath(tmp_path / "work") and re.fullmatch(
        r"20\d\d-\d\d-\d\d \d\d:\d\d UTC", said.when
    )
    trust.agree_weak(True)
    assert trust.answer(str(tmp_path / "work")) == said, "another answer leaves it as it is"
    text = trust.store().read_text(encoding="utf-8")
    for broken in ('"said": []', '"said": {"x": 1}', '"said": 3', '"other": {}'):
        trust.store().write_text(re.sub(r'"said": \{.*?\}\s*\}', broken, text, flags=re.DOTALL), encoding="utf-8")
        said = trust.answer(str(tmp_path / "work"))
        assert said is not None and (said.trusted, said.by, said.when) == (True, "", "")


def test_what_cannot_be_kept_is_told(kls: Kls, tmp_path: Path) -> None:
    done = kls("trust", "nowhere", XDG_CONFIG_HOME=str(tmp_path / "config"))
    assert (done.code, done.err) == (2, "kls: nowhere: no such folder\n")
    (tmp_path / "config").write_text("a file where a folder should be")
    done = kls("trust", ".", XDG_CONFIG_HOME=str(tmp_path / "config"))
    assert done.code == 2 and "cannot be written" in done.err


@pytest.mark.tf
@pytest.mark.skipif(sys.platform != "linux", reason="a poorer kernel is made by a filter of Linux")
def test_a_weak_sandbox_needs_two_agreements(kls: Kls, own: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "emoji.py").write_text(PROGRAM, encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text("[tool.kls]\nweak = true\n")

    def check() -> Done:
        command = [sys.executable, "-I", POORER, "38", "unshare,landlock_create_ruleset"]
        command += [str(Path(sys.executable).parent / "kls"), "check", "emoji.py", "--output-format", "json"]
        done = subprocess.run(
            [*command, "--python", sys.executable],
            cwd=tmp_path,
            env={**os.environ, **own},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
        )
        return Done(done.returncode, done.stdout, done.stderr)

    done = check()
    (entry,) = done.json["files"]
    assert (done.code, entry["status"]) == (2, "static"), done.err
    assert "could read every file that you can read" in entry["reason"]
    assert entry["reason"].endswith("kls trust --weak-sandbox")
    kls("trust", "--weak-sandbox", **own)
    (entry,) = check().json["files"]
    assert entry["status"] == "static" and entry["reason"].endswith("kls trust FOLDER")
    kls("trust", ".", **own)
    (entry,) = check().json["files"]
    assert entry["status"] == "checked"
