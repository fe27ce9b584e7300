"""The wire is hostile: any frame is refused or becomes a harmless record, and no text of a program becomes markup."""

from __future__ import annotations

import dataclasses
import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from kls import describe, documents
from kls.worker.protocol import Call, Layer, Model, ProtocolError, Report, Span, Variable, decode, encode

from .frames import TEXTS, broken, frames, judge, made

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("seed", range(3))
def test_broken_frames(seed: int) -> None:
    taken = sum(map(judge, frames(600, seed)))
    assert 20 < taken < 580, "the generator makes one kind only, so it shows nothing"


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    assert not judge(data)


@settings(deadline=None, max_examples=100)
@given(ANY_JSON, st.sampled_from(["Report", "Hello", "Probe", "Stop"]))
def test_any_json(value: object, kind: str) -> None:
    given = value if isinstance(value, dict) else {"id": value}
    judge(json.dumps({**given, "type": kind}).encode())


@pytest.mark.parametrize(
    "frame",
    [
        b"[" * 100_000,
        b'{"type":' * 50_000,
        b'{"type":"Report","id":1,"complete":true,"ended":null,"seconds":' + b"9" * 5000 + b"}",
        b'{"type":"Report","id":1,"complete":true,"ended":null,"seconds":0,"layers":[' + b"1," * 60_000 + b"1]}",
        b'{"type":"Stop","type":"Report"}',
        b"\xff\xfe{\x00}\x00",
        b'{"type":"Stop"}' + b" " * (9 << 20),
    ],
)
def test_large_and_deep(frame: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode(frame)


CODE = "x = f(y)\n" * 30
SNAPSHOT = documents.file_snapshot("file:///p/a.py", 1, CODE, "/p/a.py")
_HERE = Span("/p/a.py", 1, 4, 1, 8)


def hovers(seed: int) -> list[str]:
    """The Markdown of hovers over a report whose every text is hostile."""
    chance = random.Random(seed)
    layer: Layer = made(Layer, chance)
    variable: Variable = made(Variable, chance)
    model: Model = made(Model, chance)
    call: Call = made(Call, chance)
    told = [
        describe._layer_text([layer], _HERE),
        describe._variable_text(variable, _HERE, chance.choice(TEXTS)),
        describe._model_text(model, _HERE, chance.choice(TEXTS)),
        describe._call_text(call, chance.choice(TEXTS), chance.choice(TEXTS)),
    ]
    return [text.markdown for text in told]


@pytest.mark.parametrize("seed", range(20))
def test_no_text_of_a_program_becomes_markup(seed: int) -> None:
    for markdown in hovers(seed):
        for token in MarkdownIt("gfm-like", {"linkify": False, "html": True}).parse(markdown):
            assert token.type not in ("html_block", "heading_open", "fence", "code_block", "hr"), markdown
            for part in token.children or ():
                assert part.type not in ("link_open", "image", "html_inline"), markdown
        prose = "".join(markdown.replace("\\`", "").split("`")[::2])
        assert "://" not in prose.replace("\\://", "") and "www." not in prose, markdown
        assert "@" not in prose.replace("\\@", ""), markdown


@pytest.mark.parametrize("text", TEXTS)
def test_prose_shows_what_was_said(text: str) -> None:
    """A reader sees the program's own words, without any markup of them."""
    said = "a " + " ".join(text.encode(errors="replace").decode().split()) + " b"
    (_, inline, _) = MarkdownIt("gfm-like", {"linkify": False, "html": True}).parse(describe._prose(said))
    shown = "".join(part.content for part in inline.children or ())
    assert shown.split() == said.replace("\x00", "\ufffd").split()


def test_the_generator_breaks_frames() -> None:
    chance = random.Random(1)
    assert any(broken(b'{"type":"Stop"}', chance) != b'{"type":"Stop"}' for _ in range(10))


def test_a_report_of_hostile_texts_is_taken() -> None:
    """Otherwise the tests above would judge refusals only."""
    taken = decode(encode(made(Report, random.Random(3))))
    assert isinstance(taken, Report)


@pytest.mark.parametrize("mark", ["\x1b", "\u061c", "\u200e", "\u200f", "\u2028", "\u2029", "\u202e", "\u2066", "\x85"])
def test_marks_that_turn_or_break_a_line_do_not_come_through(mark: str) -> None:
    """A name of the program's that a terminal, an editor or a CI log would show as another."""
    sent = made(Report, random.Random(3))
    taken = decode(encode(dataclasses.replace(sent, ended=f"a{mark}b")))
    assert isinstance(taken, Report) and taken.ended == "a\N{REPLACEMENT CHARACTER}b"
