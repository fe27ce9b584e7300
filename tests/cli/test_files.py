"""Which files a folder gives, and what a file that cannot be checked does to the exit status."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kls import __version__
from kls.cli import files

from .conftest import Kls

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


def put(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x = 1\n", encoding="utf-8")


def test_folder_gives_sources_and_notebooks_but_no_environment(tmp_path: Path) -> None:
    put(tmp_path, "a.py", "b.ipynb", "c.txt", "sub/d.py", ".hidden/e.py", "sub/.f.py", "__pycache__/g.py")
    put(tmp_path, "envs/one/pyvenv.cfg", "envs/one/lib/h.py", "envs/conda/conda-meta/x", "envs/conda/i.py")
    put(tmp_path, ".ipynb_checkpoints/b-checkpoint.ipynb", "lib/site-packages/j.py")
    found = [Path(path).relative_to(tmp_path).as_posix() for path, problem in files.expand([str(tmp_path)])]
    assert found == ["a.py", "b.ipynb", "sub/d.py"]


def test_a_file_that_is_named_is_taken_once_whatever_it_is_called(tmp_path: Path) -> None:
    put(tmp_path, "script", ".hidden.py")
    given = [str(tmp_path / "script"), str(tmp_path / ".hidden.py"), f"{tmp_path}/./script"]
    assert [path for path, _ in files.expand(given)] == given[:2]


def test_missing_and_empty(tmp_path: Path) -> None:
    missing, empty = str(tmp_path / "no.py"), tmp_path / "empty"
    empty.mkdir()
    assert dict(files.expand([missing, str(empty)])) == {
        missing: "no such file",
        str(empty): "there are no Python files or notebooks in this folder",
    }


def test_clean_file_is_zero(kls: Kls, tmp_path: Path) -> None:
    put(tmp_path, "plain.py")
    done = kls("check", "plain.py")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("1 file checked in ") and done.out.endswith(" s: nothing found\n")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("missing.py", None, "no such file"),
        ("latin.py", b"x = '\xe9'\n", "cannot decode"),
        ("broken.ipynb", b"[]", "not a Jupyter notebook"),
        ("half.py", b"import keras\nmodel = keras.Sequential([\n", "line 2"),
    ],
)
def test_what_cannot_be_checked_is_two(kls: Kls, tmp_path: Path, name: str, content: bytes | None, reason: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    put(tmp_path, "fine.py")
    done = kls("check", name, "fine.py", "--output-format", "json")
    entries = {entry["path"]: entry for entry in done.json["files"]}
    assert done.code == 2
    assert entries["fine.py"]["status"] == "checked"
    assert entries[name]["status"] == "failed" and reason in entries[name]["reason"]
    text = kls("check", name)
    assert text.code == 2 and f"{name}: not checked: " in text.out and reason in text.out


@pytest.mark.skipif(os.name == "nt" or os.getuid() == 0, reason="the superuser reads every file")
def test_unreadable_file_is_two(kls: Kls, tmp_path: Path) -> None:
    put(tmp_path, "secret.py")
    (tmp_path / "secret.py").chmod(0)
    done = kls("check", "secret.py")
    assert done.code == 2 and "cannot be read" in done.out


def test_wrong_usage_is_two(kls: Kls) -> None:
    assert kls("check").code == 2
    assert kls("nothing").code == 2
    assert kls("explain", "no-such-rule").code == 2


def test_version_and_manuals(kls: Kls) -> None:
    assert kls("--version").out == f"kls {__version__}\n"
    listed = kls("explain").out
    assert "input-shape" in listed
    manual = kls("explain", "input-shape")
    assert manual.code == 0 and manual.out.startswith("input-shape\n\n") and "## Example" in manual.out


def test_names_are_those_the_user_gave(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    here = os.getcwd()
    given = {os.path.join(here, "a.py"): "./a.py"}
    assert files.shown(os.path.join(here, "a.py"), given) == "./a.py"
    assert files.shown(os.path.join(here, "sub", "b.py"), given) == os.path.join("sub", "b.py")
    assert files.shown(os.path.abspath(os.sep + "elsewhere.py"), given) == os.path.abspath(os.sep + "elsewhere.py")


@pytest.mark.tf
@pytest.mark.parametrize("command", ["check", "shapes"])
def test_a_reader_that_leaves_ends_it_without_a_word(command: str) -> None:
    reading, writing = os.pipe()
    arguments = [sys.executable, "-m", "kls", command, "--python", sys.executable, str(EXAMPLES)]
    with subprocess.Popen(arguments, stdout=writing, stderr=subprocess.PIPE, text=True) as process:
        os.close(writing)
        assert os.read(reading, 1)
        os.close(reading)
        _, said = process.communicate()
    assert process.returncode == 141 and said == ""
