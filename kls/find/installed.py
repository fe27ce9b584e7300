"""Where Keras and TensorFlow lie in the author's environment, found by their files, without importing them."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

_TF_DISTRIBUTION = re.compile(
    r"(?:tensorflow(?:_cpu|_gpu|_intel|_macos|_cpu_aws|_rocm)?|tf_nightly(?:_cpu)?)-(\d[^-]*)\.(?:dist|egg)-info"
)
_KERAS_DISTRIBUTION = re.compile(r"(keras|keras_nightly|tf_keras|tf_keras_nightly)-(\d[^-]*)\.(?:dist|egg)-info")


@dataclass(frozen=True)
class Installed:
    """The packages that answer to `keras` and `tensorflow.keras`.

    `folder` is the folder of the top package that implements `tensorflow.keras` (".../keras" or ".../tf_keras"), ""
    where none is installed; `public` the dotted name of the generated public tree behind `tensorflow.keras`; `keras`
    the folder of the package `keras` or "", and `plain` the public tree behind `import keras`, where that is not
    `keras` itself, else None. `tensorflow` is TensorFlow's folder or "".
    """

    folder: str
    public: str
    keras: str
    plain: str | None
    keras_version: str
    tensorflow: str
    tensorflow_version: str

    def tree(self, dotted: str) -> str:
        """The folder of the public tree `dotted`."""
        top = self.keras if dotted.split(".")[0] == "keras" else self.folder
        return os.path.join(os.path.dirname(top), *dotted.split("."))


_KERAS_TREES = ("keras._tf_keras.keras", "keras.api._tf_keras.keras", "keras.api._v2.keras", "keras")
_LEGACY_TREES = ("tf_keras.api._v2.keras", "tf_keras")


def find(sys_path: Sequence[str], legacy: bool) -> Installed:
    """What stands on `sys_path`; `legacy` says that TF_USE_LEGACY_KERAS asks for tf_keras, where it is installed."""
    tensorflow = _package(sys_path, "tensorflow")
    keras = _package(sys_path, "keras")
    tf_keras = _package(sys_path, "tf_keras")
    base, trees = (tf_keras, _LEGACY_TREES) if tf_keras and (legacy or not keras) else (keras, _KERAS_TREES)
    public = next((dotted for dotted in trees if base and _has(base, dotted, "layers")), "keras")
    plain = None
    if keras and not _has(keras, "keras", "layers") and _has(keras, "keras.api", "layers"):
        plain = "keras.api"
    elif (
        keras
        and not os.path.isfile(os.path.join(keras, "src", "__init__.py"))
        and _has(keras, "keras.api._v2.keras", "layers")
    ):
        plain = "keras.api._v2.keras"
    return Installed(
        folder=base,
        public=public,
        keras=keras,
        plain=plain,
        keras_version=_version(base, _KERAS_DISTRIBUTION, 2),
        tensorflow=tensorflow,
        tensorflow_version=_version(tensorflow, _TF_DISTRIBUTION, 1),
    )


def _package(sys_path: Sequence[str], name: str) -> str:
    for entry in sys_path:
        folder = os.path.join(entry, name)
        if entry and os.path.isfile(os.path.join(folder, "__init__.py")):
            return folder
    return ""


def _has(folder: str, dotted: str, part: str) -> bool:
    return os.path.isfile(os.path.join(os.path.dirname(folder), *dotted.split("."), part, "__init__.py"))


def _version(folder: str, distribution: re.Pattern[str], group: int) -> str:
    """The version in the name of the metadata folder beside `folder`; else the age of the package's first file."""
    if not folder:
        return "none"
    own = os.path.basename(folder)
    found: list[str] = []
    try:
        for entry in os.listdir(os.path.dirname(folder)):
            match = distribution.fullmatch(entry)
            if match is not None and (group == 1 or match[1].removesuffix("_nightly") == own):
                found.append(match[group])
        stamp = os.stat(os.path.join(folder, "__init__.py")).st_mtime_ns
    except OSError:
        return "unknown"
    return max(found) if found else f"unknown-{stamp}"
