"""The first training step gives a loss or weights that are not finite.

## What it says
One step was really run, from the program's own initial weights: on a batch of zeros, on noise with mean 0 and
deviation 1, and on noise between 0 and 1, with targets within range. A warning when both kinds of noise end in a loss
of `nan` or `inf`, or in weights that are not finite; information when only zeros do. It stands at the first layer
that gives `nan` or `inf` for finite inputs, at the `compile` when that is the loss itself, and for weights at the layer
whose gradient is not finite. Said only by `kls check --hardware` and by "Probe one step" in an editor.

## Why it matters
Nothing raises: Keras prints `loss: nan` and every weight is `nan` from then on.

## Example
```python
import numpy as np, keras
inputs = keras.Input((8,))
h = keras.layers.Dense(4, activation="relu")(inputs)
scaled = keras.layers.Lambda(lambda t: t / keras.ops.sum(t * 0.0, axis=-1, keepdims=True))(h)
model = keras.Model(inputs, keras.layers.Dense(1)(scaled))
model.compile("sgd", "mse", jit_compile=False)
model.fit(np.zeros((64, 8), "float32"), np.zeros((64, 1), "float32"))
```

## Repair
Keep divisors, logarithms and square roots away from 0: `x / (s + 1e-6)`, `log(x + 1e-6)`, `sqrt(maximum(x, 1e-6))`. The
gradient of `sqrt` and of a norm at 0 is not finite even where its value is.
"""

from __future__ import annotations

from collections.abc import Iterator

from kls.facts import Evidence, Finding, Related, Severity, Span
from kls.rules.context import Context, Rule, finding
from kls.worker.protocol import Step, Trouble

RULE = Rule("step-values", Severity.WARNING, "The first training step gives a loss or weights that are not finite.")
_WHERE = {
    "": "on zeros, on unit noise and on noise between 0 and 1",
    "noise": "on unit noise and on noise between 0 and 1, though not on zeros",
    "zeros": "on a batch of zeros (a blank picture, padding alone), though not on noise",
}


def survey(context: Context) -> Iterator[Finding]:
    """The finding for a loss, or else weights, that a real step showed to be not finite."""
    for step in context.report.steps:
        for trouble in step.troubles:
            kind, _, only = trouble.kind.partition("-of-")
            if kind in ("loss", "update"):
                yield _finding(context, step, trouble, kind == "loss", only)


def _finding(context: Context, step: Step, trouble: Trouble, loss: bool, only: str) -> Finding:
    where, zeros = _WHERE.get(only, _WHERE[""]), only == "zeros"
    if loss:
        message = f"after one step {trouble.message} {where}"
        message += "\nthis layer is the first that gives nan or inf for finite inputs" if trouble.places else ""
    else:
        message = f"a gradient is not finite: one step spoils the weights {trouble.message} {where}"
    place = trouble.places[0] if trouble.places else _compiled(context, step) if loss else step.span
    related = (Related(step.span, f"the step of `{step.method}` that was run"),) if place != step.span else ()
    evidence = Evidence.ADVICE if zeros else Evidence.SILENT
    severity = Severity.INFORMATION if zeros else Severity.WARNING
    return finding(RULE, context, place, message, evidence=evidence, severity=severity, related=related)


def _compiled(context: Context, step: Step) -> Span:
    model = context.models.get(step.model) if step.model is not None else None
    return step.span if model is None or model.compiled is None else model.compiled
