"""What hostile code may leave behind in its private folder, and that it is removed all the same."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from kls.worker.sandbox.removal import remove

from .worlds import User

TREES = {
    "deep": "for _ in range(1500): os.mkdir('d'); os.chdir('d')",
    "deep and closed": "for _ in range(300): os.mkdir('d', 0o300); os.chdir('d')\nopen('x', 'w').close()",
    "closed": "os.mkdir('d', 0o300); open('d/x', 'w').close(); os.mkdir('e', 0); os.mkdir('f', 0o400)",
    "not writable": "os.makedirs('d/e'); open('d/x', 'w').close(); os.chmod('d', 0o500)",
    "wide": "for n in range(200): os.mkdir(str(n)); os.mkdir(f'{n}/d')",
    "links": "os.symlink('../../kept', 'up'); os.mkdir('d'); os.symlink('../../../kept', 'd/up'); os.symlink('d', 'e')",
    "odd names": "os.mkdir(b'\\xff'); os.mkfifo(b'\\xff/pipe'); os.mkdir('-rf'); open('a\\nb', 'w').close()",
}
SCRIPT = """
import os, resource, sys, tempfile
sys.path.insert(0, sys.argv[1])
from sandbox.removal import remove
base = tempfile.mkdtemp()
os.mkdir(base + "/kept")
open(base + "/kept/file", "w").close()
os.makedirs(base + "/private/worker")
os.chdir(base + "/private/worker")
{tree}
os.chdir("/")
resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))
print(remove(base + "/private"), os.listdir(base), os.listdir(base + "/kept"), remove(base + "/private"))
remove(base)
"""


@pytest.mark.parametrize("tree", TREES)
@pytest.mark.parametrize("name", ["root", "user"])
def test_everything_is_removed(name: str, tree: str, people: dict[str, User]) -> None:
    if name not in people:
        pytest.skip(f"no {name} to run as")
    user = people[name]
    code = SCRIPT.format(tree=TREES[tree])
    with user.start([user.python, "-I", "-c", code, str(user.code)], stderr=subprocess.STDOUT) as process:
        assert process.communicate()[0] == "True ['kept'] ['file'] True\n"


def test_what_cannot_be_removed_is_told_and_costs_nothing_else(people: dict[str, User]) -> None:
    """A folder of another user's in it."""
    if len(people) < 2:
        pytest.skip("needs root and an ordinary user")
    user = people["user"]
    base = Path(tempfile.mkdtemp())
    for name in ("mine", "other/of", "mine too"):
        (base / "filled" / name).mkdir(parents=True)
    for path in (base, base / "filled", base / "filled/mine", base / "filled/mine too"):
        os.chown(path, user.number, user.number)
    code = "import sys; sys.path.insert(0, sys.argv[1]); from sandbox.removal import remove; print(remove(sys.argv[2]))"
    command = [user.python, "-I", "-c", code, str(user.code), str(base / "filled")]
    with user.start(command, stderr=subprocess.STDOUT) as process:
        assert process.communicate()[0] == "False\n"
    assert os.listdir(base / "filled") == ["other"]
    assert remove(str(base))
