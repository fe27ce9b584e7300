"""What all tests share: skips for what this machine lacks."""

from __future__ import annotations

import importlib.util

import pytest

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
