from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from kls.documents import Snapshot
from kls.facts import Site, SiteKind
from kls.find import Resolver

INSTALLED = [entry for entry in sys.path if "site-packages" in entry]
"""Where the Keras beside the tests lies."""


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for all tests, so that jedi parses Keras once."""
    return tmp_path_factory.mktemp("cache")


@pytest_asyncio.fixture
async def resolver(tmp_path: Path, cache: Path) -> AsyncIterator[Resolver]:
    """A resolver for the Keras beside the tests, with time for a slow machine."""
    made = Resolver(INSTALLED, str(cache), [str(tmp_path)], legacy=False, budget=30.0, first_budget=60.0)
    made.patience = 60.0
    yield made
    await made.stop()


@pytest.fixture
def document(tmp_path: Path) -> Callable[..., Snapshot]:
    """A document `name` of the workspace `tmp_path`, with this text."""

    def make(text: str, name: str = "main.py") -> Snapshot:
        path = tmp_path / name
        return Snapshot(path.as_uri(), str(path), 1, text)

    return make


def said(snapshot: Snapshot, sites: tuple[Site, ...], kind: SiteKind | None = None) -> list[tuple[str, str]]:
    """(name, text of the target) of the sites of a kind."""
    return [(site.name, snapshot.slice(site.target)) for site in sites if kind in (None, site.kind)]
