"""Findings from a report: pure, `check(snapshot, sites, report) -> findings`; from the text alone where none is.

Each failure is explained by the first rule that knows it; what follows from a failed statement is not told again.
"""

from __future__ import annotations

import ast
import dataclasses
import logging
import re
from collections.abc import Iterable, Iterator, Mapping

from kls import find, rules
from kls.documents import Snapshot
from kls.facts import Edit, Evidence, Finding, Fix, Severity, Site, Span
from kls.rules import (
    argument_name,
    custom_code,
    id_range,
    ignores,
    kls_comment,
    label_range,
    missing_return,
    ranks,
    removed_name,
    sample_count,
    suspects,
    training_results,
    undefined_name,
    unused_ignore,
    wording,
)
from kls.rules.context import Context
from kls.rules.reading import Reading
from kls.source import SourceText
from kls.worker.protocol import Failure, Report, Source

_LOGGER = logging.getLogger(__name__)
_KNOWN_CURES = (removed_name.RULE.code, label_range.RULE.code, id_range.RULE.code)
"""Rules whose own repairs are all that there is to try."""
_OWN_CURES = (training_results.RULE.code, undefined_name.RULE.code)
"""Rules of which this is so whether they have any or not."""
_ORDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFORMATION: 2, Severity.HINT: 3}


def check(
    snapshot: Snapshot,
    sites: tuple[Site, ...],
    report: Report | None,
    modules: Iterable[Source] = (),
    keras: str | None = None,
) -> tuple[Finding, ...]:
    """The findings of one analysed document, worst first, then by place.

    `modules` are the project modules that the dry run had or would have, `keras` the version of the Keras that the
    program is certain to get. A rule that fails costs its own findings only.
    """
    main = snapshot.path or snapshot.uri
    modules = tuple(modules)
    sources = {source.path: SourceText(source.path, source.text) for source in modules}
    sources[main] = SourceText(main, snapshot.text)
    found: list[Finding] = []
    if report is not None:
        context = Context(main, sources, sites, report)
        for failure in report.failures:
            if sample_count.names_mixed_up(context, failure):
                continue
            finding = _explain(context, wording.plain(failure))
            if finding is not None:
                found.append(finding)
        for survey in rules.SURVEYS:
            try:
                found.extend(survey(context))
            except Exception:
                _LOGGER.exception("the rule %s failed", survey.__module__)
    if report is None or not report.complete or report.unentered:
        foreign = find.foreign((item.text for item in sources.values()), (item.name for item in modules))
        stated = _read(Reading(sources[main], sites, modules, keras, foreign))
        if report is None:
            found += stated
        elif not report.complete:
            reached = _reached(report, main)
            found += [finding for finding in stated if finding.span.line > reached]
        else:
            stated = (finding for finding in stated if _was_not_entered(sources[main], report, finding.span))
            found += [unused(finding) if works(report) else finding for finding in stated]
    found = _heed(_once(found), sources, main, sites, report)
    return tuple(sorted(found, key=lambda item: (item.span.line, item.span.column, _ORDER[item.severity])))


def _heed(
    found: list[Finding],
    sources: Mapping[str, SourceText],
    main: str,
    sites: tuple[Site, ...],
    report: Report | None,
) -> list[Finding]:
    """What is left of the findings when the author's `# kls:` comments are heeded, and what is to say of those."""
    kept, used = ignores.silence(found, sources)
    entry = sources[main]
    if not entry.comments:
        return list(kept)
    own = list(kls_comment.said(entry, report, rules.RULES))
    if report is not None:
        own += unused_ignore.left_over(entry, used.get(main, {}), report, sites)
    whole = [comment for comment in entry.comments if comment.kind == "ignore-file"]
    return [*kept, *(item for item in own if not any(not one.codes or item.code in one.codes for one in whole))]


def _read(reading: Reading) -> Iterator[Finding]:
    """What the text alone tells."""
    for read in rules.READINGS:
        try:
            yield from read(reading)
        except Exception:
            _LOGGER.exception("the rule %s failed", read.__module__)


def _reached(report: Report, main: str) -> int:
    """The last line of the document that a dry run which broke off has told anything of."""
    spans = [item.created for item in report.layers] + [item.called for item in report.layers]
    spans += [item.statement for item in report.variables]
    spans += [item.span for item in (*report.calls, *report.gaps)]
    spans += [frame for failure in report.failures for frame in failure.frames]
    return max((span.end_line for span in spans if span is not None and span.path == main), default=0)


def works(report: Report) -> bool:
    """Whether a program makes or uses models, so that a function which it does not call is not what it is for."""
    return bool(report.models or report.calls)


def unused(finding: Finding) -> Finding:
    """A finding that a program does its work with: in a function that it does not call, or of what it catches. It is no
    more than information."""
    loud = finding.severity in (Severity.ERROR, Severity.WARNING)
    return dataclasses.replace(finding, severity=Severity.INFORMATION) if loud else finding


def _was_not_entered(source: SourceText, report: Report, span: Span) -> bool:
    """Whether a place is in a function that the dry run did not enter, and would be come to with any version."""
    if not any(item.path == span.path and item.line < span.line <= item.end_line for item in report.unentered):
        return False
    node: ast.AST | None = source.statement_at(span.line)
    while node is not None:
        if isinstance(node, ast.Try) or (isinstance(node, ast.If) and "version" in source.segment(node.test)):
            return False
        node = source.parents.get(node)
    return True


def _explain(context: Context, failure: Failure) -> Finding | None:
    for diagnose in rules.DIAGNOSES:
        try:
            finding = diagnose(context, failure)
        except Exception:
            _LOGGER.exception("the rule %s failed", diagnose.__module__)
            continue
        if finding is not None:
            finding = _with_more(context, failure, finding)
            return unused(finding) if failure.facts.get("caught") and not _raised_again(context, failure) else finding
    return None


def _raised_again(context: Context, failure: Failure) -> bool:
    """Whether one of the author's handlers around the failing lines ends the program all the same."""
    for frame in failure.frames:
        source = context.source(frame.path)
        node: ast.AST | None = source.statement_at(frame.line) if source is not None else None
        while source is not None and node is not None:
            handlers = node.handlers if isinstance(node, ast.Try) else []
            inside = [item for handler in handlers for item in ast.walk(handler)]
            if any(isinstance(item, ast.Raise) for item in inside):
                return True
            if any(re.search(r"\bexit\b", source.segment(item.func)) for item in inside if isinstance(item, ast.Call)):
                return True
            node = source.parents.get(node)
    return False


def _with_more(context: Context, failure: Failure, finding: Finding) -> Finding:
    """The finding with what may be tried for any failure: what the program speaks for before what its rule proposes,
    the rest behind it."""
    try:
        first = tuple(suspects.strong(context, failure))
        more = (*ranks.general(context, failure), *suspects.weak(context, failure))
    except Exception:
        _LOGGER.exception("the search for repairs failed")
        first, more = (), ()
    once: dict[tuple[Edit, ...], Fix] = {}
    if finding.code in _OWN_CURES or (finding.code in _KNOWN_CURES and finding.fixes):
        return finding
    slip = finding.fixes and (
        finding.code in (missing_return.RULE.code, argument_name.RULE.code)
        or (finding.code == custom_code.RULE.code and custom_code.known_slip(finding.fixes[0]))
    )
    for fix in (*(finding.fixes[:1] if slip else ()), *first, *finding.fixes, *more):
        once.setdefault(fix.edits, fix)
    return dataclasses.replace(finding, fixes=tuple(once.values()))


def _once(found: list[Finding]) -> list[Finding]:
    """One finding for each code and place: `evaluate` fails for the same cause as `fit` before it. What is silently
    wrong with an expression that does not even run is for later."""
    kept: dict[tuple[str, object], Finding] = {}
    for finding in found:
        kept.setdefault((finding.code, finding.span), finding)
    raised = {item.span for item in found if item.severity is Severity.ERROR}
    return [item for item in kept.values() if item.evidence is not Evidence.SILENT or item.span not in raised]
