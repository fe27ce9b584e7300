"""The real run of a program, cut short: true Keras on real arrays. Started by `truth`, one process for many programs.

Each program runs in a child forked before TensorFlow's runtime has started. Data sets that would be downloaded are
replaced by arrays of their true shape, dtype and range; `fit`, `evaluate` and `predict` go one step; nothing reaches
the network.

One JSON object a line: {"files", "folder", "seconds", "contain"} in, {"failures", "end", "seconds"} out. `files` are
the texts by name; the first is the program, the others are what it imports. With {"staged": false} the program runs
as it is: nothing is replaced or cut short.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import functools
import inspect
import json
import os
import resource
import select
import signal
import socket
import sys
import time
import traceback
import types
from pathlib import Path
from typing import Any

STATEMENT_SECONDS = 10.0
"""CPU time that one statement of a contained run may take."""
MEMORY = 9 << 30


class TooSlow(BaseException):
    """A statement overran its time."""


def main() -> None:
    """Serve the programs named on standard input."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", TF_CPP_MIN_LOG_LEVEL="3", MPLBACKEND="Agg")
    import keras  # noqa: F401
    import tensorflow  # noqa: F401

    for line in sys.stdin:
        asked = json.loads(line)
        replies.write(json.dumps(_in_child(asked)) + "\n")
        replies.flush()


def _in_child(asked: dict[str, Any]) -> dict[str, Any]:
    """The answer of a forked child, or how it ended."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.setsid()
        status = 1
        try:
            with os.fdopen(writing, "w") as out:
                out.write(json.dumps(_carry_out(asked)))
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(writing)
    answer = b""
    deadline = time.monotonic() + 4 * asked["seconds"]
    while True:
        ready, _, _ = select.select([reading], [], [], max(0.0, deadline - time.monotonic()))
        piece = os.read(reading, 1 << 16) if ready else b""
        answer += piece
        if not piece:
            break
    os.close(reading)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    try:
        return json.loads(answer)
    except ValueError:
        return {"failures": [], "end": f"killed, status {status}", "seconds": asked["seconds"]}


def _carry_out(asked: dict[str, Any]) -> dict[str, Any]:
    resource.setrlimit(resource.RLIMIT_CPU, (int(asked["seconds"]), int(asked["seconds"]) + 1))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY * 4, MEMORY * 4))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    devnull = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(devnull, descriptor)
    os.chdir(asked["folder"])
    os.environ["HOME"] = asked["folder"]
    for name, text in asked["files"].items():
        Path(asked["folder"], name).parent.mkdir(parents=True, exist_ok=True)
        Path(asked["folder"], name).write_text(text, encoding="utf-8", errors="surrogatepass")
    name, text = next(iter(asked["files"].items()))
    path = os.path.join(asked["folder"], name)
    sys.path.insert(0, asked["folder"])
    sys.argv = [path]
    if asked.get("staged", True):
        stage(path)
    started = time.process_time()
    return {**run(text, path, asked["contain"], asked.get("package", "")), "seconds": time.process_time() - started}


def run(text: str, path: str, contain: bool, package: str = "") -> dict[str, Any]:
    """Carry a program out statement by statement; with `contain`, go on behind one that fails.

    What the failed one should have bound, or put something into, is then not there: the program never gets past it.
    """
    module = types.ModuleType("__main__")
    module.__file__ = path
    module.__package__ = package or None
    sys.modules["__main__"] = module
    failures: list[dict[str, Any]] = []
    signal.signal(signal.SIGVTALRM, _overrun)
    for node in ast.parse(text).body:
        before = dict(module.__dict__)
        try:
            if contain:
                signal.setitimer(signal.ITIMER_VIRTUAL, STATEMENT_SECONDS)
            code = compile(ast.Module([node], []), path, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            waiting = eval(code, module.__dict__)
            if inspect.iscoroutine(waiting):
                asyncio.run(waiting)
        except SystemExit:
            return {"failures": failures, "end": "exit"}
        except BaseException as error:
            failures.append(_told(error, node, path))
            if not contain:
                return {"failures": failures, "end": "failed"}
            for name in _left_behind(node):
                if module.__dict__.get(name) is before.get(name):
                    module.__dict__.pop(name, None)
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return {"failures": failures, "end": "done"}


def _left_behind(node: ast.stmt) -> set[str]:
    """The names that a statement of the module binds, and those that it fills by `model.add(…)` and the like."""
    names: set[str] = set()
    for item in ast.walk(node):
        if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store):
            names.add(item.id)
        elif isinstance(item, (ast.Import, ast.ImportFrom)):
            names |= {alias.asname or alias.name.split(".")[0] for alias in item.names}
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Attribute):
        owner = node.value.func.value
        if isinstance(owner, ast.Name) and node.value.func.attr in ("add", "append", "extend", "insert", "update"):
            names.add(owner.id)
    return names


def _overrun(_number: int, _frame: Any) -> None:
    raise TooSlow


def _told(error: BaseException, node: ast.stmt, path: str) -> dict[str, Any]:
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame.lineno for frame in frames if frame.filename.startswith(os.path.dirname(path))]
    return {
        "exception": type(error).__name__,
        "message": str(error)[:1500],
        "line": own[-1] if own else node.lineno,
        "raiser": frames[-1].filename.split("site-packages/")[-1] if frames else "",
        "first": node.lineno,
        "last": node.end_lineno,
    }


# The stage


def stage(path: str) -> None:
    """Replace downloads by arrays, cut training to one step, close the network; `path` is the program."""
    socket.socket.connect = _offline  # type: ignore[method-assign, assignment]
    socket.getaddrinfo = _offline  # type: ignore[assignment]
    _stage_data()
    _stage_training()
    _stage_datasets(path)


def _offline(*_: Any, **__: Any) -> Any:
    raise OSError("no network")


def _stage_training() -> None:
    from keras.src.backend.tensorflow.trainer import TensorFlowTrainer

    for name, short in (
        ("fit", {"epochs": 1, "initial_epoch": 0, "steps_per_epoch": 1, "verbose": 0}),
        ("evaluate", {"steps": 1, "verbose": 0}),
        ("predict", {"steps": 1, "verbose": 0}),
    ):
        setattr(TensorFlowTrainer, name, _short(getattr(TensorFlowTrainer, name), short))


def _short(original: Any, short: dict[str, Any]) -> Any:
    signature = inspect.signature(original)

    @functools.wraps(original)
    def sink(*args: Any, **keywords: Any) -> Any:
        given = dict(signature.bind(*args, **keywords).arguments)
        given |= given.pop("kwargs", {})
        more = dict(short)
        if given.get("validation_data") is not None or given.get("validation_split"):
            more["validation_steps"] = 1
        callbacks = given.get("callbacks")
        if isinstance(callbacks, (list, tuple)):  # `fit` gives its own list of them to the `evaluate` that it calls
            more["callbacks"] = [item for item in callbacks if type(item).__name__ != "TensorBoard"]
        return original(**{**given, **more})

    return sink


def _stage_datasets(path: str) -> None:
    """The author's own loops over a dataset see its first elements."""
    from tensorflow.python.data.ops.dataset_ops import DatasetV2

    original = DatasetV2.__iter__

    def few(self: Any) -> Any:
        own = sys._getframe(1).f_code.co_filename.startswith(os.path.dirname(path))
        return original(self.take(2) if own else self)

    DatasetV2.__iter__ = few


def _stage_data() -> None:
    import numpy as np
    from keras.src.datasets import (
        boston_housing,
        california_housing,
        cifar10,
        cifar100,
        fashion_mnist,
        imdb,
        mnist,
        reuters,
    )
    from keras.src.models.model import Model
    from keras.src.utils import file_utils

    def images(size: tuple[int, ...], classes: int, train: int, dtype: str, column: bool) -> Any:
        def load(*_: Any, **__: Any) -> Any:
            parts = []
            for number in (train, 10_000):
                x = np.zeros((number, *size), "uint8")
                x[:256] = np.random.default_rng(0).integers(0, 256, (256, *size))
                x[0].flat[0] = 255
                y = ((classes - 1 - np.arange(number)) % classes).astype(dtype)
                parts.append((x, y[:, None] if column else y))
            return tuple(parts)

        return load

    def texts(samples: tuple[int, int], classes: int, words: int) -> Any:
        def load(path: Any = None, num_words: Any = None, skip_top: Any = 0, maxlen: Any = None, **_: Any) -> Any:
            parts = []
            for number in samples:
                top = num_words or words
                x = np.empty(number, object)
                for index in range(number):
                    x[index] = [1, top - 1, *((7 * index + place) % top for place in range(20 + index % 150))]
                parts.append((x, ((classes - 1 - np.arange(number)) % classes).astype("int64")))
            return tuple(parts)

        return load

    def table(samples: int, features: int, dtype: str) -> Any:
        def load(*_: Any, **__: Any) -> Any:
            random = np.random.default_rng(0)
            parts = (int(samples * 0.8), samples - int(samples * 0.8))
            return tuple(
                (random.normal(size=(n, features)).astype(dtype), random.uniform(size=n).astype(dtype)) for n in parts
            )

        return load

    def index(words: int) -> Any:
        return lambda path=None: {f"word{number}": number for number in range(1, words + 1)}

    stand_ins = [
        (mnist.load_data, images((28, 28), 10, 60_000, "uint8", False)),
        (fashion_mnist.load_data, images((28, 28), 10, 60_000, "uint8", False)),
        (cifar10.load_data, images((32, 32, 3), 10, 50_000, "uint8", True)),
        (cifar100.load_data, images((32, 32, 3), 100, 50_000, "int64", True)),
        (imdb.load_data, texts((25_000, 25_000), 2, 88_584)),
        (reuters.load_data, texts((8_982, 2_246), 46, 30_979)),
        (imdb.get_word_index, index(88_584)),
        (reuters.get_word_index, index(30_979)),
        (boston_housing.load_data, table(506, 13, "float64")),
        (california_housing.load_data, table(20_640, 8, "float32")),
        (file_utils.get_file, _weights_file(file_utils.get_file)),
    ]
    known = {id(original): stand_in for original, stand_in in stand_ins}
    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "").startswith(("keras", "tensorflow")):
            for name, value in list(vars(module).items()):
                if id(value) in known:
                    setattr(module, name, known[id(value)])
    load_weights = Model.load_weights

    @functools.wraps(load_weights)
    def load(self: Any, filepath: Any, *args: Any, **keywords: Any) -> Any:
        return None if str(filepath).startswith(_WEIGHTS) else load_weights(self, filepath, *args, **keywords)

    Model.load_weights = load


_WEIGHTS = "weights-not-downloaded:"


def _weights_file(original: Any) -> Any:
    """Published weights are not fetched and not loaded; every other download fails as without a network."""

    def get_file(fname: Any = None, origin: Any = None, *args: Any, **keywords: Any) -> Any:
        if "applications" in str(origin) and str(origin).endswith(".h5"):
            return f"{_WEIGHTS}{origin}"
        raise OSError(f"no network: {origin}")

    return get_file


if __name__ == "__main__":
    main()
