"""Functions that nobody calls: tried with their own defaults, and read where the dry run does not come."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Kls

pytestmark = pytest.mark.tf
NETWORKS = """\
import keras
from keras import layers


def small(shape=(28, 28, 1), classes=10):
    return keras.Sequential([layers.Input(shape), layers.Conv2D(8, {kernel}), layers.Flatten(), layers.Dense(classes)])


def open(shape=None):
    return keras.Sequential([layers.Input(shape), layers.Conv2D(8, 3)])


def wide(shape):
    return keras.Sequential([layers.Input(shape), layers.Dense(10, activation="{activation}")])


def old(width):
    import tensorflow as tf

    if tf.__version__ < "2":
        return layers.Dense(output_dim=width)
    try:
        return layers.Dense(output_dim=width)
    except TypeError:
        return layers.Dense(width)
"""
WORKS = "\n\nmodel = wide((4,))\nmodel.summary()\n"


def write(root: Path, kernel: int = 3, activation: str = "relu", more: str = "") -> None:
    (root / "networks.py").write_text(NETWORKS.format(kernel=kernel, activation=activation) + more)


def test_defaults_give_the_shapes(kls: Kls, tmp_path: Path) -> None:
    write(tmp_path)
    assert kls("check", "networks.py").code == 0
    assert "(None, 26, 26, 8)" in kls("shapes", "networks.py").out


def test_what_fails_with_its_own_defaults_is_told_and_repaired(kls: Kls, tmp_path: Path) -> None:
    write(tmp_path, kernel=30)
    done = kls("check", "networks.py", "--output-format", "json")
    (finding,) = done.json["files"][0]["findings"]
    assert (finding["severity"], finding["line"]) == ("error", 6)
    assert "this is what `small()` does with its own defaults" in finding["message"]
    assert finding["fixes"]


SEARCHED = """\
import keras


def build(optimizer=keras.optimizers.Adam(), units=4):
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(units, activation="{activation}")])
    model.compile(optimizer(0.01), "mse")
    return model


{use}
"""


@pytest.mark.parametrize(
    "activation, use, told",
    [
        ("relu", "found = search(build, optimizer=[keras.optimizers.Adam])", [("information", 6)]),
        ("relu", "", [("error", 6)]),
    ],
)
def test_who_is_handed_a_function_gives_its_parameters(
    activation: str, use: str, told: list[tuple[str, int]], kls: Kls, tmp_path: Path
) -> None:
    search = "from somewhere import search\n" if use else ""
    (tmp_path / "searched.py").write_text(search + SEARCHED.format(activation=activation, use=use))
    (file,) = kls("check", "searched.py", "--output-format", "json").json["files"]
    found = [(item["severity"], item["line"]) for item in file["findings"] if "callable" in item["message"]]
    assert found == [(severity, line + bool(use)) for severity, line in told]


def test_a_caller_stands_before_the_defaults(kls: Kls, tmp_path: Path) -> None:
    write(tmp_path, kernel=30)
    (tmp_path / "train.py").write_text("import networks\nmodel = networks.small((32, 32, 3))\n")
    assert kls("check", "networks.py").code == 0
    assert "(None, 3, 3, 8)" in kls("shapes", "networks.py").out


def test_what_is_not_entered_is_read(kls: Kls, tmp_path: Path) -> None:
    write(tmp_path, activation="rellu")
    done = kls("check", "networks.py", "--output-format", "json")
    (finding,) = done.json["files"][0]["findings"]
    assert (finding["severity"], finding["line"], finding["code"]) == ("error", 14, "unknown-identifier")


def test_a_program_that_does_without_is_not_wrong(kls: Kls, tmp_path: Path) -> None:
    write(tmp_path, kernel=30, more=WORKS + "\n\ndef unused():\n    return layers.Dense(output_dim=3)\n")
    done = kls("check", "networks.py", "--output-format", "json")
    told = [(finding["severity"], finding["code"]) for finding in done.json["files"][0]["findings"]]
    assert done.code == 0
    assert sorted(told) == [("information", "argument-name"), ("information", "output-size")]
