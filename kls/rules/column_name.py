"""A table is asked for a column that it has under another spelling.

## What it says
A pandas table has no column of this name, and one whose name differs in capitals, spaces or punctuation alone.

## Why it matters
pandas raises `KeyError`, often long after the table was read.

## Example
```python
import pandas as pd
table = pd.DataFrame({"age": [31, 45], "has_bought": [0, 1]})
labels = table["Has Bought"]
```

## Repair
The name as the table has it.
"""

from __future__ import annotations

import ast

from kls import edits
from kls.facts import Edit, Finding, Severity
from kls.rules.context import Context, Rule, finding, fix
from kls.worker.protocol import Failure

RULE = Rule("column-name", Severity.ERROR, "A table is asked for a column that it has under another spelling.")


def diagnose(context: Context, failure: Failure) -> Finding | None:
    """The finding for a `KeyError` of pandas, at the first of the names that are spelt otherwise."""
    names: dict[str, str] = failure.facts.get("columns") or {}
    source = context.source(failure.frames[-1].path) if failure.frames else None
    if not names or source is None:
        return None
    crash = failure.frames[-1]
    said = [
        node
        for node in source.nodes
        if isinstance(node, ast.Constant) and node.value in names and type(node.value) is str
    ]
    here = [node for node in said if crash.line <= node.lineno <= crash.end_line]
    span = source.span(here[0]) if here else crash
    changes: list[Edit | None] = []
    for node in here or said:
        quote = source.segment(node)[:1]
        if quote in "'\"":
            changes.append(edits.replace(source, node, f"{quote}{names[str(node.value)]}{quote}"))
    first, has = next(iter(names.items()))
    lines = [
        f"the table has no column {first!r}; it has {has!r}",
        f"pandas raises: {failure.exception}: {failure.message}",
    ]
    titles = ", ".join(f"`{name!r}`" for name in names.values())
    fixes = fix(f"Write {titles}", *changes, cause=source.span(here[0]) if here else crash)
    return finding(RULE, context, span, "\n".join(lines), fixes=tuple(fixes))
