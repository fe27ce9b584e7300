"""What people see: excerpt and underline under wide characters, tabs and hostile text; colour only on a terminal."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from kls import documents
from kls.analysis import Analysis
from kls.cli import text
from kls.cli.places import Places
from kls.facts import Edit, Evidence, Finding, Fix, Related, Severity, Span
from kls.worker.protocol import Call, Gap, Report

PLAIN = text.Style(False)


def places(tmp_path: Path, name: str, content: str) -> tuple[Places, str]:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    return Places({}).with_file(name, documents.read(path)), str(path)


def finding(
    path: str, line: int, column: int, end: int, message: str = "expected 1, found 2", **more: object
) -> Finding:
    span = Span(path, line, column, line, end)
    return Finding("input-shape", Severity.ERROR, Evidence.RAISED, span, message, **more)  # type: ignore[arg-type]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path.cwd()


def test_excerpt(here: Path) -> None:
    shown, path = places(here, "a.py", "x = 1\ny = load(x)\n")
    related = (Related(Span(path, 1, 0, 1, 1), "made here"),)
    fix = Fix("call it twice", (Edit(Span(path, 2, 4, 2, 11), "load(load(x))"),), verified=True)
    found = finding(path, 2, 4, 11, "expected 1, found 2\nmore", related=related, fixes=(fix,))
    assert text.full(found, shown, PLAIN) == (
        "a.py:2:5: error[input-shape]: expected 1, found 2\n"
        "  |\n"
        "2 | y = load(x)\n"
        "  |     ^^^^^^^\n"
        "  = more\n"
        "  = a.py:1:1: made here\n"
        "  = fix: call it twice (tried: the finding goes away)\n"
        "  | - y = load(x)\n"
        "  | + y = load(load(x))"
    )


def test_prose_is_as_wide_as_the_terminal(here: Path) -> None:
    shown, path = places(here, "a.py", "x = 1\n")
    found = finding(path, 1, 0, 1, "first\n" + "word " * 30)
    lines = text.full(found, shown, text.Style(False, 60)).splitlines()
    assert lines[4:] == ["  = " + "word " * 10 + "word", "    " + "word " * 10 + "word", "    " + "word " * 7 + "word"]


def test_underline_stands_below_what_it_means(here: Path) -> None:
    shown, path = places(here, "wide.py", "s, x = '🧠日e\u0301', load()\n\tt = f('\t', x)\n")
    column = "s, x = '🧠日e\u0301', load()".index("load")
    assert text.full(finding(path, 1, column, column + 6), shown, PLAIN).splitlines()[3] == (
        "  | " + " " * len("s, x = 'xxxxe', ") + "^^^^^^"
    )
    lines = text.full(finding(path, 2, 1, 2), shown, PLAIN).splitlines()
    assert lines[2:] == ["2 |     t = f('    ', x)", "  |     ^"]


def test_a_span_of_several_lines_is_underlined_on_its_first(here: Path) -> None:
    shown, path = places(here, "a.py", "y = load(\n    x,\n)\n")
    found = Finding("reshape-size", Severity.HINT, Evidence.ADVICE, Span(path, 1, 4, 3, 1), "m")
    assert text.full(found, shown, PLAIN).splitlines()[2:] == ["1 | y = load(", "  |     ^^^^^ …"]


def test_source_cannot_command_the_terminal(here: Path) -> None:
    shown, path = places(here, "a.py", "x = '\x1b]0;owned\x07\u202e'\n")
    output = text.full(finding(path, 1, 0, 1, "m\x1b[2J"), shown, PLAIN)
    assert not set(output) & {"\x1b", "\x07", "\u202e"}


def test_source_cannot_command_a_runner(here: Path) -> None:
    """What stands in a stranger's text or file name is printed where a CI runner listens."""
    shown, path = places(here, "::stop-commands::a.py", "x = '##vso[task.setvariable variable=PATH]' #  ##[debug]\n")
    said = finding(path, 1, 0, 1, "m\n::set-output name=a::b\n##[add-mask]c")
    for output in (text.full(said, shown, PLAIN), text.concise(said, shown)):
        assert "a.py:1:1" in output
        assert not any(
            line.lstrip().startswith("::") or "##[" in line or "##vso[" in line for line in output.split("\n")
        )


def test_a_line_too_long_is_cut(here: Path) -> None:
    shown, path = places(here, "a.py", "x = " + "1 + " * 500 + "1\n")
    assert max(map(len, text.full(finding(path, 1, 1800, 1801), shown, PLAIN).splitlines())) < 200


@pytest.mark.parametrize(
    ("statuses", "told"),
    [
        (["unknown", "traced"], "a.py:1:1: note: this `fit` was not checked: no network"),
        (["traced", "unknown", "unknown"], "a.py:2:1: note: this `fit` and 1 more call were not checked: no network"),
        (["unknown"] * 3, "a.py:1:1: note: this `fit` and 2 more calls were not checked: no network"),
    ],
)
def test_calls_that_were_not_followed_are_named_once_for_each_reason(
    here: Path, statuses: list[str], told: str
) -> None:
    shown, path = places(here, "a.py", "model.fit(x)\n" * len(statuses))
    calls = tuple(
        Call(Span(path, line, 0, line, 12), "fit", status, "no network\nmore", None, (), (), None, ())
        for line, status in enumerate(statuses, 1)
    )
    report = Report(1, True, None, 0.1, calls=calls)
    snapshot = shown.snapshot(path)
    assert snapshot is not None
    analysis = Analysis(snapshot, (), report, (), "checked", None, 0.1)
    assert list(text.notes(analysis, shown)) == [told]


def test_a_module_that_is_not_installed_is_named_once_in_a_run(here: Path) -> None:
    shown, path = places(here, "a.py", "import nowhere\nimport nowhere.inner\nopen('data')\n")
    gaps = (
        Gap(Span(path, 1, 0, 1, 14), "module", "the module 'nowhere' is not installed"),
        Gap(Span(path, 2, 0, 2, 20), "module", "the module 'nowhere' is not installed"),
        Gap(Span(path, 3, 0, 3, 12), "file", "the file data is not there"),
    )
    snapshot = shown.snapshot(path)
    assert snapshot is not None
    analysis = Analysis(snapshot, (), Report(1, True, None, 0.1, gaps=gaps), (), "checked", None, 0.1)
    told: set[str] = set()
    note = "a.py:1:1: note: the module 'nowhere' is not installed: what depends on it is not known"
    assert list(text.missing(analysis, shown, told)) == [note]
    assert list(text.missing(analysis, shown, told)) == []


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colour_needs_a_terminal_and_leave() -> None:
    assert text.style_for(Terminal(), {}).colour
    assert not text.style_for(Terminal(), {"NO_COLOR": "1"}).colour
    assert not text.style_for(Terminal(), {"TERM": "dumb"}).colour
    assert not text.style_for(io.StringIO(), {}).colour


def test_github_annotation_is_escaped(here: Path) -> None:
    shown, path = places(here, "a,b.py", "x = 1\n")
    assert text.github(finding(path, 1, 0, 1, "100%\nmore: ::error::"), shown) == (
        "::error file=a%2Cb.py,line=1,col=1,endLine=1,endColumn=2,title=kls input-shape::100%25%0Amore: ::error::"
    )


def test_notebook_places_are_by_cell(here: Path) -> None:
    notebook = '{"nbformat": 4, "cells": [{"cell_type": "markdown", "source": "t"},'
    notebook += '{"cell_type": "code", "source": "a = 1"}, {"cell_type": "code", "source": ["b = 2\\n", "c = 3"]}]}'
    shown, path = places(here, "n.ipynb", notebook)
    assert text.concise(finding(path, 3, 0, 1), shown) == "n.ipynb:cell 3:2:1: error[input-shape]: expected 1, found 2"
