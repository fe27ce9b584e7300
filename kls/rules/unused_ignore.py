"""A `# kls: ignore` silences nothing.

## What it says
The comment asks kls not to tell what it finds on a line, and nothing is found there. It is said only when the dry run
reached that line and everything that the program depends on was known; then the comment, or the code in it, can go.

## Why it matters
An ignore that has outlived its reason will hide the next fault of that line.

## Example
```python
import keras
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])  # kls: ignore[input-shape]
```

## Repair
Remove the comment.
"""

from __future__ import annotations

from collections.abc import Iterator

from kls.facts import Evidence, Finding, Fix, Severity, Site, SiteKind, Span
from kls.rules import ignores
from kls.rules.context import Rule
from kls.source import SourceText
from kls.worker.protocol import Report

RULE = Rule("unused-ignore", Severity.HINT, "A `# kls: ignore` silences nothing.")
_JUDGED = ("fit", "evaluate", "predict", "train_on_batch", "test_on_batch", "predict_on_batch")
"""Calls that bring data and model together: one that the dry run did not reach might have told something."""


def left_over(source: SourceText, used: ignores.Used, report: Report, sites: tuple[Site, ...]) -> Iterator[Finding]:
    """A hint for each ignore of `source`, the entry of `report`, that silenced nothing, and for each idle code."""
    if not _all_known(report, source, sites):
        return
    for comment in source.comments:
        if comment.kind != "ignore" or comment.line not in report.ignored:
            continue
        told = used.get(comment, set[str]())
        idle = [code for code in comment.codes if code not in told]
        if told and not idle:
            continue
        what = ", ".join(f"`{code}`" for code in idle) if comment.codes else "anything"
        message = f"nothing is found here that this comment ignores: there is no {what}"
        if not comment.codes:
            message = "nothing is found here, so this comment ignores nothing"
        span = Span(source.path, comment.line, comment.column, comment.line, comment.end_column)
        fix = Fix("Remove it from the comment" if told else "Remove the comment",
                  ignores.without(source, comment, set(comment.codes) - told))  # fmt: skip
        yield Finding(RULE.code, RULE.severity, Evidence.ADVICE, span, message, fixes=(fix,))


def _all_known(report: Report, source: SourceText, sites: tuple[Site, ...]) -> bool:
    """Whether the dry run would have told everything that there is to tell of the entry."""
    if not report.complete or report.witnesses or any(gap.kind != "fault" for gap in report.gaps):
        return False
    if any(variable.kind == "unknown" for variable in report.variables):
        return False
    if any(call.status == "unknown" for call in report.calls):
        return False
    met = {call.span for call in report.calls}
    return all(site.span in met for site in sites if site.kind is SiteKind.SINK and site.name in _JUDGED)
