"""Programs that raise what no honest program raises: each is answered, nothing is reported, the next is answered too.

An exception is the one object of the author's that kls itself must ask for its class, its text and its traceback.
"""

from __future__ import annotations

import time

import pytest

from kls import check, plan
from kls.documents import Snapshot
from kls.host import Host
from kls.worker.protocol import MAX_FRAME, Report, encode

pytestmark = [pytest.mark.tf, pytest.mark.asyncio(loop_scope="module")]
TEXT = "class E(ValueError):\n    def __str__(self):\n        {}\n    __repr__ = __str__\nraise E()\n"
IN_CALL = (
    "class L(keras.layers.Layer):\n    def call(self, x):\n        raise E()\n"
    "keras.Sequential([keras.Input((3,)), L()])\n"
)
CONTAINED = {
    "the text raises": TEXT.format("raise self"),
    "the text recurses": TEXT.format("return str(self)"),
    "the text is none": TEXT.format("return 3"),
    "the class lies": "class E(Exception):\n    __class__ = property(lambda self: ValueError)\n"
    "raise E('Input 0 of layer \"dense\" is incompatible with the layer: expected axis -1')\n",
    "the text is of a class of its own": "class T(str):\n    def __len__(self): return -1\n"
    "    def __getitem__(self, place): return self\nclass E(ValueError):\n    def __str__(self): return T('text')\n"
    "raise E()\n",
    "causes in a circle": "a, b = ValueError('a'), ValueError('b')\na.__cause__, b.__cause__ = b, a\nraise a\n",
    "in a layer": TEXT.format("return str(self)").rpartition("raise")[0] + IN_CALL,
    "the marks of kls": "e = ValueError('x')\ne._kls_eager_trace = e._kls = 3\nraise e\n",
}
"""What costs its own statement alone."""
ENDED = {
    "the class raises": "class E(ValueError):\n    __class__ = property(lambda self: 1 / 0)\nraise E()\n",
    "all attributes raise": "class E(ValueError):\n    def __getattribute__(self, name):\n        raise E\nraise E()\n",
    "the process ends while it is asked": TEXT.format("import os; os._exit(0)"),
    "an argument ends the program": "class A:\n    def __repr__(self): raise SystemExit\nraise ValueError(A(), A())\n",
    "a name that is no name": "e = ModuleNotFoundError('x')\ne.name = 3\nraise e\n",
    "the end of a generator": "raise GeneratorExit\n",
}
"""What may end the dry run, which says so."""
SLOW = {
    "a text of 400 MB": TEXT.format("return 'x' * 400_000_000"),
    "a text that is never ready": TEXT.format("while True: pass"),
    "causes 100,000 deep": "e = ValueError('x')\nfor _ in range(100_000):\n    n = ValueError('x')\n"
    "    n.__cause__ = e\n    e = n\nraise e\n",
    "a forged traceback": "import sys, types\nt = None\nfor _ in range(50_000):\n"
    "    t = types.TracebackType(t, sys._getframe(), 0, 10**6)\nraise ValueError('x').with_traceback(t)\n",
}
"""What may take all of its time."""


async def _answer(real: Host, program: str) -> Report:
    """The report of a program that stands before an honest line, after which the worker is as it was."""
    text = f"import keras\n{program}layer = keras.layers.Dense(3)\n"
    snapshot = Snapshot("file:///x/hostile.py", "/x/hostile.py", 1, text)
    before = real.hello
    began = time.monotonic()
    report = await real.ask(plan.plan(snapshot))
    assert time.monotonic() - began < 30
    assert len(encode(report)) <= MAX_FRAME
    assert not report.failures and not check.check(snapshot, (), report)
    honest = await real.ask(plan.plan(Snapshot("file:///x/honest.py", "/x/honest.py", 1, "import keras\n")))
    assert honest.complete and real.hello is before, "the zygote outlives it"
    return report


@pytest.mark.parametrize("program", CONTAINED.values(), ids=CONTAINED)
async def test_it_costs_its_own_statement(real: Host, program: str) -> None:
    report = await _answer(real, program)
    assert report.complete, report.ended
    assert report.gaps


@pytest.mark.parametrize("program", ENDED.values(), ids=ENDED)
async def test_it_ends_the_dry_run_at_most(real: Host, program: str) -> None:
    report = await _answer(real, program)
    assert report.complete or report.ended


@pytest.mark.slow
@pytest.mark.parametrize("program", SLOW.values(), ids=SLOW)
async def test_it_takes_no_longer_than_it_may(real: Host, program: str) -> None:
    report = await _answer(real, program)
    assert report.complete or report.ended
