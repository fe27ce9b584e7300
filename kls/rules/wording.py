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


def plain(failure: Failure) -> Failure:
    """The failure with the last words of its message where TensorFlow prints a whole traceback before them.

    Such a failure has the fact "traced": it arose while TensorFlow traced a function of the author.
    """
    if not failure.message.startswith("in user code"):
        return failure
    last = list(re.finditer(r"^ *[\w.]*(?:Error|Exception|Interrupt): ", failure.message, re.MULTILINE))
    words = textwrap.dedent(failure.message[last[-1].end() :]) if last else failure.message
    return dataclasses.replace(failure, message=words.strip(), facts={**failure.facts, "traced": True})


def first_line(failure: Failure) -> str:
    """A first line that stands alone: the operation and its shapes where the message names a node of a graph."""
    node = re.search(
        r"\{\{node [^}]*\}\} = (\w+)\[.*?\]\(.*?\)' with input shapes: ((?:\[[^\]]*\](?:, )?)+)", failure.message
    )
    if node is None:
        return next((line for line in failure.message.split("\n") if line.strip()), failure.exception)
    shapes = [_shape(item) for item in re.findall(r"\[([^\]]*)\]", node[2])]
    shown = ", ".join(shapes[:-1]) + (" and " if len(shapes) > 1 else "") + shapes[-1]
    sizes = re.search(r"must be equal, but are (\d+) and (\d+)", failure.message)
    end = f": {sizes[1]} and {sizes[2]} must be equal" if sizes is not None else ""
    return f"the {_OPERATIONS.get(node[1], f'operation `{node[1]}`')} of {shown} cannot be made{end}"


def _shape(text: str) -> str:
    sizes = [("None" if item.strip() == "?" else item.strip()) for item in text.split(",") if item.strip()]
    return f"({sizes[0]},)" if len(sizes) == 1 else f"({', '.join(sizes)})"
