"""Draws the pictures of this folder: runs the real command and writes what it prints to a terminal as SVG.

`python docs/images/draw.py`, from the root of the repository, in an environment with kls and TensorFlow.
"""

from __future__ import annotations

import html
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
PICTURES = {"check.svg": "check docs/examples/dense_fed_images_fit.py"}
COLOURS = {"31": "#ff7b72", "32": "#7ee787", "33": "#e3b341", "34": "#79c0ff", "36": "#76e3ea"}
NO_BREAK = "\N{NO-BREAK SPACE}"
COLUMNS = 110
SIZE, ADVANCE, LEADING, MARGIN = 13, 7.8, 19, 16


def main() -> None:
    """Draw every picture."""
    for name, command in PICTURES.items():
        (HERE / name).write_text(svg(f"$ kls {command}\n{printed(command)}"), encoding="utf-8")


def printed(command: str) -> str:
    """What `kls <command>` writes to a terminal, colours included."""
    terminal, end = pty.openpty()
    words, environment = [sys.executable, "-m", "kls", *command.split()], {**os.environ, "COLUMNS": str(COLUMNS)}
    with subprocess.Popen(words, stdout=end, stderr=subprocess.DEVNULL, env=environment):
        os.close(end)
        pieces = list(iter(lambda: _read(terminal), b""))
    os.close(terminal)
    return b"".join(pieces).decode().replace("\r\n", "\n")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux says so when the last writer has closed it
        return b""


def svg(output: str) -> str:
    """The picture of a terminal that shows `output`."""
    lines = output.rstrip("\n").split("\n")
    columns = max(len(re.sub(r"\x1b\[[\d;]*m", "", line)) for line in lines)
    width, height = round(columns * ADVANCE + 2 * MARGIN), len(lines) * LEADING + 2 * MARGIN
    rows = [
        f'<text x="{MARGIN}" y="{MARGIN + LEADING * (number + 1) - 6}">{_spans(line)}</text>'
        for number, line in enumerate(lines)
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, '
            f'DejaVu Sans Mono, monospace" font-size="{SIZE}" fill="#e6edf3">',
            f'<rect width="{width}" height="{height}" rx="8" fill="#161b22"/>',
            *rows,
            "</svg>\n",
        ]
    )


def _spans(line: str) -> str:
    """One line with its colours; each piece is stretched to its columns, so that carets stand where they belong."""
    made, column, style = [], 0, ""
    for piece in re.split(r"(\x1b\[[\d;]*m)", line):
        if piece.startswith("\x1b["):
            codes = piece[2:-1].split(";")
            colour = next((f' fill="{COLOURS[code]}"' for code in codes if code in COLOURS), "")
            weight = ' font-weight="bold"' if "1" in codes else ' fill-opacity="0.6"' if "2" in codes else ""
            style = "" if codes == ["0"] else colour + weight
        elif piece:
            x = MARGIN + column * ADVANCE
            length = f'textLength="{len(piece) * ADVANCE:g}" lengthAdjust="spacingAndGlyphs"'
            made.append(
                f'<tspan x="{x:g}" {length}{style}>{html.escape(piece, quote=False).replace(" ", NO_BREAK)}</tspan>'
            )
            column += len(piece)
    return "".join(made)


if __name__ == "__main__":
    main()
