"""What TensorFlow says in plain words: `check` puts each failure through `plain` before the rules see it."""

from __future__ import annotations

import dataclasses
import re
import textwrap

from kls.worker.protocol import Failure

_OPERATIONS = {
    "Add": "sum", "AddV2": "sum", "Sub": "difference", "Mul": "product", "RealDiv": "quotient", "Maximum": "maximum",
    "Minimum": "minimum", "MatMul": "matrix product", "BatchMatMulV2": "matrix product",
    "BatchMatMulV3": "matrix product", "Einsum": "einsum", "SquaredDifference": "squared difference",
    "LogicalAnd": "logical `and`", "Equal": "comparison", "Pow": "power", "SelectV2": "`where`", "ConcatV2": "join",
}  # fmt: skip
"""TensorFlow's operations, in words."""
_ARRAY = re.compile(r"\barray\(\[[^()]*(?:\([^()]*\)[^()]*)*\)")
"""An array as NumPy prints it."""
_VALUE = re.compile(r", value=\[.*?\](?=>)|, value=[^>\[]*(?=>)", re.DOTALL)
"""What a variable of Keras prints of its numbers."""
_DTYPES = {"float": "float32", "double": "float64", "half": "float16"}
"""TensorFlow's names of dtypes that are no longer those that people write."""


_NOT_LOCATED = re.compile(r"Could not locate (class|function) '(\w+)'\. Make sure [^`]*`[^`]*`")
"""What Keras says of an object that a file names (keras/src/saving/serialization_lib.py), before it prints the file."""


def plain(failure: Failure) -> Failure:
    """The failure with the last words of its message where TensorFlow prints a whole traceback before them, without
    the traceback of a generator or a `py_function` behind them, and without the values of arrays.

    One with a traceback has the fact "traced": it arose while TensorFlow traced a function of the author.
    """
    if "array([" in failure.message:
        failure = dataclasses.replace(failure, message=_ARRAY.sub("array(…)", failure.message))
    own, _, traced = failure.message.partition("\n\nOriginal stack trace for ")
    if traced:
        failure = dataclasses.replace(failure, message=own.rstrip())
    if "<Variable path=" in failure.message:
        failure = dataclasses.replace(failure, message=_VALUE.sub("", failure.message))
    unknown = _NOT_LOCATED.search(failure.message)
    if unknown is not None:
        return dataclasses.replace(failure, message=unknown[0])
    words, _, behind = failure.message.partition("\nTraceback (most recent call last):")
    if words and behind:
        failure = dataclasses.replace(failure, message=words.rstrip())
    if not failure.message.startswith("in user code"):
        return failure
    last = list(re.finditer(r"^ *[\w.]*(?:Error|Exception|Interrupt): ", failure.message, re.MULTILINE))
    words = textwrap.dedent(failure.message[last[-1].end() :]) if last else failure.message
    return dataclasses.replace(failure, message=words.strip(), facts={**failure.facts, "traced": True})


def first_line(failure: Failure) -> str:
    """A first line that stands alone: the operation and its shapes where the message names a node of a graph."""
    types = re.search(
        r"Input '\w+' of '(\w+)' Op has type (\w+) that does not match type (\w+) of argument", failure.message
    )
    if types is not None:
        what = _OPERATIONS.get(types[1], f"operation `{types[1]}`")
        return f"the {what} of {types[3]} and {types[2]} cannot be made: cast one of them"
    computed = re.search(
        r"cannot compute (\w+) as input #\d\S* was expected to be an? (\w+) tensor but is an? (\w+)", failure.message
    )
    if computed is not None:
        what = _OPERATIONS.get(computed[1], f"operation `{computed[1]}`")
        first, second = (_DTYPES.get(name, name) for name in computed.groups()[1:])
        return f"the {what} of {first} and {second} cannot be made: cast one of them"
    cut = re.search(r"evenly divisible by (\d+) but is (\d+)\s+Number of ways to split", failure.message)
    if cut is not None:
        return f"an axis of {cut[2]} cannot be split into {cut[1]} equal parts"
    _, _, inner = failure.message.partition("for this Lambda layer.\n")
    if inner:
        return first_line(dataclasses.replace(failure, message=inner.partition(": ")[2]))
    compared = re.search(r"target\.shape=(\([^)]*\)), output\.shape=(\([^)]*\))", failure.message)
    if compared is not None:
        own = failure.message.split("\n", 1)[0].partition(". Received")[0].replace("Arguments", "arguments")
        return f"the labels are {compared[1]}, the output is {compared[2]}: {own[:1].lower()}{own[1:]}"
    counted = re.search(r'Layer "([^"]+)" expects (\d+) input\(s\), but it received (\d+) input', failure.message)
    if counted is not None:
        what = failure.layer_cls or counted[1]
        return f"`{what}` takes {_tensors(counted[2])}, and is given {_tensors(counted[3])}"
    assigned = re.search(
        r"variable\.shape=(\([^)]*\)), Received: value\.shape=(\([^)]*\))\. Target variable: <Variable path=(\S*?),",
        failure.message,
    )
    if assigned is not None:
        return f"the variable `{assigned[3].rpartition('/')[2]}` is {assigned[1]}; it is assigned {assigned[2]}"
    asked = re.search(r"Tensor conversion requested dtype (\w+) for Tensor with dtype (\w+)", failure.message)
    if asked is not None:
        return f"{asked[1]} is wanted here, and a tensor of {asked[2]} is given: cast it"
    unknown = _NOT_LOCATED.search(failure.message)
    if unknown is not None:
        return f"the saved model names the {unknown[1]} `{unknown[2]}`, of which Keras is not told"
    found = operands(failure.message)
    if found is None:
        own = re.sub(r"^Could not (?:automatically )?infer [^\n]* encountered:\n+", "", failure.message)
        own = re.sub(r"^\{\{function_node [^}]*\}\} *", "", own)
        return next((line for line in own.split("\n") if line.strip()), failure.exception)
    name, *shapes = found
    shown = " and ".join(_shape(shape) for shape in shapes)
    sizes = re.search(r"must be equal, but are (\d+) and (\d+)", failure.message)
    pair = sizes.groups() if sizes is not None else contracted(failure.message)
    end = f": {pair[0]} and {pair[1]} must be equal" if pair is not None else ""
    return f"the {_OPERATIONS.get(name, f'operation `{name}`')} of {shown} cannot be made{end}"


def _tensors(number: str) -> str:
    return "one tensor" if number == "1" else f"{number} tensors"


def operands(message: str) -> tuple[str, tuple[str, ...], tuple[str, ...]] | None:
    """TensorFlow's name of the operation of two tensors that a message tells of, and their shapes; "?" is unknown."""
    traced = re.search(
        r"\{\{node [^}]*\}\} = (\w+)\[.*?\]\(.*?\)' with input shapes: \[([^\]]*)\], \[([^\]]*)\]", message
    )
    if traced is not None:
        return traced[1], _sizes(traced[2]), _sizes(traced[3])
    product = re.search(r"Matrix size-incompatible: In\[0\]: \[([^\]]*)\], In\[1\]: \[([^\]]*)\] \[Op:(\w+)\]", message)
    if product is not None:
        return product[3], _sizes(product[1]), _sizes(product[2])
    ran = re.search(r"[Ii]ncompatible shapes: \[([^\]]*)\] vs\. \[([^\]]*)\] \[Op:(\w+)\]", message)
    return (ran[3], _sizes(ran[1]), _sizes(ran[2])) if ran is not None else None


def contracted(message: str) -> tuple[str, str] | None:
    """The sizes that a matrix product computed at once wants equal: the last of the first matrix, the last but one of
    the second; None where the message is of something else, or they are equal (other axes are not)."""
    found = operands(message) if "Matrix size-incompatible" in message else None
    if found is None or len(found[1]) < 2 or len(found[2]) < 2 or found[1][-1] == found[2][-2]:
        return None
    return found[1][-1], found[2][-2]


def _sizes(text: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in text.split(",") if item.strip())


def _shape(sizes: tuple[str, ...]) -> str:
    named = ["None" if item == "?" else item for item in sizes]
    return f"({named[0]},)" if len(named) == 1 else f"({', '.join(named)})"
