"""Pairs a compiled model with the file's training data when the author has not written `fit` yet.

One candidate by flow and name, or none: among several there is no guess.
"""

from __future__ import annotations

import ast
import sys
from typing import Any, Optional

from ..protocol import Argument, Variable
from . import parts, specs
from .keras_hooks import Watch, key_of
from .sinks import Sinks
from .state import Run
from .unknown import Unknown

PAIRS = (
    ("x_train", "y_train"),
    ("X_train", "y_train"),
    ("X_train", "Y_train"),
    ("train_x", "train_y"),
    ("train_X", "train_y"),
    ("trainX", "trainY"),
    ("train_images", "train_labels"),
    ("train_data", "train_labels"),
    ("train_features", "train_labels"),
    ("images", "labels"),
    ("features", "labels"),
    ("inputs", "targets"),
    ("data", "labels"),
    ("x", "y"),
    ("X", "y"),
    ("X", "Y"),
    ("xs", "ys"),
)
"""Names under which people keep training data."""

DATASETS = ("train_ds", "train_dataset", "ds_train", "training_dataset", "train_data", "dataset", "ds")


def pair(run: Run, watch: Watch, sinks: Sinks) -> None:
    """Probe `fit` for the one compiled model that met no data, with the one candidate for its data."""
    waiting = [
        seen
        for seen in watch.seen.values()
        if seen.compiled is not None and seen.variable is not None and key_of(seen.layer) not in sinks.met
    ]
    if len(waiting) != 1 or sinks.calls or run.failures or run.ended is not None:
        return
    seen = waiting[0]
    module = sys.modules.get("__main__")
    data = _candidate(module.__dict__ if module is not None else {})
    if data is None or seen.compiled is None:
        return
    names, values = data
    if len(names) == 2 and _are_terms(run, names):
        return
    arguments: list[Argument] = []
    for role, name, value in zip(("x", "y"), names, values):
        variable = _last_binding(run, name)
        if variable is None:
            return
        run.kept.append(value)
        arguments.append(
            Argument(
                role,
                variable.span,
                name,
                variable.kind,
                variable.tensors,
                specs.values_of(value),
                id(value) & 0xFFFFFFFFFFFF,
                parts.values_by_path(value),
            )
        )
    given: dict[str, Any] = dict(zip(("x", "y"), values))
    sinks.probe("fit", seen.layer, given, tuple(arguments), seen.compiled, paired=True)


def _candidate(names: dict[str, Any]) -> Optional[tuple[tuple[str, ...], tuple[Any, ...]]]:
    found: list[tuple[tuple[str, ...], tuple[Any, ...]]] = []
    for x, y in PAIRS:
        if x in names and y in names:
            values = (names[x], names[y])
            if not any(
                isinstance(value, Unknown) or specs.kind_of(value) not in ("array", "tensor") for value in values
            ):
                found.append(((x, y), values))
    for name in DATASETS:
        if name in names and specs.kind_of(names[name]) == "dataset":
            found.append(((name,), (names[name],)))
    train = [item for item in found if "train" in item[0][0].lower()]
    candidates = train or found
    return candidates[0] if len(candidates) == 1 else None


def _are_terms(run: Run, names: tuple[str, ...]) -> bool:
    """Whether the program computes with the two, as with numbers: `x + y`."""
    tree = run.files.tree(run.main)
    return any(
        isinstance(node, ast.BinOp)
        and isinstance(node.left, ast.Name)
        and isinstance(node.right, ast.Name)
        and {node.left.id, node.right.id} == set(names)
        for node in (ast.walk(tree) if tree is not None else ())
    )


def _last_binding(run: Run, name: str) -> Optional[Variable]:
    for variable in reversed(run.variables):
        if variable.name == name and variable.span.path == run.main:
            return variable
    return None
