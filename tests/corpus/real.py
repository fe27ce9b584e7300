"""A program's real run, cut short, and what it builds and reaches on the way. Started by `coverage`, inside a sandbox.

The stage is that of the injected faults (`tests/faults/staged.py`): loaders give small real arrays, training goes one
step, a statement that fails does not end the run. Here each layer that the program's own lines make is noted with what
it really gave, and each call of `fit`, `evaluate`, `predict` and their kin with how it ended.

One JSON object a line: {"files", "data", "folder", "seconds", "package"} in, {"layers", "calls", "failures", "end",
"seconds"} out. `files` are the texts by name relative to the folder the program is started in; the first is the
program. `data` are the data files that it reads, in base 64.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import importlib.util
import json
import os
import select
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from types import FrameType
from typing import Any

METHODS = ("fit", "evaluate", "predict", "train_on_batch", "test_on_batch", "predict_on_batch")
MOST = 4000
"""Layers and calls that are noted."""


def _staged(path: str) -> Any:
    spec = importlib.util.spec_from_file_location("staged", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["staged"] = module
    spec.loader.exec_module(module)
    return module


class Notes:
    """What one run built and reached. Lines are those of the program itself; other files do not count."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.layers: dict[int, dict[str, Any]] = {}
        self.calls: list[dict[str, Any]] = []
        self._kept: list[Any] = []

    def _line(self, frame: FrameType | None) -> int | None:
        return frame.f_lineno if frame is not None and frame.f_code.co_filename == self.path else None

    def install(self) -> None:
        """Watch Keras; after the stage, whose one-step `fit` stays inside."""
        from keras.src.backend.tensorflow.trainer import TensorFlowTrainer
        from keras.src.layers.core.input_layer import InputLayer
        from keras.src.layers.layer import Layer
        from keras.src.models.model import Model
        from keras.src.ops.operation import Operation

        new, call = Operation.__new__, Layer.__call__

        def noted_new(cls: type, *arguments: Any, **keywords: Any) -> Any:
            made = new(cls, *arguments, **keywords)
            frame: FrameType | None = sys._getframe(1)
            while frame is not None and frame.f_code.co_name == "__new__":
                frame = frame.f_back
            line = self._line(frame)
            plain = isinstance(made, Layer) and not isinstance(made, (Model, InputLayer))
            if line is not None and plain and len(self.layers) < MOST:
                self._kept.append(made)
                self.layers[id(made)] = {"line": line, "cls": cls.__name__, "outputs": []}
            return made

        def noted_call(layer: Any, *arguments: Any, **keywords: Any) -> Any:
            outputs = call(layer, *arguments, **keywords)
            entry = self.layers.get(id(layer))
            if entry is not None:
                with contextlib.suppress(Exception):
                    told = _tensors(outputs)
                    if told not in entry["outputs"] and len(entry["outputs"]) < 20:
                        entry["outputs"].append(told)
            return outputs

        Operation.__new__ = staticmethod(noted_new)  # type: ignore[method-assign]
        Layer.__call__ = noted_call  # type: ignore[method-assign]
        for name in METHODS:
            setattr(TensorFlowTrainer, name, self._noting(name, getattr(TensorFlowTrainer, name)))

    def _noting(self, name: str, original: Any) -> Any:
        @functools.wraps(original)
        def method(*arguments: Any, **keywords: Any) -> Any:
            line = self._line(sys._getframe(1))
            entry = {"line": line, "method": name, "ended": "failed"}
            if line is not None and len(self.calls) < MOST:
                self.calls.append(entry)
            answer = original(*arguments, **keywords)
            entry["ended"] = "done"
            return answer

        return method


def _tensors(outputs: Any) -> list[Any]:
    from keras import tree

    told: list[Any] = []
    for item in tree.flatten(outputs):
        shape = getattr(item, "shape", None)
        if shape is None:
            continue
        try:
            sizes: Any = [None if size is None else int(size) for size in shape]
        except ValueError:  # not even the rank is known
            sizes = None
        dtype = getattr(item.dtype, "name", None) or str(item.dtype)
        told.append([sizes, dtype])
    return told


def carry_out(staged: Any, asked: dict[str, Any]) -> dict[str, Any]:
    """The real run of one program, in this process."""
    notes = Notes(os.path.join(asked["folder"], next(iter(asked["files"]))))
    stage = staged.stage

    def watched(path: str) -> None:
        stage(path)
        notes.install()

    staged.stage = watched
    os.makedirs(asked["folder"])
    for name, content in asked["data"].items():
        target = os.path.join(asked["folder"], name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "wb") as file:
            file.write(base64.b64decode(content))
    sys.path.append(asked["folder"])  # a package of the checkout is found from wherever the program lies
    try:
        told = staged._carry_out({**asked, "contain": True})
    finally:
        shutil.rmtree(asked["folder"], ignore_errors=True)
    return {**told, "layers": list(notes.layers.values()), "calls": notes.calls}


def in_child(asked: dict[str, Any], job: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    """What `job` says in a forked child, or how the child ended: four times its `seconds` of CPU time are the end."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            with os.fdopen(writing, "w") as out:
                out.write(json.dumps(job(asked)))
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)
    os.close(writing)
    answer = b""
    deadline = time.monotonic() + 4 * asked["seconds"]
    while select.select([reading], [], [], max(0.0, deadline - time.monotonic()))[0]:
        piece = os.read(reading, 1 << 16)
        if not piece:
            break
        answer += piece
    os.close(reading)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    with contextlib.suppress(ValueError):
        return json.loads(answer)
    return {"failures": [], "end": f"killed, status {status}", "seconds": asked["seconds"]}


def main() -> None:
    """Serve the programs named on standard input; the argument is the path of `staged.py`."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", TF_CPP_MIN_LOG_LEVEL="3", MPLBACKEND="Agg")
    import keras  # noqa: F401
    import tensorflow  # noqa: F401

    staged = _staged(sys.argv[1])
    job = functools.partial(carry_out, staged)
    for line in sys.stdin:
        replies.write(json.dumps(in_child(json.loads(line), job)) + "\n")
        replies.flush()


if __name__ == "__main__":
    main()
