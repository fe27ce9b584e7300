"""`kls check --hardware`: one real step, its figures, and what it finds, on this machine's processors."""

from __future__ import annotations

from pathlib import Path

import pytest

from kls.rules import step_compile

from .conftest import Kls

pytestmark = [pytest.mark.tf, pytest.mark.slow]
WORKING = """\
import numpy as np, keras
model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(2048, activation="relu"), keras.layers.Dense(10)])
model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=False)
model.fit(np.zeros((1000, 64), "float32"), np.zeros(1000, "int32"), batch_size=50)
raise SystemExit("the step ends the run before this line")
"""


def example(manual: str | None) -> str:
    return (manual or "").partition("```python\n")[2].partition("```")[0]


def test_a_step_is_measured_and_what_cannot_be_run_is_found(kls: Kls, tmp_path: Path) -> None:
    """Three programs in one run, so that TensorFlow starts once."""
    for name, text in (
        ("a.py", WORKING),
        ("memory.py", WORKING.replace("2048", "2_000_000")),
        ("xla.py", example(step_compile.__doc__)),
    ):
        (tmp_path / name).write_text(text)
    done = kls("check", "--hardware", "--memory", "512", "a.py", "memory.py", "xla.py", "--output-format", "json")
    files = {entry["path"]: entry for entry in done.json["files"]}
    step = files["a.py"]["step"]
    assert step["reason"] is None and step["troubles"] == [] and files["a.py"]["findings"] == []
    assert (step["line"], step["method"], step["batch_size"], step["batch_known"]) == (4, "fit", 50, True)
    assert (step["precision"], step["xla"], step["limit_bytes"]) == ("float32", False, 512 << 20)
    assert 0 < step["step_seconds"] < step["first_seconds"] and step["steps"] >= 1
    assert step["compile_seconds"] > 0 and step["largest_batch"] >= 50
    assert step["forward_flops"] >= 2 * 50 * (64 * 2048 + 2048 * 10)
    parameters = 64 * 2048 + 2048 + 2048 * 10 + 10
    assert 3 * 4 * parameters < step["memory_bytes"] < 512 << 20 and step["sandbox"]

    (found,) = files["memory.py"]["findings"]
    assert (found["code"], found["severity"], found["line"]) == ("step-memory", "error", 4)
    assert found["message"] == "the weights alone do not fit the memory of 512 MiB"

    (found,) = files["xla.py"]["findings"]
    assert (found["code"], found["severity"], found["line"]) == ("step-compile", "error", 5)
    assert [fix["title"] for fix in found["fixes"]] == ["Compile with jit_compile=False"]
    assert found["fixes"][0]["verified"]
    assert done.code == 1, [entry["seconds"] for entry in files.values()]
