"""The picture of a model: boxes for layers and data, arrows with shapes, and the arrow that does not fit.

Boxes are in an order in which every arrow points forwards. `parts` are runs of boxes that a viewer may fold into one:
everything between two boxes through which all that flows must pass. `mermaid` and `dot` write a picture as text. Pure
functions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from kls.describe import count_text, ends, places_of, tensor_text, tensors_text
from kls.documents import Snapshot
from kls.facts import Evidence, Finding, Span
from kls.worker.protocol import Call, Failure, Model, Node, Report, Tensor

FOLD = 150
"""Boxes from which on the parts of a picture are folded at first."""
_SHORTEST = 3
"""Boxes that make a part worth folding."""
_FAULTS = (Evidence.RAISED, Evidence.WOULD_RAISE, Evidence.NOT_YET)


@dataclass(frozen=True)
class Box:
    """`kind` is "layer", "input", "data", "loss" or "model"; of a nested model `model` is the place of its own picture.

    `span` is where the author made it, None for what the author's files do not make.
    """

    kind: str
    title: str
    name: str
    detail: str
    parameters: int | None
    span: Span | None
    model: int | None = None


@dataclass(frozen=True)
class Arrow:
    """What flows from one box to another. `fault` is None where it fits; where it does not, one of the arrows that
    meet there says why in a sentence, and the others have ""."""

    source: int
    target: int
    label: str
    fault: str | None = None


@dataclass(frozen=True)
class Part:
    """The boxes from `first` to `last`, with a title that stands for them when they are folded."""

    first: int
    last: int
    title: str


@dataclass(frozen=True)
class Graph:
    """One model. `nested` when it is only a part of others, `finished` false when the program broke off before it
    was a model."""

    title: str
    detail: str
    span: Span | None
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    parts: tuple[Part, ...] = ()
    nested: bool = False
    finished: bool = True


def graphs(snapshot: Snapshot, report: Report, findings: Sequence[Finding] = ()) -> tuple[Graph, ...]:
    """The pictures of the models that the document makes or builds on, and of what broke off before it was a model."""
    inner = {node.key for model in report.models for node in model.graph}
    models = [
        model for model in report.models if model.graph and (model.key in inner or _here(model.created, snapshot))
    ]
    places = {model.key: place for place, model in enumerate(models)}
    made = [_of_model(model, report, findings, places, model.key in inner) for model in models]
    for failure in report.failures:
        if failure.graph and failure.graph[-1].key not in inner | set(places):
            unfinished = _unfinished(failure, findings, places)
            made += [unfinished] if _here(unfinished.span, snapshot) else []
    return tuple(replace(graph, parts=parts(graph)) for graph in made)


def mermaid(graph: Graph) -> str:
    """The picture as a Mermaid flowchart, as Markdown pages render it."""
    boxes, arrows = folded(graph)
    lines = ["flowchart TD"]
    for number, box in enumerate(boxes):
        words = "<br/>".join(_mermaid_text(word) for word in _words(box))
        left, right = (
            ("([", "])") if box.kind in ("data", "loss") else ("[[", "]]") if box.kind == "model" else ("[", "]")
        )
        lines.append(f'  n{number}{left}"{words}"{right}')
    for arrow in arrows:
        line = "-->" if arrow.fault is None else "==>"
        label = f'|"{_mermaid_text(_arrow_text(arrow))}"|' if _arrow_text(arrow) else ""
        lines.append(f"  n{arrow.source} {line}{label} n{arrow.target}")
    lines += [
        f"  linkStyle {number} stroke:#d1242f,color:#d1242f"
        for number, arrow in enumerate(arrows)
        if arrow.fault is not None
    ]
    return "\n".join(lines) + "\n"


def dot(graph: Graph) -> str:
    """The picture in the language of Graphviz."""
    boxes, arrows = folded(graph)
    lines = [
        f"digraph {_dot_text(graph.title)} {{",
        "  node [shape=box, fontname=Helvetica];",
        "  edge [fontname=Helvetica];",
    ]
    shapes = {"data": ", shape=ellipse", "loss": ", shape=ellipse", "model": ", peripheries=2"}
    for number, box in enumerate(boxes):
        lines.append(f"  n{number} [label={_dot_text(chr(10).join(_words(box)))}{shapes.get(box.kind, '')}];")
    for arrow in arrows:
        colour = "" if arrow.fault is None else ', color="#d1242f", fontcolor="#d1242f", penwidth=2'
        lines.append(f"  n{arrow.source} -> n{arrow.target} [label={_dot_text(_arrow_text(arrow))}{colour}];")
    return "\n".join([*lines, "}"]) + "\n"


def folded(graph: Graph) -> tuple[tuple[Box, ...], tuple[Arrow, ...]]:
    """Boxes and arrows with every part folded into one box where the picture is large; else as they are."""
    if len(graph.boxes) <= FOLD:
        return graph.boxes, graph.arrows
    starts = {part.first: part for part in graph.parts}
    boxes: list[Box] = []
    place: dict[int, int] = {}
    number = 0
    while number < len(graph.boxes):
        part = starts.get(number)
        last = part.last if part else number
        inside = graph.boxes[number : last + 1]
        boxes.append(_stand_in(part, inside) if part else inside[0])
        place.update(dict.fromkeys(range(number, last + 1), len(boxes) - 1))
        number = last + 1
    moved = (replace(arrow, source=place[arrow.source], target=place[arrow.target]) for arrow in graph.arrows)
    return tuple(boxes), tuple(dict.fromkeys(arrow for arrow in moved if arrow.source != arrow.target))


def _stand_in(part: Part, inside: Sequence[Box]) -> Box:
    known = [box.parameters for box in inside if box.parameters is not None]
    return Box("model", part.title, "", f"{len(inside)} layers", sum(known) if known else None, inside[0].span)


def _words(box: Box) -> list[str]:
    counted = [count_text(box.parameters)] if box.parameters else []
    return [word for word in (box.title, box.name, box.detail, *counted) if word]


def _arrow_text(arrow: Arrow) -> str:
    return f"{arrow.label}: {arrow.fault}" if arrow.fault and arrow.label else arrow.fault or arrow.label


def _mermaid_text(text: str) -> str:
    """Text in which nothing can end a label: everything unusual as Mermaid's own entity."""
    plain = " ".join(text.split())
    return "".join(char if char.isalnum() or char in " _-.,:()/=" else f"#{ord(char)};" for char in plain)


def _dot_text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _here(span: Span | None, snapshot: Snapshot) -> bool:
    return span is not None and span.path == snapshot.name


def _of_model(model: Model, report: Report, findings: Sequence[Finding], places: dict[int, int], nested: bool) -> Graph:
    boxes = [_box(node, places) for node in model.graph]
    arrows = _arrows(model.graph)
    failing = {failure.layer: failure for failure in report.failures if failure.layer is not None}
    for number, node in enumerate(model.graph):
        failure = failing.get(node.key)
        if failure is not None and not node.outputs:
            arrows = _broken(arrows, number, _sentence(failure, findings, report))
    call = _call_of(model, report.calls)
    if call is not None and boxes:
        boxes, arrows = _with_data(model, call, report, findings, boxes, arrows)
    title = model.variable or model.name or model.cls
    return Graph(
        title,
        ", ".join(_facts(model)),
        model.created,
        tuple(boxes),
        tuple(arrows),
        nested=nested and not model.variable,
    )


def _facts(model: Model) -> list[str]:
    given, made = ends(model)
    if not made:
        return ["not built yet"]
    return [count_text(model.parameters), f"{tensors_text(given, False)} → {tensors_text(made, False)}"]


def _unfinished(failure: Failure, findings: Sequence[Finding], places: dict[int, int]) -> Graph:
    boxes = tuple(_box(node, places) for node in failure.graph)
    arrows = _broken(_arrows(failure.graph), len(boxes) - 1, _sentence(failure, findings, None))
    span = failure.layer_called or (failure.frames[-1] if failure.frames else failure.layer_created)
    title = f"up to {failure.layer_name or failure.layer_cls}"
    return Graph(title, "not a model yet", span, boxes, tuple(arrows), finished=False)


def _box(node: Node, places: dict[int, int]) -> Box:
    kind = "model" if node.key in places else "input" if node.cls == "InputLayer" else "layer"
    title = "Input" if kind == "input" else node.cls
    return Box(kind, title, node.name, "", node.parameters, node.created, places.get(node.key))


def _arrows(nodes: Sequence[Node]) -> list[Arrow]:
    arrows: list[Arrow] = []
    for target, node in enumerate(nodes):
        for source in node.sources:
            place, slot = source[0], source[1]
            if 0 <= place < target:
                outputs = nodes[place].outputs
                arrows.append(Arrow(place, target, tensor_text(outputs[slot], False) if slot < len(outputs) else ""))
    return arrows


def _broken(arrows: Sequence[Arrow], target: int, sentence: str) -> list[Arrow]:
    """The arrows into `target` do not fit; the sentence stands at the last of them."""
    into = [number for number, arrow in enumerate(arrows) if arrow.target == target]
    return [
        replace(arrow, fault=sentence) if number in into[-1:] else replace(arrow, fault="") if number in into else arrow
        for number, arrow in enumerate(arrows)
    ]


def _call_of(model: Model, calls: Sequence[Call]) -> Call | None:
    """The training call to show: the first that does not fit, else the last that trains, else the last."""
    own = [call for call in calls if call.model == model.key and call.arguments]
    failed = [call for call in own if call.status == "failed"]
    training = [call for call in own if call.method in ("fit", "train_on_batch")]
    return next(iter(failed), None) or next(reversed(training or own), None)


def _with_data(
    model: Model, call: Call, report: Report, findings: Sequence[Finding], boxes: list[Box], arrows: list[Arrow]
) -> tuple[list[Box], list[Arrow]]:
    """The picture with what the call feeds the model, and the loss that it is held against."""
    number = report.calls.index(call)
    failure = next((item for item in report.failures if item.call == number), None)
    sentence = _sentence(failure, findings, report) if failure else None
    data, targets = _fed(call, "x"), _fed(call, "y")
    inputs = places_of(model, model.input_layers) or ([0] if boxes else [])
    inside = any(arrow.fault is not None for arrow in arrows)
    at_the_door = failure is not None and failure.stage in ("forward", "step") and not inside
    shift = len(data)
    moved = [replace(arrow, source=arrow.source + shift, target=arrow.target + shift) for arrow in arrows]
    doors = [_door(model, inputs, place, item) for place, item in enumerate(data)]
    strange = [_contradicts(item.tensor, model.graph[door].outputs) for item, door in zip(data, doors, strict=True)]
    bad = [at_the_door and (it or not any(strange)) for it in strange]
    faults = _told_once(bad, sentence)
    for place, (item, door) in enumerate(zip(data, doors, strict=True)):
        moved.append(Arrow(place, door + shift, tensor_text(item.tensor), faults[place]))
    before = [item.box for item in data]
    after: list[Box] = []
    if targets and (call.loss or model.loss):
        loss = shift + len(boxes) + len(targets)
        after = [item.box for item in targets]
        after.append(Box("loss", "loss", call.loss or model.loss or "", "", 0, model.compiled))
        outputs = places_of(model, model.output_layers) or [len(boxes) - 1]
        shapes = [tensor_text(tensor, False) for tensor in call.outputs or ends(model)[1]]
        for place, output in enumerate(outputs):
            moved.append(Arrow(output + shift, loss, shapes[place] if place < len(shapes) else ""))
        wrong = failure is not None and failure.stage in ("adapter", "loss", "metrics")
        faults = _told_once([wrong] * len(targets), sentence)
        for place, item in enumerate(targets):
            moved.append(Arrow(shift + len(boxes) + place, loss, tensor_text(item.tensor), faults[place]))
    return [*before, *boxes, *after], moved


@dataclass(frozen=True)
class _Fed:
    """One tensor that a call gives the model; `key` is its name in a dict, "" where it has none."""

    box: Box
    tensor: Tensor
    key: str


def _fed(call: Call, role: str) -> list[_Fed]:
    """What the call is given as "x" or "y". A dataset is given as x and has both: its elements are (x, y, weights)."""
    found: list[_Fed] = []
    for argument in call.arguments:
        title = argument.name or argument.role
        whole = argument.kind == "dataset" and argument.role == "x"
        pair = whole and any(tensor.path.split(".")[0] == "0" for tensor in argument.tensors)
        for tensor in argument.tensors:
            first, *rest = tensor.path.split(".")
            part = {"0": "x", "1": "y"}.get(first, "weights") if pair else argument.role
            if part != role:
                continue
            key = ".".join(rest) if pair else tensor.path
            name = title if whole or not key else f"{title}.{key}"
            detail = f"{key or part} of the dataset" if pair or (whole and key) else argument.kind
            found.append(_Fed(Box("data", name, "", detail, 0, argument.span or call.span), tensor, key))
    return found


def _door(model: Model, inputs: Sequence[int], place: int, item: _Fed) -> int:
    """The input that takes it: the one of its name, else the one in its place."""
    named = [number for number in inputs if model.graph[number].name == item.key]
    return named[0] if item.key and named else inputs[min(place, len(inputs) - 1)]


def _contradicts(given: Tensor, wanted: Sequence[Tensor]) -> bool:
    """Whether two shapes differ in what is known of them, but for the batch."""
    if not wanted or given.shape is None or wanted[0].shape is None:
        return False
    have, want = given.shape, wanted[0].shape
    if len(have) != len(want):
        return True
    pairs = zip(have[1:], want[1:], strict=True)
    return any(isinstance(one, int) and isinstance(other, int) and one != other for one, other in pairs)


def _told_once(bad: Sequence[bool], sentence: str | None) -> list[str | None]:
    """The fault of each arrow: the sentence at the first that is bad, "" at the others."""
    first = next((place for place, it in enumerate(bad) if it), -1)
    return [(sentence or "") if place == first else "" if it else None for place, it in enumerate(bad)]


def _sentence(failure: Failure, findings: Sequence[Finding], report: Report | None) -> str:
    """What the finding of a failure says in its first line; Keras's own words where there is none."""
    call = (
        report.calls[failure.call].span
        if report and failure.call is not None and failure.call < len(report.calls)
        else None
    )
    spans = [*failure.frames, *(span for span in (failure.layer_created, failure.layer_called, call) if span)]
    lines = {(span.path, span.line) for span in spans}
    faults = [finding for finding in findings if finding.evidence in _FAULTS]
    for finding in faults:
        told = {(span.path, span.line) for span in (finding.span, *(item.span for item in finding.related))}
        if told & lines:
            return _plain(finding.message)
    return _plain(failure.message)


def _plain(message: str) -> str:
    return message.split("\n", 1)[0].replace("`", "")


def parts(graph: Graph) -> tuple[Part, ...]:
    """The runs of boxes that may be folded: between boxes through which everything flows, and straight runs of them."""
    size = len(graph.boxes)
    if size <= FOLD:
        return ()
    reach = list(range(size))
    for arrow in graph.arrows:
        reach[arrow.source] = max(reach[arrow.source], arrow.target)
    gates: list[int] = []
    furthest = 0
    for number in range(size):
        if furthest <= number:
            gates.append(number)
        furthest = max(furthest, reach[number])
    bad = {arrow.target for arrow in graph.arrows if arrow.fault is not None}
    parts: list[Part] = []
    straight = gates[0] if gates else 0
    for before, after in zip(gates, gates[1:], strict=False):
        if after - before > 1:
            parts += _part(graph, straight, before, bad) + _part(graph, before + 1, after, bad)
            straight = after + 1
    return tuple(parts + _part(graph, straight, size - 1, bad))


def _part(graph: Graph, first: int, last: int, bad: set[int]) -> list[Part]:
    inside = graph.boxes[first : last + 1]
    plain = all(box.kind == "layer" for box in inside)
    if len(inside) < _SHORTEST or not plain or any(number in bad for number in range(first, last + 1)):
        return []
    common = re.match(r"(.*)[_/.-].*(?:\n\1[_/.-].*)*$", "\n".join(box.name for box in inside))
    name = common[1] if common else ""
    return [Part(first, last, name if any(map(str.isdigit, name)) else f"{inside[0].name} … {inside[-1].name}")]
