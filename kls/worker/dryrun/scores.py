"""scikit-learn's metrics of what a model predicted: their values are not known, their shapes and kinds are judged.

scikit-learn itself is asked, about rows made up for the purpose. Its answer counts where it speaks of shapes, or of
the fractions that a model with a softmax, a sigmoid or a linear output gives where class numbers belong.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from .after_import import after_import
from .arrays import VirtualArray, bare, find_unknown, on_write
from .unknown import Unknown
from .unread import Unread, form_of, one_hot

__all__ = ["install", "note"]

FRACTIONAL = ("sigmoid", "softmax", "softmax_v2", "linear", "tanh")
"""Activations that give no whole numbers (`tf.nn.softmax` calls itself `softmax_v2`)."""
_OF_CLASSES = (
    "accuracy_score balanced_accuracy_score classification_report cohen_kappa_score confusion_matrix f1_score "
    "fbeta_score hamming_loss jaccard_score matthews_corrcoef precision_score recall_score zero_one_loss"
).split()
_OF_NUMBERS = (
    "mean_squared_error mean_absolute_error root_mean_squared_error mean_absolute_percentage_error r2_score "
    "explained_variance_score median_absolute_error max_error"
).split()
_CERTAIN = re.compile("continuous|multilabel-indicator|different number of output|Found array with dim")
"""What scikit-learn says of shapes and kinds, whatever the numbers (sklearn/metrics, sklearn/utils/validation.py)."""
_MOST = 1_000_000
"""Numbers that are made up for one argument, at most."""
_ROWS = 12
"""Rows that stand for all where the labels were not read."""
_WHAT = "a score of predictions, which a dry run does not make"

# Kept before NumPy's own is replaced: what is drawn here must be real.
_default_rng = np.random.default_rng
_noted: list[VirtualArray] = []
"""What models with a fractional output predicted, while nothing is written into it; a view of one has its memory."""


def note(model: Any, predicted: VirtualArray) -> None:
    """Remember what `model` predicted, if its numbers are fractions for certain."""
    outputs = getattr(model, "outputs", None) or ()
    last = getattr(getattr(outputs[0], "_keras_history", None), "operation", None) if len(outputs) == 1 else None
    activation = getattr(getattr(last, "activation", None), "__name__", None)
    if type(last) in (keras.layers.Dense, keras.layers.Activation) and activation in FRACTIONAL:
        _noted.append(predicted)


def _forget(written: VirtualArray) -> None:
    """What is rounded or cut in place is no longer what the model gave."""
    _noted[:] = [item for item in _noted if _address(item) != _address(written)]


def _address(array: VirtualArray) -> int:
    return int(bare(array).__array_interface__["data"][0])


def _stand_in(value: Any, of_classes: bool) -> Any:
    """Made-up numbers of the shape of a virtual array: fractions for those of a model, numbers of classes for integers;
    None where nothing is known of them."""
    if not isinstance(value, VirtualArray):
        return value
    if value.size > _MOST or not value.ndim:
        return None
    if not of_classes or (value.dtype.kind == "f" and any(_address(value) == _address(item) for item in _noted)):
        return _default_rng(5).uniform(0.1, 0.9, value.shape).astype(value.dtype)
    if value.dtype.kind == "b":
        return (np.arange(value.size) % 2 == 0).reshape(value.shape)
    if value.dtype.kind not in "iu" or value.size != len(value):  # rows of integers may be one-hot
        return None
    return (np.arange(value.size) % 3).reshape(value.shape).astype(value.dtype)


def _scored(original: Callable[..., Any], of_classes: bool) -> Callable[..., Any]:
    names = list(inspect.signature(original).parameters)[:2]

    def score(*args: Any, **keywords: Any) -> Any:
        given = [*args[:2], *(keywords[name] for name in names[len(args[:2]) :] if name in keywords)]
        known = find_unknown((args, tuple(keywords.values()))) is None
        if not known and of_classes and len(given) == 2:
            _refuse(original, given)
        if not known or not any(isinstance(item, VirtualArray) for item in given):
            return original(*args, **keywords)
        from sklearn.utils.validation import check_consistent_length

        check_consistent_length(*given)
        made = [_stand_in(item, of_classes) for item in given]
        if len(made) == 2 and not any(item is None for item in made):
            try:
                original(*made, **{name: value for name, value in keywords.items() if name not in names})
            except ValueError as error:
                if _CERTAIN.search(str(error)):
                    error.__dict__["_kls_of_predictions"] = True
                    raise
            except Exception:  # whatever else it finds in numbers that were made up
                pass
        return Unknown(_WHAT)

    score.__name__ = original.__name__
    return score


def _refuse(original: Callable[..., Any], given: list[Any]) -> None:
    """Raise what scikit-learn raises of predictions that are no classes beside labels that nobody has read, or of
    classes beside rows of labels: where it refuses them whatever the labels are."""
    guessed = [item for item in given if isinstance(item, VirtualArray)]
    read = [item for item in given if isinstance(item, Unread)]
    if len(guessed) != 1 or len(read) != 1 or guessed[0].ndim not in (1, 2) or form_of(read[0]).rank > 2:
        return
    made, count = _stand_in(guessed[0][:_ROWS], True), min(len(guessed[0]), _ROWS)
    fractions = guessed[0].dtype.kind == "f" and any(_address(guessed[0]) == _address(item) for item in _noted)
    width = form_of(read[0]).sizes[0] if form_of(read[0]).rank == 2 else None
    if made is None or (not fractions and not one_hot(read[0])):
        return
    classes = np.arange(count) % 3
    columns = width if isinstance(width, int) and width > 1 else 3
    rows = np.eye(columns, dtype=int)[classes % columns]
    told: list[ValueError] = []
    labels = [classes % 2, classes, classes + 0.5] if width is None else [rows, rows * 0.5]
    for label in labels:
        try:
            original(*(label if item is read[0] else made for item in given))
        except ValueError as error:
            told += [error] if _CERTAIN.search(str(error)) else []
        except Exception:
            return
    if len(told) == len(labels):
        told[0].__dict__["_kls_of_predictions"] = told[0].__dict__["_kls_certain"] = True
        raise told[0]


def _metrics(module: Any) -> None:
    for name in (*_OF_CLASSES, *_OF_NUMBERS):
        if hasattr(module, name):
            setattr(module, name, _scored(getattr(module, name), name in _OF_CLASSES))


def install() -> None:
    """Patch the metrics when the author imports them."""
    on_write.append(_forget)
    after_import("sklearn.metrics", _metrics)
