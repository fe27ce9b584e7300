"""What the author's `import` finds: the project's modules as the editor has them, and stand-ins for display modules.

Project modules come from the probe by text, so unsaved edits count and no file is read. Modules that only draw, log or
report are Unknown as a whole: importing them would cost time and nothing of theirs has a shape.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
import types
from collections.abc import Sequence
from typing import Any, Optional

from ..protocol import Source
from .execute import execute
from .state import Run
from .unknown import unknown_module

DISPLAY = frozenset(
    "matplotlib mpl_toolkits seaborn plotly bokeh altair IPython ipywidgets wandb mlflow neptune comet_ml tensorboard "
    "graphviz pydot visualkeras tensorboardX clearml pygame turtle tkinter streamlit gradio flask pylab missingno "
    "docx pptx telegram requests_html selenium nltk spacy gym gymnasium".split()
)
"""Top-level packages that the dry run never imports."""

DISPLAY_MODULES = ("google.colab",)
"""The same inside packages that it does import."""


class _Loader(importlib.abc.Loader):
    def __init__(self, run: Run, source: Source) -> None:
        self._run = run
        self._source = source

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> Optional[types.ModuleType]:
        return None

    def exec_module(self, module: types.ModuleType) -> None:
        module.__file__ = self._source.path
        execute(self._run, self._source, module)


class _DisplayLoader(importlib.abc.Loader):
    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return unknown_module(spec.name, f"{spec.name} is not run in a dry run")

    def exec_module(self, module: types.ModuleType) -> None:
        return None


class Finder(importlib.abc.MetaPathFinder):
    """Finds the probe's own modules, then display modules; everything else is the interpreter's business."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._sources = {source.name: source for source in run.probe.sources[1:]}
        self._packages = {name.rpartition(".")[0] for name in self._sources} - {""}

    def find_spec(
        self, fullname: str, path: Optional[Sequence[str]], target: Optional[types.ModuleType] = None
    ) -> Optional[importlib.machinery.ModuleSpec]:
        """The module as the probe or this file has it; None leaves it to the interpreter."""
        source = self._sources.get(fullname)
        if source is not None:
            return importlib.machinery.ModuleSpec(
                fullname, _Loader(self._run, source), origin=source.path, is_package=source.package
            )
        if fullname in self._packages or any(name.startswith(fullname + ".") for name in self._sources):
            spec = importlib.machinery.ModuleSpec(fullname, None, is_package=True)
            spec.submodule_search_locations = []
            return spec
        display = fullname.startswith(DISPLAY_MODULES) or fullname.split(".", 1)[0] in DISPLAY
        if display and fullname.split(".", 1)[0] not in self._sources:
            return importlib.machinery.ModuleSpec(fullname, _DisplayLoader(), is_package=True)
        return None


def install(run: Run) -> None:
    """Put the finder in front, and the stand-in for `tqdm` in place."""
    sys.meta_path.insert(0, Finder(run))
    for name in [name for name in sys.modules if name.split(".", 1)[0] in DISPLAY]:
        del sys.modules[name]  # what Keras has imported of them
    for source in run.probe.sources[1:]:
        sys.modules.pop(source.name, None)
    for name in _TQDM:
        if name not in {source.name for source in run.probe.sources}:
            sys.modules[name] = _tqdm(name)


_TQDM = tuple(
    f"tqdm{name}" for name in " .auto .notebook .keras .std .autonotebook .asyncio .contrib.concurrent".split(" ")
)
"""Modules that show a progress bar, or start threads for the sake of one. What libraries take from the others is
the package's own."""


def _tqdm(name: str) -> types.ModuleType:
    """A progress bar that is the iterable itself."""
    module = types.ModuleType(name)
    installed = importlib.machinery.PathFinder.find_spec("tqdm") if name == "tqdm" else None
    module.__path__ = list(installed.submodule_search_locations or ()) if installed is not None else []

    class tqdm:
        """Iterates what it was given and forgets what it is told."""

        def __init__(self, iterable: Any = (), *args: Any, **keywords: Any) -> None:
            self._iterable = iterable

        def __iter__(self) -> Any:
            return iter(self._iterable)

        def __len__(self) -> int:
            return len(self._iterable)

        def __enter__(self) -> Any:
            return self

        def __exit__(self, *_: Any) -> None:
            return None

        def __getattr__(self, name: str) -> Any:
            return lambda *args, **keywords: None

        write = staticmethod(lambda *args, **keywords: None)

    module.__dict__.update(
        tqdm=tqdm,
        trange=lambda *args, **keywords: tqdm(range(*args)),
        tqdm_notebook=tqdm,
        tqdm_asyncio=tqdm,
        tenumerate=lambda items, *args, **keywords: enumerate(items),
        tzip=lambda *items, **keywords: zip(*items),
        tmap=map,
        thread_map=lambda function, *items, **keywords: list(map(function, *items)),
        process_map=lambda function, *items, **keywords: list(map(function, *items)),
        TqdmWarning=Warning,
        TqdmCallback=lambda *args, **keywords: None,
    )
    return module
