"""The command: `python -m tests.corpus FOLDER…`, checkouts of repositories that were not written here.

Looks at every program in them that uses Keras and prints the figures; each error and warning is listed for a person to
judge. `--coverage` also runs each program for real, cut short and in a sandbox, and holds what it builds and reaches
against what kls shows. Nothing is downloaded. A full run takes an hour; `--results` keeps what was seen, so that it can
be done in parts, and `--again` asks anew.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.metadata
import re
import sys
from pathlib import Path

from tests.corpus import survey, tables
from tests.corpus.coverage import Runner
from tests.corpus.survey import Seen

HERE = Path(__file__).parent


def main() -> None:
    """Survey, list what is to be judged, print the tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.corpus", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="a checkout, or a file of one")
    parser.add_argument("--most", type=int, default=None, help="programs of one checkout, evenly spread")
    parser.add_argument("--programs", default="", help="only those whose name matches this regular expression")
    parser.add_argument("--results", type=Path, default=None, help="keep what was seen in this file")
    parser.add_argument("--again", action="store_true", help="look again at programs that --results knows")
    parser.add_argument("--known", action="store_true", help="only tables of what --results knows")
    parser.add_argument("--state", default="", help="a sentence for the document: what was looked at, when, where")
    parser.add_argument("--coverage", action="store_true", help="run each program for real too")
    parser.add_argument("--verdicts", type=Path, default=HERE / "verdicts.json", help="what people judged")
    parser.add_argument("--record", type=Path, default=None, help="put the figures into this document")
    chosen = parser.parse_args()
    for name in ("results", "verdicts", "record"):
        if getattr(chosen, name) is not None:
            setattr(chosen, name, getattr(chosen, name).resolve())
    every = asyncio.run(_run(chosen))
    verdicts = tables.judged(chosen.verdicts)
    print()
    for item in every:
        for said in item.loud:
            print(f"{tables.verdict(item, said, verdicts):6}{item.program}:{said.line} {said.severity} [{said.rule}]")
            print(f"      {said.message}")
    print()
    for item in every:
        if item.status != "checked":
            print(f"{item.status}: {item.program}: {item.reason}")
    if chosen.coverage:
        for item in every:
            for line, what, why in item.compared.missing if item.compared is not None else ():
                print(f"missing: {item.program}:{line} {what}: {why}")
        print(f"\n{tables.missing(every)}\n\n{tables.covered(every)}")
    print(f"\n{tables.by_rule(every, verdicts)}\n\n{tables.by_gap(every)}\n\n{tables.by_folder(every, verdicts)}")
    if chosen.record is not None:
        section = f"""{HEADING}

`kls check` on programs that were not written here, each as it is. Written by
`python -m tests.corpus FOLDER… --record docs/coverage.md` with Keras {importlib.metadata.version("keras")}.
"True" is an error or a warning that today's Keras really bears out: a real run raised there, or a person judged it
(`tests/corpus/verdicts.json`).
{chosen.state}

{tables.by_folder(every, verdicts)}

{tables.by_rule(every, verdicts)}
"""
        record(chosen.record, HEADING, section)
        if chosen.coverage:
            figures = "\n".join(f"- {what}: {number}" for what, number in tables.covered(every).items())
            section = f"""{SHAPES}

The same programs are really run as well: loaders give small real arrays, training goes one step, a statement that
fails does not end the run, though what it should have bound is taken away, two minutes at most. A layer counts as
shown where kls has the very shapes and dtypes that it really gave; a call of `fit`, `evaluate`, `predict` or their kin
as traced where kls followed it, or told that it fails. Written by the same command with `--coverage`.

{figures}

{tables.missing(every)}
"""
            record(chosen.record, SHAPES, section)


SHAPES = "## Shapes shown, against real runs"
HEADING = "## Programs as people write them"


def record(document: Path, heading: str, section: str) -> None:
    """Put `section` into the document in place of the one with its `heading`, or behind the others."""
    text = document.read_text(encoding="utf-8") if document.exists() else "# What kls finds, measured\n"
    before, found, after = text.partition(f"{heading}\n")
    rest = after.partition("\n## ")
    behind = f"\n## {rest[2]}" if found and rest[1] else ""
    document.write_text(f"{before.rstrip()}\n\n{section}{behind}", encoding="utf-8")


async def _run(chosen: argparse.Namespace) -> list[Seen]:
    known = {item.program: item for item in (survey.read(chosen.results) if chosen.results else [])}
    folders = [folder.resolve() for folder in chosen.folders]
    seen: list[Seen] = []
    runner = Runner(sys.executable) if chosen.coverage else None
    for folder in folders:
        home = folder if folder.is_dir() else folder.parent
        paths = [folder] if folder.is_file() else survey.programs(folder, chosen.most)
        names = {path: f"{home.name}/{path.relative_to(home)}" for path in paths}
        wanted = [path for path in paths if re.search(chosen.programs, names[path])]
        seen += [known[names[path]] for path in wanted if names[path] in known and not chosen.again]
        fresh = [path for path in wanted if (names[path] not in known or chosen.again) and not chosen.known]
        async for item in survey.survey(home, fresh, runner):
            seen.append(item)
            known[item.program] = item
            calls = ", ".join(f"{count} {status}" for status, count in sorted(item.calls.items()))
            print(f"{item.seconds:5.1f} s {item.status:8}{len(item.loud):3} {item.program} ({calls})", flush=True)
            if chosen.results is not None:
                survey.write(chosen.results, known.values())
    if runner is not None:
        runner.stop()
    return seen


if __name__ == "__main__":
    main()
