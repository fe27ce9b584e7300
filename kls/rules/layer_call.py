"""A layer stands where a tensor belongs, or the other way round.

## What it says
A layer was made and not called (`x = Dense(8)` and then `Dense(1)(x)`), a class was given instead of a layer
(`model.add(Flatten)`), a tensor was given to the class instead of the layer (`Dense(8, x)`), a whole model was given
instead of its output (`Flatten()(base)`), or the tensors to join come as something that is no list
(`Concatenate()(inputs.values())`).

## Why it matters
Keras raises `Only input tensors may be passed as positional arguments`, `All outputs values must be KerasTensors` or
`Only instances of keras.Layer can be added`, often some lines after the slip.

## Example
```python
import keras
from keras import layers
inputs = keras.Input((4,))
x = layers.Dense(8)
x = layers.Dense(1)(x)
```

## Repair
Call the layer: `layers.Dense(8)(inputs)`; make it: `Flatten()`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

from kls import edits
from kls.facts import Edit, Finding, Fix, Related, Severity, Span
from kls.rules import keras_names, search
from kls.rules.context import Context, Rule, finding, fix
from kls.rules.reading import Reading, inside, stated
from kls.source import SourceText
from kls.worker.protocol import Failure

RULE = Rule("layer-call", Severity.ERROR, "A layer stands where a tensor belongs, or the other way round.")


_OF_SIZES = re.compile(r"incompatible with the layer: expected (?:shape|axis|(?:min_|max_)?ndim)")
"""Keras had a tensor there, and did not like its shape."""


def diagnose(context: Context, failure: Failure) -> Finding | None:
    """The finding for a layer that was not called, or not made, in the expression that failed."""
    if not re.search(
        r"[Ll]ayer|KerasTensor|required argument|"
        r"instance|positional|keras\.src|initializer|callable|should be tensors|object|expected a|"
        r"[Ii]nvalid value",
        failure.message,
    ) or _OF_SIZES.search(failure.message):
        return None
    places = search.places(context, failure)
    if re.search(r"<\w+ name=\w+, built=", failure.message):
        # The message shows the layer that stands for a tensor: first the place that it is given to.
        places = sorted(places, key=lambda item: not _uncalled(context, *item))
    for source, place in places:
        fixes = [*_lists(source, place, failure), *_classes(source, place), *_uncalled(context, source, place)]
        fixes += [*_models(context, source, place, failure), *_tensor_to_class(context, source, place)]
        fixes += _keyword(source, place, failure)
        fixes += _collections(source, place, failure)
        if fixes:
            span = fixes[0].cause or source.span(place)
            lines = [_words(fixes[0]), f"Keras raises: {failure.exception}: {failure.message}"]
            related = tuple(Related(frame, "it raises here") for frame in failure.frames[:1] if frame.line != span.line)
            return finding(RULE, context, span, "\n".join(lines), related=related, fixes=tuple(fixes))
    return None


def read(reading: Reading) -> Iterator[Finding]:
    """A layer that is used as a tensor, a tensor that a layer's class is given, a class among the layers of a model."""
    told: set[Span] = set()
    for statement, bound in reading.steps():
        for call in inside(statement):
            found = [*_layers_as_tensors(reading, call, bound), *_tensors_to_class(reading, call, bound)]
            for item in (*found, *_classes_as_layers(reading, call)):
                if item.span not in told:
                    told.add(item.span)
                    yield item


def _makes(name: str) -> bool:
    """Whether a call with this public name makes a layer of Keras."""
    owner, _, last = name.rpartition(".")
    return owner == "keras.layers" and last[:1].isupper() and last not in ("InputLayer", "InputSpec", "Layer")


def _gives_tensor(name: str) -> bool:
    """Whether a call with this public name gives a tensor: `Input`, a layer of Keras that is called, `add`."""
    owner, _, last = name.rpartition(".")
    called = last == "__call__" and owner.startswith("keras.layers.")
    return called or name == "keras.Input" or (owner == "keras.layers" and last[:1].islower())


def _layers_as_tensors(reading: Reading, call: ast.Call, bound: Mapping[str, ast.expr]) -> Iterator[Finding]:
    name = reading.name(call)
    owner, _, last = name.rpartition(".")
    if last == "__call__" and owner.startswith("keras.layers.") or (owner == "keras.layers" and last[:1].islower()):
        given = call.args[:1]
    elif name == "keras.Model":
        given = [*call.args[:2], *(item.value for item in call.keywords if item.arg in ("inputs", "outputs"))]
    else:
        return
    for item in given:
        for node in item.elts if isinstance(item, (ast.List, ast.Tuple)) else [item]:
            made = bound.get(node.id) if isinstance(node, ast.Name) else node
            if made is None or not _makes(reading.name(made)):
                continue
            words, span = reading.source.segment(made), reading.source.span(made)
            tensor = next((key for key in reversed(list(bound)) if _gives_tensor(reading.name(bound[key]))), None)
            tensor = node.id if isinstance(node, ast.Name) and _was_tensor(reading, node.id, made) else tensor
            fixes = fix(f"Call the layer: `{words}({tensor})`", _end(span, f"({tensor})"), cause=span) if tensor else []
            used = reading.source.span(node)
            related = (Related(used, "it is used as a tensor here"),) if used.line != span.line else ()
            message = f"`{' '.join(words.split())}` is made and not called: it is a layer, no tensor"
            yield stated(RULE, span, message, related=related, fixes=tuple(fixes))


def _was_tensor(reading: Reading, name: str, made: ast.expr) -> bool:
    """Whether `name` was bound to a tensor right before it was bound to the layer `made`."""
    for statement, bound in reading.steps():
        if isinstance(statement, ast.Assign) and statement.value is made:
            return name in bound and _gives_tensor(reading.name(bound[name]))
    return False


def _tensors_to_class(reading: Reading, call: ast.Call, bound: Mapping[str, ast.expr]) -> Iterator[Finding]:
    if not _makes(reading.name(call)) or not call.args:
        return
    source, first = reading.source, call.args[0]
    nodes = first.elts if isinstance(first, (ast.List, ast.Tuple)) else [first]
    if not nodes or not all(isinstance(node, ast.Name) and node.id in bound for node in nodes):
        return
    if not all(_gives_tensor(reading.name(bound[node.id])) for node in nodes if isinstance(node, ast.Name)):
        return
    rest = [source.segment(node) for node in (*call.args[1:], *call.keywords)]
    text = f"{source.segment(call.func)}({', '.join(rest)})({source.segment(first)})"
    span = source.span(call)
    message = f"`{source.segment(call.func)}` is the class: the tensor goes to the layer that it makes"
    yield stated(RULE, span, message, fixes=tuple(fix(f"Call the layer: `{text}`", Edit(span, text), cause=span)))


def _classes_as_layers(reading: Reading, call: ast.Call) -> Iterator[Finding]:
    if reading.name(call) not in ("keras.Sequential", "keras.Sequential.add"):
        return
    for item in call.args[:1]:
        for node in item.elts if isinstance(item, (ast.List, ast.Tuple)) else [item]:
            if reading.public(node) in keras_names.PARAMETERS and _makes(reading.public(node)):
                span, words = reading.source.span(node), reading.source.segment(node)
                fixes = fix(f"Make the layer: `{words}()`", _end(span, "()"), cause=span)
                yield stated(RULE, span, f"`{words}` is a class where a layer belongs", fixes=tuple(fixes))


def _words(best: Fix) -> str:
    if best.title == _LIST:
        return "a layer takes its tensors one by one or in a list: this is another collection of them"
    if best.title.startswith(_OF_MODEL):
        return "a whole model stands where a tensor belongs"
    if best.title.startswith("Make"):
        return "a class stands where a layer belongs"
    if best.title.startswith("Call"):
        return "the layer is made and not called: it is no tensor"
    return "the call is given its tensors in the wrong way"


def _end(span: Span, text: str) -> Edit:
    return Edit(Span(span.path, span.end_line, span.end_column, span.end_line, span.end_column), text)


def _is_class(node: ast.expr) -> bool:
    name = search.last_part(node)
    return name[:1].isupper() and not name.isupper() and search.root(node) not in ("np", "numpy")


def _classes(source: SourceText, place: ast.expr) -> list[Fix]:
    """`Flatten` in a list of layers or in `.add(…)`: make one."""
    fixes: list[Fix] = []
    items: list[ast.expr] = []
    for call in ast.walk(place):
        if isinstance(call, ast.Call):
            name = search.last_part(call.func)
            if name in ("add", "Sequential"):
                items += call.args
    for item in items:
        for node in item.elts if isinstance(item, (ast.List, ast.Tuple)) else [item]:
            if isinstance(node, (ast.Name, ast.Attribute)) and _is_class(node):
                words = source.segment(node)
                fixes += fix(f"Make the layer: `{words}()`", _end(source.span(node), "()"), cause=source.span(node))
    return fixes


_TAKING_LAYERS = ("Sequential", "add", "compile", "fit")


def _uncalled(context: Context, source: SourceText, place: ast.expr) -> list[Fix]:
    """A layer expression, here or in the assignment of a name given here, that lacks its `(tensor)`."""
    fixes: list[Fix] = []
    several: list[ast.expr] = []
    given: list[ast.expr] = []
    makes = search.makes_layer(place)  # `Bidirectional(LSTM(8))` is made of a layer
    if isinstance(place, ast.Call) and not makes and search.last_part(place.func) not in _TAKING_LAYERS:
        given = [*place.args, *[item.value for item in place.keywords]]
    elif isinstance(place, ast.BinOp):
        given = [place.left, place.right]
    for item in given:
        for node in item.elts if isinstance(item, (ast.List, ast.Tuple)) else [item]:
            value = _assigned(source, node, place.lineno) if isinstance(node, ast.Name) else node
            if value is None or not search.makes_layer(value):
                continue
            if isinstance(place, ast.Call) and place.func is value:
                continue
            statement = source.statement(value)
            line = statement.lineno if statement is not None else value.lineno
            fixes += _tensor_to_class(context, source, value)
            several.append(value)
            own = [node.id] if isinstance(node, ast.Name) and _is_parameter(source, node) else []
            for name in [*own, *search.tensors_before(context, source.path, line)][:2]:
                words = source.segment(value)
                cause = source.span(statement) if statement is not None else source.span(value)
                fixes += fix(f"Call the layer: `{words}({name})`", _end(source.span(value), f"({name})"), cause=cause)
    return [*_each_called(context, source, place, several), *fixes]


def _is_parameter(source: SourceText, name: ast.Name) -> bool:
    """Whether a function was given what it has bound anew to `name`: `x = Dense(8)` in `def block(x)`."""
    function = source.function(name)
    given = function.args if isinstance(function, ast.FunctionDef) else None
    return given is not None and name.id in {item.arg for item in (*given.posonlyargs, *given.args, *given.kwonlyargs)}


def _each_called(context: Context, source: SourceText, place: ast.expr, layers: list[ast.expr]) -> list[Fix]:
    """Several layers that are given for tensors, each called with one of as many inputs that no layer is given."""
    if len(layers) < 2 or len(set(map(source.span, layers))) < len(layers):
        return []
    first = min(item.lineno for item in layers)
    inputs = [name for name in reversed(search.tensors_before(context, source.path, first)) if _waits(source, name)]
    if len(inputs) != len(layers):
        return []
    changes = [_end(source.span(item), f"({name})") for item, name in zip(layers, inputs, strict=True)]
    statement = source.statement(layers[0])
    cause = source.span(statement if statement is not None else layers[0])
    return fix(f"Call the layers: `({')`, `('.join(inputs)})`", *changes, cause=cause)


def _waits(source: SourceText, name: str) -> bool:
    """Whether a tensor is read by nothing but a model's list of inputs."""
    for node in source.nodes:
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load):
            call: ast.AST | None = node
            while call is not None and not isinstance(call, (ast.Call, ast.stmt)):
                call = source.parents.get(call)
            if not isinstance(call, ast.Call) or search.last_part(call.func) != "Model":
                return False
    return True


_OF_MODEL = "Take the model"


def _models(context: Context, source: SourceText, place: ast.expr, failure: Failure) -> list[Fix]:
    """`Flatten()(base)` and `Model(base, …)`: the output of a model, or its input, where it is given itself."""
    if not isinstance(place, ast.Call) or not re.search(
        r"<\w+ name=[\w.-]+, built=True>|KerasTensors?\b|but it received \d+ input tensors", failure.message
    ):
        return []
    kinds = {item.variable: item.kind for item in context.report.models if item.kind != "subclass"}
    several = {item.variable for item in context.report.models if len(item.outputs) > 1}
    takes_input = search.last_part(place.func) == "Model"
    given = [(item, takes_input and number == 0) for number, item in enumerate(place.args)]
    given += [(item.value, item.arg == "inputs") for item in place.keywords]
    fixes: list[Fix] = []
    for item, entering in given:
        for node in item.elts if isinstance(item, (ast.List, ast.Tuple)) else [item]:
            if isinstance(node, ast.Name) and node.id in kinds:
                end = "input" if entering else "output"
                # A Sequential that was never called has no `output` (keras/src/ops/operation.py).
                whole = "s" if node.id in several and not entering else ""
                text = f"{node.id}.{end}" + ("s[0]" if kinds[node.id] == "sequential" else whole)
                fixes += fix(
                    f"{_OF_MODEL}'s {end}{whole}: `{text}`", edits.replace(source, node, text), cause=source.span(node)
                )
    if len(fixes) > 1:
        every = [edit for item in fixes for edit in item.edits]
        fixes = [*fix(f"{_OF_MODEL}s' outputs", *every, cause=fixes[0].cause), *fixes]
    return fixes


def _assigned(source: SourceText, name: ast.Name, line: int) -> ast.expr | None:
    """The value of the last assignment of `name` before `line`."""
    best: ast.Assign | None = None
    for node in source.nodes:
        if isinstance(node, ast.Assign) and node.lineno < line and (best is None or node.lineno > best.lineno):
            if any(isinstance(target, ast.Name) and target.id == name.id for target in node.targets):
                best = node
    return best.value if best is not None else None


def _tensor_to_class(context: Context, source: SourceText, place: ast.expr) -> list[Fix]:
    """`Dense(8, x)` or `Flatten(x)`: the tensor goes to the layer, not to its class."""
    if not search.makes_layer(place) or not isinstance(place, ast.Call):
        return []
    tensors = {item.name for item in context.report.variables if item.kind == "keras-tensor"}
    for item in place.args:
        names = [node for node in ast.walk(item) if isinstance(node, ast.Name) and node.id in tensors]
        if not names or not isinstance(item, (ast.Name, ast.List, ast.Tuple)):
            continue
        rest = [source.segment(node) for node in place.args if node is not item]
        rest += [source.segment(node) for node in place.keywords]
        text = f"{source.segment(place.func)}({', '.join(rest)})({source.segment(item)})"
        return fix(f"Call the layer: `{text}`", edits.replace(source, place, text), cause=source.span(place))
    return []


def _lists(source: SourceText, place: ast.expr, failure: Failure) -> list[Fix]:
    """`Concatenate()(a, b)`: one list; `MultiHeadAttention(…)(x)`: query and value."""
    told = failure.exception == "TypeError" or re.search(r"positional|argument|list of", failure.message)
    if not told or not isinstance(place, ast.Call) or search.makes_layer(place):
        return []
    own = {node.name for node in source.nodes if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}
    if isinstance(place.func, ast.Name) and place.func.id in own:
        return []
    fixes: list[Fix] = []
    cause = source.span(place)
    if len(place.args) > 1 and not any(isinstance(item, (ast.Starred, ast.Constant)) for item in place.args):
        first, last = source.span(place.args[0]), source.span(place.args[-1])
        span = Span(source.path, first.line, first.column, last.end_line, last.end_column)
        fixes += fix("Give one list of tensors", Edit(span, f"[{source.cut(span)}]"), cause=cause)
    if len(place.args) == 1 and not search.makes_layer(place):
        words = source.segment(place.args[0])
        if isinstance(place.func, ast.Call) and "Attention" in search.last_part(place.func.func):
            text = f", {words}"
            fixes += fix("Attend to itself: give the tensor twice", _end(source.span(place.args[0]), text), cause=cause)
            listed = edits.replace(source, place.args[0], f"[{words}, {words}]")
            fixes += fix("Attend to itself: give a list with the tensor twice", listed, cause=cause)
    return fixes


_LIST = "Make a list of them"


def _collections(source: SourceText, place: ast.expr, failure: Failure) -> list[Fix]:
    """`Concatenate()(inputs.values())`: a view, a set or a generator of tensors becomes a list."""
    if not re.search(r"Only input tensors may.*(KerasTensor|<(generator|map|filter|zip))", failure.message):
        return []
    if not isinstance(place, ast.Call) or len(place.args) != 1 or search.makes_layer(place):
        return []
    given, cause = place.args[0], source.span(place)
    if isinstance(given, (ast.GeneratorExp, ast.Set)):
        words = f"[{source.segment(given)[1:-1]}]"
        bare = source.span(given).end_column == cause.end_column  # its parentheses are those of the call
        return fix(_LIST, edits.replace(source, given, f"({words})" if bare else words), cause=cause)
    return fix(_LIST, edits.wrap(source, given, "list({})"), cause=cause)


def _keyword(source: SourceText, place: ast.expr, failure: Failure) -> list[Fix]:
    """`layer(x, True)`: the flag is `training`."""
    if not isinstance(place, ast.Call) or "positional" not in failure.message:
        return []
    fixes: list[Fix] = []
    for item in place.args[1:]:
        if isinstance(item, ast.Constant) and isinstance(item.value, bool):
            text = f"training={source.segment(item)}"
            fixes += fix(f"Write `{text}`", edits.replace(source, item, text), cause=source.span(place))
        elif isinstance(item, ast.Name):
            for name in ("training", "mask", "initial_state"):
                text = f"{name}={item.id}"
                fixes += fix(f"Write `{text}`", edits.replace(source, item, text), cause=source.span(place))
    return fixes
