"""What a worker's child wrote just before it ended is its answer, whoever still holds the pipe open."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from kls.worker import serve

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="workers there fork no children")


@pytest.mark.parametrize("size", [0, 5, 60_000])
def test_all_of_it_is_read_and_nothing_is_waited_for(size: int) -> None:
    reading, writing = os.pipe()
    text = "x" * size
    child = subprocess.Popen(
        [sys.executable, "-c", f"import os; os.write({writing}, {text!r}.encode())"], pass_fds=(writing,)
    )
    assert child.wait(30) == 0
    try:
        # This process has its own end for writing: the pipe does not end with the child.
        assert serve.what_is_left(reading) == text.encode()
        assert serve.what_is_left(reading) == b""
    finally:
        os.close(reading)
        os.close(writing)
