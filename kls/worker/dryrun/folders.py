"""Stand-ins for what reads folders of images, texts or sounds: right element specifications, nothing read.

A folder that is there is listed, for its classes and its number of files. Of one that is not, the classes are Unknown
and a plausible number of files is assumed.
"""

from __future__ import annotations

import functools
import inspect
import math
import os
import types
from collections.abc import Callable
from typing import Any, Optional

import keras
import numpy as np
import tensorflow as tf
from keras.src.legacy.preprocessing import image as legacy_image
from keras.src.utils import audio_dataset_utils, dataset_utils, image_dataset_utils, text_dataset_utils

from .aliases import replace, watch
from .arrays import VirtualArray
from .datasets import STAND_IN_TEXT, repeated, unread, zeros
from .unknown import Unknown, UnknownValue
from .unread import numbered

__all__ = ["SAMPLES", "in_data_format", "install", "labels"]

MOST_LOOKED_AT = 1_000
"""Rows of a table that are looked through for what nobody knows."""
SAMPLES = 640
"""Files that a folder is taken to hold when it is not there."""

_READERS = {
    "image": image_dataset_utils.image_dataset_from_directory,
    "text": text_dataset_utils.text_dataset_from_directory,
    "audio": audio_dataset_utils.audio_dataset_from_directory,
}
watch(*_READERS.values())


def labels(number: int, classes: int, dtype: Any, shape: Any = None) -> np.ndarray:
    """Real labels 0…classes-1, all of them early, in an order that repeats only after long."""
    made = (np.arange(number) * 7 + np.arange(number) // classes * 3) % classes
    return made.astype(dtype).reshape((number,) if shape is None else shape)


def in_data_format(size: tuple[int, ...]) -> tuple[int, ...]:
    """An image size (height, width, channels) in Keras's own order of axes."""
    if len(size) == 3 and keras.config.image_data_format() == "channels_first":
        return (size[2], *size[:2])
    return size


def _folder(path: Any) -> Optional[dict[str, int]]:
    """The class folders of a directory that is there, with their numbers of files; None when it is not."""
    try:
        names = sorted(entry.name for entry in os.scandir(path) if entry.is_dir())
        return {name: sum(len(files) for _, _, files in os.walk(os.path.join(path, name))) for name in names}
    except (OSError, TypeError):
        return None


def _number(folder: Optional[dict[str, int]]) -> Optional[int]:
    """How many files a folder holds; None when that is not known, or when the program itself would have filled it."""
    return (sum(folder.values()) or None) if folder else None


def _from_directory(kind: str, original: Any) -> Any:
    """`image_/text_/audio_dataset_from_directory`: a dataset of the right element specification."""
    signature = inspect.signature(original)

    def from_directory(*args: Any, **keywords: Any) -> Any:
        bound = signature.bind(*args, **keywords)
        bound.apply_defaults()
        given = bound.arguments
        _check_directory_arguments(kind, given)
        there = _folder(given["directory"])
        names: Any = list(given["class_names"] or ()) or (sorted(there) if there else None)
        files = _number(there)
        sizes = _split_sizes(files, given["validation_split"], given["subset"])
        batch = given["batch_size"]
        made: list[Any] = []
        for size in sizes:
            dataset = _samples(kind, given, names, SAMPLES if size is None else size)
            if batch is not None:
                dataset = dataset.batch(batch)
            dataset.class_names = names if names else Unknown(f"the class folders of {given['directory']}")
            dataset.file_paths = Unknown(f"the files of {given['directory']}")
            made.append(dataset)
        return made[0] if len(made) == 1 else tuple(made)

    from_directory.__name__ = original.__name__
    return from_directory


def _check_directory_arguments(kind: str, given: dict[str, Any]) -> None:
    modes = {"int", "categorical", "binary", None}
    if given["label_mode"] not in modes:
        raise ValueError(
            '`label_mode` argument must be one of "int", "categorical", "binary", or None. '
            f"Received: label_mode={given['label_mode']}"
        )
    if kind == "image" and given["color_mode"] not in {"rgb", "rgba", "grayscale"}:
        raise ValueError(
            f'`color_mode` must be one of {{"rgb", "rgba", "grayscale"}}. Received: color_mode={given["color_mode"]}'
        )
    dataset_utils.check_validation_split_arg(
        given["validation_split"], given["subset"], given["shuffle"], given["seed"]
    )


def _samples(kind: str, given: dict[str, Any], names: Any, number: int) -> Any:
    """The unbatched dataset: inputs that are all alike, and labels that take every class in turn."""
    inputs, loose = _input(kind, given)
    mode = given["label_mode"] if given["labels"] is not None else None
    classes = len(names) if names else 2
    images = repeated(inputs, number)
    if loose is not None:
        images = images.map(lambda item: tf.compat.v1.placeholder_with_default(item, loose))
    if mode is None:
        return images
    values = labels(number, classes, np.int32)
    if mode == "int":
        return tf.data.Dataset.zip((images, tf.data.Dataset.from_tensor_slices(values)))
    if mode == "binary":
        column = values.reshape(-1, 1).astype("float32")
        return tf.data.Dataset.zip((images, tf.data.Dataset.from_tensor_slices(column)))
    if names:
        one_hot = np.eye(classes, dtype="float32")[values]
        return tf.data.Dataset.zip((images, tf.data.Dataset.from_tensor_slices(one_hot)))
    reason = f"the class folders of {given['directory']}"
    return images.map(lambda item: (item, _of_unknown_width(reason)))


def _of_unknown_width(reason: str) -> Any:
    return tf.compat.v1.placeholder_with_default(unread(tf.zeros([2]), reason), [None])


def _input(kind: str, given: dict[str, Any]) -> tuple[Any, Any]:
    """One input, and its static shape where that says less than the input itself."""
    if kind == "text":
        return tf.constant(STAND_IN_TEXT), None
    if kind == "audio":
        length = given["output_sequence_length"]
        sound = tf.zeros([length or 16_000, 1])
        if given["ragged"]:
            return tf.RaggedTensor.from_tensor(sound), None
        return sound, (length, None)
    channels = {"rgb": 3, "rgba": 4, "grayscale": 1}[given["color_mode"]]
    size = tuple(int(item) for item in given["image_size"])
    if len(size) != 2:
        raise ValueError(f"Expected `size` to be a tuple of 2 integers. Received: {size}")
    first = (given["data_format"] or keras.config.image_data_format()) == "channels_first"
    return zeros((channels, *size) if first else (*size, channels), tf.float32), None


def _split_sizes(files: Optional[int], split: Any, subset: Any) -> list[Optional[int]]:
    if not split:
        return [files]
    held = None if files is None else int(split * files)
    train = None if files is None or held is None else files - held
    return {"training": [train], "validation": [held]}.get(subset, [train, held])


_AS_GIVEN = (
    "color_mode shuffle seed interpolation keep_aspect_ratio save_to_dir save_prefix save_format subset directory"
).split()
"""Attributes of an iterator of pictures that are what its maker was given."""


class Flow(keras.utils.PyDataset):
    """What `flow_from_directory` and `flow_from_dataframe` give: batches of images and labels."""

    allowed_class_modes = legacy_image.DataFrameIterator.allowed_class_modes
    white_list_formats = legacy_image.DirectoryIterator.white_list_formats

    def __init__(
        self, samples: int, names: Any, batch: int, size: Any, mode: Any, origin: str, given: dict[str, Any]
    ) -> None:
        super().__init__()
        vars(self).update({name: given.get(name) for name in _AS_GIVEN})
        self.image_data_generator = given["self"]
        self.dtype = self.image_data_generator.dtype
        self.data_format = self.image_data_generator.data_format
        self.batch_index = self.total_batches_seen = 0
        self.batch_size = batch
        self.samples = self.n = samples
        self.num_classes: Any = Unknown(f"the class folders of {origin}") if names is None else len(names)
        self.class_indices: Any = self.num_classes if names is None else dict(zip(names, range(len(names))))
        self.classes: Any = labels(samples, len(names), np.int64) if names is not None else self.num_classes
        if names is None and mode in ("binary", "categorical", "sparse"):
            self.classes = VirtualArray.of((samples,), "int64", f"the class folders of {origin}")
        self.labels = self.classes
        self.filenames = self.filepaths = Unknown(f"the files of {origin}")
        self.target_size = size[:2]
        self.image_shape = in_data_format(size)
        self.class_mode = mode
        self._origin = origin

    def __len__(self) -> int:
        return math.ceil(self.samples / self.batch_size)

    def __getitem__(self, index: int) -> Any:
        batch = self.batch_size
        images = VirtualArray.of((batch, *self.image_shape), "float32", self._origin)
        if self.class_mode is None:
            return images
        if self.class_mode == "input":
            return images, images.copy()
        if isinstance(self.class_mode, int):
            return images, VirtualArray.of(
                (batch, self.class_mode) if self.class_mode else (batch,), "float32", self._origin
            )
        classes = 2 if self.class_mode == "binary" else self.num_classes
        if isinstance(classes, Unknown):
            raise UnknownValue(classes.reason)
        values = labels(batch, classes, np.float32)
        return images, np.eye(classes, dtype="float32")[
            values.astype(int)
        ] if self.class_mode == "categorical" else values

    def __iter__(self) -> Any:
        while True:
            yield self[0]

    def __next__(self) -> Any:
        return self[0]

    def next(self) -> Any:
        """A batch."""
        return self[0]

    def reset(self) -> None:
        """Nothing to go back to."""


def _flow(files: Any, names: Any, given: dict[str, Any], width: Any, origin: str) -> Any:
    channels = {"rgb": 3, "rgba": 4, "grayscale": 1}[given["color_mode"]]
    size = (*(int(item) for item in given["target_size"]), channels)
    mode = given["class_mode"] if width is None else width
    flow = Flow(SAMPLES if files is None else files, names, int(given["batch_size"]), size, mode, origin, given)
    if mode not in ("categorical", "sparse") or names is not None:
        return flow
    image = zeros((flow.batch_size, *flow.image_shape), tf.float32)
    reason = f"the class folders of {origin}"
    some, every = ([2], [None]) if mode == "categorical" else ([], [])
    dataset = repeated(image, len(flow)).map(
        lambda item: (
            tf.compat.v1.placeholder_with_default(item, [None, *flow.image_shape]),
            tf.compat.v1.placeholder_with_default(unread(tf.zeros([flow.batch_size, *some]), reason), [None, *every]),
        )
    )
    for name in (*vars(flow), *vars(Flow)):
        if not name.startswith("_") and not hasattr(dataset, name):
            setattr(dataset, name, getattr(flow, name))
    return _with_methods(dataset, flow)


def _with_methods(dataset: Any, flow: Flow) -> Any:
    """`dataset`, which also answers what a `Flow` is asked."""

    def method(name: str) -> Any:
        return lambda _, *args: getattr(flow, name)(*args)

    names = ("__getitem__", "__next__", "next", "reset")
    dataset.__class__ = type("FlowDataset", (type(dataset),), {name: method(name) for name in names})
    return dataset


def _image_data_generator() -> None:
    kind = legacy_image.ImageDataGenerator
    by_directory = inspect.signature(kind.flow_from_directory)
    by_frame = inspect.signature(kind.flow_from_dataframe)

    def flow_from_directory(*args: Any, **keywords: Any) -> Flow:
        given = _given(by_directory, args, keywords)
        there = _folder(given["directory"])
        names = given["classes"] or (sorted(there) if there else None)
        files = _number(there)
        split = getattr(given["self"], "_validation_split", None) or None
        if given["subset"] and split:
            files = _split_sizes(files, split, given["subset"])[0]
        return _flow(files, names, given, None, str(given["directory"]))

    def flow_from_dataframe(*args: Any, **keywords: Any) -> Flow:
        given = _given(by_frame, args, keywords)
        frame, columns, mode = given["dataframe"], given["y_col"], given["class_mode"]
        names = given["classes"]
        known = type(frame).__name__ == "DataFrame"
        if known:
            _check_frame(frame, given)
        if known and names is None and isinstance(columns, str) and mode in ("categorical", "sparse", "binary"):
            names = sorted(frame[columns].astype(str).unique())
        width = None
        if mode in ("raw", "multi_output"):
            width = 0 if isinstance(columns, str) else len(columns)
        files = len(frame) if known else None
        split = getattr(given["self"], "_validation_split", None) or None
        if given["subset"] and split:
            files = _split_sizes(files, split, given["subset"])[0]
        return _flow(files, names, given, width, "a data frame")

    def batch(self: Any, index_array: Any) -> Any:
        shape = (len(index_array), *self.x.shape[1:])
        images: Any = VirtualArray.of(shape, self.dtype, getattr(self.x, "origin", None))
        inputs = images if not self.x_misc else (images, *(item[index_array] for item in self.x_misc))
        output = [inputs, *(item[index_array] for item in (self.y, self.sample_weight) if item is not None)]
        return output[0] if len(output) == 1 else tuple(output)

    def flow(self: Any, x: Any, y: Any = None, *args: Any, **keywords: Any) -> Any:
        x, y = numbered(x, y)
        return of_arrays(self, x, y, *args, **keywords)

    def fit(self: Any, x: Any, *args: Any, **keywords: Any) -> None:
        if isinstance(x, np.ndarray) and x.ndim != 4:
            of_samples(self, x, *args, **keywords)

    of_arrays, of_samples = kind.flow, kind.fit
    kind.flow = functools.wraps(of_arrays)(flow)
    kind.flow_from_directory = flow_from_directory
    kind.flow_from_dataframe = flow_from_dataframe
    kind.fit = functools.wraps(of_samples)(fit)
    legacy_image.NumpyArrayIterator._get_batches_of_transformed_samples = batch


def _check_frame(frame: Any, given: dict[str, Any]) -> None:
    """What Keras says of the columns of a table and their values, where these are the program's own and known."""
    columns = given["y_col"] if isinstance(given["y_col"], list) else [given["y_col"]]
    cells = [cell for name in (given["x_col"], *columns) if name in frame for cell in frame[name][:MOST_LOOKED_AT]]
    if not cells or any(isinstance(cell, Unknown) for cell in cells):
        return
    asked: Any = types.SimpleNamespace(class_mode=given["class_mode"], allowed_class_modes=Flow.allowed_class_modes)
    named = (given["x_col"], given["y_col"], given["weight_col"])
    try:
        legacy_image.DataFrameIterator._check_params(asked, frame, *named, given["classes"])
    except (TypeError, ValueError) as error:
        error.__dict__["_kls_own_file"] = True
        raise


def _given(signature: Any, args: Any, keywords: Any) -> dict[str, Any]:
    bound = signature.bind(*args, **keywords)
    bound.apply_defaults()
    return dict(bound.arguments)


def install(author_file: Callable[[str], bool]) -> None:
    """Replace readers of folders in this process, under every name that TensorFlow and Keras give them."""
    for kind, original in _READERS.items():
        replace(original, _from_directory(kind, original))
    _image_data_generator()
