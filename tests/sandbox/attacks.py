"""Small hostile programs. Each takes a `World` and returns what it got, or raises when it was stopped.

Runs in the author's interpreter (Python 3.9 on, standard library alone), with and without the layers. An attack whose
effect is a changed file returns nothing special: the test compares the world before and after.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import pickle
import platform
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from typing import Any

World = dict[str, Any]
ATTACKS: dict[str, Callable[[World], object]] = {}
libc = ctypes.CDLL(None, use_errno=True)
_PLACE = 0 if platform.machine() == "x86_64" else 1
_NUMBERS = {
    "clone": (56, 220), "clone3": (435, 435), "ptrace": (101, 117), "process_vm_readv": (310, 270),
    "pidfd_open": (434, 434), "kcmp": (312, 272), "io_uring_setup": (425, 425), "bpf": (321, 280),
    "userfaultfd": (323, 282), "perf_event_open": (298, 241), "unshare": (272, 97), "keyctl": (250, 219),
    "memfd_create": (319, 279), "execveat": (322, 281), "shmget": (29, 194), "msgget": (68, 186), "semget": (64, 190),
    "inotify_init1": (294, 26), "timer_create": (222, 107), "timer_delete": (226, 111), "rt_sigqueueinfo": (129, 138),
    "tgkill": (234, 131), "personality": (135, 92), "mount": (165, 40), "chroot": (161, 51), "prlimit64": (302, 261),
    "fanotify_init": (300, 262), "name_to_handle_at": (303, 264), "pidfd_getfd": (438, 438), "openat2": (437, 437),
    "fsopen": (430, 430), "swapoff": (168, 225), "mq_open": (240, 180), "setns": (308, 268), "splice": (275, 76),
    "open_by_handle_at": (304, 265), "process_vm_writev": (311, 271), "pidfd_send_signal": (424, 424),
    "inotify_add_watch": (254, 27), "renameat2": (316, 276), "linkat": (265, 37),
    "mq_unlink": (241, 181), "add_key": (248, 217), "seccomp": (317, 277), "modify_ldt": (154, -1),
    "get_robust_list": (274, 100), "move_pages": (279, 239), "sched_setscheduler": (144, 119), "syslog": (103, 116),
    "ioprio_set": (251, 30), "sethostname": (170, 161), "memfd_secret": (447, 447), "open_tree": (428, 428),
    "fspick": (433, 433), "listmount": (458, 458), "setxattrat": (463, 463), "file_setattr": (469, 469),
    "process_madvise": (440, 440), "vmsplice": (278, 75), "tee": (276, 77),
}  # fmt: skip


def attack(act: Callable[[World], object]) -> Callable[[World], object]:
    ATTACKS[act.__name__] = act
    return act


def call(name: str, *arguments: object) -> int:
    """A raw system call. Raises OSError when it fails."""
    words = [ctypes.c_long(item) if isinstance(item, int) else item for item in arguments]
    value = libc.syscall(ctypes.c_long(_NUMBERS[name][_PLACE]), *words)
    if value < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return int(value)


def checked(value: int) -> int:
    if value < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return value


def temporary() -> str:
    return tempfile.mkdtemp(dir=os.environ.get("TMPDIR"))


# --- reading ----------------------------------------------------------------------------------------------------------
@attack
def read_private_key(world: World) -> object:
    return open(world["home"] + "/.ssh/id_rsa").read()


@attack
def read_workspace_secrets(world: World) -> object:
    return open(world["project"] + "/.env").read()


@attack
def read_workspace_source_not_granted(world: World) -> object:
    return open(world["project"] + "/private/notes.py").read()


@attack
def read_through_workspace_link(world: World) -> object:
    return open(world["project"] + "/link.csv").read()


@attack
def list_home(world: World) -> object:
    return os.listdir(world["home"])


@attack
def stat_home(world: World) -> object:
    return os.stat(world["home"] + "/.ssh/id_rsa").st_size


@attack
def read_accounts(world: World) -> object:
    return open("/etc/passwd").read()


@attack
def read_from_granted_folder_upwards(world: World) -> object:
    folder = os.open(world["project"], os.O_RDONLY | os.O_DIRECTORY)
    return os.read(os.open("../home/.ssh/id_rsa", os.O_RDONLY, dir_fd=folder), 10)


@attack
def read_by_own_root(world: World) -> object:
    return open("/proc/self/root" + world["home"] + "/.ssh/id_rsa").read()


@attack
def read_by_root_of_victim(world: World) -> object:
    return open(f"/proc/{world['victim']}/root{world['home']}/.ssh/id_rsa").read()


@attack
def read_by_root_of_zygote(world: World) -> object:
    return open(f"/proc/{os.getppid()}/root{world['home']}/.ssh/id_rsa").read()


@attack
def reopen_by_descriptor(world: World) -> object:
    place = os.open(world["home"] + "/.ssh/id_rsa", os.O_PATH)
    return open(f"/proc/self/fd/{place}").read()


@attack
def race_with_symbolic_link(world: World) -> object:
    """One thread swaps a file for a link to the key, another opens what it takes for the file."""
    folder = temporary()
    name, key = folder + "/data.csv", world["home"] + "/.ssh/id_rsa"

    def swap() -> None:
        with contextlib.suppress(OSError):
            for _ in range(100):
                open(folder + "/plain", "w").close()
                os.replace(folder + "/plain", name)
                os.symlink(key, folder + "/link")
                os.replace(folder + "/link", name)

    open(name, "w").close()
    swapping = threading.Thread(target=swap)
    swapping.start()
    while swapping.is_alive():
        if open(name).read():
            break
    swapping.join()
    text = open(name).read()
    shutil.rmtree(folder)
    return text or None


@attack
def own_environment(world: World) -> object:
    return os.environ[world["token"]]


@attack
def victim_environment(world: World) -> object:
    text = open(f"/proc/{world['victim']}/environ").read()
    assert world["token"] in text
    return text


@attack
def victim_memory(world: World) -> object:
    return os.open(f"/proc/{world['victim']}/mem", os.O_RDWR)


@attack
def victim_command_line(world: World) -> object:
    text = open(f"/proc/{world['victim']}/cmdline").read()
    assert text
    return text


@attack
def victim_descriptors(world: World) -> object:
    names = os.listdir(f"/proc/{world['victim']}/fd")
    assert names
    return names


@attack
def zygote_memory(world: World) -> object:
    return os.open(f"/proc/{os.getppid()}/mem", os.O_RDWR)


@attack
def own_memory(world: World) -> object:
    return os.open("/proc/self/mem", os.O_RDWR)


def _descriptor_of(process: int) -> object:
    """One of another process's pipes and files, to speak in its name."""
    for name in os.listdir(f"/proc/{process}/fd"):
        with contextlib.suppress(OSError):
            return os.open(f"/proc/{process}/fd/{name}", os.O_RDWR)
    return None


@attack
def zygote_descriptor(world: World) -> object:
    return _descriptor_of(os.getppid())


@attack
def sibling_memory(world: World) -> object:
    return os.open(f"/proc/{world['sibling']}/mem", os.O_RDWR)


@attack
def sibling_environment(world: World) -> object:
    text = open(f"/proc/{world['sibling']}/environ").read()
    assert text
    return text


@attack
def sibling_descriptor(world: World) -> object:
    return _descriptor_of(world["sibling"])


@attack
def trace_sibling(world: World) -> object:
    return call("ptrace", 0x4206, world["sibling"], 0, 0) or "seized"


@attack
def signal_sibling(world: World) -> object:
    return os.kill(world["sibling"], 0) or "reached"


@attack
def zygote_maps(world: World) -> object:
    text = open(f"/proc/{os.getppid()}/maps").read()
    assert text
    return text


@attack
def inherited_descriptor(world: World) -> object:
    return os.fstat(world["descriptor"]).st_ino == world["inode"] or 1 / 0


@attack
def raw_disk(world: World) -> object:
    disk = next(name for name in os.listdir("/dev") if name in ("vda", "sda", "nvme0n1", "xvda"))
    return os.open("/dev/" + disk, os.O_RDONLY)


@attack
def open_by_openat2(world: World) -> object:
    path = (world["home"] + "/.ssh/id_rsa").encode()
    return call("openat2", -100, path, struct.pack("=QQQ", os.O_RDONLY, 0, 0), 24)


@attack
def open_by_handle(world: World) -> object:
    """Getting the handle of a file that cannot be opened is too much already; only some users can open it."""
    handle, mount = ctypes.create_string_buffer(struct.pack("=Ii", 128, 0), 136), ctypes.c_int()
    path = (world["home"] + "/.ssh/id_rsa").encode()
    call("name_to_handle_at", -100, path, handle, ctypes.byref(mount), 0)
    with contextlib.suppress(PermissionError):
        return os.read(call("open_by_handle_at", os.open(world["home"], os.O_RDONLY), handle, os.O_RDONLY), 10)
    return handle.raw


# --- writing ----------------------------------------------------------------------------------------------------------
@attack
def write_shell_start(world: World) -> None:
    with open(world["home"] + "/.bashrc", "a") as file:
        file.write("echo owned\n")


@attack
def write_in_workspace(world: World) -> None:
    open(world["project"] + "/new.py", "w").close()


@attack
def write_granted_file(world: World) -> None:
    open(world["project"] + "/data.csv", "a").write("owned")


@attack
def write_git_hook(world: World) -> None:
    open(world["project"] + "/.git/hooks/pre-commit", "w").write("#!/bin/sh\n")


@attack
def write_packages(world: World) -> None:
    open(world["packages"] + "/evil.pth", "w").write("import os")


@attack
def write_bytecode(world: World) -> None:
    os.mkdir(world["packages"] + "/__pycache__")


@attack
def write_beside_temporary(world: World) -> None:
    open(world["base"] + "/sibling", "w").close()


@attack
def write_own_grant(world: World) -> object:
    """The file in which the launcher tells the server what it achieved."""
    return open(os.path.dirname(os.environ["TMPDIR"]) + "/report", "a").write("{}")


@attack
def exchange_files(world: World) -> object:
    name = temporary() + "/mine"
    open(name, "w").close()
    exchange = 2
    return call("renameat2", -100, name.encode(), -100, (world["project"] + "/data.csv").encode(), exchange) or "done"


@attack
def lease_file(world: World) -> object:
    """A lease holds up whoever opens the file."""
    return fcntl.fcntl(os.open(world["project"] + "/data.csv", os.O_RDONLY), fcntl.F_SETLEASE, fcntl.F_RDLCK) or "held"


@attack
def lock_granted_file(world: World) -> object:
    """Hold up whoever wants to write a file that may be read."""
    held = os.open(world["project"] + "/data.csv", os.O_RDONLY)
    return fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB) or "locked"


@attack
def lock_part_of_granted_file(world: World) -> object:
    held = os.open(world["project"] + "/data.csv", os.O_RDONLY)
    return fcntl.lockf(held, fcntl.LOCK_SH | fcntl.LOCK_NB) or "locked"


@attack
def unpickle(world: World) -> None:
    """What `numpy.load(allow_pickle=True)`, `joblib.load` and `pandas.read_pickle` do with a file of a stranger's."""
    name = temporary() + "/data.pkl"
    with open(name, "wb") as file:
        file.write(f"cos\nsystem\n(S'echo owned > {world['beacon']}'\ntR.".encode())
    with open(name, "rb") as file:
        pickle.load(file)


@attack
def unlink_file(world: World) -> None:
    os.unlink(world["project"] + "/data.csv")


@attack
def rename_file(world: World) -> None:
    os.rename(world["project"] + "/data.csv", world["project"] + "/gone.csv")


@attack
def remove_tree(world: World) -> None:
    shutil.rmtree(world["project"])


@attack
def truncate_by_path(world: World) -> None:
    os.truncate(world["project"] + "/data.csv", 0)


@attack
def truncate_by_open(world: World) -> None:
    os.open(world["project"] + "/data.csv", os.O_RDONLY | os.O_TRUNC)


@attack
def truncate_by_odd_open(world: World) -> None:
    os.open(world["project"] + "/data.csv", 3 | os.O_TRUNC)


@attack
def change_mode(world: World) -> None:
    os.chmod(world["project"] + "/data.csv", 0o777)


@attack
def change_owner(world: World) -> object:
    return os.chown(world["project"] + "/data.csv", os.getuid(), os.getgid()) or "allowed"


@attack
def change_times(world: World) -> None:
    os.utime(world["project"] + "/data.csv", (1, 1))


@attack
def change_attributes(world: World) -> None:
    os.setxattr(world["project"] + "/data.csv", "user.owned", b"1")


@attack
def change_attributes_by_path(world: World) -> object:
    value = ctypes.create_string_buffer(b"x")
    how = struct.pack("=QII", ctypes.addressof(value), 1, 0)
    name = os.fsencode(world["project"] + "/train.py")
    return call("setxattrat", -100, name, 0, b"user.kls", how, len(how)) or "set"


@attack
def change_marks_by_path(world: World) -> object:
    """Exclude a file from backups."""
    how = struct.pack("=QIIII", 0x80, 0, 0, 0, 0)
    return call("file_setattr", -100, os.fsencode(world["project"] + "/train.py"), how, len(how), 0) or "set"


@attack
def hard_link_then_write(world: World) -> None:
    name = temporary() + "/link"
    os.link(world["project"] + "/data.csv", name)
    open(name, "a").write("owned")


@attack
def hard_link_by_descriptor(world: World) -> object:
    """A name of one's own for a file that is open, though its folder is out of reach."""
    held = os.open(world["project"] + "/data.csv", os.O_RDONLY)
    name, follow = temporary() + "/link", 0x400
    call("linkat", -100, f"/proc/self/fd/{held}".encode(), -100, name.encode(), follow)
    os.unlink(name)
    return "linked"


@attack
def move_into_temporary(world: World) -> None:
    os.rename(world["project"] + "/data.csv", temporary() + "/data.csv")


@attack
def symbolic_link_in_temporary(world: World) -> object:
    return os.symlink("/", temporary() + "/root") or "made"


@attack
def named_pipe(world: World) -> object:
    return os.mkfifo(temporary() + "/pipe") or "made"


@attack
def shared_memory_file(world: World) -> object:
    name = f"/dev/shm/kls-{os.getpid()}"
    descriptor = os.open(name, os.O_CREAT | os.O_RDWR)
    os.unlink(name)
    return descriptor


@attack
def named_semaphore(world: World) -> object:
    name = f"/kls-{os.getpid()}".encode()
    libc.sem_open.restype = ctypes.c_void_p
    semaphore = libc.sem_open(name, os.O_CREAT, 0o600, 1)
    if not semaphore:
        raise OSError(ctypes.get_errno(), "sem_open")
    libc.sem_unlink(name)
    return semaphore


@attack
def kernel_setting(world: World) -> object:
    return os.open("/proc/sys/vm/swappiness", os.O_WRONLY)


@attack
def own_process_score(world: World) -> object:
    return open("/proc/self/oom_score_adj", "w").write("0")


# --- network ----------------------------------------------------------------------------------------------------------
@attack
def tcp_connect(world: World) -> object:
    return socket.create_connection(("127.0.0.1", world["tcp"]), 2).fileno()


@attack
def tcp_listen(world: World) -> object:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        return server.getsockname()


@attack
def udp_send(world: World) -> object:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        return sender.sendto(b"stolen", ("127.0.0.1", world["udp"]))


@attack
def name_lookup(world: World) -> object:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
        return sender.fileno()


@attack
def unix_socket(world: World) -> object:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(world["unix"])
        return "connected"


@attack
def abstract_socket(world: World) -> object:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect("\0" + world["abstract"])
        return "connected"


@attack
def netlink(world: World) -> object:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as sender:
        return sender.fileno()


@attack
def packet_socket(world: World) -> object:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sender:
        return sender.fileno()


@attack
def machine_socket(world: World) -> object:
    with socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM) as sender:
        return sender.fileno()


@attack
def cipher_socket(world: World) -> object:
    with socket.socket(38, socket.SOCK_SEQPACKET) as sender:  # AF_ALG
        return sender.fileno()


@attack
def socket_pair(world: World) -> object:
    return socket.socketpair()[0].fileno()


# --- processes --------------------------------------------------------------------------------------------------------
def _child(process: int) -> str:
    if process == 0:
        os._exit(0)
    os.waitpid(process, 0)
    return "forked"


@attack
def fork(world: World) -> object:
    return _child(os.fork())


@attack
def raw_clone(world: World) -> object:
    return _child(call("clone", int(signal.SIGCHLD), 0, 0, 0, 0))


@attack
def clone_into_namespace(world: World) -> object:
    new_users = 0x10000000
    return _child(call("clone", new_users | int(signal.SIGCHLD), 0, 0, 0, 0))


@attack
def clone3(world: World) -> object:
    return _child(call("clone3", struct.pack("=QQQQQQQQ", 0, 0, 0, 0, int(signal.SIGCHLD), 0, 0, 0), 64))


@attack
def shell(world: World) -> None:
    os.system(f"echo owned > {world['beacon']}")


@attack
def subprocess_run(world: World) -> object:
    return subprocess.run(["/bin/echo", "owned"], check=True, stdout=subprocess.PIPE).stdout


@attack
def spawn(world: World) -> object:
    process = os.posix_spawn(sys.executable, [sys.executable, "-c", ""], {})
    return os.waitpid(process, 0)


@attack
def execute_shell(world: World) -> None:
    os.execv("/bin/sh", ["sh", "-c", f"echo owned > {world['beacon']}"])


@attack
def execute_interpreter(world: World) -> None:
    code = f"open({world['beacon']!r}, 'w').close()"
    os.execv(sys.executable, [sys.executable, "-I", "-S", "-c", code])


@attack
def loader_trick(world: World) -> None:
    with open(os.path.realpath(sys.executable), "rb") as file:
        head = file.read(4096)
    begin = head.index(b"/lib")
    loader = os.fsdecode(head[begin : head.index(b"\0", begin)])
    os.execv(loader, [loader, "/bin/sh", "-c", f"echo owned > {world['beacon']}"])


@attack
def execute_from_memory(world: World) -> None:
    descriptor = call("memfd_create", b"", 0)
    with open("/bin/sh", "rb") as file:
        os.write(descriptor, file.read())
    words = (ctypes.c_char_p * 4)(b"sh", b"-c", f"echo owned > {world['beacon']}".encode(), None)
    call("execveat", descriptor, b"", words, (ctypes.c_char_p * 1)(None), 0x1000)


@attack
def execute_descriptor(world: World) -> None:
    code = f"open({world['beacon']!r}, 'w').close()"
    os.execve(os.open(sys.executable, os.O_RDONLY), [sys.executable, "-I", "-S", "-c", code], {})


@attack
def execute_own_image(world: World) -> None:
    code = f"open({world['beacon']!r}, 'w').close()"
    os.execv("/proc/self/exe", [sys.executable, "-I", "-S", "-c", code])


@attack
def execute_set_user_program(world: World) -> object:
    program = next(path for path in ("/bin/su", "/usr/bin/passwd", "/bin/mount") if os.path.exists(path))
    assert os.stat(program).st_mode & 0o4000
    return subprocess.run([program, "--help"], check=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE).returncode


@attack
def execute_dropped_file(world: World) -> None:
    name = temporary() + "/tool"
    descriptor = os.open(name, os.O_CREAT | os.O_WRONLY, 0o700)
    os.write(descriptor, b"#!/bin/sh\n" + f"echo owned > {world['beacon']}\n".encode())
    os.close(descriptor)
    os.execv(name, [name])


@attack
def daemon(world: World) -> None:
    child = os.fork()
    if child == 0:
        try:
            os.setsid()
            if os.fork() == 0:
                open(world["beacon"], "w").close()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    until = time.monotonic() + 1
    while not os.path.exists(world["beacon"]) and time.monotonic() < until:
        time.sleep(0.01)


@attack
def new_session(world: World) -> object:
    return os.setsid() or "done"


@attack
def new_group(world: World) -> object:
    return os.setpgid(0, 0) or "done"


@attack
def signal_victim(world: World) -> object:
    return os.kill(world["victim"], 0) or "reached"


@attack
def signal_group_of_victim(world: World) -> object:
    return os.killpg(os.getpgid(world["victim"]), 0) or "reached"


@attack
def signal_own_group(world: World) -> object:
    """The zygote, its other probes and, without namespaces, what the launcher has there."""
    return os.kill(0, 0) or "reached"


@attack
def signal_victim_thread(world: World) -> object:
    return call("tgkill", world["victim"], world["victim"], 0) or "reached"


@attack
def queue_signal(world: World) -> object:
    return call("rt_sigqueueinfo", world["victim"], 0, struct.pack("=iii", 0, 0, -1) + bytes(116)) or "reached"


@attack
def signal_zygote(world: World) -> object:
    return os.kill(os.getppid(), 0) or "reached"


@attack
def signal_everyone(world: World) -> object:
    return os.kill(-1, 0) or "reached"


@attack
def signal_by_ownership(world: World) -> object:
    reading, _ = os.pipe()
    return fcntl.fcntl(reading, fcntl.F_SETOWN, world["victim"]) or "owner set"


@attack
def trace_victim(world: World) -> object:
    return call("ptrace", 0x4206, world["victim"], 0, 0) or "seized"


@attack
def read_victim_by_vm(world: World) -> object:
    buffer = ctypes.create_string_buffer(1)
    local = struct.pack("=QQ", ctypes.addressof(buffer), 1)
    remote = struct.pack("=QQ", world["address"], 1)
    return call("process_vm_readv", world["victim"], local, 1, remote, 1, 0)


@attack
def descriptor_of_victim(world: World) -> object:
    return call("pidfd_open", world["victim"], 0)


@attack
def write_victim_by_vm(world: World) -> object:
    buffer = ctypes.create_string_buffer(b"s", 1)
    local = struct.pack("=QQ", ctypes.addressof(buffer), 1)
    return call("process_vm_writev", world["victim"], local, 1, struct.pack("=QQ", world["address"], 1), 1, 0)


@attack
def take_descriptor_of_victim(world: World) -> object:
    return call("pidfd_getfd", call("pidfd_open", world["victim"], 0), 0, 0)


@attack
def signal_by_descriptor(world: World) -> object:
    return call("pidfd_send_signal", call("pidfd_open", world["victim"], 0), 0, None, 0) or "reached"


@attack
def trace_zygote(world: World) -> object:
    return call("ptrace", 0x4206, os.getppid(), 0, 0) or "seized"


@attack
def compare_with_victim(world: World) -> object:
    return call("kcmp", os.getpid(), world["victim"], 1, 0, 0) + 1


@attack
def limit_victim(world: World) -> object:
    return resource.prlimit(world["victim"], resource.RLIMIT_CORE)


@attack
def priority_of_victim(world: World) -> object:
    return os.setpriority(os.PRIO_PROCESS, world["victim"], 19) or "lowered"


@attack
def affinity_of_victim(world: World) -> object:
    return os.sched_setaffinity(world["victim"], os.sched_getaffinity(world["victim"])) or "set"


@attack
def lock_list_of_victim(world: World) -> object:
    """Where its list of held locks lies in memory, which is for those alone who may trace it."""
    head, size = ctypes.c_uint64(0), ctypes.c_uint64(0)
    call("get_robust_list", world["victim"], ctypes.byref(head), ctypes.byref(size))
    return size.value


@attack
def pages_of_victim(world: World) -> object:
    page, status = ctypes.c_uint64(world["address"] & ~4095), ctypes.c_int(-1)
    call("move_pages", world["victim"], 1, ctypes.byref(page), None, ctypes.byref(status), 0)
    return "asked"


@attack
def advise_victim(world: World) -> object:
    """Have the kernel put its memory aside."""
    where = struct.pack("=QQ", world["address"] & ~4095, 4096)
    return call("process_madvise", call("pidfd_open", world["victim"], 0), where, 1, 20, 0)


@attack
def scheduler_of_victim(world: World) -> object:
    return call("sched_setscheduler", world["victim"], 5, struct.pack("=i", 0)) or "set to idle"


@attack
def input_priority_of_victim(world: World) -> object:
    return call("ioprio_set", 1, world["victim"], 3 << 13) or "set to idle"


# --- kernel -----------------------------------------------------------------------------------------------------------
@attack
def memory_that_nobody_sees(world: World) -> object:
    return call("memfd_secret", 0)


@attack
def copy_of_all_mounts(world: World) -> object:
    return call("open_tree", -100, b"/", 1 | 0x8000)


@attack
def change_a_mount(world: World) -> object:
    return call("fspick", -100, b"/", 0)


@attack
def list_mounts(world: World) -> object:
    found = (ctypes.c_uint64 * 16)()
    return call("listmount", struct.pack("=IIQQ", 24, 0, (1 << 64) - 1, 0), ctypes.byref(found), 16, 0)


@attack
def kernel_log(world: World) -> object:
    return call("syslog", 3, ctypes.create_string_buffer(4096), 4096)


@attack
def name_of_the_machine(world: World) -> object:
    name = os.uname().nodename.encode()
    return call("sethostname", name, len(name)) or "set"


@attack
def memory_into_a_pipe(world: World) -> object:
    kept = ctypes.create_string_buffer(b"x" * 64)
    where = struct.pack("=QQ", ctypes.addressof(kept), 64)
    return call("vmsplice", os.pipe()[1], where, 1, 0)


@attack
def copy_a_pipe(world: World) -> object:
    (read, write), (_, other) = os.pipe(), os.pipe()
    os.write(write, b"x")
    return call("tee", read, other, 1, 0)


@attack
def io_uring(world: World) -> object:
    return call("io_uring_setup", 1, ctypes.create_string_buffer(120))


@attack
def bpf(world: World) -> object:
    return call("bpf", 0, struct.pack("=IIII", 2, 4, 8, 1) + bytes(112), 128)


@attack
def userfaultfd(world: World) -> object:
    return call("userfaultfd", 1)


@attack
def perf(world: World) -> object:
    kind = struct.pack("=IIQQQQQ", 1, 112, 1, 0, 0, 0, 1 << 5 | 1 << 6).ljust(112, b"\0")
    return call("perf_event_open", kind, 0, -1, -1, 0)


@attack
def new_user_namespace(world: World) -> object:
    return call("unshare", 0x10000000) or "entered"


@attack
def join_namespace(world: World) -> object:
    own = os.open("/proc/self/ns/uts", os.O_RDONLY)
    return call("setns", own, 0) or "joined"


@attack
def mount_folder(world: World) -> object:
    folder = temporary()
    call("mount", b"none", folder.encode(), b"tmpfs", 0, 0)
    libc.umount2(folder.encode(), 2)
    return "mounted"


@attack
def new_file_system(world: World) -> object:
    return call("fsopen", b"tmpfs", 0)


@attack
def change_root(world: World) -> object:
    return call("chroot", b"/") or "changed"


@attack
def kernel_keys(world: World) -> object:
    return call("keyctl", 0, -3, 1)


@attack
def add_kernel_key(world: World) -> object:
    return call("add_key", b"user", b"kls", b"x", 1, -2)  # the ring of this process


@attack
def posix_queue(world: World) -> object:
    name = f"kls-{os.getpid()}".encode()
    queue = call("mq_open", name, os.O_CREAT | os.O_RDWR, 0o600, None)
    call("mq_unlink", name)
    return queue


@attack
def own_filter_with_listener(world: World) -> object:
    checked(libc.prctl(38, 1, 0, 0, 0))
    allow = ctypes.create_string_buffer(struct.pack("=HBBI", 6, 0, 0, 0x7FFF0000))
    return call("seccomp", 1, 8, struct.pack("=HxxxxxxQ", 1, ctypes.addressof(allow)))


@attack
def local_descriptor_table(world: World) -> object:
    return call("modify_ldt", 0, ctypes.create_string_buffer(64), 64) + 1


@attack
def anonymous_file(world: World) -> object:
    return call("memfd_create", b"", 0)


@attack
def shared_memory_segment(world: World) -> object:
    segment = call("shmget", 0, 4096, 0o1600)
    libc.shmctl(segment, 0, None)
    return segment + 1


@attack
def message_queue(world: World) -> object:
    queue = call("msgget", 0, 0o1600)
    libc.msgctl(queue, 0, None)
    return queue + 1


@attack
def semaphores(world: World) -> object:
    group = call("semget", 0, 1, 0o1600)
    libc.semctl(group, 0, 0)
    return group + 1


@attack
def watch_files(world: World) -> object:
    everything = 0xFFF
    return call("inotify_add_watch", call("inotify_init1", 0), world["home"].encode(), everything)


@attack
def watch_folder_by_descriptor(world: World) -> object:
    folder = os.open(world["project"], os.O_RDONLY | os.O_DIRECTORY)
    return fcntl.fcntl(folder, fcntl.F_NOTIFY, fcntl.DN_CREATE) or "watched"


@attack
def watch_everything(world: World) -> object:
    return call("fanotify_init", 0x200, 0)


@attack
def foreign_personality(world: World) -> object:
    return call("personality", 0x0040000) + 1


@attack
def pseudo_terminal(world: World) -> object:
    return os.openpty()


def _asks_terminal(request: int, argument: bytes) -> str:
    """Whether the kernel looked at a request for a terminal: there is none here, and that is what it says then."""
    try:
        fcntl.ioctl(os.pipe()[0], request, argument)
    except OSError as error:
        if error.errno not in (errno.ENOTTY, errno.EINVAL):
            raise
    return "the request was looked at"


@attack
def type_into_terminal(world: World) -> object:
    return _asks_terminal(0x5412, b"x")  # TIOCSTI


@attack
def paste_into_console(world: World) -> object:
    return _asks_terminal(0x541C, b"\x03")  # TIOCLINUX, TIOCL_PASTESEL


@attack
def own_a_terminal(world: World) -> object:
    return _asks_terminal(0x540E, b"\0")  # TIOCSCTTY


@attack
def controlling_terminal(world: World) -> object:
    try:
        return os.open("/dev/tty", os.O_RDWR)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
    return "there is none, or it would be open"


@attack
def splice_pipes(world: World) -> object:
    (first, second), (third, fourth) = os.pipe(), os.pipe()
    os.write(second, b"x")
    return call("splice", first, 0, fourth, 0, 1, 0) and third


def _machine_code(code: bytes) -> int:
    import mmap

    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(code)
    start = ctypes.addressof(ctypes.c_char.from_buffer(page))
    return int(ctypes.CFUNCTYPE(ctypes.c_long)(start)())


@attack
def old_system_calls(world: World) -> object:
    assert platform.machine() == "x86_64"
    value = _machine_code(b"\x53\xb8\x14\x00\x00\x00\xcd\x80\x5b\xc3")  # getpid of 32-bit programs
    assert value == os.getpid()
    return value


@attack
def x32_system_calls(world: World) -> object:
    assert platform.machine() == "x86_64"
    value = libc.syscall(ctypes.c_long(0x40000000 | 39))
    assert value == os.getpid()
    return value


# --- limits and the locks themselves ----------------------------------------------------------------------------------
@attack
def raise_limits(world: World) -> object:
    now = resource.getrlimit(resource.RLIMIT_NOFILE)
    return resource.setrlimit(resource.RLIMIT_NOFILE, now) or "called"


@attack
def allow_core_dumps(world: World) -> object:
    resource.setrlimit(resource.RLIMIT_CORE, (1 << 20, 1 << 20))
    return resource.getrlimit(resource.RLIMIT_CORE)


@attack
def become_dumpable(world: World) -> object:
    return checked(libc.prctl(4, 1, 0, 0, 0)) or "dumpable"


@attack
def survive_parent(world: World) -> object:
    return checked(libc.prctl(1, 0, 0, 0, 0)) or "cleared"


@attack
def patch_the_guard(world: World) -> object:
    """Whatever Python has for a lock is patched away; the kernel does not ask Python."""
    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "").rpartition(".")[2] in ("lockdown", "policy", "serve", "probing"):
            for name, item in list(vars(module).items()):
                if callable(item) and not isinstance(item, type):
                    setattr(module, name, lambda *arguments, **more: ())
    return open(world["home"] + "/.ssh/id_rsa").read()


@attack
def disarm_deadline(world: World) -> object:
    timer = ctypes.c_int(0)
    if not world["locked"]:
        call("timer_create", 1, None, ctypes.byref(timer))
    return call("timer_delete", timer.value) or "disarmed"


@attack
def much_memory(world: World) -> object:
    return len(bytes(2_600_000_000))


@attack
def much_shared_memory(world: World) -> object:
    import mmap

    return len(mmap.mmap(-1, 5 << 30))


@attack
def many_threads(world: World) -> object:
    threading.stack_size(65536)
    stop = threading.Event()
    threads = [threading.Thread(target=stop.wait, daemon=True) for _ in range(700)]
    try:
        for thread in threads:
            thread.start()
    finally:
        stop.set()
    return len(threads)


@attack
def fork_bomb(world: World) -> object:
    reading, writing = os.pipe()
    children: list[int] = []
    try:
        for _ in range(700):
            child = os.fork()
            if child == 0:
                os.close(writing)
                os.read(reading, 1)
                os._exit(0)
            children.append(child)
    finally:
        os.close(writing)
        for child in children:
            os.waitpid(child, 0)
    return "700 processes"


@attack
def many_descriptors(world: World) -> object:
    return [os.open(os.devnull, os.O_RDONLY) for _ in range(100)]


@attack
def huge_sparse_file(world: World) -> object:
    with open(temporary() + "/huge", "wb") as file:
        file.truncate(10 << 30)
        size = os.fstat(file.fileno()).st_size
        os.unlink(file.name)
    return size


@attack
def fill_temporary(world: World) -> object:
    folder = temporary()
    try:
        for number in range(10):
            with open(f"{folder}/{number}", "wb") as file:
                file.write(bytes(10 << 20))
    finally:
        shutil.rmtree(folder)
    return "100 MB"


@attack
def many_files(world: World) -> object:
    folder = temporary()
    try:
        for number in range(700):
            os.close(os.open(f"{folder}/{number}", os.O_CREAT | os.O_WRONLY))
    finally:
        shutil.rmtree(folder)
    return "700 files"


@attack
def load_dropped_library(world: World) -> object:
    name = temporary() + "/library.so"
    shutil.copyfile(world["library"], name)
    return ctypes.CDLL(name)._handle


# --- what a program may do, and what never ends -----------------------------------------------------------------------
DEEDS: dict[str, Callable[[World], object]] = {}
"""Programs that no test starts without layers: honest ones, and endless ones."""


def deed(act: Callable[[World], object]) -> Callable[[World], object]:
    DEEDS[act.__name__] = act
    return act


@deed
def read_granted(world: World) -> object:
    return open(world["project"] + "/data.csv").read()


@deed
def list_workspace(world: World) -> object:
    return sorted(os.listdir(world["project"]))


@deed
def use_temporary(world: World) -> object:
    folder = temporary()
    os.mkdir(folder + "/a")
    with open(folder + "/a/one", "w") as file:
        file.write("text")
    os.rename(folder + "/a/one", folder + "/a/two")
    text = open(folder + "/a/two").read()
    shutil.rmtree(folder)
    return text


@deed
def use_threads(world: World) -> object:
    got: list[int] = []
    threads = [threading.Thread(target=got.append, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(got)


@deed
def use_standard_library(world: World) -> object:
    import random
    import sqlite3
    import zoneinfo

    with open(os.devnull, "w") as nothing:
        nothing.write("x")
    random.SystemRandom().random()
    zoneinfo.ZoneInfo("Europe/Vienna")
    return sqlite3.connect(":memory:").execute("select 1").fetchone()[0]


@deed
def huge_list(world: World) -> object:
    return len([0] * 10**10)


@deed
def growing_list(world: World) -> object:
    pieces = []
    while True:
        pieces.append(bytearray(os.urandom(16)) * (1 << 20))


@deed
def spin(world: World) -> object:
    for number in range(1, 65):
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_IGN)
    while True:
        pass


@deed
def sleep_with_signals_blocked(world: World) -> object:
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
    while True:
        time.sleep(1000)


@deed
def stop_itself(world: World) -> object:
    os.kill(os.getpid(), signal.SIGSTOP)
    time.sleep(1000)


@deed
def hold_interpreter_lock(world: World) -> object:
    import re

    return re.match(r"(a+)+$", "a" * 64 + "b")


@deed
def crash(world: World) -> object:
    return ctypes.string_at(0)


@deed
def abort(world: World) -> object:
    return os.abort()


@deed
def leave(world: World) -> object:
    os._exit(0)


# --- TensorFlow -------------------------------------------------------------------------------------------------------
@deed
def keras_model(world: World) -> object:
    import keras

    model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Conv2D(4, 3), keras.layers.Flatten()])
    return model.output_shape


@deed
def tf_graph_mode(world: World) -> object:
    import keras
    import tensorflow as tf

    with tf.Graph().as_default():
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="relu")])
        return model(tf.zeros((7, 4))).shape.as_list()


@deed
def tf_data(world: World) -> object:
    import tensorflow as tf

    numbers = tf.data.Dataset.range(10).map(lambda number: number * 2, num_parallel_calls=2).batch(4).prefetch(1)
    return [batch.numpy().tolist() for batch in numbers]


@deed
def tf_autograph(world: World) -> object:
    import tensorflow as tf

    @tf.function
    def collatz(number):
        steps = tf.constant(0)
        while number != 1:
            number = number // 2 if number % 2 == 0 else 3 * number + 1
            steps += 1
        return steps

    return int(collatz(tf.constant(6)))


@deed
def keras_fit(world: World) -> object:
    import keras
    import numpy

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    history = model.fit(numpy.zeros((8, 4)), numpy.zeros((8, 1)), verbose=0)
    return sorted(history.history)


@deed
def tf_read_private_key(world: World) -> object:
    import tensorflow as tf

    return tf.io.read_file(world["home"] + "/.ssh/id_rsa").numpy()


@deed
def tf_write_shell_start(world: World) -> object:
    import tensorflow as tf

    return tf.io.write_file(world["home"] + "/.bashrc", "owned")


@deed
def tf_server(world: World) -> object:
    import tensorflow as tf

    return tf.distribute.Server.create_local_server().target


def outcome(name: str, world: World) -> dict[str, Any]:
    """{"hit": what was got or None, "stopped": the exception or None} of one attack."""
    try:
        got = (ATTACKS.get(name) or DEEDS[name])(world)
        return {
            "hit": None if got is None else repr(got)[:200],
            "stopped": "nothing came of it" if got is None else None,
        }
    except BaseException as error:
        number = getattr(error, "errno", None)
        return {"hit": None, "stopped": errno.errorcode.get(number or 0, type(error).__name__)}
