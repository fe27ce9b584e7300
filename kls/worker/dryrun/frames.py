"""pandas, scikit-learn and TensorFlow Datasets on data that are not there.

These packages are patched when the author's program imports them, not before. A table file that is there is really
read, a large one by its first rows; transformers of scikit-learn see a few made-up rows of a virtual array, which tells
the width and dtype of what they give.
"""

from __future__ import annotations

import errno
import importlib.abc
import importlib.machinery
import importlib.util
import inspect
import os
import sys
import types
from collections.abc import Callable, Sequence
from typing import Any, Optional

import numpy as np
import tensorflow as tf

from .arrays import VirtualArray, find_unknown, is_large
from .datasets import repeated, zeros
from .folders import SAMPLES, labels
from .unknown import Unknown, UnknownValue
from .unread import Open, Unread, form_of, made, same

__all__ = ["after_import", "install"]

LARGEST_TABLE = 8 << 20
"""Bytes of a table file that is read whole."""
TABLE_ROWS = 2_000
"""Rows read of a larger one."""
STAND_IN_ROWS = 256
STAND_IN_ELEMENTS = 1_000_000

# Kept before NumPy's own is replaced: what is drawn here must be real.
_default_rng = np.random.default_rng


class _After(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Runs a function on a module as soon as it has been imported."""

    def __init__(self) -> None:
        self.patches: dict[str, Callable[[types.ModuleType], None]] = {}
        self._searching: set[str] = set()
        self._loaders: dict[str, Any] = {}

    def find_spec(
        self, fullname: str, path: Optional[Sequence[str]], target: Optional[types.ModuleType] = None
    ) -> Optional[importlib.machinery.ModuleSpec]:
        if fullname not in self.patches or fullname in self._searching:
            return None
        self._searching.add(fullname)
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._searching.discard(fullname)
        if spec is None or spec.loader is None:
            return None
        self._loaders[fullname] = spec.loader
        spec.loader = self
        return spec

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> Optional[types.ModuleType]:
        return self._loaders[spec.name].create_module(spec)

    def exec_module(self, module: types.ModuleType) -> None:
        loader = self._loaders[module.__name__]
        if module.__spec__ is not None:
            module.__spec__.loader = loader
        module.__loader__ = loader
        loader.exec_module(module)
        self.patches[module.__name__](module)


def after_import(name: str, patch: Callable[[types.ModuleType], None]) -> None:
    """Call `patch(module)` when module `name` is imported, or now when it already is."""
    module = sys.modules.get(name)
    if module is not None:
        patch(module)
        return
    finder = next((item for item in sys.meta_path if isinstance(item, _After)), None)
    if finder is None:
        finder = _After()
        sys.meta_path.insert(0, finder)
    finder.patches[name] = patch


def _pandas(pandas: Any, absent: Callable[[str, Any], Any]) -> None:
    for name in ("read_csv", "read_table", "read_excel", "read_parquet", "read_feather"):
        setattr(pandas, name, _reader(getattr(pandas, name), absent))
    pandas.concat = _concat(pandas.concat)
    pandas.get_dummies = _dummies(pandas.get_dummies)
    pandas.to_numeric = _kept(pandas.to_numeric, numeric=True)
    pandas.to_datetime = _kept(pandas.to_datetime, numeric=False)
    for kind in (pandas.DataFrame, pandas.Series):
        for name in ("to_csv", "to_pickle", "to_parquet", "to_excel", "to_json", "to_hdf", "plot", "hist"):
            if hasattr(kind, name):
                setattr(kind, name, _nothing)


def _nothing(*_: Any, **__: Any) -> None:
    return None


def _frame_of(reader: Any) -> Any:
    return getattr(sys.modules[reader.__module__.split(".")[0]], "DataFrame", ())


_OTHER_KINDS = ("chunksize", "iterator", "sheet_name", "squeeze")
"""Arguments with which a table is read as something else than a frame."""


def _reader(original: Any, absent: Callable[[str, Any], Any]) -> Any:
    """A reader of tables. `absent(path, head)` gives what stands for one that cannot be read, or raises; `head` is what
    was read of a large one, else None."""

    first = next(iter(inspect.signature(original).parameters))

    def read(*given: Any, **keywords: Any) -> Any:
        source, args = (given[0], given[1:]) if given else (keywords.pop(first, None), ())
        plain = not args and not any(name in keywords for name in _OTHER_KINDS)
        if isinstance(source, Unknown):
            return source.unshaped()
        if isinstance(source, (str, os.PathLike)):
            path = str(os.fspath(source))
            if plain and ("://" in path or not os.path.exists(path)):
                return _chosen(absent(path, None), keywords)
            if "://" in path:
                raise UnknownValue(f"the table at {path}")
            if original.__name__ in ("read_csv", "read_table"):
                rows = keywords.get("nrows")
                wanted = TABLE_ROWS + 1 if rows is None else int(rows)
                if os.path.getsize(path) > LARGEST_TABLE and wanted > TABLE_ROWS and not keywords.get("chunksize"):
                    head = original(source, *args, **{**keywords, "nrows": TABLE_ROWS})
                    return absent(path, head) if isinstance(head, _frame_of(original)) else head
        return original(source, *args, **keywords)

    read.__name__ = original.__name__
    return read


def _chosen(table: Unread, keywords: dict[str, Any]) -> Unread:
    """A table of which the reader was told what columns it has."""
    names = keywords.get("usecols") if "usecols" in keywords else keywords.get("names")
    if keywords.get("index_col") in (None, False) and isinstance(names, (list, tuple)):
        columns = tuple(names) if all(isinstance(name, str) for name in names) else None
        return made(table, sizes=(len(names),), columns=columns)
    return table


def _concat(original: Any) -> Any:
    def concat(objs: Any, *args: Any, **keywords: Any) -> Any:
        unknown = find_unknown(objs if isinstance(objs, (list, tuple)) else [objs])
        if unknown is None:
            return original(objs, *args, **keywords)
        tables = [item for item in objs if isinstance(item, Unread)] if isinstance(objs, (list, tuple)) else []
        axis = keywords.get("axis", args[0] if args else 0)
        if len(tables) != len(objs) or len({form_of(table).rank for table in tables}) != 1:
            return unknown
        if form_of(tables[0]).rank == 1 and axis in (0, "index"):
            return same(tables[0], dtype=None)
        return made(tables[0], kind="frame", sizes=(Open(),), dtype=None)

    return concat


def _dummies(original: Any) -> Any:
    def get_dummies(data: Any, *args: Any, **keywords: Any) -> Any:
        if isinstance(data, Unread):
            return made(data, kind="frame", sizes=(Open(),), dtype=None)
        return original(data, *args, **keywords)

    return get_dummies


def _kept(original: Any, numeric: bool) -> Any:
    """A function that gives a table or a column of the same form."""

    def kept(arg: Any, *args: Any, **keywords: Any) -> Any:
        if isinstance(arg, Unread):
            return same(arg, dtype=None, numeric=numeric)
        return original(arg, *args, **keywords)

    return kept


def _stand_in(value: Any, rows: int) -> Any:
    """A few made-up rows with the width and dtype of a virtual array; anything else cut to as many rows."""
    if isinstance(value, VirtualArray):
        values = _default_rng(3).normal(size=(rows, *value.shape[1:]))
        return values.astype(value.dtype) if value.dtype.kind in "biuf" else values
    if value is None or not hasattr(value, "__len__") or isinstance(value, (str, dict)):
        return value
    return value[:rows]


def _transformer(kind: Any) -> None:
    """Let a transformer of scikit-learn learn from, and transform, virtual arrays."""
    for name in ("fit", "transform", "fit_transform", "inverse_transform", "partial_fit"):
        original = getattr(kind, name, None)
        if original is not None:
            setattr(kind, name, _on_virtual(name, original))


def _on_virtual(name: str, original: Any) -> Any:
    def method(self: Any, X: Any, *args: Any, **keywords: Any) -> Any:
        unknown = find_unknown((X, args))
        if unknown is not None:
            if name in ("fit", "partial_fit", "fit_transform"):
                self._kls_unknown = unknown
            if name in ("fit", "partial_fit"):
                return self
            if isinstance(X, Unread) and form_of(X).rank == 2 and type(self).__name__ in _SAME_WIDTH:
                return made(X, kind="array", dtype=None, numeric=True)
            return unknown
        if name in ("fit", "fit_transform"):
            self._kls_unknown = None
        learnt = getattr(self, "_kls_unknown", None)
        if learnt is not None:
            if name == "partial_fit":
                return self
            same_shape = isinstance(X, np.ndarray) and X.ndim == 2 and type(self).__name__ in _SAME_WIDTH
            return VirtualArray.of(X.shape, "float64", learnt.reason) if same_shape else learnt
        if not isinstance(X, VirtualArray) or not X.ndim:
            return original(self, X, *args, **keywords)
        width = max(int(np.prod(X.shape[1:])), 1)
        rows = min(len(X), STAND_IN_ROWS, max(STAND_IN_ELEMENTS // width, 2))
        given = [_stand_in(item, rows) for item in args]
        answer = original(self, _stand_in(X, rows), *given, **keywords)
        if name in ("fit", "partial_fit") or not isinstance(answer, np.ndarray):
            return answer
        return VirtualArray.of((len(X), *answer.shape[1:]), answer.dtype, X.origin)

    method.__name__ = name
    return method


_SAME_WIDTH = (
    "StandardScaler MinMaxScaler MaxAbsScaler RobustScaler Normalizer Binarizer QuantileTransformer PowerTransformer "
    "SimpleImputer"
).split()
_SCALERS = [*_SAME_WIDTH[:-1], "PolynomialFeatures", "KBinsDiscretizer", "FunctionTransformer"]


def _preprocessing(module: Any) -> None:
    for name in _SCALERS:
        if hasattr(module, name):
            _transformer(getattr(module, name))
    _encoder(module.LabelEncoder, _numbered)
    _encoder(module.OneHotEncoder, _one_hot)
    for name in ("scale", "normalize", "minmax_scale", "maxabs_scale", "robust_scale"):
        setattr(module, name, _scaled(getattr(module, name)))


def _scaled(original: Any) -> Any:
    """A function that gives numbers in the shape of what it is given."""

    def scaled(X: Any, *args: Any, **keywords: Any) -> Any:
        if isinstance(X, Unread):
            return made(X, kind="array", dtype=None, numeric=True)
        return X.astype("float64") if isinstance(X, VirtualArray) else original(X, *args, **keywords)

    return scaled


def _encoder(kind: Any, encoded: Callable[[Unread], Any]) -> None:
    """An encoder of labels that nobody has read: what it learns is not known, and it gives what `encoded` says."""
    fit, transform, both = kind.fit, kind.transform, kind.fit_transform

    def learnt(self: Any, X: Any, *args: Any, **keywords: Any) -> Any:
        if not isinstance(X, Unread):
            return fit(self, X, *args, **keywords)
        self.classes_ = self.categories_ = Unknown(X.reason, X.line)
        return self

    def transformed(self: Any, X: Any) -> Any:
        return encoded(X) if isinstance(X, Unread) else transform(self, X)

    def at_once(self: Any, X: Any, *args: Any, **keywords: Any) -> Any:
        return transformed(learnt(self, X), X) if isinstance(X, Unread) else both(self, X, *args, **keywords)

    kind.fit, kind.transform, kind.fit_transform = learnt, transformed, at_once


def _numbered(labels: Unread) -> Any:
    """Class numbers: one for each label."""
    if form_of(labels).rank != 1:
        return labels.unshaped()
    return made(labels, kind="array", sizes=(), dtype=np.int64, numeric=True)


def _one_hot(columns: Unread) -> Any:
    """Nobody knows how many classes there are."""
    return made(columns, kind="array", sizes=(Open(),), dtype=None, numeric=True)


def _decomposition(module: Any) -> None:
    for name in ("PCA", "IncrementalPCA", "TruncatedSVD", "FastICA", "NMF"):
        if hasattr(module, name):
            _reducer(getattr(module, name))


def _reducer(kind: Any) -> None:
    """A decomposition of a virtual array has as many columns as it was told; otherwise their number is Unknown."""

    def learnt(self: Any, X: VirtualArray) -> None:
        width = self.n_components
        if not isinstance(width, (int, np.integer)):
            raise UnknownValue(f"how many components {kind.__name__} keeps")
        if X.ndim != 2:
            raise ValueError(f"Found array with dim {X.ndim}, while dim <= 2 is required by {kind.__name__}.")
        self.n_components_, self.n_features_in_ = int(width), X.shape[1]
        self.components_ = VirtualArray.of((width, X.shape[1]), "float64", X.origin)
        self.explained_variance_ratio_ = VirtualArray.of((width,), "float64", X.origin)

    for name in ("fit", "transform", "fit_transform"):
        setattr(kind, name, _reducing(name, getattr(kind, name), learnt))


def _reducing(name: str, original: Any, learnt: Callable[[Any, VirtualArray], None]) -> Any:
    def method(self: Any, X: Any, *args: Any, **keywords: Any) -> Any:
        if isinstance(X, Unknown):
            return self if name == "fit" else X.unshaped()
        if not isinstance(X, VirtualArray) and not isinstance(getattr(self, "components_", None), VirtualArray):
            return original(self, X, *args, **keywords)
        if isinstance(X, VirtualArray):
            learnt(self, X)
        if name == "fit":
            return self
        dtype = "float32" if getattr(X, "dtype", None) == np.float32 else "float64"
        return VirtualArray.of((len(X), self.n_components_), dtype, getattr(X, "origin", None))

    method.__name__ = name
    return method


def _impute(module: Any) -> None:
    if hasattr(module, "SimpleImputer"):
        _transformer(module.SimpleImputer)


def _selection(module: Any) -> None:
    """Parts of what is Unknown are Unknown; the other arrays are split as ever."""
    original = module.train_test_split

    def train_test_split(*arrays: Any, **keywords: Any) -> Any:
        unknown = find_unknown((arrays, tuple(keywords.values())))
        if unknown is None:
            return original(*arrays, **keywords)
        # The parts of a table are tables with its columns, which fit the parts of the arrays beside it.
        chosen = {key: value for key, value in keywords.items() if find_unknown(value) is None}
        parts: list[Any] = []
        for item in arrays:
            if isinstance(item, Unread):
                parts += [same(item), same(item)]
            elif find_unknown(item) is None and (chosen.keys() == keywords.keys() or "stratify" in keywords):
                parts += original(item, **{key: value for key, value in chosen.items() if key != "stratify"})
            else:
                parts += [unknown, unknown]
        return parts

    module.train_test_split = train_test_split
    named = [vars(module).get(name) for name in module.__all__]
    bases = {base for kind in named if isinstance(kind, type) for base in kind.__mro__}
    for kind in bases:
        if "split" in vars(kind):
            kind.split = _folds(kind.split)
    reason = "a search over settings, which is not run in a dry run"
    for name in ("cross_val_score", "cross_validate", "cross_val_predict", "learning_curve", "validation_curve"):
        if hasattr(module, name):
            setattr(module, name, lambda *_, **__: Unknown(reason))

    def fit(self: Any, *_: Any, **__: Any) -> Any:
        for name in ("best_score_", "best_params_", "best_estimator_", "cv_results_", "best_index_"):
            setattr(self, name, Unknown(reason))
        return self

    def answer(self: Any, *_: Any, **__: Any) -> Any:
        return Unknown(reason)

    for kind in (module.GridSearchCV, module.RandomizedSearchCV):
        kind.fit, kind.predict, kind.predict_proba, kind.score = fit, answer, answer, answer


def _folds(original: Any) -> Any:
    """The folds of what nobody has read: one stands for all, and takes some of the rows."""

    def split(self: Any, X: Any, *args: Any, **keywords: Any) -> Any:
        if not isinstance(X, Unknown):
            return original(self, X, *args, **keywords)
        rows: Any = X.unshaped()
        if isinstance(X, Unread):
            rows = made(X, kind="array", sizes=(), dtype=np.int64, numeric=True)
        return iter([(rows, rows)])

    return split


def _shuffles(module: Any) -> None:
    for name in ("shuffle", "resample"):
        setattr(module, name, _shuffled(getattr(module, name)))


def _shuffled(original: Any) -> Any:
    """The rows of tables in another order."""

    def shuffled(*arrays: Any, **keywords: Any) -> Any:
        unknown = find_unknown(arrays)
        if unknown is None:
            return original(*arrays, **keywords)
        mixed = [same(item) if isinstance(item, Unread) else unknown for item in arrays]
        return mixed[0] if len(mixed) == 1 else mixed

    return shuffled


def _sparse(module: Any) -> None:
    """A large sparse matrix, made dense, is a virtual array."""
    kinds = {kind for name in ("csr_matrix", "csc_matrix", "coo_matrix") for kind in getattr(module, name).__mro__}
    for kind in kinds:
        if "toarray" in kind.__dict__:
            kind.toarray = _dense(kind.toarray)


def _dense(original: Any) -> Any:
    def toarray(self: Any, *args: Any, **keywords: Any) -> Any:
        if is_large(self.shape, self.dtype) and not args and not keywords:
            return VirtualArray.of(self.shape, self.dtype, "a sparse matrix")
        return original(self, *args, **keywords)

    return toarray


def _fetched(module: Any) -> None:
    """Data sets of scikit-learn that would be downloaded; the small ones come with the package and are real."""

    def fetch_california_housing(*, return_X_y: bool = False, as_frame: bool = False, **_: Any) -> Any:
        origin = "sklearn.datasets.fetch_california_housing()"
        if as_frame:
            raise UnknownValue(f"the table of {origin}")
        X, y = VirtualArray.of((20_640, 8), "float64", origin), VirtualArray.of((20_640,), "float64", origin)
        names = ["MedInc", "HouseAge", "AveRooms", "AveBedrms", "Population", "AveOccup", "Latitude", "Longitude"]
        if return_X_y:
            return X, y
        return module._base.Bunch(data=X, target=y, feature_names=names, target_names=["MedHouseVal"], DESCR="")

    def fetch_openml(name: Any = None, *_: Any, return_X_y: bool = False, as_frame: Any = "auto", **__: Any) -> Any:
        if name not in ("mnist_784", "Fashion-MNIST") or as_frame is not False:
            raise UnknownValue(f"the data set {name!r} of OpenML")
        X = VirtualArray.of((70_000, 784), "int64", f"fetch_openml({name!r})")
        y = labels(70_000, 10, np.int64).astype(str).astype(object)
        return (X, y) if return_X_y else module._base.Bunch(data=X, target=y, DESCR="")

    module.fetch_california_housing = fetch_california_housing
    module.fetch_openml = fetch_openml


class _Splits(dict[str, Any]):
    """The splits of a data set by name, also those that the package does not list before a download."""

    def __init__(self, make: Callable[[Any], Any], names: Any) -> None:
        super().__init__({name: make(name) for name in names})
        self._make = make

    def __missing__(self, name: str) -> Any:
        return self._make(name)


def _tensorflow_datasets(module: Any, count: Callable[[Unknown], int]) -> None:
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
            dataset = _of_spec(spec, known or SAMPLES)
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


def _of_spec(spec: Any, number: int) -> Any:
    """A dataset of zeros with the element specification `spec`."""

    def zero(part: Any) -> Any:
        return zeros([size or 16 for size in part.shape], part.dtype)

    def loose(*parts: Any) -> Any:
        element = tf.nest.pack_sequence_as(spec, parts)
        return tf.nest.map_structure(
            lambda item, part: (
                item if part.shape.is_fully_defined() else tf.compat.v1.placeholder_with_default(item, part.shape)
            ),
            element,
            spec,
        )

    flat = tuple(zero(part) for part in tf.nest.flatten(spec))
    return repeated(flat, number).map(loose)


def _whole(spec: Any, rows: int) -> Any:
    """All examples of one feature in one tensor; raises UnknownValue where they have no common size."""
    if any(size is None for size in spec.shape):
        raise UnknownValue("the sizes of the examples")
    return zeros((rows, *spec.shape), spec.dtype)


def _refused(path: str, head: Any) -> Any:
    if head is not None:
        return head
    if "://" in path:
        raise UnknownValue(f"the table at {path}")
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)


def install(
    author_file: Callable[[str], bool],
    count: Callable[[Unknown], int] = lambda unknown: SAMPLES,
    absent: Callable[[str, Any], Any] = _refused,
) -> None:
    """Patch what is imported already, and the rest when it is. `count` gives a number for the rows of what is not
    known, `absent(path, head)` what stands for a table that cannot be read."""
    after_import("pandas", lambda module: _pandas(module, absent))
    after_import("sklearn.preprocessing", _preprocessing)
    after_import("sklearn.decomposition", _decomposition)
    after_import("sklearn.impute", _impute)
    after_import("sklearn.model_selection", _selection)
    after_import("sklearn.utils", _shuffles)
    after_import("scipy.sparse", _sparse)
    after_import("sklearn.datasets", _fetched)
    after_import("tensorflow_datasets", lambda module: _tensorflow_datasets(module, count))
