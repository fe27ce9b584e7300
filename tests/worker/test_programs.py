"""Whole programs in the manner of other people's, dry-run by the real worker: what is known, and no false word."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from kls import check, plan, witnesses
from kls.documents import Snapshot
from kls.facts import Severity
from kls.host import Host
from kls.worker.protocol import Report

pytestmark = [
    pytest.mark.tf,
    pytest.mark.asyncio(loop_scope="module"),  # one worker serves them all, and belongs to its loop
    pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs Linux"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def real() -> AsyncIterator[Host]:
    host = Host(sys.executable)
    await host.start()
    yield host
    await host.stop()


async def said(real: Host, text: str) -> tuple[Report, list[tuple[str, int]]]:
    """The report on a program, and its errors and warnings as (rule, line)."""
    snapshot = Snapshot("file:///nowhere/train.py", "/nowhere/train.py", 1, text)
    probe = plan.plan(snapshot, root="/nowhere", seconds=60)
    report = await witnesses.ask(probe, real.ask)
    assert report.complete, report.ended
    found = check.check(snapshot, (), report)
    return report, [
        (item.code, item.span.line) for item in found if item.severity in (Severity.ERROR, Severity.WARNING)
    ]


async def test_an_optional_place_on_the_command_line_is_not_none(real: Host) -> None:
    text = """
import argparse
import numpy as np
import keras
parser = argparse.ArgumentParser()
parser.add_argument("run", nargs="?")
parser.add_argument("--folder", default=None)
options = parser.parse_args()
for epoch in np.arange(1, 9):
    name = options.run + str(epoch) + ".keras"
    other = options.folder + str(epoch)
    model = keras.models.load_model(name)
"""
    report, loud = await said(real, text)
    assert loud == []
    told = {gap.span.line: gap.reason for gap in report.gaps}
    assert "run is given on the command line" in told[12]
    assert "NoneType" in told[11]


async def test_a_size_that_is_none_is_a_fault_still(real: Host) -> None:
    _, loud = await said(real, "import keras\nx = keras.Input((4,))\ny = keras.ops.reshape(x, (x.shape[0] * 2, 2))\n")
    assert [line for _, line in loud] == [3]


async def test_what_a_loop_tells_again_is_one_failure(real: Host) -> None:
    text = "import keras\nfor units in (4, 8, 16):\n    keras.layers.Dense(8, unit=3)\n"
    report, loud = await said(real, text)
    assert len(report.failures) == 1 and len(loud) == 1


async def test_a_picture_that_was_not_drawn_cannot_be_decoded(real: Host) -> None:
    text = """
import io
import keras
import tensorflow as tf
import matplotlib.pyplot as plt
file = io.BytesIO()
plt.savefig(file, format="png")
image = tf.image.decode_png(file.getvalue(), channels=4)
batch = tf.expand_dims(image, 0)
"""
    _, loud = await said(real, text)
    assert loud == []
