"""Whose exceptions are facts about the author's program: those of Keras, TensorFlow and NumPy, and what scikit-learn,
pandas and Python say of shapes, names and arguments alone.

An exception that another library raises, or these of values which the dry run may have made up, tells nothing.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from types import TracebackType
from typing import Any, Optional

import keras
import numpy as np
import tensorflow as tf

from ..protocol import Span
from . import columns
from .exceptions import (
    expression_names,
    innermost_frame,
    is_raise,
    is_raise_at,
    package_of,
    value_of,
    values_in,
)
from .places import is_own
from .state import Run
from .unknown import Unknown
from .unread import Unread

JUDGES = ("keras", "tensorflow", "numpy", "keras_hub", "keras_cv", "keras_nlp", "optree", "ml_dtypes")
"""Packages whose exceptions are facts about the author's program."""
OF_MODULE = re.compile(r"module '(numpy(?:\.\w+)*)' has no attribute '(\w+)'")
"""How NumPy speaks of names that it had (numpy/__init__.py)."""
_PYTHON_OWN = re.compile(r"values to unpack|^(list|tuple|string|pop|range)\b.*(index|out of range|empty)")
"""What Python says of its own lists and tuples, whoever's names stand beside them."""


def raised_by_judge(run: Run, error: BaseException) -> bool:
    """Whether a judge raised it, or Python of what a judge made."""
    if getattr(error, "_kls_certain", False):
        return True
    innermost: Optional[TracebackType] = None
    traceback = error.__traceback__
    while traceback is not None:
        name = traceback.tb_frame.f_code.co_filename
        if is_own(name):
            ours = ("arrays.py", "functions_of_arrays.py", "numpy_patches.py", "sizes.py")
            if name.endswith(ours) and traceback.tb_next is None:
                return isinstance(error, (ValueError, TypeError, IndexError))
            if name.endswith(("sinks.py", "refusals.py", "callbacks.py")) and traceback.tb_next is None:
                return isinstance(error, TypeError)
            if traceback.tb_next is None:
                return False
        innermost = traceback
        traceback = traceback.tb_next
    if innermost is None:
        return False
    name = innermost.tb_frame.f_code.co_filename
    if name.startswith("numpy/random/"):  # compiled; its complaints about values may be of made-up ones
        refused = isinstance(error, TypeError) and "takes at most" in str(error)
        return refused or _CHANCES.search(str(error)) is not None
    if "__autograph_generated_file" in name:
        return not is_raise(run, error)
    package = package_of(name)
    if package is not None:
        if package == "pandas":
            return columns.missed(run, error) is not None or _PANDAS.search(str(error)) is not None
        return package in JUDGES or (package == "sklearn" and _is_of_shapes(error))
    if not run.files.owns(name):
        return _through_judge(error)
    if is_raise_at(run, innermost):
        return False
    if _is_refused_call(run, error, innermost):
        return True
    if not isinstance(error, (ValueError, TypeError, IndexError, AttributeError)) or _PYTHON_OWN.search(str(error)):
        return False
    values = values_in(innermost.tb_frame, expression_names(run, innermost))
    if isinstance(error, AttributeError):
        values.append(error.obj)  # `self.model.optimizer.lr` misses it of what none of its names stands for
    if "'NoneType'" in str(error):
        # A size of a tensor may be None; else None is what an option or a search gave, and no matter of tensors.
        return any(isinstance(value, _DATA) or _holds_data(value) for value in values)
    return any(_is_judged(value) for value in values)


_CHANCES = re.compile(r"^'?p'? must be 1-dimensional$|^'?a'? and '?p'? must have same size$")
"""What a draw says of the axes of its chances, whatever these are (numpy/random/mtrand.pyx, _generator.pyx)."""


_SKLEARN = re.compile(
    r"Expected 2D array, got 1D array|Expected a 2-dimensional container|Found array with dim \d"
    r"|inconsistent numbers of samples|non-broadcastable output"
    r"|operands could not be broadcast|should be a 1d array, got an array of shape|X has \d+ features, but \w+ is exp"
    r"|The feature names should match those that were passed during fit"
    r"|Got 'multilabel-indicator' instead|a mix of multilabel-indicator and (multiclass|binary) "
    r"|a mix of (multiclass|binary) and multilabel-indicator "
)
"""Rows of several columns are "multilabel-indicator" for scikit-learn, whatever their numbers."""


_PANDAS = re.compile(
    r"Expected a 1D array, got an array with shape \(\d|Per-column arrays must each be 1-dimensional"
    r"|Data must be 1-dimensional, got ndarray of shape"
    r"|Shape of passed values is \((\d+), \d+\), indices imply \(\1, \d+\)"
    r"|'(?:DataFrame|Series)' object has no attribute '(?:reshape|flatten|append|iteritems|ix|as_matrix|get_value|mad)'"
)
"""How pandas refuses an array for a column by its axes (pandas/core/construction.py, pandas/core/internals), and what
only arrays have."""


def _is_of_shapes(error: BaseException) -> bool:
    """Whether scikit-learn speaks of shapes, of an estimator that is not fitted, or of predictions that are certainly
    no classes (`scores`); its other complaints are about values, which a dry run may have made up
    (sklearn/utils/validation.py)."""
    told = type(error).__name__ == "NotFittedError" or getattr(error, "_kls_of_predictions", False)
    return told or _SKLEARN.search(str(error)) is not None


REFUSED = re.compile(
    r"\(\) (missing \d+ required |takes (no|from \d+ to \d+|\d+) (positional )?argument|got an unexpected keyword "
    r"argument|got multiple values for argument)|' object is not callable"
)
"""How Python refuses a call by its arguments (Python/ceval.c, `format_missing` and `too_many_positional`)."""


def _is_refused_call(run: Run, error: BaseException, innermost: TracebackType) -> bool:
    """Whether the author's own function or class was called with arguments that it does not have."""
    if not isinstance(error, TypeError) or not REFUSED.search(str(error)):
        return False
    span = run.files.span_of_code(innermost.tb_frame.f_code, innermost.tb_lasti)
    node = run.files.call_at(span) if span is not None else None
    if span is None or node is None or any(isinstance(item, ast.Starred) for item in node.args):
        return False
    if "#" in run.files.text(Span(span.path, span.line, 0, span.line, span.column)):
        return False  # a call that a `# kls: probe` asks for
    if _is_within_compile(run, node, span.path):
        return False  # a loss that is called where `compile` takes the function: said of what it is
    function = value_of(node.func, innermost.tb_frame)
    target = getattr(function, "__init__", None) if isinstance(function, type) else function
    code = getattr(getattr(target, "__func__", target), "__code__", None)
    return code is not None and run.files.owns(code.co_filename) and all(item.arg for item in node.keywords)


_NO_SUCH_ARGUMENT = re.compile(
    r"got an unexpected keyword argument '(\w+)'"
    r"|(?:Argument\(s\) not recognized|Unrecognized keyword arguments passed to \w+): \{'(\w+)'"
)
"""How Python refuses a name, and Keras with its value beside it (keras/src/optimizers/base_optimizer.py,
keras/src/layers/layer.py)."""


def is_refused_keyword(run: Run, error: BaseException) -> bool:
    """Whether a name that the author gives a value is refused, whatever the value is."""
    told = _NO_SUCH_ARGUMENT.search(str(error)) if isinstance(error, (TypeError, ValueError)) else None
    innermost = innermost_frame(run, error) if told is not None else None
    span = run.files.span_of_code(innermost.tb_frame.f_code, innermost.tb_lasti) if innermost is not None else None
    node = run.files.call_at(span) if span is not None else None
    return (
        told is not None and node is not None and any(item.arg and item.arg in told.groups() for item in node.keywords)
    )


def is_refused_by_text(run: Run, error: BaseException) -> bool:
    """Whether it is for the author's words alone that an expression is refused, whatever values it has: for the name
    or the place of an argument, or for an attribute that no table has."""
    if isinstance(error, AttributeError):
        if OF_MODULE.match(str(error)):
            return True
        plain = type(error.obj) in (list, tuple, dict, set)  # Python's own, whatever they hold
        return (plain or isinstance(error.obj, Unread)) and "has no attribute" in str(error)
    if is_refused_keyword(run, error):
        return True
    innermost = innermost_frame(run, error) if isinstance(error, TypeError) else None
    span = run.files.span_of_code(innermost.tb_frame.f_code, innermost.tb_lasti) if innermost is not None else None
    node = run.files.call_at(span) if span is not None else None
    if innermost is None or node is None:
        return False
    constant = value_of(node.func, innermost.tb_frame) if "object is not callable" in str(error) else None
    if isinstance(node.func, ast.Attribute) and isinstance(constant, (int, float, str)):
        return isinstance(value_of(_root(node.func), innermost.tb_frame), type(sys))
    starred = any(isinstance(item, ast.Starred) for item in node.args) or any(not item.arg for item in node.keywords)
    function: Any = None if starred else value_of(node.func, innermost.tb_frame)
    home = getattr(function, "__module__", None)
    if isinstance(function, Unknown) or not isinstance(home, str) or home.split(".")[0] not in _TABLES:
        return False
    try:
        inspect.signature(function).bind(*node.args, **{str(item.arg): item.value for item in node.keywords})
    except ValueError:
        return False
    except TypeError:
        return True
    return False


def _root(node: ast.expr) -> ast.expr:
    """`tf` of `tf.data.AUTOTUNE`."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node


_TABLES = ("sklearn", "pandas")
"""Libraries that are no judges of values, and whose functions say by their parameters what they take."""


def _is_within_compile(run: Run, node: ast.Call, path: str) -> bool:
    """Whether a call stands among the arguments of a `compile`."""
    tree = run.files.tree(path)
    for outer in ast.walk(tree) if tree is not None else ():
        if isinstance(outer, ast.Call) and isinstance(outer.func, ast.Attribute) and outer.func.attr == "compile":
            if any(item is node for item in ast.walk(outer)):
                return True
    return False


def _through_judge(error: BaseException) -> bool:
    """Whether a frame of a judge stands above the innermost, standard library frame."""
    traceback, last = error.__traceback__, None
    while traceback is not None:
        package = package_of(traceback.tb_frame.f_code.co_filename)
        last = package or last
        traceback = traceback.tb_next
    return last in JUDGES


_DATA = (np.ndarray, keras.layers.Layer, keras.KerasTensor, tf.Tensor, tf.Variable, tf.data.Dataset)


def _holds_data(value: Any) -> bool:
    return isinstance(value, (tuple, list, tf.TensorShape)) and any(
        isinstance(item, (*_DATA, type(None))) for item in list(value)[:8]
    )


def _is_judged(value: Any) -> bool:
    if isinstance(value, _DATA):
        return True
    module = value.__name__ if isinstance(value, type(sys)) else getattr(type(value), "__module__", "")
    if isinstance(value, type) or callable(value):
        module = getattr(value, "__module__", None) or module
    if isinstance(value, (tuple, list)):
        return any(_is_judged(item) for item in value[:8])
    return isinstance(module, str) and module.split(".")[0] in ("keras", "tensorflow", "numpy")


def is_missing_in_judge(error: ImportError) -> bool:
    """Whether the author imports a name that the installed Keras or TensorFlow does not have.

    Modules that come with neither (`tensorflow.contrib` apart) and broken installations are gaps instead.
    """
    name = error.name or ""
    root = name.split(".")[0]
    if root not in ("keras", "tensorflow"):
        return "not supported in Keras 3" in str(error)
    if isinstance(error, ModuleNotFoundError):
        return root in sys.modules and name != root
    return "cannot import name" in str(error) and "partially initialized" not in str(error)


_NO_SETTER = re.compile(r"^property '(\w+)' of '(\w+)' object has no setter")
"""How Python refuses to replace what a class computes (Objects/descrobject.c)."""
_RESERVED = re.compile(r"^`\w+\.\w+` attribute is reserved")
"""How Keras refuses it (keras/src/models/model.py)."""


def is_fixed_by_judge(run: Run, error: BaseException) -> bool:
    """Whether the author gives an object something that a class of Keras computes: `self.output = …` of a model,
    `layer.kernel = …`."""
    if _RESERVED.search(str(error)):
        return True
    told = _NO_SETTER.search(str(error))
    innermost = innermost_frame(run, error) if told is not None else None
    for value in innermost.tb_frame.f_locals.values() if innermost is not None else ():
        if told is None or type(value).__name__ != told[2]:
            continue
        owner = next((kind for kind in type(value).__mro__ if told[1] in vars(kind)), None)
        if owner is not None and owner.__module__.split(".")[0] in ("keras", "tensorflow"):
            return True
    return False
