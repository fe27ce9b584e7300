"""What `from_generator` is told of the elements, made as the generator yields them. `dataset_element` asks."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from kls import edits
from kls.facts import Fix
from kls.rules import search, sizes
from kls.rules.context import Context, fix
from kls.source import SourceText
from kls.worker.protocol import Failure

Sizes = tuple[int | None, ...]


def diagnose(context: Context, failure: Failure) -> tuple[str, list[Fix]] | None:
    """What to say of a generator that yields other elements than the dataset was told, and the repairs."""
    told = re.search(
        r"`generator` yielded an element of shape (\([^)]*\)) where an element of shape (\([^)]*\)) was expected",
        failure.message,
    )
    if told is not None:
        words = f"the generator yields {told[1]} where the dataset was told {told[2]}"
        return words, _shapes(context, _sizes(told[1]), _sizes(told[2]))
    later = re.search(
        r"Generator yielded an element of shape (\([^)]*\)) where an element of shape (\([^)]*\)) was expected",
        failure.message,
    )
    if later is not None:
        return f"a later batch of the generator is {later[1]}; by its first two Keras expects {later[2]}", []
    kind = re.search(r"yielded an element that could not be converted to the expected type[^.]*\. The expected type "
                     r"was (\w+), but the yielded element was (.*)", failure.message)  # fmt: skip
    if kind is not None:
        shown = kind[2] if len(kind[2]) < 40 else kind[2][:40] + "…"
        return f"the generator yields {shown} where the dataset was told {kind[1]}", []
    if re.search("Cannot batch tensors with different shapes|Cannot add tensor to the batch", failure.message):
        windows = whole_windows(context)
        if windows:
            return "the last windows are shorter than the others, and no batch can be made of both", windows
    parts = re.search(r"did not match the expected structure", failure.message)
    return ("the generator yields another structure than the dataset was told", []) if parts is not None else None


def whole_windows(context: Context) -> list[Fix]:
    """`drop_remainder=True` for the windows that are cut, or for the batch that is made of each."""
    fixes: list[Fix] = []
    for source in context.sources.values():
        for call in source.calls():
            name, given = search.last_part(call.func), edits.keyword(call, "drop_remainder")
            whole = isinstance(given, ast.Constant) and given.value is True
            if name == "window" and call.args and not whole and len(call.args) < 4:
                edit = edits.set_argument(source, call, "drop_remainder", 3, "True")
                fixes += fix("Drop the windows that are not whole", edit, cause=source.span(call))
    return fixes


def _sizes(text: str) -> Sizes:
    return tuple(int(item) if item.isdigit() else None for item in re.findall(r"\d+|None|\?", text))


def _shapes(context: Context, yielded: Sizes, expected: Sizes) -> list[Fix]:
    """Each shape of the one kind that is told, made of the other kind: the author's words where a size stays."""
    fixes: list[Fix] = []
    for source in context.sources.values():
        for shape in _told(source):
            texts = [source.segment(item) for item in shape.elts]
            known = tuple(None if text == "None" else sizes.value(source, item)
                          for text, item in zip(texts, shape.elts, strict=True))  # fmt: skip
            if len(known) != len(expected) or any(
                one is not None and one != other for one, other in zip(known, expected, strict=True)
            ):
                continue
            text = edits.tuple_text(tuple(_worded(source, shape, texts, known, yielded)))
            fixes += fix(f"Tell the shape {text}", edits.replace(source, shape, text), cause=source.span(shape))
    return fixes


def _worded(
    source: SourceText, shape: ast.Tuple | ast.List, texts: list[str], known: Sizes, yielded: Sizes
) -> Iterator[str]:
    for place, size in enumerate(yielded):
        if place < len(texts) and (known[place] == size or texts[place] == "None"):
            yield texts[place]
        elif size is not None and size > 1:
            yield next(iter(sizes.words(source, shape, size)), str(size))
        else:
            yield str(size)


def _told(source: SourceText) -> Iterator[ast.Tuple | ast.List]:
    """The shapes written in `TensorSpec(…)` and in `output_shapes` of a `from_generator`, the innermost of a nest."""
    for call in source.calls():
        name = search.last_part(call.func)
        if name == "TensorSpec":
            shape = edits.argument(call, "shape", 0)
            if isinstance(shape, (ast.Tuple, ast.List)):
                yield shape
        elif name == "from_generator":
            given = edits.argument(call, "output_shapes", 2)
            for item in ast.walk(given) if given is not None else ():
                if isinstance(item, (ast.Tuple, ast.List)) and not any(
                    isinstance(part, (ast.Tuple, ast.List, ast.Dict, ast.Call)) for part in item.elts
                ):
                    yield item
