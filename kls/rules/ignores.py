"""Which findings the author's `# kls: ignore` comments silence, and the edits that write and remove one."""

from __future__ import annotations

import io
import tokenize
from collections.abc import Iterable, Mapping

from kls.facts import Edit, Finding, Fix, Span
from kls.source import SourceText
from kls.worker.comments import Comment

Used = dict[Comment, set[str]]
"""The ignores of one file that silenced something, each with the codes of it."""


def silence(
    found: Iterable[Finding], sources: Mapping[str, SourceText]
) -> tuple[tuple[Finding, ...], Mapping[str, Used]]:
    """The findings that no comment silences, and by file the comments that silenced one.

    A comment speaks of the first and of the last line of a finding, and of the lines that its repairs would move it to;
    of a name that is bound there, of those of the assignment.
    """
    kept: list[Finding] = []
    used: dict[str, Used] = {}
    for finding in found:
        silent = False
        for span in dict.fromkeys([finding.span, *(fix.cause for fix in finding.fixes if fix.cause is not None)]):
            source = sources.get(span.path)
            for comment in source.comments if source is not None else ():
                if source is not None and _speaks_of(comment, source.binding(span), finding.code):
                    used.setdefault(span.path, {}).setdefault(comment, set()).add(finding.code)
                    silent = True
        if not silent:
            kept.append(finding)
    return tuple(kept), used


def _speaks_of(comment: Comment, span: Span, code: str) -> bool:
    if comment.codes and code not in comment.codes:
        return False
    if comment.kind == "ignore":
        return comment.about in (span.line, span.end_line)
    return comment.kind == "ignore-file"


def here(source: SourceText, finding: Finding) -> Fix | None:
    """The edit that has `finding` not told any more; None where its lines have no room for a comment."""
    title = f"Ignore {finding.code} here"
    span = source.binding(finding.span)
    own = [item for item in source.comments if item.kind == "ignore" and item.about in (span.line, span.end_line)]
    if own and own[0].codes:
        comment = own[0]
        closing = source.lines[comment.line - 1].find("]", comment.column, comment.end_column)
        column, text = (closing, f", {finding.code}") if closing >= 0 else (comment.end_column, f" {finding.code}")
        return Fix(title, (Edit(_at(source, comment.line, column), text),), safe=False)
    inside = _inside_strings(source)
    for line in dict.fromkeys((span.line, span.end_line)):
        text = source.lines[line - 1]
        if line not in inside and not text.endswith("\\"):
            edit = Edit(
                _at(source, line, len(text)), f"{'' if text.endswith(' ') else '  '}# kls: ignore[{finding.code}]"
            )
            return Fix(title, (edit,), safe=False)
    before = source.lines[span.line - 2] if span.line > 1 else ""
    if span.line - 1 in inside or before.endswith("\\"):
        return None
    comment = f"{source.indentation(span.line)}# kls: ignore[{finding.code}]{source.newline}"
    return Fix(title, (Edit(_at(source, span.line, 0), comment),), safe=False)


def without(source: SourceText, comment: Comment, codes: set[str]) -> tuple[Edit, ...]:
    """The edit that takes `codes` out of an ignore, or all of it where none is left."""
    text = source.lines[comment.line - 1]
    left = [code for code in comment.codes if code not in codes]
    if left:
        written = text[comment.column : comment.end_column]
        start = comment.column + written.index(comment.codes[0], written.index("ignore") + len("ignore"))
        last = comment.codes[-1]
        end = comment.column + written.rindex(last) + len(last)
        return (Edit(Span(source.path, comment.line, start, comment.line, end), ", ".join(left)),)
    if comment.alone and not text[comment.end_column :].strip():
        line = comment.line
        more = line < len(source.lines)
        return (Edit(Span(source.path, line, 0, line + more, 0 if more else len(text)), ""),)
    before = len(text[: comment.column].rstrip())
    return (Edit(Span(source.path, comment.line, before, comment.line, comment.end_column), ""),)


def _at(source: SourceText, line: int, column: int) -> Span:
    return Span(source.path, line, column, line, column)


def _inside_strings(source: SourceText) -> set[int]:
    """Lines whose end lies inside a string that goes on below."""
    found: set[int] = set()
    try:
        begun: list[int] = []
        for token in tokenize.generate_tokens(io.StringIO(source.text, newline=None).readline):
            name = tokenize.tok_name[token.type]
            if name == "STRING":
                found.update(range(token.start[0], token.end[0]))
            elif name.endswith("STRING_START"):
                begun.append(token.start[0])
            elif name.endswith("STRING_END") and begun:
                found.update(range(begun.pop(), token.end[0]))
    except (tokenize.TokenError, SyntaxError, ValueError):
        pass
    return found
