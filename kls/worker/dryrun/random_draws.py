"""Random draws of NumPy: the same in every run, and virtual where they would be large."""

from __future__ import annotations

import random as stdlib_random
from collections.abc import Callable
from typing import Any, Optional

import numpy as np
import tensorflow as tf

from .arrays import VirtualArray, find_unknown, shape_and_dtype, sizes_of, virtual_if_large
from .unknown import Unknown

__all__ = ["SEED", "install"]

SEED = 20_011
"""The seed of every generator the author leaves unseeded."""

_DISTRIBUTIONS = (
    "uniform normal standard_normal standard_exponential exponential gamma standard_gamma beta laplace logistic "
    "lognormal poisson binomial geometric gumbel rayleigh weibull power pareto chisquare f standard_t standard_cauchy "
    "triangular vonmises wald zipf logseries negative_binomial hypergeometric noncentral_chisquare noncentral_f"
).split()
_INTEGER = frozenset("poisson binomial geometric zipf logseries negative_binomial hypergeometric".split())


def install(author_file: Callable[[str], bool]) -> None:
    """Replace the random draws of `numpy.random` and seed `random`, in this process."""
    stdlib_random.seed(SEED)
    random = np.random
    np.random.seed(SEED)
    for name in ("rand", "randn"):
        setattr(random, name, _by_dimensions(name, getattr(random, name)))
    for name in ("random", "random_sample", "ranf", "sample"):
        setattr(random, name, _by_size(name, getattr(random, name), 0, np.float64))
    for name in _DISTRIBUTIONS:
        setattr(random, name, _by_size(name, getattr(random, name), None, np.int64 if name in _INTEGER else np.float64))
    random.randint = _integers("randint", random.randint)
    random.choice = _choice(random.choice)
    random.permutation = _permutation(random.permutation)
    random.shuffle = _shuffle(random.shuffle)
    make, state = random.default_rng, random.RandomState

    def default_rng(seed: Any = None) -> Any:
        if type(seed) is _Generator:
            return seed
        return _Generator(make(SEED if seed is None or isinstance(seed, Unknown) else seed))

    class Kind(type):
        def __instancecheck__(cls, instance: Any) -> bool:
            return isinstance(instance, state)

    class RandomState(state, metaclass=Kind):
        """The old generator, with a fixed seed when none is given and virtual arrays where they would be large."""

        def __init__(self, seed: Any = None) -> None:
            super().__init__(SEED if seed is None or isinstance(seed, Unknown) else seed)

    for name in ("rand", "randn"):
        setattr(RandomState, name, _as_method(_by_dimensions, name, getattr(state, name)))
    for name in ("random_sample", "random", *_DISTRIBUTIONS):
        position = 0 if name.startswith("random") else None
        dtype = np.int64 if name in _INTEGER else np.float64
        setattr(RandomState, name, _as_method(_by_size, name, getattr(state, name), position, dtype))
    RandomState.randint = _as_method(_integers, "randint", state.randint)  # type: ignore[method-assign]
    RandomState.choice = _as_method(lambda _, original: _choice(original), "choice", state.choice)  # type: ignore[method-assign]
    RandomState.permutation = _as_method(lambda _, original: _permutation(original), "permutation", state.permutation)  # type: ignore[method-assign]
    RandomState.shuffle = _as_method(lambda _, original: _shuffle(original), "shuffle", state.shuffle)  # type: ignore[method-assign]
    random.default_rng = default_rng
    random.RandomState = RandomState


def _as_method(wrap: Callable[..., Any], name: str, original: Any, *args: Any) -> Any:
    def method(self: Any, *given: Any, **keywords: Any) -> Any:
        return wrap(name, original.__get__(self), *args)(*given, **keywords)

    method.__name__ = name
    return method


class _Generator:
    """`np.random.Generator`, with virtual arrays where it would draw large ones."""

    def __init__(self, generator: Any) -> None:
        self._generator = generator

    @property  # type: ignore[misc]
    def __class__(self) -> type:  # pyright: ignore
        return np.random.Generator

    def __getattr__(self, name: str) -> Any:
        original = getattr(self._generator, name)
        if name in ("random", "standard_normal", "standard_exponential"):
            return _by_size(name, original, 0, np.float64)
        if name in _DISTRIBUTIONS:
            return _by_size(name, original, None, np.int64 if name in _INTEGER else np.float64)
        if name == "integers":
            return _integers(name, original)
        if name == "choice":
            return _choice(original)
        if name in ("permutation", "permuted"):
            return _permutation(original)
        return _shuffle(original) if name == "shuffle" else original


def _by_dimensions(name: str, original: Any) -> Any:
    def patched(*sizes: Any) -> Any:
        made = virtual_if_large(sizes, np.float64, f"np.random.{name}")
        return original(*sizes) if made is None else made

    return patched


def _by_size(name: str, original: Any, position: Optional[int], dtype: Any) -> Any:
    """A draw with a `size` argument: at `position`, or third (second for one-parameter laws) when None."""

    def patched(*args: Any, **keywords: Any) -> Any:
        where = position if position is not None else _POSITIONS.get(name, 2)
        if len(args) > where + 1:  # sizes given one by one: NumPy refuses them itself
            return original(*args, **keywords)
        size = keywords.get("size", args[where] if len(args) > where else None)
        parameters = [item for item in (*args[:where], *keywords.values()) if isinstance(item, (VirtualArray, Unknown))]
        unknown = find_unknown(parameters)
        if unknown is not None:
            if size is not None:
                return VirtualArray.of(sizes_of(size), dtype, f"np.random.{name}")
            return unknown
        if parameters:
            shape = sizes_of(size) if size is not None else np.broadcast_shapes(*(item.shape for item in parameters))
            return VirtualArray.of(shape, dtype, parameters[0].origin)
        made = None if size is None else virtual_if_large(size, keywords.get("dtype") or dtype, f"np.random.{name}")
        return original(*args, **keywords) if made is None else made

    return patched


_POSITIONS: dict[str, int] = dict.fromkeys(
    "standard_gamma poisson geometric standard_t chisquare power pareto rayleigh weibull zipf logseries".split(), 1
)
_POSITIONS.update(standard_normal=0, standard_exponential=0, standard_cauchy=0, exponential=1, triangular=3)
_POSITIONS.update(hypergeometric=3, noncentral_f=3)


def _integers(name: str, original: Any) -> Any:
    def patched(low: Any, high: Any = None, size: Any = None, dtype: Any = None, **keywords: Any) -> Any:
        kind = np.int64 if dtype is None else dtype
        if find_unknown((low, high)) is not None or isinstance(low, VirtualArray) or isinstance(high, VirtualArray):
            unknown = find_unknown((low, high))
            if size is None:
                return unknown if unknown is not None else VirtualArray.of((), kind, f"np.random.{name}")
            return VirtualArray.of(sizes_of(size), kind, f"np.random.{name}")
        made = None if size is None else virtual_if_large(size, kind, f"np.random.{name}")
        return original(low, high, size, kind, **keywords) if made is None else made

    return patched


def _choice(original: Any) -> Any:
    def patched(a: Any, size: Any = None, replace: Any = True, p: Any = None, axis: Any = 0, **keywords: Any) -> Any:
        if isinstance(p, tf.Tensor) and hasattr(p, "numpy"):
            p = VirtualArray.of(p.shape, p.dtype.as_numpy_dtype)  # what a layer gave may be zeros, which are no chances
        if isinstance(p, (VirtualArray, Unknown)) or isinstance(a, (VirtualArray, Unknown)):
            unknown = find_unknown((a,))
            if unknown is not None:
                return unknown
            if isinstance(p, VirtualArray) and p.size <= _MOST and not isinstance(a, VirtualArray):
                original(a, p=np.full(p.shape, 1 / max(p.size, 1)))  # refuses chances by their axes
            shape, dtype = ((), np.dtype(np.int64)) if isinstance(a, (int, np.integer)) else shape_and_dtype(a)
            return VirtualArray.of((*(sizes_of(size) or ()), *shape[1:]) if size is not None else shape[1:], dtype)
        if size is not None:
            shape, dtype = ((), np.dtype(np.int64)) if isinstance(a, (int, np.integer)) else shape_and_dtype(a)
            made = virtual_if_large((*(sizes_of(size) or ()), *shape[1:]), dtype, "np.random.choice")
            if made is not None:
                return made
        if axis:
            keywords["axis"] = axis
        return original(a, size, replace, p, **keywords)

    return patched


_MOST = 100_000
"""Chances above which no draw is tried."""


def _permutation(original: Any) -> Any:
    def patched(x: Any, *args: Any, **keywords: Any) -> Any:
        if isinstance(x, VirtualArray):
            return x.copy()
        made = virtual_if_large(x, np.int64, "a permutation") if isinstance(x, (int, np.integer)) else None
        return original(x, *args, **keywords) if made is None else made

    return patched


def _shuffle(original: Any) -> Any:
    def patched(x: Any, *args: Any, **keywords: Any) -> None:
        if not isinstance(x, (VirtualArray, Unknown)):
            original(x, *args, **keywords)

    return patched
