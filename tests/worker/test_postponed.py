"""What importing Keras and TensorFlow leaves for later is there as soon as somebody asks for it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kls.host import Host
from tests.marks import ONE_WORKER
from tests.worker.test_programs import said

pytestmark = ONE_WORKER

IMPORTED = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("postponed", sys.argv[1])
postponed = importlib.util.module_from_spec(spec)
spec.loader.exec_module(postponed)
with postponed.postponing():
    import tensorflow as tf
    import keras
"""


def in_fresh_python(text: str) -> str:
    """What a program prints that has imported TensorFlow as a worker does."""
    place = Path(__file__).parents[2] / "kls" / "worker" / "postponed.py"
    command = [sys.executable, "-c", IMPORTED + text, str(place)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout


async def test_nothing_that_is_left_for_later_is_loaded_before() -> None:
    told = in_fresh_python("""
import inspect
inspect.getmodule(inspect.currentframe())
print([name for name in ("pandas", "sklearn") if name in sys.modules])
print(any(type(module).__name__ == "_Module" for module in list(sys.modules.values())))
print(any(isinstance(finder, postponed._Finder) for finder in sys.meta_path))
""")
    assert told.split("\n")[:3] == ["[]", "True", "False"]


async def test_nothing_is_left_for_later_that_registers_something() -> None:
    listed = "import sys\nprint([(name, module.__file__) for name, module in list(sys.modules.items()) if module and"
    listed += " name.startswith(('tensorflow.python.', 'keras.src.')) and getattr(module, '__file__', None)])"
    command = [sys.executable, "-c", "import tensorflow\nimport keras\n" + listed]
    plain = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout
    there = {name for name, _ in ast.literal_eval(in_fresh_python(listed))}
    left = {name: Path(file) for name, file in ast.literal_eval(plain) if name not in there}
    assert "tensorflow.python.feature_column.feature_column_v2" in left
    registers = re.compile(
        r"^@?\w*\.?(?:Register[A-Z]\w*|register_tensor_conversion_function|dispatch_for\w+)\(", re.MULTILINE
    )
    assert [name for name, file in left.items() if file.suffix == ".py" and registers.search(file.read_text())] == []


async def test_names_that_were_left_for_later_are_the_same() -> None:
    told = in_fresh_python("""
from tensorflow.compat.v1.nn import rnn_cell
from tensorflow._api.v2.compat.v1.nn import *
print(relu is tf.nn.relu, relu is tf.compat.v1.nn.relu, relu is tf.compat.v1.compat.v1.nn.relu)
print(hasattr(tf.compat.v1.nn, "no_such_name"), hasattr(tf.lite, "__wrapped__"))
print(type(tf.compat.v1.layers).__name__, type(tf.compat.v1.nn.rnn_cell).__name__, "Interpreter" in dir(tf.lite))
print(tf.feature_column.numeric_column("size").key, tf.compat.v1.flags is tf.compat.v1.app.flags)
""")
    kinds = "print(type(tf.compat.v1.layers).__name__, type(tf.compat.v1.nn.rnn_cell).__name__)"
    command = [sys.executable, "-c", "import tensorflow as tf\n" + kinds]
    plain = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout.strip()
    assert told.split("\n")[:4] == ["True True True", "False False", f"{plain} True", "size True"]


async def test_a_package_does_not_take_the_name_of_the_api() -> None:
    text = "{}\nprint(hasattr(tf.lite, 'Interpreter'), hasattr(tf.lite, 'TFLiteConverter'))"
    for first in ("from tensorflow.lite.python import lite_constants", "tf.lite.OpsSet", "import tensorflow.lite"):
        assert in_fresh_python(text.format(first)).split() == ["True", "True"]


async def test_keras_knows_a_table_once_pandas_is_there() -> None:
    pytest.importorskip("pandas")
    told = in_fresh_python("""
from keras.src.trainers.data_adapters import array_slicing
print(array_slicing.can_slice_array([1, 2]), "pandas" in sys.modules)
import pandas
print(array_slicing.can_slice_array(pandas.Series([1.0])), array_slicing.can_slice_array([1, 2]))
print(pandas.__version__ == sys.modules["pandas"].__version__)
""")
    assert told.split() == ["False", "False", "True", "False", "True"]


async def test_programs_use_what_was_left_for_later(real: Host) -> None:
    pytest.importorskip("sklearn")
    text = """
import importlib
import tensorflow as tf
from tensorflow import keras
pd = importlib.import_module("pandas")
scaler = importlib.import_module("sklearn.preprocessing").StandardScaler()
from keras.wrappers import SKLearnClassifier
column = tf.feature_column.numeric_column("a")
hidden = tf.compat.v1.nn.relu(tf.zeros((3, 4)))
kind = tf.lite.OpsSet.TFLITE_BUILTINS
frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0], "y": [0, 1]})
model = keras.Sequential([keras.layers.Dense(2), keras.layers.Dense(2, activation="softmax")])
model.compile("adam", "sparse_categorical_crossentropy")
model.fit(frame[["a", "b"]], frame["y"], validation_split=0.5)
guess = model.predict(scaler.fit_transform(frame[["a", "b"]]))
keras.backend.clear_session()
wrapped = SKLearnClassifier(model)
wrong = keras.layers.Dense(2)(tf.compat.v1.nn.relu(tf.zeros((3,))))
"""
    report, loud = await said(real, text)
    assert [(gap.span.line, gap.reason) for gap in report.gaps if gap.span.line != 18] == []
    assert [(call.method, call.status) for call in report.calls] == [("fit", "traced"), ("predict", "traced")]
    assert [line for _, line in loud] == [18]


async def test_tables_that_the_text_names_come_before_the_dry_run(real: Host) -> None:
    pytest.importorskip("pandas")
    text = """
import keras
import pandas as pd
from sklearn.model_selection import train_test_split
frame = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0], "y": [0, 1, 0, 1]})
x, x_test, y, y_test = train_test_split(frame[["a"]], frame["y"], test_size=0.25)
model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, activation="softmax")])
model.compile("adam", "sparse_categorical_crossentropy")
model.fit(x, y)
"""
    for _ in range(2):
        report, loud = await said(real, text)
        assert not [gap for gap in report.gaps if gap.span.line < 9]
        assert [line for _, line in loud] == [7]
