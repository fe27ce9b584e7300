"""The profile for macOS as text: what it says, and what no profile may say. Nobody has run one on a Mac."""

from __future__ import annotations

import ctypes
import os
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from kls.worker.sandbox import seatbelt
from kls.worker.sandbox.policy import Policy

MINE = Policy(
    executable="/Users/me/project/.venv/bin/python",
    roots=("/kls/worker", "/Users/me/project/.venv/lib", "/opt/python/lib"),
    temporary="/private/var/folders/x/kls-1/tmp",
    workspace=("/Users/me/project",),
    readable=("/Users/me/project/data.csv", "/Users/me/project/.env"),
)
GOLDEN = r"""(version 1)
(deny default)
(deny file-map-executable)
(deny process-info*)
(deny nvram*)
(deny iokit-get-properties)
(allow process-exec
  (literal "/opt/python/bin/python3.12"))
(allow process-info* (target self))
(allow signal (target self))
(allow sysctl-read
  (sysctl-name-prefix "hw.")
  (sysctl-name-prefix "machdep.cpu.")
  (sysctl-name "kern.argmax")
  (sysctl-name "kern.hostname")
  (sysctl-name "kern.maxfilesperproc")
  (sysctl-name "kern.osproductversion")
  (sysctl-name "kern.osrelease")
  (sysctl-name "kern.ostype")
  (sysctl-name "kern.osversion")
  (sysctl-name "kern.usrstack64")
  (sysctl-name "kern.version")
  (sysctl-name "sysctl.proc_translated")
  (sysctl-name "vm.loadavg"))
(allow file-read-metadata
  (literal "/")
  (literal "/System")
  (literal "/System/Cryptexes")
  (literal "/System/Volumes")
  (literal "/System/Volumes/Preboot")
  (literal "/System/Volumes/Preboot/Cryptexes")
  (literal "/Users")
  (literal "/Users/me")
  (literal "/Users/me/project")
  (literal "/Users/me/project/.venv")
  (literal "/dev")
  (literal "/kls")
  (literal "/nix")
  (literal "/opt")
  (literal "/opt/python")
  (literal "/opt/python/bin")
  (literal "/private")
  (literal "/private/etc")
  (literal "/private/var")
  (literal "/private/var/db")
  (literal "/private/var/folders")
  (literal "/private/var/folders/x")
  (literal "/private/var/folders/x/kls-1")
  (literal "/usr")
  (literal "/usr/share"))
(allow file-read* (literal "/"))
(allow file-read* file-map-executable
  (subpath "/usr/lib")
  (subpath "/System/Library")
  (subpath "/System/Cryptexes/OS")
  (subpath "/System/Volumes/Preboot/Cryptexes/OS")
  (subpath "/private/var/db/dyld")
  (subpath "/usr/share/zoneinfo")
  (subpath "/usr/share/zoneinfo.default")
  (subpath "/private/var/db/timezone")
  (subpath "/private/etc/localtime")
  (subpath "/usr/share/locale")
  (subpath "/nix/store")
  (subpath "/kls/worker")
  (subpath "/Users/me/project/.venv/lib")
  (subpath "/opt/python/lib")
  (literal "/opt/python/bin/python3.12"))
(allow file-read*
  (literal "/dev/null")
  (literal "/dev/zero")
  (literal "/dev/urandom")
  (literal "/dev/random")
  (literal "/Users/me/project/data.csv")
  (subpath "/private/var/folders/x/kls-1/tmp"))
(allow file-write-data (literal "/dev/null"))
(allow file-write*
  (subpath "/private/var/folders/x/kls-1/tmp"))
(allow file-read-metadata
  (subpath "/Users/me/project"))
(allow file-read-data (require-all (vnode-type DIRECTORY) (subpath "/Users/me/project")))
"""


def test_the_whole_text() -> None:
    assert seatbelt.profile(MINE, ("/opt/python/bin/python3.12",)) == GOLDEN


NEVER = "network mach-lookup process-fork system-socket iokit-open ipc- file-link job-creation default".split()


def allowed(text: str) -> list[str]:
    return re.findall(r"^\(allow (.*?)(?=^\(|\Z)", text, re.MULTILINE | re.DOTALL)


def granted(text: str, *operations: str) -> set[str]:
    """The paths for which one of the operations is allowed."""
    rules = (rule for rule in allowed(text) if set(rule.partition("(")[0].split()) & set(operations))
    return {path for rule in rules for path in re.findall(r'"((?:\\.|[^"\\])*)"', rule)}


NAMES = some.text(some.characters(min_codepoint=32, exclude_characters="/\x7f", exclude_categories=("Cs",)), min_size=1)
PATHS = some.lists(NAMES.filter(lambda name: name not in (".", "..")), min_size=2, max_size=4).map(
    lambda names: "/" + "/".join(names)
)


@settings(deadline=None, max_examples=100)
@given(some.lists(PATHS, min_size=1, max_size=4), PATHS, PATHS, some.lists(PATHS, max_size=3))
def test_whatever_the_paths_nothing_else_is_allowed(
    roots: list[str], temporary: str, workspace: str, readable: list[str]
) -> None:
    policy = Policy(roots[0], tuple(roots), temporary, (workspace,), tuple(readable))
    text = seatbelt.profile(policy, (roots[0],))
    assert text.startswith("(version 1)\n(deny default)\n")
    outside = re.sub(r'"(?:\\.|[^"\\])*"', '""', text)
    assert outside.count("(") == outside.count(")") and '"' not in outside.replace('""', "")
    for rule in allowed(outside):
        assert not any(word in rule for word in NEVER), rule
        if not rule.startswith(("process-info*", "signal")):
            assert '""' in rule, "an operation without a filter is allowed everywhere"
        else:
            assert "(target self)" in rule
    # A path of this machine's may lead through a link, as /lib64 does.
    assert granted(text, "file-write*") == {quoted(temporary), quoted(os.path.realpath(temporary))}
    assert granted(text, "process-exec") == {quoted(roots[0]), quoted(os.path.realpath(roots[0]))}


def quoted(path: str) -> str:
    return path.replace("\\", "\\\\").replace('"', '\\"')


def test_of_a_home_folder_nothing_can_be_read_but_what_is_named() -> None:
    text = seatbelt.profile(MINE, ("/opt/python/bin/python3.12",))
    reading = granted(text, "file-read*", "file-read-data")
    home = {path for path in reading if path.startswith("/Users")}
    assert home == {"/Users/me/project", "/Users/me/project/.venv/lib", "/Users/me/project/data.csv"}
    listing = [rule for rule in allowed(text) if '(subpath "/Users/me/project")' in rule]
    assert all("file-read-metadata" in rule or "(vnode-type DIRECTORY)" in rule for rule in listing)
    for parent in ("/", "/Users", "/Users/me", "/private", "/private/var", "/System/Volumes"):
        assert f'(subpath "{parent}")' not in text


@pytest.mark.parametrize("path", ["/a\n(allow default)", "/a\x00b", "/a\x7f", "/a\rb"])
def test_a_path_with_a_control_character_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match=r"control character|null byte"):
        seatbelt.profile(MINE._replace(roots=(path,)), ("/x",))


def test_a_quote_ends_no_string() -> None:
    text = seatbelt.profile(MINE._replace(roots=('/a")(allow default)(literal "b',)), ("/x",))
    assert '(subpath "/a\\")(allow default)(literal \\"b")' in text


def test_links_are_granted_where_they_lead(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    text = seatbelt.profile(MINE._replace(temporary=str(tmp_path / "link")), ("/x",))
    assert granted(text, "file-write*") == {str(tmp_path / "link"), os.path.realpath(tmp_path / "real")}


def test_a_python_of_a_framework_executes_its_app(tmp_path: Path) -> None:
    version = tmp_path / "Python.framework/Versions/3.12"
    app = version / "Resources/Python.app/Contents/MacOS/Python"
    for path in (app, version / "bin/python3.12"):
        path.parent.mkdir(parents=True)
        path.touch()
    (tmp_path / "python").symlink_to(version / "bin/python3.12")
    found = seatbelt.programs(str(tmp_path / "python"))
    assert found == (str(tmp_path / "python"), str(version / "bin/python3.12"), str(app))


def test_arguments_and_limits() -> None:
    assert seatbelt.arguments("(text)", ["/x/python", "-I"]) == [
        "/usr/bin/sandbox-exec", "-p", "(text)", "/x/python", "-I",
    ]  # fmt: skip
    limits = dict(seatbelt.limits(MINE))
    assert limits == {"CORE": 0, "CPU": 120, "FSIZE": 16 << 20, "NOFILE": 256}
    assert seatbelt.most_resident(MINE) == 4 << 30


def test_the_facts_of_a_process() -> None:
    """sys/proc_info.h: six 64-bit and twelve 32-bit fields; the size must be exact, or the system answers nothing."""
    assert ctypes.sizeof(seatbelt.TaskInfo) == 96
    assert seatbelt.TaskInfo.resident_size.offset == 8
    assert seatbelt.resident(os.getpid()) == 0 or os.uname().sysname == "Darwin"
