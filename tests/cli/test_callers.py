"""`kls check models.py`: functions that the file does not call are judged through the programs that do."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Kls

pytestmark = pytest.mark.tf
MODELS = """\
import keras
from keras import layers


def build(shape, classes):
    model = keras.Sequential([layers.Input(shape), layers.Conv2D(8, 3), layers.Flatten(), layers.Dense(classes)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def train(x, y):
    model = build((28, 28, 1), 10)
    model.fit(x, y)
"""
TRAIN = """\
import numpy as np
from models import build, train

model = build((28, 28, 1), 10)
train(np.zeros((64, 28, 28, 1)), np.zeros((64,), "int64"))
"""
OTHER = "import models as m\n\nnet = m.build((28, 28), 10)\n"


def project(root: Path, **files: str) -> None:
    for name, text in {"models": MODELS, **files}.items():
        path = root / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_a_caller_gives_the_shapes_and_one_that_disagrees_is_named(kls: Kls, tmp_path: Path) -> None:
    project(tmp_path, train=TRAIN)
    assert kls("check", "models.py").code == 0
    shown = kls("shapes", "models.py").out
    assert "(None, 26, 26, 8)" in shown and "54,170 parameters" in shown
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "other.py").write_text(OTHER)
    done = kls("check", "models.py", "--output-format", "json")
    assert done.code == 1
    (entry,) = [entry for entry in done.json["files"] if entry["findings"]]
    (finding,) = entry["findings"]
    assert entry["path"] == "models.py" and finding["severity"] == "error"
    assert "called from app/other.py line 3\n" in finding["message"]
    assert "as train.py line 4 calls it, this fits" in finding["message"]
    assert any(item["path"] == "app/other.py" for item in finding["related"])
    assert all("(28, 28, 1)" in fix["title"] for fix in finding["fixes"])


def test_one_that_fails_before_is_not_said_to_fit(kls: Kls, tmp_path: Path) -> None:
    shared = MODELS.replace("def train(x, y):\n    model = build((28, 28, 1), 10)", "def train(model, x, y):")
    call = "import numpy as np\nfrom models import build, train\ntrain(build({}, 10), np.zeros(({}, 28, 28, 1)), {})\n"
    labels = 'np.zeros((64,), "int64")'
    fits, before = call.format("(28, 28, 1)", 64, labels), call.format("(28, 28)", 64, labels)
    project(tmp_path, models=shared, fits=fits, before=before, wrong=call.format("(32, 32, 1)", 64, labels))
    done = kls("check", "models.py", "--output-format", "json")
    said = [item["message"] for entry in done.json["files"] for item in entry["findings"]]
    (of_training,) = [message for message in said if "called from wrong.py" in message]
    assert "as fits.py line 3 calls it, this fits" in of_training and "before.py" not in of_training


def test_programs_that_are_checked_themselves_tell_it_once(kls: Kls, tmp_path: Path) -> None:
    project(tmp_path, app__other=OTHER)
    done = kls("check", ".", "--output-format", "json")
    findings = [finding for entry in done.json["files"] for finding in entry["findings"]]
    assert len(findings) == 1 and "called from app" not in findings[0]["message"]


def test_without_a_caller_nothing_is_said(kls: Kls, tmp_path: Path) -> None:
    project(tmp_path, notes="from models import build\n\n\ndef later():\n    build((28, 28), 10)\n")
    done = kls("check", "models.py")
    assert done.code == 0 and "nothing found" in done.out
