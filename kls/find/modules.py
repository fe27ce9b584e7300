"""The project modules that a program imports, as the editor has them now."""

from __future__ import annotations

import ast
import os
import tokenize
import warnings
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kls.documents import Snapshot
from kls.find.trees import Trees, parse
from kls.worker.comments import UNPARSED
from kls.worker.protocol import Source

MOST_MODULES = 200
MOST_BYTES = 4 << 20
"""Text of all modules together, in bytes on disk or of the buffer."""


@dataclass(frozen=True)
class Import:
    """One import statement: `import a.b as c` is module "a.b" without names; `from ..a import b` has level 2.

    `names` are the (name, alias) of a `from` import, "*" for a star; None for a plain import, whose alias is `alias`.
    """

    module: str
    level: int
    names: tuple[tuple[str, str], ...] | None
    alias: str | None = None


@dataclass(frozen=True)
class Found:
    """Where a module lies: `path` of its file, or of its folder when it is a namespace package (`package` None)."""

    name: str
    path: str
    package: bool | None


def search_path(path: str, roots: Sequence[str], sys_path: Sequence[str] = ()) -> list[str]:
    """The folders that project modules are imported from by the program at `path`, in Python's order: its own, the
    workspace folders that hold it (or all, for a document without a file), their `src`, then what the author's
    `sys.path` adds inside the workspace (editable installs)."""
    own = [os.path.dirname(path)] if path else []
    holding = [root for root in roots if not path or _inside(path, root)] or list(roots)
    added = [entry for entry in sys_path if any(_inside(entry, root) and not _foreign(entry, root) for root in roots)]
    sources = [source for root in holding if os.path.isdir(source := os.path.join(root, "src"))]
    return list(dict.fromkeys([*own, *holding, *sources, *added]))


def package_of(path: str, roots: Sequence[str]) -> str:
    """The dotted package that relative imports of the file at `path` start from; "" where it is in none.

    Folders with an `__init__.py` count upwards from the file; without any, the folders below the workspace folder
    (or its `src`), as namespace packages do.
    """
    folder = os.path.dirname(path)
    parts: list[str] = []
    while os.path.isfile(os.path.join(folder, "__init__.py")) and os.path.basename(folder).isidentifier():
        parts.insert(0, os.path.basename(folder))
        folder = os.path.dirname(folder)
    if parts:
        return ".".join(parts)
    for top in sorted((top for root in roots for top in (os.path.join(root, "src"), root)), key=len, reverse=True):
        if path and _inside(path, top):
            below = os.path.relpath(os.path.dirname(path), top)
            names = [] if below == "." else below.split(os.sep)
            return ".".join(names) if all(name.isidentifier() for name in names) else ""
    return ""


def started_in(entry: Snapshot, roots: Sequence[str]) -> str:
    """The package that a program is started in, "" for none: its own where it imports relatively, as only `python -m`
    lets it."""
    relative = any(item.level for item in imports_of(entry.text))
    return package_of(entry.path, [os.path.abspath(root) for root in roots]) if relative else ""


@dataclass
class Memory:
    """What is kept between one reading of a project and the next: files by path with (time, size), and imports and
    syntax trees by path with the text they are of. Bounded: twice `MOST_MODULES` files, fewer of the trees."""

    files: dict[str, tuple[tuple[int, int], str]] = field(default_factory=dict[str, "tuple[tuple[int, int], str]"])
    imports: dict[str, tuple[str, tuple[Import, ...]]] = field(
        default_factory=dict[str, "tuple[str, tuple[Import, ...]]"]
    )
    trees: dict[str, tuple[str, Any]] = field(default_factory=dict[str, "tuple[str, Any]"])
    pieces: dict[str, Trees] = field(default_factory=dict[str, "Trees"])
    """The trees of documents, by their URI."""
    callers: dict[str, tuple[tuple[int, int], str]] = field(default_factory=dict[str, "tuple[tuple[int, int], str]"])
    """Files of the project that may call a document, as `files`."""
    acts: dict[str, tuple[str, bool]] = field(default_factory=dict[str, "tuple[str, bool]"])
    """Whether such a file does something by itself, by path with the text."""


def keep(kept: dict[str, Any], key: str, value: Any, most: int) -> Any:
    """`value`, put into a part of a Memory; what was put there first goes when there are more than `most`."""
    kept.pop(key, None)
    while len(kept) >= most:
        kept.pop(next(iter(kept)), None)
    kept[key] = value
    return value


def known_imports(path: str, text: str, memory: Memory) -> tuple[Import, ...]:
    """`imports_of` the text of a file, remembered where it has a path."""
    if not path:
        return imports_of(text)
    known = memory.imports.get(path)
    if known is None or known[0] != text:
        known = keep(memory.imports, path, (text, imports_of(text)), 2 * MOST_MODULES)
    return known[1]


class Project:
    """Finds and reads the modules of one program; what was read is kept for as long as the object lives, and files
    that did not change on disk for as long as `memory` lives.

    `buffers` maps absolute paths to unsaved text, which wins over the file. Files outside the workspace folders and
    the entry's own folder, dotfiles, and what does not decode are not there.
    """

    def __init__(
        self,
        entry: Snapshot,
        roots: Sequence[str],
        buffers: Mapping[str, str],
        sys_path: Sequence[str] = (),
        memory: Memory | None = None,
    ) -> None:
        self.memory = memory or Memory()
        self.entry = entry
        self.roots = tuple(os.path.abspath(root) for root in roots)
        self.buffers = {os.path.abspath(path): text for path, text in buffers.items()}
        self.search = search_path(entry.path, self.roots, sys_path)
        self._sys_path = sys_path
        self._allowed = [os.path.realpath(folder) for folder in dict.fromkeys([*self.search, *self.roots])]
        self._found: dict[str, Found | None] = {}
        self._texts: dict[str, str | None] = {}
        self.bytes = 0

    def find(self, name: str) -> Found | None:
        """The project module `name`, None where the project has none of that name."""
        if name not in self._found:
            self._found[name] = self._find(name)
        return self._found[name]

    def text(self, found: Found) -> str | None:
        """What the module says; None for a namespace package and for what cannot be read."""
        if found.package is None:
            return None
        if found.path not in self._texts:
            self._texts[found.path] = self._read(found.path)
        return self._texts[found.path]

    def imports(self, found: Found) -> tuple[Import, ...]:
        """The import statements of a module."""
        return known_imports(found.path, self.text(found) or "", self.memory)

    def package(self, found: Found | None) -> str:
        """The package that relative imports of a module start from; of the entry for None."""
        if found is None:
            return package_of(self.entry.path, self.roots)
        return found.name if found.package is not False else found.name.rpartition(".")[0]

    def absolute(self, module: str, level: int, package: str) -> str | None:
        """The absolute name of `module` imported with `level` dots from `package`; None beyond the top."""
        if level == 0:
            return module
        parts = package.split(".") if package else []
        if level - 1 > len(parts) or (not parts and level > 1):
            return None
        base = ".".join(parts[: len(parts) - level + 1])
        return f"{base}.{module}" if base and module else base or module

    def _find(self, name: str) -> Found | None:
        if not name or not all(part.isidentifier() for part in name.split(".")):
            return None
        parent, _, last = name.rpartition(".")
        if parent:
            above = self.find(parent)
            if above is None or above.package is False:
                return None
            folders = [above.path if above.package is None else os.path.dirname(above.path)]
        else:
            folders = self.search
        namespace: str | None = None
        for folder in folders:
            for path, package in (
                (os.path.join(folder, last, "__init__.py"), True),
                (os.path.join(folder, last + ".py"), False),
            ):
                if path in self.buffers or (os.path.isfile(path) and self._readable(path)):
                    return None if path == self.entry.path and not parent else Found(name, path, package)
            beside = os.path.join(folder, last)
            if namespace is None and os.path.isdir(beside) and self._holds_python(beside):
                namespace = beside
        if namespace is None or (not parent and self.installed(last)):
            return None
        return Found(name, namespace, None)

    def installed(self, name: str) -> bool:
        """Whether the environment has a regular module of this name; one goes before a namespace package."""
        return any(
            os.path.isfile(os.path.join(entry, name, "__init__.py"))
            or os.path.isfile(os.path.join(entry, name + ".py"))
            for entry in self._sys_path
        )

    def _readable(self, path: str) -> bool:
        real = os.path.realpath(path)
        for folder in self._allowed:
            if _inside(real, folder):
                below = os.path.relpath(real, folder).split(os.sep)
                hidden = (part.startswith(".") and part != "." for part in below)
                return not any(hidden) and not {"site-packages", "dist-packages"} & set(below)
        return False

    def _holds_python(self, folder: str) -> bool:
        """Whether a folder without `__init__.py` is a package of Python files (at any depth of two)."""
        if not self._readable(folder):
            return False
        if any(path.startswith(folder + os.sep) for path in self.buffers):
            return True
        with_python = False
        try:
            for entry in os.scandir(folder):
                if entry.name.endswith(".py"):
                    return True
                if entry.is_dir() and entry.name.isidentifier():
                    with_python = with_python or any(name.endswith(".py") for name in os.listdir(entry.path))
        except OSError:
            return False
        return with_python

    def _read(self, path: str) -> str | None:
        if path in self.buffers:
            text = self.buffers[path]
            size = len(text.encode("utf-8", "surrogatepass"))
        else:
            try:
                status = os.stat(path)
                size, stamp = status.st_size, (status.st_mtime_ns, status.st_size)
                if self.bytes + size > MOST_BYTES:
                    return None
                known = self.memory.files.get(path)
                if known is None or known[0] != stamp:
                    with tokenize.open(path) as file:
                        known = keep(self.memory.files, path, (stamp, file.read(MOST_BYTES)), 2 * MOST_MODULES)
                text = known[1]
            except (OSError, SyntaxError, ValueError):
                return None
        if self.bytes + size > MOST_BYTES:
            return None
        self.bytes += size
        return text


def imported(
    entry: Snapshot,
    roots: Sequence[str],
    buffers: Mapping[str, str] | None = None,
    sys_path: Sequence[str] = (),
    memory: Memory | None = None,
) -> tuple[Source, ...]:
    """The project modules that `entry` imports, directly or through each other, nearest first, without itself.

    Parents of a module (`a/__init__.py` of `a.b`) are among them. At most MOST_MODULES modules and MOST_BYTES bytes.
    `sys_path` is the author's; `memory` (`Resolver.memory`) spares reading unchanged files again.
    """
    return collect(Project(entry, roots, buffers or {}, sys_path, memory))


def collect(project: Project) -> tuple[Source, ...]:
    """`imported` for a project that is already open."""
    taken: dict[str, Source] = {}
    seen: set[str] = set()
    own = known_imports(project.entry.path, project.entry.text, project.memory)
    waiting: deque[tuple[Found | None, tuple[Import, ...]]] = deque([(None, own)])
    while waiting:
        importer, statements = waiting.popleft()
        for found in reached(project, importer, statements):
            if found.name in seen or found.package is None:
                continue
            seen.add(found.name)
            text = project.text(found)
            if text is None or len(taken) >= MOST_MODULES:
                continue
            taken[found.name] = Source(found.name, found.path, text, bool(found.package))
            waiting.append((found, project.imports(found)))
    return tuple(taken.values())


def reached(project: Project, importer: Found | None, statements: Iterable[Import]) -> Iterator[Found]:
    """The modules of the project that import statements of `importer` (None: the entry) name, with their parents."""
    package = project.package(importer)
    for statement in statements:
        module = project.absolute(statement.module, statement.level, package)
        if module is None:
            continue
        names = [module, *(f"{module}.{name}" if module else name for name, _ in statement.names or () if name != "*")]
        for name in names:
            parts = name.split(".")
            for count in range(1, len(parts) + 1):
                found = project.find(".".join(parts[:count]))
                if found is None:
                    break
                yield found


def imports_of(text: str) -> tuple[Import, ...]:
    """All import statements of `text`, those inside functions too; of a broken text what parso makes out."""
    if "import" not in text:
        return ()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except UNPARSED:
        return _broken_imports(text)
    found: list[Import] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [Import(alias.name, 0, None, alias.asname) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = tuple((alias.name, alias.asname or alias.name) for alias in node.names)
            found.append(Import(node.module or "", node.level, names))
    return tuple(found)


def _broken_imports(text: str) -> tuple[Import, ...]:
    tree = parse(text)
    waiting: deque[Any] = deque([] if tree is None else [tree])
    found: list[Import] = []
    while waiting:
        node = waiting.popleft()
        if node.type in ("import_name", "import_from"):
            found += statement_of(node)
        else:
            waiting.extend(getattr(node, "children", ()))
    return tuple(found)


def statement_of(node: Any) -> list[Import]:
    """The imports of a parso `import_name` or `import_from`."""
    paths: list[list[Any]] = node.get_paths()
    defined: list[Any] = node.get_defined_names()
    if node.type == "import_name":
        return [
            Import(".".join(name.value for name in path), 0, None, alias.value if alias is not path[0] else None)
            for path, alias in zip(paths, defined, strict=False)
        ]
    module = ".".join(name.value for name in node.get_from_names())
    if node.is_star_import():
        return [Import(module, node.level, (("*", "*"),))]
    names = tuple((path[-1].value, alias.value) for path, alias in zip(paths, defined, strict=False))
    return [Import(module, node.level, names)]


def _inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _foreign(path: str, root: str) -> bool:
    """Whether a folder inside the workspace belongs to an environment there, not to the project."""
    parts = os.path.relpath(path, root).split(os.sep)
    foreign = ("site-packages", "dist-packages", "node_modules")
    return any(part in foreign or (part.startswith(".") and part != ".") for part in parts) or (
        len(parts) > 1 and parts[-2] == "lib" and parts[-1].startswith("python")
    )
