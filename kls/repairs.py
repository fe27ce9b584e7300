"""Tries fixes before they are offered: the edited program is dry-run, and must lose the finding and gain none.

`verify` takes findings with candidate fixes and gives them back with the fixes that hold, best first; the finding
moves to the place of the best one. Where none holds, it moves to the place of the one after which it is gone and the
program gets farthest, to a fault that was hidden: a fix of that, if it can be had, is offered together with the first.
"""

from __future__ import annotations

import asyncio
import dataclasses
import difflib
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Container, Iterable

from kls.check import check
from kls.documents import Snapshot
from kls.facts import Edit, Evidence, Finding, Fix, Related, Severity, Span
from kls.rules import argument_name, custom_code, removed_name
from kls.source import apply
from kls.worker.protocol import Probe, Report, Source

MOST_TRIED = 12
"""Candidates tried for one finding."""
MOST_OFFERED = 3
"""Repairs that hold, after which no more are tried."""
MOST_QUIET = 1
"""The same for information and hints, which say nothing of a fault: a program may have many."""
MOST_SECOND = 4
"""Candidates tried for a fault that a repair brought to light."""
MOST_HALVES = 2
"""Repairs that only bring another fault to light, which are tried together with a repair of that one."""
MOST_SECONDS = 20.0
"""Seconds of dry runs that the fixes of one document may take together, each error an equal share of what is left."""
LEAST_TRIED = 4
"""Candidates that are tried for an error however small its share is."""
MOST_SECONDS_AT_ALL = 40.0
"""Seconds after which nothing more is tried."""

_URGENCY = tuple(Severity)
"""The loudest first."""
_NAMES = (removed_name.RULE.code, argument_name.RULE.code)
"""Rules whose repair is known for certain: what fails behind it has another cause, and is told when it is reached."""
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")

Ask = Callable[[Probe], Awaitable[Report]]


async def verify(
    snapshot: Snapshot,
    findings: tuple[Finding, ...],
    probe: Probe,
    ask: Ask,
    besides: tuple[Finding, ...] = (),
    before: Report | None = None,
) -> tuple[Finding, ...]:
    """The findings with their fixes tried. `probe` is what they come from and `before` what came of it; `ask` runs a
    changed one; `besides` is what else was found and is not to be repaired here.

    Raises whatever `ask` raises (a newer probe replaced it, the worker went away).
    """
    verified: dict[int, Finding] = {}
    every = (*findings, *besides)
    spent = 0.0
    known: dict[tuple[Source, ...], _Trial] = {}
    errors = sum(item.severity is Severity.ERROR for item in findings)
    # The time is for what stops the program first, wherever it stands.
    for number, finding in sorted(enumerate(findings), key=lambda item: _URGENCY.index(item[1].severity)):
        tried: list[Fix] = []
        wrong: list[Fix] = []
        halves: list[_Trial] = []
        programs: set[tuple[Source, ...]] = set()
        most = MOST_OFFERED if finding.severity in (Severity.ERROR, Severity.WARNING) else MOST_QUIET
        raised = finding.severity is Severity.ERROR
        until, least = MOST_SECONDS, 0
        if raised:
            until, least = spent + max(MOST_SECONDS - spent, 0.0) / errors, LEAST_TRIED
            errors -= 1
        for fix in finding.fixes[:MOST_TRIED]:
            if sum(item.verified is True for item in tried) >= most:
                break
            if spent > (until if len(programs) >= least else MOST_SECONDS_AT_ALL):
                break
            changed = edited(probe, fix)
            if changed is None or changed.sources in programs:
                continue
            programs.add(changed.sources)
            trial = known.get(changed.sources)
            if trial is None:
                trial = known[changed.sources] = await _try(snapshot, fix, changed, before, ask)
                spent += trial.seconds
            trial = dataclasses.replace(trial, fix=fix)
            holding = trial.sound and holds(every, finding, trial.after) and not _breaks(every, trial)
            silent = holding and louder(every, trial.after)
            (wrong if silent else tried).append(dataclasses.replace(fix, verified=holding))
            if trial.sound and not holding and _is_gone(finding, trial.after):
                halves.append(trial)
        # What makes the program run and silently wrong comes after what makes it whole.
        tried = [*tried, *wrong[: MOST_OFFERED - sum(item.verified is True for item in tried)]]
        if halves and not any(item.verified for item in tried):
            # What fails next for the same cause, as the test data after the training data, is nearest to whole.
            halves.sort(key=lambda item: (_stays(finding, item) or not _goes_on(finding, item), -_reached(item)))
            for half in halves[:MOST_HALVES] if spent <= until else ():
                both = await _with_a_second(snapshot, every, finding, half, probe, before, ask)
                if both is not None:
                    tried.append(both)
                    break
            if finding.code in _NAMES and not any(item.verified for item in tried):
                certain = [item.fix for item in halves if _only_uncovers(finding, item)]
                tried += [dataclasses.replace(item, verified=True) for item in certain[:MOST_OFFERED]]
            place = halves[0].fix.cause
            if place is not None and _only_uncovers(finding, halves[0]):
                finding = dataclasses.replace(finding, span=place)
        verified[number] = with_fixes(finding, _told_apart(snapshot, tried))
    return tuple(verified[number] for number in range(len(findings)))


def _told_apart(snapshot: Snapshot, fixes: list[Fix]) -> list[Fix]:
    """The fixes that hold, with the lines of those that go by one title: an editor shows the titles alone. Of two on
    one line the better one."""
    good: dict[tuple[str, str, int], Fix] = {}
    for fix in fixes:
        if fix.verified:
            span = fix.edits[0].span
            good.setdefault((fix.title, span.path, span.line), fix)
    often = Counter(title for title, _, _ in good)

    def named(fix: Fix, path: str, line: int) -> Fix:
        where = snapshot.words(line) if path == snapshot.name else f"line {line}"
        return dataclasses.replace(fix, title=f"{fix.title} ({where})")

    return [named(fix, path, line) if often[title] > 1 else fix for (title, path, line), fix in good.items()]


@dataclasses.dataclass(frozen=True)
class _Trial:
    """A fix that was tried: the changed program, what was found in it, and whether that can be believed."""

    fix: Fix
    changed: Probe
    after: tuple[Finding, ...]
    sound: bool
    seconds: float


def _reached(trial: _Trial) -> int:
    """The line of the first error that is left: how far the program gets."""
    lines = (item.span.line for item in trial.after if item.severity is Severity.ERROR)
    return min(lines, default=len(trial.changed.sources[0].text))


def _gets_as_far(finding: Finding, trial: _Trial) -> bool:
    """Whether no error is left above the lines that the finding speaks of: else the fix breaks what ran before."""
    path = finding.span.path
    places = [item.span.line for item in (finding, *finding.related) if item.span.path == path]
    raised = [
        max(place.span.line for place in (item, *item.related) if place.span.path == path)
        for item in trial.after
        if item.severity is Severity.ERROR and item.span.path == path
    ]
    return min(raised, default=max(places)) >= max(places) - _removed(trial.fix, path)


def _removed(fix: Fix, path: str) -> int:
    """Lines that a fix takes out of a file, less those that it puts in."""
    own = (edit for edit in fix.edits if edit.span.path == path)
    return sum(edit.span.end_line - edit.span.line - edit.text.count("\n") for edit in own)


def _fails_itself(trial: _Trial) -> bool:
    """Whether what is left is told of a line that the fix edits: then it repairs nothing there."""
    edited_lines = {(edit.span.path, edit.span.line) for edit in trial.fix.edits}
    left = [item for item in trial.after if item.severity is Severity.ERROR]
    return any((item.span.path, item.span.line) in edited_lines for item in left)


def _breaks(before: tuple[Finding, ...], trial: _Trial) -> bool:
    """Whether a line that the fix edits is told to be wrong in words that nothing was told in before."""
    edited_lines = {(edit.span.path, edit.span.line) for edit in trial.fix.edits}
    said = {(item.code, item.message.partition("\n")[0]) for item in before}
    return any(
        item.severity is Severity.ERROR
        and (item.span.path, item.span.line) in edited_lines
        and (item.code, item.message.partition("\n")[0]) not in said
        for item in trial.after
    )


def _stays(finding: Finding, trial: _Trial) -> bool:
    """Whether what is left is of the finding's code and told where it is told, or where it raises: it speaks only of
    other sizes."""
    places = {(place.path, place.line) for place in (finding.span, *(item.span for item in finding.related))}

    def before(span: Span) -> int:
        above = (edit for edit in trial.fix.edits if edit.span.path == span.path and edit.span.line <= span.line)
        return span.line - sum(edit.text.count("\n") - (edit.span.end_line - edit.span.line) for edit in above)

    left = [item for item in trial.after if item.severity is Severity.ERROR and item.code == finding.code]
    return any((item.span.path, before(item.span)) in places for item in left)


def _only_uncovers(finding: Finding, trial: _Trial) -> bool:
    """Whether the program runs on behind the place of the finding, to faults that it had hidden there."""
    return not _fails_itself(trial) and not _stays(finding, trial) and _gets_as_far(finding, trial)


def _goes_on(finding: Finding, trial: _Trial) -> bool:
    """Whether what is left is one error, of the same code; in the author's own code the next has another cause."""
    left = [item for item in trial.after if item.severity is Severity.ERROR]
    return len(left) == 1 and left[0].code == finding.code != custom_code.RULE.code


async def _try(snapshot: Snapshot, fix: Fix, changed: Probe, before: Report | None, ask: Ask) -> _Trial:
    report = await ask(changed)
    sound = report.complete and _as_much_is_known(before, report) and not _raises(fix, report)
    sound = sound and _bound(report) <= (_bound(before) if before is not None else 0)
    after = await asyncio.to_thread(_found, snapshot, changed, report) if sound else ()
    return _Trial(fix, changed, after, sound, report.seconds)


async def _with_a_second(
    snapshot: Snapshot,
    every: tuple[Finding, ...],
    finding: Finding,
    half: _Trial,
    probe: Probe,
    before: Report | None,
    ask: Ask,
) -> Fix | None:
    """The fix after which the finding is gone and another fault shows that it had hidden, together with a fix of that
    one; None where there is none that leaves the program clean."""
    others = tuple(item for item in every if item is not finding)
    hidden = [item for item in _new(others, half.after) if item.evidence is not Evidence.SILENT]
    if len(hidden) != 1 or hidden[0].severity is not Severity.ERROR:
        return None
    for second in hidden[0].fixes[:MOST_SECOND]:
        changed = edited(half.changed, second)
        if changed is None:
            continue
        trial = await _try(snapshot, second, changed, before, ask)
        if trial.sound and holds(every, finding, trial.after):
            alone = _alone(probe, half.changed, second)
            if alone is not None:
                trial = await _try(snapshot, second, alone, before, ask)
                if trial.sound and holds(every, finding, trial.after):
                    return dataclasses.replace(second, verified=True)
            title = f"{half.fix.title}; {second.title[:1].lower()}{second.title[1:]}"
            if _writes_over(second, half.fix):
                title = second.title
            safe = half.fix.safe and second.safe
            return Fix(title, _difference(probe, changed), True, safe, half.fix.cause)
    return None


def _writes_over(second: Fix, first: Fix) -> bool:
    """Whether nothing is left of what the first of two fixes wrote, which is one text on one line."""
    if len(first.edits) != 1 or "\n" in first.edits[0].text:
        return False
    one, text = first.edits[0].span, first.edits[0].text
    return any(
        edit.span.path == one.path
        and (edit.span.line, edit.span.column) <= (one.line, one.column)
        and (one.line, one.column + len(text)) <= (edit.span.end_line, edit.span.end_column)
        for edit in second.edits
    )


def _alone(probe: Probe, changed: Probe, second: Fix) -> Probe | None:
    """The program after the second of two fixes only; None where the first moved or changed what it edits."""
    lines = {source.path: _LINE.findall(source.text) for source in probe.sources}
    new = {source.path: _LINE.findall(source.text) for source in changed.sources}
    for edit in second.edits:
        span, path = edit.span, edit.span.path
        if path not in lines or len(lines[path]) != len(new[path]):
            return None
        if lines[path][span.line - 1 : span.end_line] != new[path][span.line - 1 : span.end_line]:
            return None
    return edited(probe, second)


def _difference(probe: Probe, changed: Probe) -> tuple[Edit, ...]:
    """The edits by which one program becomes the other, in whole lines."""
    edits: list[Edit] = []
    for old, new in zip(probe.sources, changed.sources, strict=True):
        before, after = _LINE.findall(old.text), _LINE.findall(new.text)
        for kind, start, end, first, last in difflib.SequenceMatcher(None, before, after, False).get_opcodes():
            if kind != "equal":
                edits.append(Edit(Span(old.path, start + 1, 0, end + 1, 0), "".join(after[first:last])))
    return tuple(edits)


def edited(probe: Probe, fix: Fix) -> Probe | None:
    """The probe of the program after `fix`; None when it edits a file that the probe does not hold."""
    paths = {source.path for source in probe.sources}
    if not {edit.span.path for edit in fix.edits} <= paths:
        return None
    sources: list[Source] = []
    for source in probe.sources:
        changes = [(edit.span, edit.text) for edit in fix.edits if edit.span.path == source.path]
        text = apply(source.text, changes) if changes else source.text
        sources.append(dataclasses.replace(source, text=text))
    return dataclasses.replace(probe, sources=tuple(sources))


def _as_much_is_known(before: Report | None, after: Report) -> bool:
    """Whether a change left no `fit` or its like unknown that was not: what is unknown is silent, not mended.

    A `fit` that the run now comes to, and before did not, may lack what the program lacked before: a file.
    """
    if before is None:
        return True
    missing = {gap.reason for gap in before.gaps} | {call.reason for call in before.calls if call.status == "unknown"}
    missing |= {f"{item.exception}: {item.message}" for item in after.failures}  # told, and so no silence
    return _known(after) >= _known(before) and _unknown(after, missing) <= _unknown(before, missing)


def _raises(fix: Fix, after: Report) -> bool:
    """Whether a line that the fix edits raises now, though not as a fault of shapes: too many values to unpack."""
    places = {(edit.span.path, edit.span.line) for edit in fix.edits}
    return any(gap.kind == "error" and (gap.span.path, gap.span.line) in places for gap in after.gaps)


def _bound(report: Report) -> int:
    """How many layers are given any number of samples, and give a certain one: a sum over the batch axis."""
    return sum(
        any(item.shape and item.shape[0] is None for item in layer.inputs)
        and all(item.shape and item.shape[0] is not None for item in layer.outputs)
        and bool(layer.outputs)
        for layer in report.layers
    )


def _known(report: Report) -> int:
    return sum(call.status != "unknown" for call in report.calls)


def _unknown(report: Report, missing: Container[str | None]) -> int:
    """How many calls are unknown for another reason than `missing`."""
    return sum(call.status == "unknown" and call.reason not in missing for call in report.calls)


def _found(snapshot: Snapshot, changed: Probe, report: Report) -> tuple[Finding, ...]:
    """What is found in `changed`, of which `report` tells."""
    return check(dataclasses.replace(snapshot, text=changed.sources[0].text), (), report, changed.sources[1:])


def holds(before: tuple[Finding, ...], finding: Finding, after: Iterable[Finding]) -> bool:
    """Whether `finding` is gone and nothing as loud as a warning is new: no code is told more often than before.

    A program that raised and now runs may turn out to be silently wrong; that was so before, and is no new fault.
    """
    left = list(after)
    raised = finding.severity is Severity.ERROR
    if louder(before, (item for item in left if not (raised and item.evidence is Evidence.SILENT))):
        return False
    same = sum(item.code == finding.code for item in left)
    return same < sum(item.code == finding.code for item in before)


def _is_gone(finding: Finding, after: Iterable[Finding]) -> bool:
    """Whether nothing in `after` says what the finding says; the lines may have moved."""
    said = finding.code, finding.message.partition("\n")[0]
    return all((item.code, item.message.partition("\n")[0]) != said for item in after)


def louder(before: tuple[Finding, ...], after: Iterable[Finding]) -> bool:
    """Whether a code is told more often after than before, as loud as a warning."""
    return bool(_new(before, after))


def _new(before: tuple[Finding, ...], after: Iterable[Finding]) -> list[Finding]:
    """The findings of codes that are told more often than before, as loud as a warning."""
    loud = (Severity.ERROR, Severity.WARNING)
    had = Counter(item.code for item in before if item.severity in loud)
    found = [item for item in after if item.severity in loud]
    has = Counter(item.code for item in found)
    return [item for item in found if has[item.code] > had[item.code]]


def with_fixes(finding: Finding, tried: list[Fix]) -> Finding:
    """The finding with those of the tried fixes that hold, at the place that the best of them blames."""
    good = [fix for fix in tried if fix.verified]
    if not good:
        return dataclasses.replace(finding, fixes=())
    place = good[0].cause or finding.span
    known = {(item.span.path, item.span.line) for item in finding.related} | {(place.path, place.line)}
    shown = (finding.span.path, finding.span.line) not in known
    related = (*finding.related, Related(finding.span, "it shows here")) if shown else finding.related
    return dataclasses.replace(finding, fixes=tuple(good), span=place, related=related)


def of_one_cause(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """One finding for those, equally loud, that the same edit mends best; the first tells where the others are."""
    kept: dict[object, Finding] = {}
    for finding in findings:
        best = finding.fixes[0].edits if finding.fixes else None
        key = (finding.severity, best) if best else (finding.code, finding.span, finding.message)
        first = kept.setdefault(key, finding)
        if first is not finding:
            places = [item for item in finding.related if item not in first.related]
            kept[key] = dataclasses.replace(first, related=(*first.related, *places))
    return tuple(kept.values())
