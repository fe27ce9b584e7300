"""What a program does to the training data in a line of its own, and forgets to do to the others. Not a rule: others
ask.
"""

from __future__ import annotations

import ast
import re

from kls import edits
from kls.facts import Fix
from kls.rules import search, written
from kls.rules.context import Context, argument_of, fix
from kls.source import SourceText
from kls.worker.protocol import Argument, Call, Failure

_PART = re.compile(r"train(?:ing)?|test(?:ing)?|valid(?:ation)?|val|dev|eval|tr|te|ts", re.IGNORECASE)
"""What names of data say of the part that they hold."""
MOST = 3
"""Candidates of one kind."""


def stem(name: str) -> str:
    """A name without what it says of the part of the data that it holds."""
    return _PART.sub("", name)


def strong(context: Context, failure: Failure) -> list[Fix]:
    """What the labels of one call go through and those of the failing one do not; the columns of another table."""
    call = context.sink(failure)
    if re.search(r"\bfeatures\b|[Ee]xpected (?:axis|shape)|[Ii]nvalid input shape", failure.message):
        return _same_columns(context)
    if call is None or not failure.stage.endswith(("loss", "metrics")):
        return []
    prefix = "validation_" if failure.stage.startswith("validation") else ""
    labels = argument_of(call, f"{prefix}y")
    if labels is None or labels.name is None:
        return []
    return [*made_alike(context, call, labels), *done_alike(context, labels.name, call.span.line)]


def _same_columns(context: Context) -> list[Fix]:
    """`test = pd.get_dummies(test)` with the columns that `train` got: a word that one of them lacks makes none."""
    fixes: list[Fix] = []
    for source in context.sources.values():
        made: dict[str, ast.Assign] = {}
        for statement, target, value in source.assignments():
            called = isinstance(value, ast.Call) and search.last_part(value.func) == "get_dummies"
            if called and isinstance(target, ast.Name) and source.function(statement) is None:
                made[target.id] = statement
        first = next(iter(made), None)
        for name in list(made)[1:]:
            line = f"{name} = {name}.reindex(columns={first}.columns, fill_value=0)"
            changed = edits.insert_after(source, made[name], line)
            fixes += fix(f"Give `{name}` the columns of `{first}`: `{line}`", changed, cause=source.span(made[name]))
    return fixes[:MOST]


def done_alike(context: Context, name: str, before: int) -> list[Fix]:
    """`x_train = x_train.reshape(…)` for `x_test` too, which the model is given at line `before`, alone or as a part of
    an expression."""
    fixes: list[Fix] = []
    for source in context.sources.values():
        bound = {source.segment(target) for _, target, _ in source.assignments()}
        bound |= {item.id for node in source.nodes if isinstance(node, ast.Assign)
                  for target in node.targets for item in ast.walk(target) if isinstance(item, ast.Name)}  # fmt: skip
        for wanted in _made_of(source, name, before):
            for statement, target in _own_changes(source, before):
                if target != wanted and stem(target) == stem(wanted):
                    fixes += _once_more(source, statement, target, wanted, bound, before)
    return fixes[:MOST]


def _made_of(source: SourceText, name: str, before: int) -> list[str]:
    """A name and those in the expression that it is bound to."""
    known = written.assignments(source, name, before - 1)
    value = known[-1][1] if known else None
    inner = [item.id for item in ast.walk(value) if isinstance(item, ast.Name)] if value is not None else []
    return list(dict.fromkeys([name, *inner]))


def _own_changes(source: SourceText, before: int) -> list[tuple[ast.Assign, str]]:
    """The statements above a line that bind a name to something made of itself."""
    found: list[tuple[ast.Assign, str]] = []
    for node in source.nodes:
        target = node.targets[0] if isinstance(node, ast.Assign) and len(node.targets) == 1 else None
        if not isinstance(node, ast.Assign) or not isinstance(target, ast.Name) or node.lineno >= before:
            continue
        if any(isinstance(item, ast.Name) and item.id == target.id for item in ast.walk(node.value)):
            found.append((node, target.id))
    return found


def _once_more(
    source: SourceText, statement: ast.Assign, target: str, wanted: str, bound: set[str], before: int
) -> list[Fix]:
    """The line for the other part, behind it or behind where that part comes from."""
    part, other = _PART.search(target), _PART.search(wanted)
    if part is None or other is None:
        return []
    names = {item.id for item in ast.walk(statement.value) if isinstance(item, ast.Name)}
    renamed = {item: item.replace(part[0], other[0]) for item in names if part[0] in item}
    renamed = {item: new for item, new in renamed.items() if new in bound} | {target: wanted}
    words = source.segment(statement.value)
    line = f"{wanted} = " + re.sub(r"(?<![.\w])[A-Za-z_]\w*", lambda item: renamed.get(item[0], item[0]), words)
    here = source.function(statement)
    known = [made for made, _ in written.assignments(source, wanted, before - 1) if source.function(made) is here]
    if not known or "\n" in line or any(source.segment(made) == line for made in known):
        return []
    anchor = max((statement, known[-1]), key=lambda item: item.lineno)
    changed = edits.insert_after(source, anchor, line)
    return fix(f"Do the same with `{wanted}`: `{line}`", changed, cause=source.span(anchor))


def made_alike(context: Context, call: Call, argument: Argument) -> list[Fix]:
    """`X_test = test[:, :, np.newaxis]`, as `X_train = train[:, :, np.newaxis]` was made for the same model, where the
    one is bound to something else than the other."""
    fixes: list[Fix] = []
    name, role = argument.name, argument.role.removeprefix("validation_")
    others = [argument_of(item, role) for item in context.report.calls if item.model == call.model and item is not call]
    for other in dict.fromkeys(item.name for item in (*others, argument_of(call, role)) if item is not None):
        for source in context.sources.values() if other is not None and name not in (None, other) else ():
            theirs = written.assignments(source, other or "", call.span.line - 1)
            own = written.assignments(source, name or "", call.span.line - 1)
            pattern, value = theirs[-1][1] if theirs else None, own[-1][1] if own else None
            if pattern is None or value is None:
                continue
            text = _of_the_other(source, pattern, value)
            if text not in (None, source.segment(value)):
                changed = edits.replace(source, value, text or "")
                fixes += fix(f"Make `{name}` as `{other}`: `{text}`", changed, cause=source.span(own[-1][0]))
    return fixes[:MOST]


def _of_the_other(source: SourceText, pattern: ast.expr, value: ast.expr) -> str | None:
    """The expression `pattern` of one part of the data, with the name that it is made of exchanged for that of the
    other part, which `value` is made of. None where they are made of more than one name, or of the same."""
    made = [_data_names(item) for item in (pattern, value)]
    if len(made[0]) != 1 or len(made[1]) != 1 or made[0] == made[1] or stem(*made[0]) != stem(*made[1]):
        return None
    (old,), (new,) = made
    return re.sub(rf"(?<![.\w]){re.escape(old)}\b", new, source.segment(pattern))


def _data_names(value: ast.expr) -> set[str]:
    """The names of data in an expression: those that say which part they hold."""
    called = {id(item.func) for item in ast.walk(value) if isinstance(item, ast.Call)}
    names = {item.id for item in ast.walk(value) if isinstance(item, ast.Name) and id(item) not in called}
    return {item for item in names if stem(item) != item}


def encoded_alike(context: Context, name: str | None, before: int) -> list[Fix]:
    """`pad_sequences(words.texts_to_sequences(…), …)` for the texts of the training, and no `pad_sequences` for those
    that the model is given at line `before`."""
    fixes: list[Fix] = []
    for source in context.sources.values():
        for value in _values(source, name, before):
            for inner in ast.walk(value):
                if not isinstance(inner, ast.Call) or not isinstance(inner.func, ast.Attribute):
                    continue
                for form in _wrappers(source, inner):
                    changed = edits.wrap(source, inner, form)
                    cause = source.span(source.statement(inner) or inner)
                    fixes += fix(f"Prepare it as the others: `{form.format('…')}`", changed, cause=cause)
    return fixes[:MOST]


def _values(source: SourceText, name: str | None, before: int) -> list[ast.expr]:
    """What stands in the statement at a line, and what its names, or `name`, are bound to."""
    statement = source.statement_at(before)
    nodes = list(ast.walk(statement)) if statement is not None else []
    names = {item.id for item in nodes if isinstance(item, ast.Name)}
    found: list[ast.expr] = [node for node in nodes if isinstance(node, ast.Call)]
    for item in sorted(names | {name or ""}):
        known = written.assignments(source, item, before - 1)
        if known and known[-1][1] is not None:
            found.append(known[-1][1])
    return found


def _wrappers(source: SourceText, inner: ast.Call) -> list[str]:
    """The calls that another result of the same function goes through first, with `{}` for it."""
    words = source.segment(inner.func)
    found: list[str] = []
    for call in source.calls():
        given = call.args[0] if call.args else None
        if isinstance(given, ast.Name):
            known = written.assignments(source, given.id, call.lineno - 1)
            given = known[-1][1] if known else None
        if not isinstance(given, ast.Call) or source.segment(given.func) != words or given is inner:
            continue
        if not isinstance(call.func, ast.Name) or call.func.id in ("len", "print", "list", "max", "zip", "enumerate"):
            continue
        first = source.segment(call.args[0])
        rest = source.segment(call)[len(source.segment(call.func)) + 1 :].lstrip()
        if rest.startswith(first) and "{" not in rest:
            found.append(f"{call.func.id}({{}}{rest[len(first) :]}")
    return list(dict.fromkeys(found))
