"""What a survey found, as the tables of `docs/coverage.md`."""

from __future__ import annotations

import json
import re
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tests.corpus.real import METHODS
from tests.corpus.survey import Said, Seen

Key = tuple[str, str, str]
"""Program, line and rule of an error or a warning."""
VERDICTS = ("true", "false", "open")


def judged(path: Path) -> dict[Key, str]:
    """The verdicts of people: a JSON list of [program, line, rule, verdict]; none where there is no such file."""
    if not path.exists():
        return {}
    return {(program, line, rule): verdict for program, line, rule, verdict in json.loads(path.read_text())}


def verdict(seen: Seen, said: Said, verdicts: Mapping[Key, str]) -> str:
    """ "true", "false", or "open" where nobody has judged it yet; what a real run raised needs no judge."""
    return verdicts.get((seen.program, said.line, said.rule)) or ("true" if said.borne else "open")


def figures(every: Sequence[Seen], verdicts: Mapping[Key, str]) -> dict[str, str]:
    """The figures of some programs, in words and numbers."""
    timed = sorted(item.seconds for item in every if item.status == "checked")
    loud = [(item, said) for item in every for said in item.loud]
    of = Counter(verdict(item, said, verdicts) for item, said in loud)
    return {
        "programs": str(len(every)),
        "checked": str(sum(item.status == "checked" for item in every)),
        "median s": f"{statistics.median(timed):.1f}" if timed else "-",
        "95 % below s": f"{timed[min(len(timed) - 1, len(timed) * 95 // 100)]:.1f}" if timed else "-",
        "errors": str(sum(said.severity == "error" for _, said in loud)),
        "warnings": str(sum(said.severity == "warning" for _, said in loud)),
        "true": str(of["true"]),
        "false": str(of["false"]),
        "not judged": str(of["open"]),
        "hangs": str(sum(_ended(item) == "time" for item in every)),
        "crashes": str(sum(_ended(item) == "crash" for item in every)),
    }


def _ended(item: Seen) -> str:
    """How a program that was not checked ended: "time", "crash" (of kls or of its worker), else ""."""
    if item.status == "hang" or re.match(r"(the dry run )?stopped after", item.reason or ""):
        return "time"
    if item.status == "crash" or re.match(r"killed|crashed|used up|memory ran out", item.reason or ""):
        return "crash"
    return ""


def by_folder(every: Sequence[Seen], verdicts: Mapping[Key, str]) -> str:
    """One row for each checkout, and one for all."""
    folders: dict[str, list[Seen]] = {}
    for item in every:
        folders.setdefault(item.program.partition("/")[0], []).append(item)
    rows = [(name, figures(items, verdicts)) for name, items in sorted(folders.items())]
    rows.append(("all", figures(every, verdicts)))
    head = list(rows[-1][1])
    return _table(["checkout", *head], [[name, *(of[column] for column in head)] for name, of in rows])


def by_rule(every: Sequence[Seen], verdicts: Mapping[Key, str]) -> str:
    """Findings above hint by rule."""
    counts: dict[str, Counter[str]] = {}
    for item in every:
        for said in item.findings:
            if said.severity != "hint":
                row = counts.setdefault(said.rule, Counter())
                row[said.severity] += 1
                if said in item.loud:
                    row[verdict(item, said, verdicts)] += 1
    columns = ("error", "warning", "information", *VERDICTS)
    rows = sorted(counts.items(), key=lambda pair: (-pair[1]["error"] - pair[1]["warning"], pair[0]))
    return _table(["rule", *columns], [[rule, *(str(of[column]) for column in columns)] for rule, of in rows])


def by_gap(every: Sequence[Seen], most: int = 40) -> str:
    """Why statements were not carried out, the commonest reasons first, names and numbers in them left out."""
    counts: Counter[tuple[str, str]] = Counter()
    programs: dict[tuple[str, str], set[str]] = {}
    for item in every:
        for kind, reason in item.gaps:
            key = (kind, general(reason))
            counts[key] += 1
            programs.setdefault(key, set()).add(item.program)
    rows = [[kind, reason, str(count), str(len(programs[kind, reason]))]
            for (kind, reason), count in counts.most_common(most)]  # fmt: skip
    return _table(["kind", "reason", "statements", "programs"], rows)


def covered(every: Sequence[Seen]) -> dict[str, str]:
    """How much of what real runs built and reached kls shows, in words and numbers."""
    runs = [item.compared for item in every if item.compared is not None and item.compared.layers + item.compared.calls]
    layers, alike = sum(item.layers for item in runs), sum(item.alike for item in runs)
    calls, traced = sum(item.calls for item in runs), sum(item.traced for item in runs)
    return {
        "programs really run": str(len(runs)),
        "layers built": str(layers),
        "shown with the same shapes": f"{alike} ({_share(alike, layers)})",
        "calls reached": str(calls),
        "traced": f"{traced} ({_share(traced, calls)})",
    }


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"


def missing(every: Sequence[Seen], most: int = 30) -> str:
    """Why kls does not show what real runs built and reached, the commonest reasons first."""
    counts: Counter[tuple[str, str]] = Counter()
    for item in every:
        for _, what, why in item.compared.missing if item.compared is not None else ():
            kind = "a call" if what in METHODS else "a layer"
            counts[kind, general(re.sub(r"^shown as .*", "shown with another shape or dtype", why))] += 1
    rows = [[kind, reason, str(count)] for (kind, reason), count in counts.most_common(most)]
    return _table(["missing", "reason", "number"], rows)


def general(reason: str) -> str:
    """A reason without what is particular to one program."""
    text = re.sub(r"'[^']*'|\"[^\"]*\"|`[^`]*`", "'…'", reason)
    text = re.sub(r"(/[\w.+-]+)+/?", "…", text)
    return re.sub(r"\d+(\.\d+)?", "N", text)[:120]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(cell.replace('|', '¦') for cell in row)} |" for row in rows)])
