"""Which Python is chosen, read from files alone: the programs here would leave a mark if anybody ran them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from kls import interpreter

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="folders as on POSIX")


@pytest.fixture(autouse=True)
def no_python_of_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "")


def python(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\ntouch {path}.was-run\n")
    path.chmod(0o755)
    return path


def install(site: Path, **versions: str) -> None:
    for name, version in versions.items():
        folder = site / f"{name}-{version}.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def environment(folder: Path, system: bool = False, **versions: str) -> Path:
    """A virtual environment of Python 3.11."""
    python(folder / "bin" / "python3")
    (folder / "pyvenv.cfg").write_text(
        f"home = /usr/bin\ninclude-system-site-packages = {'true' if system else 'false'}\nversion = 3.11.7\n"
    )
    (folder / "lib" / "python3.11" / "site-packages").mkdir(parents=True)
    install(folder / "lib" / "python3.11" / "site-packages", **versions)
    return folder


def test_the_order(tmp_path: Path) -> None:
    root = tmp_path / "project"
    full = {"tensorflow": "2.21.0", "keras": "3.15.1"}
    setting = environment(tmp_path / "setting")
    environment(root / "envs" / "mine")
    active = environment(tmp_path / "active", **full)
    environment(root / ".venv", **full)
    on_path = python(tmp_path / "bin" / "python3")
    variables = {"VIRTUAL_ENV": str(active), "PATH": str(on_path.parent), "HOME": str(tmp_path / "home")}

    def chosen(**more: object) -> tuple[str, str]:
        choice, reason = interpreter.find(str(root), environment=variables, **more)  # type: ignore[arg-type]
        assert choice is not None and reason is None
        return choice.path, choice.origin

    assert chosen(setting=str(setting), project="envs/mine", trusted=True) == (
        f"{setting}/bin/python3",
        "from kls.worker.interpreter",
    )
    assert chosen(project="envs/mine", trusted=True) == (f"{root}/envs/mine/bin/python3", "from [tool.kls] python")
    assert chosen(project="envs/mine") == (f"{active}/bin/python3", "from VIRTUAL_ENV")
    assert chosen(trusted=True) == (f"{active}/bin/python3", "from VIRTUAL_ENV")
    del variables["VIRTUAL_ENV"]
    assert chosen(trusted=True) == (f"{root}/.venv/bin/python3", ".venv of the folder")
    assert chosen() == (str(on_path), "python3 on PATH")
    assert not list(tmp_path.rglob("*.was-run"))


def test_the_first_with_tensorflow_wins_among_those_nobody_named(tmp_path: Path) -> None:
    active = environment(tmp_path / "active", numpy="2.0.0")
    other = environment(tmp_path / "other", tensorflow_cpu="2.20.0", keras="3.12.0")
    choice, _ = interpreter.find(
        str(tmp_path / "project"), environment={"VIRTUAL_ENV": str(active), "CONDA_PREFIX": str(other)}
    )
    assert choice is not None
    assert (choice.path, choice.tensorflow, choice.keras) == (f"{other}/bin/python3", "2.20.0", "3.12.0")
    assert interpreter.advice(choice) is None


@pytest.mark.parametrize("name", [".venv", "venv", "env", ".env", "tf-gpu"])
def test_an_environment_of_the_folder_whatever_its_name(tmp_path: Path, name: str) -> None:
    root = tmp_path / "project"
    inside = environment(root / name, tensorflow="2.21.0", keras="3.15.1")
    # Neither is one: a package of the project, and an environment without a Python.
    (root / "agents").mkdir()
    (root / "broken").mkdir()
    (root / "broken" / "pyvenv.cfg").touch()
    choice, _ = interpreter.find(str(root), environment={}, trusted=True)
    assert choice is not None and choice.inside
    assert (choice.path, choice.origin) == (f"{inside}/bin/python3", f"{name} of the folder")
    assert interpreter.find(str(root), environment={})[0] is None


def test_a_usual_name_comes_first_and_one_with_tensorflow_before_one_without(tmp_path: Path) -> None:
    root = tmp_path / "project"
    environment(root / "a-first", tensorflow="2.19.0", keras="3.10.0")
    plain = environment(root / "env")
    choice, _ = interpreter.find(str(root), environment={}, trusted=True)
    assert choice is not None and choice.origin == "a-first of the folder"
    install(plain / "lib" / "python3.11" / "site-packages", tensorflow="2.21.0", keras="3.15.1")
    choice, _ = interpreter.find(str(root), environment={}, trusted=True)
    assert choice is not None and choice.origin == "env of the folder"
    assert not list(tmp_path.rglob("*.was-run"))


def test_inside_the_workspace_counts_only_where_that_is_trusted(tmp_path: Path) -> None:
    root = tmp_path / "project"
    inside = environment(root / ".venv", tensorflow="2.21.0", keras="3.15.1")
    (tmp_path / "link").symlink_to(inside)
    for variables in ({"VIRTUAL_ENV": str(inside)}, {"PATH": str(inside / "bin")}, {"VIRTUAL_ENV": f"{tmp_path}/link"}):
        choice, reason = interpreter.find(str(root), environment=variables)
        assert choice is None and reason is not None and "kls.worker.interpreter" in reason
        choice, _ = interpreter.find(str(root), environment=variables, trusted=True)
        assert choice is not None and choice.inside


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("/nowhere/python", "kls.worker.interpreter is /nowhere/python, which does not exist"),
        ("{tmp}/empty", "kls.worker.interpreter is {tmp}/empty, a folder without a Python"),
        ("{tmp}/text", "kls.worker.interpreter is {tmp}/text, which is not a program"),
    ],
)
def test_a_setting_that_cannot_be_used_is_not_passed_over(tmp_path: Path, setting: str, told: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").touch()
    active = environment(tmp_path / "active")
    choice, reason = interpreter.find(
        "", setting=setting.format(tmp=tmp_path), environment={"VIRTUAL_ENV": str(active)}
    )
    assert (choice, reason) == (None, told.format(tmp=tmp_path))


@pytest.mark.parametrize(
    ("versions", "told"),
    [
        ({}, "no TensorFlow in {path} (from VIRTUAL_ENV); install it with: {path} -m pip install tensorflow"),
        (
            {"tensorflow": "2.15.1", "keras": "2.15.0"},
            "Keras 2.15.0 in {path} (from VIRTUAL_ENV) is too old, dry runs need Keras 3; "
            "install it with: {path} -m pip install --upgrade tensorflow keras",
        ),
    ],
)
def test_advice(tmp_path: Path, versions: dict[str, str], told: str) -> None:
    active = environment(tmp_path / "active", **versions)
    choice, _ = interpreter.find("", environment={"VIRTUAL_ENV": str(active)})
    assert choice is not None
    assert interpreter.advice(choice) == told.format(path=choice.path)


def test_the_users_own_packages(tmp_path: Path) -> None:
    base = python(tmp_path / "base" / "bin" / "python3.11")
    (base.parent / "python3").symlink_to("python3.11")
    site = tmp_path / "home" / ".local" / "lib" / "python3.11" / "site-packages"
    install(site, tensorflow="2.21.0", keras="3.15.1")
    variables = {"PATH": str(base.parent), "HOME": str(tmp_path / "home")}
    choice, _ = interpreter.find("", environment=variables)
    assert choice is not None
    assert (choice.user_site, choice.tensorflow) == ((str(site),), "2.21.0")

    (tmp_path / "venv" / "bin").mkdir(parents=True)
    for system in (False, True):
        folder = environment(tmp_path / f"venv-{system}", system=system)
        (folder / "bin" / "python3").unlink()
        (folder / "bin" / "python3").symlink_to(base)
        choice, _ = interpreter.find("", setting=str(folder), environment=variables)
        assert choice is not None
        assert choice.user_site == ((str(site),) if system else ())


def test_pyenv_shims_are_seen_through(tmp_path: Path) -> None:
    pyenv = tmp_path / "pyenv"
    python(pyenv / "shims" / "python3")
    for version in ("3.11.7", "3.12.1"):
        python(pyenv / "versions" / version / "bin" / "python3")
    (pyenv / "version").write_text("3.11.7\n")
    root = tmp_path / "project"
    root.mkdir()
    variables = {"PATH": str(pyenv / "shims")}

    def version() -> str:
        choice, _ = interpreter.find(str(root), environment=variables)
        assert choice is not None
        return Path(choice.path).parents[1].name

    assert version() == "3.11.7"
    (root / ".python-version").write_text("3.12.1\n")
    assert version() == "3.12.1"
    (root / ".python-version").write_text("../../evil\n")
    assert version() == "shims" or version() == "pyenv"
    assert not list(tmp_path.rglob("*.was-run"))


def test_the_backend_that_the_user_configured(tmp_path: Path) -> None:
    (tmp_path / "keras.json").write_text('{"floatx": "float32",\n "backend": "jax"}')
    assert interpreter.backend({"KERAS_BACKEND": "torch", "KERAS_HOME": str(tmp_path)}) == "torch"
    assert interpreter.backend({"KERAS_HOME": str(tmp_path)}) == "jax"
    assert interpreter.backend({"KERAS_HOME": str(tmp_path / "none")}) is None
