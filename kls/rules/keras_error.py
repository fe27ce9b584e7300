"""Keras, TensorFlow, NumPy or scikit-learn raises here.

## What it says
The dry run met an exception of the installed Keras, TensorFlow, NumPy or scikit-learn that no other rule explains. The
message is theirs; the place is the innermost line of your program that takes part. So are what NumPy and Python refuse
for the shape of what a model predicted, as one number or an index.

## Why it matters
The program stops here when it is run.

## Example
```python
import keras
weights = keras.layers.Dense(4).kernel
```

## Repair
As the message says.
"""

from __future__ import annotations

from kls.facts import Finding, Related, Severity
from kls.rules import as_given, inner_layers, predictions, taken_apart, wording
from kls.rules.context import Context, Rule, finding
from kls.worker.protocol import Failure

RULE = Rule("keras-error", Severity.ERROR, "Keras, TensorFlow, NumPy or scikit-learn raises here.")


def diagnose(context: Context, failure: Failure) -> Finding | None:
    """A finding in the words of the exception, at the failing layer or the innermost author's line."""
    inner = failure.frames[-1] if failure.frames else None
    span = failure.layer_called or failure.layer_created or inner
    if inner is not None and len(failure.frames) > 1:
        span = inner
    if span is None:
        return None
    first = (
        inner_layers.told(failure)
        or taken_apart.told(failure)
        or predictions.told(failure)
        or as_given.told(context, failure)
        or wording.first_line(failure)
    )
    own, _, rest = failure.message.partition("\n")
    raises = failure.exception if own == first else f"{failure.exception}: {own}"
    lines = [first, f"It raises: {raises}", *([rest] if rest else [])]
    related = tuple(Related(frame, "called from here") for frame in failure.frames[:1] if frame != span)
    return finding(RULE, context, span, "\n".join(lines), call=context.sink(failure), related=related)
