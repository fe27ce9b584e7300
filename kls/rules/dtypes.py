"""Operands of an operation that have different dtypes: which is to be cast. Not a rule: `suspects` asks.

TensorFlow converts no tensor by itself: whole numbers that meet floating-point numbers are what the author means to be
numbers of the other kind.
"""

from __future__ import annotations

import ast
import itertools
import re

from kls import edits
from kls.facts import Fix
from kls.rules import search, written
from kls.rules.context import Context, fix
from kls.source import SourceText
from kls.worker.protocol import Failure

_APART = re.compile(
    r"was expected to be an? \w+ tensor but is an? \w+ tensor|has type \w+ that does not match type \w+ of argument|"
    r"has DataType bool not in list of allowed values"
)


_ASKED = re.compile(r"Tensor conversion requested dtype (\w+) for Tensor with dtype (\w+)")
_NAMES = {"float": "float32", "half": "float16"}
_FLOATS = ("float", "float16", "float32", "bfloat16", "half")
_SIGNS = {"Mul": ast.Mult, "AddV2": ast.Add, "Add": ast.Add, "Sub": ast.Sub, "RealDiv": ast.Div, "Pow": ast.Pow}


def cast_operand(context: Context, failure: Failure) -> list[Fix]:
    """Cast the whole numbers among the named operands to the dtype of the floating-point ones."""
    asked = _ASKED.search(failure.message)
    if asked is not None:
        return _as_asked(context, failure, asked[1])
    if not _APART.search(failure.message):
        return []
    dtypes = {name: str(dtype) for name, _, dtype in failure.facts.get("operands") or ()}
    kinds = re.search(
        r"Input 'y' of '\w+' Op has type (u?int\d+) that does not match type (u?int\d+) of", failure.message
    )
    if kinds is not None:
        return _widened(context, failure, kinds[1], kinds[2])
    floats = sorted({dtype for dtype in dtypes.values() if dtype.startswith(("float", "bfloat"))})
    whole = [name for name, dtype in dtypes.items() if dtype.startswith(("int", "uint", "bool"))]
    fixes = _truths(context, failure) if "DataType bool" in failure.message else []
    if "double" in failure.message and "float" in failure.message:
        floats, whole = ["float32"], [name for name, dtype in dtypes.items() if dtype == "float64"]
    if len(floats) != 1 or not whole:
        return [*fixes, *_inner(context, failure)]
    for source, place in search.places(context, failure)[:1]:
        for node in ast.walk(place):
            if isinstance(node, ast.Name) and node.id in whole:
                fixes += _cast(source, node, floats[0], place)
    return fixes


def _as_asked(context: Context, failure: Failure, dtype: str) -> list[Fix]:
    """Cast one of the tensors that a call is given, or two of them, where it wants `dtype`."""
    fixes: list[Fix] = []
    for source, place in search.places(context, failure)[:1]:
        given = [node for node in place.args if isinstance(node, ast.Name)] if isinstance(place, ast.Call) else []
        single = [item for node in given for item in _cast(source, node, dtype, place)]
        fixes += single
        for one, other in itertools.combinations(single, 2):
            title = f"{one.title.removesuffix(f' to {dtype}')} and {other.title.removeprefix('Cast ')}"
            fixes.append(Fix(title, (*one.edits, *other.edits), None, one.safe, one.cause))
    return fixes


def _inner(context: Context, failure: Failure) -> list[Fix]:
    """Cast one side of an operation within an expression of several: the side that the message calls whole numbers."""
    told = re.search(
        r"Input 'y' of '(\w+)' Op has type (\w+) that does not match type (\w+) of argument 'x'", failure.message
    ) or re.search(
        r"cannot compute (\w+) as input #1\S* was expected to be an? (\w+) tensor but is an? (\w+)", failure.message
    )
    if told is None or told[1] not in _SIGNS:
        return []
    second, first = (told[2], told[3]) if "does not match" in told[0] else (told[3], told[2])
    right = first in _FLOATS and "int" in second
    if not right and not ("int" in first and second in _FLOATS):
        return []
    dtype = first if right else second
    dtype = _NAMES.get(dtype, dtype)
    fixes: list[Fix] = []
    for source, place in search.places(context, failure)[:1]:
        for node in ast.walk(place):
            if isinstance(node, ast.BinOp) and isinstance(node.op, _SIGNS[told[1]]):
                side = node.right if right else node.left
                if not isinstance(side, ast.Constant):
                    fixes += _cast(source, side, dtype, node)
    return fixes[::-1]


def _truths(context: Context, failure: Failure) -> list[Fix]:
    """`seen = scores > 0.5`, with which is computed: numbers where it is made."""
    place = failure.frames[-1] if failure.frames else None
    source = context.source(place.path) if place is not None else None
    statement = source.statement_at(place.line) if source is not None and place is not None else None
    if source is None or statement is None:
        return []
    here = source.function(statement)
    for node in ast.walk(statement):
        known = written.assignments(source, node.id, statement.lineno - 1) if isinstance(node, ast.Name) else []
        made = [value for item, value in known if source.function(item) is here]
        if made and isinstance(made[-1], ast.Compare):
            cause = made[-1]
            return [
                Fix(item.title, item.edits, item.verified, item.safe, source.span(source.statement(cause) or cause))
                for item in _cast(source, cause, "float32", cause)
            ]
    return []


def signature(context: Context, failure: Failure) -> list[Fix]:
    """A tensor of another dtype than the `TensorSpec` of an `input_signature` has: the spec takes the tensor's."""
    told = re.search(
        r"Can not cast TensorSpec\(.*?dtype=tf\.(\w+).*?\) to TensorSpec\(.*?dtype=tf\.(\w+)", failure.message
    )
    fixes: list[Fix] = []
    for source in context.sources.values() if told is not None and told[1] != told[2] else ():
        for call in source.calls():
            dtype = edits.argument(call, "dtype", 1) if search.last_part(call.func) == "TensorSpec" else None
            if told is None or dtype is None or search.last_part(dtype) != told[2]:
                continue
            text = source.segment(dtype)[: -len(told[2])] + told[1]
            fixes += fix(f"Declare {told[1]}: `{text}`", edits.replace(source, dtype, text), cause=source.span(call))
    return fixes


def _cast(source: SourceText, node: ast.expr, dtype: str, place: ast.expr) -> list[Fix]:
    """`node`, a part of `place`, cast to a dtype by the module that the file has."""
    tensorflow, words = written.module_name(source, "tensorflow"), source.segment(node)
    keras, imports = search.keras_name(source) if tensorflow is None else ("", [])
    text = f'{keras}.ops.cast({words}, "{dtype}")'
    if tensorflow is not None:
        text = f"{tensorflow}.cast({words}, {tensorflow}.{dtype})"
    return fix(f"Cast `{words}` to {dtype}", edits.replace(source, node, text), *imports, cause=source.span(place))


def _widened(context: Context, failure: Failure, second: str, first: str) -> list[Fix]:
    """Whole numbers of two lengths: those on the second side become as the first ones are, or the other way round."""
    fixes: list[Fix] = []
    for source, place in search.places(context, failure)[:1]:
        pairs = [
            (node.left, node.right if isinstance(node, ast.BinOp) else node.comparators[0])
            for node in ast.walk(place)
            if isinstance(node, ast.BinOp) or (isinstance(node, ast.Compare) and len(node.ops) == 1)
        ]
        for left, right in pairs if len(pairs) == 1 else ():
            for side, dtype in ((right, first), (left, second)):
                fixes += _cast(source, side, dtype, place)
    return fixes
