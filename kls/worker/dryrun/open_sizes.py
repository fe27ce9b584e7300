"""Sizes that nobody knows, and what is known of two of them all the same: how much larger one is than the other.

`df.drop("price", axis=1)` has a column fewer than `df`, however many that has. Two sizes that come from nothing in
common may be equal or not.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Optional, Union

import numpy as np

__all__ = ["Open", "Size", "Sizes", "apart", "cut", "together"]


class Open:
    """A size that nobody knows: a number of its own, or a sum of such numbers and one that is known."""

    __slots__ = ("_more", "_parts", "_several")

    def __init__(self, parts: Iterable[Open] = (), more: int = 0, several: bool = False) -> None:
        self._parts = tuple(sorted(parts, key=id))
        self._more = more
        self._several = several

    @property
    def parts(self) -> tuple[Open, ...]:
        """The numbers of their own that it is the sum of."""
        return self._parts or (self,)

    @property
    def more(self) -> int:
        """What is added to those, which may be less than nothing."""
        return self._more

    @property
    def several(self) -> bool:
        """Whether it is certainly more than one."""
        return self._several

    def moved(self, by: int) -> Open:
        """A size that is larger by a known number."""
        return self if not by else Open(self.parts, self._more + by)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Open) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[tuple[int, ...], int]:
        return tuple(id(part) for part in self.parts), self._more


Size = Union[int, Open]
Sizes = tuple[Size, ...]


def together(sizes: Iterable[Size]) -> Size:
    """How many columns there are side by side."""
    every = list(sizes)
    parts = [part for size in every if isinstance(size, Open) for part in size.parts]
    known = sum(size.more if isinstance(size, Open) else size for size in every)
    if not parts:
        return known
    return parts[0] if len(parts) == 1 and not known else Open(parts, known)


def apart(one: Optional[Size], other: Optional[Size]) -> Optional[int]:
    """How much larger the second is; None where that is not known."""
    if isinstance(one, Open) and isinstance(other, Open):
        return other.more - one.more if one.parts == other.parts else None
    if isinstance(one, Open) or isinstance(other, Open) or one is None or other is None:
        return None
    return other - one


def cut(size: Size, part: slice) -> Size:
    """How many of `size` columns a slice takes; there are as many as it leaves out."""
    start, stop, step = part.start, part.stop, part.step
    if not all(end is None or _is_whole(end) for end in (start, stop, step)):
        return size if part == slice(None) else Open()
    if not isinstance(size, Open):
        return len(range(*part.indices(size)))
    if step not in (None, 1):
        return Open()
    first, last = int(start or 0), None if stop is None else int(stop)
    if first >= 0 and last is not None and last >= 0:
        return max(last - first, 0)
    if first < 0 and (last is None or last < 0):
        return max((last or 0) - first, 0)
    return size.moved((last or 0) - first) if first >= 0 else Open()


def _is_whole(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)
