"""The model's output is in half precision.

## What it says
Under the policy `mixed_float16` the last layer computes its softmax or sigmoid in float16 too.

## Why it matters
Probabilities below 6e-8 become 0 in float16, and their logarithm in the loss is infinite.

## Example
```python
import numpy as np, keras
from keras import layers
keras.mixed_precision.set_global_policy("mixed_float16")
model = keras.Sequential([keras.Input((4,)), layers.Dense(10, activation="softmax")])
model.compile("adam", "sparse_categorical_crossentropy")
model.fit(np.ones((8, 4)), np.zeros(8))
```

## Repair
`dtype="float32"` for the last layer.
"""

from __future__ import annotations

from collections.abc import Iterator

from kls import edits
from kls.facts import Evidence, Finding, Severity
from kls.rules import operators
from kls.rules.context import Context, Rule, finding, fix, single

RULE = Rule("output-precision", Severity.HINT, "The model's output is in half precision.")


def survey(context: Context) -> Iterator[Finding]:
    """A hint for each trained model whose one output is float16."""
    told: set[int] = set()
    for call in context.report.calls:
        model, output = context.model_of(call), single(call.outputs)
        if model is None or output is None or output.dtype != "float16" or model.key in told:
            continue
        last = operators.output_layer(context, model)
        found = context.call_node(last.created) if last is not None else None
        if not call.method.startswith("fit") or call.status != "traced" or last is None or last.created is None:
            continue
        told.add(model.key)
        fixes = []
        if found is not None:
            changed = edits.set_argument(*found, "dtype", None, '"float32"')
            fixes = fix(f'Give {last.cls} dtype="float32"', changed, cause=last.created)
        words = f"{last.cls} gives float16: the loss is computed of rounded probabilities"
        yield finding(RULE, context, last.created, words, evidence=Evidence.ADVICE, fixes=tuple(fixes))
