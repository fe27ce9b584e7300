"""The pure parts of the search for repairs: sizes in messages, and what the text makes of them."""

from __future__ import annotations

import ast

from kls.facts import Finding
from kls.rules import search, shape_argument
from kls.rules.context import Context
from kls.source import SourceText, apply
from kls.worker.protocol import Failure, Report, Span


def context_of(text: str) -> Context:
    return Context("/p.py", {"/p.py": SourceText("/p.py", text)}, (), Report(1, True, None, 0.0))


def failure_at(text: str, words: str, message: str) -> Failure:
    line = next(number for number, item in enumerate(text.split("\n"), 1) if words in item)
    column = text.split("\n")[line - 1].index(words)
    return Failure("ValueError", message, "build", (Span("/p.py", line, column, line, column + len(words)),))


def repaired(text: str, finding: Finding | None) -> str:
    assert finding is not None
    return apply(text, [(edit.span, edit.text) for edit in finding.fixes[0].edits])


def test_sizes_that_disagree() -> None:
    pairs = search.conflicts(failure_at("x", "x", "Dimensions must be equal, but are 5 and 7 for MatMul"))
    assert pairs[:2] == [(5, 7), (7, 5)]
    assert search.conflicts(failure_at("x", "x", "indices[10] = 10 is not in [0, 10)"))[0] == (10, 11)


def test_a_number_where_a_shape_belongs() -> None:
    for call, wanted in (
        ("Input(shape=(784))", "Input(shape=(784,))"),
        ("Input(784)", "Input((784,))"),
        ("Input((784))", "Input((784,))"),
        ("Input(28, 28, 1)", "Input((28, 28, 1))"),
        ("Dense(10, input_shape=784)", "Dense(10, input_shape=(784,))"),
    ):
        finding = shape_argument.diagnose(context_of(call), failure_at(call, call, "Cannot convert '784' to a shape."))
        assert repaired(call, finding) == wanted


def test_a_shape_is_left_alone() -> None:
    call = "Input((784,))"
    assert shape_argument.diagnose(context_of(call), failure_at(call, call, "any")) is None


def test_how_a_file_says_keras() -> None:
    for text, name in (
        ("import keras", "keras"),
        ("import tensorflow as tf", "tf.keras"),
        ("from tensorflow import keras as k", "k"),
        ("import tensorflow.keras as kk", "kk"),
    ):
        assert search.keras_name(SourceText("/p.py", text)) == (name, [])
    name, added = search.keras_name(SourceText("/p.py", "from keras import layers"))
    assert name == "keras" and added[0].text.startswith("import keras")


def test_what_makes_a_layer() -> None:
    texts = ("layers.Dense(3)", "Input((3,))", "x")
    made = {text: search.makes_layer(ast.parse(text, mode="eval").body) for text in texts}
    assert made == {"layers.Dense(3)": True, "Input((3,))": False, "x": False}
