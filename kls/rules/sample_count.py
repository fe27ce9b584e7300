"""Inputs and labels with different numbers of samples.

## What it says
The first axes of what `fit` is given differ: 100 rows of x, 90 of y. Or the samples do not come out even in the batches
of a stateful model. Or there are none at all: the loop that was to cut windows from the data is longer than these.

## Why it matters
Keras raises `ValueError: Data cardinality is ambiguous. Make sure all arrays contain the same number of samples.`

## Example
```python
import numpy as np, keras
x = np.zeros((100, 4)); y = np.zeros(90)
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(x, y)
```

## Repair
Cut the longer one, or find where the shorter one lost its rows.
"""

from __future__ import annotations

import ast
import difflib
from collections import Counter
from collections.abc import Iterator, Mapping

from kls import edits
from kls.facts import Evidence, Finding, Fix, Related, Severity, Span
from kls.rules import operators, search, written
from kls.rules.context import Context, Rule, argument_of, finding, fix
from kls.rules.reading import Reading, inside, stated
from kls.source import SourceText
from kls.worker.protocol import Argument, Call, Failure, Shape

RULE = Rule("sample-count", Severity.ERROR, "Inputs and labels with different numbers of samples.")


_PAIRED = ("keras.Model.fit", "keras.Model.evaluate", "tensorflow.data.Dataset.from_tensor_slices")
_ARRAYS = ("numpy.array", "numpy.asarray", "tensorflow.constant", "tensorflow.convert_to_tensor")
_CHANGES = ("append", "extend", "insert", "pop", "remove", "clear", "resize")


def read(reading: Reading) -> Iterator[Finding]:
    """Lists written out with different numbers of samples, given to `fit` or `from_tensor_slices` together."""
    changed = {
        node.value.id
        for node in reading.source.nodes
        if isinstance(node, ast.Attribute) and node.attr in _CHANGES and isinstance(node.value, ast.Name)
    }
    for statement, bound in reading.steps():
        for call in inside(statement):
            name = reading.name(call)
            if name not in _PAIRED or not call.args:
                continue
            given: list[ast.expr] = list(call.args[:2]) + [
                item.value for item in call.keywords if item.arg in ("x", "y")
            ]
            if name.startswith("tensorflow"):
                given = list(call.args[0].elts) if isinstance(call.args[0], ast.Tuple) else []
            known = {key: value for key, value in bound.items() if key not in changed}
            counts = [_rows(reading, node, known) for node in given]
            if len(given) == 2 and None not in counts and counts[0] != counts[1]:
                shown = ", ".join(
                    f"`{reading.source.segment(node)}` {count}" if isinstance(node, ast.Name) else str(count)
                    for node, count in zip(given, counts, strict=True)
                )
                yield stated(RULE, reading.source.span(call), f"different numbers of samples: {shown}")


def _rows(reading: Reading, node: ast.expr, bound: Mapping[str, ast.expr]) -> int | None:
    """The length of an array made of a list written out; None for anything else."""
    if isinstance(node, ast.Name):
        node = bound.get(node.id, node)
    if isinstance(node, ast.Call) and reading.name(node) in _ARRAYS and node.args:
        node = node.args[0]
        return len(node.elts) if isinstance(node, ast.List) and not _starred(node) else None
    return None


def _starred(node: ast.List) -> bool:
    return any(isinstance(item, ast.Starred) for item in node.elts)


def diagnose(context: Context, failure: Failure) -> Finding | None:
    """The finding for arrays whose first axes differ."""
    call = context.sink(failure)
    nothing = _nothing(context, call) if call is not None else None
    if nothing is not None and call is not None:
        words = f"{_empty(nothing)}\nKeras raises: {failure.exception}"
        return finding(RULE, context, operators.place_of_data(context, nothing) or call.span, words, call=call)
    if call is not None and failure.facts.get("uneven"):
        return _uneven(context, failure, call, failure.facts["uneven"])
    # Keras does not count what one batch is made of: there the loss finds it.
    counting = (
        ("adapter", "loss", "metrics") if call is not None and call.method.endswith("_on_batch") else ("adapter",)
    )
    if call is None or not failure.stage.endswith(counting):
        return None
    prefix = "validation_" if failure.stage.startswith("validation") else ""
    counted: list[tuple[Argument, int]] = []
    for argument in call.arguments:
        if argument.role.startswith("validation_") == bool(prefix):
            for tensor in argument.tensors:
                if tensor.shape and tensor.shape[0] is not None:
                    counted.append((argument, tensor.shape[0]))
    if len({count for _, count in counted}) < 2:
        return None
    told = dict.fromkeys(f"`{argument.name or argument.role}` {count:,}" for argument, count in counted)
    shown = ", ".join(list(told)[:6]) + (", …" if len(told) > 6 else "")
    lines = [f"different numbers of samples: {shown}", f"Keras raises: {failure.exception}: {failure.message}"]
    fixes: list[Fix] = [
        *_cut_too(context, counted),
        *_stacked(context, call, counted),
        *_list_of_rows(context, call, counted),
        *_exchanged(context, counted),
        *_chosen_alike(context, counted),
        *_chosen_elsewhere(context, call, counted),
        *_of_another_part(context, call, counted),
        *_split_too(context, counted),
        *_axis(context, counted),
        *_flattened(context, counted),
    ]
    odd = _odd_one(counted)
    if odd is not None:
        fixes += _made_longer(context, *odd)
    least = min(count for _, count in counted)
    for argument, count in counted:
        if count > least and len(argument.tensors) == 1 and (odd is None or count == odd[1]):
            name = argument.name or argument.role
            fixes += operators.transform_data(
                context, argument, "{}[:" + str(least) + "]", f"Keep {least:,} rows of `{name}`"
            )
    span = operators.place_of_data(context, odd[0]) if odd is not None else None
    if span is None:
        span = fixes[0].cause if fixes else None
    span = span or call.span
    related = [Related(call.span, f"`{call.method}` raises here")]
    for argument, count in counted:
        place = operators.place_of_data(context, argument)
        if place is not None and place != span:
            related.append(Related(place, f"`{argument.name or argument.role}` gets its {count:,} rows here"))
    related = list(dict.fromkeys(related))[:4]
    return finding(RULE, context, span, "\n".join(lines), call=call, related=tuple(related), fixes=tuple(fixes))


def _uneven(context: Context, failure: Failure, call: Call, counts: list[int]) -> Finding:
    """A generator that gives another number of labels than of samples in a batch."""
    shown = ", ".join(f"{count:,}" for count in counts[:6])
    lines = [f"the parts of a batch have different numbers of samples: {shown}", f"It raises: {failure.exception}"]
    argument = argument_of(call, "validation_x" if failure.stage.startswith("validation") else "x")
    places = written.yielded(context, argument) if argument is not None else []
    span = places[0][0].span(places[0][1]) if places else call.span
    related = (Related(call.span, f"`{call.method}` raises here"),) if span.line != call.span.line else ()
    fixes: list[Fix] = []
    for source, value in places:
        if isinstance(value, ast.Tuple) and len(value.elts) == len(counts):
            least = min(counts)
            changed = [
                edits.replace(source, part, f"{edits.parenthesised(source, part)}[:{least}]")
                for part, count in zip(value.elts, counts, strict=True)
                if count > least
            ]
            fixes += fix(f"Keep {least:,} samples of each part", *changed, cause=span)
    return finding(RULE, context, span, "\n".join(lines), call=call, related=related, fixes=tuple(fixes))


def survey(context: Context) -> Iterator[Finding]:
    """Parts of one array where arrays of the same samples belong; batches of a stateful model that do not come out; a
    training or a prediction of nothing."""
    yield from _parts_of_one(context)
    yield from _batches_of_a_state(context)
    for call in context.report.calls:
        nothing = _nothing(context, call) if call.status == "traced" and not call.paired else None
        if nothing is None or call.method not in ("fit", "predict"):
            continue
        span = operators.place_of_data(context, nothing) or call.span
        related = (Related(call.span, f"`{call.method}` is here"),) if call.span.line != span.line else ()
        if call.method == "predict":
            raised = "Keras raises: UnboundLocalError: cannot access local variable 'batch_outputs'"
            words = f"{_empty(nothing)}\n{raised}"
            yield finding(RULE, context, span, words, evidence=Evidence.WOULD_RAISE, related=related)
        else:
            words = f"{_empty(nothing)}\nKeras raises nothing: it trains on nothing."
            level = Severity.WARNING
            yield finding(RULE, context, span, words, evidence=Evidence.SILENT, severity=level, related=related)


def _nothing(context: Context, call: Call) -> Argument | None:
    """The array without a sample that a call is given, where nothing of the program is unknown."""
    if context.report.gaps and any(gap.kind != "fault" for gap in context.report.gaps):
        return None
    x = argument_of(call, "x")
    return x if x is not None and x.kind == "array" and any(_first(item.shape) == 0 for item in x.tensors) else None


def _empty(argument: Argument) -> str:
    return f"`{argument.name or argument.role}` is empty: it has no samples"


def _batches_of_a_state(context: Context) -> Iterator[Finding]:
    """Samples that do not come out even in the batches of a stateful model, which keeps a state for each of a batch."""
    stateful = {layer.key for layer in context.report.layers if layer.config.get("stateful") is True}
    for call in context.report.calls:
        model, x = context.model_of(call), argument_of(call, "x")
        size = _first(model.inputs[0].shape) if model is not None and model.inputs else None
        rows = _first(x.tensors[0].shape) if x is not None and x.kind == "array" and x.tensors else None
        if model is None or x is None or size is None or rows is None or not stateful & set(model.layers):
            continue
        batch = rows if call.method.endswith("_on_batch") else min(call.batch_size or 32, rows)
        if call.status != "traced" or call.paired or (batch == size and rows % size == 0):
            continue
        if batch != size:
            if call.batch_size is not None or _is_usual(context, call):
                yield _other_batches(context, call, x, size, rows)
            continue
        if argument_of(call, "validation_x") is not None or "validation_split" in context.text_of(call.span):
            continue
        kept = rows - rows % size
        changes = [
            edit
            for argument in (x, argument_of(call, "y"))
            if argument is not None and argument.kind == "array"
            for made in operators.transform_argument(context, argument, f"{{}}[:{kept}]", "")
            for edit in made.edits
        ]
        first = f"{rows} samples do not come out even in batches of {size}: the last has {rows % size}"
        lines = [first, f"The model is stateful: its batches have {size} samples each, and `{call.method}` raises."]
        fixes = fix(f"Give {kept} samples", *changes, cause=call.span)
        yield finding(RULE, context, call.span, "\n".join(lines), evidence=Evidence.WOULD_RAISE, fixes=tuple(fixes))


def _is_usual(context: Context, call: Call) -> bool:
    """Whether a call says nothing of its batches: Keras takes 32 samples, or all at once `…_on_batch`."""
    found = context.call_node(call.span)
    if found is None or any(item.arg in (None, "batch_size") for item in found[1].keywords):
        return False
    return len(found[1].args) <= 2 and not any(isinstance(item, ast.Starred) for item in found[1].args)


def _other_batches(context: Context, call: Call, x: Argument, size: int, rows: int) -> Finding:
    """A call whose batches are not those that the states of the model were made for."""
    found = context.call_node(call.span)
    fixes: list[Fix] = []
    if found is not None and rows % size == 0 and call.method in ("fit", "evaluate", "predict"):
        changed = edits.set_argument(*found, "batch_size", None, str(size))
        fixes = fix(f"Take batches of {size}: `batch_size={size}`", changed, cause=call.span)
    numpy = written.module_name(found[0], "numpy") if found is not None else None
    if rows == 1 and numpy is not None:
        title = f"Give the sample {size} times, as often as a batch has samples"
        fixes = operators.transform_argument(context, x, f"{numpy}.repeat({{}}, {size}, axis=0)", title)
    given = "one sample" if rows == 1 else f"batches of {min(call.batch_size or 32, rows)}"
    first = f"`{call.method}` gives {given}; the states of the model are those of {size} samples"
    lines = [first, f"The model is stateful: its batches have {size} samples each, and `{call.method}` raises."]
    return finding(RULE, context, call.span, "\n".join(lines), evidence=Evidence.WOULD_RAISE, fixes=tuple(fixes))


def _first(shape: Shape) -> int | None:
    return shape[0] if shape else None


def _stacked(context: Context, call: Call, counted: list[tuple[Argument, int]]) -> list[Fix]:
    """One array of all inputs, where the model takes a list of them: `np.array([a, b])` becomes `[a, b]`."""
    model = context.model_of(call)
    x = next((argument for argument, _ in counted if argument.role.endswith("x")), None)
    inputs = len(model.inputs) if model is not None else 0
    if (
        x is None
        or x.kind != "array"
        or len(x.tensors) != 1
        or inputs < 2
        or (x.tensors[0].shape or ())[:1] != (inputs,)
    ):
        return []
    made = written.value_of(context, x)
    given = made[1].args[0] if made is not None and isinstance(made[1], ast.Call) and made[1].args else None
    title = f"Give the {inputs} inputs as a list"
    if made is not None and isinstance(given, ast.List) and len(given.elts) == inputs:
        span = made[0].span(made[1])
        return fix(title, edits.replace(made[0], made[1], made[0].segment(given)), cause=span)
    return operators.transform_argument(context, x, "list({})", title)


def _list_of_rows(context: Context, call: Call, counted: list[tuple[Argument, int]]) -> list[Fix]:
    """A list that holds the array of each sample, where the model takes one array of them all."""
    model = context.model_of(call)
    for argument in {item.role: item for item, _ in counted}.values():
        taken = () if model is None else model.inputs if argument.role.endswith("x") else model.outputs
        if argument.kind != "list" or len(taken) != 1 or len({item.shape for item in argument.tensors}) != 1:
            continue
        made = written.value_of(context, argument)
        numpy = written.module_name(made[0], "numpy") if made is not None else None
        if numpy is not None:
            title = f"Make one array of the list: `{numpy}.array({argument.name or '…'})`"
            return operators.transform_argument(context, argument, f"{numpy}.array({{}})", title)
    return []


def _odd_one(counted: list[tuple[Argument, int]]) -> tuple[Argument, int, int] | None:
    """The one array that has another number of rows than two or more others, which agree; its number, and theirs."""
    numbers = Counter(count for _, count in counted)
    most = numbers.most_common(1)[0][0]
    odd = [(argument, count) for argument, count in counted if count != most]
    return (*odd[0], most) if len(odd) == 1 and len(counted) > 2 else None


def _made_longer(context: Context, argument: Argument, count: int, rows: int) -> list[Fix]:
    """`np.ones(400)` with the number of rows that the other arrays have."""
    found = written.value_of(context, argument)
    shape = argument.tensors[0].shape if len(argument.tensors) == 1 else None
    if found is None or shape is None or not isinstance(found[1], ast.Call):
        return []
    source, node = found
    title = f"Make `{argument.name or argument.role}` {rows:,} rows long"
    for item in ast.walk(node):
        if isinstance(item, (ast.Tuple, ast.List)) and item.elts:
            item = item.elts[0]
        elif len(shape) != 1:
            continue
        if isinstance(item, ast.Constant) and item.value == count and not isinstance(item.value, bool):
            return fix(title, edits.replace(source, item, str(rows)), cause=source.span(node))
    return []


def _exchanged(context: Context, counted: list[tuple[Argument, int]]) -> list[Fix]:
    """Names bound in the wrong order in one assignment: `(x, x_test), (y, y_test) = load_data()`, or a split's."""
    names = [argument.name for argument, _ in counted if argument.name is not None]
    for source in context.sources.values():
        for node in source.nodes:
            if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Tuple):
                continue
            target = node.targets[0]
            pairs = [item for item in target.elts if isinstance(item, ast.Tuple) and len(item.elts) == 2]
            if len(pairs) == 2 and len(target.elts) == 2:
                inner = [name for pair in pairs for name in pair.elts]
            elif len(target.elts) == 4 and all(isinstance(item, ast.Name) for item in target.elts):
                inner = list(target.elts)
            else:
                continue
            bound = {item.id for item in inner if isinstance(item, ast.Name)}
            if len(names) < 2 or not set(names) <= bound:
                continue
            return _in_order(source, inner, source.span(target))
    return []


def _in_order(source: SourceText, names: list[ast.expr], cause: Span) -> list[Fix]:
    """The two names in the middle the other way round."""
    changes = [edits.replace(source, names[place], source.segment(names[3 - place])) for place in (1, 2)]
    return fix("Name the parts in the order in which they come", *changes, cause=cause)


def names_mixed_up(context: Context, failure: Failure) -> bool:
    """Whether the call that fails is given both parts of one array for data and labels, as another is that is told of
    it."""
    call = context.sink(failure)
    mine = _split_of(context, call) if call is not None else None
    splits = [(item, _split_of(context, item)) for item in context.report.calls if item is not call]
    return mine is not None and any(item.status != "failed" and split == mine for item, split in splits)


def _split_of(context: Context, call: Call) -> Span | None:
    x, y = argument_of(call, "x"), argument_of(call, "y")
    found = _same_split(context, x, y) if x is not None and y is not None else None
    return found[0].span(found[1]) if found is not None else None


def _parts_of_one(context: Context) -> Iterator[Finding]:
    """`x_train, y_train, x_test, y_test = train_test_split(x, y)`: the parts come array by array, so that a `fit` is
    given both parts of one array, which are of different lengths whatever the array is."""
    told: set[Span] = set()
    for call in context.report.calls:
        x, y = argument_of(call, "x"), argument_of(call, "y")
        if call.status == "failed" or call.paired or x is None or y is None:
            continue
        found = _same_split(context, x, y)
        if found is None or found[0].span(found[1]) in told:
            continue
        source, target, given = found
        told.add(source.span(target))
        lines = [
            f"`{x.name}` and `{y.name}` are both parts of `{given}`: `train_test_split` gives both parts of an array "
            "before those of the next",
            f"`{call.method}` will raise: ValueError: Data cardinality is ambiguous",
        ]
        yield finding(
            RULE, context, source.span(target), "\n".join(lines), call=call, evidence=Evidence.WOULD_RAISE,
            related=(Related(call.span, f"`{call.method}` raises here"),),
            fixes=tuple(_in_order(source, list(target.elts), source.span(target))),
        )  # fmt: skip


def _is_of_sklearn(source: SourceText, function: ast.expr) -> bool:
    """Whether a call is of scikit-learn's `train_test_split`: others of that name give their parts in another order."""
    if isinstance(function, ast.Attribute):
        return function.attr == "train_test_split" and search.last_part(function.value) == "model_selection"
    imports = [node for node in source.nodes if isinstance(node, ast.ImportFrom)]
    names = {item.asname or item.name for node in imports if (node.module or "").startswith("sklearn.")
             for item in node.names if item.name == "train_test_split"}  # fmt: skip
    made = {node.name for node in source.nodes if isinstance(node, ast.FunctionDef)}
    return isinstance(function, ast.Name) and function.id in names - made


def _same_split(context: Context, x: Argument, y: Argument) -> tuple[SourceText, ast.Tuple, str] | None:
    """The names that a `train_test_split` binds, two of which are those of the arguments, and the array that both are
    parts of; None where there is none, or where halves are as long as each other."""
    source = context.source(x.span.path) if x.span is not None else None
    if source is None or x.span is None or x.name is None or y.name is None:
        return None
    known = [written.assignments(source, name, x.span.line) for name in (x.name, y.name)]
    made = known[0][-1][0] if all(known) and known[0][-1][0] is known[1][-1][0] else None
    target, split = (made.targets[0], made.value) if made is not None else (None, None)
    if not isinstance(target, ast.Tuple) or not isinstance(split, ast.Call):
        return None
    names = [item.id if isinstance(item, ast.Name) else "" for item in target.elts]
    places = [names.index(name) for name in (x.name, y.name) if names.count(name) == 1]
    if not _is_of_sklearn(source, split.func) or len(names) != 2 * len(split.args) or len(names) != 4:
        return None
    size = edits.keyword(split, "test_size")
    unequal = size is None or (isinstance(size, ast.Constant) and size.value != 0.5 and isinstance(size.value, float))
    one_array = len(places) == 2 and places[0] // 2 == places[1] // 2 and places[0] != places[1]
    statement = source.statement_at(x.span.line)
    here = made is not None and statement is not None and source.function(made) is source.function(statement)
    if not unequal or not one_array or not here or edits.keyword(split, "train_size") is not None:
        return None
    return source, target, source.segment(split.args[places[0] // 2])


def _chosen_alike(context: Context, counted: list[tuple[Argument, int]]) -> list[Fix]:
    """`x[held]` beside `y[kept]`, `x[40:]` beside `y[:40]`: the rows of the one are chosen by what chose those of the
    other."""
    chosen: list[tuple[SourceText, ast.Subscript]] = []
    for argument, _ in counted:
        found = written.value_of(context, argument)
        if (
            found is not None
            and isinstance(found[1], ast.Subscript)
            and isinstance(found[1].slice, ast.Name | ast.Slice)
        ):
            chosen.append((found[0], found[1]))
    if len(chosen) != 2 or len(counted) != 2:
        return []
    fixes: list[Fix] = []
    for (source, node), (_, other) in (chosen[::-1], chosen):
        words = source.segment(other.slice)
        title = f"Take the rows of `{words}`: `{source.segment(node.value)}[{words}]`"
        fixes += fix(title, edits.replace(source, node.slice, words), cause=source.span(node))
    return fixes


def _chosen_elsewhere(context: Context, call: Call, counted: list[tuple[Argument, int]]) -> list[Fix]:
    """`fit(x[train], y, sample_weight=weigh(y[train]))`: the rows of an array given whole are chosen elsewhere in the
    call, or above it."""
    odd = _odd_one(counted)
    argument = odd[0] if odd is not None else None
    if argument is None or argument.span is None or argument.name is None:
        return []
    source = context.source(argument.span.path)
    node = source.at(argument.span, ast.expr) if source is not None else None
    if source is None or not isinstance(node, ast.Name):
        return []
    spelled = {
        source.segment(item): None
        for item in sorted(source.nodes, key=lambda item: -getattr(item, "lineno", 0))
        if isinstance(item, ast.Subscript) and isinstance(item.slice, ast.Name | ast.Slice)
        if isinstance(item.value, ast.Name) and item.value.id == node.id and item.lineno <= call.span.end_line
    }
    fixes: list[Fix] = []
    for words in list(spelled)[:2]:
        fixes += fix(f"Give the same rows: `{words}`", edits.replace(source, node, words), cause=argument.span)
    return fixes


def _of_another_part(context: Context, call: Call, counted: list[tuple[Argument, int]]) -> list[Fix]:
    """`fit(x_train, y_test)`: an array of the same kind and a name much like it that has the rows of the others. Of two
    such repairs the one that `fit` gets its training data by comes first, and other methods their own."""
    odd = _odd_one(counted)
    wanted = [(odd[0], odd[2])] if odd is not None else []
    if len(counted) == 2:
        (one, rows), (other, others) = counted
        wanted = [(other, rows), (one, others)]
    taken = {argument.name for argument in call.arguments}
    found: list[tuple[str, list[Fix]]] = []
    for argument, rows in wanted:
        shape = argument.tensors[0].shape if len(argument.tensors) == 1 else None
        if argument.name is None or argument.span is None or not shape:
            continue
        alike = [
            item.name
            for item in context.report.variables
            if item.kind == argument.kind and item.span.path == call.span.path and item.span.line < call.span.line
            if [tensor.shape for tensor in item.tensors] == [(rows, *shape[1:])] and item.name not in taken
        ]
        source = context.source(argument.span.path)
        node = source.at(argument.span, ast.expr) if source is not None else None
        akin = [name for name in alike if _parts(name)[0] == _parts(argument.name)[0]]
        for name in akin[-1:] or difflib.get_close_matches(argument.name, alike, 1, 0.5):
            if source is not None and isinstance(node, ast.Name):
                title = f"Give `{name}`, which has {rows:,} rows"
                found.append((name, fix(title, edits.replace(source, node, name), cause=argument.span)))
    of_training = call.method in ("fit", "train_on_batch") and not any(
        argument.role.startswith("validation_") for argument, _ in counted
    )
    found.sort(key=lambda item: ("tr" in item[0].lower()) is not of_training)
    return [item for _, fixes in found for item in fixes]


def _parts(name: str) -> list[str]:
    """`y_test` is of "y" and "test"."""
    return name.strip("_").split("_")


def _cut_too(context: Context, counted: list[tuple[Argument, int]]) -> list[Fix]:
    """`fit(x[300:], y)`: an array as long as `x` is, given whole beside it."""
    lengths = {item.name: _first(item.tensors[0].shape) for item in context.report.variables if len(item.tensors) == 1}
    cut: dict[int, str] = {}
    for argument, _ in counted:
        source = context.source(argument.span.path) if argument.span is not None else None
        node = source.at(argument.span, ast.expr) if source is not None and argument.span is not None else None
        for part in node.elts if isinstance(node, (ast.List, ast.Tuple)) else [node]:
            if source is not None and isinstance(part, ast.Subscript) and isinstance(part.slice, ast.Slice):
                rows = lengths.get(source.segment(part.value))
                if rows is not None:
                    cut[rows] = source.segment(part.slice)
    fixes: list[Fix] = []
    for argument, count in counted:
        if argument.name is not None and count in cut and lengths.get(argument.name) == count:
            title = f"Cut `{argument.name}` as the others are cut"
            fixes += operators.transform_argument(context, argument, "{}[" + cut[count] + "]", title)
    return fixes


def _split_too(context: Context, counted: list[tuple[Argument, int]]) -> list[Fix]:
    """Weights, or another input, of all samples beside arrays that `train_test_split` cut: they are cut with them."""
    fixes: list[Fix] = []
    most = max(count for _, count in counted)
    whole = [argument for argument, count in counted if count == most]
    parts = {argument.name for argument, count in counted if count < most}
    for source in context.sources.values():
        for statement in source.nodes:
            if not isinstance(statement, ast.Assign):
                continue
            made, target = statement.value, statement.targets[0]
            if not isinstance(made, ast.Call) or not isinstance(target, (ast.Tuple, ast.List)):
                continue
            names = [source.segment(item) for item in target.elts]
            name = whole[0].name if len(whole) == 1 else None
            if search.last_part(made.func) != "train_test_split" or not made.args or name is None:
                continue
            index = next((place % 2 for place, item in enumerate(names) if item in parts), None)
            known = written.assignments(source, name, statement.lineno - 1)
            if index is None or name in names or len(names) != 2 * len(made.args) or not known:
                continue
            given = edits.insert_after_item(source, made.args[-1], name)
            new = f"{name}, _" if index == 0 else f"_, {name}"
            bound = edits.insert_after_item(source, target.elts[-1], new)
            fixes += fix(f"Split `{name}` with the others", given, bound, cause=source.span(target))
    return fixes


def _axis(context: Context, counted: list[tuple[Argument, int]]) -> list[Fix]:
    """Data whose samples stand along another axis than the first, by the way they were made."""
    fixes: list[Fix] = []
    for argument, count in counted:
        other = next((number for item, number in counted if item is not argument and number != count), None)
        shape = argument.tensors[0].shape if len(argument.tensors) == 1 else None
        if other is None or not shape or not argument.role.endswith("x"):
            continue
        fixes += _made(context, argument, shape, other)
        if len(shape) == 2 and shape[1] == other:
            fixes += operators.transform_data(context, argument, "{}.T", f"Transpose `{argument.name or 'x'}`")
        if len(shape) > 2 and shape[0] == 1 and shape[1] == other:
            fixes += operators.transform_data(context, argument, "{}[0]", "Drop the first axis")
    return fixes


def _flattened(context: Context, counted: list[tuple[Argument, int]]) -> list[Fix]:
    """`eye(10)[labels].flatten()`: the rows of several numbers were joined to one."""
    fixes: list[Fix] = []
    for argument, count in counted:
        rows = min(number for _, number in counted)
        shape = argument.tensors[0].shape if len(argument.tensors) == 1 else None
        found = written.value_of(context, argument)
        if shape is None or len(shape) != 1 or found is None or not rows or count == rows or count % rows:
            continue
        source, node = found
        ending = node.func.attr if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else ""
        if ending in ("flatten", "ravel") and isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            kept = edits.replace(source, node, source.segment(node.func.value))
            fixes += fix(f"Leave out `.{ending}()`", kept, cause=source.span(node))
        title = f"Make {rows:,} rows of `{argument.name or argument.role}`"
        fixes += operators.transform_data(context, argument, "{}" + f".reshape({rows}, {count // rows})", title)
    return fixes


def _made(context: Context, argument: Argument, shape: tuple[int | None, ...], rows: int) -> list[Fix]:
    found = written.value_of(context, argument)
    if found is None or not isinstance(found[1], ast.Call):
        return []
    source, node = found[0], found[1]
    name = source.segment(node.func).rpartition(".")[2]
    span = source.span(node)
    if name == "expand_dims":
        return fix("Add the axis at the end", edits.set_argument(source, node, "axis", 1, "-1"), cause=span)
    if name in ("concatenate", "concat", "vstack") and shape[0] is not None and shape[0] > rows:
        if name == "vstack":
            hstack = source.segment(node.func)[: -len("vstack")] + "hstack"
            return fix("Put them side by side", edits.replace(source, node.func, hstack), cause=span)
        return fix("Join them along the last axis", edits.set_argument(source, node, "axis", 1, "-1"), cause=span)
    if name == "reshape" and all(size is not None for size in shape):
        total = 1
        for size in shape:
            total *= size or 1
        inner = 1
        for size in shape[1:-1]:
            inner *= size or 1
        if len(shape) > 1 and total % (rows * inner) == 0:
            return operators.reshape_in_place(source, node, shape[1:-1], total // (rows * inner), span)
    return []
