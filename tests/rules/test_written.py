"""The repairs that go by the text alone: assignments, argument removal, keys, module names."""

from __future__ import annotations

import ast

import pytest

from kls.facts import Fix
from kls.rules import written
from kls.source import SourceText, apply


def _source(text: str) -> SourceText:
    return SourceText("/m.py", text)


def _applied(source: SourceText, fix: Fix) -> str:
    return apply(source.text, [(edit.span, edit.text) for edit in fix.edits])


def _call(source: SourceText) -> ast.Call:
    return next(iter(source.calls()))


@pytest.mark.parametrize(
    ("text", "module", "name"),
    [
        ("import numpy as np", "numpy", "np"),
        ("import os, numpy", "numpy", "numpy"),
        ("import numpy as np, keras", "keras", "keras"),
        ("from tensorflow import keras", "keras", "keras"),
        ("import tensorflow as tf", "keras", "tf.keras"),
        ("import os", "numpy", None),
    ],
)
def test_a_module_is_named_as_the_file_imports_it(text: str, module: str, name: str | None) -> None:
    assert written.module_name(_source(text), module) == name


def test_assignments_are_found_up_to_a_line_with_the_value_of_each_name() -> None:
    source = _source("x, y = 1, 2\nx = f()\na, x = g()\nx = 3\n")
    found = written.assignments(source, "x", 3)
    assert [value and source.segment(value) for _, value in found] == ["1", "f()", None]


@pytest.mark.parametrize(
    ("text", "index", "expected"),
    [
        ("fit(ds, y, verbose=0)", 1, "fit(ds, verbose=0)"),
        ("fit(ds, y)", 0, "fit(y)"),
        ("fit(ds)", 0, "fit()"),
    ],
)
def test_a_positional_argument_goes_with_its_comma(text: str, index: int, expected: str) -> None:
    source = _source(text)
    node = _call(source)
    edit = written.drop_argument(source, node, node.args[index])
    assert edit is not None
    assert apply(source.text, [(edit.span, edit.text)]) == expected


def test_a_keyword_goes_with_its_comma() -> None:
    source = _source("fit(ds, y=labels, verbose=0)")
    node = _call(source)
    edit = written.drop_argument(source, node, node.keywords[0].value)
    assert edit is not None
    assert apply(source.text, [(edit.span, edit.text)]) == "fit(ds, verbose=0)"


def test_the_key_that_comes_closest_is_renamed_in_the_authors_quotes() -> None:
    source = _source("d = {'price': 1, 'sise': 2}")
    node = next(item for item in ast.walk(source.tree or ast.Module([], [])) if isinstance(item, ast.Dict))
    (fix,) = written.rename_keys([(source, node)], ["price", "sise"], ["price", "size"])
    assert _applied(source, fix) == "d = {'price': 1, 'size': 2}"


def test_nothing_is_renamed_where_a_key_is_missing_altogether() -> None:
    source = _source("d = {'a': 1}")
    node = next(item for item in ast.walk(source.tree or ast.Module([], [])) if isinstance(item, ast.Dict))
    assert list(written.rename_keys([(source, node)], ["a"], ["a", "b"])) == []
