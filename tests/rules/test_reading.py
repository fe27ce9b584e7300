"""What the rules say of a text that nobody runs: the table, its silence, and the names that it goes by."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kls import check, find
from kls.documents import Snapshot
from kls.facts import Evidence, Finding, Severity
from kls.rules import keras_names
from kls.source import apply
from tests import keras_names as generator

KERAS_3 = f"{keras_names.VERSION[0]}.{keras_names.VERSION[1]}.0"
HEAD = "import keras\nimport numpy as np\nimport tensorflow as tf\nfrom tensorflow.keras import layers\n"
MODEL = HEAD + "model = keras.Sequential([layers.Dense(1)])\n"


@pytest.fixture(autouse=True)
def no_rule_fails(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """A rule that raises costs only its own findings, so nothing but the log would tell of it."""
    yield
    assert not [record for record in caplog.get_records("call") if record.name.startswith("kls")]


def said(text: str, keras: str | None = KERAS_3) -> tuple[Finding, ...]:
    snapshot = Snapshot("file:///m.py", "/m.py", 1, text)
    return check.check(snapshot, asyncio.run(find.sites(snapshot, None)), None, (), keras)


def repaired(text: str, finding: Finding) -> str:
    return apply(text, [(edit.span, edit.text) for edit in finding.fixes[0].edits])


FAULTS = [
    # before, code, after the first fix ("" for none)
    ('layers.Dense(1, activation="rellu")', "unknown-identifier", 'layers.Dense(1, activation="relu")'),
    ("layers.Dense(1, 'sigmod')", "unknown-identifier", "layers.Dense(1, 'sigmoid')"),
    ("layers.LSTM(1, kernel_initializer='he_unifrom')", "unknown-identifier",
     "layers.LSTM(1, kernel_initializer='he_uniform')"),
    ("model.compile('adamm')", "unknown-identifier", "model.compile('adam')"),
    ("model.compile(loss={'a': 'MSEE'})", "unknown-identifier", "model.compile(loss={'a': 'mse'})"),
    ('model.compile(metrics=["acuracy"])', "unknown-identifier", 'model.compile(metrics=["accuracy"])'),
    ("keras.optimizers.Adam(lr=0.1)", "argument-name", "keras.optimizers.Adam(learning_rate=0.1)"),
    ("layers.Dense(1, activaton='relu')", "argument-name", "layers.Dense(1, activation='relu')"),
    ("layers.LSTM(3, batch_input_shape=(1, 2, 3))", "argument-name", "layers.LSTM(3)"),
    ("model.fit(1, 2, nb_epoch=3)", "argument-name", "model.fit(1, 2, epochs=3)"),
    ("model.fit_generator(1)", "removed-name", "model.fit(1)"),
    ("model.predict_classes(1)", "removed-name", "model.predict(1).argmax(axis=-1)"),
    ("layers.CuDNNLSTM(3)", "removed-name", "layers.LSTM(3)"),
    ("layers.Dence(3)", "removed-name", "layers.Dense(3)"),
    ("keras.Input(28, 28, 1)", "shape-argument", "keras.Input((28, 28, 1))"),
    ("keras.Input(shape=(784))", "shape-argument", "keras.Input(shape=(784,))"),
    ("keras.Input((28, 28), 1)", "argument-place", "keras.Input((28, 28, 1))"),
    ("layers.Conv2D(32, 3, 3)", "argument-place", "layers.Conv2D(32, (3, 3))"),
    ("layers.Dense(10, 5)", "argument-place", ""),
    ("model.add(layers.Flatten); layers.Dense(2)", "layer-call", "model.add(layers.Flatten()); layers.Dense(2)"),
    ("x = np.array([[1, 2], [3]])", "unequal-rows", ""),
    ("model.fit(np.array([1, 2, 3]), np.array([1, 2]))", "sample-count", ""),
    ("tf.data.Dataset.from_tensor_slices((np.array([1, 2]), np.array([1])))", "sample-count", ""),
]  # fmt: skip


@pytest.mark.parametrize(("line", "code", "after"), FAULTS)
def test_a_fault_is_told_with_a_repair_that_nobody_tried(line: str, code: str, after: str) -> None:
    (found,) = said(MODEL + line)
    assert (found.code, found.evidence, found.span.line) == (code, Evidence.STATIC, 6)
    assert found.severity in (Severity.ERROR, Severity.WARNING)
    assert all(fix.verified is None for fix in found.fixes)
    assert not after or repaired(MODEL + line, found) == MODEL + after
    assert not after or said(MODEL + after) == ()


LONGER = [
    # before, code, line (from 1), after the first fix ("" for none)
    ("a = keras.Input((4,))\nx = layers.Dense(3)(a)\nx = layers.Dense(8)\ny = layers.Dense(1)(x)", "layer-call", 3,
     "a = keras.Input((4,))\nx = layers.Dense(3)(a)\nx = layers.Dense(8)(x)\ny = layers.Dense(1)(x)"),
    ("a = keras.Input((4,))\nm = keras.Model(a, layers.Dense(8))", "layer-call", 2,
     "a = keras.Input((4,))\nm = keras.Model(a, layers.Dense(8)(a))"),
    ("a = keras.Input((4,))\nx = layers.Flatten(a)", "layer-call", 2,
     "a = keras.Input((4,))\nx = layers.Flatten()(a)"),
    ("class A(layers.Layer):\n    def __init__(self, n):\n        self.n = n", "custom-code", 2,
     "class A(layers.Layer):\n    def __init__(self, n):\n        super().__init__()\n        self.n = n"),
    ("class A(keras.Model):\n    def call(self, x):\n        y = x * 2", "custom-code", 3,
     "class A(keras.Model):\n    def call(self, x):\n        y = x * 2\n        return y"),
    ("x = x.reshape(60000, 28, 28)\nm = keras.Sequential([layers.Dense(1, input_shape=(784,))])\nm.fit(x, y)",
     "input-shape", 1, ""),
    ("x = x.reshape((-1, 784)) / 255\nm = keras.Sequential()\nm.add(layers.Conv2D(1, 3, input_shape=(28, 28, 1)))\n"
     "for _ in range(2):\n    m.fit(x, y)", "input-shape", 1, ""),
    ("x = np.random.rand(10, 4)\nm = keras.Sequential([keras.Input((5,)), layers.Dense(1)])\nm.predict(x)",
     "input-shape", 1, ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "code", "line", "after"), LONGER)
def test_a_fault_over_several_lines(text: str, code: str, line: int, after: str) -> None:
    (found,) = said(HEAD + text)
    assert (found.code, found.severity, found.evidence) == (code, Severity.ERROR, Evidence.STATIC)
    assert found.span.line == line + HEAD.count("\n")
    assert not after or repaired(HEAD + text, found) == HEAD + after
    assert not after or said(HEAD + after) == ()


SILENT = [
    "a = keras.Input((4,))\nd = layers.Dense(3)\nx = d(a)\ny = layers.Dense(1)(x)",
    "a = keras.Input((4,))\nif a is None:\n    x = layers.Dense(3)\nelse:\n    x = a\ny = layers.Dense(1)(x)",
    "a = keras.Input((4, 3))\nx = layers.Bidirectional(layers.LSTM(3))(a)",
    "def f(x):\n    x = layers.Dense(3)\n    return x\ny = layers.Dense(1)(f(1))",
    "from other import Flatten, Dense\nmodel.add(Flatten)\nx = Dense(8)\nlayers.Dense(1)(x)",
    "class A(layers.Layer):\n    def __init__(self, n):\n        layers.Layer.__init__(self)\n        self.n = n",
    "class A(layers.Layer):\n    def __init__(self, n):\n        raise NotImplementedError",
    "import other\nclass A(other.Base, layers.Layer):\n    def __init__(self, n):\n        self.n = n",
    "import other\nclass A(other.Layer):\n    def __init__(self, n):\n        self.n = n",
    "class A(layers.Layer):\n    def call(self, x):\n        pass",
    "class A(layers.Layer):\n    def call(self, x):\n        y = x\n        self.add_loss(y)\n        z = y",
    "class A(layers.Layer):\n    def call(self, x):\n        if x is None:\n            return x\n        y = x",
    "np.array([[1, 2], [3]], dtype=object)",
    "np.array([[1, 2], [3, 4]])",
    "np.array([[1, 2], a])",
    "try:\n    np.array([[1, 2], [3]])\nexcept ValueError:\n    pass",
    "x = np.array([1, 2])\nx.resize(3)\nmodel.fit(x, np.array([1, 2, 3]))",
    "x = np.array([1, 2])\nif x[0]:\n    x = other\nmodel.fit(x, np.array([1, 2, 3]))",
    "x = x.reshape(-1, 28, 28)\nm = keras.Sequential([layers.Conv2D(1, 3, input_shape=(28, 28, 1))])\nm.fit(x, y)",
    "x = x.reshape(-1, n)\nm = keras.Sequential([layers.Dense(1, input_shape=(784,))])\nm.fit(x, y)",
    "x = x.reshape(-1, 784)\nx = g(x)\nm = keras.Sequential([layers.Dense(1, input_shape=(7,))])\nm.fit(x, y)",
    "x = x.reshape(-1, 784)\nm = keras.Sequential([layers.Dense(1, input_shape=(784,))])\nm.fit(x, y)",
    "layers.Dense(1, activation=name)",
    "layers.Dense(1, activation='relu6', kernel_initializer='GlorotUniform')",
    "model.compile('Adam', 'MSE', metrics=['acc', 'AUC', ['accuracy']])",
    "model.compile(loss=['mse', None], metrics={'a': 'mae'})",
    "model.compile(loss='mypackage>loss')",
    "layers.Dense(1, **{'nb_filter': 3})",
    "layers.Dense(1, input_shape=(3,), name='a', dtype='float16')",
    "layers.Embedding(10, 3, input_length=4, weights=[1])",
    "keras.optimizers.SGD(0.1, decay=1e-6, clipnorm=1)",
    "model.evaluate(1, 2, whatever=3)",
    "layers.concatenate([1, 2])",
    "keras.Input((28, 28, 1), 32)",
    "keras.Input((28, 28), batch_size=1)",
    "layers.Conv2D(32, 5, 2)",
    "layers.Conv2D(32, 3, strides=3)",
    "layers.Conv2DTranspose(32, 3, 3)",
    "layers.MaxPooling2D(2, 2)",
    "from other import Dense, Adam\nDense(1, 5, activation='rellu')\nAdam(lr=0.1)",
    "from other import model\nmodel.compile('adamm', loss='msee')\nmodel.fit_generator(1)",
    "class Dense:\n    def __init__(self, *a, **k): pass\nDense(1, 5, activation='rellu')",
    "keras.utils.get_custom_objects()['rellu'] = 1\nlayers.Dense(1, activation='rellu')",
    "import efficientnet\nlayers.Dense(1, activation='special')",
]


@pytest.mark.parametrize("line", SILENT)
def test_nothing_is_said_of_what_works_or_is_not_known(line: str) -> None:
    assert said(MODEL + line) == ()


@pytest.mark.parametrize(
    ("line", "severity"),
    [
        ("keras.optimizers.Adam(lr=0.1)", Severity.INFORMATION),
        ("model.fit_generator(1)", Severity.INFORMATION),
        ("keras.Input(784)", Severity.INFORMATION),
        ("layers.Dense(1, activation='rellu')", Severity.ERROR),
        ("layers.Dense(1, activaton='relu')", Severity.ERROR),
        ("layers.Dense(1, activation='special')", None),
        ("layers.Dense(1, kernel_layout=1)", None),
        ("layers.CuDNNLSTM(3)", None),
    ],
)
@pytest.mark.parametrize(
    ("keras", "prefix"), [(None, ""), ("2.15.0", ""), (KERAS_3, "import os\nos.environ['TF_USE_LEGACY_KERAS'] = '1'\n")]
)
def test_what_depends_on_the_version_is_quiet_where_that_is_not_certain(
    keras: str | None, prefix: str, line: str, severity: Severity | None
) -> None:
    assert [item.severity for item in said(prefix + MODEL + line, keras)] == ([severity] if severity else [])


def test_a_newer_keras_may_have_names_that_the_table_lacks() -> None:
    later = f"{keras_names.VERSION[0]}.{keras_names.VERSION[1] + 1}.0"
    assert said(MODEL + "layers.Dense(1, activation='special')\nlayers.Dense(1, special=2)", later) == ()
    assert len(said(MODEL + "layers.Dense(1, activation='rellu')\nkeras.optimizers.Adam(lr=0.1)", later)) == 2


@pytest.mark.tf
def test_the_table_is_that_of_the_installed_keras() -> None:
    # In a process of its own: TensorFlow, once it has computed something, cannot be set up by later tests.
    ask = (
        "import json, keras\nfrom tests import keras_names as made\n"
        "names = {kind: made.identifiers(kind) for kind in made.KINDS}\n"
        "print(json.dumps([keras.__version__, names, dict(made.parameters())]))\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", ask], cwd=root, capture_output=True, text=True, check=True)
    version, names, parameters = json.loads(done.stdout.splitlines()[-1])
    if tuple(int(part) for part in version.split(".")[:2]) == keras_names.VERSION:
        for kind in generator.KINDS:
            assert getattr(keras_names, kind.upper()) == set(names[kind]), RENEW
        assert {name: list(taken) for name, taken in keras_names.PARAMETERS.items()} == parameters, RENEW
    else:  # another release: what both have in common is still to be found there
        for kind in ("losses", "metrics", "optimizers", "activations", "initializers"):
            assert len(getattr(keras_names, kind.upper()) & set(names[kind])) > 10


RENEW = "run `python -m tests.keras_names > kls/rules/keras_names.py`"
