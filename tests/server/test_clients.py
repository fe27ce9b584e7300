"""What the server does for clients of other abilities, for untrusted folders, notebooks, and at its end."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest
from lsprotocol import types as lsp

from . import clients
from .test_sessions import FAULT, PROGRAM, WHOLE

EMOJI = 's = "😀😀"; x = np.zeros((32, 28, 28), "float32")'
MIXED = PROGRAM.replace('x = np.zeros((32, 28, 28), "float32")', EMOJI)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


@pytest.mark.tf
@pytest.mark.parametrize(
    ("offered", "chosen", "column"),
    [
        (["utf-8", "utf-16"], "utf-8", len('s = "12345678"; ')),
        (None, "utf-16", len('s = "1234"; ')),
        (["utf-32", "utf-8", "utf-16"], "utf-32", len('s = "12"; ')),
    ],
)
async def test_positions_are_in_the_clients_encoding(
    folder: Path, offered: list[str] | None, chosen: str, column: int
) -> None:
    async with clients.editor(folder, encodings=offered) as editor:
        capabilities = editor.client.init_result.capabilities
        assert capabilities.position_encoding == chosen
        uri = editor.open("a.py", MIXED)
        await editor.checked(uri, {FAULT})
        hint = next(hint for hint in await editor.hints(uri) if hint.position.line == 4)
        assert hint.position.character == column + 1
        await editor.until(
            lambda: (shown := editor.diagnostics(uri)) and shown[0].range.start == lsp.Position(4, column),
            f"the finding stands at the statement, {editor.diagnostics(uri)}",
        )
        assert "28, 28" in (await editor.hover(uri, 4, column) or "")
        action, *_ = await editor.actions(uri, WHOLE)
        edit = (await editor.client.code_action_resolve_async(action)).edit or action.edit
        assert edit is not None
        line = MIXED.splitlines()[4].encode(chosen if chosen == "utf-8" else f"{chosen}-le")
        width = {"utf-8": 1, "utf-16": 2, "utf-32": 4}[chosen]
        (change,) = edit.document_changes or ()
        assert isinstance(change, lsp.TextDocumentEdit)
        (one,) = change.edits
        assert one.range.start.line == 4
        start, end = one.range.start.character * width, one.range.end.character * width
        new = (line[:start] + one.new_text.encode(chosen if chosen == "utf-8" else f"{chosen}-le") + line[end:]).decode(
            chosen if chosen == "utf-8" else f"{chosen}-le"
        )
        editor.edit(uri, "\n".join([*MIXED.splitlines()[:4], new, *MIXED.splitlines()[5:], ""]))
        await editor.checked(uri, set())


@pytest.mark.tf
async def test_a_client_that_can_do_little_gets_plain_answers(folder: Path) -> None:
    def bare(capabilities: lsp.ClientCapabilities) -> None:
        capabilities.text_document = lsp.TextDocumentClientCapabilities()
        capabilities.workspace = lsp.WorkspaceClientCapabilities()
        capabilities.window = None

    async with clients.editor(folder, adjust=bare) as editor:
        uri = editor.open("a.py", PROGRAM)
        (diagnostic,) = await editor.checked(uri, {FAULT})
        assert diagnostic.related_information is None and "\nline 9: " in diagnostic.message
        text = await editor.hover(uri, 8, PROGRAM.splitlines()[8].index("x,"))
        assert text is not None and text.startswith("array x\n")
        action, *_ = await editor.actions(uri, WHOLE)
        assert action.edit is not None and action.edit.changes is not None and action.data is None
        assert editor.progress == [] and editor.refreshes == 0


async def test_an_untrusted_folder_is_only_read(folder: Path) -> None:
    async with clients.editor(folder, options={"trusted": False}) as editor:
        uri = editor.open("a.py", PROGRAM)
        await editor.until(lambda: [s for s in editor.statuses if s.state == "static"], "the status says static")
        assert "not trusted" in editor.statuses[-1].sentence
        await editor.checked(uri, set())
        assert not any(status.state == "starting" for status in editor.statuses)


async def test_an_untrusted_folder_has_what_the_text_alone_tells(folder: Path) -> None:
    text = "import keras\nlayer = keras.layers.Dense(1, activation='rellu')\n"
    async with clients.editor(folder, options={"trusted": False}) as editor:
        uri = editor.open("a.py", text)
        (diagnostic,) = await editor.checked(uri, {"unknown-identifier"})
        assert diagnostic.range.start.line == 1
        editor.edit(uri, text.replace("rellu", "relu"))
        await editor.checked(uri, set())
        assert not any(status.state == "starting" for status in editor.statuses)


@pytest.mark.tf
async def test_trust_is_asked_for_once_and_remembered(folder: Path) -> None:
    async with clients.editor(folder, options={}, answer="Trust") as editor:
        uri = editor.open("a.py", PROGRAM)
        await editor.checked(uri, {FAULT})
        assert len(editor.questions) == 1 and str(folder) in editor.questions[0].message
    async with clients.editor(folder, options={}) as editor:
        uri = editor.open("a.py", PROGRAM)
        await editor.checked(uri, {FAULT})
        assert editor.questions == []


async def test_no_answer_is_no_trust(folder: Path) -> None:
    async with clients.editor(folder, options={}) as editor:
        editor.open("a.py", PROGRAM)
        await editor.until(lambda: editor.questions, "the question is asked")
        await editor.until(lambda: [s for s in editor.statuses if s.state == "static"], "the status says static")
        editor.open("b.py", PROGRAM)
        await editor.checked(editor.uri("b.py"), set())
        assert len(editor.questions) == 1


@pytest.mark.tf
async def test_trust_can_be_granted_later(folder: Path) -> None:
    async with clients.editor(folder, options={"trusted": False}) as editor:
        uri = editor.open("a.py", PROGRAM)
        await editor.checked(uri, set())
        editor.client.protocol.notify("kls/trust", {"trusted": True})
        await editor.checked(uri, {FAULT})


async def test_an_interpreter_without_tensorflow_is_told(folder: Path) -> None:
    async with clients.editor(
        folder, options={"trusted": True, "settings": {"worker": {"interpreter": "/nowhere"}}}
    ) as editor:
        uri = editor.open("a.py", PROGRAM)
        await editor.checked(uri, set())
        assert editor.statuses[-1].state == "static"
        assert editor.statuses[-1].sentence == "kls.worker.interpreter is /nowhere, which does not exist"


async def test_a_projects_file_switches_off(folder: Path) -> None:
    (folder / "pyproject.toml").write_text('[tool.kls]\nworker.mode = "off"\nworker.timeout = 900\n')
    async with clients.editor(folder) as editor:
        uri = editor.open("a.py", PROGRAM)
        await editor.checked(uri, set())
        assert not any(status.state == "starting" for status in editor.statuses)
        messages = [message.message for message in editor.client.log_messages]
        assert any("kls.worker.timeout" in message and "may not" in message for message in messages)


@pytest.mark.tf
@pytest.mark.parametrize("beside", ["", "print 'done'\n"], ids=["whole", "beside a cell that does not parse"])
async def test_a_notebook_is_one_program_in_cells(folder: Path, beside: str) -> None:
    notebook, ending = (folder / "n.ipynb").as_uri(), PROGRAM.splitlines()
    texts = ["%matplotlib inline\n" + "\n".join(ending[:4]), "\n".join(ending[4:6]), "\n".join(ending[6:]), beside]
    cells = [f"vscode-notebook-cell:{folder.as_posix()}/n.ipynb#{name}" for name in "abcd"]

    def change(**parts: object) -> None:
        event = lsp.NotebookDocumentChangeEvent(cells=lsp.NotebookDocumentCellChanges(**parts))  # type: ignore[arg-type]
        version = lsp.VersionedNotebookDocumentIdentifier(2, notebook)
        editor.client.notebook_document_did_change(lsp.DidChangeNotebookDocumentParams(version, event))

    async with clients.editor(folder, adjust=clients.modern) as editor:
        editor.client.notebook_document_did_open(
            lsp.DidOpenNotebookDocumentParams(
                lsp.NotebookDocument(
                    notebook, "jupyter-notebook", 1, [lsp.NotebookCell(lsp.NotebookCellKind.Code, uri) for uri in cells]
                ),
                [lsp.TextDocumentItem(uri, "python", 1, text) for uri, text in zip(cells, texts, strict=True)],
            )
        )
        (diagnostic,) = await editor.checked(cells[1], {FAULT})
        assert diagnostic.range.start == lsp.Position(0, 0)
        assert {hint.position.line for hint in await editor.hints(cells[2])} == {0}
        assert "28, 28" in (await editor.hover(cells[1], 0, 0) or "")
        action, *_ = await editor.actions(cells[1], WHOLE)
        edit = (await editor.client.code_action_resolve_async(action)).edit
        assert edit is not None
        known = await editor.hints(cells[1])
        half = lsp.TextDocumentContentChangePartial(lsp.Range(lsp.Position(0, 0), lsp.Position(0, 0)), "(")
        for text, codes in ((half, set[str]()), (lsp.TextDocumentContentChangeWholeDocument(texts[2]), {FAULT})):
            where = lsp.VersionedTextDocumentIdentifier(2, cells[2])
            change(text_content=[lsp.NotebookDocumentCellContentChanges(where, [text])])
            await editor.checked(cells[1], codes)
            assert known == await editor.hints(cells[1])
        touched = [
            item.text_document.uri for item in edit.document_changes or () if isinstance(item, lsp.TextDocumentEdit)
        ]
        assert set(touched) <= set(cells)
        piece = lsp.TextDocumentContentChangePartial(
            lsp.Range(lsp.Position(0, texts[1].index("28, 28")), lsp.Position(0, texts[1].index("28, 28") + 6)), "784"
        )
        change(
            text_content=[
                lsp.NotebookDocumentCellContentChanges(lsp.VersionedTextDocumentIdentifier(2, cells[1]), [piece])
            ]
        )
        await editor.checked(cells[1], set())
        back = lsp.TextDocumentContentChangePartial(
            lsp.Range(lsp.Position(0, texts[1].index("28, 28")), lsp.Position(0, texts[1].index("28, 28") + 3)),
            "28, 28",
        )
        change(
            text_content=[
                lsp.NotebookDocumentCellContentChanges(lsp.VersionedTextDocumentIdentifier(3, cells[1]), [back])
            ]
        )
        await editor.checked(cells[1], {FAULT})
        change(
            structure=lsp.NotebookDocumentCellChangeStructure(
                lsp.NotebookCellArrayChange(1, 1, []), did_close=[lsp.TextDocumentIdentifier(cells[1])]
            )
        )
        await editor.checked(cells[1], set())


def _message(**body: object) -> bytes:
    text = json.dumps({"jsonrpc": "2.0", **body}).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(text), text)


async def _started(folder: Path) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "kls", "server", stdin=-1, stdout=-1, stderr=asyncio.subprocess.DEVNULL, cwd=folder
    )
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(_message(id=1, method="initialize", params={"capabilities": {}, "processId": os.getpid()}))
    head = await process.stdout.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split()[0])
    assert json.loads(await process.stdout.readexactly(length))["result"]["serverInfo"]["name"] == "kls"
    return process


async def test_it_ends_at_once_when_told_to(folder: Path) -> None:
    process = await _started(folder)
    assert process.stdin is not None
    process.stdin.write(_message(id=2, method="shutdown") + _message(method="exit"))
    assert await asyncio.wait_for(process.wait(), 1.5) == 0


async def test_it_ends_when_its_input_ends(folder: Path) -> None:
    process = await _started(folder)
    assert process.stdin is not None
    process.stdin.close()
    assert await asyncio.wait_for(process.wait(), 5) == 1
