from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.tf
Dry = Callable[[Callable[[], Any]], None]


def test_tables(dry: Dry, tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    (tmp_path / "small.csv").write_text("a,b\n1,x\n2,y\n", encoding="utf-8")
    (tmp_path / "large.csv").write_text("a,b\n" + "1234567,7654321\n" * 600_000, encoding="utf-8")

    def body() -> None:
        import pandas as pd

        from kls.worker.dryrun.unknown import UnknownValue

        small = pd.read_csv(tmp_path / "small.csv")
        assert small["a"].tolist() == [1, 2]
        assert pd.read_csv(filepath_or_buffer=str(tmp_path / "large.csv")).shape == (2000, 2)
        with pytest.raises(FileNotFoundError):
            pd.read_csv(tmp_path / "none.csv")
        with pytest.raises(UnknownValue, match="nowhere"):
            pd.read_csv("https://nowhere.invalid/a.csv")
        small.to_csv(tmp_path / "out.csv")
        assert not (tmp_path / "out.csv").exists()

    dry(body)


def test_scikit_learn(dry: Dry) -> None:
    pytest.importorskip("sklearn")

    def body() -> None:
        import sklearn.datasets
        from sklearn.decomposition import PCA
        from sklearn.linear_model import LinearRegression
        from sklearn.model_selection import GridSearchCV, train_test_split
        from sklearn.preprocessing import (
            LabelEncoder,
            MaxAbsScaler,
            MinMaxScaler,
            OneHotEncoder,
            PolynomialFeatures,
            StandardScaler,
        )

        from kls.worker.dryrun.arrays import VirtualArray
        from kls.worker.dryrun.unknown import Unknown, UnknownValue

        x, y = VirtualArray.of((60_000, 784), "float32", "images"), np.arange(60_000) % 10
        parts = train_test_split(x, y, test_size=0.2, stratify=y)
        assert [part.shape for part in parts] == [(48_000, 784), (12_000, 784), (48_000,), (12_000,)]
        assert isinstance(parts[0], VirtualArray) and parts[0].origin == "images"
        scaler = StandardScaler().fit(x)
        scaled = scaler.transform(parts[1])
        assert isinstance(scaled, VirtualArray) and (scaled.shape, scaled.dtype) == ((12_000, 784), np.float32)
        assert MinMaxScaler().fit_transform(np.array([[0.0], [4.0]])).tolist() == [[0.0], [1.0]]
        assert MaxAbsScaler().fit_transform(VirtualArray.of((50_000, 3072), "uint8")).shape == (50_000, 3072)
        one_hot = OneHotEncoder().fit_transform((np.arange(60_000) % 100).reshape(-1, 1)).toarray()
        assert isinstance(one_hot, VirtualArray) and one_hot.shape == (60_000, 100)
        assert OneHotEncoder().fit_transform([[1], [2]]).toarray().tolist() == [[1.0, 0.0], [0.0, 1.0]]
        assert LabelEncoder().fit_transform(y=["b", "a"]).tolist() == [1, 0]
        unknown = train_test_split(Unknown("a table"), y)
        assert [type(part) for part in unknown] == [Unknown, Unknown, np.ndarray, np.ndarray]
        search = GridSearchCV(LinearRegression(), {"fit_intercept": [True, False]}).fit(x, y)
        assert isinstance(search.best_params_, Unknown) and isinstance(search.predict(x), Unknown)
        assert PolynomialFeatures(2).fit_transform(x[:, :3]).shape == (60_000, 10)
        assert PCA(50).fit_transform(x).shape == (60_000, 50)
        with pytest.raises(UnknownValue, match="components"):
            PCA(0.95).fit(x)
        with pytest.raises(ValueError, match="dim"):
            StandardScaler().fit(x.reshape(-1, 28, 28))
        assert sklearn.datasets.load_iris().data.shape == (150, 4)
        assert sklearn.datasets.fetch_california_housing().data.shape == (20_640, 8)

    dry(body)


def test_tensorflow_datasets(dry: Dry) -> None:
    pytest.importorskip("tensorflow_datasets")

    def body() -> None:
        import tensorflow as tf
        import tensorflow_datasets as tfds

        from kls.worker.dryrun.unknown import Unknown, UnknownValue

        (train, test), info = tfds.load("mnist", split=["train", "test"], as_supervised=True, with_info=True)
        assert train.element_spec == test.element_spec
        assert train.element_spec[0] == tf.TensorSpec((28, 28, 1), tf.uint8)
        assert info.features["label"].num_classes == 10
        images, labels = next(iter(train.batch(4)))
        assert (images.shape, labels.shape) == ((4, 28, 28, 1), (4,))
        pictures = tfds.load("cats_vs_dogs", split="train[:80%]")
        assert pictures.element_spec["image"].shape.as_list() == [None, None, 3]
        assert tfds.load("cycle_gan/horse2zebra")["trainA"].element_spec["image"].dtype == tf.uint8
        with pytest.raises(UnknownValue, match="no_such_data"):
            tfds.load("no_such_data")
        # How many there are comes with the download.
        total = info.splits["train"].num_examples
        assert isinstance(total, Unknown) and "mnist" in total.reason
        assert train.shuffle(total).skip(total).element_spec == train.element_spec
        x, y = tfds.as_numpy(tfds.load("mnist", split="train", batch_size=-1, as_supervised=True))
        assert (x.shape[1:], x.dtype, y.ndim) == ((28, 28, 1), "uint8", 1) and len(x) == len(y)
        with pytest.raises(UnknownValue, match="size"):
            tfds.load("cats_vs_dogs", split="train", batch_size=-1)
        first = next(iter(tfds.as_numpy(train)))
        assert first[0].shape == (28, 28, 1)

    dry(body)
