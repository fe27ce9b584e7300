"""Runs the extension's own copy of kls with the interpreter that runs this file: `python -I server.py server`."""

import sys
from pathlib import Path

if sys.version_info < (3, 10):
    sys.exit(f"kls needs Python 3.10 or newer to run its server; {sys.executable} is {sys.version.split()[0]}.")
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bundled" / "libs"))

from kls.__main__ import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
