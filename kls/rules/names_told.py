"""What Keras does not have by the name that is told it, or takes for something else. Not a rule: `suspects` asks."""

from __future__ import annotations

import ast
import difflib
import re

from kls import edits
from kls.facts import Fix
from kls.rules import search
from kls.rules.context import Context, fix
from kls.worker.protocol import Failure

MOST = 4
"""Candidates of one kind."""


def strong(context: Context, failure: Failure) -> list[Fix]:
    """Candidates for a layer that is asked for by another name, and for a loss that is made and not given."""
    return [
        *_layers(context, failure),
        *_made_losses(context, failure),
        *_history(context, failure),
        *_ends_of_layers(context, failure),
        *_constants(context, failure),
    ]


def _constants(context: Context, failure: Failure) -> list[Fix]:
    """`tf.data.AUTOTUNE()`: a constant is not called."""
    if not re.match(r"'(int|float|str|bool)' object is not callable", failure.message):
        return []
    for source, call in search.calls(context, failure)[:1]:
        if isinstance(call.func, ast.Attribute) and not call.args and not call.keywords:
            words = source.segment(call.func)
            return fix(f"Give the constant: `{words}`", edits.replace(source, call, words), cause=source.span(call))
    return []


def _ends_of_layers(context: Context, failure: Failure) -> list[Fix]:
    """`Model(net.input, net.layers[-2])`: what the layer gives, not the layer."""
    told = re.match(r"All `(inputs|outputs)` values must be KerasTensors", failure.message)
    fixes: list[Fix] = []
    for source, call in search.calls(context, failure)[:1] if told is not None else ():
        which = told[1] if told is not None else ""
        given = edits.argument(call, which, 0 if which == "inputs" else 1)
        items = given.elts if isinstance(given, (ast.List, ast.Tuple)) else [given] if given is not None else []
        layers = [item for item in items if not isinstance(item, ast.Attribute)]
        changes = [edits.wrap(source, item, f"{{}}.{which[:-1]}") for item in layers]
        shown = ", ".join(f"`{edits.parenthesised(source, item)}.{which[:-1]}`" for item in layers)
        fixes += fix(f"Give its tensor: {shown}", *changes, cause=source.span(layers[0])) if layers else []
    return fixes


def _history(context: Context, failure: Failure) -> list[Fix]:
    """`history["loss"]`: the values are in its `history`."""
    place = failure.frames[-1] if failure.frames and "'History' object is not subscr" in failure.message else None
    source = context.source(place.path) if place is not None else None
    node = source.at(place, ast.Subscript) if source is not None and place is not None else None
    if source is None or node is None:
        return []
    words = source.segment(node.value)
    same = [
        item.value for item in source.nodes if isinstance(item, ast.Subscript) and source.segment(item.value) == words
    ]
    every = [edits.replace(source, item, f"{words}.history") for item in same]
    return fix(f"Ask for its values: `{words}.history`", *every, cause=source.span(node))


def _layers(context: Context, failure: Failure) -> list[Fix]:
    """`get_layer("conv2d_7")` of a model whose layers are called otherwise: the most alike, of equals the last."""
    told = re.search(r"No such layer: ([\w./-]+)\. Existing layers are: \[(.*)\]", failure.message, re.DOTALL)
    names = re.findall(r"'([^']*)'", told[2]) if told is not None else []
    fixes: list[Fix] = []
    for source in context.sources.values() if told is not None else ():
        nodes = [node for node in source.nodes if isinstance(node, ast.Constant) and told and node.value == told[1]]
        stem = re.sub(r"\W|[_\d]+$", "", told[1]) if told is not None else ""
        alike = [
            (difflib.SequenceMatcher(None, stem, re.sub(r"[_\d]+$", "", name)).ratio(), place, name)
            for place, name in enumerate(names)
        ]
        for _, _, name in sorted(alike, reverse=True)[:MOST] if nodes else ():
            changes = [edits.replace(source, node, f'"{name}"') for node in nodes]
            fixes += fix(f"Ask for `{name}`", *changes, cause=source.span(source.statement(nodes[0]) or nodes[0]))
    return fixes


def _made_losses(context: Context, failure: Failure) -> list[Fix]:
    """`compile(loss=focal)` of a function that makes the loss, or of a class: it is called first."""
    if not failure.stage.endswith(("loss", "metrics", "compile")) and "function" not in failure.message:
        return []
    fixes: list[Fix] = []
    for source in context.sources.values():
        makers = {
            node.name
            for node in source.nodes
            if isinstance(node, ast.FunctionDef) and _gives_a_function(node) and not _demands(node)
        }
        for call in source.calls():
            if search.last_part(call.func) != "compile":
                continue
            places = [edits.argument(call, "loss", 1), edits.argument(call, "metrics", 2)]
            for place in places:
                for node in ast.walk(place) if place is not None else ():
                    parent = source.parents.get(node)
                    called = isinstance(parent, ast.Call) and parent.func is node
                    if called or not isinstance(node, (ast.Name, ast.Attribute)) or isinstance(parent, ast.Attribute):
                        continue
                    words = source.segment(node)
                    kind = re.search(r"(?:losses|metrics)\.[A-Z]\w+$", words)
                    if words in makers or kind is not None:
                        title = f"Give what it makes: `{words}()`"
                        fixes += fix(title, edits.replace(source, node, f"{words}()"), cause=source.span(node))
    return fixes[:MOST]


def _gives_a_function(function: ast.FunctionDef) -> bool:
    """Whether a function returns one that is defined inside it."""
    inner = {node.name for node in ast.walk(function) if isinstance(node, ast.FunctionDef) and node is not function}
    returned = [node.value for node in function.body if isinstance(node, ast.Return)]
    return any(
        isinstance(value, ast.Lambda) or (isinstance(value, ast.Name) and value.id in inner) for value in returned
    )


def _demands(function: ast.FunctionDef) -> bool:
    """Whether a function must be given something."""
    return len(function.args.args) > len(function.args.defaults)
