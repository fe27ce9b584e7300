"""Programs written for TensorFlow 1, whose graphs and sessions live on in `tf.compat.v1`. Not a rule: `removed_name`
and `suspects` ask.
"""

from __future__ import annotations

import ast

from kls import edits
from kls.facts import Fix
from kls.rules.context import Context, fix
from kls.worker.protocol import Failure

_EAGER = ("not compatible with eager execution", "not supported when eager execution is enabled")


def strong(context: Context, failure: Failure) -> list[Fix]:
    """The import of TensorFlow as its version 1, in a program that does not use Keras, which has no graphs any more."""
    gone = failure.exception == "AttributeError" and str(failure.facts.get("object") or "").startswith("tensorflow")
    if not gone and not any(words in failure.message for words in _EAGER):
        return []
    fixes: list[Fix] = []
    for source in context.sources.values():
        if "keras" in source.text:
            return []
        for node in source.nodes:
            if not isinstance(node, ast.Import) or [item.name for item in node.names] != ["tensorflow"]:
                continue
            name = node.names[0].asname or "tensorflow"
            place = source.span(node)
            lines = (f"import tensorflow.compat.v1 as {name}", f"{name}.disable_v2_behavior()")
            text = f"{source.newline}{source.indentation(place.line)}".join(lines)
            fixes += fix("Run it as TensorFlow 1 would", edits.replace(source, node, text), cause=place)
    return fixes[:1]
