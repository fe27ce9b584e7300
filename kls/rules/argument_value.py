"""An argument has a value that the layer or function does not take.

## What it says
The callee knows the argument and refuses its value: a float where an integer is needed (`Dense(n / 2)`), a string of
digits, a rate of 20, an axis that is not there, groups that do not divide the channels, a word that is not offered.

## Why it matters
Keras raises `ValueError: Received an invalid value for units, expected a positive integer` or its like, where the
layer is made or when it first sees its input.

## Example
```python
import keras
layer = keras.layers.Dropout(20)
```

## Repair
The value that was meant: `n // 2`, `0.2`, `axis=-1`, a divisor of the channels.
"""

from __future__ import annotations

from kls.facts import Finding, Related, Severity
from kls.rules import search, wording
from kls.rules.context import Context, Rule, finding
from kls.worker.protocol import Failure

RULE = Rule("argument-value", Severity.ERROR, "An argument has a value that the layer or function does not take.")


def diagnose(context: Context, failure: Failure) -> Finding | None:
    """The finding for a failure that another value of an argument, written at the failing call, might end."""
    places = search.calls(context, failure)
    if not places or "required" in failure.message or (failure.call is not None and len(failure.frames) < 2):
        return None
    fixes = search.other_values(context, failure)
    if not fixes:
        return None
    span = fixes[0].cause or places[0][0].span(places[0][1])
    source = context.source(span.path)
    words = " ".join(source.cut(span).split()) if source is not None else ""
    first = wording.first_line(failure)
    lines = [f"`{words if len(words) < 50 else words[:47] + '…'}`: {first}", f"It raises: {failure.exception}"]
    lines += failure.message.split("\n", 1)[1:]
    related = tuple(Related(frame, "it raises here") for frame in failure.frames[:1] if frame.line != span.line)
    return finding(
        RULE, context, span, "\n".join(lines), call=context.sink(failure), related=related, fixes=tuple(fixes)
    )
