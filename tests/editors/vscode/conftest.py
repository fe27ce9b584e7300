"""A real VS Code for the tests: its workbench from code-server, the packaged extension, a headless Chromium."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import pytest

ROOT = Path(__file__).parents[3]
HERE = Path(__file__).parent
PARTS = ROOT / ".cache" / "editors"
VSIX = ROOT / "editors" / "vscode" / "kls.vsix"
# Nothing of kls: what somebody has who has just installed the extension.
QUIET: dict[str, Any] = {
    "workbench.startupEditor": "none",
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "window.autoDetectColorScheme": True,
    "workbench.preferredLightColorTheme": "Default Light Modern",
    "workbench.preferredDarkColorTheme": "Default Dark Modern",
    "workbench.reduceMotion": "on",
    "chat.disableAIFeatures": True,
    "telemetry.telemetryLevel": "off",
    "update.mode": "none",
    "extensions.autoCheckUpdates": False,
    "extensions.autoUpdate": False,
    "git.enabled": False,
    "security.workspace.trust.startupPrompt": "never",
    "files.autoSave": "off",
    "editor.minimap.enabled": False,
}
SETTINGS: dict[str, Any] = QUIET | {
    # The copy inside the VSIX is what is tested, with the TensorFlow of the tests' own Python.
    "kls.importStrategy": "useBundled",
    "kls.worker.interpreter": sys.executable,
    # A machine that does much at once may need longer for a large model than kls waits by itself.
    "kls.worker.timeout": 60,
}


@dataclass(frozen=True)
class Workbench:
    """A running workbench on a loopback port, and the folder that it shows."""

    port: int
    folder: Path

    def url(self, payload: Sequence[tuple[str, str]] = ()) -> str:
        """The address of the workbench with `folder` open."""
        extra = f"&payload={quote(json.dumps(list(payload)))}" if payload else ""
        return f"http://127.0.0.1:{self.port}/?folder={quote(str(self.folder))}{extra}"

    def remote(self, path: Path) -> str:
        """A file as the browser's side of the workbench names it."""
        return f"vscode-remote://127.0.0.1:{self.port}{path}"

    def run_host_tests(self, tests: Path, seconds: float, helper: Path = HERE / "helper") -> str:
        """Run `tests` (a module with `run()`) in the extension host; what it printed. Fails when one fails.

        `helper` is the extension that they belong to.
        """
        payload = [
            ("extensionDevelopmentPath", self.remote(helper)),
            ("extensionTestsPath", self.remote(tests)),
            ("skipWelcome", "true"),
        ]
        return _browser("host", self.url(payload), seconds=seconds)

    def look(self, script: Path, seconds: float, **options: Any) -> str:
        """Run the default export of `script` with the page; what it printed."""
        return _browser("look", self.url(), str(script), json.dumps(options), seconds=seconds)


def _browser(*arguments: str, seconds: float) -> str:
    environment = {
        **os.environ,
        "PLAYWRIGHT": str(PARTS / "driver" / "node_modules" / "playwright-core"),
        "CHROMIUM": shutil.which("chromium") or "chromium",
    }
    node = PARTS / "node" / "node_modules" / "node" / "bin" / "node"
    command = [node, HERE / "browser.mjs", *arguments]
    browser = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    try:
        said, _ = browser.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        # The group, or Chromium would stay.
        os.killpg(browser.pid, signal.SIGKILL)
        said = browser.communicate()[0] + f"\n(stopped after {seconds:g} s)"
    # The workbench's own log comes with it, where a missing marketplace and the like are reported at length.
    said = re.sub(r"(?m)^(\[\w+\] (?!TEST)|\s+at ).*\n", "", said)
    assert browser.returncode == 0, f"the browser's side failed:\n{said[-6000:]}"
    return said


@pytest.fixture(scope="session")
def parts() -> Path:
    """The folder with code-server, node and playwright-core, which `tests/editors/run` fills."""
    if os.environ.get("KLS_EDITORS") != "all":
        # A package that lies there from another time is not this extension.
        pytest.skip("tests/editors/run installs VS Code, packages the extension and runs this")
    needed = (PARTS / "code-server", PARTS / "node", PARTS / "driver", VSIX)
    lacking = [str(path) for path in needed if not path.exists()]
    if lacking:
        pytest.fail(f"these parts of the VS Code tests are missing: {', '.join(lacking)}")
    return PARTS


@pytest.fixture
def workbench(parts: Path, tmp_path: Path) -> Iterator[Workbench]:
    """A fresh workbench with the packaged extension; its own settings, extensions and profile. It trusts its folder."""
    with _serve(parts, tmp_path, "--disable-workspace-trust") as running:
        yield running


@pytest.fixture
def wary_workbench(parts: Path, tmp_path: Path) -> Iterator[Workbench]:
    """The same, with a folder that nobody has said to trust."""
    with _serve(parts, tmp_path) as running:
        yield running


@pytest.fixture
def fresh_workbench(parts: Path, tmp_path: Path) -> Iterator[Workbench]:
    """The same as a newcomer has it: no setting, and TensorFlow in the folder's own `env` alone."""
    with _serve(parts, tmp_path, "--disable-workspace-trust", settings=QUIET, environment=_unhelped()) as running:
        (running.folder / "env").symlink_to(sys.prefix, target_is_directory=True)
        yield running


@pytest.fixture
def choosing_workbench(parts: Path, tmp_path: Path, bare: Path) -> Iterator[Workbench]:
    """The same as one who chooses environments has it: no setting of kls, no environment in sight."""
    with _serve(parts, tmp_path, "--disable-workspace-trust", settings=QUIET, environment=_unhelped()) as running:
        interpreters = [sys.executable, str(bare)]
        (running.folder / "interpreters.json").write_text(json.dumps(interpreters), encoding="utf-8")
        yield running


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A Python that has no package."""
    folder = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=300)
    return folder / "bin" / "python"


@pytest.fixture
def bare_workbench(parts: Path, tmp_path: Path, bare: Path) -> Iterator[Workbench]:
    """The same with a Python that has no package."""
    settings = SETTINGS | {"kls.worker.interpreter": str(bare)}
    with _serve(parts, tmp_path, "--disable-workspace-trust", settings=settings) as running:
        yield running


def _unhelped() -> dict[str, str]:
    """An environment that names no virtual environment."""
    return {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "CONDA_PREFIX")}


@contextmanager
def _serve(
    parts: Path,
    tmp_path: Path,
    *more: str,
    settings: Mapping[str, Any] = SETTINGS,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Workbench]:
    home, folder = tmp_path / "run", tmp_path / "work"
    (home / "data" / "Machine").mkdir(parents=True)
    folder.mkdir()
    # Machine settings are there before the extension host is; a browser profile's user settings may come later.
    (home / "data" / "Machine" / "settings.json").write_text(json.dumps(settings))
    (home / "config.yaml").write_text("bind-addr: 127.0.0.1:0\nauth: none\n")
    node = parts / "node" / "node_modules" / "node" / "bin" / "node"
    entry = parts / "code-server" / "node_modules" / "code-server" / "out" / "node" / "entry.js"
    base = [
        node,
        entry,
        "--config",
        home / "config.yaml",
        "--user-data-dir",
        home / "data",
        "--extensions-dir",
        home / "ext",
    ]
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    given = {**(environment or {**os.environ, "PATH": path}), "XDG_CONFIG_HOME": str(home / "xdg")}
    subprocess.run([*base, "--install-extension", VSIX, "--force"], env=given, check=True, timeout=300)
    flags = ["--auth", "none", "--disable-telemetry", "--disable-update-check", *more]
    serve = [*base, *flags, "--bind-addr", "127.0.0.1:0", "--vscode-option", "enable-smoke-test-driver"]
    process = subprocess.Popen(
        serve, env=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    assert process.stdout is not None
    try:
        port = _port(process.stdout)
        # Read on, or a full pipe would stop the server.
        threading.Thread(target=process.stdout.read, daemon=True).start()
        yield Workbench(port, folder)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(120)


def _port(output: IO[str]) -> int:
    """The port that code-server chose, from the line in which it says so."""
    said = ""
    for line in output:
        said += line
        if found := re.search(r"listening on http://127\.0\.0\.1:(\d+)", line):
            return int(found[1])
    raise AssertionError(f"code-server ended before it listened:\n{said}")
