"""The author's libraries in the zygote: importing TensorFlow and Keras so that forking stays safe, and saying Hello."""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.util
import json
import os
import pkgutil
import re
import signal
import site
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Optional

from . import postponed
from .protocol import PROTOCOL, Hello, Probe
from .sandbox.policy import STANDING, Policy, received

ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",  # else NumPy starts a thread, and a forked child would wait for it for ever
    "OMP_NUM_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "-1",  # no memory is taken from a training that runs on the device
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",  # silences its notice; nothing is computed here
    "ONEDNN_MAX_CPU_ISA": "SSE41",  # its products of matrices for AVX, used all the same, corrupt the heap
    "JE_ARROW_MALLOC_CONF": "background_thread:false",  # pandas brings pyarrow, whose allocator would start a thread
    "HDF5_USE_FILE_LOCKING": "FALSE",  # a dry run may not lock the author's files
    "KERAS_BACKEND": "tensorflow",
    "PYTHONDONTWRITEBYTECODE": "1",
}
REAL = {name: value for name, value in ENVIRONMENT.items() if name not in (
    "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "TF_ENABLE_ONEDNN_OPTS", "ONEDNN_MAX_CPU_ISA",
)}  # fmt: skip
"""The same for a worker that runs real steps: they are computed as the author's own run would compute them."""
WARM = frozenset(
    "pandas sklearn scipy PIL h5py joblib skimage imageio cv2 imblearn statsmodels xgboost tensorflow_datasets"
    " tensorflow_hub tensorflow_text tensorflow_probability keras_hub keras_nlp keras_cv keras_tuner".split()
)
"""Well-known libraries that the zygote may import for its children when a program names them."""
WARM_SECONDS = 10.0
"""Wall time that one such library may take to import."""
_MOST_WARM = 24
_BUSY_THREADS = 2
"""Threads that a dry run keeps busy at most, taken over its whole time."""
_IMPORT = re.compile(r"^[ \t]*(?:import|from)[ \t]+([A-Za-z_][\w.]*)", re.MULTILINE)


@dataclass(frozen=True)
class Lock:
    """How a probe is locked down: by the policy that the launcher handed on, or not at all."""

    policy: Optional[Policy]

    @property
    def by_thread(self) -> bool:
        """Whether a probe's locks, which it closes from inside, bind only the thread that closes them (Linux)."""
        return self.policy is not None and not set(STANDING) & set(self.policy.layers)

    def probe(
        self, keep: tuple[int, ...], readable: tuple[str, ...], root: str, seconds: float, memory: int = 0
    ) -> tuple[str, ...]:
        """Lock this process for good and name the layers in force. Raises OSError when that cannot be done.

        `memory` is what a real step may take in bytes, 0 for a dry run.
        """
        if self.policy is None:
            return ()
        from .sandbox import guard

        if not self.by_thread:
            guard.stand(self.policy._replace(readable=readable, workspace=(root,) if root else ()))
            return self.policy.layers
        from .sandbox import lockdown

        # A dry run inside the zygote itself has the launcher as its parent, not the zygote.
        forked = self.policy.zygote and self.policy.zygote != os.getpid()
        policy = self.policy._replace(
            readable=readable,
            workspace=(root,) if root else (),
            seconds=min(seconds + 2.0, 600.0),
            zygote=self.policy.zygote if forked else 0,
            cpu_seconds=max(self.policy.cpu_seconds, int(seconds * _BUSY_THREADS)),
        )
        if memory:
            policy = policy._replace(
                data_bytes=memory,
                address_bytes=memory + policy.address_bytes,
                cpu_seconds=int(seconds) * (os.cpu_count() or 1),
            )
        layers = lockdown.lock_probe(policy, keep)
        guard.stand(policy)
        return layers

    def end(self, process: int) -> None:
        """Kill a child that has not been waited for. Raises OSError when it cannot be killed."""
        if not self.by_thread:
            os.kill(process, signal.SIGKILL)
        else:
            from .sandbox import lockdown

            lockdown.end_child(process)


def start(extra: tuple[str, ...], backend: Optional[str], sandbox: bool, real: bool = False) -> tuple[Hello, Lock]:
    """Import what a dry run needs, or with `real` a real step.

    Says what is there and, in `Hello.problem`, what stands in the way.
    """
    began = time.monotonic()
    os.environ.update(REAL if real else ENVIRONMENT, KERAS_HOME=tempfile.gettempdir())
    for folder in extra:
        site.addsitedir(folder)
    found = _Found()
    problem = None
    if backend not in (None, "tensorflow"):
        problem = (
            f"Keras is set to the {backend} backend (KERAS_BACKEND or keras.json); dry runs need the tensorflow backend"
        )
    gc.disable()  # all that is imported stays, here and in children: looking for garbage takes a quarter of the time
    problem = problem or _import(found)
    lock = Lock(None)
    layers: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    if problem is None:
        _import_own()
        problem, lock, layers, missing = _lock(sandbox)
        gc.freeze()
    hello = Hello(
        protocol=PROTOCOL,
        python="{}.{}.{}".format(*sys.version_info[:3]),
        executable=sys.executable,
        tensorflow=found.tensorflow,
        keras=found.keras,
        backend=found.backend,
        numpy=found.numpy,
        devices=("CPU",),
        sandbox=layers,
        missing=missing,
        pid=os.getpid(),
        seconds=time.monotonic() - began,
        path=tuple(sys.path),
        problem=problem,
    )
    return hello, lock


@dataclass
class _Found:
    tensorflow: Optional[str] = None
    keras: Optional[str] = None
    backend: Optional[str] = None
    numpy: Optional[str] = None


def _import(found: _Found) -> Optional[str]:
    """Import NumPy, TensorFlow and Keras; what went wrong, in a sentence."""
    python = sys.executable
    try:
        numpy: Any = importlib.import_module("numpy")
        found.numpy = str(numpy.__version__)
        with postponed.postponing():
            tensorflow: Any = importlib.import_module("tensorflow")
            found.tensorflow = str(tensorflow.__version__)
            keras: Any = importlib.import_module("keras")
        found.keras = str(keras.__version__)
    except ModuleNotFoundError as error:
        if error.name in ("numpy", "tensorflow"):
            return f"no TensorFlow in {python}; install it with: {python} -m pip install tensorflow"
        if error.name == "keras":
            return f"no Keras in {python}; install it with: {python} -m pip install keras"
        return f"TensorFlow in {python} cannot be imported: {_first_line(error)}"
    except AttributeError as error:
        return f"TensorFlow in {python} is not whole ({_first_line(error)}); install it again"
    except BaseException as error:
        return f"TensorFlow in {python} cannot be imported: {type(error).__name__}: {_first_line(error)}"
    inside = _version_inside(tensorflow, found.keras)
    for version in (found.keras, inside):
        if not version.startswith("3."):
            return (
                f"Keras {version} in {python} is too old: dry runs need Keras 3; install it with: "
                f"{python} -m pip install --upgrade tensorflow keras"
            )
    found.backend = str(keras.config.backend())
    if found.backend != "tensorflow":
        return f"Keras in {python} uses the {found.backend} backend; dry runs need the tensorflow backend"
    return None


def _version_inside(tensorflow: Any, keras: str) -> str:
    """The version of `tf.keras`, which is Keras 2 under TF_USE_LEGACY_KERAS."""
    try:
        return str(tensorflow.keras.__version__)
    except Exception:
        return keras


def _import_own() -> None:
    """Load all of the dry run's modules once, here, instead of in each child."""
    with contextlib.suppress(Exception):
        dryrun = importlib.import_module(".dryrun", __package__)
        for module in pkgutil.iter_modules(dryrun.__path__, dryrun.__name__ + "."):
            importlib.import_module(module.name)
        importlib.import_module(dryrun.__name__ + ".aliases").find()


def _lock(sandbox: bool) -> tuple[Optional[str], Lock, tuple[str, ...], tuple[str, ...]]:
    """Lock the zygote, and find out with a child what a probe's lock achieves: (problem, lock, layers, missing)."""
    try:
        grant = received()
    except (ValueError, TypeError, KeyError) as error:
        return f"the sandbox cannot be set up: {error}", Lock(None), (), ()
    if grant is None:
        missing = ("the sandbox: this worker was started without one",)
        return ("there is no sandbox, so nothing is run" if sandbox else None), Lock(None), (), missing
    try:
        from .sandbox import guard

        guard.prepare(grant.policy)
        lock = Lock(grant.policy)
        if not lock.by_thread:
            return None, lock, grant.layers, grant.missing
        from .sandbox import lockdown

        lock = Lock(lockdown.lock_zygote(grant.policy))
        layers = _trial(lock) if hasattr(os, "fork") else grant.layers
    except OSError as error:
        return f"the sandbox cannot be put in force: {error}", Lock(None), (), grant.missing
    return None, lock, layers, grant.missing


def _trial(lock: Lock) -> tuple[str, ...]:
    """The layers that a probe will have, told by a child that locks itself and ends. Raises OSError if it fails."""
    receive, send = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            layers: object = lock.probe((0, 1, 2, send), (), "", 5.0)
        except BaseException as error:
            layers = str(error)
        try:
            os.write(send, json.dumps(layers).encode())
        finally:
            os._exit(0)
    os.close(send)
    with os.fdopen(receive, "rb") as pipe:
        text = pipe.read(65536)
    os.waitpid(pid, 0)
    layers = json.loads(text) if text else "the trial died"
    if isinstance(layers, list):
        return tuple(str(layer) for layer in layers)
    raise OSError(str(layers))


class Warmer:
    """Which well-known libraries the zygote has imported or found unfit."""

    def __init__(self, extra: tuple[str, ...]) -> None:
        folders = [*site.getsitepackages(), sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), *extra]
        self._folders = tuple({os.path.realpath(folder) + os.sep for folder in folders})
        self._tried: set[str] = set()
        self._unfit: set[str] = set()

    def wanted(self, probe: Probe) -> Iterator[str]:
        """Modules that `probe` imports, that are not in this process yet and may be."""
        own = {source.name.partition(".")[0] for source in probe.sources}
        for source in probe.sources:
            for name in _IMPORT.findall(source.text):
                top = name.partition(".")[0]
                if top not in WARM or top in own or top in self._unfit:
                    continue
                if name not in self._tried and name not in sys.modules and len(self._tried) < _MOST_WARM:
                    if self._installed(top):
                        yield name
                    else:
                        self._unfit.add(top)

    def bring_postponed(self, probe: Probe) -> bool:
        """Import what is of libraries that Keras would have imported by itself (see `postponed.py`), as soon as a
        program names it, so that no probe has to. Whether there was anything."""
        names = [name for name in self.wanted(probe) if name.partition(".")[0] in postponed.LIBRARIES]
        for name in dict.fromkeys(names):
            self.bring(name, fit=True)
        return bool(names)

    def bring(self, name: str, fit: bool) -> None:
        """Import a module that a child has tried, when it was found fit."""
        self._tried.add(name)
        if not fit:
            self._unfit.add(name.partition(".")[0])
            return
        with contextlib.suppress(Exception):
            importlib.import_module(name)
        gc.freeze()

    def _installed(self, top: str) -> bool:
        try:
            spec = importlib.util.find_spec(top)
        except (ImportError, ValueError):
            return False
        origin = os.path.realpath(spec.origin) if spec is not None and spec.origin else ""
        return origin.startswith(self._folders)


def thread_count() -> int:
    """Threads of this process, as the kernel counts them where it tells."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return threading.active_count()


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__
