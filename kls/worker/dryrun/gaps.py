"""Tells which exceptions of the author's program are gaps in what can be known, and no faults.

A fault is only what the installed Keras, TensorFlow or NumPy raised on known values. An exception is a gap when it is
of the dry run's own making (a value asked of something that has none, graph mode, the sandbox, the clock), when the
author raised it, or when an Unknown took part in it. What Python itself says is a fault where no value decides it: a
function that returns nothing whose value is used, a call of the author's own function that its parameters refuse.
"""

from __future__ import annotations

import ast
import os
import re
from types import TracebackType
from typing import Any, Optional

import keras
import tensorflow as tf
from tensorflow.python.framework.func_graph import FuncGraph

from . import asked, keys, nothing, results, undefined, unpacking
from .arrays import VirtualArray
from .exceptions import (
    expression_names,
    first_line,
    first_raised,
    innermost_frame,
    is_raise_at,
    values_in,
)
from .instrument import Statement
from .judges import (
    OF_MODULE,
    REFUSED,
    is_fixed_by_judge,
    is_missing_in_judge,
    is_refused_by_text,
    is_refused_keyword,
    raised_by_judge,
)
from .places import is_own
from .state import Finished, Run, StatementTimeout
from .unknown import TEXT, Unknown, UnknownValue
from .unread import Unread

JUDGED_OPS = (
    tf.errors.InvalidArgumentError,
    tf.errors.UnimplementedError,
    tf.errors.FailedPreconditionError,
)
"""Run-time errors of TensorFlow that speak of shapes, types or values; the others speak of machines."""
OWN_GRAPH = "what a graph of TensorFlow 1 holds is not known without running its session"
_NO_SUCH_DEVICE = re.compile(r"unknown device|/device:\w+:\d+.* (?:not found|does not exist)|Could not satisfy device")
"""How TensorFlow says that a program speaks of a device which is not there; a dry run has one processor."""
_IN_GRAPHS = re.compile(r"refers to (a Tensor|an Operation)\b.*\b(does not exist|not in the graph)", re.DOTALL)
"""What TensorFlow says of a name that a graph does not have, which may come from a file that is not there."""
_OUT_OF_SCOPE = "is out of scope and cannot be used here"
"""What TensorFlow says of a tensor that was made while another function was traced."""

_SIMPLE = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr, ast.Return)
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


_ANY_BACKEND = re.compile(r"unexpected keyword argument|^Arguments `target`|^module 'keras\b")
"""What is said of a call alike with every backend: by Python, and by the losses of all of them (keras/src/backend/*/
nn.py)."""


def _is_of_every_backend(error: BaseException) -> bool:
    """Whether Keras says it whatever its backend is: then the code of none took part at the end."""
    if isinstance(error, (NameError, ImportError)) or _ANY_BACKEND.search(str(error)):
        return True
    traceback, path = error.__traceback__, ""
    while traceback is not None:
        path = traceback.tb_frame.f_code.co_filename.replace(os.sep, "/")
        traceback = traceback.tb_next
    return "/keras/src/" in path and "/keras/src/backend/" not in path


def _unjudged(run: Run, error: BaseException, statement: Optional[Statement]) -> Optional[tuple[str, str]]:
    """The gap of an exception that the installed Keras is no judge of, or that an Unknown raised."""
    if _asks_for_keras_2():
        return "module", _KERAS_2
    backend = os.environ.get("KERAS_BACKEND", "")
    if backend not in ("", "tensorflow") and not _is_of_every_backend(error):
        return "module", f"the program asks for Keras's backend {backend!r}, and a dry run has TensorFlow's"
    clock: Optional[BaseException] = error
    while clock is not None and not isinstance(clock, (StatementTimeout, Finished)):
        clock = clock.__context__  # a library's bare `except:` takes the clock's exception and raises its own
    if clock is not None:
        return "time", str(clock)
    behind = _unknown_behind(error)
    if behind is not None:
        return "value", str(behind)
    if not _speaks_of_unknown(error) or is_refused_keyword(run, error):
        return None
    return "value", _reason_of_text(run, error, statement)


_NO_NETWORK = re.compile(r"executing an HTTP request|Could not resolve host")
"""How TensorFlow's file systems say that they reach nobody (tsl/platform/cloud/curl_http_request.cc)."""


def _of_machine(error: BaseException) -> Optional[tuple[str, str]]:
    """The gap of an exception that speaks of the machine."""
    if _NO_NETWORK.search(str(error)):
        return "network", "a dry run has no network"
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


def gap_of(run: Run, error: BaseException, statement: Statement) -> tuple[Optional[str], str]:
    """Kind and reason of the gap that an exception of a statement is, (None, "") where it is a fault."""
    if isinstance(error, StatementTimeout):
        return "time", str(error)
    unjudged = _unjudged(run, error, statement)
    if unjudged is not None:
        return unjudged
    if isinstance(error, ImportError) and not is_missing_in_judge(error):
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
    if type(error).__name__ == "NotFittedError" and run.gaps and not _is_never_fitted(run, error):
        return "value", run.gaps[-1].reason  # what it should have learnt from may be what is not known
    named = isinstance(error, AttributeError) and not isinstance(error, ValueError)  # scikit-learn has one that is both
    if named and is_fixed_by_judge(run, error):
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
    by_text = is_refused_by_text(run, error)
    if not by_text and not isinstance(error, ImportError) and not raised_by_judge(run, error):
        return "error", first_line(error)
    scored = getattr(error, "_kls_of_predictions", False)  # by what the metric was given, none of which is unknown
    alone = by_text or getattr(error, "_kls_certain", False)  # whatever the unknown beside it is
    unknown = None if alone else unknown_in(run, error.__traceback__, None if scored else statement)
    if unknown is not None:
        return "value", unknown.reason
    if run.missed is not None and _OF_NOTHING.search(str(error)):
        return "file", f"{run.missed} is not there"
    return None, ""


def _is_never_fitted(run: Run, error: BaseException) -> bool:
    """Whether an estimator that has not learnt has not for want of a call: none was left out, or made on a guess."""
    left_out = [*run.unsure, *(gap.span for gap in run.gaps)]
    return getattr(error, "_kls_certain", False) and not any("fit" in run.files.text(span) for span in left_out)


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
        refused = name.endswith("callbacks.py") and isinstance(error, TypeError) and REFUSED.search(str(error))
        if is_own(name) and not name.endswith(("arrays.py", "sinks.py", "refusals.py")) and not refused:
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
    """Names of which nothing but `.shape`, or what a model predicts of them, is asked in a statement."""
    shapes = {
        item.value: item.value.id
        for item in ast.walk(node)
        if isinstance(item, ast.Attribute) and item.attr == "shape" and isinstance(item.value, ast.Name)
    }
    for item in ast.walk(node):
        if isinstance(item, ast.Call) and isinstance(item.func, ast.Attribute) and item.func.attr == "predict":
            given = ast.walk(item.args[0]) if item.args else ()
            shapes.update({name: name.id for name in given if isinstance(name, ast.Name)})
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
