"""What all tests share: skips for what this machine lacks."""

from __future__ import annotations

import importlib.util

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

_LACKING = {
    "tf": (importlib.util.find_spec("tensorflow") is None, "TensorFlow is not installed beside the tests"),
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="record what the real worker says of the fixtures")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for marker, (lacking, reason) in _LACKING.items():
            if lacking and item.get_closest_marker(marker) is not None:
                item.add_marker(pytest.mark.skip(reason=reason))


class _ByFile(LoadFileScheduling):
    """Each file's tests in one process, those of the sandbox's folder in the same: they share attacked users, whose
    processes the kernel counts together."""

    def _split_scope(self, nodeid: str) -> str:
        return "tests/sandbox" if nodeid.startswith("tests/sandbox/") else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling:
    """How `-n` divides the tests."""
    return _ByFile(config, log)
