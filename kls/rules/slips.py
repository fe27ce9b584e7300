"""Small slips of the hand that a shape fault may come from, each to be tried by running. Not a rule: `suspects` asks.

A keyword that the layers of the same kind have and one has not, an axis that a reduction drops, arguments of a loss in
the wrong order, a wrapper that is missing before one layer.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from typing import Any

from kls import edits
from kls.facts import Edit, Fix
from kls.rules import beside, operators, search, wording, written
from kls.rules.beside import MERGES, unpacks
from kls.rules.context import Context, argument_of, compatible, failed_layer, fix
from kls.rules.ranks import RECURRENT
from kls.rules.sizes import attributes, value
from kls.source import SourceText
from kls.worker.protocol import Failure

MOST = 3
"""Candidates of one kind."""
_SHAPES = re.compile(r"shape|dimension|rank|ndim|axis|axes|broadcast|must be equal", re.IGNORECASE)
_SHARED = ("padding", "strides", "return_sequences")
"""What layers of one kind usually have in common, and what changes the shape of their output."""
_ENCODERS = {"pad_sequences": ("maxlen",), "to_categorical": ("num_classes",)}
"""Functions that the data of training and of validation go through, and what says how wide their rows become."""
_LOSSES = re.compile(r"loss|entropy|error|criterion|metric|accuracy|update_state|bce|mse|scce|cce", re.IGNORECASE)
_REDUCTIONS = ("reduce_sum", "reduce_mean", "reduce_max", "sum", "mean", "max", "norm", "argmax")


def certain(context: Context, failure: Failure) -> list[Fix]:
    """Candidates for which the failing expression itself speaks."""
    if not _SHAPES.search(failure.message):
        return []
    sides = wording.operands(failure.message)
    if sides is not None and sides[1] == sides[2]:  # rows of one width: only one of them can be meant to lie
        return _turned_products(context, failure)
    place = failure.layer_called or (failure.frames[-1] if failure.frames else None)
    source = context.source(place.path) if place is not None else None
    statement = source.statement_at(place.line) if source is not None and place is not None else None
    if statement is None:
        return []
    return _queries(context, {item.id for item in ast.walk(statement) if isinstance(item, ast.Name)})


def likely(context: Context, failure: Failure) -> list[Fix]:
    """Candidates for a failure that speaks of shapes."""
    if not _SHAPES.search(failure.message):
        return [*_one_output(context, failure), *_named_classes(context, failure)]
    return [
        *_axis_beside(context, failure),
        *_last_round(context),
        *_joined_where_told(context, failure),
        *_other_axis(context, failure),
        *_turned_products(context, failure),
        *_exchanged_labels(context, failure),
        *_order(context, failure),
        *_flattened_steps(context, failure),
        *_unused_layers(context),
        *beside.without(context, failure),
        *_as_the_others(context),
        *_reversed(context, failure),
        *_appended(context, failure),
        *_joined_rows(context, failure),
    ]


def possible(context: Context, failure: Failure) -> list[Fix]:
    """Candidates that less speaks for."""
    return _kept_axes(context, failure) if _SHAPES.search(failure.message) else []


def _as_the_others(context: Context) -> list[Fix]:
    """A layer without a keyword that most of the layers of its kind have, in the same file."""
    fixes: list[Fix] = []
    for source in context.sources.values():
        kinds: dict[str, list[ast.Call]] = {}
        for call in source.calls():
            if search.makes_layer(call) or search.last_part(call.func) in _ENCODERS:
                kinds.setdefault(search.last_part(call.func), []).append(call)
        for kind, calls in kinds.items():
            for name in _ENCODERS.get(kind, _SHARED):
                having = [text for call in calls if (text := _constant(source, call, name)) is not None]
                lacking = [call for call in calls if edits.keyword(call, name) is None]
                if not lacking or len(having) < len(lacking) or any(unpacks(call) for call in lacking):
                    continue
                text = Counter(having).most_common(1)[0][0]
                for call in reversed(lacking):
                    title = f"Set `{name}={text}`, as {'the' if len(having) == 1 else 'every'} other {kind} has it"
                    changed = edits.add_argument(source, call, f"{name}={text}")
                    fixes += fix(title, changed, cause=source.span(call))
    return fixes[:MOST]


def _constant(source: SourceText, call: ast.Call, name: str) -> str | None:
    value = edits.keyword(call, name)
    told = isinstance(value, (ast.Constant, ast.Tuple))
    shared = isinstance(value, ast.Name) and source.function(call) is None
    return source.segment(value) if value is not None and (told or shared) else None


def _order(context: Context, failure: Failure) -> list[Fix]:
    """`loss_fn(logits, y)`: a loss takes the labels first."""
    for source, call in search.calls(context, failure)[:2]:
        words = source.segment(call.func)
        if len(call.args) != 2 or not _LOSSES.search(words) or unpacks(call):
            continue
        one, other = (source.segment(item) for item in call.args)
        if isinstance(source.parents.get(call), ast.Call) and one == other:
            continue
        changes = edits.replace(source, call.args[0], other), edits.replace(source, call.args[1], one)
        return fix(f"Give the labels first: `{other}, {one}`", *changes, cause=source.span(call))
    return []


def _flattened_steps(context: Context, failure: Failure) -> list[Fix]:
    """A recurrent layer after layers that work on each step of a video: each step's map is flattened first."""
    given = failure.inputs[0].shape if failure.inputs else None
    found = context.call_node(failure.layer_created)
    if failure.layer_cls not in RECURRENT or "ConvLSTM" in (failure.layer_cls or "") or found is None:
        return []
    source, call = found
    wrappers = [node for node in source.calls() if search.last_part(node.func) == "TimeDistributed"]
    wrapped = bool(wrappers)
    bare = [
        node
        for node in source.calls()
        if node.lineno < call.lineno
        and re.match(r"Flatten|Global\w+2D$", search.last_part(node.func))
        and not isinstance(source.parents.get(node), ast.Call | ast.Attribute)
    ] + [
        node.args[0]
        for node in source.calls()
        if search.last_part(node.func) == "add"
        and node.lineno < call.lineno
        and len(node.args) == 1
        and isinstance(node.args[0], ast.Call)
        and re.match(r"Flatten|Global\w+2D$", search.last_part(node.args[0].func))
    ]
    if wrapped and bare and given is not None and len(given) == 2:
        form = f"{source.segment(wrappers[0].func)}({{}})"
        last = max(bare, key=lambda item: item.lineno)
        changed = edits.replace(source, last, form.format(source.segment(last)))
        return fix(f"On each step: `{form.format(source.segment(last))}`", changed, cause=source.span(last))
    if given is None or len(given) < 4 or not wrapped:
        return []
    flatten, imports = edits.callee_like(source, call, "Flatten")
    made = operators.insert_layer(context, failed_layer(failure), "TimeDistributed", f"{flatten}()")
    return [Fix(item.title, (*item.edits, *imports), None, item.safe, item.cause) for item in made]


def _kept_axes(context: Context, failure: Failure) -> list[Fix]:
    """A reduction along an axis inside a function of the author that drops the axis."""
    fixes: list[Fix] = []
    for source in context.sources.values():
        for call in source.calls():
            name = search.last_part(call.func)
            axis = edits.argument(call, "axis", 1)
            if name not in _REDUCTIONS or axis is None or source.function(call) is None or unpacks(call):
                continue
            if edits.keyword(call, "keepdims") is None and len(call.args) < 3 and search.root(call.func) != "np":
                changed = edits.add_argument(source, call, "keepdims=True")
                fixes += fix("Keep the axis: `keepdims=True`", changed, cause=source.span(call))
    return fixes[:MOST] if failure.frames else []


def _other_axis(context: Context, failure: Failure) -> list[Fix]:
    """A reduction in the failing statement that goes along another axis: of the batch for that of the classes."""
    place = failure.frames[-1] if failure.frames else None
    source = context.source(place.path) if place is not None else None
    statement = source.statement_at(place.line) if source is not None and place is not None else None
    if source is None or statement is None or wording.operands(failure.message) is None:
        return []
    fixes: list[Fix] = []
    for call in ast.walk(statement):
        if not isinstance(call, ast.Call) or search.last_part(call.func) not in _REDUCTIONS:
            continue
        axis = edits.argument(call, "axis", 1)
        now = value(source, axis)
        for other in (1, 0):
            if axis is not None and now is not None and other != now:
                title = f"Reduce along axis {other}"
                fixes += fix(title, edits.replace(source, axis, str(other)), cause=source.span(call))
    return fixes[:2]


def turned_reshapes(context: Context, given: tuple[int | None, ...], wanted: tuple[int | None, ...]) -> list[Fix]:
    """Reshapes, more than one, that lay out a sample in another order than the model takes it: all at once."""
    order = [index for size in wanted for index, other in enumerate(given) if size == other]
    if len(given) < 2 or len(order) != len(given) or sorted(order) != list(range(len(given))):
        return []
    for source in context.sources.values():
        changes: list[Edit] = []
        found: list[ast.Call] = []
        for call in source.calls():
            sizes = _laid_out(call)
            if len(sizes) != len(given) + 1:
                continue
            tail = sizes[1:]
            told = [value(source, node) for node in tail]
            if any(size is not None and size != known for size, known in zip(told, given, strict=True)):
                continue
            if all(size is None for size in told):
                continue
            texts = [source.segment(node) for node in tail]
            changes += [edits.replace(source, node, texts[place]) for node, place in zip(tail, order, strict=True)]
            found.append(call)
        if len(found) > 1:
            title = f"Reshape all of them to {edits.tuple_text(('…', *wanted))}"
            return fix(title, *changes, cause=source.span(found[0]))
    return []


def _laid_out(call: ast.Call) -> list[ast.expr]:
    """The sizes that a `reshape` is given one by one, or in a tuple."""
    if search.last_part(call.func) != "reshape" or not call.args:
        return []
    last = call.args[-1]
    if isinstance(last, (ast.Tuple, ast.List)):
        return list(last.elts)
    return list(call.args)


_ATTENDING = ("Attention", "AdditiveAttention", "MultiHeadAttention", "GroupQueryAttention")


def _queries(context: Context, joined: set[str]) -> list[Fix]:
    """The two sequences of an attention the other way round: its output has the steps of the first, and what it is
    joined with, one of the names `joined`, is the second."""
    fixes: list[Fix] = []
    for source in context.sources.values():
        for call in source.calls():
            if search.last_part(_made(source, call.func)) not in _ATTENDING:
                continue
            given = call.args[0].elts if call.args and isinstance(call.args[0], (ast.List, ast.Tuple)) else call.args
            texts = [source.segment(item) for item in given]
            asks = "".join(texts[:1]).lower().startswith("q")
            if len(texts) == 2 and len(set(texts)) == 2 and texts[1] in joined and not asks:
                one, other = given
                changes = edits.replace(source, one, texts[1]), edits.replace(source, other, texts[0])
                fixes += fix(f"Attend from `{texts[1]}` to `{texts[0]}`", *changes, cause=source.span(call))
    return fixes[:MOST]


def _made(source: SourceText, node: ast.expr) -> ast.expr:
    """The class of the layer that `node` stands for: a call of it, an attribute or a name bound to one; else `node`."""
    if isinstance(node, ast.Attribute) and search.root(node) == "self":
        node = attributes(source, node).get(node.attr, node)
    elif isinstance(node, ast.Name):
        bound = [made for _, target, made in source.assignments() if source.segment(target) == node.id]
        node = bound[0] if len(bound) == 1 else node
    return node.func if isinstance(node, ast.Call) else node


def _joined_where_told(context: Context, failure: Failure) -> list[Fix]:
    """`np.concatenate` along the one axis in which NumPy says that the arrays differ."""
    told = re.search(r"except for the concatenation axis .*but along dimension (\d+)", failure.message)
    fixes: list[Fix] = []
    for source, call in search.calls(context, failure)[:1] if told is not None else ():
        axis = edits.argument(call, "axis", 1)
        if told is not None and axis is not None and search.last_part(call.func) == "concatenate":
            changed = edits.replace(source, axis, told[1])
            fixes += fix(f"Join along axis {told[1]}", changed, cause=source.span(call))
    return fixes


def _joined_rows(context: Context, failure: Failure) -> list[Fix]:
    """`tf.concat` inside a function of the author along the other of the first two axes: two batches are one."""
    fixes: list[Fix] = []
    for source in context.sources.values():
        for call in source.calls():
            axis = edits.argument(call, "axis", 1)
            if search.last_part(call.func) not in ("concat", "concatenate") or not isinstance(axis, ast.Constant):
                continue
            other = {0: "1", 1: "0"}.get(axis.value) if type(axis.value) is int else None
            if other is not None and search.root(call.func) not in ("np", "numpy"):
                fixes += fix(f"Join along axis {other}", edits.replace(source, axis, other), cause=source.span(call))
    return fixes[:MOST]


def _axis_beside(context: Context, failure: Failure) -> list[Fix]:
    """`x - reduce_mean(x, axis=1)` in the failing statement: the axis is kept, so that the one fits the other."""
    place = failure.frames[-1] if failure.frames else None
    source = context.source(place.path) if place is not None else None
    statement = source.statement_at(place.line) if source is not None and place is not None else None
    fixes: list[Fix] = []
    for node in ast.walk(statement) if source is not None and statement is not None else ():
        if source is None or not isinstance(node, ast.BinOp):
            continue
        for one, other in ((node.left, node.right), (node.right, node.left)):
            if not isinstance(other, ast.Call) or search.last_part(other.func) not in _REDUCTIONS or not other.args:
                continue
            same = source.segment(other.args[0]) == source.segment(one)
            if same and edits.argument(other, "axis", 1) is not None and edits.keyword(other, "keepdims") is None:
                changed = edits.add_argument(source, other, "keepdims=True")
                fixes += fix("Keep the axis: `keepdims=True`", changed, cause=source.span(other))
    return fixes


def _last_round(context: Context) -> list[Fix]:
    """`index == len(sizes)` in a loop over `enumerate(sizes)` or `range(len(sizes))`, which never is."""
    fixes: list[Fix] = []
    for source in context.sources.values():
        for loop in source.nodes:
            if not isinstance(loop, ast.For) or not isinstance(loop.iter, ast.Call) or not loop.iter.args:
                continue
            kind, over = search.last_part(loop.iter.func), loop.iter.args[-1]
            counter = loop.target
            if kind == "enumerate" and isinstance(counter, ast.Tuple) and len(loop.iter.args) == 1:
                counter, end = counter.elts[0], f"len({source.segment(over)})"
            elif kind == "range" and len(loop.iter.args) == 1:
                end = source.segment(over)
            else:
                continue
            for node in ast.walk(loop):
                sides = [node.left, *node.comparators] if isinstance(node, ast.Compare) else []
                if len(sides) != 2 or not isinstance(counter, ast.Name):
                    continue
                texts = [source.segment(side) for side in sides]
                if isinstance(node, ast.Compare) and sorted(texts) == sorted([counter.id, end]):
                    if not isinstance(node.ops[0], (ast.Eq, ast.NotEq, ast.GtE, ast.Lt)):
                        continue
                    changed = edits.replace(source, sides[texts.index(end)], f"{end} - 1")
                    fixes += fix(f"The last round is `{end} - 1`", changed, cause=source.span(node))
    return fixes[:MOST]


def _unused_layers(context: Context) -> list[Fix]:
    """A layer that `__init__` makes and no method uses, before the first layer of `call` that a wrong rank reaches."""
    fixes: list[Fix] = []
    for source in context.sources.values():
        for node in source.nodes:
            if not isinstance(node, ast.ClassDef):
                continue
            made = {
                name: search.last_part(value.func)
                for name, value in attributes(source, node).items()
                if isinstance(value, ast.Call) and search.makes_layer(value)
            }
            used = {
                item.attr
                for item in ast.walk(node)
                if isinstance(item, ast.Attribute) and isinstance(item.ctx, ast.Load) and search.root(item) == "self"
            }
            call = next((item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == "call"), None)
            for name in sorted(made.keys() - used):
                if call is not None and (made[name] == "Flatten" or made[name].startswith("Global")):
                    fixes += _called_before_dense(source, call, name, made)
    return fixes[:MOST]


def _called_before_dense(source: SourceText, call: ast.FunctionDef, name: str, made: dict[str, str]) -> list[Fix]:
    for statement in call.body:
        for item in ast.walk(statement):
            if not (isinstance(item, ast.Call) and isinstance(item.func, ast.Attribute) and len(item.args) == 1):
                continue
            if made.get(item.func.attr) != "Dense" or isinstance(item.args[0], ast.Call):
                continue
            given = source.segment(item.args[0])
            changed = edits.replace(source, item.args[0], f"self.{name}({given})")
            title = f"Call `self.{name}`, which is made and not used"
            return fix(title, changed, cause=source.span(statement))
    return []


def _one_output(context: Context, failure: Failure) -> list[Fix]:
    """A model that is given all outputs of another one, where it takes one of them."""
    several = re.search(r"expects 1 (?:named )?input.*received (\d+) input", failure.message)
    found = context.call_node(failure.layer_called)
    found = found or (context.call_node(failure.frames[-1]) if failure.frames else None)
    spec: dict[str, Any] = next(iter(failure.facts.get("input_spec") or ()), None) or {}
    wanted: tuple[int | None, ...] | None = spec.get("shape")
    if several is None or found is None or len(found[1].args) != 1:
        return []
    source, call = found
    fits = [
        index
        for index, tensor in enumerate(failure.inputs)
        if wanted is None or (tensor.shape is not None and tuple(tensor.shape) == tuple(wanted))
    ]
    fixes: list[Fix] = []
    for index in reversed(fits):
        text = f"{source.segment(call.args[0])}[{index}]"
        changed = edits.replace(source, call.args[0], text)
        fixes += fix(f"Give one of its outputs: `{text}`", changed, cause=source.span(call))
    return fixes[:MOST]


def _turned_products(context: Context, failure: Failure) -> list[Fix]:
    """`tf.matmul(q, k)` of two tensors that have the same last axis: the second one transposed, or no longer so."""
    fixes: list[Fix] = []
    for source, call in search.calls(context, failure)[:2]:
        statement = source.statement(call)
        for item in ast.walk(statement) if statement is not None else ():
            if not isinstance(item, ast.Call) or search.last_part(item.func) != "matmul" or len(item.args) != 2:
                continue
            words = source.segment(item.args[1])
            if search.root(item.func) not in ("tf", "tensorflow"):
                if isinstance(item.func, ast.Attribute):
                    turned = f"{source.segment(item.func.value)}.swapaxes({words}, -1, -2)"
                    changed = edits.replace(source, item.args[1], turned)
                    fixes += fix(f"Transpose `{words}`", changed, cause=source.span(item))
                continue
            told = edits.keyword(item, "transpose_b")
            changed = (
                edits.add_argument(source, item, "transpose_b=True")
                if told is None
                else edits.remove_argument(source, item, "transpose_b")
            )
            title = f"Transpose `{words}`" if told is None else f"Do not transpose `{words}`"
            fixes += fix(title, changed, cause=source.span(item))
    return fixes[:MOST]


def told_labels(context: Context, failure: Failure) -> list[Fix]:
    """`fit(x, [kinds, boxes])` for a model that gives boxes first, as the shapes of both say."""
    call = context.sink(failure)
    model = context.model_of(call) if call is not None else None
    labels = argument_of(call, "y") if call is not None else None
    given = [tensor.shape or () for tensor in labels.tensors] if labels is not None else []
    wanted = [tensor.shape or () for tensor in model.outputs] if model is not None else []
    if len(given) != 2 or len(wanted) != 2 or not all((*given, *wanted)):
        return []
    fits = [compatible(mine[1:], its[1:]) for mine, its in zip(given, wanted, strict=True)]
    turned = [compatible(mine[1:], its[1:]) for mine, its in zip(given[::-1], wanted, strict=True)]
    return _exchanged_labels(context, failure) if all(turned) and not any(fits) else []


def _exchanged_labels(context: Context, failure: Failure) -> list[Fix]:
    """`fit(x, [kinds, boxes])` for a model that gives boxes first."""
    call = context.sink(failure)
    found = context.call_node(call.span) if call is not None else None
    given = edits.argument(found[1], "y", 1) if found is not None else None
    if call is None or found is None or not isinstance(given, (ast.List, ast.Tuple)) or len(given.elts) != 2:
        return []
    source = found[0]
    one, other = (source.segment(item) for item in given.elts)
    changes = edits.replace(source, given.elts[0], other), edits.replace(source, given.elts[1], one)
    return fix(f"Give the labels in the order of the outputs: `{other}, {one}`", *changes, cause=source.span(given))


def _named_classes(context: Context, failure: Failure) -> list[Fix]:
    """`to_categorical` of names: numbered first."""
    if "invalid literal for int()" not in failure.message:
        return []
    for source, call in search.calls(context, failure)[:2]:
        np = written.module_name(source, "numpy")
        if search.last_part(call.func) == "to_categorical" and call.args and np is not None:
            changed = edits.wrap(source, call.args[0], f"{np}.unique({{}}, return_inverse=True)[1]")
            return fix("Number the classes first", changed, cause=source.span(call))
    return []


def _reversed(context: Context, failure: Failure) -> list[Fix]:
    """A loop that joins what was kept in a list, in the order in which it was kept: the last comes first."""
    place = failure.layer_called or (failure.frames[-1] if failure.frames else None)
    source = context.source(place.path) if place is not None else None
    walk: ast.AST | None = source.statement_at(place.line) if source is not None and place is not None else None
    while source is not None and walk is not None and not isinstance(walk, ast.For):
        walk = source.parents.get(walk)
    if failure.layer_cls not in MERGES or source is None or not isinstance(walk, ast.For):
        return []
    joined = {item.id for item in ast.walk(walk.iter) if isinstance(item, ast.Name)}
    without: list[Fix] = []
    for call in source.calls():
        name = call.args[0] if search.last_part(call.func) == "reversed" and len(call.args) == 1 else None
        bound = source.parents.get(call)
        told = isinstance(bound, ast.Assign) and source.segment(bound.targets[0]) in joined
        if isinstance(name, ast.Name) and (told or any(item is call for item in ast.walk(walk.iter))):
            changed = edits.replace(source, name, f"{name.id}[:-1]")
            title = f"Leave out the last, which is where they begin: `{name.id}[:-1]`"
            without += fix(title, changed, cause=source.span(call))
    whole = walk.iter
    lists = whole.args if isinstance(whole, ast.Call) and search.last_part(whole.func) == "zip" else [whole]
    fixes: list[Fix] = []
    for item in reversed(lists):
        if isinstance(item, (ast.Name, ast.Subscript)):
            changed = edits.wrap(source, item, "reversed({})")
            title = f"Take them from the last: `reversed({source.segment(item)})`"
            fixes += fix(title, changed, cause=source.span(walk.iter))
    return [*without[:1], *_by_number(source, walk), *fixes[:MOST]]


def _by_number(source: SourceText, loop: ast.For) -> list[Fix]:
    """`kept[index]` in such a loop, counted from the other end, or from one further."""
    counters = {item.id for item in ast.walk(loop.target) if isinstance(item, ast.Name)}
    fixes: list[Fix] = []
    for node in (item for statement in loop.body for item in ast.walk(statement)):
        if not isinstance(node, ast.Subscript) or not isinstance(node.value, ast.Name):
            continue
        counter = next((item.id for item in ast.walk(node.slice) if isinstance(item, ast.Name)), None)
        if counter not in counters:
            continue
        now = source.segment(node.slice)
        texts = [f"-1 - {counter}", *([counter] if now != counter else []), *([f"{now} - 1"] if now != counter else [])]
        for text in texts:
            title = f"Take `{node.value.id}[{text}]`"
            fixes += fix(title, edits.replace(source, node.slice, text), cause=source.span(node))
    return fixes[:MOST]


def _appended(context: Context, failure: Failure) -> list[Fix]:
    """Tensors of several ranks that a loop collects in a list before they are joined: the longer ones flattened."""
    ranks = {len(tensor.shape) for tensor in failure.inputs if tensor.shape is not None}
    found = context.call_node(failure.layer_called)
    if failure.layer_cls not in MERGES or len(ranks) < 2 or found is None or not found[1].args:
        return []
    source, call = found
    name = source.segment(call.args[0])
    made = call.func if isinstance(call.func, ast.Call) else call
    flatten, imports = edits.callee_like(source, made, "Flatten")
    fixes: list[Fix] = []
    for item in source.calls():
        adds = isinstance(item.func, ast.Attribute) and item.func.attr == "append"
        if adds and item.args and source.segment(item.func) == f"{name}.append":
            words = source.segment(item.args[0])
            changed = edits.replace(source, item.args[0], f"{flatten}()({words})")
            fixes += fix(f"Flatten `{words}`", changed, *imports, cause=source.span(item))
    return fixes[:MOST]


def put_through(context: Context, name: str, before: int) -> list[Fix]:
    """The function of the author through which other data of the program go and `name` does not."""
    fixes: list[Fix] = []
    for source in context.sources.values():
        functions = {item.name for item in source.nodes if isinstance(item, ast.FunctionDef)}
        known = source.tree.body if source.tree is not None else []
        for statement in known:
            value = statement.value if isinstance(statement, ast.Assign) else None
            target = statement.targets[0] if isinstance(statement, ast.Assign) else None
            if not (isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and isinstance(target, ast.Name)):
                continue
            same = len(value.args) == 1 and source.segment(value.args[0]) == target.id
            if value.func.id in functions and same and target.id != name and statement.lineno < before:
                line = f"{name} = {value.func.id}({name})"
                changed = edits.insert_after(source, statement, line)
                fixes += fix(f"Prepare `{name}` too: `{line}`", changed, cause=source.span(statement))
    return fixes[:1]
