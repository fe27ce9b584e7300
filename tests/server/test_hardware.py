"""What of a real step is decided without running one: what it depends on, when it is not wanted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from kls import hardware
from kls.hardware import on_battery
from kls.worker.protocol import Call, Report

from .reports import PATH, REPORT, TEXT

CALL = replace(REPORT.calls[0], status="traced", reason=None)


def key(report: Report = REPORT, call: Call = CALL, text: str = TEXT) -> str:
    return hardware.key(report, call, (text,))


def test_a_step_depends_on_model_compilation_data_and_own_code() -> None:
    assert key() == key(text=TEXT + "# a comment\nprint(1)\n")
    layer, *others = REPORT.layers
    model = REPORT.models[0]
    assert key() == key(replace(REPORT, layers=(replace(layer, config={"name": "other"}), *others)))
    other = [
        key(replace(REPORT, layers=(replace(layer, config={"filters": 3}), *others))),
        key(replace(REPORT, models=(replace(model, settings={"jit_compile": True}),))),
        key(replace(REPORT, models=(replace(model, loss="mae"),))),
        key(call=replace(CALL, real_batch=64)),
        key(call=replace(CALL, metrics=("accuracy",))),
        key(text=TEXT + "def f(x): return x\n"),
    ]
    assert len({key(), *other}) == 7


def test_each_call_that_trains_can_be_stepped_else_each_other_call() -> None:
    spans = [replace(CALL.span, line=line, end_line=line) for line in (9, 10, 11)]
    fit, evaluate = replace(CALL, span=spans[0]), replace(CALL, span=spans[1], method="evaluate")
    paired = replace(CALL, span=spans[2], paired=True)
    calls = (evaluate, fit, fit, paired)
    assert hardware.steps_of(replace(REPORT, calls=calls), PATH) == (fit,)
    assert hardware.steps_of(replace(REPORT, calls=(evaluate, paired)), PATH) == (evaluate,)
    assert hardware.steps_of(replace(REPORT, calls=calls), "/p/b.py") == ()
    assert hardware.steps_of(REPORT, PATH) == ()


def test_the_battery_is_read_where_the_system_tells_of_it(tmp_path: Path) -> None:
    assert not on_battery(tmp_path / "none") and not on_battery(tmp_path)
    for name, status in (("AC", None), ("BAT0", "Charging")):
        (tmp_path / name).mkdir()
        if status:
            (tmp_path / name / "status").write_text(status + "\n")
    assert not on_battery(tmp_path)
    (tmp_path / "BAT0" / "status").write_text("Discharging\n")
    assert on_battery(tmp_path)
