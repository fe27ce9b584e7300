"""The only mutable state of the server: open documents, their generations and tasks, and what was published.

While somebody types, what is new and does not speak of the lines that they type waits for a pause.

Invariants. A document has at most one task; an edit cancels it and raises the generation, and a result of an older
generation is dropped. Findings are published only when they differ from what the editor shows. A file with a syntax
error shows none, and keeps the hints of its last good version. Requests are answered from the last analysis, at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from kls import carrying, describe, graph, hardware, settings, trust
from kls.analysis import Analysis, Tools, analyse
from kls.consent import Consent
from kls.documents import Snapshot, moved
from kls.facts import Finding, Severity, Span
from kls.hardware import Measured
from kls.published import Published
from kls.rules import STEP_CODES
from kls.settings import Settings
from kls.steps import ENDED, Place, Steps
from kls.worker.protocol import Call, Report
from kls.workplace import Status, Workplace, Workplaces, weakness

log = logging.getLogger(__name__)
DEBOUNCE = 0.05
"""Seconds without an edit before a dry run is asked for, while somebody types."""
FIRST = 0.03
"""The same for an edit that no other came shortly before: an undo, a fix, a paste, one key."""
PAUSE = 0.5
"""Seconds that tell one edit from typing."""

CONFIGURATION = 2.0
"""Seconds to wait for the client's settings before the first analysis."""

WATCH = 0.5
"""Seconds between two looks at the file that remembers whom the user trusts."""

BUSY = 0.5
"""Seconds after which a dry run is worth a word in the status."""

CALM = 3.0
"""Seconds without an edit before a real step is run unasked, where the settings ask for that."""

PATIENCE = 60.0
"""Seconds that a real step waits for the analysis of the text that it is to be run for."""

_STOPPED = frozenset(("time", "memory", "refused", "network", "file", "module", "exit"))
"""Kinds of gaps that tell the user why kls knows less than they may expect."""


class Editor(Protocol):
    """What the session tells the editor; the server implements it."""

    def publish(self, snapshot: Snapshot, uri: str, findings: tuple[Finding, ...]) -> None:
        """Show exactly `findings` in the document or cell `uri` of `snapshot`."""
        ...

    def hints_changed(self) -> None:
        """The hints of some document are new."""
        ...

    def shapes_changed(self, uri: str) -> None:
        """The graph and the summary of document `uri` are new."""
        ...

    def status_changed(self, status: Status) -> None:
        """The worker does something else now."""
        ...

    async def ask_trust(self, folder: str) -> bool | None:
        """Ask the user whether programs in `folder` may be dry-run; None where there was no answer."""
        ...

    async def ask_weak(self) -> bool | None:
        """Ask the user whether programs may be dry-run in a weak sandbox; None where there was no answer."""
        ...


@dataclass
class _Document:
    snapshot: Snapshot
    settings: Settings
    generation: int = 0
    edited: float = 0.0
    """When the last edit came, on the event loop's clock."""
    burst: Snapshot | None = None
    """The text before the edits that came in quick succession up to now; None where the last one came alone."""
    told: tuple[Snapshot, tuple[Finding, ...]] | None = None
    """What was last shown of a dry run, and the text it was said of."""
    pause: asyncio.TimerHandle | None = None
    """Shows, at a pause in typing, what waits for one."""
    task: asyncio.Task[None] | None = None
    latest: Analysis | None = None
    """Of exactly this text and these modules; None until there is one."""
    modules: frozenset[str] = frozenset()
    uncalled: bool = False
    """Whether a program that calls this document may come from anywhere in the project."""
    good: Analysis | None = None
    """The last one that tells shapes."""
    whole: Analysis | None = None
    """The last one whose dry run came to its end."""
    carried: tuple[Snapshot, tuple[Finding, ...]] | None = None
    """What the editor shows of the last dry run, and the text it was said of."""
    untried: Analysis | None = None
    causes: tuple[Snapshot, tuple[tuple[Finding, Finding], ...]] | None = None
    """Each finding of the last trial of fixes before and after it, which may have moved it to its cause."""


class Session:
    """One connection: what the editor has open and what it was told."""

    def __init__(self, editor: Editor, workplaces: Workplaces) -> None:
        self.editor = editor
        self.workplaces = workplaces
        self.settings = Settings()
        self.status = Status("idle", "waiting for a Keras program")
        self._documents: dict[str, _Document] = {}
        self._background: set[asyncio.Task[Any]] = set()
        self._configured = asyncio.Event()
        self._restarted = asyncio.Event()
        self._restarted.set()
        self._later: asyncio.TimerHandle | None = None
        self.consent = Consent(lambda folder: self._in_background(self._ask(folder)))
        self._published = Published(editor.publish, self.snapshot, self.open_path)
        self._steps = Steps(self._say, editor.hints_changed)
        workplaces.on_change = self._heard

    # What the editor does

    def opened(self, snapshot: Snapshot) -> None:
        """A document or notebook is open now."""
        if snapshot.uri in self._documents:
            self.closed(snapshot.uri)
        document = self._documents[snapshot.uri] = _Document(snapshot, self._settings_for(snapshot))
        if document.settings.run != "manual":
            self._start(document, pause=0.0)

    def edited(self, snapshot: Snapshot) -> None:
        """An open document has a new text."""
        document = self._documents.get(snapshot.uri)
        if document is None:
            return self.opened(snapshot)
        self._steps.end()
        gone = {cell.uri for cell in document.snapshot.cells} - {cell.uri for cell in snapshot.cells}
        previous, document.snapshot = document.snapshot, snapshot
        for uri in gone:
            self._published.clear(uri, snapshot)
        before, document.edited = document.edited, asyncio.get_running_loop().time()
        typing = document.edited - before < PAUSE
        document.burst = (document.burst or previous) if typing else None
        if document.settings.run == "onType":
            self._start(document, pause=DEBOUNCE if typing else FIRST)
        else:
            self._stop(document)
        self._start_importers(snapshot.path, "onType", DEBOUNCE)
        return None

    def saved(self, uri: str) -> None:
        """A document was saved."""
        document = self._documents.get(uri)
        if document is not None:
            if document.settings.run == "onSave":
                self._start(document, pause=0.0)
            self._start_importers(document.snapshot.path, "onSave", 0.0)
            self._start_uncalled(document.snapshot.path)

    def changed_on_disk(self, path: str) -> None:
        """A file that is not open is new, changed or gone."""
        if os.path.basename(path) == "pyproject.toml":
            self.refresh()
        elif self.open_path(path) is None:
            self._start_importers(path, "onType", DEBOUNCE)
            self._start_uncalled(path)

    def check(self, uri: str) -> None:
        """The user asks for a check of the document now."""
        document = self._documents.get(self.owner(uri) or "")
        if document is not None:
            document.burst = None
            self._start(document, pause=0.0)

    def closed(self, uri: str) -> None:
        """A document is no longer open: what it showed is taken back."""
        document = self._documents.pop(uri, None)
        if document is not None:
            self._steps.close(uri)
            self._stop(document)
            self._published.take_back(document.snapshot)
            for run in ("onType", "onSave"):  # what was not saved is gone: the file on disk counts again
                self._start_importers(document.snapshot.path, run, 0.0)

    def configure(self, client: Settings) -> None:
        """The editor's settings are new; everything open is looked at again."""
        self.settings = client
        self._steps.forget()
        self._configured.set()
        self.refresh()

    def refresh(self) -> None:
        """Read the projects' settings again and analyse everything that is open."""
        for document in self._documents.values():
            before, document.settings = document.settings, self._settings_for(document.snapshot)
            if document.settings.run != "manual":
                self._start(document, pause=0.0)
            elif before.run != "manual":
                self._stop(document)

    async def set_trust(self, folder: str, trusted: bool) -> None:
        """The user decided about a folder, for now and later."""
        self.consent.answer(folder, trusted)
        if trusted:
            self.refresh()
        else:
            await self.restart_worker()

    async def set_workspace_trust(self, trusted: bool) -> None:
        """The client's own notion of trust changed; taking it back ends every worker at once."""
        self.consent.client = trusted
        if trusted:
            self.refresh()
        else:
            await self.restart_worker()

    def watch_trust(self) -> None:
        """From now on, obey what `kls trust` and other servers write, soon after they write it."""
        self._in_background(self._watch_trust())

    async def _watch_trust(self) -> None:
        while True:
            await asyncio.sleep(WATCH)
            if self.consent.is_new():
                await self.restart_worker()

    async def restart_worker(self) -> None:
        """End every worker and start anew with what is open."""
        self._steps.end()
        self._steps.forget()
        for document in self._documents.values():
            self._stop(document)  # an analysis that went on would start its worker again
        self._restarted.clear()
        try:
            await self.workplaces.stop()
        finally:
            self._restarted.set()
        self.refresh()

    async def stop(self) -> None:
        """End every task and child process."""
        for document in self._documents.values():
            self._stop(document)
        for task in self._background:
            task.cancel()
        ended = self._steps.end()
        await asyncio.gather(self.workplaces.stop(), *([asyncio.wait({ended})] if ended else []))

    # Real steps

    async def probe_step(self, uri: str, line: int | None = None, again: bool = False) -> tuple[Span | None, Measured]:
        """Run one real step of the training call nearest to `line` of the document (None: the first one): which call
        that was, and what it told.

        What was measured before is answered from memory unless `again`. Any edit ends the step, and so does the end of
        the task that asks; a newer question takes its place.
        """
        document = self._documents.get(self.owner(uri) or "")
        if document is None:
            return None, Measured(None, (), "this document is not open")
        if document.latest is None or not document.latest.final:
            await self.settled(uri, PATIENCE)
        found = document.latest
        if found is None or not found.final:
            return None, Measured(None, (), "the dry run of this text has not ended")
        if found.report is None:
            return None, Measured(None, (), found.reason or "no program of Keras is in this file")
        if any(item.severity is Severity.ERROR for item in found.findings if item.code not in STEP_CODES):
            return None, Measured(None, (), "the errors come first")
        calls = hardware.steps_of(found.report, found.snapshot.name)
        if not calls:
            return None, Measured(None, (), hardware.why_none(found.report))
        call = calls[0] if line is None else min(calls, key=lambda call: _distance(call.span, line))
        known = self._steps.known(document.snapshot.uri, found, call)
        if known is not None and known.step is not None and not again:
            return call.span, known
        measured = await self._steps.run(
            document.snapshot.uri, found, call, document.settings, lambda: self._place(document)
        )
        if measured is not ENDED and document.latest is found:
            document.latest = self._steps.with_findings(document.snapshot.uri, found, document.settings)
            document.carried = (found.snapshot, document.latest.findings)
            self._report(document, document.latest.findings, first=True)
        return call.span, measured

    async def _place(self, document: _Document) -> Place | str:
        """Where the document's real steps are run, or why nowhere."""
        workplace, folder, reason = await self._workplace(document)
        if reason is not None or workplace.choice is None:
            return reason or "there is no Python with TensorFlow"
        return Place(workplace.choice, workplace.resolver.roots, folder, self.workplaces.weakest)

    async def _when_calm(self, document: _Document, generation: int) -> None:
        """Run a step that nobody asked for, once there was no edit for a while and nothing else is being run."""
        await asyncio.sleep(CALM)
        await self._steps.idle()
        found = document.latest
        if document.generation != generation or found is None or found.report is None:
            return
        calls = hardware.steps_of(found.report, found.snapshot.name)
        if calls and self._steps.known(document.snapshot.uri, found, calls[0]) is None:
            if not await asyncio.to_thread(hardware.unasked_is_unwelcome) and document.generation == generation:
                await self.probe_step(document.snapshot.uri, calls[0].span.line)

    # What the editor asks

    def owner(self, uri: str) -> str | None:
        """The open document or notebook that `uri` (of a document or cell) belongs to."""
        if uri in self._documents:
            return uri
        return next((name for name, document in self._documents.items() if document.snapshot.extent(uri)), None)

    def snapshot(self, uri: str) -> Snapshot | None:
        """The text that the editor shows in the document or notebook of `uri`."""
        document = self._documents.get(self.owner(uri) or "")
        return document.snapshot if document else None

    def open_path(self, path: str) -> Snapshot | None:
        """The open document whose file is `path`."""
        return next((d.snapshot for d in self._documents.values() if d.snapshot.name == path), None)

    def findings(self, uri: str) -> tuple[Finding, ...]:
        """The findings in exactly the text that the editor shows, their fixes tried; none before that is done.

        A program that imports this document may have found them.
        """
        document = self._documents.get(self.owner(uri) or "")
        if document is None:
            return ()
        told: list[Finding] = []
        for program in (document, *(other for other in self._documents.values() if other is not document)):
            latest = program.latest
            if latest is not None and latest.final:
                told += [
                    item for item in latest.findings if program is document or item.span.path == document.snapshot.name
                ]
        return carrying.once(told)

    async def settled(self, uri: str, seconds: float) -> None:
        """Wait until the analyses of the document and of those that import it have ended, at most `seconds`.

        One that an edit, new settings or a new worker cut short is followed by the one that took its place.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while (left := until - loop.time()) > 0:
            own = self._documents.get(self.owner(uri) or "")
            path = own.snapshot.path if own else ""
            tasks = {d.task for d in self._documents.values() if d.task and (d is own or path in d.modules)}
            running = {task for task in tasks if not task.done()}
            if running:
                await asyncio.wait(running, timeout=left)
            elif self._restarted.is_set():
                return
            else:
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._restarted.wait(), left)

    def analysis(self, uri: str) -> Analysis | None:
        """The analysis of the document's present text, as far as it is."""
        document = self._documents.get(self.owner(uri) or "")
        return document.latest if document else None

    def hover(self, uri: str, line: int, column: int) -> describe.Text | None:
        """What is known about a place of the text that the editor shows."""
        document = self._documents.get(self.owner(uri) or "")
        if document is None or not document.settings.hover:
            return None
        return next((text for good in _told(document) if (text := self._hover(document, good, line, column))), None)

    def _hover(self, document: _Document, good: Analysis, line: int, column: int) -> describe.Text | None:
        moves = moved(good.snapshot, document.snapshot)
        old = moves.back(line)

        def measured(call: Call) -> str | None:
            known = self._steps.known(document.snapshot.uri, good, call)
            return None if known is None or known.step is None else hardware.sentence(known.step)

        text = describe.hover(good.snapshot, good.report, old, column, measured) if old and good.report else None
        span = carrying.move_span(text.span, moves) if text else None
        return replace(text, span=span) if text and span else None

    def hints(self, uri: str) -> tuple[describe.Hint, ...]:
        """The hints of the last good analysis, on the lines that have not been edited since. Behind the place where it
        broke off stand those of the last whole one."""
        document = self._documents.get(self.owner(uri) or "")
        if document is None:
            return ()
        hints: list[describe.Hint] = []
        for good in _told(document):
            reached = max(((hint.line, hint.column) for hint in hints), default=(0, 0))
            hints += [hint for hint in _hints(document, good) if (hint.line, hint.column) > reached]
        return tuple(hints)

    def lenses(self, uri: str) -> tuple[describe.Lens, ...]:
        """The lines above the models of the last good analysis, on the lines that have not been edited since."""
        document = self._documents.get(self.owner(uri) or "")
        if document is None or document.good is None or document.good.report is None:
            return ()
        found: list[describe.Lens] = []
        if document.settings.lens_models:
            found += describe.lenses(document.good.snapshot, document.good.report)
        if document.settings.lens_steps:
            found += self._steps.lenses(document.snapshot.uri, document.good, document.good.report)
        moves = moved(document.good.snapshot, document.snapshot)
        placed = ((moves.forward(lens.line), lens) for lens in found)
        return tuple(replace(lens, line=line) for line, lens in placed if line is not None)

    def graphs(self, uri: str) -> tuple[Snapshot, tuple[graph.Graph, ...]] | None:
        """The pictures of the document's models by the last good analysis, and the text that they speak of."""
        document = self._documents.get(self.owner(uri) or "")
        if document is None or document.good is None or document.good.report is None:
            return None
        good, latest = document.good, document.latest
        said = latest if latest is not None and latest.report is good.report else good
        return good.snapshot, graph.graphs(good.snapshot, document.good.report, said.findings)

    def summary(self, uri: str) -> str:
        """The models of the last good analysis as tables; "" where there is none."""
        document = self._documents.get(self.owner(uri) or "")
        if document is None or document.good is None or document.good.report is None:
            return ""
        return describe.summary(document.good.snapshot, document.good.report)

    # Tasks

    def _start_importers(self, path: str, run: str, pause: float) -> None:
        """Analyse the open programs again that import the file at `path`."""
        for other in self._documents.values():
            if path and path in other.modules and other.settings.run == run:
                self._start(other, pause)

    def _start_uncalled(self, path: str) -> None:
        """Analyse the open documents again that the file at `path`, which is new or has changed, may have come to
        call."""
        for other in self._documents.values():
            known = path in other.modules or path == other.snapshot.path
            if other.uncalled and not known and other.settings.run != "manual":
                self._start(other, DEBOUNCE)

    def _start(self, document: _Document, pause: float) -> None:
        self._stop(document)
        document.latest = None
        if not document.settings.enable:
            document.good = document.whole = document.carried = document.causes = None
            self._report(document, ())
            self._say(Status("static", "kls is switched off (kls.enable)"))
            return
        document.task = asyncio.get_running_loop().create_task(self._run(document, document.generation, pause))

    def _stop(self, document: _Document) -> None:
        document.generation += 1
        if document.pause is not None:
            document.pause.cancel()
            document.pause = None
        if document.task is not None:
            document.task.cancel()
            document.task = None

    async def _run(self, document: _Document, generation: int, pause: float) -> None:
        """Analyse the document's present text; the dry run waits until `pause` seconds have passed without an edit."""
        clock = asyncio.get_running_loop().time
        due = clock() + pause
        try:
            # The first documents arrive before the client has said which Python to use.
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._configured.wait(), CONFIGURATION)
            tools = await self._tools(document)
            async with contextlib.aclosing(analyse(document.snapshot, tools)) as steps:
                async for step in steps:
                    if document.generation != generation:
                        return
                    self._take(document, step)
                    if step.report is None and not step.final:
                        await asyncio.sleep(due - clock())
        except Exception:
            log.exception("the analysis of %s failed", document.snapshot.uri)

    async def _workplace(self, document: _Document) -> tuple[Workplace, str, str | None]:
        """Where the document's program runs, in which folder, and why it may not, if it may not."""
        folder = self._folder(document.snapshot.path)
        reason = self.consent.refusal(folder)
        workplace = await self.workplaces.get(document.settings, folder, trusted=reason is None, wait=False)
        if document.settings.worker_mode == "off":
            reason = reason or "dry runs are switched off (kls.worker.mode)"
        return workplace, folder, reason or workplace.reason

    async def _tools(self, document: _Document) -> Tools:
        workplace, folder, reason = await self._workplace(document)
        if reason is not None:
            self._say(Status("static", reason))
        texts = {d.snapshot.path: d.snapshot.text for d in self._documents.values() if d.snapshot.path}
        return Tools(
            resolver=workplace.resolver,
            ask=None if reason else workplace.ask,
            settings=document.settings,
            texts=texts,
            roots=workplace.resolver.roots,
            root=folder,
            no_worker=reason,
            keras=workplace.keras,
            half_written=_is_half_written(document),
            try_fix=None if reason else workplace.ask_quietly,
        )

    def _take(self, document: _Document, step: Analysis) -> None:
        step = self._steps.with_findings(document.snapshot.uri, step, document.settings)
        document.latest = step
        if step.final and document.settings.hardware_on_idle and step.report is not None and step.report.complete:
            self._in_background(self._when_calm(document, document.generation))
        if step.sites:
            before = document.modules if step.report is None and not step.final else frozenset[str]()
            document.modules = before | frozenset(step.modules)
        if step.report is not None:
            document.uncalled = step.uncalled
        stopped = _what_was_stopped(step)
        if stopped is not None:
            self._say(Status("ready", stopped))
        if step.report is not None and (
            document.good is None or (document.good.report is not step.report and _has_shapes(step.report))
        ):
            document.good = step
            if step.report.complete:
                document.whole = step
            self.editor.hints_changed()
        findings = step.findings
        if not step.final and step.report is None:
            # What the text alone tells waits for the dry run, which is the judge of it.
            findings = carrying.carry(document.carried, step.snapshot) if document.carried is not None else ()
        elif not step.final:
            document.untried = step
            findings = carrying.at_known_causes(findings, step.snapshot, document.causes)
        elif document.untried is not None and document.untried.report is step.report:
            document.causes = (step.snapshot, tuple(zip(document.untried.findings, step.findings, strict=False)))
        if step.report is not None:
            findings = self._calm(document, step.snapshot, findings)
            document.told = (step.snapshot, findings)
        document.carried = (step.snapshot, findings)
        self._report(document, findings, first=step.final)
        if step.report is not None:
            self.editor.shapes_changed(document.snapshot.uri)

    def _calm(self, document: _Document, snapshot: Snapshot, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
        """What to show now; the rest is shown when nobody has typed for a while."""
        if document.pause is not None:
            document.pause.cancel()
            document.pause = None
        loop = asyncio.get_running_loop()
        left = document.edited + PAUSE - loop.time()
        if document.burst is None or left <= 0:
            return findings
        moves = moved(document.burst, snapshot)
        lines = range(moves.head + 1, max(moves.head + 1, moves.new - moves.tail) + 1)
        shown = carrying.known(document.told, snapshot)
        now = tuple(
            item
            for item in findings
            if carrying.speaks_of(item, snapshot.name, lines)
            or {(item.code, item.message), (item.code, item.span)} & shown
        )
        if now != findings:
            document.pause = loop.call_later(left, self._show_rest, document, snapshot, findings)
        return now

    def _show_rest(self, document: _Document, snapshot: Snapshot, findings: tuple[Finding, ...]) -> None:
        document.pause = None
        document.carried = document.told = (snapshot, findings)
        self._report(document, findings)

    def _say(self, status: Status) -> None:
        """Pass a status on; that a dry run is on is told only when it lasts."""
        if self._later is not None:
            self._later.cancel()
            self._later = None
        if status.state == "busy" and self.status.state != "busy":
            self._later = asyncio.get_running_loop().call_later(BUSY, self._tell, status)
        else:
            self._tell(status)

    def _tell(self, status: Status) -> None:
        if status != self.status:
            self.status = status
            self.editor.status_changed(status)

    def _report(self, document: _Document, findings: Iterable[Finding], first: bool = False) -> None:
        shown = () if document.settings.diagnostic_mode == "off" else findings
        self._published.report(document.snapshot, shown, first)

    # Settings and trust

    def _settings_for(self, snapshot: Snapshot) -> Settings:
        if not snapshot.path:
            return self.settings
        table, file, problems = settings.read_file(os.path.dirname(snapshot.path), self._folder(snapshot.path))
        chosen, more = settings.parse_file(table, self.settings)
        for problem in (*problems, *more):
            log.warning("%s: %s", file, problem)
        return chosen

    def _folder(self, path: str) -> str:
        """The workspace folder that holds `path`, else the file's own; "" for a document without a file."""
        if not path:
            return self.workplaces.folders[0] if self.workplaces.folders else ""
        holding = [folder for folder in self.workplaces.folders if path.startswith(folder.rstrip(os.sep) + os.sep)]
        return max(holding, key=len, default=os.path.dirname(path))

    def trust_facts(self) -> dict[str, Any]:
        """Who may be dry-run and who said so, for a status page."""
        return self.consent.facts(self._folder(document.snapshot.path) for document in self._documents.values())

    async def _ask(self, folder: str) -> None:
        answer = await self.editor.ask_trust(folder)
        if answer is not None:
            await self.set_trust(folder, answer)

    def _heard(self, status: Status) -> None:
        """A worker does something else; one that did not start in a weak sandbox makes the user be asked once."""
        if status.state == "failed" and self.workplaces.too_weak:
            status = Status("static", weakness())
            if trust.weak_agreed() is None and not self.consent.weak_asked:
                self.consent.weak_asked = True
                self._in_background(self._ask_weak())
        self._say(status)

    async def _ask_weak(self) -> None:
        answer = await self.editor.ask_weak()
        if answer is None:
            return
        self.consent.answer_weak(answer)
        if answer:
            await self.restart_worker()

    def _in_background(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


def _told(document: _Document) -> tuple[Analysis, ...]:
    """The analyses that tell the document's shapes, newest first: the last good one and, where its dry run broke off,
    the last whole one."""
    good, whole = document.good, document.whole
    both = (good,) if whole is good else (good, whole)
    return tuple(item for item in both if item is not None and item.report is not None)


def _hints(document: _Document, good: Analysis) -> tuple[describe.Hint, ...]:
    """What `good` tells beside the lines that have not been edited since."""
    chosen = document.settings
    assert good.report is not None
    found = describe.hints(
        good.snapshot,
        good.report,
        layers=chosen.hint_layers,
        dtypes=chosen.hint_dtypes,
        data=chosen.hint_datasets,
    )
    moves = moved(good.snapshot, document.snapshot)
    placed = ((moves.forward(hint.line), hint) for hint in found)
    return tuple(replace(hint, line=line) for line, hint in placed if line is not None)


def _is_half_written(document: _Document) -> bool:
    """Whether a cell that does not parse was whole, or not there, when the document was last understood."""
    if document.good is None:
        return False
    known = {cell.uri for cell in document.good.snapshot.cells if cell.error is not None}
    return any(cell.error is not None and cell.uri not in known for cell in document.snapshot.cells)


def _distance(span: Span, line: int) -> int:
    """Lines from a span to `line`."""
    return max(span.line - line, line - span.end_line, 0)


def out_of_time(reason: str) -> str | None:
    """Why a dry run ended early, with the way to a longer one, where its time was over; None for other reasons."""
    rest = reason.removeprefix("the dry run ")
    return f"the dry run {rest}; kls.worker.timeout gives it longer" if rest.startswith("stopped after ") else None


def _what_was_stopped(step: Analysis) -> str | None:
    """What the dry run could not do, in one sentence; None where it did everything, or its last step is to come."""
    if step.report is None:
        return None
    if step.reason is not None:
        cut = out_of_time(step.reason) or f"the dry run was cut short, {step.reason}"
        words = step.reason if step.report.complete else cut
        return f"{os.path.basename(step.snapshot.name)}: {words}"
    stopped = {(gap.span.path, gap.span.line): gap for gap in step.report.gaps if gap.kind in _STOPPED}
    if not step.final or not stopped:
        return None
    first, more = next(iter(stopped.values())), len(stopped) - 1
    others = f" (and {more} more)" if more else ""
    where = f"line {first.span.line}{others}"
    return f"{os.path.basename(first.span.path)}: the dry run went on without {where}: {first.reason}"


def _has_shapes(report: Report) -> bool:
    """Whether a report says anything for hovers and hints; one of a process that crashed may not."""
    return report.complete or bool(report.layers or report.models or report.variables or report.calls)
