"""Layers that training leaves as they are: no gradient reaches their weights.

## What it says
One step was really run, and in it no optimizer was given a gradient for these trainable weights. Said only by
`kls check --hardware` and by "Probe one step" in an editor.

## Why it matters
Keras warns `Gradients do not exist for variables …` and goes on: these weights stay as they began. That may be meant,
as for a part of the model that this loss does not use; then `trainable = False` says so.

## Example
```python
import numpy as np, keras
inputs = keras.Input((8,))
used = keras.layers.Dense(1)(inputs)
cut = keras.layers.Lambda(lambda t: keras.ops.stop_gradient(t))(keras.layers.Dense(4)(inputs))
model = keras.Model(inputs, keras.layers.Concatenate()([used, cut]))
model.compile("sgd", "mse", jit_compile=False)
model.fit(np.zeros((64, 8), "float32"), np.zeros((64, 5), "float32"))
```

## Repair
Let the loss depend on the layer by operations that have a gradient, or give it `trainable=False`.
"""

from __future__ import annotations

from collections.abc import Iterator

from kls.facts import Evidence, Finding, Related, Severity
from kls.rules.context import Context, Rule, finding

RULE = Rule("step-gradient", Severity.INFORMATION, "Layers that training leaves as they are.")


def survey(context: Context) -> Iterator[Finding]:
    """The finding for the layers of a real step that got no gradient."""
    for step in context.report.steps:
        for trouble in step.troubles:
            if trouble.kind != "gradient":
                continue
            first, *others = trouble.places or (step.span,)
            message = f"no gradient reaches the weights of {trouble.message}, so training leaves them as they are"
            message += "\nKeras warns when it trains: Gradients do not exist for variables"
            related = [Related(place, "nor does one reach this layer") for place in others]
            if first != step.span:
                related.append(Related(step.span, f"the step of `{step.method}` that was run"))
            yield finding(RULE, context, first, message, evidence=Evidence.ADVICE, related=tuple(related))
