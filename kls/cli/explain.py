"""`kls explain`: the manual of a rule, as its module has it."""

from __future__ import annotations

import sys

from kls import rules


def run(code: str | None) -> int:
    """Print the manual of `code`, or the list of codes without one."""
    if code is None:
        width = max(map(len, rules.RULES))
        for rule in rules.RULES.values():
            print(f"{rule.code:{width}}  {rule.severity.value:11}  {rule.summary}")
        return 0
    manual = rules.manual(code)
    if manual is None:
        print(f"kls: no rule has the code {code!r}; `kls explain` lists them", file=sys.stderr)
        return 2
    print(f"{code}\n\n{manual.strip()}")
    return 0
