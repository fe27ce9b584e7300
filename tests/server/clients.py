"""A real client for a real server process, as the tests of sessions use it."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from lsprotocol import types as lsp
from pytest_lsp import LanguageClient, client_capabilities, make_test_lsp_client

T = TypeVar("T")
PATIENCE = 60.0
"""Seconds to wait for a state; TensorFlow alone may take ten to load on a busy machine."""


class Editor:
    """The client with the states that tests wait for; every wait ends as soon as its state is there."""

    def __init__(self, client: LanguageClient, folder: Path) -> None:
        self.client = client
        self.folder = folder
        self.statuses: list[Any] = []
        self.progress: list[Any] = []
        self.refreshes = 0
        self.analysed: list[str] = []
        self.versions: dict[str, int] = {}
        self.published: list[lsp.PublishDiagnosticsParams] = []
        self.changed = asyncio.Condition()
        self.questions: list[lsp.ShowMessageRequestParams] = []
        self.answer: str | None = None
        self.settings: dict[str, Any] = {}
        self.settings_told = 0
        """How often the server has asked for the settings."""

    async def notice(self, change: Callable[[], None]) -> None:
        async with self.changed:
            change()
            self.changed.notify_all()

    async def until(self, state: Callable[[], Any], what: str) -> Any:
        """Wait until `state()` is true, and give it."""

        async def wait() -> Any:
            async with self.changed:
                while not (value := state()):
                    await self.changed.wait()
                return value

        try:
            return await asyncio.wait_for(wait(), PATIENCE)
        except asyncio.TimeoutError:
            log = [message.message for message in self.client.log_messages]
            raise AssertionError(f"never happened: {what}; statuses {self.statuses}; log {log}") from None

    async def until_async(self, look: Callable[[], Awaitable[T]], good: Callable[[T], bool]) -> T:
        """Look again and again until what is seen is good, and give it: for states that nothing announces."""
        clock = asyncio.get_running_loop().time
        until = clock() + PATIENCE
        while not good(seen := await look()):
            assert clock() < until, f"still {seen}"
            await asyncio.sleep(0.05)
        return seen

    async def configure(self, settings: dict[str, Any]) -> None:
        """Change the editor's settings, and wait until the server has taken them."""
        self.settings, told = settings, self.settings_told
        self.client.workspace_did_change_configuration(lsp.DidChangeConfigurationParams({}))
        await self.taken(told)

    async def taken(self, told: int = 0) -> None:
        """Wait until the server has asked for the settings more often than `told` times and has taken the answer."""
        await self.until(lambda: self.settings_told > told, "the server asks for the settings")
        await self.hover(self.uri(""), 0, 0)  # an answer to what was asked later

    def uri(self, name: str) -> str:
        return (self.folder / name).as_uri()

    def open(self, name: str, text: str) -> str:
        """Open a document; its URI."""
        uri = self.uri(name)
        self.versions[uri] = 1
        (self.folder / name).write_text(text, encoding="utf-8", newline="")
        self.client.text_document_did_open(lsp.DidOpenTextDocumentParams(lsp.TextDocumentItem(uri, "python", 1, text)))
        return uri

    def edit(self, uri: str, text: str) -> int:
        """Replace a document's text; the new version."""
        self.versions[uri] += 1
        self.client.text_document_did_change(
            lsp.DidChangeTextDocumentParams(
                lsp.VersionedTextDocumentIdentifier(version=self.versions[uri], uri=uri),
                [lsp.TextDocumentContentChangeWholeDocument(text)],
            )
        )
        return self.versions[uri]

    def close(self, uri: str) -> None:
        self.client.text_document_did_close(lsp.DidCloseTextDocumentParams(lsp.TextDocumentIdentifier(uri)))

    def diagnostics(self, uri: str) -> list[lsp.Diagnostic] | None:
        """What the editor shows; None where the server has said nothing yet."""
        last = next((item for item in reversed(self.published) if item.uri == uri), None)
        return None if last is None else list(last.diagnostics)

    async def checked(self, uri: str, codes: set[str]) -> list[lsp.Diagnostic]:
        """Wait until exactly the findings `codes` are shown."""
        await self.until(
            lambda: (shown := self.diagnostics(uri)) is not None and {str(item.code) for item in shown} == codes,
            f"{uri} shows {codes}, it shows {[(d.code, d.message) for d in self.diagnostics(uri) or []]}",
        )
        return self.diagnostics(uri) or []

    async def hover(self, uri: str, line: int, character: int) -> str | None:
        place = lsp.HoverParams(lsp.TextDocumentIdentifier(uri), lsp.Position(line, character))
        answer = await asyncio.wait_for(self.client.text_document_hover_async(place), 5)
        return answer.contents.value if answer and isinstance(answer.contents, lsp.MarkupContent) else None

    async def hints(self, uri: str) -> list[lsp.InlayHint]:
        everything = lsp.Range(lsp.Position(0, 0), lsp.Position(10_000, 0))
        params = lsp.InlayHintParams(lsp.TextDocumentIdentifier(uri), everything)
        return list(await self.client.text_document_inlay_hint_async(params) or [])

    async def actions(self, uri: str, where: lsp.Range, only: list[str] | None = None) -> list[lsp.CodeAction]:
        context = lsp.CodeActionContext([], only=only)
        params = lsp.CodeActionParams(lsp.TextDocumentIdentifier(uri), where, context)
        found = await self.client.text_document_code_action_async(params) or []
        return [action for action in found if isinstance(action, lsp.CodeAction)]


def modern(capabilities: lsp.ClientCapabilities) -> None:
    """What newer clients than the recorded one can do."""
    assert capabilities.workspace is not None and capabilities.text_document is not None
    capabilities.workspace.inlay_hint = lsp.InlayHintWorkspaceClientCapabilities(refresh_support=True)
    capabilities.notebook_document = lsp.NotebookDocumentClientCapabilities(
        lsp.NotebookDocumentSyncClientCapabilities()
    )


@asynccontextmanager
async def editor(
    folder: Path,
    *,
    capabilities: str = "visual_studio_code",
    encodings: list[str] | None = None,
    options: dict[str, Any] | None = None,
    answer: str | None = None,
    adjust: Callable[[lsp.ClientCapabilities], None] | None = None,
    before: tuple[str, ...] = (),
) -> AsyncIterator[Editor]:
    """A started server with `folder` as its workspace, trusted unless `options` say otherwise.

    `before` is a command that starts the server's own.
    """
    client = make_test_lsp_client()
    made = Editor(client, folder)
    made.answer = answer
    _listen(client, made)
    home = folder.parent / f"{folder.name}-home"
    home.mkdir(exist_ok=True)
    environment = {**os.environ, "XDG_CONFIG_HOME": str(home / "config"), "XDG_CACHE_HOME": str(home / "cache")}
    command = (*before, sys.executable, "-m", "kls", "server")
    await client.start_io(*command, env=environment, cwd=str(home))
    claimed = client_capabilities(capabilities)
    if encodings is not None:
        claimed.general = claimed.general or lsp.GeneralClientCapabilities()
        claimed.general.position_encodings = [lsp.PositionEncodingKind(name) for name in encodings]
    if adjust is not None:
        adjust(claimed)
    client.init_result = await client.initialize_session(
        lsp.InitializeParams(
            capabilities=claimed,
            process_id=os.getpid(),
            workspace_folders=[lsp.WorkspaceFolder(folder.as_uri(), folder.name)],
            initialization_options={"trusted": True} if options is None else options,
        )
    )
    if claimed.workspace is not None and claimed.workspace.configuration:
        await made.taken()
    try:
        yield made
    finally:
        await client.shutdown_session()
        await client.stop()


def _listen(client: LanguageClient, made: Editor) -> None:
    # pytest-lsp keeps these messages for its own fixtures; here each one is a state to wait for.
    def replace(name: str, handler: Callable[[Any], Any]) -> None:
        client.protocol.fm.features.pop(name, None)
        client.feature(name)(handler)

    async def published(params: lsp.PublishDiagnosticsParams) -> None:
        await made.notice(lambda: made.published.append(params))

    async def status(params: Any) -> None:
        await made.notice(lambda: made.statuses.append(params))

    async def analysed(params: Any) -> None:
        await made.notice(lambda: made.analysed.append(params.uri))

    async def progressed(params: lsp.ProgressParams) -> None:
        await made.notice(lambda: made.progress.append(params.value))

    async def refreshed(params: Any) -> None:
        def count() -> None:
            made.refreshes += 1

        await made.notice(count)

    async def asked(params: lsp.ShowMessageRequestParams) -> lsp.MessageActionItem | None:
        await made.notice(lambda: made.questions.append(params))
        return lsp.MessageActionItem(made.answer) if made.answer else None

    async def configuration(params: lsp.ConfigurationParams) -> list[Any]:
        def count() -> None:
            made.settings_told += 1

        await made.notice(count)
        return [made.settings for _ in params.items]

    replace(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS, published)
    replace("kls/status", status)
    replace("kls/analysed", analysed)
    replace(lsp.PROGRESS, progressed)
    replace(lsp.WORKSPACE_INLAY_HINT_REFRESH, refreshed)
    replace(lsp.WORKSPACE_CODE_LENS_REFRESH, lambda params: None)
    replace(lsp.WINDOW_SHOW_MESSAGE_REQUEST, asked)
    replace(lsp.WORKSPACE_CONFIGURATION, configuration)
    replace(lsp.CLIENT_REGISTER_CAPABILITY, lambda params: None)
    replace(lsp.WINDOW_WORK_DONE_PROGRESS_CREATE, lambda params: None)
