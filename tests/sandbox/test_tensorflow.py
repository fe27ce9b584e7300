"""TensorFlow inside the layers: it imports, builds, traces and computes, and reaches no more than Python does."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import pytest

from .conftest import WAYS
from .worlds import User, Worker, World, worker, world

pytestmark = [pytest.mark.tf, pytest.mark.slow]


@pytest.fixture(scope="module")
def scene(people: dict[str, User]) -> Iterator[World]:
    with world(next(user for user in people.values() if user.python == sys.executable)) as made:
        yield made


@pytest.fixture(scope="module", params=["Full", "NoUserns", "NoLandlock"])
def zygote(request: pytest.FixtureRequest, scene: World) -> Iterator[Worker]:
    with worker(scene, modules=("tensorflow", "keras"), **WAYS[request.param]) as started:
        yield started


@pytest.fixture
def ask(zygote: Worker, scene: World) -> Callable[[str], dict[str, str | None]]:
    return lambda deed: zygote.ask(deed, scene, lock=True, seconds=60.0)


@pytest.mark.parametrize(
    "deed, result",
    [
        ("keras_model", "(None, 2704)"),
        ("tf_graph_mode", "[7, 3]"),
        ("tf_data", "[[0, 2, 4, 6], [8, 10, 12, 14], [16, 18]]"),
        ("tf_autograph", "8"),
        ("keras_fit", "['loss']"),
    ],
)
def test_tensorflow_works(deed: str, result: str, ask: Callable[[str], dict[str, str | None]]) -> None:
    assert ask(deed) == {"hit": result, "stopped": None, "died": None}


@pytest.mark.parametrize("deed", ["tf_read_private_key", "tf_write_shell_start", "tf_server"])
def test_tensorflow_reaches_nothing(
    deed: str, ask: Callable[[str], dict[str, str | None]], zygote: Worker, scene: World
) -> None:
    before = scene.state()
    answer = ask(deed)
    assert answer["hit"] is None
    assert scene.state() == before


@pytest.fixture(scope="module")
def bare(scene: World) -> Iterator[Worker]:
    with worker(scene, launched=False, modules=("tensorflow", "keras")) as started:
        yield started


@pytest.mark.parametrize("deed", ["tf_read_private_key", "tf_write_shell_start", "tf_server"])
def test_it_would_without_layers(deed: str, bare: Worker, scene: World) -> None:
    before = scene.state()
    answer = bare.ask(deed, scene, lock=False, seconds=60.0)
    assert answer["hit"] is not None or scene.state() != before, answer
    scene.plant()
