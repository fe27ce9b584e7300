"""The dry run: the author's program, executed by the author's own Keras in a world where nothing is computed.

`run(probe)` is called in a process of its own, forked from the zygote and locked down; it changes that process for
good. The program runs eagerly, but large weights have no memory, large arrays are virtual, loaders answer from their
arguments, and `fit` is traced instead of run. The answer holds facts only.
"""

from __future__ import annotations

import builtins
import functools
import gc
import os
import sys
import time
import types
import warnings
from collections.abc import Callable
from typing import Any

from ..protocol import Probe, Report, Span

__all__ = ["run"]


def run(probe: Probe, tell: Callable[[Report], None]) -> Report:
    """Dry-run `probe.sources[0]` as `__main__` and report what was seen; `tell` is given what was seen so far.

    Never raises for anything the author's program does; `Report.complete` and `ended` say when it was cut short.
    """
    from .state import Run

    dry = Run(probe)
    gc.disable()
    try:
        return _report(dry, *_carry_out(dry, tell))
    finally:
        dry.stop_clock()


def _carry_out(dry: Any, tell: Callable[[Report], None]) -> tuple[Any, Any]:
    from . import (
        eager,
        entries,
        estimators,
        frames,
        imports,
        keras_hooks,
        listings,
        loaders,
        nowhere_to_write,
        numpy_patches,
        own_losses,
        pairing,
        saving,
        scopes,
        scores,
        sinks,
        sizes,
        stand_ins,
        tables,
        tfds,
    )
    from .execute import execute
    from .state import Finished

    main = dry.probe.sources[0]
    module = types.ModuleType("__main__")
    module.__file__ = main.path
    module.__package__ = dry.probe.package or None
    trial = _trial(dry)
    eager.install(dry)
    watch = keras_hooks.install(dry)
    own_losses.install(dry, watch)
    scopes.install()
    dry.witnesses = watch.witnesses
    met = sinks.install(dry, watch, trial)
    numpy_patches.install(dry.files.owns)
    loaders.install(dry.files.owns, watch.witnesses.rounds, watch.witnesses)
    frames.install(dry.files.owns, functools.partial(tables.absent, dry))
    estimators.install(dry.files.owns)
    scores.install()
    tfds.install(dry.files.owns, watch.witnesses.count, watch.witnesses.size)
    for part in (saving, nowhere_to_write):
        part.install(dry.files.owns)
    listings.install(dry.files.owns, dry.miss)
    sizes.install(dry, watch.witnesses)
    stand_ins.install(dry)
    imports.install(dry)
    entries.install(dry)
    sys.modules["__main__"] = module
    module.__dict__["__builtins__"] = builtins
    sys.argv = [main.path]
    _enter(dry.probe.folder or dry.probe.root)
    if trial is None:
        dry.tell_by(lambda: tell(_report(dry, watch, met, over=False)))
    dry.start_clock()
    try:
        execute(dry, main, module)
        pairing.pair(dry, watch, met)
    except Finished as end:
        dry.ended = None if dry.left else dry.ended or str(end)
    except SyntaxError as error:
        line = error.lineno or 1
        dry.gap(Span(main.path, line, 0, line, 0), "syntax", f"the file does not parse: {error.msg}")
        dry.ended = f"the file does not parse: {error.msg}, line {line}"
    except BaseException as error:
        from .exceptions import first_line

        dry.ended = f"the dry run stopped: {first_line(error)}"
    dry.stop_clock()
    dry.over = None
    if trial is not None:
        trial.end()
    return watch, met


def _trial(dry: Any) -> Any:
    """The real step of this probe; it must be made before anything is changed."""
    if not dry.probe.step_bytes:
        return None
    from .real import Trial

    return Trial(dry)


def _report(dry: Any, watch: Any, met: Any, over: bool = True) -> Report:
    return Report(
        id=dry.probe.id,
        complete=over and dry.ended is None,
        ended=dry.ended,
        seconds=time.monotonic() - dry.started,
        layers=watch.layers(over),
        models=watch.models(),
        variables=tuple(dry.variables),
        calls=tuple(met.calls),
        failures=tuple(dry.failures),
        gaps=tuple(dry.gaps),
        warnings=tuple(dry.warnings),
        statements=dry.statements,
        unknown=dry.unknown,
        witnesses=watch.witnesses.used(),
        steps=tuple(met.trial.steps) if met.trial is not None else (),
        ignored=tuple(sorted(dry.ignored)),
        unentered=tuple(span for runtime in dry.runtimes for span in runtime.unentered()),
        goes_on=not over,
    )


def _enter(folder: str) -> None:
    try:
        os.chdir(folder)
    except OSError:
        warnings.warn(f"{folder} cannot be entered", stacklevel=2)
