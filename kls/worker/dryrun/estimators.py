"""scikit-learn, and SciPy's sparse matrices, on data that are not there.

Transformers see a few made-up rows of a virtual array, which tells the width and dtype of what they give; of a table
that was not read they keep the axes where these are certain.
"""

from __future__ import annotations

import functools
import inspect
import re
import sys
from collections.abc import Callable
from typing import Any, Optional

import numpy as np

from .after_import import after_import
from .arrays import VirtualArray, find_unknown, is_large
from .folders import labels
from .frames import certain
from .open_sizes import Open, Size, apart, together
from .unknown import Unknown, UnknownValue
from .unread import Unread, form_of, made, one_hot, same
from .unread_parts import Row

__all__ = ["install"]

# Kept before NumPy's own is replaced: what is drawn here must be real.
_default_rng = np.random.default_rng

STAND_IN_ROWS = 256
STAND_IN_ELEMENTS = 1_000_000
MANY = 9_973
"""Columns of a table that is made up where nobody knows how many there are."""


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
        _refuse(self, name, X)
        _refuse_names(self, name, X)
        if unknown is not None:
            if name in ("fit", "partial_fit", "fit_transform"):
                self._kls_unknown = unknown
                self._kls_columns = _columns_in(X)
                self._kls_names = _names_in(X)
            if name in ("fit", "partial_fit"):
                return self
            if name in ("transform", "inverse_transform") and _has_not_learnt(self):
                certain(lambda: getattr(_clone(self), name)(np.ones((STAND_IN_ROWS, 2))))
            if isinstance(X, Unread) and form_of(X).rank == 2:
                return made(X, kind="array", sizes=(_width(self, X, name),), dtype=None, numeric=True)
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


def _has_not_learnt(self: Any) -> bool:
    """Whether a transformer was never given data to learn from, where it needs any."""
    learns = type(self).__name__ in _SAME_WIDTH and type(self).__name__ not in ("Normalizer", "Binarizer")
    return learns and getattr(self, "_kls_unknown", None) is None and not hasattr(self, "n_features_in_")


def _columns_in(X: Any) -> Optional[Size]:
    """How many columns a table or an array has, None where it has not two axes."""
    if isinstance(X, Unread):
        return form_of(X).sizes[0] if form_of(X).rank == 2 else None
    return X.shape[1] if isinstance(X, np.ndarray) and X.ndim == 2 else None


def _refuse(self: Any, name: str, X: Any) -> None:
    """Raise what a scaler raises of data with other axes than it takes, or other columns than it has learnt, where
    nobody has read the data or what it learnt: asked about rows made up for the purpose."""
    learns = name in ("fit", "partial_fit", "fit_transform")
    learnt = None if learns else getattr(self, "_kls_unknown", None)
    if type(self).__name__ not in _SAME_WIDTH or not isinstance(X, (Unread, np.ndarray, Row)):
        return
    if isinstance(X, np.ndarray) and learnt is None:
        return  # scikit-learn itself looks at it
    rank = form_of(X).rank if isinstance(X, Unread) else 1 if isinstance(X, Row) else X.ndim
    series = isinstance(X, Row) or (isinstance(X, Unread) and form_of(X).kind == "series")
    columns = None if learns else getattr(self, "_kls_columns" if learnt is not None else "n_features_in_", None)
    far = apart(columns, _columns_in(X))
    if rank == 2 and not far:
        return
    learnt_of = columns if isinstance(columns, int) else MANY
    rows = min(len(X), STAND_IN_ROWS) if isinstance(X, np.ndarray) else STAND_IN_ROWS
    made: Any = np.ones((rows, *([learnt_of + (far or 0)] if rank == 2 else [2] * (rank - 1))))
    made = sys.modules["pandas"].Series(made) if series else made
    try:
        like = _clone(self).fit(np.arange(4.0 * learnt_of).reshape(4, -1))
    except Exception:
        return
    try:
        getattr(like, name)(made)
    except ValueError as error:
        words = re.sub(rf"\({rows},", "(None,", str(error))
        if learnt_of == MANY:
            words = words.replace(str(MANY + (far or 0)), f"n {'+' if far and far > 0 else '-'} {abs(far or 0)}")
            words = words.replace(str(MANY), "n")
        error.args = (re.sub(r"\narray=[^a-zA-Z]*", "\n", words),)
        error.__dict__["_kls_certain"] = True
        raise


def _names_in(X: Any) -> Optional[list[str]]:
    """The names of a frame's columns, None where these are not all known."""
    names = form_of(X).columns if isinstance(X, Unread) and form_of(X).kind == "frame" else None
    return list(names) if names is not None and all(type(name) is str for name in names) else None


def _refuse_names(self: Any, name: str, X: Any) -> None:
    """Raise what a scaler raises of columns with other names, or in another order, than those it has learnt."""
    learnt, given = getattr(self, "_kls_names", None), _names_in(X)
    if name != "transform" or not learnt or given is None or given == learnt or type(self).__name__ not in _SAME_WIDTH:
        return
    pandas = sys.modules["pandas"]
    try:
        like = _clone(self).fit(pandas.DataFrame(np.arange(4.0 * len(learnt)).reshape(4, -1), columns=learnt))
    except Exception:
        return
    certain(lambda: like.transform(pandas.DataFrame(np.ones((STAND_IN_ROWS, len(given))), columns=given)))


_SAME_WIDTH = (
    "StandardScaler MinMaxScaler MaxAbsScaler RobustScaler Normalizer Binarizer QuantileTransformer PowerTransformer "
    "OrdinalEncoder SimpleImputer KNNImputer"
).split()


_SCALERS = [*_SAME_WIDTH[:-2], "PolynomialFeatures", "KBinsDiscretizer", "FunctionTransformer"]


def _width(self: Any, X: Unread, name: str) -> Any:
    """How many columns a transformer makes of those of a table: the same of every table once it has learnt."""
    if type(self).__name__ in _SAME_WIDTH and not getattr(self, "add_indicator", False):
        return form_of(X).sizes[0]
    if name == "inverse_transform":
        return Open()
    if not hasattr(self, "_kls_width") or name == "fit_transform":
        self._kls_width = Open()
    return self._kls_width


def _preprocessing(module: Any) -> None:
    for name in _SCALERS:
        if hasattr(module, name):
            _transformer(getattr(module, name))
    _encoder(module.LabelEncoder, _numbered)
    _decoded(module.LabelEncoder)
    _encoder(module.OneHotEncoder, _one_hot)
    for name in ("LabelBinarizer", "MultiLabelBinarizer"):
        _encoder(getattr(module, name), _one_hot)
    for name in ("scale", "normalize", "minmax_scale", "maxabs_scale", "robust_scale"):
        setattr(module, name, _scaled(getattr(module, name)))


def _scaled(original: Any) -> Any:
    """A function that gives numbers in the shape of what it is given."""

    def scaled(X: Any, *args: Any, **keywords: Any) -> Any:
        if isinstance(X, Unread):
            return made(X, kind="array", dtype=None, numeric=True)
        return X.astype("float64") if isinstance(X, VirtualArray) else original(X, *args, **keywords)

    return scaled


def _encoder(kind: Any, encoded: Callable[[Any, Unread], Any]) -> None:
    """An encoder of labels that nobody has read: what it learns is not known, and it gives what `encoded` says of it
    and the labels."""
    fit, transform, both = kind.fit, kind.transform, kind.fit_transform
    name = list(inspect.signature(fit).parameters)[1]

    def data(arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        return arguments[0] if arguments else keywords.get(name)

    def learnt(self: Any, *arguments: Any, **keywords: Any) -> Any:
        X = data(arguments, keywords)
        self._kls_unknown = unknown = find_unknown(X)
        if unknown is None:
            return fit(self, *arguments, **keywords)
        self.classes_ = self.categories_ = unknown.unshaped()
        # A LabelBinarizer gives one column for two classes.
        self._kls_width = Open(several=type(self).__name__ != "LabelBinarizer")
        return self

    def transformed(self: Any, *arguments: Any, **keywords: Any) -> Any:
        X = data(arguments, keywords)
        if isinstance(X, Unread):
            return encoded(self, X)
        unknown = find_unknown(X)
        unknown = getattr(self, "_kls_unknown", None) if unknown is None else unknown
        return transform(self, *arguments, **keywords) if unknown is None else unknown.unshaped()

    def at_once(self: Any, *arguments: Any, **keywords: Any) -> Any:
        X = data(arguments, keywords)
        if find_unknown(X) is not None:
            return transformed(learnt(self, X), X)
        self._kls_unknown = None
        return both(self, *arguments, **keywords)

    kind.fit, kind.transform, kind.fit_transform = learnt, transformed, at_once


def _decoded(kind: Any) -> None:
    """`inverse_transform` of class numbers whose names nobody has read: it takes one for each row."""
    original = kind.inverse_transform

    def inverse_transform(self: Any, y: Any) -> Any:
        learnt = getattr(self, "_kls_unknown", None)
        if learnt is None:
            return original(self, y)
        columns = _columns_in(y)
        if isinstance(columns, int) and columns > 1:
            like = kind().fit(np.arange(3))
            try:
                original(like, np.zeros((STAND_IN_ROWS, columns)))
            except ValueError as error:
                error.args = (str(error).replace(f"({STAND_IN_ROWS},", "(None,"),)
                error.__dict__["_kls_certain"] = True
                raise
        return learnt.unshaped()

    kind.inverse_transform = inverse_transform


def _numbered(self: Any, labels: Unread) -> Any:
    """Class numbers: one for each label."""
    if form_of(labels).rank != 1:
        return labels.unshaped()
    return made(labels, kind="array", sizes=(), dtype=np.int64, numeric=True)


def _one_hot(self: Any, columns: Unread) -> Any:
    """Nobody knows how many classes there are; of each part of the data it is the same number."""
    if not hasattr(self, "_kls_width"):
        self._kls_width = Open()
    return made(columns, kind="array", sizes=(self._kls_width,), dtype=None, numeric=True)


def _texts(module: Any) -> None:
    """As many columns as there are words, or as were asked for, if there are as many."""
    for name in ("CountVectorizer", "TfidfVectorizer"):
        _encoder(getattr(module, name), _one_hot)


def _base(module: Any) -> None:
    """What an estimator learnt of data that nobody has read is not known."""

    def learnt(self: Any, name: str) -> Any:
        unknown = self.__dict__.get("_kls_unknown")
        if unknown is None or not name.endswith("_") or name.startswith("_"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return unknown.unshaped()

    module.BaseEstimator.__getattr__ = learnt


def _compose(module: Any) -> None:
    """Columns that are each transformed in a way of their own, and then stand side by side."""
    _encoder(module.ColumnTransformer, _columns)


def _columns(self: Any, table: Unread) -> Any:
    """As many columns as all transformers make together, where each is known."""
    if not hasattr(self, "_kls_width"):
        self._kls_width = Open()
    widths = [_columns_of(transformer, table, chosen) for _, transformer, chosen in self.transformers]
    if self.remainder != "drop" or form_of(table).kind != "frame" or None in widths:
        return _one_hot(self, table)
    width = together(widths)
    return made(table, kind="array", sizes=(width if isinstance(width, int) else self._kls_width,), numeric=True)


def _columns_of(transformer: Any, table: Unread, chosen: Any) -> Any:
    """How many columns a transformer makes of those that are chosen from a table; None where that is not certain."""
    names = [chosen] if isinstance(chosen, str) else chosen
    part = None if callable(names) else table[names]
    if not isinstance(part, Unread) or form_of(part).kind != "frame" or form_of(part).rank != 2:
        return None
    if transformer == "drop":
        return 0
    if transformer != "passthrough":
        part = _clone(transformer).fit_transform(part)
    return form_of(part).sizes[0] if isinstance(part, Unread) and form_of(part).rank == 2 else None


def _clone(transformer: Any) -> Any:
    from sklearn.base import clone

    return clone(transformer)


def _pipeline(module: Any) -> None:
    """Steps that follow on each other, on data that nobody has read."""
    for name in ("fit", "fit_transform", "transform"):
        setattr(module.Pipeline, name, _through(name, getattr(module.Pipeline, name)))


def _through(name: str, original: Any) -> Any:
    def method(self: Any, X: Any, *args: Any, **keywords: Any) -> Any:
        learnt = getattr(self, "_kls_unknown", None) if name == "transform" else None
        if not isinstance(X, Unread) and learnt is None:
            self._kls_unknown = None
            return original(self, X, *args, **keywords)
        self._kls_unknown = X.unshaped() if learnt is None else learnt
        steps = [step for _, step in self.steps if step not in (None, "passthrough")]
        y = args[:1] if name != "transform" else ()
        made = X
        for step in steps if name != "fit" else steps[:-1]:
            made = step.transform(made) if name == "transform" else step.fit_transform(made, *y)
        if name == "fit" and steps:
            steps[-1].fit(made, *y)
        return self if name == "fit" else made

    method.__name__ = name
    return method


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
            self._kls_unknown = X.unshaped()
            if name == "fit" or not isinstance(X, Unread) or form_of(X).rank != 2:
                return self if name == "fit" else X.unshaped()
            width = self.n_components
            size = int(width) if isinstance(width, (int, np.integer)) else _width(self, X, name)
            return made(X, kind="array", sizes=(size,), dtype=None, numeric=True)
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
    for name in ("SimpleImputer", "KNNImputer"):
        if hasattr(module, name):
            _transformer(getattr(module, name))


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
        y = args[0] if args else keywords.get("y")
        if isinstance(y, Unread) and one_hot(y) and type(self).__name__.startswith("Stratified"):
            made_up = np.arange(60) % 3  # rows of labels are refused, whatever they are
            certain(lambda: next(iter(original(self, np.zeros((60, 1)), np.eye(3, dtype=int)[made_up]))))
        rows: Any = X.unshaped()
        if isinstance(X, Unread):
            rows = made(X, kind="array", sizes=(), dtype=np.int64, numeric=True)
        return iter([(rows, rows)])

    return split


def _shuffles(module: Any) -> None:
    for name in ("shuffle", "resample"):
        setattr(module, name, _shuffled(getattr(module, name)))


def _weights(module: Any) -> None:
    """One weight for each class of labels that nobody has read."""
    original = module.compute_class_weight

    @functools.wraps(original)
    def compute_class_weight(class_weight: Any, *arguments: Any, **keywords: Any) -> Any:
        unknown = find_unknown(tuple(keywords.values()))
        if unknown is None or arguments:
            return original(class_weight, *arguments, **keywords)
        table = next((item for item in keywords.values() if isinstance(item, Unread)), None)
        if table is None:
            return unknown.unshaped()
        return made(table, kind="array", sizes=(), dtype=np.dtype("float64"), numeric=True)

    module.compute_class_weight = compute_class_weight


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


def install(author_file: Callable[[str], bool]) -> None:
    """Patch what is imported already, and the rest when it is."""
    after_import("sklearn.base", _base)
    after_import("sklearn.preprocessing", _preprocessing)
    after_import("sklearn.feature_extraction.text", _texts)
    after_import("sklearn.compose", _compose)
    after_import("sklearn.pipeline", _pipeline)
    after_import("sklearn.decomposition", _decomposition)
    after_import("sklearn.impute", _impute)
    after_import("sklearn.model_selection", _selection)
    after_import("sklearn.utils", _shuffles)
    after_import("sklearn.utils.class_weight", _weights)
    after_import("scipy.sparse", _sparse)
    after_import("sklearn.datasets", _fetched)
