"""A layer is trained through integers, which have no gradient.

## What it says
Everything that comes from the layer goes through an operation that gives integers or truth values (`argmax`, a
comparison, a cast) before it reaches the output.

## Why it matters
Keras warns `Gradients do not exist for variables …` when training starts, and those weights never change.

## Example
```python
import numpy as np, keras
from keras import layers
inputs = keras.Input((4,))
x = keras.ops.argmax(layers.Dense(3)(inputs), axis=-1, keepdims=True)
model = keras.Model(inputs, layers.Dense(1)(x))
model.compile("adam", "mse")
model.fit(np.zeros((8, 4)), np.zeros(8))
```

## Repair
Use what goes into `argmax`, a softmax, instead of its result; take the `argmax` after training.
"""

from __future__ import annotations

from collections.abc import Iterator

from kls import edits
from kls.facts import Evidence, Finding, Fix, Related, Severity, Span
from kls.rules.context import Context, Rule, finding, fix
from kls.worker.protocol import Model, Node, Variable

RULE = Rule("cut-gradient", Severity.WARNING, "A layer is trained through integers, which have no gradient.")


def survey(context: Context) -> Iterator[Finding]:
    """One finding for each trained model with layers that no gradient can reach."""
    told: set[int] = set()
    for call in context.report.calls:
        model = context.model_of(call)
        if (
            model is None
            or model.key in told
            or call.status != "traced"
            or not call.method.startswith(("fit", "train"))
        ):
            continue
        told.add(model.key)
        cut = _cut(context, model)
        if cut is None:
            continue
        layer, wall = cut
        place = _assignment(context, wall)
        span = place.statement if place is not None else wall.created or layer.created or call.span
        lines = [
            f"{layer.cls} is not trained: its output goes through `{wall.cls.lower()}`, which gives "
            f"{wall.outputs[0].dtype} and has no gradient",
            "Keras warns when it trains: Gradients do not exist for variables",
        ]
        related = (Related(layer.created, "this layer is not trained"),) if layer.created is not None else ()
        fixes = _fixes(context, place)
        message = "\n".join(lines)
        yield finding(RULE, context, span, message, evidence=Evidence.SILENT, related=related, fixes=tuple(fixes))


def _cut(context: Context, model: Model) -> tuple[Node, Node] | None:
    """A layer with weights that reaches the outputs through integers alone, and the first operation that gives them."""
    reached = _reached(model, through_integers=False)
    connected = _reached(model, through_integers=True)
    for index, node in enumerate(model.graph):
        if not node.parameters or index in reached or index not in connected or _is_integer(node):
            continue
        if any(layer.config.get("trainable") is False for layer in context.layers.get(node.key, ())):
            continue
        wall = next(
            (item for item in model.graph[index + 1 :] if _is_integer(item) and _feeds(model, index, item)), None
        )
        if wall is not None:
            return node, wall
    return None


def _reached(model: Model, through_integers: bool) -> set[int]:
    """The places of the nodes from which a path leads to an output of the model."""
    ends = [index for index, node in enumerate(model.graph) if node.key in model.output_layers]
    reached: set[int] = set()
    while ends:
        index = ends.pop()
        if index in reached or (not through_integers and _is_integer(model.graph[index])):
            continue
        reached.add(index)
        ends += [source[0] for source in model.graph[index].sources if source]
    return reached


def _feeds(model: Model, index: int, node: Node) -> bool:
    ends, seen = [source[0] for source in node.sources if source], set[int]()
    while ends:
        place = ends.pop()
        if place == index:
            return True
        if place not in seen:
            seen.add(place)
            ends += [source[0] for source in model.graph[place].sources if source]
    return False


def _is_integer(node: Node) -> bool:
    return bool(node.outputs) and all(
        (tensor.dtype or "float").startswith(("int", "uint", "bool")) for tensor in node.outputs
    )


def _assignment(context: Context, wall: Node) -> Variable | None:
    """The assignment that holds the operation, judged by what it gives and by the author's words."""
    word = wall.cls.lower()
    for variable in context.report.variables:
        same = (
            variable.kind == "keras-tensor"
            and variable.tensors[:1]
            and variable.tensors[0].dtype == wall.outputs[0].dtype
        )
        if same and word in context.text_of(variable.statement).replace("_", "").lower():
            return variable
    return None


def _fixes(context: Context, place: Variable | None) -> list[Fix]:
    """Leave the operation out: `x = argmax(x)` goes."""
    span: Span | None = place.statement if place is not None else None
    source = context.source(span.path) if span is not None else None
    statement = source.statement_at(span.line) if source is not None and span is not None else None
    if source is None or statement is None or span is None or source.span(statement) != span:
        return []
    return fix("Leave the operation out", edits.remove_statement(source, statement), cause=span)
