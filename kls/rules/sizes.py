"""What the sizes in the author's text come to, and the words there that would give another. Not a rule: repairs ask.

A size is evaluated as far as the text alone tells it: constants, names bound once, parameters by the calls of their
function or class, attributes that `__init__` sets, whole-number arithmetic.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

from kls import edits
from kls.facts import Fix, Span
from kls.rules import search
from kls.rules.context import Context, fix
from kls.source import SourceText
from kls.worker.protocol import Failure

_DEEP = 6
"""Names that are followed to the next, at most."""
_DRAWN = frozenset("zeros ones normal random_normal truncated_normal uniform random_uniform".split())
"""Functions of TensorFlow and Keras whose first argument is the shape of what they make."""
_WIDEST = 100_000
"""Sizes above which no divisor is looked for."""
MOST = 6
"""Candidates at most."""
_HOLDERS = (ast.Call, ast.keyword, ast.Assign, ast.Tuple, ast.List, ast.Dict)
"""What hands a size on as it stands."""


Instead = Mapping[ast.AST, int]
"""Numbers to take in place of those that the author wrote, by their nodes."""


def value(source: SourceText, node: ast.AST | None, deep: int = 0, instead: Instead | None = None) -> int | None:
    """The whole number that an expression comes to, None where the text does not tell."""
    if deep > _DEEP or node is None:
        return None
    if isinstance(node, ast.Constant):
        return (instead or {}).get(node, node.value) if type(node.value) is int else None
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = value(source, node.operand, deep + 1, instead)
        return None if inner is None else -inner
    if isinstance(node, ast.BinOp):
        left, right = (value(source, item, deep + 1, instead) for item in (node.left, node.right))
        return None if left is None or right is None else _computed(node.op, left, right)
    if isinstance(node, ast.Call) and search.last_part(node.func) == "int" and len(node.args) == 1:
        return value(source, node.args[0], deep + 1, instead)
    if isinstance(node, ast.Name):
        return _named(source, node, deep, instead)
    if isinstance(node, ast.Attribute) and search.root(node) == "self" and isinstance(node.value, ast.Name):
        made = attributes(source, node).get(node.attr)
        return value(source, made, deep + 1, instead)
    return None


def _computed(operator: ast.operator, left: int, right: int) -> int | None:
    if isinstance(operator, ast.Add):
        return left + right
    if isinstance(operator, ast.Sub):
        return left - right
    if isinstance(operator, ast.Mult):
        return left * right
    if isinstance(operator, ast.FloorDiv):
        return left // right if right else None
    if isinstance(operator, ast.Pow) and 0 <= right <= 4 and abs(left) < 100_000:
        return int(left**right)
    return None


def _named(source: SourceText, node: ast.Name, deep: int, instead: Instead | None) -> int | None:
    function = source.function(node)
    if isinstance(function, ast.FunctionDef):
        bound = _bindings(function, node.id)
        if len(bound) == 1:
            return value(source, bound[0], deep + 1, instead)
        if bound:
            return None
        if node.id in parameters(function):
            given = _given(source, function, node.id, deep, instead)
            return next(iter(given)) if len(given) == 1 else None
    bound = [made for _, target, made in source.assignments() if isinstance(target, ast.Name) and target.id == node.id]
    bound = [made for made in bound if source.function(made) is None]
    return value(source, bound[0], deep + 1, instead) if len(bound) == 1 else None


def _bindings(function: ast.FunctionDef, name: str) -> list[ast.expr]:
    return [
        item.value
        for item in ast.walk(function)
        if isinstance(item, ast.Assign)
        and any(isinstance(target, ast.Name) and target.id == name for target in item.targets)
    ]


def parameters(function: ast.FunctionDef) -> list[str]:
    """The names of a function's parameters, `self` aside."""
    return [item.arg for item in (*function.args.args, *function.args.kwonlyargs) if item.arg != "self"]


def _given(
    source: SourceText, function: ast.FunctionDef, name: str, deep: int, instead: Instead | None = None
) -> set[int | None]:
    """What the calls of a function give for a parameter, or its default."""
    names, defaults = [item.arg for item in function.args.args], function.args.defaults
    default = dict(zip(reversed(names), reversed(defaults), strict=False)).get(name)
    found: set[int | None] = set()
    for given in _arguments(source, function, name):
        found.add(value(source, given if given is not None else default, deep + 1, instead))
    return found or {value(source, default, deep + 1, instead)}


def _arguments(source: SourceText, function: ast.FunctionDef, name: str) -> list[ast.expr | None]:
    """What each call of a function, or of the class that it is `__init__` of, gives for a parameter."""
    owner = source.parents.get(function)
    called = owner.name if isinstance(owner, ast.ClassDef) and function.name == "__init__" else function.name
    position = parameters(function).index(name)
    calls = (call for call in source.calls() if search.last_part(call.func) == called)
    return [edits.argument(call, name, position) for call in calls]


def _may_be(source: SourceText, node: ast.expr, want: int) -> bool:
    """Whether an expression comes to `want`, or a parameter that it names does so in some call."""
    function = source.function(node)
    if isinstance(node, ast.Name) and isinstance(function, ast.FunctionDef) and node.id in parameters(function):
        return want in _given(source, function, node.id, 0)
    return value(source, node) == want


def attributes(source: SourceText, node: ast.AST) -> dict[str, ast.expr]:
    """What the class around `node` binds its attributes to, those that it binds once."""
    walk: ast.AST | None = node
    while walk is not None and not isinstance(walk, ast.ClassDef):
        walk = source.parents.get(walk)
    found: dict[str, ast.expr] = {}
    twice: set[str] = set()
    for item in ast.walk(walk) if walk is not None else ():
        if not isinstance(item, ast.Assign):
            continue
        for target in item.targets:
            pairs = [(target, item.value)]
            if isinstance(target, ast.Tuple) and isinstance(item.value, ast.Tuple):
                pairs = list(zip(target.elts, item.value.elts, strict=False))
            for place, made in pairs:
                if isinstance(place, ast.Attribute) and search.root(place) == "self":
                    if place.attr in found:
                        twice.add(place.attr)
                    found.setdefault(place.attr, made)
    return {name: made for name, made in found.items() if name not in twice}


# Repairs


def fitting_words(context: Context, failure: Failure) -> list[Fix]:
    """Of two sizes that disagree, one that the author wrote in words: another name of the same function or class that
    has the size, or the next arithmetic that gives it."""
    batches = search.batch_sizes(context, failure)
    pairs = [pair for pair in search.conflicts(failure) if not batches & set(pair)][:4]
    areas = [id(item) for item in _areas(context, failure)] or [0]
    ranked: list[tuple[int, int, int, int, Fix]] = []
    for rank, (have, want) in enumerate(pairs):
        for source in context.sources.values():
            for node in _slots(source):
                near = _near(areas, source, node)
                unknown = near < 2 and isinstance(node, ast.Subscript) and source.function(node) is not None
                if isinstance(node, ast.Constant) or not (unknown or _may_be(source, node, have)):
                    continue
                for text in [
                    *words(source, node, want),
                    *_arithmetic(source, node, want),
                    *_factor(source, node, want),
                ]:
                    order = (near, _foreign(source, node, text), rank, -node.lineno)
                    ranked += [(*order, item) for item in _said(source, node, text)]
            for statement, target, made in source.assignments():
                if isinstance(target, ast.Name) and isinstance(made, ast.BinOp) and value(source, made) == have:
                    near = _near(areas, source, made)
                    for text in _arithmetic(source, made, want):
                        title = f"Change `{target.id}` to `{text}`"
                        changed = edits.replace(source, made, text)
                        made_fix = fix(title, changed, cause=source.span(statement), safe=False)
                        ranked += [(near, 0, rank, -made.lineno, item) for item in made_fix]
    nearest = min((item[0] // 2 for item in ranked), default=0)
    ranked = [item for item in ranked if item[0] // 2 == nearest]
    ranked.sort(key=lambda item: (min(item[1], 0), *item[:4]))  # what the names speak for comes first
    once: dict[object, Fix] = {}
    for *_, item in ranked:
        once.setdefault(item.edits, item)
    return list(once.values())[:MOST]


def other_axes(context: Context, failure: Failure) -> list[Fix]:
    """`x.shape[0]`, of an array that has the size that is wanted along another axis: rows taken for columns."""
    known = {
        item.name: item.tensors[0].shape
        for item in context.report.variables
        if item.kind in ("array", "tensor", "frame") and len(item.tensors) == 1 and item.tensors[0].shape
    }
    pairs = set(search.conflicts(failure))
    fixes = _other_axes_of_input(context, failure, pairs)
    for source in context.sources.values():
        for node in source.nodes:
            if not isinstance(node, ast.Subscript) or not isinstance(node.value, ast.Attribute):
                continue
            if not isinstance(source.parents.get(node), _HOLDERS):
                continue
            array, index = node.value.value, value(source, node.slice)
            shape = known.get(array.id) if isinstance(array, ast.Name) and node.value.attr == "shape" else None
            if shape is None or index is None or not -len(shape) <= index < len(shape):
                continue
            for other, size in enumerate(shape):
                if (shape[index], size) in pairs:
                    fixes += _said(source, node, f"{source.segment(node.value)}[{other}]")
    return fixes[:MOST]


def _other_axes_of_input(context: Context, failure: Failure, pairs: set[tuple[int, int]]) -> list[Fix]:
    """`input_shape[-1]` in the `build` of the failing layer, where the size of another axis is wanted."""
    if len(failure.inputs) > 1:
        return _shapes_of_inputs(context, failure, pairs)
    shape = failure.inputs[0].shape if len(failure.inputs) == 1 else None
    fixes: list[Fix] = []
    for source in context.sources.values() if shape else ():
        for node in source.nodes:
            if not isinstance(node, ast.Subscript) or not isinstance(node.value, ast.Name) or shape is None:
                continue
            function, index = source.function(node), value(source, node.slice)
            owner = source.parents.get(function) if function is not None else None
            if not isinstance(function, ast.FunctionDef) or function.name != "build" or index is None:
                continue
            if not isinstance(owner, ast.ClassDef) or owner.name != failure.layer_cls:
                continue
            if node.value.id not in parameters(function) or not -len(shape) <= index < len(shape):
                continue
            have = shape[index]
            for other, size in enumerate(shape):
                if other and have is not None and size is not None and (have, size) in pairs:
                    text = -1 if other == len(shape) - 1 else other
                    fixes += _said(source, node, f"{node.value.id}[{text}]")
    return fixes


def _shapes_of_inputs(context: Context, failure: Failure, pairs: set[tuple[int, int]]) -> list[Fix]:
    """`shapes[1][-1]` in the `build` of the failing layer, where the size of another of its inputs is wanted."""
    shapes = [tensor.shape for tensor in failure.inputs]
    fixes: list[Fix] = []
    for source in context.sources.values():
        for node in source.nodes:
            inner = node.value if isinstance(node, ast.Subscript) else None
            if not isinstance(node, ast.Subscript) or not isinstance(inner, ast.Subscript):
                continue
            function = source.function(node)
            owner = source.parents.get(function) if function is not None else None
            if not isinstance(function, ast.FunctionDef) or function.name != "build":
                continue
            if not isinstance(owner, ast.ClassDef) or owner.name != failure.layer_cls:
                continue
            place, axis = value(source, inner.slice), value(source, node.slice)
            if place is None or axis is None or not 0 <= place < len(shapes) or shapes[place] is None:
                continue
            have = (shapes[place] or ())[axis] if -len(shapes[place] or ()) <= axis < len(shapes[place] or ()) else None
            for other, shape in enumerate(shapes):
                size = shape[axis] if shape and -len(shape) <= axis < len(shape) else None
                if other != place and have is not None and size is not None and (have, size) in pairs:
                    text = f"{source.segment(inner.value)}[{other}][{source.segment(node.slice)}]"
                    fixes += _said(source, node, text)
    return fixes


def dividing(context: Context, failure: Failure) -> list[Fix]:
    """`width // heads` that leaves a remainder, of a reshape that fails: the nearest number that divides the width."""
    if not re.search(r"[Rr]eshape", failure.message):
        return []
    fixes: list[Fix] = []
    for source in context.sources.values():
        for node in source.nodes:
            if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.FloorDiv):
                continue
            whole, parts = value(source, node.left), value(source, node.right)
            if not whole or not parts or not parts < whole <= _WIDEST or whole % parts == 0:
                continue
            new = min((abs(size - parts), size) for size in range(1, whole + 1) if whole % size == 0)[1]
            for place in _written(source, node.right):
                title = f"Change {parts} to {new}, which divides {whole:,}"
                changed = edits.replace(source, place, str(new))
                fixes += fix(title, changed, cause=_cause(source, place), safe=False)
    return fixes[:2]


def of_parts(context: Context, failure: Failure) -> list[Fix]:
    """Units that a split into parts does not divide: as many times what is named, as `2 * size` for a mean and a
    deviation of `size` numbers, or the next number that can be divided."""
    told = re.search(r"evenly divisible by (\d+) but is (\d+)", failure.message)
    parts, have = (int(told[1]), int(told[2])) if told is not None and "split" in failure.message.lower() else (0, 0)
    for layer in reversed(context.report.layers if parts else ()):
        found = context.call_node(layer.created) if layer.config.get("units") == have else None
        given = edits.argument(found[1], "units", 0) if found is not None else None
        if found is None or given is None:
            continue
        literal = isinstance(given, ast.Constant)
        text = str(-(-have // parts) * parts) if literal else f"{parts} * {edits.parenthesised(found[0], given)}"
        title = f"Set the units of `{layer.cls}` to `{text}`"
        return fix(title, edits.replace(found[0], given, text), cause=layer.created, safe=False)
    return []


def _written(source: SourceText, node: ast.expr) -> list[ast.Constant]:
    """Where the number that an expression comes to is written: there, or in the calls that give a parameter."""
    if isinstance(node, ast.Constant):
        return [node]
    function = source.function(node)
    if not isinstance(node, ast.Name) or not isinstance(function, ast.FunctionDef):
        return []
    if node.id not in parameters(function):
        return []
    return [item for item in _arguments(source, function, node.id) if isinstance(item, ast.Constant)]


def _near(areas: list[int], source: SourceText, node: ast.AST) -> int:
    """0 for what stands in the class or function that fails, 1 in another that takes part, 2 elsewhere."""
    area = id(_area(source, node))
    return 0 if area == areas[0] else 1 if area in areas else 2


def _foreign(source: SourceText, node: ast.expr, text: str) -> int:
    """Whether the name that the value is bound to speaks for what stands there (1) or for `text` in its place (-1): of
    `decoder_dense = Dense(encoder_words)` rather `decoder_words` is meant."""
    statement = source.statement(node)
    target = statement.targets[0] if isinstance(statement, ast.Assign) else None
    if not isinstance(target, (ast.Name, ast.Attribute)):
        return 0
    bound = _parts(target.id if isinstance(target, ast.Name) else target.attr)
    now, then = _parts(source.segment(node)), _parts(text)
    return len(bound & (now - then)) - len(bound & (then - now))


def _parts(name: str) -> set[str]:
    """The words in a name, each in the singular."""
    return {word.removesuffix("s") for word in re.findall(r"[A-Za-z]{3,}", name.replace("_", " ").lower())}


def _said(source: SourceText, node: ast.expr, text: str) -> list[Fix]:
    holder = search.holder(source, node)
    whole = " ".join(source.segment(holder).split()) if isinstance(holder, ast.expr) else ""
    title = f"Change `{source.segment(node)}` to `{text}`" + (f" in `{whole}`" if 0 < len(whole) < 50 else "")
    return fix(title, edits.replace(source, node, text), cause=_cause(source, node), safe=False)


def _cause(source: SourceText, node: ast.expr) -> Span:
    """The call or statement that a size is written in."""
    return source.span(search.holder(source, node))


def _areas(context: Context, failure: Failure) -> Iterator[ast.AST | None]:
    """The classes and functions that take part in a failure, the innermost first, None for the module itself."""
    spans = (*reversed(failure.frames), failure.layer_created, failure.layer_called)
    for span in spans:
        source = context.source(span.path) if span is not None else None
        statement = source.statement_at(span.line) if source is not None and span is not None else None
        if source is not None and statement is not None:
            yield _area(source, statement)


def _area(source: SourceText, node: ast.AST) -> ast.AST | None:
    """The class around `node`, else its function."""
    walk: ast.AST | None = node
    while walk is not None and not isinstance(walk, ast.ClassDef):
        walk = source.parents.get(walk)
    return walk or source.function(node)


def _slots(source: SourceText) -> Iterator[ast.expr]:
    """The expressions that give a layer, a weight, one-hot rows or a reshape their sizes."""
    for call in source.calls():
        name = search.last_part(call.func)
        if name in _DRAWN:
            shape = edits.argument(call, "shape", 0)
            yield from shape.elts if isinstance(shape, (ast.Tuple, ast.List)) else ()
            continue
        if not (search.makes_layer(call) or name in ("Input", "add_weight", "reshape", "one_hot")):
            continue
        for item in (*call.args, *(keyword.value for keyword in call.keywords)):
            yield from item.elts if isinstance(item, (ast.Tuple, ast.List)) else [item]


def words(source: SourceText, node: ast.expr, want: int) -> list[str]:
    """Names that may stand for `node` and have the size: parameters and names of its function, attributes of its
    class, constants of the module."""
    found: list[str] = []
    function = source.function(node)
    if isinstance(function, ast.FunctionDef):
        names = [name for name in parameters(function) if not _bindings(function, name)]
        found += [name for name in names if want in _given(source, function, name, 0)]
        kept = attributes(source, node) if not found else {}
        found += [f"self.{name}" for name, made in kept.items() if _may_be(source, made, want)]
    if not found:
        for _, target, made in source.assignments():
            if isinstance(target, ast.Name) and source.function(made) is None and value(source, target) == want:
                found.append(target.id)
    return [name for name in dict.fromkeys(found) if name != source.segment(node)][:2]


def _factor(source: SourceText, node: ast.expr, want: int) -> list[str]:
    """The product `node` with another last number that comes to `want`: `7 * 7 * 64` for `7 * 7 * 32`."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mult) or not isinstance(node.right, ast.Constant):
        return []
    others = value(source, node.left)
    return [f"{source.segment(node.left)} * {want // others}"] if others and want % others == 0 else []


def _arithmetic(source: SourceText, node: ast.expr, want: int) -> list[str]:
    """The arithmetic next to `node`'s that comes to `want`."""
    if not isinstance(node, ast.BinOp):
        return []
    text = source.segment(node)
    have = value(source, node)
    left, right = source.segment(node.left), source.segment(node.right)
    one, other = value(source, node.left), value(source, node.right)
    found: list[str] = []
    if have is not None and have > 1 and have**2 == want:
        found.append(f"({text}) ** 2")
    if isinstance(node.op, ast.Pow) and one == want:
        found.append(left)
    for sign, operator in (("*", ast.Mult()), ("//", ast.FloorDiv()), ("+", ast.Add()), ("-", ast.Sub())):
        if one is not None and other is not None and not isinstance(node.op, (type(operator), ast.Pow)):
            if _computed(operator, one, other) == want:
                found.append(f"{left} {sign} {right}")
    if isinstance(node.op, (ast.Add, ast.Sub)) and one == want:
        found.append(left)
    if have is not None and abs(have - want) == 1:
        found.append(f"{text} + 1" if want > have else f"{text} - 1")
    return found[:2]
