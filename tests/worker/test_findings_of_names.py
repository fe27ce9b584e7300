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
ATTRIBUTE = """
import numpy as np
import keras
class Net(keras.Model):
    def __init__(self, units, rate):
        super().__init__()
        self.rate = rate
        self.first = keras.layers.Dense(units)
        self.last_dense = keras.layers.Dense(1)
    def call(self, x):
        return self.last_dens(self.first(x)) * self.rate
net = Net(3, 0.5)
net.compile("adam", "mse")
net.fit(np.zeros((8, 4)), np.zeros((8, 1)))
"""
NOT_KEPT = ATTRIBUTE.replace("        self.rate = rate\n", "").replace("last_dens(", "last_dense(")
METHOD = """
import numpy as np
import keras
class Agent:
    def remember(self, state):
        self.state = state
        self.net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    def play(self):
        return self.net.predict(self.state)
agent = Agent()
agent.rememebr(np.zeros((1, 4)))
agent.play()
"""
PARTS_MISSING = """
import numpy as np
import keras
def parts(data):
    learn, check, test = data[:8], data[8:12], data[12:]
    return learn, check
learn, check, test = parts(np.zeros((16, 4)))
net = keras.Sequential([keras.layers.Dense(4)])
net.compile("adam", "mse")
net.fit(learn, learn, validation_data=(check, check))
net.evaluate(test, test)
"""
TOGETHER = """
import numpy as np
import keras
def made(units):
    net = keras.Sequential([keras.layers.Dense(units)])
    net.compile("adam", "mse")
    told = net.fit(np.zeros((8, 4)), np.zeros((8, units)))
    return net, told
net = made(3)
net.predict(np.zeros((8, 4)))
"""
ANOTHER_MODULE = NOT_IMPORTED.replace("net.add(Dropout(0.25))\n", "wide = pd.DataFrame({})\n")
COUNTED = """
import keras
import numpy as np
steps = 0
def train(net, x, y):
    net.train_on_batch(x, y)
    steps += 1
net = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
net.compile("adam", "mse")
train(net, np.zeros((4, 3)), np.zeros((4, 1)))
"""
DELETED = COUNTED.replace("    net.train_on", "    loss = net.train_on").replace(
    "    steps += 1", "    del loss, x\n    return loss"
)
FAULTS = [
    Fault(COUNTED, "steps += 1", "Say whose it is: `global steps`"),
    Fault(DELETED, "del loss", "Keep it: no `del` of `loss`"),
    Fault(NOT_IMPORTED, "import Dense", "Import `Dropout` too"),
    Fault(ANOTHER_MODULE, "pd.", "Add `import pandas as pd`"),
    Fault(RENAMED, "net.fit", "Write `Y_learn`"),
    Fault(CALLED_SO, "range(", "Write `3`, as the call with `epochs=` has it"),
    Fault(OTHER_ORDER, "callbacks=[patient]", "Bind it before it is asked for"),
    Fault(IN_A_LOSS, "gessed", "Write `guessed`"),
    Fault(ATTRIBUTE, "self.last_dens(", "Write `self.last_dense`"),
    Fault(NOT_KEPT, "super().__init__()", "Keep it: `self.rate = rate`"),
    Fault(
        METHOD.replace("rememebr", "remember").replace("return self.net", "return self.__net"),
        "self.__net",
        "Write `self.net`",
    ),
    Fault(METHOD, "agent.rememebr", "Write `agent.remember`"),
    Fault(PARTS_MISSING, "return learn, check", "Return `test` too"),
    Fault(TOGETHER, "net = made(3)", "Take them apart: `net, _`"),
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
LEFT_OPEN_OF_CLASSES = [
    COUNTED.replace("    net.train", "    global steps\n    net.train"),
    COUNTED.replace("    steps += 1", "    for steps in range(2):\n        pass\n    print(steps)"),
    DELETED.replace("del loss, x", "del x"),
    COUNTED.replace(
        "    steps += 1",
        "    for row in net.predict(x):\n        if row > 0:\n            most = row\n        print(most)",
    ),
    ATTRIBUTE.replace("last_dens(", "last_dense("),
    NOT_KEPT.replace("net.compile(", "net.rate = 0.5\nnet.compile("),
    NOT_KEPT.replace("super().__init__()", "super().__init__()\n        setattr(self, 'ra' + 'te', rate)"),
    METHOD.replace("agent.rememebr(np.zeros((1, 4)))\nagent.play()", "agent.play() if hasattr(agent, 'net') else None"),
    PARTS_MISSING.replace("return learn, check", "return learn, check, test"),
    TOGETHER.replace("net = made", "net, _ = made"),
]


@pytest.mark.parametrize("text", LEFT_OPEN)
async def test_what_may_have_a_value_is_not_told(real: Host, text: str) -> None:
    await assert_silent(real, "import keras\n" + text)


@pytest.mark.parametrize("text", LEFT_OPEN_OF_CLASSES)
async def test_what_an_object_may_have_is_not_told(real: Host, text: str) -> None:
    await assert_silent(real, text)
