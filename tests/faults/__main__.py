"""The command: `python -m tests.faults [FOLDER…]`; without a folder, the programs beside this file."""

from __future__ import annotations

import argparse
import asyncio
import importlib.metadata
import pickle
import re
from pathlib import Path

from tests.faults import judge
from tests.faults.judge import Verdict
from tests.faults.truth import Truth

HERE = Path(__file__).parent


def main() -> None:
    """Judge every program of the folders; print what kls missed as it goes, and the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path, default=[HERE / "programs"], metavar="FOLDER")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "kls-faults", help="of the real runs")
    parser.add_argument("--most", type=int, default=6, help="faults of one program")
    parser.add_argument("--programs", default="", help="only those whose name matches this regular expression")
    parser.add_argument("--kinds", default="", help="only faults whose kind matches this regular expression")
    parser.add_argument("--keep", type=Path, default=None, help="write the texts that kls gets wrong to this folder")
    parser.add_argument("--record", type=Path, default=None, help="put the table into this document")
    parser.add_argument("--verdicts", type=Path, default=None, help="keep verdicts here, to do the programs in parts")
    chosen = parser.parse_args()
    verdicts = asyncio.run(_run(chosen))
    if chosen.verdicts is not None:
        known = pickle.loads(chosen.verdicts.read_bytes()) if chosen.verdicts.exists() else []
        fresh = {item.program for item in verdicts}
        verdicts = [*[item for item in known if item.program not in fresh], *verdicts]
        chosen.verdicts.write_bytes(pickle.dumps(verdicts))
    section = _section(verdicts)
    print("\n" + section)
    if chosen.record is not None:
        text = chosen.record.read_text(encoding="utf-8") if chosen.record.exists() else "# What kls covers\n"
        before, found, after = text.partition(f"{HEADING}\n")
        rest = after.partition("\n## ")
        behind = f"\n## {rest[2]}" if found and rest[1] else ""
        chosen.record.write_text(f"{before.rstrip()}\n\n{section}{behind}", encoding="utf-8")


HEADING = "## Injected faults"
COLUMNS = ("faults that fail", "reported", "at the changed line", "there, or where it is really repaired too",
           "with a fix that holds", "faults that still run", "of these called errors")  # fmt: skip


def _section(verdicts: list[Verdict]) -> str:
    """The figures as a section of `docs/coverage.md`."""
    every = judge.figures(verdicts)
    kinds = sorted({item.fault.kind for item in verdicts} - {"none"})
    rows = ["| fault | " + " | ".join(COLUMNS) + " |", "|---|" + "---|" * len(COLUMNS)]
    for kind in [*kinds, "all"]:
        of = judge.figures(item for item in verdicts if item.fault.kind in (kind, "none") or kind == "all")
        rows.append(f"| {kind} | " + " | ".join(str(of[name]) for name in COLUMNS) + " |")
    table = "\n".join(rows)
    return f"""{HEADING}

One fault is put into a working program, the program is run for real to know the truth, and kls is asked. Written by
`python -m tests.faults --record docs/coverage.md`: {every["programs"]} programs
({every["called errors though they work"]} of them called errors though they work), at most the number of faults each
that `--most` says, with Keras {importlib.metadata.version("keras")}.

{table}
"""


async def _run(chosen: argparse.Namespace) -> list[Verdict]:
    verdicts: list[Verdict] = []
    with Truth(chosen.cache) as truth:
        async with judge.asker() as host:
            for name, files in judge.programs(chosen.folders).items():
                if re.search(chosen.programs, name):
                    async for verdict in judge.judged(host, truth, name, files, chosen.most, chosen.kinds):
                        verdicts.append(verdict)
                        _tell(verdict, chosen.keep)
    return verdicts


def _tell(verdict: Verdict, keep: Path | None) -> None:
    """One line for what kls gets wrong, or not quite right."""
    fault, truth = verdict.fault, verdict.truth
    if truth.failed and not verdict.errors:
        word = "MISSED"
    elif truth.runs and verdict.errors:
        word = "FALSE"
    elif truth.failed and not verdict.on_line:
        word = "TWIN" if verdict.repaired_elsewhere else "LINE"
    elif truth.failed and not verdict.has_fix:
        word = "NO FIX"
    else:
        return
    place = f"{verdict.program} {fault.kind} {sorted(fault.lines)} {fault.what}"
    said = [(item.code, item.span.line, item.message.split("\n")[0][:120]) for item in verdict.errors]
    print(
        f"{word:7}{place}\n       truth: line {truth.line} {truth.exception}: {truth.message[:200]!r} in {truth.raiser}"
    )
    print(f"       kls: {said}{f' ({verdict.trouble})' if verdict.trouble else ''}", flush=True)
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        name = re.sub(r"\W+", "-", f"{word}-{fault.kind}-{verdict.program}-{min(fault.lines, default=0)}")
        (keep / f"{name}.py").write_text(fault.text, encoding="utf-8", errors="surrogatepass")


if __name__ == "__main__":
    main()
