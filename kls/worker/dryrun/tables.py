"""What stands for a table that cannot be read."""

from __future__ import annotations

import errno
import os
import sys
from typing import Any

from .gaps import os_gap
from .open_sizes import Open
from .state import Run
from .unread import Form, Unread


def absent(run: Run, path: str, head: Any = None) -> Any:
    """What stands for a table that cannot be read, because its file is not there or lies in a network, or that is
    large: `head` are the first rows of that.

    Raises FileNotFoundError where the author's program waits for that.
    """
    error = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
    away = "://" in path or head is not None
    frame = run.files.nearest(sys._getframe(1))
    if not away and frame is not None and any(runtime.awaits(error, frame) for runtime in run.runtimes):
        raise error
    kind, reason = ("value", f"the table at {path}") if away else os_gap(error)
    if head is not None:
        reason = f"a dry run reads only the first rows of {os.path.basename(path)}, which is large"
    line = None
    if run.statement is not None:
        statement, file = run.statement
        span = run.statement_span(file, statement)
        line = span.line
        run.gap(span, kind, reason)
    run.miss(path)
    form = Form(run.witnesses, sizes=(Open(),))
    if head is not None:
        names = tuple(head.columns)
        dtypes = {name: head[name].dtype for name in names} if len(set(names)) == len(names) else {}
        form = Form(run.witnesses, sizes=(len(names),), columns=names, dtypes=dtypes)
    return Unread(reason, line, form)
