"""The command line: arguments in, exit status out; each command has its own module.

Exit status: 0 nothing to say, 1 errors or warnings were found, 2 something could not be checked. Results go to
stdout, everything else to stderr.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import io
import logging
import os
import sys
from collections.abc import Sequence

from kls import __version__

_EPILOG = """\
exit status of check: 0 nothing found, 1 errors or warnings found, 2 something could not be checked
Programs are never run as they are: they are dry-run in a sandbox, with the TensorFlow and Keras of --python,
without data, network or write access."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; `arguments` default to the process's own."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    options = parser().parse_args(arguments)
    logging.basicConfig(level=logging.DEBUG if options.verbose else logging.ERROR, format="kls: %(message)s")
    try:
        return _run(options)
    except KeyboardInterrupt:
        print("kls: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def _run(options: argparse.Namespace) -> int:
    # Only the chosen command is imported, so that `kls --version` answers at once.
    if options.command == "server":
        from kls.cli import serving

        return serving.run()
    if options.command == "explain":
        from kls.cli import explain

        return explain.run(options.code)
    if options.command == "trust":
        from kls.cli import trusting

        return trusting.run(options.folder, options.revoke, options.weak_sandbox)
    if options.command == "doctor":
        from kls.cli import doctor

        return asyncio.run(doctor.run(options.path, options.python, options.output_format))
    return asyncio.run(_with_workers(options))


async def _with_workers(options: argparse.Namespace) -> int:
    """`check` or `shapes`: their rules are imported while a worker starts."""
    from kls.cli import workers

    async with workers.begun(options.paths, options.python, getattr(options, "static", False)) as run:
        command = await asyncio.to_thread(importlib.import_module, f"kls.cli.{options.command}")
        return await command.run(run, options)


def parser() -> argparse.ArgumentParser:
    """The whole syntax of the command line."""
    top = argparse.ArgumentParser("kls", description="The Keras Language Server: tensor shapes and their faults.")
    top.add_argument("--version", action="version", version=f"kls {__version__}")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--verbose", action="store_true", help="log what kls does to stderr")
    python = argparse.ArgumentParser(add_help=False)
    python.add_argument(
        "--python",
        metavar="PATH",
        help="the Python that has your TensorFlow and Keras (default: [tool.kls] python, then the active or nearby"
        " virtual environment, then PATH)",
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    check = commands.add_parser(
        "check",
        parents=[common, python],
        help="report faults of shape and dtype",
        description="Report faults of shape and dtype in Python files and notebooks.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    check.add_argument("paths", nargs="+", metavar="PATH", help="a Python file, a notebook, or a folder of them")
    check.add_argument("--static", action="store_true", help="only read the programs, run nothing")
    check.add_argument("--output-format", choices=("text", "json", "concise", "github"), default=None)
    check.add_argument(
        "--hardware",
        action="store_true",
        help="also run a few real training steps of each program, on zeros, in the sandbox: time, memory, XLA",
    )
    check.add_argument(
        "--memory", type=int, metavar="MIB", help="with --hardware: memory that a step may take (default: most of it)"
    )

    shapes = commands.add_parser(
        "shapes", parents=[common, python], help="print each model as a table of layers and shapes, or as a graph"
    )
    shapes.add_argument("paths", nargs="+", metavar="FILE", help="a Python file or a notebook")
    shapes.add_argument(
        "--output-format",
        "--format",
        choices=("text", "json", "mermaid", "dot"),
        default="text",
        help="a table, JSON, or the model's graph for Mermaid or Graphviz (default: text)",
    )

    doctor = commands.add_parser(
        "doctor", parents=[common, python], help="tell which Python, TensorFlow, device and sandbox kls uses here"
    )
    doctor.add_argument("path", nargs="?", default=".", metavar="FOLDER", help="the project (default: this folder)")
    doctor.add_argument("--output-format", choices=("text", "json"), default="text")

    trust = commands.add_parser(
        "trust",
        parents=[common],
        help="agree to dry runs of a folder's programs, or list what you agreed to",
        description="Remember that you agree to dry runs of the programs in FOLDER and below it. Editors ask the same."
        " The answer is kept in your own configuration; nothing in a folder can give it. Without FOLDER: list them.",
    )
    trust.add_argument("folder", nargs="?", metavar="FOLDER")
    trust.add_argument("--revoke", action="store_true", help="take it back: the folder's programs are only read")
    trust.add_argument(
        "--weak-sandbox",
        action="store_true",
        help="agree to dry runs of trusted folders where the system has no wall around them (kls doctor says if so)",
    )

    explain = commands.add_parser("explain", parents=[common], help="print the manual of a rule, or list the rules")
    explain.add_argument("code", nargs="?", metavar="CODE", help="for instance input-shape")

    server = commands.add_parser("server", parents=[common], help="speak the language server protocol on stdin, stdout")
    server.add_argument("--stdio", action="store_true", help="the only way there is; editors like to say it")
    return top
