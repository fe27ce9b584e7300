"""Where a program that another package starts begins: `absl.app.run(main)`, the commands of `click`
and those of `typer`.

The program is started without arguments: options have their defaults, what must be given is Unknown. Every command of
a group is run, since its author starts the program with any of them.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

from .state import Run
from .unknown import Unknown


def install(run: Run) -> None:
    """Have the author's functions called as the author's own lines would."""
    _absl()
    if any("click" in source.text for source in run.probe.sources):
        _click()
    if any("typer" in source.text for source in run.probe.sources):
        _typer()


def _absl() -> None:
    try:
        from absl import app, flags
    except ImportError:
        return

    def run_main(main: Any, argv: Any = None, **_: Any) -> Any:
        if not flags.FLAGS.is_parsed():
            for name in flags.FLAGS:
                flag: Any = flags.FLAGS[name]
                if flag.value is None and any("other than None" in item.message for item in flag.validators):
                    flag.value = Unknown(f"--{name} is given on the command line")
            flags.FLAGS(sys.argv[:1], known_only=True)
        return main(sys.argv[:1])

    app.run = run_main


def _click() -> None:
    try:
        core: Any = importlib.import_module("click.core")
    except ImportError:
        return
    core.Command.main = _main(core, core.Command.main)


def _typer() -> None:
    """Its commands are those of a click that it brings along, or of the one that is installed."""
    try:
        typer: Any = importlib.import_module("typer.core")
    except ImportError:
        return
    for kind in (typer.TyperCommand, typer.TyperGroup):
        base = next(item for item in kind.__mro__ if item.__name__ == "Command")
        kind.main = _main(sys.modules[base.__module__], kind.main)


def _main(core: Any, original: Any) -> Any:
    def main(self: Any, args: Any = None, *rest: Any, **keywords: Any) -> Any:
        return original(self, args, *rest, **keywords) if args else _carry_out(core, self, None)

    return main


def _has_default(parameter: Any) -> bool:
    # Newer versions of click have an object of their own for "none".
    return parameter.default is not None and type(parameter.default).__name__ != "Sentinel"


def _carry_out(core: Any, command: Any, parent: Any) -> Any:
    """Run a command with what it has without arguments, then those of its commands, if it is a group."""
    context = command.make_context(command.name or "", [], parent=parent, resilient_parsing=True)
    for parameter in command.params:
        given = context.params.get(parameter.name)
        asked = parameter.required or getattr(parameter, "prompt", None) or _has_default(parameter)
        if given is None and parameter.expose_value and asked:
            name = (parameter.opts or [parameter.name])[-1]
            context.params[parameter.name] = Unknown(f"{name} is given on the command line")
    context.resilient_parsing = False
    result: Any = None
    with context:
        if command.callback is not None:
            result = context.invoke(command.callback, **context.params)
        for name in command.list_commands(context) if hasattr(command, "list_commands") else ():
            part = command.get_command(context, name)
            if part is not None:
                _carry_out(core, part, context)
    return result
