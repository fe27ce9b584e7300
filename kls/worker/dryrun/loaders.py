"""Stand-ins for what loads data: they answer from their arguments, with the true shapes, dtypes and ranges.

Images and other inputs are virtual arrays. Labels are real and plausible: every class occurs, so that what the program
computes from them (`np.max(y) + 1`, `np.unique`, `to_categorical`) is right.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from keras.src.datasets import (
    boston_housing,
    california_housing,
    cifar10,
    cifar100,
    fashion_mnist,
    imdb,
    mnist,
    reuters,
)
from keras.src.utils import (
    dataset_utils,
    file_utils,
    sequence_utils,
    timeseries_dataset_utils,
)

from . import datasets, folders, generators, pictures, preprocessing, tokenizers, unread
from .aliases import replace, watch
from .arrays import VirtualArray, find_unknown, is_large
from .folders import in_data_format, labels
from .unknown import OfFault, Unknown, UnknownValue

__all__ = ["install"]

IMDB_WORDS = 88_584
REUTERS_WORDS = 30_979


def _images(name: str, size: tuple[int, ...], classes: int, train: int, dtype: Any, column: bool) -> Any:
    def load_data(*args: Any, **keywords: Any) -> Any:
        origin = f"keras.datasets.{name}.load_data()"
        parts: list[Any] = []
        kinds = classes
        if name == "cifar100":
            mode = keywords.get("label_mode", args[0] if args else "fine")
            if mode not in ("fine", "coarse"):
                raise ValueError(f"`label_mode` must be one of `'fine'`, `'coarse'`. Received: label_mode={mode}.")
            kinds = 100 if mode == "fine" else 20
        for number in (train, 10_000):
            shape = (number, 1) if column else (number,)
            parts.append(
                (VirtualArray.of((number, *in_data_format(size)), "uint8", origin), labels(number, kinds, dtype, shape))
            )
        return tuple(parts)

    return load_data


def _sequences(number: int, words: int, longest: int, lowest: int) -> np.ndarray:
    """Lists of word numbers as an object array; a few distinct lists, one of the true greatest length."""
    lengths = [longest, *(20 + (17 * index) % 400 for index in range(63))]
    top = max(words - lowest, 1)
    pool = [
        [1, *(lowest + (31 * index + 7 * place) % top for place in range(length - 1))]
        for index, length in enumerate(lengths)
    ]
    made = np.empty(number, dtype=object)
    for index in range(number):
        made[index] = pool[index % len(pool)]
    return made


def _texts(name: str, samples: tuple[int, int], longest: tuple[int, int], classes: int, words: int) -> Any:
    def load_data(
        path: Any = None, num_words: Any = None, skip_top: Any = 0, maxlen: Any = None, **keywords: Any
    ) -> Any:
        unknown = find_unknown((num_words, maxlen))
        if unknown is not None:
            return (unknown, unknown), (unknown, unknown)
        index_from = keywords.get("index_from", 3) or 0
        vocabulary = int(num_words) if num_words else words + index_from
        total = sum(samples)
        split = keywords.get("test_split", 0.2) if name == "reuters" else None
        numbers = samples if split is None else (int(total * (1 - split)), total - int(total * (1 - split)))
        parts: list[Any] = []
        for number, most in zip(numbers, longest):
            x = _sequences(number, vocabulary, most, min(index_from + 1, vocabulary - 1))
            y = labels(number, classes, np.int64)
            if maxlen is not None:
                short = np.array([len(text) < maxlen for text in x])
                x, y = x[short], y[short]
            parts.append((x, y))
        return tuple(parts)

    return load_data


def _word_index(words: int) -> Any:
    def get_word_index(path: Any = None) -> dict[str, int]:
        return {f"word{index}": index for index in range(1, words + 1)}

    return get_word_index


def _tables(name: str, samples: int, features: int, dtype: Any) -> Any:
    def load_data(*args: Any, **keywords: Any) -> Any:
        number = 600 if keywords.get("version", args[0] if args else None) == "small" else samples
        split = keywords.get("test_split", 0.2)
        if not 0 <= split < 1:
            raise ValueError(f"Invalid `test_split` argument: {split}. It must be between 0 and 1 (exclusive of 1).")
        train = int(number * (1 - split))
        origin = f"keras.datasets.{name}.load_data()"
        return tuple(
            (VirtualArray.of((part, features), dtype, origin), VirtualArray.of((part,), dtype, origin))
            for part in (train, number - train)
        )

    return load_data


def _pad_sequences(original: Any, rows: Callable[[int], int]) -> Any:
    def pad_sequences(sequences: Any, maxlen: Any = None, dtype: Any = "int32", *args: Any, **keywords: Any) -> Any:
        if isinstance(sequences, Unknown):
            if not isinstance(maxlen, int) or isinstance(sequences, OfFault):
                return sequences.unshaped()
            known = sequences.rows if isinstance(sequences, tokenizers.Sequences) else None
            count = rows(sequences.line or 1) if known is None else known
            return VirtualArray.of((count, maxlen), np.dtype(dtype), "pad_sequences")
        if hasattr(sequences, "__len__") and len(sequences) > 2000 and not isinstance(sequences, VirtualArray):
            longest = max(len(item) for item in sequences) if maxlen is None else maxlen
            if is_large((len(sequences), longest), dtype):
                # The rows that are padded for real check the other arguments and the sequences' own shape.
                head = original(list(sequences[:64]), longest, dtype, *args, **keywords)
                return VirtualArray.of((len(sequences), *head.shape[1:]), head.dtype, "pad_sequences")
        return original(sequences, maxlen, dtype, *args, **keywords)

    return pad_sequences


def _get_file(fname: Any = None, origin: Any = None, untar: bool = False, *_: Any, **keywords: Any) -> str:
    """The path that a download would have; nothing is fetched."""
    if isinstance(fname, Unknown) or isinstance(origin, Unknown):
        raise UnknownValue("the name of a file to download")
    if origin is None:
        raise ValueError('Please specify the "origin" argument (URL of the file to download).')
    name = os.path.basename(str(fname or "").rstrip("/")) or os.path.basename(str(origin).split("?", 1)[0].rstrip("/"))
    cache = keywords.get("cache_dir") or os.path.join(os.path.expanduser("~"), ".keras")
    path = os.path.join(os.fspath(cache), keywords.get("cache_subdir", "datasets"), name)
    if keywords.get("extract") or untar:
        return path if fname else f"{path}_extracted"
    return path


def _split_dataset(original: Any) -> Any:
    """`keras.utils.split_dataset` reads all elements; over a dataset they are taken and skipped instead."""

    def split_dataset(dataset: Any, left_size: Any = None, right_size: Any = None, *args: Any, **keywords: Any) -> Any:
        if not isinstance(dataset, tf.data.Dataset) or int(dataset.cardinality()) <= 0:
            return original(dataset, left_size, right_size, *args, **keywords)
        left, right = dataset_utils._rescale_dataset_split_sizes(left_size, right_size, int(dataset.cardinality()))
        return dataset.take(left), dataset.skip(left).take(right)

    return split_dataset


def _windows(original: Any) -> Any:
    """`keras.utils.timeseries_dataset_from_array` of tables that were not read takes numbers in their place."""

    def timeseries_dataset_from_array(data: Any, targets: Any, *args: Any, **keywords: Any) -> Any:
        return original(*unread.numbered(data, targets), *args, **keywords)

    return timeseries_dataset_from_array


PAD = sequence_utils.pad_sequences
"""Keras's own."""

_STAND_INS: list[tuple[Any, Any]] = [
    (mnist.load_data, _images("mnist", (28, 28), 10, 60_000, np.uint8, False)),
    (fashion_mnist.load_data, _images("fashion_mnist", (28, 28), 10, 60_000, np.uint8, False)),
    (cifar10.load_data, _images("cifar10", (32, 32, 3), 10, 50_000, np.uint8, True)),
    (cifar100.load_data, _images("cifar100", (32, 32, 3), 100, 50_000, np.int64, True)),
    (imdb.load_data, _texts("imdb", (25_000, 25_000), (2494, 2315), 2, IMDB_WORDS)),
    (imdb.get_word_index, _word_index(IMDB_WORDS)),
    (reuters.load_data, _texts("reuters", (8982, 2246), (2376, 1032), 46, REUTERS_WORDS)),
    (reuters.get_word_index, _word_index(REUTERS_WORDS)),
    (boston_housing.load_data, _tables("boston_housing", 506, 13, np.float64)),
    (california_housing.load_data, _tables("california_housing", 20_640, 8, np.float32)),
    (file_utils.get_file, _get_file),
    (pictures.LOAD, pictures.load_img),
    (
        timeseries_dataset_utils.timeseries_dataset_from_array,
        _windows(timeseries_dataset_utils.timeseries_dataset_from_array),
    ),
    (dataset_utils.split_dataset, _split_dataset(dataset_utils.split_dataset)),
]
watch(PAD, *(original for original, _ in _STAND_INS))


def install(
    author_file: Callable[[str], bool],
    rows: Callable[[int], int] = lambda line: datasets.FILES,
    witnesses: Any = None,
) -> None:
    """Replace loaders in this process, under every name that TensorFlow and Keras give them. `rows` gives a number for
    the rows of what is not known from a line on, `witnesses` those for its other sizes."""
    replace(PAD, _pad_sequences(PAD, rows))
    for original, stand_in in _STAND_INS:
        replace(original, stand_in)
    folders.install(author_file)
    pictures.install()
    datasets.install(author_file)
    generators.install()
    preprocessing.install(author_file)
    tokenizers.install(rows, witnesses)
