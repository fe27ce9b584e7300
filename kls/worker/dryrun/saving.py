"""Saving and loading within one program: files go to the private folder, and what was saved there can be loaded.

Keras itself writes and reads, so its faults are the author's own: a name without an ending, weights of another
architecture. What is too large to write, or may not be, is remembered by name only. A file that the program did not
write is not there.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from typing import Any, Optional

import keras
from keras.src.models.model import Model
from keras.src.saving import saving_api
from keras.src.utils import file_utils

from .aliases import replace, watch
from .unknown import Unknown, UnknownValue

LARGEST_MODEL = 1_000_000
"""Parameters of the largest model that is really written."""

watch(saving_api.load_model, saving_api.save_model)


def install(author_file: Callable[[str], bool]) -> None:
    """Redirect files of models and weights in this process."""
    kept: dict[str, Optional[str]] = {}
    models: dict[str, Any] = {}
    folder = _folder()

    def place(path: Any, model: Any, whole: bool) -> Optional[str]:
        """Where a file of the program is kept; None for one that cannot be written."""
        name = os.path.abspath(os.fspath(path))
        large = getattr(model, "built", False) and model.count_params() > LARGEST_MODEL
        kept[name] = None if large or not folder else os.path.join(folder, f"{len(kept)}-{os.path.basename(name)}")
        if whole:
            models[name] = model
        return kept[name]

    def writer(original: Any, whole: bool) -> Any:
        def write(self: Any, filepath: Any, *arguments: Any, **keywords: Any) -> Any:
            target = place(filepath, self, whole)
            if target is None:
                return None
            try:
                return _told(original, filepath, target, self, target, *arguments, **keywords)
            except Exception:
                # What is not known, as a learning rate that depends on the epoch, cannot be written.
                kept[os.path.abspath(os.fspath(filepath))] = None
                raise

        return write

    load_weights, load_model, save_model = Model.load_weights, saving_api.load_model, saving_api.save_model

    def read_weights(self: Any, filepath: Any, *arguments: Any, **keywords: Any) -> Any:
        name = os.path.abspath(os.fspath(filepath))
        target = kept.get(name)
        if name not in kept and author_file(_caller()) and _of_no_form(filepath):
            return _told(load_weights, filepath, name, self, filepath, *arguments, **keywords)
        if target is None or not os.path.exists(target):
            return None if name in kept or not author_file(_caller()) else _absent(filepath)
        return _told(load_weights, filepath, target, self, target, *arguments, **keywords)

    def read_model(filepath: Any, *arguments: Any, **keywords: Any) -> Any:
        name = os.path.abspath(os.fspath(filepath))
        target = kept.get(name)
        if name not in kept and _of_no_form(filepath):
            return _told(load_model, filepath, name, filepath, *arguments, **keywords)
        if target is None:
            # What was saved and could not be written is read as it was.
            return models[name] if name in models else Unknown(f"the model in {filepath}")
        return _told(load_model, filepath, target, target, *arguments, **keywords)

    def write_model(model: Any, filepath: Any, *arguments: Any, **keywords: Any) -> Any:
        if folder and str(filepath).startswith(folder):
            return save_model(model, filepath, *arguments, **keywords)
        return model.save(filepath, *arguments, **keywords)

    exists = file_utils.exists

    def there(path: Any) -> bool:
        # The architecture of a pretrained model does not depend on the file that its weights would be read from.
        asked = f"keras{os.sep}src{os.sep}applications" in _caller() and isinstance(path, (str, os.PathLike))
        return exists(path) or (asked and (os.sep in os.fspath(path) or os.path.splitext(path)[1] != ""))

    file_utils.exists = there
    Model.save = writer(Model.save, True)
    Model.save_weights = writer(Model.save_weights, False)
    Model.load_weights = read_weights
    replace(load_model, read_model)
    replace(save_model, write_model)
    keras.Model.export = lambda *arguments, **keywords: None


def _folder() -> str:
    """A new folder for what the program saves; "" where the sandbox lets nothing be written."""
    try:
        return tempfile.mkdtemp(prefix="models-")
    except OSError:
        return ""


_FORMS = (".keras", ".h5", ".hdf5", ".json", ".zip")
"""Endings of the files that Keras may read (keras/src/saving/saving_api.py)."""


def _of_no_form(path: Any) -> bool:
    """Whether Keras refuses a file for its name alone: it has none of the endings, and is no folder with a model, or of
    Orbax, which the author could have."""
    name = os.fspath(path) if isinstance(path, (str, os.PathLike)) else ""
    if not isinstance(name, str) or not name or name.endswith(_FORMS) or "://" in name:
        return False
    return not os.path.isdir(name) or os.path.exists(os.path.join(name, "saved_model.pb"))


def _absent(path: Any) -> None:
    raise UnknownValue(f"the weights in {path}")


def _caller() -> str:
    """The file of the code that called the function which asks."""
    import sys

    return sys._getframe(2).f_code.co_filename


def _told(function: Any, shown: Any, target: str, *arguments: Any, **keywords: Any) -> Any:
    """Call `function`; its exceptions speak of the program's own file and count as the program's."""
    try:
        return function(*arguments, **keywords)
    except Exception as error:
        error.args = tuple(str(item).replace(target, str(shown)) for item in error.args)
        error.__dict__["_kls_own_file"] = True
        raise
