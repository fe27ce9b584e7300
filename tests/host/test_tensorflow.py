"""The whole chain on the real thing: sandbox, zygote with TensorFlow, the dry run in a forked child."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from kls.host import Host, State, Unavailable
from kls.worker.protocol import Probe, Source
from tests.marks import ONE_WORKER

from .conftest import Watched
from .processes import children, running, seconds_until_gone

pytestmark = ONE_WORKER
MODEL = (
    "import keras\nmodel = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(10)])\n"
)


def probe(text: str, root: Path, seconds: float = 8.0) -> Probe:
    return Probe(1, (Source("__main__", str(root / "train.py"), text),), str(root), (), seconds)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("project")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def real(root: Path) -> AsyncIterator[Watched]:
    """A host in the sandbox, or without one where this machine has none."""
    one = Watched(workspace=(str(root),))
    try:
        await one.host.start()
    except Unavailable as error:
        if "sandbox" not in str(error):
            raise
        one = Watched(workspace=(str(root),), sandbox=False)
    yield one
    await one.host.stop()


def family() -> list[int]:
    return [process for process in children(os.getpid()) if running(process, "bootstrap.py")]


async def test_hello(real: Watched) -> None:
    hello = await real.host.start()
    assert hello.problem is None and hello.keras is not None and hello.keras.startswith("3.")
    assert (hello.backend, hello.devices) == ("tensorflow", ("CPU",))
    assert real.host.status.sentence == f"TensorFlow {hello.tensorflow} with Keras {hello.keras} is ready"


async def test_a_model(real: Watched, root: Path) -> None:
    report = await real.host.ask(probe(MODEL, root))
    assert report.complete, report.ended
    assert [model.outputs[0].shape for model in report.models] == [(None, 10)]
    wrong = await real.host.ask(probe(MODEL + "keras.layers.Dense(1, input_shape=3)(model.output, 2, 3)\n", root))
    assert wrong.failures or wrong.gaps


async def test_products_of_large_matrices(real: Watched, root: Path) -> None:
    """Computed eagerly as the author would; a library that corrupts memory there crashes most of these."""
    text = (
        "import tensorflow as tf\nfrom tensorflow.keras.datasets import mnist\n"
        "(_, _), (x, y) = mnist.load_data()\nx = x.reshape(-1, 784) / 255.0\nw = tf.Variable(tf.ones([784, 128]))\n"
        "z = tf.nn.sigmoid(tf.matmul(tf.cast(x, tf.float32), w))\nz = tf.matmul(z, tf.ones([128, 256]))\n"
    )
    for _ in range(6):
        report = await real.host.ask(probe(text, root))
        assert report.complete, report.ended
        assert not report.gaps


async def test_autograph_reads_the_text_of_the_editor(real: Watched, root: Path) -> None:
    """What is on disk under the same name is older, or a notebook's JSON; AutoGraph has a way of reading it again."""
    (root / "train.py").write_text("# saved earlier\n")
    text = (
        "import tensorflow as tf\n\n@tf.function\ndef total(x):\n    s = tf.zeros([3])\n    for row in x:\n"
        "        if tf.reduce_sum(row) > 0:\n            s = s + row\n    return s\n"
    )
    report = await real.host.ask(probe(text + "a = total(tf.ones([5, 3]))\nb = total(tf.ones([7, 3]))\n", root))
    assert (report.complete, report.failures, report.gaps) == (True, (), ()), report.ended


@pytest.mark.parametrize(
    "text",
    [
        "import glob\nfiles = glob.glob('data/*.npy')\n",
        "from pathlib import Path\nfiles = sorted(Path('data').glob('*.npy'))\n",
        "from pathlib import Path\nfiles = [str(path) for path in Path('data').rglob('*.npy')]\n",
        "import os\nfiles = [name for _, _, names in os.walk('data') for name in names]\n",
        "import tensorflow as tf\nfiles = tf.io.gfile.glob('data/*.npy')\n",
    ],
)
async def test_files_that_are_not_here_may_be_elsewhere(real: Watched, root: Path, text: str) -> None:
    text += "import numpy as np\nx = np.concatenate([np.load(file) for file in files])\n"
    text += "import keras\nlayer = keras.layers.Embedding(len(files), 4)\n"
    report = await real.host.ask(probe(text, root))
    assert (report.complete, report.failures) == (True, ()), report.ended


@pytest.mark.parametrize(
    "text",
    [
        # What a loop over an unknown table fills is not known, also after something was trained.
        MODEL + "import numpy as np, pandas as pd\nmodel.compile(loss='mse')\n"
        "model.fit(np.zeros((8, 28, 28)), np.zeros((8, 10)))\nmade = {}\n"
        "for name, column in pd.read_csv('nowhere.csv').items():\n    made[name] = keras.Input((1,), name=name)\n"
        "x = keras.layers.Concatenate()(list(made.values()))\n",
        # A checkpoint that only a real run writes.
        "import tensorflow as tf\nb = tf.Variable(1.0)\ntf.train.Checkpoint(b=b).restore('written-by-another-run')\n"
        "reader = tf.train.load_checkpoint(tf.train.latest_checkpoint('nowhere'))\n",
    ],
)
async def test_what_only_a_real_run_has_is_no_fault(real: Watched, root: Path, text: str) -> None:
    report = await real.host.ask(probe(text, root))
    assert (report.complete, report.failures) == (True, ()), report.ended


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("import signal\nsignal.raise_signal(signal.SIGKILL)\n", "killed at line 2"),
        ("import ctypes\n\nctypes.string_at(0)\n", "crashed at line 3"),
        ("import re\nre.match('(a+)+$', 'a' * 60 + 'b')\n", "stopped after 1"),
    ],
)
async def test_a_program_that_dies_is_told_and_survived(real: Watched, root: Path, text: str, told: str) -> None:
    report = await real.host.ask(probe(text, root, seconds=1.0 if "stopped" in told else 8.0))
    assert not report.complete
    assert report.ended is not None and told in report.ended
    assert (await real.host.ask(probe(MODEL, root))).models


@pytest.mark.parametrize(
    "text",
    [
        "import sys\nsys.exit()\n",
        "import os\nos._exit(0)\n",
        "raise SystemExit(3)\n",
        "import os\nos.kill(os.getpid(), 9)\n",
    ],
)
async def test_a_program_that_ends_itself_takes_nothing_with_it(real: Watched, root: Path, text: str) -> None:
    hello = real.host.hello
    report = await real.host.ask(probe(MODEL + text, root))
    assert report.models
    assert (await real.host.ask(probe(MODEL, root))).models
    assert real.host.hello is hello


async def test_a_loop_without_end_costs_its_share_of_time(real: Watched, root: Path) -> None:
    began = time.monotonic()
    await real.host.ask(probe("while True: pass\n", root, seconds=2.0))
    assert time.monotonic() - began < 20
    assert (await real.host.ask(probe(MODEL, root))).models


async def test_a_killed_worker_comes_back(real: Watched, root: Path) -> None:
    await real.host.ask(probe(MODEL, root))
    for process in family():
        os.kill(process, signal.SIGKILL)
    await real.until(State.STARTING)
    assert (await real.host.ask(probe(MODEL, root))).models


async def test_nothing_is_left_after_stop(real: Watched, root: Path) -> None:
    asked = asyncio.ensure_future(real.host.ask(probe("import time\nwhile True: time.sleep(1)\n", root)))
    await real.until(State.PROBING)
    running = real.host.running()
    assert running is not None
    left = [running.number, *children(running.number)]
    await real.host.stop()
    assert await seconds_until_gone(left) < 1
    with pytest.raises(Unavailable):
        await asked


async def test_a_one_use_worker_in_the_sandbox(root: Path) -> None:
    one = Watched(workspace=(str(root),), one_use=True)
    try:
        for _ in range(2):
            assert (await one.host.ask(probe(MODEL, root))).models
            assert await one.host.start()
        assert not [status for status in one.seen if "died" in status.sentence]
    except Unavailable as error:
        if "sandbox" not in str(error):
            raise
        pytest.skip(str(error))
    finally:
        await one.host.stop()


async def test_no_tensorflow_is_told(bare_python: str) -> None:
    host = Host(bare_python, sandbox=False)
    hello = await host.start()
    assert hello.problem == f"no TensorFlow in {bare_python}; install it with: {bare_python} -m pip install tensorflow"
    assert host.status.state is State.FAILED
    await host.stop()


async def test_another_backend_is_told() -> None:
    host = Host(sys.executable, sandbox=False, backend="jax")
    assert "the jax backend" in str((await host.start()).problem)
    await host.stop()
