"""What an author tells kls in comments: `# kls: …`. Read by both sides, so standard library alone, as `protocol`.

    x = load()  # kls: x float32[60000, 28, 28]      a spec: what a name is, where the dry run does not know it
    # kls: probe build_model((28, 28, 1), 10)        an entry: a call that the dry run makes after the module
    model.fit(x, y)  # kls: ignore[input-shape]      what is found on this line is not told
    # kls: ignore-file                               nothing that is found in this file is told

A comment alone on its line speaks of the line below. None of them can widen anything: a probe runs where the program
itself runs, under the same limits.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Optional, Union

DTYPES = (
    "float16 float32 float64 bfloat16 int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool complex64 complex128 "
    "string"
).split()
UNPARSED = (SyntaxError, ValueError, RecursionError, MemoryError, SystemError)
"""What Python's parser raises on a text that it does not take; the last three on deeply nested ones."""
MOST = 500
"""Comments read of one file."""
_LARGEST = 1 << 40
"""Elements that an array may have at most."""

_MARK = re.compile(r"#\s*kls:[ \t]*")
_SPEC = re.compile(r"(\w+)\s+(\w+)\s*\[([^\]]*)\]\s*(?:#.*)?")
_IGNORE = re.compile(r"(ignore-file|ignore)\b\s*(.*)")
_CODE = re.compile(r"[a-z][a-z0-9-]*")
_KNOWN = (
    "expected `NAME DTYPE[SIZES]` (as in `x float32[None, 28, 28]`), `probe CALL`, `ignore`, `ignore[CODE]` or "
    "`ignore-file`"
)


@dataclass(frozen=True)
class Comment:
    """One `# kls:` comment. `kind` is "spec", "probe", "ignore", "ignore-file" or "problem".

    `line` counts from 1, `column` and `end_column` (of the comment, from its `#`) from 0 in characters; `alone` when
    nothing else stands on the line. `about` is the line that it speaks of. A "problem" says in `problem` what is wrong.
    """

    kind: str
    line: int
    column: int
    end_column: int
    alone: bool
    about: int
    text: str
    name: str = ""
    dtype: str = ""
    shape: tuple[Optional[int], ...] = ()
    """Of a spec: the axes, None for one that is left open."""
    start: int = 0
    """Of a probe: the column at which its expression begins."""
    codes: tuple[str, ...] = ()
    """Of an ignore: the codes that it names; none means all."""
    problem: str = ""


@dataclass(frozen=True)
class Spec:
    """Where a spec takes effect: before or after `statement`, of which scope its name is. `binding` is the place
    where the name got its value in the text, None where there is none."""

    comment: Comment
    statement: ast.stmt
    after: bool
    binding: Union[ast.Name, ast.arg, None]


def read(text: str) -> tuple[Comment, ...]:
    """Every `# kls:` comment of `text`, in order; of a text that Python cannot read those before the fault."""
    if "kls:" not in text:
        return ()
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    found: list[Comment] = []
    for line, column, comment in _comments(text):
        alone = not lines[line - 1][:column].strip()
        about = _below(lines, line) if alone else line
        marks = list(_MARK.finditer(comment))
        if not marks or (alone and marks[0].start() > 0):  # a comment that quotes one, or code that is switched off
            continue
        for index, mark in enumerate(marks):
            end = marks[index + 1].start() if index + 1 < len(marks) else len(comment)
            body = comment[mark.end() : end].rstrip()
            place = (line, column + mark.start(), column + mark.end() + len(body), alone, about)
            if len(found) < MOST:
                found.append(_read(body, column + mark.end(), place))
    return tuple(found)


def _comments(text: str) -> Iterator[tuple[int, int, str]]:
    stream = io.StringIO(text, newline=None)
    try:
        for token in tokenize.generate_tokens(stream.readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.start[1], token.string
    except (tokenize.TokenError, SyntaxError, ValueError):
        return


def _below(lines: list[str], line: int) -> int:
    """The next line that says something."""
    for number in range(line + 1, len(lines) + 1):
        words = lines[number - 1].strip()
        if words and not words.startswith("#"):
            return number
    return line


_Place = tuple[int, int, int, bool, int]


def _read(body: str, start: int, place: _Place) -> Comment:
    def made(kind: str, **more: object) -> Comment:
        return Comment(kind, *place, body, **more)  # type: ignore[arg-type]

    if match := _IGNORE.fullmatch(body):
        codes, problem = _codes(match[2].partition("#")[0].strip())
        return made("problem", problem=problem) if problem else made(match[1], codes=codes)
    if body == "probe" or body.startswith(("probe ", "probe\t")):
        expression = body[len("probe") :].lstrip()
        problem = _probe_problem(expression)
        return made("problem", problem=problem) if problem else made("probe", start=start + body.index(expression))
    if match := _SPEC.fullmatch(body):
        shape, problem = _shape(match[1], match[2], match[3])
        return made("problem", problem=problem) if problem else made(
            "spec", name=match[1], dtype=match[2], shape=shape
        )  # fmt: skip
    said = f"`{body}` is no comment that kls knows" if body else "this comment says nothing"
    return made("problem", problem=f"{said}: {_KNOWN}")


def _codes(text: str) -> tuple[tuple[str, ...], str]:
    if text.startswith("["):
        inside, closed, _ = text[1:].partition("]")  # what follows the bracket is the author's reason
        if not closed:
            return (), "the bracket of this `ignore` is not closed: expected `ignore[CODE]`"
        codes = tuple(item.strip() for item in inside.split(",") if item.strip())
        if not codes:
            return (), "this `ignore` names no code: expected `ignore[CODE]`, or `ignore` alone for all"
    else:
        codes = tuple(item for item in re.split(r"[\s,]+", text) if item)
    wrong = next((code for code in codes if not _CODE.fullmatch(code)), None)
    return codes, "" if wrong is None else f"`{wrong}` is no code of kls: expected `ignore[CODE]`"


def _probe_problem(expression: str) -> str:
    node = _parsed(expression)
    if node is None:
        return f"`{expression}` is no Python expression: expected a call, as in `probe build_model((28, 28, 1), 10)`"
    if not isinstance(node, ast.Call):
        return f"`{expression}` calls nothing: expected a call, as in `probe build_model((28, 28, 1), 10)`"
    return ""


def _parsed(expression: str) -> Optional[ast.expr]:
    try:
        return ast.parse(expression, mode="eval").body
    except UNPARSED:
        return None


def _shape(name: str, dtype: str, sizes: str) -> tuple[tuple[Optional[int], ...], str]:
    if not name.isidentifier():
        return (), f"`{name}` is no name: {_KNOWN}"
    if dtype not in DTYPES:
        return (), f"`{dtype}` is no dtype: expected one of {', '.join(DTYPES)}"
    parts = [part.strip() for part in sizes.split(",")]
    if parts[-1] == "":
        parts.pop()
    shape: list[Optional[int]] = []
    total = 1
    for part in parts:
        if part in ("None", "?"):
            shape.append(None)
            continue
        if not re.fullmatch(r"[0-9]{1,13}(_[0-9]{1,12})*", part):
            return (), f"`{part}` is no size: expected a whole number, `None` or `?`"
        shape.append(int(part))
        total *= max(1, int(part))
    if len(shape) > 16 or total > _LARGEST:
        return (), f"an array of `{dtype}[{sizes}]` is too large"
    return tuple(shape), ""


def probes(text: str, comments: tuple[Comment, ...]) -> list[ast.stmt]:
    """The calls that `comments` ask for, as statements that stand where the comments do."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    made: list[ast.stmt] = []
    for comment in comments:
        if comment.kind == "probe":
            expression = lines[comment.line - 1][comment.start : comment.end_column]
            node = ast.parse(expression, mode="eval").body
            shift = len(lines[comment.line - 1][: comment.start].encode("utf-8", "surrogatepass"))
            for item in ast.walk(node):
                if isinstance(item, (ast.expr, ast.keyword, ast.arg)):
                    item.lineno = item.end_lineno = comment.line
                    item.col_offset += shift
                    item.end_col_offset = (item.end_col_offset or 0) + shift
            made.append(ast.copy_location(ast.Expr(node), node))
    return made


def place(tree: ast.Module, comments: tuple[Comment, ...]) -> tuple[list[Spec], list[tuple[Comment, str]]]:
    """Where the specs among `comments` take effect, and for each that cannot why, in a sentence."""
    wanted = [comment for comment in comments if comment.kind == "spec"]
    if not wanted:
        return [], []
    blocks = list(_blocks(tree, tree))
    placed: list[Spec] = []
    problems: list[tuple[Comment, str]] = []
    for comment in wanted:
        found = _place_alone(blocks, comment) if comment.alone else _place_beside(blocks, comment)
        spec = _spec(comment, *found) if found is not None else None
        if spec is not None:
            placed.append(spec)
        else:
            problems.append((comment, _why_not(tree, comment)))
    return placed, problems


_Scope = Union[ast.Module, ast.FunctionDef, ast.AsyncFunctionDef]
_Block = tuple[_Scope, list[ast.stmt]]


def _blocks(node: ast.AST, scope: _Scope) -> Iterator[_Block]:
    """Every list of statements that runs in the module or in a function; not those of class bodies."""
    for name in ("body", "orelse", "finalbody"):
        body = getattr(node, name, None)
        if isinstance(body, list) and body and not isinstance(node, ast.ClassDef):
            yield scope, body
    inner = node if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) else scope
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.stmt, ast.ExceptHandler)) or type(child).__name__ == "match_case":
            yield from _blocks(child, child if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)) else inner)


def _place_beside(blocks: list[_Block], comment: Comment) -> Optional[tuple[_Scope, ast.stmt, bool]]:
    """Behind a statement, or at the head of one with a body: there it takes effect as the body begins."""
    best: Optional[tuple[_Scope, ast.stmt]] = None
    for scope, body in blocks:
        for node in body:
            if node.lineno <= comment.line <= (node.end_lineno or node.lineno) and (
                best is None or node.lineno >= best[1].lineno
            ):
                best = scope, node
    if best is None:
        return None
    scope, node = best
    body = getattr(node, "body", None)
    if not isinstance(body, list):
        return scope, node, True
    if isinstance(node, ast.ClassDef) or not isinstance(node, (ast.For, ast.AsyncFor, ast.With, *_FUNCTIONS)):
        return None
    return (node if isinstance(node, _FUNCTIONS) else scope), *_first(body)


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def _first(body: list[ast.stmt]) -> tuple[ast.stmt, bool]:
    """The beginning of a body, behind its docstring."""
    text = isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
    return (body[1], False) if text and len(body) > 1 else (body[0], text)


def _place_alone(blocks: list[_Block], comment: Comment) -> Optional[tuple[_Scope, ast.stmt, bool]]:
    """Above a statement of the same indentation, after it where it binds the name; else below the last such one."""
    following: Optional[tuple[_Scope, ast.stmt]] = None
    before: Optional[tuple[_Scope, ast.stmt]] = None
    for scope, body in blocks:
        for node in body:
            if node.lineno > comment.line and (following is None or node.lineno < following[1].lineno):
                following = scope, node
            ends = node.end_lineno or node.lineno
            if ends < comment.line and node.col_offset == comment.column:
                if before is None or node.lineno > before[1].lineno:
                    before = scope, node
    if following is not None and following[1].col_offset == comment.column:
        scope, node = following
        simple = not hasattr(node, "body")
        return scope, node, simple and any(name.id == comment.name for name in _stored(node))
    return (before[0], before[1], True) if before is not None else None


def _spec(comment: Comment, scope: _Scope, statement: ast.stmt, after: bool) -> Optional[Spec]:
    bindings = _bindings(scope, comment.name)
    if isinstance(scope, ast.Module):
        if not any(isinstance(item, ast.Name) and item.id == comment.name for item in ast.walk(scope)):
            return None
    elif not bindings:
        return None
    own = [item for item in _stored(statement) if item.id == comment.name] if after else []
    if not comment.alone and after and not own:
        return None
    line = statement.end_lineno or statement.lineno
    earlier = [item for item in bindings if item.lineno < line] or bindings[:1]
    binding: Union[ast.Name, ast.arg, None] = own[-1] if own else earlier[-1] if earlier else None
    return Spec(comment, statement, after, binding)


def _bindings(scope: _Scope, name: str) -> list[Union[ast.Name, ast.arg]]:
    """The places of the scope that bind `name`, in the order of the text."""
    found: list[Union[ast.Name, ast.arg]] = [item for node in scope.body for item in _stored(node) if item.id == name]
    if isinstance(scope, _FUNCTIONS):
        rules = scope.args
        given = [*rules.posonlyargs, *rules.args, *rules.kwonlyargs, rules.vararg, rules.kwarg]
        found += [item for item in given if item is not None and item.arg == name]
        outer = {
            name for item in ast.walk(scope) if isinstance(item, (ast.Global, ast.Nonlocal)) for name in item.names
        }
        if name in outer:
            return []
    return sorted(found, key=lambda item: (item.lineno, item.col_offset))


def _stored(node: ast.AST) -> list[ast.Name]:
    """The names that a statement gives a value in its own scope."""
    found: list[ast.Name] = []
    waiting: list[ast.AST] = [node]
    while waiting:
        item = waiting.pop()
        if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store):
            found.append(item)
        elif not isinstance(
            item, (*_FUNCTIONS, ast.ClassDef, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
        ):
            waiting.extend(ast.iter_child_nodes(item))
    return sorted(found, key=lambda item: (item.lineno, item.col_offset))


def _why_not(tree: ast.Module, comment: Comment) -> str:
    if not any(
        comment.name == (item.id if isinstance(item, ast.Name) else item.arg)
        for item in ast.walk(tree)
        if isinstance(item, (ast.Name, ast.arg))
    ):
        return f"there is no `{comment.name}` in this file"
    where = "on its own above the line" if not comment.alone else "in the module or in the function"
    return f"nothing here gives `{comment.name}` a value: write the spec {where} that does, or behind that line"
