"""Real steps of whole programs, by a worker for them: what is said of a harm that is there, and no word where none is.

Every example of a rule that speaks of a step is here, once as the manual has it and once repaired, and so are sound
programs with what looks alike: logarithms, square roots, norms, masks, layers that are not used.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from types import ModuleType

import pytest
import pytest_asyncio

from kls import check, plan
from kls.documents import Snapshot
from kls.facts import Finding
from kls.host import Host
from kls.rules import STEP_CODES, step_compile, step_device, step_gradient, step_replicas, step_values
from kls.worker.protocol import Step
from tests.marks import ONE_WORKER

pytestmark = [*ONE_WORKER, pytest.mark.slow]
HEAD = """\
import numpy as np, keras, tensorflow as tf
from keras import layers, ops
"""
SOUND = {
    "a log loss that is clipped": """
def log_loss(y, p):
    p = ops.clip(p, 1e-7, 1 - 1e-7)
    return -ops.mean(y * ops.log(p) + (1 - y) * ops.log(1 - p))
m = keras.Sequential([keras.Input((8,)), layers.Dense(16, activation="relu"), layers.Dense(1, activation="sigmoid")])
m.compile("adam", log_loss, jit_compile=False)
m.fit(np.random.rand(64, 8), np.random.randint(0, 2, (64, 1)).astype("float32"))
""",
    "layers that normalise": """
norms = [layers.BatchNormalization(), layers.GroupNormalization(4), layers.LayerNormalization()]
ends = [layers.UnitNormalization(), layers.GlobalAveragePooling2D(), layers.Dense(3, activation="softmax")]
m = keras.Sequential([keras.Input((8, 8, 4)), layers.Conv2D(8, 3), *norms, *ends])
m.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=False)
m.fit(np.random.rand(64, 8, 8, 4), np.random.randint(0, 3, 64))
""",
    "a mask and attention": """
i = keras.Input((20,), dtype="int32")
h = layers.Embedding(50, 16, mask_zero=True)(i)
h = layers.MultiHeadAttention(2, 8)(h, h, use_causal_mask=True)
h = layers.LSTM(8)(h)
m = keras.Model(i, layers.Dense(2, activation="softmax")(h))
m.compile("adam", "sparse_categorical_crossentropy", jit_compile=False)
m.fit(np.random.randint(1, 50, (64, 20)), np.random.randint(0, 2, 64))
""",
    "data that standardise themselves": """
x = np.random.rand(1000, 16) * 5
y = np.random.rand(1000, 1)
mean, std = x.mean(0), x.std(0)
lo, hi = x.min(0), x.max(0)
i = keras.Input((16,))
h = layers.Lambda(lambda t: (t - mean.astype("float32")) / std.astype("float32"))(i)
h = layers.Lambda(lambda t: (t - lo.astype("float32")) / (hi - lo).astype("float32"))(h)
m = keras.Model(i, layers.Dense(1)(h))
m.compile("sgd", "mse", jit_compile=False)
m.fit(x, y)
""",
    "weights of classes that were counted": """
(x, y), _ = keras.datasets.mnist.load_data()
x = x.reshape(-1, 784).astype("float32") / 255
std = x.std()
counts = np.bincount(y, minlength=10)
weights = len(y) / (10 * counts)
w = tf.constant(weights, tf.float32)
def weighted(t, p):
    chosen = tf.gather(w, tf.cast(tf.reshape(t, [-1]), tf.int32))
    return keras.losses.sparse_categorical_crossentropy(t, p) * chosen
i = keras.Input((784,))
h = layers.Lambda(lambda t: t / std)(i)
m = keras.Model(i, layers.Dense(10, activation="softmax")(h))
m.compile("sgd", weighted, jit_compile=False)
m.fit(x, y, class_weight={k: float(v) for k, v in enumerate(weights)})
""",
    "an adapted layer and a Poisson loss": """
x = np.random.rand(1000, 16) * 5
y = np.random.rand(1000, 1)
n = layers.Normalization()
n.adapt(x)
hidden = layers.Dense(8, activation="gelu")
m = keras.Sequential([keras.Input((16,)), n, hidden, layers.Dense(1, activation="softplus")])
m.compile("adam", "poisson", metrics=["mape"], jit_compile=False)
m.fit(x, y)
""",
    "a variational autoencoder": """
class Sampling(layers.Layer):
    def call(self, mean, log_var):
        return mean + ops.exp(0.5 * log_var) * keras.random.normal(ops.shape(mean))
class VAE(keras.Model):
    def __init__(self):
        super().__init__()
        self.e = layers.Dense(32, activation="relu"); self.mean = layers.Dense(4); self.log_var = layers.Dense(4)
        self.s = Sampling(); self.d = layers.Dense(64, activation="sigmoid")
    def call(self, x):
        h = self.e(x); m, v = self.mean(h), self.log_var(h)
        self.add_loss(-0.5 * ops.mean(1 + v - ops.square(m) - ops.exp(v)))
        return self.d(self.s(m, v))
m = VAE()
m.compile("adam", "binary_crossentropy", jit_compile=False)
x = np.random.rand(256, 64).astype("float32")
m.fit(x, x, batch_size=32)
""",
    "half precision with a scaled loss": """
keras.mixed_precision.set_global_policy("mixed_float16")
ends = [layers.Flatten(), layers.Dense(10), layers.Activation("softmax", dtype="float32")]
first = layers.Conv2D(8, 3, activation="relu")
m = keras.Sequential([keras.Input((16, 16, 3)), first, layers.BatchNormalization(), *ends])
m.compile("adam", "sparse_categorical_crossentropy", jit_compile=False)
m.fit(np.random.rand(64, 16, 16, 3), np.random.randint(0, 10, 64))
""",
    "a distance kept from 0": """
b = keras.Sequential([keras.Input((8,)), layers.Dense(16, activation="relu"), layers.Dense(8)])
a, c = keras.Input((8,)), keras.Input((8,))
squared = layers.Lambda(lambda p: ops.sum(ops.square(p[0] - p[1]), -1, keepdims=True))([b(a), b(c)])
d = layers.Lambda(lambda t: ops.sqrt(ops.maximum(t, 1e-7)))(squared)
m = keras.Model([a, c], d)
def contrastive(y, d):
    return ops.mean((1 - y) * ops.square(d) + y * ops.square(ops.maximum(1 - d, 0)))
m.compile("adam", contrastive, jit_compile=False)
m.fit([np.random.rand(64, 8), np.random.rand(64, 8)], np.random.randint(0, 2, (64, 1)).astype("float32"))
""",
    "a high learning rate": """
wide = [layers.Dense(256, activation="relu") for _ in range(2)]
m = keras.Sequential([keras.Input((8,)), *wide, layers.Dense(1)])
m.compile(keras.optimizers.SGD(0.5, clipnorm=1.0), "mse", jit_compile=False)
m.fit(np.random.rand(64, 8), np.random.rand(64, 1))
""",
    "sequences": """
i = keras.Input((None, 12))
h = layers.Bidirectional(layers.LSTM(8, return_sequences=True))(i)
m = keras.Model(i, layers.Dense(6)(h))
m.compile("adam", keras.losses.CTC(), jit_compile=False)
m.fit(np.random.rand(64, 30, 12), np.random.randint(1, 5, (64, 6)))
""",
}
"""Programs of which nothing is to be said."""
QUIET = {
    "a square root of what is above 0": """
# Magnitudes are never 0 in the data: sqrt of the input is fine.
i = keras.Input((8,))
h = layers.Lambda(lambda t: ops.sqrt(t))(i)
m = keras.Model(i, layers.Dense(1)(h))
m.compile("sgd", "mse", jit_compile=False)
m.fit(np.random.rand(64, 8) + 1, np.random.rand(64, 1))
""",
    "a logarithm of what is above 0": """
i = keras.Input((50, 8))
h = layers.Lambda(lambda t: ops.log(t))(i)
m = keras.Model(i, layers.Dense(1)(layers.GRU(4)(h)))
m.compile("adam", "mse", jit_compile=False)
m.fit(np.random.rand(64, 50, 8) + 0.1, np.random.rand(64, 1))
""",
    "a norm that no example has at 0": """
i = keras.Input((8,))
h = layers.Lambda(lambda t: t / ops.norm(t, axis=-1, keepdims=True))(i)
m = keras.Model(i, layers.Dense(1)(h))
m.compile("sgd", "mse", jit_compile=False)
m.fit(np.random.rand(64, 8), np.random.rand(64, 1))
""",
    "a mean over what is not padding": """
class MaskedMean(layers.Layer):
    def call(self, x, ids):
        keep = ops.cast(ops.not_equal(ids, 0), "float32")[..., None]
        return ops.sum(x * keep, 1) / ops.sum(keep, 1)
i = keras.Input((20,), dtype="int32")
h = MaskedMean()(layers.Embedding(50, 16)(i), i)
m = keras.Model(i, layers.Dense(2, activation="softmax")(h))
m.compile("adam", "sparse_categorical_crossentropy", jit_compile=False)
m.fit(np.random.randint(1, 50, (64, 20)), np.random.randint(0, 2, 64))
""",
}
"""Programs that are right for the data that they have: no more than information, since zeros are not finite there."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def worker() -> AsyncIterator[Host]:
    """One worker for real steps."""
    host = Host(sys.executable, real=True)
    await host.start()
    yield host
    await host.stop()


async def stepped(worker: Host, text: str) -> tuple[Step, list[Finding]]:
    """The real step of a program and what is found in it."""
    snapshot = Snapshot("file:///nowhere/train.py", "/nowhere/train.py", 1, text)
    probe = replace(plan.plan(snapshot, root="/nowhere", seconds=120), step_bytes=2 << 30)
    report = await worker.ask(probe)
    assert report.complete, report.ended
    (step,) = report.steps
    return step, [item for item in check.check(snapshot, (), report) if item.code in STEP_CODES]


def example(rule: ModuleType) -> str:
    return (rule.__doc__ or "").partition("```python\n")[2].partition("```")[0]


@pytest.mark.parametrize("name", SOUND)
async def test_nothing_is_said_of_a_sound_program(worker: Host, name: str) -> None:
    step, found = await stepped(worker, HEAD + SOUND[name])
    assert step.steps and found == [] and step.troubles == (), step.troubles


@pytest.mark.parametrize("name", QUIET)
async def test_what_only_zeros_do_is_information(worker: Host, name: str) -> None:
    step, found = await stepped(worker, HEAD + QUIET[name])
    assert step.steps
    assert {item.severity.value for item in found} <= {"information"}, step.troubles
    assert {trouble.kind for trouble in step.troubles} <= {"loss-of-zeros", "update-of-zeros", "noise"}


async def test_a_loss_that_is_never_finite_is_found_at_the_layer_that_makes_it_so(worker: Host) -> None:
    text = example(step_values)
    _, (found,) = await stepped(worker, text)
    assert (found.code, found.severity.value, found.span.line) == ("step-values", "warning", 4)
    assert found.message.startswith("after one step loss is nan on zeros, on unit noise and on noise between 0 and 1")
    assert [item.span.line for item in found.related] == [7]
    step, found = await stepped(
        worker, text.replace("t / keras.ops.sum(t * 0.0, axis", "t / keras.ops.sum(t * 0.0 + 1.0, axis")
    )
    assert step.troubles == () and not found


async def test_a_loss_that_makes_itself_infinite_is_found_where_it_is_given(worker: Host) -> None:
    text = (
        HEAD
        + """
def log_loss(y, p):
    return -ops.mean(y * ops.log(p * 0) + 1)
m = keras.Sequential([keras.Input((8,)), layers.Dense(1, activation="sigmoid")])
m.compile("sgd", log_loss, jit_compile=False)
m.fit(np.random.rand(64, 8), np.random.randint(0, 2, (64, 1)).astype("float32"))
"""
    )
    _, (found,) = await stepped(worker, text)
    assert (found.code, found.severity.value, found.span.line) == ("step-values", "warning", 7)
    step, found = await stepped(worker, text.replace("p * 0", "p * 0 + 1e-7"))
    assert step.troubles == () and not found


async def test_a_gradient_that_is_never_finite_is_found_at_the_layer_it_spoils(worker: Host) -> None:
    text = (
        HEAD
        + """
i = keras.Input((8,))
h = layers.Dense(4, activation="relu")(i)
h = layers.Dense(4, name="spoilt")(h)
h = layers.Lambda(lambda t: ops.sqrt(ops.relu(-ops.square(t))))(h)
m = keras.Model(i, layers.Dense(1)(h))
m.compile("sgd", "mse", jit_compile=False)
m.fit(np.random.rand(64, 8), np.random.rand(64, 1))
"""
    )
    _, (found,) = await stepped(worker, text)
    assert (found.code, found.severity.value, found.span.line) == ("step-values", "warning", 6)
    assert found.message.startswith("a gradient is not finite: one step spoils the weights ")
    step, found = await stepped(worker, text.replace("ops.relu(-ops.square(t))", "ops.square(t) + 1e-6"))
    assert step.troubles == () and not found


async def test_layers_without_a_gradient_are_found(worker: Host) -> None:
    text = example(step_gradient)
    _, (found,) = await stepped(worker, text)
    assert (found.code, found.severity.value, found.span.line) == ("step-gradient", "information", 4)
    assert "no gradient reaches the weights of dense_1" in found.message
    step, found = await stepped(worker, text.replace("stop_gradient(t)", "relu(t)"))
    assert step.troubles == () and not found


async def test_an_operation_that_the_device_lacks_is_found_on_its_line(worker: Host) -> None:
    text = example(step_device)
    _, (found,) = await stepped(worker, text)
    assert (found.code, found.severity.value, found.span.line) == ("step-device", "error", 3)
    assert "'Cholesky'" in found.message and [item.span.line for item in found.related] == [6]
    step, _ = await stepped(
        worker,
        re.sub("float16", "float32", text).replace(
            "cholesky(t)", "cholesky(t @ tf.transpose(t, (0, 2, 1)) + tf.eye(4))"
        ),
    )
    assert step.steps and step.troubles == ()


async def test_xla_names_the_operation_and_its_line(worker: Host) -> None:
    _, (found,) = await stepped(worker, example(step_compile))
    assert (found.code, found.span.line) == ("step-compile", 5) and "AsString" in found.message
    assert [item.span.line for item in found.related] == [3, 6]


async def test_replicas_are_made_of_the_processor_and_must_share_the_batch(worker: Host) -> None:
    text = example(step_replicas)
    step, (found,) = await stepped(worker, text)
    assert (found.code, found.severity.value, found.span.line) == ("step-replicas", "error", 6)
    assert (step.replicas, step.stood_in) == (2, ("GPU:0", "GPU:1"))
    assert found.message.startswith("a batch of 33 cannot be divided among 2 replicas")
    assert [item.title for item in found.fixes] == ["Use batch_size=32"]
    step, found = await stepped(worker, text.replace("batch_size=33", "batch_size=32"))
    assert step.troubles == () and not found and step.steps and step.replicas == 2
    step, found = await stepped(worker, text.replace('["GPU:0", "GPU:1"]', ""))
    assert step.troubles == () and not found and (step.replicas, step.stood_in) == (1, ())


REAL = """
import sys, warnings, math
import tensorflow as tf, keras
processor = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * 2)
for number, text in enumerate(sys.argv[1:]):
    keras.utils.set_random_seed(1)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        names = {"__name__": "__main__"}
        try:
            exec(text, names)
            lost = names["model"].evaluate(tf.ones((8, 8)), tf.ones((8, 1)), verbose=0) if number == 0 else 0.0
            missing = any("Gradients do not exist" in str(item.message) for item in warned)
            print("told:", "nan" if math.isnan(lost) else missing)
        except Exception as error:
            print("told:", type(error).__name__, *(word for word in ("OpKernel", "same size") if word in str(error)))
"""


async def test_the_examples_really_do_what_is_said_of_them() -> None:
    texts = [example(rule) for rule in (step_values, step_gradient, step_device)]
    texts.append(example(step_replicas).replace("GPU:", "CPU:"))
    done = subprocess.run([sys.executable, "-c", REAL, *texts], capture_output=True, text=True, check=True)
    told = [line[6:] for line in done.stdout.splitlines() if line.startswith("told:")]
    assert told == ["nan", "True", "InvalidArgumentError OpKernel", "InvalidArgumentError same size"]
