"""An operation or a dtype that this device cannot do.

## What it says
One step was really run on this machine's processors, and TensorFlow has no implementation for an operation of it, or
not for its dtype. Said only by `kls check --hardware` and by "Probe one step" in an editor, and not where the machine
has a GPU, which a step does not get to use.

## Why it matters
`fit` raises `InvalidArgumentError: No OpKernel was registered to support Op …` here, though all shapes fit.

## Example
```python
import numpy as np, keras, tensorflow as tf
inputs = keras.Input((4, 4), dtype="float16")
factors = keras.layers.Lambda(lambda t: tf.linalg.cholesky(t), dtype="float16")(inputs)
model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Flatten()(factors)))
model.compile("sgd", "mse", jit_compile=False)
model.fit(np.zeros((64, 4, 4), "float16"), np.zeros((64, 1), "float32"))
```

## Repair
Another dtype, `dtype="float32"` for this layer; or a machine with a device that has the operation.
"""

from __future__ import annotations

from collections.abc import Iterator

from kls.facts import Evidence, Finding, Related, Severity
from kls.rules.context import Context, Rule, finding

RULE = Rule("step-device", Severity.ERROR, "An operation or a dtype that this device cannot do.")


def survey(context: Context) -> Iterator[Finding]:
    """The finding for a step that the device refused."""
    for step in context.report.steps:
        for trouble in step.troubles:
            if trouble.kind != "device":
                continue
            own = tuple(place for place in trouble.places if place.line != step.span.line)
            place = own[0] if own else step.span
            related = (Related(step.span, f"`{step.method}` raises here"),) if own else ()
            message = f"the {step.device} here cannot run this step\nTensorFlow raises: {trouble.message}"
            yield finding(RULE, context, place, message, evidence=Evidence.RAISED, related=related)
