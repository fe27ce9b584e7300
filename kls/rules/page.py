"""The page of all rules, `docs/rules.md`, made from the rules' manuals: `python -m kls.rules.page > docs/rules.md`."""

from __future__ import annotations

import sys

from kls.rules import MODULES


def page() -> str:
    """The page in Markdown: a table of all codes, then each manual under an anchor that is its code."""
    lines = [
        "# Rules",
        "",
        "What kls says, a section for each code. This page is made from the rules' own manuals:",
        "`python -m kls.rules.page > docs/rules.md`.",
        "",
        "| code | severity | says |",
        "|---|---|---|",
    ]
    for module in sorted(MODULES, key=lambda item: item.RULE.code):
        rule = module.RULE
        lines.append(f"| [{rule.code}](#{rule.code}) | {rule.severity.value} | {rule.summary} |")
    for module in sorted(MODULES, key=lambda item: item.RULE.code):
        manual = (module.__doc__ or "").strip().replace("\n## ", "\n### ")
        lines += ["", f"## {module.RULE.code}", "", manual]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
