"""Tensors that are joined do not fit each other.

## What it says
`Add`, `Concatenate`, `Multiply`, `Dot`, `+` or `matmul` is given tensors whose axes do not match.

## Why it matters
Keras raises `ValueError: Inputs have incompatible shapes` or `A Concatenate layer requires inputs with matching shapes
except for the concatenation axis` where they are joined.

## Example
```python
import keras
from keras import layers
inputs = keras.Input((16, 16, 3))
x = layers.Conv2D(8, 3, padding="same")(inputs)
x = layers.Add()([inputs, x])
```

## Repair
Project one side to the other's size (`Dense`, a 1×1 `Conv2D`), keep the size (`padding="same"`), enlarge or pad the
smaller map (`UpSampling2D`, `ZeroPadding2D`), cut the larger one, or join along another axis.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from kls import edits
from kls.facts import Edit, Evidence, Finding, Fix, Related, Severity, Span
from kls.rules import operands, operators, own_functions, search, written
from kls.rules.context import Context, Rule, failed_layer, finding, fix, show
from kls.rules.steps import as_the_others
from kls.source import SourceText
from kls.worker.protocol import Failure, Layer

RULE = Rule("merge-shape", Severity.ERROR, "Tensors that are joined do not fit each other.")

Shape = tuple[int | None, ...]
MERGES = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate", "Dot")
_OF_SHAPES = re.compile(r"broadcast|must be equal|[Ii]ncompatible|mismatch|(must|should) match|not aligned|same rank")
"""What NumPy and TensorFlow say where two shapes do not go together."""
SUMS = ("Add", "Subtract", "Average", "Maximum", "Minimum")


def diagnose(context: Context, failure: Failure) -> Finding | None:
    """The finding for a merge layer, or an operator between tensors, whose operands do not fit."""
    shapes: list[Shape | None] = [tensor.shape for tensor in failure.inputs]
    names: list[str] = []
    if failure.layer_cls not in MERGES:
        given = failure.facts.get("operands") or ()
        if failure.layer_cls is not None or len(given) < 2 or failure.exception not in ("ValueError",):
            return None
        shapes = [None if shape is None else tuple(shape) for _, shape, _ in given]
        names = [name for name, _, _ in given]
        told = operands.shapes_told(failure.message)
        if len(told) == len(shapes):  # `r + net.predict(s)`: not `s` is joined, but what is made of it
            of_shape = {shape: name for name, shape in zip(names, shapes, strict=True)}
            names, shapes = [of_shape.get(shape, "") for shape in told], [*told]
        if not _cannot_broadcast(shapes) or "`target`" in failure.message or not _OF_SHAPES.search(failure.message):
            return None
    if len(shapes) < 2:
        return None
    span = failure.layer_called or (failure.frames[-1] if failure.frames else None)
    if span is None:
        return None
    shown = " and ".join(
        f"`{name}` {show(shape)}" if name else show(shape)
        for name, shape in zip(names or [""] * len(shapes), shapes, strict=True)
    )
    what = f"`{failure.layer_cls}`" if failure.layer_cls else "the operator"
    lines = [f"{what} joins {shown}, which do not fit", f"Keras raises: {failure.exception}: {failure.message}"]
    kept = _same_padding(context, shapes)
    steps = _steps_of_projection(context, failure, shapes)
    one = [*_one_padded(context, shapes, span), *as_the_others(context, span)]
    fixes = [*_joined(context, failure, shapes), *kept, *steps, *one, *_fixes(context, failure, shapes)]
    if kept and kept[0].cause is not None:
        span = kept[0].cause
    related = tuple(Related(frame, "it raises here") for frame in failure.frames[:1] if frame != span)
    return finding(
        RULE, context, span, "\n".join(lines), call=context.sink(failure), related=related, fixes=tuple(fixes)
    )


def survey(context: Context) -> Iterator[Finding]:
    """A hint where a sum repeats one value over all features of the other side."""
    told: set[Span] = set()
    for layer in context.report.layers:
        shapes = [tensor.shape for tensor in layer.inputs if tensor.shape]
        if layer.cls not in SUMS or layer.called is None or layer.called in told or len(shapes) < 2:
            continue
        widths = {shape[-1] for shape in shapes}
        if len({len(shape) for shape in shapes}) != 1 or 1 not in widths or len(widths) < 2 or None in widths:
            continue
        told.add(layer.called)
        shown = " and ".join(show(shape) for shape in shapes)
        words = f"{layer.cls} of {shown} repeats the narrow one over all features"
        yield finding(RULE, context, layer.called, words, evidence=Evidence.ADVICE, severity=Severity.HINT)


def _joined(context: Context, failure: Failure, shapes: list[Shape | None]) -> list[Fix]:
    """`np.concatenate` along the one axis in which the arrays differ."""
    found = context.call_node(failure.frames[-1]) if failure.frames and failure.layer_cls is None else None
    known = [shape for shape in shapes if shape is not None]
    if found is None or failure.facts.get("callee") not in ("concatenate", "concat") or len(known) < 2:
        return []
    if len({len(shape) for shape in known}) != 1:
        return []
    axes = [axis for axis, sizes in enumerate(zip(*known, strict=True)) if len(set(sizes)) > 1]
    if len(axes) != 1:
        return []
    source, call = found
    changed = edits.set_argument(source, call, "axis", 1, str(axes[0]))
    return fix(f"Join them along axis {axes[0]}", changed, cause=source.span(call))


def _cannot_broadcast(shapes: list[Shape | None]) -> bool:
    known = [shape for shape in shapes if shape is not None]
    for one, other in zip(known, known[1:], strict=False):
        for a, b in zip(reversed(one), reversed(other), strict=False):
            if a is not None and b is not None and a != b and 1 not in (a, b):
                return True
    return False


def _fixes(context: Context, failure: Failure, shapes: list[Shape | None]) -> list[Fix]:
    config: dict[str, Any] = failure.facts.get("config") or {}
    fixes: list[Fix] = []
    if failure.layer_cls == "Concatenate":
        for axis in (-1, 1, 2):
            if axis != config.get("axis") and _joins(shapes, axis):
                fixes += operators.set_layer_argument(
                    context, failed_layer(failure), "axis", 0, str(axis), f"Join along axis {axis}"
                )
                break
    if failure.layer_cls == "Dot":
        fixes += _dotted(context, failure, shapes)
    elif failure.layer_cls != "Multiply":
        fixes += _project(context, failure, shapes)
    return [
        *fixes,
        *_pooled_in_a_list(context, failure, shapes),
        *_resized(context, failure, shapes),
        *_units(context, failure, shapes),
        *_flattened(context, failure, shapes),
    ]


def _pooled_in_a_list(context: Context, failure: Failure, shapes: list[Shape | None]) -> list[Fix]:
    """Maps or sequences of several sizes that a loop puts into the list of what is joined: one vector of each."""
    found = context.call_node(failure.layer_called)
    ranks = [len(shape) for shape in shapes if shape is not None]
    most = max(ranks, default=0)
    if found is None or len(ranks) < 2 or not 3 <= most <= 5 or failure.layer_cls != "Concatenate":
        return []
    source, call = found
    joined = {node.id for argument in call.args for node in ast.walk(argument) if isinstance(node, ast.Name)}
    fixes: list[Fix] = []
    for node in source.calls():
        owner = node.func.value if isinstance(node.func, ast.Attribute) and node.func.attr == "append" else None
        if not isinstance(owner, ast.Name) or owner.id not in joined or len(node.args) != 1:
            continue
        layers = [f"GlobalMaxPooling{most - 2}D", f"GlobalAveragePooling{most - 2}D", "Flatten"]
        layers.sort(key=lambda name: name not in source.text)
        made = call.func if isinstance(call.func, ast.Call) else call
        for layer in layers[:2]:
            name, imports = edits.callee_like(source, made, layer)
            changed = edits.replace(source, node.args[0], f"{name}()({source.segment(node.args[0])})")
            title = f"Make one vector of each: `{layer}`"
            fixes += fix(title, changed, *imports, cause=source.span(node))
    return fixes


def _flattened(context: Context, failure: Failure, shapes: list[Shape | None]) -> list[Fix]:
    """One vector for each sample of the operand that has places or steps, where the other is a vector."""
    found = context.call_node(failure.layer_called)
    given = found[1].args[0] if found is not None and found[1].args else None
    if found is None or failure.layer_cls not in MERGES or not isinstance(given, (ast.List, ast.Tuple)):
        return []
    source, call = found
    ranks = [len(shape) if shape is not None else 0 for shape in shapes]
    if len(ranks) != len(given.elts) or 2 not in ranks or sum(rank > 2 for rank in ranks) != 1:
        return []
    place = next(index for index, rank in enumerate(ranks) if rank > 2)
    operand, made = given.elts[place], call.func if isinstance(call.func, ast.Call) else call
    bound = [
        value
        for _, target, value in source.assignments()
        if isinstance(operand, ast.Name) and source.segment(target) == operand.id
    ]
    declared = [value for value in bound if isinstance(value, ast.Call) and search.last_part(value.func) == "Input"]
    node = own_functions.returned(source, bound[0] if len(bound) == 1 and not declared else operand)
    fixes: list[Fix] = []
    layers = [f"GlobalAveragePooling{ranks[place] - 2}D", "Flatten"]
    if (shapes[place] or ())[1:-1] == (1,):  # an id of its own, nothing to pool
        layers.reverse()
    for layer in layers:
        name, imports = edits.callee_like(source, made, layer)
        changed = edits.replace(source, node, f"{name}()({source.segment(node)})")
        title = f"Make one vector of `{source.segment(operand)}`: `{layer}`"
        fixes += fix(title, changed, *imports, cause=source.span(node))
    return [item for item in fixes if ranks[place] <= 5 or "Flatten" in item.title]


def _dotted(context: Context, failure: Failure, shapes: list[Shape | None]) -> list[Fix]:
    """Other axes of a `Dot`, of equal sizes: the last of both first."""
    if len(shapes) != 2 or shapes[0] is None or shapes[1] is None:
        return []
    pairs = [
        (one, other)
        for one, size in enumerate(shapes[0])
        for other, against in enumerate(shapes[1])
        if one and other and size is not None and size == against
    ]
    fixes: list[Fix] = []
    for one, other in sorted(pairs, key=lambda pair: (pair[0] != pair[1], -sum(pair))):
        text = str(one) if one == other else f"({one}, {other})"
        title = f"Multiply along axes {text}" if one != other else f"Multiply along axis {one}"
        fixes += operators.set_layer_argument(context, failed_layer(failure), "axes", 0, text, title)
    return fixes


def _joins(shapes: list[Shape | None], axis: int) -> bool:
    known = [shape for shape in shapes if shape is not None]
    if len({len(shape) for shape in known}) != 1 or not -len(known[0]) <= axis < len(known[0]):
        return False
    rest = [[size for index, size in enumerate(shape) if index != axis % len(shape)] for shape in known]
    return all(item == rest[0] for item in rest)


def _same_padding(context: Context, shapes: list[Shape | None]) -> list[Fix]:
    """Windows that cut their borders off, which differ between the branches: keep the size in all of them."""
    known = [shape for shape in shapes if shape is not None]
    if len(known) != len(shapes) or len({(len(shape), shape[-1:]) for shape in known}) != 1:
        return []
    makers: dict[Span, Layer] = {}
    for shape in known:
        for layer in reversed(context.report.layers):
            if layer.outputs and layer.outputs[0].shape == shape and layer.config.get("padding") in ("valid", "same"):
                if layer.config["padding"] == "valid" and layer.created is not None:
                    makers[layer.created] = layer
                break
    edited: list[Edit | None] = []
    for span in makers:
        found = context.call_node(span)
        if found is None:
            return []
        edited.append(edits.set_argument(*found, "padding", None, '"same"'))
    place = min(makers, key=lambda span: (span.line, span.column), default=None)
    named = " and ".join(dict.fromkeys(layer.cls for layer in makers.values()))
    return fix(f'Use padding="same" in {named}', *edited, cause=place) if len(makers) == len(known) else []


def _one_padded(context: Context, shapes: list[Shape | None], place: Span) -> list[Fix]:
    """One layer in front of the join that cuts its borders off, where the others do not: the nearest first."""
    known = [shape for shape in shapes if shape is not None and len(shape) > 2]
    if len(known) != len(shapes) or len({len(shape) for shape in known}) != 1:
        return []
    fixes: list[Fix] = []
    seen: set[Span] = set()
    for layer in reversed(context.report.layers):
        span = layer.created
        window: Any = layer.config.get("kernel_size") or layer.config.get("pool_size")
        if span is None or span in seen or span.path != place.path or span.line > place.line:
            continue
        seen.add(span)
        if layer.config.get("padding") == "valid" and window not in (None, 1, [1], [1, 1], (1,), (1, 1)):
            found = context.call_node(span)
            edit = edits.set_argument(*found, "padding", None, '"same"') if found is not None else None
            fixes += fix(f'Use padding="same" in this {layer.cls}', edit, cause=span)
    return fixes[:_MOST_PADDED]


_MOST_PADDED = 3


def _steps_of_projection(context: Context, failure: Failure, shapes: list[Shape | None]) -> list[Fix]:
    """The strides that the way past the layers lacks, where a 1x1 convolution projects it to their channels already."""
    if failure.layer_cls not in SUMS or len(shapes) != 2:
        return []
    for mine, other in (shapes, shapes[::-1]):
        if not mine or not other or len(mine) != len(other) or len(mine) < 3 or mine[-1] != other[-1]:
            continue
        steps = {_multiple(b, a) for a, b in zip(mine[1:-1], other[1:-1], strict=True)}
        step = steps.pop() if len(steps) == 1 else None
        for layer in reversed(context.report.layers) if step is not None and step > 1 else ():
            once = all(set(layer.config.get(name) or ()) == {1} for name in ("kernel_size", "strides"))
            if once and layer.outputs and layer.outputs[0].shape == mine:
                title = f"Set `strides` of {layer.cls} to {step}, as the other way has them"
                return operators.set_layer_argument(context, layer, "strides", 2, str(step), title)
    return []


def _pair(
    context: Context, failure: Failure, shapes: list[Shape | None]
) -> tuple[SourceText, ast.Call, list[ast.expr], Shape, Shape] | None:
    """The call that joins two operands of one rank, which it is given in a list: its file, itself, the operands and
    their shapes."""
    found = context.call_node(failure.layer_called)
    operands = found[1].args[0] if found is not None and found[1].args else None
    if found is None or len(shapes) != 2 or not isinstance(operands, (ast.List, ast.Tuple)) or len(operands.elts) != 2:
        return None
    first, second = shapes
    if first is None or second is None or len(first) != len(second):
        return None
    return *found, operands.elts, first, second


def _strides(context: Context, kind: str, given: Shape, text: str) -> list[Fix]:
    """A transposed convolution without strides, which enlarges nothing, where the map that it gives is too small."""
    for layer in reversed(context.report.layers):
        strides: Any = layer.config.get("strides")
        plain = strides in (1, (1,) * (len(given or ()) - 2), [1] * (len(given or ()) - 2))
        if layer.cls == kind and layer.outputs and layer.outputs[0].shape == given and plain:
            return operators.set_layer_argument(context, layer, "strides", 2, text, f"Set `strides={text}` of `{kind}`")
    return []


def _resized(context: Context, failure: Failure, shapes: list[Shape | None]) -> list[Fix]:
    """Bring one of two maps to the size of the other, channels last: the smaller one repeated where the larger is a
    whole multiple of it; else, where they differ by a border, the smaller one padded or the larger one cut."""
    pair = _pair(context, failure, shapes)
    if pair is None or not 3 <= len(pair[3]) <= 5:
        return []
    source, call, operands, first, second = pair
    made = call.func if isinstance(call.func, ast.Call) else call

    def around(place: int, verb: str, layer: str, arguments: str) -> list[Fix]:
        name, imports = edits.callee_like(source, made, layer)
        operand = source.segment(operands[place])
        edit = edits.replace(source, operands[place], f"{name}({arguments})({operand})")
        title = f"{verb} `{operand}` with `{layer}({arguments})`"
        return fix(title, edit, *imports, cause=source.span(call))

    axes = len(first) - 2
    fixes: list[Fix] = []
    for place, (small, large) in enumerate(((first, second), (second, first))):
        factors = [_multiple(a, b) for a, b in zip(small[1:-1], large[1:-1], strict=True)]
        if None not in factors and max(filter(None, factors)) > 1:
            fixes += _strides(context, f"Conv{axes}DTranspose", small, _numbers(factors))
            fixes += around(place, "Enlarge", f"UpSampling{axes}D", _numbers(factors))
        more = [_border(a, b) for a, b in zip(small[1:-1], large[1:-1], strict=True)]
        if None not in more and max(filter(None, more), default=0) > 0:
            borders = ", ".join(f"(0, {size})" for size in more)
            borders = f"({borders})" if axes > 1 else borders
            fixes += around(place, "Pad", f"ZeroPadding{axes}D", borders)
            fixes += around(1 - place, "Cut", f"Cropping{axes}D", borders)
    if axes == 2 and _again_and_again(source, call) and None not in (*first[1:-1], *second[1:-1]):
        place = 0 if (first[1] or 0) < (second[1] or 0) else 1
        large = source.segment(operands[1 - place])
        if isinstance(operands[1 - place], ast.Name) and first[1:-1] != second[1:-1]:
            fixes += around(place, "Resize", "Resizing", f"{large}.shape[1], {large}.shape[2]")
    return fixes


def _again_and_again(source: SourceText, node: ast.AST) -> bool:
    """Whether a loop or the callers of a function come to `node` with maps of several sizes."""
    walk = source.parents.get(node)
    while walk is not None and not isinstance(walk, (ast.For, ast.FunctionDef)):
        walk = source.parents.get(walk)
    return walk is not None


def _numbers(sizes: list[int | None]) -> str:
    return f"{sizes[0]}" if len(set(sizes)) == 1 else f"({', '.join(map(str, sizes))})"


_BORDER = 4
"""Places by which two maps of one size may differ when halving and doubling, or windows, took them off."""


def _border(small: int | None, large: int | None) -> int | None:
    return large - small if small and large and 0 <= large - small <= _BORDER else None


def _units(context: Context, failure: Failure, shapes: list[Shape | None]) -> list[Fix]:
    """As many units, in the layer that makes the one operand, as the other's last axis has."""
    first, second = shapes if len(shapes) == 2 else (None, None)
    if failure.layer_cls not in MERGES or not first or not second or first[-1] == second[-1]:
        return []
    fixes: list[Fix] = []
    for mine, other in ((second, first), (first, second)):
        made = [item for item in context.report.layers if item.outputs and item.outputs[0].shape == mine]
        if other[-1] is None:
            continue
        # `RepeatVector(n)` and a `Permute` behind it: the last axis is a number of repetitions.
        repeated = [
            item for item in context.report.layers if item.cls == "RepeatVector" and item.config.get("n") == mine[-1]
        ]
        for layer in repeated[-1:]:
            title = f"Repeat it {other[-1]} times"
            fixes += operators.set_layer_argument(context, layer, "n", 0, str(other[-1]), title)
        if made:
            fixes += operators.set_units(context, made[-1], other[-1])
    return fixes


def _multiple(small: int | None, large: int | None) -> int | None:
    return large // small if small and large and large % small == 0 else None


def _first_bound(source: SourceText, operand: ast.expr) -> int:
    """The line where the name `operand` is bound first in its function; 0 for a parameter and for what has no name."""
    if not isinstance(operand, ast.Name):
        return 0
    here = source.function(operand)
    lines = [
        made.lineno
        for made, _ in written.assignments(source, operand.id, operand.lineno)
        if source.function(made) is here
    ]
    return min(lines, default=0)


def _project(context: Context, failure: Failure, shapes: list[Shape | None]) -> list[Fix]:
    """Bring one operand to the other's last axis, and to its places where strides left fewer of them: by a `Dense` or
    a 1×1 convolution, in sizes, or in terms of the other operand for a function that makes several such blocks."""
    pair = _pair(context, failure, shapes)
    if pair is None:
        return []
    source, call, operands, first, second = pair
    made = call.func if isinstance(call.func, ast.Call) else call
    if made is call and failure.layer_cls == "Concatenate":
        return []  # `concatenate([x, small])` joins any numbers of channels: sizes are all that it wants
    fixes: list[Fix] = []
    # The operand that was there first is the way past the layers, the other the way through them.
    order = sorted((0, 1), key=lambda index: _first_bound(source, operands[index]))
    for place in order:
        mine, other = (first, second) if place == 0 else (second, first)
        steps = [_multiple(b, a) for a, b in zip(mine[1:-1], other[1:-1], strict=True)]
        whole = len(set(steps)) <= 1 and None not in steps and other[-1] is not None
        if not whole and mine[:-1] != other[:-1]:
            continue
        step = next(iter(steps), 1) or 1
        operand, model = (source.segment(operands[index]) for index in (place, 1 - place))
        kind = f"Conv{len(mine) - 2}D" if len(mine) > 3 else "Dense"
        if step > 1 and kind == "Dense":
            continue
        name, imports = edits.callee_like(source, made, kind)
        window = "" if kind == "Dense" else ", 1"
        arguments = [f"{other[-1]}{window}" + (f", strides={step}" if step > 1 else "")]
        if model.isidentifier() and operand.isidentifier() and kind != "Dense":
            arguments.append(f"{model}.shape[-1], 1, strides={operand}.shape[1] // {model}.shape[1]")
        for given in arguments:
            edit = edits.replace(source, operands[place], f"{name}({given})({operand})")
            title = f"Project `{operand}` with `{kind}({given})`"
            fixes += fix(title, edit, *imports, cause=source.span(call))
        if step > 1 or len(fixes) > 1:
            break
    return fixes
