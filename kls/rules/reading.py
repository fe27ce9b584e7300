"""What a rule may ask where no dry run is to be had: the author's text, and which of its names are Keras's."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from kls.facts import Evidence, Finding, Fix, Related, Severity, Site, SiteKind, Span
from kls.rules import keras_names
from kls.rules.context import Rule
from kls.source import SourceText
from kls.worker.protocol import Source

_OTHER_KERAS = re.compile(r"tf_keras|TF_USE_LEGACY_KERAS|compat\.v1|tensorflow\.contrib")
_REGISTERS = re.compile(
    r"custom_objects|custom_object_scope|CustomObjectScope|register_keras_serializable|ALL_OBJECTS|setattr\("
)

Function = ast.FunctionDef


@dataclass(frozen=True)
class Reading:
    """One document as text. `sites` are what `kls.find` says of it, `modules` the project modules that it imports;
    `version` is that of the Keras which the program will get, None where that is not certain; `foreign` says that it
    imports packages which may have given Keras names of their own."""

    source: SourceText
    sites: tuple[Site, ...]
    modules: tuple[Source, ...] = ()
    version: str | None = None
    foreign: bool = False

    @cached_property
    def installed(self) -> tuple[int, int] | None:
        """Major and minor version of the program's Keras where that is 3 or later, else None."""
        match = re.match(r"(\d+)\.(\d+)", self.version or "")
        if match is None or int(match[1]) < 3 or _OTHER_KERAS.search(self.source.text):
            return None
        return int(match[1]), int(match[2])

    @cached_property
    def tabled(self) -> bool:
        """Whether the tables of `keras_names` hold every name of the program's Keras."""
        return self.installed is not None and self.installed <= keras_names.VERSION

    @cached_property
    def registers(self) -> bool:
        """Whether the project gives Keras names of its own."""
        return any(_REGISTERS.search(text) for text in self._texts)

    @cached_property
    def _texts(self) -> tuple[str, ...]:
        return (self.source.text, *(module.text for module in self.modules))

    @cached_property
    def names(self) -> Mapping[ast.Call, str]:
        """The public name of each call that `kls.find` knows, sinks aside."""
        calls = {self._place(self.source.span(call)): call for call in self.source.calls()}
        found: dict[ast.Call, str] = {}
        for site in self.sites:
            call = calls.get(self._place(site.span))
            if call is not None and site.kind not in (SiteKind.SINK, SiteKind.IMPORT):
                found.setdefault(call, site.name)
        return found

    def _place(self, span: Span) -> tuple[int, int, int, int]:
        return span.line, span.column, span.end_line, span.end_column

    def calls(self) -> Iterator[tuple[ast.Call, str]]:
        """Each known call and its public name, in the order of the text."""
        yield from self.names.items()

    def name(self, node: ast.AST | None) -> str:
        """The public name of a call, "" for anything else."""
        return self.names.get(node, "") if isinstance(node, ast.Call) else ""

    def classes(self) -> Iterator[tuple[ast.ClassDef, str]]:
        """Each class of the document that is a layer or model, with the public name of the Keras class it extends."""
        lines = {
            (site.span.line, (site.variable or "").rpartition(".")[2]): site.name
            for site in self.sites
            if site.kind in (SiteKind.LAYER, SiteKind.MODEL) and site.name.startswith("keras.")
        }
        for node in self.source.nodes:
            base = lines.get((node.lineno, node.name)) if isinstance(node, ast.ClassDef) else None
            if isinstance(node, ast.ClassDef) and base is not None:
                yield node, base

    def steps(self) -> Iterator[tuple[ast.stmt, Mapping[str, ast.expr]]]:
        """Each statement of the module and of its functions, with the names that a plain assignment before it in the
        same list of statements bound last, and what to; a loop or branch comes as one statement, without the names
        that it may bind itself."""
        shared = {
            name for node in self.source.nodes if isinstance(node, (ast.Global, ast.Nonlocal)) for name in node.names
        }
        for block in self.source.nodes:
            if not isinstance(block, (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef)):
                continue
            bound: dict[str, ast.expr] = {}
            for statement in block.body:
                plain = isinstance(statement, (ast.Assign, ast.Expr, ast.Return, ast.AnnAssign))
                stored = _stored(statement)
                yield statement, bound if plain else {name: bound[name] for name in bound if name not in stored}
                bound = {name: value for name, value in bound.items() if name not in stored}
                target = statement.targets[0] if isinstance(statement, ast.Assign) else None
                if isinstance(statement, ast.Assign) and isinstance(target, ast.Name) and target.id not in shared:
                    if stored == {target.id}:
                        bound[target.id] = statement.value

    def bindings(self, name: str) -> int:
        """How often the document binds a name."""
        return sum(
            isinstance(node, ast.Name) and node.id == name and not isinstance(node.ctx, ast.Load)
            for node in self.source.nodes
        )

    def public(self, node: ast.expr) -> str:
        """The public name of a class of Keras that is named and not called, "" where that is not certain."""
        if isinstance(node, ast.Name):
            return self._imported.get(node.id, "")
        if isinstance(node, ast.Attribute):
            parent = self._parents.get(self.source.segment(node.value), "")
            return f"{parent}.{node.attr}" if parent else ""
        return ""

    @cached_property
    def _parents(self) -> dict[str, str]:
        """The public names of what stands before the last dot of known calls."""
        found: dict[str, str] = {}
        for call, name in self.calls():
            owner, _, last = name.rpartition(".")
            if isinstance(call.func, ast.Attribute) and call.func.attr == last and owner.startswith("keras."):
                found[self.source.segment(call.func.value)] = owner
        return found

    @cached_property
    def _imported(self) -> dict[str, str]:
        """The public names of layers that are imported by name and bound in no other way."""
        found: dict[str, str] = {}
        for node in self.source.nodes:
            if isinstance(node, ast.ImportFrom) and node.module in ("keras.layers", "tensorflow.keras.layers"):
                found |= {alias.asname or alias.name: f"keras.layers.{alias.name}" for alias in node.names}
        bound = {
            node.id for node in self.source.nodes if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)
        }
        bound |= {node.name for node in self.source.nodes if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
        return {name: public for name, public in found.items() if name not in bound}


def _stored(statement: ast.stmt) -> set[str]:
    """The names that a statement may bind or delete."""
    found: set[str] = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, ast.alias):
            found.add(node.asname or node.name.partition(".")[0])
        elif isinstance(node, ast.ExceptHandler) and node.name:
            found.add(node.name)
    return found


def inside(statement: ast.stmt) -> Iterator[ast.Call]:
    """The calls that run with a statement: not those of functions and classes that it defines, nor of a `try`, which
    may be there to fail."""
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.Try)):
            continue
        if isinstance(node, ast.Call):
            yield node
        waiting.extend(ast.iter_child_nodes(node))


def given(call: ast.Call, name: str) -> dict[str, ast.expr]:
    """The arguments of a call of Keras by the names of its parameters, as far as the table has them."""
    taken = keras_names.PARAMETERS.get(name, ())
    found: dict[str, ast.expr] = {}
    for parameter, value in zip(taken, call.args, strict=False):
        if parameter.startswith("*") or isinstance(value, ast.Starred):
            break
        found[parameter] = value
    return found | {item.arg: item.value for item in call.keywords if item.arg is not None}


def stated(
    rule: Rule,
    span: Span,
    message: str,
    *,
    severity: Severity | None = None,
    related: tuple[Related, ...] = (),
    fixes: tuple[Fix, ...] = (),
) -> Finding:
    """A finding of `rule` that the text alone tells."""
    return Finding(rule.code, severity or rule.severity, Evidence.STATIC, span, message, related, fixes)
