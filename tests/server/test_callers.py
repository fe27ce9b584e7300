"""A project in a real session: a model factory is judged through the programs that call it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from lsprotocol import types as lsp

from . import clients
from .clients import Editor

pytestmark = [pytest.mark.tf, pytest.mark.asyncio(loop_scope="module")]
MODELS = """\
from tensorflow import keras
from tensorflow.keras import layers


def build(shape, classes):
    return keras.Sequential([layers.Input(shape), layers.Conv2D(8, 3), layers.Flatten(), layers.Dense(classes)])
"""
GOOD = "from models import build\n\nmodel = build((28, 28, 1), 10)\n"
BAD = "from models import build\n\nprint('rows')\nmodel = build((28, 28), 10)\n"
FAULT = "layer-input"
SHAPES = {"-> (None, 26, 26, 8) float32", "-> (None, 5408) float32", "-> (None, 10) float32"}


@pytest_asyncio.fixture(loop_scope="module")
async def project(tmp_path: Path) -> AsyncIterator[Editor]:
    folder = tmp_path / "project"
    (folder / "app").mkdir(parents=True)
    async with clients.editor(folder) as made:
        yield made


async def labels(editor: Editor, uri: str) -> set[str]:
    return {str(hint.label) for hint in await editor.hints(uri)}


def changed(editor: Editor, path: Path, kind: lsp.FileChangeType) -> None:
    event = lsp.FileEvent(path.as_uri(), kind)
    editor.client.workspace_did_change_watched_files(lsp.DidChangeWatchedFilesParams([event]))


async def test_a_factory_is_judged_through_its_callers(project: Editor) -> None:
    train, other = project.folder / "train.py", project.folder / "app" / "other.py"
    train.write_text(GOOD)
    models = project.open("models.py", MODELS)
    await project.checked(models, set())
    assert await labels(project, models) >= SHAPES

    # A program that is new on the disk and calls the factory in another way.
    other.write_text(BAD)
    changed(project, other, lsp.FileChangeType.Created)
    (shown,) = await project.checked(models, {FAULT})
    assert "called from app/other.py line 4\n" in shown.message
    assert "as train.py line 3 calls it, this fits" in shown.message
    assert await labels(project, models) >= SHAPES

    # The fault goes when the program changes on the disk.
    other.write_text(GOOD)
    changed(project, other, lsp.FileChangeType.Changed)
    await project.checked(models, set())

    # An unsaved text counts before the file; both documents are open, and the fault is told once.
    program = project.open("train.py", GOOD)
    await project.checked(program, set())
    project.edit(program, BAD)
    (shown,) = await project.checked(models, {FAULT})
    await project.until(
        lambda: any("called from train.py line 4" in item.message for item in project.diagnostics(models) or ()),
        "the caller is named",
    )
    assert train.read_text() == GOOD
    project.close(program)
    await project.checked(models, set())


async def test_a_program_of_another_workspace_folder_does_not_call(project: Editor, tmp_path: Path) -> None:
    second = tmp_path / "second"
    second.mkdir()
    (second / "train.py").write_text(BAD)
    (project.folder / "train.py").write_text(GOOD)
    added = lsp.WorkspaceFoldersChangeEvent([lsp.WorkspaceFolder(second.as_uri(), second.name)], [])
    project.client.workspace_did_change_workspace_folders(lsp.DidChangeWorkspaceFoldersParams(added))
    models = project.open("models.py", MODELS)
    await project.checked(models, set())
    assert await labels(project, models) >= SHAPES
    elsewhere = project.open(str(second / "models.py"), MODELS)
    await project.checked(elsewhere, {FAULT})
    await project.checked(models, set())


async def test_each_workspace_folder_has_modules_of_its_own(project: Editor, tmp_path: Path) -> None:
    """Two folders with modules of the same names; what changes in one is not the other's."""
    second = tmp_path / "beside"
    second.mkdir()
    for folder, shape in ((project.folder, "(28, 28, 1)"), (second, "(28, 28)")):
        (folder / "models.py").write_text(MODELS)
        (folder / "sizes.py").write_text(f"SHAPE = {shape}\n")
    added = lsp.WorkspaceFoldersChangeEvent([lsp.WorkspaceFolder(second.as_uri(), second.name)], [])
    project.client.workspace_did_change_workspace_folders(lsp.DidChangeWorkspaceFoldersParams(added))
    text = "from models import build\nfrom sizes import SHAPE\n\nmodel = build(SHAPE, 10)\n"
    here, there = project.open("train.py", text), project.open(str(second / "train.py"), text)
    await project.checked(here, set())
    await project.checked(there, {FAULT})
    (second / "sizes.py").write_text("SHAPE = (14, 14, 3)\n")
    changed(project, second / "sizes.py", lsp.FileChangeType.Changed)
    await project.checked(there, set())
    await project.checked(here, set())
    # A folder that is taken away from the workspace.
    removed = lsp.WorkspaceFoldersChangeEvent([], [lsp.WorkspaceFolder(second.as_uri(), second.name)])
    project.client.workspace_did_change_workspace_folders(lsp.DidChangeWorkspaceFoldersParams(removed))
    await project.checked(here, set())
