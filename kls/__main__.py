"""The command `kls`, also as `python -m kls`."""

from __future__ import annotations

import sys

from kls.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
