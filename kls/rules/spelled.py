"""Sizes that the author spells in words, and what the dry run saw them come to. Not a rule: repairs ask.

`len(vocab)` of an `Embedding` that has 8 rows is 8; of `np.zeros((len(texts), longest, words))`, which came out as
(4, 16, 19), `longest` is 16. Where the text alone tells a size, `sizes` knows it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from kls import edits
from kls.facts import Fix
from kls.rules import search, sizes
from kls.rules.context import Context, fix
from kls.source import SourceText
from kls.worker.protocol import Failure

Spelled = tuple[SourceText, ast.expr, int]

_MADE = ("zeros", "ones", "empty", "full")
"""NumPy's functions whose first argument is the shape of what they make."""
_COUNTS = ("input_dim", "units", "output_dim", "filters")
MOST = 4


def everywhere(context: Context) -> Iterator[Spelled]:
    """The expressions, other than numbers, that give an axis of an array or a size of a layer, with what they are."""
    for item in context.report.variables:
        shape = item.tensors[0].shape if item.kind == "array" and len(item.tensors) == 1 else None
        source = context.source(item.statement.path)
        statement = source.at(item.statement, ast.Assign) if source is not None else None
        made = statement.value if statement is not None else None
        if source is None or not shape or not isinstance(made, ast.Call) or search.last_part(made.func) not in _MADE:
            continue
        given = edits.argument(made, "shape", 0)
        if isinstance(given, (ast.Tuple, ast.List)) and len(given.elts) == len(shape):
            for node, size in zip(given.elts, shape, strict=True):
                if size is not None and not isinstance(node, (ast.Constant, ast.Starred)):
                    yield source, node, size
    for layer in context.report.layers:
        found = context.call_node(layer.created)
        if found is None:
            continue
        for name in _COUNTS:
            size = layer.config.get(name)
            value = edits.argument(found[1], name, 0 if name in ("input_dim", "units", "filters") else 1)
            if isinstance(size, int) and value is not None and not isinstance(value, (ast.Constant, ast.Starred)):
                yield found[0], value, size


def words_for(context: Context, source: SourceText, at: ast.AST, size: int) -> list[str]:
    """How the author spells `size` where that can be said at `at` too: in the module, or in the same function."""
    found = [
        text.segment(node)
        for text, node, known in everywhere(context)
        if known == size and text is source and text.function(node) in (None, text.function(at))
    ]
    return list(dict.fromkeys(found))[:2]


def strong(context: Context, failure: Failure) -> list[Fix]:
    """Of two sizes that disagree, one that is spelled as no number: spelled as the other is, or without what is added
    to it."""
    batches = search.batch_sizes(context, failure)
    pairs = [pair for pair in search.conflicts(failure) if not batches & set(pair)][:4]
    known = list({id(node): (source, node, size) for source, node, size in everywhere(context)}.values())
    fixes: list[Fix] = []
    shorter: list[Fix] = []
    for have, want in pairs:
        for source, node, size in known:
            if size != have:
                continue
            texts = words_for(context, source, node, want)
            plain = isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub))
            if isinstance(node, ast.BinOp) and plain:
                more = sizes.value(source, node.right)
                less = more if isinstance(node.op, ast.Sub) or more is None else -more
                texts += [source.segment(node.left)] if less is not None and have + less == want else []
            for text in dict.fromkeys(texts):
                title = f"Change `{source.segment(node)}` to `{text}`"
                made = fix(title, edits.replace(source, node, text), cause=source.span(node), safe=False)
                # Who writes `+ 1` means it.
                meant = isinstance(node, ast.BinOp) and plain and text == source.segment(node.left)
                (shorter if meant else fixes).extend(made)
    return [*fixes, *shorter][:MOST]
