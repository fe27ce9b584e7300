"""Snapshots: lines, columns and notebooks, told apart exactly as Python tells them."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kls import cells, documents
from kls.facts import Span


@given(st.text(alphabet=st.sampled_from("ab\n\r\f\v\x1c\x85\u2028 é😀"), max_size=30))
def test_lines_are_those_that_python_counts(text: str) -> None:
    expected = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    assert documents.split_lines(text) == expected


def test_a_form_feed_is_no_line_break() -> None:
    snapshot = documents.file_snapshot("file:///a.py", 1, "a = 1\r\n\x0cdef f():\r    pass  # \u2028 x\n")
    assert snapshot.lines == ("a = 1", "\x0cdef f():", "    pass  # \u2028 x", "")
    assert snapshot.tree is not None and snapshot.tree.body[1].lineno == 2


@given(st.text(alphabet=st.sampled_from("aé€😀\u0301"), max_size=12), st.integers(0, 14))
def test_columns_survive_every_encoding(line: str, column: int) -> None:
    for encoding in ("utf-8", "utf-16", "utf-32"):
        units = documents.to_units(line, column, encoding)
        assert units == len(line[:column].encode(f"{encoding}-le" if encoding != "utf-8" else encoding)) // {
            "utf-8": 1, "utf-16": 2, "utf-32": 4,
        }[encoding]  # fmt: skip
        assert documents.from_units(line, units, encoding) == min(column, len(line))


def test_a_position_inside_a_character_is_its_start() -> None:
    assert documents.from_units("😀x", 1, "utf-16") == 0
    assert documents.from_units("😀x", 3, "utf-8") == 0
    assert documents.from_units("😀x", 99, "utf-16") == 2


def _notebook(*cells: str) -> documents.Snapshot:
    return documents.notebook_snapshot(
        "file:///n.ipynb", 1, [(f"vscode-notebook-cell:/n.ipynb#{index}", 1, text) for index, text in enumerate(cells)]
    )


def test_cells_map_there_and_back() -> None:
    snapshot = _notebook("a = 1\nb = 2", "", "c = a\n")
    assert snapshot.text == "a = 1\nb = 2\n\nc = a\n\n"
    assert snapshot.locate(1) == ("vscode-notebook-cell:/n.ipynb#0", 1)
    assert snapshot.locate(2) == ("vscode-notebook-cell:/n.ipynb#0", 2)
    assert snapshot.locate(4) == ("vscode-notebook-cell:/n.ipynb#2", 1)
    for line in range(1, 6):
        uri, inside = snapshot.locate(line)
        assert snapshot.place(uri, inside) == line
    assert snapshot.place("vscode-notebook-cell:/n.ipynb#9", 1) is None
    assert snapshot.extent("vscode-notebook-cell:/n.ipynb#2") == (4, 5)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("%matplotlib inline\nx = 1", "pass\nx = 1"),
        ("!pip install \\\n  keras\nx = 1", "pass\n\nx = 1"),
        ("if True:\n    !ls\n    x = 1", "if True:\n    pass\n    x = 1"),
        ("files = !ls\nx = 1", "files = get_ipython()\nx = 1"),
        ("t = %timeit -o f()", "t = get_ipython()"),
        ("keras.layers?", "pass"),
        ("?keras.layers", "pass"),
        ("%%time\n%cd x\ny = 1", "pass\npass\ny = 1"),
        ("%%bash\nls -l\necho 'x", "pass\n\n"),
        ("pip install keras", "pass"),
        ("x = (a\n     % b)\ny = '''\n%no\n!no\n'''\nz = a \\\n% b", None),
        ("x = {'a': 1,  # it's (\n'b':\n!2}", None),
        ("await f()\nasync with g() as h:\n    pass", None),
        ("x = a % b\ny = not a != b\npip = 3", None),
        ('s = "it\'s ("\n%time f()', 's = "it\'s ("\npass; f()'),
        ("%time x = f()\n%prun  g(x)\n%time", "pass; x = f()\npass;  g(x)\npass"),
        ("if x:\n    %time y = f(  # slow", "if x:\n    pass"),
        ("%time for i in x: f(i)\n%time !ls\n%timeit z = 3", "     \ffor i in x: f(i)\npass\npass"),
        ("%%capture --no-stderr out\nx = 1", "out = get_ipython()\nx = 1"),
        ("%%bigquery df --project a\nSELECT 1", "get_ipython()\n"),
        ("%%bash --out a --err b\nls", "get_ipython()\n"),
        ("s = 'a\\'b('\n!ls", "s = 'a\\'b('\npass"),
        ('print("%s = %s, "\n      "dtype = %s" % (a, b))', None),
        ("names['a = b'], x = !ls", "names['a = b'], x = get_ipython()"),
        ("ls ./data/train\ncat = head - tail\nhead(1)", "pass\ncat = head - tail\nhead(1)"),
        (" x = 1\n if x:\n   y = 2\nz = 3", "\fx = 1\n\fif x:\n\f  y = 2\nz = 3"),
        ("\n  !ls\n  for i in j:\n    k = i", "\n \fpass\n \ffor i in j:\n \f  k = i"),
    ],
)
def test_only_what_ipython_alone_understands_is_blanked(cell: str, expected: str | None) -> None:
    lines = documents.split_lines(cell)
    blanked = cells.blank_magics(lines)
    assert "\n".join(blanked) == (cell if expected is None else expected)
    assert len(blanked) == len(lines)
    if "!2" not in cell:
        ast.parse("\n".join(blanked))


def test_a_syntax_error_is_told_in_a_sentence() -> None:
    assert documents.file_snapshot("file:///a.py", 1, "x = (\n").broken is not None
    assert documents.file_snapshot("file:///a.py", 1, "x = '\ud800'\n").broken is not None
    assert documents.file_snapshot("file:///a.py", 1, "x = 1\x00\n").broken is not None
    assert documents.file_snapshot("file:///a.py", 1, "x = 1\n").broken is None


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("import keras\nprint 'a'\nx = 1", "import keras\nget_ipython()\nx = 1"),
        ("model.add(Dense(3)\nmodel.fit(x, y)", "model = get_ipython()\n"),
        ("@tf.function\ndef f(x):\n    print x\n    return x\ny = 3", "f = get_ipython()\n\n\n\ny = 3"),
        (
            "for a, b in c:\n    d = = 3\n    e.append(a)\nelse:\n  pass\nq = 1",
            "a = b = d = e = get_ipython()\n\n\n\n\nq = 1",
        ),
        ("a, b = load(\nc = 4", "a = b = c = get_ipython()\n"),
    ],
)
def test_what_does_not_parse_is_left_out_of_a_notebook(cell: str, expected: str) -> None:
    notebook = _notebook("w = 1", cell, "v = = 2")
    assert notebook.text == f"w = 1\n{expected}\nv = get_ipython()\n" and notebook.broken is None
    assert "code cell 2, line " in (notebook.left_out or "") and "(and 1 more)" in (notebook.left_out or "")
    assert _notebook("w = 1").left_out is None


def test_paths_and_uris(tmp_path: Path) -> None:
    file = tmp_path / "a b é.py"
    assert documents.path_of(documents.uri_of(str(file))) == str(file)
    assert documents.path_of("untitled:Untitled-1") == ""
    cell = f"vscode-notebook-cell://127.0.0.1:80{tmp_path.as_posix()}/n.ipynb#W2s"
    assert documents.path_of(cell) == str(tmp_path / "n.ipynb")
    virtual = (tmp_path / ".virtual_documents" / "n.ipynb").as_uri()
    assert documents.path_of(virtual) == str(tmp_path / "n.ipynb")
    assert documents.path_of((tmp_path / ".virtual_documents").as_uri()) == str(tmp_path)


def test_files_are_decoded_as_python_decodes_them(tmp_path: Path) -> None:
    latin = tmp_path / "latin.py"
    latin.write_bytes("# -*- coding: latin-1 -*-\nx = 'é'\n".encode("latin-1"))
    assert "é" in documents.read(latin).text
    marked = tmp_path / "bom.py"
    marked.write_bytes(b"\xef\xbb\xbfx = 1\n")
    assert documents.read(marked).text == "x = 1\n"
    binary = tmp_path / "binary.py"
    binary.write_bytes(b"x = '\xff'\n")
    with pytest.raises(ValueError, match="cannot decode"):
        documents.read(binary)


def test_a_notebook_on_disk(tmp_path: Path) -> None:
    file = tmp_path / "n.ipynb"
    cells = [
        {"cell_type": "markdown", "source": ["# x"]},
        {"cell_type": "code", "source": ["%pip install x\n", "a = 1"]},
        {"cell_type": "code", "source": "b = a"},
    ]
    file.write_text(json.dumps({"cells": cells}))
    snapshot = documents.read(file)
    assert snapshot.text == "pass\na = 1\nb = a\n"
    assert snapshot.locate(3) == (f"{file.as_uri()}#2", 1)
    file.write_text("[]")
    with pytest.raises(ValueError, match="not a Jupyter notebook"):
        documents.read(file)


def test_slices_cross_lines() -> None:
    snapshot = documents.file_snapshot("file:///a.py", 1, "ab\r\ncd\ref\n")
    assert snapshot.slice(Span("", 1, 1, 3, 1)) == "b\ncd\ne"
    assert snapshot.slice(Span("", 2, 0, 2, 1)) == "c"
