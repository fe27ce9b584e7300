"""A small program and the report that a dry run of it gives, made by hand."""

from __future__ import annotations

from kls.documents import Snapshot, file_snapshot
from kls.facts import Edit, Evidence, Finding, Fix, Related, Severity, Span
from kls.worker.protocol import Call, Layer, Model, Report, Tensor, Variable

PATH = "/p/a.py"
TEXT = """\
from keras import layers, models, Input
x = load()  # 😀
inputs = Input((28, 28, 1))
h = "😀"; h = layers.Conv2D(32, 3, name="a|`b")(inputs)
for _ in range(2):
    h = layers.Conv2D(8, 3)(h)
model = models.Model(inputs, h)
y = x.wonder()
model.fit(x, y)
"""


def span(line: int, text: str, path: str = PATH, end: int | None = None) -> Span:
    """The first place of `text` on `line`."""
    start = TEXT.splitlines()[line - 1].index(text)
    return Span(path, line, start, end or line, start + len(text))


def snapshot() -> Snapshot:
    return file_snapshot(f"file://{PATH}", 3, TEXT)


IMAGE = Tensor((None, 28, 28, 1), "float32")
FIRST = 'layers.Conv2D(32, 3, name="a|`b")'
SECOND = "layers.Conv2D(8, 3)"


def layer(key: int, line: int, made: str, called: str, size: int, given: Tensor, name: str) -> Layer:
    out = Tensor((None, size, size, 8), "float32")
    return Layer(key, span(line, made), span(line, called), "Conv2D", name, (given,), (out,), "float32", 1234, {})


REPORT = Report(
    id=1,
    complete=True,
    ended=None,
    seconds=0.1,
    layers=(
        layer(1, 4, FIRST, FIRST + "(inputs)", 26, IMAGE, "a|`b"),
        layer(2, 6, SECOND, SECOND + "(h)", 24, Tensor((None, 26, 26, 8), "float32"), "conv_1"),
        layer(3, 6, SECOND, SECOND + "(h)", 22, Tensor((None, 24, 24, 8), "float32"), "conv_2"),
    ),
    models=(
        Model(9, span(7, "models.Model(inputs, h)"), "model", "Functional", "functional", "functional", (IMAGE,),
              (Tensor((None, 22, 22, 8), "float32"),), 5678, (1, 2, 3)),
    ),
    variables=(
        Variable("x", span(2, "x"), span(2, "x = load()"), "array", (Tensor((60000, 28, 28), "uint8"),),
                 "keras.datasets.mnist.load_data()", values={"min": 0, "max": 255}),
        Variable("y", span(8, "y"), span(8, "y = x.wonder()"), "unknown", (), None, reason="arrays have no `wonder`"),
    ),
    calls=(Call(span(9, "model.fit(x, y)"), "fit", "unknown", "y is not known", 9, (), (), "mse", ()),),
)  # fmt: skip

FINDING = Finding(
    "input-shape",
    Severity.ERROR,
    Evidence.RAISED,
    span(4, FIRST),
    "expected 4 axes, found 3\nmore",
    related=(
        Related(span(9, "model.fit(x, y)"), "`fit` raises here"),
        Related(Span("/p/b.py", 2, 0, 2, 3), "made here"),
    ),
    fixes=(
        Fix("Add an axis", (Edit(Span(PATH, 2, 10, 2, 10), "[..., None]"),), verified=True, safe=True),
        Fix("Reshape", (Edit(Span(PATH, 2, 10, 2, 10), ".reshape(1)"),), verified=None),
        Fix("Wrong", (Edit(Span(PATH, 2, 10, 2, 10), ".wrong()"),), verified=False),
    ),
)
