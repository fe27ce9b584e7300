"""Structures, numbers and texts for Windows, held against those of its SDK. Nobody has run them on Windows.

Sizes and numbers below were read off the headers of mingw-w64 10 (winnt.h, winbase.h, accctrl.h, userenv.h), compiled
for x86-64, and agree with the pages of learn.microsoft.com that are named after the structures.
"""

from __future__ import annotations

import ctypes
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kls.worker.sandbox import policy as policies
from kls.worker.sandbox import windows
from kls.worker.sandbox.policy import Policy

from .worlds import SANDBOX

MINE = Policy("C:/x/python.exe", (), "C:/t")
SIZES = {
    windows.BasicLimits: 64, windows.ExtendedLimits: 144, windows.CpuRate: 8, windows.SidAndAttributes: 16,
    windows.Capabilities: 24, windows.StartupInfo: 112, windows.ProcessInformation: 24, windows.Trustee: 32,
    windows.Access: 48,
}  # fmt: skip


@pytest.mark.parametrize("structure, size", SIZES.items(), ids=lambda item: getattr(item, "__name__", ""))
def test_sizes(structure: type[ctypes.Structure], size: int) -> None:
    assert ctypes.sizeof(structure) == size


@pytest.mark.parametrize(
    "structure, field, offset",
    [
        (windows.ExtendedLimits, "ProcessMemoryLimit", 112),
        (windows.ExtendedLimits, "JobMemoryLimit", 120),
        (windows.BasicLimits, "LimitFlags", 16),
        (windows.BasicLimits, "ActiveProcessLimit", 40),
        (windows.StartupInfo, "dwFlags", 60),
        (windows.StartupInfo, "hStdInput", 80),
        (windows.StartupInfo, "lpAttributeList", 104),
        (windows.Access, "Trustee", 16),
        (windows.Trustee, "ptstrName", 24),
    ],
)
def test_offsets(structure: type[ctypes.Structure], field: str, offset: int) -> None:
    assert getattr(structure, field).offset == offset


def test_numbers() -> None:
    assert (windows.EXTENDED_LIMITS, windows.UI_RESTRICTIONS, windows.CPU_RATE) == (9, 4, 15)
    assert (windows.ATTRIBUTE_HANDLES, windows.ATTRIBUTE_CAPABILITIES) == (131_074, 131_081)
    suspended, unicode, extended, no_window = 4, 1024, 524_288, 134_217_728
    assert suspended + unicode + extended + no_window == windows.CREATION
    assert (windows.FILE_READ, windows.FILE_EXECUTE, windows.FILE_ALL) == (1_179_785, 1_179_808, 2_032_127)
    assert (windows.TOKEN_ALL, windows.TOKEN_INTEGRITY, windows.SE_GROUP_INTEGRITY) == (983_551, 25, 32)
    assert (windows.DISABLE_MAX_PRIVILEGE, windows.USE_HANDLES) == (1, 256)
    assert (windows.GRANT, windows.INHERITED, windows.OF_SID, windows.ON_FILE, windows.DACL) == (1, 3, 0, 1, 4)


def test_the_limits_of_the_job() -> None:
    made = windows.limits(MINE)
    kill_on_close, one_process, process_memory, job_memory, die, process_time = 8192, 8, 256, 512, 1024, 2
    assert made.Basic.LimitFlags == kill_on_close + one_process + process_memory + job_memory + die + process_time
    breakaway, silent_breakaway = 0x800, 0x1000
    assert not made.Basic.LimitFlags & (breakaway | silent_breakaway)
    assert made.Basic.ActiveProcessLimit == 1
    assert made.Basic.PerProcessUserTimeLimit == 120 * 10_000_000
    assert made.ProcessMemoryLimit == made.JobMemoryLimit == 5 << 30


@pytest.mark.parametrize("processors, share", [(1, 10_000), (2, 10_000), (4, 5_000), (128, 156), (0, 10_000)])
def test_two_processors(processors: int, share: int) -> None:
    made = windows.rate(processors)
    enabled, hard_cap = 1, 4
    assert (made.ControlFlags, made.CpuRate) == (enabled + hard_cap, share)


def test_the_environment_of_a_process() -> None:
    text = windows.environment_block({"b": "2", "A": "1", "C": ""})
    assert text == "A=1\0b=2\0C=\0\0"
    buffer = ctypes.create_unicode_buffer(text)
    assert buffer[: len(text)] == text, "what lies behind the first NUL goes along"
    for bad in ({"a": "x\0b"}, {"": "x"}, {"a=b": "x"}, {"a\0": "x"}):
        with pytest.raises(ValueError):
            windows.environment_block(bad)


def test_the_interpreter_of_a_virtual_environment_is_started_directly(tmp_path: Path) -> None:
    (tmp_path / "venv/Scripts").mkdir(parents=True)
    python = str(tmp_path / "venv/Scripts/python.exe")
    assert windows.direct(python) == (python, {})
    (tmp_path / "venv/pyvenv.cfg").write_text("home = /base\n")
    program, more = windows.direct(python)
    assert (Path(program), more) == (Path("/base/python.exe"), {"__PYVENV_LAUNCHER__": python})


def test_roots(tmp_path: Path) -> None:
    for name in ("base/python.exe", "base/python312.dll", "base/Lib/os.py", "base/DLLs/x.pyd", "base/secret.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    for name in ("venv/Scripts/python.exe", "venv/Lib/site-packages/x.py", "venv/.env"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "venv/pyvenv.cfg").write_text(f"home = {tmp_path}/base\n")
    found = policies.windows_roots(str(tmp_path / "venv/Scripts/python.exe"))
    names = "venv/Scripts/python.exe venv/Lib venv/pyvenv.cfg base/Lib base/DLLs base/python.exe base/python312.dll"
    assert sorted(found) == sorted(str(tmp_path / name) for name in names.split())


def test_standard_handles() -> None:
    info = windows.startup((10, 20, 30), 40)
    assert (info.cb, info.dwFlags) == (112, 256)
    assert (info.hStdInput, info.hStdOutput, info.hStdError, info.lpAttributeList) == (10, 20, 30, 40)


def test_an_entry_of_an_access_list() -> None:
    entry = windows.access(5, windows.FILE_READ, inherited=True)
    assert (entry.grfAccessPermissions, entry.grfAccessMode, entry.grfInheritance) == (1_179_785, 1, 3)
    assert (entry.Trustee.TrusteeForm, entry.Trustee.ptstrName) == (0, 5)
    assert windows.access(5, windows.FILE_READ, inherited=False).grfInheritance == 0


PARAMETERS = {
    "CreateProcessW": 10, "CreateProcessAsUserW": 11, "CreateRestrictedToken": 9, "UpdateProcThreadAttribute": 7,
    "InitializeProcThreadAttributeList": 4, "SetInformationJobObject": 4, "GetNamedSecurityInfoW": 8,
    "SetNamedSecurityInfoW": 7, "SetEntriesInAclW": 4, "GetExplicitEntriesFromAclW": 3, "CreateAppContainerProfile": 6,
    "DeriveAppContainerSidFromAppContainerName": 2, "SetTokenInformation": 4, "WaitForMultipleObjects": 4,
    "ConvertStringSecurityDescriptorToSecurityDescriptorW": 4, "GetSecurityDescriptorSacl": 4, "OpenProcessToken": 3,
}  # fmt: skip
"""How many parameters the SDK declares."""


def test_signatures() -> None:
    known = {name: len(types) for _, name, types in windows.signatures()}
    assert {name: known[name] for name in PARAMETERS} == PARAMETERS
    names = set(re.findall(r"api(?:\(\))?\.(\w+)", (SANDBOX / "windows.py").read_text()))
    assert names == set(known), "what is called is declared, and nothing else"


def test_it_can_be_imported_where_ctypes_has_no_windll() -> None:
    code = (
        "import ctypes, sys, types; assert not hasattr(ctypes, 'WinDLL'); package = types.ModuleType('p');"
        f"package.__path__ = [{str(SANDBOX)!r}]; sys.modules['p'] = package; import p.windows; print('imported')"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, encoding="utf-8")
    assert done.stdout == "imported\n", done.stderr
