"""A batch that cannot be divided among the replicas of a `MirroredStrategy`.

## What it says
One step was really run, on as many devices as the strategy names (logical devices of the processor stand in for those
that are missing), and Keras refused to divide the batch. Said only by `kls check --hardware` and by "Probe one step" in
an editor.

## Why it matters
`fit` raises `InvalidArgumentError: Inputs to operation AddN of type AddN must have the same size and shape`.

## Example
```python
import numpy as np, keras, tensorflow as tf
strategy = tf.distribute.MirroredStrategy(["GPU:0", "GPU:1"])
with strategy.scope():
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", jit_compile=False)
model.fit(np.zeros((64, 8), "float32"), np.zeros((64, 1), "float32"), batch_size=33)
```

## Repair
A batch size that is a multiple of the number of replicas: `batch_size=32 * strategy.num_replicas_in_sync`.
"""

from __future__ import annotations

from collections.abc import Iterator

from kls import edits
from kls.facts import Finding, Fix, Related, Severity
from kls.rules.context import Context, Rule, finding, fix
from kls.worker.protocol import Step

RULE = Rule("step-replicas", Severity.ERROR, "A batch that cannot be divided among the replicas of a strategy.")


def survey(context: Context) -> Iterator[Finding]:
    """The finding for a batch that the replicas cannot share evenly."""
    for step in context.report.steps:
        for trouble in step.troubles:
            if trouble.kind == "replicas":
                message = f"a batch of {step.batch_size:,} cannot be divided among {step.replicas} replicas"
                message += f"\nTensorFlow raises: {trouble.message}"
                related = tuple(Related(place, "it comes from here") for place in trouble.places)
                yield finding(
                    RULE, context, step.span, message, related=related, fixes=tuple(_divisible(context, step))
                )


def _divisible(context: Context, step: Step) -> list[Fix]:
    found = context.call_node(step.span)
    size = step.batch_size // step.replicas * step.replicas
    if found is None or not size or not any(keyword.arg == "batch_size" for keyword in found[1].keywords):
        return []
    changed = edits.set_argument(*found, "batch_size", None, str(size))
    return fix(f"Use batch_size={size}", changed, cause=step.span)
