"""The author's `# kls:` comments: what they say, what they silence, and the edits that write and remove them."""

from __future__ import annotations

import ast
from dataclasses import replace

import pytest

from kls import check
from kls.documents import Snapshot
from kls.facts import Evidence, Finding, Fix, Severity, Span
from kls.rules import ignores
from kls.source import SourceText, apply
from kls.worker import comments
from kls.worker.protocol import Gap, Report, Variable

PATH = "/p/a.py"


def source(text: str) -> SourceText:
    return SourceText(PATH, text)


def finding(line: int, code: str = "input-shape", end: int | None = None, fixes: tuple[Fix, ...] = ()) -> Finding:
    span = Span(PATH, line, 0, end or line, 3)
    return Finding(code, Severity.ERROR, Evidence.RAISED, span, "wrong", fixes=fixes)


def applied(text: str, fix: Fix | None) -> str:
    assert fix is not None
    return apply(text, [(edit.span, edit.text) for edit in fix.edits])


@pytest.mark.parametrize(
    ("text", "kind", "rest"),
    [
        ("x = f()  # kls: x float32[60_000, None, ?]", "spec", ("x", "float32", (60000, None, None))),
        ("# kls: x uint8[]\nx = f()", "spec", ("x", "uint8", ())),
        ("#kls:x string[5,]  # of words", "spec", ("x", "string", (5,))),
        ("# kls: probe f((1, 2), n=3)", "probe", None),
        ("f()  # kls: ignore", "ignore", ()),
        ("f()  # noqa: E501  # kls: ignore[a-b, c]  because", "ignore", ("a-b", "c")),
        ("f()  # kls: ignore a-b c", "ignore", ("a-b", "c")),
        ("# kls: ignore-file[a-b]", "ignore-file", ("a-b",)),
    ],
)
def test_what_a_comment_says(text: str, kind: str, rest: object) -> None:
    (found,) = comments.read(text)
    assert found.kind == kind, found.problem
    if kind == "spec":
        assert (found.name, found.dtype, found.shape) == rest
    elif kind == "probe":
        assert text[found.start : found.end_column] == "f((1, 2), n=3)"
    else:
        assert found.codes == rest


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("", "says nothing"),
        ("the language server", "no comment that kls knows"),
        ("x float32", "no comment that kls knows"),
        ("x float31[2]", "`float31` is no dtype"),
        ("x float32[2, n]", "`n` is no size"),
        ("x float32[-1]", "`-1` is no size"),
        ("x float32[9999999999999, 999]", "too large"),
        ("3x float32[1]", "`3x` is no name"),
        ("probe", "no Python expression"),
        ("probe f(", "no Python expression"),
        ("probe x", "calls nothing"),
        ("ignore[", "not closed"),
        ("ignore[]", "names no code"),
        ("ignore[Input Shape]", "no code of kls"),
        ("ignored", "no comment that kls knows"),
    ],
)
def test_what_is_wrong_is_told_in_a_sentence(body: str, words: str) -> None:
    text = f"x = 1  # kls: {body}\n"
    (found,) = comments.read(text)
    assert found.kind == "problem" and words in found.problem
    told = check.check(Snapshot(f"file://{PATH}", PATH, 1, text), (), None)
    assert [item.code for item in told] == ["kls-comment"] and words in told[0].message


@pytest.mark.parametrize(
    "text",
    [
        "s = '# kls: ignore'",
        '"""\n# kls: ignore\n"""',
        "# x = f()  # kls: ignore",
        "# write `# kls: ignore` there",
        "# the kls: of all",
    ],
)
def test_what_only_looks_like_one_is_none(text: str) -> None:
    assert comments.read(text) == ()


def test_a_comment_alone_speaks_of_the_line_below() -> None:
    text = "# kls: ignore\n# more\n\nx = (\n    # kls: ignore\n    1\n)  # kls: ignore\n# kls: ignore\n"
    assert [(item.line, item.about) for item in comments.read(text)] == [(1, 4), (5, 6), (7, 7), (8, 8)]


def test_half_a_text_has_the_comments_before_the_fault() -> None:
    assert len(comments.read("x = 1  # kls: ignore\ny = '''\n# kls: ignore\n")) == 1


@pytest.mark.parametrize(
    ("text", "statement", "after", "binding"),
    [
        ("x = f()  # kls: x bool[1]", 1, True, 1),
        ("a, x = (\n    f(),\n    2,\n)  # kls: x bool[1]", 1, True, 1),
        ("# kls: x bool[1]\nx = f()", 2, True, 2),
        ("x = f()\n# kls: x bool[1]\ny = x", 3, False, 1),
        ("x = f()\nprint(x)\n# kls: x bool[1]\n", 2, True, 1),
        ("from m import *\n# kls: x bool[1]\ny = x", 3, False, None),
        ("def f(x):  # kls: x bool[1]\n    '''A.'''\n    return x", 3, False, 1),
        ("def f(x):\n    # kls: x bool[1]\n    return x", 3, False, 1),
        ("def f(x):\n    pass\n    # kls: x bool[1]\nx = 1", 2, True, 1),
        ("for x in d:  # kls: x bool[1]\n    print(x)", 2, False, 1),
        ("class C:\n    def m(self, x):\n        # kls: x bool[1]\n        return x", 4, False, 2),
    ],
)
def test_where_a_spec_takes_effect(text: str, statement: int, after: bool, binding: int | None) -> None:
    placed, problems = comments.place(ast.parse(text), comments.read(text))
    assert not problems
    (spec,) = placed
    assert (spec.statement.lineno, spec.after) == (statement, after)
    assert (spec.binding.lineno if spec.binding is not None else None) == binding


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("y = f()  # kls: x bool[1]", "there is no `x` in this file"),
        ("x = 1\ny = f()  # kls: x bool[1]", "on its own above the line"),
        ("x = 1\ndef f():\n    # kls: x bool[1]\n    return x", "in the module or in the function"),
        ("class C:\n    # kls: x bool[1]\n    x = 1", "in the module or in the function"),
    ],
)
def test_a_spec_without_a_name_is_told(text: str, words: str) -> None:
    placed, problems = comments.place(ast.parse(text), comments.read(text))
    assert not placed and words in problems[0][1]


@pytest.mark.parametrize(
    ("comment", "line", "silent"),
    [
        ("a = 1\nfit(  # kls: ignore\n)", 2, True),
        ("a = 1\nfit(\n)  # kls: ignore", 2, True),
        ("a = 1  # kls: ignore\nfit(\n)", 2, False),
        ("# kls: ignore\nfit(\n)", 2, True),
        ("# kls: ignore[data-type]\nfit(\n)", 2, False),
        ("# kls: ignore[data-type, input-shape]\nfit(\n)", 2, True),
        ("a = 1\nfit(\n)\n# kls: ignore-file", 2, True),
        ("a = 1\nfit(\n)\n# kls: ignore-file[data-type]", 2, False),
    ],
)
def test_what_an_ignore_silences(comment: str, line: int, silent: bool) -> None:
    kept, used = ignores.silence([finding(line, end=3)], {PATH: source(comment)})
    assert (kept == ()) is silent and bool(used) is silent


def test_an_ignore_holds_where_a_repair_would_move_the_finding() -> None:
    fix = Fix("Reshape", (), cause=Span(PATH, 1, 0, 1, 1))
    assert ignores.silence([finding(2, fixes=(fix,))], {PATH: source("x = 1  # kls: ignore\nfit()")})[0] == ()


@pytest.mark.parametrize("line", [1, 4])
def test_an_ignore_at_an_assignment_speaks_of_the_names_that_it_binds(line: int) -> None:
    lines = ["(x, y), z = (", "    load(),", "    2,", ")"]
    lines[line - 1] += "  # kls: ignore"
    where = SourceText(PATH, "\n".join(lines))
    found = replace(finding(1), span=Span(PATH, 1, 1, 1, 2))
    assert ignores.silence([found], {PATH: where})[0] == ()
    inside = replace(finding(2), span=Span(PATH, 2, 4, 2, 8))
    assert ignores.silence([inside], {PATH: where})[0] == (inside,)


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("fit()\nb\n", 1, "fit()  # kls: ignore[input-shape]\nb\n"),
        ("fit()  # noqa\r\nb\r\n", 1, "fit()  # noqa  # kls: ignore[input-shape]\r\nb\r\n"),
        ("fit()  # kls: ignore[a-b]\n", 1, "fit()  # kls: ignore[a-b, input-shape]\n"),
        ("# kls: ignore a-b\nfit()\n", 2, "# kls: ignore a-b input-shape\nfit()\n"),
        ("if a:\r\n    fit(\\\r\n    )\r\n", 2, "if a:\r\n    # kls: ignore[input-shape]\r\n    fit(\\\r\n    )\r\n"),
        ("fit('''\n''')\n", 1, "# kls: ignore[input-shape]\nfit('''\n''')\n"),
        ("fit(f'''\n{a}''')\n", 1, "# kls: ignore[input-shape]\nfit(f'''\n{a}''')\n"),
        ("a = \\\n    fit('''\n''')\n", 2, None),
    ],
)
def test_ignoring_a_finding_here(text: str, line: int, expected: str | None) -> None:
    fix = ignores.here(source(text), finding(line))
    if expected is None:
        assert fix is None
        return
    assert applied(text, fix) == expected
    moved = expected.split("\n").index(next(item for item in expected.split("\n") if "fit(" in item)) + 1
    assert ignores.silence([finding(moved)], {PATH: source(expected)})[0] == ()


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a = 1\nx = 1  # kls: ignore\nb = 2\n", "a = 1\nx = 1\nb = 2\n"),
        ("a = 1\n# kls: ignore[a-b]  why\nx = 1\n", "a = 1\nx = 1\n"),
        ("a = 1\r\n# kls: ignore\r\nx = 1\r\n", "a = 1\r\nx = 1\r\n"),
        ("x = 1  # noqa  # kls: ignore\n", "x = 1  # noqa\n"),
        ("x = 1  # kls: ignore[a-b, data-type, c-d]\n", "x = 1  # kls: ignore[data-type]\n"),
    ],
)
def test_an_unused_ignore_is_taken_out(text: str, left: str) -> None:
    (comment,) = source(text).comments
    used = {comment: {"data-type"}} if "data-type" in text else {}
    edits = ignores.without(source(text), comment, set(comment.codes) - used.get(comment, set()))
    assert apply(text, [(edit.span, edit.text) for edit in edits]) == left


def test_an_unused_ignore_is_told_only_of_what_is_known() -> None:
    text = "import keras\nx = 1  # kls: ignore\n"
    snapshot = Snapshot(f"file://{PATH}", PATH, 1, text)
    whole = Report(1, True, None, 0.0, ignored=(2,))

    def told(report: Report) -> list[str]:
        return [item.code for item in check.check(snapshot, (), report)]

    here = Span(PATH, 1, 0, 1, 1)
    assert told(whole) == ["unused-ignore"]
    assert told(Report(1, True, None, 0.0)) == [], "the line was not reached"
    assert told(Report(1, False, "time", 0.0, ignored=(2,))) == []
    assert told(Report(1, True, None, 0.0, ignored=(2,), gaps=(Gap(here, "file", "not there"),))) == []
    unknown = Variable("x", here, here, "unknown", (), None)
    assert told(Report(1, True, None, 0.0, ignored=(2,), variables=(unknown,))) == []
