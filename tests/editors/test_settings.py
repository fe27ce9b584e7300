"""The settings page of the VS Code extension says what the server's settings class says."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

from kls import __version__

EXTENSION = Path(__file__).parents[2] / "editors" / "vscode"


def _package() -> dict[str, Any]:
    package: dict[str, Any] = json.loads((EXTENSION / "package.json").read_text(encoding="utf-8"))
    return package


def test_the_schema_is_generated_from_the_settings() -> None:
    generator = runpy.run_path(str(EXTENSION / "scripts" / "settings.py"))
    text = (EXTENSION / "package.json").read_text(encoding="utf-8")
    assert generator["written"](json.loads(text)) == text, "run python editors/vscode/scripts/settings.py"


def test_what_could_start_a_program_is_restricted_in_an_untrusted_workspace() -> None:
    package = _package()
    restricted = set(package["capabilities"]["untrustedWorkspaces"]["restrictedConfigurations"])
    settings = set(package["contributes"]["configuration"]["properties"])
    assert {"kls.path", "kls.interpreter", "kls.worker.interpreter"} <= restricted <= settings


def test_the_lock_file_names_no_place_to_download_from() -> None:
    assert "resolved" not in (EXTENSION / "package-lock.json").read_text(encoding="utf-8")


def test_extension_and_server_have_one_version() -> None:
    assert _package()["version"] == __version__
