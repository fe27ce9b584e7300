"""The system-call filters, instruction by instruction, and the tables against independent ones."""

from __future__ import annotations

import itertools
import re
import struct
from pathlib import Path

import pytest

from kls.worker.sandbox import lockdown
from kls.worker.sandbox.lockdown import ABSENT, ALLOW, DENY, KILL

MACHINES = list(lockdown.ARCHITECTURES)
TABLES = (
    lockdown._PROBE,
    lockdown._PROBE_FOLDER,
    lockdown._ZYGOTE,
    lockdown._CHECKED,
    lockdown._FATAL,
    lockdown._EXEC,
)
OWN, OTHER = 4711, 4712
KINDS = {
    "probe": lambda machine: lockdown.probe_filter(machine, OWN),
    "probe, nothing written": lambda machine: lockdown.probe_filter(machine, OWN, writes=False),
    "zygote": lambda machine: lockdown.zygote_filter(machine, OWN, signals=True),
    "zygote, no signals": lambda machine: lockdown.zygote_filter(machine, OWN, signals=False),
    "no exec": lockdown.no_exec_filter,
}


def decide(raw: bytes, machine: str, number: int, *arguments: int, architecture: int | None = None) -> int:
    """What a filter answers, by the kernel's rules (Documentation/userspace-api/seccomp_filter.rst)."""
    words = [argument & (1 << 64) - 1 for argument in (*arguments, *[0] * (6 - len(arguments)))]
    arch = lockdown.ARCHITECTURES[machine] if architecture is None else architecture
    data = struct.pack("=IIQ6Q", number & 0xFFFFFFFF, arch, 0, *words)
    code = list(struct.iter_unpack("=HBBI", raw))
    place = accumulator = 0
    while True:
        operation, true, false, constant = code[place]
        place += 1
        if operation == 0x20:
            accumulator = struct.unpack_from("=I", data, constant)[0]
        elif operation == 0x06:
            return constant
        elif operation == 0x05:
            place += constant
        elif operation in (0x15, 0x35, 0x45):
            met = {0x15: accumulator == constant, 0x35: accumulator >= constant, 0x45: bool(accumulator & constant)}
            place += true if met[operation] else false
        else:
            raise AssertionError(f"operation {operation:#x} is not used here")


def number(machine: str, name: str) -> int:
    return lockdown.numbers(" ".join(TABLES), machine)[name]


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_filter_is_one_the_kernel_takes(kind: str, machine: str) -> None:
    code = KINDS[kind](machine)
    assert len(code) <= 4096
    for place, (operation, true, false, constant) in enumerate(code):
        if operation == 0x05:
            assert place + 1 + constant < len(code)
        else:
            assert max(true, false) < 256
            assert operation == 0x06 or place + 1 + max(true, false) < len(code)
            assert 0 <= constant < 1 << 32
    assert len(lockdown.packed(code)) == 8 * len(code)


@pytest.mark.parametrize("machine", MACHINES)
def test_every_call_by_number(machine: str) -> None:
    raw = lockdown.packed(lockdown.probe_filter(machine, OWN))
    allowed = set(lockdown.numbers(lockdown._PROBE + lockdown._PROBE_FOLDER, machine).values())
    checked = set(lockdown.numbers(lockdown._CHECKED, machine).values())
    fatal = set(lockdown.numbers(lockdown._FATAL, machine).values())
    for call in itertools.chain(range(600), (1 << 20, 0x3FFFFFFF)):
        answer = decide(raw, machine, call)
        if call in allowed:
            assert answer == ALLOW, call
        elif call in fatal:
            assert answer == KILL, call
        elif call not in checked:
            absent = call > 462 or (machine == "x86_64" and 335 <= call < 424)
            assert answer == (ABSENT if absent else DENY), call


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("writes", [True, False])
def test_a_filter_made_before_the_fork(machine: str, writes: bool) -> None:
    for own in (2, OWN, (1 << 22) - 1):
        made = lockdown.packed_probe_filter(machine, own, writes)
        assert made == lockdown.packed(lockdown.probe_filter(machine, own, writes))


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("kind", KINDS)
def test_other_architectures_are_killed(kind: str, machine: str) -> None:
    raw = lockdown.packed(KINDS[kind](machine))
    i386, arm = 0x40000003, 0x40000028
    for other in (i386, arm, *(value for name, value in lockdown.ARCHITECTURES.items() if name != machine)):
        assert decide(raw, machine, number(machine, "read"), architecture=other) == KILL
    if machine == "x86_64":
        assert decide(raw, machine, 0x40000000) == KILL
        assert decide(raw, machine, 0xFFFFFFFF) == KILL


THREAD, VFORK, NEWUSER, NEWNET, PARENT, TRACED = 0x3D0F00, 0x4111, 0x10000000, 0x40000000, 0x8000, 0x2000
BOTH = {
    "clone": [((THREAD,), ALLOW), ((THREAD | NEWUSER,), DENY), ((THREAD | NEWNET,), DENY), ((THREAD | TRACED,), DENY)],
    "clone3": [((0, 88), ABSENT)],
    "ioctl": [((1, 0x5401), ALLOW), ((1, 0x5412), DENY), ((1, 0x5421 | 1 << 32), ALLOW), ((1, 0x8912), DENY)],
    "fcntl": [((3, 2), ALLOW), ((3, 1030), ALLOW), *(((3, command), DENY) for command in (6, 7, 8, 10, 37, 38, 1026))],
    "openat": [
        ((-100, 0, 0), ALLOW), ((-100, 0, 0o1101), ALLOW), ((-100, 0, 0o1000), DENY), ((-100, 0, 0o1003), DENY),
        ((-100, 0, 0o2), ALLOW), ((-100, 0, 0o1002), ALLOW),
    ],
}  # fmt: skip
PROBE = {
    "clone": [((VFORK,), DENY), ((17,), DENY), ((THREAD & ~0x10000,), DENY)],
    "kill": [((OWN, 9), ALLOW), ((OTHER, 9), DENY), ((0, 9), DENY), ((-1, 9), DENY), ((-OWN, 9), DENY)],
    "tgkill": [((OWN, 5, 6), ALLOW), ((OTHER, 5, 6), DENY)],
    "prctl": [((15,), ALLOW), ((0x53564D41,), ALLOW), ((1, 9), DENY), ((4, 0), DENY), ((22, 2), DENY), ((38, 1), DENY)],
    "prlimit64": [
        ((0, 7, 0), ALLOW), ((OWN, 7, 0), ALLOW), ((OTHER, 7, 0), DENY), ((0, 7, 1), DENY), ((0, 7, 1 << 32), DENY),
    ],
}  # fmt: skip
ZYGOTE = {
    "clone": [((17,), ALLOW), ((VFORK,), ALLOW), ((17 | PARENT,), DENY), ((17 | NEWUSER,), DENY)],
    "prctl": [((1, 9), ALLOW), ((1, 0), DENY), ((4, 0), ALLOW), ((4, 1), DENY), ((22, 2), ALLOW), ((38, 1), ALLOW)],
    "prlimit64": [((0, 7, 1), ALLOW), ((OTHER, 7, 0), DENY)],
}


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("kind, own", [("probe", PROBE), ("zygote", ZYGOTE)])
def test_arguments(kind: str, own: dict[str, list[tuple[tuple[int, ...], int]]], machine: str) -> None:
    raw = lockdown.packed(KINDS[kind](machine))
    for table in (BOTH, own):
        for name, cases in table.items():
            for arguments, expected in cases:
                assert decide(raw, machine, number(machine, name), *arguments) == expected, (name, arguments)


@pytest.mark.parametrize("machine", MACHINES)
def test_signals_of_a_zygote(machine: str) -> None:
    free, bound = (lockdown.packed(KINDS[kind](machine)) for kind in ("zygote", "zygote, no signals"))
    for name in ("kill", "tgkill"):
        call = number(machine, name)
        assert [decide(raw, machine, call, OTHER, 9) for raw in (free, bound)] == [ALLOW, DENY]
        assert decide(bound, machine, call, OWN, 9) == ALLOW


@pytest.mark.parametrize("machine", MACHINES)
def test_nothing_written(machine: str) -> None:
    raw = lockdown.packed(KINDS["probe, nothing written"](machine))
    for flags, expected in ((0, ALLOW), (0o2000000, ALLOW), (1, DENY), (2, DENY), (0o100, DENY), (0o1000, DENY)):
        assert decide(raw, machine, number(machine, "openat"), -100, 0, flags) == expected
    for name in lockdown.numbers(lockdown._PROBE_FOLDER, machine).values():
        assert decide(raw, machine, name) == DENY


@pytest.mark.parametrize("machine", MACHINES)
def test_no_exec_changes_nothing_else(machine: str) -> None:
    raw = lockdown.packed(lockdown.no_exec_filter(machine))
    executing = set(lockdown.numbers(lockdown._EXEC, machine).values())
    for call in range(600):
        assert decide(raw, machine, call) == (DENY if call in executing else ALLOW)


@pytest.mark.parametrize("machine", MACHINES)
def test_numbers_against_libseccomp(machine: str) -> None:
    try:
        import pyseccomp
    except (ImportError, OSError, RuntimeError) as error:
        pytest.skip(f"libseccomp is not here: {error}")
    architecture = {"x86_64": pyseccomp.Arch.X86_64, "aarch64": pyseccomp.Arch.AARCH64}[machine]
    compared = 0
    for name, mine in lockdown.numbers(" ".join(TABLES), machine).items():
        try:
            theirs = pyseccomp.resolve_syscall(architecture, name)
        except ValueError:
            continue
        if theirs >= 0:
            assert mine == theirs, name
            compared += 1
    assert compared > 170


def test_numbers_against_the_kernels_headers() -> None:
    found = False
    headers = {
        "x86_64": ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", r"#define __NR_(\w+) (\d+)$"),
        "aarch64": ("/usr/include/asm-generic/unistd.h", r"#define __NR(?:3264)?_(\w+) (\d+)$"),
    }
    for machine, (path, pattern) in headers.items():
        if not Path(path).exists():
            continue
        found = True
        theirs = {name: int(value) for name, value in re.findall(pattern, Path(path).read_text(), re.MULTILINE)}
        mine = lockdown.numbers(" ".join(TABLES), machine)
        assert {name: value for name, value in mine.items() if theirs.get(name, value) != value} == {}
        assert len(mine.keys() & theirs.keys()) > 170
    if not found:
        pytest.skip("no kernel headers here")


def test_landlock_rights_against_landlockpy() -> None:
    flags = pytest.importorskip("landlockpy.flags")
    for abi in range(1, 12):
        expected = (int(flags.fs_for_abi(abi)), int(flags.net_for_abi(abi)), int(flags.scope_for_abi(abi)))
        assert lockdown.landlock_rights(abi) == expected, abi
