"""What a model predicted, where scikit-learn takes classes or as many rows as there are labels, and where Python takes
one number; NumPy's draws, which take one row of chances. Not a rule: `suspects` asks.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from kls import edits
from kls.facts import Edit, Fix
from kls.rules import search, written
from kls.rules.context import Context, fix, show
from kls.source import SourceText
from kls.worker.protocol import Failure

MOST = 4
"""Candidates of one kind."""
_OF_PROBABILITIES = re.compile(r"roc_|log_loss|argmax|precision_recall_curve|average_precision|> *0?\.\d")
"""What takes probabilities, or makes classes of them."""


def strong(context: Context, failure: Failure) -> list[Fix]:
    """Candidates for a metric of scikit-learn that refuses what it is given."""
    classes = re.search("multilabel-indicator|should be a 1d array|continuous", failure.message)
    rows = "inconsistent numbers of samples" in failure.message
    fixes: list[Fix] = []
    for source, found in search.calls(context, failure)[:1] if classes or rows else ():
        call = _counted(found)
        given = [*call.args, *(item.value for item in call.keywords)]
        if rows:
            fixes += _other_rows(context, source, call, given)
        if classes and "continuous" in failure.message:
            fixes += _where_predicted(context, source, call, given)
        if classes:
            fixes += _class_numbers(context, source, call, given, "continuous" in failure.message)
    return [
        *fixes[:MOST],
        *_columns(context, failure),
        *_added_in_place(context, failure),
        *_one_number(context, failure),
        *_chances(context, failure),
        *_classes_already(context, failure),
        *_one_of_one(context, failure),
    ]


def _one_of_one(context: Context, failure: Failure) -> list[Fix]:
    """`names[labels[3]]` of labels that are rows of one: the number in the row."""
    if "only integer scalar arrays can be converted to a scalar index" not in failure.message:
        return []
    for source, node in search.places(context, failure)[:1]:
        asked = [item for item in ast.walk(node) if isinstance(item, ast.Subscript)]
        for item in asked[:1]:
            if isinstance(item.slice, (ast.Name, ast.Subscript, ast.Attribute)):
                text = f"{source.segment(item.slice)}[0]"
                changed = edits.replace(source, item.slice, text)
                return fix(f"Take the number in it: `{text}`", changed, cause=source.span(item))
    return []


def _classes_already(context: Context, failure: Failure) -> list[Fix]:
    """`np.argmax(labels, axis=1)` of labels that are class numbers."""
    if not re.match(r"axis (1|-2) is out of bounds for array of dimension 1", failure.message):
        return []
    for source, call in search.calls(context, failure)[:1]:
        function = call.func
        if search.last_part(function) != "argmax" or not isinstance(function, ast.Attribute):
            continue
        module = isinstance(function.value, ast.Name) and function.value.id == written.module_name(source, "numpy")
        given = call.args[0] if module and call.args else function.value
        text = source.segment(given)
        return fix(
            f"They are class numbers already: `{text}`", edits.replace(source, call, text), cause=source.span(call)
        )
    return []


def _chances(context: Context, failure: Failure) -> list[Fix]:
    """`np.random.choice(n, p=model.predict(x))`: the chances are the one row of what is predicted."""
    fixes: list[Fix] = []
    if not re.search(r"^'?p'? must be 1-dimensional", failure.message):
        return fixes
    for source, call in search.calls(context, failure)[:1]:
        given = edits.keyword(call, "p")
        numpy = written.module_name(source, "numpy")
        if given is not None and numpy is not None:
            # Of a tensor NumPy wants a sum nearer to 1 than single precision comes: what it makes itself is an array.
            text = f"{numpy}.squeeze({source.segment(given)})"
            cause = source.span(given)
            fixes += fix(f"Give its one row: `{text}`", edits.replace(source, given, text), cause=cause)
        for _, _, value in source.assignments():
            if isinstance(value, ast.Call) and search.last_part(value.func) == "predict":
                text = source.segment(value) + "[0]"
                changed = edits.replace(source, value, text)
                fixes += fix(f"Take the one row that is predicted: `{text}`", changed, cause=source.span(value))
    return fixes[:MOST]


def _counted(call: ast.Call) -> ast.Call:
    """What `enumerate(folds.split(x, y))` counts."""
    inner = call.args[0] if call.args and search.last_part(call.func) in ("enumerate", "list") else None
    return inner if isinstance(inner, ast.Call) else call


def _columns(context: Context, failure: Failure) -> list[Fix]:
    """`table["class"] = model.predict(x)`: a column takes one value for each row."""
    if not re.search(r"Expected a 1D array|must each be 1-dimensional|Data must be 1-dimensional", failure.message):
        return []
    where = failure.frames[-1]
    source = context.source(where.path)
    statement = source.statement_at(where.line) if source is not None else None
    value = getattr(statement, "value", None)
    if source is None or statement is None or not isinstance(value, ast.expr):
        return []
    changes: list[Edit] = []
    forms: list[str] = []
    for node in ast.walk(value):
        shape = _shape_of(context, source, node, where.line) if isinstance(node, (ast.Name, ast.Call)) else None
        if isinstance(node, ast.expr) and shape is not None and len(shape) == 2 and _is_whole(source, node):
            forms.append(edits.parenthesised(source, node) + (".ravel()" if shape[1] == 1 else ".argmax(axis=1)"))
            changes.append(edits.replace(source, node, forms[-1]))
    shown = " and ".join(f"`{form}`" for form in forms)
    return fix(f"Give one value for each row: {shown}", *changes, cause=source.span(statement)) if changes else []


def _added_in_place(context: Context, failure: Failure) -> list[Fix]:
    """`total += model.predict(x)`, `seen[rows] = model.predict(x)`: one value for each row, or an array that has as
    many columns."""
    where = failure.frames[-1] if failure.frames else None
    source = context.source(where.path) if where is not None else None
    statement = source.statement_at(where.line) if source is not None and where is not None else None
    refused = re.search("non-broadcastable output operand|could not broadcast input array", failure.message)
    if source is None or not refused or not isinstance(statement, (ast.AugAssign, ast.Assign)):
        return []
    target = statement.target if isinstance(statement, ast.AugAssign) else statement.targets[0]
    if isinstance(target, ast.Subscript):
        target = target.value
    fixes: list[Fix] = []
    for node in ast.walk(statement.value):
        shape = _shape_of(context, source, node, statement.lineno) if isinstance(node, ast.Call) else None
        if not isinstance(node, ast.expr) or shape is None or len(shape) != 2 or not _is_whole(source, node):
            continue
        if shape[1] == 1:
            form = f"{source.segment(node)}.ravel()"
            title = f"Give one value for each row: `{form}`"
            fixes += fix(title, edits.replace(source, node, form), cause=source.span(node))
        elif shape[1] is not None and isinstance(target, ast.Name):
            if shape[1] == 2:
                form = f"{source.segment(node)}[:, 1]"
                title = f"Give the score of the second class: `{form}`"
                fixes += fix(title, edits.replace(source, node, form), cause=source.span(node))
            fixes += _with_columns(source, target, shape[1])
    return fixes


def _with_columns(source: SourceText, name: ast.Name, columns: int) -> list[Fix]:
    """`np.zeros(len(x))` with an axis for the columns."""
    known = written.assignments(source, name.id, name.lineno - 1)
    made = known[-1][1] if known else None
    size = made.args[0] if isinstance(made, ast.Call) and search.last_part(made.func) == "zeros" and made.args else None
    if made is None or size is None:
        return []
    inner = size.elts[0] if isinstance(size, (ast.Tuple, ast.List)) and len(size.elts) == 1 else size
    text = f"({source.segment(inner)}, {columns})"
    return fix(f"Give it {columns} columns: `{text}`", edits.replace(source, size, text), cause=source.span(made))


def _is_whole(source: SourceText, node: ast.expr) -> bool:
    """Whether an expression is given as it is, and not an attribute or a part of it."""
    return not isinstance(source.parents.get(node), (ast.Attribute, ast.Subscript))


def told(failure: Failure) -> str | None:
    """In words that a row of predictions is no single number, None where the failure is another."""
    shape = failure.facts.get("predicted")
    if shape is None:
        return None
    if not shape:
        return "what the model predicts is a number with a fraction, where an index is meant"
    return f"what the model predicts is an array {show(tuple(shape))}, where one number is meant"


def _one_number(context: Context, failure: Failure) -> list[Fix]:
    """The class of the largest score, or the largest score, in the place of all of them."""
    shape = failure.facts.get("predicted")
    span = failure.frames[-1] if failure.frames else None
    source = context.source(span.path) if span is not None else None
    node = source.at(span, ast.expr) if source is not None else None
    if shape is None or source is None or node is None:
        return []
    fixes: list[Fix] = []
    for value, counts in _meant(node):
        text = edits.parenthesised(source, value)
        if not shape:
            forms = [f"int({text} > 0.5)"]
        elif counts:
            forms = [f"{text}.argmax()"] if shape[-1] > 1 else [f"int({text}[0] > 0.5)"]
        else:
            forms = [f"{text}.max()"]
        for form in forms:
            fixes += fix(f"Give one number: `{form}`", edits.replace(source, value, form), cause=source.span(value))
    return fixes[:MOST]


def _meant(node: ast.expr) -> Iterator[tuple[ast.expr, bool]]:
    """The expressions that are to be one number, with whether it is an index or a class."""
    if isinstance(node, ast.Subscript):
        yield node.slice, True
    elif isinstance(node, ast.Call):
        whole = search.last_part(node.func) in ("int", "range", "index")
        yield from ((item, whole) for item in node.args)
    elif isinstance(node, ast.Compare):
        yield node.left, False
    elif isinstance(node, ast.JoinedStr):
        yield from ((item.value, False) for item in node.values if isinstance(item, ast.FormattedValue))
    else:
        yield node, False


def _shape_of(context: Context, source: SourceText, node: ast.expr, line: int) -> tuple[int | None, ...] | None:
    """The shape that a name has at `line`, as it was bound last before it; of `model.predict(…)` what it gives."""
    if isinstance(node, ast.Name):
        known = [item for item in context.report.variables if item.name == node.id and item.statement.line < line]
        return known[-1].tensors[0].shape if known and len(known[-1].tensors) == 1 else None
    for call in context.report.calls:
        if call.method == "predict" and call.span == source.span(node) and len(call.outputs) == 1:
            return call.outputs[0].shape
    return None


def _as_classes(words: str, shape: tuple[int | None, ...] | None) -> str | None:
    """An expression for the classes of predictions of that shape."""
    if shape is None or len(shape) > 2:
        return None
    if len(shape) == 2 and shape[1] != 1:
        return f"{words}.argmax(axis=1)"
    return f"({words} > 0.5).astype(int)"


def _class_numbers(
    context: Context, source: SourceText, call: ast.Call, given: list[ast.expr], fractions: bool
) -> list[Fix]:
    """Classes in the place of rows of scores, among the arguments of a metric: of the last one."""
    fixes: list[Fix] = []
    for item in given:
        shape = _shape_of(context, source, item, call.lineno)
        if fractions and shape is not None and not _is_predicted(source, item, call.lineno):
            continue
        text = _as_classes(source.segment(item), shape)
        if text is not None and (fractions or ".argmax" in text):
            fixes += fix(f"Give class numbers: `{text}`", edits.replace(source, item, text), cause=source.span(call))
    return fixes[-1:]


def _is_predicted(source: SourceText, node: ast.expr, line: int) -> bool:
    value = _bound(source, node, line) if isinstance(node, ast.Name) else node
    return value is not None and any(
        isinstance(item, ast.Call) and search.last_part(item.func) == "predict" for item in ast.walk(value)
    )


def _bound(source: SourceText, node: ast.expr, line: int) -> ast.expr | None:
    known = written.assignments(source, node.id, line - 1) if isinstance(node, ast.Name) else []
    return known[-1][1] if known else None


def _where_predicted(context: Context, source: SourceText, call: ast.Call, given: list[ast.expr]) -> list[Fix]:
    """Classes where the name is bound to `model.predict(…)`, unless something else takes its probabilities."""
    fixes: list[Fix] = []
    for item in given:
        value = _bound(source, item, call.lineno)
        if not isinstance(item, ast.Name) or value is None or not _is_predicted(source, item, call.lineno):
            continue
        used = set(_statements_with(source, item.id))
        if any(_OF_PROBABILITIES.search(source.segment(statement)) for statement in used):
            continue
        words = edits.parenthesised(source, value)
        text = _as_classes(words, _shape_of(context, source, item, call.lineno))
        if text is not None:
            cause = source.span(source.statement(value) or value)
            fixes += fix(f"Make classes of it: `{text}`", edits.replace(source, value, text), cause=cause)
    return fixes


def _statements_with(source: SourceText, name: str) -> Iterator[ast.stmt]:
    for node in source.nodes:
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load):
            statement = source.statement(node)
            if statement is not None:
                yield statement


def _other_rows(context: Context, source: SourceText, call: ast.Call, given: list[ast.expr]) -> list[Fix]:
    """`predict(x_train)` beside `y_test`: other data of that form, of which there are as many as labels."""
    arrays = {item.name: item.tensors[0].shape for item in context.report.variables
              if item.kind in ("array", "frame", "tensor") and len(item.tensors) == 1}  # fmt: skip
    lengths = [(shape := _shape_of(context, source, item, call.lineno)) and shape[0] for item in given[:2]]
    fixes: list[Fix] = []
    for place, item in enumerate(given[:2]):
        wanted = lengths[1 - place] if len(lengths) == 2 else None
        value = item if not isinstance(item, ast.Name) else _bound(source, item, call.lineno)
        for inner in ast.walk(value) if value is not None and wanted is not None else ():
            if not isinstance(inner, ast.Call) or search.last_part(inner.func) != "predict" or not inner.args:
                continue
            mine = arrays.get(source.segment(inner.args[0]))
            for name, shape in arrays.items() if mine else ():
                if mine and shape and shape[0] == wanted and shape[1:] == mine[1:] and name != source.segment(item):
                    changed = edits.replace(source, inner.args[0], name)
                    cause = source.span(source.statement(inner) or inner)
                    fixes += fix(f"Predict `{name}`", changed, cause=cause)
    return fixes
