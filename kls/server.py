"""The language server: pygls handlers, each short, all on one event loop; nothing slow runs here.

The handlers put the editor's events into the session and answer from what it last found out. They never run in the
thread pool, because the pool reads stdin.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Coroutine
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer

from kls import __version__, documents, hardware, rules, trust
from kls import settings as options
from kls.documents import Snapshot
from kls.facts import Finding
from kls.lsp import (
    FIX_ALL,
    Converter,
    Notebook,
    changed_notebook,
    changed_text,
    chosen_fix,
    client,
    opened_notebook,
    plain_range,
    wants,
)
from kls.session import Session, out_of_time
from kls.workplace import Status, Workplaces

log = logging.getLogger("kls")
STATUS = "kls/status"
RESTART = "kls/restartWorker"
CHECK = "kls/check"
TRUST = "kls/trust"
GRAPH = "kls/graph"
SUMMARY = "kls/summary"
ANALYSED = "kls/analysed"
PROBE_STEP = "kls/probeStep"
PATIENCE = 5.0
"""Seconds that a request for quick fixes waits for the trial of the fixes to end."""
EXIT_SECONDS = 2.0
"""Seconds after `exit` until the process ends whatever it is doing."""
_NOTEBOOKS = lsp.NotebookDocumentSyncOptions(
    notebook_selector=[
        lsp.NotebookDocumentFilterWithCells(
            cells=[lsp.NotebookCellLanguage(language="python")],
            notebook=lsp.NotebookDocumentFilterNotebookType(notebook_type=kind),
        )
        for kind in ("jupyter-notebook", "interactive")
    ]
)


class Server(LanguageServer):
    """The connection to one editor; it is also what the session tells its news to."""

    def __init__(self, workplaces: Workplaces) -> None:
        super().__init__("kls", __version__, lsp.TextDocumentSyncKind.Full, _NOTEBOOKS, max_workers=2)  # pyright: ignore[reportUnknownMemberType]
        self.session = Session(self, workplaces)
        self.converter = Converter(client(lsp.ClientCapabilities(), None), self.session.open_path, _manual)
        self.initial = options.Settings()
        """What came with `initialize`; later settings are laid over it."""
        self.clean = False
        """Whether the client asked for the shutdown."""
        self.tasks: set[asyncio.Task[Any]] = set()
        self.commands: tuple[str, ...] = ()
        """Commands of the client's own that a lens may offer."""
        self.watched: set[str] = set()
        """Documents whose graph or summary the client has asked for: it hears when they are new."""
        self.loading: str | None = None
        """Token of the progress that is shown while TensorFlow loads."""

    def publish(self, snapshot: Snapshot, uri: str, findings: tuple[Finding, ...]) -> None:
        """Show exactly `findings` in the document or cell `uri`."""
        made = (self.converter.diagnostic(snapshot, finding) for finding in findings)
        version = next((cell.version for cell in snapshot.cells if cell.uri == uri), snapshot.version)
        shown = [diagnostic for diagnostic in made if diagnostic is not None]
        self.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, shown, version))

    def hints_changed(self) -> None:
        """Have the client ask for hints again."""
        if self.converter.client.refreshes_hints:
            self.later(self.workspace_inlay_hint_refresh_async(None))
        if self.converter.client.refreshes_lenses:
            self.later(self.workspace_code_lens_refresh_async(None))

    def shapes_changed(self, uri: str) -> None:
        """Tell a client that looks at this document's graph or summary."""
        if uri in self.watched:
            self.protocol.notify(ANALYSED, {"uri": uri})

    def status_changed(self, status: Status) -> None:
        """Tell the client in one sentence what the worker does, and show progress while TensorFlow loads."""
        self.protocol.notify(STATUS, asdict(status))
        log.info("%s", status.sentence)
        if self.converter.client.progress:
            self.later(self._show_progress(status))

    async def ask_trust(self, folder: str) -> bool | None:
        """Ask in the editor whether programs of `folder` may be dry-run."""
        yes, no = lsp.MessageActionItem("Trust"), lsp.MessageActionItem("Only read")
        answer = await self.window_show_message_request_async(
            lsp.ShowMessageRequestParams(lsp.MessageType.Info, trust.QUESTION.format(folder=folder), [yes, no])
        )
        return answer.title == yes.title if answer else None

    async def ask_weak(self) -> bool | None:
        """Ask in the editor whether a weak sandbox will do."""
        yes, no = lsp.MessageActionItem("Dry-run all the same"), lsp.MessageActionItem("Only read")
        question = trust.WEAK_QUESTION.format(missing=trust.WEAK)
        answer = await self.window_show_message_request_async(
            lsp.ShowMessageRequestParams(lsp.MessageType.Warning, question, [yes, no])
        )
        return answer.title == yes.title if answer else None

    async def _show_progress(self, status: Status) -> None:
        if status.state == "starting" and self.loading is None:
            token = self.loading = f"kls-{id(status)}"
            await self.window_work_done_progress_create_async(lsp.WorkDoneProgressCreateParams(token))
            self.progress(lsp.ProgressParams(token, lsp.WorkDoneProgressBegin("kls", message=status.sentence)))
            if self.session.status.state == "starting":
                return
        if self.session.status.state != "starting" and self.loading is not None:
            token, self.loading = self.loading, None
            self.progress(lsp.ProgressParams(token, lsp.WorkDoneProgressEnd(message=self.session.status.sentence)))

    def later(self, work: Coroutine[Any, Any, Any]) -> None:
        """Do `work` beside everything else; what it raises is logged."""
        task = asyncio.get_running_loop().create_task(_guarded(work))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def report_server_error(self, error: Exception, source: Any) -> None:
        """Errors go to the log; a popup for each would only be in the way."""
        log.error("%s: %r", getattr(source, "__name__", source), error)

    async def read_settings(self, pushed: Any = None) -> None:
        """Take the settings from the client: asked for where it answers that, else from what it pushed."""
        value = pushed
        if self.converter.client.configuration:
            items = [lsp.ConfigurationItem(section="kls")]
            try:
                answer = await self.workspace_configuration_async(lsp.ConfigurationParams(items))
                value = next(iter(answer), None)
            except JsonRpcException as error:
                log.warning("the client does not tell its settings: %s", error)
        chosen, problems = options.parse(value, self.initial)
        for problem in problems:
            log.warning("%s", problem)
        log.setLevel(_LEVELS[chosen.log_level])
        self.session.configure(chosen)


async def _guarded(work: Coroutine[Any, Any, Any]) -> None:
    try:
        await work
    except JsonRpcException as error:
        log.debug("the client refused: %s", error)
    except Exception:
        log.exception("work beside the requests failed")


def _manual(code: str) -> str | None:
    """The rule's own page, which is installed with kls."""
    page = Path(rules.__file__ or "").with_name(code.replace("-", "_") + ".py")
    return page.as_uri() if page.is_file() else None


def build(workplaces: Workplaces) -> Server:
    """The server with its handlers."""
    server = Server(workplaces)
    _life(server)
    _documents(server)
    _notebooks(server)
    _requests(server)
    return server


def _life(server: Server) -> None:
    session = server.session

    async def initialize(params: lsp.InitializeParams) -> None:
        encoding = server.workspace.position_encoding
        server.converter = Converter(client(params.capabilities, encoding), session.open_path, _manual)
        given = _object(params.initialization_options)
        trusted = given.get("trusted")
        session.consent.client = trusted if isinstance(trusted, bool) else None
        commands = given.get("commands")
        server.commands = tuple(map(str, cast("list[Any]", commands))) if isinstance(commands, list) else ()
        server.initial, problems = options.parse(given.get("settings"))
        log.addHandler(_ToClient(server, asyncio.get_running_loop()))
        log.propagate = False
        log.setLevel(_LEVELS[server.initial.log_level])
        for problem in problems:
            log.warning("%s", problem)
        session.workplaces.folders = tuple(
            path for folder in server.workspace.folders.values() if (path := documents.path_of(folder.uri))
        )
        if not session.workplaces.folders and server.workspace.root_uri:
            session.workplaces.folders = (documents.path_of(server.workspace.root_uri),)
        server.later(_end_with_the_loop(server))
        if params.process_id is not None:
            server.later(_end_with(params.process_id))

    async def initialized(params: lsp.InitializedParams) -> None:
        await server.read_settings()
        session.watch_trust()
        wanted: list[lsp.Registration] = []
        if server.converter.client.watches_configuration:
            section = {"section": "kls"}
            wanted.append(lsp.Registration("kls-settings", lsp.WORKSPACE_DID_CHANGE_CONFIGURATION, section))
        if server.converter.client.watches_files:
            watched = [lsp.FileSystemWatcher("**/*.py"), lsp.FileSystemWatcher("**/pyproject.toml")]
            files = lsp.DidChangeWatchedFilesRegistrationOptions(watched)
            wanted.append(lsp.Registration("kls-files", lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES, files))
        if wanted:
            await server.client_register_capability_async(lsp.RegistrationParams(wanted))

    async def configured(params: lsp.DidChangeConfigurationParams) -> None:
        await server.read_settings(params.settings)

    async def on_disk(params: lsp.DidChangeWatchedFilesParams) -> None:
        for change in params.changes:
            session.changed_on_disk(documents.path_of(change.uri))

    async def folders(params: lsp.DidChangeWorkspaceFoldersParams) -> None:
        session.workplaces.folders = tuple(filter(None, (documents.path_of(uri) for uri in server.workspace.folders)))
        session.refresh()

    async def shutdown(params: None) -> None:
        server.clean = True
        with contextlib.suppress(TimeoutError, asyncio.TimeoutError):
            await asyncio.wait_for(session.stop(), EXIT_SECONDS)

    async def leave(params: None) -> None:
        # A thread still waits for input, and Python would wait for the thread.
        os._exit(0 if server.clean else 1)

    server.feature(lsp.INITIALIZE)(initialize)
    server.feature(lsp.INITIALIZED)(initialized)
    server.feature(lsp.WORKSPACE_DID_CHANGE_CONFIGURATION)(configured)
    server.feature(lsp.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)(folders)
    server.feature(lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES)(on_disk)
    server.feature(lsp.SHUTDOWN)(shutdown)
    server.feature(lsp.EXIT)(leave)


def _documents(server: Server) -> None:
    session = server.session

    async def opened(params: lsp.DidOpenTextDocumentParams) -> None:
        item = params.text_document
        session.opened(documents.file_snapshot(item.uri, item.version, item.text))

    async def changed(params: lsp.DidChangeTextDocumentParams) -> None:
        uri = params.text_document.uri
        before = session.snapshot(uri)
        text = changed_text(before.text if before else "", params.content_changes, server.converter.client.encoding)
        session.edited(documents.file_snapshot(uri, params.text_document.version, text))

    async def saved(params: lsp.DidSaveTextDocumentParams) -> None:
        session.saved(params.text_document.uri)

    async def closed(params: lsp.DidCloseTextDocumentParams) -> None:
        session.closed(params.text_document.uri)
        server.watched.discard(params.text_document.uri)

    server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)(opened)
    server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)(changed)
    server.feature(lsp.TEXT_DOCUMENT_DID_SAVE)(saved)
    server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)(closed)


def _notebooks(server: Server) -> None:
    session = server.session
    known: dict[str, Notebook] = {}

    async def opened(params: lsp.DidOpenNotebookDocumentParams) -> None:
        notebook = known[params.notebook_document.uri] = opened_notebook(params)
        session.opened(notebook.snapshot())

    async def changed(params: lsp.DidChangeNotebookDocumentParams) -> None:
        uri = params.notebook_document.uri
        if uri in known:
            known[uri] = changed_notebook(known[uri], params, server.converter.client.encoding)
            session.edited(known[uri].snapshot())

    async def saved(params: lsp.DidSaveNotebookDocumentParams) -> None:
        session.saved(params.notebook_document.uri)

    async def closed(params: lsp.DidCloseNotebookDocumentParams) -> None:
        known.pop(params.notebook_document.uri, None)
        session.closed(params.notebook_document.uri)
        server.watched.discard(params.notebook_document.uri)

    server.feature(lsp.NOTEBOOK_DOCUMENT_DID_OPEN)(opened)
    server.feature(lsp.NOTEBOOK_DOCUMENT_DID_CHANGE)(changed)
    server.feature(lsp.NOTEBOOK_DOCUMENT_DID_SAVE)(saved)
    server.feature(lsp.NOTEBOOK_DOCUMENT_DID_CLOSE)(closed)


def _requests(server: Server) -> None:
    session = server.session

    async def hover(params: lsp.HoverParams) -> lsp.Hover | None:
        uri = params.text_document.uri
        snapshot = session.snapshot(uri)
        place = server.converter.place(snapshot, uri, params.position) if snapshot else None
        text = session.hover(uri, *place) if place else None
        return server.converter.hover(snapshot, text) if snapshot and text else None

    async def hints(params: lsp.InlayHintParams) -> list[lsp.InlayHint]:
        uri = params.text_document.uri
        snapshot = session.snapshot(uri)
        first, last = (snapshot.extent(uri) if snapshot else None) or (1, 0)
        low, high = first + params.range.start.line, min(last, first + params.range.end.line)
        found = session.hints(uri)
        return [server.converter.hint(snapshot, hint) for hint in found if snapshot and low <= hint.line <= high]

    async def lenses(params: lsp.CodeLensParams) -> list[lsp.CodeLens]:
        uri = params.text_document.uri
        snapshot = session.snapshot(uri)
        found = session.lenses(uri) if snapshot else ()
        shown = (lens for lens in found if snapshot and snapshot.locate(lens.line)[0] == uri)
        return [made for lens in shown if snapshot for made in server.converter.lens(snapshot, lens, server.commands)]

    async def graph(params: Any) -> dict[str, Any]:
        uri = await looked_at(params)
        found = session.graphs(uri)
        pictures = [server.converter.graph(found[0], picture) for picture in found[1]] if found else []
        return {"uri": uri, "graphs": pictures, "reason": None if pictures else why_nothing(uri)}

    async def summary(params: Any) -> dict[str, Any]:
        uri = await looked_at(params)
        text = session.summary(uri)
        return {"uri": uri, "text": text, "reason": None if text else why_nothing(uri)}

    async def looked_at(params: Any) -> str:
        """The document that a request is about, after its first analysis; its client hears of every later one."""
        asked = str(_object(params).get("uri"))
        uri = session.owner(asked) or asked
        server.watched.add(uri)
        if session.graphs(uri) is None:
            await session.settled(uri, PATIENCE)
        return uri

    def why_nothing(uri: str) -> str:
        analysis = session.analysis(uri)
        if analysis is None:
            return session.status.sentence
        reason = analysis.reason or "no model is made in this file"
        return out_of_time(reason) or reason

    async def actions(params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
        uri, only = params.text_document.uri, params.context.only
        await session.settled(uri, PATIENCE)
        snapshot, findings = session.snapshot(uri), session.findings(uri)
        if snapshot is None:
            return []
        offered: list[lsp.CodeAction] = []
        if wants(only, lsp.CodeActionKind.QuickFix.value):
            offered += server.converter.quick_fixes(snapshot, findings, uri, params.range)
        if only is not None and wants(only, FIX_ALL):
            everything = server.converter.fix_all(snapshot, findings)
            offered += [everything] if everything else []
        return offered

    async def resolve(action: lsp.CodeAction) -> lsp.CodeAction:
        data = _object(action.data)
        uri = str(data.get("uri"))
        snapshot = session.snapshot(uri)
        fix = chosen_fix(session.findings(uri), data)
        if snapshot is not None and fix is not None and snapshot.version == data.get("version"):
            action.edit = server.converter.workspace_edit(snapshot, fix.edits)
        return action

    async def status(params: Any = None) -> dict[str, Any]:
        return asdict(session.status) | {"trust": session.trust_facts(), "worker": session.workplaces.describe()}

    async def restart(params: Any = None) -> None:
        await session.restart_worker()

    async def check(uri: str) -> None:
        session.check(uri)

    async def probe_step(params: Any) -> dict[str, Any]:
        given = _object(params)
        return await probed(str(given.get("uri")), given.get("line"), given.get("again") is True)

    async def probed(uri: str, line: object, again: bool) -> dict[str, Any]:
        """One real step of the call nearest to `line` (from 0, in the document or cell `uri`), and what it told."""
        snapshot = session.snapshot(uri)
        inside = snapshot.place(uri, line + 1) if snapshot and isinstance(line, int) else None
        span, measured = await session.probe_step(uri, inside, again)
        snapshot = session.snapshot(uri)
        where = server.converter.location(snapshot, span) if snapshot and span else None
        place = {"uri": where.uri, "range": plain_range(where.range)} if where else None
        sentence = measured.reason or (hardware.sentence(measured.step) if measured.step else "")
        return {"uri": uri, "place": place, "sentence": sentence, "step": hardware.as_json(measured)}

    async def start_step(uri: str, *more: object) -> None:
        # Some clients hold the editor until a command answers: it answers at once, and the sentence follows.
        server.later(shown_step(uri, *more))

    async def shown_step(uri: str, line: object = None, again: object = False, *_: object) -> None:
        answer = await probed(uri, line, again is True)
        server.window_show_message(lsp.ShowMessageParams(lsp.MessageType.Info, f"kls: {answer['sentence']}"))

    async def trusted(params: Any) -> None:
        await session.set_workspace_trust(getattr(params, "trusted", False) is True)

    kinds = [lsp.CodeActionKind.QuickFix, FIX_ALL]
    server.feature(lsp.TEXT_DOCUMENT_HOVER)(hover)
    server.feature(lsp.TEXT_DOCUMENT_INLAY_HINT)(hints)
    server.feature(lsp.TEXT_DOCUMENT_CODE_LENS)(lenses)
    server.feature(lsp.TEXT_DOCUMENT_CODE_ACTION, lsp.CodeActionOptions(kinds, resolve_provider=True))(actions)
    server.feature(lsp.CODE_ACTION_RESOLVE)(resolve)
    server.feature(STATUS)(status)
    server.feature(RESTART)(restart)
    server.feature(TRUST)(trusted)
    server.feature(GRAPH)(graph)
    server.feature(SUMMARY)(summary)
    server.command(STATUS)(status)
    server.command(RESTART)(restart)
    server.command(CHECK)(check)
    server.feature(PROBE_STEP)(probe_step)
    server.command(PROBE_STEP)(start_step)


def _object(value: Any) -> dict[str, Any]:
    """A JSON object whether pygls left it a dict or made it a record of its own."""
    if hasattr(value, "_asdict"):
        value = value._asdict()
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


class _ToClient(logging.Handler):
    """Log records as `window/logMessage`, from whatever thread."""

    def __init__(self, server: Server, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self.server, self.loop = server, loop

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record."""
        kind = next((kind for level, kind in _KINDS if record.levelno >= level), lsp.MessageType.Debug)
        params = lsp.LogMessageParams(kind, self.format(record))
        with contextlib.suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self.server.window_log_message, params)


_LEVELS = {"error": logging.ERROR, "warning": logging.WARNING, "info": logging.INFO, "debug": logging.DEBUG}
_KINDS = (
    (logging.ERROR, lsp.MessageType.Error),
    (logging.WARNING, lsp.MessageType.Warning),
    (logging.INFO, lsp.MessageType.Info),
)


async def _end_with(parent: int) -> None:
    """End this process soon after the editor has died without saying so.

    An editor that is not among the visible processes (another PID namespace) is not watched, and neither is one on
    Windows; there the end of stdin tells.
    """
    if os.name == "nt" or not _alive(parent):
        return
    await _gone(parent)
    log.error("the editor is gone")
    _arm_watchdog(1)
    signal.raise_signal(signal.SIGTERM)


async def _gone(process: int) -> None:
    """Wait until `process` has ended: told by the kernel on Linux, seen within three seconds elsewhere."""
    loop = asyncio.get_running_loop()
    try:
        descriptor = os.pidfd_open(process) if sys.platform == "linux" else -1
    except (OSError, AttributeError):
        descriptor = -1
    if descriptor < 0:
        while _alive(process):
            await asyncio.sleep(3)
        return
    ended = asyncio.Event()
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


async def _end_with_the_loop(server: Server) -> None:
    """End this process soon after its event loop begins to end, even where a task never lets itself be cancelled.

    asyncio waits for its tasks without a limit, and one that is cancelled while it makes a process may wait for ever.
    """
    try:
        await asyncio.Event().wait()
    finally:
        _arm_watchdog(0 if server.clean else 1)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _arm_watchdog(code: int) -> None:
    """End this process in EXIT_SECONDS even where a thread still waits for input."""
    timer = threading.Timer(EXIT_SECONDS, os._exit, (code,))
    timer.daemon = True
    timer.start()


def main() -> int:
    """Serve one editor on stdin and stdout until it leaves; the exit code is 0 after an orderly shutdown.

    The two streams are moved away first: whatever prints, or reads, finds stderr and nothing.
    """
    wire_in, wire_out = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    logging.getLogger("pygls").setLevel(logging.WARNING)
    # pygls would have every edit of a notebook cell sent whole; lsp.changed_notebook takes them as they come.
    logging.getLogger("pygls.workspace.text_document").setLevel(logging.CRITICAL)
    workplaces = Workplaces()
    server = build(workplaces)
    try:
        server.start_io(wire_in, wire_out)
    finally:
        _arm_watchdog(0 if server.clean else 1)
    return 0 if server.clean else 1
