"""Whether a function gives anything back, by its text alone; asked by the dry run and by the rules."""

from __future__ import annotations

import ast

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


def gives(function: ast.FunctionDef) -> bool:
    """Whether a function returns a value somewhere, or is a generator."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.Yield, ast.YieldFrom)) or (isinstance(node, ast.Return) and node.value is not None):
            return True
        waiting += [item for item in ast.iter_child_nodes(node) if not isinstance(item, _SCOPES)]
    return False
