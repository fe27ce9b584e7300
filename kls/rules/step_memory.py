"""A training step that does not fit the memory.

## What it says
One step was really run at the script's batch size, and memory ran out. Said only by `kls check --hardware` and by
"Probe one step" in an editor.

## Why it matters
TensorFlow raises `ResourceExhaustedError: OOM when allocating tensor`, or the system kills the program.

## Example
```python
import numpy as np, keras
model = keras.Sequential([keras.Input((20000, 8)), keras.layers.Dense(64, activation="relu"), keras.layers.Dense(1),
                          keras.layers.GlobalAveragePooling1D()])
model.compile("sgd", "mse", jit_compile=False)
model.fit(np.zeros((512, 20000, 8), "float32"), np.zeros(512), batch_size=512)
```

## Repair
A smaller batch, half as often as needed. Where the weights alone do not fit, only a smaller model helps.
"""

from __future__ import annotations

from collections.abc import Iterator

from kls import edits
from kls.estimate import bytes_text, fitting_batch
from kls.facts import Evidence, Finding, Fix, Severity
from kls.rules.context import Context, Rule, finding, fix
from kls.worker.protocol import Step

RULE = Rule("step-memory", Severity.ERROR, "A training step that does not fit the memory.")


def survey(context: Context) -> Iterator[Finding]:
    """The finding for a step that ran out of memory."""
    for step in context.report.steps:
        for trouble in step.troubles:
            limit = bytes_text(step.limit_bytes)
            if trouble.kind == "weights":
                message = f"the weights alone do not fit the memory of {limit}"
                yield finding(RULE, context, trouble.span, message, evidence=Evidence.WOULD_RAISE)
            elif trouble.kind == "memory":
                message = f"a step at batch size {step.batch_size:,} does not fit the memory of {limit}"
                message += f"\nTensorFlow raises: {trouble.message}"
                yield finding(RULE, context, trouble.span, message, fixes=tuple(_smaller(context, step)))


def _smaller(context: Context, step: Step) -> Iterator[Fix]:
    found = context.call_node(step.span)
    if found is None or step.method not in ("fit", "evaluate", "predict"):
        return
    if not any(keyword.arg == "batch_size" for keyword in found[1].keywords):
        return
    if step.largest_batch > 0:
        changed = edits.set_argument(*found, "batch_size", None, str(step.largest_batch))
        yield from fix(f"Use batch_size={step.largest_batch}", changed, cause=step.span)
        return
    size = fitting_batch(context.report, step)
    if size:
        changed = edits.set_argument(*found, "batch_size", None, str(size))
        yield from fix(f"Use batch_size={size}", changed, cause=step.span)
