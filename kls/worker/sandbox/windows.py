"""Windows: a job object around an AppContainer or, failing that, a restricted token of low integrity.

The job ends its one process when the launcher's handle closes, however the launcher ends, allows no second process,
and limits memory and processor time. An AppContainer without capabilities has no network, and reads and writes only
what names it: the packages and the private folder get an entry for it in their access lists, which stays (that one
container may read packages). A token of low integrity can write nearly nowhere, but reads, and has the network.
Nobody has run this on Windows yet: what holds there is found out by trying at each start (`elsewhere.py`).

All structures and numbers are made anywhere, so that they are tested anywhere; the libraries of Windows are loaded by
the first call. Declarations: winnt.h, winbase.h, accctrl.h of the Windows SDK. Standard library alone, Python 3.9 on.
"""

from __future__ import annotations

import ctypes
import functools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from ctypes import c_int64, c_size_t, c_uint16, c_uint32, c_uint64, c_void_p, c_wchar_p
from types import SimpleNamespace
from typing import Any, NamedTuple, Optional

from .policy import Policy, venv_home

CONTAINER = "kls.dry-run"
"""The name of the AppContainer, which each user has once."""
LOW = "S-1-16-4096"
"""The security identifier of low integrity."""
ALL_CONTAINERS = "S-1-15-2-1"
"""Of all containers: what lies in Program Files and in Windows itself names them already."""

LIMIT_PROCESS_TIME, LIMIT_ACTIVE_PROCESS, LIMIT_PROCESS_MEMORY = 0x2, 0x8, 0x100
LIMIT_JOB_MEMORY, LIMIT_DIE_ON_EXCEPTION, LIMIT_KILL_ON_CLOSE = 0x200, 0x400, 0x2000
EXTENDED_LIMITS, UI_RESTRICTIONS, CPU_RATE = 9, 4, 15
"""Classes of information of a job."""
ALL_UI = 0xFF
"""No clipboard, desktop, display or system settings, handles of others, global atoms, logging off."""
CPU_RATE_HARD_CAP = 0x1 | 0x4
"""Enabled, and a hard cap, in hundredths of a percent of all processors."""
ATTRIBUTE_HANDLES, ATTRIBUTE_CAPABILITIES = 0x20002, 0x20009
CREATION = 0x4 | 0x400 | 0x80000 | 0x08000000
"""CREATE_SUSPENDED, CREATE_UNICODE_ENVIRONMENT, EXTENDED_STARTUPINFO_PRESENT, CREATE_NO_WINDOW."""
USE_HANDLES = 0x100
FILE_READ, FILE_EXECUTE, FILE_ALL = 0x120089, 0x1200A0, 0x1F01FF
GRANT, INHERITED, OF_SID, ON_FILE, DACL, LABEL = 1, 3, 0, 1, 4, 0x10
DISABLE_MAX_PRIVILEGE, TOKEN_ALL, TOKEN_INTEGRITY, SE_GROUP_INTEGRITY = 0x1, 0xF01FF, 25, 0x20
EXISTS = 0x800700B7
"""HRESULT of ERROR_ALREADY_EXISTS."""
_START_SECONDS = 60
"""Processor time beside that of a dry run: importing TensorFlow."""
_LIBRARY_BYTES = 3 << 30
"""Committed memory beside that of a dry run: what TensorFlow itself takes, with a margin."""


class BasicLimits(ctypes.Structure):
    """JOBOBJECT_BASIC_LIMIT_INFORMATION; times are in units of 100 ns."""

    _fields_ = (
        ("PerProcessUserTimeLimit", c_int64),
        ("PerJobUserTimeLimit", c_int64),
        ("LimitFlags", c_uint32),
        ("MinimumWorkingSetSize", c_size_t),
        ("MaximumWorkingSetSize", c_size_t),
        ("ActiveProcessLimit", c_uint32),
        ("Affinity", c_size_t),
        ("PriorityClass", c_uint32),
        ("SchedulingClass", c_uint32),
    )


class ExtendedLimits(ctypes.Structure):
    """JOBOBJECT_EXTENDED_LIMIT_INFORMATION, with IO_COUNTERS in it."""

    _fields_ = (
        ("Basic", BasicLimits),
        ("IoInfo", c_uint64 * 6),
        ("ProcessMemoryLimit", c_size_t),
        ("JobMemoryLimit", c_size_t),
        ("PeakProcessMemoryUsed", c_size_t),
        ("PeakJobMemoryUsed", c_size_t),
    )


class CpuRate(ctypes.Structure):
    """JOBOBJECT_CPU_RATE_CONTROL_INFORMATION."""

    _fields_ = (("ControlFlags", c_uint32), ("CpuRate", c_uint32))


class SidAndAttributes(ctypes.Structure):
    """SID_AND_ATTRIBUTES, and TOKEN_MANDATORY_LABEL."""

    _fields_ = (("Sid", c_void_p), ("Attributes", c_uint32))


class Capabilities(ctypes.Structure):
    """SECURITY_CAPABILITIES."""

    _fields_ = (
        ("AppContainerSid", c_void_p),
        ("Capabilities", c_void_p),
        ("CapabilityCount", c_uint32),
        ("Reserved", c_uint32),
    )


class StartupInfo(ctypes.Structure):
    """STARTUPINFOEXW."""

    _fields_ = (
        ("cb", c_uint32),
        ("lpReserved", c_wchar_p),
        ("lpDesktop", c_wchar_p),
        ("lpTitle", c_wchar_p),
        *((name, c_uint32) for name in ("dwX", "dwY", "dwXSize", "dwYSize", "dwXCountChars", "dwYCountChars")),
        ("dwFillAttribute", c_uint32),
        ("dwFlags", c_uint32),
        ("wShowWindow", c_uint16),
        ("cbReserved2", c_uint16),
        ("lpReserved2", c_void_p),
        ("hStdInput", c_void_p),
        ("hStdOutput", c_void_p),
        ("hStdError", c_void_p),
        ("lpAttributeList", c_void_p),
    )


class ProcessInformation(ctypes.Structure):
    """PROCESS_INFORMATION."""

    _fields_ = (
        ("hProcess", c_void_p),
        ("hThread", c_void_p),
        ("dwProcessId", c_uint32),
        ("dwThreadId", c_uint32),
    )


class Trustee(ctypes.Structure):
    """TRUSTEE_W."""

    _fields_ = (
        ("pMultipleTrustee", c_void_p),
        ("MultipleTrusteeOperation", c_uint32),
        ("TrusteeForm", c_uint32),
        ("TrusteeType", c_uint32),
        ("ptstrName", c_void_p),
    )


class Access(ctypes.Structure):
    """EXPLICIT_ACCESS_W."""

    _fields_ = (
        ("grfAccessPermissions", c_uint32),
        ("grfAccessMode", c_uint32),
        ("grfInheritance", c_uint32),
        ("Trustee", Trustee),
    )


class Started(NamedTuple):
    """A process in its job, by their handles."""

    process: int
    job: int


def limits(policy: Policy) -> ExtendedLimits:
    """The limits of the job: one process, which ends with the job, memory, processor time."""
    made = ExtendedLimits()
    made.Basic.LimitFlags = (
        LIMIT_KILL_ON_CLOSE
        | LIMIT_ACTIVE_PROCESS
        | LIMIT_PROCESS_MEMORY
        | LIMIT_JOB_MEMORY
        | LIMIT_PROCESS_TIME
        | LIMIT_DIE_ON_EXCEPTION
    )
    made.Basic.ActiveProcessLimit = 1
    made.Basic.PerProcessUserTimeLimit = (policy.cpu_seconds + _START_SECONDS) * 10_000_000
    made.ProcessMemoryLimit = made.JobMemoryLimit = policy.data_bytes + _LIBRARY_BYTES
    return made


def rate(processors: int) -> CpuRate:
    """At most two processors of so many."""
    return CpuRate(CPU_RATE_HARD_CAP, max(1, min(10_000, 20_000 // max(1, processors))))


def environment_block(environment: Mapping[str, str]) -> str:
    """The text that CreateProcess takes for an environment: sorted by name whatever the case, each ended by a NUL, and
    one more. Raises ValueError for a name or value that would end early."""
    for name, value in environment.items():
        if not name or "\0" in name + value or "=" in name:
            raise ValueError(f"no environment variable: {name!r}")
    pairs = sorted(environment.items(), key=lambda pair: pair[0].upper())
    return "".join(f"{name}={value}\0" for name, value in pairs) + "\0"


def direct(executable: str) -> tuple[str, dict[str, str]]:
    """The program to start for the Python at `executable`, and what it needs in its environment.

    The python.exe of a virtual environment starts the real one as a second process, which the job does not allow; the
    variable says what it would have said (as `multiprocessing.popen_spawn_win32` does it).
    """
    folder = os.path.dirname(executable)
    home = venv_home(os.path.join(os.path.dirname(folder), "pyvenv.cfg"))
    program = os.path.join(home, os.path.basename(executable)) if home else executable
    return program, {"__PYVENV_LAUNCHER__": executable} if home else {}


def access(sid: int, rights: int, inherited: bool) -> Access:
    """An entry that grants `rights` to a security identifier, with all that lies below a folder where `inherited`."""
    return Access(rights, GRANT, INHERITED if inherited else 0, Trustee(None, 0, OF_SID, 0, sid))


def start(
    policy: Policy,
    command: Sequence[str],
    environment: Mapping[str, str],
    handles: tuple[int, int, int],
    container: bool,
    readable: Iterable[str],
) -> Started:
    """Start `command` in a job and in the container, or else with a token of low integrity.

    `handles` are its three standard ones, inheritable. `readable` are folders and files that the container may read.
    Raises OSError with the step that failed, after which nothing runs.
    """
    api = _api()
    capabilities, token = Capabilities(), None
    if container:
        capabilities.AppContainerSid = _container()
        for path in readable:
            _open_to(path, int(capabilities.AppContainerSid), FILE_READ | FILE_EXECUTE)
        _open_to(policy.temporary, int(capabilities.AppContainerSid), FILE_ALL)
    else:
        token = _low_token()
        _label_low(policy.temporary)
    job = _job(policy)
    inherited = (c_void_p * len(set(handles)))(*sorted(set(handles)))
    size = c_size_t(0)
    api.InitializeProcThreadAttributeList(None, 2, 0, ctypes.byref(size))
    room = ctypes.create_string_buffer(size.value)
    _check(api.InitializeProcThreadAttributeList(room, 2, 0, ctypes.byref(size)), "InitializeProcThreadAttributeList")
    given: list[tuple[int, Any]] = [(ATTRIBUTE_HANDLES, inherited)]
    if container:
        given.append((ATTRIBUTE_CAPABILITIES, capabilities))
    for attribute, value in given:
        done = api.UpdateProcThreadAttribute(room, 0, attribute, ctypes.byref(value), ctypes.sizeof(value), None, None)
        _check(done, "UpdateProcThreadAttribute")
    info, made = startup(handles, ctypes.addressof(room)), ProcessInformation()
    line = ctypes.create_unicode_buffer(_command_line(command))
    block = ctypes.create_unicode_buffer(environment_block(environment))
    more = (None, None, 1, CREATION, block, policy.temporary, ctypes.byref(info), ctypes.byref(made))
    if token is None:
        _check(api.CreateProcessW(command[0], line, *more), "CreateProcess")
    else:
        _check(api.CreateProcessAsUserW(token, command[0], line, *more), "CreateProcessAsUser")
    if not api.AssignProcessToJobObject(job, made.hProcess):
        number = _last_error()
        api.TerminateProcess(made.hProcess, 1)
        raise OSError(number, "AssignProcessToJobObject")
    api.ResumeThread(made.hThread)
    api.CloseHandle(made.hThread)
    return Started(int(made.hProcess), job)


def inheritable(descriptors: tuple[int, int, int]) -> tuple[int, int, int]:
    """The handles behind three descriptors, for a child to inherit."""
    import msvcrt

    handle_of: Any = getattr(msvcrt, "get_osfhandle")  # noqa: B009 - it exists on Windows alone
    pass_on: Any = getattr(os, "set_handle_inheritable")  # noqa: B009
    first, second, third = (int(handle_of(descriptor)) for descriptor in descriptors)
    for handle in (first, second, third):
        pass_on(handle, True)
    return first, second, third


def startup(handles: tuple[int, int, int], attributes: int) -> StartupInfo:
    """What CreateProcess is told of standard handles and of the list of attributes."""
    info = StartupInfo(cb=ctypes.sizeof(StartupInfo), dwFlags=USE_HANDLES, lpAttributeList=attributes)
    info.hStdInput, info.hStdOutput, info.hStdError = handles
    return info


def wait(started: Started, server: int) -> int:
    """Wait until the process ends, or the server does (then it is ended): the exit code."""
    api = _api()
    forever, synchronize = 0xFFFFFFFF, 0x100000
    watched = [started.process]
    other = api.OpenProcess(synchronize, 0, server)
    if other:
        watched.append(other)
    found = api.WaitForMultipleObjects(len(watched), (c_void_p * len(watched))(*watched), 0, forever)
    if found != 0:
        api.TerminateJobObject(started.job, 1)
        api.WaitForSingleObject(started.process, 10_000)
    code = c_uint32(1)
    api.GetExitCodeProcess(started.process, ctypes.byref(code))
    return int(code.value)


def end(started: Started) -> None:
    """End the process and let go of it."""
    api = _api()
    api.TerminateJobObject(started.job, 1)
    api.WaitForSingleObject(started.process, 10_000)
    api.CloseHandle(started.process)
    api.CloseHandle(started.job)


_POINTERS = ("CreateJobObjectW", "OpenProcess", "GetCurrentProcess")
_TYPES: dict[str, Any] = {"p": c_void_p, "w": c_wchar_p, "d": c_uint32, "s": c_size_t}
_SIGNATURES = {
    "kernel32": """
        CreateJobObjectW:pw SetInformationJobObject:pdpd AssignProcessToJobObject:pp TerminateJobObject:pd
        TerminateProcess:pd InitializeProcThreadAttributeList:pddp UpdateProcThreadAttribute:pdspspp
        CreateProcessW:wpppddpwpp ResumeThread:p CloseHandle:p OpenProcess:ddd GetCurrentProcess: WaitForSingleObject:pd
        WaitForMultipleObjects:dpdd GetExitCodeProcess:pp LocalFree:p
    """,
    "advapi32": """
        OpenProcessToken:pdp CreateRestrictedToken:pddpdpdpp SetTokenInformation:pdpd GetLengthSid:p EqualSid:pp
        ConvertStringSidToSidW:wp CreateProcessAsUserW:pwpppddpwpp GetNamedSecurityInfoW:wddppppp
        SetNamedSecurityInfoW:wddpppp SetEntriesInAclW:dppp GetExplicitEntriesFromAclW:ppp
        ConvertStringSecurityDescriptorToSecurityDescriptorW:wdpp GetSecurityDescriptorSacl:pppp
    """,
    "userenv": "CreateAppContainerProfile:wwwpdp DeriveAppContainerSidFromAppContainerName:wp",
}
"""The functions of Windows that are called here, by library, with the `_TYPES` of their parameters."""


def signatures() -> Iterator[tuple[str, str, list[Any]]]:
    """(library, function, types of its parameters) of all of them."""
    for library, functions in _SIGNATURES.items():
        for name, letters in (function.split(":") for function in functions.split()):
            yield library, name, [_TYPES[letter] for letter in letters]


@functools.lru_cache(maxsize=1)
def _api() -> Any:
    load: Any = getattr(ctypes, "WinDLL")  # noqa: B009 - it exists on Windows alone
    made: dict[str, Any] = {}
    for library, name, types in signatures():
        function = getattr(load(library, use_last_error=True), name)
        function.argtypes = types
        function.restype = c_void_p if name in _POINTERS else c_uint32
        made[name] = function
    return SimpleNamespace(**made)


def _last_error() -> int:
    return int(getattr(ctypes, "get_last_error")())  # noqa: B009 - it exists on Windows alone


def _check(value: Optional[int], step: str) -> int:
    if not value:
        raise OSError(_last_error(), step)
    return value


def _zero(code: int, step: str) -> None:
    """For functions that answer an error code."""
    if code:
        raise OSError(code, step)


def _command_line(command: Sequence[str]) -> str:
    import subprocess

    return subprocess.list2cmdline(command)


def _job(policy: Policy) -> int:
    """A job with all its limits. Only the limit to processors may be missing: Windows refuses it in some sessions."""
    api = _api()
    job = _check(api.CreateJobObjectW(None, None), "CreateJobObject")
    for kind, value, needed in (
        (EXTENDED_LIMITS, limits(policy), True),
        (UI_RESTRICTIONS, c_uint32(ALL_UI), True),
        (CPU_RATE, rate(os.cpu_count() or 1), False),
    ):
        done = api.SetInformationJobObject(job, kind, ctypes.byref(value), ctypes.sizeof(value))
        if needed:
            _check(done, f"SetInformationJobObject({kind})")
    return job


def _container() -> int:
    """The security identifier of the container, which is made when this user has none."""
    api, sid = _api(), c_void_p()
    what = "The programs that kls, the Keras Language Server, dry-runs"
    code = api.CreateAppContainerProfile(CONTAINER, "kls dry runs", what, None, 0, ctypes.byref(sid))
    if code == EXISTS:
        code = api.DeriveAppContainerSidFromAppContainerName(CONTAINER, ctypes.byref(sid))
    _zero(code, "CreateAppContainerProfile")
    return int(sid.value or 0)


def _sid(text: str) -> int:
    sid = c_void_p()
    _check(_api().ConvertStringSidToSidW(text, ctypes.byref(sid)), "ConvertStringSidToSid")
    return int(sid.value or 0)


def _open_to(path: str, sid: int, rights: int) -> None:
    """Let a container use a file, or a folder with all that is in it, unless it may already."""
    if not os.path.lexists(path):
        return
    api, old, new, descriptor = _api(), c_void_p(), c_void_p(), c_void_p()
    code = api.GetNamedSecurityInfoW(path, ON_FILE, DACL, None, None, ctypes.byref(old), None, ctypes.byref(descriptor))
    _zero(code, f"GetNamedSecurityInfo({path})")
    try:
        if _may(old, (sid, _sid(ALL_CONTAINERS)), rights):
            return
        entry = access(sid, rights, inherited=os.path.isdir(path))
        _zero(api.SetEntriesInAclW(1, ctypes.byref(entry), old, ctypes.byref(new)), f"SetEntriesInAcl({path})")
        code = api.SetNamedSecurityInfoW(path, ON_FILE, DACL, None, None, new, None)
        _zero(code, f"SetNamedSecurityInfo({path})")
    finally:
        for block in (descriptor, new):
            if block.value:
                api.LocalFree(block)


def _may(acl: c_void_p, sids: tuple[int, ...], rights: int) -> bool:
    """Whether an access list grants `rights` to one of the identifiers in an entry of its own."""
    api, count, entries = _api(), c_uint32(0), c_void_p()
    if api.GetExplicitEntriesFromAclW(acl, ctypes.byref(count), ctypes.byref(entries)) or not entries.value:
        return False
    try:
        found = (Access * count.value).from_address(entries.value)
        return any(
            entry.grfAccessMode == GRANT
            and entry.Trustee.TrusteeForm == OF_SID
            and entry.grfAccessPermissions & rights == rights
            and any(api.EqualSid(entry.Trustee.ptstrName, sid) for sid in sids)
            for entry in found
        )
    finally:
        api.LocalFree(entries)


def _low_token() -> int:
    """This process's token without privileges and with low integrity."""
    api, own, restricted = _api(), c_void_p(), c_void_p()
    _check(api.OpenProcessToken(api.GetCurrentProcess(), TOKEN_ALL, ctypes.byref(own)), "OpenProcessToken")
    done = api.CreateRestrictedToken(own, DISABLE_MAX_PRIVILEGE, 0, None, 0, None, 0, None, ctypes.byref(restricted))
    _check(done, "CreateRestrictedToken")
    sid = _sid(LOW)
    label = SidAndAttributes(sid, SE_GROUP_INTEGRITY)
    size = ctypes.sizeof(label) + api.GetLengthSid(sid)
    _check(api.SetTokenInformation(restricted, TOKEN_INTEGRITY, ctypes.byref(label), size), "SetTokenInformation")
    return int(restricted.value or 0)


def _label_low(folder: str) -> None:
    """Let processes of low integrity write in a folder."""
    api, descriptor, acl = _api(), c_void_p(), c_void_p()
    present, default = c_uint32(), c_uint32()
    text = "S:(ML;OICI;NW;;;LW)"
    done = api.ConvertStringSecurityDescriptorToSecurityDescriptorW(text, 1, ctypes.byref(descriptor), None)
    _check(done, "ConvertStringSecurityDescriptorToSecurityDescriptor")
    done = api.GetSecurityDescriptorSacl(descriptor, ctypes.byref(present), ctypes.byref(acl), ctypes.byref(default))
    _check(done, "GetSecurityDescriptorSacl")
    _zero(api.SetNamedSecurityInfoW(folder, ON_FILE, LABEL, None, None, None, acl), f"SetNamedSecurityInfo({folder})")
