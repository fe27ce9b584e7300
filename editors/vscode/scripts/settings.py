"""Writes `contributes.configuration` of package.json from the server's one settings class.

    python editors/vscode/scripts/settings.py           writes package.json
    python editors/vscode/scripts/settings.py --check   exits 1 when package.json says something else

Needs kls importable. Settings that only the extension reads (how the server is started) stand in this file.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from kls.settings import Option, options

PACKAGE = Path(__file__).parents[1] / "package.json"
_LIST = {"type": "array", "items": {"type": "string"}, "default": []}
OF_THE_EXTENSION: dict[str, dict[str, Any]] = {
    "path": _LIST
    | {
        "scope": "machine-overridable",
        "description": "The command that starts the server, and its arguments, in place of the one that would be"
        " found. Empty: the server of the chosen environment, or the extension's own.",
    },
    "interpreter": _LIST
    | {
        "scope": "machine-overridable",
        "description": "The Python (3.10 or newer) that runs the server, and its arguments. It need not have"
        " TensorFlow. Empty: the chosen environment, then the PATH.",
    },
    "importStrategy": {
        "type": "string",
        "enum": ["fromEnvironment", "useBundled"],
        "default": "fromEnvironment",
        "scope": "window",
        "description": "Use the kls of the chosen environment when it has one, or always the extension's own.",
    },
    "trace.server": {
        "type": "string",
        "enum": ["off", "messages", "verbose"],
        "default": "off",
        "scope": "window",
        "description": "Log the messages between the editor and the server.",
    },
}


def schema(option: Option, default: Any) -> dict[str, Any]:
    """One setting as VS Code's settings page reads it."""
    body: dict[str, Any] = {"type": "string"}
    if isinstance(default, bool):
        body = {"type": "boolean"}
    elif isinstance(default, float):
        body = {"type": "number"}
        default = int(default) if default.is_integer() else default
        if option.minimum is not None:
            body["minimum"] = int(option.minimum) if option.minimum.is_integer() else option.minimum
    elif isinstance(default, tuple):
        body = {"type": "array", "items": {"type": "string"}}
    elif isinstance(default, dict):
        body = {"type": "object", "additionalProperties": {"type": "string", "enum": list(option.choices)}}
    elif default is None:
        body = {"type": ["string", "null"]}
    if option.choices and body == {"type": "string"}:
        body["enum"] = list(option.choices)
    return body | {"default": default, "scope": option.scope, "description": option.description}


def configuration() -> dict[str, Any]:
    """The whole of `contributes.configuration`."""
    own = {f"kls.{key}": body for key, body in OF_THE_EXTENSION.items()}
    servers = {f"kls.{option.key}": schema(option, default) for _, option, default in options()}
    return {"title": "Keras Language Server", "properties": servers | own}


def written(package: dict[str, Any]) -> str:
    """package.json with today's settings, short lists on one line as npm's own tools leave them."""
    package["contributes"]["configuration"] = configuration()
    text = json.dumps(package, indent=2, ensure_ascii=False)
    return re.sub(r'\[\s+("[^"\n]*"(?:,\s+"[^"\n]*")*)\s+\]', _one_line, text) + "\n"


def _one_line(match: re.Match[str]) -> str:
    line = "[" + re.sub(r",\s+", ", ", match.group(1)) + "]"
    return line if len(line) < 80 else match.group(0)


def main() -> int:
    """Write or compare; see the module's text."""
    text = PACKAGE.read_text(encoding="utf-8")
    fresh = written(json.loads(text))
    if "--check" in sys.argv[1:]:
        if fresh != text:
            print("package.json differs from kls/settings.py: run python editors/vscode/scripts/settings.py")
        return int(fresh != text)
    PACKAGE.write_text(fresh, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
