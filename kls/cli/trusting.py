"""`kls trust`: what the user agrees to, kept in their own configuration."""

from __future__ import annotations

import os
import sys

from kls import trust
from kls.cli.text import clean


def run(folder: str | None, revoke: bool, weak: bool) -> int:
    """Remember one answer and say what it means, or list all of them; 2 where it cannot be kept."""
    if folder is None and not weak:
        return _list()
    if folder is not None and not os.path.isdir(folder):
        if not revoke:
            print(f"kls: {clean(folder)}: no such folder", file=sys.stderr)
            return 2
    try:
        if weak:
            trust.agree_weak(not revoke)
            print(_weak())
        if folder is not None:
            trust.remember(folder, not revoke, "kls trust")
            print(_folder(os.path.realpath(folder), not revoke))
    except OSError as error:
        print(f"kls: {trust.store()} cannot be written: {error.strerror or error}", file=sys.stderr)
        return 2
    return 0


def _list() -> int:
    for path, trusted in sorted(trust.folders().items()):
        print(_folder(path, trusted))
    print(_weak())
    return 0


def _folder(path: str, trusted: bool) -> str:
    return f"{clean(path)}: " + ("trusted, programs are dry-run" if trusted else "not trusted, programs are only read")


def _weak() -> str:
    agreed = trust.weak_agreed()
    return f"weak sandbox: {'agreed' if agreed else 'not agreed'}; it means that {trust.WEAK}"
