"""Records of kls to and from the language server protocol's types: the only converter.

Inside kls a position is a line from 1 and a column from 0 in characters of the flattened text; on the wire a line
from 0 and a column in the units that the client chose, inside the file or the notebook cell it names.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, cast

from lsprotocol import types as lsp

from kls import describe
from kls.documents import Encoding, Snapshot, from_units, line_starts, notebook_snapshot, split_lines, to_units, uri_of
from kls.facts import Edit, Finding, Fix, Severity, Span
from kls.graph import Graph, dot, mermaid
from kls.rules import ignores
from kls.source import SourceText

FIX_ALL = "source.fixAll.kls"
SOURCE = "kls"
_SEVERITIES = {
    Severity.ERROR: lsp.DiagnosticSeverity.Error,
    Severity.WARNING: lsp.DiagnosticSeverity.Warning,
    Severity.INFORMATION: lsp.DiagnosticSeverity.Information,
    Severity.HINT: lsp.DiagnosticSeverity.Hint,
}
_LINE_END = 2**31 - 1
"""A column behind the end of every line: the largest that the protocol knows."""
_LOUD = (Severity.ERROR, Severity.WARNING)

LENS_COMMANDS = (("kls.showModelGraph", "Show model graph"), ("kls.showModelSummary", "Summary"))
"""Commands that a client may have, each called with the URI of the document or cell and a line from 0."""
STEP_COMMANDS = ("kls.probeStep", "kls/probeStep")
"""What runs one real step: the client's own command, which asks and shows the answer, else the server's. Called with a
third argument, whether to run it again."""


@dataclass(frozen=True)
class Client:
    """What the client can do, in the words that matter here."""

    encoding: Encoding = "utf-16"
    related: bool = False
    code_links: bool = False
    markdown: bool = False
    document_changes: bool = False
    resolves_edits: bool = False
    progress: bool = False
    refreshes_hints: bool = False
    refreshes_lenses: bool = False
    configuration: bool = False
    watches_configuration: bool = False
    watches_files: bool = False


def client(capabilities: lsp.ClientCapabilities, encoding: str | None) -> Client:
    """The abilities that `capabilities` claims; everything not claimed is absent."""
    document = capabilities.text_document or lsp.TextDocumentClientCapabilities()
    workspace = capabilities.workspace or lsp.WorkspaceClientCapabilities()
    published = document.publish_diagnostics
    formats = document.hover.content_format if document.hover else None
    resolve = document.code_action.resolve_support if document.code_action else None
    chosen: Encoding = "utf-8" if encoding == "utf-8" else "utf-32" if encoding == "utf-32" else "utf-16"
    return Client(
        encoding=chosen,
        related=bool(published and published.related_information),
        code_links=bool(published and published.code_description_support),
        markdown=bool(formats and formats[0] == lsp.MarkupKind.Markdown),
        document_changes=bool(workspace.workspace_edit and workspace.workspace_edit.document_changes),
        resolves_edits=bool(resolve and "edit" in resolve.properties),
        progress=bool(capabilities.window and capabilities.window.work_done_progress),
        refreshes_hints=bool(workspace.inlay_hint and workspace.inlay_hint.refresh_support),
        refreshes_lenses=bool(workspace.code_lens and workspace.code_lens.refresh_support),
        configuration=bool(workspace.configuration),
        watches_configuration=bool(
            workspace.did_change_configuration and workspace.did_change_configuration.dynamic_registration
        ),
        watches_files=bool(
            workspace.did_change_watched_files and workspace.did_change_watched_files.dynamic_registration
        ),
    )


@dataclass(frozen=True)
class Converter:
    """Converts for one client. `open_document` gives the snapshot of another file of the program by its path."""

    client: Client
    open_document: Callable[[str], Snapshot | None]
    href: Callable[[str], str | None] = lambda code: None

    def position(self, snapshot: Snapshot, line: int, column: int) -> lsp.Position:
        """A place of the flattened text as the client counts inside the file or cell."""
        _, inside = snapshot.locate(line)
        return lsp.Position(inside - 1, to_units(snapshot.line_text(line), column, self.client.encoding))

    def place(self, snapshot: Snapshot, uri: str, position: lsp.Position) -> tuple[int, int] | None:
        """The (line, column) that a client's position in document or cell `uri` means; None where there is none."""
        line = snapshot.place(uri, position.line + 1)
        if line is None:
            return None
        return line, from_units(snapshot.line_text(line), position.character, self.client.encoding)

    def location(self, snapshot: Snapshot, span: Span) -> lsp.Location | None:
        """Where `span` is, in this document or another file; None for a span without a file. A span that crosses
        cells ends with its first cell."""
        holder = snapshot if span.path == snapshot.name else self.open_document(span.path)
        if holder is None:
            start = lsp.Position(max(0, span.line - 1), span.column)
            end = lsp.Position(max(0, span.end_line - 1), span.end_column)
            known = os.path.isabs(span.path)
            return lsp.Location(uri_of(span.path), lsp.Range(start, end)) if known else None
        uri, _ = holder.locate(span.line)
        start = self.position(holder, span.line, span.column)
        end = self.position(holder, span.end_line, span.end_column)
        if holder.locate(span.end_line)[0] != uri:
            _, last = holder.extent(uri) or (span.line, span.line)
            end = self.position(holder, last, len(holder.line_text(last)))
        return lsp.Location(uri, lsp.Range(start, end))

    def diagnostic(self, snapshot: Snapshot, finding: Finding) -> lsp.Diagnostic | None:
        """The finding for an editor; None where its span has no place."""
        where = self.location(snapshot, finding.span)
        if where is None:
            return None
        message = finding.message
        related = [
            lsp.DiagnosticRelatedInformation(place, item.message)
            for item in finding.related
            if (place := self.location(snapshot, item.span)) is not None
        ]
        if related and not self.client.related:
            message += "".join(f"\nline {item.location.range.start.line + 1}: {item.message}" for item in related)
        href = self.href(finding.code) if self.client.code_links else None
        tags = [lsp.DiagnosticTag.Deprecated] if finding.code.startswith("deprecated") else None
        return lsp.Diagnostic(
            range=where.range,
            message=message,
            severity=_SEVERITIES[finding.severity],
            code=finding.code,
            code_description=lsp.CodeDescription(href) if href else None,
            source=SOURCE,
            tags=tags,
            related_information=related if related and self.client.related else None,
        )

    def hover(self, snapshot: Snapshot, text: describe.Text) -> lsp.Hover:
        """A hover in the form the client prefers."""
        where = self.location(snapshot, text.span)
        kind = lsp.MarkupKind.Markdown if self.client.markdown else lsp.MarkupKind.PlainText
        value = text.markdown if self.client.markdown else text.plain
        return lsp.Hover(lsp.MarkupContent(kind, value), where.range if where else None)

    def hint(self, snapshot: Snapshot, hint: describe.Hint) -> lsp.InlayHint:
        """An inlay hint; the space before an arrow is the client's padding."""
        return lsp.InlayHint(
            position=self.position(snapshot, hint.line, hint.column),
            label=hint.label.lstrip(),
            kind=lsp.InlayHintKind.Type,
            tooltip=hint.tooltip,
            padding_left=hint.label.startswith(" "),
        )

    def lens(self, snapshot: Snapshot, lens: describe.Lens, commands: Sequence[str]) -> list[lsp.CodeLens]:
        """The line above a model, and a way to each of the client's own `commands` (see `docs/lsp.md`)."""
        uri, line = snapshot.locate(lens.line)
        place = lsp.Range(self.position(snapshot, lens.line, lens.column), lsp.Position(line, 0))
        if lens.step is not None:
            name = STEP_COMMANDS[0] if STEP_COMMANDS[0] in commands else STEP_COMMANDS[1]
            running = lens.step == "running"
            arguments = [uri, line - 1, lens.step == "again"]
            return [lsp.CodeLens(place, lsp.Command(lens.title, "" if running else name, arguments=arguments))]
        offers = [(title, name) for name, title in LENS_COMMANDS if name in commands]
        titles = [(lens.title, offers[0][1] if offers else ""), *offers]
        return [
            lsp.CodeLens(place, lsp.Command(title, name, arguments=[uri, line - 1] if name else None))
            for title, name in titles
        ]

    def graph(self, snapshot: Snapshot, picture: Graph) -> dict[str, Any]:
        """A picture as `docs/lsp.md` describes it."""

        def place(span: Span | None) -> dict[str, Any] | None:
            found = self.location(snapshot, span) if span is not None else None
            return None if found is None else {"uri": found.uri, "range": plain_range(found.range)}

        return {
            "title": picture.title,
            "detail": picture.detail,
            "nested": picture.nested,
            "finished": picture.finished,
            "place": place(picture.span),
            "boxes": [
                {
                    "kind": box.kind,
                    "title": box.title,
                    "name": box.name,
                    "detail": box.detail,
                    "parameters": box.parameters,
                    "graph": box.model,
                    "place": place(box.span),
                }
                for box in picture.boxes
            ],
            "arrows": [asdict(arrow) for arrow in picture.arrows],
            "parts": [asdict(part) for part in picture.parts],
            "mermaid": mermaid(picture),
            "dot": dot(picture),
        }

    def workspace_edit(self, snapshot: Snapshot, edits: Iterable[Edit]) -> lsp.WorkspaceEdit | None:
        """The edits for the client, tied to the versions they were made for; None where one has no single place."""
        by_uri: dict[str, list[lsp.TextEdit]] = {}
        for edit in edits:
            where = self.location(snapshot, edit.span)
            holder = snapshot if edit.span.path == snapshot.name else self.open_document(edit.span.path)
            if where is None or (holder and holder.locate(edit.span.end_line)[0] != where.uri):
                return None
            by_uri.setdefault(where.uri, []).append(lsp.TextEdit(where.range, edit.text))
        if not self.client.document_changes:
            return lsp.WorkspaceEdit(changes=by_uri)
        return lsp.WorkspaceEdit(
            document_changes=[
                lsp.TextDocumentEdit(
                    lsp.OptionalVersionedTextDocumentIdentifier(uri, _version(snapshot, uri)), list(changes)
                )
                for uri, changes in by_uri.items()
            ]
        )

    def quick_fixes(
        self, snapshot: Snapshot, findings: Sequence[Finding], uri: str, wanted: lsp.Range
    ) -> list[lsp.CodeAction]:
        """The repairs of every finding that touches `wanted`, the tried ones first; last the ways not to be told.

        A cursor beside every finding asks for those of its line: a squiggle may be a short name in a long line. What
        failed its trial is not offered. The edit is left for `resolve` where the client can ask for it.
        """
        offers: list[tuple[bool, lsp.CodeAction]] = []
        silencing: list[lsp.CodeAction] = []
        source = SourceText(snapshot.name, snapshot.text)
        places = [self.location(snapshot, finding.span) for finding in findings]
        here = [place.range for place in places if place is not None and place.uri == uri]
        if wanted.start == wanted.end and not any(_touch(place, wanted) for place in here):
            wanted = lsp.Range(lsp.Position(wanted.start.line, 0), lsp.Position(wanted.start.line, _LINE_END))
        for number, (finding, where) in enumerate(zip(findings, places, strict=True)):
            diagnostic = self.diagnostic(snapshot, finding)
            if diagnostic is None or where is None or where.uri != uri or not _touch(where.range, wanted):
                continue
            first = next((fix for fix in finding.fixes if fix.verified and fix.safe), None)
            for fix in finding.fixes:
                edit = self.workspace_edit(snapshot, fix.edits)
                if fix.verified is False or edit is None:
                    continue
                action = lsp.CodeAction(
                    title=fix.title + (" (verified)" if fix.verified else ""),
                    kind=lsp.CodeActionKind.QuickFix,
                    diagnostics=[diagnostic],
                    is_preferred=True if fix is first else None,
                )
                if self.client.resolves_edits:
                    action.data = {
                        "uri": snapshot.uri,
                        "version": snapshot.version,
                        "finding": number,
                        "fix": fix.title,
                    }
                else:
                    action.edit = edit
                offers.append((bool(fix.verified), action))
            silent = ignores.here(source, finding) if finding.severity in _LOUD else None
            edit = self.workspace_edit(snapshot, silent.edits) if silent is not None else None
            if silent is not None and edit is not None:
                kind = lsp.CodeActionKind.QuickFix
                silencing.append(lsp.CodeAction(silent.title, kind=kind, diagnostics=[diagnostic], edit=edit))
        return [*(action for _, action in sorted(offers, key=lambda offer: not offer[0])), *silencing]

    def fix_all(self, snapshot: Snapshot, findings: Iterable[Finding]) -> lsp.CodeAction | None:
        """One action that applies every verified safe fix, the first of each finding, none over another."""
        edits = fix_all_edits(findings)
        edit = self.workspace_edit(snapshot, edits) if edits else None
        return lsp.CodeAction("Apply all verified fixes of kls", kind=FIX_ALL, edit=edit) if edit else None


@dataclass(frozen=True)
class CellText:
    """One cell as the client sent it; `code` is false for what is not Python code."""

    uri: str
    version: int
    text: str
    code: bool


@dataclass(frozen=True)
class Notebook:
    """A notebook as the client sent it. Its cells are kept here because clients send the edits of cells in pieces,
    whatever way the server asked for with plain documents."""

    uri: str
    version: int
    cells: tuple[CellText, ...]

    def snapshot(self) -> Snapshot:
        """What Python sees of it."""
        return notebook_snapshot(self.uri, self.version, [(c.uri, c.version, c.text) for c in self.cells if c.code])


def opened_notebook(params: lsp.DidOpenNotebookDocumentParams) -> Notebook:
    """The notebook that the client opened."""
    document = params.notebook_document
    return Notebook(document.uri, document.version, _cells(document.cells, params.cell_text_documents, {}))


def changed_notebook(notebook: Notebook, params: lsp.DidChangeNotebookDocumentParams, encoding: Encoding) -> Notebook:
    """The notebook after the client's change: cells put in or taken out first, then their texts edited."""
    cells: tuple[CellText, ...] = notebook.cells
    change = params.change.cells
    if change and change.structure:
        array = change.structure.array
        known = {cell.uri: cell for cell in cells}
        fresh = _cells(array.cells or (), change.structure.did_open or (), known)
        cells = (*cells[: array.start], *fresh, *cells[array.start + array.delete_count :])
    edits = (change.text_content if change else None) or ()
    for edit in edits:
        cells = tuple(
            replace(cell, version=edit.document.version, text=changed_text(cell.text, edit.changes, encoding))
            if cell.uri == edit.document.uri
            else cell
            for cell in cells
        )
    return Notebook(notebook.uri, params.notebook_document.version, cells)


def _cells(
    cells: Iterable[lsp.NotebookCell], texts: Iterable[lsp.TextDocumentItem], known: Mapping[str, CellText]
) -> tuple[CellText, ...]:
    opened = {item.uri: item for item in texts}
    made: list[CellText] = []
    for cell in cells:
        item = opened.get(cell.document)
        if item is not None:
            code = cell.kind == lsp.NotebookCellKind.Code and item.language_id == "python"
            made.append(CellText(item.uri, item.version, item.text, code))
        else:
            made.append(known.get(cell.document, CellText(cell.document, 0, "", False)))
    return tuple(made)


def changed_text(text: str, changes: Iterable[lsp.TextDocumentContentChangeEvent], encoding: Encoding) -> str:
    """`text` after the client's changes, each of the whole text or of a range of what the one before left."""
    for change in changes:
        if isinstance(change, lsp.TextDocumentContentChangePartial):
            start = _offset(text, change.range.start, encoding)
            end = _offset(text, change.range.end, encoding)
            text = text[:start] + change.text + text[max(start, end) :]
        else:
            text = change.text
    return text


def _offset(text: str, position: lsp.Position, encoding: Encoding) -> int:
    starts = line_starts(text)
    if position.line >= len(starts):
        return len(text)
    line = split_lines(text[starts[position.line] :])[0]
    return starts[position.line] + from_units(line, position.character, encoding)


def fix_all_edits(findings: Iterable[Finding]) -> tuple[Edit, ...]:
    """Edits of the first verified safe fix of each finding; a fix that touches an earlier one's place is left out,
    an edit that two fixes share is made once."""
    chosen: list[Edit] = []
    for finding in findings:
        fix = next((fix for fix in finding.fixes if fix.verified and fix.safe), None)
        fresh = [edit for edit in fix.edits if edit not in chosen] if fix else []
        if not any(_overlap(edit.span, other.span) for edit in fresh for other in chosen):
            chosen += fresh
    return tuple(chosen)


def chosen_fix(findings: Sequence[Finding], data: Any) -> Fix | None:
    """The fix that `quick_fixes` meant by the data of its action; None where it is no longer there."""
    if not isinstance(data, dict):
        return None
    wanted = cast("dict[str, Any]", data)
    number = wanted.get("finding")
    if not isinstance(number, int) or not 0 <= number < len(findings):
        return None
    return next((fix for fix in findings[number].fixes if fix.title == wanted.get("fix")), None)


def wants(only: Sequence[str] | None, kind: str) -> bool:
    """Whether a client that asked for the kinds `only` wants actions of `kind`."""
    return only is None or any(kind == item or kind.startswith(item + ".") for item in only)


def _version(snapshot: Snapshot, uri: str) -> int | None:
    if uri == snapshot.uri:
        return snapshot.version
    return next((cell.version for cell in snapshot.cells if cell.uri == uri), None)


def plain_range(value: lsp.Range) -> dict[str, Any]:
    """A range as JSON."""
    return {
        "start": {"line": value.start.line, "character": value.start.character},
        "end": {"line": value.end.line, "character": value.end.character},
    }


def _touch(one: lsp.Range, other: lsp.Range) -> bool:
    return one.start <= other.end and other.start <= one.end


def _overlap(one: Span, other: Span) -> bool:
    """Spans that share a character, or start at the same place."""
    if one.path != other.path:
        return False
    start, stop = (one.line, one.column), (one.end_line, one.end_column)
    begin, end = (other.line, other.column), (other.end_line, other.end_column)
    return start == begin or (start < end and begin < stop)
