"""Public names and the stub overlay, read from the files of an installed Keras."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kls.documents import Snapshot
from kls.find import Resolver, installed, names
from kls.find.overlay import overlay
from tests.find.conftest import INSTALLED

Document = Callable[..., Snapshot]


@pytest.mark.parametrize(
    "spelled",
    [
        "keras.layers.Dense",
        "tensorflow.keras.layers.Dense",
        "tensorflow.compat.v1.keras.layers.Dense",
        "tensorflow.python.keras.layers.Dense",
        "tensorflow._api.v2.keras.layers.Dense",
        "keras._tf_keras.keras.layers.Dense",
        "keras.api._v2.keras.layers.Dense",
        "keras.api.layers.Dense",
        "tf_keras.layers.Dense",
        "tf_keras.api._v2.keras.layers.Dense",
    ],
)
def test_spellings_of_the_package_become_keras(spelled: str) -> None:
    assert names.normalise(spelled) == "keras.layers.Dense"


def test_other_packages_keep_their_names() -> None:
    for name in ("tensorflow.data.Dataset", "tensorflow.kerasX", "kerastuner.Tuner", "numpy.load", "keras"):
        assert names.normalise(name) == name


def test_without_keras_the_common_aliases_are_known() -> None:
    nothing = installed.find([], legacy=False)
    assert nothing.folder == ""
    known = names.read(nothing)
    assert known.public("tensorflow.keras.models.Sequential") == "keras.Sequential"
    assert known.public("keras.layers.Input") == "keras.Input"
    assert known.public("keras.layers.core.Dense") == "keras.layers.Dense"
    assert known.public("keras.layers.Dense") == "keras.layers.Dense"


@pytest.mark.tf
def test_implementation_paths_become_public_names() -> None:
    known = names.read(installed.find(INSTALLED, legacy=False))
    for path, public in {
        "keras.src.layers.core.dense.Dense": "keras.layers.Dense",
        "keras.src.layers.core.input_layer.Input": "keras.Input",
        "keras.src.models.model.Model": "keras.Model",
        "keras.src.models.sequential.Sequential.add": "keras.Sequential.add",
        "keras.src.datasets.mnist.load_data": "keras.datasets.mnist.load_data",
        "keras.src.utils.image_dataset_utils.image_dataset_from_directory": "keras.utils.image_dataset_from_directory",
        "keras.src.optimizers.adam.Adam": "keras.optimizers.Adam",
        "keras.layers.Convolution2D": "keras.layers.Conv2D",
        "tensorflow.python.data.ops.dataset_ops.DatasetV2.range": "tensorflow.data.Dataset.range",
        "tensorflow.python.ops.math_ops.add": "tensorflow.python.ops.math_ops.add",
    }.items():
        assert known.public(path) == public
    assert {"Dense", "Conv2D", "Input"} <= known.members["keras.layers"]


def tree(root: Path, files: dict[str, str]) -> str:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return str(root)


CLASSES = "class Dense:\n    pass\n"
LAYOUTS = {
    "Keras 2.10": {
        "keras/__init__.py": "from keras import models\n",
        "keras/layers/__init__.py": "from keras.layers.core.dense import Dense\n",
        "keras/layers/core/__init__.py": "",
        "keras/layers/core/dense.py": CLASSES,
        "keras/models/__init__.py": "",
        "keras/api/__init__.py": "",
        "keras/api/_v2/__init__.py": "",
        "keras/api/_v2/keras/__init__.py": "from keras.api._v2.keras import layers\n",
        "keras/api/_v2/keras/layers/__init__.py": "from keras.layers.core.dense import Dense\n",
        "keras-2.10.0.dist-info/METADATA": "",
    },
    "Keras 2.15": {
        "keras/__init__.py": "from keras import layers\n",
        "keras/layers/__init__.py": "from keras.src.layers.core.dense import Dense\n",
        "keras/src/__init__.py": "",
        "keras/src/layers/__init__.py": "",
        "keras/src/layers/core/__init__.py": "",
        "keras/src/layers/core/dense.py": CLASSES,
        "keras/api/__init__.py": "",
        "keras/api/_v2/__init__.py": "",
        "keras/api/_v2/keras/__init__.py": "from keras.api._v2.keras import layers\n",
        "keras/api/_v2/keras/layers/__init__.py": "from keras.src.layers.core.dense import Dense\n",
        "keras-2.15.0.dist-info/METADATA": "",
    },
    "Keras 3.3": {
        "keras/__init__.py": "from keras.api import *\n__path__.append(__path__[0] + '/api')\n",
        "keras/api/__init__.py": "from keras.api import layers\n",
        "keras/api/layers/__init__.py": "from keras.src.layers.core.dense import Dense\n",
        "keras/_tf_keras/__init__.py": "",
        "keras/_tf_keras/keras/__init__.py": "from keras.api import layers\n",
        "keras/_tf_keras/keras/layers/__init__.py": "from keras.src.layers.core.dense import Dense\n",
        "keras/src/__init__.py": "",
        "keras/src/layers/__init__.py": "",
        "keras/src/layers/core/__init__.py": "",
        "keras/src/layers/core/dense.py": CLASSES,
        "keras-3.3.3.dist-info/METADATA": "",
    },
    "tf_keras": {
        "tf_keras/__init__.py": "from tf_keras import layers\n",
        "tf_keras/layers/__init__.py": "from tf_keras.src.layers.core.dense import Dense\n",
        "tf_keras/src/__init__.py": "",
        "tf_keras/src/layers/__init__.py": "",
        "tf_keras/src/layers/core/__init__.py": "",
        "tf_keras/src/layers/core/dense.py": CLASSES,
        "tf_keras/api/__init__.py": "",
        "tf_keras/api/_v2/__init__.py": "",
        "tf_keras/api/_v2/keras/__init__.py": "from tf_keras.api._v2.keras import layers\n",
        "tf_keras/api/_v2/keras/layers/__init__.py": "from tf_keras.src.layers.core.dense import Dense\n",
        "tf_keras-2.21.0.dist-info/METADATA": "",
    },
}
"""The way the files of older releases lie, one class of each."""

SPELLED = (
    "import tensorflow as tf\ntf.keras.layers.Dense",
    "from tensorflow.keras.layers import Dense\nDense",
    "from tensorflow.keras import layers\nlayers.Dense",
    "from tensorflow import keras\nkeras.layers.Dense",
    "import tensorflow.keras as keras\nkeras.layers.Dense",
)


@pytest.mark.parametrize("layout", list(LAYOUTS))
async def test_every_release_resolves(tmp_path: Path, document: Document, layout: str) -> None:
    environment = tree(
        tmp_path / "environment",
        {**LAYOUTS[layout], "tensorflow/__init__.py": "setattr(__import__('sys'), 'keras', None)\n"},
    )
    resolver = Resolver(
        [environment], str(tmp_path / "cache"), [], legacy=layout == "tf_keras", budget=60.0, first_budget=60.0
    )
    top = "tf_keras" if layout == "tf_keras" else "keras"
    try:
        for text in (*SPELLED, f"from {top} import layers\nlayers.Dense", f"from {top}.layers import Dense\nDense"):
            asked = document(text)
            place = (len(asked.lines), len(asked.lines[-1]) - 1)
            assert await resolver.resolve(asked, [place]) == ["keras.layers.Dense"], text
    finally:
        await resolver.stop()


@pytest.mark.tf
def test_an_overlay_is_made_once_for_each_pair_of_versions(tmp_path: Path) -> None:
    found = installed.find(INSTALLED, legacy=False)
    first = overlay(found, str(tmp_path))
    assert first is not None
    stub = Path(first) / "tensorflow-stubs" / "keras" / "layers" / "__init__.pyi"
    assert stub.read_text().startswith("from keras")
    before = stub.stat().st_mtime_ns
    assert overlay(found, str(tmp_path)) == first
    assert stub.stat().st_mtime_ns == before
    assert [entry.name for entry in (tmp_path / "overlay").iterdir()] == [Path(first).name]


def test_there_is_no_overlay_without_keras(tmp_path: Path) -> None:
    assert overlay(installed.find([str(tmp_path)], legacy=False), str(tmp_path)) is None
