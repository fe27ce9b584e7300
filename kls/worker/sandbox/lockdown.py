"""The locks of one process: resource limits, Landlock, an allow-list of system calls, and the test that they hold.

Runs in the launcher and in the author's interpreter: standard library alone, Python 3.9 on, Linux on x86-64 and
aarch64. Landlock and system-call filters act on the calling thread, so every function here wants a process with one
thread. Numbers of system calls: Linux's include/uapi/asm-generic/unistd.h and arch/x86/entry/syscalls.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import functools
import os
import resource
import signal
import stat
import struct
from collections.abc import Iterable
from typing import TYPE_CHECKING, Optional

from .reach import reach

if TYPE_CHECKING:
    from .policy import Policy

_libc = ctypes.CDLL(None, use_errno=True)

# --- system calls -----------------------------------------------------------------------------------------------------
# name:x86-64:aarch64; what an architecture does not have is left out of its table.
_PROBE = """
read:0:63 write:1:64 readv:19:65 writev:20:66 pread64:17:67 pwrite64:18:68 preadv:295:69 pwritev:296:70
preadv2:327:286 pwritev2:328:287 lseek:8:62 close:3:57 close_range:436:436 dup:32:23 dup2:33 dup3:292:24 pipe:22
pipe2:293:59 fstat:5:80 stat:4 lstat:6 newfstatat:262:79 statx:332:291 statfs:137:43 fstatfs:138:44 access:21
faccessat:269:48 faccessat2:439:439 open:2 openat:257:56 readlink:89 readlinkat:267:78 getdents:78
getdents64:217:61 getcwd:79:17 chdir:80:49 fchdir:81:50 mmap:9:222 munmap:11:215 mprotect:10:226 mremap:25:216
madvise:28:233 msync:26:227 mincore:27:232 brk:12:214 mseal:462:462 map_shadow_stack:453:453 membarrier:324:283
get_mempolicy:239:236 futex:202:98 futex_waitv:449:449 futex_wake:454:454 futex_wait:455:455
futex_requeue:456:456 set_robust_list:273:99 rseq:334:293 set_tid_address:218:96
arch_prctl:158 rt_sigaction:13:134 rt_sigprocmask:14:135 rt_sigreturn:15:139 rt_sigpending:127:136
rt_sigtimedwait:128:137 rt_sigsuspend:130:133 sigaltstack:131:132 pause:34 getpid:39:172 gettid:186:178
getppid:110:173 getuid:102:174 geteuid:107:175 getgid:104:176 getegid:108:177 getgroups:115:158
getresuid:118:148 getresgid:120:150 getpgid:121:155 getpgrp:111 getsid:124:156 capget:125:90 sched_yield:24:124
sched_getaffinity:204:123 sched_getparam:143:121 sched_getscheduler:145:120 sched_getattr:315:275
sched_get_priority_max:146:125 sched_get_priority_min:147:126 sched_rr_get_interval:148:127 getcpu:309:168
getpriority:140:141 clock_gettime:228:113 clock_getres:229:114 clock_nanosleep:230:115 nanosleep:35:101
gettimeofday:96:169 time:201 times:100:153 getitimer:36:102 setitimer:38:103 alarm:37 poll:7 ppoll:271:73
select:23 pselect6:270:72 epoll_create:213 epoll_create1:291:20 epoll_ctl:233:21 epoll_wait:232
epoll_pwait:281:22 epoll_pwait2:441:441 eventfd:284 eventfd2:290:19 timerfd_create:283:85 timerfd_settime:286:86
timerfd_gettime:287:87 uname:63:160 sysinfo:99:179 getrlimit:97:163 getrusage:98:165 getrandom:318:278
exit:60:93 exit_group:231:94 restart_syscall:219:128 umask:95:166 ftruncate:77:46 fallocate:285:47 fsync:74:82
fdatasync:75:83 fadvise64:221:223 copy_file_range:326:285 sendfile:40:71
"""
_PROBE_FOLDER = """
unlink:87 unlinkat:263:35 rmdir:84 mkdir:83 mkdirat:258:34 rename:82 renameat:264:38 renameat2:316:276
"""
_ZYGOTE = """
fork:57 vfork:58 execve:59:221 wait4:61:260 waitid:247:95 landlock_create_ruleset:444:444 landlock_add_rule:445:445
landlock_restrict_self:446:446 capset:126:91 setrlimit:160:164 timer_create:222:107
timer_settime:223:110
"""
_CHECKED = (
    "clone:56:220 clone3:435:435 kill:62:129 tgkill:234:131 ioctl:16:29 prctl:157:167 prlimit64:302:261 fcntl:72:25"
)
_FATAL = """
ptrace:101:117 process_vm_readv:310:270 process_vm_writev:311:271 process_madvise:440:440 io_uring_setup:425:425
io_uring_enter:426:426 io_uring_register:427:427 bpf:321:280 userfaultfd:323:282 perf_event_open:298:241
mount:165:40 umount2:166:39 pivot_root:155:41 chroot:161:51 setns:308:268 unshare:272:97 keyctl:250:219
add_key:248:217 request_key:249:218 kexec_load:246:104 kexec_file_load:320:294 init_module:175:105
finit_module:313:273 delete_module:176:106 reboot:169:142 open_by_handle_at:304:265 name_to_handle_at:303:264
move_mount:429:429 open_tree:428:428 fsopen:430:430 fsmount:432:432 fsconfig:431:431 fspick:433:433
mount_setattr:442:442 kcmp:312:272 pidfd_getfd:438:438 iopl:172 ioperm:173 modify_ldt:154 swapon:167:224
swapoff:168:225 acct:163:89 settimeofday:164:170 clock_settime:227:112 adjtimex:159:171 clock_adjtime:305:266
quotactl:179:60 personality:135:92
"""
_EXEC = "execve:59:221 execveat:322:281"
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""AUDIT_ARCH_* of linux/audit.h, by the machine's name."""
_NEWEST = 462
"""Later numbers are unknown to this table: they get ENOSYS, so that C libraries fall back to what is known."""

ALLOW, KILL = 0x7FFF0000, 0x80000000
DENY, ABSENT = 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
_LOAD, _JUMP, _EQUAL, _GREATER_EQUAL, _ANY_BIT, _RETURN = 0x20, 0x05, 0x15, 0x35, 0x45, 0x06
_CLONE_THREAD, _CLONE_OTHER = 0x00010000, 0x7E02A000  # NEW*, CLONE_PTRACE and CLONE_PARENT
_OPEN_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_IOCTLS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)  # TCGETS TIOCGWINSZ FIONREAD FIONBIO FIONCLEX FIOCLEX
_FCNTLS = (0, 1, 2, 3, 4, 5, 36, 1030, 1032)  # DUPFD to GETLK, OFD_GETLK, DUPFD_CLOEXEC, GETPIPE_SZ
"""No SETLK and no flock: a lock on a file that may be read holds up those who want to write it."""
_PRCTL_PROBE = (2, 3, 15, 16, 21, 23, 30, 39, 42, 0x53564D41)  # the GETs, SET_NAME, SET_VMA
_PRCTL_ZYGOTE = (*_PRCTL_PROBE, 22, 24, 28, 38, 47)  # SECCOMP, CAPBSET_DROP, SECUREBITS, NO_NEW_PRIVS, CAP_AMBIENT

_Code = tuple[tuple[int, int, int, int], ...]
"""BPF instructions (operation, jump if true, jump if false, constant), all jumps forward and relative."""


def numbers(text: str, machine: str) -> dict[str, int]:
    """The numbers on `machine` of the calls named in one of the tables above."""
    column = 1 if machine == "x86_64" else 2
    parts = (item.split(":") for item in text.split())
    if machine == "x86_64":
        return {part[0]: int(part[column]) for part in parts}
    return {part[0]: int(part[column]) for part in parts if len(part) > column}


def _ret(action: int) -> _Code:
    return ((_RETURN, 0, 0, action),)


def _argument(index: int, high: bool = False) -> tuple[int, int, int, int]:
    return (_LOAD, 0, 0, 16 + 8 * index + (4 if high else 0))


def _one_of(index: int, values: Iterable[int]) -> _Code:
    """Allow when the low half of an argument is one of `values`; the kernel reads these arguments as 32 bits."""
    wanted = tuple(values)
    tests = tuple((_EQUAL, len(wanted) - place, 0, value) for place, value in enumerate(wanted))
    return (_argument(index), *tests, *_ret(DENY), *_ret(ALLOW))


def _no_bits(index: int, bits: int) -> _Code:
    return (_argument(index), (_ANY_BIT, 0, 1, bits), *_ret(DENY), *_ret(ALLOW))


def _no_silent_truncation(index: int) -> _Code:
    """Opening with O_TRUNC must ask for writing, and for it properly.

    Before Landlock 3 a file opened with O_TRUNC and access mode 0 or 3 is emptied without the right to write.
    """
    return (
        _argument(index), (_ANY_BIT, 0, 4, os.O_TRUNC), (_ANY_BIT, 0, 1, os.O_RDWR),
        (_ANY_BIT, 1, 2, os.O_WRONLY), (_ANY_BIT, 1, 0, os.O_WRONLY), *_ret(DENY), *_ret(ALLOW),
    )  # fmt: skip


def _prctl_zygote() -> _Code:
    """As for a probe, and what locks further: PDEATHSIG can only be set to SIGKILL and DUMPABLE to 0."""
    return (
        _argument(0), (_EQUAL, 0, 3, 1), _argument(1), (_EQUAL, 0, 1, signal.SIGKILL), *_ret(ALLOW),
        _argument(0), (_EQUAL, 0, 3, 4), _argument(1), (_EQUAL, 0, 1, 0), *_ret(ALLOW),
        *_one_of(0, _PRCTL_ZYGOTE),
    )  # fmt: skip


def _threads_only() -> _Code:
    return (
        _argument(0), (_ANY_BIT, 1, 0, _CLONE_OTHER), (_ANY_BIT, 1, 0, _CLONE_THREAD), *_ret(DENY), *_ret(ALLOW),
    )  # fmt: skip


def _read_limits(own: int) -> _Code:
    """prlimit64 of this process without a new value (the pointer is 64 bits wide)."""
    return (
        _argument(0), (_EQUAL, 1, 0, 0), (_EQUAL, 0, 4, own),
        _argument(2), (_EQUAL, 0, 2, 0), _argument(2, high=True), (_EQUAL, 1, 0, 0),
        *_ret(DENY), *_ret(ALLOW),
    )  # fmt: skip


def _search(starts: list[tuple[int, _Code]]) -> _Code:
    """A binary search over the call number: each code serves from its start to the next one's."""
    if len(starts) == 1:
        return starts[0][1]
    middle = len(starts) // 2
    left, right = _search(starts[:middle]), _search(starts[middle:])
    if len(left) < 256:
        return ((_GREATER_EQUAL, len(left), 0, starts[middle][0]), *left, *right)
    return ((_GREATER_EQUAL, 0, 1, starts[middle][0]), (_JUMP, 0, 0, len(left)), *left, *right)


def _program(machine: str, rules: dict[int, _Code], default: _Code) -> _Code:
    starts: list[tuple[int, _Code]] = []
    for number in range(_NEWEST + 1):
        unused = machine == "x86_64" and 335 <= number < 424
        code = rules.get(number, _ret(ABSENT) if unused and default == _ret(DENY) else default)
        if not starts or starts[-1][1] != code or len(code) > 1:
            starts.append((number, code))
    starts.append((_NEWEST + 1, default if default == _ret(ALLOW) else _ret(ABSENT)))
    guard: _Code = ((_LOAD, 0, 0, 4), (_EQUAL, 1, 0, ARCHITECTURES[machine]), *_ret(KILL), (_LOAD, 0, 0, 0))
    if machine == "x86_64":
        guard = (*guard, (_GREATER_EQUAL, 0, 1, 0x40000000), *_ret(KILL))  # the x32 numbers
    return (*guard, *_search(starts))


def probe_filter(machine: str, own: int, writes: bool = True) -> _Code:
    """Filter B: what a probe with process number `own` may call. Without `writes` no file can be opened for writing."""
    names = numbers(_PROBE + (_PROBE_FOLDER if writes else ""), machine)
    rules = {number: _ret(ALLOW) for number in names.values()}
    checked = numbers(_CHECKED, machine)
    rules.update({number: _ret(KILL) for number in numbers(_FATAL, machine).values()})
    rules[checked["clone"]] = _threads_only()
    rules[checked["clone3"]] = _ret(ABSENT)
    rules[checked["kill"]] = rules[checked["tgkill"]] = _one_of(0, (own,))
    rules[checked["ioctl"]] = _one_of(1, _IOCTLS)
    rules[checked["prctl"]] = _one_of(0, _PRCTL_PROBE)
    rules[checked["prlimit64"]] = _read_limits(own)
    rules[checked["fcntl"]] = _one_of(1, _FCNTLS)
    for name, place in (("openat", 2), ("open", 1)):
        if name in names:
            rules[names[name]] = _no_silent_truncation(place) if writes else _no_bits(place, _OPEN_WRITES)
    return _program(machine, rules, _ret(DENY))


def zygote_filter(machine: str, own: int, signals: bool) -> _Code:
    """Filter A: filter B and what starting, forking and locking need. `signals` allows signals to others."""
    names = numbers(_PROBE + _PROBE_FOLDER + _ZYGOTE, machine)
    rules = {number: _ret(ALLOW) for number in names.values()}
    checked = numbers(_CHECKED, machine)
    rules.update({number: _ret(KILL) for number in numbers(_FATAL, machine).values()})
    rules[checked["clone"]] = _no_bits(0, _CLONE_OTHER)
    rules[checked["clone3"]] = _ret(ABSENT)
    own_signals = _ret(ALLOW) if signals else _one_of(0, (own,))
    rules[checked["kill"]] = rules[checked["tgkill"]] = own_signals
    rules[checked["ioctl"]] = _one_of(1, _IOCTLS)
    rules[checked["prctl"]] = _prctl_zygote()
    rules[checked["prlimit64"]] = _one_of(0, (0, own))
    rules[checked["fcntl"]] = _one_of(1, _FCNTLS)
    for name, place in (("openat", 2), ("open", 1)):
        if name in names:
            rules[names[name]] = _no_silent_truncation(place)
    return _program(machine, rules, _ret(DENY))


def no_exec_filter(machine: str) -> _Code:
    """The filter a zygote adds when it has started: programs can no longer be executed, all else as before."""
    return _program(machine, {number: _ret(DENY) for number in numbers(_EXEC, machine).values()}, _ret(ALLOW))


def packed(code: _Code) -> bytes:
    """The instructions as the kernel's `struct sock_filter[]`."""
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


class _Filter(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))


_ANYONE = 0x5EED5EED
"""Stands for the process number in a filter made before the fork; no process can have it."""


@functools.cache
def _probe_template(machine: str, writes: bool) -> bytes:
    return packed(probe_filter(machine, _ANYONE, writes))


def packed_probe_filter(machine: str, own: int, writes: bool) -> bytes:
    """`probe_filter` ready to install; made once, so that a fork of the zygote finds it made."""
    return _probe_template(machine, writes).replace(struct.pack("=I", _ANYONE), struct.pack("=I", own))


def install(raw: bytes) -> None:
    """Put a packed filter in force for this thread, for good. Needs no-new-privileges. Raises OSError."""
    buffer = ctypes.create_string_buffer(raw, len(raw))
    program = _Filter(len(raw) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    _prctl(22, 2, ctypes.addressof(program))  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER


def machine() -> str:
    """The architecture whose tables apply. Raises OSError(ENOSYS) for one without tables, 32-bit processes included."""
    name = os.uname().machine
    if name not in ARCHITECTURES or struct.calcsize("P") != 8:
        raise OSError(errno.ENOSYS, f"no table of system calls for {name}")
    return name


def _prctl(option: int, first: int = 0, second: int = 0) -> int:
    value = _libc.prctl(ctypes.c_int(option), *(ctypes.c_ulong(item) for item in (first, second, 0, 0)))
    if value < 0:
        raise OSError(ctypes.get_errno(), f"prctl({option})")
    return int(value)


# --- Landlock ---------------------------------------------------------------------------------------------------------
_EXECUTE, _WRITE, _READ, _LIST, _REFER, _TRUNCATE = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 13, 1 << 14
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_FILE = 1 << 4, 1 << 5, 1 << 7, 1 << 8
_ON_FILES = _EXECUTE | _WRITE | _READ | _TRUNCATE | 1 << 15
_FOLDER = _WRITE | _READ | _LIST | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_FILE | _REFER | _TRUNCATE


def landlock_rights(abi: int) -> tuple[int, int, int]:
    """The rights on files and on ports and the scopes that version `abi` of Landlock can take away (linux/landlock.h).

    13 rights on files in version 1, REFER from 2, TRUNCATE from 3, TCP from 4, IOCTL_DEV from 5, scopes from 6,
    RESOLVE_UNIX (sockets in the file tree) from 9, UDP from 10.
    """
    files = (1 << 13) - 1
    files |= sum(bit for since, bit in ((2, _REFER), (3, _TRUNCATE), (5, 1 << 15), (9, 1 << 16)) if abi >= since)
    return files, (3 if abi >= 4 else 0) | (12 if abi >= 10 else 0), 3 if abi >= 6 else 0


def landlock_version() -> int:
    """The version of Landlock that the kernel offers; 0 for none."""
    return max(0, _libc.syscall(ctypes.c_long(444), None, ctypes.c_size_t(0), ctypes.c_uint32(1)))


def landlock(abi: int, grants: Iterable[tuple[str, int]]) -> None:
    """Take every right of version `abi` away from this thread except `grants` of (path, rights).

    A path that does not exist is passed over: nothing can be read there. Needs no-new-privileges. Raises OSError.
    """
    files, ports, scopes = landlock_rights(abi)
    attributes = struct.pack("=QQQ", files, ports, scopes)[: 8 if abi < 4 else 16 if abi < 6 else 24]
    ruleset = _libc.syscall(ctypes.c_long(444), attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0))
    if ruleset < 0:
        raise OSError(ctypes.get_errno(), "landlock_create_ruleset")
    try:
        for path, rights in grants:
            with contextlib.suppress(FileNotFoundError, PermissionError, NotADirectoryError):
                _grant(ruleset, path, rights & files)
        if _libc.syscall(ctypes.c_long(446), ctypes.c_int(ruleset), ctypes.c_uint32(0)) < 0:
            raise OSError(ctypes.get_errno(), "landlock_restrict_self")
    finally:
        os.close(ruleset)


def _grant(ruleset: int, path: str, rights: int) -> None:
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not stat.S_ISDIR(os.fstat(place).st_mode):
            rights &= _ON_FILES
        rule = struct.pack("=Qi", rights, place)
        if rights and _libc.syscall(ctypes.c_long(445), ctypes.c_int(ruleset), 1, rule, ctypes.c_uint32(0)) < 0:
            raise OSError(ctypes.get_errno(), f"landlock_add_rule({path})")
    finally:
        os.close(place)


def _grants(policy: Policy, execute: tuple[str, ...], workspace: int, processes: str) -> list[tuple[str, int]]:
    """(path, Landlock rights) for everything that `policy` names; `processes` is what may be read of /proc."""
    given = reach(policy, "linux")
    grants = [(path, _READ | _LIST) for path in (*given.folders, processes)]
    grants += [(path, _EXECUTE | _READ) for path in execute]
    grants += [(path, workspace) for path in given.listed]
    grants += [(path, _READ) for path in given.files]
    grants += [("/dev/null", _READ | _WRITE | _TRUNCATE), (given.writable, _FOLDER)]
    return grants


# --- one process ------------------------------------------------------------------------------------------------------
def _limit(name: str, value: int) -> None:
    """Lower one resource limit for good; a lower hard limit that is there already stays."""
    which = getattr(resource, f"RLIMIT_{name}", None)
    if which is None:
        return
    _, hard = resource.getrlimit(which)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (value, value))


def forgo_privileges() -> None:
    """No new privileges, no capability, no way back to one. Raises OSError where the kernel refuses the first."""
    _prctl(38, 1)
    with contextlib.suppress(OSError):
        _prctl(28, 0x2F)  # root is nobody special from here, and this stays so
    for capability in range(64):
        with contextlib.suppress(OSError):
            _prctl(24, capability)
    with contextlib.suppress(OSError):
        _prctl(47, 4)  # no ambient ones
    header, nothing = struct.pack("=Ii", 0x20080522, 0), bytes(24)
    if _libc.capset(header, nothing) < 0:
        raise OSError(ctypes.get_errno(), "capset")


def die_with_parent(parent: int, number: int = signal.SIGKILL) -> None:
    """Have the kernel send this process a signal when the thread that made it ends; leave at once if that has happened.

    `parent` is the number that the parent has here, 0 when that is not known.
    """
    _prctl(1, number)
    if parent and os.getppid() != parent:
        os._exit(1)


def adopt_orphans() -> None:
    """Make this process the parent of descendants whose own parent ended."""
    _prctl(36, 1)


def children() -> list[int]:
    """The children of this process now."""
    found: list[int] = []
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError, ValueError, IndexError), open(f"/proc/{int(name)}/stat", "rb") as file:
            if int(file.read().rpartition(b")")[2].split()[1]) == os.getpid():
                found.append(int(name))
    return found


def exiting(process: int) -> bool:
    """Whether a process is on its way out (PF_EXITING of linux/sched.h), or cannot be seen any more.

    A process that is killed closes its pipes some time before its children get another parent.
    """
    try:
        with open(f"/proc/{process}/stat", "rb") as file:
            return bool(int(file.read().rpartition(b")")[2].split()[6]) & 0x4)
    except (OSError, ValueError, IndexError):
        return True


def no_core_dumps() -> None:
    """A crash leaves no image of memory behind."""
    _limit("CORE", 0)


END_CHANNEL = "KLS_END"
"""The environment variable with the descriptor on which the launcher takes the numbers of probes to kill."""


def end_child(process: int) -> None:
    """Kill a probe that this zygote forked and has not waited for, by signal or, where that is forbidden, by proxy."""
    try:
        os.kill(process, signal.SIGKILL)
    except PermissionError:
        os.write(int(os.environ[END_CHANNEL]), struct.pack("=i", process))


def close_others(keep: Iterable[int]) -> None:
    """Close every descriptor but those in `keep`."""
    last = 0
    for descriptor in sorted(set(keep)):
        if last < descriptor:  # os.closerange(0, 0) closes everything in CPython 3.11
            os.closerange(last, descriptor)
        last = descriptor + 1
    os.closerange(last, 4096)


class _Event(ctypes.Structure):
    _fields_ = (
        ("value", ctypes.c_void_p),
        ("signal", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("rest", ctypes.c_char * 48),
    )


def _deadline(seconds: float) -> None:
    """Have the kernel kill this process after `seconds` of wall time. Filter B has no call that disarms the timer."""
    calls = numbers(_ZYGOTE, machine())
    timer = ctypes.c_int(0)
    event = _Event(None, signal.SIGKILL, 0, b"")
    if _libc.syscall(ctypes.c_long(calls["timer_create"]), 1, ctypes.byref(event), ctypes.byref(timer)) < 0:
        raise OSError(ctypes.get_errno(), "timer_create")
    when = struct.pack("=qqqq", 0, 0, int(seconds), int(seconds % 1 * 1e9) or 1)
    if _libc.syscall(ctypes.c_long(calls["timer_settime"]), timer, 0, when, None) < 0:
        raise OSError(ctypes.get_errno(), "timer_settime")


def _memory() -> tuple[int, int]:
    """(address space, data) of this process in bytes."""
    with open("/proc/self/statm") as file:
        fields = file.read().split()
    page = resource.getpagesize()
    return int(fields[0]) * page, int(fields[5]) * page


def landlock_in_use(policy: Policy) -> int:
    """The version of Landlock that will be used, which is the kernel's up to the last one known here; 0 for none."""
    return 0 if "landlock" in policy.without else min(landlock_version(), policy.landlock_abi, 10)


_ZYGOTE_CPU_SECONDS = 3600
"""Processor time of a zygote: hundreds of thousands of forks, and the end of whatever outlived the launcher."""


def lock_start(policy: Policy, execute: tuple[str, ...]) -> tuple[str, ...]:
    """Layer A, in the launcher just before the author's interpreter is executed.

    `execute` lists the files that may be executed. Returns the names of the layers that could be put in force.
    """
    done: list[str] = []
    with contextlib.suppress(OSError):
        forgo_privileges()
        done.append("privileges")
    if "limits" not in policy.without:
        for name, value in (
            ("CORE", 0), ("MEMLOCK", 0), ("MSGQUEUE", 0), ("FSIZE", policy.file_bytes), ("NOFILE", 256),
            ("CPU", _ZYGOTE_CPU_SECONDS), ("NPROC", policy.base_threads + policy.threads + 64),
            ("DATA", policy.data_bytes + (4 << 30)), ("AS", policy.address_bytes + (12 << 30)),
        ):  # fmt: skip
            _limit(name, value)
        done.append("limits")
    abi = landlock_in_use(policy)
    with contextlib.suppress(OSError):
        if abi:
            landlock(abi, _grants(policy, execute, _READ | _LIST, "/proc"))
            done.append(f"landlock-{abi}")
    with contextlib.suppress(OSError):
        if "seccomp" not in policy.without:
            scoped = f"landlock-{abi}" in done and abi >= 6
            install(packed(zygote_filter(machine(), os.getpid(), signals="processes" in policy.layers or scoped)))
            done.append("seccomp")
    return tuple(done)


def lock_zygote(policy: Policy) -> Policy:
    """In the zygote, after TensorFlow is imported and before the first fork: no program can be executed any more.

    Returns the policy to give to `lock_probe`, with the zygote's own memory noted as the base of a probe's limits.
    Raises OSError when more than one thread runs, because the others would stay unlocked.
    """
    threads = len(os.listdir("/proc/self/task"))
    if threads != 1:
        raise OSError(errno.EBUSY, f"the zygote has {threads} threads where one was expected")
    address, data = _memory()
    _prctl(4, 0)  # not dumpable: its memory is closed to its children
    _prctl(1, signal.SIGKILL)
    if "seccomp" in policy.layers:
        install(packed(no_exec_filter(machine())))
        _probe_template(machine(), walled(policy))
    return policy._replace(zygote=os.getpid(), base_address=address, base_data=data)


def lock_probe(policy: Policy, keep: Optional[Iterable[int]] = None) -> tuple[str, ...]:
    """In the forked child, just before the author's code runs: everything that can be taken away is taken away.

    `policy` comes from `lock_zygote`, with `readable` and `workspace` replaced by what this probe may read and list.
    With `keep`, every other descriptor is closed. Returns the names of all layers in force, those of the launcher
    included. Raises OSError when a layer that the launcher could put in force cannot be put in force now: do not
    run anything then.
    """
    if keep is not None:
        close_others(keep)
    die_with_parent(policy.zygote)
    _prctl(4, 0)
    if "limits" in policy.layers:
        _probe_limits(policy)
    abi = next((int(layer[9:]) for layer in policy.layers if layer.startswith("landlock-")), 0)
    if abi:
        landlock(abi, _grants(policy, (), _LIST, "/proc/self"))
    if "seccomp" in policy.layers:
        install(packed_probe_filter(machine(), os.getpid(), walled(policy)))
    return policy.layers


def walled(policy: Policy) -> bool:
    """Whether files are walled off, so that writing need not be refused altogether."""
    return any(layer == "root" or layer.startswith("landlock-") for layer in policy.layers)


def _probe_limits(policy: Policy) -> None:
    address, data = (policy.base_address, policy.base_data) if policy.base_data else _memory()
    for name, value in (
        ("NOFILE", policy.open_files), ("CPU", policy.cpu_seconds), ("DATA", data + policy.data_bytes),
        ("AS", address + policy.address_bytes), ("NPROC", policy.base_threads + policy.threads),
    ):  # fmt: skip
        _limit(name, value)  # the others are the zygote's
    _deadline(policy.seconds)
