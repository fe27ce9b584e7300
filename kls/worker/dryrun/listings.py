"""Listings of folders, and questions for files: where the program finds nothing, it is not known what is there on the
author's own machine."""

from __future__ import annotations

import glob
import itertools
import os
import pathlib
import sys
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from .arrays import find_unknown
from .unknown import Unknown


def install(author_file: Callable[[str], bool], missed: Callable[[str], None]) -> None:
    """Have empty answers to the author's own searches for files be Unknown; libraries see the truth.

    A question for one file is answered as it is, since programs go on without: `missed` hears of what is not there.
    """

    def known(original: Callable[..., Any], lazy: bool) -> Callable[..., Any]:
        def listing(*arguments: Any, **keywords: Any) -> Any:
            answer = original(*arguments, **keywords)
            if not author_file(sys._getframe(1).f_code.co_filename):
                return answer
            entries = iter(answer)
            for first in entries:
                return itertools.chain([first], entries) if lazy else answer
            return Unknown(f"the files of {' '.join(str(item) for item in arguments) or 'the folder'}")

        return listing

    def asked(original: Callable[..., bool]) -> Callable[..., bool]:
        def is_there(path: Any, *arguments: Any, **keywords: Any) -> bool:
            answer = original(path, *arguments, **keywords)
            if not answer and author_file(sys._getframe(1).f_code.co_filename):
                missed(str(path))
            return answer

        return is_there

    def passing(original: Callable[..., Any]) -> Callable[..., Any]:
        def of_path(*arguments: Any, **keywords: Any) -> Any:
            unknown = find_unknown(arguments)
            return original(*arguments, **keywords) if unknown is None else unknown

        return of_path

    for name in ("join", "basename", "dirname", "abspath", "realpath", "normpath"):
        setattr(os.path, name, passing(getattr(os.path, name)))
    for place, names, lazy in (
        (glob, ("glob",), False),
        (glob, ("iglob",), True),
        (os, ("listdir",), False),
        (os, ("walk",), True),
        (pathlib.Path, ("glob", "rglob", "iterdir"), True),
        (tf.io.gfile, ("glob", "listdir"), False),
    ):
        for name in names:
            setattr(place, name, known(getattr(place, name), lazy))
    for place, names in (
        (os.path, ("exists", "isfile", "isdir")),
        (pathlib.Path, ("exists", "is_file", "is_dir")),
        (tf.io.gfile, ("exists", "isdir")),
    ):
        for name in names:
            setattr(place, name, asked(getattr(place, name)))
