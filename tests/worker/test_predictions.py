"""Predictions in a place where Python takes one number: told there, repaired there."""

from __future__ import annotations

import sys

import pytest

from kls.host import Host
from tests.worker.faults import Fault, assert_silent, assert_told

pytestmark = [
    pytest.mark.tf,
    pytest.mark.asyncio(loop_scope="module"),  # one worker serves them all, and belongs to its loop
    pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs Linux"),
]

PROGRAM = """
import numpy as np
import keras
kinds = ["ash", "elm", "oak"]
tree = keras.Sequential([keras.Input((4,)), keras.layers.Dense({units}, activation="{activation}")])
told = tree.predict(np.random.rand(20, 4))
{use}
"""


def of_classes(use: str) -> str:
    return PROGRAM.format(units=3, activation="softmax", use=use)


def of_two(use: str) -> str:
    return PROGRAM.format(units=1, activation="sigmoid", use=use)


FAULTS = [
    Fault(of_classes("print(kinds[told[0]])"), "kinds[told[0]]", "Give one number: `told[0].argmax()`"),
    Fault(of_classes("best = int(told[0])"), "int(told[0])", "Give one number: `told[0].argmax()`"),
    Fault(of_classes("if told[0] > 0.5:\n    print('sure')"), "if told", "Give one number: `told[0].max()`"),
    Fault(of_classes("print(f'sure: {told[0]:.2f}')"), "{told[0]:.2f}", "Give one number: `told[0].max()`"),
    Fault(of_classes("sure = float(told[0])"), "float(told[0])", "Give one number: `told[0].max()`"),
    Fault(of_two("print(kinds[told[0][0]])"), "kinds[told[0][0]]", "Give one number: `int(told[0][0] > 0.5)`"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.title)
async def test_the_finding_stands_where_the_author_edits(real: Host, fault: Fault) -> None:
    await assert_told(real, fault)


WORKING = [
    of_classes("print(kinds[told[0].argmax()], kinds[np.argmax(told[1])], [kinds[i] for i in told.argmax(axis=1)])"),
    of_classes("print(f'{told[0]}', f'{told[0].max():.2f}', float(told[0][1]), (told > 0.5).any())"),
    of_two(
        "print(f'{told[0][0]:.2f}', float(told[0, 0]), told[0].item(), bool(told[0] > 0.5))\nif told[0] > 0.5: pass"
    ),
    of_two("print(kinds[int(told[0][0] > 0.5)], kinds[told[0].argmax()])"),
]


@pytest.mark.parametrize("text", WORKING)
async def test_what_works_is_not_told(real: Host, text: str) -> None:
    await assert_silent(real, text)
