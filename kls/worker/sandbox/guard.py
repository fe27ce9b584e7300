"""A net behind the walls: an audit hook that refuses what a program asks of Python against the policy.

It is never called a wall and raises no tier: whoever patches the interpreter's memory, or asks the system past Python
(as TensorFlow's own reading of files does), is not seen here. What it refuses it refuses as the walls do, by the same
exception, and it leaves alone what they would leave alone, so that no report changes where they stand: a file that is
not there is still missed by the system, not by this.

An audit hook cannot be taken away again. It is called for every event (an import, an `id()`, a `sys._getframe()`), so
what it does not watch costs one look into a table. Events: https://docs.python.org/3/library/audit_events.html.
Standard library alone, Python 3.9 on, every system.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import sys
from collections.abc import Callable
from os.path import abspath, dirname, exists, isdir, lexists, normcase, realpath, split
from typing import Any, NoReturn, Optional

from .policy import Policy
from .reach import Reach, reach

Check = Callable[..., None]
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_PROCESSES = (
    "os.exec os.fork os.forkpty os.posix_spawn os.spawn os.startfile os.startfile/2 pty.spawn subprocess.Popen"
    " _winapi.CreateProcess _winapi.TerminateProcess os.killpg"
).split()
_SOCKETS = "socket.__new__ socket.bind socket.connect socket.sendmsg socket.sendto socket.sethostname".split()
_LOCKS = ("fcntl.flock", "fcntl.lockf")
_NAMES = "socket.getaddrinfo socket.gethostbyaddr socket.gethostbyname socket.getnameinfo".split()
_MARKS = "os.chflags os.chmod os.chown os.setxattr os.removexattr os.truncate os.utime".split()
_REGISTRY = "ConnectRegistry CreateKey DeleteKey DeleteValue LoadKey SaveKey SetValue".split()
SYMBOLS = frozenset(
    "system popen fork vfork clone syscall ptrace kill killpg tgkill execl execle execlp execv execve execvp execvpe"
    " fexecve posix_spawn posix_spawnp socket socketpair connect bind sendto sendmsg getaddrinfo open open64 openat"
    " openat64 creat fopen fopen64 freopen remove unlink unlinkat rename renameat link linkat symlink symlinkat mkdir"
    " rmdir chmod fchmod fchmodat chown lchown truncate truncate64 utime utimes mount process_vm_readv"
    " process_vm_writev memfd_create CreateProcessW CreateProcessA WinExec ShellExecuteW ShellExecuteA OpenProcess"
    " TerminateProcess WriteProcessMemory ReadProcessMemory CreateRemoteThread CreateFileW CreateFileA DeleteFileW"
    " DeleteFileA WSASocketW NtCreateFile NtOpenProcess".split()
)
"""Functions of C libraries that do what is refused here: `ctypes` does not find them."""


def stand(policy: Policy, system: str = sys.platform) -> None:
    """Put the guard up in this process, for good."""
    watched = checks(policy, system)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in watched:
            watched[event](*arguments)

    sys.addaudithook(hook)


def checks(policy: Policy, system: str = sys.platform) -> dict[str, Check]:
    """What is called with the arguments of each watched event; it raises what the program is to see."""
    own, walled = os.getpid(), bool(policy.layers)
    files = _files(reach(policy, system), own, errno.EROFS if "root" in policy.layers else errno.EACCES)
    watched: dict[str, Check] = {**files}
    watched |= dict.fromkeys((*_PROCESSES, *_SOCKETS, *_LOCKS), _refused)
    watched |= dict.fromkeys(_NAMES, _no_name)
    watched |= {f"winreg.{name}": _refused for name in _REGISTRY}

    def kill(process: object, *more: object) -> None:
        if process != own:
            _refuse(errno.EPERM)

    def open_process(process: object, *more: object) -> None:
        if process != own:
            _refuse(errno.EACCES)

    watched |= {"os.kill": kill, "_winapi.OpenProcess": open_process, "ctypes.dlsym": _symbol}
    if not walled:
        watched["os.system"] = _refused  # where a wall refuses it, its caller gets a status, not an exception
    return watched


def _refuse(number: int, path: object = None) -> NoReturn:
    if path is None:
        raise OSError(number, os.strerror(number))
    raise OSError(number, os.strerror(number), path)


def _refused(*arguments: object) -> None:
    _refuse(errno.EPERM)


def _no_name(host: object, *more: object) -> None:
    import socket

    if isinstance(host, tuple):
        host = host[0] if host else None
    for family in (socket.AF_INET, socket.AF_INET6):
        with contextlib.suppress(OSError, ValueError, TypeError):
            socket.inet_pton(family, host)  # pyright: ignore[reportArgumentType]
            return  # an address: nobody is asked
    if host is None:
        return
    raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")


def _symbol(library: object, name: object) -> None:
    if name in SYMBOLS:
        _refuse(errno.EPERM)


@functools.lru_cache(maxsize=8)
def _both(paths: tuple[str, ...]) -> tuple[str, ...]:
    """Names as they are given and with links followed, each alone and as the beginning of what lies below it.

    A zygote asks once, and its children find the answer made.
    """
    found = dict.fromkeys(normcase(place) for path in paths for place in (abspath(path), realpath(path)))
    return tuple(found)


def prepare(policy: Policy, system: str = sys.platform) -> None:
    """Do beforehand what takes time and is the same for every probe."""
    _below(reach(policy, system).folders)


def _below(paths: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(path.rstrip(os.sep) + os.sep for path in _both(paths))


def _files(given: Reach, own: int, no_writing: int) -> dict[str, Check]:
    """The checks of events that name files. Paths relative to an open folder (`dir_fd`) are left to the walls."""
    exact = frozenset((*_both(given.folders), *(normcase(path) for path in given.files)))
    readable, listed = _below(given.folders), _below(given.listed)
    writable = _below((given.writable,))
    more = (*writable, f"/proc/{own}{os.sep}")
    nothing = normcase(abspath(os.devnull))

    def place(path: Any) -> Optional[str]:
        """The absolute name; None for a descriptor."""
        if isinstance(path, int):
            return None
        return normcase(abspath(os.fsdecode("." if path is None else path)))

    def reads(path: Any) -> None:
        name = place(path)
        if name is None or name.startswith(readable) or name in exact:
            return  # nobody but their owner makes links there
        real = normcase(realpath(name))
        if real in exact or real.startswith(readable) or (real + os.sep).startswith(more) or not exists(real):
            return
        if not (isdir(real) and (real + os.sep).startswith(listed)):
            _refuse(errno.EACCES, path)

    def inside(path: Any) -> bool:
        """Whether the folder that the last part of `path` stands in is writable, or is not there at all."""
        if isinstance(path, int):
            return True
        above, last = split(os.fsdecode(path))
        # The current folder's name has no links, and there may be a thousand folders to look for some in.
        folder = os.getcwd() if not above and last not in ("", "..") else realpath(dirname(abspath(os.fsdecode(path))))
        folder = normcase(folder)
        return (folder + os.sep).startswith(writable) or not isdir(folder)

    def makes(path: Any, *rest: Any) -> None:
        if not inside(path) and not lexists(path):
            _refuse(no_writing, path)

    def takes(path: Any, *rest: Any) -> None:
        if not _relative(rest[-1:]) and not inside(path) and lexists(path):
            _refuse(no_writing, path)

    def marks(path: Any, *rest: Any) -> None:
        name = place(path)
        if name is not None and not (normcase(realpath(name)) + os.sep).startswith(writable) and exists(path):
            _refuse(errno.EPERM, path)

    def opens(path: Any, mode: Any, flags: Any) -> None:
        if not isinstance(flags, int) or not flags & _WRITES:
            reads(path)
        else:
            name = place(path)
            real = None if name is None else normcase(realpath(name))
            if real is None or real == nothing or (real + os.sep).startswith(writable):
                return
            if isdir(dirname(real)) if flags & os.O_CREAT else exists(real):
                _refuse(no_writing, path)

    def moves(source: Any, target: Any, *rest: Any) -> None:
        if not _relative(rest):
            takes(source, -1)
            if not inside(target):
                _refuse(no_writing, target)

    def links(source: Any, target: Any, *rest: Any) -> None:
        if not _relative(rest) and not inside(target):
            _refuse(errno.EPERM, target)

    def links_hard(source: Any, target: Any, *rest: Any) -> None:
        if not _relative(rest) and not (inside(source) and inside(target)):
            _refuse(errno.EPERM, source)

    def makes_folder(path: Any, mode: Any, folder: Any) -> None:
        if not _relative((folder,)):
            makes(path)

    def library(name: Any) -> None:
        if isinstance(name, (str, bytes)) and os.sep in os.fsdecode(name):
            reads(name)
            if (normcase(realpath(os.fsdecode(name)))).startswith(writable):
                _refuse(errno.EPERM, name)

    def database(path: Any) -> None:
        if isinstance(path, (str, bytes, os.PathLike)) and os.fsdecode(path) not in ("", ":memory:"):
            if not os.fsdecode(path).startswith("file:") and not inside(path):
                import sqlite3

                raise sqlite3.OperationalError("unable to open database file")

    return {
        "open": opens,
        "os.listdir": reads,
        "os.scandir": reads,
        "os.mkdir": makes_folder,
        "os.remove": takes,
        "os.rmdir": takes,
        "os.rename": moves,
        "os.link": links_hard,
        "shutil.rmtree": takes,
        "os.symlink": links,
        "sqlite3.connect": database,
        "ctypes.dlopen": library,
        **dict.fromkeys(_MARKS, marks),
    }


def _relative(folders: tuple[Any, ...]) -> bool:
    """Whether one of the descriptors that an event names is an open folder; -1 stands for none."""
    return any(isinstance(folder, int) and folder >= 0 for folder in folders)
