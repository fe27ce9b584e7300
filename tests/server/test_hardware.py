"""What of a real step is decided without running one: what it depends on, when it is not wanted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from kls import estimate, hardware
from kls.hardware import gpu_in_use, has_gpu, on_battery
from kls.worker.protocol import Amount, Call, Report, Step

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


def test_a_gpu_is_in_use_when_another_process_holds_its_driver(tmp_path: Path) -> None:
    devices, processes = tmp_path / "dev", tmp_path / "proc"
    opened = processes / "7" / "fd"
    opened.mkdir(parents=True)
    devices.mkdir()
    (processes / "version").touch()
    (opened / "3").symlink_to(devices / "nvidia0")
    assert not has_gpu(devices) and not has_gpu(tmp_path / "none") and not gpu_in_use(processes, devices)
    (devices / "nvidia0").touch()
    assert has_gpu(devices) and not gpu_in_use(processes, devices)  # as a desktop does
    (opened / "4").symlink_to(devices / "nvidia-uvm")
    assert gpu_in_use(processes, devices)
    assert not gpu_in_use(tmp_path / "none", devices)


def step(batch: int, limit: int) -> Step:
    return Step(CALL.span, "fit", CALL.model, batch, True, "CPU", "float32", False, 1, 1, 0, 0, 0, limit)


def test_the_search_for_a_batch_that_fits_begins_at_the_estimate() -> None:
    call = replace(CALL, kept=(Amount("float32", 900),), kept_batch=10, largest=50)  # 100 bytes a sample
    models = tuple(replace(item, trained=(Amount("float32", 200),), state=(), fixed=()) for item in REPORT.models)
    report = replace(REPORT, calls=(call,), models=models)
    lasting = 400 if any(item.key == CALL.model for item in models) else 0
    assert estimate.fitting_batch(report, step(512, lasting + 3300)) == 32
    assert estimate.fitting_batch(report, step(100, lasting + 3300)) == 25
    assert estimate.fitting_batch(report, step(512, 10)) == 1
    assert estimate.fitting_batch(replace(report, calls=()), step(512, 10**9)) == 256
    assert estimate.fitting_batch(report, step(1, 10**9)) == 0


def test_sizes_are_those_that_the_batch_is_halved_to() -> None:
    assert [estimate.next_size(100, size) for size in (0, 3, 12, 50, 100, 200)] == [1, 6, 25, 100, 200, 400]
