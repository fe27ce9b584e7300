"""Repairs that are searched for: what the text near a failure could be instead, each to be tried by running.

The generators here know how people write Keras programs, not which fault is at hand. They answer candidates, the most
likely first; the rules choose which of them to ask.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from kls import edits
from kls.facts import Edit, Fix, Span
from kls.rules import wording, written
from kls.rules.context import Context, fix
from kls.source import SourceText
from kls.worker.protocol import Failure

Place = tuple[SourceText, ast.expr]


def places(context: Context, failure: Failure) -> list[Place]:
    """The expressions that took part, the likeliest first: inside the author's functions, the layer, the statement."""
    spans: list[Span] = []
    inner = next(reversed(failure.frames), None)
    if inner is not None and (len(failure.frames) > 1 or failure.layer_cls is None):
        spans.append(inner)
    spans += [span for span in (failure.layer_created, failure.layer_called) if span is not None]
    spans += list(reversed(failure.frames))
    found: list[Place] = []
    for span in dict.fromkeys(spans):
        source = context.source(span.path)
        node = source.at(span, ast.expr) if source is not None else None
        if source is not None and node is None:
            statement = source.at(span, ast.stmt)
            parts = (getattr(statement, name, None) for name in ("value", "test", "iter"))
            node = next((part for part in parts if part), None)
            node = node if isinstance(node, ast.expr) else None
        if source is not None and node is not None:
            found.append((source, node))
            parent = source.parents.get(node)
            if isinstance(parent, ast.Call) and parent.func is node:
                found.append((source, parent))
    return list({id(node): (source, node) for source, node in found}.values())


def calls(context: Context, failure: Failure) -> list[tuple[SourceText, ast.Call]]:
    """The call expressions among `places`."""
    return [(source, node) for source, node in places(context, failure) if isinstance(node, ast.Call)]


def last_part(node: ast.expr) -> str:
    """`Dense` of `layers.Dense`, "" for anything else."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def root(node: ast.expr) -> str:
    """`tf` of `tf.math.log`, "" for anything else."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


_SPECS = ("TensorSpec", "RaggedTensorSpec", "SparseTensorSpec", "InputSpec", "TensorShape")
"""Classes of TensorFlow and Keras that describe a tensor."""


def makes_layer(node: ast.AST) -> bool:
    """Whether an expression looks like one that makes a layer: a call of a class, not of `Input` or a model."""
    if not isinstance(node, ast.Call):
        return False
    name = last_part(node.func)
    return name[:1].isupper() and name not in ("Input", "Model", "Sequential", "KerasTensor", *_SPECS)


def keras_name(source: SourceText) -> tuple[str, list[Edit]]:
    """How this file says `keras`, and the import it needs when it does not say it yet."""
    tree = source.tree
    tensorflow = ""
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name in ("keras", "tensorflow.keras") and (alias.asname or alias.name == "keras"):
                    return alias.asname or "keras", []
                if alias.name == "tensorflow":
                    tensorflow = alias.asname or "tensorflow"
        if isinstance(node, ast.ImportFrom) and node.module == "tensorflow":
            for alias in node.names:
                if alias.name == "keras":
                    return alias.asname or "keras", []
    if tensorflow:
        return f"{tensorflow}.keras", []
    statements = tree.body if tree is not None else []
    first = next((node for node in statements if isinstance(node, (ast.Import, ast.ImportFrom))), None)
    if isinstance(first, ast.ImportFrom) and first.module == "__future__":
        return "keras", [edits.insert_after(source, first, "import keras")]
    return "keras", [edits.insert_before(source, first, "import keras")] if first is not None else []


def scope(source: SourceText, node: ast.AST) -> ast.AST:
    """The function that holds `node`, else the module."""
    return source.function(node) or source.tree or node


def tensors_before(context: Context, path: str, line: int, besides: str = "") -> list[str]:
    """The names bound to Keras tensors before `line`, the last first."""
    names = [
        item.name
        for item in context.report.variables
        if item.kind == "keras-tensor" and item.span.path == path and item.statement.line < line
    ]
    return [name for name in dict.fromkeys(reversed(names)) if name != besides]


def declared_inputs(context: Context) -> list[tuple[SourceText, ast.expr, ast.Call, tuple[int | None, ...]]]:
    """Where input shapes are written: the file, the shape, the call that holds it, and what it is."""
    found: list[tuple[SourceText, ast.expr, ast.Call, tuple[int | None, ...]]] = []
    made = {
        layer.created: layer.outputs[0].shape[1:]
        for layer in context.report.layers
        if layer.cls == "InputLayer" and layer.created is not None and layer.outputs and layer.outputs[0].shape
    }
    for source in context.sources.values():
        for call in source.calls():
            value = edits.keyword(call, "input_shape")
            if value is None and last_part(call.func) in ("Input", "InputLayer"):
                value = edits.argument(call, "shape", 0)
            value = written.parameter_value(source, value) if value is not None else None
            if not isinstance(value, (ast.Tuple, ast.List)):
                continue
            numbers = [item.value if isinstance(item, ast.Constant) else None for item in value.elts]
            literal = tuple(item for item in numbers if isinstance(item, int))
            shape = made.get(source.span(call)) or (literal if len(literal) == len(numbers) else None)
            if shape is not None:
                found.append((source, value, call, shape))
    return found


# Sizes that must agree


def conflicts(failure: Failure) -> list[tuple[int, int]]:
    """Pairs of sizes that the failure sets against each other, the surest first."""
    found: list[tuple[int, int]] = []
    text = failure.message
    if "Ranks of all input tensors should match" in text:  # an axis is missing, whatever the sizes
        return []
    joined = re.search(r"along dimension \d+, the array at index \d+ has size (\d+) and .* has size (\d+)", text)
    if joined is not None:
        return [(int(joined[1]), int(joined[2])), (int(joined[2]), int(joined[1]))]
    # Which of the given sizes is set against the wanted one is told by the axis, and read below.
    loose = re.sub(r"have value \d+, but received input with shape", "", text)
    for one, other in re.findall(r"\b(?:are|values?|received|dimension|got) (\d+)[^\d\n]{1,40}?(\d+)", loose):
        found.append((int(one), int(other)))
    for one, other in re.findall(r"(\d+) (?:and|!=|vs\.?|is not in \[0,|cannot be broadcasted to) (\d+)", text):
        found.append((int(one), int(other)))
    product = wording.contracted(text)
    if product is not None:
        found.append((int(product[0]), int(product[1])))
    shapes: list[list[int]] = []
    for inner in re.findall(r"[(\[]((?:\s*(?:None|\?|\d+)\s*,?)+)[)\]]", text):
        items = [item.strip() for item in inner.split(",") if item.strip()]
        shapes.append([int(item) if item.isdigit() else -1 for item in items])
    shapes += [[size if size is not None else -1 for size in tensor.shape] for tensor in failure.inputs if tensor.shape]
    for index, one_shape in enumerate(shapes):
        for other_shape in shapes[index + 1 : index + 4]:
            if len(one_shape) == len(other_shape):
                different = [(a, b) for a, b in zip(one_shape, other_shape, strict=True) if a != b and min(a, b) > 0]
                if len(different) <= 3:
                    found += different
            elif "ncompatible shapes" in text and 1 in (len(one_shape), len(other_shape)):  # a vector beside rows
                ends = (one_shape[-1], other_shape[-1])
                found += [ends] if ends[0] != ends[1] and min(ends) > 1 else []
    for size, shape in re.findall(r"have value (\d+), but received input with shape \(([^)]*)\)", text):
        last = shape.split(",")[-1].strip() or shape.split(",")[0].strip()
        if last.isdigit():
            found.insert(0, (int(last), int(size)))
    for index, size in re.findall(r"= (\d+) is not in \[0, (\d+)\)", text):
        found.insert(0, (int(size), int(index) + 1))
    both = [pair for one, other in found for pair in ((one, other), (other, one))]
    pairs = [pair for pair in dict.fromkeys(both) if pair[0] != pair[1]]
    return [pair for pair in pairs if 1 not in pair] or pairs


def agree(context: Context, failure: Failure, most: int = 10) -> list[Fix]:
    """Set one of two sizes that disagree to the other, where the author wrote it as a number."""
    batches = batch_sizes(context, failure)
    pairs = [pair for pair in conflicts(failure) if not batches & set(pair)]
    if not pairs or not failure.frames:
        return []
    crash = failure.frames[-1]
    ranked: list[tuple[int, int, int, Fix]] = []
    for rank, (old, new) in enumerate(pairs[:8]):
        for source in context.sources.values():
            for group in literals(source, old):
                span = source.span(group[0])
                if span.path == crash.path and span.line > max(crash.end_line, failure.frames[0].end_line):
                    continue
                held = holder(source, group[0])
                if failure.call is not None and _weight(held) == 3:
                    continue
                words = source.segment(held) if isinstance(held, ast.expr) else ""
                made = fix(
                    f"Change {old} to {new}" + (f" in `{_short(words)}`" if words else ""),
                    *[edits.replace(source, node, str(new)) for node in group],
                    cause=source.span(held),
                    safe=False,
                )
                distance = abs(span.line - crash.line)
                ranked += [(_weight(held), distance, rank, item) for item in made]
    ranked.sort(key=lambda item: item[:3])
    kept: dict[tuple[Edit, ...], Fix] = {}
    for _, _, _, item in ranked:
        kept.setdefault(item.edits, item)
    return [*list(kept.values())[:most], *_everywhere(context, pairs)]


def _everywhere(context: Context, pairs: list[tuple[int, int]]) -> list[Fix]:
    """One size changed in all layers that are made with it: `Dense(8 * 8 * 64)` and `Reshape((8, 8, 64))`."""
    fixes: list[Fix] = []
    for old, new in pairs[:2]:
        for source in context.sources.values():
            nodes = [
                node
                for group in literals(source, old)
                for node in group
                if makes_layer(holder(source, node)) and not isinstance(source.parents.get(node), ast.keyword)
            ]
            if len(nodes) > 1:
                changes = [edits.replace(source, node, str(new)) for node in nodes]
                cause = source.span(nodes[0])
                fixes += fix(f"Change {old} to {new} in all layers", *changes, cause=cause, safe=False)
    return fixes


def batch_sizes(context: Context, failure: Failure) -> set[int]:
    """The sizes of batches that a failure of loss or metrics may speak of, or of the data where several arrays in a
    step of the author's own have as many rows: they are no one's units."""
    call = context.sink(failure)
    if call is None and "traced" in failure.facts:
        sets = (item for item in context.report.variables if item.kind == "dataset")
        first = (tensor.shape[0] for item in sets for tensor in item.tensors if tensor.shape)
        return {size for size in first if size is not None}
    if call is None and failure.exception == "InvalidArgumentError":
        arrays = (item for item in context.report.variables if item.kind == "array" and len(item.tensors) == 1)
        rows = Counter({item.name: item.tensors[0].shape[0] for item in arrays if item.tensors[0].shape}.values())
        return {size for size, count in rows.items() if count > 1 and size is not None}
    if call is None or not ("loss" in failure.stage or "metrics" in failure.stage):
        return set()
    first = [tensor.shape[0] for tensor in call.outputs if tensor.shape]
    traced = map(int, re.findall(r"(?:target\.shape=\(|input shapes: \[)(\d+)", failure.message))
    return {size for size in (*first, *traced, call.batch_size, call.real_batch, _TRACED) if size is not None}


_TRACED = 37
"""The batch that a dry run traces where the program does not tell its own (kls/worker/dryrun/sinks.py)."""


def _short(words: str) -> str:
    flat = " ".join(words.split())
    return flat if len(flat) <= 40 else flat[:37] + "…"


def _weight(holder: ast.AST) -> int:
    """Layers before inputs before data: what is cheap to change comes first."""
    if isinstance(holder, ast.Call):
        name = last_part(holder.func)
        if makes_layer(holder):
            return 0
        if name == "Input":
            return 1
        return 3 if root(holder.func) in ("np", "numpy") or name in _DRAWN else 2
    return 2


_DRAWN = ("normal", "uniform", "random_normal", "random_uniform", "zeros", "ones")
"""Functions of TensorFlow and Keras that make data."""


def literals(source: SourceText, value: int) -> Iterator[list[ast.expr]]:
    """The places where the author wrote `value` as a size, those of one tuple together."""
    grouped: set[ast.AST] = set()
    for node in source.nodes:
        if not (isinstance(node, ast.Constant) and type(node.value) is int and node.value == value):
            continue
        parent = source.parents.get(node)
        if isinstance(parent, (ast.Tuple, ast.List)):
            if parent not in grouped:
                grouped.add(parent)
                assigned = source.parents.get(parent)
                same: list[ast.expr] = [
                    item for item in parent.elts if isinstance(item, ast.Constant) and item.value == value
                ]
                if isinstance(assigned, ast.Assign):
                    yield from ([item] for item in same)
                else:
                    yield same
        elif isinstance(parent, (ast.Call, ast.keyword, ast.Assign, ast.BinOp, ast.Slice, ast.arguments)):
            yield [node]


def holder(source: SourceText, node: ast.expr) -> ast.expr | ast.stmt:
    """The innermost call, else the statement, that holds a number."""
    walk: ast.AST | None = source.parents.get(node)
    while walk is not None and not isinstance(walk, (ast.Call, ast.stmt)):
        walk = source.parents.get(walk)
    return walk if walk is not None else node


# Values that a callee refuses


def other_values(context: Context, failure: Failure) -> list[Fix]:
    """Other values for the arguments of the call that failed: the right kind of number, a word that is offered."""
    fixes: list[Fix] = []
    seen: set[Span] = set()
    offered = re.findall(r"['\"`]([A-Za-z]\w+)['\"`]", failure.message)
    numbers = [int(item) for item in re.findall(r"(?<![\w.])(\d{1,5})(?![\w.])", failure.message)]
    numbers += [int(item) for pair in re.findall(r"\b(\d+)x(\d+)\b", failure.message) for item in pair]
    for source, call in calls(context, failure)[:2]:
        span = source.span(call)
        if span in seen or last_part(call.func) in ("Sequential", "Model", "fit"):
            continue
        seen.add(span)
        given = [(None, item) for item in call.args] + [(item.arg, item.value) for item in call.keywords]
        named = [(name, node) for name, node in given if name and re.search(rf"\b{name}\b", failure.message)]
        for name, node in [*named, *[pair for pair in given if pair not in named]]:
            fixes += _named_file(source, call, node, failure)
            for text in _alternatives(source, name, node, offered, numbers, failure):
                label = f"`{name}`" if name else f"`{_short(source.segment(node))}`"
                place = span if span.line == span.end_line else source.span(node)
                everywhere = re.search(_MUST_END, failure.message) is not None
                changes = [edits.replace(source, one, text) for one in (_alike(source, node) if everywhere else [node])]
                fixes += fix(f"Change {label} to `{text}`", *changes, cause=place)
        fixes += _defaults(source, call, failure, {name for name, _ in given if name})
    return fixes


def _alike(source: SourceText, node: ast.expr) -> list[ast.expr]:
    """`node` and the other places where the program writes the same text: the name of one file."""
    if not isinstance(node, ast.Constant):
        return [node]
    return [item for item in source.nodes if isinstance(item, ast.Constant) and item.value == node.value]


def _alternatives(
    source: SourceText, name: str | None, node: ast.expr, offered: list[str], numbers: list[int], failure: Failure
) -> list[str]:
    channels = failure.inputs[0].shape[-1] if failure.inputs and failure.inputs[0].shape else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return [f"{source.segment(node.left)} // {source.segment(node.right)}"]
    if isinstance(node, (ast.Tuple, ast.List)):
        count = re.search(rf"`{name}` argument must be a tuple of (\d+) integers", failure.message) if name else None
        if count is not None and node.elts:
            return [_of_length(source, node.elts, int(count[1]))]
        return _tuple_alternatives(source, node, numbers, failure)
    if isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant):
        return ["-1", source.segment(node.operand)] if name == "axis" else [source.segment(node.operand)]
    ending = re.search(_MUST_END, failure.message)
    if ending is not None:
        return _ending(source, node, ending[1])
    if isinstance(node, (ast.Name, ast.BinOp, ast.Call, ast.Subscript)) and "integer" in failure.message:
        return [f"int({source.segment(node)})"]
    if not isinstance(node, ast.Constant):
        return []
    value = node.value
    if isinstance(value, str):
        if name == "weights":
            return ["None"]
        if re.fullmatch(r"\d+|\d*\.\d+|\d+e-?\d+", value):
            return [value]
        return _words(source, node, value, offered, failure.message)
    if isinstance(value, bool) or value is None:
        return []
    if isinstance(value, float):
        texts = [str(int(value))] if value.is_integer() else []
        return texts + ([str(value / 100)] if value > 1 else [])
    if not isinstance(value, int):
        return []
    if name == "axis":
        return ["-1"]
    if name == "groups" and isinstance(channels, int):
        return [str(size) for size in range(min(value, channels), 0, -1) if channels % size == 0][:3]
    if "between 0 and 1" in failure.message or "[0, 1" in failure.message:
        return [str(value / 100)] if value > 1 else []
    texts = []
    if value < 1:
        texts = [str(-value)] if value < 0 else ["1"]
    else:
        texts = [str(size) for size in (value // 2,) if size >= 1]
        texts += (
            [f"[{', '.join(str(number) for number in _sections(numbers, value))}]"] if _sections(numbers, value) else []
        )
    return texts


def _of_length(source: SourceText, items: list[ast.expr], count: int) -> str:
    """As many of the items, the last one again where they are too few; one by itself."""
    texts = [source.segment(item) for item in items][:count]
    texts += texts[-1:] * (count - len(texts))
    return texts[0] if count == 1 else f"({', '.join(texts)})"


def _named_file(source: SourceText, call: ast.Call, node: ast.expr, failure: Failure) -> list[Fix]:
    """Another ending for the name of a file, where the name that is given was bound to it."""
    ending = re.search(_MUST_END, failure.message)
    known = written.assignments(source, node.id, call.lineno) if ending and isinstance(node, ast.Name) else []
    made = known[-1][1] if known else None
    if ending is None or made is None or isinstance(made, ast.Name):
        return []
    texts = _ending(source, made, ending[1])
    return [
        item
        for text in texts
        for item in fix(f"Change it to `{text}`", edits.replace(source, made, text), cause=source.span(made))
    ]


_MUST_END = r"(?:(?:must|should) end in|add either a) `(\.[\w.]+)`"
_ENDINGS = re.compile(r"(\.weights)?(\.(h5|hdf5|keras|ckpt|tf|pth|pt|pb|model))?$")
"""What names of saved models and weights end in."""


def _ending(source: SourceText, node: ast.expr, ending: str) -> list[str]:
    """The name of a file with another ending: in the last string of an expression that makes it."""
    strings = [item for item in ast.walk(node) if isinstance(item, ast.Constant) and isinstance(item.value, str)]
    whole = source.segment(node)
    if isinstance(node, ast.JoinedStr) and whole[-1:] in "'\"":
        return [f"{_ENDINGS.sub('', whole[:-1])}{ending}{whole[-1]}"]
    last = max(strings, key=lambda item: (item.lineno, item.col_offset), default=None)
    text = source.segment(last) if last is not None else ""
    if not text and isinstance(node, (ast.Call, ast.BinOp, ast.Attribute, ast.Name)):
        return [f'{whole} + "{ending}"']
    if text[-1:] not in ("'", '"') or whole.count(text) != 1:
        return []
    return [whole.replace(text, f"{_ENDINGS.sub('', text[:-1])}{ending}{text[-1]}")]


def _sections(numbers: list[int], parts: int) -> list[int]:
    """Where to cut a size that `parts` does not divide, so that the first sections are equal."""
    size = next((number for number in numbers if number > parts and number % parts), None)
    return [size // parts * index for index in range(1, parts)] if size is not None and parts < 12 else []


def _tuple_alternatives(
    source: SourceText, node: ast.Tuple | ast.List, numbers: list[int], failure: Failure
) -> list[str]:
    values = [item.value if isinstance(item, ast.Constant) else None for item in node.elts]
    texts: list[str] = []
    for value in dict.fromkeys(value for value in values if type(value) is int):
        for number in dict.fromkeys(numbers):
            if number != value and number not in values and number > 0:
                items = [
                    str(number) if item == value else source.segment(elt)
                    for item, elt in zip(values, node.elts, strict=True)
                ]
                texts.append(f"({', '.join(items)},)" if len(items) == 1 else f"({', '.join(items)})")
    if len(values) > 1 and texts == []:
        turned = [source.segment(item) for item in reversed(node.elts)]
        texts.append(f"({', '.join(turned)})")
    return texts[:4]


DTYPES = {"float": "float32", "int": "int32", "double": "float64", "str": "string", "long": "int64"}
"""Python's and C's words for types, and Keras's."""


def _words(source: SourceText, node: ast.Constant, value: str, offered: list[str], message: str) -> list[str]:
    quote = source.segment(node)[:1] or '"'
    if value.isdigit():
        return [value]
    words = [DTYPES[value]] if value in DTYPES else []
    same = [word for word in offered if word != value and word[:2].lower() == value[:2].lower()]
    words += [*same, *[word for word in offered if word != value and word not in same]] if value in message else []
    texts = [f"{quote}{word}{quote}" for word in dict.fromkeys(words)][:4]
    return [*texts, "None"] if f'"{value}"' in message or f"'{value}'" in message else texts


def _defaults(source: SourceText, call: ast.Call, failure: Failure, given: set[str]) -> list[Fix]:
    """A value for an argument that was not given, and whose default does not fit."""
    config: dict[str, Any] = failure.facts.get("config") or {}
    channels = failure.inputs[0].shape[-1] if failure.inputs and failure.inputs[0].shape else None
    groups = config.get("groups")
    fixes: list[Fix] = []
    if isinstance(groups, int) and "groups" not in given and isinstance(channels, int) and not call.args:
        for size in [size for size in (8, 4, 2, 1) if channels % size == 0][:2]:
            fixes += fix(
                f"Set `groups={size}`",
                edits.add_argument(source, call, f"groups={size}"),
                cause=source.span(call),
            )
    return fixes
