"""A step that XLA cannot compile.

## What it says
The model is compiled with `jit_compile=True`, one step was really run, and XLA has no kernel for an operation in it.
Said only by `kls check --hardware` and by "Probe one step" in an editor.

## Why it matters
`fit` raises `InvalidArgumentError: Detected unsupported operations when trying to compile graph …`.

## Example
```python
import numpy as np, keras, tensorflow as tf
inputs = keras.Input((4,))
outputs = keras.layers.Lambda(lambda x: x * tf.strings.to_number(tf.strings.as_string(x)))(inputs)
model = keras.Model(inputs, keras.layers.Dense(1)(outputs))
model.compile("sgd", "mse", jit_compile=True)
model.fit(np.zeros((64, 4), "float32"), np.zeros(64))
```

## Repair
Compile with `jit_compile=False`, or take the operation out of the model.
"""

from __future__ import annotations

from collections.abc import Iterator

from kls import edits
from kls.facts import Finding, Fix, Related, Severity, Span
from kls.rules.context import Context, Rule, finding, fix
from kls.worker.protocol import Step

RULE = Rule("step-compile", Severity.ERROR, "A step that XLA cannot compile.")


def survey(context: Context) -> Iterator[Finding]:
    """The finding for a step that XLA refused."""
    for step in context.report.steps:
        for trouble in step.troubles:
            if trouble.kind != "xla":
                continue
            fixes, compiled = _without_xla(context, step)
            own = [place for place in trouble.places if place.line not in (step.span.line, compiled and compiled.line)]
            related = tuple(Related(place, "the operation comes from here") for place in own)
            related += (Related(step.span, f"`{step.method}` raises here"),)
            message = f"XLA cannot compile this step\nTensorFlow raises: {trouble.message}"
            yield finding(RULE, context, compiled or step.span, message, related=related, fixes=tuple(fixes))


def _without_xla(context: Context, step: Step) -> tuple[list[Fix], Span | None]:
    model = context.models.get(step.model) if step.model is not None else None
    found = context.call_node(model.compiled) if model is not None else None
    if model is None or found is None:
        return [], None
    changed = edits.set_argument(*found, "jit_compile", None, "False")
    return fix("Compile with jit_compile=False", changed, cause=model.compiled), model.compiled
