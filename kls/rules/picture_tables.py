"""Tables of pictures with numbers for classes, where `flow_from_dataframe` takes words. Not a rule: `suspects` asks."""

from __future__ import annotations

import ast
import re

from kls import edits
from kls.facts import Fix
from kls.rules import search, written
from kls.rules.context import Context, fix
from kls.worker.protocol import Failure


def strong(context: Context, failure: Failure) -> list[Fix]:
    """The classes as words: in the whole table before it is split, else in the one that is given."""
    told = re.search(r'y_col="([^"]*)" column values must be', failure.message)
    fixes: list[Fix] = []
    for source, call in search.calls(context, failure)[:1] if told is not None else ():
        table, statement = edits.argument(call, "dataframe", 0), source.statement(call)
        if told is None or statement is None or not isinstance(table, ast.Name):
            continue
        origin = written.whole(source, table.id, statement.lineno)
        known = written.assignments(source, table.id, statement.lineno)
        places = [(origin[1], known[-1][0])] if origin is not None and known else []
        for name, place in [*places, (table.id, statement)]:
            column = f'{name}["{told[1]}"]'
            changed = edits.insert_before(source, place, f"{column} = {column}.astype(str)")
            fixes += fix(f"Make words of the classes: `{column}.astype(str)`", changed, cause=source.span(call))
    return fixes
