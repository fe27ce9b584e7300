"""Names that certainly nothing gives a value: told by the text, so that no value the dry run lacks decides it.

Python's `NameError`, and its `AttributeError` of an object of the author's class, count where the text never binds the
name, or only below the place that asks for it first. A text that brings names along in a way nobody can read (`exec`,
`%run`, `from … import *` of a module that is not there) leaves it open, and so does a branch that may not be taken.
"""

from __future__ import annotations

import ast
import builtins
import re
import sys
from dataclasses import replace
from types import FrameType
from typing import Any, Optional

from ..protocol import Span
from .state import Run

__all__ = ["missing"]

_SAID = re.compile(r"name '(\w+)' is not defined")
_LOCAL = re.compile(r"local variable '(\w+)'")
_ASKED = re.compile(r"'(\w+)' object has no attribute '(\w+)'")
_SETS = re.compile(r"\bsetattr\(|\b__dict__\b|\bvars\(self\)|\b__getattr(?:ibute)?__\b|\b__slots__\b")
"""How attributes come about that do not stand in the text."""
_BROUGHT = re.compile(
    r"\bexec\(|\bexecfile\(|\bglobals\(\)|\blocals\(\)|\bvars\(\)|\b__dict__\b|\bbuiltins\b"
    r"|get_ipython\(\)(?:$|\.\w+\(\s*[\"'](?:run|pylab|store|load))",
    re.MULTILINE,
)
"""How a program brings names along that do not stand in its text; a line that is `get_ipython()` alone is a magic."""
_OF_NOTEBOOKS = frozenset("display get_ipython In Out exit quit spark sc sqlContext dbutils reveal_type".split())
"""Names that a place where programs run gives them."""


def missing(run: Run, error: BaseException) -> Optional[dict[str, Any]]:
    """The name that nothing gives a value at the place that asks for it: {"name", "later": the line of its first
    binding, 0 where there is none}, of an attribute also "of", the author's class, of a local variable "inside", its
    function, and "deleted", the line that deletes it or 0; None where that is not certain."""
    if isinstance(error, AttributeError):
        return _attribute(run, error)
    if isinstance(error, UnboundLocalError):
        return _unbound(run, error)
    found = _SAID.search(str(error)) if isinstance(error, NameError) else None
    places = _certain_places(run, error) if found is not None else []
    tree = run.files.tree(places[-1].path) if places else None
    if found is None or tree is None:
        return None
    name, path = found[1], places[-1].path
    text = next((source.text for source in run.probe.sources if source.path == path), "")
    if name in _OF_NOTEBOOKS or hasattr(builtins, name) or _BROUGHT.search(text) or not _are_stars_known(tree):
        return None
    if not _is_asked(tree, name, places[-1]):
        return None  # the name is missing in a library
    if _calls_base(tree, places[-1].line):
        return None  # what it leaves half made is told where it is missed
    first = next(place for place in places if place.path == path)
    asked = next((node for node in tree.body if node.lineno <= first.line <= (node.end_lineno or 0)), None)
    bound = _bindings(tree).get(name, [])
    if isinstance(asked, (ast.Assign, ast.AnnAssign, ast.AugAssign)):  # it asks before it binds: `x = x / 255`
        bound = [line for line in bound if not asked.lineno <= line <= (asked.end_lineno or 0)]
    if bound and (asked is None or min(bound) <= (asked.end_lineno or 0)):
        return None
    return {"name": name, "later": min(bound, default=0)}


def _unbound(run: Run, error: UnboundLocalError) -> Optional[dict[str, Any]]:
    """A local variable that its function deletes first, or binds only below the place that asks for it."""
    found, places = _LOCAL.search(str(error)), _certain_places(run, error)
    tree = run.files.tree(places[-1].path) if places else None
    if found is None or tree is None:
        return None
    name, line = found[1], places[-1].line
    functions = [
        node
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.lineno < line <= (node.end_lineno or 0)
    ]
    if not functions:
        return None
    function = max(functions, key=lambda node: node.lineno)
    bound = _bindings(ast.Module(function.body, [])).get(name, [])
    deleted = [
        item.lineno
        for item in function.body
        if isinstance(item, ast.Delete) and name in [ast.unparse(target) for target in item.targets]
    ]
    gone = [item for item in deleted if item < line and not any(item < other <= line for other in bound)]
    if gone:
        return {"name": name, "later": 0, "inside": function.name, "deleted": gone[-1]}
    if not bound or min(bound) < line:
        return None
    return {"name": name, "later": min(bound), "inside": function.name, "deleted": 0}


def _is_asked(tree: ast.Module, name: str, place: Span) -> bool:
    """Whether the author's own lines ask for the name."""
    return any(
        isinstance(node, ast.Name) and node.id == name and place.line <= node.lineno <= place.end_line
        for node in ast.walk(tree)
    )


def _attribute(run: Run, error: AttributeError) -> Optional[dict[str, Any]]:
    """An attribute that nothing gives the objects of a class of the author's."""
    found = _ASKED.findall(str(error))
    trees = [tree for source in run.probe.sources if (tree := run.files.tree(source.path)) is not None]
    if not found or any(_SETS.search(source.text) for source in run.probe.sources):
        return None
    kind, name = found[-1]
    name = name.removeprefix(f"_{kind.lstrip('_')}") if name.startswith(f"_{kind.lstrip('_')}__") else name
    classes = [
        node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.name == kind
    ]
    asked = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    named = [node for node in asked if node.attr == name]
    stored = [node for node in named if not isinstance(node.ctx, ast.Load)]
    if (
        len(classes) != 1
        or len(named) == len(stored)
        or _is_half_made(run, classes[0])
        or any(_is_of(node, trees, classes[0]) for node in stored)
    ):
        return None
    return {"name": name, "later": 0, "of": kind} if _certain_places(run, error) else None


def _is_half_made(run: Run, kind: ast.ClassDef) -> bool:
    """Whether something within a class could not be carried out, so that its objects may lack what it would make."""
    return any(kind.lineno <= gap.span.line <= (kind.end_lineno or 0) for gap in run.gaps)


def _is_of(stored: ast.Attribute, trees: list[ast.Module], kind: ast.ClassDef) -> bool:
    """Whether an attribute that is given a value may be one of the class `kind`: not where it is one of `self` in a
    class that `kind` does not inherit from."""
    if not isinstance(stored.value, ast.Name) or stored.value.id != "self":
        return True
    bases = {item.id for item in kind.bases if isinstance(item, ast.Name)}
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and any(item is stored for item in ast.walk(node)):
                return node is kind or node.name in bases
    return True


def _certain_places(run: Run, error: BaseException) -> list[Span]:
    """The author's places that led to the error; none where a real run may not come to them."""
    places = _places(run, error)
    if not places or any(_is_guessed(run, place) for place in places):
        return []
    asked = run.files.text(replace(places[0], column=0)).lstrip().startswith("#")
    return [] if asked else places  # nobody comes to a call that a `# kls: probe` asks for


def _places(run: Run, error: BaseException) -> list[Span]:
    """The author's places that led to the error, outermost first; none where they do not begin in a module."""
    places = run.files.spans_of_error(error)
    start = error.__traceback__.tb_frame if error.__traceback__ is not None else None
    last: Optional[FrameType] = None
    walk = run.files.nearest(start)
    while walk is not None:
        span = run.files.span_of_frame(walk) if walk is not start else None
        if span is not None:
            places.insert(0, span)
        last, walk = walk, run.files.nearest(walk.f_back)
    return places if last is not None and last.f_code.co_name == "<module>" else []


def _calls_base(tree: ast.Module, line: int) -> bool:
    """Whether a line calls a method of a base class."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    return any(node.lineno <= line <= (node.end_lineno or 0) and ast.unparse(node.func) == "super" for node in calls)


def _is_guessed(run: Run, place: Span) -> bool:
    """Whether a place stands in a branch whose test nobody knows."""
    tree = run.files.tree(place.path)
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, (ast.If, ast.While)) and node.body[0].lineno <= place.line <= (node.end_lineno or 0):
            if run.files.span_of_node(place.path, node) in run.unsure:
                return True
    return False


def _are_stars_known(tree: ast.Module) -> bool:
    """Whether every module of which all names are taken was really imported."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            module = sys.modules.get(node.module or "")
            origin = getattr(module, "__file__", None)
            if node.level or origin is None or ("site-packages" not in origin and "dist-packages" not in origin):
                return False
    return True


def _bindings(tree: ast.Module) -> dict[str, list[int]]:
    """The lines that give each name of the module a value; 0 for what a function may do by `global`."""
    found: dict[str, list[int]] = {}

    def visit(node: ast.AST, inside: bool) -> None:
        line = getattr(node, "lineno", 0)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            if not inside:
                found.setdefault(node.name, []).append(line)
            inside = True
        elif isinstance(node, (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            for item in ast.walk(node):
                if isinstance(item, ast.NamedExpr) and not inside:
                    found.setdefault(item.target.id, []).append(line)
            inside = True
        elif isinstance(node, ast.Global):
            for name in node.names:
                found.setdefault(name, []).append(0)
        elif not inside:
            for name in _given(node):
                found.setdefault(name, []).append(line)
        for child in ast.iter_child_nodes(node):
            visit(child, inside)

    visit(tree, False)
    return found


def _given(node: ast.AST) -> list[str]:
    """The names that a node itself gives a value."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        return [node.id]
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return [(alias.asname or alias.name).split(".")[0] for alias in node.names]
    if isinstance(node, ast.ExceptHandler) or type(node).__name__ in ("MatchAs", "MatchStar"):
        name: Any = getattr(node, "name", None)
        return [name] if name else []
    return []
