from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.tf
Dry = Callable[[Callable[[], Any]], None]


def test_datasets_have_their_true_shapes(dry: Dry) -> None:
    def body() -> None:
        import keras
        import tensorflow as tf

        expected = {
            "mnist": ((60_000, 28, 28), "uint8", (60_000,), "uint8", 10),
            "fashion_mnist": ((60_000, 28, 28), "uint8", (60_000,), "uint8", 10),
            "cifar10": ((50_000, 32, 32, 3), "uint8", (50_000, 1), "uint8", 10),
            "cifar100": ((50_000, 32, 32, 3), "uint8", (50_000, 1), "int64", 100),
            "imdb": ((25_000,), "object", (25_000,), "int64", 2),
            "reuters": ((8982,), "object", (8982,), "int64", 46),
        }
        for name, (x_shape, x_dtype, y_shape, y_dtype, classes) in expected.items():
            for module in (keras.datasets, tf.keras.datasets):
                (x, y), (_, y_test) = getattr(module, name).load_data()
                assert (x.shape, x.dtype, y.shape, y.dtype) == (x_shape, x_dtype, y_shape, y_dtype), name
                assert np.unique(y).tolist() == list(range(classes)) == np.unique(y_test).tolist()
                assert np.unique(y[: 20 * classes]).size == classes
        (x, y), (x_test, _) = keras.datasets.boston_housing.load_data(test_split=0.5)
        assert (x.shape, y.shape, x_test.shape) == ((253, 13), (253,), (253, 13))
        assert keras.datasets.cifar100.load_data("coarse")[0][1].max() == 19

    dry(body)


def test_texts_keep_to_their_vocabulary(dry: Dry) -> None:
    def body() -> None:
        import keras

        (x, _), _ = keras.datasets.imdb.load_data(num_words=5000)
        assert max(max(text) for text in x) < 5000
        assert max(len(text) for text in x) == 2494
        (short, y), _ = keras.datasets.imdb.load_data(maxlen=100)
        assert 0 < len(short) == len(y) < 25_000 and max(len(text) for text in short) < 100
        assert keras.utils.pad_sequences(x, maxlen=200).shape == (25_000, 200)
        assert keras.utils.pad_sequences(x[:10], maxlen=20).max() < 5000

    dry(body)


def test_folders_that_are_not_there(dry: Dry) -> None:
    def body() -> None:
        import keras
        import tensorflow as tf

        from kls.worker.dryrun.unknown import Unknown

        train, held = keras.utils.image_dataset_from_directory(
            "not/there", image_size=(180, 160), batch_size=16, validation_split=0.2, subset="both", seed=1
        )
        for dataset in (train, held):
            assert dataset.element_spec[0].shape.as_list() == [None, 180, 160, 3]
            assert dataset.element_spec[1] == tf.TensorSpec((None,), tf.int32)
            assert isinstance(dataset.class_names, Unknown)
        for images, labels in train.map(lambda x, y: (x / 255.0, y)).prefetch(tf.data.AUTOTUNE).take(1):
            assert (images.shape, labels.shape) == ((16, 180, 160, 3), (16,))
        one_hot = keras.utils.image_dataset_from_directory(
            "not/there", label_mode="categorical", color_mode="grayscale"
        )
        assert one_hot.element_spec[0].shape.as_list() == [None, 256, 256, 1]
        assert one_hot.element_spec[1].shape.as_list() == [None, None]
        with pytest.raises(tf.errors.NotFoundError, match="class folders of not/there"):
            next(iter(one_hot))
        texts = keras.utils.text_dataset_from_directory("not/there", label_mode="binary")
        assert texts.element_spec == (tf.TensorSpec((None,), tf.string), tf.TensorSpec((None, 1), tf.float32))
        sounds = keras.utils.audio_dataset_from_directory("not/there", output_sequence_length=16000, label_mode=None)
        assert sounds.element_spec.shape.as_list() == [None, 16000, None]
        with pytest.raises(ValueError, match="color_mode"):
            keras.utils.image_dataset_from_directory("not/there", color_mode="colour")

    dry(body)


def test_folders_that_are_there(dry: Dry, tmp_path: Path) -> None:
    for name, number in (("cats", 30), ("dogs", 20)):
        (tmp_path / name).mkdir()
        for index in range(number):
            (tmp_path / name / f"{index}.jpg").touch()

    def body() -> None:
        import keras

        dataset = keras.utils.image_dataset_from_directory(tmp_path, label_mode="categorical")
        assert dataset.class_names == ["cats", "dogs"]
        assert dataset.element_spec[1].shape.as_list() == [None, 2]
        assert len(dataset) == 2
        for index in range(2):
            (tmp_path / "empty" / str(index)).mkdir(parents=True)
        filled_later = keras.utils.image_dataset_from_directory(tmp_path / "empty", label_mode="categorical")
        assert filled_later.element_spec[1].shape.as_list() == [None, 2] and len(filled_later) > 0
        (tmp_path / "empty" / "0").rmdir()
        (tmp_path / "empty" / "1").rmdir()
        (tmp_path / "empty").rmdir()
        part = keras.utils.image_dataset_from_directory(tmp_path, validation_split=0.2, subset="training", seed=0)
        assert len(part) == 2 and sum(len(x) for x, _ in part) == 40

    dry(body)


def test_image_data_generator(dry: Dry) -> None:
    def body() -> None:
        from keras.src.legacy.preprocessing.image import ImageDataGenerator

        from kls.worker.dryrun.arrays import VirtualArray
        from kls.worker.dryrun.unknown import Unknown, UnknownValue

        generator = ImageDataGenerator(rescale=1 / 255, rotation_range=20)
        flow = generator.flow_from_directory("not/there", target_size=(150, 120), batch_size=20, class_mode="binary")
        images, labels = next(flow)
        assert (images.shape, labels.shape, len(flow)) == ((20, 150, 120, 3), (20,), 32)
        assert isinstance(flow.class_indices, Unknown)
        unknown = generator.flow_from_directory("not/there", target_size=(150, 120))
        assert unknown.element_spec[1].shape.as_list() == [None, None]
        with pytest.raises(UnknownValue, match="class folders"):
            next(unknown)
        for iterator in (flow, unknown):
            assert (iterator.color_mode, iterator.dtype, iterator.target_size) == ("rgb", "float32", (150, 120))
            assert "sparse" in iterator.allowed_class_modes and iterator.class_mode in iterator.allowed_class_modes
        x = VirtualArray.of((600, 32, 32, 3), "uint8", "pictures")
        images, labels = generator.flow(x, np.arange(600), batch_size=8)[0]
        assert (images.shape, images.dtype, labels.shape) == ((8, 32, 32, 3), np.float32, (8,))
        with pytest.raises(ValueError, match="should have rank 4"):
            generator.flow(x[..., 0], np.arange(600))

    dry(body)


def test_downloads_and_splits(dry: Dry) -> None:
    def body() -> None:
        import keras
        import tensorflow as tf

        path = keras.utils.get_file("flowers.tgz", "https://nowhere.invalid/flowers.tgz", extract=True)
        assert path.endswith("flowers.tgz")
        assert tf.keras.utils.get_file(origin="https://nowhere.invalid/a/b.csv").endswith("b.csv")
        with pytest.raises(ValueError, match="origin"):
            keras.utils.get_file("a")
        parts = keras.utils.split_dataset(tf.data.Dataset.range(50), left_size=0.8)
        assert [len(part) for part in parts] == [40, 10]

    dry(body)


def test_virtual_arrays_as_tensors_and_datasets(dry: Dry) -> None:
    def body() -> None:
        import tensorflow as tf

        from kls.worker.dryrun.arrays import VirtualArray
        from kls.worker.dryrun.unknown import UnknownValue

        x, y = VirtualArray.of((60_000, 28, 28), "uint8"), np.arange(60_000) % 10
        assert tf.cast(x[:100], tf.float32).shape == (100, 28, 28)
        assert tf.constant([x[0], x[1]]).shape == (2, 28, 28)
        with pytest.raises(UnknownValue):
            tf.constant(VirtualArray.of((10**6, 10**4)))
        dataset = tf.data.Dataset.from_tensor_slices(({"a": x, "b": x[:, 0]}, y)).shuffle(60_000).batch(32)
        assert len(dataset) == 1875
        for features, labels in dataset.take(2):
            assert (features["a"].shape, features["b"].shape, labels.shape) == ((32, 28, 28), (32, 28), (32,))
        mean = VirtualArray.of((28, 28), "float32")
        mapped = tf.data.Dataset.from_tensor_slices(x).map(lambda item: tf.cast(item, tf.float32) - mean)
        assert next(iter(mapped)).shape == (28, 28)
        with pytest.raises(ValueError, match="Dimensions 60000 and 100 are not compatible"):
            tf.data.Dataset.from_tensor_slices((x, y[:100]))

    dry(body)


def test_unknown_in_a_traced_function(dry: Dry) -> None:
    def body() -> None:
        import tensorflow as tf

        from kls.worker.dryrun.unknown import Unknown, UnknownValue

        unknown = Unknown("a generator that is not there", 3)
        dataset = tf.data.Dataset.range(3)
        with pytest.raises(UnknownValue, match="a generator"):
            dataset.map(lambda item: item + tf.cast(unknown(item), tf.int64))

    dry(body)


def test_adapt(dry: Dry) -> None:
    def body() -> None:
        import keras
        import tensorflow as tf

        from kls.worker.dryrun.arrays import VirtualArray
        from kls.worker.dryrun.unknown import Unknown, UnknownValue

        text = keras.Input((1,), dtype="string")
        folder = keras.utils.text_dataset_from_directory("not/there").map(lambda x, y: x)

        learnt = keras.layers.TextVectorization(output_mode="multi_hot")
        learnt.adapt(["a b", "c a"])
        assert learnt.vocabulary_size() == 4 and learnt(tf.constant(["a"])).shape == (1, 4)

        supposed = keras.layers.TextVectorization(max_tokens=100, output_sequence_length=20)
        supposed.adapt(folder)
        assert supposed(text).shape == (None, 20) and len(supposed.get_vocabulary()) == 100

        unknown = keras.layers.TextVectorization(output_mode="multi_hot")
        unknown.adapt(folder)
        assert isinstance(unknown.vocabulary_size(), Unknown)
        with pytest.raises(UnknownValue):
            unknown(text)

        normalize = keras.layers.Normalization()
        normalize.adapt(VirtualArray.of((10**6, 9), "float64"))
        assert normalize(keras.Input((9,))).shape == (None, 9)
        with pytest.raises(ValueError, match="incompatible shape"):
            normalize.adapt(VirtualArray.of((100, 8), "float64"))

        bins = keras.layers.Discretization(num_bins=4, output_mode="one_hot")
        bins.adapt(VirtualArray.of((50, 1)))
        assert bins(keras.Input((1,))).shape == (None, 4)

    dry(body)


def test_pictures_of_libraries_that_are_not_installed_have_documented_shapes(dry: Dry) -> None:
    def body() -> None:
        from kls.worker.dryrun.arrays import VirtualArray
        from kls.worker.dryrun.pictures import OpenCV, Opener, Pixels
        from kls.worker.dryrun.unknown import Unknown

        cv2, image = OpenCV("no cv2"), Opener("no PIL")

        def form(array: Any) -> tuple[Any, str]:
            return array.shape, str(array.dtype)

        picture = cv2.imread("a.png")
        assert isinstance(picture, Pixels) and isinstance(picture.shape, Unknown)
        assert form(cv2.resize(picture, (30, 20))) == ((20, 30, 3), "uint8")
        assert form(cv2.resize(picture / 255.0, dsize=(30, 20))) == ((20, 30, 3), "float64")
        assert form(cv2.resize(picture[3:50, :-4].astype("float32"), (30, 20))) == ((20, 30, 3), "float32")
        grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        assert form(cv2.resize(cv2.GaussianBlur(grey, (3, 3), 0), (30, 20))) == ((20, 30), "uint8")
        assert form(cv2.resize(cv2.imread("a.png", 0), (30, 20))) == ((20, 30), "uint8")
        assert form(cv2.cvtColor(cv2.resize(grey, (30, 20)), cv2.COLOR_GRAY2RGB)) == ((20, 30, 3), "uint8")
        assert form(cv2.resize(VirtualArray.of((9, 9, 1), "float32"), (30, 20))) == ((20, 30), "float32")
        for unknown in (
            cv2.resize(cv2.imread("a.png", cv2.IMREAD_UNCHANGED), (30, 20)),
            cv2.resize(picture, (0, 0), fx=0.5, fy=0.5),
            cv2.resize(picture * 2.0, (30, 20)),
            cv2.resize(1.0 - picture, (30, 20)),
            cv2.resize(np.exp(picture), (30, 20)),
            cv2.resize(picture[0], (30, 20)),
            cv2.resize(cv2.filter2D(picture, -1, None), (30, 20)),
            cv2.cvtColor(picture, cv2.COLOR_BGR2LAB),
            np.array(picture),
        ):
            assert isinstance(unknown, Unknown), unknown
        assert form(np.array(image.open("a.png").convert("RGB").resize((30, 20)))) == ((20, 30, 3), "uint8")
        assert form(np.array(image.fromarray(picture).resize((30, 20)))) == ((20, 30, 3), "uint8")
        assert form(np.array(image.fromarray(VirtualArray.of((4, 6), "uint8")))) == ((4, 6), "uint8")
        assert isinstance(image.fromarray(VirtualArray.of((4, 6), "float32")), Unknown)

    dry(body)


def test_a_picture_that_is_not_there_has_the_size_it_is_scaled_to(dry: Dry) -> None:
    def body() -> None:
        import keras
        import tensorflow as tf

        from kls.worker.dryrun.unknown import Unknown

        for load in (keras.utils.load_img, tf.keras.preprocessing.image.load_img):
            picture = load("missing.jpg", target_size=(30, 20))
            assert picture.size == (20, 30) and np.array(picture).shape == (30, 20, 3)
            pixels = keras.utils.img_to_array(picture)
            assert (pixels.shape, pixels.dtype) == ((30, 20, 3), "float32")
            assert np.expand_dims(pixels, 0).shape == (1, 30, 20, 3)
        grey = keras.utils.load_img("missing.jpg", color_mode="grayscale", target_size=(30, 20))
        assert np.array(grey).shape == (30, 20) and keras.utils.img_to_array(grey).shape == (30, 20, 1)
        assert np.array(grey.convert("RGBA").resize((5, 6))).shape == (6, 5, 4)
        turned = grey.rotate(90)
        assert isinstance(turned, Unknown)
        array = np.array(turned)
        assert isinstance(array, Unknown) and "missing.jpg" in array.reason

    dry(body)
