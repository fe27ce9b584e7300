"""Settings: read tolerantly from editors, and only tightened by a project's file."""

from __future__ import annotations

from pathlib import Path

import pytest

from kls import settings


def test_nested_dotted_and_wrapped_keys_mean_the_same() -> None:
    for value in (
        {"worker": {"mode": "off"}, "lint": {"ignore": ["a"]}},
        {"worker.mode": "off", "lint.ignore": ["a"]},
        {"kls": {"worker": {"mode": "off"}, "lint.ignore": ["a"]}},
        {"kls.worker.mode": "off", "kls.lint.ignore": ("a",)},
    ):
        parsed, problems = settings.parse(value)
        assert (parsed.worker_mode, parsed.ignore, problems) == ("off", ("a",), ())


@pytest.mark.parametrize(
    "value", [None, [], "x", 3, {"worker": 3}, {"unknown": {"deep": 1}}, {"worker": {"mode": None}}]
)
def test_what_cannot_be_understood_leaves_the_defaults(value: object) -> None:
    assert settings.parse(value) == (settings.Settings(), ())


def test_a_wrong_value_is_told_and_left_out() -> None:
    parsed, problems = settings.parse({"run": "often", "worker.timeout": 0.1, "enable": 1, "lint.severity": {"a": "b"}})
    assert parsed == settings.Settings()
    assert len(problems) == 4
    assert "kls.run: expected one of onType, onSave, manual, found 'often'; it stays 'onType'" in problems


def test_an_interpreter_may_come_as_a_list() -> None:
    assert settings.parse({"worker.interpreter": ["/usr/bin/python3"]})[0].worker_interpreter == "/usr/bin/python3"
    assert settings.parse({"worker.interpreter": ""})[0].worker_interpreter is None


def test_a_projects_file_only_tightens() -> None:
    strict, problems = settings.parse_file(
        {
            "enable": False,
            "worker": {"mode": "off", "timeout": 3},
            "lint": {"ignore": ["x"]},
            "python": ".venv/bin/python",
        }
    )
    assert problems == ()
    assert (strict.enable, strict.worker_mode, strict.worker_timeout, strict.ignore) == (False, "off", 3.0, ("x",))
    assert strict.project_python == ".venv/bin/python"
    assert strict.worker_interpreter is None
    base = settings.parse({"enable": False, "worker": {"mode": "off", "timeout": 3}})[0]
    loose, problems = settings.parse_file(
        {"enable": True, "worker": {"mode": "auto", "timeout": 60, "interpreter": "evil"}, "run": "onType"}, base
    )
    assert loose == base
    assert len(problems) == 5


def test_the_nearest_project_file_counts(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text('[tool.kls]\nenable = false\n[tool.kls.lint]\nignore = ["x"]\n')
    table, path, problems = settings.read_file(str(inner))
    assert (table, path, problems) == (
        {"enable": False, "lint": {"ignore": ["x"]}},
        str(tmp_path / "pyproject.toml"),
        (),
    )
    assert settings.read_file(str(inner), top=str(inner))[0] == {}
    (inner / "pyproject.toml").write_text("not = [toml")
    table, path, problems = settings.read_file(str(inner))
    assert table == {} and "cannot be read" in problems[0]


def test_every_setting_has_a_key_and_a_sentence() -> None:
    keys = [option.key for _, option, _ in settings.options()]
    assert len(keys) == len(set(keys)) >= 14
    assert all(option.description.endswith(".") for _, option, _ in settings.options())
