"""Names that nothing gives a value: misspelt, renamed, not imported, bound further below; and what is no fault."""

from __future__ import annotations

import sys

import pytest

from kls.host import Host
from tests.worker.faults import Fault, assert_silent, assert_told

pytestmark = [
    pytest.mark.tf,
    pytest.mark.asyncio(loop_scope="module"),  # one worker serves them all, and belongs to its loop
    pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs Linux"),
]

NOT_IMPORTED = """
import numpy as np
from tensorflow.keras.models import Sequential
from tensorflow.keras.layers import Dense
net = Sequential()
net.add(Dense(4))
net.add(Dropout(0.25))
net.compile("adam", "mse")
net.fit(np.zeros((8, 4)), np.zeros((8, 4)))
"""
RENAMED = """
import numpy as np
import keras
Y_learn = np.zeros((8, 1))
net = keras.Sequential([keras.layers.Dense(1)])
net.compile("adam", "mse")
net.fit(np.zeros((8, 4)), y_learn)
"""
CALLED_SO = """
import numpy as np
import keras
net = keras.Sequential([keras.layers.Dense(1)])
net.compile("adam", "mse")
told = net.fit(np.zeros((8, 4)), np.zeros((8, 1)), epochs=3)
print(list(range(epochs)))
"""
OTHER_ORDER = """
import numpy as np
import keras
net = keras.Sequential([keras.layers.Dense(1)])
net.compile("adam", "mse")
net.fit(np.zeros((8, 4)), np.zeros((8, 1)), callbacks=[patient])
patient = keras.callbacks.EarlyStopping("loss")
"""
IN_A_LOSS = """
import numpy as np
import tensorflow as tf
def far(real, guessed):
    return tf.reduce_mean(tf.abs(real - gessed))
net = tf.keras.Sequential([tf.keras.layers.Dense(1)])
net.compile("adam", far)
net.fit(np.zeros((8, 4)), np.zeros((8, 1)))
"""
ANOTHER_MODULE = NOT_IMPORTED.replace("net.add(Dropout(0.25))\n", "wide = pd.DataFrame({})\n")
FAULTS = [
    Fault(NOT_IMPORTED, "import Dense", "Import `Dropout` too"),
    Fault(ANOTHER_MODULE, "pd.", "Add `import pandas as pd`"),
    Fault(RENAMED, "net.fit", "Write `Y_learn`"),
    Fault(CALLED_SO, "range(", "Write `3`, as the call with `epochs=` has it"),
    Fault(OTHER_ORDER, "callbacks=[patient]", "Bind it before it is asked for"),
    Fault(IN_A_LOSS, "gessed", "Write `guessed`"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.title)
async def test_a_name_that_nothing_gives_a_value_is_told(real: Host, fault: Fault) -> None:
    await assert_told(real, fault, best=True)


LEFT_OPEN = [
    "try:\n    basestring\nexcept NameError:\n    basestring = str\n",
    "import os\nif os.environ.get('nobody'):\n    print(never)\n",
    "import os\nif os.path.exists('weights.h5'):\n    best = 1\nelse:\n    best = 0\nprint(best)\n",
    "from nowhere import *\nprint(brought)\n",
    "exec(open('settings.py').read())\nprint(brought)\n",
    "get_ipython().run_line_magic('run', 'settings.ipynb')\nprint(brought)\n",
    "def count():\n    global rounds\n    rounds = 1\ncount()\nprint(rounds)\n",
    "def later():\n    return below\nbelow = 1\nprint(later())\n",
    "display(1)\n",
    "def never(rate=0.5):\n    return keras.layers.Dropout(rate), nowhere\n# kls: probe never()\n",
]
"""Names that are caught, not reached for certain, or brought along by what nobody can read."""


@pytest.mark.parametrize("text", LEFT_OPEN)
async def test_what_may_have_a_value_is_not_told(real: Host, text: str) -> None:
    await assert_silent(real, "import keras\n" + text)
