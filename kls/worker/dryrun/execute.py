"""Runs the instrumented program: contains failing statements, bounds loops, follows unknown conditions.

`Runtime` is what one module's rewritten code calls (`instrument.RUNTIME`). A failing statement is either a fault that
Keras itself tells (`Failure`), or a gap in what can be known (`Gap`); after either, what the statement would have bound
is Unknown and the run goes on.
"""

from __future__ import annotations

import ast
import asyncio
import builtins
import os
import sys
import threading
import types
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, ClassVar, Optional

import keras
import numpy as np
import tensorflow as tf

from .. import progress
from ..comments import Comment, Spec
from ..protocol import Source, Span, Variable
from . import specs
from .arrays import VirtualArray
from .gathering import Lists
from .instrument import PASSING, RUNTIME, Program, Statement, instrument
from .loops import Loops
from .open_sizes import Open
from .places import from_home, is_own
from .state import Finished, Run
from .unknown import Counted, Number, Unknown, UnknownValue
from .unread import Flat, Form, Unread, class_of, either, form_of, made, put
from .unread_names import Names

_SWALLOWING = ("_GeneratorContextManager", "suppress", "_AssertRaisesContext", "RaisesContext", "RaisesExc")
"""Kinds of context managers that people use to expect an exception."""
_STARTING = (
    f"dryrun{os.sep}entries.py",
    f"click{os.sep}core.py",
    f"click{os.sep}decorators.py",
    f"{os.sep}typer{os.sep}core.py",
    f"{os.sep}typer{os.sep}main.py",
)
"""Files that only call what the author has written as the program's beginning."""
_PLAIN = frozenset((str, int, bool, type(None)))
"""Types of values of which nothing is told."""
_MOST_VARIABLES = 4000


def execute(run: Run, source: Source, module: types.ModuleType) -> None:
    """Run one module of the author in `module`.

    Raises SyntaxError when its text does not parse, Finished when the whole dry run is over.
    """
    program = instrument(source.text, source.path, source.path == run.main)
    runtime = Runtime(run, source.path, program)
    run.runtimes.append(runtime)
    module.__dict__[RUNTIME] = runtime
    try:
        _evaluate(program.tree, source.path, module)
    except Finished:
        if not run.left or program.entries is None:
            raise
    if program.entries is not None:
        _evaluate(program.entries, source.path, module)


def _evaluate(tree: ast.Module, path: str, module: types.ModuleType) -> None:
    # A notebook may wait at its top level; what the text says of that is the editor's business.
    code = compile(tree, path, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    waiting = eval(code, module.__dict__)
    if waiting is not None:
        asyncio.run(waiting)


def _passing(function: Callable[..., Any]) -> Callable[..., Any]:
    def passing(*arguments: Any, **keywords: Any) -> Any:
        for item in arguments:
            if isinstance(item, Names) and function in (len, list, tuple, sorted):
                return item.count() if function is len else item
            if isinstance(item, Unread) and form_of(item).rank == 1:
                if function is list:
                    return made(item, kind="array")
                if function is map and len(arguments) == 2 and arguments[0] in (int, float):
                    return made(item, kind="array", dtype=np.dtype(_NUMBERS[arguments[0]]), numeric=True)
            if isinstance(item, Unknown):
                if function in _NUMBERS:
                    return Number(item.reason, item.line, _NUMBERS[function])
                return Counted(item.reason, item.line) if function is range else item.unshaped()
        return function(*arguments, **keywords)

    return passing


_NUMBERS: dict[Any, str] = {len: "int64", int: "int64", float: "float64"}
"""Functions that give one number, and its dtype."""


def _is_instance(value: Any, kinds: Any) -> bool:
    """`isinstance`, for which a table that was not read is a table."""
    return issubclass(class_of(value), kinds) if isinstance(value, Unread) else isinstance(value, kinds)


def _as_if_called(error: BaseException) -> None:
    """Take the frames of `_passing` out of a traceback: the author's own line called the built-in function."""
    traceback = error.__traceback__
    while traceback is not None:
        following = traceback.tb_next
        while following is not None and following.tb_frame.f_code is _PASSING_CODE:
            following = following.tb_next
        traceback.tb_next = following
        traceback = following


_PASSING_CODE = _passing(len).__code__


class Runtime(Loops):
    """What the rewritten code of one module calls; statements are given by number."""

    passing: ClassVar = {name: _passing(getattr(builtins, name)) for name in PASSING} | {"isinstance": _is_instance}
    """Built-in functions by name, which answer an Unknown with itself."""

    def __init__(self, run: Run, path: str, program: Program) -> None:
        super().__init__(run, path, program.statements, Lists(run, self.awaits))
        self._specs = program.specs
        self._ignored = program.ignored if path == run.main else {}
        self._top = program.top
        self._functions = program.functions
        self._begun: set[int] = set()
        self._tries: list[tuple[FrameType, int, Callable[[], Any]]] = []

    def at(self, number: int) -> None:
        """A statement begins."""
        run = self._run
        if threading.get_ident() == run.thread:  # how far ahead TensorFlow's threads draw is never the same
            run.statements += 1
        statement = self._statements[number]
        self._begun.add(number)
        run.statement = (statement, self._path)
        run.statement_started = run.now()
        if run.over is not None:
            raise Finished(run.over)
        if run.statement_started[1] >= run.tell_at and threading.get_ident() == run.thread:
            run.tell_so_far()
        run.stood.clear()
        if run.failed_layers and not run.calling:
            # What became of their failure is settled: it was a gap, or the author caught it.
            run.failed_layers.clear()
        if self._path == run.main:
            progress.set(statement.node.lineno)
        if number in self._ignored:
            run.ignored.add(self._ignored[number])

    def given(self, place: int, current: Callable[[], Any]) -> Any:
        """What a name is that the author's comment gives a spec: the program's own value, else an array of the spec."""
        spec = self._specs[place]
        try:
            value = current()
        except NameError:
            value = Unknown(f"nothing gives `{spec.comment.name}` a value", spec.comment.line)
        try:
            if isinstance(value, Unknown):
                value = self._array(spec.comment)
            elif not isinstance(spec.binding, ast.arg):
                return value
            self._note_given(spec, value)
        except Exception as error:
            self._run.gap(self._place_of(spec.comment), "error", f"this spec gives no array: {error}")
        return value

    def flat(self, value: Any) -> Any:
        """What is reshaped has a shape afterwards, also where nothing was known of it; anything else as it is."""
        if type(value) is not Unknown or self._run.witnesses is None:
            return value
        return Flat(value.reason, value.line, Form(self._run.witnesses, kind="array"))

    def made(self, dtype: str, *sizes: Any) -> Any:
        """An array of a dtype and sizes, as a probe asks for it; None leaves a size open."""
        where = self._run.statement[0].node.lineno if self._run.statement is not None else 1
        shape = tuple(
            self._run.witnesses.left_open("", axis, where) if size is None else int(size)
            for axis, size in enumerate(sizes)
        )
        return VirtualArray.of(shape, _dtype(dtype), f"`{dtype}[…]` of the probe at line {where}")

    def _array(self, comment: Comment) -> Any:
        shape = tuple(
            self._run.witnesses.left_open(comment.name, axis, comment.line) if size is None else size
            for axis, size in enumerate(comment.shape)
        )
        return VirtualArray.of(shape, _dtype(comment.dtype), f"the `# kls:` comment at line {comment.line}")

    def _place_of(self, comment: Comment) -> Span:
        return Span(self._path, comment.line, comment.column, comment.line, comment.end_column)

    def _note_given(self, spec: Spec, value: Any) -> None:
        files, comment = self._run.files, self._place_of(spec.comment)
        whole = files.span_of_node(self._path, spec.statement) if spec.after else comment
        span = files.span_of_node(self._path, spec.binding) if spec.binding is not None else comment
        known = self._run.variables
        known[:] = [item for item in known if not (item.span == span and item.kind == "unknown")]
        self._note(spec.comment.name, value, span, whole, Statement(spec.statement, ()))

    def unentered(self) -> Iterator[Span]:
        """Where the functions stand of whose bodies no statement was carried out."""
        for node, numbers in self._functions:
            if numbers and self._begun.isdisjoint(numbers):
                yield self._run.files.span_of_node(self._path, node)

    def put(self, number: int, base: Callable[[], Any], attribute: str) -> None:
        """Make an attribute Unknown after the statement that should have set or changed it failed."""
        try:
            owner = base()
            if isinstance(getattr(owner, attribute, None), types.ModuleType):
                return  # `keras.layers` is as it was
            if not self._compile_failed(number, lambda: getattr(owner, attribute, None)):
                self._lost(getattr(owner, attribute, None), self.unknown(number))
                setattr(owner, attribute, self.unknown(number))
        except Exception:
            return

    def _compile_failed(self, number: int, found: Callable[[], Any]) -> bool:
        """Whether a failed statement only left a model without losses and metrics; what it computes is known."""
        node: Any = self._statements[number].node
        call = getattr(node, "value", None)
        if not (isinstance(node, ast.Expr) and isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
            return False
        model = found() if call.func.attr == "compile" else None
        if not isinstance(model, keras.Model):
            return False
        self._run.uncompiled[id(model)] = model, self.unknown(number)
        return True

    def changed(self, number: int, value: Callable[[], Any]) -> Any:
        """What a name stands for after its object's method failed: a module or a class is as it was."""
        try:
            now = value()
        except NameError:
            return self.unknown(number)
        as_it_was = isinstance(now, (types.ModuleType, type)) or self._compile_failed(number, lambda: now)
        return now if as_it_was else self._lost(now, self.unknown(number))

    def forget(self, number: int, name: str) -> None:
        """Make a global name Unknown after a function's statement that would have changed its object failed."""
        names = sys._getframe(1).f_globals
        if name not in names or isinstance(names[name], types.ModuleType):
            return
        if not self._compile_failed(number, lambda: names[name]):
            names[name] = self._lost(names[name], self.unknown(number))

    def contains(self, number: int) -> bool:
        """Whether the exception being handled ends at this statement; if so it has been recorded."""
        from .failures import is_ours, record

        error = sys.exc_info()[1]
        frame = sys._getframe(1)
        if error is None or isinstance(error, (Finished, GeneratorExit)):
            return False
        _as_if_called(error)
        if isinstance(self._statements[number].node, (ast.Try, ast.With, ast.AsyncWith)):
            self._tries = [item for item in self._tries if not (item[0] is frame and item[1] == number)]
        if self._library_between(frame) and not isinstance(error, FileNotFoundError):
            # No library waits for an exception because a file of the author's is not there, or an item not known.
            if not (isinstance(error, UnknownValue) and self._gives_item(number)):
                return False
        if isinstance(error, RecursionError) and frame.f_code.co_name != "<module>":
            # Each of the callers would try its luck again, and those of its callers: the whole recursion ends.
            return False
        if isinstance(error, SystemExit) and self._ends_program(number, frame):
            self._run.left = True
            raise Finished(f"the program ends itself at line {self.span(number).line}")
        if not is_ours(error) and self.awaits(error, frame):
            return False
        record(self._run, error, self._statements[number], self.span(number), frame)
        return True

    def _gives_item(self, number: int) -> bool:
        """Whether a statement does nothing but give an array, or a container, an item."""
        node = self._statements[number].node
        targets = node.targets if isinstance(node, ast.Assign) else []
        return bool(targets) and all(isinstance(target, ast.Subscript) for target in targets)

    def _ends_program(self, number: int, frame: FrameType) -> bool:
        """An exit that every run reaches: a statement of the module's own top level."""
        node = self._statements[number].node
        top = frame.f_code.co_name == "<module>" and number in self._top
        return top and isinstance(node, (ast.Expr, ast.Raise))

    def _library_between(self, frame: FrameType) -> bool:
        caller = frame.f_back
        while caller is not None:
            name = caller.f_code.co_filename
            if name.endswith(_STARTING):
                caller = caller.f_back
                continue
            if is_own(name):
                return not name.endswith(("execute.py", "callbacks.py"))
            if not self._run.files.owns(name) and f"{os.sep}asyncio{os.sep}" not in name:
                return True
            caller = caller.f_back
        return False

    def awaits(self, error: BaseException, frame: FrameType) -> bool:
        """Whether the author's own `try` around `frame` catches `error`."""
        active: set[FrameType] = set()
        walk: Optional[FrameType] = frame
        while walk is not None:
            active.add(walk)
            walk = walk.f_back
        self._tries = [item for item in self._tries if item[0] in active]
        for _, _, caught in self._tries:
            try:
                kinds = caught()
            except Exception:
                continue
            for kind in _classes(kinds):
                if isinstance(error, kind):
                    return True
        return False

    def bound(self, number: int, values: tuple[Any, ...]) -> None:
        """An assignment succeeded: remember the data it bound."""
        run = self._run
        statement = self._statements[number]
        for name, value in zip(statement.names, values):
            if type(value) in _PLAIN:
                continue
            try:
                self._note(name.id, value, run.files.span_of_node(self._path, name), self.span(number), statement)
            except Exception:
                continue

    def _note(self, name: str, value: Any, span: Span, whole: Span, statement: Statement) -> None:
        run = self._run
        for listener in run.on_bound:
            listener(name, value, span, whole)
        if isinstance(value, Unknown):
            reason = from_home(value.reason)
            variable = Variable(name, span, whole, "unknown", specs.tensors_of_unread(value), None, reason)
        else:
            kind = specs.kind_of(value)
            if kind is None:
                return
            tensors = specs.tensors_of(value)
            origin = getattr(value, "origin", None) or _source_of(run, self._path, statement.node)
            variable = Variable(
                name, span, whole, kind, tensors, origin, None, specs.values_of(value), id(value) & 0xFFFFFFFFFFFF
            )
            run.kept.append(value)
        again = (variable.span, variable.kind, variable.tensors, variable.reason)
        if len(run.variables) < _MOST_VARIABLES and again != run.last_bound.get(variable.span):
            run.last_bound[variable.span] = again
            run.variables.append(variable)

    def test(self, number: int, value: Any, leaves: bool) -> Optional[bool]:
        """The truth of an `if` test; None when it is not known, and False when the unknown branch would only leave."""
        try:
            return bool(value)
        except UnknownValue:
            self._unsure(number)
            return False if leaves else None

    def peek(self, names_now: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
        """What `names` stand for at the moment."""
        return {name: names_now[name] for name in names if name in names_now}

    def peek_all(self, names_now: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
        """What `names` of this scope, or of the module, stand for at the moment."""
        module = sys._getframe(1).f_globals
        return {name: names_now.get(name, module.get(name)) for name in names}

    def hold(self, values: dict[str, Any]) -> dict[str, Any]:
        """What both branches of an unknown test put something into, with what is in it before."""
        return {name: (value, _content(value)) for name, value in values.items()}

    def rewind(self, held: dict[str, Any]) -> None:
        """Take out again what the first branch put in, and remember it."""
        for name, (value, content) in held.items():
            if content is not None:
                grown = _content(value)
                _refill(value, content)
                held[name] = (value, grown)

    def settle(self, number: int, held: dict[str, Any], name: str, now: Any) -> Any:
        """What `name` stands for after both branches: Unknown where they filled it in two ways."""
        value, grown = held[name]
        if grown is None or now is not value or _alike(grown, _content(value)):
            return now
        line = self.span(number).line
        if isinstance(value, Unread):  # others may know it too
            put(value, tuple(Open() for _ in form_of(value).sizes), None)
            return value
        return Unknown(f"depends on the test at line {line}", line)

    def pick(self, before: dict[str, Any], name: str) -> Any:
        """What `name` stood for before the branch."""
        return before[name] if name in before else Unknown("set in one branch only", None)

    def merge(self, number: int, after: dict[str, Any], name: str, other: Any) -> Any:
        """One value for `name` after both branches ran: the same, or alike in shape and dtype, else Unknown."""
        if name not in after:
            return other
        one = after[name]
        if isinstance(one, Unread) and isinstance(other, Unread):
            if form_of(one).kind == form_of(other).kind and form_of(one).rank == form_of(other).rank:
                return either(one, other)
            return Unknown(f"depends on the test at line {self.span(number).line}", self.span(number).line)
        if one is other or isinstance(other, Unknown):
            return one
        try:
            kind = specs.kind_of(one)
            if kind is not None and kind == specs.kind_of(other) and specs.tensors_of(one) == specs.tensors_of(other):
                return one
            if isinstance(one, (int, str, float, bool, type(None))) and type(one) is type(other) and one == other:
                return one
        except Exception:
            pass
        return Unknown(f"depends on the test at line {self.span(number).line}", self.span(number).line)

    def returned(self, value: Any, tests: tuple[Optional[bool], ...]) -> Any:
        """A returned value; Unknown when the branch it stands in may not be the one taken."""
        if any(test is None for test in tests):
            return Unknown("returned from a branch whose test is not known", None)
        return value

    def context(self, number: int, manager: Any) -> Any:
        """The context manager of a `with` statement; one that may swallow exceptions is told of them."""
        if type(manager).__name__ in _SWALLOWING and not _of_judge(manager):
            self._tries.append((sys._getframe(1), number, lambda: Exception))
        return manager

    def try_open(self, number: int, caught: Callable[[], Any]) -> None:
        """The author's own `try` begins: exceptions it catches are the author's business."""
        self._tries.append((sys._getframe(1), number, caught))

    def try_close(self, number: int) -> None:
        """The body of the author's `try` is over, or one of its handlers begins."""
        if self._run.over is not None:
            raise Finished(self._run.over)
        frame = sys._getframe(1)
        self._tries = [item for item in self._tries if not (item[0] is frame and item[1] == number)]


def _dtype(name: str) -> Any:
    return object if name == "string" else tf.as_dtype(name).as_numpy_dtype


def _of_judge(manager: Any) -> bool:
    """Whether a context manager is a scope of TensorFlow or Keras, which swallows nothing."""
    code = getattr(getattr(manager, "gen", None), "gi_code", None)
    path = "" if code is None else code.co_filename.replace(os.sep, "/")
    return "/site-packages/tensorflow/" in path or "/site-packages/keras/" in path


def _content(value: Any) -> Any:
    """A copy of what a container or a Sequential holds; None for anything else."""
    if isinstance(value, (list, dict, set)):
        return value.copy()
    if isinstance(value, Unread):
        return form_of(value)
    return list(value._layers) if isinstance(value, keras.Sequential) else None


def _refill(value: Any, content: Any) -> None:
    if isinstance(value, keras.Sequential):
        while len(value._layers) > len(content):
            value.pop()
    elif isinstance(value, list):
        value[:] = content
    elif isinstance(value, Unread):
        put(value, content.sizes, content.columns, content.lacks, content.has)
    else:
        value.clear()
        value.update(content)


def _alike(one: Any, other: Any) -> bool:
    try:
        return bool(one == other)
    except Exception:
        return False


def _classes(kinds: Any) -> Iterator[type]:
    if isinstance(kinds, tuple):
        for kind in kinds:
            yield from _classes(kind)
    elif isinstance(kinds, type) and issubclass(kinds, BaseException):
        yield kinds


def _source_of(run: Run, path: str, node: ast.stmt) -> Optional[str]:
    value = getattr(node, "value", None)
    if not isinstance(value, ast.expr):
        return None
    text = " ".join(run.files.text(run.files.span_of_node(path, value)).split())
    return text if len(text) <= 80 else text[:77] + "…"
