"""An author's program reaches the worker exactly as it stands in the editor."""

from __future__ import annotations

import pytest

from kls.worker import protocol
from kls.worker.protocol import Probe, ProtocolError, Source


@pytest.mark.parametrize("text", ["x = 1\n" * 10_000, "\x0cdef f(): ...\r\n", "s = '\u202e\x85\u2028 😀'\x0b\n"])
def test_nothing_is_cut_or_cleaned(text: str) -> None:
    probe = Probe(1, (Source("__main__", "/p/a.py", text, True),), "/p")
    assert protocol.decode(protocol.encode(probe)) == probe


def test_a_source_without_text_is_refused() -> None:
    line = protocol.encode(Probe(1, (Source("__main__", "/p/a.py", "x"),), "/p")).replace(b'"text":"x"', b'"text":3')
    with pytest.raises(ProtocolError):
        protocol.decode(line)
