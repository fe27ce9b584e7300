"""Parts of TensorFlow and Keras that most programs never touch, imported when somebody does.

Importing TensorFlow is most of the time that a first dry run takes, and much of it goes into what it only might need:
scikit-learn for `keras.wrappers`, pandas for two tests of type, second and third copies of its API for older versions.
Nothing changes for who uses them: the module is loaded by the first name that is asked of it.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import re
import sys
import types
from collections.abc import Generator, Sequence
from typing import Any, Optional

POSTPONED = re.compile(
    r"keras\.(?:\w+\.)*wrappers"
    r"|tensorflow\._api\.v2\.compat\.v[12]\.(?!profiler)\w+(?:\.\w+)*"
    r"|tensorflow\._api\.v2\.(?:lite|feature_column|tpu|__internal__\.feature_column)"
)
"""Names of modules that hold nothing but names of other modules, none of which registers anything when it is imported:
the profiler's do (what operations cost)."""
LIBRARIES = frozenset(("pandas", "sklearn", "scipy"))
"""Installed libraries that importing Keras no longer brings; none of them starts a thread."""
_TYPES = ("DataFrame", "Series")


class _Module(types.ModuleType):
    """A module that is executed when a name is asked of it. Names with two underscores do not count: walks over
    `sys.modules`, as `inspect` makes them, ask every module for those."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__all__":
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        _execute(self)
        return getattr(self, name)

    def __dir__(self) -> list[str]:
        _execute(self)
        return sorted(self.__dict__)


def _execute(module: types.ModuleType) -> None:
    if type(module) is not _Module:
        return
    object.__setattr__(module, "__class__", types.ModuleType)
    given = {name: value for name, value in module.__dict__.items() if not name.startswith("__")}
    loader: Any = module.__loader__
    loader.exec_module(module)
    module.__dict__.update(given)  # what its parent has put there already


class _Loader(importlib.abc.Loader):
    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return _Module(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Optional[Sequence[str]], target: Optional[types.ModuleType] = None
    ) -> Optional[importlib.machinery.ModuleSpec]:
        if not POSTPONED.fullmatch(fullname):
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is None or not isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            return None
        spec.loader = _Loader(spec.loader)
        return spec


class _Type(type):
    """A type of pandas, which nothing is an instance of until pandas is there."""

    def __instancecheck__(cls, instance: object) -> bool:
        pandas = sys.modules.get("pandas")
        return isinstance(pandas, types.ModuleType) and isinstance(instance, getattr(pandas, cls.__name__, ()))


class _Pandas(types.ModuleType):
    """What Keras gets for pandas: its types; for anything else the real one."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        if sys.modules.get("pandas") is self:
            del sys.modules["pandas"]
        return getattr(importlib.import_module("pandas"), name)


def _import_packages_of_the_same_name() -> None:
    """`tf.lite` is a module of TensorFlow's API; the package `tensorflow.lite` is another one, and whoever imports it
    first has it take the name. It must have been imported when the name is given to the API."""
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is None or not tensorflow.__file__:
        return
    for name, module in [item for item in vars(tensorflow).items() if type(item[1]) is _Module]:
        if os.path.exists(os.path.join(os.path.dirname(tensorflow.__file__), name, "__init__.py")):
            importlib.import_module(f"tensorflow.{name}")
            setattr(tensorflow, name, module)


@contextlib.contextmanager
def postponing() -> Generator[None, None, None]:
    """While TensorFlow and Keras are imported."""
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    stand_in = None
    if "pandas" not in sys.modules and importlib.util.find_spec("pandas") is not None:
        stand_in = _Pandas("pandas")
        stand_in.__dict__.update({name: _Type(name, (), {"__module__": "pandas"}) for name in _TYPES})
        sys.modules["pandas"] = stand_in
    try:
        yield
        _import_packages_of_the_same_name()
    finally:
        sys.meta_path.remove(finder)
        if stand_in is not None and sys.modules.get("pandas") is stand_in:
            del sys.modules["pandas"]
