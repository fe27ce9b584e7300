"""Tells which exceptions of the author's program are gaps in what can be known, and no faults.

A fault is only what the installed Keras, TensorFlow or NumPy raised on known values. An exception is a gap when it is
of the dry run's own making (a value asked of something that has none, graph mode, the sandbox, the clock), when the
author raised it, or when an Unknown took part in it. What Python itself says is a fault where no value decides it: a
function that returns nothing whose value is used, a call of the author's own function that its parameters refuse.
"""

from __future__ import annotations

import ast
import inspect
import os
import re
import sys
from types import FrameType, TracebackType
from typing import Any, Optional

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.framework.func_graph import FuncGraph

from ..protocol import Span
from . import asked, columns, keys, nothing, results, undefined, unpacking
from .arrays import VirtualArray
from .exceptions import (
    expression_names,
    first_line,
    first_raised,
    innermost_frame,
    is_raise,
    is_raise_at,
    package_of,
    value_of,
    values_in,
)
from .instrument import Statement
from .places import is_own
from .state import Finished, Run, StatementTimeout
from .unknown import TEXT, Unknown, UnknownValue
from .unread import Unread

JUDGES = ("keras", "tensorflow", "numpy", "keras_hub", "keras_cv", "keras_nlp", "optree", "ml_dtypes")
"""Packages whose exceptions are facts about the author's program."""
JUDGED_OPS = (
    tf.errors.InvalidArgumentError,
    tf.errors.UnimplementedError,
    tf.errors.FailedPreconditionError,
)
"""Run-time errors of TensorFlow that speak of shapes, types or values; the others speak of machines."""
OWN_GRAPH = "what a graph of TensorFlow 1 holds is not known without running its session"
_NO_SUCH_DEVICE = re.compile(r"unknown device|/device:\w+:\d+.* (?:not found|does not exist)|Could not satisfy device")
"""How TensorFlow says that a program speaks of a device which is not there; a dry run has one processor."""
OF_MODULE = re.compile(r"module '(numpy(?:\.\w+)*)' has no attribute '(\w+)'")
"""How NumPy speaks of names that it had (numpy/__init__.py)."""
_IN_GRAPHS = re.compile(r"refers to (a Tensor|an Operation)\b.*\b(does not exist|not in the graph)", re.DOTALL)
"""What TensorFlow says of a name that a graph does not have, which may come from a file that is not there."""
_OUT_OF_SCOPE = "is out of scope and cannot be used here"
"""What TensorFlow says of a tensor that was made while another function was traced."""

_SIMPLE = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr, ast.Return)
_PYTHON_OWN = re.compile(r"values to unpack|^(list|tuple|string|pop|range)\b.*(index|out of range|empty)")
"""What Python says of its own lists and tuples, whoever's names stand beside them."""
_CHECKPOINTS = (
    "tensorflow/python/training/checkpoint_utils.py",
    "tensorflow/python/training/py_checkpoint_reader.py",
    "tensorflow/python/training/saver.py",
)
"""Modules of TensorFlow that do nothing but read and write checkpoints."""
_FILES = (
    "keras/src/saving/",
    "keras/src/utils/file_utils.py",
    "keras/src/utils/dataset_utils.py",
    "keras/src/utils/image_dataset_utils.py",
    "keras/src/utils/text_dataset_utils.py",
    "keras/src/utils/audio_dataset_utils.py",
    "keras/src/legacy/saving/",
    "keras/src/legacy/preprocessing/",
    "tensorflow/python/lib/io/",
    "tensorflow/python/data/experimental/ops/readers.py",
    "tensorflow/python/saved_model/",
    "tensorflow/python/checkpoint/",
    "tensorflow/python/summary/",
    "tensorflow/python/platform/",
    "tensorflow/lite/",
    "tensorflow/python/client/",
    "tensorflow/python/distribute/",
    "tensorflow/python/tpu/",
    "tensorflow/python/training/server_lib.py",
    "tensorflow/python/eager/context.py",
    "tensorflow/python/eager/remote.py",
)
"""Parts of the judges that speak of files and machines, not of tensors."""
_OF_CONFIGS = "keras/src/saving/serialization_lib.py"
_READERS = ("keras/src/saving/saving_", "keras/src/legacy/saving/", "keras/src/saving/file_editor.py")
"""Where Keras makes objects of configurations, which it may have from a file, and where it reads the files."""
_DECODERS = re.compile(r"__wrapped__Decode(Png|Jpeg|AndCropJpeg|Image|Gif|Bmp|Webp|Wav|Compressed)")
"""Operations whose complaints are about what stands in a file."""
_ARRAYS = re.compile(r"`(?:NumpyArrayIterator|\.fit\(\))` should have rank|should have the same length")
"""What `ImageDataGenerator.flow` and `fit` say of arrays, in a module that reads files
(keras/src/legacy/preprocessing)."""


_KERAS_2 = "the program asks for Keras 2, which a dry run does not have"


def _asks_for_keras_2() -> bool:
    """Whether the program itself has told TensorFlow to take `tf_keras`: Keras 3 is no judge of it."""
    return os.environ.get("TF_USE_LEGACY_KERAS") in ("1", "true", "True")


def _unjudged(run: Run, error: BaseException, statement: Optional[Statement]) -> Optional[tuple[str, str]]:
    """The gap of an exception that the installed Keras is no judge of, or that an Unknown raised."""
    if _asks_for_keras_2():
        return "module", _KERAS_2
    clock: Optional[BaseException] = error
    while clock is not None and not isinstance(clock, (StatementTimeout, Finished)):
        clock = clock.__context__  # a library's bare `except:` takes the clock's exception and raises its own
    if clock is not None:
        return "time", str(clock)
    behind = _unknown_behind(error)
    if behind is not None:
        return "value", str(behind)
    if not _speaks_of_unknown(error) or _is_refused_keyword(run, error):
        return None
    return "value", _reason_of_text(run, error, statement)


def _of_machine(error: BaseException) -> Optional[tuple[str, str]]:
    """The gap of an exception that speaks of the machine."""
    if isinstance(error, tf.errors.OpError) and not isinstance(error, JUDGED_OPS):
        return "error", first_line(error)
    return ("device", first_line(error)) if _NO_SUCH_DEVICE.search(str(error)) else None


def _unlike_the_real_run(run: Run, error: BaseException) -> Optional[tuple[str, str]]:
    """The gap of an exception that the real run would not come to: it is eager, has its files, its layers."""
    if graph_mode(run, error):
        return "value", "its value is not known without running the program"
    if _speaks_of_files(error):
        return "file", first_line(error)
    bytes_of = _asked_for_bytes(run, error)
    if bytes_of is not None:
        return "value", bytes_of
    stopped = next((gap for gap in run.gaps if gap.kind == "time"), None)
    if stopped is not None and _OUT_OF_SCOPE in str(error):
        return "value", stopped.reason  # what was to make it outside of any graph was stopped
    return ("value", run.gaps[-1].reason) if _half_built(run, error) else None


def gap_of(
    run: Run, error: BaseException, path: str, statement: Statement, frame: FrameType
) -> tuple[Optional[str], str]:
    """Kind and reason of the gap that an exception of a statement is, (None, "") where it is a fault."""
    if isinstance(error, StatementTimeout):
        return "time", str(error)
    unjudged = _unjudged(run, error, statement)
    if unjudged is not None:
        return unjudged
    if isinstance(error, ImportError) and not _missing_in_judge(error):
        missing = isinstance(error, ModuleNotFoundError)
        return "module", f"the module {error.name!r} is not installed" if missing else first_line(error)
    if isinstance(error, MemoryError):
        return "memory", "it needs more memory than a dry run may take"
    if isinstance(error, SystemExit):
        return "exit", "the program would exit here"
    if isinstance(error, (OSError, EOFError, KeyboardInterrupt, tf.errors.NotFoundError, tf.errors.UnavailableError)):
        return os_gap(error)
    if isinstance(error, NameError):
        return (None, "") if undefined.missing(run, error) is not None else ("error", first_line(error))
    if isinstance(error, (RecursionError, AssertionError, StopIteration)):
        return "error", first_line(error)
    machine = _of_machine(error)
    if machine is not None:
        return machine
    if of_python(run, error):
        return None, ""
    if type(error).__name__ == "NotFittedError" and run.gaps:
        return "value", run.gaps[-1].reason  # what it should have learnt from may be what is not known
    named = isinstance(error, AttributeError) and not isinstance(error, ValueError)  # scikit-learn has one that is both
    if named and _is_fixed_by_judge(run, error):
        return None, ""
    if named and getattr(first_raised(error), "obj", None) is None and not OF_MODULE.match(str(error)):
        return "error", first_line(error)
    unlike = _unlike_the_real_run(run, error)
    if unlike is not None:
        return unlike
    unbuilt = _not_built(run, error)
    if unbuilt is not None:
        return "value", unbuilt
    if _IN_GRAPHS.search(str(error)):
        return "value", OWN_GRAPH
    if in_own_graph() and not isinstance(error, (AttributeError, ImportError)):
        return "value", OWN_GRAPH
    if isinstance(error, tf.errors.FailedPreconditionError) and _adapt_failed(run):
        return "value", "the vocabulary that was to be learnt is not known"
    by_text = _is_refused_by_text(run, error)
    if not by_text and not isinstance(error, ImportError) and not _raised_by_judge(run, error, path, statement, frame):
        return "error", first_line(error)
    scored = getattr(error, "_kls_of_predictions", False)  # by what the metric was given, none of which is unknown
    alone = by_text or getattr(error, "_kls_certain", False)  # whatever the unknown beside it is
    unknown = None if alone else unknown_in(run, error.__traceback__, None if scored else statement)
    if unknown is not None:
        return "value", unknown.reason
    if run.missed is not None and _OF_NOTHING.search(str(error)):
        return "file", f"{run.missed} is not there"
    return None, ""


_NO_SETTER = re.compile(r"^property '(\w+)' of '(\w+)' object has no setter")
"""How Python refuses to replace what a class computes (Objects/descrobject.c)."""
_RESERVED = re.compile(r"^`\w+\.\w+` attribute is reserved")
"""How Keras refuses it (keras/src/models/model.py)."""


def _is_fixed_by_judge(run: Run, error: BaseException) -> bool:
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


def gap_kind(run: Run, error: BaseException, statement: Optional[Statement] = None) -> Optional[tuple[str, str]]:
    """Why an exception inside a probe of `fit` says nothing about the program, or None when it does."""
    unjudged = _unjudged(run, error, statement)
    if unjudged is not None:
        return unjudged
    if isinstance(error, (NameError, AttributeError)) and undefined.missing(run, error) is not None:
        return None
    if isinstance(error, (MemoryError, OSError, ImportError, NameError, RecursionError, AssertionError, SystemExit)):
        return "error", first_line(error)
    known = _of_machine(error) or _unlike_the_real_run(run, error)
    if known is not None:
        return known
    traceback = error.__traceback__
    last: Optional[TracebackType] = None
    while traceback is not None:
        last = traceback
        traceback = traceback.tb_next
    if last is not None:
        name = last.tb_frame.f_code.co_filename
        refused = name.endswith("callbacks.py") and isinstance(error, TypeError) and _REFUSED.search(str(error))
        if is_own(name) and not name.endswith(("arrays.py", "sinks.py")) and not refused:
            return "error", first_line(error)
        if run.files.owns(name) and is_raise_at(run, last):
            return "error", first_line(error)
    certain = getattr(error, "_kls_certain", False)
    unknown = None if certain else unknown_in(run, error.__traceback__, statement)
    if unknown is not None:
        return "value", unknown.reason
    return None


_OF_NOTHING = re.compile(
    r"(?:units|filters|input_dim|output_dim|vocabulary_size|num_classes)=0\b|[Zz]ero-size"
    r"|at least one (?:array|element)|need at least one|shape[=: ]*\(0,|\b0 samples"
    r"|is empty|empty (?:list|array|sequence)"
)
"""What is said of data that are empty, as those that were to come from a file that is not there."""


_NO_SUCH_FILE = re.compile(r"(?:\{\{.*?\}\} )?(.*); No such file or directory")
"""What TensorFlow says of a file that is not there."""


def os_gap(error: BaseException) -> tuple[str, str]:
    """Kind and reason of a gap for what the operating system refuses."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if kinds & {"ConnectionError", "TimeoutError", "URLError", "HTTPError", "gaierror"}:
        return "network", "a dry run has no network"
    if isinstance(error, PermissionError):
        return "refused", f"the sandbox refused it: {error}"[:300]
    if isinstance(error, (FileNotFoundError, tf.errors.NotFoundError)):
        told = _NO_SUCH_FILE.match(str(error))
        name = told[1] if told is not None else getattr(error, "filename", None)
        return "file", f"the file {name} is not there" if name else first_line(error)
    if isinstance(error, KeyboardInterrupt):
        return "exit", "the program interrupts itself here"
    return "file", first_line(error)


def of_python(run: Run, error: BaseException) -> dict[str, Any]:
    """What is known of an exception of Python's own that no unknown value can have brought about: "silent", the
    function that gave nothing; "taken", the results that were taken apart; "elements", those of a dataset; "parts",
    what a function returns; "asked", an axis that is not there; "listed", an item that is not in a list of Keras;
    "given", the tensors of a layer that are taken apart; "predicted", the shape of predictions that are no single
    number; "undefined", a name that nothing gives a value; "keyed", a key that is spelt otherwise."""
    innermost = innermost_frame(run, error)
    told = {
        "silent": nothing.giver(run, error),
        "taken": results.taken_apart(run, error, innermost),
        "elements": unpacking.of_elements(run, error, innermost),
        "parts": unpacking.of_function(run, error, innermost),
        "asked": asked.axis_of(run, error, innermost),
        "listed": asked.item_of(run, error, innermost),
        "given": asked.outputs_of(run, error, innermost),
        "predicted": getattr(error, "_kls_predicted", None),
        "undefined": undefined.missing(run, error),
        "keyed": keys.missed(run, error, innermost),
    }
    return {name: fact for name, fact in told.items() if fact is not None}


def _speaks_of_unknown(error: BaseException) -> bool:
    """Whether a message has an Unknown in it, or the name of its class, which is not the author's business."""
    text = str(error)
    if isinstance(error, TypeError) and re.search(r"'Unknown'|\bnot Unknown\b", text):
        return True  # Python tells the type of what it refuses by its bare name
    return TEXT in text or "<unknown: " in text or any(f"{kind.__module__}." in text for kind in (Unknown, Unread))


def _reason_of_text(run: Run, error: BaseException, statement: Optional[Statement]) -> str:
    found = unknown_in(run, error.__traceback__, statement)
    return "a text has a part that is not known" if found is None else found.reason


def _unknown_behind(error: BaseException) -> Optional[UnknownValue]:
    """The demand for an unknown value that `error` is, or that a library turned into it."""
    walk: Optional[BaseException] = error
    for _ in range(8):
        if isinstance(walk, UnknownValue):
            return walk
        walk = walk.__cause__ or walk.__context__ if walk is not None else None
    return None


def _missing_in_judge(error: ImportError) -> bool:
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


def graph_mode(run: Run, error: BaseException) -> bool:
    """Whether only tracing forbids what the program did, where its real run would be eager.

    Inside `fit`, a `tf.function` or the building of a model the real run is symbolic too, and the exception genuine.
    """
    marks = getattr(error, "_kls_eager_trace", False)
    return bool(marks) and "KerasTensor" not in str(error)


_NOT_IN_A_ROW = re.compile(r"is not (?:C-)?contiguous|restricted to C-contiguous")
"""How a function that takes the bytes of an array says that they do not stand in a row (numpy/_core/src/multiarray/
buffer.c, Objects/memoryobject.c)."""


def _asked_for_bytes(run: Run, error: BaseException) -> Optional[str]:
    """Why the bytes that were asked of an array are not known: one without contents never has them in a row."""
    if not isinstance(error, (ValueError, TypeError, BufferError)) or not _NOT_IN_A_ROW.search(str(error)):
        return None
    innermost = innermost_frame(run, error)
    names = expression_names(run, innermost) if innermost is not None else set[str]()
    for value in values_in(innermost.tb_frame, names) if innermost is not None else []:
        if isinstance(value, VirtualArray):
            return f"the values of {value.origin}" if value.origin else "the values of this array"
    return None


def _adapt_failed(run: Run) -> bool:
    """Whether an `adapt` of the program could not be carried out."""
    return any("adapt" in run.files.text(gap.span) for gap in run.gaps if run.files.owns(gap.span.path))


def _speaks_of_files(error: BaseException) -> bool:
    if getattr(error, "_kls_own_file", False):
        return False
    traceback = error.__traceback__
    passed: list[str] = []
    while traceback is not None:
        passed.append(traceback.tb_frame.f_code.co_filename.replace(os.sep, "/"))
        traceback = traceback.tb_next
    path = passed[-1] if passed else ""
    checkpoint = any(part in told for told in passed for part in _CHECKPOINTS)
    if _ARRAYS.search(str(error)):
        return False
    if _OF_CONFIGS in path and not any(part in told for told in passed for part in _READERS):
        return False
    files = checkpoint or any(part in path for part in _FILES) or _DECODERS.search(str(error)) is not None
    return type(error) is Exception or files or "No files match" in str(error)


def in_own_graph() -> bool:
    """Whether the program builds a graph by itself, as for TensorFlow 1."""
    return not tf.executing_eagerly() and not isinstance(tf.compat.v1.get_default_graph(), FuncGraph)


def _half_built(run: Run, error: BaseException) -> bool:
    """Whether a Sequential was left with an input but without layers behind it, by a call whose value is not known."""
    return "has already been configured to use input shape" in str(error) and bool(run.gaps)


_UNBUILT = re.compile(r"must build the layer|has never been called|(not (yet )?been|isn't( yet)?|was never) built")
"""How Keras says that a layer has no weights yet."""


def _not_built(run: Run, error: BaseException) -> Optional[str]:
    """Why the layer that `error` misses the weights of has none: the call of it, or of the model it is part of, that
    would have built it could not be carried out."""
    if not run.unbuilt or not _UNBUILT.search(str(error)):
        return None
    reasons: dict[int, str] = {}
    for layer, reason in run.unbuilt.values():
        if not layer.built:
            reasons.update((id(part), reason) for part in layer._flatten_layers())
    traceback = error.__traceback__
    while traceback is not None:
        frame = traceback.tb_frame
        for value in () if run.files.owns(frame.f_code.co_filename) else frame.f_locals.values():
            if id(value) in reasons:
                return reasons[id(value)]
        traceback = traceback.tb_next
    return None


def _raised_by_judge(run: Run, error: BaseException, path: str, statement: Statement, frame: FrameType) -> bool:
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
            if name.endswith(("sinks.py", "callbacks.py")) and traceback.tb_next is None:
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
    r"|Got 'multilabel-indicator' instead|a mix of multilabel-indicator and (multiclass|binary) "
    r"|a mix of (multiclass|binary) and multilabel-indicator "
)
"""Rows of several columns are "multilabel-indicator" for scikit-learn, whatever their numbers."""


_PANDAS = re.compile(
    r"Expected a 1D array, got an array with shape \(\d|Per-column arrays must each be 1-dimensional"
    r"|Data must be 1-dimensional, got ndarray of shape"
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


_REFUSED = re.compile(
    r"\(\) (missing \d+ required |takes (no|from \d+ to \d+|\d+) (positional )?argument|got an unexpected keyword "
    r"argument|got multiple values for argument)|' object is not callable"
)
"""How Python refuses a call by its arguments (Python/ceval.c, `format_missing` and `too_many_positional`)."""


def _is_refused_call(run: Run, error: BaseException, innermost: TracebackType) -> bool:
    """Whether the author's own function or class was called with arguments that it does not have."""
    if not isinstance(error, TypeError) or not _REFUSED.search(str(error)):
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


def _is_refused_keyword(run: Run, error: BaseException) -> bool:
    """Whether a name that the author gives a value is refused, whatever the value is."""
    told = _NO_SUCH_ARGUMENT.search(str(error)) if isinstance(error, (TypeError, ValueError)) else None
    innermost = innermost_frame(run, error) if told is not None else None
    span = run.files.span_of_code(innermost.tb_frame.f_code, innermost.tb_lasti) if innermost is not None else None
    node = run.files.call_at(span) if span is not None else None
    return (
        told is not None and node is not None and any(item.arg and item.arg in told.groups() for item in node.keywords)
    )


def _is_refused_by_text(run: Run, error: BaseException) -> bool:
    """Whether it is for the author's words alone that an expression is refused, whatever values it has: for the name
    or the place of an argument, or for an attribute that no table has."""
    if isinstance(error, AttributeError):
        if OF_MODULE.match(str(error)):
            return True
        plain = type(error.obj) in (list, tuple, dict, set)  # Python's own, whatever they hold
        return (plain or isinstance(error.obj, Unread)) and "has no attribute" in str(error)
    if _is_refused_keyword(run, error):
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


def unknown_in(run: Run, traceback: Optional[TracebackType], statement: Optional[Statement]) -> Optional[Unknown]:
    """An Unknown that took part in the failure: among the names of the author's failing lines, or in what the
    library was given. One that a witness stood in for took no part, nor did a table that is asked for its sizes alone;
    whether a number did, a second run shows."""
    measured: set[str] = set()
    if traceback is not None and statement is not None and isinstance(statement.node, _SIMPLE):
        names = {item.id for item in ast.walk(statement.node) if isinstance(item, ast.Name)}
        measured = _measured(statement.node)
        for name in sorted(names):
            for value in values_in(traceback.tb_frame, {name}):
                sizes_alone = isinstance(value, Unread) and name in measured
                if isinstance(value, Unknown) and not sizes_alone and id(value) not in run.stood:
                    return value
    while traceback is not None:
        frame = traceback.tb_frame
        name = frame.f_code.co_filename
        if run.files.owns(name):
            names = expression_names(run, traceback)
            sized = {key for key in names & measured if all(isinstance(x, Unread) for x in values_in(frame, {key}))}
            values: list[Any] = values_in(frame, names - sized)
        elif is_own(name):
            values = []
        else:
            values = list(frame.f_locals.values())[:60]
        for value in values:
            found = _unknown_inside(run, value, 0)
            if found is not None and not (run.files.owns(name) and id(found) in run.stood):
                return found
        traceback = traceback.tb_next
    return None


def _measured(node: ast.AST) -> set[str]:
    """Names of which nothing but `.shape` is asked in a statement."""
    shapes = {
        item.value: item.value.id
        for item in ast.walk(node)
        if isinstance(item, ast.Attribute) and item.attr == "shape" and isinstance(item.value, ast.Name)
    }
    others = {item.id for item in ast.walk(node) if isinstance(item, ast.Name) and item not in shapes}
    return set(shapes.values()) - others


def _unknown_inside(run: Run, value: Any, depth: int) -> Optional[Unknown]:
    if isinstance(value, Unknown):
        return value
    if id(value) in run.tainted:
        return Unknown(run.tainted[id(value)][1])
    if depth > 2:
        return None
    items: list[Any] = []
    if isinstance(value, (tuple, list)):
        items = list(value[:32])
    elif isinstance(value, dict):
        items = list(value.values())[:32]
    elif isinstance(value, keras.layers.Layer):
        items = [item for key, item in list(vars(value).items())[:80] if not key.startswith("_")]
    for item in items:
        found = _unknown_inside(run, item, depth + 1)
        if found is not None:
            return found
    return None
