"""Classes and functions of the author's own that a saved model names. Not a rule: `suspects` asks."""

from __future__ import annotations

import ast
import re

from kls import edits
from kls.facts import Fix
from kls.rules import search
from kls.rules.context import Context, fix
from kls.worker.protocol import Failure

_LOADERS = ("load_model", "clone_model", "from_config", "model_from_json", "deserialize", "model_from_config")


def told(context: Context, failure: Failure) -> list[Fix]:
    """`load_model("m.keras")` of a model with an object that the program itself has: named in `custom_objects`."""
    unknown = re.search(r"Could not locate (?:class|function) '(\w+)'", failure.message)
    fixes: list[Fix] = []
    for source, call in search.calls(context, failure)[:1] if unknown is not None else ():
        nodes = source.tree.body if source.tree is not None else []
        classes = [node.name for node in nodes if isinstance(node, ast.ClassDef) and node.bases]
        functions = [node.name for node in nodes if isinstance(node, ast.FunctionDef)]
        name = unknown[1] if unknown is not None else ""
        if name not in (*classes, *functions) or search.last_part(call.func) not in _LOADERS:
            continue
        if edits.keyword(call, "custom_objects") is not None:
            continue
        for names in dict.fromkeys(((name,), tuple(dict.fromkeys((name, *classes))))):
            text = "{" + ", ".join(f'"{item}": {item}' for item in names) + "}"
            shown = " and ".join(f"`{item}`" for item in names)
            changed = edits.add_argument(source, call, f"custom_objects={text}")
            fixes += fix(f"Tell Keras of {shown}: `custom_objects`", changed, cause=source.span(call))
    return fixes
