"""Where the stand-ins of a dry run go is found once, in the zygote, and not again in every probe."""

from __future__ import annotations

import subprocess
import sys

import pytest

ASK = """
from kls.worker import libraries
libraries.start((), None, False)
from kls.worker.dryrun import aliases
print(len(aliases._watched) > 10, set(aliases._watched) == set(aliases._places))
"""


@pytest.mark.tf
def test_all_names_are_found_before_the_first_probe() -> None:
    done = subprocess.run([sys.executable, "-c", ASK], capture_output=True, encoding="utf-8", timeout=120)
    assert done.stdout.split() == ["True", "True"], done.stderr
