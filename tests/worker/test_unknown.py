from __future__ import annotations

import asyncio
import importlib
import operator
import os
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from kls.worker.dryrun.unknown import TEXT, Unknown, UnknownValue, unknown_module


@pytest.fixture
def unknown() -> Any:
    return Unknown("the number of class folders", 3)


@pytest.mark.parametrize(
    "use",
    [
        lambda u: u.shape[0].name(1, key=2),
        lambda u: u + 1,
        lambda u: 1 + u,
        lambda u: 2**u,
        lambda u: [1] @ u,
        lambda u: u == 3,
        lambda u: u < 3,
        lambda u: -u,
        lambda u: operator.iadd(u, 1),
        lambda u: np.zeros(3) + u,
        lambda u: np.add(u, np.zeros(3)),
        lambda u: np.mean(u),
        lambda u: round(u, 2),
        lambda u: u(lambda: None),
    ],
)
def test_answers_with_itself(unknown: Any, use: Callable[[Any], Any]) -> None:
    answer = use(unknown)
    assert isinstance(answer, Unknown)
    assert (answer.reason, answer.line) == ("the number of class folders", 3)


@pytest.mark.parametrize(
    "use",
    [
        bool,
        int,
        float,
        len,
        list,
        hash,
        next,
        operator.index,
        lambda u: 3 in u,
        lambda u: u in [1, 2],
        lambda u: u in {1: 2},
        lambda u: [1, 2][u],
        lambda u: range(u),
        lambda u: np.asarray(u),
        lambda u: np.zeros(u),
        lambda u: np.zeros(5)[u],
        lambda u: isinstance(3, u),
        os.fspath,
    ],
)
def test_refuses_to_be_a_value(unknown: Any, use: Callable[[Any], Any]) -> None:
    with pytest.raises(UnknownValue, match="class folders"):
        use(unknown)


def test_text_is_harmless(unknown: Any) -> None:
    assert f"{unknown:.3f} {unknown}" == f"{TEXT} {TEXT}"


def test_assignments_and_contexts(unknown: Any) -> None:
    unknown.name = 1
    unknown[0] = 2
    del unknown[0]
    with unknown as inside:
        assert inside is unknown

    async def wait() -> Any:
        async with unknown:
            return await unknown

    assert asyncio.run(wait()) is unknown


def test_bases_and_decorators(unknown: Any) -> None:
    class Alone(unknown.Base):
        limit = 3

    class Beside(dict, unknown.Mixin):
        pass

    class Twice(unknown.A, Unknown("other")):
        pass

    @unknown.decorator(3)
    def decorated() -> None:
        pass

    assert Alone.limit == 3
    assert isinstance(Alone(1, key=2), Unknown)
    assert isinstance(Twice(), Unknown)
    assert Beside(a=1) == {"a": 1}
    assert isinstance(decorated, Unknown)


def test_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.setitem(sys.modules, "kls_not_installed", unknown_module("kls_not_installed", "it is not installed"))
    names: dict[str, Any] = {}
    exec(
        "import kls_not_installed.a.b as deep\nfrom kls_not_installed.c import d\nimport kls_not_installed as top",
        names,
    )
    assert isinstance(names["d"], Unknown)
    assert names["d"].reason == "it is not installed"
    assert isinstance(names["deep"].anything, Unknown)
    assert isinstance(names["top"].__version__, Unknown)
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("kls_really_not_there")


def test_what_python_says_of_the_type_of_an_unknown_is_no_fault(dry: Callable[[Callable[[], Any]], None]) -> None:
    def body() -> None:
        from kls.worker.dryrun.gaps import _speaks_of_unknown

        with pytest.raises(TypeError) as told:
            getattr(int, Unknown("the file is not there"))  # type: ignore[arg-type]
        assert _speaks_of_unknown(told.value), told.value
        assert not _speaks_of_unknown(ValueError("Unknown loss function: 'mean'"))
        assert not _speaks_of_unknown(TypeError("Unknown layer: 'Dence'"))

    dry(body)
