"""Two things the wrong way round, one value unlike the others of its kind, several tensors where one belongs, an input
that is not there yet. Not a rule: `suspects` asks.

`strong` are what the program itself speaks for, `weak` what only a trial can speak for, as in `suspects`.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator

from kls import edits
from kls.facts import Fix
from kls.rules import search, states, written
from kls.rules.context import Context, argument_of, compatible, fix
from kls.source import SourceText
from kls.worker.protocol import Failure, Layer

MOST = 4
"""Candidates of one kind."""
_LONGEST = 12
"""Numbers that a list is filled up to, at most."""
_GIVEN_ALIKE = ("padding", "strides", "size", "pool_size", "kernel_size", "data_format")
"""Arguments of which a program gives all layers of a kind the same."""
_OF_SHAPES = re.compile(r"shape|ndim|rank|axis|dimension|dtype|expects|incompatible|element")
_UNBUILT = re.compile(
    r"(is|was|has|are)n.t (yet )?(been )?built|never built|not (yet )?(been )?built|expected 0 variables"
    r"|no defined (in|out)puts yet"
)
_LABELS = re.compile(r"label|target|class|truth|^y", re.IGNORECASE)


def strong(context: Context, failure: Failure) -> list[Fix]:
    """Candidates that the rest of the program speaks for."""
    return [
        *_ends_exchanged(context, failure),
        *_pairs_exchanged(context, failure),
        *_inputs_exchanged(context, failure),
        *_labels_dropped(context, failure),
        *_unbuilt(context, failure),
        *_letters_exchanged(context, failure),
        *_ends_of_a_sequential(context, failure),
        *_for_sklearn(context, failure),
        *_vectorized(context, failure),
        *_projected(context, failure),
        *states.strong(context, failure),
        *_ends_of_a_model(context, failure),
        *_odd_ones(context, failure),
        *_made_for_nothing(context, failure),
    ]


def weak(context: Context, failure: Failure) -> list[Fix]:
    """Candidates that only a trial can speak for."""
    return [
        *_left_out_of_merge(context, failure),
        *_not_merged(context, failure),
        *_as_many_numbers(context, failure),
        *_arguments_exchanged(context, failure),
        *_neighbours_exchanged(context, failure),
    ]


# The wrong way round


def _exchange(source: SourceText, one: ast.expr, other: ast.expr, title: str, around: ast.expr) -> list[Fix]:
    changes = (
        edits.replace(source, one, source.segment(other)),
        edits.replace(source, other, source.segment(one)),
    )
    return fix(title, *changes, cause=source.span(around))


def _ends_exchanged(context: Context, failure: Failure) -> list[Fix]:
    """`Model(outputs, inputs)`."""
    if not re.search(r"not connected|disconnected|Input tensors|must come from|inputs", failure.message):
        return []
    fixes: list[Fix] = []
    for source, call in search.calls(context, failure):
        given = call.args[:2]
        if search.last_part(call.func) == "Model" and len(given) == 2 and "in" in source.segment(given[1]).lower():
            fixes += _exchange(source, given[0], given[1], "Exchange the model's inputs and outputs", call)
    return fixes[:1]


def _pairs_exchanged(context: Context, failure: Failure) -> list[Fix]:
    """A dataset whose second part is what the model takes, and the first is not; in a loop of the author's own, one
    whose names say so."""
    if failure.call is None and _OF_SHAPES.search(failure.message):
        wrong = [pair for pair in _pairs(context) if not _reads_right(pair)]
        return [item for pair in wrong for item in _pair_exchanged(*pair)][:MOST]
    call = context.sink(failure)
    model = context.model_of(call) if call is not None else None
    x = argument_of(call, "validation_x" if failure.stage.startswith("validation") else "x") if call else None
    if model is not None and not model.inputs and x is not None and x.kind == "dataset":
        wrong = [pair for pair in _pairs(context) if not _reads_right(pair)]
        return [item for pair in wrong for item in _pair_exchanged(*pair)][:MOST]
    if call is None or model is None or len(model.inputs) != 1 or x is None:
        return []
    parts = {item.path: item.shape for item in x.tensors}
    wanted, first, second = model.inputs[0].shape, parts.get("0"), parts.get("1")
    if not wanted or not first or not second:
        return []
    if compatible(first[1:], wanted[1:]) or None in second[1:] or not compatible(second[1:], wanted[1:]):
        return []
    fixes: list[Fix] = []
    for source, pair in sorted(_pairs(context), key=_reads_right):
        fixes += _pair_exchanged(source, pair)
    return fixes[:MOST]


def _pair_exchanged(source: SourceText, pair: ast.Tuple) -> list[Fix]:
    one, other = (source.segment(item) for item in pair.elts)
    title = f"Give the data first: `({other}, {one})`" if len(one + other) < 60 else "Give the data first"
    return _exchange(source, pair.elts[0], pair.elts[1], title, pair)


def _inputs_exchanged(context: Context, failure: Failure) -> list[Fix]:
    """`critic([actions, states])`: a model that is called with its two inputs the other way round."""
    models = {item.variable for item in context.report.models if len(item.inputs) == 2}
    found = context.call_node(failure.frames[-1]) if failure.frames and failure.call is None else None
    given = found[1].args[0] if found is not None and found[1].args else None
    if found is None or not isinstance(given, (ast.List, ast.Tuple)) or len(given.elts) != 2:
        return []
    source, (one, other) = found[0], given.elts
    if source.segment(found[1].func) not in models:
        return []
    title = f"Give them in the other order: `{source.segment(other)}, {source.segment(one)}`"
    return _exchange(source, one, other, title, found[1])


def _reads_right(place: tuple[SourceText, ast.Tuple]) -> bool:
    """Whether the names of a pair say that its labels are second."""
    source, pair = place
    return not _LABELS.search(source.segment(pair.elts[0])) or bool(_LABELS.search(source.segment(pair.elts[1])))


def _pairs(context: Context) -> Iterator[tuple[SourceText, ast.Tuple]]:
    """The pairs that functions and lambdas return or yield, and those that datasets are made of."""
    for source in context.sources.values():
        for node in source.nodes:
            value: ast.expr | None = None
            if isinstance(node, ast.Lambda):
                value = node.body
            elif isinstance(node, (ast.Return, ast.Yield)):
                value = node.value
            elif isinstance(node, ast.Call) and search.last_part(node.func) in ("from_tensor_slices", "zip"):
                value = node.args[0] if node.args else None
            if isinstance(value, ast.Tuple) and len(value.elts) == 2:
                yield source, value


def _labels_dropped(context: Context, failure: Failure) -> list[Fix]:
    """`map(lambda x, y: f(x))` in a program whose `fit` finds no labels."""
    if "None values not supported" not in failure.message and "no labels" not in failure.message:
        return []
    fixes: list[Fix] = []
    for source in context.sources.values():
        for node in source.nodes:
            if not isinstance(node, ast.Lambda) or len(node.args.args) != 2 or isinstance(node.body, ast.Tuple):
                continue
            names, body = [item.arg for item in node.args.args], node.body
            if names[1] not in {item.id for item in ast.walk(body) if isinstance(item, ast.Name)}:
                edit = edits.tuple_of(source, body, names[1:])
                fixes += fix(f"Give `{names[1]}` on", edit, cause=source.span(node))
    return fixes[:MOST]


def _as_many_numbers(context: Context, failure: Failure) -> list[Fix]:
    """A list of numbers, such as weights of classes, that is longer or shorter than what it meets."""
    fixes: list[Fix] = []
    for have, need in search.conflicts(failure)[:4]:
        for source in context.sources.values():
            for node in source.nodes:
                if not isinstance(node, ast.List) or len(node.elts) != have or not 1 < need <= _LONGEST:
                    continue
                if all(isinstance(item, ast.Constant) and isinstance(item.value, float) for item in node.elts):
                    texts = [source.segment(item) for item in node.elts]
                    text = f"[{', '.join([*texts[:need], *['1.0'] * (need - have)])}]"
                    fixes += fix(f"Give {need} numbers: `{text}`", edits.replace(source, node, text),
                                 cause=source.span(node))  # fmt: skip
    return fixes[:2]


def _arguments_exchanged(context: Context, failure: Failure) -> list[Fix]:
    """A call of the author's own with its first two arguments the other way round, the innermost call first."""
    fixes: list[Fix] = []
    for span in reversed(failure.frames):
        found = context.call_node(span)
        given = found[1].args if found is not None else []
        if found is None or len(given) < 2 or search.last_part(found[1].func) in ("fit", "evaluate", "zip"):
            continue
        one, other = given[:2]
        if all(isinstance(item, (ast.Name, ast.Attribute)) for item in (one, other)):
            words = f"`{found[0].segment(other)}, {found[0].segment(one)}`"
            fixes += _exchange(found[0], one, other, f"Give them in the other order: {words}", found[1])
    return fixes[:2]


def _letters_exchanged(context: Context, failure: Failure) -> list[Fix]:
    """Two letters of one operand of an `einsum` in the other order."""
    fixes: list[Fix] = []
    for source, call in search.calls(context, failure)[:2]:
        told = call.args[0] if call.args and search.last_part(call.func) == "einsum" else None
        if not isinstance(told, ast.Constant) or not isinstance(told.value, str) or "->" not in told.value:
            continue
        given, result = told.value.split("->", 1)
        operands, quote = given.split(","), source.segment(told)[:1]
        for place, letters in enumerate(operands):
            for index in range(len(letters) - 1):
                one, other = letters[index], letters[index + 1]
                if not (one.isalpha() and other.isalpha()):
                    continue
                turned = letters[:index] + other + one + letters[index + 2 :]
                text = ",".join([*operands[:place], turned, *operands[place + 1 :]]) + "->" + result
                changed = edits.replace(source, told, f"{quote}{text}{quote}")
                fixes += fix(f"Exchange two letters: `{text}`", changed, cause=source.span(call))
    return fixes[:_LETTERS]


_LETTERS = 6
"""Orders of letters that are tried, at most."""


def _neighbours_exchanged(context: Context, failure: Failure) -> list[Fix]:
    """Two layers of a list in the other order: the one that failed and those beside it."""
    if not _OF_SHAPES.search(failure.message):
        return []
    fixes: list[Fix] = []
    for source, call in search.calls(context, failure):
        parent = source.parents.get(call)
        items = parent.elts if isinstance(parent, ast.List) and call in parent.elts else []
        if search.last_part(call.func) == "Sequential" and call.args and isinstance(call.args[0], ast.List):
            whole = call.args[0].elts
            if len(whole) == 2:
                fixes += _exchange(source, whole[0], whole[1], "Put the two in the other order", call.args[0])
        for index in range(len(items) - 1):
            one, other = items[index], items[index + 1]
            if call in (one, other) and isinstance(one, ast.Call) and isinstance(other, ast.Call):
                names = search.last_part(other.func), search.last_part(one.func)
                if names[0] != names[1] and "Input" not in names:
                    fixes += _exchange(source, one, other, f"Put {names[0]} before {names[1]}", one)
    return fixes[:MOST]


# What is not there yet


def _unbuilt(context: Context, failure: Failure) -> list[Fix]:
    """A Sequential without an input that is asked for its weights: the input as the data, or another model, have it."""
    if not _UNBUILT.search(failure.message):
        return []
    shapes = [item.shape[1:] for call in context.report.calls for argument in call.arguments if argument.role == "x"
              for item in argument.tensors[:1] if item.shape]  # fmt: skip
    shapes += [model.inputs[0].shape[1:] for model in context.report.models if model.inputs and model.inputs[0].shape]
    known = [shape for shape in dict.fromkeys(shapes) if shape and None not in shape]
    fixes: list[Fix] = []
    for source in context.sources.values():
        for call in source.calls():
            value = call.args[0] if search.last_part(call.func) == "Sequential" and call.args else None
            first = value.elts[0] if isinstance(value, ast.List) and value.elts else None
            if not isinstance(first, ast.Call) or search.last_part(first.func) in ("Input", "InputLayer"):
                continue
            if edits.keyword(first, "input_shape") is not None:
                continue
            for shape in known[:2]:
                name, imports = edits.callee_like(source, first, "Input")
                edit = edits.insert_layer(source, first, f"{name}({edits.tuple_text(shape)})")
                title = f"Begin with an input of shape {edits.tuple_text(shape)}"
                fixes += fix(title, edit, *imports, cause=source.span(first))
    return fixes[:MOST]


def _ends_of_a_sequential(context: Context, failure: Failure) -> list[Fix]:
    """`branch.output` of a Sequential that was never called: its `outputs[0]`, and its input alike, wherever asked."""
    place = failure.frames[-1] if failure.frames else None
    source = context.source(place.path) if place is not None else None
    asked = source.at(place, ast.Attribute) if source is not None and place is not None else None
    if source is None or asked is None or not isinstance(asked.value, ast.Name):
        return []
    if not re.search(r"never been called and thus has no defined (?:in|out)put", failure.message):
        return []
    name = asked.value.id
    changes = [
        edits.replace(source, node, f"{name}.{node.attr}s[0]")
        for node in source.nodes
        if isinstance(node, ast.Attribute) and node.attr in ("input", "output")
        if isinstance(node.value, ast.Name) and node.value.id == name
    ]
    return fix(f"Ask for `{name}.inputs[0]` and `{name}.outputs[0]`", *changes, cause=place)


def _for_sklearn(context: Context, failure: Failure) -> list[Fix]:
    """What scikit-learn takes: rows and columns (sklearn/utils/validation.py), and to be fitted first."""
    fixes: list[Fix] = []
    one = re.search("Expected 2D array, got 1D array|Expected a 2-dimensional container", failure.message) is not None
    many = re.search(r"Found array with dim \d", failure.message) is not None
    for source, call in search.calls(context, failure)[:1]:
        given = call.args[0] if call.args else None
        if one and isinstance(given, ast.Subscript) and isinstance(given.slice, ast.Constant):
            if isinstance(given.slice.value, int) and given.slice.value >= 0:
                place = given.slice.value
                text = f"{source.segment(given.value)}[{place}:{place + 1}]"
                fixes += fix(
                    f"Give it as one row: `{text}`", edits.replace(source, given, text), cause=source.span(call)
                )
            elif isinstance(given.slice.value, str):
                text = f"{source.segment(given.value)}[[{source.segment(given.slice)}]]"
                fixes += fix(
                    f"Give a table of one column: `{text}`", edits.replace(source, given, text), cause=source.span(call)
                )
        if one and isinstance(given, ast.Name):
            known = [item for item, _ in written.assignments(source, given.id, call.lineno - 1)][-1:]
            if any(re.search(r"\.i?loc\[[^\],:]+\]$", source.segment(item.value)) for item in known):
                text = f"{given.id}.to_frame().T"
                changed = edits.replace(source, given, text)
                fixes += fix(f"Give a table of one row: `{text}`", changed, cause=source.span(call))
        if (one or many) and call.args:
            array = "{}.to_numpy()" if "2-dimensional container" in failure.message else "{}"
            form = f"{array}.reshape(-1, 1)" if one else "{}.reshape(len({}), -1)"
            text = source.segment(call.args[0])
            title = f"Give it rows and columns: `{form.replace('{}', text)}`"
            fixes += fix(title, edits.replace(source, call.args[0], form.replace("{}", text)), cause=source.span(call))
        np = written.module_name(source, "numpy")
        width = re.search(
            r"operand with shape \(\w+,1\) doesn't match the broadcast shape \(\w+,(\d+)\)", failure.message
        )
        column = _target_column(source)
        if width is not None and column is not None and np is not None and call.args:
            given = source.segment(call.args[0])
            text = f"{source.segment(call.func)}({np}.repeat({given}, {width[1]}, axis=1))[:, {column}]"
            title = f"Scale column {column} back, of {width[1]} columns"
            kept = f"{text[: -len(str(column)) - 1]}[{column}]]"
            for words, changed in ((title, text), (f"{title}, and keep its axis", kept)):
                fixes += fix(words, edits.replace(source, call, changed), cause=source.span(call))
        if failure.exception == "NotFittedError" and isinstance(call.func, ast.Attribute):
            if call.func.attr == "transform":
                owner = source.segment(call.func.value)
                edit = edits.replace(source, call.func, f"{owner}.fit_transform")
                fixes += fix("Fit it on these data: `fit_transform`", edit, cause=source.span(call), safe=False)
    return fixes


def permuted(context: Context, failure: Failure) -> list[Fix]:
    """Steps and channels the other way round in one of two joined tensors: `Permute((2, 1))`."""
    shapes = [tuple(tensor.shape) for tensor in failure.inputs if tensor.shape]
    found = context.call_node(failure.layer_called)
    turned = len(shapes) == 2 and len(shapes[0]) == 3 and shapes[0][1:] == shapes[1][:0:-1] != shapes[1][1:]
    if not turned or failure.layer_cls not in _JOINED or found is None:
        return []
    source, call = found
    outer = source.parents.get(call)
    call = outer if isinstance(outer, ast.Call) and outer.func is call else call
    given = call.args[0].elts if call.args and isinstance(call.args[0], (ast.List, ast.Tuple)) else []
    made = call.func if isinstance(call.func, ast.Call) else call
    permute, imports = edits.callee_like(source, made, "Permute")
    fixes: list[Fix] = []
    for item in reversed(given):
        words = source.segment(item)
        changed = edits.replace(source, item, f"{permute}((2, 1))({words})")
        fixes += fix(f"Turn `{words}`: `{permute}((2, 1))`", changed, *imports, cause=source.span(call))
    return fixes


_JOINED = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")


def _ends_of_a_model(context: Context, failure: Failure) -> list[Fix]:
    """`Model(inputs=base, …)`: the tensor that the model begins or ends with, in the place of the model."""
    told = re.search(
        r"All `(inputs|outputs)` values must be KerasTensors.*<(?:Functional|Sequential) name", failure.message
    )
    models = {model.variable for model in context.report.models}
    fixes: list[Fix] = []
    for source, call in search.calls(context, failure) if told is not None else ():
        given = edits.argument(call, told[1], 0 if told[1] == "inputs" else 1) if told is not None else None
        end = told[1].removesuffix("s") if told is not None else ""
        for item in given.elts if isinstance(given, (ast.List, ast.Tuple)) else [given]:
            if isinstance(item, ast.Name) and item.id in models:
                changed = edits.replace(source, item, f"{item.id}.{end}")
                fixes += fix(f"Give its tensor: `{item.id}.{end}`", changed, cause=source.span(item))
    return fixes[:1]


def _target_column(source: SourceText) -> int | None:
    """The column that the targets are taken from, where the file says one: `y = values[10:, 2]`,
    `Y.append(data[i, 0])`; None where it says none, or several."""
    columns: set[int] = set()
    for node in source.nodes:
        name, value = "", None
        if isinstance(node, ast.Assign):
            name, value = source.segment(node.targets[0]), node.value
        elif isinstance(node, ast.Call) and search.last_part(node.func) == "append" and node.args:
            name, value = source.segment(node.func), node.args[0]
        if isinstance(value, ast.Subscript) and isinstance(value.slice, ast.Tuple) and _LABELS.search(name.lower()):
            last = value.slice.elts[-1]
            if isinstance(last, ast.Constant) and isinstance(last.value, int):
                columns.add(last.value)
    return columns.pop() if len(columns) == 1 else None


def _vectorized(context: Context, failure: Failure) -> list[Fix]:
    """Texts given to a model of numbers, in a program that has a layer which makes numbers of them."""
    call = context.sink(failure)
    x = argument_of(call, "x") if call is not None else None
    source = context.source(x.span.path) if x is not None and x.span is not None else None
    given = source.at(x.span, ast.expr) if source is not None and x is not None else None
    if source is None or given is None or x is None or not any("str" in str(item.dtype) for item in x.tensors):
        return []
    fixes: list[Fix] = []
    for _, target, value in source.assignments():
        if isinstance(value, ast.Call) and search.last_part(value.func) in ("TextVectorization", "StringLookup"):
            name, words = source.segment(target), source.segment(given)
            edit = edits.replace(source, given, f"{name}({words})")
            fixes += fix(f"Give `{name}({words})`", edit, cause=source.span(given))
    return fixes[:MOST]


def _projected(context: Context, failure: Failure) -> list[Fix]:
    """`x + y` in a layer of the author, whose convolutions change the size or the channels of `y`: a convolution of one
    place brings `x` to the same."""
    fixes: list[Fix] = []
    for span in reversed(failure.frames):
        source = context.source(span.path)
        node = source.at(span, ast.BinOp) if source is not None else None
        function = source.function(node) if source is not None and node is not None else None
        owner = source.parents.get(function) if source is not None and function is not None else None
        if source is None or node is None or function is None or not isinstance(owner, ast.ClassDef):
            continue
        made = next(
            (item for item in owner.body if isinstance(item, ast.FunctionDef) and item.name == "__init__"), None
        )
        first = next((item for item in ast.walk(made or owner) if isinstance(item, ast.Call)
                      and search.last_part(item.func) == "Conv2D" and item.args), None)  # fmt: skip
        given = {item.arg for item in function.args.args[1:]} if isinstance(function, ast.FunctionDef) else set[str]()
        sides = [side for side in (node.left, node.right) if isinstance(side, ast.Name) and side.id in given]
        if made is None or first is None or len(sides) != 1 or not isinstance(node.op, ast.Add):
            continue
        strides = edits.keyword(first, "strides")
        step = f", strides={source.segment(strides)}" if strides is not None else ""
        layer = f'{source.segment(first.func)}({source.segment(first.args[0])}, 1{step}, padding="same")'
        changes = (
            edits.insert_after(source, made.body[-1], f"self.shortcut = {layer}"),
            edits.wrap(source, sides[0], "self.shortcut({})"),
        )
        title = f"Bring `{source.segment(sides[0])}` to the same shape by a convolution"
        fixes += fix(title, *changes, cause=span)
    return fixes[:1]


# Unlike the others of the kind


def _odd_ones(context: Context, failure: Failure) -> list[Fix]:
    """A layer that gives an argument another value than all others of its class, which give it alike."""
    if not re.search(r"shape|size|dimension|axis|[Ss]ee|element", failure.message):
        return []
    kinds: dict[str, dict[tuple[str, int, int], tuple[SourceText, ast.Call, Layer]]] = {}
    for layer in context.report.layers:
        found = context.call_node(layer.created)
        if found is not None and layer.created is not None:
            span = layer.created
            kinds.setdefault(layer.cls, {}).setdefault((span.path, span.line, span.column), (*found, layer))
    fixes: list[Fix] = []
    for made in kinds.values():
        for name in _GIVEN_ALIKE:
            given = [(item, _said(item[0], item[1], name)) for item in made.values()]
            votes = Counter(text for _, text in given)
            if "" in votes:
                continue
            for usual, count in votes.most_common(2):
                odd = [item for item, text in given if text != usual]
                pair = len(given) == 2 and len(votes) == 2
                if len(odd) == 1 and (count > 1 or pair):
                    source, call, layer = odd[0]
                    edit = edits.set_argument(source, call, name, None, usual)
                    title = f"Give {layer.cls} `{name}={usual}`, as its like"
                    fixes += fix(title, edit, cause=source.span(call))
    return fixes[:MOST]


def _said(source: SourceText, call: ast.Call, name: str) -> str:
    """How a call gives the keyword `name`, "" where it does not."""
    value = edits.keyword(call, name)
    return source.segment(value) if value is not None else ""


# One tensor or several


def _not_merged(context: Context, failure: Failure) -> list[Fix]:
    """A list of tensors that a layer for one tensor is given."""
    if not re.search(r"expects 1 input\(s\), but it received \d+|Cannot convert '\(\(", failure.message):
        return []
    fixes: list[Fix] = []
    for source, call in search.calls(context, failure):
        value = call.args[0] if len(call.args) == 1 else None
        if isinstance(value, ast.Name):
            value = _bound(source, value.id, call.lineno)
        if not isinstance(value, (ast.List, ast.Tuple)) or not isinstance(call.func, ast.Call):
            continue
        for name in ("Concatenate", "Add"):
            made, imports = edits.callee_like(source, call.func, name)
            text = f"{made}()([{', '.join(source.segment(item) for item in value.elts)}])"
            edit = edits.replace(source, value, text)
            fixes += fix(f"Join them with `{name}`", edit, *imports, cause=source.span(value))
    return fixes[:2]


def _made_for_nothing(context: Context, failure: Failure) -> list[Fix]:
    """A tensor that nothing reads once it is made, for one of those that a layer of several is given."""
    fixes: list[Fix] = []
    for source, call in search.calls(context, failure) if len(failure.inputs) > 1 else ():
        given = call.args[0] if call.args else None
        operands = given.elts if isinstance(given, (ast.List, ast.Tuple)) else call.args
        known = {item.id for item in operands if isinstance(item, ast.Name)}
        for name in search.tensors_before(context, source.path, call.lineno):
            made = _bound(source, name, call.lineno)
            if made is None or name in known or _is_read(source, name, made.end_lineno or made.lineno):
                continue
            for item in operands:
                if isinstance(item, ast.Name):
                    title = f"Give it `{name}`, which nothing reads, for `{item.id}`"
                    fixes += fix(title, edits.replace(source, item, name), cause=source.span(call))
    return fixes[:MOST]


def _is_read(source: SourceText, name: str, after: int) -> bool:
    return any(
        isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load) and node.lineno > after
        for node in source.nodes
    )


def _bound(source: SourceText, name: str, line: int) -> ast.expr | None:
    """What `name` was last assigned before `line`, wherever that stands in the file."""
    known = [(made.lineno, value) for made, target, value in source.assignments() if source.segment(target) == name]
    before = [(at, value) for at, value in known if at < line]
    return max(before, key=lambda item: item[0])[1] if before else None


def _left_out_of_merge(context: Context, failure: Failure) -> list[Fix]:
    """A layer for two tensors that is given one."""
    if not re.search(r"list of (at least )?2 inputs|list of inputs|expects [2-9] .*received 1", failure.message):
        return []
    fixes: list[Fix] = []
    for source, call in search.calls(context, failure):
        value = call.args[0] if len(call.args) == 1 else None
        if value is None:
            continue
        have = value.elts if isinstance(value, (ast.List, ast.Tuple)) else [value]
        known = {item.id for node in have for item in ast.walk(node) if isinstance(item, ast.Name)}
        for name in search.tensors_before(context, source.path, call.lineno):
            if name not in known:
                text = f"[{', '.join([*map(source.segment, have), name])}]"
                fixes += fix(f"Give it `{name}` too", edits.replace(source, value, text), cause=source.span(call))
    return fixes[:MOST]
