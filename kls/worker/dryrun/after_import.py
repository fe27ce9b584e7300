"""Packages of the author's are patched when the author's program imports them, not before."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
import types
from collections.abc import Callable, Sequence
from typing import Any, Optional

__all__ = ["after_import"]


class _After(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Runs a function on a module as soon as it has been imported."""

    def __init__(self) -> None:
        self.patches: dict[str, Callable[[types.ModuleType], None]] = {}
        self._searching: set[str] = set()
        self._loaders: dict[str, Any] = {}

    def find_spec(
        self, fullname: str, path: Optional[Sequence[str]], target: Optional[types.ModuleType] = None
    ) -> Optional[importlib.machinery.ModuleSpec]:
        if fullname not in self.patches or fullname in self._searching:
            return None
        self._searching.add(fullname)
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._searching.discard(fullname)
        if spec is None or spec.loader is None:
            return None
        self._loaders[fullname] = spec.loader
        spec.loader = self
        return spec

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> Optional[types.ModuleType]:
        return self._loaders[spec.name].create_module(spec)

    def exec_module(self, module: types.ModuleType) -> None:
        loader = self._loaders[module.__name__]
        if module.__spec__ is not None:
            module.__spec__.loader = loader
        module.__loader__ = loader
        loader.exec_module(module)
        self.patches[module.__name__](module)


def after_import(name: str, patch: Callable[[types.ModuleType], None]) -> None:
    """Call `patch(module)` when module `name` is imported, or now when it already is."""
    module = sys.modules.get(name)
    if module is not None:
        patch(module)
        return
    finder = next((item for item in sys.meta_path if isinstance(item, _After)), None)
    if finder is None:
        finder = _After()
        sys.meta_path.insert(0, finder)
    finder.patches[name] = patch
