"""Pictures of models: boxes, arrows, folded parts, and their text for other tools, which no name breaks out of."""

from __future__ import annotations

from dataclasses import replace

from kls import graph
from kls.graph import Arrow, Box, Graph
from kls.worker.protocol import Argument, Failure, Node, Tensor

from .reports import FINDING, FIRST, REPORT, SECOND, snapshot, span


def _node(key: int, name: str, sources: tuple[tuple[int, int], ...], size: int | None, cls: str = "Conv2D") -> Node:
    outputs = (Tensor((None, size, size, 8), "float32"),) if size else ()
    created = span(4, FIRST) if key == 1 else span(6, SECOND)
    return Node(key, cls, name, outputs, sources, 1234 if size else None, created)


NODES = (_node(1, 'a|`b"<i>', (), 26), _node(2, "conv_1", ((0, 0),), 24), _node(3, "conv_2", ((1, 0), (0, 0)), None))
FAILURE = Failure("ValueError", "first line\nsecond", "build", (span(6, SECOND),), layer=3, graph=NODES)


def _pictures(broken: bool) -> tuple[Graph, ...]:
    models = (replace(REPORT.models[0], graph=NODES[:2]),)
    report = replace(REPORT, models=models) if not broken else replace(REPORT, models=(), failures=(FAILURE,))
    return graph.graphs(snapshot(), report, (FINDING,))


def test_a_model_is_boxes_and_arrows_with_shapes() -> None:
    (picture,) = _pictures(broken=False)
    assert picture.title == "model" and "5,678 parameters" in picture.detail
    assert [box.name for box in picture.boxes] == ['a|`b"<i>', "conv_1"]
    assert picture.arrows == (Arrow(0, 1, "(None, 26, 26, 8)"),)


def test_what_broke_off_has_a_faulty_arrow_with_its_reason() -> None:
    (picture,) = _pictures(broken=True)
    assert not picture.finished
    into = [arrow for arrow in picture.arrows if arrow.target == 2]
    assert [arrow.fault for arrow in into] == ["", "first line"]
    assert [arrow.fault for arrow in picture.arrows if arrow.target != 2] == [None]


def test_a_dataset_has_both_sides_and_each_part_goes_to_the_input_of_its_name() -> None:
    words, image = Tensor((None, 5), "int32"), Tensor((None, 8, 8, 3), "float32")
    made = Tensor((None, 2), "float32")
    inputs = (
        Node(1, "InputLayer", "words", (words,), (), 0, None),
        Node(2, "InputLayer", "image", (image,), (), 0, None),
    )
    nodes = (*inputs, Node(3, "Concatenate", "both", (made,), ((0, 0), (1, 0)), 0, None))
    parts = (
        Tensor((16, 9, 9, 3), "float32", "0.image"),
        Tensor((16, 5), "int32", "0.words"),
        Tensor((16, 1), "int32", "1"),
    )
    call = replace(
        REPORT.calls[0],
        model=9,
        loss="mse",
        status="failed",
        arguments=(Argument("x", None, "data", "dataset", parts),),
    )
    failure = replace(FAILURE, call=0, stage="forward", layer=None, message="no room", graph=())
    model = replace(REPORT.models[0], graph=nodes, input_layers=(1, 2), output_layers=(3,))
    report = replace(REPORT, models=(model,), calls=(call,), failures=(failure,))
    (picture,) = graph.graphs(snapshot(), report)
    assert [box.detail for box in picture.boxes if box.kind == "data"] == [
        "image of the dataset",
        "words of the dataset",
        "y of the dataset",
    ]
    names = [box.name or box.detail or box.title for box in picture.boxes]
    ways = {(names[arrow.source], names[arrow.target]): arrow.fault for arrow in picture.arrows}
    assert ways["image of the dataset", "image"] == "no room"
    assert ways["words of the dataset", "words"] is None
    assert ways["y of the dataset", "mse"] is None


def test_no_name_breaks_out_of_a_text() -> None:
    (picture,) = _pictures(broken=True)
    mermaid, dot = graph.mermaid(picture), graph.dot(picture)
    assert '"<i>' not in mermaid and "#34;#60;i#62;" in mermaid
    assert mermaid.count("==>") == 2 and "linkStyle 1,2" not in mermaid and mermaid.count("linkStyle") == 2
    assert 'a|`b\\"<i>' in dot
    for line in mermaid.splitlines()[1:4]:
        assert line.count('"') == 2, line


def _long(blocks: int) -> Graph:
    """A stem, then blocks of three layers beside a shortcut, each joined by an `Add`."""
    boxes = [Box("input", "Input", "in", "", 0, None)]
    arrows: list[Arrow] = []
    for block in range(blocks):
        entry = len(boxes) - 1
        for name in ("conv", "norm", "act"):
            arrows.append(Arrow(len(boxes) - 1, len(boxes), ""))
            boxes.append(Box("layer", name, f"block{block}_{name}", "", 10, None))
        arrows += [Arrow(len(boxes) - 1, len(boxes), "(None, 8)"), Arrow(entry, len(boxes), "")]
        boxes.append(Box("layer", "Add", f"block{block}_add", "", 0, None))
    made = Graph("long", "", None, tuple(boxes), tuple(arrows))
    return replace(made, parts=graph.parts(made))


def test_a_long_model_is_folded_by_its_blocks() -> None:
    picture = _long(60)
    assert [part.title for part in picture.parts[:2]] == ["block0", "block1"]
    assert len(picture.parts) == 60
    boxes, arrows = graph.folded(picture)
    assert len(boxes) == 61 and len(arrows) == 60
    assert boxes[1].parameters == 30 and boxes[1].detail == "4 layers"
    assert all(arrow.target == arrow.source + 1 for arrow in arrows)


def test_a_short_model_and_a_faulty_block_are_not_folded() -> None:
    assert _long(5).parts == ()
    picture = _long(60)
    faulty = replace(picture, arrows=(*picture.arrows[:-1], replace(picture.arrows[-1], fault="no")))
    assert len(graph.parts(faulty)) == 59
