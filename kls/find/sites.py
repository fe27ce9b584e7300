"""The places of a document that mean something to Keras: models, layers, data, sinks, imports of project modules.

Most names follow from the file's own imports and those of its project modules (`flow`, no process needed). Names that
come through a package kls does not know are asked of the resolver's jedi, and the file is read again with the answers.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Any

from kls.documents import Snapshot
from kls.facts import Site, SiteKind, Span
from kls.find.catalog import SINKS, TENSOR_MAKERS, Role, computes, keras_model, role, worth_asking, worth_reading
from kls.find.flow import Reader
from kls.find.modules import Import, Project, collect, keep
from kls.find.names import BARE, Names
from kls.find.resolver import Resolver
from kls.find.trees import parse, pieces
from kls.find.values import KNOWN, Class, Function, Instance, Method, Ref, Value

_RELEVANT = re.compile(r"keras|tensorflow")
_MOST_DOCUMENTS = 12
_MOST_TREES = 60
_MOST_STEPS = 30
"""Modules that a name may be re-exported through."""
_OF_KERAS = {"compile": re.compile(r"\b(?:loss|optimizer)\s*="), "fit": re.compile(r"\bepochs\s*=")}


def worth_running(found: Sequence[Site]) -> bool:
    """Whether a program with these sites does anything that a dry run could find at fault."""
    return any(site.kind is not SiteKind.CALL or computes(site.name) for site in found)


async def sites(
    snapshot: Snapshot,
    resolver: Resolver | None,
    buffers: Mapping[str, str] | None = None,
    roots: Sequence[str] = (),
) -> tuple[Site, ...]:
    """What stands in `snapshot`, in the order of the text; nothing when neither it nor its project modules name
    Keras, or when an unfinished triple quote hides what is text and what is program.

    `buffers` maps absolute paths to the unsaved text of other documents. Names of sites:
    a model or layer that is made has its class's public name ("keras.layers.Dense"; "blocks.Block" for one of the
    project, "Block" for one of this file), one that is called the same with ".__call__", `model.add(…)` is
    "keras.Sequential.add"; a class statement (span: from `class` to its last base, variable: the class) the name of
    its base; a dataset the loader's ("keras.datasets.mnist.load_data"); a sink its method ("fit"); an import the
    absolute module name; any other call of Keras its public name, of a method that is certainly a Keras model's
    "keras.Model.fit". Without a resolver, only what the text itself tells, and the project modules under `roots`.
    """
    names = await resolver.names() if resolver is not None else BARE
    roots = resolver.roots if resolver is not None else roots
    sys_path = resolver.sys_path if resolver is not None else ()
    memory = resolver.memory if resolver is not None else None
    settled: dict[str, str | None] = dict(resolver.settled) if resolver is not None else {}

    def survey() -> _Survey | None:
        project = Project(snapshot, roots, buffers or {}, sys_path, memory)
        if not _relevant(project):
            return None
        read = _Survey(snapshot, project, names, settled)
        read.run()
        return read

    read = await asyncio.to_thread(survey)
    if read is None:
        return ()
    if resolver is not None:
        answers = await _ask(read, resolver)
        settled.update(answers)
        if any(answer is not None and role(answer) is not Role.UNKNOWN for answer in answers.values()):
            read = await asyncio.to_thread(survey)
    return read.sites() if read is not None else ()


async def _ask(read: _Survey, resolver: Resolver) -> dict[str, str | None]:
    """Where the names of other packages lead that the reading wondered about; None for what is not known in time.

    Answers are kept in the resolver, so that a next reading asks only for the rest.
    """
    answers: dict[str, str | None] = {}
    loop = asyncio.get_running_loop()
    end = loop.time() + resolver.patience
    for name in read.unsure:
        top = name.lstrip("*").partition(".")[0]
        own = read.project.find(top) is not None
        if name in read.settled or not (own or read.project.installed(top)):
            continue
        lines = _questions(name)
        text = Snapshot(read.snapshot.uri, read.snapshot.path, read.snapshot.version, "\n".join(lines) + "\n")
        places = [(number, len(line) - 1) for number, line in enumerate(lines, 1)]
        try:
            found = await asyncio.wait_for(resolver.resolve(text, places), end - loop.time())
        except asyncio.TimeoutError:
            break
        answers[name] = next((answer for answer in found if answer is not None), None)
        if not own:
            resolver.settled[name] = answers[name]
    return answers


def _questions(name: str) -> list[str]:
    """Programs of one line that end in the name: "mylib.parts.Block" may be Block of a module or of an attribute."""
    if name.startswith("*"):
        module, _, last = name[1:].rpartition(".")
        return [f"from {module} import *; {last}"]
    top, *parts = name.split(".")
    count = next((index for index, part in enumerate(parts) if part[:1].isupper()), len(parts) - 1)
    module, rest = ".".join((top, *parts[:count])), parts[count:]
    asked = f"from {module} import {rest[0]}; {'.'.join(rest)}"
    return [asked] if module == top else [asked, f"import {top}; {name}"]


def _relevant(project: Project) -> bool:
    if _RELEVANT.search(project.entry.text):
        return True
    return any(_RELEVANT.search(source.text) for source in collect(project))


class _Survey:
    """One reading of a document and of the project modules that it takes names from."""

    def __init__(
        self,
        snapshot: Snapshot,
        project: Project,
        names: Names,
        settled: Mapping[str, str | None],
    ) -> None:
        self.snapshot = snapshot
        self.project = project
        self.names = names
        self.settled = settled
        self.unsure: dict[str, None] = {}
        self.found: list[Site] = []
        self.maybe: list[Site] = []
        self.models = False
        self.before: dict[int, int] = {}
        self._modules: dict[str, Reader] = {}

    def run(self) -> None:
        """Read the document."""
        kept = self.project.memory.pieces
        trees, self.before = pieces(self.snapshot, kept.get(self.snapshot.uri, {}))
        keep(kept, self.snapshot.uri, trees, _MOST_DOCUMENTS)
        Reader(_Listener(self, None)).read(trees.values())

    def sites(self) -> tuple[Site, ...]:
        """All sites in the order of the text; sinks on unknown values only where the file has models."""
        found = [*self.found, *self.maybe] if self.models else self.found
        order = {kind: index for index, kind in enumerate(SiteKind)}
        return tuple(
            sorted(
                dict.fromkeys(found),
                key=lambda site: (site.span.line, site.span.column, site.span.end_line, site.span.end_column,
                                  order[site.kind], site.target.line, site.target.column),
            )
        )  # fmt: skip

    def public(self, name: str) -> str:
        """The public name of an imported name."""
        return self.settled.get(name) or self.names.public(name)

    def module(self, name: str) -> Reader | None:
        """The reading of a project module; None for a name that is no module of the project."""
        if name not in self._modules:
            found = self.project.find(name)
            if found is None:
                return None
            reader = self._modules[name] = Reader(_Listener(self, name), name)
            tree = self._tree(found.path, self.project.text(found) or "")
            if tree is not None:
                reader.read([tree], bodies=False)
        return self._modules[name]

    def attribute(self, name: str, attribute: str) -> Value:
        """What `name.attribute` is, through as many modules of the project as it takes."""
        for _ in range(_MOST_STEPS):
            reader = self.module(name) if name else None
            value = Ref(f"{name}.{attribute}" if name else attribute)
            if reader is None or attribute not in reader.scope.names:
                return value
            found = reader.scope.names[attribute]
            if not isinstance(found, Ref) or found == value:
                return found
            name, _, attribute = found.name.rpartition(".")
        return None

    def _tree(self, path: str, text: str) -> Any:
        trees = self.project.memory.trees
        known = trees.get(path)
        if known is None or known[0] != text:
            known = keep(trees, path, (text, parse(text)), _MOST_TREES)
        return known[1]


class _Listener:
    """Hears one module out; sites come from the document itself (`module` None) alone."""

    def __init__(self, survey: _Survey, module: str | None) -> None:
        self.survey = survey
        self.name = module

    def called(self, node: Any, end: int, callee: Value, bound: str | None, chain: bool) -> Value:
        variable = None if chain else bound
        if isinstance(callee, Ref):
            return self._made(node, end, self.survey.public(callee.name), callee.name, bound, chain)
        if isinstance(callee, Class):
            if callee.role in ("model", "layer"):
                kind = SiteKind.MODEL if callee.role == "model" else SiteKind.LAYER
                self._tell(kind, callee.name, node, end, variable)
            return Instance(callee.role, callee.name, callee)
        if isinstance(callee, Instance):
            return self._applied(node, end, callee, variable)
        method = _method_name(node, end)
        if isinstance(callee, Method):
            return self._method(node, end, callee, bound, chain)
        if method in SINKS:
            if callee is None:
                self._tell(SiteKind.SINK, method, node, end, variable, maybe=not _decisive(method, node, end))
            elif isinstance(callee, Function) and callee.cls is not None and callee.cls.role == "model":
                self._tell(SiteKind.SINK, method, node, end, variable)
        return None

    def _made(self, node: Any, end: int, public: str, name: str, bound: str | None, chain: bool) -> Value:
        variable = None if chain else bound
        match role(public):
            case Role.MODEL:
                self._tell(SiteKind.MODEL, public, node, end, variable)
                return Instance("model", public)
            case Role.LAYER:
                self._tell(SiteKind.LAYER, public, node, end, variable)
                return KNOWN if public in TENSOR_MAKERS else Instance("layer", public.removesuffix(".from_config"))
            case Role.DATASET:
                self._tell(SiteKind.DATASET, public, node, end, bound)
                return Instance("other", public)
            case Role.OTHER:
                certain = public.startswith("keras.") or computes(public)
                if certain or worth_reading(public):
                    self._tell(SiteKind.CALL, public, node, end, variable, maybe=not certain)
                return Instance("other", public)
            case Role.UNKNOWN:
                self._wonder(name)
                return None

    def _applied(self, node: Any, end: int, callee: Instance, variable: str | None) -> Value:
        if callee.role in ("model", "layer"):
            self._tell(SiteKind.LAYER, f"{callee.name}.__call__", node, end, variable)
            return KNOWN
        return None

    def _method(self, node: Any, end: int, callee: Method, bound: str | None, chain: bool) -> Value:
        owner, name = callee.owner, callee.name
        variable = None if chain else bound
        if owner.role == "model" and self._plain(owner):
            self._tell(SiteKind.CALL, f"keras.Model.{name}", node, end, variable)
        if owner.role in ("model", "layer") and name in ("call", "__call__"):
            return self._applied(node, end, owner, variable)
        if owner.role == "model":
            if name in SINKS:
                self._tell(SiteKind.SINK, name, node, end, variable)
            elif name == "add":
                self._tell(SiteKind.MODEL, "keras.Sequential.add", node, end, variable or _receiver(node, end))
            elif name == "get_layer":
                return Instance("layer", "keras.Layer")
            return KNOWN
        if owner.role == "layer":
            if name == "adapt":
                self._tell(SiteKind.SINK, name, node, end, variable)
            return KNOWN
        if owner.role == "unknown" or owner.cls is not None:
            if name in SINKS and owner.role == "unknown":
                self._tell(SiteKind.SINK, name, node, end, variable, maybe=True)
            return None
        public = f"{owner.name}.{name}"
        if role(public) is Role.DATASET:
            self._tell(SiteKind.DATASET, public, node, end, bound)
        return Instance("other", public)

    def _plain(self, owner: Instance) -> bool:
        """Whether a method that no class of the project defines can only be one of `keras.Model`."""
        if owner.cls is None:
            return keras_model(owner.name)
        waiting = [owner.cls]
        for _ in range(20):
            for base in waiting.pop().bases:
                if isinstance(base, Class):
                    waiting.append(base)
                elif not isinstance(base, Ref) or not keras_model(self.survey.public(base.name)):
                    return False
            if not waiting:
                return True
        return False

    def defined(self, node: Any, cls: Class) -> None:
        if cls.role not in ("model", "layer"):
            return
        base = next(base for base in cls.bases if self.role(base) == cls.role)
        name = self.survey.public(base.name) if isinstance(base, Ref) else getattr(base, "name", "")
        kind = SiteKind.MODEL if cls.role == "model" else SiteKind.LAYER
        arguments = node.get_super_arglist()
        self._add(
            kind, name, node, (node.start_pos, arguments.end_pos), (arguments.start_pos, arguments.end_pos), cls.name
        )

    def imports(self, node: Any, statements: Sequence[Import]) -> None:
        if self.name is not None:
            return
        project = self.survey.project
        package = project.package(None)
        places = _import_places(node)
        for index, statement in enumerate(statements):
            module = project.absolute(statement.module, statement.level, package)
            if module is None:
                continue
            whole = (node.start_pos, node.end_pos)
            if statement.names is None:
                if project.find(module) is not None:
                    variable = statement.alias or module.partition(".")[0]
                    self._add(SiteKind.IMPORT, module, node, whole, places[index], variable)
                continue
            members = [f"{module}.{name}" if module else name for name, _ in statement.names]
            modules = [name != "*" and project.find(name) is not None for name in members]
            found = project.find(module) if module else None
            if found is not None and found.package is not None and not all(modules):
                self._add(SiteKind.IMPORT, module, node, whole, places[0], None)
            for (_, alias), name, is_module, place in zip(statement.names, members, modules, places[1:], strict=False):
                if is_module:
                    self._add(SiteKind.IMPORT, name, node, whole, place, alias)

    def attribute(self, name: str, attribute: str) -> Value:
        return self.survey.attribute(name, attribute)

    def follow(self, ref: Ref) -> Value:
        parent, _, last = ref.name.rpartition(".")
        return self.survey.attribute(parent, last) if parent else ref

    def module(self, module: str, level: int) -> str | None:
        project = self.survey.project
        importer = None if self.name is None else project.find(self.name)
        return project.absolute(module, level, project.package(importer))

    def star(self, module: str) -> dict[str, Value]:
        reader = self.survey.module(module)
        if reader is not None:
            return {name: value for name, value in reader.scope.names.items() if not name.startswith("_")}
        public = self.survey.public(module)
        return {name: Ref(f"{public}.{name}") for name in self.survey.names.members.get(public, ())}

    def role(self, base: Value) -> str:
        if isinstance(base, Class):
            return base.role
        if isinstance(base, Ref):
            if base.name.startswith("builtins."):
                return "other"
            found = role(self.survey.public(base.name))
            if found is Role.UNKNOWN:
                self._wonder(base.name)
                return "unknown"
            if self.survey.public(base.name) in TENSOR_MAKERS:
                return "other"
            return found.value if found in (Role.MODEL, Role.LAYER) else "other"
        return "unknown"

    def annotated(self, annotation: Value) -> Value:
        wanted = self.role(annotation) if isinstance(annotation, (Ref, Class)) else "unknown"
        if wanted not in ("model", "layer"):
            return None
        if isinstance(annotation, Class):
            return Instance(wanted, annotation.name, annotation)
        return Instance(wanted, self.survey.public(annotation.name) if isinstance(annotation, Ref) else "")

    def missing(self, name: str, node: Any, stars: Sequence[str]) -> Value:
        for module in stars:
            question = f"*{module}.{name}"
            answer = self.survey.settled.get(question)
            if answer is not None:
                return Ref(answer)
            if worth_asking(name) and role(self.survey.public(f"{module}.{name}")) is not Role.OTHER:
                self.survey.unsure.setdefault(question)
        return None

    def _wonder(self, name: str) -> None:
        if worth_asking(name) and "." in name:
            self.survey.unsure.setdefault(name)

    def _tell(self, kind: SiteKind, name: str, node: Any, end: int, variable: str | None, maybe: bool = False) -> None:
        start = node.children[1 if getattr(node.children[0], "value", "") == "await" else 0].start_pos
        target = (start, node.children[end - 1].end_pos)
        self._add(kind, name, node, (start, node.children[end].end_pos), target, variable, maybe)

    def _add(
        self,
        kind: SiteKind,
        name: str,
        node: Any,
        span: tuple[tuple[int, int], tuple[int, int]],
        target: tuple[tuple[int, int], tuple[int, int]],
        variable: str | None,
        maybe: bool = False,
    ) -> None:
        survey = self.survey
        survey.models = survey.models or kind is SiteKind.MODEL or (kind is SiteKind.SINK and not maybe)
        if self.name is None:
            path, lines = survey.snapshot.path, survey.before.get(id(node.get_root_node()), 0)
            site = Site(kind, name, _span(path, lines, *span), _span(path, lines, *target), variable)
            (survey.maybe if maybe else survey.found).append(site)


def _span(path: str, lines: int, start: tuple[int, int], end: tuple[int, int]) -> Span:
    return Span(path, start[0] + lines, start[1], end[0] + lines, end[1])


def _method_name(node: Any, end: int) -> str:
    trailer = node.children[end - 1]
    return trailer.children[1].value if trailer.type == "trailer" and trailer.children[0].value == "." else ""


def _decisive(method: str, node: Any, end: int) -> bool:
    """Whether a call of a method on an unknown value can only be of a Keras model, by its name and keywords."""
    if method in ("fit_generator", "train_on_batch", "predict_on_batch", "test_on_batch"):
        return True
    text = node.children[end].get_code(include_prefix=False)
    return method in ("compile", "fit") and _OF_KERAS[method].search(text) is not None


def _receiver(node: Any, end: int) -> str | None:
    """The plain or dotted name before the method of a call."""
    text = "".join(child.get_code(include_prefix=False) for child in node.children[: end - 1])
    return text if text and all(part.isidentifier() for part in text.split(".")) else None


def _import_places(node: Any) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Where the module names of an import statement stand; for `from m import a, b` those of m, a, b."""
    paths: list[list[Any]] = [] if node.type == "import_from" and node.is_star_import() else node.get_paths()
    if node.type == "import_name":
        return [(path[0].start_pos, path[-1].end_pos) for path in paths]
    children = node.children
    last = next((index for index, child in enumerate(children) if getattr(child, "value", "") == "import"), 2)
    module = (children[1].start_pos, children[last - 1].end_pos)
    return [module, *((path[-1].start_pos, path[-1].end_pos) for path in paths)]
