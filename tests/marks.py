"""Marks that several folders of tests share."""

from __future__ import annotations

import sys

import pytest

ONE_WORKER = [
    pytest.mark.tf,
    pytest.mark.asyncio(loop_scope="module"),  # one worker serves them all, and belongs to its loop
    pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs Linux"),
]
"""For a module whose tests ask one real worker."""
