"""One client and server for all tests of a module of sessions."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from . import clients


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[clients.Editor]:
    """A modern client with an empty project."""
    folder = tmp_path_factory.mktemp("shared") / "project"
    folder.mkdir()
    async with clients.editor(folder, adjust=clients.modern) as made:
        yield made
