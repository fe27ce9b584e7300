"""Channels of pictures: one that is not there, one where three are wanted. Not a rule: `suspects` asks."""

from __future__ import annotations

import ast
import re

from kls import edits
from kls.facts import Fix
from kls.rules import operators, own_functions, search, written
from kls.rules.context import Context, argument_of, fix
from kls.worker.protocol import Failure

MOST = 3
"""Candidates of one kind."""


def strong(context: Context, failure: Failure) -> list[Fix]:
    """Candidates that the failure's own shapes speak for."""
    return [
        *_first(context, failure),
        *_declared_first(context, failure),
        *_of_elements(context, failure),
        *_repeated(context, failure),
        *_of_files(context, failure),
    ]


_TURNED = re.compile(
    r"axis -1 of input shape to have value (\d+), but received input with shape "
    r"\((?:\d+|None), (\d+), (?:\d+|None), (\d+|None)\)"
)
_TO_THE_FRONT = ((2, 0, 1), (0, 3, 1, 2))


def _first(context: Context, failure: Failure) -> list[Fix]:
    """Pictures whose channels stand first, for a model that takes them last: not turned, or turned back."""
    told, call = _TURNED.search(failure.message), context.sink(failure)
    if told is None or call is None or told[1] != told[2] or told[2] == told[3]:
        return []
    data = argument_of(call, "validation_x" if failure.stage.startswith("validation") else "x")
    found = written.value_of(context, data)
    fixes: list[Fix] = []
    for node in ast.walk(found[1]) if found is not None else ():
        turned = _turned(node) if isinstance(node, ast.Call) else None
        if found is not None and turned is not None and isinstance(node, ast.Call):
            text = found[0].segment(turned)
            changed = edits.replace(found[0], node, text)
            fixes += fix(f"Leave the channels last: `{text}`", changed, cause=found[0].span(node))
    form = "{}.transpose(0, 2, 3, 1)"
    if data is not None and data.kind == "array":
        fixes += operators.transform_data(context, data, form, "Put the channels last: `.transpose(0, 2, 3, 1)`")
    return fixes


def _declared_first(context: Context, failure: Failure) -> list[Fix]:
    """`Input((12, 1, 40, 40))` of a model that has nothing left of the 1 after a layer: the channels at the end."""
    if not re.search(r"would be zero or negative|Negative dimension size", failure.message):
        return []
    fixes: list[Fix] = []
    for source, written_shape, _, shape in search.declared_inputs(context):
        last = shape[-3:]
        if len(last) < 3 or not isinstance(written_shape, ast.Tuple) or len(written_shape.elts) != len(shape):
            continue
        if last[0] not in (1, 3) or last[1] is None or last[2] is None or min(last[1], last[2]) < 8:
            continue
        if max(last[1], last[2]) >= 4 * min(last[1], last[2]):
            continue  # no picture, but steps and features
        words = [source.segment(item) for item in written_shape.elts]
        text = f"({', '.join([*words[:-3], *words[-2:], words[-3]])})"
        changed = edits.replace(source, written_shape, text)
        fixes += fix(f"Put the channels last: `{text}`", changed, cause=source.span(written_shape))
    return fixes


def _turned(call: ast.Call) -> ast.expr | None:
    """The pictures of which a call puts the channels first."""
    if search.last_part(call.func) != "transpose" or not isinstance(call.func, ast.Attribute):
        return None
    given: list[ast.expr] = [*call.args, *(item.value for item in call.keywords)]
    of_module = isinstance(call.func.value, ast.Name) and call.func.value.id in ("np", "numpy", "tf", "ops", "jnp")
    pictures = given[0] if of_module and given else call.func.value
    order = given[1:] if of_module else given
    if len(order) == 1 and isinstance(order[0], (ast.Tuple, ast.List)):
        order = order[0].elts
    axes = tuple(item.value for item in order if isinstance(item, ast.Constant))
    return pictures if len(axes) == len(order) and axes in _TO_THE_FRONT else None


def _of_files(context: Context, failure: Failure) -> list[Fix]:
    """`masks[i] = img_to_array(load_img(path))` of masks with one channel: the file is read as it is wanted."""
    told = re.search(
        r"could not broadcast input array from shape \(.*, (1|3)\) into shape \(.*, (1|3)\)", failure.message
    )
    if told is None or told[1] == told[2] or not failure.frames:
        return []
    source = context.source(failure.frames[-1].path)
    statement = source.statement_at(failure.frames[-1].line) if source is not None else None
    if source is None or not isinstance(statement, ast.Assign):
        return []
    made: list[ast.expr] = [statement.value]
    for node in ast.walk(statement.value):
        if isinstance(node, ast.Name):
            made += [
                value for _, value in written.assignments(source, node.id, statement.lineno)[-1:] if value is not None
            ]
    for call in (node for value in made for node in ast.walk(value) if isinstance(node, ast.Call)):
        if search.last_part(call.func) == "load_img":
            mode = '"grayscale"' if told[2] == "1" else '"rgb"'
            edit = edits.set_argument(source, call, "color_mode", None, mode)
            cause = source.span(source.statement(call) or call)
            return fix(f"Read it with `color_mode={mode}`", edit, cause=cause)
    return []


def _of_elements(context: Context, failure: Failure) -> list[Fix]:
    """Pictures without a channel axis in the elements of a dataset, given one where a function maps them."""
    given = failure.inputs[0].shape if failure.inputs else None
    if "min_ndim=4, found ndim=3" not in failure.message or given is None or not _holds(context, given):
        return []
    fixes: list[Fix] = []
    for source, first in own_functions.mapped(context):
        tf = written.module_name(source, "tensorflow")
        axis = f"{tf}.newaxis" if tf is not None else "None"
        words = source.segment(first)
        title = f"Give `{words}` the channel axis: `[..., {axis}]`"
        atom = isinstance(first, (ast.Name, ast.Call, ast.Attribute, ast.Subscript))
        text = f"{words if atom else f'({words})'}[..., {axis}]"
        fixes += fix(title, edits.replace(source, first, text), cause=source.span(first))
    return fixes[:MOST]


def _holds(context: Context, given: tuple[int | None, ...]) -> bool:
    """Whether the program has a dataset of maps, batched or not, with no channels."""
    shapes = [item.tensors[0].shape for item in context.report.variables if item.kind == "dataset" and item.tensors]
    return any(shape is not None and 2 <= len(shape) <= len(given) for shape in shapes)


def _repeated(context: Context, failure: Failure) -> list[Fix]:
    """`base(x)` of a model for colours that is given one channel: the channel three times."""
    given = failure.inputs[0].shape if failure.inputs else None
    if not re.search(r"axis -1 of input shape to have value 3\b|expected shape=.*, 3\)", failure.message):
        return []
    if given is None or len(given) != 4 or given[-1] != 1:
        return []
    source = context.source(failure.layer_created.path) if failure.layer_created is not None else None
    made = source.statement_at(failure.layer_created.line) if source is not None and failure.layer_created else None
    if source is None or not isinstance(made, ast.Assign) or not isinstance(made.targets[0], ast.Name):
        return []
    layers = [item for item in source.calls() if search.makes_layer(item) and item is not made.value]
    for call in source.calls():
        given = call.args[0] if call.args else None
        if search.last_part(call.func) != made.targets[0].id or not isinstance(given, ast.Name) or not layers:
            continue
        name, imports = edits.callee_like(source, layers[-1], "Concatenate")
        text = f"{name}()([{given.id}] * 3)"
        title = f"Give it the channel three times: `{text}`"
        return fix(title, edits.replace(source, given, text), *imports, cause=source.span(call))
    return []
