"""The server, its workers and trust: taken back it ends a worker at once, and a weak sandbox must be agreed to."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from . import clients
from .test_clients import folder as folder
from .test_sessions import FAULT, PROGRAM, _children

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
POORER = str(Path(__file__).parents[1] / "sandbox" / "poorer.py")
WEAK = (sys.executable, "-I", POORER, "38", "unshare,landlock_create_ruleset")
"""Starts the server under a kernel without user namespaces and without Landlock."""

pytestmark = pytest.mark.tf


def _server(editor: clients.Editor) -> int:
    return editor.client._server.pid  # pyright: ignore[reportPrivateUsage]


def workers(editor: clients.Editor) -> list[int]:
    return [process for process, line in _children(_server(editor)) if b"bootstrap.py" in line]


def kls_trust(folder: Path, *arguments: str) -> None:
    """`kls trust` of the user whose editor has `folder` open."""
    home = folder.parent / f"{folder.name}-home"
    environment = {**os.environ, "XDG_CONFIG_HOME": str(home / "config")}
    subprocess.run([sys.executable, "-m", "kls", "trust", *arguments], env=environment, check=True, cwd=home)


@linux
@pytest.mark.parametrize("how", ["editor", "shell"])
async def test_trust_that_is_taken_back_ends_the_worker(folder: Path, how: str) -> None:
    async with clients.editor(folder, options={"trusted": True} if how == "editor" else {}, answer="Trust") as editor:
        uri = editor.open("a.py", PROGRAM)
        await editor.checked(uri, {FAULT})
        assert workers(editor)
        if how == "editor":
            editor.client.protocol.notify("kls/trust", {"trusted": False})
        else:
            kls_trust(folder, "--revoke", str(folder))
        await editor.checked(uri, set())
        await editor.until(lambda: editor.statuses[-1].state == "static", "the status says static")
        assert "not trusted" in editor.statuses[-1].sentence
        assert workers(editor) == []


@linux
async def test_a_weak_sandbox_is_asked_about_once(folder: Path) -> None:
    (folder / "pyproject.toml").write_text("[tool.kls]\nweak = true\nsandbox = false\nworker.weak = true\n")
    async with clients.editor(folder, answer="Dry-run all the same", before=WEAK) as editor:
        uri = editor.open("a.py", PROGRAM)
        await editor.until(lambda: editor.questions, "the weak sandbox is asked about")
        assert "read every file" in editor.questions[0].message
        await editor.checked(uri, {FAULT})
        status: Any = await editor.client.protocol.send_request_async("kls/status", None)
        (worker,) = status.worker
        assert worker.walls.tier == "Weak" and status.trust.weak is True
        assert worker.process.number in [number for number, _ in _children(_server(editor))]
        assert worker.process.processes >= 2 and worker.process.memory_bytes > 1 << 20
        assert [os.path.basename(path) for path in worker.read] == ["a.py"]
        kls_trust(folder, "--revoke", "--weak-sandbox")
        await editor.checked(uri, set())
        await editor.until(lambda: editor.statuses[-1].state == "static", "the status says static")
        assert "the sandbox is weak here" in editor.statuses[-1].sentence
        assert len(editor.questions) == 1
