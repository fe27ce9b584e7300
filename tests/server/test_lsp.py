"""Conversion to and from the protocol: every encoding, cells, capabilities."""

from __future__ import annotations

from dataclasses import replace

import pytest
from lsprotocol import types as lsp

from kls import documents
from kls import lsp as conversion
from kls.documents import Encoding
from kls.facts import Edit, Finding, Severity, Span
from kls.lsp import Client, Converter

from .reports import FINDING, FIRST, PATH, TEXT, snapshot, span

LINE = TEXT.splitlines()[3]
URI = f"file://{PATH}"


def _converter(encoding: Encoding = "utf-16", **abilities: bool) -> Converter:
    return Converter(Client(encoding, **abilities), lambda path: None)  # type: ignore[arg-type]


@pytest.mark.parametrize(("encoding", "start"), [("utf-8", 16), ("utf-16", 14), ("utf-32", 13)])
def test_an_emoji_before_the_range_counts_in_the_clients_units(encoding: Encoding, start: int) -> None:
    converter = _converter(encoding)
    diagnostic = converter.diagnostic(snapshot(), FINDING)
    assert diagnostic is not None
    assert LINE.index(FIRST) == 13
    assert diagnostic.range == lsp.Range(lsp.Position(3, start), lsp.Position(3, start + len(FIRST)))
    assert converter.place(snapshot(), URI, diagnostic.range.start) == (4, 13)


def test_related_places_are_linked_or_told() -> None:
    linked = _converter(related=True).diagnostic(snapshot(), FINDING)
    assert linked is not None and linked.related_information is not None
    assert [item.location.uri for item in linked.related_information] == [URI, "file:///p/b.py"]
    assert linked.message == FINDING.message
    told = _converter().diagnostic(snapshot(), FINDING)
    assert told is not None and told.related_information is None
    assert told.message.endswith("\nline 9: `fit` raises here\nline 2: made here")


def test_quick_fixes_touch_the_range_and_the_tried_one_is_preferred() -> None:
    converter = _converter(document_changes=True)
    at = lsp.Range(lsp.Position(3, 15), lsp.Position(3, 15))
    actions = converter.quick_fixes(snapshot(), [FINDING], URI, at)
    assert [(action.title, action.is_preferred) for action in actions] == [
        ("Add an axis (verified)", True), ("Reshape", None), ("Ignore input-shape here", None),
    ]  # fmt: skip
    edit = actions[0].edit
    assert edit is not None and edit.document_changes is not None
    (change,) = edit.document_changes
    assert isinstance(change, lsp.TextDocumentEdit) and change.text_document.version == 3
    assert change.edits == [lsp.TextEdit(lsp.Range(lsp.Position(1, 10), lsp.Position(1, 10)), "[..., None]")]
    last = actions[-1].edit
    assert last is not None and last.document_changes is not None
    (change,) = last.document_changes
    assert isinstance(change, lsp.TextDocumentEdit)
    assert [edit.new_text for edit in change.edits] == ["  # kls: ignore[input-shape]"]
    quiet = replace(FINDING, severity=Severity.HINT)
    assert not any(action.title.startswith("Ignore") for action in converter.quick_fixes(snapshot(), [quiet], URI, at))
    away = lsp.Range(lsp.Position(1, 0), lsp.Position(1, 0))
    assert converter.quick_fixes(snapshot(), [FINDING], URI, away) == []


def test_a_cursor_beside_every_finding_asks_for_those_of_its_line() -> None:
    other = replace(FINDING, span=span(4, "h ="))
    converter = _converter()

    def lines(start: int, end: int, *findings: Finding) -> list[int]:
        at = lsp.Range(lsp.Position(3, start), lsp.Position(3, end))
        offered = converter.quick_fixes(snapshot(), list(findings), URI, at)
        return [item.diagnostics[0].range.start.character for item in offered if item.is_preferred and item.diagnostics]

    assert lines(9, 9, FINDING) == [14]
    assert lines(9, 11, FINDING) == []
    assert lines(15, 15, FINDING, other) == [14]
    assert lines(9, 9, FINDING, other) == [14, 0]


def test_edits_are_left_for_resolve_where_the_client_can_ask() -> None:
    at = lsp.Range(lsp.Position(3, 15), lsp.Position(3, 15))
    action = _converter(resolves_edits=True).quick_fixes(snapshot(), [FINDING], URI, at)[0]
    assert action.edit is None
    assert conversion.chosen_fix([FINDING], action.data) == FINDING.fixes[0]
    assert conversion.chosen_fix([], action.data) is None
    assert conversion.chosen_fix([FINDING], {"finding": -1, "fix": "Add an axis"}) is None
    assert conversion.chosen_fix([FINDING], None) is None


def test_fix_all_takes_each_place_once() -> None:
    again = Finding("x", FINDING.severity, FINDING.evidence, FINDING.span, "m", fixes=FINDING.fixes[:1])
    assert conversion.fix_all_edits([FINDING, again]) == FINDING.fixes[0].edits
    action = _converter().fix_all(snapshot(), [FINDING, again])
    assert action is not None and action.edit is not None and action.edit.changes is not None
    assert len(action.edit.changes[URI]) == 1
    assert _converter().fix_all(snapshot(), []) is None


@pytest.mark.parametrize(
    ("only", "kind", "expected"),
    [
        (None, "quickfix", True),
        (["quickfix"], "quickfix", True),
        (["quickfix"], conversion.FIX_ALL, False),
        (["source"], conversion.FIX_ALL, True),
        (["source.fixAll"], conversion.FIX_ALL, True),
        (["source.fixAll.ruff"], conversion.FIX_ALL, False),
        (["refactor"], "quickfix", False),
        ([], "quickfix", False),
    ],
)
def test_kinds_are_asked_for_by_prefix(only: list[str] | None, kind: str, expected: bool) -> None:
    assert conversion.wants(only, kind) is expected


CELLS = [("cell:1", 4, "x = '😀'; y = 1"), ("cell:2", 7, "%magic\nz = '😀'; w = 2")]


def test_spans_go_to_their_cells() -> None:
    notebook = documents.notebook_snapshot("file:///n.ipynb", 2, CELLS)
    converter = _converter(document_changes=True)
    where = converter.location(notebook, Span("/n.ipynb", 3, 9, 3, 10))
    assert where == lsp.Location("cell:2", lsp.Range(lsp.Position(1, 10), lsp.Position(1, 11)))
    assert converter.place(notebook, "cell:2", lsp.Position(1, 10)) == (3, 9)
    edit = converter.workspace_edit(notebook, [Edit(Span("/n.ipynb", 3, 9, 3, 10), "v")])
    assert edit is not None and edit.document_changes is not None
    (change,) = edit.document_changes
    assert isinstance(change, lsp.TextDocumentEdit)
    assert (change.text_document.uri, change.text_document.version) == ("cell:2", 7)
    assert converter.workspace_edit(notebook, [Edit(Span("/n.ipynb", 1, 0, 2, 1), "v")]) is None
    crossing = converter.location(notebook, Span("/n.ipynb", 1, 9, 3, 1))
    assert crossing is not None and crossing.uri == "cell:1" and crossing.range.end == lsp.Position(0, 15)


def _partial(start: tuple[int, int], end: tuple[int, int], text: str) -> lsp.TextDocumentContentChangePartial:
    return lsp.TextDocumentContentChangePartial(lsp.Range(lsp.Position(*start), lsp.Position(*end)), text)


def test_edits_of_a_cell_come_in_pieces() -> None:
    text = "a = '😀'\r\n\x0cb = 2\n"
    assert conversion.changed_text(text, [_partial((1, 5), (1, 6), "3")], "utf-16") == "a = '😀'\r\n\x0cb = 3\n"
    assert conversion.changed_text(text, [_partial((0, 7), (0, 7), "!")], "utf-16") == "a = '😀!'\r\n\x0cb = 2\n"
    assert conversion.changed_text(text, [_partial((0, 9), (0, 9), "!")], "utf-8") == "a = '😀!'\r\n\x0cb = 2\n"
    assert conversion.changed_text(text, [_partial((9, 0), (9, 0), "end")], "utf-8") == text + "end"
    assert conversion.changed_text(text, [lsp.TextDocumentContentChangeWholeDocument("new")], "utf-8") == "new"


def test_a_notebook_follows_cells_put_in_taken_out_and_moved() -> None:
    def cell(name: str, kind: lsp.NotebookCellKind = lsp.NotebookCellKind.Code) -> lsp.NotebookCell:
        return lsp.NotebookCell(kind, name)

    def item(name: str, text: str, language: str = "python") -> lsp.TextDocumentItem:
        return lsp.TextDocumentItem(name, language, 1, text)

    opened = lsp.DidOpenNotebookDocumentParams(
        lsp.NotebookDocument("nb", "jupyter-notebook", 1, [cell("a"), cell("b")]),
        [item("a", "x = 1"), item("b", "y = 2")],
    )
    notebook = conversion.opened_notebook(opened)
    assert notebook.snapshot().text == "x = 1\ny = 2\n"

    def change(**cells: object) -> conversion.Notebook:
        event = lsp.NotebookDocumentChangeEvent(cells=lsp.NotebookDocumentCellChanges(**cells))  # type: ignore[arg-type]
        params = lsp.DidChangeNotebookDocumentParams(lsp.VersionedNotebookDocumentIdentifier(2, "nb"), event)
        return conversion.changed_notebook(notebook, params, "utf-16")

    structure = lsp.NotebookDocumentCellChangeStructure
    array = lsp.NotebookCellArrayChange
    notebook = change(structure=structure(array(1, 0, [cell("c")]), did_open=[item("c", "z = 3")]))
    assert notebook.snapshot().text == "x = 1\nz = 3\ny = 2\n"
    notebook = change(structure=structure(array(0, 3, [cell("b"), cell("a"), cell("c")])))
    assert [c.uri for c in notebook.snapshot().cells] == ["b", "a", "c"]
    assert notebook.snapshot().text == "y = 2\nx = 1\nz = 3\n"
    edit = lsp.NotebookDocumentCellContentChanges(
        lsp.VersionedTextDocumentIdentifier(9, "a"), [_partial((0, 4), (0, 5), "7")]
    )
    notebook = change(text_content=[edit])
    assert notebook.snapshot().text == "y = 2\nx = 7\nz = 3\n"
    assert notebook.snapshot().cells[1].version == 9
    notebook = change(structure=structure(array(0, 1), did_close=[lsp.TextDocumentIdentifier("b")]))
    assert notebook.snapshot().text == "x = 7\nz = 3\n"
    notebook = change(structure=structure(array(1, 1, [cell("c")]), did_open=[item("c", "# text", "markdown")]))
    assert notebook.snapshot().text == "x = 7\n"
