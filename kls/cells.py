"""The cells of a notebook as Python can read them, line for line: without what only IPython understands, and without
the statements that are no Python at all.
"""

from __future__ import annotations

import ast
import builtins
import keyword
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

from kls.worker.comments import UNPARSED

NOBODY_KNOWS = "get_ipython()"
"""A value that the dry run knows nothing of."""

_MAGIC = re.compile(
    r"\s*(?:[%!?]|(?:pip3?|conda|mamba)\s+(?:install|uninstall|list|show)\b"
    r"|(?:ls|cd|pwd|cat|mkdir|rm|cp|mv|head|tail|wget|unzip|git)(?:\s+[\w.~/-][^=(]*)?$)"
)
_BRINGS_NAMES = re.compile(r"\s*%(?:run|pylab|store\s+-r|load|sql|bigquery|R|Rpull)\b")
"""Magics that may give names a value."""
_RUNS = re.compile(r"(?P<before>\s*)%(?:time|prun) (?P<statement>\s*[^\s\-!%].*)")
"""Magics that run a statement where the cell stands; `pass; ` is as wide as they are."""
_HELP = re.compile(r"\s*[\w.*\[\]\"']+\?{1,2}\s*(?:#.*)?$")
_ASSIGNED = re.compile(r"(\s*(?:[\w.,*\s]|\[[^\]]*\])+=\s*)(?:%\w|!)")
_INDENT = re.compile(r"[ \t]+")
_PYTHON_CELL = re.compile(r"\s*%%(?:time|timeit|capture|prun|memit|mprun|debug|snakeviz|scalene|wandb|tensorboard)\b")
_OUTPUT = re.compile(r"\s*%%capture\s+(?:--?\S+\s+)*(?P<name>[^\W\d]\w*)")
_SHOWS_ONLY = re.compile(
    r"\s*%%(?:writefile|file|html|javascript|js|latex|markdown|svg|(?:bash|sh|script|cmd|perl|ruby|pypy|python\d?|sx"
    r"|system|!)(?!.*--(?:out|err|proc)))\b",
    re.IGNORECASE,
)
"""Cell magics that give no name a value; others, as `%%bigquery df`, may."""
_PIECE = re.compile(
    r"(?P<comment>#.*)|(?P<triple>\"\"\"|''')|(?P<string>\"(?:\\.|[^\"\\])*\"?|'(?:\\.|[^'\\])*'?)"
    r"|(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<continued>\\$)|."
)


def blank_magics(lines: Sequence[str]) -> list[str]:
    """The lines of one cell with what only IPython understands made harmless, line for line.

    A magic, shell or help line becomes `pass`, one that may give names a value `get_ipython()`; `files = !ls` becomes
    `files = get_ipython()`, a value nobody knows; `%time` leaves its statement. A cell magic that is not about Python
    (`%%bash`) blanks its cell. `await` at top level stays. Where the whole cell is indented, a form feed ends the
    indentation, so that to Python there is none and columns stay what they are.
    """
    first = next((index for index, line in enumerate(lines) if line.strip()), None)
    if first is None:
        return list(lines)
    indent = _INDENT.match(lines[first])
    if indent is not None:
        before = indent[0]
        lines = [before[:-1] + "\f" + line[len(before) :] if line.startswith(before) else line for line in lines]
    if lines[first].lstrip().startswith("%%"):
        is_python = _PYTHON_CELL.match(lines[first])
        body = blank_magics(lines[first + 1 :]) if is_python else [""] * (len(lines) - first - 1)
        return [*lines[:first], _head_of_cell(lines[first]), *body]
    blanked: list[str] = []
    state = _Scan()
    shell = False
    for line in lines:
        if shell:
            shell = line.rstrip().endswith("\\")
            blanked.append("")
        elif state.inside:
            state = _scan(line, state)
            blanked.append(line)
        elif _MAGIC.match(line) or _HELP.match(line):
            shell = line.rstrip().endswith("\\")
            blanked.append(_without_magic(line))
        elif assigned := _ASSIGNED.match(line):
            shell = line.rstrip().endswith("\\")
            blanked.append(assigned[1] + NOBODY_KNOWS)
        else:
            state = _scan(line, state)
            blanked.append(line)
    return blanked


def _head_of_cell(line: str) -> str:
    """What takes the place of a cell magic."""
    output = _OUTPUT.match(line)
    if output is not None:
        return f"{output['name']} = {NOBODY_KNOWS}"
    return "pass" if _PYTHON_CELL.match(line) or _SHOWS_ONLY.match(line) else NOBODY_KNOWS


def _without_magic(line: str) -> str:
    """What takes the place of a line that only IPython understands; a statement stays in its columns."""
    runs = _RUNS.match(line)
    if runs is not None:
        statement = runs["statement"]
        if problem(f"pass; {statement.strip()}") is None:
            return f"{runs['before']}pass; {statement}"
        if not runs["before"] and problem(statement.strip()) is None:
            return f"     \f{statement}"
    indent = line[: len(line) - len(line.lstrip())]
    return indent + (NOBODY_KNOWS if _BRINGS_NAMES.match(line) else "pass")


@dataclass(frozen=True)
class _Scan:
    """Where the start of a line stands: open brackets, the open triple quote, after a backslash."""

    depth: int = 0
    quote: str = ""
    continued: bool = False

    @property
    def inside(self) -> bool:
        return self.depth > 0 or bool(self.quote) or self.continued


def _scan(line: str, state: _Scan) -> _Scan:
    depth, quote, continued = state.depth, state.quote, False
    at = 0
    while at < len(line):
        if quote:
            end = re.compile(r"(?:\\.|(?!" + quote + r").)*" + quote).match(line, at)
            if end is None:
                return _Scan(depth, quote)
            at, quote = end.end(), ""
            continue
        piece = _PIECE.match(line, at)
        if piece is None:
            break
        at = piece.end()
        if piece["triple"]:
            quote = piece["triple"]
        elif piece["open"]:
            depth += 1
        elif piece["close"]:
            depth = max(0, depth - 1)
        elif piece["continued"]:
            continued = True
    return _Scan(depth, quote, continued)


_HEAD = re.compile(
    r"\s*(?:(?:async\s+)?(?:def|class)\s+(?P<made>\w+)|for\s+(?P<bound>.+?)\s+in\b"
    r"|(?P<changed>[^\W\d]\w*(?:\s*,\s*[^\W\d]\w*)*)\s*(?:[.,=\[(:+*/-]|$))"
)
_NAME = re.compile(r"[^\W\d]\w*")
_GOES_ON = re.compile(r"(?:else|elif|except|finally)\b")


def problem(text: str) -> SyntaxError | None:
    """Why Python cannot parse `text`; None where it can, or where it fails for another reason than its syntax."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except SyntaxError as error:
        return error
    except UNPARSED:
        return None
    return None


def without_errors(lines: Sequence[str]) -> list[str]:
    """The lines of one cell without the statements that do not parse, line for line.

    What such a statement may have made or changed is a value nobody knows from there on: the names at the heads of its
    lines.
    """
    kept: list[str] = []
    for statement in _statements(lines):
        if problem("\n".join(statement)) is None:
            kept += statement
        else:
            names = dict.fromkeys(name for line in statement for name in _changed(line))
            kept += [" = ".join([*names, NOBODY_KNOWS]), *[""] * (len(statement) - 1)]
    return kept


def _statements(lines: Sequence[str]) -> list[list[str]]:
    """The lines in groups that begin where a statement may begin: at the margin, outside of brackets and strings."""
    groups: list[list[str]] = []
    state = _Scan()
    for line in lines:
        at_margin = bool(line.strip()) and not line[0].isspace() and not _GOES_ON.match(line)
        if not groups or (at_margin and not state.inside and not groups[-1][-1].startswith("@")):
            groups.append([])
        groups[-1].append(line)
        state = _scan(line, state)
    return groups


def _changed(line: str) -> list[str]:
    """The names that a line at its head makes or changes."""
    head = _HEAD.match(line)
    names: list[str] = _NAME.findall(head["made"] or head["bound"] or head["changed"]) if head else []
    return [name for name in names if not keyword.iskeyword(name) and not hasattr(builtins, name)]
