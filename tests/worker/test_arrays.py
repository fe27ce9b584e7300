"""Virtual arrays against NumPy itself: the same shape and dtype, or the same error, for each operation."""

from __future__ import annotations

import copy
import resource
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from kls.worker.dryrun.arrays import VirtualArray
from kls.worker.dryrun.unknown import Unknown, UnknownValue

SHAPE = (60, 7, 5)

SAME: dict[str, Callable[[Any], Any]] = {
    text.strip(): eval("lambda x: " + text.strip())
    for text in """
    x / 255.0
    x + 1
    1 - x
    x / x.max()
    x.astype("float32") / 255
    x * np.ones((7, 1))
    x + np.arange(5)
    -x
    x ** 2
    x // 3
    divmod(x, 2)
    x > 3
    (x > 3) & (x < 5)
    np.sqrt(x)
    np.exp(x, dtype="float32")
    np.add.reduce(x, axis=1)
    np.add.reduce(x)
    np.add.accumulate(x, 1)
    np.multiply.outer(x, [1.0, 2.0])
    np.modf(x / 2)
    x.reshape(60, 35)
    x.reshape(-1)
    x.reshape((-1, 7, 5, 1))
    x.reshape(len(x), -1)
    x.transpose(2, 0, 1)
    x.T
    x.swapaxes(0, 1)
    x.ravel()
    x.flatten()
    x.squeeze()
    x.mean()
    x.mean(axis=0)
    x.mean(axis=(0, 1), keepdims=True)
    x.std(axis=-1, ddof=1)
    x.sum(axis=(1, 2))
    x.sum(0)
    x.max(0)
    x.min(axis=1)
    x.any(axis=1)
    x.argmax(axis=-1)
    x.argmax()
    x.argmax(1, keepdims=True)
    x.argsort(axis=0)
    x.argsort(axis=None)
    x.cumsum()
    x.cumsum(1)
    x.clip(0, 1)
    x.clip(0.5)
    x.round(2)
    x.repeat(3)
    x.repeat(3, axis=-1)
    x.repeat([1, 2, 3, 4, 5, 6, 7], axis=1)
    x.take([0, 2], axis=1)
    x.take([[0, 2]])
    x.copy()
    x.view("int32" if x.dtype.itemsize == 4 else "int8" if x.dtype.itemsize == 1 else "int64")
    x.diagonal()
    x.trace()
    x.dot(np.ones((5, 4)))
    x @ np.ones((5, 4))
    x @ np.ones(5)
    np.ones((3, 60)) @ x.reshape(60, 35)
    np.dot(np.ones((2, 7)), x)
    np.inner(x, np.ones((2, 5)))
    np.outer(x, np.ones(3))
    np.tensordot(x, np.ones((7, 5, 4)), axes=2)
    np.tensordot(x, np.ones((60, 3)), axes=([0], [0]))
    np.einsum("ijk,kl->il", x, np.ones((5, 2)))
    np.einsum("ijk->i", x)
    np.concatenate([x, x])
    np.concatenate([x, x[:, :2]], axis=1)
    np.concatenate((x, np.zeros((1, 7, 5))))
    np.concatenate([x, x], axis=None)
    np.stack([x, x], axis=-1)
    np.stack([x, x])
    np.hstack([x, x])
    np.vstack((x, x[0:1]))
    np.dstack([x, x])
    np.column_stack([x[:, 0, 0], x[:, 1, 1]])
    np.append(x, x, axis=0)
    np.append(x, 3)
    np.expand_dims(x, -1)
    np.expand_dims(x, axis=(0, 1))
    np.squeeze(x[:1], 0)
    np.moveaxis(x, 0, -1)
    np.rollaxis(x, 2)
    np.swapaxes(x, 0, 1)
    np.transpose(x, (0, 2, 1))
    np.flip(x, 1)
    np.fliplr(x)
    np.rot90(x, axes=(1, 2))
    np.roll(x, 2, axis=0)
    np.split(x, 3)
    np.split(x, [10, 50])
    np.array_split(x, 7)
    np.hsplit(x, 7)
    np.pad(x, 1)
    np.pad(x, ((0, 0), (1, 2), (0, 3)), "edge")
    np.pad(x, ((0, 0), (2, 2), (2, 2)), mode="reflect")
    np.tile(x, 2)
    np.tile(x, (2, 1, 1, 3))
    np.repeat(x, 2, axis=0)
    np.take(x, [1, 2], axis=0)
    np.where(x > 2, x, 0)
    np.where(x > 2, 1.0, 0.0)
    np.mean(x, axis=0)
    np.std(x)
    np.var(x, axis=1)
    np.sum(x, axis=-1, keepdims=True)
    np.max(x, axis=0)
    np.median(x, axis=0)
    np.percentile(x, [10, 90], axis=0)
    np.quantile(x, 0.5)
    np.nanmean(x, axis=1)
    np.average(x, axis=0)
    np.argmax(x, axis=1)
    np.argsort(x)
    np.sort(x, axis=0)
    np.cumsum(x, axis=0)
    np.diff(x, axis=0)
    np.gradient(x / 1.0, axis=0)
    np.clip(x, 0, 1)
    np.round(x)
    round(x.mean(), 3)
    round(x.max())
    np.abs(x)
    np.zeros_like(x)
    np.ones_like(x, dtype="int8")
    np.full_like(x, 3)
    np.empty_like(x)
    np.copy(x)
    np.nan_to_num(x / 2.0)
    np.isnan(x / 2.0)
    np.broadcast_to(x, (2, *x.shape))
    np.atleast_2d(x[:, 0, 0])
    np.ravel(x)
    np.reshape(x, (35, 60))
    np.histogram(x, bins=5)
    np.histogram(x, bins=[0, 1, 2])
    np.digitize(x, [1, 2])
    np.isin(x, [1, 2])
    np.meshgrid(x[:, 0, 0], x[0, :, 0])
    np.meshgrid(x[:, 0, 0], x[0, :, 0], indexing="ij")
    np.delete(x, 0, axis=0)
    np.delete(x, [1, 2], axis=1)
    np.insert(x, 0, 1, axis=1)
    np.linalg.norm(x)
    np.linalg.norm(x, axis=-1)
    np.linalg.norm(x, axis=1, keepdims=True)
    np.linalg.inv(x[:5, :5, 0] + 0.5)
    np.cov(x.reshape(60, 35), rowvar=False)
    np.corrcoef(x.reshape(60, 35))
    np.fft.fft(x)
    np.fft.rfft(x[:, 0, 0])
    np.convolve(x[:, 0, 0], [1, 2, 3])
    np.convolve(x[:, 0, 0], [1, 2, 3], mode="valid")
    np.cross(x[:, 0, :3], x[:, 1, :3])
    np.kron(x[:, 0], np.ones((2, 2)))
    np.interp(x[:, 0, 0], [0, 1], [0, 1])
    np.searchsorted([1, 2, 3], x)
    np.argpartition(x, 3, axis=0)
    np.maximum(x, 0)
    np.logical_not(x)
    np.triu(x[:5, :5, 0])
    x[0]
    x[0, 1]
    x[-1, :, 2]
    x[1:50:7]
    x[..., 0]
    x[..., None]
    x[:, np.newaxis]
    x[::-1]
    x[[0, 1, 2]]
    x[:, [0, 1]]
    x[..., [0, 1]]
    x[np.arange(10)]
    x[np.arange(10), 0]
    x[np.array([True] * 30 + [False] * 30)]
    x[:, np.array([True, False] * 3 + [True])]
    x[np.zeros((2, 3), int)]
    x[[0, 1], :, [2, 3]]
    x[x[:, 0, 0].argsort()]
    x[np.ix_([0, 1], [0, 1])]
    x[()]
    """.strip().splitlines()
}

RAISES: dict[str, Callable[[Any], Any]] = {
    text.strip(): eval("lambda x: " + text.strip())
    for text in """
    x.reshape(60, 784)
    x.reshape(-1, 13)
    x + np.ones(4)
    x + np.ones((7, 4))
    x @ np.ones((4, 3))
    np.dot(x, np.ones((4, 3)))
    np.concatenate([x, x[:, :2]])
    np.concatenate([x, x[0]])
    np.concatenate([x], axis=3)
    np.stack([x, x[1:]])
    np.hstack([x, x[1:]])
    np.vstack([x, x[:, 1:]])
    np.split(x, 7)
    np.expand_dims(x, 5)
    np.squeeze(x, 0)
    np.transpose(x, (0, 1))
    x.mean(axis=3)
    x.sum(axis=(0, 0))
    np.max(x, axis=7)
    x.argmax(axis=3)
    x[60]
    x[0, 0, 0, 0]
    x[:, 7]
    x[[60]]
    x[:, :, :, [0]]
    x[np.ones(59, bool)]
    x[1.5]
    x.take([60], axis=0)
    x.take([0], axis=3)
    x.repeat([1, 2], axis=0)
    x.astype("flaot32")
    np.broadcast_to(x, (60, 7, 4))
    np.swapaxes(x, 0, 3)
    np.pad(x, ((0, 0), (1, 1)))
    np.delete(x, 60, axis=0)
    np.einsum("ij,jk->ik", x, x)
    np.einsum("ijk,lk->il", x, np.ones((5, 2)))
    np.tensordot(x, np.ones((6, 5)), axes=2)
    np.where(x > 1, x, np.ones(3))
    np.add(x, 1, out=np.ones((2, 2)))
    x.__ipow__("a")
    {0: "cat"}[x]
    x.append(3)
    """.strip().splitlines()
}


def described(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return tuple(described(item) for item in value)
    return np.shape(value), np.asarray(value).dtype


@pytest.mark.parametrize("dtype", ["uint8", "float32", "int64"])
@pytest.mark.parametrize("text", SAME)
def test_same_shape_and_dtype(text: str, dtype: str) -> None:
    real = SAME[text](
        np.ones(SHAPE, dtype) if "inv" not in text else np.eye(60)[:, :7, None].repeat(5, 2).astype(dtype)
    )
    virtual = SAME[text](VirtualArray.of(SHAPE, dtype, "somewhere"))
    assert described(virtual) == described(real)
    for item in virtual if isinstance(virtual, (tuple, list)) else [virtual]:
        if text != "np.histogram(x, bins=[0, 1, 2])":
            assert isinstance(item, VirtualArray)
            assert item.origin == "somewhere"


@pytest.mark.parametrize("text", RAISES)
def test_same_error(text: str) -> None:
    with pytest.raises((ValueError, TypeError, IndexError, AttributeError)) as real:
        RAISES[text](np.ones(SHAPE, "float32"))
    with pytest.raises((ValueError, TypeError, IndexError, AttributeError)) as virtual:
        RAISES[text](VirtualArray.of(SHAPE, "float32"))
    assert (virtual.type, str(virtual.value)) == (real.type, str(real.value))


@pytest.mark.parametrize(
    "use",
    [
        bool,
        lambda x: int(x[0, 0, 0]),
        lambda x: float(x.max()),
        lambda x: x.tolist(),
        lambda x: x.max().item(),
        lambda x: x[x > 3],
        lambda x: np.unique(x),
        lambda x: np.nonzero(x),
        lambda x: np.where(x > 3),
        lambda x: 3 in x,
        lambda x: np.array_equal(x, x),
        lambda x: range(10)[x[0, 0, 0].astype(int)],
        lambda x: {0: "cat", 1: "dog"}[np.argmax(x)],
        lambda x: np.bincount(x[:, 0, 0].astype(int)),
    ],
)
def test_values_are_not_known(use: Callable[[Any], Any]) -> None:
    with pytest.raises(UnknownValue, match=r"mnist|condition"):
        use(VirtualArray.of(SHAPE, "float32", "mnist"))


def test_in_place() -> None:
    x = VirtualArray.of(SHAPE, "float32", "mnist")
    before = x
    x /= 255.0
    x[0] = 3
    x[:, 1] = np.ones((60, 5))
    x[x > 3] = 0
    x[[1, 2]] = x[0]
    x.sort(axis=0)
    assert x is before
    assert isinstance(np.ones(3) + x[0, 0, :3], VirtualArray)
    with pytest.raises(ValueError, match=r"could not broadcast input array from shape \(4,\) into shape \(5,\)"):
        x[0, 0] = np.ones(4)
    pixels = VirtualArray.of(SHAPE, "uint8")
    with pytest.raises(TypeError, match="Cannot cast ufunc"):
        pixels /= 255.0


def test_no_memory() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    x = VirtualArray.of((10**7, 1000), "uint8", "images")
    y = np.concatenate([x.astype("float32") / 255.0, np.zeros((1, 1000))]).reshape(-1, 10, 100)[::2]
    y = np.stack([y, y.copy()], axis=-1)[np.random.default_rng(0).permutation(1000)]
    assert y.shape == (1000, 10, 100, 2)
    assert np.linalg.norm(x, axis=1).shape == (10**7,)
    assert np.pad(x, ((0, 0), (4, 4))).shape == (10**7, 1008)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 100_000, f"{grown} KiB"


def test_unknown_takes_precedence() -> None:
    x = VirtualArray.of(SHAPE, "float32")
    unknown = Unknown("why", 1)
    assert isinstance(x * unknown, Unknown)
    assert isinstance(unknown * x, Unknown)
    assert isinstance(np.concatenate([x, unknown]), Unknown)
    assert isinstance(x[unknown], Unknown)
    with pytest.raises(UnknownValue):
        x.reshape(unknown, 3)


def test_copies_and_iteration() -> None:
    x = VirtualArray.of((3, 4), "float32", "here")
    assert [row.shape for row in x] == [(4,)] * 3
    assert all(isinstance(item, VirtualArray) for item in x[0])
    assert copy.deepcopy(x).origin == copy.copy(x).origin == "here"
    assert "not known" in f"{x} {x!r}"
    assert f"{x.max():.2f},{x[0, 0]!r}" == "0.00,0.0"
    assert isinstance(x, np.ndarray) and len(x) == 3
