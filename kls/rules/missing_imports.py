"""The import that gives a name its value, as the program writes its imports. Not a rule: `undefined_name` asks."""

from __future__ import annotations

import ast

from kls import edits
from kls.facts import Edit, Fix, Span
from kls.rules import keras_names
from kls.rules.context import fix
from kls.source import SourceText

_SHORT = {
    "np": "import numpy as np",
    "pd": "import pandas as pd",
    "plt": "import matplotlib.pyplot as plt",
    "sns": "import seaborn as sns",
    "tf": "import tensorflow as tf",
    "Image": "from PIL import Image",
    "tqdm": "from tqdm import tqdm",
    "deque": "from collections import deque",
    "defaultdict": "from collections import defaultdict",
    "Counter": "from collections import Counter",
    "Path": "from pathlib import Path",
    "sqrt": "from math import sqrt",
    "reduce": "from functools import reduce",
}
_MODULES = "collections copy csv cv2 gc io itertools json keras math numpy os pickle random re shutil string sys time"
"""Modules that go by their own names."""
_CALLED = {
    "glob": "from glob import glob",
    "datetime": "from datetime import datetime",
    "shuffle": "from random import shuffle",
}
"""Modules in which a function of the same name is."""
_OF_KERAS = {
    "callbacks": "BackupAndRestore CSVLogger Callback EarlyStopping History LambdaCallback LearningRateScheduler "
    "ModelCheckpoint ReduceLROnPlateau TensorBoard TerminateOnNaN",
    "models": "Model Sequential clone_model load_model model_from_json",
    "utils": "image_dataset_from_directory img_to_array load_img pad_sequences plot_model to_categorical",
    "layers": "Input concatenate add multiply average maximum subtract dot",
    "regularizers": "l1 l2 l1_l2",
    "preprocessing.image": "ImageDataGenerator",
    "preprocessing.text": "Tokenizer",
    "applications": "DenseNet121 EfficientNetB0 InceptionV3 MobileNet MobileNetV2 ResNet50 VGG16 VGG19 Xception",
}
_OF_TENSORFLOW = ("preprocessing.image", "preprocessing.text")
"""Modules that only TensorFlow's Keras still has."""
_PARTS = "activations applications callbacks constraints datasets initializers layers losses metrics models optimizers"
_OF_SKLEARN = {
    "compose": "ColumnTransformer make_column_transformer",
    "decomposition": "PCA",
    "impute": "SimpleImputer",
    "linear_model": "LinearRegression LogisticRegression",
    "metrics": "ConfusionMatrixDisplay accuracy_score auc classification_report confusion_matrix f1_score "
    "mean_absolute_error mean_squared_error precision_score r2_score recall_score roc_auc_score roc_curve",
    "model_selection": "GridSearchCV KFold StratifiedKFold cross_val_score train_test_split",
    "pipeline": "Pipeline make_pipeline",
    "preprocessing": "LabelBinarizer LabelEncoder MinMaxScaler MultiLabelBinarizer OneHotEncoder OrdinalEncoder "
    "RobustScaler StandardScaler",
    "utils.class_weight": "compute_class_weight",
}


def of(source: SourceText, name: str, uses: list[ast.Name], cause: Span) -> list[Fix]:
    """Imports that give `name` its value; a module that the program has already is asked for it instead."""
    keras = _keras(source)
    called = any(isinstance(source.parents.get(node), ast.Call) for node in uses)
    fixes: list[Fix] = []
    for part in _parts(name):
        base = "tensorflow.keras" if part in _OF_TENSORFLOW else keras
        fixes += _taken_from(source, f"{base}.{part}", name, uses, cause)
    for part in (part for part, names in _OF_SKLEARN.items() if name in names.split()):
        fixes += _taken_from(source, f"sklearn.{part}", name, uses, cause)
    if name in _PARTS.split() or name == "keras":
        home, _, last = (keras if name == "keras" else f"{keras}.{name}").rpartition(".")
        fixes += _line(source, f"from {home} import {last}" if home else f"import {last}", cause)
    elif name == "K":
        fixes += _line(source, f"from {keras} import backend as K", cause)
    line = _CALLED.get(name) if called else None
    line = line or _SHORT.get(name) or (f"import {name}" if name in (*_MODULES.split(), *_CALLED) else None)
    return [*fixes, *(_line(source, line, cause) if line is not None else [])]


def _parts(name: str) -> list[str]:
    """The modules of Keras that have `name`, that of layers first."""
    found = [part for part in ("layers", "optimizers", "losses", "metrics") if f"keras.{part}.{name}" in _CLASSES]
    return found + [part for part, names in _OF_KERAS.items() if name in names.split()]


_CLASSES = frozenset(keras_names.PARAMETERS)


def _keras(source: SourceText) -> str:
    """How the imports of the program name Keras."""
    homes = [node.module or "" for node in source.nodes if isinstance(node, ast.ImportFrom)]
    homes += [alias.name for node in source.nodes if isinstance(node, ast.Import) for alias in node.names]
    own = any(home.split(".")[0] == "keras" for home in homes)
    return "keras" if own or not any(home.split(".")[0] == "tensorflow" for home in homes) else "tensorflow.keras"


def _taken_from(source: SourceText, module: str, name: str, uses: list[ast.Name], cause: Span) -> list[Fix]:
    """`name` of a module: beside what is imported from it already, else by a line of its own; by the module's own name
    where the program has the module."""
    last = module.rpartition(".")[2]
    fixes: list[Fix] = []
    for node in source.nodes:
        if not isinstance(node, (ast.Import, ast.ImportFrom)):
            continue
        if isinstance(node, ast.ImportFrom) and node.module == module and node.names[-1].name != "*":
            alias = node.names[-1]
            end = source.span(ast.copy_location(ast.Name(alias.name), alias))
            edit = Edit(Span(end.path, end.end_line, end.end_column, end.end_line, end.end_column), f", {name}")
            return fix(f"Import `{name}` too", edit, cause=source.span(node))
        for alias in node.names:
            whole = alias.name if isinstance(node, ast.Import) else f"{node.module}.{alias.name}"
            if whole == module and (alias.asname or isinstance(node, ast.ImportFrom)):
                words = f"{alias.asname or last}.{name}"
                changes = [edits.replace(source, item, words) for item in uses]
                fixes += fix(f"Write `{words}`", *changes, cause=cause) if changes else []
    return [*fixes, *_line(source, f"from {module} import {name}", cause)]


def _line(source: SourceText, line: str, cause: Span) -> list[Fix]:
    """A new import behind those at the top of the file."""
    body = source.tree.body if source.tree is not None else []
    last: ast.stmt | None = None
    for node in body:
        if isinstance(node, (ast.Import, ast.ImportFrom)) and node.lineno < cause.line:
            last = node
    if last is not None:
        return fix(f"Add `{line}`", edits.insert_after(source, last, line), cause=cause)
    return fix(f"Add `{line}`", edits.insert_before(source, body[0], line), cause=cause) if body else []
