from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.tf
Dry = Callable[[Callable[[], Any]], None]


def test_large_arrays_are_virtual_and_small_ones_real(dry: Dry) -> None:
    def body() -> None:
        from kls.worker.dryrun.arrays import VirtualArray

        generator = np.random.default_rng(1)
        for made, shape, dtype in (
            (np.zeros((60_000, 784)), (60_000, 784), "float64"),
            (np.ones(10**7, "int32"), (10**7,), "int32"),
            (np.full((3000, 1000), 7), (3000, 1000), "int64"),
            (np.eye(5000), (5000, 5000), "float64"),
            (np.arange(10**8), (10**8,), "int64"),
            (np.random.rand(10_000, 1000), (10_000, 1000), "float64"),
            (np.random.randint(0, 255, (1000, 64, 64, 3)), (1000, 64, 64, 3), "int64"),
            (np.random.randint(0, 255, size=(1000, 64, 64, 3), dtype="uint8"), (1000, 64, 64, 3), "uint8"),
            (np.random.normal(0.0, 1.0, (10**6, 10)), (10**6, 10), "float64"),
            (np.random.uniform(size=(10**6, 10)), (10**6, 10), "float64"),
            (np.random.choice(10, (10**6, 10)), (10**6, 10), "int64"),
            (generator.normal(size=(10**6, 10)), (10**6, 10), "float64"),
            (generator.integers(0, 9, (10**6, 10)), (10**6, 10), "int64"),
            (np.random.RandomState(3).randn(10**6, 10), (10**6, 10), "float64"),
        ):
            assert isinstance(made, VirtualArray) and (made.shape, made.dtype) == (shape, np.dtype(dtype))
        for made in (
            np.zeros((10, 3)),
            np.arange(10),
            np.random.rand(4, 3),
            np.random.randint(0, 10, (100, 1)),
            np.random.permutation(1000),
            generator.permutation(10),
            np.random.RandomState(3).permutation(5),
        ):
            assert type(made) is np.ndarray
        assert isinstance(generator, np.random.Generator)
        assert isinstance(np.random.mtrand._rand, np.random.RandomState)

    dry(body)


def test_draws_are_the_same_in_every_run(dry: Dry, tmp_path: Path) -> None:
    drawn = tmp_path / "drawn"

    def body() -> None:
        import random

        text = repr((np.random.rand(3), np.random.default_rng().integers(0, 99, 3), random.random()))
        with open(drawn, "a", encoding="utf-8") as opened:
            opened.write(text + "\n")

    dry(body)
    dry(body)
    one, other = drawn.read_text(encoding="utf-8").splitlines()
    assert one == other


def test_libraries_get_what_they_ask_for(dry: Dry) -> None:
    pytest.importorskip("scipy")

    def body() -> None:
        import scipy.linalg

        assert type(scipy.linalg.toeplitz(np.zeros(1100), np.zeros(1100))) is np.ndarray
        assert type(scipy.linalg.hadamard(2048)) is np.ndarray

    dry(body)


def test_conversion(dry: Dry) -> None:
    def body() -> None:
        import tensorflow as tf

        from kls.worker.dryrun.arrays import VirtualArray
        from kls.worker.dryrun.unknown import Unknown, UnknownValue

        x = VirtualArray.of((100, 28, 28), "uint8", "images")
        assert np.asarray(x) is x
        assert np.array(x, dtype="float32").dtype == np.float32
        stacked = np.array([x[0], x[1]])
        assert isinstance(stacked, VirtualArray) and (stacked.shape, stacked.origin) == ((2, 28, 28), "images")
        assert np.array([x[0].mean(), 1.0]).shape == (2,)
        assert np.array([tf.constant(1.0), tf.constant(2.0)]).tolist() == [1.0, 2.0]
        assert np.array(tf.constant([1, 2])).tolist() == [1, 2]
        with pytest.raises(ValueError, match="inhomogeneous"):
            np.array([x[0], x[0, 0]])
        assert str(np.array([1, Unknown("why")]).reason) == "why"
        with pytest.raises(UnknownValue, match="why"):
            exec(compile("np.array([1, Unknown('why')])", "/a/library.py", "exec"), {"np": np, "Unknown": Unknown})

    dry(body)


def test_files(dry: Dry, tmp_path: Path) -> None:
    np.save(tmp_path / "small.npy", np.arange(6).reshape(2, 3))
    np.save(tmp_path / "large.npy", np.zeros((2000, 1000)))
    np.savez_compressed(tmp_path / "both.npz", x=np.zeros((2000, 1000)), y=np.arange(3))
    assert zipfile.is_zipfile(tmp_path / "both.npz")

    def body() -> None:
        from kls.worker.dryrun.arrays import VirtualArray

        assert np.load(tmp_path / "small.npy").tolist() == [[0, 1, 2], [3, 4, 5]]
        large = np.load(str(tmp_path / "large.npy"))
        assert isinstance(large, VirtualArray) and (large.shape, large.origin) == ((2000, 1000), "large.npy")
        with np.load(tmp_path / "both.npz") as archive:
            assert archive.files == ["x", "y"]
            assert archive["x"].shape == (2000, 1000) and archive["y"].tolist() == [0, 1, 2]
        np.save(tmp_path / "new.npy", large)
        assert not (tmp_path / "new.npy").exists()
        with pytest.raises(FileNotFoundError):
            np.load(tmp_path / "none.npy")

    dry(body)
