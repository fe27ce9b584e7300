"""Edits of the author's text: what they leave of it."""

from __future__ import annotations

import pytest

from kls import edits
from kls.source import SourceText, apply

TAKEN_OUT = [
    ("f(a, steps=5, b=1)\n", "f(a, b=1)\n"),
    ("f(steps=5, b=1)\n", "f(b=1)\n"),
    ("f(a,  # width\n  steps=5,  # length\n  b=1)\n", "f(a,  # width\n  b=1)\n"),
    ("f(a,  # width\n  steps=5)\n", "f(a,  # width\n  )\n"),
    ("f(a,\n  steps=5)\n", "f(a)\n"),
    ("f(\n    a,\n    steps=[\n        5,\n    ],\n)\n", "f(\n    a,\n)\n"),
]


@pytest.mark.parametrize(("text", "left"), TAKEN_OUT)
def test_an_argument_goes_with_its_lines_and_no_other_comment(text: str, left: str) -> None:
    source = SourceText("program.py", text)
    edit = edits.remove_argument(source, next(iter(source.calls())), "steps")
    assert edit is not None
    assert apply(text, [(edit.span, edit.text)]) == left
