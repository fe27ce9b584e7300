"""Rows of different lengths where one array is needed.

## What it says
Sequences that are not of one length (word numbers of texts, as `imdb.load_data` or a `Tokenizer` gives them, or a list
of lists) are given where a model or an array needs rows of one length, or a generator yields them and `batch` is to put
them together.

## Why it matters
Keras raises `ValueError: Invalid dtype: object` in its data adapter, NumPy `setting an array element with a sequence.
The requested array has an inhomogeneous shape`, TensorFlow `Failed to convert a NumPy array to a Tensor (Unsupported
object type list)`, `Can't convert non-rectangular Python sequence to Tensor` or `Cannot batch tensors with different
shapes`.

## Example
```python
import keras
(x, y), _ = keras.datasets.imdb.load_data(num_words=1000)
model = keras.Sequential([keras.layers.Embedding(1000, 8), keras.layers.LSTM(8), keras.layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(x, y)
```

## Repair
`keras.utils.pad_sequences(x, maxlen=…)`, with one `maxlen` for all data that the model is given; `padded_batch` for
`batch`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kls import edits
from kls.facts import Edit, Finding, Fix, Related, Severity, Span
from kls.rules import laid_out, operators, signatures, written
from kls.rules.context import Context, Rule, argument_of, finding, fix, show
from kls.rules.reading import Reading, inside, stated
from kls.source import SourceText
from kls.worker.protocol import Argument, Call, Failure

RULE = Rule("unequal-rows", Severity.ERROR, "Rows of different lengths where one array is needed.")

LONGEST = 500
"""Rows up to this length are padded to the longest of them; of longer ones `USUAL` entries are kept."""
USUAL = 200
FLOAT = ', dtype="float32"'
_RAISED = re.compile(
    r"inhomogeneous|non-rectangular Python sequence|[Uu]nsupported object type (?:list|int|float|tuple|numpy)"
    r"|setting an array element with a sequence"
)
_ARRAYS = ("array", "asarray", "constant", "convert_to_tensor")
_SAME_ROWS = ("array", "asarray", "list", "shuffle", "tuple")
_LENGTH = re.compile(r"max_?len(gth)?|(max_?)?(seq|sequence|review|sentence|text|pad|input)s?_?(len|length)", re.I)


def read(reading: Reading) -> Iterator[Finding]:
    """An array of lists written out that have different lengths."""
    for statement, _ in reading.steps():
        for call in inside(statement):
            if reading.name(call) in ("numpy.array", "numpy.asarray", "tensorflow.constant") and len(call.args) == 1:
                rows = call.args[0].elts if isinstance(call.args[0], ast.List) and not call.keywords else []
                lengths = [len(row.elts) for row in rows if isinstance(row, ast.List) and _numbers(row)]
                if len(lengths) == len(rows) and len(set(lengths)) > 1:
                    odd = next(row for row in rows if isinstance(row, ast.List) and len(row.elts) != lengths[0])
                    message = f"the rows have different lengths: {', '.join(map(str, dict.fromkeys(lengths)))}"
                    yield stated(RULE, reading.source.span(odd), message)


def _numbers(row: ast.List) -> bool:
    parts = (item.operand if isinstance(item, ast.UnaryOp) else item for item in row.elts)
    return all(isinstance(item, ast.Constant) and isinstance(item.value, (int, float)) for item in parts)


def diagnose(context: Context, failure: Failure) -> Finding | None:
    """The finding for rows of different lengths that a sink was given, or that were to make one array."""
    call = context.sink(failure)
    if call is None:
        return _of_array(context, failure)
    if _BATCHED.search(failure.message):
        return _of_batch(context, failure, call)
    given = [item for item in call.arguments if _lengths(item) is not None]
    if not given or "compile" in failure.stage:
        return None
    first = given[0]
    shortest, longest = _lengths(first) or (0, 0)
    name = f"`{first.name}`" if first.name else "the data"
    lines = [
        f"the rows of {name} have different lengths ({shortest} to {longest}); `{call.method}` takes equal ones",
        f"Keras raises: {failure.exception}: {_short(failure.message)}",
    ]
    fixes = laid_out.one_of_each(context, failure)
    if fixes:
        lines[0] = f"each input that `{call.method}` is given is one sample, without a batch axis"
    fixes = fixes or _padded_data(context)
    place = fixes[0].cause if fixes else operators.place_of_data(context, first)
    related = (Related(call.span, f"`{call.method}` raises here"),)
    span = place or call.span
    return finding(RULE, context, span, "\n".join(lines), call=call, related=related, fixes=tuple(fixes))


_BATCHED = re.compile(
    r"Cannot batch tensors with different shapes in component \d+\. First element had shape \[([\d,]*)\] and "
    r"element \d+ had shape \[([\d,]*)\]"
)


def _of_batch(context: Context, failure: Failure, call: Call) -> Finding | None:
    """The elements of a generator that `.batch` is to put together, at the last `.batch` before the call."""
    told = _BATCHED.search(failure.message)
    data = argument_of(call, "x")
    places = [
        (source, node)
        for source in context.sources.values()
        for node in source.calls()
        if isinstance(node.func, ast.Attribute)
        and node.func.attr == "batch"
        and (source.path != call.span.path or node.lineno <= call.span.end_line)
    ]
    names = {item.statement for item in context.chain(data)}
    own = [item for item in places if (at := item[0].statement(item[1])) is not None and item[0].span(at) in names]
    if told is None or not places or signatures.whole_windows(context):
        return None  # `dataset_element` speaks of windows
    source, node = (own or places)[-1]
    assert isinstance(node.func, ast.Attribute)
    span = source.span(node)
    first, second = (show(tuple(map(int, filter(None, item.split(","))))) for item in told.groups())
    lines = [
        f"`batch` is given elements of different shapes: {first} and {second}",
        f"The first step raises: {failure.exception}: {told[0]}",
    ]
    after = source.span(node.func)
    name = Span(source.path, after.end_line, after.end_column - len("batch"), after.end_line, after.end_column)
    fixes = fix("Pad each batch to its longest element: `padded_batch`", Edit(name, "padded_batch"), cause=span)
    related = (Related(call.span, f"`{call.method}` raises here"),) if span.line != call.span.line else ()
    return finding(RULE, context, span, "\n".join(lines), call=call, related=related, fixes=tuple(fixes))


def _of_array(context: Context, failure: Failure) -> Finding | None:
    """`np.array` or `tf.constant` of rows of different lengths."""
    found = context.call_node(failure.frames[-1]) if failure.frames else None
    if found is None or not _RAISED.search(failure.message):
        return None
    fixes = _padded_rows(context, *found)
    maker = "TensorFlow" if re.search("non-rectangular|nsupported object", failure.message) else "NumPy"
    lines = [
        "the rows have different lengths: they do not make one array",
        f"{maker} raises: {failure.exception}: {_short(failure.message)}",
    ]
    span = fixes[0].cause if fixes and fixes[0].cause is not None else failure.frames[-1]
    return finding(RULE, context, span, "\n".join(lines), fixes=tuple(fixes))


def _short(message: str) -> str:
    return message if len(message) < 400 else message[:400] + "…"


def _lengths(argument: Argument) -> tuple[int, int] | None:
    """The length of the shortest and of the longest row, None for data whose rows are equal or no rows."""
    values = argument.values or {}
    shortest, longest = values.get("shortest"), values.get("longest")
    if not isinstance(shortest, int) or not isinstance(longest, int) or shortest == longest:
        return None
    return shortest, longest


@dataclass(frozen=True)
class _Root:
    """The statement that bound rows first, and the names of rows that it binds."""

    source: SourceText
    statement: ast.stmt
    names: tuple[str, ...]
    replaced: ast.Call | None = None
    """The `np.array(rows)` that padding takes the place of."""


def _padded_data(context: Context) -> list[Fix]:
    """Pad all the rows that the program gives to its models, each where it was bound first, to one length."""
    given = [item for call in context.report.calls for item in call.arguments if _lengths(item) is not None]
    roots: dict[ast.stmt, _Root] = {}
    for argument in given:
        root = _root(context, argument)
        if root is None:
            return []
        known = roots.get(root.statement)
        names = tuple(dict.fromkeys((*(known.names if known is not None else ()), *root.names)))
        roots[root.statement] = _Root(root.source, root.statement, names, root.replaced)
    if not roots:
        return []
    as_others = [item for root in roots.values() for item in _as_the_others(root)]
    if as_others:
        return as_others
    first = min(roots.values(), key=lambda item: item.statement.lineno)
    longest = max((_lengths(item) or (0, 0))[1] for item in given)
    whole = all((item.values or {}).get("inner") != "float" for item in given)
    dtype = "" if whole else FLOAT
    length = _length(context, first, longest)
    changes: list[Edit | None] = []
    for root in roots.values():
        changes += _padding(root, f", maxlen={length}{_sides(root.source)}{dtype}")
    named = [f"`{name}`" for root in roots.values() for name in root.names]
    title = f"Pad the rows of {' and '.join(named)} to {length}"
    return fix(title, *_once(changes), cause=first.source.span(first.replaced or first.statement))


def _sides(source: SourceText) -> str:
    """On which side the program pads and cuts other rows, as further arguments of `pad_sequences`: labels of steps
    belong beside their steps."""
    for call in source.calls():
        if _last(source, call) == "pad_sequences":
            named = {item.arg: item.value for item in call.keywords}
            return "".join(
                f", {name}={source.segment(named[name])}" for name in ("padding", "truncating") if name in named
            )
    return ""


def _as_the_others(root: _Root) -> list[Fix]:
    """`x_test` padded as the program pads `x_train`, which the same statement binds."""
    padded: dict[str, ast.stmt] = {}
    for statement, target, value in root.source.assignments():
        if isinstance(target, ast.Name) and isinstance(value, ast.Call) and value.args:
            given = value.args[0]
            own = isinstance(given, ast.Name) and given.id == target.id and target.id in root.names
            if own and _last(root.source, value) == "pad_sequences" and statement.lineno > root.statement.lineno:
                padded[target.id] = statement
    left = [name for name in root.names if name not in padded]
    if not padded or not left:
        return []
    done, statement = list(padded.items())[-1]
    indent = root.source.indentation(root.source.span(statement).line)
    lines = [re.sub(rf"\b{done}\b", name, root.source.segment(statement)) for name in left]
    title = f"Pad {' and '.join(f'`{name}`' for name in left)} as `{done}` is padded"
    changed = edits.insert_after(root.source, statement, f"{root.source.newline}{indent}".join(lines))
    return fix(title, changed, cause=root.source.span(statement))


def _once(changes: Iterable[Edit | None]) -> list[Edit | None]:
    return list(dict.fromkeys(changes))


def _padding(root: _Root, more: str) -> list[Edit | None]:
    """The edits that pad what `root` binds, with what has to be imported for them."""
    pad, imports = _callee(root.source, root.statement)
    if root.replaced is not None:
        rows = root.source.segment(root.replaced.args[0])
        return [*imports, edits.replace(root.source, root.replaced, f"{pad}({rows}{more})")]
    indent = root.source.indentation(root.source.span(root.statement).line)
    lines = [f"{name} = {pad}({name}{more})" for name in root.names]
    return [*imports, edits.insert_after(root.source, root.statement, f"{root.source.newline}{indent}".join(lines))]


def _root(context: Context, argument: Argument) -> _Root | None:
    """Where the rows of `argument` were bound first: behind slices, copies and splits of them."""
    source = context.source(argument.span.path) if argument.span is not None else None
    node: ast.expr | None = source.at(argument.span, ast.expr) if source is not None else None
    if source is None or node is None:
        return None
    root: _Root | None = None
    line = node.lineno
    for _ in range(8):
        node = _rows_in(source, node)
        if not isinstance(node, ast.Name):
            break
        inside_of = source.function(node)
        known = [
            item
            for item in written.assignments(source, node.id, line)
            if source.function(item[0]) in (inside_of, None) and item[0].lineno <= line
        ]
        if not known:
            break
        statement, value = known[-1]
        call = value if isinstance(value, ast.Call) and _last(source, value) in ("array", "asarray") else None
        root = _Root(source, statement, _names(context, source, statement, node.id), call if value is call else None)
        if call is not None:
            break
        if value is None and isinstance(statement.value, ast.Call) and "split" in _last(source, statement.value):
            value = next(iter(statement.value.args), None)
        line = statement.lineno - 1
        if value is None or not isinstance(_rows_in(source, value), ast.Name):
            break
        node = value
    return root


def _rows_in(source: SourceText, node: ast.expr) -> ast.expr:
    """The rows that `node` selects or copies."""
    while True:
        if isinstance(node, ast.Subscript):
            node = node.value
        elif isinstance(node, ast.Call) and _last(source, node) in _SAME_ROWS and len(node.args) == 1:
            node = node.args[0]
        else:
            return node


def _last(source: SourceText, call: ast.Call) -> str:
    return source.segment(call.func).rpartition(".")[2]


def _names(context: Context, source: SourceText, statement: ast.stmt, name: str) -> tuple[str, ...]:
    """`name` and the other rows that `statement` binds and the program uses."""
    span = source.span(statement)
    rows = [
        item.name
        for item in context.report.variables
        if item.statement == span and (item.values or {}).get("longest") is not None
    ]
    used = {
        item.id
        for item in source.nodes
        if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Load) and item.lineno > statement.lineno
    }
    return tuple(dict.fromkeys((*(item for item in rows if item in used), name)))


def _length(context: Context, root: _Root, longest: int) -> str:
    """The length that the rows are to have, as it is to be written where `root` stands: what the model's input takes
    or other data have, else what the author has a name for, else the longest row if that is not very long."""
    constants = _constants(root.source)
    before = {name: size for name, (size, line) in constants.items() if line < root.statement.lineno}
    wanted: list[int | None] = [
        shape[1]
        for call in context.report.calls
        for item in call.arguments
        if item.role.endswith("x") and item.kind in ("array", "tensor") and len(item.tensors) == 1
        for shape in [item.tensors[0].shape]
        if shape is not None and len(shape) in (2, 3)
    ]
    wanted += [
        shape[1]
        for model in context.report.models
        if model.kind != "subclass" and len(model.inputs) == 1
        for shape in [model.inputs[0].shape]
        if shape is not None and len(shape) in (2, 3)
    ]
    size = next((item for item in wanted if item is not None), None)
    size = size if size is not None else _input_length(root.source, constants)
    if size is None:
        named = [item for name, (item, _) in constants.items() if _LENGTH.fullmatch(name)]
        size = named[0] if named else longest if longest <= LONGEST else USUAL
    alike = [name for name, value in before.items() if value == size and re.search("len|max|step|size", name, re.I)]
    return alike[0] if alike else str(size)


def _constants(source: SourceText) -> dict[str, tuple[int, int]]:
    """The whole numbers that the module binds to a name once, each with its line."""
    found: dict[str, tuple[int, int]] = {}
    twice: set[str] = set()
    for statement, target, value in source.assignments():
        if isinstance(target, ast.Name):
            if target.id in found:
                twice.add(target.id)
            if isinstance(value, ast.Constant) and type(value.value) is int and source.function(statement) is None:
                found[target.id] = (value.value, statement.lineno)
    return {name: item for name, item in found.items() if name not in twice}


def _input_length(source: SourceText, constants: dict[str, tuple[int, int]]) -> int | None:
    """The `input_length` that Keras 2 let an `Embedding` state."""
    for call in source.calls():
        value = edits.keyword(call, "input_length")
        if isinstance(value, ast.Constant) and type(value.value) is int:
            return value.value
        if isinstance(value, ast.Name) and value.id in constants:
            return constants[value.id][0]
    return None


def _callee(source: SourceText, statement: ast.stmt) -> tuple[str, list[Edit]]:
    """How the author would write `pad_sequences` at `statement`, and the import that it needs."""
    froms = [item for item in source.nodes if isinstance(item, ast.ImportFrom) and item.lineno < statement.lineno]
    for node in froms:
        for alias in node.names:
            if alias.name == "pad_sequences":
                return alias.asname or alias.name, []
            if alias.name == "sequence" and (node.module or "").endswith("preprocessing"):
                return f"{alias.asname or alias.name}.pad_sequences", []
    keras = written.module_name(source, "keras")
    if keras is not None:
        return f"{keras}.utils.pad_sequences", []
    for node in froms:
        if re.fullmatch(r"(tensorflow\.)?keras\.utils", node.module or "") and node.names[0].name != "*":
            return edits.imported_beside(source, node.names[0].asname or node.names[0].name, "pad_sequences")
    of_keras = [item for item in froms if re.match(r"(tensorflow\.)?keras\b", item.module or "") and item.level == 0]
    top = [
        item for item in of_keras if source.function(item) is None and isinstance(source.parents.get(item), ast.Module)
    ]
    root = "tensorflow.keras" if top and (top[-1].module or "").startswith("tensorflow") else "keras"
    line = f"from {root}.utils import pad_sequences"
    if not top:
        return "pad_sequences", [edits.insert_before(source, statement, line)]
    return "pad_sequences", [edits.insert_after(source, top[-1], line)]


def _padded_rows(context: Context, source: SourceText, call: ast.Call) -> list[Fix]:
    """Pad the rows that `call` was to make an array of."""
    statement = source.statement(call)
    if statement is None:
        return []
    given = [item.func.value for item in [call] if isinstance(item.func, ast.Attribute)]
    given += [item for value in call.args for item in (value.elts if isinstance(value, ast.Tuple) else [value])]
    given += [item for value in call.args if isinstance(value, ast.Dict) for item in value.values]
    fixes: list[Fix] = []
    for node in given:
        rows = node if isinstance(node, (ast.Name, ast.List, ast.Call, ast.Subscript)) else None
        if rows is None:
            continue
        alone = rows in call.args and _last(source, call) in ("array", "asarray") and _is_module(call.func)
        place: ast.expr = call if alone else rows
        root = _Root(source, statement, ())
        longest = _longest(rows)
        length = _length(context, root, longest if longest is not None else USUAL)
        pad, imports = _callee(source, statement)
        known = longest is not None or length != str(USUAL)
        more = f", maxlen={length}" if known else ""
        text = f"{pad}({source.segment(rows)}{more}{'' if _whole(context, rows) else FLOAT})"
        title = "Pad the rows to one length"
        fixes += fix(title, *imports, edits.replace(source, place, text), cause=source.span(place))
    return fixes


def _is_module(function: ast.expr) -> bool:
    return isinstance(function, ast.Name) or (
        isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name)
    )


def _longest(rows: ast.expr) -> int | None:
    if not isinstance(rows, ast.List) or not all(isinstance(item, ast.List) for item in rows.elts):
        return None
    return max((len(item.elts) for item in rows.elts if isinstance(item, ast.List)), default=None)


def _whole(context: Context, rows: ast.expr) -> bool:
    """Whether the rows hold whole numbers: `pad_sequences` makes them of all others unless it is told a dtype."""
    parts = [item for item in ast.walk(rows) if isinstance(item, (ast.Constant, ast.Name, ast.Call))]
    if parts and all(isinstance(item, ast.Constant) and isinstance(item.value, int) for item in parts):
        return True
    return any(layer.cls == "Embedding" for layer in context.report.layers)
