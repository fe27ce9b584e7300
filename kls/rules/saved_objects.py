"""Classes and functions of the author's own that a saved model names, and what their `get_config` says. Not a rule:
`suspects` asks."""

from __future__ import annotations

import ast
import difflib
import re

from kls import edits
from kls.facts import Fix
from kls.rules import search
from kls.rules.context import Context, fix
from kls.source import SourceText
from kls.worker.protocol import Failure

_LOADERS = ("load_model", "clone_model", "from_config", "model_from_json", "deserialize", "model_from_config")


def told(context: Context, failure: Failure) -> list[Fix]:
    """`load_model("m.keras")` of a model with an object that the program itself has: named in `custom_objects`."""
    fixes: list[Fix] = _named_in_config(context, failure)
    unknown = re.search(r"Could not locate (?:class|function) '(\w+)'", failure.message)
    for source, call in search.calls(context, failure)[:1] if unknown is not None else ():
        nodes = source.tree.body if source.tree is not None else []
        classes = [node.name for node in nodes if isinstance(node, ast.ClassDef) and node.bases]
        functions = [node.name for node in nodes if isinstance(node, ast.FunctionDef)]
        name = unknown[1] if unknown is not None else ""
        if name not in (*classes, *functions) or search.last_part(call.func) not in _LOADERS:
            continue
        if search.last_part(call.func) == "clone_model":
            fixes += _registered(source, name)
            continue
        if edits.keyword(call, "custom_objects") is not None:
            continue
        for names in dict.fromkeys(((name,), tuple(dict.fromkeys((name, *classes))))):
            text = "{" + ", ".join(f'"{item}": {item}' for item in names) + "}"
            shown = " and ".join(f"`{item}`" for item in names)
            changed = edits.add_argument(source, call, f"custom_objects={text}")
            fixes += fix(f"Tell Keras of {shown}: `custom_objects`", changed, cause=source.span(call))
    return fixes


def _registered(source: SourceText, name: str) -> list[Fix]:
    """The decorator that makes an object known to Keras by its name."""
    made = [node for node in source.nodes if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and node.name == name]
    keras, imports = search.keras_name(source)
    line = f"@{keras}.saving.register_keras_serializable()"
    changes = [edits.insert_before(source, node, line) for node in made[:1]]
    title = f"Register `{name}`: `{line}`"
    return fix(title, *changes, *imports, cause=source.span(made[0])) if made else []


_REFUSED = re.compile(
    r"Error when deserializing class '(\w+)'.*(?:missing \d+ required positional argument|unexpected keyword argument"
    r"|Unrecognized keyword arguments)",
    re.DOTALL,
)


def _named_in_config(context: Context, failure: Failure) -> list[Fix]:
    """`get_config` of a class of the author says a name that its `__init__` does not take, or leaves one out."""
    refused = _REFUSED.search(failure.message)
    fixes: list[Fix] = []
    for source in context.sources.values() if refused is not None else ():
        for owner in source.nodes:
            if not isinstance(owner, ast.ClassDef) or refused is None or owner.name != refused[1]:
                continue
            methods = {item.name: item for item in owner.body if isinstance(item, ast.FunctionDef)}
            if "__init__" not in methods or "get_config" not in methods:
                continue
            taken = methods["__init__"].args
            tables = [node for node in ast.walk(methods["get_config"]) if isinstance(node, ast.Dict) and node.keys]
            if len(tables) != 1 or not all(isinstance(key, ast.Constant) for key in tables[0].keys if key):
                continue
            keys = [key for key in tables[0].keys if isinstance(key, ast.Constant)]
            names = [item.arg for item in (*taken.args[1:], *taken.kwonlyargs)]
            needed = names[: len(taken.args) - 1 - len(taken.defaults)]
            left = [name for name in needed if name not in [key.value for key in keys]]
            wrong = [key for key in keys if key.value not in names and key.value not in _OF_KERAS]
            cause = source.span(tables[0])
            for key in wrong if len(wrong) == 1 else ():
                meant = left or difflib.get_close_matches(str(key.value), names, 1, 0.6)
                for name in meant[:1]:
                    changed = edits.replace(source, key, f'"{name}"')
                    fixes += fix(f'Name it as `__init__` does: "{name}"', changed, cause=source.span(key))
            kept = [name for name in left if f"self.{name} = " in source.segment(methods["__init__"])]
            if not wrong and kept == left and left and keys:
                more = ", ".join(f'"{name}": self.{name}' for name in left)
                words = source.segment(keys[0])
                fixes += fix(f"Keep it: `{more}`", edits.replace(source, keys[0], f"{more}, {words}"), cause=cause)
    return fixes


_OF_KERAS = ("name", "trainable", "dtype")
"""What a layer's own configuration has besides."""
