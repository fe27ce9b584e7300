"""What a document says that means something to Keras, and where exactly it says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from kls.documents import Snapshot, notebook_snapshot
from kls.facts import Site, SiteKind, Span
from kls.find import Resolver, worth_running
from kls.find import sites as every
from tests.find.conftest import INSTALLED, said

Document = Callable[..., Snapshot]


async def sites(
    snapshot: Snapshot, resolver: Resolver | None, buffers: Mapping[str, str] | None = None
) -> tuple[Site, ...]:
    """The sites that ask for a dry run."""
    return tuple(site for site in await every(snapshot, resolver, buffers) if site.kind is not SiteKind.CALL)


PROGRAM = '''import numpy as np
import pandas as pd
import tensorflow as tf
from functools import partial
from tensorflow.keras import layers
from keras.layers import Dense as D

L = tf.keras.layers
Conv = partial(L.Conv2D, padding="same")
(x_train, y_train), (x_test, y_test) = tf.keras.datasets.mnist.load_data()
frame = pd.read_csv("data.csv")
train = tf.data.Dataset.from_tensor_slices((x_train, y_train)).shuffle(10).batch(2)
images = tf.keras.preprocessing.image_dataset_from_directory("photos")

model = tf.keras.Sequential([
    layers.Flatten(input_shape=(28, 28)),
    D(10),
])
model.add(L.Dropout(0.5))
model.compile("adam", "mse")
history = model.fit(x_train, y_train)


def build(units):
    inputs = tf.keras.Input((3,))
    hidden = Conv(units, 3)(inputs)
    for _ in range(2):
        hidden = layers.BatchNormalization()(hidden)
    return tf.keras.Model(inputs, hidden)


other = build(3)
other.predict(x_test)


class Block(layers.Layer):
    def __init__(self):
        super().__init__()
        self.inner = D(3)
        self.more = [D(4) for _ in range(2)]

    def call(self, x):
        for layer in self.more:
            x = layer(x)
        return self.inner(x)


class Net(tf.keras.Model):
    def build(self, shape):
        self.block = Block()

    def call(self, x):
        return self.block(x)

    def train_more(self, data):
        self.fit(data)


net = Net()
out = net(x_test)
net.evaluate(train)


def score(model, x):
    """Text that says model.fit(x) is no call."""
    return model.predict(x)
'''


async def test_a_program_of_every_style(document: Document) -> None:
    program = document(PROGRAM)
    found = await sites(program, None)
    assert said(program, found, SiteKind.MODEL) == [
        ("keras.Sequential", "tf.keras.Sequential"),
        ("keras.Sequential.add", "model.add"),
        ("keras.Model", "tf.keras.Model"),
        ("keras.Model", "tf.keras.Model"),
        ("Net", "Net"),
    ]
    assert said(program, found, SiteKind.LAYER) == [
        ("keras.layers.Flatten", "layers.Flatten"),
        ("keras.layers.Dense", "D"),
        ("keras.layers.Dropout", "L.Dropout"),
        ("keras.Input", "tf.keras.Input"),
        ("keras.layers.Conv2D", "Conv"),
        ("keras.layers.Conv2D.__call__", "Conv(units, 3)"),
        ("keras.layers.BatchNormalization", "layers.BatchNormalization"),
        ("keras.layers.BatchNormalization.__call__", "layers.BatchNormalization()"),
        ("keras.Layer", "layers.Layer"),
        ("keras.layers.Dense", "D"),
        ("keras.layers.Dense", "D"),
        ("keras.layers.Dense.__call__", "layer"),
        ("keras.layers.Dense.__call__", "self.inner"),
        ("Block", "Block"),
        ("Block.__call__", "self.block"),
        ("Net.__call__", "net"),
    ]
    assert said(program, found, SiteKind.DATASET) == [
        ("keras.datasets.mnist.load_data", "tf.keras.datasets.mnist.load_data"),
        ("pandas.read_csv", "pd.read_csv"),
        ("tensorflow.data.Dataset.from_tensor_slices", "tf.data.Dataset.from_tensor_slices"),
        ("keras.utils.image_dataset_from_directory", "tf.keras.preprocessing.image_dataset_from_directory"),
    ]
    assert said(program, found, SiteKind.SINK) == [
        ("compile", "model.compile"),
        ("fit", "model.fit"),
        ("predict", "other.predict"),
        ("fit", "self.fit"),
        ("evaluate", "net.evaluate"),
        ("predict", "model.predict"),
    ]
    assert [site.variable for site in found if site.kind is SiteKind.MODEL] == ["model", "model", None, "Net", "net"]
    assert [site.variable for site in found if site.kind is SiteKind.DATASET] == [None, "frame", "train", "images"]
    (fit,) = (site for site in found if program.slice(site.target) == "model.fit")
    assert fit.variable == "history"
    assert fit.span == Span(program.path, 21, 10, 21, 37)
    assert fit.target == Span(program.path, 21, 10, 21, 19)
    (net,) = (site for site in found if site.variable == "Net")
    assert program.slice(net.span) == "class Net(tf.keras.Model"


@pytest.mark.tf
async def test_the_file_alone_and_jedi_agree(resolver: Resolver, document: Document) -> None:
    program = document(PROGRAM.replace('Conv = partial(L.Conv2D, padding="same")', "Conv = L.Conv2D"))
    found = [site for site in await sites(program, resolver) if program.slice(site.target)[-1].isalnum()]
    asked = [site for site in found if site.name.startswith(("keras.", "tensorflow.")) and "__call__" not in site.name]
    asked = [site for site in asked if site.name != "keras.Sequential.add"]
    assert len(asked) == 15
    answers = await resolver.resolve(program, [(site.target.end_line, site.target.end_column - 1) for site in asked])
    assert answers == [site.name if program.slice(site.target) != "Conv" else "main.Conv" for site in asked]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("import keras\nm = keras.models.load_model('m')\nm.fit(1)", ["keras.models.load_model", "fit"]),
        ("import keras\nm = keras.applications.ResNet50()\nm(1)",
         ["keras.applications.ResNet50", "keras.applications.ResNet50.__call__"]),
        ("try:\n    import keras\nexcept ImportError:\n    from tensorflow import keras\nkeras.Sequential()",
         ["keras.Sequential"]),
        ("import keras\nif 1:\n    m = keras.Sequential()\nelse:\n    m = None\nm.fit(1)", ["keras.Sequential", "fit"]),
        ("import keras\nm = keras.Sequential() if 1 else None\nm.fit(1)", ["keras.Sequential", "fit"]),
        ("import keras\nwith x as y, z:\n    m: keras.Model = keras.Model(1, 2)\n    m.fit(1)", ["keras.Model", "fit"]),
        ("import keras\n(m := keras.Sequential()).fit(1)", ["fit", "keras.Sequential"]),
        ("import keras\na, b = keras.Sequential(), 1\na.fit(1)\nb.fit(2)", ["keras.Sequential", "fit"]),
        ("import keras\nms = {'a': keras.Sequential()}\nms['a'].fit(1)", ["keras.Sequential", "fit"]),
        ("import keras\ndef f(m: keras.Model): m.predict(1)", ["predict"]),
        ("import keras\nasync def f():\n    m = keras.Sequential()\n    await m.fit(1)", ["keras.Sequential", "fit"]),
        ("import keras\nclass A:\n    def __init__(self):\n        self.m = self.make()\n    def make(self):\n"
         "        return keras.Sequential()\n    def run(self):\n        self.m.fit(1)", ["keras.Sequential", "fit"]),
        ("import keras\nclass A(keras.Model): pass\nclass B(A): pass\nB().fit(1)", ["keras.Model", "A", "B", "fit"]),
        ("import keras\nf = lambda: keras.Sequential()\nf().fit(1)", ["keras.Sequential", "fit"]),
        ("import keras\nx = keras.layers.add([1, 2])\nx.fit(1)", ["keras.layers.add"]),
        ("import keras\nv = keras.layers.TextVectorization()\nv.adapt(1)", ["keras.layers.TextVectorization", "adapt"]),
        ("import keras\ng = keras.preprocessing.image.ImageDataGenerator()\nt = g.flow_from_directory('d')",
         ["keras.preprocessing.image.ImageDataGenerator.flow_from_directory"]),
        ("import tensorflow_datasets as tfds\nimport numpy as np\nd, i = tfds.load('mnist')\nx = np.load('x')",
         ["tensorflow_datasets.load", "numpy.load"]),
    ],
)  # fmt: skip
async def test_values_are_followed(document: Document, text: str, names: list[str]) -> None:
    assert [site.name for site in await sites(document(text), None)] == names


@pytest.mark.parametrize(
    "text",
    [
        "import keras, re\nm = keras.Sequential\nre.compile('x')",
        "import keras\nfrom sklearn.preprocessing import StandardScaler\ns = StandardScaler()\nkeras.x\ns.fit(1)",
        "import keras\ndef f(m): m.fit(1)",
        "import keras\nclass Critic:\n    def predict(self, x): return x\nCritic().predict(1)",
        "import keras\nx = 3\nx.fit(1)",
        "# tensorflow\nimport numpy as np\nclass Dense: pass\nDense()(1)",
        "import json\njson.loads('model.fit')",
        "",
    ],
)
async def test_what_is_no_site(document: Document, text: str) -> None:
    assert await sites(document(text), None) == ()


async def test_what_cannot_be_told_is_a_sink_where_the_file_has_models(document: Document) -> None:
    text = "import keras\ndef f(m): m.fit(1)\n"
    assert await sites(document(text), None) == ()
    assert [site.name for site in await sites(document(text + "keras.Sequential()"), None)] == [
        "fit",
        "keras.Sequential",
    ]
    decisive = "import keras\nfrom far import make\nm = make()\nm.compile(loss='mse')\nm.predict(1)"
    assert [site.name for site in await sites(document(decisive), None)] == ["compile", "predict"]


async def test_project_modules_tell_what_they_hold(tmp_path: Path, cache: Path, document: Document) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "__init__.py").write_text("from .blocks import *\nfrom .blocks import build as make\n")
    (tmp_path / "lib" / "blocks.py").write_text(
        "import tensorflow as tf\nfrom tensorflow.keras import layers\nD = layers.Dense\n"
        "class Block(layers.Layer): pass\ndef build():\n    return tf.keras.Sequential()\n"
    )
    program = document("import lib\nfrom lib import blocks as b, make\nm = make()\nm.fit(1)\nb.Block()(1)\nlib.D(3)\n")
    resolver = Resolver([], str(cache), [str(tmp_path)])
    found = await sites(program, resolver)
    assert [(site.kind, site.name, site.variable) for site in found] == [
        (SiteKind.IMPORT, "lib", "lib"),
        (SiteKind.IMPORT, "lib", None),
        (SiteKind.IMPORT, "lib.blocks", "b"),
        (SiteKind.SINK, "fit", None),
        (SiteKind.LAYER, "lib.blocks.Block", None),
        (SiteKind.LAYER, "lib.blocks.Block.__call__", None),
        (SiteKind.LAYER, "keras.layers.Dense", None),
    ]
    assert [program.slice(site.target) for site in found[:3]] == ["lib", "lib", "blocks"]
    assert program.slice(found[1].span) == "from lib import blocks as b, make"
    unsaved = {str(tmp_path / "lib" / "blocks.py"): "import keras\nD = keras.layers.Flatten\n"}
    assert [site.name for site in await sites(program, resolver, unsaved)][-1] == "keras.layers.Flatten"
    await resolver.stop()


async def test_relevance_comes_through_project_modules(tmp_path: Path, cache: Path, document: Document) -> None:
    (tmp_path / "plain.py").write_text("def make(): pass\n")
    (tmp_path / "models.py").write_text("import keras\ndef make(): return keras.Sequential()\n")
    resolver = Resolver([], str(cache), [str(tmp_path)])
    assert await sites(document("from plain import make\nmake().fit(1)"), resolver) == ()
    found = await sites(document("from models import make\nmake().fit(1)"), resolver)
    assert [site.name for site in found] == ["models", "fit"]
    await resolver.stop()


@pytest.mark.tf
async def test_names_of_other_packages_are_asked_of_jedi_once(tmp_path: Path, cache: Path, document: Document) -> None:
    other = tmp_path / "environment" / "mylib"
    (other / "layers").mkdir(parents=True)
    (other / "__init__.py").write_text("from keras import layers as parts\n")
    (other / "layers" / "__init__.py").write_text("from tensorflow.keras.layers import Dense as Wide\n")
    resolver = Resolver(
        [str(other.parent), *INSTALLED], str(cache), [str(tmp_path / "work")], budget=60.0, first_budget=60.0
    )
    resolver.patience = 60.0
    try:
        text = "import keras\nfrom mylib.layers import Wide\nfrom mylib import *\nimport mylib\n"
        program = document(
            text + "Wide(3)(1)\nparts.Flatten()\nmylib.parts.Conv2D(1, 2)\nmylib.Unknown()\n", "work/a.py"
        )
        assert [site.name for site in await sites(program, resolver)] == [
            "keras.layers.Dense",
            "keras.layers.Dense.__call__",
            "keras.layers.Conv2D",
        ]
        assert resolver.settled["mylib.layers.Wide"] == "keras.layers.Dense"
        assert resolver.settled["mylib.Unknown"] is None
        await resolver.stop()
        again = await sites(program, resolver)
        assert len(again) == 3
    finally:
        await resolver.stop()


@pytest.mark.tf
async def test_star_imports_of_keras(resolver: Resolver, document: Document) -> None:
    program = document(
        "from tensorflow.keras.layers import *\nfrom keras.models import *\nm = Sequential([Dense(1)])\n"
    )
    assert [site.name for site in await sites(program, resolver)] == ["keras.Sequential", "keras.layers.Dense"]


async def test_positions_in_difficult_text(document: Document) -> None:
    text = "import keras\r\n\x0c\r\nname = '😀\u2028é'; m = keras.Sequential(  # 😀\r\n  [keras.layers.Dense(1)])"
    program = document(text + "\rm.fit(1)\n")
    first, layer, fit = await sites(program, None)
    assert program.slice(first.target) == "keras.Sequential"
    assert (first.span.line, first.span.column, first.span.end_line) == (3, 18, 4)
    assert program.slice(layer.span) == "keras.layers.Dense(1)"
    assert (fit.span.line, fit.span.column) == (5, 0)


@pytest.mark.parametrize(
    "broken",
    [
        "m = keras.Sequential()\nm = keras.Sequential([keras.layers.Dense(1), keras.layers.Dense(",
        "%matplotlib inline\n!pip install x\nm = keras.Sequential()\nkeras.layers?",
        "def f(:\n  pass\nm = keras.Sequential()",
        "   bad = 1\n m = keras.Sequential()\nprint 'x'",
        "m = keras.Sequential()\nif m.\n",
        "class A(keras.Model\n    def f(self): keras.Sequential()",
        "for x in keras.Sequential():\n lambda x: (yield\n[x for y in",
        "with keras.Sequential() as\nfrom . import (\nimport\nx: = keras.Sequential()\nx = = 1\n@\ndef",
    ],
)
async def test_syntax_errors_hide_only_themselves(document: Document, broken: str) -> None:
    assert "keras.Sequential" in [site.name for site in await sites(document("import keras\n" + broken), None)]


@pytest.mark.parametrize("quotes", ['"""', "'''", 'f"""', "rb'''"])
async def test_an_unfinished_triple_quote_silences_the_file(document: Document, quotes: str) -> None:
    text = f"import keras\nm = keras.Sequential()\nx = {quotes}\nm.fit(1)\n"
    assert await sites(document(text), None) == ()
    assert len(await sites(document(text + quotes[-3:]), None)) == 1


class Whole(Snapshot):
    """A document that is read as one piece, as a broken one is."""

    tree = None  # type: ignore[assignment]


async def test_reading_statement_by_statement_changes_nothing(document: Document) -> None:
    text = PROGRAM + "@decorated\n\n# between\nclass C(tf.keras.Model): pass\n" + "model.fit(1); model.fit(\n2)\n" * 3
    program = document(text)
    whole = Whole(program.uri, program.path, program.version, program.text)
    found = await sites(program, None)
    assert found == await sites(whole, None)
    assert [site.span.line for site in found[-6:]] == [71, 71, 73, 73, 75, 75]


async def test_an_edit_moves_what_stands_below_it(cache: Path, document: Document) -> None:
    resolver = Resolver([], str(cache))
    await sites(document(PROGRAM), resolver)
    edited = document(
        PROGRAM.replace("frame = ", "\n\nmodel = 1\nframe = ").replace("L.Dropout(0.5)", "L.Dropout(0.25)")
    )
    assert await sites(edited, resolver) == await sites(edited, None)
    await resolver.stop()


async def test_a_program_that_is_being_typed_never_fails(document: Document) -> None:
    for end in range(0, len(PROGRAM), 23):
        await sites(document(PROGRAM[:end]), None)
        await sites(document(PROGRAM[:end] + PROGRAM[end + 17 :]), None)


async def test_deep_nesting_is_survived(document: Document) -> None:
    deep = "(" * 400 + "1" + ")" * 400
    text = f"import keras\nx = {deep}\ny = {'-' * 3000}1\nz = {'a.' * 3000}b\nm = keras.Sequential()\n"
    names = [site.name for site in await sites(document(text), None)]
    assert names in ([], ["keras.Sequential"])
    endless = "import keras\ndef f(): return g()\ndef g(): return f()\nf().fit(1)\nclass A(A): pass\nA().x.fit(2)\n"
    assert await sites(document(endless), None) == ()


async def test_cells_of_a_notebook_are_one_program() -> None:
    cells = [("c1", 0, "import keras\n%time x = 1"), ("c2", 0, "m = keras.Sequential()"), ("c3", 0, "m.fit(1)")]
    notebook = notebook_snapshot("file:///n.ipynb", 1, cells, "/n.ipynb")
    found = await sites(notebook, None)
    assert [(site.name, site.span.line) for site in found] == [("keras.Sequential", 3), ("fit", 4)]


async def test_twenty_thousand_lines(document: Document) -> None:
    body = "".join(
        f"def build{number}(x):\n    y = layers.Dense({number})(x)\n    z = [a * 2 for a in range(9)]\n    return y\n"
        for number in range(5000)
    )
    program = document("from keras import layers\n" + body)
    assert len(program.lines) > 20_000
    assert len(await sites(program, None)) == 10_000


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("from tensorflow.keras.optimizers import Adam as A\nA(1)", ["keras.optimizers.Adam"]),
        ("import keras\nmodel = keras.Sequential()\nmodel.predict_classes(1)", ["keras.Model.predict_classes"]),
        ("import keras\nclass M(keras.Model): pass\nM().evaluate(1)", ["keras.Model.evaluate"]),
        ("import keras\nclass M(keras.Model):\n  def fit(self): pass\nM().fit(1)", []),
        ("import keras, other\nclass M(other.Mixin, keras.Model): pass\nM().evaluate(1)", []),
        ("import keras\nfrom other import Adam, model\nAdam(1)\nmodel.compile(loss=1)", []),
        ("import keras, numpy as np\nkeras.Sequential()\nnp.array([1])", ["numpy.array"]),
        ("import numpy as np  # no keras\nnp.array([1])", []),
        ("import tensorflow as tf\ntf.matmul(1, 2)\ntf.config.list_physical_devices()", ["tensorflow.matmul"]),
    ],
)
async def test_other_calls_of_keras(document: Document, text: str, names: list[str]) -> None:
    found = await every(document(text), None)
    assert [site.name for site in found if site.kind is SiteKind.CALL] == names


@pytest.mark.parametrize(
    ("text", "worth"),
    [
        ("import tensorflow as tf\nprint(tf.__version__, tf.config.list_physical_devices())", False),
        ("import keras\nkeras.utils.set_random_seed(1)", False),
        ("import tensorflow as tf\ntf.random.set_seed(1)", False),
        ("import tensorflow as tf\ntf.concat([tf.zeros((2, 3)), tf.zeros((3, 2))], 1)", True),
        ("import keras\nkeras.losses.MeanSquaredError()([1], [2])", True),
        ("from keras import ops\nops.zeros(3)", True),
    ],
)
async def test_programs_that_compute_with_tensors_are_worth_a_dry_run(
    document: Document, text: str, worth: bool
) -> None:
    assert worth_running(await every(document(text), None)) is worth
