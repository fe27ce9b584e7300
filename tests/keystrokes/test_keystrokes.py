"""A sample of programs typed key by key; `python -m tests.keystrokes` types all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from kls import session as sessions
from kls.documents import file_snapshot
from kls.facts import Finding
from kls.session import Session
from tests.keystrokes import typist
from tests.keystrokes.typist import Screen

pytestmark = pytest.mark.tf
ROOT = Path(__file__).parents[2]
SAMPLE = (
    "docs/examples/dense_fed_images_fit.py",
    "tests/fixtures/integer_labels.py",
    "tests/faults/programs/reviews_lstm.py",
    "tests/faults/programs/batches.py",
)
FAULTY = """\
import numpy as np
import keras
from keras import layers

x = np.zeros((32, 28, 28), "float32")
y = np.zeros((32, 1), "float32")
model = keras.Sequential([layers.Input((784,)), layers.Dense(1)])
model.compile("adam", "mse")
model.fit(x, y)
"""
HALF = """\
import keras
from keras import layers

size = 3
model = keras.Sequential()
model.add(layers.Input((8, 8, 1)))
model.add(layers.Conv2D(4, size))
"""


@pytest.fixture
def never(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No pause in typing is long enough, however slow the machine is."""
    monkeypatch.setattr(sessions, "PAUSE", 1e9)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def until(
    made: Session, screen: Screen, uri: str, state: Callable[[tuple[Finding, ...]], bool]
) -> asyncio.Future[None]:
    async def wait() -> None:
        while not state(screen.shown.get(uri, ())):
            await asyncio.sleep(0.02)

    return asyncio.ensure_future(asyncio.wait_for(wait(), typist.PATIENCE))


def lines(findings: Iterable[Finding]) -> list[int]:
    return [finding.span.line for finding in findings]


@pytest.mark.slow
@pytest.mark.usefixtures("never")
@pytest.mark.parametrize("name", SAMPLE)
async def test_typing_a_program(name: str, tmp_path: Path) -> None:
    text = (ROOT / name).read_text()
    states = [*typist.prefixes(text, 8, name), *typist.retyped(text, 4, name, each=2)]
    async with typist.session(tmp_path) as (made, screen):
        problems = [
            f"typing line {state.typed} of {state.text.splitlines()[-1:]}: {problem}"
            async for state, problem in typist.typed(made, screen, tmp_path / "program.py", text, states)
        ]
    assert not problems, "\n".join(problems)


@pytest.mark.usefixtures("never")
async def test_a_finding_on_a_changed_line_goes_at_once_and_the_others_stay(tmp_path: Path) -> None:
    uri = (tmp_path / "program.py").as_uri()
    async with typist.session(tmp_path) as (made, screen):
        made.opened(file_snapshot(uri, 0, FAULTY))
        await made.settled(uri, typist.PATIENCE)
        (place,) = lines(screen.shown[uri])
        screen.past.clear()
        texts = FAULTY.split("\n")
        texts[place - 1] += "  # here"
        made.edited(file_snapshot(uri, 1, "\n".join(texts)))
        await made.settled(uri, typist.PATIENCE)
        assert screen.past[0] == () and lines(screen.past[-1]) == [place]
        screen.past.clear()
        made.edited(file_snapshot(uri, 2, "\n".join([*texts, "print(1)"])))
        await made.settled(uri, typist.PATIENCE)
        assert all(lines(findings) == [place] for findings in screen.past)


@pytest.mark.usefixtures("never")
async def test_what_does_not_speak_of_the_typed_line_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uri = (tmp_path / "program.py").as_uri()
    half = HALF.replace("Sequential()", "Sequential")
    async with typist.session(tmp_path) as (made, screen):
        made.opened(file_snapshot(uri, 0, HALF))
        await made.settled(uri, typist.PATIENCE)
        made.edited(file_snapshot(uri, 1, half))
        await made.settled(uri, typist.PATIENCE)
        assert lines(made.findings(uri)) and not screen.shown[uri], "told of another line than the typed one"
        made.check(uri)
        await until(made, screen, uri, lambda shown: bool(lines(shown)))
        made.edited(file_snapshot(uri, 2, HALF))
        await until(made, screen, uri, lambda shown: not shown)
        monkeypatch.setattr(sessions, "PAUSE", 0.2)
        made.edited(file_snapshot(uri, 3, HALF + "\n"))
        made.edited(file_snapshot(uri, 4, half))
        await until(made, screen, uri, lambda shown: bool(lines(shown)))
