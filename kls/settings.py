"""Every setting, once: its key, default, type and description; the editors' schemas are generated from here.

Three sources are merged: the editor (`initializationOptions.settings`, then `workspace/configuration`, section "kls")
and the project's own `[tool.kls]`. A project's file comes with the code of a stranger, so it may only tighten: it can
switch things off and lower limits, never switch on, raise a limit, or choose a program to run (`python` there counts
only in a trusted folder, see `kls.interpreter`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, cast

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FromFile = Literal["any", "off", "lower", "never"]
"""What `[tool.kls]` may do to a setting: set it, only switch it off (to the last of its choices, or False), only
lower it, or nothing."""
MAX_FILE = 1 << 20
"""Longest pyproject.toml that is read, in bytes."""


@dataclass(frozen=True)
class Option:
    """What an editor's settings page needs to know about one setting, and what a value must satisfy."""

    key: str
    description: str
    kind: Literal["boolean", "number", "string", "array", "object"] = "string"
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    file: FromFile = "any"
    scope: str = "resource"


def _option(default: Any, option: Option) -> Any:
    return field(default=default, metadata={"option": option})


@dataclass(frozen=True)
class Settings:
    """All settings in force for one document."""

    enable: bool = _option(
        True, Option("enable", "Check Keras programs at all.", "boolean", file="off", scope="window")
    )
    run: str = _option(
        "onType",
        Option(
            "run",
            "When a file is checked: after every pause in typing, when it is saved, or only on command.",
            choices=("onType", "onSave", "manual"),
            file="never",
        ),
    )
    diagnostic_mode: str = _option(
        "openFilesOnly",
        Option("diagnosticMode", "Which files get diagnostics.", choices=("openFilesOnly", "off"), file="off"),
    )
    worker_mode: str = _option(
        "auto",
        Option(
            "worker.mode",
            'Dry-run programs with your own TensorFlow and Keras in a sandbox ("auto"), or only read them ("off").',
            choices=("auto", "off"),
            file="off",
        ),
    )
    worker_interpreter: str | None = _option(
        None,
        Option(
            "worker.interpreter",
            "The Python that has your TensorFlow and Keras. Empty: the editor's choice, then the active or nearby"
            " virtual environment, then PATH.",
            file="never",
        ),
    )
    worker_timeout: float = _option(
        8.0, Option("worker.timeout", "Seconds that one dry run may take.", "number", minimum=0.5, file="lower")
    )
    worker_idle_shutdown: float = _option(
        600.0,
        Option(
            "worker.idleShutdown",
            "Seconds without work after which the TensorFlow process ends; the next edit starts it again. 0: never.",
            kind="number",
            minimum=0.0,
            file="never",
        ),
    )
    select: tuple[str, ...] = _option(
        (), Option("lint.select", "Codes of the only rules that may speak. Empty: all of them.", "array")
    )
    ignore: tuple[str, ...] = _option((), Option("lint.ignore", "Codes of rules that stay silent.", "array"))
    severity: tuple[tuple[str, str], ...] = _option(
        (),
        Option(
            "lint.severity",
            "Severity by rule code, in place of the rule's own.",
            kind="object",
            choices=("error", "warning", "information", "hint"),
        ),
    )
    hint_layers: bool = _option(
        True, Option("inlayHints.layerShapes", "Show the output shape after each layer call.", "boolean", file="off")
    )
    hint_dtypes: bool = _option(
        True, Option("inlayHints.dtypes", "Show the dtype behind each shape.", "boolean", file="off")
    )
    hint_datasets: bool = _option(
        True,
        Option(
            "inlayHints.datasets",
            "Show the shape of arrays and datasets where they are assigned.",
            "boolean",
            file="off",
        ),
    )
    lens_models: bool = _option(
        True,
        Option(
            "codeLens.summary",
            "Show parameters and shapes above each model, with a way to its graph.",
            "boolean",
            file="off",
        ),
    )
    lens_steps: bool = _option(
        True,
        Option(
            "codeLens.probeStep",
            'Show "Probe one step" above each training call, and what the step took.',
            "boolean",
            file="off",
        ),
    )
    hardware_on_idle: bool = _option(
        False,
        Option(
            "hardware.onIdle",
            "Really run one training step, on zeros and in the sandbox, a few seconds after the last edit; never while"
            " the machine runs on its battery.",
            "boolean",
            file="off",
        ),
    )
    hardware_timeout: float = _option(
        60.0,
        Option(
            "hardware.timeout",
            "Seconds that the run of one real step may take, compilation and measurement together.",
            "number",
            minimum=1.0,
            file="lower",
        ),
    )
    hardware_memory: float = _option(
        0.0,
        Option(
            "hardware.memory",
            "Memory in MiB that one real step may take. 0: most of what is free.",
            "number",
            minimum=0.0,
            file="never",
        ),
    )
    hover: bool = _option(True, Option("hover.enable", "Answer hovers with shapes.", "boolean", file="off"))
    log_level: str = _option(
        "info",
        Option(
            "logLevel",
            "How much the server logs.",
            choices=("error", "warning", "info", "debug"),
            file="never",
            scope="application",
        ),
    )
    project_python: str | None = None
    """`python` of `[tool.kls]`: an interpreter that the project asks for, obeyed only in a trusted folder."""


def options() -> Iterator[tuple[str, Option, Any]]:
    """Each setting as (field name, option, default)."""
    defaults = Settings()
    for item in fields(Settings):
        if "option" in item.metadata:
            yield item.name, cast("Option", item.metadata["option"]), getattr(defaults, item.name)


def parse(value: Any, base: Settings | None = None) -> tuple[Settings, tuple[str, ...]]:
    """`base` with what an editor sent laid over it, and a sentence for each thing that could not be used.

    Nested objects and dotted keys are both understood ({"worker": {"mode": …}}, {"worker.mode": …}), a "kls" object
    around them too. Nothing raises: a wrong value leaves the setting as it was. Unknown keys are left alone, since
    clients keep settings of their own in the same section.
    """
    return _apply(_flatten(_unwrap(value)), base or Settings(), from_file=False)


def parse_file(value: Any, base: Settings | None = None) -> tuple[Settings, tuple[str, ...]]:
    """`base` tightened by the table `[tool.kls]`; see the module's text for what a project may do."""
    flat = _flatten(value)
    base, problems = _apply(flat, base or Settings(), from_file=True)
    python = flat.get("python")
    return (replace(base, project_python=python) if isinstance(python, str) and python else base), problems


def read_file(folder: str, top: str = "") -> tuple[dict[str, Any], str, tuple[str, ...]]:
    """`[tool.kls]` of the nearest pyproject.toml at or above `folder` (not above `top`), its path, and problems.

    The table is empty and the path "" where there is none.
    """
    here = Path(folder)
    for candidate in (here, *here.parents):
        file = candidate / "pyproject.toml"
        if file.is_file():
            try:
                with file.open("rb") as stream:
                    document = tomllib.loads(stream.read(MAX_FILE).decode())
            except (OSError, ValueError) as error:
                return {}, str(file), (f"{file} cannot be read: {error}",)
            return _object(_object(document.get("tool")).get("kls")), str(file), ()
        if top and str(candidate) == top.rstrip("/\\"):
            break
    return {}, "", ()


def _unwrap(value: Any) -> Any:
    inner = _object(value).get("kls")
    return cast("Any", inner) if isinstance(inner, dict) else value


def _flatten(value: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(value, Mapping):
        return {}
    known = {option.key for _, option, _ in options()}
    flat: dict[str, Any] = {}
    for key, item in cast("Mapping[Any, Any]", value).items():
        name = f"{prefix}{str(key).removeprefix('kls.')}"
        if isinstance(item, Mapping) and name not in known:
            flat.update(_flatten(item, name + "."))
        else:
            flat[name] = item
    return flat


def _apply(flat: Mapping[str, Any], base: Settings, *, from_file: bool) -> tuple[Settings, tuple[str, ...]]:
    changed: dict[str, Any] = {}
    problems: list[str] = []
    for name, option, default in options():
        given = flat.get(option.key)
        if given is None:
            continue
        value, problem = _convert(given, option, default)
        current = getattr(base, name)
        if problem is None and from_file and not _may(value, current, option):
            problem = f"a project's file may not set it to {value!r}"
        if problem is None:
            changed[name] = value
        else:
            problems.append(f"kls.{option.key}: {problem}; it stays {current!r}")
    return replace(base, **changed), tuple(problems)


def _may(value: Any, current: Any, option: Option) -> bool:
    if option.file == "off":
        return value == current or value == (option.choices[-1] if option.choices else False)
    return option.file == "any" or (option.file == "lower" and value <= current)


def _convert(given: Any, option: Option, default: Any) -> tuple[Any, str | None]:
    if option.kind == "boolean":
        return given, None if isinstance(given, bool) else f"expected true or false, found {given!r}"
    if option.kind == "number":
        if isinstance(given, (int, float)) and not isinstance(given, bool) and given >= (option.minimum or 0.0):
            return float(given), None
        return None, f"expected a number of at least {option.minimum or 0.0:g}, found {given!r}"
    if option.kind == "array":
        if isinstance(given, (list, tuple)):
            return tuple(str(item) for item in cast("list[Any]", given)), None
        return None, f"expected a list, found {given!r}"
    if option.kind == "object":
        return _table(given, option)
    if isinstance(given, (list, tuple)) and option.key == "worker.interpreter":
        given = next(iter(cast("list[Any]", given)), "")
    if not isinstance(given, str):
        return None, f"expected text, found {given!r}"
    if option.choices and given not in option.choices:
        return None, f"expected one of {', '.join(option.choices)}, found {given!r}"
    return (given or None) if default is None else given, None


def _table(given: Any, option: Option) -> tuple[Any, str | None]:
    if not isinstance(given, Mapping):
        return None, f"expected an object, found {given!r}"
    table = tuple((str(key), str(value)) for key, value in cast("Mapping[Any, Any]", given).items())
    wrong = next((value for _, value in table if value not in option.choices), None)
    if wrong is not None:
        return None, f"expected one of {', '.join(option.choices)}, found {wrong!r}"
    return table, None


def _object(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
