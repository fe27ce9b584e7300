"""Runs a test's body as the dry run would, in a forked process, or whole programs by the real worker."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio

from kls.host import Host


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def real() -> AsyncIterator[Host]:
    """One real worker for all tests of a module."""
    host = Host(sys.executable)
    await host.start()
    yield host
    await host.stop()


@pytest.fixture
def dry() -> Callable[[Callable[[], Any]], None]:
    """`dry(body)` runs `body()` in a child process; what it raises fails the test with its traceback."""
    import tensorflow as tf

    from kls.worker.dryrun import estimators, frames, loaders, numpy_patches, tfds

    def run(body: Callable[[], Any]) -> None:
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            status, text = 1, ""
            try:
                # As in the dry run: without these settings a forked process hangs in its first operation.
                tf.config.threading.set_inter_op_parallelism_threads(1)
                tf.config.threading.set_intra_op_parallelism_threads(1)
                tf.config.run_functions_eagerly(True)
                for part in (numpy_patches, loaders, frames, estimators, tfds):
                    part.install(lambda path: path == body.__code__.co_filename)
                body()
                status = 0
            except BaseException:
                text = traceback.format_exc()
            finally:
                os.write(write, text.encode()[-60_000:])
                os._exit(status)
        os.close(write)
        with open(read, encoding="utf-8") as pipe:
            text = pipe.read()
        _, status = os.waitpid(child, 0)
        assert status == 0, text or f"the child ended with status {status}"

    return run
