"""An image that a network makes in another size than the one it is compared with. Not a rule: `loss_target` asks, and
`suspects` for what the author's own code compares and for what one network gives another.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import Any

from kls import edits
from kls.facts import Edit, Fix
from kls.rules import operators, search, wording
from kls.rules.context import Context, fix, single
from kls.worker.protocol import Failure, Layer

Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class Images:
    """The shape that is wanted and the one that `layers` make, of which `last` is the last one (None: not known)."""

    context: Context
    layers: list[Layer]
    last: Layer | None
    target: Shape
    output: Shape


def cropped(images: Images) -> list[Fix]:
    """An image that comes out larger than the one it is compared with: an unpadded convolution, or the edge cut off."""
    target, output = images.target, images.output
    if len(output) != 4 or len(target) != 4 or images.last is None or target[-1] != output[-1]:
        return []
    more = [b - a for a, b in zip(target[1:3], output[1:3], strict=True) if a is not None and b is not None]
    if len(more) != 2 or min(more) < 0 or max(more) == 0 or max(more) > 16:
        return []
    fixes: list[Fix] = []
    for layer in reversed(images.layers[:-1]):
        found = images.context.call_node(layer.created)
        if found is not None and layer.cls == "Conv2D" and edits.keyword(found[1], "padding") is not None:
            removed = edits.remove_argument(*found, "padding")
            fixes += fix("Leave out the padding of this Conv2D", removed, cause=layer.created)
    sides = tuple((size // 2, size - size // 2) for size in more)
    arguments = str(more[0] // 2) if more[0] == more[1] and more[0] % 2 == 0 else str(sides)
    return [*fixes[:3], *operators.insert_layer(images.context, images.last, "Cropping2D", arguments)]


def grown(images: Images) -> list[Fix]:
    """A decoder that grows another image than the one it is compared with: it begins with other places."""
    target, output = images.target, images.output
    if len(output) != 4 or len(target) != 4 or target[-1] != output[-1]:
        return []
    for layer in images.layers:
        start = tuple(layer.config.get("target_shape") or ())
        found = images.context.call_node(layer.created) if layer.cls == "Reshape" and len(start) == 3 else None
        value = edits.argument(found[1], "target_shape", 0) if found is not None else None
        if found is None or not isinstance(value, (ast.Tuple, ast.List)) or len(value.elts) != 3:
            continue
        places = [_place(*sizes) for sizes in zip(start[:2], output[1:3], target[1:3], strict=True)]
        if None in places:
            return []
        rows, columns, channels = places[0], places[1], found[0].segment(value.elts[2])
        text = f"({rows}, {columns}, {channels})"
        changes: list[Edit | None] = [edits.replace(found[0], value, text)]
        before = single(layer.inputs)
        for dense in images.layers:
            units = images.context.call_node(dense.created) if dense.cls == "Dense" else None
            if units is not None and before is not None and single(dense.outputs) == before:
                size = f"{rows} * {columns} * {channels}"
                changes.append(edits.set_argument(*units, "units", 0, size))
        return fix(f"Begin to grow the image from {text}", *changes, cause=layer.created)
    return []


def of_two_sides(context: Context, failure: Failure) -> list[Fix]:
    """A generator that grows square images of one side, where the failure sets that against another."""
    fixes: list[Fix] = []
    for have, want in search.conflicts(failure)[:6]:
        if min(have, want) > 4 and max(have, want) % min(have, want):  # a multiple is one layer's doubling, or chance
            output, target = (None, have, have, None), (None, want, want, None)
            layers = [
                item for item in context.report.layers if tuple(item.config.get("target_shape") or ())[:1] != (have,)
            ]
            fixes += grown(Images(context, layers, None, target, output))
    return fixes[:2]


def _place(start: Any, reached: int | None, wanted: int | None) -> int | None:
    """The places to begin with, of which as many are made as are wanted; None where that is no whole number."""
    if not isinstance(start, int) or not start or not reached or not wanted or reached % start:
        return None
    factor = reached // start
    return wanted // factor if wanted % factor == 0 else None


def enlarged(images: Images) -> list[Fix]:
    """One that comes out smaller by a whole factor: it is upsampled behind the layer before the last."""
    target, output = images.target, images.output
    factors = _factors(target, output)
    if factors is None or images.last is None:
        return []
    arguments = "" if factors == [2, 2] else str(factors[0]) if factors[0] == factors[1] else str(tuple(factors))
    return operators.insert_layer(images.context, images.last, "UpSampling2D", arguments)


def strides_alike(images: Images) -> list[Fix]:
    """One that comes out smaller by the strides that one `Conv2DTranspose` lacks and the others have."""
    factors = _factors(images.target, images.output)
    growing = [layer for layer in images.layers if layer.cls == "Conv2DTranspose"]
    steps = {tuple(layer.config.get("strides") or ()) for layer in growing}
    fixes: list[Fix] = []
    for layer in growing if factors is not None and tuple(factors) in steps else ():
        if set(layer.config.get("strides") or ()) == {1} and layer is not images.last:
            text = str(factors[0]) if factors and len(set(factors)) == 1 else str(tuple(factors or ()))
            title = f"Set `strides` of Conv2DTranspose to {text}, as the others have it"
            fixes += operators.set_layer_argument(images.context, layer, "strides", 2, text, title)
    return fixes[::-1][:2]


def _factors(target: Shape, output: Shape) -> list[int] | None:
    """How many times larger the wanted image is, for each of its two sides."""
    if len(output) != 4 or len(target) < 3:
        return None
    sizes = [(a, b) for a, b in zip(target[1:3], output[1:3], strict=True) if a is not None and b]
    return [a // b for a, b in sizes] if len(sizes) == 2 and not any(a <= b or a % b for a, b in sizes) else None


def in_own_step(context: Context, failure: Failure) -> list[Fix]:
    """A loss that the author's own code computes: the network whose last layer gave the output is asked for."""
    told = re.search(r"target\.shape=\(([^)]*)\), output\.shape=\(([^)]*)\)", failure.message)
    call = context.sink(failure)
    if told is not None:
        target, output = (_shape(words) for words in told.groups())
    else:
        found = wording.operands(failure.message)
        if found is None or found[0] not in ("Sub", "SquaredDifference", "Mul"):
            return []
        target, output = (_shape(", ".join(words)) for words in found[1:])
    if len(target) != 4 or len(output) != 4 or target[-1] != output[-1] or target[1:3] == output[1:3]:
        return []
    if call is not None and failure.stage not in ("step", "validation-step"):
        return []
    fixes: list[Fix] = []
    for mine, other in ((target, output), (output, target)):
        for model in context.report.models:
            layers = context.first_layers(model)
            last = layers[-1] if layers else None
            if last is None or not last.outputs or (last.outputs[0].shape or ())[1:] != mine[1:]:
                continue
            images = Images(context, layers, last, other, mine)
            fixes += [*strides_alike(images), *enlarged(images), *grown(images), *cropped(images)]
    return fixes[:6]


def _shape(words: str) -> Shape:
    return tuple(int(item) if item.strip().isdigit() else None for item in words.split(",") if item.strip())
