"""What training a model will take of the memory, by a dry run's report alone: an estimate, nothing is measured here.

Weights, gradients and optimizer state are counted exactly; what the forward pass keeps for the backward pass is counted
from the traced step; what TensorFlow itself takes is by rule of thumb. Not counted: the data, the work space of single
operations and of XLA.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kls.worker.protocol import Amount, Call, Model, Report, Step

_HALVINGS = 16
_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")
_FLOWING = 2
"""How many tensors as large as the largest one the backward pass holds beside what was kept: the gradient that comes
in and the one that goes out."""
_UPDATING = 1.5
"""How many copies of a weight are held beside gradient and state while it is updated, two weights at a time (measured:
Adam 1.4, SGD 1.0, RMSprop 2.3), and while its gradient is summed up over the rounds of a loop (1.3 to 2)."""
_WINDOWS = 3
"""How many copies of its windows a convolution in half precision takes on a processor, forward and backward."""
_FIXED = 25 << 20
_OF_AN_OPERATION = 150 << 10
"""Bytes that TensorFlow itself takes for any training step, and for each operation of its forward pass: the graph with
its gradients and the copies that Grappler makes. Measured: docs/performance.md, real steps."""


@dataclass(frozen=True)
class Estimate:
    """Bytes by dtype that training one model takes. `batch` is what `activations` are for, None where the batch size
    is not known (they are for one sample then, or empty where no training was seen)."""

    batch: int | None
    weights: Mapping[str, int]
    gradients: Mapping[str, int]
    optimizer: Mapping[str, int]
    activations: Mapping[str, int]
    flowing: int
    """Bytes that the backward pass and the optimizer hold for a moment."""
    graph: int
    """Bytes that TensorFlow itself takes, in the memory of the host."""

    @property
    def total(self) -> int:
        """All of it together."""
        parts = (self.weights, self.gradients, self.optimizer, self.activations)
        return sum(sum(part.values()) for part in parts) + self.flowing + self.graph


def of_model(report: Report, model: Model) -> Estimate | None:
    """The estimate for `model`; None while its weights are not built."""
    if not model.trained and not model.fixed:
        return None
    weights = _together((*model.trained, *model.fixed))
    call = _training(report, model)
    if call is None:
        return Estimate(None, weights, {}, {}, {}, 0, 0)
    factor = (call.real_batch or 1) / (call.kept_batch or 1)
    return Estimate(
        call.real_batch,
        weights,
        _together(model.trained),
        _together(model.state),
        {item.dtype: round(item.bytes * factor) for item in call.kept},
        round((_FLOWING * call.largest + _WINDOWS * call.windows) * factor + _UPDATING * call.updated),
        _FIXED + _OF_AN_OPERATION * call.operations,
    )


def sentence(report: Report, model: Model) -> str | None:
    """The estimate in one line: `estimated memory at batch 32: 1.2 GiB (weights 98 MiB, …)`; None where there is none.

    Of a model that is not trained in the file only the weights are told.
    """
    estimate = of_model(report, model)
    if estimate is None:
        return None
    weights = f"weights {_by_dtype(estimate.weights)}"
    if not estimate.activations and not estimate.gradients:
        return f"estimated memory: {weights}"
    parts = [weights, f"gradients {_by_dtype(estimate.gradients)}"]
    if estimate.optimizer:
        parts.append(f"optimizer state {_by_dtype(estimate.optimizer)}")
    if estimate.activations:
        parts.append(f"activations {_by_dtype(estimate.activations)}")
    parts.append(f"TensorFlow itself {bytes_text(estimate.graph)}")
    batch = "one sample" if estimate.batch is None else f"batch {estimate.batch:,}"
    return f"estimated memory to train at {batch}: {bytes_text(estimate.total)} ({', '.join(parts)})"


def short(report: Report, model: Model) -> str | None:
    """`≈ 1.2 GiB to train at batch 32`; None where no training of a known batch size was seen."""
    estimate = of_model(report, model)
    if estimate is None or estimate.batch is None:
        return None
    return f"\N{ALMOST EQUAL TO} {bytes_text(estimate.total)} to train at batch {estimate.batch:,}"


def bytes_text(number: float) -> str:
    """`1.5 GiB`, `980 MiB`: two or three digits."""
    place = 0
    while number >= 1000 and place < len(_UNITS) - 1:
        number, place = number / 1024, place + 1
    digits = 0 if number >= 10 or place == 0 else 1
    return f"{number:.{digits}f} {_UNITS[place]}"


def fitting_batch(report: Report, step: Step) -> int:
    """The largest of the halved batch sizes of a step that should fit its limit by the estimate; half of it where
    nothing is known, 0 where there is no smaller size."""
    call = next((item for item in report.calls if item.span == step.span and item.kept_batch), None)
    model = next((item for item in report.models if item.key == step.model), None)
    sizes = [size for halvings in range(1, _HALVINGS) if (size := step.batch_size >> halvings)]
    if call is None or not call.kept_batch or not sizes:
        return max(sizes, default=0)
    kept = sum(item.bytes for item in call.kept)
    sample = (kept + _FLOWING * call.largest + _WINDOWS * call.windows) / call.kept_batch
    lasting = (*model.trained, *model.trained, *model.fixed, *model.state) if model is not None else ()
    room = step.limit_bytes - sum(item.bytes for item in lasting) - _UPDATING * call.updated
    return next((size for size in sizes if size * sample <= room), sizes[-1])


def next_size(batch: int, size: int) -> int:
    """The batch size that is tried above `size`: of those that `batch` is halved to, else twice as many."""
    return next((item for halvings in range(_HALVINGS, -1, -1) if (item := batch >> halvings) > size), 2 * size)


def _training(report: Report, model: Model) -> Call | None:
    """The first training of the model that could be followed."""
    return next((call for call in report.calls if call.model == model.key and call.kept_batch), None)


def _together(amounts: Iterable[Amount]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for item in amounts:
        total[item.dtype] += item.bytes
    return dict(total)


def _by_dtype(sizes: Mapping[str, int]) -> str:
    """`98 MiB`, or with their names `66 MiB float16 + 33 MiB float32`; a small rest is left out."""
    whole = sum(sizes.values())
    large = {dtype: size for dtype, size in sizes.items() if size * 100 >= whole}
    if len(large) < 2:
        dtype = next(iter(large), "float32")
        return bytes_text(whole) + ("" if dtype == "float32" else f" {dtype}")
    return " + ".join(f"{bytes_text(size)} {dtype}" for dtype, size in sorted(large.items()))
