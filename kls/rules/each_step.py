"""Layers that belong on each step of a sequence, as on each picture of a film. Not a rule: `suspects` asks."""

from __future__ import annotations

from typing import Any

from kls import edits
from kls.facts import Fix
from kls.rules import search
from kls.rules.context import Context, fix
from kls.worker.protocol import Failure


def strong(context: Context, failure: Failure) -> list[Fix]:
    """`MaxPooling2D()` among layers that work on each step, where it is given the steps too."""
    given = failure.inputs[0].shape if len(failure.inputs) == 1 else None
    spec: dict[str, Any] = next(iter(failure.facts.get("input_spec") or ()), None) or {}
    found = context.call_node(failure.layer_created)
    if given is None or found is None or spec.get("ndim") != len(given) - 1 or len(given) < 4:
        return []
    source, call = found
    wrappers = [node for node in source.calls() if search.last_part(node.func) == "TimeDistributed"]
    if not wrappers or edits.keyword(call, "input_shape") is not None:
        return []
    text = f"{source.segment(wrappers[0].func)}({source.segment(call)})"
    title = f"On each step: `{source.segment(wrappers[0].func)}({search.last_part(call.func)}(…))`"
    return fix(title, edits.replace(source, call, text), cause=source.span(call))
