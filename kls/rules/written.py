"""What the author's text says about a sink's data: where a name was assigned, and small repairs of that text.

`operators` goes by the values that the dry run recorded; this module goes by the syntax tree, for what has no record: a
Python list, a generator, the arguments of `compile`.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterable, Iterator, Sequence

from kls import edits
from kls.facts import Edit, Fix, Span
from kls.rules.context import Context, fix
from kls.source import SourceText
from kls.worker.protocol import Argument, Call, Model


def assignments(source: SourceText, name: str, line: int) -> list[tuple[ast.Assign, ast.expr | None]]:
    """The assignments of `name` at or above `line`, oldest first, each with the value that is the name's own."""
    found: list[tuple[ast.Assign, ast.expr | None]] = []
    for node in source.nodes:
        if not isinstance(node, ast.Assign) or node.lineno > line:
            continue
        for target in node.targets:
            if isinstance(target, ast.Name) and target.id == name:
                found.append((node, node.value))
            elif isinstance(target, (ast.Tuple, ast.List)):
                for index, item in enumerate(target.elts):
                    if not isinstance(item, ast.Name):
                        if any(
                            isinstance(inner, ast.Name) and inner.id == name and isinstance(inner.ctx, ast.Store)
                            for inner in ast.walk(item)
                        ):
                            found.append((node, None))
                    elif item.id == name:
                        paired = isinstance(node.value, (ast.Tuple, ast.List)) and len(node.value.elts) == len(
                            target.elts
                        )
                        found.append((node, node.value.elts[index] if paired else None))  # type: ignore[attr-defined]
    return sorted(found, key=lambda item: item[0].lineno)


def whole(source: SourceText, name: str, line: int) -> tuple[ast.Assign, str, int] | None:
    """What the rows that `name` holds at `line` were taken from, by a slice or `train_test_split`: the assignment that
    bound it last, its name, and how many names hold parts of it."""
    known = assignments(source, name, line)
    origin = _taken_from(known[-1][0], known[-1][1], name) if known else None
    if origin is None:
        return None
    before = assignments(source, origin, known[-1][0].lineno - 1)
    made = [item for item in before if source.function(item[0]) is source.function(known[-1][0])]
    if not made:
        return None
    parts = {
        item.id
        for node, target, value in source.assignments()
        if node.lineno >= made[-1][0].lineno
        for item in ([target] if isinstance(target, ast.Name) else getattr(target, "elts", []))
        if isinstance(item, ast.Name) and _taken_from(node, value, item.id) == origin
    }
    return made[-1][0], origin, len(parts)


def _taken_from(statement: ast.Assign, value: ast.expr | None, name: str) -> str | None:
    """The name of the array of which `statement` binds some rows to `name`."""
    if isinstance(value, ast.Subscript) and isinstance(value.slice, ast.Slice) and isinstance(value.value, ast.Name):
        return value.value.id if value.value.id != name else None
    call, target = statement.value, statement.targets[0]
    if not (isinstance(call, ast.Call) and isinstance(target, (ast.Tuple, ast.List))):
        return None
    called = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    names = [item.id if isinstance(item, ast.Name) else "" for item in target.elts]
    if called != "train_test_split" or name not in names or len(names) != 2 * len(call.args):
        return None
    given = call.args[names.index(name) // 2]
    return given.id if isinstance(given, ast.Name) and given.id != name else None


def value_of(context: Context, argument: Argument | None) -> tuple[SourceText, ast.expr] | None:
    """The expression that made an argument: its last assignment's value, else the argument's own text."""
    if argument is None or argument.span is None:
        return None
    source = context.source(argument.span.path)
    node = source.at(argument.span, ast.expr) if source is not None else None
    if source is None or node is None:
        return None
    for _ in range(4):
        if not isinstance(node, ast.Name):
            break
        known = assignments(source, node.id, argument.span.line)
        if not known or known[-1][1] is None:
            break
        node = known[-1][1]
    return source, node


def given_from(source: SourceText, node: ast.expr) -> tuple[ast.expr, ast.Call] | None:
    """Where the value of a parameter is written: the argument of the one call of its function, or of the class that it
    is `__init__` of, and that call.

    None for anything but the name of a parameter that nothing else in the function binds.
    """
    walk: ast.AST | None = node if isinstance(node, ast.Name) else None
    while walk is not None and not isinstance(walk, ast.FunctionDef):
        walk = source.parents.get(walk)
    if walk is None or not isinstance(node, ast.Name):
        return None
    names = [item.arg for item in walk.args.args]
    stored = [item for item in ast.walk(walk) if isinstance(item, ast.Name) and item.id == node.id]
    owner = source.parents.get(walk)
    made = owner.name if walk.name == "__init__" and isinstance(owner, ast.ClassDef) else walk.name
    called = [item for item in source.calls() if source.segment(item.func).rpartition(".")[2] == made]
    if node.id not in names or len(called) != 1 or any(isinstance(item.ctx, ast.Store) for item in stored):
        return None
    position = names.index(node.id) - (1 if names[0] == "self" else 0)
    value = edits.argument(called[0], node.id, position)
    return (value, called[0]) if value is not None else None


def parameter_value(source: SourceText, node: ast.expr) -> ast.expr:
    """What the name of a parameter stands for: the argument of the one call of its function, else its default; any
    other expression itself."""
    given = given_from(source, node)
    function = source.function(node)
    if given is not None or not isinstance(node, ast.Name) or not isinstance(function, ast.FunctionDef):
        return given[0] if given is not None else node
    names, defaults = [item.arg for item in function.args.args], function.args.defaults
    defaulted = dict(zip(reversed(names), reversed(defaults), strict=False))
    return defaulted.get(node.id, node)


def module_name(source: SourceText, module: str) -> str | None:
    """How the file names a module it imports: `np` for numpy, `keras` or `tf.keras` for keras."""
    for node in source.nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name == module:
                    return alias.asname or alias.name
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                if f"{node.module}.{alias.name}" in (module, f"tensorflow.{module}"):
                    return alias.asname or alias.name
    if module == "keras":
        root = module_name(source, "tensorflow")
        return f"{root}.keras" if root is not None else None
    return None


def wrap_arguments(context: Context, forms: Iterable[tuple[Argument, str]], title: str, *besides: Edit) -> list[Fix]:
    """Put several argument expressions of one sink through their forms at once, and make the edits `besides`."""
    changes: list[Edit | None] = list(besides)
    cause: Span | None = None
    for argument, form in forms:
        source = context.source(argument.span.path) if argument.span is not None else None
        node = source.at(argument.span, ast.expr) if source is not None else None
        if source is None or node is None:
            return []
        cause = cause or argument.span
        changes.append(edits.wrap(source, node, form))
    return fix(title, *changes, cause=cause)


def drop_argument(source: SourceText, call: ast.Call, node: ast.expr) -> Edit | None:
    """Take one argument, given by position or by name, out of `call`."""
    for item in call.keywords:
        if item.value is node and item.arg is not None:
            return edits.remove_argument(source, call, item.arg)
    if node not in call.args:
        return None
    index = call.args.index(node)
    span = source.span(node)
    if index > 0:
        before = source.span(call.args[index - 1])
        return Edit(Span(span.path, before.end_line, before.end_column, span.end_line, span.end_column), "")
    following = [*call.args[1:], *call.keywords]
    if following:
        after = source.span(following[0])
        return Edit(Span(span.path, span.line, span.column, after.line, after.column), "")
    return Edit(span, "")


def remove_sink_argument(context: Context, call: Call, name: str, position: int | None, title: str) -> list[Fix]:
    """Leave out one argument of a sink."""
    found = context.call_node(call.span)
    value = edits.argument(found[1], name, position) if found is not None else None
    if found is None or value is None:
        return []
    return fix(title, drop_argument(found[0], found[1], value), cause=found[0].span(value))


def literal(context: Context, argument: Argument | None, kind: type[ast.expr]) -> list[tuple[SourceText, ast.expr]]:
    """The literals of one kind in the expression that made an argument, outermost first."""
    found = value_of(context, argument)
    if found is None:
        return []
    return [(found[0], node) for node in ast.walk(found[1]) if isinstance(node, kind)]


def rename_keys(
    nodes: Sequence[tuple[SourceText, ast.expr]], given: Sequence[str], wanted: Sequence[str]
) -> Iterator[Fix]:
    """Renames of the keys of a dictionary literal so that they are `wanted`, in it alone and wherever its file has
    them."""
    missing = [name for name in wanted if name not in given]
    extra = [name for name in given if name not in wanted]
    for source, node in nodes:
        if not isinstance(node, ast.Dict) or not missing or len(extra) < len(missing):
            continue
        keys = {item.value: item for item in node.keys if isinstance(item, ast.Constant)}
        if not set(extra) <= set(keys):
            continue
        changes: list[Edit | None] = []
        told: list[str] = []
        renamed: dict[str, str] = {}
        left = list(extra)
        for name in missing:
            close = difflib.get_close_matches(name, left, 1, 0.0) or left[:1]
            left.remove(close[0])
            renamed[close[0]] = name
            changes.append(_renamed(source, keys[close[0]], name))
            told.append(f'"{close[0]}" to "{name}"')
        title = f"Rename the key {', '.join(told)}"
        yield from fix(title, *changes, cause=source.span(node))
        others = [other for other in source.nodes if isinstance(other, ast.Dict) and other is not node]
        more = [
            _renamed(source, key, renamed[key.value])
            for other in others
            for key in other.keys
            if isinstance(key, ast.Constant) and key.value in renamed
        ]
        if more:
            yield from fix(f"{title}, everywhere", *changes, *more, cause=source.span(node))
        return


def _renamed(source: SourceText, key: ast.expr, name: str) -> Edit | None:
    quote = source.segment(key)[0]
    return edits.replace(source, key, f"{quote}{name}{quote}")


def names_of(context: Context, keys: Sequence[int]) -> list[str]:
    """The names of layers by key."""
    return [context.layers[key][0].name for key in keys if key in context.layers]


def compile_call(context: Context, model: Model | None) -> tuple[SourceText, ast.Call] | None:
    """The model's `compile(…)`; by the text where the dry run saw none succeed."""
    if model is None:
        return None
    found = context.call_node(model.compiled)
    if found is not None:
        return found
    for source in context.sources.values():
        for node in source.calls():
            if isinstance(node.func, ast.Attribute) and node.func.attr == "compile":
                owner = source.segment(node.func.value)
                if model.variable is None or owner in (model.variable, f"self.{model.variable}"):
                    return source, node
    return None


def returns(source: SourceText, function: str, statement: ast.Assign, name: str) -> ast.expr | None:
    """What the one `return` of a function of the file gives for `name`, which `statement` binds to its result."""
    made = [item for item in source.nodes if isinstance(item, ast.FunctionDef) and item.name == function]
    found = [item.value for item in ast.walk(made[0]) if isinstance(item, ast.Return)] if len(made) == 1 else []
    value = found[0] if len(found) == 1 else None
    target = statement.targets[0]
    if isinstance(target, ast.Name):
        return value if target.id == name and not isinstance(value, ast.Tuple) else None
    if not (isinstance(target, (ast.Tuple, ast.List)) and isinstance(value, ast.Tuple)):
        return None
    for item, given in zip(target.elts, value.elts, strict=False):
        if isinstance(item, ast.Name) and item.id == name:
            return given
    return None


def yielded(context: Context, argument: Argument) -> list[tuple[SourceText, ast.expr]]:
    """The expressions that the function or class behind an argument yields or returns."""
    found = value_of(context, argument)
    if found is None:
        return []
    _, node = found
    target = node.func if isinstance(node, ast.Call) else node
    name = target.id if isinstance(target, ast.Name) else target.attr if isinstance(target, ast.Attribute) else None
    for place in context.sources.values():
        for item in place.nodes:
            if isinstance(item, (ast.FunctionDef, ast.ClassDef)) and item.name == name:
                return [(place, value) for value in _yields(item)]
    return []


def _yields(item: ast.FunctionDef | ast.ClassDef) -> Iterator[ast.expr]:
    if isinstance(item, ast.ClassDef):
        for inner in item.body:
            if isinstance(inner, ast.FunctionDef) and inner.name in ("__getitem__", "__next__"):
                yield from (
                    node.value for node in ast.walk(inner) if isinstance(node, ast.Return) and node.value is not None
                )
        return
    for node in ast.walk(item):
        if isinstance(node, ast.Yield) and node.value is not None:
            yield node.value
