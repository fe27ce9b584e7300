"""Methods of the author's classes that Keras calls: what they take and give. Not a rule: `suspects` asks."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from kls import edits
from kls.facts import Edit, Fix, Span
from kls.rules import search
from kls.rules.context import Context, argument_of, fix
from kls.source import SourceText
from kls.worker.protocol import Failure

_STEPS = ("train_step", "test_step")


def strong(context: Context, failure: Failure) -> list[Fix]:
    """Candidates for a failure in what Keras calls."""
    return [
        *_whole_length(context, failure),
        *_metrics_of_a_step(context, failure),
        *_data_of_a_step(context, failure),
        *_optional(context, failure),
    ]


def _optional(context: Context, failure: Failure) -> list[Fix]:
    """`call(self, x, training)` of a layer that is called without `training`: it has a default."""
    told = re.match(r"missing a required argument: '(\w+)'", failure.message)
    fixes: list[Fix] = []
    for source, method in _methods(context, ("call",)) if told is not None else ():
        plain = method.args.args[: len(method.args.args) - len(method.args.defaults)]
        if len(plain) > 2 and told is not None and plain[-1].arg == told[1] and plain[-1].annotation is None:
            line = plain[-1].lineno
            end = source.span(ast.copy_location(ast.Name(told[1]), plain[-1])).end_column
            edit = Edit(Span(source.path, line, end, line, end), "=None")
            header = Span(source.path, method.lineno, method.col_offset, line, len(source.lines[line - 1]))
            fixes += fix(f"Let it be left out: `{told[1]}=None`", edit, cause=header)
    whole = [edit for item in fixes for edit in item.edits]
    return fix(fixes[0].title, *whole, cause=fixes[0].cause) if fixes else []


def _metrics_of_a_step(context: Context, failure: Failure) -> list[Fix]:
    """A `train_step` that leaves the metrics of `compile` as they are, where Keras asks for their results."""
    if "the metric has not yet been built" not in failure.message:
        return []
    fixes: list[Fix] = []
    for source, method in _methods(context, _STEPS):
        pairs = [node.targets[0] for node in ast.walk(method) if isinstance(node, ast.Assign)
                 if isinstance(node.targets[0], ast.Tuple) and len(node.targets[0].elts) == 2]  # fmt: skip
        made = [node.targets[0] for node in ast.walk(method) if isinstance(node, ast.Assign)
                if isinstance(node.value, ast.Call) and source.segment(node.value.func) == "self"]  # fmt: skip
        last = method.body[-1]
        if not pairs or not made or not isinstance(last, ast.Return):
            continue
        x, y = (source.segment(item) for item in pairs[0].elts)
        line = f"self.compute_metrics({x}, {y}, {source.segment(made[-1])})"
        changed = edits.insert_before(source, last, line)
        fixes += fix(f"Update the metrics: `{line}`", changed, cause=source.span(last))
    return fixes[:2]


def _methods(context: Context, names: tuple[str, ...]) -> Iterator[tuple[SourceText, ast.FunctionDef]]:
    for source in context.sources.values():
        for node in source.nodes:
            if isinstance(node, ast.FunctionDef) and node.name in names:
                if isinstance(source.parents.get(node), ast.ClassDef):
                    yield source, node


def _whole_length(context: Context, failure: Failure) -> list[Fix]:
    """`__len__` that returns a float, as `np.ceil` gives it."""
    if not re.search(r"float\w*' object cannot be interpreted as an integer", failure.message):
        return []
    fixes: list[Fix] = []
    for source, method in _methods(context, ("__len__",)):
        for node in ast.walk(method):
            if isinstance(node, ast.Return) and node.value is not None and not isinstance(node.value, ast.Constant):
                changed = edits.wrap(source, node.value, "int({})")
                title = f"Give a whole number: `int({source.segment(node.value)})`"
                fixes += fix(title, changed, cause=source.span(node))
    return fixes


def _data_of_a_step(context: Context, failure: Failure) -> list[Fix]:
    """`train_step(self, images)` of a model that is given data and labels: the data alone."""
    call = context.sink(failure)
    x, y = (argument_of(call, "x"), argument_of(call, "y")) if call is not None else (None, None)
    parts = {item.path.split(".")[0] for item in x.tensors} if x is not None else set[str]()
    if call is None or not failure.stage.endswith("step") or (y is None and not {"0", "1"} <= parts):
        return []
    fixes: list[Fix] = []
    for source, method in _methods(context, _STEPS):
        given = method.args.args[-1].arg if len(method.args.args) == 2 else None
        if given is None or _takes_apart(method, given):
            continue
        first = method.body[1] if ast.get_docstring(method) is not None and len(method.body) > 1 else method.body[0]
        changed = edits.insert_before(source, first, f"{given} = {given}[0]")
        line = method.lineno
        header = Span(source.path, line, method.col_offset, line, len(source.lines[line - 1]))
        title = f"Take the data without the labels: `{given} = {given}[0]`"
        fixes += fix(title, changed, cause=header)
    return fixes[:2]


def _takes_apart(method: ast.FunctionDef, name: str) -> bool:
    """Whether a function takes a tuple apart: `x, y = data`, `data[0]`, `isinstance(data, tuple)`."""
    for node in ast.walk(method):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name) and node.value.id == name:
            return True
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == name:
            return True
        if isinstance(node, ast.Call) and search.last_part(node.func) in (
            "isinstance",
            "len",
            "unpack_x_y_sample_weight",
        ):
            if any(isinstance(item, ast.Name) and item.id == name for item in node.args):
                return True
    return False
