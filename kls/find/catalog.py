"""What public names mean: which make a model, which a layer, which load data, which methods are sinks."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from enum import Enum

SINKS = frozenset(
    "compile fit fit_generator evaluate evaluate_generator predict predict_generator train_on_batch test_on_batch"
    " predict_on_batch adapt".split()
)
"""Methods of models (and `adapt` of preprocessing layers) where data or targets meet them."""


class Role(Enum):
    """What a call of a name gives."""

    MODEL = "model"
    LAYER = "layer"
    DATASET = "dataset"
    OTHER = "other"
    """Something known that is none of these."""
    UNKNOWN = "unknown"
    """A name of a package that kls does not know."""


_MODEL = re.compile(
    r"keras\.(?:Model|Sequential|experimental\.(?:LinearModel|WideDeepModel))(?:\.from_config)?"
    r"|keras\.utils\.multi_gpu_model"
    r"|keras\.applications\.(?:\w+\.)?[A-Z]\w*"
    r"|keras\.(?:models|saving)(?:\.\w+)*\.(?:load_model|clone_model|model_from_json|model_from_yaml|model_from_config)"
    r"|keras_(?:hub|nlp|cv)\.models\.[A-Z]\w*(?:\.from_preset)?"
)
_LAYER = re.compile(
    r"keras\.Layer|keras\.layers\.[A-Z]\w*(?:\.from_config)?|tensorflow_hub\.KerasLayer"
    r"|(?:tensorflow_addons|tensorflow_probability|keras_hub|keras_nlp|keras_cv|keras_tuner)(?:\.\w+)*\.layers"
    r"(?:\.\w+)*\.[A-Z]\w*"
)
TENSOR_MAKERS = frozenset(
    ["keras.Input"]
    + [f"keras.layers.{name}" for name in "add average concatenate dot maximum minimum multiply subtract".split()]
)
"""Functions that make a layer and call it at once: what they give is a tensor."""
_DATASET = re.compile(
    r"keras\.datasets\.\w+\.load_data"
    r"|keras\.(?:utils|preprocessing)(?:\.\w+)?\.\w+_dataset_from_(?:directory|array)"
    r"|keras\.utils\.get_file"
    r"|keras\.preprocessing\.image\.(?:ImageDataGenerator\.flow\w*|DirectoryIterator|NumpyArrayIterator)"
    r"|keras\.preprocessing\.sequence\.TimeseriesGenerator"
    r"|tensorflow_datasets\.(?:load|builder|data_source|ImageFolder|TranslateFolder)"
    r"|tensorflow\.(?:compat\.v[12]\.)?data\.(?:Dataset|experimental\.\w+Dataset)\.(?:from_\w+|range|list_files|load|random)"
    r"|tensorflow\.(?:compat\.v[12]\.)?data\.(?:experimental\.)?(?:TFRecordDataset|TextLineDataset|FixedLengthRecordDataset|CsvDataset)"
    r"|tensorflow\.(?:compat\.v[12]\.)?data\.experimental\.(?:make_csv_dataset|load|from_\w+|SqlDataset)"
    r"|tensorflow\.contrib\.learn\.datasets\.\w+(?:\.\w+)*|tensorflow\.examples\.tutorials\.mnist\.input_data\.\w+"
    r"|numpy\.(?:load|loadtxt|genfromtxt|fromfile|memmap|fromregex)"
    r"|numpy\.random\.(?:rand|randn|randint|random|random_sample|sample|ranf|normal|uniform|standard_normal|choice"
    r"|random_integers|binomial|poisson)"
    r"|pandas\.read_\w+|pandas\.io\.\w+(?:\.\w+)*\.read_\w+"
    r"|sklearn\.datasets\.(?:load|fetch|make)_\w+"
    r"|scipy\.io\.(?:loadmat|wavfile\.read)|h5py\.File|datasets\.load_dataset"
)
_READ = re.compile(r"keras\.[\w.]+|numpy\.(?:array|asarray|reshape)|tensorflow\.(?:constant|convert_to_tensor)")
_COMPUTES = re.compile(
    r"tensorflow\.(?!(?:compat|config|debugging|distribute|errors|get_logger|io\.gfile|lite|autograph|profiler|random\.set_seed"
    r"|saved_model|summary|sysconfig|test|tpu|train|types|version)\b)(?:[\w.]+)"
    r"|keras\.(?:activations|losses|metrics|ops|random)\.[\w.]+"
)
_IMPORTED = re.compile(r"^[ \t]*(?:import[ \t]+(\w+)([^\n#]*)|from[ \t]+(\w+))", re.MULTILINE)
_OF_MODELS = re.compile(r"keras\.(?:Model|Sequential|applications\.[\w.]+)")
_KNOWN = frozenset(
    "keras tensorflow tf_keras numpy pandas matplotlib sklearn scipy seaborn PIL cv2 tqdm IPython torch jax h5py"
    " tensorflow_datasets plotly skimage imageio requests yaml nltk gensim pytest absl gym gymnasium transformers"
    " datasets wandb mlflow pydot graphviz google sqlalchemy ipywidgets flax optax networkx statsmodels psutil".split()
)


def role(public: str) -> Role:
    """What a call of the object with this public name gives."""
    if _MODEL.fullmatch(public):
        return Role.MODEL
    if public in TENSOR_MAKERS or _LAYER.fullmatch(public):
        return Role.LAYER
    if _DATASET.fullmatch(public):
        return Role.DATASET
    top = public.partition(".")[0]
    return Role.OTHER if top in _KNOWN or top in sys.stdlib_module_names else Role.UNKNOWN


def worth_reading(public: str) -> bool:
    """Whether the text of a call with this public name, which has no other role, may tell a fault."""
    return _READ.fullmatch(public) is not None


def computes(public: str) -> bool:
    """Whether a call with this public name may compute with tensors, or makes what does, and so fail over shapes."""
    return _COMPUTES.fullmatch(public) is not None


def keras_model(public: str) -> bool:
    """Whether what a call of this name makes has the methods of `keras.Model` and no others."""
    return _OF_MODELS.fullmatch(public) is not None


def foreign(texts: Iterable[str], own: Iterable[str]) -> bool:
    """Whether any of these programs imports a package that is neither known here nor one of the project's `own`
    modules: it may change what Keras knows."""
    project = {name.partition(".")[0] for name in own}
    tops: set[str] = set()
    for text in texts:
        for first, rest, source in _IMPORTED.findall(text):
            tops.update((first or source, *re.findall(r",\s*(\w+)", rest)))
    return any(top not in project | _KNOWN and top not in sys.stdlib_module_names for top in tops)


def worth_asking(name: str) -> bool:
    """Whether a name of an unknown package looks like a class or factory of layers or models."""
    *modules, last = name.split(".")
    return last[:1].isupper() or any("layer" in part or "model" in part for part in (*modules, last))
