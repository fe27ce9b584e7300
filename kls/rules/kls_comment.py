"""A `# kls:` comment cannot do what it says.

## What it says
The comment begins with `# kls:`, and kls cannot make out what it asks for, or cannot do it: the words are none that it
knows, the name of a spec is not there, a code is not a rule's, or a probe did not come to anything. It also says when a
spec contradicts what the program itself gives the name; then the program's own value counts.

## Why it matters
A comment that silently does nothing is taken for one that works.

## Example
```python
import keras
# kls: features float32[1000, 28, 28]
x = keras.ops.zeros((1000, 28, 28))
model = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(10)])
```

## Repair
As the message says; [all comments](comments.md).
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator

from kls.facts import Edit, Evidence, Finding, Fix, Severity, Span
from kls.rules.context import Rule, show
from kls.source import SourceText
from kls.worker import comments
from kls.worker.comments import Comment
from kls.worker.protocol import Report, Tensor

RULE = Rule("kls-comment", Severity.INFORMATION, "A `# kls:` comment cannot do what it says.")


def said(source: SourceText, report: Report | None, codes: Collection[str]) -> Iterator[Finding]:
    """A finding for each comment of `source`, the entry of `report`, that is wrong; `codes` are those of all rules."""
    for comment in source.comments:
        if comment.kind == "problem":
            yield _finding(source, comment, comment.problem)
        elif comment.kind in ("ignore", "ignore-file"):
            for code in comment.codes:
                if code not in codes:
                    yield _no_code(source, comment, code, codes)
        elif comment.kind == "probe" and report is not None:
            yield from _probed(source, comment, report)
    if source.tree is None:
        return
    placed, problems = comments.place(source.tree, source.comments)
    for comment, problem in problems:
        yield _finding(source, comment, problem)
    for spec in placed:
        if report is not None and spec.binding is not None:
            where = (spec.binding.lineno, spec.comment.name)
            known = [
                item.tensors[0]
                for item in report.variables
                if (item.span.line, item.name) == where and item.span.path == source.path and len(item.tensors) == 1
            ]
            if known and all(_contradicts(tensor, spec.comment) for tensor in known):
                is_ = f"{show(known[-1].shape)} {known[-1].dtype or ''}".rstrip()
                yield _finding(source, spec.comment, f"`{spec.comment.name}` is {is_} here, which the program itself "
                               "says: this spec does not count")  # fmt: skip


def _finding(source: SourceText, comment: Comment, message: str, fixes: tuple[Fix, ...] = ()) -> Finding:
    return Finding(RULE.code, RULE.severity, Evidence.STATIC, _span(source, comment), message, fixes=fixes)


def _span(source: SourceText, comment: Comment) -> Span:
    return Span(source.path, comment.line, comment.column, comment.line, comment.end_column)


def _no_code(source: SourceText, comment: Comment, code: str, codes: Collection[str]) -> Finding:
    close = difflib.get_close_matches(code, codes, 1, 0.7)
    meant = f": did you mean `{close[0]}`?" if close else ": `kls explain` lists them"
    start = source.lines[comment.line - 1].find(code, comment.column)
    span = Span(source.path, comment.line, start, comment.line, start + len(code))
    fixes = (Fix(f"Write `{close[0]}`", (Edit(span, close[0]),)),) if close else ()
    return _finding(source, comment, f"kls has no rule `{code}`{meant}", fixes)


def _probed(source: SourceText, comment: Comment, report: Report) -> Iterator[Finding]:
    """Why a probe came to nothing; what Keras itself says against it is a finding of its own."""
    gap = next((gap for gap in report.gaps if gap.span.path == source.path and gap.span.line == comment.line), None)
    if gap is not None and gap.kind != "fault":
        yield _finding(source, comment, f"this probe came to nothing: {gap.reason}")


def _contradicts(tensor: Tensor, comment: Comment) -> bool:
    words = (
        "string"
        if tensor.dtype in ("object", "str", "bytes") or (tensor.dtype or "").startswith(("<U", "|S"))
        else tensor.dtype
    )
    if words is not None and words != comment.dtype:
        return True
    if tensor.shape is None:
        return False
    return len(tensor.shape) != len(comment.shape) or any(
        None not in (one, other) and one != other for one, other in zip(tensor.shape, comment.shape, strict=True)
    )
