"""A function returns nothing where its value is used.

## What it says
A function or method of the program has no `return`, so that a call of it gives `None`; the program then trains,
unpacks or feeds this `None` to a layer. The line is the last of the function, where the `return` belongs.

## Why it matters
Python or Keras raises at another line, and speaks of something else: `'NoneType' object has no attribute 'fit'`,
`Inputs to a layer should be tensors. Got 'None'`, `cannot unpack non-iterable NoneType object`.

## Example
```python
import keras
def build():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile(loss="mse")
model = build()
model.summary()
```

## Repair
Return the value.
"""

from __future__ import annotations

from typing import Any

from kls.facts import Finding, Related, Severity
from kls.rules import returns, wording
from kls.rules.context import Context, Rule, finding
from kls.rules.returns import Function
from kls.worker.protocol import Failure

RULE = Rule("missing-return", Severity.ERROR, "A function returns nothing where its value is used.")


def diagnose(context: Context, failure: Failure) -> Finding | None:
    """The finding where the dry run saw such a None in the failing expression."""
    silent: dict[str, Any] = failure.facts.get("silent") or {}
    source = context.source(str(silent.get("path")))
    node = next(
        (
            item
            for item in (source.nodes if source is not None else ())
            if isinstance(item, Function) and item.name == silent.get("function") and item.lineno == silent.get("line")
        ),
        None,
    )
    if source is None or node is None:
        return None
    span = source.span(node.body[-1])
    fixes = returns.at_the_end(source, node)
    lines = [
        f"`{node.name}` returns nothing, and its value is used",
        f"It raises: {failure.exception}: {wording.first_line(failure)}",
    ]
    related = tuple(Related(frame, "used here") for frame in failure.frames[:1])
    return finding(
        RULE, context, span, "\n".join(lines), call=context.sink(failure), related=related, fixes=tuple(fixes)
    )
