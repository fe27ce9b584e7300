"""Public names: every spelling and every implementation path of a Keras object becomes one `keras.…` name.

The table is read as text from the generated `__init__.py` files of the installed Keras; nothing is imported. Without
an installed Keras a few fixed aliases remain, so that the common names still have one spelling.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from kls.find.installed import Installed
from kls.worker.comments import UNPARSED

_PREFIXES = (
    "tensorflow._api.v2.compat.v2.keras",
    "tensorflow._api.v2.compat.v1.keras",
    "tensorflow._api.v2.keras",
    "tensorflow.compat.v1.keras",
    "tensorflow.compat.v2.keras",
    "tensorflow.python.keras.api._v2.keras",
    "tensorflow.python.keras",
    "tensorflow.keras",
    "keras.api._tf_keras.keras",
    "keras._tf_keras.keras",
    "keras.api._v1.keras",
    "keras.api._v2.keras",
    "keras.api",
    "tf_keras.api._v1.keras",
    "tf_keras.api._v2.keras",
    "tf_keras.api",
    "tf_keras",
)
"""Spellings of the package, longest of each family first."""

_ALIASES = {
    "keras.models.Model": "keras.Model",
    "keras.models.Sequential": "keras.Sequential",
    "keras.layers.Input": "keras.Input",
    "keras.layers.Layer": "keras.Layer",
    "keras.preprocessing.image_dataset_from_directory": "keras.utils.image_dataset_from_directory",
    "keras.preprocessing.text_dataset_from_directory": "keras.utils.text_dataset_from_directory",
    "keras.preprocessing.timeseries_dataset_from_array": "keras.utils.timeseries_dataset_from_array",
}
_SECONDARY = re.compile(r"\b(?:legacy|preprocessing|experimental|compat|_\w*)\b")
_OLD_LAYER = re.compile(r"keras\.layers\.[a-z_0-9.]+\.([A-Z]\w*)")
_TF_DATA = "tensorflow._api.v2.data"


@dataclass(frozen=True)
class Names:
    """`implementation` maps where an object is defined to its public name, `spelling` each public spelling to the
    one that kls uses, `members` each public package to what it exports (for star imports)."""

    implementation: Mapping[str, str]
    spelling: Mapping[str, str]
    members: Mapping[str, frozenset[str]]

    def public(self, name: str) -> str:
        """The one public name of `name`, whatever its spelling; a name that is not Keras's comes back as it is,
        with the aliases of `tensorflow.data` undone.

        Attributes of a known object keep it: `keras.src.models.sequential.Sequential.add` is `keras.Sequential.add`.
        """
        name = normalise(name)
        if name.startswith(("keras.", "tensorflow.")):
            end = len(name)
            while end > 0:
                known = self.implementation.get(name[:end]) or self.spelling.get(name[:end])
                if known is not None:
                    return known + name[end:]
                end = name.rfind(".", 0, end)
        old = _OLD_LAYER.fullmatch(name)
        return f"keras.layers.{old[1]}" if old is not None else name


def normalise(name: str) -> str:
    """`name` with every spelling of the Keras package turned into `keras`; a name under `keras.` stays."""
    for prefix in _PREFIXES:
        if name == prefix or name.startswith(prefix + "."):
            return "keras" + name[len(prefix) :]
    return name


BARE = Names(MappingProxyType({}), MappingProxyType(_ALIASES), MappingProxyType({}))
"""What is known without an installed Keras."""


def read(installed: Installed) -> Names:
    """The names of the installed Keras and of `tensorflow.data`, read from their generated files."""
    offers: dict[str, set[str]] = {}
    members: dict[str, frozenset[str]] = {}
    if installed.folder:
        _read_tree(installed.tree(installed.public), installed.public, offers, members)
    if installed.keras and installed.plain != installed.public:
        _read_tree(installed.tree(installed.plain or "keras"), installed.plain or "keras", offers, members)
    if installed.tensorflow:
        data = os.path.join(installed.tensorflow, "_api", "v2", "data")
        _read_tree(data, _TF_DATA, offers, members)
    implementation: dict[str, str] = {}
    spelling: dict[str, str] = dict(_ALIASES)
    for path, names in offers.items():
        best = min(names, key=lambda name: _rank(name, path))
        implementation[path] = best
        spelling.update(dict.fromkeys(names, best))
    return Names(MappingProxyType(implementation), MappingProxyType(spelling), MappingProxyType(members))


def _rank(name: str, path: str) -> tuple[bool, int, bool, str]:
    """Which of several public names of one object is its name: the smallest rank."""
    renamed = name.rpartition(".")[2] != path.rpartition(".")[2]
    return (_SECONDARY.search(name) is not None, name.count("."), renamed, name)


def _read_tree(folder: str, dotted: str, offers: dict[str, set[str]], members: dict[str, frozenset[str]]) -> None:
    for current, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name.isidentifier() and name not in ("src", "__pycache__"))
        if current == folder:
            folders[:] = [name for name in folders if name not in ("api", "_tf_keras")]
        if "__init__.py" not in files:
            continue
        below = os.path.relpath(current, folder).replace(os.sep, ".")
        package = _package_name(dotted if below == "." else f"{dotted}.{below}")
        exported: set[str] = set()
        for module, name, alias in _from_imports(os.path.join(current, "__init__.py")):
            exported.add(alias)
            if not _is_package(folder, dotted, f"{module}.{name}"):
                offers.setdefault(normalise(f"{module}.{name}"), set()).add(f"{package}.{alias}")
        members[package] = members.get(package, frozenset()) | exported


def _package_name(dotted: str) -> str:
    return "tensorflow.data" + dotted[len(_TF_DATA) :] if dotted.startswith(_TF_DATA) else normalise(dotted)


def _is_package(folder: str, dotted: str, name: str) -> bool:
    """Whether `name` is a package of the public tree itself (`from keras import layers`), not an object."""
    if not name.startswith(dotted + "."):
        return False
    return os.path.isdir(os.path.join(folder, *name[len(dotted) + 1 :].split(".")))


def _from_imports(path: str) -> list[tuple[str, str, str]]:
    """(module, name, alias) of each absolute `from … import …` at the top of the file; none of an unreadable one."""
    try:
        with open(path, encoding="utf-8") as file:
            tree = ast.parse(file.read())
    except (OSError, *UNPARSED):
        return []
    return [
        (node.module, alias.name, alias.asname or alias.name)
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module and not node.level
        for alias in node.names
        if alias.name != "*"
    ]
