"""What a dry run cannot know: `Unknown` stands for any value and silences every conclusion drawn from it.

An Unknown answers each attribute, call, index and operator with itself. Where a concrete value is demanded (`bool`,
`int`, `len`, iteration, hashing, an array) it raises `UnknownValue`, so that the statement at hand becomes Unknown too.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
import types
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn, Optional

__all__ = ["TEXT", "Counted", "Number", "Unknown", "UnknownValue", "Whole", "unknown_module"]

TEXT = "_unknown_"
"""What an Unknown is in a text, such as a layer's name: nothing may be concluded from a text that has it."""

_ANSWERED_DUNDERS = frozenset({"__version__", "__name__", "__qualname__"})


class UnknownValue(Exception):
    """A concrete value was asked of something that has none; the first argument says what is not known."""

    def __init__(self, reason: str = "a value that is not known", line: Optional[int] = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


class UnhashableUnknown(UnknownValue, TypeError):
    """An Unknown was asked for its hash; a TypeError too, so that libraries treat it as any unhashable object."""


class UnknownBase:
    """What a class of the author inherits when its base is Unknown: its instances are Unknown as well."""

    def __new__(cls, *_: Any, **__: Any) -> Any:
        return Unknown(f"an instance of {cls.__name__}, whose base class is not known")


class Unknown:
    """A value of which nothing is known but why: `reason`, and the author's line where it arose."""

    __slots__ = ("__weakref__", "_line", "_reason")

    _line: Optional[int]
    _reason: str

    def __init__(self, reason: str = "a value that is not known", line: Optional[int] = None) -> None:
        object.__setattr__(self, "_reason", reason)
        object.__setattr__(self, "_line", line)

    @property
    def reason(self) -> str:
        """Why the value is not known, in words."""
        return self._reason

    def unshaped(self) -> Unknown:
        """Itself; where a shape is known all the same, an Unknown without it, which stands for anything derived."""
        return self

    @property
    def line(self) -> Optional[int]:
        """The author's line from which on it is not known, counted from 1."""
        return self._line

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__") and name not in _ANSWERED_DUNDERS:
            raise AttributeError(name)
        return self

    def __setattr__(self, name: str, value: Any) -> None:
        return None

    def __delattr__(self, name: str) -> None:
        return None

    def __call__(self, *_: Any, **__: Any) -> Any:
        """Itself, whatever it is called with."""
        return self

    def __getitem__(self, key: Any) -> Any:
        return self

    def __setitem__(self, key: Any, value: Any) -> None:
        return None

    def __delitem__(self, key: Any) -> None:
        return None

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: Any) -> bool:
        return False

    async def __aenter__(self) -> Any:
        return self

    async def __aexit__(self, *_: Any) -> bool:
        return False

    def __await__(self) -> Iterator[Any]:
        return self
        yield

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        unknown = [base for base in bases if isinstance(base, Unknown)]
        return (UnknownBase,) if len(unknown) == len(bases) and unknown[0] is self else ()

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **keywords: Any) -> Any:
        return self

    def __array_function__(self, func: Any, kinds: Any, args: Any, keywords: Any) -> Any:
        return self

    def __repr__(self) -> str:
        return f"<unknown: {self._reason}>"

    def __str__(self) -> str:
        return TEXT

    def __format__(self, spec: str) -> str:
        return TEXT

    def __hash__(self) -> int:
        raise UnhashableUnknown(self._reason, self._line)

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: Any) -> Any:
        return self

    def __round__(self, digits: Any = None) -> Any:
        return self

    def __divmod__(self, other: Any) -> Any:
        return self, self

    def __rdivmod__(self, other: Any) -> Any:
        return self, self


class OfFault(Unknown):
    """What a statement that fails would have made: of it not even the form is guessed, since what does not fit there
    would only be the same fault once more."""

    __slots__ = ()


class Whole(Unknown):
    """A whole number that nobody knows, such as the count of a loop: how far it is from a sum with it is known."""

    __slots__ = ("_base", "_offset")

    _base: object
    _offset: int

    def __init__(self, reason: str, line: Optional[int], base: Optional[object] = None, offset: int = 0) -> None:
        super().__init__(reason, line)
        object.__setattr__(self, "_base", object() if base is None else base)
        object.__setattr__(self, "_offset", offset)

    def unshaped(self) -> Unknown:
        """What is left where it does not matter that this is a number."""
        return Unknown(self.reason, self.line)

    def _moved(self, other: Any, sign: int) -> Any:
        if isinstance(other, int) and not isinstance(other, bool):
            return Whole(self.reason, self.line, self._base, self._offset + sign * other)
        return Whole(self.reason, self.line) if isinstance(other, Whole) else self.unshaped()

    def __add__(self, other: Any) -> Any:
        return self._moved(other, 1)

    def __radd__(self, other: Any) -> Any:
        return self._moved(other, 1)

    def __sub__(self, other: Any) -> Any:
        return self._moved(other, -1)

    def before(self, other: Whole) -> Optional[int]:
        """How much larger `other` is, None where that is not known."""
        return other._offset - self._offset if other._base is self._base else None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.unshaped(), name)


def _another(self: Whole, *_: Any) -> Whole:
    return Whole(self.reason, self.line)


def _unshaped(self: Whole, *_: Any) -> Unknown:
    return self.unshaped()


for _name in "mul rmul floordiv rfloordiv mod rmod rsub neg abs round".split():
    setattr(Whole, f"__{_name}__", _another)
for _name in "truediv rtruediv pow rpow and rand or ror xor rxor lshift rlshift rshift rrshift".split():
    setattr(Whole, f"__{_name}__", _unshaped)


class Counted(Unknown):
    """A `range` whose end nobody knows."""

    __slots__ = ()

    def unshaped(self) -> Unknown:
        """What is left where it does not matter that these are numbers."""
        return Unknown(self.reason, self.line)


class Number(Unknown):
    """One number that nobody knows, of which the dtype is known."""

    __slots__ = ("_dtype",)

    _dtype: str

    def __init__(self, reason: str, line: Optional[int], dtype: str) -> None:
        super().__init__(reason, line)
        object.__setattr__(self, "_dtype", dtype)

    @property
    def kind(self) -> str:
        """The name of its dtype."""
        return self._dtype

    def unshaped(self) -> Unknown:
        """What is left where it does not matter that this is one number."""
        return Unknown(self.reason, self.line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.unshaped(), name)


def _demanded(self: Unknown, *_: Any, **__: Any) -> NoReturn:
    raise UnknownValue(self.reason, self.line)


def _itself(self: Unknown, *_: Any) -> Any:
    return self


_BINARY = "add sub mul truediv floordiv mod pow matmul and or xor lshift rshift".split()
for _name in ["lt", "le", "gt", "ge", "eq", "ne", "neg", "pos", "abs", "invert", "trunc", "floor", "ceil", *_BINARY]:
    setattr(Unknown, f"__{_name}__", _itself)
for _name in _BINARY:
    setattr(Unknown, f"__r{_name}__", _itself)
for _name in [*_BINARY, *(f"r{name}" for name in _BINARY), *"lt le gt ge eq ne call getitem".split()]:
    setattr(Number, f"__{_name}__", lambda self, *_, **__: self.unshaped())
Number.__hash__ = Unknown.__hash__  # type: ignore[method-assign]
for _name in (
    "bool int float complex index len iter next reversed contains bytes fspath array instancecheck subclasscheck "
    "aiter anext"
).split():
    setattr(Unknown, f"__{_name}__", _demanded)


class _UnknownModule(types.ModuleType):
    """A module of which every attribute is Unknown."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__") and name not in _ANSWERED_DUNDERS:
            raise AttributeError(name)
        return Unknown(self.__dict__["_kls_reason"])


def unknown_module(name: str, reason: str) -> types.ModuleType:
    """A module object whose every attribute is Unknown for `reason`; importing its submodules works too.

    The caller puts it into `sys.modules` or hands it to the import system.
    """
    module = _UnknownModule(name)
    module.__dict__.update(__path__=[], __all__=[], __file__=None, _kls_reason=reason)
    if not any(isinstance(finder, _Submodules) for finder in sys.meta_path):
        sys.meta_path.append(_Submodules())
    return module


class _Submodules(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the submodules of unknown modules."""

    def find_spec(
        self, fullname: str, path: Optional[Sequence[str]], target: Optional[types.ModuleType] = None
    ) -> Optional[importlib.machinery.ModuleSpec]:
        parent = sys.modules.get(fullname.rpartition(".")[0])
        if isinstance(parent, _UnknownModule):
            return importlib.machinery.ModuleSpec(fullname, self, is_package=True)
        return None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        parent = sys.modules[spec.name.rpartition(".")[0]]
        return unknown_module(spec.name, parent.__dict__["_kls_reason"])

    def exec_module(self, module: types.ModuleType) -> None:
        return None
