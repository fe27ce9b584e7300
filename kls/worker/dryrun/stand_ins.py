"""The rest of the author's world: printing, waiting, leaving and distributing do nothing in a dry run."""

from __future__ import annotations

import argparse
import asyncio.selector_events
import builtins
import os
import signal
import sys
import time
import timeit
from typing import Any

import keras
import tensorflow as tf

from . import replicas, scopes
from .state import Finished, Run
from .unknown import Unknown, UnknownValue


class _Silence:
    """A text stream that forgets."""

    encoding = "utf-8"
    closed = False

    def write(self, text: Any) -> int:
        return len(text)

    def writelines(self, lines: Any) -> None:
        return None

    def flush(self) -> None:
        return None

    def isatty(self) -> bool:
        return False

    def fileno(self) -> int:
        raise OSError("a dry run has no terminal")


def install(run: Run) -> None:
    """Replace what would print, wait, end the process or need several devices."""
    sys.stdout = sys.stderr = _Silence()  # type: ignore[assignment]
    builtins.print = lambda *args, **keywords: None  # type: ignore[assignment]
    builtins.input = _input  # type: ignore[assignment]
    time.sleep = lambda seconds: None
    _measured_once()
    # A loop of asyncio is woken by a socket when another thread has something for it; here there is none.
    asyncio.selector_events.BaseSelectorEventLoop._make_self_pipe = _no_pipe  # type: ignore[attr-defined]
    asyncio.selector_events.BaseSelectorEventLoop._close_self_pipe = _no_pipe  # type: ignore[attr-defined]
    signal.signal = lambda *args: None  # type: ignore[assignment]
    os._exit = _leave  # type: ignore[assignment]
    os.abort = _leave  # type: ignore[assignment]
    os.kill = _kill
    tf.print = lambda *args, **keywords: None
    argparse.ArgumentParser.parse_known_args = _command_line(  # type: ignore[method-assign]
        argparse.ArgumentParser.parse_known_args
    )
    _models_without_files()
    several = tf.distribute.MirroredStrategy if run.probe.step_bytes else None
    _one_device()
    if several is not None:
        tf.distribute.MirroredStrategy = several
        replicas.install(run)


def _measured_once() -> None:
    """What a program measures the time of runs once, however often it asks for."""
    measure = timeit.Timer.timeit

    def once(self: Any, number: int = 1) -> float:
        return measure(self, 1)

    timeit.Timer.timeit = once  # type: ignore[method-assign]
    timeit.Timer.autorange = lambda self, callback=None: (1, once(self))  # type: ignore[method-assign]


def _no_pipe(loop: Any) -> None:
    loop._ssock = loop._csock = None


def _command_line(parse: Any) -> Any:
    """The program is started without arguments: those it insists on are Unknown, the others have their defaults."""

    def parse_known_args(self: Any, args: Any = None, namespace: Any = None) -> Any:
        if args:
            return parse(self, args, namespace)
        demanded = [action for action in self._actions if action.required and action.dest != argparse.SUPPRESS]
        # A place of its own with nothing to fall back on: the author starts the program with something there.
        places = [item for item in self._actions if not item.option_strings and item.nargs == "?" and not item.default]
        groups = [group for group in self._mutually_exclusive_groups if group.required]
        for item in (*demanded, *groups):
            item.required = False
        try:
            found, rest = parse(self, [], namespace)
        finally:
            for item in (*demanded, *groups):
                item.required = True
        for action in (*demanded, *places):
            name = (action.option_strings or [action.metavar or action.dest])[-1]
            setattr(found, action.dest, Unknown(f"{name} is given on the command line"))
        return found, rest

    return parse_known_args


def _input(prompt: object = "") -> str:
    raise UnknownValue("what the user would type")


def _leave(*_: Any) -> None:
    raise Finished("the program ends its own process")


def _kill(pid: Any, sig: Any) -> None:
    """A notebook kills its own process at its end, to free memory: an exit like any other.

    Raises SystemExit, and for other processes what the sandbox makes of it.
    """
    if pid == os.getpid() and sig in (signal.SIGTERM, signal.SIGINT, getattr(signal, "SIGKILL", signal.SIGTERM)):
        raise SystemExit
    _KILL(pid, sig)


_KILL = os.kill


def _models_without_files() -> None:
    from keras.src.models.model import Model

    Model.summary = _summary
    tf.saved_model.save = _nothing
    tf.saved_model.load = _saved_model
    keras.utils.plot_model = keras.utils.model_to_dot = _nothing  # type: ignore[assignment]


def _summary(model: Any, *_: Any, **__: Any) -> None:
    """A model of which nothing but the author's part was made has no layers to show. Raises as its call does."""
    model._check_super_called()


def _saved_model(*_: Any, **__: Any) -> Any:
    return Unknown("what a SavedModel holds")


def _nothing(*_: Any, **__: Any) -> None:
    return None


def _one_device() -> None:
    """Strategies over several devices become the default one: shapes are the same on each."""

    def strategy(*_: Any, **__: Any) -> Any:
        return scopes.OneDevice()

    for place in (tf.distribute, tf.distribute.experimental):
        for name in (
            "MirroredStrategy",
            "MultiWorkerMirroredStrategy",
            "CentralStorageStrategy",
            "OneDeviceStrategy",
            "ParameterServerStrategy",
            "TPUStrategy",
        ):
            if hasattr(place, name):
                setattr(place, name, strategy)
    tf.config.set_visible_devices = _nothing
    tf.config.experimental.set_memory_growth = _nothing
    tf.config.set_logical_device_configuration = _nothing
