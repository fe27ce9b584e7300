"""Hostile frames of a worker: valid ones, broken at random; a million of them by `python -m tests.host.frames`.

python -m tests.host.frames [COUNT] [SEED]
"""

from __future__ import annotations

import dataclasses
import json
import random
import sys
import time
import types
import typing
from collections.abc import Iterator
from typing import Any, Union

from kls.worker import protocol
from kls.worker.protocol import MAX_TEXT, Hello, Probe, ProtocolError, Report, Stop, decode, encode

TEXTS = (
    "", "x", "dense_1", "a" * 70, "\x1b]0;owned\x07", "\x1b[2J", "\x00", "\ud800", "\u202ecod.exe\u202c", "\x9b31m",
    "[here](command:workbench.action.quit)", "<img src=x onerror=alert(1)>", "https://evil.example/x",
    "www.evil.example", "`" * 9, "|" * 5, "\n\n# heading\n", "$(touch x)", "![x](//evil.example/x.png)", "😀",
    "e\u0301", "::error f=x::y", "%0A::set-output", "me@evil.example", "[a]: https://evil.example", "&#91;", "~~~\nx",
)  # fmt: skip
ODD = ("null", "true", "-1", "1e999", "NaN", "[]", "{}", '""', str(1 << 70), '"\\ud800"', "[" * 40 + "]" * 40, "1.5")
SLOWEST = 0.5
"""Seconds that one frame may take, generously: a frame of this module takes well under one millisecond."""


def made(hint: Any, chance: random.Random, depth: int = 0) -> Any:
    """A value of one of the protocol's types, its texts hostile."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if dataclasses.is_dataclass(hint):
        hints = typing.get_type_hints(hint)
        return typing.cast("Any", hint)(**{name: made(kind, chance, depth + 1) for name, kind in hints.items()})
    if origin is Union or origin is getattr(types, "UnionType", None):
        return made(chance.choice(arguments), chance, depth)
    if origin is tuple:
        return tuple(made(arguments[0], chance, depth + 1) for _ in range(chance.randrange(3 if depth < 4 else 2)))
    if origin is dict:
        return {chance.choice(TEXTS): chance.choice(TEXTS) for _ in range(chance.randrange(3))}
    if hint is bool:
        return chance.random() < 0.5
    if hint is int:
        return chance.randrange(1, 30)
    if hint is float:
        return chance.random()
    return None if hint is type(None) else chance.choice(TEXTS)


def frames(count: int, seed: int) -> Iterator[bytes]:
    """So many frames, most of them broken somewhere."""
    chance = random.Random(seed)
    good = [encode(made(chance.choice((Hello, Probe, Report, Report, Report, Stop)), chance)) for _ in range(64)]
    for _ in range(count):
        yield broken(chance.choice(good), chance)


def broken(frame: bytes, chance: random.Random) -> bytes:
    """`frame` with a few bytes, tokens or pieces changed."""
    data = bytearray(frame)
    for _ in range(chance.choice((0, 1, 1, 1, 2, 8))):
        place, kind = chance.randrange(len(data) + 1), chance.randrange(5)
        if kind == 0 and data:
            data[place % len(data)] = chance.randrange(256)
        elif kind == 1:
            del data[place : place + chance.choice((1, 2, 50))]
        elif kind == 2:
            data[place:place] = data[: chance.randrange(200)]
        elif kind == 3:
            start = data.find(b":", place) + 1
            end = min((at for mark in b",}" if (at := data.find(mark, start)) >= 0), default=start)
            data[start:end] = chance.choice(ODD).encode()
        else:
            data[place:place] = json.dumps(chance.choice(TEXTS)).encode()
    return bytes(data)


def judge(frame: bytes) -> bool:
    """Whether a frame became a record, which then holds nothing that a terminal or an editor would obey."""
    began = time.process_time()
    try:
        message = decode(frame)
    except ProtocolError:
        return False
    finally:
        assert time.process_time() - began < SLOWEST
    for text in texts(message):
        assert len(text) <= MAX_TEXT + 1
        assert all(char in "\n\t" or not (ord(char) < 32 or 0x7F <= ord(char) < 0xA0) for char in text), text
        assert not any(0xD800 <= ord(char) < 0xE000 or 0x202A <= ord(char) <= 0x202E for char in text), text
    assert decode(encode(message)) == message
    return True


def texts(value: Any) -> Iterator[str]:
    """Every string in a record but an author's own source, which goes to the worker, not to people."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, protocol.Source):
        yield from (value.name, value.path)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from texts(getattr(value, field.name))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from texts(key)
            yield from texts(item)
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from texts(item)


def main(count: int = 1_000_000, seed: int = 0) -> None:
    """Judge so many frames and say how many became records."""
    began = time.perf_counter()
    taken = sum(map(judge, frames(count, seed)))
    seconds = time.perf_counter() - began
    print(f"{count} frames in {seconds:.0f} s: {taken} became records, {count - taken} were refused, none did harm")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
