"""What the editor holds, frozen: one Snapshot for each version of a file or notebook.

Lines end at "\\n", "\\r\\n" or "\\r" and nowhere else, as Python and the language server protocol have it: a form
feed or a U+2028 inside a line is an ordinary character. Positions are (line from 1, column from 0 in characters);
this module also converts columns to the units that a client or the syntax tree counts in.
"""

from __future__ import annotations

import ast
import json
import os
import re
import tokenize
import warnings
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from kls.cells import blank_magics, problem, without_errors
from kls.facts import Span
from kls.worker.comments import UNPARSED

Encoding = Literal["utf-8", "utf-16", "utf-32"]
"""Units that a client may count columns in."""

_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class Cell:
    """One code cell of a notebook: `uri` names it to the editor, `line` is its first line in `Snapshot.text`
    (from 1) and `count` the number of lines it takes there, at least 1. `error` says why statements of it are left out
    of the text: they do not parse."""

    uri: str
    line: int
    count: int
    version: int = 0
    error: str | None = None


@dataclass(frozen=True)
class Snapshot:
    """One version of one document.

    `path` is absolute, or "" for a document that has no file. `text` is what Python sees: for a notebook its code
    cells, one after another, with the lines that only IPython understands blanked, and without the statements that do
    not parse (see `left_out`); a line of a cell is always exactly one line of `text` and keeps its columns.
    """

    uri: str
    path: str
    version: int
    text: str
    cells: tuple[Cell, ...] = ()

    @property
    def left_out(self) -> str | None:
        """Why statements of a notebook are not in `text`, in one sentence; None where they all are."""
        errors = [cell.error for cell in self.cells if cell.error is not None]
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        return f"{errors[0]}{more}; what does not parse is left out" if errors else None

    @property
    def name(self) -> str:
        """What spans of this document have as their path: the file, or the URI of a document that has none."""
        return self.path or self.uri

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The lines without their ends; a text that ends in a line break has an empty last line."""
        return tuple(split_lines(self.text))

    @cached_property
    def _starts(self) -> list[int]:
        return [cell.line for cell in self.cells]

    def line_text(self, line: int) -> str:
        """The text of `line` (from 1), "" outside the document."""
        return self.lines[line - 1] if 1 <= line <= len(self.lines) else ""

    def locate(self, line: int) -> tuple[str, int]:
        """The URI that holds `line` of the text, and the line's number (from 1) inside it."""
        if not self.cells:
            return self.uri, line
        cell = self.cells[max(0, bisect_right(self._starts, line) - 1)]
        return cell.uri, max(1, line - cell.line + 1)

    def words(self, line: int) -> str:
        """Where `line` of the text is, as a person would say it: "line 3", or "code cell 2, line 3"."""
        uri, number = self.locate(line)
        cell = next((index for index, cell in enumerate(self.cells, 1) if cell.uri == uri), 0)
        return f"{_cell_words(uri, cell)}, line {number}" if cell else f"line {number}"

    def place(self, uri: str, line: int) -> int | None:
        """The line of the text that is `line` (from 1) of the document or cell `uri`; None where it is neither."""
        if not self.cells:
            return line if uri == self.uri else None
        for cell in self.cells:
            if cell.uri == uri:
                return cell.line + min(line, cell.count) - 1
        return None

    def extent(self, uri: str) -> tuple[int, int] | None:
        """First and last line of the text that belong to the document or cell `uri`."""
        if not self.cells:
            return (1, len(self.lines)) if uri == self.uri else None
        return next(((cell.line, cell.line + cell.count - 1) for cell in self.cells if cell.uri == uri), None)

    def slice(self, span: Span) -> str:
        """The characters that `span` covers, line breaks as "\\n"."""
        if span.line == span.end_line:
            return self.line_text(span.line)[span.column : span.end_column]
        first = self.line_text(span.line)[span.column :]
        middle = [self.line_text(number) for number in range(span.line + 1, span.end_line)]
        return "\n".join([first, *middle, self.line_text(span.end_line)[: span.end_column]])

    @cached_property
    def tree(self) -> ast.Module | None:
        """The syntax tree by this server's Python, None where it does not parse (see `broken`).

        Its columns count UTF-8 bytes: turn them with `from_units(line, column, "utf-8")`.
        """
        return self._parsed[0]

    @cached_property
    def broken(self) -> str | None:
        """Why the text does not parse, in one sentence; None where it does."""
        return self._parsed[1]

    @cached_property
    def _parsed(self) -> tuple[ast.Module | None, str | None]:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return ast.parse(self.text), None
        except SyntaxError as error:
            return None, f"syntax error on {self.words(error.lineno or 1)}: {error.msg}"
        except UNPARSED as error:
            return None, f"Python cannot parse this text: {str(error) or 'it is nested too deeply'}"


@dataclass(frozen=True)
class Moved:
    """How lines moved from one version of a text to the next: the first `head` and the last `tail` lines are the
    same, what lies between was edited."""

    head: int
    tail: int
    old: int
    new: int

    def forward(self, line: int) -> int | None:
        """The new number of old line `line`; None where it was edited."""
        if line <= self.head:
            return line
        return line + self.new - self.old if line > self.old - self.tail else None

    def back(self, line: int) -> int | None:
        """The old number of new line `line`; None where it was edited."""
        return Moved(self.head, self.tail, self.new, self.old).forward(line)


def moved(old: Snapshot, new: Snapshot) -> Moved:
    """What an edit left in place, by whole lines."""
    before, after = old.lines, new.lines
    most = min(len(before), len(after))
    head = next((i for i in range(most) if before[i] != after[i]), most)
    tail = next((i for i in range(most - head) if before[-1 - i] != after[-1 - i]), most - head)
    return Moved(head, tail, len(before), len(after))


def split_lines(text: str) -> list[str]:
    """The lines of `text` without their ends."""
    return _LINE_END.split(text)


def line_starts(text: str) -> list[int]:
    """The offset in characters at which each line of `text` starts."""
    return [0, *(match.end() for match in _LINE_END.finditer(text))]


def file_snapshot(uri: str, version: int, text: str, path: str | None = None) -> Snapshot:
    """A plain Python document as the editor has it; the path comes from the URI unless given."""
    return Snapshot(uri, path_of(uri) if path is None else path, version, text)


def notebook_snapshot(
    uri: str, version: int, cells: Sequence[tuple[str, int, str]], path: str | None = None
) -> Snapshot:
    """A notebook, from the (uri, version, text) of its Python cells in order."""
    made: list[Cell] = []
    lines: list[str] = []
    for number, (cell_uri, cell_version, text) in enumerate(cells, 1):
        blanked = blank_magics(split_lines(text))
        wrong = problem("\n".join(blanked))
        error = wrong and f"syntax error in {_cell_words(cell_uri, number)}, line {wrong.lineno or 1}: {wrong.msg}"
        blanked = without_errors(blanked) if wrong is not None else blanked
        made.append(Cell(cell_uri, len(lines) + 1, len(blanked), cell_version, error))
        lines += blanked
    return Snapshot(uri, path_of(uri) if path is None else path, version, "\n".join(lines) + "\n", tuple(made))


def _cell_words(uri: str, number: int) -> str:
    """A cell in words: by its place among all cells, as `read` names those of a file, else by its number among the code
    cells, which are all that an editor tells of."""
    place = uri.rpartition("#")[2]
    return f"cell {int(place) + 1}" if uri.startswith("file:") and place.isdecimal() else f"code cell {number}"


def read(path: str | os.PathLike[str]) -> Snapshot:
    """The file at `path`, decoded as Python would (coding line, byte order mark), or a notebook's code cells.

    Raises OSError where the file cannot be read and ValueError (its text says why) where it is not text or not a
    notebook. The cells of a notebook are named "<uri>#<index of the cell, all kinds counted, from 0>".
    """
    absolute = os.path.abspath(path)
    uri = uri_of(absolute)
    if absolute.endswith(".ipynb"):
        with open(absolute, encoding="utf-8-sig") as file:
            return notebook_snapshot(uri, 0, _notebook_cells(uri, json.load(file)), absolute)
    try:
        with tokenize.open(absolute) as file:
            return Snapshot(uri, absolute, 0, file.read())
    except (SyntaxError, UnicodeDecodeError) as error:
        raise ValueError(f"cannot decode {absolute}: {error}") from None


def _notebook_cells(uri: str, notebook: Any) -> list[tuple[str, int, str]]:
    cells = _object(notebook).get("cells")
    if not isinstance(cells, list):  # damaged data, not a wrong call
        raise ValueError("not a Jupyter notebook: it has no list of cells (format 4 is needed)")  # noqa: TRY004
    found: list[tuple[str, int, str]] = []
    for index, cell in enumerate(map(_object, cast("list[Any]", cells))):
        if cell.get("cell_type") == "code":
            source: Any = cell.get("source", "")
            text = "".join(map(str, cast("list[Any]", source))) if isinstance(source, list) else str(source)
            found.append((f"{uri}#{index}", 0, text))
    return found


def _object(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def path_of(uri: str) -> str:
    """The absolute path that a `file:` or notebook-cell URI names, "" for any other.

    JupyterLab shows a notebook as one Python text under `.virtual_documents/`; its path is the notebook's own.
    """
    parts = urlsplit(uri)
    if parts.scheme not in ("file", "vscode-notebook-cell", "vscode-interactive-input"):
        return ""
    if os.name == "nt":
        host = f"//{parts.netloc}" if parts.netloc and parts.scheme == "file" else ""
        path = url2pathname(host + unquote(parts.path).lstrip("/" if not host else ""))
    else:
        path = unquote(parts.path)
    if not os.path.isabs(path):
        return ""
    before, marker, after = path.partition(f"{os.sep}.virtual_documents")
    return before + after if marker and after[:1] in ("", os.sep) else path


def uri_of(path: str) -> str:
    """The `file:` URI of an absolute path."""
    return Path(path).as_uri()


def to_units(line: str, column: int, encoding: Encoding) -> int:
    """`column` (characters) of `line` in the units of `encoding`; a column past the end is the end."""
    if encoding == "utf-32" or line.isascii():
        return min(column, len(line))
    before = line[:column]
    if encoding == "utf-8":
        return len(before.encode("utf-8", "surrogatepass"))
    return len(before) + sum(char > "\uffff" for char in before)


def from_units(line: str, units: int, encoding: Encoding) -> int:
    """The inverse of `to_units`; a position inside a character is the character's start."""
    if encoding == "utf-32" or line.isascii():
        return max(0, min(units, len(line)))
    seen = 0
    for column, char in enumerate(line):
        seen += len(char.encode("utf-8", "surrogatepass")) if encoding == "utf-8" else 1 + (char > "\uffff")
        if seen > units:
            return column
    return len(line)
