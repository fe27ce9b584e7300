"""What a report says about a place in the source, in words: hovers, inlay hints, model tables. Pure functions.

Names and messages inside a report are an author's text, so everything that becomes Markdown is escaped here.
"""

from __future__ import annotations

import ast
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from kls import estimate
from kls.documents import Snapshot, from_units
from kls.facts import Span
from kls.worker.protocol import Call, Layer, Model, Node, Report, Shape, Tensor, Variable

_T = TypeVar("_T")
_DATA = ("array", "dataset", "frame", "tensor")
_ADDRESS = re.compile(r"(\w)(://)|(www)(\.)", re.IGNORECASE)
_ROWS = 8
"""Most lines that one hover shows of calls or components."""


@dataclass(frozen=True)
class Text:
    """The same words twice: for clients that render Markdown and for those that do not. `span` is what it is about."""

    markdown: str
    plain: str
    span: Span


@dataclass(frozen=True)
class Hint:
    """A hint to show behind the character before (line, column). `tooltip` is plain text."""

    line: int
    column: int
    label: str
    tooltip: str
    kind: str
    """Either "layer" or "data"."""


@dataclass(frozen=True)
class Lens:
    """A line to show above the model that is made, or the training call that stands, at (line, column).

    `step` is what the lens of a training call offers: "probe", "again" (it was run before) or "running"; None for the
    lens of a model.
    """

    line: int
    column: int
    title: str
    step: str | None = None


@dataclass(frozen=True)
class Row:
    """One layer of a model as a table shows it; `line` is None for a layer that the author's file does not make."""

    line: int | None
    column: int | None
    cls: str
    name: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    dtype: str | None
    parameters: int | None


@dataclass(frozen=True)
class Table:
    """One model and its direct layers in order; `memory` is what training it is estimated to take, in one line."""

    model: Model
    rows: tuple[Row, ...]
    memory: str | None = None


def shape_text(shape: Shape) -> str:
    """`(None, 28, 28)` as Keras prints it; "shape unknown" where not even the rank is known."""
    return "shape unknown" if shape is None else str(tuple(shape))


def tensor_text(tensor: Tensor, dtypes: bool = True) -> str:
    """`(None, 10) float32`, or the shape alone; a size that only a real run knows goes by its name in the program."""
    shape = shape_text(tensor.shape)
    if tensor.shape and any(tensor.names):
        sizes = [name or str(size) for size, name in zip(tensor.shape, tensor.names, strict=False)]
        shape = f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"
    return shape + (f" {tensor.dtype}" if dtypes and tensor.dtype else "")


def tensors_text(tensors: Sequence[Tensor], dtypes: bool = True) -> str:
    """One tensor plainly, several in brackets, each with its place in the structure where it has a name."""
    if len(tensors) == 1:
        return tensor_text(tensors[0], dtypes)
    parts = [
        (f"{tensor.path}: " if tensor.path and not tensor.path.isdigit() else "") + tensor_text(tensor, dtypes)
        for tensor in tensors[:_ROWS]
    ]
    return f"[{', '.join(parts)}{', …' if len(tensors) > _ROWS else ''}]"


def hover(
    snapshot: Snapshot,
    report: Report,
    line: int,
    column: int,
    measured: Callable[[Call], str | None] = lambda call: None,
) -> Text | None:
    """What is at the position: a variable, a model, a training call or a layer, in this order; None for nothing.

    `measured` says in a sentence what a real step of a call took.
    """
    if (named := _name_at(snapshot, line, column)) is not None:
        name, span = named
        variable = variable_at(report, snapshot.name, name, line)
        model = _model_at(report, snapshot, name, line)
        if model is not None and (variable is None or variable.kind == "unknown"):
            return _model_text(model, span, estimate.sentence(report, model))
        lost = _lost(snapshot, report, name, line)
        if lost is not None and (variable is None or not lost.span.line <= variable.span.line <= line):
            variable = lost
        if variable is not None:
            return _variable_text(variable, span, _origin_of(variable.reason, span, snapshot, report))
    layers = _innermost(snapshot, report.layers, line, column)
    call = next((call for call in report.calls if _on_method(call, snapshot, line, column)), None)
    if call is not None and (layers is None or _size(call.span) < _size(layers[0])):
        return _call_text(call, measured(call), _origin_of(call.reason, call.span, snapshot, report))
    return _layer_text(layers[1], layers[0]) if layers else None


def hints(
    snapshot: Snapshot, report: Report, *, layers: bool = True, dtypes: bool = True, data: bool = True
) -> tuple[Hint, ...]:
    """Hints for the whole document, in order: ` -> (None, 26, 26, 32) float32` behind each layer call, and
    `: (60000, 28, 28) uint8` behind each name that is bound to data."""
    found: list[Hint] = []
    if layers:
        by_place: dict[Span, list[Layer]] = {}
        for layer in report.layers:
            span = _place(layer)
            if span is not None and _here(span, snapshot) and layer.outputs:
                by_place.setdefault(span, []).append(layer)
        if not report.complete and report.layers and (last := _place(report.layers[-1])) is not None:
            # What was being made when the run broke off: its last layer is not what comes out of it.
            by_place.pop(last, None)
        for span, group in by_place.items():
            label, tooltip = " -> " + _outputs(group, dtypes), _layer_text(group, span).plain
            found.append(Hint(span.end_line, span.end_column, label, tooltip, "layer"))
    if data:
        by_name: dict[tuple[int, int], Variable] = {}
        for variable in report.variables:
            if variable.kind in _DATA and variable.tensors and _here(variable.span, snapshot):
                by_name[variable.span.end_line, variable.span.end_column] = variable
        for (line, column), variable in by_name.items():
            label = f": {tensors_text(variable.tensors, dtypes)}"
            found.append(Hint(line, column, label, _variable_text(variable, variable.span).plain, "data"))
    return tuple(sorted(found, key=lambda hint: (hint.line, hint.column)))


def tables(snapshot: Snapshot, report: Report) -> tuple[Table, ...]:
    """Each model that this document makes, with its layers."""
    layers: dict[int, Layer] = {}
    for layer in report.layers:
        if layer.key not in layers or (not layers[layer.key].outputs and layer.outputs):
            layers[layer.key] = layer
    return tuple(
        Table(model, tuple(_rows(model, layers, snapshot)), estimate.sentence(report, model))
        for model in report.models
        if _here(model.created, snapshot)
    )


def _rows(model: Model, layers: Mapping[int, Layer], snapshot: Snapshot) -> Iterator[Row]:
    """The layers of a model in order. Those that Keras made itself (a clone's, an application's) are in no record, but
    in its graph; their last call counts."""
    nodes = {node.key: node for node in model.graph}
    for key in model.layers:
        if key in layers:
            yield _row(layers[key], snapshot)
        elif key in nodes:
            yield _row_of_node(nodes[key], model.graph, snapshot)


def lenses(snapshot: Snapshot, report: Report) -> tuple[Lens, ...]:
    """A line for each model that this document makes: how large it is, and what goes in and comes out."""
    found: list[Lens] = []
    for model in report.models:
        span = model.created
        if span is None or not _here(span, snapshot):
            continue
        given, made = ends(model)
        flow = [f"{tensors_text(given, False)} → {tensors_text(made, False)}"] if given and made else ["not built yet"]
        counted = [] if model.parameters is None else [_about(model.parameters)]
        memory = estimate.short(report, model)
        found.append(Lens(span.line, span.column, " · ".join(counted + flow + ([memory] if memory else []))))
    return tuple(found)


def ends(model: Model) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """What goes into a model and what comes out, by its graph: that is free of the batch that built a Sequential."""
    given, made = (_outputs_at(model, keys) for keys in (model.input_layers, model.output_layers))
    return given or model.inputs, made or model.outputs


def places_of(model: Model, keys: Iterable[int]) -> list[int]:
    """Where in the graph the layers with these keys are, the last call of each."""
    places = {node.key: place for place, node in enumerate(model.graph)}
    return [places[key] for key in keys if key in places]


def head(table: Table) -> str:
    """One line on a model: its name, class, input and size."""
    model = table.model
    given, _ = ends(model)
    inputs = f", input {tensors_text(given)}" if given else ""
    return f"{model.variable or model.name} ({model.cls}{inputs}, {count_text(model.parameters)})"


HEAD = ("layer", "name", "output", "dtype", "parameters", "line")


def cells(row: Row, line: str) -> tuple[str, ...]:
    """The texts of one row under `HEAD`; `line` is how to name its line."""
    output = tensors_text(row.outputs, dtypes=False) if row.outputs else "not known"
    parameters = "?" if row.parameters is None else f"{row.parameters:,}"
    return row.cls, row.name, output, row.dtype or "", parameters, line


def aligned(rows: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Rows with the columns of `HEAD` as lines of one table, numbers to the right."""
    widths = [max(width(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = ("  " + "  ".join(_padded(cell, widths[index], index) for index, cell in enumerate(row)) for row in rows)
    return tuple(line.rstrip() for line in lines)


def width(text: str) -> int:
    """Columns that `text` takes where letters have one width."""
    return sum(
        0
        if unicodedata.combining(char) or char in "\u200d\ufe0f"
        else 2
        if unicodedata.east_asian_width(char) in "WF"
        else 1
        for char in text
    )


def summary(snapshot: Snapshot, report: Report) -> str:
    """Every model of the document as a table of its layers, as plain text; "" where it makes none."""
    texts: list[str] = []
    for table in tables(snapshot, report):
        rows = [cells(row, "" if row.line is None else str(snapshot.locate(row.line)[1])) for row in table.rows]
        memory = [f"  {table.memory}"] if table.memory else []
        texts.append("\n".join([head(table), *aligned([HEAD, *rows]), *memory]) + "\n")
    return "\n".join(texts)


def variable_at(report: Report, path: str, name: str, line: int) -> Variable | None:
    """The last binding of `name` in file `path` at or above `line`, or the first one below."""
    return _latest([(v.span, v) for v in report.variables if v.name == name and v.span.path == path], line)


def count_text(number: int | None) -> str:
    """`1,234 parameters`."""
    if number is None:
        return "parameters unknown"
    return "no parameters" if number == 0 else f"{number:,} parameter{'' if number == 1 else 's'}"


def _about(number: int) -> str:
    """`1.2 M parameters`; smaller numbers exactly."""
    for size, unit in ((10**9, "G"), (10**6, "M")):
        if number >= size:
            return f"{number / size:.1f} {unit} parameters"
    return count_text(number)


def _padded(cell: str, columns: int, place: int) -> str:
    space = " " * (columns - width(cell))
    return space + cell if HEAD[place] in ("parameters", "line") else cell + space


def _outputs_at(model: Model, keys: Sequence[int]) -> tuple[Tensor, ...]:
    """The outputs of layers that give one tensor each; none where one gives several or is not in the graph."""
    found = [model.graph[place].outputs for place in places_of(model, keys)]
    whole = len(found) == len(keys) and all(len(outputs) == 1 for outputs in found)
    return tuple(outputs[0] for outputs in found) if whole else ()


def _row(layer: Layer, snapshot: Snapshot) -> Row:
    span = layer.created
    line, column = (span.line, span.column) if span is not None and _here(span, snapshot) else (None, None)
    return Row(line, column, layer.cls, layer.name, layer.inputs, layer.outputs, layer.dtype, layer.parameters)


def _row_of_node(node: Node, graph: Sequence[Node], snapshot: Snapshot) -> Row:
    span = node.created
    line, column = (span.line, span.column) if span is not None and _here(span, snapshot) else (None, None)
    outputs = {(place, number): made for place, one in enumerate(graph) for number, made in enumerate(one.outputs)}
    given = tuple(outputs[source[0], source[1]] for source in node.sources if source[:2] in outputs)
    dtype = node.outputs[0].dtype if node.outputs else None
    return Row(line, column, node.cls, node.name, given, node.outputs, dtype, node.parameters)


def _latest(items: Sequence[tuple[Span, _T]], line: int) -> _T | None:
    above = [item for span, item in items if span.line <= line]
    return above[-1] if above else next((item for _, item in items), None)


def _model_at(report: Report, snapshot: Snapshot, name: str, line: int) -> Model | None:
    made = [
        (model.created, model)
        for model in report.models
        if model.variable == name and model.created is not None and _here(model.created, snapshot)
    ]
    return _latest(made, line)


def _place(layer: Layer) -> Span | None:
    """Where the layer's output appears in the source: its call, or the expression that made it in a Sequential."""
    return layer.called or layer.created


def _here(span: Span | None, snapshot: Snapshot) -> bool:
    return span is not None and span.path == snapshot.name


def _inside(span: Span | None, snapshot: Snapshot, line: int, column: int) -> bool:
    return (
        span is not None
        and span.path == snapshot.name
        and (span.line, span.column) <= (line, column) <= (span.end_line, span.end_column)
    )


def _size(span: Span) -> tuple[int, int]:
    lines = span.end_line - span.line
    return lines, span.end_column - (0 if lines else span.column)


def _on_method(call: Call, snapshot: Snapshot, line: int, column: int) -> bool:
    """Whether the position is on the word `fit` of `model.fit(…)`."""
    if not _inside(call.span, snapshot, line, column):
        return False
    start = snapshot.line_text(line).rfind(f".{call.method}", 0, column + len(call.method))
    return start != -1 and start < column <= start + len(call.method) + 1


def _innermost(snapshot: Snapshot, layers: Iterable[Layer], line: int, column: int) -> tuple[Span, list[Layer]] | None:
    """The smallest expression at the position that made or called a layer, with every layer of that expression."""
    groups: dict[Span, list[Layer]] = {}
    for layer in layers:
        for span in {layer.created, layer.called}:
            if span is not None and _inside(span, snapshot, line, column):
                groups.setdefault(span, []).append(layer)
    return min(groups.items(), key=lambda item: _size(item[0]), default=None)


def _name_at(snapshot: Snapshot, line: int, column: int) -> tuple[str, Span] | None:
    if snapshot.tree is None:
        return None
    text = snapshot.line_text(line)
    for node in ast.walk(snapshot.tree):
        if isinstance(node, ast.Name) and node.lineno == line:
            start, end = (from_units(text, units, "utf-8") for units in (node.col_offset, node.end_col_offset or 0))
            if start <= column <= end:
                return node.id, Span(snapshot.name, line, start, line, end)
    return None


def _outputs(layers: Sequence[Layer], dtypes: bool) -> str:
    texts = list(dict.fromkeys(tensors_text(layer.outputs, dtypes) for layer in layers))
    if len(texts) == 1:
        return texts[0] + (f" \N{MULTIPLICATION SIGN}{len(layers)}" if len(layers) > 1 else "")
    return f"{texts[0]} \N{HORIZONTAL ELLIPSIS} {texts[-1]}"


def _code(text: str) -> str:
    """Inline Markdown code that no text can break out of."""
    return "`" + " ".join(text.replace("`", "'").replace("|", "\N{BROKEN BAR}").split()) + "`"


def _prose(text: str) -> str:
    """One line of Markdown that shows `text` as it is: no markup, no bare address that a viewer would link to."""
    escaped = "".join("\\" + char if char in "\\`*_<>[]|~&$@" else char for char in " ".join(text.split()))
    escaped = _ADDRESS.sub(lambda found: "\\".join(part for part in found.groups() if part), escaped)
    return "\\" + escaped if escaped[:1] in ("#", "+", "-") else escaped


def _text(title: tuple[str, str], rows: Sequence[tuple[str, str]], notes: Sequence[str], span: Span) -> Text:
    """A table of (label, value) with the title (what, name) as its head, and sentences below it."""
    what, name = title
    head, named = _prose(what) or "?", _code(name) if name else ""
    if rows:
        # Padded, for the viewers that show a table as it is written.
        lines = [(head, named), *((_prose(label), _code(value)) for label, value in rows)]
        first, second = (max(3, *(width(line[column]) for line in lines)) for column in (0, 1))
        table = [
            f"| {label}{' ' * (first - width(label))} | {value}{' ' * (second - width(value))} |"
            for label, value in lines
        ]
        markdown = ["\n".join([table[0], f"|:{'-' * (first + 1)}|:{'-' * (second + 1)}|", *table[1:]])]
    else:
        markdown = [f"**{head}**" + (f" {named}" if named else "")]
    markdown += [_prose(note) for note in notes]
    longest = max((len(label) for label, _ in rows), default=0)
    plain = [f"{what} {name}".rstrip(), *(f"{label:<{longest}}  {value}" for label, value in rows), *notes]
    return Text("\n\n".join(markdown), "\n".join(plain), span)


def _layer_text(layers: Sequence[Layer], span: Span) -> Text:
    first = layers[0]
    rows: list[tuple[str, str]] = []
    seen = list(dict.fromkeys((layer.inputs, layer.outputs) for layer in layers))
    for inputs, outputs in seen[:_ROWS]:
        if inputs:
            rows.append(("input", tensors_text(inputs)))
        if outputs:
            rows.append(("output", tensors_text(outputs)))
    names = list(dict.fromkeys(layer.name for layer in layers))
    if len(names) == 1 and first.parameters is not None:
        rows.append(("parameters", f"{first.parameters:,}"))
    notes = [f"made {len(names)} times here"] if len(names) > 1 else []
    if not any(layer.inputs or layer.outputs for layer in layers):
        notes.append("never called, so its shapes are not known")
    elif not any(layer.outputs for layer in layers):
        notes.append("no output: the call failed")
    if first.dtype and any(first.dtype != tensor.dtype for layer in layers for tensor in layer.outputs):
        notes.append(f"computes in {first.dtype}")
    if len(seen) > _ROWS:
        notes.append(f"and {len(seen) - _ROWS} more calls with other shapes")
    return _text(
        (first.cls, names[0] if len(names) == 1 else f"{names[0]} \N{HORIZONTAL ELLIPSIS} {names[-1]}"),
        rows,
        notes,
        span,
    )


def _lost(snapshot: Snapshot, report: Report, name: str, line: int) -> Variable | None:
    """What `name` is at `line` where the last assignment to it could not be carried out; None where it could."""
    gaps = {gap.span.line: gap for gap in reversed(report.gaps) if _here(gap.span, snapshot) and gap.span.line <= line}
    found: Variable | None = None
    for node in ast.walk(snapshot.tree) if snapshot.tree is not None and gaps else ():
        if not isinstance(node, (ast.Assign, ast.AnnAssign)) or node.lineno not in gaps:
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        names = {item.id for target in targets for item in ast.walk(target) if isinstance(item, ast.Name)}
        gap = gaps[node.lineno]
        if name in names and (found is None or found.span.line < gap.span.line):
            found = Variable(name, gap.span, gap.span, "unknown", (), None, gap.reason)
    return found


def _origin_of(reason: str | None, span: Span, snapshot: Snapshot, report: Report) -> str:
    """ " (line 3)": where the dry run first met the `reason` for what is not known at `span`; nothing where that is on
    the same line, or where it stands nowhere in the author's text."""
    every = [gap for gap in report.gaps if gap.reason == reason]
    # One that is met again is a statement that something unknown took part in.
    spans = [gap.span for gap in every if gap.kind != "value"] or [gap.span for gap in every]
    above = [met for met in spans if met.path == span.path and met.line <= span.line]
    if not spans or (above and above[-1].line == span.line):
        return ""
    met = above[-1] if above else spans[0]
    if not _here(met, snapshot):
        return f" ({Path(met.path).name}, line {met.line})"
    return f" ({snapshot.words(met.line)})"


def _variable_text(variable: Variable, span: Span, origin: str = "") -> Text:
    what = {"keras-tensor": "Keras tensor", "frame": "data frame"}.get(variable.kind, variable.kind)
    if variable.kind == "unknown" and variable.tensors:
        shape = shape_text(variable.tensors[0].shape)
        notes = [f"what it holds is not known: {variable.reason}{origin}"]
        return _text(("value", variable.name), [("shape", shape)], notes, span)
    if variable.kind == "unknown" or not variable.tensors:
        reason = variable.reason or "it depends on a value that exists only when the program runs"
        notes = [f"shape not known: {reason}{origin}"]
        return _text((what if variable.kind != "unknown" else "value", variable.name), (), notes, span)
    rows = [(_label(tensor, variable), tensor_text(tensor)) for tensor in variable.tensors[:_ROWS]]
    rows += [("from", variable.origin)] if variable.origin else []
    notes: list[str] = []
    facts = variable.values or {}
    if facts.get("min") is not None and facts.get("max") is not None:
        notes.append(f"values {facts['min']} to {facts['max']}")
    if variable.reason:
        notes.append(variable.reason)
    return _text((what, variable.name), rows, notes, span)


def _label(tensor: Tensor, variable: Variable) -> str:
    return tensor.path or ("element" if variable.kind == "dataset" else "shape")


def _model_text(model: Model, span: Span, memory: str | None) -> Text:
    kind = {"sequential": "Sequential model", "functional": "functional model", "subclass": "subclassed model"}
    given, made = ends(model)
    rows = [("input", tensors_text(given))] if given else []
    rows += [("output", tensors_text(made))] if made else []
    notes = [f"{len(model.layers)} layers, {count_text(model.parameters)}"]
    if not model.inputs:
        notes.append("not built yet: it learns its input shape from the first data it meets")
    if model.loss:
        notes.append(f"loss {model.loss}")
    if memory is not None:
        notes.append(memory)
    return _text((kind.get(model.kind, model.cls), model.name), rows, notes, span)


def _call_text(call: Call, measured: str | None, origin: str) -> Text:
    rows = [(argument.role, tensors_text(argument.tensors)) for argument in call.arguments if argument.tensors]
    rows += [("model output", tensors_text(call.outputs))] if call.outputs else []
    notes = {
        "traced": ["tried on these shapes: it fits"],
        "failed": ["tried on these shapes: it does not fit"],
    }.get(call.status, [f"not tried: {call.reason or 'its arguments are not known'}{origin}"])
    notes = [f"loss {call.loss}", *notes] if call.loss else notes
    return _text((call.method, ""), rows, notes if measured is None else [*notes, measured], call.span)
