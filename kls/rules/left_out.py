"""Arguments that a call must give and does not: which, and what they may be. Not a rule: `argument_name` asks."""

from __future__ import annotations

import ast
import difflib
import re
from collections import Counter

from kls import edits
from kls.facts import Edit, Fix, Span
from kls.rules import search
from kls.rules.context import Context, fix
from kls.source import SourceText
from kls.worker.protocol import Failure

USUAL = {
    "units": "64",
    "filters": "32",
    "kernel_size": "3",
    "pool_size": "2",
    "rate": "0.5",
    "n": "1",
    "cropping": "1",
    "num_heads": "4",
    "key_dim": "32",
    "output_dim": "64",
    "stddev": "0.1",
    "factor": "0.1",
    "height_factor": "0.1",
    "scale": "1 / 255",
    "num_bins": "16",
    "activation": '"relu"',
    "l1": "0.01",
    "l2": "0.01",
}
"""What people give where nothing else speaks."""


def diagnose(context: Context, failure: Failure) -> tuple[str, Span, list[Fix]] | None:
    """What to say of a call without an argument that it must have, where, and the candidates; None for anything
    else."""
    told = re.search(r"([\w.<>]+)\(\) missing \d+ required [\w-]+(?: \w+)? arguments?: (.*)", failure.message)
    names = re.findall(r"'(\w+)'", told[2]) if told is not None else []
    if told is None or not names:
        return None
    wanted = told[1].removesuffix(".__init__").rpartition(".")[2]
    for span in reversed(failure.frames):
        found = context.call_node(span)
        if found is None or search.last_part(found[1].func) != wanted:
            continue
        source, call = found
        callee = source.segment(call.func)
        listed = ", ".join(f"`{name}`" for name in names)
        taken = [str(item) for item in failure.facts.get("parameters") or ()]
        fixes = _fixes(context, source, call, names, taken)
        return f"`{callee}` must be given {listed}", source.span(call), fixes
    return None


def _fixes(context: Context, source: SourceText, call: ast.Call, names: list[str], taken: list[str]) -> list[Fix]:
    leading = taken[: len(names)] == names
    for item in call.keywords:
        close = difflib.get_close_matches(item.arg or "", names, 1, 0.8) if item.arg not in taken else []
        if close:
            start = source.span(item)
            place = Span(start.path, start.line, start.column, start.line, start.column + len(item.arg or ""))
            return fix(f"`{item.arg}` is `{close[0]}`", Edit(place, close[0]), cause=start)
    values = [_values(context, source, call, name) for name in names]
    if not all(values):
        return []
    fixes: list[Fix] = []
    for index in range(max(map(len, values))):
        chosen = [options[min(index, len(options) - 1)] for options in values]
        given = ", ".join(f"{name}={value}" for name, value in zip(names, chosen, strict=True))
        edit = _added(source, call, given, ", ".join(chosen) if leading else given)
        fixes += fix(f"Give `{given}`", edit, cause=source.span(call))
    return fixes[:4]


def _added(source: SourceText, call: ast.Call, named: str, plain: str) -> Edit:
    """The arguments by their places, first, where the call gives none by its place and they may stand there; else by
    their names."""
    if call.args:
        return edits.add_argument(source, call, named)
    if not call.keywords or plain == named:
        return edits.add_argument(source, call, plain)
    start = source.span(call.keywords[0])
    return Edit(Span(start.path, start.line, start.column, start.line, start.column), f"{plain}, ")


def _values(context: Context, source: SourceText, call: ast.Call, name: str) -> list[str]:
    """What the argument may be: a variable of that name, what the last layer of a model must have, what the other calls
    of the file give, what is usual."""
    targets = (source.segment(target) for _, target, _ in source.assignments())
    found = [text for text in targets if text.lower() == name and text.isidentifier()][:1]
    if name == "num_classes" or (name in ("units", "filters") and _is_last(source, call)):
        found += _classes(context)
    function = search.last_part(call.func)
    others = Counter(
        source.segment(value)
        for other in source.calls()
        if other is not call and search.last_part(other.func) == function
        for value in [edits.argument(other, name, 0 if name != "kernel_size" else 1)]
        if value is not None
    )
    found += [text for text, _ in others.most_common(2)]
    role = _role(context, function, name)
    found += [USUAL[role]] if role in USUAL else []
    return list(dict.fromkeys(found))


def _role(context: Context, function: str, name: str) -> str:
    """The argument of Keras that a parameter of the author's own function or class stands for: `units` where it makes
    `Dense(size)`; the name itself for a function of Keras."""
    for source in context.sources.values():
        for node in source.nodes:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == function:
                for call in ast.walk(node):
                    first = call.args[0] if isinstance(call, ast.Call) and call.args else None
                    if isinstance(call, ast.Call) and isinstance(first, ast.Name) and first.id == name:
                        made = search.last_part(call.func)
                        return "units" if re.search("Dense|LSTM|GRU|RNN", made) else "filters" if "Conv" in made else ""
    return name


def _is_last(source: SourceText, call: ast.Call) -> bool:
    """Whether a layer is the last of its list, or its output the model's."""
    parent = source.parents.get(call)
    if isinstance(parent, ast.List):
        return parent.elts[-1] is call
    words = [edits.keyword(call, "activation")]
    return any(isinstance(item, ast.Constant) and item.value in ("softmax", "sigmoid") for item in words)


def _classes(context: Context) -> list[str]:
    """How many numbers the labels ask of an output, by what the program gives to `fit`."""
    found: list[str] = []
    for item in context.report.variables:
        tensor = item.tensors[0] if item.tensors else None
        if tensor is None or not re.match(r"y|label|target|class", item.name.lower()) or not tensor.shape:
            continue
        highest = (item.values or {}).get("max")
        if len(tensor.shape) == 2 and isinstance(tensor.shape[1], int):
            found.append(str(tensor.shape[1]))
        elif len(tensor.shape) == 1 and "int" in str(tensor.dtype) and isinstance(highest, (int, float)):
            found.append(str(int(highest) + 1))
        elif len(tensor.shape) == 1:
            found.append("1")
    return list(dict.fromkeys(found))[:2]
