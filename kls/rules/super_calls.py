"""Calls of a base class's `__init__` that go wrong: `super(Other, self)` in a class that is not `Other`, or a name that
nothing defines. Not a rule: `custom_code` and `suspects` ask.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from kls import edits
from kls.facts import Edit, Finding, Fix, Span
from kls.rules.context import Context, Rule, finding, fix
from kls.source import SourceText
from kls.worker.protocol import Failure

TITLE = "Name the class itself"
"""How the title of the repair of `super(Other, self)` begins."""


def survey(context: Context, rule: Rule) -> Iterator[Finding]:
    """Such calls that raised a NameError: the object is left without what its base class makes."""
    for source, call, name in _undefined(context):
        words = f"`{name}` is not defined, so the base class's `__init__` is never reached"
        lines = [words, f"It raises: NameError: name '{name}' is not defined"]
        fixes = tuple(_repairs(source, call, name))
        yield finding(rule, context, source.span(call), "\n".join(lines), call=None, fixes=fixes)


def left_half_made(context: Context) -> list[Fix]:
    """The repairs of such calls, for what fails later because of them."""
    return [item for source, call, name in _undefined(context) for item in _repairs(source, call, name)]


def at(context: Context, failure: Failure) -> list[Fix]:
    """The repair of a `super(Other, self)` that raised the failure."""
    found: list[Fix] = []
    for span in failure.frames[-1:] if "super(" in failure.message else ():
        source = context.source(span.path)
        for call in source.calls() if source is not None else ():
            if source is not None and _is_super(call) and source.span(call).line == span.line:
                found += _own_class(source, call)
    return found


def _undefined(context: Context) -> Iterator[tuple[SourceText, ast.Call, str]]:
    """Calls of a base class's `__init__` that stopped for a name, and the name."""
    for gap in context.report.gaps:
        source = context.source(gap.span.path)
        name = re.match(r"NameError: name '(\w+)' is not defined", gap.reason)
        for call in source.calls() if source is not None and name is not None else ():
            if source is None or name is None or source.span(call).line != gap.span.line:
                continue
            function = call.func
            base = function.value if isinstance(function, ast.Attribute) and function.attr == "__init__" else None
            names = {node.id for node in ast.walk(call) if isinstance(node, ast.Name)}
            if isinstance(base, ast.Call) and _is_super(base) and name[1] in names:
                yield source, call, name[1]


def _is_super(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id == "super"


def _repairs(source: SourceText, call: ast.Call, name: str) -> list[Fix]:
    base = call.func.value if isinstance(call.func, ast.Attribute) else None
    if isinstance(base, ast.Call) and any(isinstance(item, ast.Name) and item.id == name for item in base.args):
        return _own_class(source, base)
    function = source.function(call)
    if not isinstance(function, ast.FunctionDef):
        return []
    found: list[Fix] = []
    given = next((item for item in call.keywords if source.segment(item.value) == name), None)
    last = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs][-1:]
    if given is not None and last and function.args.kwarg is None and function.args.vararg is None:
        taken = f"**{name}" if given.arg is None else f"{name}=None"
        default = [*function.args.defaults, *(item for item in function.args.kw_defaults if item is not None)][-1:]
        end = source.span(default[0] if default else last[0].annotation or _named(last[0]))
        edit = Edit(Span(end.path, end.end_line, end.end_column, end.end_line, end.end_column), f", {taken}")
        found += fix(f"Take `{taken}` in `{function.name}`", edit, cause=source.span(call))
    return found


def _named(argument: ast.arg) -> ast.expr:
    return ast.copy_location(ast.Name(argument.arg), argument)


def _own_class(source: SourceText, call: ast.Call) -> list[Fix]:
    owner = source.parents.get(call)
    while owner is not None and not isinstance(owner, ast.ClassDef):
        owner = source.parents.get(owner)
    if owner is None or len(call.args) != 2 or source.segment(call.args[0]) == owner.name:
        return []
    text = f"super({owner.name}, {source.segment(call.args[1])})"
    return fix(f"{TITLE}: `{text}`", edits.replace(source, call, text), cause=source.span(call))
