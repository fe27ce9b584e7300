"""TensorFlow Datasets from the specifications in the installed package: nothing is downloaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from .after_import import after_import
from .datasets import repeated, zeros
from .folders import SAMPLES
from .unknown import Unknown, UnknownValue

__all__ = ["install"]


def _nothing(*_: Any, **__: Any) -> None:
    return None


class _Splits(dict[str, Any]):
    """The splits of a data set by name, also those that the package does not list before a download."""

    def __init__(self, make: Callable[[Any], Any], names: Any) -> None:
        super().__init__({name: make(name) for name in names})
        self._make = make

    def __missing__(self, name: str) -> Any:
        return self._make(name)


class _Sizes:
    """The sizes of a data set's elements that only the data tell, each the same number wherever it stands."""

    def __init__(self, number: Callable[[Unknown], Any]) -> None:
        self._number = number
        self._open: dict[tuple[str, int, int], Unknown] = {}

    def of(self, data: str, place: int, shape: Any) -> list[int]:
        """The shape of part `place` of an element of `data`. Raises UnknownValue when the numbers are used up."""
        sizes = list(shape)
        for axis, size in enumerate(sizes):
            if size is None:
                reason = f"the sizes of the examples of {data}"
                number = self._number(self._open.setdefault((data, place, axis), Unknown(reason)))
                if isinstance(number, Unknown):
                    raise UnknownValue(reason)
                sizes[axis] = number
        return sizes


def _tensorflow_datasets(module: Any, count: Callable[[Unknown], int], sizes: _Sizes) -> None:
    """`tfds.load` from the specification that the installed package has of a data set; nothing is downloaded."""
    build = getattr(module, "builder", None)
    if build is None:  # the package could not import a part of itself
        return
    listed = module.core.DatasetInfo.splits.fget

    def splits(self: Any) -> Any:
        # The numbers come with the download; the names of the splits do too.
        return listed(self) or Unknown(f"the splits of {self.name}, which was not downloaded")

    module.core.DatasetInfo.splits = property(splits)

    def builder(name: Any, **keywords: Any) -> Any:
        keywords["try_gcs"] = False
        for text in (name, str(name).split(":", 1)[0]):
            try:
                return build(text, **keywords)
            except AssertionError:  # a version that this package does not have
                continue
            except Exception as error:
                raise UnknownValue(f"the data set {name!r} of tensorflow_datasets") from error
        raise UnknownValue(f"the data set {name!r} of tensorflow_datasets")

    def as_dataset(self: Any, split: Any = None, *_: Any, **keywords: Any) -> Any:
        info, there = self.info, listed(self.info)
        spec = info.features.get_tensor_spec()
        if keywords.get("as_supervised"):
            if info.supervised_keys is None:
                raise ValueError(f"as_supervised=True but {self.name} does not support a supervised structure.")
            spec = tuple(spec[key] for key in info.supervised_keys[:2])
        size = keywords.get("batch_size")

        def made(part: Any) -> Any:
            known = there[part].num_examples if isinstance(part, str) and part in there else None
            if size == -1:
                rows = known or count(splits(info))
                return tf.nest.map_structure(lambda item: _whole(item, rows), spec)
            dataset = _of_spec(spec, known or SAMPLES, lambda place, shape: sizes.of(info.name, place, shape))
            return dataset if not size else dataset.batch(size)

        if split is None:
            return _Splits(made, there or ("train", "test"))
        return tf.nest.map_structure(made, split)

    def load(name: Any, *, with_info: bool = False, builder_kwargs: Any = None, **keywords: Any) -> Any:
        made = builder(name, **(builder_kwargs or {}))
        answer = as_dataset(made, **keywords)
        return (answer, made.info) if with_info else answer

    module.builder, module.load = builder, load
    kind = module.core.DatasetBuilder
    kind.as_dataset = as_dataset
    kind.download_and_prepare = _nothing


def _of_spec(spec: Any, number: int, sized: Callable[[int, Any], list[int]]) -> Any:
    """A dataset of zeros with the element specification `spec`; `sized` gives the shape of the part at a place."""

    def loose(*parts: Any) -> Any:
        element = tf.nest.pack_sequence_as(spec, parts)
        return tf.nest.map_structure(
            lambda item, part: (
                item if part.shape.is_fully_defined() else tf.compat.v1.placeholder_with_default(item, part.shape)
            ),
            element,
            spec,
        )

    parts = tf.nest.flatten(spec)
    flat = tuple(zeros(sized(place, part.shape), part.dtype) for place, part in enumerate(parts))
    return repeated(flat, number).map(loose)


def _whole(spec: Any, rows: int) -> Any:
    """All examples of one feature in one tensor; raises UnknownValue where they have no common size."""
    if any(size is None for size in spec.shape):
        raise UnknownValue("the sizes of the examples")
    return zeros((rows, *spec.shape), spec.dtype)


def install(
    author_file: Callable[[str], bool],
    count: Callable[[Unknown], int] = lambda unknown: SAMPLES,
    size: Callable[[Unknown], Any] = lambda unknown: 16,
) -> None:
    """Patch the package when it is imported. `count` gives a number for the examples of what was not downloaded, `size`
    one for an axis of theirs that is not the same in all of them."""
    after_import("tensorflow_datasets", lambda module: _tensorflow_datasets(module, count, _Sizes(size)))
