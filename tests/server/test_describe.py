"""Words for what a report says: hovers, hints, tables."""

from __future__ import annotations

from dataclasses import replace

from kls import describe, estimate
from kls.documents import Snapshot, file_snapshot
from kls.facts import Span
from kls.worker.protocol import Amount, Call, Gap, Node, Tensor, Variable

from .reports import REPORT, TEXT, snapshot


def _hover(line: int, text: str, offset: int = 0) -> describe.Text | None:
    return describe.hover(snapshot(), REPORT, line, TEXT.splitlines()[line - 1].index(text) + offset)


def test_an_array_says_where_it_is_from() -> None:
    for text in (_hover(2, "x", 1), _hover(9, "x,")):
        assert text is not None
        assert (
            text.plain
            == "array x\nshape  (60000, 28, 28) uint8\nfrom   keras.datasets.mnist.load_data()\nvalues 0 to 255"
        )
        assert "`(60000, 28, 28) uint8`" in text.markdown


def test_what_is_not_known_says_why() -> None:
    text = _hover(9, "y)")
    assert text is not None and text.plain == "value y\nshape not known: arrays have no `wonder`"
    assert "\\`wonder\\`" in text.markdown


def test_what_is_not_known_says_from_which_line() -> None:
    text = "import data\nframe = load()\nx = frame.values\nmodel.fit(x, x)\n"
    first = Span("/p/a.py", 2, 0, 2, 14)
    x, call = Span("/p/a.py", 3, 0, 3, 1), Span("/p/a.py", 4, 0, 4, 15)
    report = replace(
        REPORT,
        gaps=(Gap(first, "file", "no file"),),
        models=(),
        variables=(Variable("x", x, Span("/p/a.py", 3, 0, 3, 16), "unknown", (), None, "no file"),),
        calls=(Call(call, "fit", "unknown", "no file", None, (), (), None, ()),),
    )

    def told(snapshot: Snapshot, line: int, column: int) -> str | None:
        found = describe.hover(snapshot, report, line, column)
        return None if found is None else found.plain

    script = file_snapshot("file:///p/a.py", 1, text, "/p/a.py")
    assert told(script, 2, 1) == "value frame\nshape not known: no file"
    assert told(script, 3, 5) == "value frame\nshape not known: no file (line 2)"
    assert told(script, 4, 10) == "value x\nshape not known: no file (line 2)"
    assert told(script, 4, 7) == "fit\nnot tried: no file (line 2)"
    report = replace(report, gaps=(replace(report.gaps[0], span=replace(first, path="/p/data.py")),))
    assert told(script, 4, 10) == "value x\nshape not known: no file (data.py, line 2)"


def test_a_layer_shows_input_and_output() -> None:
    text = _hover(4, "Conv2D")
    assert text is not None
    assert text.plain.splitlines() == [
        "Conv2D a|`b",
        "input       (None, 28, 28, 1) float32",
        "output      (None, 26, 26, 8) float32",
        "parameters  1,234",
    ]
    # The layer is the head of the table: a viewer shows a head of its own as an empty line.
    assert text.markdown.splitlines() == [
        "| Conv2D     | `a\N{BROKEN BAR}'b`                      |",
        "|:-----------|:----------------------------|",
        "| input      | `(None, 28, 28, 1) float32` |",
        "| output     | `(None, 26, 26, 8) float32` |",
        "| parameters | `1,234`                     |",
    ]


def test_a_layer_in_a_loop_shows_every_call() -> None:
    text = _hover(6, "Conv2D")
    assert text is not None
    assert text.plain.count("output") == 2 and "made 2 times here" in text.plain


def test_the_name_wins_over_the_layer_around_it() -> None:
    text = _hover(4, "inputs")
    assert text is not None and text.plain.startswith("Conv2D")  # `inputs` itself has no record in this report
    (there, here) = (_hover(9, "model"), _hover(7, "model"))
    assert there is not None and here is not None and there.plain == here.plain and there.span.line == 9
    text = _hover(7, "model")
    assert text is not None and text.plain.startswith("functional model functional\ninput   (None, 28, 28, 1) float32")


def test_a_training_call_says_whether_it_was_tried() -> None:
    text = _hover(9, "fit", 1)
    assert text is not None and text.plain == "fit\nloss mse\nnot tried: y is not known"


def test_nothing_is_said_of_nothing() -> None:
    assert _hover(1, "import") is None
    assert _hover(5, "range") is None
    assert describe.hover(snapshot(), REPORT, 400, 2) is None


def test_hints_stand_behind_layers_and_data() -> None:
    hints = describe.hints(snapshot(), REPORT)
    lines = TEXT.splitlines()
    assert [(hint.line, hint.label) for hint in hints] == [
        (2, ": (60000, 28, 28) uint8"),
        (4, " -> (None, 26, 26, 8) float32"),
        (6, " -> (None, 24, 24, 8) float32 \N{HORIZONTAL ELLIPSIS} (None, 22, 22, 8) float32"),
    ]
    assert [hint.column for hint in hints] == [1, len(lines[3]), len(lines[5])]
    assert describe.hints(snapshot(), REPORT, data=False, dtypes=False)[0].label == " -> (None, 26, 26, 8)"
    assert describe.hints(snapshot(), REPORT, data=False, layers=False) == ()


def test_what_was_being_made_when_the_run_broke_off_has_no_hint() -> None:
    broken = replace(REPORT, complete=False, ended="the time is over")
    assert [hint.line for hint in describe.hints(snapshot(), broken)] == [2, 4]


def test_equal_calls_are_counted() -> None:
    again = replace(REPORT, layers=(REPORT.layers[0], REPORT.layers[0]))
    assert describe.hints(snapshot(), again, data=False)[0].label.endswith("float32 \N{MULTIPLICATION SIGN}2")


def test_places_in_other_files_have_no_hints() -> None:
    assert describe.hints(replace(snapshot(), path="/p/other.py"), REPORT) == ()


def test_a_table_has_a_row_for_each_layer() -> None:
    (table,) = describe.tables(snapshot(), REPORT)
    assert [(row.line, row.cls, row.name) for row in table.rows] == [
        (4, "Conv2D", "a|`b"), (6, "Conv2D", "conv_1"), (6, "Conv2D", "conv_2"),
    ]  # fmt: skip


def test_layers_that_keras_made_itself_are_rows_by_the_graph() -> None:
    picture, features = Tensor((None, 8, 8, 3), "float32"), Tensor((None, 192), "float16")
    graph = (
        Node(71, "InputLayer", "image", (picture,), (), 0, Span("/p/t.py", 7, 0, 7, 3)),
        Node(72, "Flatten", "flat", (features,), ((0, 0), (9, 0), ()), 5, None),
    )
    model = replace(REPORT.models[0], layers=(71, 72, 73), graph=graph)
    (table,) = describe.tables(snapshot(), replace(REPORT, models=(model,)))
    assert [(row.name, row.inputs, row.outputs, row.dtype, row.parameters) for row in table.rows] == [
        ("image", (), (picture,), "float32", 0), ("flat", (picture,), (features,), "float16", 5),
    ]  # fmt: skip


def test_shapes_read_as_keras_prints_them() -> None:
    assert describe.shape_text((None,)) == "(None,)"
    assert describe.shape_text(()) == "()"
    assert describe.tensors_text((Tensor(None, None),)) == "shape unknown"
    pair = (Tensor((None, 2), "float32", "image"), Tensor((None,), "int64", "1"))
    assert describe.tensors_text(pair) == "[image: (None, 2) float32, (None,) int64]"


def test_the_memory_of_training_is_estimated_at_the_batch_of_the_run() -> None:
    model = replace(REPORT.models[0], trained=(Amount("float32", 4 << 20),), state=(Amount("float32", 8 << 20),))
    call = replace(
        REPORT.calls[0],
        kept=(Amount("float16", 74 << 20),),
        kept_batch=37,
        largest=37 << 20,
        real_batch=64,
        operations=400,
    )
    report = replace(REPORT, models=(model,), calls=(call,))
    guess = estimate.of_model(report, model)
    assert guess is not None
    assert (guess.batch, guess.activations, guess.total) == (
        64,
        {"float16": 128 << 20},
        (16 + 128 + 2 * 64 + 25) * 2**20 + 400 * 150 * 2**10,
    )
    told = (
        "estimated memory to train at batch 64: 356 MiB "
        "(weights 4.0 MiB, gradients 4.0 MiB, optimizer state 8.0 MiB, activations 128 MiB float16, "
        "TensorFlow itself 84 MiB)"
    )
    assert estimate.sentence(report, model) == told
    text = describe.hover(snapshot(), report, 9, 0)
    assert text is not None and text.plain.endswith(told)
    assert describe.lenses(snapshot(), report)[0].title.endswith(" · ≈ 356 MiB to train at batch 64")
    assert told in describe.summary(snapshot(), report)


def test_without_training_the_weights_alone_are_told() -> None:
    model = replace(REPORT.models[0], trained=(Amount("float32", 4 << 20),))
    assert estimate.sentence(REPORT, model) == "estimated memory: weights 4.0 MiB"
    assert estimate.short(REPORT, model) is None
    assert estimate.of_model(REPORT, REPORT.models[0]) is None
