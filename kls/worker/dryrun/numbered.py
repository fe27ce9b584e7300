"""The data of a `fit` and its like where they are tables that nobody has read: numbers, as many columns as the model
asks for. Nothing can be said against them."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from . import specs, tokenizers, unread
from .unknown import Unknown
from .unread import Unread

_DATA = ("x", "y", "validation_data")
_OF_TEXTS = ("TextVectorization", "StringLookup", "Hashing", "HashedCrossing", "KerasLayer")
"""Layers that take texts."""


def numbered(given: dict[str, Any], model: Any) -> dict[str, Any]:
    """The arguments of a sink with numbers in the place of tables that were not read; a model that takes texts may be
    given texts."""
    given = {key: tokenizers.lists(value) if key in _DATA else value for key, value in given.items()}
    layers = list(model._flatten_layers())
    texts = any(type(layer).__name__ in _OF_TEXTS for layer in layers)
    if texts or any(
        specs.dtype_of(tensor) == "string" for tensor in specs.flatten(getattr(model, "inputs", None) or ())
    ):
        return given

    if isinstance(given.get("class_weight"), Unknown):
        # What comes of a table is an array, and no dictionary; any other changes no shape.
        given = {**given, "class_weight": np.ones(2) if isinstance(given["class_weight"], Unread) else None}
    given = _as_asked(given, model)
    columns = all(_is_of_numbers(layer) for layer in layers)
    names = [name for name in ("x", "y", "sample_weight") if name in given]
    made = (
        {**given, **dict(zip(names, unread.numbered(*(given[name] for name in names), columns=columns)))}
        if names
        else given
    )
    validation = given.get("validation_data")
    if type(validation) in (tuple, list) and validation:
        made = {**made, "validation_data": type(validation)(unread.numbered(*validation, columns=columns))}
    return made


def _is_of_numbers(layer: Any) -> bool:
    """Whether a layer takes numbers only, as Keras's own do that hold nothing of the author's."""
    return type(layer).__module__.startswith("keras.") and type(layer).__name__ not in ("Lambda", "TFSMLayer")


def _as_asked(given: dict[str, Any], model: Any) -> dict[str, Any]:
    """Tables of which nobody knows how many columns they have, with as many as the model asks for: nothing can be said
    against them."""
    asked = {"x": getattr(model, "inputs", None), "y": getattr(model, "outputs", None) or _last_units(model)}
    if "sparse" in _name_of(getattr(model, "loss", None)) and not unread.several(given.get("y")):
        asked["y"] = [keras.KerasTensor((None, 1))] if len(asked["y"] or [0]) == 1 else None
    made = {**given, **{role: _fitted(given[role], asked[role]) for role in asked if role in given}}
    validation: Any = given.get("validation_data")
    if type(validation) in (tuple, list) and len(validation) > 1:
        parts = [_fitted(item, asked[role]) for item, role in zip(validation, asked)]
        made["validation_data"] = type(validation)((*parts, *validation[2:]))
    return made


def _last_units(model: Any) -> Any:
    """The output of a Sequential that is not built yet, by the units of its last layer."""
    for layer in reversed(model.layers if isinstance(model, keras.Sequential) else ()):
        if isinstance(getattr(layer, "units", None), int):
            return [keras.KerasTensor((None, layer.units))]
        if type(layer).__name__ not in ("Activation", "Softmax", "Dropout"):
            return None
    return None


def _name_of(loss: Any) -> str:
    """The name of a loss in small letters."""
    return str(loss if isinstance(loss, str) else getattr(loss, "__name__", type(loss).__name__)).lower()


def _fitted(value: Any, tensors: Any) -> Any:
    """A table, or a list of tables, with the open sizes of a model's inputs or outputs."""
    wanted = [specs.shape_of(tensor) for tensor in tensors or ()]
    if isinstance(value, Unknown):
        return unread.fitted(value, wanted[0]) if len(wanted) == 1 and wanted[0] is not None else value
    if type(value) in (tuple, list) and len(value) == len(wanted):
        pairs = zip(value, wanted)
        return type(value)(item if shape is None else unread.fitted(item, shape) for item, shape in pairs)
    return value
