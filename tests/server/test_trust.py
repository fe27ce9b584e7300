"""Trust is remembered by folder, in the user's own configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from kls import trust


@pytest.fixture(autouse=True)
def _own_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust.platformdirs, "user_config_path", lambda name: tmp_path / "config" / name)


def test_the_nearest_remembered_folder_decides(tmp_path: Path) -> None:
    work = tmp_path / "work"
    (work / "downloads" / "x").mkdir(parents=True)
    assert trust.recall(str(work)) is None
    trust.remember(str(work), True)
    trust.remember(str(work / "downloads"), False)
    assert trust.recall(str(work)) is True
    assert trust.recall(str(work / "downloads" / "x")) is False
    assert trust.recall(str(tmp_path)) is None


def test_a_link_into_an_untrusted_folder_is_untrusted(tmp_path: Path) -> None:
    (tmp_path / "trusted").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "trusted" / "link").symlink_to(tmp_path / "other")
    trust.remember(str(tmp_path / "trusted"), True)
    assert trust.recall(str(tmp_path / "trusted" / "link")) is None


def test_a_damaged_file_trusts_nothing(tmp_path: Path) -> None:
    trust.remember(str(tmp_path), True)
    for text in ("{", "[]", '{"folders": []}', '{"folders": {"/": "yes"}}'):
        trust.store().write_text(text)
        assert trust.recall(str(tmp_path)) is None
